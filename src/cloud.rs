//! The port to AWS: the packs of one region, the organization, and member accounts, page by page.
//!
//! Implemented by `aws` (the real SDK) and by `sim` (the simulator in process). Reading and writing
//! are separate types, so that observe mode holds nothing that could write. One method call is one
//! request; paging, ordering and meaning are the caller's. Every call ends within its timeout.

use std::error::Error;
use std::fmt;
use std::future::Future;

use thiserror::Error;

use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, PackName, Place, Region, UnitId};
pub use crate::domain::base::operation::Op;
use crate::domain::observed::content::Content;
use crate::domain::observed::packs::{PackPhase, PackRecord, StatusRecord, StatusRow, Verb};
pub use crate::domain::observed::recorder::RecorderRecord;
use crate::domain::organization::account_list::{Account, OrganizationRecord};

/// A call that gave no answer. The cause stays in `source`; decisions match on `kind`, never text.
#[derive(Debug, Error)]
#[error("{op} failed in {place} ({kind})")]
pub struct CloudError {
    /// What was asked.
    pub op: Op,
    /// Where: account/region, or region alone while the account is not known.
    pub place: String,
    /// What has to happen next.
    pub kind: FailureKind,
    /// What AWS or the connection said.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// An opaque token for the next page, valid for the listing it came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageToken(pub String);

/// One page of a listing. It may be empty and still have a successor.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The entries, in whatever order AWS chose.
    pub items: Vec<T>,
    /// The token of the next page; `None` on the last.
    pub next: Option<PageToken>,
}

/// Which rows of a pack to read: AWS takes at most one account and one status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only this status.
    pub status: Option<(Verb, PackPhase)>,
}

/// Reads of one place. At most 100 entries a page (AWS Config API: `Limit`).
pub trait RegionReader: Send + Sync + 'static {
    /// The place that this reader reads.
    fn place(&self) -> &Place;

    /// The account whose credentials are in use right now.
    fn caller(&self) -> impl Future<Output = Result<AccountId, CloudError>> + Send;

    /// A page of the packs this caller can see.
    fn packs(
        &self,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<PackRecord>, CloudError>> + Send;

    /// A page of their statuses.
    fn statuses(
        &self,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<StatusRecord>, CloudError>> + Send;

    /// A page of one pack's rows.
    fn rows(
        &self,
        pack: &PackName,
        filter: &RowFilter,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<StatusRow>, CloudError>> + Send;
}

/// Writes of one place: one attempt each. After an unclear failure the region is observed again
/// before anything is repeated.
pub trait Writer: Send + Sync + 'static {
    /// Puts the whole pack. Accepted is not deployed.
    fn put(
        &self,
        pack: &PackName,
        content: &Content,
    ) -> impl Future<Output = Result<Receipt, CloudError>> + Send;

    /// Starts the removal of the pack.
    fn delete(&self, pack: &PackName) -> impl Future<Output = Result<Receipt, CloudError>> + Send;
}

/// What AWS answers to a write that it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The pack's ARN; absent for a delete.
    pub arn: Option<String>,
    /// AWS's id of the request, by which CloudTrail knows it; absent where there is none.
    pub request: Option<String>,
}

/// Reads of the organization; at most 20 entries a page (AWS Organizations API: `MaxResults`).
/// A page may be empty and have a successor.
pub trait OrganizationReader: Send + Sync + 'static {
    /// The organization itself.
    fn describe(&self) -> impl Future<Output = Result<OrganizationRecord, CloudError>> + Send;

    /// A page of all accounts; their units as far as AWS says (`Paths`), their tags unread.
    fn accounts(
        &self,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<Account>, CloudError>> + Send;

    /// A page of the accounts directly under a unit or root, by id.
    /// [`FailureKind::NoSuchUnit`]: there is no such unit.
    fn accounts_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<AccountId>, CloudError>> + Send;

    /// A page of the units directly under a unit or root.
    fn units_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<UnitId>, CloudError>> + Send;

    /// A page of an account's tags. [`FailureKind::NoSuchAccount`]: it is no member (any more).
    fn tags(
        &self,
        account: AccountId,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<(String, String)>, CloudError>> + Send;

    /// A page of the delegated administrators for organization packs
    /// (`config-multiaccountsetup.amazonaws.com`).
    fn administrators(
        &self,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<AccountId>, CloudError>> + Send;

    /// A page of the services that have trusted access, as principals.
    fn trusted_services(
        &self,
        token: Option<PageToken>,
    ) -> impl Future<Output = Result<Page<String>, CloudError>> + Send;
}

/// Access to member accounts, only to read their recorders.
pub trait MemberAccess: Send + Sync + 'static {
    /// The reader of one member.
    type Visit: MemberVisit;

    /// Assumes the probe's role in this account, for 15 minutes and two read actions.
    /// [`FailureKind::Denied`]: no role, no trust, another external id, or a closed account; AWS
    /// does not tell them apart.
    fn enter(
        &self,
        account: AccountId,
    ) -> impl Future<Output = Result<Self::Visit, CloudError>> + Send;
}

/// A session in one member account, good for every region until it expires.
pub trait MemberVisit: Send + Sync + 'static {
    /// Its customer-managed recorders in this region, by name; AWS allows one.
    fn recorders(
        &self,
        region: &Region,
    ) -> impl Future<Output = Result<Vec<String>, CloudError>> + Send;

    /// Their states.
    fn recorder_states(
        &self,
        region: &Region,
    ) -> impl Future<Output = Result<Vec<RecorderRecord>, CloudError>> + Send;
}

/// One attempt of one request, for metrics.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The operation.
    pub op: Op,
    /// The region it went to.
    pub region: &'a str,
    /// `ok`, or the kind of failure.
    pub result: Result<(), FailureKind>,
    /// How long it took.
    pub elapsed: std::time::Duration,
}

/// Who wants to hear of attempts.
pub trait AttemptObserver: Send + Sync + fmt::Debug + 'static {
    /// Called once for each attempt, retries included.
    fn attempted(&self, attempt: &Attempt<'_>);

    /// Called when a request is sent, before the `attempted` that ends it. The default does
    /// nothing.
    fn attempting(&self, _op: Op, _region: &str) {}

    /// Called when a request waited for conformd's own rate limiter. The default does nothing.
    fn waited(&self, _region: &str, _wait: std::time::Duration) {}
}
