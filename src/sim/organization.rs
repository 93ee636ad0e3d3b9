//! The organization: its features, its tree, who administers packs.
//!
//! Its API is in `directory`, its accounts in `members`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::api::organizations as shape;
use super::api::{ApiError, Caller};
use super::refusals;
use super::setup::{Features, ROOT, UnitSetup, WorldSetup};
use super::timeline::{after, earlier};
use crate::domain::base::model::{AccountId, Timestamp};

/// The service principal that organization packs need (AWS Config developer guide).
pub const PRINCIPAL: &str = "config-multiaccountsetup.amazonaws.com";

/// Its id.
pub(super) const ORGANIZATION: &str = "o-simulated1";

/// The organization without its accounts.
#[derive(Debug, Clone)]
pub(super) struct OrganizationTree {
    pub(super) management: AccountId,
    pub(super) features: Features,
    pub(super) units: Vec<UnitSetup>,
    /// Services with trusted access, and since when.
    pub(super) trusted: BTreeMap<String, Timestamp>,
    pub(super) delegations: BTreeMap<(String, AccountId), Timestamp>,
}

impl OrganizationTree {
    pub(super) fn new(setup: &WorldSetup) -> Self {
        let long_ago = earlier(setup.start, Duration::from_hours(30 * 24));
        let administrators = setup.administrators.iter();
        let delegations: BTreeMap<_, _> =
            administrators.map(|account| ((PRINCIPAL.to_owned(), *account), long_ago)).collect();
        let trusted = delegations.keys().take(1).map(|_| (PRINCIPAL.to_owned(), long_ago));
        Self {
            management: setup.management,
            features: setup.features,
            units: setup.units.clone(),
            trusted: trusted.collect(),
            delegations,
        }
    }

    /// Turns trusted access for organization packs on.
    pub(super) fn trust(&mut self, now: Timestamp) {
        self.trusted.entry(PRINCIPAL.to_owned()).or_insert(now);
    }

    pub(super) fn has_parent(&self, id: &str) -> bool {
        id == ROOT || self.unit(id).is_some()
    }

    /// Whether this caller may put packs.
    pub(super) fn may_put(
        &self,
        caller: &Caller,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), ApiError> {
        match self.features {
            Features::NoOrganization => Err(refusals::no_organization()),
            Features::ConsolidatedBilling => Err(refusals::features()),
            Features::All => self.may_read(caller, now, delay),
        }
    }

    /// Whether this caller may see and delete its packs.
    pub(super) fn may_read(
        &self,
        caller: &Caller,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), ApiError> {
        let delegation = self.delegations.get(&(PRINCIPAL.to_owned(), caller.account));
        // A new delegation takes effect only after a delay, as AWS's permissions take time to
        // spread.
        let delegated = delegation.is_some_and(|since| after(*since, delay) <= now);
        let administers = delegated && self.trusted.contains_key(PRINCIPAL);
        let organized = self.features != Features::NoOrganization;
        if organized && (caller.account == self.management || administers) {
            Ok(())
        } else {
            Err(refusals::organization_access())
        }
    }

    pub(super) fn unit(&self, id: &str) -> Option<&UnitSetup> {
        self.units.iter().find(|unit| unit.id == id)
    }

    /// `o-…/r-…/ou-…/`, down to and with this node.
    pub(super) fn path(&self, id: &str) -> String {
        let mut nodes = Vec::new();
        let mut next = Some(id);
        // Never longer than the tree, so that a cycle in a scenario ends.
        while let Some(id) = next.filter(|_| nodes.len() <= self.units.len()) {
            nodes.push(id);
            next = self.unit(id).map(|unit| unit.parent.as_str());
        }
        nodes.reverse();
        format!("{ORGANIZATION}/{}/", nodes.join("/"))
    }

    pub(super) fn is_administrator(&self, account: &AccountId) -> bool {
        self.delegations.keys().any(|(_, one)| one == account)
    }

    pub(super) fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:organizations::{}:{kind}/{ORGANIZATION}/{id}", self.management)
    }

    pub(super) fn unit_shape(&self, unit: &UnitSetup) -> shape::UnitShape {
        shape::UnitShape {
            id: unit.id.clone(),
            arn: self.arn("ou", &unit.id),
            name: unit.name.clone(),
            path: Some(self.path(&unit.id)),
        }
    }
}
