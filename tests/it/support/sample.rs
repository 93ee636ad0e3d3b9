//! Sample reports for tests that show them, and a reader of the metrics text.

#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::heartbeat::{Task, TaskId};
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{PackName, Place, Region, ResultsBucket, Revision, Timestamp};
use conformd::domain::declared::approval::Approval;
use conformd::domain::declared::catalog::Catalog;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::diagnostic::{Diagnostic, Span};
use conformd::domain::declared::manifest::ManifestOrigin;
use conformd::domain::declared::snapshot::{FileContent, Snapshot, SourcePath};
use conformd::domain::declared::source::{ReadingOutcome, SourceProblem, SourceStatus};
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::content::Content;
use conformd::domain::observed::packs::{PackPhase, RolloutStatus, Unknown, Verb, VoidMarker};
use conformd::domain::observed::recorder::Recorders;
use conformd::domain::organization::membership::{ListDoubt, Membership};
use conformd::domain::plan::desired::{SourceDoubt, Unresolvable, Unsupported};
use conformd::domain::plan::hold::{Hold, HoldCause, HoldReason};
use conformd::domain::plan::loss::{Loss, Losses};
use conformd::domain::plan::outcome::{Outcome, StepResult};
use conformd::domain::plan::pending_approval::{HeldLosses, PendingApproval};
use conformd::domain::plan::region_plan::{Plan, Weights};
use conformd::domain::plan::step::{Action, Change, ParameterValue, PlanStep, Reason};
use conformd::domain::plan::trip::{Share, Trip, WindowDoubt};
use conformd::domain::present::axes::SyncStatus;
use conformd::domain::present::report::{
    OutOfSyncKind, PackReport, RegionReport, Reports, SyncReason, Timing,
};
use conformd::domain::present::view::CurrentState;
use conformd::metrics::{
    LoopPeriods, Metrics, MetricsSetup, MetricsView, Program, ReloadedSettings,
};
use jiff::SignedDuration;

/// A value that no answer may show.
pub(crate) const SECRET: &str = "hunter2-in-a-parameter";

pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-11-01T{text}Z").parse().unwrap()
}

pub(crate) fn region(name: &str) -> Region {
    name.parse().unwrap()
}

pub(crate) fn pack(name: &str) -> PackName {
    name.parse().unwrap()
}

pub(crate) fn regions(names: &[&str]) -> BTreeSet<Region> {
    names.iter().map(|name| region(name)).collect()
}

pub(crate) fn settings(names: &[&str]) -> ReloadedSettings {
    ReloadedSettings {
        mode: Mode::Sync,
        regions: regions(names),
        intervals: LoopPeriods {
            source: Duration::from_mins(1),
            organization: Duration::from_mins(10),
            region: Duration::from_mins(15),
            failure_resync: Duration::from_mins(15),
            full_resync: Duration::from_hours(6),
        },
        quota: 50,
        pack_labels: BTreeSet::from(["team".to_owned()]),
    }
}

pub(crate) fn metrics(names: &[&str]) -> Metrics {
    let program = Program {
        version: "0.1.0".to_owned(),
        commit: None,
        simulated: true,
        started: at("10:00:00"),
    };
    Metrics::new(&MetricsSetup { program, settings: settings(names) }).unwrap()
}

/// A region that holds nothing and wants nothing.
pub(crate) fn quiet(name: &str) -> RegionReport {
    let place = Place { account: "111111111111".parse().unwrap(), region: region(name) };
    RegionReport {
        place: place.clone(),
        mode: Mode::Sync,
        reconciliation: 1,
        started: at("12:00:00"),
        finished: at("12:00:02"),
        timing: Timing {
            observe: Duration::from_millis(700),
            plan: Duration::from_millis(1),
            apply: Duration::ZERO,
        },
        last_read: Some(at("12:00:01")),
        unknown: None,
        revision: Some(Revision("dir:0a1b2c3d".to_owned())),
        plan: Plan {
            place,
            revision: Some(Revision("dir:0a1b2c3d".to_owned())),
            steps: Vec::new(),
            holds: Vec::new(),
            bystanders: BTreeMap::new(),
            weights: Weights::default(),
        },
        pending: None,
        approvals: BTreeSet::new(),
        outcomes: Vec::new(),
        packs: BTreeMap::new(),
        observed: 0,
        tracking: Tracking::default(),
    }
}

