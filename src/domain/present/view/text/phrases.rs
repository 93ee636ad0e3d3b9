//! Words and phrases that several texts share.

use crate::domain::base::untrusted::{SHOWN_TEXT_MAX, flowing};
use crate::domain::observed::failure_class::Owner;

/// What stands first where no AWS account is asked.
pub(super) const SIMULATED: &str = "SIMULATED: no real AWS account is read or changed";

/// Account ids that are listed of one problem.
pub(super) const IDS_MAX: usize = 3;

/// Foreign text on one line.
pub fn clean(text: &str) -> String {
    flowing(text, SHOWN_TEXT_MAX)
}

/// Who must act, in words.
pub fn person(owner: Owner) -> &'static str {
    match owner {
        Owner::Aws => "AWS",
        Owner::AccountOwner => "account owner",
        Owner::PlatformTeam => "platform team",
        Owner::PackAuthor => "pack author",
        Owner::AwsSupport => "AWS Support",
        Owner::Conformd => "conformd",
    }
}

/// A word of labels as people write it.
pub fn spoken(word: &str) -> String {
    word.replace('_', " ")
}
