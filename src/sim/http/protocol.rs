//! How a request speaks.

use crate::sim::api::Service;

/// How a request speaks, which decides how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// awsJson1.1 of this service.
    Json(Service),
    /// awsQuery: STS.
    Query,
}
