//! The whole of a pack as it is put: `PutOrganizationConformancePack` replaces everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::model::{AccountId, Digest};
use super::observed::{Delivery, PackRecord};

/// Everything a Put sends besides the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The author's bytes with the marker parameter declared.
    pub body: Arc<str>,
    /// Input parameters, the marker among them.
    pub inputs: BTreeMap<String, String>,
    /// Accounts it is not deployed to.
    pub excluded: BTreeSet<AccountId>,
    /// Where results go.
    pub delivery: Delivery,
}

impl Content {
    /// The digest of what AWS will echo of this content. The body is never echoed; the marker
    /// among the inputs stands for it.
    pub fn fingerprint(&self) -> Digest {
        let Self { body: _, inputs, excluded, delivery } = self;
        fingerprint(inputs, excluded, delivery)
    }
}

/// The digest of what AWS echoes of a pack: equal to [`Content::fingerprint`] when it holds just
/// that content.
pub fn fingerprint_of(record: &PackRecord) -> Digest {
    fingerprint(&record.inputs, &record.excluded, &record.delivery)
}

fn fingerprint(
    inputs: &BTreeMap<String, String>,
    excluded: &BTreeSet<AccountId>,
    Delivery { bucket, prefix }: &Delivery,
) -> Digest {
    let inputs = inputs.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let excluded = excluded.iter().map(|account| account.as_str().as_bytes());
    // The separators keep a parameter from being read as an exclusion.
    let sections = [b"excluded".as_slice(), b"delivery".as_slice()];
    let [before_excluded, before_delivery] = sections;
    let delivery = [before_delivery, bucket.as_bytes(), prefix.as_bytes()];
    Digest::of(inputs.chain([before_excluded]).chain(excluded).chain(delivery))
}
