//! The control API beneath `/_sim/`: the clock, the state, the request log, and events by hand.
//!
//! For users of the simulator and tests, never for AWS clients. Bodies are JSON whatever
//! `Content-Type` says, so that `curl -d` needs no header. [`crate::sim::event`] carries out the
//! events.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answering::BODY_BYTES_MAX;
use super::wire;
use crate::domain::base::model::{AccountId, AccountState, PackName, Place, Region};
use crate::sim::dump;
use crate::sim::event::{
    EventRefused, ExternalDelete, Happened, Leave, Move, SetRecorder, SetState, WorldEvent,
};
use crate::sim::failures::FailureId;
use crate::sim::faults::FaultId;
use crate::sim::log::LoggedRequest;
use crate::sim::setup::RecorderSetup;
use crate::sim::simulation::Simulation;
use crate::sim::world::World;

/// The routes of the control API.
pub(super) fn router(simulation: Simulation) -> Router {
    Router::new()
        .route("/_sim/clock", get(show_clock).post(move_clock))
        .route("/_sim/world", get(show_world))
        .route("/_sim/requests", get(show_requests))
        .route("/_sim/rows/{account}/{region}/{pack}", get(show_rows))
        .route("/_sim/events", post(any_event))
        .route("/_sim/accounts", post(join))
        .route("/_sim/accounts/{account}", delete(leave))
        .route("/_sim/accounts/{account}/state", put(set_state))
        .route("/_sim/accounts/{account}/parent", put(move_account))
        .route("/_sim/recorders/{account}", put(set_recorders))
        .route("/_sim/recorders/{account}/{region}", put(set_recorder))
        .route("/_sim/roles", put(set_role))
        .route("/_sim/failures", post(fail))
        .route("/_sim/failures/{id}", delete(clear_failure))
        .route("/_sim/faults", post(disturb).delete(clear_faults))
        .route("/_sim/faults/{id}", delete(clear_fault))
        .route("/_sim/packs", post(put_pack))
        .route("/_sim/packs/{account}/{region}/{pack}", delete(delete_pack))
        .fallback(|| async { ControlProblem::absent("no such page of the control API") })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(simulation)
}

/// An answer other than 200, in words.
#[derive(Debug)]
struct ControlProblem {
    status: StatusCode,
    text: String,
}

impl ControlProblem {
    fn absent(text: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, text: text.into() }
    }
}

impl IntoResponse for ControlProblem {
    fn into_response(self) -> Response<Body> {
        shown(self.status, &json!({ "error": self.text }))
    }
}

impl From<EventRefused> for ControlProblem {
    fn from(refused: EventRefused) -> Self {
        let status = match refused {
            EventRefused::Absent(_) => StatusCode::NOT_FOUND,
            EventRefused::Nonsense(_) => StatusCode::BAD_REQUEST,
            EventRefused::ByAws(_) => StatusCode::CONFLICT,
        };
        Self { status, text: refused.to_string() }
    }
}

/// What every route answers.
type ControlAnswer = Result<Response<Body>, ControlProblem>;

fn shown(status: StatusCode, value: &Value) -> Response<Body> {
    wire::plain(status, "application/json", Body::from(format!("{value:#}\n")))
}

