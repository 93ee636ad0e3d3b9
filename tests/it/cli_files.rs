//! Commands that write or check files offline: `init`, `validate --config`, `man`.

use std::fs;
use std::process::Command;

use crate::support::process::{Scene, Settings, manifest};

#[test]
fn init_writes_a_repository_that_is_valid_for_every_template() {
    for template in ["iam-baseline", "s3-baseline", "cloudtrail-logging", "encryption"] {
        let scene = Scene::new();
        let arguments = ["init", "repository", "--template", template];
        let more = ["--regions", "us-east-1,eu-west-1", "--account", "123456789012"];
        let written = scene.alone(&[&arguments[..], &more].concat()).expect(0);
        assert!(written.stdout.contains("conformd plan -c conformd.yaml"), "{}", written.text());
        let valid = scene.alone(&["validate", "--config", "repository/conformd.yaml"]).expect(0);
        assert!(valid.stdout.contains("ok: 1 pack "), "{}", valid.text());
        assert!(valid.stdout.contains("0 errors, 0 warnings"), "{}", valid.text());
        let github = ["validate", "-c", "repository/conformd.yaml", "--output", "github"];
        scene.alone(&github).expect(0);
        let pack = fs::read_to_string(scene.path(&format!("repository/packs/{template}.yaml")));
        let pack = pack.unwrap();
        assert!(pack.starts_with("# yaml-language-server: $schema=../manifest.schema.json"));
        assert!(!pack.contains('@'), "{pack}");
        let schema = fs::read_to_string(scene.path("repository/manifest.schema.json")).unwrap();
        let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        assert!(schema.is_valid(&serde_yaml::from_str(&pack).unwrap()), "{pack}");
        let workflow = scene.path("repository/.github/workflows/conformd.yml");
        let workflow: serde_json::Value =
            serde_yaml::from_str(&fs::read_to_string(workflow).unwrap()).unwrap();
        assert!(workflow["jobs"]["validate"].is_object());
    }
}

