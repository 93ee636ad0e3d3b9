//! Gauges about member accounts: a projection of what regions track, of the account list and of
//! the probe's sightings.
//!
//! Tracking is knowledge with ages of its own and outlives a region that cannot be read, so it is
//! taken from the last report, whole or not.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use strum::IntoEnumIterator as _;

use super::{PACKS_SHOWN_MAX, count, moment, read_rollouts};
use crate::domain::base::model::{AccountId, PackName, Region};
use crate::domain::members::new_account::{NewAccount, NewAccountPhase};
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::members::tracking::Tracking;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::MemberStatus;
use crate::domain::observed::recorder::{RecorderKind, Recorders};
use crate::domain::organization::membership_status::MembershipStatus;
use crate::domain::present::report::{RegionReport, Reports};
use crate::metrics::figures::seconds;

use super::super::closed::{RESYNCS, STATUSES, account_state};
use super::super::families::{Families, PACK_ACCOUNTS};

impl Families {
    /// How packs arrived and who is new, region by region.
    pub(super) fn show_members(&self, reports: &Reports, regions: &BTreeSet<Region>) {
        let members = &self.members;
        members.accounts.reset();
        members.resync_last.reset();
        members.deadline.reset();
        let mut dropped = 0;
        for (region, report) in reports.iter().filter(|(region, _)| regions.contains(*region)) {
            let Tracking { packs, new_accounts, trouble_last, resync_last: _, resync_since } =
                &report.tracking;
            dropped += self.show_pack_accounts(region, packs);
            self.show_rollouts(region, report);
            self.show_new_accounts(region, new_accounts, report);
            if packs.is_empty() {
                // There is nothing to read, and nothing that could be late.
                continue;
            }
            for (kind, at) in RESYNCS.into_iter().zip([trouble_last, resync_since]) {
                let labels = [region.as_str(), kind];
                members.resync_last.with_label_values(&labels).set(moment(*at));
            }
        }
        self.tasks.series_dropped.with_label_values(&[PACK_ACCOUNTS]).set(count(dropped));
        self.show_failed_accounts(reports, regions);
    }

    /// One account without a recorder fails in every pack and region, and is still one account.
    fn show_failed_accounts(&self, reports: &Reports, regions: &BTreeSet<Region>) {
        let reports = reports.iter().filter(|(region, _)| regions.contains(*region));
        let rollouts: Vec<&Rollout> =
            reports.flat_map(|(_, report)| report.tracking.packs.values()).collect();
        let mut accounts: BTreeMap<FailureClass, HashSet<AccountId>> = BTreeMap::new();
        for member in rollouts.iter().flat_map(|rollout| rollout.troubled.iter()) {
            if let MemberStatus::Failed(class) = member.status {
                accounts.entry(class).or_default().insert(member.account);
            }
        }
        for class in FailureClass::ALL {
            let named = accounts.get(&class).map(HashSet::len).unwrap_or_default();
            // A rollout keeps the names of its failed members up to a cap, and counts all of them.
            let counted = rollouts.iter().filter_map(|rollout| rollout.classes.get(&class)).max();
            let failed = named.max(counted.copied().unwrap_or_default());
            self.members.failed_accounts.with_label_values(&[class.as_str()]).set(count(failed));
        }
    }

    /// Shows the members of packs that were read; returns how many series were left out.
    fn show_pack_accounts(&self, region: &Region, packs: &BTreeMap<PackName, Rollout>) -> usize {
        let mut dropped = 0;
        for (index, (name, rollout)) in read_rollouts(packs).enumerate() {
            if index >= PACKS_SHOWN_MAX {
                dropped += STATUSES.len();
                continue;
            }
            for status in STATUSES {
                let labels = [region.as_str(), name.as_str(), status.as_str()];
                let accounts = rollout.counts.of(status);
                self.members.accounts.with_label_values(&labels).set(count(accounts));
            }
        }
        dropped
    }

    fn show_rollouts(&self, region: &Region, report: &RegionReport) {
        // What was read before a region went dark says nothing about the health of today.
        let is_dark = report.unknown.is_some();
        let of = |rollout: &Rollout| if is_dark { RolloutHealth::Unknown } else { rollout.health };
        for health in RolloutHealth::ALL {
            let rollouts = report.tracking.packs.values();
            let number = rollouts.filter(|rollout| of(rollout) == health).count();
            let labels = [region.as_str(), health.as_str()];
            self.members.by_health.with_label_values(&labels).set(count(number));
        }
    }

    fn show_new_accounts(
        &self,
        region: &Region,
        new_accounts: &[NewAccount],
        report: &RegionReport,
    ) {
        for phase in NewAccountPhase::iter() {
            let number =
                new_accounts.iter().filter(|new_account| new_account.phase == phase).count();
            let labels = [region.as_str(), phase.as_str()];
            self.members.new_accounts.with_label_values(&labels).set(count(number));
        }
        let open = new_accounts.iter().filter(|new_account| is_deadline_ahead(new_account, report));
        if let Some(first) = open.map(|new_account| new_account.deadline).min() {
            self.members.deadline.with_label_values(&[region.as_str()]).set(seconds(first));
        }
    }

    /// What the probe saw.
    pub(super) fn show_recorders(&self, recorders: &Recorders, regions: &BTreeSet<Region>) {
        for region in regions {
            let observations = recorders.regions.get(region);
            for kind in RecorderKind::iter() {
                let accounts = observations.into_iter().flat_map(BTreeMap::values);
                let accounts = accounts.filter(|observation| observation.recorder.kind() == kind);
                let labels = [region.as_str(), kind.as_str()];
                self.members.recorders.with_label_values(&labels).set(count(accounts.count()));
            }
        }
    }

    /// What is known of the organization.
    pub(super) fn show_organization(&self, status: &MembershipStatus) {
        let families = &self.organization;
        families.success_last.set(moment(status.read));
        families.accounts.reset();
        if status.read.is_none() {
            return;
        }
        let known = status.states.iter().map(|(state, accounts)| (Some(*state), *accounts));
        for (state, accounts) in known.chain([(None, status.state_unknown)]) {
            let labels = [account_state(state)];
            families.accounts.with_label_values(&labels).set(count(accounts));
        }
    }
}

/// Whether AWS still tries for this account, and a person has to remove what keeps packs from it.
/// What came after its window is `late` or `missed`, and would hide the next deadline.
fn is_deadline_ahead(new_account: &NewAccount, report: &RegionReport) -> bool {
    match new_account.phase {
        NewAccountPhase::Waiting => true,
        // After a redeployment it is over although AWS deploys.
        NewAccountPhase::Deploying => {
            let rollouts = &report.tracking.packs;
            let mut missing = new_account.missing.iter();
            new_account.deadline > report.finished
                && missing.any(|pack| new_account.obstacle(rollouts.get(pack)).is_some())
        }
        NewAccountPhase::Complete | NewAccountPhase::Late | NewAccountPhase::Missed => false,
    }
}
