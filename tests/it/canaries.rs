//! Secrets that sing: with a canary wherever a secret can be, the program is run through its
//! commands, its errors and its routes at the finest log, and nothing that it shows may hold one.

#![expect(clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use serde_json::json;

use crate::support::process::{Daemon, Ended, INSTANT, Program, Scene, Settings, command};

/// What must not be shown, by what it is. Signs that encodings change are among its characters.
const CANARIES: [(&str, &str); 8] = [
    ("secret key of the environment", "cnry/Env+Secret/Key=0123456789abcdefghij"),
    ("session token of the environment", "cnry/Env+Session/Token=56789abcdefghijklm"),
    ("secret key of a profile", "cnry/Profile+Secret/Key=456789abcdefghijk"),
    ("session token of a profile", "cnry/Profile+Session/Token=9abcdefghijklmn"),
    ("token of the API", "cnry/Api+Token=0123456789abcdefghijklmnop"),
    ("external id", "cnry-external-id-0123456789abcdefghijklm"),
    ("parameter value", "cnry Parameter/Value+0123456789abcdefghi"),
    ("password in an address", "cnry-Password-0123456789abcdefghijklmnop"),
];

fn canary(what: &str) -> &'static str {
    CANARIES.iter().find(|(name, _)| *name == what).unwrap().1
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The characters of base64 that depend on these bytes alone, when so many others come before.
fn base64(bytes: &[u8], before: usize) -> String {
    let bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let skipped = [0, 4, 2][before % 3];
    let sextets = bits[skipped..].chunks_exact(6);
    let number = |bits: &[bool]| bits.iter().fold(0, |sum, bit| sum * 2 + usize::from(*bit));
    sextets.map(|bits| char::from(BASE64[number(bits)])).collect()
}

