//! Alerts and health say the same: whenever a critical alert fires, the status is not healthy, and
//! a problem with an owner and an advice requires action; while it is healthy, no alert above info
//! fires. Held over the recorded hours and over random ones.

#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

mod advice;
mod known;
mod once;
mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use conformd::domain::present::axes::HealthStatus;
use conformd::domain::present::view::status::{StatusView, status};
use conformd::sim::scenario::Scenario;
use conformd::sim::simulation::Simulation;
use proptest::prelude::*;
use serde_yaml::Value;

use crate::recorded::daemon::Daemon;
use crate::recorded::story::{Deed, Desk, HEALTHY, MISHAPS};
use crate::support::lab::in_virtual_time;
use crate::support::sample::Text;
use rules::{ABOUT_THE_PROCESS, Past, RULES, Scrape};

/// The severity of every alert rule above info, by its name.
fn severities() -> BTreeMap<String, String> {
    let file = std::fs::read_to_string("deploy/prometheus/rules/conformd.yml").unwrap();
    let file: Value = serde_yaml::from_str(&file).unwrap();
    let groups = file["groups"].as_sequence().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_sequence().unwrap());
    let severity = |rule: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&rule["alert"]), text(&rule["labels"]["severity"]))
    };
    rules.map(severity).filter(|(_, severity)| severity != "info").collect()
}

#[test]
fn every_alert_above_info_is_held_against_the_health_or_is_about_the_process() {
    let held: BTreeSet<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    let process: BTreeSet<String> =
        ABOUT_THE_PROCESS.iter().map(|name| (*name).to_owned()).collect();
    let all: BTreeSet<String> = severities().into_keys().collect();
    assert_eq!(&held | &process, all);
    assert!(held.is_disjoint(&process));
}

/// What the status said at one moment.
struct Said {
    state: HealthStatus,
    is_required: bool,
}

/// Holds alerts and health together, minute by minute.
struct Witness {
    past: Past,
    said: VecDeque<Said>,
    /// For how many minutes each rule has held, by its labels.
    since: BTreeMap<(&'static str, String), usize>,
    severities: BTreeMap<String, String>,
    fired: BTreeSet<&'static str>,
    wrong: String,
}

impl Witness {
    fn new() -> Self {
        Self {
            past: Past::default(),
            said: VecDeque::new(),
            since: BTreeMap::new(),
            severities: severities(),
            fired: BTreeSet::new(),
            wrong: String::new(),
        }
    }

    fn take(&mut self, at: f64, scraped: &str, view: &StatusView) {
        let series = Text::read(scraped).series.into_iter();
        let series = series.filter(|(name, _)| !name.contains("_bucket"));
        let series = series.map(|(name, value)| (name, value.parse().unwrap())).collect();
        self.past.take(Scrape { at, series });
        for problem in &view.problems {
            assert!(!problem.advice.is_empty(), "{problem:?}");
        }
        let is_required = view.problems.iter().any(|problem| problem.action_required);
        assert_eq!(view.health.action_required, is_required);
        self.said.push_front(Said { state: view.health.state, is_required });
        for rule in RULES {
            let holds = (rule.holds)(&self.past);
            self.since.retain(|(name, key), _| *name != rule.name || holds.contains(key));
            for key in holds {
                let since = self.since.entry((rule.name, key.clone())).or_default();
                *since += 1;
                if *since > rule.lasts {
                    self.fired.insert(rule.name);
                    self.hold(rule.name, &key, rule.window, view);
                }
            }
        }
    }

