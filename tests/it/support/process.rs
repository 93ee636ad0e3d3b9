//! What the tests of the built program share: a simulated AWS on a thread of its own, a folder with
//! settings and manifests, and the program as a user starts it.
//!
//! The simulator's clock runs in real time here, since the program goes by the machine's; what AWS
//! needs hours for takes no time at all.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test of processes waits in real time, and what is not there fails it"
)]

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use conformd::clock::Clock;
use conformd::domain::base::model::Timestamp;
use conformd::sim::http::serve;
use conformd::sim::scenario::Scenario;
use conformd::sim::simulation::Simulation;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Three accounts, three regions, and an AWS that does at once what it is asked.
pub(crate) const INSTANT: &str = r#"
regions: [us-east-1, eu-west-1, ap-southeast-2]
accounts:
  - {id: "111111111111", name: management}
  - {id: "222222222222", name: security}
  - {id: "333333333333", name: workload}
knobs:
  lag: {packs: 0s, statuses: 0s, rows: 0s}
  fanOut: {delay: 0s, duration: 0s, removal: 0s, parallelism: 100}
"#;

/// Between two looks at something that is awaited.
const STEP: Duration = Duration::from_millis(50);
/// Whatever is awaited comes within this time on the slowest machine, or never.
const LIMIT: Duration = Duration::from_mins(2);

/// Waits until `look` finds something; `None` when it never did.
pub(crate) fn await_some<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        match look() {
            None if started.elapsed() < LIMIT => thread::sleep(STEP),
            found => return found,
        }
    }
}

/// A simulated AWS.
pub(crate) struct Aws {
    pub(crate) address: SocketAddr,
    simulation: Simulation,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Aws {
    pub(crate) fn start(scenario: &str) -> Self {
        let scenario = Scenario::parse("test.yaml", scenario, Clock::system().now()).unwrap();
        let stop = CancellationToken::new();
        let (end, (tell, told)) = (stop.clone(), mpsc::channel());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
                let listener = listener.unwrap();
                let simulation = Simulation::new(&scenario, 1);
                tell.send((listener.local_addr().unwrap(), simulation.clone())).unwrap();
                serve(listener, simulation, scenario.options, end).await;
            });
        });
        let (address, simulation) = told.recv().unwrap();
        Self { address, simulation, stop, thread: Some(thread) }
    }

    /// The time over there.
    pub(crate) fn now(&self) -> Timestamp {
        self.simulation.clock().now()
    }

    /// A call of the control API.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = ask(self.address, method, &format!("/_sim/{path}"), &body).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// Disturbs what fits this rule until [`Aws::heal`].
    pub(crate) fn disturb(&self, rule: &Value) {
        self.control("POST", "faults", &json!({ "rule": rule }));
    }

    pub(crate) fn heal(&self) {
        self.control("DELETE", "faults", &Value::Null);
    }

    /// The number of the last request so far.
    pub(crate) fn mark(&self) -> u64 {
        self.requests(0).last().map_or(0, |request| request.number)
    }

    /// Every request after this one, other writers' left out.
    pub(crate) fn requests(&self, after: u64) -> Vec<Request> {
        let log = self.control("GET", &format!("requests?after={after}"), &Value::Null);
        let entries = log["requests"].as_array().unwrap().iter();
        entries.filter(|entry| entry["origin"] == "client").map(Request::of).collect()
    }

    /// The Puts and Deletes after this request, as `Put name region`, sorted.
    pub(crate) fn mutations(&self, after: u64) -> Vec<String> {
        let requests = self.requests(after).into_iter().filter(|request| request.mutating);
        let mut mutations: Vec<String> = requests.map(|request| request.text()).collect();
        mutations.sort_unstable();
        mutations
    }

    /// Every pack there is, as `region/name`, sorted.
    pub(crate) fn packs(&self) -> Vec<String> {
        let world = self.control("GET", "world", &Value::Null);
        let name = |pack: &Value| format!("{}/{}", text(&pack["region"]), text(&pack["name"]));
        let mut packs: Vec<String> = world["packs"].as_array().unwrap().iter().map(name).collect();
        packs.sort_unstable();
        packs
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || ended.is_none_or(|ended| ended.is_ok()));
    }
}

/// One line of the simulator's request log.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) operation: String,
    pub(crate) region: String,
    pub(crate) subject: String,
    pub(crate) mutating: bool,
}

