//! Takes the steps of an approved plan: bounded, Puts before deletes, one mutation a pack.
//!
//! A step that has begun is never abandoned by this module. Before each one the [`WriteGate`] is
//! asked: settings, revision and source may have changed since the plan was made. This module
//! decides nothing and repeats nothing: the next reconciliation handles failed steps.

use std::fmt;

use futures_util::StreamExt as _;
use tracing::Instrument as _;

use crate::cloud::{CloudError, Receipt, Writer};
use crate::domain::base::failure::chain;
use crate::domain::base::model::{MARKER_PARAMETER, PackName, Place, Revision};
use crate::domain::observed::content::Content;
use crate::domain::plan::guard::{Approved, Used};
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::plan::step::{Action, ParameterValue, PlanStep};
use crate::telemetry;

/// Mutations in flight per region: conformd's own choice, since AWS publishes no rates of AWS
/// Config.
const IN_FLIGHT_MAX: usize = 4;

/// The last check between an approved step and its request.
pub trait WriteGate {
    /// Why a step may not begin.
    type Refusal: fmt::Display + Send;

    /// Why no further step may begin: a stop, other settings, a newer revision. Asked before each.
    fn closed(&self) -> Option<Self::Refusal>;

    /// Asked right before a step with losses is sent, after [`WriteGate::closed`]. Permitted losses
    /// are recorded before the request is sent; `Err` is the reason why it must not be sent now.
    fn permit(
        &self,
        step: &PlanStep,
        permits: &[Used],
        revision: Option<&Revision>,
    ) -> impl Future<Output = Result<(), Self::Refusal>> + Send;

    /// The request of this pack is sent now.
    fn sending(&self, pack: &PackName);

    /// Its answer arrived, or conformd stopped waiting for it.
    fn answered(&self, pack: &PackName);
}

/// Takes every step of the plan, or reports it as not started.
pub async fn execute<W: Writer>(
    approved: Approved,
    writer: &W,
    gate: &impl WriteGate,
) -> Vec<Outcome> {
    let plan = approved.plan();
    let audit = Audit { place: plan.place.clone(), revision: plan.revision.clone() };
    let take = |step: PlanStep| {
        let permits = approved.permits(&step.pack).to_vec();
        (step, permits)
    };
    let steps = plan.steps.clone().into_iter().map(take);
    let (deletes, puts): (Vec<_>, Vec<_>) =
        steps.partition(|(step, _)| matches!(step.action, Action::Delete));
    let mut outcomes = Vec::new();
    // Puts come first: the successor of a renamed pack is sent before the old pack is deleted.
    for wave in [puts, deletes] {
        let run = wave.into_iter().map(|(step, permits)| {
            let span = tracing::info_span!(
                "step",
                account = %audit.place.account,
                region = %audit.place.region,
                pack = %step.pack,
                verb = step.action.kind().as_str(),
            );
            run_step(step, permits, &audit, writer, gate).instrument(span)
        });
        let ended: Vec<Outcome> =
            futures_util::stream::iter(run).buffered(IN_FLIGHT_MAX).collect().await;
        outcomes.extend(ended);
    }
    outcomes
}

/// The parts of the audit line besides the step.
struct Audit {
    place: Place,
    revision: Option<Revision>,
}

async fn run_step<W: Writer>(
    step: PlanStep,
    permits: Vec<Used>,
    audit: &Audit,
    writer: &W,
    gate: &impl WriteGate,
) -> Outcome {
    if let Some(why) = gate.closed() {
        tracing::debug!(reason = why.to_string(), "step left for the next reconciliation");
        return Outcome { step, result: StepResult::NotStarted };
    }
    if !step.losses.is_empty() {
        let permitted = gate.permit(&step, &permits, audit.revision.as_ref()).await;
        // Recording the losses takes time, and the gate may have closed in the meantime.
        let refusal = permitted.err().or_else(|| gate.closed());
        if let Some(why) = refusal {
            tracing::warn!(error = why.to_string(), "step not started");
            return Outcome { step, result: StepResult::NotStarted };
        }
    }
    // The audit line comes last, so that it announces only steps whose request follows at once.
    if !announce(&step, &permits, audit) {
        tracing::warn!(error = "its audit line was not accepted by the log", "step not started");
        return Outcome { step, result: StepResult::NotStarted };
    }
    let content = step.action.content();
    gate.sending(&step.pack);
    let result = match content {
        Some(content) => writer.put(&step.pack, content).await,
        None => writer.delete(&step.pack).await,
    };
    gate.answered(&step.pack);
    let result = match result {
        Ok(Receipt { arn, request }) => {
            tracing::info!(audit = true, request, arn, "step accepted");
            StepResult::Accepted { arn }
        }
        Err(error) => refused(&error, step.action.content()),
    };
    Outcome { step, result }
}

