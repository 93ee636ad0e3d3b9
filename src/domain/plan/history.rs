//! What the process remembers of one region between observations.
//!
//! A restart loses this memory, which costs a second observation or, at worst, one redundant Put.
//! What has to survive a restart is stored in the marker of each pack.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{Desired, DesiredEntry, SourceTrust};
use super::outcome::{Outcome, StepResult};
use super::own_puts::{Fight, PutSeries, SentPut, WriteSpan};
use super::redeploy::Tries;
use super::step::{Action, PlanStep, Reason};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{Digest, Marker, MarkerProblem, PackName, Timestamp};
use crate::domain::base::time::{Pace, after, backoff, jittered};
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::members::tracking::Tracking;
use crate::domain::observed::content::{Content, fingerprint_bare_of, fingerprint_of};
use crate::domain::observed::packs::{
    ObservedPack, Ownership, PackPhase, PacksObservation, RolloutStatus, StatusRecord, Verb,
    VoidMarker,
};
use crate::domain::organization::membership_changes::{MembershipChanges, PossibleCause};

/// One region's memory.
#[derive(Debug, Clone, Default)]
pub struct History {
    packs: BTreeMap<PackName, PackHistory>,
    roster: MembershipChanges,
    /// The pack whose marker AWS did not return: nothing may be written here until the process
    /// restarts.
    pub stopped: Option<PackName>,
    /// Why the caller may not write, and when to try again.
    pub denied: Option<Wait>,
    /// When creates may be tried again after AWS said that the quota is used up.
    pub quota: Option<Wait>,
    /// Whether AWS has given a Put of ours the time of its request as `LastUpdateTime`. This is not
    /// documented: as long as no Put has shown it, a later time proves no other writer.
    stamps_promptly: bool,
}

/// The memory of one pack.
#[derive(Debug, Clone, Default)]
pub struct PackHistory {
    /// Since when complete observations show it as ours while a wholly valid source does not
    /// declare it.
    pub unwanted: Option<UnwantedSince>,
    /// The desired content that was last observed in force.
    pub settled: Option<SettledContent>,
    /// An observation that differs from `settled`.
    pub suspect: Option<SuspectContent>,
    /// A write that AWS may not show yet.
    pub sent: Option<Sent>,
    /// Content that AWS refused.
    pub rejected: Option<RejectedContent>,
    /// A write that has to wait.
    pub requeued: Option<Wait>,
    /// The same of a write that AWS refused because of who conformd is.
    pub denied: Option<Wait>,
    /// The Puts of the content that was put last.
    pub puts: Option<PutSeries>,
    /// The attempts to repeat a failed rollout or a failed removal.
    pub tries: Tries,
}

/// A pack of ours that no manifest declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwantedSince {
    /// Since when.
    pub since: Timestamp,
    /// The marker that it has carried since then.
    pub marker: Marker,
}

/// Desired content that was observed in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledContent {
    /// Its fingerprint.
    pub content: Digest,
    /// AWS's timestamp of it.
    pub last_update: Timestamp,
}

/// An observation that a second one has to confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuspectContent {
    /// What it showed.
    pub observed: ObservedContent,
    /// Since when.
    pub since: Timestamp,
}

/// Content that AWS refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedContent {
    /// Its fingerprint.
    pub content: Digest,
    /// When.
    pub at: Timestamp,
    /// AWS's text.
    pub why: String,
}

/// What one observation of a pack showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedContent {
    /// It is not there.
    Absent,
    /// This content, last changed then.
    Holds(Digest, Timestamp),
}

/// A write whose effect is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The fingerprint that was put; `None` for a delete.
    pub content: Option<Digest>,
    /// The same without the marker.
    pub bare: Option<Digest>,
    /// When.
    pub span: WriteSpan,
    /// AWS's time stamp of the pack before.
    pub before: Option<Timestamp>,
    /// Whether the pack held this very content before: only a newer time stamp shows such a Put.
    pub again: bool,
    /// Whether it was for members that failed.
    pub is_remedy: bool,
    /// Whether AWS accepted it, or gave no clear answer.
    pub accepted: bool,
}

/// A write that is tried again later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Not before.
    pub until: Timestamp,
    /// How often it failed in a row.
    pub attempts: u32,
    /// What happened.
    pub why: String,
}

impl Sent {
    /// The Put, if it is none of a delete.
    fn put(&self) -> SentPut {
        let Self { span, is_remedy, accepted, content: _, bare: _, before: _, again: _ } = *self;
        SentPut { span, accepted, is_remedy, shown: None }
    }

