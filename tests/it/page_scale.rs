//! The overview of a large organization: 50 packs in 20 regions and 10,000 accounts stay one page
//! that a browser shows at once.

#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use conformd::domain::base::limits::RETRY_WINDOW;
use conformd::domain::base::model::{AccountId, AccountState};
use conformd::domain::members::new_account::{NewAccount, NewAccountPhase};
use conformd::domain::members::rollout::{Rollout, RolloutHealth};
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::observed::member::{Cause, MemberStatus, TroubledMember};
use conformd::domain::organization::account_list::Account;
use conformd::domain::plan::hold::{Hold, HoldCause};
use conformd::domain::plan::region_plan::Plan;
use conformd::domain::present::axes::SyncStatus;
use conformd::domain::present::report::RegionReport;
use conformd::domain::present::view::CurrentState;

use crate::http::served_with;
use crate::page::{BROWSER, main_of};
use crate::support::people::{facts, rollout};
use crate::support::sample::{at, pack, pack_report, quiet, region, reports};

/// The most that the overview may have, uncompressed.
const BYTES_MAX: usize = 150_000;

const PACKS: usize = 50;
const ACCOUNTS: u64 = 10_000;
/// New accounts of every region.
const NEW_ACCOUNTS: u64 = 60;

const REGIONS: [&str; 20] = [
    "af-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "me-south-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-2",
];

/// How much is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fleet {
    /// Nothing.
    Healthy,
    /// Some packs fail in some regions.
    Usual,
    /// Every pack fails in every region and is held, with the longest names that there can be.
    Broken,
}

fn id(number: u64) -> AccountId {
    format!("{:012}", 100_000_000_000 + number).parse().unwrap()
}

fn name(fleet: Fleet, number: usize) -> String {
    let name = format!("security-baseline-{number:02}");
    if fleet == Fleet::Broken { format!("{name:-<50}x") } else { name }
}

fn failed(number: u64) -> TroubledMember {
    let cause = Cause {
        code: "AccessDenied".to_owned(),
        message: "User: arn:aws:sts::123456789012:assumed-role/x is not authorized".to_owned(),
    };
    TroubledMember {
        account: id(number),
        status: MemberStatus::Failed(FailureClass::AccessDenied),
        cause: Some(Arc::new(cause)),
        last_update: Some(at("11:40:00")),
    }
}

fn pack_rollout(fleet: Fleet, place: usize, number: usize) -> Rollout {
    let is_failing = match fleet {
        Fleet::Healthy => false,
        Fleet::Usual => number.is_multiple_of(7) && place.is_multiple_of(3),
        Fleet::Broken => true,
    };
    if is_failing {
        let troubled = (0..40).map(|one| failed(one * 3 + number as u64)).collect();
        rollout(RolloutHealth::Degraded, 9_960, troubled)
    } else {
        rollout(RolloutHealth::Healthy, 10_000, Vec::new())
    }
}

fn new_account(number: u64) -> NewAccount {
    let joined = at("07:10:00");
    NewAccount {
        account: id(number),
        joined,
        deadline: joined.checked_add(RETRY_WINDOW).unwrap(),
        phase: NewAccountPhase::Waiting,
        missing: BTreeSet::from([pack(&name(Fleet::Usual, 1))]),
        recorder: None,
        complete: None,
    }
}

fn report(fleet: Fleet, place: usize, at_region: &str) -> RegionReport {
    let names = || (0..PACKS).map(|number| (number, pack(&name(fleet, number))));
    let held = |name| Hold {
        pack: Some(name),
        why: HoldCause::WritesRefused("a policy of the organization forbids this".to_owned()),
        until: None,
        step: None,
    };
    let holds = if fleet == Fleet::Broken {
        names().map(|(_, name)| held(name)).collect()
    } else {
        Vec::new()
    };
    let report = quiet(at_region);
    let new_accounts = if fleet == Fleet::Healthy { 0 } else { NEW_ACCOUNTS };
    let rollouts = names().map(|(number, name)| (name, pack_rollout(fleet, place, number)));
    let packs = names().map(|(_, name)| (name, pack_report(SyncStatus::Synced, &[])));
    RegionReport {
        plan: Plan { holds, ..report.plan },
        packs: packs.collect(),
        observed: PACKS,
        tracking: Tracking {
            packs: rollouts.collect(),
            new_accounts: (0..new_accounts).map(new_account).collect(),
            trouble_last: Some(at("11:55:00")),
            resync_last: Some(at("11:50:00")),
            resync_since: Some(at("11:50:00")),
        },
        ..report
    }
}

