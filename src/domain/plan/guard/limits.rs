//! The limits: how much may be lost within 24 hours without an approval.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::{GuardTerms, RequestedLosses};
use crate::domain::base::model::{AccountId, PackName};
use crate::domain::organization::membership::Shrink;
use crate::domain::plan::loss::{Loss, LossAt};
use crate::domain::plan::step::{Action, PlanStep};
use crate::domain::plan::trip::{Share, Trip};
use crate::domain::plan::window::{HoldBasis, LossWindow, Lost};

/// Packs with at most this many effective rules may lose one rule instead of half of them.
const SMALL_PACK: usize = 4;
/// A pack that lost one in so many of its rules counts as stripped, beside those deleted.
const STRIPPED_ONE_IN: usize = 4;

/// Every limit that the uncovered losses of a plan would pass: with everything counted, or without
/// packs that vanished and what was held for them.
pub(super) fn trips(
    asked: &RequestedLosses<'_>,
    terms: &GuardTerms<'_>,
    window: &LossWindow,
    basis: HoldBasis,
) -> Vec<Trip> {
    if asked.uncovered.is_empty() {
        return Vec::new();
    }
    let keys = asked.uncovered.iter().map(LossAt::key).collect();
    let scales = Scales { asked, terms, window, basis, keys };
    let mut trips = Vec::new();
    // From probable mistakes to plain excess: the first reason is read first.
    trips.extend(scales.source());
    trips.extend(scales.conflicts());
    trips.extend(scales.adoptions());
    trips.extend(scales.packs());
    trips.extend(scales.names());
    trips.extend(scales.rules());
    if trips.is_empty() {
        // With an earlier reason this one would only repeat it.
        trips.extend(scales.rules_left());
    }
    trips.extend(scales.accounts());
    trips.extend(scales.membership());
    trips.extend(scales.caution());
    if trips.is_empty() {
        // Within the limits now, but held before: only an approval or another change ends that
        // hold. With another reason the hold needs no reason of its own.
        trips.extend(scales.held());
    }
    trips
}

/// Whether `part` is less than this percentage of `of`.
fn is_below(part: usize, of: usize, percent: u32) -> bool {
    part.saturating_mul(100) < of.saturating_mul(size(percent))
}

/// At least `min`, or this percentage of `of` if that is more.
fn allowance(min: u32, of: usize, percent: u32) -> usize {
    let share = of.saturating_mul(size(percent)).checked_div(100).unwrap_or_default();
    share.max(size(min))
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The requested losses, the losses within the window, and the limits.
struct Scales<'a> {
    asked: &'a RequestedLosses<'a>,
    terms: &'a GuardTerms<'a>,
    window: &'a LossWindow,
    /// Whether losses that vanished without a step of ours count.
    basis: HoldBasis,
    /// What identifies each uncovered loss.
    keys: BTreeSet<LossAt>,
}

/// The rules that a pack deployment loses within the window.
struct RuleLoss {
    /// The rules that are lost, this plan included.
    lost: usize,
    /// The number that the limit is a share of.
    of: usize,
    /// What it holds now, and what it lost.
    now: usize,
    /// Whether this plan adds to it.
    is_asked: bool,
}

