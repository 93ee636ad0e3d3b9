//! Randomness in the world: pure functions of the seed and of the purpose of the draw, so that
//! equal runs draw equal values and the order of draws does not matter.

use std::time::Duration;

/// A number that depends on nothing but these.
pub(super) fn draw(seed: u64, what: &[&str], number: u64) -> u64 {
    let named = what.iter().fold(mix(seed), |state, part| mix(state ^ fnv(part)));
    mix(named ^ number)
}

/// Any time from zero to `max`, in whole milliseconds.
pub(super) fn up_to(max: Duration, drawn: u64) -> Duration {
    let milliseconds = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
    match milliseconds.checked_add(1) {
        Some(choices) => Duration::from_millis(drawn % choices),
        None => Duration::from_millis(drawn),
    }
}

/// `length` characters out of lower-case letters and digits.
pub(super) fn alphanumeric(mut drawn: u64, length: usize) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        let letter = LETTERS.iter().copied().nth(usize_of(drawn % 36)).unwrap_or(b'x');
        text.push(char::from(letter));
        drawn = mix(drawn);
    }
    text
}

/// An order of `0..count`, computed place by place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permutation {
    count: u64,
    factor: u64,
    shift: u64,
}

impl Permutation {
    /// The natural order.
    pub(super) fn identity(count: usize) -> Self {
        Self { count: count as u64, factor: 1, shift: 0 }
    }

    /// The order that belongs to this draw.
    pub(super) fn drawn(count: usize, drawn: u64) -> Self {
        let count = count as u64;
        if count < 2 {
            return Self { count, factor: 1, shift: 0 };
        }
        let mut factor = 1 + mix(drawn) % (count - 1);
        while greatest_common_divisor(factor, count) != 1 {
            factor += 1;
        }
        Self { count, factor, shift: drawn % count }
    }

    /// The element at this place; `place` must be less than the count.
    pub(super) fn at(&self, place: usize) -> usize {
        let Self { count, factor, shift } = *self;
        if count == 0 {
            return place;
        }
        let product = u128::from(factor) * (place as u128) + u128::from(shift);
        usize::try_from(product % u128::from(count)).unwrap_or(place)
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// FNV-1a, 64 bits.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_permutation_shows_every_place_once(count in 0_usize..300, drawn: u64) {
            let order = Permutation::drawn(count, drawn);
            let shown: BTreeSet<usize> = (0..count).map(|place| order.at(place)).collect();
            prop_assert_eq!(shown, (0..count).collect());
        }
    }
}
