//! Reads of the organization.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::error::SdkError;
use aws_sdk_organizations::operation::describe_organization::DescribeOrganizationError;
use aws_sdk_organizations::operation::list_accounts::ListAccountsError;
use aws_sdk_organizations::operation::list_tags_for_resource::ListTagsForResourceError;

use super::attempt::{AttemptInterceptor, CallObserver};
use super::error::{
    self, AccountsOfFailure, AdministratorsFailure, MalformedAnswer, ServiceFailure,
    TrustedServicesFailure, UnitsOfFailure,
};
use super::parse;
use crate::cloud::{CloudError, Op, OrganizationReader, Page, PageToken};
use crate::domain::base::model::{AccountId, PRINCIPAL, Region, UnitId};
use crate::domain::organization::account_list::{Account, OrganizationRecord};

/// The reader of AWS Organizations.
#[derive(Debug, Clone)]
pub struct AwsOrganization {
    region: Region,
    client: Client,
    observer: CallObserver,
}

impl AwsOrganization {
    pub(super) fn new(region: Region, client: Client, observer: CallObserver) -> Self {
        Self { region, client, observer }
    }

    fn watch<E>(&self, op: Op) -> AttemptInterceptor<E> {
        self.observer.watch(op, &self.region)
    }

    fn failure<E: ServiceFailure>(&self, op: Op) -> impl FnOnce(SdkError<E>) -> CloudError {
        move |error| error::failure(op, &self.region, &error)
    }

    fn broken(&self, op: Op) -> impl FnOnce(MalformedAnswer) -> CloudError {
        move |problem| error::broken(op, &self.region, problem)
    }
}

impl OrganizationReader for AwsOrganization {
    async fn describe(&self) -> Result<OrganizationRecord, CloudError> {
        let op = Op::DescribeOrganization;
        let answer = self
            .client
            .describe_organization()
            .customize()
            .interceptor(self.watch::<DescribeOrganizationError>(op))
            .send()
            .await
            .map_err(self.failure(op))?;
        parse::organization(answer.organization()).map_err(self.broken(op))
    }

    async fn accounts(&self, token: Option<PageToken>) -> Result<Page<Account>, CloudError> {
        let op = Op::ListAccounts;
        let answer = self
            .client
            .list_accounts()
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<ListAccountsError>(op))
            .send()
            .await
            .map_err(self.failure(op))?;
        parse::page(answer.accounts(), answer.next_token(), parse::account).map_err(self.broken(op))
    }

    async fn accounts_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        let op = Op::ListAccountsForParent;
        let answer = self
            .client
            .list_accounts_for_parent()
            .parent_id(parent.as_str())
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<AccountsOfFailure>(op))
            .send()
            .await
            .map_err(self.failure(op))?;
        let id = |account: &aws_sdk_organizations::types::Account| parse::id_of(account.id());
        parse::page(answer.accounts(), answer.next_token(), id).map_err(self.broken(op))
    }

    async fn units_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<UnitId>, CloudError> {
        let op = Op::ListOrganizationalUnitsForParent;
        let answer = self
            .client
            .list_organizational_units_for_parent()
            .parent_id(parent.as_str())
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<UnitsOfFailure>(op))
            .send()
            .await
            .map_err(self.failure(op))?;
        parse::page(answer.organizational_units(), answer.next_token(), parse::unit)
            .map_err(self.broken(op))
    }

    async fn tags(
        &self,
        account: AccountId,
        token: Option<PageToken>,
    ) -> Result<Page<(String, String)>, CloudError> {
        let op = Op::ListTagsForResource;
        let answer = self
            .client
            .list_tags_for_resource()
            .resource_id(account.as_str())
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<ListTagsForResourceError>(op))
            .send()
            .await
            .map_err(self.failure(op))?;
        parse::page(answer.tags(), answer.next_token(), parse::tag).map_err(self.broken(op))
    }

    async fn administrators(
        &self,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        let op = Op::ListDelegatedAdministrators;
        let answer = self
            .client
            .list_delegated_administrators()
            .service_principal(PRINCIPAL)
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<AdministratorsFailure>(op))
            .send()
            .await
            .map_err(self.failure(op))?;
        let id =
            |one: &aws_sdk_organizations::types::DelegatedAdministrator| parse::id_of(one.id());
        parse::page(answer.delegated_administrators(), answer.next_token(), id)
            .map_err(self.broken(op))
    }

    async fn trusted_services(&self, token: Option<PageToken>) -> Result<Page<String>, CloudError> {
        let op = Op::ListAWSServiceAccessForOrganization;
        let answer = self
            .client
            .list_aws_service_access_for_organization()
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<TrustedServicesFailure>(op))
            .send()
            .await
            .map_err(self.failure(op))?;
        parse::page(answer.enabled_service_principals(), answer.next_token(), parse::service)
            .map_err(self.broken(op))
    }
}
