//! Reads of the organization.

use std::sync::Arc;

use super::{InProcess, MIXED_UP};
use crate::cloud::{CloudError, Op, OrganizationReader, Page, PageToken};
use crate::domain::base::model::{AccountId, UnitId};
use crate::domain::organization::account_list::{Account, OrganizationRecord};
use crate::sim::api::epoch::Epoch;
use crate::sim::api::organizations::{self, Nothing, OfParent, OfPrincipal, OfResource, Paged};
use crate::sim::api::{Answer, Request};
use crate::sim::organization::PRINCIPAL;

impl OrganizationReader for InProcess {
    async fn describe(&self) -> Result<OrganizationRecord, CloudError> {
        let op = Op::DescribeOrganization;
        let request = Request::DescribeOrganization(Nothing {});
        let Answer::DescribeOrganization(answer) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        let organization = answer.organization;
        let management = organization.master_account_id.parse();
        Ok(OrganizationRecord {
            id: organization.id,
            management: management
                .map_err(|_| self.broken(op, "the management account is malformed"))?,
            all_features: organization.feature_set == "ALL",
        })
    }

    async fn accounts(&self, token: Option<PageToken>) -> Result<Page<Account>, CloudError> {
        let op = Op::ListAccounts;
        let request = Request::ListAccounts(paged(token));
        let Answer::ListAccounts(list) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, list.accounts, list.next_token, account)
    }

    async fn accounts_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        let op = Op::ListAccountsForParent;
        let request = Request::ListAccountsForParent(of_parent(parent, token));
        let Answer::ListAccountsForParent(list) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, list.accounts, list.next_token, |account| account.id.parse().ok())
    }

    async fn units_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<UnitId>, CloudError> {
        let op = Op::ListOrganizationalUnitsForParent;
        let request = Request::ListOrganizationalUnitsForParent(of_parent(parent, token));
        let Answer::ListOrganizationalUnitsForParent(list) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, list.organizational_units, list.next_token, |unit| unit.id.parse().ok())
    }

    async fn tags(
        &self,
        account: AccountId,
        token: Option<PageToken>,
    ) -> Result<Page<(String, String)>, CloudError> {
        let op = Op::ListTagsForResource;
        let request = Request::ListTagsForOrganizationResource(OfResource {
            resource_id: Some(account.to_string()),
            next_token: token.map(|PageToken(token)| token),
        });
        let Answer::ListTagsForOrganizationResource(list) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, list.tags, list.next_token, |tag| Some((tag.key, tag.value)))
    }

    async fn administrators(
        &self,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        let op = Op::ListDelegatedAdministrators;
        let request = Request::ListDelegatedAdministrators(OfPrincipal {
            service_principal: Some(PRINCIPAL.to_owned()),
            max_results: None,
            next_token: token.map(|PageToken(token)| token),
        });
        let Answer::ListDelegatedAdministrators(list) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, list.delegated_administrators, list.next_token, |one| one.id.parse().ok())
    }

    async fn trusted_services(&self, token: Option<PageToken>) -> Result<Page<String>, CloudError> {
        let op = Op::ListAWSServiceAccessForOrganization;
        let request = Request::ListAWSServiceAccessForOrganization(paged(token));
        let Answer::ListAWSServiceAccessForOrganization(list) = self.call(op, request).await?
        else {
            return Err(self.broken(op, MIXED_UP));
        };
        let services = list.enabled_service_principals;
        self.page(op, services, list.next_token, |service| Some(service.service_principal))
    }
}

fn paged(token: Option<PageToken>) -> Paged {
    Paged { max_results: None, next_token: token.map(|PageToken(token)| token) }
}

fn of_parent(parent: &UnitId, token: Option<PageToken>) -> OfParent {
    OfParent {
        parent_id: Some(parent.to_string()),
        max_results: None,
        next_token: token.map(|PageToken(token)| token),
    }
}

fn account(account: organizations::AccountShape) -> Option<Account> {
    Some(Account {
        id: account.id.parse().ok()?,
        name: account.name,
        state: account.state.or(account.status).and_then(|state| state.parse().ok()),
        joined: account.joined_timestamp.map(|Epoch(at)| at),
        units: units(&account.paths),
        tags: None,
    })
}

/// The units between the organization's id and the account's.
fn units(paths: &[String]) -> Option<Arc<[UnitId]>> {
    let (_, within) = paths.first()?.split_once('/')?;
    let nodes: Vec<&str> = within.trim_end_matches('/').split('/').collect();
    let (_account, units) = nodes.split_last()?;
    units.iter().map(|unit| unit.parse().ok()).collect()
}