/// The forms in which a text might be shown.
fn forms(canary: &str) -> BTreeSet<String> {
    let digit = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap();
    let hex: String =
        canary.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let percent = |is_plain: fn(u8) -> bool| -> String {
        let byte = |byte: u8| match byte {
            byte if is_plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        canary.bytes().map(byte).collect()
    };
    let encoded = percent(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    let plain = [
        canary.to_owned(),
        canary.replace(' ', "+"),
        canary.replace('/', "\\/"),
        canary.replace('/', "&#x2F;"),
        encoded.replace("%20", "+"),
        encoded.to_lowercase(),
        encoded,
        percent(|byte| byte != b' '),
        hex.to_uppercase(),
        hex,
    ];
    let coded = (0..3).map(|before| base64(canary.as_bytes(), before));
    let safe = coded.clone().map(|text| text.replace('+', "-").replace('/', "_"));
    plain.into_iter().chain(coded).chain(safe).collect()
}

/// Fails when a text shows a canary in any form.
fn silent(whence: &str, text: &str, but: &[&str]) {
    for (what, canary) in CANARIES.iter().filter(|(what, _)| !but.contains(what)) {
        for form in forms(canary) {
            let near = text.lines().find(|line| line.contains(&form));
            assert!(near.is_none(), "{whence} shows the {what}: {}", near.unwrap());
        }
        // Half of a secret is a secret too.
        let half = &canary[..24];
        assert!(!text.contains(half), "{whence} shows half of the {what}");
    }
}

#[test]
fn a_canary_is_heard_in_every_form() {
    // `echo -n 'x canary' | base64`, and so on.
    assert!("eCBjYW5hcnk=".contains(&base64(b"canary", 2)[..6]));
    assert!("Y2FuYXJ5".contains(&base64(b"canary", 0)));
    assert!("eGNhbmFyeQ==".contains(&base64(b"canary", 1)[..6]));
    assert!(forms("a/b c").contains("a%2Fb%20c") && forms("a/b").contains("612f62"));
}

/// Where the credentials are.
#[derive(Debug, Clone, Copy)]
enum Whence {
    Environment,
    Profile,
}

/// A scene whose settings, manifests and credentials hold the canaries.
struct Aviary {
    scene: Scene,
    whence: Whence,
}

const PARAMETERS: &str = "us-east-1, eu-west-1";

impl Aviary {
    fn new(whence: Whence) -> Self {
        let external = canary("external id");
        let scenario = format!(
            "{INSTANT}  joining: {{retry: 5m}}\n\
             roles: [{{name: Probe, externalId: \"{external}\"}}]\n\
             script:\n  \
               - do: {{join: {{id: \"444444444444\", name: new, joined: -5h, recorder: missing}}}}\n",
        );
        let scene = Scene::on(&scenario);
        scene.set(&Settings {
            regions: PARAMETERS,
            more: format!("recorderProbe: {{roleName: Probe, externalId: \"{external}\"}}\n"),
            ..Settings::default()
        });
        let settings = fs::read_to_string(scene.path("conformd.yaml")).unwrap();
        let from = settings.find("    credentials:").unwrap();
        let to = from + settings[from..].find('\n').unwrap() + 1;
        let settings = format!("{}{}", &settings[..from], &settings[to..])
            .replace("tokenFile: http-token", "tokenFile: token");
        let settings = match whence {
            Whence::Environment => settings,
            Whence::Profile => settings.replace("aws:\n", "aws:\n  profile: canary\n"),
        };
        scene.write("conformd.yaml", &settings);
        scene.write("token", canary("token of the API"));
        scene.write("config", "[default]\nregion = eu-west-1\n");
        scene.write("credentials", &profile("AKIASIM111111111111"));
        declare(&scene, "keys");
        Self { scene, whence }
    }

    fn command(&self, arguments: &[&str], format: &str) -> Command {
        let mut command = command(&self.scene.path(""));
        command.args(arguments).args(["--log-format", format, "--log-level"]);
        // `trace` itself leaves libraries at `warn`.
        command.arg("trace,conformd=trace,aws_sigv4=trace,aws_smithy_runtime=trace");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("RUST_BACKTRACE", "full");
        let password = canary("password in an address");
        command.env("HTTPS_PROXY", format!("http://example:{password}@127.0.0.1:9"));
        match self.whence {
            Whence::Environment => command
                .env("AWS_ACCESS_KEY_ID", "AKIASIM111111111111")
                .env("AWS_SECRET_ACCESS_KEY", canary("secret key of the environment"))
                .env("AWS_SESSION_TOKEN", canary("session token of the environment")),
            Whence::Profile => command
                .env("AWS_CONFIG_FILE", self.scene.path("config"))
                .env("AWS_SHARED_CREDENTIALS_FILE", self.scene.path("credentials")),
        };
        command
    }

    /// Runs a command to its end; what it shows is silent but for these.
    fn silent(&self, arguments: &[&str], but: &[&str]) -> Ended {
        let mut last = None;
        for format in ["text", "json"] {
            let ended = Program::start(self.command(arguments, format)).end();
            silent(&format!("{arguments:?} on stderr"), &ended.stderr, &[]);
            silent(&format!("{arguments:?} on stdout"), &ended.stdout, but);
            last = Some(ended);
        }
        last.unwrap()
    }
}

fn profile(key: &str) -> String {
    let (secret, token) = (canary("secret key of a profile"), canary("session token of a profile"));
    format!(
        "[canary]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n\
         aws_session_token = {token}\n"
    )
}

/// A pack whose parameter holds a canary.
fn declare(scene: &Scene, name: &str) {
    scene.declare(name, 90, PARAMETERS);
    let path = format!("packs/{name}.yaml");
    let text = fs::read_to_string(scene.path(&path)).unwrap();
    scene.write(&path, &text.replace("Age: \"90\"", &format!("Age: \"{}\"", value(name))));
}

fn value(name: &str) -> String {
    format!("{} {name}", canary("parameter value"))
}

/// Values are for who asks for a plan (decision 001).
const SHOWN: &[&str] = &["parameter value"];

const WITH: [&str; 2] = ["--config", "conformd.yaml"];

#[test]
fn no_command_shows_a_secret() {
    for whence in [Whence::Environment, Whence::Profile] {
        let aviary = Aviary::new(whence);
        let run = |arguments: &[&str], but: &[&str], code: i32| {
            aviary.silent(&[arguments, &WITH].concat(), but).expect(code)
        };
        aviary.silent(&["validate", "packs"], &[]).expect(0);
        aviary.silent(&[&["check"][..], &WITH].concat(), &[]);
        aviary.silent(&[&["check", "-o", "json"][..], &WITH].concat(), &[]);
        run(&["plan", "-o", "json"], &[], 0);
        let plan = run(&["plan"], SHOWN, 0);
        assert!(plan.stdout.contains(canary("parameter value")), "the canary was not there");
        // AWS quotes the value that it refuses.
        let words = format!("Value '{}' failed to satisfy constraint", value("keys"));
        let effect = json!({"kind": "error", "code": "ValidationException", "message": words});
        aviary
            .scene
            .aws
            .disturb(&json!({"operation": "PutOrganizationConformancePack", "effect": effect}));
        let refused = run(&["apply", "--yes", "--wait", "1s"], SHOWN, 1);
        assert!(refused.stderr.contains("failed to satisfy constraint"), "{}", refused.text());
        aviary.scene.aws.heal();
        run(&["apply", "--yes", "--wait", "1s"], SHOWN, 0);
        for arguments in [&["status"][..], &["status", "-o", "json"], &["explain", "444444444444"]]
        {
            aviary.silent(&[arguments, &["--direct"], &WITH].concat(), &[]);
        }
    }
}

#[test]
fn no_error_shows_a_secret() {
    let aviary = Aviary::new(Whence::Profile);
    let password = canary("password in an address");
    let settings = fs::read_to_string(aviary.scene.path("conformd.yaml")).unwrap();
    let fails = |commands: &[&str], text: &str, words: &str| {
        aviary.scene.write("conformd.yaml", text);
        for command in commands {
            let ended = aviary.silent(&[&[*command][..], &WITH].concat(), &[]);
            assert_ne!(ended.code, Some(0), "{}", ended.text());
            assert!(ended.stderr.contains(words), "{words}: {}", ended.text());
        }
    };
    // An address with a password, and keys for a stand-in in settings that are wrong elsewhere.
    let line = settings.lines().find(|line| line.contains("url: http")).unwrap();
    let guest = line.replace("http://", &format!("http://example:{password}@"));
    let both = &["run", "plan"];
    fails(both, &settings.replace(line, &guest), "endpoint-not-local");
    let secret = canary("secret key of the environment");
    let keys = format!("{line}\n    credentials: {{accessKeyId: 5, secretAccessKey: {secret}}}");
    fails(both, &settings.replace(line, &keys), "aws.endpoint.credentials.accessKeyId");
    // Credentials of somebody else, that AWS refuses, and that are not there.
    let other = settings.replace("111111111111", "222222222222");
    fails(both, &other, "the credentials in use are of account 111111111111");
    aviary.scene.write("conformd.yaml", &settings);
    let refused = json!({"effect": {"kind": "expired_credentials"}});
    aviary.scene.aws.disturb(&refused);
    aviary.silent(&[&["plan"][..], &WITH].concat(), &[]).expect(1);
    aviary.silent(&[&["check"][..], &WITH].concat(), &[]).expect(1);
    aviary.scene.aws.heal();
    // The daemon waits for credentials to come.
    fails(&["plan"], &settings.replace("profile: canary", "profile: nobody"), "credentials");
    // A token that is too short to be one is shown no more than a long one.
    aviary.scene.write("token", &canary("token of the API")[..15]);
    aviary.scene.write("conformd.yaml", &settings);
    let short = Program::start(aviary.command(&[&["run"][..], &WITH].concat(), "text")).end();
    assert!(short.stderr.contains("fewer than 16"), "{}", short.text());
    assert!(!short.expect(78).stderr.contains(&canary("token of the API")[..15]));
    // An endpoint of the environment.
    let at = settings.find("  endpoint:").unwrap();
    let real = format!("{}{}", &settings[..at], &settings[settings.find("source:").unwrap()..]);
    aviary.scene.write("conformd.yaml", &real.replace("region: 1h", "region: 15m"));
    let mut command = aviary.command(&[&["plan"][..], &WITH].concat(), "text");
    let endpoint = format!("http://example:{password}@{}", aviary.scene.aws.address);
    let ended = Program::start({
        command.env("AWS_ENDPOINT_URL", endpoint);
        command
    });
    let ended = ended.end();
    assert!(ended.stderr.contains("AWS_ENDPOINT_URL"), "{}", ended.text());
    silent("a hidden endpoint", &ended.text(), &[]);
}

/// One request with this header, and all of the answer.
fn exchange(address: SocketAddr, line: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Every route that the daemon has, filled in; its own metrics list them all.
fn pages(daemon: &Daemon) -> BTreeSet<String> {
    let metrics = daemon.get("/metrics").unwrap().body;
    let labels = metrics.split("route=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let filled = labels.filter(|label| label.starts_with('/')).map(|label| {
        let filled = label.replace("{id}", "444444444444").replace("{account}", "444444444444");
        filled.replace("{region}", "eu-west-1").replace("{pack}", "keys")
    });
    // The pages for people are one label, and lead to each other.
    let (mut known, mut open) = (filled.collect::<BTreeSet<String>>(), vec!["/".to_owned()]);
    while let Some(page) = open.pop() {
        let html = daemon.get(&page).unwrap().body;
        let links =
            html.split("href=\"/").skip(1).map(|rest| rest.split(['"', '#']).next().unwrap());
        let links = links.map(|link| format!("/{link}").replace("&amp;", "&"));
        open.extend(links.filter(|link| known.insert(link.clone()) && !link.contains("/api/")));
        known.insert(page);
    }
    known
}

#[test]
fn neither_the_daemon_nor_any_of_its_pages_shows_a_secret() {
    for (whence, format) in [(Whence::Environment, "json"), (Whence::Profile, "text")] {
        let aviary = Aviary::new(whence);
        let words = format!("Value '{}' failed to satisfy constraint", value("other"));
        let effect = json!({"kind": "error", "code": "ValidationException", "message": words});
        let program = Program::start(aviary.command(&[&["run"][..], &WITH].concat(), format));
        let address = program.eventually("listening", || {
            let log = program.stderr();
            let line = log.lines().find(|line| line.contains("listening"))?.to_owned();
            let at = line.find("127.0.0.1:")?;
            line[at..].split(['"', ' ']).next()?.parse().ok()
        });
        let daemon = Daemon { program, address };
        let token = canary("token of the API");
        let ring = |token: &str| {
            let header = format!("Authorization: Bearer {token}\r\n");
            exchange(address, "POST /api/v1/reconcile", &header)
        };
        let has_put = || {
            assert!(ring(token).contains(" 202 "));
            (aviary.scene.aws.packs().len() == 2).then_some(())
        };
        daemon.program.eventually("put", has_put);
        aviary
            .scene
            .aws
            .disturb(&json!({"operation": "PutOrganizationConformancePack", "effect": effect}));
        declare(&aviary.scene, "other");
        daemon.program.eventually("refused", || {
            assert!(ring(token).contains(" 202 "));
            daemon.program.stderr().contains("step refused").then_some(())
        });
        daemon.program.eventually("probed", || {
            daemon.program.stderr().contains("recorders probed").then_some(())
        });
        assert!(ring(&format!("{token}x")).contains(" 401 "));
        let pages = pages(&daemon);
        assert!(pages.len() > 8, "{pages:?}");
        for page in pages {
            for query in ["", "?format=text", "?status=failed"] {
                let query = if page.contains('?') { query.replace('?', "&") } else { query.into() };
                let answer = exchange(address, &format!("GET {page}{query}"), "");
                silent(&format!("GET {page}{query}"), &answer, &[]);
            }
        }
        daemon.program.signal("HUP");
        let ended = daemon.stop().expect(0);
        silent("the log of the daemon", &ended.stderr, &[]);
        silent("the daemon on stdout", &ended.stdout, &[]);
        assert!(ended.stderr.lines().count() > 200, "the log was not fine");
    }
}

#[test]
fn what_a_panic_could_print_of_the_settings_holds_no_key() {
    let scene = Scene::new();
    let settings = fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    let secret = canary("secret key of the environment");
    let settings = settings.replace("secretAccessKey: any", &format!("secretAccessKey: {secret}"));
    scene.write("conformd.yaml", &settings);
    let loaded = conformd::config::load(&scene.path("conformd.yaml")).unwrap();
    let token = conformd::http::BearerToken::new(canary("token of the API")).unwrap();
    silent("Debug", &format!("{:?} {token:?}", loaded.config), &[]);
}
