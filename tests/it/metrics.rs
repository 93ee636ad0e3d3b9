//! Metrics: what exists from the start, what follows the reports, and how many series there are.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test it is an assertion")]

mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use conformd::cloud::{Attempt, AttemptObserver as _, Op};
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::heartbeat::Task;
use conformd::domain::base::model::PackName;
use conformd::domain::members::rollout::RolloutHealth;
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::{FailureClass, Owner};
use conformd::domain::observed::member::Counts;
use conformd::domain::plan::outcome::{Outcome, StepResult};
use conformd::domain::plan::step::{Action, Reason};
use conformd::domain::present::axes::SyncStatus;
use conformd::domain::present::report::{
    OutOfSyncKind, PackReport, RegionReport, Reports, SyncReason,
};
use conformd::domain::present::view::problem::ProblemSeverity;
use conformd::domain::present::view::problem::cause::ProblemCause;
use conformd::http::register;
use conformd::metrics::{Exchange, Metrics, ReloadedSettings};
use proptest::prelude::*;
use strum::IntoEnumIterator as _;

use crate::support::generated;
use crate::support::sample::{
    SYNC_REASONS, Text, at, busy, content, metrics, pack, pack_report, quiet, reports, scrape,
    scrape_all, settings, step, unknown,
};

const HERE: &str = "eu-west-1";

/// Depends on the machine: it exists only beneath a limit.
const LIMIT: &str = "conformd_memory_limit_bytes";

/// Labels whose values come from outside, or are many.
const OPEN: [&str; 6] = ["region", "pack", "team", "version", "commit", "revision"];

fn served(metrics: &Metrics) {
    register(metrics);
}