    /// Whether AWS shows this Put with the time of its request.
    fn is_stamped_promptly(&self, pack: &ObservedPack) -> bool {
        self.accepted
            && self.content == Some(fingerprint_of(&pack.record))
            && self.put().explains(pack.record.last_update)
    }

    /// Whether this observation shows that another writer put other content after our Put.
    fn is_overwritten(&self, sight: ObservedContent) -> bool {
        match (self.content, sight) {
            (Some(content), ObservedContent::Holds(seen, at)) => {
                self.accepted && seen != content && self.put().is_before(at)
            }
            (None, _) | (_, ObservedContent::Absent) => false,
        }
    }

    /// Whether AWS shows that it could not carry out our delete.
    fn failed_deletion(&self, status: Option<&StatusRecord>) -> bool {
        let Some(StatusRecord { status, last_update: Some(at), .. }) = status else { return false };
        let is_failed = matches!(status, RolloutStatus::Known(Verb::Delete, PackPhase::Failed));
        // An earlier time is that of an earlier delete.
        self.content.is_none() && is_failed && self.span.reaches(*at)
    }
}

/// What is known of a whole region.
#[derive(Debug, Clone, Copy)]
struct KnownOfRegion<'a> {
    roster: &'a MembershipChanges,
    stamps_promptly: bool,
}

impl History {
    /// The memory of this pack.
    pub fn of(&self, pack: &PackName) -> Option<&PackHistory> {
        self.packs.get(pack)
    }

    /// Updates the memory from a complete observation.
    pub fn observe(
        &mut self,
        seen: &PacksObservation,
        desired: &Desired,
        now: Timestamp,
        pace: &Pace,
    ) {
        let sent = self.packs.iter().filter_map(|(name, memory)| Some((name, memory.sent?)));
        let mut shown = sent.filter_map(|(name, sent)| Some((sent, seen.packs.get(name)?)));
        self.stamps_promptly |= shown.any(|(sent, pack)| sent.is_stamped_promptly(pack));
        // A marker that another writer removed says nothing about the region: that needs to know
        // whose timestamp this is.
        self.stopped = self.stopped.take().or_else(|| self.lost_marker(seen));
        self.roster.observe(desired.list.as_ref());
        let names = seen.packs.keys().chain(desired.packs.keys());
        let names: BTreeSet<&PackName> = names.chain(self.packs.keys()).collect();
        let view = KnownOfRegion { roster: &self.roster, stamps_promptly: self.stamps_promptly };
        let observed: Vec<(PackName, PackHistory)> = names
            .into_iter()
            .filter_map(|name| {
                let memory = self.packs.get(name).cloned().unwrap_or_default();
                let (pack, wanted) = (seen.packs.get(name), desired.packs.get(name));
                let memory = memory.observe(pack, wanted, desired, view, now, pace);
                memory.is_worth_keeping().then(|| (name.clone(), memory))
            })
            .collect();
        self.packs = observed.into_iter().collect();
    }

    /// Resets the tries of every healthy pack. A successful aggregate is not enough, since it does
    /// not cover accounts without a row.
    pub fn arrive(&mut self, tracking: &Tracking) {
        for (name, rollout) in &tracking.packs {
            if let Some(memory) = self.packs.get_mut(name)
                && rollout.health == RolloutHealth::Healthy
            {
                memory.tries = Tries::default();
            }
        }
    }

    /// Whether AWS itself may have written the pack, because an account joined or left.
    pub fn excuse(&self, at: Timestamp) -> PossibleCause {
        self.roster.excuse(at)
    }

    /// A pack that AWS shows after our Put without its marker: this region does not echo markers,
    /// so packs written here could not be recognized later.
    fn lost_marker(&self, seen: &PacksObservation) -> Option<PackName> {
        self.packs.iter().find_map(|(name, memory)| {
            let sent = memory.sent.filter(|sent| sent.accepted && sent.content.is_some())?;
            let pack = seen.packs.get(name)?;
            let at = pack.record.last_update;
            let is_others = self.stamps_promptly && sent.put().is_before(at);
            let is_newer = sent.before.is_none_or(|before| at > before) && !is_others;
            let is_lost = match &pack.ownership {
                Ownership::Unmanaged => true,
                Ownership::Void(void) => {
                    matches!(void, VoidMarker::Unreadable(MarkerProblem::Malformed))
                }
                Ownership::Ours(_) | Ownership::Foreign(_) => false,
            };
            // All three are needed: an older timestamp is an answer from before the Put. A later
            // one, or other content, is another writer's, whose missing marker says nothing about
            // this region.
            let is_ours = sent.bare == Some(fingerprint_bare_of(&pack.record));
            (is_newer && is_ours && is_lost).then(|| name.clone())
        })
    }

