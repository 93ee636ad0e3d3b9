//! What packs held before a change is judged by the templates that were delivered: every command
//! knows the same ones, and what is not known counts as lost.

use std::fmt::Write as _;

use conformd::record::FILE;
use serde_json::Value;

use crate::support::process::{Ended, Scene, Settings};

const REGION: &str = "eu-west-1";

/// One region, and a record if one is wanted.
fn scene(more: &str) -> Scene {
    let scene = Scene::new();
    set(&scene, more);
    scene
}

fn set(scene: &Scene, more: &str) {
    scene.set(&Settings { regions: REGION, more: format!("{more}\n"), ..Settings::default() });
}

/// Declares a pack of six rules that evaluate these things.
fn declare(scene: &Scene, sources: [&str; 6]) {
    let mut manifest = format!(
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {{name: iam}}\nspec:\n  regions: [{REGION}]\n  template:\n    inline: |\n      \
         Resources:\n"
    );
    for (number, source) in sources.iter().enumerate() {
        write!(
            manifest,
            "        R{number}:\n          Type: AWS::Config::ConfigRule\n          \
             Properties: {{ConfigRuleName: r{number}, \
             Source: {{Owner: AWS, SourceIdentifier: {source}}}}}\n"
        )
        .unwrap();
    }
    scene.write("packs/iam.yaml", &manifest);
}

const GOOD: [&str; 6] = [
    "IAM_PASSWORD_POLICY",
    "ROOT_ACCOUNT_MFA_ENABLED",
    "ACCESS_KEYS_ROTATED",
    "CLOUD_TRAIL_ENABLED",
    "GUARDDUTY_ENABLED_CENTRALIZED",
    "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS",
];
const DUMMY: [&str; 6] = ["INSTANCES_IN_VPC"; 6];

/// What a plan says is held of the pack, each loss in the words of the JSON form.
fn planned(scene: &Scene) -> Vec<String> {
    let plan: Value = serde_json::from_str(&scene.run(&["plan", "-o", "json"]).stdout).unwrap();
    let losses = plan.pointer("/regions/0/pending/losses/iam").and_then(Value::as_array);
    let losses = losses.into_iter().flatten();
    losses.map(ToString::to_string).collect()
}

/// The lines about the pack and what waits, without what differs from process to process.
fn said(ended: &Ended) -> Vec<String> {
    let lines = ended.stdout.lines().map(str::trim);
    let about = lines.filter(|line| line.contains("rule") || line.contains("iam"));
    let mut about: Vec<String> =
        about.filter(|line| !line.starts_with("conformd approve")).map(ToOwned::to_owned).collect();
    about.sort_unstable();
    about.dedup();
    about
}

#[test]
fn plan_approve_and_apply_say_the_same_losses_by_the_same_record() {
    let scene = scene("stateDirectory: state");
    declare(&scene, GOOD);
    scene.run(&["apply", "--yes"]).expect(0);
    declare(&scene, DUMMY);
    let names: Vec<String> = (0..6).map(|number| format!("{{\"rule\":\"r{number}\"}}")).collect();
    let plan = scene.run(&["plan"]).expect(0);
    assert_eq!(planned(&scene), names, "{}", plan.text());
    let approve = scene.run(&["approve", "--reason", "change 1"]).expect(0);
    let rules = (0..6).map(|number| format!("        - r{number}\n")).collect::<Vec<_>>().concat();
    assert!(approve.stdout.contains(&format!("loseRules:\n{rules}")), "{}", approve.text());
    assert!(plan.stdout.contains("lose 6 rules in eu-west-1"), "{}", plan.text());
    let apply = scene.run(&["apply", "--yes"]).expect(1);
    let missing: Vec<String> =
        said(&plan).into_iter().filter(|line| !apply.stdout.contains(line)).collect();
    assert_eq!(missing, [""; 0], "{}\n{}", plan.text(), apply.text());
    assert_eq!(planned(&scene), names, "and afterwards");
}

#[test]
fn commands_beside_a_daemon_know_the_templates_of_its_record() {
    let scene = scene("stateDirectory: state");
    declare(&scene, GOOD);
    let daemon = scene.daemon();
    daemon.program.eventually("put", || (!scene.aws.packs().is_empty()).then_some(()));
    daemon.program.eventually("recorded", || {
        let digest = "SELECT count(*) FROM deliveries";
        (count(&scene, digest) > 0).then_some(())
    });
    declare(&scene, ["INSTANCES_IN_VPC", GOOD[1], GOOD[2], GOOD[3], GOOD[4], GOOD[5]]);
    let one = ["{\"rule\":\"r0\"}"];
    assert_eq!(planned(&scene), one);
    let apply = scene.run(&["apply", "--yes"]).expect(1);
    assert!(apply.stderr.contains("in use"), "{}", apply.text());
    assert!(apply.stdout.contains("lose 1 rule in eu-west-1"), "{}", apply.text());
    daemon.stop().expect(0);
}

fn count(scene: &Scene, sql: &str) -> i64 {
    let path = scene.path("state").join(FILE);
    let Ok(connection) = rusqlite::Connection::open(path) else { return 0 };
    connection.query_row(sql, [], |row| row.get(0)).unwrap_or_default()
}

#[test]
fn rules_of_a_template_that_is_not_known_are_all_lost_whatever_replaces_them() {
    let scene = scene("");
    declare(&scene, GOOD);
    scene.run(&["apply", "--yes"]).expect(0);
    assert_eq!(scene.run(&["plan"]).expect(0).stdout.matches("held").count(), 0);
    declare(&scene, DUMMY);
    assert_eq!(planned(&scene), ["{\"rules\":6}"]);
    let approve = scene.run(&["approve", "--reason", "change 1"]).expect(0);
    assert!(approve.stdout.contains("loseRules: 6"), "{}", approve.text());
    let mark = scene.aws.mark();
    scene.run(&["apply", "--yes"]).expect(1);
    assert_eq!(scene.aws.mutations(mark), [""; 0]);
}

#[test]
fn a_record_that_began_later_learns_the_templates_that_are_deployed() {
    let scene = scene("");
    declare(&scene, GOOD);
    scene.run(&["apply", "--yes"]).expect(0);
    set(&scene, "stateDirectory: state");
    scene.run(&["apply", "--yes"]).expect(0);
    assert_eq!(count(&scene, "SELECT count(*) FROM deliveries"), 0, "nothing was put");
    declare(&scene, ["INSTANCES_IN_VPC", GOOD[1], GOOD[2], GOOD[3], GOOD[4], GOOD[5]]);
    assert_eq!(planned(&scene), ["{\"rule\":\"r0\"}"]);
}
