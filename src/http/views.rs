//! The documents of the API (`domain/present/view`): status, packs, accounts, new accounts, plan,
//! events.
//!
//! They are made off the runtime's threads, a few at a time: an organization may have millions of
//! members, and a scrape or a probe must not wait for a reader.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, RawQuery};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{problem, simulated_line, text};
use super::csv_list;
use super::parameter::{AFTER, FORMAT, LIMIT, LIST_FORMAT, PACK, PAGE, PHASE, REGIONS, STATUS};
use super::query::QueryParameters;
use super::{API_VERSION, SharedState};
use crate::domain::base::model::{AccountId, Region};
use crate::domain::base::untrusted::one_line;
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::plan::region_plan::Plan;
use crate::domain::present::plan_text::{PlanText, Values};
use crate::domain::present::view::account::{IS_NAME_OF, account, called, similar};
use crate::domain::present::view::members::{AccountOrder, MembersQuery, accounts};
use crate::domain::present::view::status::status;
use crate::domain::present::view::{
    CurrentState, ListPage, NotFound, approvals, events, new_accounts, packs,
};
use crate::http::format::{DocumentFormat, ListFormat};
use crate::text::{self as texts, Layout};

/// Characters of what was asked for that are repeated in a refusal.
pub(super) const ECHO_MAX: usize = 128;

/// Why there is no such document.
pub(super) enum ViewRefusal {
    /// The question makes no sense: 400.
    Bad(String),
    /// What it asks about does not exist: 404.
    Absent(String),
}

impl From<String> for ViewRefusal {
    fn from(why: String) -> Self {
        Self::Bad(why)
    }
}

impl From<NotFound> for ViewRefusal {
    fn from(absent: NotFound) -> Self {
        Self::Absent(absent.to_string())
    }
}

/// A document, or why there is none.
pub(super) type DocumentResult = Result<Response, ViewRefusal>;

/// Makes a document of what is known now.
pub(super) async fn answer(
    server: SharedState,
    work: impl FnOnce(&mut CurrentState) -> DocumentResult + Send + 'static,
) -> Response {
    // The permit goes with the work, which runs on even if the client has gone.
    let Ok(permit) = Arc::clone(&server.views).acquire_owned().await else {
        return problem(&server, StatusCode::SERVICE_UNAVAILABLE, "stopping");
    };
    let working = Arc::clone(&server);
    let work = move || {
        let _permit = permit;
        match work(&mut working.state.current.facts()) {
            Ok(response) => response,
            Err(ViewRefusal::Bad(why)) => problem(&working, StatusCode::BAD_REQUEST, &why),
            Err(ViewRefusal::Absent(why)) => problem(&working, StatusCode::NOT_FOUND, &why),
        }
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            // Resumed in the task of the request, where it is counted and answered.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => problem(&server, StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        },
    }
}

impl DocumentFormat {
    fn of(given: &QueryParameters) -> Result<Self, String> {
        Ok(given.word(&FORMAT)?.unwrap_or(Self::Json))
    }

    fn write<T: Serialize>(self, view: &T, read: impl FnOnce(&T, Layout) -> String) -> Response {
        match self {
            Self::Json => Json(view).into_response(),
            Self::Text => text(read(view, Layout::default())),
        }
    }
}

impl ListFormat {
    fn of(given: &QueryParameters) -> Result<Self, String> {
        Ok(given.word(&LIST_FORMAT)?.unwrap_or(Self::Json))
    }

    fn write<T: Serialize>(self, view: &T, csv: impl FnOnce(&T) -> Response) -> Response {
        match self {
            Self::Json => Json(view).into_response(),
            Self::Csv => csv(view),
        }
    }

    /// How many entries an answer holds at most. A file that is not asked for by pages is whole: it
    /// is kept and read later, where a missing rest would not be noticed.
    fn limit(self, given: &QueryParameters) -> Result<usize, String> {
        let is_paged = given.number(&LIMIT)?.is_some() || given.number(&PAGE)?.is_some();
        if self == Self::Csv && !is_paged { Ok(usize::MAX) } else { limit(given) }
    }
}

