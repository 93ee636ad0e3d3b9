//! New accounts: how much is left of the 7 hours in which AWS retries them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{self, RawQuery};
use axum::response::Response;
use maud::{Markup, html};

use super::parts::{
    Choice, account_link, choices, downloads, foreign, listed, moment, pack_link, paging,
    scrolling, sign, tone,
};
use super::paths::NEW_ACCOUNTS;
use super::shell::Frame;
use crate::domain::base::limits::RETRY_WINDOW;
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::first_few;
use crate::domain::members::new_account::{IMMINENT, NEAR, NewAccountPhase};
use crate::domain::observed::recorder::RecorderState;
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::new_accounts::{
    NewAccountInRegion, NewAccountView, NewAccountsSummary, NewAccountsView, page as accounts,
};
use crate::domain::present::view::text::{left, many, phase_sign};
use crate::http::SharedState;
use crate::http::parameter::{PAGE, PHASE};
use crate::http::query::QueryParameters;
use crate::http::views::{answer, page};

/// New accounts that the overview shows.
const PRESSING_MAX: usize = 8;
/// Regions that are named where several stand alike.
const NAMED_MAX: usize = 3;

/// `GET /new-accounts`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let parameters = QueryParameters::of_form(query.as_deref(), &[&PHASE, &PAGE])?;
        let phase = parameters.word(&PHASE)?;
        let view = accounts(facts, phase, page(&parameters)?);
        let frame =
            Frame { title: &title(&view), here: Some(NEW_ACCOUNTS), main: main(&view, phase) };
        Ok(frame.within(&facts.about, facts.now))
    };
    answer(server, work).await
}

/// The most urgent phase that there is, and how often.
fn title(view: &NewAccountsView) -> String {
    let urgent = [
        NewAccountPhase::Missed,
        NewAccountPhase::Late,
        NewAccountPhase::Waiting,
        NewAccountPhase::Deploying,
    ];
    let found = urgent.into_iter().find_map(|phase| {
        let count = view.phases.get(&phase).copied().filter(|count| *count > 0)?;
        Some(format!("{count} {}", phase.as_str()))
    });
    format!("{}: new accounts", found.as_deref().unwrap_or("none waiting"))
}

fn main(view: &NewAccountsView, phase: Option<NewAccountPhase>) -> Markup {
    let all: usize = view.phases.values().sum();
    let path = |phase: NewAccountPhase| format!("{NEW_ACCOUNTS}?phase={}", phase.as_str());
    let some = view.phases.iter().map(|(one, count)| Choice {
        path: path(*one),
        name: one.as_str().to_owned(),
        count: Some(*count),
        is_here: phase == Some(*one),
    });
    let filter = [(PHASE.name, phase.map_or("", NewAccountPhase::as_str))];
    let every = Choice {
        path: NEW_ACCOUNTS.to_owned(),
        name: "all".to_owned(),
        count: Some(all),
        is_here: phase.is_none(),
    };
    html! {
        h1 { "New accounts" }
        p class="lead" {
            (many(all, "account")) " joined within 7 days. AWS retries each for 7 hours; without a "
            "configuration recorder by then it gives up."
        }
        (choices("New accounts by phase", [every].into_iter().chain(some)))
        @if view.accounts.is_empty() {
            p class="nothing" { "None." }
        } @else {
            (scrolling("new_accounts-scroll", "New accounts", &table(&view.accounts)))
        }
        (paging(NEW_ACCOUNTS, &filter, view.page, view.pages))
        (downloads("/api/v1/new-accounts", &filter))
    }
}

