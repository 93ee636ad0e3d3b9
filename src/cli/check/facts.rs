//! The facts of a preflight, gathered: everything at once, and nothing twice.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::{join_all, select_ok};

use crate::aws::{AwsCloud, AwsOrganization, AwsReader, CallerIdentity};
use crate::clock::Clock;
use crate::cloud::{
    CloudError, MemberAccess as _, MemberVisit as _, OrganizationReader, RegionReader as _,
    RowFilter,
};
use crate::config::Config;
use crate::domain::base::failure::chain;
use crate::domain::base::model::{AccountId, PackName, Place, Region};
use crate::domain::declared::catalog::{Catalog, Declared};
use crate::domain::declared::manifest::Manifest;
use crate::domain::members::probe::{NotProbed, ProbeStage};
use crate::domain::observed::packs::{Ownership, PackRecord, RolloutStatus, Unknown, ownership};
use crate::domain::observed::recorder::classify;
use crate::domain::organization::account_list::{Account, OrganizationRecord};
use crate::domain::plan::record::{NoRecord, RecordStatus};
use crate::domain::present::preflight::{
    CallerFacts, PackCensus, PreflightFacts, ProbeFacts, RecordFacts, RegionFacts, TokenFile,
    Tried, Wishes,
};
use crate::domain::present::report::Declarations;
use crate::http::BearerToken;
use crate::limiter::{Budget, Limited, Limiter};
use crate::listing::{Incomplete, read_all};
use crate::record::RecordReader;
use crate::session;
use crate::session::UncountedCalls;

/// Half of the rate that AWS publishes for `ListAccounts`: 8, burst 12.
const LIST_BUDGET: Budget = budget(4, 6);
/// The rate that AWS publishes for `ListAWSServiceAccessForOrganization`: 1, burst 3.
const SERVICES_BUDGET: Budget = budget(1, 1);

/// Members that the probe is tried on.
const PROBED_MAX: usize = 2;

const fn budget(per_second: u32, burst: u32) -> Budget {
    Budget {
        per_second: NonZeroU32::MIN.saturating_add(per_second - 1),
        burst: NonZeroU32::MIN.saturating_add(burst - 1),
        in_flight: NonZeroUsize::MIN.saturating_add(3),
    }
}

/// Asks AWS and this machine everything. Only settings that lead nowhere are an error.
pub(super) async fn gather(config: Config) -> anyhow::Result<PreflightFacts> {
    let clock = Clock::system();
    let cloud = session::connect(&config, clock.clone(), Arc::new(UncountedCalls)).await?;
    let catalog = catalog(&config);
    let packs = catalog.iter().flat_map(|catalog| catalog.packs.values());
    let manifests: Vec<&Manifest> =
        packs.filter_map(Declared::in_force).map(AsRef::as_ref).collect();
    // A dead region takes its time, and nothing but its own line waits for it.
    let (members, checks) = tokio::join!(
        CallerAndMembers::ask(&cloud, &config, &clock),
        join_all(
            config.aws.regions.iter().map(|region| observe(&cloud, &config, region, &manifests))
        ),
    );
    let management = members.organization.as_ref().ok().map(|found| found.management);
    let row = row(&checks, management).await;
    let CallerAndMembers { caller, organization, administrators, services, accounts, probe } =
        members;
    Ok(PreflightFacts {
        expected: config.aws.expected_account,
        mode: config.mode,
        simulated: config.is_simulated(),
        caller,
        organization,
        administrators,
        services,
        accounts,
        regions: checks.into_iter().map(|one| (one.region, one.facts)).collect(),
        row,
        probe,
        source: catalog.as_ref().map(Declarations::of).map_err(String::clone),
        record: record(&config, &clock),
        wishes: wishes(&manifests, management),
        template_bucket: config.templates.as_ref().map(|templates| templates.bucket.clone()),
        exposed: config.http.exposed().map(|address| address.to_string()).collect(),
        token: token_file(config.http.token_file.as_deref()),
        skew: clock.skew(),
    })
}

fn catalog(config: &Config) -> Result<Catalog, String> {
    let directory = session::directory(config).map_err(|error| format!("{error:#}"))?;
    let read = directory.read_catalog(&session::constraints(config));
    read.map(|(_, catalog)| catalog).map_err(|error| chain(&error))
}

