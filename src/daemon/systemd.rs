//! Notifications to the service manager: ready, reloading, stopping, a status line, and the
//! watchdog. The protocol is that of `sd_notify(3)`.
//!
//! Nothing is told where nobody asked to be (no `NOTIFY_SOCKET`), and nothing depends on being
//! heard. What counts as ready and what the line says is [`super::readiness`]'s business; which
//! task still runs is that of [`crate::beats`].
//!
//! The crate `sd-notify` (0.5) is not used: it takes an abstract name such as `@notify` for a path,
//! and waits without a limit for a service manager whose queue is full.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::beats::{BEAT_EVERY, Beats, TaskSign};
use crate::domain::base::untrusted::flowing;

/// How long a send waits for a service manager with a full queue: the watchdog is fed again later.
const SEND_MAX: Duration = Duration::from_millis(500);
/// Feedings in one span of the watchdog: one may be lost (`sd_watchdog_enabled(3)` asks for two).
const FEEDINGS: u32 = 3;
/// Characters of a status line; a terminal shows fewer.
const STATUS_MAX: usize = 300;

/// The socket of the service manager, and the last notification.
#[derive(Debug)]
pub(crate) struct Systemd {
    socket: Option<SocketAddr>,
    watchdog: Option<Duration>,
    ready: bool,
    status: String,
}

/// The state of the daemon for the service manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceReport {
    /// Whether it does its work.
    pub(crate) ready: bool,
    /// What it is doing, on one line.
    pub(crate) status: String,
}

impl Systemd {
    /// The service manager that started this process, if one did. Its variables are the protocol
    /// itself, and no settings.
    pub(crate) fn from_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name);
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        // A watchdog may be meant for the parent of this process.
        let ours = text("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let watchdog = text("WATCHDOG_USEC").filter(|_| ours).and_then(|span| span.parse().ok());
        Self::new(variable("NOTIFY_SOCKET"), watchdog.map(Duration::from_micros))
    }

    fn new(socket: Option<OsString>, watchdog: Option<Duration>) -> Self {
        let socket = socket.filter(|name| !name.is_empty()).and_then(|name| {
            address(&name)
                .inspect_err(|error| tracing::warn!(?name, %error, "NOTIFY_SOCKET cannot be used"))
                .ok()
        });
        let watchdog = watchdog.filter(|span| !span.is_zero());
        Self { socket, watchdog, ready: false, status: String::new() }
    }

    /// How often [`Self::feed`] has to be called.
    pub(crate) fn feed_every(&self) -> Duration {
        self.watchdog.map_or(BEAT_EVERY, |span| span / FEEDINGS)
    }

    /// Sends the state of the daemon if it changed. Once ready, it stays ready.
    pub(crate) fn report(&mut self, told: &ServiceReport) {
        let mut news = Vec::new();
        if told.ready && !self.ready {
            self.ready = true;
            news.push("READY=1".to_owned());
        }
        // Reasons quote what AWS and others wrote: a line break would be a message of its own.
        let status = flowing(&told.status, STATUS_MAX);
        if status != self.status {
            news.push(format!("STATUS={status}"));
            self.status = status;
        }
        self.send(&news);
    }

    /// Runs `reload`, and tells when it begins and ends. Before it was ready there is nothing to
    /// reload in the eyes of a service manager, and READY would be a lie.
    pub(crate) fn reloading(&self, reload: impl FnOnce()) {
        if self.ready {
            let now = clock_gettime(ClockId::Monotonic);
            let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
            self.send(&["RELOADING=1".to_owned(), format!("MONOTONIC_USEC={micros}")]);
        }
        reload();
        if self.ready {
            self.send(&["READY=1".to_owned()]);
        }
    }

    /// Tells that the end has begun.
    pub(crate) fn stopping(&self) {
        self.send(&["STOPPING=1".to_owned(), "STATUS=stopping".to_owned()]);
    }

    /// Feeds the watchdog if every task shows that it runs; a start that takes long is extended on
    /// the same condition, since a watchdog waits for READY.
    pub(crate) fn feed(&self, beats: &Beats) {
        let signs = beats.signs();
        let mut late = signs.iter().filter(|sign| sign.is_overdue()).peekable();
        if late.peek().is_none() {
            let mut food = vec!["WATCHDOG=1".to_owned()];
            if !self.ready {
                let span = self.feed_every() * FEEDINGS;
                food.push(format!("EXTEND_TIMEOUT_USEC={}", span.as_micros()));
            }
            return self.send(&food);
        }
        for TaskSign { beater, at: _, silent, silence_max: _ } in late {
            let silent = silent.as_secs();
            tracing::error!(%beater, silent, "task hangs, the watchdog is not notified");
            self.send(&[format!("STATUS=hangs: {beater}, silent for {silent} s")]);
        }
    }

    fn send(&self, lines: &[String]) {
        let Some(socket) = self.socket.as_ref().filter(|_| !lines.is_empty()) else { return };
        if let Err(error) = send(socket, &lines.join("\n")) {
            tracing::warn!(%error, "service manager not notified");
        }
    }
}

