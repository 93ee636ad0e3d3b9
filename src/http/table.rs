//! Everything that can be asked for: one table that makes the router, the labels of the metrics
//! and the `OpenAPI` document. What has no description here does not exist.

use std::sync::LazyLock;

use axum::routing::{get, post};
use schemars::SchemaGenerator;
use serde_json::Value;

use super::handlers::{ReconcileAnswer, index, reconcile, scrape};
use super::health::{Health, Readiness, healthz, readyz};
use super::parameter::{
    AFTER, FORMAT, ID, LIMIT, PACK, PACK_OF, PAGE, PHASE, REGION, REGIONS, STATUS,
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

/// Every route, in the order in which documents show it.
pub(super) static ROUTES: [Route; 14] = [
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
        more: "It does not follow the weather at AWS: a restart would help against nothing there.",
        is_mutation: false,
        parameters: &[],
        answers: &[
            fine("Every task shows signs of life.", &[json::<Health>()]),
            AnswerKind { code: 503, about: "Some task hangs.", forms: &[json::<Health>()] },
        ],
        serve: || get(healthz),
    },
    Route {
        path: "/readyz",
        side: Side::Both,
        id: "showReadiness",
        about: "whether source and identity were good once",
        more: "",
        is_mutation: false,
        parameters: &[],
        answers: &[
            fine("They were, and the daemon is not stopping.", &[json::<Readiness>()]),
            AnswerKind {
                code: 503,
                about: "Not yet, or not any more.",
                forms: &[json::<Readiness>()],
            },
        ],
        serve: || get(readyz),
    },
    Route {
        path: "/api/v1/status",
        side: Side::Main,
        id: "showStatus",
        about: "what is going on in every region, and why; ?format=text for people",
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
        about: "every pack in every region",
        more: "",
        is_mutation: false,
        parameters: &[],
        answers: &[fine("Every pack that is wanted or ours.", &[json::<PacksView>()])],
        serve: || get(views::list_packs),
    },
    Route {
        path: "/api/v1/packs/{region}/{pack}/accounts",
        side: Side::Main,
        id: "listAccounts",
        about: "the accounts of one pack; ?status=failed, ?page=2",
        more: "",
        is_mutation: false,
        parameters: &[&REGION, &PACK_OF, &STATUS, &PAGE, &LIMIT],
        answers: &[fine("A page of the accounts, by id.", &[json::<AccountsView>()])],
        serve: || get(views::list_accounts),
    },
    Route {
        path: "/api/v1/accounts/{id}",
        side: Side::Main,
        id: "showAccount",
        about: "one account explained; ?format=text for people",
        more: "",
        is_mutation: false,
        parameters: &[&ID, &PACK, &FORMAT],
        answers: &[fine("How it stands under every pack.", &[json::<AccountView>(), Form::Text])],
        serve: || get(views::show_account),
    },
    Route {
        path: "/api/v1/new-accounts",
        side: Side::Main,
        id: "listNewAccounts",
        about: "accounts that joined lately, and how much time is left",
        more: "",
        is_mutation: false,
        parameters: &[&PHASE, &PAGE, &LIMIT],
        answers: &[fine("A page of them, by id.", &[json::<NewAccountsView>()])],
        serve: || get(views::list_new_accounts),
    },
    Route {
        path: "/api/v1/plan",
        side: Side::Main,
        id: "showPlan",
        about: "what is planned; ?format=text for people",
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
        about: "what waits for an approval, and the document; ?format=text for that alone",
        more: "The reason in the document is empty, and an approval without one is refused: \
               `conformd approve --reason` prints it with one.",
        is_mutation: false,
        parameters: &[&REGIONS, &FORMAT],
        answers: &[fine("All losses that wait.", &[json::<ApprovalsView>(), Form::Text])],
        serve: || get(views::show_approvals),
    },
    Route {
        path: "/api/v1/events",
        side: Side::Main,
        id: "listEvents",
        about: "what happened lately; ?after=NUMBER for what came since",
        more: "The newest 500 are kept, in memory. Whoever polls asks for what came after the last \
               number it has seen, and begins again with after=0 when `started` is another one.",
        is_mutation: false,
        parameters: &[&AFTER, &LIMIT],
        answers: &[fine("Events, the oldest first.", &[json::<EventsView>()])],
        serve: || get(views::list_events),
    },
    Route {
        path: "/api/v1/openapi.json",
        side: Side::Main,
        id: "showDocument",
        about: "all this, for programs (OpenAPI 3.1)",
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
        about: "POST: look at everything now",
        more: "A wish, and no instruction: what is done follows from the manifests. A body is read \
               and ignored.",
        is_mutation: true,
        parameters: &[],
        answers: &[AnswerKind {
            code: 202,
            about: "The reconciliation was asked for.",
            forms: &[json::<ReconcileAnswer>()],
        }],
        serve: || post(reconcile),
    },
];
