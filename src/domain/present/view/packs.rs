//! Every pack with its deployments by region: `GET /api/v1/packs`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::{PackDeploymentView, deployments};
use super::problem::problems;
use super::{CurrentState, NotFound, VERSION, absent};
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
    let problems = problems(facts);
    for (region, report) in facts.regions() {
        let troubled = problems.packs_in(region);
        for (name, deployment) in deployments(report, &facts.desired(region), &troubled) {
            packs.entry(name).or_default().regions.insert(region.clone(), deployment);
        }
    }
    PacksView { version: VERSION, simulated: facts.about.simulated, now: facts.now, packs }
}

impl PacksView {
    /// Leaves only this pack.
    pub fn only(&mut self, name: &str) -> Result<(), NotFound> {
        if !self.packs.keys().any(|pack| pack.as_str() == name) {
            return Err(absent("pack", name, self.packs.keys().map(PackName::as_str)));
        }
        self.packs.retain(|pack, _| pack.as_str() == name);
        Ok(())
    }
}

/// One pack in all regions.
pub fn pack(facts: &CurrentState, name: &str) -> Result<(PackName, PackView), NotFound> {
    let mut view = packs(facts);
    view.only(name)?;
    view.packs.pop_first().ok_or_else(|| absent("pack", name, [].into_iter()))
}

/// What manifests in force say of packs, besides what they deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackLabels(BTreeMap<PackName, Vec<String>>);

impl PackLabels {
    /// The labels of every pack.
    pub fn of(facts: &CurrentState) -> Self {
        let declared = facts.source.catalog.iter().flat_map(|catalog| &catalog.packs);
        let labels = declared.filter_map(|(name, pack)| {
            let labels = declaration(pack.in_force()?).labels;
            let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
            Some((name.clone(), labels.collect()))
        });
        Self(labels.collect())
    }

    /// The labels of one pack, each as `key=value`.
    pub fn get(&self, pack: &PackName) -> &[String] {
        self.0.get(pack).map(Vec::as_slice).unwrap_or_default()
    }
}

fn declaration(manifest: &Manifest) -> PackView {
    let clean = |text: &str| one_line(text, LABEL_MAX);
    PackView {
        manifest: Some(clean(manifest.origin.path.as_str())),
        labels: manifest.labels.iter().map(|(key, value)| (clean(key), clean(value))).collect(),
        regions: BTreeMap::new(),
    }
}
