//! The status page: the documents of the API as HTML.
//!
//! Each page shows a document of `domain/present/view` and decides nothing. Pages only read: there
//! is no form, no cookie and no button that changes anything but the page itself.

mod account;
mod assets;
mod complaint;
mod events;
mod grid;
mod new_accounts;
mod overview;
mod pack;
mod parts;
mod paths;
mod plan;
mod problems;
mod shell;

use axum::Router;
use axum::routing::get;

use super::SharedState;
use paths::{ACCOUNT, ASSET, EVENTS, NEW_ACCOUNTS, OVERVIEW, PACK, PLAN};

pub(super) use complaint::{is_for_people, worded};

/// The paths of all pages and of what they load.
pub(super) const PATHS: [&str; 7] = [OVERVIEW, PACK, ACCOUNT, NEW_ACCOUNTS, PLAN, EVENTS, ASSET];

/// All pages.
pub(super) fn routes() -> Router<SharedState> {
    Router::new()
        .route(OVERVIEW, get(overview::show))
        .route(PACK, get(pack::show))
        .route(ACCOUNT, get(account::show))
        .route(NEW_ACCOUNTS, get(new_accounts::show))
        .route(PLAN, get(plan::show))
        .route(EVENTS, get(events::show))
        .route(ASSET, get(assets::show))
}
