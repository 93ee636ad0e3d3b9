//! Rules about the source text that the compiler does not know. What stands here need not be said
//! in a review.
//!
//! Each rule is a function from one file's text to findings, so that each is proven on a text that
//! breaks it. A finding says what to do.

mod circles;
mod crates;
mod imports;
mod paths;
mod rules;
pub(crate) mod text;

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

/// What a rule found in a file: the line, from 1, and what to do about it.
type Finding = (usize, String);

/// A rule over one file.
type Rule = fn(&File<'_>) -> Vec<Finding>;

/// A file of the project.
struct File<'a> {
    /// Relative to the project, with `/`.
    path: &'a str,
    /// As it stands.
    text: &'a str,
    /// Rust without comments and the insides of literals; empty for other files.
    code: String,
    /// The same without test modules.
    shipped: String,
}

impl<'a> File<'a> {
    fn new(path: &'a str, text: &'a str) -> Self {
        let is_rust = Path::new(path).extension().is_some_and(|suffix| suffix == "rs");
        let code = if is_rust { text::code(text) } else { String::new() };
        let shipped = text::without_tests(&code);
        Self { path, text, code, shipped }
    }

    fn is_rust(&self) -> bool {
        Path::new(self.path).extension().is_some_and(|suffix| suffix == "rs")
    }

    fn is_shipped(&self) -> bool {
        self.path.starts_with("src/")
    }

    /// The module, or its room where it has some.
    fn room(&self) -> Option<String> {
        let module = self.module()?;
        let within = self.path.strip_prefix("src/")?.strip_prefix(module)?.strip_prefix('/');
        let room = within.and_then(|within| within.split('/').next()?.split('.').next());
        match room.filter(|room| *room != "mod" && imports::HOUSES.contains(&module)) {
            Some(room) => Some(format!("{module}/{room}")),
            None => Some(module.to_owned()),
        }
    }

    fn module(&self) -> Option<&str> {
        let beneath = self.path.strip_prefix("src/")?;
        Some(beneath.split('/').next()?.trim_end_matches(".rs"))
    }
}

const RULES: &[Rule] = &[
    imports::only_downwards,
    imports::only_aws_names_the_sdk,
    crates::only_allowed_crates,
    rules::domain_is_pure,
    rules::opens_with_its_purpose,
    rules::files_are_short,
    rules::functions_are_short,
    rules::lines_are_short,
    rules::nothing_is_unfinished,
    rules::lints_are_expected_not_allowed,
    rules::serde_is_explicit,
    rules::tests_are_sentences,
    rules::no_machine_is_named,
    rules::hosts_are_known,
    rules::words_are_those_of_the_glossary,
];

fn findings(path: &str, text: &str) -> Vec<String> {
    let file = File::new(path, text);
    let mut found: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&file)).collect();
    found.sort();
    found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")).collect()
}

/// Texts of the project; anything that is built or fetched is none.
const SUFFIXES: &[&str] =
    &["rs", "md", "toml", "yaml", "yml", "json", "sh", "py", "html", "css", "js"];

fn visit(root: &Path, directory: &Path, found: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().unwrap();
        let path = entry.path();
        let is_hidden = name.starts_with('.') && name != ".ci";
        if is_hidden || name == "target" || name == "node_modules" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            visit(root, &path, found);
        } else if path
            .extension()
            .is_none_or(|suffix| SUFFIXES.iter().any(|known| suffix == *known))
            && let Ok(text) = fs::read_to_string(&path)
        {
            let shown = path.strip_prefix(root).unwrap().to_str().unwrap();
            found.push((shown.to_owned(), text));
        }
    }
}

#[test]
fn the_project_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    visit(root, root, &mut files);
    let mut found: Vec<String> =
        files.iter().flat_map(|(path, text)| findings(path, text)).collect();
    let files: Vec<File<'_>> = files.iter().map(|(path, text)| File::new(path, text)).collect();
    found.extend(circles::circles(&files));
    found.extend(rules::type_names_are_declared_once(&files));
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

/// What the rules say of this text, which opens properly: line and finding.
fn check(path: &str, text: &str) -> String {
    let found = findings(path, &format!("//! What it owns.\n{text}\n")).join("\n");
    found.replace(&format!("{path}:"), "")
}