/// Those that are not settled, for the overview.
pub(super) fn pressing(view: &NewAccountsSummary) -> Markup {
    let NewAccountsSummary { phases: _, accounts, left_out, deadline_next: _ } = view;
    let all = accounts.len().saturating_add(*left_out);
    let shown = accounts.get(..PRESSING_MAX).unwrap_or(accounts);
    let more = all.saturating_sub(shown.len());
    let body = html! {
        (scrolling("new_accounts-scroll", "New accounts", &table(shown)))
        p class="note" {
            @if more > 0 { "and " (more) " more: " }
            a href=(NEW_ACCOUNTS) { "all new accounts" }
        }
    };
    listed("new_accounts", "New accounts", all, &body)
}

fn table(accounts: &[NewAccountView]) -> Markup {
    html! {
        table class="rows" {
            thead {
                tr {
                    th scope="col" { "account" }
                    th scope="col" { "phase" }
                    th scope="col" { "until the deadline" }
                    th scope="col" { "regions" }
                }
            }
            tbody { @for one in accounts { (row(one)) } }
        }
    }
}

fn row(one: &NewAccountView) -> Markup {
    let NewAccountView { account, name, joined, deadline, left_seconds, phase, regions } = one;
    // A settled account has no deadline to wait for.
    let mark = phase_sign(*phase);
    html! {
        tr id={"new-" (account)} class=(tone(mark)) {
            th scope="row" {
                (account_link(*account, name.as_ref()))
                p class="note" { "joined " (moment(*joined)) }
            }
            td { (sign(mark)) " " (phase.as_str()) }
            td class="countdown" {
                @if phase.is_settled() { "settled" } @else {
                    (left(*left_seconds))
                    @if *left_seconds > 0 { (countdown(*left_seconds)) }
                    p class="note" { (moment(*deadline)) }
                }
            }
            td class="wide" {
                ul { @for (places, place) in alike(regions) { (place_line(&places, place)) } }
            }
        }
    }
}

/// What is left of the window, as a bar: near at 3 hours, imminent at 1.
pub(super) fn countdown(left_seconds: i64) -> Markup {
    html! {
        meter min="0" max=(RETRY_WINDOW.as_secs()) low=(IMMINENT.as_secs()) high=(NEAR.as_secs())
            optimum=(RETRY_WINDOW.as_secs()) value=(left_seconds.max(0)) aria-label="time left" {}
    }
}

/// Regions in which the account stands alike, by the first of them.
fn alike(
    regions: &BTreeMap<Region, NewAccountInRegion>,
) -> Vec<(Vec<&Region>, &NewAccountInRegion)> {
    let mut groups: Vec<(Vec<&Region>, &NewAccountInRegion)> = Vec::new();
    for (region, place) in regions {
        let is_alike = |(_, other): &&mut (Vec<&Region>, &NewAccountInRegion)| {
            let NewAccountInRegion { phase, missing, recorder, complete: _ } = *other;
            (phase, missing, recorder) == (&place.phase, &place.missing, &place.recorder)
        };
        match groups.iter_mut().find(is_alike) {
            Some((regions, _)) => regions.push(region),
            None => groups.push((vec![region], place)),
        }
    }
    groups
}

fn place_line(regions: &[&Region], place: &NewAccountInRegion) -> Markup {
    let NewAccountInRegion { phase, missing, recorder, complete: _ } = place;
    let names: Vec<String> = regions.iter().map(ToString::to_string).collect();
    html! {
        li {
            (sign(phase_sign(*phase))) " " (first_few(&names, NAMED_MAX)) ": " (phase.as_str())
            @if let Some(region) = regions.first() { (missing_packs(region, missing)) }
            @match recorder {
                None => {}
                Some(RecorderState::Unknown { why }) => {
                    "; recorder not known: " (foreign(why))
                }
                Some(known) => { "; recorder " (known.kind().as_str()) }
            }
        }
    }
}

fn missing_packs(region: &Region, missing: &BTreeSet<PackName>) -> Markup {
    html! {
        @if !missing.is_empty() {
            ", without "
            @for (at, pack) in missing.iter().enumerate() {
                @if at > 0 { ", " }
                (pack_link(region, pack))
            }
        }
    }
}
