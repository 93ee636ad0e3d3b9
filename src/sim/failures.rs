//! The failure plan: which members refuse which packs, with AWS's code and words.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::causes::{self, FailureText};
use super::packs::Act;
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::observed::failure_class::FailureClass;

/// Members that fail. What is left out means any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Failure {
    /// In this account.
    pub account: Option<AccountId>,
    /// In this region.
    pub region: Option<Region>,
    /// For this pack.
    pub pack: Option<PackName>,
    /// For templates that use this managed rule: `SourceIdentifier`.
    pub rule: Option<String>,
    /// On deployment or on removal.
    pub on: FailsOn,
    /// Why, by class: stands for a likely code and message, where those are left out.
    pub class: Option<FailureClass>,
    /// `ErrorCode` of the row.
    pub code: String,
    /// `ErrorMessage` of the row.
    pub message: String,
    /// How many attempts fail, counted for each account, region and pack.
    pub times: Option<u32>,
}

impl Failure {
    /// What the row of this account says.
    pub(super) fn cause(&self, account: &AccountId, region: &Region) -> FailureText {
        let typical = self.class.map(|class| causes::typical(class, account, region));
        let (code, message) = typical.map_or_else(Default::default, |cause| {
            let FailureText { code, message } = cause;
            (code, message)
        });
        let said = |own: &String, typical| if own.is_empty() { typical } else { own.clone() };
        FailureText { code: said(&self.code, code), message: said(&self.message, message) }
    }
}

/// What fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailsOn {
    /// First and later deployments.
    #[default]
    Deployment,
    /// Removals.
    Removal,
}

/// Names a failure of the plan, to clear it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FailureId(pub u64);

/// A failure in force for some time.
#[derive(Debug, Clone)]
pub(super) struct PlannedFailure {
    pub(super) id: FailureId,
    pub(super) failure: Failure,
    from: Timestamp,
    until: Option<Timestamp>,
}

/// One attempt on one member.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemberAttempt<'a> {
    pub(super) account: &'a AccountId,
    pub(super) region: &'a Region,
    pub(super) pack: &'a PackName,
    pub(super) rules: &'a BTreeSet<String>,
    pub(super) act: Act,
    pub(super) at: Timestamp,
}

impl PlannedFailure {
    fn hits(&self, attempt: &MemberAttempt<'_>) -> bool {
        let Failure { account, region, pack, rule, on, class: _, code: _, message: _, times: _ } =
            &self.failure;
        let act = match on {
            FailsOn::Deployment => Act::Put,
            FailsOn::Removal => Act::Delete,
        };
        // Every field that a failure leaves out matches all attempts.
        act == attempt.act
            && self.from <= attempt.at
            && self.until.is_none_or(|until| attempt.at < until)
            && account.as_ref().is_none_or(|account| account == attempt.account)
            && region.as_ref().is_none_or(|region| region == attempt.region)
            && pack.as_ref().is_none_or(|pack| pack == attempt.pack)
            && rule.as_ref().is_none_or(|rule| attempt.rules.contains(rule))
    }
}

/// Every failure that was ever planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    next: u64,
    anywhere: Vec<PlannedFailure>,
    by_account: BTreeMap<AccountId, Vec<PlannedFailure>>,
}

impl Failures {
    pub(super) fn plan(&mut self, from: Timestamp, failure: Failure) -> FailureId {
        self.next += 1;
        let id = FailureId(self.next);
        let list = match failure.account {
            Some(account) => self.by_account.entry(account).or_default(),
            None => &mut self.anywhere,
        };
        list.push(PlannedFailure { id, failure, from, until: None });
        id
    }

    /// Ends a failure; attempts that failed stay failed until the next run.
    pub(super) fn clear(&mut self, at: Timestamp, id: FailureId) -> bool {
        let mut all = self.by_account.values_mut().chain([&mut self.anywhere]).flatten();
        match all.find(|planned| planned.id == id && planned.until.is_none()) {
            Some(planned) => planned.until = Some(at),
            None => return false,
        }
        true
    }

    /// The failures that this attempt meets, in the order of planning.
    pub(super) fn hits<'a>(
        &'a self,
        attempt: MemberAttempt<'a>,
    ) -> impl Iterator<Item = &'a PlannedFailure> {
        let own = self.by_account.get(attempt.account).into_iter().flatten();
        own.chain(&self.anywhere).filter(move |planned| planned.hits(&attempt))
    }

    /// Whether a failure without an account was planned that may concern this pack.
    pub(super) fn concern_everybody(&self, region: &Region, pack: &PackName) -> bool {
        self.anywhere.iter().any(|planned| concerns(&planned.failure, region, pack))
    }

    /// Accounts with failures of their own that may concern this pack.
    pub(super) fn accounts(
        &self,
        region: &Region,
        pack: &PackName,
    ) -> impl Iterator<Item = &AccountId> {
        let fits = move |list: &&Vec<PlannedFailure>| {
            list.iter().any(|planned| concerns(&planned.failure, region, pack))
        };
        self.by_account.iter().filter(move |(_, list)| fits(list)).map(|(account, _)| account)
    }
}

fn concerns(failure: &Failure, region: &Region, pack: &PackName) -> bool {
    failure.region.as_ref().is_none_or(|one| one == region)
        && failure.pack.as_ref().is_none_or(|one| one == pack)
}
