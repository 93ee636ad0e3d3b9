//! `AssumeRole` and `GetCallerIdentity` as the world answers them.

use std::time::Duration;

use crate::domain::base::model::{AccountId, AccountState};
use crate::sim::api::sts::{AssumeRole, AssumedRole, AssumedRoleUser, Credentials, IdentityShape};
use crate::sim::api::{ApiError, Caller};
use crate::sim::random::{alphanumeric, draw};
use crate::sim::refusals::validation;
use crate::sim::session::{AssumedSession, SessionPolicy};
use crate::sim::timeline::after;
use crate::sim::world::World;

/// How long a session lasts unless asked otherwise (STS API reference), seconds.
const DURATION_DEFAULT: i64 = 3600;

impl World {
    pub(super) fn identify(&self, caller: &Caller) -> IdentityShape {
        let Caller { account, session, .. } = caller;
        let drawn = draw(self.seed, &["user", account.as_str()], 0);
        let id = alphanumeric(drawn, 17).to_ascii_uppercase();
        match session {
            Some(AssumedSession { arn, .. }) => {
                let name = arn.rsplit('/').next().unwrap_or_default();
                IdentityShape {
                    arn: arn.clone(),
                    user_id: format!("AROA{id}:{name}"),
                    account: account.to_string(),
                }
            }
            None => IdentityShape {
                arn: format!("arn:aws:iam::{account}:user/simulated"),
                user_id: format!("AIDA{id}"),
                account: account.to_string(),
            },
        }
    }

    pub(super) fn assume_role(
        &mut self,
        caller: &Caller,
        assume: &AssumeRole,
    ) -> Result<AssumedRole, ApiError> {
        let (role_arn, session_name, duration) = checked(assume)?;
        let (account, role) = parse(role_arn).ok_or_else(|| denied(caller, role_arn))?;
        let external_id = assume.external_id.as_deref();
        let open = self.members.find(&account).is_some_and(|member| {
            member.stay(self.moment()).is_some()
                && *member.state.at(self.moment()) == AccountState::Active
        });
        // AWS gives one answer for a missing role, a missing trust and a closed account, so that a
        // caller cannot find out which accounts and roles exist.
        if !open || !self.sessions.trusts(&account, role, caller, external_id) {
            return Err(denied(caller, role_arn));
        }
        let policy = match assume.policy.as_deref() {
            Some(text) => Some(SessionPolicy::parse(text).ok_or_else(malformed_policy)?),
            None => None,
        };
        let drawn = draw(self.seed, &["session", account.as_str()], self.call_number());
        let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{session_name}");
        let expires = after(self.moment(), duration);
        let access_key_id =
            format!("ASIASIM{account}{}", alphanumeric(drawn, 8).to_ascii_uppercase());
        let role_id = alphanumeric(draw(self.seed, &["role", role], 0), 17).to_ascii_uppercase();
        let session = AssumedSession { account, arn: arn.clone(), expires, policy };
        self.sessions.begin(access_key_id.clone(), session);
        Ok(AssumedRole {
            credentials: Credentials {
                access_key_id,
                secret_access_key: alphanumeric(drawn.rotate_left(7), 40),
                session_token: alphanumeric(drawn.rotate_left(21), 120),
                expiration: expires,
            },
            assumed_role_user: AssumedRoleUser {
                assumed_role_id: format!("AROA{role_id}:{session_name}"),
                arn,
            },
        })
    }
}

fn checked(assume: &AssumeRole) -> Result<(&str, &str, Duration), ApiError> {
    // STS names its validation errors `ValidationError`, other services `ValidationException`.
    let sts = |fault: ApiError| ApiError { code: "ValidationError".to_owned(), ..fault };
    let role_arn = assume.role_arn.as_deref();
    let role_arn = role_arn.ok_or_else(|| sts(validation(None, "roleArn", "not be null")))?;
    if !(20..=2048).contains(&role_arn.len()) {
        let constraint = "have length between 20 and 2048";
        return Err(sts(validation(Some(role_arn), "roleArn", constraint)));
    }
    let name = assume.role_session_name.as_deref();
    let name = name.ok_or_else(|| sts(validation(None, "roleSessionName", "not be null")))?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(letter) {
        let pattern = "satisfy regular expression pattern: [\\w+=,.@-]*";
        return Err(sts(validation(Some(name), "roleSessionName", pattern)));
    }
    let seconds = assume.duration_seconds.unwrap_or(DURATION_DEFAULT);
    if let Ok(whole @ 900..=43_200) = u64::try_from(seconds) {
        return Ok((role_arn, name, Duration::from_secs(whole)));
    }
    let constraint = "have value between 900 and 43200";
    Err(sts(validation(Some(&seconds.to_string()), "durationSeconds", constraint)))
}

/// Account and name of `arn:aws:iam::<account>:role/<path/name>`.
fn parse(arn: &str) -> Option<(AccountId, &str)> {
    let (account, role) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    Some((account.parse().ok()?, role.rsplit('/').next()?))
}

fn denied(caller: &Caller, role_arn: &str) -> ApiError {
    let account = &caller.account;
    let message = format!(
        "User: arn:aws:iam::{account}:user/simulated is not authorized to perform: \
         sts:AssumeRole on resource: {role_arn}"
    );
    ApiError::new("AccessDenied", message).with_status(403)
}

fn malformed_policy() -> ApiError {
    ApiError::new("MalformedPolicyDocument", "Syntax errors in policy.")
}