#[test]
fn init_says_what_it_wrote_and_what_is_next() {
    let scene = Scene::new();
    let written = scene.alone(&["init", "new"]).expect(0);
    insta::assert_snapshot!(written.text(), @"
    exit 0
    --- stdout
    Wrote to new:
      conformd.yaml
      packs/iam-baseline.yaml
      packs/.conformdignore
      templates/iam-baseline.yaml
      manifest.schema.json
      .github/workflows/conformd.yml

    First set aws.expectedAccountId in conformd.yaml to the account that owns the packs.
    Next:
      cd new
      conformd validate -c conformd.yaml     # offline
      conformd iam-policy -c conformd.yaml   # the permissions that conformd needs
      conformd check -c conformd.yaml        # settings and permissions against AWS
      conformd plan -c conformd.yaml         # what would change
    The mode is observe: nothing is written to AWS until you change it.
    ");
}

#[test]
fn init_overwrites_nothing_and_suggests_the_right_template() {
    let scene = Scene::new();
    scene.write("new/packs/iam-baseline.yaml", "mine");
    let refused = scene.alone(&["init", "new"]).expect(1);
    insta::assert_snapshot!(refused.text(), @"
    exit 1
    --- stderr
    conformd: nothing was written, because files exist already: new/packs/iam-baseline.yaml
    ");
    assert_eq!(fs::read_to_string(scene.path("new/packs/iam-baseline.yaml")).unwrap(), "mine");
    assert!(!scene.path("new/conformd.yaml").exists());
    let wrong = scene.alone(&["init", "new", "--template", "iam-basline"]).expect(64);
    assert!(wrong.stderr.contains("'iam-baseline'"), "{}", wrong.text());
    scene.alone(&["init", "new", "--regions", "nowhere"]).expect(64);
}

#[test]
fn init_writes_through_no_symbolic_link_below_its_directory() {
    let scene = Scene::new();
    for name in ["new", "elsewhere"] {
        fs::create_dir(scene.path(name)).unwrap();
    }
    std::os::unix::fs::symlink("../elsewhere", scene.path("new/packs")).unwrap();
    let refused = scene.alone(&["init", "new"]).expect(1);
    assert!(refused.stderr.contains("new/packs is a symbolic link"), "{}", refused.text());
    assert_eq!(fs::read_dir(scene.path("elsewhere")).unwrap().count(), 0);
    assert!(!scene.path("new/conformd.yaml").exists());
    // The directory itself may be reached through one.
    std::os::unix::fs::symlink("elsewhere", scene.path("link")).unwrap();
    scene.alone(&["init", "link"]).expect(0);
}

#[test]
fn init_that_fails_leaves_what_was_there_and_nothing_else() {
    let scene = Scene::new();
    scene.write("new/mine.txt", "mine");
    // A file where a directory is needed: the settings and the pack are written before.
    scene.write("new/templates", "mine");
    let failed = scene.alone(&["init", "new"]).expect(1);
    assert!(failed.stderr.contains("nothing was written"), "{}", failed.text());
    let names = fs::read_dir(scene.path("new")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["mine.txt", "templates"]);
    assert_eq!(fs::read_to_string(scene.path("new/templates")).unwrap(), "mine");
    scene.write("directory-above", "mine");
    scene.alone(&["init", "directory-above/new"]).expect(1);
    scene.remove("new/templates");
    scene.alone(&["init", "new"]).expect(0);
}

#[test]
fn validate_takes_regions_and_remediations_from_the_settings() {
    let scene = Scene::new();
    scene.set(&Settings { regions: "us-east-1", ..Settings::default() });
    let remediation = "Fix: {Type: AWS::Config::RemediationConfiguration, Properties: \
        {ConfigRuleName: {Ref: Keys}, TargetType: SSM_DOCUMENT, TargetId: AWS-Fix}}\n        Keys:";
    let keys = manifest("keys", 90, "us-east-1, eu-west-1").replace("Keys:", remediation);
    scene.write("packs/keys.yaml", &keys);
    let wrong = scene.alone(&["validate", "--config", "conformd.yaml"]).expect(1);
    for code in ["remediation-forbidden", "region-unconfigured"] {
        assert!(wrong.stdout.contains(code), "{}", wrong.text());
    }
    let more = "templates: {remediations: allowed}\n".to_owned();
    scene.set(&Settings { regions: "us-east-1, eu-west-1", more, ..Settings::default() });
    scene.alone(&["validate", "--config", "conformd.yaml"]).expect(0);
    scene.alone(&["validate", "packs", "--config", "conformd.yaml"]).expect(0);
    scene.alone(&["validate", "--config", "nowhere.yaml"]).expect(78);
    scene.alone(&["validate"]).expect(64);
    scene.alone(&["validate", "packs", "-c", "conformd.yaml", "--regions", "us-east-1"]).expect(64);
}

#[test]
fn a_misspelt_region_is_noticed_without_settings_too() {
    let scene = Scene::new();
    let written = scene.alone(&["init", "new", "--regions", "us-esat-1"]).expect(0);
    assert!(written.stderr.contains("did you mean us-east-1?"), "{}", written.text());
    scene.declare("keys", 90, "eu-wset-1");
    let valid = scene.alone(&["validate", "packs"]).expect(0);
    assert!(valid.stdout.contains("region-unknown"), "{}", valid.text());
    assert!(valid.stdout.contains("did you mean eu-west-1?"), "{}", valid.text());
}

#[test]
fn a_command_without_settings_says_how_to_name_them() {
    let scene = Scene::new();
    let beside = scene.alone(&["plan"]).expect(78);
    assert!(beside.stderr.contains("use -c conformd.yaml"), "{}", beside.text());
    scene.remove("conformd.yaml");
    let none = scene.alone(&["plan"]).expect(78);
    for word in ["-c", "CONFORMD_CONFIG", "conformd init"] {
        assert!(none.stderr.contains(word), "{}", none.text());
    }
    scene.write("folder/conformd.yaml", "installation: 1\n");
    let wrong = scene.alone(&["plan", "-c", "folder/conformd.yaml"]).expect(78);
    assert!(wrong.stderr.contains("--> folder/conformd.yaml"), "{}", wrong.text());
}

#[test]
fn account_ids_on_a_command_line_need_no_quotes() {
    let scene = Scene::new();
    for arguments in [&["init", "new", "--account", "123"] as &[&str], &["explain", "123"]] {
        let wrong = scene.alone(arguments).expect(64);
        assert!(wrong.stderr.contains("expected an account id (12 digits)"), "{}", wrong.text());
    }
}

#[test]
fn manual_pages_are_roff_for_every_command() {
    let scene = Scene::new();
    let page = scene.alone(&["man"]).expect(0).stdout;
    assert!(page.contains(".TH conformd 1"), "{page}");
    let plan = scene.alone(&["man", "plan"]).expect(0).stdout;
    assert!(plan.contains(".TH conformd-plan 1") && plan.contains("detailed\\-exitcode"), "{plan}");
    let wrong = scene.alone(&["man", "paln"]).expect(64);
    assert!(wrong.stderr.contains("did you mean plan?"), "{}", wrong.text());
    scene.alone(&["man", "--dir", "share/man1"]).expect(0);
    let files = fs::read_dir(scene.path("share/man1")).unwrap().count();
    let help = scene.alone(&["--help"]).expect(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| !line.starts_with("   ") && !line.contains(" help "));
    assert_eq!(files, 1 + commands.count());
    // Where man is installed, it reads them without a warning.
    let mut read = Command::new("man");
    read.args(["--warnings", "-l"]).arg(scene.path("share/man1/conformd.1"));
    if let Ok(read) = read.output() {
        assert!(read.stderr.is_empty() && read.status.success(), "{read:?}");
    }
}
