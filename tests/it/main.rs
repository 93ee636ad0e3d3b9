//! The one integration binary; a module a subject.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod contract;
mod crash;
mod daemon;
mod faults;
mod guard;
mod history;
mod lab;
mod lines;
mod manifests;
mod plan;
mod properties;
mod random;
mod report;
mod scenarios;
mod settings;
mod sim_http;
mod source;
mod templates;
mod tidy;
mod toy;
mod waits;
mod wire;
