//! What a manifest's file can turn into by accident: each shape is an error that names it, whether
//! the process remembers what the file declared or not, and takes no other pack with it.

use std::collections::BTreeMap;

use conformd::domain::base::code;
use conformd::domain::declared::catalog::{Catalog, Declared};
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::diagnostic::Severity;
use conformd::domain::declared::snapshot::{FileContent, Snapshot, SourcePath, UnreadableFile};

pub(super) const TEMPLATE: &str = "\
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties: {Source: {Owner: AWS, SourceIdentifier: X}}
";

/// A manifest whose template is `t.yaml` beside it.
pub(super) fn manifest(name: &str) -> String {
    format!(
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {{name: {name}}}\nspec:\n  template: {{file: t.yaml}}\n"
    )
}

fn snapshot(damaged: &[u8]) -> Snapshot {
    let files = [
        ("a.yaml", damaged),
        ("b.yaml", manifest("b").as_bytes()),
        ("t.yaml", TEMPLATE.as_bytes()),
    ]
    .map(|(name, bytes)| (SourcePath::new(name).unwrap(), FileContent::Bytes(bytes.into())));
    Snapshot::of_directory(BTreeMap::from(files))
}

fn read(damaged: &[u8], before: Option<&Catalog>) -> Catalog {
    Catalog::read(&snapshot(damaged), &Constraints::default(), before)
}

