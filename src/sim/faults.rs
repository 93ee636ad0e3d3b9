//! Injected faults: which requests of clients go wrong, when and how.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::api::{Answer, ApiError, Breakage, Caller, Operation, Reply, Service};
use super::random::draw;
use super::refusals;
use crate::domain::base::model::{AccountId, Region, Timestamp};

/// Requests that go wrong. What is left out means any; the first rule that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FaultRule {
    /// Requests for this operation.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// Requests to this service.
    #[serde(default)]
    pub service: Option<Service>,
    /// Requests to this region; those to AWS Organizations count with the caller's.
    #[serde(default)]
    pub region: Option<Region>,
    /// Requests of this account.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// From then on.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Before then.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// So many fitting requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// So many requests go wrong; `None`: all.
    #[serde(default)]
    pub times: Option<u64>,
    /// How many of them, drawn by the world's seed; `None`: all.
    #[serde(default)]
    pub percent: Option<u8>,
    /// What goes wrong.
    pub effect: FaultEffect,
}

/// Before or after the world carried the request out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultStage {
    /// Nothing happened.
    #[default]
    Before,
    /// It happened; only the answer is lost.
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "snake_case")]
pub enum FaultEffect {
    /// `ThrottlingException`, in Organizations `TooManyRequestsException`.
    Throttled,
    /// 500 `InternalFailure`.
    InternalFailure {
        /// Before or after the effect.
        #[serde(default)]
        stage: FaultStage,
    },
    /// 503 `ServiceUnavailable`.
    Unavailable {
        /// Before or after the effect.
        #[serde(default)]
        stage: FaultStage,
        /// A load balancer's HTML page instead of JSON.
        #[serde(default)]
        html: bool,
    },
    /// The connection breaks.
    Reset {
        /// Before or after the effect.
        #[serde(default)]
        stage: FaultStage,
    },
    /// No answer ever comes.
    BlackHole {
        /// Before or after the effect.
        #[serde(default)]
        stage: FaultStage,
    },
    /// The world as it was so long ago; writes are not concerned.
    Stale {
        /// How long ago.
        #[serde(with = "humantime_serde")]
        by: Duration,
    },
    /// `ExpiredTokenException`, in STS `ExpiredToken`.
    ExpiredCredentials,
    /// `AccessDeniedException`, in STS `AccessDenied`.
    AccessDenied,
    /// As if the region were not enabled.
    RegionOff,
    /// `InvalidNextTokenException` for requests that carry a token.
    BadToken,
    /// The request is carried out; the body of the answer is no JSON.
    Malformed,
    /// The request is carried out; the answer breaks off in the middle.
    Truncated,
    /// Statuses that no client knows.
    UnknownStatus,
    /// A listing loses the second half of its page and all further pages, and says nothing of it.
    Short,
    /// A listing never ends: every page is the first and has a token.
    Endless {
        /// Whether it is the same token every time.
        #[serde(default)]
        same_token: bool,
    },
    /// Any API error, before the effect.
    Error {
        /// The exception.
        code: String,
        /// Its text.
        #[serde(default)]
        message: String,
        /// The text is repeated up to so many bytes.
        #[serde(default)]
        length: usize,
        /// HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
    },
}

fn bad_request() -> u16 {
    400
}

impl FaultRule {
    /// Every request goes wrong like this.
    pub fn always(effect: FaultEffect) -> Self {
        Self {
            operation: None,
            service: None,
            region: None,
            account: None,
            from: None,
            until: None,
            skip: 0,
            times: None,
            percent: None,
            effect,
        }
    }

    /// The same, for one operation.
    #[must_use]
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// The same, in one region.
    #[must_use]
    pub fn in_region(self, region: &Region) -> Self {
        Self { region: Some(region.clone()), ..self }
    }

    /// The same, within a window of time.
    #[must_use]
    pub fn between(self, from: Timestamp, until: Timestamp) -> Self {
        Self { from: Some(from), until: Some(until), ..self }
    }

    /// The same, for the next `times` fitting requests after `skip` others.
    #[must_use]
    pub fn nth(self, skip: u64, times: u64) -> Self {
        Self { skip, times: Some(times), ..self }
    }

    /// The same, for so many in a hundred.
    #[must_use]
    pub fn percent(self, percent: u8) -> Self {
        Self { percent: Some(percent), ..self }
    }
}

/// Names a rule, to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FaultId(pub u64);

#[derive(Debug, Clone)]
struct Armed {
    id: FaultId,
    rule: FaultRule,
    met: u64,
    struck: u64,
}

/// The rules in force.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    next: u64,
    rules: Vec<Armed>,
}

