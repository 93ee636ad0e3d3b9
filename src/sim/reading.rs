//! The three reads of packs: the list, the statuses, the rows.

use std::collections::BTreeSet;

use super::api::epoch::Epoch;
use super::api::packs::{
    DescribePacks, DetailFilters, GetDetail, MemberStatusShape, PackShape, PackStatus,
    PackStatuses, PacksShape, StatusesShape,
};
use super::api::{ApiError, Caller};
use super::causes::FailureText;
use super::member_state::SimRow;
use super::packs::{Act, DelayedView, Incarnation, ViewDelay};
use super::paging::BadToken;
use super::rollout::SimRollout;
use super::world::World;
use super::{refusals, validation};
use crate::domain::base::model::{AccountId, PackName, Place, Timestamp};
use crate::domain::observed::packs::{PackPhase, RolloutStatus, Verb};

impl World {
    pub(super) fn list_packs(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &DescribePacks,
    ) -> Result<PacksShape, ApiError> {
        let place = caller.place();
        let view = DelayedView { delay: ViewDelay::Packs, at };
        let all = self.packs.all_visible(&place, view);
        let listed: Vec<_> =
            all.filter(|(name, pack)| self.is_listed(&place, name, pack, view)).collect();
        let describe = |index: usize| {
            let (name, pack) = listed.get(index)?;
            self.describe(&place, name, pack, view)
        };
        let names: Vec<&PackName> = listed.iter().map(|(name, _)| *name).collect();
        let (items, next_token) = self.describe_named(caller, asked, LIST, &names, describe)?;
        Ok(PacksShape { organization_conformance_packs: items, next_token })
    }

    pub(super) fn list_statuses(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &DescribePacks,
    ) -> Result<PackStatuses, ApiError> {
        let place = caller.place();
        let view = DelayedView { delay: ViewDelay::Statuses, at };
        let all = self.packs.all_visible(&place, view);
        let shown: Vec<(&PackName, PackStatus)> = all
            .filter_map(|(name, pack)| {
                let aggregate = self.rollout(&place, name, pack, view).shown_aggregate()?;
                let (error_code, error_message) = split(aggregate.cause);
                let status = PackStatus {
                    organization_conformance_pack_name: name.to_string(),
                    status: RolloutStatus::Known(aggregate.verb, aggregate.phase).to_string(),
                    error_code,
                    error_message,
                    last_update_time: Some(Epoch::of(aggregate.since)),
                };
                Some((name, status))
            })
            .collect();
        let describe = |index: usize| shown.get(index).map(|(_, status)| status.clone());
        let names: Vec<&PackName> = shown.iter().map(|(name, _)| *name).collect();
        let (items, next_token) = self.describe_named(caller, asked, STATUSES, &names, describe)?;
        Ok(PackStatuses { organization_conformance_pack_statuses: items, next_token })
    }

    pub(super) fn list_rows(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &GetDetail,
    ) -> Result<StatusesShape, ApiError> {
        let name = validation::pack_name(asked.organization_conformance_pack_name.as_deref())?;
        let limit = validation::page_limit(asked.limit)?;
        let filter = RequestedRows::parse(asked.filters.as_ref())?;
        self.tree.may_read(caller, self.moment(), self.knobs.delegation_delay)?;
        let place = caller.place();
        let view = DelayedView { delay: ViewDelay::Rows, at };
        let pack = self.packs.visible(&place, &name, view).ok_or_else(refusals::no_such_pack)?;
        let rollout = self.rollout(&place, &name, pack, view);
        if rollout.shown_aggregate().is_none() {
            return Err(refusals::no_such_pack());
        }
        let numbers = filter.candidates(&rollout);
        let row_at = |index: usize| {
            let number = *numbers.get(index)?;
            let row = rollout.member(number).row.filter(|row| filter.lets_through(row))?;
            let account = self.members.get(number)?;
            Some(member_status(&account.id, &name, pack, row))
        };
        let scope = format!("{name} {filter:?}");
        let listing = self.listing("Detail", caller, &scope);
        let token = asked.next_token.as_deref();
        let page = listing
            .cut(token, numbers.len(), limit, row_at)
            .map_err(|BadToken| refusals::token())?;
        Ok(StatusesShape {
            organization_conformance_pack_detailed_statuses: page.items,
            next_token: page.next,
        })
    }

