//! The state of regions and their packs: whether they are known, what the guard holds, and
//! rollouts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::note::{Note, packs};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{PackName, Region};
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::packs::Unknown;
use crate::domain::plan::event::{EventKind, Weight};
use crate::domain::plan::loss::Loss;
use crate::domain::present::report::{RegionReport, SyncReason};
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::problem::unread_severity;

/// The state of each region that was last noted.
#[derive(Debug, Default)]
pub(super) struct Regions(BTreeMap<Region, ReportedRegion>);

/// The state of one region that was last noted.
#[derive(Debug, Default)]
struct ReportedRegion {
    /// The last report, so that nothing is compared twice.
    report: Option<Arc<RegionReport>>,
    unknown: Option<FailureKind>,
    pending: Option<BTreeMap<PackName, BTreeSet<Loss>>>,
    rollouts: BTreeMap<PackName, ReportedRollout>,
    conflict: BTreeSet<PackName>,
}

/// What of an rollout is worth telling when it changes; its counts change all the time.
type ReportedRollout = (RolloutHealth, BTreeSet<FailureClass>);

impl Regions {
    /// What is new in every region.
    pub(super) fn update(&mut self, facts: &CurrentState) -> Vec<Note> {
        self.0.retain(|region, _| facts.about.regions.contains(region));
        let mut notes = Vec::new();
        for (region, report) in &facts.reports {
            let told = self.0.entry(region.clone()).or_default();
            if !told.report.as_ref().is_some_and(|last| Arc::ptr_eq(last, report)) {
                notes.extend(told.compare(report).into_iter().map(|note| note.at(region)));
                told.report = Some(Arc::clone(report));
            }
        }
        notes
    }
}

impl ReportedRegion {
    fn compare(&mut self, report: &RegionReport) -> Vec<Note> {
        let mut notes = Vec::from_iter(self.readability(report));
        // Of what could not be seen, nothing has changed.
        if report.unknown.is_none() {
            notes.extend(self.guard(report));
            notes.extend(self.contests(report));
            notes.extend(self.rollouts(report));
        }
        notes
    }

    fn readability(&mut self, report: &RegionReport) -> Option<Note> {
        // The same kind of failure is noted once, however often the region is read.
        let kind = report.unknown.as_ref().map(|unknown| unknown.kind);
        let before = std::mem::replace(&mut self.unknown, kind);
        let (weight, text) = match &report.unknown {
            Some(Unknown { kind, why, .. }) if before != Some(*kind) => {
                let text = format!("unknown ({kind}), so conformd changes nothing here: {why}");
                (unread_severity(*kind).weight(), text)
            }
            None if before.is_some() => (Weight::Normal, "read again".to_owned()),
            None if self.report.is_none() => {
                (Weight::Normal, format!("read for the first time: {} packs", report.observed))
            }
            Some(_) | None => return None,
        };
        Some(Note::new(EventKind::Region, weight, text))
    }

    fn guard(&mut self, report: &RegionReport) -> Option<Note> {
        let losses = report.pending.as_ref().map(|pending| pending.losses.clone());
        if self.pending == losses {
            return None;
        }
        self.pending = losses;
        let Some(pending) = &report.pending else {
            let text = "nothing waits for approval any more";
            return Some(Note::new(EventKind::Guard, Weight::Normal, text));
        };
        let named: Vec<&PackName> = pending.losses.keys().collect();
        let why: Vec<String> = pending.trips.iter().map(ToString::to_string).collect();
        let text = format!(
            "waiting for approval: {} ({}): {}",
            pending.summary(),
            packs(&named),
            why.join("; "),
        );
        Some(Note::new(EventKind::Guard, Weight::Critical, text).of(&named))
    }

    fn contests(&mut self, report: &RegionReport) -> Option<Note> {
        let conflict = report.packs.iter();
        let conflict = conflict.filter(|(_, pack)| pack.reason == Some(SyncReason::Conflict));
        let conflict = conflict.map(|(name, _)| name.clone()).collect();
        let before = std::mem::replace(&mut self.conflict, conflict);
        let new: Vec<&PackName> = self.conflict.difference(&before).collect();
        let text = || format!("{}: held, because another writer keeps changing it", packs(&new));
        (!new.is_empty()).then(|| Note::new(EventKind::Mutation, Weight::Warning, text()).of(&new))
    }

    /// Notes rollouts; packs with the same news share a note.
    fn rollouts(&mut self, report: &RegionReport) -> Vec<Note> {
        let mut news: BTreeMap<(Weight, String), Vec<&PackName>> = BTreeMap::new();
        for (name, rollout) in &report.tracking.packs {
            let Some((reported, text)) = reported_rollout(rollout).zip(rollout.headline()) else {
                continue;
            };
            if self.rollouts.get(name) != Some(&reported) {
                news.entry((weight(reported.0), text)).or_default().push(name);
                self.rollouts.insert(name.clone(), reported);
            }
        }
        // A pack that is neither listed nor tracked is gone; in an unknown region both keep the
        // last state.
        let is_here = |name: &PackName| {
            report.tracking.packs.contains_key(name) || report.packs.contains_key(name)
        };
        let gone = self.rollouts.extract_if(.., |name, _| !is_here(name)).map(|(name, _)| name);
        let gone: Vec<PackName> = gone.collect();
        if !gone.is_empty() {
            news.insert((Weight::Normal, "gone".to_owned()), gone.iter().collect());
        }
        let notes = news.into_iter().map(|((weight, text), named)| {
            let text = format!("{}: {text}", packs(&named));
            Note::new(EventKind::Rollout, weight, text).of(&named)
        });
        notes.collect()
    }
}

fn reported_rollout(rollout: &Rollout) -> Option<ReportedRollout> {
    let health = rollout.health.reported()?;
    Some((health, rollout.classes.keys().copied().collect()))
}

fn weight(health: RolloutHealth) -> Weight {
    match health {
        RolloutHealth::Degraded | RolloutHealth::Missing => Weight::Warning,
        RolloutHealth::Healthy
        | RolloutHealth::Progressing
        | RolloutHealth::StuckAggregate
        | RolloutHealth::Deleting
        | RolloutHealth::Unknown => Weight::Normal,
    }
}
