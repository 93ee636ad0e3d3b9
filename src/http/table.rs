//! The routes of the API: one table that makes the router, the labels of the metrics and the
//! `OpenAPI` document. The pages for browsers are in `page`.

use std::sync::LazyLock;

use axum::routing::{get, post};
use schemars::SchemaGenerator;
use serde_json::Value;

use super::handlers::{ReconcileAnswer, index, reconcile, scrape};
use super::health::{Health, Readiness, healthz, readyz};
use super::parameter::{
    AFTER, FORMAT, ID, LIMIT, LIST_FORMAT, PACK, PACK_OF, PAGE, PHASE, REGION, REGIONS, STATUS,
};
use super::route::AnswerKind;
use super::{openapi, views};
use crate::domain::present::view::account::AccountView;
use crate::domain::present::view::approvals::ApprovalsView;
use crate::domain::present::view::events::EventsView;
use crate::domain::present::view::members::AccountsView;
use crate::domain::present::view::new_accounts::NewAccountsView;
use crate::domain::present::view::packs::PacksView;
use crate::domain::present::view::status::StatusView;
use crate::http::route::{Form, Route, RouteTable, Side};

/// A document of this type.
const fn json<T: schemars::JsonSchema>() -> Form {
    Form::Json(SchemaGenerator::subschema_for::<T>)
}

const fn fine(about: &'static str, forms: &'static [Form]) -> AnswerKind {
    AnswerKind { code: 200, about, forms }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(&ROUTES));

/// The table and its document.
pub(super) static LISTING: RouteTable = RouteTable { routes: &ROUTES, document: &DOCUMENT };

