//! How fast AWS Organizations is asked: by at most half of what it publishes, since its budget is
//! shared by every tool of the organization.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use crate::clock::Clock;
use crate::cloud::{CloudError, OrganizationReader, Page, PageToken};
use crate::domain::base::model::{AccountId, UnitId};
use crate::domain::organization::account_list::{Account, OrganizationRecord};
use crate::limiter::{Budget, Limited, Limiter};

/// Requests of one kind under way at once: enough to reach the rates over a slow line.
pub(super) const IN_FLIGHT: usize = 4;

/// The organization, every operation of it paced with those that share its budget. Clones share
/// the pace.
#[derive(Debug, Clone)]
pub struct Paced<O> {
    single: Limited<O>,
    accounts: Limited<O>,
    parents: Limited<O>,
    tags: Limited<O>,
}

impl<O: Clone> Paced<O> {
    /// The same organization, asked at these rates (AWS Organizations quotas: half of the rates a
    /// second and bursts of an account, in whole requests).
    pub fn new(organization: &O, clock: &Clock) -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let paced = |per_second, burst| {
            let budget = Budget {
                per_second: number(per_second),
                burst: number(burst),
                in_flight: NonZeroUsize::new(IN_FLIGHT).unwrap_or(NonZeroUsize::MIN),
            };
            let limiter = Limiter::new(budget, clock.clone());
            Limited::new(organization.clone(), Arc::new(limiter))
        };
        Self { single: paced(1, 1), accounts: paced(4, 6), parents: paced(2, 4), tags: paced(5, 7) }
    }
}

impl<O: OrganizationReader> OrganizationReader for Paced<O> {
    async fn describe(&self) -> Result<OrganizationRecord, CloudError> {
        self.single.describe().await
    }

    async fn accounts(&self, token: Option<PageToken>) -> Result<Page<Account>, CloudError> {
        self.accounts.accounts(token).await
    }

    async fn accounts_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        self.parents.accounts_of(parent, token).await
    }

    async fn units_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<UnitId>, CloudError> {
        self.parents.units_of(parent, token).await
    }

    async fn tags(
        &self,
        account: AccountId,
        token: Option<PageToken>,
    ) -> Result<Page<(String, String)>, CloudError> {
        self.tags.tags(account, token).await
    }

    async fn administrators(
        &self,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        self.parents.administrators(token).await
    }

    async fn trusted_services(&self, token: Option<PageToken>) -> Result<Page<String>, CloudError> {
        self.single.trusted_services(token).await
    }
}
