//! An AWS that fits in memory: the part of Config, Organizations and STS that organization
//! conformance packs touch, on a virtual clock, with every published oddity a knob.
//!
//! Sans I/O: [`world::World`] is a plain state machine and the time is an argument. Its faces act
//! it out: `in_process` for thousands of deterministic runs, `http` for unmodified AWS clients.

mod admission;
pub mod api;
mod assume;
pub mod causes;
mod directory;
pub mod dump;
pub mod entry;
pub mod event;
pub mod failures;
pub mod faults;
pub mod gate;
pub mod http;
pub mod in_process;
pub mod knobs;
pub mod log;
pub mod member_state;
mod members;
pub mod moment;
pub mod organization;
mod others;
mod packs;
mod paging;
mod random;
mod reading;
mod recorders;
mod refusals;
pub mod rollout;
pub mod scenario;
pub mod session;
pub mod sessions;
pub mod setup;
pub mod simulation;
pub mod store;
pub mod story;
mod tags;
pub mod template;
#[cfg(test)]
mod tests;
mod throttle;
mod timeline;
mod validation;
pub mod world;