    /// Updates the memory from the outcome of a step whose request took this time.
    pub fn record(&mut self, outcome: &Outcome, span: WriteSpan, pace: &Pace) {
        let Outcome { step, result: ending } = outcome;
        let now = span.ended;
        let memory = self.packs.entry(step.pack.clone()).or_default();
        let content = step.action.content().map(Content::fingerprint);
        match ending {
            StepResult::Accepted { .. } => {
                // An accepted write proves that the caller may write here again.
                memory.note_sent(step, true, span);
                self.denied = None;
                if matches!(step.action, Action::Create(_)) {
                    self.quota = None;
                }
            }
            StepResult::Unknown { .. } => memory.note_sent(step, false, span),
            StepResult::Failed { kind: FailureKind::NoSuchPack, .. } => {
                // The pack is gone already. It counts as a delete that was sent, so that the next
                // observation decides.
                memory.sent = Some(Sent {
                    content: None,
                    bare: None,
                    span,
                    before: step.last_update,
                    again: false,
                    is_remedy: false,
                    accepted: true,
                });
            }
            StepResult::Failed { kind: FailureKind::Quota, why } => {
                let until = after(now, pace.retry_min);
                self.quota = Some(Wait { until, attempts: 1, why: why.clone() });
            }
            StepResult::Failed { kind, why } if kind.refuses_caller() => {
                memory.denied = Some(Wait::denied(memory.denied.as_ref(), why, now, pace));
                // Several refused steps of one reconciliation count as one refusal, so that the
                // backoff does not grow with the number of packs.
                if self.denied.as_ref().is_none_or(|wait| wait.until <= now) {
                    self.denied = Some(Wait::denied(self.denied.as_ref(), why, now, pace));
                }
            }
            StepResult::Failed { kind, why } => match content {
                // AWS refuses the same content again, so only other content or a daily attempt is
                // tried. Every other failure may pass by itself.
                Some(content) if *kind == FailureKind::Rejected => {
                    let why = why.clone();
                    memory.rejected = Some(RejectedContent { content, at: now, why });
                }
                Some(_) | None => memory.requeue(&step.pack, why, now, pace),
            },
            StepResult::NotStarted => {}
        }
    }
}

impl Wait {
    /// The wait after a refusal that follows on this one.
    fn denied(before: Option<&Self>, why: &str, now: Timestamp, pace: &Pace) -> Self {
        let attempts = before.map_or(0, |wait| wait.attempts);
        let until = after(now, backoff(pace.requeue, attempts, pace.requeue_max));
        Self { until, attempts: attempts.saturating_add(1), why: why.to_owned() }
    }
}

impl PackHistory {
    fn note_sent(&mut self, step: &PlanStep, accepted: bool, span: WriteSpan) {
        let PlanStep { pack: _, action, reason, changes, marker_now: _, last_update, losses: _ } =
            step;
        let content = action.content().map(Content::fingerprint);
        let again = content.is_some() && changes.is_empty();
        let bare = action.content().map(Content::fingerprint_bare);
        let (before, is_remedy) = (*last_update, step.is_remedy());
        self.sent = Some(Sent { content, bare, span, before, again, is_remedy, accepted });
        self.requeued = None;
        self.denied = None;
        self.rejected = None;
        self.suspect = None;
        if let Some(content) = content.filter(|_| accepted) {
            self.count_put(content, SentPut { span, accepted, is_remedy, shown: None });
        }
        // Only a repetition of the same content counts as a try. Changed content may well succeed,
        // so its backoff starts anew.
        if is_remedy || (matches!(reason, Reason::Failed { .. }) && changes.is_empty()) {
            self.tries.count = self.tries.count.saturating_add(1);
        } else {
            self.tries = Tries::default();
        }
        if let Reason::Redeploy { accounts, seen } = reason {
            self.tries.redeployed.extend(accounts);
            self.tries.equipped.extend(seen.keys());
        }
    }

    fn requeue(&mut self, pack: &PackName, why: &str, now: Timestamp, pace: &Pace) {
        let attempts = self.requeued.as_ref().map_or(0, |wait| wait.attempts);
        let span = backoff(pace.requeue, attempts, pace.requeue_max);
        let parts = [pack.as_str().as_bytes(), &attempts.to_be_bytes()];
        let until = after(now, jittered(span, span / 4, parts));
        let attempts = attempts.saturating_add(1);
        self.requeued = Some(Wait { until, attempts, why: why.to_owned() });
    }

