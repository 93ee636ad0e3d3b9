//! What is the same in every member is judged although nobody knows it yet: texts with a pseudo
//! parameter in them, and references to what is not there.

use std::fmt::Write as _;

use crate::judging::{judge, judge_all, manifest};

const SOURCE: &str = "Source: {Owner: AWS, SourceIdentifier: X}";

/// A rule for each of these properties, beside some declarations.
fn rules<const N: usize>(properties: [&str; N]) -> String {
    let mut text = "\
Conditions:
  Never: !Equals [a, b]
  Always: !Not [!Condition Never]
  Here: !Equals [!Ref AWS::AccountId, '111122223333']
Mappings: {M: {'111122223333': {k: v}}}
Resources:
"
    .to_owned();
    for (at, properties) in properties.into_iter().enumerate() {
        writeln!(
            text,
            "  R{at}:\n    Type: AWS::Config::ConfigRule\n    Properties: {{{properties}}}"
        )
        .unwrap();
    }
    text
}

/// Two rules of these names.
fn named(one: &str, other: &str) -> String {
    let [one, other] = [one, other].map(|name| format!("ConfigRuleName: {name}, {SOURCE}"));
    rules([one.as_str(), other.as_str()])
}

fn one(property: &str) -> String {
    rules([format!("{property}, {SOURCE}").as_str()])
}

/// A rule with this source.
fn source(source: &str) -> String {
    rules([format!("Source: {{{source}}}").as_str()])
}

