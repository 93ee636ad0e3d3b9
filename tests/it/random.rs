//! Random organizations and random histories of manifests: properties that hold of all of them.
//!
//! Each reconciliation of each run is also held to the invariants of `lab::invariants`: nothing
//! foreign, unmanaged or unknown is touched, observe sends nothing, deletes stay within the guard.

use std::collections::BTreeMap;
use std::time::Duration;

use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{
    DeletionPolicy, MARKER_PARAMETER, Marker, PackName, Place, Region,
};
use conformd::domain::plan::hold::{Hold, HoldReason};
use conformd::sim::event::{ExternalPut, WorldEvent};
use conformd::sim::knobs::{Knobs, Paging};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::support::lab::manifests::{Manifest, file};
use crate::support::lab::truth::{Owner, Truth};
use crate::support::lab::{Lab, Setting, hours, in_virtual_time, minutes};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// Runs of each property in continuous integration; `PROPTEST_CASES` asks for more.
const CASES: u32 = 256;

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: CASES.max(default.cases), ..default }
}

fn any_manifest(name: &'static str) -> impl Strategy<Value = Manifest> {
    let content =
        (select(vec![2_u32, 2, 3, 9]), 1_u32..3, select(vec![None, None, Some(30), Some(60)]));
    let place = (
        select(vec![None, None, Some(vec!["eu-west-1"]), Some(vec!["us-east-1"])]),
        select(vec![0_u32, 0, 0, 2, 8]),
        select(vec![None, None, Some("awsconfigconforms-a")]),
    );
    let policy = (prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    (content, place, policy).prop_map(
        move |((rules, version, age), (regions, excluded, bucket), (orphan, adopt))| Manifest {
            rules,
            version,
            age,
            regions,
            excluded,
            bucket,
            orphan,
            adopt,
            ..Manifest::new(name)
        },
    )
}

/// Manifests of some names, at least one.
fn any_manifests() -> impl Strategy<Value = Vec<Manifest>> {
    subsequence(NAMES.to_vec(), 1..=NAMES.len())
        .prop_flat_map(|names| names.into_iter().map(any_manifest).collect::<Vec<_>>())
}

/// Whose packs stand in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtherPack {
    Unmanaged,
    Foreign,
    Copied,
    Garbled,
}

type OtherPacks = Vec<(&'static str, &'static str, OtherPack)>;

fn any_other_packs() -> impl Strategy<Value = OtherPacks> {
    use OtherPack::{Copied, Foreign, Garbled, Unmanaged};
    let names = select(vec!["a", "b", "c", "x", "y"]);
    let kinds = select(vec![Unmanaged, Unmanaged, Foreign, Copied, Garbled]);
    let all = prop::collection::btree_map((select(REGIONS.to_vec()), names), kinds, 0..4);
    all.prop_map(|all| all.into_iter().map(|((region, name), kind)| (region, name, kind)).collect())
}

/// Lets the packs of others be there, and be listed, before conformd comes.
async fn settle(lab: &mut Lab, others: &OtherPacks) {
    for (region, name, kind) in others {
        let (region, name): (Region, PackName) = (region.parse().unwrap(), name.parse().unwrap());
        let place = Place { account: lab.owner(), region: region.clone() };
        let marker = |installation: &str, name: &PackName| {
            let template = "067f6d02f57553b7b0c3da9d492ae464".parse().unwrap();
            let installation = installation.parse().unwrap();
            Marker::new(installation, template, 4, DeletionPolicy::Delete, (&place, name))
        };
        let marker = match kind {
            OtherPack::Unmanaged => None,
            OtherPack::Foreign => Some(marker("other", &name).to_string()),
            OtherPack::Copied => Some(marker("main", &"z".parse().unwrap()).to_string()),
            OtherPack::Garbled => Some("v1.main.garbled".to_owned()),
        };
        let inputs = marker.map(|marker| (MARKER_PARAMETER.to_owned(), marker));
        lab.event(&WorldEvent::Put(ExternalPut {
            account: None,
            region,
            name,
            template: None,
            parameters: Some(inputs.into_iter().collect()),
            excluded: Vec::new(),
        }));
    }
    lab.run_for(minutes(10)).await;
}

fn any_setting() -> impl Strategy<Value = Setting> {
    let page_max = select(vec![None, Some(1), Some(2)]);
    (any::<u64>(), any::<bool>(), page_max, any::<bool>(), any::<bool>()).prop_map(
        |(seed, instant, page_max, shuffled, empty_pages)| {
            let knobs = if instant { Knobs::instant() } else { Knobs::default() };
            let paging = Paging { page_max, shuffled, empty_pages, token_life: None };
            Setting { seed, knobs: Knobs { paging, ..knobs }, ..Setting::default() }
        },
    )
}

/// These manifests with an approval of whatever the guard holds right now.
fn approved(lab: &Lab, manifests: &[Manifest]) -> String {
    let approvals = REGIONS.map(|region| lab.approval_of_pending(region));
    file(manifests) + &approvals.concat()
}

/// Lets one version of the manifests after the other rule for an hour.
async fn live_through(
    setting: &Setting,
    others: &OtherPacks,
    history: &[Vec<Manifest>],
    approves: bool,
) -> Lab {
    let mut lab = Lab::new(setting.clone());
    settle(&mut lab, others).await;
    let mut is_running = false;
    for manifests in history {
        lab.write(&file(manifests));
        if !std::mem::replace(&mut is_running, true) {
            lab.boot();
        }
        lab.run_for(minutes(25)).await;
        if approves {
            lab.write(&approved(&lab, manifests));
        }
        lab.run_for(minutes(35)).await;
    }
    lab
}

