//! The long tasks: loops that read the world, let the domain decide, and do what it says.
//!
//! Each is a file or a folder of its own, restarted on its own, and meets the others only in
//! channels that the daemon makes.

pub mod journal;
pub mod organization;
pub mod probe;
pub mod region;
pub mod source;
