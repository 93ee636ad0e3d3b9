//! Problems over all packs and regions: the cause, who must act, what to do, and by when.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::parts::{account_link, foreign, listed, pack_path, packs_path, sign, tone};
use super::paths::region_path;
use crate::domain::base::model::{PackName, Region};
use crate::domain::present::view::problem::{ExampleView, ProblemView};
use crate::domain::present::view::text::{
    is_listed, left, many, person, problem_scope, problem_sign, problem_words,
};

/// Packs of one problem that are listed.
const PACKS_MAX: usize = 8;

/// All problems, the most severe first.
pub(super) fn problems(all: &[ProblemView]) -> Markup {
    let shown: Vec<&ProblemView> = all.iter().filter(|problem| is_listed(problem, true)).collect();
    let body = html! {
        ul class="entries" { @for problem in &shown { (entry(problem)) } }
    };
    listed("problems", "Problems", shown.len(), &body)
}

fn entry(problem: &ProblemView) -> Markup {
    let ProblemView { owner, advice, left_seconds, packs, regions, details, .. } = problem;
    let what = problem_words(problem);
    let mark = problem_sign(problem);
    let severity = problem.severity.as_str();
    let id = format!("problem-{severity}-{}", what.replace([' ', ':', '_'], "-"));
    let scope = problem_scope(problem);
    html! {
        li class=(tone(mark)) id=(id) {
            h3 { (sign(mark)) " " (what) }
            p class="scale" {
                @if !scope.is_empty() { (scope) " · " }
                "owner: " strong { (person(*owner)) }
                @if let Some(seconds) = left_seconds { " · " (left(*seconds)) }
            }
            p { (foreign(advice)) }
            @for line in details { p class="said" { (foreign(line)) } }
            @if !problem.examples.is_empty() { (accounts(problem, &id)) }
            @if packs.len() > 1 || packs.len() == 1 && problem.examples.is_empty() {
                (places(packs, regions, &id))
            }
        }
    }
}

/// A few of the accounts.
fn accounts(problem: &ProblemView, id: &str) -> Markup {
    // Only the first members are kept with details.
    let shown = problem.examples.len();
    html! {
        details id={(id) "-who"} {
            summary {
                @if shown < problem.accounts { (shown) " of the accounts" } @else { "accounts" }
            }
            ul class="examples" { @for example in &problem.examples { (one(example)) } }
        }
    }
}

/// The packs and the regions: each leads to its own page, since not every pack has the problem in
/// every region.
fn places(packs: &BTreeSet<PackName>, regions: &BTreeSet<Region>, id: &str) -> Markup {
    let more = packs.len().saturating_sub(PACKS_MAX);
    html! {
        details id={(id) "-where"} {
            summary { "packs and regions" }
            ul class="examples" {
                @for pack in packs.iter().take(PACKS_MAX) {
                    li { a class="name" href=(packs_path(pack)) { (pack.as_str()) } }
                }
                @if more > 0 { li { "and " (many(more, "more pack")) } }
            }
            p class="note" {
                "in "
                @for (at, region) in regions.iter().enumerate() {
                    @if at > 0 { ", " }
                    a href=(region_path(region)) { (region.as_str()) }
                }
            }
        }
    }
}

fn one(example: &ExampleView) -> Markup {
    let ExampleView { account, name, region, pack, code, message } = example;
    html! {
        li {
            (account_link(*account, name.as_ref()))
            @if let Some(pack) = pack {
                ", " a href=(pack_path(region, pack)) { (pack.as_str()) }
            }
            " in " (region.as_str())
            (said(code.as_ref(), message.as_ref()))
        }
    }
}

/// What AWS said, word for word.
pub(super) fn said(code: Option<&String>, message: Option<&String>) -> Markup {
    html! {
        @if code.is_some() || message.is_some() {
            p class="said" {
                @if let Some(code) = code { strong { (foreign(code)) } " " }
                @if let Some(message) = message { (foreign(message)) }
            }
        }
    }
}
