//! Templates: published ones, and any that can be generated, keep their meaning through everything.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use conformd::domain::snapshot::SourcePath;
use conformd::domain::template::Template;

/// The folder of published templates, if this machine has one.
fn corpus() -> Option<Vec<(String, String)>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("CONFORMD_CORPUS").map_or_else(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no published templates here (CONFORMD_CORPUS names their folder)");
        return None;
    };
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    Some(files)
}

fn parse(name: &str, text: &str) -> Result<(Template, Vec<String>), String> {
    let path = SourcePath::new(name).unwrap();
    let lines = |findings: Vec<_>| {
        findings.iter().map(ToString::to_string).collect::<Vec<String>>()
    };
    Template::parse(&path, text)
        .map(|(template, warnings)| (template, lines(warnings)))
        .map_err(|findings| lines(findings).join("\n"))
}

#[test]
fn every_published_template_parses_and_takes_the_marker() {
    let Some(files) = corpus() else { return };
    let mut table = String::new();
    for (name, text) in &files {
        let (template, warnings) = parse(name, text).unwrap_or_else(|error| panic!("{error}"));
        let Template { digest, census, body } = template;
        let short = name.replace("Operational-Best-Practices-", "").replace(".yaml", "");
        let row = format!(
            "{short:58} rules {:3}+{} parameters {:2}/{}/{:2} bytes {:5}+{} {} {}",
            census.rules,
            census.remediations,
            census.parameters.len(),
            census.required.len(),
            census.used.len(),
            text.len(),
            body.len() - text.len(),
            digest.short(),
            warnings.join(" "),
        );
        writeln!(table, "{}", row.trim_end()).unwrap();
    }
    assert_eq!(files.len(), 61);
    insta::assert_snapshot!(table, @"");
}
