//! What the process remembers of one region between observations.
//!
//! Nothing here is needed for safety after a restart: losing it costs a second look or, at worst,
//! one redundant Put. What must survive rides on the packs themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::content::fingerprint_of;
use super::desired::{Basis, Desired, Want};
use super::failure::FailureKind;
use super::model::{Digest, Marker, PackName, Timestamp};
use super::observed::{ObservedPack, Ownership, Phase, RolloutStatus, Seen};
use super::outcome::{Outcome, Verdict};
use super::plan::{Action, Reason};

/// How long things take: the settings' interval and figures that were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two ticks of a region (settings: `intervals.region`).
    pub interval: Duration,
    /// Before a pack in progress, or a suspicious sight, is looked at again.
    pub look_again: Duration,
    /// How long a write may stay invisible (10 min: Terraform's AWS provider polls as long).
    pub settle: Duration,
    /// First wait before a failed deployment is put again; doubles.
    pub retry_min: Duration,
    /// Longest such wait.
    pub retry_max: Duration,
    /// Before content that AWS refused is offered again unchanged.
    pub recheck: Duration,
    /// Longest wait of a requeued write.
    pub requeue_max: Duration,
}

impl Pace {
    /// The figures that were chosen, around this interval.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            look_again: Duration::from_mins(1).min(interval),
            settle: Duration::from_mins(10),
            retry_min: Duration::from_hours(1),
            retry_max: Duration::from_hours(24),
            recheck: Duration::from_hours(24),
            requeue_max: Duration::from_mins(15),
        }
    }
}

/// More Puts of one content than this within [`FIGHT_WINDOW`] are a fight with a second writer.
const FIGHT_PUTS: usize = 6;
/// See [`FIGHT_PUTS`].
const FIGHT_WINDOW: Duration = Duration::from_hours(6);
/// How long a fight is left alone.
const FIGHT_REST: Duration = Duration::from_hours(24);

/// One region's memory.
#[derive(Debug, Clone, Default)]
pub struct History {
    packs: BTreeMap<PackName, Memory>,
    /// Why nothing may be written here until the process restarts.
    pub stopped: Option<String>,
    /// Why the caller may not write, and when to try again.
    pub denied: Option<Wait>,
    /// When creates may be tried again after AWS said that the quota is used up.
    pub quota: Option<Wait>,
}

/// What is remembered of one pack.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Since when complete observations show it ours and a whole source does not want it.
    pub unwanted: Option<(Timestamp, Marker)>,
    /// The content last seen in force while it was wanted, and AWS's time stamp of it.
    pub settled: Option<(Digest, Timestamp)>,
    /// A sight that differs from what settled, and since when.
    pub suspect: Option<(Sight, Timestamp)>,
    /// A write that AWS may not show yet.
    pub sent: Option<Sent>,
    /// Content that AWS refused, when, and in which words.
    pub rejected: Option<(Digest, Timestamp, String)>,
    /// A write that has to wait.
    pub requeued: Option<Wait>,
    /// Puts of one and the same content: their fingerprint and times.
    pub puts: Option<(Digest, Vec<Timestamp>)>,
    /// How often a failed deployment was put again.
    pub retries: u32,
}

/// What a look at one pack showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
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
    /// When.
    pub at: Timestamp,
    /// AWS's time stamp of the pack before.
    pub before: Option<Timestamp>,
}

/// Something to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Not before.
    pub until: Timestamp,
    /// How often it failed in a row.
    pub attempts: u32,
    /// What happened.
    pub why: String,
}