/// A path that is no text.
pub(super) fn garbled(_: PathRejection) -> ViewRefusal {
    ViewRefusal::Bad("the path is not valid UTF-8".to_owned())
}

/// The page that is asked for.
pub(super) fn page(given: &QueryParameters) -> Result<ListPage, String> {
    let first = ListPage::default();
    let number = given.number(&PAGE)?.and_then(|number| usize::try_from(number).ok());
    Ok(ListPage { number: number.unwrap_or(first.number), limit: limit(given)? })
}

fn limit(given: &QueryParameters) -> Result<usize, String> {
    let limit = given.number(&LIMIT)?.and_then(|limit| usize::try_from(limit).ok());
    Ok(limit.unwrap_or(ListPage::LIMIT))
}

/// `GET /api/v1/status`
pub(super) async fn show_status(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let parameters = QueryParameters::read(query.as_deref(), &[&FORMAT, &REGIONS])?;
        let format = DocumentFormat::of(&parameters)?;
        only(facts, &parameters)?;
        Ok(format.write(&status(facts), texts::status))
    };
    answer(server, work).await
}

/// Leaves only the regions that are asked for.
fn only(facts: &mut CurrentState, given: &QueryParameters) -> Result<(), ViewRefusal> {
    let split = |text: &str| text.split(',').map(|one| one.parse().ok()).collect();
    let regions: Option<BTreeSet<Region>> =
        given.get(REGIONS.name, "a list of regions with commas between them", split)?;
    Ok(regions.map_or(Ok(()), |regions| facts.only(regions))?)
}

/// `GET /api/v1/approvals/pending`
pub(super) async fn show_approvals(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let parameters = QueryParameters::read(query.as_deref(), &[&FORMAT, &REGIONS])?;
        let format = DocumentFormat::of(&parameters)?;
        only(facts, &parameters)?;
        Ok(format.write(&approvals::approvals(facts), |view, _| {
            view.document.clone().unwrap_or_else(|| "# Nothing waits for approval.\n".to_owned())
        }))
    };
    answer(server, work).await
}

/// `GET /api/v1/packs`
pub(super) async fn list_packs(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let parameters = QueryParameters::read(query.as_deref(), &[&REGIONS, &PACK, &LIST_FORMAT])?;
        let format = ListFormat::of(&parameters)?;
        only(facts, &parameters)?;
        let pack =
            parameters.get(PACK.name, "a pack name", |text| Some(one_line(text, ECHO_MAX)))?;
        let mut view = packs::packs(facts);
        if let Some(pack) = pack {
            view.only(&pack)?;
        }
        Ok(format.write(&view, csv_list::packs))
    };
    answer(server, work).await
}

/// `GET /api/v1/packs/{region}/{pack}/accounts`
pub(super) async fn list_accounts(
    extract::State(server): extract::State<SharedState>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let Path((region, pack)) = path.map_err(garbled)?;
        let known = [&STATUS, &PAGE, &LIMIT, &LIST_FORMAT];
        let parameters = QueryParameters::read(query.as_deref(), &known)?;
        let format = ListFormat::of(&parameters)?;
        let asked = MembersQuery {
            region: &one_line(&region, ECHO_MAX),
            pack: &one_line(&pack, ECHO_MAX),
            status: parameters.word(&STATUS)?,
            page: ListPage { limit: format.limit(&parameters)?, ..page(&parameters)? },
            search: "",
            order: AccountOrder::default(),
        };
        Ok(format.write(&accounts(facts, &asked)?, csv_list::accounts))
    };
    answer(server, work).await
}

/// `GET /api/v1/accounts/{id}`
pub(super) async fn show_account(
    extract::State(server): extract::State<SharedState>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let Path(id) = path.map_err(garbled)?;
        let parameters = QueryParameters::read(query.as_deref(), &[&FORMAT, &PACK])?;
        let format = DocumentFormat::of(&parameters)?;
        let pack =
            parameters.get(PACK.name, "a pack name", |text| Some(one_line(text, ECHO_MAX)))?;
        let id: AccountId = id.parse().map_err(|_| misnamed(facts, &id))?;
        Ok(format.write(&account(facts, id, pack.as_deref())?, texts::account))
    };
    answer(server, work).await
}

