//! The daemon as its operator meets it: start, ready, signals, settings, and the source it follows.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "these tests measure real time, and what is not there fails them"
)]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::process::{Daemon, Program, Scene, Settings, command, manifest, text};

const ALL: &str = "us-east-1, eu-west-1, ap-southeast-2";
const RELOADED: &str = "conformd_config_last_reload_successful";

/// A figure for people: budgets are judged on quiet machines, not here.
#[expect(clippy::print_stderr, reason = "who runs the tests should see the figures")]
fn show(figure: &str) {
    eprintln!("{figure}");
}

/// A scene with one region and a pack in force there, and the daemon that put it.
fn running() -> (Scene, Daemon) {
    let scene = Scene::new();
    scene.set(&Settings { regions: "eu-west-1", ..Settings::default() });
    scene.declare("keys", 90, "eu-west-1");
    let daemon = scene.daemon();
    daemon.synced(1);
    (scene, daemon)
}

#[test]
fn from_start_to_ready_and_from_sigterm_to_exit_0() {
    let scene = Scene::new();
    scene.declare("keys", 90, ALL);
    let daemon = scene.daemon();
    let ready = daemon.program.started().elapsed();
    daemon.synced(3);
    assert_eq!(scene.aws.packs(), ["ap-southeast-2/keys", "eu-west-1/keys", "us-east-1/keys"]);
    let told = Instant::now();
    daemon.stop().expect(0);
    show(&format!("start to ready {ready:.0?}, SIGTERM to exit {:.0?}", told.elapsed()));
}

/// The daemon, and a Put of its that AWS does not answer.
fn hanging() -> (Scene, Daemon) {
    let scene = Scene::new();
    scene.set(&Settings { regions: "eu-west-1", ..Settings::default() });
    let put = "PutOrganizationConformancePack";
    scene.aws.disturb(&json!({ "operation": put, "effect": { "kind": "black_hole" } }));
    scene.declare("keys", 90, "eu-west-1");
    let daemon = scene.daemon();
    let is_sent = || scene.aws.requests(0).iter().any(|one| one.operation == put).then_some(());
    daemon.program.eventually("sent", is_sent);
    (scene, daemon)
}

#[test]
fn sigterm_waits_for_a_put_that_hangs_but_not_for_ever() {
    let (_scene, daemon) = hanging();
    let told = Instant::now();
    let ended = daemon.stop().expect(0);
    let took = told.elapsed();
    assert!(ended.stderr.contains("calls in flight were aborted"), "{}", ended.stderr);
    assert!(took < Duration::from_secs(15), "{took:?}");
    show(&format!("SIGTERM to exit while a Put hangs {took:.1?}"));
}

#[test]
fn a_second_sigterm_waits_for_nothing() {
    let (_scene, daemon) = hanging();
    daemon.program.signal("TERM");
    let is_stopping = || daemon.program.stderr().contains("stopping").then_some(());
    daemon.program.eventually("stopping", is_stopping);
    let told = Instant::now();
    let ended = daemon.stop().expect(1);
    assert!(ended.stderr.contains("stopping at once"), "{}", ended.stderr);
    show(&format!("second SIGTERM to exit {:.0?}", told.elapsed()));
}

/// Reloads these settings; the log lines that came of it.
fn reload(scene: &Scene, daemon: &Daemon, settings: &Settings) -> String {
    let before = daemon.program.stderr().len();
    scene.set(settings);
    daemon.program.signal("HUP");
    daemon.program.eventually("reloaded", || {
        let log = daemon.program.stderr().split_off(before);
        (log.contains("settings reloaded") || log.contains("settings not reloaded")).then_some(log)
    })
}

/// Log lines without their dates.
fn undated(log: &str) -> String {
    let undated = |line: &str| line.split_once("Z ").map_or(line, |(_, rest)| rest).to_owned();
    log.lines().map(undated).collect::<Vec<_>>().join("\n")
}

