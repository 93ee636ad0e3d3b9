"""Unmodified boto3 against the simulator: its own error classes, paginators and parsers."""

import datetime
import json

import botocore.exceptions
import pytest

from conftest import DELEGATED, MANAGEMENT, MEMBER, REGION, TEMPLATE

SETTLED = "2h"


def put(config, name="baseline", **more):
    """Puts a pack with the example template."""
    arguments = {"OrganizationConformancePackName": name, "TemplateBody": TEMPLATE} | more
    return config.put_organization_conformance_pack(**arguments)["OrganizationConformancePackArn"]


def listed(config):
    """Every pack by name, through botocore's own paginator."""
    pages = config.get_paginator("describe_organization_conformance_packs").paginate()
    packs = [pack for page in pages for pack in page["OrganizationConformancePacks"]]
    return {pack["OrganizationConformancePackName"]: pack for pack in packs}


def statuses(config):
    """The aggregate status of every pack."""
    pages = config.get_paginator("describe_organization_conformance_pack_statuses").paginate()
    return {
        entry["OrganizationConformancePackName"]: entry["Status"]
        for page in pages
        for entry in page["OrganizationConformancePackStatuses"]
    }


def rows(config, name="baseline", **filters):
    """Every row of a pack, by account."""
    paginator = config.get_paginator("get_organization_conformance_pack_detailed_status")
    arguments = {"OrganizationConformancePackName": name}
    if filters:
        arguments["Filters"] = filters
    pages = paginator.paginate(**arguments, PaginationConfig={"PageSize": 7})
    entries = [
        row for page in pages for row in page["OrganizationConformancePackDetailedStatuses"]
    ]
    by_account = {row["AccountId"]: row for row in entries}
    assert len(by_account) == len(entries), "an account came twice"
    return by_account


def test_a_pack_is_created_listed_and_rolled_out_to_every_member(simulator, config):
    inputs = [
        {"ParameterName": "MaxAge", "ParameterValue": "60"},
        {"ParameterName": "ConformdMarker", "ParameterValue": "v1.main.example"},
    ]
    arn = put(config, ConformancePackInputParameters=inputs)
    assert arn.startswith(
        f"arn:aws:config:{REGION}:{MANAGEMENT}:organization-conformance-pack/baseline-"
    )

    simulator.advance(SETTLED)
    pack = listed(config)["baseline"]
    assert pack["OrganizationConformancePackArn"] == arn
    assert pack["LastUpdateTime"].tzinfo is not None
    echoed = {
        entry["ParameterName"]: entry["ParameterValue"]
        for entry in pack["ConformancePackInputParameters"]
    }
    assert echoed == {"MaxAge": "60", "ConformdMarker": "v1.main.example"}
    assert statuses(config) == {"baseline": "CREATE_SUCCESSFUL"}

    deployed = rows(config)
    assert len(deployed) == 23
    assert {row["Status"] for row in deployed.values()} == {"CREATE_SUCCESSFUL"}


def test_listing_pages_with_botocores_own_paginator(simulator, config):
    names = {f"pack-{number:02}" for number in range(12)}
    for name in names:
        put(config, name)
    simulator.advance(SETTLED)
    paginator = config.get_paginator("describe_organization_conformance_packs")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["OrganizationConformancePacks"]) for page in pages] == [5, 5, 2]
    assert set(listed(config)) == names


def test_a_failing_member_shows_in_filtered_rows_and_in_the_aggregate(simulator, config):
    simulator.control(
        "POST",
        "failures",
        {
            "account": MEMBER,
            "region": REGION,
            "code": "MaxNumberOfConfigRulesExceededException",
            "message": "Failed to put Config rule: limit exceeded",
        },
    )
    put(config)
    simulator.advance(SETTLED)
    assert statuses(config) == {"baseline": "CREATE_FAILED"}
    failed = rows(config, Status="CREATE_FAILED")
    assert list(failed) == [MEMBER]
    assert failed[MEMBER]["ErrorCode"] == "MaxNumberOfConfigRulesExceededException"
    assert rows(config, AccountId=MEMBER, Status="CREATE_SUCCESSFUL") == {}
    assert list(rows(config, AccountId=MANAGEMENT)) == [MANAGEMENT]


def test_an_excluded_account_gets_no_row(simulator, config):
    put(config, ExcludedAccounts=[MEMBER])
    simulator.advance(SETTLED)
    assert MEMBER not in rows(config)
    assert listed(config)["baseline"]["ExcludedAccounts"] == [MEMBER]


