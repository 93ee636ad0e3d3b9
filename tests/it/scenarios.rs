//! Stories of an organization, told as traces: what a person wants to know before conformd may
//! write to every account.
//!
//! Every reconciliation of every story is also held to the invariants of `lab::invariants`.

#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

use std::collections::BTreeMap;
use std::time::Duration;

use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{AccountId, DeletionPolicy, Marker, PackName, Region};
use conformd::sim::api::Operation;
use conformd::sim::event::{ExternalDelete, ExternalPut, WorldEvent};
use conformd::sim::faults::{FaultEffect, FaultRule, FaultStage};
use conformd::sim::knobs::Knobs;

use crate::support::lab::crew::Knowledge;
use crate::support::lab::manifests::{Manifest, approval, file, packs, permits};
use crate::support::lab::{Lab, OWNER, Setting, hours, member, minutes};

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn pack(name: &str) -> PackName {
    name.parse().unwrap()
}

/// Ten packs: one of them is a tenth.
const TEN: [&str; 10] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"];

/// One region, everything at once: for stories that are about decisions.
fn one_region() -> Setting {
    Setting { regions: vec!["eu-west-1"], ..Setting::instant() }
}

/// A lab in which these manifests are deployed, and nothing is told of how.
async fn deployed(setting: Setting, manifests: &str) -> Lab {
    let mut lab = Lab::with(setting, manifests);
    lab.run_for(hours(1)).await;
    assert_eq!(lab.plans().matches("No changes.").count(), lab.places().len(), "{}", lab.plans());
    lab.trace();
    lab
}

/// Somebody else puts a pack in Ireland.
fn external_put(name: &str) -> ExternalPut {
    ExternalPut {
        account: None,
        region: region("eu-west-1"),
        name: pack(name),
        template: None,
        parameters: None,
        excluded: Vec::new(),
    }
}

mod quiet {
    //! A healthy world is left alone.

    use super::*;

    /// How many requests each of the two regions has had.
    fn calls(lab: &Lab) -> [u64; 2] {
        let calls = |region: &str| lab.world().log().calls_in(&super::region(region));
        ["eu-west-1", "us-east-1"].map(calls)
    }

