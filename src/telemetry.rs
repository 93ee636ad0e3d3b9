//! The log: its lines, their form, and a writer that never holds up the daemon.
//!
//! Lines go to standard error through a bounded queue and a thread of its own. If the reader of a
//! pipe stops, lines are dropped and counted, and reconciliation goes on. (`tracing-appender` drops
//! too, but brings a date library along and cannot say in the log that lines are missing.) Neither
//! `RUST_LOG` nor any other variable is read here: the level is an argument.

use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::panic;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Bytes that may wait: some tens of thousands of lines, seconds of the busiest tick.
const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the end of the process waits for the last lines to be written.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// How a line looks (`--log-format`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownFormat, parse_err_fn = unknown_format)]
pub enum LogFormat {
    /// Text.
    #[default]
    Text,
    /// One object a line, for collectors.
    Json,
}

/// A log format that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the log format is text or json")]
pub struct UnknownFormat;

fn unknown_format(_: &str) -> UnknownFormat {
    UnknownFormat
}

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogProblem {
    /// The level is none.
    #[error("{level:?} is neither error, warn, info, debug, trace, off nor a filter")]
    Level {
        /// As given.
        level: String,
        /// What is wrong with the filter, if it is not valid.
        source: Option<tracing_subscriber::filter::ParseError>,
    },
    /// The writing thread cannot be started.
    #[error("the thread that writes the log cannot be started")]
    Thread {
        /// Why.
        source: io::Error,
    },
    /// Another log was set up in this process.
    #[error("the log was set up before")]
    Twice {
        /// Why.
        source: tracing_subscriber::util::TryInitError,
    },
}

/// The log of this process, once there is one.
static LOG: OnceLock<Arc<Queue>> = OnceLock::new();

/// Writes a line by `say`; whether the log took it. A log whose queue is full, or whose last line
/// could not be written (full disk, closed pipe), takes none. Another thread's dropped line may
/// make this one count as not taken; never the other way round.
pub fn accepts(say: impl FnOnce()) -> bool {
    let dropped = || LOG.get().map_or(0, |queue| queue.lock().dropped);
    let before = dropped();
    say();
    before == dropped() && LOG.get().is_none_or(|queue| !queue.lock().is_failing)
}

/// Keeps the log; dropping it waits, for at most a second, until the last lines are written.
#[derive(Debug)]
#[must_use = "the last lines are lost when the guard is dropped early"]
pub struct Guard {
    queue: Arc<Queue>,
}

impl Guard {
    /// Lines that were dropped since the start because they were not read fast enough.
    pub fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.queue.flush(FLUSH_MAX);
    }
}

/// Starts the log on standard error.
///
/// `level` is `error`, `warn`, `info`, `debug` or `trace` (of which libraries get `warn`), `off`,
/// or a filter such as `conformd=debug,aws_config=info`. Of libraries it reaches `debug` at most.
/// `has_color` is whether stderr gets colors; JSON never has any.
///
/// # Errors
/// [`LogProblem`].
pub fn init(format: LogFormat, level: &str, has_color: bool) -> Result<Guard, LogProblem> {
    let filter = filter(level)?;
    let colors = format == LogFormat::Text && has_color;
    let queue = Arc::new(Queue::new(QUEUE_BYTES_MAX));
    queue.start(io::stderr()).map_err(|source| LogProblem::Thread { source })?;
    let lines = LineFormatter { queue: Arc::clone(&queue), colors };
    subscriber(format, filter, lines).try_init().map_err(|source| LogProblem::Twice { source })?;
    hear_panics();
    // Only the first log of a process is set up, see above.
    drop(LOG.set(Arc::clone(&queue)));
    Ok(Guard { queue })
}

fn subscriber(format: LogFormat, filter: EnvFilter, lines: LineFormatter) -> AnySubscriber {
    let colors = lines.colors;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    match format {
        LogFormat::Text => Box::new(builder.with_ansi(colors).finish().with(filter_fn(is_fit))),
        LogFormat::Json => {
            Box::new(builder.json().flatten_event(true).finish().with(filter_fn(is_fit)))
        }
    }
}

/// Whether a line may be written at all, whatever the filter asks for: at their finest level
/// libraries write requests and answers down, with parameter values and session tokens in them.
fn is_fit(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::DEBUG || line.target().starts_with("conformd")
}

/// Writes panics to the log, each on one line. If the log is off, they go to standard error as
/// usual.
fn hear_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !tracing::enabled!(Level::ERROR) {
            return usual(panic);
        }
        let error = panic.payload_as_str().unwrap_or("a panic without words");
        let place = panic.location().map(ToString::to_string);
        let frames = frames(&Backtrace::force_capture().to_string());
        tracing::error!(place, error, frames, "panicked");
    }));
}

/// Our own functions among those of a backtrace, innermost first.
fn frames(trace: &str) -> String {
    let names = trace.lines().filter_map(|line| line.split_once(": ")).map(|(_, name)| name);
    let ours = names.filter(|name| name.starts_with("conformd::") && !name.contains("telemetry"));
    ours.collect::<Vec<_>>().join(" < ")
}

