//! The log's catalogue: `docs/logs.md` lists what the program can write, no more and no less.

#![expect(clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::process::{Daemon, Scene, Settings, ask, command};
use crate::tidy::text::{LITERAL, code, without_tests};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What is said at one place of the source, or in one row of the page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    level: String,
    fields: BTreeSet<String>,
}

type Catalogue = BTreeMap<String, Entry>;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files beneath a directory.
fn files(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            let name = path.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

/// The arguments of every call of this macro, as they are written.
fn calls(text: &str, name: &str) -> Vec<Vec<String>> {
    let bare: Vec<char> = code(text).chars().collect();
    // With literals and without comments.
    let told =
        text.chars().zip(&bare).map(|(raw, bare)| if *bare == LITERAL { raw } else { *bare });
    let told: Vec<char> = told.collect();
    assert_eq!(told.len(), bare.len());
    let shipped = without_tests(&code(text));
    let opening: Vec<char> = format!("tracing::{name}!(").chars().collect();
    let starts = bare.windows(opening.len()).enumerate().filter(|(_, at)| **at == opening);
    let calls = starts.map(|(start, _)| {
        let (mut depth, mut arguments) = (0_usize, Vec::new());
        let begin = start + opening.len();
        let mut from = begin;
        for (at, character) in bare.iter().enumerate().skip(begin) {
            let take = |from: usize| told[from..at].iter().collect::<String>().trim().to_owned();
            match character {
                ')' | '}' | ']' if depth == 0 => {
                    arguments.push(take(from));
                    break;
                }
                '(' | '{' | '[' => depth += 1,
                ')' | '}' | ']' => depth -= 1,
                ',' if depth == 0 => {
                    arguments.push(take(from));
                    from = at + 1;
                }
                _ => {}
            }
        }
        arguments.retain(|argument| !argument.is_empty());
        arguments
    });
    let calls: Vec<Vec<String>> = calls.collect();
    // Test modules come last in a file.
    let count = shipped.matches(&format!("tracing::{name}!(")).count();
    calls.into_iter().take(count).collect()
}

/// Message and fields of a call.
fn spoken(arguments: &[String]) -> (String, BTreeSet<String>) {
    let (texts, fields): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| argument.starts_with('"'));
    let [text] = texts[..] else { panic!("not one message: {arguments:?}") };
    let field = |argument: &&String| {
        let name = argument.split_once(" = ").map_or(argument.as_str(), |(name, _)| name);
        name.trim_start_matches(['%', '?']).to_owned()
    };
    (text.trim_matches('"').to_owned(), fields.iter().map(field).collect())
}

/// What the source says of these macros; the simulator's own lines are none of the daemon's.
fn written(macros: &[(&str, &str)]) -> Catalogue {
    let mut found = Vec::new();
    files(&project().join("src"), &mut found);
    let mut catalogue = Catalogue::new();
    for (file, text) in found.iter().filter(|(file, _)| !file.starts_with("src/sim/")) {
        for (name, level) in macros {
            for arguments in calls(text, name) {
                let (message, fields) = spoken(&arguments);
                let entry = Entry { level: (*level).to_owned(), fields };
                let before = catalogue.insert(message.clone(), entry.clone());
                let is_same = before.is_none_or(|before| before == entry);
                assert!(is_same, "{file}: {message:?} is said elsewhere, with other fields");
            }
        }
    }
    catalogue
}

/// The rows of one section of the page: what is between backquotes is code.
fn documented(section: &str) -> Catalogue {
    let page = fs::read_to_string(project().join("docs/logs.md")).unwrap();
    let (_, after) = page.split_once(&format!("\n## {section}\n")).unwrap();
    let end = after.find("\n## ").unwrap_or(after.len());
    let rows = after[..end].lines().filter(|line| line.starts_with("| `"));
    let quoted =
        |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let message = quoted(cells[0]);
        let fields = quoted(cells[2]).into_iter().collect();
        let entry = Entry { level: cells[1].to_lowercase(), fields };
        assert!(cells.len() == 4 && !cells[3].is_empty(), "{row}");
        (message[0].clone(), entry)
    })
    .collect()
}

fn differences(written: &Catalogue, documented: &Catalogue) -> Vec<String> {
    let messages: BTreeSet<&String> = written.keys().chain(documented.keys()).collect();
    let differs = messages.into_iter().filter(|it| written.get(*it) != documented.get(*it));
    differs
        .map(|it| {
            format!("{it}\n  source {:?}\n  page   {:?}", written.get(it), documented.get(it))
        })
        .collect()
}

#[test]
fn the_page_lists_every_line_of_the_log_with_its_level_and_fields() {
    let macros = LEVELS.map(|level| (level, level));
    let found = differences(&written(&macros), &documented("Lines"));
    assert!(found.is_empty(), "docs/logs.md and the source differ:\n{}", found.join("\n"));
}

#[test]
fn the_page_lists_every_span_with_its_fields() {
    let found = differences(&written(&[("info_span", "info")]), &documented("Spans"));
    assert!(found.is_empty(), "docs/logs.md and the source differ:\n{}", found.join("\n"));
}

