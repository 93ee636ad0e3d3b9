//! The settings as a command reads them: findings go to stderr, with excerpts of the file.

use std::path::Path;

use super::terminal::{excerpt, paint};
use crate::config::{self, Config, ConfigError, SettingsFile, Unusable};
use crate::domain::base::failure::chain;
use crate::domain::base::untrusted::veiled;
use crate::domain::declared::snapshot::FileContent;

/// Reads the settings; findings go to stderr, with excerpts.
pub(super) fn settings(file: &SettingsFile) -> anyhow::Result<Config> {
    Ok(file.over(load(&file.config)?))
}

/// Reads the settings from this path.
pub(super) fn load(path: &Path) -> anyhow::Result<Config> {
    match config::load(path) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                let (file, finding) = (path.display(), warning);
                tracing::warn!(%file, %finding, "finding in the settings");
            }
            Ok(loaded.config)
        }
        Err(Unusable::Invalid { path, text, findings }) => {
            let files = findings.iter().map(|finding| {
                let bytes = veiled(&text).into_bytes().into();
                (finding.path.clone(), FileContent::Bytes(bytes))
            });
            let drawn = excerpt::draw(&findings, &files.collect(), paint::stderr_has_colour());
            Err(ConfigError(format!("{} cannot be used\n{}", path.display(), drawn.join("\n\n")))
                .into())
        }
        Err(error @ Unusable::Unreadable { .. }) => {
            Err(ConfigError(format!("{}{}", chain(&error), other_settings(path))).into())
        }
    }
}

/// What helps whoever named no settings file, or one that does not exist.
fn other_settings(path: &Path) -> String {
    const HERE: &str = "conformd.yaml";
    if path.exists() {
        return String::new();
    }
    if path != Path::new(HERE) && Path::new(HERE).exists() {
        return format!("; use -c {HERE}, which lies in this directory, or set CONFORMD_CONFIG");
    }
    "; name the file with -c or CONFORMD_CONFIG, or write a first one with `conformd init`"
        .to_owned()
}
