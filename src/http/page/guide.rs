//! What to do next, where a page would otherwise be empty or old: no manifest yet, nothing read
//! yet, a source that cannot be read, a simulated AWS.

use maud::{Markup, html};

use super::parts::{age_if_any, copied, section};
use crate::domain::present::view::status::{SourceView, StatusView};

/// The next step, if the state of the daemon asks for one.
pub(super) fn guide(view: &StatusView) -> Markup {
    let steps: Vec<Markup> =
        [source_lost(view), started(view), empty(view)].into_iter().flatten().collect();
    let body = html! { ul class="entries" { @for step in steps.iter() { li { (step) } } } };
    html! { @if !steps.is_empty() { (section("next", "What to do next", &body)) } }
}

fn source_lost(view: &StatusView) -> Option<Markup> {
    let SourceView { revision, read_last, problem, .. } = &view.source;
    problem.as_ref()?;
    Some(html! {
        h3 { "The source cannot be read" }
        p {
            @if revision.is_some() {
                "The last revision stays in force, read " (age_if_any(*read_last, view.now))
                "; deletions are held meanwhile. "
            } @else {
                "There is no revision yet, so conformd changes nothing. "
            }
            "Correct what is listed under Problems, then check the directory:"
        }
        (copied("validate-command", "conformd validate DIRECTORY"))
        p { "conformd reads the source again by itself." }
    })
}

fn started(view: &StatusView) -> Option<Markup> {
    let waiting = view.regions.values().filter(|region| region.report.is_none()).count();
    let is_started = waiting > 0 && waiting == view.regions.len();
    is_started.then(|| {
        html! {
            h3 { "The daemon has just started" }
            p {
                "No region was read yet; packs appear here when the first reconciliation ends, "
                "usually within a minute. If they do not, ask what the daemon waits for:"
            }
            (copied("ready-command", "curl http://127.0.0.1:9464/readyz"))
        }
    })
}

fn empty(view: &StatusView) -> Option<Markup> {
    let SourceView { read_last, problem, declared, .. } = &view.source;
    let is_empty = read_last.is_some() && problem.is_none() && declared.valid == 0;
    is_empty.then(|| {
        html! {
            h3 { "No manifest is in force" }
            p {
                @if declared.invalid > 0 {
                    "Every manifest is invalid: correct the findings under Problems. "
                } @else {
                    "Write the first manifest in the directory of the source. "
                }
                "Check it before you commit it:"
            }
            (copied("validate-command", "conformd validate DIRECTORY"))
            p { "Until then, conformd deploys nothing." }
        }
    })
}

/// How to leave the simulator: last on the page, since nothing depends on it.
pub(super) fn simulated(view: &StatusView) -> Markup {
    let body = html! {
        p { "To manage a real organization, write settings and check them against AWS:" }
        (copied("check-command", "conformd check --config /etc/conformd/conformd.yaml"))
    };
    html! { @if view.simulated { (section("simulated", "This AWS is simulated", &body)) } }
}
