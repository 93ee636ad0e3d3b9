//! Nine hours of the daemon's metrics, sampled every virtual minute while nearly everything goes
//! wrong once: the input that alerts and dashboards are held to.
//!
//! With `CONFORMD_RECORD=FILE` the samples are written as OpenMetrics, as `promtool tsdb
//! create-blocks-from openmetrics` takes them. They span 2026-11-02 from 00:00:15 to 09:00:15 UTC.
//! All is what the daemon's own tasks made of a simulated AWS, with three exceptions: `process_*`
//! is of whatever process recorded, the only request to the own server is the scrape and takes no
//! time, and neither do requests to AWS. `up`, `job` and `instance` are what Prometheus would add.

mod daemon;
mod open_metrics;
mod story;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use conformd::sim::simulation::Simulation;

use crate::lab::in_virtual_time;
use crate::metrics::documented;
use daemon::Daemon;
use open_metrics::Recording;
use story::{DEEDS, Deed, Desk};

const MINUTES: u64 = 9 * 60;

/// Samples are taken beside what happens at full minutes.
const BESIDE: Duration = Duration::from_secs(15);

/// Lives through the story.
async fn record() -> Recording {
    let simulation = Simulation::new(&story::scenario(), 1);
    let (desk, clock) = (Desk::new(), simulation.clock().clone());
    simulation.with(|_| {});
    let mut daemon = Daemon::start(&simulation, &desk.manifests());
    let mut recording = Recording::default();
    for minute in 0..=MINUTES {
        clock.sleep(BESIDE).await;
        recording.take(clock.now(), &daemon.scrape());
        clock.sleep(BESIDE).await;
        simulation.with(|_| {});
        for (_, deed) in DEEDS.iter().filter(|(at, _)| *at == minute) {
            desk.act(*deed, &daemon.blocked());
            if matches!(deed, Deed::Restart) {
                daemon = Daemon::start(&simulation, &desk.manifests());
            }
        }
        clock.sleep(BESIDE * 2).await;
    }
    recording
}

#[test]
fn nine_hours_in_which_all_goes_wrong_show_every_family_within_the_budget() {
    let recording = in_virtual_time(record());
    #[expect(clippy::disallowed_methods, reason = "where the recording is wanted")]
    if let Some(file) = std::env::var_os("CONFORMD_RECORD") {
        fs::write(file, recording.text()).unwrap();
    }
    // Only a control group with a limit has it.
    let machine = BTreeSet::from(["conformd_memory_limit_bytes".to_owned()]);
    let documented: BTreeSet<String> = documented().into_keys().collect();
    let shown: BTreeSet<String> = recording.families().map(ToOwned::to_owned).collect();
    let missing: Vec<_> =
        documented.difference(&shown).filter(|it| !machine.contains(*it)).collect();
    assert_eq!(missing, Vec::<&String>::new());
    assert_eq!(recording.moments(), usize::try_from(MINUTES + 1).unwrap());
    assert!(recording.series_max() < 2_500, "{} series", recording.series_max());
}