type AnySubscriber = Box<dyn Subscriber + Send + Sync>;

/// The filter that a level means. A single word that is no level would be taken for a module, and
/// silence everything else.
fn filter(level: &str) -> Result<EnvFilter, LogProblem> {
    let problem = |source| LogProblem::Level { level: level.to_owned(), source };
    let directives = match level {
        "off" | "error" | "warn" => Cow::from(level),
        "info" | "debug" | "trace" => Cow::from(format!("warn,conformd={level}")),
        filter if filter.contains('=') => Cow::from(filter),
        _ => return Err(problem(None)),
    };
    EnvFilter::builder().parse(&directives).map_err(|source| problem(Some(source)))
}

/// Lines on their way to the writing thread.
#[derive(Debug)]
struct Queue {
    bytes_max: usize,
    waiting: Mutex<QueuedLine>,
    /// A line came, or was written.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct QueuedLine {
    lines: VecDeque<Vec<u8>>,
    /// Of all these lines.
    bytes: usize,
    /// Whether a line has been taken and is being written.
    writing: bool,
    dropped: u64,
    /// Whether the last line could not be written.
    is_failing: bool,
    /// How many of those have been said in the log.
    dropped_told: u64,
}

/// What the writing thread does next.
#[derive(Debug, PartialEq, Eq)]
enum WriterStep {
    /// Write this.
    Line(Vec<u8>),
    /// All that waited is written; say that so many lines before now are missing.
    Dropped(u64),
}

impl Queue {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, waiting: Mutex::default(), moved: Condvar::new() }
    }

    /// Nothing that holds the lock can panic half-way, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, QueuedLine> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, or counts it as dropped. Never waits for the reader of the log.
    fn push(&self, line: Vec<u8>) {
        let mut waiting = self.lock();
        let bytes = waiting.bytes.saturating_add(line.len());
        if bytes <= self.bytes_max {
            waiting.bytes = bytes;
            waiting.lines.push_back(line);
            self.moved.notify_all();
        } else {
            waiting.dropped = waiting.dropped.saturating_add(1);
        }
    }

    /// Notes whether the last line could be written. What could not is counted, and not said in the
    /// log, which would be one more line that cannot be written.
    fn note_written(&self, is_written: bool) {
        let mut waiting = self.lock();
        waiting.is_failing = !is_written;
        if !is_written {
            waiting.dropped = waiting.dropped.saturating_add(1);
            waiting.dropped_told = waiting.dropped_told.saturating_add(1);
        }
    }

    /// Starts the thread that writes for as long as the process lives.
    fn start(self: &Arc<Self>, mut out: impl Write + Send + 'static) -> io::Result<()> {
        let queue = Arc::clone(self);
        let write = move || {
            loop {
                match queue.take() {
                    WriterStep::Line(line) => {
                        // A log that cannot be written has no better place to say so than the
                        // counter: the line counts as dropped.
                        let written = out.write_all(&line).and_then(|()| out.flush());
                        queue.note_written(written.is_ok());
                    }
                    WriterStep::Dropped(count) => tracing::warn!(count, "log lines dropped"),
                }
                queue.lock().writing = false;
                queue.moved.notify_all();
            }
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(write).map(drop)
    }

    /// What to write next; waits for it.
    fn take(&self) -> WriterStep {
        let waiting = self.lock();
        let mut waiting = self
            .moved
            .wait_while(waiting, |waiting| {
                waiting.lines.is_empty() && waiting.dropped == waiting.dropped_told
            })
            .unwrap_or_else(PoisonError::into_inner);
        waiting.writing = true;
        if let Some(line) = waiting.lines.pop_front() {
            waiting.bytes = waiting.bytes.saturating_sub(line.len());
            return WriterStep::Line(line);
        }
        let count = waiting.dropped.saturating_sub(waiting.dropped_told);
        waiting.dropped_told = waiting.dropped;
        WriterStep::Dropped(count)
    }

    /// Waits until everything is written, or for `max`.
    fn flush(&self, max: Duration) {
        let waiting = self.lock();
        let is_busy = |waiting: &mut QueuedLine| !waiting.lines.is_empty() || waiting.writing;
        // Whether it ended in time changes nothing: the process ends.
        drop(self.moved.wait_timeout_while(waiting, max, is_busy));
    }
}

/// Makes a line of each event.
#[derive(Debug, Clone)]
struct LineFormatter {
    queue: Arc<Queue>,
    /// Whether the escape sequences in it are our own colours; those in values have been replaced
    /// by `tracing-subscriber`.
    colors: bool,
}

