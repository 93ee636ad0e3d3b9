//! The frame around every page: head, banner, navigation, and what keeps it fresh.

use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use super::assets::{ICON, SCRIPT, STYLE};
use super::parts::clock_time;
use super::paths::{EVENTS, NEW_ACCOUNTS, OVERVIEW, PLAN};
use crate::domain::base::model::Timestamp;
use crate::domain::present::view::About;
use crate::http::answer::html as answer;

/// Seconds between two refreshes of the page. A reconciliation takes longer, so a change shows soon
/// after it.
const REFRESH_SECONDS: u32 = 30;

/// The pages that every page leads to.
const PLACES: [(&str, &str); 4] =
    [(OVERVIEW, "Overview"), (NEW_ACCOUNTS, "New accounts"), (PLAN, "Plan"), (EVENTS, "Events")];

/// A page without what surrounds it.
pub(super) struct Frame<'a> {
    /// Begins with the state: tabs are narrow.
    pub(super) title: &'a str,
    /// Which of the places it is, if it is one.
    pub(super) here: Option<&'static str>,
    /// What it says.
    pub(super) main: Markup,
}

impl Frame<'_> {
    /// The whole page.
    pub(super) fn within(self, about: &About, now: Timestamp) -> Response {
        let Self { title, here, main } = self;
        answer(html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · " (about.installation) " · conformd" }
                    link rel="icon" type="image/svg+xml" href=(ICON.path);
                    link rel="stylesheet" href=(STYLE.path);
                    noscript { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                    script src=(SCRIPT.path) defer {}
                }
                body data-period=(REFRESH_SECONDS) {
                    a class="skip" href="#main" { "Skip to the content" }
                    (header(about, here, now))
                    main id="main" tabindex="-1" { (main) }
                    footer {
                        "conformd " (about.version) " · installation " (about.installation)
                        " · read-only · "
                        // No link to the metrics: they may have a listener of their own.
                        a href="/api/v1" { "API" }
                    }
                }
            }
        })
    }
}

fn header(about: &About, here: Option<&str>, now: Timestamp) -> Markup {
    html! {
        header {
            @if about.simulated {
                p class="banner" role="note" {
                    strong { "SIMULATED" } ": no real AWS account is read or changed"
                }
            }
            div class="bar" {
                p class="brand" { "conformd" span { (about.installation) } }
                nav aria-label="Pages" {
                    ul {
                        @for (path, name) in PLACES {
                            li {
                                a href=(path) aria-current=[(here == Some(path)).then_some("page")]
                                { (name) }
                            }
                        }
                    }
                }
                p class="fresh" {
                    span id="now" { "as of " (clock_time(now)) }
                    button id="pause" type="button" hidden { "Pause" }
                }
            }
            p id="stale" role="status" {}
        }
    }
}