#[test]
fn messages_are_plain_phrases_and_fields_are_known_words() {
    for (message, Entry { level: _, fields }) in written(&LEVELS.map(|level| (level, level))) {
        let is_plain = message.is_ascii() && !message.contains(['{', '\\']);
        let begins_small =
            !message.starts_with(char::is_uppercase) || message.starts_with("NOTIFY_SOCKET");
        assert!(is_plain && begins_small && !message.ends_with('.'), "{message:?}");
        for other in ["why", "err", "cause", "msg", "message", "account_id", "pack_name"] {
            assert!(!fields.contains(other), "{message:?}: {other} has another name");
        }
    }
}

#[test]
fn calls_are_found_with_their_fields_however_they_are_written() {
    let text = "fn f() {\n    tracing::warn!(\n        kind = kind.as_str(), // why, not\n        \
                count = g(1, 2),\n        %error,\n        ?name,\n        done,\n        \"it, or (not\"\n    \
                );\n}\n#[cfg(test)]\nmod tests { fn g() { tracing::warn!(\"x\"); } }\n";
    let found = calls(text, "warn");
    let (message, fields) = spoken(&found[0]);
    assert_eq!(found.len(), 1);
    assert_eq!(message, "it, or (not");
    assert_eq!(Vec::from_iter(fields), ["count", "done", "error", "kind", "name"]);
}

/// A daemon that logs JSON as finely as it can.
fn talkative(scene: &Scene) -> Daemon {
    let mut command = command(&scene.path(""));
    command.args(["run", "--config", "conformd.yaml", "--log-format", "json"]);
    command.args(["--log-level", "trace"]);
    let program = crate::support::process::Program::start(command);
    let address = program.eventually("listening", || {
        let lines = program.stderr();
        let line = lines.lines().find(|line| line.contains("\"listening\""))?;
        serde_json::from_str::<Value>(line).unwrap()["address"].as_str()?.parse().ok()
    });
    Daemon { program, address }
}

#[test]
fn every_json_line_is_one_object_of_the_catalogue_whatever_others_write() {
    let scene = Scene::new();
    scene.set(&Settings { regions: "eu-west-1", ..Settings::default() });
    scene.declare("keys", 90, "eu-west-1");
    let hostile = "no\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\n\u{1b}[2J\u{9b}31m\u{7}";
    let effect = json!({"kind": "error", "code": "ValidationException", "message": hostile});
    let operation = "PutOrganizationConformancePack";
    scene.aws.disturb(&json!({"operation": operation, "times": 1, "effect": effect}));
    let daemon = talkative(&scene);
    daemon.program.eventually("refused", || {
        daemon.program.stderr().contains("\"step refused\"").then_some(())
    });
    scene.declare("more", 60, "eu-west-1");
    daemon.program.eventually("accepted", || {
        daemon.program.stderr().contains("\"step accepted\"").then_some(())
    });
    assert_eq!(ask(daemon.address, "GET", "/nowhere", "").unwrap().status, 404);
    let log = daemon.stop().expect(0).stderr;
    let catalogue = documented("Lines");
    let mut seen = BTreeSet::new();
    for line in log.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| {
            panic!("{error}: {line}");
        });
        for name in ["timestamp", "level", "target", "message"] {
            assert!(object[name].is_string(), "{name}: {line}");
        }
        assert!(!line.contains(char::is_control), "{line:?}");
        let message = object["message"].as_str().unwrap();
        let entry = catalogue.get(message).unwrap_or_else(|| panic!("not in the page: {line}"));
        assert_eq!(object["level"].as_str().unwrap().to_lowercase(), entry.level, "{line}");
        let own = ["timestamp", "level", "target", "message", "span", "spans"];
        for name in object.as_object().unwrap().keys().filter(|name| !own.contains(&name.as_str()))
        {
            assert!(entry.fields.contains(name), "{name}: {line}");
        }
        seen.insert(message.to_owned());
    }
    for message in ["listening", "ready", "step begins", "step refused", "step accepted"] {
        assert!(seen.contains(message), "{message} is missing in {seen:?}");
    }
    assert!(log.contains("forged") && !log.contains("\"message\":\"forged\""), "{log}");
}

#[test]
fn every_write_is_announced_and_its_end_has_the_id_of_the_request() {
    let scene = Scene::new();
    scene.set(&Settings { regions: "eu-west-1", ..Settings::default() });
    scene.declare("keys", 90, "eu-west-1");
    let daemon = talkative(&scene);
    daemon.synced(1);
    let log = daemon.stop().expect(0).stderr;
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let audit: Vec<Value> = lines.filter(|line| line["audit"] == true).collect();
    let [begins, ends] = &audit[..] else { panic!("{audit:#?}") };
    assert_eq!(begins["message"], "step begins");
    assert_eq!(begins["place"], "111111111111/eu-west-1");
    assert_eq!(
        [&begins["pack"], &begins["action"], &begins["reason"]],
        ["keys", "create", "missing"]
    );
    assert!(begins["revision"].as_str().unwrap().starts_with("dir:"), "{begins}");
    assert!(begins["marker_after"].as_str().unwrap().starts_with("v1.test."), "{begins}");
    assert_eq!(ends["message"], "step accepted");
    assert_eq!(ends["request"].as_str().unwrap().len(), 36, "{ends}");
    assert_eq!(ends["span"]["pack"], "keys");
}
