//! How the explanation of one account reads.

use std::fmt::Write as _;

use super::layout::{LineSign, TextItem, TextList, TextPage, TextPart};
use super::phrases::{SIMULATED, clean, person, spoken};
use crate::domain::base::model::{AccountId, AccountState, PackName, Region, Timestamp, UnitId};
use crate::domain::base::words::{ago, left, seconds_to};
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::observed::recorder::{RecorderObservation, RecorderState};
use crate::domain::organization::selector::Targeting;
use crate::domain::present::view::account::{
    AccountPackView, AccountView, ClockView, MemberView, PlaceView,
};
use crate::domain::present::view::next::{NextView, Who};

/// An account by id and, if it has one, by name.
pub(super) fn called(account: AccountId, name: Option<&String>) -> String {
    name.map_or_else(|| account.to_string(), |name| format!("{account} {}", clean(name)))
}

/// The explanation: the answer first, then who the account is, then place by place.
pub fn account_page(view: &AccountView) -> TextPage {
    let simulated = view.simulated.then(|| SIMULATED.to_owned());
    let head = simulated.into_iter().chain([clean(&view.summary)]).collect();
    let places = view.regions.iter().map(|(region, place)| region_list(view, region, place));
    let lists = [TextList::new("Account", identity(view))].into_iter().chain(places);
    TextPage { head, parts: lists.map(TextPart::List).collect() }
}

fn fact(sign: LineSign, what: &str, text: String) -> TextItem {
    TextItem::new(sign, [what.to_owned(), text])
}

fn identity(view: &AccountView) -> Vec<TextItem> {
    let MemberView { listed, freshness: _, why, read, name, state, joined, units, management } =
        &view.member;
    let now = view.now;
    let mut rows = Vec::new();
    rows.extend(name.as_ref().map(|name| fact(LineSign::Fine, "name", clean(name))));
    // Without an account list the account may still be a member, so "no" would be wrong.
    rows.push(match (listed, state) {
        (None, _) => {
            fact(LineSign::Unknown, "member", "unknown: there is no account list yet".to_owned())
        }
        (Some(false), _) => {
            fact(LineSign::ActionRequired, "member", "no: it is not in the account list".into())
        }
        (Some(true), Some(AccountState::Active)) => {
            fact(LineSign::Fine, "member", "yes, ACTIVE".to_owned())
        }
        (Some(true), Some(state)) => {
            fact(LineSign::ActionRequired, "member", format!("{state}: not expected to have packs"))
        }
        (Some(true), None) => fact(
            LineSign::Unknown,
            "member",
            "in a state that this version does not \
                recognize"
                .to_owned(),
        ),
    });
    rows.extend(
        management.then(|| fact(LineSign::Fine, "role", "the management account".to_owned())),
    );
    rows.extend(
        joined.map(|at| fact(LineSign::Fine, "joined", format!("{at} ({})", ago(at, now)))),
    );
    rows.extend(view.clock.as_ref().map(|clock| {
        let (sign, text) = window(clock, view);
        fact(sign, "window", text)
    }));
    let units = units.as_ref().filter(|units| !units.is_empty());
    rows.extend(units.map(|units| {
        let units: Vec<&str> = units.iter().map(UnitId::as_str).collect();
        fact(LineSign::Fine, "units", units.join(" > "))
    }));
    rows.extend(read.map(|at| {
        let doubt = why.as_ref().map(|why| format!("; {}", clean(why))).unwrap_or_default();
        let sign = if why.is_some() { LineSign::Unknown } else { LineSign::Fine };
        fact(sign, "list", format!("read {}{doubt}", ago(at, now)))
    }));
    rows
}

/// The window in which AWS retries a new account.
pub fn window(clock: &ClockView, view: &AccountView) -> (LineSign, String) {
    let ClockView { joined: _, deadline, left_seconds } = clock;
    let mut open = view.regions.values().filter_map(|place| place.phase);
    // Once every pack is there, the deadline does not matter any more.
    if open.all(NewAccountPhase::is_settled) {
        return (LineSign::Fine, format!("ends {deadline}; every pack is deployed"));
    }
    let sign = if *left_seconds < 0 { LineSign::ActionRequired } else { LineSign::Moving };
    (sign, format!("ends {deadline}: {}", left(*left_seconds)))
}

fn region_list(view: &AccountView, region: &Region, place: &PlaceView) -> TextList {
    let PlaceView { unknown, phase, recorder: seen, packs } = place;
    let mut title = region.to_string();
    if let Some(phase) = phase {
        write!(title, " · {phase}", phase = phase.as_str())
            .expect("writing into a string does not fail");
    }
    let mut rows = Vec::new();
    // The reason comes before the packs, since they show the last observation then.
    if let Some(why) = unknown {
        rows.push(fact(LineSign::Unknown, "unknown", clean(why)));
    }
    rows.extend(seen.as_ref().map(|seen| {
        let (sign, text) = recorder(seen, view.now);
        fact(sign, "recorder", text)
    }));
    rows.extend(packs.iter().map(|(name, pack)| pack_row(name, pack, view.now)));
    if rows.is_empty() {
        rows.push(fact(LineSign::Fine, "-", "no pack is deployed or desired here".to_owned()));
    }
    TextList::new(&title, rows)
}

