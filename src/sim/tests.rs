//! What holds of the world, through the door that clients use.

mod members;
mod properties;
mod requests;

use std::collections::BTreeSet;
use std::time::Duration;

use super::api::packs::{
    DeletePack, DescribePacks, DetailFilters, GetDetail, InputParameter, PutPack,
};
use super::api::{Answer, Caller, Operation, Reply, Request, organizations};
use super::failures::{FailsOn, Failure};
use super::faults::{FaultEffect, FaultRule, FaultStage};
use super::knobs::{AdministratorAggregate, Deviant, Knobs, LockScope};
use super::setup::{MemberSetup, RecorderSetup, WorldSetup};
use super::timeline::after;
use super::world::World;
use crate::domain::base::model::{AccountId, AccountState, PackName, Place, Region, Timestamp};

const TEMPLATE: &str = "\
Parameters:
  ConformdMarker: {Type: String, Default: none}
Resources:
  Rule:
    Type: AWS::Config::ConfigRule
    Properties: {Source: {Owner: AWS, SourceIdentifier: ROOT_ACCOUNT_MFA_ENABLED}}
";

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_hours(7);
const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A world with one owner, watched by one client.
struct Bench {
    world: World,
    place: Place,
    now: Timestamp,
}

fn account(number: u64) -> AccountId {
    format!("{:012}", 100_000_000_000 + number).parse().unwrap()
}

fn start() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

