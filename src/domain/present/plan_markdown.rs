//! A plan as Markdown, for a comment on a pull request. Values of parameters are digests.

use std::fmt;

use super::approval_document::WaitingLosses;
use super::plan_text::{PlanText, Summary, Values};
use crate::domain::plan::region_plan::Plan;

/// Characters of the document: GitHub takes 65,536 in a comment, and some space is left for others.
const LENGTH_MAX: usize = 60_000;

/// Errors that are listed; a document of hundreds would not be read.
const ERRORS_MAX: usize = 20;

/// The plans of all regions as one document.
#[derive(Debug)]
pub struct PlanMarkdown<'a> {
    /// The plan of each region.
    pub plans: Vec<&'a Plan>,
    /// What is wrong in the source, each error in one line.
    pub errors: Vec<String>,
    /// What waits for an approval.
    pub waiting: &'a WaitingLosses,
    /// Whether AWS is simulated.
    pub simulated: bool,
}

impl fmt::Display for PlanMarkdown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plans, errors, waiting, simulated } = self;
        writeln!(out, "### conformd: {}\n", Summary::over(plans.iter().copied()))?;
        if *simulated {
            writeln!(out, "SIMULATED: no real AWS account is read or changed.\n")?;
        }
        if !errors.is_empty() {
            writeln!(
                out,
                "> **Errors in the source**, whose packs this plan leaves as they are:\n>"
            )?;
            let shown = errors.iter().take(ERRORS_MAX);
            // A code span shows text from elsewhere as it is; a backtick would end it.
            shown
                .clone()
                .try_for_each(|error| writeln!(out, "> - `{}`", error.replace('`', "'")))?;
            if ERRORS_MAX < errors.len() {
                writeln!(out, "> - and more: see `conformd validate`")?;
            }
            writeln!(out)?;
        }
        if !waiting.is_empty() {
            let what = waiting.summary();
            writeln!(out, "> **Waiting for approval:** {what}.")?;
            writeln!(out, "> `conformd approve` prints the document that permits it.\n")?;
        }
        let (same, different): (Vec<&Plan>, Vec<&Plan>) =
            plans.iter().partition(|plan| plan.is_empty() && plan.holds.is_empty());
        let mut left = LENGTH_MAX;
        for plan in different {
            let text = region(plan);
            // A document that is too long would be refused as a whole.
            let Some(rest) = left.checked_sub(text.len()) else {
                let region = &plan.place.region;
                writeln!(out, "#### {region}\n\nToo long for a comment: see `conformd plan`.\n")?;
                continue;
            };
            left = rest;
            writeln!(out, "{text}")?;
        }
        if !same.is_empty() {
            let regions: Vec<&str> = same.iter().map(|plan| plan.place.region.as_str()).collect();
            writeln!(out, "No changes in {}.\n", regions.join(", "))?;
        }
        writeln!(out, "Values of parameters are shown as digests.")
    }
}

/// A region: the lines of its plan as a diff, in which GitHub and GitLab color added and removed.
fn region(plan: &Plan) -> String {
    let text = PlanText { plan, values: Values::Hidden }.to_string();
    // The first line names the region, which is the heading here. Every other one begins with two
    // spaces; without them the sign of the step comes first. No line can end the block: text from
    // elsewhere never begins a line.
    let lines = text.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line));
    let lines: Vec<&str> = lines.collect();
    format!("#### {}\n\n```diff\n{}\n```\n", plan.place.region, lines.join("\n"))
}
