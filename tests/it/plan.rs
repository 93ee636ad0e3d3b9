//! What is planned for what is desired and observed: every row of the table in `diff`, every hold.

use insta::assert_snapshot;

use crate::support::lines::{first_plan, second_plan, text};

/// Desired lines, observed lines → the plan of a first look.
fn check(desired: &str, observed: &str) -> String {
    text(&first_plan(desired, observed))
}

/// The same, one interval later.
fn check_again(desired: &str, observed: &str) -> String {
    text(&second_plan(desired, observed))
}

#[test]
fn a_pack_that_is_missing_is_created() {
    assert_snapshot!(check("iam v1 age=90 -222222222222 s3:awsconfigconforms-a/packs", ""), @r#"
    + iam create
        template   b7d7d13d (10 rules)
        parameter  age = "90"
        excluded   + 222222222222 (exclude.accounts)
        delivery   none → awsconfigconforms-a/packs
    Plan: 1 to create, 0 to update, 0 to delete.
    "#);
}

#[test]
fn a_pack_that_is_as_wanted_is_left_alone() {
    assert_snapshot!(check("iam v1 age=90", "iam v1 age=90"), @"  No changes.");
}

#[test]
fn every_field_that_differs_is_updated_and_shown_old_and_new() {
    assert_snapshot!(check(
        "iam v2/12 age=60 new=1 -222222222222 s3:awsconfigconforms-a orphan",
        "iam v1/10 age=90 old=1 -333333333333 s3:awsconfigconforms-a/packs",
    ), @r#"
    ~ iam update
        template   66021a27 (10 rules) → 6a4741da (12 rules)
          rule + rule11
          rule + rule12
        parameter  age "90" → "60"
        parameter  new = "1"
        parameter  old "1" → (not set)
        excluded   + 222222222222 (exclude.accounts)
        excluded   - 333333333333 (no rule excludes it)
        delivery   awsconfigconforms-a/packs → awsconfigconforms-a
        on removal Delete → Orphan
    Plan: 0 to create, 1 to update, 0 to delete.
    "#);
}

#[test]
fn a_parameter_alone_is_enough_for_an_update() {
    assert_snapshot!(check("iam v1 age=60", "iam v1 age=90"), @r#"
    ~ iam update
        parameter  age "90" → "60"
    Plan: 0 to create, 1 to update, 0 to delete.
    "#);
}

#[test]
fn an_unmanaged_pack_is_held_until_its_manifest_adopts_it() {
    assert_snapshot!(check("iam v1", "iam v1 unmanaged"), @"
    ! iam held
        unmanaged: a pack of this name exists without conformd's marker; set `spec.adopt: true` to take it over, or rename one of the two
    No changes; 1 pack held without a change.
    ");
    assert_snapshot!(check("iam v1 adopt", "iam age=90 unmanaged"), @r#"
    ~ iam adopt: its manifest adopts it
        template   b7d7d13d (10 rules)
          content unknown: not in the manifests or the record (commands also search the git history)
        parameter  age "90" → (not set)
    Plan: 0 to create, 1 to adopt, 0 to update, 0 to delete.
    "#);
}

#[test]
fn a_pack_of_another_installation_is_never_touched_even_when_adopted() {
    assert_snapshot!(check("iam v1 adopt", "iam v1 foreign"), @"
    ! iam held
        foreign: the conformd installation other owns it; this installation does not change it
    No changes; 1 pack held without a change.
    ");
}

#[test]
fn a_marker_that_counts_for_nothing_is_never_touched() {
    assert_snapshot!(check(
        "a v1 adopt; b v1 adopt; c v1 adopt",
        "a v1 copied; b v1 newer; c v1 garbled",
    ), @r#"
    ! a held
        foreign: its marker was copied from another pack, account or region; conformd does not change it
    ! b held
        foreign: marker version "v2" is not known to this conformd; conformd does not change it
    ! c held
        foreign: the marker is malformed; conformd does not change it
    No changes; 3 packs held without a change.
    "#);
}

#[test]
fn what_no_manifest_names_and_is_not_ours_is_only_counted() {
    assert_snapshot!(check_again("iam v1", "iam v1; a unmanaged; b foreign; c copied; d newer"), @"
    not managed here: 1 unmanaged, 3 foreign
    No changes.
    ");
}

#[test]
fn an_unwanted_pack_is_deleted_only_when_two_looks_agree() {
    assert_snapshot!(check("iam v1", "iam v1; old v2"), @"
    = old held, would delete: no manifest declares it
        unconfirmed: no manifest declares it; waiting for a second reading (until 2026-11-01T12:15:00Z)
    1 change held.
    ");
    assert_snapshot!(check_again("iam v1", "iam v1; old v2"), @"
    - old delete: no manifest declares it
    Plan: 0 to create, 0 to update, 1 to delete.
    ");
}

#[test]
fn a_pack_whose_manifest_dropped_the_region_is_deleted_like_any_other() {
    assert_snapshot!(check_again("iam v1; old v2 elsewhere", "iam v1; old v2"), @"
    - old delete: its manifest does not name this region
    Plan: 0 to create, 0 to update, 1 to delete.
    ");
}

#[test]
fn an_orphaned_pack_is_left_in_place_for_good() {
    assert_snapshot!(check_again("iam v1", "iam v1; old v2 orphan"), @"
    = old held
        orphaned: no manifest declares it, and its deletion policy is Orphan: conformd leaves it in place
    No changes; 1 pack held without a change.
    ");
}

#[test]
fn a_source_that_is_not_whole_takes_nothing_away_and_still_puts() {
    let desired = "iam v2; excluding v1 -222222222222; stripped v3/1; new v1";
    let observed = "iam v1; excluding v1; stripped v1/20; old v4";
    assert_snapshot!(check_again(&format!("#invalid; {desired}"), observed), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    + new create
        template   b7d7d13d (10 rules)
    ! excluding held, would update
        excluded   + 222222222222 (exclude.accounts)
        invalid: some manifests of this revision are invalid: nothing is taken away until they are corrected
    ! old held, would delete: no valid manifest declares it
        invalid: some manifests of this revision are invalid: nothing is taken away until they are corrected
    ! stripped held, would update
        template   b48cd472 (20 rules) → 2ac8ddb4 (1 rule)
          rule - rule10
          rule - rule11
          rule - rule12
          rule - rule13
          rule - rule14
          rule - rule15
          rule - rule16
          rule - rule17
          rule - rule18
          rule - rule19
          rule - rule2
          rule - rule20
          rule - rule3
          rule - rule4
          rule - rule5
          rule - rule6
          rule - rule7
          rule - rule8
          rule - rule9
        invalid: some manifests of this revision are invalid: nothing is taken away until they are corrected
    Plan: 1 to create, 1 to update, 0 to delete; 3 changes held.
    ");
    assert_snapshot!(check_again(&format!("#unread; {desired}"), observed), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    + new create
        template   b7d7d13d (10 rules)
    ! excluding held, would update
        excluded   + 222222222222 (exclude.accounts)
        source: the source could not be read: the directory is gone
    ! old held, would delete: no manifest declares it
        source: the source could not be read: the directory is gone
    ! stripped held, would update
        template   b48cd472 (20 rules) → 2ac8ddb4 (1 rule)
          rule - rule10
          rule - rule11
          rule - rule12
          rule - rule13
          rule - rule14
          rule - rule15
          rule - rule16
          rule - rule17
          rule - rule18
          rule - rule19
          rule - rule2
          rule - rule20
          rule - rule3
          rule - rule4
          rule - rule5
          rule - rule6
          rule - rule7
          rule - rule8
          rule - rule9
        source: the source could not be read: the directory is gone
    Plan: 1 to create, 1 to update, 0 to delete; 3 changes held.
    ");
}

#[test]
fn a_name_that_a_broken_manifest_claims_is_neither_put_nor_deleted() {
    assert_snapshot!(check_again("#invalid; iam stuck; s3pack unsupported", "iam v1; s3pack v1"), @"
    ! iam held
        invalid: iam.yaml:3:1: error[unknown-field]: unknown field
    ! s3pack held
        unsupported: templates in S3 (s3://templates/iam.yaml) are not delivered by this version yet
    No changes; 2 packs held without a change.
    ");
}

#[test]
fn the_last_good_form_of_a_broken_manifest_stays_in_force() {
    assert_snapshot!(check("#invalid; iam v2 broken", "iam v1"), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    ! iam held
        invalid: its manifest is invalid, the last valid content stays in force: iam.yaml:3:1: error[unknown-field]: unknown field
    Plan: 0 to create, 1 to update, 0 to delete; 1 pack held without a change.
    ");
    assert_snapshot!(check("#invalid; iam v1 broken", "iam v1"), @"
    ! iam held
        invalid: its manifest is invalid, the last valid content stays in force: iam.yaml:3:1: error[unknown-field]: unknown field
    No changes; 1 pack held without a change.
    ");
}

#[test]
fn a_region_that_could_not_be_read_is_held_whole() {
    assert_snapshot!(check("iam v1", "#unknown"), @"
    = the whole region is held
        unknown: DescribeOrganizationConformancePacks failed: timed out
    Unknown: it could not be read, so nothing is planned.
    ");
}

#[test]
fn what_aws_is_working_on_waits() {
    assert_snapshot!(check_again(
        "iam v2; adopted v1 adopt",
        "iam v1 11:30 UPDATE_IN_PROGRESS; adopted unmanaged 11:30 CREATE_IN_PROGRESS; \
         old v3 11:30 UPDATE_IN_PROGRESS",
    ), @"
    = adopted held, would adopt: its manifest adopts it
        template   b7d7d13d (10 rules)
          content unknown: not in the manifests or the record (commands also search the git history)
        in_progress: AWS is working on it (CREATE_IN_PROGRESS) and accepts no change
    = iam held, would update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
        in_progress: AWS is working on it (UPDATE_IN_PROGRESS) and accepts no change
    = old held, would delete: no manifest declares it
        in_progress: AWS is working on it (UPDATE_IN_PROGRESS) and accepts no change
    3 changes held.
    ");
}

#[test]
fn a_run_that_aws_reports_for_an_hour_is_put_to_the_test() {
    // A delegated administrator may be shown `CREATE_IN_PROGRESS` for ever.
    assert_snapshot!(check("iam v2", "iam v1 11:00 CREATE_IN_PROGRESS"), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn a_pack_that_is_being_removed_is_created_again_afterwards() {
    assert_snapshot!(check("iam v1", "iam v1 DELETE_IN_PROGRESS"), @"
    = iam held
        in_progress: AWS is removing it
    No changes; 1 pack held without a change.
    ");
    assert_snapshot!(check("iam v1", "iam v1 unlisted DELETE_IN_PROGRESS"), @"
    = iam held, would create
        template   b7d7d13d (10 rules)
        in_progress: AWS is working on it (DELETE_IN_PROGRESS) and accepts no change
    1 change held.
    ");
    assert_snapshot!(check("iam v1", "iam v1 unlisted DELETE_SUCCESSFUL"), @"
    + iam create
        template   b7d7d13d (10 rules)
    Plan: 1 to create, 0 to update, 0 to delete.
    ");
}

#[test]
fn a_pack_that_is_being_removed_and_unwanted_needs_no_second_delete() {
    assert_snapshot!(check_again("iam v1", "iam v1; old v2 DELETE_IN_PROGRESS"), @"
    = old held
        in_progress: AWS is removing it
    No changes; 1 pack held without a change.
    ");
}

#[test]
fn a_pack_with_a_status_and_no_entry_is_not_created_over() {
    assert_snapshot!(check("iam v1", "iam unlisted CREATE_SUCCESSFUL@11:51"), @"
    = iam held, would create
        template   b7d7d13d (10 rules)
        settling: AWS reports CREATE_SUCCESSFUL for it, but does not list it yet (until 2026-11-01T12:01:00Z)
    1 change held.
    ");
    assert_snapshot!(check("iam v1", "iam unlisted CREATE_SUCCESSFUL@11:50"), @"
    + iam create
        template   b7d7d13d (10 rules)
    Plan: 1 to create, 0 to update, 0 to delete.
    ");
    assert_snapshot!(check("iam v1", "iam unlisted RESTORING"), @"
    = iam held, would create
        template   b7d7d13d (10 rules)
        settling: AWS reports RESTORING for it, but does not list it yet
    1 change held.
    ");
}

#[test]
fn a_status_that_aws_invents_is_never_acted_on_and_nothing_is_deleted_under_it() {
    assert_snapshot!(check("iam v1", "iam v1 UPDATE_PARTIAL"), @"  No changes.");
    assert_snapshot!(check("iam v2", "iam v1 UPDATE_PARTIAL"), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
    assert_snapshot!(check_again("iam v1", "iam v1; old v2 UPDATE_PARTIAL"), @r#"
    = old held, would delete: no manifest declares it
        in_progress: AWS reports "UPDATE_PARTIAL", which this version does not recognize
    1 change held.
    "#);
}

#[test]
fn a_failed_deployment_waits_until_its_members_are_read() {
    // The aggregate of ten thousand accounts never causes a Put alone: `remedies` has the rest.
    assert_snapshot!(check("iam v1", "iam v1 10:00 UPDATE_FAILED@11:00!NoRecorder"), @"
    = iam held
        retry: its deployment failed; conformd does not know yet which members need another Put
    No changes; 1 pack held without a change.
    ");
}

#[test]
fn a_new_form_of_a_failed_pack_does_not_wait() {
    assert_snapshot!(check("iam v2", "iam v1 11:59 CREATE_FAILED@11:59"), @"
    ~ iam update: its deployment failed (no code: no message)
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn a_failed_removal_is_repeated_slowly() {
    assert_snapshot!(check_again("iam v1", "iam v1; old v2 DELETE_FAILED@11:30!AccountSuspended"), @"
    = old held, would delete: its removal failed (AccountSuspended: see the member account)
        retry: the last rollout failed; the next attempt follows later (until 2026-11-01T12:30:00Z)
    1 change held.
    ");
    assert_snapshot!(check_again("iam v1", "iam v1; old v2 DELETE_FAILED@10:30!AccountSuspended"), @"
    - old delete: its removal failed (AccountSuspended: see the member account)
    Plan: 0 to create, 0 to update, 1 to delete.
    ");
}

#[test]
fn a_suspended_pack_is_left_as_it_is_until_the_moment_given() {
    assert_snapshot!(check("iam v2 suspended", "iam v1"), @"
    = iam held, would update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
        suspended: audit freeze
    1 change held.
    ");
    assert_snapshot!(check("iam v2 suspended:12:01", "iam v1"), @"
    = iam held, would update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
        suspended: audit freeze (until 2026-11-01T12:01:00Z)
    1 change held.
    ");
    assert_snapshot!(check("iam v2 suspended:12:00", "iam v1"), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
    assert_snapshot!(check("iam v1 suspended", "iam v1"), @"
    = iam held
        suspended: audit freeze
    No changes; 1 pack held without a change.
    ");
}

#[test]
fn a_renamed_pack_goes_only_after_its_new_name_is_deployed() {
    assert_snapshot!(check_again("new v1", "old v1"), @"
    + new create
        template   b7d7d13d (10 rules)
    = old held, would delete: no manifest declares it
        in_progress: new holds the same template and is not deployed yet; conformd deletes the old pack after that
    Plan: 1 to create, 0 to update, 0 to delete; 1 change held.
    ");
    assert_snapshot!(check_again("new v1", "old v1; new v1 CREATE_IN_PROGRESS"), @"
    = old held, would delete: no manifest declares it
        in_progress: new holds the same template and is not deployed yet; conformd deletes the old pack after that
    1 change held.
    ");
    assert_snapshot!(check_again("new v1", "old v1; new v1 CREATE_FAILED@11:59"), @"
    = new held
        retry: its deployment failed; conformd does not know yet which members need another Put
    = old held, would delete: no manifest declares it
        in_progress: new holds the same template and is not deployed yet; conformd deletes the old pack after that
    1 change held; 1 pack held without a change.
    ");
    assert_snapshot!(check_again("new v1", "old v1; new v1 NONE"), @"
    = old held, would delete: no manifest declares it
        in_progress: new holds the same template and is not deployed yet; conformd deletes the old pack after that
    1 change held.
    ");
    assert_snapshot!(check_again("new v1", "old v1; new v1 unmanaged"), @"
    ! new held
        unmanaged: a pack of this name exists without conformd's marker; set `spec.adopt: true` to take it over, or rename one of the two
    = old held, would delete: no manifest declares it
        in_progress: new holds the same template and is not deployed yet; conformd deletes the old pack after that
    1 change held; 1 pack held without a change.
    ");
    assert_snapshot!(check_again("new v1", "old v1; new v9"), @"
    ~ new update
        template   d6a4967b (10 rules) → b7d7d13d (10 rules)
    = old held, would delete: no manifest declares it
        in_progress: new holds the same template and is not deployed yet; conformd deletes the old pack after that
    Plan: 0 to create, 1 to update, 0 to delete; 1 change held.
    ");
    assert_snapshot!(check_again("new v1", "old v1; new v1 CREATE_SUCCESSFUL"), @"
    - old delete: no manifest declares it
    Plan: 0 to create, 0 to update, 1 to delete.
    ");
}

#[test]
fn a_full_region_takes_no_new_pack_and_still_updates() {
    let others: Vec<String> = (2..=50).map(|n| format!("; hand-made-{n} unmanaged")).collect();
    let observed = format!("iam v1{}", others.join(""));
    assert_snapshot!(check("iam v2; new v1", &observed), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    ! new held, would create
        template   b7d7d13d (10 rules)
        quota: AWS allows 50 packs in a region; conformd deletes none to make room
    not managed here: 49 unmanaged, 0 foreign
    Plan: 0 to create, 1 to update, 0 to delete; 1 change held.
    ");
    let with_room = observed.replacen("; hand-made-50 unmanaged", "", 1);
    assert_snapshot!(check("iam v1; first v1; second v1", &with_room), @"
    + first create
        template   b7d7d13d (10 rules)
    ! second held, would create
        template   b7d7d13d (10 rules)
        quota: AWS allows 50 packs in a region; conformd deletes none to make room
    not managed here: 48 unmanaged, 0 foreign
    Plan: 1 to create, 0 to update, 0 to delete; 1 change held.
    ");
}

#[test]
fn accounts_that_enter_or_leave_an_exclusion_are_shown_with_the_reason() {
    let list = "#account 222222222222 ou-ab12-aaaaaaaa; #account 333333333333 ou-ab12-bbbbbbbb; \
                #account 444444444444 SUSPENDED; #account 555555555555; \
                #account 666666666666 ou-ab12-bbbbbbbb CLOSED";
    let wanted = format!("{list}; iam v1 -222222222222@ou-ab12-aaaaaaaa -555555555555");
    let held = "iam v1 -333333333333 -444444444444 -666666666666 -777777777777";
    assert_snapshot!(check(&wanted, held), @"
    ~ iam update
        excluded   + 222222222222 (exclude.organizationalUnits ou-ab12-aaaaaaaa)
        excluded   + 555555555555 (exclude.accounts)
        excluded   - 333333333333 (now in ou-ab12-bbbbbbbb)
        excluded   - 444444444444 (now SUSPENDED)
        excluded   - 666666666666 (now in ou-ab12-bbbbbbbb, CLOSED)
        excluded   - 777777777777 (no longer a member)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
    assert_snapshot!(check("iam v1", "iam v1 -222222222222"), @"
    ~ iam update
        excluded   - 222222222222 (no rule excludes it)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
    assert_snapshot!(check("iam v1 -100x", "iam v1 -999999999999"), @"
    ~ iam update
        excluded   + 200000000001 (exclude.accounts)
        excluded   + 200000000002 (exclude.accounts)
        excluded   + 200000000003 (exclude.accounts)
        excluded   + 200000000004 (exclude.accounts)
        excluded   + 200000000005 (exclude.accounts)
        excluded   + 200000000006 (exclude.accounts)
        excluded   + 200000000007 (exclude.accounts)
        excluded   + 200000000008 (exclude.accounts)
        excluded   + 200000000009 (exclude.accounts)
        excluded   + 200000000010 (exclude.accounts)
        excluded   + and 90 more
        excluded   - 999999999999 (no rule excludes it)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn a_list_in_doubt_changes_no_exclusion_that_it_decides_and_nothing_else_waits() {
    let unit = "-222222222222@ou-ab12-aaaaaaaa";
    assert_snapshot!(check(&format!("#frozen; iam v1 {unit}"), "iam v1"), @"
    ! iam held, would update
        excluded   + 222222222222 (exclude.organizationalUnits ou-ab12-aaaaaaaa)
        membership: the account list could not be read: too many requests
    1 change held.
    ");
    assert_snapshot!(check("#frozen; iam v1 selects", "iam v1 -222222222222"), @"
    ! iam held, would update
        excluded   - 222222222222 (no rule excludes it)
        membership: the account list could not be read: too many requests
    1 change held.
    ");
    assert_snapshot!(check("#frozen; iam v1 selects; kms v1 -222222222222", ""), @"
    + kms create
        template   b7d7d13d (10 rules)
        excluded   + 222222222222 (exclude.accounts)
    ! iam held, would create
        template   b7d7d13d (10 rules)
        membership: the account list could not be read: too many requests
    Plan: 1 to create, 0 to update, 0 to delete; 1 change held.
    ");
    assert_snapshot!(check(&format!("#frozen; iam v2 {unit}"), "iam v1 -222222222222"), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
    assert_snapshot!(check("#frozen; iam v1 -222222222222", "iam v1"), @"
    ~ iam update
        excluded   + 222222222222 (exclude.accounts)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn a_pack_whose_exclusions_nobody_can_tell_is_neither_put_nor_deleted() {
    assert_snapshot!(check_again("iam v2 unresolved; kms unresolved", "iam v1"), @"
    ! iam held
        membership: its exclusions need the account list, which is unknown: the account list was not read yet
    ! kms held
        membership: its exclusions need the account list, which is unknown: the account list was not read yet
    No changes; 2 packs held without a change.
    ");
}
