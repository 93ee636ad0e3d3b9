//! The settings: one YAML file becomes one checked [`Config`], or every error in it at once.
//!
//! What is absent: flags (the command line overrides fields of a finished [`Config`]) and secrets
//! (the settings name their files, and each user of a secret reads its file).

mod fields;
mod file;
mod sections;
mod values;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::base::code;
use crate::domain::base::words::many;
use crate::domain::declared::diagnostic::{Diagnostic, Severity, Span};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml;
use crate::domain::declared::yaml::tree::YamlNode;

pub(crate) use file::{ConfigError, SettingsFile};
pub use values::{
    Aws, Backoff, Config, Endpoint, Http, IntervalSettings, RateLimits, RecorderProbe,
    SourceLocation, StaticCredentials, TemplateBucket,
};

/// Settings, and the warnings about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Findings that do not keep them from being used.
    pub warnings: Vec<Diagnostic>,
}

/// Why a settings file cannot be used.
#[derive(Debug, Error)]
pub enum Unusable {
    /// It could not be read.
    #[error("settings file {} could not be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds errors: all of them, and the warnings, in the order of the file.
    #[error("settings file {} has {}", path.display(), many(error_count(findings), "error"))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What it holds, as far as it was text.
        text: String,
        /// Everything that was found.
        findings: Vec<Diagnostic>,
    },
}

/// Where a file begins.
const START: Span = Span { line: 1, column: 1, start: 0, end: 0 };

fn error_count(findings: &[Diagnostic]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// Reads the settings from this file. Relative paths in it start at its directory.
pub fn load(file: &Path) -> Result<Loaded, Unusable> {
    let bytes = std::fs::read(file)
        .map_err(|source| Unusable::Unreadable { path: file.to_owned(), source })?;
    let base = file.parent().unwrap_or(Path::new(""));
    // Findings name the file as the user does; a path that leads upwards is no path of a source.
    let names = [Some(file.as_os_str()), file.file_name()].into_iter().flatten();
    let mut names = names.filter_map(|name| SourcePath::new(&name.to_string_lossy()).ok());
    let name = names.next().unwrap_or_else(default_name);
    let read = match yaml::decode(&name, &bytes) {
        Ok(text) => parse(&name, text, base),
        Err(problem) => Err(vec![*problem]),
    };
    read.map_err(|findings| Unusable::Invalid {
        path: file.to_owned(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
        findings,
    })
}

fn default_name() -> SourcePath {
    SourcePath::new("conformd.yaml").expect("a plain file name is a path")
}

/// Reads the settings from this text. Findings name `path`; relative paths in it start at `base`.
pub fn parse(path: &SourcePath, text: &str, base: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let root = root(path, text)?;
    let mut findings = Findings::new(path);
    let config = sections::config(&root, base, &mut findings);
    let failed = findings.failed();
    let mut findings = findings.all;
    findings.sort_by_key(|finding| finding.span.map(|span| span.start));
    match config {
        Some(config) if !failed => Ok(Loaded { config, warnings: findings }),
        Some(_) | None => Err(findings),
    }
}

/// The one document of the file; a file without any is an empty one.
fn root(path: &SourcePath, text: &str) -> Result<YamlNode, Vec<Diagnostic>> {
    let mut roots = yaml::parse(path, text)?.into_iter();
    let first = roots.next().unwrap_or_else(|| YamlNode::null(START));
    if let Some(second) = roots.next() {
        let found = "a second document begins here; settings are one document".to_owned();
        return Err(vec![Diagnostic::error(path, Some(second.span), code::MANY_DOCUMENTS, found)]);
    }
    Ok(first)
}
