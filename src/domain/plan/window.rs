//! The losses within the last 24 hours, the held losses, and the used approvals.
//!
//! The window runs on the monotonic clock of the process ([`ProcessTime`]): a wall clock that jumps
//! does not empty it. The losses of an earlier process come from the record, with the age that the
//! strictest of all clocks gives them. The window only restricts steps; it never causes one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::loss::{Loss, LossAt};
use super::pending_approval::{VoidApproval, VoidApprovalCause};
pub use super::record::HoldBasis;
use super::trip::{RecordGap, WindowDoubt};
use crate::domain::base::model::{AccountId, Digest, Marker, PackName, Region, Timestamp};
use crate::domain::base::time::after;
use crate::domain::declared::approval::{Approval, Approvals, NamedRules, Validity};

/// A moment on the monotonic clock of this process: the time since it began.
pub type ProcessTime = Duration;

/// The precision of AWS's time: the `Date` header of its answers counts whole seconds (RFC 9110,
/// section 5.6.7).
const DATE_PRECISION: Duration = Duration::from_secs(1);

/// How far AWS's time of a failed removal may lie before the time of day of its request, which is
/// of another clock.
const FAILURE_ERROR: Duration = Duration::from_mins(1);

/// How long a loss counts.
pub const SPAN: Duration = Duration::from_hours(24);

/// One loss that happened, or that is being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// What and where.
    pub at: LossAt,
    /// When it stops counting.
    pub until: ProcessTime,
    /// When it happened, by the wall clock: only for texts.
    pub when: Timestamp,
    /// The approval that permitted it: such a loss uses up no limit.
    pub approval: Option<String>,
    /// Whether another writer caused it.
    pub external: bool,
    /// Whether it is known to have happened. A process may end, or an answer be lost, between
    /// reserving a loss and its effect. Requesting the same loss again is then not counted twice.
    pub confirmed: bool,
}

/// A loss that the guard has held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldSince {
    /// Since when, by the wall clock: only for texts.
    pub when: Timestamp,
    /// What it is held for.
    pub basis: HoldBasis,
}

/// The changes of the held losses, for the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// Held from now on, or for another reason than before.
    pub changed: Vec<(LossAt, HeldSince)>,
    /// No longer requested.
    pub withdrawn: Vec<LossAt>,
}

/// The losses that an observation of a region reveals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noticed {
    /// Our losses that the observation confirms.
    pub confirmed: Vec<LossAt>,
    /// Packs that are gone without a step of ours.
    pub vanished: Vec<LossAt>,
    /// Packs that a short listing had left out.
    pub returned: Vec<LossAt>,
    /// Losses that were held only because of those, and are not held any more.
    pub released: Vec<LossAt>,
    /// Accounts that a pack excludes without a step of ours.
    pub excluded: Vec<LossAt>,
    /// Packs whose number of effective rules changed.
    pub levels: Vec<(PackName, Option<u32>)>,
    /// A pack that another process of this installation has put.
    pub other_writer: Option<PackName>,
}

/// An approval that was read, reduced to what is needed once it has left the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadApproval {
    /// When it was first read, by AWS's clock.
    pub first: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// The rules that it names.
    pub rules: Vec<NamedRules>,
}

