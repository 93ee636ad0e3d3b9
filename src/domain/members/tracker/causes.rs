//! AWS's error texts of failed members, each stored once for all members that show it.
//!
//! The texts are foreign input: one line each, cut, and limited in number. `failure_class`
//! interprets them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::base::model::AccountId;
use crate::domain::base::untrusted::{FAILURE_MAX, one_line};
use crate::domain::observed::member::Cause;

/// Different causes with a text that one region remembers, about 2 MiB. Beyond, which is when texts
/// differ from member to member, codes alone are kept.
const TEXTS_MAX: usize = 2_048;
/// The same, those without a text included; beyond, nothing is kept.
const CAUSES_MAX: usize = 4_096;

/// Replaces the id of the account in its error text, so that equal failures have equal texts.
pub const OWN_ACCOUNT: &str = "<this account>";

/// Causes that are in use, and some that were.
#[derive(Debug, Clone, Default)]
pub(super) struct Causes(BTreeSet<Arc<Cause>>);

impl Causes {
    /// The cause with these texts about this account; `None` if AWS gave none.
    pub(super) fn of(
        &mut self,
        account: AccountId,
        code: Option<&str>,
        message: Option<&str>,
    ) -> Option<Arc<Cause>> {
        let text = |text: Option<&str>| {
            let text = text.unwrap_or_default().replace(account.as_str(), OWN_ACCOUNT);
            one_line(&text, FAILURE_MAX)
        };
        let cause = Cause { code: text(code), message: text(message) };
        if cause == Cause::default() {
            return None;
        }
        self.intern(cause)
            .or_else(|| self.intern(Cause { code: text(code), message: String::new() }))
    }

    /// Forgets causes that no member shows any more.
    pub(super) fn forget_unused(&mut self) {
        self.0.retain(|known| Arc::strong_count(known) > 1);
    }

    fn intern(&mut self, cause: Cause) -> Option<Arc<Cause>> {
        if let Some(known) = self.0.get(&cause) {
            return Some(Arc::clone(known));
        }
        // Texts that differ from member to member would fill the memory. Half of the room is
        // reserved for codes without a text, so that a flood of texts still leaves the codes.
        let room = if cause.message.is_empty() { CAUSES_MAX } else { TEXTS_MAX };
        (self.0.len() < room).then(|| {
            let cause = Arc::new(cause);
            self.0.insert(Arc::clone(&cause));
            cause
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u64) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    #[test]
    fn members_that_were_told_the_same_share_one_cause() {
        let mut causes = Causes::default();
        let mut told = |number| {
            let message = format!("role arn:aws:iam::{}:role/x\nis missing", account(number));
            causes.of(account(number), Some("NoRole"), Some(&message)).unwrap()
        };
        let (one, other) = (told(1), told(2));
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(one.message, "role arn:aws:iam::<this account>:role/x\\nis missing");
        assert_eq!(causes.of(account(1), None, Some("")), None);
    }

    #[test]
    fn texts_that_all_differ_stay_within_bounds_and_keep_their_codes() {
        let mut causes = Causes::default();
        let held: Vec<_> = (0..10_000)
            .map(|number| {
                let message = format!("request {number} {}", "x".repeat(2_000));
                causes.of(account(1), Some("Busy"), Some(&message)).unwrap()
            })
            .collect();
        assert!(causes.0.len() <= CAUSES_MAX);
        assert!(held.iter().all(|cause| cause.code == "Busy"));
        assert!(held.iter().all(|cause| cause.message.chars().count() <= FAILURE_MAX + 1));
        drop(held);
        causes.forget_unused();
        let again = causes.of(account(1), Some("Busy"), Some("something new")).unwrap();
        assert_eq!((again.message.as_str(), causes.0.len()), ("something new", 1));
    }

    #[test]
    fn codes_that_all_differ_stay_within_bounds_too() {
        let mut causes = Causes::default();
        let code = |number: u32| format!("Code{number}");
        let held: Vec<_> =
            (0..10_000).map(|number| causes.of(account(1), Some(&code(number)), None)).collect();
        assert_eq!(held.iter().flatten().count(), CAUSES_MAX);
    }
}
