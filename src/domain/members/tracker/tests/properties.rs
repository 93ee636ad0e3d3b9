//! What holds for any organization and any rows.

use proptest::prelude::*;
use strum::IntoEnumIterator as _;

use super::*;
use crate::domain::base::failure::FailureKind;

/// A random organization of a dozen accounts.
#[derive(Debug, Clone)]
struct RandomOrganization {
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

fn any_world() -> impl Strategy<Value = RandomOrganization> {
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
        (accounts, rows, aggregate.clone()).prop_map(|(accounts, rows, aggregate)| {
            RandomOrganization { accounts, rows: (1..).zip(rows).collect(), aggregate }
        })
    })
}

impl RandomOrganization {
    /// The scene at its start, and the rows: accounts that are not listed have rows too.
    fn scene(&self) -> (TrackerScene, Vec<StatusRow>) {
        let mut scene = TrackerScene::new(0);
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
        scene.observe(0);
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
    fn healthy_means_that_every_expected_account_has_a_good_row(world in any_world()) {
        let (mut scene, rows) = world.scene();
        scene.resync(&rows);
        let count = u64::try_from(world.accounts.len()).unwrap();
        let has_it = |number: u64| {
            let own = rows.iter().find(|row| row.account == id(number));
            match own.map(|row| row.status.to_string()).as_deref() {
                Some("CREATE_SUCCESSFUL" | "UPDATE_SUCCESSFUL") => true,
                // The management account may be without.
                None => number == 1,
                Some(other) => number == 1 && other.starts_with("DELETE"),
            }
        };
        let is_active = |(state, _, _): &_| *state == Some(AccountState::Active);
        // Where no account is active, nobody is expected, and nothing is known to be well.
        let naive = world.accounts.iter().any(is_active)
            && (1..=count).filter(|number| world.is_expected(*number)).all(has_it);
        prop_assert_eq!(scene.health() == RolloutHealth::Healthy, naive, "{}", scene.text());
    }

    #[test]
    fn every_account_of_either_side_counts_once(world in any_world()) {
        let (mut scene, rows) = world.scene();
        scene.resync(&rows);
        let count = u64::try_from(world.accounts.len()).unwrap();
        let listed = (1..=count).filter(|number| world.is_expected(*number)).map(id);
        let excluded = |row: &&StatusRow| !scene.record.excluded.contains(&row.account);
        let with_rows = rows.iter().filter(excluded).map(|row| row.account);
        let union: BTreeSet<AccountId> = listed.chain(with_rows).collect();
        let rollout = scene.rollout();
        let kinds = crate::domain::observed::member::StatusKind::iter();
        let counted: usize = kinds.map(|kind| rollout.counts.of(kind)).sum();
        prop_assert_eq!(counted + usize::from(rollout.management_missing), union.len());
        prop_assert_eq!(rollout.troubled.len(), counted - rollout.counts.ok);
        prop_assert_eq!(rollout.classes.values().sum::<usize>(), rollout.counts.failed);
    }

    #[test]
    fn order_pages_and_repetitions_of_rows_change_nothing(
        world in any_world(),
        order in any::<u64>(),
        again in proptest::collection::vec(any::<proptest::sample::Index>(), 0..4),
    ) {
        let (mut scene, mut rows) = world.scene();
        let (mut other, _) = world.scene();
        // Repetitions that are worse, and some of them older.
        let older = i64::from(order % 2 == 0);
        let repeat = |index: &proptest::sample::Index| {
            let account = index.get(&rows).account;
            StatusRow { account, ..row(1, "CREATE_FAILED", -MINUTE - older) }
        };
        let repeated: Vec<StatusRow> =
            again.iter().filter(|_| !rows.is_empty()).map(repeat).collect();
        rows.extend(repeated);
        scene.resync(&rows);
        rows.reverse();
        rows.sort_by_key(|row| {
            Digest::of([row.account.as_str().as_bytes(), &order.to_be_bytes()]).short()
        });
        other.resync(&rows);
        prop_assert_eq!(scene.tracked.tracking(), other.tracked.tracking());
    }

    #[test]
    fn nobody_is_missing_or_gone_before_everybody_was_read(world in any_world()) {
        let (mut scene, rows) = world.scene();
        scene.trouble(&rows);
        let rollout = scene.rollout();
        prop_assert_eq!(rollout.counts.missing, 0);
        prop_assert!(!matches!(rollout.health, RolloutHealth::Healthy | RolloutHealth::Missing));
        let request = MemberRequest::Resync("base".parse().unwrap());
        scene.tracked.fail(&request, FailureKind::Server, "no".to_owned(), at(0));
        prop_assert_eq!(scene.rollout().counts, rollout.counts);
    }

    #[test]
    fn the_filtered_listings_never_make_anybody_good(before in any_world(), seed in any::<u64>()) {
        let (mut scene, rows) = before.scene();
        scene.resync(&rows);
        let ok = scene.rollout().counts.ok;
        // Everybody's row turns into some other.
        let next: Vec<StatusRow> = rows
            .iter()
            .zip(0_u64..)
            .map(|(old, index)| {
                let pick = usize::try_from((seed >> index) % 10).unwrap();
                StatusRow { account: old.account, ..row(1, STATUSES[pick], 0) }
            })
            .collect();
        scene.observe(MINUTE);
        scene.trouble(&next);
        prop_assert!(scene.rollout().counts.ok <= ok);
        // And a resync afterwards tells what a resync alone would tell.
        let (mut fresh, _) = before.scene();
        fresh.observe(MINUTE);
        scene.resync(&next);
        fresh.resync(&next);
        prop_assert_eq!(scene.rollout().counts, fresh.rollout().counts);
        prop_assert_eq!(scene.health(), fresh.health());
    }
}
