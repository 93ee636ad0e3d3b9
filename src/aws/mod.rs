//! The real AWS: the port of `cloud`, implemented with the SDK. No other module names an SDK crate.
//!
//! Retries live here and nowhere else: the SDK repeats reads, and writes are sent exactly once.
//! What is absent: paging, pacing and every decision.

mod attempt;
mod client;
mod error;
mod identity;
mod members;
mod organization;
mod parse;
mod reader;
mod sdk;
mod writer;

pub use attempt::CallObserver;
pub use client::{AwsCloud, ConnectProblem, Patience};
pub use identity::CallerIdentity;
pub use members::{AwsMembers, AwsVisit};
pub use organization::AwsOrganization;
pub use reader::AwsReader;
pub use writer::AwsWriter;
