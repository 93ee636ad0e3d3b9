//! Problems as rows: the cause, where it is, who must act, and the time that is left.

use super::account;
use super::layout::{LineSign, TextItem, TextList};
use super::phrases::{IDS_MAX, clean, person};
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::{counted, first_few, grouped, left};
use crate::domain::present::axes::HealthStatus;
use crate::domain::present::view::problem::cause::ProblemCause;
use crate::domain::present::view::problem::{ExampleView, ProblemView};

/// Sentences of one problem that the narrow form shows.
const DETAILS_MAX: usize = 3;

/// Every problem that is not told elsewhere.
pub(super) fn problems(all: &[ProblemView], wide: bool) -> TextList {
    let shown = all.iter().filter(|problem| is_listed(problem, wide));
    TextList::new("Problems", shown.map(|problem| item(problem, wide)))
}

/// Whether a list of problems has this one: what waits for an approval stands above it, and what
/// waits for time alone is of use only to somebody who asks for everything.
pub fn is_listed(problem: &ProblemView, wide: bool) -> bool {
    let is_above = matches!(problem.cause, ProblemCause::Approval | ProblemCause::Undeclared);
    !is_above && (wide || problem.cause != ProblemCause::Waiting)
}

/// The sign of a problem.
pub fn problem_sign(problem: &ProblemView) -> LineSign {
    match problem.health {
        _ if problem.action_required => LineSign::ActionRequired,
        HealthStatus::Unknown => LineSign::Unknown,
        HealthStatus::Progressing | HealthStatus::Degraded => LineSign::Moving,
        HealthStatus::Healthy | HealthStatus::Suspended => LineSign::Fine,
    }
}

/// The cause in words, and the failure behind it.
pub fn problem_words(problem: &ProblemView) -> String {
    let cause = problem.cause.words();
    let class = problem.class.map(|class| format!("{cause}: {class}"));
    class.unwrap_or(cause)
}

/// `4 accounts in 2 packs, eu-west-1`.
pub fn problem_scope(problem: &ProblemView) -> String {
    let ProblemView { accounts, members, truncated, packs, regions, .. } = problem;
    let packs: Vec<&str> = packs.iter().map(PackName::as_str).collect();
    let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
    let places = [counted(&packs, "pack"), counted(&regions, "region")];
    let places: Vec<String> = places.into_iter().flatten().collect();
    let places = places.join(", ");
    if *members == 0 {
        return places;
    }
    // Beyond a limit members are counted without their names.
    let least = if *truncated { "at least " } else { "" };
    let noun = if *accounts == 1 { "account" } else { "accounts" };
    let accounts = format!("{least}{} {noun}", grouped(*accounts));
    if places.is_empty() { accounts } else { format!("{accounts} in {places}") }
}

fn item(problem: &ProblemView, wide: bool) -> TextItem {
    let ProblemView { owner, advice, left_seconds, details, .. } = problem;
    let deadline = left_seconds.map(left);
    let columns = [problem_words(problem), problem_scope(problem), person(*owner).to_owned()];
    let row = columns.into_iter().chain(deadline).collect();
    let most = if wide { usize::MAX } else { DETAILS_MAX };
    let mut lines: Vec<String> = details.iter().take(most).map(|text| clean(text)).collect();
    lines.push(clean(advice));
    lines.extend(who(problem, wide));
    lines.retain(|line| !line.is_empty());
    TextItem { sign: problem_sign(problem), row, details: lines }
}

/// The accounts. The narrow form only names them, so that one failure of thousands of accounts
/// stays short.
fn who(problem: &ProblemView, wide: bool) -> Vec<String> {
    let examples = problem.examples.iter();
    if wide {
        return examples.map(example).collect();
    }
    let ids: Vec<String> = examples.map(|example| example.account.to_string()).collect();
    let shown = first_few(ids.get(..IDS_MAX.min(ids.len())).unwrap_or_default(), IDS_MAX);
    match problem.accounts.saturating_sub(ids.len().min(IDS_MAX)) {
        0 => vec![shown],
        more => vec![format!("{shown} and {more} more")],
    }
}

fn example(example: &ExampleView) -> String {
    let ExampleView { account, name, region, pack, code, message } = example;
    let said = [code, message].into_iter().flatten();
    let said = said.map(|text| clean(text)).collect::<Vec<_>>().join(": ");
    let pack = pack.as_ref().map(|pack| format!("{pack} in ")).unwrap_or_default();
    let place = format!("{}, {pack}{region}", account::called(*account, name.as_ref()));
    if said.is_empty() { place } else { format!("{place}: {said}") }
}
