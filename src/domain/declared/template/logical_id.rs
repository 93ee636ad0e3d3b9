//! Names of parameters, resources and outputs.

use crate::domain::base::{code, limits};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::MappingEntry;

/// Names of parameters, mappings, conditions, resources and outputs are alphanumeric.
pub(super) fn check_logical_id(findings: &mut Findings<'_>, entry: &MappingEntry) {
    let name = &*entry.key.text;
    // `CloudFormation` accepts ASCII letters and digits only, no letters of other scripts.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        findings
            .error(entry.key_span, code::LOGICAL_ID, format!("{name:?} is not alphanumeric"))
            .expected("ASCII letters and digits only");
    } else if limits::PARAMETER_NAME < name.len() {
        findings
            .error(entry.key_span, code::LOGICAL_ID, format!("a name of {} characters", name.len()))
            .expected(format!("at most {}", limits::PARAMETER_NAME));
    }
}
