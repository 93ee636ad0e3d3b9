//! Between the window and the record: the same facts in the words of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::base::model::{
    AccountId, Digest, MARKER_PARAMETER, Marker, PackName, Place, Region, Revision, Timestamp,
};
use crate::domain::base::stamp::{Stamp, age};
use crate::domain::declared::template::Template;
use crate::domain::observed::content::fingerprint_of;
use crate::domain::observed::packs::{
    Ownership, PackPhase, PacksObservation, RolloutStatus, StatusRecord, Verb,
};
use crate::domain::plan::effective_rules::{HeldRules, TemplatesByDigest};
use crate::domain::plan::guard::Used;
use crate::domain::plan::loss::{Loss, LossAt};
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::plan::record::{
    ApprovalRead, Delivering, Deployment, Giving, HeldLoss, LevelEntry, LossCause, LossEntry,
    LossId, LossKey, LossKind, LossState, RecordStatus, RecordedPast as Remembered, TemplateText,
};
use crate::domain::plan::step::PlanStep;
use crate::domain::plan::window::{
    HeldSince, HoldBasis, Intended, LossWindow, Lost, ObservedPut, ReadApproval,
};

/// The window of a process that opened this record.
pub(super) fn window(status: &RecordStatus, remembered: &Remembered, clock: &Clock) -> LossWindow {
    let now = clock.elapsed();
    match status {
        RecordStatus::Unusable(none) => LossWindow::without_record(now, none.why.clone()),
        RecordStatus::Usable { began } => {
            let mut window = LossWindow::with_record(now, age(began, &clock.stamp()));
            recall(&mut window, remembered, clock);
            window
        }
    }
}

/// Adds what the record remembers to a window.
pub(super) fn recall(window: &mut LossWindow, remembered: &Remembered, clock: &Clock) {
    let (elapsed, now) = (clock.elapsed(), clock.stamp());
    for entry in remembered.losses.values() {
        let Some(at) = loss_at(&entry.key, entry.count) else { continue };
        let LossEntry { at: when, approval, cause, state, .. } = entry;
        let lost = Lost {
            at,
            until: elapsed,
            when: when.wall,
            approval: approval.clone(),
            external: *cause == LossCause::External,
            confirmed: *state != LossState::Given,
        };
        window.recall(lost, age(when, &now), elapsed);
    }
    for HeldLoss { key, since, basis } in &remembered.held {
        if let Some(at) = loss_at(key, 0) {
            window.recall_held(&at, HeldSince { when: since.wall, basis: *basis });
        }
    }
    for used in &remembered.uses {
        if let Some(at) = loss_at(&used.key, 0) {
            window.recall_used(used.approval, &at);
        }
    }
    recall_reads(window, remembered);
    for LevelEntry { at, region, pack, marker, echo, rules } in &remembered.levels {
        if rules.is_some() || marker.is_none() {
            window.recall_level(region, pack, *rules, age(at, &now), elapsed);
        } else {
            window.recall_intent(region, pack, age(at, &now), elapsed);
        }
        if let Some(marker) = marker.as_ref().and_then(|marker| marker.parse().ok()) {
            window.recall_marker(region, pack, marker);
        }
        if let Some(echo) = echo {
            window.recall_echo(region, pack, *echo);
        }
    }
    for ((region, pack), deployment) in &remembered.deployments {
        let Deployment { marker, excluded, .. } = deployment;
        if let Ok(marker) = marker.parse::<Marker>() {
            window.recall_marker(region, pack, marker.clone());
            // The moment is not kept: whatever shows next is newer.
            let (last_update, rules) = (Timestamp::MIN, 0);
            let (excluded, echo) = (excluded.clone(), Digest::of([]));
            let observation = ObservedPut { marker, last_update, echo, rules, excluded };
            window.recall_observed(region, pack, observation);
        }
    }
}

/// Adds the approvals that were read.
pub(super) fn recall_reads(window: &mut LossWindow, remembered: &Remembered) {
    for ApprovalRead { approval, at: _, first, expires, rules } in &remembered.reads {
        let (first, expires, rules) = (*first, *expires, rules.clone());
        window.recall_read(*approval, ReadApproval { first, expires, rules });
    }
}

