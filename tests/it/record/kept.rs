//! What is written is there afterwards, for as long as it should be.

use std::collections::BTreeMap;
use std::time::Duration;

use conformd::clock::Clock;
use conformd::domain::base::model::{Digest, Revision};
use conformd::domain::base::stamp::{BootTime, Stamp, age};
use conformd::domain::declared::approval::NamedRules;
use conformd::domain::plan::event::EventKind;
use conformd::domain::plan::record::{
    ApprovalRead, Delivering, Deployment, EventEntry, EventQuery, Giving, HeldLoss, HoldBasis,
    LossCause, LossEntry, LossKey, LossKind, LossState, RecordedPast,
};
use conformd::record::terms::RecordTerms;
use conformd::record::{FILE, Opened, Record, RecordReader, Unrecorded, run};
use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{DAY, approved, at, counted, event, files, key, loss, template, terms, usable};

fn stamps() -> impl Strategy<Value = Stamp> {
    let boot = proptest::option::of(("[a-f0-9-]{1,36}", 0_u64..1 << 50));
    (0_i64..1 << 50, proptest::option::of(0_i64..1 << 50), boot).prop_map(|(wall, aws, boot)| {
        let time = |number| jiff::Timestamp::from_microsecond(number).unwrap();
        let boot = boot.map(|(id, micros)| BootTime { id, elapsed: Duration::from_micros(micros) });
        Stamp { wall: time(wall), aws: aws.map(time), boot }
    })
}

fn keys() -> impl Strategy<Value = LossKey> {
    let kind = proptest::sample::select(LossKind::iter().collect::<Vec<_>>());
    ("[a-z]{2}-(east|west)-[1-9]", "[A-Za-z][-A-Za-z0-9]{0,20}", kind, ".{0,20}").prop_map(
        |(region, pack, kind, name)| LossKey {
            region: region.parse().unwrap(),
            pack: pack.parse().unwrap(),
            kind,
            name,
        },
    )
}

fn givings() -> impl Strategy<Value = Giving> {
    let words = (
        proptest::sample::select(LossCause::iter().collect::<Vec<_>>()),
        proptest::sample::select(LossState::iter().collect::<Vec<_>>()),
        proptest::option::of(".{0,20}"),
        proptest::option::of(".{0,20}"),
    );
    let rest = (any::<u32>(), any::<bool>());
    (stamps(), keys(), words, rest).prop_map(|(at, key, words, (count, is_own))| {
        let (cause, state, approval, revision) = words;
        let revision = revision.map(Revision);
        let used = approval.as_ref().filter(|_| is_own);
        let approval_digest = used.map(|name| Digest::of([name.as_bytes(), key.name.as_bytes()]));
        let entry = LossEntry { at, key, count, cause, state, approval, revision };
        Giving { entry, approval: approval_digest }
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.min(48)))]

    #[test]
    fn what_was_recorded_is_read_back_by_the_next_process_as_it_was(
        givings in proptest::collection::vec(givings(), 1..6),
        held in proptest::collection::vec(
            (keys(), stamps(), select(HoldBasis::iter().collect::<Vec<_>>())),
            0..4,
        ),
        (first, later) in (stamps(), stamps()),
    ) {
        let home = TempDir::new().unwrap();
        // No entry is older than the beginning by every clock.
        let now = Stamp::of_wall(jiff::Timestamp::UNIX_EPOCH);
        let record = Record::open(terms(home.path()), &now).record;
        let mut given = BTreeMap::new();
        let (read, held) = runtime().block_on(async {
            for giving in &givings {
                match record.give(vec![giving.clone()]).await {
                    Ok(ids) => given.extend(ids.into_iter().zip([giving.entry.clone()])),
                    Err(error) => assert!(matches!(error, Unrecorded::AlreadyUsed { .. })),
                }
            }
            let mut kept: BTreeMap<LossKey, HeldLoss> = BTreeMap::new();
            for (key, since, basis) in held {
                let loss = HeldLoss { key: key.clone(), since, basis };
                record.hold(vec![loss.clone()]).await.unwrap();
                let one = kept.entry(key).or_insert_with(|| loss.clone());
                one.basis = loss.basis;
            }
            let approval = Digest::of([b"one".as_slice()]);
            let rules = vec![NamedRules {
                pack: "iam".parse().unwrap(),
                rules: ["root-mfa".to_owned()].into(),
                regions: None,
            }];
            let read = |at: &Stamp| {
                let (at, rules) = (at.clone(), rules.clone());
                ApprovalRead { approval, first: at.wall, expires: at.wall, at, rules }
            };
            for at in [&first, &later] {
                record.note_approvals(vec![read(at)]).await.unwrap();
            }
            (read(&first), kept)
        });
        drop(record);
        let Opened { record, window, notices } = Record::open(terms(home.path()), &now);
        prop_assert!(record.status().is_usable(), "{:?}", record.status());
        prop_assert_eq!(notices, Vec::<String>::new());
        let counts = |entry: &LossEntry| entry.state != LossState::Retracted;
        given.retain(|_, entry| counts(entry));
        prop_assert_eq!(&window.losses, &given);
        let shown: BTreeMap<_, _> =
            window.held.iter().map(|held| (held.key.clone(), held.clone())).collect();
        prop_assert_eq!(shown, held);
        prop_assert_eq!(&window.reads, &vec![read]);
    }
}

