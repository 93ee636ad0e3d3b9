//! One account, explained: region by region, pack by pack.

use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, RawQuery};
use axum::response::Response;
use maud::{Markup, html};

use super::new_accounts::countdown;
use super::parts::{
    Fact, age, fact, facts, foreign, moment, pack_link, scrolling, section, sign, tone,
};
use super::problems::said;
use super::shell::Frame;
use crate::domain::base::model::{AccountId, AccountState, PackName, Region, UnitId};
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::account::{
    AccountPackView, AccountView, MemberView, PlaceView, account,
};
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::{
    next_line, pack_sign, phase_sign, recorder, status_words, target_words, window,
};
use crate::http::SharedState;
use crate::http::query::QueryParameters;
use crate::http::views::{answer, garbled, misnamed};

/// `GET /accounts/{id}`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let Path(id) = path.map_err(garbled)?;
        QueryParameters::read(query.as_deref(), &[])?;
        let id: AccountId = id.parse().map_err(|_| misnamed(facts, &id))?;
        let view = account(facts, id, None)?;
        let title = format!("{}: {}", word(worst(&view)), view.account);
        let frame = Frame { title: &title, here: None, main: main(&view) };
        Ok(frame.within(&facts.about, facts.now))
    };
    answer(server, work).await
}

/// The sign of the account: that of the pack that needs action most.
fn worst(view: &AccountView) -> LineSign {
    let packs = view.regions.values().flat_map(|place| place.packs.values());
    packs.map(pack_sign).max().unwrap_or(LineSign::Fine)
}

fn word(sign: LineSign) -> &'static str {
    match sign {
        LineSign::Fine => "fine",
        LineSign::Moving => "under way",
        LineSign::Unknown => "not known",
        LineSign::ActionRequired => "action required",
    }
}

fn main(view: &AccountView) -> Markup {
    html! {
        h1 {
            (sign(worst(view))) " " span class="name" { (view.account) }
            @if let Some(name) = &view.member.name { " " small { (foreign(name)) } }
        }
        p class="lead" { (foreign(&view.summary)) }
        (identity(view))
        @for (region, place) in &view.regions { (region_section(view, region, place)) }
    }
}

fn identity(view: &AccountView) -> Markup {
    let MemberView { listed, freshness: _, why, read, name: _, state, joined, units, management } =
        &view.member;
    let mut all: Vec<Fact> = Vec::new();
    // Without an account list the account may still be a member, so "no" would be wrong.
    all.push(match (listed, state) {
        (None, _) => fact("member", html! { "unknown: there is no account list yet" })
            .marked(LineSign::Unknown),
        (Some(false), _) => fact("member", html! { "no" }).marked(LineSign::ActionRequired),
        (Some(true), Some(AccountState::Active)) => fact("member", html! { "yes, active" }),
        (Some(true), Some(state)) => {
            fact("member", html! { (state) ": not expected to have packs" })
                .marked(LineSign::ActionRequired)
        }
        (Some(true), None) => {
            fact("member", html! { "in an unknown state" }).marked(LineSign::Unknown)
        }
    });
    if *management {
        all.push(fact("role", html! { "the management account" }));
    }
    all.extend(joined.map(|at| fact("joined", html! { (moment(at)) ", " (age(at, view.now)) })));
    all.extend(view.clock.as_ref().map(|clock| {
        let (sign, text) = window(clock, view);
        let is_open = sign == LineSign::Moving;
        let text = html! { (text) @if is_open { (countdown(clock.left_seconds)) } };
        fact("7-hour window", text).marked(sign)
    }));
    if let Some(units) = units.as_ref().filter(|units| !units.is_empty()) {
        let units: Vec<&str> = units.iter().map(UnitId::as_str).collect();
        all.push(fact("units", html! { (units.join(" › ")) }));
    }
    all.extend(read.map(|at| {
        let sign = if why.is_some() { LineSign::Unknown } else { LineSign::Fine };
        let text = html! {
            "read " (age(at, view.now))
            @if let Some(why) = why { "; " (foreign(why)) }
        };
        fact("account list", text).marked(sign)
    }));
    facts(all)
}

fn region_section(view: &AccountView, region: &Region, place: &PlaceView) -> Markup {
    let PlaceView { unknown, phase, recorder: seen, packs } = place;
    // An unknown region keeps the packs of its last observation, so both are shown.
    let table = html! {
        table class="rows" {
            thead {
                tr {
                    th scope="col" { "pack" }
                    th scope="col" { "status" }
                    th scope="col" { "what happens next" }
                }
            }
            tbody { @for (name, pack) in packs { (row(view, region, (name, pack))) } }
        }
    };
    let body = html! {
        @if let Some(phase) = phase {
            p { (sign(phase_sign(*phase))) " new account: " (phase.as_str()) }
        }
        @if let Some(seen) = seen {
            @let (mark, text) = recorder(seen, view.now);
            p { (sign(mark)) " recorder: " (foreign(&text)) }
        }
        @if let Some(why) = unknown { p { (sign(LineSign::Unknown)) " unknown: " (foreign(why)) } }
        @if packs.is_empty() {
            p class="nothing" { "No pack is deployed or desired here." }
        } @else {
            (scrolling(&format!("scroll-{}", region.as_str()), region.as_str(), &table))
        }
    };
    section(region.as_str(), region.as_str(), &body)
}

fn row(view: &AccountView, region: &Region, (name, pack): (&PackName, &AccountPackView)) -> Markup {
    let mark = pack_sign(pack);
    html! {
        tr id={(region.as_str()) "-" (name.as_str())} class=(tone(mark)) {
            th scope="row" { (pack_link(region, name)) }
            td class="wide" {
                p {
                    (sign(mark)) " "
                    @if let Some(status) = status_words(pack, view.now) { (foreign(&status)) "; " }
                    (foreign(&target_words(pack)))
                }
                (said(pack.code.as_ref(), pack.message.as_ref()))
            }
            td class="wide" {
                @if let Some(next) = next_line(&pack.next, view.now) { (foreign(&next)) }
            }
        }
    }
}
