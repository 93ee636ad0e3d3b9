//! The small parts of all pages: signs, times, links, lists of facts, paging.
//!
//! Whatever comes from elsewhere goes through [`foreign`] or is an identifier that was parsed;
//! links lead to our own pages only.

use maud::{Markup, html};

use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::StatusKind;
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::{ago, clean, spoken};

/// The class of a sign in the style.
pub(super) fn tone(sign: LineSign) -> &'static str {
    match sign {
        LineSign::Fine => "fine",
        LineSign::Moving => "moving",
        LineSign::Unknown => "dark",
        LineSign::ActionRequired => "needy",
    }
}

/// A sign, as on the command line; words beside it say the same.
pub(super) fn sign(sign: LineSign) -> Markup {
    let mark = if sign == LineSign::Fine { "✓" } else { sign.as_str() };
    html! { span class={"sign " (tone(sign))} aria-hidden="true" { (mark) } }
}

/// Foreign text: on one line, nothing hidden in it, and its direction is its own affair.
pub(super) fn foreign(text: &str) -> Markup {
    html! { bdi { (clean(text)) } }
}

/// A moment, to the second, without its day.
pub(super) fn clock_time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%H:%M:%S UTC")) } }
}

/// A moment, to the minute, with its day.
pub(super) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M UTC")) } }
}

/// How long ago a moment was.
pub(super) fn age(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(at) title=(at) { (ago(at, now)) } }
}

/// How long ago a moment was that may not have come yet.
pub(super) fn age_if_any(at: Option<Timestamp>, now: Timestamp) -> Markup {
    at.map_or_else(|| html! { "never" }, |at| age(at, now))
}

/// Where a pack in a region is explained. Neither name has a character that a path would quote.
pub(super) fn pack_path(region: &Region, pack: &PackName) -> String {
    format!("/packs/{}/{}", region.as_str(), pack.as_str())
}

/// Where a pack is explained across its regions.
pub(super) fn packs_path(pack: &PackName) -> String {
    format!("/packs/{}", pack.as_str())
}

/// A path with these parameters; those without a value are left out.
pub(super) fn asked_path(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A link to a pack in a region.
pub(super) fn pack_link(region: &Region, pack: &PackName) -> Markup {
    html! { a class="name" href=(pack_path(region, pack)) { (pack.as_str()) } }
}

/// A link to an account, with its name if it has one.
pub(super) fn account_link(account: AccountId, name: Option<&String>) -> Markup {
    html! {
        a class="name" href={"/accounts/" (account)} { (account) }
        @if let Some(name) = name { " " span class="called" { (foreign(name)) } }
    }
}

/// What is the matter with a member: its class, or that it is missing.
pub(super) fn cause_text(class: Option<FailureClass>, status: StatusKind) -> String {
    spoken(class.map_or(status.as_str(), FailureClass::as_str))
}

/// One line of a list of facts.
pub(super) struct Fact {
    what: &'static str,
    sign: LineSign,
    text: Markup,
}

/// Something as it should be.
pub(super) fn fact(what: &'static str, text: Markup) -> Fact {
    Fact { what, sign: LineSign::Fine, text }
}

impl Fact {
    /// The same, marked.
    pub(super) fn marked(self, sign: LineSign) -> Self {
        Self { sign, ..self }
    }
}

/// A list of facts; those that are not as they should be carry their sign.
pub(super) fn facts(all: impl IntoIterator<Item = Fact>) -> Markup {
    html! {
        dl class="facts" {
            @for Fact { what, sign: mark, text } in all {
                div class=(tone(mark)) {
                    dt { (what) }
                    dd { @if mark != LineSign::Fine { (sign(mark)) " " } (text) }
                }
            }
        }
    }
}

/// A titled part of a page.
pub(super) fn section(id: &str, title: &str, body: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            (body)
        }
    }
}

/// A titled part of a page, with how many entries it has; nothing without any.
pub(super) fn listed(id: &str, title: &str, count: usize, body: &Markup) -> Markup {
    html! {
        @if count > 0 {
            section aria-labelledby=(id) {
                h2 id=(id) { (title) " " span class="count" { (count) } }
                (body)
            }
        }
    }
}

/// Something wide that scrolls by itself, also by keyboard.
pub(super) fn scrolling(id: &str, label: &str, body: &Markup) -> Markup {
    html! { div class="scroll" id=(id) role="region" aria-label=(label) tabindex="0" { (body) } }
}

/// A choice among lists: where it leads, its name, how many entries it has, whether it is shown.
pub(super) struct Choice {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) count: Option<usize>,
    pub(super) is_here: bool,
}

/// Links between lists of the same kind.
pub(super) fn choices(label: &str, all: impl IntoIterator<Item = Choice>) -> Markup {
    html! {
        nav class="choices" aria-label=(label) {
            ul {
                @for Choice { path, name, count, is_here } in all {
                    li {
                        a href=(path) aria-current=[is_here.then_some("page")] {
                            (name)
                            @if let Some(count) = count { " " span class="count" { (count) } }
                        }
                    }
                }
            }
        }
    }
}

/// Where a reader is in a list of several pages; nothing for a single one.
pub(super) fn paging(path: &str, filter: &[(&str, &str)], page: usize, pages: usize) -> Markup {
    let to = |number: usize| {
        let number = number.to_string();
        asked_path(path, &[filter, &[("page", number.as_str())]].concat())
    };
    html! {
        // A page number beyond the end still shows the way back.
        @if pages > 1 || page > 1 {
            nav class="paging" aria-label="Parts of the list" {
                @if page > 1 {
                    a rel="prev" href=(to(page.saturating_sub(1).min(pages))) { "← previous" }
                }
                span { "page " (page) " of " (pages) }
                @if page < pages { a rel="next" href=(to(page.saturating_add(1))) { "next →" } }
            }
        }
    }
}

/// The same list for programs and spreadsheets.
pub(super) fn downloads(path: &str, parameters: &[(&str, &str)]) -> Markup {
    let csv = asked_path(path, &[parameters, &[("format", "csv")]].concat());
    html! {
        p class="note downloads" {
            "This list as " a href=(csv) { "CSV" } " or " a href=(asked_path(path, parameters)) {
                "JSON"
            }
        }
    }
}

/// A command or a document to copy. Without a script, a click selects all of it.
pub(super) fn copied(id: &str, text: &str) -> Markup {
    html! {
        div class="copied" {
            pre id=(id) { (text) }
            (copy_button(id))
        }
    }
}

/// The button that copies the text of an element; the style hides it without a script.
pub(super) fn copy_button(id: &str) -> Markup {
    html! { button class="copy" type="button" data-copies=(id) { "Copy" } }
}
