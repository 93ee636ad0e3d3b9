//! `apply` does what it showed, and its exit code says what is left for a person.

use std::time::Duration;

use conformd::domain::base::stamp::Stamp;
use conformd::record::terms::RecordTerms;
use conformd::record::{BYTES_MAX, RecordReader};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::process::{INSTANT, Scene, Settings};

const BOTH: &str = "us-east-1, eu-west-1";

fn scene(scenario: &str) -> Scene {
    let scene = Scene::on(scenario);
    scene.set(&Settings { regions: BOTH, ..Settings::default() });
    scene
}

/// An AWS whose members take some seconds.
fn slow(seconds: u32) -> String {
    INSTANT.replace(
        "fanOut: {delay: 0s, duration: 0s,",
        &format!("fanOut: {{delay: 1s, duration: {seconds}s,"),
    )
}

#[test]
fn members_that_fail_after_a_change_are_counted_and_not_those_of_the_rollout_before() {
    let scene = scene(&slow(2));
    scene.declare("keys", 90, "eu-west-1");
    scene.run(&["apply", "--yes", "--wait", "1m"]).expect(0);
    let gone = json!({ "recorder": "missing" });
    scene.aws.control("PUT", "recorders/333333333333/eu-west-1", &gone);
    scene.declare("keys", 60, "eu-west-1");
    let ended = scene.run(&["apply", "--yes", "--wait", "1m"]).expect(1);
    assert!(ended.stdout.contains("eu-west-1 keys failed in 333333333333"), "{}", ended.text());
}

#[test]
fn an_invalid_manifest_fails_plan_and_apply_and_the_others_are_applied() {
    let scene = scene(INSTANT);
    scene.declare("keys", 90, BOTH);
    scene.write("packs/broken.yaml", "apiVersion: conformd.io/v1alpha1\nkind: Oops\n");
    scene.run(&["plan"]).expect(1);
    scene.run(&["plan", "--detailed-exitcode"]).expect(1);
    let ended = scene.run(&["apply", "--yes"]).expect(1);
    assert!(ended.stdout.contains("Manifests are invalid"), "{}", ended.text());
    assert_eq!(scene.aws.packs(), ["eu-west-1/keys", "us-east-1/keys"]);
}

#[test]
fn yes_covers_no_loss_and_the_rest_is_applied() {
    let scene = scene(INSTANT);
    scene.declare("keys", 90, BOTH);
    scene.declare("logs", 90, BOTH);
    scene.run(&["apply", "--yes"]).expect(0);
    scene.remove("packs/logs.yaml");
    scene.declare("keys", 60, BOTH);
    let mark = scene.aws.mark();
    let ended = scene.run(&["apply", "--yes"]).expect(1);
    let waits = "Waiting for approval: delete 1 pack in 2 regions.";
    assert!(ended.stdout.contains(waits), "{}", ended.text());
    assert_eq!(scene.aws.mutations(mark), ["Put eu-west-1 keys", "Put us-east-1 keys"]);
}

#[test]
fn what_apply_only_shows_is_remembered_all_the_same() {
    let scene = scene(INSTANT);
    let state = scene.path("state");
    let apply = ["apply", "--yes", "--state-directory", state.to_str().unwrap()];
    let remembered = || {
        let terms = RecordTerms {
            directory: Some(state.clone()),
            installation: "test".parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            command: String::new(),
            retention: Duration::from_hours(24),
            bytes_max: BYTES_MAX,
        };
        let now = Stamp::of_wall(scene.aws.now());
        let window = RecordReader::open(&terms).unwrap().window(&now).unwrap();
        let held = window.held.iter().map(|held| held.key.pack.as_str().to_owned());
        (held.collect::<Vec<_>>(), window.reads.len())
    };
    scene.declare("keys", 90, "eu-west-1");
    scene.declare("logs", 90, "eu-west-1");
    scene.run(&apply).expect(0);
    assert_eq!(remembered(), (Vec::new(), 0));
    let expires = scene.aws.now() + SignedDuration::from_hours(48);
    scene.write(
        "packs/approval.yaml",
        &format!(
            "apiVersion: conformd.io/v1alpha1\nkind: Approval\nmetadata: {{name: ok}}\nspec:\n  \
         reason: retired\n  expires: {expires}\n  permits: [{{pack: keys, loseRules: [x]}}]\n",
        ),
    );
    scene.write(
        "packs/logs.yaml",
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {name: logs}\nspec: {state: Absent}\n",
    );
    let mark = scene.aws.mark();
    scene.run(&apply).expect(1);
    assert_eq!(scene.aws.mutations(mark), Vec::<String>::new());
    assert_eq!(remembered(), (vec!["logs".to_owned()], 1));
    scene.declare("logs", 90, "eu-west-1");
    scene.run(&apply).expect(0);
    assert_eq!(remembered(), (Vec::new(), 1));
}

#[test]
fn a_refused_step_fails_apply() {
    let scene = scene(INSTANT);
    scene.declare("keys", 90, BOTH);
    scene.aws.disturb(&json!({
        "operation": "PutOrganizationConformancePack", "region": "eu-west-1",
        "effect": { "kind": "access_denied" },
    }));
    let ended = scene.run(&["apply", "--yes"]).expect(1);
    assert!(ended.stdout.contains("refused"), "{}", ended.text());
    assert_eq!(scene.aws.packs(), ["us-east-1/keys"]);
}

#[test]
fn an_interrupt_keeps_the_counts_so_far() {
    let scene = scene(&slow(600));
    scene.declare("keys", 90, BOTH);
    let program = scene.start(&["apply", "--yes", "--wait", "30m"]);
    program.eventually("put", || (scene.aws.packs().len() == 2).then_some(()));
    program.signal("INT");
    let ended = program.end().expect(1);
    assert!(ended.stdout.contains("accepted"), "{}", ended.text());
    assert!(ended.stdout.contains("member deployments are still in progress"), "{}", ended.text());
    assert!(ended.stdout.contains("Interrupted; AWS continues"), "{}", ended.text());
}

#[test]
fn whatever_is_simulated_says_so() {
    let scene = scene(INSTANT);
    scene.declare("keys", 90, BOTH);
    for arguments in [&["plan"][..], &["apply", "--yes"], &["status", "--direct"]] {
        let ended = scene.run(arguments);
        assert!(ended.stdout.starts_with("SIMULATED"), "{}", ended.text());
    }
    let json = scene.run(&["plan", "-o", "json"]).expect(0);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["version"], &json["simulated"]), (&json!(2), &json!(true)));
    for arguments in [&["approve", "--direct"][..], &["approve"]] {
        let approve = scene.run(arguments).expect(0);
        // Without a daemon, a line before says so.
        let mut lines = approve.stderr.lines().filter(|line| !line.contains("no daemon answers"));
        assert!(lines.next().unwrap().starts_with("SIMULATED"), "{}", approve.text());
        assert_eq!(approve.stdout, "");
    }
}
