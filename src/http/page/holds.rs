//! What waits, and for what: what waits for the same reason is one entry, in however many packs and
//! regions.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::parts::{foreign, moment, pack_link, sign, tone};
use super::paths::PLAN;
use crate::domain::base::model::{PackName, Region};
use crate::domain::present::view::region::HoldView;
use crate::domain::present::view::text::{hold_sign, many, spoken};

/// Entries that the overview shows; the plan has all.
const ENTRIES_MAX: usize = 8;

/// Holds with one reason.
struct HoldGroup<'a> {
    hold: &'a HoldView,
    packs: BTreeSet<&'a PackName>,
    regions: BTreeSet<&'a Region>,
}

/// Holds, in the order in which their reasons first come.
pub(super) fn hold_list(holds: &[(&Region, &HoldView)]) -> Markup {
    let mut groups: Vec<HoldGroup<'_>> = Vec::new();
    for &(region, hold) in holds {
        let is_same = |group: &&mut HoldGroup<'_>| {
            let HoldView { pack, reason, why, until, action } = group.hold;
            let is_whole = pack.is_none() == hold.pack.is_none();
            is_whole
                && (reason, why, until, action)
                    == (&hold.reason, &hold.why, &hold.until, &hold.action)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => {
                group.packs.extend(&hold.pack);
                group.regions.insert(region);
            }
            None => groups.push(HoldGroup {
                hold,
                packs: hold.pack.iter().collect(),
                regions: BTreeSet::from([region]),
            }),
        }
    }
    let more = groups.len().saturating_sub(ENTRIES_MAX);
    html! {
        ul class="entries" { @for group in groups.iter().take(ENTRIES_MAX) { (entry(group)) } }
        @if more > 0 { p class="note" { "and " (more) " more: " a href=(PLAN) { "the plan" } } }
    }
}

fn entry(group: &HoldGroup<'_>) -> Markup {
    let HoldGroup { hold: HoldView { pack: _, reason, why, until, action }, packs, regions } =
        group;
    let first = regions.first().zip(packs.first());
    html! {
        li class=(tone(hold_sign(*reason))) {
            h3 {
                (sign(hold_sign(*reason))) " "
                @match (first, packs.len()) {
                    // A hold without a pack is one of the whole region.
                    (None, _) => { "every pack" }
                    (Some((region, pack)), 1) => { (pack_link(region, pack)) }
                    (Some(_), count) => { (many(count, "pack")) }
                }
                " in "
                @match (regions.first(), regions.len()) {
                    (Some(region), 1) => { (region.as_str()) }
                    (_, count) => { (many(count, "region")) }
                }
                ": " (spoken(reason.as_str()))
            }
            p {
                (foreign(why))
                @if let Some(until) = until { " (until " (moment(*until)) ")" }
                @if let Some(action) = action { " · waits: " (action.as_str()) }
            }
        }
    }
}
