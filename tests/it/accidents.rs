//! Accidents that took packs, rules or accounts from everybody once, told as stories: none of them
//! takes more than the limits now. The ids are those of the list of faults.
//!
//! Every mutation of every story is also measured on the world (`lab::toll`).

use std::time::Duration;

use conformd::domain::base::mode::Mode;
use conformd::domain::declared::snapshot::Absence;
use conformd::domain::plan::hold::HoldReason;
use conformd::sim::api::Operation;
use conformd::sim::event::{ExternalPut, WorldEvent};
use conformd::sim::faults::{FaultEffect, FaultRule, FaultStage};
use jiff::SignedDuration;

use crate::support::lab::crew::Knowledge;
use crate::support::lab::manifests::{Manifest, approval, file, packs};
use crate::support::lab::{Lab, Setting, hours, member, minutes};

/// Ten packs: one of them is a tenth.
const TEN: [&str; 10] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"];

/// One region, everything at once.
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

/// Whether the last plan holds every one of these packs for this reason.
fn holds(lab: &Lab, names: &[&str], reason: HoldReason) -> bool {
    let holds = lab.report("eu-west-1").plan.holds;
    names.iter().all(|name| {
        let mut here = holds.iter().filter(|hold| hold.reason() == reason);
        here.any(|hold| hold.pack.as_ref().is_some_and(|pack| pack.as_str() == *name))
    })
}

#[tokio::test(start_paused = true)]
async fn a6_restarts_do_not_add_up_to_more_than_one_process_may_lose() {
    for record in [true, false] {
        let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
        lab.write(&file(&packs(&TEN[..9])));
        lab.run_for(hours(1)).await;
        assert_eq!(lab.truth().len(), 9);
        if !record {
            lab.lose_record();
        }
        lab.write(&file(&packs(&TEN[..7])));
        for _ in 0..14 {
            lab.restart();
            lab.run_for(minutes(40)).await;
        }
        assert_eq!(lab.truth().len(), 9, "record: {record}");
        assert!(holds(&lab, &TEN[7..9], HoldReason::Guard), "{}", lab.plans());
    }
}

#[tokio::test(start_paused = true)]
async fn a7_rules_that_go_in_small_steps_stay_within_a_tenth_of_the_region() {
    let with = |rules: u32| {
        let packs = packs(&["a", "b", "c"]).into_iter();
        packs.map(|pack| Manifest { rules, ..pack }).collect::<Vec<_>>()
    };
    let mut lab = deployed(one_region(), &file(&with(20))).await;
    for rules in [10, 5, 3, 2, 1] {
        lab.write(&file(&with(rules)));
        lab.run_for(Duration::from_secs(20)).await;
    }
    lab.run_for(hours(1)).await;
    assert_eq!(lab.world().log().puts(), 3, "{}", lab.trace());
    // One rule a commit, pack by pack.
    let mut lab = deployed(one_region(), &file(&with(20))).await;
    let mut manifests = with(20);
    for step in 0..30 {
        manifests[step % 3].rules -= 1;
        lab.write(&file(&manifests));
        lab.run_for(minutes(20)).await;
    }
    let (share, what) = lab.worst()["rules"].clone();
    assert_eq!((share, what.as_str()), (100, "rules in eu-west-1: 6, limit 6"));
}

#[tokio::test(start_paused = true)]
async fn a8_accounts_that_are_excluded_a_few_a_commit_stay_within_the_limit_of_a_day() {
    let setting = Setting { others: 60, knowledge: Knowledge::List, ..one_region() };
    let mut lab = deployed(setting, &file(&packs(&["cis"]))).await;
    for commit in 1..=12 {
        let accounts: Vec<String> =
            (0..5 * commit).map(|number| format!("\"{}\"", member(number))).collect();
        let text = file(&packs(&["cis"]));
        lab.write(&format!("{text}  exclude: {{accounts: [{}]}}\n", accounts.join(", ")));
        lab.run_for(minutes(20)).await;
    }
    let truth = lab.truth().into_values().next().unwrap();
    assert_eq!(truth.excluded.len(), 5);
    assert!(holds(&lab, &["cis"], HoldReason::Guard), "{}", lab.plans());
}

