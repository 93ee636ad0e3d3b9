//! The accounts that a pack excludes: by account, unit, tag or state, compiled to account ids.
//!
//! Every account carries the rule that decided. `plan` computes the resulting changes.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::account_list::{Account, AccountList};
use crate::domain::base::limits::EXCLUDED;
use crate::domain::base::model::{AccountId, AccountState, UnitId};
use crate::domain::declared::manifest::Exclude;

/// The rule that excludes an account; the first that applies, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionRule {
    /// `exclude.accounts` names it.
    Account,
    /// It is in this unit, or beneath it.
    Unit(UnitId),
    /// It carries all of `exclude.accountTags`.
    Tags(BTreeMap<String, String>),
    /// It is in this state.
    State(AccountState),
}

impl fmt::Display for ExclusionRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => out.write_str("exclude.accounts"),
            Self::Unit(unit) => write!(out, "exclude.organizationalUnits {unit}"),
            Self::Tags(tags) => {
                out.write_str("exclude.accountTags")?;
                tags.iter().try_for_each(|(key, value)| write!(out, " {key}={value}"))
            }
            Self::State(state) => write!(out, "exclude.states {state}"),
        }
    }
}

/// The accounts that a pack is not deployed to, each with the rule that decided.
pub type Excluded = BTreeMap<AccountId, ExclusionRule>;

/// These accounts, excluded by name.
pub fn named<'a>(accounts: impl IntoIterator<Item = &'a AccountId>) -> Excluded {
    accounts.into_iter().map(|account| (*account, ExclusionRule::Account)).collect()
}

/// Why the exclusions of a pack cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unresolved {
    /// There is no account list.
    #[error("its exclusions need the account list, which is unknown")]
    Unlisted,
    /// It is not known of every account which units it is in.
    #[error("the organizational units of only {read} of {of} accounts are known")]
    UnitsUnread {
        /// Accounts whose units are known.
        read: usize,
        /// All accounts.
        of: usize,
    },
    /// The tags of some accounts were not read.
    #[error("the tags of only {read} of {of} accounts are read{}", because(why.as_ref()))]
    TagsUnread {
        /// Accounts whose tags are read.
        read: usize,
        /// All accounts.
        of: usize,
        /// What went wrong, if something did.
        why: Option<String>,
    },
    /// Some accounts are in a state that this version does not recognize.
    #[error("the state of {unknown} of {of} accounts is not recognized")]
    StateUnknown {
        /// Accounts in such a state.
        unknown: usize,
        /// All accounts.
        of: usize,
    },
    /// AWS takes no such list.
    #[error("it excludes {count} accounts, but AWS accepts at most {}", EXCLUDED.upper)]
    TooMany {
        /// Accounts that the rules exclude.
        count: usize,
    },
}

fn because(why: Option<&String>) -> String {
    why.map(|why| format!(": {why}")).unwrap_or_default()
}

/// The accounts that this excludes, by the account list. Accounts excluded by id need no list;
/// every other rule needs its facts about every account, or nothing is decided.
pub fn select(exclude: &Exclude, list: Option<&AccountList>) -> Result<Excluded, Unresolved> {
    let mut excluded = named(&exclude.accounts);
    if exclude.needs_membership() {
        let list = list.ok_or(Unresolved::Unlisted)?;
        for account in list.accounts.values() {
            if let Some(rule) = rule(exclude, list, account)? {
                excluded.entry(account.id).or_insert(rule);
            }
        }
    }
    // AWS would refuse the Put; checking here names the number before anything is sent.
    let count = excluded.len();
    if EXCLUDED.upper < count { Err(Unresolved::TooMany { count }) } else { Ok(excluded) }
}

