//! A small organization with a bit of everything that people are shown: members in trouble, new
//! accounts, holds, a region that cannot be read and one that was not refreshed yet.

#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::limits::RETRY_WINDOW;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{AccountId, AccountState, Timestamp};
use conformd::domain::members::new_account::{NewAccount, NewAccountPhase};
use conformd::domain::members::rollout::{CappedMembers, Rollout, RolloutHealth};
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::observed::member::{Cause, Counts, MemberStatus, TroubledMember};
use conformd::domain::observed::recorder::{RecorderObservation, RecorderState, Recorders};
use conformd::domain::organization::account_list::{Account, AccountList, OrganizationRecord};
use conformd::domain::organization::membership::Membership;
use conformd::domain::plan::redeploy::Redeploy;
use conformd::domain::present::report::RegionReport;
use conformd::domain::present::view::{About, ConfirmedCaller, CurrentState};

use crate::support::sample::{at, busy, pack, region, regions, reports, source, unknown};

pub(crate) const HERE: &str = "eu-west-1";

pub(crate) fn id(digit: char) -> AccountId {
    digit.to_string().repeat(12).parse().unwrap()
}

fn account(
    digit: char,
    name: &str,
    state: AccountState,
    joined: Timestamp,
) -> (AccountId, Account) {
    let account = Account {
        id: id(digit),
        name: name.to_owned(),
        state: Some(state),
        joined: Some(joined),
        units: Some(["r-ab12".parse().unwrap()].into()),
        tags: None,
    };
    (account.id, account)
}

/// Eight members: one moved to a unit that a pack excludes, two joined today.
pub(crate) fn membership() -> Membership {
    let old = "2024-01-01T00:00:00Z".parse().unwrap();
    let active = AccountState::Active;
    let mut accounts = BTreeMap::from([
        account('1', "management", active, old),
        account('2', "payments", active, old),
        account('3', "data-lake", active, old),
        account('4', "sandbox", active, old),
        account('5', "shop-new", active, at("07:10:00")),
        account('6', "media-new", active, at("04:00:00")),
        account('7', "retired", AccountState::Suspended, old),
    ]);
    let sandbox: Arc<[_]> = ["r-ab12", "ou-ab12-sandbox1"].map(|unit| unit.parse().unwrap()).into();
    accounts.get_mut(&id('4')).unwrap().units = Some(sandbox);
    let list = AccountList {
        organization: OrganizationRecord {
            id: "o-example123".to_owned(),
            management: id('1'),
            all_features: true,
        },
        accounts,
        units_absent: BTreeSet::new(),
        units_walked: BTreeSet::new(),
        tags_problem: None,
        unsettled: BTreeMap::new(),
        read: at("11:58:00"),
    };
    Membership {
        list: Some(Arc::new(list)),
        attempt_last: Some(at("11:58:00")),
        ..Membership::default()
    }
}

pub(crate) fn failed(
    digit: char,
    class: FailureClass,
    code: &str,
    message: &str,
) -> TroubledMember {
    TroubledMember {
        account: id(digit),
        status: MemberStatus::Failed(class),
        cause: Some(Arc::new(Cause { code: code.to_owned(), message: message.to_owned() })),
        last_update: Some(at("11:40:00")),
    }
}

/// An rollout with these members in trouble and so many that are ok.
pub(crate) fn rollout(health: RolloutHealth, ok: usize, troubled: Vec<TroubledMember>) -> Rollout {
    let mut counts = Counts { ok, ..Counts::default() };
    let mut classes: BTreeMap<FailureClass, usize> = BTreeMap::new();
    for member in &troubled {
        counts.count(member.status);
        if let MemberStatus::Failed(class) = member.status {
            *classes.entry(class).or_default() += 1;
        }
    }
    let Counts { ok, in_progress, waiting, failed, missing, .. } = counts;
    Rollout {
        health,
        why: None,
        aggregate_stuck: false,
        expected: Some(ok + in_progress + waiting + failed + missing),
        counts,
        classes,
        troubled: troubled.into(),
        truncated: false,
        new_accounts: BTreeMap::new(),
        management_missing: false,
        unread: None,
        outdated: false,
        unrecognized: CappedMembers::default(),
        removals: BTreeMap::new(),
        resynced: Some(at("11:50:00")),
        read: Some(at("11:55:00")),
    }
}