fn ok(value: &impl Serialize) -> ControlAnswer {
    match serde_json::to_value(value) {
        Ok(value) => Ok(shown(StatusCode::OK, &value)),
        Err(error) => Err(ControlProblem {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            text: error.to_string(),
        }),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlProblem> {
    serde_json::from_slice(body).map_err(|error| ControlProblem {
        status: StatusCode::BAD_REQUEST,
        text: error.to_string(),
    })
}

fn happen(simulation: &Simulation, event: &WorldEvent) -> ControlAnswer {
    let happened: Happened = simulation.with(|world| event.happen(world, world.now()))?;
    ok(&happened)
}

async fn show_clock(State(simulation): State<Simulation>) -> ControlAnswer {
    ok(&json!({ "now": simulation.with(|world| world.now()) }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlStep {
    #[serde(with = "humantime_serde")]
    advance: Duration,
}

async fn move_clock(State(simulation): State<Simulation>, body: Bytes) -> ControlAnswer {
    let ControlStep { advance } = read(&body)?;
    simulation.clock().advance(advance);
    ok(&json!({ "now": simulation.with(|world| world.now()) }))
}

async fn show_world(State(simulation): State<Simulation>) -> ControlAnswer {
    simulation.with(|world| ok(&dump::world(world)))
}

async fn show_rows(
    State(simulation): State<Simulation>,
    Path((account, region, pack)): Path<(AccountId, Region, PackName)>,
) -> ControlAnswer {
    let place = Place { account, region };
    let rows = simulation.with(|world| dump::rows(world, &place, &pack));
    ok(&rows
        .ok_or_else(|| ControlProblem::absent(format!("there is no pack {pack} at {place}")))?)
}

/// Which requests of the log to show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only those of mutating operations, or only the others.
    mutating: Option<bool>,
    /// Only those after this number.
    #[serde(default)]
    after: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Requests<'a> {
    calls: u64,
    puts: u64,
    deletes: u64,
    mutations: u64,
    #[serde(rename = "requests")]
    entries: Vec<&'a LoggedRequest>,
}

async fn show_requests(
    State(simulation): State<Simulation>,
    Query(which): Query<Which>,
) -> ControlAnswer {
    simulation.with(|world| ok(&requests(world, &which)))
}

fn requests<'a>(world: &'a World, which: &Which) -> Requests<'a> {
    let log = world.log();
    let fits = |entry: &&LoggedRequest| {
        entry.number > which.after
            && which.mutating.is_none_or(|expected| entry.mutating == expected)
    };
    Requests {
        calls: log.calls(),
        puts: log.puts(),
        deletes: log.deletes(),
        mutations: log.mutations(),
        entries: log.entries().filter(fits).collect(),
    }
}

async fn any_event(State(simulation): State<Simulation>, body: Bytes) -> ControlAnswer {
    happen(&simulation, &read(&body)?)
}

async fn join(State(simulation): State<Simulation>, body: Bytes) -> ControlAnswer {
    happen(&simulation, &WorldEvent::Join(read(&body)?))
}

async fn leave(
    State(simulation): State<Simulation>,
    Path(account): Path<AccountId>,
) -> ControlAnswer {
    happen(&simulation, &WorldEvent::Leave(Leave { account }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateBody {
    state: AccountState,
}

async fn set_state(
    State(simulation): State<Simulation>,
    Path(account): Path<AccountId>,
    body: Bytes,
) -> ControlAnswer {
    let StateBody { state } = read(&body)?;
    happen(&simulation, &WorldEvent::State(SetState { account, state }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParentBody {
    parent: String,
}

async fn move_account(
    State(simulation): State<Simulation>,
    Path(account): Path<AccountId>,
    body: Bytes,
) -> ControlAnswer {
    let ParentBody { parent } = read(&body)?;
    happen(&simulation, &WorldEvent::Move(Move { account, parent }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecorderBody {
    recorder: RecorderSetup,
}

async fn set_recorders(
    State(simulation): State<Simulation>,
    Path(account): Path<AccountId>,
    body: Bytes,
) -> ControlAnswer {
    let RecorderBody { recorder } = read(&body)?;
    happen(&simulation, &WorldEvent::Recorder(SetRecorder { account, region: None, recorder }))
}

async fn set_recorder(
    State(simulation): State<Simulation>,
    Path((account, region)): Path<(AccountId, Region)>,
    body: Bytes,
) -> ControlAnswer {
    let RecorderBody { recorder } = read(&body)?;
    let region = Some(region);
    happen(&simulation, &WorldEvent::Recorder(SetRecorder { account, region, recorder }))
}

async fn set_role(State(simulation): State<Simulation>, body: Bytes) -> ControlAnswer {
    happen(&simulation, &WorldEvent::Role(read(&body)?))
}

async fn fail(State(simulation): State<Simulation>, body: Bytes) -> ControlAnswer {
    happen(&simulation, &WorldEvent::Failure(read(&body)?))
}

async fn clear_failure(State(simulation): State<Simulation>, Path(id): Path<u64>) -> ControlAnswer {
    happen(&simulation, &WorldEvent::ClearFailure(FailureId(id)))
}

async fn disturb(State(simulation): State<Simulation>, body: Bytes) -> ControlAnswer {
    happen(&simulation, &WorldEvent::Fault(read(&body)?))
}

async fn clear_faults(State(simulation): State<Simulation>) -> ControlAnswer {
    happen(&simulation, &WorldEvent::ClearFaults)
}

async fn clear_fault(State(simulation): State<Simulation>, Path(id): Path<u64>) -> ControlAnswer {
    happen(&simulation, &WorldEvent::ClearFault(FaultId(id)))
}

async fn put_pack(State(simulation): State<Simulation>, body: Bytes) -> ControlAnswer {
    happen(&simulation, &WorldEvent::Put(read(&body)?))
}

async fn delete_pack(
    State(simulation): State<Simulation>,
    Path((account, region, name)): Path<(AccountId, Region, PackName)>,
) -> ControlAnswer {
    let account = Some(account);
    happen(&simulation, &WorldEvent::Delete(ExternalDelete { account, region, name }))
}