/// A shape, the code of its finding, and words that tell what it is or what helps.
const SHAPES: &[(&str, &str, &str)] = &[
    // Nothing is left.
    ("", code::EMPTY_FILE, "the file has no bytes"),
    (" ", code::EMPTY_FILE, "nothing but white space"),
    ("\n\n\n", code::EMPTY_FILE, "nothing but white space"),
    (" \t\r\n", code::EMPTY_FILE, "nothing but white space"),
    ("\u{feff}", code::EMPTY_FILE, "nothing but white space"),
    ("---\n", code::EMPTY_FILE, "no document"),
    ("---\n---\n---\n", code::EMPTY_FILE, "empty documents"),
    ("---\n...\n", code::EMPTY_FILE, "no document"),
    ("# apiVersion: conformd.io/v1alpha1\n# kind: x\n", code::EMPTY_FILE, "comments"),
    ("%YAML 1.2\n---\n# later\n", code::EMPTY_FILE, "comments"),
    ("null\n", code::EMPTY_FILE, "holds null"),
    ("~\n", code::EMPTY_FILE, "holds null"),
    ("\0\0\0\0\0\0\0\0", code::CHARACTER, "NULL"),
    // A scalar or a list.
    ("TODO\n", code::NOT_A_MANIFEST, "this is text"),
    ("placeholder for the pack\n", code::NOT_A_MANIFEST, "this is text"),
    ("42\n", code::NOT_A_MANIFEST, "this is a number"),
    ("false\n", code::NOT_A_MANIFEST, "this is a boolean"),
    ("\"\"\n", code::NOT_A_MANIFEST, "this is text"),
    ("[]\n", code::NOT_A_MANIFEST, "this is a list"),
    ("- iam\n- s3\n", code::NOT_A_MANIFEST, "this is a list"),
    ("{}\n", code::NOT_A_MANIFEST, "an empty mapping"),
    // Something stands in for the content.
    (
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2\nsize 12345\n",
        code::NOT_A_MANIFEST,
        "run git lfs pull",
    ),
    ("../shared/packs/a.yaml", code::NOT_A_MANIFEST, "the text of a symbolic link"),
    ("other.yml", code::NOT_A_MANIFEST, "the text of a symbolic link"),
    ("/etc/conformd/packs/a.yaml\n", code::NOT_A_MANIFEST, "the text of a symbolic link"),
    ("404: Not Found", code::NOT_A_MANIFEST, "the answer of a web server"),
    ("503: Service Unavailable\n", code::NOT_A_MANIFEST, "the answer of a web server"),
    (
        "{\"message\": \"Not Found\", \"documentation_url\": \"https://docs.github.com\"}",
        code::NOT_A_MANIFEST,
        "the answer of a web server",
    ),
    ("<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", code::NOT_A_MANIFEST, "HTML"),
    ("\n  <HTML>\n<head>\n", code::NOT_A_MANIFEST, "HTML"),
    (
        "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>",
        code::NOT_A_MANIFEST,
        "XML",
    ),
    ("<Error><Code>NoSuchKey</Code></Error>", code::NOT_A_MANIFEST, "XML"),
    ("#!/bin/sh\necho packs\n", code::NOT_A_MANIFEST, "a script"),
    ("diff --git a/a.yaml b/a.yaml\n--- a/a.yaml\n", code::NOT_A_MANIFEST, "a patch"),
    // Encrypted.
    (
        "metadata: ENC[AES256_GCM,data:x]\nsops:\n  mac: ENC[x]\n  version: 3.8.1\n",
        code::NOT_A_MANIFEST,
        "SOPS",
    ),
    ("$ANSIBLE_VAULT;1.1;AES256\n6231\n", code::NOT_A_MANIFEST, "Ansible Vault"),
    ("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", code::NOT_A_MANIFEST, "age"),
    ("-----BEGIN PGP MESSAGE-----\n\nhQEM\n", code::NOT_A_MANIFEST, "PGP"),
    ("\0GITCRYPT\0\u{1}\u{2}", code::NOT_A_MANIFEST, "git-crypt unlock"),
    // Not rendered.
    ("{{ pack | to_nice_yaml }}\n", code::NOT_A_MANIFEST, "Jinja or Helm"),
    ("{% include 'pack.yaml' %}\n", code::SYNTAX, "Jinja or Helm"),
    ("name: \"{{ name }}\"\nrules: \"{{ rules }}\"\n", code::NOT_A_MANIFEST, "Jinja or Helm"),
    ("{{- if .Values.packs }}\nkind: x\n{{- end }}\n", code::SYNTAX, "Jinja or Helm"),
    // Other tools'.
    (
        "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {metadata: {}}}\n",
        code::NOT_A_MANIFEST,
        "kind Deployment",
    ),
    (
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        code::NOT_A_MANIFEST,
        "kind Kustomization",
    ),
    (
        "apiVersion: configservice.aws.example.io/v1\nkind: OrganizationConformancePack\n",
        code::NOT_A_MANIFEST,
        "kind OrganizationConformancePack",
    ),
    ("apiVersion: policy/v1\nkind: Approval\n", code::NOT_A_MANIFEST, "kind Approval"),
    ("services:\n  web: {image: x}\n", code::NOT_A_MANIFEST, "a Compose file"),
    ("on: push\njobs: {a: {steps: []}}\n", code::NOT_A_MANIFEST, "a workflow of GitHub"),
    (
        "installation: main\nmode: observe\nsource: {directory: {root: .}}\n",
        code::NOT_A_MANIFEST,
        "the settings of conformd",
    ),
    ("a: 1\na: 2\n", code::NOT_A_MANIFEST, "a mapping with the field a"),
    ("base: &base {a: 1}\nother: {<<: *base}\n", code::NOT_A_MANIFEST, "fields base, other"),
    // Cut off.
    ("AWSTemplateFormatVersion: 2010-09-09\n", code::NOT_A_MANIFEST, "without resources"),
    ("Parameters:\n  A: {Type: String}\nResources:\n", code::NOT_A_MANIFEST, "without resources"),
    ("apiVersion", code::NOT_A_MANIFEST, "this is text"),
    ("apiVersion: confo", code::NOT_A_MANIFEST, "the field apiVersion"),
    ("apiVersion: conformd.io/v1alpha1\n", code::NEAR_MISS, "no kind"),
    ("apiVersion: conformd.io/v1alpha1\nkind: Organi", code::NEAR_MISS, "no kind Organi"),
    // In the middle of something.
    (
        "<<<<<<< HEAD\nspec: {}\n=======\nspec: {a: 1}\n>>>>>>> topic\n",
        code::MERGE_CONFLICT,
        "conflict markers",
    ),
];

#[test]
fn a_manifest_that_turned_into_something_else_is_an_error_with_and_without_memory() {
    let before = read(manifest("a").as_bytes(), None);
    assert!(before.wholly_valid && before.diagnostics.is_empty(), "{:?}", before.diagnostics);
    assert!(SHAPES.len() >= 45);
    for (shape, code, words) in SHAPES {
        for memory in [None, Some(&before)] {
            let catalog = read(shape.as_bytes(), memory);
            assert!(!catalog.wholly_valid, "{shape:?}");
            let path = SourcePath::new("a.yaml").unwrap();
            let mut found = catalog.diagnostics.iter().filter(|found| found.path == path);
            let error = found.find(|found| found.severity == Severity::Error);
            let error = error.unwrap_or_else(|| panic!("no error about {shape:?}"));
            let said = error.to_string();
            assert_eq!(error.code, *code, "{shape:?}: {said}");
            assert!(said.contains(words), "{shape:?}: {said}");
            let ways_out = [code::EMPTY_FILE, code::NOT_A_MANIFEST];
            assert!(!ways_out.contains(code) || said.contains(".conformdignore"), "{said}");
            // The others go on, and what is remembered stays in force.
            let declared = |name: &str| catalog.packs.get(&name.parse().unwrap());
            assert!(matches!(declared("b"), Some(Declared::Good(_))), "{shape:?}");
            let is_kept =
                matches!(declared("a"), Some(Declared::Broken { last_good: Some(_), .. }));
            assert_eq!(is_kept, memory.is_some(), "{shape:?}");
        }
    }
}

