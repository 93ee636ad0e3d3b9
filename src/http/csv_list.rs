//! Lists as CSV, for spreadsheets: the same entries and words as the JSON of the route.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::domain::base::model::{PackName, Timestamp};
use crate::domain::present::view::events::EventsView;
use crate::domain::present::view::members::AccountsView;
use crate::domain::present::view::new_accounts::NewAccountsView;
use crate::domain::present::view::packs::PacksView;
use crate::text::csv::{cell, csv_file};

fn optional(text: Option<&String>) -> String {
    text.map(|text| cell(text)).unwrap_or_default()
}

fn moment(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// A word of a closed set, as JSON has it; empty without one.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.as_ref().and_then(|value| value.as_str()).map(cell).unwrap_or_default()
}

/// The file, with the name under which a browser keeps it.
fn file<const N: usize>(
    name: &'static str,
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Response {
    let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, name)];
    (headers, csv_file(head, rows)).into_response()
}

/// Every pack deployment.
pub(super) fn packs(view: &PacksView) -> Response {
    let deployments = view.packs.iter().flat_map(|(pack, of)| {
        of.regions.iter().map(move |(region, deployment)| (pack, of, region, deployment))
    });
    let rows = deployments.map(|(pack, of, region, deployment)| {
        let counts = deployment.rollout.counts;
        let labels: Vec<String> =
            of.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let holds: Vec<&str> = deployment.holds.iter().map(|hold| hold.as_str()).collect();
        [
            cell(pack.as_str()),
            cell(region.as_str()),
            word(&deployment.sync),
            word(&deployment.health),
            deployment.action_required.to_string(),
            deployment.rollout.expected.map(|number| number.to_string()).unwrap_or_default(),
            counts.ok.to_string(),
            counts.in_progress.to_string(),
            counts.waiting.to_string(),
            counts.failed.to_string(),
            counts.missing.to_string(),
            moment(deployment.last_update),
            holds.join(" "),
            optional(deployment.why.as_ref()),
            optional(of.manifest.as_ref()),
            cell(&labels.join(" ")),
        ]
    });
    let head = [
        "pack",
        "region",
        "sync",
        "health",
        "action_required",
        "expected",
        "ok",
        "in_progress",
        "waiting",
        "failed",
        "missing",
        "last_update",
        "holds",
        "why",
        "manifest",
        "labels",
    ];
    file("attachment; filename=\"packs.csv\"", head, rows)
}

/// The accounts of a pack in a region.
pub(super) fn accounts(view: &AccountsView) -> Response {
    let rows = view.accounts.iter().map(|one| {
        [
            cell(view.region.as_str()),
            cell(view.pack.as_str()),
            one.account.to_string(),
            optional(one.name.as_ref()),
            word(&one.status),
            word(&one.class),
            word(&one.owner),
            optional(one.code.as_ref()),
            optional(one.message.as_ref()),
            optional(one.advice.as_ref()),
            moment(one.last_update),
        ]
    });
    let head = [
        "region",
        "pack",
        "account",
        "name",
        "status",
        "class",
        "owner",
        "code",
        "message",
        "advice",
        "last_update",
    ];
    file("attachment; filename=\"accounts.csv\"", head, rows)
}

/// New accounts, a row for each of their regions.
pub(super) fn new_accounts(view: &NewAccountsView) -> Response {
    let places = view
        .accounts
        .iter()
        .flat_map(|one| one.regions.iter().map(move |(region, place)| (one, region, place)));
    let rows = places.map(|(one, region, place)| {
        let missing: Vec<&str> = place.missing.iter().map(PackName::as_str).collect();
        let recorder = place.recorder.as_ref().map(|recorder| recorder.kind().as_str());
        [
            one.account.to_string(),
            optional(one.name.as_ref()),
            one.joined.to_string(),
            one.deadline.to_string(),
            one.left_seconds.to_string(),
            word(&one.phase),
            cell(region.as_str()),
            word(&place.phase),
            recorder.map(cell).unwrap_or_default(),
            missing.join(" "),
        ]
    });
    let head = [
        "account",
        "name",
        "joined",
        "deadline",
        "left_seconds",
        "phase",
        "region",
        "phase_in_region",
        "recorder",
        "missing",
    ];
    file("attachment; filename=\"new-accounts.csv\"", head, rows)
}

/// Events.
pub(super) fn events(view: &EventsView) -> Response {
    let rows = view.events.iter().map(|one| {
        [
            one.number.to_string(),
            one.at.to_string(),
            word(&one.kind),
            word(&one.weight),
            one.region.as_ref().map(|region| cell(region.as_str())).unwrap_or_default(),
            one.pack.as_ref().map(|pack| cell(pack.as_str())).unwrap_or_default(),
            one.account.map(|account| account.to_string()).unwrap_or_default(),
            cell(&one.text),
        ]
    });
    let head = ["number", "at", "kind", "weight", "region", "pack", "account", "text"];
    file("attachment; filename=\"events.csv\"", head, rows)
}