/// The last 24 hours of all regions.
#[derive(Debug, Clone, Default)]
pub struct LossWindow {
    losses: Vec<Lost>,
    held: BTreeMap<LossAt, HeldSince>,
    /// Which approvals were used for what.
    used: BTreeSet<(Digest, LossAt)>,
    /// The approval that the last reserved loss of each kind rests on.
    reserved: BTreeMap<LossAt, Digest>,
    /// The approvals that were read and have not expired: one that leaves the source may come back.
    read: BTreeMap<Digest, ReadApproval>,
    /// The approvals among these that are not recorded yet.
    newly_read: Vec<Digest>,
    /// Before this moment it is not known what was lost within 24 hours.
    known_from: ProcessTime,
    /// Why it is not known.
    unknown_why: RecordGap,
    /// Whether this process uses a record, which knows the approvals that earlier processes used
    /// and which the next process will read.
    remembers: bool,
    /// Whether this process only shows what another one would do. A marker that is new to this
    /// process may be known to that one.
    only_shows: bool,
    /// Why the record cannot be written now, if this process uses one.
    unwritable: Option<String>,
    /// The packs of ours that each region showed last.
    seen: BTreeMap<Region, BTreeMap<PackName, ObservedPut>>,
    /// How many effective rules each pack was seen to hold, the oldest first.
    levels: BTreeMap<(Region, PackName), Vec<RuleLevel>>,
    /// For each Put that AWS has not shown yet, when it will be 24 hours ago: the rules that AWS
    /// will show count from that Put on.
    intents: BTreeMap<(Region, PackName), ProcessTime>,
    /// Markers that this process, or the one before it, is known to have put or seen.
    markers: BTreeMap<(Region, PackName), BTreeSet<Marker>>,
    /// The same for the digests of what AWS echoes, which covers parameters but not the template.
    echoes: BTreeMap<(Region, PackName), BTreeSet<Digest>>,
    /// Accounts that this process excluded from packs.
    left_out: BTreeMap<(Region, PackName), BTreeSet<AccountId>>,
}

/// A pack that is about to be put.
#[derive(Debug, Clone)]
pub struct Intended<'a> {
    /// Its name.
    pub pack: &'a PackName,
    /// Its marker.
    pub marker: Marker,
    /// The digest of what AWS will echo of it.
    pub echo: Digest,
    /// The accounts that it will leave out.
    pub excluded: &'a BTreeSet<AccountId>,
}

/// How many effective rules a pack held from some moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleLevel {
    /// When that moment is 24 hours ago.
    pub old_at: ProcessTime,
    /// How many; `None`: the pack was not there.
    pub rules: Option<u32>,
}

/// A pack of ours as an observation showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPut {
    /// Its marker.
    pub marker: Marker,
    /// When AWS last changed it.
    pub last_update: Timestamp,
    /// The digest of what AWS echoes of it.
    pub echo: Digest,
    /// How many effective rules it holds.
    pub rules: u32,
    /// The accounts that it leaves out.
    pub excluded: BTreeSet<AccountId>,
}

impl LossWindow {
    /// The window of a process without a record: it does not know the losses of the last 24 hours
    /// until it has run that long.
    pub fn without_record(now: ProcessTime, why: String) -> Self {
        let known_from = now.saturating_add(SPAN);
        Self { known_from, unknown_why: RecordGap::Absent(why), ..Self::default() }
    }

    /// The window of a process whose record was begun `age` ago, by the strictest clock.
    pub fn with_record(now: ProcessTime, age: Duration) -> Self {
        let known_from = now.saturating_add(SPAN.saturating_sub(age));
        Self { known_from, unknown_why: RecordGap::Young, remembers: true, ..Self::default() }
    }

    /// Adds a loss of an earlier process, which happened `age` ago by the strictest clock.
    pub fn recall(&mut self, lost: Lost, age: Duration, now: ProcessTime) {
        if let Some(left) = SPAN.checked_sub(age).filter(|left| !left.is_zero()) {
            self.losses.push(Lost { until: now.saturating_add(left), ..lost });
        }
    }

    /// Adds a loss that an earlier process held.
    pub fn recall_held(&mut self, at: &LossAt, since: HeldSince) {
        self.held.insert(at.key(), since);
    }

    /// Adds the use of an approval for this loss.
    pub fn recall_used(&mut self, approval: Digest, at: &LossAt) {
        self.used.insert((approval, at.key()));
    }

    /// Sets whether the record can be written.
    pub fn note_record(&mut self, unwritable: Option<String>) {
        self.unwritable = unwritable.filter(|_| self.remembers);
    }

