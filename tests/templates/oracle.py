"""Holds conformd's judgement of templates against cfn-lint's; see the script `run`."""

import collections
import copy
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import yaml
from cfnlint import api
from cfnlint.config import ManualArgs

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPLANATIONS = ROOT / "docs" / "template-checks.md"
SEED = int(os.environ.get("CONFORMD_SEED", "8"))
CASES = int(os.environ.get("CONFORMD_CASES", "400"))
MANIFEST = """\
apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata: {{name: {name}}}
spec:
  template: {{file: {name}.json}}
"""

# What the templates at hand have too little of.
SHAPES = """\
Parameters:
  Days: {Type: String, Default: '90', AllowedValues: ['60', '90']}
  Name: {Type: String, Default: abc, AllowedPattern: '[a-z]+', MinLength: 1, MaxLength: 8}
Mappings:
  Map: {one: {days: '60'}}
Conditions:
  A: {'Fn::Equals': [{Ref: Days}, '90']}
  B: {'Fn::Not': [{Condition: A}]}
  C: {'Fn::And': [{Condition: A}, {'Fn::Or': [{Condition: B}, {'Fn::Equals': [{Ref: Name}, x]}]}]}
Resources:
  Policy:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: policy
      Scope: {ComplianceResourceTypes: ['AWS::S3::Bucket']}
      EvaluationModes: [{Mode: DETECTIVE}]
      Source:
        Owner: CUSTOM_POLICY
        CustomPolicyDetails:
          PolicyRuntime: guard-2.x.x
          PolicyText: 'rule tagged { tags exists }'
          EnableDebugLogDelivery: false
        SourceDetails:
          - {EventSource: aws.config, MessageType: ConfigurationItemChangeNotification}
  Function:
    Type: AWS::Config::ConfigRule
    Condition: C
    Properties:
      ConfigRuleName: function
      InputParameters:
        days: {'Fn::If': [A, {Ref: Days}, {'Fn::FindInMap': [Map, one, days]}]}
        name: {'Fn::Sub': '${Name}-${AWS::Region}'}
      Source:
        Owner: CUSTOM_LAMBDA
        SourceIdentifier:
          Fn::Sub: arn:${AWS::Partition}:lambda:${AWS::Region}:111122223333:function:check
        SourceDetails:
          - EventSource: aws.config
            MessageType: ScheduledNotification
            MaximumExecutionFrequency: One_Hour
  Managed:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: managed
      MaximumExecutionFrequency: One_Hour
      Source: {Owner: AWS, SourceIdentifier: IAM_PASSWORD_POLICY}
  Remedy:
    Type: AWS::Config::RemediationConfiguration
    DependsOn: Managed
    Properties:
      ConfigRuleName: managed
      ResourceType: AWS::S3::Bucket
      TargetType: SSM_DOCUMENT
      TargetId: AWS-Fix
      TargetVersion: '1'
      Automatic: true
      MaximumAutomaticAttempts: 5
      RetryAttemptSeconds: 60
      ExecutionControls: {SsmControls: {ConcurrentExecutionRatePercentage: 10, ErrorPercentage: 10}}
      Parameters:
        BucketName: {ResourceValue: {Value: RESOURCE_ID}}
        Algorithm: {StaticValue: {Values: [AES256]}}
        AutomationAssumeRole: {StaticValue: {Values: ['arn:aws:iam::111122223333:role/fix']}}
"""


class Loader(yaml.SafeLoader):
    """Short tags become long names."""


def _call(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _call)
# A date is the version that it is.
Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text):
    return yaml.load(text, Loader=Loader)


def published():
    beside = ROOT.parent / "shared" / "corpus"
    folder = pathlib.Path(os.environ.get("CONFORMD_CORPUS", beside))
    own = sorted((ROOT / "config" / "templates").glob("*.yaml"))
    found = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not found:
        print("no published templates here (CONFORMD_CORPUS names their folder): own ones only")
    return [(path.stem, read(path.read_text())) for path in own + found]


def places(node, path=()):
    """Every place beneath a node."""
    if isinstance(node, dict):
        children = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    else:
        return
    for key, value in list(children):
        yield (*path, key)
        yield from places(value, (*path, key))


def at(node, path):
    for step in path:
        node = node[step]
    return node


def part(template, chance):
    """A few resources with what they need: small, so that hundreds are looked at in time."""
    names = chance.sample(sorted(template["Resources"]), min(2, len(template["Resources"])))
    needed = set()
    for name in names:
        needed.update(re.findall(r'"DependsOn": "(\w+)"', json.dumps(template["Resources"][name])))
    taken = {"Resources": {name: template["Resources"][name] for name in {*names, *needed}}}
    text = json.dumps(taken)
    for section in ("Conditions", "Parameters", "Mappings"):
        used = {
            name: value
            for name, value in (template.get(section) or {}).items()
            if f'"{name}"' in text or f"${{{name}}}" in text
        }
        if used:
            taken[section] = used
            text = json.dumps(taken)
    return copy.deepcopy(taken)


