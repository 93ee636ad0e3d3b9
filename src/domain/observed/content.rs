//! The content of a pack as it is put: `PutOrganizationConformancePack` replaces all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::packs::PackRecord;
use crate::domain::base::model::{AccountId, Digest, MARKER_PARAMETER, ResultsBucket};

/// Everything a Put sends besides the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The template as it is sent, rendered with the marker parameter.
    pub body: Arc<str>,
    /// Input parameters, the marker among them.
    pub inputs: BTreeMap<String, String>,
    /// Accounts it is not deployed to.
    pub excluded: BTreeSet<AccountId>,
    /// Where results go.
    pub delivery: ResultsBucket,
}

impl Content {
    /// The digest of what AWS will echo of this content. The body is never echoed; the marker among
    /// the inputs represents it.
    pub fn fingerprint(&self) -> Digest {
        let Self { body: _, inputs, excluded, delivery } = self;
        fingerprint(inputs, excluded, delivery)
    }

    /// The same without the marker: what AWS would echo if it dropped the marker.
    pub fn fingerprint_bare(&self) -> Digest {
        let Self { body: _, inputs, excluded, delivery } = self;
        fingerprint(without_marker(inputs), excluded, delivery)
    }

    /// Whether this record is what AWS echoes of this content: their fingerprints are equal.
    pub fn is_echoed_by(&self, record: &PackRecord) -> bool {
        let Self { body: _, inputs, excluded, delivery } = self;
        *inputs == record.inputs && *excluded == record.excluded && *delivery == record.delivery
    }
}

/// The digest of what AWS echoes of a pack: equal to [`Content::fingerprint`] when it holds just
/// that content.
pub fn fingerprint_of(record: &PackRecord) -> Digest {
    fingerprint(&record.inputs, &record.excluded, &record.delivery)
}

/// The same without the marker: see [`Content::fingerprint_bare`].
pub fn fingerprint_bare_of(record: &PackRecord) -> Digest {
    fingerprint(without_marker(&record.inputs), &record.excluded, &record.delivery)
}

fn without_marker(inputs: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    inputs.iter().filter(|(name, _)| *name != MARKER_PARAMETER)
}

fn fingerprint<'a>(
    inputs: impl IntoIterator<Item = (&'a String, &'a String)>,
    excluded: &'a BTreeSet<AccountId>,
    ResultsBucket { bucket, prefix }: &'a ResultsBucket,
) -> Digest {
    let inputs = inputs.into_iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let excluded = excluded.iter().map(|account| account.as_str().as_bytes());
    // The separators keep a parameter from being read as an exclusion.
    let sections = [b"excluded".as_slice(), b"delivery".as_slice()];
    let [before_excluded, before_delivery] = sections;
    let delivery = [before_delivery, bucket.as_bytes(), prefix.as_bytes()];
    Digest::of(inputs.chain([before_excluded]).chain(excluded).chain(delivery))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::base::model::Timestamp;

    /// Few distinct values, and the words that the fingerprint itself uses, so that two draws meet.
    fn any_content() -> impl Strategy<Value = Content> {
        let word =
            || proptest::sample::select(vec!["", "excluded", "delivery", "a", "222222222222"]);
        let inputs = proptest::collection::btree_map(word(), word(), 0..3);
        let excluded = proptest::collection::btree_set(
            proptest::sample::select(vec!["222222222222", "333333333333"]),
            0..3,
        );
        (inputs, excluded, word(), word()).prop_map(|(inputs, excluded, bucket, prefix)| Content {
            body: Arc::from(""),
            inputs: inputs.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            excluded: excluded.into_iter().map(|account| account.parse().unwrap()).collect(),
            delivery: ResultsBucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() },
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..Default::default() })]

        #[test]
        fn fingerprints_are_equal_just_when_contents_are(
            one in any_content(), other in any_content(),
        ) {
            prop_assert_eq!(one == other, one.fingerprint() == other.fingerprint());
        }

        #[test]
        fn a_record_that_echoes_a_content_has_its_fingerprint(content in any_content()) {
            let Content { body: _, inputs, excluded, delivery } = content.clone();
            let (name, arn) = ("iam".parse().unwrap(), String::new());
            let last_update = Timestamp::UNIX_EPOCH;
            let record = PackRecord { name, arn, last_update, inputs, excluded, delivery };
            prop_assert_eq!(fingerprint_of(&record), content.fingerprint());
            prop_assert!(content.is_echoed_by(&record));
        }
    }
}
