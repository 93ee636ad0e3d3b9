//! What all commands have in common: colors, closed pipes, exit codes of misspelt names.

use std::process::{Command, Stdio};

use crate::support::process::{Program, Scene, Settings, command};

const BOTH: &str = "us-east-1, eu-west-1";

fn declared() -> Scene {
    let scene = Scene::new();
    scene.set(&Settings { regions: BOTH, ..Settings::default() });
    scene.declare("keys", 90, BOTH);
    scene
}

/// The exit code and stderr of the program when nothing reads what it prints.
fn unread(scene: &Scene, arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(&scene.path(""));
    command.args(arguments).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
    let ended = command.spawn().unwrap().wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn a_reader_that_closes_the_pipe_causes_no_error_and_changes_no_exit_code() {
    let scene = declared();
    let commands: [(&[&str], i32); 8] = [
        (&["--help"], 0),
        (&["help", "plan"], 0),
        (&["completions", "bash"], 0),
        (&["schema"], 0),
        (&["validate", "packs"], 0),
        (&["plan", "--config", "conformd.yaml"], 0),
        (&["plan", "--detailed-exitcode", "--config", "conformd.yaml"], 2),
        (&["apply", "--yes", "--config", "conformd.yaml"], 0),
    ];
    for (arguments, code) in commands {
        let (ended, stderr) = unread(&scene, arguments);
        assert_eq!((ended, stderr.as_str()), (Some(code), ""), "{arguments:?}");
    }
    assert_eq!(scene.aws.packs(), ["eu-west-1/keys", "us-east-1/keys"]);
}

#[test]
fn an_output_without_an_end_ends_when_its_reader_closes_the_pipe() {
    let scene = Scene::new();
    let arguments = ["demo", "--speed", "600", "--listen", "127.0.0.1:0"];
    assert_eq!(unread(&scene, &arguments), (Some(0), String::new()));
}

#[test]
fn the_settings_of_the_demo_serve_every_command() {
    let scene = Scene::new();
    let mut demo = command(&scene.path(""));
    demo.args(["demo", "--speed", "60", "--listen", "127.0.0.1:0"]);
    let demo = Program::start(demo);
    let folder = demo.eventually("opened", || {
        let said = demo.stdout();
        let (_, after) = said.split_once("manifests      ")?;
        Some(after.split_once("/packs ")?.0.to_owned())
    });
    let settings = format!("{folder}/demo.yaml");
    for arguments in [&["plan"] as &[&str], &["diff"], &["check"]] {
        let ended = scene.alone(&[arguments, &["-c", &settings]].concat()).expect(0);
        assert!(ended.stdout.contains("SIMULATED"), "{}", ended.text());
    }
    demo.signal("INT");
    demo.end().expect(0);
}

#[test]
fn the_option_for_colors_counts_more_than_terminal_and_environment() {
    let scene = declared();
    let green = "\u{1b}[32m  + keys create";
    let always = scene.run(&["plan", "--color", "always"]).expect(0).stdout;
    assert!(always.contains(green), "{always}");
    let auto = scene.run(&["plan", "--color", "auto"]).expect(0).stdout;
    assert!(!auto.contains('\u{1b}'), "{auto}");
    let mut forced = command(&scene.path(""));
    forced.args(["plan", "--config", "conformd.yaml", "--color=always"]).env("NO_COLOR", "1");
    let forced = String::from_utf8(forced.output().unwrap().stdout).unwrap();
    assert!(forced.contains(green), "{forced}");
    let program = env!("CARGO_BIN_EXE_conformd");
    let line = format!("{program} --color never plan --config conformd.yaml");
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    terminal.current_dir(scene.path("")).stdin(Stdio::null());
    let never = String::from_utf8(terminal.output().unwrap().stdout).unwrap();
    assert!(never.contains("  + keys create") && !never.contains('\u{1b}'), "{never}");
    let help = |color: &str| scene.alone(&["plan", "--help", "--color", color]).expect(0).stdout;
    assert!(help("always").contains('\u{1b}') && !help("never").contains('\u{1b}'));
    scene.alone(&["plan", "--color", "sometimes"]).expect(64);
}

#[test]
fn a_misspelt_region_is_an_error_of_the_command_line_and_the_right_one_is_suggested() {
    let scene = declared();
    let commands: [&[&str]; 7] = [
        &["status", "eu-wset-1"],
        &["status", "eu-wset-1", "--direct"],
        &["plan", "--region", "eu-wset-1"],
        &["apply", "--yes", "--region", "eu-wset-1"],
        &["approve", "--region", "eu-wset-1"],
        &["diff", "--region", "eu-wset-1"],
        &["history", "--region", "eu-wset-1"],
    ];
    for arguments in commands {
        let ended = scene.run(arguments).expect(64);
        assert!(ended.stderr.contains("did you mean eu-west-1?"), "{}", ended.text());
        assert!(ended.stdout.is_empty(), "{}", ended.text());
    }
    let daemon = scene.daemon();
    let url = format!("http://{}", daemon.address);
    let asked = scene.run(&["status", "eu-wset-1", "--daemon", &url]).expect(64);
    assert!(asked.stderr.contains("did you mean eu-west-1?"), "{}", asked.text());
}

#[test]
fn a_misspelt_command_or_option_is_answered_with_the_right_one() {
    let scene = Scene::new();
    for (arguments, right) in [
        (&["paln"] as &[&str], "'plan'"),
        (&["plan", "--detailed-exit-code"], "'--detailed-exitcode'"),
        (&["plan", "--output", "jsno"], "'json'"),
    ] {
        let ended = scene.alone(arguments).expect(64);
        assert!(ended.stderr.contains(right), "{}", ended.text());
    }
}
