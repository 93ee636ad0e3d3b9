//! The in-process face: the port of `cloud`, answered by a world in memory, no sockets.
//!
//! Faults become the kinds of failure that the real adapter gives; what takes time on a network
//! takes time on the shared clock. One method call is one request: nothing is retried here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;

use super::api::packs::{
    DeletePack, DescribePacks, DetailFilters, GetDetail, InputParameter, MemberStatus, Pack,
    PackStatus, PutPack,
};
use super::api::{Answer, Breakage, Caller, Epoch, Fault, Reply, Request, organizations};
use super::gate::CallGate;
use super::world::World;
use crate::clock::Clock;
use crate::cloud::{
    Attempt, AttemptObserver, CloudError, Op, Organization, Page, PageToken, Reader, RowFilter,
    Writer,
};
use crate::domain::content::Content;
use crate::domain::failure::FailureKind;
use crate::domain::model::{AccountId, PackName, Place, Timestamp, UnitId};
use crate::domain::observed::{Delivery, PackRecord, RolloutStatus, Row, StatusRecord};
use crate::domain::organization::{Account, OrganizationRecord};

/// How long a read waits for an answer that never comes: the real adapter's operation timeout.
const READ_TIMEOUT: Duration = Duration::from_secs(45);

/// How long a write waits: the real adapter's attempt timeout, of which there is one.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// A client of a world, for one account in one region. Clones share the world.
#[derive(Debug, Clone)]
pub struct InProcess {
    world: Arc<Mutex<World>>,
    clock: Clock,
    place: Place,
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
        Self { world, clock, place, gate: CallGate::open(), observer: None }
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

