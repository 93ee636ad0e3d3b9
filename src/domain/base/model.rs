//! The nouns: identifiers that were checked once, and the marker that a pack carries.
//!
//! Every type here can only be made from text that AWS would accept, so that the rest of the crate
//! never asks again. What is absent: anything about files, regions' contents or plans.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use strum::{EnumIter, EnumString, IntoStaticStr};
use thiserror::Error;

use super::untrusted::WORD_MAX;

/// A moment; always UTC, always handed in as an argument.
pub type Timestamp = jiff::Timestamp;

/// The input parameter that carries the marker (`docs/architecture.md`, "The marker").
pub const MARKER_PARAMETER: &str = "ConformdMarker";

/// Why a piece of text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found:?} is not {expected}")]
pub struct Malformed {
    /// The text as found, cut.
    pub found: String,
    /// What was expected, with its article: "an account id (12 digits)".
    pub expected: &'static str,
}

impl Malformed {
    pub(crate) fn new(found: &str, expected: &'static str) -> Self {
        Self { found: found.chars().take(WORD_MAX).collect(), expected }
    }
}

/// Declares an identifier: a string that passed one check.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What a valid value looks like, with its article.
            pub const EXPECTED: &'static str = $expected;

            /// The text of the identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Malformed::new(text, Self::EXPECTED))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&self.0)
            }
        }
    };
}
pub(crate) use identifier;

/// An AWS account: exactly 12 digits, kept as text (a number would lose leading zeros).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// What a valid value looks like, with its article.
    pub const EXPECTED: &'static str = "an account id (12 digits, in quotes)";

    /// The text of the identifier.
    #[expect(clippy::missing_panics_doc, reason = "digits are text")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("12 ASCII digits by construction")
    }
}

impl FromStr for AccountId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match <[u8; 12]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            Ok(_) | Err(_) => Err(Malformed::new(text, Self::EXPECTED)),
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("AccountId").field(&self.as_str()).finish()
    }
}

identifier!(
    /// An organizational unit, or the root, by id (AWS Organizations API: `ou-…`, `r-…`).
    UnitId,
    "an organizational unit's id such as ou-ab12-cdef3456",
    |text| {
        let lower = |part: &str, least: usize| {
            (least..=32).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        match text.split('-').collect::<Vec<_>>().as_slice() {
            ["r", root] => lower(root, 4),
            ["ou", root, unit] => lower(root, 4) && lower(unit, 8),
            _ => false,
        }
    }
);

impl UnitId {
    /// Whether it is the root, which every account is beneath.
    pub fn is_root(&self) -> bool {
        self.0.starts_with("r-")
    }
}

identifier!(
    /// An AWS region name such as `eu-west-1`; which regions exist is data, not code.
    Region,
    "a region name such as eu-west-1",
    |text| {
        (5..=32).contains(&text.len())
            && text.split('-').count() >= 3
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.ends_with(|last: char| last.is_ascii_digit())
            && text.split('-').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            })
    }
);

identifier!(
    /// The name of an organization conformance pack: its identity in one region
    /// (AWS Config API: 1 to 128 of `[a-zA-Z][-a-zA-Z0-9]*`).
    PackName,
    "a pack name (a letter, then letters, digits or hyphens; at most 128)",
    |text| {
        (1..=128).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }
);

identifier!(
    /// Which conformd owns a pack. No dot, since dots separate the fields of the marker.
    Installation,
    "an installation id (1 to 32 lower-case letters, digits or hyphens, a letter first)",
    |text| {
        (1..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
            })
    }
);

/// One account in one region: where a set of packs lives.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Place {
    /// The management account or delegated administrator that owns the packs.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.account, self.region)
    }
}

/// The first 128 bits of a SHA-256, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 16]);

impl Digest {
    /// What a valid digest looks like.
    pub const EXPECTED: &'static str = "a digest (32 hexadecimal digits)";

    /// Digest of these parts; each is preceded by its length, so that no two lists collide.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        #[cfg(test)]
        counted::DIGESTS.set(counted::DIGESTS.get() + 1);
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let full: [u8; 32] = hasher.finalize().into();
        let mut short = [0; 16];
        short.copy_from_slice(full.split_at(16).0);
        Self(short)
    }

    /// The first eight hexadecimal digits: enough to distinguish two for display.
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new(text, Self::EXPECTED);
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        // `from_str_radix` alone would also accept a sign and upper-case digits, so that two texts
        // could be one digest.
        if text.len() != 32 || !text.bytes().all(lower_hex) {
            return Err(malformed());
        }
        u128::from_str_radix(text, 16)
            .map(|number| Self(number.to_be_bytes()))
            .map_err(|_| malformed())
    }
}

