//! Gauges as a projection of reports: nothing else sets them.
//!
//! What was seen of packs describes the last time that the region could be read whole, and stays
//! while it cannot: `conformd_reconcile_last_success_timestamp_seconds` says how old it is.

mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strum::IntoEnumIterator as _;

use super::closed::{Family as _, MANIFEST_STATES, SYNCS, blocking};
use super::families::{Families, PACK_PUTS, PACK_SYNCED, PACK_UPDATE_LAST};
use super::labels::ApprovalState;
use super::view::{CountedSoFar, LoopPeriods, MetricsView, Program, ReloadedSettings};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::declared::source::SourceStatus;
use crate::domain::members::rollout::Rollout;
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::step::ActionKind;
use crate::domain::plan::trip::TripReason;
use crate::domain::present::report::{
    Declarations, OutOfSyncKind, PackReport, RegionReport, Reports, SyncReason,
};
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::problem::{ProblemView, census, problems};
use crate::metrics::figures::seconds;

/// Packs of one region that have series of their own: twice AWS's quota, so that others' names
/// and manifests without number cannot fill the monitoring. The first in order are shown.
const PACKS_SHOWN_MAX: usize = 100;

/// A moment that may not have come yet: then 0.
fn moment(at: Option<Timestamp>) -> f64 {
    at.map(seconds).unwrap_or_default()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The packs whose members were read.
fn read_rollouts(
    packs: &BTreeMap<PackName, Rollout>,
) -> impl Iterator<Item = (&PackName, &Rollout)> {
    packs.iter().filter(|(_, rollout)| rollout.read.is_some())
}

impl Families {
    /// What never changes.
    pub(super) fn show_program(&self, program: &Program) {
        let Program { version, commit, simulated, started: _ } = program;
        let commit = commit.as_deref().unwrap_or("unknown");
        self.program.build_info.with_label_values(&[version.as_str(), commit]).set(1);
        self.program.simulated.set((*simulated).into());
    }

    /// What the settings say.
    pub(super) fn show_settings(&self, settings: &ReloadedSettings) {
        let ReloadedSettings { mode, regions, intervals, quota, pack_labels } = settings;
        self.packs.labels.configure(pack_labels);
        for each in Mode::iter() {
            self.program.mode.with_label_values(&[each.as_str()]).set((each == *mode).into());
        }
        let LoopPeriods { source, organization, region, failure_resync, full_resync } = intervals;
        let loops = [
            ("source", source),
            ("organization", organization),
            ("region", region),
            ("failure_resync", failure_resync),
            ("full_resync", full_resync),
        ];
        for (name, interval) in loops {
            self.program.interval.with_label_values(&[name]).set(interval.as_secs_f64());
        }
        for region in regions {
            self.packs.quota.with_label_values(&[region.as_str()]).set(count(*quota));
        }
    }

    /// Sets every gauge from the view.
    pub(super) fn show(&self, view: MetricsView<'_>, memory: &mut CountedSoFar) {
        let MetricsView { facts, beats, now } = view;
        let CurrentState { reports, source, membership, recorders, .. } = facts;
        let declared = Declarations::in_force(source);
        self.show_source(source, &declared);
        self.aws.clock_skew.reset();
        if let Some(skew) = facts.skew {
            self.aws.clock_skew.with_label_values(&[] as &[&str]).set(skew.as_secs_f64());
        }
        self.tasks.beat_last.reset();
        for (beater, at) in beats {
            let region = beater.region.as_ref().map(Region::as_str).unwrap_or_default();
            let labels = [beater.task.as_str(), region];
            self.tasks.beat_last.with_label_values(&labels).set(seconds(*at));
        }
        memory.seen.retain(|region, _| memory.regions.contains(region));
        for (region, report) in reports {
            // A report of a region that has left the settings may still be in the channel. Its
            // series would never be removed.
            if !memory.regions.contains(region) {
                continue;
            }
            self.show_reconciliation(report);
            if report.unknown.is_none() {
                memory.seen.insert(region.clone(), Arc::clone(report));
            }
        }
        let used: BTreeSet<&str> =
            reports.values().flat_map(|report| &report.approvals).map(String::as_str).collect();
        self.show_approvals(&declared, &used, now);
        self.show_packs(memory);
        self.show_pack_labels(memory, reports, source);
        let membership = membership.status();
        self.show_guard(reports, &memory.regions, membership.shrink.is_some());
        self.show_members(reports, &memory.regions);
        self.show_recorders(recorders, &memory.regions);
        self.show_organization(&membership);
        self.show_problems(&problems(facts).all);
    }

    /// What is wrong. Causes that are not there have no series: three labels together would be
    /// hundreds of zeros.
    fn show_problems(&self, all: &[ProblemView]) {
        let counts = census(all);
        self.tasks.problems.reset();
        for ((severity, owner, cause), accounts) in counts {
            let labels = [severity.as_str(), owner.as_str(), cause.as_str()];
            self.tasks.problems.with_label_values(&labels).set(count(accounts));
        }
    }

    fn show_source(&self, source: &SourceStatus, declared: &Declarations) {
        let families = &self.source;
        families.attempt_last.set(moment(source.attempt_last));
        families.success_last.set(moment(source.read_last));
        families.revision_info.reset();
        if let Some(revision) = source.revision() {
            families.revision_info.with_label_values(&[revision.0.as_str()]).set(1);
        }
        for (result, total) in &source.reads {
            let counter = families.reads.with_label_values(&[result.as_str()]);
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        for (state, number) in MANIFEST_STATES.into_iter().zip([declared.valid, declared.invalid]) {
            families.manifests.with_label_values(&[state]).set(count(number));
        }
    }

    fn show_approvals(&self, declared: &Declarations, used: &BTreeSet<&str>, now: Timestamp) {
        let mut counts: BTreeMap<ApprovalState, usize> = BTreeMap::new();
        for (name, approval) in &declared.approvals {
            // Expired comes first: an expired approval permits nothing, whatever used it before.
            let state = if approval.expires <= now {
                ApprovalState::Expired
            } else if used.contains(name.as_str()) {
                ApprovalState::Matched
            } else {
                ApprovalState::Unmatched
            };
            let number = counts.entry(state).or_default();
            *number = number.saturating_add(1);
        }
        for state in ApprovalState::iter() {
            let number = counts.get(&state).copied().unwrap_or_default();
            self.source.approvals.with_label_values(&[state.as_str()]).set(count(number));
        }
    }

    /// What the last reconciliation of a region says, whether it could be read or not.
    fn show_reconciliation(&self, report: &RegionReport) {
        let region = report.place.region.as_str();
        let reconcile = &self.reconcile;
        reconcile.attempt_last.with_label_values(&[region]).set(seconds(report.started));
        reconcile.success_last.with_label_values(&[region]).set(moment(report.last_read));
        for kind in blocking() {
            let blocks = report.unknown.as_ref().is_some_and(|unknown| unknown.kind == kind);
            reconcile.blocked.with_label_values(&[region, kind.as_str()]).set(blocks.into());
        }
        for reason in HoldReason::iter() {
            let held = report.plan.holds.iter().filter(|hold| hold.reason() == reason).count();
            self.guard.held.with_label_values(&[region, reason.as_str()]).set(count(held));
        }
        for action in ActionKind::iter() {
            let steps = count(report.plan.count(action));
            self.guard.changes.with_label_values(&[region, action.as_str()]).set(steps);
        }
    }

    /// What waits for a person. A doubtful account list waits everywhere.
    fn show_guard(&self, reports: &Reports, regions: &BTreeSet<Region>, is_list_doubtful: bool) {
        for region in regions {
            let pending = reports.get(region).and_then(|report| report.pending.as_ref());
            for reason in TripReason::iter() {
                let tripped = pending
                    .filter(|pending| pending.trips.iter().any(|trip| trip.reason() == reason));
                let packs = tripped.map(|pending| pending.losses.len()).unwrap_or_default();
                let least = is_list_doubtful && reason == TripReason::Membership;
                let labels = [region.as_str(), reason.as_str()];
                self.guard.tripped.with_label_values(&labels).set(count(packs.max(least.into())));
            }
        }
    }

    /// What was seen of packs.
    fn show_packs(&self, memory: &mut CountedSoFar) {
        self.packs.synced.reset();
        self.packs.update_last.reset();
        self.packs.conflicts.reset();
        let (mut shown, mut suspended) = (BTreeSet::new(), BTreeSet::new());
        // A manifest has the same warning in each of its regions.
        let mut warnings = BTreeSet::new();
        let mut dropped = 0;
        for (region, report) in &memory.seen {
            self.show_pack_counts(region, report);
            let paused = report.packs.iter();
            let paused = paused.filter(|(_, pack)| pack.reason == Some(SyncReason::Suspended));
            suspended.extend(paused.map(|(name, _)| name));
            for (name, pack) in &report.packs {
                warnings.extend(pack.warnings.iter().map(|warning| (name, warning)));
            }
            let spoken_of = report.packs.iter();
            let spoken_of =
                spoken_of.filter_map(|(name, pack)| Some((name, pack, pack.sync?.is_synced())));
            for (index, (name, pack, synced)) in spoken_of.enumerate() {
                if index < PACKS_SHOWN_MAX {
                    self.show_pack((region, name), pack, synced);
                    shown.insert((region.clone(), name.clone()));
                } else {
                    dropped += 1;
                }
            }
        }
        self.packs.suspended.with_label_values(&["pack"]).set(count(suspended.len()));
        self.packs.warnings.set(count(warnings.len()));
        for metric in [PACK_SYNCED, PACK_UPDATE_LAST, PACK_PUTS] {
            self.tasks.series_dropped.with_label_values(&[metric]).set(dropped);
        }
        for (region, name) in memory.counted.difference(&shown) {
            self.packs.puts.forget(&[region.as_str(), name.as_str()]);
        }
        memory.counted = shown;
    }

    fn show_pack_counts(&self, region: &Region, report: &RegionReport) {
        let region = region.as_str();
        for sync in SYNCS {
            let packs = report.packs.values().filter(|pack| pack.sync == Some(sync)).count();
            self.packs.packs.with_label_values(&[region, sync.as_str()]).set(count(packs));
        }
        for reason in SyncReason::ALL {
            let packs = report.packs.values().filter(|pack| pack.reason == Some(reason)).count();
            let labels = [region, reason.as_str()];
            self.packs.sync_reasons.with_label_values(&labels).set(count(packs));
        }
        for kind in OutOfSyncKind::iter() {
            let packs = report.packs.values().filter(|pack| pack.drift.contains(&kind)).count();
            self.packs.out_of_sync.with_label_values(&[region, kind.as_str()]).set(count(packs));
        }
        self.packs.observed.with_label_values(&[region]).set(count(report.observed));
    }

    fn show_pack(&self, spot: (&Region, &PackName), pack: &PackReport, synced: bool) {
        let labels = [spot.0.as_str(), spot.1.as_str()];
        self.packs.synced.with_label_values(&labels).set(synced.into());
        self.packs.puts.touch(&labels);
        if let Some(at) = pack.last_update {
            self.packs.update_last.with_label_values(&labels).set(seconds(at));
        }
        let conflicts = self.packs.conflicts.with_label_values(&[spot.1.as_str()]);
        conflicts.add((pack.reason == Some(SyncReason::Conflict)).into());
    }

    /// Every pack that has other series.
    fn show_pack_labels(&self, memory: &CountedSoFar, reports: &Reports, source: &SourceStatus) {
        let mut packs: BTreeSet<_> = memory.counted.iter().map(|(_, name)| name.clone()).collect();
        let reports = reports.iter().filter(|(region, _)| memory.regions.contains(*region));
        for (_, report) in reports {
            let read = read_rollouts(&report.tracking.packs).take(PACKS_SHOWN_MAX);
            packs.extend(read.map(|(name, _)| name.clone()));
        }
        self.packs.labels.show(&packs, source);
    }
}
