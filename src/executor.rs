//! Takes the steps of an approved plan: bounded, Puts before deletes, one mutation a pack.
//!
//! A step that has begun is never abandoned by this module, and none begins after a stop. Nothing
//! is decided here and nothing is repeated: what failed is looked at again by the next tick.

use std::error::Error;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::cloud::{CloudError, Writer};
use crate::domain::guard::Approved;
use crate::domain::model::{Digest, Place, Revision};
use crate::domain::outcome::{Outcome, Verdict};
use crate::domain::plan::{Action, Step};
use crate::listing::chain;

/// Mutations in flight per region (reliability I-S10).
const IN_FLIGHT_MAX: usize = 4;

/// Takes every step of the plan, or says that it was not started.
pub async fn execute<W: Writer>(
    approved: Approved,
    writer: &W,
    stop: &CancellationToken,
) -> Vec<Outcome> {
    let plan = approved.plan();
    let audit = Audit {
        place: plan.place.clone(),
        revision: plan.revision.clone(),
        digest: approved.digest(),
    };
    let (deletes, puts): (Vec<Step>, Vec<Step>) =
        approved.into_steps().into_iter().partition(|step| matches!(step.action, Action::Delete));
    let mut outcomes = Vec::new();
    for wave in [puts, deletes] {
        let run = wave.into_iter().map(|step| {
            let span = tracing::info_span!(
                "step",
                account = %audit.place.account,
                region = %audit.place.region,
                pack = %step.pack,
                verb = step.action.kind().as_str(),
            );
            take(step, &audit, writer, stop).instrument(span)
        });
        let ended: Vec<Outcome> =
            futures_util::stream::iter(run).buffered(IN_FLIGHT_MAX).collect().await;
        outcomes.extend(ended);
    }
    outcomes
}

/// What the audit line says besides the step.
struct Audit {
    place: Place,
    revision: Option<Revision>,
    digest: Option<Digest>,
}

async fn take<W: Writer>(
    step: Step,
    audit: &Audit,
    writer: &W,
    stop: &CancellationToken,
) -> Outcome {
    if stop.is_cancelled() {
        return Outcome { step, verdict: Verdict::NotStarted };
    }
    // The audit line: every mutation is preceded by one (I-S11).
    tracing::info!(
        audit = true,
        place = %audit.place,
        pack = %step.pack,
        action = step.action.kind().as_str(),
        revision = audit.revision.as_ref().map(|revision| revision.0.as_str()),
        plan = audit.digest.map(tracing::field::display),
        reason = ?step.reason,
        marker = step.marker_now.as_ref().map(ToString::to_string),
        "step begins"
    );
    let result = match step.action.content() {
        Some(content) => writer.put(&step.pack, content).await.map(Some),
        None => writer.delete(&step.pack).await.map(|()| None),
    };
    let verdict = match result {
        Ok(arn) => {
            tracing::info!(arn, "step accepted");
            Verdict::Accepted { arn }
        }
        Err(error) => refused(&error),
    };
    Outcome { step, verdict }
}

fn refused(error: &CloudError) -> Verdict {
    let (kind, why) = (error.kind, chain(error));
    let cause = error as &dyn Error;
    if kind.leaves_outcome_unknown() {
        tracing::warn!(kind = kind.as_str(), error = cause, "step outcome unknown");
        Verdict::Unknown { kind, why }
    } else {
        tracing::warn!(kind = kind.as_str(), error = cause, "step refused");
        Verdict::Failed { kind, why }
    }
}
