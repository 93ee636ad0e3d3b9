//! What a region knows of the members of its packs, and the reading that is under way.

use super::settings::RegionSettings;
use crate::cloud::RowFilter;
use crate::domain::base::model::Timestamp;
use crate::domain::members::tracker::{
    FILTERS, MemberRequest, MemberTracker, Rank, ReadRequest, RowsInProgress,
};
use crate::domain::observed::packs::{PackPhase, Verb};
use crate::listing::Listing;

/// The memory of a region's members, and the readings that are on their way.
#[derive(Debug, Default)]
pub(super) struct MemberReads {
    pub(super) tracker: MemberTracker,
    /// The last one is read; it overtook those before it.
    pub(super) reads: Vec<ReadInProgress>,
}

impl MemberReads {
    /// Puts the reading that is due first on top; else returns when one will be due.
    pub(super) fn arrange(
        &mut self,
        policy: &RegionSettings,
        now: Timestamp,
    ) -> Result<(), Option<Timestamp>> {
        let Self { tracker, reads } = self;
        reads.retain(|reel| !tracker.is_outdated(reel.reading.pack(), reel.began));
        let requests = tracker.requests(&policy.resyncs, &policy.pace);
        let top = reads.last().map(|reel| (reel.rank, reel.resume));
        // What is on its way is overtaken by what is more urgent, and by nothing else.
        let overtakes = |request: &&ReadRequest| {
            top.is_none_or(|(rank, _)| request.rank < rank)
                && reads.iter().all(|reel| reel.reading != request.reading)
        };
        let overtaking = requests.iter().filter(overtakes);
        if let Some(due) = overtaking.clone().filter(|request| request.due <= now).min() {
            reads.push(ReadInProgress::new(due.reading.clone(), due.rank, now));
            return Ok(());
        }
        let resume = top.map(|(_, resume)| resume);
        if resume.is_some_and(|resume| resume <= now) {
            return Ok(());
        }
        Err(overtaking.map(|request| request.due).chain(resume).min())
    }
}

/// A reading on its way.
#[derive(Debug)]
pub(super) struct ReadInProgress {
    pub(super) reading: MemberRequest,
    pub(super) rank: Rank,
    pub(super) began: Timestamp,
    /// Not before, after a page that could not be had.
    pub(super) resume: Timestamp,
    /// How often in a row that happened.
    pub(super) attempts: u32,
    /// Listings that are left; the first is being read.
    pub(super) filters: Vec<Option<(Verb, PackPhase)>>,
    pub(super) listing: Listing,
    /// Rows of this listing.
    pub(super) part: RowsInProgress,
    /// Rows of listings that were read to their end.
    pub(super) draft: RowsInProgress,
}

impl ReadInProgress {
    pub(super) fn new(reading: MemberRequest, rank: Rank, began: Timestamp) -> Self {
        let filters = match reading {
            MemberRequest::Trouble(_) => FILTERS.map(Some).to_vec(),
            MemberRequest::Account(..) | MemberRequest::Resync(_) => vec![None],
        };
        let (listing, part, draft) =
            (Listing::default(), RowsInProgress::default(), RowsInProgress::default());
        let (resume, attempts) = (began, 0);
        Self { reading, rank, began, resume, attempts, filters, listing, part, draft }
    }

    pub(super) fn filter(&self) -> RowFilter {
        let account = match &self.reading {
            MemberRequest::Account(_, account) => Some(*account),
            MemberRequest::Trouble(_) | MemberRequest::Resync(_) => None,
        };
        RowFilter { account, status: self.filters.first().copied().flatten() }
    }
}
