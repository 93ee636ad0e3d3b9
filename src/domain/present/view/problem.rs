//! Problems: what is wrong, how much it matters, who must act, on what, and by when.
//!
//! This is the only place that decides severity. Health, exit codes, status page, API, events, log
//! levels and the metric `conformd_problems` show what is declared here. Everything with the same
//! cause is one problem, over all packs and regions.

mod advice;
pub mod cause;
mod draft;
mod inputs;
mod members;
mod new_accounts;
mod regions;
mod removal;
mod shown;
mod told;

use super::CurrentState;
use draft::Drafts;

pub(super) use advice::{OBSERVING, fixed_advice, member_advice, member_owner};
pub(super) use removal::{removal_advice, removal_owner};
pub use shown::{ExampleView, ProblemSeverity, ProblemView, Problems, census, unread_severity};
pub(super) use told::words;

/// What is wrong, from everything that is known.
pub fn problems(facts: &CurrentState) -> Problems {
    let mut drafts = Drafts::default();
    inputs::collect(facts, &mut drafts);
    regions::collect(facts, &mut drafts);
    members::collect(facts, &mut drafts);
    new_accounts::collect(facts, &mut drafts);
    drafts.finish(facts)
}
