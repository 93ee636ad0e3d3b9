//! The Puts of one content by this process: which `LastUpdateTime` each of them explains, and how
//! many there were.
//!
//! Why a pack is put is decided in `planner`.

use std::time::Duration;

use crate::domain::base::model::{Digest, Timestamp};
use crate::domain::base::time::after;

/// More Puts of one content than this within [`FIGHT_WINDOW`] are a conflict with a second writer.
const FIGHT_PUTS: usize = 6;
/// See [`FIGHT_PUTS`].
const FIGHT_WINDOW: Duration = Duration::from_hours(6);
/// How long conformd writes nothing after a conflict.
const FIGHT_REST: Duration = Duration::from_hours(24);

/// How far AWS's timestamp of our Put may lie outside the time that the request took:
/// `LastUpdateTime` is the time of the request (`docs/aws.md`), and conformd knows AWS's time from
/// the `Date` of its answers, which counts whole seconds and travels for some.
const TIMESTAMP_ERROR: Duration = Duration::from_secs(10);
/// The same after the end of a request without a clear answer: it may have reached AWS later.
const UNCLEAR: Duration = Duration::from_mins(2);

/// The time that a request took, by AWS's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteSpan {
    /// When it was sent.
    pub began: Timestamp,
    /// When its answer arrived, or conformd stopped waiting for it.
    pub ended: Timestamp,
}

impl WriteSpan {
    /// A request that took no time.
    pub fn at(moment: Timestamp) -> Self {
        Self { began: moment, ended: moment }
    }

    /// Whether AWS may have carried out the request at this moment or later than it.
    pub fn reaches(&self, at: Timestamp) -> bool {
        after(at, TIMESTAMP_ERROR) >= self.began
    }
}

/// One Put of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentPut {
    /// When.
    pub span: WriteSpan,
    /// Whether AWS accepted it; else there was no clear answer.
    pub accepted: bool,
    /// Whether it was a redeployment to failed members: such Puts do not count for a conflict.
    pub is_remedy: bool,
    /// AWS's timestamp of it, once a listing has shown one that can be it.
    pub shown: Option<Timestamp>,
}

impl SentPut {
    /// Whether AWS's timestamp is later than any that this Put can have.
    pub fn is_before(&self, at: Timestamp) -> bool {
        let error = if self.accepted { TIMESTAMP_ERROR } else { UNCLEAR };
        at > after(self.span.ended, error)
    }

    /// Whether AWS's timestamp can be that of this Put.
    pub(super) fn explains(&self, at: Timestamp) -> bool {
        // One Put moves `LastUpdateTime` once: a second timestamp is another writer's, however soon
        // it follows.
        self.shown.map_or_else(|| self.span.reaches(at) && !self.is_before(at), |shown| shown == at)
    }
}

/// The Puts of one content that count for a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutSeries {
    /// Its fingerprint.
    pub content: Digest,
    /// The Puts, the oldest first.
    puts: Vec<SentPut>,
}

/// A pack that another writer keeps changing back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fight {
    /// How often it was put within the window.
    pub puts: usize,
    /// Until when it is left alone.
    pub until: Timestamp,
}

impl PutSeries {
    /// The series with one more Put; another content begins a new one.
    pub(super) fn with(before: Option<Self>, content: Digest, put: SentPut) -> Self {
        let mut puts = match before {
            Some(before) if before.content == content => before.puts,
            Some(_) | None => Vec::new(),
        };
        puts.retain(|before| after(before.span.ended, FIGHT_WINDOW) > put.span.ended);
        puts.push(put);
        Self { content, puts }
    }

    /// Whether it still matters.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        self.last().is_some_and(|last| after(last, FIGHT_REST) > now)
    }

    /// When the last Put ended.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.puts.last().map(|put| put.span.ended)
    }

    /// Assigns AWS's timestamp to the Put that it belongs to; returns whether there is one.
    pub(super) fn assign(&mut self, at: Timestamp) -> bool {
        let Some(put) = self.puts.iter_mut().find(|put| put.explains(at)) else { return false };
        put.shown = Some(at);
        true
    }

    /// The conflict, as long as conformd writes nothing because of it.
    pub(super) fn fight(&self, now: Timestamp) -> Option<Fight> {
        let times = self.puts.iter().filter(|put| !put.is_remedy).map(|put| put.span.ended);
        let times: Vec<Timestamp> = times.collect();
        let (puts, until) = (times.len(), after(*times.last()?, FIGHT_REST));
        (puts > FIGHT_PUTS && until > now).then_some(Fight { puts, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn put(accepted: bool) -> PutSeries {
        let span = WriteSpan { began: at(0), ended: at(5) };
        let put = SentPut { span, accepted, is_remedy: false, shown: None };
        PutSeries::with(None, Digest::of([]), put)
    }

    #[test]
    fn a_put_explains_a_timestamp_of_about_its_time_and_no_later_one() {
        let explains = |accepted, seconds| put(accepted).assign(at(seconds));
        assert_eq!(
            [-11, -10, 0, 5, 15, 16].map(|it| explains(true, it)),
            [false, true, true, true, true, false]
        );
        assert_eq!([125, 126].map(|it| explains(false, it)), [true, false]);
    }

    #[test]
    fn a_put_explains_one_timestamp_only() {
        let mut series = put(true);
        assert!(series.assign(at(1)) && series.assign(at(1)));
        assert!(!series.assign(at(2)));
    }
}
