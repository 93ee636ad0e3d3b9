//! One pack: its last observation, when it changed, and which member rows were read.
//!
//! Two kinds of change: a *change* is other content or a Put of ours, after which every row has to
//! be read anew; a *touch* is any other change (an account joined, the aggregate changed), after
//! which a failure resync is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::account_index::AccountIndex;
use super::member_request::ReadResult;
use super::rows::{PackRows, RowEvidence};
use super::summary::MemberSummary;
use super::target::Target;
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, Digest, Timestamp};
use crate::domain::base::time::after;
use crate::domain::observed::content::fingerprint_of;
use crate::domain::observed::packs::{
    ObservedPack, PackPhase, RUN_MAX, RolloutStatus, StatusRecord, Verb,
};

/// Two resyncs that have to agree because the rows alone prove nothing are at least this far apart:
/// as long as AWS may take to show a change (`docs/aws.md`, "Delays").
pub(super) const AGREE: Duration = Duration::from_mins(10);

/// How long a Put of ours may stay invisible (10 min: Terraform's AWS provider polls as long).
const SETTLE: Duration = Duration::from_mins(10);

/// One pack of ours.
#[derive(Debug, Clone)]
pub(super) struct PackState {
    arn: String,
    content: Digest,
    last_update: Timestamp,
    /// AWS's aggregate, which is evidence only of a rollout in progress.
    pub(super) aggregate: Option<RolloutStatus>,
    /// Whether it is desired here.
    pub(super) is_wanted: bool,
    /// The accounts that are not expected to have it.
    pub(super) excluded: BTreeSet<AccountId>,
    /// The accounts that are expected to have it although the last Put excluded them.
    pub(super) included_by_next_put: BTreeSet<AccountId>,
    /// AWS's time of the last change, as far as it is known.
    pub(super) reference: Timestamp,
    /// A good row that is older does not prove that this content is deployed. Equal to `reference`
    /// until two resyncs agree.
    pub(super) proof: Timestamp,
    /// A Put of ours that AWS does not show yet: when it was sent, and the `LastUpdateTime` before
    /// it.
    awaiting: Option<(Timestamp, Timestamp)>,
    /// The time of the last change: rows read before it do not describe the present content.
    pub(super) changed: Timestamp,
    /// The time of the last touch: rows read before it may be out of date.
    pub(super) touched: Timestamp,
    /// Whether the last observation did not list it; a second one in a row counts.
    is_missed: bool,
    /// The rows.
    pub(super) rows: PackRows,
    /// When the last failure resync or full resync began.
    pub(super) read: Option<Timestamp>,
    /// When the last full resync began.
    pub(super) resynced: Option<Timestamp>,
    /// When this pack was first observed.
    pub(super) first_seen: Timestamp,
    /// When single accounts were read after that.
    lone: BTreeMap<AccountIndex, Timestamp>,
    /// Readings since the last change that found a rollout in progress.
    pub(super) in_progress_reads: u32,
    /// Readings that failed in a row.
    pub(super) setback: Option<Setback>,
    /// Resyncs since the last change that found every member done.
    pub(super) agreement: Option<Agreement>,
    /// The last computed status of all members.
    pub(super) summary: MemberSummary,
}

/// Failed readings.
#[derive(Debug, Clone)]
pub(super) struct Setback {
    /// When the last one failed.
    pub(super) at: Timestamp,
    /// How many there were.
    pub(super) attempts: u32,
    /// The kind of failure.
    pub(super) kind: FailureKind,
    /// Why, in words.
    pub(super) why: String,
}

/// Resyncs that found every member done, deployed or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreement {
    /// When the first of them ended.
    pub(super) first: Timestamp,
    /// Whether another one began long enough after it.
    pub(super) is_confirmed: bool,
}

impl PackState {
    /// The state of a pack at its first observation.
    pub(super) fn new(pack: &ObservedPack, target: Option<Target<'_>>, now: Timestamp) -> Self {
        let mut state = Self {
            arn: pack.record.arn.clone(),
            content: fingerprint_of(&pack.record),
            last_update: pack.record.last_update,
            aggregate: None,
            is_wanted: false,
            excluded: BTreeSet::new(),
            included_by_next_put: BTreeSet::new(),
            reference: pack.record.last_update,
            proof: pack.record.last_update,
            awaiting: None,
            changed: Timestamp::MIN,
            touched: Timestamp::MIN,
            is_missed: false,
            rows: PackRows::default(),
            read: None,
            resynced: None,
            first_seen: now,
            lone: BTreeMap::new(),
            in_progress_reads: 0,
            setback: None,
            agreement: None,
            summary: MemberSummary::default(),
        };
        state.observe(pack, target, now);
        state
    }

