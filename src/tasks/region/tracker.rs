//! What a region knows of the members of its packs, and the reading that is under way.

use super::settings::Policy;
use crate::cloud::RowFilter;
use crate::domain::base::model::Timestamp;
use crate::domain::members::tracker::{Draft, FILTERS, MemberTracker, Rank, ReadRequest, Reading};
use crate::domain::observed::packs::{Phase, Verb};
use crate::listing::Listing;

/// The memory of a region's members, and the readings that are on their way.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    pub(super) tracked: MemberTracker,
    /// The last one is read; it overtook those before it.
    pub(super) reels: Vec<ReadInProgress>,
}

impl Tracker {
    /// Puts on top what is to be read now; else when something will be due.
    pub(super) fn arrange(
        &mut self,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Option<Timestamp>> {
        let Self { tracked, reels } = self;
        reels.retain(|reel| !tracked.is_outdated(reel.reading.pack(), reel.began));
        let requests = tracked.requests(&policy.resyncs, &policy.pace);
        let top = reels.last().map(|reel| (reel.rank, reel.resume));
        // What is on its way is overtaken by what is more urgent, and by nothing else.
        let overtakes = |request: &&ReadRequest| {
            top.is_none_or(|(rank, _)| request.rank < rank)
                && reels.iter().all(|reel| reel.reading != request.reading)
        };
        let overtaking = requests.iter().filter(overtakes);
        if let Some(due) = overtaking.clone().filter(|request| request.due <= now).min() {
            reels.push(ReadInProgress::new(due.reading.clone(), due.rank, now));
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
    pub(super) reading: Reading,
    pub(super) rank: Rank,
    pub(super) began: Timestamp,
    /// Not before, after a page that could not be had.
    pub(super) resume: Timestamp,
    /// How often in a row that happened.
    pub(super) attempts: u32,
    /// Listings that are left; the first is being read.
    pub(super) filters: Vec<Option<(Verb, Phase)>>,
    pub(super) listing: Listing,
    /// Rows of this listing.
    pub(super) part: Draft,
    /// Rows of listings that were read to their end.
    pub(super) draft: Draft,
}

impl ReadInProgress {
    pub(super) fn new(reading: Reading, rank: Rank, began: Timestamp) -> Self {
        let filters = match reading {
            Reading::Trouble(_) => FILTERS.map(Some).to_vec(),
            Reading::Account(..) | Reading::Resync(_) => vec![None],
        };
        let (listing, part, draft) = (Listing::default(), Draft::default(), Draft::default());
        let (resume, attempts) = (began, 0);
        Self { reading, rank, began, resume, attempts, filters, listing, part, draft }
    }

    pub(super) fn filter(&self) -> RowFilter {
        let account = match &self.reading {
            Reading::Account(_, account) => Some(*account),
            Reading::Trouble(_) | Reading::Resync(_) => None,
        };
        RowFilter { account, status: self.filters.first().copied().flatten() }
    }
}
