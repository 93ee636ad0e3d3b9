//! What a function comes to is judged as if it had been written out: with the defaults where a
//! template is judged alone, with the values in force where a manifest gives them, by region.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::judging::{judge, judge_all, manifest};

/// One rule with these properties, and something else at the top and at the end.
fn with(top: &str, properties: &str, end: &str) -> String {
    format!(
        "{top}Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Properties: \
         {{{properties}}}\n{end}"
    )
}

const SOURCE: &str = "Source: {Owner: AWS, SourceIdentifier: X}";

fn rule(properties: &str) -> String {
    with(
        "Parameters: {P: {Type: String, Default: hourly}, L: {Type: CommaDelimitedList}}\n\
         Mappings: {M: {a: {long: lower-case}}}\nConditions: {A: !Equals [!Ref P, hourly]}\n",
        &format!("{properties}, {SOURCE}"),
        "",
    )
}

#[test]
fn a_property_is_judged_by_what_its_function_comes_to() {
    let long = "x".repeat(300);
    insta::assert_snapshot!(judge_all([
        rule("ConfigRuleName: !Sub '  '"),
        rule(&format!("ConfigRuleName: !Join ['', [{long}]]")),
        rule("MaximumExecutionFrequency: !Ref P"),
        rule("MaximumExecutionFrequency: !If [A, !Ref P, One_Hour]"),
        rule("MaximumExecutionFrequency: !Sub '${P}'"),
        rule(&format!("Description: !Sub '{long}'")),
        rule(&format!("InputParameters: {{a: !Sub ['${{x}}{long}{long}{long}{long}', {{x: y}}]}}")),
        rule("InputParameters: !Ref AWS::Region"),
        rule("ConfigRuleName: r").replace("Owner: AWS", "Owner: !Ref AWS::Region"),
        rule("ConfigRuleName: r").replace("Identifier: X", "Identifier: !FindInMap [M, a, long]"),
        rule("ConfigRuleName: r").replace("Identifier: X", "Identifier: !Select [2, [X, Y]]"),
        rule("ConfigRuleName: !Ref L"),
        rule("ConfigRuleName: !Ref AWS::NotificationARNs"),
        rule("InputParameters: {a: !If [A, [x], y]}"),
        rule("ConfigRuleName: !ImportValue x"),
        // Nobody knows before the members do, or a region is needed.
        rule("ConfigRuleName: !Ref AWS::AccountId"),
        rule("InputParameters: {a: !FindInMap [M, !Ref AWS::Region, long]}"),
    ]), @r#"
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: error[malformed]: ConfigRuleName is blank (!Sub gives "  "); expected a name on one line

    t.yaml:7:40: warning[unproven]: !Join is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:40: error[malformed]: ConfigRuleName has 300 characters (!Join gives "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"…); expected 1 to 128

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:50: warning[malformed]: MaximumExecutionFrequency is "hourly" (from !Ref P); expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours (this follows from the defaults of the parameters: give other values)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:58: warning[malformed]: MaximumExecutionFrequency is "hourly" (from !Ref P); expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours (this follows from the defaults of the parameters: give other values)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:50: warning[malformed]: MaximumExecutionFrequency is "hourly" (from !Sub); expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours (this follows from the defaults of the parameters: give other values)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:36: error[malformed]: Description has 300 characters (!Sub gives "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"…); expected 0 to 256

    t.yaml:7:1257: error[yaml-1-1]: YAML readers disagree about the value y (write "y" if it is text)
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:40: error[wrong-type]: InputParameters is text, and not JSON (!Ref AWS::Region gives "us-east-1"); expected a mapping of names and values

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:58: error[malformed]: Owner is "us-east-1" (from !Ref AWS::Region); expected AWS, CUSTOM_LAMBDA, CUSTOM_POLICY

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:87: error[rule-source]: "lower-case" is no identifier of a rule (from !FindInMap); expected capital letters, digits and _: IAM_PASSWORD_POLICY, not iam-password-policy (the identifier of this rule may be LOWER_CASE)

    t.yaml:7:92: error[yaml-1-1]: YAML readers disagree about the value Y (write "Y" if it is text)
    t.yaml:7:84: warning[unproven]: !Select is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: error[wrong-type]: ConfigRuleName is a list; expected text

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: error[wrong-type]: ConfigRuleName is a list; expected text

    t.yaml:7:52: error[yaml-1-1]: YAML readers disagree about the value y (write "y" if it is text)
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:47: error[wrong-type]: the input parameter a is a list; expected text: AWS Config hands each value to the rule as text

    t.yaml:7:47: warning[unproven]: !ImportValue is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:47: error[rule-name]: an imported value names the rule; expected a name that follows from the template and its parameters

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    "#);
}

#[test]
fn a_name_is_seen_and_on_one_line() {
    insta::assert_snapshot!(judge_all([
        rule("ConfigRuleName: '  '"),
        rule("ConfigRuleName: \"a\\nb\""),
        rule("ConfigRuleName: ''"),
        rule("ConfigRuleName: a b"),
    ]), @"
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:34: error[malformed]: ConfigRuleName is blank; expected a name on one line

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:34: error[malformed]: ConfigRuleName has more than one line; expected a name on one line

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:34: error[malformed]: ConfigRuleName has 0 characters; expected 1 to 128

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    ");
}

#[test]
fn input_parameters_are_held_to_the_same_rules_as_json_and_written_out() {
    insta::assert_snapshot!(judge_all([
        rule("InputParameters: 12"),
        rule("InputParameters: true"),
        rule(r"InputParameters: '[1]'"),
        rule(r#"InputParameters: '{"a": {"b": 1}}'"#),
        rule(r#"InputParameters: '{"a": null}'"#),
        rule(r#"InputParameters: '{"a": "1", "a": "2"}'"#),
        rule(r#"InputParameters: '{"a": "1", "b": 2}'"#),
    ]), @"
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:35: error[wrong-type]: InputParameters is text, and not JSON; expected a mapping of names and values

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:35: error[wrong-type]: InputParameters is text, and not JSON; expected a mapping of names and values

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:35: error[wrong-type]: InputParameters is text, and not JSON; expected a mapping of names and values

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:35: error[wrong-type]: the input parameter a is a mapping; expected text: AWS Config hands each value to the rule as text

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:35: error[wrong-type]: the input parameter a is nothing (null); expected text: AWS Config hands each value to the rule as text

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:35: error[duplicate-key]: the input parameter a occurs twice (remove one of them)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    ");
}

#[test]
fn a_mark_within_the_value_of_an_input_parameter_may_be_meant() {
    let values =
        ["'a {{b}} c'", "'a <% b %> c'", "'a ${B} c'", "'a {{resolve:ssm:x}} c'", "'{{b}}'"];
    let input = |value: &str| rule(&format!("InputParameters: {{a: {value}}}"));
    insta::assert_snapshot!(judge_all(values.map(input)), @"
    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: warning[leftover]: {{b}} was not replaced (Jinja, Helm, …) (render the file before it is published)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: warning[leftover]: <% b %> was not replaced (ERB) (render the file before it is published)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: warning[leftover]: ${B} was not replaced (a parameter of this template is put in by !Sub or !Ref only)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: error[unjudged]: this is a dynamic reference ({{resolve:…}}) (conformd cannot check what it becomes in a member: write the value itself)

    t.yaml:1:60: warning[unproven]: the type of L is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:7:39: error[leftover]: {{b}} was not replaced (Jinja, Helm, …) (render the file before it is published)
    ");
}

const TARGET: &str = "TargetType: SSM_DOCUMENT, TargetId: AWS-Fix";

/// A rule with a remediation.
fn remedied(properties: &str) -> String {
    with(
        "Parameters: {Auto: {Type: String, Default: 'true'}}\n",
        &format!("ConfigRuleName: r, {SOURCE}"),
        &format!(
            "  M:\n    Type: AWS::Config::RemediationConfiguration\n    Properties: \
             {{ConfigRuleName: !Ref R, {TARGET}, {properties}}}\n"
        ),
    )
}

#[test]
fn an_automatic_remediation_says_in_which_role_it_acts() {
    let often = "MaximumAutomaticAttempts: 5, RetryAttemptSeconds: 60";
    let role = |role: &str| format!("Parameters: {{AutomationAssumeRole: {role}}}");
    let arn = "{StaticValue: {Values: ['arn:aws:iam::${AWS::AccountId}:role/x']}}";
    insta::assert_snapshot!(judge_all([
        remedied(&format!("Automatic: true, {often}")),
        remedied(&format!("Automatic: 'True', {often}, Parameters: {{A: {arn}}}")),
        remedied(&format!("Automatic: !Ref Auto, {often}")),
        remedied(&format!("Automatic: 'True', {often}, {}", role(arn))),
        remedied(&format!("Automatic: false, {}", role("{StaticValue: {Values: [x]}}"))),
        remedied("Parameters: a"),
        remedied("Parameters: {A: {StaticValue: [a]}, B: {StaticValue: {Value: [a]}}}"),
        remedied("Parameters: {A: {StaticValue: a}, B: {ResourceValue: RESOURCE_ID}}"),
        remedied("Parameters: {A: {ResourceValue: ID}}"),
    ]), @r#"
    t.yaml:8:87: error[remediation]: it is automatic without AutomationAssumeRole; expected the ARN of a role under Parameters: AutomationAssumeRole (AWS Config API, PutRemediationConfigurations)

    t.yaml:8:87: error[remediation]: it is automatic without AutomationAssumeRole; expected the ARN of a role under Parameters: AutomationAssumeRole (AWS Config API, PutRemediationConfigurations)

    t.yaml:8:87: warning[remediation]: it is automatic without AutomationAssumeRole; expected the ARN of a role under Parameters: AutomationAssumeRole (this follows from the defaults of the parameters: give other values)

    nothing

    t.yaml:8:164: error[remediation]: "x" is no role; expected its ARN: arn:aws:iam::${AWS::AccountId}:role/NAME

    t.yaml:8:99: error[wrong-type]: Parameters is text, and not JSON; expected a mapping of the names of the document's parameters

    t.yaml:8:117: warning[unproven]: StaticValue has a form that AWS's reference does not show; expected StaticValue: {Values: [value]}
    t.yaml:8:140: warning[unproven]: StaticValue has a form that AWS's reference does not show; expected StaticValue: {Values: [value]}

    t.yaml:8:117: warning[unproven]: StaticValue has a form that AWS's reference does not show; expected StaticValue: {Values: [value]}
    t.yaml:8:140: warning[unproven]: ResourceValue has a form that AWS's reference does not show; expected ResourceValue: {Value: RESOURCE_ID}

    t.yaml:8:119: warning[unproven]: ResourceValue has a form that AWS's reference does not show; expected ResourceValue: {Value: RESOURCE_ID}
    t.yaml:8:119: error[malformed]: Value is "ID"; expected RESOURCE_ID
    "#);
}

#[test]
fn a_name_is_declared_once_and_what_nobody_deploys_refers_to_what_is_there() {
    let plain = |top: &str| with(top, SOURCE, "");
    let metadata = |metadata: &str| {
        plain("").replace("    Properties", &format!("    Metadata: {metadata}\n    Properties"))
    };
    insta::assert_snapshot!(judge_all([
        plain("Parameters: {R: {Type: String, Default: x}}\n"),
        plain("Conditions: {R: !Equals [a, b]}\n"),
        metadata("{a: !Ref Nope}"),
        metadata("{a: !Sub '${Nope}'}"),
        metadata("{a: !GetAtt R.Foo}"),
        metadata("text"),
        plain("Outputs: {O: {Description: x}}\n"),
        plain("Outputs: {O: {Value: [a]}}\n"),
        plain("Outputs: {O: {Value: a, Vaule: b}}\n"),
        plain("Outputs: {a-b: {Value: a, Condition: Nope, Export: {}}}\n"),
        plain("Outputs: {O: {Value: a, Export: {Name: b}}}\n"),
    ]), @r#"
    t.yaml:3:3: error[logical-id]: a parameter and a resource are named R; expected a name of its own for each: CloudFormation refuses the template

    nothing

    t.yaml:4:24: error[unknown-reference]: nothing is named Nope; expected a parameter or a resource of this template

    t.yaml:4:24: error[unknown-reference]: nothing is named Nope; expected a parameter or a resource of this template

    t.yaml:4:27: warning[unproven]: !GetAtt is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:4:27: error[unknown-reference]: the resource R has no attribute Foo; expected Arn, Compliance.Type, ConfigRuleId
    t.yaml:4:27: error[cycle]: R leads to itself (break the circle)

    t.yaml:4:15: error[wrong-type]: Metadata is text; expected a mapping

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:1:11: error[missing-field]: the output O lacks Value (CloudFormation requires it)

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:1:22: error[wrong-type]: Value is a list; expected text

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:1:25: error[unknown-field]: an output has no Vaule; expected Condition, Description, Export, Value (did you mean Value?)

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:1:11: error[logical-id]: "a-b" is not alphanumeric; expected ASCII letters and digits only
    t.yaml:1:38: error[condition]: there is no condition Nope; expected a condition that is declared under Conditions
    t.yaml:1:52: error[missing-field]: Export lacks Name; expected Export: {Name: the name for other stacks}

    t.yaml:1:1: warning[unproven]: the section Outputs is not known to work in packs
    "#);
}

#[test]
fn a_constraint_belongs_to_the_type_and_sizes_have_limits() {
    let declared =
        |attributes: &str| with(&format!("Parameters: {{P: {{{attributes}}}}}\n"), SOURCE, "");
    let mappings = |count: usize| {
        let mut text = "Mappings:\n".to_owned();
        for at in 0..count {
            writeln!(text, "  M{at}: {{a: {{b: c}}}}").unwrap_or_default();
        }
        with(&text, SOURCE, "")
    };
    insta::assert_snapshot!(judge_all([
        declared("Type: String, MinValue: 1"),
        declared("Type: Number, MaxLength: 1"),
        declared("Type: Number, AllowedPattern: a"),
        declared(&format!("Type: String, Default: {}", "x".repeat(4_097))),
        declared(&format!("Type: String, Description: {}", "x".repeat(4_001))),
        declared("Type: String, AllowedPattern: 'a**'"),
        declared("Type: String, AllowedPattern: '[[:alpha:]]+', Default: '1'"),
        declared("Type: String, AllowedPattern: 'a\\Kb', Default: '1'"),
        declared("Type: String, AllowedPattern: '\\w+', Default: é"),
        mappings(200),
        mappings(201),
    ]), @r"
    t.yaml:1:32: error[constraint]: P has MinValue, which is for numbers (remove it, or change Type)

    t.yaml:1:24: warning[unproven]: the type of P is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:1:32: error[constraint]: P has MaxLength, which is for text (remove it, or change Type)

    t.yaml:1:24: warning[unproven]: the type of P is not String (every pack that AWS publishes declares its parameters as String)
    t.yaml:1:32: error[constraint]: P has AllowedPattern, which is for text (remove it, or change Type)

    t.yaml:1:41: error[constraint]: the Default of P has 4097 bytes; expected at most 4096 (CloudFormation quota)

    t.yaml:1:45: error[constraint]: the Description of P has 4001 characters; expected at most 4000 (CloudFormation quota)

    t.yaml:1:48: error[constraint]: the AllowedPattern of P is not a regular expression: there is nothing that *, + or ? repeats; expected a Java regular expression

    t.yaml:1:48: warning[constraint]: conformd cannot read the AllowedPattern of P (conformd sends values without checking them against it; CloudFormation uses Java's regular expressions)

    t.yaml:1:48: warning[constraint]: conformd cannot read the AllowedPattern of P (conformd sends values without checking them against it; CloudFormation uses Java's regular expressions)

    t.yaml:1:64: error[constraint]: the default of P is a value that the parameter does not accept; expected text that \w+ matches as a whole (AllowedPattern)

    nothing

    t.yaml:2:3: error[too-large]: 201 mappings in a template; expected at most 200 (CloudFormation quota: mappings of a template)
    ");
}

/// A template in which a value that is given, or the region, decides what is wrong.
const GIVEN: &str = "\
Parameters:
  Name: {Type: String}
  Often: {Type: String, Default: One_Hour}
  Key: {Type: String, Default: a}
Mappings: {M: {eu-west-1: {a: x}}}
Conditions:
  Mapped: !Equals [!FindInMap [M, eu-west-1, !Ref Key], x]
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: !Ref Name
      MaximumExecutionFrequency: !Ref Often
      InputParameters: {a: !FindInMap [M, !Ref AWS::Region, a]}
      Source: {Owner: AWS, SourceIdentifier: X}
  S:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: other
      Source: {Owner: AWS, SourceIdentifier: X}
";

#[test]
fn the_values_in_force_are_judged_in_their_places_region_by_region_and_not_shown() {
    let specs = [
        "regions: [eu-west-1]\nparameters: {Name: r}",
        "parameters: {Name: r}",
        "regions: [eu-west-1]\nparameters: {Name: '  '}",
        "regions: [eu-west-1]\nparameters: {Name: r, Often: hunter2}",
        "regions: [eu-west-1]\nparameters: {Name: r, Key: hunter2}",
        "regions: [eu-west-1]\nparameters: {Name: other}",
    ];
    let found = specs.map(|spec| manifest(GIVEN, spec)).join("\n");
    assert!(!found.contains("hunter2"), "{found}");
    insta::assert_snapshot!(found, @"
    nothing

    pack.yaml:5:13: error[unknown-reference]: line 14 of the template: M has no key us-east-1 in us-east-1

    pack.yaml:5:13: error[malformed]: line 12 of the template: ConfigRuleName is blank (from !Ref Name); expected a name on one line

    pack.yaml:5:13: error[malformed]: line 13 of the template: MaximumExecutionFrequency is another value (from !Ref Often); expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours

    pack.yaml:5:13: error[unknown-reference]: line 7 of the template: M has no key for the value that is given

    pack.yaml:5:13: error[rule-name]: two rules are named other in eu-west-1; expected conditions of which one holds at most: AWS Config refuses the second
    ");
}

#[test]
fn a_value_that_a_manifest_replaces_is_no_error() {
    let template = GIVEN.replace("Default: One_Hour", "Default: hourly");
    let spec = "regions: [eu-west-1]\nparameters: {Name: r, Often: Six_Hours}";
    insta::assert_snapshot!(manifest(&template, spec), @r#"t.yaml:13:39: warning[malformed]: MaximumExecutionFrequency is "hourly" (from !Ref Often); expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours (this follows from the defaults of the parameters: give other values)"#);
}

proptest! {
    /// A value that is put in is judged as the same value written out.
    #[test]
    fn what_is_refused_written_out_is_refused_put_in(
        value in prop_oneof!["[a-z ]{0,4}", "x{120,140}", Just("One_Hour".to_owned())],
        property in prop_oneof![
            Just("ConfigRuleName"), Just("Description"), Just("MaximumExecutionFrequency"),
            Just("InputParameters"), Just("EvaluationModes"), Just("Scope"),
        ],
        form in prop_oneof![
            Just("!Sub '{}'"), Just("!Join ['', ['{}']]"), Just("!Select [0, ['{}']]"),
            Just("!FindInMap [M, a, b]"),
        ],
    ) {
        let top = format!("Mappings: {{M: {{a: {{b: '{value}'}}}}}}\n");
        let of = |text: &str| with(&top, &format!("{property}: {text}, {SOURCE}"), "");
        let is_refused = |text: &str| judge(&of(text)).contains("error[");
        let written = is_refused(&format!("'{value}'"));
        prop_assert_eq!(written, is_refused(&form.replace("{}", &value)));
    }
}