#[test]
fn sighup_keeps_the_settings_in_force_when_the_new_ones_are_bad() {
    let (scene, daemon) = running();
    let good = Settings { regions: "eu-west-1", ..Settings::default() };
    assert_eq!(daemon.metric(RELOADED), Some(1.0));
    let broken = Settings { mode: "sink", more: "guard: {ratio: 5}\n".into(), ..good.clone() };
    let log = reload(&scene, &daemon, &broken);
    insta::assert_snapshot!(undated(&log), @r#"
     WARN conformd::daemon::reloader: finding in the settings file=conformd.yaml finding=conformd.yaml:2:7: error[malformed]: mode is "sink"; expected a mode (observe, upsert or sync)
     WARN conformd::daemon::reloader: finding in the settings file=conformd.yaml finding=conformd.yaml:13:9: error[unknown-field]: guard has no field "ratio"; expected one of ratioPercent, namesPerWindow, rulesMax, rulesPercent, exclusionsMax, exclusionsPercent, excludedPercent, overlapPercent
    ERROR conformd::daemon::reloader: settings not reloaded, the previous ones stay in force error="settings file conformd.yaml has 2 errors"
    "#);
    assert_eq!(daemon.metric(RELOADED), Some(0.0));
    let fixed = Settings { account: "222222222222", intervals: ("2s", "1h"), ..good.clone() };
    let log = reload(&scene, &daemon, &fixed);
    insta::assert_snapshot!(undated(&log), @r#"ERROR conformd::daemon::reloader: settings not reloaded, the previous ones stay in force error="aws.expectedAccountId, intervals.source cannot change while running; restart instead""#);
    assert_eq!(daemon.status()["mode"], "sync");
    let mark = scene.aws.mark();
    scene.declare("keys", 60, "eu-west-1");
    daemon.program.eventually("put", || (scene.aws.mutations(mark).len() == 1).then_some(()));
    assert!(reload(&scene, &daemon, &good).contains("settings reloaded"));
    assert_eq!(daemon.metric(RELOADED), Some(1.0));
    daemon.stop().expect(0);
}

#[test]
fn sighup_from_observe_to_sync_gives_the_daemon_hands_and_back_takes_them() {
    let scene = Scene::new();
    let observing = Settings { mode: "observe", regions: "eu-west-1", ..Settings::default() };
    scene.set(&observing);
    scene.declare("keys", 90, "eu-west-1");
    let daemon = scene.daemon();
    daemon.look_again(&["eu-west-1"]);
    assert_eq!(daemon.status()["regions"]["eu-west-1"]["report"]["holds"][0]["reason"], "mode");
    assert!(scene.aws.mutations(0).is_empty());
    reload(&scene, &daemon, &Settings { mode: "sync", ..observing.clone() });
    daemon.synced(1);
    assert_eq!(scene.aws.mutations(0), ["Put eu-west-1 keys"]);
    assert_eq!(daemon.metric(r#"conformd_mode{mode="sync"}"#), Some(1.0));
    reload(&scene, &daemon, &observing);
    scene.declare("keys", 60, "eu-west-1");
    daemon.program.eventually("held", || {
        let held = &daemon.status()["regions"]["eu-west-1"]["report"]["holds"][0]["reason"];
        (held == "mode").then_some(())
    });
    assert_eq!(scene.aws.mutations(0), ["Put eu-west-1 keys"]);
    daemon.stop().expect(0);
}

/// Settings that say whether templates may have remediations.
fn with_remediations(settings: &Settings, remediations: &str) -> Settings {
    Settings { more: format!("templates: {{remediations: {remediations}}}\n"), ..settings.clone() }
}

#[test]
fn nothing_is_written_by_new_settings_before_the_manifests_are_checked_against_them() {
    let scene = Scene::new();
    let observing = Settings { mode: "observe", regions: "eu-west-1", ..Settings::default() };
    scene.set(&with_remediations(&observing, "allowed"));
    let remediation = "Fix: {Type: AWS::Config::RemediationConfiguration, Properties: \
        {ConfigRuleName: {Ref: Keys}, TargetType: SSM_DOCUMENT, TargetId: AWS-Fix}}\n        Keys:";
    let fixing = |name: &str| manifest(name, 90, "").replace("Keys:", remediation);
    // So many that a check of them takes longer than a region needs to plan.
    for number in 0..40 {
        let name = format!("keys-{number}");
        let text = fixing(&name).replace("  regions: []\n", "");
        scene.write(&format!("packs/{name}.yaml"), &text);
    }
    let daemon = scene.daemon();
    daemon.look_again(&["eu-west-1"]);
    // Permission to write, a new region, and a new prohibition come at once.
    let syncing =
        Settings { mode: "sync", regions: "eu-west-1, ap-southeast-2", ..observing.clone() };
    reload(&scene, &daemon, &with_remediations(&syncing, "forbidden"));
    daemon.program.eventually("checked", || {
        let manifests = daemon.get("/api/v1/status").unwrap().body;
        manifests.contains("remediation-forbidden").then_some(())
    });
    daemon.look_again(&["eu-west-1", "ap-southeast-2"]);
    assert_eq!(scene.aws.mutations(0), [""; 0]);
    daemon.stop().expect(0);
}

#[test]
fn sighup_takes_up_a_new_region_and_leaves_a_removed_one_alone() {
    let scene = Scene::new();
    let two = Settings { regions: "us-east-1, eu-west-1", ..Settings::default() };
    scene.set(&two);
    scene.write("packs/keys.yaml", &manifest("keys", 90, "").replace("  regions: []\n", ""));
    let daemon = scene.daemon();
    daemon.synced(2);
    let moved = Settings { regions: "eu-west-1, ap-southeast-2", ..two };
    let log = reload(&scene, &daemon, &moved);
    assert!(log.contains("regions no longer managed regions=\"us-east-1\""), "{log}");
    // Leaving a region alone deletes nothing there.
    let packs = ["ap-southeast-2/keys", "eu-west-1/keys", "us-east-1/keys"];
    daemon.program.eventually("put", || (scene.aws.packs() == packs).then_some(()));
    daemon.synced(2);
    let mark = scene.aws.mark();
    daemon.look_again(&["eu-west-1", "ap-southeast-2"]);
    assert!(scene.aws.requests(mark).iter().all(|request| request.region != "us-east-1"));
    for page in ["/api/v1/status", "/api/v1/plan", "/metrics"] {
        let body = daemon.get(page).unwrap().body;
        // AWS Organizations answers there, whatever the regions are.
        let others = body.lines().filter(|line| !line.contains("service=\"organizations\""));
        let shown: Vec<&str> = others.filter(|line| line.contains("us-east-1")).collect();
        assert!(shown.is_empty(), "{page} still shows it: {shown:#?}");
    }
    daemon.stop().expect(0);
}

#[test]
fn one_reading_of_the_account_list_after_a_start_changes_no_exclusion() {
    let scene = Scene::new();
    scene.declare("keys", 90, ALL);
    scene.set(&Settings::default());
    scene.run(&["apply", "--yes"]).expect(0);
    let keys = manifest("keys", 90, ALL);
    scene.write("packs/keys.yaml", &format!("{keys}  exclude: {{states: [SUSPENDED]}}\n"));
    let state = |state: &str| {
        scene.aws.control("PUT", "accounts/222222222222/state", &json!({ "state": state }));
    };
    let mark = scene.aws.mark();
    state("SUSPENDED");
    let planned = scene.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert!(planned.stdout.contains("waits for a second reading"), "{}", planned.text());
    let applied = scene.run(&["apply", "--yes"]);
    assert!(applied.stdout.contains("need a second reading"), "{}", applied.text());
    let daemon = scene.daemon();
    daemon.look_again(&["us-east-1"]);
    assert_eq!(
        daemon.status()["regions"]["us-east-1"]["report"]["holds"][0]["reason"],
        "unconfirmed"
    );
    state("ACTIVE");
    daemon.look_again(&["us-east-1"]);
    assert!(scene.aws.mutations(mark).is_empty());
    daemon.stop().expect(0);
}

#[test]
fn credentials_of_another_account_end_the_daemon_with_78() {
    let scene = Scene::new();
    scene.declare("keys", 90, ALL);
    scene.set(&Settings { account: "222222222222", ..Settings::default() });
    let ended = scene.run(&["run"]).expect(78);
    for named in ["111111111111", "222222222222", "aws.expectedAccountId"] {
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
    }
    assert!(scene.aws.packs().is_empty());
}

#[test]
fn bad_settings_end_the_daemon_with_78_and_every_error_at_once() {
    let scene = Scene::new();
    let more = "guards: {ratioPercent: 5}\n".to_owned();
    scene.set(&Settings {
        mode: "sink",
        account: "1234",
        intervals: ("1s", "1"),
        more,
        ..Settings::default()
    });
    let ended = scene.run(&["run"]).expect(78);
    for named in ["mode", "aws.expectedAccountId", "intervals.region", "guards"] {
        assert!(ended.stderr.contains(named), "{named}: {}", ended.stderr);
    }
    assert!(scene.aws.requests(0).is_empty());
}

#[test]
fn an_endpoint_from_the_environment_is_refused_with_78() {
    let scene = Scene::new();
    let endpoint = format!("http://{}", scene.aws.address);
    let settings = fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    let from = settings.find("  endpoint:").unwrap();
    let to = settings.find("source:").unwrap();
    let real = format!("{}{}", &settings[..from], &settings[to..]);
    scene.write("conformd.yaml", &real.replace("region: 1h", "region: 15m"));
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"] {
        let mut command = command(&scene.path(""));
        command.args(["run", "--config", "conformd.yaml"]).env(variable, &endpoint);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        let ended = Program::start(command).end().expect(78);
        assert!(ended.stderr.contains("AWS_ENDPOINT_URL"), "{}", ended.stderr);
    }
    assert!(scene.aws.requests(0).is_empty());
}

#[test]
fn a_saved_file_is_on_the_wire_in_no_time() {
    let (scene, daemon) = running();
    let mut times: Vec<Duration> = (1..=20)
        .map(|age| {
            let (mark, saved) = (scene.aws.mark(), scene.aws.now());
            scene.declare("keys", age, "eu-west-1");
            let put = daemon.program.eventually("put", || {
                scene.aws.requests(mark).into_iter().find(|request| request.mutating)
            });
            // The next save must find a daemon that has seen this one through.
            daemon.look_again(&["eu-west-1"]);
            Duration::try_from(put.at.duration_since(saved)).unwrap()
        })
        .collect();
    times.sort_unstable();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    show(&format!("file saved to Put on the wire: p50 {median:.0?}, max {slowest:.0?} of 20"));
    assert!(slowest < Duration::from_secs(20), "{times:?}");
    assert_eq!(scene.aws.mutations(0).len(), 21, "one Put a save");
    daemon.stop().expect(0);
}

/// Three packs in force, and the daemon that keeps them. Unwanted packs would be deleted within
/// seconds: the interval is a second.
fn three_kept() -> (Scene, Daemon) {
    let scene = Scene::new();
    scene.set(&Settings { regions: "eu-west-1", intervals: ("1s", "1s"), ..Settings::default() });
    for name in ["keys", "logs", "mail"] {
        scene.declare(name, 90, "eu-west-1");
    }
    let daemon = scene.daemon();
    daemon.synced(1);
    assert_eq!(scene.aws.packs().len(), 3);
    (scene, daemon)
}

/// Hurts the source, waits until the status says why, looks twice more, and finds all packs there;
/// then heals it and finds that changes flow again.
fn nothing_is_deleted_when(
    hurt: impl Fn(&Scene),
    says: impl Fn(&Value) -> bool,
    heal: impl Fn(&Scene),
) {
    let (scene, daemon) = three_kept();
    let mark = scene.aws.mark();
    hurt(&scene);
    daemon.program.eventually("said in the status", || says(&daemon.status()).then_some(()));
    for _ in 0..3 {
        daemon.look_again(&["eu-west-1"]);
    }
    assert!(says(&daemon.status()), "{:#}", daemon.status());
    assert!(scene.aws.mutations(mark).is_empty(), "{:?}", scene.aws.mutations(mark));
    heal(&scene);
    scene.declare("keys", 60, "eu-west-1");
    daemon.program.eventually("healed", || {
        (!says(&daemon.status()) && scene.aws.mutations(mark) == ["Put eu-west-1 keys"])
            .then_some(())
    });
    assert_eq!(scene.aws.packs().len(), 3);
    let ended = daemon.stop().expect(0);
    assert_eq!(scene.aws.mutations(mark), ["Put eu-west-1 keys"], "{}", ended.stderr);
}

/// Whether the status gives a reason for not having read the source, with these words.
fn problem(status: &Value, words: &str) -> bool {
    status["source"]["problem"].as_str().is_some_and(|problem| problem.contains(words))
}

#[test]
fn a_source_directory_that_is_gone_deletes_nothing() {
    nothing_is_deleted_when(
        |scene| fs::rename(scene.path("packs"), scene.path("elsewhere")).unwrap(),
        |status| problem(status, "packs"),
        |scene| fs::rename(scene.path("elsewhere"), scene.path("packs")).unwrap(),
    );
}

#[test]
fn an_emptied_source_directory_deletes_nothing() {
    nothing_is_deleted_when(
        |scene| {
            for name in ["keys", "logs", "mail"] {
                scene.remove(&format!("packs/{name}.yaml"));
            }
        },
        |status| problem(status, "no manifest"),
        |scene| {
            for name in ["keys", "logs", "mail"] {
                scene.declare(name, 90, "eu-west-1");
            }
        },
    );
}

/// Whether some region's report names this pack as invalid.
fn invalid(status: &Value) -> bool {
    status["totals"]["reasons"]["invalid"].as_u64().is_some_and(|count| count > 0)
        || status["source"]["declared"]["invalid"].as_u64().is_some_and(|count| count > 0)
}

#[test]
fn a_half_written_manifest_deletes_nothing() {
    let whole = manifest("logs", 90, "eu-west-1");
    nothing_is_deleted_when(
        |scene| scene.write("packs/logs.yaml", &whole[..whole.len() / 2]),
        invalid,
        |scene| scene.write("packs/logs.yaml", &whole),
    );
}

#[test]
fn a_file_that_does_not_parse_isolates_its_own_pack_and_stops_every_delete() {
    let (scene, daemon) = three_kept();
    let mark = scene.aws.mark();
    // One manifest is no YAML any more, another is gone, a third changes.
    scene.write("packs/logs.yaml", "kind: {OrganizationConformancePack\n");
    scene.remove("packs/mail.yaml");
    scene.declare("keys", 60, "eu-west-1");
    daemon.program.eventually("the third", || {
        (scene.aws.mutations(mark) == ["Put eu-west-1 keys"]).then_some(())
    });
    for _ in 0..3 {
        daemon.look_again(&["eu-west-1"]);
    }
    assert_eq!(scene.aws.mutations(mark), ["Put eu-west-1 keys"]);
    let status = daemon.status();
    let report = &status["regions"]["eu-west-1"]["report"];
    let holds: Vec<String> = report["holds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hold| {
            format!("{} {}: {}", text(&hold["pack"]), text(&hold["reason"]), text(&hold["why"]))
        })
        .collect();
    insta::assert_snapshot!(holds.join("\n"), @"
    logs invalid: its manifest is invalid, the last valid content stays in force: packs/logs.yaml:1:7: error[syntax]: this is not YAML: unclosed bracket '{'
    mail invalid: some manifests of this revision are invalid: nothing is taken away until they are corrected
    ");
    assert_eq!(daemon.metric(r#"conformd_manifests{state="invalid"}"#), Some(1.0));
    // Healed, the removal waits for somebody's word, and is observed twice.
    scene.declare("logs", 90, "eu-west-1");
    let printed = scene.run(&["approve", "--reason", "retired"]).expect(0);
    scene.write("packs/approve.yaml", &printed.stdout);
    daemon.program.eventually("deleted", || {
        (scene.aws.packs() == ["eu-west-1/keys", "eu-west-1/logs"]).then_some(())
    });
    assert_eq!(scene.aws.mutations(mark), ["Delete eu-west-1 mail", "Put eu-west-1 keys"]);
    daemon.stop().expect(0);
}