/// The `OpenAPI` document of every route.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// Everything, in the order in which people are shown it.
pub(super) static ROUTES: [Route; 15] = [
    Route {
        path: "/api/v1",
        side: Side::Main,
        id: "showRoutes",
        about: "this list",
        more: "",
        is_mutation: false,
        parameters: &[],
        answers: &[fine("What there is.", &[Form::Text])],
        serve: || get(index),
    },
    Route {
        path: "/metrics",
        side: Side::Metrics,
        id: "scrape",
        about: "metrics, for Prometheus",
        more: "In the text format 0.0.4.",
        is_mutation: false,
        parameters: &[],
        answers: &[fine("Every metric.", &[Form::Text])],
        serve: || get(scrape),
    },
    Route {
        path: "/healthz",
        side: Side::Both,
        id: "showHealth",
        about: "whether the tasks of the daemon run",
        more: "It does not depend on the availability of AWS, which a restart would not improve.",
        is_mutation: false,
        parameters: &[],
        answers: &[
            fine("Every task sends heartbeats.", &[json::<Health>()]),
            AnswerKind { code: 503, about: "At least one task hangs.", forms: &[json::<Health>()] },
        ],
        serve: || get(healthz),
    },
    Route {
        path: "/readyz",
        side: Side::Both,
        id: "showReadiness",
        about: "whether the source was read and AWS confirmed the credentials",
        more: "",
        is_mutation: false,
        parameters: &[],
        answers: &[
            fine("The daemon is ready.", &[json::<Readiness>()]),
            AnswerKind {
                code: 503,
                about: "The daemon is not ready yet, or is stopping.",
                forms: &[json::<Readiness>()],
            },
        ],
        serve: || get(readyz),
    },
    Route {
        path: "/api/v1/status",
        side: Side::Main,
        id: "showStatus",
        about: "the status of every region, with reasons; ?format=text for text",
        more: "",
        is_mutation: false,
        parameters: &[&REGIONS, &FORMAT],
        answers: &[fine("The whole state.", &[json::<StatusView>(), Form::Text])],
        serve: || get(views::show_status),
    },
    Route {
        path: "/api/v1/packs",
        side: Side::Main,
        id: "listPacks",
        about: "every pack in every region; ?format=csv for CSV",
        more: "",
        is_mutation: false,
        parameters: &[&REGIONS, &PACK, &LIST_FORMAT],
        answers: &[fine(
            "Every pack that is declared, or that this installation owns.",
            &[json::<PacksView>(), Form::Csv],
        )],
        serve: || get(views::list_packs),
    },
    Route {
        path: "/api/v1/packs/{region}/{pack}/accounts",
        side: Side::Main,
        id: "listAccounts",
        about: "the accounts of one pack; ?status=failed, ?page=2; ?format=csv for CSV",
        more: "",
        is_mutation: false,
        parameters: &[&REGION, &PACK_OF, &STATUS, &PAGE, &LIMIT, &LIST_FORMAT],
        answers: &[fine("A page of the accounts, by id.", &[json::<AccountsView>(), Form::Csv])],
        serve: || get(views::list_accounts),
    },
    Route {
        path: "/api/v1/accounts/{id}",
        side: Side::Main,
        id: "showAccount",
        about: "one account explained; ?format=text for text",
        more: "",
        is_mutation: false,
        parameters: &[&ID, &PACK, &FORMAT],
        answers: &[fine("Its status for every pack.", &[json::<AccountView>(), Form::Text])],
        serve: || get(views::show_account),
    },
    Route {
        path: "/api/v1/failure-classes",
        side: Side::Main,
        id: "listFailureClasses",
        about: "why members fail: every class, who must act, and what to do",
        more: "",
        is_mutation: false,
        parameters: &[],
        answers: &[fine("Every class.", &[json::<views::FailureClassesAnswer>()])],
        serve: || get(views::list_failure_classes),
    },
    Route {
        path: "/api/v1/new-accounts",
        side: Side::Main,
        id: "listNewAccounts",
        about: "new accounts, and the time until their deadlines; ?format=csv for CSV",
        more: "",
        is_mutation: false,
        parameters: &[&PHASE, &PAGE, &LIMIT, &LIST_FORMAT],
        answers: &[fine("A page of them, by id.", &[json::<NewAccountsView>(), Form::Csv])],
        serve: || get(views::list_new_accounts),
    },
    Route {
        path: "/api/v1/plan",
        side: Side::Main,
        id: "showPlan",
        about: "the last plan of every region; ?format=text for text",
        more: "Values of parameters are shown as digests.",
        is_mutation: false,
        parameters: &[&FORMAT],
        answers: &[fine("The plan of each region.", &[json::<views::PlanAnswer>(), Form::Text])],
        serve: || get(views::show_plan),
    },
    Route {
        path: "/api/v1/approvals/pending",
        side: Side::Main,
        id: "showPendingApprovals",
        about: "losses that wait for an approval, and the Approval that permits them; \
            ?format=text for the Approval",
        more: "The reason in the document is empty, and an approval without one is refused: \
               `conformd approve --reason` prints it with one.",
        is_mutation: false,
        parameters: &[&REGIONS, &FORMAT],
        answers: &[fine(
            "All losses that wait for approval.",
            &[json::<ApprovalsView>(), Form::Text],
        )],
        serve: || get(views::show_approvals),
    },
    Route {
        path: "/api/v1/events",
        side: Side::Main,
        id: "listEvents",
        about: "the latest events; ?after=NUMBER for later ones; ?format=csv for CSV",
        more: "The newest 500 are kept in memory. To poll, request the events after the last \
               number that you received, and begin again with after=0 when `started` changes.",
        is_mutation: false,
        parameters: &[&AFTER, &LIMIT, &LIST_FORMAT],
        answers: &[fine("Events, the oldest first.", &[json::<EventsView>(), Form::Csv])],
        serve: || get(views::list_events),
    },
    Route {
        path: "/api/v1/openapi.json",
        side: Side::Main,
        id: "showDocument",
        about: "this API as an OpenAPI 3.1 document",
        more: "",
        is_mutation: false,
        parameters: &[],
        answers: &[fine("This document.", &[json::<openapi::OpenApiDocument>()])],
        serve: || get(openapi::show),
    },
    Route {
        path: "/api/v1/reconcile",
        side: Side::Main,
        id: "reconcile",
        about: "POST: reconcile now",
        more: "Requests a reconciliation of every region; the manifests decide what it changes. \
               A body is read and ignored.",
        is_mutation: true,
        parameters: &[],
        answers: &[AnswerKind {
            code: 202,
            about: "The reconciliation was requested.",
            forms: &[json::<ReconcileAnswer>()],
        }],
        serve: || post(reconcile),
    },
];
