//! Sentences about members, verdicts and readings, told over a small organization.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::domain::failure_class::FailureClass;
use crate::domain::member::MemberStatus;
use crate::domain::model::{DeletionPolicy, Digest, MARKER_PARAMETER, Marker, Place, Timestamp};
use crate::domain::observed::{Delivery, PackRecord, RolloutStatus, StatusRecord, join};
use crate::domain::organization::{Account, AccountState, OrganizationRecord};

const SWEEPS: Sweeps = Sweeps { trouble: Duration::from_mins(15), full: Duration::from_hours(6) };

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
struct Scene {
    tracked: Tracked,
    list: Option<AccountList>,
    standing: Standing,
    /// The pack's record, as AWS lists it.
    record: PackRecord,
    status: Option<&'static str>,
    now: i64,
}

impl Scene {
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
            delivery: Delivery::default(),
        };
        let mut scene = Self {
            tracked: Tracked::default(),
            list: Some(list),
            standing: Standing::Current,
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
    fn look(&mut self, now: i64) {
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
            let read = if self.standing == Standing::Current { at(now) } else { list.read };
            Arc::new(AccountList { read, ..list })
        });
        let facts = Facts {
            seen: &seen,
            desired: None,
            list: list.as_ref(),
            standing: &self.standing,
            recorders: None,
        };
        self.tracked.look(&facts, &SWEEPS, at(now));
        self.list = list.map(|list| AccountList::clone(&list));
    }

    fn reading(&mut self, reading: &Reading, rows: &[Row]) {
        let mut draft = Draft::default();
        for page in rows.chunks(3) {
            self.tracked.note(&mut draft, page);
        }
        self.tracked.take((reading, draft), &SWEEPS, (at(self.now), at(self.now)));
    }

    /// Reads everybody.
    fn sweep(&mut self, rows: &[Row]) {
        self.reading(&Reading::Sweep(self.record.name.clone()), rows);
    }

    /// Reads those in trouble: what the six listings show of these rows.
    fn trouble(&mut self, rows: &[Row]) {
        let is_listed = |row: &&Row| {
            FILTERS.iter().any(|(verb, phase)| row.status == RolloutStatus::Known(*verb, *phase))
        };
        let rows: Vec<Row> = rows.iter().filter(is_listed).cloned().collect();
        self.reading(&Reading::Trouble(self.record.name.clone()), &rows);
    }

    fn arrival(&self) -> Arrival {
        self.tracked.tracking().packs[&self.record.name].clone()
    }

    fn verdict(&self) -> Verdict {
        self.arrival().verdict
    }

    /// The verdict and everybody who is not ok.
    fn text(&self) -> String {
        let arrival = self.arrival();
        let mut text = arrival.verdict.as_str().to_owned();
        if arrival.aggregate_stuck {
            text += " (aggregate stuck)";
        }
        write!(text, ", {} ok", arrival.counts.ok).unwrap();
        for member in &*arrival.troubled {
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
        if let Some(why) = &arrival.why {
            write!(text, "\n({why})").unwrap();
        }
        text
    }

    /// What is read next, and how many seconds from now.
    fn next(&self) -> String {
        let pace = Pace::new(Duration::from_mins(15));
        let mut errands = self.tracked.errands(&SWEEPS, &pace);
        for errand in &mut errands {
            errand.due = errand.due.max(at(self.now));
        }
        let Some(first) = errands.into_iter().min_by_key(|it| (it.due, it.rank)) else {
            return "nothing".to_owned();
        };
        let what = match first.reading {
            Reading::Trouble(_) => "trouble".to_owned(),
            Reading::Account(_, account) => {
                format!("account {}", account.as_str().trim_start_matches('0'))
            }
            Reading::Sweep(_) => "sweep".to_owned(),
        };
        let wait = first.due.duration_since(at(self.now)).as_secs();
        format!("{what} in {wait} s ({:?})", first.rank)
    }
}

