//! Reads and writes of one place: packs, statuses and rows.

use super::{InProcess, MIXED_UP};
use crate::cloud::{CloudError, Op, Page, PageToken, Receipt, RegionReader, RowFilter, Writer};
use crate::domain::base::model::{AccountId, PackName, Place, ResultsBucket};
use crate::domain::observed::content::Content;
use crate::domain::observed::packs::{PackRecord, RolloutStatus, StatusRecord, StatusRow};
use crate::sim::api::epoch::Epoch;
use crate::sim::api::packs::{
    DeletePack, DescribePacks, DetailFilters, GetDetail, InputParameter, MemberStatusShape,
    PackShape, PackStatus, PutPack,
};
use crate::sim::api::{Answer, Request, organizations};

impl RegionReader for InProcess {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn caller(&self) -> Result<AccountId, CloudError> {
        let op = Op::GetCallerIdentity;
        let request = Request::GetCallerIdentity(organizations::Nothing {});
        let Answer::GetCallerIdentity(identity) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        identity.account.parse().map_err(|_| self.broken(op, "the account is malformed"))
    }

    async fn packs(&self, token: Option<PageToken>) -> Result<Page<PackRecord>, CloudError> {
        let op = Op::DescribeOrganizationConformancePacks;
        let request = Request::DescribeOrganizationConformancePacks(describe(token));
        let Answer::DescribeOrganizationConformancePacks(packs) = self.call(op, request).await?
        else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, packs.organization_conformance_packs, packs.next_token, pack_record)
    }

    async fn statuses(&self, token: Option<PageToken>) -> Result<Page<StatusRecord>, CloudError> {
        let op = Op::DescribeOrganizationConformancePackStatuses;
        let request = Request::DescribeOrganizationConformancePackStatuses(describe(token));
        let Answer::DescribeOrganizationConformancePackStatuses(statuses) =
            self.call(op, request).await?
        else {
            return Err(self.broken(op, MIXED_UP));
        };
        let entries = statuses.organization_conformance_pack_statuses;
        self.page(op, entries, statuses.next_token, status_record)
    }

    async fn rows(
        &self,
        pack: &PackName,
        filter: &RowFilter,
        token: Option<PageToken>,
    ) -> Result<Page<StatusRow>, CloudError> {
        let op = Op::GetOrganizationConformancePackDetailedStatus;
        let RowFilter { account, status } = filter;
        let status = status.map(|(verb, phase)| RolloutStatus::Known(verb, phase).to_string());
        let request = Request::GetOrganizationConformancePackDetailedStatus(GetDetail {
            organization_conformance_pack_name: Some(pack.to_string()),
            filters: Some(DetailFilters {
                account_id: account.as_ref().map(ToString::to_string),
                status,
            }),
            limit: None,
            next_token: token.map(|PageToken(token)| token),
        });
        let Answer::GetOrganizationConformancePackDetailedStatus(detail) =
            self.call(op, request).await?
        else {
            return Err(self.broken(op, MIXED_UP));
        };
        let entries = detail.organization_conformance_pack_detailed_statuses;
        self.page(op, entries, detail.next_token, row)
    }
}

impl Writer for InProcess {
    async fn put(&self, pack: &PackName, content: &Content) -> Result<Receipt, CloudError> {
        let op = Op::PutOrganizationConformancePack;
        let Content { body, inputs, excluded, delivery } = content;
        let inputs = inputs.iter().map(|(name, value)| InputParameter {
            parameter_name: name.clone(),
            parameter_value: value.clone(),
        });
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let request = Request::PutOrganizationConformancePack(PutPack {
            organization_conformance_pack_name: Some(pack.to_string()),
            template_body: Some(body.to_string()),
            template_s3_uri: None,
            delivery_s3_bucket: text(&delivery.bucket),
            delivery_s3_key_prefix: text(&delivery.prefix),
            conformance_pack_input_parameters: unless_empty(inputs.collect()),
            excluded_accounts: unless_empty(excluded.iter().map(ToString::to_string).collect()),
            tags: None,
        });
        let Answer::PutOrganizationConformancePack(put) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        Ok(Receipt { arn: Some(put.organization_conformance_pack_arn), request: None })
    }

    async fn delete(&self, pack: &PackName) -> Result<Receipt, CloudError> {
        let op = Op::DeleteOrganizationConformancePack;
        let request = Request::DeleteOrganizationConformancePack(DeletePack {
            organization_conformance_pack_name: Some(pack.to_string()),
        });
        self.call(op, request).await.map(|_| Receipt::default())
    }
}

fn describe(token: Option<PageToken>) -> DescribePacks {
    DescribePacks { next_token: token.map(|PageToken(token)| token), ..DescribePacks::default() }
}

fn unless_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn pack_record(pack: PackShape) -> Option<PackRecord> {
    let PackShape {
        organization_conformance_pack_name,
        organization_conformance_pack_arn,
        delivery_s3_bucket,
        delivery_s3_key_prefix,
        conformance_pack_input_parameters,
        excluded_accounts,
        last_update_time: Epoch(last_update),
    } = pack;
    let inputs = conformance_pack_input_parameters.into_iter();
    let excluded = excluded_accounts.iter().map(|id| id.parse().ok());
    Some(PackRecord {
        name: organization_conformance_pack_name.parse().ok()?,
        arn: organization_conformance_pack_arn,
        last_update,
        inputs: inputs.map(|input| (input.parameter_name, input.parameter_value)).collect(),
        excluded: excluded.collect::<Option<_>>()?,
        delivery: ResultsBucket {
            bucket: delivery_s3_bucket.unwrap_or_default(),
            prefix: delivery_s3_key_prefix.unwrap_or_default(),
        },
    })
}

fn status_record(status: PackStatus) -> Option<StatusRecord> {
    Some(StatusRecord {
        name: status.organization_conformance_pack_name.parse().ok()?,
        status: status.status.parse().ok()?,
        error_code: status.error_code,
        error_message: status.error_message,
        last_update: status.last_update_time.map(|Epoch(at)| at),
    })
}

fn row(member: MemberStatusShape) -> Option<StatusRow> {
    Some(StatusRow {
        account: member.account_id.parse().ok()?,
        status: member.status.parse().ok()?,
        error_code: member.error_code,
        error_message: member.error_message,
        last_update: member.last_update_time.map(|Epoch(at)| at),
    })
}