    /// An alert fires because of what was within its window: then the status said so too.
    fn hold(&mut self, name: &'static str, key: &str, window: usize, view: &StatusView) {
        // Samples are a minute apart, so what an alert sees first may be shown a minute later.
        let within = || self.said.iter().take(window + 2);
        let is_told = within().any(|said| said.state != HealthStatus::Healthy);
        let is_critical = self.severities[name] == "critical";
        let is_required =
            within().any(|said| said.is_required && said.state != HealthStatus::Healthy);
        if !is_told || is_critical && !is_required {
            let (now, summary) = (view.now, &view.health.summary);
            let title = view.health.state.title();
            writeln!(self.wrong, "{now} {name} {key}: {title}: {summary}").unwrap();
        }
    }
}

/// Samples are taken beside what happens at full minutes.
const BESIDE: Duration = Duration::from_secs(15);

/// Lives through some hours and holds alerts and health together in every minute.
async fn live(scenario: &Scenario, deeds: &[(u64, Deed)], minutes: u64) -> Witness {
    let simulation = Simulation::new(scenario, 1);
    let (desk, clock) = (Desk::new(), simulation.clock().clone());
    simulation.with(|_| {});
    let mut daemon = Daemon::start(&simulation, &desk.manifests());
    let mut witness = Witness::new();
    for minute in 0..=minutes {
        clock.sleep(BESIDE).await;
        let at = f64::from(u32::try_from(clock.now().as_second()).unwrap());
        let (scraped, view) = (daemon.scrape(), status(&daemon.facts()));
        witness.take(at, &scraped, &view);
        clock.sleep(BESIDE).await;
        simulation.with(|_| {});
        for (_, deed) in deeds.iter().filter(|(at, _)| *at == minute) {
            desk.act(*deed, &daemon.pending());
            if matches!(deed, Deed::Restart) {
                daemon = Daemon::start(&simulation, &desk.manifests());
            }
        }
        clock.sleep(BESIDE * 2).await;
    }
    witness
}

#[test]
fn in_nine_hours_in_which_all_goes_wrong_alerts_and_health_say_the_same() {
    let scenario = MISHAPS.scenario();
    let witness = in_virtual_time(live(&scenario, MISHAPS.deeds, MISHAPS.minutes));
    assert_eq!(witness.wrong, "");
    let expected = ["ConformdDeadlineImminent", "ConformdGuardTripped", "ConformdRegionBlocked"];
    assert!(expected.iter().all(|name| witness.fired.contains(name)), "{:?}", witness.fired);
}

#[test]
fn in_six_healthy_hours_no_alert_contradicts_the_health() {
    let scenario = HEALTHY.scenario();
    let witness = in_virtual_time(live(&scenario, HEALTHY.deeds, HEALTHY.minutes));
    assert_eq!(witness.wrong, "");
}

/// Something that happens to AWS, as a line of a scenario.
fn any_event() -> impl Strategy<Value = String> {
    let region = proptest::sample::select(vec!["eu-west-1", "us-east-1", "ap-southeast-2"]);
    let effect = proptest::sample::select(vec!["throttled", "access_denied", "internal_failure"]);
    let operation = proptest::sample::select(vec![
        "DescribeOrganizationConformancePacks",
        "PutOrganizationConformancePack",
        "GetOrganizationConformancePackDetailedStatus",
        "ListAccounts",
    ]);
    let class = proptest::sample::select(vec!["access_denied", "throttled", "rule_quota"]);
    let state = proptest::sample::select(vec!["SUSPENDED", "PENDING_CLOSURE", "ACTIVE"]);
    let account = 1_u64..=60;
    prop_oneof![
        (region.clone(), effect.clone(), 5_u64..90).prop_map(|(region, effect, lasts)| format!(
            "{{fault: {{for: {lasts}m, rule: {{service: config, region: {region}, \
             effect: {{kind: {effect}}}}}}}}}"
        )),
        (operation, effect, 5_u64..90).prop_map(|(operation, effect, lasts)| format!(
            "{{fault: {{for: {lasts}m, rule: {{operation: {operation}, \
             effect: {{kind: {effect}}}}}}}}}"
        )),
        (account.clone(), region.clone(), class).prop_map(|(account, region, class)| format!(
            "{{failure: {{account: \"{}\", region: {region}, class: {class}}}}}",
            400_000_000_000 + account
        )),
        (account, state).prop_map(|(account, state)| format!(
            "{{state: {{account: \"{}\", state: {state}}}}}",
            400_000_000_000 + account
        )),
        (1_u64..9, 0_u64..7).prop_map(|(account, hours)| format!(
            "{{join: {{id: \"52000000000{account}\", name: new, joined: -{hours}h30m, \
             recorder: missing}}}}"
        )),
        region.prop_map(|region| format!("{{put: {{region: {region}, name: s3-baseline}}}}")),
    ]
}

fn any_deed() -> impl Strategy<Value = Deed> {
    proptest::sample::select(vec![
        Deed::Misspell,
        Deed::Correct,
        Deed::Improve,
        Deed::RemoveMost,
        Deed::Restart,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn in_random_hours_alerts_and_health_say_the_same(
        events in prop::collection::vec((20_u64..160, any_event()), 1..7),
        deed in proptest::option::of((20_u64..160, any_deed())),
    ) {
        let mut text = "\
start: 2026-11-02T00:00:00Z
speed: 1
regions: [eu-west-1, us-east-1, ap-southeast-2]
management: \"111111111111\"
accounts: [{id: \"111111111111\", name: management, joined: -1200d}]
crowd: {first: \"400000000001\", count: 60, joined: -200d}
roles: [{name: ConformdRecorderProbe, externalId: recorded}]
script:
".to_owned();
        for (minute, event) in events {
            writeln!(text, "  - {{at: {minute}m30s, do: {event}}}").unwrap();
        }
        let start = "2026-11-02T00:00:00Z".parse().unwrap();
        let scenario = Scenario::parse("random.yaml", &text, start).unwrap();
        let deeds: Vec<(u64, Deed)> = deed.into_iter().collect();
        let witness = in_virtual_time(live(&scenario, &deeds, 200));
        prop_assert_eq!(witness.wrong, "", "{}", text);
    }
}
