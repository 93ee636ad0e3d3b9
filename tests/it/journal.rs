//! What happens is told: every outcome, every change once, and never more than is kept.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use conformd::beats::Beats;
use conformd::clock::Clock;
use conformd::current::StateReceivers;
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::limits::RETRY_WINDOW;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::untrusted::is_hidden;
use conformd::domain::declared::source::SourceStatus;
use conformd::domain::members::new_account::{NewAccount, NewAccountPhase};
use conformd::domain::members::rollout::RolloutHealth;
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::organization::account_list::WalkFailure;
use conformd::domain::plan::event::{Event, Events, Weight};
use conformd::domain::plan::outcome::{Outcome, StepResult};
use conformd::domain::plan::step::{Action, Reason};
use conformd::domain::present::journal::note::EVENTS_MAX;
use conformd::domain::present::journal::{Journal, Notification};
use conformd::domain::present::report::{RegionReport, Reports};
use conformd::domain::present::view::{ConfirmedCaller, CurrentState};
use conformd::tasks::journal::{JournalChannels, NOTIFICATIONS_MAX, run};
use proptest::prelude::*;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::support::people::{HERE, about, failed, id, membership, rollout, tracked};
use crate::support::sample::{
    at, busy, content, pack, quiet, region, reports, source, step, unknown, unread,
};

/// What is known before anything was read.
fn nothing() -> CurrentState {
    CurrentState {
        about: about(),
        caller: ConfirmedCaller::Unconfirmed { problem: None },
        source: SourceStatus::default(),
        membership: Arc::default(),
        recorders: Arc::default(),
        reports: Reports::new(),
        record: None,
        skew: None,
        now: at("12:01:00"),
    }
}

/// A world that can be observed.
struct World {
    journal: Journal,
    facts: CurrentState,
    told: u64,
}

impl World {
    /// One that has nothing yet, and whose start was told.
    fn started() -> Self {
        let mut world =
            Self { journal: Journal::resume(&Events::default()), facts: nothing(), told: 0 };
        assert!(world.news().contains("started"));
        world
    }

    fn show(&mut self, report: RegionReport) {
        self.facts.reports.insert(report.place.region.clone(), Arc::new(report));
    }

    /// What is told now and was not before.
    fn news(&mut self) -> String {
        self.journal.update(&self.facts);
        self.rest()
    }

    fn rest(&mut self) -> String {
        let events = self.journal.events();
        let new = events.iter().filter(|event| event.number > self.told).map(line).collect();
        self.told = self.journal.number();
        new
    }
}

fn line(event: &Event) -> String {
    let Event { number: _, at: _, kind, weight, region, pack, account, text } = event;
    let kind = format!("{kind:?}").to_lowercase();
    let sign = match weight {
        Weight::Normal => ' ',
        Weight::Warning => '!',
        Weight::Critical => '‼',
    };
    let mut line = format!("{sign} {kind}");
    for part in [
        region.as_ref().map(ToString::to_string),
        pack.as_ref().map(ToString::to_string),
        account.map(|account| account.to_string()),
    ] {
        write!(line, " {}", part.unwrap_or_else(|| "-".to_owned())).unwrap();
    }
    format!("{line}: {text}\n")
}

