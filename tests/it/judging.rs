//! Templates judged as AWS would: what it would refuse, or what must fail in every member, is found
//! offline, in its place, with what to do.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use conformd::domain::declared::catalog::Catalog;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::diagnostic::Severity;
use conformd::domain::declared::snapshot::{FileContent, Snapshot, SourcePath};
use conformd::domain::declared::template::{Template, schema_of};
use proptest::prelude::*;
use serde_json::json;

use crate::templates::corpus;

/// Everything that is found in a template, a line each.
pub(crate) fn judge(text: &str) -> String {
    let path = SourcePath::new("t.yaml").unwrap();
    let found = match Template::parse(&path, text) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    };
    let mut lines = String::new();
    for finding in found {
        writeln!(lines, "{finding}").unwrap();
    }
    if lines.is_empty() { "nothing\n".to_owned() } else { lines }
}

pub(crate) fn judge_all<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    texts.into_iter().map(|text| judge(text.as_ref())).collect::<Vec<_>>().join("\n")
}

/// One rule with these properties, beside some declarations.
fn rule(properties: &str) -> String {
    format!(
        "\
Parameters: {{Days: {{Type: String, Default: '90'}}}}
Mappings: {{ByRegion: {{eu-west-1: {{days: '60'}}}}}}
Conditions: {{Set: {{'Fn::Equals': [!Ref Days, '90']}}}}
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties:
      {}
",
        properties.trim().replace('\n', "\n      ")
    )
}

/// A rule with this source.
fn source(source: &str) -> String {
    rule(&format!("Source: {source}"))
}

const MANAGED: &str = "Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}";

fn managed(more: &str) -> String {
    rule(&format!("{more}\n{MANAGED}"))
}