/// An account that is not asked for by its id.
pub(super) fn misnamed(facts: &CurrentState, word: &str) -> ViewRefusal {
    let ids: Vec<String> = called(facts, word).iter().map(ToString::to_string).collect();
    let shown = one_line(word, ECHO_MAX);
    ViewRefusal::Absent(if ids.is_empty() {
        format!("no account has the id or name {shown}; {}", similar(facts, word))
    } else {
        format!("there is no account id {shown}; {IS_NAME_OF}{}", ids.join(", "))
    })
}

/// `GET /api/v1/new-accounts`
pub(super) async fn list_new_accounts(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let known = [&PHASE, &PAGE, &LIMIT, &LIST_FORMAT];
        let parameters = QueryParameters::read(query.as_deref(), &known)?;
        let format = ListFormat::of(&parameters)?;
        let phase = parameters.word(&PHASE)?;
        let page = ListPage { limit: format.limit(&parameters)?, ..page(&parameters)? };
        Ok(format.write(&new_accounts::page(facts, phase, page), csv_list::new_accounts))
    };
    answer(server, work).await
}

/// Why members fail: `GET /api/v1/failure-classes`.
#[derive(Serialize, JsonSchema)]
pub(super) struct FailureClassesAnswer {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// Every class, in the order in which they are tried.
    classes: Vec<DescribedClass>,
}

/// One class of failures.
#[derive(Serialize, JsonSchema)]
struct DescribedClass {
    /// The word that the other documents use.
    class: FailureClass,
    /// Who must act.
    owner: Owner,
    /// What to do, in one sentence.
    advice: &'static str,
}

/// `GET /api/v1/failure-classes`
pub(super) async fn list_failure_classes(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        QueryParameters::read(query.as_deref(), &[])?;
        let described = |class: FailureClass| DescribedClass {
            class,
            owner: class.owner(),
            advice: class.advice(),
        };
        let classes = FailureClass::ALL.map(described).into();
        let simulated = facts.about.simulated;
        Ok(Json(FailureClassesAnswer { version: API_VERSION, simulated, classes }).into_response())
    };
    answer(server, work).await
}

/// What is planned: `GET /api/v1/plan`.
#[derive(Serialize, JsonSchema)]
pub(super) struct PlanAnswer<'a> {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// The plan of the last reconciliation of each region.
    plans: BTreeMap<&'a Region, &'a Plan>,
}

/// `GET /api/v1/plan`
pub(super) async fn show_plan(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        let parameters = QueryParameters::read(query.as_deref(), &[&FORMAT])?;
        let format = DocumentFormat::of(&parameters)?;
        let plans = facts.reports.iter().map(|(region, report)| (region, &report.plan));
        let simulated = facts.about.simulated;
        let planned = PlanAnswer { version: API_VERSION, simulated, plans: plans.collect() };
        Ok(format.write(&planned, |planned, _| {
            let plans = planned.plans.values();
            let plans = plans.map(|plan| PlanText { plan, values: Values::Hidden }.to_string());
            plans.fold(simulated_line(simulated).to_owned(), |page, plan| page + &plan)
        }))
    };
    answer(server, work).await
}

/// `GET /api/v1/events`
pub(super) async fn list_events(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let all = server.state.events.borrow().clone();
    let work = move |facts: &mut CurrentState| {
        let known = [&AFTER, &LIMIT, &LIST_FORMAT];
        let parameters = QueryParameters::read(query.as_deref(), &known)?;
        let format = ListFormat::of(&parameters)?;
        let limit = format.limit(&parameters)?;
        let asked = events::EventsQuery { after: parameters.number(&AFTER)?, limit };
        Ok(format.write(&events::events(facts, &all, asked), csv_list::events))
    };
    answer(server, work).await
}