#[test]
fn an_import_upwards_is_found() {
    assert_snapshot!(check("src/domain/base/model.rs", "use crate::tasks::region::Task;"), @"2: `domain/base` imports `tasks/region`: it may import nothing; move what both need down");
    assert_snapshot!(check("src/domain/members/probe.rs", "use crate::domain::plan::guard::Limits;\nuse crate::domain::{base, declared};"), @"
    2: `domain/members` imports `domain/plan`: it may import domain/base, domain/observed, domain/organization; move what both need down
    3: `domain/members` imports `domain/declared`: it may import domain/base, domain/observed, domain/organization; move what both need down
    ");
    assert_snapshot!(check("src/domain/new/x.rs", ""), @"1: `domain/new` is a new module: say in tidy whom it may import");
    assert_snapshot!(check("src/sim/mod.rs", "use crate::{domain::model, aws::error};"), @"2: `sim` imports `aws`: it may import domain, clock, cloud; move what both need down");
    assert_snapshot!(check("src/tasks/region.rs", "fn f() { crate::sim::World::new() }"), @"2: `tasks/region` imports `sim`: it may import domain, clock, cloud, beats, listing, limiter, tasks/source, record, executor, metrics; move what both need down");
    assert_snapshot!(check("src/tasks/source.rs", "use super::region::Watched;"), @"2: `tasks/source` imports `tasks/region`: it may import domain, clock; move what both need down");
    assert_snapshot!(check("src/aws/reader.rs", "use super::super::sim::World;"), @"2: `aws` imports `sim`: it may import domain, clock, cloud, config, limiter; move what both need down");
    assert_snapshot!(check("src/new_account.rs", "use crate::domain::model;"), @"1: `new_account` is a new module: say in tidy whom it may import");
    assert_snapshot!(check("src/main.rs", "use conformd::aws;"), @"2: `main` imports `aws`: it may import cli; move what both need down");
}

#[test]
fn an_import_downwards_within_or_in_a_test_is_fine() {
    assert_eq!(check("src/clock.rs", "use crate::domain::{model, plan};"), "");
    assert_eq!(check("src/clock.rs", "use crate::domain::plan::guard;"), "");
    assert_eq!(check("src/domain/plan/guard.rs", "use crate::domain::base::model;"), "");
    assert_eq!(check("src/aws/reader.rs", "use super::error;\nuse crate::aws::client;"), "");
    assert_eq!(check("src/sim/mod.rs", "#[cfg(test)]\nmod tests { use crate::aws::Client; }"), "");
    assert_eq!(
        check("src/sim/mod.rs", "// unlike crate::aws\nconst A: &str = \"crate::aws\";"),
        ""
    );
}

#[test]
fn a_circle_of_files_is_found() {
    let circles = |files: &[(&str, &str)]| {
        let files: Vec<File<'_>> = files.iter().map(|(path, text)| File::new(path, text)).collect();
        circles::circles(&files).join("\n")
    };
    let pair = [("src/a.rs", "use crate::b::c::{D, E};"), ("src/b/c.rs", "use crate::a;")];
    assert_snapshot!(circles(&pair), @"a → b::c → a: a circle of files; move what both need into a file below them");
    let passed_on = [
        ("src/a/mod.rs", "mod b;\nmod c;\npub(crate) use b::B;\npub use self::c::C;"),
        ("src/a/b.rs", "use super::C;"),
        ("src/a/c.rs", "fn f() { super::super::a::B::new() }"),
    ];
    assert_snapshot!(circles(&passed_on), @"a::b → a::c → a::b: a circle of files; move what both need into a file below them");
    let parent = [("src/a.rs", "mod b;\nfn f() { b::g() }"), ("src/a/b.rs", "use super::f;")];
    assert_snapshot!(circles(&parent), @"a → a::b → a: a circle of files; move what both need into a file below them");
    let fine = [
        ("src/a.rs", "mod b;\npub use b::B;\n#[cfg(test)]\nmod tests { use crate::c; }"),
        ("src/a/b.rs", "pub(in crate::a) struct B;"),
        ("src/c.rs", "use crate::a::B; // crate::d"),
    ];
    assert_eq!(circles(&fine), "");
}

#[test]
fn an_sdk_named_outside_of_aws_is_found() {
    assert_snapshot!(check("src/clock.rs", "use aws_sdk_config::Client;"), @"
    2: `aws_sdk_` outside of `aws`: say it in the words of `cloud`
    2: `clock` uses the crate `aws_sdk_config`: move it to a room that may, or say in tidy why this one may
    ");
    assert_eq!(check("src/aws/client.rs", "use aws_sdk_config::Client;"), "");
}

#[test]
fn a_crate_in_a_room_that_may_not_use_it_is_found() {
    assert_snapshot!(check("src/domain/plan/planner.rs", "use tokio::sync::watch;\nfn f() { regex::x() }"), @"
    2: `domain/plan` uses the crate `tokio`: move it to a room that may, or say in tidy why this one may
    2: `tokio` in `domain`: read in a task, decide in a plain function
    ");
    assert_eq!(
        check("src/limiter.rs", "use governor::Quota; // serde::x\nuse crate::serde::x;"),
        ""
    );
}

#[test]
fn an_impure_domain_is_found() {
    let text = "use std::collections::HashMap;\nuse std::time::Instant;\nasync fn f() {}\n\
                fn g() { tracing::info!(\"x\"); std::fs::read(\"x\") }";
    assert_snapshot!(check("src/domain/plan/planner.rs", text), @"
    2: `HashMap` in `domain`: use BTreeMap: order is output
    3: `Instant` in `domain`: take the time as an argument
    4: `async` in `domain`: read in a task, decide in a plain function
    5: `domain/plan` uses the crate `tracing`: move it to a room that may, or say in tidy why this one may
    5: `std::fs` in `domain`: take the content as an argument
    5: `tracing` in `domain`: return what a person should know as a value
    ");
    assert_eq!(check("src/executor.rs", text), "");
}

#[test]
fn a_file_without_its_purpose_is_found() {
    assert_snapshot!(findings("src/clock.rs", "use std::fmt;\n").join("\n"), @"src/clock.rs:1: no `//!`: open the file with what it owns and what it does not");
}

#[test]
fn a_long_file_function_or_line_is_found() {
    let lines = |count: usize| "    let x = 1; // why\n\n".repeat(count);
    let constants = |count: usize| "const X: u8 = 1;\n".repeat(count);
    assert_snapshot!(check("src/clock.rs", &constants(501)), @"1: 501 lines of code, 500 allowed: split the file by noun");
    assert_snapshot!(check("src/clock.rs", &format!("fn f() {{\n{}}}", lines(69))), @"2: 71 lines, 70 allowed: push `for` down, `if` up");
    assert_snapshot!(check("src/clock.rs", &"é".repeat(101)), @"2: 101 columns, 100 allowed: break the line");
    assert_eq!(check("src/clock.rs", &constants(500)), "");
    assert_eq!(check("src/clock.rs", &format!("fn f() {{\n{}}}", lines(68))), "");
    assert_eq!(check("src/clock.rs", &"é".repeat(100)), "");
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}", constants(600));
    assert_eq!(check("src/clock.rs", &tests), "");
}

#[test]
fn what_is_unfinished_or_silenced_is_found() {
    assert_snapshot!(check("src/clock.rs", "fn f() { todo!() }\nfn g() { dbg!(1) }"), @r"
    2: `todo!`: finish it, or leave it out
    3: `dbg!`: say it with tracing, or not at all
    ");
    assert_snapshot!(check("src/clock.rs", "fn f() { unimplemented!() }"), @"2: `unimplemented!`: finish it, or leave it out");
    assert_snapshot!(check("src/clock.rs", "#[allow(dead_code)]\n#![allow(dead_code)]"), @r"
    2: `allow`: use `expect(lint, reason = …)`, which tells when it is not needed
    3: `allow`: use `expect(lint, reason = …)`, which tells when it is not needed
    ");
    assert_snapshot!(check("tests/it/x.rs", "#[test]\n#[ignore]\nfn it_holds() {}"), @"3: `ignore`: make the test run, or remove it");
    assert_snapshot!(check("tests/it/x.rs", "#[should_panic]\nfn it_holds() {}"), @"2: `should_panic`: return the error and look at it");
    assert_snapshot!(check("tests/it/x.rs", "#[test]\nfn test_it() {}"), @"3: `test_`: name the sentence that holds");
    assert_snapshot!(check("src/http/x.rs", "#[serde(default,\n    flatten)]\n#[serde(untagged)]"), @r"
    2: serde's `flatten` ruins error messages: spell the fields out
    4: serde's `untagged` ruins error messages: spell the fields out
    ");
    assert_eq!(check("src/clock.rs", "fn f() { rows.flatten() } // todo!()"), "");
}

#[test]
fn a_machine_or_an_unknown_host_is_found() {
    // In pieces, since this file is read too.
    let (path, host) = (["", "root", "x"].join("/"), ["", "", "mirror.internal"].join("/"));
    let say = check("docs/x.md", &format!("see `{path}`"));
    assert_snapshot!(say.replace("root", "_"), @"2: `/_/` is a place on one machine: leave it out");
    assert_snapshot!(check("docs/x.md", &format!("https:{host}/simple")), @"2: `mirror.internal` is not among the hosts that tidy knows: is it needed?");
    assert_eq!(check("docs/x.md", "https://docs.aws.amazon.com/ http://127.0.0.1:1 a/root/x"), "");
}

#[test]
fn a_word_that_was_replaced_is_found() {
    assert_snapshot!(check("src/clock.rs", "fn rescue_all() {} // every newcomer\nstruct RegionUnseen;"), @"
    2: `newcomer` is not said any more: new account
    2: `rescue` is not said any more: redeploy
    3: `unseen` is not said any more: unknown
    ");
    assert_snapshot!(check("docs/x.md", "two sweeps"), @"2: `sweep` is not said any more: resync");
    assert_eq!(check("docs/x.md", "removers of rearrivals"), "");
}

#[test]
fn a_type_name_that_is_declared_twice_is_found() {
    let files = [
        ("src/a.rs", "pub struct Row<T>(T);\nimpl Iterator for X {\n    type Item = u8;\n}"),
        ("src/b.rs", "    pub(super) enum Row {\ntype Item = u8;"),
        ("tests/it/c.rs", "struct Row;"),
    ];
    let files = files.map(|(path, text)| File::new(path, text));
    assert_snapshot!(
        rules::type_names_are_declared_once(&files).join("\n"),
        @"src/a.rs:1, src/b.rs:1: `Row` is declared more than once: say of what it is"
    );
}

#[test]
fn the_table_of_imports_has_no_cycle() {
    assert_eq!(imports::table_problems(), Vec::<String>::new());
}
