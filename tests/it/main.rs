//! The one integration binary; a module a subject.

mod contract;
mod daemon;
mod manifests;
mod metrics;
mod sample;
mod scenarios;
mod templates;
mod tidy;
