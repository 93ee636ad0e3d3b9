//! How views read: one text for the command line and for `?format=text`.
//!
//! Lines begin as in plans: two spaces and a sign, `!` where a person is needed, `?` where nothing
//! is known, `~` where something is under way. Without colour and without width nothing is lost.

mod account;
mod table;

use std::fmt::Write as _;

use super::cell::{CellState, CellView};
use super::cell::{Lift, lift};
use super::health::{HealthState, Subject, failing};
use super::newcomers::{NewAccountView, NewcomersView};
use super::region::RegionView;
use super::status::StatusView;
use super::trouble::TroubleView;
use super::words::{ago, first_few, left, many};
use crate::domain::arrival::Verdict;
use crate::domain::failure_class::Mover;
use crate::domain::foreign::flowing;
use crate::domain::member::{Counts, StatusKind};
use crate::domain::model::{PackName, Region, Timestamp};
use crate::domain::newcomer::Phase;
use crate::domain::plan::ActionKind;
use std::collections::{BTreeMap, BTreeSet};
use table::{Grid, section};

pub use account::account;

/// Characters of one foreign text that are shown.
const TEXT_MAX: usize = 1_024;
/// Account ids that are listed of one trouble.
const IDS_MAX: usize = 3;

/// Foreign text on one line.
fn clean(text: &str) -> String {
    flowing(text, TEXT_MAX)
}

/// How much is said, and how wide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// Columns of the terminal; `None`: lines are as long as they are.
    pub width: Option<u16>,
    /// Whether names, counts and ages of every pack are said too.
    pub wide: bool,
}

/// The signs of lines.
const FINE: &str = " ";
const MOVING: &str = "~";
const NEEDY: &str = "!";
const DARK: &str = "?";

/// The status: the answer first, then what is not as it should be.
pub fn status(view: &StatusView, layout: Layout) -> String {
    let mut page = String::new();
    if view.simulated {
        page.push_str("SIMULATED: no AWS account is looked at or changed\n");
    }
    writeln!(page, "{}: {}", view.health.state.as_str(), clean(&view.health.summary))
        .expect("writing into a string does not fail");
    let parts = [
        general(view, layout),
        overview(&view.regions, layout),
        if layout.wide { packs(view, layout) } else { String::new() },
        troubles(&view.troubles, layout),
        newcomers(&view.newcomers, layout),
        held(view, layout),
        dark(view, layout),
    ];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        page.push('\n');
        page.push_str(part);
    }
    page
}

/// What is the matter beyond packs and regions.
fn general(view: &StatusView, layout: Layout) -> String {
    let is_general = |subject: Subject| match subject {
        Subject::Source | Subject::Caller | Subject::Organization => true,
        Subject::Region | Subject::Pack | Subject::Accounts => false,
    };
    let reasons = view.health.reasons.iter().filter(|reason| is_general(reason.subject));
    let rows = reasons.map(|reason| {
        let subject = match reason.subject {
            Subject::Source => "source",
            Subject::Caller => "identity",
            Subject::Organization => "account list",
            Subject::Region | Subject::Pack | Subject::Accounts => "",
        };
        let sign = if reason.state == HealthState::Unknown { DARK } else { NEEDY };
        let advice = view.organization.list.to_do.as_ref();
        let advice = advice.filter(|_| reason.subject == Subject::Organization);
        let text: Vec<String> =
            [Some(&reason.why), advice].into_iter().flatten().map(|text| clean(text)).collect();
        [sign.to_owned(), subject.to_owned(), text.join("\n")]
    });
    section("Problems", rows.collect(), layout)
}

/// Packs as rows, regions as columns.
fn overview(regions: &BTreeMap<Region, RegionView>, layout: Layout) -> String {
    let packs: BTreeSet<&PackName> = regions.values().flat_map(|view| view.cells.keys()).collect();
    if packs.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(regions.keys().map(Region::as_str));
    for pack in packs {
        let cells: Vec<Option<&CellView>> =
            regions.values().map(|view| view.cells.get(pack)).collect();
        let sign = cells.iter().flatten().map(|cell| sign(cell)).max_by_key(|sign| rank(sign));
        let texts = cells.iter().map(|cell| cell.map_or_else(|| "-".to_owned(), glance));
        grid.row(sign.unwrap_or(FINE), pack.as_str(), texts);
    }
    grid.render(layout.width)
}