fn large(fleet: Fleet) -> CurrentState {
    let mut facts = facts();
    facts.about.regions = REGIONS.iter().map(|name| region(name)).collect();
    let all = REGIONS.iter().enumerate().map(|(place, name)| report(fleet, place, name));
    facts.reports = reports(all);
    let membership = Arc::make_mut(&mut facts.membership);
    let list = Arc::make_mut(membership.list.as_mut().unwrap());
    let accounts = (0..ACCOUNTS).map(|number| {
        let account = Account {
            id: id(number),
            name: format!("workload-{number:05}-production"),
            state: Some(AccountState::Active),
            joined: None,
            units: None,
            tags: None,
        };
        (account.id, account)
    });
    list.accounts = accounts.collect::<BTreeMap<_, _>>();
    facts
}

#[tokio::test]
async fn the_overview_of_a_large_organization_stays_small() {
    for (fleet, what) in
        [(Fleet::Healthy, "healthy"), (Fleet::Usual, "usual"), (Fleet::Broken, "broken")]
    {
        let served = served_with(large(fleet), Vec::new()).await;
        let answer = served.send("GET /", &[BROWSER], "").await;
        assert_eq!(answer.status, 200);
        println!("{what}: {} bytes of at most {BYTES_MAX}", answer.body.len());
        assert!(answer.body.len() <= BYTES_MAX, "{what}: {}", answer.body.len());
    }
}

#[tokio::test]
async fn the_packs_of_a_large_organization_are_all_found_page_by_page_the_worst_first() {
    let served = served_with(large(Fleet::Broken), Vec::new()).await;
    let mut names = Vec::new();
    for page in 1..=2 {
        let body = served.send(&format!("GET /?page={page}"), &[BROWSER], "").await.body;
        let rows = body.split("<tr id=\"row-").skip(1);
        names.extend(rows.map(|row| row.split('"').next().unwrap().to_owned()));
        assert!(body.contains(&format!("page {page} of 2")));
    }
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), PACKS);
    assert_eq!(names.len(), PACKS);
    let served = served_with(large(Fleet::Usual), Vec::new()).await;
    let body = served.send("GET /", &[BROWSER], "").await.body;
    let rows = body.split("<tr id=\"row-").skip(1);
    let names: Vec<&str> = rows.map(|row| row.split('"').next().unwrap()).collect();
    assert_eq!(names.len(), PACKS);
    // Every seventh fails, and the second one is missing in new accounts past their deadline.
    let failing: BTreeSet<String> =
        (0..PACKS).filter(|n| n % 7 == 0 || *n == 1).map(|n| name(Fleet::Usual, n)).collect();
    let (first, rest) = names.split_at(failing.len());
    assert_eq!(first.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), failing);
    assert!(rest.is_sorted());
    // A pack that is healthy everywhere is one cell.
    assert_eq!(body.matches("✓ Healthy in 20 regions").count(), rest.len(), "in one cell");
}

#[tokio::test]
async fn a_pack_and_a_region_of_a_large_organization_list_the_worst_first() {
    let served = served_with(large(Fleet::Usual), Vec::new()).await;
    let page = served.send("GET /packs/security-baseline-07", &[BROWSER], "").await.body;
    let shown = main_of(&page);
    let lines: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).take(12).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    ! security-baseline-07
    action required in 7 regions; fine in 13 regions; 199720 of 200000 account deployments are ok
    manifest | ~ no manifest declares it
    regions | 20
    failures | ! access denied 280
    Regions
    region state allaction requirednot knownunder way or out of syncas it should beorder worst firstby nameApplyregion | status | rollout | changed | reason
    af-south-1 | ! 40 failed, action required
    Synced, Degraded
    | 9960 of 10000 | 31m ago |
    ap-northeast-3 | ! 40 failed, action required
    Synced, Degraded
    ");
    let page = served.send("GET /regions/af-south-1?show=healthy&q=-02", &[BROWSER], "").await.body;
    insta::assert_snapshot!(main_of(&page), @"
    ! af-south-1
    Synced, Degraded; action required in 9 packs; fine in 41 packs; 499680 of 500000 account deployments are ok
    read | 59s ago
    reconciled | 58s ago
    plan | 0 steps, 0 holds: the plan of this region
    revision | dir:0a1b2c3d
    Packs
    pack state allaction requirednot knownunder way or out of syncas it should beorder worst firstby nameApplyShow allpack | status | rollout | changed | reason
    security-baseline-02 | ✓ Healthy 10000
    Synced, Healthy
    | 10000 of 10000 | 31m ago |
    This list as CSV or JSON
    ");
}
