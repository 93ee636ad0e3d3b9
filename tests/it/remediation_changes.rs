//! Remediations act in every member account: a plan and `validate` count them and name them.

use serde_json::{Value, json};

use crate::support::process::{Scene, Settings, manifest};

/// A scene whose settings allow remediations.
fn scene() -> Scene {
    let scene = Scene::new();
    let more = "stateDirectory: state\ntemplates: {remediations: allowed}\n".to_owned();
    scene.set(&Settings { regions: "eu-west-1", more, ..Settings::default() });
    scene
}

/// Declares one rule, and these remediations of it.
fn declare(scene: &Scene, remediations: &[&str]) {
    let resources: Vec<String> = remediations
        .iter()
        .enumerate()
        .map(|(number, more)| {
            format!(
                "Fix{number}: {{Type: AWS::Config::RemediationConfiguration, Properties: \
                 {{ConfigRuleName: {{Ref: Keys}}, TargetType: SSM_DOCUMENT, {more}}}}}\n        "
            )
        })
        .collect();
    let text =
        manifest("keys", 90, "eu-west-1").replace("Keys:", &format!("{}Keys:", resources.concat()));
    scene.write("packs/keys.yaml", &text);
}

/// What a plan says of the template.
fn planned(scene: &Scene) -> String {
    let plan = scene.run(&["plan"]);
    let lines = plan
        .stdout
        .lines()
        .filter(|line| line.trim_start().starts_with("template ") || line.contains("remediation "));
    let lines: Vec<&str> = lines.map(str::trim).collect();
    assert!(!lines.is_empty(), "{}", plan.text());
    // Digests tell nothing here.
    let words = |line: &str| {
        let words = line.split(' ').map(|word| {
            let is_digest = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_digest { "<digest>" } else { word }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    lines.into_iter().map(words).collect::<Vec<_>>().join("\n")
}

fn apply(scene: &Scene) {
    scene.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_plan_counts_remediations_and_names_those_that_come_go_or_change() {
    let scene = scene();
    declare(&scene, &[]);
    apply(&scene);
    declare(&scene, &["TargetId: AWS-Fix"]);
    insta::assert_snapshot!(planned(&scene), @"
    template   <digest> (1 rule) → <digest> (1 rule, 1 remediation)
    remediation + keys: AWS-Fix (manual)
    ");
    apply(&scene);
    let automatic = "TargetId: AWS-Fix, Automatic: true, MaximumAutomaticAttempts: 3, \
                     RetryAttemptSeconds: 60, Parameters: {AutomationAssumeRole: {StaticValue: \
                     {Values: [arn:aws:iam::111111111111:role/fix]}}}";
    declare(&scene, &[automatic]);
    insta::assert_snapshot!(planned(&scene), @"
    template   <digest> (1 rule, 1 remediation) → <digest> (1 rule, 1 remediation)
    remediation ~ keys: AWS-Fix (manual) → AWS-Fix (automatic)
    ");
    apply(&scene);
    declare(&scene, &[&automatic.replace("60", "90")]);
    insta::assert_snapshot!(planned(&scene), @"
    template   <digest> (1 rule, 1 remediation) → <digest> (1 rule, 1 remediation)
    remediation ~ keys: AWS-Fix (automatic), with other settings
    ");
    let plan = scene.run(&["plan", "-o", "json"]).stdout;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let change = &plan["regions"][0]["plan"]["steps"][0]["changes"][0];
    let one = json!({"rule": "keys", "target": "AWS-Fix", "automatic": true});
    assert_eq!(change["remediations"], json!([{"old": one, "new": one}]));
    assert_eq!((&change["old"]["remediations"], &change["new"]["rules"]), (&json!(1), &json!(1)));
    declare(&scene, &[]);
    insta::assert_snapshot!(planned(&scene), @"
    template   <digest> (1 rule, 1 remediation) → <digest> (1 rule)
    remediation - keys: AWS-Fix (automatic)
    ");
}

#[test]
fn validate_counts_remediations() {
    let scene = scene();
    declare(&scene, &["TargetId: AWS-Fix"]);
    let validate = |more: &[&str]| {
        let arguments = [&["validate", "packs", "--allow-remediations"], more].concat();
        scene.alone(&arguments).expect(0).stdout
    };
    let text = validate(&[]);
    assert!(text.contains("ok: 1 pack with 1 rule and 1 remediation; 0 errors"), "{text}");
    let json: Value = serde_json::from_str(&validate(&["-o", "json"])).unwrap();
    let pack = &json["packs"][0];
    assert_eq!((&pack["rules"], &pack["remediations"]), (&json!(1), &json!(1)));
}
