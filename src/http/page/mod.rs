//! The status page: the documents of the API as HTML.
//!
//! Each page shows a document of `domain/present/view` and decides nothing. Pages only read: forms
//! ask for a part of a list, there is no cookie, and no button changes more than the page.

mod account;
mod assets;
mod complaint;
mod deployments;
mod events;
mod filter;
mod grid;
mod guide;
mod holds;
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
use paths::{ACCOUNT, ASSET, EVENTS, NEW_ACCOUNTS, OVERVIEW, PACK, PACK_REGIONS, PLAN, REGION};

pub(super) use complaint::{is_for_people, worded};

/// The paths of all pages and of what they load.
pub(super) const PATHS: [&str; 9] =
    [OVERVIEW, PACK_REGIONS, PACK, REGION, ACCOUNT, NEW_ACCOUNTS, PLAN, EVENTS, ASSET];

/// All pages.
pub(super) fn routes() -> Router<SharedState> {
    Router::new()
        .route(OVERVIEW, get(overview::show))
        .route(PACK_REGIONS, get(deployments::show_pack))
        .route(PACK, get(pack::show))
        .route(REGION, get(deployments::show_region))
        .route(ACCOUNT, get(account::show))
        .route(NEW_ACCOUNTS, get(new_accounts::show))
        .route(PLAN, get(plan::show))
        .route(EVENTS, get(events::show))
        .route(ASSET, get(assets::show))
}
