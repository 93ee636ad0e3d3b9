//! Pack deployments as a list, the worst first: one pack in all regions, and all packs of a region.

use std::collections::BTreeMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, RawQuery};
use axum::response::Response;
use maud::{Markup, html};

use super::filter::{RowOrder, RowsQuery, SEARCH, SHOW, SORT};
use super::parts::{
    Fact, age, age_if_any, downloads, fact, facts, foreign, pack_path, packs_path, scrolling,
    section, sign, tone,
};
use super::paths::{PLAN, region_path};
use super::shell::Frame;
use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::base::untrusted::one_line;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::present::axes::SyncStatus;
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::deployment::PackDeploymentView;
use crate::domain::present::view::packs::{PackView, pack};
use crate::domain::present::view::region::{RegionView, region_named};
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::{axes, deployment_sign, glance, many, spoken};
use crate::http::SharedState;
use crate::http::query::QueryParameters;
use crate::http::views::{ECHO_MAX, answer, garbled};

/// A pack in a region, with the name of what the page does not say already.
struct Line<'a> {
    name: &'a str,
    path: String,
    deployment: &'a PackDeploymentView,
}

/// How bad a pack deployment is; the worst is the greatest.
pub(super) fn badness(deployment: &PackDeploymentView) -> (LineSign, usize) {
    let counts = deployment.rollout.counts;
    (deployment_sign(deployment), counts.failed.saturating_add(counts.missing))
}

/// `GET /packs/{pack}`
pub(super) async fn show_pack(
    extract::State(server): extract::State<SharedState>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |known: &mut CurrentState| {
        let Path(name) = path.map_err(garbled)?;
        let asked = asked_rows(query.as_deref())?;
        let (name, view) = pack(known, &one_line(&name, ECHO_MAX))?;
        let worst = worst(view.regions.values());
        let title = format!("{}: {}", state_words(worst), name.as_str());
        let lines = view.regions.iter().map(|(region, deployment)| Line {
            name: region.as_str(),
            path: pack_path(region, &name),
            deployment,
        });
        let path = packs_path(&name);
        let main = html! {
            h1 { (sign(worst)) " " span class="name" { (name.as_str()) } }
            p class="lead" { (summary(view.regions.values(), "region")) }
            (pack_facts(&view))
            (table("Regions", "region", &path, &asked, lines.collect(), known.now))
            (downloads("/api/v1/packs", &[("pack", name.as_str())]))
        };
        let frame = Frame { title: &title, here: None, main };
        Ok(frame.within(&known.about, known.now))
    };
    answer(server, work).await
}

/// `GET /regions/{region}`
pub(super) async fn show_region(
    extract::State(server): extract::State<SharedState>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |known: &mut CurrentState| {
        let Path(name) = path.map_err(garbled)?;
        let asked = asked_rows(query.as_deref())?;
        let (name, view) = region_named(known, &one_line(&name, ECHO_MAX))?;
        let worst = worst(view.deployments.values());
        let title = format!("{}: {}", axes(view.sync, view.health), name.as_str());
        let lines = view.deployments.iter().map(|(pack, deployment)| Line {
            name: pack.as_str(),
            path: pack_path(&name, pack),
            deployment,
        });
        let path = region_path(&name);
        let main = html! {
            h1 { (sign(worst)) " " span class="name" { (name.as_str()) } }
            p class="lead" {
                (axes(view.sync, view.health)) "; " (summary(view.deployments.values(), "pack"))
            }
            (region_facts(&name, &view, known.now))
            (table("Packs", "pack", &path, &asked, lines.collect(), known.now))
            (downloads("/api/v1/packs", &[("regions", name.as_str())]))
        };
        let frame = Frame { title: &title, here: None, main };
        Ok(frame.within(&known.about, known.now))
    };
    answer(server, work).await
}

fn asked_rows(query: Option<&str>) -> Result<RowsQuery, String> {
    RowsQuery::of(&QueryParameters::of_form(query, &[&SEARCH, &SHOW, &SORT])?)
}

fn worst<'a>(all: impl Iterator<Item = &'a PackDeploymentView>) -> LineSign {
    all.map(deployment_sign).max().unwrap_or(LineSign::Fine)
}

fn state_words(sign: LineSign) -> &'static str {
    match sign {
        LineSign::Fine => "fine",
        LineSign::Moving => "under way",
        LineSign::Unknown => "not known",
        LineSign::ActionRequired => "action required",
    }
}

/// How many of them there are in each state, and how far their rollouts are.
fn summary<'a>(
    all: impl Iterator<Item = &'a PackDeploymentView> + Clone,
    noun: &'static str,
) -> String {
    let mut states: BTreeMap<LineSign, usize> = BTreeMap::new();
    for sign in all.clone().map(deployment_sign) {
        let count = states.entry(sign).or_default();
        *count = count.saturating_add(1);
    }
    let mut words: Vec<String> = states
        .iter()
        .rev()
        .map(|(sign, count)| format!("{} in {}", state_words(*sign), many(*count, noun)))
        .collect();
    if words.is_empty() {
        words.push(format!("no {noun}"));
    }
    let all = all.filter(|one| one.sync != SyncStatus::Unknown);
    let expected: usize = all.clone().filter_map(|one| one.rollout.expected).sum();
    let ok: usize =
        all.filter(|one| one.rollout.expected.is_some()).map(|one| one.rollout.counts.ok).sum();
    if expected > 0 {
        words.push(format!("{ok} of {expected} account deployments are ok"));
    }
    words.join("; ")
}

