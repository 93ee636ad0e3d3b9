//! What holds of the world, through the door that clients use.

mod properties;

use std::collections::BTreeSet;
use std::time::Duration;

use super::api::packs::{
    DeletePack, DescribePacks, DetailFilters, GetDetail, InputParameter, PutPack,
};
use super::api::{Answer, Caller, Operation, Reply, Request, organizations};
use super::failures::{FailsOn, Failure};
use super::faults::{Effect, FaultRule, Stage};
use super::knobs::{AdministratorAggregate, Deviant, Knobs, LockScope};
use super::setup::{Member, Recorder, Setup};
use super::timeline::after;
use super::world::World;
use crate::domain::model::{AccountId, PackName, Place, Region, Timestamp};
use crate::domain::organization::AccountState;

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

fn setup(accounts: u64, knobs: Knobs) -> Setup {
    let regions: [Region; 2] = ["eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap()];
    Setup { knobs, ..Setup::new(start(), (0..accounts).map(account), regions) }
}

impl Bench {
    fn new(setup: Setup) -> Self {
        let region = "eu-west-1".parse().unwrap();
        let owner = setup.administrators.first().unwrap_or(&setup.management);
        let place = Place { account: owner.clone(), region };
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

    fn join(&mut self, id: &AccountId, recorder: Recorder) {
        let member = Member { recorder, ..Member::new(id.clone(), self.now) };
        self.world.join(self.now, member);
    }

    fn set_recorder(&mut self, id: &AccountId, recorder: Recorder) {
        let region = self.place.region.clone();
        assert!(self.world.set_recorder(self.now, (id, &region), recorder));
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
fn a_joining_account_without_recorder_waits_until_exactly_seven_hours() {
    let mut bench = Bench::of(2, prompt());
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let id = account(7);
    bench.join(&id, Recorder::Missing);
    bench.pass(WINDOW.saturating_sub(SECOND));
    assert_eq!(bench.row("base", &id), "CREATE_IN_PROGRESS");
    assert_eq!(bench.status("base"), "UPDATE_IN_PROGRESS");
    bench.pass(SECOND);
    assert_eq!(bench.row("base", &id), "CREATE_FAILED");
    assert_eq!(bench.status("base"), "UPDATE_FAILED");
}

#[test]
fn a_recorder_one_second_before_the_deadline_deploys_and_one_at_it_does_not() {
    for (early, status) in [(SECOND, "CREATE_SUCCESSFUL"), (Duration::ZERO, "CREATE_FAILED")] {
        let mut bench = Bench::of(2, prompt());
        bench.put("base").unwrap();
        bench.pass(HOUR);
        let id = account(7);
        bench.join(&id, Recorder::Missing);
        bench.pass(WINDOW.saturating_sub(early));
        bench.set_recorder(&id, Recorder::Stopped);
        bench.pass(HOUR);
        assert_eq!(bench.row("base", &id), status);
    }
}

#[test]
fn one_put_rescues_every_late_account_whose_recorder_has_come() {
    let mut bench = Bench::of(2, prompt());
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let late = [account(7), account(8), account(9)];
    for id in &late {
        bench.join(id, Recorder::Missing);
    }
    bench.pass(8 * HOUR);
    bench.set_recorder(&late[0], Recorder::Recording);
    bench.set_recorder(&late[1], Recorder::Stopped);
    bench.pass(5 * HOUR);
    let before: Vec<String> = late.iter().map(|id| bench.row("base", id)).collect();
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let then: Vec<String> = late.iter().map(|id| bench.row("base", id)).collect();
    assert_eq!(before, ["CREATE_FAILED"; 3]);
    assert_eq!(then, ["CREATE_SUCCESSFUL", "CREATE_SUCCESSFUL", "CREATE_FAILED"]);
}

#[test]
fn an_old_account_without_recorder_fails_at_once_and_joining_again_restarts_the_window() {
    let mut setup = setup(3, prompt());
    setup.accounts[2].recorder = Recorder::Missing;
    let mut bench = Bench::new(setup);
    let id = account(2);
    bench.put("base").unwrap();
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "CREATE_FAILED");
    assert!(bench.world.leave(bench.now, &id));
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "none");
    bench.join(&id, Recorder::Missing);
    bench.pass(6 * HOUR);
    assert_eq!(bench.row("base", &id), "CREATE_IN_PROGRESS");
    bench.set_recorder(&id, Recorder::Recording);
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "CREATE_SUCCESSFUL");
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
fn a_suspended_member_blocks_the_removal_of_a_pack_it_has() {
    let mut bench = Bench::of(3, prompt());
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let id = account(1);
    bench.world.set_state(bench.now, &id, AccountState::Suspended);
    bench.delete("base").unwrap();
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "DELETE_FAILED");
    assert_eq!((bench.list().len(), bench.status("base").as_str()), (1, "DELETE_FAILED"));
    bench.world.set_state(bench.now, &id, AccountState::Active);
    bench.delete("base").unwrap();
    bench.pass(HOUR);
    assert_eq!(bench.status("base"), "DELETE_SUCCESSFUL");
}

#[test]
fn inactive_members_fail_or_are_passed_over() {
    for (deviant, row, status) in [
        (Deviant::Fails, "CREATE_FAILED", "CREATE_FAILED"),
        (Deviant::Skipped, "none", "CREATE_SUCCESSFUL"),
    ] {
        let mut setup = setup(3, Knobs { inactive_members: deviant, ..prompt() });
        setup.accounts[1].state = AccountState::Suspended;
        let mut bench = Bench::new(setup);
        bench.put("base").unwrap();
        bench.pass(HOUR);
        assert_eq!(
            (bench.row("base", &account(1)).as_str(), bench.status("base").as_str()),
            (row, status)
        );
    }
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

#[test]
fn failures_hit_the_planned_number_of_attempts() {
    let mut bench = Bench::of(3, Knobs::instant());
    let failure = Failure {
        account: Some(account(1)),
        code: "AccessDenied".into(),
        message: "explicit deny".into(),
        times: Some(2),
        ..Failure::default()
    };
    bench.world.fail(bench.now, failure);
    let statuses: Vec<String> = (0..3)
        .map(|_| {
            bench.pass(MINUTE).put("base").unwrap();
            bench.status("base")
        })
        .collect();
    assert_eq!(statuses, ["CREATE_FAILED", "UPDATE_FAILED", "UPDATE_SUCCESSFUL"]);
}

#[test]
fn a_failed_removal_is_seen_until_the_plan_is_cleared() {
    let mut bench = Bench::of(3, Knobs::instant());
    let failure = Failure { on: FailsOn::Removal, code: "X".into(), ..Failure::default() };
    let id = bench.world.fail(bench.now, failure);
    bench.put("base").unwrap();
    bench.delete("base").unwrap();
    assert_eq!(bench.status("base"), "DELETE_FAILED");
    assert!(bench.world.clear_failure(bench.now, id));
    bench.delete("base").unwrap();
    assert_eq!(bench.status("base"), "DELETE_SUCCESSFUL");
}

#[test]
fn quotas_of_packs_and_of_rules_per_member_are_kept() {
    let mut knobs = Knobs::instant();
    knobs.quotas.packs = 2;
    let mut bench = Bench::of(2, knobs);
    bench.put("a").unwrap();
    bench.put("b").unwrap();
    let refusal = "MaxNumberOfOrganizationConformancePacksExceededException";
    assert_eq!(bench.put("c"), Err(refusal.into()));
    bench.put("a").expect("updates go on");
    bench.delete("b").unwrap();
    bench.put("c").expect("there is room again");

    let mut knobs = Knobs::instant();
    knobs.quotas.member_rules = 1;
    let mut bench = Bench::of(2, knobs);
    let elsewhere = excluding(&[&account(1)]);
    let other = Some("other".to_owned());
    bench.put_with(PutPack { organization_conformance_pack_name: other, ..elsewhere }).unwrap();
    bench.put("base").unwrap();
    let rows = bench.rows("base", &DetailFilters::default());
    let statuses: Vec<&str> = rows.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses, ["CREATE_FAILED", "CREATE_SUCCESSFUL"]);
}

#[test]
fn owners_see_only_their_own_packs_and_members_see_none() {
    let mut setup = setup(4, Knobs::instant());
    setup.administrators = BTreeSet::from([account(1), account(2)]);
    let mut bench = Bench::new(setup);
    bench.put("base").unwrap();
    let listed = |bench: &mut Bench, number| {
        let place = Place { account: account(number), ..bench.place.clone() };
        let request = Request::DescribeOrganizationConformancePacks(DescribePacks::default());
        match bench.world.call(bench.now, &Caller::client(&place), request) {
            Reply::Answer(Answer::DescribeOrganizationConformancePacks(packs)) => {
                packs.organization_conformance_packs.len().to_string()
            }
            Reply::Fault(fault) => fault.code,
            other @ (Reply::Answer(_) | Reply::Broken(_)) => format!("{other:?}"),
        }
    };
    let seen: Vec<String> = (0..4).map(|number| listed(&mut bench, number)).collect();
    assert_eq!(seen, ["0", "1", "0", "OrganizationAccessDeniedException"]);
}

#[test]
fn malformed_puts_are_refused_in_aws_words() {
    let mut bench = Bench::of(1, Knobs::instant());
    let named =
        |name: &str| PutPack { organization_conformance_pack_name: Some(name.into()), ..plain() };
    let input =
        |name: &str| InputParameter { parameter_name: name.into(), parameter_value: String::new() };
    let bad = [
        named("1st"),
        PutPack { organization_conformance_pack_name: None, ..plain() },
        PutPack { template_body: None, ..plain() },
        PutPack { template_body: Some("x".repeat(51_201)), ..plain() },
        PutPack { excluded_accounts: Some(vec!["12".into()]), ..plain() },
        PutPack { delivery_s3_bucket: Some("mine".into()), ..plain() },
        PutPack { conformance_pack_input_parameters: Some(vec![input("Other")]), ..plain() },
        PutPack { template_s3_uri: Some("s3://bucket/missing".into()), ..plain() },
    ];
    let refusals: Vec<String> = bad
        .into_iter()
        .map(|put| {
            let request = Request::PutOrganizationConformancePack(put);
            match bench.world.call(bench.now, &Caller::client(&bench.place), request) {
                Reply::Fault(fault) => {
                    let text = fault.message.replace(&"x".repeat(128), "xxx…");
                    format!(
                        "{}\n  {}",
                        fault.code,
                        text.replace(" failed to", "\n  failed to").replace("n: ", "n:\n  ")
                    )
                }
                other @ (Reply::Answer(_) | Reply::Broken(_)) => format!("{other:?}"),
            }
        })
        .collect();
    insta::assert_snapshot!(refusals.join("\n").replace(". ", ".\n  "), @r"
    ValidationException
      1 validation error detected: Value '1st' at 'organizationConformancePackName'
      failed to satisfy constraint: Member must satisfy regular expression pattern:
      [a-zA-Z][-a-zA-Z0-9]*
    ValidationException
      1 validation error detected: Value null at 'organizationConformancePackName'
      failed to satisfy constraint: Member must not be null
    ValidationException
      You must specify either TemplateBody or TemplateS3Uri.
    ValidationException
      1 validation error detected: Value 'xxx…' at 'templateBody'
      failed to satisfy constraint: Member must have length less than or equal to 51200
    ValidationException
      1 validation error detected: Value '12' at 'excludedAccounts'
      failed to satisfy constraint: Member must satisfy regular expression pattern:
      \d{12}
    ValidationException
      The name of the delivery bucket must start with awsconfigconforms.
    OrganizationConformancePackTemplateValidationException
      Invalid conformance pack template provided.
      Errors found: [Parameters: [Other] do not exist in the template].
      Fix your template and try again.
    InsufficientPermissionsException
      The template cannot be read from the Amazon S3 location.
    ");
}

#[test]
fn a_stale_read_shows_the_world_as_it_was() {
    let mut bench = Bench::of(2, Knobs::instant());
    bench.put("old").unwrap();
    bench.pass(HOUR).put("new").unwrap();
    let by = 30 * MINUTE;
    bench.world.add_fault(FaultRule::always(Effect::Stale { by }).nth(0, 1));
    assert_eq!(bench.list(), ["old"]);
    assert_eq!(bench.list(), ["new", "old"]);
}

#[test]
fn a_lost_answer_leaves_the_effect_and_a_lost_request_does_not() {
    for (stage, packs) in [(Stage::Before, 0), (Stage::After, 1)] {
        let mut bench = Bench::of(2, Knobs::instant());
        let put = Operation::PutOrganizationConformancePack;
        bench.world.add_fault(FaultRule::always(Effect::Reset { stage }).on(put));
        assert_eq!(bench.put("base"), Err("Reset".into()));
        assert_eq!(bench.list().len(), packs);
        assert_eq!(bench.world.log().puts(), packs as u64);
        assert_eq!(bench.world.log().count(put), 1);
    }
}

#[test]
fn faults_keep_to_their_window_region_and_count() {
    let mut bench = Bench::of(2, Knobs::instant());
    let window = (after(bench.now, MINUTE), after(bench.now, HOUR));
    let rule = FaultRule::always(Effect::Throttled)
        .in_region(&bench.place.region)
        .between(window.0, window.1)
        .nth(1, 2);
    bench.world.add_fault(rule);
    let outcomes: Vec<bool> = (0..5).map(|_| bench.pass(20 * MINUTE).put("base").is_ok()).collect();
    assert_eq!(outcomes, [true, false, true, true, true]);
}

#[test]
fn organizations_pages_hold_twenty_accounts_and_rates_bite() {
    let mut knobs = Knobs::instant();
    knobs.rates.organizations = true;
    let mut bench = Bench::of(45, knobs);
    let page = |bench: &mut Bench, next_token| {
        let asked = organizations::Paged { max_results: None, next_token };
        match bench.ask(Request::ListAccounts(asked)) {
            Ok(Answer::ListAccounts(list)) => Ok((list.accounts.len(), list.next_token)),
            Ok(other) => panic!("{other:?}"),
            Err(code) => Err(code),
        }
    };
    let (first, token) = page(&mut bench, None).unwrap();
    let (second, token) = page(&mut bench, token).unwrap();
    let (third, end) = page(&mut bench, token).unwrap();
    assert_eq!((first, second, third, end), (20, 20, 5, None));
    let refused = (0..12).filter(|_| page(&mut bench, None).is_err()).count();
    assert_eq!(refused, 3, "12 fit the bucket, 3 were taken");
    bench.pass(SECOND);
    let admitted = (0..12).filter(|_| page(&mut bench, None).is_ok()).count();
    assert_eq!(admitted, 8);
}

#[test]
fn ten_thousand_accounts_cost_nothing_until_asked_for() {
    let mut knobs = Knobs::default();
    knobs.fan_out.parallelism = 100;
    let mut bench = Bench::of(10_000, knobs);
    for pack in 0..50 {
        bench.put(&format!("pack{pack}")).unwrap();
    }
    bench.pass(24 * HOUR);
    assert_eq!(bench.status("pack7"), "CREATE_SUCCESSFUL");
    let failed = DetailFilters { status: Some("CREATE_FAILED".into()), account_id: None };
    assert!(bench.rows("pack7", &failed).is_empty());
    let calls = bench.world.log().calls();
    assert_eq!(bench.rows("pack7", &DetailFilters::default()).len(), 10_000);
    assert_eq!(bench.world.log().calls() - calls, 100);
}

#[test]
fn another_writer_can_change_the_template_and_leave_everything_else() {
    let mut bench = Bench::of(2, Knobs::instant());
    bench.put_with(excluding(&[&account(1)])).unwrap();
    let name: PackName = "base".parse().unwrap();
    let before = bench.world.template(&bench.place, &name).unwrap();
    let body = format!("{TEMPLATE}# changed\n");
    bench.pass(HOUR);
    let (place, now) = (bench.place.clone(), bench.now);
    bench.world.change_template_by_other(now, (&place, &name), &body).unwrap();
    let template = bench.world.template(&place, &name).unwrap();
    assert_ne!(before.digest, template.digest);
    assert_eq!(bench.row("base", &account(1)), "none");
    assert_eq!(bench.world.log().puts(), 1, "only the client's own count");
}

#[test]
fn listings_can_be_cut_short_or_never_end() {
    let mut bench = Bench::of(45, Knobs::instant());
    let page = |bench: &mut Bench, next_token| {
        let asked = organizations::Paged { max_results: None, next_token };
        let answer = bench.ask(Request::ListAccounts(asked)).unwrap();
        let Answer::ListAccounts(list) = answer else { panic!("{answer:?}") };
        (list.accounts.len(), list.next_token)
    };
    bench.world.add_fault(FaultRule::always(Effect::Short).nth(0, 1));
    assert_eq!(page(&mut bench, None), (10, None));
    bench.world.add_fault(FaultRule::always(Effect::Endless { same_token: false }).nth(0, 5));
    let mut tokens = BTreeSet::new();
    let mut token = None;
    for _ in 0..5 {
        let (count, next) = page(&mut bench, token);
        assert_eq!(count, 20);
        assert!(tokens.insert(next.clone().unwrap()));
        token = next;
    }
}
