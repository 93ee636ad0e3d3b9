//! conformd keeps every region of an AWS organization equal to conformance packs declared in git.

pub mod aws;
pub mod beats;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod domain;
pub mod executor;
pub mod http;
pub mod intake;
pub mod journal;
pub mod limiter;
pub mod listing;
pub mod metrics;
pub mod organization;
pub mod probe;
pub mod record;
pub mod region;
pub mod sim;
pub mod source;
pub mod telemetry;
