//! The account list, whether it is current, and the accounts that a selector excludes.

pub mod account_list;
pub mod membership;
pub mod membership_changes;
pub mod membership_status;
pub mod selector;
