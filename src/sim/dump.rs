//! The complete state of the world, for users of the simulator and for tests.
//!
//! The truth without delays. Rows are left out of the whole picture, since there may be millions; a
//! request returns those of one pack.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::causes::FailureText;
use super::faults::FaultRule;
use super::knobs::Knobs;
use super::member_state::SimRow;
use super::members;
use super::rollout::Aggregate;
use super::setup::RecorderSetup;
use super::world::World;
use crate::domain::base::model::{AccountId, AccountState, PackName, Place, Region, Timestamp};
use crate::domain::observed::packs::RolloutStatus;

/// The world at one moment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dump<'a> {
    /// Says that nothing of this is real.
    simulated: bool,
    now: Timestamp,
    management: &'a AccountId,
    regions: &'a BTreeSet<Region>,
    accounts: Vec<AccountDump<'a>>,
    packs: Vec<PackDump<'a>>,
    faults: Vec<FaultDump<'a>>,
    knobs: &'a Knobs,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountDump<'a> {
    id: &'a AccountId,
    name: &'a str,
    member: bool,
    state: AccountState,
    joined: Option<Timestamp>,
    parent: &'a str,
    recorders: BTreeMap<&'a Region, RecorderSetup>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PackDump<'a> {
    account: &'a AccountId,
    region: &'a Region,
    name: PackName,
    inputs: BTreeMap<String, String>,
    status: Option<Status>,
}

/// A status with its reason: of a pack or of one account's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    #[serde(rename = "status")]
    value: RolloutStatus,
    since: Timestamp,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Serialize)]
struct FaultDump<'a> {
    id: u64,
    rule: &'a FaultRule,
    struck: u64,
}

/// The whole world, at the time it has reached.
pub fn world(world: &World) -> Dump<'_> {
    let now = world.moment();
    Dump {
        simulated: true,
        now: world.now(),
        management: world.management(),
        regions: world.regions(),
        accounts: world.members.iter().map(|one| account(world, one, now)).collect(),
        packs: packs(world),
        faults: world
            .faults()
            .iter()
            .map(|(id, rule, struck)| FaultDump { id: id.0, rule, struck })
            .collect(),
        knobs: world.knobs(),
    }
}

fn account<'a>(world: &'a World, one: &'a members::SimAccount, now: Timestamp) -> AccountDump<'a> {
    let recorders = world.regions().iter().map(|region| (region, one.recorder(region, now)));
    let stay = one.stay(now);
    AccountDump {
        id: &one.id,
        name: &one.name,
        member: stay.is_some(),
        state: *one.state.at(now),
        joined: stay.map(members::Stay::joined_timestamp),
        parent: &one.parent,
        recorders: recorders.collect(),
    }
}

fn packs(world: &World) -> Vec<PackDump<'_>> {
    let mut packs = Vec::new();
    for place in world.packs.places() {
        for name in world.pack_names(place) {
            packs.push(PackDump {
                account: &place.account,
                region: &place.region,
                inputs: world.inputs(place, &name).unwrap_or_default(),
                status: world.aggregate(place, &name).map(aggregate),
                name,
            });
        }
    }
    packs
}

/// The rows of one pack by account; `None` when there is no such pack.
pub fn rows(world: &World, place: &Place, name: &PackName) -> Option<BTreeMap<AccountId, Status>> {
    if !world.pack_names(place).contains(name) {
        return None;
    }
    let ids = world.members.iter().map(|account| &account.id);
    Some(ids.filter_map(|id| Some((*id, row(world.row(place, name, id)?)))).collect())
}

fn aggregate(aggregate: Aggregate) -> Status {
    let Aggregate { verb, phase, cause, since } = aggregate;
    status(RolloutStatus::Known(verb, phase), cause, since)
}

fn row(row: SimRow) -> Status {
    let SimRow { verb, phase, cause, since } = row;
    status(RolloutStatus::Known(verb, phase), cause, since)
}

fn status(value: RolloutStatus, cause: Option<FailureText>, since: Timestamp) -> Status {
    let (code, message) = cause.map(|FailureText { code, message }| (code, message)).unzip();
    Status { value, since, code, message }
}
