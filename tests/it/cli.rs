//! The commands as a user meets them: what they print, and their exit codes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use conformd::cli::exit::{EXIT_CODES, ExitCodeRow};
use conformd::domain::base::model::Timestamp;
use serde_json::{Value, json};

use crate::support::generated::assert_current;
use crate::support::process::{INSTANT, Program, Scene, Settings, ask, command, manifest};

const BOTH: &str = "us-east-1, eu-west-1";

/// A scene of two regions in which `keys` and `logs` are in force.
fn in_force(settings: &Settings) -> Scene {
    let scene = Scene::new();
    scene.set(settings);
    scene.declare("keys", 90, BOTH);
    scene.declare("logs", 90, "eu-west-1");
    scene.run(&["apply", "--yes"]).expect(0);
    scene
}

fn two_regions() -> Settings {
    Settings { regions: BOTH, ..Settings::default() }
}

/// A text without what differs between two runs: digests, moments and the ids of requests.
fn redacted(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n', '(', ')', '"', ',', '=']);
    words
        .map(|word| {
            let core = word.trim_end_matches([' ', '\n', '(', ')', '"', ',', '=']);
            let end = word.get(core.len()..).unwrap();
            let hidden = core.split_inclusive([':', '-']).map(|part| {
                let digits = part.trim_end_matches([':', '-']);
                let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                // Account ids have 12 digits and stay.
                let is_digest = is_hex && digits.len() >= 8 && digits.len() != 12;
                if is_digest { part.replace(digits, "DIGEST") } else { part.to_owned() }
            });
            if core.parse::<Timestamp>().is_ok() {
                format!("TIME{end}")
            } else if core.len() == 36 && core.matches('-').count() == 4 {
                format!("ID{end}")
            } else {
                hidden.collect::<String>() + end
            }
        })
        .collect()
}