/// `now` plus a span, never past the end of time.
pub fn after(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// `base` doubled `times` times, at most `max`.
pub fn backoff(base: Duration, times: u32, max: Duration) -> Duration {
    base.saturating_mul(2_u32.saturating_pow(times)).min(max)
}

impl History {
    /// What is remembered of this pack.
    pub fn of(&self, pack: &PackName) -> Option<&Memory> {
        self.packs.get(pack)
    }

    /// Takes in a complete observation.
    pub fn observe(&mut self, seen: &Seen, desired: &Desired, now: Timestamp, pace: &Pace) {
        self.stopped = self.stopped.take().or_else(|| self.lost_marker(seen));
        let names = seen.packs.keys().chain(desired.packs.keys());
        let names: std::collections::BTreeSet<&PackName> = names.chain(self.packs.keys()).collect();
        let observed: Vec<(PackName, Memory)> = names
            .into_iter()
            .filter_map(|name| {
                let memory = self.packs.get(name).cloned().unwrap_or_default();
                let memory = memory.observe(seen.packs.get(name), name, desired, (now, pace));
                memory.is_worth_keeping().then(|| (name.clone(), memory))
            })
            .collect();
        self.packs = observed.into_iter().collect();
    }

    /// A Put of ours that AWS shows without its marker: this region does not echo markers, so
    /// nothing that is written here could be recognised again.
    fn lost_marker(&self, seen: &Seen) -> Option<String> {
        self.packs.iter().find_map(|(name, memory)| {
            let sent = memory.sent.filter(|sent| sent.content.is_some())?;
            let pack = seen.packs.get(name)?;
            let is_newer = sent.before.is_none_or(|before| pack.record.last_update > before);
            (is_newer && pack.ownership == Ownership::Unmanaged).then(|| {
                format!(
                    "the marker of {name} did not read back after its Put, so packs written here \
                     could not be recognised; nothing more is written until conformd restarts"
                )
            })
        })
    }

    /// Takes in what became of a step.
    pub fn record(&mut self, outcome: &Outcome, now: Timestamp, pace: &Pace) {
        let Outcome { step, verdict } = outcome;
        let memory = self.packs.entry(step.pack.clone()).or_default();
        let content = step.action.content().map(super::content::Content::fingerprint);
        match verdict {
            Verdict::Accepted { .. } | Verdict::Unknown { .. } => {
                memory.sent = Some(Sent { content, at: now, before: step.last_update });
                memory.requeued = None;
                memory.rejected = None;
                memory.suspect = None;
                if let Some(content) = content {
                    memory.count_put(content, now);
                }
                if matches!(step.reason, Reason::Failed { .. }) {
                    memory.retries = memory.retries.saturating_add(1);
                }
            }
            Verdict::Failed { kind: FailureKind::Rejected, why } => {
                if let Some(content) = content {
                    memory.rejected = Some((content, now, why.clone()));
                }
            }
            Verdict::Failed { kind: FailureKind::NoSuchPack, .. } => {
                // Gone already: the next observation decides.
                memory.sent = Some(Sent { content: None, at: now, before: step.last_update });
            }
            Verdict::Failed { kind: FailureKind::Quota, why } => {
                self.quota =
                    Some(Wait { until: after(now, pace.retry_min), attempts: 1, why: why.clone() });
            }
            Verdict::Failed { kind, why } if denies(*kind) => {
                let attempts = self.denied.as_ref().map_or(0, |wait| wait.attempts);
                let span = backoff(Duration::from_mins(1), attempts, pace.requeue_max);
                self.denied = Some(Wait {
                    until: after(now, span),
                    attempts: attempts.saturating_add(1),
                    why: why.clone(),
                });
            }
            Verdict::Failed { kind: _, why } => {
                let attempts = memory.requeued.as_ref().map_or(0, |wait| wait.attempts);
                let span = backoff(pace.look_again, attempts, pace.requeue_max);
                memory.requeued = Some(Wait {
                    until: after(now, jittered(span, &step.pack, attempts)),
                    attempts: attempts.saturating_add(1),
                    why: why.clone(),
                });
            }
            Verdict::NotStarted => {}
        }
        if matches!(verdict, Verdict::Accepted { .. }) {
            self.denied = None;
            if matches!(step.action, Action::Create(_)) {
                self.quota = None;
            }
        }
    }
}

/// Failures that stop every write of the region, not of one pack.
fn denies(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Denied
            | FailureKind::NotDelegated
            | FailureKind::RegionDisabled
            | FailureKind::Credentials
            | FailureKind::NoOrganization
    )
}

/// Up to a quarter more, by name and attempt, so that packs do not come back all at once.
fn jittered(span: Duration, pack: &PackName, attempts: u32) -> Duration {
    let digest = Digest::of([pack.as_str().as_bytes(), &attempts.to_be_bytes()]);
    let quarter = span.checked_div(4).unwrap_or_default();
    let sixteenth = u32::from_str_radix(&digest.short(), 16).unwrap_or_default() >> 28;
    let jitter = quarter.saturating_mul(sixteenth).checked_div(16).unwrap_or_default();
    span.saturating_add(jitter)
}