/// What a probe saw of a recorder.
pub fn recorder(seen: &RecorderObservation, now: Timestamp) -> (LineSign, String) {
    let RecorderObservation { recorder, at } = seen;
    let (sign, text) = match recorder {
        RecorderState::Recording => (LineSign::Fine, "recording".to_owned()),
        RecorderState::Stopped => (
            LineSign::ActionRequired,
            "stopped: packs deploy, but their rules evaluate nothing; start \
                the recorder"
                .to_owned(),
        ),
        RecorderState::Failing { code } => (
            LineSign::ActionRequired,
            format!("recording, but its deliveries fail ({})", clean(code)),
        ),
        RecorderState::Missing => (
            LineSign::ActionRequired,
            "missing: create a configuration \
            recorder"
                .to_owned(),
        ),
        RecorderState::Unknown { why } => (LineSign::Unknown, format!("not known: {}", clean(why))),
    };
    (sign, format!("{text} (seen {})", ago(*at, now)))
}

/// A pack: targeted or not and why, what AWS says, what happens next.
fn pack_row(name: &PackName, pack: &AccountPackView, now: Timestamp) -> TextItem {
    let words = [status_words(pack, now), Some(target_words(pack))];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join("; ");
    let said = [&pack.code, &pack.message].into_iter().flatten();
    let said = said.map(|text| clean(text)).collect::<Vec<_>>().join(": ");
    let said = (!said.is_empty()).then(|| format!("AWS says: {said}"));
    let details = said.into_iter().chain(next_line(&pack.next, now)).collect();
    TextItem { sign: pack_sign(pack), row: vec![name.to_string(), words], details }
}

/// The sign of an account under a pack: who is to act.
pub fn pack_sign(pack: &AccountPackView) -> LineSign {
    let is_dark = pack.unread.is_some() || matches!(pack.targeting, Some(Targeting::Unknown(_)));
    match pack.next.who {
        Who::Person => LineSign::ActionRequired,
        Who::Aws | Who::Conformd => LineSign::Moving,
        // Nothing to do is good only if the status is known.
        Who::Nobody if is_dark => LineSign::Unknown,
        Who::Nobody => LineSign::Fine,
    }
}

/// How it stands, in words, if there is anything to say.
pub fn status_words(pack: &AccountPackView, now: Timestamp) -> Option<String> {
    let mut text = match (pack.status, &pack.unread) {
        (Some(status), _) => spoken(status.as_str()),
        (None, _) if pack.removal_failed => "removal failed".to_owned(),
        // Without a status the reason why it was not read is shown; an account that is not targeted
        // has neither.
        (None, why) => return why.as_ref().map(|why| format!("not known: {}", clean(why))),
    };
    if let Some(class) = pack.class {
        write!(text, " ({class})").expect("writing into a string does not fail");
    }
    if let Some(at) = pack.last_update {
        write!(text, ", {}", ago(at, now)).expect("writing into a string does not fail");
    }
    if pack.unread.is_some() {
        let read = pack.read.map(|at| format!(", read {}", ago(at, now))).unwrap_or_default();
        text = format!("not known (last known: {text}{read})");
    }
    Some(text)
}

/// Whether the account is to have the pack, and why not, in words.
pub fn target_words(pack: &AccountPackView) -> String {
    match &pack.targeting {
        None if pack.deletion_declared => {
            "a manifest asks for the deletion of the pack (state: Absent)".to_owned()
        }
        None => "no manifest declares the pack here".to_owned(),
        Some(Targeting::Targeted) => "targeted: no rule excludes it".to_owned(),
        Some(Targeting::Excluded(rule)) => format!("not targeted: {}", clean(&rule.to_string())),
        Some(Targeting::Inactive(Some(state))) => format!("not targeted: it is {state}"),
        Some(Targeting::Inactive(None)) => "not targeted: its state is not known".to_owned(),
        Some(Targeting::NotAMember) => "not targeted: it is not a member".to_owned(),
        Some(Targeting::Unknown(why)) => format!("targeting is unknown: {}", clean(why)),
    }
}

/// What happens next, if anything: who must act, what, and by when.
pub fn next_line(next: &NextView, now: Timestamp) -> Option<String> {
    let NextView { who, owner, what, due } = next;
    if what.is_empty() {
        return None;
    }
    let who = match (who, owner) {
        (Who::Person, Some(owner)) => format!("action required by {}: ", person(*owner)),
        (Who::Person, None) => "action required: ".to_owned(),
        (Who::Nobody | Who::Aws | Who::Conformd, _) => String::new(),
    };
    let due = due.map(|at| format!(" ({at}: {})", left(seconds_to(now, at)))).unwrap_or_default();
    Some(format!("{who}{}{due}", clean(what)))
}