fn new_account(digit: char, joined: Timestamp, phase: NewAccountPhase) -> NewAccount {
    NewAccount {
        account: id(digit),
        joined,
        deadline: joined.checked_add(RETRY_WINDOW).unwrap(),
        phase,
        missing: BTreeSet::from([pack("iam-baseline")]),
        recorder: (phase == NewAccountPhase::Waiting).then_some(RecorderState::Missing),
        complete: None,
    }
}

fn waiting(digit: char) -> TroubledMember {
    TroubledMember {
        account: id(digit),
        status: MemberStatus::Waiting,
        cause: None,
        last_update: None,
    }
}

/// The busy region of the samples, with members.
pub(crate) fn tracked() -> RegionReport {
    let denied = failed(
        '2',
        FailureClass::AccessDenied,
        "AccessDenied",
        "User: arn:aws:sts::… is not authorized to perform: config:PutConfigRule with an explicit \
         deny in a service control policy",
    );
    let late = failed(
        '6',
        FailureClass::NoRecorder,
        "NoAvailableConfigurationRecorder",
        "There is no configuration recorder available",
    );
    let missing = TroubledMember {
        account: id('3'),
        status: MemberStatus::Missing,
        cause: None,
        last_update: None,
    };
    let retired = TroubledMember {
        status: MemberStatus::Inactive,
        ..failed('7', FailureClass::Other, "", "")
    };
    let gone =
        TroubledMember { status: MemberStatus::Left, ..failed('8', FailureClass::Other, "", "") };
    let mut iam = rollout(
        RolloutHealth::Degraded,
        2,
        vec![denied, missing, waiting('5'), late, retired, gone],
    );
    iam.new_accounts = BTreeMap::from([
        (id('5'), MemberStatus::Waiting),
        (id('6'), MemberStatus::Failed(FailureClass::NoRecorder)),
    ]);
    let mut logging = rollout(RolloutHealth::Healthy, 5, Vec::new());
    logging.new_accounts =
        BTreeMap::from([(id('5'), MemberStatus::Ok), (id('6'), MemberStatus::Ok)]);
    let report = busy(HERE);
    RegionReport {
        tracking: Tracking {
            packs: BTreeMap::from([
                (pack("iam-baseline"), iam),
                (pack("legacy"), rollout(RolloutHealth::Healthy, 6, Vec::new())),
                (pack("logging"), logging),
            ]),
            new_accounts: vec![
                new_account('5', at("07:10:00"), NewAccountPhase::Waiting),
                new_account('6', at("04:00:00"), NewAccountPhase::Missed),
            ],
            trouble_last: Some(at("11:55:00")),
            resync_last: Some(at("11:50:00")),
            resync_since: Some(at("11:50:00")),
        },
        ..report
    }
}

pub(crate) fn recorders() -> Recorders {
    let missing = RecorderObservation { recorder: RecorderState::Missing, at: at("11:57:00") };
    let here = BTreeMap::from([(id('5'), missing)]);
    Recorders { probed: true, regions: BTreeMap::from([(region(HERE), here)]) }
}

pub(crate) fn about() -> About {
    About {
        version: "0.1.0".to_owned(),
        started: at("10:00:00"),
        installation: "main".parse().unwrap(),
        mode: Mode::Sync,
        simulated: true,
        regions: regions(&[HERE, "us-east-1", "ap-south-1"]),
        list_age_max: Duration::from_mins(30),
        redeploy: Redeploy::default(),
        source_interval: Duration::from_mins(1),
        region_interval: Duration::from_mins(15),
        resync_interval: Duration::from_hours(6),
        quota: 50,
    }
}

/// Everything that is known of it, at 12:01.
pub(crate) fn facts() -> CurrentState {
    let dark = unknown("us-east-1", FailureKind::Denied, "a policy forbids it");
    CurrentState {
        about: about(),
        caller: ConfirmedCaller::Confirmed { account: id('1') },
        source: source(),
        membership: Arc::new(membership()),
        recorders: Arc::new(recorders()),
        reports: reports([tracked(), dark]),
        record: None,
        skew: None,
        now: at("12:01:00"),
    }
}