/// The sign of a cell.
fn sign(cell: &CellView) -> &'static str {
    match cell.cell {
        _ if cell.needs_person => NEEDY,
        CellState::Unseen => DARK,
        CellState::Rolling | CellState::Drifted | CellState::Failed => MOVING,
        CellState::Ok | CellState::Held => FINE,
    }
}

/// The sign of a row is the strongest of its cells.
fn rank(sign: &str) -> usize {
    [FINE, MOVING, DARK, NEEDY].iter().position(|known| *known == sign).unwrap_or_default()
}

/// A cell in a few letters: `ok 120`, `3 failed`, `rolling 40/120`.
fn glance(cell: &CellView) -> String {
    let arrival = &cell.arrival;
    let ok = arrival.counts.ok;
    match cell.cell {
        CellState::Ok => format!("ok {ok}"),
        CellState::Rolling => match (arrival.verdict, arrival.expected) {
            (Verdict::Deleting, _) => "removing".to_owned(),
            (_, Some(expected)) => format!("rolling {ok}/{expected}"),
            (_, None) => "rolling".to_owned(),
        },
        CellState::Drifted => cell.action.map_or("drifted", to_do).to_owned(),
        CellState::Failed => failing(cell),
        CellState::Held | CellState::Unseen => cell.cell.as_str().to_owned(),
    }
}

fn to_do(action: ActionKind) -> &'static str {
    match action {
        ActionKind::Create => "to create",
        ActionKind::Adopt => "to adopt",
        ActionKind::Update => "to update",
        ActionKind::Rescue => "to rescue",
        ActionKind::Delete => "to delete",
    }
}

/// Every cell with its counts and ages.
fn packs(view: &StatusView, layout: Layout) -> String {
    let mut rows = Vec::new();
    for (region, of) in &view.regions {
        for (pack, cell) in &of.cells {
            let age = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| ago(at, view.now));
            let status = cell.status.as_ref().map_or("-".to_owned(), |it| clean(&it.to_string()));
            rows.push([
                sign(cell).to_owned(),
                pack.to_string(),
                region.to_string(),
                glance(cell),
                cell.arrival.verdict.as_str().to_owned(),
                status,
                counts(&cell.arrival.counts, cell.arrival.expected),
                format!("changed {}", age(cell.last_update)),
                format!("swept {}", age(cell.arrival.swept)),
            ]);
        }
    }
    section("Packs", rows, layout)
}

/// Whose move it is, as people say it.
fn person(mover: Mover) -> &'static str {
    match mover {
        Mover::Nobody => "conformd, AWS",
        Mover::Member => "account owner",
        Mover::Organization => "organization",
        Mover::Author => "pack author",
        Mover::Support => "AWS Support",
    }
}

/// Members by status, those that there are.
fn counts(counts: &Counts, expected: Option<usize>) -> String {
    let expected = expected.map(|expected| format!("{expected} expected"));
    let kinds = StatusKind::ALL.into_iter().filter(|kind| counts.of(*kind) > 0);
    let counts = kinds.map(|kind| format!("{} {}", counts.of(kind), spoken(kind.as_str())));
    expected.into_iter().chain(counts).collect::<Vec<_>>().join(", ")
}

/// A word of labels as people write it.
fn spoken(word: &str) -> String {
    word.replace('_', " ")
}

/// Accounts in trouble, by what is the matter.
fn troubles(troubles: &[TroubleView], layout: Layout) -> String {
    let rows = troubles.iter().map(|trouble| {
        let TroubleView { status, class, members, accounts, truncated, packs, regions, .. } =
            trouble;
        let class = class.map_or_else(|| status.as_str(), |class| class.as_str());
        let least = if *truncated { "at least " } else { "" };
        let mut scale = format!("{least}{}", many(*accounts, "account"));
        if packs.len() > 1 || regions.len() > 1 {
            let (packs, regions) = (many(packs.len(), "pack"), many(regions.len(), "region"));
            write!(scale, "\n{members} times in {packs}, {regions}")
                .expect("writing into a string does not fail");
        }
        let sign = if trouble.mover != Mover::Nobody { NEEDY } else { MOVING };
        let mover = format!("move: {}", person(trouble.mover));
        [sign.to_owned(), class.to_owned(), scale, mover, details(trouble, layout.wide)]
    });
    section("Failing accounts", rows.collect(), layout)
}

