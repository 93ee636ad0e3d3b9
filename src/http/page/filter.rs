//! What part of a list a page shows, and the form that asks for it. Forms only read: they send GET
//! to the page that they stand on, so that a link to any part of a list can be kept.

use maud::{Markup, html};
use strum::{EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

use crate::domain::base::untrusted::one_line;
use crate::domain::present::view::text::layout::LineSign;
use crate::http::parameter::{Parameter, Shape};
use crate::http::query::QueryParameters;

/// Characters of a search that are used: more than any name or id has.
const SEARCH_MAX: usize = 128;

/// Text that entries have to contain.
pub(super) const SEARCH: Parameter = Parameter {
    name: "q",
    about: "Only entries that contain this text.",
    in_path: false,
    shape: Shape::Text,
};

/// Which packs are shown, by their state.
pub(super) const SHOW: Parameter = Parameter {
    name: "show",
    about: "Only packs in this state.",
    in_path: false,
    shape: Shape::Word(|| SignFilter::iter().map(Into::into).collect()),
};

/// In which order packs are shown.
pub(super) const SORT: Parameter = Parameter {
    name: "sort",
    about: "The order of packs: the worst first, or by name.",
    in_path: false,
    shape: Shape::Word(|| RowOrder::iter().map(Into::into).collect()),
};

/// A state that rows are filtered by: the signs of the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum SignFilter {
    ActionRequired,
    Unknown,
    UnderWay,
    Healthy,
}

impl SignFilter {
    /// Whether a row with this sign is in that state.
    fn takes(self, sign: LineSign) -> bool {
        sign == match self {
            Self::ActionRequired => LineSign::ActionRequired,
            Self::Unknown => LineSign::Unknown,
            Self::UnderWay => LineSign::Moving,
            Self::Healthy => LineSign::Fine,
        }
    }
}

/// The order of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum RowOrder {
    #[default]
    Worst,
    Name,
}

/// Which rows are asked for, and in which order.
#[derive(Debug, Default)]
pub(super) struct RowsQuery {
    pub(super) search: String,
    pub(super) show: Option<SignFilter>,
    pub(super) order: RowOrder,
}

impl RowsQuery {
    /// Reads it from the parameters of a page.
    pub(super) fn of(given: &QueryParameters) -> Result<Self, String> {
        Ok(Self {
            search: search(given)?,
            show: given.word(&SHOW)?,
            order: given.word(&SORT)?.unwrap_or_default(),
        })
    }

    /// Whether a row with this sign and one of these texts is asked for.
    pub(super) fn takes<'a>(
        &self,
        sign: LineSign,
        mut texts: impl Iterator<Item = &'a str>,
    ) -> bool {
        let is_found = self.search.is_empty() || texts.any(|text| contains(text, &self.search));
        is_found && self.show.is_none_or(|show| show.takes(sign))
    }

    /// Whether anything may be left out.
    pub(super) fn is_partial(&self) -> bool {
        self.show.is_some() || !self.search.is_empty()
    }

    /// The same as parameters of a link.
    pub(super) fn parameters(&self) -> [(&'static str, &str); 3] {
        let order = if self.order == RowOrder::default() { "" } else { self.order.into() };
        [
            (SEARCH.name, self.search.as_str()),
            (SHOW.name, self.show.map_or("", Into::into)),
            (SORT.name, order),
        ]
    }

    /// The form that asks for it.
    pub(super) fn form(&self, path: &str, what: &str) -> Markup {
        let shown = SignFilter::iter().map(|one| -> (&str, &str) {
            let words = match one {
                SignFilter::ActionRequired => "action required",
                SignFilter::Unknown => "not known",
                SignFilter::UnderWay => "under way or out of sync",
                SignFilter::Healthy => "as it should be",
            };
            (one.into(), words)
        });
        let fields = html! {
            (search_field(what, &self.search))
            (choice_field("state", &SHOW, self.show.map_or("", Into::into),
                [("", "all")].into_iter().chain(shown)))
            (choice_field("order", &SORT, self.order.into(),
                [("worst", "worst first"), ("name", "by name")].into_iter()))
        };
        form(path, &format!("Filter: {what}"), self.is_partial(), &fields)
    }
}

/// The text that is searched for; empty without any.
pub(super) fn search(given: &QueryParameters) -> Result<String, String> {
    let text = given.get(SEARCH.name, "a text", |text| Some(one_line(text.trim(), SEARCH_MAX)))?;
    Ok(text.unwrap_or_default())
}

/// Whether a text contains what is searched for, in capitals or not.
pub(super) fn contains(text: &str, search: &str) -> bool {
    text.to_lowercase().contains(&search.to_lowercase())
}

/// A form that asks the page at this path for a part of what it shows.
pub(super) fn form(path: &str, label: &str, is_partial: bool, fields: &Markup) -> Markup {
    html! {
        form class="filter" method="get" action=(path) role="search" aria-label=(label) {
            (fields)
            button type="submit" { "Apply" }
            @if is_partial { a href=(path) { "Show all" } }
        }
    }
}

/// The field for a text.
pub(super) fn search_field(what: &str, value: &str) -> Markup {
    html! {
        label {
            (what) " "
            input type="search" name=(SEARCH.name) value=(value) maxlength=(SEARCH_MAX)
                autocomplete="off" spellcheck="false";
        }
    }
}

/// The field for one of several words.
pub(super) fn choice_field<'a>(
    label: &str,
    parameter: &Parameter,
    chosen: &str,
    options: impl Iterator<Item = (&'a str, &'a str)>,
) -> Markup {
    html! {
        label {
            (label) " "
            select name=(parameter.name) {
                @for (value, words) in options {
                    option value=(value) selected[value == chosen] { (words) }
                }
            }
        }
    }
}