def test_an_update_replaces_parameters_and_exclusions_and_keeps_the_arn(simulator, config):
    inputs = [{"ParameterName": "MaxAge", "ParameterValue": "60"}]
    created = put(config, ConformancePackInputParameters=inputs, ExcludedAccounts=[MEMBER])
    simulator.advance(SETTLED)
    assert put(config) == created
    simulator.advance(SETTLED)
    pack = listed(config)["baseline"]
    assert not pack.get("ConformancePackInputParameters")
    assert not pack.get("ExcludedAccounts")
    assert statuses(config) == {"baseline": "UPDATE_SUCCESSFUL"}
    assert MEMBER in rows(config)


def test_a_pack_in_progress_refuses_put_and_delete(simulator, config):
    put(config)
    in_use = config.exceptions.ResourceInUseException
    with pytest.raises(in_use):
        put(config)
    with pytest.raises(in_use):
        config.delete_organization_conformance_pack(OrganizationConformancePackName="baseline")


def test_a_deleted_pack_is_gone(simulator, config):
    put(config)
    simulator.advance(SETTLED)
    answer = config.delete_organization_conformance_pack(OrganizationConformancePackName="baseline")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36
    simulator.advance("24h")
    assert listed(config) == {}
    assert set(statuses(config).values()) <= {"DELETE_SUCCESSFUL"}


def test_an_unknown_name_is_botocores_own_exception(simulator, config):
    missing = config.exceptions.NoSuchOrganizationConformancePackException
    with pytest.raises(missing) as raised:
        config.describe_organization_conformance_packs(OrganizationConformancePackNames=["absent"])
    assert "One or more organization conformance packs" in str(raised.value)
    with pytest.raises(missing):
        config.get_organization_conformance_pack_detailed_status(
            OrganizationConformancePackName="absent"
        )
    with pytest.raises(missing):
        config.delete_organization_conformance_pack(OrganizationConformancePackName="absent")


def test_a_foreign_token_and_a_limit_out_of_range_are_refused(simulator, config):
    with pytest.raises(config.exceptions.InvalidNextTokenException):
        config.describe_organization_conformance_packs(NextToken="made-up")
    with pytest.raises(config.exceptions.InvalidLimitException):
        config.describe_organization_conformance_packs(Limit=101)


def test_a_put_without_template_is_a_validation_exception(simulator, config):
    with pytest.raises(config.exceptions.ValidationException):
        config.put_organization_conformance_pack(OrganizationConformancePackName="empty")
    invalid = config.exceptions.OrganizationConformancePackTemplateValidationException
    with pytest.raises(invalid):
        put(config, TemplateBody="Resources: {Bucket: {Type: 'AWS::S3::Bucket'}}")


def test_only_owners_may_call_and_each_sees_its_own_packs(simulator, config):
    put(config, "of-management")
    delegated = simulator.client("config", account=DELEGATED)
    put(delegated, "of-delegated")
    simulator.advance(SETTLED)
    assert set(listed(config)) == {"of-management"}
    assert set(listed(delegated)) == {"of-delegated"}
    member = simulator.client("config", account=MEMBER)
    with pytest.raises(member.exceptions.OrganizationAccessDeniedException):
        listed(member)


def test_regions_are_separate_and_a_region_that_is_off_refuses_credentials(simulator, config):
    put(config)
    simulator.advance(SETTLED)
    assert listed(simulator.client("config", region="us-east-1")) == {}
    disabled = simulator.client("config", region="me-south-1")
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        listed(disabled)
    assert raised.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_tags_of_the_first_put_are_kept(simulator, config):
    arn = put(config, Tags=[{"Key": "team", "Value": "security"}])
    simulator.advance(SETTLED)
    tags = config.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "team", "Value": "security"}]
    config.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert config.list_tags_for_resource(ResourceArn=arn)["Tags"] == []


def test_accounts_come_in_pages_of_twenty(simulator):
    organizations = simulator.client("organizations")
    pages = list(organizations.get_paginator("list_accounts").paginate())
    assert [len(page["Accounts"]) for page in pages] == [20, 4]
    accounts = {account["Id"]: account for page in pages for account in page["Accounts"]}
    assert accounts[MANAGEMENT]["State"] == "ACTIVE"
    assert accounts["444455556666"]["State"] == "SUSPENDED"
    assert isinstance(accounts[MEMBER]["JoinedTimestamp"], datetime.datetime)


