//! Closed sets: which series exist from the start, at zero, so that the first event is an increase.

use prometheus::core::{MetricVec, MetricVecBuilder};
use strum::IntoEnumIterator as _;

use crate::cloud::Op;
use crate::domain::base::failure::FailureKind;
use crate::domain::base::heartbeat::Task;
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountState, Region};
use crate::domain::members::new_account;
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::StatusKind;
use crate::domain::observed::recorder::RecorderKind;
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::step::ActionKind;
use crate::domain::plan::trip::TripReason;
use crate::domain::present::axes::SyncStatus;
use crate::domain::present::report::{OutOfSyncKind, SyncReason};

use super::families::{
    AwsFamilies, Families, GuardFamilies, MemberFamilies, PACK_ACCOUNTS, PACK_PUTS, PACK_SYNCED,
    PACK_UPDATE_LAST, PackFamilies, ReconcileFamilies,
};
use super::labels::{ApprovalState, ReconcileResult, ReconciliationPhase, Requeue};

/// Kinds of failure that leave a region unmanaged.
pub(super) fn blocking() -> impl Iterator<Item = FailureKind> {
    FailureKind::iter().filter(|kind| kind.blocks_region())
}

/// States of manifests, as [`super::show`] counts them.
pub(super) const MANIFEST_STATES: [&str; 2] = ["valid", "invalid"];

/// The statuses of members. Accounts that are no members count nowhere.
pub(super) const STATUSES: [StatusKind; 6] = [
    StatusKind::Ok,
    StatusKind::InProgress,
    StatusKind::Failed,
    StatusKind::Missing,
    StatusKind::Waiting,
    StatusKind::Inactive,
];

/// What is read of members: those in trouble, or all.
pub(super) const RESYNCS: [&str; 2] = ["failure", "full"];

/// The families that leave out series, as there is no end to the names of packs.
const CAPPED: [&str; 4] = [PACK_SYNCED, PACK_UPDATE_LAST, PACK_PUTS, PACK_ACCOUNTS];

/// The label of an account's state; `None` is a state that this version does not know.
pub(super) fn account_state(state: Option<AccountState>) -> &'static str {
    match state {
        Some(AccountState::PendingActivation) => "pending_activation",
        Some(AccountState::Active) => "active",
        Some(AccountState::Suspended) => "suspended",
        Some(AccountState::PendingClosure) => "pending_closure",
        Some(AccountState::Closed) => "closed",
        None => "unknown",
    }
}

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

/// The syncs of packs as last read: then none is unknown.
pub(super) const SYNCS: [SyncStatus; 2] = [SyncStatus::Synced, SyncStatus::OutOfSync];

impl Families {
    /// Makes every series that has no region exist.
    pub(super) fn zero(&self) {
        let operations = Op::iter().map(|op| {
            let labels = vec![op.service(), op.as_str()];
            (&self.aws.duration as &dyn Family, labels)
        });
        each(&self.source.manifests, MANIFEST_STATES)
            .chain(each(&self.source.approvals, ApprovalState::iter().map(ApprovalState::as_str)))
            .chain(each(
                &self.reconcile.duration,
                ReconciliationPhase::iter().map(ReconciliationPhase::as_str),
            ))
            .chain(each(&self.packs.suspended, ["pack"]))
            .chain(each(&self.members.failed_accounts, FailureClass::ALL.map(FailureClass::as_str)))
            .chain(each(&self.tasks.panics, Task::iter().map(Task::as_str)))
            .chain(each(&self.tasks.series_dropped, CAPPED))
            .chain(each(&self.program.mode, Mode::iter().map(Mode::as_str)))
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
        let Self {
            program: _,
            source: _,
            record: _,
            reconcile,
            packs,
            members,
            organization: _,
            guard,
            aws,
            http: _,
            tasks: _,
        } = self;
        reconcile
            .regional()
            .chain(packs.regional())
            .chain(members.regional())
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
        each(&self.reconciles, ReconcileResult::iter().map(ReconcileResult::as_str))
            .chain(alone(&self.attempt_last))
            .chain(alone(&self.success_last))
            .chain(alone(&self.overruns))
            .chain(each(&self.requeues, Requeue::iter().map(Requeue::as_str)))
            .chain(each(&self.blocked, blocking().map(FailureKind::as_str)))
    }
}

impl PackFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        each(&self.packs, SYNCS.map(SyncStatus::as_str))
            .chain(each(&self.sync_reasons, SyncReason::ALL.map(SyncReason::as_str)))
            .chain(each(&self.out_of_sync, OutOfSyncKind::iter().map(OutOfSyncKind::as_str)))
            .chain(alone(&self.observed))
            .chain(alone(&self.quota))
    }
}

impl MemberFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        each(&self.by_health, RolloutHealth::ALL.map(RolloutHealth::as_str))
            .chain(each(
                &self.new_accounts,
                new_account::NewAccountPhase::iter().map(new_account::NewAccountPhase::as_str),
            ))
            .chain(each(&self.recorders, RecorderKind::iter().map(RecorderKind::as_str)))
    }
}

