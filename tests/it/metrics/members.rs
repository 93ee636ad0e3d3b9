//! Metrics of members: how packs arrived, who is new, who is a member at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::limits::RETRY_WINDOW;
use conformd::domain::base::model::{AccountId, AccountState, Timestamp};
use conformd::domain::members::new_account::{NewAccount, NewAccountPhase};
use conformd::domain::members::rollout::{CappedMembers, Rollout, RolloutHealth};
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::observed::member::{Cause, Counts, MemberStatus, TroubledMember};
use conformd::domain::observed::recorder::{RecorderObservation, RecorderState, Recorders};
use conformd::domain::organization::account_list::{
    Account, AccountList, OrganizationRecord, WalkFailure,
};
use conformd::domain::organization::membership::{Membership, Shrink};
use conformd::domain::present::axes::SyncStatus;
use conformd::domain::present::report::{RegionReport, Reports};
use jiff::SignedDuration;

use super::HERE;
use crate::support::sample::{
    Members, Text, at, metrics, pack, pack_report, quiet, region, reports, scrape, scrape_all,
    settings, unknown,
};

/// Words that somebody else wrote.
const HOSTILE: &str = "arn:aws:iam::222222222222:role/x\"} 1\nconformd_up{a=\"<script>";

fn account(number: u64) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

pub(super) fn rollout(health: RolloutHealth, counts: Counts) -> Rollout {
    Rollout {
        health,
        why: None,
        aggregate_stuck: false,
        expected: Some(counts.ok + counts.failed),
        counts,
        classes: BTreeMap::new(),
        troubled: Arc::new([]),
        truncated: false,
        new_accounts: BTreeMap::new(),
        management_missing: false,
        unread: None,
        outdated: false,
        unrecognized: CappedMembers::default(),
        removals: BTreeMap::new(),
        resynced: Some(at("11:00:00")),
        read: Some(at("11:45:00")),
    }
}

fn new_account(number: u64, phase: NewAccountPhase, joined: Timestamp) -> NewAccount {
    NewAccount {
        account: account(number),
        joined,
        deadline: joined + RETRY_WINDOW,
        phase,
        missing: BTreeSet::new(),
        recorder: None,
        complete: None,
    }
}

fn new_accounts(new_accounts: Vec<NewAccount>) -> RegionReport {
    RegionReport { tracking: Tracking { new_accounts, ..Tracking::default() }, ..quiet(HERE) }
}

/// What two packs and some new accounts look like.
pub(super) fn tracking() -> Tracking {
    let degraded = Rollout {
        classes: BTreeMap::from([(FailureClass::NoRecorder, 2), (FailureClass::Template, 1)]),
        ..rollout(
            RolloutHealth::Degraded,
            Counts { ok: 117, failed: 3, left: 1, ..Counts::default() },
        )
    };
    let unread = Rollout {
        read: None,
        resynced: None,
        ..rollout(RolloutHealth::Unknown, Counts::default())
    };
    Tracking {
        packs: BTreeMap::from([
            (pack("iam-baseline"), degraded),
            (pack("legacy"), unread),
            (
                pack("logging"),
                rollout(RolloutHealth::Healthy, Counts { ok: 120, ..Counts::default() }),
            ),
        ]),
        new_accounts: vec![
            new_account(1, NewAccountPhase::Waiting, at("09:00:00")),
            new_account(2, NewAccountPhase::Complete, at("08:00:00")),
        ],
        trouble_last: Some(at("11:45:00")),
        resync_last: Some(at("11:00:00")),
        resync_since: Some(at("11:00:00")),
    }
}

fn list(states: &[Option<AccountState>]) -> AccountList {
    let accounts = (1..).zip(states).map(|(number, state)| {
        let id = account(number);
        let account = Account {
            id,
            name: HOSTILE.to_owned(),
            state: *state,
            joined: None,
            units: None,
            tags: None,
        };
        (id, account)
    });
    AccountList {
        organization: OrganizationRecord {
            id: "o-exampleorgid".to_owned(),
            management: account(1),
            all_features: true,
        },
        accounts: accounts.collect(),
        units_absent: BTreeSet::new(),
        units_walked: BTreeSet::new(),
        tags_problem: None,
        unsettled: BTreeMap::new(),
        read: at("11:50:00"),
    }
}

