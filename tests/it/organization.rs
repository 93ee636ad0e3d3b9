//! The organization task: what a walk reads, what a failed one costs, how fast it may ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use conformd::beats::Beats;
use conformd::clock::Clock;
use conformd::cloud::{CloudError, Op, OrganizationReader, Page, PageToken};
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{AccountId, AccountState, UnitId};
use conformd::domain::declared::approval::{Approval, Permit, Permitted};
use conformd::domain::declared::interest::Interest;
use conformd::domain::organization::account_list::{Account, AccountList, OrganizationRecord};
use conformd::domain::organization::membership::Membership;
use conformd::tasks::organization::{Demand, OrganizationChannels, Paced, run, walk_once};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::lines::{account, at, origin};

const INTERVAL: Duration = Duration::from_mins(10);
const ROOT: &str = "r-ab12";
const PARENT: &str = "ou-ab12-aaaaaaaa";
const CHILD: &str = "ou-ab12-bbbbbbbb";
const EMPTY: &str = "ou-ab12-cccccccc";
const ABSENT: &str = "ou-ab12-dddddddd";

fn unit(text: &str) -> UnitId {
    text.parse().unwrap()
}

/// An organization that remembers what it was asked.
#[derive(Debug, Clone)]
struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    clock: Clock,
    accounts: Vec<AccountId>,
    with_paths: bool,
    /// Where accounts are, the outermost unit first; elsewhere they are beneath the root.
    homes: BTreeMap<AccountId, Vec<UnitId>>,
    tags: BTreeMap<AccountId, BTreeMap<String, String>>,
    /// Operations that fail, and the tags of accounts that do.
    refused: BTreeMap<Op, FailureKind>,
    untagged: BTreeSet<AccountId>,
    calls: Vec<(Op, Duration)>,
    /// When the tags of each account were last asked for.
    tags_asked: BTreeMap<AccountId, Duration>,
}

impl Scripted {
    /// So many accounts, of which the first is the management account.
    fn new(clock: &Clock, accounts: u32) -> Self {
        Self(Arc::new(Mutex::new(Script {
            clock: clock.clone(),
            accounts: (0..accounts).map(account).collect(),
            with_paths: true,
            homes: BTreeMap::new(),
            tags: BTreeMap::new(),
            refused: BTreeMap::new(),
            untagged: BTreeSet::new(),
            calls: Vec::new(),
            tags_asked: BTreeMap::new(),
        })))
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    fn ask(&self, op: Op) -> Result<MutexGuard<'_, Script>, CloudError> {
        let mut script = self.script();
        let now = script.clock.elapsed();
        script.calls.push((op, now));
        match script.refused.get(&op) {
            Some(kind) => Err(failed(op, *kind)),
            None => Ok(script),
        }
    }

    fn calls(&self, op: Op) -> usize {
        self.script().calls.iter().filter(|(one, _)| *one == op).count()
    }

    /// How often everything was asked since the last time this was asked for.
    fn counts(&self) -> String {
        let mut counts: BTreeMap<Op, usize> = BTreeMap::new();
        for (op, _) in std::mem::take(&mut self.script().calls) {
            *counts.entry(op).or_default() += 1;
        }
        let lines: Vec<String> = counts.iter().map(|(op, count)| format!("{op} {count}")).collect();
        lines.join(", ")
    }
}

fn failed(op: Op, kind: FailureKind) -> CloudError {
    CloudError { op, place: "us-east-1".to_owned(), kind, source: "no".into() }
}

/// Pages of 20; before each but the first stands an empty one.
fn page<T: Clone>(items: &[T], token: Option<PageToken>) -> Page<T> {
    let number: usize = token.map_or(0, |token| token.0.parse().unwrap());
    let is_empty = number % 2 == 1;
    let start = number.div_ceil(2) * 20;
    let next = (start + if is_empty { 0 } else { 20 } < items.len())
        .then(|| PageToken((number + 1).to_string()));
    let items = items.iter().skip(start).take(if is_empty { 0 } else { 20 });
    Page { items: items.cloned().collect(), next }
}

