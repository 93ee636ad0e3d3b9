//! The policies that `conformd iam-policy` prints: they allow what the program calls and nothing
//! else, proven by running the program with them in force.

#![expect(clippy::indexing_slicing, reason = "what is not there fails a test")]

mod evaluate;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use conformd::clock::Clock;
use conformd::cloud::Op;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::Region;
use conformd::domain::base::partition::Partition;
use conformd::domain::present::iam_policy;
use conformd::domain::present::iam_policy::{
    Duties, Grant, Need, PolicyDocument, PolicyEffect, PolicyScope, ProbePermission, Trust,
    WITHOUT_OP, grant,
};
use serde_json::Value;
use strum::IntoEnumIterator as _;

use self::evaluate::{Asked, Decision, Policy};
use crate::support::process::{Daemon, Program, Scene, Settings, command, manifest, text};

const NEEDS: [Need; 4] = [Need::Units, Need::Tags, Need::DeliveryBucket, Need::TrustedAccess];

fn scope(regions: &[&str]) -> PolicyScope {
    let regions: BTreeSet<Region> = regions.iter().map(|region| region.parse().unwrap()).collect();
    PolicyScope {
        partition: Partition::of_all(&regions).unwrap(),
        account: "111122223333".parse().unwrap(),
        regions,
        name_prefix: None,
    }
}

/// Everything that can be asked for in this mode.
fn everything(mode: Mode) -> Duties {
    let organization = Some("o-a1b2c3d4e5".parse().unwrap());
    let probe =
        Some(ProbePermission { role: "conformd/RecorderProbe".parse().unwrap(), organization });
    Duties { mode, needs: NEEDS.into(), probe }
}

fn allowed(document: &PolicyDocument) -> BTreeSet<String> {
    let open = document.statements().iter().filter(|one| one.effect() == PolicyEffect::Allow);
    open.flat_map(|statement| statement.actions().to_vec()).collect()
}

fn action(op: Op) -> String {
    format!("{}:{op}", op.service())
}

#[test]
fn every_operation_has_an_action_and_every_action_an_operation_or_a_reason() {
    let whole = iam_policy::daemon(&scope(&["eu-west-1"]), &everything(Mode::Sync)).unwrap();
    let mut open = allowed(&whole);
    open.extend(allowed(&iam_policy::probe().unwrap()));
    let needed = Op::iter().filter(|op| grant(*op) == Grant::Action).map(action);
    let reasoned = WITHOUT_OP.into_iter().map(|(action, _)| action.to_owned());
    assert_eq!(open, needed.chain(reasoned).collect());
    let free: Vec<Op> = Op::iter().filter(|op| grant(*op) == Grant::Nothing).collect();
    assert_eq!(free, [Op::GetCallerIdentity]);
}

/// The shipped part of the adapter's source.
fn adapter() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let shipped = |path| {
        let text = fs::read_to_string(path).unwrap();
        text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
    };
    files.map(shipped).collect()
}

