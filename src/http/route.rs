//! What is known of everything that can be asked for.

use std::sync::LazyLock;

use axum::routing::MethodRouter;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::SharedState;
use super::parameter::Parameter;

/// One thing that can be asked for.
pub(super) struct Route {
    /// Its path, which is also its label in metrics.
    pub(super) path: &'static str,
    /// Which listener has it, where there are two.
    pub(super) side: Side,
    /// Its name in programs that are made from the document.
    pub(super) id: &'static str,
    /// Its description in one line.
    pub(super) about: &'static str,
    /// What else there is to know.
    pub(super) more: &'static str,
    /// Whether it changes anything, so that it takes POST and a token.
    pub(super) is_mutation: bool,
    /// What can be asked with it.
    pub(super) parameters: &'static [&'static Parameter],
    /// What it answers, besides refusals that are common to all.
    pub(super) answers: &'static [AnswerKind],
    /// Who answers.
    pub(super) serve: fn() -> MethodRouter<SharedState>,
}

/// Which of two listeners has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Requests of browsers and API clients.
    Main,
    /// What scrapes.
    Metrics,
    /// Both.
    Both,
}

/// One kind of answer.
pub(super) struct AnswerKind {
    /// Its status code.
    pub(super) code: u16,
    /// What it says.
    pub(super) about: &'static str,
    /// In what forms it comes.
    pub(super) forms: &'static [Form],
}

/// The form of an answer.
pub(super) enum Form {
    /// A JSON document.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// Plain text.
    Text,
    /// A list as CSV.
    Csv,
}

/// All of it, and the document that describes it: for those who answer with either.
#[derive(Clone, Copy)]
pub(super) struct RouteTable {
    /// In the order in which documents show it.
    pub(super) routes: &'static [Route],
    /// It never changes while a process runs.
    pub(super) document: &'static LazyLock<Value>,
}
