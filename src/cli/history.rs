//! `conformd history`: deliveries, losses and used approvals, as the record has them.
//!
//! It reads the file beside a running daemon and takes no lock. What happened in AWS without
//! conformd is there only as far as conformd noticed it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;

use super::exit::WrongName;
use super::plan::chosen;
use super::terminal::table::bordered;
use super::terminal::{layout, print};
use crate::cli::settings;
use crate::clock::Clock;
use crate::config::{Config, SettingsFile};
use crate::domain::base::failure::chain;
use crate::domain::base::model::{PackName, Region, Revision, Timestamp};
use crate::domain::base::nearest::did_you_mean;
use crate::domain::base::time::to_second;
use crate::domain::base::untrusted::{escaped, flowing};
use crate::domain::plan::record::{
    ApprovalUse, DeliveredPut, LossCause, LossEntry, LossKey, LossKind, LossState,
};
use crate::record::RecordReader;
use crate::session::{constraints, directory, record_terms};
use crate::text::broken;
use crate::text::csv::{cell, csv_file};

/// Characters of a name from elsewhere.
const NAME_MAX: usize = 200;
/// Characters of a revision in the table: a digest or a commit is recognized by its first ones.
const REVISION_SHOWN: usize = 16;

/// The narrowest terminal with a table: it has seven columns, and a date takes 20 characters.
const TABLE_WIDTH_MIN: u16 = 120;

/// The columns of the table and of CSV.
const HEAD: [&str; 7] = ["time", "kind", "region", "pack", "what", "approval", "revision"];

/// Entries that are shown if nothing else is asked for.
const LIMIT: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not 0");

/// Arguments of `history`.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// Only these packs.
    #[arg(value_name = "PACK")]
    packs: Vec<PackName>,
    #[command(flatten)]
    settings: SettingsFile,
    /// Only these regions, which must be in aws.regions of the settings or in the record.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// Only what happened within this time.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// At most so many entries, the newest.
    #[arg(long, value_name = "NUMBER", default_value_t = LIMIT)]
    limit: NonZeroUsize,
    /// Output format.
    #[arg(short, long, value_enum, default_value = "text")]
    output: HistoryOutput,
}

/// How a history is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum HistoryOutput {
    /// A table
    Text,
    /// A document with all entries
    Json,
    /// A header and a line for each entry
    Csv,
}

