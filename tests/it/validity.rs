//! What is in error is not used: no pack is valid while a file that it rests on holds an error,
//! and file names are shown so that they forge nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use conformd::domain::base::untrusted::is_hidden;
use conformd::domain::declared::catalog::{Catalog, Declared};
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::diagnostic::Severity;
use conformd::domain::declared::snapshot::{FileContent, Snapshot, SourcePath};
use proptest::prelude::*;
use proptest::sample::select;

const TEMPLATE: &str = "\
Description: \"a
  b\"
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties: {ConfigRuleName: r, Source: {Owner: AWS, SourceIdentifier: X}}
";

fn manifest(name: &str, template: &str) -> String {
    format!(
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {{name: {name}}}\nspec:\n  template: {{file: {template}}}\n"
    )
}

fn read(files: &[(&str, &str)]) -> Catalog {
    let file = |(name, text): &(&str, &str)| {
        (SourcePath::new(name).unwrap(), FileContent::Bytes(text.as_bytes().into()))
    };
    let files = files.iter().map(file).collect::<BTreeMap<_, _>>();
    Catalog::read(&Snapshot::of_directory(files), &Constraints::default(), None)
}

/// The packs, then the errors.
fn show(files: &[(&str, &str)]) -> String {
    let catalog = read(files);
    let mut lines = String::new();
    for (name, declared) in &catalog.packs {
        let state = match declared {
            Declared::Good(_) => "good",
            Declared::Absent(_) => "absent",
            Declared::Broken { .. } => "broken",
        };
        writeln!(lines, "{name}: {state}").unwrap();
    }
    for finding in catalog.diagnostics.iter().filter(|it| it.severity == Severity::Error) {
        writeln!(lines, "{finding}").unwrap();
    }
    lines
}

