//! What a preflight found out about an installation: facts in, one line a check out.
//!
//! Every check has its line whatever became of the others. How facts are gathered is not known
//! here.

mod facts;
mod line;
mod machine;
mod members;
mod organization;
mod regions;

pub use facts::{
    CallerFacts, PackCensus, PreflightFacts, ProbeFacts, RecordFacts, RegionFacts, TokenFile,
    Tried, Wishes,
};
pub use line::{CheckLine, CheckName, Grade};

/// Every line, in the order in which things build upon each other.
pub fn lines(facts: &PreflightFacts) -> Vec<CheckLine> {
    let mut lines = vec![
        organization::identity(facts),
        organization::organization(facts),
        organization::administrator(facts),
        organization::trusted_access(facts),
        organization::accounts(facts),
    ];
    for (region, found) in &facts.regions {
        lines.push(regions::region(found).of(region));
        if let Ok(census) = &found.packs {
            let line = if facts.is_other_account() {
                other_account(CheckName::Packs)
            } else {
                regions::packs(*census)
            };
            lines.push(line.of(region));
        }
    }
    lines.extend([
        regions::permissions(facts),
        members::recorder_probe(facts),
        members::management_account(facts),
        machine::source(facts),
        // The record belongs to the account of the settings, so it says nothing of this one.
        if facts.is_other_account() && facts.record.is_err() {
            other_account(CheckName::Record)
        } else {
            machine::record(facts)
        },
        machine::template_bucket(facts),
        machine::delivery_buckets(facts),
        machine::http_listen(facts),
        machine::http_token(facts),
        machine::clock(facts),
    ]);
    lines
}

/// What depends on the account of the settings, while the credentials are of another one: the line
/// `identity` has the cause, and any other one would mislead.
fn other_account(check: CheckName) -> CheckLine {
    CheckLine::warn(
        check,
        "not compared: the credentials belong to another account than the settings say",
        "see the line `identity`",
    )
}
