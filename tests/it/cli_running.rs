//! Commands beside a daemon, or after it: `status --watch`, `history`, `explain`, `reload`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use crate::support::process::{Daemon, Scene, Settings, command, manifest};

const BOTH: &str = "us-east-1, eu-west-1";

fn two_regions(more: &str) -> Settings {
    Settings { regions: BOTH, more: more.to_owned(), ..Settings::default() }
}

/// A daemon with one pack in sync, and its address.
fn synced(settings: &Settings) -> (Scene, Daemon, String) {
    let scene = Scene::new();
    scene.set(settings);
    scene.declare("keys", 90, BOTH);
    let daemon = scene.daemon();
    daemon.synced(2);
    let url = format!("http://{}", daemon.address);
    (scene, daemon, url)
}

#[test]
fn a_watched_status_is_printed_again_when_it_changes() {
    let (scene, daemon, url) = synced(&two_regions(""));
    let arguments = ["status", "--watch", "--every", "100ms", "-o", "json", "--daemon", &url];
    let watching = scene.start(&arguments);
    let lines = || watching.stdout().lines().map(ToOwned::to_owned).collect::<Vec<String>>();
    watching.eventually("printed", || (!lines().is_empty()).then_some(()));
    scene.declare("mail", 90, "us-east-1");
    watching.eventually("printed again", || {
        lines().iter().any(|line| line.contains("\"mail\"")).then_some(())
    });
    for line in lines() {
        serde_json::from_str::<Value>(&line).unwrap();
    }
    daemon.stop().expect(0);
    watching
        .eventually("unknown", || watching.stderr().contains("cannot be reached").then_some(()));
    watching.signal("INT");
    watching.end().expect(2);
    scene.alone(&["status", "--every", "1s"]).expect(64);
}

#[test]
fn a_watched_status_is_not_printed_again_because_time_passes() {
    let (scene, daemon, url) = synced(&Settings { intervals: ("1s", "1s"), ..two_regions("") });
    let polls = || {
        let route =
            r#"conformd_http_requests_total{code="2xx",method="GET",route="/api/v1/status"}"#;
        daemon.metric(route).unwrap_or_default()
    };
    for (output, first) in [("json", "{"), ("wide", "SIMULATED")] {
        let arguments = ["status", "--watch", "--every", "100ms", "-o", output, "--daemon", &url];
        let watching = scene.start(&arguments);
        let outputs = || watching.stdout().lines().filter(|line| line.starts_with(first)).count();
        // What still changes after the first delivery may be printed: later it ends.
        let mut last = (0, polls());
        watching.eventually("unchanged over 20 polls", || {
            let (count, polled) = (outputs(), polls());
            if count > last.0 {
                last = (count, polled);
            }
            (count > 0 && polled >= last.1 + 20.0).then_some(())
        });
        watching.signal("INT");
        watching.end();
    }
}

#[test]
fn the_history_has_deliveries_losses_and_approvals() {
    let scene = Scene::new();
    scene.set(&two_regions("stateDirectory: state\n"));
    scene.declare("keys", 90, BOTH);
    scene.declare("logs", 90, "eu-west-1");
    let none = scene.run(&["history"]).expect(1);
    assert!(none.stderr.contains("there is none yet"), "{}", none.text());
    scene.run(&["apply", "--yes"]).expect(0);
    scene.set(&Settings { intervals: ("1s", "1s"), ..two_regions("stateDirectory: state\n") });
    scene.remove("packs/logs.yaml");
    let printed = scene.run(&["approve", "--reason", "retired"]).expect(0);
    scene.write("packs/approve.yaml", &printed.stdout);
    scene.run(&["apply", "--yes", "--wait-for-confirmation"]).expect(0);
    let csv = scene.run(&["history", "-o", "csv"]).expect(0).stdout;
    let facts = |line: &str| line.split(',').skip(1).take(3).map(ToOwned::to_owned).collect();
    let mut lines: Vec<Vec<String>> = csv.lines().skip(1).map(facts).collect();
    lines.sort();
    let expected = [
        ["approval", "eu-west-1", "logs"],
        ["delivery", "eu-west-1", "keys"],
        ["delivery", "eu-west-1", "logs"],
        ["delivery", "us-east-1", "keys"],
        ["loss", "eu-west-1", "logs"],
    ];
    assert_eq!(lines, expected, "{csv}");
    assert!(!csv.contains("\"90\"") && csv.contains("parameters Age"), "{csv}");
    let json = scene.run(&["history", "logs", "-o", "json", "--since", "1h"]).expect(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["entries"].as_array().unwrap().len(), 3);
    assert_eq!(json["entries"][0]["kind"], "delivery");
    let text = scene.run(&["history", "--region", "us-east-1", "--limit", "5"]).expect(0).stdout;
    assert!(text.contains("delivery") && !text.contains("eu-west-1"), "{text}");
    let nothing = scene.run(&["history", "mail"]).expect(0).stdout;
    assert_eq!(nothing, "Nothing matches.\n");
    let unused = scene.run(&["history", "--region", "eu-west-2"]).expect(64);
    assert!(unused.stderr.contains("did you mean eu-west-1?"), "{}", unused.text());
    // The record of a running daemon can be read.
    let daemon = scene.daemon();
    scene.run(&["history"]).expect(0);
    daemon.stop().expect(0);
}

