//! Killed anywhere, started anywhere: the process dies at every call it makes, before it is sent,
//! after its effect and after its answer, and a new one without memory finishes the work.
//!
//! For every death: the same final world, at most one redundant Put a pack, no other delete.

use std::time::Duration;

use conformd::sim::event::{ExternalDelete, ExternalPut, WorldEvent};
use conformd::sim::faults::FaultStage;
use conformd::sim::gate::CallGate;
use conformd::sim::knobs::Knobs;

use crate::support::lab::manifests::{Manifest, file, packs, permits};
use crate::support::lab::witness::Tripwire;
use crate::support::lab::{Lab, Setting, hours, in_virtual_time, minutes, start};

/// How the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// The call never leaves.
    BeforeSending,
    /// AWS acts, and nobody hears of it.
    AfterTheEffect,
    /// The answer arrives, and what was about to follow without waiting still follows.
    AfterTheAnswer,
}

const DEATHS: [Death; 3] = [Death::BeforeSending, Death::AfterTheEffect, Death::AfterTheAnswer];

/// Something that happens to the lab while the process lives and dies.
type Happening = Box<dyn Fn(&mut Lab)>;

/// A story in which the process may die.
struct Story {
    setting: Setting,
    /// What is there before the process is first started.
    before: Happening,
    /// What happens, and when since the start.
    then: Vec<(Duration, Happening)>,
    end: Duration,
}

impl Story {
    fn new(manifests: &str) -> Self {
        let manifests = manifests.to_owned();
        Self {
            setting: Setting::default(),
            before: Box::new(move |lab| lab.write(&manifests)),
            then: Vec::new(),
            end: hours(1),
        }
    }

    fn then(mut self, at: Duration, happening: impl Fn(&mut Lab) + 'static) -> Self {
        self.then.push((at, Box::new(happening)));
        self.end = at + hours(1);
        self
    }

    fn write(self, at: Duration, manifests: &str) -> Self {
        let manifests = manifests.to_owned();
        self.then(at, move |lab| lab.write(&manifests))
    }

    /// Tells the story with a death at this call; how many calls the first process made.
    async fn tell(&self, death: Option<(u64, Death)>) -> (Lab, u64) {
        let (gate, tripwire) = match death {
            None => (CallGate::open(), None),
            Some((call, Death::BeforeSending)) => {
                (CallGate::shutting(call, FaultStage::Before), None)
            }
            Some((call, Death::AfterTheEffect)) => {
                (CallGate::shutting(call, FaultStage::After), None)
            }
            Some((call, Death::AfterTheAnswer)) => (CallGate::open(), Some(Tripwire::at(call))),
        };
        let dies = async {
            match &tripwire {
                Some(tripwire) => tripwire.torn.cancelled().await,
                None => gate.shut().await,
            }
        };
        let mut dies = Box::pin(dies);
        let mut lab = Lab::new(self.setting.clone());
        (self.before)(&mut lab);
        lab.boot_with(&gate, tripwire.as_ref());
        let nothing: Happening = Box::new(|_| {});
        for (at, happening) in self.then.iter().chain([&(self.end, nothing)]) {
            let is_alive = !lab.was_killed();
            if is_alive && lab.run_until(start() + *at, &mut dies).await {
                lab.kill();
                // A supervisor may take its time.
                let away = match gate.calls() % 3 {
                    0 => Duration::ZERO,
                    1 => Duration::from_secs(20),
                    _ => minutes(5),
                };
                lab.run_for(away).await;
                lab.boot();
            }
            lab.run_until(start() + *at, std::future::pending()).await;
            happening(&mut lab);
        }
        (lab, gate.calls())
    }
}

/// Lets the process die at every call in every way, and compares.
#[expect(clippy::print_stdout, reason = "the number of deaths is an answer")]
fn dies_everywhere(name: &str, story: &Story) {
    let (calls, world, effects) = in_virtual_time(async {
        let (lab, calls) = story.tell(None).await;
        (calls, lab.truth(), lab.effects())
    });
    assert!(world.values().count() > 0 || !effects.is_empty(), "{name}: nothing happens");
    let mut redundant = 0;
    for call in 1..=calls {
        for death in DEATHS {
            in_virtual_time(async {
                let (lab, _) = story.tell(Some((call, death))).await;
                let fail = |what: &str| {
                    lab.book().fail(&format!(
                        "{name}: {what}; the process died at call {call} of {calls}, {death:?}"
                    ))
                };
                if !lab.was_killed() {
                    fail("it did not die");
                }
                if lab.truth() != world {
                    fail(&format!("another world:\n{:#?}\ninstead of\n{world:#?}", lab.truth()));
                }
                let mut after = lab.effects();
                for (pack, before) in &effects {
                    let after = after.remove(pack).unwrap_or_default();
                    if after.deletes > before.deletes {
                        fail(&format!("{pack:?} was deleted {} times", after.deletes));
                    }
                    if after.puts > before.puts + 1 {
                        fail(&format!(
                            "{pack:?} was put {} times instead of {}",
                            after.puts, before.puts
                        ));
                    }
                    redundant += after.puts.saturating_sub(before.puts);
                }
                if !after.is_empty() {
                    fail(&format!("packs that nobody else touches: {after:?}"));
                }
            });
        }
    }
    println!("{name}: {calls} calls, {} deaths, {redundant} redundant Puts", calls * 3);
}

