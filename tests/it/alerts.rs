//! Alerts: rules, metrics, pages, tests and the operator's copy speak of the same things. That each
//! rule fires and stays silent where it should is `promtool`'s to show (`deploy/prometheus/tests`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::metrics::documented;
use crate::support::generated::{assert_current, text, with_part};

const RULES: &str = "deploy/prometheus/rules/conformd.yml";
const PAGES: &str = "https://github.com/conformd/conformd/blob/main/docs/runbooks";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&text(name)).unwrap()
}

/// The files of a directory, by name without suffix.
fn files(directory: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(path(directory)).unwrap().map(|entry| entry.unwrap().path());
    let file = |entry: PathBuf| {
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(entry).unwrap())
    };
    entries.map(file).collect()
}

/// Whether a link of a runbook, such as `../metrics.md#failure-classes`, leads to a heading.
fn is_heading(link: &str) -> bool {
    let Some((file, anchor)) = link.split_once('#') else { return false };
    let page = fs::read_to_string(path("docs/runbooks").join(file)).unwrap_or_default();
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let mut anchors =
        headings.map(|line| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-"));
    anchors.any(|heading| heading == anchor)
}

fn items(value: &Value) -> &Vec<Value> {
    value.as_sequence().unwrap()
}

fn rules() -> BTreeMap<String, Value> {
    let file = yaml(RULES);
    let rules = items(&file["groups"]).iter().flat_map(|group| items(&group["rules"]));
    rules.map(|rule| (rule["alert"].as_str().unwrap().to_owned(), rule.clone())).collect()
}

fn names() -> BTreeSet<String> {
    rules().into_keys().collect()
}

/// One metric in an expression, and what is asked of its labels.
#[derive(Debug, PartialEq, Eq)]
struct Selector {
    metric: String,
    /// Label, operator, value.
    matchers: Vec<(String, String, String)>,
}

/// The selectors of an expression: words of our own, of the process, or `up`.
fn selectors(expression: &str) -> Vec<Selector> {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let (mut rest, mut found) = (expression, Vec::new());
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let end = word.find(|it| !is_word(it)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        rest = after;
        if word == "up" || word.starts_with("conformd_") || word.starts_with("process_") {
            let inside = after.strip_prefix('{').and_then(|after| after.split_once('}'));
            let (inside, after) = inside.unwrap_or(("", after));
            rest = after;
            found.push(Selector { metric: word.to_owned(), matchers: matchers(inside) });
        }
    }
    found
}

/// `job="conformd",result=~"ok|denied"`
fn matchers(text: &str) -> Vec<(String, String, String)> {
    let parts: Vec<&str> = text.split('"').map(str::trim).collect();
    let pairs = parts.chunks_exact(2);
    pairs
        .map(|pair| {
            let label = pair[0].trim_start_matches(',').trim();
            let at = label.find(['=', '!']).unwrap();
            let (label, operator) = label.split_at(at);
            (label.to_owned(), operator.to_owned(), pair[1].to_owned())
        })
        .collect()
}

#[test]
fn a_selector_is_read_with_its_matchers() {
    let found = selectors("sum(rate(conformd_a_total{\n  job=\"x\",b!~\"c|d.*\"\n}[5m])) > up");
    let own = |parts: [&str; 3]| <(String, String, String)>::from(parts.map(str::to_owned));
    let matchers = vec![own(["job", "=", "x"]), own(["b", "!~", "c|d.*"])];
    let up = Selector { metric: "up".to_owned(), matchers: Vec::new() };
    assert_eq!(found, [Selector { metric: "conformd_a_total".to_owned(), matchers }, up]);
}

#[test]
fn alerts_ask_for_metrics_labels_and_values_that_exist() {
    let exported = documented();
    for (alert, rule) in rules() {
        let selectors = selectors(rule["expr"].as_str().unwrap());
        assert!(!selectors.is_empty(), "{alert} asks for nothing");
        for Selector { metric, matchers } in selectors {
            let job = ["job", "=", "conformd"].map(str::to_owned).into();
            assert!(matchers.contains(&job), "{alert}: {metric} of some other job");
            if metric == "up" {
                continue;
            }
            let row = exported.get(&metric);
            let (_, labels) = row.unwrap_or_else(|| panic!("{alert}: there is no {metric}"));
            for (label, operator, value) in matchers.iter().filter(|matcher| **matcher != job) {
                let values = &labels[label];
                for value in value.split('|').filter(|_| !values.is_empty()) {
                    let begins = value.strip_suffix(".*").filter(|_| operator.ends_with('~'));
                    let is_known = match begins {
                        Some(start) => values.iter().any(|known| known.starts_with(start)),
                        None => values.contains(value),
                    };
                    assert!(is_known, "{alert}: {metric} has no {label} {value}");
                }
            }
        }
    }
}

#[test]
fn every_family_is_in_an_alert_or_says_why_not() {
    let rules = rules();
    let expressions = rules.values().map(|rule| rule["expr"].as_str().unwrap());
    let used: BTreeSet<String> =
        expressions.flat_map(selectors).map(|selector| selector.metric).collect();
    let page = text("docs/metrics.md");
    let (_, reasons) = page.split_once("## In no alert").unwrap();
    let (reasons, _) = reasons.split_once("\n## ").unwrap();
    // Each names its metrics, then a colon, then the reason.
    let names = reasons.split("\n* ").skip(1).map(|item| item.split(": ").next().unwrap());
    let names = names.flat_map(|names| names.split('`').skip(1).step_by(2));
    let excused: BTreeSet<String> = names.map(str::to_owned).collect();
    for family in documented().into_keys() {
        let is_accounted = used.contains(&family) || excused.contains(&family);
        assert!(is_accounted, "{family} is in no alert and has no reason");
    }
    let exported: BTreeSet<String> = documented().into_keys().collect();
    assert_eq!(excused.difference(&exported).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(excused.intersection(&used).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Every query of a dashboard: the texts named `expr` or `query`, wherever they stand.
fn queries(json: &serde_json::Value, found: &mut Vec<String>) {
    for (name, value) in json.as_object().into_iter().flatten() {
        match value.as_str().filter(|_| name == "expr" || name == "query") {
            Some(query) => found.push(query.to_owned()),
            None => queries(value, found),
        }
    }
    for item in json.as_array().into_iter().flatten() {
        queries(item, found);
    }
}

#[test]
fn dashboards_ask_for_metrics_that_exist() {
    let exported = documented();
    // A histogram is asked for by its parts.
    let exists = |metric: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        let whole = parts.into_iter().find_map(|part| metric.strip_suffix(part));
        metric == "up"
            || exported.contains_key(metric)
            || whole.is_some_and(|whole| exported.contains_key(whole))
    };
    let boards = fs::read_dir(path("dashboards")).into_iter().flatten();
    let boards = boards.map(|entry| entry.unwrap().path());
    for board in boards.filter(|path| path.extension().is_some_and(|suffix| suffix == "json")) {
        let text = fs::read_to_string(&board).unwrap();
        let mut found = Vec::new();
        queries(&serde_json::from_str(&text).unwrap(), &mut found);
        for Selector { metric, matchers: _ } in found.iter().flat_map(|query| selectors(query)) {
            assert!(exists(&metric), "{}: there is no {metric}", board.display());
        }
    }
}

#[test]
fn every_alert_says_what_where_how_bad_and_what_to_do() {
    for (alert, rule) in rules() {
        assert!(alert.starts_with("Conformd"), "{alert}");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{alert}: {severity}");
        let annotations = rule["annotations"].as_mapping().unwrap();
        let keys: BTreeSet<&str> = annotations.keys().map(|key| key.as_str().unwrap()).collect();
        assert_eq!(keys, BTreeSet::from(["summary", "description", "runbook_url"]), "{alert}");
        let page = format!("{PAGES}/{alert}.md");
        assert_eq!(rule["annotations"]["runbook_url"].as_str(), Some(page.as_str()));
    }
}

#[test]
fn every_alert_has_its_page_and_every_page_its_alert() {
    let pages = files("docs/runbooks");
    assert_eq!(pages.keys().cloned().collect::<BTreeSet<_>>(), names());
    for (name, page) in pages {
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
        let title = format!("# {name}");
        // A comment of a shell looks like a title.
        let headings: Vec<&str> =
            headings.into_iter().filter(|it| it.starts_with("##") || *it == title).collect();
        let parts = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];
        assert_eq!(headings, [&[title.as_str()], parts.as_slice()].concat(), "{name}");
        assert!(page.contains("```sh\n"), "{name} has no command");
        for link in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let is_there = names().contains(link.trim_end_matches(".md")) || is_heading(link);
            assert!(is_there, "{name} links to {link}");
        }
    }
}

#[test]
fn every_runbook_begins_with_status_or_explain_and_ends_with_how_its_end_is_seen() {
    for (name, page) in files("docs/runbooks") {
        let (_, diagnosis) = page.split_once("## Diagnosis\n\n```sh\n").unwrap();
        let first = diagnosis.lines().next().unwrap();
        let is_asked =
            ["conformd status", "conformd explain"].iter().any(|it| first.starts_with(it));
        assert!(is_asked, "{name} begins with {first}");
        let (_, shown) = diagnosis.split_once("\n```\n\n").unwrap();
        let is_shown = ["* `status` ", "* `explain` "].iter().any(|it| shown.starts_with(it));
        assert!(is_shown, "{name} does not say what {first} shows");
        let (_, end) = page.trim_end().rsplit_once("\n\n").unwrap();
        assert!(end.starts_with("**Resolved** "), "{name} ends with {end}");
    }
}

/// The first sentence of a page, in one line.
fn first_sentence(page: &str) -> String {
    let (_, meaning) = page.split_once("## Meaning\n\n").unwrap();
    let (paragraph, _) = meaning.split_once("\n\n").unwrap();
    let paragraph = paragraph.replace('\n', " ");
    paragraph.split(". ").next().unwrap().trim_end_matches('.').to_owned()
}

#[test]
fn the_tables_of_alerts_are_current() {
    let (file, pages) = (yaml(RULES), files("docs/runbooks"));
    let mut page = text("docs/alerts.md");
    for group in items(&file["groups"]) {
        let mut table = String::from("| Alert | Severity | After | Meaning |\n|---|---|---|---|\n");
        for rule in items(&group["rules"]) {
            let name = rule["alert"].as_str().unwrap();
            let severity = rule["labels"]["severity"].as_str().unwrap();
            let after = rule.get("for").map_or("at once", |after| after.as_str().unwrap());
            let meaning = first_sentence(&pages[name]);
            let row = format!("[`{name}`](runbooks/{name}.md) | {severity} | {after} | {meaning}");
            writeln!(table, "| {row} |").unwrap();
        }
        page = with_part(&page, group["name"].as_str().unwrap(), &table);
    }
    let rows = page.lines().filter(|line| line.starts_with("| [`Conformd")).count();
    assert_eq!(rows, names().len(), "a table of docs/alerts.md is of no group");
    assert_current("docs/alerts.md", &page);
}

#[test]
fn every_alert_fires_and_resolves_in_one_test_and_stays_silent_in_another() {
    let (mut fires, mut resolves) = (BTreeSet::new(), BTreeSet::new());
    let mut silent = BTreeSet::new();
    for file in files("deploy/prometheus/tests").into_values() {
        let file: Value = serde_yaml::from_str(&file).unwrap();
        assert_eq!(file["rule_files"][0].as_str(), Some("../rules/conformd.yml"));
        for test in items(&file["tests"]) {
            let checks = items(&test["alert_rule_test"]).iter();
            let fired = |check: &Value| !items(&check["exp_alerts"]).is_empty();
            let any_fires = checks.clone().any(fired);
            let mut burning = BTreeSet::new();
            for check in checks {
                let alert = check["alertname"].as_str().unwrap().to_owned();
                if fired(check) {
                    burning.insert(alert.clone());
                    fires.insert(alert);
                } else if burning.remove(&alert) {
                    resolves.insert(alert);
                } else if !any_fires {
                    // Silent throughout: what is silent only before it fires shows `for`.
                    silent.insert(alert);
                }
            }
        }
    }
    assert_eq!(fires, names());
    assert_eq!(resolves, names());
    assert_eq!(names().difference(&silent).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn the_rules_for_the_prometheus_operator_are_current() {
    const OPERATOR: &str = "deploy/prometheus/kubernetes/prometheusrule.yml";
    let (copy, rules) = (text(OPERATOR), text(RULES));
    let (head, _) = copy.split_once("\nspec:\n").unwrap();
    let rules = &rules[rules.find("groups:").unwrap()..];
    let indented = rules.lines().map(|line| match line {
        "" => String::from("\n"),
        line => format!("  {line}\n"),
    });
    let generated = format!("{head}\nspec:\n{}", indented.collect::<Vec<_>>().concat());
    assert_current(OPERATOR, &generated);
}

#[test]
fn inhibitions_name_alerts_that_exist_and_are_documented() {
    let (config, page) = (yaml("deploy/prometheus/alertmanager.yml"), text("docs/alerts.md"));
    let inhibitions = items(&config["inhibit_rules"]);
    for inhibition in inhibitions {
        let words = |side: &str| {
            let matchers = items(&inhibition[side]).iter().map(|it| it.as_str().unwrap());
            let values = matchers.filter_map(|matcher| matcher.split('"').nth(1));
            values.flat_map(|value| value.split('|')).map(str::to_owned).collect::<Vec<_>>()
        };
        let (source, targets) = (words("source_matchers"), words("target_matchers"));
        let row = format!("| `{}` | ", source[0]);
        let row = page.lines().find(|line| line.starts_with(&row)).unwrap();
        for alert in source.iter().chain(&targets).filter(|alert| *alert != "Conformd.+") {
            assert!(names().contains(alert), "there is no {alert}");
            assert!(row.contains(&format!("`{alert}`")), "{row}: {alert}");
        }
    }
    let rows = page.lines().filter(|line| line.starts_with("| `Conformd"));
    assert_eq!(rows.count(), inhibitions.len());
}