/// Six accounts, two recorders, and a clock that is slow by 1.5 s.
pub(super) fn members() -> Members {
    let active = Some(AccountState::Active);
    let states = [active, active, active, Some(AccountState::Suspended), None, active];
    let observation = |recorder| RecorderObservation { recorder, at: at("11:55:00") };
    let observations = BTreeMap::from([
        (account(2), observation(RecorderState::Missing)),
        (account(3), observation(RecorderState::Unknown { why: HOSTILE.to_owned() })),
    ]);
    Members {
        membership: Membership { list: Some(Arc::new(list(&states))), ..Membership::default() },
        recorders: Recorders {
            probed: true,
            regions: BTreeMap::from([(region(HERE), observations)]),
        },
        skew: Some(SignedDuration::from_millis(1_500)),
    }
}

fn tracked() -> RegionReport {
    RegionReport { tracking: tracking(), ..quiet(HERE) }
}

fn show(report: RegionReport) -> Text {
    scrape(&metrics(&[HERE]), &reports([report]))
}

/// The lines that do not end in 0.
fn said(text: &Text, family: &str) -> String {
    let text = text.of(family);
    let lines: Vec<&str> = text.lines().filter(|line| !line.ends_with(" 0")).collect();
    lines.join("\n")
}

#[test]
fn a_pack_shows_its_members_when_they_were_read() {
    insta::assert_snapshot!(show(tracked()).of("conformd_pack_accounts"), @r#"
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="failed"} 3
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="in_progress"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="inactive"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="missing"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="ok"} 117
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="waiting"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="failed"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="in_progress"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="inactive"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="missing"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="ok"} 120
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="waiting"} 0
    "#);
}

