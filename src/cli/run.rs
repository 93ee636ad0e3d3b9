//! `conformd run`: the daemon on the real clock, with its signals.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::settings;
use crate::clock::Clock;
use crate::config::{Http, SettingsFile};
use crate::daemon::Daemon;
use crate::daemon::systemd::Systemd;
use crate::http::Listeners;
use crate::session::Remembering;
use crate::telemetry;

/// How often dropped log lines are counted.
const COUNT_LINES: Duration = Duration::from_secs(5);

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    settings: SettingsFile,
}

/// Runs until SIGTERM or SIGINT; a second one ends the process at once.
pub(super) async fn run(args: RunArgs, log: telemetry::Guard) -> anyhow::Result<ExitCode> {
    // Before the settings are read: a SIGHUP that comes later asks for what was not read.
    let mut hangup = signal(SignalKind::hangup())?;
    let config = settings::settings(&args.settings)?;
    let http = config.http.clone();
    let daemon = Daemon::new(config, Clock::system(), Remembering::Takes("conformd run"))?;
    keep_secrets();
    let listeners = listen(&http).await?;
    let stop = CancellationToken::new();
    let (metrics, beats, mut status) = (daemon.metrics(), daemon.beats(), daemon.status());
    let mut systemd = Systemd::from_environment();
    let mut feeding = tokio::time::interval(systemd.feed_every());
    let reload = daemon.reloader(args.settings.clone());
    let mut signals = Signals::new()?;
    let mut served = std::pin::pin!(daemon.serve(listeners, stop.clone()));
    let (mut counted, mut count) = (0, tokio::time::interval(COUNT_LINES));
    loop {
        // All arms are cancel-safe: signals are level-kept, news is read afresh, and the daemon is
        // polled to its end.
        tokio::select! {
            end = &mut served => return end.map(|()| ExitCode::SUCCESS),
            name = signals.stop() => {
                if stop.is_cancelled() {
                    tracing::warn!(signal = name, "stopping at once");
                    return Ok(ExitCode::FAILURE);
                }
                tracing::info!(signal = name, "stopping");
                systemd.stopping();
                stop.cancel();
            }
            _ = hangup.recv(), if !stop.is_cancelled() => systemd.reloading(|| reload.reload()),
            () = status.changed(), if !stop.is_cancelled() => systemd.report(&status.now()),
            _ = feeding.tick() => systemd.feed(&beats),
            _ = count.tick() => {
                let dropped = log.dropped();
                metrics.log_lines_dropped(dropped.saturating_sub(counted));
                counted = dropped;
            }
        }
    }
}

/// Takes the addresses of the HTTP server, and says which they are.
async fn listen(http: &Http) -> anyhow::Result<Listeners> {
    let main = bind("http.listen", http.listen).await?;
    // Port 0 means any free port, so the chosen one is printed.
    tracing::info!(address = %main.local_addr()?, "listening");
    let metrics = match http.metrics_listen {
        None => None,
        Some(address) => {
            let listener = bind("http.metricsListen", address).await?;
            tracing::info!(address = %listener.local_addr()?, "listening for scrapes");
            Some(listener)
        }
    };
    for address in http.exposed() {
        tracing::warn!(%address, "other machines can reach this address: no users and no TLS");
    }
    Ok(Listeners { main, metrics })
}

async fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{setting}: {address} cannot be listened on"))
}

/// Keeps the credentials in memory to this process: no core file, and nothing of it can be read by
/// other processes of its user. What a supervisor forbids already is no harm.
fn keep_secrets() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = setrlimit(Resource::Core, none).and(undumpable) {
        tracing::warn!(%error, "memory can be dumped");
    }
}

/// The signals that ask to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next signal that asks to stop.
    pub(super) async fn stop(&mut self) -> &'static str {
        // Both arms are cancel-safe.
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
