//! What `check` says of what it found, line by line.

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{AccountId, AccountState, PRINCIPAL, Region};
use conformd::domain::members::probe::{NotProbed, ProbeStage};
use conformd::domain::observed::packs::Unknown;
use conformd::domain::observed::recorder::RecorderState;
use conformd::domain::organization::account_list::{Account, OrganizationRecord};
use conformd::domain::plan::record::{NoRecord, NoRecordCause};
use conformd::domain::present::preflight::{
    CallerFacts, CheckLine, Grade, PackCensus, PreflightFacts, ProbeFacts, RecordFacts,
    RegionFacts, TokenFile, Wishes, lines,
};
use conformd::domain::present::report::Declarations;
use jiff::SignedDuration;
use strum::IntoEnumIterator as _;

const MANAGEMENT: &str = "111111111111";
const MEMBER: &str = "222222222222";

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn unknown<T>(kind: FailureKind, why: &str) -> Result<T, Unknown> {
    Err(Unknown { kind, why: why.to_owned() })
}

fn member(id: &str, state: AccountState) -> Account {
    Account {
        id: account(id),
        name: String::new(),
        state: Some(state),
        joined: None,
        units: None,
        tags: None,
    }
}

fn seen(ours: usize) -> RegionFacts {
    RegionFacts { packs: Ok(PackCensus { ours, ..PackCensus::default() }), statuses: Ok(()) }
}

fn probe() -> ProbeFacts {
    ProbeFacts {
        role_name: "conformd/RecorderProbe".to_owned(),
        has_external_id: true,
        members: [(account(MEMBER), Ok(RecorderState::Recording))].into(),
        management: Some(Ok(RecorderState::Recording)),
    }
}

/// An installation in the management account, with which all is well.
fn fine() -> PreflightFacts {
    PreflightFacts {
        expected: account(MANAGEMENT),
        mode: Mode::Sync,
        simulated: false,
        caller: Ok(CallerFacts {
            account: account(MANAGEMENT),
            arn: format!("arn:aws:sts::{MANAGEMENT}:assumed-role/conformd/i-1"),
            partition: "aws".to_owned(),
        }),
        organization: Ok(OrganizationRecord {
            id: "o-example".to_owned(),
            management: account(MANAGEMENT),
            all_features: true,
        }),
        administrators: Ok([].into()),
        services: Ok([PRINCIPAL.to_owned(), "sso.amazonaws.com".to_owned()].into()),
        accounts: Ok(vec![
            member(MANAGEMENT, AccountState::Active),
            member(MEMBER, AccountState::Active),
            member("333333333333", AccountState::Suspended),
        ]),
        regions: [(region("eu-west-1"), seen(3)), (region("us-east-1"), seen(0))].into(),
        row: None,
        probe: Some(probe()),
        source: Ok(Declarations { valid: 3, wholly_valid: true, ..Declarations::default() }),
        record: Ok(RecordFacts {
            began: "2026-10-01T08:00:00Z".parse().unwrap(),
            covers_window: true,
            losses: 2,
            held: 1,
            bytes: 70_000,
        }),
        wishes: Wishes { management: 3, ..Wishes::default() },
        template_bucket: None,
        exposed: Vec::new(),
        token: TokenFile::None,
        skew: Some(SignedDuration::from_millis(-400)),
    }
}

fn line(line: &CheckLine) -> String {
    let region = line.region.as_ref().map_or_else(String::new, |region| format!(" {region}"));
    let advice = line.advice.as_ref().map_or_else(String::new, |text| format!("\n  → {text}"));
    format!("{} {}{region}: {}{advice}", line.result.as_str(), line.check.as_str(), line.detail)
}