#[test]
fn the_history_of_a_region_that_was_given_up_is_found_and_no_field_of_csv_is_cut() {
    let scene = Scene::new();
    scene.set(&two_regions("stateDirectory: state\n"));
    let names: Vec<String> =
        (1..=12).map(|number| format!("AnUnusuallyLongNameOfAParameter{number}")).collect();
    let text = manifest("keys", 90, BOTH);
    let declared = names.iter().map(|name| format!("        {name}: {{Type: String}}\n"));
    let declared = declared.collect::<Vec<_>>().concat();
    let values = names.iter().map(|name| format!(", {name}: \"1\""));
    let values = values.collect::<Vec<_>>().concat();
    let text = text
        .replace("      Resources:", &format!("{declared}      Resources:"))
        .replace("Age: \"90\"", &format!("Age: \"90\"{values}"));
    scene.write("packs/keys.yaml", &text);
    scene.run(&["apply", "--yes"]).expect(0);
    let csv = scene.run(&["history", "-o", "csv"]).expect(0).stdout;
    let shown = |line: &str| names.iter().all(|name| line.contains(name.as_str()));
    assert!(csv.lines().skip(1).all(shown), "{csv}");
    scene.set(&Settings { regions: "eu-west-1", ..two_regions("stateDirectory: state\n") });
    let given_up = scene.run(&["history", "--region", "us-east-1"]).expect(0).stdout;
    assert!(given_up.contains("us-east-1"), "{given_up}");
}

#[test]
fn a_record_without_entries_says_so() {
    let scene = Scene::new();
    scene.set(&two_regions("stateDirectory: state\n"));
    scene.run(&["apply", "--yes"]);
    assert_eq!(scene.run(&["history"]).expect(0).stdout, "Nothing is recorded.\n");
}

#[test]
fn a_history_of_a_pack_that_does_not_exist_is_a_wrong_name() {
    let scene = Scene::new();
    scene.set(&two_regions("stateDirectory: state\n"));
    scene.declare("keys", 90, BOTH);
    scene.run(&["apply", "--yes"]).expect(0);
    scene.declare("mail", 90, BOTH);
    let wrong = scene.run(&["history", "kesy"]).expect(64);
    assert!(wrong.stderr.contains("did you mean keys?"), "{}", wrong.text());
    // Declared, and not yet delivered, or like no other.
    scene.declare("keyz", 90, BOTH);
    assert_eq!(scene.run(&["history", "keyz"]).expect(0).stdout, "Nothing matches.\n");
    assert_eq!(scene.run(&["history", "mail"]).expect(0).stdout, "Nothing matches.\n");
    scene.run(&["history", "--limit", "0"]).expect(64);
    scene.set(&Settings { intervals: ("1s", "1s"), ..two_regions("stateDirectory: state\n") });
    scene.declare("keys", 60, BOTH);
    scene.run(&["apply", "--yes"]).expect(0);
    let history = scene.run(&["history", "keys", "-o", "csv"]).expect(0).stdout;
    assert_eq!(history.matches(", other parameter values").count(), 2, "{history}");
}