#[test]
fn two_names_that_are_one_in_every_member_are_two_rules_of_one_name() {
    insta::assert_snapshot!(judge_all([
        named("!Sub 'r-${AWS::AccountId}'", "!Sub 'r-${AWS::AccountId}'"),
        named("!Sub 'r-${AWS::StackName}'", "!Join ['-', [r, !Ref AWS::StackName]]"),
        named("!Sub 'r-${ AWS::AccountId }'", "'r-${AWS::AccountId}'"),
        named("!Ref AWS::AccountId", "!If [Always, !Ref AWS::AccountId, x]"),
        named("5", "'5'"),
    ]), @"
    t.yaml:12:39: error[rule-name]: two rules are named r-${AWS::AccountId} (from !Sub); expected a name of its own for each rule: AWS Config refuses the second

    t.yaml:12:40: warning[unproven]: !Join is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:12:40: error[rule-name]: two rules are named r-${AWS::StackName} (from !Join); expected a name of its own for each rule: AWS Config refuses the second

    t.yaml:12:34: error[rule-name]: two rules are named r-${AWS::AccountId}; expected a name of its own for each rule: AWS Config refuses the second

    t.yaml:12:52: error[rule-name]: two rules are named ${AWS::AccountId} (from !Ref AWS::AccountId); expected a name of its own for each rule: AWS Config refuses the second

    t.yaml:12:34: error[rule-name]: two rules are named 5; expected a name of its own for each rule: AWS Config refuses the second
    ");
}

#[test]
fn what_only_a_member_knows_decides_nothing() {
    for text in [
        named("!Sub 'r-${AWS::AccountId}'", "!Sub 'r-${AWS::StackName}'"),
        named("!Ref AWS::AccountId", "!If [Here, a, b]"),
        named("!Ref AWS::AccountId", "!FindInMap [M, !Ref AWS::AccountId, k]"),
        named("a", "!Select [0, !Split ['$', !Sub 'a${AWS::AccountId}']]"),
        one("ConfigRuleName: !If [Here, !Ref AWS::AccountId, x]"),
        one("InputParameters: !Sub '{\"a\": ${AWS::AccountId}, \"b\": \"${AWS::StackName}\"}'"),
        one(&format!("InputParameters: {{a: !Sub '${{AWS::AccountId}}{}'}}", "x".repeat(1_000))),
    ] {
        let found = judge(&text);
        assert!(!found.contains("error["), "{text}\n{found}");
    }
}

#[test]
fn two_names_that_a_value_makes_one_in_every_member_are_found_with_the_values_in_force() {
    let text = format!(
        "Parameters: {{A: {{Type: String}}}}\n{}",
        named("!Sub '${A}-${AWS::AccountId}'", "!Join ['-', [b, !Ref AWS::AccountId]]")
    );
    let specs = ["regions: [eu-west-1]\nparameters: {A: a}", "parameters: {A: b}"];
    insta::assert_snapshot!(specs.map(|spec| manifest(&text, spec)).join("\n"), @"
    t.yaml:13:40: warning[unproven]: !Join is not known to work in packs (AWS's documents and published packs do without it)

    pack.yaml:5:13: error[rule-name]: two rules are named b-${AWS::AccountId} in eu-west-1, us-east-1; expected conditions of which one holds at most: AWS Config refuses the second
    t.yaml:13:40: warning[unproven]: !Join is not known to work in packs (AWS's documents and published packs do without it)
    ");
}

#[test]
fn what_is_always_text_is_no_mapping_no_list_and_none_of_a_closed_set() {
    insta::assert_snapshot!(judge_all([
        one("MaximumExecutionFrequency: !Ref AWS::AccountId"),
        one("Scope: !Ref AWS::AccountId"),
        one("InputParameters: !Ref AWS::AccountId"),
        one("InputParameters: !Ref AWS::Region"),
        one("Scope: {ComplianceResourceTypes: !Ref AWS::AccountId}"),
        one("EvaluationModes: [{Mode: !Ref AWS::AccountId}]"),
        one("InputParameters: {k: !GetAZs ''}"),
        one("InputParameters: {k: !Cidr [10.0.0.0/16, 2, 8]}"),
        one("ConfigRuleName: !GetAZs ''"),
        source("Owner: !Ref AWS::AccountId, SourceIdentifier: X"),
        source("Owner: AWS, SourceIdentifier: !Ref AWS::AccountId"),
        source("Owner: AWS, SourceIdentifier: !Sub 'lambda-${AWS::AccountId}'"),
        source("Owner: AWS, SourceIdentifier: !Sub 'X_${AWS::AccountId}'"),
        source("Owner: AWS, SourceIdentifier: true"),
        source("Owner: AWS, SourceIdentifier: 5"),
    ]), @r#"
    t.yaml:9:50: error[malformed]: MaximumExecutionFrequency is "${AWS::AccountId}" (from !Ref AWS::AccountId); expected One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours

    t.yaml:9:30: error[wrong-type]: Scope is text (!Ref AWS::AccountId gives "${AWS::AccountId}"); expected a mapping

    t.yaml:9:40: error[wrong-type]: InputParameters is text, and not JSON (!Ref AWS::AccountId gives "${AWS::AccountId}"); expected a mapping of names and values

    t.yaml:9:40: error[wrong-type]: InputParameters is text, and not JSON (!Ref AWS::Region gives "us-east-1"); expected a mapping of names and values

    t.yaml:9:56: error[wrong-type]: ComplianceResourceTypes is text (!Ref AWS::AccountId gives "${AWS::AccountId}"); expected a list

    t.yaml:9:48: error[malformed]: Mode is "${AWS::AccountId}" (from !Ref AWS::AccountId); expected DETECTIVE, PROACTIVE

    t.yaml:9:47: warning[unproven]: !GetAZs is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:9:47: error[wrong-type]: the input parameter k is a list; expected text: AWS Config hands each value to the rule as text

    t.yaml:9:45: warning[unproven]: !Cidr is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:9:45: error[wrong-type]: the input parameter k is a list; expected text: AWS Config hands each value to the rule as text

    t.yaml:9:42: warning[unproven]: !GetAZs is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:9:42: error[wrong-type]: ConfigRuleName is a list; expected text

    t.yaml:9:39: error[malformed]: Owner is "${AWS::AccountId}" (from !Ref AWS::AccountId); expected AWS, CUSTOM_LAMBDA, CUSTOM_POLICY

    t.yaml:9:62: error[rule-source]: "${AWS::AccountId}" is no identifier of a rule (from !Ref AWS::AccountId); expected capital letters, digits and _: IAM_PASSWORD_POLICY, not iam-password-policy

    t.yaml:9:62: error[rule-source]: "lambda-${AWS::AccountId}" is no identifier of a rule (from !Sub); expected capital letters, digits and _: IAM_PASSWORD_POLICY, not iam-password-policy

    nothing

    t.yaml:9:57: error[rule-source]: "true" is no identifier of a rule; expected capital letters, digits and _: IAM_PASSWORD_POLICY, not iam-password-policy (the identifier of this rule may be TRUE)

    t.yaml:9:57: error[rule-source]: "5" is no identifier of a rule; expected capital letters, digits and _: IAM_PASSWORD_POLICY, not iam-password-policy
    "#);
}

#[test]
fn a_function_is_named_by_its_arn() {
    let details = "SourceDetails: [{EventSource: aws.config, MessageType: ScheduledNotification}]";
    let function =
        |arn: &str| source(&format!("Owner: CUSTOM_LAMBDA, SourceIdentifier: {arn}, {details}"));
    for arn in [
        "'arn:aws:lambda:us-east-1:111122223333:function:a-b_C1'",
        "'arn:aws-cn:lambda:cn-north-1:111122223333:function:a:$LATEST'",
        "'arn:aws:lambda:us-east-1:111122223333:function:a:live'",
        "!Sub 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:f'",
        "'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:f'",
        "!Sub 'arn:aws:lambda:us-east-1:111122223333:function:f-${AWS::AccountId}'",
        "!If [Here, 'arn:aws:lambda:us-east-1:111122223333:function:f', !Ref AWS::NoValue]",
    ] {
        let found = judge(&function(arn));
        assert!(!found.contains("error["), "{arn}\n{found}");
    }
    let long = "x".repeat(65);
    for arn in [
        "'arn:aws:lambda'",
        "'arn:aws:lambda:us-east-1:1111:function:f'",
        "'arn:aws:lambda:us-east-1:111122223333:f'",
        "'arn:aws:lambda:us-east-1:111122223333:function'",
        "'arn:aws:lambda:us-east-1:111122223333:layer:f'",
        "'arn:aws:lambda:us-east-1:111122223333:function:f.g'",
        "'arn:aws:lambda:us-east-1:111122223333:function:f:1:2'",
        "'arn:aws:lambda:us-east-1:111122223333:function:f:'",
        "'arn:aws:lambda::111122223333:function:f'",
        "'arn:nobody:lambda:us-east-1:111122223333:function:f'",
        "!Sub 'arn:aws:lambda:us-east-1:${AWS::StackName}:function:f'",
        "!Ref AWS::StackId",
        "true",
        &format!("'arn:aws:lambda:us-east-1:111122223333:function:{long}'"),
    ] {
        let found = judge(&function(arn));
        assert!(found.contains("is no Lambda function"), "{arn}\n{found}");
    }
}

/// A template in which one rule is left out, with an output and one more rule.
fn referring(condition: &str, properties: &str, end: &str) -> String {
    let left_out = "Resources:\n  Gone:\n    Type: AWS::Config::ConfigRule\n    Condition: C\n    \
                    Properties: {ConfigRuleName: gone, Source: {Owner: AWS, SourceIdentifier: X}}";
    one(properties).replace("Resources:", left_out).replace("Conditions:", condition) + end
}

const NEVER: &str = "Conditions:\n  C: !Equals [a, b]";

#[test]
fn what_is_there_refers_to_what_is_there() {
    let reference = |value: &str| referring(NEVER, &format!("InputParameters: {{a: {value}}}"), "");
    let output = |rest: &str| {
        referring(NEVER, "Description: d", &format!("Outputs: {{O: {{Value: {rest}}}}}\n"))
    };
    insta::assert_snapshot!(judge_all([
        reference("!Ref Gone"),
        reference("!Sub 'x-${Gone.Arn}'"),
        reference("!Sub ['${a}', {a: !GetAtt Gone.Arn}]"),
        reference("!GetAtt [Gone, Arn]"),
        reference("!If [Always, !Ref Gone, x]"),
        reference("b").replace("    Properties: {Input", "    Metadata: {x: !Ref Gone}\n    Properties: {Input"),
        output("!Ref Gone"),
        output("!Ref Gone, Condition: Always"),
        output("a, Export: {Name: !Sub '${Gone}'}"),
    ]), @"
    t.yaml:14:44: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:14:44: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:14:65: warning[unproven]: !GetAtt is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:14:65: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:14:47: warning[unproven]: !GetAtt is not known to work in packs (AWS's documents and published packs do without it)
    t.yaml:14:47: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:14:57: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:14:24: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:15:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:15:27: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:15:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:15:27: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If

    t.yaml:15:1: warning[unproven]: the section Outputs is not known to work in packs
    t.yaml:15:45: error[unknown-reference]: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If
    ");
}

#[test]
fn a_reference_that_may_be_fine_is_left_alone() {
    let here = "Conditions:\n  C: !Equals [!Ref AWS::AccountId, '111122223333']";
    let region = "Conditions:\n  C: !Equals [!Ref AWS::Region, us-east-1]";
    for text in [
        referring(here, "InputParameters: {a: !Ref Gone}", ""),
        referring(region, "InputParameters: {a: !Ref Gone}", ""),
        referring(NEVER, "InputParameters: {a: !If [C, !Ref Gone, x]}", ""),
        referring(NEVER, "InputParameters: {a: !If [Here, !Ref Gone, x]}", ""),
        referring(NEVER, "InputParameters: {a: !Sub ['${Gone}', {Gone: x}]}", ""),
        referring(NEVER, "Description: d", "Outputs: {O: {Value: !Ref Gone, Condition: C}}\n"),
        referring(NEVER, "Description: d", "Outputs: {O: {Value: !Ref Gone, Condition: Here}}\n"),
    ] {
        let found = judge(&text);
        assert!(!found.contains("error["), "{text}\n{found}");
    }
}

#[test]
fn a_reference_is_judged_with_the_values_in_force_region_by_region() {
    let region = "Conditions:\n  C: !Equals [!Ref AWS::Region, us-east-1]";
    let value = "Parameters: {Gate: {Type: String, Default: 'true'}}\n\
                 Conditions:\n  C: !Equals [!Ref Gate, 'true']";
    let text = |condition| referring(condition, "InputParameters: {a: !Ref Gone}", "");
    insta::assert_snapshot!([
        manifest(&text(region), "regions: [us-east-1]"),
        manifest(&text(region), "regions: [us-east-1, eu-west-1]"),
        manifest(&text(value), "regions: [us-east-1]"),
        manifest(&text(value), "regions: [us-east-1]\nparameters: {Gate: 'false'}"),
    ].join("\n"), @"
    nothing

    pack.yaml:5:13: error[unknown-reference]: line 14 of the template: the resource Gone is not there: C does not hold in eu-west-1; expected a reference where the resource is there, too: the same condition, or Fn::If

    nothing

    pack.yaml:5:13: error[unknown-reference]: line 15 of the template: the resource Gone is not there: C does not hold; expected a reference where the resource is there, too: the same condition, or Fn::If
    ");
}
