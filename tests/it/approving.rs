//! The approval that is printed permits exactly what waits, on every surface.

use std::collections::{BTreeMap, BTreeSet};

use conformd::domain::base::model::{AccountId, Timestamp};
use conformd::domain::declared::approval::Approval;
use conformd::domain::declared::catalog::Catalog;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::{FileContent, Snapshot, SourcePath};
use conformd::domain::declared::template::Template;
use conformd::domain::plan::loss::{Loss, LossAt};
use conformd::domain::present::approval_document::{
    ApprovalDocument, ApprovalText, LIFE, WaitingLosses,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::process::{Daemon, Ended, Scene, Settings, await_some, text};

const REGIONS: [&str; 3] = ["ap-southeast-2", "eu-west-1", "us-east-1"];
const PACKS: [&str; 4] = ["iam", "no", "s3-baseline", "True"];

/// Whether a template may call a rule so: characters that nobody sees are refused there.
fn is_name(name: &str) -> bool {
    let text = format!(
        "Resources: {{R: {{Type: 'AWS::Config::ConfigRule', Properties: {{ConfigRuleName: {}, \
         Source: {{Owner: AWS, SourceIdentifier: X}}}}}}}}",
        serde_json::Value::from(name)
    );
    Template::parse(&SourcePath::new("t.yaml").unwrap(), &text).is_ok()
}

fn any_loss() -> impl Strategy<Value = Loss> {
    let rule = prop_oneof![
        "[a-z][a-z-]{0,9}".prop_map(Loss::Rule),
        "\\PC{1,12}"
            .prop_filter("a rule may be called so", |name| is_name(name))
            .prop_map(Loss::Rule),
        select(vec!["yes", "1e3", "0x1f", "~", "a: b", "- a", "#a", "ünïcode"])
            .prop_map(|name| Loss::Rule(name.to_owned())),
    ];
    prop_oneof![
        1 => Just(Loss::Pack),
        1 => Just(Loss::Adoption),
        4 => rule,
        1 => (1_u32..4).prop_map(Loss::Rules),
        2 => (0_u32..4).prop_map(|id| Loss::Account(format!("{id:012}").parse().unwrap())),
    ]
}

fn any_losses() -> impl Strategy<Value = BTreeSet<LossAt>> {
    let at = (select(REGIONS.to_vec()), select(PACKS.to_vec()), any_loss());
    let at = at.prop_map(|(region, pack, loss)| LossAt {
        region: region.parse().unwrap(),
        pack: pack.parse().unwrap(),
        loss,
    });
    proptest::collection::btree_set(at, 1..20)
}

fn waiting(losses: &BTreeSet<LossAt>, why: &str) -> WaitingLosses {
    WaitingLosses::reported(losses.clone(), BTreeMap::new(), vec![why.to_owned()])
}

fn made() -> Timestamp {
    "2026-11-29T23:26:41Z".parse().unwrap()
}

fn read(document: &str) -> Catalog {
    let path = SourcePath::new("approve.yaml").unwrap();
    let content = FileContent::Bytes(document.as_bytes().into());
    Catalog::read(&Snapshot::of_directory([(path, content)].into()), &Constraints::default(), None)
}

fn covers(approval: &Approval, at: &LossAt) -> bool {
    approval.permits.iter().any(|permit| permit.covers(at))
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_an_approval_of_exactly_what_waits(
        losses in any_losses(),
        others in any_losses(),
        reason in "[^\\s\\pC]\\PC{0,30}",
        name in "\\PC{0,20}",
        why in any::<String>(),
    ) {
        let waiting = waiting(&losses, &why);
        let statement = ApprovalText { reason: Some(&reason), made: made(), life: LIFE };
        let approval = waiting.approval(statement);
        let names = (0..4).map(|id| (format!("{id:012}").parse().unwrap(), name.clone())).collect();
        let (approval, waiting, names) = (&approval, &waiting, &names);
        let printed = ApprovalDocument { approval, waiting, names, simulated: true }.to_string();
        let catalog = read(&printed);
        prop_assert!(catalog.diagnostics.is_empty(), "{:?} in {printed}", catalog.diagnostics);
        let read = catalog.approvals.get(&approval.name).unwrap();
        prop_assert_eq!(read.id(), approval.id(), "{}", printed);
        prop_assert_eq!(&read.permits, &approval.permits, "{}", printed);
        for at in &losses {
            prop_assert!(covers(read, at), "{at:?} in {printed}");
        }
        // Unnamed rules are permitted up to a number: a smaller one is no other loss.
        let is_within = |at: &LossAt| losses.iter().any(|known| match (&known.loss, &at.loss) {
            (Loss::Rules(most), Loss::Rules(count)) => {
                (&known.region, &known.pack) == (&at.region, &at.pack) && count <= most
            }
            _ => known == at,
        });
        for at in others.iter().filter(|at| !is_within(at)) {
            prop_assert!(!covers(read, at), "{at:?} in {printed}");
        }
    }
}

/// Losses as `region pack loss`, where a loss is a rule, an account, or a word.
fn some() -> BTreeSet<LossAt> {
    let lines = [
        "eu-west-1 encryption pack",
        "us-east-1 encryption pack",
        "eu-west-1 s3 pack",
        "us-east-1 s3 pack",
        "eu-west-1 iam root-mfa",
        "eu-west-1 iam password policy",
        "us-east-1 network 333344445555",
        "us-east-1 network 444455556666",
        "us-east-1 old adoption",
    ];
    let at = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let [region, pack, loss] = [(); 3].map(|()| words.next().unwrap());
        let loss = match loss {
            "pack" => Loss::Pack,
            "adoption" => Loss::Adoption,
            id if id.starts_with(char::is_numeric) => Loss::Account(id.parse().unwrap()),
            name => Loss::Rule(name.to_owned()),
        };
        LossAt { region: region.parse().unwrap(), pack: pack.parse().unwrap(), loss }
    };
    lines.into_iter().map(at).collect()
}