/// Approvals that were read, for the record.
pub(super) fn reads(all: Vec<(Digest, ReadApproval)>, at: &Stamp) -> Vec<ApprovalRead> {
    let read = |(approval, read)| {
        let ReadApproval { first, expires, rules } = read;
        ApprovalRead { approval, at: at.clone(), first, expires, rules }
    };
    all.into_iter().map(read).collect()
}

/// Losses that an earlier process recorded and that may prove to be none: by their cause.
pub(super) fn open(remembered: &Remembered, cause: LossCause) -> BTreeMap<LossAt, LossId> {
    let is_open = |entry: &LossEntry| match cause {
        // Not known to have happened.
        LossCause::Own => entry.state == LossState::Given,
        // A listing may have been short.
        LossCause::External => true,
    };
    let open = remembered.losses.iter().filter(|(_, entry)| entry.cause == cause && is_open(entry));
    open.filter_map(|(id, entry)| Some((loss_at(&entry.key, entry.count)?, *id))).collect()
}

/// Deletes that AWS accepted from an earlier process.
pub(super) fn accepted(remembered: &Remembered) -> BTreeMap<LossAt, LossId> {
    let accepted = remembered.losses.iter().filter(|(_, LossEntry { key, cause, state, .. })| {
        (key.kind, *cause, *state) == (LossKind::Pack, LossCause::Own, LossState::Confirmed)
    });
    accepted.filter_map(|(id, entry)| Some((loss_at(&entry.key, entry.count)?, *id))).collect()
}

/// The packs of ours whose delete AWS could not carry out, and when it failed.
pub(super) fn failed_deletes(region: &Region, seen: &PacksObservation) -> Vec<(LossAt, Timestamp)> {
    let failed = seen.packs.iter().filter_map(|(name, pack)| {
        let StatusRecord { status, last_update, .. } = pack.status.as_ref()?;
        let is_failed = matches!(status, RolloutStatus::Known(Verb::Delete, PackPhase::Failed));
        let (region, pack) = (region.clone(), name.clone());
        let at = last_update.filter(|_| is_failed)?;
        Some((LossAt { region, pack, loss: Loss::Pack }, at))
    });
    failed.collect()
}

/// Every loss of a step.
pub(super) fn losses(region: &Region, step: &PlanStep) -> Vec<LossAt> {
    let at = |loss: &Loss| LossAt {
        region: region.clone(),
        pack: step.pack.clone(),
        loss: loss.clone(),
    };
    step.losses.lost.iter().map(at).collect()
}

/// The record's name of a loss.
pub(super) fn key(LossAt { region, pack, loss }: &LossAt) -> LossKey {
    let (kind, name) = match loss {
        Loss::Pack => (LossKind::Pack, String::new()),
        Loss::Adoption => (LossKind::Adoption, String::new()),
        Loss::Rule(name) => (LossKind::Rule, name.clone()),
        Loss::Rules(_) => (LossKind::Rules, String::new()),
        Loss::Account(account) => (LossKind::Account, account.to_string()),
    };
    LossKey { region: region.clone(), pack: pack.clone(), kind, name }
}

fn loss_at(LossKey { region, pack, kind, name }: &LossKey, count: u32) -> Option<LossAt> {
    let loss = match kind {
        LossKind::Pack => Loss::Pack,
        LossKind::Adoption => Loss::Adoption,
        LossKind::Rule => Loss::Rule(name.clone()),
        LossKind::Rules => Loss::Rules(count),
        LossKind::Account => Loss::Account(name.parse::<AccountId>().ok()?),
    };
    Some(LossAt { region: region.clone(), pack: pack.clone(), loss })
}

/// A pack that is gone without a step of ours.
pub(super) fn vanished(loss: &LossAt, at: Stamp) -> Giving {
    let mut giving = giving(loss, None, at, None);
    giving.entry.cause = LossCause::External;
    giving.entry.state = LossState::Confirmed;
    giving
}