    /// The same window for a process that only shows what would be done.
    #[must_use]
    pub fn only_showing(self) -> Self {
        Self { only_shows: true, ..self }
    }

    /// Whether this process uses a record.
    pub fn relies_on_record(&self) -> bool {
        self.remembers
    }

    /// Why nothing may be lost unapproved; `None` once what was lost within 24 hours is known.
    pub fn caution(&self, now: ProcessTime) -> Option<WindowDoubt> {
        if let Some(why) = &self.unwritable {
            return Some(WindowDoubt::RecordUnwritable(why.clone()));
        }
        let left = self.known_from.checked_sub(now).filter(|left| !left.is_zero())?;
        let hours = SPAN.saturating_sub(left).as_secs() / 3_600;
        Some(WindowDoubt::Unknown { gap: self.unknown_why.clone(), hours })
    }

    /// Adds what an earlier process observed.
    pub fn recall_observed(&mut self, region: &Region, pack: &PackName, observation: ObservedPut) {
        let packs = self.seen.entry(region.clone()).or_default();
        packs.entry(pack.clone()).or_insert(observation);
    }

    /// Updates the window from our packs in a complete observation of a region. A pack that is gone
    /// without a step of ours was deleted by another writer and counts, since the limits apply to
    /// all losses. A pack that shows again unchanged was only missing from a short listing: losses
    /// that were held only because of it are judged anew.
    pub fn observe(
        &mut self,
        region: &Region,
        packs: BTreeMap<PackName, ObservedPut>,
        now: ProcessTime,
        when: Timestamp,
    ) -> Noticed {
        let is_first = !self.seen.contains_key(region);
        let before = self.seen.remove(region).unwrap_or_default();
        let mut noticed = Noticed::default();
        for lost in self.losses.iter_mut().filter(|lost| lost.at.region == *region) {
            let is_gone = lost.at.loss == Loss::Pack && !packs.contains_key(&lost.at.pack);
            if is_gone && !lost.confirmed {
                lost.confirmed = true;
                noticed.confirmed.push(lost.at.clone());
            }
        }
        let at =
            |pack: &PackName, loss| LossAt { region: region.clone(), pack: pack.clone(), loss };
        for (pack, earlier) in before.iter().filter(|(pack, _)| !packs.contains_key(*pack)) {
            let at = at(pack, Loss::Pack);
            noticed.vanished.extend(self.lose_to_others(at, earlier.last_update, now, when));
        }
        for (pack, observation) in &packs {
            let at = at(pack, Loss::Pack);
            // AWS last changed the pack before it went missing, so it was never deleted and created
            // again.
            let returned =
                |lost: &Lost| lost.external && lost.at == at && observation.last_update < lost.when;
            if self.losses.iter().any(returned) {
                self.losses.retain(|lost| !returned(lost));
                noticed.returned.push(at);
            }
        }
        for (pack, observation) in &packs {
            let Some(earlier) = before.get(pack) else { continue };
            // What this process or an earlier one put is no change by others, whatever became of
            // its accounts since then.
            let echoes = self.echoes.get(&(region.clone(), pack.clone()));
            if echoes.is_some_and(|echoes| echoes.contains(&observation.echo)) {
                continue;
            }
            let own = self.left_out.get(&(region.clone(), pack.clone()));
            let is_own = |account: &AccountId| own.is_some_and(|own| own.contains(account));
            let added: Vec<AccountId> = observation
                .excluded
                .difference(&earlier.excluded)
                .filter(|account| !is_own(account))
                .copied()
                .collect();
            for account in added {
                let at = at(pack, Loss::Account(account));
                noticed.excluded.extend(self.lose_to_others(at, Timestamp::MIN, now, when));
            }
        }
        if !noticed.returned.is_empty() {
            let (released, held) = std::mem::take(&mut self.held)
                .into_iter()
                .partition(|(_, held)| held.basis == HoldBasis::Vanished);
            self.held = held;
            noticed.released = BTreeMap::into_keys(released).collect();
        }
        self.note_markers(region, &packs, is_first, now, &mut noticed);
        self.note_levels(region, &packs, is_first, now, &mut noticed);
        self.seen.insert(region.clone(), packs);
        noticed
    }

