//! Who is asking: identities, and sessions of assumed roles.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use super::api::sts::{AssumeRole, AssumedRole, AssumedRoleUser, Credentials, Identity};
use super::api::{Caller, Fault, Operation, Service};
use super::random::{alphanumeric, draw};
use super::refusals::validation;
use super::setup::Role;
use super::timeline::after;
use super::world::World;
use crate::domain::base::model::{AccountId, AccountState, Timestamp};

/// How long a session lasts unless asked otherwise (STS API reference), seconds.
const DURATION_DEFAULT: i64 = 3600;

/// So many sessions are known at once: more than any client uses within a quarter of an hour.
const SESSIONS_MAX: usize = 10_000;

/// A session of an assumed role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The account it acts in.
    pub account: AccountId,
    /// Its principal's ARN.
    pub arn: String,
    /// When its keys end, on the world's clock. Faces check it: each has its own idea of time.
    pub expires: Timestamp,
    /// What it may do at most; whatever the role may when there is none.
    pub policy: Option<Policy>,
}

/// A session policy as far as the world enforces one: actions, not resources or conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl Policy {
    /// The policy in this text; `None` for one that is malformed.
    fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let (mut allowed, mut denied) = (Vec::new(), Vec::new());
        for statement in one_or_many(document.get("Statement")?) {
            let actions = one_or_many(statement.get("Action")?);
            let actions = actions.iter().map(|action| action.as_str().map(str::to_owned));
            let actions: Vec<String> = actions.collect::<Option<_>>()?;
            match statement.get("Effect")?.as_str()? {
                "Allow" => allowed.extend(actions),
                "Deny" => denied.extend(actions),
                _ => return None,
            }
        }
        Some(Self { allowed, denied })
    }

    fn allows(&self, action: &str) -> bool {
        let names = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => pattern == action,
        };
        self.allowed.iter().any(names) && !self.denied.iter().any(names)
    }
}

fn one_or_many(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// Roles and the sessions made of them, by access key id.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    roles: Vec<Role>,
    by_key: BTreeMap<String, Session>,
    /// Their keys, the oldest first.
    keys: VecDeque<String>,
}

impl Sessions {
    pub(super) fn new(roles: Vec<Role>) -> Self {
        Self { roles, by_key: BTreeMap::new(), keys: VecDeque::new() }
    }

    pub(super) fn find(&self, access_key_id: &str) -> Option<&Session> {
        self.by_key.get(access_key_id)
    }

    /// Remembers a session, and forgets the oldest of too many.
    fn begin(&mut self, key: String, session: Session) {
        if self.keys.len() == SESSIONS_MAX
            && let Some(oldest) = self.keys.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.keys.push_back(key.clone());
        self.by_key.insert(key, session);
    }

    /// Puts this role in the place of the one of the same name for the same accounts.
    pub(super) fn set_role(&mut self, role: Role) {
        self.roles.retain(|one| (&one.name, one.account) != (&role.name, role.account));
        self.roles.push(role);
    }

    /// Whether this caller may assume this role: it exists there, trusts the caller, and the
    /// external id is the one it asks for. What is said of one account alone counts there.
    fn trusts(&self, account: &AccountId, name: &str, caller: &Caller, id: Option<&str>) -> bool {
        let named = |role: &&Role| role.name == name;
        let own = self.roles.iter().filter(named).find(|role| role.account == Some(*account));
        let everywhere = || self.roles.iter().filter(named).find(|role| role.account.is_none());
        own.or_else(everywhere).is_some_and(|role| {
            role.exists
                && role.trusted == caller.account
                && role.external_id.as_deref().is_none_or(|wanted| Some(wanted) == id)
        })
    }
}

impl World {
    pub(super) fn identify(&self, caller: &Caller) -> Identity {
        let Caller { account, session, .. } = caller;
        let drawn = draw(self.seed, &["user", account.as_str()], 0);
        let id = alphanumeric(drawn, 17).to_ascii_uppercase();
        match session {
            Some(Session { arn, .. }) => {
                let name = arn.rsplit('/').next().unwrap_or_default();
                Identity {
                    arn: arn.clone(),
                    user_id: format!("AROA{id}:{name}"),
                    account: account.to_string(),
                }
            }
            None => Identity {
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
    ) -> Result<AssumedRole, Fault> {
        let (role_arn, session_name, duration) = checked(assume)?;
        let (account, role) = parse(role_arn).ok_or_else(|| denied(caller, role_arn))?;
        let external_id = assume.external_id.as_deref();
        let open = self.members.find(&account).is_some_and(|member| {
            member.stay(self.moment()).is_some()
                && *member.state.at(self.moment()) == AccountState::Active
        });
        if !open || !self.sessions.trusts(&account, role, caller, external_id) {
            return Err(denied(caller, role_arn));
        }
        let policy = match assume.policy.as_deref() {
            Some(text) => Some(Policy::parse(text).ok_or_else(malformed_policy)?),
            None => None,
        };
        let drawn = draw(self.seed, &["session", account.as_str()], self.call_number());
        let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{session_name}");
        let expires = after(self.moment(), duration);
        let access_key_id =
            format!("ASIASIM{account}{}", alphanumeric(drawn, 8).to_ascii_uppercase());
        let role_id = alphanumeric(draw(self.seed, &["role", role], 0), 17).to_ascii_uppercase();
        let session = Session { account, arn: arn.clone(), expires, policy };
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

/// Refuses what the caller's session does not allow; who it is, everybody may ask.
pub(super) fn permit(caller: &Caller, operation: Operation) -> Result<(), Fault> {
    let Some(Session { arn, policy: Some(policy), .. }) = &caller.session else { return Ok(()) };
    let service = match operation.service() {
        Service::Config => "config",
        Service::Organizations => "organizations",
        Service::Sts => "sts",
    };
    let action = format!("{service}:{operation}");
    if operation == Operation::GetCallerIdentity || policy.allows(&action) {
        return Ok(());
    }
    let message = format!(
        "User: {arn} is not authorized to perform: {action} because no session policy allows the \
         {action} action"
    );
    Err(match operation.service() {
        Service::Sts => Fault::new("AccessDenied", message).with_status(403),
        Service::Config | Service::Organizations => Fault::new("AccessDeniedException", message),
    })
}

fn malformed_policy() -> Fault {
    Fault::new("MalformedPolicyDocument", "Syntax errors in policy.")
}

fn checked(assume: &AssumeRole) -> Result<(&str, &str, Duration), Fault> {
    let sts = |fault: Fault| Fault { code: "ValidationError".to_owned(), ..fault };
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

fn denied(caller: &Caller, role_arn: &str) -> Fault {
    let account = &caller.account;
    let message = format!(
        "User: arn:aws:iam::{account}:user/simulated is not authorized to perform: \
         sts:AssumeRole on resource: {role_arn}"
    );
    Fault::new("AccessDenied", message).with_status(403)
}