impl OrganizationReader for Scripted {
    async fn describe(&self) -> Result<OrganizationRecord, CloudError> {
        drop(self.ask(Op::DescribeOrganization)?);
        let (id, management) = ("o-example".to_owned(), account(0));
        Ok(OrganizationRecord { id, management, all_features: true })
    }

    async fn accounts(&self, token: Option<PageToken>) -> Result<Page<Account>, CloudError> {
        let script = self.ask(Op::ListAccounts)?;
        let Page { items, next } = page(&script.accounts, token);
        let entry = |id: AccountId| {
            let below = script.homes.get(&id).cloned().unwrap_or_default();
            let path = std::iter::once(unit(ROOT)).chain(below);
            Account {
                id,
                name: format!("account {id}"),
                state: Some(AccountState::Active),
                joined: None,
                units: script.with_paths.then(|| path.collect()),
                tags: None,
            }
        };
        Ok(Page { items: items.into_iter().map(entry).collect(), next })
    }

    async fn accounts_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        let script = self.ask(Op::ListAccountsForParent)?;
        if *parent == unit(ABSENT) {
            return Err(failed(Op::ListAccountsForParent, FailureKind::NoSuchUnit));
        }
        let homes = script.homes.iter().filter(|(_, path)| path.last() == Some(parent));
        Ok(page(&homes.map(|(id, _)| *id).collect::<Vec<_>>(), token))
    }

    async fn units_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<UnitId>, CloudError> {
        drop(self.ask(Op::ListOrganizationalUnitsForParent)?);
        let below = if *parent == unit(PARENT) { vec![unit(CHILD)] } else { Vec::new() };
        Ok(page(&below, token))
    }

    async fn tags(
        &self,
        account: AccountId,
        token: Option<PageToken>,
    ) -> Result<Page<(String, String)>, CloudError> {
        let mut script = self.ask(Op::ListTagsForResource)?;
        if script.untagged.contains(&account) {
            return Err(failed(Op::ListTagsForResource, FailureKind::Denied));
        }
        let now = script.clock.elapsed();
        script.tags_asked.insert(account, now);
        let tags = script.tags.get(&account).cloned().unwrap_or_default();
        Ok(page(&tags.into_iter().collect::<Vec<_>>(), token))
    }

    async fn administrators(&self, _: Option<PageToken>) -> Result<Page<AccountId>, CloudError> {
        drop(self.ask(Op::ListDelegatedAdministrators)?);
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn trusted_services(&self, _: Option<PageToken>) -> Result<Page<String>, CloudError> {
        drop(self.ask(Op::ListAWSServiceAccessForOrganization)?);
        Ok(Page { items: Vec::new(), next: None })
    }
}

fn interest(units: &[&str], tags: bool) -> Interest {
    Interest { units: units.iter().map(|text| unit(text)).collect(), tags }
}

/// The task beside a story, in virtual time.
struct Bed {
    organization: Scripted,
    clock: Clock,
    demand: watch::Sender<Demand>,
    membership: watch::Receiver<Arc<Membership>>,
}

impl Bed {
    async fn run(accounts: u32, interest: Interest, story: impl AsyncFnOnce(Self)) {
        let clock = Clock::simulated(at("12:00"), 1);
        let organization = Scripted::new(&clock, accounts);
        let demand = watch::Sender::new(Demand {
            interest: Some(interest),
            approvals: BTreeMap::new(),
            interval: INTERVAL,
        });
        let membership = watch::Sender::default();
        let bed = Self {
            organization: organization.clone(),
            clock: clock.clone(),
            demand: demand.clone(),
            membership: membership.subscribe(),
        };
        let (beats, demand) = (Beats::new(clock.clone()), demand.subscribe());
        let channels = OrganizationChannels { demand, membership, beats };
        let paced = Paced::new(&organization, &clock);
        let task = run(paced, channels, clock, CancellationToken::new());
        // The story first, so that it can set the scene before the task asks anything.
        tokio::select! {
            biased;
            () = story(bed) => {}
            () = task => panic!("the task ended"),
        }
    }

