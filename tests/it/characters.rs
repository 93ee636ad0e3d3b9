//! Characters that readers see differently, or that nobody sees: refused by name, in their place.

use std::fmt::Write as _;

use conformd::domain::declared::snapshot::SourcePath;
use conformd::domain::declared::template::Template;
use conformd::domain::declared::yaml;

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
    let others = ['\u{200e}', '\u{200f}', '\u{61c}', '\u{feff}', '\u{fffe}'];
    controls.chain(directions).chain(others).chain(invisible())
}

/// Characters that nobody sees, by Unicode's `Default_Ignorable_Code_Point`.
fn invisible() -> impl Iterator<Item = char> {
    let some = "\u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180c}\u{180d}\u{180e}\u{180f}\
                \u{200b}\u{3164}\u{ffa0}\u{e0001}\u{e0020}\u{e007f}\u{e0100}\u{e01ef}\u{e0fff}";
    let ranges = ('\u{2060}'..='\u{206f}').chain('\u{fff0}'..='\u{fffb}');
    let notations = ('\u{1bca0}'..='\u{1bca3}').chain('\u{1d173}'..='\u{1d17a}');
    some.chars().chain(ranges).chain(notations)
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
    for escape in [
        "\\0",
        "\\a",
        "\\e",
        "\\N",
        "\\L",
        "\\P",
        "\\x85",
        "\\u2028",
        "\\u202E",
        "\\uFEFF",
        "\\r",
        "\\x0d",
        "\\u000d",
        "\\r\\r\\n",
        "\\u00AD",
        "\\u200B",
        "\\u3164",
        "\\U000E0041",
    ] {
        let found = said("t.yaml", &format!("Description: \"a{escape}b\"\n{RULES}"));
        assert!(found.starts_with("t.yaml:1:14: error[character]: U+"), "{escape} {found}");
    }
    assert_eq!(said("t.yaml", &format!("Description: \"a\\t\\r\\n\\u00a0\\u00e9b\"\n{RULES}")), "");
}

#[test]
fn a_carriage_return_without_a_line_feed_is_refused_in_every_file() {
    let texts = [
        ("t.yaml", format!("# a comment\r  M2: {{Type: X}}\n{RULES}")),
        ("t.yaml", format!("Description: a\r  b\n{RULES}")),
        ("t.yaml", format!("Description: |\n  a\r  b\n{RULES}")),
        ("t.yaml", RULES.replace('\n', "\r")),
        ("t.yaml", format!("{RULES}# end\r")),
        ("t.yaml", RULES.replace('\n', "\r\r\n")),
        ("t.json", "{\"Resources\":\r{}}".to_owned()),
    ];
    let lines: Vec<String> = texts.map(|(name, text)| said(name, &text)).into();
    insta::assert_snapshot!(lines.join("\n\n"), @"
    t.yaml:1:12: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    t.yaml:1:15: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    t.yaml:2:4: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    t.yaml:1:11: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    t.yaml:1:16: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    t.yaml:1:50: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    t.yaml:1:110: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    t.yaml:5:6: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    t.yaml:1:11: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    t.yaml:2:5: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    t.yaml:3:34: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    t.yaml:4:60: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)

    t.json:1:14: error[character]: U+000D CARRIAGE RETURN stands here (end lines with LF or CRLF: a CR alone ends a line for some YAML readers only)
    ");
    assert_eq!(said("t.yaml", &RULES.replace('\n', "\r\n")), "");
}

#[test]
fn what_joins_letters_is_refused_in_keys_and_names_and_allowed_in_other_text() {
    for character in ['\u{200c}', '\u{200d}', '\u{fe00}', '\u{fe0f}'] {
        let named =
            |name: &str| RULES.replace("{Source:", &format!("{{ConfigRuleName: {name}, Source:"));
        for text in [
            format!("Metadata: {{a{character}b: x}}\n{RULES}"),
            RULES.replace("  R:", &format!("  R{character}:")),
            named(&format!("a{character}b")),
            named(&format!("!Sub 'a{character}b'")),
            named(&format!("!Join ['', [a, '{character}']]")),
        ] {
            let found = said("t.yaml", &text);
            let number = format!("error[character]: U+{:04X} ", u32::from(character));
            assert!(found.contains(&number), "{text:?}\n{found}");
        }
        let text = format!("# a{character}b\nDescription: a{character}b\n{RULES}");
        assert_eq!(said("t.yaml", &text), "");
    }
}

#[test]
fn a_directive_other_than_a_version_is_refused() {
    let directives = [
        "%TAG ! tag:yaml.org,2002:",
        "%TAG !e! tag:example.com,2000:",
        "%FOO bar",
        "%YAML 1.3",
        "%YAML 1.2 more",
    ];
    let with = |line: &str| said("t.yaml", &format!("{line}\n---\n{RULES}"));
    insta::assert_snapshot!(directives.map(with).join("\n"), @"
    t.yaml:1:1: error[directive]: this is the directive %TAG; expected none, or %YAML 1.1 or %YAML 1.2 (remove it, and write each tag in full: YAML readers disagree about it)
    t.yaml:1:1: error[directive]: this is the directive %TAG; expected none, or %YAML 1.1 or %YAML 1.2 (remove it, and write each tag in full: YAML readers disagree about it)
    t.yaml:1:1: error[directive]: this is the directive %FOO; expected none, or %YAML 1.1 or %YAML 1.2 (remove it, and write each tag in full: YAML readers disagree about it)
    t.yaml:1:1: error[directive]: this is the directive %YAML; expected none, or %YAML 1.1 or %YAML 1.2 (remove it, and write each tag in full: YAML readers disagree about it)
    t.yaml:1:1: error[syntax]: this is not YAML: while scanning a directive, did not find expected comment or line break
    t.yaml:1:1: error[directive]: this is the directive %YAML; expected none, or %YAML 1.1 or %YAML 1.2 (remove it, and write each tag in full: YAML readers disagree about it)
    ");
    for line in ["%YAML 1.1", "%YAML 1.2", "%YAML 1.2 # why", "\u{feff}%YAML 1.1"] {
        assert_eq!(with(line), "", "{line}");
    }
    let quoted = format!("{{\"Description\": \"a\n%TAG b\", \"Resources\": {{{}}}}}", "");
    assert!(!said("t.yaml", &quoted).contains("directive"), "text is no directive");
}

#[test]
fn a_template_of_an_earlier_release_is_read_whatever_characters_it_holds() {
    let text = RULES.replace("{Source:", "{Description: \"a\\rb\u{3164}\\u200B\", Source:");
    assert!(said("t.yaml", &text).contains("error[character]"));
    assert_eq!(Template::parse_delivered(&text).unwrap().census.rules, 1);
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
