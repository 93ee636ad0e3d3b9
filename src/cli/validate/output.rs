//! The three forms of a validation report: text, JSON, annotations. All pure.

use std::path::Path;

use serde::Serialize;

use super::report::Report;
use crate::cli::terminal::excerpt;
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::many;
use crate::domain::declared::catalog::Declared;
use crate::domain::declared::diagnostic::{Diagnostic, Severity, Span};
use crate::domain::declared::manifest::{Manifest, TemplateSource};
use crate::domain::declared::snapshot::{FileContent, Ignored, SourcePath};

/// Ignored files are listed unasked up to this many.
const IGNORED_MAX: usize = 10;

/// Text.
pub fn text(report: &Report<'_>, verbose: bool, colours: bool) -> String {
    let mut out = String::new();
    for drawing in excerpt::draw(&report.catalog.diagnostics, &report.snapshot.files, colours) {
        out.push_str(&drawing);
        out.push_str("\n\n");
    }
    for (reason, words) in [
        (Ignored::Listed, "ignored by .conformdignore"),
        (Ignored::Suffix, "not read because of their suffix"),
    ] {
        out.push_str(&ignored(report, reason, words, verbose));
    }
    out.push_str(&summary(report));
    out.push('\n');
    out
}

/// What was passed over for this reason, on a line; nothing if nothing was.
fn ignored(report: &Report<'_>, reason: Ignored, words: &str, verbose: bool) -> String {
    let ignored = report.snapshot.ignored.iter().filter(|(_, why)| **why == reason);
    let names: Vec<String> = ignored.map(|(path, _)| path.to_string()).collect();
    if names.is_empty() {
        return String::new();
    }
    // A repository can hold thousands of other files, which would hide the findings.
    if verbose || names.len() <= IGNORED_MAX {
        return format!("{words}: {}\n", names.join(", "));
    }
    format!("{words}: {} (--verbose lists them)\n", many(names.len(), "name"))
}

fn summary(report: &Report<'_>) -> String {
    // A directory without any manifest is most likely the wrong one. With errors, the errors
    // explain the empty catalog.
    if report.catalog.is_empty() && report.catalog.wholly_valid {
        let files = many(report.snapshot.files.len(), "file");
        return format!("error: no manifest found ({files} read)");
    }
    let is_absent = |declared: &&Declared| matches!(declared, Declared::Absent(_));
    let absent = report.catalog.packs.values().filter(is_absent).count();
    // A pack whose manifest is invalid has no rules to count.
    let is_valid = |declared: &&Declared| declared.in_force().is_some();
    let valid = report.catalog.packs.values().filter(is_valid).count();
    let packs = many(valid, "pack");
    let invalid = report.catalog.packs.len().saturating_sub(absent).saturating_sub(valid);
    let invalid = if invalid == 0 { String::new() } else { format!(", {invalid} invalid") };
    let held = report.catalog.packs.values().filter_map(Declared::in_force).map(held);
    let (rules, remediations) = held.fold((0_usize, 0_usize), |(rules, remediations), more| {
        (rules.saturating_add(more.0), remediations.saturating_add(more.1))
    });
    let errors = many(report.count(Severity::Error), "error");
    let warnings = many(report.count(Severity::Warning), "warning");
    // Parts that are zero are left out, except packs, rules, errors and warnings.
    let approvals = match report.catalog.approvals.len() {
        0 => String::new(),
        count => format!(", {}", many(count, "approval")),
    };
    let absent = match absent {
        0 => String::new(),
        count => format!(", {count} to be absent"),
    };
    let outcome = if report.passed() { "ok" } else { "failed" };
    let rules = many(rules, "rule");
    let remediations = match remediations {
        0 => String::new(),
        count => format!(" and {}", many(count, "remediation")),
    };
    let held = format!("{packs} with {rules}{remediations}{invalid}{absent}{approvals}");
    format!("{outcome}: {held}; {errors}, {warnings}")
}

/// How many rules and remediations a pack holds.
fn held(manifest: impl AsRef<Manifest>) -> (usize, usize) {
    match &manifest.as_ref().template {
        TemplateSource::Read(template) => {
            (template.census.rules as usize, template.census.remediations as usize)
        }
        TemplateSource::S3(_) => (0, 0),
    }
}

/// The JSON form. Fields are added within a version, never changed.
#[derive(Serialize)]
struct Json<'r> {
    version: u32,
    passed: bool,
    errors: usize,
    warnings: usize,
    packs: Vec<ValidatedPack<'r>>,
    approvals: Vec<&'r str>,
    diagnostics: &'r [Diagnostic],
    ignored: &'r [SourcePath],
}

