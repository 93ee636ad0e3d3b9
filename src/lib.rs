//! conformd keeps every region of an AWS organization equal to conformance packs declared in git.

pub mod aws;
pub mod beats;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
mod daemon;
pub mod domain;
pub mod executor;
pub mod http;
pub mod limiter;
pub mod listing;
pub mod metrics;
pub mod record;
mod session;
pub mod sim;
pub mod tasks;
pub mod telemetry;
