//! Values for users: reports, events, documents of the API, the text of a plan, checks of an
//! installation, IAM policies. No terminal and no HTML.

pub mod approval_document;
pub mod axes;
pub mod iam_policy;
pub mod journal;
pub mod plan_markdown;
pub mod plan_text;
pub mod preflight;
pub mod problem_changes;
pub mod report;
mod template_text;
pub mod view;