/// What to do, and for whom.
fn details(trouble: &TroubleView, wide: bool) -> String {
    let mut lines = vec![clean(&trouble.advice)];
    let examples = trouble.examples.iter();
    if wide {
        lines.extend(examples.clone().map(|example| {
            let said = [&example.code, &example.message].into_iter().flatten();
            let said = said.map(|text| clean(text)).collect::<Vec<_>>().join(": ");
            let name = account::called(example.account, example.name.as_ref());
            format!("{name} {} {}: {said}", example.region, example.pack)
        }));
    } else {
        let ids: Vec<String> = examples.map(|example| example.account.to_string()).collect();
        let more = trouble.accounts.saturating_sub(ids.len().min(IDS_MAX));
        let mut shown = first_few(ids.get(..IDS_MAX.min(ids.len())).unwrap_or_default(), IDS_MAX);
        if more > 0 {
            write!(shown, " and {more} more").expect("writing into a string does not fail");
        }
        lines.push(shown);
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// New accounts that are not settled, the most urgent first.
fn newcomers(newcomers: &NewcomersView, layout: Layout) -> String {
    let rows: Vec<[String; 6]> =
        newcomers.accounts.iter().map(|account| newcomer(account, layout.wide)).collect();
    let mut text = section("New accounts", rows, layout);
    if newcomers.left_out > 0 {
        writeln!(text, "     and {} more", newcomers.left_out)
            .expect("writing into a string does not fail");
    }
    text
}

fn newcomer(account: &NewAccountView, wide: bool) -> [String; 6] {
    let sign = match account.phase {
        Phase::Missed => NEEDY,
        Phase::Waiting | Phase::Deploying | Phase::Late => MOVING,
        Phase::Converged => FINE,
    };
    let open: Vec<_> =
        account.regions.iter().filter(|(_, place)| !place.phase.is_settled()).collect();
    let names: Vec<String> = open.iter().map(|(region, _)| region.to_string()).collect();
    let recorders: BTreeSet<&str> = open
        .iter()
        .filter_map(|(_, place)| place.recorder.as_ref())
        .map(|recorder| recorder.kind().as_str())
        .collect();
    let recorders: Vec<&str> = recorders.into_iter().collect();
    let recorder = if recorders.is_empty() { "not probed".to_owned() } else { recorders.join("/") };
    [
        sign.to_owned(),
        account::called(account.account, account.name.as_ref()),
        first_few(&names, if wide { usize::MAX } else { IDS_MAX }),
        account.phase.as_str().to_owned(),
        left(account.left_seconds),
        format!("recorder {recorder}"),
    ]
}

/// What waits for more than time.
fn held(view: &StatusView, layout: Layout) -> String {
    let mut rows = Vec::new();
    for (region, of) in &view.regions {
        let holds = of.report.iter().flat_map(|report| &report.holds);
        for hold in holds.filter(|hold| layout.wide || lift(hold.reason) != Lift::Time) {
            let sign = match lift(hold.reason) {
                Lift::Person => NEEDY,
                Lift::Time => MOVING,
                Lift::Purpose => FINE,
            };
            let pack = hold.pack.as_ref().map_or("every pack", |pack| pack.as_str());
            let until = hold.until.map(|until| format!(" (until {until})")).unwrap_or_default();
            let why = format!("{}{until}", clean(&hold.why));
            let reason = spoken(hold.reason.as_str());
            rows.push([sign.to_owned(), pack.to_owned(), region.to_string(), reason, why]);
        }
        let blocked = of.report.iter().filter_map(|report| report.blocked.as_ref());
        rows.extend(blocked.map(|blocked| {
            let trips = blocked.trips.iter().map(|trip| clean(&trip.why)).collect::<Vec<_>>();
            let why = format!(
                "{}: if this is right, commit an Approval of plan {}",
                trips.join(", "),
                blocked.digest
            );
            let packs = many(blocked.packs.len(), "pack");
            [NEEDY.to_owned(), packs, region.to_string(), "approval".to_owned(), why]
        }));
    }
    section("Held", rows, layout)
}

/// Regions and members that were not seen.
fn dark(view: &StatusView, layout: Layout) -> String {
    let rows = view.health.reasons.iter().filter(|reason| reason.subject == Subject::Region);
    let rows = rows.map(|reason| [DARK.to_owned(), clean(&reason.why)]).collect();
    let mut text = section("Not seen", rows, layout);
    let old = view.regions.iter().filter_map(|(region, of)| {
        let report = of.report.as_ref()?;
        let seen = report.seen_last.filter(|_| report.unseen.is_some())?;
        Some(format!("     {region} was last seen {}\n", ago(seen, view.now)))
    });
    text.extend(old);
    text
}
