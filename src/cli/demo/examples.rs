//! The example settings, packs and templates that the demo runs on, carried in the program.

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

/// The folder to run the demo on: the one in the arguments, `./config` when it holds the demo, or a
/// fresh copy of the examples in a temporary folder.
pub(super) fn folder(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = asked {
        return Ok(folder);
    }
    let here = Path::new("config");
    if here.join("demo.yaml").is_file() {
        return Ok(here.to_owned());
    }
    let copy = std::env::temp_dir().join(format!("conformd-demo-{}", std::process::id()));
    for (name, text) in FILES {
        let file = copy.join(name);
        let folder = file.parent().unwrap_or(&copy);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&file, text))
            .with_context(|| format!("the examples could not be copied to {}", folder.display()))?;
    }
    Ok(copy)
}