#[tokio::test]
async fn a_loss_counts_for_a_day_by_the_clock_that_went_least() {
    let home = TempDir::new().unwrap();
    let record = usable(home.path(), 0).record;
    record.give(vec![loss("root-mfa", 0)]).await.unwrap();
    drop(record);
    let seen_at = |now: Stamp| counted(&Record::open(terms(home.path()), &now));
    assert_eq!(seen_at(at(DAY - 1)), ["root-mfa"]);
    assert!(seen_at(at(DAY)).is_empty());
    // The time of day is 30 days ahead; the machine and AWS know better.
    let ahead = Stamp { wall: at(30 * DAY).wall, ..at(60) };
    assert_eq!(seen_at(ahead.clone()), ["root-mfa"]);
    // The machine was started again: AWS still does.
    let boot = Some(BootTime { id: "second".into(), elapsed: Duration::from_hours(900) });
    assert_eq!(seen_at(Stamp { boot, ..ahead }), ["root-mfa"]);
    // The time of day was set back before the loss.
    assert_eq!(seen_at(Stamp::of_wall(jiff::Timestamp::UNIX_EPOCH)), ["root-mfa"]);
}

#[tokio::test]
async fn a_young_record_does_not_cover_the_window() {
    let home = TempDir::new().unwrap();
    drop(usable(home.path(), 0));
    let status = usable(home.path(), 60).record.status();
    assert!(!status.covers_window(&at(DAY - 1)));
    assert!(!status.covers_window(&Stamp { wall: at(9 * DAY).wall, ..at(60) }));
    assert!(status.covers_window(&at(DAY)));
}