#[test]
fn every_label_value_of_a_fresh_daemon_exists_at_zero() {
    let metrics = metrics(&[HERE, "us-east-1"]);
    let text = scrape(&metrics, &Reports::new());
    let labels = text.labels();
    let mut table = String::new();
    let ours = |name: &str| name.starts_with("conformd_") && name != LIMIT;
    for (name, kind) in text.types.iter().filter(|(name, _)| ours(name)) {
        let count = text.series.keys().filter(|series| text.family(series) == name).count();
        let labels: Vec<&str> = labels[name.as_str()].keys().map(String::as_str).collect();
        writeln!(table, "{name} {kind} [{}] {count}", labels.join(" ")).unwrap();
    }
    insta::assert_snapshot!(table, @"
    conformd_approvals gauge [state] 3
    conformd_aws_inflight_requests gauge [region] 2
    conformd_aws_limiter_wait_seconds_total counter [region] 2
    conformd_aws_request_duration_seconds histogram [operation service] 192
    conformd_aws_requests_total counter [operation region result service] 196
    conformd_build_info gauge [commit version] 1
    conformd_config_last_reload_success_timestamp_seconds gauge [] 1
    conformd_config_last_reload_successful gauge [] 1
    conformd_failed_accounts gauge [class] 15
    conformd_foreign_changes_total counter [region] 2
    conformd_guard_tripped gauge [reason region] 22
    conformd_interval_seconds gauge [loop] 5
    conformd_log_lines_dropped_total counter [] 1
    conformd_manifests gauge [state] 2
    conformd_mode gauge [mode] 3
    conformd_mutations_total counter [action region result] 104
    conformd_new_account_deploy_seconds histogram [] 13
    conformd_new_accounts gauge [phase region] 10
    conformd_organization_last_success_timestamp_seconds gauge [] 1
    conformd_pack_quota gauge [region] 2
    conformd_pack_rollouts gauge [health region] 14
    conformd_pack_sync_reasons gauge [reason region] 14
    conformd_pack_warnings gauge [] 1
    conformd_packs gauge [region sync] 4
    conformd_packs_observed gauge [region] 2
    conformd_packs_out_of_sync gauge [kind region] 16
    conformd_panics_total counter [task] 6
    conformd_plan_changes gauge [action region] 10
    conformd_problems gauge [cause owner severity] 3
    conformd_reconcile_duration_seconds histogram [phase] 42
    conformd_reconcile_last_attempt_timestamp_seconds gauge [region] 2
    conformd_reconcile_last_success_timestamp_seconds gauge [region] 2
    conformd_reconcile_overruns_total counter [region] 2
    conformd_reconciles_total counter [region result] 6
    conformd_record_bytes gauge [] 1
    conformd_record_write_errors_total counter [] 1
    conformd_recorder_accounts gauge [region state] 10
    conformd_region_blocked gauge [reason region] 18
    conformd_requeues_total counter [reason region] 10
    conformd_series_dropped gauge [metric] 4
    conformd_simulated gauge [] 1
    conformd_source_last_attempt_timestamp_seconds gauge [] 1
    conformd_source_last_success_timestamp_seconds gauge [] 1
    conformd_source_reads_total counter [result] 4
    conformd_source_revision_info gauge [revision] 1
    conformd_steps_held gauge [reason region] 40
    conformd_suspended gauge [scope] 1
    conformd_task_last_beat_timestamp_seconds gauge [region task] 2
    ");
    let events = text.series.iter().filter(|(series, _)| {
        let kind = &text.types[text.family(series)];
        kind == "counter" && !series.starts_with("process_") && !series.contains("source_reads")
    });
    assert_eq!(events.filter(|(_, value)| *value != "0").count(), 0);
}

/// Everything that can be there, for a comparison of names and label values.
fn everything() -> Text {
    let metrics = metrics(&[HERE]);
    served(&metrics);
    metrics.show_record(true, 4_096, 0);
    let elapsed = Duration::from_millis(80);
    for op in Op::iter() {
        metrics.attempted(&Attempt { op, region: HERE, result: Ok(()), elapsed });
    }
    let report = RegionReport { tracking: members::tracking(), ..busy(HERE) };
    metrics.reconciled(&report);
    scrape_all(&metrics, &reports([report]), &members::members())
}

/// Type, and labels with their closed sets, by name of a family.
pub(crate) type Table = BTreeMap<String, (String, BTreeMap<String, BTreeSet<String>>)>;

/// The rows of `docs/metrics.md`: `| name | type | labels | meaning |`.
pub(crate) fn documented() -> Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let is_row = |line: &&str| {
        line.starts_with("| `conformd_")
            || (cfg!(target_os = "linux") && line.starts_with("| `process_"))
    };
    let rows = text.lines().filter(is_row);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`').to_owned();
        (name, (cells[1].to_owned(), documented_labels(cells[2])))
    })
    .collect()
}

/// `` `region`, `result{ok,error}` ``
fn documented_labels(cell: &str) -> BTreeMap<String, BTreeSet<String>> {
    let labels = cell.split('`').filter(|part| part.starts_with(|it: char| it.is_alphabetic()));
    labels
        .map(|label| match label.trim_end_matches('}').split_once('{') {
            None => (label.to_owned(), BTreeSet::new()),
            Some((name, values)) => {
                (name.to_owned(), values.split(',').map(str::to_owned).collect())
            }
        })
        .collect()
}

/// Every value of a label of `conformd_problems`.
fn closed(label: &str) -> BTreeSet<String> {
    let words: Vec<&str> = match label {
        "cause" => ProblemCause::all().map(ProblemCause::as_str).collect(),
        "owner" => Owner::ALL.map(Owner::as_str).into(),
        "severity" => ProblemSeverity::iter().map(ProblemSeverity::as_str).collect(),
        other => panic!("{other} is no label of problems"),
    };
    words.into_iter().map(str::to_owned).collect()
}

