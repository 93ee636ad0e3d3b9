//! Numbers and times in words.

use super::model::Timestamp;

/// Minutes, hours and days, in seconds.
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A span of time in its two largest units: `2h 10m`, `3d 4h`, `45s`.
pub fn span(seconds: i64) -> String {
    // Two clocks may disagree by a little, which must not show as a negative age.
    let seconds = seconds.max(0);
    let (large, unit, small, rest) = match seconds {
        ..MINUTE => return format!("{seconds}s"),
        MINUTE..HOUR => return format!("{}m", seconds / MINUTE),
        HOUR..DAY => (seconds / HOUR, "h", seconds % HOUR / MINUTE, "m"),
        DAY.. => (seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    };
    if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit} {small}{rest}") }
}

/// How long ago this was: `5m ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(seconds_to(at, now)))
}

/// The seconds from one moment to another; negative when the other is the earlier one.
pub fn seconds_to(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

/// What is left until a moment, or how long ago it passed.
pub fn left(seconds: i64) -> String {
    if seconds < 0 {
        format!("passed {} ago", span(seconds.saturating_neg()))
    } else {
        format!("{} left", span(seconds))
    }
}

/// `1 account`, `2 accounts`.
pub fn many(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The name of the only one, or how many there are; `None` if there is none.
pub fn counted(names: &[&str], noun: &str) -> Option<String> {
    match names {
        [] => None,
        [only] => Some((*only).to_owned()),
        names => Some(many(names.len(), noun)),
    }
}

/// A number with its thousands apart: `10,000`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `a, b and 3 more`: the first few of a list.
pub fn first_few(all: &[String], most: usize) -> String {
    let shown = all.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units_at_most() {
        let said = [0, 59, 60, 3_599, 3_600, 7_800, 86_400, 273_600, -5].map(span);
        let expected = ["0s", "59s", "1m", "59m", "1h", "2h 10m", "1d", "3d 4h", "0s"];
        assert_eq!(said, expected);
        assert_eq!([left(7_800), left(0), left(-60)], ["2h 10m left", "0s left", "passed 1m ago"]);
    }

    #[test]
    fn lists_are_cut_and_say_so() {
        let all = ["a", "b", "c"].map(ToOwned::to_owned);
        let numbers = [0, 999, 1_000, 10_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "10,000", "1,234,567"]);
        assert_eq!([first_few(&all, 3), first_few(&all, 2)], ["a, b, c", "a, b and 1 more"]);
    }
}
