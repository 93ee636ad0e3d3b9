//! Manifests: what is declared, what is refused and where, and what stays in force meanwhile.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::Parser as _;
use conformd::cli::validate;
use conformd::domain::base::model::{PackName, Place};
use conformd::domain::base::{code, limits};
use conformd::domain::declared::catalog::{Catalog, Declared, ParsedManifests};
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::diagnostic::Diagnostic;
use conformd::domain::declared::snapshot::{
    FileContent, Ignored, Snapshot, SourcePath, UnreadableFile,
};
use conformd::domain::declared::template::Template;
use conformd::domain::plan::desired::{DesiredEntry, DesiredInputs, SourceTrust, desired};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::generated;

const TEMPLATE: &str = "\
Parameters:
  Age: {Type: String}
  Word: {Type: String, Default: none}
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties:
      InputParameters: {a: !Ref Age, b: !Ref Word}
      Source: {Owner: AWS, SourceIdentifier: X}
";

/// A manifest of this name with these lines in its `spec`.
fn pack(name: &str, spec: &str) -> String {
    let mut text = format!(
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {{name: {name}}}\nspec:\n  template: {{file: t.yaml}}\n"
    );
    for line in spec.lines() {
        writeln!(text, "  {line}").unwrap();
    }
    text
}

fn good(name: &str) -> String {
    pack(name, "parameters: {Age: \"1\"}")
}

fn path(text: &str) -> SourcePath {
    SourcePath::new(text).unwrap()
}

fn snapshot<T: AsRef<[u8]>>(files: &[(&str, T)]) -> Snapshot {
    let bytes = |text: &T| FileContent::Bytes(text.as_ref().into());
    let mut files: BTreeMap<SourcePath, FileContent> =
        files.iter().map(|(name, text)| (path(name), bytes(text))).collect();
    let is_named = |content: &FileContent| match content {
        FileContent::Bytes(bytes) => String::from_utf8_lossy(bytes).contains("t.yaml"),
        FileContent::Unreadable(_) | FileContent::EmptyDirectory => false,
    };
    if files.values().any(is_named) {
        let template = FileContent::Bytes(TEMPLATE.as_bytes().into());
        files.entry(path("t.yaml")).or_insert(template);
    }
    Snapshot::of_directory(files)
}

fn read<T: AsRef<[u8]>>(files: &[(&str, T)]) -> Catalog {
    Catalog::read(&snapshot(files), &Constraints::default(), None)
}

/// The packs and every finding, a line each.
fn show(catalog: &Catalog) -> String {
    let mut lines = String::new();
    for (name, declared) in &catalog.packs {
        match declared {
            Declared::Good(_) => writeln!(lines, "{name}: good"),
            Declared::Absent(_) => writeln!(lines, "{name}: absent"),
            Declared::Broken { why: _, last_good: None } => writeln!(lines, "{name}: broken"),
            Declared::Broken { why: _, last_good: Some(_) } => {
                writeln!(lines, "{name}: broken, last good form in force")
            }
        }
        .unwrap();
    }
    for finding in &catalog.diagnostics {
        writeln!(lines, "{finding}").unwrap();
    }
    let errors = catalog.diagnostics.iter().any(|found| found.to_string().contains(" error["));
    assert_eq!(catalog.wholly_valid, !errors);
    lines
}

fn check<T: AsRef<[u8]>>(files: &[(&str, T)]) -> String {
    show(&read(files))
}