impl Request {
    fn of(entry: &Value) -> Self {
        Self {
            number: entry["number"].as_u64().unwrap(),
            at: text(&entry["at"]).parse().unwrap(),
            operation: text(&entry["operation"]).to_owned(),
            region: text(&entry["region"]).to_owned(),
            subject: entry["subject"].as_str().unwrap_or_default().to_owned(),
            mutating: entry["mutating"].as_bool().unwrap(),
        }
    }

    fn text(&self) -> String {
        let verb = self.operation.trim_end_matches("OrganizationConformancePack");
        format!("{verb} {} {}", self.region, self.subject)
    }
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// One request on a connection of its own.
/// Lets a test ask for a reconciliation.
const TOKEN: &str = "a-token-that-nobody-guesses";

pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut seen = String::new();
    stream.read_to_string(&mut seen)?;
    let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = seen.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { status: status.ok_or_else(broken)?, body: body.to_owned() })
}

/// The settings that tests vary.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) mode: &'static str,
    pub(crate) regions: &'static str,
    pub(crate) account: &'static str,
    /// Of the source and of the regions.
    pub(crate) intervals: (&'static str, &'static str),
    /// Further sections, as YAML.
    pub(crate) more: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: "sync",
            regions: "us-east-1, eu-west-1, ap-southeast-2",
            account: "111111111111",
            intervals: ("1s", "1h"),
            more: String::new(),
        }
    }
}

impl Settings {
    fn text(&self, aws: SocketAddr) -> String {
        let Self { mode, regions, account, intervals: (source, region), more } = self;
        format!(
            "installation: test\n\
             mode: {mode}\n\
             aws:\n  \
               expectedAccountId: \"{account}\"\n  \
               regions: [{regions}]\n  \
               endpoint:\n    \
                 url: http://{aws}\n    \
                 credentials: {{accessKeyId: AKIASIM111111111111, secretAccessKey: any}}\n\
             source: {{directory: {{root: ., path: packs}}}}\n\
             intervals: {{source: {source}, region: {region}}}\n\
             limits: {{readsPerSecond: 100, burst: 1000, inFlight: 8}}\n\
             http: {{listen: \"127.0.0.1:0\", tokenFile: http-token}}\n\
             {more}"
        )
    }
}

/// A folder with settings and manifests, and an AWS for them.
pub(crate) struct Scene {
    folder: TempDir,
    pub(crate) aws: Aws,
}

impl Scene {
    /// An instant AWS, the default settings, and no manifest.
    pub(crate) fn new() -> Self {
        Self::on(INSTANT)
    }

    pub(crate) fn on(scenario: &str) -> Self {
        let scene = Self { folder: TempDir::new().unwrap(), aws: Aws::start(scenario) };
        scene.set(&Settings::default());
        scene.write("http-token", TOKEN);
        fs::set_permissions(scene.path("http-token"), Permissions::from_mode(0o400)).unwrap();
        fs::create_dir(scene.path("packs")).unwrap();
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn set(&self, settings: &Settings) {
        self.write("conformd.yaml", &settings.text(self.aws.address));
    }

    /// Declares a pack of one rule with a parameter.
    pub(crate) fn declare(&self, name: &str, age: u32, regions: &str) {
        self.write(&format!("packs/{name}.yaml"), &manifest(name, age, regions));
    }

    /// Runs the program with the scene's settings to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// Runs the program without any settings to its end.
    pub(crate) fn alone(&self, arguments: &[&str]) -> Ended {
        let mut command = command(self.folder.path());
        command.args(arguments);
        Program::start(command).end()
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        let mut command = command(self.folder.path());
        command.args(arguments).args(["--config", "conformd.yaml"]);
        Program::start(command)
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn daemon(&self) -> Daemon {
        let daemon = Daemon::starting(self.start(&["run"]));
        daemon.program.eventually("ready", || {
            daemon.get("/readyz").is_ok_and(|answer| answer.status == 200).then_some(())
        });
        daemon
    }
}

/// A manifest of a pack with one rule, whose age is its parameter.
pub(crate) fn manifest(name: &str, age: u32, regions: &str) -> String {
    format!(
        "apiVersion: conformd.io/v1alpha1\n\
         kind: OrganizationConformancePack\n\
         metadata: {{name: {name}}}\n\
         spec:\n  \
           template:\n    \
             inline: |\n      \
               Parameters:\n        \
                 Age: {{Type: String, Default: '90'}}\n      \
               Resources:\n        \
                 Keys:\n          \
                   Type: AWS::Config::ConfigRule\n          \
                   Properties:\n            \
                     ConfigRuleName: {name}\n            \
                     Source: {{Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}}\n            \
                     InputParameters: {{maxAccessKeyAge: !Ref Age}}\n  \
           parameters: {{Age: \"{age}\"}}\n  \
           regions: [{regions}]\n"
    )
}

/// The built program, in this folder and with an environment that holds nothing else.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformd"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("TMPDIR", folder);
    command
}

/// The program, running.
pub(crate) struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    started: Instant,
}

