//! Problems while they are collected: one for each cause and severity.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::advice::{Affected, advice, owner};
use super::cause::ProblemCause;
use super::shown::{ExampleView, ProblemSeverity, ProblemView, Problems};
use super::told::words;
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::base::words::seconds_to;
use crate::domain::members::rollout::CappedMembers;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::TroubledMember;
use crate::domain::present::axes::HealthStatus;
use crate::domain::present::view::CurrentState;

/// Accounts that are named as examples of one problem.
const EXAMPLES_MAX: usize = 10;
/// Sentences that are kept of one problem.
const DETAILS_MAX: usize = 10;

/// What makes two findings the same problem.
pub(super) type ProblemKey = (ProblemSeverity, ProblemCause, Option<FailureClass>);

/// The place where an account has a problem.
pub(super) type MemberPlace<'a> = (&'a Region, Option<&'a PackName>, Option<&'a TroubledMember>);

/// One problem while it is collected.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    /// Members, each pack and region apart, those without a name included.
    pub(super) members: usize,
    /// Members that are known by name.
    pub(super) known: usize,
    /// The first place of each account.
    pub(super) accounts: BTreeMap<AccountId, MemberPlace<'a>>,
    /// The pack deployments that it is about.
    pub(super) places: BTreeSet<(&'a Region, &'a PackName)>,
    pub(super) regions: BTreeSet<&'a Region>,
    pub(super) details: BTreeSet<String>,
    /// The actions of AWS that the details name as denied.
    pub(super) actions: BTreeSet<String>,
    pub(super) deadline: Option<Timestamp>,
}

impl<'a> Draft<'a> {
    /// One more region.
    pub(super) fn region(&mut self, region: &'a Region) -> &mut Self {
        self.regions.insert(region);
        self
    }

    /// One more pack in a region.
    pub(super) fn pack(&mut self, region: &'a Region, pack: &'a PackName) -> &mut Self {
        self.places.insert((region, pack));
        self.region(region)
    }

    /// One more sentence.
    pub(super) fn say(&mut self, detail: impl Into<String>) -> &mut Self {
        let detail = detail.into();
        self.actions.extend(denied_action(&detail));
        if !detail.is_empty() && self.details.len() < DETAILS_MAX {
            self.details.insert(detail);
        }
        self
    }

    /// One more member that is known by name.
    pub(super) fn member(&mut self, account: AccountId, place: MemberPlace<'a>) -> &mut Self {
        self.members = self.members.saturating_add(1);
        self.known = self.known.saturating_add(1);
        self.accounts.entry(account).or_insert(place);
        let (region, pack, _) = place;
        self.places.extend(pack.map(|pack| (region, pack)));
        self.region(region)
    }

    /// More members of one pack, of which some are known by name.
    pub(super) fn capped(
        &mut self,
        (region, pack): (&'a Region, &'a PackName),
        members: &'a CappedMembers,
    ) {
        for member in &*members.kept {
            self.member(member.account, (region, Some(pack), Some(member)));
        }
        self.pack(region, pack);
        self.members = self.members.saturating_add(members.all.saturating_sub(members.kept.len()));
    }
}

/// All problems while they are collected.
#[derive(Debug, Default)]
pub(super) struct Drafts<'a>(BTreeMap<ProblemKey, Draft<'a>>);

impl<'a> Drafts<'a> {
    /// The problem with this cause.
    pub(super) fn of(&mut self, severity: ProblemSeverity, cause: ProblemCause) -> &mut Draft<'a> {
        self.0.entry((severity, cause, None)).or_default()
    }

    /// The problem with this cause, which has a failure of this class behind it.
    pub(super) fn classed(&mut self, key: ProblemKey) -> &mut Draft<'a> {
        self.0.entry(key).or_default()
    }

    /// The problems as they are shown.
    pub(super) fn finish(self, facts: &CurrentState) -> Problems {
        let mut accounts = BTreeSet::new();
        let mut places = BTreeSet::new();
        let mut unnamed = 0_usize;
        let mut all = Vec::new();
        for (key, draft) in self.0 {
            let problem = view(facts, key, &draft);
            if problem.action_required {
                let owned = |&(region, pack): &(&Region, &PackName)| (region.clone(), pack.clone());
                places.extend(draft.places.iter().map(owned));
                accounts.extend(draft.accounts.keys().copied());
                // Members that are only counted may be one account: at least one is affected.
                unnamed = unnamed.max(draft.members.saturating_sub(draft.known).min(1));
            }
            all.push(problem);
        }
        all.sort_by_key(|problem| {
            (Reverse(problem.severity), !problem.action_required, Reverse(problem.accounts))
        });
        let is_inactive =
            |id: &&AccountId| facts.account(**id).is_none_or(|account| !account.is_active());
        let inactive = accounts.iter().filter(is_inactive).count();
        Problems { all, accounts: accounts.len().max(unnamed), inactive, places }
    }
}

fn view(facts: &CurrentState, key: ProblemKey, draft: &Draft<'_>) -> ProblemView {
    let Draft { members, known, accounts, places, regions, details, actions, deadline } = draft;
    let (severity, cause, class) = key;
    let owner = owner(facts, cause, class);
    let action_required = severity > ProblemSeverity::Info && owner.is_person();
    let example = |(account, place): (&AccountId, &MemberPlace<'_>)| {
        let (region, pack, member) = *place;
        let (code, message) = member.map_or((None, None), words);
        ExampleView {
            account: *account,
            name: facts.name(*account),
            region: region.clone(),
            pack: pack.cloned(),
            code,
            message,
        }
    };
    let ids: Vec<AccountId> = accounts.keys().copied().collect();
    let affected = Affected { accounts: &ids, places, actions };
    ProblemView {
        severity,
        health: health(cause, severity, action_required),
        action_required,
        cause,
        class,
        owner,
        advice: advice(facts, (cause, class), &affected),
        deadline: *deadline,
        left_seconds: deadline.map(|at| seconds_to(facts.now, at)),
        accounts: accounts.len(),
        members: *members,
        truncated: known < members,
        packs: places.iter().map(|(_, pack)| (*pack).clone()).collect(),
        regions: regions.iter().copied().cloned().collect(),
        details: details.iter().cloned().collect(),
        examples: accounts.iter().take(EXAMPLES_MAX).map(example).collect(),
    }
}

/// The action that was denied: as AWS names it (`… to perform: config:Put…`), or else the operation
/// that failed.
fn denied_action(text: &str) -> Option<String> {
    if let Some((_, action)) = text.split_once("to perform: ") {
        let action = action.split_whitespace().next()?.trim_end_matches([',', ';', '.']);
        return action.contains(':').then(|| action.to_owned());
    }
    let (before, _) = text.split_once(" failed in ")?;
    let operation = before.split_whitespace().next_back()?;
    operation.starts_with(char::is_uppercase).then(|| operation.to_owned())
}

/// What a problem makes of the whole.
fn health(cause: ProblemCause, severity: ProblemSeverity, action_required: bool) -> HealthStatus {
    // Nothing can be said about what was not read or is not recognized.
    let is_unknown = matches!(
        cause,
        ProblemCause::NotReadYet
            | ProblemCause::Unread
            | ProblemCause::MembersUnread
            | ProblemCause::StatusUnknown
            | ProblemCause::NoActiveAccount
            | ProblemCause::AccountStateUnknown
    );
    if is_unknown {
        HealthStatus::Unknown
    } else if cause == ProblemCause::Suspended {
        HealthStatus::Suspended
    } else if action_required || severity > ProblemSeverity::Info {
        HealthStatus::Degraded
    } else {
        HealthStatus::Progressing
    }
}