    /// Counts a loss that no step of ours caused, unless it counts already; returns it if it is
    /// new. A loss from before the pack was put again, at `put`, is another loss.
    fn lose_to_others(
        &mut self,
        at: LossAt,
        put: Timestamp,
        now: ProcessTime,
        when: Timestamp,
    ) -> Option<LossAt> {
        // A loss that counts already, our own delete for example, explains why the pack is gone.
        let explains = |lost: &Lost| lost.at == at && lost.until > now && lost.when >= put;
        if self.losses.iter().any(explains) {
            return None;
        }
        let until = now.saturating_add(SPAN);
        let (approval, external, confirmed) = (None, true, true);
        self.losses.push(Lost { at: at.clone(), until, when, approval, external, confirmed });
        Some(at)
    }

    /// Looks for a pack of ours with an unknown marker, or with unknown parameters and fewer
    /// effective rules. Another process of this installation put it, a user changed it by hand, or
    /// this record is an old copy. In each case the losses of the last 24 hours are not known here.
    fn note_markers(
        &mut self,
        region: &Region,
        packs: &BTreeMap<PackName, ObservedPut>,
        is_first: bool,
        now: ProcessTime,
        noticed: &mut Noticed,
    ) {
        for (pack, observation) in packs {
            let key = (region.clone(), pack.clone());
            let is_new_marker =
                self.markers.entry(key.clone()).or_default().insert(observation.marker.clone());
            let is_new_echo = self.echoes.entry(key.clone()).or_default().insert(observation.echo);
            // Parameters can switch rules off without a change of the marker, so both are checked.
            let before = self.levels.get(&key).and_then(|levels| levels.last()?.rules);
            let has_fewer = before.is_some_and(|before| observation.rules < before);
            if !is_first && !self.only_shows && (is_new_marker || is_new_echo && has_fewer) {
                noticed.other_writer.get_or_insert_with(|| pack.clone());
            }
        }
        if let Some(pack) = &noticed.other_writer {
            self.known_from = now.saturating_add(SPAN);
            let (pack, region) = (pack.clone(), region.clone());
            self.unknown_why = RecordGap::OtherWriter { pack, region };
        }
    }

    /// Notes how many rules each pack holds. The first observation of a region counts as the state
    /// of 24 hours ago.
    fn note_levels(
        &mut self,
        region: &Region,
        packs: &BTreeMap<PackName, ObservedPut>,
        is_first: bool,
        now: ProcessTime,
        noticed: &mut Noticed,
    ) {
        let old_at = if is_first { ProcessTime::ZERO } else { now.saturating_add(SPAN) };
        let known = self.levels.keys().filter(|(at, _)| at == region).map(|(_, pack)| pack);
        let all: BTreeSet<PackName> = known.chain(packs.keys()).cloned().collect();
        for pack in all {
            let key = (region.clone(), pack.clone());
            let rules = packs.get(&pack).map(|observation| observation.rules);
            let put = rules.and_then(|_| self.intents.remove(&key));
            let levels = self.levels.entry(key).or_default();
            if levels.last().map(|last| last.rules) != Some(rules) {
                levels.push(RuleLevel { old_at: put.unwrap_or(old_at), rules });
                noticed.levels.push((pack, rules));
            }
            // Of the levels older than the window only the newest tells the state of 24 hours ago.
            let old = levels.iter().filter(|level| level.old_at <= now).count();
            levels.drain(..old.saturating_sub(1));
        }
    }

