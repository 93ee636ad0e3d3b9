//! How much memory the members take: 10,000 accounts × 50 packs × 20 regions, with 1 % and with
//! all of them failing; budgets 128 MiB and 512 MiB.
//!
//! Prints its figures: resident memory of a process that holds nothing else, each share in a
//! process of its own, and how long a region takes to be surveyed. Every region is fed as its task
//! would be, page by page, and its report is held as well. `cargo bench --bench members`.

#![expect(clippy::print_stdout, reason = "the figures are the output")]
#![expect(clippy::disallowed_methods, reason = "the one thing that measures real time")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conformd::domain::base::model::{
    AccountId, AccountState, DeletionPolicy, Digest, MARKER_PARAMETER, Marker, PackName, Place,
    ResultsBucket, Timestamp,
};
use conformd::domain::members::rollout::RolloutHealth;
use conformd::domain::members::tracker::target::Targets;
use conformd::domain::members::tracker::{
    MemberRequest, MemberTracker, PAGE, RegionObservation, Resyncs, RowsInProgress,
};
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::packs::{
    PackPhase, PackRecord, PacksObservation, RolloutStatus, StatusRecord, StatusRow, Verb, join,
};
use conformd::domain::organization::account_list::{Account, AccountList, OrganizationRecord};
use conformd::domain::organization::membership::ListFreshness;

const REGIONS: usize = 20;
/// Organization packs per region (AWS Config quota).
const PACKS: usize = 50;
const ACCOUNTS: usize = 10_000;
const RESYNCS: Resyncs =
    Resyncs { trouble: Duration::from_mins(15), full: Duration::from_hours(6) };
/// Members of a hundred that fail, and what the process may weigh then, in MiB.
const SHARES: [(usize, usize); 2] = [(1, 128), (100, 512)];

fn now() -> Result<Timestamp, jiff::Error> {
    "2026-11-02T12:00:00Z".parse()
}

fn account(number: usize) -> Result<AccountId, Box<dyn Error>> {
    Ok(format!("2{number:011}").parse()?)
}

fn list() -> Result<Arc<AccountList>, Box<dyn Error>> {
    let mut accounts = BTreeMap::new();
    for number in 0..ACCOUNTS {
        let id = account(number)?;
        let account = Account {
            id,
            name: format!("workload-{number}"),
            state: Some(AccountState::Active),
            joined: Some("2024-03-01T00:00:00Z".parse()?),
            units: None,
            tags: None,
        };
        accounts.insert(id, account);
    }
    let organization =
        OrganizationRecord { id: "o-a1".to_owned(), management: account(0)?, all_features: true };
    Ok(Arc::new(AccountList {
        organization,
        accounts,
        units_absent: BTreeSet::new(),
        units_walked: BTreeSet::new(),
        tags_problem: None,
        unsettled: BTreeMap::new(),
        read: now()?,
    }))
}

fn seen(place: &Place) -> Result<PacksObservation, Box<dyn Error>> {
    let (mut records, mut statuses) = (Vec::new(), Vec::new());
    for number in 0..PACKS {
        let name: PackName = format!("pack-{number:02}").parse()?;
        let template = Digest::of([name.as_str().as_bytes()]);
        let policy = DeletionPolicy::Delete;
        let marker = Marker::new("main".parse()?, template, 10, policy, (place, &name));
        let status = RolloutStatus::Known(Verb::Create, PackPhase::Failed);
        records.push(PackRecord {
            name: name.clone(),
            arn: format!("arn:{name}"),
            last_update: "2026-11-01T00:00:00Z".parse()?,
            inputs: [(MARKER_PARAMETER.to_owned(), marker.to_string())].into(),
            excluded: BTreeSet::new(),
            delivery: ResultsBucket::default(),
        });
        let (error_code, error_message, last_update) = (None, None, None);
        statuses.push(StatusRecord { name, status, error_code, error_message, last_update });
    }
    Ok(join(records, statuses, &"main".parse()?, place))
}

