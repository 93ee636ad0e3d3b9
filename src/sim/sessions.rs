//! Who is asking: identities, and sessions of assumed roles.

use std::collections::{BTreeMap, VecDeque};

use super::api::{ApiError, Caller, Operation, Service};
use super::setup::RoleSetup;
use crate::domain::base::model::AccountId;
use crate::sim::session::AssumedSession;

/// So many sessions are known at once: more than any client uses within a quarter of an hour.
const SESSIONS_MAX: usize = 10_000;

/// Roles and the sessions made of them, by access key id.
#[derive(Debug, Clone)]
pub(super) struct AssumedSessions {
    roles: Vec<RoleSetup>,
    by_key: BTreeMap<String, AssumedSession>,
    /// Their keys, the oldest first.
    keys: VecDeque<String>,
}

impl AssumedSessions {
    pub(super) fn new(roles: Vec<RoleSetup>) -> Self {
        Self { roles, by_key: BTreeMap::new(), keys: VecDeque::new() }
    }

    pub(super) fn find(&self, access_key_id: &str) -> Option<&AssumedSession> {
        self.by_key.get(access_key_id)
    }

    /// Remembers a session, and forgets the oldest of too many.
    pub(super) fn begin(&mut self, key: String, session: AssumedSession) {
        if self.keys.len() == SESSIONS_MAX
            && let Some(oldest) = self.keys.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.keys.push_back(key.clone());
        self.by_key.insert(key, session);
    }

    /// Puts this role in the place of the one of the same name for the same accounts.
    pub(super) fn set_role(&mut self, role: RoleSetup) {
        self.roles.retain(|one| (&one.name, one.account) != (&role.name, role.account));
        self.roles.push(role);
    }

    /// Whether this caller may assume this role: it exists there, trusts the caller, and the
    /// external id is the one it asks for. What is said of one account alone counts there.
    pub(super) fn trusts(
        &self,
        account: &AccountId,
        name: &str,
        caller: &Caller,
        id: Option<&str>,
    ) -> bool {
        let named = |role: &&RoleSetup| role.name == name;
        // A role that is set for one account takes precedence over one for all accounts, so that a
        // scenario can break a single member.
        let own = self.roles.iter().filter(named).find(|role| role.account == Some(*account));
        let everywhere = || self.roles.iter().filter(named).find(|role| role.account.is_none());
        own.or_else(everywhere).is_some_and(|role| {
            role.exists
                && role.trusted == caller.account
                && role.external_id.as_deref().is_none_or(|expected| Some(expected) == id)
        })
    }
}

/// Refuses what the caller's session policy does not allow. `GetCallerIdentity` needs no
/// permission.
pub(super) fn permit(caller: &Caller, operation: Operation) -> Result<(), ApiError> {
    let Some(AssumedSession { arn, policy: Some(policy), .. }) = &caller.session else {
        return Ok(());
    };
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
    // STS names this error `AccessDenied`, the JSON services `AccessDeniedException`.
    Err(match operation.service() {
        Service::Sts => ApiError::new("AccessDenied", message).with_status(403),
        Service::Config | Service::Organizations => ApiError::new("AccessDeniedException", message),
    })
}