    /// Notes that this process is about to put a pack.
    pub fn intend(&mut self, region: &Region, intended: &Intended<'_>, now: ProcessTime) {
        let Intended { pack, marker, echo, excluded } = intended;
        self.recall_intent(region, pack, Duration::ZERO, now);
        self.recall_marker(region, pack, marker.clone());
        self.recall_echo(region, pack, *echo);
        self.left_out.entry((region.clone(), (*pack).clone())).or_default().extend(*excluded);
    }

    /// Adds what AWS echoed of a pack that an earlier process put or observed.
    pub fn recall_echo(&mut self, region: &Region, pack: &PackName, echo: Digest) {
        self.echoes.entry((region.clone(), pack.clone())).or_default().insert(echo);
    }

    /// Adds a marker that an earlier process put or observed.
    pub fn recall_marker(&mut self, region: &Region, pack: &PackName, marker: Marker) {
        self.markers.entry((region.clone(), pack.clone())).or_default().insert(marker);
    }

    /// Notes that a pack was about to be put `age` ago, by the strictest clock.
    pub fn recall_intent(
        &mut self,
        region: &Region,
        pack: &PackName,
        age: Duration,
        now: ProcessTime,
    ) {
        self.intents.insert((region.clone(), pack.clone()), old_at(age, now));
    }

    /// Adds how many rules a pack was observed to hold `age` ago, by the strictest clock. The
    /// caller adds the oldest first, and Puts in between with [`Self::recall_intent`].
    pub fn recall_level(
        &mut self,
        region: &Region,
        pack: &PackName,
        rules: Option<u32>,
        age: Duration,
        now: ProcessTime,
    ) {
        let key = (region.clone(), pack.clone());
        let put = rules.and_then(|_| self.intents.remove(&key));
        let levels = self.levels.entry(key).or_default();
        let old_at = match (put, levels.is_empty() && rules.is_some()) {
            // The pack holds these rules since the Put, even if they were observed much later.
            (Some(put), _) => put.min(old_at(age, now)),
            // No Put is known: the pack existed before it was first observed.
            (None, true) => ProcessTime::ZERO,
            (None, false) => old_at(age, now),
        };
        let place = levels.partition_point(|level| level.old_at <= old_at);
        levels.insert(place, RuleLevel { old_at, rules });
    }

    /// How many effective rules a pack held 24 hours ago; `None` if it was not there. What was
    /// added since raises no limit.
    pub fn rules_before(&self, region: &Region, pack: &PackName, now: ProcessTime) -> Option<u32> {
        let levels = self.levels.get(&(region.clone(), pack.clone()))?;
        levels.iter().rfind(|level| level.old_at <= now)?.rules
    }

    /// The packs of a region that were there 24 hours ago, and how many effective rules each held.
    pub fn packs_before(
        &self,
        region: &Region,
        now: ProcessTime,
    ) -> impl Iterator<Item = (&PackName, u32)> {
        let region = region.clone();
        self.levels.keys().filter_map(move |(at, pack)| {
            let rules = (*at == region).then(|| self.rules_before(at, pack, now)).flatten()?;
            Some((pack, rules))
        })
    }

    /// Every loss that counts at this moment and that no approval permitted.
    pub fn counting(&self, now: ProcessTime) -> impl Iterator<Item = &Lost> {
        self.losses.iter().filter(move |lost| lost.until > now && lost.approval.is_none())
    }

    /// When this was held first, if it is.
    pub fn held(&self, at: &LossAt) -> Option<&HeldSince> {
        self.held.get(&at.key())
    }

    /// Every held loss.
    pub fn all_held(&self) -> impl Iterator<Item = (&LossAt, &HeldSince)> {
        self.held.iter()
    }

