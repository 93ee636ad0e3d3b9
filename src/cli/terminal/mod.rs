//! What commands write to a terminal with: text, colors, excerpts of files.
//!
//! A reader that closes the pipe, as `head` does, has read enough. A command that answers once then
//! goes on and keeps its exit code; one without an end ends.

pub mod excerpt;
pub(super) mod paint;
pub(super) mod table;

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use crate::text::Layout;

/// Writes to stdout. A pipe that its reader closed is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    unless_closed(write(text))
}

/// Writes a part of an output without an end to stdout; a closed pipe ends the command.
pub(super) fn stream(text: &str) -> io::Result<()> {
    write(text).map_err(|error| {
        let is_closed = error.kind() == ErrorKind::BrokenPipe;
        if is_closed { io::Error::new(ErrorKind::BrokenPipe, PipeClosed) } else { error }
    })
}

/// Writes to stderr, beside the log. A pipe that its reader closed is no error.
pub(super) fn note(text: &str) -> io::Result<()> {
    unless_closed(io::stderr().lock().write_all(text.as_bytes()))
}

/// As wide as the terminal, and as long as it takes where there is none.
pub(super) fn layout(wide: bool) -> Layout {
    let stdout = io::stdout();
    let size = terminal_size::terminal_size_of(&stdout).filter(|_| stdout.is_terminal());
    Layout { width: size.map(|(width, _)| width.0), wide }
}

/// The reader of an output without an end has read enough.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the output has closed it")]
struct PipeClosed;

/// Whether a command ended because nothing reads its output any more.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    let mut inner = causes.filter_map(io::Error::get_ref);
    inner.any(|inner| inner.downcast_ref::<PipeClosed>().is_some())
}

/// The lines are flushed: text without a line break at its end would stay in the buffer, and the
/// end of the process ignores that it cannot be written.
fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
