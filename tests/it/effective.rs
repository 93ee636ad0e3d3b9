//! Which rules are in effect: what a condition, a parameter or a region makes of a template.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use conformd::domain::base::model::Place;
use conformd::domain::declared::snapshot::SourcePath;
use conformd::domain::declared::template::{Effective, Evaluates, Template};
use proptest::prelude::*;

use crate::templates::corpus;

const TEMPLATE: &str = r"
Parameters:
  Keys: {Type: String, Default: ''}
  Switch: {Type: String, Default: 'on'}
  Limit: {Type: Number, Default: 5}
Mappings:
  ByRegion:
    eu-west-1: {logging: 'yes'}
    us-east-1: {logging: 'no'}
Conditions:
  KeysGiven: {'Fn::Not': [{'Fn::Equals': ['', {Ref: Keys}]}]}
  Switched: !Equals [!Ref Switch, 'on']
  Both: !And [!Condition Switched, !Condition KeysGiven]
  Either: {'Fn::Or': [{Condition: Switched}, {Condition: KeysGiven}]}
  Mapped: !Equals [!FindInMap [ByRegion, !Ref AWS::Region, logging], 'yes']
  InOneAccount: !Equals [!Ref AWS::AccountId, '111122223333']
  InOneAccountSwitched: !And [!Condition InOneAccount, !Condition Switched]
  China: !Equals [!Sub '${AWS::Partition}-${AWS::Region}', aws-cn-cn-north-1]
  Many: !Equals [!Ref Limit, 5]
  Round: !Condition Round
Resources:
  Always: &rule
    Type: AWS::Config::ConfigRule
    Properties: {ConfigRuleName: always, Source: {Owner: AWS, SourceIdentifier: ROOT_MFA}}
";

/// The template with one more rule for each condition.
fn template() -> Template {
    let mut text = TEMPLATE.replace("&rule", "");
    for condition in [
        "KeysGiven",
        "Switched",
        "Both",
        "Either",
        "Mapped",
        "InOneAccount",
        "InOneAccountSwitched",
        "China",
        "Many",
        "Round",
        "Missing",
    ] {
        writeln!(
            text,
            "  {condition}:\n    Type: AWS::Config::ConfigRule\n    Condition: {condition}\n    \
             Properties: {{Source: {{Owner: AWS, SourceIdentifier: X}}}}"
        )
        .unwrap();
    }
    delivered(&text)
}

fn delivered(text: &str) -> Template {
    Template::parse_delivered(text).unwrap_or_else(|error| panic!("{error:?}"))
}

fn rules(template: &Template, inputs: &[(&str, &str)], region: &str) -> Effective {
    let inputs: BTreeMap<String, String> =
        inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let account = "111111111111".parse().unwrap();
    template.rules(&inputs, &Place { account, region: region.parse().unwrap() })
}