#[test]
fn a_plan_names_every_step_with_its_reason_and_the_values_that_change() {
    let scene = in_force(&two_regions());
    scene.aws.control("POST", "packs", &json!({ "region": "eu-west-1", "name": "made-by-hand" }));
    scene.declare("keys", 60, BOTH);
    scene.declare("mail", 30, "us-east-1");
    scene.remove("packs/logs.yaml");
    let plan = scene.run(&["plan"]).expect(0);
    insta::assert_snapshot!(redacted(&plan.text()), @r#"
    exit 0
    --- stdout
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:DIGEST
      ~ keys update
          parameter  Age "90" → "60"
      ! logs held, would delete: no manifest declares it
          undeclared: no manifest declares it, but the file may be missing by accident; to delete the pack, commit a manifest for it with `state: Absent` or the document that `conformd approve` prints; to keep it, restore its manifest
      not managed here: 1 unmanaged, 0 foreign
      Plan: 0 to create, 1 to update, 0 to delete; 1 change held.

    us-east-1 (account 111111111111) at dir:DIGEST
      ~ keys update
          parameter  Age "90" → "60"
      + mail create
          template   DIGEST (1 rule)
          parameter  Age = "30"
      Plan: 1 to create, 1 to update, 0 to delete.

    Plan: 1 to create, 2 to update, 0 to delete; 1 change held.
    "#);
    assert!(!plan.stdout.contains('\u{1b}'), "no terminal, no colours");
    let hidden = scene.run(&["plan", "--output", "json"]).expect(0);
    let json: Value = serde_json::from_str(&hidden.stdout).unwrap();
    assert_eq!(json["version"], 2);
    assert_eq!(json["has_changes"], true);
    insta::assert_snapshot!(redacted(&format!("{:#}", json["regions"][0]["plan"])), @r##"
    {
      "bystanders": {
        "made-by-hand": "unmanaged"
      },
      "holds": [
        {
          "pack": "logs",
          "reason": "undeclared",
          "step": {
            "action": "delete",
            "changes": [],
            "last_update": "TIME",
            "marker_now": {
              "binding": "DIGEST",
              "installation": "test",
              "policy": "Delete",
              "rules": 1,
              "template": "DIGEST"
            },
            "pack": "logs",
            "reason": "unwanted"
          },
          "until": null,
          "why": "no manifest declares it, but the file may be missing by accident; to delete the pack, commit a manifest for it with `state: Absent` or the document that `conformd approve` prints; to keep it, restore its manifest"
        }
      ],
      "place": {
        "account": "111111111111",
        "region": "eu-west-1"
      },
      "revision": "dir:DIGEST",
      "steps": [
        {
          "action": "update",
          "changes": [
            {
              "field": "parameter",
              "name": "Age",
              "new": "#f9af86de",
              "old": "#689f8257"
            }
          ],
          "last_update": "TIME",
          "marker_now": {
            "binding": "DIGEST",
            "installation": "test",
            "policy": "Delete",
            "rules": 1,
            "template": "DIGEST"
          },
          "pack": "keys",
          "reason": "changed"
        }
      ],
      "weights": {
        "owned": 2,
        "owned_wanted": 1,
        "source_empty": false
      }
    }
    "##);
    let one = scene.run(&["plan", "--region", "us-east-1"]).expect(0);
    assert!(
        one.stdout.contains("us-east-1") && !one.stdout.contains("eu-west-1"),
        "{}",
        one.stdout
    );
}

#[test]
fn the_detailed_exit_code_tells_changes_from_none() {
    let scene = in_force(&two_regions());
    let same = scene.run(&["plan", "--detailed-exitcode"]).expect(0);
    insta::assert_snapshot!(redacted(&same.text()), @"
    exit 0
    --- stdout
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:DIGEST
      No changes.

    us-east-1 (account 111111111111) at dir:DIGEST
      No changes.

    No changes.
    ");
    scene.declare("keys", 60, BOTH);
    scene.run(&["plan", "--detailed-exitcode"]).expect(2);
    scene.run(&["plan"]).expect(0);
}

#[test]
fn a_region_that_is_down_hides_no_other_and_fails_the_command() {
    let scene = in_force(&two_regions());
    scene.declare("keys", 60, BOTH);
    scene.aws.disturb(&json!({ "region": "eu-west-1", "effect": { "kind": "access_denied" } }));
    let plan = scene.run(&["plan", "--detailed-exitcode"]).expect(1);
    insta::assert_snapshot!(redacted(&plan.text()), @r#"
    exit 1
    --- stdout
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:DIGEST
      = the whole region is held
          unknown: a page of the listing is missing: DescribeOrganizationConformancePacks failed in 111111111111/eu-west-1 (denied): AccessDeniedException: You don't have permissions to access this resource. (request ID)
      Unknown: it could not be read, so nothing is planned.

    us-east-1 (account 111111111111) at dir:DIGEST
      ~ keys update
          parameter  Age "90" → "60"
      Plan: 0 to create, 1 to update, 0 to delete.

    Plan: 0 to create, 1 to update, 0 to delete; 1 region unknown.
    "#);
    let mark = scene.aws.mark();
    scene.run(&["apply", "--yes"]).expect(1);
    assert_eq!(scene.aws.mutations(mark), ["Put us-east-1 keys"]);
    scene.aws.heal();
    scene.run(&["apply", "--yes"]).expect(0);
    assert_eq!(scene.aws.mutations(mark), ["Put eu-west-1 keys", "Put us-east-1 keys"]);
}

#[test]
fn apply_asks_and_where_nobody_can_be_asked_it_changes_nothing() {
    let scene = Scene::new();
    scene.set(&two_regions());
    scene.declare("keys", 90, "eu-west-1");
    let refused = scene.run(&["apply"]).expect(1);
    insta::assert_snapshot!(redacted(&refused.text()), @r#"
    exit 1
    --- stdout
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:DIGEST
      + keys create
          template   DIGEST (1 rule)
          parameter  Age = "90"
      Plan: 1 to create, 0 to update, 0 to delete.

    us-east-1 (account 111111111111) at dir:DIGEST
      No changes.

    Plan: 1 to create, 0 to update, 0 to delete.
    --- stderr
    conformd: stdin is not a terminal, so the plan cannot be confirmed; use --yes
    "#);
    assert!(scene.aws.mutations(0).is_empty());
}

#[test]
fn apply_ends_with_what_became_of_every_step() {
    let scene = Scene::new();
    scene.set(&two_regions());
    scene.declare("keys", 90, BOTH);
    let failure = json!({ "account": "333333333333", "region": "eu-west-1", "code": "Quota", "message": "full" });
    scene.aws.control("POST", "failures", &failure);
    let applied = scene.run(&["apply", "--yes"]).expect(1);
    insta::assert_snapshot!(redacted(&applied.text()), @r#"
    exit 1
    --- stdout
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:DIGEST
      + keys create
          template   DIGEST (1 rule)
          parameter  Age = "90"
      Plan: 1 to create, 0 to update, 0 to delete.

    us-east-1 (account 111111111111) at dir:DIGEST
      + keys create
          template   DIGEST (1 rule)
          parameter  Age = "90"
      Plan: 1 to create, 0 to update, 0 to delete.

    Plan: 2 to create, 0 to update, 0 to delete.

    ┌───────────┬──────┬────────┬──────────┬────────────┬────────┬──────┐
    │ region    ┆ pack ┆ action ┆ result   ┆ members ok ┆ failed ┆ open │
    ╞═══════════╪══════╪════════╪══════════╪════════════╪════════╪══════╡
    │ eu-west-1 ┆ keys ┆ create ┆ accepted ┆ 2          ┆ 1      ┆ 0    │
    │ us-east-1 ┆ keys ┆ create ┆ accepted ┆ 3          ┆ 0      ┆ 0    │
    └───────────┴──────┴────────┴──────────┴────────────┴────────┴──────┘
    eu-west-1 keys failed in 333333333333 (Quota): full
    "#);
    assert!(!applied.text().contains('\u{1b}'), "no terminal, no colours");
}

#[test]
fn ctrl_c_ends_the_watching_and_keeps_what_was_put() {
    let slow = INSTANT.replace("duration: 0s", "duration: 6h");
    let scene = Scene::on(&slow);
    scene.set(&two_regions());
    scene.declare("keys", 90, BOTH);
    let program = scene.start(&["apply", "--yes"]);
    let rows = "GetOrganizationConformancePackDetailedStatus";
    let watches = || scene.aws.requests(0).iter().any(|one| one.operation == rows).then_some(());
    program.eventually("watching", watches);
    program.signal("INT");
    let ended = program.end().expect(1);
    insta::assert_snapshot!(redacted(&ended.text()), @r#"
    exit 1
    --- stdout
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:DIGEST
      + keys create
          template   DIGEST (1 rule)
          parameter  Age = "90"
      Plan: 1 to create, 0 to update, 0 to delete.

    us-east-1 (account 111111111111) at dir:DIGEST
      + keys create
          template   DIGEST (1 rule)
          parameter  Age = "90"
      Plan: 1 to create, 0 to update, 0 to delete.

    Plan: 2 to create, 0 to update, 0 to delete.

    ┌───────────┬──────┬────────┬──────────┬────────────┬────────┬──────┐
    │ region    ┆ pack ┆ action ┆ result   ┆ members ok ┆ failed ┆ open │
    ╞═══════════╪══════╪════════╪══════════╪════════════╪════════╪══════╡
    │ eu-west-1 ┆ keys ┆ create ┆ accepted ┆ 0          ┆ 0      ┆ 3    │
    │ us-east-1 ┆ keys ┆ create ┆ accepted ┆ 0          ┆ 0      ┆ 3    │
    └───────────┴──────┴────────┴──────────┴────────────┴────────┴──────┘
    6 member deployments are still in progress; AWS continues with them.
    Interrupted; AWS continues to deploy what it accepted.
    "#);
    assert_eq!(scene.aws.packs().len(), 2);
}

#[test]
fn apply_deletes_on_a_second_look_only() {
    let settings = Settings { intervals: ("1s", "1s"), ..two_regions() };
    let scene = in_force(&settings);
    scene.remove("packs/logs.yaml");
    // A file that is gone is no evidence, and --yes approves nothing.
    scene.run(&["apply", "--yes", "--wait-for-confirmation"]).expect(1);
    assert_eq!(scene.aws.packs().len(), 3);
    let printed = scene.run(&["approve", "--reason", "retired"]).expect(0);
    scene.write("packs/approve.yaml", &printed.stdout);
    let once = scene.run(&["apply", "--yes"]).expect(0);
    assert!(once.stdout.ends_with("--wait-for-confirmation waits for it.\n"), "{}", once.stdout);
    assert_eq!(scene.aws.packs().len(), 3);
    let twice = scene.run(&["apply", "--yes", "--wait-for-confirmation"]).expect(0);
    // How many waits it takes depends on which of the two seconds is over first.
    let said = redacted(&twice.text());
    assert!(said.contains("Waiting until TIME for the second reading."), "{said}");
    assert!(said.contains("  - logs delete: no manifest declares it"), "{said}");
    assert!(said.contains("│ eu-west-1 ┆ logs ┆ delete ┆ accepted ┆"), "{said}");
    assert_eq!(scene.aws.packs(), ["eu-west-1/keys", "us-east-1/keys"]);
}

#[test]
fn apply_refuses_to_write_under_settings_that_only_look() {
    let scene = Scene::new();
    scene.set(&Settings { mode: "observe", ..two_regions() });
    scene.declare("keys", 90, BOTH);
    let refused = scene.run(&["apply", "--yes"]).expect(78);
    insta::assert_snapshot!(refused.text(), @r"
    exit 78
    --- stderr
    conformd: the settings say `mode: observe`; apply writes, so set upsert or sync
    ");
    assert!(scene.aws.requests(0).is_empty());
    scene.run(&["plan", "--detailed-exitcode"]).expect(2);
}

#[test]
fn a_wrong_command_line_exits_with_64_and_wrong_settings_with_78() {
    let scene = Scene::new();
    let wrong: [&[&str]; 5] = [
        &[],
        &["paln"],
        &["plan", "--colour"],
        &["plan", "--region", "nowhere"],
        &["apply", "--wait", "soon"],
    ];
    for arguments in wrong {
        let ended = scene.alone(arguments).expect(64);
        assert!(ended.stdout.is_empty(), "{}", ended.text());
    }
    let missing = scene.alone(&["plan", "--config", "nowhere.yaml"]).expect(78);
    insta::assert_snapshot!(missing.text(), @"
    exit 78
    --- stderr
    conformd: settings file nowhere.yaml could not be read: No such file or directory (os error 2); use -c conformd.yaml, which lies in this directory, or set CONFORMD_CONFIG
    ");
    scene.alone(&["--version"]).expect(0);
}

/// The whole output of the program on a terminal of its own, which it is given these keys on.
fn on_a_terminal(scene: &Scene, arguments: &str, keys: &str, no_color: &str) -> String {
    let line = format!("{} {arguments} --config conformd.yaml", env!("CARGO_BIN_EXE_conformd"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.current_dir(scene.path("")).env("NO_COLOR", no_color).env("TERM", "xterm");
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(keys.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let scene = Scene::new();
    scene.set(&two_regions());
    scene.declare("keys", 90, BOTH);
    let coloured = on_a_terminal(&scene, "plan", "", "");
    assert!(coloured.contains("\u{1b}[32m  + keys create"), "{coloured}");
    let plain = on_a_terminal(&scene, "plan", "", "1");
    assert!(plain.contains("  + keys create") && !plain.contains('\u{1b}'), "{plain}");
}

#[test]
fn on_a_terminal_only_yes_applies_a_plan() {
    let scene = Scene::new();
    scene.set(&two_regions());
    scene.declare("keys", 90, BOTH);
    for (keys, puts) in [("y\n", 0), ("\n", 0), ("yes\n", 2)] {
        let said = on_a_terminal(&scene, "apply", keys, "1");
        assert_eq!(scene.aws.mutations(0).len(), puts, "{said}");
        assert_eq!(said.contains("This plan was not applied."), puts == 0, "{said}");
    }
}

#[test]
fn remediations_are_refused_unless_the_settings_allow_them() {
    let scene = Scene::new();
    let remediation = "Fix: {Type: AWS::Config::RemediationConfiguration, Properties: \
        {ConfigRuleName: {Ref: Keys}, TargetType: SSM_DOCUMENT, TargetId: AWS-Fix}}\n        Keys:";
    scene.write("packs/keys.yaml", &manifest("keys", 90, BOTH).replace("Keys:", remediation));
    let refused = scene.alone(&["validate", "packs"]).expect(1);
    assert!(refused.stdout.contains("remediation-forbidden"), "{}", refused.text());
    scene.alone(&["validate", "packs", "--allow-remediations"]).expect(0);

    let plan = || scene.run(&["plan", "--detailed-exitcode"]);
    let refused = plan();
    assert!(refused.text().contains("templates.remediations: allowed"), "{}", refused.text());
    assert!(!refused.stdout.contains("+ keys"), "{}", refused.text());
    let allowed = "templates: {remediations: allowed}\n".to_owned();
    scene.set(&Settings { more: allowed, ..Settings::default() });
    let plan = plan().expect(2);
    assert!(plan.stdout.contains("+ keys"), "{}", plan.text());
}

#[test]
fn validate_exits_with_1_when_anything_is_wrong_and_draws_it() {
    let scene = Scene::new();
    scene.declare("keys", 90, BOTH);
    let fine = scene.alone(&["validate", "packs"]).expect(0);
    insta::assert_snapshot!(fine.text(), @r"
    exit 0
    --- stdout
    ok: 1 pack with 1 rule; 0 errors, 0 warnings
    ");
    scene.write("packs/typo.yaml", &manifest("typo", 1, BOTH).replace("regions", "region"));
    let wrong = scene.alone(&["validate", "packs"]).expect(1);
    insta::assert_snapshot!(wrong.text(), @"
    exit 1
    --- stdout
    error[unknown-field]: spec has no field region
      --> packs/typo.yaml:17:3
       |
    17 |   region: [us-east-1, eu-west-1]
       |   ^^^^^^ expected one of template, parameters, regions, overrides, exclude, delivery, deletionPolicy, adopt, suspend, state
       |
       = help: did you mean regions?

    failed: 1 pack with 1 rule, 1 invalid; 1 error, 0 warnings
    ");
    let json = scene.alone(&["validate", "packs", "--output", "json"]).expect(1);
    assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap()["passed"], false);
}

#[test]
fn the_schema_accepts_the_manifests_that_the_demo_uses() {
    let scene = Scene::new();
    let schema: Value = serde_json::from_str(&scene.alone(&["schema"]).expect(0).stdout).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for entry in fs::read_dir(project().join("config/packs")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let manifest: Value = serde_yaml::from_str(&text).unwrap();
        assert!(schema.is_valid(&manifest), "{text}");
    }
}

#[test]
fn the_healthcheck_exits_with_0_when_ready_and_with_1_when_not() {
    let scene = Scene::new();
    scene.declare("keys", 90, BOTH);
    let daemon = scene.daemon();
    let url = |path: &str| format!("http://{}{path}", daemon.address);
    let ready = scene.alone(&["healthcheck", "--url", &url("/readyz")]).expect(0);
    insta::assert_snapshot!(ready.text(), @r#"
    exit 0
    --- stdout
    200 {"version":1,"simulated":true,"ready":true,"reasons":[]}
    "#);
    scene.alone(&["healthcheck", "--url", &url("/nowhere")]).expect(1);
    let url = url("/readyz");
    daemon.stop().expect(0);
    let gone = scene.alone(&["healthcheck", "--url", &url]).expect(1);
    assert!(gone.stderr.contains("cannot be reached"), "{}", gone.text());
}

#[test]
fn completions_are_scripts_that_the_shell_reads() {
    let scene = Scene::new();
    let script = scene.alone(&["completions", "bash"]).expect(0).stdout;
    scene.write("completions.bash", &script);
    let parsed = Command::new("bash").arg("-n").arg(scene.path("completions.bash")).output();
    let parsed = parsed.unwrap();
    assert!(parsed.status.success() && parsed.stderr.is_empty(), "{parsed:?}");
    assert!(script.contains("healthcheck"));
}

#[test]
fn the_simulator_says_that_it_is_one_and_ends_when_told() {
    let scene = Scene::new();
    let mut command = command(&scene.path(""));
    command.args(["simulate", "--listen", "127.0.0.1:0", "--speed", "0"]);
    let program = Program::start(command);
    let address = address_in(&program, "endpoint      http://");
    program.eventually("announced", || program.stdout().contains("_sim/world").then_some(()));
    assert!(program.stdout().starts_with("SIMULATED AWS: "), "{}", program.stdout());
    let world = ask(address, "GET", "/_sim/world", "").unwrap().json();
    assert_eq!(world["simulated"], true);
    program.signal("TERM");
    program.end().expect(0);
    let reachable = scene.alone(&["simulate", "--listen", "0.0.0.0:0"]).expect(1);
    assert!(reachable.stderr.contains("--allow-remote"), "{}", reachable.text());
}

/// The address that a running program prints after these words.
fn address_in(program: &Program, words: &str) -> SocketAddr {
    program.eventually("said where it listens", || {
        let said = program.stdout();
        let (_, rest) = said.split_once(words)?;
        let end = rest.find(['/', '\n', ' '])?;
        rest[..end].parse().ok()
    })
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The example settings, packs and templates, in the scene's folder.
fn examples(scene: &Scene) {
    for name in ["demo.yaml", "packs", "templates"] {
        let from = project().join("config").join(name);
        let files: Vec<PathBuf> = if from.is_dir() {
            fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect()
        } else {
            vec![from]
        };
        for file in files {
            let place = file.strip_prefix(project().join("config")).unwrap();
            let place = Path::new("demo").join(place);
            scene.write(place.to_str().unwrap(), &fs::read_to_string(&file).unwrap());
        }
    }
}

#[test]
fn the_demo_ends_when_only_a_person_can_help_and_says_that_it_is_one() {
    let scene = Scene::new();
    // Away from the project: on the examples that the program carries.
    let arguments = ["demo", "--exit-when-settled", "--speed", "600", "--listen", "127.0.0.1:0"];
    let ended = scene.alone(&arguments).expect(0);
    assert!(ended.stdout.starts_with("SIMULATED: "), "{}", ended.stdout);
    assert!(!ended.text().contains('\u{1b}'));
    for pack in ["iam-baseline", "s3-baseline", "cloudtrail-logging", "encryption"] {
        assert!(ended.stdout.contains(&format!("+ {pack} create: accepted")), "{}", ended.stdout);
    }
    for told in [
        "newly-acquired waits for a recorder",
        "newly-acquired has every pack",
        "late-starter got no recorder within 7 hours",
        "redeploy of late-starter: accepted",
        "late-starter has every pack after the redeployment",
        "legacy-monolith failed (rule_quota), owner: account owner",
        "Action required: 1 of 13 accounts (1 cause)",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
    }
}

#[test]
fn the_demo_reconciles_what_is_edited_and_says_everywhere_that_it_is_simulated() {
    let scene = Scene::new();
    examples(&scene);
    let mut command = command(&scene.path(""));
    command.args(["demo", "--folder", "demo", "--speed", "600", "--listen", "127.0.0.1:0"]);
    let program = Program::start(command);
    let (page, aws) =
        (address_in(&program, "page           http://"), address_in(&program, "AWS  http://"));
    program.eventually("healthy", || {
        program.stdout().contains("have nothing left to do").then_some(())
    });
    let get = |path| ask(page, "GET", path, "").unwrap();
    assert_eq!(get("/api/v1/status").json()["simulated"], true);
    assert_eq!(get("/api/v1/plan").json()["simulated"], true);
    assert!(get("/api/v1/plan?format=text").body.starts_with("SIMULATED"));
    assert!(get("/metrics").body.contains("\nconformd_simulated 1\n"));
    let pack = fs::read_to_string(scene.path("demo/packs/iam-baseline.yaml")).unwrap();
    let edited = pack.replace("AccessKeyAgeMax: \"60\"", "AccessKeyAgeMax: \"45\"");
    assert_ne!(pack, edited);
    scene.write("demo/packs/iam-baseline.yaml", &edited);
    program.eventually("updated", || {
        program.stdout().contains("~ iam-baseline update: accepted").then_some(())
    });
    let world = ask(aws, "GET", "/_sim/world", "").unwrap().json();
    let packs = world["packs"].as_array().unwrap().iter();
    let iam: Vec<&Value> = packs.filter(|pack| pack["name"] == "iam-baseline").collect();
    assert_eq!(iam.len(), 1);
    assert_eq!(iam[0]["inputs"]["AccessKeyAgeMax"], "45");
    program.signal("INT");
    program.end().expect(0);
}

/// What the command and the API say alike, whenever they are asked.
fn lasting(status: &Value) -> Value {
    let regions = status.get("regions").and_then(Value::as_object).unwrap().iter();
    let deployments: BTreeMap<&String, Option<&Value>> =
        regions.map(|(region, view)| (region, view.get("deployments"))).collect();
    let states = status.pointer("/organization/list/states");
    json!({ "totals": status.get("totals"), "deployments": deployments, "states": states })
}

#[test]
fn status_says_what_the_api_says_and_looks_by_itself_where_nothing_answers() {
    let scene = Scene::new();
    scene.declare("keys", 90, "us-east-1, eu-west-1");
    let daemon = scene.daemon();
    daemon.synced(3);
    let url = format!("http://{}", daemon.address);
    let code = |status: &Value| match status["health"]["state"].as_str() {
        Some("healthy" | "suspended" | "progressing") => 0,
        Some("degraded") => 1,
        _ => 2,
    };
    daemon.program.eventually("alike", || {
        let ended = scene.run(&["status", "-o", "json", "--daemon", &url]);
        let said: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(ended.code, Some(code(&said)), "{}", ended.text());
        (lasting(&said) == lasting(&daemon.status())).then_some(())
    });
    let text = scene.run(&["status", "--daemon", &url, "eu-west-1"]).stdout;
    assert!(text.starts_with("SIMULATED") && text.contains("eu-west-1"), "{text}");
    assert!(!text.contains("us-east-1") && !text.contains('\u{1b}'), "{text}");
    let explained = scene.run(&["explain", "333333333333", "--daemon", &url]).expect(0).stdout;
    assert!(explained.contains("targeted: no rule excludes it"), "{explained}");
    let nobody = scene.run(&["explain", "333333333334", "--daemon", &url]).expect(64);
    assert!(nobody.stderr.contains("did you mean 333333333333 (workload)?"), "{}", nobody.stderr);
    daemon.stop().expect(0);
    let silent = scene.run(&["status", "--daemon", &url]).expect(2);
    assert!(silent.stderr.contains("cannot be reached"), "{}", silent.stderr);
    let own = scene.run(&["status", "-o", "json"]);
    assert!(own.stderr.contains("reading AWS directly"), "{}", own.stderr);
    let said: Value = serde_json::from_str(&own.stdout).unwrap();
    assert_eq!(own.code, Some(code(&said)));
    assert_eq!(said["totals"]["sync"]["synced"], 2);
    assert_eq!(said["organization"]["list"]["states"]["ACTIVE"], 3);
    let nobody = scene.run(&["explain", "333333333334", "--direct"]).expect(64);
    assert!(nobody.stderr.contains("did you mean 333333333333 (workload)?"), "{}", nobody.stderr);
}

const COMMANDS: [&str; 19] = [
    "init",
    "run",
    "reload",
    "plan",
    "diff",
    "apply",
    "approve",
    "status",
    "explain",
    "history",
    "check",
    "validate",
    "schema",
    "iam-policy",
    "simulate",
    "demo",
    "healthcheck",
    "completions",
    "man",
];

/// The table of exit codes of the page.
fn exit_codes() -> String {
    let mut table = "| code | command | meaning |\n|---|---|---|\n".to_owned();
    for ExitCodeRow { code, meaning, commands } in EXIT_CODES {
        writeln!(table, "| {code} | all | {meaning} |").unwrap();
        for (command, meaning) in *commands {
            writeln!(table, "| {code} | `{command}` | {meaning} |").unwrap();
        }
    }
    table
}

/// The help of every command as a page.
fn reference(scene: &Scene) -> String {
    let help = |arguments: &[&str]| scene.alone(arguments).expect(0).stdout.trim_end().to_owned();
    let top = help(&["--help"]);
    let mut page = format!(
        "# The command line\n\nThis page has the output of `conformd --help` and `conformd COMMAND \
         --help`; a test compares it.\n\nstdout has the result, stderr the log. Without a terminal, \
         or with `NO_COLOR` set, neither has colors; `--color always` and `--color never` decide it \
         for one command.\n\nA reader that closes the pipe, such as `head`, causes no error: the \
         command keeps its exit code, and one without an end (`demo`, `status --watch`) ends with \
         0.\n\n## Exit codes\n\n{}\n## conformd\n\n```text\n{top}\n```\n",
        exit_codes()
    );
    for command in COMMANDS {
        assert!(top.contains(&format!("\n  {command} ")), "{command}");
        let text: Vec<String> =
            help(&[command, "--help"]).lines().map(|line| line.trim_end().to_owned()).collect();
        write!(page, "\n## {command}\n\n```text\n{}\n```\n", text.join("\n")).unwrap();
    }
    page
}

#[test]
fn the_reference_of_the_command_line_is_current() {
    let scene = Scene::new();
    assert_current("docs/cli.md", &reference(&scene));
}
