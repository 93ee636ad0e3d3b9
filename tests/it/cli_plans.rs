//! Plans for review: rules and exclusions by name, Markdown without values, `diff`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::process::{Program, Scene, Settings, command, manifest};

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

/// What git says in the folder of the scene.
fn git(scene: &Scene, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
    let ended = git.current_dir(scene.path("")).output().unwrap();
    assert!(ended.status.success(), "{arguments:?}: {ended:?}");
    String::from_utf8(ended.stdout).unwrap()
}

/// Commits this folder, to a new repository if there is none.
fn commit(scene: &Scene, folder: &str) {
    git(scene, &["init", "--quiet"]);
    git(scene, &["add", folder]);
    git(scene, &["commit", "--quiet", "-m", "commit"]);
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
    let unknown = "content unknown: not in the manifests or the record";
    change(&scene);
    let diff = scene.run(&["diff"]).expect(0).stdout;
    assert!(diff.contains(unknown), "{diff}");
    scene.write("templates/keys.yaml", TEMPLATE);
    commit(&scene, "templates");
    change(&scene);
    // A template may also be a part of its manifest.
    scene.declare("mail", 90, BOTH);
    scene.run(&["apply", "--yes"]);
    commit(&scene, "packs");
    let changed =
        manifest("mail", 90, BOTH).replace("ConfigRuleName: mail", "ConfigRuleName: post");
    scene.write("packs/mail.yaml", &changed);
    // `apply` shows what the others show, and then does nothing: both changes lose rules.
    for (arguments, code) in [(&["diff"] as &[&str], 0), (&["plan"], 0), (&["apply", "--yes"], 1)] {
        let text = scene.run(arguments).expect(code).stdout;
        assert!(!text.contains(unknown), "{text}");
        assert!(text.contains("rule + root-has-hardware-mfa"), "{text}");
        assert!(text.contains("rule + post") && text.contains("rule - mail"), "{text}");
    }
}

#[test]
fn apply_carries_out_the_plan_that_it_completed_from_git() {
    let scene = deployed("");
    commit(&scene, "templates");
    let more = "  Mfa:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: users-have-mfa
      Source: {Owner: AWS, SourceIdentifier: IAM_USER_MFA_ENABLED}
";
    scene.write("templates/keys.yaml", &format!("{TEMPLATE}{more}"));
    // Without a record, the guard counts every rule of a changed template as lost.
    scene.set(&Settings { regions: BOTH, intervals: ("1s", "1s"), ..Settings::default() });
    let printed = scene.run(&["approve", "--reason", "one more rule"]).expect(0);
    scene.write("packs/approve.yaml", &printed.stdout);
    let applied = scene.run(&["apply", "--yes", "--wait-for-confirmation"]).expect(0).stdout;
    assert!(applied.contains("rule + users-have-mfa"), "{applied}");
    assert!(applied.contains("accepted"), "{applied}");
}

