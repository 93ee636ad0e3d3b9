//! Closed sets: which series exist from the start, at zero, so that the first event is an increase.

use prometheus::core::{MetricVec, MetricVecBuilder};

use crate::cloud::Op;
use crate::domain::beat::Task;
use crate::domain::failure::FailureKind;
use crate::domain::guard::TripReason;
use crate::domain::mode::Mode;
use crate::domain::model::Region;
use crate::domain::plan::{ActionKind, HoldReason};
use crate::domain::report::{DriftKind, PackState};

use super::count::{ApprovalState, Phase, Requeue, TickEnd, mutation_results, request_results};
use super::families::{AwsFamilies, Families, GuardFamilies, PackFamilies, ReconcileFamilies};

/// Kinds of failure that leave a region unmanaged until somebody does something about them, or AWS
/// does. Throttling is none: it passes, and `reconcile_last_success` shows when it does not.
pub(super) const BLOCKING: [FailureKind; 9] = [
    FailureKind::Denied,
    FailureKind::NotDelegated,
    FailureKind::RegionDisabled,
    FailureKind::Credentials,
    FailureKind::NoOrganization,
    FailureKind::Timeout,
    FailureKind::Server,
    FailureKind::Unreachable,
    FailureKind::BrokenAnswer,
];

/// States of manifests, as [`super::show`] counts them.
pub(super) const MANIFEST_STATES: [&str; 2] = ["valid", "invalid"];

/// A family as far as the existence of its series goes.
pub(super) trait Family {
    /// Makes the series exist.
    fn touch(&self, labels: &[&str]);
    /// Makes it not exist.
    fn forget(&self, labels: &[&str]);
}

impl<T: MetricVecBuilder> Family for MetricVec<T> {
    fn touch(&self, labels: &[&str]) {
        drop(self.with_label_values(labels));
    }

    fn forget(&self, labels: &[&str]) {
        // The only error is that there is no such series, which is what was asked for.
        self.remove_label_values(labels).ok();
    }
}

/// A family with one set of label values, the region left out.
type Series<'a> = (&'a dyn Family, Vec<&'static str>);

fn each(
    family: &dyn Family,
    values: impl IntoIterator<Item = &'static str>,
) -> impl Iterator<Item = Series<'_>> {
    values.into_iter().map(move |value| (family, vec![value]))
}

fn alone(family: &dyn Family) -> std::iter::Once<Series<'_>> {
    std::iter::once((family, Vec::new()))
}

impl Families {
    /// Makes every series that has no region exist.
    pub(super) fn zero(&self) {
        let operations = Op::ALL.into_iter().map(|op| {
            let labels = vec![op.service(), op.as_str()];
            (&self.aws.duration as &dyn Family, labels)
        });
        each(&self.source.manifests, MANIFEST_STATES)
            .chain(each(&self.source.approvals, ApprovalState::ALL.map(ApprovalState::as_str)))
            .chain(each(&self.reconcile.duration, Phase::ALL.map(Phase::as_str)))
            .chain(each(&self.packs.suspended, ["pack"]))
            .chain(each(&self.tasks.panics, Task::ALL.map(Task::as_str)))
            .chain(each(&self.program.mode, Mode::ALL.map(Mode::as_str)))
            .chain(operations)
            .for_each(|(family, labels)| family.touch(&labels));
    }

    /// Makes every series of a region exist, except those of its packs.
    pub(super) fn zero_region(&self, region: &Region) {
        self.regional(region, |family, labels| family.touch(labels));
    }

    /// Makes every series of a region go away, except those of its packs.
    pub(super) fn remove_region(&self, region: &Region) {
        self.regional(region, |family, labels| family.forget(labels));
    }

    fn regional(&self, region: &Region, act: impl Fn(&dyn Family, &[&str])) {
        let Self { program: _, source: _, reconcile, packs, guard, aws, http: _, tasks: _ } = self;
        reconcile
            .regional()
            .chain(packs.regional())
            .chain(guard.regional())
            .chain(aws.regional())
            .for_each(|(family, rest)| {
                let labels: Vec<&str> = [region.as_str()].into_iter().chain(rest).collect();
                act(family, &labels);
            });
    }
}

impl ReconcileFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        each(&self.reconciles, TickEnd::ALL.map(TickEnd::as_str))
            .chain(alone(&self.attempt_last))
            .chain(alone(&self.success_last))
            .chain(alone(&self.overruns))
            .chain(each(&self.requeues, Requeue::ALL.map(Requeue::as_str)))
            .chain(each(&self.blocked, BLOCKING.map(FailureKind::as_str)))
    }
}

impl PackFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        each(&self.packs, PackState::ALL.map(PackState::as_str))
            .chain(each(&self.drifted, DriftKind::ALL.map(DriftKind::as_str)))
            .chain(alone(&self.observed))
            .chain(alone(&self.quota))
    }
}

impl GuardFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        let mutations = ActionKind::ALL.into_iter().flat_map(move |action| {
            mutation_results()
                .map(move |result| (&self.mutations as &dyn Family, vec![action.as_str(), result]))
        });
        each(&self.tripped, TripReason::ALL.map(TripReason::as_str))
            .chain(each(&self.held, HoldReason::ALL.map(HoldReason::as_str)))
            .chain(each(&self.changes, ActionKind::ALL.map(ActionKind::as_str)))
            .chain(mutations)
            .chain(alone(&self.foreign))
    }
}

impl AwsFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        // The account list is asked for in one region only, which the first request shows.
        let ops = Op::ALL.into_iter().filter(|op| *op != Op::ListAccounts);
        let requests = ops.flat_map(move |op| {
            request_results().map(move |result| {
                (&self.requests as &dyn Family, vec![op.service(), op.as_str(), result])
            })
        });
        requests.chain(alone(&self.limiter_wait)).chain(alone(&self.inflight))
    }
}
