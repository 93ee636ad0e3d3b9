//! How a directory was published, and whether the absence of a manifest in it is evidence.
//!
//! A missing file is no evidence by itself: files get lost. A directory that is replaced as a whole
//! is evidence, since it was published with all of its files at once.

use std::time::Duration;

use strum::IntoStaticStr;

use super::Snapshot;
use crate::domain::base::model::{Revision, Timestamp};

/// What it takes for a manifest that is gone to mean that its pack is not desired any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Absence {
    /// A declaration: `state: Absent`, or an approval. The absence of a file is no evidence.
    #[default]
    Declared,
    /// The absence itself: the directory is published as a whole.
    Atomic,
}

impl Absence {
    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How the directory was published, as far as one reading shows it. No part of the revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Published {
    /// A plain directory: files may have been changed one by one.
    #[default]
    InPlace,
    /// The source's name is a symbolic link, which a publisher may flip.
    Link {
        /// The text of the link.
        target: String,
        /// Device and inode of the directory that it led to.
        directory: Option<(u64, u64)>,
    },
    /// Every file came through `..data`, the link by which the kubelet publishes a volume.
    Volume {
        /// The text of `..data`.
        target: String,
    },
}

/// What the accepted readings of one source have shown of how it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationHistory {
    /// The newest accepted content.
    pub revision: Revision,
    /// How it was published.
    pub published: Published,
    /// Whether the link was seen to lead to another directory than before.
    pub flipped: bool,
    /// Whether content changed without a flip of the link: then the directory is not published as a
    /// whole, whatever its form.
    pub changed_in_place: bool,
}

impl PublicationHistory {
    /// What is known after one more accepted reading.
    #[must_use]
    pub fn after(before: Option<&Self>, reading: &Snapshot) -> Self {
        let Snapshot { revision, published, files: _, ignored: _ } = reading;
        let first = Self {
            revision: revision.clone(),
            published: published.clone(),
            flipped: false,
            changed_in_place: false,
        };
        let Some(before) = before else { return first };
        let is_flip = match (&before.published, published) {
            (Published::InPlace, Published::InPlace) => false,
            // The same text can lead to a directory that was removed and made again piece by
            // piece, and another text to the very directory that is being written to.
            (
                Published::Link { target: text, directory: place },
                Published::Link { target, directory },
            ) => text != target && place != directory,
            (Published::Volume { target: text }, Published::Volume { target }) => text != target,
            // Published in another way from now on: what was seen before says nothing about it.
            (Published::InPlace | Published::Link { .. } | Published::Volume { .. }, _) => {
                return first;
            }
        };
        Self {
            flipped: before.flipped || is_flip,
            changed_in_place: before.changed_in_place || (!is_flip && before.revision != *revision),
            ..first
        }
    }
}

/// Whether absence from a source that was seen like this is evidence.
pub fn absence_of(setting: Absence, seen: &PublicationHistory) -> Absence {
    let PublicationHistory { revision: _, published, flipped, changed_in_place } = seen;
    // One flip has to be observed first: a link that was set once may be changed in place from then
    // on.
    let is_whole = match published {
        Published::InPlace => false,
        Published::Link { .. } => *flipped && !changed_in_place,
        Published::Volume { .. } => !changed_in_place,
    };
    if setting == Absence::Atomic || is_whole { Absence::Atomic } else { Absence::Declared }
}

/// The evidence about one accepted revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionEvidence {
    /// Whether what it does not mention was taken out on purpose.
    pub absence: Absence,
    /// When its content was first read, by the time of day.
    pub since: Timestamp,
    /// When its content was first read, by the clock that never goes back.
    pub since_elapsed: Duration,
    /// Whether it was read again, and was the same, at least one source interval later; or needs
    /// no second reading, since it was published as a whole.
    pub confirmed: bool,
    /// When a reading can confirm it, by the time of day; `None` if it is read once only.
    pub confirms_at: Option<Timestamp>,
}
