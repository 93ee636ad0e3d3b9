//! What is known of every member of every pack: rollouts, new accounts, and what to read next.

pub mod new_account;
pub mod probe;
pub mod rollout;
pub mod tracker;
pub mod tracking;
