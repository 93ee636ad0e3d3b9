//! `conformd demo`: simulator, daemon and example packs in one process. SIMULATED throughout.
//!
//! The daemon is the same as that of `run`, and it calls the simulator over HTTP through the real
//! SDK; only its clock is the simulator's.

mod examples;
mod narrator;
mod stage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::examples::DemoFolder;
use self::narrator::Narrator;
use self::stage::Stage;
use super::run::Signals;
use crate::cli::settings;
use crate::cli::terminal::print;
use crate::clock::Clock;
use crate::config::{Endpoint, StaticCredentials};
use crate::current::StateReceivers;
use crate::daemon::Daemon;
use crate::session::Remembering;
use crate::sim::http::serve;
use crate::sim::scenario::Scenario;
use crate::sim::simulation::Simulation;

/// How long changes are collected, so that those that are the same in several regions share a line.
const PAUSE: Duration = Duration::from_millis(500);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// A directory with demo.yaml, packs/ and templates/; without it, a copy of the examples in a
    /// temporary directory, which is deleted at the end.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Virtual seconds per real second.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3600))]
    speed: u32,
    /// The address of the status page and API; if the port is in use, a free port.
    #[arg(long, default_value = "127.0.0.1:9464")]
    listen: SocketAddr,
    /// Exit with code 0 as soon as AWS and conformd have nothing left to do by themselves, or
    /// with code 1 after this much real time.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "3m",
          value_parser = humantime::parse_duration)]
    exit_when_settled: Option<Duration>,
}

/// Runs the demo until Ctrl-C, or until every pack is healthy.
pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let folder = DemoFolder::open(args.folder)?;
    let mut config = settings::load(&folder.path().join("demo.yaml"))?;
    let stop = CancellationToken::new();
    let scenario = Scenario::demo(Clock::system().now()).context("the demo's scenario")?;
    let simulation = Simulation::new(&scenario, args.speed);
    let aws = TcpListener::bind("127.0.0.1:0").await.context("no port for the simulator")?;
    let endpoint = format!("http://{}", aws.local_addr()?);
    let simulated = Endpoint {
        url: endpoint.clone(),
        credentials: Some(StaticCredentials {
            access_key_id: format!("AKIASIM{}", config.aws.expected_account),
            secret_access_key: "simulated".to_owned(),
        }),
    };
    folder.complete(&simulated)?;
    config.aws.endpoint = Some(simulated);
    let listener = bind(args.listen).await?;
    let page = listener.local_addr()?;
    let clock = simulation.clock().clone();
    let stage = Stage {
        program: std::env::args().next().unwrap_or_else(|| "conformd".to_owned()),
        folder: folder.path().to_owned(),
        is_copy: folder.is_copy(),
        page,
        is_default_page: page == config.http.listen,
        endpoint,
        speed: args.speed,
    };
    let daemon = Daemon::new(config, clock.clone(), Remembering::Simulates)?;
    print(&stage.opening())?;
    // A demo that ends by itself leaves no time to try anything.
    let suggestions = args.exit_when_settled.is_none().then(|| stage.suggestions());
    let narrator = Narrator::new(clock, suggestions);
    let current = daemon.current();
    let mut signals = Signals::new()?;
    let mut served = std::pin::pin!(daemon.serve(listener, stop.clone()));
    let mut simulated =
        std::pin::pin!(serve(aws, simulation.clone(), scenario.options, stop.clone()));
    let mut told = std::pin::pin!(narrate(narrator, current, args.exit_when_settled));
    // Every arm but the last is pinned and polled to its end; signals are cancel-safe.
    let code = tokio::select! {
        end = &mut served => return end.map(|()| ExitCode::FAILURE),
        () = &mut simulated => anyhow::bail!("the simulator ended"),
        code = &mut told => code?,
        _ = signals.stop() => ExitCode::SUCCESS,
    };
    stop.cancel();
    served.await?;
    Ok(code)
}

/// The listener asked for, or one on a free port.
async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    if let Ok(listener) = TcpListener::bind(listen).await {
        return Ok(listener);
    }
    let free = SocketAddr::new(listen.ip(), 0);
    TcpListener::bind(free).await.with_context(|| format!("{free} cannot be listened on"))
}

/// Tells what the daemon knows, until every pack is healthy if that is asked for.
async fn narrate(
    mut narrator: Narrator,
    mut current: StateReceivers,
    limit: Option<Duration>,
) -> anyhow::Result<ExitCode> {
    let mut late = std::pin::pin!(async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    });
    let mut pause = tokio::time::interval(PAUSE);
    loop {
        // Cancel-safe: `changed` only marks a version as seen, and `tick` only a moment.
        tokio::select! {
            changed = current.reports.changed() => changed?,
            _ = pause.tick() => {
                narrator.tell()?;
                continue;
            }
            () = &mut late => {
                narrator.tell()?;
                print("Not everything was deployed in time.\n")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        if narrator.narrate(&current.facts())? && limit.is_some() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}
