//! The source of the answers of `status` and `explain`: a running daemon, or an observation of
//! their own.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use hyper::StatusCode;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ask::{Address, ask};
use super::exit::WrongName;
use super::{plan, terminal};
use crate::cli::{settings, surroundings};
use crate::config::{Config, SettingsFile};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Installation, Region};
use crate::domain::base::untrusted::flowing;
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::membership::Membership;
use crate::domain::present::report::Reports;
use crate::domain::present::view::events::EventsView;
use crate::domain::present::view::{ConfirmedCaller, CurrentState, NotFound, VERSION};
use crate::session::{AwsSession, Remembering};
use crate::tasks::region::Surroundings;
use crate::tasks::region::read_depth::{Progress, ReadDepth};
use crate::{daemon, session};

/// How long a daemon may take; its own limit for an answer is 10 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer: a status of 50 packs in 20 regions has about one million.
const ANSWER_MAX: usize = 64 * 1_024 * 1_024;
/// Characters of a daemon's refusal that are repeated.
const REFUSAL_MAX: usize = 1_024;

/// Which daemon to query, if any.
#[derive(Debug, clap::Args)]
pub(super) struct DaemonAddress {
    #[command(flatten)]
    pub(super) settings: SettingsFile,
    /// Query only the daemon at this plain http:// address [default: http.listen of the settings,
    /// or AWS directly if no daemon answers there]
    #[arg(long, value_name = "URL", conflicts_with = "direct")]
    daemon: Option<Address>,
    /// Read AWS directly instead of querying a daemon
    #[arg(long)]
    direct: bool,
}

/// An answer, or everything that it can be made of.
pub(super) enum DaemonAnswer<T> {
    /// A daemon gave it.
    Given(T),
    /// This process observed AWS itself.
    ReadDirectly(Box<CurrentState>),
}

/// What every answer of a daemon says first.
#[derive(Deserialize)]
struct AnswerHead {
    version: u32,
    installation: Installation,
    caller: ConfirmedCaller,
}

/// Whose packs an answer is about.
pub(super) struct PackOwner {
    installation: Installation,
    caller: ConfirmedCaller,
}

impl PackOwner {
    /// Whether these settings are about the same packs. A daemon that is not sure yet who it is has
    /// nothing to say of any pack.
    fn is_of(&self, config: &Config) -> bool {
        self.installation == config.installation
            && self.account().is_none_or(|account| account == config.aws.expected_account)
    }

    fn account(&self) -> Option<AccountId> {
        match self.caller {
            ConfirmedCaller::Confirmed { account } => Some(account),
            ConfirmedCaller::Unconfirmed { problem: _ } => None,
        }
    }
}

impl fmt::Display for PackOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "installation {}", self.installation)?;
        match self.account() {
            Some(account) => write!(f, " in account {account}"),
            None => f.write_str(", whose account is not confirmed yet"),
        }
    }
}

/// A daemon's answer, and where it comes from.
pub(super) struct DaemonReply<T> {
    pub(super) daemon: Address,
    pub(super) owner: PackOwner,
    pub(super) answer: T,
}

/// What an error of a daemon says.
#[derive(Deserialize)]
struct DaemonProblem {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    message: String,
}

/// The daemon knows better than to answer this.
#[derive(Debug, thiserror::Error)]
#[error("{message} (the daemon at {daemon} says so)")]
struct DaemonRefusal {
    status: StatusCode,
    message: String,
    daemon: Address,
}

/// What a daemon answered instead of what was asked for, if that is the error.
pub(super) fn refusal(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<DaemonRefusal>().map(|refusal| refusal.message.as_str())
}

