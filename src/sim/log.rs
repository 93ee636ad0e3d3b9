//! The request log: operation, caller and outcome of each request. Tests count request budgets from
//! it.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::api::{Operation, RequestOrigin};
use crate::domain::base::model::{AccountId, Region, Timestamp};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// Counts all requests from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub operation: Operation,
    /// Whose credentials.
    pub account: AccountId,
    /// Which region.
    pub region: Region,
    /// Whether it was the client under test.
    pub origin: RequestOrigin,
    /// The pack, account or resource it was about.
    pub subject: Option<String>,
    /// `amz-sdk-invocation-id`.
    pub invocation: Option<String>,
    /// The SDK's attempt number.
    pub attempt: Option<u32>,
    /// Whether the operation can change anything.
    pub mutating: bool,
    /// Whether the world carried it out, whatever the client got as an answer.
    pub took_effect: bool,
    /// `ok`, the exception's name, or what the connection did.
    pub outcome: String,
}

/// How many requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    asked: u64,
    effective: u64,
}

/// The last requests in full, and counts of all.
#[derive(Debug, Clone)]
pub struct RequestLog {
    entries_max: usize,
    entries: VecDeque<LoggedRequest>,
    counts: BTreeMap<(Region, Operation), Count>,
}

impl RequestLog {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { entries_max, entries: VecDeque::new(), counts: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, entry: LoggedRequest) {
        // Requests of other writers are logged and not counted: budgets are those of the client
        // under test.
        if entry.origin == RequestOrigin::Client {
            let key = (entry.region.clone(), entry.operation);
            let count = self.counts.entry(key).or_default();
            count.asked += 1;
            count.effective += u64::from(entry.took_effect);
        }
        if self.entries.len() >= self.entries_max {
            self.entries.pop_front();
        }
        if self.entries_max > 0 {
            self.entries.push_back(entry);
        }
    }

    /// The last requests, oldest first, other writers' included.
    pub fn entries(&self) -> impl Iterator<Item = &LoggedRequest> {
        self.entries.iter()
    }

    /// How often clients asked for this operation.
    pub fn count(&self, operation: Operation) -> u64 {
        self.sum(|_, one| one == operation, |count| count.asked)
    }

    /// How often clients asked for this operation in this region.
    pub fn count_in(&self, region: &Region, operation: Operation) -> u64 {
        self.sum(|place, one| place == region && one == operation, |count| count.asked)
    }

    /// How many requests clients sent.
    pub fn calls(&self) -> u64 {
        self.sum(|_, _| true, |count| count.asked)
    }

    /// How many requests clients sent to this region.
    pub fn calls_in(&self, region: &Region) -> u64 {
        self.sum(|place, _| place == region, |count| count.asked)
    }

    /// How many Puts of clients were accepted.
    pub fn puts(&self) -> u64 {
        let put = Operation::PutOrganizationConformancePack;
        self.sum(|_, one| one == put, |count| count.effective)
    }

    /// How many Deletes of clients were accepted.
    pub fn deletes(&self) -> u64 {
        let delete = Operation::DeleteOrganizationConformancePack;
        self.sum(|_, one| one == delete, |count| count.effective)
    }

    /// How many mutating requests clients sent, refused ones included.
    pub fn mutations(&self) -> u64 {
        self.sum(|_, one| one.is_mutating(), |count| count.asked)
    }

    /// How many mutating requests clients sent to this region, refused ones included.
    pub fn mutations_in(&self, region: &Region) -> u64 {
        self.sum(|place, one| place == region && one.is_mutating(), |count| count.asked)
    }

    fn sum(
        &self,
        fits: impl Fn(&Region, Operation) -> bool,
        number: impl Fn(&Count) -> u64,
    ) -> u64 {
        let fitting = self.counts.iter().filter(|((region, one), _)| fits(region, *one));
        fitting.map(|(_, count)| number(count)).sum()
    }
}
