//! The part of AWS that a set of regions belongs to: the second field of every ARN. The regions
//! that there are, to notice misspelt names.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use super::model::Region;
use super::nearest::did_you_mean;

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

/// The regions that there are (AWS general reference: AWS Config endpoints, November 2025). A
/// region that is not here may be a new one, so nothing is refused because of this list.
const REGIONS: [&str; 42] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-west-1",
    "us-west-2",
];

/// A region that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownRegion {
    /// What is noticed, in one sentence.
    pub(crate) found: String,
    /// The region that may be meant.
    pub(crate) hint: Option<String>,
}

impl UnknownRegion {
    /// What to say of this region, unless it is known.
    pub(crate) fn of(region: &Region) -> Option<Self> {
        let name = region.as_str();
        (!REGIONS.contains(&name)).then(|| Self {
            found: format!("this version of conformd does not know the region {name}"),
            hint: did_you_mean(name, REGIONS),
        })
    }
}

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