#[tokio::test]
async fn a_retracted_loss_counts_no_more_and_gives_its_approval_back() {
    let home = TempDir::new().unwrap();
    let record = usable(home.path(), 0).record;
    let ids = record.give(vec![approved("root-mfa", 0, "retire")]).await.unwrap();
    let again = record.give(vec![loss("other", 1), approved("root-mfa", 1, "retire")]).await;
    let error = again.unwrap_err().to_string();
    insta::assert_snapshot!(error, @r#"the approval was used for the loss of rule "root-mfa" of iam-baseline in eu-west-1 before; commit a new one"#);
    let window = record.window(at(1)).await.unwrap();
    assert_eq!(window.losses.len(), 1, "all or none of what is given together");
    assert_eq!((window.uses.len(), &*window.uses[0].name), (1, "retire"));
    assert!(record.status().is_usable(), "a refused approval is no fault of the record");

    record.settle(ids, LossState::Retracted).await.unwrap();
    let window = record.window(at(1)).await.unwrap();
    assert_eq!((window.losses.len(), window.uses.len()), (0, 0));
    let ids = record.give(vec![approved("root-mfa", 2, "retire")]).await.unwrap();
    record.settle(ids, LossState::Confirmed).await.unwrap();
    drop(record);
    let window = usable(home.path(), 3).window;
    assert_eq!(window.losses.into_values().next().unwrap().state, LossState::Confirmed);
    assert_eq!(window.uses.len(), 1);
}

#[tokio::test]
async fn what_is_held_stays_held_until_it_is_released() {
    let home = TempDir::new().unwrap();
    let record = usable(home.path(), 0).record;
    let held = |name: &str, seconds, basis| HeldLoss { key: key(name), since: at(seconds), basis };
    let [vanished, asked] = [HoldBasis::Vanished, HoldBasis::Asked];
    record.hold(vec![held("root-mfa", 0, vanished), held("password", 0, asked)]).await.unwrap();
    record.hold(vec![held("root-mfa", 900 * DAY, asked)]).await.unwrap();
    record.prune(at(900 * DAY)).await.unwrap();
    record.release(vec![key("password")]).await.unwrap();
    drop(record);
    assert_eq!(usable(home.path(), 900 * DAY).window.held, [held("root-mfa", 0, asked)]);
}

fn delivering(body: &str, seconds: u64, pack: &str) -> Delivering {
    Delivering {
        at: at(seconds),
        region: "eu-west-1".parse().unwrap(),
        pack: pack.parse().unwrap(),
        values: [("AccessKey".to_owned(), "a-secret-that-was-pasted".to_owned())].into(),
        template: template(body),
        revision: Some(Revision("c0ffee".into())),
    }
}

fn deployment(pack: &str, seconds: u64) -> Deployment {
    Deployment {
        region: "eu-west-1".parse().unwrap(),
        pack: pack.parse().unwrap(),
        seen: at(seconds),
        marker: "v1.main.x".to_owned(),
        excluded: ["222222222222".parse().unwrap()].into(),
    }
}

#[tokio::test]
async fn a_pack_that_was_deleted_is_expected_nowhere_any_more() {
    let home = TempDir::new().unwrap();
    let record = usable(home.path(), 0).record;
    let region = "eu-west-1".parse().unwrap();
    let both = vec![deployment("iam-baseline", 0), deployment("logs", 0)];
    record.observe(region, both, Vec::new()).await.unwrap();
    let mut deletion = loss("", 10);
    deletion.entry.key.kind = LossKind::Pack;
    let ids = record.give(vec![deletion]).await.unwrap();
    record.settle(ids, LossState::Confirmed).await.unwrap();
    drop(record);
    // Days later nobody takes it for a deletion by somebody else.
    let opened = Record::open(terms(home.path()), &at(3 * DAY));
    let expected: Vec<_> =
        opened.window.deployments.keys().map(|(_, pack)| pack.as_str()).collect();
    assert_eq!(expected, ["logs"]);
}

#[tokio::test]
async fn deliveries_and_observations_are_remembered_and_no_value_of_a_parameter() {
    let home = TempDir::new().unwrap();
    let record = usable(home.path(), 0).record;
    record.deliver(delivering("old", 0, "iam")).await.unwrap();
    record.deliver(delivering("new", 1, "iam")).await.unwrap();
    let region = "eu-west-1".parse().unwrap();
    record
        .observe(region, vec![deployment("gone", 2), deployment("iam", 2)], Vec::new())
        .await
        .unwrap();
    let region = "eu-west-1".parse().unwrap();
    record.observe(region, vec![deployment("iam", 3)], Vec::new()).await.unwrap();
    let values = delivering("new", 1, "iam").values;
    let kept = record.digests(values.clone()).await.unwrap();
    let others: BTreeMap<_, _> = [("AccessKey".to_owned(), "another".to_owned())].into();
    assert_ne!(kept, record.digests(others).await.unwrap());
    drop(record);

    let opened = usable(home.path(), 5);
    let RecordedPast { deliveries, deployments, .. } = opened.window;
    let delivery = deliveries.into_values().next().unwrap();
    assert_eq!((delivery.at, delivery.parameters), (at(1), kept));
    assert_eq!(delivery.template, template("new").digest);
    assert_eq!(deployments.into_values().collect::<Vec<_>>(), [deployment("iam", 3)]);
    let old = opened.record.template(template("old").digest).await.unwrap();
    assert_eq!(old, Some(template("old")));
    drop(opened.record);
    let bytes = std::fs::read(home.path().join(FILE)).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|found| found == text);
    assert!(holds(b"AccessKey") && !holds(b"a-secret-that-was-pasted"));
}

