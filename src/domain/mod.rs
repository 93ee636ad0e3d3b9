//! The pure core: values in, values out. No async, clock, environment, file system, SDK or
//! tracing; ordered collections only, since order is output; the time is an argument.

pub mod arrival;
pub mod beat;
pub mod catalog;
pub mod changes;
pub mod code;
pub mod content;
pub mod desired;
pub mod diagnostic;
pub mod diff;
pub mod failure;
pub mod failure_class;
pub(crate) mod findings;
pub mod foreign;
pub mod guard;
pub mod history;
pub mod holds;
pub mod limits;
pub mod manifest;
pub mod member;
pub mod mode;
pub mod model;
pub(crate) mod nearest;
pub mod newcomer;
pub mod observed;
pub mod organization;
pub mod outcome;
pub mod plan;
pub mod plan_text;
pub mod recorder;
pub mod remedy;
pub mod report;
pub mod selector;
pub mod snapshot;
pub mod template;
pub mod yaml;