impl TryFrom<String> for Digest {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// One accepted content of the source: a git commit, or the hash of a directory's content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Revision(pub String);

impl fmt::Display for Revision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

/// What happens to the pack in AWS when its manifest goes away.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Hash,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub enum DeletionPolicy {
    /// Delete the pack, through every gate.
    #[default]
    Delete,
    /// Forget the pack and leave it in place.
    Orphan,
}

/// What a pack says of itself: `v1.<installation>.<template>-<rules>-<policy>-<binding>`.
///
/// Written by the same `PutOrganizationConformancePack` as the content it describes and echoed by
/// `DescribeOrganizationConformancePacks`, so that ownership and content need no second store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Marker {
    /// The conformd that wrote the pack.
    pub installation: Installation,
    /// Digest of the canonical template, marker left out.
    pub template: Digest,
    /// How many `AWS::Config::ConfigRule` resources the template held.
    pub rules: u32,
    /// The deletion policy, which must outlive the manifest.
    pub policy: DeletionPolicy,
    /// Eight hexadecimal digits over installation, account, region and name: voids a copied marker.
    binding: String,
}

impl Marker {
    /// The marker of this template, delivered under this name at this place.
    pub fn new(
        installation: Installation,
        template: Digest,
        rules: u32,
        policy: DeletionPolicy,
        spot: (&Place, &PackName),
    ) -> Self {
        let binding = binding(&installation, spot.0, spot.1);
        Self { installation, template, rules, policy, binding }
    }

    /// Whether the marker was written for this pack at this place, not copied from another.
    pub fn binds(&self, spot: (&Place, &PackName)) -> bool {
        self.binding == binding(&self.installation, spot.0, spot.1)
    }
}

fn binding(installation: &Installation, place: &Place, name: &PackName) -> String {
    let Place { account, region } = place;
    let parts = [installation.as_str(), account.as_str(), region.as_str(), name.as_str()];
    Digest::of(parts.map(str::as_bytes)).short()
}

impl fmt::Display for Marker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { installation, template, rules, policy, binding } = self;
        let policy = match policy {
            DeletionPolicy::Delete => 'd',
            DeletionPolicy::Orphan => 'o',
        };
        write!(out, "v1.{installation}.{template}-{rules}-{policy}-{binding}")
    }
}

/// Why the value of `ConformdMarker` is no marker that this version can act on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error, Serialize, JsonSchema)]
pub enum MarkerProblem {
    /// Written by a newer conformd: read only.
    #[error("marker version {0:?} is not known to this conformd")]
    UnknownVersion(String),
    /// Not the shape of a marker.
    #[error("the marker is malformed")]
    Malformed,
}

impl FromStr for Marker {
    type Err = MarkerProblem;

    fn from_str(text: &str) -> Result<Self, MarkerProblem> {
        let mut fields = text.split('.');
        let version = fields.next().unwrap_or_default();
        if version != "v1" {
            let is_version = version.len() > 1
                && version.starts_with('v')
                && version.bytes().skip(1).all(|byte| byte.is_ascii_digit());
            return Err(if is_version {
                MarkerProblem::UnknownVersion(version.chars().take(16).collect())
            } else {
                MarkerProblem::Malformed
            });
        }
        // The text has to be exactly what this program would write: a marker with another spelling
        // was not written by it. A newer version is told apart, since a newer conformd owns that
        // pack.
        parse_v1(fields).filter(|marker| marker.to_string() == text).ok_or(MarkerProblem::Malformed)
    }
}

fn parse_v1<'a>(mut fields: impl Iterator<Item = &'a str>) -> Option<Marker> {
    let installation = fields.next()?.parse().ok()?;
    let mut content = fields.next()?.split('-');
    let template = content.next()?.parse().ok()?;
    let rules = content.next()?.parse().ok()?;
    let policy = match content.next()? {
        "d" => DeletionPolicy::Delete,
        "o" => DeletionPolicy::Orphan,
        _ => return None,
    };
    let binding = content.next()?.to_owned();
    let is_binding = binding.len() == 8
        && binding.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    // More fields than known would be another format, so they are not ignored.
    let ends = content.next().is_none() && fields.next().is_none();
    (is_binding && ends).then_some(Marker { installation, template, rules, policy, binding })
}

