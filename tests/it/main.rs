//! The one integration binary; a module a subject.

mod contract;
mod daemon;
mod guard;
mod history;
mod lines;
mod manifests;
mod plan;
mod properties;
mod report;
mod scenarios;
mod templates;
mod tidy;
mod toy;
mod waits;
