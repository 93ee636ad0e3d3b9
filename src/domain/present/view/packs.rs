//! Every pack with its deployments by region: `GET /api/v1/packs`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::{PackDeploymentView, deployments};
use super::{CurrentState, VERSION};
use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::base::untrusted::{LABEL_MAX, one_line};
use crate::domain::declared::manifest::Manifest;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PacksView {
    /// See [`VERSION`].
    pub version: u32,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
    /// By AWS's clock.
    pub now: Timestamp,
    /// Every pack that is ours or wanted.
    pub packs: BTreeMap<PackName, PackView>,
}

/// One pack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackView {
    /// The file that declares it; `None` when nothing wants it any more.
    pub manifest: Option<String>,
    /// `metadata.labels` of its manifest.
    pub labels: BTreeMap<String, String>,
    /// How it stands in each region where it is or should be.
    pub regions: BTreeMap<Region, PackDeploymentView>,
}

/// Every pack.
pub fn packs(facts: &CurrentState) -> PacksView {
    let declared = facts.source.catalog.iter().flat_map(|catalog| &catalog.packs);
    let mut packs: BTreeMap<PackName, PackView> = declared
        .filter_map(|(name, pack)| Some((name.clone(), declaration(pack.in_force()?))))
        .collect();
    for (region, report) in facts.regions() {
        for (name, deployment) in deployments(report, &facts.desired(region)) {
            packs.entry(name).or_default().regions.insert(region.clone(), deployment);
        }
    }
    PacksView { version: VERSION, simulated: facts.about.simulated, now: facts.now, packs }
}

fn declaration(manifest: &Manifest) -> PackView {
    let clean = |text: &str| one_line(text, LABEL_MAX);
    PackView {
        manifest: Some(clean(manifest.origin.path.as_str())),
        labels: manifest.labels.iter().map(|(key, value)| (clean(key), clean(value))).collect(),
        regions: BTreeMap::new(),
    }
}