fn setup(accounts: u64, knobs: Knobs) -> WorldSetup {
    let regions: [Region; 2] = ["eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap()];
    WorldSetup { knobs, ..WorldSetup::new(start(), (0..accounts).map(account), regions) }
}

impl Bench {
    fn new(setup: WorldSetup) -> Self {
        let region = "eu-west-1".parse().unwrap();
        let owner = setup.administrators.first().unwrap_or(&setup.management);
        let place = Place { account: *owner, region };
        Self { place, now: setup.start, world: World::new(setup) }
    }

    fn of(accounts: u64, knobs: Knobs) -> Self {
        Self::new(setup(accounts, knobs))
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now = after(self.now, time);
        self
    }

    fn ask(&mut self, request: Request) -> Result<Answer, String> {
        match self.world.call(self.now, &Caller::client(&self.place), request) {
            Reply::Answer(answer) => Ok(answer),
            Reply::Fault(fault) => Err(fault.code),
            Reply::Broken(breakage) => Err(format!("{breakage:?}")),
        }
    }

    fn put(&mut self, name: &str) -> Result<String, String> {
        self.put_with(PutPack { organization_conformance_pack_name: Some(name.into()), ..plain() })
    }

    fn put_with(&mut self, put: PutPack) -> Result<String, String> {
        let answer = self.ask(Request::PutOrganizationConformancePack(put))?;
        let Answer::PutOrganizationConformancePack(arn) = answer else { panic!("{answer:?}") };
        Ok(arn.organization_conformance_pack_arn)
    }

    fn delete(&mut self, name: &str) -> Result<(), String> {
        let name = Some(name.to_owned());
        let delete = DeletePack { organization_conformance_pack_name: name };
        self.ask(Request::DeleteOrganizationConformancePack(delete)).map(|_| ())
    }

    fn list(&mut self) -> Vec<String> {
        let request = Request::DescribeOrganizationConformancePacks(DescribePacks::default());
        let answer = self.ask(request).unwrap();
        let Answer::DescribeOrganizationConformancePacks(packs) = answer else {
            panic!("{answer:?}")
        };
        let packs = packs.organization_conformance_packs.into_iter();
        packs.map(|pack| pack.organization_conformance_pack_name).collect()
    }

    fn status(&mut self, name: &str) -> String {
        let request =
            Request::DescribeOrganizationConformancePackStatuses(DescribePacks::default());
        let Answer::DescribeOrganizationConformancePackStatuses(statuses) =
            self.ask(request).unwrap()
        else {
            panic!("statuses expected")
        };
        let statuses = statuses.organization_conformance_pack_statuses.into_iter();
        let mut found = statuses.filter(|one| one.organization_conformance_pack_name == name);
        found.next().map_or_else(|| "none".to_owned(), |one| one.status)
    }

    fn rows(&mut self, name: &str, filters: &DetailFilters) -> Vec<(AccountId, String)> {
        let mut rows = Vec::new();
        let mut next_token = None;
        loop {
            let request = Request::GetOrganizationConformancePackDetailedStatus(GetDetail {
                organization_conformance_pack_name: Some(name.to_owned()),
                filters: Some(filters.clone()),
                limit: None,
                next_token,
            });
            let Ok(Answer::GetOrganizationConformancePackDetailedStatus(detail)) =
                self.ask(request)
            else {
                return rows;
            };
            let page = detail.organization_conformance_pack_detailed_statuses.into_iter();
            rows.extend(page.map(|row| (row.account_id.parse().unwrap(), row.status)));
            next_token = detail.next_token;
            if next_token.is_none() {
                return rows;
            }
        }
    }

    fn row(&mut self, name: &str, id: &AccountId) -> String {
        let filters = DetailFilters { account_id: Some(id.to_string()), status: None };
        let rows = self.rows(name, &filters);
        rows.into_iter().next().map_or_else(|| "none".to_owned(), |(_, status)| status)
    }

    fn join(&mut self, id: &AccountId, recorder: RecorderSetup) {
        let member = MemberSetup { recorder, ..MemberSetup::new(*id, self.now) };
        self.world.join(self.now, member);
    }

    fn set_recorder(&mut self, id: &AccountId, recorder: RecorderSetup) {
        let region = self.place.region.clone();
        assert!(self.world.set_recorder(self.now, id, &region, recorder));
    }
}

fn plain() -> PutPack {
    PutPack {
        organization_conformance_pack_name: Some("base".into()),
        template_body: Some(TEMPLATE.into()),
        ..PutPack::default()
    }
}

fn excluding(accounts: &[&AccountId]) -> PutPack {
    let excluded = accounts.iter().map(ToString::to_string).collect();
    PutPack { excluded_accounts: Some(excluded), ..plain() }
}

/// No lag, so that what is read is the truth.
fn prompt() -> Knobs {
    Knobs { lag: Knobs::instant().lag, ..Knobs::default() }
}

#[test]
fn a_put_fans_out_member_by_member_and_locks_the_pack_meanwhile() {
    let mut knobs = prompt();
    knobs.fan_out.parallelism = 2;
    let mut bench = Bench::of(4, knobs);
    bench.put("base").unwrap();
    let mut seen = Vec::new();
    for _ in 0..9 {
        let (rows, status) =
            (bench.rows("base", &DetailFilters::default()).len(), bench.status("base"));
        let locked = bench.put("base") == Err("ResourceInUseException".into());
        seen.push(format!("{rows} rows, {status}, locked: {locked}"));
        if !locked {
            break;
        }
        bench.pass(Duration::from_secs(30));
    }
    insta::assert_snapshot!(seen.join("\n"), @r"
    0 rows, CREATE_IN_PROGRESS, locked: true
    2 rows, CREATE_IN_PROGRESS, locked: true
    2 rows, CREATE_IN_PROGRESS, locked: true
    2 rows, CREATE_IN_PROGRESS, locked: true
    4 rows, CREATE_IN_PROGRESS, locked: true
    4 rows, CREATE_IN_PROGRESS, locked: true
    4 rows, CREATE_IN_PROGRESS, locked: true
    4 rows, CREATE_SUCCESSFUL, locked: false
    ");
}

#[test]
fn a_put_replaces_everything_that_it_does_not_repeat() {
    let mut bench = Bench::of(3, Knobs::instant());
    let input = InputParameter {
        parameter_name: "ConformdMarker".into(),
        parameter_value: "v1.main".into(),
    };
    let full = PutPack {
        conformance_pack_input_parameters: Some(vec![input]),
        delivery_s3_bucket: Some("awsconfigconforms-x".into()),
        ..excluding(&[&account(1)])
    };
    let arn = bench.put_with(full).unwrap();
    assert_eq!(bench.row("base", &account(1)), "none");
    assert_eq!(bench.put("base").unwrap(), arn);
    assert_eq!(bench.row("base", &account(1)), "CREATE_SUCCESSFUL");
    assert_eq!(bench.row("base", &account(2)), "UPDATE_SUCCESSFUL");
    let name: PackName = "base".parse().unwrap();
    assert!(bench.world.inputs(&bench.place, &name).unwrap().is_empty());
}

#[test]
fn excluding_an_account_removes_its_pack() {
    let mut bench = Bench::of(3, prompt());
    bench.put("base").unwrap();
    bench.pass(HOUR);
    bench.put_with(excluding(&[&account(1)])).unwrap();
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.row("base", &account(1)), "DELETE_IN_PROGRESS");
    bench.pass(2 * HOUR);
    assert_eq!(bench.row("base", &account(1)), "none");
    assert_eq!(bench.status("base"), "UPDATE_SUCCESSFUL");
}

#[test]
fn effects_become_visible_one_by_one_and_only_after_their_lag() {
    let mut knobs = Knobs::instant();
    knobs.lag.packs = 10 * MINUTE;
    knobs.lag.statuses = 10 * MINUTE;
    knobs.lag.rows = 10 * MINUTE;
    let mut bench = Bench::of(2, knobs);
    bench.put("base").unwrap();
    let mut firsts = [None; 3];
    for step in 0..=60 {
        let seen = [
            !bench.list().is_empty(),
            bench.status("base") != "none",
            !bench.rows("base", &DetailFilters::default()).is_empty(),
        ];
        for (first, seen) in firsts.iter_mut().zip(seen) {
            assert!(seen || first.is_none(), "what was seen stays");
            *first = first.or(seen.then_some(step));
        }
        bench.pass(Duration::from_secs(10));
    }
    let distinct: BTreeSet<_> = firsts.iter().flatten().collect();
    assert_eq!(distinct.len(), 3, "{firsts:?}");
}

#[test]
fn a_deleted_pack_leaves_the_list_and_lingers_in_statuses() {
    let mut bench = Bench::of(2, prompt());
    let first = bench.put("base").unwrap();
    bench.pass(HOUR);
    bench.delete("base").unwrap();
    bench.pass(MINUTE);
    assert_eq!((bench.list(), bench.status("base").as_str()), (vec![], "DELETE_IN_PROGRESS"));
    assert_eq!(bench.put("base"), Err("ResourceInUseException".into()));
    bench.pass(HOUR);
    assert_eq!(bench.status("base"), "DELETE_SUCCESSFUL");
    assert_eq!(bench.delete("base"), Err("NoSuchOrganizationConformancePackException".into()));
    let second = bench.put("base").unwrap();
    assert_ne!(first, second);
    bench.pass(48 * HOUR);
    bench.delete("base").unwrap();
    bench.pass(48 * HOUR);
    assert_eq!(bench.status("base"), "none");
}

#[test]
fn an_administrators_aggregate_is_stuck_while_its_rows_are_fine() {
    let mut setup = setup(3, prompt());
    setup.administrators = BTreeSet::from([account(1)]);
    let mut bench = Bench::new(setup.clone());
    bench.put("base").unwrap();
    bench.pass(24 * HOUR);
    assert_eq!(bench.status("base"), "CREATE_IN_PROGRESS");
    let rows = bench.rows("base", &DetailFilters::default());
    let statuses: Vec<&str> = rows.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses, ["CREATE_FAILED", "CREATE_SUCCESSFUL", "CREATE_SUCCESSFUL"]);
    bench.put("base").expect("the lock is free");
    setup.knobs.administrator_aggregate = AdministratorAggregate::StuckLocked;
    let mut bench = Bench::new(setup);
    bench.put("base").unwrap();
    bench.pass(24 * HOUR);
    assert_eq!(bench.put("base"), Err("ResourceInUseException".into()));
}

#[test]
fn a_lock_can_cover_the_whole_place() {
    let mut bench = Bench::of(2, Knobs { lock: LockScope::Place, ..prompt() });
    bench.put("base").unwrap();
    assert_eq!(bench.put("other"), Err("ResourceInUseException".into()));
    bench.pass(HOUR);
    bench.put("other").unwrap();
}
