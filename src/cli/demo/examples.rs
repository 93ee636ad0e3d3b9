//! The example settings, packs and templates that the demo runs on, carried in the program.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Every file of the examples, by its path in the folder.
const FILES: [(&str, &str); 9] = [
    ("demo.yaml", include_str!("../../../config/demo.yaml")),
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

/// The folder to run the demo on. A copy of the examples is deleted when this is dropped.
pub(super) struct DemoFolder {
    path: PathBuf,
    is_copy: bool,
}

impl DemoFolder {
    /// The folder in the arguments, or a fresh copy of the examples in a temporary folder.
    pub(super) fn open(asked: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = asked {
            return Ok(Self { path, is_copy: false });
        }
        let path = fresh_folder().context("no folder for the examples")?;
        // From here on, an error deletes what was copied.
        let copy = Self { path, is_copy: true };
        for (name, text) in FILES {
            let file = copy.path.join(name);
            let folder = file.parent().unwrap_or(&copy.path);
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&file, text))
                .with_context(|| {
                    format!("the examples could not be copied to {}", folder.display())
                })?;
        }
        Ok(copy)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is a copy, which users may change without losing anything.
    pub(super) const fn is_copy(&self) -> bool {
        self.is_copy
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        if self.is_copy {
            // A folder that is left in the temporary directory does no harm.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

/// A new folder in the temporary directory. One that exists is never used: another user may have
/// made it, or an earlier process with the same id that was killed.
fn fresh_folder() -> io::Result<PathBuf> {
    const TRIES: u32 = 100;
    let mut attempt = 0;
    loop {
        let name = format!("conformd-demo-{}-{attempt}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < TRIES => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
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
