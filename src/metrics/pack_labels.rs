//! The info series of packs: labels of their manifests, under the keys that `metrics.labels` names.
//!
//! The label names come from the settings, and the library tells the series of one family apart by
//! their values put together. Values here are text of manifests, so each series is a gauge of its
//! own with constant labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Opts, Registry, Result};

use crate::domain::base::model::PackName;
use crate::domain::base::untrusted::one_line;
use crate::domain::declared::catalog::Declared;
use crate::domain::declared::source::SourceStatus;

const NAME: &str = "conformd_pack_labels";
const HELP: &str = "Always 1, with the labels of the manifest that the setting `metrics.labels` \
                    names, for rules to join; one series for each pack that has other series.";

/// The longest label value of Kubernetes.
const VALUE_MAX: usize = 63;

/// The labels of packs, as the last scrape found them. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct LabelFamily(Arc<Mutex<LabelRows>>);

#[derive(Debug, Default)]
struct LabelRows {
    /// The keys that are shown.
    keys: BTreeSet<String>,
    /// The labels of each pack, `pack` included.
    rows: Vec<HashMap<String, String>>,
}

impl LabelFamily {
    pub(super) fn register(registry: &Registry) -> Result<Self> {
        let labels = Self::default();
        let desc = Desc::new(NAME.to_owned(), HELP.to_owned(), Vec::new(), HashMap::new())?;
        registry.register(Box::new(PackLabelsCollector { desc, labels: labels.clone() }))?;
        Ok(labels)
    }

    /// Takes the keys of the settings into use.
    pub(super) fn configure(&self, keys: &BTreeSet<String>) {
        self.rows().keys.clone_from(keys);
    }

    /// Shows these packs. A pack that no manifest declares, or whose manifest lacks a key, has a
    /// series as well: rules that join this family would otherwise lose its alerts.
    pub(super) fn show(&self, packs: &BTreeSet<PackName>, source: &SourceStatus) {
        let declared = source.catalog.as_deref().map(|catalog| &catalog.packs);
        let mut shown = self.rows();
        let row = |pack: &PackName| {
            let manifest = declared.and_then(|packs| packs.get(pack)).and_then(Declared::in_force);
            let labels: Option<&BTreeMap<String, String>> = manifest.map(|it| &it.labels);
            let value = |key: &String| {
                let value = labels.and_then(|labels| labels.get(key))?;
                Some((key.clone(), one_line(value, VALUE_MAX)))
            };
            let own = [("pack".to_owned(), pack.as_str().to_owned())];
            own.into_iter().chain(shown.keys.iter().filter_map(value)).collect()
        };
        let rows = packs.iter().map(row).collect();
        shown.rows = rows;
    }

    fn rows(&self) -> MutexGuard<'_, LabelRows> {
        // The next scrape replaces whatever a panic left.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct PackLabelsCollector {
    desc: Desc,
    labels: LabelFamily,
}

impl Collector for PackLabelsCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let shown = self.labels.rows();
        let gauges = shown.rows.iter().filter_map(|labels| {
            // The settings accept only names that Prometheus accepts.
            let gauge = IntGauge::with_opts(Opts::new(NAME, HELP).const_labels(labels.clone()));
            let gauge = gauge.ok()?;
            gauge.set(1);
            Some(gauge.collect())
        });
        gauges.flatten().collect()
    }
}