#[tokio::test]
async fn history_is_forgotten_after_the_retention_and_what_still_matters_is_not() {
    let home = TempDir::new().unwrap();
    let retention = Duration::from_hours(48);
    let record = Record::open(RecordTerms { retention, ..terms(home.path()) }, &at(0)).record;
    let region = || "eu-west-1".parse().unwrap();
    for (body, seconds, pack) in
        [("first", 0, "iam"), ("second", 1, "iam"), ("third", 2, "retired"), ("fourth", 3, "iam")]
    {
        record.deliver(delivering(body, seconds, pack)).await.unwrap();
    }
    record.observe(region(), vec![deployment("iam", 3)], Vec::new()).await.unwrap();
    record.give(vec![approved("root-mfa", 0, "retire")]).await.unwrap();
    record.note(EventEntry { at: at(0), event: event(1, "put") });
    record.flush().await.unwrap();
    let texts = async || {
        let mut found = Vec::new();
        for body in ["first", "second", "third", "fourth"] {
            if record.template(template(body).digest).await.unwrap().is_some() {
                found.push(body);
            }
        }
        found
    };
    let events = async || {
        let query = EventQuery { count_max: 10, ..EventQuery::default() };
        record.events(query).await.unwrap().len()
    };

    // The time of day alone says that ten days have passed.
    record.prune(Stamp { wall: at(10 * DAY).wall, ..at(60) }).await.unwrap();
    assert_eq!((texts().await.len(), events().await), (4, 1));
    record.prune(at(2 * DAY + 60)).await.unwrap();
    assert_eq!((texts().await, events().await), (vec!["fourth"], 0));
    let window = record.window(at(0)).await.unwrap();
    assert_eq!(window.losses.len(), 0);
    assert_eq!(window.uses.len(), 1, "its approval may still be in the source");
    let again = record.give(vec![approved("root-mfa", 2 * DAY, "retire")]).await;
    assert!(matches!(again, Err(Unrecorded::AlreadyUsed { .. })), "{again:?}");
    record.prune(at(8 * DAY)).await.unwrap();
    assert_eq!(record.window(at(0)).await.unwrap().uses.len(), 0);
}

#[tokio::test]
async fn history_gives_way_when_it_takes_too_much_space_and_losses_of_the_day_never_do() {
    let home = TempDir::new().unwrap();
    let bytes_max = 512 * 1_024;
    let record = Record::open(RecordTerms { bytes_max, ..terms(home.path()) }, &at(0)).record;
    record.give(vec![loss("old", 0)]).await.unwrap();
    record.give(vec![loss("young", 2 * DAY)]).await.unwrap();
    let long = "x".repeat(400);
    for number in 1..=3_000 {
        record.note(EventEntry { at: at(number), event: event(number, &long) });
        if number % 100 == 0 {
            record.flush().await.unwrap();
        }
    }
    let lost = record.figures().events_lost;
    assert!(0 < lost && lost < 3_000, "events stop where the room of losses begins: {lost}");
    record.give(vec![loss("full", 2 * DAY)]).await.unwrap();
    let before = record.figures().bytes;
    record.deliver(delivering("new", 2 * DAY, "iam")).await.unwrap();
    assert!(record.figures().bytes < before, "what is delivered now is worth more than old events");
    record.prune(at(2 * DAY + 1)).await.unwrap();
    let figures = record.figures();
    assert!(figures.bytes <= bytes_max * 9 / 10 && 0 < figures.bytes, "{figures:?}");
    let query =
        EventQuery { count_max: 1, kind: Some(EventKind::Mutation), ..EventQuery::default() };
    let newest = 3_000 - lost;
    assert!(record.template(template("new").digest).await.unwrap().is_some());
    assert_eq!(record.events(query).await.unwrap()[0].event.number, newest, "the oldest went");
    let window = record.window(at(2 * DAY + 1)).await.unwrap();
    assert_eq!(window.losses.len(), 2);
    drop(record);
    let size = std::fs::metadata(home.path().join(FILE)).unwrap().len();
    assert!(size <= bytes_max, "the space is given back: {size}");
}