def change(template, chance):
    """Changes one thing; the kind of change, and the place."""
    spots = [spot for spot in places(template) if len(spot) > 1]
    spot = chance.choice(spots)
    parent, key = at(template, spot[:-1]), spot[-1]
    where = "/".join(str(step) for step in spot)
    kinds = ["drop", "rename", "null", "text", "list", "mapping", "append", "long", "reference",
             "condition", "duplicate", "section", "depend", "transform", "type", "default"]
    kind = chance.choice(kinds)
    resource = template["Resources"][chance.choice(sorted(template["Resources"]))]
    if kind == "drop":
        del parent[key]
    elif kind == "rename" and isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    elif kind == "null":
        parent[key] = None
    elif kind == "text":
        parent[key] = "text"
    elif kind == "list":
        parent[key] = ["text"]
    elif kind == "mapping":
        parent[key] = {"some": "thing"}
    elif kind == "append" and isinstance(parent[key], str):
        parent[key] += "-x"
    elif kind == "long" and isinstance(parent[key], str):
        parent[key] = "x" * chance.choice([129, 257, 1025, 10001])
    elif kind == "reference":
        parent[key] = chance.choice([
            {"Ref": "Undeclared"}, {"Fn::Sub": "${Undeclared}"}, {"Fn::GetAtt": ["Undeclared", "Arn"]},
            {"Fn::FindInMap": ["Undeclared", "a", "b"]}, {"Fn::If": ["Undeclared", "a", "b"]},
            {"Fn::If": ["Undeclared"]}, {"Fn::Nothing": "x"}, {"Ref": "AWS::Nothing"},
        ])
    elif kind == "condition":
        if chance.random() < 0.5:
            resource["Condition"] = "Undeclared"
        else:
            round_ = {"Fn::Not": [{"Condition": "Round"}]}
            template.setdefault("Conditions", {})["Round"] = round_
    elif kind == "duplicate":
        template["Resources"]["Again"] = copy.deepcopy(resource)
    elif kind == "section":
        name = chance.choice(["Outputs", "Rules", "Hooks", "Nothing", "Metadata", "Resourcess"])
        template[name] = {"some": {"Value": "x"}}
    elif kind == "depend":
        name = chance.choice([*template["Resources"], "Undeclared"])
        resource["DependsOn"] = chance.choice([name, [name], {"Ref": name}])
    elif kind == "transform":
        chance.choice([template, resource])[chance.choice(["Transform", "Fn::Transform"])] = (
            "AWS::Include"
        )
    elif kind == "type":
        resource["Type"] = chance.choice(["AWS::S3::Bucket", "AWS::Config::ConfigRulee"])
    elif kind == "default" and template.get("Parameters"):
        parameter = template["Parameters"][chance.choice(sorted(template["Parameters"]))]
        if isinstance(parameter, dict):
            parameter["AllowedValues"] = ["some", "thing"]
    else:
        return None
    return kind, where


def generated(templates):
    chance = random.Random(SEED)
    pool = [template for _, template in templates]
    shapes = read(SHAPES)
    cases = []
    while len(cases) < CASES:
        # Half of them from what holds every shape, so that every shape is met.
        base = shapes if chance.random() < 0.5 else chance.choice(pool)
        template = copy.deepcopy(shapes) if base is shapes else part(base, chance)
        done = change(template, chance)
        if done is not None:
            cases.append((f"{done[0]} {done[1]}", template))
    return cases


def ours(program, cases):
    """The codes of errors in each template, from one look at all of them."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"case-{number}" for number in range(len(cases))]
        for name, (_, template) in zip(names, cases):
            pathlib.Path(folder, f"{name}.json").write_text(json.dumps(template, indent=1))
            pathlib.Path(folder, f"pack-{name}.yaml").write_text(MANIFEST.format(name=name))
        answer = subprocess.run(
            [program, "validate", folder, "-o", "json", "--allow-remediations"],
            capture_output=True, text=True, check=False,
        )
        found = collections.defaultdict(set)
        # What is said of the pack, and what the number of packs in one folder brings about.
        others = {"template-invalid", "too-many-packs", "rules-in-region", "missing-parameter"}
        for finding in json.loads(answer.stdout)["diagnostics"]:
            if finding["severity"] == "error" and finding["code"] not in others:
                found[pathlib.Path(finding["path"]).stem].add(finding["code"])
    return [found[name] for name in names]


def theirs(template):
    matches = api.lint(json.dumps(template, indent=1), config=ManualArgs(regions=["us-east-1"]))
    return {match.rule.id for match in matches if match.rule.id.startswith("E")}


def explained():
    rows = re.findall(r"^\| (stricter|looser) \| `([\w-]+)` \|", EXPLANATIONS.read_text(), re.M)
    return {side: {code for row, code in rows if row == side} for side in ("stricter", "looser")}


def main():
    program = sys.argv[1]
    templates = published()
    cases = [(name, template) for name, template in templates] + generated(templates)
    table = explained()
    seen = collections.Counter()
    unexplained = []
    agreed = collections.Counter()
    for (what, template), codes in zip(cases, ours(program, cases)):
        rules = theirs(template)
        if bool(codes) == bool(rules):
            agreed["refused" if codes else "taken"] += 1
            continue
        side, reasons = ("stricter", codes) if codes else ("looser", rules)
        for reason in reasons:
            seen[side, reason] += 1
        if not reasons <= table[side]:
            unexplained.append((side, sorted(reasons - table[side]), what, template))
    print(f"{len(cases)} templates (seed {SEED}): both refuse {agreed['refused']}, "
          f"both take {agreed['taken']}")
    for (side, reason), count in sorted(seen.items()):
        print(f"  conformd is {side} by {reason}: {count}")
    for side, reasons, what, template in unexplained:
        print(f"UNEXPLAINED: conformd is {side} by {', '.join(reasons)}: {what}")
        print(json.dumps(template)[:2000])
    assert agreed["refused"] and agreed["taken"], "nothing was compared"
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
