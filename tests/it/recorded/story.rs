//! What happens, and when: to AWS, as scenarios tell it, to the manifests, and to the process.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use conformd::domain::base::model::PackName;
use conformd::sim::scenario::Scenario;
use tempfile::TempDir;

use crate::support::lab::manifests::{Manifest, approval_of};

pub(crate) const OWNER: &str = "111111111111";
pub(crate) const REGIONS: [&str; 3] = ["ap-southeast-2", "eu-west-1", "us-east-1"];
/// The role of the probe and its external id.
pub(crate) const PROBE: (&str, &str) = ("ConformdRecorderProbe", "recorded");

const PACKS: [&str; 6] =
    ["cloudtrail-logging", "encryption", "iam-baseline", "logging", "network", "s3-baseline"];

/// What happens in some hours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Story {
    /// The name of its scenario, and its text.
    scenario: (&'static str, &'static str),
    /// Minutes from the start, and what is done then.
    pub(crate) deeds: &'static [(u64, Deed)],
    pub(crate) minutes: u64,
}

/// Nearly everything goes wrong once.
pub(crate) const MISHAPS: Story = Story {
    scenario: ("mishaps.yaml", include_str!("mishaps.yaml")),
    deeds: &[
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
    ],
    minutes: 9 * 60,
};

/// Nothing is wrong, and much happens.
pub(crate) const HEALTHY: Story = Story {
    scenario: ("healthy.yaml", include_str!("healthy.yaml")),
    deeds: &[(150, Deed::Improve), (240, Deed::Restart), (300, Deed::Restart)],
    minutes: 6 * 60,
};

impl Story {
    /// What AWS goes through.
    pub(crate) fn scenario(&self) -> Scenario {
        let (name, text) = self.scenario;
        let now = "2026-11-02T00:00:00Z".parse().unwrap();
        Scenario::parse(name, text, now).unwrap()
    }
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

/// The manifests, in a directory that can be lost.
pub(crate) struct Desk {
    home: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { home: tempfile::tempdir().unwrap() };
        fs::create_dir(desk.manifests()).unwrap();
        desk.write(&PACKS);
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

    fn write(&self, names: &[&str]) {
        for name in names {
            fs::write(self.file(name), Manifest::new(name).to_string()).unwrap();
        }
    }

    fn remove(&self, names: &[&str]) {
        for name in names {
            fs::remove_file(self.file(name)).unwrap();
        }
    }

    /// Does what has to do with manifests.
    pub(crate) fn act(&self, deed: Deed, pending: &BTreeSet<PackName>) {
        match deed {
            Deed::Misspell => {
                let text = Manifest::new("edge").to_string().replace("spec:", "spek:");
                fs::write(self.file("edge"), text).unwrap();
            }
            Deed::Correct => self.remove(&["edge"]),
            Deed::RemoveMost => self.remove(&PACKS[..4]),
            Deed::Revert => self.write(&PACKS[..4]),
            Deed::Retire => self.remove(&PACKS[3..5]),
            Deed::Approve => approve(&self.file("approval"), pending),
            Deed::Improve => {
                let better = Manifest { version: 2, ..Manifest::new("iam-baseline") };
                fs::write(self.file(&better.name), better.to_string()).unwrap();
            }
            Deed::Lose => fs::rename(self.manifests(), self.away()).unwrap(),
            Deed::Find => fs::rename(self.away(), self.manifests()).unwrap(),
            Deed::Restart => {}
        }
    }
}

fn approve(file: &Path, packs: &BTreeSet<PackName>) {
    let packs: Vec<&str> = packs.iter().map(PackName::as_str).collect();
    fs::write(file, approval_of(&packs, "2026-11-02T12:00:00Z")).unwrap();
}
