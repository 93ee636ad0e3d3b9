//! What people are shown of packs and accounts, and how it reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use conformd::domain::base::untrusted::is_hidden;
use conformd::domain::members::new_account::NewAccountPhase;
use conformd::domain::members::rollout::RolloutHealth;
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::observed::member::{Counts, MemberStatus, StatusKind, TroubledMember};
use conformd::domain::organization::membership::Membership;
use conformd::domain::plan::hold::{Hold, HoldCause, HoldReason};
use conformd::domain::plan::step::{Action, Reason};
use conformd::domain::present::axes::{HealthStatus, SyncStatus};
use conformd::domain::present::report::{PackReport, RegionReport, SyncReason};
use conformd::domain::present::view::account::{AccountView, account};
use conformd::domain::present::view::members::{AccountOrder, MembersQuery, accounts};
use conformd::domain::present::view::problem::{ProblemSeverity, ProblemView};
use conformd::domain::present::view::status::{StatusView, status};
use conformd::domain::present::view::{
    ConfirmedCaller, CurrentState, ListPage, new_accounts, packs,
};
use conformd::text::{self, Layout};
use insta::assert_snapshot;
use proptest::prelude::*;
use strum::IntoEnumIterator as _;

use crate::support::people::{HERE, facts, failed, id, membership, rollout};
use crate::support::sample::{
    SYNC_REASONS, at, content, hold_cause, pack, pack_report, quiet, regions, reports, step, unread,
};

fn table(facts: &CurrentState) -> String {
    text::status(&status(facts), Layout::default())
}

#[test]
fn the_start_of_the_program_is_the_same_whatever_is_learned_of_aws_s_clock() {
    // Clients tell by it that the daemon has started anew.
    let mut facts = facts();
    let started = status(&facts).program.started;
    facts.skew = Some(jiff::SignedDuration::from_secs(90));
    assert_eq!(status(&facts).program.started, started);
}

#[test]
fn the_status_says_first_what_needs_a_person_and_by_when() {
    assert_snapshot!(table(&facts()), @r#"
    SIMULATED: no real AWS account is read or changed
    Action required: 3 of 6 accounts (3 causes); requests denied (us-east-1); waiting for approval (legacy, eu-west-1); manifests invalid; unreachable (ap-south-1); 2 of 3 regions were not read; next deadline in 2h 9m (555555555555, eu-west-1)

    Waiting for approval
      ! delete 1 pack in eu-west-1
          deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)
          If this is intended, commit the document that `conformd approve` prints; otherwise revert the change. The losses stay held until then.

    Problems
      ! deadline missed    1 account in iam-baseline, eu-west-1  account owner  passed 1h 1m ago
          Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.
          666666666666
      ! requests denied    us-east-1                             platform team
          us-east-1 could not be read (last read 59s ago): a policy forbids it
          Allow the denied action, which AWS's message names, to conformd's role: `conformd iam-policy` prints the whole policy. Then look for a service control policy.
      ! deadline near      1 account in iam-baseline, eu-west-1  account owner  2h 9m left
          Create a customer-managed configuration recorder in the account and region before the deadline: AWS stops retrying then.
          555555555555
      ! access denied      1 account in iam-baseline, eu-west-1  platform team
          Find the policy that denies it (service control policies first; CloudTrail of the account names the action) and add an exception for AWS Config.
          222222222222
      ! manifests invalid                                        pack author
          packs/edge.yaml:4:3: error[unknown-field]: there is no field "parametres" (did you mean "parameters"?)
          Correct the manifests: `conformd validate` names each place. Until then what was last valid stays in force, if there was anything, and deletions are paused.
      ! unreachable        ap-south-1                            platform team
          ap-south-1 was never read
          Check network, DNS and proxy, then the health of AWS in the region; conformd tries again by itself.
      ~ redeploying        1 account in iam-baseline, eu-west-1  conformd
          Nothing: conformd puts the pack again by itself.
          333333333333

        PACK          ap-south-1  eu-west-1            us-east-1
      ! iam-baseline  Unknown     2 failed, 1 missing  Unknown
      ! legacy        -           held                 -
      ? logging       Unknown     Healthy 5            Unknown

    New accounts
      ! 666666666666 media-new  eu-west-1  missed   passed 1h 1m ago  recorder not probed
      ~ 555555555555 shop-new   eu-west-1  waiting  2h 9m left        recorder missing
    "#);
}

