//! One pack in one region: how it arrived, and its accounts, page by page.

use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, RawQuery};
use axum::response::Response;
use maud::{Markup, html};
use strum::IntoEnumIterator as _;

use super::filter::{SEARCH, choice_field, form, search, search_field};
use super::parts::{
    Choice, Fact, account_link, age, age_if_any, cause_text, choices, downloads, fact, facts,
    foreign, pack_path, packs_path, paging, scrolling, section, sign, tone,
};
use super::paths::region_path;
use super::problems::said;
use super::shell::Frame;
use crate::domain::base::untrusted::one_line;
use crate::domain::observed::member::StatusKind;
use crate::domain::present::axes::DeploymentMark;
use crate::domain::present::view::deployment::PackDeploymentView;
use crate::domain::present::view::members::{
    AccountOrder, AccountRow, AccountsView, MembersQuery, accounts,
};
use crate::domain::present::view::packs::{PackView, packs};
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::{
    axes, deployment_sign, glance, health_words, owner_sign, person, spoken, sync_words,
};
use crate::domain::present::view::{CurrentState, ListPage};
use crate::http::SharedState;
use crate::http::parameter::{PAGE, Parameter, STATUS, Shape};
use crate::http::query::QueryParameters;
use crate::http::views::{ECHO_MAX, answer, garbled, page};

/// In which order accounts are shown.
const SORT_ACCOUNTS: Parameter = Parameter {
    name: "sort",
    about: "The order of accounts.",
    in_path: false,
    shape: Shape::Word(|| AccountOrder::iter().map(Into::into).collect()),
};

/// `GET /packs/{region}/{pack}`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let Path((region, pack)) = path.map_err(garbled)?;
        let known = [&STATUS, &SEARCH, &SORT_ACCOUNTS, &PAGE];
        let parameters = QueryParameters::of_form(query.as_deref(), &known)?;
        let search = search(&parameters)?;
        let ListPage { number, limit } = page(&parameters)?;
        let asked = MembersQuery {
            region: &one_line(&region, ECHO_MAX),
            pack: &one_line(&pack, ECHO_MAX),
            status: parameters.word(&STATUS)?,
            page: ListPage { number, limit },
            search: &search,
            order: parameters.word(&SORT_ACCOUNTS)?.unwrap_or_default(),
        };
        let view = accounts(facts, &asked)?;
        let of = packs(facts).packs.remove(&view.pack).unwrap_or_default();
        let deployment = of.regions.get(&view.region);
        let title = format!(
            "{}: {} in {}",
            deployment.map_or(DeploymentMark::Unknown, PackDeploymentView::mark).title(),
            view.pack.as_str(),
            view.region.as_str(),
        );
        let frame = Frame { title: &title, here: None, main: main(&view, &of, deployment, &asked) };
        Ok(frame.within(&facts.about, facts.now))
    };
    answer(server, work).await
}

fn main(
    view: &AccountsView,
    of: &PackView,
    deployment: Option<&PackDeploymentView>,
    asked: &MembersQuery<'_>,
) -> Markup {
    html! {
        h1 {
            @if let Some(deployment) = deployment { (sign(deployment_sign(deployment))) " " }
            a class="name" href=(packs_path(&view.pack)) { (view.pack.as_str()) }
            " " small { "in " a href=(region_path(&view.region)) { (view.region.as_str()) } }
        }
        p class="lead" {
            (axes(view.sync, view.health))
            @if let Some(deployment) = deployment { ": " (glance(deployment)) }
            @if let Some(why) = &view.why { ". " (foreign(why)) }
        }
        @if let Some(deployment) = deployment { (deployment_facts(view, of, deployment)) }
        (elsewhere(view, of))
        (members(view, asked))
    }
}

