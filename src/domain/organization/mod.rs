//! The account list, how far it can be believed, and which accounts a selector means.

pub mod account_list;
pub mod membership;
pub mod membership_changes;
pub mod membership_status;
pub mod selector;
