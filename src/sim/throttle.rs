//! Rate limits: token buckets on the world's clock.

use std::collections::BTreeMap;

use super::api::{ApiError, Caller, Operation, Service};
use super::knobs::{Bucket, Rates};
use super::refusals;
use crate::domain::base::model::{AccountId, Region, Timestamp};

/// What a bucket is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum BucketScope {
    Regional(AccountId, Region, Operation),
    Account(AccountId, Operation),
    Organization(Operation),
}

/// Thousandths of a token, as of a moment.
#[derive(Debug, Clone, Copy)]
struct BucketLevel {
    tokens: u64,
    at: Timestamp,
}

/// All buckets that were ever drawn from.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    levels: BTreeMap<BucketScope, BucketLevel>,
}

impl Buckets {
    /// Takes one token from every bucket of the call, or refuses it.
    pub(super) fn admit(
        &mut self,
        rates: &Rates,
        now: Timestamp,
        caller: &Caller,
        operation: Operation,
    ) -> Result<(), ApiError> {
        match operation.service() {
            Service::Sts => Ok(()),
            Service::Config => {
                let Some(bucket) = rates.config else { return Ok(()) };
                let account = caller.account;
                let scope = BucketScope::Regional(account, caller.region.clone(), operation);
                if self.take(scope, bucket, now) { Ok(()) } else { Err(refusals::throttled()) }
            }
            Service::Organizations => {
                if !rates.organizations {
                    return Ok(());
                }
                let (own, shared) = published(operation);
                let left = 100_u32.saturating_sub(u32::from(rates.noisy_neighbour_percent));
                let account = BucketScope::Account(caller.account, operation);
                // AWS publishes a rate per account and one for the whole organization, which other
                // tools use too: a request needs a token of both.
                let admitted = self.take(account, own, now)
                    && shared.is_none_or(|shared| {
                        self.take_share(BucketScope::Organization(operation), shared, left, now)
                    });
                if admitted { Ok(()) } else { Err(refusals::too_many_requests()) }
            }
        }
    }

    fn take(&mut self, scope: BucketScope, bucket: Bucket, now: Timestamp) -> bool {
        self.take_share(scope, bucket, 100, now)
    }

    /// Takes a token from a bucket of which only `percent` are left to us.
    fn take_share(
        &mut self,
        scope: BucketScope,
        bucket: Bucket,
        percent: u32,
        now: Timestamp,
    ) -> bool {
        let share = |tokens: u32| u64::from(tokens) * 10 * u64::from(percent);
        let full = share(bucket.burst);
        let level = self.levels.entry(scope).or_insert(BucketLevel { tokens: full, at: now });
        let elapsed = now.as_millisecond().saturating_sub(level.at.as_millisecond());
        let elapsed = u64::try_from(elapsed).unwrap_or(0);
        let refill = share(bucket.rate).saturating_mul(elapsed) / 1000;
        level.tokens = level.tokens.saturating_add(refill).min(full);
        level.at = level.at.max(now);
        let admitted = level.tokens >= 1000;
        if admitted {
            level.tokens -= 1000;
        }
        admitted
    }
}

/// The published buckets per account and per organization (AWS Organizations quotas; calls that
/// the page does not list are taken for the rarest).
fn published(operation: Operation) -> (Bucket, Option<Bucket>) {
    let bucket = |rate, burst| Bucket { rate, burst };
    match operation.as_str() {
        "ListAccounts" => (bucket(8, 12), Some(bucket(9, 15))),
        "ListAccountsForParent"
        | "ListParents"
        | "ListOrganizationalUnitsForParent"
        | "ListDelegatedAdministrators" => (bucket(5, 8), Some(bucket(6, 10))),
        "ListChildren" => (bucket(6, 10), Some(bucket(7, 12))),
        "ListTagsForResource" => (bucket(10, 15), Some(bucket(12, 18))),
        "DescribeAccount" => (bucket(20, 30), Some(bucket(24, 36))),
        "ListRoots" => (bucket(1, 2), Some(bucket(1, 3))),
        "ListAWSServiceAccessForOrganization" => (bucket(1, 3), Some(bucket(1, 4))),
        _ => (bucket(1, 2), None),
    }
}
