//! What a step takes away, in the units that the guard counts and an approval names.
//!
//! A rule is lost when it was effective and is not any more, whatever the reason: removed from the
//! template, or switched off by a condition. How many losses are too many is for the guard.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::base::model::{AccountId, PackName, Region};
use crate::domain::declared::approval::{Permit, Permitted};
use crate::domain::declared::template::Evaluates;

/// One thing that is lost.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The pack itself: its removal deletes every rule of it in every member account.
    Pack,
    /// What an unmanaged pack held before its adoption: AWS does not return a template, so it is
    /// unknown whether the new one holds as much.
    Adoption,
    /// An effective rule, by its `ConfigRuleName` or else its logical id.
    Rule(String),
    /// This many effective rules whose names are unknown: the former template is neither in the
    /// source nor in the record.
    Rules(u32),
    /// An active member account that is newly excluded.
    Account(AccountId),
}

impl Loss {
    /// How many rules it counts as. The rules of a deleted pack are not counted: the pack is.
    pub fn rules(&self) -> usize {
        match self {
            Self::Rule(_) => 1,
            Self::Rules(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            Self::Pack | Self::Adoption | Self::Account(_) => 0,
        }
    }

    /// The kind: what stands in the record, in logs and in labels.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Adoption => "adoption",
            Self::Rule(_) => "rule",
            Self::Rules(_) => "rules",
            Self::Account(_) => "account",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack => out.write_str("the pack"),
            Self::Adoption => out.write_str("what it holds now"),
            Self::Rule(name) => write!(out, "rule {name}"),
            Self::Rules(count) => {
                let (rules, whose) = match count {
                    1 => ("rule", "whose name is"),
                    _ => ("rules", "whose names are"),
                };
                let why = "the deployed template is unknown";
                write!(out, "{count} {rules} {whose} not known: {why}")
            }
            Self::Account(account) => write!(out, "account {account}"),
        }
    }
}

/// A loss and where it happens: one pack deployment.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct LossAt {
    /// The region.
    pub region: Region,
    /// The pack.
    pub pack: PackName,
    /// What is lost.
    pub loss: Loss,
}

impl LossAt {
    /// The identity of the loss. Unnamed rules are equal whatever their number: a plan that loses
    /// another number of them is still held.
    #[must_use]
    pub fn key(&self) -> Self {
        let loss = match &self.loss {
            Loss::Rules(_) => Loss::Rules(0),
            Loss::Pack | Loss::Adoption | Loss::Rule(_) | Loss::Account(_) => self.loss.clone(),
        };
        Self { loss, ..self.clone() }
    }
}

/// The losses of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// Each thing once.
    pub lost: BTreeSet<Loss>,
    /// Active accounts that the pack leaves out afterwards, new ones or not.
    pub excluded_active: usize,
}

impl Losses {
    /// The loss of a whole pack.
    pub fn of_pack() -> Self {
        Self { lost: [Loss::Pack].into(), excluded_active: 0 }
    }

    /// Whether the step loses nothing.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty()
    }
}

/// Effective rules: what each evaluates, by its name.
pub type RuleSet = BTreeMap<String, Evaluates>;

/// Which new names a rule may take without being lost. An approval that permits losing a rule means
/// the rule that had the name when it was written.
#[derive(Debug, Clone, Copy)]
pub enum Renames<'a> {
    /// All but these, which approvals permit to lose.
    Except(&'a BTreeSet<&'a str>),
    /// None: it is not known what approvals name.
    None,
}

impl Renames<'_> {
    fn may_rename_to(self, name: &str) -> bool {
        match self {
            Self::Except(permitted) => !permitted.contains(name),
            Self::None => false,
        }
    }
}

/// The known effective rules of a pack deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesHeld {
    /// All of them.
    Named(RuleSet),
    /// Their number, from the marker: the template is not known. All of them count as effective,
    /// and whatever another template holds, none of them counts as kept.
    Counted(u32),
}

impl Default for RulesHeld {
    fn default() -> Self {
        Self::Counted(0)
    }
}

impl RulesHeld {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Named(rules) => rules.len(),
            Self::Counted(count) => usize::try_from(*count).unwrap_or(usize::MAX),
        }
    }

    /// Their names, as far as they are known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = match self {
            Self::Named(rules) => Some(rules),
            Self::Counted(_) => None,
        };
        named.into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// Which of these rules are lost if only `kept` are left.
    ///
    /// A rule that has another name and evaluates the same is renamed, not lost; one that has the
    /// same name and evaluates something else, or less, is lost.
    pub fn lost(&self, kept: &RuleSet, renames: Renames<'_>) -> BTreeSet<Loss> {
        let held = match self {
            Self::Named(held) => held,
            Self::Counted(0) => return BTreeSet::new(),
            Self::Counted(count) => return [Loss::Rules(*count)].into(),
        };
        let is_kept = |name: &String, rule: &Evaluates| {
            kept.get(name).is_some_and(|other| other.covers(rule))
        };
        let mut gone: Vec<(&String, &Evaluates)> =
            held.iter().filter(|(name, rule)| !is_kept(name, rule)).collect();
        // Rules that are new in `kept`: each may be a lost rule under a new name.
        let mut others: Vec<&Evaluates> = kept
            .iter()
            .filter(|(name, rule)| !held.get(*name).is_some_and(|other| rule.covers(other)))
            .filter(|(name, _)| renames.may_rename_to(name))
            .map(|(_, rule)| rule)
            .collect();
        let same: fn(&Evaluates, &Evaluates) -> bool = |new, old| new == old;
        // Equal rules first: if a rule took a wider one, another rule that only the wider one
        // covers would look lost.
        for is_renamed in [same, Evaluates::covers] {
            gone.retain(|(_, rule)| {
                let found = others.iter().position(|other| is_renamed(other, rule));
                found.map(|at| others.swap_remove(at)).is_none()
            });
        }
        gone.into_iter().map(|(name, _)| Loss::Rule(name.clone())).collect()
    }
}

