//! What happens to the world from outside: the verbs of scenario scripts and of the control API.
//!
//! One list for both, so that whatever can be scripted can also be done by hand. The world decides
//! what each means; nothing here waits or knows of HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::api::packs::{DeletePack, InputParameter, PutPack};
use super::api::{ApiError, Caller, Reply, Request};
use super::entry::{AccountEntry, RoleEntry};
use super::failures::{Failure, FailureId};
use super::faults::{FaultId, FaultRule};
use super::setup::RecorderSetup;
use super::world::World;
use crate::domain::base::model::{AccountId, AccountState, PackName, Place, Region, Timestamp};

/// The template of an external pack if the event names none.
const EXTERNAL_SESSION: &str = "\
Parameters:
  ConformdMarker: {Type: String, Default: none}
Resources:
  PutOutsideConformd:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: put-outside-conformd
      Source: {Owner: AWS, SourceIdentifier: ROOT_ACCOUNT_MFA_ENABLED}
";

/// Something that happens at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: WorldEvent,
}

/// Something that happens to the world other than by a client's request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WorldEvent {
    /// An account joins the organization, for the first time or again.
    Join(AccountEntry),
    /// An account leaves the organization.
    Leave(Leave),
    /// An account is suspended, closed or active again.
    State(SetState),
    /// An account moves to another organizational unit.
    Move(Move),
    /// A configuration recorder appears, changes or goes.
    Recorder(SetRecorder),
    /// A role that can be assumed appears, changes or goes.
    Role(RoleEntry),
    /// A member begins to refuse packs.
    #[serde(alias = "fail")]
    Failure(Failure),
    /// A failure with this name ends; rows that failed stay so until the next run.
    ClearFailure(FailureId),
    /// Requests of clients begin to go wrong.
    Fault(Disturbance),
    /// A fault with this name ends.
    ClearFault(FaultId),
    /// Every fault ends.
    ClearFaults,
    /// Another writer puts a pack.
    Put(ExternalPut),
    /// Another writer deletes a pack.
    Delete(ExternalDelete),
}

/// An account leaves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Which.
    pub account: AccountId,
}

/// An account changes state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetState {
    /// Which.
    pub account: AccountId,
    /// To what.
    pub state: AccountState,
}

/// An account moves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Which.
    pub account: AccountId,
    /// The root or unit it moves to.
    pub parent: String,
}

/// A recorder changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRecorder {
    /// Whose.
    pub account: AccountId,
    /// Where; every region when left out.
    pub region: Option<Region>,
    /// To what.
    pub recorder: RecorderSetup,
}

/// Requests that go wrong for some time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disturbance {
    /// Which requests, and how they go wrong.
    pub rule: FaultRule,
    /// For how long from now on; until cleared when left out.
    #[serde(default, rename = "for", with = "humantime_serde")]
    pub lasts: Option<Duration>,
}

/// A pack that another writer puts with that account's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExternalPut {
    /// Whose pack; the management account's when left out.
    pub account: Option<AccountId>,
    /// Where.
    pub region: Region,
    /// Its name.
    pub name: PackName,
    /// Its template; one of a single rule when left out.
    pub template: Option<String>,
    /// Its input parameters, a marker perhaps among them; when left out, those that the pack has
    /// now: a change of the template alone.
    pub parameters: Option<BTreeMap<String, String>>,
    /// Accounts it is not deployed to.
    #[serde(default)]
    pub excluded: Vec<AccountId>,
}

/// A pack that another writer deletes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalDelete {
    /// Whose pack; the management account's when left out.
    pub account: Option<AccountId>,
    /// Where.
    pub region: Region,
    /// Its name.
    pub name: PackName,
}

/// The result of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// The name of a failure or fault, to clear it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
}

/// Why an event did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventRefused {
    /// The event names something that is not there.
    #[error("there is no {0}")]
    Absent(String),
    /// The event contradicts itself or the world.
    #[error("{0}")]
    Nonsense(String),
    /// AWS refused the other writer's request.
    #[error("{}: {}", .0.code, .0.message)]
    ByAws(ApiError),
}

impl WorldEvent {
    /// Lets it happen at `at`.
    pub fn happen(&self, world: &mut World, at: Timestamp) -> Result<Happened, EventRefused> {
        match self {
            Self::Join(entry) => join(world, at, entry)?,
            Self::Leave(Leave { account }) => {
                found(world.leave(at, account), || format!("member account {account}"))?;
            }
            Self::State(SetState { account, state }) => {
                found(world.set_state(at, account, *state), || format!("account {account}"))?;
            }
            Self::Move(Move { account, parent }) => {
                let moved = world.move_to(account, parent);
                found(moved, || format!("account {account}, or no unit {parent}"))?;
            }
            Self::Recorder(set) => set_recorder(world, at, set)?,
            Self::Role(role) => {
                let trusted = *world.management();
                world.set_role(role.clone().role(trusted));
            }
            Self::Failure(failure) => {
                return Ok(Happened { id: Some(world.fail(at, failure.clone()).0) });
            }
            Self::ClearFailure(id) => {
                found(world.clear_failure(at, *id), || format!("failure {}", id.0))?;
            }
            Self::Fault(disturbance) => {
                return Ok(Happened { id: Some(disturb(world, at, disturbance).0) });
            }
            Self::ClearFault(id) => {
                found(world.remove_fault(*id), || format!("fault {}", id.0))?;
            }
            Self::ClearFaults => world.clear_faults(),
            Self::Put(put) => put_externally(world, at, put)?,
            Self::Delete(delete) => delete_externally(world, at, delete)?,
        }
        Ok(Happened::default())
    }
}