    /// Updates the state from a complete observation.
    pub(super) fn observe(
        &mut self,
        pack: &ObservedPack,
        target: Option<Target<'_>>,
        now: Timestamp,
    ) {
        let record = &pack.record;
        let status = pack.status.as_ref().map(|record: &StatusRecord| record.status.clone());
        let content = fingerprint_of(record);
        let is_other = content != self.content || record.arn != self.arn;
        let is_moved = record.last_update != self.last_update;
        // Our own Put was noted as a change when it was sent, so seeing it must not start the
        // reading of rows anew; any other new content must.
        match self.awaiting {
            Some((_, before)) if is_other || record.last_update != before => {
                self.awaiting = None;
                (self.reference, self.proof) = (record.last_update, record.last_update);
            }
            Some((since, _)) if after(since, SETTLE) <= now => self.awaiting = None,
            None if is_other => {
                (self.reference, self.proof) = (record.last_update, record.last_update);
                self.change(now);
            }
            Some(_) | None => {}
        }
        // Another ARN is another pack: it was deleted and created again, and the old rows belong to
        // the former one.
        if record.arn != self.arn {
            (self.rows, self.read, self.resynced) = (PackRows::default(), None, None);
            self.first_seen = now;
            self.arn.clone_from(&record.arn);
        }
        if is_moved || status != self.aggregate {
            self.touched = now;
            // Resyncs during one rollout prove nothing about the next one.
            self.agreement = self.agreement.filter(|_| self.is_in_progress());
        }
        self.is_wanted = target.is_some();
        let excluded = match target {
            Some(Target::Excluding(accounts)) => accounts,
            Some(Target::AsShown) | None => &record.excluded,
        };
        if self.excluded != *excluded {
            self.excluded.clone_from(excluded);
        }
        self.included_by_next_put = record.excluded.difference(excluded).copied().collect();
        (self.content, self.last_update, self.aggregate) = (content, record.last_update, status);
        self.is_missed = false;
    }

    /// Updates the state from an observation that does not list it; returns whether it may still
    /// exist.
    pub(super) fn miss(&mut self, status: Option<&StatusRecord>) -> bool {
        let is_first = !std::mem::replace(&mut self.is_missed, true);
        let status = status.map(|record| record.status.clone());
        // One short listing must not discard the rows. While AWS reports the removal, the pack
        // stays visible with its progress.
        let is_deleted =
            matches!(status, Some(RolloutStatus::Known(Verb::Delete, PackPhase::Successful)));
        let is_deleting = matches!(status, Some(RolloutStatus::Known(Verb::Delete, _)));
        if is_deleting {
            self.aggregate = status;
        }
        !is_deleted && (is_first || is_deleting)
    }

    /// Notes a write of ours that AWS accepted or may have accepted.
    pub(super) fn wrote(&mut self, is_put: bool, now: Timestamp) {
        if is_put {
            self.awaiting = Some((now, self.last_update));
            self.change(now);
        }
        self.touched = now;
    }

    fn change(&mut self, now: Timestamp) {
        (self.changed, self.touched) = (now, now);
        (self.in_progress_reads, self.agreement) = (0, None);
        self.rows.doubt();
        self.lone.clear();
    }

    /// Updates the rows from a complete reading.
    pub(super) fn complete(
        &mut self,
        found: ReadResult,
        began: Timestamp,
        is_listed: impl Fn(AccountIndex) -> bool,
    ) {
        self.setback = None;
        match found {
            ReadResult::Trouble(draft) => {
                self.rows.update_filtered(draft);
                self.read = Some(began);
            }
            ReadResult::Account(number, draft) => {
                self.rows.update_one(number, draft, self.proof);
                self.lone.insert(number, began);
            }
            ReadResult::Resync(draft) => {
                self.rows = PackRows::all(draft, self.proof, is_listed);
                (self.read, self.resynced) = (Some(began), Some(began));
                self.lone.retain(|_, at| *at > began);
                // A reading that began before the change mixes rows from before and after it.
                if began < self.changed {
                    self.rows.doubt();
                }
            }
        }
    }