/// Writes the audit line; returns whether the log accepted it. A step without an audit line is not
/// sent to AWS.
fn announce(step: &PlanStep, permits: &[Used], audit: &Audit) -> bool {
    let content = step.action.content();
    let names: Vec<&str> = permits.iter().map(|used| used.name.as_str()).collect();
    let reasons: Vec<&str> = permits.iter().map(|used| used.reason.as_str()).collect();
    let (names, reasons) = (distinct(names), distinct(reasons));
    let losses: Vec<String> = step.losses.lost.iter().map(ToString::to_string).collect();
    telemetry::accepts(|| {
        tracing::info!(
            audit = true,
            place = %audit.place,
            pack = %step.pack,
            action = step.action.kind().as_str(),
            reason = step.reason.as_str(),
            revision = audit.revision.as_ref().map(|revision| revision.0.as_str()),
            losses = (!losses.is_empty()).then(|| losses.join(", ")),
            approval = names,
            approval_reason = reasons,
            marker_before = step.marker_now.as_ref().map(ToString::to_string),
            marker_after = content.and_then(|content| content.inputs.get(MARKER_PARAMETER)),
            "step begins"
        );
    })
}

/// Each word once, joined to one text; `None` without words.
fn distinct(mut words: Vec<&str>) -> Option<String> {
    words.sort_unstable();
    words.dedup();
    (!words.is_empty()).then(|| words.join(", "))
}

fn refused(error: &CloudError, content: Option<&Content>) -> StepResult {
    let (kind, why) = (error.kind, redacted(chain(error), content));
    // AWS may have carried out a write that ended in a timeout or a fault: calling it failed would
    // send it a second time.
    if kind.leaves_outcome_unknown() {
        tracing::warn!(audit = true, kind = kind.as_str(), error = why, "step outcome unknown");
        StepResult::Unknown { kind, why }
    } else {
        tracing::warn!(audit = true, kind = kind.as_str(), error = why, "step refused");
        StepResult::Failed { kind, why }
    }
}

/// Parameter values shorter than this are no secrets, and replacing them would garble the text.
const SECRET_BYTES_MIN: usize = 8;