#[test]
fn a_pack_is_not_valid_while_its_file_holds_an_error_anywhere() {
    let (one, two) = (manifest("one", "t.yaml"), manifest("two", "t.yaml"));
    let beside = format!("{one}---\nkind: Service\n");
    let twice = format!("{one}---\n{two}---\n{two}");
    let marks = "{\"Description\": \"a\n<<<<<<< ours\n>>>>>>> theirs\n\", \"Resources\": {\"R\": \
                 {\"Type\": \"AWS::Config::ConfigRule\", \"Properties\": {\"Source\": \
                 {\"Owner\": \"AWS\", \"SourceIdentifier\": \"X\"}}}}}";
    let absent = "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
                  metadata: {name: gone}\nspec: {state: Absent}\n---\n[\n";
    let found = [
        show(&[("a.json", &one), ("t.yaml", TEMPLATE)]),
        show(&[("a.yaml", &manifest("one", "t.json")), ("t.json", TEMPLATE)]),
        show(&[("a.yaml", &beside), ("t.yaml", TEMPLATE)]),
        show(&[("a.yaml", &twice), ("t.yaml", TEMPLATE)]),
        show(&[("a.yaml", &one), ("t.yaml", marks)]),
        show(&[("a.yaml", absent)]),
    ];
    insta::assert_snapshot!(found.join("\n"), @"
    one: broken
    a.json:1:1: error[syntax]: this is not JSON: expected value at line 1 column 1

    one: broken
    a.yaml:5:13: error[template-invalid]: the template t.json has errors
    t.json:1:1: error[syntax]: this is not JSON: expected value at line 1 column 1

    one: broken
    a.yaml:7:1: error[not-a-manifest]: this document is not a manifest, but its file has manifests: this is a mapping with the field kind; expected a manifest, or a template (a mapping with Resources) (fix it, or give it a file of its own)

    one: good
    two: broken
    a.yaml:9:18: error[duplicate-name]: another manifest is named two too
    a.yaml:15:18: error[duplicate-name]: another manifest is named two too

    one: broken
    t.yaml:2:1: error[merge-conflict]: this file contains git's conflict markers (resolve the conflict, and publish what was committed)

    gone: broken
    a.yaml:6:1: error[syntax]: this is not YAML: unclosed bracket '['
    ");
}

#[test]
fn an_approval_permits_nothing_while_its_file_holds_an_error() {
    let approval = "apiVersion: conformd.io/v1alpha1\nkind: Approval\nmetadata: {name: ok}\nspec: \
                    {reason: x, expires: 2026-01-01T00:00:00Z, permits: [{delete: [a]}]}\n";
    assert_eq!(read(&[("a.yaml", approval)]).approvals.len(), 1);
    assert!(read(&[("a.json", approval)]).approvals.is_empty());
    assert!(read(&[("a.yaml", &format!("{approval}---\n[\n"))]).approvals.is_empty());
}

#[test]
fn warnings_however_many_hide_no_error() {
    let regions = "us-east-1, ".repeat(300);
    let text =
        format!("{}  regions: [{regions}]\n  deletionPolicy: x\n", manifest("one", "t.yaml"));
    let catalog = read(&[("a.yaml", &text), ("t.yaml", TEMPLATE)]);
    assert!(!catalog.wholly_valid);
    let found = show(&[("a.yaml", &text), ("t.yaml", TEMPLATE)]);
    assert!(found.starts_with("one: broken\n") && found.contains("deletionPolicy"), "{found}");
}

#[test]
fn a_file_name_forges_nothing_and_a_manifest_of_such_a_name_is_refused() {
    let names = ["a\nb.yaml", "a\u{1b}[2Jb.yaml", "a\u{202e}b.yaml", "d\u{200b}/b.yaml"];
    let one = manifest("one", "t.yaml");
    let found = names.map(|name| show(&[(name, &one), ("t.yaml", TEMPLATE)]));
    insta::assert_snapshot!(found.join("\n"), @r"
    a\nb.yaml: error[file-name]: U+000A LINE FEED is in the path of this file (rename the file or the directory)

    a\u{1b}[2Jb.yaml: error[file-name]: U+001B ESCAPE is in the path of this file (rename the file or the directory)

    a\u{202e}b.yaml: error[file-name]: U+202E RIGHT-TO-LEFT OVERRIDE is in the path of this file (rename the file or the directory)

    d\u{200b}/b.yaml: error[file-name]: U+200B ZERO WIDTH SPACE is in the path of this file (rename the file or the directory)
    ");
    for name in names {
        let path = SourcePath::new(name).unwrap();
        assert!(!path.to_string().contains(is_hidden), "{path}");
        assert_eq!(serde_json::to_value(&path).unwrap(), name, "programs get the name itself");
    }
    let template = show(&[("a.yaml", &manifest("one", "\"t\\nx\"")), ("t\nx", TEMPLATE)]);
    assert!(template.starts_with("one: broken\n") && template.contains("error[file-name]"));
}

/// Pieces that something may be wrong with.
const PIECES: &[&str] = &[
    "\n",
    "---\n",
    "a: b\n",
    "[\n",
    "<<<<<<< ours\n",
    ">>>>>>> theirs\n",
    "\r",
    "\u{2028}",
    "%TAG ! x\n",
    "# x\n",
    "\t",
    "{{resolve:x}}",
    "apiVersion: conformd/v1\n",
    "kind: Service\n",
    "Transform: x\n",
    "&a ",
    "!x ",
    "\u{200d}",
    "\"",
    "}",
];

type Change = (bool, prop::sample::Index, &'static str, usize);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (any::<bool>(), any::<prop::sample::Index>(), select(PIECES), 0..6_usize);
    proptest::collection::vec(change, 0..3)
}

proptest! {
    #[test]
    fn whenever_an_error_is_found_in_a_file_no_pack_that_rests_on_it_is_desired(
        changes in changes(),
        names in (select(vec!["a.yaml", "a.json"]), select(vec!["t.yaml", "t.json", "t.txt"])),
        packs in 1..3_usize,
    ) {
        let (own, template) = names;
        let all: Vec<String> =
            ["one", "two"].iter().take(packs).map(|name| manifest(name, template)).collect();
        let mut texts = [all.join("---\n"), TEMPLATE.to_owned()];
        for (in_template, place, piece, gone) in changes {
            let text = &mut texts[usize::from(in_template)];
            let start = text.floor_char_boundary(place.index(text.len() + 1));
            let end = text.floor_char_boundary((start + gone).min(text.len())).max(start);
            text.replace_range(start..end, piece);
        }
        let [first, second] = &texts;
        let catalog = read(&[(own, first), (template, second)]);
        for (name, declared) in &catalog.packs {
            let Declared::Good(manifest) = declared else { continue };
            let rests = [manifest.origin.path.as_str(), template];
            // Documents of one file answer for themselves, unless the text itself is damaged.
            let damage = ["syntax", "character", "duplicate-key", "tag", "alias", "not-a-manifest"];
            let error = catalog.diagnostics.iter().find(|finding| {
                let is_own = finding.path == manifest.origin.path;
                finding.severity == Severity::Error
                    && rests.contains(&finding.path.as_str())
                    && (!is_own || damage.contains(&finding.code))
            });
            prop_assert!(error.is_none(), "{name} is desired, and {}", error.unwrap());
        }
    }
}
