//! Plans for review: rules and exclusions by name, Markdown without values, `diff`.

use std::process::Command;

use serde_json::Value;

use crate::support::process::{Scene, Settings, manifest};

const BOTH: &str = "us-east-1, eu-west-1";

const TEMPLATE: &str = "
Parameters:
  Age: {Type: String, Default: '90'}
Resources:
  Keys:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: keys-are-rotated
      Description: Keys are young.
      MaximumExecutionFrequency: One_Hour
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
      InputParameters: {maxAccessKeyAge: !Ref Age}
  Root:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: root-has-mfa
      Source: {Owner: AWS, SourceIdentifier: ROOT_ACCOUNT_MFA_ENABLED}
";

/// A pack whose template is a file, deployed; what the record keeps depends on the settings.
fn deployed(more: &str) -> Scene {
    let scene = Scene::new();
    scene.set(&Settings { regions: BOTH, more: more.to_owned(), ..Settings::default() });
    scene.write("templates/keys.yaml", TEMPLATE);
    declare(&scene, "");
    scene.run(&["apply", "--yes"]).expect(0);
    scene
}

fn declare(scene: &Scene, more: &str) {
    scene.write(
        "packs/keys.yaml",
        &format!(
            "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
             metadata: {{name: keys}}\nspec:\n  template: {{file: ../templates/keys.yaml}}\n{more}"
        ),
    );
}

/// The text without digests.
fn redacted(text: &str) -> String {
    let is_digest =
        |word: &str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive([' ', '\n', ':', '#', ')']);
    let word = |word: &str| {
        let core = word.trim_end_matches([' ', '\n', ':', '#', ')']);
        if is_digest(core) { word.replace(core, "DIGEST") } else { word.to_owned() }
    };
    words.map(word).collect()
}

fn change(scene: &Scene) {
    let new = TEMPLATE
        .replace("One_Hour", "Three_Hours")
        .replace("maxAccessKeyAge: !Ref Age", "maxAccessKeyAge: 's3cret'")
        .replace("root-has-mfa", "root-has-hardware-mfa");
    scene.write("templates/keys.yaml", &new);
}

const RECORD: &str = "stateDirectory: state\n";

