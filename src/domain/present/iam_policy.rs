//! The IAM policies of conformd: the documents, and their statements.
//!
//! Actions come from the table in `grant`; nothing is allowed that no operation of ours needs.
//! What is absent: who may become the daemon's role, which is decided where it runs
//! (`deploy/iam`), and anything about tags of packs, which conformd does not write.

mod document;
mod grant;
mod names;

use std::collections::BTreeSet;

pub use self::document::{Oversize, PolicyDocument, PolicyEffect, PolicyStatement};
use self::document::{POLICY_MAX, TRUST_MAX};
use self::grant::{Clause, actions};
pub use self::grant::{Grant, WITHOUT_OP, grant};
pub use self::names::{ExternalId, NamePrefix, OrganizationId, RoleName};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, PRINCIPAL, Region};
use crate::domain::base::partition::Partition;

/// Where the packs are, and which of them are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyScope {
    /// The partition of all regions.
    pub partition: Partition,
    /// The account that owns the packs.
    pub account: AccountId,
    /// The configured regions.
    pub regions: BTreeSet<Region>,
    /// How the name of every pack begins that may be written; `None`: any name.
    pub name_prefix: Option<NamePrefix>,
}

/// What the daemon does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties {
    /// How much it may change.
    pub mode: Mode,
    /// What manifests and installation ask for beyond that.
    pub needs: BTreeSet<Need>,
    /// The role in members that shows their recorders; `None` without a probe.
    pub probe: Option<ProbePermission>,
}

/// How members are entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbePermission {
    /// The role, of the same name in every account.
    pub role: RoleName,
    /// Whose accounts may be entered; `None`: any account that lets us.
    pub organization: Option<OrganizationId>,
}

/// Permissions that only some installations need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Manifests select accounts by organizational unit.
    Units,
    /// Manifests select accounts by tag.
    Tags,
    /// Manifests name a bucket for the results of packs.
    DeliveryBucket,
    /// conformd runs in the management account, and its first Put gives AWS Config trusted access.
    TrustedAccess,
}

/// The caller that the probe's role trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The daemon's role in the account that owns the packs.
    pub daemon: RoleName,
    /// What the caller has to show; another for each installation.
    pub external_id: ExternalId,
    /// The organization that the caller has to be of.
    pub organization: OrganizationId,
}

/// What the daemon's role may do.
pub fn daemon(scope: &PolicyScope, duties: &Duties) -> Result<PolicyDocument, Oversize> {
    let Duties { mode, needs, probe } = duties;
    let mut statements = vec![
        scope.in_regions(allow("ReadPacks", Clause::ReadPacks)),
        scope.in_regions(allow("ReadMembers", Clause::ReadMembers).on(scope.packs("*"))),
        allow("ReadOrganization", Clause::ReadOrganization),
    ];
    if needs.contains(&Need::Units) {
        statements.push(allow("ReadUnits", Clause::ReadUnits));
    }
    if needs.contains(&Need::Tags) {
        statements.push(allow("ReadTags", Clause::ReadTags));
    }
    statements.extend(probe.as_ref().map(|probe| scope.enter_members(probe)));
    // Each mode gets only what it needs: in mode observe a fault of conformd cannot write either.
    if mode.may_put() {
        statements.extend(scope.put_packs(needs));
    }
    if mode.may_delete() {
        let own = scope.own_packs();
        statements.push(scope.in_regions(allow("DeletePacks", Clause::DeletePacks).on(own)));
    }
    statements.extend(never(*mode));
    PolicyDocument::new(statements, POLICY_MAX)
}

/// What the probe's role in a member may do.
pub fn probe() -> Result<PolicyDocument, Oversize> {
    PolicyDocument::new(vec![allow("ReadRecorders", Clause::ReadRecorders)], POLICY_MAX)
}

