//! `conformd simulate`: the AWS simulator as a server.
//!
//! Parses flags, prints the address for clients, and serves until it is stopped. A scenario file
//! describes the simulated organization; `sim` implements its behavior.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::terminal::print;
use crate::clock::Clock;
use crate::domain::base::model::Region;
use crate::sim::http::serve;
use crate::sim::scenario::Scenario;
use crate::sim::simulation::Simulation;

/// Flags of `conformd simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// The address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4599")]
    pub listen: SocketAddr,

    /// A scenario file: the organization and its events [default: the demo's scenario]
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// Virtual seconds per real second; with 0, only POST /_sim/clock advances the clock
    #[arg(long, value_name = "FACTOR")]
    pub speed: Option<u32>,

    /// The seed of random choices: equal seeds and requests give equal answers
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Refuse access keys without an account id, instead of treating them as the owner's
    #[arg(long)]
    pub known_credentials_only: bool,

    /// Listen on an address that other machines can reach; the simulator has no access control
    #[arg(long)]
    pub allow_remote: bool,
}

/// Serves the simulator until SIGTERM or Ctrl-C.
pub async fn run(args: Simulate) -> anyhow::Result<()> {
    // The simulator accepts any credentials by default and its control API has no token, so other
    // machines may reach it only on request.
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        bail!(
            "{} can be reached from other machines; add --allow-remote to permit it",
            args.listen
        );
    }
    let mut scenario = scenario(&args)?;
    if let Some(seed) = args.seed {
        scenario.setup.seed = seed;
    }
    if args.known_credentials_only {
        scenario.options.any_credentials = None;
    }
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("could not listen on {}", args.listen))?;
    let speed = args.speed.unwrap_or(scenario.speed);
    let terminate = signal(SignalKind::terminate()).context("could not watch SIGTERM")?;
    let interrupt = signal(SignalKind::interrupt()).context("could not watch Ctrl-C")?;
    let address =
        listener.local_addr().context("could not determine the address of the listener")?;
    announce(&scenario, address, speed).context("could not write to stdout")?;
    let stop = CancellationToken::new();
    let stopping = async {
        stop_requested(terminate, interrupt).await;
        stop.cancel();
    };
    let simulation = Simulation::new(&scenario, speed);
    tokio::join!(serve(listener, simulation, scenario.options, stop.clone()), stopping);
    Ok(())
}

fn scenario(args: &Simulate) -> anyhow::Result<Scenario> {
    let now = Clock::system().now();
    let Some(path) = &args.scenario else {
        return Scenario::demo(now).context("could not read the demo's scenario");
    };
    Scenario::read(path, now).with_context(|| format!("could not read {}", path.display()))
}

/// Returns when SIGTERM or Ctrl-C comes.
async fn stop_requested(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn announce(scenario: &Scenario, address: SocketAddr, speed: u32) -> std::io::Result<()> {
    let setup = &scenario.setup;
    let regions: Vec<&str> = setup.regions.iter().map(Region::as_str).collect();
    let region = regions.first().copied().unwrap_or("us-east-1");
    let pace = match speed {
        0 => "stands still; POST /_sim/clock advances it".to_owned(),
        1 => "runs in real time".to_owned(),
        speed => format!("runs {speed} times as fast as real time"),
    };
    print(&format!(
        "SIMULATED AWS: nothing here touches a real account\n\
         endpoint      http://{address}\n\
         accounts      {} (owner {})\n\
         regions       {}\n\
         clock         {pace}\n\
         \n\
         Let conformd use it, with these settings (it refuses AWS_ENDPOINT_URL):\n  \
           aws:\n    \
             expectedAccountId: \"{}\"\n    \
             regions: [{}]\n    \
             endpoint:\n      \
               url: http://{address}\n      \
               credentials: {{accessKeyId: AKIASIM{}, secretAccessKey: any}}\n\
         \n\
         Point any other AWS client at it:\n  \
           export AWS_ENDPOINT_URL=http://{address}\n  \
           export AWS_ACCESS_KEY_ID=AKIASIM{} AWS_SECRET_ACCESS_KEY=any\n  \
           export AWS_REGION={region} AWS_DEFAULT_REGION={region}\n  \
           aws configservice describe-organization-conformance-packs\n  \
           curl http://{address}/_sim/world\n",
        setup.accounts.len(),
        scenario.owner,
        regions.join(" "),
        scenario.owner,
        regions.join(", "),
        scenario.owner,
        scenario.owner,
    ))
}