#[test]
fn a_changed_template_is_shown_rule_by_rule_from_the_record() {
    let scene = deployed(RECORD);
    change(&scene);
    let diff = scene.run(&["diff"]).expect(0);
    insta::assert_snapshot!(redacted(&diff.stdout), @"
    SIMULATED: no real AWS account is read or changed
      ~ keys update in eu-west-1, us-east-1
          template   DIGEST (2 rules) → DIGEST (2 rules)
            rule ~ keys-are-rotated
              InputParameters.maxAccessKeyAge: {Ref: Age} → s3cret
              MaximumExecutionFrequency: One_Hour → Three_Hours
            rule + root-has-hardware-mfa
            rule - root-has-mfa
    ");
    scene.run(&["diff", "--detailed-exitcode"]).expect(2);
    scene.run(&["diff", "--detailed-exitcode", "keys"]).expect(2);
    let wrong = scene.run(&["diff", "kesy"]).expect(64);
    assert!(wrong.stderr.contains("did you mean keys?"), "{}", wrong.text());
    let json = scene.run(&["diff", "-o", "json"]).expect(0).stdout;
    assert!(!json.contains("s3cret"), "{json}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["packs"][0]["regions"], serde_json::json!(["eu-west-1", "us-east-1"]));
    let content = &json["packs"][0]["changes"][0]["content"];
    assert_eq!(content["known"], true);
    let fields = &content["parts"][0]["fields"];
    assert_eq!(fields[1]["old"], "One_Hour");
    assert!(fields[0]["new"].as_str().unwrap().starts_with('#'), "{fields}");
}

#[test]
fn without_a_record_the_old_template_comes_from_git_and_else_it_is_unknown() {
    let scene = deployed("");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        assert!(git.current_dir(scene.path("")).output().unwrap().status.success());
    };
    let unknown = "content unknown: neither the record nor the manifests have it";
    change(&scene);
    let diff = scene.run(&["diff"]).expect(0).stdout;
    assert!(diff.contains(unknown), "{diff}");
    scene.write("templates/keys.yaml", TEMPLATE);
    git(&["init", "--quiet"]);
    git(&["add", "templates"]);
    git(&["commit", "--quiet", "-m", "one"]);
    change(&scene);
    // A template may also be a part of its manifest.
    scene.declare("mail", 90, BOTH);
    scene.run(&["apply", "--yes"]);
    git(&["add", "packs"]);
    git(&["commit", "--quiet", "-m", "two"]);
    let changed =
        manifest("mail", 90, BOTH).replace("ConfigRuleName: mail", "ConfigRuleName: post");
    scene.write("packs/mail.yaml", &changed);
    for arguments in [&["diff"] as &[&str], &["plan"]] {
        let text = scene.run(arguments).expect(0).stdout;
        assert!(!text.contains(unknown), "{text}");
        assert!(text.contains("rule + root-has-hardware-mfa"), "{text}");
        assert!(text.contains("rule + post") && text.contains("rule - mail"), "{text}");
    }
}

#[test]
fn a_change_of_descriptions_alone_says_so() {
    let scene = deployed(RECORD);
    scene.write("templates/keys.yaml", &TEMPLATE.replace("Keys are young.", "Keys are rotated."));
    let plan = scene.run(&["plan", "--region", "eu-west-1"]).expect(0).stdout;
    insta::assert_snapshot!(redacted(&plan), @"
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:DIGEST
      ~ keys update
          template   DIGEST (2 rules) → DIGEST (2 rules)
            only descriptions differ
            rule ~ keys-are-rotated
              Description: Keys are young. → Keys are rotated.
      Plan: 0 to create, 1 to update, 0 to delete.

    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn accounts_that_enter_and_leave_an_exclusion_are_named() {
    let scene = deployed("");
    scene.set(&Settings { regions: BOTH, intervals: ("1s", "1s"), ..Settings::default() });
    declare(&scene, "  exclude: {accounts: [\"333333333333\"]}\n");
    let plan = scene.run(&["diff"]).expect(0).stdout;
    assert!(plan.contains("excluded   + 333333333333 workload ("), "{plan}");
    // A newly excluded account is a loss, which waits for an approval.
    let printed = scene.run(&["approve", "--reason", "moved"]).expect(0);
    scene.write("packs/approve.yaml", &printed.stdout);
    scene.run(&["apply", "--yes", "--wait-for-confirmation"]).expect(0);
    declare(&scene, "");
    scene.remove("packs/approve.yaml");
    let plan = scene.run(&["diff"]).expect(0).stdout;
    assert!(plan.contains("excluded   - 333333333333 workload ("), "{plan}");
}

#[test]
fn a_plan_for_a_pull_request_is_markdown_without_values() {
    let scene = deployed(RECORD);
    change(&scene);
    scene.write("packs/mail.yaml", &manifest("mail", 7_777, "us-east-1"));
    let plan = scene.run(&["plan", "-o", "markdown"]).expect(0).stdout;
    assert!(!plan.contains("7777") && !plan.contains("s3cret"), "{plan}");
    insta::assert_snapshot!(redacted(&plan), @"
    ### conformd: Plan: 1 to create, 0 to update, 0 to delete; 2 changes held.

    SIMULATED: no real AWS account is read or changed.

    > **Waiting for approval:** lose 1 rule in 2 regions.
    > `conformd approve` prints the document that permits it.

    #### eu-west-1

    ```diff
    ! keys held, would update
        template   DIGEST (2 rules) → DIGEST (2 rules)
          rule ~ keys-are-rotated
            InputParameters.maxAccessKeyAge: #DIGEST → #DIGEST
            MaximumExecutionFrequency: One_Hour → Three_Hours
          rule + root-has-hardware-mfa
          rule - root-has-mfa
        guard: waiting for approval: lose 1 rule in eu-west-1 (the losses of the last 24 h are unknown (the record is less than 24 hours old; observed for 0 h so far)); commit the document that `conformd approve` prints, or revert the change
    1 change held.
    ```

    #### us-east-1

    ```diff
    + mail create
        template   DIGEST (1 rule)
        parameter  Age = #DIGEST
    ! keys held, would update
        template   DIGEST (2 rules) → DIGEST (2 rules)
          rule ~ keys-are-rotated
            InputParameters.maxAccessKeyAge: #DIGEST → #DIGEST
            MaximumExecutionFrequency: One_Hour → Three_Hours
          rule + root-has-hardware-mfa
          rule - root-has-mfa
        guard: waiting for approval: lose 1 rule in us-east-1 (the losses of the last 24 h are unknown (the record is less than 24 hours old; observed for 0 h so far)); commit the document that `conformd approve` prints, or revert the change
    Plan: 1 to create, 0 to update, 0 to delete; 1 change held.
    ```

    Values of parameters are shown as digests.
    ");
    scene.run(&["apply", "--yes"]);
    scene.remove("packs/keys.yaml");
    let plan = scene.run(&["plan", "-o", "markdown"]).expect(0).stdout;
    assert!(plan.contains("> **Waiting for approval:** "), "{plan}");
}