/// An error that says that a name of the question does not exist, whether a daemon says so or this
/// process, as an error of the command line.
pub(super) fn as_wrong_name(error: anyhow::Error) -> anyhow::Error {
    // Any other refusal, such as too many requests, does not mean that the caller is wrong.
    let refusal = error.downcast_ref::<DaemonRefusal>();
    let is_refused = refusal.is_some_and(|refusal| refusal.status == StatusCode::NOT_FOUND);
    if is_refused || error.is::<NotFound>() { WrongName(error.to_string()).into() } else { error }
}

impl DaemonAddress {
    /// The answer to a page of the API; `regions` are those to observe if no daemon answers, all of
    /// them if none is named.
    pub(super) async fn answer<T: DeserializeOwned>(
        &self,
        page: &str,
        regions: &[Region],
    ) -> anyhow::Result<DaemonAnswer<T>> {
        match self.query(page).await? {
            Some(reply) => Ok(DaemonAnswer::Given(reply.answer)),
            None => observe(settings::settings(&self.settings)?, regions).await,
        }
    }

    /// A daemon's answer to a page of the API; `None` if this process has to read AWS itself.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        page: &str,
    ) -> anyhow::Result<Option<DaemonReply<T>>> {
        if let Some(daemon) = &self.daemon {
            let reply = get(daemon, page).await?;
            // Somebody asked for this daemon, perhaps without any settings; but whoever has
            // settings for other packs should not take these for theirs.
            if let Ok(config) = settings::settings(&self.settings)
                && !reply.owner.is_of(&config)
            {
                warn(&foreign(&reply, &config))?;
            }
            return Ok(Some(reply));
        }
        let config = settings::settings(&self.settings)?;
        if self.direct {
            return Ok(None);
        }
        let daemon = listening(&config);
        // A daemon of another installation would answer about other packs. A daemon that refuses
        // the question has answered it: only without an answer this process observes AWS itself.
        match get::<T>(&daemon, page).await {
            Ok(reply) if reply.owner.is_of(&config) => return Ok(Some(reply)),
            Ok(reply) => note(&foreign(&reply, &config))?,
            Err(error) if error.is::<DaemonRefusal>() => return Err(error),
            Err(error) => note(&format!("no daemon answers: {error:#}"))?,
        }
        Ok(None)
    }
}

/// Why a daemon's answer is not about the packs of these settings.
fn foreign<T>(reply: &DaemonReply<T>, config: &Config) -> String {
    let DaemonReply { daemon, owner, answer: _ } = reply;
    let (installation, account) = (&config.installation, config.aws.expected_account);
    format!(
        "the daemon at {daemon} belongs to {owner}; the settings say installation {installation} \
         in account {account}"
    )
}

/// Where the daemon of these settings listens.
pub(super) fn listening(config: &Config) -> Address {
    Address::of(reachable(config.http.listen))
}

/// The latest events of the daemon of these settings, or those after a number; an error if the
/// daemon that answers there belongs to others.
pub(super) async fn events_after(
    config: &Config,
    daemon: &Address,
    after: Option<u64>,
) -> anyhow::Result<EventsView> {
    let query = after.map_or_else(|| "?limit=1".to_owned(), |after| format!("?after={after}"));
    let reply = get(daemon, &format!("/api/v1/events{query}")).await?;
    ensure!(reply.owner.is_of(config), foreign(&reply, config));
    Ok(reply.answer)
}

/// Says why this process observes AWS itself.
fn note(why: &str) -> std::io::Result<()> {
    warn(&format!("{why}; reading AWS directly"))
}

fn warn(what: &str) -> std::io::Result<()> {
    terminal::note(&format!("conformd: {what}\n"))
}

/// The address under which a process on this machine reaches a listener on this address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    // A listener on all addresses (`0.0.0.0` or `::`) has no address that a client could use.
    let local = match listen.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = if listen.ip().is_unspecified() { local } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