#[derive(Serialize)]
struct ValidatedPack<'r> {
    name: &'r PackName,
    valid: bool,
    path: Option<&'r SourcePath>,
    line: Option<u32>,
    template: Option<String>,
    rules: Option<u32>,
    remediations: Option<u32>,
    bytes: Option<usize>,
    regions: Option<Vec<&'r Region>>,
    state: &'static str,
}

/// For programs.
pub fn json(report: &Report<'_>) -> serde_json::Result<String> {
    let catalog = &report.catalog;
    let json = Json {
        version: 1,
        passed: report.passed(),
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        packs: catalog.packs.iter().map(|(name, declared)| pack(name, declared)).collect(),
        approvals: catalog.approvals.keys().map(String::as_str).collect(),
        diagnostics: &catalog.diagnostics,
        ignored: &catalog.ignored,
    };
    serde_json::to_string_pretty(&json).map(|text| text + "\n")
}

fn pack<'r>(name: &'r PackName, declared: &'r Declared) -> ValidatedPack<'r> {
    let manifest = declared.in_force();
    let template = manifest.and_then(|manifest| match &manifest.template {
        TemplateSource::Read(template) => Some(template),
        TemplateSource::S3(_) => None,
    });
    let (origin, regions) = match declared {
        Declared::Absent(tombstone) => (Some(&tombstone.origin), tombstone.regions.as_ref()),
        Declared::Good(_) | Declared::Broken { .. } => (
            manifest.map(|manifest| &manifest.origin),
            manifest.and_then(|manifest| manifest.regions.as_ref()),
        ),
    };
    ValidatedPack {
        name,
        valid: matches!(declared, Declared::Good(_) | Declared::Absent(_)),
        path: origin.map(|origin| &origin.path),
        line: origin.map(|origin| origin.span.line),
        template: template.map(|template| template.digest.to_string()),
        rules: template.map(|template| template.census.rules),
        remediations: template.map(|template| template.census.remediations),
        bytes: template.map(|template| template.body.len()),
        regions: regions.map(|regions| regions.iter().collect()),
        state: match declared {
            Declared::Good(_) | Declared::Broken { .. } => "Present",
            Declared::Absent(_) => "Absent",
        },
    }
}

/// For GitHub's workflow runs: one command a finding. `prefix` leads from the working directory,
/// where GitHub looks for files, to the source root.
pub fn github(report: &Report<'_>, prefix: &Path) -> String {
    let mut out = String::new();
    for finding in &report.catalog.diagnostics {
        out.push_str(&annotation(finding, report, prefix));
        out.push('\n');
    }
    // A line that is no command shows in the log unchanged.
    out.push_str(&summary(report));
    out.push('\n');
    out
}

fn annotation(finding: &Diagnostic, report: &Report<'_>, prefix: &Path) -> String {
    let Diagnostic { path, span, severity, code, found, expected, hint, related } = finding;
    let file = prefix.join(path.to_string()).display().to_string();
    let mut properties = vec![format!("file={}", property(&file))];
    if let Some(span) = span {
        let text = match report.snapshot.files.get(path) {
            Some(FileContent::Bytes(bytes)) => std::str::from_utf8(bytes).unwrap_or_default(),
            Some(FileContent::Unreadable(_) | FileContent::EmptyDirectory) | None => "",
        };
        properties.extend(extent(*span, text));
    }
    properties.push(format!("title={}", property(code)));
    // GitHub shows one text for each finding, so expectation, hint and other places go into it.
    let mut message = found.clone();
    if let Some(expected) = expected {
        message.extend(["; expected ", expected]);
    }
    let hint = hint.iter().cloned();
    let places =
        related.iter().map(|place| format!("{}:{}: {}", place.path, place.span.line, place.note));
    let lines: Vec<String> = std::iter::once(message).chain(hint).chain(places).collect();
    format!("::{severity} {}::{}", properties.join(","), data(&lines.join("\n")))
}

/// Where a place begins and ends, in GitHub's properties.
fn extent(span: Span, text: &str) -> Vec<String> {
    let Span { line, column, start, end } = span;
    let covered = text.get(start..end).unwrap_or_default().trim_end();
    let lines = covered.lines().count().saturating_sub(1);
    let mut properties = vec![
        format!("line={line}"),
        format!("col={column}"),
        format!("endLine={}", line as usize + lines),
    ];
    if lines == 0 {
        // GitHub's last column is the last one marked; ours is one past it.
        let last = column as usize + covered.chars().count().saturating_sub(1);
        properties.push(format!("endColumn={last}"));
    }
    properties
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