/// A region that could not be read.
pub(crate) fn unknown(name: &str, kind: FailureKind, why: &str) -> RegionReport {
    let why = why.to_owned();
    let cause = HoldCause::RegionUnknown(why.clone());
    let hold = Hold { pack: None, why: cause, until: None, step: None };
    let report = quiet(name);
    RegionReport {
        unknown: Some(Unknown { kind, why }),
        plan: Plan { holds: vec![hold], ..report.plan },
        ..report
    }
}

/// A cause of this kind, for what looks at the kind alone; `text` where the kind carries one.
pub(crate) fn hold_cause(reason: HoldReason, text: &str) -> HoldCause {
    let text = text.to_owned();
    match reason {
        HoldReason::Mode => HoldCause::ModeObserve,
        HoldReason::Source => HoldCause::Source(SourceDoubt::Unreadable(text)),
        HoldReason::Invalid => HoldCause::Source(SourceDoubt::Invalid),
        HoldReason::Unsupported => {
            HoldCause::Unresolvable(Unresolvable::Unsupported(Unsupported::TemplateInS3(text)))
        }
        HoldReason::Unknown => HoldCause::RegionUnknown(text),
        HoldReason::Unconfirmed => HoldCause::ReadOnce,
        HoldReason::Settling => HoldCause::WriteSent,
        HoldReason::Guard => {
            let trips = vec![Trip::Caution(WindowDoubt::RecordUnwritable(text))];
            let pending = PendingApproval { trips, losses: BTreeMap::new() };
            let (region, void) = (region("eu-west-1"), BTreeSet::new());
            HoldCause::Guard(Arc::new(HeldLosses { region, pending, void }))
        }
        HoldReason::InProgress => HoldCause::UnrecognizedStatus(text),
        HoldReason::Suspended => HoldCause::Suspended(text),
        HoldReason::Foreign => HoldCause::Void(VoidMarker::Copied),
        HoldReason::Unmanaged => HoldCause::Unmanaged,
        HoldReason::Quota => HoldCause::QuotaRefused(text),
        HoldReason::Rejected => HoldCause::Rejected(text),
        HoldReason::Conflict => HoldCause::Fight { puts: 7 },
        HoldReason::Retry => HoldCause::AttemptFailed(text),
        HoldReason::Denied => HoldCause::WritesRefused(text),
        HoldReason::Orphaned => HoldCause::Orphaned,
        HoldReason::Undeclared => HoldCause::Undeclared,
        HoldReason::Membership => HoldCause::AccountList(ListDoubt::Unreadable(text)),
    }
}

/// What the sync of a pack and its reason may be together.
pub(crate) const SYNC_REASONS: [(Option<SyncStatus>, Option<SyncReason>); 12] = [
    (Some(SyncStatus::Synced), None),
    (Some(SyncStatus::Synced), Some(SyncReason::Suspended)),
    (Some(SyncStatus::OutOfSync), None),
    (Some(SyncStatus::OutOfSync), Some(SyncReason::Invalid)),
    (Some(SyncStatus::OutOfSync), Some(SyncReason::Rejected)),
    (Some(SyncStatus::OutOfSync), Some(SyncReason::Conflict)),
    (Some(SyncStatus::OutOfSync), Some(SyncReason::Suspended)),
    (Some(SyncStatus::OutOfSync), Some(SyncReason::Unmanaged)),
    (Some(SyncStatus::OutOfSync), Some(SyncReason::Foreign)),
    (None, Some(SyncReason::Orphaned)),
    (None, Some(SyncReason::Unmanaged)),
    (None, Some(SyncReason::Foreign)),
];

pub(crate) fn pack_report(sync: SyncStatus, drift: &[OutOfSyncKind]) -> PackReport {
    PackReport {
        sync: Some(sync),
        reason: None,
        drift: drift.iter().copied().collect(),
        status: Some(RolloutStatus::Known(Verb::Create, PackPhase::Successful)),
        last_update: Some(at("11:30:00")),
        holds: Vec::new(),
        warnings: Vec::new(),
    }
}

pub(crate) fn step(name: &str, action: Action, reason: Reason) -> PlanStep {
    PlanStep {
        pack: pack(name),
        action,
        reason,
        changes: Vec::new(),
        marker_now: None,
        last_update: None,
        losses: Losses::default(),
    }
}