/// AWS's text without the parameter values that its validation errors quote: some values are
/// secrets, and the text is logged and shown.
fn redacted(text: String, content: Option<&Content>) -> String {
    let inputs = content.into_iter().flat_map(|content| &content.inputs);
    let values = inputs.filter(|(name, _)| *name != MARKER_PARAMETER).map(|(_, value)| value);
    values.filter(|value| value.len() >= SECRET_BYTES_MIN).fold(text, |text, value| {
        text.replace(value.as_str(), &ParameterValue::new(value).redacted())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::cloud::Op;
    use crate::domain::base::failure::FailureKind;
    use crate::domain::base::mode::Mode;
    use crate::domain::base::model::{ResultsBucket, Timestamp};
    use crate::domain::declared::approval::Approvals;
    use crate::domain::plan::effective_rules::{HeldRules, TemplatesByDigest};
    use crate::domain::plan::guard::{GuardTerms, LossLimits, approve};
    use crate::domain::plan::loss::Losses;
    use crate::domain::plan::region_plan::{Plan, Weights};
    use crate::domain::plan::step::Reason;
    use crate::domain::plan::window::{LossWindow, SPAN};

    fn step(name: &str, action: Action) -> PlanStep {
        let (pack, reason) = (name.parse().unwrap(), Reason::Missing);
        let losses = match action {
            Action::Delete => Losses::of_pack(),
            Action::Create(_) | Action::Adopt(_) | Action::Update(_) | Action::Redeploy(_) => {
                Losses::default()
            }
        };
        let (changes, marker_now, last_update) = (vec![], None, None);
        PlanStep { pack, action, reason, changes, marker_now, last_update, losses }
    }

    fn put(name: &str) -> PlanStep {
        let content = Content {
            body: "".into(),
            inputs: [("key".to_owned(), "hunter2-swordfish".to_owned())].into(),
            excluded: [].into(),
            delivery: ResultsBucket::default(),
        };
        step(name, Action::Create(Box::new(content)))
    }

    fn approved(steps: Vec<PlanStep>) -> Approved {
        let place = Place {
            account: "111111111111".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let weights = Weights { owned: 100, owned_wanted: 90, ..Weights::default() };
        let (holds, bystanders) = (vec![], [].into());
        let plan = Plan { place, revision: None, steps, holds, bystanders, weights };
        let (all, templates, here) = ([].into(), TemplatesByDigest::new(), plan.place.clone());
        let now = Timestamp::UNIX_EPOCH;
        let terms = GuardTerms {
            mode: Mode::Sync,
            limits: &LossLimits { names_per_window: 100, ..LossLimits::default() },
            approvals: Approvals { all: &all, now, aws_now: now },
            rules: &HeldRules::new(&here, None, &templates),
            members: None,
            shrink: None,
            elapsed: SPAN,
        };
        let ruling = approve(plan, &terms, &LossWindow::with_record(SPAN, SPAN));
        assert_eq!(ruling.pending, None);
        ruling.approved
    }

    /// Takes a turn of the runtime for every write; names that begin with `x` fail, and the write
    /// of `stop` asks for a stop.
    #[derive(Default)]
    struct Slow {
        running: AtomicUsize,
        running_most: AtomicUsize,
        written: Mutex<Vec<String>>,
        stop: CancellationToken,
    }

    impl WriteGate for Slow {
        type Refusal = &'static str;

        fn closed(&self) -> Option<&'static str> {
            self.stop.is_cancelled().then_some("stop")
        }

        async fn permit(
            &self,
            _: &PlanStep,
            _: &[Used],
            _: Option<&Revision>,
        ) -> Result<(), &'static str> {
            Ok(())
        }

        fn sending(&self, _: &PackName) {}

        fn answered(&self, _: &PackName) {}
    }

    impl Slow {
        async fn write(&self, verb: &str, pack: &PackName) -> Result<(), CloudError> {
            let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
            self.running_most.fetch_max(running, Ordering::Relaxed);
            self.written.lock().unwrap().push(format!("{verb} {pack}"));
            tokio::task::yield_now().await;
            self.running.fetch_sub(1, Ordering::Relaxed);
            if pack.as_str() == "stop" {
                self.stop.cancel();
            }
            let kind = match pack.as_str() {
                "xTimeout" => FailureKind::Timeout,
                "xServer" => FailureKind::Server,
                "xBusy" => FailureKind::InFlight,
                _ => return Ok(()),
            };
            let op = Op::PutOrganizationConformancePack;
            let source = "Value 'hunter2-swordfish' failed to satisfy constraint".into();
            Err(CloudError { op, place: "here".to_owned(), kind, source })
        }
    }

    impl Writer for Slow {
        async fn put(&self, pack: &PackName, _: &Content) -> Result<Receipt, CloudError> {
            self.write("put", pack).await.map(|()| Receipt::default())
        }

        async fn delete(&self, pack: &PackName) -> Result<Receipt, CloudError> {
            self.write("delete", pack).await.map(|()| Receipt::default())
        }
    }

    async fn run(writer: &Slow, steps: Vec<PlanStep>) -> Vec<String> {
        let outcomes = execute(approved(steps), writer, writer).await;
        let told = outcomes.into_iter().map(|Outcome { step, result }| {
            let result = match result {
                StepResult::Accepted { .. } => "accepted".to_owned(),
                StepResult::Failed { kind, .. } => format!("failed {kind}"),
                StepResult::Unknown { kind, .. } => format!("unknown {kind}"),
                StepResult::NotStarted => "not started".to_owned(),
            };
            format!("{}: {result}", step.pack)
        });
        told.collect()
    }

    #[tokio::test]
    async fn puts_come_before_deletes_and_at_most_four_run_at_once() {
        let writer = Slow::default();
        let mut steps = vec![step("a", Action::Delete)];
        steps.extend((10..22).map(|number| put(&format!("p{number}"))));
        let told = run(&writer, steps).await;
        assert_eq!(told.len(), 13);
        assert_eq!(writer.running_most.load(Ordering::Relaxed), IN_FLIGHT_MAX);
        assert_eq!(writer.written.lock().unwrap().last().unwrap(), "delete a");
    }

    #[tokio::test]
    async fn after_a_stop_nothing_begins_and_what_began_ends() {
        let writer = Slow::default();
        let mut steps = vec![put("stop")];
        steps.extend((10..16).map(|number| put(&format!("p{number}"))));
        steps.push(step("z", Action::Delete));
        insta::assert_debug_snapshot!(run(&writer, steps).await, @r#"
        [
            "stop: accepted",
            "p10: accepted",
            "p11: accepted",
            "p12: accepted",
            "p13: not started",
            "p14: not started",
            "p15: not started",
            "z: not started",
        ]
        "#);
    }

    #[tokio::test]
    async fn a_value_that_aws_quotes_is_not_repeated() {
        let writer = Slow::default();
        let outcomes = execute(approved(vec![put("xBusy")]), &writer, &writer).await;
        let StepResult::Failed { why, .. } = &outcomes[0].result else { panic!("{outcomes:?}") };
        assert_eq!(
            why,
            "PutOrganizationConformancePack failed in here (in_flight): Value '#a25c2a12' failed \
             to satisfy constraint",
        );
    }

    #[tokio::test]
    async fn a_refusal_is_final_and_silence_leaves_the_outcome_open() {
        let writer = Slow::default();
        let steps = vec![put("a"), put("xBusy"), put("xServer"), put("xTimeout")];
        insta::assert_debug_snapshot!(run(&writer, steps).await, @r#"
        [
            "a: accepted",
            "xBusy: failed in_flight",
            "xServer: unknown server",
            "xTimeout: unknown timeout",
        ]
        "#);
        assert_eq!(writer.written.lock().unwrap().len(), 4);
    }
}
