//! The one integration binary; a module a subject.

mod contract;
mod daemon;
mod manifests;
mod scenarios;
mod sim_http;
mod templates;
mod tidy;
