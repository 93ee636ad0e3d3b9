//! The latest events, newest first.

use axum::extract::{self, RawQuery};
use axum::response::Response;
use maud::{Markup, html};

use super::filter::{SEARCH, contains, form, search, search_field};
use super::parts::{
    account_link, age, downloads, foreign, listed, moment, pack_link, paging, scrolling, sign, tone,
};
use super::paths::EVENTS;
use super::shell::Frame;
use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::plan::event::{Event, EventKind, Weight};
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::many;
use crate::domain::present::view::{CurrentState, ListPage};
use crate::http::SharedState;
use crate::http::parameter::PAGE;
use crate::http::query::QueryParameters;
use crate::http::views::{answer, page};

/// Events that the overview shows.
const LATEST: usize = 8;

/// `GET /events`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let events = server.state.events.borrow().clone();
    let work = move |facts: &mut CurrentState| {
        let parameters = QueryParameters::of_form(query.as_deref(), &[&SEARCH, &PAGE])?;
        let asked = EventsPage { search: search(&parameters)?, page: page(&parameters)? };
        let title = format!("{}: what happened", many(events.len(), "event"));
        let frame =
            Frame { title: &title, here: Some(EVENTS), main: main(&events, &asked, facts.now) };
        Ok(frame.within(&facts.about, facts.now))
    };
    answer(server, work).await
}

/// Which events are shown.
struct EventsPage {
    search: String,
    page: ListPage,
}

impl EventsPage {
    fn takes(&self, event: &Event) -> bool {
        let Event { region, pack, account, text, kind, .. } = event;
        let names = [region.as_ref().map(Region::as_str), pack.as_ref().map(PackName::as_str)];
        let account = account.map(|account| account.to_string());
        let texts = names.into_iter().flatten().chain(account.as_deref());
        let mut texts = texts.chain([text.as_str(), kind_word(*kind)]);
        self.search.is_empty() || texts.any(|text| contains(text, &self.search))
    }
}

fn main(events: &[Event], asked: &EventsPage, now: Timestamp) -> Markup {
    let found: Vec<&Event> = events.iter().rev().filter(|event| asked.takes(event)).collect();
    let ListPage { number, limit } = asked.page;
    let pages = found.len().div_ceil(limit.max(1)).max(1);
    let number = number.min(pages);
    let before = number.saturating_sub(1).saturating_mul(limit);
    let shown = found.into_iter().skip(before).take(limit);
    let fields = search_field("text, pack, region or account", &asked.search);
    html! {
        h1 { "Events" }
        p class="lead" {
            "What changed since this process started, newest first. The log has everything."
        }
        @if events.is_empty() {
            p class="nothing" { "No events yet." }
        } @else {
            (form(EVENTS, "Filter: events", !asked.search.is_empty(), &fields))
            (scrolling("events-scroll", "Events", &table(shown, now)))
        }
        (paging(EVENTS, &[(SEARCH.name, asked.search.as_str())], number, pages))
        (downloads("/api/v1/events", &[]))
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
        EventKind::Reloaded => "reloaded",
        EventKind::NotReloaded => "not reloaded",
        EventKind::Source => "source",
        EventKind::Region => "region",
        EventKind::Guard => "guard",
        EventKind::Mutation => "mutation",
        EventKind::Rollout => "rollout",
        EventKind::NewAccount => "new account",
        EventKind::Organization => "organization",
    }
}