/// The first rule that excludes this member.
fn rule(
    exclude: &Exclude,
    list: &AccountList,
    account: &Account,
) -> Result<Option<ExclusionRule>, Unresolved> {
    let Exclude { accounts, organizational_units, account_tags, states } = exclude;
    if accounts.contains(&account.id) {
        return Ok(Some(ExclusionRule::Account));
    }
    // A missing fact is an error even if a later rule would exclude the account anyway: the rule
    // that is reported must not depend on which facts happen to be read.
    for unit in organizational_units {
        match list.is_beneath(account, unit) {
            Some(true) => return Ok(Some(ExclusionRule::Unit(unit.clone()))),
            Some(false) => {}
            None => return Err(units_unread(exclude, list)),
        }
    }
    if !account_tags.is_empty() {
        let tags = account.tags.as_deref().ok_or_else(|| tags_unread(list))?;
        if account_tags.iter().all(|(key, value)| tags.get(key) == Some(value)) {
            return Ok(Some(ExclusionRule::Tags(account_tags.clone())));
        }
    }
    if states.is_empty() {
        return Ok(None);
    }
    // An account in an unknown state may be excluded or not: deciding either way would deploy to it
    // or remove the pack from it.
    let state = list.settled_state(account).ok_or_else(|| state_unknown(list))?;
    Ok(states.contains(&state).then_some(ExclusionRule::State(state)))
}

fn state_unknown(list: &AccountList) -> Unresolved {
    Unresolved::StateUnknown { unknown: list.states_unknown(), of: list.accounts.len() }
}

fn units_unread(exclude: &Exclude, list: &AccountList) -> Unresolved {
    let units = &exclude.organizational_units;
    let is_read =
        |account: &&Account| units.iter().all(|unit| list.is_beneath(account, unit).is_some());
    let read = list.accounts.values().filter(is_read).count();
    Unresolved::UnitsUnread { read, of: list.accounts.len() }
}

fn tags_unread(list: &AccountList) -> Unresolved {
    let read = list.accounts.values().filter(|account| account.tags.is_some()).count();
    let why = list.tags_problem.as_ref().map(|problem| problem.why.clone());
    Unresolved::TagsUnread { read, of: list.accounts.len(), why }
}

/// Whether a pack targets one account, before anything is read from AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Targeting {
    /// It should have the pack.
    Targeted,
    /// This rule excludes it.
    Excluded(ExclusionRule),
    /// No rule excludes it, and an account in this state is not expected to have the pack (`None`:
    /// a state that this version does not know).
    Inactive(Option<AccountState>),
    /// No rule excludes it, and it is no member of the organization.
    NotAMember,
    /// It is unknown, for this reason.
    Unknown(String),
}

/// Whether a pack with these exclusions targets this account.
pub fn rule_of(exclude: &Exclude, list: Option<&AccountList>, account: AccountId) -> Targeting {
    if exclude.accounts.contains(&account) {
        return Targeting::Excluded(ExclusionRule::Account);
    }
    // An account that is excluded by id needs no list; every other answer does. An account must not
    // be called no member without one.
    let Some(list) = list else {
        return Targeting::Unknown("the account list is not known".into());
    };
    let Some(account) = list.accounts.get(&account) else { return Targeting::NotAMember };
    match rule(exclude, list, account) {
        Err(unresolved) => Targeting::Unknown(unresolved.to_string()),
        Ok(Some(rule)) => Targeting::Excluded(rule),
        Ok(None) if account.is_active() => Targeting::Targeted,
        Ok(None) => Targeting::Inactive(account.state),
    }
}

/// Warnings about these exclusions, a sentence each. None of them stops the pack.
pub fn notices(exclude: &Exclude, list: &AccountList) -> Vec<String> {
    let Exclude { accounts, organizational_units, account_tags, states: _ } = exclude;
    let members = || list.accounts.values();
    let mut notices = Vec::new();
    let unlisted: Vec<&AccountId> =
        accounts.iter().filter(|account| !list.accounts.contains_key(account)).collect();
    if !unlisted.is_empty() {
        let names = shown(&unlisted);
        notices.push(format!("exclude.accounts: not in the organization: {names}"));
    }
    for unit in organizational_units {
        // Units and tags that were not read count as present: a warning must not claim that a unit
        // or tag is unused while that is not known.
        let holds = |account: &Account| list.is_beneath(account, unit) != Some(false);
        if list.units_absent.contains(unit) {
            notices.push(format!("exclude.organizationalUnits: {unit} does not exist"));
        } else if !members().any(holds) {
            notices.push(format!("exclude.organizationalUnits: {unit} holds no account"));
        }
    }
    let carries = |account: &Account| {
        let carried = |tags: &BTreeMap<String, String>| {
            account_tags.iter().all(|(key, value)| tags.get(key) == Some(value))
        };
        account.tags.as_deref().is_none_or(carried)
    };
    if !account_tags.is_empty() && !members().any(carries) {
        notices.push(format!("{}: no account has them", ExclusionRule::Tags(account_tags.clone())));
    }
    notices
}