/// The JSON of `history -o json`.
#[derive(Debug, Serialize)]
struct HistoryDocument {
    version: u32,
    entries: Vec<HistoryEntry>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
struct HistoryEntry {
    at: Timestamp,
    /// `delivery`, `loss` or `approval`.
    kind: &'static str,
    region: Region,
    pack: PackName,
    /// What was delivered, lost or permitted.
    what: String,
    /// The approval that permitted it.
    approval: Option<String>,
    revision: Option<Revision>,
}

/// Prints what the record has.
pub(super) async fn run(args: HistoryArgs) -> anyhow::Result<ExitCode> {
    let config = settings::settings(&args.settings)?;
    let terms = record_terms(&config, "");
    let read = move || RecordReader::open(&terms).and_then(|record| record.past());
    let past = tokio::task::spawn_blocking(read).await?;
    let past = match past {
        Ok(past) => past,
        Err(none) => {
            chosen(&args.regions, config.aws.regions.iter())?;
            bail!("there is no history: {}", chain(&none));
        }
    };
    let deliveries = deliveries(past.deliveries);
    let losses = past.losses.into_iter().map(loss);
    let uses = past.uses.into_iter().map(approval);
    let mut entries: Vec<HistoryEntry> = deliveries.into_iter().chain(losses).chain(uses).collect();
    // What happened in a region that the settings do not have any more is still history.
    let recorded = entries.iter().map(|one| &one.region);
    let regions: BTreeSet<Region> = config.aws.regions.iter().chain(recorded).cloned().collect();
    chosen(&args.regions, regions.iter())?;
    known(&args.packs, &entries, &config)?;
    let is_empty = entries.is_empty();
    let now = Clock::system().now();
    entries.retain(|one| args.wants(one, now));
    entries.sort_by_key(|one| one.at);
    let entries = entries.split_off(entries.len().saturating_sub(args.limit.get()));
    match args.output {
        HistoryOutput::Text if is_empty => print("Nothing is recorded.\n")?,
        HistoryOutput::Text if entries.is_empty() => print("Nothing matches.\n")?,
        HistoryOutput::Text => print(&text(&entries, layout(false).width))?,
        HistoryOutput::Json => {
            let document = HistoryDocument { version: 1, entries };
            print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
        HistoryOutput::Csv => print(&as_csv(&entries))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An error if a pack is asked for that neither the record nor a manifest names, but a similar one.
/// Any other name may be that of a pack that the record has forgotten.
fn known(asked: &[PackName], entries: &[HistoryEntry], config: &Config) -> Result<(), WrongName> {
    let recorded: BTreeSet<&str> = entries.iter().map(|one| one.pack.as_str()).collect();
    let mut unknown = asked.iter().filter(|pack| !recorded.contains(pack.as_str()));
    let similar = unknown
        .find_map(|pack| Some((pack, did_you_mean(pack.as_str(), recorded.iter().copied())?)));
    let Some((pack, hint)) = similar else { return Ok(()) };
    let read = directory(config).and_then(|source| Ok(source.read_catalog(&constraints(config))?));
    if read.is_ok_and(|(_, catalog)| catalog.packs.contains_key(pack)) {
        return Ok(());
    }
    Err(WrongName(format!("neither the record nor a manifest has a pack {pack}; {hint}")))
}

impl HistoryArgs {
    fn wants(&self, entry: &HistoryEntry, now: Timestamp) -> bool {
        let age = now.duration_since(entry.at);
        let age = Duration::try_from(age).unwrap_or_default();
        (self.packs.is_empty() || self.packs.contains(&entry.pack))
            && (self.regions.is_empty() || self.regions.contains(&entry.region))
            && self.since.is_none_or(|since| age <= since)
    }
}

/// The deliveries, each compared with the one before it of the same pack in the same region.
fn deliveries(mut puts: Vec<DeliveredPut>) -> Vec<HistoryEntry> {
    puts.sort_by_key(|put| put.at.wall);
    let mut last = BTreeMap::new();
    let mut entries = Vec::new();
    for put in puts {
        let place = (put.region.clone(), put.pack.clone());
        let before = last.insert(place, put.clone());
        entries.push(delivery(put, before.as_ref()));
    }
    entries
}

fn delivery(put: DeliveredPut, before: Option<&DeliveredPut>) -> HistoryEntry {
    let (old, how) = match before {
        // The pack may be older than the record.
        None => (String::new(), ""),
        Some(before) if before.template != put.template => {
            (format!("{} → ", before.template.short()), "")
        }
        Some(before) if before.parameters != put.parameters => {
            (String::new(), ", other parameter values")
        }
        Some(_) => (String::new(), ", put again"),
    };
    let DeliveredPut { at, region, pack, template, parameters, revision } = put;
    let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(", parameters {}", escaped(&names.join(" ")))
    };
    let what = format!("template {old}{}{names}{how}", template.short());
    HistoryEntry { at: at.wall, kind: "delivery", region, pack, what, approval: None, revision }
}

fn loss(entry: LossEntry) -> HistoryEntry {
    let LossEntry { at, key, count, cause, state, approval, revision } = entry;
    let by = match cause {
        LossCause::Own => "",
        LossCause::External => ", by others",
    };
    let state = match state {
        LossState::Confirmed => "",
        LossState::Given => ", outcome unknown",
        LossState::Retracted => ", did not happen",
    };
    let what = format!("{}{by}{state}", lost(&key, count));
    let LossKey { region, pack, kind: _, name: _ } = key;
    HistoryEntry { at: at.wall, kind: "loss", region, pack, what, approval, revision }
}

fn approval(used: ApprovalUse) -> HistoryEntry {
    let ApprovalUse { approval: _, name, key, at, revision } = used;
    let what = format!("permitted: {}", lost(&key, 1));
    let LossKey { region, pack, kind: _, name: _ } = key;
    let approval = Some(name);
    HistoryEntry { at: at.wall, kind: "approval", region, pack, what, approval, revision }
}

fn lost(key: &LossKey, count: u32) -> String {
    let name = escaped(&key.name);
    match key.kind {
        LossKind::Pack => "pack deleted".to_owned(),
        LossKind::Rule => format!("rule {name}"),
        LossKind::Rules => format!("{count} rules"),
        LossKind::Account => format!("account {name} excluded"),
        LossKind::Adoption => "former content, by adoption".to_owned(),
    }
}

/// A table, or lines where a table would break dates and names.
fn text(entries: &[HistoryEntry], width: Option<u16>) -> String {
    if width.is_some_and(|width| width < TABLE_WIDTH_MIN) {
        return entries.iter().map(|entry| lines(entry, width)).collect();
    }
    let mut table = bordered(HEAD);
    for HistoryEntry { at, kind, region, pack, what, approval, revision } in entries {
        let revision = revision.as_ref().map(|it| flowing(&it.0, REVISION_SHOWN));
        table.add_row([
            to_second(*at).to_string(),
            (*kind).to_owned(),
            region.to_string(),
            pack.to_string(),
            flowing(what, NAME_MAX),
            approval.as_deref().map(|name| flowing(name, NAME_MAX)).unwrap_or_default(),
            revision.unwrap_or_default(),
        ]);
    }
    format!("{table}\n")
}

/// An entry as a line, with what happened beneath it.
fn lines(entry: &HistoryEntry, width: Option<u16>) -> String {
    let HistoryEntry { at, kind, region, pack, what, approval, revision } = entry;
    let mut details = vec![flowing(what, NAME_MAX)];
    details.extend(approval.as_deref().map(|name| format!("approval {}", flowing(name, NAME_MAX))));
    let revision = revision.as_ref().map(|it| flowing(&it.0, REVISION_SHOWN));
    details.extend(revision.map(|revision| format!("revision {revision}")));
    let head = format!("{}  {kind}  {region}  {pack}\n", to_second(*at));
    head + &broken(&details.join("; "), width)
}

/// Nothing is cut here: a file is read by programs.
fn as_csv(entries: &[HistoryEntry]) -> String {
    let rows = entries.iter().map(|entry| {
        let HistoryEntry { at, kind, region, pack, what, approval, revision } = entry;
        let revision = revision.as_ref().map(|it| it.0.as_str()).unwrap_or_default();
        let approval = approval.as_deref().unwrap_or_default();
        let cells = [kind, region.as_str(), pack.as_str(), what, approval, revision];
        let [kind, region, pack, what, approval, revision] = cells.map(cell);
        [to_second(*at).to_string(), kind, region, pack, what, approval, revision]
    });
    csv_file(HEAD, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_breaks_no_date_and_no_word() {
        let entry = HistoryEntry {
            at: "2026-11-30T21:53:14Z".parse().unwrap(),
            kind: "delivery",
            region: "us-east-1".parse().unwrap(),
            pack: "identity".parse().unwrap(),
            what: "template 067f6d02 → 51c2a9e0, parameters KeyAgeMax PasswordAge".to_owned(),
            approval: None,
            revision: Some(Revision("dir:5f0c1d9a".to_owned())),
        };
        for width in [60, 80] {
            let shown = text(std::slice::from_ref(&entry), Some(width));
            for word in ["2026-11-30T21:53:14Z", "us-east-1", "PasswordAge;", "dir:5f0c1d9a"] {
                assert!(shown.split_whitespace().any(|one| one == word), "{word}: {shown}");
            }
            let most = shown.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(most <= usize::from(width), "{shown}");
        }
    }
}
