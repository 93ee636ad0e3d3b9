//! Hours of the daemon's metrics, sampled every virtual minute: nine in which nearly everything
//! goes wrong once, and six in which nothing does. Alerts and dashboards are held to them.
//!
//! With `CONFORMD_RECORD=FILE` the nine hours are written as `OpenMetrics`, as `promtool tsdb
//! create-blocks-from openmetrics` takes them, from 2026-11-02T00:00:15Z to 09:00:15Z; the other
//! six go into `CONFORMD_RECORD_HEALTHY`. All is what the daemon's own tasks made of a simulated
//! AWS, with three exceptions: `process_*` is of whatever process recorded, the only request to the
//! own server is the scrape and takes no time, and neither do requests to AWS. `up`, `job` and
//! `instance` are what Prometheus would add.

pub(crate) mod daemon;
mod open_metrics;
pub(crate) mod story;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use conformd::sim::simulation::Simulation;

use crate::metrics::documented;
use crate::support::lab::in_virtual_time;
use daemon::Daemon;
use open_metrics::Recording;
use story::{Deed, Desk, HEALTHY, MISHAPS, REGIONS, Story};

/// Samples are taken beside what happens at full minutes.
const BESIDE: Duration = Duration::from_secs(15);

/// Lives through the story.
async fn record(story: &Story) -> Recording {
    let simulation = Simulation::new(&story.scenario(), 1);
    let (desk, clock) = (Desk::new(), simulation.clock().clone());
    simulation.with(|_| {});
    let mut daemon = Daemon::start(&simulation, &desk.manifests());
    let mut recording = Recording::default();
    for minute in 0..=story.minutes {
        clock.sleep(BESIDE).await;
        recording.take(clock.now(), &daemon.scrape());
        clock.sleep(BESIDE).await;
        simulation.with(|_| {});
        for (_, deed) in story.deeds.iter().filter(|(at, _)| *at == minute) {
            desk.act(*deed, &daemon.pending());
            if matches!(deed, Deed::Restart) {
                daemon = Daemon::start(&simulation, &desk.manifests());
            }
        }
        clock.sleep(BESIDE * 2).await;
    }
    recording
}

/// Lives through the story, and writes what was seen to where it is wanted.
fn recorded(story: &Story, wanted: &str) -> Recording {
    let recording = in_virtual_time(record(story));
    if let Some(file) = std::env::var_os(wanted) {
        fs::write(file, recording.text()).unwrap();
    }
    assert_eq!(recording.moments(), usize::try_from(story.minutes + 1).unwrap());
    assert!(recording.series_max() < 2_500, "{} series", recording.series_max());
    recording
}

#[test]
fn nine_hours_in_which_all_goes_wrong_show_every_family_within_the_budget() {
    let recording = recorded(&MISHAPS, "CONFORMD_RECORD");
    // Only a control group with a limit has it.
    let machine = BTreeSet::from(["conformd_memory_limit_bytes".to_owned()]);
    let documented: BTreeSet<String> = documented().into_keys().collect();
    let shown: BTreeSet<String> = recording.families().map(ToOwned::to_owned).collect();
    let missing: Vec<_> =
        documented.difference(&shown).filter(|it| !machine.contains(*it)).collect();
    assert_eq!(missing, Vec::<&String>::new());
    let unknown: Vec<_> = shown.difference(&documented).filter(|it| *it != "up").collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

#[test]
fn six_healthy_hours_end_as_they_should() {
    let recording = recorded(&HEALTHY, "CONFORMD_RECORD_HEALTHY");
    let last = |series: &str| recording.last(series).unwrap().to_owned();
    for region in REGIONS {
        let converged = format!("conformd_pack_rollouts{{health=\"healthy\",region=\"{region}\"}}");
        assert_eq!(last(&converged), "6", "{region}");
    }
}