/// Type, labels and help of every family, as `docs/metrics.md` shows them, by name.
fn rows() -> BTreeMap<String, String> {
    let text = everything();
    let labels = text.labels();
    let row = |(name, kind): (&String, &String)| {
        // Results of readings are the source's own; the sample has a few of them.
        let is_sample =
            ["conformd_task_last_beat_timestamp_seconds", "conformd_source_reads_total"]
                .contains(&name.as_str());
        let mut labels: Vec<String> = labels[name.as_str()]
            .iter()
            .map(|(label, values)| {
                // Problems that there are not have no series: the sample shows only a few of them.
                let values =
                    if name == "conformd_problems" { closed(label) } else { values.clone() };
                let values = Vec::from_iter(values).join(",");
                let is_open = is_sample || OPEN.contains(&label.as_str());
                if is_open { format!("`{label}`") } else { format!("`{label}{{{values}}}`") }
            })
            .collect();
        labels.sort_by_key(|label| label != "`region`");
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        (name.clone(), format!("| `{name}` | {kind} | {labels} | {} |", text.helps[name]))
    };
    text.types.iter().map(row).collect()
}

/// The page with its rows replaced. A family that is not on it yet stands behind the one whose name
/// is most like its own; move the row where it belongs.
fn with_rows(page: &str, mut rows: BTreeMap<String, String>) -> String {
    let name_of = |line: &str| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        (line.matches(" | ").count() == 3 && name.contains('_')).then(|| name.to_owned())
    };
    let is_elsewhere =
        |name: &str| name == LIMIT || (name.starts_with("process_") && !cfg!(target_os = "linux"));
    let mut lines: Vec<(Option<String>, String)> = Vec::new();
    for line in page.lines() {
        let name = name_of(line)
            .filter(|name| name.starts_with("conformd_") || name.starts_with("process_"));
        match name.as_ref().map(|name| (rows.remove(name), is_elsewhere(name))) {
            Some((Some(row), _)) => lines.push((name, row)),
            // It is not exported any more.
            Some((None, false)) => {}
            None | Some((None, true)) => lines.push((name, line.to_owned())),
        }
    }
    for (name, row) in rows {
        let alike =
            |other: &str| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        let likeness = |line: &(Option<String>, String)| line.0.as_deref().map_or(0, alike);
        let at = (0..lines.len()).max_by_key(|at| likeness(&lines[*at])).unwrap();
        lines.insert(at + 1, (Some(name), row));
    }
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

#[test]
fn the_tables_of_metrics_and_their_words_are_current() {
    let page = with_rows(&generated::text("docs/metrics.md"), rows());
    let meanings = generated::meanings::<FailureKind>();
    let mut words = String::from("| Word | Meaning |\n|---|---|\n");
    for kind in FailureKind::iter() {
        writeln!(words, "| `{kind}` | {} |", meanings[kind.as_str()]).unwrap();
    }
    let page = generated::with_part(&page, "kinds of failure", &words);
    let meanings = generated::meanings::<FailureClass>();
    let mut classes = String::from("| Class | Meaning | Owner | What to do |\n|---|---|---|---|\n");
    for class in FailureClass::ALL {
        let (meaning, owner) = (&meanings[class.as_str()], class.owner().as_str());
        writeln!(classes, "| `{class}` | {meaning} | `{owner}` | {} |", class.advice()).unwrap();
    }
    let page = generated::with_part(&page, "failure classes", &classes);
    generated::assert_current("docs/metrics.md", &page);
}

#[test]
fn every_cause_of_a_problem_is_documented() {
    let (_, labels) = &documented()["conformd_problems"];
    assert_eq!(labels["cause"], closed("cause"));
}

