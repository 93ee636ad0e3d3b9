//! What takes new settings while the daemon runs, or says why not.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Loaded, SettingsFile, Unusable};
use crate::domain::base::failure::chain;
use crate::domain::present::journal::Notification;
use crate::metrics::Metrics;

/// Takes new settings from their file, or says why not.
#[derive(Debug, Clone)]
pub(crate) struct Reloader {
    pub(crate) file: SettingsFile,
    pub(crate) settings: watch::Sender<Arc<Config>>,
    pub(crate) news: broadcast::Sender<Notification>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
}

impl Reloader {
    /// Reads the file again; settings that cannot be used change nothing.
    pub(crate) fn reload(&self) {
        let news = match self.next() {
            Ok(config) => {
                let (gone, changes): (Vec<String>, Vec<&str>) = {
                    let now = self.settings.borrow();
                    let gone = now.aws.regions.difference(&config.aws.regions);
                    (gone.map(ToString::to_string).collect(), now.changes(&config))
                };
                if !gone.is_empty() {
                    tracing::warn!(regions = gone.join(" "), "regions no longer managed");
                }
                self.settings.send_replace(Arc::new(config));
                self.metrics.reloaded(true, self.clock.now());
                tracing::info!(changes = changes.join(" "), "settings reloaded");
                let changes = changes.into_iter().map(ToOwned::to_owned).collect();
                Notification::Reloaded { changes }
            }
            Err(error) => {
                self.metrics.reloaded(false, self.clock.now());
                let error = format!("{error:#}");
                tracing::error!(error, "settings not reloaded, the previous ones stay in force");
                Notification::NotReloaded(error)
            }
        };
        // Without a receiver, as before the start, sending fails, which is fine.
        drop(self.news.send(news));
    }

    fn next(&self) -> anyhow::Result<Config> {
        let config = self.read()?;
        let fixed = self.settings.borrow().changes_needing_restart(&config);
        if fixed.is_empty() {
            return Ok(config);
        }
        let why = format!("{} cannot change while running; restart instead", fixed.join(", "));
        Err(ConfigError(why).into())
    }

    /// Reads the file. Every finding is a line of the log, since a daemon has no terminal.
    fn read(&self) -> anyhow::Result<Config> {
        let (findings, read) = match config::load(&self.file.config) {
            Ok(Loaded { config, warnings }) => (warnings, Ok(self.file.over(config))),
            Err(error) => {
                let why = chain(&error);
                let findings = match error {
                    Unusable::Invalid { path: _, text: _, findings } => findings,
                    Unusable::Unreadable { .. } => Vec::new(),
                };
                (findings, Err(ConfigError(why).into()))
            }
        };
        for finding in findings {
            let file = self.file.config.display();
            tracing::warn!(%file, %finding, "finding in the settings");
        }
        read
    }
}
