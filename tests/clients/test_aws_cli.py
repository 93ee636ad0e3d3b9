"""The unmodified AWS CLI against the simulator."""

from conftest import MANAGEMENT, MEMBER, TEMPLATE


def test_the_cli_puts_describes_and_deletes_a_pack(simulator, tmp_path):
    template = tmp_path / "baseline.yaml"
    template.write_text(TEMPLATE)
    name = ("--organization-conformance-pack-name", "baseline")
    put = simulator.aws(
        "configservice",
        "put-organization-conformance-pack",
        *name,
        "--template-body",
        template.as_uri(),
        "--conformance-pack-input-parameters",
        "ParameterName=MaxAge,ParameterValue=60",
        "--excluded-accounts",
        MEMBER,
    )
    assert ":organization-conformance-pack/baseline-" in put["OrganizationConformancePackArn"]
    simulator.advance("2h")

    packs = simulator.aws("configservice", "describe-organization-conformance-packs")
    assert [p["ExcludedAccounts"] for p in packs["OrganizationConformancePacks"]] == [[MEMBER]]
    found = simulator.aws("configservice", "describe-organization-conformance-pack-statuses")
    assert [s["Status"] for s in found["OrganizationConformancePackStatuses"]] == [
        "CREATE_SUCCESSFUL"
    ]
    detail = simulator.aws(
        "configservice",
        "get-organization-conformance-pack-detailed-status",
        *name,
        "--filters",
        f"AccountId={MANAGEMENT}",
    )
    (row,) = detail["OrganizationConformancePackDetailedStatuses"]
    assert (row["AccountId"], row["Status"]) == (MANAGEMENT, "CREATE_SUCCESSFUL")

    simulator.aws("configservice", "delete-organization-conformance-pack", *name)
    simulator.advance("24h")
    packs = simulator.aws("configservice", "describe-organization-conformance-packs")
    assert packs["OrganizationConformancePacks"] == []


def test_the_cli_shows_the_errors_of_the_service(simulator):
    failed = simulator.aws(
        "configservice",
        "delete-organization-conformance-pack",
        "--organization-conformance-pack-name",
        "absent",
        check=False,
    )
    assert failed.returncode in (254, 255), "a refusal by the service"
    assert "(NoSuchOrganizationConformancePackException)" in failed.stderr


def test_the_cli_lists_all_accounts_over_several_pages(simulator):
    accounts = simulator.aws("organizations", "list-accounts")["Accounts"]
    assert len({account["Id"] for account in accounts}) == 24


def test_the_cli_knows_who_it_is(simulator):
    assert simulator.aws("sts", "get-caller-identity", account=MEMBER)["Account"] == MEMBER
