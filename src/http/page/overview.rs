//! The first page: the health, then required actions, then every pack.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{self, RawQuery};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use super::deployments::pack_everywhere;
use super::events::latest;
use super::filter::{RowsQuery, SEARCH, SHOW, SORT};
use super::grid::{GridQuery, grid};
use super::guide::{guide, simulated};
use super::holds::hold_list;
use super::new_accounts::pressing;
use super::parts::{
    Fact, account_link, age, age_if_any, copy_button, fact, facts, foreign, listed, pack_path,
    scrolling, sign,
};
use super::paths::{OVERVIEW, PLAN};
use super::problems::problems;
use super::shell::Frame;
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::plan::event::Event;
use crate::domain::present::approval_document::WaitingLosses;
use crate::domain::present::view::approval_ways::{GUARDED_WAYS, UNDECLARED_WAYS};
use crate::domain::present::view::approvals::{
    ApprovalsView, undeclared, undeclared_names, waiting,
};
use crate::domain::present::view::packs::PackLabels;
use crate::domain::present::view::status::{
    FreshnessKind, OrganizationView, RecordView, SourceView, StatusView, status,
};
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::{health_sign, hold_sign, many, span};
use crate::domain::present::view::{ConfirmedCaller, CurrentState, approvals};
use crate::http::SharedState;
use crate::http::parameter::PAGE;
use crate::http::query::QueryParameters;
use crate::http::views::{answer, page};

/// Packs with losses that are listed; the Approval names all.
const LOSSES_MAX: usize = 20;
/// Regions that are named of such a pack; more are counted.
const LOST_REGIONS_MAX: usize = 3;
/// Bytes of an Approval that the page shows; it links to a longer one.
const DOCUMENT_MAX: usize = 16_384;

/// `GET /`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let events = server.state.events.borrow().clone();
    let work = move |facts: &mut CurrentState| {
        let known = [&SEARCH, &SHOW, &SORT, &PAGE];
        let parameters = QueryParameters::of_form(query.as_deref(), &known)?;
        let rows = RowsQuery::of(&parameters)?;
        // The id of an account is all that is asked for: its page answers.
        if let Ok(account) = rows.search.parse::<AccountId>() {
            return Ok(Redirect::to(&format!("/accounts/{account}")).into_response());
        }
        let asked = GridQuery { rows, page: page(&parameters)?.number };
        let view = status(facts);
        let table = grid(&view.regions, &PackLabels::of(facts), &asked);
        let frame = Frame {
            title: view.health.state.title(),
            here: Some(OVERVIEW),
            main: main(&view, &approvals::approvals(facts), &table, &events),
        };
        Ok(frame.within(&facts.about, facts.now))
    };
    answer(server, work).await
}

fn main(view: &StatusView, asked: &ApprovalsView, table: &Markup, events: &[Event]) -> Markup {
    html! {
        h1 { (sign(health_sign(view.health.state))) " " (view.health.state.title()) }
        p class="lead" { (foreign(&view.health.summary)) }
        (background(view))
        (guide(view))
        (approvals(view, asked))
        (problems(&view.problems))
        (table)
        (pressing(&view.new_accounts))
        (holds(view))
        (latest(events, view.now))
        (simulated(view))
    }
}

/// The program and its inputs.
fn background(view: &StatusView) -> Markup {
    let StatusView { program, mode, caller, source, organization, record, now, .. } = view;
    let all = [
        fact("mode", html! { (mode) }),
        identity(caller),
        revision(source, view),
        manifests(source),
        account_list(organization),
        remembered(record, *now),
        fact("running since", html! { (age(program.started, *now)) }),
    ];
    facts(all)
}

fn identity(caller: &ConfirmedCaller) -> Fact {
    match caller {
        ConfirmedCaller::Confirmed { account } => {
            fact("authenticated as", account_link(*account, None))
        }
        ConfirmedCaller::Unconfirmed { problem } => {
            let why = problem.as_deref().unwrap_or("not read yet");
            fact("authenticated as", html! { "not confirmed: " (foreign(why)) })
                .marked(LineSign::Unknown)
        }
    }
}

fn revision(source: &SourceView, view: &StatusView) -> Fact {
    let text = html! {
        @if let Some(revision) = &source.revision {
            code { (foreign(&revision.0)) } ", "
        }
        "read " (age_if_any(source.read_last, view.now))
    };
    let sign = match (&source.problem, source.read_last) {
        (Some(_), _) => LineSign::ActionRequired,
        (None, None) => LineSign::Unknown,
        (None, Some(_)) => LineSign::Fine,
    };
    fact("revision", text).marked(sign)
}

fn manifests(source: &SourceView) -> Fact {
    let declared = &source.declared;
    let text = html! {
        (declared.valid) " valid"
        @if declared.invalid > 0 { ", " (declared.invalid) " invalid" }
    };
    let sign = if declared.invalid > 0 { LineSign::ActionRequired } else { LineSign::Fine };
    fact("manifests", text).marked(sign)
}