#[tokio::test]
async fn events_are_found_by_what_they_are_about_the_newest_first() {
    let home = TempDir::new().unwrap();
    let record = usable(home.path(), 0).record;
    let other = |number, text| {
        let mut event = event(number, text);
        event.pack = Some("network".parse().unwrap());
        event.kind = EventKind::Guard;
        event
    };
    for event in [event(1, "put"), other(2, "held"), event(3, "put again")] {
        record.note(EventEntry { at: at(event.number), event });
    }
    record.flush().await.unwrap();
    let numbers = async |query: EventQuery| -> Vec<u64> {
        let found = record.events(EventQuery { count_max: 2, ..query }).await.unwrap();
        found.into_iter().map(|entry| entry.event.number).collect()
    };
    assert_eq!(numbers(EventQuery::default()).await, [3, 2]);
    let pack = Some("iam-baseline".parse().unwrap());
    assert_eq!(numbers(EventQuery { pack, ..EventQuery::default() }).await, [3, 1]);
    let kind = Some(EventKind::Guard);
    assert_eq!(numbers(EventQuery { kind, ..EventQuery::default() }).await, [2]);
    let region = Some("us-east-1".parse().unwrap());
    assert!(numbers(EventQuery { region, ..EventQuery::default() }).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_write_to_the_disk_takes_no_virtual_time() {
    let home = TempDir::new().unwrap();
    let clock = Clock::simulated(at(0).wall, 1);
    let record = Record::open(terms(home.path()), &clock.stamp()).record;
    for number in 0..20 {
        record.give(vec![loss(&format!("rule-{number}"), 0)]).await.unwrap();
    }
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_task_writes_events_in_time_and_at_the_end_and_forgets_old_ones() {
    let home = TempDir::new().unwrap();
    let clock = Clock::simulated(at(0).wall, 1);
    let retention = Duration::from_hours(48);
    let record =
        Record::open(RecordTerms { retention, ..terms(home.path()) }, &clock.stamp()).record;
    let stop = CancellationToken::new();
    let reader = || RecordReader::open(&terms(home.path())).unwrap();
    let query = EventQuery { count_max: 10, ..EventQuery::default() };
    let note = |number| {
        record.note(EventEntry { at: clock.stamp(), event: event(number, "put") });
    };
    let story = async {
        note(1);
        clock.sleep(Duration::from_secs(5)).await;
        assert_eq!(reader().events(&query).unwrap().len(), 1);
        clock.sleep(Duration::from_hours(50)).await;
        assert_eq!(reader().events(&query).unwrap().len(), 0);
        note(2);
        stop.cancel();
    };
    let reopened = |window, notices| panic!("nothing was wrong: {window:?} {notices:?}");
    tokio::join!(run(record.clone(), clock.clone(), stop.clone(), reopened), story);
    assert_eq!(reader().events(&query).unwrap()[0].event.number, 2);
    assert_eq!(record.figures().events_lost, 0);
}

#[tokio::test(start_paused = true)]
async fn a_record_in_memory_behaves_as_one_on_the_disk_and_leaves_nothing_there() {
    let home = TempDir::new().unwrap();
    let record = Record::in_memory(terms(home.path()), &at(0));
    assert!(record.status().is_usable());
    let ids = record.give(vec![approved("root-mfa", 0, "retire"), loss("two", 0)]).await.unwrap();
    record.settle(ids[1..].to_vec(), LossState::Retracted).await.unwrap();
    let window = record.window(at(1)).await.unwrap();
    assert_eq!((window.losses.len(), window.uses.len()), (1, 1));
    assert_eq!(age(&window.losses[&ids[0]].at, &at(1)), Duration::from_secs(1));
    record.prune(at(2)).await.unwrap();
    assert!(files(home.path()).is_empty());
}
