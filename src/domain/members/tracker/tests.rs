//! Sentences about members, health and readings, told over a small organization.

mod judging;
mod pacing;
mod properties;
mod proving;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::domain::base::model::{
    AccountState, DeletionPolicy, Digest, MARKER_PARAMETER, Marker, Place, ResultsBucket, Timestamp,
};
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::MemberStatus;
use crate::domain::observed::packs::{PackRecord, RolloutStatus, StatusRecord, join};
use crate::domain::organization::account_list::{Account, OrganizationRecord};

const RESYNCS: Resyncs =
    Resyncs { trouble: Duration::from_mins(15), full: Duration::from_hours(6) };

/// The moment at which every scene begins.
fn start() -> Timestamp {
    "2026-11-02T00:00:00Z".parse().unwrap()
}

/// So many seconds after the start.
fn at(seconds: i64) -> Timestamp {
    start() + jiff::SignedDuration::from_secs(seconds)
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

fn id(number: u64) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

/// An organization and one pack, and what the memory makes of them.
struct TrackerScene {
    tracked: MemberTracker,
    list: Option<AccountList>,
    freshness: ListFreshness,
    /// The pack's record, as AWS lists it.
    record: PackRecord,
    status: Option<&'static str>,
    now: i64,
}

impl TrackerScene {
    /// Accounts 1 to `accounts`, all joined long ago; 1 manages. The pack was put an hour ago.
    fn new(accounts: u64) -> Self {
        let organization =
            OrganizationRecord { id: "o-1".to_owned(), management: id(1), all_features: true };
        let list = AccountList {
            organization,
            accounts: BTreeMap::new(),
            units_absent: BTreeSet::new(),
            units_walked: BTreeSet::new(),
            tags_problem: None,
            unsettled: BTreeMap::new(),
            read: start(),
        };
        let place = Place { account: id(1), region: "eu-west-1".parse().unwrap() };
        let name: PackName = "base".parse().unwrap();
        let marker = Marker::new(
            "main".parse().unwrap(),
            Digest::of([b"1".as_slice()]),
            1,
            DeletionPolicy::Delete,
            (&place, &name),
        );
        let inputs = [(MARKER_PARAMETER.to_owned(), marker.to_string())];
        let record = PackRecord {
            name,
            arn: "arn:base".to_owned(),
            last_update: at(-HOUR),
            inputs: inputs.into_iter().collect(),
            excluded: BTreeSet::new(),
            delivery: ResultsBucket::default(),
        };
        let mut scene = Self {
            tracked: MemberTracker::default(),
            list: Some(list),
            freshness: ListFreshness::Current,
            record,
            status: Some("CREATE_SUCCESSFUL"),
            now: 0,
        };
        for number in 1..=accounts {
            scene.account(number, Some(AccountState::Active), -30 * 24 * HOUR);
        }
        scene
    }

    fn account(&mut self, number: u64, state: Option<AccountState>, joined: i64) {
        let account = Account {
            id: id(number),
            name: format!("account {number}"),
            state,
            joined: Some(at(joined)),
            units: None,
            tags: None,
        };
        self.list.as_mut().unwrap().accounts.insert(id(number), account);
    }

    /// Lets time pass up to this second, then looks at the region.
    fn observe(&mut self, now: i64) {
        self.now = now;
        let status = self.status.map(|status| StatusRecord {
            name: self.record.name.clone(),
            status: status.parse().unwrap(),
            error_code: None,
            error_message: None,
            last_update: None,
        });
        let place = Place { account: id(1), region: "eu-west-1".parse().unwrap() };
        let installation = "main".parse().unwrap();
        let statuses = status.into_iter().collect();
        let seen = join(vec![self.record.clone()], statuses, &installation, &place);
        let list = self.list.clone().map(|list| {
            let read = if self.freshness == ListFreshness::Current { at(now) } else { list.read };
            Arc::new(AccountList { read, ..list })
        });
        let facts = RegionObservation {
            seen: &seen,
            targets: &Targets::new(),
            list: list.as_ref(),
            freshness: &self.freshness,
            recorders: None,
        };
        self.tracked.observe(&facts, &RESYNCS, at(now));
        self.list = list.map(|list| AccountList::clone(&list));
    }

    fn reading(&mut self, reading: &MemberRequest, rows: &[StatusRow]) {
        let mut draft = RowsInProgress::default();
        for page in rows.chunks(3) {
            self.tracked.note(&mut draft, page);
        }
        self.tracked.complete(reading, draft, &RESYNCS, at(self.now), at(self.now));
    }

    /// Reads everybody.
    fn resync(&mut self, rows: &[StatusRow]) {
        self.reading(&MemberRequest::Resync(self.record.name.clone()), rows);
    }

    /// Reads those in trouble: what the six listings show of these rows.
    fn trouble(&mut self, rows: &[StatusRow]) {
        let is_listed = |row: &&StatusRow| {
            FILTERS.iter().any(|(verb, phase)| row.status == RolloutStatus::Known(*verb, *phase))
        };
        let rows: Vec<StatusRow> = rows.iter().filter(is_listed).cloned().collect();
        self.reading(&MemberRequest::Trouble(self.record.name.clone()), &rows);
    }

    fn rollout(&self) -> Rollout {
        self.tracked.tracking().packs[&self.record.name].clone()
    }

    fn health(&self) -> RolloutHealth {
        self.rollout().health
    }

    /// The health and everybody who is not ok.
    fn text(&self) -> String {
        let rollout = self.rollout();
        let mut text = rollout.health.as_str().to_owned();
        if rollout.aggregate_stuck {
            text += " (aggregate stuck)";
        }
        write!(text, ", {} ok", rollout.counts.ok).unwrap();
        for member in &*rollout.troubled {
            let account = member.account.as_str().trim_start_matches('0');
            write!(text, "\n{account} {}", member.status.kind().as_str()).unwrap();
            if let MemberStatus::Failed(class) = member.status {
                write!(text, " {class}").unwrap();
            }
            if let Some(cause) = &member.cause {
                write!(text, ": {} {}", cause.code, cause.message).unwrap();
                text.truncate(text.trim_end().len());
            }
        }
        if let Some(why) = &rollout.why {
            write!(text, "\n({why})").unwrap();
        }
        text
    }

    /// What is read next, and how many seconds from now.
    fn next(&self) -> String {
        let pace = Pace::new(Duration::from_mins(15));
        let mut requests = self.tracked.requests(&RESYNCS, &pace);
        for request in &mut requests {
            request.due = request.due.max(at(self.now));
        }
        let Some(first) = requests.into_iter().min_by_key(|it| (it.due, it.rank)) else {
            return "nothing".to_owned();
        };
        let what = match first.reading {
            MemberRequest::Trouble(_) => "trouble".to_owned(),
            MemberRequest::Account(_, account) => {
                format!("account {}", account.as_str().trim_start_matches('0'))
            }
            MemberRequest::Resync(_) => "resync".to_owned(),
        };
        let wait = first.due.duration_since(at(self.now)).as_secs();
        format!("{what} in {wait} s ({:?})", first.rank)
    }
}

/// A row that AWS wrote at this second.
fn row(account: u64, status: &str, seconds: i64) -> StatusRow {
    let is_failed = status.ends_with("_FAILED");
    StatusRow {
        account: id(account),
        status: status.parse().unwrap(),
        error_code: is_failed.then(|| "NoAvailableConfigurationRecorder".to_owned()),
        error_message: is_failed.then(|| "no recorder".to_owned()),
        last_update: Some(at(seconds)),
    }
}

/// Good rows of these accounts.
fn good(accounts: impl IntoIterator<Item = u64>) -> Vec<StatusRow> {
    accounts.into_iter().map(|account| row(account, "CREATE_SUCCESSFUL", -MINUTE)).collect()
}
