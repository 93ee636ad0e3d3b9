//! What tasks and projections take from the settings.

use crate::config::{self, Config, ConfigError};
use crate::domain::base::model::Timestamp;
use crate::domain::declared::source::SourceStatus;
use crate::http::{About, BearerToken};
use crate::metrics::{self, ReloadedSettings};
use crate::session;
use crate::tasks::organization::Demand;

/// What the manifests and the settings ask of the organization task.
pub(super) fn demand(config: &Config, source: &SourceStatus) -> Demand {
    let catalog = source.catalog.as_ref();
    Demand {
        interest: catalog.map(|catalog| catalog.interest()),
        approvals: catalog.map(|catalog| catalog.approvals.clone()).unwrap_or_default(),
        interval: config.intervals.organization,
    }
}

/// What the program is, by its settings.
pub(crate) fn about(config: &Config, started: Timestamp) -> About {
    let policy = session::policy(config);
    About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        installation: config.installation.clone(),
        mode: config.mode,
        simulated: config.is_simulated(),
        regions: config.aws.regions.clone(),
        list_age_max: policy.list_age_max,
        redeploy: config.redeploy,
        source_interval: config.intervals.source,
        region_interval: policy.pace.interval,
        resync_interval: policy.resyncs.full,
        quota: policy.quota,
    }
}

/// What the metrics show of the settings.
pub(super) fn shown(config: &Config) -> ReloadedSettings {
    let policy = session::policy(config);
    let config::IntervalSettings { source, organization, failure_resync, full_resync, .. } =
        config.intervals;
    let region = policy.pace.interval;
    ReloadedSettings {
        mode: policy.mode,
        regions: config.aws.regions.clone(),
        intervals: metrics::LoopPeriods {
            source,
            organization,
            region,
            failure_resync,
            full_resync,
        },
        quota: policy.quota,
        pack_labels: config.pack_labels.clone(),
    }
}

/// The token that lets its bearer ask for a reconciliation.
pub(super) fn token(config: &Config) -> anyhow::Result<Option<BearerToken>> {
    let Some(file) = &config.http.token_file else { return Ok(None) };
    let unfit = |why: String| ConfigError(format!("http.tokenFile: {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unfit(error.to_string()))?;
    Ok(Some(BearerToken::new(&text).map_err(|weak| unfit(weak.to_string()))?))
}
