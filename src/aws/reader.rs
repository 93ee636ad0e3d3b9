//! Reads of one place.

use aws_sdk_config::Client;
use aws_sdk_config::types::{
    OrganizationResourceDetailedStatus, OrganizationResourceDetailedStatusFilters,
};

use super::attempt::{AttemptInterceptor, CallObserver};
use super::error::{self, PacksFailure, RowsFailure, StatusesFailure};
use super::{identity, parse};
use crate::cloud::{CloudError, Op, Page, PageToken, RegionReader, RowFilter};
use crate::domain::base::model::{AccountId, PackName, Place};
use crate::domain::observed::packs::{PackRecord, RolloutStatus, StatusRecord, StatusRow};

/// The reader of AWS Config in one region.
#[derive(Debug, Clone)]
pub struct AwsReader {
    place: Place,
    config: Client,
    sts: aws_sdk_sts::Client,
    observer: CallObserver,
}

impl AwsReader {
    pub(super) fn new(
        place: Place,
        config: Client,
        sts: aws_sdk_sts::Client,
        observer: CallObserver,
    ) -> Self {
        Self { place, config, sts, observer }
    }

    fn watch<E>(&self, op: Op) -> AttemptInterceptor<E> {
        self.observer.watch(op, &self.place.region)
    }
}

impl RegionReader for AwsReader {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn caller(&self) -> Result<AccountId, CloudError> {
        let Place { account: _, region } = &self.place;
        let answer = identity::ask(&self.sts, region, &self.place, &self.observer).await?;
        Ok(answer.account)
    }

    async fn packs(&self, token: Option<PageToken>) -> Result<Page<PackRecord>, CloudError> {
        let op = Op::DescribeOrganizationConformancePacks;
        let answer = self
            .config
            .describe_organization_conformance_packs()
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<PacksFailure>(op))
            .send()
            .await
            .map_err(|error| error::failure(op, &self.place, &error))?;
        let packs = answer.organization_conformance_packs();
        parse::page(packs, answer.next_token(), parse::pack)
            .map_err(|problem| error::broken(op, &self.place, problem))
    }

    async fn statuses(&self, token: Option<PageToken>) -> Result<Page<StatusRecord>, CloudError> {
        let op = Op::DescribeOrganizationConformancePackStatuses;
        let answer = self
            .config
            .describe_organization_conformance_pack_statuses()
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<StatusesFailure>(op))
            .send()
            .await
            .map_err(|error| error::failure(op, &self.place, &error))?;
        let statuses = answer.organization_conformance_pack_statuses();
        parse::page(statuses, answer.next_token(), parse::status)
            .map_err(|problem| error::broken(op, &self.place, problem))
    }

    async fn rows(
        &self,
        pack: &PackName,
        filter: &RowFilter,
        token: Option<PageToken>,
    ) -> Result<Page<StatusRow>, CloudError> {
        let op = Op::GetOrganizationConformancePackDetailedStatus;
        let answer = self
            .config
            .get_organization_conformance_pack_detailed_status()
            .organization_conformance_pack_name(pack.as_str())
            .set_filters(filters(filter))
            .set_next_token(token.map(|token| token.0))
            .customize()
            .interceptor(self.watch::<RowsFailure>(op))
            .send()
            .await
            .map_err(|error| error::failure(op, &self.place, &error))?;
        let rows = answer.organization_conformance_pack_detailed_statuses();
        parse::page(rows, answer.next_token(), parse::row)
            .map_err(|problem| error::broken(op, &self.place, problem))
    }
}

fn filters(filter: &RowFilter) -> Option<OrganizationResourceDetailedStatusFilters> {
    let RowFilter { account, status } = filter;
    if account.is_none() && status.is_none() {
        return None;
    }
    let status = status.map(|(verb, phase)| RolloutStatus::Known(verb, phase).to_string());
    let filters = OrganizationResourceDetailedStatusFilters::builder()
        .set_account_id(account.as_ref().map(ToString::to_string))
        .set_status(status.map(|text| OrganizationResourceDetailedStatus::from(text.as_str())));
    Some(filters.build())
}
