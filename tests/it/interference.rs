//! What interferes with conformd's own writes: other writers within seconds of a Put, refusals, and
//! removals that AWS fails.

use std::collections::BTreeMap;
use std::time::Duration;

use conformd::domain::declared::snapshot::Absence;
use conformd::domain::present::report::OutOfSyncKind;
use conformd::sim::api::Operation;
use conformd::sim::event::{ExternalPut, WorldEvent};
use conformd::sim::failures::{FailsOn, Failure};
use conformd::sim::faults::{FaultEffect, FaultRule};

use crate::support::lab::manifests::{Manifest, approval, file, packs};
use crate::support::lab::{Lab, Setting, hours, minutes};

const HERE: &str = "eu-west-1";

fn one_region() -> Setting {
    Setting { regions: vec![HERE], ..Setting::instant() }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Another writer puts another template.
fn external_put(name: &str) -> ExternalPut {
    ExternalPut {
        account: None,
        region: HERE.parse().unwrap(),
        name: name.parse().unwrap(),
        template: None,
        parameters: None,
        excluded: Vec::new(),
    }
}

fn is_changed_externally(lab: &Lab, name: &str) -> bool {
    let report = lab.report(HERE);
    report.packs.iter().any(|(pack, report)| {
        pack.as_str() == name && report.drift.contains(&OutOfSyncKind::ForeignWrite)
    })
}

#[tokio::test(start_paused = true)]
async fn a_template_replaced_within_seconds_of_our_put_is_reported_and_put_back() {
    let mut lab = Lab::with(one_region(), &file(&packs(&["cis", "iam"])));
    lab.run_for(seconds(1)).await;
    let before = lab.truth();
    lab.run_for(seconds(24)).await;
    lab.event(&WorldEvent::Put(external_put("cis")));
    lab.run_for(seconds(10)).await;
    assert!(is_changed_externally(&lab, "cis"), "{}", lab.plans());
    lab.run_for(hours(1)).await;
    insta::assert_snapshot!(lab.trace(), @"
    0:00 eu-west-1 create cis accepted
    0:00 eu-west-1 create iam accepted
    0:00 eu-west-1 hold cis: conflict
    0:15 eu-west-1 update cis accepted
    ");
    assert_eq!(lab.truth(), before);
}

#[tokio::test(start_paused = true)]
async fn a_pack_replaced_without_its_marker_is_reported_as_an_external_change() {
    let mut manifests = packs(&["cis", "iam"]);
    let mut lab = Lab::with(one_region(), &file(&manifests));
    lab.run_for(seconds(17)).await;
    let parameters = Some(BTreeMap::new());
    lab.event(&WorldEvent::Put(ExternalPut { parameters, ..external_put("cis") }));
    lab.run_for(seconds(30)).await;
    assert!(is_changed_externally(&lab, "cis"), "{}", lab.plans());
    insta::assert_snapshot!(lab.plan(HERE), @"
    ! cis held
        unmanaged: another writer replaced the pack that conformd put at 2026-11-02T00:00:00Z with one without conformd's marker; find that writer in CloudTrail (PutOrganizationConformancePack); set `spec.adopt: true` to take the pack back, which counts as a loss and waits for an approval
    No changes; 1 pack held without a change.
    ");
    // The other pack of the region is still updated.
    manifests[1].age = Some(30);
    lab.write(&file(&manifests));
    lab.run_for(minutes(30)).await;
    lab.note("adopt");
    manifests[0].adopt = true;
    lab.write(&file(&manifests));
    lab.run_for(minutes(30)).await;
    insta::assert_snapshot!(lab.trace(), @"
    0:00 eu-west-1 create cis accepted
    0:00 eu-west-1 create iam accepted
    0:00 eu-west-1 hold cis: unmanaged
    0:00 eu-west-1 update iam accepted
    0:30 -- adopt
    0:30 eu-west-1 hold cis: guard
    ");
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_held_as_denied_until_an_attempt_succeeds() {
    let mut lab = Lab::with(one_region(), &file(&packs(&["cis"])));
    lab.run_for(hours(1)).await;
    let put =
        FaultRule::always(FaultEffect::AccessDenied).on(Operation::PutOrganizationConformancePack);
    lab.fault(put);
    lab.write(&file(&[Manifest { age: Some(30), ..Manifest::new("cis") }]));
    for minute in 0..60 {
        lab.run_for(if minute == 0 { seconds(1) } else { minutes(1) }).await;
        let plan = lab.plan(HERE);
        assert!(plan.contains("denied: AWS refuses writes in this region"), "{minute}: {plan}");
    }
    insta::assert_snapshot!(lab.plan(HERE), @r#"
    ! cis held, would update
        parameter  MaxAge = "30"
        denied: AWS refuses writes in this region: PutOrganizationConformancePack failed in 111111111111/eu-west-1 (denied): AccessDeniedException: You don't have permissions to access this resource. (until 2026-11-02T02:00:00Z)
    1 change held.
    "#);
    lab.heal();
    lab.run_for(minutes(20)).await;
    insta::assert_snapshot!(lab.plan(HERE), @"  No changes.");
}

#[tokio::test(start_paused = true)]
async fn a_refused_delete_is_held_as_denied_while_other_writes_are_accepted() {
    let mut lab = Lab::with(one_region(), &file(&packs(&["cis", "iam", "old", "s3"])));
    lab.run_for(hours(1)).await;
    lab.trace();
    let delete = FaultRule::always(FaultEffect::AccessDenied)
        .on(Operation::DeleteOrganizationConformancePack);
    lab.fault(delete);
    let mut manifests = packs(&["cis", "iam", "s3"]);
    lab.write(&file(&manifests));
    lab.run_for(minutes(20)).await;
    manifests[0].age = Some(30);
    lab.write(&file(&manifests));
    lab.run_for(seconds(1)).await;
    insta::assert_snapshot!(lab.plan(HERE), @r#"
    ! cis held, would update
        parameter  MaxAge = "30"
        denied: AWS refuses writes in this region: DeleteOrganizationConformancePack failed in 111111111111/eu-west-1 (denied): AccessDeniedException: You don't have permissions to access this resource. (until 2026-11-02T01:22:00Z)
    ! old held, would delete: no manifest declares it
        denied: AWS refuses writes in this region: DeleteOrganizationConformancePack failed in 111111111111/eu-west-1 (denied): AccessDeniedException: You don't have permissions to access this resource. (until 2026-11-02T01:22:00Z)
    2 changes held.
    "#);
    insta::assert_snapshot!(lab.trace(), @"
    1:00 eu-west-1 hold old: unconfirmed
    1:15 eu-west-1 delete old refused: denied
    1:15 eu-west-1 hold old: denied
    1:16 eu-west-1 delete old refused: denied
    1:18 eu-west-1 delete old refused: denied
    1:20 eu-west-1 hold cis: denied
    ");
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_aws_fails_is_repeated_under_the_same_approval() {
    let names = ["p0", "p1", "p2", "p3"];
    let setting = Setting { absence: Absence::Declared, ..one_region() };
    let mut lab = Lab::with(setting, &file(&packs(&names)));
    lab.run_for(hours(1)).await;
    lab.trace();
    lab.event(&WorldEvent::Failure(Failure {
        on: FailsOn::Removal,
        times: Some(1),
        code: "Broken".to_owned(),
        ..Failure::default()
    }));
    lab.write(&(file(&packs(&names[..3])) + &approval(&names[3..], "2026-11-08T00:00:00Z")));
    lab.run_for(minutes(20)).await;
    insta::assert_snapshot!(lab.plan(HERE), @"
    = p3 held, would delete: its removal failed (Broken: 3 member account(s) failed; first 111111111111:)
        retry: the last rollout failed; the next attempt follows later (until 2026-11-02T02:15:00Z)
    1 change held.
    ");
    lab.restart();
    lab.run_for(hours(3)).await;
    insta::assert_snapshot!(lab.trace(), @"
    1:00 eu-west-1 hold p3: unconfirmed
    1:15 eu-west-1 delete p3 accepted
    1:15 eu-west-1 hold p3: retry
    1:20 -- killed
    1:20 eu-west-1 hold p3: retry
    2:15 eu-west-1 delete p3 accepted
    ");
    assert_eq!(lab.truth().len(), 3);
}
