//! The fields in which an observed pack differs from the desired one, old and new.
//!
//! What is done about one is decided in `planner`.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::DesiredPack;
use super::effective_rules::{HeldRules, kept};
use super::loss::{Loss, Losses, Renames};
use super::step::{Change, Entering, Leaving, ParameterValue, TemplateMark};
use super::template_change::TemplateChange;
use crate::domain::base::model::{AccountId, MARKER_PARAMETER, Marker, PackName, Place};
use crate::domain::declared::template::{Remediation, Template, differences};
use crate::domain::observed::packs::ObservedPack;
use crate::domain::organization::account_list::{Account, AccountList};

/// Everything in which an observed pack differs from the desired one.
pub(super) fn changes(
    want: &DesiredPack,
    have: Option<(&ObservedPack, Option<&Marker>)>,
    list: Option<&AccountList>,
    known: &HeldRules<'_>,
) -> Vec<Change> {
    let DesiredPack {
        content,
        template,
        marker,
        excluded,
        // The rest decides whether anything is done, not what differs.
        selects: _,
        adopt: _,
        suspend: _,
        invalid_now: _,
        unended: _,
    } = want;
    // AWS never returns a template, so the marker stands in for it: the marker is an input
    // parameter, and an equal echo therefore means an equal template, rule count and deletion
    // policy as well.
    if have.is_some_and(|(have, _)| content.is_echoed_by(&have.record)) {
        return Vec::new();
    }
    let record = have.map(|(have, _)| &have.record);
    let marker_now = have.and_then(|(_, marker)| marker);
    let mut changes = Vec::new();
    let is_same = |now: &Marker| (now.template, now.rules) == (marker.template, marker.rules);
    if !marker_now.is_some_and(is_same) {
        changes.push(template_change(template, marker, have.is_some(), marker_now, known));
    }
    let empty = BTreeMap::new();
    let inputs_now = record.map_or(&empty, |record| &record.inputs);
    let names: BTreeSet<&String> = inputs_now.keys().chain(content.inputs.keys()).collect();
    // The marker is compared above and below by its parts. As a parameter it would report every
    // change of the template twice.
    for name in names.into_iter().filter(|name| *name != MARKER_PARAMETER) {
        let (old, new) = (inputs_now.get(name), content.inputs.get(name));
        if old != new {
            let value = |text: Option<&String>| text.map(|text| ParameterValue::new(text));
            let (old, new) = (value(old), value(new));
            changes.push(Change::Parameter { name: name.clone(), old, new });
        }
    }
    let nobody = BTreeSet::new();
    let excluded_now = record.map_or(&nobody, |record| &record.excluded);
    let entering = excluded.iter().filter(|(account, _)| !excluded_now.contains(account));
    let entering: BTreeMap<_, _> = entering
        .map(|(account, rule)| {
            let counts = list.is_none_or(|list| list.may_be_active(*account));
            let name = list.and_then(|list| name(list.accounts.get(account)?));
            (*account, Entering { name, rule: rule.clone(), counts })
        })
        .collect();
    let leaving = excluded_now.difference(&content.excluded);
    let leaving: BTreeMap<_, _> =
        leaving.map(|account| (*account, leaving_now(*account, list))).collect();
    if !(entering.is_empty() && leaving.is_empty()) {
        changes.push(Change::Exclusions { entering, leaving });
    }
    let delivery_now = record.map(|record| record.delivery.clone()).unwrap_or_default();
    if delivery_now != content.delivery {
        changes.push(Change::Delivery { old: delivery_now, new: content.delivery.clone() });
    }
    if let Some(now) = marker_now.filter(|now| now.policy != marker.policy) {
        changes.push(Change::DeletionPolicy { old: now.policy, new: marker.policy });
    }
    changes
}

