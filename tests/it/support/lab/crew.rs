//! What a process of the lab knows of members: the tasks besides the regions', as the daemon runs
//! them, and what the regions have told of new accounts.

use std::sync::Arc;
use std::time::Duration;

use conformd::beats::Beats;
use conformd::clock::Clock;
use conformd::domain::base::model::{AccountId, Region, Timestamp};
use conformd::domain::declared::source::SourceStatus;
use conformd::domain::members::new_account::{NewAccount, NewAccountPhase};
use conformd::domain::observed::recorder::Recorders;
use conformd::domain::organization::membership::Membership;
use conformd::domain::present::report::{RegionReport, Reports};
use conformd::sim::in_process::InProcess;
use conformd::tasks::organization::{Demand, Paced};
use conformd::tasks::probe::MemberProbe;
use conformd::tasks::{organization, probe};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What a process of the lab knows of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// Nothing: for stories that are about packs.
    Nothing,
    /// The account list.
    List,
    /// The account list and the rows.
    Rows,
    /// Their recorders too.
    Recorders,
}

impl Knowledge {
    /// Whether rows are read.
    pub(crate) fn has_rows(self) -> bool {
        match self {
            Self::Nothing | Self::List => false,
            Self::Rows | Self::Recorders => true,
        }
    }
}

/// The role that the probe of the lab assumes.
pub(crate) const PROBE: (&str, &str) = ("probe", "lab-external-id");

/// How often the probe looks at an account that matters.
const PROBED_EVERY: Duration = Duration::from_mins(10);
/// From one walk of the organization to the next.
const WALKED_EVERY: Duration = Duration::from_mins(10);

/// Where the tasks of one process meet.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    pub(crate) knowledge: Knowledge,
    pub(crate) membership: watch::Receiver<Arc<Membership>>,
    pub(crate) recorders: watch::Receiver<Arc<Recorders>>,
    reports: watch::Sender<Reports>,
    demand: watch::Sender<Demand>,
}

impl Crew {
    /// Starts the tasks that this knowledge takes.
    pub(crate) fn start(
        knowledge: Knowledge,
        aws: &InProcess,
        clock: &Clock,
        lives: &mut JoinSet<()>,
    ) -> Self {
        let (members, membership) = watch::channel(Arc::default());
        let (observations, recorders) = watch::channel(Arc::default());
        let (reports, beats) = (watch::Sender::<Reports>::default(), Beats::new(clock.clone()));
        let demand = watch::Sender::new(demand(&SourceStatus::default()));
        if knowledge != Knowledge::Nothing {
            let channels = organization::OrganizationChannels {
                demand: demand.subscribe(),
                membership: members,
                beats: beats.clone(),
            };
            let (port, clock) = (Paced::new(aws, clock), clock.clone());
            lives.spawn(organization::run(port, channels, clock, CancellationToken::new()));
        }
        if knowledge == Knowledge::Recorders {
            let channels = probe::ProbeChannels {
                reports: reports.subscribe(),
                recorders: observations,
                beats,
            };
            let (role, external_id) = PROBE;
            let members = aws.members(role, Some(external_id));
            let probe = Some(Arc::new(MemberProbe::new(members, PROBED_EVERY, clock.clone())));
            lives.spawn(probe::run(probe, channels, CancellationToken::new()));
        }
        Self { knowledge, membership, recorders, reports, demand }
    }

    /// The manifests are read.
    pub(crate) fn ask(&self, source: &SourceStatus) {
        self.demand.send_replace(demand(source));
    }

    /// A region says how it is.
    pub(crate) fn publish(&self, report: &RegionReport) {
        self.reports.send_modify(|reports| {
            reports.insert(report.place.region.clone(), Arc::new(report.clone()));
        });
    }

    /// Waits for news of the membership or of recorders; for ever where nobody looks.
    pub(crate) async fn changed(&mut self) {
        // Cancel-safe: `changed` only marks a version as seen. Nobody sends where nobody looks.
        tokio::select! {
            Ok(()) = self.membership.changed() => {}
            Ok(()) = self.recorders.changed() => {}
            else => std::future::pending().await,
        }
    }
}

fn demand(source: &SourceStatus) -> Demand {
    let catalog = source.catalog.as_ref();
    Demand {
        interest: catalog.map(|catalog| catalog.interest()),
        approvals: catalog.map(|catalog| catalog.approvals.clone()).unwrap_or_default(),
        interval: WALKED_EVERY,
    }
}

/// A new account as one region told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) account: AccountId,
    pub(crate) joined: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) phase: NewAccountPhase,
}

impl From<&NewAccount> for Telling {
    fn from(new_account: &NewAccount) -> Self {
        let NewAccount { account, joined, deadline, phase, missing: _, recorder: _, complete: _ } =
            new_account;
        Self { account: *account, joined: *joined, deadline: *deadline, phase: *phase }
    }
}

/// Everything that was told of new accounts: who told it, where, when, and what.
pub(crate) type Tellings = Vec<(u32, Region, Timestamp, Telling)>;
