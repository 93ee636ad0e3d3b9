//! `conformd check` as a user meets it, against a simulated AWS.

use serde_json::Value;

use crate::support::process::{Scene, Settings};

/// Trusted access is on because another account administers as well; every member has the role.
const ORGANIZATION: &str = r#"
regions: [us-east-1, eu-west-1]
administrators: ["222222222222"]
accounts:
  - {id: "111111111111", name: management}
  - {id: "222222222222", name: security}
  - {id: "333333333333", name: workload}
roles:
  - {name: RecorderProbe, externalId: from-the-settings}
knobs:
  lag: {packs: 0s, statuses: 0s, rows: 0s}
  fanOut: {delay: 0s, duration: 0s, removal: 0s, parallelism: 100}
"#;

const PROBE: &str =
    "recorderProbe: {roleName: conformd/RecorderProbe, externalId: from-the-settings}";

fn settings(regions: &'static str, more: &str) -> Settings {
    Settings { regions, more: format!("{more}\n"), ..Settings::default() }
}

/// An organization with one declared pack.
fn scene(organization: &str, settings: &Settings) -> Scene {
    let scene = Scene::on(organization);
    scene.set(settings);
    scene.declare("keys", 90, "us-east-1");
    scene
}

/// What `check` prints, if it ends like this; without what differs between two runs.
fn check(scene: &Scene, code: i32) -> String {
    let ended = scene.run(&["check"]).expect(code);
    assert_eq!(ended.stderr, "");
    let text = ended.stdout.replace(&scene.aws.address.to_string(), "127.0.0.1:PORT");
    // The simulator's clock shows whole seconds.
    let (head, tail) = text.split_once("  clock ").unwrap();
    let (_, sum) = tail.split_once('\n').unwrap();
    let text = format!("{head}  clock …\n{sum}");
    let lines = text.lines().map(|line| match line.split_once(" (request ") {
        Some((said, id)) => format!("{said}{}", id.split_once(')').unwrap().1),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines of it that are not well, and the sum.
fn trouble(scene: &Scene, code: i32) -> String {
    let text = check(scene, code);
    let lines = text.lines().skip(1).filter(|line| !line.starts_with("ok "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_installation_that_will_work_is_described_and_passes() {
    let scene = scene(ORGANIZATION, &settings("us-east-1, eu-west-1", PROBE));
    scene.run(&["apply", "--yes"]).expect(0);
    insta::assert_snapshot!(check(&scene, 0), @"
    SIMULATED: http://127.0.0.1:PORT stands in for AWS
    ok    identity            account 111111111111 as arn:aws:iam::111111111111:user/simulated, partition aws
    ok    organization        o-simulated1, all features, managed by 111111111111
    ok    administrator       111111111111 is the management account
    ok    trusted-access      config-multiaccountsetup.amazonaws.com has it
    ok    accounts            3 accounts, 3 of them active
    ok    region eu-west-1    enabled, and packs can be read
    ok    packs eu-west-1     0 of at most 50
    ok    region us-east-1    enabled, and packs can be read
    ok    packs us-east-1     1 of at most 50: 1 ours
    ok    permissions         no read was denied; not tested for mode sync: config:PutOrganizationConformancePack, iam:CreateServiceLinkedRole, config:DeleteOrganizationConformancePack
    ok    recorder-probe      conformd can assume role conformd/RecorderProbe in 222222222222 (recording), 333333333333 (recording)
    ok    management-account  1 pack for 111111111111, and the tested pack is deployed there
    ok    source              1 valid manifest, 0 approvals
    warn  record              no directory for the record is configured; every loss waits for an approval until conformd has observed for 24 h  → set stateDirectory, or --state-directory, to a directory that outlives the process
    ok    template-bucket     none configured: templates have at most 51,200 bytes
    ok    delivery-buckets    no manifest names one
    ok    http-listen         only this machine can reach the daemon's HTTP server
    ok    http-token          readable, but not by every user
    ok    clock …
    18 ok, 1 warn, 0 fail
    ");
    let json: Value =
        serde_json::from_str(&scene.run(&["check", "-o", "json"]).expect(0).stdout).unwrap();
    let names: Vec<&str> = json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["check"].as_str().unwrap())
        .collect();
    insta::assert_snapshot!(names.join(" "), @"identity organization administrator trusted-access accounts region packs region packs permissions recorder-probe management-account source record template-bucket delivery-buckets http-listen http-token clock");
    insta::assert_snapshot!(format!("{:#}", json["checks"][5]), @r#"
    {
      "advice": null,
      "check": "region",
      "detail": "enabled, and packs can be read",
      "region": "eu-west-1",
      "result": "ok"
    }
    "#);
    assert_eq!((&json["simulated"], &json["result"]), (&true.into(), &"warn".into()));
}

#[test]
fn an_account_that_administers_nothing_is_told_how_to_be_registered() {
    let scene = scene(ORGANIZATION, &settings("us-east-1", PROBE));
    let file = scene.path("conformd.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    scene.write("conformd.yaml", &text.replace("111111111111", "333333333333"));
    insta::assert_snapshot!(trouble(&scene, 1), @"
    fail  administrator       333333333333 is neither the management account nor a delegated administrator  → in the management account: aws organizations register-delegated-administrator --account-id 333333333333 --service-principal config-multiaccountsetup.amazonaws.com
    warn  trusted-access      the caller may not list the services with trusted access  → allow organizations:ListAWSServiceAccessForOrganization so that conformd can check it; without trusted access, Puts fail
    fail  accounts            the accounts cannot be listed: ListAccounts failed in us-east-1 (denied): AccessDeniedException: You don't have permissions to access this resource.  → allow organizations:ListAccounts, which only the management account and delegated administrators can be allowed
    fail  region us-east-1    packs cannot be read: DescribeOrganizationConformancePacks failed in 333333333333/us-east-1 (not_delegated): OrganizationAccessDeniedException: This action can only be made by accounts in an AWS Organization: the management account or a delegated administrator.  → see the line `administrator`
    fail  permissions         denied: organizations:ListAccounts  → allow them to the caller's role
    warn  recorder-probe      role conformd/RecorderProbe was not tested  → see the line `accounts`: no member account is known
    warn  record              no directory for the record is configured; every loss waits for an approval until conformd has observed for 24 h  → set stateDirectory, or --state-directory, to a directory that outlives the process
    9 ok, 3 warn, 4 fail
    ");
}

#[test]
fn missing_trusted_access_is_no_failure_in_the_management_account_which_enables_it() {
    let alone = ORGANIZATION.replace("administrators: [\"222222222222\"]", "administrators: []");
    let scene = scene(&alone, &settings("us-east-1", PROBE));
    let said = check(&scene, 0);
    assert!(said.contains("the first Put of the management account enables it"), "{said}");
    insta::assert_snapshot!(trouble(&scene, 0), @"
    warn  record              no directory for the record is configured; every loss waits for an approval until conformd has observed for 24 h  → set stateDirectory, or --state-directory, to a directory that outlives the process
    16 ok, 1 warn, 0 fail
    ");
}

#[test]
fn a_region_that_is_off_fails_alone() {
    let scene = scene(ORGANIZATION, &settings("us-east-1, ap-east-1", PROBE));
    insta::assert_snapshot!(trouble(&scene, 1), @"
    fail  region ap-east-1    not enabled, or AWS does not recognize the credentials there: DescribeOrganizationConformancePacks failed in 111111111111/ap-east-1 (region_disabled): UnrecognizedClientException: The security token included in the request is invalid.  → enable the region, or remove it from aws.regions
    warn  record              no directory for the record is configured; every loss waits for an approval until conformd has observed for 24 h  → set stateDirectory, or --state-directory, to a directory that outlives the process
    16 ok, 1 warn, 1 fail
    ");
}

#[test]
fn a_probe_with_the_wrong_external_id_is_told_what_to_compare() {
    let wrong = PROBE.replace("from-the-settings", "somebody-elses");
    let scene = scene(ORGANIZATION, &settings("us-east-1", &wrong));
    insta::assert_snapshot!(trouble(&scene, 1), @"
    fail  recorder-probe      role conformd/RecorderProbe in 222222222222: the probe's role is missing there, or its trust policy or external id does not permit conformd  → in 222222222222 create the role, with its path; its trust policy must name 111111111111 and the sts:ExternalId of recorderProbe.externalId; the caller needs sts:AssumeRole on it
    warn  record              no directory for the record is configured; every loss waits for an approval until conformd has observed for 24 h  → set stateDirectory, or --state-directory, to a directory that outlives the process
    15 ok, 1 warn, 1 fail
    ");
}

#[test]
fn nothing_is_written_and_the_services_are_listed_once() {
    let scene = scene(ORGANIZATION, &settings("us-east-1", PROBE));
    let mark = scene.aws.mark();
    scene.run(&["check"]).expect(0);
    let requests = scene.aws.requests(mark);
    let services = "ListAWSServiceAccessForOrganization";
    assert_eq!(requests.iter().filter(|request| request.operation == services).count(), 1);
    assert_eq!(scene.aws.mutations(mark), [""; 0]);
}

#[test]
fn the_record_is_described_as_it_lies_there() {
    let scene = scene(ORGANIZATION, &settings("us-east-1, eu-west-1", "stateDirectory: state"));
    let record = || {
        let text = check(&scene, 0);
        let line = text.lines().find(|line| line.contains("  record ")).unwrap();
        let line = line.replace(&scene.path("state").display().to_string(), "STATE");
        // When it began, and how large it is.
        match (line.split_once(" since "), line.split_once(", 0 losses")) {
            (Some((head, _)), Some((_, tail))) => {
                let (held, size) = tail.rsplit_once(" KiB").unwrap();
                let held = held.rsplit_once(", ").unwrap().0;
                format!("{head} since …, 0 losses{held}, … KiB{size}")
            }
            _ => line,
        }
    };
    insta::assert_snapshot!(record(), @"warn  record              the record state/record.sqlite3: there is none yet; every loss waits for an approval until conformd has observed for 24 h  → start conformd, which creates it");
    assert!(!scene.path("state").exists(), "check makes nothing");
    scene.run(&["apply", "--yes"]).expect(0);
    insta::assert_snapshot!(record(), @"ok    record              since …, 0 losses in 24 h, 0 held, … KiB; until it is 24 h old, every loss waits for an approval");
    let file = scene.path("state/record.sqlite3");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.get_mut(..16).unwrap().fill(0);
    std::fs::write(&file, &bytes).unwrap();
    insta::assert_snapshot!(record(), @"warn  record              the record state/record.sqlite3: it is no SQLite file; every loss waits for an approval until conformd has observed for 24 h  → restart conformd, which moves the file aside and creates a new one");
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "check moves nothing aside");
}

#[test]
fn the_wrong_account_is_said_once_and_hides_no_other_cause() {
    let scene = scene(ORGANIZATION, &settings("us-east-1", "stateDirectory: state"));
    scene.run(&["apply", "--yes"]).expect(0);
    let wrong = settings("us-east-1", "stateDirectory: state");
    scene.set(&Settings { account: "333333333333", ..wrong });
    let said = trouble(&scene, 1);
    assert!(said.contains("correct aws.expectedAccountId"), "{said}");
    assert!(!said.contains("of other installations"), "{said}");
    assert!(!said.contains("its own stateDirectory"), "{said}");
    assert_eq!(said.matches("see the line `identity`").count(), 2, "{said}");
}
