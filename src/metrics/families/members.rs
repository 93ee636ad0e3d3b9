//! The families about member accounts: how packs arrived, who is new, who is a member at all.

use prometheus::{Gauge, GaugeVec, Histogram, HistogramOpts, IntGaugeVec, Result};

use super::Register;

/// Seconds from joining to the last pack (300 to 43,200: from five minutes to beyond the retry
/// window of 7 hours). The window of 7 hours is a bound, so that "in time" can be read off.
const CONVERGE_SECONDS: [f64; 10] =
    [300., 600., 1_800., 3_600., 7_200., 10_800., 14_400., 21_600., 25_200., 43_200.];

pub(in crate::metrics) const PACK_ACCOUNTS: &str = "conformd_pack_accounts";

#[derive(Debug)]
pub(in crate::metrics) struct MemberFamilies {
    pub(in crate::metrics) accounts: IntGaugeVec,
    pub(in crate::metrics) by_health: IntGaugeVec,
    pub(in crate::metrics) failures: IntGaugeVec,
    pub(in crate::metrics) resync_last: GaugeVec,
    pub(in crate::metrics) new_accounts: IntGaugeVec,
    pub(in crate::metrics) deadline: GaugeVec,
    pub(in crate::metrics) converge: Histogram,
    pub(in crate::metrics) recorders: IntGaugeVec,
}

#[derive(Debug)]
pub(in crate::metrics) struct OrganizationFamilies {
    pub(in crate::metrics) accounts: IntGaugeVec,
    pub(in crate::metrics) success_last: Gauge,
}

impl MemberFamilies {
    pub(super) fn register(on: &Register<'_>) -> Result<Self> {
        let converge = HistogramOpts::new(
            "conformd_new_account_deploy_seconds",
            "How long after joining a new account had every pack of a region.",
        );
        Ok(Self {
            accounts: on.int_gauges(
                PACK_ACCOUNTS,
                &["region", "pack", "status"],
                "Member accounts of a pack, by how they stand with it.",
            )?,
            by_health: on.int_gauges(
                "conformd_pack_rollouts",
                &["region", "health"],
                "Packs of ours: did they arrive?",
            )?,
            failures: on.int_gauges(
                "conformd_account_failures",
                &["region", "class"],
                "Failed member accounts, once for each of the packs, by class.",
            )?,
            resync_last: on.gauges(
                "conformd_resync_last_success_timestamp_seconds",
                &["region", "kind"],
                "When member accounts were last read; 0 when not yet.",
            )?,
            new_accounts: on.int_gauges(
                "conformd_new_accounts",
                &["region", "phase"],
                "Accounts that joined in the last 7 days, by where they stand.",
            )?,
            deadline: on.gauges(
                "conformd_new_account_deadline_timestamp_seconds",
                &["region"],
                "When AWS gives up the first of the new accounts that are not done.",
            )?,
            converge: on.add(Histogram::with_opts(converge.buckets(CONVERGE_SECONDS.to_vec()))?)?,
            recorders: on.int_gauges(
                "conformd_recorder_accounts",
                &["region", "state"],
                "Probed accounts, by the state of their configuration recorder.",
            )?,
        })
    }
}

impl OrganizationFamilies {
    pub(super) fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            accounts: on.int_gauges(
                "conformd_accounts",
                &["state"],
                "Accounts of the organization, by state.",
            )?,
            success_last: on.gauge(
                "conformd_organization_last_success_timestamp_seconds",
                "When the account list was last read whole; 0 when not yet.",
            )?,
        })
    }
}