    /// Draws conclusions from a reading of several members, once it is surveyed.
    pub(super) fn conclude(&mut self, is_resync: bool, began: Timestamp, ended: Timestamp) {
        let is_working = self.summary.working > 0;
        self.in_progress_reads =
            if is_working { self.in_progress_reads.saturating_add(1) } else { 0 };
        if is_working {
            self.agreement = None;
        }
        // Only a full resync counts for the agreement: a failure resync does not show accounts
        // without rows. One that began before the change describes the old content.
        let is_done = !is_working && self.summary.unclear == 0 && self.awaiting.is_none();
        if !is_resync || began < self.changed {
            return;
        }
        self.agreement = match self.agreement {
            _ if !is_done => None,
            None => Some(Agreement { first: ended, is_confirmed: false }),
            Some(Agreement { first, is_confirmed }) => {
                // The second resync must begin long enough after the first: two readings of the
                // same stale snapshot agree without proving anything.
                let is_confirmed = is_confirmed || after(first, AGREE) <= began;
                Some(Agreement { first, is_confirmed })
            }
        };
        if self.is_agreed() {
            self.proof = Timestamp::MIN;
            self.rows.trust();
            self.summary.old = 0;
        }
    }

    /// Whether only a second resync can prove that every member has the pack.
    pub(super) fn needs_agreement(&self) -> bool {
        let MemberSummary { counts, old, .. } = &self.summary;
        // Rows older than the last Put, or an aggregate that may be stuck, prove nothing by
        // themselves.
        let is_done = counts.in_progress == 0 && counts.waiting == 0;
        self.is_resynced() && (*old > 0 || is_done && self.is_in_progress() && !self.is_agreed())
    }

    /// Notes a failed reading.
    pub(super) fn fail(&mut self, kind: FailureKind, why: String, now: Timestamp) {
        let attempts = self.setback.as_ref().map_or(0, |setback| setback.attempts);
        self.setback = Some(Setback { at: now, attempts: attempts.saturating_add(1), kind, why });
    }

    /// Whether the last reading failed, and what was read is from before the last change.
    pub(super) fn is_outdated(&self) -> bool {
        self.setback.is_some() && self.read.is_some_and(|read| read < self.changed)
    }

    /// When this evidence of the account was read; `None`: it proves nothing.
    pub(super) fn read_of(
        &self,
        number: AccountIndex,
        evidence: RowEvidence<'_>,
    ) -> Option<Timestamp> {
        // A failure resync shows no accounts without a row: only a full resync since the last
        // change can prove that a row is absent.
        let together = match evidence {
            RowEvidence::Absent => self.resynced.filter(|_| self.is_resynced()),
            RowEvidence::Row(row) if row.state.is_absence() => {
                self.read.filter(|_| self.is_resynced())
            }
            RowEvidence::Ok { .. } | RowEvidence::Row(_) | RowEvidence::Unsure => self.read,
        };
        together.max(self.lone.get(&number).copied())
    }

    /// When any member was last read.
    pub(super) fn read_last(&self) -> Option<Timestamp> {
        self.read.max(self.lone.values().max().copied())
    }

    /// Whether AWS does not show our last Put yet.
    pub(super) fn is_awaiting(&self) -> bool {
        self.awaiting.is_some()
    }

    /// Whether a full resync has run since the last change.
    pub(super) fn is_resynced(&self) -> bool {
        self.resynced.is_some_and(|resynced| resynced >= self.changed)
    }

    /// Whether two resyncs agree that every member is done.
    pub(super) fn is_agreed(&self) -> bool {
        self.agreement.is_some_and(|agreement| agreement.is_confirmed)
    }

    /// Whether the aggregate reports a rollout in progress; a stuck one does so forever.
    pub(super) fn is_in_progress(&self) -> bool {
        self.aggregate.as_ref().is_some_and(RolloutStatus::is_in_progress)
    }

    /// Whether the aggregate reports success.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(
            self.aggregate,
            Some(RolloutStatus::Known(Verb::Create | Verb::Update, PackPhase::Successful))
        )
    }

    /// Whether the rollout that the aggregate reports can still be active: none takes longer than
    /// [`RUN_MAX`].
    pub(super) fn is_at_work(&self, now: Timestamp) -> bool {
        self.is_in_progress() && after(self.last_update, RUN_MAX) > now
    }

    /// Whether AWS is removing its rows, or has removed them.
    pub(super) fn is_going(&self) -> bool {
        matches!(
            self.aggregate,
            Some(RolloutStatus::Known(Verb::Delete, PackPhase::InProgress | PackPhase::Successful))
        )
    }

    /// Whether it is being removed, was removed, or could not be removed while it is not desired.
    pub(super) fn is_deleting(&self) -> bool {
        let is_failed =
            matches!(self.aggregate, Some(RolloutStatus::Known(Verb::Delete, PackPhase::Failed)));
        self.is_going() || is_failed && !self.is_wanted
    }
}
