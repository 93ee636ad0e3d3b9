//! One region: observe → plan → approve → execute → report.
//!
//! [`Reconciler`] is one pass, used alike by the daemon's task ([`task`]) and by `plan` and
//! `apply`. It is generic over the port and knows neither the SDK nor the simulator.

mod clock_readings;
mod gate;
pub mod member_reader;
mod member_reads;
pub mod observe;
pub mod read_depth;
mod reconciler;
pub mod settings;
mod shared_window;
pub mod task;

pub use gate::PlanInvalidation;
pub use reconciler::{Reconciler, Surroundings};
pub use shared_window::SharedWindow;
