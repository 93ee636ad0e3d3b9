//! A value over time: nothing is overwritten, so that earlier moments can still be read.

use std::time::Duration;

use crate::domain::base::model::Timestamp;

/// A value that changed at known moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timeline<T> {
    first: T,
    changes: Vec<(Timestamp, T)>,
}

impl<T: PartialEq> Timeline<T> {
    /// A value that was always so.
    pub(super) fn new(first: T) -> Self {
        Self { first, changes: Vec::new() }
    }

    /// The value from `at` on; `at` must not lie before an earlier change.
    pub(super) fn set(&mut self, at: Timestamp, value: T) {
        if *self.last() != value {
            self.changes.push((at, value));
        }
    }

    /// The value at this moment, a change of this very moment included.
    pub(super) fn at(&self, at: Timestamp) -> &T {
        let change = self.changes.iter().rev().find(|(since, _)| *since <= at);
        change.map_or(&self.first, |(_, value)| value)
    }

    /// The value just before this moment.
    pub(super) fn before(&self, at: Timestamp) -> &T {
        let change = self.changes.iter().rev().find(|(since, _)| *since < at);
        change.map_or(&self.first, |(_, value)| value)
    }

    /// The value that was set last.
    pub(super) fn last(&self) -> &T {
        self.changes.last().map_or(&self.first, |(_, value)| value)
    }

    /// When it was set last, if ever.
    pub(super) fn changed(&self) -> Option<Timestamp> {
        self.changes.last().map(|(at, _)| *at)
    }

    /// Every change, oldest first, with the value before and after.
    pub(super) fn changes(&self) -> impl Iterator<Item = (Timestamp, &T, &T)> {
        let earlier =
            std::iter::once(&self.first).chain(self.changes.iter().map(|(_, value)| value));
        self.changes.iter().zip(earlier).map(|((at, new), old)| (*at, old, new))
    }
}

/// The moment this much later, or the end of time.
pub(super) fn after(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The moment this much earlier, or the beginning of time.
pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
