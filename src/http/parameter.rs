//! What can be asked with a question, as one table that the answers read by and the `OpenAPI`
//! document describes: no parameter can be taken that is not described, nor by other bounds.

use strum::IntoEnumIterator as _;

use super::format::{DocumentFormat, ListFormat};
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::observed::member::StatusKind;
use crate::domain::plan::event::NUMBER_MAX;
use crate::domain::present::view::ListPage;

/// One parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    /// Its name, in the path or after the question mark.
    pub(super) name: &'static str,
    /// What it does: one sentence.
    pub(super) about: &'static str,
    /// Whether it is a part of the path.
    pub(super) in_path: bool,
    /// What it may be.
    pub(super) shape: Shape,
}

/// What the value of a parameter may be.
#[derive(Debug)]
pub(super) enum Shape {
    /// One word of a closed set.
    Word(fn() -> Vec<&'static str>),
    /// A whole number.
    Number { min: u64, max: u64, default: Option<u64> },
    /// Names of regions with commas between them.
    Regions,
    /// The name of a region.
    Region,
    /// The name of a pack.
    Pack,
    /// An account id.
    Account,
    /// Any text.
    Text,
}

impl Parameter {
    const fn query(name: &'static str, about: &'static str, shape: Shape) -> Self {
        Self { name, about, in_path: false, shape }
    }

    const fn path(name: &'static str, about: &'static str, shape: Shape) -> Self {
        Self { name, about, in_path: true, shape }
    }
}

pub(super) const FORMAT: Parameter = Parameter::query(
    "format",
    "JSON or text.",
    Shape::Word(|| DocumentFormat::iter().map(DocumentFormat::as_str).collect()),
);

pub(super) const LIST_FORMAT: Parameter = Parameter::query(
    "format",
    "JSON or CSV; CSV without a limit has every entry.",
    Shape::Word(|| ListFormat::iter().map(ListFormat::as_str).collect()),
);

pub(super) const REGIONS: Parameter =
    Parameter::query("regions", "Only these of the configured regions.", Shape::Regions);

pub(super) const REGION: Parameter =
    Parameter::path("region", "A configured region.", Shape::Region);

pub(super) const PACK_OF: Parameter =
    Parameter::path("pack", "A pack of this installation in that region.", Shape::Pack);

pub(super) const PACK: Parameter = Parameter::query("pack", "Only this pack.", Shape::Pack);

pub(super) const ID: Parameter =
    Parameter::path("id", "An account of the organization.", Shape::Account);

pub(super) const STATUS: Parameter = Parameter::query(
    "status",
    "Only accounts with this status.",
    Shape::Word(|| StatusKind::iter().map(StatusKind::as_str).collect()),
);

pub(super) const PHASE: Parameter = Parameter::query(
    "phase",
    "Only accounts whose most urgent phase is this.",
    Shape::Word(|| NewAccountPhase::iter().map(NewAccountPhase::as_str).collect()),
);

/// More pages than this are never there.
const PAGE_MAX: u64 = 1_000_000_000;

pub(super) const PAGE: Parameter = Parameter::query(
    "page",
    "Which page of the list; one past the last is empty.",
    Shape::Number { min: 1, max: PAGE_MAX, default: Some(1) },
);

pub(super) const LIMIT: Parameter = Parameter::query(
    "limit",
    "How many entries an answer holds at most.",
    Shape::Number {
        min: 1,
        max: ListPage::LIMIT_MAX as u64,
        default: Some(ListPage::LIMIT as u64),
    },
);

pub(super) const AFTER: Parameter = Parameter::query(
    "after",
    "Events with greater numbers, the oldest first; without it, the newest.",
    Shape::Number { min: 0, max: NUMBER_MAX, default: None },
);
