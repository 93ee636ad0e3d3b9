//! The effective rules that the packs of a region hold now, as far as their templates are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::loss::{RuleSet, RulesHeld};
use crate::domain::base::model::{Digest, MARKER_PARAMETER, PackName, Place};
use crate::domain::declared::template::Template;
use crate::domain::observed::packs::{Ownership, PacksObservation};

/// Templates by digest: of the manifests in force, and of what was delivered before.
pub type TemplatesByDigest = BTreeMap<Digest, Arc<Template>>;

/// Computes the effective rules of our packs. It evaluates templates only on request, because most
/// plans lose nothing.
#[derive(Debug, Clone, Copy)]
pub struct HeldRules<'a> {
    place: &'a Place,
    seen: Option<&'a PacksObservation>,
    templates: &'a TemplatesByDigest,
}

impl<'a> HeldRules<'a> {
    /// Creates it from the last observation of a region.
    pub fn new(
        place: &'a Place,
        seen: Option<&'a PacksObservation>,
        templates: &'a TemplatesByDigest,
    ) -> Self {
        Self { place, seen, templates }
    }

    /// The packs that carry our marker.
    pub fn packs(&self) -> impl Iterator<Item = &'a PackName> {
        let packs = self.seen.into_iter().flat_map(|seen| &seen.packs);
        packs.filter(|(_, pack)| matches!(pack.ownership, Ownership::Ours(_))).map(|(name, _)| name)
    }

    /// What a pack holds. What cannot be evaluated counts as effective: it was there, and losing it
    /// would be a loss.
    pub fn held(&self, pack: &PackName) -> RulesHeld {
        self.held_or(pack, None)
    }

    /// The same, where this template is known besides: the one that the pack should hold.
    pub fn held_beside(&self, pack: &PackName, declared: &Template) -> RulesHeld {
        self.held_or(pack, Some(declared))
    }

    fn held_or(&self, pack: &PackName, declared: Option<&Template>) -> RulesHeld {
        let Some(pack) = self.seen.and_then(|seen| seen.packs.get(pack)) else {
            return RulesHeld::default();
        };
        let Ownership::Ours(marker) = &pack.ownership else { return RulesHeld::default() };
        // The declared template is used only if the marker says that it is the deployed one.
        // Otherwise rules that the new template adds would count as held already.
        let declared = declared.filter(|declared| declared.digest == marker.template);
        match declared.or_else(|| self.template(marker.template)) {
            Some(template) => RulesHeld::Named(kept(template, &pack.record.inputs, self.place)),
            // Without the template only the number of rules is known, from the marker. Losing the
            // pack's content then counts as losing all of them, never as losing none.
            None => RulesHeld::Counted(marker.rules),
        }
    }

    /// The template of this digest, if it is known.
    pub fn template(&self, digest: Digest) -> Option<&'a Template> {
        self.templates.get(&digest).map(|template| &**template)
    }
}

/// What a template holds with these inputs. A rule whose condition cannot be evaluated counts as
/// kept only for the same rule with the same dependencies.
pub fn kept(template: &Template, inputs: &BTreeMap<String, String>, place: &Place) -> RuleSet {
    let effective = template.rules(&without_marker(inputs), place);
    let mut rules = effective.present;
    rules.extend(effective.unknown);
    rules
}

fn without_marker(inputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut inputs = inputs.clone();
    inputs.remove(MARKER_PARAMETER);
    inputs
}
