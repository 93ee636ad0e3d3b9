//! What was taken away in the world, measured there: packs, effective rules and active accounts,
//! whatever the product says of it (I-S4).
//!
//! Every mutation is measured by what the world holds before and after it. Rules are evaluated from
//! the delivered text by a reader of its own, for the few shapes of conditions that labs write.

#![expect(clippy::wildcard_enum_match_arm, reason = "each limit counts losses of one kind")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conformd::domain::base::model::{
    AccountId, Digest, Installation, PackName, Place, Region, Timestamp,
};
use conformd::domain::declared::approval::{Approval, Permitted};
use conformd::domain::plan::guard::LossLimits;
use conformd::domain::plan::loss::{Loss, LossAt};
use conformd::sim::world::World;
use serde_yaml::Value;

use super::truth::{Owner, owner};

/// The limits are for any so long time.
const DAY: Duration = Duration::from_hours(24);
/// An approval may expire at most so far ahead.
const LIFE: Duration = Duration::from_hours(7 * 24);

/// What a pack deployment holds at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    is_ours: bool,
    /// Effective rules by name, each with what evaluates it.
    rules: BTreeMap<String, String>,
    excluded: BTreeSet<AccountId>,
}

/// One thing that was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) at: Timestamp,
    pub(crate) loss: LossAt,
    /// Whether an approval in force covers it.
    is_approved: bool,
}

/// Who takes something away.
#[derive(Debug, Clone)]
pub(crate) struct Taker {
    pub(crate) process: u32,
    /// Since when it has watched, unless it has a record.
    pub(crate) watches_since: Option<Timestamp>,
    /// The approvals of the revision that it goes by.
    pub(crate) approvals: BTreeMap<String, Approval>,
}

/// How much of a limit was used, in percent.
pub(crate) type Share = u64;

/// Everything that was taken away, and what there was.
#[derive(Debug)]
pub(crate) struct Toll {
    us: Installation,
    limits: LossLimits,
    /// How many accounts there are.
    members: usize,
    /// What delivered texts hold, by the digest of their bytes.
    texts: BTreeMap<Digest, Value>,
    taken: Vec<Taken>,
    /// Which approvals were used for what; without a record a process knows its own uses only.
    used: BTreeSet<(Option<u32>, Digest, LossAt)>,
    /// What each region held of ours after each mutation.
    held: Vec<(Timestamp, Region, BTreeMap<PackName, BTreeSet<String>>)>,
    /// Everything that broke a limit and was not told yet.
    pub(crate) wrong: Vec<String>,
    /// The most of each limit that was used in any day.
    pub(crate) worst: BTreeMap<&'static str, (Share, String)>,
}

impl Toll {
    pub(crate) fn new(us: Installation, limits: LossLimits, members: usize) -> Self {
        Self {
            us,
            limits,
            members,
            texts: BTreeMap::new(),
            taken: Vec::new(),
            used: BTreeSet::new(),
            held: Vec::new(),
            wrong: Vec::new(),
            worst: BTreeMap::new(),
        }
    }

    /// Takes in a text that is about to be delivered.
    pub(crate) fn learn(&mut self, body: &str) {
        let digest = Digest::of([body.as_bytes()]);
        self.texts
            .entry(digest)
            .or_insert_with(|| serde_yaml::from_str(body).expect("what is sent is YAML"));
    }

    /// What a pack deployment holds in the world right now.
    pub(crate) fn holding(&self, world: &World, spot: (&Place, &PackName)) -> Option<Holding> {
        let (place, pack) = spot;
        if !world.pack_names(place).contains(pack) {
            return None;
        }
        let inputs = world.inputs(place, pack)?;
        let text = self.texts.get(&world.template(place, pack)?.digest);
        Some(Holding {
            is_ours: owner(&inputs, spot, &self.us) == Owner::Ours,
            rules: text.map(|text| effective(text, &inputs)).unwrap_or_default(),
            excluded: world.excluded(place, pack).unwrap_or_default(),
        })
    }

