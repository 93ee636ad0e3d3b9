//! What one region should hold: manifests and settings joined for one place.
//!
//! Nothing here knows what AWS holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalog::{Catalog, Declared};
use super::content::Content;
use super::manifest::{Manifest, Suspend, TemplateSource};
use super::model::{Installation, MARKER_PARAMETER, Marker, PackName, Place, Revision};
use super::template::Template;

/// Bytes of an inline template body (AWS Config API: `TemplateBody`).
const TEMPLATE_BODY_BYTES: usize = 51_200;

/// What a region should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The revision it was read from.
    pub revision: Revision,
    /// Whether absence from this may count as "not wanted any more".
    pub basis: Basis,
    /// Whether the source declares no pack at all, in any region.
    pub empty: bool,
    /// Packs that are wanted in other regions only.
    pub elsewhere: BTreeSet<PackName>,
    /// Every pack that the region should hold, and every name it must leave alone.
    pub packs: BTreeMap<PackName, Want>,
}

/// How much the source can be believed when it does not mention a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// Read lately, whole, and every manifest valid.
    Whole,
    /// Some of it is invalid: packs may be missing from it by mistake.
    Invalid(String),
    /// The last read failed or is too old.
    Unread(String),
}

/// What is wanted under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// This pack.
    Pack(Box<DesiredPack>),
    /// The name is claimed by a manifest that cannot be acted on.
    Stuck(Stuck),
}

/// Why a manifest cannot be acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stuck {
    /// It is invalid and no earlier form is remembered.
    Invalid(String),
    /// It asks for something that this version does not do yet.
    Unsupported(String),
}

/// One pack in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredPack {
    /// All of it.
    pub content: Content,
    /// The marker, which is also among the inputs of the content.
    pub marker: Marker,
    /// Whether an unmanaged pack of this name may be taken over.
    pub adopt: bool,
    /// Whether it is paused.
    pub suspend: Option<Suspend>,
    /// Why the manifest as it stands now is invalid, when this is the last good form.
    pub invalid_now: Option<String>,
}

/// What this place should hold.
pub fn desired(
    catalog: &Catalog,
    installation: &Installation,
    place: &Place,
    basis: Basis,
) -> Desired {
    let basis = if basis == Basis::Whole && !catalog.wholly_valid {
        Basis::Invalid("some manifests of this revision are invalid".to_owned())
    } else {
        basis
    };
    let (mut packs, mut elsewhere) = (BTreeMap::new(), BTreeSet::new());
    for (name, declared) in &catalog.packs {
        match want(declared, installation, place) {
            Some(want) => {
                packs.insert(name.clone(), want);
            }
            None => {
                elsewhere.insert(name.clone());
            }
        }
    }
    let revision = catalog.revision.clone();
    Desired { revision, basis, empty: catalog.packs.is_empty(), elsewhere, packs }
}

/// What the place should hold for this declaration; `None` when it is for other regions only.
fn want(declared: &Declared, installation: &Installation, place: &Place) -> Option<Want> {
    let (manifest, invalid_now) = match declared {
        Declared::Good(manifest) => (manifest, None),
        Declared::Broken { why, last_good: Some(manifest) } => (manifest, Some(why.clone())),
        Declared::Broken { why, last_good: None } => {
            return Some(Want::Stuck(Stuck::Invalid(why.clone())));
        }
    };
    if manifest.regions.as_ref().is_some_and(|regions| !regions.contains(&place.region)) {
        return None;
    }
    Some(match deliverable(manifest) {
        Ok(template) => {
            Want::Pack(Box::new(pack(manifest, template, (installation, place), invalid_now)))
        }
        Err(why) => Want::Stuck(Stuck::Unsupported(why)),
    })
}

/// The template, if this version can deliver the manifest.
fn deliverable(manifest: &Manifest) -> Result<&Arc<Template>, String> {
    if manifest.exclude.needs_membership() {
        return Err(
            "exclusions by organizational unit, tag or state need the organization's account \
             list, which this version does not read yet"
                .to_owned(),
        );
    }
    let template = match &manifest.template {
        TemplateSource::Read(template) => template,
        TemplateSource::S3(uri) => {
            return Err(format!("templates in S3 ({uri}) are not delivered by this version yet"));
        }
    };
    let size = template.body.len();
    if size > TEMPLATE_BODY_BYTES {
        return Err(format!(
            "the template has {size} bytes with the marker, more than the {TEMPLATE_BODY_BYTES} \
             of an inline body, and delivery through S3 is not part of this version yet"
        ));
    }
    Ok(template)
}

fn pack(
    manifest: &Manifest,
    template: &Template,
    (installation, place): (&Installation, &Place),
    invalid_now: Option<String>,
) -> DesiredPack {
    let mut inputs = manifest.parameters.clone();
    for over in manifest.overrides.iter().filter(|over| over.regions.contains(&place.region)) {
        inputs.extend(over.parameters.clone());
    }
    let marker = Marker::new(
        installation.clone(),
        template.digest,
        template.census.rules,
        manifest.deletion_policy,
        (place, &manifest.name),
    );
    inputs.insert(MARKER_PARAMETER.to_owned(), marker.to_string());
    DesiredPack {
        content: Content {
            body: Arc::clone(&template.body),
            inputs,
            excluded: manifest.exclude.accounts.clone(),
            delivery: manifest.delivery.clone(),
        },
        marker,
        adopt: manifest.adopt,
        suspend: manifest.suspend.clone(),
        invalid_now,
    }
}