fn found(is_there: bool, what: impl FnOnce() -> String) -> Result<(), EventRefused> {
    if is_there { Ok(()) } else { Err(EventRefused::Absent(what())) }
}

fn join(world: &mut World, at: Timestamp, entry: &AccountEntry) -> Result<(), EventRefused> {
    let member = entry.clone().member(at, at);
    if at < member.joined {
        return Err(EventRefused::Nonsense("an account that joins now did not join later".into()));
    }
    if world.is_member(&member.id) {
        return Err(EventRefused::Nonsense(format!("account {} is a member already", member.id)));
    }
    world.join(at, member);
    Ok(())
}

fn set_recorder(world: &mut World, at: Timestamp, set: &SetRecorder) -> Result<(), EventRefused> {
    let SetRecorder { account, region, recorder } = set;
    if let Some(region) = region {
        found(world.regions().contains(region), || format!("region {region}"))?;
    }
    let regions = match region {
        Some(region) => vec![region.clone()],
        None => world.regions().iter().cloned().collect(),
    };
    for region in regions {
        let set = world.set_recorder(at, account, &region, *recorder);
        found(set, || format!("account {account}"))?;
    }
    Ok(())
}

fn disturb(world: &mut World, at: Timestamp, disturbance: &Disturbance) -> FaultId {
    let Disturbance { rule, lasts } = disturbance;
    let rule = match lasts {
        Some(lasts) => rule.clone().between(at, at.checked_add(*lasts).unwrap_or(Timestamp::MAX)),
        None => rule.clone(),
    };
    world.add_fault(rule)
}

fn put_externally(world: &mut World, at: Timestamp, put: &ExternalPut) -> Result<(), EventRefused> {
    let ExternalPut { account, region, name, template, parameters, excluded } = put;
    let account = account.as_ref().unwrap_or(world.management());
    let place = Place { account: *account, region: region.clone() };
    let parameters = parameters.clone().or_else(|| world.inputs(&place, name)).unwrap_or_default();
    let inputs = parameters
        .into_iter()
        .map(|(parameter_name, parameter_value)| InputParameter { parameter_name, parameter_value })
        .collect();
    let request = PutPack {
        organization_conformance_pack_name: Some(name.to_string()),
        template_body: Some(template.clone().unwrap_or_else(|| EXTERNAL_SESSION.to_owned())),
        conformance_pack_input_parameters: Some(inputs),
        excluded_accounts: Some(excluded.iter().map(AccountId::to_string).collect()),
        ..PutPack::default()
    };
    ask(world, at, &place, Request::PutOrganizationConformancePack(request))
}

fn delete_externally(
    world: &mut World,
    at: Timestamp,
    delete: &ExternalDelete,
) -> Result<(), EventRefused> {
    let ExternalDelete { account, region, name } = delete;
    let account = account.as_ref().unwrap_or(world.management());
    let place = Place { account: *account, region: region.clone() };
    let request = DeletePack { organization_conformance_pack_name: Some(name.to_string()) };
    ask(world, at, &place, Request::DeleteOrganizationConformancePack(request))
}

fn ask(
    world: &mut World,
    at: Timestamp,
    place: &Place,
    request: Request,
) -> Result<(), EventRefused> {
    match world.call(at, &Caller::other(place), request) {
        Reply::Answer(_) => Ok(()),
        Reply::Fault(fault) => Err(EventRefused::ByAws(fault)),
        Reply::Broken(_) => Err(EventRefused::Nonsense("faults do not touch other writers".into())),
    }
}

/// The events of a scenario that are still to come.
#[derive(Debug, Clone, Default)]
pub struct Script {
    due: VecDeque<Timed>,
}

impl Script {
    /// A script of these events, which must be in order of time.
    pub fn new(events: Vec<Timed>) -> Self {
        Self { due: events.into() }
    }

    /// When the next event is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.due.front().map(|timed| timed.at)
    }

    /// Lets everything happen that is due at `now`, each at its own moment. An event that the
    /// world refuses is logged and skipped.
    pub fn play(&mut self, world: &mut World, now: Timestamp) {
        while let Some(Timed { at, event }) = self.due.pop_front_if(|timed| timed.at <= now) {
            if let Err(refused) = event.happen(world, at) {
                tracing::warn!(%at, %refused, ?event, "scripted event did not happen");
            }
        }
    }
}