/// A request as the rules see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaultTarget<'a> {
    pub(super) operation: Operation,
    pub(super) caller: &'a Caller,
    pub(super) has_token: bool,
    pub(super) now: Timestamp,
    pub(super) seed: u64,
}

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) -> FaultId {
        self.next += 1;
        let id = FaultId(self.next);
        self.rules.push(Armed { id, rule, met: 0, struck: 0 });
        id
    }

    pub(super) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|armed| armed.id != id);
        self.rules.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Every rule with its name and how often it struck.
    pub fn iter(&self) -> impl Iterator<Item = (FaultId, &FaultRule, u64)> {
        self.rules.iter().map(|armed| (armed.id, &armed.rule, armed.struck))
    }

    /// What goes wrong with this request, if anything.
    pub(super) fn strike(&mut self, asked: FaultTarget<'_>) -> Option<FaultEffect> {
        let armed = self.rules.iter_mut().find_map(|armed| armed.meets(asked).then_some(armed))?;
        armed.struck += 1;
        Some(armed.rule.effect.clone())
    }
}

impl Armed {
    fn meets(&mut self, asked: FaultTarget<'_>) -> bool {
        let FaultTarget { operation, caller, has_token, now, seed } = asked;
        let rule = &self.rule;
        let needs_token = rule.effect == FaultEffect::BadToken;
        // These effects change an answer with entries, which a write does not have.
        let needs_read = matches!(
            rule.effect,
            FaultEffect::Stale { .. }
                | FaultEffect::UnknownStatus
                | FaultEffect::Short
                | FaultEffect::Endless { .. }
        );
        let applies = (has_token || !needs_token) && !(needs_read && operation.is_mutating());
        let fits = applies
            && rule.operation.is_none_or(|one| one == operation)
            && rule.service.is_none_or(|one| one == operation.service())
            && rule.region.as_ref().is_none_or(|one| *one == caller.region)
            && rule.account.as_ref().is_none_or(|one| *one == caller.account)
            && rule.from.is_none_or(|from| from <= now)
            && rule.until.is_none_or(|until| now < until);
        // Only requests that fit count for `skip`, `times` and `percent`: other traffic must not
        // change which request a rule strikes.
        if !fits {
            return false;
        }
        self.met += 1;
        let drawn = draw(seed, &["fault", operation.as_str()], self.id.0 << 32 | self.met) % 100;
        rule.skip < self.met
            && rule.times.is_none_or(|times| self.struck < times)
            && rule.percent.is_none_or(|percent| drawn < u64::from(percent))
    }
}

/// The reply to a request that the fault keeps from being carried out.
pub(super) fn before(effect: &FaultEffect, operation: Operation) -> Option<Reply> {
    let sts = operation.service() == Service::Sts;
    let stage_before =
        |stage: FaultStage, reply: Reply| (stage == FaultStage::Before).then_some(reply);
    match effect {
        // Each service has its own error for the same fault, so that clients meet the codes that
        // they meet with AWS.
        FaultEffect::Throttled => Some(Reply::Fault(match operation.service() {
            Service::Organizations => refusals::too_many_requests(),
            Service::Config | Service::Sts => refusals::throttled(),
        })),
        FaultEffect::InternalFailure { stage } => stage_before(*stage, internal_failure()),
        FaultEffect::Unavailable { stage, html } => stage_before(*stage, unavailable(*html)),
        FaultEffect::Reset { stage } => stage_before(*stage, Reply::Broken(Breakage::Reset)),
        FaultEffect::BlackHole { stage } => {
            stage_before(*stage, Reply::Broken(Breakage::BlackHole))
        }
        FaultEffect::ExpiredCredentials => {
            let code = if sts { "ExpiredToken" } else { "ExpiredTokenException" };
            let text = "The security token included in the request is expired";
            let status = if sts { 403 } else { 400 };
            Some(Reply::Fault(ApiError::new(code, text).with_status(status)))
        }
        FaultEffect::AccessDenied => Some(Reply::Fault(if sts {
            ApiError::new("AccessDenied", "Access denied").with_status(403)
        } else {
            refusals::access_denied()
        })),
        FaultEffect::RegionOff => Some(Reply::Fault(if sts {
            refusals::unknown_token_id()
        } else {
            refusals::unknown_client()
        })),
        FaultEffect::BadToken => Some(Reply::Fault(match operation.service() {
            Service::Organizations => refusals::input("INVALID_NEXT_TOKEN", "Invalid token."),
            Service::Config | Service::Sts => refusals::token(),
        })),
        FaultEffect::Error { code, message, length, status } => {
            let message = stretched(message, *length);
            Some(Reply::Fault(ApiError::new(code.clone(), message).with_status(*status)))
        }
        FaultEffect::Stale { .. }
        | FaultEffect::Malformed
        | FaultEffect::Truncated
        | FaultEffect::UnknownStatus
        | FaultEffect::Short
        | FaultEffect::Endless { .. } => None,
    }
}