    /// Takes in what a mutation did.
    pub(crate) fn measure(
        &mut self,
        world: &World,
        (place, pack): (&Place, &PackName),
        before: Option<&Holding>,
        taker: &Taker,
        at: Timestamp,
    ) {
        let after = self.holding(world, (place, pack));
        self.note_held(world, place, at);
        let mut wrong = Vec::new();
        let lost = before.map(|before| losses(before, after.as_ref(), world)).unwrap_or_default();
        let count = lost.iter().filter(|loss| matches!(loss, Loss::Rule(_))).count();
        for loss in lost {
            let loss = LossAt { region: place.region.clone(), pack: pack.clone(), loss };
            let is_approved = self.is_approved(&loss, count, taker, at);
            let is_blind = taker.watches_since.is_some_and(|since| since + DAY > at);
            if is_blind && !is_approved {
                wrong.push(format!("I-S4: {loss:?} was taken by a process that knows nothing"));
            }
            if loss.loss == Loss::Adoption && !is_approved {
                wrong.push(format!("I-S4: {pack} was adopted without leave"));
            }
            self.taken.push(Taken { at, loss, is_approved });
        }
        wrong.extend(self.day((place, pack), after.as_ref(), at));
        self.wrong.extend(wrong);
    }

    /// What a region holds of ours after a mutation, and before the first one.
    pub(crate) fn note_held(&mut self, world: &World, place: &Place, at: Timestamp) {
        let names = world.pack_names(place);
        let held = names.into_iter().filter_map(|name| {
            let holding = self.holding(world, (place, &name)).filter(|it| it.is_ours)?;
            Some((name, holding.rules.into_keys().collect()))
        });
        let held = held.collect();
        self.held.push((at, place.region.clone(), held));
    }

    fn is_approved(&mut self, at: &LossAt, rules: usize, taker: &Taker, now: Timestamp) -> bool {
        let scope = taker.watches_since.map(|_| taker.process);
        let in_force =
            |it: &&Approval| it.expires > now && it.expires <= now + LIFE + Duration::from_mins(1);
        let covers = |approval: &Approval| {
            approval.permits.iter().any(|permit| {
                let is_count =
                    matches!(
                        (&permit.what, &at.loss),
                        (Permitted::RuleCount { pack, count }, Loss::Rule(_))
                            if *pack == at.pack && rules <= *count as usize
                    ) && permit.regions.as_ref().is_none_or(|it| it.contains(&at.region));
                is_count || permit.covers(at)
            })
        };
        let mut approvals = taker.approvals.values().filter(in_force).filter(|it| covers(it));
        let unused =
            approvals.find(|approval| !self.used.contains(&(scope, approval.id(), at.clone())));
        unused.is_some_and(|approval| self.used.insert((scope, approval.id(), at.clone())))
    }

