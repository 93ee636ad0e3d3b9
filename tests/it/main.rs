//! The one integration binary; a module a subject.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod alerts;
mod api;
mod check;
mod cli;
mod contract;
mod crash;
mod daemon;
mod faults;
mod fleet;
mod guard;
mod history;
mod http;
mod journal;
mod lab;
mod lines;
mod manifests;
mod members;
mod metrics;
mod newcomers;
mod organization;
mod people;
mod plan;
mod preflight;
mod probe;
mod process;
mod properties;
mod random;
mod remedies;
mod rendering;
mod report;
mod sample;
mod scenarios;
mod settings;
mod sim_http;
mod source;
mod status;
mod systemd;
mod templates;
mod tidy;
mod toy;
mod tracking;
mod waits;
mod week;
mod wire;
