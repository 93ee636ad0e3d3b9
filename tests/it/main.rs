//! The one integration binary; a module a subject.

mod contract;
mod daemon;
mod manifests;
mod rendering;
mod scenarios;
mod templates;
mod tidy;
