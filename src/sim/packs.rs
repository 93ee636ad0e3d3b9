//! The packs over time: every accepted Put and Delete, and when each becomes visible.
//!
//! Nothing about members is stored here; `rollout` computes what a Put or Delete does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::api::packs::InputParameter;
use super::knobs::FanOut;
use super::template::AcceptedTemplate;
use super::timeline::after;
use crate::domain::base::model::{AccountId, PackName, Place, Timestamp};

/// Which of the delayed views a reader has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ViewDelay {
    /// Everything without delay, for locks and quotas.
    Truth,
    /// The list of packs.
    Packs,
    /// The list of statuses.
    Statuses,
    /// The rows.
    Rows,
}

/// A view at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DelayedView {
    pub(super) delay: ViewDelay,
    pub(super) at: Timestamp,
}

/// What a Put sets: all of it, every time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackContent {
    pub(super) template: Arc<AcceptedTemplate>,
    pub(super) inputs: Vec<InputParameter>,
    pub(super) excluded: BTreeSet<AccountId>,
    pub(super) bucket: Option<String>,
    pub(super) prefix: Option<String>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Put,
    Delete,
}

/// One accepted Put or Delete.
#[derive(Debug, Clone)]
pub(super) struct SimDeployment {
    pub(super) act: Act,
    pub(super) at: Timestamp,
    /// What is deployed, or was until now.
    pub(super) content: Arc<PackContent>,
    /// How many accounts there ever were at that moment; later ones join by themselves.
    pub(super) members: usize,
    /// The position in the order of accounts at which the rollout begins.
    pub(super) offset: usize,
    /// When it shows in lists, statuses and rows.
    pub(super) visible: [Timestamp; 3],
    /// The other packs of the region, if all together they exceed a quota of the members.
    pub(super) crowd: Option<Arc<[Arc<PackContent>]>>,
}

impl SimDeployment {
    /// Whether a reader knows of it.
    pub(super) fn is_visible(&self, view: DelayedView) -> bool {
        let [packs, statuses, rows] = self.visible;
        let since = match view.delay {
            ViewDelay::Truth => self.at,
            ViewDelay::Packs => packs,
            ViewDelay::Statuses => statuses,
            ViewDelay::Rows => rows,
        };
        since <= view.at
    }

    /// How long one member takes.
    pub(super) fn duration(&self, fan_out: &FanOut) -> Duration {
        match self.act {
            Act::Put => fan_out.duration,
            Act::Delete => fan_out.removal,
        }
    }

    /// When the rollout reaches this member; `None` for accounts that joined later.
    pub(super) fn start(&self, fan_out: &FanOut, member: usize) -> Option<Timestamp> {
        if member >= self.members {
            return None;
        }
        let place = (member + self.offset) % self.members;
        let slot = place / parallelism(fan_out);
        Some(self.slot_start(fan_out, slot))
    }

    /// When the last slot ends: from then on every ordinary member has finished.
    pub(super) fn end(&self, fan_out: &FanOut) -> Timestamp {
        self.slot_start(fan_out, self.members.div_ceil(parallelism(fan_out)))
    }

    /// The members in the order in which they finish, last first.
    pub(super) fn last_first(&self) -> impl Iterator<Item = usize> {
        let Self { members, offset, .. } = *self;
        (0..members).rev().map(move |place| (place + members - offset % members) % members)
    }

    fn slot_start(&self, fan_out: &FanOut, slot: usize) -> Timestamp {
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        let begun = self.duration(fan_out).saturating_mul(slot);
        after(self.at, fan_out.delay.saturating_add(begun))
    }
}

fn parallelism(fan_out: &FanOut) -> usize {
    usize::try_from(fan_out.parallelism).unwrap_or(usize::MAX).max(1)
}

/// A pack from its first Put to the end of its removal.
#[derive(Debug, Clone)]
pub(super) struct Incarnation {
    pub(super) arn: String,
    /// The last eight characters of the ARN.
    pub(super) suffix: String,
    pub(super) tags: BTreeMap<String, String>,
    /// Never empty: the first is the Put that made it.
    pub(super) runs: Vec<SimDeployment>,
}

impl Incarnation {
    /// When it was made.
    pub(super) fn created(&self) -> Timestamp {
        self.runs.first().map_or(Timestamp::MIN, |run| run.at)
    }

    /// The runs that a reader knows of.
    pub(super) fn runs(&self, view: DelayedView) -> impl Iterator<Item = &SimDeployment> {
        self.runs.iter().filter(move |run| run.is_visible(view))
    }

    /// The last of them.
    pub(super) fn last_run(&self, view: DelayedView) -> Option<&SimDeployment> {
        self.runs.iter().rev().find(|run| run.is_visible(view))
    }
}

/// Every incarnation of every pack.
#[derive(Debug, Clone, Default)]
pub(super) struct PackHistories {
    places: BTreeMap<Place, BTreeMap<PackName, Vec<Incarnation>>>,
}

impl PackHistories {
    /// The incarnation that a reader sees under this name: the latest that it knows of.
    pub(super) fn visible(
        &self,
        place: &Place,
        name: &PackName,
        view: DelayedView,
    ) -> Option<&Incarnation> {
        let incarnations = self.places.get(place)?.get(name)?;
        incarnations.iter().rev().find(|incarnation| incarnation.last_run(view).is_some())
    }

    /// Every name with what a reader sees under it, in order.
    pub(super) fn all_visible(
        &self,
        place: &Place,
        view: DelayedView,
    ) -> impl Iterator<Item = (&PackName, &Incarnation)> {
        let names = self.places.get(place).into_iter().flatten();
        names.filter_map(move |(name, incarnations)| {
            let mut latest = incarnations.iter().rev();
            let seen = latest.find(|incarnation| incarnation.last_run(view).is_some())?;
            Some((name, seen))
        })
    }

    /// Every place that ever had a pack.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.keys()
    }

    /// How many incarnations this name had here.
    pub(super) fn incarnations(&self, place: &Place, name: &PackName) -> usize {
        self.places.get(place).and_then(|names| names.get(name)).map_or(0, Vec::len)
    }

    /// Begins a new incarnation.
    pub(super) fn begin(&mut self, place: &Place, name: &PackName, incarnation: Incarnation) {
        let names = self.places.entry(place.clone()).or_default();
        names.entry(name.clone()).or_default().push(incarnation);
    }

    /// The latest incarnation, to be changed.
    pub(super) fn latest_mut(
        &mut self,
        place: &Place,
        name: &PackName,
    ) -> Option<&mut Incarnation> {
        self.places.get_mut(place)?.get_mut(name)?.last_mut()
    }

    /// The name whose latest incarnation has this ARN.
    pub(super) fn name_of(&self, place: &Place, arn: &str) -> Option<PackName> {
        let mut names = self.places.get(place)?.iter();
        let found = names.find(|(_, all)| all.last().is_some_and(|pack| pack.arn == arn))?;
        Some(found.0.clone())
    }
}