impl GuardFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        let mutations = ActionKind::iter().flat_map(move |action| {
            mutation_results(action)
                .map(move |result| (&self.mutations as &dyn Family, vec![action.as_str(), result]))
        });
        each(&self.tripped, TripReason::iter().map(TripReason::as_str))
            .chain(each(&self.held, HoldReason::iter().map(HoldReason::as_str)))
            .chain(each(&self.changes, ActionKind::iter().map(ActionKind::as_str)))
            .chain(mutations)
            .chain(alone(&self.foreign))
    }
}

impl AwsFamilies {
    fn regional(&self) -> impl Iterator<Item = Series<'_>> {
        let ops = Op::iter().filter(|op| is_regional(*op));
        let requests = ops.flat_map(move |op| {
            request_results(op).map(move |result| {
                (&self.requests as &dyn Family, vec![op.service(), op.as_str(), result])
            })
        });
        requests.chain(alone(&self.limiter_wait)).chain(alone(&self.inflight))
    }
}

/// Whether an operation goes to the region that it is about. The others are about accounts, and go
/// to one region that AWS names; their series exist from the first request on.
pub(super) fn is_regional(op: Op) -> bool {
    match op {
        Op::DescribeOrganizationConformancePacks
        | Op::DescribeOrganizationConformancePackStatuses
        | Op::GetOrganizationConformancePackDetailedStatus
        | Op::PutOrganizationConformancePack
        | Op::DeleteOrganizationConformancePack
        | Op::GetCallerIdentity
        | Op::DescribeConfigurationRecorders
        | Op::DescribeConfigurationRecorderStatus => true,
        Op::DescribeOrganization
        | Op::ListAccounts
        | Op::ListAccountsForParent
        | Op::ListOrganizationalUnitsForParent
        | Op::ListTagsForResource
        | Op::ListDelegatedAdministrators
        | Op::ListAWSServiceAccessForOrganization
        | Op::AssumeRole => false,
    }
}

/// How an attempt of a request may end. What AWS has no word for gets no series; should it come
/// all the same, it is counted.
pub(super) fn request_results(op: Op) -> impl Iterator<Item = &'static str> {
    let kinds = FailureKind::iter().filter(move |kind| may_fail_so(op, *kind));
    ["ok"].into_iter().chain(kinds.map(FailureKind::as_str))
}

/// The possible results of a mutation. Every failure that leaves the outcome unknown is one result.
fn mutation_results(action: ActionKind) -> impl Iterator<Item = &'static str> {
    let (op, is_new) = match action {
        ActionKind::Create => (Op::PutOrganizationConformancePack, true),
        ActionKind::Adopt | ActionKind::Update | ActionKind::Redeploy => {
            (Op::PutOrganizationConformancePack, false)
        }
        ActionKind::Delete => (Op::DeleteOrganizationConformancePack, false),
    };
    let refusals = FailureKind::iter().filter(move |kind| {
        let is_possible = may_fail_so(op, *kind) && (is_new || *kind != FailureKind::Quota);
        is_possible && !kind.leaves_outcome_unknown()
    });
    ["accepted", "unknown"].into_iter().chain(refusals.map(FailureKind::as_str))
}

/// Whether an operation may fail in this way, by the exceptions that its API reference names.
fn may_fail_so(op: Op, kind: FailureKind) -> bool {
    use Op::{
        AssumeRole, DeleteOrganizationConformancePack, DescribeConfigurationRecorderStatus,
        DescribeConfigurationRecorders, DescribeOrganization, GetCallerIdentity,
        GetOrganizationConformancePackDetailedStatus, ListAccountsForParent,
        ListOrganizationalUnitsForParent, ListTagsForResource, PutOrganizationConformancePack,
    };
    let is_write = matches!(op, PutOrganizationConformancePack | DeleteOrganizationConformancePack);
    // The caller itself, or one member: no organization is asked.
    let is_alone = matches!(
        op,
        GetCallerIdentity
            | AssumeRole
            | DescribeConfigurationRecorders
            | DescribeConfigurationRecorderStatus
    );
    match kind {
        FailureKind::InFlight => is_write,
        FailureKind::Quota => op == PutOrganizationConformancePack,
        FailureKind::NoSuchPack => matches!(
            op,
            GetOrganizationConformancePackDetailedStatus | DeleteOrganizationConformancePack
        ),
        FailureKind::NoSuchUnit => {
            matches!(op, ListAccountsForParent | ListOrganizationalUnitsForParent)
        }
        FailureKind::NoSuchAccount => op == ListTagsForResource,
        FailureKind::BadToken => !is_write && !is_alone && op != DescribeOrganization,
        FailureKind::NotDelegated | FailureKind::NoOrganization => !is_alone,
        FailureKind::Throttled
        | FailureKind::Rejected
        | FailureKind::Denied
        | FailureKind::RegionDisabled
        | FailureKind::Credentials
        | FailureKind::Timeout
        | FailureKind::Server
        | FailureKind::Unreachable
        | FailureKind::BrokenAnswer => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What follows a pack's name has to be told from it (see `families`).
    #[test]
    fn no_status_ends_with_another() {
        let statuses = STATUSES.map(StatusKind::as_str);
        for one in statuses {
            let ends: Vec<_> = statuses.into_iter().filter(|other| one.ends_with(other)).collect();
            assert_eq!(ends, [one]);
        }
    }
}