    /// The part that both describe calls share: names or pages.
    fn describe_named<T>(
        &self,
        caller: &Caller,
        asked: &DescribePacks,
        operation: &str,
        present: &[&PackName],
        describe: impl Fn(usize) -> Option<T>,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        let names = asked.organization_conformance_pack_names.as_deref().unwrap_or_default();
        let expected = validation::pack_names(names)?;
        self.tree.may_read(caller, self.moment(), self.knobs.delegation_delay)?;
        if !expected.is_empty() {
            let expected: BTreeSet<PackName> = expected.into_iter().collect();
            let found = expected.iter().map(|name| {
                let index = present.iter().position(|one| *one == name);
                index.and_then(&describe).ok_or_else(refusals::no_such_pack)
            });
            return Ok((found.collect::<Result<_, _>>()?, None));
        }
        let limit = validation::page_limit(asked.limit)?;
        let listing = self.listing(operation, caller, "");
        let page = listing
            .cut(asked.next_token.as_deref(), present.len(), limit, describe)
            .map_err(|BadToken| refusals::token())?;
        Ok((page.items, page.next))
    }

    fn describe(
        &self,
        place: &Place,
        name: &PackName,
        pack: &Incarnation,
        view: DelayedView,
    ) -> Option<PackShape> {
        let run = pack.last_run(view)?;
        let moved = if self.knobs.joining.moves_last_update {
            self.rollout(place, name, pack, view).membership_change()
        } else {
            None
        };
        Some(PackShape {
            organization_conformance_pack_name: name.to_string(),
            organization_conformance_pack_arn: pack.arn.clone(),
            delivery_s3_bucket: run.content.bucket.clone(),
            delivery_s3_key_prefix: run.content.prefix.clone(),
            conformance_pack_input_parameters: run.content.inputs.clone(),
            excluded_accounts: run.content.excluded.iter().map(ToString::to_string).collect(),
            last_update_time: Epoch::of(moved.map_or(run.at, |moved| moved.max(run.at))),
        })
    }
}

/// Scopes of tokens.
const LIST: &str = "List";
const STATUSES: &str = "Statuses";

/// Which rows are asked for.
#[derive(Debug)]
struct RequestedRows {
    account: Option<AccountId>,
    status: Option<(Verb, PackPhase)>,
}

impl RequestedRows {
    fn parse(filters: Option<&DetailFilters>) -> Result<Self, ApiError> {
        let account = filters.and_then(|filters| filters.account_id.as_deref());
        let account = account.map(|id| validation::account(id, "filters.accountId")).transpose()?;
        let status = filters.and_then(|filters| filters.status.as_deref());
        let status = match status.map(validation::status).transpose()? {
            Some(RolloutStatus::Known(verb, phase)) => Some((verb, phase)),
            Some(RolloutStatus::Unknown(_)) | None => None,
        };
        Ok(Self { account, status })
    }

    fn lets_through(&self, row: &SimRow) -> bool {
        self.status.is_none_or(|status| status == (row.verb, row.phase))
    }

    /// The members that can have such a row. Once every ordinary member has succeeded, only the odd
    /// ones can have failures.
    fn candidates(&self, rollout: &SimRollout<'_>) -> Vec<usize> {
        if let Some(account) = &self.account {
            return rollout.members.number(account).into_iter().collect();
        }
        let removed =
            rollout.incarnation.last_run(rollout.view).is_some_and(|run| run.act == Act::Delete);
        let ordinary = self.status.is_none_or(|(verb, phase)| {
            phase == PackPhase::Successful && (verb == Verb::Delete) == removed
        });
        rollout.members_to_check(ordinary)
    }
}

fn member_status(
    account: &AccountId,
    name: &PackName,
    pack: &Incarnation,
    row: SimRow,
) -> MemberStatusShape {
    let (error_code, error_message) = split(row.cause);
    MemberStatusShape {
        account_id: account.to_string(),
        conformance_pack_name: format!("OrgConformsPack-{name}-{}", pack.suffix),
        status: RolloutStatus::Known(row.verb, row.phase).to_string(),
        error_code,
        error_message,
        last_update_time: Some(Epoch::of(row.since)),
    }
}

fn split(cause: Option<FailureText>) -> (Option<String>, Option<String>) {
    cause.map(|FailureText { code, message }| (code, message)).unzip()
}