#[test]
fn one_document_permits_the_losses_of_all_regions() {
    let waiting = waiting(&some(), "deleting 2 of 12 packs in eu-west-1 within 24 h (limit 1)");
    let statement = ApprovalText { reason: Some("change 812"), made: made(), life: LIFE };
    let approval = waiting.approval(statement);
    let id: AccountId = "333344445555".parse().unwrap();
    let names = [(id, "payments".to_owned())].into();
    let document = ApprovalDocument {
        approval: &approval,
        waiting: &waiting,
        names: &names,
        simulated: false,
    };
    let printed = document.to_string().replace(&approval.name, "NAME");
    insta::assert_snapshot!(printed, @r#"
    # Permits: delete 2 packs in 2 regions, adopt 1 pack in us-east-1, lose 2 rules in eu-west-1, exclude 2 accounts in us-east-1.
    # Held because:
    #   deleting 2 of 12 packs in eu-west-1 within 24 h (limit 1)
    apiVersion: conformd.io/v1alpha1
    kind: Approval
    metadata:
      name: NAME
    spec:
      reason: "change 812"
      expires: 2026-12-02T23:26:00Z
      permits:
        # Deletes 2 packs from every member.
        - delete: [encryption, s3]
          regions: [eu-west-1, us-east-1]
        # Overwrites 1 unmanaged pack whose content is unknown.
        - adopt: [old]
          regions: [us-east-1]
        # iam loses 2 rules.
        - pack: iam
          loseRules: ["password policy", root-mfa]
          regions: [eu-west-1]
        # network is removed from 2 accounts.
        - pack: network
          excludeAccounts:
            - "333344445555" # payments
            - "444455556666"
          regions: [us-east-1]
    "#);
}

#[test]
fn a_document_without_a_reason_is_refused() {
    let waiting = waiting(&some(), "why");
    let approval = waiting.approval(ApprovalText { reason: None, made: made(), life: LIFE });
    let names = BTreeMap::new();
    let document = ApprovalDocument {
        approval: &approval,
        waiting: &waiting,
        names: &names,
        simulated: false,
    };
    let catalog = read(&document.to_string());
    assert!(catalog.approvals.is_empty());
    let found: Vec<&str> = catalog.diagnostics.iter().map(|one| one.found.as_str()).collect();
    assert_eq!(found, ["spec.reason is empty"]);
}

/// `keys` and `logs` are in force in two regions, and their manifests say that they should go.
fn leaving() -> Scene {
    let scene = Scene::new();
    scene.set(&Settings { regions: "us-east-1, eu-west-1", ..Settings::default() });
    for name in ["keys", "logs", "mail"] {
        scene.declare(name, 90, "us-east-1, eu-west-1");
    }
    scene.run(&["apply", "--yes"]).expect(0);
    for name in ["keys", "logs"] {
        scene.remove(&format!("packs/{name}.yaml"));
    }
    scene
}

#[test]
fn the_printed_approval_is_all_that_a_commit_needs() {
    let scene = leaving();
    let printed = scene.run(&["approve", "--reason", "change 812"]).expect(0);
    assert!(printed.stderr.contains("delete 2 packs in 2 regions"), "{}", printed.text());
    scene.write("packs/approve.yaml", &printed.stdout);
    // Without a record it covers only what AWS changed before it was read, by AWS's clock, which is
    // known to the second.
    let settled = await_some(|| {
        let plan = scene.run(&["plan", "-o", "json"]).expect(0);
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
        let regions = plan["regions"].as_array().unwrap().iter();
        let holds = regions.flat_map(|region| region["plan"]["holds"].as_array().unwrap());
        let reasons: Vec<String> = holds.map(|hold| text(&hold["reason"]).to_owned()).collect();
        (reasons == ["unconfirmed"; 4]).then_some(())
    });
    assert_eq!(settled, Some(()));
    let nothing = scene.run(&["approve"]).expect(0);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("Nothing waits for approval."), "{}", nothing.text());
}

