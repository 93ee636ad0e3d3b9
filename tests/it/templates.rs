//! Templates: published ones, and any that can be generated, keep their meaning through everything.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use conformd::domain::declared::snapshot::SourcePath;
use conformd::domain::declared::template::Template;
use conformd::domain::declared::yaml;
use conformd::domain::declared::yaml::Meaning;
use conformd::domain::declared::yaml::tree::YamlNode;
use proptest::prelude::*;

use crate::support::rendering::{Form, Tree, render};

/// The folder of published templates, if this machine has one.
pub(crate) fn corpus() -> Option<Vec<(String, String)>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("CONFORMD_CORPUS").map_or_else(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        #[expect(clippy::print_stderr, reason = "who runs the tests should see it")]
        {
            eprintln!("skipped: no published templates here (CONFORMD_CORPUS names their folder)");
        }
        return None;
    };
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    Some(files)
}

fn parse(name: &str, text: &str) -> Result<(Template, Vec<String>), String> {
    let path = SourcePath::new(name).unwrap();
    let lines =
        |findings: Vec<_>| findings.iter().map(ToString::to_string).collect::<Vec<String>>();
    Template::parse(&path, text)
        .map(|(template, warnings)| (template, lines(warnings)))
        .map_err(|findings| lines(findings).join("\n"))
}

