//! Whether approvals can count at a given time.
//!
//! The daemon decides that anew in each reconciliation, so it is no part of reading a catalog: a
//! file must not become invalid, and hold everything, because time has passed.

use super::Catalog;
use crate::domain::base::code;
use crate::domain::base::model::Timestamp;
use crate::domain::declared::approval::{Approvals, Validity};
use crate::domain::declared::diagnostic::{Diagnostic, Severity};

impl Catalog {
    /// Adds what keeps approvals from counting now: for `validate`, which answers once.
    pub fn check_approvals(&mut self, now: Timestamp) {
        let approvals = Approvals { all: &self.approvals, now, aws_now: now };
        let findings = self.approvals.values().filter_map(|approval| {
            let (path, span) = (&approval.origin.path, Some(approval.origin.span));
            let name = &approval.name;
            match approvals.validity(approval) {
                Validity::InForce => None,
                Validity::Expired => {
                    let found = format!("the approval {name} has expired and permits nothing");
                    let finding = Diagnostic::error(path, span, code::APPROVAL_EXPIRY, found);
                    Some(finding.warning().hint("remove it, or commit a new one"))
                }
                Validity::TooLong => {
                    let found = format!(
                        "the approval {name} expires more than 7 days ahead and permits nothing"
                    );
                    let finding = Diagnostic::error(path, span, code::APPROVAL_EXPIRY, found);
                    Some(finding.hint("let it expire within 7 days: it is for the change at hand"))
                }
            }
        });
        let findings: Vec<Diagnostic> = findings.collect();
        self.wholly_valid &= !findings.iter().any(|it| it.severity == Severity::Error);
        self.diagnostics.extend(findings);
        self.diagnostics
            .sort_by(|one, other| one.path.cmp(&other.path).then(one.span.cmp(&other.span)));
    }
}