    fn observe(
        mut self,
        pack: Option<&ObservedPack>,
        wanted: Option<&DesiredEntry>,
        desired: &Desired,
        view: KnownOfRegion<'_>,
        now: Timestamp,
        pace: &Pace,
    ) -> Self {
        let sight = pack.map_or(ObservedContent::Absent, |pack| {
            ObservedContent::Holds(fingerprint_of(&pack.record), pack.record.last_update)
        });
        // A write that shows explains the difference to the last observation. It has to be taken
        // out before the comparison, or our own Put would look like an external change.
        let status = pack.and_then(|pack| pack.status.as_ref());
        self.expire(sight, status, view, (now, pace));
        if pack.is_none() && wanted.is_none() && self.sent.is_none() {
            return Self::default();
        }
        let ours = pack.and_then(|pack| match &pack.ownership {
            Ownership::Ours(marker) => Some(marker),
            Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => None,
        });
        self.unwanted = match (ours, wanted, &desired.trust) {
            // Another marker means that another Put came in between, and an invalid source proves
            // nothing: both start the wait before a delete anew.
            (Some(marker), None, SourceTrust::Whole) => match self.unwanted {
                Some(before) if before.marker == *marker => Some(before),
                _ => Some(UnwantedSince { since: now, marker: marker.clone() }),
            },
            _ => None,
        };
        if let Some(DesiredEntry::Pack(want)) = wanted {
            self.compare(sight, want.content.fingerprint(), view.roster, now);
        } else {
            self.settled = None;
            self.suspect = None;
        }
        let status = status.map(|record| &record.status);
        let is_deployed = matches!(status, Some(RolloutStatus::Known(_, PackPhase::Successful)));
        // The wait after a failed write ends early once AWS shows the desired content as deployed.
        if is_deployed && self.settled.is_some() && self.suspect.is_none() {
            self.requeued = None;
            self.denied = None;
        }
        self
    }

    /// Forgets a write that AWS shows, or that it had enough time to show.
    fn expire(
        &mut self,
        sight: ObservedContent,
        status: Option<&StatusRecord>,
        view: KnownOfRegion<'_>,
        (now, pace): (Timestamp, &Pace),
    ) {
        self.puts = self.puts.take().filter(|puts| puts.is_recent(now));
        let Some(sent) = self.sent else { return };
        let is_over = now >= after(sent.span.ended, pace.settle);
        let shows = match (sent.content, sight) {
            (Some(content), ObservedContent::Holds(seen, at)) => {
                let is_newer = sent.before.is_none_or(|before| at > before);
                // AWS may ignore a Put of the content that it holds already. An accepted one then
                // counts as shown when its time is over.
                content == seen && (!sent.again || is_newer || (is_over && sent.accepted))
            }
            (None, ObservedContent::Absent) => true,
            (Some(_), ObservedContent::Absent) | (None, ObservedContent::Holds(..)) => false,
        };
        let is_overwritten = sent.is_overwritten(sight);
        if shows {
            self.requeued = None;
            self.settled = self.explain(&sent, sight, view);
        } else if is_overwritten {
            // Our Put was in force, if only for seconds: what replaced it is an external change.
            let last_update = sent.span.ended;
            self.settled = sent.content.map(|content| SettledContent { content, last_update });
        }
        if shows || is_overwritten || is_over || sent.failed_deletion(status) {
            self.sent = None;
        }
    }

    /// Explains an observation that shows a write of ours: what was in force before counts no more.
    /// A timestamp later than our Put is another writer's, with the same parameters: then our Put
    /// is what was in force last.
    fn explain(
        &mut self,
        sent: &Sent,
        sight: ObservedContent,
        view: KnownOfRegion<'_>,
    ) -> Option<SettledContent> {
        let (content, put) = (sent.content?, sent.put());
        // A Put without a clear answer was not counted when it was sent; now it is known to have
        // happened.
        if !put.accepted {
            self.count_put(content, put);
        }
        let ObservedContent::Holds(_, at) = sight else { return None };
        let is_later = !self.is_own(content, at) && put.is_before(at);
        let is_other = is_later && view.stamps_promptly;
        is_other.then_some(SettledContent { content, last_update: put.span.ended })
    }

