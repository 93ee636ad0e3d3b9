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
    pub(in crate::metrics) failed_accounts: IntGaugeVec,
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
            "Time from joining to the last of a region's packs, once for each account and region.",
        );
        Ok(Self {
            accounts: on.int_gauges(
                PACK_ACCOUNTS,
                &["region", "pack", "status"],
                "Member accounts by member status; `waiting`: joined lately, and AWS still tries; \
                 rows of accounts that are not members do not count; absent before the members of \
                 the pack were read.",
            )?,
            by_health: on.int_gauges(
                "conformd_pack_rollouts",
                &["region", "health"],
                "Rollouts of conformd's own packs by health, which follows from the status of \
                 their members.",
            )?,
            failed_accounts: on.int_gauges(
                "conformd_failed_accounts",
                &["class"],
                "Accounts that failed to deploy at least one pack, by failure class: each account \
                 once for each class, over all packs and regions.",
            )?,
            resync_last: on.gauges(
                "conformd_resync_last_success_timestamp_seconds",
                &["region", "kind"],
                "When conformd last read members: those that failed (`failure`), or all of every \
                 pack (`full`; a pack that was not read yet counts from its first observation); \
                 absent while conformd has no pack.",
            )?,
            new_accounts: on.int_gauges(
                "conformd_new_accounts",
                &["region", "phase"],
                "Accounts that joined in the last 7 days and are expected to have a pack; `late`: \
                 AWS stopped retrying and a redeployment will help; `missed`: AWS stopped \
                 retrying and action is required.",
            )?,
            deadline: on.gauges(
                "conformd_new_account_deadline_timestamp_seconds",
                &["region"],
                "When the retry window (7 hours after joining) of the first account ends that AWS \
                 still retries and that lacks packs without a known recorder, or for a failure \
                 that a person has to resolve; absent when there is none.",
            )?,
            converge: on.add(Histogram::with_opts(converge.buckets(CONVERGE_SECONDS.to_vec()))?)?,
            recorders: on.int_gauges(
                "conformd_recorder_accounts",
                &["region", "state"],
                "Probed accounts by the state of their configuration recorder; `unknown`: \
                 conformd could not observe it.",
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
                "Accounts of the organization; absent before the first complete list.",
            )?,
            success_last: on.gauge(
                "conformd_organization_last_success_timestamp_seconds",
                "When conformd last read the account list completely.",
            )?,
        })
    }
}
