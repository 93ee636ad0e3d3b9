//! The part of AWS that a set of regions belongs to: the second field of every ARN.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use super::model::Region;

/// Partitions by how the names of their regions begin; the first that fits counts (AWS general
/// reference: ARN partitions).
const BY_REGION: [(&str, Partition); 6] = [
    ("cn-", Partition("aws-cn")),
    ("us-gov-", Partition("aws-us-gov")),
    ("us-isob-", Partition("aws-iso-b")),
    ("us-iso-", Partition("aws-iso")),
    ("eusc-", Partition("aws-eusc")),
    ("", Partition("aws")),
];

/// A partition of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition(&'static str);

/// Regions that no account has together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Divided {
    /// There is none.
    #[error("no region is named")]
    NoRegion,
    /// They are of two partitions.
    #[error("{first} and {second} are of different partitions, which no account is in together")]
    Apart {
        /// A region.
        first: Region,
        /// A region of another partition.
        second: Region,
    },
}

impl Partition {
    /// The partition of a region.
    pub fn of(region: &Region) -> Self {
        let found = BY_REGION.into_iter().find(|(start, _)| region.as_str().starts_with(start));
        found.map_or(Self("aws"), |(_, partition)| partition)
    }

    /// The partition that all of these are in.
    pub fn of_all(regions: &BTreeSet<Region>) -> Result<Self, Divided> {
        let first = regions.first().ok_or(Divided::NoRegion)?;
        let partition = Self::of(first);
        match regions.iter().find(|region| Self::of(region) != partition) {
            None => Ok(partition),
            Some(second) => Err(Divided::Apart { first: first.clone(), second: second.clone() }),
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.0)
    }
}
