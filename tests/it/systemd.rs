//! What the built program tells its service manager, as such a one hears it.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use crate::support::process::{Daemon, Program, Scene, Settings, command};

/// What was heard so far.
#[derive(Clone)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    /// Listens as long as the test runs.
    fn on(address: &SocketAddr) -> Self {
        let heard = Self(Arc::default());
        let (writing, socket) = (heard.clone(), UnixDatagram::bind_addr(address).unwrap());
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let message = str::from_utf8(buffer.get(..length).unwrap()).unwrap().to_owned();
                writing.0.lock().unwrap().push(message);
            }
        });
        heard
    }

    /// Every line, food for the watchdog and times left out.
    fn story(&self) -> Vec<String> {
        let messages = self.0.lock().unwrap();
        let lines = messages.iter().flat_map(|message| message.lines());
        let (told, dull) = (lines.map(str::to_owned), ["WATCHDOG", "EXTEND_", "MONOTONIC_"]);
        told.filter(|line| !dull.iter().any(|word| line.starts_with(word))).collect()
    }

    fn count(&self, message: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|heard| *heard == message).count()
    }
}

/// One region, and no source yet.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.set(&Settings { regions: "eu-west-1", ..Settings::default() });
    fs::rename(scene.path("packs"), scene.path("elsewhere")).unwrap();
    scene
}

fn start(scene: &Scene, variables: &[(&str, &OsStr)]) -> Program {
    let mut command = command(Path::new(&scene.path("")));
    command.args(["run", "--config", "conformd.yaml"]).envs(variables.iter().copied());
    Program::start(command)
}

#[test]
fn a_request_to_reload_that_comes_before_the_settings_are_read_ends_nothing() {
    let scene = scene();
    let settings = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    fs::remove_file(scene.path("conformd.yaml")).unwrap();
    let fifo = scene.path("conformd.yaml");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let program = start(&scene, &[]);
    // Opening it waits for somebody who reads.
    let mut writer = std::fs::File::options().write(true).open(&fifo).unwrap();
    program.signal("HUP");
    // The reload that was asked for reads the file again.
    fs::remove_file(&fifo).unwrap();
    fs::write(&fifo, &settings).unwrap();
    std::io::Write::write_all(&mut writer, settings.as_bytes()).unwrap();
    drop(writer);
    program.eventually("reloaded", || program.stderr().contains("reloaded").then_some(()));
    program.signal("TERM");
    program.end().expect(0);
}

#[test]
fn a_service_manager_hears_of_start_reload_and_stop() {
    let scene = scene();
    let socket = scene.path("notify");
    let heard = Heard::on(&SocketAddr::from_pathname(&socket).unwrap());
    let program = start(&scene, &[("NOTIFY_SOCKET", socket.as_os_str())]);
    let hears = |what: &str| {
        program.eventually(what, || heard.story().iter().any(|line| line == what).then_some(()));
    };
    // Settings and identity are there, and so is the reason why that is not enough.
    program.eventually("waiting for the source only", || {
        let story = heard.story();
        let last = story.last()?;
        (last.starts_with("STATUS=waiting: the source could not be read") && !last.contains("AWS"))
            .then_some(())
    });
    // A signal of somebody's before that makes nothing ready.
    program.signal("HUP");
    program.eventually("reloaded", || program.stderr().contains("reloaded").then_some(()));
    assert!(!heard.story().iter().any(|line| line == "READY=1"), "{:?}", heard.story());
    scene.declare("keys", 90, "eu-west-1");
    hears("READY=1");
    let daemon = Daemon::starting(program);
    daemon.synced(1);
    let is_synced = || {
        let story = heard.story();
        let last = story.last()?;
        last.starts_with("STATUS=SIMULATED: sync, regions: 1 synced; revision ").then_some(())
    };
    daemon.program.eventually("in sync", is_synced);
    let before = heard.story().len();
    // Settings that are refused leave a daemon that is as ready as before.
    for mode in ["observe", "sink"] {
        scene.set(&Settings { mode, regions: "eu-west-1", ..Settings::default() });
        let readies = || heard.story().iter().filter(|line| *line == "READY=1").count();
        let before = readies();
        daemon.program.signal("HUP");
        daemon.program.eventually("ready again", || (readies() > before).then_some(()));
    }
    daemon.stop().expect(0);
    let story = heard.story().split_off(before);
    let mut story: Vec<&str> = story.iter().map(String::as_str).collect();
    story.retain(|line| !line.starts_with("STATUS=SIMULATED: "));
    let reload = ["RELOADING=1", "READY=1"];
    assert_eq!(story, [&reload[..], &reload, &["STOPPING=1", "STATUS=stopping"]].concat());
}

#[test]
fn a_watchdog_is_fed_three_times_a_span_on_an_abstract_socket_too() {
    let scene = scene();
    let name = format!("conformd-{}", uuid::Uuid::new_v4());
    let heard = Heard::on(&SocketAddr::from_abstract_name(&name).unwrap());
    let socket = format!("@{name}");
    let program = start(
        &scene,
        &[("NOTIFY_SOCKET", OsStr::new(&socket)), ("WATCHDOG_USEC", OsStr::new("300000"))],
    );
    let food = "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=300000";
    program.eventually("fed while starting", || (heard.count(food) >= 3).then_some(()));
    scene.declare("keys", 90, "eu-west-1");
    program.eventually("fed when ready", || (heard.count("WATCHDOG=1") >= 3).then_some(()));
    program.signal("TERM");
    program.end().expect(0);
}

#[test]
fn settings_are_tried_before_a_daemon_is_told_to_reload() {
    let scene = scene();
    let daemon = Daemon::starting(scene.start(&["run"]));
    let pid = daemon.program.id().to_string();
    let reloads = || daemon.program.stderr().matches("reloaded").count();
    scene.set(&Settings { mode: "sink", ..Settings::default() });
    let ended = scene.run(&["reload", "--pid", &pid]).expect(78);
    assert!(ended.stderr.contains("sink"), "{}", ended.stderr);
    assert_eq!(reloads(), 0);
    scene.set(&Settings { mode: "observe", ..Settings::default() });
    // By these settings, which have port 0, the command cannot find the daemon.
    let ended = scene.run(&["reload", "--pid", &pid]).expect(1);
    assert!(ended.stderr.contains("no daemon of these settings answers"), "{}", ended.stderr);
    assert_eq!(reloads(), 0);
    let url = format!("http://{}", daemon.address);
    scene.run(&["reload", "--pid", &pid, "--daemon", &url]).expect(0);
    assert_eq!(reloads(), 1);
    daemon.stop().expect(0);
    let ended = scene.run(&["reload", "--pid", &pid]).expect(64);
    assert!(ended.stderr.contains(&format!("there is no process {pid}")), "{}", ended.stderr);
    scene.run(&["reload", "--pid", "0"]).expect(64);
}

#[test]
fn a_wrong_command_line_ends_with_64() {
    scene().alone(&["run", "--every-now-and-then"]).expect(64);
}

#[test]
fn the_daemon_leaves_no_core() {
    let scene = scene();
    let daemon = Daemon::starting(scene.start(&["run"]));
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.program.id())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
    daemon.stop().expect(0);
}