/// Who may become the probe's role in a member.
pub fn probe_trust(scope: &PolicyScope, trust: &Trust) -> Result<PolicyDocument, Oversize> {
    let Trust { daemon, external_id, organization } = trust;
    let PolicyScope { partition, account, regions: _, name_prefix: _ } = scope;
    let statement = allow("LetDaemonIn", Clause::EnterMembers)
        .to(format!("arn:{partition}:iam::{account}:root"))
        .when("StringEquals", "aws:PrincipalOrgID", [organization])
        .when("StringEquals", "sts:ExternalId", [external_id])
        .when(
            "ArnEquals",
            "aws:PrincipalArn",
            [format!("arn:{partition}:iam::{account}:role/{daemon}")],
        );
    PolicyDocument::new(vec![statement], TRUST_MAX)
}

/// A statement that allows the operations of this clause everywhere.
fn allow(sid: &'static str, clause: Clause) -> PolicyStatement {
    PolicyStatement::allow(sid, actions(clause))
}

/// The wall behind the mode: it holds whatever other policies the role is given.
fn never(mode: Mode) -> Option<PolicyStatement> {
    match mode {
        Mode::Observe => {
            let writes = ["Put*", "Delete*", "TagResource", "UntagResource"];
            Some(PolicyStatement::deny(
                "NeverWrite",
                writes.map(|action| format!("config:{action}")),
            ))
        }
        Mode::Upsert => Some(PolicyStatement::deny("NeverDelete", ["config:Delete*".to_owned()])),
        Mode::Sync => None,
    }
}

impl PolicyScope {
    /// The packs whose name begins like this, in every region; what follows the name in the ARN is
    /// AWS's own.
    fn packs(&self, names: &str) -> String {
        let Self { partition, account, regions: _, name_prefix: _ } = self;
        format!("arn:{partition}:config:*:{account}:organization-conformance-pack/{names}")
    }

    /// The packs that may be written.
    fn own_packs(&self) -> String {
        let prefix = self.name_prefix.as_ref().map_or("", NamePrefix::as_str);
        self.packs(&format!("{prefix}*"))
    }

    fn in_regions(&self, statement: PolicyStatement) -> PolicyStatement {
        statement.when("StringEquals", "aws:RequestedRegion", &self.regions)
    }

    fn enter_members(&self, probe: &ProbePermission) -> PolicyStatement {
        let ProbePermission { role, organization } = probe;
        let roles = format!("arn:{}:iam::*:role/{role}", self.partition);
        let statement = allow("EnterMembers", Clause::EnterMembers).on(roles);
        match organization {
            Some(id) => statement.when("StringEquals", "aws:ResourceOrgID", [id]),
            None => statement,
        }
    }

    /// What a Put takes: itself, and what AWS does in the caller's name on the way.
    fn put_packs(&self, needs: &BTreeSet<Need>) -> Vec<PolicyStatement> {
        let Self { partition, account, regions: _, name_prefix: _ } = self;
        let role = format!("arn:{partition}:iam::{account}:role/aws-service-role/{PRINCIPAL}/*");
        let role_actions = ["iam:CreateServiceLinkedRole", "iam:GetRole"].map(str::to_owned);
        let mut statements = vec![
            self.in_regions(allow("PutPacks", Clause::PutPacks).on(self.own_packs())),
            PolicyStatement::allow("CreateServiceLinkedRole", role_actions).on(role),
        ];
        if needs.contains(&Need::DeliveryBucket) {
            // AWS Config accepts no other bucket names (developer guide: delivery of packs).
            let buckets = format!("arn:{partition}:s3:::awsconfigconforms*");
            let action = ["s3:GetBucketAcl".to_owned()];
            statements.push(PolicyStatement::allow("CheckDeliveryBucket", action).on(buckets));
        }
        if needs.contains(&Need::TrustedAccess) {
            let action = ["organizations:EnableAWSServiceAccess".to_owned()];
            let statement = PolicyStatement::allow("EnableTrustedAccess", action);
            statements.push(statement.when(
                "StringEquals",
                "organizations:ServicePrincipal",
                [PRINCIPAL],
            ));
        }
        statements
    }
}
