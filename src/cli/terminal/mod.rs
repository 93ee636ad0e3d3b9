//! What commands write to a terminal with: text, colors, excerpts of files.

pub mod excerpt;
pub(super) mod paint;

use std::io::Write as _;

/// Writes to stdout; a closed pipe is an error like any other.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes())
}
