//! Visits to members: who may enter, and what is seen there.

use conformd::cloud::{
    CloudError, MemberAccess as _, MemberVisit as _, Op, RecorderRecord, Writer as _,
};
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{AccountId, AccountState};
use conformd::sim::api::Operation;
use conformd::sim::setup::{RecorderSetup, RoleSetup, WorldSetup};

use super::{Bed, Face, InProcessFace, account, content, home, name, region, setup};

const PROBE: &str = "ConformdRecorderProbe";

fn role(account: Option<AccountId>, external_id: &str) -> RoleSetup {
    RoleSetup {
        account,
        name: PROBE.to_owned(),
        trusted: home().account,
        external_id: Some(external_id.to_owned()),
        exists: true,
    }
}

/// A world in which every account lets the management account in with the external id `shared`.
fn open_to_probes(accounts: u64) -> WorldSetup {
    WorldSetup { roles: vec![role(None, "shared")], ..setup(accounts) }
}

async fn denied(face: &impl Face, account: AccountId, external_id: Option<&str>) -> CloudError {
    let members = face.members(PROBE, external_id);
    let Err(error) = members.enter(account).await else { panic!("{account} was entered") };
    assert_eq!((error.op, error.kind), (Op::AssumeRole, FailureKind::Denied));
    error
}

pub(super) async fn a_recorder_is_seen_as_it_is<F: Face>() {
    let seen = |recording: bool, failed: bool| {
        let error_code = failed.then(|| "AccessDenied".to_owned());
        Some(RecorderRecord { name: "default".to_owned(), recording, failed, error_code })
    };
    let kinds = [
        (RecorderSetup::Missing, None),
        (RecorderSetup::ServiceLinked, None),
        (RecorderSetup::Stopped, seen(false, false)),
        (RecorderSetup::Recording, seen(true, false)),
        (RecorderSetup::Failing, seen(true, true)),
    ];
    let mut setup = open_to_probes(kinds.len() as u64);
    for (member, (kind, _)) in setup.accounts.iter_mut().zip(&kinds) {
        member.recorder = *kind;
    }
    let bed = Bed::of(setup);
    let face = F::open(&bed).await;
    let members = face.members(PROBE, Some("shared"));
    for (number, (kind, record)) in (0..).zip(kinds) {
        let visit = members.enter(account(number)).await.unwrap();
        let home = region("eu-west-1");
        let names: Vec<String> = record.iter().map(|record| record.name.clone()).collect();
        assert_eq!(visit.recorders(&home).await.unwrap(), names, "{kind:?}");
        let states: Vec<RecorderRecord> = record.into_iter().collect();
        assert_eq!(visit.recorder_states(&home).await.unwrap(), states, "{kind:?}");
    }
}

pub(super) async fn a_visit_sees_recorders_and_nothing_else_is_asked<F: Face>() {
    let bed = Bed::of(WorldSetup {
        regions: ["eu-west-1", "us-east-1"].map(region).into(),
        ..open_to_probes(2)
    });
    let now = bed.clock.now();
    let far = region("us-east-1");
    bed.world().set_recorder(now, &account(1), &far, RecorderSetup::Missing);
    let face = F::open(&bed).await;
    let members = face.members(PROBE, Some("shared"));
    let visit = members.enter(account(1)).await.unwrap();
    assert_eq!(visit.recorders(&region("eu-west-1")).await.unwrap(), ["default"]);
    assert!(visit.recorders(&far).await.unwrap().is_empty(), "one session sees every region");
    let world = bed.world();
    assert_eq!(world.log().calls(), 3);
    assert_eq!(world.log().count(Operation::AssumeRole), 1);
    assert_eq!(world.log().count(Operation::DescribeConfigurationRecorders), 2);
    let accounts: Vec<AccountId> = world.log().entries().map(|entry| entry.account).collect();
    assert_eq!(accounts, [account(0), account(1), account(1)]);
}

pub(super) async fn a_role_that_cannot_be_assumed_is_denied_whatever_the_reason<F: Face>() {
    let missing = RoleSetup { exists: false, ..role(Some(account(1)), "") };
    let others = RoleSetup { trusted: account(3), ..role(Some(account(2)), "shared") };
    let roles = vec![role(None, "shared"), missing, others, role(Some(account(3)), "another")];
    let bed = Bed::of(WorldSetup { roles, ..setup(5) });
    let face = F::open(&bed).await;
    for number in 1..=3 {
        let error = denied(&face, account(number), Some("shared")).await;
        assert_eq!(error.place, format!("{}/eu-west-1", account(number)));
    }
    denied(&face, account(4), None).await;
    denied(&face, account(4), Some("guessed")).await;
    denied(&face, account(77), Some("shared")).await;
    let members = face.members(PROBE, Some("shared"));
    members.enter(account(4)).await.unwrap();
    bed.world().set_role(role(Some(account(1)), "shared"));
    members.enter(account(1)).await.unwrap();
}

pub(super) async fn a_closed_account_cannot_be_entered<F: Face>() {
    let bed = Bed::of(open_to_probes(4));
    let now = bed.clock.now();
    bed.world().set_state(now, &account(1), AccountState::Closed);
    bed.world().set_state(now, &account(2), AccountState::Suspended);
    bed.world().leave(now, &account(3));
    let face = F::open(&bed).await;
    for number in 1..=3 {
        denied(&face, account(number), Some("shared")).await;
    }
}

pub(super) async fn a_region_that_a_member_has_not_enabled_is_told_apart<F: Face>() {
    let mut setup = open_to_probes(2);
    setup.regions = ["af-south-1", "eu-west-1"].map(region).into();
    setup.accounts[1].regions_off = [region("af-south-1")].into();
    let bed = Bed::of(setup);
    let face = F::open(&bed).await;
    let members = face.members(PROBE, Some("shared"));
    let visit = members.enter(account(1)).await.unwrap();
    assert_eq!(visit.recorders(&region("eu-west-1")).await.unwrap(), ["default"]);
    let off = region("af-south-1");
    let kinds = [
        visit.recorders(&off).await.unwrap_err().kind,
        visit.recorder_states(&off).await.unwrap_err().kind,
    ];
    assert_eq!(kinds, [FailureKind::RegionDisabled; 2]);
}

#[tokio::test]
async fn the_keys_of_a_visit_open_nothing_but_recorders_and_end_after_fifteen_minutes() {
    let bed = Bed::of(WorldSetup { administrators: [account(1)].into(), ..open_to_probes(2) });
    let members = InProcessFace(bed.clone()).members(PROBE, Some("shared"));
    let visit = members.enter(account(1)).await.unwrap();
    let client = visit.client(&region("eu-west-1"));
    let refused = client.put(&name("base"), &content()).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Denied);
    assert_eq!(bed.world().log().puts(), 0);
    let entered = client.members(PROBE, Some("shared")).enter(account(0)).await.unwrap_err();
    assert_eq!(entered.kind, FailureKind::Denied, "and lead nowhere else");
    bed.pass(std::time::Duration::from_mins(15));
    let late = visit.recorders(&region("eu-west-1")).await.unwrap_err();
    assert_eq!(late.kind, FailureKind::Credentials);
}
