//! Shapes of STS. The query protocol sends text; numbers are parsed by the face.

use serde::{Deserialize, Serialize};

use crate::domain::base::model::Timestamp;

/// Answer of `GetCallerIdentity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IdentityShape {
    /// Who.
    pub arn: String,
    /// The unique id of who.
    pub user_id: String,
    /// The account.
    pub account: String,
}

/// `AssumeRole`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AssumeRole {
    /// Which role.
    pub role_arn: Option<String>,
    /// The name of the session.
    pub role_session_name: Option<String>,
    /// How long it lasts, seconds; 3600 when left out.
    pub duration_seconds: Option<i64>,
    /// The shared id of the trust policy.
    pub external_id: Option<String>,
    /// A session policy; its actions are enforced, its resources and conditions are not.
    pub policy: Option<String>,
}

/// Answer of `AssumeRole`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRole {
    /// The keys.
    pub credentials: Credentials,
    /// Who they are for.
    pub assumed_role_user: AssumedRoleUser,
}

/// Keys of a session; the world remembers them (`World::session`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    /// `ASIASIM`, the 12 digits of the account, 8 more characters.
    pub access_key_id: String,
    /// The secret; never checked.
    pub secret_access_key: String,
    /// The token.
    pub session_token: String,
    /// When they end, on the world's clock.
    pub expiration: Timestamp,
}

/// The session's principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRoleUser {
    /// Its unique id.
    pub assumed_role_id: String,
    /// Its ARN.
    pub arn: String,
}