#[test]
fn the_adapter_sends_every_operation_in_one_place_and_nothing_else() {
    let source = adapter();
    let builder = |op: Op| {
        // `ListAWSServiceAccess…`: the SDK writes an acronym as one word.
        let name = op.as_str().replace("AWS", "Aws");
        name.chars().fold(".".to_owned(), |mut name, letter| {
            if letter.is_ascii_uppercase() && name.len() > 1 {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
            name
        }) + "()"
    };
    for op in Op::iter() {
        assert_eq!(source.matches(&builder(op)).count(), 1, "{op}");
    }
    assert_eq!(source.matches(".send()").count(), Op::iter().count());
    for hidden in ["into_paginator", "send_with", "orchestrate", "AssumeRoleProvider"] {
        assert!(!source.contains(hidden), "{hidden}: which operation does it send?");
    }
}

#[test]
fn the_mode_is_a_wall_whatever_else_the_role_is_given() {
    let scope = scope(&["eu-west-1"]);
    let decisions = [Mode::Observe, Mode::Upsert, Mode::Sync].map(|mode| {
        let document = iam_policy::daemon(&scope, &everything(mode)).unwrap();
        let policy = Policy::of(&serde_json::to_value(&document).unwrap());
        let decision = |action: &str| {
            let resource =
                "arn:aws:config:eu-west-1:111122223333:organization-conformance-pack/x-1";
            policy.decision(&Asked { action, resource, region: "eu-west-1" })
        };
        ["Put", "Delete"].map(|verb| decision(&format!("config:{verb}OrganizationConformancePack")))
    });
    let [observe, upsert, sync] = decisions;
    assert_eq!(observe, [Decision::Denied, Decision::Denied]);
    assert_eq!(upsert, [Decision::Allowed, Decision::Denied]);
    assert_eq!(sync, [Decision::Allowed, Decision::Allowed]);
}

#[test]
fn nothing_is_written_beyond_regions_account_and_name_prefix() {
    let scope = PolicyScope {
        name_prefix: Some("sec-".parse().unwrap()),
        ..scope(&["eu-west-1", "eu-central-1"])
    };
    let document = iam_policy::daemon(&scope, &everything(Mode::Sync)).unwrap();
    let policy = Policy::of(&serde_json::to_value(&document).unwrap());
    for verb in ["Put", "Delete"] {
        let decision = |region: &str, account: &str, pack: &str| {
            let action = format!("config:{verb}OrganizationConformancePack");
            let kind = "organization-conformance-pack";
            let resource = format!("arn:aws:config:{region}:{account}:{kind}/{pack}-a1b2c3d4");
            policy.decision(&Asked { action: &action, resource: &resource, region })
        };
        assert_eq!(decision("eu-west-1", "111122223333", "sec-keys"), Decision::Allowed);
        assert_eq!(decision("us-east-1", "111122223333", "sec-keys"), Decision::Unmentioned);
        assert_eq!(decision("eu-west-1", "444455556666", "sec-keys"), Decision::Unmentioned);
        assert_eq!(decision("eu-west-1", "111122223333", "keys"), Decision::Unmentioned);
    }
}

#[test]
fn policies_for_every_region_there_is_fit_into_what_aws_takes() {
    // AWS has fewer than 40 regions in one partition; names have up to 14 letters.
    let names: Vec<String> = (10..50).map(|number| format!("ap-southeast-{number}")).collect();
    let regions: Vec<&str> = names.iter().map(String::as_str).collect();
    let document = iam_policy::daemon(&scope(&regions), &everything(Mode::Sync)).unwrap();
    assert!(document.size() <= 6_144, "{}", document.size());
    let names: Vec<String> = (100..500).map(|number| format!("ap-southeast-{number}")).collect();
    let regions: Vec<&str> = names.iter().map(String::as_str).collect();
    let refused = iam_policy::daemon(&scope(&regions), &everything(Mode::Sync)).unwrap_err();
    assert!(refused.to_string().ends_with(", and AWS takes 6144"), "{refused}");
}

#[test]
fn only_the_daemons_role_of_the_own_organization_enters_members() {
    let trust = Trust {
        daemon: "security/conformd".parse().unwrap(),
        external_id: "shared".parse().unwrap(),
        organization: "o-a1b2c3d4e5".parse().unwrap(),
    };
    let document = iam_policy::probe_trust(&scope(&["us-gov-west-1"]), &trust).unwrap();
    let text = serde_json::to_string(&document.statements()[0]).unwrap();
    insta::assert_snapshot!(text, @r#"{"Sid":"LetDaemonIn","Effect":"Allow","Principal":{"AWS":"arn:aws-us-gov:iam::111122223333:root"},"Action":["sts:AssumeRole"],"Condition":{"ArnEquals":{"aws:PrincipalArn":["arn:aws-us-gov:iam::111122223333:role/security/conformd"]},"StringEquals":{"aws:PrincipalOrgID":["o-a1b2c3d4e5"],"sts:ExternalId":["shared"]}}}"#);
}

#[test]
fn what_nobody_said_is_asked_for() {
    let scene = Scene::new();
    let say = |arguments: &[&str]| {
        let ended = scene.alone(&[&["iam-policy"], arguments].concat());
        format!("{:?} {}", ended.code.unwrap(), ended.stderr)
    };
    let known = ["--account", "111122223333", "--regions", "eu-west-1"];
    let trust = [known.as_slice(), &["--role", "probe-trust"]].concat();
    let divided =
        ["--account", "111122223333", "--regions", "eu-west-1,cn-north-1", "--mode", "sync"];
    let texts = [
        say(&[]),
        say(&known),
        say(&trust),
        say(&[trust.as_slice(), &["--external-id", "shared"]].concat()),
        say(&divided),
        say(&["--config", "absent.yaml"]),
    ];
    insta::assert_snapshot!(texts.join(""), @"
    64 conformd: --account is missing: the account that owns the packs
    64 conformd: --mode is missing: observe, upsert or sync
    64 conformd: --external-id is missing: what the caller has to show, the same as recorderProbe.externalId
    64 conformd: --organization is missing: the organization that the caller has to be of, such as o-a1b2c3d4e5
    1 conformd: these regions have no policy in common: cn-north-1 and eu-west-1 are of different partitions, which no account is in together
    78 conformd: settings file absent.yaml could not be read: No such file or directory (os error 2); use -c conformd.yaml, which lies in this directory, or set CONFORMD_CONFIG
    ");
}

#[test]
fn settings_give_what_no_option_says() {
    let scene = Scene::new();
    scene.set(&Settings { mode: "observe", regions: "us-gov-west-1", ..Settings::default() });
    let by_settings = scene.run(&["iam-policy"]).expect(0).stdout;
    let account = ["--account", "111111111111", "--regions", "us-gov-west-1"];
    let by_options =
        scene.alone(&[&["iam-policy", "--mode", "observe"], account.as_slice()].concat());
    assert_eq!(by_settings, by_options.expect(0).stdout);
    let of_another = scene.run(&["iam-policy", "--mode", "sync", "--regions", "eu-west-1"]);
    let policy = of_another.expect(0).stdout;
    assert!(policy.contains("\"DeletePacks\"") && !policy.contains("us-gov"), "{policy}");
}

/// Accounts without paths, so that units have to be walked; a role for the daemon, and the probe's.
const SCENARIO: &str = r#"
regions: [us-east-1, eu-west-1]
accounts:
  - {id: "111111111111", name: management}
  - {id: "222222222222", name: sandbox, parent: ou-sim1-sandbox1, tags: {stage: test}}
  - {id: "333333333333", name: workload}
units: [{id: ou-sim1-sandbox1, name: sandbox, parent: r-sim1}]
roles:
  - {name: conformd, account: "111111111111"}
  - {name: RecorderProbe, externalId: shared}
knobs:
  lag: {packs: 0s, statuses: 0s, rows: 0s}
  fanOut: {delay: 0s, duration: 0s, removal: 0s, parallelism: 100}
  accounts: {withPaths: false}
"#;

/// A manifest that needs the organization's units and tags.
fn selective(name: &str) -> String {
    let exclude = "exclude: {organizationalUnits: [ou-sim1-sandbox1], accountTags: {stage: test}}";
    format!("{}  {exclude}\n", manifest(name, 90, "eu-west-1"))
}

/// A simulated AWS, and the program in it with no right but its policy's.
struct Confined {
    scene: Scene,
    policy: Value,
    keys: [(&'static str, String); 3],
    /// The last request of others.
    mark: u64,
}

impl Confined {
    fn new(mode: &str) -> Self {
        let scene = Scene::on(SCENARIO);
        // A pack is there from before, so that observe has rows to read.
        scene.set(&Settings { regions: "eu-west-1", ..Settings::default() });
        scene.write("packs/keys.yaml", &selective("keys"));
        // Its exclusions wait for a second reading of the account list.
        let settings = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
        let often = settings.replace("intervals: {", "intervals: {organization: 1s, ");
        assert_ne!(often, settings);
        scene.write("conformd.yaml", &often);
        let daemon = scene.daemon();
        daemon.synced(1);
        daemon.stop().expect(0);
        let mark = scene.aws.mark();
        let aws = scene.aws.address;
        let settings = format!(
            "installation: test\n\
             mode: {mode}\n\
             aws:\n  \
               expectedAccountId: \"111111111111\"\n  \
               regions: [eu-west-1]\n  \
               endpoint: {{url: \"http://{aws}\"}}\n\
             source: {{directory: {{root: ., path: packs}}}}\n\
             recorderProbe: {{roleName: conformd/RecorderProbe, externalId: shared}}\n\
             intervals: {{source: 1s, region: 1s, organization: 1s}}\n\
             limits: {{readsPerSecond: 100, burst: 1000, inFlight: 8}}\n\
             http: {{listen: \"127.0.0.1:0\", tokenFile: http-token}}\n"
        );
        scene.write("conformd.yaml", &settings);
        let printed = scene.run(&["iam-policy"]).expect(0).stdout;
        let policy: Value = serde_json::from_str(&printed).unwrap();
        let keys = session(&scene, &policy);
        Self { scene, policy, keys, mark }
    }

    fn start(&self, arguments: &[&str]) -> Program {
        let mut command = command(&self.scene.path(""));
        command.args(arguments).args(["--config", "conformd.yaml"]).envs(self.keys.clone());
        Program::start(command)
    }

    /// The daemon, once it is ready.
    fn daemon(&self) -> Daemon {
        let daemon = Daemon::starting(self.start(&["run"]));
        daemon.program.eventually("ready", || {
            daemon.get("/readyz").is_ok_and(|answer| answer.status == 200).then_some(())
        });
        daemon
    }

    /// The actions that were asked for, members' apart, each after its policy was asked.
    fn asked(&self) -> BTreeSet<String> {
        let own = Policy::of(&self.policy);
        let probe = iam_policy::probe().unwrap();
        let members = Policy::of(&serde_json::to_value(&probe).unwrap());
        let log =
            self.scene.aws.control("GET", &format!("requests?after={}", self.mark), &Value::Null);
        let mut asked = BTreeSet::new();
        for entry in log["requests"].as_array().unwrap() {
            let outcome = text(&entry["outcome"]);
            assert!(!outcome.contains("Denied"), "{entry}");
            let operation = text(&entry["operation"]);
            // Two services have an operation of this name; the simulator tells them apart.
            let operation =
                operation.replace("ListTagsForOrganizationResource", "ListTagsForResource");
            let op = Op::iter().find(|op| op.as_str() == operation).unwrap();
            if grant(op) == Grant::Nothing || own_request(entry) {
                continue;
            }
            let (action, resource) = (action(op), resource(op, entry));
            let region = text(&entry["region"]);
            let policy =
                if op.as_str().contains("ConfigurationRecorder") { &members } else { &own };
            let decision = policy.decision(&Asked { action: &action, resource: &resource, region });
            assert_eq!(decision, Decision::Allowed, "{entry}");
            asked.insert(action);
        }
        asked
    }
}

/// Whether the test sent it to become the daemon.
fn own_request(entry: &Value) -> bool {
    entry["subject"].as_str().is_some_and(|subject| subject.ends_with(":role/conformd"))
}

/// The ARN that IAM would look at.
fn resource(op: Op, entry: &Value) -> String {
    let subject = entry["subject"].as_str().unwrap_or_default();
    match op.as_str() {
        "AssumeRole" => subject.to_owned(),
        name if name.ends_with("ConformancePack") || name.ends_with("DetailedStatus") => {
            let (region, account) = (text(&entry["region"]), text(&entry["account"]));
            let kind = "organization-conformance-pack";
            format!("arn:aws:config:{region}:{account}:{kind}/{subject}-a1b2c3d4")
        }
        _ => "*".to_owned(),
    }
}

/// Becomes the daemon's role with this policy: the simulator allows the session nothing else.
fn session(scene: &Scene, policy: &Value) -> [(&'static str, String); 3] {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "AssumeRole")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", "arn:aws:iam::111111111111:role/conformd")
        .append_pair("RoleSessionName", "test")
        .append_pair("Policy", &policy.to_string())
        .finish();
    let mut stream = TcpStream::connect(scene.aws.address).unwrap();
    let credential = "AKIASIM111111111111/20261101/eu-west-1/sts/aws4_request";
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, \
         Signature=none\r\n\r\n{body}",
        scene.aws.address,
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let element = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    [
        ("AWS_ACCESS_KEY_ID", element("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY", element("SecretAccessKey")),
        ("AWS_SESSION_TOKEN", element("SessionToken")),
    ]
}

/// What the printed policy allows, but for what AWS itself asks the caller for.
fn granted(confined: &Confined) -> BTreeSet<String> {
    let mut granted = Policy::of(&confined.policy).allowed_actions();
    granted.extend(allowed(&iam_policy::probe().unwrap()));
    for (action, _) in WITHOUT_OP {
        granted.remove(action);
    }
    granted
}

#[test]
fn observe_needs_all_that_its_policy_allows_and_nothing_else() {
    let confined = Confined::new("observe");
    confined.start(&["check"]).end().expect(0);
    let (daemon, granted) = (confined.daemon(), granted(&confined));
    daemon
        .program
        .eventually("asked for all of it", || confined.asked().is_superset(&granted).then_some(()));
    daemon.stop().expect(0);
    assert_eq!(confined.asked(), granted);
}

#[test]
fn sync_needs_all_that_its_policy_allows_and_nothing_else() {
    let confined = Confined::new("sync");
    confined.scene.write("packs/mail.yaml", &manifest("mail", 90, "eu-west-1"));
    let daemon = confined.daemon();
    daemon.synced(1);
    confined.scene.remove("packs/mail.yaml");
    let expires = Clock::system().now() + Duration::from_hours(1);
    confined.scene.write(
        "packs/approve.yaml",
        &format!(
            "apiVersion: conformd.io/v1alpha1\nkind: Approval\nmetadata: {{name: retired}}\nspec: \
             {{reason: retired, expires: \"{expires}\", permits: [{{delete: [mail]}}]}}\n"
        ),
    );
    daemon
        .program
        .eventually("deleted", || (confined.scene.aws.packs() == ["eu-west-1/keys"]).then_some(()));
    confined.start(&["check"]).end().expect(0);
    let granted = granted(&confined);
    daemon
        .program
        .eventually("asked for all of it", || confined.asked().is_superset(&granted).then_some(()));
    daemon.stop().expect(0);
    assert_eq!(confined.asked(), granted);
}