/// A repository whose configuration starts a program at every occasion; each leaves a file.
fn hostile(scene: &Scene) {
    let run = |name: &str| {
        let script =
            format!("#!/bin/sh\ntouch '{}'\n", scene.path(&format!("ran-{name}")).display());
        scene.write(&format!("hostile/{name}"), &script);
        let path = scene.path(&format!("hostile/{name}"));
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (setting, value) in [
        ("core.fsmonitor", run("fsmonitor")),
        ("core.pager", run("pager")),
        ("core.sshCommand", run("ssh")),
        ("core.alternateRefsCommand", run("alternates")),
        ("diff.external", run("external")),
        ("diff.run.textconv", run("textconv")),
        ("diff.run.command", run("command")),
        ("filter.run.smudge", run("smudge")),
        ("filter.run.clean", run("clean")),
        ("log.showSignature", "true".to_owned()),
        ("gpg.program", run("gpg")),
        ("credential.helper", run("credential")),
        // Whatever is missing is to be fetched, by a program again.
        ("extensions.partialClone", "origin".to_owned()),
        ("remote.origin.promisor", "true".to_owned()),
        ("remote.origin.url", scene.path("").to_str().unwrap().to_owned()),
        ("remote.origin.uploadpack", run("uploadpack")),
        ("core.repositoryFormatVersion", "1".to_owned()),
        ("core.hooksPath", scene.path("hostile/hooks").to_str().unwrap().to_owned()),
    ] {
        git(scene, &["config", setting, &value]);
    }
    for hook in ["post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"] {
        run(&format!("hooks/{hook}"));
    }
    scene.write(".git/info/attributes", "* diff=run filter=run\n");
}

#[test]
fn nothing_in_the_repository_of_the_source_starts_a_program() {
    let scene = deployed("");
    commit(&scene, "templates");
    // A signature makes git ask gpg, as long as something shows signatures.
    let signed = git(&scene, &["cat-file", "commit", "HEAD"]);
    let signature =
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n YQ==\n -----END PGP SIGNATURE-----\n";
    scene.write("signed", &signed.replacen("\n\n", &format!("\n{signature}\n"), 1));
    let signed = git(&scene, &["hash-object", "-t", "commit", "-w", "signed"]);
    git(&scene, &["update-ref", "HEAD", signed.trim()]);
    // One content of the history is missing.
    scene.write("templates/keys.yaml", "Gone: {}\n");
    commit(&scene, "templates");
    let gone = git(&scene, &["rev-parse", "HEAD:templates/keys.yaml"]);
    let (folder, name) = gone.trim().split_at(2);
    scene.remove(&format!(".git/objects/{folder}/{name}"));
    hostile(&scene);
    change(&scene);
    for arguments in [&["diff"] as &[&str], &["plan"]] {
        let text = scene.run(arguments).expect(0).stdout;
        assert!(text.contains("rule + root-has-hardware-mfa"), "{text}");
    }
    let names = fs::read_dir(scene.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let ran: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("ran-")).collect();
    assert!(ran.is_empty(), "{ran:?}");
}

#[test]
fn a_directory_that_only_looks_like_a_repository_is_not_searched() {
    let scene = deployed("");
    commit(&scene, "templates");
    // A commit can contain all of this; git of any version would take it for a repository.
    for name in ["HEAD", "config", "objects", "refs"] {
        fs::rename(scene.path(".git").join(name), scene.path(name)).unwrap();
    }
    fs::remove_dir_all(scene.path(".git")).unwrap();
    let mut config = fs::read_to_string(scene.path("config")).unwrap();
    config.push_str("[log]\nshowSignature = true\n[gpg]\nprogram = ./run\n");
    scene.write("config", &config.replace("bare = false", "bare = true"));
    program(&scene, "run", "touch \"$HOME/ran\"");
    program(&scene, "bin/git", "touch \"$HOME/ran\"; exec /usr/bin/git \"$@\"");
    change(&scene);
    for arguments in ["diff", "plan"] {
        let mut command = command(&scene.path(""));
        let path = format!("{}:/usr/bin:/bin", scene.path("bin").display());
        command.env("PATH", path).args([arguments, "--config", "conformd.yaml"]);
        let text = Program::start(command).end().expect(0).stdout;
        assert!(text.contains("content unknown"), "{text}");
    }
    assert!(!scene.path("ran").exists(), "something was started");
}

#[test]
fn git_gets_the_repository_above_the_source_and_no_credentials() {
    let scene = deployed("");
    commit(&scene, "templates");
    program(&scene, "bin/git", "env > \"$HOME/environment\"; exec /usr/bin/git \"$@\"");
    let settings = fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    scene.write("conformd.yaml", &settings.replace("root: .,", "root: below,"));
    for folder in ["packs", "templates"] {
        fs::create_dir_all(scene.path("below")).unwrap();
        fs::rename(scene.path(folder), scene.path("below").join(folder)).unwrap();
    }
    commit(&scene, "below");
    let changed = TEMPLATE.replace("root-has-mfa", "root-has-hardware-mfa");
    scene.write("below/templates/keys.yaml", &changed);
    let mut diff = command(&scene.path(""));
    let path = format!("{}:/usr/bin:/bin", scene.path("bin").display());
    diff.env("PATH", path).env("AWS_SECRET_ACCESS_KEY", "s3cret").env("GIT_DIR", "/elsewhere");
    let diff = Program::start({
        diff.args(["diff", "--config", "conformd.yaml"]);
        diff
    });
    let text = diff.end().expect(0).text();
    assert!(text.contains("rule + root-has-hardware-mfa"), "{text}");
    let environment = fs::read_to_string(scene.path("environment")).unwrap();
    assert!(!environment.contains("AWS_") && !environment.contains("GIT_DIR"), "{environment}");
}

/// Writes a shell script that can be run.
fn program(scene: &Scene, name: &str, lines: &str) {
    scene.write(name, &format!("#!/bin/sh\n{lines}\n"));
    fs::set_permissions(scene.path(name), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_search_in_git_that_does_not_end_is_ended_and_the_content_is_unknown() {
    let scene = deployed("");
    commit(&scene, "templates");
    change(&scene);
    program(&scene, "bin/git", "echo $$ > \"$HOME/git-id\"\nexec sleep 1000");
    let mut diff = command(&scene.path(""));
    let path = format!("{}:/usr/bin:/bin", scene.path("bin").display());
    diff.env("PATH", path).args(["diff", "--config", "conformd.yaml"]);
    let diff = Program::start(diff).end().expect(0);
    assert!(diff.stdout.contains("content unknown"), "{}", diff.text());
    let id = fs::read_to_string(scene.path("git-id")).unwrap();
    // What was killed has no command line any more, even while nothing has asked for its end.
    let line = fs::read(Path::new("/proc").join(id.trim()).join("cmdline")).unwrap_or_default();
    assert!(line.is_empty(), "git still runs: {}", String::from_utf8_lossy(&line));
}

#[test]
fn a_plan_for_review_names_what_is_wrong_in_the_source() {
    let scene = deployed(RECORD);
    scene.write("packs/broken.yaml", "apiVersion: conformd.io/v1alpha1\noops: `true\n");
    let plan = scene.run(&["plan", "-o", "markdown"]).expect(1).stdout;
    assert!(plan.contains("**Errors in the source**"), "{plan}");
    assert!(plan.contains("> - `packs/broken.yaml:"), "{plan}");
}

#[test]
fn an_excluded_account_that_the_organization_does_not_have_is_named() {
    let scene = deployed(RECORD);
    declare(&scene, "  exclude: {accounts: [\"333333333334\"]}\n");
    for command in ["plan", "diff"] {
        let ended = scene.run(&[command]).expect(0);
        let warning = "keys: exclude.accounts: not in the organization: 333333333334";
        assert_eq!(ended.stderr.matches(warning).count(), 1, "{}", ended.text());
    }
}

#[test]
fn packs_that_only_aws_has_are_no_misspelt_names() {
    let scene = deployed(RECORD);
    for (name, marker) in [("foreign", "v1.other"), ("unmanaged", "none")] {
        let pack = json!({
            "region": "eu-west-1", "name": name, "parameters": { "ConformdMarker": marker },
        });
        scene.aws.control("POST", "packs", &pack);
    }
    let declared = fs::read_to_string(scene.path("packs/keys.yaml")).unwrap();
    let orphan = declared.replace("name: keys", "name: left") + "  deletionPolicy: Orphan\n";
    scene.write("packs/left.yaml", &orphan);
    scene.run(&["apply", "--yes"]).expect(0);
    scene.remove("packs/left.yaml");
    for name in ["foreign", "unmanaged", "left"] {
        let diff = scene.run(&["diff", name, "--detailed-exitcode"]).expect(0);
        let text = format!("{name}: no manifest declares it, so nothing is compared\n");
        assert!(diff.stdout.ends_with(&text), "{}", diff.text());
        scene.run(&["diff", name, "-o", "json"]).expect(0);
    }
    let elsewhere = scene.run(&["diff", "foreign", "--region", "us-east-1"]).expect(64);
    assert!(elsewhere.stderr.contains("AWS has none in us-east-1"), "{}", elsewhere.text());
    // What could not be read may contain any pack.
    scene.aws.disturb(&json!({ "region": "eu-west-1", "effect": { "kind": "access_denied" } }));
    let unread = scene.run(&["diff", "foreign"]).expect(1);
    assert!(unread.stdout.contains("? unknown: eu-west-1 could not be read"), "{}", unread.text());
    assert!(!unread.stdout.contains("No differences"), "{}", unread.text());
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
fn a_value_that_may_be_a_secret_is_hidden_within_a_function_too() {
    let scene = Scene::new();
    let more = RECORD.to_owned();
    scene.set(&Settings { regions: BOTH, more, ..Settings::default() });
    let template = |word: &str| {
        let source = |text: &str| {
            format!(
                "{{Owner: CUSTOM_POLICY, SourceDetails: [{{EventSource: aws.config, MessageType: \
                 ConfigurationItemChangeNotification}}], CustomPolicyDetails: \
                 {{PolicyRuntime: guard-2.x.x, PolicyText: {text}}}}}"
            )
        };
        let text = format!(
            "Metadata: {{Contact: contact-{word}}}
Parameters:
  Age: {{Type: String, Default: '90'}}
Conditions:
  IsOld: !Equals [!Ref Age, '90']
Resources:
  Policy:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: policy
      Source: !If [IsOld, {}, {}]
",
            source(&format!("policy-{word}")),
            source("other")
        );
        scene.write("templates/keys.yaml", &text);
    };
    template("s3cret");
    declare(&scene, "");
    scene.run(&["apply", "--yes"]).expect(0);
    template("s4cret");
    for arguments in
        [&["plan", "-o", "json"] as &[&str], &["plan", "-o", "markdown"], &["diff", "-o", "json"]]
    {
        let text = scene.run(arguments).expect(0).stdout;
        assert!(text.contains("Source") && text.contains("Contact"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("s4cret"), "{text}");
    }
    let diff = scene.run(&["diff"]).expect(0).stdout;
    assert!(diff.contains("policy-s4cret") && diff.contains("contact-s4cret"), "{diff}");
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
