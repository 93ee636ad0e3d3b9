//! What to read next of a pack's members, and what came of it.

use super::roster::AccountIndex;
use super::rows::RowsInProgress;
use crate::domain::base::model::{AccountId, PackName};
use crate::domain::observed::packs::{PackPhase, Verb};

/// One request to AWS about the members of one pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberRequest {
    /// Who is in trouble: the [`FILTERS`], one listing each.
    Trouble(PackName),
    /// One account alone.
    Account(PackName, AccountId),
    /// Everybody.
    Resync(PackName),
}

/// The statuses that together show everybody who does not simply have the pack, as far as there is
/// a row at all (aws.md §4.3).
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

/// What a reading found, whole.
#[derive(Debug)]
pub(super) enum ReadResult {
    /// Those in trouble.
    Trouble(RowsInProgress),
    /// One account's row, if there is one.
    Account(AccountIndex, RowsInProgress),
    /// Everybody's.
    Resync(RowsInProgress),
}
