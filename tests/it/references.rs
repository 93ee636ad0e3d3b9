//! Dynamic references (`{{resolve:…}}`): refused wherever they are written, and whatever puts them
//! together.

use std::collections::BTreeMap;

use conformd::domain::declared::catalog::{Catalog, Declared};
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::{FileContent, Snapshot, SourcePath};
use conformd::domain::declared::template::Template;
use proptest::prelude::*;
use proptest::sample::select;

const REFERENCE: &str = "{{resolve:ssm:/days:1}}";

const TEMPLATE: &str = "\
Parameters:
  A: {Type: String, Default: ''}
  B: {Type: String, Default: ''}
Conditions:
  Empty: !Equals [!Ref A, '']
  Here: !Equals [!Ref AWS::AccountId, '111122223333']
Mappings:
  M: {one: {open: '{{', rest: 'resolve:ssm:x}}', list: ['{', '{resolve:x}}']}}
Resources:
  R:
    Type: AWS::Config::ConfigRule
    Properties:
      InputParameters: {a: VALUE}
      Source: {Owner: AWS, SourceIdentifier: X}
";

/// What is found in a template in which this stands as a value.
fn said(value: &str) -> String {
    judged(&TEMPLATE.replace("VALUE", value))
}

fn judged(text: &str) -> String {
    let path = SourcePath::new("t.yaml").unwrap();
    let findings = match Template::parse(&path, text) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    };
    let proven = findings.iter().filter(|finding| finding.code != "unproven");
    proven.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn catalog(template: &str, spec: &str) -> Catalog {
    let manifest = format!(
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {{name: a}}\nspec:\n  template: {{file: t.yaml}}\n{spec}"
    );
    let file = |name: &str, text: &str| {
        (SourcePath::new(name).unwrap(), FileContent::Bytes(text.as_bytes().into()))
    };
    let files = BTreeMap::from([file("a.yaml", &manifest), file("t.yaml", template)]);
    Catalog::read(&Snapshot::of_directory(files), &Constraints::default(), None)
}

/// What is found in a manifest with these lines in its `spec`; the pack is not used then.
fn declared(value: &str, spec: &str) -> String {
    let catalog = catalog(&TEMPLATE.replace("VALUE", value), spec);
    let errors = catalog.diagnostics.iter().filter(|finding| finding.code != "unproven");
    let lines: Vec<String> = errors.map(ToString::to_string).collect();
    let is_good = catalog.packs.values().all(|pack| matches!(pack, Declared::Good(_)));
    assert_eq!(is_good, !lines.iter().any(|line| line.contains(" error[")), "{lines:?}");
    lines.join("\n")
}

#[test]
fn a_dynamic_reference_is_refused_in_every_text_of_a_template() {
    let (top, property) = (
        |line: &str| format!("{line}\n{}", TEMPLATE.replace("VALUE", "b")),
        |line: &str| TEMPLATE.replace("InputParameters: {a: VALUE}", line),
    );
    for text in [
        top(&format!("Description: 'x {REFERENCE} y'")),
        top(&format!("Metadata: {{a: ['{REFERENCE}']}}")),
        top(&format!("Metadata: {{'{REFERENCE}': b}}")),
        top("Description: '{{ resolve:ssm:x}}'"),
        top("Description: '{{{resolve:ssm:x}}}'"),
        top("Description: '{{ x }} {{resolve:ssm:x}}'"),
        property(&format!("Description: '{REFERENCE}'")),
        property(&format!("InputParameters: '{{\"a\": \"{REFERENCE}\"}}'")),
        property(&format!("InputParameters: {{'{REFERENCE}': b}}")),
        property(&format!("InputParameters: {{a: !Sub '{REFERENCE}'}}")),
        property(&format!("Scope: {{TagKey: '{REFERENCE}'}}")),
        TEMPLATE.replace("Default: ''", &format!("Default: '{REFERENCE}'")),
        TEMPLATE.replace("Default: ''", &format!("AllowedValues: ['{REFERENCE}']")),
        TEMPLATE.replace("open: '{{'", &format!("open: '{REFERENCE}'")),
        TEMPLATE.replace(
            "{Owner: AWS, SourceIdentifier: X}",
            &format!(
                "{{Owner: CUSTOM_POLICY, SourceDetails: [{{EventSource: aws.config, MessageType: \
                 ConfigurationItemChangeNotification}}], CustomPolicyDetails: {{PolicyRuntime: \
                 guard-2.x.x, PolicyText: 'rule x {{ a == \"{REFERENCE}\" }}'}}}}"
            ),
        ),
    ] {
        let found = judged(&text);
        let is_found = found.contains("error[unjudged]: ") && found.contains("a dynamic reference");
        assert!(is_found, "{text}\n{found}");
    }
    insta::assert_snapshot!(said(&format!("'{REFERENCE}'")), @"t.yaml:13:28: error[unjudged]: this is a dynamic reference ({{resolve:…}}) (conformd cannot check what it becomes in a member: write the value itself)");
}

