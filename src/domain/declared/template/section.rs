//! The sections of a template, and the resources that a pack may hold.

use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, YamlNode};

pub(super) const RULE: &str = "AWS::Config::ConfigRule";

/// The entries of a section; none if it is absent.
pub(super) fn entries<'n>(root: &'n YamlNode, section: &str) -> &'n [MappingEntry] {
    let mapping = root.get(section).and_then(YamlNode::mapping);
    mapping.map_or(&[], |Mapping { entries, flow: _ }| entries)
}

pub(super) const REMEDIATION: &str = "AWS::Config::RemediationConfiguration";