#[test]
fn who_evaluates_a_rule_and_by_what_is_said_in_full() {
    let details = "SourceDetails: [{EventSource: aws.config, MessageType: ConfigurationItemChangeNotification}]";
    let policy = |text: &str| {
        format!("{{Owner: CUSTOM_POLICY, {details}, CustomPolicyDetails: {{{text}}}}}")
    };
    let long = format!("PolicyRuntime: guard-2.x.x, PolicyText: '{}'", "x".repeat(10_001));
    insta::assert_snapshot!(judge_all([
        source("{Owner: AWS}"),
        source("{Owner: AWS, SourceIdentifier: root-account-mfa-enabled}"),
        source("{Owner: AWS, SourceIdentifier: !Ref AWS::NoValue}"),
        source(&format!("{{Owner: AWS, SourceIdentifier: X, {details}}}")),
        source("{Owner: AMAZON, SourceIdentifier: X}"),
        source("{SourceIdentifier: X}"),
        source("{Owner: AWS, SourceIdentifer: X}"),
        source("{Owner: CUSTOM_POLICY}"),
        source(&policy("PolicyRuntime: guard-2.x.x, PolicyTxt: x")),
        source(&policy("PolicyRuntime: guard-3.x.x, PolicyText: x")),
        source(&policy(&long)),
        source("{Owner: CUSTOM_LAMBDA, SourceIdentifier: my-function}"),
        source(&format!("{{Owner: CUSTOM_LAMBDA, {details}}}")),
        source("{Owner: CUSTOM_POLICY, CustomPolicyDetails: {PolicyRuntime: guard-2.x.x, \
            PolicyText: x}, SourceDetails: [{EventSource: aws.config, \
            MessageType: ScheduledNotification, MaximumExecutionFrequency: Two_Hours}]}"),
        source("!If [Set, {Owner: AWS}, {Owner: AWS, SourceIdentifier: X}]"),
        source("!FindInMap [ByRegion, eu-west-1, days]"),
        rule("ConfigRuleName: r"),
    ]), @r#"
    t.yaml:8:15: error[rule-source]: the managed rule has no SourceIdentifier (name an AWS managed rule, such as IAM_PASSWORD_POLICY)

    t.yaml:8:46: error[rule-source]: "root-account-mfa-enabled" is no identifier of a rule; expected capital letters, digits and _: IAM_PASSWORD_POLICY, not iam-password-policy (the identifier of this rule may be ROOT_ACCOUNT_MFA_ENABLED)

    t.yaml:8:15: error[rule-source]: the managed rule has no SourceIdentifier (name an AWS managed rule, such as IAM_PASSWORD_POLICY)

    t.yaml:8:64: error[rule-source]: a managed rule has SourceDetails; expected SourceDetails for custom rules only: AWS sets those of its own

    t.yaml:8:23: error[malformed]: Owner is "AMAZON"; expected AWS, CUSTOM_LAMBDA, CUSTOM_POLICY

    t.yaml:8:15: error[missing-field]: Source lacks Owner (AWS requires it)

    t.yaml:8:28: error[unknown-field]: Source has no SourceIdentifer; expected CustomPolicyDetails, Owner, SourceDetails, SourceIdentifier (did you mean SourceIdentifier?)
    t.yaml:8:15: error[rule-source]: the managed rule has no SourceIdentifier (name an AWS managed rule, such as IAM_PASSWORD_POLICY)

    t.yaml:8:15: error[rule-source]: the rule has no CustomPolicyDetails; expected CustomPolicyDetails with PolicyRuntime and PolicyText
    t.yaml:8:15: error[rule-source]: a rule of owner CUSTOM_POLICY has no SourceDetails: nothing triggers it; expected SourceDetails: [{EventSource: aws.config, MessageType: ConfigurationItemChangeNotification}]

    t.yaml:8:182: error[unknown-field]: CustomPolicyDetails has no PolicyTxt; expected EnableDebugLogDelivery, PolicyRuntime, PolicyText (did you mean PolicyText?)
    t.yaml:8:153: error[missing-field]: CustomPolicyDetails lacks PolicyText (AWS requires it)

    t.yaml:8:169: error[malformed]: PolicyRuntime is "guard-3.x.x"; expected guard-2.x.x

    t.yaml:8:194: error[malformed]: PolicyText has 10001 characters; expected 1 to 10000

    t.yaml:8:56: error[rule-source]: "my-function" is no Lambda function; expected its ARN: arn:aws:lambda:REGION:ACCOUNT:function:NAME
    t.yaml:8:15: error[rule-source]: a rule of owner CUSTOM_LAMBDA has no SourceDetails: nothing triggers it; expected SourceDetails: [{EventSource: aws.config, MessageType: ConfigurationItemChangeNotification}]

    t.yaml:8:15: error[rule-source]: the rule has no SourceIdentifier; expected the ARN of the Lambda function

    t.yaml:8:209: error[malformed]: MaximumExecutionFrequency is "Two_Hours"; expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours
    t.yaml:8:159: error[rule-source]: a policy is not triggered by ScheduledNotification; expected ConfigurationItemChangeNotification, OversizedConfigurationItemChangeNotification

    t.yaml:8:25: error[rule-source]: the managed rule has no SourceIdentifier (name an AWS managed rule, such as IAM_PASSWORD_POLICY)

    t.yaml:8:26: error[rule-source]: !FindInMap decides the Source of the rule; expected a mapping, or Fn::If between two
    t.yaml:8:26: error[wrong-type]: Source is text (!FindInMap gives "60"); expected a mapping

    t.yaml:5:3: error[missing-field]: Properties lacks Source (AWS requires it)
    "#);
}

#[test]
fn a_property_that_aws_does_not_know_or_would_not_take_is_an_error() {
    insta::assert_snapshot!(judge_all([
        managed("ConfigRuleNam: r"),
        managed("Arn: x"),
        managed("MaximumExecutionFrequency: Two_Hours"),
        managed("Scope: {ComplianceResourceTypes: AWS::EC2::Instance}"),
        managed("Scope: {ComplianceResourceTypes: [AWS::EC2::Instance, AWS::EC2::Instance]}"),
        managed("Scope: {TagValue: x}"),
        managed("Scope: {ComplianceResourceId: i-1}"),
        managed("ConfigRuleName: {a: b}"),
        managed(&format!("ConfigRuleName: {}", "x".repeat(129))),
        managed(&format!("Description: {}", "x".repeat(257))),
        managed("EvaluationModes: [{Mode: Detective}]"),
        managed("InputParameters: {a: null}"),
        managed("InputParameters: {a: [1, 2]}"),
        managed("InputParameters: not JSON"),
        managed(&format!("InputParameters: {{a: '{}'}}", "x".repeat(1_100))),
        rule(MANAGED).replace("    Properties:", "    Propertys: {}\n    Properties:"),
        rule(MANAGED).replace("    Properties:", "    DeletionPolicy: Keep\n    Properties:"),
        rule(MANAGED).replace("    Properties:", "    Controls: [a]\n    Properties:"),
    ]), @r#"
    t.yaml:8:7: error[unknown-field]: Properties has no ConfigRuleNam; expected ConfigRuleName, Description, EvaluationModes, InputParameters, MaximumExecutionFrequency, Scope, Source (did you mean ConfigRuleName?)

    t.yaml:8:7: error[unknown-field]: AWS sets Arn by itself (remove it)

    t.yaml:8:34: error[malformed]: MaximumExecutionFrequency is "Two_Hours"; expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours

    t.yaml:8:40: error[wrong-type]: ComplianceResourceTypes is text; expected a list

    t.yaml:8:61: error[malformed]: ComplianceResourceTypes has an entry twice (remove it)

    t.yaml:8:25: error[missing-field]: Scope has TagValue without TagKey (AWS Config requires the key of a tag with its value)

    t.yaml:8:37: error[missing-field]: Scope has ComplianceResourceId without exactly one resource type; expected one entry in ComplianceResourceTypes

    t.yaml:8:23: error[wrong-type]: ConfigRuleName is a mapping; expected text

    t.yaml:8:23: error[malformed]: ConfigRuleName has 129 characters; expected 1 to 128

    t.yaml:8:20: error[malformed]: Description has 257 characters; expected 0 to 256

    t.yaml:8:32: error[malformed]: Mode is "Detective"; expected DETECTIVE, PROACTIVE

    t.yaml:8:28: error[null]: this is null; expected a value: CloudFormation refuses null (leave the key out, or write "" for empty text)

    t.yaml:8:28: error[wrong-type]: the input parameter a is a list; expected text: AWS Config hands each value to the rule as text

    t.yaml:8:24: error[wrong-type]: InputParameters is text, and not JSON; expected a mapping of names and values

    t.yaml:8:24: error[malformed]: InputParameters has at least 1108 characters as JSON; expected at most 1024

    t.yaml:7:5: error[unknown-field]: a resource has no Propertys; expected Condition, Controls, DeletionPolicy, DependsOn, Description, Metadata, Properties, Type, UpdateReplacePolicy (did you mean Properties?)

    t.yaml:7:21: error[malformed]: DeletionPolicy is no policy; expected Delete, Retain, RetainExceptOnCreate

    nothing
    "#);
}

#[test]
fn a_function_stands_where_it_may_and_names_what_is_declared() {
    insta::assert_snapshot!(judge_all([
        managed("InputParameters: {a: !If [Unset, x, z]}"),
        managed("InputParameters: {a: !If [Set, x]}"),
        managed("InputParameters: {a: !Equals [x, z]}"),
        managed("InputParameters: {a: {'Fn::If': [Set, x, z], b: c}}"),
        managed("InputParameters: {a: !Ref Dayz}"),
        managed("InputParameters: {a: !Ref AWS::Regoin}"),
        managed("InputParameters: {a: !Sub '${Dayz} of ${AWS::Region}, ${!literally}'}"),
        managed("InputParameters: {a: !Sub ['${b}', {b: !Ref Days}]}"),
        managed("InputParameters: {a: !GetAtt S.Arn}"),
        managed("InputParameters: {a: !FindInMap [ByRegoin, eu-west-1, days]}"),
        managed("InputParameters: {a: !FindInMap [ByRegion, eu-west-2, days]}"),
        managed("InputParameters: {a: !FindInMap [ByRegion, !Ref AWS::Region, days]}"),
        managed("InputParameters: {a: !Join [',', [x, z]]}"),
        managed("InputParameters: {a: {'Fn::Iff': [Set, x, z]}}"),
        rule(MANAGED).replace("    Properties:", "    DependsOn: Nope\n    Properties:"),
        rule(MANAGED).replace("    Properties:", "    DependsOn: R\n    Properties:"),
        rule(MANAGED).replace("    Properties:", "    Condition: Unset\n    Properties:"),
        rule(MANAGED).replace("    Type: AWS", "    Type: !Sub AWS"),
    ]), @r#"
    t.yaml:8:33: error[condition]: there is no condition Unset; expected a condition that is declared under Conditions

    t.yaml:8:32: error[function]: !If has arguments that it does not accept; expected the name of a condition, a value if it holds, and one if not

    t.yaml:8:36: error[function]: !Equals is not allowed here; expected a value: declare it under Conditions

    t.yaml:8:29: error[function]: Fn::If is beside other keys; expected a function alone in its mapping
    t.yaml:8:28: error[wrong-type]: the input parameter a is a mapping; expected text: AWS Config hands each value to the rule as text

    t.yaml:8:33: error[unknown-reference]: nothing is named Dayz; expected a parameter or a resource of this template (did you mean Days?)

    t.yaml:8:33: error[unknown-reference]: there is no pseudo parameter AWS::Regoin (did you mean AWS::Region?)

    t.yaml:8:33: error[unknown-reference]: nothing is named Dayz; expected a parameter or a resource of this template (did you mean Days?)

    nothing

    t.yaml:8:36: warning[unproven]: !GetAtt is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:8:36: error[unknown-reference]: there is no resource S

    t.yaml:8:40: error[unknown-reference]: there is no mapping ByRegoin (did you mean ByRegion?)

    t.yaml:8:50: error[unknown-reference]: ByRegion has no key eu-west-2 (did you mean eu-west-1?)

    nothing

    t.yaml:8:34: warning[unproven]: !Join is not known to work in packs (AWS's documents and published packs do without it)

    t.yaml:8:29: error[tag]: Fn::Iff is no function of CloudFormation

    t.yaml:7:16: error[unknown-reference]: there is no resource Nope to depend on

    t.yaml:7:16: error[cycle]: R leads to itself (break the circle)

    t.yaml:7:16: error[condition]: there is no condition Unset; expected a condition that is declared under Conditions

    t.yaml:6:16: error[function]: !Sub is not allowed here; expected a plain value: no function is evaluated here
    t.yaml:5:3: error[resource-type]: the resource R has no Type; expected AWS::Config::ConfigRule or AWS::Config::RemediationConfiguration
    "#);
}

#[test]
fn a_condition_is_made_of_parameters_and_leads_nowhere_back() {
    let conditions = |text: &str| {
        let declared = "Conditions: {Set: {'Fn::Equals': [!Ref Days, '90']}}";
        rule(MANAGED).replace(declared, &format!("Conditions:\n  {text}"))
    };
    insta::assert_snapshot!(judge_all([
        conditions("A: !Condition A"),
        conditions("A: !Not [!Condition B]\n  B: !Not [!Condition C]\n  C: !Not [!Condition A]"),
        conditions("A: !Not [!Condition Missing]"),
        conditions("A: !Equals [!Ref R, x]"),
        conditions("A: !Equals [!GetAtt R.Arn, x]"),
        conditions("A: !Equals [!Ref Days]"),
        conditions("A: !Equals [{some: thing}, b]"),
        conditions("A: !Equals [!FindInMap [Map, [a], b], b]"),
        conditions("A: !And [!Equals [a, b]]"),
        conditions("A: true"),
        conditions("A: !Ref Days"),
        conditions("A: {'Fn::Or': [{Condition: B}, {'Fn::Equals': [a, b]}]}\n  B: !Equals [a, b]"),
        rule(MANAGED).replace("Conditions: {Set: {'Fn::Equals': [!Ref Days, '90']}}", "Conditions: []"),
    ]), @"
    t.yaml:4:17: error[cycle]: A leads to itself (break the circle)

    t.yaml:4:23: error[cycle]: conditions lead to each other: A → B → C → A (break the circle)

    t.yaml:4:23: error[condition]: there is no condition Missing; expected a condition that is declared under Conditions

    t.yaml:4:20: error[condition]: a condition refers to the resource R; expected a parameter: conditions are evaluated before any resource exists

    t.yaml:4:23: error[condition]: !GetAtt is not allowed here; expected text, Ref, Fn::FindInMap, Fn::Sub, Fn::Join, Fn::Select or Fn::Split

    t.yaml:4:14: error[function]: !Equals has arguments that it does not accept; expected two values: text, or functions that give it

    t.yaml:4:14: error[function]: !Equals has arguments that it does not accept; expected two values: text, or functions that give it

    t.yaml:4:26: error[function]: !FindInMap has arguments that it does not accept; expected a mapping and two keys

    t.yaml:4:11: error[function]: !And has arguments that it does not accept; expected a list of 2 to 10 conditions

    t.yaml:4:6: error[condition]: a condition is a boolean; expected Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition

    t.yaml:4:11: error[condition]: !Ref is not allowed here; expected Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition

    nothing

    t.yaml:3:13: error[template-shape]: Conditions is a list; expected a mapping (leave the section out if there are no conditions)
    ");
}

/// A rule with a name, and a remediation with these properties.
fn remediation(properties: &str) -> String {
    format!(
        "\
Conditions: {{Set: {{'Fn::Equals': [a, b]}}}}
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties: {{ConfigRuleName: keys, Source: {{Owner: AWS, SourceIdentifier: X}}}}
  M:
    Type: AWS::Config::RemediationConfiguration
    Properties: {{{properties}}}
"
    )
}

#[test]
fn a_remediation_belongs_to_a_rule_of_its_pack_and_can_run() {
    let target = "TargetType: SSM_DOCUMENT, TargetId: AWS-Fix";
    let good = format!("ConfigRuleName: !Ref R, {target}");
    let twice = remediation(&good)
        + &format!(
            "  O:\n    Type: AWS::Config::RemediationConfiguration\n    DependsOn: R\n    \
             Properties: {{ConfigRuleName: keys, {target}}}\n"
        );
    insta::assert_snapshot!(judge_all([
        remediation(&good),
        remediation(target),
        remediation("ConfigRuleName: !Ref R, TargetType: SSM_DOCUMENT"),
        remediation("ConfigRuleName: !Ref R, TargetType: LAMBDA, TargetId: x"),
        remediation(&format!("ConfigRuleName: keyz, {target}")),
        remediation(&format!("ConfigRuleName: R, {target}")),
        remediation(&format!("ConfigRuleName: keys, {target}")),
        remediation(&format!("{good}, Automatic: true, MaximumAutomaticAttempts: 26")),
        remediation(&format!("{good}, Parameters: {{A: {{ResourceValue: {{Value: ID}}}}}}")),
        remediation(&format!("{good}, Parameters: {{A: {{StaticValue: {{Value: x}}}}}}")),
        remediation(&format!("{good}, Parameters: {{A: {{}}}}")),
        remediation(&format!(
            "{good}, Parameters: {{AutomationAssumeRole: {{StaticValue: {{Values: \
             [!Sub 'arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/x']}}}}}}"
        )),
        remediation(&good).replace("    Properties: {ConfigRuleName: keys", "    Condition: Set\n    Properties: {ConfigRuleName: keys"),
        twice,
    ]), @r#"
    nothing

    t.yaml:6:3: error[missing-field]: Properties lacks ConfigRuleName (AWS requires it)

    t.yaml:6:3: error[missing-field]: Properties lacks TargetId (AWS requires it)

    t.yaml:8:54: error[malformed]: TargetType is "LAMBDA"; expected SSM_DOCUMENT

    t.yaml:8:34: error[remediation]: no rule of this pack is named keyz; expected the ConfigRuleName of a rule of this pack, or !Ref and its logical id (did you mean keys?)

    t.yaml:8:34: error[remediation]: no rule of this pack is named R; expected the ConfigRuleName of a rule of this pack, or !Ref and its logical id (R is a logical id: write !Ref R)

    t.yaml:8:34: warning[remediation]: nothing makes the remediation wait for its rule R (add DependsOn: R, or write ConfigRuleName: !Ref R)

    t.yaml:8:130: error[malformed]: MaximumAutomaticAttempts is 26; expected 1 to 25
    t.yaml:8:87: error[remediation]: it is automatic without RetryAttemptSeconds (set the number of attempts: RetryAttemptSeconds: 5)
    t.yaml:8:87: error[remediation]: it is automatic without AutomationAssumeRole; expected the ARN of a role under Parameters: AutomationAssumeRole (AWS Config API, PutRemediationConfigurations)

    t.yaml:8:127: error[malformed]: Value is "ID"; expected RESOURCE_ID

    t.yaml:8:117: warning[unproven]: StaticValue has a form that AWS's reference does not show; expected StaticValue: {Values: [value]}

    t.yaml:8:100: error[remediation]: the parameter A has 0 kinds of value; expected either ResourceValue or StaticValue

    t.yaml:8:151: error[remediation]: !Sub in the automation role; expected the ARN as text: AWS Config evaluates no function there (${AWS::AccountId} and ${AWS::Partition} in plain text are replaced)

    t.yaml:9:39: error[remediation]: the rule R is there only if Set holds, the remediation always; expected Condition: Set on the remediation, too
    t.yaml:9:39: error[unknown-reference]: the resource R is not there: Set does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:12:34: error[remediation]: the rule R has two remediations; expected one: AWS Config keeps one remediation for each rule
    "#);
}

#[test]
fn two_rules_of_one_name_are_refused_unless_conditions_may_part_them() {
    let rules = |one: &str, other: &str| {
        let rule = |id: &str, more: &str| {
            format!(
                "  {id}:\n    Type: AWS::Config::ConfigRule\n{more}    Properties: \
                 {{ConfigRuleName: keys, Source: {{Owner: AWS, SourceIdentifier: X}}}}\n"
            )
        };
        format!(
            "Conditions: {{A: {{'Fn::Equals': [a, b]}}, B: !Not [!Condition A]}}\nResources:\n{}{}",
            rule("R", one),
            rule("S", other)
        )
    };
    insta::assert_snapshot!(judge_all([
        rules("", ""),
        rules("    Condition: A\n", ""),
        rules("    Condition: A\n", "    Condition: A\n"),
        rules("    Condition: A\n", "    Condition: B\n"),
    ]), @r#"
    t.yaml:8:34: error[rule-name]: two rules are named keys; expected a name of its own for each rule: AWS Config refuses the second

    t.yaml:9:34: error[rule-name]: two rules are named keys; expected a name of its own for each rule: AWS Config refuses the second

    t.yaml:10:34: error[rule-name]: two rules are named keys; expected a name of its own for each rule: AWS Config refuses the second

    nothing
    "#);
}

#[test]
fn a_parameter_is_declared_so_that_some_value_fits_and_its_default_does() {
    let declared = |attributes: &str| {
        rule(MANAGED).replace("{Type: String, Default: '90'}", &format!("{{{attributes}}}"))
    };
    insta::assert_snapshot!(judge_all([
        declared("Type: String, Default: null"),
        declared("Type: String, Default: [a]"),
        declared("Type: Strng"),
        declared("Type: String, Default: '61', AllowedValues: ['60', '90']"),
        declared("Type: String, Default: 60, AllowedValues: [60, 90]"),
        declared("Type: String, Default: secret, AllowedValues: [a], NoEcho: true"),
        declared("Type: String, Default: abc, AllowedPattern: '[0-9]*'"),
        declared("Type: String, Default: a1, AllowedPattern: '(?![0-9])[a-z0-9]+'"),
        declared("Type: String, Default: a, AllowedPattern: '['"),
        declared("Type: String, Default: ab, MinLength: 3"),
        declared("Type: String, Default: ab, MaxLength: '1'"),
        declared("Type: String, Default: ab, MinLength: three"),
        declared("Type: String, MinLength: 3, MaxLength: 2"),
        declared("Type: Number, Default: ninety"),
        declared("Type: Number, Default: 4, MinValue: 5"),
        declared("Type: CommaDelimitedList, Default: 'a,c', AllowedValues: [a, b]"),
        declared("Type: String, AllowedValues: []"),
        declared("Type: String, NoEcho: maybe"),
    ]), @r#"
    t.yaml:1:44: error[null]: this is null; expected a value: CloudFormation refuses null (leave the key out, or write "" for empty text)

    t.yaml:1:44: error[constraint]: Default is a list; expected text

    t.yaml:1:27: error[constraint]: the parameter Days has no type of CloudFormation; expected String, Number, CommaDelimitedList, List<Number> (did you mean String?)

    t.yaml:1:44: error[constraint]: the default of Days is a value that the parameter does not accept; expected one of 60, 90 (AllowedValues)

    nothing

    t.yaml:1:44: error[constraint]: the default of Days is a value that the parameter does not accept; expected one of its AllowedValues

    t.yaml:1:44: error[constraint]: the default of Days is a value that the parameter does not accept; expected text that [0-9]* matches as a whole (AllowedPattern)

    nothing

    t.yaml:1:63: error[constraint]: the AllowedPattern of Days is not a regular expression: a [ is not closed; expected a Java regular expression

    t.yaml:1:44: error[constraint]: the default of Days is a value that the parameter does not accept; expected at least 3 characters (MinLength)

    t.yaml:1:44: error[constraint]: the default of Days is a value that the parameter does not accept; expected at most 1 characters (MaxLength)

    t.yaml:1:59: error[constraint]: MinLength is text; expected a number of characters

    t.yaml:1:60: error[constraint]: MaxLength of Days is below its minimum: no value fits

    t.yaml:1:27: warning[unproven]: the type of Days is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:1:44: error[constraint]: the default of Days is a value that the parameter does not accept; expected a number

    t.yaml:1:27: warning[unproven]: the type of Days is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:1:44: error[constraint]: the default of Days is a value that the parameter does not accept; expected at least 5 (MinValue)

    t.yaml:1:27: warning[unproven]: the type of Days is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:1:56: error[constraint]: the default of Days is a value that the parameter does not accept; expected of each item one of a, b (AllowedValues)

    t.yaml:1:50: error[constraint]: AllowedValues is an empty list; expected a list of at least one value

    t.yaml:1:43: error[constraint]: NoEcho is text; expected true or false
    "#);
}

#[test]
fn what_another_tool_should_have_replaced_is_found() {
    let values = [
        "'{{ days }}'",
        "'{% if x %}'",
        "'<%= days %>'",
        "'#{days}'",
        "'@@DAYS@@'",
        "'__DAYS__'",
        "'${var.days}'",
        "'${Days}'",
        "'((days))'",
        "'ENC[AES256_GCM,data:x]'",
        "'<no value>'",
        "!Sub '{{ days }}'",
        // Neither of these is a leftover.
        "'${AWS::AccountId}'",
        "'a{2}#b'",
        "'x@@y'",
        "'_a__'",
        "'{\"a\":{\"b\":{}}}'",
        "'{}'",
    ];
    let texts = values.map(|value| managed(&format!("InputParameters: {{a: {value}}}")));
    insta::assert_snapshot!(judge_all(texts), @r#"
    t.yaml:8:28: error[leftover]: {{ days }} was not replaced (Jinja, Helm, …) (render the file before it is published)

    t.yaml:8:28: error[leftover]: {% if x %} was not replaced (Jinja or Liquid) (render the file before it is published)

    t.yaml:8:28: error[leftover]: <%= days %> was not replaced (ERB) (render the file before it is published)

    t.yaml:8:28: error[leftover]: #{days} was not replaced (Ruby or Octopus) (render the file before it is published)

    t.yaml:8:28: error[leftover]: @@DAYS@@ was not replaced (a build tool) (render the file before it is published)

    t.yaml:8:28: warning[leftover]: __DAYS__ looks like a placeholder that was not replaced (render the file before it is published)

    t.yaml:8:28: error[leftover]: ${var.days} was not replaced (render the file before it is published; for literal text, use !Sub and ${!name})

    t.yaml:8:28: error[leftover]: ${Days} was not replaced (a parameter of this template is put in by !Sub or !Ref only)

    t.yaml:8:28: error[leftover]: ((days)) was not replaced (Concourse, BOSH) (render the file before it is published)

    t.yaml:8:28: error[leftover]: ENC[AES256_GCM,data:x] was not replaced (SOPS, still encrypted) (render the file before it is published)

    t.yaml:8:28: error[leftover]: <no value> is what a tool writes for a missing value (render the file before it is published)

    t.yaml:8:33: error[leftover]: {{ days }} was not replaced (Jinja, Helm, …) (render the file before it is published)

    nothing

    nothing

    nothing

    nothing

    nothing

    nothing
    "#);
    // What is for people, or in a language of its own, may hold anything.
    let guard = "rule x when %ours !empty { Tags[*] { this == /{{.*}}/ } }";
    let texts = [
        managed("Description: 'tags {{Key, Value}} as ${x}'"),
        source(&format!(
            "{{Owner: CUSTOM_POLICY, SourceDetails: [{{EventSource: aws.config, MessageType: \
             ConfigurationItemChangeNotification}}], CustomPolicyDetails: {{PolicyRuntime: \
             guard-2.x.x, PolicyText: '{guard}'}}}}"
        )),
    ];
    assert_eq!(judge_all(texts), "nothing\n\nnothing\n");
}

#[test]
fn what_aws_would_make_something_else_of_is_refused() {
    let top = |line: &str| format!("{line}\n{}", rule(MANAGED));
    let beside = |line: &str| {
        rule(MANAGED).replace("    Properties:", &format!("    {line}\n    Properties:"))
    };
    insta::assert_snapshot!(judge_all([
        top("Transform: AWS::Include"),
        top("Hooks: {}"),
        top("Rules: {}"),
        top("Metadata: {a: {'Fn::Transform': {Name: AWS::Include}}}"),
        beside("Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x/y}}"),
        managed("Fn::Transform: {Name: Macro}"),
        managed("InputParameters: !Transform {Name: Macro}"),
        managed("InputParameters: {'Fn::Transform': {Name: Macro}}"),
        rule(MANAGED).replace("  R:", "  'Fn::ForEach::Rules': [Name, [a], {}]\n  R:"),
        managed("InputParameters: {a: !Length [a]}"),
        managed("InputParameters: {a: !ToJsonString {a: b}}"),
    ]), @r#"
    t.yaml:1:1: error[unjudged]: the section Transform is refused; expected everything that is deployed, in the template itself (a macro rewrites the template after conformd has checked it)

    t.yaml:1:1: error[unjudged]: the section Hooks is refused; expected everything that is deployed, in the template itself (a hook replaces resources while they are deployed)

    t.yaml:1:1: error[unjudged]: the section Rules is refused; expected everything that is deployed, in the template itself (a rule of CloudFormation may refuse the pack in each member)

    t.yaml:1:16: error[unjudged]: Fn::Transform is refused (a macro rewrites the template after conformd has checked it)

    t.yaml:7:5: error[unjudged]: Fn::Transform is refused (a macro rewrites the template after conformd has checked it)

    t.yaml:8:7: error[unjudged]: Fn::Transform is refused (a macro rewrites the template after conformd has checked it)

    t.yaml:8:35: error[unjudged]: !Transform is refused (a macro rewrites the template after conformd has checked it)

    t.yaml:8:25: error[unjudged]: Fn::Transform is refused (a macro rewrites the template after conformd has checked it)

    t.yaml:5:3: error[unjudged]: Fn::ForEach::Rules is refused (a macro rewrites the template after conformd has checked it)
    t.yaml:5:3: error[logical-id]: "Fn::ForEach::Rules" is not alphanumeric; expected ASCII letters and digits only
    t.yaml:5:3: error[resource-type]: the resource Fn::ForEach::Rules has no Type; expected AWS::Config::ConfigRule or AWS::Config::RemediationConfiguration

    t.yaml:8:36: error[unjudged]: !Length is refused (it needs the transform AWS::LanguageExtensions, and transforms are refused)

    t.yaml:8:42: error[unjudged]: !ToJsonString is refused (it needs the transform AWS::LanguageExtensions, and transforms are refused)
    "#);
}

#[test]
fn every_section_has_its_shape() {
    let top = |line: &str| format!("{line}\n{}", rule(MANAGED));
    insta::assert_snapshot!(judge_all([
        top("AWSTemplateFormatVersion: 2010-09-10"),
        top("AWSTemplateFormatVersion: 2010-09-09"),
        top(&format!("Description: {}", "x".repeat(1_025))),
        top("Description:"),
        rule(MANAGED).replace("{ByRegion: {eu-west-1: {days: '60'}}}", "{ByRegion: {a: b}}"),
        rule(MANAGED).replace("{eu-west-1: {days: '60'}}", "{a: {b: {c: d}}}"),
    ]), @r#"
    t.yaml:1:27: error[malformed]: AWSTemplateFormatVersion is another one than CloudFormation knows; expected 2010-09-09

    nothing

    t.yaml:1:14: error[malformed]: the Description is 1025 bytes; expected text of at most 1024 bytes

    t.yaml:1:12: error[null]: this is null; expected a value: CloudFormation refuses null (leave the key out, or write "" for empty text)

    t.yaml:2:26: error[template-shape]: ByRegion.a is text; expected a mapping of names and values

    t.yaml:2:30: error[template-shape]: ByRegion.a.b is a mapping; expected text, or a list of texts
    "#);
}

#[test]
fn more_parameters_than_a_stack_declares_are_a_warning() {
    let declared = |count: usize| {
        let all = (0..count).map(|at| format!("  P{at}: {{Type: String, Default: x}}\n"));
        let text = all.collect::<String>();
        rule(MANAGED).replace(
            "Parameters: {Days: {Type: String, Default: '90'}}\n",
            &format!("Parameters:\n  Days: {{Type: String, Default: x}}\n{text}"),
        )
    };
    // One is Days, one the marker.
    insta::assert_snapshot!(judge_all([198, 199, 329].map(declared)), @"
    nothing

    t.yaml:2:3: warning[too-many-parameters]: 201 parameters declared in a template, ConformdMarker included; expected at most 200 (CloudFormation quota: parameters of a template; a pack becomes a stack)

    t.yaml:2:3: warning[too-many-parameters]: 331 parameters declared in a template, ConformdMarker included; expected at most 200 (CloudFormation quota: parameters of a template; a pack becomes a stack)
    ");
}

/// The findings of a manifest with this `spec`, in two regions.
pub(crate) fn manifest(template: &str, spec: &str) -> String {
    let manifest = format!(
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {{name: pack}}\nspec:\n  template: {{file: t.yaml}}\n  {}\n",
        spec.replace('\n', "\n  ")
    );
    let files: BTreeMap<SourcePath, FileContent> =
        [("pack.yaml", manifest.as_str()), ("t.yaml", template)]
            .map(|(name, text)| {
                (SourcePath::new(name).unwrap(), FileContent::Bytes(text.as_bytes().into()))
            })
            .into();
    let regions = ["eu-west-1", "us-east-1"].map(|region| region.parse().unwrap());
    let constraints = Constraints { regions: Some(regions.into()), ..Constraints::default() };
    let catalog = Catalog::read(&Snapshot::of_directory(files), &constraints, None);
    let mut lines = String::new();
    for finding in &catalog.diagnostics {
        writeln!(lines, "{finding}").unwrap();
    }
    if lines.is_empty() { "nothing\n".to_owned() } else { lines }
}

#[test]
fn a_given_value_obeys_its_parameter_in_every_region_and_is_never_quoted() {
    let template = "\
Parameters:
  Days: {Type: String, Default: '90', AllowedValues: ['60', '90']}
  Key: {Type: String, Default: '', NoEcho: true, AllowedPattern: '[A-Z]*'}
Conditions:
  Long: !Equals [!Ref Days, '90']
  Here: !Equals [!Ref AWS::Region, eu-west-1]
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Condition: Long
    Properties:
      ConfigRuleName: keys
      InputParameters: {maxAccessKeyAge: !Ref Days, key: !Ref Key}
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
  S:
    Type: AWS::Config::ConfigRule
    Condition: Here
    Properties:
      ConfigRuleName: keys
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
";
    let specs = [
        "parameters: {Days: '61'}",
        "overrides: [{regions: [us-east-1], parameters: {Key: hunter2, Days: '60'}}]",
        "regions: [us-east-1]\nparameters: {Days: '60'}",
        "parameters: {Days: '60'}",
        "overrides: [{regions: [eu-west-1], parameters: {Days: '60'}}]",
    ];
    let found = specs.map(|spec| manifest(template, spec)).join("\n");
    assert!(!found.contains("hunter2"));
    insta::assert_snapshot!(found, @r#"
    pack.yaml:5:13: warning[inert]: no rule of the pack is in effect in us-east-1 (the conditions of its rules do not hold with the parameters given, or their EvaluationModes lack DETECTIVE)
    pack.yaml:6:16: error[constraint]: the parameter Days does not accept the given value; expected one of 60, 90 (AllowedValues)

    pack.yaml:5:13: error[rule-name]: two rules are named keys in eu-west-1; expected conditions of which one holds at most: AWS Config refuses the second
    pack.yaml:5:13: warning[inert]: no rule of the pack is in effect in us-east-1 (the conditions of its rules do not hold with the parameters given, or their EvaluationModes lack DETECTIVE)
    pack.yaml:6:51: error[constraint]: the parameter Key does not accept the given value; expected text that [A-Z]* matches as a whole (AllowedPattern)

    pack.yaml:5:13: warning[inert]: no rule of the pack is in effect in us-east-1 (the conditions of its rules do not hold with the parameters given, or their EvaluationModes lack DETECTIVE)

    pack.yaml:5:13: warning[inert]: no rule of the pack is in effect in us-east-1 (the conditions of its rules do not hold with the parameters given, or their EvaluationModes lack DETECTIVE)

    nothing
    "#);
}

#[test]
fn published_templates_leave_nothing_to_say() {
    let Some(files) = corpus() else { return };
    let found: String =
        files.iter().map(|(name, text)| judge(text).replace("t.yaml", name)).collect();
    let found = found.replace("nothing\n", "");
    insta::assert_snapshot!(found, @"");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the real time is what is tested")]
fn a_large_template_is_judged_at_once_and_a_hostile_one_soon() {
    let Some((_, largest)) =
        corpus().and_then(|files| files.into_iter().max_by_key(|(_, text)| text.len()))
    else {
        return;
    };
    let took = |text: &str| {
        let begin = Instant::now();
        judge(text);
        begin.elapsed()
    };
    // Generous: machines under load. What is meant is a tenth of it.
    assert!(took(&largest) < Duration::from_secs(1), "{:?}", took(&largest));
    let mut references = String::new();
    for at in 0..4_500 {
        writeln!(references, "a{at}: !Ref Undeclared{at}").unwrap();
    }
    let references = references.replace('\n', "\n  ");
    let hostile = managed(&format!("InputParameters:\n  {references}"));
    assert!(took(&hostile) < Duration::from_secs(5), "{:?}", took(&hostile));
}

proptest! {
    /// Without functions and null, our reading of the published schemas and that of a validator
    /// agree: whatever AWS's schema refuses is an error here. (The reverse does not hold: text
    /// stands for numbers and booleans in `CloudFormation`, and more is required than a schema
    /// says.)
    #[test]
    fn what_the_published_schema_refuses_is_refused(properties in properties()) {
        let schema = schema_of("AWS::Config::ConfigRule").unwrap();
        let refused = jsonschema::validator_for(schema).unwrap().validate(&properties).is_err();
        let template = json!({"Resources": {"R": {
            "Type": "AWS::Config::ConfigRule", "Properties": properties,
        }}});
        let path = SourcePath::new("t.json").unwrap();
        let ours = match Template::parse(&path, &template.to_string()) {
            Ok((_, warnings)) => warnings,
            Err(findings) => findings,
        };
        let is_error = ours.iter().any(|found| found.severity == Severity::Error);
        prop_assert!(is_error || !refused, "{template}");
    }
}

fn properties() -> impl Strategy<Value = serde_json::Value> {
    let text =
        || prop_oneof!["[A-Z_]{0,4}", "x{120,140}", "[a-z ]{0,300}"].prop_map(|text| json!(text));
    let any = prop_oneof![
        text(),
        Just(json!(["AWS::S3::Bucket"])),
        Just(json!(["A", "A"])),
        Just(json!({})),
        Just(json!({"a": "b"})),
        Just(json!("One_Hour")),
        Just(json!({"TagKey": "k"})),
        Just(json!({"Owner": "AWS", "SourceIdentifier": "X", "Extra": "y"})),
        Just(json!([{"Mode": "PROACTIVE"}])),
        Just(json!([{"Mode": "X"}])),
    ];
    let names = prop_oneof![
        Just("ConfigRuleName"),
        Just("Description"),
        Just("Scope"),
        Just("InputParameters"),
        Just("MaximumExecutionFrequency"),
        Just("EvaluationModes"),
        Just("Source"),
        Just("Other"),
    ];
    prop::collection::btree_map(names, any, 0..4).prop_map(|mut all| {
        all.entry("Source").or_insert(json!({"Owner": "AWS", "SourceIdentifier": "X"}));
        json!(all)
    })
}
