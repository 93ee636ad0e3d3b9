//! A toy AWS for the properties: takes every write, shows it at once or one look late, and can be
//! made to suffer. The simulator proper is `sim`; here the core meets nothing but values.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

use std::collections::BTreeMap;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{PackName, Timestamp};
use conformd::domain::observed::packs::{
    Observed, ObservedPack, PackPhase, PackRecord, PacksObservation, RolloutStatus, StatusRecord,
    Verb, join,
};
use conformd::domain::plan::outcome::StepResult;
use conformd::domain::plan::step::PlanStep;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::lines::{installation, observed, place};

/// An AWS that takes every write at once and shows it at once, or one look later.
pub(crate) struct Toy {
    pub(crate) real: BTreeMap<PackName, (PackRecord, StatusRecord)>,
    pub(crate) shown: PacksObservation,
    pub(crate) is_slow: bool,
}

impl Toy {
    pub(crate) fn new(lines: &[String], is_slow: bool) -> Self {
        let shown = match observed(&lines.join("\n")) {
            Observed::Seen(seen) => seen,
            Observed::Unknown(_) => PacksObservation::default(),
        };
        let real = shown.packs.values().map(|ObservedPack { record, status, ownership: _ }| {
            (record.name.clone(), (record.clone(), status.clone().unwrap()))
        });
        Self { real: real.collect(), shown, is_slow }
    }

    pub(crate) fn seen(&mut self) -> PacksObservation {
        let (records, statuses) = self.real.values().cloned().unzip();
        let now = join(records, statuses, &installation(), &place());
        let before = std::mem::replace(&mut self.shown, now);
        if self.is_slow { before } else { self.shown.clone() }
    }

    pub(crate) fn take(&mut self, step: &PlanStep, now: Timestamp) {
        let Some(content) = step.action.content() else {
            self.real.remove(&step.pack);
            return;
        };
        let record = PackRecord {
            name: step.pack.clone(),
            arn: format!("arn:{}", step.pack),
            last_update: now,
            inputs: content.inputs.clone(),
            excluded: content.excluded.clone(),
            delivery: content.delivery.clone(),
        };
        let status = StatusRecord {
            name: step.pack.clone(),
            status: RolloutStatus::Known(Verb::Create, PackPhase::Successful),
            error_code: None,
            error_message: None,
            last_update: Some(now),
        };
        self.real.insert(step.pack.clone(), (record, status));
    }
}

/// What goes wrong around one look.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) minutes: u64,
    pub(crate) is_stale: bool,
    /// Somebody else edits this pack, or deletes it.
    pub(crate) foreign: Option<(&'static str, bool)>,
    pub(crate) fault: Fault,
}

/// How writes fare.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    None,
    Lost,
    LandedUnheard,
    Failed(FailureKind),
}

pub(crate) fn any_trouble(names: &'static [&'static str]) -> impl Strategy<Value = Trouble> {
    let failed = select(vec![FailureKind::InFlight, FailureKind::Throttled, FailureKind::Denied]);
    let fault = prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::Lost),
        1 => Just(Fault::LandedUnheard),
        1 => failed.prop_map(Fault::Failed),
    ];
    let foreign = proptest::option::weighted(0.4, (select(names.to_vec()), any::<bool>()));
    let minutes = select(vec![1, 2, 5, 15]);
    let trouble = (minutes, any::<bool>(), foreign, fault);
    trouble.prop_map(|(minutes, is_stale, foreign, fault)| Trouble {
        minutes,
        is_stale,
        foreign,
        fault,
    })
}

impl Toy {
    pub(crate) fn disturb(&mut self, name: &str, is_delete: bool, now: Timestamp) {
        let name: PackName = name.parse().unwrap();
        if is_delete {
            self.real.remove(&name);
        } else if let Some((record, _)) = self.real.get_mut(&name) {
            record.inputs.insert("edited".to_owned(), now.to_string());
            record.last_update = now;
        }
    }

    /// Takes the steps as far as the fault lets them.
    pub(crate) fn suffer(&mut self, step: &PlanStep, fault: Fault, now: Timestamp) -> StepResult {
        let unknown = StepResult::Unknown { kind: FailureKind::Timeout, why: "?".to_owned() };
        match fault {
            Fault::None => {
                self.take(step, now);
                StepResult::Accepted { arn: None }
            }
            Fault::LandedUnheard => {
                self.take(step, now);
                unknown
            }
            Fault::Lost => unknown,
            Fault::Failed(kind) => StepResult::Failed { kind, why: "no".to_owned() },
        }
    }
}