/// A loss that is about to be sent.
pub(super) fn giving(
    loss: &LossAt,
    used: Option<&Used>,
    at: Stamp,
    revision: Option<&Revision>,
) -> Giving {
    let count = match loss.loss {
        Loss::Rules(count) => count,
        Loss::Pack | Loss::Adoption | Loss::Rule(_) | Loss::Account(_) => 1,
    };
    let entry = LossEntry {
        at,
        key: key(loss),
        count,
        cause: LossCause::Own,
        state: LossState::Given,
        approval: used.map(|used| used.name.clone()),
        revision: revision.cloned(),
    };
    Giving { entry, approval: used.map(|used| used.id) }
}

/// A loss that the guard holds.
pub(super) fn held(loss: &LossAt, basis: HoldBasis, since: Stamp) -> HeldLoss {
    HeldLoss { key: key(loss), since, basis }
}

/// What was put, as far as AWS took it or may have: what a pack holds has to be known when it
/// shows.
pub(super) fn deliveries(
    place: &Place,
    revision: Option<&Revision>,
    outcomes: &[Outcome],
    at: &Stamp,
) -> Vec<Delivering> {
    let taken = outcomes
        .iter()
        .filter(|it| matches!(it.result, StepResult::Accepted { .. } | StepResult::Unknown { .. }));
    let delivery = |outcome: &Outcome| {
        let content = outcome.step.action.content()?;
        let marker: Marker = content.inputs.get(MARKER_PARAMETER)?.parse().ok()?;
        let mut values = content.inputs.clone();
        values.remove(MARKER_PARAMETER);
        let template = TemplateText {
            digest: marker.template,
            body: content.body.to_string(),
            rules: BTreeMap::new(),
        };
        Some(Delivering {
            at: at.clone(),
            region: place.region.clone(),
            pack: outcome.step.pack.clone(),
            values,
            template,
            revision: revision.cloned(),
        })
    };
    taken.filter_map(delivery).collect()
}

/// What a step is about to put.
pub(super) fn intended(step: &PlanStep) -> Option<Intended<'_>> {
    let content = step.action.content()?;
    let marker = content.inputs.get(MARKER_PARAMETER)?.parse().ok()?;
    let (echo, excluded) = (content.fingerprint(), &content.excluded);
    Some(Intended { pack: &step.pack, marker, echo, excluded })
}

/// The packs of ours that a region shows.
pub(super) fn observations(
    seen: &PacksObservation,
    rules: &HeldRules<'_>,
) -> BTreeMap<PackName, ObservedPut> {
    let ours = seen.packs.iter().filter_map(|(name, pack)| match &pack.ownership {
        Ownership::Ours(marker) => {
            let observation = ObservedPut {
                marker: marker.clone(),
                last_update: pack.record.last_update,
                echo: fingerprint_of(&pack.record),
                rules: u32::try_from(rules.held(name).count()).unwrap_or(u32::MAX),
                excluded: pack.record.excluded.clone(),
            };
            Some((name.clone(), observation))
        }
        Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => None,
    });
    ours.collect()
}

/// Every pack of ours that a region showed.
pub(super) fn deployments(region: &Region, seen: &PacksObservation, at: &Stamp) -> Vec<Deployment> {
    let ours = seen.packs.iter().filter_map(|(name, pack)| match &pack.ownership {
        Ownership::Ours(marker) => Some(Deployment {
            region: region.clone(),
            pack: name.clone(),
            seen: at.clone(),
            marker: marker.to_string(),
            excluded: pack.record.excluded.clone(),
        }),
        Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => None,
    });
    ours.collect()
}

/// The templates that packs of ours show, as far as they are known, each once.
pub(super) fn templates(seen: &PacksObservation, known: &TemplatesByDigest) -> Vec<Arc<Template>> {
    let shown = seen.packs.values().filter_map(|pack| match &pack.ownership {
        Ownership::Ours(marker) => Some(marker.template),
        Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => None,
    });
    let shown: BTreeSet<Digest> = shown.collect();
    shown.iter().filter_map(|digest| known.get(digest)).map(Arc::clone).collect()
}