/// Another template, or the first one.
fn template_change(
    template: &Template,
    marker: &Marker,
    exists: bool,
    marker_now: Option<&Marker>,
    known: &HeldRules<'_>,
) -> Change {
    let mark = |marker: &Marker, template: Option<&Template>| TemplateMark {
        digest: marker.template,
        rules: marker.rules,
        remediations: template.map(|template| template.census.remediations),
    };
    let template_now = marker_now.and_then(|now| known.template(now.template));
    let nothing: &[Remediation] = &[];
    // AWS does not return the template of an unmanaged pack, so its remediations are not known. A
    // pack that exists with an unknown template may hold any remediations: reporting all of the new
    // ones as added would claim a difference that cannot be known.
    let content = match template_now {
        Some(now) => TemplateChange::between(now, template),
        None if exists => TemplateChange::default(),
        None => TemplateChange::first(),
    };
    let remediations = match template_now {
        Some(now) => differences(now.remediations(), template.remediations()),
        None if exists => Vec::new(),
        None => differences(nothing, template.remediations()),
    };
    Change::Template {
        old: marker_now.map(|now| mark(now, template_now)),
        new: mark(marker, Some(template)),
        remediations,
        content,
    }
}

/// The name of an account, if it has one.
fn name(account: &Account) -> Option<String> {
    (!account.name.is_empty()).then(|| account.name.clone())
}

/// What a Put over an existing pack takes away.
///
/// Rules are compared as they are in force, with the parameters of each side: a condition that
/// turns false loses a rule as much as a template without it.
pub(super) fn losses(
    name: &PackName,
    want: &DesiredPack,
    changes: &[Change],
    held: &HeldRules<'_>,
    scene: &PutContext<'_>,
) -> Losses {
    let mut lost = BTreeSet::new();
    let mut touches_rules = false;
    for change in changes {
        match change {
            // Accounts that leave the exclusion gain the pack: only those that enter it can lose
            // something.
            Change::Exclusions { entering, leaving: _ } => {
                let losing = entering.iter().filter(|(_, entering)| entering.counts);
                lost.extend(losing.map(|(account, _)| Loss::Account(*account)));
            }
            Change::Template { .. } | Change::Parameter { .. } => touches_rules = true,
            Change::Delivery { .. } | Change::DeletionPolicy { .. } => {}
        }
    }
    // A parameter can decide the condition of a rule, so a change of parameters alone can lose
    // rules.
    if touches_rules {
        let kept = kept(&want.template, &want.content.inputs, scene.place);
        lost.extend(held.held_beside(name, &want.template).lost(&kept, scene.renames()));
    }
    Losses { lost, excluded_active: excluded_active(want, scene.list) }
}

/// Where a Put goes, the account list, and the rules that an approval permits to lose.
pub(super) struct PutContext<'a> {
    pub(super) place: &'a Place,
    pub(super) list: Option<&'a AccountList>,
    /// Rules of the pack that an approval in the source permits to lose here, by name.
    pub(super) permitted: BTreeSet<&'a str>,
    /// Whether `permitted` is complete.
    pub(super) knows_names: bool,
}

impl PutContext<'_> {
    /// Which rules may have a new name without being lost.
    fn renames(&self) -> Renames<'_> {
        if self.knows_names { Renames::Except(&self.permitted) } else { Renames::None }
    }
}

/// How many active accounts the pack would leave out.
fn excluded_active(want: &DesiredPack, list: Option<&AccountList>) -> usize {
    // Without an account list every excluded account counts as active: less knowledge must not
    // permit more losses.
    let may_be_active = |account: &&AccountId| {
        list.is_none_or(|list| {
            list.accounts.contains_key(*account) && list.may_be_active(**account)
        })
    };
    want.excluded.keys().filter(may_be_active).count()
}

fn leaving_now(account: AccountId, list: Option<&AccountList>) -> Leaving {
    // Without a list an account must not be called departed: it may still be a member.
    let Some(list) = list else { return Leaving::Unknown };
    match list.accounts.get(&account) {
        None => Leaving::Departed,
        Some(account) => Leaving::Selected {
            name: name(account),
            units: account.units.as_ref().map(|units| units.to_vec()),
            state: account.state,
        },
    }
}
