//! The paths of all pages and of what they load.

use crate::domain::base::model::Region;

pub(super) const OVERVIEW: &str = "/";

pub(super) const PACK: &str = "/packs/{region}/{pack}";

pub(super) const PACK_REGIONS: &str = "/packs/{pack}";

pub(super) const REGION: &str = "/regions/{region}";

pub(super) const ACCOUNT: &str = "/accounts/{id}";

pub(super) const NEW_ACCOUNTS: &str = "/new-accounts";

pub(super) const PLAN: &str = "/plan";

pub(super) const EVENTS: &str = "/events";

pub(super) const ASSET: &str = "/assets/{name}";

/// Where the packs of a region are listed.
pub(super) fn region_path(region: &Region) -> String {
    format!("/regions/{}", region.as_str())
}