/// Named accounts that a notice shows.
const SHOWN_MAX: usize = 10;

fn shown(accounts: &[&AccountId]) -> String {
    let names: Vec<&str> =
        accounts.iter().take(SHOWN_MAX).map(|account| account.as_str()).collect();
    match accounts.len().saturating_sub(SHOWN_MAX) {
        0 => names.join(" "),
        more => format!("{} and {more} more", names.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;
    use proptest::sample::{select as one_of, subsequence};
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::domain::base::failure::FailureKind;
    use crate::domain::base::model::Timestamp;
    use crate::domain::organization::account_list::{OrganizationRecord, WalkFailure};

    const ROOT: &str = "r-ab12";
    const UNITS: [&str; 4] =
        ["ou-ab12-aaaaaaaa", "ou-ab12-bbbbbbbb", "ou-ab12-cccccccc", "ou-ab12-dddddddd"];
    const TAGS: [(&str, &str); 3] = [("env", "sandbox"), ("env", "prod"), ("team", "red")];

    fn id(number: usize) -> AccountId {
        format!("2{number:011}").parse().unwrap()
    }

    fn unit(text: &str) -> UnitId {
        text.parse().unwrap()
    }

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// An active account in these units beneath the root, with these tags.
    fn member(number: usize, units: &[&str], pairs: &[(&str, &str)]) -> Account {
        let path = std::iter::once(ROOT).chain(units.iter().copied());
        Account {
            id: id(number),
            name: format!("account {number}"),
            state: Some(AccountState::Active),
            joined: None,
            units: Some(path.map(unit).collect()),
            tags: Some(Arc::new(tags(pairs))),
        }
    }

    fn list(accounts: impl IntoIterator<Item = Account>) -> AccountList {
        AccountList {
            organization: OrganizationRecord {
                id: "o-example".to_owned(),
                management: id(0),
                all_features: true,
            },
            accounts: accounts.into_iter().map(|account| (account.id, account)).collect(),
            units_absent: BTreeSet::new(),
            units_walked: BTreeSet::new(),
            tags_problem: None,
            unsettled: BTreeMap::new(),
            read: Timestamp::UNIX_EPOCH,
        }
    }

    fn by_units(units: &[&str]) -> Exclude {
        let organizational_units = units.iter().map(|text| unit(text)).collect();
        Exclude { organizational_units, ..Exclude::default() }
    }

    fn by_tags(pairs: &[(&str, &str)]) -> Exclude {
        Exclude { account_tags: tags(pairs), ..Exclude::default() }
    }

    #[test]
    fn the_first_rule_that_applies_is_the_one_that_is_shown() {
        let mut closed = member(4, &UNITS[..1], &TAGS[..1]);
        closed.state = Some(AccountState::Closed);
        let list = list([
            member(1, &UNITS[..2], &TAGS[..1]),
            member(2, &UNITS[..2], &TAGS[..1]),
            member(3, &UNITS[2..3], &[TAGS[0], TAGS[2]]),
            closed,
            member(5, &[], &TAGS[1..2]),
        ]);
        let exclude = Exclude {
            accounts: [id(1), id(9)].into(),
            organizational_units: [unit(UNITS[1])].into(),
            account_tags: tags(&[TAGS[0], TAGS[2]]),
            states: [AccountState::Closed].into(),
        };
        let lines = |accounts: &[usize]| {
            let line = |number: &usize| match rule_of(&exclude, Some(&list), id(*number)) {
                Targeting::Excluded(rule) => format!("{number}: {rule}"),
                Targeting::Targeted => format!("{number}: targeted"),
                Targeting::NotAMember => format!("{number}: not a member"),
                Targeting::Inactive(_) | Targeting::Unknown(_) => panic!("{number}"),
            };
            accounts.iter().map(line).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(lines(&[1, 2, 3, 4, 5, 8, 9]), @r"
        1: exclude.accounts
        2: exclude.organizationalUnits ou-ab12-bbbbbbbb
        3: exclude.accountTags env=sandbox team=red
        4: exclude.states CLOSED
        5: targeted
        8: not a member
        9: exclude.accounts
        ");
        let excluded: Vec<AccountId> = select(&exclude, Some(&list)).unwrap().into_keys().collect();
        assert_eq!(excluded, [1, 2, 3, 4, 9].map(id));
    }

    #[test]
    fn who_is_named_needs_no_account_list_and_everything_else_does() {
        let accounts = [id(1)].into();
        let named = Exclude { accounts, ..Exclude::default() };
        assert_eq!(select(&named, None).unwrap().len(), 1);
        let states = [AccountState::Closed].into();
        let other = Exclude { states, ..named };
        assert_eq!(select(&other, None), Err(Unresolved::Unlisted));
    }

    #[test]
    fn one_account_whose_units_or_tags_are_unread_decides_nothing_and_is_counted() {
        let mut list = list([member(1, &UNITS[..1], &[]), member(2, &[], &[])]);
        let second = list.accounts.get_mut(&id(2)).unwrap();
        (second.units, second.tags) = (None, None);
        let why = |exclude: &Exclude, list: &AccountList| {
            select(exclude, Some(list)).unwrap_err().to_string()
        };
        let mut seen = vec![why(&by_units(&UNITS[..1]), &list), why(&by_tags(&TAGS[..1]), &list)];
        let denied = "ListTagsForResource failed (denied)".to_owned();
        list.tags_problem = Some(WalkFailure { kind: FailureKind::Denied, why: denied });
        seen.push(why(&by_tags(&TAGS[..1]), &list));
        insta::assert_snapshot!(seen.join("\n"), @r"
        the organizational units of only 1 of 2 accounts are known
        the tags of only 1 of 2 accounts are read
        the tags of only 1 of 2 accounts are read: ListTagsForResource failed (denied)
        ");
        let accounts = [id(2)].into();
        assert!(select(&Exclude { accounts, ..by_units(&UNITS[..1]) }, Some(&list)).is_ok());
    }

    #[test]
    fn a_walk_from_some_units_says_nothing_about_the_others() {
        let mut list = list([member(1, &[], &[])]);
        list.accounts.get_mut(&id(1)).unwrap().units = Some([unit(UNITS[1])].into());
        list.units_walked = [unit(UNITS[0]), unit(UNITS[1])].into();
        assert_eq!(select(&by_units(&UNITS[..1]), Some(&list)), Ok(Excluded::new()));
        assert_eq!(select(&by_units(&UNITS[1..2]), Some(&list)).unwrap().len(), 1);
        let unresolved = Unresolved::UnitsUnread { read: 0, of: 1 };
        assert_eq!(select(&by_units(&UNITS[2..3]), Some(&list)), Err(unresolved));
    }

    #[test]
    fn a_thousand_accounts_can_be_excluded_and_one_more_is_said_to_be_too_many() {
        let list = |count| list((0..count).map(|number| member(number, &UNITS[..1], &[])));
        let exclude = by_units(&UNITS[..1]);
        assert_eq!(select(&exclude, Some(&list(1_000))).unwrap().len(), 1_000);
        let why = select(&exclude, Some(&list(1_001))).unwrap_err().to_string();
        assert_eq!(why, "it excludes 1001 accounts, but AWS accepts at most 1000");
    }

    #[test]
    fn what_selects_nobody_is_said_and_the_management_account_may_be_named() {
        let mut list = list([member(0, &[], &TAGS[..1]), member(1, &UNITS[..1], &[])]);
        list.units_absent = [unit(UNITS[2])].into();
        let exclude = Exclude {
            accounts: (0..1).chain(10..22).map(id).collect(),
            account_tags: tags(&TAGS[1..]),
            ..by_units(&UNITS[..3])
        };
        let found = notices(&exclude, &list);
        let (unlisted, others) = found.split_first().unwrap();
        assert!(unlisted.starts_with("exclude.accounts: not in the organization: 200000000010 "));
        assert!(unlisted.ends_with(" 200000000019 and 2 more"), "{unlisted}");
        insta::assert_snapshot!(others.join("\n"), @r"
        exclude.organizationalUnits: ou-ab12-bbbbbbbb holds no account
        exclude.organizationalUnits: ou-ab12-cccccccc does not exist
        exclude.accountTags env=prod team=red: no account has them
        ");
        assert_eq!(notices(&by_tags(&TAGS[..1]), &list), Vec::<String>::new());
    }

    fn any_member(number: usize) -> impl Strategy<Value = Account> {
        let state = prop_oneof![
            4 => Just(Some(AccountState::Active)),
            2 => one_of(AccountState::iter().collect::<Vec<_>>()).prop_map(Some),
            1 => Just(None),
        ];
        let units = subsequence(&UNITS[..], 0..=UNITS.len());
        (state, units, subsequence(&TAGS[..], 0..=2)).prop_map(move |(state, units, pairs)| {
            Account { state, ..member(number, &units, &pairs) }
        })
    }

    fn any_members() -> impl Strategy<Value = Vec<Account>> {
        (0_usize..12).prop_flat_map(|count| (0..count).map(any_member).collect::<Vec<_>>())
    }

    fn any_exclude() -> impl Strategy<Value = Exclude> {
        let accounts = proptest::collection::btree_set((0_usize..14).prop_map(id), 0..4);
        let units = subsequence(&UNITS[..], 0..=2);
        let states = subsequence(AccountState::iter().collect::<Vec<_>>(), 0..=2);
        (accounts, units, subsequence(&TAGS[..], 0..=2), states).prop_map(
            |(accounts, units, pairs, states)| Exclude {
                accounts,
                account_tags: tags(&pairs),
                states: states.into_iter().collect(),
                ..by_units(&units)
            },
        )
    }

    /// The same, written as a person would check it by hand.
    fn naive(exclude: &Exclude, account: &Account) -> bool {
        let units = account.units.as_deref().unwrap();
        let carried = account.tags.as_deref().unwrap();
        let tags = &exclude.account_tags;
        exclude.accounts.contains(&account.id)
            || exclude.organizational_units.iter().any(|unit| units.contains(unit))
            || (!tags.is_empty() && tags.iter().all(|(key, value)| carried.get(key) == Some(value)))
            || account.state.is_some_and(|state| exclude.states.contains(&state))
    }

    /// Whether states decide about an account whose state is not known.
    fn is_undecided(exclude: &Exclude, list: &AccountList) -> bool {
        let mut accounts = list.accounts.values();
        !exclude.states.is_empty()
            && accounts.any(|account| account.state.is_none() && !naive(exclude, account))
    }

    proptest! {
        #[test]
        fn the_excluded_are_those_of_a_naive_filter_in_any_order_and_each_has_its_rule(
            (members, shuffled) in any_members()
                .prop_flat_map(|members| (Just(members.clone()), Just(members).prop_shuffle())),
            exclude in any_exclude(),
        ) {
            let (ordered, list) = (list(members.clone()), list(shuffled));
            if is_undecided(&exclude, &list) {
                let unresolved = select(&exclude, Some(&list)).unwrap_err();
                let is_said = matches!(unresolved, Unresolved::StateUnknown { .. });
                prop_assert!(is_said, "{unresolved}");
                return Ok(());
            }
            let excluded = select(&exclude, Some(&list)).unwrap();
            prop_assert_eq!(&excluded, &select(&exclude, Some(&ordered)).unwrap());
            let expected: BTreeSet<AccountId> = members
                .iter()
                .filter(|account| naive(&exclude, account))
                .map(|account| account.id)
                .chain(exclude.accounts.iter().copied())
                .collect();
            prop_assert_eq!(&excluded.keys().copied().collect::<BTreeSet<_>>(), &expected);
            for number in 0..14 {
                let rule = match rule_of(&exclude, Some(&list), id(number)) {
                    Targeting::Excluded(rule) => Some(rule),
                    Targeting::Targeted | Targeting::Inactive(_) | Targeting::NotAMember => None,
                    Targeting::Unknown(why) => panic!("{why}"),
                };
                prop_assert_eq!(excluded.get(&id(number)), rule.as_ref());
            }
        }

        #[test]
        fn an_account_that_moves_changes_its_own_entry_only(
            members in any_members(),
            exclude in any_exclude(),
            number in 0_usize..12,
            moved in (0_usize..12).prop_flat_map(any_member),
        ) {
            let before = list(members);
            let mut after = before.clone();
            if let Some(account) = after.accounts.get_mut(&id(number)) {
                *account = Account { id: id(number), ..moved };
            }
            prop_assume!(!is_undecided(&exclude, &before) && !is_undecided(&exclude, &after));
            let mut excluded = select(&exclude, Some(&before)).unwrap();
            let mut now = select(&exclude, Some(&after)).unwrap();
            excluded.remove(&id(number));
            now.remove(&id(number));
            prop_assert_eq!(excluded, now);
        }
    }
}