#[test]
fn a_family_that_is_new_gets_a_row_and_one_that_is_gone_loses_it() {
    let page =
        "# A\n\n| `conformd_a_b` | gauge | – | Old. |\n| `conformd_c` | gauge | – | Gone. |\n";
    let row = |name: &str| (name.to_owned(), format!("| `{name}` | gauge | – | New. |"));
    let rows = BTreeMap::from(["conformd_a_b", "conformd_a_c"].map(row));
    insta::assert_snapshot!(with_rows(page, rows), @r"
    # A

    | `conformd_a_b` | gauge | – | New. |
    | `conformd_a_c` | gauge | – | New. |
    ");
}

#[test]
fn twenty_regions_with_fifty_packs_stay_under_fifteen_thousand_series() {
    let names: Vec<String> = (1..=20).map(|number| format!("xx-test-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let metrics = metrics(&names);
    served(&metrics);
    let packs: Vec<_> = (0..50).map(|number| pack(&format!("pack-{number}"))).collect();
    let all = reports(names.iter().map(|name| {
        let drift = [OutOfSyncKind::Template, OutOfSyncKind::Parameters];
        let report = |name: &PackName| (name.clone(), pack_report(SyncStatus::OutOfSync, &drift));
        let rollout =
            members::rollout(RolloutHealth::Degraded, Counts { ok: 10_000, ..Counts::default() });
        let tracking = Tracking {
            packs: packs.iter().map(|name| (name.clone(), rollout.clone())).collect(),
            ..members::tracking()
        };
        let packs = packs.iter().map(report).collect();
        RegionReport { packs, tracking, observed: 50, ..busy(name) }
    }));
    for report in all.values() {
        metrics.reconciled(report);
    }
    for op in Op::iter() {
        let elapsed = Duration::from_millis(80);
        metrics.attempted(&Attempt { op, region: "us-east-1", result: Ok(()), elapsed });
    }
    let text = scrape_all(&metrics, &all, &members::members());
    let count = text.series.len();
    let bytes: usize = text.series.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    println!("20 regions x 50 packs: {count} series, {} KiB without help texts", bytes / 1_024);
    assert!(count < 15_000, "{count} series");
    assert!(bytes < 2 * 1_024 * 1_024, "{bytes} bytes");
}

#[test]
fn a_pack_has_the_regions_of_its_conflict_and_the_labels_that_the_settings_name() {
    let names = [HERE, "us-east-1"];
    let metrics = metrics(&names);
    let all = reports(names.map(|name| {
        let mut report = busy(name);
        report.packs.get_mut(&pack("logging")).unwrap().reason = Some(SyncReason::Conflict);
        report
    }));
    let text = scrape(&metrics, &all);
    insta::assert_snapshot!(text.of("conformd_pack_conflicts"), @r#"
    conformd_pack_conflicts{pack="iam-baseline"} 0
    conformd_pack_conflicts{pack="legacy"} 0
    conformd_pack_conflicts{pack="logging"} 2
    "#);
    // No manifest declares it, and a rule that joins the labels must not lose its alerts.
    insta::assert_snapshot!(text.of("conformd_pack_labels"), @r#"
    conformd_pack_labels{pack="iam-baseline",team="security"} 1
    conformd_pack_labels{pack="legacy"} 1
    conformd_pack_labels{pack="logging",team="security"} 1
    "#);
    let without = ReloadedSettings { pack_labels: BTreeSet::new(), ..settings(&names) };
    metrics.configure(&without);
    let text = scrape(&metrics, &all).of("conformd_pack_labels");
    assert!(!text.contains("team") && text.contains("legacy"), "{text}");
}

#[test]
fn a_pack_that_goes_away_takes_its_series_along() {
    let metrics = metrics(&[HERE]);
    let mut report = RegionReport { tracking: members::tracking(), ..busy(HERE) };
    metrics.reconciled(&report);
    let of_packs = |report: &RegionReport| {
        let text = scrape(&metrics, &reports([report.clone()])).of("conformd_pack_");
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("pack=")).collect();
        lines.join("\n")
    };
    insta::assert_snapshot!(of_packs(&report), @r#"
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="failed"} 3
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="in_progress"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="inactive"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="missing"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="ok"} 117
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="waiting"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="failed"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="in_progress"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="inactive"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="missing"} 0
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="ok"} 120
    conformd_pack_accounts{pack="logging",region="eu-west-1",status="waiting"} 0
    conformd_pack_conflicts{pack="iam-baseline"} 0
    conformd_pack_conflicts{pack="legacy"} 0
    conformd_pack_conflicts{pack="logging"} 0
    conformd_pack_labels{pack="iam-baseline",team="security"} 1
    conformd_pack_labels{pack="legacy"} 1
    conformd_pack_labels{pack="logging",team="security"} 1
    conformd_pack_last_update_timestamp_seconds{pack="iam-baseline",region="eu-west-1"} 1793532600
    conformd_pack_last_update_timestamp_seconds{pack="legacy",region="eu-west-1"} 1793532600
    conformd_pack_last_update_timestamp_seconds{pack="logging",region="eu-west-1"} 1793532600
    conformd_pack_puts_total{pack="iam-baseline",region="eu-west-1"} 1
    conformd_pack_puts_total{pack="legacy",region="eu-west-1"} 0
    conformd_pack_puts_total{pack="logging",region="eu-west-1"} 0
    conformd_pack_synced{pack="iam-baseline",region="eu-west-1"} 0
    conformd_pack_synced{pack="legacy",region="eu-west-1"} 0
    conformd_pack_synced{pack="logging",region="eu-west-1"} 1
    "#);
    report.packs.remove(&pack("logging"));
    report.tracking.packs.remove(&pack("logging"));
    insta::assert_snapshot!(of_packs(&report), @r#"
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="failed"} 3
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="in_progress"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="inactive"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="missing"} 0
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="ok"} 117
    conformd_pack_accounts{pack="iam-baseline",region="eu-west-1",status="waiting"} 0
    conformd_pack_conflicts{pack="iam-baseline"} 0
    conformd_pack_conflicts{pack="legacy"} 0
    conformd_pack_labels{pack="iam-baseline",team="security"} 1
    conformd_pack_labels{pack="legacy"} 1
    conformd_pack_last_update_timestamp_seconds{pack="iam-baseline",region="eu-west-1"} 1793532600
    conformd_pack_last_update_timestamp_seconds{pack="legacy",region="eu-west-1"} 1793532600
    conformd_pack_puts_total{pack="iam-baseline",region="eu-west-1"} 1
    conformd_pack_puts_total{pack="legacy",region="eu-west-1"} 0
    conformd_pack_synced{pack="iam-baseline",region="eu-west-1"} 0
    conformd_pack_synced{pack="legacy",region="eu-west-1"} 0
    "#);
}