impl<'a> Scales<'a> {
    /// Losses within the window, of all regions. A loss that is requested again because its last
    /// attempt was not confirmed is not counted twice.
    fn before(&self) -> impl Iterator<Item = &'a Lost> {
        let again = |lost: &&Lost| !lost.confirmed && self.keys.contains(&lost.at.key());
        // Only a pack can show again unchanged; excluded accounts cannot.
        let may_return = |lost: &Lost| lost.external && is_pack(lost);
        let counts = move |lost: &&Lost| !may_return(lost) || self.basis == HoldBasis::Vanished;
        self.window.counting(self.terms.elapsed).filter(move |lost| counts(lost) && !again(lost))
    }

    /// The same, of the region of the plan.
    fn before_here(&self) -> impl Iterator<Item = &'a Lost> {
        let region = self.asked.region();
        self.before().filter(move |lost| lost.at.region == *region)
    }

    /// The packs of ours in the region.
    fn here(&self) -> BTreeSet<&'a PackName> {
        self.terms.rules.packs().collect()
    }

    /// Packs of the region that were lost within the window.
    fn gone(&self) -> BTreeSet<&'a PackName> {
        self.before_here().filter(|lost| is_pack(lost)).map(|lost| &lost.at.pack).collect()
    }

    fn source(&self) -> impl Iterator<Item = Trip> {
        let weights = &self.asked.plan.weights;
        let empty = weights.source_empty.then_some(Trip::EmptySource);
        let percent = self.terms.limits.overlap_percent;
        let say = |desired: usize, owned: usize, was: bool| {
            is_below(desired, owned, percent).then_some(Trip::Overlap {
                desired,
                owned,
                percent,
                was,
            })
        };
        let (wanted, owned) = self.desired_before();
        // The present comes first; the state of 24 hours ago is asked only when the present passes,
        // so that new packs cannot make up for those that go.
        let few =
            say(weights.owned_wanted, weights.owned, false).or_else(|| say(wanted, owned, true));
        empty.into_iter().chain(few)
    }

    /// How many of the packs that were here 24 hours ago are still desired, and of how many: packs
    /// that were added since do not make up for those that go.
    fn desired_before(&self) -> (usize, usize) {
        let unwanted = &self.asked.plan.weights.unwanted;
        let (here, gone) = (self.here(), self.gone());
        let before = self.window.packs_before(self.asked.region(), self.terms.elapsed);
        let (mut wanted, mut owned) = (0_usize, 0_usize);
        for (pack, _) in before {
            // A pack that was deleted with an approval is in neither set and does not count.
            if here.contains(pack) || gone.contains(pack) {
                owned = owned.saturating_add(1);
                let stays = here.contains(pack) && !unwanted.contains(pack);
                wanted = wanted.saturating_add(usize::from(stays));
            }
        }
        (wanted, owned)
    }

    /// Holds the delete of a pack that conformd deleted within the window and that exists again:
    /// another writer or a reverted change created it.
    fn conflicts(&self) -> impl Iterator<Item = Trip> {
        let own = self.before_here().filter(|lost| is_pack(lost) && !lost.external);
        own.filter(|lost| self.asked.uncovered.contains(&lost.at))
            .map(|lost| Trip::Conflict { pack: lost.at.pack.clone(), when: lost.when })
    }

    /// AWS does not return a template, so what an adoption loses is not known.
    fn adoptions(&self) -> Option<Trip> {
        let adopted =
            self.asked.steps.iter().filter(|step| matches!(step.action, Action::Adopt(_)));
        let packs: Vec<PackName> = adopted
            .filter(|step| self.asked.of_pack(&step.pack).next().is_some())
            .map(|step| step.pack.clone())
            .collect();
        (!packs.is_empty()).then_some(Trip::Adoption { packs })
    }

    fn packs(&self) -> Option<Trip> {
        let region = self.asked.region();
        let asked = self.asked.uncovered.iter().filter(|at| at.loss == Loss::Pack).count();
        // Packs that were deleted already are not in `owned` any more, so they are added back.
        let gone = self.before_here().filter(|lost| is_pack(lost)).count();
        let now = self.asked.plan.weights.owned.saturating_add(gone);
        // Packs added within the window raise no limit. If all packs are new, only their present
        // number is left to compare with.
        let owned = match self.window.packs_before(region, self.terms.elapsed).count() {
            0 => now,
            before => before.min(now),
        };
        let max = allowance(1, owned, self.terms.limits.ratio_percent);
        let lost = asked.saturating_add(gone);
        let share = Share { lost, now, basis: owned, max };
        (asked > 0 && lost > max).then(|| Trip::Ratio { region: region.clone(), share })
    }

    fn names(&self) -> Option<Trip> {
        let stripped = |pack: &PackName| {
            let loss = self.rule_loss(pack);
            loss.is_asked
                && (loss.of <= SMALL_PACK || loss.lost.saturating_mul(STRIPPED_ONE_IN) >= loss.of)
        };
        let deleted = |at: &LossAt| at.loss == Loss::Pack;
        let asked: BTreeSet<&PackName> = (self.asked.uncovered.iter())
            .filter(|at| deleted(at) || stripped(&at.pack))
            .map(|at| &at.pack)
            .collect();
        // A pack that lost a rule within the window counts as stripped, whatever share that was.
        let before = self.before().map(|lost| &lost.at);
        let before = before.filter(|at| !matches!(at.loss, Loss::Account(_)));
        let names: BTreeSet<&PackName> =
            before.map(|at| &at.pack).chain(asked.iter().copied()).collect();
        let max = size(self.terms.limits.names_per_window);
        let packs = names.len();
        (!asked.is_empty() && packs > max).then_some(Trip::Window { packs, max })
    }

    fn rules(&self) -> Vec<Trip> {
        let region = self.asked.region();
        let mut trips = Vec::new();
        for step in self.rule_steps() {
            let RuleLoss { lost, of, now, is_asked: _ } = self.rule_loss(&step.pack);
            // Half of so few rules would be anything from none to two, so a small pack may lose
            // one.
            let max = if of <= SMALL_PACK { 1 } else { of / 2 };
            if lost > max {
                let share = Share { lost, now, basis: of, max };
                trips.push(Trip::PackRules { pack: step.pack.clone(), share });
            }
        }
        let losses: Vec<RuleLoss> =
            self.terms.rules.packs().map(|pack| self.rule_loss(pack)).collect();
        let lost: usize = losses.iter().map(|loss| loss.lost).sum();
        let now: usize = losses.iter().map(|loss| loss.now).sum();
        let (here, gone) = (self.here(), self.gone());
        let before: Vec<_> = self.window.packs_before(region, self.terms.elapsed).collect();
        let is_gone = |pack: &PackName| gone.contains(pack) && !here.contains(pack);
        // The rules of a pack that was deleted within the window are not counted as lost rules (the
        // pack counts), but they belong to the total.
        let deleted = before.iter().filter(|(pack, _)| is_gone(pack));
        let now = now.saturating_add(deleted.map(|(_, rules)| size(*rules)).sum());
        let of = match before.iter().map(|(_, rules)| size(*rules)).sum() {
            0 => now,
            before => now.min(before),
        };
        let limits = self.terms.limits;
        let max = allowance(limits.rules_max, of, limits.rules_percent);
        if lost > max && losses.iter().any(|loss| loss.is_asked) {
            let share = Share { lost, now, basis: of, max };
            trips.push(Trip::RegionRules { region: region.clone(), share });
        }
        trips
    }

    /// Checks that enough effective rules of a region are left when packs are deleted, now or
    /// before within the window. Counting packs alone would permit deleting the one pack that holds
    /// most rules.
    fn rules_left(&self) -> Option<Trip> {
        let region = self.asked.region();
        let deleted: BTreeSet<&PackName> = (self.asked.uncovered.iter())
            .filter(|at| at.loss == Loss::Pack)
            .map(|at| &at.pack)
            .collect();
        let (here, gone) = (self.here(), self.gone());
        let before: BTreeMap<&PackName, u32> =
            self.window.packs_before(region, self.terms.elapsed).collect();
        let (mut lost, mut of) = (0_usize, 0_usize);
        // Packs added within the window count neither as lost nor as left. If all packs are new,
        // all of them count.
        for pack in here.iter().filter(|pack| before.is_empty() || before.contains_key(**pack)) {
            let loss = self.rule_loss(pack);
            of = of.saturating_add(loss.of);
            lost = lost.saturating_add(if deleted.contains(pack) { loss.of } else { loss.lost });
        }
        for (_, rules) in
            before.iter().filter(|(pack, _)| gone.contains(*pack) && !here.contains(*pack))
        {
            of = of.saturating_add(size(*rules));
            lost = lost.saturating_add(size(*rules));
        }
        let percent = self.terms.limits.overlap_percent;
        let left = of.saturating_sub(lost);
        let is_asked =
            self.asked.uncovered.iter().any(|at| at.loss == Loss::Pack || is_rule(&at.loss));
        let goes = !deleted.is_empty() || !gone.is_empty();
        (is_asked && goes && is_below(left, of, percent)).then(|| Trip::RulesLeft {
            region: region.clone(),
            left,
            of,
            percent,
        })
    }

    /// Steps that lose rules which no approval covers.
    fn rule_steps(&self) -> impl Iterator<Item = &&'a PlanStep> {
        self.asked.steps.iter().filter(move |step| self.asked.of_pack(&step.pack).any(is_rule))
    }

    /// What a pack loses of its rules, this plan included, of the highest number it had.
    fn rule_loss(&self, pack: &PackName) -> RuleLoss {
        let held = self.terms.rules.held(pack);
        let names: BTreeSet<&str> = held.names().collect();
        let (mut before, mut gone) = (0_usize, BTreeSet::new());
        for loss in self.before_here().filter(|lost| lost.at.pack == *pack).map(|it| &it.at.loss) {
            // A rule that exists again was lost all the same: otherwise losing and restoring rules
            // in turn would pass every limit. Its name may have belonged to another rule in
            // between.
            before = before.saturating_add(loss.rules());
            if !matches!(loss, Loss::Rule(name) if names.contains(name.as_str())) {
                gone.insert(loss);
            }
        }
        let asked = self.asked.uncovered.iter().filter(|at| at.pack == *pack);
        let asked: usize = asked.map(|at| at.loss.rules()).sum();
        let lost = before.saturating_add(asked);
        let gone: usize = gone.into_iter().map(Loss::rules).sum();
        let now = held.count().saturating_add(gone);
        // Rules added within the window raise no limit. A new pack has only its present rules to
        // compare with.
        let region = self.asked.region();
        let of = self.window.rules_before(region, pack, self.terms.elapsed);
        let of = of.map_or(now, |of| size(of).min(now));
        RuleLoss { lost, of, now, is_asked: asked > 0 }
    }

    fn accounts(&self) -> Vec<Trip> {
        let account = |at: &'a LossAt| match &at.loss {
            Loss::Account(account) => Some(*account),
            Loss::Pack | Loss::Adoption | Loss::Rule(_) | Loss::Rules(_) => None,
        };
        let asked: BTreeSet<AccountId> = self.asked.uncovered.iter().filter_map(account).collect();
        if asked.is_empty() {
            return Vec::new();
        }
        let limits = self.terms.limits;
        // A set, because excluding one account from several packs counts once.
        let before = self.before().map(|lost| &lost.at).filter_map(account);
        let lost: BTreeSet<AccountId> = before.chain(asked).collect();
        // An unknown account list counts as no members: only the absolute limit remains, and
        // `membership` trips as well.
        let members = self.terms.members.unwrap_or_default();
        let max = allowance(limits.exclusions_max, members, limits.exclusions_percent);
        let mut trips = Vec::new();
        if lost.len() > max {
            trips.push(Trip::Exclusions { accounts: lost.len(), max });
        }
        let grows = |step: &&&PlanStep| self.asked.of_pack(&step.pack).any(is_account);
        for step in self.asked.steps.iter().filter(grows) {
            let excluded = step.losses.excluded_active;
            let percent = limits.excluded_percent;
            // The share applies only to packs that exclude more with this plan: a pack that is
            // above it already must not block unrelated changes.
            if excluded.saturating_mul(100) > members.saturating_mul(size(percent)) && members > 0 {
                let pack = step.pack.clone();
                trips.push(Trip::ExcludedShare { pack, excluded, members, percent });
            }
        }
        trips
    }

    fn membership(&self) -> Option<Trip> {
        let is_asked = self.asked.uncovered.iter().any(|at| is_account(&at.loss));
        if !is_asked {
            return None;
        }
        // A list that shrank is still known, so the shrink is reported in place of a missing list.
        if let Some(&Shrink { before, after, since: _, gone: _ }) = self.terms.shrink {
            return Some(Trip::ListShrank { before, after });
        }
        self.terms.members.is_none().then_some(Trip::ListUnknown)
    }

    fn caution(&self) -> Option<Trip> {
        self.window.caution(self.terms.elapsed).map(Trip::Caution)
    }

    fn held(&self) -> Option<Trip> {
        let since = self.asked.uncovered.iter().filter_map(|at| self.window.held(at));
        let since = since.filter(|held| held.basis >= self.basis).map(|held| held.when).min()?;
        Some(Trip::Held { since })
    }
}

fn is_pack(lost: &Lost) -> bool {
    lost.at.loss == Loss::Pack
}

fn is_rule(loss: &Loss) -> bool {
    matches!(loss, Loss::Rule(_) | Loss::Rules(_))
}

fn is_account(loss: &Loss) -> bool {
    matches!(loss, Loss::Account(_))
}