#[test]
fn a_dynamic_reference_is_refused_when_functions_put_it_together() {
    for value in [
        "!Join ['', ['{{resol', 've:ssm:x}}']]",
        "!Join ['{', ['', '', 'resolve:ssm:x}}']]",
        "!Join ['', ['{{', !Ref AWS::AccountId, 'resolve:ssm:x}}']]",
        "!Sub ['${b}{resolve:ssm:x}}', {b: '{'}]",
        "!Sub ['{{${b}}}', {b: 'resolve:ssm:x'}]",
        "!Sub '{{${A}resolve:ssm:x}}'",
        "!Sub '{{${AWS::AccountId} resolve:ssm:x}}'",
        "!Join ['', [!FindInMap [M, one, open], !FindInMap [M, one, rest]]]",
        "!Join ['', [!FindInMap [M, !Ref AWS::AccountId, open], 'resolve:ssm:x}}']]",
        "!Join ['', !FindInMap [M, one, list]]",
        "!Join ['', ['{{', !If [Empty, 'resolve:x}}', 'b']]]",
        "!Join ['', ['{{', !If [Here, 'resolve:x}}', 'b']]]",
        "!Join ['', ['{{', !If [Here, 'b', 'resolve:x}}']]]",
        "!Join ['', ['{{', !Select [1, [a, 'resolve:x}}']]]]",
        "!Join ['', !Split ['|', '{|{re|solve:ssm:x}}']]",
        "!Join ['', ['{{', !Select [0, !Split ['|', 'resolve:x}}|b']]]]",
        "!Base64 {'Fn::Join': ['', ['{{', 'resolve:x}}']]}",
    ] {
        let found = said(value);
        let is_found = found.contains("error[unjudged]: ") && found.contains("a dynamic reference");
        assert!(is_found && found.starts_with("t.yaml:13:"), "{value}\n{found}");
    }
    for value in [
        "!Join ['', ['{\"a\": {\"b\": \"', !Ref A, '\"}}']]",
        "!Sub '{\"a\": {\"b\": \"${A}\"}}'",
        "!Sub ['{\"a\": ${inner}}', {inner: '{\"b\": 1}'}]",
        "!Join ['', ['{{', !If [Empty, 'b', 'resolve:x}}']]]",
        "!Join [':', ['{resolve', x]]",
        "!Join [',', [resolve, a]]",
        "!Sub 'resolve: ${A}'",
    ] {
        assert_eq!(said(value), "", "{value}");
    }
}