#[test]
fn a_watched_status_in_a_file_has_the_time_of_each_reading() {
    let (scene, daemon, url) = synced(&two_regions(""));
    let watching = scene.start(&["status", "--watch", "--every", "100ms", "--daemon", &url]);
    watching.eventually("printed", || (!watching.stdout().is_empty()).then_some(()));
    let printed = watching.stdout();
    let first = printed.lines().next().unwrap();
    assert!(first.parse::<conformd::domain::base::model::Timestamp>().is_ok(), "{first}");
    watching.signal("INT");
    watching.end();
    let text = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    scene.write("served.yaml", &text.replace("127.0.0.1:0", &daemon.address.to_string()));
    scene.alone(&["healthcheck", "-c", "served.yaml"]).expect(0);
    daemon.stop().expect(0);
    scene.alone(&["healthcheck", "-c", "served.yaml"]).expect(1);
}

/// A server that answers everything with this status and this message, as a daemon does.
fn refusing(status: &'static str, message: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1_024];
            assert!(stream.read(&mut request).unwrap() > 0);
            let body = serde_json::json!({ "error": { "message": message } }).to_string();
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn only_a_name_that_a_daemon_does_not_know_is_an_error_of_the_command_line() {
    let scene = Scene::new();
    let busy = refusing("429 Too Many Requests", "too many requests");
    let ended = scene.run(&["status", "--daemon", &busy]).expect(2);
    assert!(ended.stderr.contains("too many requests"), "{}", ended.text());
    scene.run(&["explain", "333333333333", "--daemon", &busy]).expect(1);
    scene.run(&["approve", "--daemon", &busy]).expect(1);
    let unknown = refusing("404 Not Found", "there is no region");
    scene.run(&["status", "eu-west-1", "--daemon", &unknown]).expect(64);
    scene.run(&["explain", "333333333333", "--daemon", &unknown]).expect(64);
    scene.run(&["approve", "--daemon", &unknown]).expect(64);
}

#[test]
fn an_account_is_explained_by_its_name_too() {
    let scene = Scene::new();
    scene.declare("keys", 90, BOTH);
    let daemon = scene.daemon();
    daemon.synced(3);
    let url = format!("http://{}", daemon.address);
    for whom in [&["--daemon", &*url] as &[&str], &["--direct"]] {
        let explain = |word: &str| scene.run(&[&["explain", word], whom].concat());
        let by_name = explain("workload").expect(0).stdout;
        assert!(by_name.contains("333333333333"), "{by_name}");
        let wrong = explain("wrokload").expect(64);
        assert!(wrong.stderr.contains("did you mean 333333333333 (workload)?"), "{}", wrong.text());
        explain("3333333333").expect(64);
        explain("444444444444").expect(64);
        scene.run(&[&["explain", "workload", "kesy"], whom].concat()).expect(64);
    }
    daemon.stop().expect(0);
}

#[test]
fn a_reload_prints_what_changed_or_that_nothing_did() {
    let scene = Scene::new();
    // The command finds the daemon by the settings, so the port is one that was free just now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = |mode: &str, age: &str| {
        scene.set(&two_regions(""));
        let text = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
        let text = text
            .replace("127.0.0.1:0", &format!("127.0.0.1:{port}"))
            .replace("mode: sync", &format!("mode: {mode}"))
            .replace("region: 1h", &format!("region: {age}"));
        scene.write("conformd.yaml", &text);
    };
    settings("sync", "1h");
    scene.declare("keys", 90, BOTH);
    let daemon = scene.daemon();
    let pid = daemon.program.id().to_string();
    let reload = || scene.run(&["reload", "--pid", &pid]);
    assert_eq!(reload().expect(0).stdout, "the settings were reloaded: nothing changed\n");
    settings("observe", "2h");
    assert_eq!(reload().expect(0).stdout, "the settings were reloaded: mode, intervals changed\n");
    let text = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    scene.write("conformd.yaml", &format!("{text}metrics: {{labels: [team]}}\n"));
    assert_eq!(reload().expect(0).stdout, "the settings were reloaded: metrics.labels changed\n");
    let text = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    scene.write("conformd.yaml", &text.replace("inFlight: 8", "inFlight: 9"));
    let refused = reload().expect(1);
    assert!(refused.stderr.contains("limits cannot change while running"), "{}", refused.text());
    let events = daemon.get("/api/v1/events").unwrap().json();
    let kinds: Vec<&str> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["kind"].as_str())
        .collect();
    let reloads: Vec<&str> = kinds.into_iter().filter(|kind| kind.ends_with("reloaded")).collect();
    assert_eq!(reloads, ["reloaded", "reloaded", "reloaded", "not_reloaded"]);
    daemon.stop().expect(0);
}

