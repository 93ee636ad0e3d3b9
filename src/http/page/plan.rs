//! What is planned in every region, in the same text as everywhere else.

use axum::extract::{self, RawQuery};
use axum::response::Response;
use maud::{Markup, html};

use super::parts::{scrolling, section};
use super::paths::PLAN;
use super::shell::Frame;
use crate::domain::base::model::Region;
use crate::domain::plan::region_plan::Plan;
use crate::domain::present::plan_text::{PlanText, Values};
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::text::many;
use crate::http::SharedState;
use crate::http::query::QueryParameters;
use crate::http::views::answer;

/// `GET /plan`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    RawQuery(query): RawQuery,
) -> Response {
    let work = move |facts: &mut CurrentState| {
        QueryParameters::read(query.as_deref(), &[])?;
        let frame = Frame { title: &title(facts), here: Some(PLAN), main: main(facts) };
        Ok(frame.within(&facts.about, facts.now))
    };
    answer(server, work).await
}

fn title(facts: &CurrentState) -> String {
    let plans = || facts.reports.values().map(|report| &report.plan);
    let steps = plans().map(|plan| plan.steps.len()).sum();
    let holds = plans().map(|plan| plan.holds.len()).sum();
    format!("{}, {}: plan", many(steps, "step"), many(holds, "hold"))
}

fn main(facts: &CurrentState) -> Markup {
    html! {
        h1 { "Plan" }
        p class="lead" {
            "The last plan of each region. Values of parameters never appear, only a "
            "digest of each."
        }
        @for region in &facts.about.regions {
            (region_section(region, facts.reports.get(region).map(|report| &report.plan)))
        }
    }
}

fn region_section(region: &Region, plan: Option<&Plan>) -> Markup {
    let name = region.as_str();
    let Some(plan) = plan else {
        let body = html! { p class="nothing" { "Not refreshed yet." } };
        return section(name, name, &body);
    };
    let text = PlanText { plan, values: Values::Hidden }.to_string();
    let body = html! {
        pre { @for line in text.lines() { span class=(tone(line)) { (line) } "\n" } }
    };
    section(name, name, &scrolling(&format!("plan-{name}"), &format!("Plan of {name}"), &body))
}

/// The class of a line, by the sign that it begins with.
fn tone(line: &str) -> &'static str {
    let mut characters = line.strip_prefix("  ").unwrap_or_default().chars();
    match (characters.next(), characters.next()) {
        (Some('+'), Some(' ')) => "added",
        (Some('~'), Some(' ')) => "changed",
        (Some('-'), Some(' ')) => "removed",
        (Some('!' | '='), Some(' ')) => "held",
        _ => "plain",
    }
}
