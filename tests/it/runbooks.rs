//! What the pages tell people to type: commands that the program takes, routes that it serves,
//! metrics that it exports, tests and files that there are.

#![expect(clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::metrics::documented;
use crate::support::process::command;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages for people: those of the project, and of what is deployed. Changes speak of the past.
fn pages() -> BTreeMap<String, String> {
    fn visit(path: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|suffix| suffix == "md")
                && !name.contains("CHANGELOG")
            {
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(&project().join("docs"), &mut found);
    visit(&project().join("deploy"), &mut found);
    for name in ["README.md", "SECURITY.md"] {
        found.insert(name.to_owned(), fs::read_to_string(project().join(name)).unwrap());
    }
    found
}

/// Lines of the blocks that people type, continued ones joined; what follows a `#` is for them.
fn typed(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in page.split("```").skip(1).step_by(2) {
        let (kind, text) = block.split_once('\n').unwrap_or((block, ""));
        let joined = text.replace("\\\n", " ");
        let shown = joined.lines().filter_map(|line| match kind {
            "sh" | "bash" => Some(line),
            "console" => line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")),
            _ => None,
        });
        lines.extend(shown.map(|line| line.split(" #").next().unwrap().trim().to_owned()));
    }
    lines
}

/// What stands between backquotes in running text.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    let text = page.split("```").step_by(2);
    text.flat_map(|text| text.split('`').skip(1).step_by(2))
}

/// Calls of the program in a line of a shell, as words.
fn calls(line: &str) -> Vec<Vec<String>> {
    let parts = line.split([';', '|', '&', '(', ')', '<', '>']);
    let call = |part: &str| {
        let words: Vec<&str> = part.split_whitespace().collect();
        let at =
            words.iter().rposition(|word| *word == "conformd" || word.ends_with("/conformd"))?;
        let before = &words[..at];
        // `sudo`, `podman exec` and their like; or the name of a unit, a user, a file.
        let runs = before.is_empty()
            || before.iter().all(|word| word.contains('='))
            || ["sudo", "exec", "run"].iter().any(|runner| before.contains(runner));
        let after = words[at + 1..].iter().map(|word| example(word.trim_matches(['"', '\''])));
        runs.then(|| after.collect())
    };
    parts.filter_map(call).collect()
}

/// A word with something in place of what the reader puts in.
fn example(word: &str) -> String {
    match word {
        "ACCOUNT" => "111122223333".to_owned(),
        "REGION" => "eu-west-1".to_owned(),
        // A variable of the shell.
        _ => word.replace("$api", "http://127.0.0.1:9464").replace('$', ""),
    }
}

/// What the program says against these words, if it does not take them.
fn refusal(words: &[String]) -> Option<String> {
    // Options are read before anything is done, and `--help` ends it there; but it also ends the
    // reading, so that it has to come last. What is missing is not asked for then.
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    let ended = command.args(words).arg("--help").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    (!ended.status.success()).then_some(said)
}

#[test]
fn every_command_of_a_page_is_one_that_the_program_takes() {
    let mut known: BTreeMap<Vec<String>, Option<String>> = BTreeMap::new();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, page) in pages() {
        let inline = quoted(&page).filter(|text| text.starts_with("conformd "));
        // In running text `conformd COMMAND --help` speaks of all of them.
        let inline = inline.filter(|text| !text.contains("COMMAND")).map(str::to_owned);
        for line in typed(&page).into_iter().chain(inline) {
            for words in calls(&line) {
                count += 1;
                let refused = known.entry(words.clone()).or_insert_with(|| refusal(&words)).clone();
                if let Some(why) = refused {
                    wrong.push(format!("{name}: {line}\n  {why}"));
                }
            }
        }
    }
    assert!(count > 60, "only {count} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let words = |line: &str| calls(line).concat();
    assert!(refusal(&words("sudo conformd stats -c x")).is_some());
    assert!(refusal(&words("conformd status --regions eu-west-1")).is_some());
    assert_eq!(refusal(&words("cd x && conformd status eu-west-1 -o wide | head")), None);
    assert!(calls("journalctl -u conformd --since -1h").is_empty());
    assert!(calls("curl -s localhost:9464/metrics | grep conformd_x").is_empty());
}

