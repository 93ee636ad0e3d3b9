//! The paths of all pages and of what they load.

pub(super) const OVERVIEW: &str = "/";

pub(super) const PACK: &str = "/packs/{region}/{pack}";

pub(super) const ACCOUNT: &str = "/accounts/{id}";

pub(super) const NEW_ACCOUNTS: &str = "/new-accounts";

pub(super) const PLAN: &str = "/plan";

pub(super) const EVENTS: &str = "/events";

pub(super) const ASSET: &str = "/assets/{name}";
