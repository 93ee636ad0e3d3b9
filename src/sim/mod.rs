//! An AWS that fits in memory: the part of Config, Organizations and STS that organization
//! conformance packs touch, on a virtual clock, with every published oddity a knob.
//!
//! Sans I/O: [`world::World`] is a plain state machine and the time is an argument. Its faces act
//! it out: `in_process` for thousands of deterministic runs, `http` for unmodified AWS clients.

pub mod api;
pub mod http;
pub mod knobs;
pub mod setup;
pub mod world;