    /// Compares an observation with the desired content and with the content last observed in
    /// force.
    fn compare(
        &mut self,
        sight: ObservedContent,
        want: Digest,
        roster: &MembershipChanges,
        now: Timestamp,
    ) {
        match (sight, self.settled) {
            (ObservedContent::Holds(content, last_update), None) if content == want => {
                self.settled = Some(SettledContent { content, last_update });
                self.suspect = None;
            }
            (ObservedContent::Holds(content, last_update), Some(settled))
                if content == want
                    && settled.content == want
                    && last_update <= settled.last_update =>
            {
                self.suspect = None;
            }
            // Two Puts of ours may show one after the other, the first by an earlier process; and
            // AWS itself may write when an account joins or leaves.
            (ObservedContent::Holds(content, last_update), Some(settled))
                if content == want
                    && settled.content == want
                    && (self.is_own(want, last_update)
                        || roster.excuse(last_update) == PossibleCause::Membership) =>
            {
                self.settled = Some(SettledContent { content, last_update });
                self.suspect = None;
            }
            // The manifest changed since: the observed content is replaced anyway, so it is not
            // suspect.
            (_, Some(settled)) if settled.content != want => {
                self.settled = None;
                self.suspect = None;
            }
            (observed, Some(_)) => {
                // Another observation than before starts the wait anew: two observations have to
                // agree.
                let since = match self.suspect {
                    Some(before) if before.observed == observed => before.since,
                    _ => now,
                };
                self.suspect = Some(SuspectContent { observed, since });
            }
            (_, None) => {}
        }
    }

    /// Whether AWS's timestamp belongs to a Put of ours, which can have no other one from then on.
    fn is_own(&mut self, content: Digest, at: Timestamp) -> bool {
        let puts = self.puts.as_mut().filter(|puts| puts.content == content);
        puts.is_some_and(|puts| puts.assign(at))
    }

    fn count_put(&mut self, content: Digest, put: SentPut) {
        self.puts = Some(PutSeries::with(self.puts.take(), content, put));
    }

    fn puts_of(&self, content: Digest) -> Option<&PutSeries> {
        self.puts.as_ref().filter(|puts| puts.content == content)
    }

    /// When this process put this content last.
    pub fn put_last(&self, content: Digest) -> Option<Timestamp> {
        self.puts_of(content)?.last()
    }

    /// The conflict over this content, as long as conformd writes nothing because of it.
    pub fn fight(&self, content: Digest, now: Timestamp) -> Option<Fight> {
        self.puts_of(content)?.fight(now)
    }

    /// When this content may be put back again: once per interval. `None` means now.
    pub fn restore_not_before(
        &self,
        content: Digest,
        now: Timestamp,
        pace: &Pace,
    ) -> Option<Timestamp> {
        let until = after(self.put_last(content)?, pace.interval);
        (until > now).then_some(until)
    }

    /// Whether the suspect observation is no newer than the content last observed in force. Then it
    /// is more likely an answer from an old snapshot than an external change.
    pub fn is_stale(&self) -> bool {
        match (self.suspect, self.settled) {
            (Some(suspect), Some(settled)) => match suspect.observed {
                ObservedContent::Holds(_, at) => at <= settled.last_update,
                ObservedContent::Absent => false,
            },
            (None, _) | (_, None) => false,
        }
    }

    /// When the content was put that an external change replaced.
    pub fn replaced(&self) -> Option<Timestamp> {
        self.suspect.filter(|_| !self.is_stale())?;
        self.settled.map(|settled| settled.last_update)
    }

    fn is_worth_keeping(&self) -> bool {
        // Packs that are neither listed nor desired would otherwise stay in memory forever. Without
        // `..` a new field stops the build here.
        let Self { unwanted, settled, suspect, sent, rejected, requeued, denied, puts, tries } =
            self;
        unwanted.is_some()
            || settled.is_some()
            || suspect.is_some()
            || sent.is_some()
            || rejected.is_some()
            || requeued.is_some()
            || denied.is_some()
            || puts.is_some()
            || *tries != Tries::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::plan::loss::Losses;

    #[test]
    fn a_write_that_fails_waits_as_the_settings_say_and_a_quarter_more_at_most() {
        let minutes = Duration::from_mins;
        let pace =
            Pace { requeue: minutes(10), requeue_max: minutes(25), ..Pace::new(minutes(15)) };
        let step = PlanStep {
            pack: "iam".parse().unwrap(),
            action: Action::Delete,
            reason: Reason::Unwanted,
            changes: Vec::new(),
            marker_now: None,
            last_update: None,
            losses: Losses::of_pack(),
        };
        let ending = StepResult::Failed { kind: FailureKind::Throttled, why: "slow down".into() };
        let outcome = Outcome { step, result: ending };
        let (mut history, now) = (History::default(), Timestamp::UNIX_EPOCH);
        for wait in [10, 20, 25, 25].map(minutes) {
            history.record(&outcome, WriteSpan::at(now), &pace);
            let memory = history.of(&outcome.step.pack).unwrap();
            let until = memory.requeued.as_ref().unwrap().until;
            assert!((after(now, wait)..=after(now, wait + wait / 4)).contains(&until), "{until}");
        }
    }
}
