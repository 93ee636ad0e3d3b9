//! Every choice that AWS leaves open, as one structure: what was published twice, seen to vary, or
//! never said. The defaults are the likelier of the alternatives and realistic times.
//!
//! [`Knobs::instant`] switches every delay off, for tests that are about something else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How this AWS behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Knobs {
    /// How long the effects of a Put or Delete stay invisible, each drawn anew.
    pub lag: Lag,
    /// How a rollout reaches the members.
    pub fan_out: FanOut,
    /// What happens around accounts that join and leave.
    pub joining: Joining,
    /// Which recorders open the gate for managed rules.
    pub recorder_gate: RecorderGate,
    /// Whether packs of Lambda rules only need a recorder too.
    pub lambda_rules_need_recorder: bool,
    /// What a rollout does in a suspended, closing or closed member.
    pub inactive_members: Deviant,
    /// What a rollout does in a member that has not enabled the region.
    pub region_off_members: Deviant,
    /// What one rollout locks.
    pub lock: LockScope,
    /// The aggregate status of packs that a delegated administrator owns.
    pub administrator_aggregate: AdministratorAggregate,
    /// What an input parameter that the template does not declare leads to.
    pub undeclared_input: UndeclaredInput,
    /// How long status and rows of a deleted pack stay as `DELETE_SUCCESSFUL`; zero: not at all.
    #[serde(with = "humantime_serde")]
    pub deleted_linger: Duration,
    /// Whether packs can be tagged.
    pub tagging: Tagging,
    /// How listings are cut and ordered.
    pub paging: Paging,
    /// What account listings show.
    pub accounts: AccountMembers,
    /// Limits that the world enforces.
    pub quotas: Quotas,
    /// Rate limits.
    pub rates: Rates,
    /// How long a registration of a delegated administrator takes to be believed by AWS Config.
    #[serde(with = "humantime_serde")]
    pub delegation_delay: Duration,
    /// The request log keeps this many entries; the counters include all of them.
    pub log_entries_max: usize,
}

/// Upper bounds of the delays after which effects appear in reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Lag {
    /// In `DescribeOrganizationConformancePacks`.
    #[serde(with = "humantime_serde")]
    pub packs: Duration,
    /// In `DescribeOrganizationConformancePackStatuses`.
    #[serde(with = "humantime_serde")]
    pub statuses: Duration,
    /// In `GetOrganizationConformancePackDetailedStatus`.
    #[serde(with = "humantime_serde")]
    pub rows: Duration,
    /// A new account in `ListAccounts`; exactly this long.
    #[serde(with = "humantime_serde")]
    pub accounts: Duration,
}

/// How a rollout reaches the members: in slots of `parallelism` accounts, one slot after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct FanOut {
    /// From Put to the first member.
    #[serde(with = "humantime_serde")]
    pub delay: Duration,
    /// How long one member takes to deploy.
    #[serde(with = "humantime_serde")]
    pub duration: Duration,
    /// How long one member takes to remove.
    #[serde(with = "humantime_serde")]
    pub removal: Duration,
    /// Members in progress at the same time; at least 1.
    pub parallelism: u32,
}

/// What happens around accounts that join and leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Joining {
    /// From joining to the first attempt.
    #[serde(with = "humantime_serde")]
    pub delay: Duration,
    /// Between attempts while there is no recorder.
    #[serde(with = "humantime_serde")]
    pub retry: Duration,
    /// How long AWS retries after `JoinedTimestamp` (AWS Config developer guide: 7 hours).
    #[serde(with = "humantime_serde")]
    pub window: Duration,
    /// What the row shows between attempts.
    pub waiting: WaitingRow,
    /// Whether joins and leaves show in the aggregate, as `UPDATE_IN_PROGRESS`.
    pub moves_aggregate: bool,
    /// Whether Put and Delete are refused while AWS works on joins and leaves, waiting included.
    pub holds_lock: bool,
    /// Whether they move the pack's `LastUpdateTime`.
    pub moves_last_update: bool,
    /// How long rows of departed accounts stay as `DELETE_SUCCESSFUL`; zero: not at all.
    #[serde(with = "humantime_serde")]
    pub departed_linger: Duration,
}

/// What a row shows while AWS retries for a recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingRow {
    /// `CREATE_IN_PROGRESS`
    InProgress,
    /// `CREATE_FAILED`
    Failed,
    /// There is none.
    Absent,
}

/// Which recorder lets managed rules deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecorderGate {
    /// A customer-managed one, started or not.
    CustomerManaged,
    /// A customer-managed one that records.
    Recording,
    /// Any, service-linked ones included.
    Any,
}

/// What a rollout does in a member to which it cannot deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deviant {
    /// The row fails.
    Fails,
    /// There is no row.
    Skipped,
}

