//! Packs against regions: each pack deployment in words and a sign, the worst packs first.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::deployments::badness;
use super::filter::{RowOrder, RowsQuery};
use super::parts::{
    asked_path, downloads, pack_path, packs_path, paging, scrolling, section, sign, tone,
};
use super::paths::{OVERVIEW, region_path};
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::first_few;
use crate::domain::present::axes::DeploymentMark;
use crate::domain::present::view::deployment::PackDeploymentView;
use crate::domain::present::view::packs::PackLabels;
use crate::domain::present::view::region::RegionView;
use crate::domain::present::view::text::layout::LineSign;
use crate::domain::present::view::text::{axes, deployment_sign, glance, many};

/// The most packs on a page of the table.
const ROWS_MAX: usize = 60;
/// The most cells on a page of the table: they keep the overview below 150 kB, even if each of them
/// needs action and names are as long as AWS permits.
const CELLS_MAX: usize = 600;
/// A larger table shows a pack that is healthy everywhere as one cell.
const UNFOLDED_CELLS_MAX: usize = 200;
/// With more regions, cells show only their sign, and their words when pointed at.
const WIDE_REGIONS_MAX: usize = 6;
/// Regions that a row of the list for phones names.
const NAMED_MAX: usize = 3;

/// The part of the table that is asked for.
#[derive(Debug, Default)]
pub(super) struct GridQuery {
    pub(super) rows: RowsQuery,
    /// Pages are numbered from 1.
    pub(super) page: usize,
}

/// A pack in all regions.
struct Row<'a> {
    pack: &'a PackName,
    cells: Vec<(&'a Region, Option<&'a PackDeploymentView>)>,
    sign: LineSign,
    /// How many cells have that sign.
    cells_worst: usize,
    /// Failing and missing accounts of all cells.
    failing: usize,
}

impl<'a> Row<'a> {
    fn of(pack: &'a PackName, regions: &'a BTreeMap<Region, RegionView>) -> Self {
        let cells: Vec<_> =
            regions.iter().map(|(name, view)| (name, view.deployments.get(pack))).collect();
        let known = || cells.iter().filter_map(|(_, deployment)| *deployment).map(badness);
        let sign = known().map(|(sign, _)| sign).max().unwrap_or(LineSign::Fine);
        let cells_worst = known().filter(|(one, _)| *one == sign).count();
        let failing = known().map(|(_, failing)| failing).sum();
        Self { pack, cells, sign, cells_worst, failing }
    }

    /// Whether every cell says the same: that the pack is healthy.
    fn is_healthy(&self) -> bool {
        let mut known = self.cells.iter().filter_map(|(_, deployment)| *deployment);
        known.all(|deployment| deployment.mark() == DeploymentMark::Healthy)
            && self.sign == LineSign::Fine
    }

    fn regions(&self) -> usize {
        self.cells.iter().filter(|(_, deployment)| deployment.is_some()).count()
    }
}

/// The table over all regions.
pub(super) fn grid(
    regions: &BTreeMap<Region, RegionView>,
    labels: &PackLabels,
    asked: &GridQuery,
) -> Markup {
    let packs: BTreeSet<&PackName> =
        regions.values().flat_map(|view| view.deployments.keys()).collect();
    let all = packs.len();
    let mut rows: Vec<Row<'_>> = packs.into_iter().map(|pack| Row::of(pack, regions)).collect();
    rows.retain(|row| asked.rows.takes(row.sign, texts(row.pack, labels)));
    // By name they are already, so that equally bad packs stay in this order.
    if asked.rows.order == RowOrder::Worst {
        rows.sort_by_key(|row| std::cmp::Reverse((row.sign, row.failing, row.cells_worst)));
    }
    let is_folded = all.saturating_mul(regions.len()) > UNFOLDED_CELLS_MAX;
    let found = rows.len();
    let pages = pages(rows, is_folded, regions.len());
    let count = pages.len().max(1);
    // A link to a page that is gone shows the last one that there is.
    let page = asked.page.min(count);
    let shown = pages.into_iter().nth(page.saturating_sub(1)).unwrap_or_default();
    let parameters = asked.rows.parameters();
    let body = html! {
        @if all == 0 {
            p class="nothing" { "No pack is declared or deployed." }
        } @else {
            (asked.rows.form(OVERVIEW, "pack or label"))
            @if found < all {
                p class="note" { (found) " of " (many(all, "pack")) }
            }
            @if found > 0 {
                (scrolling("grid-scroll", "Packs by region", &table(regions, &shown, is_folded)))
                (phone_list(&shown))
                p class="legend" {
                    @for (mark, words) in LEGEND { span { (sign(mark)) " " (words) } }
                }
            }
            (paging(OVERVIEW, &parameters, page, count))
            (downloads("/api/v1/packs", &[]))
        }
    };
    section("packs", "Packs by region", &body)
}