pub(crate) fn content() -> Content {
    Content {
        body: "Resources: {}".into(),
        inputs: BTreeMap::from([("ApiKey".to_owned(), SECRET.to_owned())]),
        excluded: BTreeSet::new(),
        delivery: ResultsBucket::default(),
    }
}

/// A region with a bit of everything: an update that was accepted, a delete that waits.
pub(crate) fn busy(name: &str) -> RegionReport {
    let change = Change::Parameter {
        name: "ApiKey".to_owned(),
        old: None,
        new: Some(ParameterValue::new(SECRET)),
    };
    let update = PlanStep {
        changes: vec![change],
        ..step("iam-baseline", Action::Update(Box::new(content())), Reason::Changed)
    };
    let delete =
        PlanStep { losses: Losses::of_pack(), ..step("legacy", Action::Delete, Reason::Unwanted) };
    let pending = PendingApproval {
        trips: vec![Trip::Ratio {
            region: region(name),
            share: Share { lost: 2, now: 3, basis: 3, max: 1 },
        }],
        losses: BTreeMap::from([(pack("legacy"), BTreeSet::from([Loss::Pack]))]),
    };
    let losses =
        HeldLosses { region: region(name), pending: pending.clone(), void: BTreeSet::new() };
    let hold = Hold {
        pack: Some(pack("legacy")),
        why: HoldCause::Guard(Arc::new(losses)),
        until: None,
        step: Some(Box::new(delete)),
    };
    let arn = "arn:aws:config:eu-west-1:111111111111:organization-conformance-pack/iam-baseline-a1";
    let accepted = StepResult::Accepted { arn: Some(arn.to_owned()) };
    let held = PackReport {
        holds: vec![HoldReason::Guard],
        ..pack_report(SyncStatus::OutOfSync, &[OutOfSyncKind::Unwanted])
    };
    let report = quiet(name);
    RegionReport {
        plan: Plan { steps: vec![update.clone()], holds: vec![hold], ..report.plan },
        pending: Some(pending),
        outcomes: vec![Outcome { step: update, result: accepted }],
        packs: BTreeMap::from([
            (
                pack("iam-baseline"),
                pack_report(SyncStatus::OutOfSync, &[OutOfSyncKind::Parameters]),
            ),
            (pack("legacy"), held),
            (pack("logging"), pack_report(SyncStatus::Synced, &[])),
        ]),
        observed: 3,
        ..report
    }
}

pub(crate) fn reports(all: impl IntoIterator<Item = RegionReport>) -> Reports {
    all.into_iter().map(|report| (report.place.region.clone(), Arc::new(report))).collect()
}

fn manifest(name: &str, exclude: &str) -> String {
    format!(
        "apiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack\n\
         metadata: {{name: {name}, labels: {{team: security}}}}\nspec:\n  exclude: {{{exclude}}}\n  \
         template:\n    inline: |\n      Resources:\n        Rule:\n          \
         Type: AWS::Config::ConfigRule\n          Properties:\n            \
         Source: {{Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}}\n"
    )
}

/// Two packs that are wanted everywhere, an approval, and a finding in another file.
fn catalog() -> Catalog {
    let files = [
        ("packs/iam-baseline.yaml", manifest("iam-baseline", "states: [SUSPENDED]")),
        ("packs/logging.yaml", manifest("logging", "organizationalUnits: [ou-ab12-sandbox1]")),
    ];
    let files = files.map(|(path, text)| {
        (SourcePath::new(path).unwrap(), FileContent::Bytes(text.into_bytes().into()))
    });
    let snapshot = Snapshot::of_directory(files.into());
    let catalog = Catalog::read(&snapshot, &Constraints::default(), None);
    assert!(catalog.wholly_valid, "{:?}", catalog.diagnostics);
    let path = SourcePath::new("packs/edge.yaml").unwrap();
    let span = Span { line: 4, column: 3, start: 0, end: 0 };
    let found = "there is no field \"parametres\"";
    let finding = Diagnostic::error(&path, Some(span), "unknown-field", found);
    let approval = Approval {
        name: "drop-legacy".to_owned(),
        origin: ManifestOrigin { path, span },
        reason: "retired".to_owned(),
        expires: at("18:00:00"),
        permits: Vec::new(),
    };
    Catalog {
        revision: Revision("dir:0a1b2c3d".to_owned()),
        approvals: [(approval.name.clone(), approval)].into(),
        diagnostics: vec![finding.hint("did you mean \"parameters\"?")],
        wholly_valid: false,
        ..catalog
    }
}

