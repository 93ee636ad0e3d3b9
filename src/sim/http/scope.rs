//! Who calls, and for which region: read from the `Authorization` header.
//!
//! Signatures are not checked. The access key id names the account (see
//! [`CredentialScope::account`]); the credential scope names the region that the client signed for.

use crate::domain::base::model::AccountId;

/// Prefix of a long-term access key id that names its account: `AKIASIM` + 12 digits + anything.
const LONG_TERM: &str = "AKIASIM";

/// Prefix of the access key id of an `AssumeRole` session.
const SESSION: &str = "ASIASIM";

/// What the credential scope of a signed request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CredentialScope {
    /// The access key id.
    pub key: String,
    /// The region the client signed for.
    pub region: String,
}

impl CredentialScope {
    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`; `None` when it
    /// is not of that form.
    pub(super) fn parse(authorization: &str) -> Option<Self> {
        let (algorithm, parameters) = authorization.split_once(' ')?;
        if !algorithm.starts_with("AWS4-") {
            return None;
        }
        let credential = parameters
            .split(',')
            .find_map(|parameter| parameter.trim().strip_prefix("Credential="))?;
        let fields: Vec<&str> = credential.split('/').collect();
        match fields.as_slice() {
            &[key, _date, region, _service, "aws4_request"] => {
                Some(Self { key: key.to_owned(), region: region.to_owned() })
            }
            _ => None,
        }
    }

    /// The account that the access key id names, if it does.
    pub(super) fn account(&self) -> Option<AccountId> {
        let rest = self.key.strip_prefix(LONG_TERM).or_else(|| self.key.strip_prefix(SESSION))?;
        rest.get(..12)?.parse().ok()
    }

    /// Whether the key is one that `AssumeRole` gave out.
    pub(super) fn is_session(&self) -> bool {
        self.key.starts_with(SESSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(key: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261101/eu-west-1/config/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=abc"
        )
    }

    #[test]
    fn the_access_key_names_the_account_and_the_scope_names_the_region() {
        for key in ["AKIASIM111111111111", "ASIASIM111111111111ABC9"] {
            let scope = CredentialScope::parse(&header(key)).unwrap();
            assert_eq!(scope.account(), Some("111111111111".parse().unwrap()));
            assert_eq!(scope.region, "eu-west-1");
            assert_eq!(scope.is_session(), key.starts_with("ASIA"));
        }
    }

    #[test]
    fn any_other_key_names_no_account() {
        for key in ["AKIAIOSFODNN7EXAMPLE", "AKIASIM", "AKIASIM11111111111x", ""] {
            assert_eq!(CredentialScope::parse(&header(key)).unwrap().account(), None, "{key}");
        }
    }

    #[test]
    fn what_is_not_a_signature_has_no_scope() {
        let truncated = "AWS4-HMAC-SHA256 Credential=AKIASIM111111111111/20261101/eu-west-1";
        for text in ["", "Bearer x", "AWS4-HMAC-SHA256", truncated] {
            assert_eq!(CredentialScope::parse(text), None, "{text:?}");
        }
    }
}
