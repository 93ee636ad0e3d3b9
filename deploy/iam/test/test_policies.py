"""Terraform, CloudFormation and the program say the same, and AWS's reference knows all of it."""

import difflib
import itertools
import json
import os
import pathlib
import subprocess

import parliament
import pytest

import cloudformation

IAM = pathlib.Path(os.environ["IAM"])
ACCOUNT, ORGANIZATION = "111122223333", "o-a1b2c3d4e5"
PROBE = "conformd/RecorderProbe"
REGIONS = {
    "aws": ["us-east-1", "eu-west-1"],
    "aws-cn": ["cn-north-1"],
    "aws-us-gov": ["us-gov-west-1", "us-gov-east-1"],
}
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC123"
ROLE = {
    "account_id": ACCOUNT,
    "regions": REGIONS["aws"],
    "mode": "observe",
    "name_prefix": "",
    "selectors": ["ou", "tags"],
    "delivery_bucket": False,
    "trusted_access": False,
    "probe_role": PROBE,
    "organization_id": ORGANIZATION,
    "runs_on": "ecs",
    "principal_arn": None,
    "principal_external_id": None,
    "irsa": None,
}
TRUST = {"owner_account_id": ACCOUNT, "organization_id": ORGANIZATION, "external_id": "shared/4f:1"}


def roles():
    """The arguments of every case: each mode with each option, alone and with all others."""
    options = [
        {},
        {"name_prefix": "sec-"},
        {"selectors": []},
        {"selectors": ["ou"]},
        {"selectors": ["tags"]},
        {"delivery_bucket": True},
        {"trusted_access": True},
        {"probe_role": None},
        {"organization_id": None},
        {"name_prefix": "a", "delivery_bucket": True, "trusted_access": True},
    ]
    options += [{"regions": regions} for regions in REGIONS.values()]
    for number, option in enumerate(options):
        for mode in ("observe", "upsert", "sync"):
            yield f"{mode}-{number}", ROLE | option | {"mode": mode}


PLACES = {
    "ec2": {"runs_on": "ec2"},
    "ec2-cn": {"runs_on": "ec2", "regions": REGIONS["aws-cn"]},
    "ecs": {"runs_on": "ecs"},
    "eks-pod-identity": {"runs_on": "eks-pod-identity"},
    "account": {"runs_on": "account", "principal_arn": "arn:aws:iam::444455556666:role/ci"},
    "account-external": {
        "runs_on": "account",
        "principal_arn": "arn:aws:iam::444455556666:role/ci",
        "principal_external_id": "other",
    },
    "eks-irsa": {
        "runs_on": "eks-irsa",
        "irsa": {"provider_arn": PROVIDER, "namespace": "conformd", "service_account": "daemon"},
    },
}
ROLES = dict(roles()) | {name: ROLE | place for name, place in PLACES.items()}
PROBES = {
    partition: TRUST | {"partition": partition, "daemon_role": "conformd"} for partition in REGIONS
} | {"path": TRUST | {"partition": "aws", "daemon_role": "security/conformd"}}


