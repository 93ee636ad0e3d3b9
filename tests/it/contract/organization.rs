//! The organization: accounts, units, tags, services and administrators.

use std::collections::{BTreeMap, BTreeSet};

use conformd::cloud::OrganizationReader as _;
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{AccountId, AccountState, Place, UnitId};
use conformd::domain::organization::account_list::{Account, OrganizationRecord};
use conformd::sim::api::Operation;
use conformd::sim::faults::{FaultEffect, FaultRule};
use conformd::sim::organization::PRINCIPAL;
use conformd::sim::setup::{Features, UnitSetup, WorldSetup};

use super::{Bed, Face, account, home, setup, whole};

const WORKLOADS: &str = "ou-sim1-workloads";
const PRODUCTION: &str = "ou-sim1-production";

/// Two units, one within the other; the first account is in neither, the second in the outer, the
/// others in the inner one.
fn nested(accounts: u64) -> WorldSetup {
    let mut setup = setup(accounts);
    let unit = |id: &str, parent: &str| UnitSetup {
        id: id.to_owned(),
        name: id.to_owned(),
        parent: parent.to_owned(),
    };
    setup.units = vec![unit(WORKLOADS, "r-sim1"), unit(PRODUCTION, WORKLOADS)];
    for (number, member) in setup.accounts.iter_mut().enumerate().skip(1) {
        let parent = if number == 1 { WORKLOADS } else { PRODUCTION };
        parent.clone_into(&mut member.parent);
    }
    setup
}

fn unit(id: &str) -> UnitId {
    id.parse().unwrap()
}

async fn accounts<F: Face>(bed: &Bed) -> BTreeMap<AccountId, Account> {
    let face = F::open(bed).await;
    let organization = face.organization(&home());
    let (accounts, _) = whole(|token| organization.accounts(token)).await;
    accounts.into_iter().map(|account| (account.id, account)).collect()
}

pub(super) async fn the_organization_is_described<F: Face>() {
    for (features, all_features) in [(Features::All, true), (Features::ConsolidatedBilling, false)]
    {
        let bed = Bed::of(WorldSetup { features, ..setup(2) });
        let described = F::open(&bed).await.organization(&home()).describe().await.unwrap();
        let id = "o-simulated1".to_owned();
        assert_eq!(described, OrganizationRecord { id, management: account(0), all_features });
    }
    let bed = Bed::of(WorldSetup { features: Features::NoOrganization, ..setup(2) });
    let error = F::open(&bed).await.organization(&home()).describe().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::NoOrganization);
}

pub(super) async fn accounts_come_in_pages_of_twenty<F: Face>() {
    let bed = Bed::of(setup(45));
    let joined = bed.clock.now();
    bed.world().set_state(joined, &account(7), AccountState::Suspended);
    let face = F::open(&bed).await;
    let organization = face.organization(&home());
    let (accounts, pages) = whole(|token| organization.accounts(token)).await;
    assert_eq!((accounts.len(), pages), (45, 3));
    assert_eq!(bed.world().log().count(Operation::ListAccounts), 3);
    let suspended: Vec<_> = accounts
        .iter()
        .filter(|one| one.state == Some(AccountState::Suspended))
        .map(|one| one.id)
        .collect();
    assert_eq!(suspended, [account(7)]);
    let month = jiff::SignedDuration::from_hours(30 * 24);
    assert!(accounts.iter().all(|one| one.joined == Some(joined - month)));
    assert!(accounts.iter().all(|one| one.tags.is_none()), "tags are not read with accounts");
}

pub(super) async fn empty_pages_are_not_the_end_of_the_accounts<F: Face>() {
    let mut setup = setup(45);
    setup.knobs.paging.empty_pages = true;
    let bed = Bed::of(setup);
    let face = F::open(&bed).await;
    let organization = face.organization(&home());
    let first = organization.accounts(None).await.unwrap();
    let second = organization.accounts(first.next).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (20, 0));
    assert!(second.next.is_some());
    let (accounts, pages) = whole(|token| organization.accounts(token)).await;
    assert_eq!((accounts.len(), pages), (45, 5));
}

pub(super) async fn the_retired_status_stands_in_for_a_missing_state<F: Face>() {
    let states = |with_state, with_status| async move {
        let mut setup = setup(2);
        setup.accounts[1].state = AccountState::Closed;
        setup.knobs.accounts.with_state = with_state;
        setup.knobs.accounts.with_status = with_status;
        let accounts = accounts::<F>(&Bed::of(setup)).await;
        accounts.into_values().map(|account| account.state).collect::<Vec<_>>()
    };
    let [active, suspended, closed] =
        [AccountState::Active, AccountState::Suspended, AccountState::Closed].map(Some);
    assert_eq!(states(true, true).await, [active, closed], "what is newer counts");
    assert_eq!(states(true, false).await, [active, closed]);
    assert_eq!(states(false, true).await, [active, suspended]);
    assert_eq!(states(false, false).await, [None, None]);
}

pub(super) async fn an_unknown_state_is_no_state<F: Face>() {
    let bed = Bed::of(setup(2));
    bed.world().add_fault(FaultRule::always(FaultEffect::UnknownStatus));
    let accounts = accounts::<F>(&bed).await;
    assert!(accounts.values().all(|account| account.state.is_none()), "{accounts:?}");
}