#[tokio::test(start_paused = true)]
#[expect(clippy::format_collect, reason = "twelve lines")]
async fn a9_rules_that_a_condition_switches_off_are_lost() {
    let manifest = |parameters: &str, condition: &str| {
        let rules: String = (1..=12)
            .map(|rule| {
                format!(
                    "        R{rule}: {{Type: AWS::Config::ConfigRule, Condition: {condition}, \
                     Properties: {{ConfigRuleName: r{rule}, Source: {{Owner: AWS, \
                     SourceIdentifier: ACCESS_KEYS_ROTATED}}}}}}\n"
                )
            })
            .collect();
        format!(
            "apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata: {{name: cis}}
spec:
  template:
    inline: |
      Parameters: {{Stage: {{Type: String, Default: \"all\"}}}}
      Conditions:
        All: !Equals [!Ref Stage, \"all\"]
        Never: !Equals [\"a\", \"b\"]
      Resources:
{rules}{parameters}"
        )
    };
    let changes = [manifest("", "Never"), manifest("  parameters: {Stage: \"none\"}\n", "All")];
    for changed in changes {
        let mut lab = deployed(one_region(), &manifest("", "All")).await;
        lab.write(&changed);
        lab.run_for(hours(48)).await;
        assert!(holds(&lab, &["cis"], HoldReason::Guard), "{}", lab.plans());
        assert_eq!(lab.world().log().puts(), 1);
        let pending = lab.report("eu-west-1").pending.unwrap();
        assert_eq!(pending.summary(), "lose 12 rules");
    }
}

#[tokio::test(start_paused = true)]
async fn a10_a_time_of_day_that_jumps_empties_no_window() {
    for hours_off in [25, 24 * 30, -24 * 30] {
        let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
        lab.write(&file(&packs(&TEN[..9])));
        lab.run_for(hours(1)).await;
        assert_eq!(lab.truth().len(), 9);
        lab.stray(SignedDuration::from_hours(hours_off));
        lab.write(&file(&packs(&TEN[..8])));
        lab.run_for(hours(20)).await;
        assert_eq!(lab.truth().len(), 9, "{hours_off} h\n{}", lab.trace());
        // The next process asks the record, whose losses are as old as the strictest clock says.
        lab.restart();
        lab.run_for(hours(2)).await;
        assert_eq!(lab.truth().len(), 9, "{hours_off} h, after a restart\n{}", lab.trace());
    }
}

#[tokio::test(start_paused = true)]
async fn a11_packs_made_by_hand_are_not_overwritten_by_one_commit() {
    let mut lab = Lab::new(one_region());
    for name in TEN {
        lab.event(&WorldEvent::Put(ExternalPut {
            account: None,
            region: "eu-west-1".parse().unwrap(),
            name: name.parse().unwrap(),
            template: None,
            parameters: None,
            excluded: Vec::new(),
        }));
    }
    let adopting = packs(&TEN).into_iter().map(|pack| Manifest { adopt: true, rules: 1, ..pack });
    let adopting: Vec<Manifest> = adopting.collect();
    lab.write(&file(&adopting));
    lab.boot();
    lab.run_for(hours(48)).await;
    assert_eq!(lab.world().log().mutations(), 0);
    assert!(holds(&lab, &TEN, HoldReason::Guard), "{}", lab.plans());
}

#[tokio::test(start_paused = true)]
async fn a13_an_approval_that_was_used_does_not_delete_what_is_made_again() {
    let setting = Setting { absence: Absence::Declared, ..one_region() };
    let mut lab = deployed(setting, &file(&packs(&TEN))).await;
    let approval = approval(&["p9"], "2026-11-08T00:00:00Z");
    lab.write(&(file(&packs(&TEN[..9])) + &approval));
    lab.run_for(hours(1)).await;
    assert_eq!(lab.truth().len(), 9, "{}", lab.trace());
    lab.write(&(file(&packs(&TEN)) + &approval));
    lab.run_for(hours(1)).await;
    assert_eq!(lab.truth().len(), 10, "{}", lab.trace());
    lab.write(&(file(&packs(&TEN[..9])) + &approval));
    lab.run_for(hours(24)).await;
    lab.restart();
    lab.run_for(hours(24)).await;
    assert_eq!(lab.truth().len(), 10, "{}", lab.trace());
    assert!(holds(&lab, &["p9"], HoldReason::Undeclared), "{}", lab.plans());
}

/// How many mutations may be under way at once.
const IN_FLIGHT_MAX: u64 = 4;

#[tokio::test(start_paused = true)]
async fn a15_mode_observe_stops_a_wave_of_writes_in_its_middle() {
    let mut lab = Lab::new(one_region());
    lab.slow_writes(Duration::from_secs(30));
    lab.write(&file(&packs(&TEN)));
    lab.boot();
    lab.run_for(Duration::from_secs(10)).await;
    assert_eq!(lab.world().log().mutations(), IN_FLIGHT_MAX);
    lab.reload(Mode::Observe);
    lab.run_for(hours(2)).await;
    assert_eq!(lab.world().log().mutations(), IN_FLIGHT_MAX, "{}", lab.trace());
}

/// A lab in which nine updates have begun, and the delete of `p9` waits behind them.
async fn delete_behind_puts(write_takes: Duration) -> Lab {
    let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
    lab.slow_writes(write_takes);
    // What is suspended until then and the second reading are due at the same moment.
    let more = "suspend: {reason: freeze, until: \"2026-11-02T01:15:00Z\"}";
    let changed = packs(&TEN[..9]).into_iter();
    let changed: Vec<Manifest> =
        changed.map(|pack| Manifest { age: Some(30), more, ..pack }).collect();
    lab.write(&file(&changed));
    lab.run_for(minutes(15) + Duration::from_secs(10)).await;
    let puts = lab.world().log().puts();
    assert_eq!(puts, 10 + IN_FLIGHT_MAX, "{}", lab.plans());
    lab
}

#[tokio::test(start_paused = true)]
async fn a16_a_delete_that_waits_behind_puts_is_not_sent_when_its_manifest_is_back() {
    let mut lab = delete_behind_puts(Duration::from_secs(20)).await;
    lab.write(&file(&packs(&TEN)));
    lab.run_for(hours(2)).await;
    assert_eq!(lab.world().log().deletes(), 0, "{}", lab.trace());
    assert_eq!(lab.truth().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a16_a_delete_is_decided_anew_when_the_region_was_read_minutes_ago() {
    let mut lab = delete_behind_puts(Duration::from_mins(1)).await;
    // Three waves of a minute: by then the observation is too old.
    lab.run_for(Duration::from_secs(175)).await;
    assert_eq!(lab.world().log().deletes(), 0, "{}", lab.trace());
    lab.run_for(hours(1)).await;
    assert_eq!(lab.world().log().deletes(), 1, "{}", lab.trace());
}

#[tokio::test(start_paused = true)]
async fn a17_a_pack_that_somebody_makes_again_is_not_deleted_in_turns() {
    let mut lab = deployed(one_region(), &file(&packs(&TEN))).await;
    let (place, name) = (lab.places()[0].clone(), "p9".parse().unwrap());
    let inputs = lab.world().inputs(&place, &name).unwrap();
    let template = Manifest::new("p9")
        .template()
        .replace("Parameters:\n", "Parameters:\n  ConformdMarker: {Type: String, Default: none}\n");
    lab.write(&file(&packs(&TEN[..9])));
    for _ in 0..10 {
        lab.run_for(hours(2)).await;
        let there = lab.world().pack_names(&place).contains(&name);
        if !there {
            lab.event(&WorldEvent::Put(ExternalPut {
                account: None,
                region: place.region.clone(),
                name: name.clone(),
                template: Some(template.clone()),
                parameters: Some(inputs.clone()),
                excluded: Vec::new(),
            }));
        }
    }
    assert_eq!(lab.world().log().deletes(), 1, "{}", lab.trace());
    assert!(holds(&lab, &["p9"], HoldReason::Guard), "{}", lab.plans());
    let why = lab.report("eu-west-1").pending.unwrap().trips[0].to_string();
    assert!(why.contains("exists again: another writer"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_copied_back_does_not_give_back_what_was_lost_since() {
    let with = |rules: u32, excluded: u32| {
        let packs = packs(&["a", "b", "c"]).into_iter();
        file(&packs.map(|pack| Manifest { rules, excluded, ..pack }).collect::<Vec<_>>())
    };
    for (second, third) in [(with(18, 0), with(16, 0)), (with(20, 4), with(20, 8))] {
        let setting = Setting { others: 60, knowledge: Knowledge::List, ..one_region() };
        let mut lab = deployed(setting, &with(20, 0)).await;
        let backup = lab.record_copy();
        lab.write(&second);
        lab.run_for(hours(1)).await;
        let puts = lab.world().log().puts();
        assert_eq!(puts, 6, "{}{}", lab.trace(), lab.plans());
        lab.use_record(backup);
        lab.restart();
        lab.run_for(hours(1)).await;
        lab.write(&third);
        lab.run_for(hours(3)).await;
        assert_eq!(lab.world().log().puts(), puts, "{}", lab.trace());
        assert!(holds(&lab, &["a"], HoldReason::Guard), "{}", lab.plans());
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_knows_the_approvals_that_the_one_before_it_has_read() {
    // What evaluates under the names of an open approval is swapped, and the approval is hidden
    // meanwhile.
    let pack = |[old, critical]: [&str; 2]| {
        let rule = |name: &str, source: &str, number| {
            format!(
                "        {}{number}: {{Type: AWS::Config::ConfigRule, Properties: {{ConfigRuleName: \
                 {name}-{number}, Source: {{Owner: AWS, SourceIdentifier: {source}_{number}}}}}}}\n",
                name.to_uppercase()
            )
        };
        let rules: String = (0..6)
            .flat_map(|number| [rule("old", old, number), rule("crit", critical, number)])
            .collect();
        format!(
            "---\napiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
             metadata: {{name: a}}\nspec:\n  template:\n    inline: |\n      Resources:\n{rules}"
        )
    };
    let approval = "---\napiVersion: conformd.io/v1alpha1\nkind: Approval\nmetadata: {name: ok}\n\
                    spec:\n  reason: retired\n  expires: 2026-11-05T00:00:00Z\n  permits:\n  \
                    - {pack: a, loseRules: [old-0, old-1, old-2, old-3, old-4, old-5]}\n";
    let mut lab = deployed(one_region(), &(pack(["OLD", "CRIT"]) + approval)).await;
    let puts = lab.world().log().puts();
    lab.write(&pack(["CRIT", "OLD"]));
    lab.restart();
    lab.run_for(hours(3)).await;
    assert!(holds(&lab, &["a"], HoldReason::Guard), "{}{}", lab.plans(), lab.trace());
    assert_eq!(lab.world().log().puts(), puts, "{}", lab.trace());
}

#[tokio::test(start_paused = true)]
async fn what_is_put_and_does_not_show_yet_is_lost_once() {
    let with = |a: u32, b: u32| {
        let packs = [("a", a), ("b", b)];
        file(&packs.map(|(name, rules)| Manifest { rules, ..Manifest::new(name) }))
    };
    let mut lab = deployed(one_region(), &with(45, 55)).await;
    let puts = lab.world().log().puts();
    lab.fault(FaultRule::always(FaultEffect::Stale { by: Duration::from_mins(10) }));
    lab.write(&with(45, 51));
    lab.run_for(minutes(17)).await;
    lab.write(&with(42, 51));
    lab.run_for(minutes(5)).await;
    lab.heal();
    lab.run_for(hours(3)).await;
    assert_eq!(lab.world().log().puts(), puts + 2, "{}{}", lab.trace(), lab.plans());
}

#[tokio::test(start_paused = true)]
async fn what_an_unclear_put_left_behind_is_known_to_the_next_process() {
    let with = |rules: u32| {
        let small = Manifest { rules, ..Manifest::new("a") };
        file(&[small, Manifest { rules: 45, ..Manifest::new("b") }])
    };
    let mut lab = deployed(one_region(), &with(55)).await;
    lab.fault(
        FaultRule::always(FaultEffect::Reset { stage: FaultStage::After })
            .on(Operation::PutOrganizationConformancePack),
    );
    let puts = lab.world().log().puts();
    lab.write(&with(51));
    while lab.world().log().puts() == puts {
        lab.run_for(Duration::from_secs(1)).await;
    }
    lab.heal();
    // The template that AWS took stands in no manifest any more.
    lab.write(&with(55));
    lab.restart();
    lab.run_for(hours(2)).await;
    assert!(lab.plans().contains("No changes."), "{}{}", lab.plans(), lab.trace());
    assert!(lab.report("eu-west-1").pending.is_none(), "{}", lab.plans());
}