#[test]
fn the_wide_status_names_accounts_and_ages() {
    let layout = Layout { wide: true, ..Layout::default() };
    assert_snapshot!(text::status(&status(&facts()), layout), @r#"
    SIMULATED: no real AWS account is read or changed
    Action required: 3 of 6 accounts (3 causes); requests denied (us-east-1); waiting for approval (legacy, eu-west-1); manifests invalid; unreachable (ap-south-1); 2 of 3 regions were not read; next deadline in 2h 9m (555555555555, eu-west-1)

    Waiting for approval
      ! delete 1 pack in eu-west-1
          deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)
          If this is intended, commit the document that `conformd approve` prints; otherwise revert the change. The losses stay held until then.

    Problems
      ! deadline missed    1 account in iam-baseline, eu-west-1  account owner  passed 1h 1m ago
          Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.
          666666666666 media-new, iam-baseline in eu-west-1
      ! requests denied    us-east-1                             platform team
          us-east-1 could not be read (last read 59s ago): a policy forbids it
          Allow the denied action, which AWS's message names, to conformd's role: `conformd iam-policy` prints the whole policy. Then look for a service control policy.
      ! deadline near      1 account in iam-baseline, eu-west-1  account owner  2h 9m left
          Create a customer-managed configuration recorder in the account and region before the deadline: AWS stops retrying then.
          555555555555 shop-new, iam-baseline in eu-west-1
      ! access denied      1 account in iam-baseline, eu-west-1  platform team
          Find the policy that denies it (service control policies first; CloudTrail of the account names the action) and add an exception for AWS Config.
          222222222222 payments, iam-baseline in eu-west-1: AccessDenied: User: arn:aws:sts::… is not authorized to perform: config:PutConfigRule with an explicit deny in a service control policy
      ! manifests invalid                                        pack author
          packs/edge.yaml:4:3: error[unknown-field]: there is no field "parametres" (did you mean "parameters"?)
          Correct the manifests: `conformd validate` names each place. Until then what was last valid stays in force, if there was anything, and deletions are paused.
      ! unreachable        ap-south-1                            platform team
          ap-south-1 was never read
          Check network, DNS and proxy, then the health of AWS in the region; conformd tries again by itself.
      ~ redeploying        1 account in iam-baseline, eu-west-1  conformd
          Nothing: conformd puts the pack again by itself.
          333333333333 data-lake, iam-baseline in eu-west-1

        PACK          ap-south-1  eu-west-1            us-east-1
      ! iam-baseline  Unknown     2 failed, 1 missing  Unknown
      ! legacy        -           held                 -
      ? logging       Unknown     Healthy 5            Unknown

    Packs
      ? iam-baseline  ap-south-1  Unknown              Unknown    Unknown   -                                                                                        changed -        resynced -
      ? logging       ap-south-1  Unknown              Unknown    Unknown   -                                                                                        changed -        resynced -
      ! iam-baseline  eu-west-1   2 failed, 1 missing  OutOfSync  Degraded  CREATE_SUCCESSFUL  6 expected, 2 ok, 1 waiting, 2 failed, 1 missing, 1 inactive, 1 left  changed 31m ago  resynced 11m ago
      ! legacy        eu-west-1   held                 OutOfSync  Healthy   CREATE_SUCCESSFUL  6 expected, 6 ok                                                      changed 31m ago  resynced 11m ago
        logging       eu-west-1   Healthy 5            Synced     Healthy   CREATE_SUCCESSFUL  5 expected, 5 ok                                                      changed 31m ago  resynced 11m ago
      ? iam-baseline  us-east-1   Unknown              Unknown    Unknown   -                                                                                        changed -        resynced -
      ? logging       us-east-1   Unknown              Unknown    Unknown   -                                                                                        changed -        resynced -

    New accounts
      ! 666666666666 media-new  eu-west-1  missed   passed 1h 1m ago  recorder not probed
      ~ 555555555555 shop-new   eu-west-1  waiting  2h 9m left        recorder missing

    Held
      ~ every pack  us-east-1  unknown
          a policy forbids it
    "#);
}