    /// Holds the last 24 hours to the limits.
    fn day(
        &mut self,
        (place, pack): (&Place, &PackName),
        after: Option<&Holding>,
        now: Timestamp,
    ) -> Vec<String> {
        let day: Vec<&LossAt> = (self.taken.iter())
            .filter(|taken| taken.at + DAY > now && !taken.is_approved)
            .map(|taken| &taken.loss)
            .collect();
        let here: Vec<&&LossAt> = day.iter().filter(|at| at.region == place.region).collect();
        let was = self.most(&place.region, now);
        let tenth = |of: usize, percent: u32| of * percent as usize / 100;
        let mut uses: Vec<(&'static str, String, usize, usize)> = Vec::new();

        let deleted = here.iter().filter(|at| at.loss == Loss::Pack).count();
        let max = tenth(was.packs, self.limits.ratio_percent).max(1);
        uses.push(("packs", format!("packs deleted in {}", place.region), deleted, max));

        let lost = |name: &PackName| {
            let there = self.held.last().and_then(|(_, _, held)| held.get(name));
            let lost = here.iter().filter(|at| at.pack == *name);
            let lost = lost.filter_map(|at| match &at.loss {
                Loss::Rule(rule) => Some(rule),
                _ => None,
            });
            // What is there again is not lost.
            let lost = lost.filter(|rule| !there.is_some_and(|it| it.contains(*rule)));
            lost.collect::<BTreeSet<_>>().len()
        };
        let highest = *was.rules.get(pack).unwrap_or(&0);
        if after.is_some() {
            let max = if highest <= 4 { 1 } else { highest / 2 };
            let what = format!("rules of {pack} in {}", place.region);
            uses.push(("pack rules", what, lost(pack), max));
        }
        let sum = was.rules.keys().map(lost).sum();
        let max = tenth(was.rules.values().sum(), self.limits.rules_percent);
        let max = max.max(self.limits.rules_max as usize);
        uses.push(("rules", format!("rules in {}", place.region), sum, max));

        let names = day.iter().filter(|at| at.loss == Loss::Pack).map(|at| &at.pack);
        let names = names.collect::<BTreeSet<_>>().len();
        let max = self.limits.names_per_window as usize;
        uses.push(("names", "packs deleted anywhere".to_owned(), names, max));

        let accounts = day.iter().filter_map(|at| match &at.loss {
            Loss::Account(account) => Some(account),
            _ => None,
        });
        let accounts = accounts.collect::<BTreeSet<_>>().len();
        let max = tenth(self.members, self.limits.exclusions_percent)
            .max(self.limits.exclusions_max as usize);
        uses.push(("accounts", "accounts newly excluded".to_owned(), accounts, max));

        let mut wrong = Vec::new();
        for (kind, what, used, max) in uses {
            let share = (used * 100 / max) as Share;
            let worst = self.worst.entry(kind).or_default();
            if share > worst.0 {
                *worst = (share, format!("{what}: {used}, limit {max}"));
            }
            if used > max {
                wrong.push(format!("I-S4: {what} within 24 h: {used}, limit {max}"));
            }
        }
        wrong
    }

    /// The most that a region held within the last 24 hours.
    fn most(&self, region: &Region, now: Timestamp) -> Most {
        let here = self.held.iter().filter(|(_, at, _)| at == region);
        let (old, new): (Vec<_>, Vec<_>) = here.partition(|(at, ..)| *at + DAY <= now);
        let mut most = Most::default();
        let mut deleted = BTreeSet::new();
        for (_, _, held) in old.into_iter().next_back().into_iter().chain(new) {
            deleted.extend(held.keys());
            for (pack, rules) in held {
                let highest = most.rules.entry(pack.clone()).or_default();
                *highest = rules.len().max(*highest);
            }
        }
        // Packs that came and went meanwhile are among them.
        most.packs = deleted.len();
        most
    }
}

#[derive(Debug, Default)]
struct Most {
    packs: usize,
    rules: BTreeMap<PackName, usize>,
}

/// What is gone of what there was.
fn losses(before: &Holding, after: Option<&Holding>, world: &World) -> Vec<Loss> {
    let Some(after) = after else {
        return before.is_ours.then_some(Loss::Pack).into_iter().collect();
    };
    if !before.is_ours {
        return after.is_ours.then_some(Loss::Adoption).into_iter().collect();
    }
    let count = |rules: &BTreeMap<String, String>, source: &String| {
        rules.values().filter(|it| *it == source).count()
    };
    let sources: BTreeSet<&String> = before.rules.values().collect();
    let rules = sources.into_iter().flat_map(|source| {
        let gone = count(&before.rules, source).saturating_sub(count(&after.rules, source));
        // Of those that are not there under their name any more, the last: the rest was renamed.
        let names = before
            .rules
            .iter()
            .filter(move |(name, it)| *it == source && after.rules.get(*name) != Some(source));
        names.rev().take(gone).map(|(name, _)| Loss::Rule(name.clone()))
    });
    let accounts = after.excluded.difference(&before.excluded);
    let accounts = accounts.filter(|account| world.is_member(account));
    rules.chain(accounts.map(|account| Loss::Account(*account))).collect()
}

/// The rules of a delivered text that are in effect with these parameters.
fn effective(text: &Value, inputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let resources = text["Resources"].as_mapping().expect("a template has resources");
    let rules = resources.iter().filter(|(_, it)| it["Type"] == "AWS::Config::ConfigRule");
    let in_effect = rules.filter(|(_, rule)| {
        let Some(condition) = rule["Condition"].as_str() else { return true };
        holds(text, &text["Conditions"][condition], inputs)
    });
    in_effect
        .map(|(_, rule)| {
            let properties = &rule["Properties"];
            let name = properties["ConfigRuleName"].as_str().expect("labs name their rules");
            let source = properties["Source"]["SourceIdentifier"].as_str().unwrap_or("?");
            (name.to_owned(), source.to_owned())
        })
        .collect()
}

/// `Fn::Equals` of a parameter and a text, or of two texts: nothing else is written here.
fn holds(text: &Value, condition: &Value, inputs: &BTreeMap<String, String>) -> bool {
    let pair = match condition {
        Value::Tagged(tagged) if tagged.tag == "Equals" => &tagged.value,
        condition => &condition["Fn::Equals"],
    };
    let value = |side: &Value| {
        let parameter = match side {
            Value::Tagged(tagged) if tagged.tag == "Ref" => tagged.value.as_str(),
            side => side["Ref"].as_str(),
        };
        match parameter {
            Some(name) => inputs
                .get(name)
                .cloned()
                .or_else(|| text["Parameters"][name]["Default"].as_str().map(ToOwned::to_owned)),
            None => side.as_str().map(ToOwned::to_owned),
        }
    };
    value(&pair[0]).expect("a known value") == value(&pair[1]).expect("a known value")
}
