//! Characters that readers see differently, or that nobody sees: refused by name, in their place.

use std::fmt::Write as _;

use conformd::domain::snapshot::SourcePath;
use conformd::domain::template::Template;
use conformd::domain::yaml;

const RULES: &str = "\
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties: {Source: {Owner: AWS, SourceIdentifier: X}}
";

/// What `validate` says of a text, a line a finding.
fn said(name: &str, text: &str) -> String {
    let path = SourcePath::new(name).unwrap();
    let findings = match Template::parse(&path, text) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    };
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Every character that is refused wherever it stands.
fn refused() -> impl Iterator<Item = char> {
    let is_allowed = |character: &char| !matches!(character, '\t' | '\n' | '\r');
    let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').filter(is_allowed);
    let directions = ('\u{2028}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
    controls.chain(directions).chain(['\u{200e}', '\u{200f}', '\u{61c}', '\u{feff}', '\u{fffe}'])
}

#[test]
fn a_refused_character_is_named_wherever_it_stands() {
    for character in refused() {
        let number = format!("U+{:04X} ", u32::from(character));
        for (line, place) in [
            (1, format!("# comment{character}M: 1\n")),
            (1, format!("Description: plain{character}text\n")),
            (1, format!("Description: 'quoted{character}text'\n")),
            (1, format!("Description: \"quoted{character}text\"\n")),
            (2, format!("Description: |\n  block{character}text\n")),
            (1, format!("Metadata: {{key{character}: x}}\n")),
            (1, format!("Metadata: {{a: b}}{character}\n")),
            (1, format!("{character}\n")),
        ] {
            let text = format!("%YAML 1.1\n---\n{place}{RULES}");
            let found = said("t.yaml", &text);
            let start = format!("t.yaml:{}:", line + 2);
            let is_named = found.starts_with(&start) && found.contains(&number);
            assert!(is_named && found.contains("error[character]"), "{text:?}\n{found}");
        }
    }
}

#[test]
fn an_escape_for_a_refused_character_is_refused_too() {
    for escape in
        ["\\0", "\\a", "\\e", "\\N", "\\L", "\\P", "\\x85", "\\u2028", "\\u202E", "\\uFEFF"]
    {
        let found = said("t.yaml", &format!("Description: \"a{escape}b\"\n{RULES}"));
        assert!(found.starts_with("t.yaml:1:14: error[character]: U+"), "{escape} {found}");
    }
    assert_eq!(said("t.yaml", &format!("Description: \"a\\t\\r\\n\\u00a0\\u00e9b\"\n{RULES}")), "");
}

#[test]
fn what_was_delivered_may_hold_any_character_as_an_escape() {
    let escaped = format!("Description: \"a\\u202Eb\"\n{RULES}");
    assert!(said("t.yaml", &escaped).contains("error[character]"));
    assert_eq!(Template::parse_delivered(&escaped).unwrap().body.as_ref(), escaped);
    let raw = format!("Description: \"a\u{202e}b\"\n{RULES}");
    assert!(Template::parse_delivered(&raw).is_err());
}

#[test]
fn white_space_is_refused_where_readers_disagree_and_allowed_where_it_is_text() {
    let rules = RULES.replace('\n', "\n  ");
    let mut lines = String::new();
    for head in [
        "\t# comment\n",
        "Parameters:\n\t# comment\n  A: {Type: String}\n",
        "Parameters:\n\u{a0} A: {Type: String}\n",
        "Parameters:\n \u{2003}A: {Type: String}\n",
        "Description:\tx\n",
        "Description: x\t# why\n",
        "Description: x\t\n",
        "Description: a\tb\n",
        "Description: \u{a0}x\n",
        "Description: x\u{3000}\n",
        "Description: x\u{a0}#y\n",
        "Description: x:\u{a0}y\n",
        "Metadata: {a:\u{a0}b}\n",
        "Metadata: {a:\tb}\n",
        "Metadata:\n  -\u{a0}a\n",
        "\u{a0}# comment\n",
    ] {
        writeln!(lines, "{head:?}\n  {}", said("t.yaml", &format!("{head}{RULES}"))).unwrap();
    }
    insta::assert_snapshot!(lines);
    for head in [
        "# a\tb\u{a0}c\n",
        "Description: x # a\tb\n",
        "Description: 'a\tb\u{a0}'\n",
        "Description: \"a\n\tb\"\n",
        "Description: |\n  \ta\n  \u{a0}b\t\n",
        "Description: a\u{a0}b c\u{2009}d\n",
        "Description: caf\u{e9}\u{200d} \u{1f600}\n",
    ] {
        assert_eq!(said("t.yaml", &format!("{head}{RULES}")), "", "{head:?}");
    }
    let json = "{\t\"Resources\":\n\t\t{\"R\": {\
                \"Type\": \"AWS::Config::ConfigRule\",\t\"Properties\": \
                {\"Source\": {\"Owner\": \"AWS\",\t\"SourceIdentifier\": \"X\"}}}}\n}";
    for name in ["t.json", "t.yaml"] {
        assert_eq!(said(name, json), "", "JSON is indented as it likes");
    }
    assert_eq!(said("t.yaml", &format!("\u{feff}Conditions: {{}}\n{}", rules.trim_end())), "");
}

#[test]
fn comments_that_carry_resources_are_refused_and_every_character_is_reported() {
    let text = format!(
        "{RULES}# harmless\u{2028}  M: {{Type: AWS::Config::RemediationConfiguration}}\n\
         # harmless\u{85}  N: {{Type: AWS::Config::ConfigRule}}\n\
         # harmless\u{2029}Hooks: {{}} \u{202e}\n\t# tab\n"
    );
    insta::assert_snapshot!(said("t.yaml", &text));
    let many = "# \u{2028}\n".repeat(1_000) + RULES;
    assert_eq!(said("t.yaml", &many).lines().count(), 100, "as many as anybody reads");
}

#[test]
fn a_file_full_of_white_space_is_read_in_no_time() {
    let million = 1_000_000;
    for text in [
        "\t".repeat(million),
        format!("# {}", "\t ".repeat(million / 2)),
        format!("a: b{}c", "\u{a0}".repeat(million / 2)),
        format!("a: {}", "b\u{a0}".repeat(million / 3)),
        format!("{{\"a\": [{}1]}}", "1,\t".repeat(10_000)),
        format!("a: \"{}\"", "\t#".repeat(million / 2)),
    ] {
        let path = SourcePath::new("t.yaml").unwrap();
        let problems: usize = yaml::read(&path, &text).iter().map(|one| one.problems.len()).sum();
        assert!(problems <= 200, "{problems}");
    }
}

#[test]
fn what_readers_disagree_about_is_refused_with_the_way_to_write_it() {
    let mut lines = String::new();
    for value in [
        "yes",
        "010",
        "0o7",
        "1:30",
        "1_000",
        "1e3",
        "1.5e3",
        "0x1F",
        "+1",
        ".5",
        "-0",
        ".inf",
        "2010-09-09",
        "=",
        "9007199254740993",
        "!!float 1",
        "!!int \"010\"",
        "!!float '1.5e3'",
        "! 8",
    ] {
        writeln!(lines, "{}", said("t.yaml", &format!("Metadata: {{a: {value}}}\n{RULES}")))
            .unwrap();
    }
    for key in ["on", "true", "1.0", "010"] {
        writeln!(lines, "{}", said("t.yaml", &format!("Metadata: {{{key}: a}}\n{RULES}"))).unwrap();
    }
    let long = format!("Metadata: {{\"{}\": a}}\n{RULES}", "k".repeat(999));
    writeln!(lines, "{}", said("t.yaml", &long)).unwrap();
    insta::assert_snapshot!(lines);
    let version =
        |text: &str| said("t.yaml", &format!("AWSTemplateFormatVersion: {text}\n{RULES}"));
    assert_eq!(version("2010-09-09"), "");
    assert!(version("010").contains("yaml-1-1"));
}