/// The name of a pack and its labels, which a search looks at.
fn texts<'a>(pack: &'a PackName, labels: &'a PackLabels) -> impl Iterator<Item = &'a str> {
    [pack.as_str()].into_iter().chain(labels.get(pack).iter().map(String::as_str))
}

/// Rows page by page: so many that neither rows nor cells are too many.
fn pages(rows: Vec<Row<'_>>, is_folded: bool, regions: usize) -> Vec<Vec<Row<'_>>> {
    let mut pages: Vec<Vec<Row<'_>>> = Vec::new();
    let mut cells = 0_usize;
    for row in rows {
        let cost = if is_folded && row.is_healthy() { 1 } else { regions };
        cells = cells.saturating_add(cost);
        match pages.last_mut() {
            Some(page) if page.len() < ROWS_MAX && cells <= CELLS_MAX => page.push(row),
            Some(_) | None => {
                cells = cost;
                pages.push(vec![row]);
            }
        }
    }
    pages
}

fn table(regions: &BTreeMap<Region, RegionView>, rows: &[Row<'_>], is_folded: bool) -> Markup {
    let class = if regions.len() > WIDE_REGIONS_MAX { "grid dense" } else { "grid" };
    html! {
        table class=(class) {
            thead {
                tr {
                    th scope="col" { "pack" }
                    @for (name, view) in regions { (head(name, view)) }
                }
            }
            tbody {
                @for row in rows {
                    tr id={"row-" (row.pack.as_str())} {
                        th scope="row" { a href=(packs_path(row.pack)) { (row.pack.as_str()) } }
                        @if is_folded && row.is_healthy() {
                            td class="all" colspan=(regions.len()) {
                                "✓ Healthy in " (many(row.regions(), "region"))
                            }
                        } @else {
                            @for (region, deployment) in &row.cells {
                                (cell(region, row.pack, *deployment))
                            }
                        }
                    }
                }
            }
        }
    }
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
            a href=(region_path(name)) { (name.as_str()) }
            small { (axes(view.sync, view.health)) }
        }
    }
}

/// One cell, in few bytes, since there may be many: the sign is text, and only what is not fine has
/// a class.
fn cell(region: &Region, pack: &PackName, deployment: Option<&PackDeploymentView>) -> Markup {
    let Some(deployment) = deployment else {
        return html! { td class="none" { "–" i { " not here" } } };
    };
    let mark = deployment_sign(deployment);
    let class = (mark != LineSign::Fine).then(|| tone(mark));
    let sign = if mark == LineSign::Fine { "✓" } else { mark.as_str() };
    html! {
        td class=[class] {
            a href=(pack_path(region, pack)) {
                (sign) " " (glance(deployment))
                @if mark == LineSign::ActionRequired { i { ", action required" } }
            }
        }
    }
}

/// The same for phones, where a table has no room: only packs that are not healthy.
fn phone_list(rows: &[Row<'_>]) -> Markup {
    let (healthy, others): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
        rows.iter().partition(|row| row.sign == LineSign::Fine);
    html! {
        ul class="entries narrow" {
            @for row in others { (phone_row(row)) }
            @if !healthy.is_empty() {
                li {
                    a href=(asked_path(OVERVIEW, &[("show", "healthy")])) {
                        (many(healthy.len(), "pack")) " as it should be"
                    }
                }
            }
        }
    }
}

fn phone_row(row: &Row<'_>) -> Markup {
    let is_worst = |deployment: &&PackDeploymentView| deployment_sign(deployment) == row.sign;
    let worst = row.cells.iter().filter(|(_, it)| it.as_ref().is_some_and(is_worst));
    let names: Vec<String> = worst.map(|(region, _)| region.to_string()).collect();
    html! {
        li class=(tone(row.sign)) {
            (sign(row.sign)) " " a class="name" href=(packs_path(row.pack)) { (row.pack.as_str()) }
            p {
                @if row.sign == LineSign::ActionRequired { "action required in " }
                @else if row.sign == LineSign::Unknown { "not known in " }
                @else { "under way in " }
                (first_few(&names, NAMED_MAX))
                @if row.failing > 0 { "; " (many(row.failing, "account")) " failing" }
            }
        }
    }
}