    fn ask(&self, change: impl FnOnce(&mut Demand)) {
        self.demand.send_modify(change);
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Waits for news, and says what is known then.
    async fn news(&mut self) -> Arc<Membership> {
        self.membership.changed().await.unwrap();
        Arc::clone(&self.membership.borrow_and_update())
    }

    /// Waits until a second walk has confirmed the first.
    async fn confirmed(&mut self) {
        while self.news().await.unconfirmed.is_some() {}
    }

    fn list(&self) -> Arc<AccountList> {
        self.membership.borrow().list.clone().unwrap()
    }
}

/// Accounts, each with the units and tags that are known of it.
fn shown(list: &AccountList) -> String {
    let lines = list.accounts.values().map(|account| {
        let units = account.units.as_ref().map_or("?".to_owned(), |units| {
            units.iter().map(UnitId::as_str).collect::<Vec<_>>().join("/")
        });
        let tags = account.tags.as_ref().map_or("?".to_owned(), |tags| format!("{tags:?}"));
        format!("{} {units} {tags}\n", account.id)
    });
    lines.collect()
}

#[tokio::test(start_paused = true)]
async fn a_walk_reads_every_page_and_asks_for_nothing_that_nobody_wants() {
    Bed::run(45, Interest::default(), async |mut bed| {
        let first = bed.news().await;
        assert_eq!(first.list.as_ref().unwrap().accounts.len(), 45);
        // Three pages and two empty ones between them.
        assert_eq!(bed.organization.counts(), "DescribeOrganization 1, ListAccounts 5");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_walk_that_finds_nothing_new_wakes_nobody_and_is_as_fresh_as_it_is() {
    Bed::run(3, Interest::default(), async |mut bed| {
        bed.confirmed().await;
        let first = bed.list().read;
        bed.pass(INTERVAL * 12).await;
        assert!(!bed.membership.has_changed().unwrap());
        // An interval and up to a tenth of it from one walk to the next.
        let walks = bed.organization.calls(Op::DescribeOrganization);
        assert!((11..=13).contains(&walks), "{walks} walks");
        let age = bed.clock.now().duration_since(bed.list().read);
        assert!(bed.list().read > first && age.as_mins() <= 11);
        bed.organization.script().accounts.push(account(9));
        assert_eq!(bed.news().await.list.as_ref().unwrap().accounts.len(), 4);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_walk_is_confirmed_within_a_minute_by_one_that_finds_the_same() {
    Bed::run(3, Interest::default(), async |mut bed| {
        assert!(bed.news().await.unconfirmed.is_some());
        let first = bed.list().read;
        bed.organization.script().accounts.truncate(2);
        // Another list starts the wait anew.
        assert!(bed.news().await.unconfirmed.is_some());
        bed.confirmed().await;
        assert_eq!(bed.list().accounts.len(), 2);
        assert!(bed.list().read.duration_since(first).as_secs() <= 125);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_aws_gives_paths_only_units_that_nobody_is_in_are_asked_whether_they_exist() {
    Bed::run(3, interest(&[PARENT, EMPTY, ABSENT], false), async |mut bed| {
        bed.organization.script().homes.insert(account(1), vec![unit(PARENT), unit(CHILD)]);
        bed.news().await;
        insta::assert_snapshot!(shown(&bed.list()), @r"
        200000000000 r-ab12 ?
        200000000001 r-ab12/ou-ab12-aaaaaaaa/ou-ab12-bbbbbbbb ?
        200000000002 r-ab12 ?
        ");
        assert_eq!(bed.list().units_absent, [unit(ABSENT)].into());
        let counts = "DescribeOrganization 1, ListAccounts 1, ListAccountsForParent 2";
        assert_eq!(bed.organization.counts(), counts);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_aws_gives_no_paths_selected_units_are_walked_down_and_each_is_asked_once() {
    let selected = interest(&[CHILD, PARENT, EMPTY, ABSENT], false);
    Bed::run(4, selected, async |mut bed| {
        {
            let mut script = bed.organization.script();
            script.with_paths = false;
            script.homes.insert(account(1), vec![unit(PARENT), unit(CHILD)]);
            script.homes.insert(account(2), vec![unit(PARENT)]);
        }
        bed.news().await;
        insta::assert_snapshot!(shown(&bed.list()), @r"
        200000000000  ?
        200000000001 ou-ab12-aaaaaaaa/ou-ab12-bbbbbbbb ?
        200000000002 ou-ab12-aaaaaaaa ?
        200000000003  ?
        ");
        assert_eq!(bed.list().units_absent, [unit(ABSENT)].into());
        assert_eq!(bed.list().units_walked, [PARENT, CHILD, EMPTY, ABSENT].map(unit).into());
        let counts = "DescribeOrganization 1, ListAccounts 1, ListAccountsForParent 4, \
                      ListOrganizationalUnitsForParent 3";
        assert_eq!(bed.organization.counts(), counts);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whatever_request_fails_the_whole_list_stays_and_the_walk_is_tried_again_soon() {
    let ops = [
        Op::DescribeOrganization,
        Op::ListAccounts,
        Op::ListAccountsForParent,
        Op::ListOrganizationalUnitsForParent,
    ];
    Bed::run(45, interest(&[PARENT], false), async |mut bed| {
        bed.organization.script().with_paths = false;
        bed.news().await;
        let list = bed.list();
        for op in ops {
            bed.organization.script().refused.insert(op, FailureKind::Throttled);
            let problem = bed.news().await.problem.clone().unwrap();
            assert_eq!(problem.kind, FailureKind::Throttled);
            assert!(problem.why.contains(op.as_str()), "{}", problem.why);
            assert_eq!(list.accounts, bed.list().accounts);
            bed.organization.counts();
            bed.pass(Duration::from_mins(4)).await;
            // After 30 s, 1 min and 2 min.
            let tries = bed.organization.calls(Op::DescribeOrganization);
            assert!((2..=3).contains(&tries), "{tries} tries");
            bed.organization.script().refused.clear();
            assert_eq!(bed.news().await.problem, None);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_without_the_management_account_is_no_list() {
    Bed::run(3, Interest::default(), async |mut bed| {
        bed.organization.script().accounts.remove(0);
        let membership = bed.news().await;
        assert_eq!(membership.list, None);
        let problem = membership.problem.as_ref().unwrap();
        assert_eq!(problem.why, "the list of accounts lacks the management account 200000000000");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn manifests_that_ask_for_more_are_answered_at_once_and_those_that_ask_for_less_wait() {
    Bed::run(3, Interest::default(), async |mut bed| {
        bed.confirmed().await;
        bed.ask(|demand| demand.interest = Some(interest(&[ABSENT], false)));
        bed.news().await;
        assert_eq!(bed.list().units_absent, [unit(ABSENT)].into());
        bed.organization.counts();
        bed.ask(|demand| demand.interest = Some(Interest::default()));
        bed.pass(Duration::from_mins(9)).await;
        assert_eq!(bed.organization.counts(), "");
        bed.ask(|demand| demand.interval = Duration::from_mins(1));
        bed.pass(Duration::from_mins(3)).await;
        assert!(bed.organization.calls(Op::DescribeOrganization) >= 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_a_shrunken_list_is_heard_at_once_and_without_one_the_next_walk_agrees() {
    let approval = |active| Approval {
        name: "sold".to_owned(),
        origin: origin("sold.yaml"),
        reason: "sold".to_owned(),
        expires: at("23:00"),
        permits: vec![Permit { what: Permitted::AccountList(active), regions: None }],
    };
    Bed::run(40, Interest::default(), async |mut bed| {
        bed.confirmed().await;
        bed.organization.script().accounts.truncate(30);
        let shrink = bed.news().await.shrink.clone().unwrap();
        assert_eq!((shrink.before, shrink.after, bed.list().accounts.len()), (40, 30, 40));
        let asked = bed.clock.elapsed();
        let approval = approval(shrink.after);
        bed.ask(|demand| drop(demand.approvals.insert("sold".to_owned(), approval)));
        assert_eq!(bed.news().await.shrink, None);
        assert_eq!(bed.list().accounts.len(), 30);
        assert!(bed.clock.elapsed().saturating_sub(asked) < Duration::from_mins(1));
        bed.organization.script().accounts.truncate(20);
        let asked = bed.clock.elapsed();
        assert!(bed.news().await.shrink.is_some());
        assert_eq!(bed.news().await.shrink, None);
        assert_eq!(bed.list().accounts.len(), 20);
        assert!(bed.clock.elapsed().saturating_sub(asked) <= INTERVAL * 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_account_whose_tags_cannot_be_read_keeps_none_from_the_others_and_is_named() {
    Bed::run(8, interest(&[], true), async |mut bed| {
        {
            let mut script = bed.organization.script();
            script.untagged.insert(account(3));
            script.tags.insert(account(5), [("env".to_owned(), "prod".to_owned())].into());
        }
        // Shown once, with every tag that can be read.
        bed.news().await;
        let list = bed.list();
        let unread: Vec<&Account> =
            list.accounts.values().filter(|account| account.tags.is_none()).collect();
        assert_eq!(unread.iter().map(|account| account.id).collect::<Vec<_>>(), [account(3)]);
        let why = &list.tags_problem.as_ref().unwrap().why;
        assert!(why.starts_with("the tags of 200000000003: "), "{why}");
        // So is one that joins: nobody has to wait for its tags.
        bed.organization.script().accounts.push(account(9));
        assert!(bed.news().await.list.as_ref().unwrap().accounts[&account(9)].tags.is_some());
        // What was read once stays while it cannot be read again, and then counts for a day.
        bed.organization.script().untagged.insert(account(5));
        bed.pass(Duration::from_hours(23)).await;
        assert!(bed.list().accounts[&account(5)].tags.is_some());
        bed.pass(Duration::from_hours(2)).await;
        assert_eq!(bed.list().accounts[&account(5)].tags, None);
        bed.organization.script().untagged.clear();
        bed.pass(INTERVAL * 2).await;
        assert_eq!(bed.list().tags_problem, None);
        assert!(bed.list().accounts.values().all(|account| account.tags.is_some()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_accounts_are_tagged_within_the_hour_and_no_tag_grows_old() {
    Bed::run(10_000, interest(&[], true), async |bed| {
        bed.pass(Duration::from_hours(1)).await;
        assert!(bed.list().accounts.values().all(|account| account.tags.is_some()));
        for _ in 0..3 {
            bed.pass(Duration::from_mins(40)).await;
            let now = bed.clock.elapsed();
            let script = bed.organization.script();
            let oldest = script.tags_asked.values().min().unwrap();
            let age = now.saturating_sub(*oldest);
            assert!(age <= Duration::from_mins(90), "{age:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_operation_is_asked_faster_than_half_of_what_aws_publishes() {
    let clock = Clock::simulated(at("12:00"), 1);
    let organization = Scripted::new(&clock, 400);
    organization.script().with_paths = false;
    let paced = Paced::new(&organization, &clock);
    let membership =
        walk_once(&paced, &interest(&[PARENT, EMPTY], true), &clock, &Membership::default()).await;
    assert!(membership.list.unwrap().accounts.values().all(|account| account.tags.is_some()));
    for _ in 0..10 {
        paced.administrators(None).await.unwrap();
        paced.trusted_services(None).await.unwrap();
    }
    let groups: [(&[Op], u32, u32); 4] = [
        (&[Op::DescribeOrganization, Op::ListAWSServiceAccessForOrganization], 1, 1),
        (&[Op::ListAccounts], 4, 6),
        (
            &[
                Op::ListAccountsForParent,
                Op::ListOrganizationalUnitsForParent,
                Op::ListDelegatedAdministrators,
            ],
            2,
            4,
        ),
        (&[Op::ListTagsForResource], 5, 7),
    ];
    let script = organization.script();
    for (ops, rate, burst) in groups {
        let calls = script.calls.iter().filter(|(op, _)| ops.contains(op));
        let times: Vec<Duration> = calls.map(|(_, at)| *at).collect();
        for (first, start) in times.iter().enumerate() {
            for (last, end) in times.iter().enumerate().skip(first) {
                let most =
                    f64::from(rate) * end.saturating_sub(*start).as_secs_f64() + f64::from(burst);
                let held = f64::from(u32::try_from(last - first + 1).unwrap());
                assert!(held <= most + 0.001, "{ops:?}: {held} up to {end:?}");
            }
        }
    }
}