fn three() -> Vec<Manifest> {
    packs(&["cis", "iam", "s3"])
}

#[test]
fn while_three_packs_are_created_in_two_regions() {
    dies_everywhere("create", &Story::new(&file(&three())));
}

#[test]
fn while_everything_takes_effect_at_once() {
    let story = Story::new(&file(&three()));
    dies_everywhere("instant", &Story { setting: Setting::instant(), ..story });
}

#[test]
fn while_listings_lag_by_minutes() {
    let mut manifests = three();
    let mut story = Story::new(&file(&manifests));
    let lag = &mut story.setting.knobs.lag;
    (lag.packs, lag.statuses) = (minutes(8), minutes(8));
    story.setting.knobs.fan_out = Knobs::instant().fan_out;
    manifests[0].age = Some(30);
    dies_everywhere("lag", &story.write(minutes(30), &file(&manifests[..2])));
}

#[test]
fn while_packs_are_updated() {
    let mut manifests = three();
    manifests[2].excluded = 3;
    let story = Story::new(&file(&manifests));
    manifests[0].age = Some(30);
    manifests[1].version = 2;
    manifests[2].excluded = 0;
    dies_everywhere("update", &story.write(minutes(30), &file(&manifests)));
}

#[test]
fn while_a_pack_is_deleted_after_the_second_look() {
    let manifests = three();
    let story = Story::new(&file(&manifests));
    dies_everywhere("delete", &story.write(minutes(20), &file(&manifests[..2])));
}

#[test]
fn while_a_pack_is_adopted() {
    let manifest = Manifest { adopt: true, ..Manifest::new("by-hand") }.to_string();
    let leave = permits("go-ahead", "adopt: [by-hand]", "2026-11-03T00:00:00Z");
    let mut story = Story::new("");
    story.before = Box::new(move |lab| {
        lab.write(&format!("{manifest}---\n{leave}"));
        lab.event(&WorldEvent::Put(by_somebody("by-hand")));
    });
    dies_everywhere("adopt", &story);
}

#[test]
fn while_a_pack_is_renamed() {
    let old = Manifest::new("cis").to_string();
    let new = old.replace("{name: cis}", "{name: cis-benchmark}");
    assert_ne!(old, new);
    dies_everywhere("rename", &Story::new(&old).write(minutes(20), &new));
}

#[test]
fn while_a_region_is_dropped() {
    let mut manifests = three();
    let story = Story::new(&file(&manifests));
    manifests[1].regions = Some(vec!["us-east-1"]);
    dies_everywhere("drop a region", &story.write(minutes(20), &file(&manifests)));
}

#[test]
fn while_a_change_is_reverted_at_once() {
    let mut manifests = three();
    let first = file(&manifests);
    manifests[0].age = Some(30);
    let story = Story::new(&first).write(minutes(20), &file(&manifests));
    dies_everywhere("revert", &story.write(minutes(21), &first));
}

#[test]
fn while_a_manifest_with_orphan_policy_goes() {
    let mut manifests = three();
    manifests[2].orphan = true;
    let story = Story::new(&file(&manifests));
    dies_everywhere("orphan", &story.write(minutes(20), &file(&manifests[..2])));
}

#[test]
fn while_a_pack_that_somebody_deleted_is_created_again() {
    let story = Story::new(&file(&three())).then(minutes(20), |lab| {
        lab.event(&WorldEvent::Delete(ExternalDelete {
            account: None,
            region: "eu-west-1".parse().unwrap(),
            name: "cis".parse().unwrap(),
        }));
    });
    dies_everywhere("vanish", &story);
}

#[test]
fn while_a_parameter_that_somebody_changed_is_put_back() {
    let story = Story::new(&file(&three())).then(minutes(20), |lab| {
        let name = "cis".parse().unwrap();
        let mut inputs = lab.world().inputs(&lab.places()[0], &name).unwrap();
        inputs.insert("MaxAge".to_owned(), "9999".to_owned());
        let template = Manifest::new("cis").template().replace(
            "Parameters:\n",
            "Parameters:\n  ConformdMarker: {Type: String, Default: none}\n",
        );
        let (parameters, template) = (Some(inputs), Some(template));
        lab.event(&WorldEvent::Put(ExternalPut { parameters, template, ..by_somebody("cis") }));
    });
    dies_everywhere("heal", &story);
}

#[test]
fn while_a_pack_is_wanted_again_as_it_is_being_deleted() {
    let manifests = three();
    let all = file(&manifests);
    let story = Story::new(&all).write(minutes(20), &file(&manifests[..2]));
    dies_everywhere("wanted again", &story.write(minutes(36), &all));
}

/// Somebody else's Put in Ireland.
fn by_somebody(name: &str) -> ExternalPut {
    ExternalPut {
        account: None,
        region: "eu-west-1".parse().unwrap(),
        name: name.parse().unwrap(),
        template: None,
        parameters: None,
        excluded: Vec::new(),
    }
}