/// The rows of one page; so many in a hundred have failed, with words about their own account.
fn page(first: usize, percent: usize) -> Result<Vec<StatusRow>, Box<dyn Error>> {
    let row = |number: usize| {
        let account = account(number)?;
        let is_failed = number % 100 < percent;
        let phase = if is_failed { PackPhase::Failed } else { PackPhase::Successful };
        let message = || {
            format!(
                "User: arn:aws:sts::{account}:assumed-role/AWSServiceRoleForConfigConforms/\
                 AwsConfigConformsWorkflow is not authorized to perform: config:PutConfigRule on \
                 resource: arn:aws:config:eu-west-1:{account}:config-rule/aws-service-rule with an \
                 explicit deny in a service control policy"
            )
        };
        Ok(StatusRow {
            account,
            status: RolloutStatus::Known(Verb::Create, phase),
            error_code: is_failed.then(|| "AccessDeniedException".to_owned()),
            error_message: is_failed.then(message),
            last_update: Some("2026-11-01T00:10:00Z".parse()?),
        })
    };
    (first..first + PAGE).map(row).collect()
}

/// One region, read whole.
fn region(
    number: usize,
    list: &Arc<AccountList>,
    percent: usize,
) -> Result<(MemberTracker, Tracking), Box<dyn Error>> {
    let region = format!("eu-west-{}", number + 1).parse()?;
    let place = Place { account: account(0)?, region };
    let seen = seen(&place)?;
    let facts = RegionObservation {
        seen: &seen,
        targets: &Targets::new(),
        list: Some(list),
        freshness: &ListFreshness::Current,
        recorders: None,
    };
    let (mut tracked, now) = (MemberTracker::default(), now()?);
    tracked.observe(&facts, &RESYNCS, now);
    for name in seen.packs.into_keys() {
        let (reading, mut draft) = (MemberRequest::Resync(name), RowsInProgress::default());
        for first in (0..ACCOUNTS).step_by(PAGE) {
            tracked.note(&mut draft, &page(first, percent)?);
        }
        tracked.complete(&reading, draft, &RESYNCS, now, now);
    }
    let tracking = tracked.tracking();
    Ok((tracked, tracking))
}

/// Resident memory of this process in MiB (Linux: the second figure of `statm`, in pages of 4 KiB).
fn resident() -> Result<usize, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).ok_or("statm is short")?.parse()?;
    Ok(pages / 256)
}

/// Fills all regions and prints what that takes.
fn measure(percent: usize, budget: usize) -> Result<(), Box<dyn Error>> {
    let list = list()?;
    let before = resident()?;
    let began = Instant::now();
    let mut regions = Vec::new();
    for number in 0..REGIONS {
        regions.push(region(number, &list, percent)?);
    }
    let (took, after) = (began.elapsed(), resident()?);
    let failed = regions
        .iter()
        .flat_map(|(_, tracking)| tracking.packs.values())
        .filter(|rollout| rollout.health == RolloutHealth::Degraded)
        .map(|rollout| rollout.counts.failed)
        .sum::<usize>();
    let health = if after < budget { "within" } else { "OVER" };
    println!(
        "{percent:>3} % failing ({failed} of {}): {after} MiB resident, {before} before, \
         {health} the budget of {budget}; read in {took:.1?}",
        REGIONS * PACKS * ACCOUNTS
    );
    Ok(())
}

/// One process a share, so that what one needed does not count for the other.
fn main() -> Result<(), Box<dyn Error>> {
    let asked = std::env::args().nth(1).and_then(|text| text.parse::<usize>().ok());
    if let Some((percent, budget)) = SHARES.into_iter().find(|(it, _)| Some(*it) == asked) {
        return measure(percent, budget);
    }
    for (percent, _) in SHARES {
        let program = std::env::current_exe()?;
        let ended = Command::new(program).arg(percent.to_string()).status()?;
        if !ended.success() {
            return Err(format!("the process for {percent} % failed").into());
        }
    }
    Ok(())
}