/// How many digests this thread has made: the work of planning, for counted tests.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    thread_local! {
        pub(crate) static DIGESTS: Cell<usize> = const { Cell::new(0) };
    }
}

/// The life cycle of an account (`Account.State` of AWS Organizations).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(strum::Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[strum(parse_err_ty = Malformed, parse_err_fn = Self::malformed)]
pub enum AccountState {
    /// Being created or invited.
    PendingActivation,
    /// A full member.
    Active,
    /// Suspended by AWS.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed, still listed for about 90 days.
    Closed,
}

impl AccountState {
    fn malformed(text: &str) -> Malformed {
        Malformed::new(text, "an account state such as SUSPENDED")
    }

    /// The word that AWS uses.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Where AWS puts a pack's conformance results (`DeliveryS3Bucket`, `DeliveryS3KeyPrefix`).
/// Unset and empty are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ResultsBucket {
    /// Bucket name; empty when none.
    pub bucket: String,
    /// Key prefix; empty when none.
    pub prefix: String,
}

/// The service principal of organization packs, which trusted access and delegation are given to
/// (AWS Config developer guide).
pub const PRINCIPAL: &str = "config-multiaccountsetup.amazonaws.com";

#[cfg(test)]
mod tests {
    use super::*;

    fn spot() -> (Place, PackName) {
        let place = Place {
            account: "111111111111".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        (place, "iam-baseline".parse().unwrap())
    }

    fn marker(policy: DeletionPolicy) -> Marker {
        let (place, name) = spot();
        let template = Digest::of([b"template".as_slice()]);
        Marker::new("main".parse().unwrap(), template, 4, policy, (&place, &name))
    }

    #[test]
    fn golden_vectors_pin_the_marker_format() {
        let vectors = [
            marker(DeletionPolicy::Delete).to_string(),
            marker(DeletionPolicy::Orphan).to_string(),
        ];
        insta::assert_debug_snapshot!(vectors, @r#"
        [
            "v1.main.067f6d02f57553b7b0c3da9d492ae464-4-d-80474460",
            "v1.main.067f6d02f57553b7b0c3da9d492ae464-4-o-80474460",
        ]
        "#);
    }

    #[test]
    fn golden_vectors_pin_the_digest_format() {
        let of = |parts: &[&str]| Digest::of(parts.iter().map(|part| part.as_bytes())).to_string();
        let vectors = [of(&[]), of(&[""]), of(&["ab"]), of(&["a", "b"])];
        insta::assert_debug_snapshot!(vectors, @r#"
        [
            "e3b0c44298fc1c149afbf4c8996fb924",
            "af5570f5a1810b7af78caf4bc70a660f",
            "9caccc24b5d7e06c21c0277b6530d666",
            "3c9d591045bc8876f9d0399bbfb05c6a",
        ]
        "#);
    }

    #[test]
    fn a_marker_reads_back_as_it_was_written() {
        for policy in [DeletionPolicy::Delete, DeletionPolicy::Orphan] {
            let written = marker(policy);
            assert_eq!(written.to_string().parse(), Ok(written));
        }
    }

    #[test]
    fn a_marker_copied_to_another_name_or_region_is_void() {
        let (place, name) = spot();
        let marker = marker(DeletionPolicy::Delete);
        let elsewhere = Place { region: "us-east-1".parse().unwrap(), ..place.clone() };
        assert!(marker.binds((&place, &name)));
        assert!(!marker.binds((&elsewhere, &name)));
        assert!(!marker.binds((&place, &"other".parse().unwrap())));
    }

    #[test]
    fn what_is_not_exactly_a_marker_is_refused() {
        let good = marker(DeletionPolicy::Delete).to_string();
        for bad in ["", "none", "v1", "v1.main", &good.to_uppercase(), &format!("{good} ")] {
            assert_eq!(bad.parse::<Marker>(), Err(MarkerProblem::Malformed), "{bad:?}");
        }
        let padded = good.replace("-4-", "-04-");
        assert_eq!(padded.parse::<Marker>(), Err(MarkerProblem::Malformed));
        let newer = good.replacen("v1", "v2", 1);
        assert_eq!(newer.parse::<Marker>(), Err(MarkerProblem::UnknownVersion("v2".into())));
    }
}