#[test]
fn every_beginning_of_a_manifest_is_an_error_or_a_manifest() {
    let whole = manifest("a");
    for length in 0..whole.len() {
        let catalog = read(&whole.as_bytes()[..length], None);
        let is_declared = catalog.packs.contains_key(&"a".parse().unwrap());
        assert!(!catalog.wholly_valid || is_declared, "{:?}", &whole[..length]);
    }
}

#[test]
fn a_document_that_is_not_ours_among_manifests_is_an_error_and_an_empty_one_is_not() {
    let good = manifest("a");
    for (beside, expected) in [
        ("# nothing yet\n", None),
        ("", None),
        ("null\n", None),
        ("{a: 1}\n", Some("a mapping with the field a")),
        ("just words\n", Some("this is text")),
        (TEMPLATE, Some("give it a file of its own")),
    ] {
        for text in [format!("{good}---\n{beside}"), format!("{beside}---\n{good}")] {
            let catalog = read(text.as_bytes(), None);
            assert_eq!(catalog.wholly_valid, expected.is_none(), "{text}");
            assert!(catalog.packs.contains_key(&"a".parse().unwrap()), "{text}");
            let said: String = catalog.diagnostics.iter().map(ToString::to_string).collect();
            assert!(said.contains(expected.unwrap_or("")), "{said}");
        }
    }
}

#[test]
fn a_template_that_no_manifest_uses_is_a_warning_and_a_named_file_is_a_template_whatever_it_is() {
    let catalog = read(TEMPLATE.as_bytes(), None);
    let said: Vec<String> = catalog.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["a.yaml: warning[template-unused]: no manifest uses this template \
          (delete it, or list it in .conformdignore)"]
    );
    assert!(catalog.wholly_valid);
    // Named: what is wrong is said of it as a template.
    let mut files = snapshot(manifest("a").as_bytes()).files;
    let template = SourcePath::new("t.yaml").unwrap();
    files.insert(template.clone(), FileContent::Bytes("a: 1\n".as_bytes().into()));
    let catalog = Catalog::read(&Snapshot::of_directory(files), &Constraints::default(), None);
    let codes: Vec<&str> = catalog
        .diagnostics
        .iter()
        .filter(|found| found.path == template)
        .map(|found| found.code)
        .collect();
    assert!(!codes.is_empty() && !codes.contains(&code::NOT_A_MANIFEST), "{codes:?}");
}

#[test]
fn packs_beneath_a_directory_that_cannot_be_read_stay_in_force() {
    let name = |text: &str| SourcePath::new(text).unwrap();
    let bytes = |text: &str| FileContent::Bytes(text.as_bytes().into());
    let whole = BTreeMap::from([
        (name("b.yaml"), bytes(&manifest("b"))),
        (name("t.yaml"), bytes(TEMPLATE)),
        (name("team/c.yaml"), bytes(&manifest("c").replace("t.yaml", "../t.yaml"))),
        (name("teams.yaml"), bytes(&manifest("d"))),
    ]);
    let read = |files: &BTreeMap<_, _>, before| {
        Catalog::read(&Snapshot::of_directory(files.clone()), &Constraints::default(), before)
    };
    let before = read(&whole, None);
    assert!(before.wholly_valid, "{:?}", before.diagnostics);
    for content in [FileContent::Unreadable(UnreadableFile::Denied), FileContent::EmptyDirectory] {
        let mut files = whole.clone();
        files.remove(&name("team/c.yaml"));
        files.insert(name("team"), content);
        for memory in [None, Some(&before)] {
            let catalog = read(&files, memory);
            assert!(!catalog.wholly_valid);
            let found = &catalog.diagnostics[0];
            assert_eq!((found.path.as_str(), found.severity), ("team", Severity::Error));
            let pack = catalog.packs.get(&"c".parse().unwrap());
            assert_eq!(pack.and_then(Declared::in_force).is_some(), memory.is_some());
            assert_eq!(catalog.packs.len(), if memory.is_some() { 3 } else { 2 });
        }
    }
}