    #[tokio::test(start_paused = true)]
    async fn packs_are_put_once_a_region_and_then_nothing_is_written_for_48_hours() {
        let mut lab = Lab::with(Setting::default(), &file(&packs(&["cis", "iam", "s3"])));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        0:00 eu-west-1 create cis accepted
        0:00 eu-west-1 create iam accepted
        0:00 eu-west-1 create s3 accepted
        0:00 us-east-1 create cis accepted
        0:00 us-east-1 create iam accepted
        0:00 us-east-1 create s3 accepted
        ");
        let before = lab.world().log().mutations();
        lab.run_for(hours(48)).await;
        assert_eq!(lab.world().log().mutations(), before);
        assert_eq!(lab.trace(), "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_pass_makes_two_calls_a_region_and_none_that_writes() {
        let mut lab = deployed(Setting::default(), &file(&packs(&["cis", "iam", "s3"]))).await;
        let before = (calls(&lab), lab.world().log().mutations());
        // A new process knows nothing, and needs no more.
        lab.restart();
        lab.run_for(Duration::from_secs(1)).await;
        let after = (calls(&lab), lab.world().log().mutations());
        assert_eq!(after, (before.0.map(|calls| calls + 2), before.1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_parameter_is_one_put_in_each_of_its_regions() {
        let mut manifests = packs(&["cis", "iam"]);
        manifests[1].regions = Some(vec!["eu-west-1", "us-east-1"]);
        let setting =
            Setting { regions: vec!["eu-west-1", "us-east-1", "ap-south-1"], ..Setting::default() };
        let mut lab = deployed(setting, &file(&manifests)).await;
        manifests[1].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 update iam accepted
        1:00 us-east-1 update iam accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_template_comment_changes_nothing_and_a_value_is_one_put_a_region() {
        let mut manifests = packs(&["cis", "iam"]);
        let mut lab = deployed(Setting::default(), &file(&manifests)).await;
        manifests[0].comment = "Checked by the auditors.";
        lab.write(&file(&manifests));
        lab.run_for(hours(1)).await;
        assert_eq!(lab.trace(), "");
        manifests[0].version = 2;
        lab.write(&file(&manifests));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        2:00 eu-west-1 update cis accepted
        2:00 us-east-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn observe_shows_the_plan_and_sends_nothing() {
        let setting = Setting { mode: Mode::Observe, ..Setting::default() };
        let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        + cis would create
            template   50381cce (2 rules)
            mode: mode observe never writes
        1 change held.
        ");
        assert_eq!(lab.world().log().mutations(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn upsert_creates_and_updates_and_never_deletes() {
        let setting = Setting { mode: Mode::Upsert, ..one_region() };
        let mut lab = deployed(setting, &file(&packs(&["cis", "iam"]))).await;
        let mut left = packs(&["cis"]);
        left[0].age = Some(30);
        lab.write(&file(&left));
        lab.run_for(hours(48)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 update cis accepted
        1:00 eu-west-1 hold iam: mode
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn two_processes_of_one_installation_put_a_pack_at_most_twice_and_delete_it_once() {
        let mut manifests = packs(&["cis", "iam"]);
        let mut lab = Lab::with(Setting::default(), &file(&manifests));
        // The first one holds the lock of the record.
        lab.boot_without_record();
        lab.run_for(hours(1)).await;
        manifests[0].age = Some(30);
        lab.write(&file(&manifests[..1]));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @"
        0:00 eu-west-1 create cis accepted
        0:00 eu-west-1 create iam accepted
        0:00 us-east-1 create cis accepted
        0:00 us-east-1 create iam accepted
        0:00 eu-west-1 create cis refused: in_flight
        0:00 eu-west-1 create iam refused: in_flight
        0:00 eu-west-1 hold cis: retry
        0:00 eu-west-1 hold iam: retry
        0:00 us-east-1 create cis refused: in_flight
        0:00 us-east-1 create iam refused: in_flight
        0:00 us-east-1 hold cis: retry
        0:00 us-east-1 hold iam: retry
        1:00 eu-west-1 update cis accepted
        1:00 eu-west-1 hold iam: unconfirmed
        1:00 us-east-1 update cis accepted
        1:00 us-east-1 hold iam: unconfirmed
        1:00 eu-west-1 update cis refused: in_flight
        1:00 eu-west-1 hold cis: retry
        1:00 eu-west-1 hold iam: guard
        1:00 us-east-1 update cis refused: in_flight
        1:00 us-east-1 hold cis: retry
        1:00 us-east-1 hold iam: guard
        1:00 eu-west-1 hold iam: unconfirmed
        1:00 us-east-1 hold iam: unconfirmed
        1:00 eu-west-1 hold iam: guard
        1:00 us-east-1 hold iam: guard
        1:01 eu-west-1 hold iam: unconfirmed
        1:01 us-east-1 hold iam: unconfirmed
        1:01 eu-west-1 hold iam: guard
        1:01 us-east-1 hold iam: guard
        1:03 eu-west-1 hold iam: unconfirmed
        1:03 us-east-1 hold iam: unconfirmed
        1:03 eu-west-1 hold iam: guard
        1:03 us-east-1 hold iam: guard
        1:15 eu-west-1 delete iam accepted
        1:15 us-east-1 delete iam accepted
        ");
        assert!(lab.effects().values().all(|it| it.puts <= 2 && it.deletes <= 1));
        assert_eq!(lab.truth().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_roll_out_takes_the_next_change_when_it_is_over() {
        let mut setting = one_region();
        setting.knobs.fan_out.duration = hours(3);
        let mut manifests = packs(&["cis"]);
        let mut lab = Lab::with(setting, &file(&manifests));
        lab.run_for(minutes(10)).await;
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(7)).await;
        insta::assert_snapshot!(lab.trace(), @"
        0:00 eu-west-1 create cis accepted
        1:00 eu-west-1 update cis refused: in_flight
        1:00 eu-west-1 hold cis: retry
        1:01 eu-west-1 update cis refused: in_flight
        1:03 eu-west-1 update cis refused: in_flight
        1:07 eu-west-1 update cis refused: in_flight
        1:17 eu-west-1 update cis refused: in_flight
        1:32 eu-west-1 update cis refused: in_flight
        1:49 eu-west-1 update cis refused: in_flight
        2:07 eu-west-1 update cis refused: in_flight
        2:24 eu-west-1 update cis refused: in_flight
        2:42 eu-west-1 update cis refused: in_flight
        2:58 eu-west-1 update cis refused: in_flight
        3:14 eu-west-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_delegated_administrators_packs_are_updated_though_their_status_is_stuck() {
        let setting = Setting { owner: "222222222222", ..Setting::default() };
        let mut manifests = packs(&["cis", "s3"]);
        let mut lab = Lab::with(setting, &file(&manifests));
        lab.run_for(hours(6)).await;
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(6)).await;
        manifests.extend(packs(&["iam"]));
        lab.write(&file(&manifests[1..]));
        lab.run_for(hours(6)).await;
        insta::assert_snapshot!(lab.trace(), @"
        0:00 eu-west-1 create cis accepted
        0:00 eu-west-1 create s3 accepted
        0:00 us-east-1 create cis accepted
        0:00 us-east-1 create s3 accepted
        6:00 eu-west-1 update cis accepted
        6:00 us-east-1 update cis accepted
        12:00 eu-west-1 create iam accepted
        12:00 eu-west-1 hold cis: unconfirmed
        12:00 us-east-1 create iam accepted
        12:00 us-east-1 hold cis: unconfirmed
        12:15 eu-west-1 delete cis accepted
        12:15 us-east-1 delete cis accepted
        ");
    }
}

mod source {
    //! Whatever happens to the manifests, nothing is lost by mistake.

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_emptied_directory_deletes_nothing_however_long_it_stays_empty() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis", "iam"]))).await;
        // What the source task says of a directory without manifests.
        lab.fail_source("packs holds no manifest");
        lab.run_for(hours(48)).await;
        assert_eq!(lab.trace(), "");
        // And should an empty reading ever be accepted, the guard holds it.
        lab.write("");
        lab.run_for(hours(2)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        49:00 eu-west-1 hold cis: invalid
        49:00 eu-west-1 hold iam: invalid
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! cis held
            invalid: its manifest is invalid, the last valid content stays in force: packs.yaml: error[empty-file]: the file has no bytes (fix it, move it out of the source path, or list it in .conformdignore)
        ! iam held
            invalid: its manifest is invalid, the last valid content stays in force: packs.yaml: error[empty-file]: the file has no bytes (fix it, move it out of the source path, or list it in .conformdignore)
        No changes; 2 packs held without a change.
        ");
        assert_eq!(lab.truth().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn files_that_were_deleted_while_the_source_cannot_be_read_delete_nothing() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis", "iam"]))).await;
        lab.write(&file(&packs(&["cis"])));
        lab.run_for(minutes(5)).await;
        lab.fail_source("packs: Input/output error");
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 hold iam: unconfirmed
        1:15 eu-west-1 hold iam: source
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! iam held, would delete: no manifest declares it
            source: the source could not be read: packs: Input/output error
        1 change held.
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn manifests_read_more_than_ten_minutes_ago_delete_nothing() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis", "iam"]))).await;
        lab.write(&file(&packs(&["cis"])));
        lab.freeze_source();
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 hold iam: unconfirmed
        1:15 eu-west-1 hold iam: source
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! iam held, would delete: no manifest declares it
            source: the source was not read for 10 minutes
        1 change held.
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn one_broken_file_keeps_its_last_good_form_and_stops_every_delete_and_nothing_else() {
        let [cis, iam, s3] = ["cis", "iam", "s3"].map(|name| Manifest::new(name).to_string());
        let files = [("cis.yaml", cis.as_str()), ("iam.yaml", &iam), ("s3.yaml", &s3)];
        let mut lab = Lab::new(one_region());
        lab.write_files(files);
        lab.boot();
        lab.run_for(hours(1)).await;
        lab.trace();
        // `cis` is broken, `iam` changed, `s3` removed, all in one commit.
        let iam = Manifest { age: Some(30), ..Manifest::new("iam") }.to_string();
        lab.write_files([("cis.yaml", "apiVersion: [conformd"), ("iam.yaml", iam.as_str())]);
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 update iam accepted
        1:00 eu-west-1 hold cis: invalid
        1:00 eu-west-1 hold s3: invalid
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! cis held
            invalid: its manifest is invalid, the last valid content stays in force: cis.yaml:1:13: error[syntax]: this is not YAML: unclosed bracket '['
        ! s3 held, would delete: no valid manifest declares it
            invalid: some manifests of this revision are invalid: nothing is taken away until they are corrected
        1 change held; 1 pack held without a change.
        ");
        // Whole again: the delete goes on where it was meant to.
        lab.write_files([("cis.yaml", cis.as_str()), ("iam.yaml", iam.as_str())]);
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        25:00 eu-west-1 hold s3: unconfirmed
        25:15 eu-west-1 delete s3 accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_while_a_file_is_broken_neither_puts_nor_deletes_its_pack() {
        let cis = Manifest::new("cis").to_string();
        let mut lab = Lab::new(one_region());
        lab.write_files([
            ("cis.yaml", cis.as_str()),
            ("iam.yaml", &Manifest::new("iam").to_string()),
        ]);
        lab.boot();
        lab.run_for(hours(1)).await;
        lab.trace();
        lab.write_files([("cis.yaml", cis.as_str()), ("iam.yaml", "apiVersion: [conformd")]);
        lab.restart();
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 -- killed
        1:00 eu-west-1 hold iam: invalid
        ");
        assert_eq!(lab.truth().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn two_manifests_of_one_name_are_neither_put_nor_deleted() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis", "iam"]))).await;
        let mut manifests = packs(&["cis", "iam", "iam"]);
        manifests[2].age = Some(7);
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 update cis accepted
        1:00 eu-west-1 hold iam: invalid
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! iam held
            invalid: its manifest is invalid, the last valid content stays in force: packs.yaml:26:18: error[duplicate-name]: another manifest is named iam too
        No changes; 1 pack held without a change.
        ");
    }
}

mod regions {
    //! A region that fails, fails alone.

    use super::*;

    const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];

    fn three() -> Setting {
        Setting { regions: REGIONS.to_vec(), ..Setting::default() }
    }

    /// The story of an hour in which requests to Ireland go wrong, while a parameter changes.
    async fn an_hour_of(effect: FaultEffect) -> (String, Lab) {
        let mut manifests = packs(&["cis"]);
        let mut lab = deployed(three(), &file(&manifests)).await;
        lab.fault(FaultRule::always(effect).in_region(&region("eu-west-1")));
        lab.run_for(minutes(1)).await;
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(1)).await;
        lab.note("over");
        lab.heal();
        lab.run_for(hours(1)).await;
        let trace = lab.trace();
        (trace, lab)
    }

    #[tokio::test(start_paused = true)]
    async fn access_denied_is_unknown_and_nothing_is_called_gone() {
        let (trace, lab) = an_hour_of(FaultEffect::AccessDenied).await;
        insta::assert_snapshot!(trace, @r"
        1:01 eu-west-1 not seen: denied
        1:01 us-east-1 update cis accepted
        1:01 ap-south-1 update cis accepted
        2:01 -- over
        2:03 eu-west-1 update cis accepted
        ");
        assert_eq!(lab.plans().matches("No changes.").count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_for_an_hour_delays_that_region_only() {
        let (trace, _) = an_hour_of(FaultEffect::Throttled).await;
        insta::assert_snapshot!(trace, @r"
        1:01 eu-west-1 not seen: throttled
        1:01 us-east-1 update cis accepted
        1:01 ap-south-1 update cis accepted
        2:01 -- over
        2:03 eu-west-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_that_hangs_for_an_hour_delays_that_region_only() {
        let (trace, _) = an_hour_of(FaultEffect::BlackHole { stage: FaultStage::Before }).await;
        insta::assert_snapshot!(trace, @r"
        1:01 us-east-1 update cis accepted
        1:01 ap-south-1 update cis accepted
        1:01 eu-west-1 not seen: timeout
        2:01 -- over
        2:02 eu-west-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_that_is_switched_off_is_unknown() {
        let (trace, _) = an_hour_of(FaultEffect::RegionOff).await;
        insta::assert_snapshot!(trace, @r"
        1:01 eu-west-1 not seen: region_disabled
        1:01 us-east-1 update cis accepted
        1:01 ap-south-1 update cis accepted
        2:01 -- over
        2:03 eu-west-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_region_moves_no_tick_of_another_by_a_moment() {
        let mut ticks = Vec::new();
        for hang in [false, true] {
            let mut lab = Lab::with(three(), &file(&packs(&["cis", "iam"])));
            if hang {
                let effect = FaultEffect::BlackHole { stage: FaultStage::Before };
                lab.fault(FaultRule::always(effect).in_region(&region("eu-west-1")));
            }
            lab.run_for(hours(1)).await;
            let book = lab.book();
            ticks.push(
                [&book.ticks[&region("us-east-1")], &book.ticks[&region("ap-south-1")]]
                    .map(Clone::clone),
            );
        }
        assert!(!ticks[0][0].is_empty());
        assert_eq!(ticks[0], ticks[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn denied_writes_wait_and_reads_go_on() {
        let mut manifests = packs(&["cis"]);
        let mut lab = deployed(one_region(), &file(&manifests)).await;
        lab.fault(
            FaultRule::always(FaultEffect::AccessDenied)
                .on(Operation::PutOrganizationConformancePack),
        );
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.plan("eu-west-1"), @r#"
        ! cis held, would update
            parameter  MaxAge = "30"
            denied: AWS refuses writes in this region: PutOrganizationConformancePack failed in 111111111111/eu-west-1 (denied): AccessDeniedException: You don't have permissions to access this resource. (until 2026-11-02T02:00:00Z)
        1 change held.
        "#);
        lab.heal();
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @"
        1:00 eu-west-1 update cis refused: denied
        1:00 eu-west-1 hold cis: denied
        1:01 eu-west-1 update cis refused: denied
        1:03 eu-west-1 update cis refused: denied
        1:07 eu-west-1 update cis refused: denied
        1:15 eu-west-1 update cis refused: denied
        1:30 eu-west-1 update cis refused: denied
        1:45 eu-west-1 update cis refused: denied
        2:00 eu-west-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_delegation_stops_writes_and_reads_no_pack_as_gone() {
        let mut manifests = packs(&["cis"]);
        let mut lab = deployed(one_region(), &file(&manifests)).await;
        let error = FaultEffect::Error {
            code: "OrganizationAccessDeniedException".into(),
            message: "This action can only be made by accounts in an AWS Organization".into(),
            length: 0,
            status: 400,
        };
        lab.fault(FaultRule::always(error));
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(3)).await;
        insta::assert_snapshot!(lab.trace(), @"1:00 eu-west-1 not seen: not_delegated");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        = the whole region is held
            unknown: a page of the listing is missing: DescribeOrganizationConformancePacks failed in 111111111111/eu-west-1 (not_delegated): OrganizationAccessDeniedException: This action can only be made by accounts in an AWS Organization
        Unknown: it could not be read, so nothing is planned.
        ");
    }
}

mod others {
    //! Packs of other people, and other people's hands on ours.

    use super::*;

    fn marked(marker: &str) -> BTreeMap<String, String> {
        [("ConformdMarker".to_owned(), marker.to_owned())].into()
    }

    #[tokio::test(start_paused = true)]
    async fn packs_of_others_under_our_names_are_held_and_never_touched() {
        let manifests = packs(&["by-hand", "copied", "foreign", "ours"]);
        let mut lab = Lab::new(one_region());
        lab.write(&file(&manifests));
        // A marker that another pack carries rightly.
        let copy = "v1.main.067f6d02f57553b7b0c3da9d492ae464-4-d-80474460";
        let place = lab.places().remove(0);
        let foreign = Marker::new(
            "other".parse().unwrap(),
            "067f6d02f57553b7b0c3da9d492ae464".parse().unwrap(),
            4,
            DeletionPolicy::Delete,
            (&place, &pack("foreign")),
        );
        lab.event(&WorldEvent::Put(ExternalPut {
            parameters: Some(marked(copy)),
            ..external_put("copied")
        }));
        let parameters = Some(marked(&foreign.to_string()));
        lab.event(&WorldEvent::Put(ExternalPut { parameters, ..external_put("foreign") }));
        lab.event(&WorldEvent::Put(external_put("by-hand")));
        lab.event(&WorldEvent::Put(external_put("unrelated")));
        let before = lab.truth();
        lab.boot();
        lab.run_for(hours(48)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        0:00 eu-west-1 create ours accepted
        0:00 eu-west-1 hold by-hand: unmanaged
        0:00 eu-west-1 hold copied: foreign
        0:00 eu-west-1 hold foreign: foreign
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! by-hand held
            unmanaged: a pack of this name exists without conformd's marker; set `spec.adopt: true` to take it over, or rename one of the two
        ! copied held
            foreign: its marker was copied from another pack, account or region; conformd does not change it
        ! foreign held
            foreign: the conformd installation other owns it; this installation does not change it
        not managed here: 1 unmanaged, 0 foreign
        No changes; 3 packs held without a change.
        ");
        let mut after = lab.truth();
        after.retain(|(_, name), _| name.as_str() != "ours");
        assert_eq!(after, before);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unmanaged_pack_is_adopted_when_its_manifest_says_so() {
        let mut manifests = packs(&["by-hand"]);
        let mut lab = Lab::new(one_region());
        lab.write(&file(&manifests));
        lab.event(&WorldEvent::Put(external_put("by-hand")));
        lab.boot();
        lab.run_for(hours(1)).await;
        manifests[0].adopt = true;
        lab.write(&file(&manifests));
        lab.run_for(minutes(10)).await;
        let leave = permits("go-ahead", "adopt: [by-hand]", "2026-11-08T00:00:00Z");
        lab.write(&format!("{}---\n{leave}", file(&manifests)));
        lab.run_for(hours(2)).await;
        insta::assert_snapshot!(lab.trace(), @"
        0:00 eu-west-1 hold by-hand: unmanaged
        1:00 eu-west-1 hold by-hand: guard
        1:10 eu-west-1 adopt by-hand accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_parameter_changed_behind_our_back_is_reported_and_put_back() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis"]))).await;
        let mut inputs = lab.world().inputs(&lab.places()[0], &pack("cis")).unwrap();
        inputs.insert("MaxAge".into(), "9999".into());
        let template = Some(Manifest::new("cis").template() + "# ours\n");
        let template = template.map(|text| {
            text.replace(
                "Parameters:\n",
                "Parameters:\n  ConformdMarker: {Type: String, Default: none}\n",
            )
        });
        lab.event(&WorldEvent::Put(ExternalPut {
            parameters: Some(inputs),
            template,
            ..external_put("cis")
        }));
        lab.ask_now();
        lab.run_for(Duration::from_secs(1)).await;
        insta::assert_snapshot!(lab.plan("eu-west-1"), @r#"
        = cis held, would update: external change
            parameter  MaxAge "9999" → (not set)
            unconfirmed: it is not the content that was last observed; waiting for a second reading (until 2026-11-02T01:01:00Z)
        1 change held.
        "#);
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 hold cis: unconfirmed
        1:01 eu-west-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_template_replaced_behind_our_back_betrays_itself_and_is_put_back() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis"]))).await;
        let before = lab.truth();
        lab.event(&WorldEvent::Put(external_put("cis")));
        lab.ask_now();
        lab.run_for(Duration::from_secs(1)).await;
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        = cis held, would update: external write, without a visible difference
            unconfirmed: it is not the content that was last observed; waiting for a second reading (until 2026-11-02T01:01:00Z)
        1 change held.
        ");
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 hold cis: unconfirmed
        1:01 eu-west-1 update cis accepted
        ");
        assert_eq!(lab.truth(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_writer_is_fought_once_an_interval_and_then_left_alone_for_a_day() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis"]))).await;
        for _ in 0..12 * 30 {
            lab.event(&WorldEvent::Put(external_put("cis")));
            lab.run_for(minutes(5)).await;
        }
        insta::assert_snapshot!(lab.trace(), @"
        1:02 eu-west-1 hold cis: unconfirmed
        1:03 eu-west-1 update cis accepted
        1:20 eu-west-1 hold cis: unconfirmed
        1:21 eu-west-1 update cis accepted
        1:37 eu-west-1 hold cis: unconfirmed
        1:38 eu-west-1 update cis accepted
        1:54 eu-west-1 hold cis: unconfirmed
        1:56 eu-west-1 update cis accepted
        2:13 eu-west-1 hold cis: unconfirmed
        2:14 eu-west-1 update cis accepted
        2:30 eu-west-1 hold cis: unconfirmed
        2:31 eu-west-1 update cis accepted
        2:46 eu-west-1 hold cis: conflict
        26:31 eu-west-1 hold cis: unconfirmed
        26:32 eu-west-1 update cis accepted
        26:48 eu-west-1 hold cis: unconfirmed
        26:49 eu-west-1 update cis accepted
        27:06 eu-west-1 hold cis: unconfirmed
        27:07 eu-west-1 update cis accepted
        27:23 eu-west-1 hold cis: unconfirmed
        27:24 eu-west-1 update cis accepted
        27:40 eu-west-1 hold cis: unconfirmed
        27:41 eu-west-1 update cis accepted
        27:58 eu-west-1 hold cis: unconfirmed
        27:59 eu-west-1 update cis accepted
        28:00 eu-west-1 hold cis: conflict
        28:14 eu-west-1 hold cis: unconfirmed
        28:16 eu-west-1 update cis accepted
        28:32 eu-west-1 hold cis: conflict
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! cis held, would update: external write, without a visible difference
            conflict: another writer keeps reverting it: 7 Puts within 6 hours; find that writer in CloudTrail (PutOrganizationConformancePack) (until 2026-11-04T04:16:36Z)
        1 change held.
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pack_deleted_behind_our_back_is_created_again_after_a_second_look() {
        let mut lab = deployed(one_region(), &file(&packs(&["cis"]))).await;
        lab.event(&WorldEvent::Delete(ExternalDelete {
            account: None,
            region: region("eu-west-1"),
            name: pack("cis"),
        }));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:02 eu-west-1 hold cis: unconfirmed
        1:17 eu-west-1 create cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_of_another_account_write_nothing() {
        let mut manifests = packs(&["cis"]);
        let mut lab = deployed(one_region(), &file(&manifests)).await;
        lab.pretend_to_be("333333333333".parse::<AccountId>().unwrap());
        let before = lab.world().log().mutations();
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(2)).await;
        assert_eq!(lab.world().log().mutations(), before);
        insta::assert_snapshot!(lab.trace(), @"
        1:00 eu-west-1 update cis refused: credentials
        1:00 eu-west-1 hold cis: denied
        1:01 eu-west-1 update cis refused: credentials
        1:03 eu-west-1 update cis refused: credentials
        1:07 eu-west-1 update cis refused: credentials
        1:15 eu-west-1 update cis refused: credentials
        1:30 eu-west-1 update cis refused: credentials
        1:45 eu-west-1 update cis refused: credentials
        2:00 eu-west-1 update cis refused: credentials
        2:15 eu-west-1 update cis refused: credentials
        2:30 eu-west-1 update cis refused: credentials
        2:45 eu-west-1 update cis refused: credentials
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @r#"
        ! cis held, would update
            parameter  MaxAge = "30"
            denied: AWS refuses writes in this region: the credentials in use are of account 333333333333, not 111111111111 (until 2026-11-02T03:00:00Z)
        1 change held.
        "#);
    }
}

mod refusals {
    //! What AWS will not take.

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_region_takes_no_new_pack_and_its_updates_go_on() {
        let setting = Setting { quota: 3, ..one_region() };
        let mut manifests = packs(&["a", "b", "c"]);
        let mut lab = deployed(setting, &file(&manifests)).await;
        manifests.extend(packs(&["d"]));
        manifests[0].age = Some(30);
        lab.write(&file(&manifests));
        lab.run_for(hours(48)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 update a accepted
        1:00 eu-west-1 hold d: quota
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! d held, would create
            template   89bc38eb (2 rules)
            quota: AWS allows 3 packs in a region; conformd deletes none to make room
        1 change held.
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_region_that_only_aws_knows_of_is_asked_once_an_hour() {
        let mut knobs = Knobs::instant();
        knobs.quotas.packs = 3;
        let mut lab =
            Lab::with(Setting { knobs, ..one_region() }, &file(&packs(&["a", "b", "c", "d", "e"])));
        lab.run_for(hours(3)).await;
        insta::assert_snapshot!(lab.trace(), @"
        0:00 eu-west-1 create a accepted
        0:00 eu-west-1 create b accepted
        0:00 eu-west-1 create c accepted
        0:00 eu-west-1 create d refused: quota
        0:00 eu-west-1 create e refused: quota
        0:00 eu-west-1 hold d: quota
        0:00 eu-west-1 hold e: quota
        1:00 eu-west-1 create d refused: quota
        1:00 eu-west-1 create e refused: quota
        2:00 eu-west-1 create d refused: quota
        2:00 eu-west-1 create e refused: quota
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejected_template_is_offered_again_when_it_changes_or_after_a_day() {
        let mut manifests = packs(&["cis", "iam"]);
        let mut lab = deployed(one_region(), &file(&manifests)).await;
        let error = FaultEffect::Error {
            code: "OrganizationConformancePackTemplateValidationException".into(),
            message: "Invalid conformance pack template provided.".into(),
            length: 0,
            status: 400,
        };
        lab.fault(FaultRule::always(error).on(Operation::PutOrganizationConformancePack));
        manifests[0].version = 2;
        lab.write(&file(&manifests));
        lab.run_for(hours(49)).await;
        manifests[0].version = 3;
        lab.write(&file(&manifests));
        lab.run_for(hours(1)).await;
        lab.heal();
        lab.note("AWS takes it now");
        lab.run_for(hours(25)).await;
        insta::assert_snapshot!(lab.trace(), @"
        1:00 eu-west-1 update cis refused: rejected
        1:00 eu-west-1 hold cis: rejected
        25:00 eu-west-1 update cis refused: rejected
        49:00 eu-west-1 update cis refused: rejected
        50:00 eu-west-1 update cis refused: rejected
        51:00 -- AWS takes it now
        74:00 eu-west-1 update cis accepted
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_marker_that_does_not_read_back_stops_every_write() {
        let mut lab = Lab::new(one_region());
        lab.drop_markers();
        lab.write(&file(&packs(&["cis"])));
        lab.boot();
        lab.run_for(hours(1)).await;
        lab.write(&file(&packs(&["cis", "iam"])));
        lab.run_for(hours(48)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        0:00 eu-west-1 create cis accepted
        0:00 eu-west-1 hold everything: denied
        0:00 eu-west-1 hold cis: unmanaged
        1:00 eu-west-1 hold iam: denied
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! the whole region is held
            denied: AWS did not return the marker of cis after its Put, so conformd could not recognize the packs that it writes here; it writes nothing more until it restarts
        ! cis held
            unmanaged: a pack of this name exists without conformd's marker; set `spec.adopt: true` to take it over, or rename one of the two
        ! iam held, would create
            template   3476ce85 (2 rules)
            denied: writes are stopped in this region
        1 change held; 2 packs held without a change.
        ");
    }
}

mod guard {
    //! Nothing is deleted by accident.

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_of_the_manifests_deleted_deletes_nothing_until_a_person_approves_just_that() {
        let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
        let half = file(&packs(&TEN[..5]));
        lab.write(&half);
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 hold p5: guard
        1:00 eu-west-1 hold p6: guard
        1:00 eu-west-1 hold p7: guard
        1:00 eu-west-1 hold p8: guard
        1:00 eu-west-1 hold p9: guard
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! p5 held, would delete: no manifest declares it
            guard: waiting for approval: delete 5 packs in eu-west-1 (deleting 5 of 10 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
        ! p6 held, would delete: no manifest declares it
            guard: waiting for approval: delete 5 packs in eu-west-1 (deleting 5 of 10 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
        ! p7 held, would delete: no manifest declares it
            guard: waiting for approval: delete 5 packs in eu-west-1 (deleting 5 of 10 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
        ! p8 held, would delete: no manifest declares it
            guard: waiting for approval: delete 5 packs in eu-west-1 (deleting 5 of 10 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
        ! p9 held, would delete: no manifest declares it
            guard: waiting for approval: delete 5 packs in eu-west-1 (deleting 5 of 10 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
        5 changes held.
        ");
        lab.note("expired");
        lab.write(&(half.clone() + &approval(&TEN[5..], "2026-11-02T12:00:00Z")));
        lab.run_for(hours(2)).await;
        lab.note("for ever");
        lab.write(&(half.clone() + &approval(&TEN[5..], "9999-12-31T00:00:00Z")));
        lab.run_for(hours(2)).await;
        lab.note("of others");
        lab.write(&(half.clone() + &approval(&TEN[..5], "2026-11-08T00:00:00Z")));
        lab.run_for(hours(2)).await;
        lab.note("approved");
        lab.write(&(half + &approval(&TEN[5..], "2026-11-08T00:00:00Z")));
        lab.run_for(hours(2)).await;
        insta::assert_snapshot!(lab.trace(), @"
        25:00 -- expired
        27:00 -- for ever
        27:00 eu-west-1 hold p5: invalid
        27:00 eu-west-1 hold p6: invalid
        27:00 eu-west-1 hold p7: invalid
        27:00 eu-west-1 hold p8: invalid
        27:00 eu-west-1 hold p9: invalid
        29:00 -- of others
        29:00 eu-west-1 hold p5: guard
        29:00 eu-west-1 hold p6: guard
        29:00 eu-west-1 hold p7: guard
        29:00 eu-west-1 hold p8: guard
        29:00 eu-west-1 hold p9: guard
        31:00 -- approved
        31:00 eu-west-1 delete p5 accepted
        31:00 eu-west-1 delete p6 accepted
        31:00 eu-west-1 delete p7 accepted
        31:00 eu-west-1 delete p8 accepted
        31:00 eu-west-1 delete p9 accepted
        ");
        assert_eq!(lab.truth().len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn an_approval_covers_the_packs_that_it_names_and_not_one_more() {
        // One more is within the limits by itself, two more are not.
        for (kept, left) in [(6, 6), (5, 7)] {
            let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
            let fewer = file(&packs(&TEN[..kept]));
            lab.write(&(fewer + &approval(&TEN[7..], "2026-11-08T00:00:00Z")));
            lab.run_for(hours(24)).await;
            assert_eq!(lab.truth().len(), left, "{}", lab.trace());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_approval_that_a_restart_cut_short_goes_on() {
        let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
        let half = file(&packs(&TEN[..5]));
        lab.write(&half);
        lab.run_for(hours(1)).await;
        lab.fault(
            FaultRule::always(FaultEffect::Throttled)
                .on(Operation::DeleteOrganizationConformancePack)
                .nth(2, 3),
        );
        lab.write(&(half + &approval(&TEN[5..], "2026-11-08T00:00:00Z")));
        lab.run_for(Duration::from_secs(1)).await;
        lab.restart();
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @"
        1:00 eu-west-1 hold p5: guard
        1:00 eu-west-1 hold p6: guard
        1:00 eu-west-1 hold p7: guard
        1:00 eu-west-1 hold p8: guard
        1:00 eu-west-1 hold p9: guard
        2:00 eu-west-1 delete p5 accepted
        2:00 eu-west-1 delete p6 accepted
        2:00 eu-west-1 delete p7 refused: throttled
        2:00 eu-west-1 delete p8 refused: throttled
        2:00 eu-west-1 delete p9 refused: throttled
        2:00 eu-west-1 hold p7: retry
        2:00 eu-west-1 hold p8: retry
        2:00 eu-west-1 hold p9: retry
        2:00 -- killed
        2:00 eu-west-1 hold p7: unconfirmed
        2:00 eu-west-1 hold p8: unconfirmed
        2:00 eu-west-1 hold p9: unconfirmed
        2:15 eu-west-1 delete p7 accepted
        2:15 eu-west-1 delete p8 accepted
        2:15 eu-west-1 delete p9 accepted
        ");
        assert_eq!(lab.truth().len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn one_pack_deleted_on_purpose_goes_after_the_second_look_everywhere() {
        let mut lab = deployed(Setting::default(), &file(&packs(&["cis", "iam"]))).await;
        lab.write(&file(&packs(&["cis"])));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 hold iam: unconfirmed
        1:00 us-east-1 hold iam: unconfirmed
        1:15 eu-west-1 delete iam accepted
        1:15 us-east-1 delete iam accepted
        ");
        assert_eq!(lab.truth().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn packs_deleted_one_by_one_meet_the_window() {
        let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
        lab.run_for(hours(24)).await;
        for left in (0..10).rev() {
            lab.write(&file(&packs(&TEN[..left])));
            lab.run_for(hours(1)).await;
        }
        insta::assert_snapshot!(lab.trace(), @"
        25:00 eu-west-1 hold p9: unconfirmed
        25:15 eu-west-1 delete p9 accepted
        26:00 eu-west-1 hold p8: guard
        27:00 eu-west-1 hold p7: guard
        28:00 eu-west-1 hold p6: guard
        29:00 eu-west-1 hold p5: guard
        30:00 eu-west-1 hold p4: guard
        31:00 eu-west-1 hold p3: guard
        32:00 eu-west-1 hold p2: guard
        33:00 eu-west-1 hold p1: guard
        34:00 eu-west-1 hold p0: invalid
        34:00 eu-west-1 hold p1: invalid
        34:00 eu-west-1 hold p2: invalid
        34:00 eu-west-1 hold p3: invalid
        34:00 eu-west-1 hold p4: invalid
        34:00 eu-west-1 hold p5: invalid
        34:00 eu-west-1 hold p6: invalid
        34:00 eu-west-1 hold p7: invalid
        34:00 eu-west-1 hold p8: invalid
        ");
        assert_eq!(lab.truth().len(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn exclusions_beyond_the_limit_wait_for_a_person_and_other_changes_go_on() {
        let exclude = |count: u64| {
            let accounts: Vec<String> =
                (0..count).map(|number| format!("\"{}\"", member(number))).collect();
            format!("exclude: {{accounts: [{}]}}\n", accounts.join(", "))
        };
        // `cis` comes first.
        let text = |manifests: &[Manifest], excluded: u64| {
            file(manifests).replacen("---\n", &format!("  {}---\n", exclude(excluded)), 1)
        };
        let mut manifests = packs(&["cis", "iam"]);
        let setting = Setting { others: 60, knowledge: Knowledge::Rows, ..one_region() };
        let mut lab = deployed(setting, &file(&manifests)).await;
        lab.write(&text(&manifests, 5));
        lab.run_for(hours(1)).await;
        manifests[1].age = Some(30);
        lab.write(&text(&manifests, 11));
        lab.run_for(hours(2)).await;
        insta::assert_snapshot!(lab.trace(), @"
        1:00 eu-west-1 update cis accepted
        2:00 eu-west-1 update iam accepted
        2:00 eu-west-1 hold cis: guard
        ");
        let approval = lab.approval_of_pending("eu-west-1");
        lab.write(&(text(&manifests, 11) + &approval));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @"4:00 eu-west-1 update cis accepted");
    }

    #[tokio::test(start_paused = true)]
    async fn a_template_that_loses_most_of_its_rules_waits_for_a_person() {
        let mut manifests = packs(&["cis", "iam"]);
        manifests[0].rules = 20;
        let mut lab = deployed(one_region(), &file(&manifests)).await;
        // A restart without the record forgets the old template; the marker remembers its rules.
        lab.lose_record();
        lab.restart();
        lab.run_for(hours(24)).await;
        manifests[0].rules = 9;
        lab.write(&file(&manifests));
        lab.run_for(hours(24)).await;
        insta::assert_snapshot!(lab.trace(), @"
        1:00 -- killed
        25:00 eu-west-1 hold cis: guard
        ");
        insta::assert_snapshot!(lab.plan("eu-west-1"), @"
        ! cis held, would update
            template   95c4cef3 (20 rules) → a21afb46 (9 rules)
              rule - cis-10-v1
              rule - cis-11-v1
              rule - cis-12-v1
              rule - cis-13-v1
              rule - cis-14-v1
              rule - cis-15-v1
              rule - cis-16-v1
              rule - cis-17-v1
              rule - cis-18-v1
              rule - cis-19-v1
              rule - cis-20-v1
            guard: waiting for approval: lose 11 rules in eu-west-1 (cis loses 11 of 20 effective rules within 24 h (limit 10); eu-west-1 loses 11 of 22 effective rules within 24 h (limit 5)); commit the document that `conformd approve` prints, or revert the change
        1 change held.
        ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_dropped_from_a_pack_is_a_delete_there_and_only_there() {
        let mut manifests = packs(&["cis", "iam"]);
        let mut lab = deployed(Setting::default(), &file(&manifests)).await;
        manifests[0].regions = Some(vec!["us-east-1"]);
        lab.write(&file(&manifests));
        lab.run_for(hours(1)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 eu-west-1 hold cis: unconfirmed
        1:15 eu-west-1 delete cis accepted
        ");
        assert_eq!(lab.truth().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_orphaned_pack_stays_though_the_manifest_went_while_nobody_ran() {
        let mut manifests = packs(&["cis", "iam"]);
        manifests[0].orphan = true;
        let mut lab = deployed(one_region(), &file(&manifests)).await;
        lab.kill();
        lab.write(&file(&manifests[1..]));
        lab.boot();
        lab.run_for(hours(48)).await;
        insta::assert_snapshot!(lab.trace(), @r"
        1:00 -- killed
        1:00 eu-west-1 hold cis: orphaned
        ");
        assert_eq!(lab.truth().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renamed_pack_is_there_under_its_new_name_before_the_old_one_goes() {
        let mut manifests = packs(&["cis", "iam"]);
        let mut lab = deployed(Setting::default(), &file(&manifests)).await;
        let template = Manifest::new("cis");
        manifests[0].name = "cis-benchmark".to_owned();
        let text = file(&manifests).replace("cis-benchmark-", "cis-");
        assert!(text.contains(&template.template().lines().nth(6).unwrap().trim().to_owned()));
        lab.write(&text);
        lab.run_for(hours(2)).await;
        insta::assert_snapshot!(lab.trace(), @"
        1:00 eu-west-1 create cis-benchmark accepted
        1:00 us-east-1 create cis-benchmark accepted
        1:03 eu-west-1 hold cis: unconfirmed
        1:03 us-east-1 hold cis: unconfirmed
        1:15 eu-west-1 delete cis accepted
        1:15 us-east-1 delete cis accepted
        ");
    }
}

#[test]
fn the_lab_owner_manages_the_organization() {
    assert_eq!(Lab::new(Setting::default()).world().management().as_str(), OWNER);
}