#[test]
fn daemon_and_command_print_one_approval() {
    let scene = leaving();
    let daemon = scene.daemon();
    let pending = daemon.program.eventually("waiting", || {
        let view = daemon.get("/api/v1/approvals/pending").unwrap().json();
        (view["losses"].as_array().unwrap().len() == 4).then_some(view)
    });
    assert_eq!(text(&pending["summary"]), "delete 2 packs in 2 regions");
    let url = format!("http://{}", daemon.address);
    let asked = ["approve", "--daemon", &url, "--reason", "change 812"];
    let printed = scene.run(&asked).expect(0).stdout;
    let permits = |text: &str| text.split_once("  permits:\n").unwrap().1.to_owned();
    assert_eq!(permits(&printed), permits(text(&pending["document"])));
    let near = near(&scene, &daemon);
    assert_eq!(permits(&near.stdout), permits(&printed), "{}", near.text());
    let one = scene.run(&[&asked[..], &["--region", "eu-west-1"]].concat()).expect(0).stdout;
    assert!(one.contains("regions: [eu-west-1]") && !one.contains("us-east-1"), "{one}");
    let page = daemon.get("/").unwrap().body;
    assert!(page.contains("2 packs in 2 regions are not declared there by any manifest"), "{page}");
    assert!(page.contains("- delete: [keys, logs]"), "{page}");
    let explained = scene.run(&["explain", "333333333333", "--daemon", &url]).expect(0).stdout;
    assert!(
        explained.contains("it keeps the pack until conformd deletes the pack here"),
        "{explained}"
    );
    // Written whole, so that the source never holds an empty file.
    let to = ["approve", "--daemon", &url, "--reason", "change 812", "--to", "approve.yaml"];
    assert_eq!(scene.run(&to).expect(0).stdout, "");
    let written = std::fs::read_to_string(scene.path("approve.yaml")).unwrap();
    assert_eq!(permits(&written), permits(text(&pending["document"])));
    // Nothing that is there is overwritten: neither an approval, nor a manifest, nor the settings.
    let settings = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    for file in ["approve.yaml", "conformd.yaml"] {
        let refused = scene.run(&[&to[..5], &["--to", file]].concat()).expect(1);
        assert!(refused.stderr.contains(&format!("{file} exists already")), "{}", refused.text());
    }
    assert_eq!(std::fs::read_to_string(scene.path("approve.yaml")).unwrap(), written);
    assert_eq!(std::fs::read_to_string(scene.path("conformd.yaml")).unwrap(), settings);
    // What a region waits for that cannot be read is not known.
    scene.aws.disturb(&json!({
        "operation": "DescribeOrganizationConformancePacks", "region": "eu-west-1",
        "effect": { "kind": "access_denied" },
    }));
    let partial = daemon.program.eventually("missing", || {
        daemon.ask_now();
        let ended = scene.run(&asked);
        ended
            .stderr
            .contains("the losses of a region that could not be read are missing here: eu-west-1")
            .then_some(ended)
    });
    assert!(partial.stdout.contains("us-east-1") && !partial.stdout.contains("eu-west-1"));
    partial.expect(1);
    daemon.stop().expect(0);
}

/// What `approve` prints with settings whose `http.listen` is the address of this daemon.
fn near(scene: &Scene, daemon: &Daemon) -> Ended {
    near_with(scene, daemon, "", "").expect(0)
}