#[test]
fn every_published_template_parses_and_takes_the_marker() {
    let Some(files) = corpus() else { return };
    let mut table = String::new();
    for (name, text) in &files {
        let (template, warnings) = parse(name, text).unwrap_or_else(|error| panic!("{error}"));
        let Template { digest, census, body, .. } = template;
        let short = name.replace("Operational-Best-Practices-", "").replace(".yaml", "");
        let short = format!("{short:40}");
        let row = format!(
            "{short:.40} rules {:3}+{} inputs {:2}/{}/{:2} bytes {:5} {:5} {} {}",
            census.rules,
            census.remediations,
            census.parameters.len(),
            census.required.len(),
            census.used.len(),
            text.len(),
            body.len(),
            digest.short(),
            warnings.join(" "),
        );
        writeln!(table, "{}", row.trim_end()).unwrap();
        assert!(body.len() < 48_000, "{name} goes inline with room to spare: {}", body.len());
    }
    assert_eq!(files.len(), 61);
    insta::assert_snapshot!(table, @r"
    AI-ML-Security-Governance-Supporting-Inf rules  66+0 inputs  5/0/ 5 bytes 18684 14250 e64d9339
    Amazon-Sagemaker-AI-Security-and-Governa rules  87+0 inputs  4/0/ 4 bytes 23795 18688 38b8a04d
    For-NIST-800-181                         rules 130+0 inputs 27/0/27 bytes 50007 45397 4a05887b
    For-Security-Identity-and-Compliance-Ser rules  48+0 inputs 21/0/21 bytes 22828 20555 78ed84e5
    for-ABS-CCIGv2-Material                  rules 129+0 inputs 32/0/32 bytes 51307 46422 e008460e
    for-ABS-CCIGv2-Standard                  rules 130+0 inputs 30/0/30 bytes 51035 46139 94f501e5
    for-ACSC-ISM-Part1                       rules 117+0 inputs 23/0/23 bytes 45330 41160 614985f5
    for-API-Gateway                          rules   8+0 inputs  1/0/ 1 bytes  3159  2562 16664425
    for-AWS-Backup                           rules  13+0 inputs  4/0/ 4 bytes  6948  6084 03d0f0ae
    for-AWS-Well-Architected-Reliability-Pil rules  69+0 inputs  8/0/ 8 bytes 24554 21579 ce144724
    for-Amazon-DynamoDB-with-Remediation     rules   2+1 inputs  1/1/ 1 bytes  2208  1734 8fb8608e
    for-Amazon-S3-with-Remediation           rules   6+4 inputs  1/1/ 1 bytes  7075  6020 aa563678
    for-Asset-Management                     rules  13+0 inputs  2/0/ 2 bytes  5131  4358 7cad64a6
    for-BNM-RMiT                             rules 130+0 inputs 31/0/31 bytes 51046 46292 3ee352cb
    for-CCN-ENS-High                         rules 117+0 inputs 23/0/23 bytes 43715 39650 a48764e5
    for-CCN-ENS-Medium                       rules 115+0 inputs 18/0/18 bytes 40871 37002 1b72ad0d
    for-CIS-AWS-FB-v1.3-Level2               rules  58+0 inputs 10/0/10 bytes 24177 21692 bf157120
    for-CIS-AWS-v1.3-Level2                  rules  58+0 inputs 10/0/10 bytes 24177 21692 bf157120
    for-CIS-AWS-v1.4-Level2                  rules  62+0 inputs 16/0/16 bytes 26646 24296 9e7a2561
    for-CIS-Critical-Security-Controls-v8-IG rules 130+0 inputs 25/0/25 bytes 48833 44227 48a878d2
    for-CIS-Top20                            rules  84+0 inputs 23/0/23 bytes 34739 30702 234db49c
    for-CISA-Cyber-Essentials                rules 130+0 inputs 25/0/25 bytes 49237 44706 941b0d94
    for-CMMC-2.0-Level-1                     rules  70+0 inputs 18/0/18 bytes 28263 25482 4e9e8ebc
    for-CloudWatch                           rules   5+0 inputs  6/0/ 6 bytes  4550  3929 7974e09a
    for-Data-Resiliency                      rules  23+0 inputs  4/0/ 4 bytes  9813  8678 7298705c
    for-Datalakes-and-Analytics-Services     rules  42+0 inputs  1/0/ 1 bytes 13341 11761 0c9f2c57
    for-EC2                                  rules  22+0 inputs  4/0/ 4 bytes  8360  7299 90d5975a
    for-Encryption-and-Keys                  rules  37+0 inputs  3/0/ 3 bytes 12668 11183 fad401e1
    for-FFIEC                                rules 122+0 inputs 34/0/34 bytes 51192 46552 e83fd468
    for-FedRAMP-HighPart2                    rules  97+0 inputs 14/0/14 bytes 34926 31197 8f6038f1
    for-FedRAMP-Moderate                     rules 129+0 inputs 29/0/29 bytes 50642 45955 e4c9eab6
    for-Germany-C5                           rules 126+0 inputs 27/0/27 bytes 48412 43876 9286c8ab
    for-GxP-EU-Annex-11                      rules  86+0 inputs  4/0/ 4 bytes 27505 24314 9083d003
    for-IRS-1075                             rules 130+0 inputs 11/0/11 bytes 43049 38975 df1aee42
    for-KISMS                                rules 116+0 inputs 30/0/30 bytes 46835 42549 8f4363bf
    for-Logging                              rules  22+0 inputs  2/0/ 2 bytes  7268  6322 a2f29fd0
    for-MAS-TRMG                             rules 130+0 inputs 24/0/24 bytes 47996 43425 8c2eee74
    for-Monitoring                           rules  18+0 inputs  7/0/ 7 bytes  9026  7965 021f7742
    for-NCSC-CAF                             rules 123+0 inputs 31/0/31 bytes 49433 44862 5dd770f2
    for-NERC-CIP-BCSI                        rules  62+0 inputs  3/0/ 3 bytes 19631 17525 49e7bb83
    for-NIST-1800-25                         rules 114+0 inputs 18/0/18 bytes 40547 36683 7735bc82
    for-NIST-800-172                         rules  64+0 inputs 20/0/20 bytes 28099 25388 e9490781
    for-NIST-800-53-rev-5                    rules 130+0 inputs 28/0/28 bytes 50123 45471 fa3684cb
    for-NIST-Privacy-Framework               rules 130+0 inputs 24/0/24 bytes 48462 43971 2b50202c
    for-NZISM-Extension                      rules  12+0 inputs 12/0/12 bytes 14990  7599 e5dd711b
    for-NZISM-NZTransition                   rules  61+0 inputs  1/0/ 1 bytes 28856 27336 6d5570cc
    for-PCI-DSS-v4.0-excluding-global-resour rules  99+0 inputs 16/0/16 bytes 37511 33783 9a9c4caf
    for-PCI-DSS-v4.0-including-global-resour rules 127+0 inputs 16/0/16 bytes 45953 41425 c522fb25
    for-PCI-DSS                              rules 129+0 inputs 26/0/26 bytes 49307 44720 3b52b5d3
    for-RBI-Basic-Cyber-Security-Framework   rules 111+0 inputs 26/0/26 bytes 44258 40181 e837c0e9
    for-SWIFT-CSP                            rules  69+0 inputs 18/0/18 bytes 43147 39154 ce937851
    for-Serverless                           rules  17+0 inputs  6/0/ 6 bytes  7934  6931 6e2508cb
    Security-Best-Practices-for-AWS-WAF      rules   5+0 inputs  0/0/ 0 bytes  1721  1401 4a2cdbe4
    Security-Best-Practices-for-AutoScaling  rules   7+0 inputs  0/0/ 0 bytes  2991  2203 617c0984
    Security-Best-Practices-for-CloudTrail   rules   7+0 inputs  0/0/ 0 bytes  1949  1533 c85e2714
    Security-Best-Practices-for-ECR          rules   3+0 inputs  0/0/ 0 bytes  1213   941 c3a41cfe
    Security-Best-Practices-for-EFS          rules   4+0 inputs  0/0/ 0 bytes  1358  1006 184d19eb
    Security-Best-Practices-for-Lambda       rules   4+0 inputs  1/0/ 1 bytes  2027  1600 5262a66e
    Security-Best-Practices-for-RDS          rules  17+0 inputs  0/0/ 0 bytes  5352  4687 905e41a4
    Security-Best-Practices-for-SageMaker    rules   3+0 inputs  0/0/ 0 bytes  1227   833 a6998e69
    Self-Hosted-AI-ML-Security-Governance-Be rules 121+0 inputs  8/0/ 8 bytes 31028 25742 6364267f
    ");
}

#[test]
fn golden_vectors_pin_the_digest() {
    let yaml = "\
Parameters:
  Days: {Type: String, Default: '90'}
Resources:
  Keys:
    Type: AWS::Config::ConfigRule
    Properties:
      InputParameters: {age: !Ref Days, count: 1, 'on': 'yes'}
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
";
    let json = r#"{
        "Resources": {"Keys": {"Type": "AWS::Config::ConfigRule", "Properties": {
            "Source": {"SourceIdentifier": "ACCESS_KEYS_ROTATED", "Owner": "AWS"},
            "InputParameters": {"on": "yes", "age": {"Ref": "Days"}, "count": 1}
        }}},
        "Parameters": {"Days": {"Default": "90", "Type": "String"}}
    }"#;
    // A digest that changes with a release delivers every pack anew.
    insta::assert_snapshot!(digest(json), @"3547588cf68055b3cd02edd8bea81854");
    assert_eq!(digest(yaml), digest(json));
}

