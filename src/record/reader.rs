//! Reading the record: by the process that writes it, or by a command beside that process.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::cells::{TableRow, select};
use super::fault::{RecordFault, Unrecorded, no_record};
use super::rows::{RecordOwner, kind_word};
use super::terms::RecordTerms;
use super::{database, place};
use crate::domain::base::model::Digest;
use crate::domain::base::stamp::{Stamp, age};
use crate::domain::plan::record::{
    ApprovalUse, DeliveredPut, Deployment, EventEntry, EventQuery, LOSS_WINDOW, LossEntry, LossId,
    LossState, NoRecord, NoRecordCause, RecordedPast, TemplateText,
};
use crate::record::identity::identity;
use crate::record::terms::FILE;

/// The newest row of each pack and region. Rows are numbered as they are added.
const NEWEST: &str = "WHERE id IN (SELECT max(id) FROM deliveries GROUP BY region, pack)";

/// Everything that was delivered, lost and permitted, as far as it is kept; the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedHistory {
    /// Puts that AWS accepted, or may have.
    pub deliveries: Vec<DeliveredPut>,
    /// Losses, those included that did not happen.
    pub losses: Vec<LossEntry>,
    /// Sentences of approvals that were used.
    pub uses: Vec<ApprovalUse>,
}

/// A record that is only read: no lock is taken, and nothing is moved or made.
#[derive(Debug)]
pub struct RecordReader {
    connection: Connection,
    path: PathBuf,
    identity: RecordOwner,
}

impl RecordReader {
    /// Opens the record of these terms without changing it.
    pub fn open(terms: &RecordTerms) -> Result<Self, NoRecord> {
        let Some(directory) = &terms.directory else { return Err(not_configured()) };
        let named = directory.join(FILE);
        let no = |fault: RecordFault| only_no_record(fault.at(&named));
        let path = place::real(directory).unwrap_or_else(|_| named.clone());
        // A missing record is not damaged: before the first start it is normal, and its advice is
        // another one.
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let found = "there is none yet";
                return Err(no_record(NoRecordCause::NotBegun, &named, found));
            }
            Err(_) | Ok(_) => {}
        }
        let connection = database::open_to_read(&path).map_err(no)?;
        let identity = identity(&connection, terms).map_err(no)?;
        Ok(Self { connection, path: named, identity })
    }

    /// Whether its disk accepts writes, as far as that is the same for every user: the command that
    /// checks may run as another user than the daemon.
    pub fn check_disk(&self) -> Result<(), NoRecord> {
        match OpenOptions::new().append(true).open(&self.path) {
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                Err(no_record(NoRecordCause::Denied, &self.path, "its disk is read-only"))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// When the record began.
    pub fn began(&self) -> &Stamp {
        &self.identity.began
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> Result<u64, NoRecord> {
        self.or_no_record(database::size(&self.connection))
    }

    /// What counts now.
    pub fn window(&self, now: &Stamp) -> Result<RecordedPast, NoRecord> {
        self.or_no_record(window(&self.connection, now))
    }

    /// Events, the newest first.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<EventEntry>, NoRecord> {
        self.or_no_record(events(&self.connection, query))
    }

    /// What is kept of deliveries, losses and approvals.
    pub fn past(&self) -> Result<RecordedHistory, NoRecord> {
        self.or_no_record(past(&self.connection))
    }

    /// A template that was delivered.
    pub fn template(&self, digest: &Digest) -> Result<Option<TemplateText>, NoRecord> {
        self.or_no_record(template(&self.connection, digest))
    }

    fn or_no_record<T>(&self, read: Result<T, RecordFault>) -> Result<T, NoRecord> {
        read.map_err(|fault| only_no_record(fault.at(&self.path)))
    }
}

/// A read uses no approval.
pub(super) fn only_no_record(error: Unrecorded) -> NoRecord {
    match error {
        Unrecorded::NoRecord(none) => none,
        used @ Unrecorded::AlreadyUsed { .. } => {
            NoRecord { cause: NoRecordCause::Failed, why: used.to_string() }
        }
    }
}

/// No directory is named.
pub(super) fn not_configured() -> NoRecord {
    NoRecord {
        cause: NoRecordCause::NotConfigured,
        why: "no directory for the record is configured".to_owned(),
    }
}

fn values<R: TableRow>(connection: &Connection, tail: &str) -> Result<Vec<R>, RecordFault> {
    let rows = select::<R>(connection, tail, Vec::new())?;
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn past(connection: &Connection) -> Result<RecordedHistory, RecordFault> {
    Ok(RecordedHistory {
        deliveries: values(connection, "ORDER BY id")?,
        losses: values(connection, "ORDER BY id")?,
        uses: values(connection, "ORDER BY id")?,
    })
}

pub(super) fn window(connection: &Connection, now: &Stamp) -> Result<RecordedPast, RecordFault> {
    // Which ones still count is not SQL's to say: no single clock decides it.
    let losses = select::<LossEntry>(connection, "ORDER BY id", Vec::new())?;
    let counts = |entry: &LossEntry| {
        entry.state != LossState::Retracted && age(&entry.at, now) < LOSS_WINDOW
    };
    let losses = losses.into_iter().filter(|(_, entry)| counts(entry));
    let spot = |region: &_, pack: &_| (Clone::clone(region), Clone::clone(pack));
    let deliveries: Vec<DeliveredPut> = values(connection, NEWEST)?;
    let deployments: Vec<Deployment> = values(connection, "ORDER BY id")?;
    Ok(RecordedPast {
        losses: losses.map(|(id, entry)| (LossId(id), entry)).collect(),
        held: values(connection, "ORDER BY id")?,
        uses: values(connection, "ORDER BY id")?,
        reads: values(connection, "ORDER BY id")?,
        levels: values(connection, "ORDER BY id")?,
        deliveries: deliveries.into_iter().map(|it| (spot(&it.region, &it.pack), it)).collect(),
        deployments: deployments.into_iter().map(|it| (spot(&it.region, &it.pack), it)).collect(),
    })
}

pub(super) fn events(
    connection: &Connection,
    query: &EventQuery,
) -> Result<Vec<EventEntry>, RecordFault> {
    let EventQuery { kind, region, pack, account, count_max } = query;
    let columns = [
        ("kind", kind.map(kind_word)),
        ("region", region.as_ref().map(ToString::to_string)),
        ("pack", pack.as_ref().map(ToString::to_string)),
        ("account", account.as_ref().map(ToString::to_string)),
    ];
    let (mut tail, mut arguments) = ("WHERE 1".to_owned(), Vec::new());
    for (column, wanted) in columns {
        if let Some(wanted) = wanted {
            tail.extend([" AND ", column, " = ?"]);
            arguments.push(Value::Text(wanted));
        }
    }
    tail.push_str(" ORDER BY id DESC LIMIT ?");
    arguments.push(Value::Integer((*count_max).into()));
    let rows = select::<EventEntry>(connection, &tail, arguments)?;
    Ok(rows.into_iter().map(|(_, entry)| entry).collect())
}

pub(super) fn template(
    connection: &Connection,
    digest: &Digest,
) -> Result<Option<TemplateText>, RecordFault> {
    let arguments = vec![Value::Text(digest.to_string())];
    let rows = select::<TemplateText>(connection, "WHERE digest = ?", arguments)?;
    Ok(rows.into_iter().next().map(|(_, template)| template))
}
