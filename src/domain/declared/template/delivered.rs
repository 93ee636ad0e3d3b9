//! A template as it was delivered: its own marker is taken off, and nothing is judged again.

use std::sync::Arc;

use super::canonical::Canonical;
use super::outline::Outline;
use super::parts::LazyParts;
use super::{Template, census};
use crate::domain::base::code;
use crate::domain::base::model::MARKER_PARAMETER;
use crate::domain::declared::diagnostic::Diagnostic;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml;
use crate::domain::declared::yaml::tree::{Value, YamlNode};

/// What findings in a delivered template call the file.
const PATH: &str = "delivered-template";

impl Template {
    /// Reads a template that conformd has delivered. AWS took it: what today's checks would say of
    /// it does not matter, so that a later release can still read it. Only text that is not a
    /// template at all is refused. A section of parameters that holds nothing but the marker is
    /// taken for ours.
    #[expect(clippy::missing_panics_doc, reason = "the constant is a path")]
    pub fn parse_delivered(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let path = SourcePath::new(PATH).expect("the name is a path");
        let mut findings = Findings::new(&path);
        let mut roots = yaml::parse_delivered(&path, text)?;
        let (Some(mut root), true) = (roots.pop(), roots.is_empty()) else {
            findings.file_error(code::MANY_DOCUMENTS, "this is not one document");
            return Err(findings.all);
        };
        if root.get("Resources").and_then(YamlNode::mapping).is_none() {
            findings.file_error(code::TEMPLATE_SHAPE, "there is no mapping Resources");
            return Err(findings.all);
        }
        remove_marker(&mut root);
        Ok(Self {
            digest: Canonical::of(&root).digest(),
            census: census::census(&mut findings, &root),
            body: text.into(),
            outline: Arc::new(Outline::of(&root)),
            dependent: Arc::default(),
            parts: LazyParts::default(),
        })
    }
}

fn remove_marker(root: &mut YamlNode) {
    let Value::Mapping(sections) = &mut root.value else { return };
    sections.entries.retain_mut(|section| {
        let Value::Mapping(parameters) = &mut section.value.value else { return true };
        if &*section.key.text != "Parameters" {
            return true;
        }
        let before = parameters.entries.len();
        parameters.entries.retain(|entry| &*entry.key.text != MARKER_PARAMETER);
        // A `Parameters` section that holds only the marker was added for it, so it goes too. An
        // empty one of the author stays: it is part of the digest.
        before == parameters.entries.len() || !parameters.entries.is_empty()
    });
}