#[test]
fn a_process_tells_how_it_comes_to_know_its_world() {
    let mut world = World::started();
    world.facts.caller =
        ConfirmedCaller::Unconfirmed { problem: Some("no credentials".to_owned()) };
    insta::assert_snapshot!(world.news(), @"
    ! process - - -: AWS did not confirm the identity: no credentials
    ");
    world.facts.caller = ConfirmedCaller::Confirmed { account: id('1') };
    world.facts.source = source();
    world.facts.membership = Arc::new(membership());
    world.show(tracked());
    world.show(unknown("us-east-1", FailureKind::Denied, "a policy\nforbids it"));
    insta::assert_snapshot!(world.news(), @r#"
      process - - -: authenticated as 111111111111
    ! source - - -: revision dir:0a1b2c3d in force, deletions are paused: 2 valid manifests, 1 invalid: packs/edge.yaml:4:3: error[unknown-field]: there is no field "parametres" (did you mean "parameters"?)
      organization - - -: the account list was read: 7 accounts, 6 of them active
    ! newaccount - - 555555555555: shop-new (555555555555): packs are still missing, less than 3 hours left; AWS retries until 2026-11-01T14:10:00Z
    ‼ newaccount - - 666666666666: media-new (666666666666): no recorder within 7 hours: AWS stopped retrying
      region eu-west-1 - -: read for the first time: 3 packs
    ‼ guard eu-west-1 legacy -: waiting for approval: delete 1 pack (legacy): deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)
      rollout eu-west-1 - -: 2 packs (legacy, logging): healthy
    ! rollout eu-west-1 iam-baseline -: iam-baseline: degraded (1 no_recorder, 1 access_denied)
    ‼ region us-east-1 - -: unknown (denied), so conformd changes nothing here: a policy forbids it
    "#);
    assert_eq!(world.news(), "", "nothing has changed");
}

fn reloaded(changes: &[&str]) -> Notification {
    Notification::Reloaded { changes: changes.iter().map(ToString::to_string).collect() }
}

#[test]
fn settings_that_change_are_told_with_what_they_change() {
    let mut world = World::started();
    world.facts.about.mode = Mode::Observe;
    world.facts.about.regions.remove(&region("us-east-1"));
    world.facts.about.regions.insert(region("eu-north-1"));
    world.journal.note(&reloaded(&["mode", "aws.regions"]), world.facts.now);
    let why = "settings file conformd.yaml has 2 errors".to_owned();
    world.journal.note(&Notification::NotReloaded(why), world.facts.now);
    insta::assert_snapshot!(world.news(), @"
      reloaded - - -: the settings were reloaded: mode, aws.regions changed
    ‼ notreloaded - - -: the settings were not reloaded, the previous ones stay in force: settings file conformd.yaml has 2 errors
      process - - -: mode observe instead of sync
      process - - -: eu-north-1 added
    ! process - - -: us-east-1 no longer managed
    ");
}

#[test]
fn a_source_that_goes_away_and_comes_back_is_told_twice() {
    let mut world = World::started();
    world.facts.source = source();
    world.news();
    world.facts.source.unread = Some(unread("permission denied"));
    let gone = world.news();
    world.facts.source.unread = Some(unread("permission denied, still"));
    assert_eq!(world.news(), "");
    world.facts.source.unread = None;
    insta::assert_snapshot!(gone + &world.news(), @"
    ! source - - -: the source cannot be read, the last accepted revision stays in force: permission denied
      source - - -: the source can be read again
    ");
}

#[test]
fn what_is_not_seen_has_not_changed() {
    let mut world = World::started();
    world.show(tracked());
    let first = world.news();
    assert!(first.contains("waiting for approval"), "{first}");
    let dark = unknown(HERE, FailureKind::Throttled, "too many requests");
    world.show(dark.clone());
    let lost = world.news();
    world.show(RegionReport { reconciliation: 3, ..dark });
    assert_eq!(world.news(), "");
    world.show(tracked());
    insta::assert_snapshot!(lost + &world.news(), @"
    ! region eu-west-1 - -: unknown (throttled), so conformd changes nothing here: too many requests
    ! newaccount - - 555555555555: 555555555555: packs are still missing, less than 3 hours left; AWS retries until 2026-11-01T14:10:00Z
    ‼ newaccount - - 666666666666: 666666666666: no recorder within 7 hours: AWS stopped retrying
      region eu-west-1 - -: read again
    ");
    world.show(quiet(HERE));
    insta::assert_snapshot!(world.news(), @"
    guard eu-west-1 - -: nothing waits for approval any more
    rollout eu-west-1 - -: 3 packs (iam-baseline, legacy, logging): gone
    ");
}

fn outcomes(all: impl IntoIterator<Item = Outcome>) -> Notification {
    Notification::Reconciled(Arc::new(RegionReport {
        outcomes: all.into_iter().collect(),
        ..quiet(HERE)
    }))
}

fn created(name: &str, ending: StepResult) -> Outcome {
    let step = step(name, Action::Create(Box::new(content())), Reason::Missing);
    Outcome { step, result: ending }
}

#[test]
fn what_ended_alike_in_one_tick_is_one_event() {
    let mut world = World::started();
    let accepted = || StepResult::Accepted { arn: None };
    let denied =
        || StepResult::Failed { kind: FailureKind::Denied, why: "a policy\u{1b}[31m".into() };
    let silent =
        StepResult::Unknown { kind: FailureKind::Timeout, why: "no answer in 30 s".to_owned() };
    let many = (1..=50).map(|number| created(&format!("pack-{number:02}"), accepted()));
    let changed = step("iam", Action::Update(Box::new(content())), Reason::ForeignWrite);
    let gone = step("old", Action::Delete, Reason::Unwanted);
    let others = [
        created("x", denied()),
        created("y", denied()),
        created("z", StepResult::NotStarted),
        Outcome { step: changed, result: accepted() },
        Outcome { step: gone, result: silent },
    ];
    world.journal.note(&outcomes(many.chain(others)), world.facts.now);
    insta::assert_snapshot!(world.rest(), @r"
      mutation eu-west-1 - -: 50 packs (pack-01, pack-02, pack-03, pack-04, pack-05 and 45 more): create accepted
    ‼ mutation eu-west-1 - -: 2 packs (x, y): create refused (denied); a policy\u{1b}[31m
      mutation eu-west-1 iam -: iam: update accepted; external write, without a visible difference
    ! mutation eu-west-1 old -: old: delete outcome unknown (timeout); no manifest declares it; no answer in 30 s
    ");
}

#[test]
fn an_rollout_is_told_when_its_health_or_its_classes_change_and_not_its_counts() {
    let mut world = World::started();
    let denied = |digit| failed(digit, FailureClass::AccessDenied, "AccessDenied", "no");
    let full = |digit| failed(digit, FailureClass::RuleQuota, "LimitExceeded", "no");
    let show = |world: &mut World, health, troubled| {
        let packs = ["a", "b"].map(|name| (pack(name), rollout(health, 3, Vec::clone(&troubled))));
        let tracking = Tracking { packs: packs.into(), ..Tracking::default() };
        world.show(RegionReport { tracking, ..quiet(HERE) });
        world.news()
    };
    let mut told = show(&mut world, RolloutHealth::Unknown, Vec::new());
    told += &show(&mut world, RolloutHealth::Progressing, Vec::new());
    told += &show(&mut world, RolloutHealth::StuckAggregate, Vec::new());
    told += &show(&mut world, RolloutHealth::Degraded, vec![denied('2')]);
    told += &show(&mut world, RolloutHealth::Degraded, vec![denied('2'), denied('3')]);
    told += &show(&mut world, RolloutHealth::Degraded, vec![denied('2'), full('3')]);
    told += &show(&mut world, RolloutHealth::Unknown, Vec::new());
    told += &show(&mut world, RolloutHealth::Healthy, Vec::new());
    insta::assert_snapshot!(told, @"
      region eu-west-1 - -: read for the first time: 0 packs
      rollout eu-west-1 - -: 2 packs (a, b): progressing
    ! rollout eu-west-1 - -: 2 packs (a, b): degraded (1 access_denied)
    ! rollout eu-west-1 - -: 2 packs (a, b): degraded (1 rule_quota, 1 access_denied)
      rollout eu-west-1 - -: 2 packs (a, b): healthy
    ");
    world.show(quiet(HERE));
    insta::assert_snapshot!(world.news(), @"  rollout eu-west-1 - -: 2 packs (a, b): gone");
}

fn new_account(number: usize, phase: NewAccountPhase) -> NewAccount {
    let joined = at("08:00:00");
    NewAccount {
        account: format!("3{number:011}").parse().unwrap(),
        joined,
        deadline: joined.checked_add(RETRY_WINDOW).unwrap(),
        phase,
        missing: [pack("iam")].into(),
        recorder: None,
        complete: None,
    }
}

/// Every region shows these new accounts.
fn arrive(world: &mut World, names: &[&str], new_accounts: &[NewAccount]) {
    for name in names {
        let tracking = Tracking { new_accounts: new_accounts.to_vec(), ..Tracking::default() };
        world.show(RegionReport { tracking, ..quiet(name) });
    }
}

#[test]
fn five_hundred_new_accounts_in_many_regions_are_few_events() {
    let mut world = World::started();
    world.facts.now = at("08:10:00");
    world.facts.about.regions =
        (1..=20).map(|number| region(&format!("eu-west-{number}"))).collect();
    let names: Vec<String> = world.facts.about.regions.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    arrive(&mut world, &names, &[]);
    world.news();
    let all = |phase| -> Vec<NewAccount> { (0..500).map(|it| new_account(it, phase)).collect() };
    arrive(&mut world, &names[..1], &all(NewAccountPhase::Waiting));
    let mut told = world.news();
    arrive(&mut world, &names, &all(NewAccountPhase::Waiting));
    told += &world.news();
    // All but one get a recorder in all regions but one.
    let mut mixed = all(NewAccountPhase::Deploying);
    mixed[7].phase = NewAccountPhase::Waiting;
    arrive(&mut world, &names[1..], &all(NewAccountPhase::Complete));
    told += &world.news();
    arrive(&mut world, &names[..1], &mixed);
    told += &world.news();
    for time in ["12:30:00", "14:30:00"] {
        world.facts.now = at(time);
        told += &world.news();
    }
    mixed[7].phase = NewAccountPhase::Missed;
    arrive(&mut world, &names[..1], &mixed);
    told += &world.news();
    insta::assert_snapshot!(told, @"
      newaccount - - -: 500 accounts (300000000000, 300000000001, 300000000002, 300000000003, 300000000004 and 495 more): new, no recorder is known yet; AWS retries until 2026-11-01T15:00:00Z
      newaccount - - -: 499 accounts (300000000000, 300000000001, 300000000002, 300000000003, 300000000004 and 494 more): AWS deploys
    ! newaccount - - -: 500 accounts (300000000000, 300000000001, 300000000002, 300000000003, 300000000004 and 495 more): packs are still missing, less than 3 hours left; AWS retries until 2026-11-01T15:00:00Z
    ‼ newaccount - - -: 500 accounts (300000000000, 300000000001, 300000000002, 300000000003, 300000000004 and 495 more): packs are still missing, less than an hour left; AWS retries until 2026-11-01T15:00:00Z
    ‼ newaccount - - 300000000007: 300000000007: no recorder within 7 hours: AWS stopped retrying
    ");
}

#[test]
fn accounts_that_were_there_all_along_are_not_new_and_a_settled_one_is_no_news() {
    let mut world = World::started();
    arrive(&mut world, &[HERE], &[new_account(1, NewAccountPhase::Complete)]);
    let told = world.news();
    assert!(!told.contains("new_account"), "{told}");
}

#[test]
fn who_joins_and_leaves_is_told_by_name() {
    let mut world = World::started();
    world.facts.membership = Arc::new(membership());
    world.news();
    let mut list = (**world.facts.membership.list.as_ref().unwrap()).clone();
    let mut shop = list.accounts.remove(&id('5')).unwrap();
    (shop.id, shop.name) = (id('9'), "shop\u{202e}\n2".to_owned());
    list.accounts.insert(shop.id, shop);
    for digit in ['2', '3'] {
        list.accounts.get_mut(&id(digit)).unwrap().state =
            Some(conformd::domain::base::model::AccountState::Suspended);
    }
    Arc::make_mut(&mut world.facts.membership).list = Some(Arc::new(list));
    let told = world.news();
    Arc::make_mut(&mut world.facts.membership).problem =
        Some(WalkFailure { kind: FailureKind::Denied, why: "a policy".to_owned() });
    let broken = world.news();
    Arc::make_mut(&mut world.facts.membership).problem = None;
    insta::assert_snapshot!(told + &broken + &world.news(), @r"
      organization - - 999999999999: shop\u{202e} 2 (999999999999) joined
      organization - - 555555555555: shop-new (555555555555) left
      organization - - -: 2 accounts (payments (222222222222), data-lake (333333333333)) now SUSPENDED
    ! organization - - -: the account list cannot be read, the last one stays in force: a policy
      organization - - -: the account list can be read again
    ");
}

proptest! {
    #[test]
    fn whatever_is_told_is_counted_one_by_one_and_bounded(
        texts in proptest::collection::vec("\\PC{0,80}|[\\x00-\\x1f\u{202e}]{0,900}", 1..40),
        rounds in 1_usize..40,
    ) {
        let mut journal = Journal::resume(&Events::default());
        for text in texts.iter().cycle().take(texts.len() * rounds) {
            journal.note(&Notification::NotReloaded(text.clone()), at("12:00:00"));
        }
        let events = journal.events();
        prop_assert!(events.len() <= EVENTS_MAX);
        prop_assert_eq!(events.last().unwrap().number, journal.number());
        prop_assert_eq!(usize::try_from(journal.number()).unwrap(), texts.len() * rounds);
        prop_assert!(events.windows(2).all(|two| two[0].number + 1 == two[1].number));
        for event in events.iter() {
            prop_assert!(event.text.chars().count() <= 401 && !event.text.contains(is_hidden));
        }
        // Whoever goes on from there counts on.
        let mut next = Journal::resume(&events);
        next.note(&reloaded(&[]), at("12:00:00"));
        prop_assert_eq!(next.number(), journal.number() + 1);
    }
}

/// The task with everything that feeds it.
struct Fed {
    news: broadcast::Sender<Notification>,
    events: watch::Sender<Events>,
    channels: JournalChannels,
}

fn fed() -> Fed {
    let (news, events) = (broadcast::Sender::new(NOTIFICATIONS_MAX), watch::Sender::default());
    let clock = Clock::simulated(at("12:00:00"), 0);
    let facts = CurrentState { reports: reports([busy(HERE)]), ..nothing() };
    let channels = JournalChannels {
        current: StateReceivers::constant(facts, clock.clone()),
        news: news.clone(),
        events: events.clone(),
        beats: Beats::new(clock),
    };
    Fed { news, events, channels }
}

async fn until(events: &watch::Sender<Events>, what: &str) -> Vec<String> {
    let is_there = |events: &Events| events.iter().any(|event| event.text.contains(what));
    let mut told = events.subscribe();
    let told = tokio::time::timeout(Duration::from_mins(1), told.wait_for(is_there)).await;
    told.unwrap().unwrap().iter().map(|event| event.text.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn no_outcome_is_lost_between_two_looks_and_a_flood_says_how_much_was() {
    let Fed { news, events, channels } = fed();
    let (clock, stop) = (Clock::simulated(at("12:00:00"), 0), CancellationToken::new());
    let mut running = tokio::task::JoinSet::new();
    running.spawn(run(channels.clone(), clock.clone(), stop.clone()));
    until(&events, "started").await;
    for number in 0..NOTIFICATIONS_MAX {
        let name = format!("pack-{number}");
        news.send(outcomes([created(&name, StepResult::Accepted { arn: None })])).unwrap();
    }
    let last = format!("pack-{}: create accepted", NOTIFICATIONS_MAX - 1);
    let told = until(&events, &last).await;
    let created: Vec<&String> = told.iter().filter(|text| text.contains("accepted")).collect();
    assert_eq!(created.len(), NOTIFICATIONS_MAX);
    for number in 0..NOTIFICATIONS_MAX + 30 {
        let name = format!("flood-{number}");
        news.send(outcomes([self::created(&name, StepResult::Accepted { arn: None })])).unwrap();
    }
    assert!(until(&events, "30 reconciliations are missing").await.len() > NOTIFICATIONS_MAX);
    // A task that begins anew goes on counting, and says that it missed something.
    stop.cancel();
    running.join_all().await;
    let before = events.borrow().last().unwrap().number;
    let stop = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    running.spawn(run(channels, clock, stop.clone()));
    until(&events, "was restarted").await;
    let events = events.borrow().clone();
    assert!(events.iter().any(|event| event.number == before + 1));
    stop.cancel();
    running.join_all().await;
}

#[test]
fn an_event_is_read_back_as_it_was_written() {
    let mut world = World::started();
    world.show(tracked());
    world.news();
    let events = world.journal.events();
    let text = serde_json::to_string(&*events).unwrap();
    let back: Vec<Event> = serde_json::from_str(&text).unwrap();
    assert_eq!(*back, *events);
}