fn names(effective: &Effective) -> String {
    let join = |names: &BTreeMap<String, Evaluates>| {
        names.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    format!("{} | {}", join(&effective.present), join(&effective.unknown))
}

#[test]
fn a_condition_is_evaluated_with_the_parameters_in_force_and_by_region() {
    let template = template();
    let all = |inputs: &[(&str, &str)], region| names(&rules(&template, inputs, region));
    insta::assert_snapshot!(
        all(&[], "eu-west-1"),
        @"Either Many Mapped Switched always | InOneAccount InOneAccountSwitched Missing Round"
    );
    insta::assert_snapshot!(
        all(&[("Switch", "off"), ("Keys", "k")], "us-east-1"),
        @"Either KeysGiven Many always | InOneAccount Missing Round"
    );
    insta::assert_snapshot!(
        all(&[("Switch", "off"), ("Limit", "6")], "cn-north-1"),
        @"China always | InOneAccount Mapped Missing Round"
    );
}

/// One rule with these properties.
fn one_rule(properties: &str) -> String {
    format!(
        "Parameters: {{A: {{Type: String, Default: x}}}}\n\
         Conditions:\n  IsX: !Equals [!Ref A, x]\n  \
           Here: !Equals [!Ref AWS::AccountId, '111122223333']\n\
         Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Properties: {properties}\n"
    )
}

#[test]
fn a_rule_is_known_by_its_name_and_by_what_evaluates_it() {
    let mut table = String::new();
    for properties in [
        "{Source: {Owner: AWS, SourceIdentifier: X}}",
        "{ConfigRuleName: r, Source: {Owner: AWS, SourceIdentifier: X}}",
        "{ConfigRuleName: !If [IsX, one, two], Source: {Owner: AWS, SourceIdentifier: X}}",
        "{ConfigRuleName: !If [Here, one, two], Source: {Owner: AWS, SourceIdentifier: X}}",
        "{ConfigRuleName: !Sub 'r-${A}', Source: {Owner: AWS, SourceIdentifier: !Ref A}}",
        "{Source: !If [IsX, {Owner: AWS, SourceIdentifier: X}, {Owner: CUSTOM_LAMBDA}]}",
        "{Source: {Owner: AWS, SourceIdentifier: !If [Here, X, Z]}}",
        "{Source: !If [Here, {Owner: AWS, SourceIdentifier: X}, {Owner: CUSTOM_LAMBDA}]}",
        "{Source: {Owner: CUSTOM_LAMBDA, SourceIdentifier: \
           !Sub 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:f'}}",
        "{Source: {Owner: CUSTOM_LAMBDA, SourceIdentifier: !ImportValue f}}",
        "{Source: {Owner: CUSTOM_POLICY, CustomPolicyDetails: {PolicyText: 'rule a { b }'}}}",
        "{Source: {Owner: CUSTOM_POLICY, CustomPolicyDetails: {PolicyText: 'rule a { c }'}}}",
        "{Source: {Owner: CUSTOM_POLICY, CustomPolicyDetails: {PolicyText: !If [IsX, a, b]}}}",
        "{Source: 5}",
        "{}",
    ] {
        let Effective { present, unknown } =
            rules(&delivered(&one_rule(properties)), &[], "eu-west-1");
        assert_eq!(unknown, BTreeMap::new());
        let (name, source) = present.first_key_value().unwrap();
        writeln!(table, "{name} {source}").unwrap();
    }
    insta::assert_snapshot!(table, @"
    R AWS/X
    r AWS/X
    one AWS/X
    R AWS/X
    r-x AWS/x
    R AWS/X
    R AWS/X or Z b9e83733
    R AWS/X or CUSTOM_LAMBDA 558e84e0
    R CUSTOM_LAMBDA/arn:aws:lambda:eu-west-1:${AWS::AccountId}:function:f
    R CUSTOM_LAMBDA/Fn::ImportValue e3c51bb5 483d4828
    R CUSTOM_POLICY/ee48ae0b
    R CUSTOM_POLICY/75e08514
    R CUSTOM_POLICY/3b196fd4
    R a number 0a593f6f
    R none
    ");
}

#[test]
fn a_rule_is_known_by_what_it_looks_at() {
    let text = |scope: &str| {
        one_rule(&format!("{{Source: {{Owner: AWS, SourceIdentifier: X}}, Scope: {scope}}}"))
            .replace("Parameters: {", "Parameters: {L: {Type: CommaDelimitedList}, ")
    };
    let source = |scope: &str| {
        let inputs = [("L", "AWS::S3::Bucket, AWS::IAM::User")];
        let effective = rules(&delivered(&text(scope)), &inputs, "eu-west-1");
        effective.present.values().map(ToString::to_string).collect::<String>()
    };
    let mut table = String::new();
    for scope in [
        "{}",
        "{ComplianceResourceTypes: [AWS::S3::Bucket, AWS::EC2::Instance]}",
        "{ComplianceResourceTypes: !Ref L}",
        "{ComplianceResourceTypes: [!If [IsX, AWS::S3::Bucket, AWS::EC2::Instance]]}",
        "{ComplianceResourceTypes: [AWS::S3::Bucket], ComplianceResourceId: !Ref A}",
        "{TagKey: env, TagValue: !Sub '${A}'}",
        "!If [IsX, !Ref AWS::NoValue, {TagKey: env}]",
        "!If [Here, {TagKey: env}, {TagKey: env}]",
    ] {
        writeln!(table, "{}", source(scope)).unwrap();
    }
    insta::assert_snapshot!(table, @r"
    AWS/X
    AWS/X ComplianceResourceTypes=AWS::EC2::Instance,AWS::S3::Bucket
    AWS/X ComplianceResourceTypes=AWS::IAM::User,AWS::S3::Bucket
    AWS/X ComplianceResourceTypes=AWS::S3::Bucket
    AWS/X ComplianceResourceTypes=AWS::S3::Bucket ComplianceResourceId=x
    AWS/X TagKey=env TagValue=x
    AWS/X
    AWS/X TagKey=env
    ");
    for (scope, beginning) in [
        ("!If [Here, {TagKey: env}, {TagKey: other}]", "AWS/X Scope="),
        ("{TagKey: !ImportValue key}", "AWS/X TagKey=Fn::ImportValue "),
        ("!ImportValue scope", "AWS/X Scope=Fn::ImportValue "),
    ] {
        assert!(source(scope).starts_with(beginning), "{}", source(scope));
    }
}

/// Whether an old rule with the first scope and these inputs is kept by a new one.
fn is_kept(old: (&str, &str), new: (&str, &str)) -> bool {
    let rule = |(scope, value): (&str, &str)| {
        let text = one_rule(&format!("{{Source: {{Owner: AWS, SourceIdentifier: X}}{scope}}}"));
        rules(&delivered(&text), &[("A", value)], "eu-west-1").present.remove("R").unwrap()
    };
    rule(new).covers(&rule(old))
}

#[test]
fn a_scope_that_is_removed_or_widened_keeps_a_rule_and_any_other_change_loses_it() {
    let all = "";
    let buckets = ", Scope: {ComplianceResourceTypes: [AWS::S3::Bucket]}";
    let both = ", Scope: {ComplianceResourceTypes: [AWS::EC2::Instance, AWS::S3::Bucket]}";
    let one = ", Scope: {ComplianceResourceTypes: [AWS::S3::Bucket], ComplianceResourceId: b}";
    let tagged = ", Scope: {TagKey: env, TagValue: x}";
    let by_parameter = ", Scope: {TagKey: !Ref A}";
    let opaque = ", Scope: {TagKey: !ImportValue key}";
    let none = ", Scope: {ComplianceResourceTypes: []}";
    for (old, new) in [
        (all, buckets),
        (all, tagged),
        (both, buckets),
        (buckets, one),
        (tagged, ", Scope: {TagKey: env, TagValue: y}"),
        (buckets, tagged),
        (all, opaque),
        (opaque, buckets),
        (buckets, none),
        (all, none),
        (none, buckets),
    ] {
        assert!(!is_kept((old, "x"), (new, "x")), "{old} → {new}");
    }
    for (old, new) in [
        (buckets, all),
        (tagged, all),
        (opaque, all),
        (buckets, both),
        (one, buckets),
        (tagged, ", Scope: {TagKey: env}"),
        (opaque, opaque),
        (none, none),
        (none, all),
        (buckets, ", Scope: {ComplianceResourceTypes: !Ref AWS::NoValue}"),
    ] {
        assert!(is_kept((old, "x"), (new, "x")), "{old} → {new}");
    }
    assert!(!is_kept((by_parameter, "x"), (by_parameter, "y")));
    assert!(!is_kept((opaque, "x"), (opaque, "y")), "nobody can say that it is the same");
    assert!(is_kept((opaque, "x"), (all, "y")));
}

/// Whether a rule with this source is kept by the one with the other, each with its inputs.
fn is_source_kept(old: (&str, &str), new: (&str, &str)) -> bool {
    let rule = |(source, value): (&str, &str)| {
        let text = one_rule(&format!("{{Source: {{{source}}}}}"));
        rules(&delivered(&text), &[("A", value)], "eu-west-1").present.remove("R").unwrap()
    };
    rule(new).covers(&rule(old))
}

#[test]
fn a_rule_that_fewer_messages_trigger_is_another_one() {
    let owner = "Owner: CUSTOM_LAMBDA, SourceIdentifier: arn:aws:lambda:x, SourceDetails";
    let changes = format!("{owner}: [{{MessageType: ConfigurationItemChangeNotification}}]");
    let oversized =
        format!("{owner}: [{{MessageType: OversizedConfigurationItemChangeNotification}}]");
    let both = format!(
        "{owner}: [{{MessageType: ConfigurationItemChangeNotification}}, \
         {{MessageType: ScheduledNotification, MaximumExecutionFrequency: One_Hour}}]"
    );
    let slower = both.replace("One_Hour", "TwentyFour_Hours");
    let chosen = format!(
        "{owner}: [{{MessageType: !If [IsX, ConfigurationItemChangeNotification, \
         ScheduledNotification]}}]"
    );
    let kept = |old: &str, new: &str| is_source_kept((old, "x"), (new, "x"));
    assert!(!kept(&changes, &oversized));
    assert!(!kept(&both, &changes));
    assert!(kept(&changes, &both));
    assert!(kept(&both, &slower), "a frequency is tuning");
    assert!(kept(&changes, &chosen));
    assert!(!is_source_kept((&chosen, "x"), (&chosen, "y")));
    let unknown = format!("{owner}: !ImportValue details");
    assert!(kept(&unknown, &unknown));
    assert!(!is_source_kept((&unknown, "x"), (&unknown, "y")));
}

#[test]
fn a_policy_is_the_text_that_it_comes_to() {
    let policy =
        |text: &str| format!("Owner: CUSTOM_POLICY, CustomPolicyDetails: {{PolicyText: {text}}}");
    let by_parameter = policy("!Ref A");
    assert!(is_source_kept((&by_parameter, "x"), (&by_parameter, "x")));
    assert!(!is_source_kept((&by_parameter, "x"), (&by_parameter, "y")));
    assert!(is_source_kept((&policy("x"), "x"), (&by_parameter, "x")), "the same text");
    let put_together = policy("!Sub '${A} ${AWS::AccountId}'");
    assert!(!is_source_kept((&put_together, "x"), (&put_together, "y")));
}

#[test]
fn text_that_aws_config_may_replace_decides_nothing() {
    let conditional = |condition: &str, more: &str| {
        let text = format!(
            "Parameters: {{A: {{Type: String, Default: '${{AWS::Region}}'}}}}\n\
             Mappings: {{M: {{k: {{v: '${{AWS::Region}}'}}}}}}\n\
             Conditions: {{C: {condition}}}\n\
             Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Condition: C\n    \
             Properties: {{Source: {{Owner: AWS, SourceIdentifier: X}}}}\n{more}"
        );
        names(&rules(&delivered(&text), &[], "eu-west-1"))
    };
    for unknown in [
        "!Equals [!FindInMap [M, k, v], eu-west-1]",
        "!Not [!Equals [!FindInMap [M, k, v], eu-west-3]]",
        "!Not [!Equals [!Ref A, eu-central-1]]",
        "!Not [!Equals [!Sub '${A}', eu-central-1]]",
        "!Not [!Equals ['${AWS::Region}', eu-central-1]]",
    ] {
        assert_eq!(conditional(unknown, ""), " | R", "{unknown}");
    }
    // Another name in braces stands as it is: no function is there that could replace it.
    assert_eq!(conditional("!Equals ['${A}', x]", ""), " | ");
    assert_eq!(conditional("!Equals [!Ref AWS::Region, eu-west-1]", ""), "R | ");
}

#[test]
fn a_rule_whose_condition_is_unknown_and_unchanged_is_kept() {
    let conditional = |account: &str, tuned: &str| {
        let text = format!(
            "Parameters: {{A: {{Type: String, Default: x}}}}\n\
             Conditions: {{C: !Not [!Equals [!Ref AWS::AccountId, '{account}']]}}\n\
             Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Condition: C\n    \
             Properties: {{Source: {{Owner: AWS, SourceIdentifier: X}}, InputParameters: {{k: '{tuned}'}}}}\n"
        );
        delivered(&text)
    };
    let unknown = |template: &Template, value| {
        rules(template, &[("A", value)], "eu-west-1").unknown.remove("R").unwrap()
    };
    let old = unknown(&conditional("999999999999", "90"), "x");
    assert!(unknown(&conditional("999999999999", "60"), "x").covers(&old), "tuning");
    assert!(!unknown(&conditional("888888888888", "90"), "x").covers(&old));
    assert!(unknown(&conditional("999999999999", "90"), "y").covers(&old), "nothing uses it");
    let certain = delivered(&one_rule("{Source: {Owner: AWS, SourceIdentifier: X}}"));
    let certain = rules(&certain, &[], "eu-west-1").present.remove("R").unwrap();
    assert!(certain.covers(&old));
    assert!(!old.covers(&certain));
}

/// A template of one rule, which evaluates itself or waits for a condition that a member decides.
fn unknown(sections: &str, properties: &str) -> Template {
    delivered(&format!(
        "Parameters: {{A: {{Type: String, Default: x}}}}\n{sections}\n\
         Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    {properties}\n"
    ))
}

/// The rule in a region, whether it is certain to be there or not.
fn one(template: &Template, value: &str) -> Evaluates {
    let mut rules = rules(template, &[("A", value)], "eu-west-1");
    rules.present.append(&mut rules.unknown);
    rules.present.remove("R").unwrap()
}

#[test]
fn what_only_a_member_can_decide_is_kept_while_all_that_decides_it_is_unchanged() {
    let condition = |test: &str| format!("Conditions: {{C: {test}}}");
    let map = |value: &str| format!("Mappings: {{M: {{'999999999999': {{k: {value}}}}}}}");
    let here = "!Equals [!Ref AWS::AccountId, '999999999999']";
    let (old, new) = (condition(here), condition(&format!("!Not [{here}]")));
    let by_account = "!FindInMap [M, !Ref AWS::AccountId, k]";
    let properties =
        |source: &str, more: &str| format!("Properties: {{Source: {{{source}}}{more}}}");
    let managed =
        |identifier: &str| properties(&format!("Owner: AWS, SourceIdentifier: {identifier}"), "");
    let policy = |text: &str| {
        let details = format!("CustomPolicyDetails: {{PolicyText: {text}}}");
        properties(&format!("Owner: CUSTOM_POLICY, {details}"), "")
    };
    let scope =
        |scope: &str| properties("Owner: AWS, SourceIdentifier: X", &format!(", Scope: {scope}"));
    let triggers = |message: &str| {
        let details = format!("SourceDetails: [{{MessageType: {message}}}]");
        properties(&format!("Owner: CUSTOM_LAMBDA, SourceIdentifier: f, {details}"), "")
    };
    for (old, new, properties) in [
        (&old, &new, managed("!If [C, ONE, TWO]")),
        (&old, &new, policy("!If [C, one, two]")),
        (&old, &new, triggers("!If [C, ScheduledNotification, OversizedNotification]")),
        (&old, &new, scope("!If [C, {ComplianceResourceTypes: [AWS::S3::Bucket]}, {TagKey: t}]")),
        (&old, &new, scope("{ComplianceResourceTypes: [!If [C, AWS::S3::Bucket, AWS::EC2::VPC]]}")),
        (&map("a"), &map("b"), managed(by_account)),
        (&map("a"), &map("b"), policy(by_account)),
        (&map("a"), &map("b"), scope(&format!("{{TagKey: {by_account}}}"))),
        (&old, &new, "Condition: C\n    ".to_owned() + &managed("X")),
    ] {
        let was = one(&unknown(old, &properties), "x");
        assert!(one(&unknown(old, &properties), "x").covers(&was), "{properties}");
        assert!(!one(&unknown(new, &properties), "x").covers(&was), "{properties}");
        // What else is there, and what is given to others, decides nothing.
        let more = format!("{old}\nMetadata: {{a: b}}");
        let more = more.replace("Conditions: {", "Conditions: {Other: !Equals [!Ref A, y], ");
        let more = more.replace("Mappings: {", "Mappings: {N: {a: {b: c}}, ");
        let now = one(&unknown(&more, &properties), "z");
        assert!(now.covers(&was), "{properties}\n{was:?}\n{now:?}");
    }
    let by_value = condition("!Equals [!Join ['-', [!Ref AWS::AccountId, !Ref A]], '1-x']");
    let template = unknown(&by_value, &managed("!If [C, ONE, TWO]"));
    assert!(!one(&template, "y").covers(&one(&template, "x")));
    let renamed = unknown(&old.replace("C:", "D:"), &managed("!If [D, ONE, TWO]"));
    let was = one(&unknown(&old, &managed("!If [C, ONE, TWO]")), "x");
    assert!(one(&renamed, "x").covers(&was), "a condition is what it says");
}

#[test]
fn what_a_member_puts_in_is_no_text_that_looks_like_it() {
    let by_member = "!Sub '${AWS::AccountId}-a'";
    let same = "!Join ['-', [!Ref AWS::AccountId, a]]";
    let others = [
        "!Sub '${!AWS::AccountId}-a'",
        "'${AWS::AccountId}-a'",
        "!Join ['', ['$', '{AWS::AccountId}-a']]",
        "!FindInMap [M, k, v]",
        "!Ref Text",
    ];
    let template = |value: &str, properties: &str| {
        let text = format!(
            "Parameters: {{Text: {{Type: String, Default: '${{AWS::AccountId}}-a'}}}}\n\
             Mappings: {{M: {{k: {{v: '${{AWS::AccountId}}-a'}}}}}}\n\
             Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    \
             Properties: {properties}\n"
        );
        one(&delivered(&text.replace("VALUE", value)), "x")
    };
    for properties in [
        "{Source: {Owner: AWS, SourceIdentifier: X}, Scope: {TagKey: VALUE}}",
        "{Source: {Owner: AWS, SourceIdentifier: X}, Scope: {ComplianceResourceTypes: [VALUE]}}",
        "{Source: {Owner: CUSTOM_LAMBDA, SourceIdentifier: VALUE}}",
        "{Source: {Owner: CUSTOM_POLICY, CustomPolicyDetails: {PolicyText: VALUE}}}",
        "{Source: {Owner: CUSTOM_LAMBDA, SourceIdentifier: f, SourceDetails: [{MessageType: VALUE}]}}",
    ] {
        let was = template(by_member, properties);
        assert!(template(by_member, properties).covers(&was), "{properties}");
        let is_list = properties.contains("[VALUE]") || properties.contains("MessageType");
        assert!(is_list || template(same, properties).covers(&was), "{properties}");
        for other in others {
            let now = template(other, properties);
            assert!(!now.covers(&was), "{properties} {other}\n{was:?}\n{now:?}");
            assert!(!was.covers(&now), "{properties} {other}");
        }
    }
}

#[test]
fn names_that_are_only_passed_on_decide_nothing() {
    let template = |id: &str, more: &str| {
        let text = format!(
            "Mappings: {{M: {{'1': {{k: a{more}}}, '2': {{k: b}}}}}}\nResources:\n  \
             {id}: {{Type: AWS::Config::ConfigRule, Properties: {{ConfigRuleName: z, \
             Source: {{Owner: AWS, SourceIdentifier: X}}}}}}\n  \
             R: {{Type: AWS::Config::ConfigRule, Properties: {{Source: {{Owner: CUSTOM_LAMBDA, \
             SourceIdentifier: !Sub ['${{{id}}}-${{v}}', {{v: !FindInMap [M, !Ref AWS::AccountId, k]}}]}}}}}}\n"
        );
        one(&delivered(&text), "x")
    };
    assert!(template("Y", "").covers(&template("Z", "")), "another logical id");
    assert!(template("Z", ", l: c").covers(&template("Z", "")), "a key that nobody reads");
}

#[test]
fn a_rule_that_does_not_detect_is_not_in_effect() {
    let modes = |modes: &str| {
        let source = "Source: {Owner: AWS, SourceIdentifier: X}";
        let text = one_rule(&format!("{{{source}, EvaluationModes: {modes}}}"));
        names(&rules(&delivered(&text), &[], "eu-west-1"))
    };
    for present in [
        "[{Mode: DETECTIVE}]",
        "[{Mode: PROACTIVE}, {Mode: DETECTIVE}]",
        "[{Mode: !If [IsX, DETECTIVE, PROACTIVE]}]",
        "[!If [IsX, {Mode: DETECTIVE}, !Ref AWS::NoValue], {Mode: PROACTIVE}]",
        "!If [Here, [{Mode: DETECTIVE}], [{Mode: DETECTIVE}, {Mode: PROACTIVE}]]",
        "!Ref AWS::NoValue",
    ] {
        let expected = if present.contains("Here") { " | R" } else { "R | " };
        assert_eq!(modes(present), expected, "{present}");
    }
    assert_eq!(modes("[{Mode: PROACTIVE}]"), " | ");
    assert_eq!(modes("!If [IsX, [{Mode: PROACTIVE}], [{Mode: DETECTIVE}]]"), " | ");
    for unknown in ["[]", "!ImportValue modes", "[{Mode: !ImportValue mode}]", "5"] {
        assert_eq!(modes(unknown), " | R", "{unknown}");
    }
}

#[test]
fn no_function_hides_a_rule() {
    let text = "\
Conditions: {Never: !Equals [a, b]}
Resources:
  A: {Type: AWS::Config::ConfigRule, Properties: {ConfigRuleName: r, Source: {Owner: AWS}}}
  B: {Type: AWS::Config::ConfigRule, Properties: {ConfigRuleName: !If [Never, x, r]}}
  C: {Type: AWS::Config::ConfigRule, Condition: Never, Properties: {ConfigRuleName: c}}
  D: {Type: !Sub 'AWS::Config::ConfigRule', Properties: {ConfigRuleName: d}}
";
    insta::assert_snapshot!(names(&rules(&delivered(text), &[], "eu-west-1")), @"d r r (B) | ");
}

#[test]
fn what_was_delivered_is_read_back_as_what_was_judged() {
    let files = corpus().unwrap_or_default();
    for (name, text) in &files {
        let path = SourcePath::new(name).unwrap();
        let (judged, _) = Template::parse(&path, text).unwrap();
        let read = Template::parse_delivered(&judged.body).unwrap();
        assert_eq!((read.digest, &read.census), (judged.digest, &judged.census), "{name}");
        assert_eq!(read.body, judged.body, "{name}");
        let effective = |template: &Template| rules(template, &[], "eu-west-1");
        assert_eq!(effective(&read), effective(&judged), "{name}");
    }
}

#[test]
fn of_every_published_template_all_rules_are_told_to_be_there_or_not() {
    let Some(files) = corpus() else { return };
    let mut partly = String::new();
    for (name, text) in files {
        let template = delivered(&text);
        let Effective { present, unknown } = rules(&template, &[], "eu-west-1");
        assert_eq!(unknown, BTreeMap::new(), "{name}");
        if u32::try_from(present.len()).unwrap() != template.census.rules {
            writeln!(partly, "{name}: {} of {}", present.len(), template.census.rules).unwrap();
        }
    }
    // Its parameters switch rules on, one by one.
    insta::assert_snapshot!(
        partly,
        @r"
    Operational-Best-Practices-for-NZISM-Extension.yaml: 0 of 12
    Operational-Best-Practices-for-NZISM-NZTransition.yaml: 57 of 61
    "
    );
}

#[test]
fn hostile_nesting_ends_soon() {
    // Each condition leads to the next, each name stands for two of the next.
    let mut text = "Conditions:\n".to_owned();
    for at in 0..9_000 {
        writeln!(text, "  C{at}: !Not [!Condition C{}]", at + 1).unwrap();
    }
    let mut name = "{'Fn::Sub': ['${a}${a}${a}${a}', {a: x}]}".to_owned();
    for _ in 0..14 {
        name = format!("{{'Fn::Sub': ['${{a}}${{a}}${{a}}${{a}}', {{a: {name}}}]}}");
    }
    write!(
        text,
        "Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Condition: C0\n    \
         Properties: {{ConfigRuleName: {name}, Source: {{Owner: {name}}}}}\n"
    )
    .unwrap();
    let effective = rules(&delivered(&text), &[], "eu-west-1");
    assert_eq!(effective.unknown.len(), 1);
}

proptest! {
    /// A condition that is built of known parts holds exactly if Boolean algebra says so.
    #[test]
    fn conditions_obey_boolean_algebra(test in tests(), a in any::<bool>(), b in any::<bool>()) {
        let (text, value) = (test.text(), test.value(a, b));
        let text = format!(
            "Parameters: {{A: {{Type: String}}, B: {{Type: String, Default: 'true'}}}}\n\
             Conditions: {{T: {text}}}\nResources:\n  R:\n    Type: AWS::Config::ConfigRule\n    \
             Condition: T\n    Properties: {{}}\n"
        );
        let inputs = [("A", a), ("B", b)].map(|(name, value)| (name, value.to_string()));
        let inputs = inputs.each_ref().map(|(name, value)| (*name, &**value));
        let effective = rules(&delivered(&text), &inputs, "eu-west-1");
        prop_assert_eq!(effective.present.len(), usize::from(value));
        prop_assert!(effective.unknown.is_empty());
    }
}

#[derive(Debug, Clone)]
enum Test {
    A,
    B,
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

impl Test {
    fn text(&self) -> String {
        let list = |all: &[Self]| all.iter().map(Self::text).collect::<Vec<_>>().join(", ");
        match self {
            Self::A => "{'Fn::Equals': [{Ref: A}, 'true']}".to_owned(),
            Self::B => "{'Fn::Equals': [true, {Ref: B}]}".to_owned(),
            Self::Not(one) => format!("{{'Fn::Not': [{}]}}", one.text()),
            Self::And(all) => format!("{{'Fn::And': [{}]}}", list(all)),
            Self::Or(all) => format!("{{'Fn::Or': [{}]}}", list(all)),
        }
    }

    fn value(&self, a: bool, b: bool) -> bool {
        match self {
            Self::A => a,
            Self::B => b,
            Self::Not(one) => !one.value(a, b),
            Self::And(all) => all.iter().all(|one| one.value(a, b)),
            Self::Or(all) => all.iter().any(|one| one.value(a, b)),
        }
    }
}

fn tests() -> impl Strategy<Value = Test> {
    prop_oneof![Just(Test::A), Just(Test::B)].prop_recursive(4, 32, 4, |inner| {
        let list = || proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|one| Test::Not(Box::new(one))),
            list().prop_map(Test::And),
            list().prop_map(Test::Or),
        ]
    })
}