def test_the_tree_of_the_organization_is_walked_and_shown_in_paths(simulator):
    organizations = simulator.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    pages = list(
        organizations.get_paginator("list_accounts_for_parent").paginate(ParentId=root)
    )
    in_root = {account["Id"] for page in pages for account in page["Accounts"]}
    units = organizations.list_organizational_units_for_parent(ParentId=root)
    [unit] = units["OrganizationalUnits"]
    [account] = organizations.list_accounts_for_parent(ParentId=unit["Id"])["Accounts"]
    assert (len(pages), account["Id"]) == (2, MEMBER)
    assert MEMBER not in in_root
    assert account["Paths"] == [f"{unit['Path']}{MEMBER}/"]
    tags = organizations.list_tags_for_resource(ResourceId=MEMBER)["Tags"]
    assert tags == [{"Key": "environment", "Value": "prod"}]
    with pytest.raises(organizations.exceptions.ParentNotFoundException):
        organizations.list_accounts_for_parent(ParentId="ou-sim1-nowhere1")
    with pytest.raises(organizations.exceptions.TargetNotFoundException):
        organizations.list_tags_for_resource(ResourceId="999999999999")


def test_administrators_and_trusted_services_are_listed(simulator):
    organizations = simulator.client("organizations")
    principal = "config-multiaccountsetup.amazonaws.com"
    delegated = organizations.list_delegated_administrators(ServicePrincipal=principal)
    assert [one["Id"] for one in delegated["DelegatedAdministrators"]] == [DELEGATED]
    services = organizations.list_aws_service_access_for_organization()
    assert [one["ServicePrincipal"] for one in services["EnabledServicePrincipals"]] == [principal]


def test_the_organizations_api_names_its_own_exceptions(simulator):
    organizations = simulator.client("organizations")
    with pytest.raises(organizations.exceptions.InvalidInputException):
        organizations.list_accounts(MaxResults=21)
    member = simulator.client("organizations", account=MEMBER)
    with pytest.raises(member.exceptions.AccessDeniedException):
        member.list_accounts()
    assert member.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT


def test_the_caller_is_the_account_of_the_access_key(simulator):
    identity = simulator.client("sts", account=MEMBER).get_caller_identity()
    assert identity["Account"] == MEMBER
    assert MEMBER in identity["Arn"]


def test_an_assumed_role_acts_in_its_account(simulator):
    sts = simulator.client("sts")
    answer = sts.assume_role(
        RoleArn=f"arn:aws:iam::{MEMBER}:role/ConformdRecorderProbe",
        RoleSessionName="probe",
        DurationSeconds=900,
    )
    credentials = answer["Credentials"]
    now = datetime.datetime.now(datetime.timezone.utc)
    left = credentials["Expiration"] - now
    assert datetime.timedelta(minutes=10) < left <= datetime.timedelta(minutes=16)
    assert simulator.session_client("sts", credentials).get_caller_identity()["Account"] == MEMBER
    recorders = simulator.session_client("config", credentials).describe_configuration_recorders()
    assert len(recorders["ConfigurationRecorders"]) == 1


def test_a_session_sees_recorders_and_its_policy_keeps_it_from_the_rest(simulator):
    simulator.control("PUT", f"recorders/{MEMBER}/{REGION}", {"recorder": "failing"})
    allowed = ["config:DescribeConfigurationRecorders", "config:DescribeConfigurationRecorderStatus"]
    answer = simulator.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{MEMBER}:role/ConformdRecorderProbe",
        RoleSessionName="probe",
        Policy=json.dumps({"Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}),
    )
    config = simulator.session_client("config", answer["Credentials"])
    [recorder] = config.describe_configuration_recorders()["ConfigurationRecorders"]
    statuses = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    assert [(one["name"], one["recording"], one["lastStatus"]) for one in statuses] == [
        (recorder["name"], True, "Failure")
    ]
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        config.stop_configuration_recorder(ConfigurationRecorderName=recorder["name"])
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_role_that_is_not_there_is_access_denied(simulator):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        simulator.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{MEMBER}:role/Absent", RoleSessionName="probe"
        )
    assert raised.value.response["Error"]["Code"] == "AccessDenied"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_throttling_reaches_the_client_as_a_throttling_exception(simulator, config):
    simulator.control("POST", "faults", {"rule": {"times": 1, "effect": {"kind": "throttled"}}})
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        listed(config)
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
    assert listed(config) == {}


def test_a_reset_reaches_the_client_as_a_connection_error(simulator, config):
    simulator.control("POST", "faults", {"rule": {"times": 1, "effect": {"kind": "reset"}}})
    with pytest.raises(botocore.exceptions.HTTPClientError):
        listed(config)
    assert listed(config) == {}
