//! Reads of the organization.

use std::sync::Arc;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::operation::list_accounts::ListAccountsError;

use super::attempt::Watch;
use super::{error, parse};
use crate::cloud::{AttemptObserver, CloudError, Op, Organization, Page, PageToken};
use crate::domain::model::{AccountId, Region, UnitId};
use crate::domain::organization::{Account, OrganizationRecord};

/// AWS Organizations, to look at.
#[derive(Debug, Clone)]
pub struct AwsOrganization {
    region: Region,
    client: Client,
    observer: Arc<dyn AttemptObserver>,
}

impl AwsOrganization {
    pub(super) fn new(region: Region, client: Client, observer: Arc<dyn AttemptObserver>) -> Self {
        Self { region, client, observer }
    }
}

impl Organization for AwsOrganization {
    async fn accounts(&self, token: Option<PageToken>) -> Result<Page<Account>, CloudError> {
        let op = Op::ListAccounts;
        let answer = self
            .client
            .list_accounts()
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(Watch::<ListAccountsError>::new(op, &self.region, &self.observer))
            .send()
            .await
            .map_err(|error| error::failure(op, &self.region, &error))?;
        parse::page(answer.accounts(), answer.next_token(), parse::account)
            .map_err(|problem| error::broken(op, &self.region, problem))
    }

    async fn describe(&self) -> Result<OrganizationRecord, CloudError> {
        todo!()
    }

    async fn accounts_of(
        &self,
        _parent: &UnitId,
        _token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        todo!()
    }

    async fn units_of(
        &self,
        _parent: &UnitId,
        _token: Option<PageToken>,
    ) -> Result<Page<UnitId>, CloudError> {
        todo!()
    }

    async fn tags(
        &self,
        _account: AccountId,
        _token: Option<PageToken>,
    ) -> Result<Page<(String, String)>, CloudError> {
        todo!()
    }

    async fn administrators(
        &self,
        _token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        todo!()
    }

    async fn trusted_services(
        &self,
        _token: Option<PageToken>,
    ) -> Result<Page<String>, CloudError> {
        todo!()
    }
}