#[test]
fn by_health_and_failures_are_counted_over_the_packs_of_a_region() {
    let text = show(tracked());
    insta::assert_snapshot!(said(&text, "conformd_pack_rollouts"), @r#"
    conformd_pack_rollouts{health="degraded",region="eu-west-1"} 1
    conformd_pack_rollouts{health="healthy",region="eu-west-1"} 1
    conformd_pack_rollouts{health="unknown",region="eu-west-1"} 1
    "#);
    insta::assert_snapshot!(said(&text, "conformd_failed_accounts"), @r#"
    conformd_failed_accounts{class="no_recorder"} 2
    conformd_failed_accounts{class="template"} 1
    "#);
    insta::assert_snapshot!(text.of("conformd_resync_last_success"), @r#"
    conformd_resync_last_success_timestamp_seconds{kind="failure",region="eu-west-1"} 1793533500
    conformd_resync_last_success_timestamp_seconds{kind="full",region="eu-west-1"} 1793530800
    "#);
}

#[test]
fn an_account_that_fails_in_every_pack_and_region_is_counted_once() {
    let failed = |number: u64| TroubledMember {
        account: account(number),
        status: MemberStatus::Failed(FailureClass::NoRecorder),
        cause: None,
        last_update: None,
    };
    let regions = [HERE, "us-east-1"];
    let reports = reports(regions.map(|name| {
        let mut tracking = tracking();
        for rollout in tracking.packs.values_mut() {
            rollout.troubled = Arc::new([failed(1), failed(2), failed(3)]);
        }
        RegionReport { tracking, ..quiet(name) }
    }));
    let text = scrape(&metrics(&regions), &reports);
    insta::assert_snapshot!(said(&text, "conformd_failed_accounts"), @r#"
    conformd_failed_accounts{class="no_recorder"} 3
    conformd_failed_accounts{class="template"} 1
    "#);
}

#[test]
fn a_region_without_packs_of_ours_has_no_resync_that_could_be_late() {
    assert_eq!(show(quiet(HERE)).of("conformd_resync_last_success"), "");
}

#[test]
fn what_a_region_tracks_is_shown_while_it_cannot_be_read() {
    let metrics = metrics(&[HERE]);
    let seen = scrape(&metrics, &reports([tracked()]));
    let mut dark = unknown(HERE, FailureKind::Denied, "denied");
    dark.tracking = tracking();
    let blind = scrape(&metrics, &reports([dark.clone()]));
    assert_eq!(seen.of("conformd_pack_accounts"), blind.of("conformd_pack_accounts"));
    dark.tracking.new_accounts[0].phase = NewAccountPhase::Missed;
    let late = scrape(&metrics, &reports([dark]));
    insta::assert_snapshot!(said(&late, "conformd_new_accounts"), @r#"
    conformd_new_accounts{phase="complete",region="eu-west-1"} 1
    conformd_new_accounts{phase="missed",region="eu-west-1"} 1
    "#);
}

#[test]
fn the_deadline_is_the_first_one_that_is_still_open() {
    let deadline = |new_accounts_now: Vec<NewAccount>| {
        show(new_accounts(new_accounts_now)).of("conformd_new_account_deadline_timestamp_seconds")
    };
    let (late, early) = (at("11:00:00"), at("05:30:00"));
    assert_eq!(deadline(vec![]), "");
    assert_eq!(deadline(vec![new_account(1, NewAccountPhase::Complete, early)]), "");
    let both = vec![
        new_account(1, NewAccountPhase::Waiting, late),
        new_account(2, NewAccountPhase::Waiting, early),
    ];
    let first = (early + RETRY_WINDOW).as_second();
    assert_eq!(deadline(both).trim_end().rsplit(' ').next(), Some(first.to_string().as_str()));
    // AWS retries an account that has a recorder, and nobody has to act.
    assert_eq!(deadline(vec![new_account(2, NewAccountPhase::Deploying, early)]), "");
    // What AWS gave up would hide it.
    let over = at("01:00:00");
    let given_up = [NewAccountPhase::Missed, NewAccountPhase::Late, NewAccountPhase::Deploying];
    let mut all: Vec<_> = given_up.map(|phase| new_account(3, phase, over)).into();
    assert_eq!(deadline(all.clone()), "");
    all.push(new_account(1, NewAccountPhase::Waiting, late));
    let next = (late + RETRY_WINDOW).as_second();
    assert_eq!(deadline(all).trim_end().rsplit(' ').next(), Some(next.to_string().as_str()));
}

#[test]
fn a_new_account_converges_once_in_each_region_and_again_when_it_joins_again() {
    let metrics = metrics(&[HERE, "us-east-1"]);
    let done = |joined: Timestamp, minutes: u64| {
        let converged = Some(joined + Duration::from_mins(minutes));
        NewAccount { complete: converged, ..new_account(7, NewAccountPhase::Complete, joined) }
    };
    let first = new_accounts(vec![done(at("09:00:00"), 20)]);
    let mut elsewhere = first.clone();
    elsewhere.place.region = region("us-east-1");
    let before = new_accounts(vec![new_account(7, NewAccountPhase::Complete, at("08:00:00"))]);
    let again = new_accounts(vec![done(at("11:00:00"), 45)]);
    let dark = unknown(HERE, FailureKind::Server, "away");
    for report in [&before, &first, &first, &dark, &first, &elsewhere, &again, &again] {
        metrics.reconciled(report);
    }
    let text = scrape(&metrics, &Reports::new());
    let family = text.of("conformd_new_account_deploy_seconds");
    let lines: Vec<&str> = family.lines().filter(|line| !line.ends_with(" 3")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    conformd_new_account_deploy_seconds_bucket{le="1800"} 2
    conformd_new_account_deploy_seconds_bucket{le="300"} 0
    conformd_new_account_deploy_seconds_bucket{le="600"} 0
    conformd_new_account_deploy_seconds_sum 5100
    "#);
    let mut later = again;
    later.finished = at("12:00:00") + Duration::from_hours(24 * 8);
    metrics.reconciled(&later);
    let after = scrape(&metrics, &Reports::new());
    assert_eq!(
        after.of("conformd_new_account_deploy_seconds_count"),
        text.of("conformd_new_account_deploy_seconds_count")
    );
}

#[test]
fn accounts_are_counted_by_state_as_soon_as_there_is_a_list() {
    let metrics = metrics(&[HERE]);
    let shown = |members: &Members| {
        let text = scrape_all(&metrics, &Reports::new(), members);
        let families = ["conformd_accounts", "conformd_organization", "conformd_aws_clock_skew"];
        families.map(|family| text.of(family)).concat()
    };
    insta::assert_snapshot!(shown(&Members::default()), @"conformd_organization_last_success_timestamp_seconds 0");
    insta::assert_snapshot!(shown(&members()), @r#"
    conformd_accounts{state="active"} 4
    conformd_accounts{state="closed"} 0
    conformd_accounts{state="pending_activation"} 0
    conformd_accounts{state="pending_closure"} 0
    conformd_accounts{state="suspended"} 1
    conformd_accounts{state="unknown"} 1
    conformd_organization_last_success_timestamp_seconds 1793533800
    conformd_aws_clock_skew_seconds 1.5
    "#);
}

#[test]
fn a_list_that_shrank_waits_for_a_person_in_every_region() {
    let metrics = metrics(&[HERE, "us-east-1"]);
    let mut members = members();
    members.membership.shrink =
        Some(Shrink { before: 100, after: 80, since: at("11:40:00"), gone: BTreeSet::new() });
    let tripped = |members: &Members| {
        let text = scrape_all(&metrics, &reports([tracked()]), members);
        said(&text, "conformd_guard_tripped")
    };
    insta::assert_snapshot!(tripped(&members), @r#"
    conformd_guard_tripped{reason="membership",region="eu-west-1"} 1
    conformd_guard_tripped{reason="membership",region="us-east-1"} 1
    "#);
    members.membership.shrink = None;
    assert_eq!(tripped(&members), "");
}

#[test]
fn recorders_are_counted_by_what_the_probe_saw() {
    let metrics = metrics(&[HERE]);
    let text = scrape_all(&metrics, &Reports::new(), &members());
    insta::assert_snapshot!(text.of("conformd_recorder_accounts"), @r#"
    conformd_recorder_accounts{region="eu-west-1",state="failing"} 0
    conformd_recorder_accounts{region="eu-west-1",state="missing"} 1
    conformd_recorder_accounts{region="eu-west-1",state="recording"} 0
    conformd_recorder_accounts{region="eu-west-1",state="stopped"} 0
    conformd_recorder_accounts{region="eu-west-1",state="unknown"} 1
    "#);
}

#[test]
fn packs_past_the_cap_have_no_series_and_are_counted() {
    let names: Vec<_> = (0..103).map(|number| pack(&format!("pack-{number:03}"))).collect();
    let read = || rollout(RolloutHealth::Healthy, Counts::default());
    let report = RegionReport {
        packs: names
            .iter()
            .map(|name| (name.clone(), pack_report(SyncStatus::Synced, &[])))
            .collect(),
        tracking: Tracking {
            packs: names.iter().map(|name| (name.clone(), read())).collect(),
            ..Tracking::default()
        },
        ..quiet(HERE)
    };
    let text = show(report);
    insta::assert_snapshot!(text.of("conformd_series_dropped"), @r#"
    conformd_series_dropped{metric="conformd_pack_accounts"} 18
    conformd_series_dropped{metric="conformd_pack_last_update_timestamp_seconds"} 3
    conformd_series_dropped{metric="conformd_pack_puts_total"} 3
    conformd_series_dropped{metric="conformd_pack_synced"} 3
    "#);
    assert_eq!(text.of("conformd_pack_synced").lines().count(), 100);
    assert_eq!(text.of("conformd_pack_accounts").lines().count(), 600);
    assert!(!text.of("conformd_pack_").contains("pack-100"));
}

#[test]
fn no_account_and_nothing_that_others_wrote_is_in_a_label() {
    let metrics = metrics(&[HERE]);
    let cause = Arc::new(Cause { code: HOSTILE.to_owned(), message: HOSTILE.to_owned() });
    let troubled = TroubledMember {
        account: account(222_222_222_222),
        status: MemberStatus::Failed(FailureClass::Other),
        cause: Some(cause),
        last_update: None,
    };
    let mut report = tracked();
    for rollout in report.tracking.packs.values_mut() {
        rollout.why = Some(HOSTILE.to_owned());
        rollout.troubled = Arc::new([troubled.clone()]);
        rollout.new_accounts.insert(troubled.account, troubled.status);
    }
    for new_account in &mut report.tracking.new_accounts {
        new_account.account = troubled.account;
        new_account.recorder = Some(RecorderState::Failing { code: HOSTILE.to_owned() });
        new_account.complete = Some(at("11:00:00"));
    }
    let mut members = members();
    let problem = WalkFailure { kind: FailureKind::Denied, why: HOSTILE.to_owned() };
    members.membership.problem = Some(problem);
    metrics.reconciled(&report);
    let text = scrape_all(&metrics, &reports([report]), &members);
    for series in text.series.keys() {
        for word in ["arn:", "script", "222222222222", "000000000001", "111111111111", "\n", "o-ex"]
        {
            assert!(!series.contains(word), "{series} contains {word}");
        }
    }
}

#[test]
fn a_region_that_leaves_the_settings_takes_its_members_along() {
    let metrics = metrics(&[HERE, "us-east-1"]);
    metrics.reconciled(&tracked());
    scrape_all(&metrics, &reports([tracked()]), &members());
    metrics.configure(&settings(&["us-east-1"]));
    let text = scrape_all(&metrics, &reports([tracked()]), &members());
    let left = text.series.keys().filter(|series| series.contains(HERE));
    let left: Vec<_> = left.filter(|series| !series.contains("last_beat")).collect();
    assert_eq!(left, Vec::<&String>::new());
}