/// The same with one other word in the settings.
fn near_with(scene: &Scene, daemon: &Daemon, old: &str, new: &str) -> Ended {
    let settings = std::fs::read_to_string(scene.path("conformd.yaml")).unwrap();
    let settings = settings.replace("127.0.0.1:0", &daemon.address.to_string());
    scene.write("near.yaml", &settings.replacen(old, new, 1));
    scene.alone(&["approve", "--reason", "change 812", "--config", "near.yaml"])
}

#[test]
fn an_approval_says_who_holds_its_losses_and_is_never_made_of_the_losses_of_others() {
    let scene = leaving();
    let daemon = scene.daemon();
    let pending = || daemon.get("/api/v1/approvals/pending").unwrap().json();
    daemon.program.eventually("waiting", || {
        (pending()["losses"].as_array().unwrap().len() == 4).then_some(())
    });
    let address = daemon.address;
    let (revision, printed) = (pending()["revision"].clone(), near(&scene, &daemon));
    let from = format!(
        "conformd: reported by the daemon at http://{address} of installation test in account \
         111111111111, at revision {}\n",
        text(&revision)
    );
    assert!(printed.stderr.contains(&from), "{from}\n{}", printed.text());

    // The same installation name in another account is another organization's daemon.
    let others = near_with(&scene, &daemon, "111111111111", "222222222222");
    assert_eq!(others.stdout, "", "{}", others.text());
    let foreign = format!(
        "conformd: the daemon at http://{address} belongs to installation test in account \
         111111111111; the settings say installation test in account 222222222222"
    );
    assert!(others.stderr.contains(&format!("{foreign}; reading AWS directly")), "{foreign}");
    // Who names the daemon gets its answer, and is told whose it is.
    let url = format!("http://{address}");
    let named = scene.alone(&["approve", "--config", "near.yaml", "--daemon", &url]).expect(0);
    assert!(named.stderr.contains(&foreign), "{}", named.text());
    assert!(named.stdout.contains("us-east-1"), "{}", named.text());

    let fewer = near_with(&scene, &daemon, "[us-east-1, eu-west-1]", "[eu-west-1]").expect(0);
    let more = "the document covers us-east-1, which aws.regions of the settings does not have";
    assert!(fewer.stderr.contains(more), "{}", fewer.text());
    let of_none = scene.alone(&["status", "--config", "near.yaml", "eu-north-1"]);
    assert!(
        of_none.stderr.contains(&format!("(the daemon at {url} says so)")),
        "{}",
        of_none.text()
    );
    daemon.stop().expect(0);
}

#[test]
fn rules_that_only_the_daemon_knows_by_name_are_named_in_the_approval() {
    let scene = Scene::new();
    let declare = |rules: usize| {
        let rule = |number: usize| {
            format!(
                "        Rule{number}: {{Type: AWS::Config::ConfigRule, Properties: {{ConfigRuleName: \
                 rule-{number}, Source: {{Owner: AWS, SourceIdentifier: ROOT_{number}}}}}}}\n"
            )
        };
        let rules: String = (1..=rules).map(rule).collect();
        scene.write(
            "packs/keys.yaml",
            &format!(
                "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
                 metadata: {{name: keys}}\nspec:\n  template:\n    inline: |\n      \
                 Resources:\n{rules}"
            ),
        );
    };
    declare(6);
    let daemon = scene.daemon();
    daemon.synced(3);
    declare(1);
    daemon.program.eventually("waiting", || {
        let view = daemon.get("/api/v1/approvals/pending").unwrap().json();
        (view["losses"].as_array().unwrap().len() == 15).then_some(())
    });
    let printed = near(&scene, &daemon);
    for number in 2..=6 {
        assert!(printed.stdout.contains(&format!("rule-{number}")), "{}", printed.text());
    }
    scene.write("packs/approve.yaml", &printed.stdout);
    daemon.program.eventually("approved", || {
        let view = daemon.get("/api/v1/approvals/pending").unwrap().json();
        view["losses"].as_array().unwrap().is_empty().then_some(())
    });
    daemon.synced(3);
    daemon.stop().expect(0);
}

#[test]
fn an_approval_is_printed_for_seven_days_at_most_and_never_with_an_empty_reason() {
    let scene = Scene::new();
    for (flag, value) in [("--for", "8d"), ("--for", "10s"), ("--reason", " ")] {
        let refused = scene.run(&["approve", flag, value]).expect(64);
        assert!(refused.stderr.contains("expected"), "{}", refused.text());
    }
}
