//! The one integration binary; a module a subject.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod contract;
mod daemon;
mod http;
mod manifests;
mod rendering;
mod metrics;
mod sample;
mod scenarios;
mod settings;
mod sim_http;
mod source;
mod templates;
mod tidy;
mod wire;
