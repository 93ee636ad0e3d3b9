//! The identity after `AssumeRole`, and its remaining permissions.

use serde_json::Value;

use crate::domain::base::model::{AccountId, Timestamp};

/// A session of an assumed role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedSession {
    /// The account it acts in.
    pub account: AccountId,
    /// Its principal's ARN.
    pub arn: String,
    /// When its keys end, on the world's clock. Faces check it: each has its own idea of time.
    pub expires: Timestamp,
    /// What it may do at most; whatever the role may when there is none.
    pub policy: Option<SessionPolicy>,
}

/// A session policy as far as the world enforces one: actions, not resources or conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPolicy {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl SessionPolicy {
    /// The policy in this text; `None` for one that is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
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

    pub(super) fn allows(&self, action: &str) -> bool {
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