fn codes(findings: &[Diagnostic]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn everything_wrong_in_every_document_is_found_at_once() {
    let text = "\
apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata:
  name: one
  label: {team: security}
spec:
  template: {file: t.yaml, inline: x}
  parameters: {Age: 90, ConformdMarker: x, 'a-b': x}
  regions: [us-east-1, us-east-1, useast1]
  exclude: {accounts: [111122223333, \"12\"], organizationalUnits: [ou-1], states: [SUSPENDET, ACTIVE]}
  overrides: [{regions: [eu-west-1], parameters: {}}]
  deletionPolicy: delete
  adopt: yes
  suspend: {reason: \"\", until: tomorrow}
  delivery: {bucket: results}
---
broken: [
---
apiVersion: conformd.io/v1alpha1
kind: Approval
metadata: {name: retire}
spec: {plan: 123, expires: 2026-12-01}
---
apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata: {name: two}
spec: {template: {file: ../up.yaml}, regions: [], extra: 1}
";
    insta::assert_snapshot!(check(&[("packs.yaml", text)]), @r#"
    one: broken
    two: broken
    packs.yaml:5:3: error[unknown-field]: metadata has no field label; expected one of name, labels (did you mean labels?)
    packs.yaml:7:13: error[template-choice]: spec.template names file and inline; expected exactly one of file, inline, s3
    packs.yaml:8:21: error[wrong-type]: spec.parameters.Age is a number; expected text (put the value in quotes)
    packs.yaml:8:25: error[reserved-parameter]: ConformdMarker cannot be given (conformd computes and sends it)
    packs.yaml:8:44: error[malformed]: "a-b" cannot be the name of a parameter; expected at most 255 ASCII letters and digits
    packs.yaml:9:24: warning[duplicate]: spec.regions names this twice
    packs.yaml:9:35: error[malformed]: an entry of spec.regions is "useast1"; expected a region name such as eu-west-1
    packs.yaml:10:24: error[wrong-type]: an entry of exclude.accounts is a number; expected text (write "111122223333", in quotes)
    packs.yaml:10:38: error[malformed]: an entry of exclude.accounts is "12"; expected an account id (12 digits, in quotes)
    packs.yaml:10:67: error[malformed]: an entry of exclude.organizationalUnits is "ou-1"; expected an organizational unit's id such as ou-ab12-cdef3456
    packs.yaml:10:83: error[malformed]: an entry of exclude.states is "SUSPENDET"; expected an account state such as SUSPENDED
    packs.yaml:10:94: error[malformed]: excluding ACTIVE excludes every account (remove the manifest instead)
    packs.yaml:11:26: error[region-outside]: the pack is not in eu-west-1; expected a region of spec.regions
    packs.yaml:12:19: error[malformed]: spec.deletionPolicy is "delete"; expected Delete or Orphan (did you mean Delete?)
    packs.yaml:13:10: error[wrong-type]: spec.adopt is text; expected true or false
    packs.yaml:14:21: error[malformed]: suspend.reason is empty; expected words
    packs.yaml:14:32: error[malformed]: suspend.until is "tomorrow"; expected a moment such as 2026-12-01T00:00:00Z
    packs.yaml:15:22: error[malformed]: delivery.bucket is "results"; expected a bucket name that begins with awsconfigconforms (the role of AWS Config can write to no other bucket)
    packs.yaml:17:9: error[syntax]: this is not YAML: unclosed bracket '['
    packs.yaml:22:7: error[missing-field]: spec has no field permits
    packs.yaml:22:7: error[missing-field]: spec has no field reason
    packs.yaml:22:8: error[unknown-field]: spec has no field plan; expected one of reason, expires, permits
    packs.yaml:22:28: error[malformed]: spec.expires is "2026-12-01"; expected a moment such as 2026-12-01T00:00:00Z
    packs.yaml:27:25: error[path-escape]: the path leaves the source root: "../up.yaml"; expected a path relative to this manifest, beneath the source root
    packs.yaml:27:47: error[malformed]: spec.regions is empty (leave the field out for every configured region; remove the manifest for none)
    packs.yaml:27:51: error[unknown-field]: spec has no field extra; expected one of template, parameters, regions, overrides, exclude, delivery, deletionPolicy, adopt, suspend, state
    "#);
}

#[test]
fn a_document_that_was_meant_to_be_ours_is_never_passed_over() {
    let spec = "metadata: {name: x}\nspec: {template: {file: t.yaml}}";
    let ours = [
        "apiVersion: conformd/v1alpha2\nkind: OrganizationConformancePack",
        "apiVersion: conformd/v1\nkind: Something",
        "apiVersion: comformd/v1alpha1\nkind: OrganizationConformancePack",
        "apiVersion: v1alpha1\nkind: OrganizationConformancePack",
        "apiVersion: conformd/v1alpha1\nkind: OrganizationConformancePack",
        "apiVersion: conformd.com/v1alpha1\nkind: OrganizationConformancePack",
        "apiVersion: CONFORMD/v1alpha1\nkind: OrganizationConformancePack",
        "apiVersion: 0.onform/v1alpha1\nkind: OrganizationConformancePack",
        "apiVersion: conformd.io/v1alpha1\nkind: OrganisationConformancePack",
        "apiVersion: conformd.io/v1alpha1\nkind: Aproval",
        "apiVersion: conformd.io/v1alpha1",
        "kind: OrganizationConformancePack",
        "apiversion: conformd.io/v1alpha1\nkind: OrganizationConformancePack",
        "api_version: conformd.io/v1alpha1",
        "",
    ];
    let mut lines = String::new();
    for head in ours {
        let catalog = read(&[("a.yaml", format!("{head}\n{spec}\n"))]);
        assert_eq!(codes(&catalog.diagnostics), [code::NEAR_MISS], "{head}");
        assert!(catalog.packs.is_empty() && !catalog.wholly_valid);
        writeln!(lines, "{}", catalog.diagnostics[0]).unwrap();
    }
    let item = good("x").replace('\n', "\n  ");
    for list in [format!("- {item}"), format!("kind: List\nitems:\n- {item}")] {
        assert_eq!(codes(&read(&[("a.yaml", list)]).diagnostics), [code::NEAR_MISS]);
    }
    insta::assert_snapshot!(lines, @"
    a.yaml:1:13: error[near-miss]: there is no apiVersion conformd/v1alpha2; expected conformd.io/v1alpha1
    a.yaml:1:13: error[near-miss]: there is no apiVersion conformd/v1; expected conformd.io/v1alpha1
    a.yaml:1:13: error[near-miss]: there is no apiVersion comformd/v1alpha1; expected conformd.io/v1alpha1
    a.yaml:1:13: error[near-miss]: there is no apiVersion v1alpha1; expected conformd.io/v1alpha1
    a.yaml:1:13: error[near-miss]: there is no apiVersion conformd/v1alpha1; expected conformd.io/v1alpha1
    a.yaml:1:13: error[near-miss]: there is no apiVersion conformd.com/v1alpha1; expected conformd.io/v1alpha1
    a.yaml:1:13: error[near-miss]: there is no apiVersion CONFORMD/v1alpha1; expected conformd.io/v1alpha1
    a.yaml:1:13: error[near-miss]: there is no apiVersion 0.onform/v1alpha1; expected conformd.io/v1alpha1
    a.yaml:2:7: error[near-miss]: there is no kind OrganisationConformancePack; expected OrganizationConformancePack or Approval (did you mean OrganizationConformancePack?)
    a.yaml:2:7: error[near-miss]: there is no kind Aproval; expected OrganizationConformancePack or Approval (did you mean Approval?)
    a.yaml:1:13: error[near-miss]: the document has no kind; expected OrganizationConformancePack or Approval
    a.yaml:1:1: error[near-miss]: this looks like a manifest and has no apiVersion; expected conformd.io/v1alpha1
    a.yaml:1:1: error[near-miss]: the version is in a field apiversion (did you mean apiVersion?)
    a.yaml:1:1: error[near-miss]: the version is in a field api_version (did you mean apiVersion?)
    a.yaml:2:1: error[near-miss]: this looks like a manifest and has no apiVersion; expected conformd.io/v1alpha1
    ");
}

#[test]
fn text_that_no_yaml_reader_should_trust_is_refused_in_its_place() {
    let name = |head: &str| format!("{head}{}", good("a"));
    let cases: [(&str, Vec<u8>); 12] = [
        ("anchor", name("x: &y 1\n").into()),
        ("merge key", name("<<: {x: 1}\n").into()),
        ("duplicate key", name("kind: OrganizationConformancePack\n").into()),
        ("key that is a list", name("[a]: 1\n").into()),
        ("tag", name("!!binary x: 1\n").into()),
        ("NUL", name("x: \"\0\"\n").into()),
        ("not UTF-8", [b"\xc3\xa9: 1\nx: \xff\n".as_slice(), good("a").as_bytes()].concat()),
        ("UTF-16", "\u{feff}a: 1".encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("unclosed", name("x: \"y\n").into()),
        ("tab", name("x:\n\t- 1\n").into()),
        ("deep", name(&format!("x: {}\n", "[".repeat(200))).into()),
        ("large", vec![b'x'; limits::SOURCE_FILE_BYTES + 1]),
    ];
    let mut lines = String::new();
    for (what, bytes) in cases {
        let catalog = read(&[("a.yaml", bytes)]);
        assert!(!catalog.wholly_valid);
        let mut found = catalog.diagnostics.iter();
        let first = found.find(|finding| finding.code != code::UNKNOWN_FIELD).unwrap();
        writeln!(lines, "{what}: {first}").unwrap();
    }
    insta::assert_snapshot!(lines, @r#"
    anchor: a.yaml:1:4: error[alias]: this is an anchor (`&`) (write it out: anchors, aliases and merge keys are refused, as by CloudFormation)
    merge key: a.yaml:1:1: error[alias]: this is a merge key (`<<`) (write it out: anchors, aliases and merge keys are refused, as by CloudFormation)
    duplicate key: a.yaml:3:1: error[duplicate-key]: the key "kind" occurs twice in one mapping
    key that is a list: a.yaml:1:1: error[key-not-text]: a mapping key is not text
    tag: a.yaml:1:1: error[tag]: the tag !!binary is not allowed
    NUL: a.yaml:1:5: error[character]: U+0000 NULL stands here (remove it: YAML does not allow it, and no editor shows it)
    not UTF-8: a.yaml:2:4: error[encoding]: the bytes here are not UTF-8 text (save it as UTF-8)
    UTF-16: a.yaml:1:1: error[encoding]: the bytes here are not UTF-8 text (the file is UTF-16; save it as UTF-8)
    unclosed: a.yaml:7:22: error[syntax]: this is not YAML: invalid trailing content after double-quoted scalar
    tab: a.yaml:2:1: error[character]: U+0009 TAB indents or separates here; expected ordinary spaces (YAML readers disagree about it here; where it belongs to a text, quote the text)
    deep: a.yaml:1:68: error[too-deep]: more than 64 collections are nested here
    large: a.yaml: error[too-large]: the file has 1048577 bytes; expected at most 1048576
    "#);
}

#[test]
fn byte_order_marks_and_both_line_endings_are_fine() {
    let text = good("a");
    let forms = [format!("\u{feff}{text}"), text.replace('\n', "\r\n")];
    for form in forms {
        insta::allow_duplicates! {
            insta::assert_snapshot!(check(&[("a.yaml", form)]), @"a: good");
        }
    }
}

#[test]
fn a_lone_carriage_return_is_refused_raw_and_where_an_inline_template_is_read() {
    let inline = |text: &str| good("a").replace("file: t.yaml", &format!("inline: {text}"));
    let forms = [
        good("a").replace('\n', "\r"),
        format!("# note\rkind: x\n{}", good("a")),
        inline("\"# note\\rResources: {}\\n\""),
        inline("\"# note\\x0dResources: {}\\n\""),
        inline("\"# note\\u000dResources: {}\\n\""),
    ];
    let found = forms.map(|form| check(&[("a.yaml", form)]));
    insta::assert_snapshot!(found.join("\n"), @"
    a.yaml:1:33: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    a.yaml:1:67: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    a.yaml:1:87: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    a.yaml:1:93: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    a.yaml:1:120: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    a.yaml:1:145: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    a.yaml:1:7: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    a: broken
    a.yaml:5:22: error[character]: U+000D CARRIAGE RETURN is in this text as an escape (remove it: it would be shown, or break lines, elsewhere)
    a.yaml:5:22: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    a: broken
    a.yaml:5:22: error[character]: U+000D CARRIAGE RETURN is in this text as an escape (remove it: it would be shown, or break lines, elsewhere)
    a.yaml:5:22: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    a: broken
    a.yaml:5:22: error[character]: U+000D CARRIAGE RETURN is in this text as an escape (remove it: it would be shown, or break lines, elsewhere)
    a.yaml:5:22: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    ");
}

#[test]
fn hostile_text_is_refused_with_few_words() {
    let anchors = |count: usize| {
        let list = |name: &str| format!("[{}]", [name; 9].join(","));
        let line = |at: usize| format!("k{at}: &k{at} {}\n", list(&format!("*k{}", at.max(1) - 1)));
        (0..count).map(line).collect::<String>()
    };
    let bombs = [
        ("laughs", anchors(30)),
        ("one anchor, many aliases", format!("a: &a [x]\nb: [{}]", "*a,".repeat(100_000))),
        ("deep flow", format!("x: {}", "[".repeat(500_000))),
        ("deep mappings", format!("x: {}", "{a: ".repeat(200_000))),
        ("deep block", (0..1_000).map(|depth| " ".repeat(depth) + "a:\n").collect()),
        ("deep sequences", format!("x:\n{}", "- ".repeat(500_000))),
        ("deep keys", "? ".repeat(500_000)),
        ("wide", format!("x: [{}]", "a,".repeat(500_000))),
        ("repeated key", "a: 1\n".repeat(170_000)),
        ("empty documents", "---\n".repeat(260_000)),
        ("broken documents", "---\n[\n".repeat(170_000)),
    ];
    let mut lines = String::new();
    for (what, text) in bombs {
        let snapshot = snapshot(&[("a.yaml", format!("{}{text}", good("a")))]);
        let catalog = Catalog::read(&snapshot, &Constraints::default(), None);
        assert!(!catalog.wholly_valid, "{what}");
        let count = catalog.diagnostics.len();
        assert!(count <= limits::PROBLEMS + 1, "{what}: {count} findings");
        writeln!(lines, "{what}: {}", catalog.diagnostics[0]).unwrap();
    }
    insta::assert_snapshot!(lines, @r#"
    laughs: a.yaml:7:5: error[alias]: this is an anchor (`&`) (write it out: anchors, aliases and merge keys are refused, as by CloudFormation)
    one anchor, many aliases: a.yaml:7:4: error[alias]: this is an anchor (`&`) (write it out: anchors, aliases and merge keys are refused, as by CloudFormation)
    deep flow: a.yaml:7:68: error[too-deep]: more than 64 collections are nested here
    deep mappings: a.yaml:7:256: error[too-deep]: more than 64 collections are nested here
    deep block: a.yaml:71:65: error[too-deep]: more than 64 collections are nested here
    deep sequences: a.yaml:8:127: error[too-deep]: more than 64 collections are nested here
    deep keys: a.yaml:7:129: error[too-deep]: more than 64 collections are nested here
    wide: a.yaml:7:119967: error[too-large]: the file holds more than 60000 values
    repeated key: a.yaml:8:1: error[duplicate-key]: the key "a" occurs twice in one mapping
    empty documents: a.yaml:59988:4: error[too-large]: the file holds more than 60000 values
    broken documents: a.yaml:8:1: error[syntax]: this is not YAML: unclosed bracket '['
    "#);
}

#[test]
fn a_name_belongs_to_one_manifest() {
    let files = [
        ("a.yaml", good("twice")),
        ("b.yaml", format!("{}---\n{}", good("other"), good("twice"))),
        ("c.yaml", good("Other")),
        ("d.yaml", good("alone")),
    ];
    insta::assert_snapshot!(check(&files), @r"
    Other: broken
    alone: good
    other: broken
    twice: broken
    a.yaml:3:18: error[duplicate-name]: another manifest is named twice too
    b.yaml:3:18: error[duplicate-name]: other and Other differ in letter case only
    b.yaml:10:18: error[duplicate-name]: another manifest is named twice too
    c.yaml:3:18: error[duplicate-name]: Other and other differ in letter case only
    ");
    let places: Vec<String> = read(&files)
        .diagnostics
        .iter()
        .flat_map(|finding| &finding.related)
        .map(|place| format!("{}:{}", place.path, place.span.line))
        .collect();
    insta::assert_snapshot!(places.join(" "), @"b.yaml:10 c.yaml:3 a.yaml:3 b.yaml:3");
}

/// Reads good packs, then the same files with a change, remembering the first reading.
fn after(change: impl FnOnce(&mut BTreeMap<SourcePath, FileContent>)) -> String {
    let files = [
        ("a.yaml", format!("{}---\n{}", good("a-one"), good("a-two"))),
        ("b.yaml", good("b")),
        ("c.yaml", good("c").replace("t.yaml", "templates/c.yaml")),
        ("templates/c.yaml", TEMPLATE.to_owned()),
    ];
    let mut snapshot = snapshot(&files);
    let before = Catalog::read(&snapshot, &Constraints::default(), None);
    assert!(before.wholly_valid);
    change(&mut snapshot.files);
    let snapshot = Snapshot::of_directory(snapshot.files);
    show(&Catalog::read(&snapshot, &Constraints::default(), Some(&before)))
}

fn set(files: &mut BTreeMap<SourcePath, FileContent>, name: &str, text: &str) {
    files.insert(path(name), FileContent::Bytes(text.as_bytes().into()));
}

#[test]
fn a_file_that_breaks_keeps_its_own_packs_and_no_others() {
    let broken = format!("{}---\nname: [\n", good("a-one"));
    insta::assert_snapshot!(after(|files| set(files, "a.yaml", &broken)), @"
    a-one: broken, last good form in force
    a-two: broken, last good form in force
    b: good
    c: good
    a.yaml:8:7: error[syntax]: this is not YAML: unclosed bracket '['
    ");
    let unreadable = FileContent::Unreadable(UnreadableFile::Denied);
    let change = |files: &mut BTreeMap<_, _>| drop(files.insert(path("b.yaml"), unreadable));
    insta::assert_snapshot!(after(change), @r"
    a-one: good
    a-two: good
    b: broken, last good form in force
    c: good
    b.yaml: error[unreadable]: it cannot be read: permission denied
    ");
    insta::assert_snapshot!(after(|files| set(files, "b.yaml", "\n")), @r"
    a-one: good
    a-two: good
    b: broken, last good form in force
    c: good
    b.yaml: error[empty-file]: the file holds nothing but white space (fix it, move it out of the source path, or list it in .conformdignore)
    ");
    let misnamed = good("b").replace("name: b", "name: 1b");
    insta::assert_snapshot!(after(|files| set(files, "b.yaml", &misnamed)), @r#"
    a-one: good
    a-two: good
    b: broken, last good form in force
    c: good
    b.yaml:3:18: error[malformed]: metadata.name is "1b"; expected a pack name (a letter, then letters, digits or hyphens; at most 128)
    "#);
}

#[test]
fn a_template_that_breaks_keeps_the_packs_that_name_it() {
    let gone = |files: &mut BTreeMap<_, _>| drop(files.remove(&path("templates/c.yaml")));
    insta::assert_snapshot!(after(gone), @r"
    a-one: good
    a-two: good
    b: good
    c: broken, last good form in force
    c.yaml:5:13: error[template-missing]: there is no file templates/c.yaml
    ");
    let broken = TEMPLATE.replace("!Ref Age", "!Ref Aeg");
    insta::assert_snapshot!(after(|files| set(files, "templates/c.yaml", &broken)), @r"
    a-one: good
    a-two: good
    b: good
    c: broken, last good form in force
    c.yaml:5:13: error[template-invalid]: the template templates/c.yaml has errors
    templates/c.yaml:8:33: error[unknown-reference]: nothing is named Aeg; expected a parameter or a resource of this template (did you mean Age?)
    ");
}

#[test]
fn a_manifest_that_is_removed_is_gone_and_the_rest_is_valid() {
    let change = |files: &mut BTreeMap<_, _>| drop(files.remove(&path("b.yaml")));
    insta::assert_snapshot!(after(change), @r"
    a-one: good
    a-two: good
    c: good
    ");
}

#[test]
fn a_manifest_may_say_that_its_pack_should_be_absent_and_needs_no_template_then() {
    let absent = |name: &str, more: &str| {
        format!(
            "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
             metadata: {{name: {name}}}\nspec:\n  state: Absent\n{more}"
        )
    };
    let files = [
        ("a.yaml", absent("bare", "")),
        ("b.yaml", absent("limited", "  regions: [eu-west-1]\n")),
        // What it said before may stay; the template need not be there any more.
        ("c.yaml", absent("full", "  template: {file: gone.yaml}\n  parameters: {Age: \"1\"}\n")),
        ("d.yaml", good("present")),
        ("e.yaml", pack("spelled", "parameters: {Age: \"1\"}\nstate: Present")),
    ];
    let catalog = read(&files);
    insta::assert_snapshot!(show(&catalog), @r"
    bare: absent
    full: absent
    limited: absent
    present: good
    spelled: good
    ");
    let here = |region: &str| {
        let place =
            Place { account: "111111111111".parse().unwrap(), region: region.parse().unwrap() };
        let inputs = DesiredInputs::without_list(SourceTrust::Whole);
        let desired = desired(&catalog, &"main".parse().unwrap(), &place, inputs);
        let names = |names: Vec<&PackName>| {
            names.into_iter().map(PackName::as_str).collect::<Vec<_>>().join(" ")
        };
        assert!(desired.elsewhere.is_empty());
        (names(desired.absent.keys().collect()), names(desired.packs.keys().collect()))
    };
    let packs = || "present spelled".to_owned();
    assert_eq!(here("eu-west-1"), ("bare full limited".to_owned(), packs()));
    assert_eq!(here("us-east-1"), ("bare full".to_owned(), packs()));
}

#[test]
fn what_contradicts_an_absent_pack_is_an_error_and_keeps_the_pack_in_force() {
    let spec = "state: Absent\nadopt: true\ndeletionPolicy: Orphan\nsuspend: {reason: x}";
    let misspelt = pack("b", "parameters: {Age: \"1\"}\nstate: absent");
    let files = [("a.yaml", pack("a", spec)), ("b.yaml", misspelt), ("c.yaml", good("c"))];
    insta::assert_snapshot!(check(&files), @r#"
    a: broken
    b: broken
    c: good
    a.yaml:7:10: error[state-conflict]: spec.state is Absent, and spec.adopt adopts the pack; expected one of the two
    a.yaml:8:19: error[state-conflict]: spec.state is Absent, and spec.deletionPolicy leaves the pack where it is; expected one of the two
    a.yaml:9:12: error[state-conflict]: spec.state is Absent, and spec.suspend leaves the pack as it is; expected one of the two
    b.yaml:7:10: error[malformed]: spec.state is "absent"; expected Present or Absent (did you mean Absent?)
    "#);
    let files = [("a.yaml", pack("twice", "state: Absent")), ("b.yaml", good("twice"))];
    assert_eq!(codes(&read(&files).diagnostics), [code::DUPLICATE_NAME; 2]);
    // Forms that do not contradict it may stand there.
    let harmless = pack("a", "state: Absent\nadopt: false\ndeletionPolicy: Delete");
    assert!(read(&[("a.yaml", harmless)]).wholly_valid);
}

#[test]
fn parameters_are_held_against_the_template() {
    let regions = |list: &str| Constraints {
        regions: Some(list.split(' ').map(|name| name.parse().unwrap()).collect()),
        ..Constraints::default()
    };
    let cases = [
        ("parameters: {Age: \"1\", Wrod: x}", regions("eu-west-1")),
        ("adopt: false", regions("eu-west-1")),
        ("overrides: [{regions: [eu-west-1], parameters: {Age: \"1\"}}]", regions("eu-west-1")),
        (
            "overrides: [{regions: [eu-west-1], parameters: {Age: \"1\"}}]",
            regions("eu-west-1 us-east-1"),
        ),
        ("overrides: [{regions: [eu-west-1], parameters: {Age: \"1\"}}]", Constraints::default()),
        (
            "parameters: {Age: \"1\"}\nregions: [eu-west-1, us-esat-1]",
            regions("us-east-1 eu-west-1"),
        ),
    ];
    let mut lines = String::new();
    for (spec, constraints) in cases {
        let snapshot = snapshot(&[("a.yaml", pack("a", spec))]);
        let catalog = Catalog::read(&snapshot, &constraints, None);
        writeln!(lines, "# {spec}\n{}", show(&catalog)).unwrap();
    }
    insta::assert_snapshot!(lines, @r#"
    # parameters: {Age: "1", Wrod: x}
    a: broken
    a.yaml:6:26: error[undeclared-parameter]: the template declares no parameter Wrod (did you mean Word?)

    # adopt: false
    a: broken
    a.yaml:5:13: error[missing-parameter]: the parameter Age has neither a default nor a value (give Age under spec.parameters)

    # overrides: [{regions: [eu-west-1], parameters: {Age: "1"}}]
    a: good

    # overrides: [{regions: [eu-west-1], parameters: {Age: "1"}}]
    a: broken
    a.yaml:5:13: error[missing-parameter]: the parameter Age has neither a default nor a value in us-east-1

    # overrides: [{regions: [eu-west-1], parameters: {Age: "1"}}]
    a: good
    a.yaml:5:13: warning[missing-parameter]: the parameter Age has neither a default nor a value in some regions (give it in spec.parameters, or list spec.regions)

    # parameters: {Age: "1"}
    regions: [eu-west-1, us-esat-1]
    a: good
    a.yaml:7:24: warning[region-unconfigured]: us-esat-1 is not configured: nothing is delivered there (did you mean us-east-1?)
    "#);
}

#[test]
fn an_override_excludes_accounts_in_its_regions_and_nowhere_else() {
    let spec = "parameters: {Age: \"1\"}\nexclude: {accounts: [\"111122223333\"]}\n\
                overrides: [{regions: [eu-west-1], exclude: {accounts: [\"444455556666\"]}}]";
    let catalog = read(&[("a.yaml", pack("a", spec))]);
    let excluded = |region: &str| {
        let place =
            Place { account: "111111111111".parse().unwrap(), region: region.parse().unwrap() };
        let inputs = DesiredInputs::without_list(SourceTrust::Whole);
        let desired = desired(&catalog, &"main".parse().unwrap(), &place, inputs);
        let Some(DesiredEntry::Pack(pack)) = desired.packs.into_values().next() else {
            panic!("no pack is desired in {region}");
        };
        let ids = pack.content.excluded.iter().map(ToString::to_string);
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(excluded("eu-west-1"), "111122223333 444455556666");
    assert_eq!(excluded("us-east-1"), "111122223333");
    let broken = "parameters: {Age: \"1\"}\noverrides:\n- {regions: [eu-west-1]}\n\
                  - {regions: [eu-west-1], exclude: {states: [SUSPENDED]}}";
    insta::assert_snapshot!(check(&[("a.yaml", pack("a", broken))]), @"
    a: broken
    a.yaml:8:5: error[missing-field]: an entry of spec.overrides has no field parameters
    a.yaml:9:37: error[missing-field]: exclude in an entry of spec.overrides has no field accounts
    a.yaml:9:38: error[unknown-field]: exclude in an entry of spec.overrides has no field states; expected one of accounts
    ");
}

#[test]
fn what_this_version_does_not_deliver_is_valid_and_says_so() {
    let units = "parameters: {Age: \"1\"}\nexclude: {organizationalUnits: [ou-ab12-cdef3456]}";
    let s3 = pack("b", "adopt: true").replace("file: t.yaml", "s3: s3://bucket/key.yaml");
    insta::assert_snapshot!(check(&[("a.yaml", pack("a", units)), ("b.yaml", s3)]), @"
    a: good
    b: good
    b.yaml:5:13: warning[not-delivered]: a template in S3 is not delivered by this version; the pack is held
    ");
}

#[test]
fn findings_in_an_inline_template_stand_where_its_lines_do() {
    let text = "\
apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata: {name: inline}
spec:
  template:
    inline: |

      Resources:
        R:
          Type: AWS::Config::ConfigRule
          Properties: {Source: {Owner: AWZ}}
";
    let catalog = read(&[("a.yaml", text)]);
    insta::assert_snapshot!(show(&catalog), @r#"
    inline: broken
    a.yaml:11:40: error[malformed]: Owner is "AWZ"; expected AWS, CUSTOM_LAMBDA, CUSTOM_POLICY
    "#);
    let span = catalog.diagnostics[0].span.unwrap();
    assert_eq!(&text[span.start..span.end], "AWZ");
    let folded = text.replace("inline: |", "inline: >");
    assert_eq!(read(&[("a.yaml", folded)]).diagnostics[0].span.unwrap().line, 8);
}

fn template(rules: usize, remediations: usize, parameters: usize) -> String {
    let mut text = String::from("Parameters:\n");
    for index in 0..parameters.max(1) {
        writeln!(text, "  P{index}: {{Type: String, Default: x}}").unwrap();
    }
    text.push_str("Resources:\n");
    for index in 0..rules {
        let properties = "{Source: {Owner: AWS, SourceIdentifier: X}}";
        let rule = format!("{{Type: AWS::Config::ConfigRule, Properties: {properties}}}");
        writeln!(text, "  R{index}: {rule}").unwrap();
    }
    for index in 0..remediations {
        let kind = "AWS::Config::RemediationConfiguration";
        let target = "TargetType: SSM_DOCUMENT, TargetId: X";
        let properties = format!("{{ConfigRuleName: !Ref R{index}, {target}}}");
        writeln!(text, "  F{index}: {{Type: {kind}, Properties: {properties}}}").unwrap();
    }
    text
}

#[test]
fn each_limit_holds_at_its_figure_and_not_one_further() {
    let findings = |files: &[(&str, String)], constraints: &Constraints| {
        let catalog = Catalog::read(&snapshot(files), constraints, None);
        let relevant = |finding: &&Diagnostic| finding.code != code::UNUSED_PARAMETER;
        let line = |finding: &Diagnostic| format!("{}[{}]", finding.severity, finding.code);
        let lines: Vec<_> = catalog.diagnostics.iter().filter(relevant).map(line).collect();
        if lines.is_empty() { "fine".to_owned() } else { lines.join(" ") }
    };
    let any = Constraints::default();
    let mut lines = String::new();
    for length in [51, 52, 128, 129] {
        let found = findings(&[("a.yaml", good(&"n".repeat(length)))], &any);
        writeln!(lines, "name of {length}: {found}").unwrap();
    }
    for count in [1_000, 1_001] {
        let ids: Vec<String> = (0..count).map(|id| format!("\"{id:012}\"")).collect();
        let spec =
            format!("parameters: {{Age: \"1\"}}\nexclude: {{accounts: [{}]}}", ids.join(","));
        let found = findings(&[("a.yaml", pack("a", &spec))], &any);
        writeln!(lines, "{count} excluded: {found}").unwrap();
    }
    for count in [59, 60, 199, 200, 329, 330] {
        let names: Vec<String> = (0..count).map(|name| format!("P{name}: x")).collect();
        let manifest = pack("a", &format!("parameters: {{{}}}", names.join(",")));
        let found = findings(&[("a.yaml", manifest), ("t.yaml", template(1, 0, count))], &any);
        writeln!(lines, "{count} parameters and the marker: {found}").unwrap();
    }
    for (rules, remediations) in [(130, 0), (131, 0), (129, 1), (129, 2), (0, 1)] {
        let files = [("a.yaml", pack("a", "")), ("t.yaml", template(rules, remediations, 0))];
        let found = findings(&files, &any);
        writeln!(lines, "{rules} rules, {remediations} remediations: {found}").unwrap();
    }
    for bytes in [51_200, 51_201, 307_201] {
        // As it is sent: with the marker, without comments.
        let rules = template(1, 0, 0);
        let (small, _) = Template::parse(&path("t.yaml"), &rules).unwrap();
        let filler = "x".repeat(bytes - small.body.len() - "Metadata:\n k: \n".len());
        let text = format!("# {filler}\nMetadata: {{k: {filler}}}\n{rules}");
        let files = [("a.yaml", pack("a", "")), ("t.yaml", text)];
        let bucket = Constraints { template_bucket: true, ..Constraints::default() };
        let (without, with) = (findings(&files, &any), findings(&files, &bucket));
        writeln!(lines, "{bytes} bytes: {without}; with a bucket {with}").unwrap();
    }
    for packs in [44, 45, 50, 51] {
        let text: Vec<String> = (0..packs).map(|index| good(&format!("p{index}"))).collect();
        let found = findings(&[("a.yaml", text.join("---\n"))], &any);
        writeln!(lines, "{packs} packs: {found}").unwrap();
    }
    for (packs, rules) in [(5, 70), (3, 117), (10, 100), (11, 91)] {
        let text: Vec<String> = (0..packs).map(|index| pack(&format!("p{index}"), "")).collect();
        let files = [("a.yaml", text.join("---\n")), ("t.yaml", template(rules, 0, 0))];
        let found = findings(&files, &any);
        writeln!(lines, "{} rules in a region: {found}", packs * rules).unwrap();
    }
    let forbidden = Constraints { remediation_allowed: false, ..Constraints::default() };
    let files = [("a.yaml", pack("a", "")), ("t.yaml", template(1, 1, 0))];
    writeln!(lines, "a remediation where none is allowed: {}", findings(&files, &forbidden))
        .unwrap();
    insta::assert_snapshot!(lines, @"
    name of 51: fine
    name of 52: warning[name-length]
    name of 128: warning[name-length]
    name of 129: error[name-length]
    1000 excluded: fine
    1001 excluded: error[too-many-exclusions]
    59 parameters and the marker: fine
    60 parameters and the marker: warning[too-many-parameters]
    199 parameters and the marker: warning[too-many-parameters]
    200 parameters and the marker: warning[too-many-parameters] warning[too-many-parameters]
    329 parameters and the marker: warning[too-many-parameters] warning[too-many-parameters]
    330 parameters and the marker: error[too-many-parameters] warning[too-many-parameters]
    130 rules, 0 remediations: fine
    131 rules, 0 remediations: error[template-invalid] error[too-many-rules]
    129 rules, 1 remediations: fine
    129 rules, 2 remediations: warning[too-many-rules]
    0 rules, 1 remediations: error[template-invalid] error[no-rules] error[unknown-reference]
    51200 bytes: fine; with a bucket fine
    51201 bytes: error[body-too-large]; with a bucket warning[body-too-large]
    307201 bytes: error[template-invalid] error[body-too-large]; with a bucket error[template-invalid] error[body-too-large]
    44 packs: fine
    45 packs: warning[too-many-packs]
    50 packs: warning[too-many-packs]
    51 packs: error[too-many-packs]
    350 rules in a region: fine
    351 rules in a region: warning[rules-in-region]
    1000 rules in a region: warning[rules-in-region]
    1001 rules in a region: error[rules-in-region]
    a remediation where none is allowed: error[remediation-forbidden]
    ");
}

#[test]
fn what_passed_last_outlives_other_settings_unless_they_forbid_it() {
    let files = |damage: &str| {
        let manifest = |name: &str| {
            pack(name, "").replace("file: t.yaml", &format!("file: {name}.t.yaml")) + damage
        };
        [
            ("rules.yaml", manifest("rules")),
            ("rules.t.yaml", template(1, 0, 0)),
            ("remedy.yaml", manifest("remedy")),
            ("remedy.t.yaml", template(1, 1, 0)),
        ]
    };
    let regions = |names: &[&str]| Some(names.iter().map(|name| name.parse().unwrap()).collect());
    let before = Constraints { regions: regions(&["eu-west-1"]), ..Constraints::default() };
    let catalog = Catalog::read(&snapshot(&files("")), &before, None);
    let in_force = |constraints: &Constraints| {
        let broken = Catalog::read(&snapshot(&files("\u{0}")), constraints, Some(&catalog));
        let kept = broken.packs.iter().filter(|(_, pack)| pack.in_force().is_some());
        let kept: Vec<String> = kept.map(|(name, _)| name.to_string()).collect();
        assert_eq!(broken.packs.len(), 2, "both names stay claimed");
        kept
    };
    let more = regions(&["eu-west-1", "us-east-1"]);
    assert_eq!(
        in_force(&Constraints { regions: more.clone(), ..before.clone() }),
        ["remedy", "rules"]
    );
    let strict = Constraints { regions: more, remediation_allowed: false, template_bucket: false };
    assert_eq!(in_force(&strict), ["rules"]);
}

/// The folder of example files that ship with conformd.
fn shipped(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut files: Vec<(String, String)> = std::fs::read_dir(root.join(folder))
        .unwrap()
        .map(|entry| {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap();
            (format!("{folder}/{name}"), std::fs::read_to_string(&file).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_shipped_packs_pass_without_a_word() {
    let files: Vec<(String, String)> = [shipped("packs"), shipped("templates")].concat();
    let files =
        files.iter().map(|(name, text)| (path(name), FileContent::Bytes(text.as_bytes().into())));
    let snapshot = Snapshot::of_directory(files.collect());
    let regions = ["us-east-1", "eu-west-1", "ap-southeast-2"].map(|name| name.parse().unwrap());
    let constraints = Constraints { regions: Some(regions.into()), ..Constraints::default() };
    let catalog = Catalog::read(&snapshot, &constraints, None);
    insta::assert_snapshot!(show(&catalog), @r"
    cloudtrail-logging: good
    encryption: good
    iam-baseline: good
    s3-baseline: good
    ");
    let wanted = ParsedManifests::default().update(&snapshot.files);
    let templates: Vec<_> = shipped("templates").iter().map(|(name, _)| path(name)).collect();
    assert_eq!(wanted.into_iter().collect::<Vec<_>>(), templates);
}

#[test]
fn the_schema_accepts_the_shipped_manifests_and_refuses_broken_ones() {
    let schema = conformd::domain::declared::manifest::schema::schema().to_value();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for (name, text) in shipped("packs") {
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert!(schema.is_valid(&value), "{name}");
        for key in ["apiVersion", "kind", "metadata", "spec"] {
            let mut without = value.clone();
            without.as_object_mut().unwrap().remove(key);
            assert!(!schema.is_valid(&without), "{name} without {key}");
        }
    }
    let valid = |text: &str| schema.is_valid(&serde_yaml::from_str(text).unwrap());
    let approval = "{apiVersion: conformd.io/v1alpha1, kind: Approval, metadata: {name: x}, spec: {\
        permits: [{delete: [a]}, {pack: b, loseRules: 3}, {pack: c, loseRules: [r]}], \
        expires: \"2026-12-01T00:00:00Z\", reason: why}}";
    assert!(valid(approval));
    assert!(!valid(&approval.replace("reason: why", "reason: \"\"")));
    assert!(valid(&good("a")));
    for broken in [
        "regions: []",
        "regions: [useast1]",
        "exclude: {accounts: [111122223333]}",
        "parameters: {Age: 90}",
        "parameters: {ConformdMarker: x}",
        "delivery: {bucket: results}",
        "deletionPolicy: Keep",
        "tempalte: {}",
    ] {
        assert!(!valid(&pack("a", broken)), "{broken}");
    }
    let absent = "{apiVersion: conformd.io/v1alpha1, kind: OrganizationConformancePack, metadata: \
                  {name: x}, spec: {state: Absent}}";
    assert!(valid(absent) && valid(&absent.replace("Absent", "Absent, regions: [eu-west-1]")));
    for broken in ["Present", "absent", "Absent, adopt: true", "Absent, suspend: {reason: x}"] {
        assert!(!valid(&absent.replace("Absent", broken)), "{broken}");
    }
    let here = |what: &str| pack("a", &format!("overrides: [{{regions: [eu-west-1]{what}}}]"));
    assert!(valid(&here(", exclude: {accounts: [\"111122223333\"]}")));
    assert!(!valid(&here("")) && !valid(&here(", exclude: {states: [SUSPENDED]}")));
    assert!(valid(&pack("a", "state: Present")) && valid(&pack("a", "state: Absent")));
    assert!(!valid(&good("a").replace("file: t.yaml", "file: t.yaml, s3: s3://bucket/key")));
}

/// A row for each field of a mapping, and of the mappings in it. `whole` is the schema of all
/// fields.
#[expect(clippy::indexing_slicing, reason = "a member that a JSON value lacks reads as null")]
fn rows_of_fields(whole: &Value, mapping: &Value, path: &str, table: &mut String) {
    let resolve = |schema: &Value| match schema["$ref"].as_str() {
        Some(name) => whole.pointer(name.trim_start_matches('#')).unwrap().clone(),
        None => schema.clone(),
    };
    let mapping = resolve(mapping);
    let required = mapping["required"].as_array().into_iter().flatten();
    let required: Vec<&str> = required.map(|name| name.as_str().unwrap()).collect();
    for (name, field) in mapping["properties"].as_object().unwrap() {
        let form = resolve(field);
        let entry = resolve(&form["items"]);
        let (path, inner) = match (&form["properties"], &entry["properties"]) {
            (Value::Object(_), _) => (format!("{path}{name}"), Some(&form)),
            (_, Value::Object(_)) => (format!("{path}{name}[]"), Some(&entry)),
            _ => (format!("{path}{name}"), None),
        };
        if let Some(inner) = inner {
            rows_of_fields(whole, inner, &format!("{path}."), table);
            continue;
        }
        if ["apiVersion", "kind"].contains(&&*path) {
            continue;
        }
        let default = match &field["default"] {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            _ if mapping["maxProperties"] == 1 => "exactly one of these".to_owned(),
            Value::Null => "–".to_owned(),
            Value::String(word) => format!("`{word}`"),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                format!("`{other}`")
            }
        };
        let meaning = field["description"].as_str().unwrap().replace('\n', " ");
        writeln!(table, "| `{path}` | {} | {default} | {meaning} |", type_of(&form, &entry))
            .unwrap();
    }
}

/// The type of a field, in words.
fn type_of(form: &Value, entry: &Value) -> String {
    let words = |schema: &Value| -> Vec<String> {
        let one_by_one = schema["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]);
        let together = schema["enum"].as_array().into_iter().flatten();
        let words = one_by_one.chain(together);
        words.map(|word| format!("`{}`", word.as_str().unwrap())).collect()
    };
    let (of_form, of_entry) = (words(form), words(entry));
    match form["type"].as_str() {
        _ if !of_form.is_empty() => of_form.join(" or "),
        _ if form["format"] == "date-time" => "RFC 3339".to_owned(),
        Some("array") if !of_entry.is_empty() => format!("list of {}", of_entry.join(", ")),
        Some("array") => "list of text".to_owned(),
        Some("object") => "text by text".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer") => "number".to_owned(),
        Some(other) => other.to_owned(),
        None => "list of text, or a number".to_owned(),
    }
}

#[test]
fn the_tables_of_fields_limits_and_codes_are_current() {
    let whole = conformd::domain::declared::manifest::schema::schema().to_value();
    let mut page = generated::text("docs/manifests.md");
    for (kind, part) in
        [("PackManifest", "fields of a pack"), ("ApprovalManifest", "fields of an approval")]
    {
        let mut table = String::from("| field | type | default | meaning |\n|---|---|---|---|\n");
        rows_of_fields(&whole, &whole["$defs"][kind], "", &mut table);
        page = generated::with_part(&page, part, &table);
    }
    let figure = |figure: usize| match figure {
        usize::MAX => "—".to_owned(),
        figure if figure < 1_000 => figure.to_string(),
        figure => format!("{},{:03}", figure / 1_000, figure % 1_000),
    };
    let mut table =
        String::from("| limit | warning above | error above | source |\n|---|---|---|---|\n");
    for limit in limits::ALL {
        let (strict, upper) = (figure(limit.strict), figure(limit.upper));
        writeln!(table, "| {} | {strict} | {upper} | {} |", limit.what, limit.source).unwrap();
    }
    page = generated::with_part(&page, "limits", &table);
    let mut table = String::from("| code | meaning |\n|---|---|\n");
    for (code, meaning) in code::ALL {
        writeln!(table, "| `{code}` | {meaning} |").unwrap();
    }
    page = generated::with_part(&page, "codes of findings", &table);
    generated::assert_current("docs/manifests.md", &page);
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of them are the report")]
fn the_report_reads_well_in_every_form() {
    let text = pack("a", "parameters: {Age: 90}\nregion: [eu-west-1]");
    let duplicate = good("b");
    let files = [("a.yaml", text.as_str()), ("b.yaml", &*duplicate), ("c,d:e.yaml", &*duplicate)];
    let mut snapshot = snapshot(&files);
    snapshot.ignored = BTreeMap::from([
        (path("packs/kustomization.yaml"), Ignored::Listed),
        (path("x.yaml.bak"), Ignored::Suffix),
    ]);
    let report = validate::report(&snapshot, &Constraints::default());
    assert!(!report.passed());
    insta::assert_snapshot!(validate::text(&report, false, false), @r"
    error[wrong-type]: spec.parameters.Age is a number
     --> a.yaml:6:21
      |
    6 |   parameters: {Age: 90}
      |                     ^^ expected text
      |
      = help: put the value in quotes

    error[unknown-field]: spec has no field region
     --> a.yaml:7:3
      |
    7 |   region: [eu-west-1]
      |   ^^^^^^ expected one of template, parameters, regions, overrides, exclude, delivery, deletionPolicy, adopt, suspend, state
      |
      = help: did you mean regions?

    error[duplicate-name]: another manifest is named b too
     --> b.yaml:3:18
      |
    3 | metadata: {name: b}
      |                  ^
      |
     ::: c,d:e.yaml:3:18
      |
    3 | metadata: {name: b}
      |                  - also here

    error[duplicate-name]: another manifest is named b too
     --> c,d:e.yaml:3:18
      |
    3 | metadata: {name: b}
      |                  ^
      |
     ::: b.yaml:3:18
      |
    3 | metadata: {name: b}
      |                  - also here

    ignored by .conformdignore: packs/kustomization.yaml
    not read because of their suffix: x.yaml.bak
    failed: 0 packs with 0 rules, 2 invalid; 4 errors, 0 warnings
    ");
    insta::assert_snapshot!(validate::github(&report, Path::new("config")), @"
    ::error file=config/a.yaml,line=6,col=21,endLine=6,endColumn=22,title=wrong-type::spec.parameters.Age is a number; expected text%0Aput the value in quotes
    ::error file=config/a.yaml,line=7,col=3,endLine=7,endColumn=8,title=unknown-field::spec has no field region; expected one of template, parameters, regions, overrides, exclude, delivery, deletionPolicy, adopt, suspend, state%0Adid you mean regions?
    ::error file=config/b.yaml,line=3,col=18,endLine=3,endColumn=18,title=duplicate-name::another manifest is named b too%0Ac,d:e.yaml:3: also here
    ::error file=config/c%2Cd%3Ae.yaml,line=3,col=18,endLine=3,endColumn=18,title=duplicate-name::another manifest is named b too%0Ab.yaml:3: also here
    failed: 0 packs with 0 rules, 2 invalid; 4 errors, 0 warnings
    ");
    insta::assert_snapshot!(validate::json(&report).unwrap(), @r#"
    {
      "version": 1,
      "passed": false,
      "errors": 4,
      "warnings": 0,
      "packs": [
        {
          "name": "a",
          "valid": false,
          "path": null,
          "line": null,
          "template": null,
          "rules": null,
          "remediations": null,
          "bytes": null,
          "regions": null,
          "state": "Present"
        },
        {
          "name": "b",
          "valid": false,
          "path": null,
          "line": null,
          "template": null,
          "rules": null,
          "remediations": null,
          "bytes": null,
          "regions": null,
          "state": "Present"
        }
      ],
      "approvals": [],
      "diagnostics": [
        {
          "path": "a.yaml",
          "span": {
            "line": 6,
            "column": 21,
            "start": 140,
            "end": 142
          },
          "severity": "error",
          "code": "wrong-type",
          "found": "spec.parameters.Age is a number",
          "expected": "text",
          "hint": "put the value in quotes",
          "related": []
        },
        {
          "path": "a.yaml",
          "span": {
            "line": 7,
            "column": 3,
            "start": 146,
            "end": 152
          },
          "severity": "error",
          "code": "unknown-field",
          "found": "spec has no field region",
          "expected": "one of template, parameters, regions, overrides, exclude, delivery, deletionPolicy, adopt, suspend, state",
          "hint": "did you mean regions?",
          "related": []
        },
        {
          "path": "b.yaml",
          "span": {
            "line": 3,
            "column": 18,
            "start": 84,
            "end": 85
          },
          "severity": "error",
          "code": "duplicate-name",
          "found": "another manifest is named b too",
          "expected": null,
          "hint": null,
          "related": [
            {
              "path": "c,d:e.yaml",
              "span": {
                "line": 3,
                "column": 18,
                "start": 84,
                "end": 85
              },
              "note": "also here"
            }
          ]
        },
        {
          "path": "c,d:e.yaml",
          "span": {
            "line": 3,
            "column": 18,
            "start": 84,
            "end": 85
          },
          "severity": "error",
          "code": "duplicate-name",
          "found": "another manifest is named b too",
          "expected": null,
          "hint": null,
          "related": [
            {
              "path": "b.yaml",
              "span": {
                "line": 3,
                "column": 18,
                "start": 84,
                "end": 85
              },
              "note": "also here"
            }
          ]
        }
      ],
      "ignored": [
        "packs/kustomization.yaml",
        "x.yaml.bak"
      ]
    }
    "#);
}

#[test]
fn a_source_without_manifests_does_not_pass() {
    let snapshot = snapshot(&[("t.yaml", TEMPLATE)]);
    let report = validate::report(&snapshot, &Constraints::default());
    assert!(report.catalog.wholly_valid && !report.passed());
    insta::assert_snapshot!(validate::text(&report, false, false), @r"
    warning[template-unused]: no manifest uses this template
    --> t.yaml
     = help: delete it, or list it in .conformdignore

    error: no manifest found (1 file read)
    ");
}

#[test]
fn what_a_file_says_cannot_write_to_the_terminal_or_the_log() {
    let text = good("a").replace("spec:", "\"\\e[2J\\nerror\": 1\nspec:");
    let catalog = read(&[("a.yaml", text)]);
    let lines: Vec<String> = catalog.diagnostics.iter().map(ToString::to_string).collect();
    assert!(!lines.iter().any(|line| line.contains(char::is_control)), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("\\u{1b}[2J\\nerror")), "{lines:?}");
}

#[test]
fn what_another_reader_could_take_for_something_else_is_refused_in_a_manifest() {
    let mut lines = String::new();
    for spec in [
        "parameters: {Age: \"1\", on: x}",
        "exclude: {accountTags: {environment: off}}",
        "exclude: {accountTags: {y: \"1\"}}",
        "parameters: {Age: 010}",
        "adopt: yes",
        "suspend: {reason: audit, until: 2026-12-01T00:00:00Z}",
        "# \u{2028}regions: []",
        "regions:\u{a0}[us-east-1]",
        "regions: [us-east-1]\t",
    ] {
        let catalog = read(&[("a.yaml", pack("a", spec))]);
        let found: Vec<_> = catalog.diagnostics.iter().map(ToString::to_string).collect();
        writeln!(lines, "{spec:?}\n  {}", found.join("\n  ")).unwrap();
    }
    insta::assert_snapshot!("ambiguous_manifests", lines);
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: validate::ValidateArgs,
}

/// The exit code of `validate` with these arguments, or why it could not begin.
fn exit_code(args: &[&str]) -> Result<String, String> {
    let cli = Cli::try_parse_from([&["validate"], args].concat()).unwrap();
    let code = validate::run(&cli.args).map_err(|error| format!("{error:#}"))?;
    Ok(format!("{code:?}"))
}

#[test]
fn validate_reads_a_directory_or_a_file_and_nothing_outside_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        std::fs::write(root.join(name), text).unwrap();
    };
    let manifest = good("a").replace("t.yaml", "../templates/t.yaml");
    write("source/packs/a.yaml", &manifest);
    write("source/packs/.hidden.yaml", "[");
    write("source/templates/t.yaml", TEMPLATE);
    write("secret.yaml", "password: x");

    let success = Ok(format!("{:?}", std::process::ExitCode::SUCCESS));
    let failure = Ok(format!("{:?}", std::process::ExitCode::FAILURE));
    assert_eq!(exit_code(&[&at("source")]), success);
    let root_flag = ["--root", &at("source")];
    for path in ["source/packs", "source/packs/a.yaml"] {
        assert_eq!(exit_code(&[&root_flag[..], &[&at(path)]].concat()), success, "{path}");
        // Without the flag the root is PATH's own directory, which the template is not beneath.
        assert_eq!(exit_code(&[&at(path)]), failure, "{path}");
    }
    let outside = exit_code(&[&root_flag[..], &[&at("secret.yaml")]].concat()).unwrap_err();
    assert!(outside.contains("is not beneath the root"), "{outside}");
    assert!(exit_code(&[&at("absent")]).is_err());

    let leak = manifest.replace("../templates/t.yaml", "leak.yaml");
    write("source/packs/a.yaml", &leak);
    std::os::unix::fs::symlink(root.join("secret.yaml"), root.join("source/packs/leak.yaml"))
        .unwrap();
    assert_eq!(exit_code(&[&at("source")]), failure);
    std::fs::remove_file(root.join("source/packs/leak.yaml")).unwrap();
    std::os::unix::fs::symlink("../templates/t.yaml", root.join("source/packs/leak.yaml")).unwrap();
    assert_eq!(exit_code(&[&at("source")]), success);
}

proptest! {
    #[test]
    fn no_damage_to_a_manifest_goes_unnoticed_or_panics(
        at in any::<prop::sample::Index>(), length in 1..40_usize, filler in "[ -~\\n]{0,6}",
    ) {
        let text = format!("{}---\n{}", good("a"), good("b"));
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        let damaged = [&text[..start], &filler, &text[end..]].concat();
        let before = read(&[("a.yaml", text.as_str())]);
        let snapshot = snapshot(&[("a.yaml", damaged.as_str())]);
        let catalog = Catalog::read(&snapshot, &Constraints::default(), Some(&before));
        // A pack may have got another name; it does not go without a word.
        prop_assert!(!catalog.wholly_valid || catalog.packs.len() == 2, "{damaged}");
        let names = catalog.packs.len();
        prop_assert!(2 <= names, "{names} names in\n{damaged}");
    }
}

#[test]
fn an_approval_that_cannot_count_is_said_by_validate_and_breaks_no_revision() {
    let approval = |name: &str, expires: &str| {
        format!(
            "apiVersion: conformd.io/v1alpha1\nkind: Approval\nmetadata: {{name: {name}}}\nspec:\n  \
             reason: retired\n  expires: {expires}\n  permits: [{{delete: [a]}}]\n---\n"
        )
    };
    let text = approval("late", "2026-11-01T00:00:00Z")
        + &approval("now", "2026-11-08T00:00:00Z")
        + &approval("far", "9999-01-01T00:00:00Z");
    let path = SourcePath::new("approvals.yaml").unwrap();
    let files = [(path, FileContent::Bytes(text.as_bytes().into()))].into();
    let snapshot = Snapshot::of_directory(files);
    let mut catalog = Catalog::read(&snapshot, &Constraints::default(), None);
    assert!(catalog.wholly_valid, "time alone makes no file invalid");
    catalog.check_approvals("2026-11-01T00:00:01Z".parse().unwrap());
    assert!(!catalog.wholly_valid);
    let found: Vec<String> = catalog.diagnostics.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"), @r"
    approvals.yaml:1:1: warning[approval-expiry]: the approval late has expired and permits nothing (remove it, or commit a new one)
    approvals.yaml:17:1: error[approval-expiry]: the approval far expires more than 7 days ahead and permits nothing (let it expire within 7 days: it is for the change at hand)
    ");
}

#[test]
fn an_approval_that_ends_in_the_middle_of_a_line_permits_nothing() {
    let text = "apiVersion: conformd.io/v1alpha1\nkind: Approval\nmetadata: {name: ok}\nspec:\n  \
                reason: retired\n  expires: 2026-11-05T00:00:00Z\n  permits:\n  - delete:\n    \
                - legacy";
    let cut = read(&[("ok.yaml", text.to_owned())]);
    assert!(cut.approvals.is_empty() && !cut.wholly_valid);
    insta::assert_snapshot!(cut.diagnostics[0].to_string(), @"ok.yaml:9:1: error[unended]: the file ends in the middle of a line and may be truncated; expected a line break at the end of a file with an approval");
    let whole = read(&[("ok.yaml", format!("{text}\n"))]);
    assert_eq!(whole.approvals.len(), 1);
}
