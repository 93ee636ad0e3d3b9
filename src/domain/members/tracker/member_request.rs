//! Requests for the rows of a pack's members, and their results.

use super::account_index::AccountIndex;
use super::rows::RowsInProgress;
use crate::domain::base::model::{AccountId, PackName};
use crate::domain::observed::packs::{PackPhase, Verb};

/// One request to AWS about the members of one pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberRequest {
    /// A failure resync: the [`FILTERS`], one listing each.
    Trouble(PackName),
    /// One account.
    Account(PackName, AccountId),
    /// A full resync.
    Resync(PackName),
}

/// The statuses that together show every member with a row that does not simply have the pack. They
/// do not show accounts without a row.
pub const FILTERS: [(Verb, PackPhase); 6] = [
    (Verb::Create, PackPhase::Failed),
    (Verb::Update, PackPhase::Failed),
    (Verb::Delete, PackPhase::Failed),
    (Verb::Create, PackPhase::InProgress),
    (Verb::Update, PackPhase::InProgress),
    (Verb::Delete, PackPhase::InProgress),
];

/// Rows a page (AWS Config API: `Limit`).
pub const PAGE: usize = 100;

impl MemberRequest {
    /// The pack it is about.
    pub fn pack(&self) -> &PackName {
        match self {
            Self::Trouble(pack) | Self::Account(pack, _) | Self::Resync(pack) => pack,
        }
    }
}

/// The complete result of a reading.
#[derive(Debug)]
pub(super) enum ReadResult {
    /// The rows of a failure resync.
    Trouble(RowsInProgress),
    /// One account's row, if there is one.
    Account(AccountIndex, RowsInProgress),
    /// The rows of a full resync.
    Resync(RowsInProgress),
}