/// What one active rollout locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockScope {
    /// Its own pack.
    Pack,
    /// Every pack of the owner in the region.
    Place,
}

/// What the aggregate of an administrator's pack does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdministratorAggregate {
    /// It stays `CREATE_IN_PROGRESS` forever and locks nothing.
    Unresolvable,
    /// It stays `CREATE_IN_PROGRESS` forever, and Put and Delete are refused.
    StuckLocked,
    /// It works like the management account's.
    Sound,
}

/// What an undeclared input leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndeclaredInput {
    /// A template exception at Put.
    Refused,
    /// Every member fails.
    MembersFail,
}

/// Whether tags on packs work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tagging {
    /// Tags of the first Put count, tags of later Puts do not.
    OnCreate,
    /// Tags of every Put count.
    OnEveryPut,
    /// Packs cannot be tagged: `ResourceNotFoundException`; tags on Put are dropped.
    Unsupported,
}

/// How listings are cut and ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Paging {
    /// No page holds more, whatever was asked for; `None`: AWS's maximum.
    pub page_max: Option<u32>,
    /// Whether every listing has an order of its own.
    pub shuffled: bool,
    /// Whether an empty page with a token comes before every full one but the first.
    pub empty_pages: bool,
    /// How long a token is valid; `None`: forever.
    #[serde(with = "humantime_serde")]
    pub token_life: Option<Duration>,
}

/// What account listings show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct AccountMembers {
    /// `State`.
    pub with_state: bool,
    /// `Status`, retired in September 2026.
    pub with_status: bool,
    /// `Paths`.
    pub with_paths: bool,
}

/// Limits that the world enforces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Quotas {
    /// Organization packs (AWS Config quota: 50).
    pub packs: usize,
    /// Whether all owners share that quota in a region.
    pub packs_shared: bool,
    /// Rules per member account and region over all packs (AWS Config quota: 1000).
    pub member_rules: u32,
    /// Input parameters per Put (newer service model: 330; older: 60).
    pub inputs: usize,
}

/// Rate limits, each a token bucket; all off by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Rates {
    /// AWS Config, per account, region and operation: nothing was ever published.
    pub config: Option<Bucket>,
    /// AWS Organizations, with the published figures per account and per organization.
    pub organizations: bool,
    /// The share of the organization-wide buckets that other callers use up, in percent.
    pub noisy_neighbour_percent: u8,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bucket {
    /// Tokens a second.
    pub rate: u32,
    /// Tokens it holds.
    pub burst: u32,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            lag: Lag::default(),
            fan_out: FanOut::default(),
            joining: Joining::default(),
            recorder_gate: RecorderGate::CustomerManaged,
            lambda_rules_need_recorder: false,
            inactive_members: Deviant::Fails,
            region_off_members: Deviant::Fails,
            lock: LockScope::Pack,
            administrator_aggregate: AdministratorAggregate::Unresolvable,
            undeclared_input: UndeclaredInput::Refused,
            deleted_linger: Duration::from_hours(24),
            tagging: Tagging::OnCreate,
            paging: Paging::default(),
            accounts: AccountMembers::default(),
            quotas: Quotas::default(),
            rates: Rates::default(),
            delegation_delay: Duration::from_mins(1),
            log_entries_max: 100_000,
        }
    }
}

impl Knobs {
    /// No delays: a Put is visible and deployed at the moment it is accepted. The 7-hour window
    /// keeps its times.
    pub fn instant() -> Self {
        Self {
            lag: Lag {
                packs: Duration::ZERO,
                statuses: Duration::ZERO,
                rows: Duration::ZERO,
                accounts: Duration::ZERO,
            },
            fan_out: FanOut {
                delay: Duration::ZERO,
                duration: Duration::ZERO,
                removal: Duration::ZERO,
                parallelism: u32::MAX,
            },
            delegation_delay: Duration::ZERO,
            ..Self::default()
        }
    }
}

impl Default for Lag {
    fn default() -> Self {
        Self {
            packs: Duration::from_secs(30),
            statuses: Duration::from_secs(30),
            rows: Duration::from_mins(1),
            accounts: Duration::ZERO,
        }
    }
}

impl Default for FanOut {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(20),
            duration: Duration::from_secs(90),
            removal: Duration::from_mins(3),
            parallelism: 50,
        }
    }
}

impl Default for Joining {
    fn default() -> Self {
        Self {
            delay: Duration::from_mins(2),
            retry: Duration::from_mins(15),
            window: Duration::from_hours(7),
            waiting: WaitingRow::InProgress,
            moves_aggregate: true,
            holds_lock: true,
            moves_last_update: false,
            departed_linger: Duration::from_hours(1),
        }
    }
}

impl Default for AccountMembers {
    fn default() -> Self {
        Self { with_state: true, with_status: false, with_paths: true }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self { packs: 50, packs_shared: false, member_rules: 1000, inputs: 330 }
    }
}