const RULES: &str = "\
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties: {Source: {Owner: AWS, SourceIdentifier: X}}
";

const JSON_RULES: &str = r#""Resources": {"R": {"Type": "AWS::Config::ConfigRule",
    "Properties": {"Source": {"Owner": "AWS", "SourceIdentifier": "X"}}}}"#;

#[test]
fn a_template_is_sent_in_one_form_however_it_is_written() {
    let parameter = "A: {Type: String}";
    let rules = RULES.trim_end();
    let with_parameter = [
        format!("Parameters:\n  {parameter}\n{rules}\n"),
        format!("# ours\n\nParameters:\n    # of rules\n\n    {parameter}\n{rules}"),
        format!("Parameters:\r\n  {parameter}\r\n{rules}\r\n"),
        format!("\u{feff}Parameters: {{{parameter}}}\n{rules}\n"),
        format!("Parameters:\n  ? A\n  : {{Type: String}}\n{rules}\n"),
        format!("{{\"Parameters\": {{\n  \"A\": {{\"Type\": \"String\"}}}}, {JSON_RULES}}}"),
    ];
    let without = [
        rules.to_owned(),
        format!("%YAML 1.1\n---\n{rules}\n...\n"),
        format!("  {}", rules.replace('\n', "\n  ")),
        format!("{{\n  {JSON_RULES}\n}}"),
    ];
    for shapes in [&with_parameter[..], &without[..]] {
        let [first, others @ ..] = shapes else { panic!("there are shapes") };
        for other in others {
            assert_eq!(body(other), body(first), "{other}");
        }
    }
    let everything = format!(
        "{rules}
Description: |
  two lines
  of \"text\"
Conditions: {{C: !Not [!Equals [!Ref A, \"\"]]}}
Parameters: {{A: {{Type: String, Default: 'yes'}}}}
Metadata: {{1: [], b: {{}}, c: [[1, -1.50], [a, {{d: true, e: !GetAtt R.x.y}}]], é: '\u{a0}'}}
"
    );
    insta::assert_snapshot!(
        [body(&with_parameter[0]), body(&without[0]), body(&everything)].join("\n")
    );
}

fn body(text: &str) -> String {
    let (template, _) = parse("any.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    template.body.to_string()
}

#[test]
fn what_a_pack_cannot_hold_is_refused_in_its_place() {
    let edits = [
        ("ConfigRule", "ConfigRulee"),
        ("AWS::Config::ConfigRule", "AWS::S3::Bucket"),
        ("    Type: AWS::Config::ConfigRule\n", ""),
        ("Owner: AWS", "Owner: AMAZON"),
        ("{Source: {Owner: AWS, SourceIdentifier: X}}", "{}"),
        ("  R:", "  R-1:"),
        ("Resources:", "Resourcs:"),
        ("Resources:", "Outputs: {}\nResources:"),
        ("Resources:", "Parameters:\nResources:"),
        ("Resources:", "Parameters: {ConformdMarker: {Type: String}}\nResources:"),
        ("Resources:", "Parameters: {A: {Default: x}}\nResources:"),
        ("Resources:", "Parameters: {A: {Type: String, Defualt: x}}\nResources:"),
        ("Resources:", "Parameters: {A: {Type: Number}}\nResources:"),
        ("Resources:", "Parameters:\n  ? A\n  : {Type: String}\nResources:"),
        ("X}", "!Ref Y}"),
        ("X}", "!Rfe Y}"),
        ("X}", "!ImportValue no}"),
        ("X}", "!Sub \"${R}\"}"),
        ("X}", "{Fn::Join: [x]}}"),
        ("X}", "010}"),
        ("    Properties", "    Condition: C\n    Properties"),
        ("\n", "\n---\n"),
    ];
    let mut lines = String::new();
    for (from, to) in edits {
        let text = RULES.replacen(from, to, 1);
        let found = match parse("t.yaml", &text) {
            Ok((_, warnings)) => warnings.join("\n"),
            Err(errors) => errors,
        };
        writeln!(lines, "{}", found.lines().next().unwrap_or("nothing")).unwrap();
    }
    let json = format!("{{{JSON_RULES},}}");
    writeln!(lines, "{}", parse("t.json", &json).unwrap_err()).unwrap();
    insta::assert_snapshot!(lines, @r#"
    t.yaml:3:11: error[resource-type]: a pack cannot hold AWS::Config::ConfigRulee; expected AWS::Config::ConfigRule or AWS::Config::RemediationConfiguration (did you mean AWS::Config::ConfigRule?)
    t.yaml:3:11: error[resource-type]: a pack cannot hold AWS::S3::Bucket; expected AWS::Config::ConfigRule or AWS::Config::RemediationConfiguration (AWS Config deploys nothing else in a pack; use a stack set)
    t.yaml:2:3: error[resource-type]: the resource R has no Type; expected AWS::Config::ConfigRule or AWS::Config::RemediationConfiguration
    t.yaml:4:34: error[malformed]: Owner is "AMAZON"; expected AWS, CUSTOM_LAMBDA, CUSTOM_POLICY
    t.yaml:2:3: error[missing-field]: Properties lacks Source (AWS requires it)
    t.yaml:2:3: error[logical-id]: "R-1" is not alphanumeric; expected ASCII letters and digits only
    t.yaml:1:1: error[unknown-section]: there is no section Resourcs (did you mean Resources?)
    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:1:11: error[template-shape]: Parameters is nothing (null); expected a mapping (leave the section out if there are no parameters)
    t.yaml:1:14: error[reserved-parameter]: the template declares ConformdMarker (conformd declares it itself in what it delivers; remove it here)
    t.yaml:1:14: error[missing-field]: the parameter A has no Type (add Type: String)
    t.yaml:1:32: error[unknown-field]: a parameter has no attribute Defualt (did you mean Default?)
    t.yaml:1:24: warning[unproven]: the type of A is not String (every pack that AWS publishes declares its parameters as String)
    nothing
    t.yaml:4:62: error[unknown-reference]: nothing is named Y; expected a parameter or a resource of this template
    t.yaml:4:62: error[tag]: !Rfe is no function of CloudFormation (did you mean Ref?)
    t.yaml:4:70: warning[unproven]: !ImportValue is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:4:62: error[cycle]: R leads to itself (break the circle)
    t.yaml:4:58: warning[unproven]: Fn::Join is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:4:57: error[yaml-1-1]: YAML readers disagree about the value 010 (write "010" if it is text, else the number as JSON does, with at most 15 digits)
    t.yaml:4:16: error[condition]: there is no condition C; expected a condition that is declared under Conditions
    t.yaml:3:3: error[many-documents]: a second document begins here; expected one document: a template is a file of its own
    t.json:2:75: error[syntax]: this is not JSON: key must be a string at line 2 column 75
    "#);
}

/// The tree as the other YAML reader would give it.
fn other_value(node: &YamlNode) -> serde_yaml::Value {
    use serde_yaml::Value;
    use serde_yaml::value::{Tag, TaggedValue};
    let bare = match &node.value {
        yaml::tree::Value::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Value::Null,
            Meaning::Bool(value) => Value::Bool(value),
            Meaning::Integer => Value::Number(scalar.text.parse::<i64>().unwrap().into()),
            Meaning::Float => Value::Number(scalar.text.parse::<f64>().unwrap().into()),
            Meaning::Text => Value::String(scalar.text.to_string()),
        },
        yaml::tree::Value::Sequence(nodes) => {
            Value::Sequence(nodes.iter().map(other_value).collect())
        }
        yaml::tree::Value::Mapping(mapping) => Value::Mapping(
            mapping
                .entries
                .iter()
                .map(|entry| {
                    let key = match entry.key.meaning {
                        Meaning::Text => Value::String(entry.key.text.to_string()),
                        Meaning::Null | Meaning::Bool(_) | Meaning::Integer | Meaning::Float => {
                            serde_yaml::from_str(&entry.key.text).unwrap()
                        }
                    };
                    (key, other_value(&entry.value))
                })
                .collect(),
        ),
    };
    match &node.tag {
        None => bare,
        Some(tag) => {
            Value::Tagged(Box::new(TaggedValue { tag: Tag::new(tag.clone()), value: bare }))
        }
    }
}

/// The other reader, which takes a byte order mark for text.
fn other_reader(text: &str) -> serde_yaml::Value {
    let text = text.trim_start_matches('\u{feff}');
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn tree(text: &str) -> YamlNode {
    let path = SourcePath::new("any.yaml").unwrap();
    let mut documents =
        yaml::parse(&path, text).unwrap_or_else(|found| panic!("{found:?}\n{text}"));
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

/// A value with short tags written out.
fn long_form(value: serde_yaml::Value) -> serde_yaml::Value {
    use serde_yaml::Value;
    match value {
        Value::Sequence(values) => values.into_iter().map(long_form).collect(),
        Value::Mapping(entries) => {
            let entries = entries.into_iter();
            Value::Mapping(entries.map(|(key, value)| (key, long_form(value))).collect())
        }
        Value::Tagged(tagged) => {
            let name = tagged.tag.to_string().trim_start_matches('!').to_owned();
            let name = if name == "Ref" { name } else { format!("Fn::{name}") };
            Value::Mapping([(name.into(), long_form(tagged.value))].into_iter().collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The other reader's view of a template without its marker.
fn without_marker(text: &str) -> serde_yaml::Value {
    let mut value = other_reader(text);
    let parameters = value.get_mut("Parameters").and_then(serde_yaml::Value::as_mapping_mut);
    let marker = parameters.unwrap().remove("ConformdMarker").unwrap();
    let declared: serde_yaml::Value =
        serde_yaml::from_str("{Type: String, Default: none}").unwrap();
    assert_eq!(marker, declared);
    value
}

#[test]
fn published_templates_read_the_same_in_another_reader_before_and_after_the_marker() {
    for (name, text) in corpus().unwrap_or_default() {
        let other = other_reader(&text);
        assert_eq!(other_value(&tree(&text)), other, "{name}");
        let other = long_form(other);
        let (template, _) = parse(&name, &text).unwrap();
        let mut after = without_marker(&template.body);
        if other.get("Parameters").is_none() {
            after.as_mapping_mut().unwrap().remove("Parameters");
        }
        assert_eq!(after, other, "{name}");
    }
}

fn digest(text: &str) -> String {
    let (template, _) = parse("any.yaml", text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    template.digest.to_string()
}

proptest! {
    #[test]
    fn two_readers_see_the_same_tree(tree_of in Tree::any(), form in Form::any()) {
        let text = render(&tree_of, &form);
        let other = other_reader(&text);
        prop_assert_eq!(other_value(&tree(&text)), other, "{}", text);
    }

    #[test]
    fn the_digest_sees_meaning_and_not_form(
        template in Tree::template(), one in Form::any(), other in Form::any(),
    ) {
        prop_assert_eq!(digest(&render(&template, &one)), digest(&render(&template, &other)));
    }

    #[test]
    fn the_digest_sees_every_single_change(
        template in Tree::template(), form in Form::any(), at in any::<prop::sample::Index>(),
    ) {
        let before = digest(&render(&template, &form));
        let changed = template.changed(at);
        prop_assert_ne!(digest(&render(&changed, &form)), before, "{:?}", changed);
    }

    #[test]
    fn any_template_is_sent_with_the_marker_and_no_other_change(
        template in Tree::template(), form in Form::any(),
    ) {
        let text = render(&template, &form);
        let (parsed, _) = parse("any.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut after = without_marker(&parsed.body);
        let original = long_form(other_reader(&text));
        if original.get("Parameters").is_none() {
            after.as_mapping_mut().unwrap().remove("Parameters");
        }
        prop_assert_eq!(after, original, "{}", parsed.body);
        let first = parsed.body.chars().next();
        prop_assert_ne!(first, Some('\u{feff}'));
    }

    #[test]
    fn no_text_makes_the_reader_panic_or_misplace(text in "[-:{}\\[\\],&*!|>'\"#%?a \n\r\t\u{e9}]{0,60}") {
        let path = SourcePath::new("any.yaml").unwrap();
        for document in yaml::read(&path, &text) {
            for problem in document.problems {
                let span = problem.span.unwrap();
                prop_assert!(text.get(span.start..span.end).is_some(), "{:?} {}", text, problem);
            }
        }
        drop(Template::parse(&path, &text));
    }
}