#[test]
fn what_was_seen_stays_while_a_region_cannot_be_read() {
    let metrics = metrics(&[HERE]);
    let seen = scrape(&metrics, &reports([busy(HERE)]));
    let dark = unknown(HERE, FailureKind::Denied, "denied");
    metrics.reconciled(&dark);
    let blind = scrape(&metrics, &reports([dark]));
    for family in ["conformd_pack_", "conformd_packs", "conformd_packs_out_of_sync"] {
        assert_eq!(seen.of(family), blind.of(family));
    }
    let blocked: String =
        blind.of("conformd_region_blocked").lines().filter(|line| line.ends_with(" 1")).collect();
    insta::assert_snapshot!(blocked, @r#"conformd_region_blocked{reason="denied",region="eu-west-1"} 1"#);
    insta::assert_snapshot!(blind.of("conformd_reconciles_total"), @r#"
    conformd_reconciles_total{region="eu-west-1",result="error"} 0
    conformd_reconciles_total{region="eu-west-1",result="incomplete"} 1
    conformd_reconciles_total{region="eu-west-1",result="ok"} 0
    "#);
    insta::assert_snapshot!(blind.of("conformd_guard_tripped{reason=\"ratio\""), @r#"conformd_guard_tripped{reason="ratio",region="eu-west-1"} 0"#);
}

#[test]
fn only_packs_that_a_manifest_speaks_of_are_in_or_out_of_sync() {
    let with = |sync, reason| PackReport {
        sync,
        reason: Some(reason),
        ..pack_report(SyncStatus::Synced, &[])
    };
    let (synced, differs) = (Some(SyncStatus::Synced), Some(SyncStatus::OutOfSync));
    let packs = [
        ("a-synced", pack_report(SyncStatus::Synced, &[])),
        ("b-out-of-sync", pack_report(SyncStatus::OutOfSync, &[OutOfSyncKind::Template])),
        ("c-paused", with(synced, SyncReason::Suspended)),
        ("d-paused-and-differs", with(differs, SyncReason::Suspended)),
        ("e-orphaned", with(None, SyncReason::Orphaned)),
        ("f-bystander", with(None, SyncReason::Unmanaged)),
        ("g-wanted-and-foreign", with(differs, SyncReason::Foreign)),
    ];
    let packs = packs.into_iter().map(|(name, report)| (pack(name), report)).collect();
    let report = RegionReport { packs, ..quiet(HERE) };
    let text = scrape(&metrics(&[HERE]), &reports([report]));
    insta::assert_snapshot!(text.of("conformd_pack_synced"), @r#"
    conformd_pack_synced{pack="a-synced",region="eu-west-1"} 1
    conformd_pack_synced{pack="b-out-of-sync",region="eu-west-1"} 0
    conformd_pack_synced{pack="c-paused",region="eu-west-1"} 1
    conformd_pack_synced{pack="d-paused-and-differs",region="eu-west-1"} 0
    conformd_pack_synced{pack="g-wanted-and-foreign",region="eu-west-1"} 0
    "#);
    insta::assert_snapshot!(text.of("conformd_suspended"), @r#"conformd_suspended{scope="pack"} 2"#);
}

#[test]
fn a_warning_counts_once_in_all_regions_of_its_pack() {
    let warned = |name: &str, texts: &[&str]| {
        let warnings = texts.iter().map(|text| (*text).to_owned()).collect();
        (pack(name), PackReport { warnings, ..pack_report(SyncStatus::Synced, &[]) })
    };
    let packs = BTreeMap::from([warned("a", &["odd", "odder"]), warned("b", &["odd"])]);
    let regions = [HERE, "us-east-1"];
    let all = regions.map(|name| RegionReport { packs: packs.clone(), ..quiet(name) });
    let text = scrape(&metrics(&regions), &reports(all));
    insta::assert_snapshot!(text.of("conformd_pack_warnings"), @"conformd_pack_warnings 3");
}

#[test]
fn mutations_count_by_how_they_ended() {
    let metrics = metrics(&[HERE]);
    let outcome =
        |action, ending| Outcome { step: step("cis", action, Reason::Changed), result: ending };
    let why = || "in words".to_owned();
    let outcomes = vec![
        outcome(Action::Create(Box::new(content())), StepResult::Accepted { arn: None }),
        outcome(Action::Update(Box::new(content())), StepResult::Accepted { arn: None }),
        outcome(
            Action::Update(Box::new(content())),
            StepResult::Failed { kind: FailureKind::InFlight, why: why() },
        ),
        outcome(
            Action::Update(Box::new(content())),
            StepResult::Unknown { kind: FailureKind::Timeout, why: why() },
        ),
        outcome(Action::Delete, StepResult::Accepted { arn: None }),
        outcome(Action::Delete, StepResult::NotStarted),
    ];
    let packs = BTreeMap::from([(pack("cis"), pack_report(SyncStatus::Synced, &[]))]);
    let report = RegionReport { outcomes, packs, ..quiet(HERE) };
    metrics.reconciled(&report);
    let text = scrape(&metrics, &reports([report]));
    let counted = |family| {
        let text = text.of(family);
        let lines: Vec<&str> = text.lines().filter(|line| !line.ends_with(" 0")).collect();
        lines.join("\n")
    };
    insta::assert_snapshot!(counted("conformd_mutations_total"), @r#"
    conformd_mutations_total{action="create",region="eu-west-1",result="accepted"} 1
    conformd_mutations_total{action="delete",region="eu-west-1",result="accepted"} 1
    conformd_mutations_total{action="update",region="eu-west-1",result="accepted"} 1
    conformd_mutations_total{action="update",region="eu-west-1",result="in_flight"} 1
    conformd_mutations_total{action="update",region="eu-west-1",result="unknown"} 1
    "#);
    insta::assert_snapshot!(counted("conformd_requeues_total"), @r#"
    conformd_requeues_total{reason="in_flight",region="eu-west-1"} 1
    conformd_requeues_total{reason="unknown",region="eu-west-1"} 1
    "#);
    insta::assert_snapshot!(counted("conformd_pack_puts_total"), @r#"conformd_pack_puts_total{pack="cis",region="eu-west-1"} 2"#);
    insta::assert_snapshot!(counted("conformd_reconciles_total"), @r#"conformd_reconciles_total{region="eu-west-1",result="error"} 1"#);
}

#[test]
fn a_foreign_change_counts_once_until_it_is_healed() {
    let metrics = metrics(&[HERE]);
    let changed = || {
        let out_of_sync = pack_report(SyncStatus::OutOfSync, &[OutOfSyncKind::ForeignWrite]);
        RegionReport { packs: BTreeMap::from([(pack("cis"), out_of_sync)]), ..quiet(HERE) }
    };
    let dark = || unknown(HERE, FailureKind::Server, "away");
    for report in [changed(), changed(), dark(), changed(), quiet(HERE), changed()] {
        metrics.reconciled(&report);
    }
    let text = scrape(&metrics, &Reports::new());
    insta::assert_snapshot!(text.of("conformd_foreign_changes_total"), @r#"conformd_foreign_changes_total{region="eu-west-1"} 2"#);
}

#[test]
fn a_region_that_leaves_the_settings_leaves_no_series() {
    let metrics = metrics(&[HERE, "us-east-1"]);
    let all = reports([busy(HERE), busy("us-east-1")]);
    scrape(&metrics, &all);
    metrics.configure(&settings(&["us-east-1", "ap-south-1"]));
    metrics.reconciled(&busy(HERE));
    let text = scrape(&metrics, &all);
    let left: Vec<&String> = text
        .series
        .keys()
        .filter(|series| series.contains(HERE) && !series.contains("last_beat"))
        .collect();
    assert_eq!(left, Vec::<&String>::new());
    let of = |region: &str| {
        let label = format!("region=\"{region}\"");
        let series = text.series.keys().filter(|series| series.contains(&label));
        series.filter(|series| !series.starts_with("conformd_pack_")).count()
    };
    assert_eq!(of("ap-south-1"), of("us-east-1"));
}

#[test]
fn attempts_waits_and_requests_in_flight_are_counted_by_region() {
    let metrics = metrics(&[HERE]);
    let op = Op::PutOrganizationConformancePack;
    let elapsed = Duration::from_millis(300);
    metrics.attempting(op, HERE);
    metrics.attempting(op, HERE);
    let throttled = Attempt { op, region: HERE, result: Err(FailureKind::Throttled), elapsed };
    metrics.attempted(&throttled);
    metrics.waited(HERE, Duration::from_millis(1_500));
    let text = scrape(&metrics, &Reports::new());
    let requests = text.of("conformd_aws_requests_total");
    let requests: Vec<&str> = requests.lines().filter(|line| !line.ends_with(" 0")).collect();
    insta::assert_snapshot!(requests.join("\n"), @r#"conformd_aws_requests_total{operation="PutOrganizationConformancePack",region="eu-west-1",result="throttled",service="config"} 1"#);
    insta::assert_snapshot!(text.of("conformd_aws_inflight"), @r#"conformd_aws_inflight_requests{region="eu-west-1"} 1"#);
    insta::assert_snapshot!(text.of("conformd_aws_limiter"), @r#"conformd_aws_limiter_wait_seconds_total{region="eu-west-1"} 1.5"#);
    metrics.attempted(&throttled);
    metrics.attempted(&throttled);
    let text = scrape(&metrics, &Reports::new());
    assert!(text.of("conformd_aws_inflight").ends_with(" 0\n"), "never below zero");
}

#[test]
fn a_second_scrape_of_the_same_reports_says_the_same() {
    let metrics = metrics(&[HERE]);
    metrics.reloaded(true, at("12:00:00"));
    metrics.panicked(Task::Http);
    metrics.log_lines_dropped(3);
    served(&metrics);
    let elapsed = Duration::from_millis(2);
    metrics.answered(&Exchange { route: "/metrics", method: "GET", code: "2xx", elapsed });
    let all = reports([busy(HERE)]);
    let ours = |text: Text| {
        let series = text.series.into_iter().filter(|(name, _)| name.starts_with("conformd_"));
        series.collect::<BTreeMap<_, _>>()
    };
    let first = ours(scrape(&metrics, &all));
    assert_eq!(first, ours(scrape(&metrics, &all)));
    assert_eq!(first["conformd_panics_total{task=\"http\"}"], "1");
    assert_eq!(first["conformd_log_lines_dropped_total"], "3");
    assert_eq!(
        Arc::strong_count(&all[&crate::support::sample::region(HERE)]),
        2,
        "no copies are kept"
    );
}

const REGIONS: [&str; 2] = [HERE, "us-east-1"];

/// A report of one of two regions: dark, or with some packs in some state.
fn any_report() -> impl Strategy<Value = RegionReport> {
    let name = prop::sample::select(REGIONS.to_vec());
    let state = prop::sample::select(SYNC_REASONS.to_vec());
    let drift = prop::sample::subsequence(OutOfSyncKind::iter().collect::<Vec<_>>(), 0..3);
    let packs = prop::collection::btree_map("[a-d]", (state, drift), 0..4);
    let packs = packs.prop_map(|packs| {
        let report = |(name, ((sync, reason), drift)): (String, (_, Vec<OutOfSyncKind>))| {
            (pack(&name), PackReport { sync, reason, ..pack_report(SyncStatus::Synced, &drift) })
        };
        packs.into_iter().map(report).collect::<BTreeMap<_, _>>()
    });
    let kind = prop::sample::select(FailureKind::iter().collect::<Vec<_>>());
    (name, prop::option::weighted(0.3, kind), packs).prop_map(|(name, dark, packs)| match dark {
        Some(kind) => unknown(name, kind, "dark"),
        None => RegionReport { observed: packs.len(), packs, ..busy(name) },
    })
}

fn gauges(text: &Text) -> BTreeMap<String, String> {
    let ours = text.series.iter().filter(|(series, _)| {
        series.starts_with("conformd_") && text.types[text.family(series)] == "gauge"
    });
    ours.map(|(series, value)| (series.clone(), value.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn gauges_depend_on_the_last_reports_and_the_last_complete_ones_only(
        sequence in prop::collection::vec(any_report(), 1..10),
    ) {
        let (lived, fresh) = (metrics(&REGIONS), metrics(&REGIONS));
        let (mut last, mut complete) = (Reports::new(), Reports::new());
        let mut shown = None;
        for report in sequence {
            lived.reconciled(&report);
            let report = reports([report]);
            let seen = report.iter().filter(|(_, report)| report.unknown.is_none());
            complete.extend(seen.map(|(region, report)| (region.clone(), Arc::clone(report))));
            last.extend(report);
            shown = Some(scrape(&lived, &last));
        }
        scrape(&fresh, &complete);
        let expected = scrape(&fresh, &last);
        prop_assert_eq!(gauges(&shown.unwrap()), gauges(&expected));
    }
}
