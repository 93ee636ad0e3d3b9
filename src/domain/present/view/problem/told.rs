//! What AWS says about a member.

use crate::domain::observed::member::TroubledMember;

/// AWS's code and words about a member, where it said any.
pub(in crate::domain::present::view) fn words(
    member: &TroubledMember,
) -> (Option<String>, Option<String>) {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    member.cause.as_ref().map_or((None, None), |cause| (said(&cause.code), said(&cause.message)))
}