#[test]
fn parameters_in_force_are_judged_with_the_template_and_never_quoted() {
    let joined = "!Join ['', [!Ref A, !Ref B]]";
    let found = [
        declared("!Ref A", "  parameters: {A: 'x {{resolve:ssm:x}}'}\n"),
        declared(
            "!Ref A",
            "  overrides: [{regions: [eu-west-1], parameters: {A: '{{ resolve:ssm:x}}'}}]\n",
        ),
        declared(joined, "  parameters: {A: '{{', B: 'resolve:ssm:x}}'}\n"),
        declared(
            joined,
            "  regions: [us-east-1, eu-west-1]\n  parameters: {A: '{{'}\n  overrides: [{regions: \
             [eu-west-1], parameters: {B: 'resolve:ssm:x}}'}}]\n",
        ),
        declared(
            joined,
            "  parameters: {A: '{{'}\n  overrides: [{regions: [eu-west-1], parameters: {B: \
             'resolve:ssm:x}}'}}]\n",
        ),
        declared("!Sub '{${A}'", "  parameters: {A: '{resolve:ssm:x}}'}\n"),
    ];
    insta::assert_snapshot!(found.join("\n"), @"
    a.yaml:6:16: error[unjudged]: the value of A holds a dynamic reference ({{resolve:…}}) (conformd cannot check what it becomes in a member: write the value itself)
    a.yaml:6:51: error[unjudged]: the value of A holds a dynamic reference ({{resolve:…}}) (conformd cannot check what it becomes in a member: write the value itself)
    a.yaml:5:13: error[unjudged]: a dynamic reference ({{resolve:…}}) is composed here: Resources.R of the template, in any region (conformd cannot check what it becomes in a member: write the value itself)
    a.yaml:5:13: error[unjudged]: a dynamic reference ({{resolve:…}}) is composed here: Resources.R of the template, in eu-west-1 (conformd cannot check what it becomes in a member: write the value itself)
    a.yaml:5:13: error[unjudged]: a dynamic reference ({{resolve:…}}) is composed here: Resources.R of the template, in eu-west-1 (conformd cannot check what it becomes in a member: write the value itself)
    a.yaml:5:13: error[unjudged]: a dynamic reference ({{resolve:…}}) is composed here: Resources.R of the template, in any region (conformd cannot check what it becomes in a member: write the value itself)
    ");
    assert_eq!(declared(joined, "  parameters: {A: '{\"a\": {', B: '}}'}\n"), "");
}

#[test]
fn a_map_with_a_key_for_each_account_is_judged_and_a_flood_of_choices_is_refused() {
    let accounts = |value: &dyn Fn(usize) -> String| {
        let one = |number: usize| format!("'{number:012}': {{k: '{}'}}", value(number));
        let all: Vec<String> = (0..500).map(one).collect();
        let template =
            TEMPLATE.replace("  M: ", &format!("  Teams: {{{}}}\n  M: ", all.join(", ")));
        let value = "!Join ['', ['{{', !FindInMap [Teams, !Ref AWS::AccountId, k]]]";
        judged(&template.replace("VALUE", value))
    };
    assert_eq!(accounts(&|number| format!("team-{number}")), "");
    let hidden = accounts(&|number| if number == 400 { "resolve:x}}".into() } else { "a".into() });
    assert!(hidden.contains("a dynamic reference"), "{hidden}");
    let choice = |number: usize| format!("!If [Here, '{{{number}', '{{{{{number}']");
    let many: Vec<String> = (0..20).map(choice).collect();
    let found = said(&format!("!Join ['', [{}]]", many.join(", ")));
    assert!(found.contains("too many possible values"), "{found}");
}

proptest! {
    #[test]
    fn however_a_reference_is_cut_into_pieces_it_is_refused(
        cuts in proptest::collection::btree_set(1..11_usize, 1..4),
        forms in proptest::collection::vec(select(vec!["'P'", "!Sub 'P'", "!Select [0, ['P']]",
            "!If [Here, x, 'P']", "!If [Empty, 'P', x]", "!Join ['', ['P']]", "!Sub ['${v}', {v: 'P'}]"]), 5),
        in_sub in any::<bool>(),
    ) {
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([REFERENCE.len()]) {
            pieces.push(REFERENCE.get(from..cut).unwrap());
            from = cut;
        }
        let pieces = pieces.iter().zip(&forms).map(|(piece, form)| form.replace('P', piece));
        let value = if in_sub {
            let named: Vec<(String, String)> =
                pieces.enumerate().map(|(at, piece)| (format!("v{at}"), piece)).collect();
            let all: Vec<String> =
                named.iter().map(|(name, _)| format!("${{{name}}}")).collect();
            let text = all.concat();
            let names: Vec<String> =
                named.iter().map(|(name, piece)| format!("{name}: {piece}")).collect();
            format!("!Sub ['{text}', {{{}}}]", names.join(", "))
        } else {
            format!("!Join ['', [{}]]", pieces.collect::<Vec<_>>().join(", "))
        };
        let found = said(&value);
        prop_assert!(found.contains("error[unjudged]: a dynamic reference"), "{value}\n{found}");
    }
}
