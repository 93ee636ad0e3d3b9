//! The one integration binary; a module a subject.

mod contract;
mod daemon;
mod http;
mod manifests;
mod metrics;
mod sample;
mod scenarios;
mod templates;
mod tidy;
