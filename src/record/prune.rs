//! What is forgotten: by age, and by size.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::Connection;

use super::fault::RecordFault;
use super::{cells, database};
use crate::domain::base::model::{Marker, Timestamp};
use crate::domain::base::stamp::{Stamp, age};
use crate::domain::plan::record::{Deployment, LOSS_WINDOW};

/// How long a use of an approval is kept at least: an approval lives for 7 days (design, section
/// 5), and a day is for clocks that differ.
const APPROVAL_MAX: Duration = Duration::from_hours(8 * 24);

/// The newest delivery of a pack that is there stays whatever its age.
const OLD_DELIVERIES: &str = "id NOT IN (
    SELECT max(delivered.id) FROM deliveries AS delivered JOIN deployments USING (region, pack)
    GROUP BY region, pack)";

/// Rounds of making space: each takes a quarter of what is oldest.
const ROUNDS_MAX: usize = 40;

/// Tables with the prefix of their moment and how long their rows stay at least.
const TABLES: [(&str, &str, &str, Duration); 5] = [
    ("events", "at", "1", Duration::ZERO),
    ("deliveries", "at", OLD_DELIVERIES, Duration::ZERO),
    ("losses", "at", "1", LOSS_WINDOW),
    ("approvals_used", "at", "1", APPROVAL_MAX),
    ("approvals_read", "at", "1", APPROVAL_MAX),
];

/// Forgets what is older than `retention`, and as much history as it takes to stay below the size
/// that is allowed. Losses of the last 24 hours, what is held, and approvals that could still be in
/// the source are never forgotten.
pub(super) fn prune(
    connection: &mut Connection,
    bytes_max: u64,
    retention: Duration,
    now: &Stamp,
) -> Result<(), RecordFault> {
    let transaction = database::write(connection)?;
    for (table, prefix, extra, least) in TABLES {
        let keep = retention.max(least);
        for id in aged(&transaction, table, prefix, extra, keep, now)? {
            transaction.execute(&format!("DELETE FROM {table} WHERE id = ?"), [id])?;
        }
    }
    forget_templates(&transaction)?;
    transaction.commit()?;
    shrink(connection, bytes_max, now)?;
    // Each step gives one page back.
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut steps = vacuum.query([])?;
    while steps.next()?.is_some() {}
    Ok(())
}

/// The rows of a table that are this old by every clock.
fn aged(
    connection: &Connection,
    table: &str,
    prefix: &str,
    extra: &str,
    keep: Duration,
    now: &Stamp,
) -> Result<Vec<i64>, RecordFault> {
    // What the time of day alone shows to be young is young.
    let before = now.wall.checked_sub(keep).unwrap_or(Timestamp::MIN).as_microsecond();
    let columns = ["wall", "aws", "boot", "uptime"].map(|clock| format!("{prefix}_{clock}"));
    let stamps = cells::stamps(
        connection,
        &format!(
            "SELECT id, {} FROM {table} WHERE {prefix}_wall <= ? AND {extra} ORDER BY id",
            columns.join(", ")
        ),
        before,
    )?;
    let old = stamps.into_iter().filter(|(_, stamp)| age(stamp, now) >= keep);
    Ok(old.map(|(id, _)| id).collect())
}

/// Templates that no delivery names any more and that no deployment shows.
fn forget_templates(connection: &Connection) -> Result<(), RecordFault> {
    let deployments = cells::select::<Deployment>(connection, "", Vec::new())?;
    let shown = deployments.iter().filter_map(|(_, it)| it.marker.parse::<Marker>().ok());
    let shown: BTreeSet<String> = shown.map(|marker| marker.template.to_string()).collect();
    let sql = "SELECT digest FROM templates WHERE digest NOT IN (SELECT template FROM deliveries)";
    let mut statement = connection.prepare(sql)?;
    let old = statement.query_map([], |row| row.get::<_, String>(0))?;
    for digest in old.collect::<Result<Vec<_>, _>>()? {
        if !shown.contains(&digest) {
            connection.execute("DELETE FROM templates WHERE digest = ?", [digest])?;
        }
    }
    Ok(())
}

/// Forgets the oldest history until the rest fits: events before deliveries before losses.
pub(super) fn shrink(
    connection: &mut Connection,
    bytes_max: u64,
    now: &Stamp,
) -> Result<(), RecordFault> {
    for _ in 0..ROUNDS_MAX {
        // Room for what comes before the next time.
        if database::size(connection)? <= bytes_max.saturating_mul(9) / 10 {
            return Ok(());
        }
        let transaction = database::write(connection)?;
        let mut forgot = false;
        for (table, prefix, extra, least) in TABLES {
            let old = aged(&transaction, table, prefix, extra, least, now)?;
            for id in old.iter().take(old.len().div_ceil(4)) {
                transaction.execute(&format!("DELETE FROM {table} WHERE id = ?"), [id])?;
                forgot = true;
            }
            if forgot {
                break;
            }
        }
        forget_templates(&transaction)?;
        transaction.commit()?;
        if !forgot {
            return Ok(());
        }
    }
    Ok(())
}