impl Permit {
    /// Whether it names this loss.
    pub fn covers(&self, LossAt { region, pack, loss }: &LossAt) -> bool {
        let is_here = self.regions.as_ref().is_none_or(|regions| regions.contains(region));
        is_here
            // Each kind of sentence permits only its own kind of loss: permission to lose rules of
            // a pack is none to delete it. A count permits at most as many unnamed rules as it
            // says.
            && match (&self.what, loss) {
                (Permitted::Packs(packs), Loss::Pack)
                | (Permitted::Adoptions(packs), Loss::Adoption) => packs.contains(pack),
                (Permitted::Rules { pack: of, rules }, Loss::Rule(name)) => {
                    of == pack && rules.contains(name)
                }
                (Permitted::RuleCount { pack: of, count }, Loss::Rules(lost)) => {
                    of == pack && lost <= count
                }
                (Permitted::Accounts { pack: of, accounts }, Loss::Account(account)) => {
                    of == pack && accounts.contains(account)
                }
                (
                    Permitted::Packs(_)
                    | Permitted::Adoptions(_)
                    | Permitted::Rules { .. }
                    | Permitted::RuleCount { .. }
                    | Permitted::Accounts { .. }
                    | Permitted::AccountList(_),
                    _,
                ) => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::declared::template::RuleScope;

    fn rules(text: &str) -> RuleSet {
        let pair = |rule: &str| {
            let (name, what) = rule.split_once('=').unwrap_or((rule, rule));
            // What evaluates it, then the types of resources that it looks at.
            let (source, types) = what.split_once('/').unwrap_or((what, ""));
            let types = types.split_terminator(',').map(ToOwned::to_owned).collect();
            let types = Some(types).filter(|types: &BTreeSet<String>| !types.is_empty());
            let scope = RuleScope { types, ..RuleScope::default() };
            (
                name.to_owned(),
                Evaluates { source: source.to_owned(), scope, ..Evaluates::default() },
            )
        };
        text.split_whitespace().map(pair).collect()
    }

    fn lost(held: &str, kept: &str) -> String {
        let lost =
            RulesHeld::Named(rules(held)).lost(&rules(kept), Renames::Except(&BTreeSet::new()));
        let names: Vec<String> = lost.iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    #[test]
    fn a_renamed_rule_is_kept_and_a_replaced_one_is_lost() {
        assert_eq!(lost("a=X b=Y", "a=X b=Y c=Z"), "");
        assert_eq!(lost("a=X b=Y", "b=Y"), "rule a");
        assert_eq!(lost("a=X", "b=X"), "");
        assert_eq!(lost("a=X b=X", "c=X"), "rule b");
        assert_eq!(lost("a=X", "a=Y"), "rule a");
        assert_eq!(lost("a=X b=Y", "a=Y b=X"), "", "names that were swapped evaluate the same");
    }

    #[test]
    fn a_rule_that_takes_the_name_of_one_that_may_go_is_lost() {
        let lost = |held, kept: &str, permitted: &[&str]| {
            let permitted = permitted.iter().copied().collect();
            let lost =
                RulesHeld::Named(rules(held)).lost(&rules(kept), Renames::Except(&permitted));
            lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(lost("a=X b=Y", "a=Y b=X", &["a"]), "rule b");
        assert_eq!(lost("b=Y", "a=Y", &["a"]), "rule b");
        assert_eq!(lost("b=Y", "c=Y", &["a"]), "");
        assert_eq!(lost("a=X", "a=X", &["a"]), "", "it keeps its own name");
        let lost = |kept| RulesHeld::Named(rules("a=X b=Y")).lost(&rules(kept), Renames::None);
        assert_eq!(lost("a=X c=Y"), [Loss::Rule("b".to_owned())].into());
        assert_eq!(lost("a=X b=Y"), BTreeSet::new());
    }

    #[test]
    fn a_rule_that_looks_at_less_is_lost_and_one_that_looks_at_more_is_kept() {
        assert_eq!(lost("a=X/s,t", "a=X/s"), "rule a");
        assert_eq!(lost("a=X", "a=X/s"), "rule a");
        assert_eq!(lost("a=X/s", "a=X/s,t"), "");
        assert_eq!(lost("a=X/s", "a=X"), "");
        assert_eq!(lost("a=X/s", "b=X/s,t"), "", "renamed and widened");
        assert_eq!(lost("a=X/s b=X/t", "c=X/s,t d=X/s"), "", "each finds its own");
        assert_eq!(lost("a=X/s b=X/t", "c=X/s,t"), "rule b");
    }

    #[test]
    fn of_rules_whose_names_are_unknown_none_counts_as_kept() {
        let lost = |held, kept: &str| {
            RulesHeld::Counted(held).lost(&rules(kept), Renames::Except(&BTreeSet::new()))
        };
        assert_eq!(lost(3, "a b c"), [Loss::Rules(3)].into());
        assert_eq!(lost(3, ""), [Loss::Rules(3)].into());
        assert_eq!(lost(0, "a"), BTreeSet::new());
    }

    #[test]
    fn a_loss_says_why_its_rules_have_no_names() {
        let why = "not known: the deployed template is unknown";
        assert_eq!(Loss::Rules(1).to_string(), format!("1 rule whose name is {why}"));
        assert_eq!(Loss::Rules(6).to_string(), format!("6 rules whose names are {why}"));
    }
}
