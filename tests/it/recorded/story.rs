//! What happens to the manifests in the nine hours, and to the process; AWS's part is `story.yaml`.

use std::fs;
use std::path::{Path, PathBuf};

use conformd::domain::model::Digest;
use conformd::sim::scenario::Scenario;
use tempfile::TempDir;

use crate::lab::manifests::Manifest;

pub(crate) const OWNER: &str = "111111111111";
pub(crate) const REGIONS: [&str; 3] = ["ap-southeast-2", "eu-west-1", "us-east-1"];
/// The role of the probe and its external id.
pub(crate) const PROBE: (&str, &str) = ("ConformdRecorderProbe", "recorded");

const PACKS: [&str; 6] =
    ["cloudtrail-logging", "encryption", "iam-baseline", "logging", "network", "s3-baseline"];

/// What AWS goes through.
pub(crate) fn scenario() -> Scenario {
    let now = "2026-11-02T00:00:00Z".parse().unwrap();
    Scenario::parse("story.yaml", include_str!("story.yaml"), now).unwrap()
}

/// Something that a person does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    /// Adds a manifest with a misspelt field.
    Misspell,
    /// Takes it away again.
    Correct,
    /// Removes most manifests by mistake.
    RemoveMost,
    /// Brings them back.
    Revert,
    /// Removes two on purpose.
    Retire,
    /// Approves what the guard holds.
    Approve,
    /// Changes the pack that an account refused, so that it is put again.
    Improve,
    /// Loses the whole directory.
    Lose,
    /// Finds it again.
    Find,
    /// Starts the process anew.
    Restart,
}

/// Minutes from the start, and what is done then.
pub(crate) const DEEDS: [(u64, Deed); 10] = [
    (30, Deed::Misspell),
    (60, Deed::Correct),
    (95, Deed::RemoveMost),
    (135, Deed::Revert),
    (160, Deed::Restart),
    (190, Deed::Improve),
    (210, Deed::Lose),
    (465, Deed::Find),
    (495, Deed::Retire),
    (505, Deed::Approve),
];

/// The manifests, in a directory that can be lost.
pub(crate) struct Desk {
    home: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { home: tempfile::tempdir().unwrap() };
        fs::create_dir(desk.manifests()).unwrap();
        PACKS.iter().for_each(|pack| desk.write(&Manifest::new(pack)));
        desk
    }

    pub(crate) fn manifests(&self) -> PathBuf {
        self.home.path().join("manifests")
    }

    fn away(&self) -> PathBuf {
        self.home.path().join("away")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.manifests().join(format!("{name}.yaml"))
    }

    fn write(&self, manifest: &Manifest) {
        fs::write(self.file(&manifest.name), manifest.to_string()).unwrap();
    }

    fn remove(&self, names: &[&str]) {
        names.iter().for_each(|name| fs::remove_file(self.file(name)).unwrap());
    }

    /// Does what has to do with manifests.
    pub(crate) fn act(&self, deed: Deed, blocked: &[Digest]) {
        match deed {
            Deed::Misspell => {
                let text = Manifest::new("edge").to_string().replace("spec:", "spek:");
                fs::write(self.file("edge"), text).unwrap();
            }
            Deed::Correct => self.remove(&["edge"]),
            Deed::RemoveMost => self.remove(&PACKS[..4]),
            Deed::Revert => PACKS[..4].iter().for_each(|pack| self.write(&Manifest::new(pack))),
            Deed::Retire => self.remove(&PACKS[3..5]),
            Deed::Approve => {
                for (number, digest) in blocked.iter().enumerate() {
                    approve(&self.file(&format!("approval-{number}")), number, digest);
                }
            }
            Deed::Improve => {
                self.write(&Manifest { version: 2, ..Manifest::new("iam-baseline") });
            }
            Deed::Lose => fs::rename(self.manifests(), self.away()).unwrap(),
            Deed::Find => fs::rename(self.away(), self.manifests()).unwrap(),
            Deed::Restart => {}
        }
    }
}

fn approve(file: &Path, number: usize, digest: &Digest) {
    let text = format!(
        "apiVersion: conformd/v1alpha1
kind: Approval
metadata: {{name: retire-{number}}}
spec: {{plan: {digest}, expires: 2026-11-02T12:00:00Z, reason: retired on purpose}}
"
    );
    fs::write(file, text).unwrap();
}