fn remembered(record: &RecordView, now: Timestamp) -> Fact {
    let RecordView { usable, began, problem } = record;
    match (usable, began, problem) {
        (true, Some(began), _) => fact("record", html! { "since " (age(*began, now)) }),
        (_, _, Some(why)) => {
            fact("record", html! { "none: " (foreign(why)) }).marked(LineSign::Unknown)
        }
        (_, _, None) => {
            fact("record", html! { "none: losses are forgotten when the process ends" })
        }
    }
}

fn account_list(organization: &OrganizationView) -> Fact {
    let OrganizationView { freshness, why: _, age_seconds, list } = organization;
    let age = age_seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let text = html! {
        @if let Some(age) = age {
            (many(list.accounts, "account")) ", read " (span(age)) " ago"
        } @else {
            "never read"
        }
    };
    let sign = match freshness {
        FreshnessKind::Current => LineSign::Fine,
        FreshnessKind::Frozen => LineSign::ActionRequired,
        FreshnessKind::Unknown => LineSign::Unknown,
    };
    fact("account list", text).marked(sign)
}

/// What waits for an approval, once for all regions, with the document that permits it.
fn approvals(view: &StatusView, asked: &ApprovalsView) -> Markup {
    // Losses of the guard and undeclared packs are separate entries: an approval permits both, but
    // a manifest with `state: Absent` settles only the second.
    let waiting = waiting(&view.regions);
    let (guarded, undeclared) = (waiting.guarded(), undeclared(&waiting));
    let count = usize::from(guarded.is_some()).saturating_add(usize::from(undeclared.is_some()));
    let body = html! {
        ul class="entries" {
            @if let Some(guarded) = &guarded {
                li class="needy" {
                    h3 {
                        (sign(LineSign::ActionRequired)) " Waiting for approval: "
                        (foreign(&guarded.summary()))
                    }
                    ul {
                        @for why in guarded.reasons() { li { (foreign(why)) } }
                    }
                    p { (foreign(GUARDED_WAYS)) " " a href=(PLAN) { "The plan" } "." }
                    (losses(guarded))
                }
            }
            @if let Some(undeclared) = &undeclared {
                li class="needy" {
                    h3 { (sign(LineSign::ActionRequired)) " " (undeclared) }
                    p { (undeclared_names(&waiting)) ". " (UNDECLARED_WAYS) }
                }
            }
        }
        @if let Some(document) = &asked.document {
            details id="approval" {
                summary { "The Approval that permits this; fill in its reason before you commit \
                    it" }
                (approval(document))
            }
        }
    };
    listed("approvals", "Waiting for approval", count, &body)
}

/// The document, unless it is too long for this page.
fn approval(document: &str) -> Markup {
    if document.len() > DOCUMENT_MAX {
        let lines = document.lines().count();
        return html! {
            p {
                "It has " (many(lines, "line")) ": "
                a href="/api/v1/approvals/pending?format=text" { "the Approval as text" }
            }
        };
    }
    let text = html! { pre id="approval-document" { (document) } };
    html! {
        (copy_button("approval-document"))
        (scrolling("approval-text", "Approval manifest", &text))
    }
}

/// Packs that would lose something, each with its regions.
fn losses(waiting: &WaitingLosses) -> Markup {
    let mut packs: BTreeMap<&PackName, BTreeSet<&Region>> = BTreeMap::new();
    for at in waiting.losses() {
        packs.entry(&at.pack).or_default().insert(&at.region);
    }
    let more = packs.len().saturating_sub(LOSSES_MAX);
    html! {
        ul {
            @for (pack, regions) in packs.iter().take(LOSSES_MAX) {
                li {
                    @if regions.len() > LOST_REGIONS_MAX {
                        (pack_everywhere(pack)) " in " (many(regions.len(), "region"))
                    } @else {
                        (pack.as_str()) " in "
                        @for (at, region) in regions.iter().enumerate() {
                            @if at > 0 { ", " }
                            a href=(pack_path(region, pack)) { (region.as_str()) }
                        }
                    }
                }
            }
            @if more > 0 { li { "and " (many(more, "more pack")) } }
        }
    }
}

/// What waits for time alone, for whoever asks for it. What waits for more is a problem.
fn holds(view: &StatusView) -> Markup {
    let reports = view.regions.iter().filter_map(|(name, of)| Some((name, of.report.as_ref()?)));
    let all = reports.flat_map(|(name, report)| report.holds.iter().map(move |hold| (name, hold)));
    let brief: Vec<_> =
        all.filter(|(_, hold)| hold_sign(hold.reason) == LineSign::Moving).collect();
    let body = html! {
        details id="holds-brief" {
            summary { (many(brief.len(), "hold")) " that time lifts" }
            (hold_list(&brief))
        }
    };
    listed("holds", "Held", brief.len(), &body)
}