    /// Whether this approval may still be used for this loss. Without a record an earlier process
    /// may have used it: then it covers only what AWS last changed before it was first read.
    pub fn may_use(&self, approval: &Approval, at: &LossAt, last: Option<Timestamp>) -> bool {
        let id = approval.id();
        let key = at.key();
        // A loss that was permitted and never confirmed is still permitted.
        let is_open = self.losses.iter().any(|lost| !lost.confirmed && lost.at.key() == key);
        let is_used = self.used.contains(&(id, key)) && !is_open;
        let is_older = || match (self.read.get(&id), last) {
            (Some(read), Some(last)) => last <= after(read.first, DATE_PRECISION),
            (None, _) | (_, None) => true,
        };
        !is_used && self.unwritable.is_none() && (self.remembers || is_older())
    }

    /// Why an approval that is in force may not be used, in words.
    fn why_not_used(&self) -> VoidApprovalCause {
        // The record comes first: with an unwritable record no approval helps, so a new one would
        // be useless advice.
        if self.unwritable.is_some() {
            VoidApprovalCause::RecordUnwritable
        } else if self.remembers {
            VoidApprovalCause::Used
        } else {
            VoidApprovalCause::NoRecord
        }
    }

    /// Notes which approvals were read, and when for the first time, by AWS's clock.
    pub fn note_read<'a>(&mut self, all: impl Iterator<Item = &'a Approval>, aws_now: Timestamp) {
        self.read.retain(|_, read| read.expires > aws_now);
        for approval in all.filter(|approval| approval.expires > aws_now) {
            let id = approval.id();
            self.read.entry(id).or_insert_with(|| {
                self.newly_read.push(id);
                let (expires, rules) = (approval.expires, approval.named_rules());
                ReadApproval { first: aws_now, expires, rules }
            });
        }
    }

    /// Adds an approval that an earlier process read.
    pub fn recall_read(&mut self, approval: Digest, read: ReadApproval) {
        self.read.insert(approval, read);
    }

    /// The approvals that were read and are not recorded yet.
    pub fn take_newly_read(&mut self) -> Vec<(Digest, ReadApproval)> {
        let ids = std::mem::take(&mut self.newly_read).into_iter();
        ids.filter_map(|id| Some((id, self.read.get(&id)?.clone()))).collect()
    }

    /// The rules of a pack that approvals permit to lose in a region, by name: of all approvals
    /// that were read and have not expired, whether they are in the source now or not.
    pub fn rules_permitted(&self, pack: &PackName, region: &Region) -> BTreeSet<&str> {
        let named = self.read.values().flat_map(|read| &read.rules);
        let here = named.filter(|named| {
            named.pack == *pack
                && named.regions.as_ref().is_none_or(|regions| regions.contains(region))
        });
        here.flat_map(|named| &named.rules).map(String::as_str).collect()
    }

    /// Reserves a loss before its request is sent. It counts from now on, for every region.
    pub fn reserve(&mut self, lost: Lost, approval: Option<Digest>, now: ProcessTime) {
        self.losses.retain(|lost| lost.until > now);
        if let Some(approval) = approval {
            self.used.insert((approval, lost.at.key()));
            self.reserved.insert(lost.at.key(), approval);
        }
        let key = lost.at.key();
        self.held.remove(&key);
        // An earlier attempt at the same loss that was never confirmed is replaced, not counted
        // twice.
        self.losses.retain(|before| before.confirmed || before.at.key() != key);
        self.losses.push(lost);
    }

    /// Marks a loss as happened.
    pub fn confirm(&mut self, at: &LossAt) {
        for lost in self.losses.iter_mut().filter(|lost| lost.at == *at) {
            lost.confirmed = true;
        }
    }

    /// Notes that AWS could not carry out a delete of ours, which failed at this moment: whether it
    /// happened is not known any more. It counts still, and the next attempt is the same loss,
    /// under the same approval. Returns whether that is new.
    pub fn reopen(&mut self, at: &LossAt, failed: Timestamp) -> bool {
        let is_of_it = |lost: &&mut Lost| {
            let is_later = after(failed, FAILURE_ERROR) >= lost.when;
            lost.at == *at && lost.confirmed && !lost.external && is_later
        };
        let Some(lost) = self.losses.iter_mut().rfind(is_of_it) else { return false };
        lost.confirmed = false;
        true
    }

    /// Removes a reserved loss that did not happen.
    pub fn retract(&mut self, at: &LossAt) {
        if let Some(index) = self.losses.iter().rposition(|lost| lost.at == *at) {
            self.losses.remove(index);
        }
        // Only the use that belongs to this reservation is freed: an older approval may have been
        // used for the same loss.
        if let Some(approval) = self.reserved.remove(&at.key()) {
            self.used.remove(&(approval, at.key()));
        }
    }

    /// Replaces the held losses of a region. A held loss that is no longer requested, although its
    /// pack can be judged, was withdrawn.
    pub fn hold(
        &mut self,
        region: &Region,
        asked: &BTreeSet<LossAt>,
        could_be: impl Fn(&PackName) -> bool,
        since: HeldSince,
    ) -> Holding {
        let asked: BTreeSet<LossAt> = asked.iter().map(LossAt::key).collect();
        let here = self.held.keys().filter(|held| held.region == *region);
        // Deleting the whole pack requests more than the held loss, so it does not withdraw that
        // loss.
        let asks_for_more = |held: &LossAt| {
            held.loss != Loss::Pack && asked.contains(&LossAt { loss: Loss::Pack, ..held.clone() })
        };
        let gone = here
            .filter(|held| !asked.contains(held) && !asks_for_more(held) && could_be(&held.pack));
        let withdrawn: Vec<LossAt> = gone.cloned().collect();
        for gone in &withdrawn {
            self.held.remove(gone);
        }
        let mut changed = Vec::new();
        for at in asked {
            // A loss that was held for a stronger basis keeps it.
            let before = self.held.get(&at).copied();
            let basis = before.map_or(since.basis, |before| before.basis.max(since.basis));
            let held = HeldSince { basis, ..before.unwrap_or(since) };
            if before != Some(held) {
                self.held.insert(at.clone(), held);
                changed.push((at, held));
            }
        }
        Holding { changed, withdrawn }
    }
}