#[test]
fn a_narrow_terminal_breaks_columns_not_words() {
    let layout = Layout { width: Some(60), wide: false };
    assert_snapshot!(text::status(&status(&facts()), layout), @r#"
    SIMULATED: no real AWS account is read or changed
    Action required: 3 of 6 accounts (3 causes); requests denied (us-east-1); waiting for approval (legacy, eu-west-1); manifests invalid; unreachable (ap-south-1); 2 of 3 regions were not read; next deadline in 2h 9m (555555555555, eu-west-1)

    Waiting for approval
      ! delete 1 pack in eu-west-1
          deleting 2 of 3 packs in eu-west-1 within 24 h (limit
          1)
          If this is intended, commit the document that
          `conformd approve` prints; otherwise revert the
          change. The losses stay held until then.

    Problems
      ! deadline missed    1 account in iam-baseline, eu-west-1  account owner  passed 1h 1m ago
          Create a customer-managed configuration recorder in
          the account and region. conformd redeploys when it
          observes the recorder.
          666666666666
      ! requests denied    us-east-1                             platform team
          us-east-1 could not be read (last read 59s ago): a
          policy forbids it
          Allow the denied action, which AWS's message names, to
          conformd's role: `conformd iam-policy` prints the
          whole policy. Then look for a service control policy.
      ! deadline near      1 account in iam-baseline, eu-west-1  account owner  2h 9m left
          Create a customer-managed configuration recorder in
          the account and region before the deadline: AWS stops
          retrying then.
          555555555555
      ! access denied      1 account in iam-baseline, eu-west-1  platform team
          Find the policy that denies it (service control
          policies first; CloudTrail of the account names the
          action) and add an exception for AWS Config.
          222222222222
      ! manifests invalid                                        pack author
          packs/edge.yaml:4:3: error[unknown-field]: there is no
          field "parametres" (did you mean "parameters"?)
          Correct the manifests: `conformd validate` names each
          place. Until then what was last valid stays in force,
          if there was anything, and deletions are paused.
      ! unreachable        ap-south-1                            platform team
          ap-south-1 was never read
          Check network, DNS and proxy, then the health of AWS
          in the region; conformd tries again by itself.
      ~ redeploying        1 account in iam-baseline, eu-west-1  conformd
          Nothing: conformd puts the pack again by itself.
          333333333333

        PACK          ap-south-1  eu-west-1            us-east-1
      ! iam-baseline  Unknown     2 failed, 1 missing  Unknown
      ! legacy        -           held                 -
      ? logging       Unknown     Healthy 5            Unknown

    New accounts
      ! 666666666666 media-new  eu-west-1  missed   passed 1h 1m ago  recorder not probed
      ~ 555555555555 shop-new   eu-west-1  waiting  2h 9m left        recorder missing
    "#);
}

/// One region that holds these packs, everything else as it should be.
fn calm(packs: &[(&str, SyncStatus, RolloutHealth)]) -> CurrentState {
    let report = quiet(HERE);
    let rollouts = packs.iter().map(|(name, _, health)| {
        let troubled = match health {
            RolloutHealth::Progressing => {
                vec![TroubledMember { status: MemberStatus::InProgress, ..member('2') }]
            }
            RolloutHealth::Degraded => vec![failed('2', FailureClass::StackFailed, "", "")],
            RolloutHealth::Missing => {
                vec![TroubledMember { status: MemberStatus::Missing, ..member('2') }]
            }
            RolloutHealth::Healthy
            | RolloutHealth::StuckAggregate
            | RolloutHealth::Deleting
            | RolloutHealth::Unknown => Vec::new(),
        };
        (pack(name), rollout(*health, 5, troubled))
    });
    let report = RegionReport {
        tracking: Tracking { packs: rollouts.collect(), ..Tracking::default() },
        packs: packs
            .iter()
            .map(|(name, state, _)| (pack(name), pack_report(*state, &[])))
            .collect(),
        ..report
    };
    let mut facts = CurrentState { reports: reports([report]), ..facts() };
    facts.about.regions = regions(&[HERE]);
    let catalog = Arc::make_mut(facts.source.catalog.as_mut().unwrap());
    catalog.diagnostics.clear();
    catalog.wholly_valid = true;
    facts
}

fn member(digit: char) -> TroubledMember {
    TroubledMember { account: id(digit), status: MemberStatus::Ok, cause: None, last_update: None }
}

fn held(facts: &mut CurrentState, name: &str, reason: HoldReason) {
    let report = facts.reports.values().next().unwrap();
    let mut report = RegionReport::clone(report);
    let why = hold_cause(reason, "its reason in words");
    report.plan.holds.push(Hold { pack: Some(pack(name)), why, until: None, step: None });
    facts.reports = reports([report]);
}

/// State, exit code and first line.
fn answer(facts: &CurrentState) -> String {
    let health = status(facts).health;
    format!("{} {}: {}", health.state.exit_code(), health.state.title(), health.summary)
}

#[test]
fn the_first_line_is_the_answer() {
    let synced = SyncStatus::Synced;
    let with = |health| calm(&[("iam", synced, health), ("logs", synced, RolloutHealth::Healthy)]);
    let mut answers = Vec::new();
    for health in RolloutHealth::ALL {
        answers.push(answer(&with(health)));
    }
    answers.push(answer(&calm(&[])));
    answers.push(answer(&calm(&[("iam", synced, RolloutHealth::Healthy)])));
    answers.push(answer(&calm(&[("iam", SyncStatus::OutOfSync, RolloutHealth::Healthy)])));
    for reason in [HoldReason::Suspended, HoldReason::Guard, HoldReason::Settling] {
        let mut facts = with(RolloutHealth::Healthy);
        held(&mut facts, "iam", reason);
        answers.push(answer(&facts));
    }
    let fine = || with(RolloutHealth::Healthy);
    let list = Arc::new(Membership { list: None, ..membership() });
    answers.push(answer(&CurrentState { membership: list, ..fine() }));
    answers.push(answer(&CurrentState { now: at("13:00:00"), ..fine() }));
    answers.push(answer(&CurrentState {
        caller: ConfirmedCaller::Unconfirmed { problem: None },
        ..fine()
    }));
    let mut gone = fine();
    gone.source.unread = Some(unread("no such directory"));
    answers.push(answer(&gone));
    answers.push(answer(&CurrentState { reports: BTreeMap::new(), ..fine() }));
    assert_snapshot!(answers.join("\n"), @"
    0 Healthy: all 2 pack deployments are in place
    0 Progressing: 1 of 2 pack deployments is in progress
    1 Degraded: 1 of 2 pack deployments has failing accounts
    1 Degraded: Action required: 1 of 6 accounts (1 cause)
    0 Progressing: 1 of 2 pack deployments is in progress
    0 Progressing: 1 of 2 pack deployments is being removed
    2 Unknown: 1 of 2 pack deployments is unknown
    0 Healthy: no pack is declared or deployed
    0 Healthy: the one pack deployment is in place
    0 Progressing: 1 of 1 pack deployment differs from the manifests
    0 Suspended: 1 of 2 pack deployments is intentionally held
    1 Degraded: Action required: waiting for approval (iam, eu-west-1)
    0 Progressing: all 2 pack deployments are in place
    1 Degraded: Action required: account list unread
    1 Degraded: Action required: account list unread; unreachable (eu-west-1); source unread
    2 Unknown: all 2 pack deployments are in place; the caller identity was not read yet
    1 Degraded: Action required: source unread
    1 Degraded: Action required: unreachable (eu-west-1); 1 of 1 region was not read
    ");
}

#[test]
fn nothing_is_said_where_nothing_is_wrong() {
    assert_snapshot!(table(&calm(&[("iam", SyncStatus::Synced, RolloutHealth::Healthy)])), @"
    SIMULATED: no real AWS account is read or changed
    Healthy: the one pack deployment is in place

        PACK  eu-west-1
        iam   Healthy 5
    ");
}

/// Two accounts without recorder as it was, of which these have one now and wait for a
/// redeployment.
fn late(equipped: &[char]) -> CurrentState {
    let facts = calm(&[("iam", SyncStatus::Synced, RolloutHealth::Degraded)]);
    let mut report = RegionReport::clone(facts.reports.values().next().unwrap());
    let late = ['2', '3'].map(|digit| failed(digit, FailureClass::NoRecorder, "", ""));
    report.tracking.packs.insert(pack("iam"), rollout(RolloutHealth::Degraded, 5, late.into()));
    if !equipped.is_empty() {
        let seen = equipped.iter().map(|digit| (id(*digit), at("11:50:00"))).collect();
        let accounts = equipped.iter().map(|digit| id(*digit)).collect();
        let reason = Reason::Redeploy { accounts, seen };
        let step = step("iam", Action::Redeploy(Box::new(content())), reason);
        report.plan.holds.push(Hold {
            pack: Some(pack("iam")),
            why: HoldCause::Cooldown,
            until: Some(at("12:30:00")),
            step: Some(Box::new(step)),
        });
    }
    CurrentState { reports: reports([report]), ..facts }
}

#[test]
fn whoever_waits_for_a_redeploy_of_ours_is_not_told_to_act() {
    let troubles = |equipped: &[char]| {
        let page = table(&late(equipped));
        let (_, problems) = page.split_once("Problems").unwrap();
        problems.split("\n\n").next().unwrap().trim_matches('\n').to_owned()
    };
    assert_snapshot!(troubles(&[]), @"
    ! no recorder  2 accounts in iam, eu-west-1  account owner
        Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.
        222222222222, 333333333333
    ");
    assert_snapshot!(troubles(&['2']), @"
    ! no recorder  1 account in iam, eu-west-1  account owner
        Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.
        333333333333
    ~ redeploying  1 account in iam, eu-west-1  conformd
        Nothing: conformd puts the pack again by itself.
        222222222222
    ");
    assert_snapshot!(troubles(&['2', '3']), @"
    ~ redeploying  2 accounts in iam, eu-west-1  conformd
        Nothing: conformd puts the pack again by itself.
        222222222222, 333333333333
    ");
}

fn explained(digit: char) -> String {
    text::account(&account(&facts(), id(digit), None).unwrap(), Layout::default())
}

#[test]
fn a_failing_account_is_told_whose_move_it_is() {
    assert_snapshot!(explained('2'), @"
    SIMULATED: no real AWS account is read or changed
    222222222222 (payments): 1 of 6 targeted pack deployments in place; 4 not known; action required in 1

    Account
        name    payments
        member  yes, ACTIVE
        joined  2024-01-01T00:00:00Z (1035d 12h ago)
        units   r-ab12
        list    read 3m ago

    ap-south-1
      ? unknown       not refreshed yet
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
      ? logging       not known: its members were not read yet; targeted: no rule excludes it

    eu-west-1
      ! iam-baseline  failed (access_denied), 21m ago; targeted: no rule excludes it
          AWS says: AccessDenied: User: arn:aws:sts::… is not authorized to perform: config:PutConfigRule with an explicit deny in a service control policy
          action required by platform team: Find the policy that denies it (service control policies first; CloudTrail of the account names the action) and add an exception for AWS Config.
        legacy        no manifest declares the pack here
          it keeps the pack until conformd deletes the pack here
        logging       ok; targeted: no rule excludes it

    us-east-1
      ? unknown       a policy forbids it
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
      ? logging       not known: its members were not read yet; targeted: no rule excludes it
    ");
}

#[test]
fn an_excluded_account_is_told_the_rule() {
    assert_snapshot!(explained('4'), @"
    SIMULATED: no real AWS account is read or changed
    444444444444 (sandbox): 1 of 3 targeted pack deployments in place; 2 not known

    Account
        name    sandbox
        member  yes, ACTIVE
        joined  2024-01-01T00:00:00Z (1035d 12h ago)
        units   r-ab12 > ou-ab12-sandbox1
        list    read 3m ago

    ap-south-1
      ? unknown       not refreshed yet
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
        logging       not targeted: exclude.organizationalUnits ou-ab12-sandbox1

    eu-west-1
        iam-baseline  ok; targeted: no rule excludes it
        legacy        no manifest declares the pack here
          it keeps the pack until conformd deletes the pack here
        logging       not targeted: exclude.organizationalUnits ou-ab12-sandbox1

    us-east-1
      ? unknown       a policy forbids it
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
        logging       not targeted: exclude.organizationalUnits ou-ab12-sandbox1
    ");
}

#[test]
fn a_new_account_is_told_how_much_time_is_left() {
    assert_snapshot!(explained('5'), @"
    SIMULATED: no real AWS account is read or changed
    555555555555 (shop-new): 1 of 6 targeted pack deployments in place; 4 not known; 7-hour window: 2h 9m left

    Account
        name    shop-new
        member  yes, ACTIVE
        joined  2026-11-01T07:10:00Z (4h 51m ago)
      ~ window  ends 2026-11-01T14:10:00Z: 2h 9m left
        units   r-ab12
        list    read 3m ago

    ap-south-1
      ? unknown       not refreshed yet
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
      ? logging       not known: its members were not read yet; targeted: no rule excludes it

    eu-west-1 · waiting
      ! recorder      missing: create a configuration recorder (seen 4m ago)
      ~ iam-baseline  waiting; targeted: no rule excludes it
          no recorder was seen: create a configuration recorder; AWS retries until the retry window ends (2026-11-01T14:10:00Z: 2h 9m left)
        legacy        no manifest declares the pack here
          it keeps the pack until conformd deletes the pack here
        logging       ok; targeted: no rule excludes it

    us-east-1
      ? unknown       a policy forbids it
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
      ? logging       not known: its members were not read yet; targeted: no rule excludes it
    ");
}

#[test]
fn a_missed_deadline_and_a_suspended_account_read_well() {
    assert_snapshot!(explained('6') + "\n-----\n" + &explained('7'), @"
    SIMULATED: no real AWS account is read or changed
    666666666666 (media-new): 1 of 6 targeted pack deployments in place; 4 not known; action required in 1; 7-hour window: passed 1h 1m ago

    Account
        name    media-new
        member  yes, ACTIVE
        joined  2026-11-01T04:00:00Z (8h 1m ago)
      ! window  ends 2026-11-01T11:00:00Z: passed 1h 1m ago
        units   r-ab12
        list    read 3m ago

    ap-south-1
      ? unknown       not refreshed yet
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
      ? logging       not known: its members were not read yet; targeted: no rule excludes it

    eu-west-1 · missed
      ! iam-baseline  failed (no_recorder), 21m ago; targeted: no rule excludes it
          AWS says: NoAvailableConfigurationRecorder: There is no configuration recorder available
          action required by account owner: Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.
        legacy        no manifest declares the pack here
          it keeps the pack until conformd deletes the pack here
        logging       ok; targeted: no rule excludes it

    us-east-1
      ? unknown       a policy forbids it
      ? iam-baseline  not known: its members were not read yet; targeted: no rule excludes it
      ? logging       not known: its members were not read yet; targeted: no rule excludes it

    -----
    SIMULATED: no real AWS account is read or changed
    777777777777 (retired): it is SUSPENDED, so it is not expected to have packs

    Account
        name    retired
      ! member  SUSPENDED: not expected to have packs
        joined  2024-01-01T00:00:00Z (1035d 12h ago)
        units   r-ab12
        list    read 3m ago

    ap-south-1
      ? unknown       not refreshed yet
        iam-baseline  not targeted: exclude.states SUSPENDED
        logging       not targeted: it is SUSPENDED

    eu-west-1
        iam-baseline  inactive, 21m ago; not targeted: exclude.states SUSPENDED
        legacy        no manifest declares the pack here
          it keeps the pack until conformd deletes the pack here
        logging       not targeted: it is SUSPENDED

    us-east-1
      ? unknown       a policy forbids it
        iam-baseline  not targeted: exclude.states SUSPENDED
        logging       not targeted: it is SUSPENDED
    ");
}

#[test]
fn an_account_that_left_is_explained_while_rows_of_it_linger() {
    assert_snapshot!(explained('8'), @"
    SIMULATED: no real AWS account is read or changed
    888888888888 is not a member of the organization; AWS still shows it in 1 pack deployment

    Account
      ! member  no: it is not in the account list
        list    read 3m ago

    ap-south-1
      ? unknown       not refreshed yet
        iam-baseline  not targeted: it is not a member
        logging       not targeted: it is not a member

    eu-west-1
      ~ iam-baseline  left, 21m ago; not targeted: it is not a member
          AWS removes the pack from it
        legacy        no manifest declares the pack here
          it keeps the pack until conformd deletes the pack here
        logging       not targeted: it is not a member

    us-east-1
      ? unknown       a policy forbids it
        iam-baseline  not targeted: it is not a member
        logging       not targeted: it is not a member
    ");
    assert_snapshot!(account(&facts(), id('9'), None).unwrap_err(), @"account 999999999999 is not in the organization, and AWS shows no row for it; the account list has 7 accounts");
}

#[test]
fn every_document_reads_back_as_it_was_written() {
    let facts = facts();
    let view = status(&facts);
    let text = serde_json::to_string(&view).unwrap();
    assert_eq!(serde_json::from_str::<StatusView>(&text).unwrap(), view);
    for digit in ['2', '4', '5', '6', '7', '8'] {
        let view = account(&facts, id(digit), None).unwrap();
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<AccountView>(&text).unwrap(), view);
    }
    let view = packs::packs(&facts);
    let text = serde_json::to_string(&view).unwrap();
    assert_eq!(serde_json::from_str::<packs::PacksView>(&text).unwrap(), view);
}

#[test]
fn hostile_words_stay_on_their_line_whatever_they_hold() {
    // The first one is harmless: no other may take more lines.
    let payloads = [
        "harmless",
        "</script><script>alert(1)</script>",
        "\u{1b}[2J\u{1b}[31mred\u{7}",
        "line\r\n  ! forged held\n\nProblems",
        "\u{202e}gnp.exe\u{2066}",
        &"x".repeat(10_000),
    ];
    let mut plain = None;
    let explained = explained('2').lines().count();
    for payload in payloads {
        let mut facts = facts();
        let mut membership = membership();
        let list = Arc::make_mut(membership.list.as_mut().unwrap());
        list.accounts.get_mut(&id('2')).unwrap().name = payload.to_owned();
        list.accounts.get_mut(&id('5')).unwrap().name = payload.to_owned();
        facts.membership = Arc::new(membership);
        let mut report = RegionReport::clone(&facts.reports[&HERE.parse().unwrap()]);
        let iam = report.tracking.packs.get_mut(&pack("iam-baseline")).unwrap();
        iam.troubled = iam
            .troubled
            .iter()
            .map(|member| match member.status {
                MemberStatus::Failed(class) => failed('2', class, payload, payload),
                MemberStatus::Ok
                | MemberStatus::InProgress
                | MemberStatus::Waiting
                | MemberStatus::Missing
                | MemberStatus::Inactive
                | MemberStatus::NotYetListed
                | MemberStatus::Left => member.clone(),
            })
            .collect();
        report.plan.holds[0].why = hold_cause(HoldReason::Guard, payload);
        facts.reports.insert(HERE.parse().unwrap(), Arc::new(report));
        for wide in [false, true] {
            let text = text::status(&status(&facts), Layout { width: None, wide });
            assert!(!text.contains(|letter| is_hidden(letter) && letter != '\n'), "{text:?}");
            let lines = text.lines().count();
            assert!(wide || lines <= *plain.get_or_insert(lines), "{text}");
        }
        let text = text::account(&account(&facts, id('2'), None).unwrap(), Layout::default());
        assert!(!text.contains(|letter| is_hidden(letter) && letter != '\n'), "{text:?}");
        assert_eq!(text.lines().count(), explained, "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 3_000));
    }
}

/// Members as AWS's rows would give them, at most one an account.
fn any_members() -> impl Strategy<Value = Vec<TroubledMember>> {
    let class = proptest::sample::select(FailureClass::ALL.to_vec());
    let status = prop_oneof![
        class.prop_map(MemberStatus::Failed),
        Just(MemberStatus::Missing),
        Just(MemberStatus::InProgress),
        Just(MemberStatus::Inactive),
        Just(MemberStatus::Left),
    ];
    let digits = prop::collection::btree_map(0_u32..8, status, 0..8);
    digits.prop_map(|members| {
        let member = |(digit, status)| {
            let digit = char::from_digit(digit + 1, 10).unwrap();
            TroubledMember { status, ..member(digit) }
        };
        members.into_iter().map(member).collect()
    })
}

type AnySync = (Option<SyncStatus>, Option<SyncReason>);
type AnyPack = (AnySync, RolloutHealth, Vec<TroubledMember>, usize, Option<HoldReason>);

fn any_facts() -> impl Strategy<Value = CurrentState> {
    let name = proptest::sample::select(vec!["iam", "logs", "net"]);
    let state = proptest::sample::select(SYNC_REASONS.to_vec());
    let health = proptest::sample::select(RolloutHealth::ALL.to_vec());
    let reason =
        proptest::option::of(proptest::sample::select(HoldReason::iter().collect::<Vec<_>>()));
    let packs =
        prop::collection::btree_map(name, (state, health, any_members(), 0_usize..9, reason), 0..4);
    let region = proptest::sample::select(vec![HERE, "us-east-1", "ap-south-1"]);
    prop::collection::btree_map(region, packs, 0..4).prop_map(|all| {
        let report = |(region, packs): (&str, BTreeMap<&str, AnyPack>)| {
            let mut report = quiet(region);
            for (name, ((sync, why), health, members, ok, reason)) in packs {
                let name = pack(name);
                report.tracking.packs.insert(name.clone(), rollout(health, ok, members));
                let shown = pack_report(SyncStatus::Synced, &[]);
                let mut shown = PackReport { sync, reason: why, ..shown };
                shown.holds.extend(reason);
                report.plan.holds.extend(reason.map(|reason| Hold {
                    pack: Some(name.clone()),
                    why: hold_cause(reason, "why"),
                    until: None,
                    step: None,
                }));
                report.packs.insert(name, shown);
            }
            report
        };
        CurrentState { reports: reports(all.into_iter().map(report)), ..facts() }
    })
}

proptest! {
    #[test]
    fn totals_are_the_sums_of_what_is_shown(facts in any_facts()) {
        let view = status(&facts);
        let deployments =
            || view.regions.values().flat_map(|region| region.deployments.values());
        let count = deployments().count();
        prop_assert_eq!(view.totals.sync.values().sum::<usize>(), count);
        prop_assert_eq!(view.totals.health.values().sum::<usize>(), count);
        prop_assert_eq!(view.totals.rollouts.values().sum::<usize>(), count);
        prop_assert_eq!(view.totals.regions.values().sum::<usize>(), facts.about.regions.len());
        let required = deployments().filter(|one| one.action_required).count();
        prop_assert_eq!(view.totals.action_required, required);
        for kind in StatusKind::iter() {
            let sum: usize = deployments().map(|one| one.rollout.counts.of(kind)).sum();
            prop_assert_eq!(view.totals.members.of(kind), sum);
        }
        let phases: usize = view.new_accounts.phases.values().sum();
        prop_assert_eq!(phases, new_accounts::page(&facts, None, ListPage::default()).total);
    }

    #[test]
    fn healthy_means_that_nothing_failed_and_everything_was_seen(facts in any_facts()) {
        let view = status(&facts);
        let Counts { failed, missing, .. } = view.totals.members;
        if view.health.state.exit_code() == 0 {
            prop_assert_eq!(view.totals.action_required, 0);
            prop_assert_eq!(view.totals.regions.values().sum::<usize>(), facts.reports.len());
        }
        let is_health = |health| view.totals.rollouts[&health] > 0;
        if is_health(RolloutHealth::Degraded) || is_health(RolloutHealth::Missing) {
            prop_assert_eq!(view.health.state, HealthStatus::Degraded, "{} {}", failed, missing);
        }
        let is_fine = view.health.state.exit_code() == 0;
        let is_told = |problem: &ProblemView| problem.health >= HealthStatus::Unknown;
        prop_assert_eq!(view.problems.iter().any(is_told), !is_fine);
    }

    #[test]
    fn what_requires_action_has_an_owner_and_an_advice_and_shows_in_the_health(
        facts in any_facts(),
    ) {
        let view = status(&facts);
        for problem in &view.problems {
            prop_assert!(!problem.advice.is_empty(), "{:?}", problem);
            let is_grave = problem.severity > ProblemSeverity::Info;
            prop_assert_eq!(problem.action_required, is_grave && problem.owner.is_person());
            prop_assert!(!is_grave || view.health.state > HealthStatus::Progressing);
        }
        let required = || view.problems.iter().filter(|problem| problem.action_required);
        prop_assert_eq!(view.health.action_required, required().next().is_some());
        for (region, shown) in &view.regions {
            for (pack, deployment) in &shown.deployments {
                let is_about = |problem: &ProblemView| {
                    problem.packs.contains(pack) && problem.regions.contains(region)
                };
                let is_told = required().any(is_about);
                prop_assert!(is_told || !deployment.action_required, "{} {}", pack, region);
            }
        }
    }

    #[test]
    fn no_whole_shows_better_than_its_parts(facts in any_facts()) {
        let view = status(&facts);
        for region in view.regions.values() {
            prop_assert!(view.sync >= region.sync && view.health.state >= region.health);
            for deployment in region.deployments.values() {
                prop_assert!(region.sync >= deployment.sync, "{:?}", region);
                prop_assert!(region.health >= deployment.health, "{:?}", region);
                let rollout = HealthStatus::of(deployment.rollout.health);
                let is_unread = rollout == HealthStatus::Unknown;
                prop_assert!(is_unread || deployment.health >= rollout, "{:?}", deployment);
            }
        }
    }

    #[test]
    fn every_text_is_built_whatever_there_is_and_whatever_the_width(
        facts in any_facts(), width in proptest::option::of(1_u16..200), wide in any::<bool>(),
    ) {
        let text = text::status(&status(&facts), Layout { width, wide });
        prop_assert!(text.lines().all(|line| line == line.trim_end()), "{}", text);
    }

    #[test]
    fn the_accounts_of_a_pack_are_those_that_are_counted(facts in any_facts()) {
        for (region, view) in status(&facts).regions {
            for name in view.deployments.keys() {
                let page = ListPage { number: 1, limit: 1_000 };
                let (region, pack) = (region.as_str(), name.as_str());
                let order = AccountOrder::Account;
                let asked =
                    MembersQuery { region, pack, status: None, page, search: "", order };
                let all = accounts(&facts, &asked).unwrap();
                let by_kind = |kind| {
                    let asked = MembersQuery { status: Some(kind), ..asked };
                    accounts(&facts, &asked).unwrap()
                };
                let each: Vec<_> = StatusKind::iter().map(by_kind).collect();
                prop_assert_eq!(each.iter().map(|page| page.total).sum::<usize>(), all.total);
                for page in each.iter().filter(|page| page.complete) {
                    prop_assert_eq!(page.total, page.counts.of(page.status.unwrap()));
                }
            }
        }
    }
}

#[test]
fn new_accounts_are_counted_by_the_most_urgent_of_their_phases() {
    let facts = facts();
    let page = |phase| new_accounts::page(&facts, phase, ListPage::default());
    assert_eq!(page(None).total, 2);
    assert_eq!(page(Some(NewAccountPhase::Missed)).accounts[0].account, id('6'));
    assert_eq!(page(Some(NewAccountPhase::Missed)).phases, page(None).phases);
    assert_eq!(page(Some(NewAccountPhase::Complete)).total, 0);
}