/// A path, or an abstract name behind `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "neither a path nor an abstract name")),
    }
}

/// One message on a socket of its own: the other end may have been made anew since the last.
fn send(to: &SocketAddr, message: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(SEND_MAX))?;
    socket.connect_addr(to)?;
    socket.send(message.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beats::SILENCE_MAX;
    use crate::clock::Clock;
    use crate::domain::base::heartbeat::{Task, TaskId};
    use crate::domain::base::model::Timestamp;

    /// A service manager that listens, and the way to it.
    fn pair(watchdog: Option<Duration>) -> (UnixDatagram, Systemd) {
        let name = format!("conformd-{}", uuid::Uuid::new_v4());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listening = UnixDatagram::bind_addr(&address).unwrap();
        listening.set_nonblocking(true).unwrap();
        (listening, Systemd::new(Some(format!("@{name}").into()), watchdog))
    }

    fn received(listening: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 4_096];
        std::iter::from_fn(|| {
            let length = listening.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).replace('\n', " | "))
        })
        .collect()
    }

    fn service_report(ready: bool, status: &str) -> ServiceReport {
        ServiceReport { ready, status: status.to_owned() }
    }

    #[test]
    fn only_news_is_told_and_ready_only_once() {
        let (listening, mut systemd) = pair(None);
        for (ready, status) in [(false, "waits"), (false, "waits"), (true, "runs"), (true, "runs")]
        {
            systemd.report(&service_report(ready, status));
        }
        systemd.report(&service_report(false, "waits again"));
        let expected = ["STATUS=waits", "READY=1 | STATUS=runs", "STATUS=waits again"];
        assert_eq!(received(&listening), expected);
    }

    #[test]
    fn foreign_text_in_a_status_cannot_speak_for_the_daemon() {
        let (listening, mut systemd) = pair(None);
        systemd.report(&service_report(false, "denied\nREADY=1\nWATCHDOG=trigger\u{0}"));
        let [message] = received(&listening).try_into().unwrap();
        assert!(message.starts_with("STATUS=denied READY=1 WATCHDOG=trigger"), "{message}");
        assert!(!message.contains(['|', '\0']), "{message}");
    }

    #[test]
    fn a_reload_is_told_around_and_never_makes_the_daemon_ready() {
        let (listening, mut systemd) = pair(None);
        systemd.reloading(|| ());
        assert_eq!(received(&listening), Vec::<String>::new());
        systemd.report(&service_report(true, "runs"));
        systemd.reloading(|| systemd.send(&["X_RELOADS=1".to_owned()]));
        let heard = received(&listening);
        assert!(heard[1].starts_with("RELOADING=1 | MONOTONIC_USEC="), "{heard:?}");
        assert_eq!(heard[2..], ["X_RELOADS=1", "READY=1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_hangs_starves_the_watchdog_and_its_next_beat_feeds_it() {
        let (listening, mut systemd) = pair(Some(Duration::from_mins(1)));
        systemd.report(&service_report(true, "runs"));
        let beats = Beats::new(Clock::simulated(Timestamp::UNIX_EPOCH, 0));
        let hung = beats.begin(TaskId::sole(Task::Source), SILENCE_MAX);
        let alive = beats.begin(TaskId::sole(Task::Http), SILENCE_MAX);
        received(&listening);
        let mut fed = 0;
        for _ in 0..30 {
            alive.beat();
            systemd.feed(&beats);
            fed += usize::from(received(&listening) == ["WATCHDOG=1"]);
            tokio::time::sleep(systemd.feed_every()).await;
        }
        // At 0 s, 20 s, …, 120 s; then the source has been silent for too long.
        assert_eq!(fed, 7);
        systemd.feed(&beats);
        assert_eq!(received(&listening), ["STATUS=hangs: source, silent for 600 s"]);
        alive.beat();
        hung.beat();
        systemd.feed(&beats);
        assert_eq!(received(&listening), ["WATCHDOG=1"]);
    }

    #[test]
    fn a_start_may_take_as_long_as_every_task_runs() {
        let (listening, systemd) = pair(Some(Duration::from_secs(30)));
        systemd.feed(&Beats::new(Clock::simulated(Timestamp::UNIX_EPOCH, 0)));
        assert_eq!(received(&listening), ["WATCHDOG=1 | EXTEND_TIMEOUT_USEC=30000000"]);
    }

    #[test]
    fn without_anybody_who_listens_nothing_happens() {
        let gone = tempfile::tempdir().unwrap().path().join("notify");
        let sockets = [None, Some("".into()), Some("vsock:2:9".into()), Some(gone.into())];
        for socket in sockets {
            let mut systemd = Systemd::new(socket, Some(Duration::ZERO));
            systemd.report(&service_report(true, "runs"));
            systemd.stopping();
            assert_eq!(systemd.feed_every(), BEAT_EVERY);
        }
    }
}