/// A row that AWS wrote at this second.
fn row(account: u64, status: &str, seconds: i64) -> Row {
    let is_failed = status.ends_with("_FAILED");
    Row {
        account: id(account),
        status: status.parse().unwrap(),
        error_code: is_failed.then(|| "NoAvailableConfigurationRecorder".to_owned()),
        error_message: is_failed.then(|| "no recorder".to_owned()),
        last_update: Some(at(seconds)),
    }
}

/// Good rows of these accounts.
fn good(accounts: impl IntoIterator<Item = u64>) -> Vec<Row> {
    accounts.into_iter().map(|account| row(account, "CREATE_SUCCESSFUL", -MINUTE)).collect()
}

mod judging {
    use super::*;

    #[test]
    fn a_pack_whose_members_were_not_read_is_unseen() {
        let mut scene = Scene::new(3);
        assert_eq!(scene.tracked.tracking(), Tracking::default());
        scene.look(0);
        assert_snapshot!(scene.text(), @"
        unseen, 0 ok
        (its members were not read yet)
        ");
    }

    #[test]
    fn everybody_who_is_not_simply_ok_is_shown_with_the_reason() {
        let mut scene = Scene::new(6);
        scene.account(7, Some(AccountState::Suspended), -HOUR * 1_000);
        scene.account(8, None, -HOUR * 1_000);
        scene.record.excluded = [id(5), id(6)].into();
        scene.look(0);
        let mut rows = good([1]);
        rows.extend([
            row(2, "UPDATE_IN_PROGRESS", -MINUTE),
            row(3, "UPDATE_FAILED", -MINUTE),
            row(5, "DELETE_FAILED", -MINUTE),
            row(7, "CREATE_FAILED", -MINUTE),
            row(8, "CREATE_SUCCESSFUL", -MINUTE),
            row(9, "CREATE_SUCCESSFUL", -HOUR),
            row(10, "CREATE_SUCCESSFUL", -MINUTE),
        ]);
        scene.sweep(&rows);
        assert_snapshot!(scene.text(), @"
        degraded, 1 ok
        2 in_progress
        3 failed no_recorder: NoAvailableConfigurationRecorder no recorder
        4 missing
        7 inactive: NoAvailableConfigurationRecorder no recorder
        8 inactive
        9 left
        10 not_yet_listed
        (excluded account 000000000005: AWS could not remove it there (DELETE_FAILED))
        ");
    }

    #[test]
    fn a_status_that_is_not_documented_is_neither_success_nor_failure() {
        let mut scene = Scene::new(2);
        scene.look(0);
        scene.sweep(&[good([1]), vec![row(2, "CREATE_PAUSED", 0)]].concat());
        assert_snapshot!(scene.text(), @"
        converging, 1 ok
        2 in_progress: CREATE_PAUSED
        (the row of 000000000002 shows a status that this version does not know)
        ");
        assert_eq!(scene.next(), "sweep in 900 s (Newcomer)");
    }

    #[test]
    fn an_account_without_a_row_is_missing_once_that_was_seen_after_the_grace() {
        for (age, verdict) in
            [(30 * MINUTE - 1, Verdict::Converging), (30 * MINUTE, Verdict::Missing)]
        {
            let mut scene = Scene::new(3);
            scene.record.last_update = at(-age);
            scene.look(0);
            scene.sweep(&good([1, 2]));
            assert_eq!(scene.verdict(), verdict);
            // Time alone proves nothing.
            scene.look(5 * HOUR);
            assert_eq!(scene.verdict(), verdict);
        }
    }

    #[test]
    fn an_account_that_vanished_from_the_rows_is_not_missing_while_the_list_is_in_doubt() {
        let mut scene = Scene::new(3);
        scene.look(0);
        scene.sweep(&good([1, 2, 3]));
        scene.standing = Standing::Frozen("the account list could not be read".to_owned());
        scene.look(HOUR);
        scene.sweep(&[good([1, 2]), vec![row(9, "CREATE_SUCCESSFUL", 0)]].concat());
        assert_snapshot!(scene.text(), @"
        converging, 2 ok
        3 in_progress
        9 not_yet_listed
        (the account list could not be read)
        ");
        scene.standing = Standing::Current;
        scene.look(HOUR + MINUTE);
        assert_snapshot!(scene.text(), @"
        missing, 2 ok
        3 missing
        9 left
        ");
    }

    #[test]
    fn a_management_account_without_a_row_is_said_and_spoils_nothing() {
        let mut scene = Scene::new(3);
        scene.look(0);
        scene.sweep(&good([2, 3]));
        assert_eq!(scene.verdict(), Verdict::Converged);
        assert!(scene.arrival().management_missing);
    }

    #[test]
    fn a_new_account_waits_until_somebody_looked_after_its_deadline() {
        for (status, verdict) in [
            (None, Verdict::Missing),
            (Some("CREATE_FAILED"), Verdict::Degraded),
            (Some("CREATE_IN_PROGRESS"), Verdict::Converging),
        ] {
            let mut scene = Scene::new(2);
            scene.account(3, Some(AccountState::Active), 0);
            let mut rows = good([1, 2]);
            rows.extend(status.map(|status| row(3, status, MINUTE)));
            let deadline = 7 * HOUR;
            scene.look(deadline - 1);
            scene.sweep(&rows);
            assert_eq!(scene.arrival().newcomers[&id(3)], MemberStatus::Waiting);
            scene.look(deadline + HOUR);
            assert_eq!(scene.verdict(), Verdict::Converging, "{status:?}, nobody looked since");
            scene.look(deadline);
            scene.sweep(&rows);
            assert_eq!(scene.verdict(), verdict, "{status:?}");
        }
    }

    #[test]
    fn a_new_account_that_fails_for_another_reason_has_failed() {
        let mut scene = Scene::new(2);
        scene.account(3, Some(AccountState::Active), -HOUR);
        scene.look(0);
        let denied = Row {
            error_code: Some("AccessDeniedException".to_owned()),
            ..row(3, "CREATE_FAILED", -MINUTE)
        };
        scene.sweep(&[good([1, 2]), vec![denied]].concat());
        let status = MemberStatus::Failed(FailureClass::AccessDenied);
        assert_eq!(scene.arrival().newcomers[&id(3)], status);
    }

    #[test]
    fn somebody_has_left_when_a_later_list_says_so_and_never_by_a_frozen_one() {
        for (written, counts) in [(-30 * MINUTE, (0, 1)), (-30 * MINUTE + 1, (1, 0))] {
            let mut scene = Scene::new(1);
            scene.look(0);
            let stranger = row(9, "CREATE_SUCCESSFUL", written);
            scene.sweep(&[good([1]), vec![stranger.clone()]].concat());
            let shown = |scene: &Scene| {
                let counts = scene.arrival().counts;
                (counts.not_yet_listed, counts.left)
            };
            assert_eq!(shown(&scene), counts);
            assert_eq!(scene.verdict(), Verdict::Converged, "a stranger spoils nothing");
            scene.standing = Standing::Frozen("it shrank".to_owned());
            scene.look(1);
            assert_eq!(shown(&scene), (1, 0));
        }
    }

    #[test]
    fn without_a_list_failures_are_failures_and_success_proves_nothing() {
        let mut scene = Scene::new(0);
        scene.list = None;
        scene.standing = Standing::Unknown("the account list was not read yet".to_owned());
        scene.look(0);
        scene.sweep(&good([1, 2]));
        assert_snapshot!(scene.text(), @"
        unseen, 2 ok
        (the account list was not read yet)
        ");
        scene.sweep(&[good([1]), vec![row(2, "CREATE_FAILED", 0)]].concat());
        assert_snapshot!(scene.text(), @"
        degraded, 1 ok
        2 failed no_recorder: NoAvailableConfigurationRecorder no recorder
        (the account list was not read yet)
        ");
    }

    #[test]
    fn what_was_seen_stays_while_the_region_cannot_be_seen() {
        let mut scene = Scene::new(2);
        scene.look(0);
        scene.sweep(&good([1, 2]));
        let kind = crate::domain::failure::FailureKind::Unreachable;
        scene.tracked.lost(&Unseen { kind, why: "no connection".to_owned() });
        assert_snapshot!(scene.text(), @"
        converged, 2 ok
        (the region could not be read: no connection)
        ");
        assert_eq!(scene.next(), "nothing");
    }
}

mod proving {
    use super::*;

    #[test]
    fn rows_of_before_the_last_change_prove_nothing_until_two_sweeps_agree() {
        let mut scene = Scene::new(2);
        scene.record.last_update = at(0);
        scene.look(0);
        let rows = good([1, 2]);
        scene.sweep(&rows);
        assert_snapshot!(scene.text(), @"
        converging, 2 ok
        (rows are older than the last change: a second reading decides)
        ");
        assert_eq!(scene.next(), "sweep in 600 s (Verdict)");
        scene.look(10 * MINUTE - 1);
        scene.sweep(&rows);
        assert_eq!(scene.verdict(), Verdict::Converging);
        scene.look(10 * MINUTE);
        scene.sweep(&rows);
        assert_eq!(scene.verdict(), Verdict::Converged);
    }

    #[test]
    fn an_aggregate_in_progress_for_ever_is_overruled_by_two_sweeps_and_costs_nothing_then() {
        let mut scene = Scene::new(1_000);
        scene.status = Some("CREATE_IN_PROGRESS");
        scene.look(0);
        assert_eq!(scene.next(), "trouble in 0 s (Changed)");
        scene.trouble(&[]);
        assert_eq!(
            (scene.verdict(), scene.next()),
            (Verdict::Unseen, "sweep in 0 s (Verdict)".to_owned())
        );
        let rows = good(1..=1_000);
        scene.sweep(&rows);
        assert_snapshot!(scene.text(), @r#"
        stuck_aggregate, 1000 ok
        (every account is done, and AWS says "in progress": a second reading decides)
        "#);
        assert_eq!(scene.next(), "sweep in 600 s (Verdict)");
        scene.look(10 * MINUTE);
        scene.sweep(&rows);
        assert_eq!(scene.text(), "converged (aggregate stuck), 1000 ok");
        assert_eq!(scene.next(), "sweep in 21600 s (Routine)");
    }

    #[test]
    fn an_aggregate_in_progress_for_ever_hides_no_failure() {
        let mut scene = Scene::new(3);
        scene.status = Some("CREATE_IN_PROGRESS");
        scene.look(0);
        let rows = [good([1, 2]), vec![row(3, "CREATE_FAILED", 0)]].concat();
        scene.sweep(&rows);
        assert_eq!(scene.arrival().verdict, Verdict::Degraded);
        scene.look(10 * MINUTE);
        scene.sweep(&rows);
        assert_snapshot!(scene.text(), @"
        degraded (aggregate stuck), 2 ok
        3 failed no_recorder: NoAvailableConfigurationRecorder no recorder
        ");
        assert_eq!(scene.next(), "sweep in 900 s (Trouble)");
    }

    #[test]
    fn nothing_counts_after_a_put_until_everybody_was_read_again() {
        let mut scene = Scene::new(1_000);
        scene.look(0);
        let rows = good(1..=1_000);
        scene.sweep(&rows);
        assert_eq!(scene.verdict(), Verdict::Converged);
        scene.record.last_update = at(MINUTE);
        scene.record.inputs.insert("Other".to_owned(), "1".to_owned());
        scene.status = Some("UPDATE_IN_PROGRESS");
        scene.look(2 * MINUTE);
        assert_eq!(
            (scene.verdict(), scene.arrival().counts.in_progress),
            (Verdict::Converging, 1_000)
        );
        assert_eq!(scene.next(), "trouble in 0 s (Changed)");
        // A few are at work; the others are not asked for one by one.
        scene.trouble(&[row(1, "UPDATE_IN_PROGRESS", MINUTE)]);
        assert_eq!(scene.next(), "trouble in 60 s (Changed)");
        scene.look(3 * MINUTE);
        scene.trouble(&[]);
        assert_eq!(scene.next(), "sweep in 0 s (Verdict)");
        scene.sweep(
            &(1..=1_000).map(|one| row(one, "UPDATE_SUCCESSFUL", 2 * MINUTE)).collect::<Vec<_>>(),
        );
        assert_eq!(scene.verdict(), Verdict::StuckAggregate);
        scene.status = Some("UPDATE_SUCCESSFUL");
        scene.look(4 * MINUTE);
        assert_eq!(scene.verdict(), Verdict::Converged);
    }

    #[test]
    fn a_join_touches_a_pack_and_does_not_put_everybody_in_doubt() {
        let mut scene = Scene::new(1_000);
        scene.look(0);
        scene.sweep(&good(1..=1_000));
        scene.account(1_001, Some(AccountState::Active), HOUR);
        (scene.record.last_update, scene.status) = (at(HOUR), Some("UPDATE_IN_PROGRESS"));
        scene.look(HOUR);
        assert_eq!((scene.verdict(), scene.arrival().counts.ok), (Verdict::Converging, 1_000));
        scene.trouble(&[row(1_001, "CREATE_IN_PROGRESS", HOUR)]);
        assert_snapshot!(scene.text(), @"
        converging, 1000 ok
        1001 waiting
        ");
        scene.look(HOUR + 15 * MINUTE);
        assert_eq!(scene.next(), "account 1001 in 0 s (Newcomer)");
        let reading = Reading::Account("base".parse().unwrap(), id(1_001));
        scene.reading(&reading, &[row(1_001, "CREATE_SUCCESSFUL", HOUR + MINUTE)]);
        scene.status = Some("UPDATE_SUCCESSFUL");
        scene.look(HOUR + 16 * MINUTE);
        assert_eq!(scene.text(), "converged, 1001 ok");
    }

    #[test]
    fn somebody_who_stopped_failing_is_asked_for_and_not_called_good() {
        let mut scene = Scene::new(1_000);
        scene.status = Some("CREATE_FAILED");
        scene.look(0);
        let mut rows = good(1..=998);
        rows.extend([row(999, "CREATE_FAILED", 0), row(1_000, "CREATE_FAILED", 0)]);
        scene.sweep(&rows);
        assert_eq!(scene.next(), "trouble in 900 s (Trouble)");
        scene.look(15 * MINUTE);
        scene.trouble(&rows[..999]);
        assert_eq!(scene.arrival().counts.ok, 998);
        assert_eq!(scene.next(), "account 1000 in 0 s (Newcomer)");
        scene.reading(&Reading::Account("base".parse().unwrap(), id(1_000)), &[]);
        assert_eq!(scene.arrival().counts.missing, 1);
    }
}

mod pacing {
    use super::*;

    #[test]
    fn many_newcomers_are_read_together() {
        let mut scene = Scene::new(1_000);
        scene.look(0);
        scene.sweep(&good(1..=1_000));
        for number in 2_001..=2_009 {
            scene.account(number, Some(AccountState::Active), HOUR);
        }
        scene.look(HOUR);
        assert_eq!(scene.next(), "account 2001 in 0 s (Newcomer)");
        for number in 2_010..=2_500 {
            scene.account(number, Some(AccountState::Active), HOUR);
        }
        scene.look(HOUR);
        assert_eq!(scene.next(), "sweep in 0 s (Newcomer)");
    }

    #[test]
    fn readings_that_fail_come_again_ever_more_rarely_and_the_verdict_stays() {
        let mut scene = Scene::new(1_000);
        scene.look(0);
        scene.sweep(&good(1..=1_000));
        scene.look(7 * HOUR);
        for wait in [60, 120, 240, 480, 900, 900] {
            let reading = Reading::Sweep("base".parse().unwrap());
            scene.tracked.fail(&reading, "throttled".to_owned(), at(scene.now));
            assert_eq!(scene.next(), format!("sweep in {wait} s (Routine)"));
        }
        assert_snapshot!(scene.text(), @"
        converged, 1000 ok
        (members could not be read at 2026-11-02T07:00:00Z: throttled)
        ");
    }

    #[test]
    fn everybody_is_read_in_the_end_however_much_trouble_there_is() {
        let mut scene = Scene::new(1_000);
        scene.status = Some("CREATE_FAILED");
        scene.look(0);
        let mut rows = good(2..=1_000);
        rows.push(row(1, "CREATE_FAILED", 0));
        scene.sweep(&rows);
        scene.look(13 * HOUR);
        let pace = Pace::new(Duration::from_mins(15));
        let due = scene.tracked.errands(&SWEEPS, &pace).into_iter();
        let first = due.filter(|errand| errand.due <= at(scene.now)).min().unwrap();
        assert_eq!(
            (first.rank, first.reading),
            (Rank::Changed, Reading::Sweep("base".parse().unwrap()))
        );
    }
}

/// A random organization of a dozen accounts.
#[derive(Debug, Clone)]
struct World {
    accounts: Vec<(Option<AccountState>, bool, bool)>,
    rows: Vec<(u64, usize)>,
    aggregate: Option<&'static str>,
}

const STATUSES: [&str; 10] = [
    "CREATE_SUCCESSFUL",
    "UPDATE_SUCCESSFUL",
    "CREATE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "CREATE_FAILED",
    "UPDATE_FAILED",
    "DELETE_FAILED",
    "DELETE_SUCCESSFUL",
    "SOMETHING_ELSE",
];

fn any_world() -> impl Strategy<Value = World> {
    let state = prop_oneof![
        8 => Just(Some(AccountState::Active)),
        1 => Just(Some(AccountState::Suspended)),
        1 => Just(Some(AccountState::PendingActivation)),
        1 => Just(None),
    ];
    let account = (state, proptest::bool::weighted(0.1), proptest::bool::weighted(0.9));
    let status = prop_oneof![12 => 0_usize..2, 1 => 0_usize..STATUSES.len()];
    let aggregate = proptest::sample::select(vec![
        None,
        Some("CREATE_SUCCESSFUL"),
        Some("UPDATE_FAILED"),
        Some("UPDATE_SOMEHOW"),
    ]);
    (2_usize..8).prop_flat_map(move |count| {
        let accounts = proptest::collection::vec(account.clone(), count);
        let rows = proptest::collection::vec(status.clone(), count + 2);
        (accounts, rows, aggregate.clone()).prop_map(|(accounts, rows, aggregate)| World {
            accounts,
            rows: (1..).zip(rows).collect(),
            aggregate,
        })
    })
}

impl World {
    /// The scene at its start, and the rows: accounts that are not listed have rows too.
    fn scene(&self) -> (Scene, Vec<Row>) {
        let mut scene = Scene::new(0);
        scene.status = self.aggregate;
        for (number, (state, is_excluded, _)) in (1..).zip(&self.accounts) {
            scene.account(number, *state, -30 * 24 * HOUR);
            if *is_excluded {
                scene.record.excluded.insert(id(number));
            }
        }
        let has_row = |number: u64| {
            let at = usize::try_from(number).unwrap() - 1;
            self.accounts.get(at).is_none_or(|(_, _, has_row)| *has_row)
        };
        let rows = self.rows.iter().filter(|(number, _)| has_row(*number));
        let rows = rows.map(|(number, status)| row(*number, STATUSES[*status], -MINUTE)).collect();
        scene.look(0);
        (scene, rows)
    }

    fn is_expected(&self, number: u64) -> bool {
        let at = usize::try_from(number).unwrap() - 1;
        matches!(self.accounts.get(at), Some((Some(AccountState::Active), false, _)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..Default::default() })]

    #[test]
    fn converged_means_that_every_expected_account_has_a_good_row(world in any_world()) {
        let (mut scene, rows) = world.scene();
        scene.sweep(&rows);
        let naive = (1..=u64::try_from(world.accounts.len()).unwrap())
            .filter(|number| world.is_expected(*number))
            .all(|number| {
                let own = rows.iter().find(|row| row.account == id(number));
                own.map_or(number == 1, |row| row.status.to_string().ends_with("E_SUCCESSFUL")
                    && !row.status.to_string().starts_with("DELETE")
                    || number == 1 && row.status.to_string().starts_with("DELETE"))
            });
        prop_assert_eq!(scene.verdict() == Verdict::Converged, naive, "{}", scene.text());
    }

    #[test]
    fn every_account_of_either_side_counts_once(world in any_world()) {
        let (mut scene, rows) = world.scene();
        scene.sweep(&rows);
        let count = u64::try_from(world.accounts.len()).unwrap();
        let listed = (1..=count).filter(|number| world.is_expected(*number)).map(id);
        let excluded = |row: &&Row| !scene.record.excluded.contains(&row.account);
        let with_rows = rows.iter().filter(excluded).map(|row| row.account);
        let union: BTreeSet<AccountId> = listed.chain(with_rows).collect();
        let arrival = scene.arrival();
        let kinds = crate::domain::member::StatusKind::ALL.into_iter();
        let counted: usize = kinds.map(|kind| arrival.counts.of(kind)).sum();
        prop_assert_eq!(counted + usize::from(arrival.management_missing), union.len());
        prop_assert_eq!(arrival.troubled.len(), counted - arrival.counts.ok);
        prop_assert_eq!(arrival.classes.values().sum::<usize>(), arrival.counts.failed);
    }

    #[test]
    fn order_pages_and_repetitions_of_rows_change_nothing(
        world in any_world(),
        (order, again) in (any::<u64>(), proptest::collection::vec(any::<proptest::sample::Index>(), 0..4)),
    ) {
        let (mut scene, mut rows) = world.scene();
        let (mut other, _) = world.scene();
        // Repetitions, among them older and worse ones.
        let repeated: Vec<Row> = again
            .iter()
            .filter(|_| !rows.is_empty())
            .map(|index| Row {
                status: "CREATE_FAILED".parse().unwrap(),
                ..row(1, "CREATE_FAILED", -MINUTE - i64::from(order % 2 == 0))
            }.tap(|row| row.account = index.get(&rows).account))
            .collect();
        rows.extend(repeated);
        scene.sweep(&rows);
        rows.sort_by_key(|row| Digest::of([row.account.as_str().as_bytes(), &order.to_be_bytes()]).short());
        rows.reverse();
        other.sweep(&rows);
        prop_assert_eq!(scene.tracked.tracking(), other.tracked.tracking());
    }

    #[test]
    fn nobody_is_missing_or_gone_before_everybody_was_read(world in any_world()) {
        let (mut scene, rows) = world.scene();
        scene.trouble(&rows);
        let arrival = scene.arrival();
        prop_assert_eq!(arrival.counts.missing, 0);
        prop_assert!(!matches!(arrival.verdict, Verdict::Converged | Verdict::Missing));
        scene.tracked.fail(&Reading::Sweep("base".parse().unwrap()), "no".to_owned(), at(0));
        prop_assert_eq!(scene.arrival().counts, arrival.counts);
    }

    #[test]
    fn the_filtered_listings_never_make_anybody_good(before in any_world(), seed in any::<u64>()) {
        let (mut scene, rows) = before.scene();
        scene.sweep(&rows);
        let ok = scene.arrival().counts.ok;
        // Everybody's row turns into some other.
        let next: Vec<Row> = rows
            .iter()
            .zip(0_u64..)
            .map(|(old, index)| {
                let pick = usize::try_from((seed >> index) % 10).unwrap();
                Row { account: old.account, ..row(1, STATUSES[pick], 0) }
            })
            .collect();
        scene.look(MINUTE);
        scene.trouble(&next);
        prop_assert!(scene.arrival().counts.ok <= ok);
        // And a sweep afterwards tells what a sweep alone would tell.
        let (mut fresh, _) = before.scene();
        fresh.look(MINUTE);
        scene.sweep(&next);
        fresh.sweep(&next);
        prop_assert_eq!(scene.arrival().counts, fresh.arrival().counts);
        prop_assert_eq!(scene.verdict(), fresh.verdict());
    }
}

/// Changes a value in passing.
trait Tap: Sized {
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl Tap for Row {}