fn deployment_facts(view: &AccountsView, of: &PackView, deployment: &PackDeploymentView) -> Markup {
    let PackDeploymentView {
        sync: _,
        health: _,
        action_required,
        why: _,
        reason: _,
        status,
        last_update,
        action,
        holds,
        rollout,
    } = deployment;
    let mut all: Vec<Fact> = Vec::new();
    if *action_required {
        all.push(fact("next", html! { "action required" }).marked(LineSign::ActionRequired));
    }
    all.push(fact("sync", html! { (sync_words(deployment)) }));
    all.push(fact("health", html! { (health_words(deployment)) }));
    all.extend(action.map(|action| fact("to do", html! { (action.as_str()) })));
    if !holds.is_empty() {
        let holds: Vec<String> = holds.iter().map(|hold| spoken(hold.as_str())).collect();
        all.push(fact("held", html! { (holds.join(", ")) }));
    }
    let status = status.as_ref().map(ToString::to_string);
    all.extend(status.map(|status| fact("AWS's aggregate", html! { (foreign(&status)) })));
    all.extend(last_update.map(|at| fact("changed", age(at, view.now))));
    all.extend(rollout.expected.map(|expected| fact("expected", html! { (expected) " accounts" })));
    all.push(fact("all members read", age_if_any(rollout.resynced, view.now)));
    all.push(fact("those in trouble read", age_if_any(rollout.read, view.now)));
    all.push(match &of.manifest {
        Some(path) => fact("manifest", html! { code { (foreign(path)) } }),
        None => fact("manifest", html! { "none wants it any more" }),
    });
    if !of.labels.is_empty() {
        let labels = of.labels.iter().map(|(key, value)| format!("{key}={value}"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        all.push(fact("labels", html! { (foreign(&labels)) }));
    }
    facts(all)
}

/// The same pack in the other regions.
fn elsewhere(view: &AccountsView, of: &PackView) -> Markup {
    let all = of.regions.iter().map(|(region, deployment)| Choice {
        path: pack_path(region, &view.pack),
        name: format!("{}: {}", region.as_str(), glance(deployment)),
        count: None,
        is_here: *region == view.region,
    });
    html! { @if of.regions.len() > 1 { (choices("This pack by region", all)) } }
}

fn members(view: &AccountsView, asked: &MembersQuery<'_>) -> Markup {
    let path = pack_path(&view.region, &view.pack);
    let kinds = StatusKind::iter();
    let kinds = kinds.filter(|kind| view.counts.of(*kind) > 0 || view.status == Some(*kind));
    let some = kinds.map(|kind| Choice {
        path: format!("{path}?status={}", kind.as_str()),
        name: spoken(kind.as_str()),
        count: Some(view.counts.of(kind)),
        is_here: view.status == Some(kind),
    });
    let all = Choice {
        path: path.clone(),
        name: "all".to_owned(),
        count: None,
        is_here: view.status.is_none(),
    };
    let order: &str = asked.order.into();
    let status = view.status.map_or("", StatusKind::as_str);
    let filter = [
        (STATUS.name, status),
        (SEARCH.name, asked.search),
        (SORT_ACCOUNTS.name, if asked.order == AccountOrder::default() { "" } else { order }),
    ];
    let api = format!("/api/v1/packs/{}/{}/accounts", view.region.as_str(), view.pack.as_str());
    let orders = [
        ("account", "by id"),
        ("name", "by name"),
        ("status", "failed first"),
        ("changed", "changed last"),
    ];
    let fields = html! {
        (search_field("account, code or message", asked.search))
        @if !status.is_empty() { input type="hidden" name=(STATUS.name) value=(status); }
        (choice_field("order", &SORT_ACCOUNTS, order, orders.into_iter()))
    };
    let body = html! {
        (choices("Accounts by status", [all].into_iter().chain(some)))
        (form(&path, "Filter: accounts", !asked.search.is_empty(), &fields))
        @if view.accounts.is_empty() {
            p class="nothing" {
                @if asked.search.is_empty() { "No account is known by name here." }
                @else { "No account contains this text." }
            }
        } @else {
            (scrolling("accounts-scroll", "Accounts", &table(view)))
        }
        @if !view.complete {
            p class="note" { "Not all that are counted are known by name." }
        }
        (paging(&path, &filter, view.page, view.pages))
        (downloads(&api, &[(STATUS.name, status)]))
    };
    section("accounts", "Accounts", &body)
}

fn table(view: &AccountsView) -> Markup {
    html! {
        table class="rows" {
            thead {
                tr {
                    th scope="col" { "account" }
                    th scope="col" { "status" }
                    th scope="col" { "problem and action" }
                    th scope="col" { "changed" }
                }
            }
            tbody { @for one in &view.accounts { (row(one, view)) } }
        }
    }
}

fn row(one: &AccountRow, view: &AccountsView) -> Markup {
    let AccountRow { account, name, status, class, code, message, owner, advice, last_update } =
        one;
    let mark = owner.map_or_else(|| status_sign(*status), owner_sign);
    html! {
        tr id={"account-" (account)} class=(tone(mark)) {
            th scope="row" { (account_link(*account, name.as_ref())) }
            td { (sign(mark)) " " (spoken(status.as_str())) }
            td class="wide" {
                @if let Some(class) = class { strong { (cause_text(Some(*class), *status)) } }
                @if let Some(owner) = owner { " · owner: " (person(*owner)) }
                @if let Some(advice) = advice { p { (foreign(advice)) } }
                (said(code.as_ref(), message.as_ref()))
            }
            td { @if let Some(at) = last_update { (age(*at, view.now)) } }
        }
    }
}

/// The sign of a member that is in no trouble.
fn status_sign(status: StatusKind) -> LineSign {
    match status {
        StatusKind::Ok | StatusKind::Inactive => LineSign::Fine,
        StatusKind::InProgress
        | StatusKind::Waiting
        | StatusKind::NotYetListed
        | StatusKind::Left => LineSign::Moving,
        StatusKind::Failed | StatusKind::Missing => LineSign::ActionRequired,
    }
}
