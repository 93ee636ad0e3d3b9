//! The in-process face: the port of `cloud`, answered by a world in memory, no sockets.
//!
//! Faults become the kinds of failure that the real adapter gives; what takes time on a network
//! takes time on the shared clock. One method call is one request: nothing is retried here.

mod kinds;
mod members;
mod organization;
mod packs;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;

pub use self::members::{InProcessMembers, InProcessVisit};
use super::api::{Answer, ApiError, Breakage, Caller, Reply, Request};
use super::gate::CallGate;
use super::session::AssumedSession;
use super::world::World;
use crate::clock::Clock;
use crate::cloud::{Attempt, AttemptObserver, CloudError, Op, Page, PageToken};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{Place, Timestamp};

/// How long a read waits for an answer that never comes: the real adapter's operation timeout.
const READ_TIMEOUT: Duration = Duration::from_secs(45);

/// How long a write waits: the real adapter's attempt timeout, of which there is one.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// A client of a world, for one account in one region. Clones share the world.
#[derive(Debug, Clone)]
pub struct InProcess {
    world: Arc<Mutex<World>>,
    /// The world's.
    clock: Clock,
    /// The client's, which hears what time answers name.
    date_clock: Clock,
    place: Place,
    /// The session whose keys are used; the account's own without one.
    session: Option<AssumedSession>,
    gate: CallGate,
    observer: Option<Arc<dyn AttemptObserver>>,
}

/// What AWS or the connection said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Trouble {
    /// An API error.
    #[error("{code}: {message}")]
    Fault {
        /// The exception's name.
        code: String,
        /// Its text.
        message: String,
    },
    /// The connection broke.
    #[error("the connection was reset")]
    Reset,
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Silence(Duration),
    /// The answer is not what AWS sends.
    #[error("the answer is unreadable: {0}")]
    Unreadable(&'static str),
    /// A load balancer's page.
    #[error("503 with a page that is not AWS's")]
    UnavailablePage,
}

impl InProcess {
    /// A client of this world with the account's own credentials.
    pub fn new(world: Arc<Mutex<World>>, clock: Clock, place: Place) -> Self {
        let (date_clock, gate) = (clock.clone(), CallGate::open());
        Self { world, clock, date_clock, place, session: None, gate, observer: None }
    }

    /// The same client on a machine with a clock of its own, which may be wrong.
    #[must_use]
    pub fn with_date_clock(self, date_clock: Clock) -> Self {
        Self { date_clock, ..self }
    }

    /// The same client, every call of which passes this gate.
    #[must_use]
    pub fn with_gate(self, gate: CallGate) -> Self {
        Self { gate, ..self }
    }

    /// The same client, whose calls are reported.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn AttemptObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// A client of the same world elsewhere.
    #[must_use]
    pub fn at(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }

    /// The world, to read or to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic in one test thread must not hide the world from the assertion that explains it.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, op: Op, request: Request) -> Result<Answer, CloudError> {
        let started = self.clock.now();
        let call = self.gate.enter().await;
        let (reply, date) = self.ask(started, request);
        self.gate.leave(call).await;
        if matches!(reply, Reply::Answer(_) | Reply::Fault(_)) {
            self.date_clock.observe_aws_date(date);
        }
        let result = self.act_out(op, reply).await;
        let failure = result.as_ref().err().map(|(kind, _)| *kind);
        self.report(op, started, failure);
        result.map_err(|(kind, trouble)| self.error(op, kind, trouble))
    }

    /// What the world says, and when it said so.
    fn ask(&self, now: Timestamp, request: Request) -> (Reply, Timestamp) {
        let mut world = self.world();
        let reply = match &self.session {
            Some(session) if session.expires <= now => {
                let message = "The security token included in the request is expired";
                Reply::Fault(ApiError::new("ExpiredTokenException", message))
            }
            session => {
                let session = session.clone();
                let caller = Caller { session, ..Caller::client(&self.place) };
                world.call(now, &caller, request)
            }
        };
        (reply, world.now())
    }

    /// The reply as a client of the real AWS would experience it.
    async fn act_out(&self, op: Op, reply: Reply) -> Result<Answer, (FailureKind, Trouble)> {
        Err(match reply {
            Reply::Answer(answer) => return Ok(answer),
            Reply::Fault(fault) => {
                let kind = kinds::kind(op, &fault);
                let ApiError { code, message, .. } = fault;
                (kind, Trouble::Fault { code, message })
            }
            Reply::Broken(Breakage::Reset) => (FailureKind::Unreachable, Trouble::Reset),
            // The wait is that of the SDK's timeout, so that a test in virtual time sees the same
            // delays as a client over HTTP.
            Reply::Broken(Breakage::BlackHole) => {
                let patience = if is_write(op) { WRITE_TIMEOUT } else { READ_TIMEOUT };
                self.clock.sleep(patience).await;
                (FailureKind::Timeout, Trouble::Silence(patience))
            }
            Reply::Broken(Breakage::Malformed) => {
                (FailureKind::BrokenAnswer, Trouble::Unreadable("no JSON"))
            }
            Reply::Broken(Breakage::Truncated(_)) => {
                (FailureKind::BrokenAnswer, Trouble::Unreadable("it breaks off"))
            }
            Reply::Broken(Breakage::UnavailableHtml) => {
                (FailureKind::Server, Trouble::UnavailablePage)
            }
        })
    }

    fn report(&self, op: Op, started: Timestamp, failure: Option<FailureKind>) {
        let Some(observer) = &self.observer else { return };
        let passed = self.clock.now().duration_since(started);
        let elapsed = Duration::try_from(passed).unwrap_or_default();
        let result = failure.map_or(Ok(()), Err);
        observer.attempted(&Attempt { op, region: self.place.region.as_str(), result, elapsed });
    }

    fn error(&self, op: Op, kind: FailureKind, trouble: Trouble) -> CloudError {
        CloudError { op, place: self.place.to_string(), kind, source: Box::new(trouble) }
    }

    fn broken(&self, op: Op, why: &'static str) -> CloudError {
        self.error(op, FailureKind::BrokenAnswer, Trouble::Unreadable(why))
    }

    /// Turns the entries of a page into records; one that makes no sense spoils the page.
    fn page<A, B>(
        &self,
        op: Op,
        entries: Vec<A>,
        next: Option<String>,
        parse: impl Fn(A) -> Option<B>,
    ) -> Result<Page<B>, CloudError> {
        let items: Option<Vec<B>> = entries.into_iter().map(parse).collect();
        let items = items.ok_or_else(|| self.broken(op, "an identifier is malformed"))?;
        Ok(Page { items, next: next.map(PageToken) })
    }
}

fn is_write(op: Op) -> bool {
    matches!(op, Op::PutOrganizationConformancePack | Op::DeleteOrganizationConformancePack)
}

/// An answer that is not the one to what was asked.
const MIXED_UP: &str = "it belongs to another operation";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{RegionReader, Writer};
    use crate::domain::base::model::{AccountId, Region, ResultsBucket};
    use crate::domain::observed::content::Content;
    use crate::sim::faults::{FaultEffect, FaultRule, FaultStage};
    use crate::sim::knobs::Knobs;
    use crate::sim::setup::WorldSetup;

    fn aws() -> InProcess {
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let account: AccountId = "111111111111".parse().unwrap();
        let region: Region = "eu-west-1".parse().unwrap();
        let mut setup = WorldSetup::new(start, [account], [region.clone()]);
        setup.knobs = Knobs::instant();
        let world = Arc::new(Mutex::new(World::new(setup)));
        InProcess::new(world, Clock::simulated(start, 1), Place { account, region })
    }

    fn content() -> Content {
        Content {
            body: "Resources: {R: {Type: AWS::Config::ConfigRule}}".into(),
            inputs: std::collections::BTreeMap::new(),
            excluded: std::collections::BTreeSet::new(),
            delivery: ResultsBucket::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_black_hole_costs_the_callers_timeout_and_no_more() {
        let aws = aws();
        aws.world()
            .add_fault(FaultRule::always(FaultEffect::BlackHole { stage: FaultStage::After }));
        let start = aws.clock.now();
        let read = aws.packs(None).await.unwrap_err();
        let read_for = aws.clock.now().duration_since(start);
        let write = aws.put(&"base".parse().unwrap(), &content()).await.unwrap_err();
        let write_for = aws.clock.now().duration_since(start) - read_for;
        assert_eq!([read.kind, write.kind], [FailureKind::Timeout; 2]);
        assert_eq!((read_for.as_secs(), write_for.as_secs()), (45, 60));
        assert_eq!(aws.world().log().puts(), 1, "the put took effect unknown");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shut_gate_stops_the_process_on_the_chosen_side_of_the_effect() {
        for (stage, puts) in [(FaultStage::Before, 0), (FaultStage::After, 1)] {
            let gate = CallGate::shutting(2, stage);
            let aws = aws().with_gate(gate.clone());
            let process = async {
                aws.packs(None).await.unwrap();
                aws.put(&"base".parse().unwrap(), &content()).await.unwrap();
            };
            tokio::select! {
                biased;
                () = process => panic!("the gate let the second call through"),
                () = gate.shut() => {}
            }
            assert_eq!((gate.calls(), aws.world().log().puts()), (2, puts));
        }
    }
}