/// Only reads: the daemon may have the lock, and this command may run as another user.
fn record(config: &Config, clock: &Clock) -> Result<RecordFacts, NoRecord> {
    let now = clock.stamp();
    let reader = RecordReader::open(&session::record_terms(config, "conformd check"))?;
    reader.check_disk()?;
    let window = reader.window(&now)?;
    let began = reader.began().clone();
    Ok(RecordFacts {
        began: began.wall,
        covers_window: RecordStatus::Usable { began }.covers_window(&now),
        losses: window.losses.len(),
        held: window.held.len(),
        bytes: reader.bytes()?,
    })
}

fn wishes(manifests: &[&Manifest], management: Option<AccountId>) -> Wishes {
    let expects = |manifest: &&&Manifest| {
        management.is_some_and(|account| !manifest.exclude.accounts.contains(&account))
    };
    let buckets = manifests.iter().map(|manifest| &manifest.delivery.bucket);
    Wishes {
        units: manifests.iter().any(|one| !one.exclude.organizational_units.is_empty()),
        management: manifests.iter().filter(expects).count(),
        buckets: buckets.filter(|bucket| !bucket.is_empty()).cloned().collect(),
    }
}

fn token_file(file: Option<&Path>) -> TokenFile {
    let Some(file) = file else { return TokenFile::None };
    let unreadable =
        |error: std::io::Error| TokenFile::Unreadable(format!("{}: {error}", file.display()));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return unreadable(error),
    };
    // The token is checked before the mode of the file: a weak token has to be replaced anyway.
    if let Err(weak) = BearerToken::new(&text) {
        return TokenFile::Weak(format!("{}: {weak}", file.display()));
    }
    match std::fs::metadata(file) {
        Ok(found) => TokenFile::Good { world_readable: found.permissions().mode() & 0o004 != 0 },
        Err(error) => unreadable(error),
    }
}

/// What is known of the caller, of the organization and of members.
struct CallerAndMembers {
    caller: Result<CallerFacts, Unknown>,
    organization: Result<OrganizationRecord, Unknown>,
    administrators: Result<BTreeSet<AccountId>, Unknown>,
    services: Result<BTreeSet<String>, Unknown>,
    accounts: Result<Vec<Account>, Unknown>,
    probe: Option<ProbeFacts>,
}

impl CallerAndMembers {
    async fn ask(cloud: &AwsCloud, config: &Config, clock: &Clock) -> Self {
        let paced = |budget| {
            Limited::new(cloud.organization(), Arc::new(Limiter::new(budget, clock.clone())))
        };
        let (lists, services): (Limited<AwsOrganization>, _) =
            (paced(LIST_BUDGET), paced(SERVICES_BUDGET));
        let (caller, organization, administrators, services, accounts) = tokio::join!(
            caller(cloud, config),
            async { lists.describe().await.map_err(|error| unknown(&error)) },
            read_all(|token| lists.administrators(token), |account| *account),
            read_all(|token| services.trusted_services(token), String::clone),
            read_all(|token| lists.accounts(token), |account| account.id),
        );
        let accounts = accounts.map_err(|error| incomplete(&error));
        let probe = probe(cloud, config, &caller, &organization, &accounts).await;
        Self {
            caller,
            organization,
            administrators: whole(administrators),
            services: whole(services),
            accounts,
            probe,
        }
    }
}

fn whole<T: Ord>(listing: Result<Vec<T>, Incomplete>) -> Result<BTreeSet<T>, Unknown> {
    listing.map(|entries| entries.into_iter().collect()).map_err(|error| incomplete(&error))
}

fn unknown(error: &CloudError) -> Unknown {
    Unknown { kind: error.kind, why: chain(error) }
}

fn incomplete(listing: &Incomplete) -> Unknown {
    match listing {
        // The message leaves out that it was a page of a listing: that does not help the user.
        Incomplete::Page(error) => unknown(error),
        Incomplete::Endless(_) => Unknown { kind: listing.kind(), why: chain(listing) },
    }
}

/// Who we are, as the first region that answers says.
async fn caller(cloud: &AwsCloud, config: &Config) -> Result<CallerFacts, Unknown> {
    let asked = config.aws.regions.iter().map(|region| Box::pin(cloud.caller_identity(region)));
    let (identity, _) = select_ok(asked).await.map_err(|error| unknown(&error))?;
    let CallerIdentity { account, arn, partition } = identity;
    Ok(CallerFacts { account, arn, partition })
}