#[test]
fn a_reload_is_refused_where_the_daemon_of_another_installation_answers() {
    let (scene, others) = (Scene::new(), Scene::new());
    for one in [&scene, &others] {
        one.declare("keys", 90, BOTH);
    }
    let text = std::fs::read_to_string(others.path("conformd.yaml")).unwrap();
    others.write("conformd.yaml", &text.replace("installation: test", "installation: other"));
    let (daemon, other) = (scene.daemon(), others.daemon());
    let text = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    let address = other.address.to_string();
    scene.write("conformd.yaml", &text.replace("127.0.0.1:0", &address));
    let pid = daemon.program.id().to_string();
    let refused = scene.run(&["reload", "--pid", &pid]).expect(1);
    let whose = "belongs to installation other in account 111111111111";
    assert!(refused.stderr.contains(whose), "{}", refused.text());
    assert!(refused.stdout.is_empty() && refused.stderr.contains("nothing was reloaded"));
    for one in [&daemon, &other] {
        assert!(!one.program.stderr().contains("settings reloaded"), "{}", one.program.stderr());
    }
}

#[test]
fn a_process_that_is_no_daemon_is_not_signaled() {
    let scene = Scene::new();
    let mut sleep = std::process::Command::new("sleep").arg("100").spawn().unwrap();
    let refused = scene.run(&["reload", "--pid", &sleep.id().to_string()]).expect(64);
    let is_alive = sleep.try_wait().unwrap().is_none();
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert!(is_alive, "{}", refused.text());
    assert!(refused.stderr.contains("is sleep, which is not a conformd"), "{}", refused.text());
    scene.declare("keys", 90, BOTH);
    let daemon = scene.daemon();
    let url = format!("http://{}", daemon.address);
    let watch = scene.start(&["status", "--watch", "--daemon", &url]);
    watch.eventually("printed", || (!watch.stdout().is_empty()).then_some(()));
    let refused = scene.run(&["reload", "--pid", &watch.id().to_string()]).expect(64);
    assert!(refused.stderr.contains("not a daemon (conformd run)"), "{}", refused.text());
    watch.signal("INT");
    watch.end();
    daemon.stop().expect(0);
}

#[test]
fn a_reload_reports_its_own_result_and_none_of_an_earlier_one() {
    let scene = Scene::new();
    scene.set(&two_regions(""));
    scene.declare("keys", 90, BOTH);
    let daemon = scene.daemon();
    let settings = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    let pid = daemon.program.id().to_string();
    // The daemon stays where it is when http.listen changes, and says so where it is asked.
    let moved = settings.replace("127.0.0.1:0", "127.0.0.1:1");
    scene.write("conformd.yaml", &moved);
    let lost = scene.run(&["reload", "--pid", &pid]).expect(1);
    assert!(lost.stderr.contains("answers at http://127.0.0.1:1 "), "{}", lost.text());
    assert!(lost.stderr.contains("until it restarts"), "{}", lost.text());
    let url = format!("http://{}", daemon.address);
    let reload = || scene.run(&["reload", "--pid", &pid, "--daemon", &url]);
    for _ in 0..3 {
        scene.write("conformd.yaml", &moved);
        let refused = reload().expect(1);
        assert!(
            refused.stderr.contains("http.listen cannot change while running"),
            "{}",
            refused.text()
        );
        scene.write("conformd.yaml", &settings);
        let done = "the settings were reloaded: nothing changed\n";
        assert_eq!(reload().expect(0).stdout, done);
    }
    daemon.stop().expect(0);
}

#[test]
fn an_apply_of_sixty_columns_stays_readable() {
    let scene = Scene::new();
    scene.set(&two_regions(""));
    scene.declare("keys", 90, BOTH);
    let program = env!("CARGO_BIN_EXE_conformd");
    let line = format!("stty rows 24 cols 60; {program} apply --yes --config conformd.yaml");
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.current_dir(scene.path("")).env("NO_COLOR", "1").stdin(std::process::Stdio::null());
    let said = String::from_utf8(script.output().unwrap().stdout).unwrap();
    let table = said.lines().filter(|line| line.contains(['│', '┌', '╞', '└']));
    for line in table.clone() {
        assert!(line.trim_end().chars().count() <= 60, "{line}");
    }
    assert!(table.count() > 3, "{said}");
    let mut help = command(&scene.path(""));
    help.args(["diff", "--help"]).env("COLUMNS", "60");
    assert!(help.output().unwrap().status.success());
}