/// The prefix of the tokens of endless listings.
const ENDLESS: &str = "endless-";

/// The reply to the `call`th request after it was carried out, changed by the fault.
pub(super) fn after(effect: &FaultEffect, reply: Reply, call: u64) -> Reply {
    match effect {
        FaultEffect::InternalFailure { .. } => internal_failure(),
        FaultEffect::Unavailable { html, .. } => unavailable(*html),
        FaultEffect::Reset { .. } => Reply::Broken(Breakage::Reset),
        FaultEffect::BlackHole { .. } => Reply::Broken(Breakage::BlackHole),
        FaultEffect::Malformed => Reply::Broken(Breakage::Malformed),
        // Only an answer can break off; an error stays an error.
        FaultEffect::Truncated => match reply {
            Reply::Answer(answer) => Reply::Broken(Breakage::Truncated(Box::new(answer))),
            Reply::Fault(_) | Reply::Broken(_) => reply,
        },
        FaultEffect::UnknownStatus => altered(reply, with_unknown_status),
        FaultEffect::Short => altered(reply, shortened),
        FaultEffect::Endless { same_token } => altered(reply, |answer| {
            if let Some(token) = answer.token_mut() {
                let number = if *same_token { 0 } else { call };
                *token = Some(format!("{ENDLESS}{number}"));
            }
        }),
        FaultEffect::Throttled
        | FaultEffect::Stale { .. }
        | FaultEffect::ExpiredCredentials
        | FaultEffect::AccessDenied
        | FaultEffect::RegionOff
        | FaultEffect::BadToken
        | FaultEffect::Error { .. } => reply,
    }
}

fn internal_failure() -> Reply {
    Reply::Fault(ApiError::new("InternalFailure", "Internal failure").with_status(500))
}

fn unavailable(html: bool) -> Reply {
    if html {
        return Reply::Broken(Breakage::UnavailableHtml);
    }
    Reply::Fault(ApiError::new("ServiceUnavailable", "Service unavailable").with_status(503))
}

fn stretched(message: &str, length: usize) -> String {
    if message.is_empty() {
        return "x".repeat(length);
    }
    let mut text = message.to_owned();
    while text.len() < length {
        text.push_str(message);
    }
    text
}

fn altered(reply: Reply, change: impl FnOnce(&mut Answer)) -> Reply {
    match reply {
        Reply::Answer(mut answer) => {
            change(&mut answer);
            Reply::Answer(answer)
        }
        Reply::Fault(_) | Reply::Broken(_) => reply,
    }
}

fn shortened(answer: &mut Answer) {
    fn halve<T>(entries: &mut Vec<T>) {
        entries.truncate(entries.len() / 2);
    }
    if let Answer::DescribeOrganizationConformancePacks(packs) = answer {
        halve(&mut packs.organization_conformance_packs);
    }
    if let Answer::DescribeOrganizationConformancePackStatuses(statuses) = answer {
        halve(&mut statuses.organization_conformance_pack_statuses);
    }
    if let Answer::GetOrganizationConformancePackDetailedStatus(detail) = answer {
        halve(&mut detail.organization_conformance_pack_detailed_statuses);
    }
    if let Answer::ListAccounts(list) = answer {
        halve(&mut list.accounts);
    }
    // Without a token the shortened list looks complete: the client cannot tell it from a whole
    // one.
    if let Some(token) = answer.token_mut() {
        *token = None;
    }
}

fn with_unknown_status(answer: &mut Answer) {
    const UNKNOWN: &str = "ROLLBACK_PENDING";
    if let Answer::DescribeOrganizationConformancePackStatuses(statuses) = answer {
        for one in &mut statuses.organization_conformance_pack_statuses {
            UNKNOWN.clone_into(&mut one.status);
        }
    }
    if let Answer::GetOrganizationConformancePackDetailedStatus(detail) = answer {
        for one in &mut detail.organization_conformance_pack_detailed_statuses {
            UNKNOWN.clone_into(&mut one.status);
        }
    }
    // Every enumeration of AWS that a client reads can grow, accounts included.
    if let Answer::ListAccounts(list) = answer {
        for one in &mut list.accounts {
            one.state = Some(UNKNOWN.to_owned());
        }
    }
}