impl Memory {
    fn observe(
        mut self,
        pack: Option<&ObservedPack>,
        name: &PackName,
        desired: &Desired,
        (now, pace): (Timestamp, &Pace),
    ) -> Self {
        let sight = pack.map_or(Sight::Absent, |pack| {
            Sight::Holds(fingerprint_of(&pack.record), pack.record.last_update)
        });
        self.expire(sight, now, pace);
        let ours = pack.and_then(|pack| match &pack.ownership {
            Ownership::Ours(marker) => Some(marker),
            Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => None,
        });
        let wanted = desired.packs.get(name);
        self.unwanted = match (ours, wanted, &desired.basis) {
            (Some(marker), None, Basis::Whole) => match self.unwanted {
                Some((since, before)) if before == *marker => Some((since, before)),
                _ => Some((now, marker.clone())),
            },
            _ => None,
        };
        if let Some(Want::Pack(want)) = wanted {
            self.compare(sight, want.content.fingerprint(), now);
        } else {
            self.settled = None;
            self.suspect = None;
        }
        let failed = pack.and_then(|pack| pack.status.as_ref()).is_some_and(|record| {
            matches!(record.status, RolloutStatus::Known(_, Phase::Failed | Phase::InProgress))
        });
        if pack.is_some() && !failed {
            self.retries = 0;
        }
        self
    }

    /// Forgets a write that shows, or that had time enough to show.
    fn expire(&mut self, sight: Sight, now: Timestamp, pace: &Pace) {
        let Some(sent) = self.sent else { return };
        let shows = match (sent.content, sight) {
            (Some(content), Sight::Holds(seen, _)) => content == seen,
            (None, Sight::Absent) => true,
            (Some(_), Sight::Absent) | (None, Sight::Holds(..)) => false,
        };
        if shows {
            self.requeued = None;
            // Our own write explains whatever changed.
            self.settled = None;
        }
        if shows || now >= after(sent.at, pace.settle) {
            self.sent = None;
        }
    }

    /// Compares a sight with what is wanted and with what was last seen in force.
    fn compare(&mut self, sight: Sight, want: Digest, now: Timestamp) {
        match (sight, self.settled) {
            (Sight::Holds(seen, at), None) if seen == want => {
                self.settled = Some((seen, at));
                self.suspect = None;
            }
            (Sight::Holds(seen, at), Some((settled, before)))
                if seen == want && settled == want && at <= before =>
            {
                self.suspect = None;
            }
            // The manifest changed since: whatever is there is to be replaced, not suspected.
            (_, Some((settled, _))) if settled != want => {
                self.settled = None;
                self.suspect = None;
            }
            (sight, Some(_)) => {
                let since = match self.suspect {
                    Some((before, since)) if before == sight => since,
                    _ => now,
                };
                self.suspect = Some((sight, since));
            }
            (_, None) => {}
        }
    }

    fn count_put(&mut self, content: Digest, now: Timestamp) {
        let mut times = match self.puts.take() {
            Some((before, times)) if before == content => times,
            _ => Vec::new(),
        };
        times.retain(|at| after(*at, FIGHT_REST) > now);
        times.push(now);
        self.puts = Some((content, times));
    }

    /// When the next heal of this content is allowed, if it is not allowed now.
    pub fn heal_not_before(&self, content: Digest, now: Timestamp, pace: &Pace) -> Option<Heal> {
        let (_, times) = self.puts.as_ref().filter(|(of, _)| *of == content)?;
        let last = *times.last()?;
        let fight_start = |at: &&Timestamp| after(**at, FIGHT_WINDOW) > last;
        let recent = times.iter().filter(fight_start).count();
        let heal = if recent > FIGHT_PUTS {
            Heal { until: after(last, FIGHT_REST), puts: Some(recent) }
        } else {
            Heal { until: after(last, pace.interval), puts: None }
        };
        (heal.until > now).then_some(heal)
    }

    fn is_worth_keeping(&self) -> bool {
        let Self { unwanted, settled, suspect, sent, rejected, requeued, puts, retries } = self;
        unwanted.is_some()
            || settled.is_some()
            || suspect.is_some()
            || sent.is_some()
            || rejected.is_some()
            || requeued.is_some()
            || puts.is_some()
            || *retries > 0
    }
}

/// Why a heal has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heal {
    /// Until when.
    pub until: Timestamp,
    /// How many Puts there were, when they are a fight.
    pub puts: Option<usize>,
}
