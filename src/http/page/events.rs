//! The latest events, newest first.

use axum::extract::{self, RawQuery};
use axum::response::Response;
use maud::{Markup, html};

use super::parts::{account_link, age, foreign, listed, moment, pack_link, scrolling, sign, tone};
use super::paths::EVENTS;
use super::shell::Frame;
use crate::domain::base::model::Timestamp;
use crate::domain::plan::event::{Event, EventKind, Weight};
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::many;
use crate::http::SharedState;
use crate::http::query::QueryParameters;
use crate::http::views::answer;

/// Events that the overview shows.
const LATEST: usize = 8;

/// `GET /events`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let events = server.state.events.borrow().clone();
    let work = move |facts: &mut CurrentState| {
        QueryParameters::read(query.as_deref(), &[])?;
        let title = format!("{}: what happened", many(events.len(), "event"));
        let frame = Frame { title: &title, here: Some(EVENTS), main: main(&events, facts.now) };
        Ok(frame.within(&facts.about, facts.now))
    };
    answer(server, work).await
}

fn main(events: &[Event], now: Timestamp) -> Markup {
    html! {
        h1 { "Events" }
        p class="lead" {
            "What changed since this process started, newest first. The log has everything."
        }
        @if events.is_empty() {
            p class="nothing" { "No events yet." }
        } @else {
            (scrolling("events-scroll", "Events", &table(events.iter().rev(), now)))
        }
    }
}

/// The last few, for the overview.
pub(super) fn latest(events: &[Event], now: Timestamp) -> Markup {
    let body = html! {
        (scrolling("events-scroll", "Latest events", &table(events.iter().rev().take(LATEST), now)))
        p class="note" { a href=(EVENTS) { "all events" } }
    };
    listed("events", "Latest events", events.len(), &body)
}

fn table<'a>(events: impl Iterator<Item = &'a Event>, now: Timestamp) -> Markup {
    html! {
        table class="rows" {
            thead {
                tr {
                    th scope="col" { "when" }
                    th scope="col" { "about" }
                    th scope="col" { "where" }
                    th scope="col" { "what" }
                }
            }
            tbody { @for event in events { (row(event, now)) } }
        }
    }
}

fn row(event: &Event, now: Timestamp) -> Markup {
    let Event { number, at, kind, weight, region, pack, account, text } = event;
    // A screen reader does not read the sign, so a text says the same.
    let mark = weight_sign(*weight);
    html! {
        tr id={"event-" (number)} class=(tone(mark)) {
            td { (age(*at, now)) p class="note" { (moment(*at)) } }
            td { (kind_word(*kind)) }
            td {
                @match (region, pack) {
                    (Some(region), Some(pack)) => {
                        (pack_link(region, pack)) " in " (region.as_str())
                    }
                    (Some(region), None) => { (region.as_str()) }
                    (None, Some(pack)) => { (pack.as_str()) }
                    (None, None) => {}
                }
                @if let Some(account) = account { " " (account_link(*account, None)) }
            }
            td class="wide" {
                (sign(mark)) " "
                @if mark == LineSign::ActionRequired { span class="spoken" { "action required: " } }
                (foreign(text))
            }
        }
    }
}

/// The sign of an event.
fn weight_sign(weight: Weight) -> LineSign {
    match weight {
        Weight::Normal => LineSign::Fine,
        Weight::Warning => LineSign::Moving,
        Weight::Critical => LineSign::ActionRequired,
    }
}

fn kind_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Process => "process",
        EventKind::Source => "source",
        EventKind::Region => "region",
        EventKind::Guard => "guard",
        EventKind::Mutation => "mutation",
        EventKind::Rollout => "rollout",
        EventKind::NewAccount => "new account",
        EventKind::Organization => "organization",
    }
}
