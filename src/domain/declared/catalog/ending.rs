//! How a file ends: one that was cut off tells less than was written.

use serde::de::IgnoredAny;

/// What some editors begin a file of UTF-8 with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a file ends with a line, or is JSON as a whole: cut off, it would be neither.
pub(super) fn is_ended(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    bytes.ends_with(b"\n") || serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_as_a_whole_may_end_within_a_line() {
        for whole in ["a: 1\n", "{\"a\": {\"b\": 1}}", "  {\"a\": 1}", "\u{feff}{\"a\": 1}"] {
            assert!(is_ended(whole.as_bytes()), "{whole}");
        }
        for cut in ["a: 1", "{a: 1}", "{\"a\": 1}\n---\nb: {c: 1}", "{\"a\": 1} # }", "b: # }"] {
            assert!(!is_ended(cut.as_bytes()), "{cut}");
        }
    }
}