/// When something that happened `age` ago has left the window.
fn old_at(age: Duration, now: ProcessTime) -> ProcessTime {
    SPAN.checked_sub(age).map_or(ProcessTime::ZERO, |left| now.saturating_add(left))
}

impl<'a> Approvals<'a> {
    /// An approval that names this loss and does not count, and why.
    pub fn void(
        &self,
        window: &LossWindow,
        loss: &LossAt,
        last_update: Option<Timestamp>,
    ) -> Option<VoidApproval> {
        let names =
            |approval: &&Approval| approval.permits.iter().any(|permit| permit.covers(loss));
        let mut naming = self.all.values().filter(names);
        naming.find_map(|approval| {
            let why = match self.validity(approval) {
                Validity::Expired => VoidApprovalCause::Expired,
                Validity::TooLong => VoidApprovalCause::TooLong,
                // An approval that may be used covers the loss, so it is not void.
                Validity::InForce if window.may_use(approval, loss, last_update) => return None,
                Validity::InForce => window.why_not_used(),
            };
            Some(VoidApproval { name: approval.name.clone(), why })
        })
    }

    /// The approval that covers this loss of a pack that AWS last changed at `last_update`, if one
    /// does that was not used for it before.
    pub fn covering(
        &self,
        window: &LossWindow,
        loss: &LossAt,
        last_update: Option<Timestamp>,
    ) -> Option<&'a Approval> {
        let in_force = |approval: &&Approval| self.validity(approval) == Validity::InForce;
        let mut valid = self.all.values().filter(in_force);
        valid.find(|approval| {
            approval.permits.iter().any(|permit| permit.covers(loss))
                && window.may_use(approval, loss, last_update)
        })
    }
}