/// What the program has written so far, and the thread that reads it.
struct Lines(Arc<Mutex<String>>, Option<JoinHandle<()>>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let writing = Arc::clone(&text);
        let read = move || {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|length| length > 0) {
                writing.lock().unwrap().push_str(&line);
                line.clear();
            }
        };
        Self(text, Some(thread::spawn(read)))
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn whole(&mut self) -> String {
        self.1.take().map(JoinHandle::join).unwrap().unwrap();
        self.text()
    }
}

/// The program, ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Code, answer and log together, for a snapshot.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let code = self.code.map_or("killed".to_owned(), |code| code.to_string());
        writeln!(text, "exit {code}").unwrap();
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                writeln!(text, "--- {name}\n{}", stream.trim_end()).unwrap();
            }
        }
        text
    }

    /// Fails unless the program ended with this code.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.text());
        self
    }
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr, started: Instant::now() }
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until `look` finds something, and fails with the program's log when it never does.
    pub(crate) fn eventually<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        await_some(look).unwrap_or_else(|| {
            panic!("never {what}\n{}\n{}", self.stdout(), self.stderr());
        })
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let status = await_some(|| self.child.try_wait().unwrap());
        if status.is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
        let (stdout, stderr) = (self.stdout.whole(), self.stderr.whole());
        let code = status.and_then(|status| status.code());
        Ended { code, stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that fails leaves no process behind; one that has ended is not there any more.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

/// The daemon, with its own server.
pub(crate) struct Daemon {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
}

impl Daemon {
    /// Waits until the program says where it listens.
    pub(crate) fn starting(program: Program) -> Self {
        let address = program.eventually("listening", || {
            let log = program.stderr();
            let (_, address) = log.split_once("listening address=")?;
            address.lines().next()?.parse().ok()
        });
        Self { program, address }
    }

    pub(crate) fn get(&self, path: &str) -> io::Result<Answer> {
        ask(self.address, "GET", path, "")
    }

    pub(crate) fn status(&self) -> Value {
        self.get("/api/v1/status").unwrap().json()
    }

    /// The value of one series; `None` when there is no such series.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics").unwrap().body;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(value.parse().unwrap())
    }

    /// Lets these regions look again, and waits until each has looked and done what was to be done.
    pub(crate) fn look_again(&self, regions: &[&str]) {
        // The daemon's reports have AWS's time, which is a little off the machine's.
        let asked: Timestamp = self.status()["now"].as_str().unwrap().parse().unwrap();
        self.ask_now();
        self.program.eventually("looked again", || {
            let status = self.status();
            let has_looked = |region: &&str| {
                let started = status["regions"][region]["report"]["started"].as_str();
                started.is_some_and(|started| started.parse::<Timestamp>().unwrap() >= asked)
            };
            regions.iter().all(has_looked).then_some(())
        });
    }

    /// Has it look until every region holds what is wanted and nothing is under way.
    pub(crate) fn synced(&self, regions: u64) {
        self.program.eventually("in sync", || {
            let totals = &self.status()["totals"];
            let is_synced =
                totals["regions"]["synced"] == regions && totals["health"]["progressing"] == 0;
            // By itself it would give AWS 30 s to show what was put.
            if !is_synced {
                self.ask_now();
            }
            is_synced.then_some(())
        });
    }

    /// Asks it to look at everything now.
    pub(crate) fn ask_now(&self) {
        let count = ask(self.address, "POST", "/api/v1/reconcile", "").unwrap();
        assert_eq!(count.status, 202, "{}", count.body);
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(self) -> Ended {
        self.program.signal("TERM");
        self.program.end()
    }
}
