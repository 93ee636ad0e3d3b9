//! The documents for people (`domain/view`): status, packs, accounts, new accounts.
//!
//! They are made off the runtime's threads, a few at a time: an organization may have millions of
//! members, and a scrape or a probe must not wait for a reader.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, RawQuery};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::Shared;
use super::answer::{problem, text};
use super::query::Parameters;
use crate::domain::foreign::one_line;
use crate::domain::member::StatusKind;
use crate::domain::model::{AccountId, Region};
use crate::domain::newcomer::Phase;
use crate::domain::view::account::{account, called};
use crate::domain::view::members::{Asked, accounts};
use crate::domain::view::status::status;
use crate::domain::view::text::{self as texts, Layout};
use crate::domain::view::{Absent, Facts, Page, newcomers, packs};

/// Characters of what was asked for that are repeated in a refusal.
pub(super) const ECHO_MAX: usize = 128;

/// Why there is no such document.
pub(super) enum Refusal {
    /// The question makes no sense: 400.
    Bad(String),
    /// What it asks about does not exist: 404.
    Absent(String),
}

impl From<Absent> for Refusal {
    fn from(absent: Absent) -> Self {
        Self::Absent(absent.to_string())
    }
}

/// A document, or why there is none.
pub(super) type Answer = Result<Response, Refusal>;

/// Makes a document of what is known now.
pub(super) async fn answer(
    server: Shared,
    work: impl FnOnce(&mut Facts) -> Answer + Send + 'static,
) -> Response {
    // The permit goes with the work, which runs on even when nobody waits for it any more.
    let Ok(permit) = Arc::clone(&server.views).acquire_owned().await else {
        return problem(&server, StatusCode::SERVICE_UNAVAILABLE, "stopping");
    };
    let working = Arc::clone(&server);
    let work = move || {
        let _permit = permit;
        match work(&mut working.state.facts()) {
            Ok(response) => response,
            Err(Refusal::Bad(why)) => problem(&working, StatusCode::BAD_REQUEST, &why),
            Err(Refusal::Absent(why)) => problem(&working, StatusCode::NOT_FOUND, &why),
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

/// How a document is written.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Text,
}

impl Format {
    const NAME: &str = "format";

    fn of(parameters: &Parameters) -> Result<Self, Refusal> {
        let parse = |text: &str| match text {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            _ => None,
        };
        let format = parameters.get(Self::NAME, "json or text", parse);
        Ok(format.map_err(Refusal::Bad)?.unwrap_or(Self::Json))
    }

    fn write<T: Serialize>(self, view: &T, read: impl FnOnce(&T, Layout) -> String) -> Response {
        match self {
            Self::Json => Json(view).into_response(),
            Self::Text => text(read(view, Layout::default())),
        }
    }
}

/// What is asked for, of what may be.
pub(super) fn parameters(query: Option<&str>, known: &[&str]) -> Result<Parameters, Refusal> {
    Parameters::read(query, known).map_err(Refusal::Bad)
}

/// A path that is no text.
pub(super) fn garbled(_: PathRejection) -> Refusal {
    Refusal::Bad("the path is no text".to_owned())
}

/// The page that is asked for.
pub(super) fn page(parameters: &Parameters) -> Result<Page, Refusal> {
    let at_least_one = |text: &str| text.parse().ok().filter(|number| 1 <= *number);
    let within = |text: &str| at_least_one(text).filter(|limit| *limit <= Page::LIMIT_MAX);
    let number = parameters.get("page", "a number from 1", at_least_one).map_err(Refusal::Bad)?;
    let limit = parameters.get("limit", "a number from 1 to 1000", within).map_err(Refusal::Bad)?;
    let first = Page::default();
    Ok(Page { number: number.unwrap_or(first.number), limit: limit.unwrap_or(first.limit) })
}

/// One word of a closed set.
pub(super) fn word<T: Copy>(
    parameters: &Parameters,
    name: &str,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Refusal> {
    let words: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
    let find = |text: &str| all.iter().copied().find(|one| as_str(*one) == text);
    parameters.get(name, &format!("one of {}", words.join(", ")), find).map_err(Refusal::Bad)
}

/// `GET /api/v1/status`
pub(super) async fn show_status(
    extract::State(server): extract::State<Shared>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut Facts| {
        let parameters = parameters(query.as_deref(), &[Format::NAME, "regions"])?;
        let format = Format::of(&parameters)?;
        let split = |text: &str| text.split(',').map(|one| one.parse().ok()).collect();
        let regions: Option<BTreeSet<Region>> = parameters
            .get("regions", "a list of regions with commas between them", split)
            .map_err(Refusal::Bad)?;
        if let Some(regions) = regions {
            facts.only(regions)?;
        }
        Ok(format.write(&status(facts), texts::status))
    };
    answer(server, work).await
}

/// `GET /api/v1/packs`
pub(super) async fn list_packs(
    extract::State(server): extract::State<Shared>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut Facts| {
        parameters(query.as_deref(), &[])?;
        Ok(Json(packs::packs(facts)).into_response())
    };
    answer(server, work).await
}

/// `GET /api/v1/packs/{region}/{pack}/accounts`
pub(super) async fn list_accounts(
    extract::State(server): extract::State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut Facts| {
        let Path((region, pack)) = path.map_err(garbled)?;
        let parameters = parameters(query.as_deref(), &["status", "page", "limit"])?;
        let asked = Asked {
            region: &one_line(&region, ECHO_MAX),
            pack: &one_line(&pack, ECHO_MAX),
            status: word(&parameters, "status", &StatusKind::ALL, StatusKind::as_str)?,
            page: page(&parameters)?,
        };
        Ok(Json(accounts(facts, &asked)?).into_response())
    };
    answer(server, work).await
}

/// `GET /api/v1/accounts/{id}`
pub(super) async fn show_account(
    extract::State(server): extract::State<Shared>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut Facts| {
        let Path(id) = path.map_err(garbled)?;
        let parameters = parameters(query.as_deref(), &[Format::NAME, "pack"])?;
        let format = Format::of(&parameters)?;
        let pack = parameters.get("pack", "a pack name", |text| Some(one_line(text, ECHO_MAX)));
        let pack = pack.map_err(Refusal::Bad)?;
        let id: AccountId = id.parse().map_err(|_| misnamed(facts, &id))?;
        Ok(format.write(&account(facts, id, pack.as_deref())?, texts::account))
    };
    answer(server, work).await
}

/// An account that is not asked for by its id.
pub(super) fn misnamed(facts: &Facts, word: &str) -> Refusal {
    let ids: Vec<String> = called(facts, word).iter().map(ToString::to_string).collect();
    let hint = if ids.is_empty() {
        "an account id has 12 digits".to_owned()
    } else {
        format!("that is the name of {}", ids.join(", "))
    };
    Refusal::Absent(format!("there is no account id {}; {hint}", one_line(word, ECHO_MAX)))
}

/// `GET /api/v1/new-accounts`
pub(super) async fn list_newcomers(
    extract::State(server): extract::State<Shared>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut Facts| {
        let parameters = parameters(query.as_deref(), &["phase", "page", "limit"])?;
        let phase = word(&parameters, "phase", &Phase::ALL, Phase::as_str)?;
        Ok(Json(newcomers::page(facts, phase, page(&parameters)?)).into_response())
    };
    answer(server, work).await
}
