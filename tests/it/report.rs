//! What the report says of packs and regions.

use conformd::domain::base::mode::Mode;
use conformd::domain::plan::history::History;
use conformd::domain::present::axes::SyncStatus;
use conformd::domain::present::report::{OutOfSyncKind, Reconciliation, RegionReport, SyncReason};
use insta::assert_snapshot;

use crate::support::lines::{at, desired, look, observed, ruled};

fn report(wanted: &str, shown: &str) -> RegionReport {
    let (desired, observed, now) = (desired(wanted), observed(shown), at("12:00"));
    let plan = look(&mut History::default(), &desired, &observed, now);
    let ruling = ruled((plan, &observed), Mode::Sync, now);
    let reconciliation = Reconciliation { number: 1, started: now, last_read: Some(now) };
    RegionReport::ruled(reconciliation, Mode::Sync, &observed, &ruling)
}

/// One line a pack, and whether the region is in sync.
fn check(wanted: &str, shown: &str) -> String {
    let report = report(wanted, shown);
    let packs = report.packs.iter().map(|(name, pack)| {
        let drift: Vec<&str> = pack.drift.iter().copied().map(OutOfSyncKind::as_str).collect();
        let holds: Vec<&str> = pack.holds.iter().map(|reason| reason.as_str()).collect();
        let sync = pack.sync.map_or("left alone", SyncStatus::as_str);
        let reason = pack.reason.map(SyncReason::as_str);
        let state = [sync].into_iter().chain(reason).collect::<Vec<_>>().join(" ");
        format!("{name}: {state}, drift [{}], holds [{}]", drift.join(" "), holds.join(" "))
    });
    let sync = if report.is_synced() { "in sync" } else { "not in sync" };
    let progress = if report.is_in_progress() { ", in progress" } else { "" };
    let lines: Vec<String> = packs.chain([format!("{sync}{progress}")]).collect();
    lines.join("\n")
}

#[test]
fn a_region_that_holds_what_is_wanted_is_in_sync_whatever_else_is_there() {
    assert_snapshot!(check(
        "iam v1; paused v1 suspended",
        "iam v1; paused v1; kept v2 orphan; other foreign; hand-made unmanaged UPDATE_IN_PROGRESS",
    ), @"
    hand-made: left alone unmanaged, drift [], holds []
    iam: synced, drift [], holds []
    kept: left alone orphaned, drift [], holds [orphaned]
    other: left alone foreign, drift [], holds []
    paused: synced suspended, drift [], holds [suspended]
    in sync
    ");
}

#[test]
fn every_way_to_differ_has_its_word() {
    assert_snapshot!(check(
        "new v1; a v2; b v1 p=1; c v1 -1x; d v1 s3:awsconfigconforms-a; e v1 p=1; f v1 orphan",
        "a v1; b v1; c v1; d v1; e v1 UPDATE_FAILED; f v1; old v7",
    ), @"
    a: out_of_sync, drift [template], holds []
    b: out_of_sync, drift [parameters], holds []
    c: out_of_sync, drift [exclusions], holds [guard]
    d: out_of_sync, drift [delivery], holds []
    e: out_of_sync, drift [parameters failed], holds []
    f: out_of_sync, drift [template], holds []
    new: out_of_sync, drift [missing], holds []
    old: out_of_sync, drift [unwanted], holds [guard]
    not in sync
    ");
}

#[test]
fn every_reason_to_wait_that_a_person_must_see_is_a_state() {
    assert_snapshot!(check(
        "#invalid; a stuck; b unsupported; c v2 broken; d v2 suspended; e v1; f v1",
        "a v1; c v1; d v1; e v1 unmanaged; f v1 foreign",
    ), @"
    a: out_of_sync invalid, drift [], holds [invalid]
    b: out_of_sync invalid, drift [], holds [unsupported]
    c: out_of_sync invalid, drift [template], holds [invalid]
    d: out_of_sync suspended, drift [template], holds [suspended]
    e: out_of_sync unmanaged, drift [], holds [unmanaged]
    f: out_of_sync foreign, drift [], holds [foreign]
    not in sync
    ");
}

#[test]
fn in_sync_means_accepted_not_deployed_and_a_removal_is_awaited() {
    assert_snapshot!(check("a v1", "a v1 CREATE_IN_PROGRESS"), @"
    a: synced, drift [], holds []
    in sync, in progress
    ");
    assert_snapshot!(check("a v1", "a v1; b v2 DELETE_IN_PROGRESS"), @"
    a: synced, drift [], holds []
    b: out_of_sync, drift [], holds [in_progress]
    not in sync, in progress
    ");
}

#[test]
fn a_region_that_could_not_be_read_is_not_in_sync_and_claims_no_pack() {
    assert_snapshot!(check("a v1", "#unknown"), @"not in sync");
}
