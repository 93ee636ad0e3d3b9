//! A moment as every available clock showed it, and how much time has passed since.
//!
//! The time of day can be set, a machine can sleep, and AWS does not always answer: moments of
//! different processes are compared by all clocks, and the smallest difference counts. `clock`
//! reads the clocks.

use std::time::Duration;

use super::model::Timestamp;

/// A moment, by every available clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The machine's time of day, right or wrong.
    pub wall: Timestamp,
    /// AWS's time; `None` while two of its answers have not agreed.
    pub aws: Option<Timestamp>,
    /// How long the machine had run; `None` if the system does not provide it.
    pub boot: Option<BootTime>,
}

impl Stamp {
    /// A moment of which only the time of day is known.
    pub fn of_wall(wall: Timestamp) -> Self {
        Self { wall, aws: None, boot: None }
    }
}

/// How long a machine had run since it was started, sleep included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootTime {
    /// The id of the start: differences between two starts mean nothing.
    pub id: String,
    /// The time since then.
    pub elapsed: Duration,
}

/// How much time has passed for certain from `then` to `now`: the least that any clock shows which
/// both moments know. A clock that went back shows none.
///
/// An entry that limits something is kept until it is this old, so that no clock that jumps ahead
/// ends it early.
pub fn age(then: &Stamp, now: &Stamp) -> Duration {
    let Stamp { wall, aws, boot } = then;
    let by_wall = passed(*wall, now.wall);
    let by_aws = aws.zip(now.aws).map(|(then, now)| passed(then, now));
    let by_boot = boot.as_ref().zip(now.boot.as_ref());
    let by_boot = by_boot.filter(|(then, now)| then.id == now.id);
    let by_boot = by_boot.map(|(then, now)| now.elapsed.saturating_sub(then.elapsed));
    [by_aws, by_boot].into_iter().flatten().fold(by_wall, Duration::min)
}

fn passed(then: Timestamp, now: Timestamp) -> Duration {
    // What is negative is no `Duration`.
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    /// Up to some 46 days.
    const SECONDS: std::ops::Range<i64> = -4_000_000..4_000_000;

    /// What is wrong with each clock at a moment: seconds ahead. `None`: it is not there.
    type Errors = (i64, Option<i64>, Option<(bool, u64)>);

    fn errors() -> impl Strategy<Value = Errors> {
        let boot = proptest::option::of((any::<bool>(), 0_u64..4_000_000));
        (SECONDS, proptest::option::of(SECONDS), boot)
    }

    fn stamp(truth: u64, (wall, aws, boot): Errors) -> Stamp {
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let at = start + SignedDuration::from_secs(truth.try_into().unwrap());
        let id = |is_first: bool| if is_first { "first" } else { "second" };
        Stamp {
            wall: at + SignedDuration::from_secs(wall),
            aws: aws.map(|error| at + SignedDuration::from_secs(error)),
            boot: boot.map(|(is_first, error)| BootTime {
                id: id(is_first).to_owned(),
                elapsed: Duration::from_secs(truth + error),
            }),
        }
    }

    proptest! {
        #[test]
        fn nothing_is_older_than_any_clock_that_both_moments_know_shows(
            (truth, later) in (0_u64..4_000_000, 0_u64..4_000_000),
            (first, second) in (errors(), errors()),
        ) {
            let (then, now) = (stamp(truth, first), stamp(truth + later, second));
            let age = age(&then, &now);
            let whole = |later: u64, before: i64, after: i64| {
                Duration::from_secs(later.saturating_add_signed(after - before))
            };
            let mut shown = vec![whole(later, first.0, second.0)];
            if let (Some(before), Some(after)) = (first.1, second.1) {
                shown.push(whole(later, before, after));
            }
            if let (Some((boot, before)), Some((same, after))) = (first.2, second.2)
                && boot == same
            {
                shown.push(Duration::from_secs((later + after).saturating_sub(before)));
            }
            prop_assert_eq!(Some(&age), shown.iter().min(), "{:?}", shown);
        }

        #[test]
        fn one_clock_that_is_right_is_enough_whatever_the_others_do(
            (truth, later) in (0_u64..4_000_000, 0_u64..4_000_000),
            (first, second) in (errors(), errors()),
            right in 0..3,
        ) {
            let set = |(wall, aws, boot): Errors| match right {
                0 => (0, aws, boot),
                1 => (wall, Some(0), boot),
                _ => (wall, aws, Some((true, 0))),
            };
            let (then, now) = (stamp(truth, set(first)), stamp(truth + later, set(second)));
            prop_assert!(age(&then, &now) <= Duration::from_secs(later));
        }

        #[test]
        fn clocks_that_are_right_tell_the_truth(
            (truth, later) in (0_u64..4_000_000, 0_u64..4_000_000),
            aws in any::<(bool, bool)>(),
            boot in any::<(bool, bool)>(),
        ) {
            let right = |aws: bool, boot: bool| {
                (0, aws.then_some(0), boot.then_some((true, 0)))
            };
            let then = stamp(truth, right(aws.0, boot.0));
            let now = stamp(truth + later, right(aws.1, boot.1));
            prop_assert_eq!(age(&then, &now), Duration::from_secs(later));
        }
    }
}