    /// The world, to look at or to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic in one test thread must not hide the world from the assertion that explains it.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, op: Op, request: Request) -> Result<Answer, CloudError> {
        let started = self.clock.now();
        let call = self.gate.enter().await;
        let reply = self.world().call(started, &Caller::client(&self.place), request);
        self.gate.leave(call).await;
        let result = self.act_out(op, reply).await;
        let failure = result.as_ref().err().map(|(kind, _)| *kind);
        self.report(op, started, failure);
        result.map_err(|(kind, trouble)| self.error(op, kind, trouble))
    }

    /// What the reply looks like from this side of the connection.
    async fn act_out(&self, op: Op, reply: Reply) -> Result<Answer, (FailureKind, Trouble)> {
        Err(match reply {
            Reply::Answer(answer) => return Ok(answer),
            Reply::Fault(fault) => {
                let kind = kind(&fault);
                let Fault { code, message, .. } = fault;
                (kind, Trouble::Fault { code, message })
            }
            Reply::Broken(Breakage::Reset) => (FailureKind::Unreachable, Trouble::Reset),
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
        (entries, next): (Vec<A>, Option<String>),
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

/// From the codes that the world answers with to kinds of failure. `aws` has a table of its own,
/// and `sim` may not see it; the contract suite holds both faces to the same kinds for the same
/// codes, which one shared table would make a test of nothing.
pub fn kind(fault: &Fault) -> FailureKind {
    match fault.code.as_str() {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "SlowDown" => FailureKind::Throttled,
        "ResourceInUseException" | "ConcurrentModificationException" => FailureKind::InFlight,
        "MaxNumberOfOrganizationConformancePacksExceededException" => FailureKind::Quota,
        "AccessDenied" | "AccessDeniedException" | "InsufficientPermissionsException" => {
            FailureKind::Denied
        }
        "OrganizationAccessDeniedException" => FailureKind::NotDelegated,
        "UnrecognizedClientException" | "InvalidClientTokenId" => FailureKind::RegionDisabled,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => FailureKind::Credentials,
        "NoAvailableOrganizationException"
        | "OrganizationAllFeaturesNotEnabledException"
        | "AWSOrganizationsNotInUseException" => FailureKind::NoOrganization,
        "NoSuchOrganizationConformancePackException" => FailureKind::NoSuchPack,
        "InvalidNextTokenException" => FailureKind::BadToken,
        "InvalidInputException" if fault.reason.as_deref() == Some("INVALID_NEXT_TOKEN") => {
            FailureKind::BadToken
        }
        "RequestTimeout" | "RequestTimeoutException" => FailureKind::Timeout,
        _ if fault.http_status >= 500 => FailureKind::Server,
        _ => FailureKind::Rejected,
    }
}

impl Reader for InProcess {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn caller(&self) -> Result<AccountId, CloudError> {
        let op = Op::GetCallerIdentity;
        let request = Request::GetCallerIdentity(organizations::Nothing {});
        let Answer::GetCallerIdentity(identity) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        identity.account.parse().map_err(|_| self.broken(op, "the account is malformed"))
    }

    async fn packs(&self, token: Option<PageToken>) -> Result<Page<PackRecord>, CloudError> {
        let op = Op::DescribeOrganizationConformancePacks;
        let request = Request::DescribeOrganizationConformancePacks(describe(token));
        let Answer::DescribeOrganizationConformancePacks(packs) = self.call(op, request).await?
        else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, (packs.organization_conformance_packs, packs.next_token), pack_record)
    }

    async fn statuses(&self, token: Option<PageToken>) -> Result<Page<StatusRecord>, CloudError> {
        let op = Op::DescribeOrganizationConformancePackStatuses;
        let request = Request::DescribeOrganizationConformancePackStatuses(describe(token));
        let Answer::DescribeOrganizationConformancePackStatuses(statuses) =
            self.call(op, request).await?
        else {
            return Err(self.broken(op, MIXED_UP));
        };
        let entries = statuses.organization_conformance_pack_statuses;
        self.page(op, (entries, statuses.next_token), status_record)
    }

    async fn rows(
        &self,
        pack: &PackName,
        filter: &RowFilter,
        token: Option<PageToken>,
    ) -> Result<Page<Row>, CloudError> {
        let op = Op::GetOrganizationConformancePackDetailedStatus;
        let RowFilter { account, status } = filter;
        let status = status.map(|(verb, phase)| RolloutStatus::Known(verb, phase).to_string());
        let request = Request::GetOrganizationConformancePackDetailedStatus(GetDetail {
            organization_conformance_pack_name: Some(pack.to_string()),
            filters: Some(DetailFilters {
                account_id: account.as_ref().map(ToString::to_string),
                status,
            }),
            limit: None,
            next_token: token.map(|PageToken(token)| token),
        });
        let Answer::GetOrganizationConformancePackDetailedStatus(detail) =
            self.call(op, request).await?
        else {
            return Err(self.broken(op, MIXED_UP));
        };
        let entries = detail.organization_conformance_pack_detailed_statuses;
        self.page(op, (entries, detail.next_token), row)
    }
}

impl Writer for InProcess {
    async fn put(&self, pack: &PackName, content: &Content) -> Result<String, CloudError> {
        let op = Op::PutOrganizationConformancePack;
        let Content { body, inputs, excluded, delivery } = content;
        let inputs = inputs.iter().map(|(name, value)| InputParameter {
            parameter_name: name.clone(),
            parameter_value: value.clone(),
        });
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let request = Request::PutOrganizationConformancePack(PutPack {
            organization_conformance_pack_name: Some(pack.to_string()),
            template_body: Some(body.to_string()),
            template_s3_uri: None,
            delivery_s3_bucket: text(&delivery.bucket),
            delivery_s3_key_prefix: text(&delivery.prefix),
            conformance_pack_input_parameters: unless_empty(inputs.collect()),
            excluded_accounts: unless_empty(excluded.iter().map(ToString::to_string).collect()),
            tags: None,
        });
        let Answer::PutOrganizationConformancePack(put) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        Ok(put.organization_conformance_pack_arn)
    }

    async fn delete(&self, pack: &PackName) -> Result<(), CloudError> {
        let op = Op::DeleteOrganizationConformancePack;
        let request = Request::DeleteOrganizationConformancePack(DeletePack {
            organization_conformance_pack_name: Some(pack.to_string()),
        });
        self.call(op, request).await.map(|_| ())
    }
}

impl Organization for InProcess {
    async fn accounts(&self, token: Option<PageToken>) -> Result<Page<Account>, CloudError> {
        let op = Op::ListAccounts;
        let request = Request::ListAccounts(organizations::Paged {
            max_results: None,
            next_token: token.map(|PageToken(token)| token),
        });
        let Answer::ListAccounts(list) = self.call(op, request).await? else {
            return Err(self.broken(op, MIXED_UP));
        };
        self.page(op, (list.accounts, list.next_token), account)
    }

    async fn describe(&self) -> Result<OrganizationRecord, CloudError> {
        todo!()
    }

    async fn accounts_of(
        &self,
        _parent: &UnitId,
        _token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        todo!()
    }

    async fn units_of(
        &self,
        _parent: &UnitId,
        _token: Option<PageToken>,
    ) -> Result<Page<UnitId>, CloudError> {
        todo!()
    }

    async fn tags(
        &self,
        _account: AccountId,
        _token: Option<PageToken>,
    ) -> Result<Page<(String, String)>, CloudError> {
        todo!()
    }

    async fn administrators(
        &self,
        _token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        todo!()
    }

    async fn trusted_services(
        &self,
        _token: Option<PageToken>,
    ) -> Result<Page<String>, CloudError> {
        todo!()
    }
}

const MIXED_UP: &str = "it belongs to another operation";

fn describe(token: Option<PageToken>) -> DescribePacks {
    DescribePacks { next_token: token.map(|PageToken(token)| token), ..DescribePacks::default() }
}

fn unless_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn pack_record(pack: Pack) -> Option<PackRecord> {
    let Pack {
        organization_conformance_pack_name,
        organization_conformance_pack_arn,
        delivery_s3_bucket,
        delivery_s3_key_prefix,
        conformance_pack_input_parameters,
        excluded_accounts,
        last_update_time: Epoch(last_update),
    } = pack;
    let inputs = conformance_pack_input_parameters.into_iter();
    let excluded = excluded_accounts.iter().map(|id| id.parse().ok());
    Some(PackRecord {
        name: organization_conformance_pack_name.parse().ok()?,
        arn: organization_conformance_pack_arn,
        last_update,
        inputs: inputs.map(|input| (input.parameter_name, input.parameter_value)).collect(),
        excluded: excluded.collect::<Option<_>>()?,
        delivery: Delivery {
            bucket: delivery_s3_bucket.unwrap_or_default(),
            prefix: delivery_s3_key_prefix.unwrap_or_default(),
        },
    })
}

fn status_record(status: PackStatus) -> Option<StatusRecord> {
    Some(StatusRecord {
        name: status.organization_conformance_pack_name.parse().ok()?,
        status: status.status.parse().ok()?,
        error_code: status.error_code,
        error_message: status.error_message,
        last_update: status.last_update_time.map(|Epoch(at)| at),
    })
}

fn row(member: MemberStatus) -> Option<Row> {
    Some(Row {
        account: member.account_id.parse().ok()?,
        status: member.status.parse().ok()?,
        error_code: member.error_code,
        error_message: member.error_message,
        last_update: member.last_update_time.map(|Epoch(at)| at),
    })
}

fn account(account: organizations::Account) -> Option<Account> {
    Some(Account {
        id: account.id.parse().ok()?,
        name: account.name,
        state: account.state.and_then(|state| state.parse().ok()),
        joined: account.joined_timestamp.map(|Epoch(at)| at),
        units: None,
        tags: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::Region;
    use crate::sim::faults::{Effect, FaultRule, Stage};
    use crate::sim::knobs::Knobs;
    use crate::sim::setup::Setup;

    fn aws() -> InProcess {
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let account: AccountId = "111111111111".parse().unwrap();
        let region: Region = "eu-west-1".parse().unwrap();
        let mut setup = Setup::new(start, [account], [region.clone()]);
        setup.knobs = Knobs::instant();
        let world = Arc::new(Mutex::new(World::new(setup)));
        InProcess::new(world, Clock::simulated(start, 1), Place { account, region })
    }

    fn content() -> Content {
        Content {
            body: "Resources: {R: {Type: AWS::Config::ConfigRule}}".into(),
            inputs: std::collections::BTreeMap::new(),
            excluded: std::collections::BTreeSet::new(),
            delivery: Delivery::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_black_hole_costs_the_callers_timeout_and_no_more() {
        let aws = aws();
        aws.world().add_fault(FaultRule::always(Effect::BlackHole { stage: Stage::After }));
        let start = aws.clock.now();
        let read = aws.packs(None).await.unwrap_err();
        let read_for = aws.clock.now().duration_since(start);
        let write = aws.put(&"base".parse().unwrap(), &content()).await.unwrap_err();
        let write_for = aws.clock.now().duration_since(start) - read_for;
        assert_eq!([read.kind, write.kind], [FailureKind::Timeout; 2]);
        assert_eq!((read_for.as_secs(), write_for.as_secs()), (45, 60));
        assert_eq!(aws.world().log().puts(), 1, "the put took effect unseen");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shut_gate_stops_the_process_on_the_chosen_side_of_the_effect() {
        for (stage, puts) in [(Stage::Before, 0), (Stage::After, 1)] {
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