/// A daemon's answer to a page.
async fn get<T: DeserializeOwned>(daemon: &Address, page: &str) -> anyhow::Result<DaemonReply<T>> {
    let (status, body) = ask(&daemon.join(page), PATIENCE, ANSWER_MAX).await?;
    // The version is read first: the answer of another version may have other fields, and the
    // message about one of them would hide the cause.
    if status == StatusCode::OK {
        let head: AnswerHead = serde_json::from_str(&body)
            .with_context(|| format!("the server at {daemon} is not conformd"))?;
        if head.version != VERSION {
            bail!("the daemon at {daemon} speaks version {}, this is {VERSION}", head.version);
        }
        let answer = serde_json::from_str(&body)
            .with_context(|| format!("the daemon at {daemon} is another version of conformd"))?;
        let owner = PackOwner { installation: head.installation, caller: head.caller };
        return Ok(DaemonReply { daemon: daemon.clone(), owner, answer });
    }
    match serde_json::from_str::<DaemonProblem>(&body) {
        Ok(problem) if status.is_client_error() => {
            let message = flowing(&problem.error.message, REFUSAL_MAX);
            Err(DaemonRefusal { status, message, daemon: daemon.clone() }.into())
        }
        Ok(problem) => bail!("{daemon} answers {status}: {}", problem.error.message),
        Err(_) => bail!("{daemon} answers {status}: it is not a conformd that has this page"),
    }
}

/// Observes these regions, or all of them; nothing here could write.
async fn observe<T>(config: Config, regions: &[Region]) -> anyhow::Result<DaemonAnswer<T>> {
    let regions = plan::chosen(regions, config.aws.regions.iter())?;
    let session = AwsSession::once(config, Remembering::Reads).await?;
    let around = surroundings::read(&session, &Membership::default()).await?;
    let reports = read(&session, &regions, &around).await?;
    let now = session.clock.aws_now();
    // Nobody is visited here: what a probe would see is not known.
    let probed = session.config.recorder_probe.is_some();
    let recorders = Recorders { probed, ..Recorders::default() };
    let mut about = daemon::settings::about(&session.config, now);
    about.regions = regions.into_iter().collect::<BTreeSet<Region>>();
    Ok(DaemonAnswer::ReadDirectly(Box::new(CurrentState {
        about,
        caller: ConfirmedCaller::Confirmed { account: session.account },
        source: around.source,
        membership: around.membership,
        recorders: Arc::new(recorders),
        reports,
        record: session.window().record_status(),
        skew: session.clock.skew(),
        now,
    })))
}

/// Observes these regions and reads every member there, with progress bars.
async fn read(
    session: &AwsSession,
    regions: &[Region],
    around: &Surroundings,
) -> anyhow::Result<Reports> {
    let policy = session::policy(&session.config);
    let style = ProgressStyle::with_template("{prefix:>16} [{bar:32}] {pos}/{len} packs {msg}")?
        .progress_chars("=> ");
    let bars = MultiProgress::new();
    let reads = regions.iter().map(async |region| {
        let bar = bars.add(ProgressBar::new(0).with_style(style.clone()));
        bar.set_prefix(region.to_string());
        let mut reconciler = session.reconciler(region, Mode::Observe);
        let (mut report, _) = reconciler.refresh(&policy, around).await;
        if report.unknown.is_none() {
            let show = |Progress { done, all, pages }| {
                bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
                bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
                bar.set_message(format!("{pages} pages of members"));
            };
            reconciler.track(&policy, ReadDepth::Full, show).await;
            // What helps members can be planned only now.
            report = reconciler.refresh(&policy, around).await.0;
        }
        bar.finish_and_clear();
        (region.clone(), Arc::new(report))
    });
    Ok(futures_util::future::join_all(reads).await.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_listens_everywhere_is_asked_on_this_machine() {
        let asked = ["0.0.0.0:9464", "[::]:1", "192.0.2.1:2"]
            .map(|listen| reachable(listen.parse().unwrap()).to_string());
        assert_eq!(asked, ["127.0.0.1:9464", "[::1]:1", "192.0.2.1:2"]);
    }
}
