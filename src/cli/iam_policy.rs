//! `conformd iam-policy`: the smallest permissions that conformd needs, as IAM policies.
//!
//! `domain/present/iam_policy` makes the policies; this file owns the arguments and the sources of
//! their values.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;
use thiserror::Error;

use super::terminal::print;
use crate::cli::settings;
use crate::config::{Aws, Config, RecorderProbe};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Region};
use crate::domain::base::partition::Partition;
use crate::domain::present::iam_policy;
use crate::domain::present::iam_policy::{
    Duties, ExternalId, NamePrefix, Need, OrganizationId, PolicyDocument, PolicyScope,
    ProbePermission, RoleName, Trust,
};

/// Arguments of `iam-policy`.
#[derive(Debug, clap::Args)]
pub(super) struct IamPolicyArgs {
    /// Which policy to print
    #[arg(long, value_enum, default_value_t)]
    role: PolicyFor,

    /// The daemon's mode: observe, upsert or sync [default: mode of the settings]
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,

    /// Read mode, account, regions and probe from this settings file; other options override it
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The account that owns the packs
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,

    /// The regions to manage, separated by commas
    #[arg(long, value_name = "REGIONS", value_delimiter = ',')]
    regions: Vec<Region>,

    /// Allow writes only to packs whose name begins with this prefix [default: any name]
    #[arg(long, value_name = "TEXT")]
    name_prefix: Option<NamePrefix>,

    /// Additional permissions, for features that you use, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ou,tags")]
    with: Vec<With>,

    /// The organization id: the probe's role can be assumed only in and from its accounts
    #[arg(long, value_name = "ID")]
    organization: Option<OrganizationId>,

    /// The name of the probe's role in member accounts, with its path if it has one
    #[arg(long, value_name = "NAME")]
    probe_role: Option<RoleName>,

    /// The external id that the probe's role requires
    #[arg(long, value_name = "ID")]
    external_id: Option<ExternalId>,

    /// The name of the daemon's role, with its path if it has one
    #[arg(long, value_name = "NAME", default_value = "conformd")]
    daemon_role: RoleName,
}

/// The policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum PolicyFor {
    /// The permissions of the daemon
    #[default]
    Daemon,
    /// The permissions of the probe's role in member accounts
    Probe,
    /// The trust policy of the probe's role
    ProbeTrust,
}

/// What only some installations need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum With {
    /// Nothing
    None,
    /// Manifests select accounts by organizational unit
    Ou,
    /// Manifests select accounts by tag
    Tags,
    /// Manifests name a delivery bucket
    DeliveryBucket,
    /// conformd runs in the management account, and trusted access for AWS Config is not enabled
    TrustedAccess,
}

impl With {
    fn need(self) -> Option<Need> {
        match self {
            Self::None => None,
            Self::Ou => Some(Need::Units),
            Self::Tags => Some(Need::Tags),
            Self::DeliveryBucket => Some(Need::DeliveryBucket),
            Self::TrustedAccess => Some(Need::TrustedAccess),
        }
    }
}

/// A value that neither an option nor the settings give: exit code 64.
#[derive(Debug, Error)]
#[error("{0} is missing: {1}")]
pub(super) struct MissingValue(&'static str, &'static str);

/// Prints the policy.
pub(super) fn run(args: IamPolicyArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.as_deref().map(settings::load).transpose()?;
    let document = document(Given::of(args, config))?;
    print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// What is known, from options first and from the settings otherwise.
#[derive(Debug)]
struct Given {
    role: PolicyFor,
    mode: Option<Mode>,
    account: Option<AccountId>,
    regions: BTreeSet<Region>,
    name_prefix: Option<NamePrefix>,
    needs: BTreeSet<Need>,
    organization: Option<OrganizationId>,
    probe_role: Option<RoleName>,
    external_id: Option<ExternalId>,
    daemon_role: RoleName,
}

impl Given {
    fn of(args: IamPolicyArgs, config: Option<Config>) -> Self {
        let IamPolicyArgs {
            role,
            mode,
            config: _,
            account,
            regions,
            name_prefix,
            with,
            organization,
            probe_role,
            external_id,
            daemon_role,
        } = args;
        let mut given = Self {
            role,
            mode,
            account,
            regions: regions.into_iter().collect(),
            name_prefix,
            needs: with.into_iter().filter_map(With::need).collect(),
            organization,
            probe_role,
            external_id,
            daemon_role,
        };
        if let Some(config) = config {
            given.fill(config);
        }
        given
    }

    fn fill(&mut self, config: Config) {
        let Config { mode, aws: Aws { expected_account, regions, .. }, recorder_probe, .. } =
            config;
        self.mode = self.mode.or(Some(mode));
        self.account = self.account.or(Some(expected_account));
        if self.regions.is_empty() {
            self.regions = regions;
        }
        if let Some(RecorderProbe { role_name, external_id, interval: _ }) = recorder_probe {
            self.probe_role.get_or_insert(role_name);
            self.external_id = self.external_id.take().or(external_id);
        }
    }

    fn scope(&self) -> anyhow::Result<PolicyScope> {
        let account =
            self.account.ok_or(MissingValue("--account", "the account that owns the packs"))?;
        if self.regions.is_empty() {
            return Err(MissingValue("--regions", "such as us-east-1,eu-west-1").into());
        }
        Ok(PolicyScope {
            partition: Partition::of_all(&self.regions)
                .context("these regions have no policy in common")?,
            account,
            regions: self.regions.clone(),
            name_prefix: self.name_prefix.clone(),
        })
    }
}

fn document(given: Given) -> anyhow::Result<PolicyDocument> {
    let document = match given.role {
        PolicyFor::Daemon => {
            let scope = given.scope()?;
            let mode = given.mode.ok_or(MissingValue("--mode", "observe, upsert or sync"))?;
            let organization = given.organization;
            let probe = given.probe_role.map(|role| ProbePermission { role, organization });
            iam_policy::daemon(&scope, &Duties { mode, needs: given.needs, probe })
        }
        PolicyFor::Probe => iam_policy::probe(),
        PolicyFor::ProbeTrust => {
            let scope = given.scope()?;
            let external_id = "what the caller has to show, the same as recorderProbe.externalId";
            let organization =
                "the organization that the caller has to be of, such as o-a1b2c3d4e5";
            let trust = Trust {
                daemon: given.daemon_role,
                external_id: given.external_id.ok_or(MissingValue("--external-id", external_id))?,
                organization: given
                    .organization
                    .ok_or(MissingValue("--organization", organization))?,
            };
            iam_policy::probe_trust(&scope, &trust)
        }
    };
    document.context("AWS would refuse the policy")
}