pub(crate) fn source() -> SourceStatus {
    let reads = [
        (ReadingOutcome::Changed, 1),
        (ReadingOutcome::Empty, 0),
        (ReadingOutcome::Unchanged, 7),
        (ReadingOutcome::Unreadable, 0),
    ];
    SourceStatus {
        catalog: Some(Arc::new(catalog())),
        attempt_last: Some(at("12:00:00")),
        read_last: Some(at("12:00:00")),
        reads: reads.into(),
        ..SourceStatus::default()
    }
}

/// Why the source cannot be read.
pub(crate) fn unread(why: &str) -> SourceProblem {
    SourceProblem { outcome: ReadingOutcome::Unreadable, text: why.to_owned() }
}

/// What a scrape shows of these reports.
pub(crate) fn scrape(metrics: &Metrics, reports: &Reports) -> Text {
    scrape_all(metrics, reports, &Members::default())
}

/// What is known of members beside the reports.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    pub(crate) membership: Membership,
    pub(crate) recorders: Recorders,
    pub(crate) skew: Option<SignedDuration>,
}

/// What a scrape shows of these reports and members.
pub(crate) fn scrape_all(metrics: &Metrics, reports: &Reports, members: &Members) -> Text {
    let Members { membership, recorders, skew } = members;
    let beats = BTreeMap::from([
        (TaskId::sole(Task::Source), at("12:00:05")),
        (TaskId::regional(&region("eu-west-1")), at("12:00:06")),
    ]);
    let facts = CurrentState {
        reports: reports.clone(),
        source: source(),
        membership: Arc::new(membership.clone()),
        recorders: Arc::new(recorders.clone()),
        skew: *skew,
        ..crate::support::people::facts()
    };
    let (beats, now) = (&beats, at("12:01:00"));
    let view = MetricsView { facts: &facts, beats, now };
    Text::read(&metrics.scrape(view).unwrap())
}

/// The text format of Prometheus, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    /// Type by family.
    pub(crate) types: BTreeMap<String, String>,
    /// Help text by family.
    pub(crate) helps: BTreeMap<String, String>,
    /// Value by series as written.
    pub(crate) series: BTreeMap<String, String>,
}

impl Text {
    pub(crate) fn read(text: &str) -> Self {
        let (mut types, mut helps) = (BTreeMap::new(), BTreeMap::new());
        let mut series = BTreeMap::new();
        for line in text.lines() {
            if let Some((name, help)) =
                line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '))
            {
                helps.insert(name.to_owned(), help.to_owned());
            }
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                types.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(series.insert(name.to_owned(), value.to_owned()).is_none(), "{line}");
            }
        }
        Self { types, helps, series }
    }

    /// The lines of the series that begin like this, with their values.
    pub(crate) fn of(&self, prefix: &str) -> String {
        let series = self.series.iter().filter(|(name, _)| name.starts_with(prefix));
        let lines: Vec<String> = series.map(|(name, value)| format!("{name} {value}\n")).collect();
        lines.concat()
    }

    /// The family that a series belongs to: histograms have three kinds of series.
    pub(crate) fn family<'a>(&self, series: &'a str) -> &'a str {
        let name = series.split('{').next().unwrap();
        if self.types.contains_key(name) {
            return name;
        }
        let ends = ["_bucket", "_sum", "_count"];
        ends.into_iter().find_map(|end| name.strip_suffix(end)).unwrap()
    }

    /// Label names of every family, each with the values that occur.
    pub(crate) fn labels(&self) -> BTreeMap<&str, BTreeMap<String, BTreeSet<String>>> {
        let mut all: BTreeMap<&str, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for name in self.series.keys() {
            let labels = all.entry(self.family(name)).or_default();
            let Some((_, pairs)) = name.split_once('{') else { continue };
            for pair in pairs.trim_end_matches('}').split("\",") {
                let (label, value) = pair.split_once("=\"").unwrap();
                let value = value.trim_end_matches('"').to_owned();
                if label != "le" {
                    labels.entry(label.to_owned()).or_default().insert(value);
                }
            }
        }
        all
    }
}
