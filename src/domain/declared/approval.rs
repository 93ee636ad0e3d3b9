//! Approvals: reviewed documents that say in words which losses they permit.
//!
//! An approval lives at most [`LIFE_MAX`], covers each loss it names once in each region, and
//! covers nothing that it does not name. Which losses it covers is in `loss`, what was used of it
//! in `window`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::manifest::ManifestOrigin;
use crate::domain::base::model::{AccountId, Digest, PackName, Region, Timestamp};
use crate::domain::base::time::after;

/// An approval may expire at most so far ahead: it is for the change at hand, not for later.
pub const LIFE_MAX: Duration = Duration::from_hours(7 * 24);

/// An `Approval` manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// `metadata.name`.
    pub name: String,
    /// Its place.
    pub origin: ManifestOrigin,
    /// `spec.reason`.
    pub reason: String,
    /// `spec.expires`.
    pub expires: Timestamp,
    /// `spec.permits`.
    pub permits: Vec<Permit>,
}

/// One entry of `spec.permits`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// What may be lost.
    pub what: Permitted,
    /// Where; `None` means in every region.
    pub regions: Option<BTreeSet<Region>>,
}

/// What may be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permitted {
    /// `delete`: these packs, a region that a manifest dropped included.
    Packs(BTreeSet<PackName>),
    /// `adopt`: whatever these unmanaged packs hold now.
    Adoptions(BTreeSet<PackName>),
    /// `pack` with `loseRules`: these rules of this pack.
    Rules {
        /// The pack.
        pack: PackName,
        /// Rules by name.
        rules: BTreeSet<String>,
    },
    /// `pack` with `loseRules` and a number: so many rules whose names are not known.
    RuleCount {
        /// The pack.
        pack: PackName,
        /// At most so many.
        count: u32,
    },
    /// `pack` with `excludeAccounts`: these accounts of this pack.
    Accounts {
        /// The pack.
        pack: PackName,
        /// Accounts by id.
        accounts: BTreeSet<AccountId>,
    },
    /// `accountList`: an account list of so many active accounts, although it is much shorter than
    /// the one before.
    AccountList(usize),
}

/// Rules that an approval permits a pack to lose, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRules {
    /// The pack.
    pub pack: PackName,
    /// The rules.
    pub rules: BTreeSet<String>,
    /// Where; `None` means in every region.
    pub regions: Option<BTreeSet<Region>>,
}

impl Approval {
    /// The rules that it names.
    pub fn named_rules(&self) -> Vec<NamedRules> {
        let named = self.permits.iter().filter_map(|permit| match &permit.what {
            Permitted::Rules { pack, rules } => Some(NamedRules {
                pack: pack.clone(),
                rules: rules.clone(),
                regions: permit.regions.clone(),
            }),
            Permitted::Packs(_)
            | Permitted::Adoptions(_)
            | Permitted::RuleCount { .. }
            | Permitted::Accounts { .. }
            | Permitted::AccountList(_) => None,
        });
        named.collect()
    }

    /// Which document this is: another reason, expiry or permit makes another one, so that what was
    /// used stays used when the file is moved or committed again.
    pub fn id(&self) -> Digest {
        let Self { name, origin: _, reason, expires, permits } = self;
        let permits = format!("{permits:?}");
        Digest::of([
            name.as_bytes(),
            reason.as_bytes(),
            expires.to_string().as_bytes(),
            permits.as_bytes(),
        ])
    }

    /// Whether it permits an account list of so many active accounts.
    pub fn permits_list(&self, active: usize) -> bool {
        self.permits.iter().any(|permit| permit.what == Permitted::AccountList(active))
    }
}

/// The approvals of the current revision at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Approvals<'a> {
    /// By name.
    pub all: &'a BTreeMap<String, Approval>,
    /// The time of day.
    pub now: Timestamp,
    /// The time by AWS's clock: an approval has expired if it has by either clock.
    pub aws_now: Timestamp,
}

/// Whether an approval is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It counts.
    InForce,
    /// It has expired.
    Expired,
    /// It expires too far ahead, so that it does not count yet.
    TooLong,
}

impl Approvals<'_> {
    /// Whether this approval counts now.
    pub fn validity(&self, approval: &Approval) -> Validity {
        // Both checks use the stricter of the two clocks: a local clock that is wrong must not
        // extend an approval.
        if approval.expires <= self.now.max(self.aws_now) {
            Validity::Expired
        } else if approval.expires > after(self.now.min(self.aws_now), LIFE_MAX) {
            Validity::TooLong
        } else {
            Validity::InForce
        }
    }
}
