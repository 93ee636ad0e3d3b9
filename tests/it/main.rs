//! The one integration binary; a module a subject.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod contract;
mod daemon;
mod guard;
mod history;
mod lines;
mod manifests;
mod plan;
mod properties;
mod scenarios;
mod settings;
mod sim_http;
mod source;
mod templates;
mod tidy;
mod wire;
