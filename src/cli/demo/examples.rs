//! The example settings, packs and templates that the demo runs on, carried in the program.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::config::Endpoint;

/// The settings.
const SETTINGS: (&str, &str) = ("demo.yaml", include_str!("../../../config/demo.yaml"));

/// Every file of the examples, by its path in the folder.
const FILES: [(&str, &str); 9] = [
    SETTINGS,
    ("packs/iam-baseline.yaml", include_str!("../../../config/packs/iam-baseline.yaml")),
    ("packs/s3-baseline.yaml", include_str!("../../../config/packs/s3-baseline.yaml")),
    (
        "packs/cloudtrail-logging.yaml",
        include_str!("../../../config/packs/cloudtrail-logging.yaml"),
    ),
    ("packs/encryption.yaml", include_str!("../../../config/packs/encryption.yaml")),
    ("templates/iam-baseline.yaml", include_str!("../../../config/templates/iam-baseline.yaml")),
    ("templates/s3-baseline.yaml", include_str!("../../../config/templates/s3-baseline.yaml")),
    (
        "templates/cloudtrail-logging.yaml",
        include_str!("../../../config/templates/cloudtrail-logging.yaml"),
    ),
    ("templates/encryption.yaml", include_str!("../../../config/templates/encryption.yaml")),
];

/// The folder to run the demo on.
pub(super) enum DemoFolder {
    /// The one in the arguments.
    Given(PathBuf),
    /// A copy of the examples, deleted when this is dropped.
    Copy(TempDir),
}

impl DemoFolder {
    /// The folder in the arguments, or a fresh copy of the examples in a temporary folder.
    pub(super) fn open(asked: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = asked {
            return Ok(Self::Given(path));
        }
        let copy = tempfile::Builder::new().prefix("conformd-demo-").tempdir();
        let copy = copy.context("no folder for the examples")?;
        for (name, text) in FILES {
            let file = copy.path().join(name);
            let folder = file.parent().unwrap_or(copy.path());
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&file, text))
                .with_context(|| {
                    format!("the examples could not be copied to {}", folder.display())
                })?;
        }
        Ok(Self::Copy(copy))
    }

    /// Adds to the settings of a copy where its AWS is, so that every command can use them.
    pub(super) fn complete(&self, endpoint: &Endpoint) -> anyhow::Result<()> {
        let Self::Copy(copy) = self else { return Ok(()) };
        let Endpoint { url, credentials } = endpoint;
        let keys = credentials.as_ref().map(|keys| {
            format!(
                "    credentials: {{accessKeyId: {}, secretAccessKey: {}}}\n",
                keys.access_key_id, keys.secret_access_key
            )
        });
        let section = format!("aws:\n  endpoint:\n    url: {url}\n{}", keys.unwrap_or_default());
        let (_, settings) = SETTINGS;
        std::fs::write(copy.path().join("demo.yaml"), settings.replacen("aws:\n", &section, 1))
            .context("the settings of the demo cannot be written")
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Copy(copy) => copy.path(),
        }
    }

    /// Whether it is a copy, which users may change without losing anything.
    pub(super) const fn is_copy(&self) -> bool {
        matches!(self, Self::Copy(_))
    }
}

#[test]
fn a_copy_of_the_examples_is_deleted_at_the_end_and_a_folder_of_the_user_is_not() {
    let copy = DemoFolder::open(None).unwrap();
    let path = copy.path().to_owned();
    assert!(path.join("packs/encryption.yaml").is_file());
    drop(copy);
    assert!(!path.exists());
    let own = tempfile::tempdir().unwrap();
    drop(DemoFolder::open(Some(own.path().to_owned())).unwrap());
    assert!(own.path().is_dir());
}
