//! The one integration binary; a module a subject.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod cli;
mod contract;
mod daemon;
mod fleet;
mod guard;
mod history;
mod http;
mod lines;
mod manifests;
mod metrics;
mod plan;
mod process;
mod properties;
mod rendering;
mod report;
mod sample;
mod scenarios;
mod settings;
mod sim_http;
mod source;
mod templates;
mod tidy;
mod toy;
mod waits;
mod wire;