/// Tries the probe on a few members, and on the management account.
async fn probe(
    cloud: &AwsCloud,
    config: &Config,
    caller: &Result<CallerFacts, Unknown>,
    organization: &Result<OrganizationRecord, Unknown>,
    accounts: &Result<Vec<Account>, Unknown>,
) -> Option<ProbeFacts> {
    let settings = config.recorder_probe.as_ref()?;
    let partition = caller.as_ref().map_or("aws", |caller| &*caller.partition);
    let members = cloud.members(settings, &config.installation, partition);
    let region = config.aws.regions.first()?;
    let try_on = async |account: AccountId| -> Tried {
        let failed = |stage| move |error: CloudError| NotProbed { stage, kind: error.kind };
        let visit = members.enter(account).await.map_err(failed(ProbeStage::Enter))?;
        let names = visit.recorders(region).await.map_err(failed(ProbeStage::Look))?;
        let states = visit.recorder_states(region).await.map_err(failed(ProbeStage::Look))?;
        Ok(classify(&names, &states))
    };
    let management = organization.as_ref().ok().map(|found| found.management);
    let active = accounts.iter().flatten().filter(|account| account.is_active());
    let chosen = active.map(|account| account.id).filter(|account| Some(*account) != management);
    let chosen: Vec<AccountId> = chosen.take(PROBED_MAX).collect();
    let (tried, management) = tokio::join!(
        join_all(chosen.iter().map(async |account| (*account, try_on(*account).await))),
        async {
            match management {
                Some(account) => Some(try_on(account).await),
                None => None,
            }
        },
    );
    Some(ProbeFacts {
        role_name: settings.role_name.to_string(),
        has_external_id: settings.external_id.is_some(),
        members: tried.into_iter().collect(),
        management,
    })
}

/// The observation of one region.
struct RegionChecks {
    region: Region,
    reader: AwsReader,
    facts: RegionFacts,
    /// A pack of ours, whose rows can be asked for.
    pack: Option<PackName>,
}

async fn observe(
    cloud: &AwsCloud,
    config: &Config,
    region: &Region,
    manifests: &[&Manifest],
) -> RegionChecks {
    let place = Place { account: config.aws.expected_account, region: region.clone() };
    let reader = cloud.reader(&place);
    let packs = read_all(|token| reader.packs(token), |pack| pack.arn.clone()).await;
    let packs = packs.map_err(|error| incomplete(&error));
    let statuses = match &packs {
        Ok(_) => read_all(|token| reader.statuses(token), |one| one.name.clone()).await.map(drop),
        // It would say the same.
        Err(_) => Ok(()),
    };
    let is_ours = |pack: &&PackRecord| {
        matches!(ownership(pack, &config.installation, &place), Ownership::Ours(_))
    };
    let pack = packs.iter().flatten().find(is_ours).map(|pack| pack.name.clone());
    let packs = packs.map(|packs| {
        let whose = packs.iter().map(|pack| ownership(pack, &config.installation, &place));
        let names: BTreeSet<&PackName> = packs.iter().map(|pack| &pack.name).collect();
        let wanted = manifests.iter().filter(|manifest| {
            manifest.regions.as_ref().is_none_or(|regions| regions.contains(region))
        });
        let missing = wanted.filter(|manifest| !names.contains(&manifest.name)).count();
        census(whose, missing)
    });
    let facts = RegionFacts { packs, statuses: statuses.map_err(|error| incomplete(&error)) };
    RegionChecks { region: region.clone(), reader, facts, pack }
}

fn census(packs: impl Iterator<Item = Ownership>, missing: usize) -> PackCensus {
    let mut census = PackCensus { missing, ..PackCensus::default() };
    for whose in packs {
        let count = match whose {
            Ownership::Ours(_) => &mut census.ours,
            Ownership::Foreign(_) | Ownership::Void(_) => &mut census.foreign,
            Ownership::Unmanaged => &mut census.unmanaged,
        };
        *count = count.saturating_add(1);
    }
    census
}

/// The status of the management account for one pack of ours; reading it also checks a permission.
async fn row(
    checks: &[RegionChecks],
    management: Option<AccountId>,
) -> Option<Result<Option<RolloutStatus>, Unknown>> {
    let (one, pack) = checks.iter().find_map(|one| Some((one, one.pack.as_ref()?)))?;
    let filter = RowFilter { account: Some(management?), status: None };
    let page = one.reader.rows(pack, &filter, None).await.map_err(|error| unknown(&error));
    Some(page.map(|page| page.items.into_iter().next().map(|row| row.status)))
}
