//! The path of the settings file, as every command that needs it takes it.

use std::path::PathBuf;

use thiserror::Error;

use super::values::Config;

/// Where the settings are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SettingsFile {
    /// The settings file.
    #[arg(long, short, value_name = "FILE", env = "CONFORMD_CONFIG")]
    #[arg(default_value = "/etc/conformd/conformd.yaml")]
    pub(crate) config: PathBuf,
    /// The directory of the record; overrides stateDirectory in the settings. Of several
    /// directories, separated by colons, the first is used
    #[arg(long, value_name = "DIRECTORY", env = "STATE_DIRECTORY")]
    #[arg(value_delimiter = ':', num_args = 1, action = clap::ArgAction::Append)]
    state_directory: Vec<PathBuf>,
}

impl SettingsFile {
    /// The settings with what the flags say in place of it.
    pub(crate) fn over(&self, config: Config) -> Config {
        let flag = self.state_directory.iter().find(|path| !path.as_os_str().is_empty());
        let state_directory = flag.cloned().or(config.state_directory);
        Config { state_directory, ..config }
    }
}

/// The settings, or the account they lead to, do not fit: exit code 78.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(crate) String);
