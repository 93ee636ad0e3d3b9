//! conformd reconciles every region of an AWS organization with the conformance packs that are
//! declared in a directory.
//!
//! The map of the code, in reading order:
//!
//! * [`domain`] decides, as functions of values: no async, clock, file, SDK or log. Its seven
//!   rooms, each of which may use those before it: [`domain::base`] (identifiers, limits, times),
//!   [`domain::declared`] (manifests, templates and approvals, judged), [`domain::observed`] (what
//!   AWS showed), [`domain::organization`] (the account list), [`domain::members`] (what is known
//!   of every member), [`domain::plan`] (steps, losses, the guard), [`domain::present`] (values
//!   for people).
//! * [`cloud`] is the port to AWS. [`aws`] speaks it with the SDK, [`sim`] is an AWS in memory.
//!   [`listing`] reads to the end of a listing or fails, [`limiter`] keeps to a rate.
//! * [`record`] is the durable memory of losses, deliveries and events. [`executor`] takes the
//!   steps that the guard has approved, and no others.
//! * [`tasks`] are the loops: source, organization, probe, one for each region, journal.
//!   [`clock`] and [`beats`] give them time and heartbeats.
//! * [`current`] is everything that is known at this moment. [`text`] draws views as plain text.
//!   [`metrics`] and [`http`] project what is known; they change nothing.
//! * [`config`] reads the settings. `session` connects what one organization needs, `daemon` spawns
//!   and supervises the tasks, [`cli`] has one file per command.
//!
//! What always holds: nothing is planned on what could not be read; what is lost within 24 hours
//! stays within limits or waits for an approval; what is sent is what was checked. The invariants
//! stand in `docs/architecture.md`.

pub mod aws;
pub mod beats;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod current;
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
pub mod text;