fn all(facts: &PreflightFacts) -> String {
    lines(facts).iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is not well, or differs from an installation with which all is well.
fn after(changes: impl FnOnce(&mut PreflightFacts)) -> String {
    let well = lines(&fine());
    let mut facts = fine();
    changes(&mut facts);
    let differs = lines(&facts).into_iter().filter(|line| !well.contains(line));
    differs.map(|one| line(&one)).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_installation_with_which_all_is_well_says_what_it_is() {
    insta::assert_snapshot!(all(&fine()), @"
    ok identity: account 111111111111 as arn:aws:sts::111111111111:assumed-role/conformd/i-1, partition aws
    ok organization: o-example, all features, managed by 111111111111
    ok administrator: 111111111111 is the management account
    ok trusted-access: config-multiaccountsetup.amazonaws.com has it
    ok accounts: 3 accounts, 2 of them active
    ok region eu-west-1: enabled, and packs can be read
    ok packs eu-west-1: 3 of at most 50: 3 ours
    ok region us-east-1: enabled, and packs can be read
    ok packs us-east-1: 0 of at most 50
    ok permissions: no read was denied; not tested for mode sync: config:GetOrganizationConformancePackDetailedStatus (no pack to ask for), config:PutOrganizationConformancePack, iam:CreateServiceLinkedRole, config:DeleteOrganizationConformancePack
    ok recorder-probe: conformd can assume role conformd/RecorderProbe in 222222222222 (recording)
    ok management-account: 3 packs for 111111111111; its recorder: recording
    ok source: 3 valid manifests, 0 approvals
    ok record: since 2026-10-01T08:00:00Z, 2 losses in 24 h, 1 held, 69 KiB
    ok template-bucket: none configured: templates have at most 51,200 bytes
    ok delivery-buckets: no manifest names one
    ok http-listen: only this machine can reach the daemon's HTTP server
    ok http-token: none: POST /api/v1/reconcile is refused
    ok clock: within a second of AWS's
    ");
}

#[test]
fn nothing_at_all_that_can_be_read_is_said_once_a_check() {
    let text = after(|facts| {
        facts.caller = unknown(FailureKind::Credentials, "GetCallerIdentity failed: expired");
        facts.organization = unknown(FailureKind::Credentials, "DescribeOrganization failed");
        facts.administrators =
            unknown(FailureKind::Credentials, "ListDelegatedAdministrators failed");
        facts.services = unknown(FailureKind::Credentials, "no");
        facts.accounts = unknown(FailureKind::Credentials, "no");
        for found in facts.regions.values_mut() {
            found.packs = unknown(FailureKind::Credentials, "no\n\u{1b}[2J");
        }
        facts.probe = None;
        facts.skew = None;
        facts.source = Err("the source . holds no manifest".to_owned());
        facts.token = TokenFile::Unreadable("/run/token: permission denied".to_owned());
    });
    insta::assert_snapshot!(text, @r"
    fail identity: the caller identity cannot be read: GetCallerIdentity failed: expired
      → renew or correct the credentials (aws.profile, environment, role)
    fail organization: the organization cannot be read: DescribeOrganization failed
      → renew or correct the credentials (aws.profile, environment, role)
    fail administrator: the delegated administrators cannot be listed: ListDelegatedAdministrators failed
      → renew or correct the credentials (aws.profile, environment, role)
    fail trusted-access: the services with trusted access cannot be listed: no
      → renew or correct the credentials (aws.profile, environment, role)
    fail accounts: the accounts cannot be listed: no
      → renew or correct the credentials (aws.profile, environment, role)
    fail region eu-west-1: packs cannot be read: no \u{1b}[2J
      → renew or correct the credentials (aws.profile, environment, role)
    fail region us-east-1: packs cannot be read: no \u{1b}[2J
      → renew or correct the credentials (aws.profile, environment, role)
    warn permissions: unknown, since these calls failed: organizations:DescribeOrganization, organizations:ListAccounts, config:DescribeOrganizationConformancePacks
      → see the lines that failed
    ok recorder-probe: none configured: a missing recorder shows only when packs fail
    warn management-account: not known
      → see the line `organization`
    fail source: the source . holds no manifest
      → correct source.directory, or the files in it
    fail http-token: http.tokenFile cannot be read: /run/token: permission denied
      → the daemon does not start without it; check its path and owner
    warn clock: AWS's time is unknown
      → see the lines of the regions
    ");
}

#[test]
fn the_wrong_account_is_told_from_the_right_one_without_delegation() {
    let strange = after(|facts| facts.expected = account(MEMBER));
    insta::assert_snapshot!(strange, @"
    fail identity: the credentials belong to account 111111111111 (arn:aws:sts::111111111111:assumed-role/conformd/i-1), not to 222222222222
      → use the credentials of that account, or correct aws.expectedAccountId
    warn packs eu-west-1: not compared: the credentials belong to another account than the settings say
      → see the line `identity`
    warn packs us-east-1: not compared: the credentials belong to another account than the settings say
      → see the line `identity`
    ");
    let as_member = |facts: &mut PreflightFacts| {
        facts.expected = account(MEMBER);
        facts.caller = Ok(CallerFacts {
            account: account(MEMBER),
            arn: format!("arn:aws:iam::{MEMBER}:user/x"),
            partition: "aws".to_owned(),
        });
    };
    insta::assert_snapshot!(after(as_member), @"
    ok identity: account 222222222222 as arn:aws:iam::222222222222:user/x, partition aws
    fail administrator: 222222222222 is neither the management account nor a delegated administrator
      → in the management account: aws organizations register-delegated-administrator --account-id 222222222222 --service-principal config-multiaccountsetup.amazonaws.com
    ");
    let denied = after(|facts| {
        as_member(facts);
        facts.administrators = unknown(FailureKind::Denied, "no");
    });
    insta::assert_snapshot!(denied, @"
    ok identity: account 222222222222 as arn:aws:iam::222222222222:user/x, partition aws
    warn administrator: cannot be told: the caller may not list the delegated administrators
      → allow organizations:ListDelegatedAdministrators
    ");
    let refused = after(|facts| {
        as_member(facts);
        facts.administrators = unknown(FailureKind::Denied, "no");
        for region in facts.regions.values_mut() {
            region.packs = unknown(FailureKind::NotDelegated, "not delegated");
        }
    });
    assert!(refused.contains("neither the management account nor a delegated administrator"));
    let delegated = after(|facts| {
        as_member(facts);
        facts.administrators = Ok([account(MEMBER)].into());
    });
    insta::assert_snapshot!(delegated, @"
    ok identity: account 222222222222 as arn:aws:iam::222222222222:user/x, partition aws
    ok administrator: 222222222222 is a delegated administrator for config-multiaccountsetup.amazonaws.com
    warn management-account: 3 packs for 111111111111, where a delegated administrator's Put does not create the roles of AWS Config
      → in it: aws iam create-service-linked-role --aws-service-name for config-multiaccountsetup.amazonaws.com and config-conforms.amazonaws.com; or exclude the account
    ");
}

#[test]
fn an_organization_that_cannot_have_packs_is_refused() {
    let text = after(|facts| {
        facts.organization = unknown(FailureKind::NoOrganization, "AWSOrganizationsNotInUse");
    });
    insta::assert_snapshot!(text, @"
    fail organization: the account belongs to no organization
      → use the credentials of the management account or of a delegated administrator
    warn administrator: cannot be told
      → see the line `organization`
    warn permissions: unknown, since these calls failed: organizations:DescribeOrganization
      → see the lines that failed
    warn management-account: not known
      → see the line `organization`
    ");
    let billing = after(|facts| {
        if let Ok(found) = &mut facts.organization {
            found.all_features = false;
        }
    });
    insta::assert_snapshot!(billing, @"
    fail organization: o-example has consolidated billing only
      → enable all features in AWS Organizations; organization packs require them
    ");
}

#[test]
fn an_organization_without_a_known_active_account_fails() {
    let told = after(|facts| {
        for account in facts.accounts.as_mut().unwrap() {
            account.state = None;
        }
    });
    assert!(told.contains("fail") && told.contains("is known to be active"), "{told}");
}

#[test]
fn missing_trusted_access_fails_and_not_being_allowed_to_look_only_warns() {
    insta::assert_snapshot!(after(|facts| facts.services = Ok([].into())), @"
    ok trusted-access: config-multiaccountsetup.amazonaws.com has none yet; the first Put of the management account enables it
    ");
    let delegated = after(|facts| {
        facts.expected = account(MEMBER);
        facts.caller = Ok(CallerFacts {
            account: account(MEMBER),
            arn: format!("arn:aws:iam::{MEMBER}:user/x"),
            partition: "aws".to_owned(),
        });
        facts.administrators = Ok([account(MEMBER)].into());
        facts.services = Ok([].into());
    });
    let delegated: Vec<&str> =
        delegated.lines().skip_while(|line| !line.contains("trusted-access")).take(2).collect();
    insta::assert_snapshot!(delegated.join("\n"), @"
    fail trusted-access: config-multiaccountsetup.amazonaws.com has none
      → in the management account: aws organizations enable-aws-service-access --service-principal config-multiaccountsetup.amazonaws.com
    ");
    let text = after(|facts| facts.services = unknown(FailureKind::Denied, "no"));
    insta::assert_snapshot!(text, @"
    warn trusted-access: the caller may not list the services with trusted access
      → allow organizations:ListAWSServiceAccessForOrganization so that conformd can check it; without trusted access, Puts fail
    ");
}

#[test]
fn units_that_aws_does_not_tell_are_pointed_out_only_where_manifests_ask() {
    let text = after(|facts| facts.wishes.units = true);
    insta::assert_snapshot!(text, @"
    warn accounts: 3 accounts, 2 of them active; AWS does not say in which units 3 of them are
      → allow organizations:ListOrganizationalUnitsForParent and organizations:ListAccountsForParent: manifests exclude units, so conformd lists them
    ");
}

#[test]
fn regions_fail_one_by_one_and_nearly_full_ones_warn() {
    let text = after(|facts| {
        let down = |kind, why| RegionFacts { packs: unknown(kind, why), statuses: Ok(()) };
        facts.regions = [
            (region("ap-east-1"), down(FailureKind::RegionDisabled, "UnrecognizedClientException")),
            (region("ap-south-1"), down(FailureKind::Timeout, "no answer within 45 s")),
            (region("eu-west-1"), down(FailureKind::Denied, "AccessDeniedException")),
            (
                region("us-east-1"),
                RegionFacts {
                    packs: Ok(PackCensus { ours: 40, foreign: 2, unmanaged: 1, missing: 2 }),
                    statuses: unknown(FailureKind::Denied, "AccessDeniedException"),
                },
            ),
        ]
        .into();
    });
    insta::assert_snapshot!(text, @"
    fail region ap-east-1: not enabled, or AWS does not recognize the credentials there: UnrecognizedClientException
      → enable the region, or remove it from aws.regions
    fail region ap-south-1: no answer: no answer within 45 s
      → check network, DNS and proxy
    fail region eu-west-1: packs cannot be read: AccessDeniedException
      → allow config:DescribeOrganizationConformancePacks
    fail region us-east-1: packs cannot be read: AccessDeniedException
      → allow config:DescribeOrganizationConformancePackStatuses
    warn packs us-east-1: 43 of at most 50: 40 ours, 2 of other installations, 1 unmanaged, 2 more declared
      → remove packs: AWS refuses new packs above this quota
    fail permissions: denied: config:DescribeOrganizationConformancePacks, config:DescribeOrganizationConformancePackStatuses
      → allow them to the caller's role
    ");
}

#[test]
fn what_only_a_write_would_tell_is_said_for_each_mode() {
    let of = |mode| after(move |facts| (facts.mode, facts.row) = (mode, Some(Ok(None))));
    insta::assert_snapshot!(of(Mode::Observe), @"ok permissions: no read was denied, and mode observe writes nothing");
    insta::assert_snapshot!(of(Mode::Upsert), @"ok permissions: no read was denied; not tested for mode upsert: config:PutOrganizationConformancePack, iam:CreateServiceLinkedRole");
    insta::assert_snapshot!(of(Mode::Sync), @"ok permissions: no read was denied; not tested for mode sync: config:PutOrganizationConformancePack, iam:CreateServiceLinkedRole, config:DeleteOrganizationConformancePack");
}

#[test]
fn a_probe_that_is_not_let_in_says_where_to_look() {
    let tried = |stage, kind| {
        after(move |facts| {
            let mut probe = probe();
            probe.members = [(account(MEMBER), Err(NotProbed { stage, kind }))].into();
            facts.probe = Some(probe);
        })
    };
    insta::assert_snapshot!(tried(ProbeStage::Enter, FailureKind::Denied), @"
    fail recorder-probe: role conformd/RecorderProbe in 222222222222: the probe's role is missing there, or its trust policy or external id does not permit conformd
      → in 222222222222 create the role, with its path; its trust policy must name 111111111111 and the sts:ExternalId of recorderProbe.externalId; the caller needs sts:AssumeRole on it
    ");
    insta::assert_snapshot!(tried(ProbeStage::Look, FailureKind::Denied), @"
    fail recorder-probe: role conformd/RecorderProbe in 222222222222: the probe's role may not describe configuration recorders there
      → allow the role config:DescribeConfigurationRecorders and config:DescribeConfigurationRecorderStatus
    ");
    insta::assert_snapshot!(tried(ProbeStage::Enter, FailureKind::Throttled), @"
    warn recorder-probe: role conformd/RecorderProbe in 222222222222: AWS throttled the request
      → try again
    ");
    insta::assert_snapshot!(tried(ProbeStage::Look, FailureKind::RegionDisabled), @"ok recorder-probe: conformd can assume role conformd/RecorderProbe in 222222222222 (unknown)");
    let loose = after(|facts| {
        facts.probe = Some(ProbeFacts { has_external_id: false, ..probe() });
    });
    insta::assert_snapshot!(loose, @"
    warn recorder-probe: conformd can assume role conformd/RecorderProbe in 222222222222 (recording), without an external id
      → require one in its trust policy, and set recorderProbe.externalId to it
    ");
    insta::assert_snapshot!(after(|facts| facts.probe = None), @"
    ok recorder-probe: none configured: a missing recorder shows only when packs fail
    ok management-account: 3 packs for 111111111111; whether it has a recorder is unknown
    ");
}

#[test]
fn a_management_account_without_recorder_is_pointed_out_where_packs_expect_it() {
    let without = ProbeFacts { management: Some(Ok(RecorderState::Missing)), ..probe() };
    let expected = after(|facts| facts.probe = Some(without.clone()));
    insta::assert_snapshot!(expected, @"
    warn management-account: 3 packs for 111111111111, which has no configuration recorder
      → create one there, or exclude 111111111111
    ");
    let excluded = after(|facts| {
        facts.probe = Some(without.clone());
        facts.wishes.management = 0;
    });
    insta::assert_snapshot!(excluded, @"ok management-account: no pack is for 111111111111");
    let there = after(|facts| {
        facts.probe = Some(without);
        facts.row = Some(Ok(Some("CREATE_SUCCESSFUL".parse().unwrap())));
    });
    insta::assert_snapshot!(there, @"
    ok permissions: no read was denied; not tested for mode sync: config:PutOrganizationConformancePack, iam:CreateServiceLinkedRole, config:DeleteOrganizationConformancePack
    ok management-account: 3 packs for 111111111111, and the tested pack is deployed there
    ");
}

#[test]
fn files_of_this_machine_are_looked_at() {
    let text = after(|facts| {
        facts.source = Ok(Declarations { valid: 3, invalid: 1, ..Declarations::default() });
        facts.template_bucket = Some("templates".to_owned());
        facts.wishes.buckets = ["awsconfigconforms-a".to_owned(), "b".to_owned()].into();
        facts.exposed = ["0.0.0.0:9464", "[::]:9465"].map(ToOwned::to_owned).into();
        facts.token = TokenFile::Good { world_readable: true };
    });
    insta::assert_snapshot!(text, @"
    fail source: 3 valid manifests, 0 approvals, 1 with errors, so deletions are paused
      → run `conformd validate PATH`, which shows each error with its place
    warn template-bucket: templates is configured, but this version delivers nothing through S3
      → keep templates within 51,200 bytes; larger ones are held
    fail delivery-buckets: b do not begin with awsconfigconforms
      → use buckets with that prefix: the role of AWS Config can write to no others
    warn http-listen: other machines can reach 0.0.0.0:9464 and [::]:9465
      → restrict access with a firewall or an authenticating proxy: the server has no users and no TLS
    warn http-token: every user of this machine can read http.tokenFile
      → chmod 0400, owned by conformd's user
    ");
    let text = after(|facts| {
        facts.source = Ok(Declarations { wholly_valid: true, ..Declarations::default() });
        facts.wishes.buckets = ["awsconfigconforms-a".to_owned()].into();
        facts.token =
            TokenFile::Weak("/run/token: the token has fewer than 16 characters".to_owned());
    });
    insta::assert_snapshot!(text, @"
    warn source: 0 valid manifests, 0 approvals
      → nothing is declared; check source.directory.path
    ok delivery-buckets: awsconfigconforms-a; their policies were not read
    fail http-token: /run/token: the token has fewer than 16 characters
      → write a long random token to http.tokenFile
    ");
}

#[test]
fn a_clock_that_is_wrong_warns_and_then_fails() {
    let of = |seconds| after(move |facts| facts.skew = Some(SignedDuration::from_secs(seconds)));
    insta::assert_snapshot!([-90, 59, 60, 300].map(of).join("\n"), @"
    warn clock: 90 s ahead of AWS's
      → synchronize the clock of this machine (chrony, systemd-timesyncd)
    ok clock: 59 s behind AWS's
    warn clock: 60 s behind AWS's
      → synchronize the clock of this machine (chrony, systemd-timesyncd)
    fail clock: 300 s behind AWS's; AWS refuses its requests
      → synchronize the clock of this machine (chrony, systemd-timesyncd)
    ");
    let simulated = after(|facts| {
        facts.simulated = true;
        facts.skew = Some(SignedDuration::from_hours(3));
    });
    insta::assert_snapshot!(simulated, @"ok clock: 10800 s behind AWS's");
}

#[test]
fn every_failure_says_what_to_do() {
    for kind in FailureKind::iter() {
        let mut facts = fine();
        facts.caller = unknown(kind, "no");
        facts.organization = unknown(kind, "no");
        facts.administrators = unknown(kind, "no");
        facts.services = unknown(kind, "no");
        facts.accounts = unknown(kind, "no");
        facts.regions =
            [(region("eu-west-1"), RegionFacts { packs: unknown(kind, "no"), statuses: Ok(()) })]
                .into();
        for line in lines(&facts) {
            assert!(line.result == Grade::Ok || line.advice.is_some(), "{kind}: {line:?}");
        }
    }
}

#[test]
fn without_a_record_the_line_says_what_that_costs() {
    let none = |cause, why: &str| NoRecord { cause, why: why.to_owned() };
    let text = after(|facts| {
        let why = "no directory for the record is configured";
        facts.record = Err(none(NoRecordCause::NotConfigured, why));
    });
    insta::assert_snapshot!(text, @"
    warn record: no directory for the record is configured; every loss waits for an approval until conformd has observed for 24 h
      → set stateDirectory, or --state-directory, to a directory that outlives the process
    ");
    let text = after(|facts| {
        facts.record = Err(none(NoRecordCause::Damaged, "the record /x: it is no SQLite file"));
    });
    insta::assert_snapshot!(text, @"
    warn record: the record /x: it is no SQLite file; every loss waits for an approval until conformd has observed for 24 h
      → restart conformd, which moves the file aside and creates a new one
    ");
    let text = after(|facts| facts.record.as_mut().unwrap().covers_window = false);
    insta::assert_snapshot!(text, @"ok record: since 2026-10-01T08:00:00Z, 2 losses in 24 h, 1 held, 69 KiB; until it is 24 h old, every loss waits for an approval");
}
