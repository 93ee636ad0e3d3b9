//! The protocol of a request.

use crate::sim::api::Service;

/// The protocol of a request, which is also that of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// awsJson1.1 of this service.
    Json(Service),
    /// awsQuery: STS.
    Query,
}