/// Why the last plans hold a pack, or the whole region.
fn holds(lab: &Lab, (region, name): &(Region, PackName)) -> Vec<HoldReason> {
    let holds = lab.report(region.as_str()).plan.holds;
    let about = holds.iter().filter(|hold| hold.pack.as_ref().is_none_or(|pack| pack == name));
    about.map(Hold::reason).collect()
}

/// Everything that is not ours, as it was before conformd came.
fn of_others(world: &BTreeMap<(Region, PackName), Truth>) -> BTreeMap<(Region, PackName), Truth> {
    let mut others = world.clone();
    others.retain(|_, truth| truth.owner != Owner::Ours);
    others
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_history_of_manifests_ends_as_its_last_version_alone(
        setting in any_setting(),
        others in any_other_packs(),
        history in prop::collection::vec(any_manifests(), 1..4),
        approves in any::<bool>(),
    ) {
        in_virtual_time(async {
            let last = &history[history.len() - 1..];
            let alone = live_through(&setting, &others, last, approves).await.truth();
            let mut lab = live_through(&setting, &others, &history, approves).await;
            let world = lab.truth();
            for (key, truth) in &alone {
                let is_explained = holds(&lab, key).contains(&HoldReason::Guard);
                if world.get(key) != Some(truth) && !is_explained {
                    // Adopted by an earlier version: ours since then.
                    let mut ever = history.iter().flatten();
                    let was_adopted = truth.owner == Owner::Nobody
                        && ever.any(|one| one.adopt && one.name == key.1.as_str());
                    if !was_adopted {
                        let found = world.get(key);
                        lab.book().fail(&format!("{key:?} is {found:#?} instead of {truth:#?}"));
                    }
                }
            }
            for key in world.keys().filter(|key| !alone.contains_key(*key)) {
                let holds = holds(&lab, key);
                let is_explained = holds.contains(&HoldReason::Orphaned)
                    || (holds.contains(&HoldReason::Guard) && !approves);
                if !is_explained {
                    lab.book().fail(&format!("{key:?} is still there: {holds:?}"));
                }
            }
            // Whoever looks next, with memory or without, finds nothing to do.
            lab.restart();
            lab.run_for(minutes(1)).await;
            for region in REGIONS {
                let report = lab.report(region);
                if !report.plan.steps.is_empty() {
                    lab.book().fail("a plan after everything was applied is not empty");
                }
            }
        });
    }

    #[test]
    fn what_belongs_to_others_stays_as_it_was(
        setting in any_setting(),
        others in any_other_packs(),
        manifests in any_manifests(),
    ) {
        in_virtual_time(async {
            let mut lab = Lab::new(setting);
            settle(&mut lab, &others).await;
            let mut before = of_others(&lab.truth());
            let adopted = |name: &PackName, region: &Region| manifests.iter().any(|one| {
                let regions = one.regions.as_deref().unwrap_or(&REGIONS);
                one.adopt && one.name == name.as_str() && regions.contains(&region.as_str())
            });
            before.retain(|(region, name), truth| {
                truth.owner == Owner::SomebodyElse || !adopted(name, region)
            });
            lab.write(&file(&manifests));
            lab.boot();
            lab.run_for(hours(1)).await;
            // Roll-outs of theirs have gone on by themselves.
            let content = |mut world: BTreeMap<_, Truth>| {
                for truth in world.values_mut() {
                    truth.phase = None;
                }
                world
            };
            let mut after = lab.truth();
            after.retain(|key, _| before.contains_key(key));
            if content(after) != content(before) {
                lab.book().fail("something that belongs to others was changed");
            }
        });
    }

    #[test]
    fn the_order_of_manifests_files_and_pages_changes_nothing(
        setting in any_setting(),
        others in any_other_packs(),
        (before, after, shuffled) in (any_manifests(), any_manifests())
            .prop_flat_map(|(before, after)| {
                (Just(before), Just(after.clone()), Just(after).prop_shuffle())
            }),
        page_max in 1_u32..4,
    ) {
        let history = [before];
        let plans = |setting: &Setting, files: Vec<(String, String)>| {
            in_virtual_time(async {
                let mut lab = live_through(setting, &others, &history, true).await;
                lab.write_files(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
                lab.run_for(Duration::from_secs(1)).await;
                REGIONS.map(|region| {
                    let mut plan = lab.report(region).plan;
                    // The revision is a digest of the files, and their order is part of it.
                    plan.revision = None;
                    serde_json::to_string(&plan).unwrap()
                })
            })
        };
        let mut setting = setting;
        setting.knobs.paging = Paging::default();
        let one = plans(&setting, vec![("packs.yaml".to_owned(), file(&after))]);
        setting.knobs.paging = Paging {
            page_max: Some(page_max),
            shuffled: true,
            empty_pages: true,
            token_life: None,
        };
        let files = shuffled.iter().enumerate();
        let files = files.map(|(at, manifest)| (format!("{at}.yaml"), manifest.to_string()));
        let other = plans(&setting, files.collect());
        prop_assert_eq!(one, other);
    }

    #[test]
    fn observe_sends_nothing_and_shows_what_would_wait_in_sync(
        setting in any_setting(),
        others in any_other_packs(),
        before in any_manifests(),
        after in any_manifests(),
    ) {
        let history = [before];
        let pending = |mode: Mode| {
            in_virtual_time(async {
                let mut lab = live_through(&setting, &others, &history, true).await;
                lab.kill();
                lab.write(&file(&after));
                lab.boot_in(mode);
                lab.run_for(Duration::from_secs(1)).await;
                let pending = REGIONS.map(|region| {
                    lab.report(region).pending
                });
                lab.run_for(minutes(30)).await;
                pending
            })
        };
        prop_assert_eq!(pending(Mode::Observe), pending(Mode::Sync));
    }
}