impl<'a> MakeWriter<'a> for LineFormatter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &LineFormatter {
    /// Takes one whole event: `tracing-subscriber` writes each in a single call.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.queue.push(line(event, self.colors));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One event as one line: control characters from AWS, a template or a path are shown as text, so
/// that foreign text can neither forge a line nor move the cursor of a terminal.
fn line(event: &[u8], colors: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(event);
    let mut line = String::with_capacity(text.len());
    for character in text.trim_end_matches('\n').chars() {
        if character.is_control() && !(colors && character == '\u{1b}') {
            // The form of JSON, whose text may hold such characters raw beyond U+007E.
            line.extend(format!("\\u{:04x}", u32::from(character)).chars());
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;

    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    /// What the log shows of these events.
    fn logged(format: LogFormat, colors: bool, events: impl Fn()) -> String {
        let queue = Arc::new(Queue::new(QUEUE_BYTES_MAX));
        let lines = LineFormatter { queue: Arc::clone(&queue), colors };
        let subscriber = subscriber(format, filter("info").unwrap(), lines);
        tracing::subscriber::with_default(subscriber, events);
        let lines = std::mem::take(&mut queue.lock().lines);
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    fn forge() {
        let reason =
            "denied\n2026-11-22T00:00:00Z ERROR conformd: forged \u{1b}[2J\u{7}\r\u{9b}31m";
        tracing::warn!(target: "conformd", reason, "step failed: {reason}");
    }

    #[test]
    fn foreign_text_cannot_forge_a_line_or_steer_a_terminal() {
        for colors in [false, true] {
            let text = logged(LogFormat::Text, colors, forge);
            assert_eq!(text.matches('\n').count(), 1, "{text:?}");
            assert!(!text.contains("\u{1b}[2J") && !text.contains(['\u{7}', '\r', '\u{9b}']));
        }
    }

    #[test]
    fn libraries_never_write_at_their_finest_level() {
        let queue = Arc::new(Queue::new(QUEUE_BYTES_MAX));
        let lines = LineFormatter { queue: Arc::clone(&queue), colors: false };
        let subscriber = subscriber(LogFormat::Text, filter("trace,aws_x=trace").unwrap(), lines);
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "aws_x", "request with everything in it");
            tracing::debug!(target: "aws_x", "attempt");
            tracing::trace!(target: "conformd::x", "detail");
        });
        let lines = std::mem::take(&mut queue.lock().lines);
        let text: String = lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        assert_eq!(text.matches('\n').count(), 2, "{text}");
        assert!(text.contains("attempt") && text.contains("detail"));
    }

    #[test]
    fn a_backtrace_is_told_by_our_own_functions() {
        let trace = "   0: std::backtrace::x\n   1: conformd::telemetry::hear_panics::{{closure}}\n\
                        2: conformd::intake::parse\n             at src/intake.rs:9:1\n\
                        3: tokio::x\n   4: conformd::cli::main\n";
        assert_eq!(frames(trace), "conformd::intake::parse < conformd::cli::main");
    }

    #[test]
    fn json_lines_are_objects_with_the_fields_beside_the_message() {
        let text = logged(LogFormat::Json, false, forge);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["level"], "WARN");
        assert!(object["reason"].as_str().unwrap().starts_with("denied\n"));
        assert_eq!(text.matches('\n').count(), 1);
    }

    proptest! {
        #[test]
        fn an_event_is_always_one_line(event in any::<String>()) {
            let line = String::from_utf8(line(event.as_bytes(), false)).unwrap();
            prop_assert_eq!(line.matches(char::is_control).collect::<String>(), "\n");
            prop_assert!(line.ends_with('\n'));
        }
    }

    #[test]
    fn a_level_is_a_word_or_a_filter() {
        assert_snapshot!(filter("debug").unwrap(), @"conformd=debug,warn");
        assert_snapshot!(filter("off").unwrap(), @"off");
        assert_snapshot!(filter("conformd=trace,h2=info").unwrap(), @"conformd=trace,h2=info");
        assert_snapshot!(
            filter("verbose").unwrap_err(),
            @r#""verbose" is neither error, warn, info, debug, trace, off nor a filter"#
        );
        assert!(filter("conformd=verbose").is_err());
        assert_eq!("xml".parse::<LogFormat>(), Err(UnknownFormat));
    }

    #[test]
    fn a_reader_that_stays_away_costs_lines_and_the_log_says_how_many() {
        let queue = Queue::new(4);
        (0..5).for_each(|number| queue.push(format!("{number}\n").into_bytes()));
        assert_eq!(queue.take(), WriterStep::Line(b"0\n".to_vec()));
        assert_eq!(queue.take(), WriterStep::Line(b"1\n".to_vec()));
        assert_eq!(queue.take(), WriterStep::Dropped(3));
        queue.push(b"5\n".to_vec());
        assert_eq!(queue.take(), WriterStep::Line(b"5\n".to_vec()));
        assert_eq!(queue.lock().dropped, 3);
    }

    #[test]
    fn the_last_lines_are_written_before_the_end() {
        let (lines, out) = io::pipe().unwrap();
        let queue = Arc::new(Queue::new(QUEUE_BYTES_MAX));
        queue.start(out).unwrap();
        (0..100).for_each(|number| queue.push(format!("{number}\n").into_bytes()));
        queue.flush(Duration::from_mins(1));
        assert!(queue.lock().lines.is_empty());
        let last = io::BufReader::new(lines).lines().nth(99);
        assert_eq!(last.unwrap().unwrap(), "99");
    }
}