/// The routes of the program, as its source lists them.
fn routes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut files = vec![project().join("src/http")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let literals = text.split('"').skip(1).step_by(2);
            let literals = literals.filter(|text| text.starts_with("/api/v1"));
            found.extend(literals.map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_path_of_the_api_in_a_page_is_served() {
    let routes = routes();
    assert!(routes.contains("/api/v1/packs/{region}/{pack}/accounts"), "{routes:?}");
    let is_served = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        routes.iter().any(|route| {
            let of_route: Vec<&str> = route.split('/').collect();
            parts.len() == of_route.len()
                && parts.iter().zip(&of_route).all(|(part, of_route)| {
                    part == of_route || (of_route.starts_with('{') && !part.is_empty())
                })
        })
    };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, page) in pages() {
        for (at, _) in page.match_indices("/api/v1/") {
            // Prometheus has an API of that name as well.
            if page[..at].ends_with(":9090") {
                continue;
            }
            let rest = &page[at..];
            let is_path = |it: char| it.is_ascii_alphanumeric() || "/-_{}.".contains(it);
            let end = rest.find(|it| !is_path(it)).unwrap_or(rest.len());
            let path = rest[..end].trim_end_matches(['/', '.']);
            count += 1;
            if path != "/api/v1" && !is_served(path) {
                wrong.push(format!("{name}: {path}"));
            }
        }
    }
    assert!(count > 40, "only {count} paths were found");
    assert!(wrong.is_empty(), "not served:\n{}", wrong.join("\n"));
}

#[test]
fn every_metric_of_a_page_is_exported_or_said_not_to_be() {
    let exported = documented();
    let page = fs::read_to_string(project().join("docs/metrics.md")).unwrap();
    let (_, absent) = page.split_once("## Not exported").unwrap();
    let mut wrong = Vec::new();
    for (name, page) in pages().into_iter().filter(|(name, _)| name.starts_with("docs/runbooks/")) {
        for (at, _) in page.match_indices("conformd_") {
            let rest = &page[at..];
            let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
            let end = rest.find(|it| !is_name(it)).unwrap_or(rest.len());
            let metric = &rest[..end];
            // A grep may name the beginning of several.
            let is_known = exported.keys().any(|known| known.starts_with(metric));
            if !is_known && !absent.contains(metric) {
                wrong.push(format!("{name}: {metric}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not exported:\n{}", wrong.join("\n"));
}

/// Every name of a test, a Python test included, and of a file.
fn proofs() -> BTreeSet<String> {
    let (mut found, mut files) = (BTreeSet::new(), Vec::new());
    for top in ["src", "tests", "deploy", "dashboards", ".ci", "docs"] {
        files.push(project().join(top));
    }
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            files.extend(entries.filter(|entry| !entry.ends_with("node_modules")));
            continue;
        }
        let name = path.strip_prefix(project()).unwrap().to_str().unwrap();
        found.insert(name.to_owned());
        let is_rust = path.extension().is_some_and(|suffix| suffix == "rs");
        if let Some(text) = is_rust.then(|| fs::read_to_string(&path).unwrap()) {
            let names = text.split("fn ").skip(1);
            let end = |rest: &&str| rest.find(|it: char| !it.is_alphanumeric() && it != '_');
            found.extend(names.filter_map(|rest| Some(rest[..end(&rest)?].to_owned())));
        }
    }
    found
}

#[test]
fn every_proof_that_the_threat_model_names_exists() {
    let page = fs::read_to_string(project().join("docs/threat-model.md")).unwrap();
    let proofs = proofs();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| X")).collect();
    let mut threats = BTreeSet::new();
    for row in &rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 4, "{row}");
        threats.extend(cells[0].split_whitespace().map(str::to_owned));
        for proof in cells[3].split('`').skip(1).step_by(2) {
            assert!(proofs.contains(proof), "there is no {proof}: {row}");
        }
        let says_why_not = cells[3].contains("not shipped") || cells[3].contains("not needed");
        assert!(cells[3].contains('`') || says_why_not, "nothing proves it: {row}");
    }
    let all: BTreeSet<String> = (1..=24).map(|number| format!("X{number}")).collect();
    assert_eq!(threats, all);
}

#[test]
fn every_test_that_is_found_as_an_example_exists() {
    let page = fs::read_to_string(project().join("tests/README.md")).unwrap();
    let (_, section) = page.split_once("## Find the test of a behavior\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let proofs = proofs();
    for row in section.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let test = cells[2].trim().trim_matches('`');
        assert!(proofs.contains(test), "there is no {test}");
        let mut words = cells[1].split('`').skip(1).step_by(2);
        assert!(words.any(|word| test.contains(word)), "its words do not find {test}");
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut wrong = Vec::new();
    for (name, page) in pages() {
        let prose = page.split("```").step_by(2).collect::<String>();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let folder = project().join(&name);
            if !link.contains("://") && !folder.parent().unwrap().join(file).exists() {
                wrong.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these links lead nowhere:\n{}", wrong.join("\n"));
}