fn pack_facts(view: &PackView) -> Markup {
    let PackView { manifest, labels, regions } = view;
    let mut all: Vec<Fact> = vec![match manifest {
        Some(path) => fact("manifest", html! { code { (foreign(path)) } }),
        None => fact("manifest", html! { "no manifest declares it" }).marked(LineSign::Moving),
    }];
    if !labels.is_empty() {
        let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
        all.push(fact("labels", html! { (foreign(&labels.collect::<Vec<_>>().join(", "))) }));
    }
    all.push(fact("regions", html! { (regions.len()) }));
    let mut classes: BTreeMap<FailureClass, usize> = BTreeMap::new();
    for (class, count) in regions.values().flat_map(|one| &one.rollout.classes) {
        let sum = classes.entry(*class).or_default();
        *sum = sum.saturating_add(*count);
    }
    if !classes.is_empty() {
        let classes = classes.iter().map(|(class, n)| format!("{} {n}", spoken(class.as_str())));
        let classes = classes.collect::<Vec<_>>().join(", ");
        all.push(fact("failures", html! { (classes) }).marked(LineSign::ActionRequired));
    }
    facts(all)
}

fn region_facts(name: &Region, view: &RegionView, now: Timestamp) -> Markup {
    let plan = html! { a href={(PLAN) "#" (name.as_str())} { "the plan of this region" } };
    let Some(report) = &view.report else {
        let text = html! { "not refreshed yet: the first reconciliation is under way" };
        return facts([fact("read", text).marked(LineSign::Unknown), fact("plan", plan)]);
    };
    let read = html! { (age_if_any(report.last_read, now)) };
    let read = match &report.unknown {
        None => fact("read", read),
        Some(unknown) => fact("read", html! { (read) "; now: " (foreign(&unknown.why)) })
            .marked(LineSign::Unknown),
    };
    let steps: usize = report.steps.values().sum();
    let mut all = vec![
        read,
        fact("reconciled", age(report.finished, now)),
        fact(
            "plan",
            html! { (many(steps, "step")) ", " (many(report.holds.len(), "hold")) ": " (plan) },
        ),
    ];
    all.extend(
        report
            .revision
            .as_ref()
            .map(|revision| fact("revision", html! { code { (foreign(&revision.0)) } })),
    );
    facts(all)
}

/// The list, with the form that filters and sorts it.
fn table(
    title: &str,
    noun: &'static str,
    path: &str,
    asked: &RowsQuery,
    mut lines: Vec<Line<'_>>,
    now: Timestamp,
) -> Markup {
    let all = lines.len();
    lines.retain(|line| asked.takes(deployment_sign(line.deployment), [line.name].into_iter()));
    // By name they are already.
    if asked.order == RowOrder::Worst {
        lines.sort_by_key(|line| std::cmp::Reverse(badness(line.deployment)));
    }
    let rows = html! {
        table class="rows" {
            thead {
                tr {
                    th scope="col" { (noun) }
                    th scope="col" { "status" }
                    th scope="col" { "rollout" }
                    th scope="col" { "changed" }
                    th scope="col" { "reason" }
                }
            }
            tbody { @for line in &lines { (row(line, now)) } }
        }
    };
    let body = html! {
        (asked.form(path, noun))
        @if lines.is_empty() && all == 0 {
            p class="nothing" { "None: no manifest declares a pack here, and none is deployed." }
        } @else if lines.is_empty() {
            p class="nothing" { "None of " (many(all, noun)) " is what you asked for." }
        } @else {
            (scrolling("deployments-scroll", title, &rows))
        }
    };
    section("deployments", title, &body)
}

fn row(line: &Line<'_>, now: Timestamp) -> Markup {
    let Line { name, path, deployment } = line;
    let mark = deployment_sign(deployment);
    let held: Vec<String> = deployment.holds.iter().map(|hold| spoken(hold.as_str())).collect();
    html! {
        tr id={"row-" (name)} class=(tone(mark)) {
            th scope="row" { a class="name" href=(path) { (name) } }
            td {
                (sign(mark)) " " (glance(deployment))
                @if mark == LineSign::ActionRequired { span class="spoken" { ", action required" } }
                p class="note" { (axes(deployment.sync, deployment.health)) }
            }
            td { (progress(deployment)) }
            td {
                @if deployment.sync == SyncStatus::Unknown { "-" } @else {
                    (age_if_any(deployment.last_update, now))
                }
            }
            td class="wide" {
                @if let Some(why) = &deployment.why { p { (foreign(why)) } }
                @if !held.is_empty() { p class="note" { "held: " (held.join(", ")) } }
            }
        }
    }
}

/// How many of the expected accounts have the pack.
fn progress(deployment: &PackDeploymentView) -> Markup {
    let ok = deployment.rollout.counts.ok;
    if deployment.sync == SyncStatus::Unknown {
        return html! { "not read" };
    }
    html! {
        @match deployment.rollout.expected {
            Some(expected) if expected > 0 => {
                (ok) " of " (expected)
                meter min="0" max=(expected) value=(ok.min(expected))
                    aria-label="accounts that are ok" {}
            }
            _ => { (ok) " ok" }
        }
    }
}

/// The name of a pack, as a link to all its regions.
pub(super) fn pack_everywhere(pack: &PackName) -> Markup {
    html! { a class="name" href=(packs_path(pack)) { (pack.as_str()) } }
}