pub(super) async fn paths_are_shown_where_aws_shows_them<F: Face>() {
    for with_paths in [true, false] {
        let mut setup = nested(3);
        setup.knobs.accounts.with_paths = with_paths;
        let accounts = accounts::<F>(&Bed::of(setup)).await;
        let paths: Vec<Option<String>> = accounts
            .into_values()
            .map(|account| {
                let units = account.units?;
                Some(units.iter().map(UnitId::as_str).collect::<Vec<_>>().join(" > "))
            })
            .collect();
        let shown = [
            "r-sim1",
            "r-sim1 > ou-sim1-workloads",
            "r-sim1 > ou-sim1-workloads > ou-sim1-production",
        ];
        assert_eq!(paths, shown.map(|path| with_paths.then(|| path.to_owned())));
    }
}

pub(super) async fn units_are_walked_from_any_of_them<F: Face>() {
    let bed = Bed::of(nested(30));
    let face = F::open(&bed).await;
    let organization = face.organization(&home());
    let mut found = BTreeMap::new();
    for parent in ["r-sim1", WORKLOADS, PRODUCTION] {
        let parent = unit(parent);
        let (units, _) = whole(|token| organization.units_of(&parent, token)).await;
        let (accounts, pages) = whole(|token| organization.accounts_of(&parent, token)).await;
        let accounts: BTreeSet<_> = accounts.into_iter().collect();
        found.insert(parent.to_string(), (units, accounts.len(), pages));
    }
    assert_eq!(found["r-sim1"], (vec![unit(WORKLOADS)], 1, 1));
    assert_eq!(found[WORKLOADS], (vec![unit(PRODUCTION)], 1, 1));
    assert_eq!(found[PRODUCTION], (vec![], 28, 2));
    bed.world().move_to(&account(1), PRODUCTION);
    let moved = organization.accounts_of(&unit(WORKLOADS), None).await.unwrap();
    assert!(moved.items.is_empty());
}

pub(super) async fn a_unit_that_does_not_exist_is_told_apart<F: Face>() {
    let bed = Bed::of(setup(2));
    let face = F::open(&bed).await;
    let (organization, nowhere) = (face.organization(&home()), unit("ou-sim1-nowhere1"));
    let accounts = organization.accounts_of(&nowhere, None).await.unwrap_err();
    let units = organization.units_of(&nowhere, None).await.unwrap_err();
    assert_eq!([accounts.kind, units.kind], [FailureKind::NoSuchUnit; 2]);
}

pub(super) async fn tags_are_read_page_by_page_and_an_account_that_left_is_told_apart<F: Face>() {
    let mut setup = setup(3);
    let tags = (0..30).map(|number| (format!("key-{number:02}"), format!("value {number}")));
    setup.accounts[1].tags = tags.chain([("empty".to_owned(), String::new())]).collect();
    let expected = setup.accounts[1].tags.clone();
    let bed = Bed::of(setup);
    let face = F::open(&bed).await;
    let organization = face.organization(&home());
    let (tags, pages) = whole(|token| organization.tags(account(1), token)).await;
    assert_eq!((tags.into_iter().collect::<BTreeMap<_, _>>(), pages), (expected, 2));
    assert!(organization.tags(account(2), None).await.unwrap().items.is_empty());
    let now = bed.clock.now();
    bed.world().leave(now, &account(1));
    let error = organization.tags(account(1), None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::NoSuchAccount);
}

pub(super) async fn the_services_and_administrators_of_packs_are_listed<F: Face>() {
    let bed = Bed::of(setup(2));
    let face = F::open(&bed).await;
    let organization = face.organization(&home());
    let (administrators, _) = whole(|token| organization.administrators(token)).await;
    let (services, _) = whole(|token| organization.trusted_services(token)).await;
    assert_eq!((administrators, services), (vec![], vec![]));
    let bed = Bed::of(WorldSetup { administrators: [account(1)].into(), ..setup(2) });
    let face = F::open(&bed).await;
    let organization = face.organization(&home());
    let (administrators, _) = whole(|token| organization.administrators(token)).await;
    let (services, _) = whole(|token| organization.trusted_services(token)).await;
    assert_eq!((administrators, services), (vec![account(1)], vec![PRINCIPAL.to_owned()]));
}

pub(super) async fn a_plain_member_may_only_describe_the_organization<F: Face>() {
    let bed = Bed::of(setup(2));
    let face = F::open(&bed).await;
    let organization = face.organization(&Place { account: account(1), ..home() });
    assert_eq!(organization.describe().await.unwrap().management, account(0));
    let root = unit("r-sim1");
    let kinds = [
        organization.accounts(None).await.unwrap_err().kind,
        organization.accounts_of(&root, None).await.unwrap_err().kind,
        organization.units_of(&root, None).await.unwrap_err().kind,
        organization.tags(account(0), None).await.unwrap_err().kind,
        organization.administrators(None).await.unwrap_err().kind,
        organization.trusted_services(None).await.unwrap_err().kind,
    ];
    assert_eq!(kinds, [FailureKind::Denied; 6]);
}
