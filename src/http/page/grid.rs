//! Packs against regions: each pack deployment in words and a sign.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::parts::{pack_path, scrolling, section, sign, tone};
use super::paths::PLAN;
use crate::domain::base::model::{PackName, Region};
use crate::domain::present::view::deployment::PackDeploymentView;
use crate::domain::present::view::region::RegionView;
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::{axes, deployment_sign, glance};

/// The table over all regions.
pub(super) fn grid(regions: &BTreeMap<Region, RegionView>) -> Markup {
    let packs: BTreeSet<&PackName> =
        regions.values().flat_map(|view| view.deployments.keys()).collect();
    let table = html! {
        table class="grid" {
            thead {
                tr {
                    th scope="col" { "pack" }
                    @for (name, view) in regions { (head(name, view)) }
                }
            }
            tbody {
                @for pack in packs.iter().copied() {
                    tr id={"row-" (pack.as_str())} {
                        th scope="row" { (pack.as_str()) }
                        @for (region, view) in regions {
                            (deployment(region, pack, view.deployments.get(pack)))
                        }
                    }
                }
            }
        }
    };
    let body = html! {
        @if packs.is_empty() {
            p class="nothing" { "No pack is declared or deployed." }
        } @else {
            (scrolling("grid-scroll", "Packs by region", &table))
            p class="legend" {
                @for (mark, words) in LEGEND { span { (sign(mark)) " " (words) } }
            }
        }
    };
    section("packs", "Packs by region", &body)
}

/// What signs mean, everywhere.
const LEGEND: [(LineSign, &str); 4] = [
    (LineSign::Fine, "as it should be, or held on purpose"),
    (LineSign::Moving, "under way or out of sync, no action required"),
    (LineSign::Unknown, "not known"),
    (LineSign::ActionRequired, "action required"),
];

fn head(name: &Region, view: &RegionView) -> Markup {
    html! {
        th scope="col" {
            a href={(PLAN) "#" (name.as_str())} { (name.as_str()) }
            small { (axes(view.sync, view.health)) }
        }
    }
}

fn deployment(region: &Region, pack: &PackName, deployment: Option<&PackDeploymentView>) -> Markup {
    let Some(deployment) = deployment else {
        return html! {
            td class="none" {
                span aria-hidden="true" { "–" }
                span class="spoken" { "not here" }
            }
        };
    };
    let mark = deployment_sign(deployment);
    html! {
        td class=(tone(mark)) {
            a href=(pack_path(region, pack)) {
                (sign(mark)) " " (glance(deployment))
                @if mark == LineSign::ActionRequired { span class="spoken" { ", action required" } }
            }
        }
    }
}