def program(*arguments):
    command = [os.environ["CONFORMD_BIN"], "iam-policy", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def terraform(*arguments):
    command = [os.environ["TERRAFORM"], f"-chdir={IAM / 'test/terraform'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def plan(folder, role_cases, probe_cases):
    variables = folder / "cases.tfvars.json"
    variables.write_text(json.dumps({"roles": role_cases, "probes": probe_cases}))
    file = f"-var-file={variables}"
    return terraform("plan", "-input=false", "-no-color", f"-out={folder / 'plan'}", file)


@pytest.fixture(scope="session")
def planned(tmp_path_factory):
    """What Terraform would make: the attributes of each resource, by address."""
    folder = tmp_path_factory.mktemp("plan")
    made = plan(folder, ROLES, PROBES)
    assert made.returncode == 0, made.stdout + made.stderr
    shown = terraform("show", "-json", str(folder / "plan"))
    assert shown.returncode == 0, shown.stderr
    modules = json.loads(shown.stdout)["planned_values"]["root_module"]["child_modules"]
    resources = itertools.chain.from_iterable(module["resources"] for module in modules)
    return {resource["address"]: resource["values"] for resource in resources}


def partition(case):
    return next(name for name, regions in REGIONS.items() if case["regions"] == regions)


def stack(case):
    """The CloudFormation stack of the same meaning."""
    words = {True: "yes", False: "no"}
    parameters = {
        "Mode": case["mode"],
        "Regions": ",".join(case["regions"]),
        "NamePrefix": case["name_prefix"],
        "SelectByUnit": words["ou" in case["selectors"]],
        "SelectByTag": words["tags" in case["selectors"]],
        "DeliveryBucket": words[case["delivery_bucket"]],
        "TrustedAccess": words[case["trusted_access"]],
        "ProbeRole": case["probe_role"] or "",
        "OrganizationId": case["organization_id"] or "",
        "RunsOn": "principal" if case["runs_on"] == "account" else case["runs_on"],
        "PrincipalArn": case["principal_arn"] or "",
        "PrincipalExternalId": case["principal_external_id"] or "",
    }
    template = cloudformation.load(IAM / "cloudformation/conformd-role.yaml")
    return cloudformation.Stack(template, parameters, partition(case), case["account_id"])


def printed(case):
    """The policy that the program prints for the same case."""
    needs = list(case["selectors"])
    needs += ["delivery-bucket"] if case["delivery_bucket"] else []
    needs += ["trusted-access"] if case["trusted_access"] else []
    options = {
        "--mode": case["mode"],
        "--account": case["account_id"],
        "--regions": ",".join(case["regions"]),
        "--with": ",".join(needs or ["none"]),
        "--name-prefix": case["name_prefix"],
        "--probe-role": case["probe_role"],
        "--organization": case["organization_id"],
    }
    given = [(name, value) for name, value in options.items() if value]
    return program(*itertools.chain.from_iterable(given))


def plain(value):
    """A policy with its lists in order: to IAM they are sets."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return sorted(value)
    return [plain(one) for one in value] if isinstance(value, list) else value


def assert_same(found, wanted, where):
    """Fails with the lines that differ."""
    texts = [json.dumps(plain(one), indent=1, sort_keys=True) for one in (wanted, found)]
    lines = [text.splitlines() for text in texts]
    different = list(difflib.unified_diff(*lines, "the program", where, lineterm="", n=2))
    assert not different, "\n".join(different)


@pytest.mark.parametrize("name", ROLES)
def test_the_daemons_role_may_do_what_the_program_prints(name, planned):
    wanted = printed(ROLES[name])
    rendered = planned[f'module.role["{name}"].aws_iam_policy.conformd']["policy"]
    assert_same(json.loads(rendered), wanted, "Terraform")
    if ROLES[name]["runs_on"] != "eks-irsa":
        document = stack(ROLES[name]).properties("Policy")["PolicyDocument"]
        assert_same(document, wanted, "CloudFormation")


@pytest.mark.parametrize("name", PROBES)
def test_the_probes_role_is_what_the_program_prints(name, planned):
    case = PROBES[name]
    given = ["--account", ACCOUNT, "--regions", ",".join(REGIONS[case["partition"]])]
    given += ["--organization", ORGANIZATION, "--external-id", case["external_id"]]
    trust = program("--role", "probe-trust", "--daemon-role", case["daemon_role"], *given)
    policy = program("--role", "probe")
    role = planned[f'module.probe["{name}"].aws_iam_role.probe']
    inline = planned[f'module.probe["{name}"].aws_iam_role_policy.probe']
    assert_same(json.loads(role["assume_role_policy"]), trust, "Terraform")
    assert_same(json.loads(inline["policy"]), policy, "Terraform")
    parameters = {
        "OwnerAccountId": ACCOUNT,
        "OrganizationId": ORGANIZATION,
        "ExternalId": case["external_id"],
        "DaemonRole": case["daemon_role"],
    }
    template = cloudformation.load(IAM / "cloudformation/probe-role.yaml")
    made = cloudformation.Stack(template, parameters, case["partition"], "444455556666")
    properties = made.properties("Probe")
    assert_same(properties["AssumeRolePolicyDocument"], trust, "CloudFormation")
    assert_same(properties["Policies"][0]["PolicyDocument"], policy, "CloudFormation")
    assert properties["Path"] + properties["RoleName"] == "/" + PROBE
    assert role["path"] + role["name"] == "/" + PROBE


@pytest.mark.parametrize("name", [name for name in PLACES if name != "eks-irsa"])
def test_both_let_the_same_in(name, planned):
    trust = planned[f'module.role["{name}"].aws_iam_role.conformd']["assume_role_policy"]
    role = stack(ROLES[name]).properties("Conformd")
    assert_same(role["AssumeRolePolicyDocument"], json.loads(trust), "CloudFormation")


def test_one_service_account_of_one_cluster_is_let_in(planned):
    trust = planned['module.role["eks-irsa"].aws_iam_role.conformd']["assume_role_policy"]
    (statement,) = json.loads(trust)["Statement"]
    issuer = "oidc.eks.eu-west-1.amazonaws.com/id/ABC123"
    assert statement["Condition"]["StringEquals"] == {
        f"{issuer}:aud": "sts.amazonaws.com",
        f"{issuer}:sub": "system:serviceaccount:conformd:daemon",
    }
    assert statement["Principal"] == {"Federated": PROVIDER}


def test_the_stackset_carries_the_template_of_the_probes_role():
    stackset = cloudformation.load(IAM / "cloudformation/probe-stackset.yaml")
    properties = stackset["Resources"]["Probes"]["Properties"]
    assert properties["TemplateBody"] == (IAM / "cloudformation/probe-role.yaml").read_text()
    passed = {one["ParameterKey"] for one in properties["Parameters"]}
    declared = cloudformation.load(IAM / "cloudformation/probe-role.yaml")["Parameters"]
    assert passed == declared.keys()
    for name, declaration in declared.items():
        shown = stackset["Parameters"][name]
        assert {**shown, "Description": ""} == {**declaration, "Description": ""}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"mode": "delete"}, "The mode is observe, upsert or sync."),
        ({"regions": ["eu-west-1", "cn-north-1"]}, "different partitions"),
        ({"runs_on": "account"}, "account takes principal_arn"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, complaint, tmp_path):
    made = plan(tmp_path, {"case": ROLE | change}, {})
    assert made.returncode != 0
    assert complaint in " ".join(made.stderr.replace("│", " ").split())


def findings(policy):
    found = parliament.analyze_policy_string(json.dumps(policy)).findings
    return [f"{one.issue}: {one.detail}" for one in found]


@pytest.mark.parametrize("name", dict(roles()))
def test_every_action_resource_and_condition_is_one_that_aws_knows(name):
    assert findings(printed(ROLES[name])) == []


def test_the_probe_reads_whatever_recorders_there_are():
    # Without the names of recorders there is nothing but everything to name.
    (finding,) = findings(program("--role", "probe"))
    assert finding.startswith("RESOURCE_STAR")


def test_a_misspelt_action_and_a_resource_of_another_kind_are_found():
    policy = printed(ROLES["sync-0"])
    policy["Statement"][0]["Action"][0] += "x"
    policy["Statement"][1]["Resource"] = ["arn:aws:config:*:*:config-rule/*"]
    kinds = sorted(one.split(":")[0] for one in findings(policy))
    assert kinds == ["RESOURCE_MISMATCH", "UNKNOWN_ACTION"]
