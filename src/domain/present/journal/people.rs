//! The members of the organization, and the progress of new accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::note::{Note, subject};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::base::words::many;
use crate::domain::members::new_account;
use crate::domain::members::new_account::{NewAccount, NewAccountPhase};
use crate::domain::organization::account_list::{Account, AccountList};
use crate::domain::organization::membership::Membership;
use crate::domain::plan::event::{EventKind, Weight};
use crate::domain::present::view::CurrentState;

/// The state of accounts that was last noted.
#[derive(Debug, Default)]
pub(super) struct ReportedAccounts {
    list: Option<Arc<AccountList>>,
    problem: Option<FailureKind>,
    shrink: Option<(usize, usize)>,
    new_accounts: BTreeMap<AccountId, (Timestamp, NewAccountProgress)>,
}

/// How a new account gets on: the more urgent, the later here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NewAccountProgress {
    Converged,
    Deploying,
    Waiting,
    Near,
    Imminent,
    Late,
    Missed,
}

impl ReportedAccounts {
    /// What is new of the organization and its new accounts.
    pub(super) fn update(&mut self, facts: &CurrentState) -> Vec<Note> {
        let mut notes = self.trust(&facts.membership);
        notes.extend(self.members(&facts.membership));
        notes.extend(self.rollouts(facts));
        notes
    }

    /// Whether the account list is current.
    fn trust(&mut self, membership: &Membership) -> Vec<Note> {
        let note = |weight, text: String| Note::new(EventKind::Organization, weight, text);
        let mut notes = Vec::new();
        // Problems are compared by kind, since their texts name requests and differ each time.
        let kind = membership.problem.as_ref().map(|problem| problem.kind);
        let before = std::mem::replace(&mut self.problem, kind);
        match &membership.problem {
            Some(problem) if before != kind => {
                let why = &problem.why;
                let text = format!(
                    "the account list cannot be read, the last one stays in \
                    force: {why}"
                );
                notes.push(note(Weight::Warning, text));
            }
            None if before.is_some() => {
                notes.push(note(Weight::Normal, "the account list can be read again".to_owned()));
            }
            Some(_) | None => {}
        }
        let counts = membership.shrink.as_ref().map(|shrink| (shrink.before, shrink.after));
        let before = std::mem::replace(&mut self.shrink, counts);
        match &membership.shrink {
            Some(shrink) if before != counts => {
                let (from, to) = (shrink.before, shrink.after);
                let text = format!(
                    "the account list shrank from {from} to {to} active accounts: it takes \
                     effect when a second reading confirms it, or with an approval with \
                     `accountList: {to}`"
                );
                notes.push(note(Weight::Critical, text));
            }
            None if before.is_some() => {
                notes.push(note(Weight::Normal, "the account list is current again".into()));
            }
            Some(_) | None => {}
        }
        notes
    }

    /// The accounts that joined, left, or changed their state.
    fn members(&mut self, membership: &Membership) -> Vec<Note> {
        let Some(list) = &membership.list else { return Vec::new() };
        let Some(before) = self.list.replace(Arc::clone(list)) else {
            let (all, active) = (many(list.accounts.len(), "account"), list.active().count());
            let text = format!("the account list was read: {all}, {active} of them active");
            return vec![Note::new(EventKind::Organization, Weight::Normal, text)];
        };
        if Arc::ptr_eq(&before, list) {
            return Vec::new();
        }
        // An account that left and joined again between two walks has another join time.
        let joined = list.accounts.values().filter(|account| {
            before.accounts.get(&account.id).is_none_or(|old| old.joined != account.joined)
        });
        let left = before.accounts.values().filter(|old| !list.accounts.contains_key(&old.id));
        let mut states: BTreeMap<&str, Vec<&Account>> = BTreeMap::new();
        for account in list.accounts.values() {
            let old = before.accounts.get(&account.id);
            if old.is_some_and(|old| old.state != account.state && old.joined == account.joined) {
                let state = account.state.map_or("in an unknown state", |it| it.as_str());
                states.entry(state).or_default().push(account);
            }
        }
        let states = states.into_iter().map(|(state, accounts)| (format!("now {state}"), accounts));
        [("joined".to_owned(), joined.collect()), ("left".to_owned(), left.collect())]
            .into_iter()
            .chain(states)
            .filter_map(|(what, accounts): (String, Vec<&Account>)| {
                let ids: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
                let names: Vec<String> = accounts.into_iter().map(called).collect();
                let text = format!("{} {what}", subject("account", &names));
                (!ids.is_empty())
                    .then(|| about(&ids, Note::new(EventKind::Organization, Weight::Normal, text)))
            })
            .collect()
    }

    /// The progress of new accounts, each by its worst region; accounts with the same news share a
    /// note.
    fn rollouts(&mut self, facts: &CurrentState) -> Vec<Note> {
        let mut now: BTreeMap<AccountId, (Timestamp, NewAccountProgress)> = BTreeMap::new();
        let mut deadlines: BTreeMap<AccountId, Timestamp> = BTreeMap::new();
        for new_account in facts.reports.values().flat_map(|report| &report.tracking.new_accounts) {
            let stands = (new_account.joined, progress(new_account, facts.now));
            let worst = now.entry(new_account.account).or_insert(stands);
            // A region that does not know of a re-join yet uses the old deadline.
            *worst = (*worst).max(stands);
            deadlines.insert(new_account.account, new_account.deadline);
        }
        let before = std::mem::replace(&mut self.new_accounts, now);
        let mut news: BTreeMap<NewAccountProgress, Vec<AccountId>> = BTreeMap::new();
        for (account, stands) in &self.new_accounts {
            let is_news = match before.get(account) {
                Some(told) => told != stands,
                None => stands.1 != NewAccountProgress::Converged,
            };
            if is_news {
                news.entry(stands.1).or_default().push(*account);
            }
        }
        let list = facts.membership.list.as_deref();
        let notes = news.into_iter().map(|(course, ids)| {
            let known = |id: &AccountId| list.and_then(|list| list.accounts.get(id));
            let names = ids.iter().map(|id| known(id).map_or_else(|| id.to_string(), called));
            let names: Vec<String> = names.collect();
            let until = ids.iter().filter_map(|id| deadlines.get(id)).min();
            let until = until.filter(|_| course.has_time());
            let until = until.map_or(String::new(), |until| format!("; AWS retries until {until}"));
            let text = format!("{}: {}{until}", subject("account", &names), course.words());
            about(&ids, Note::new(EventKind::NewAccount, course.weight(), text))
        });
        notes.collect()
    }
}

impl NewAccountProgress {
    fn words(self) -> &'static str {
        match self {
            Self::Converged => "every pack is deployed",
            Self::Deploying => "AWS deploys",
            Self::Waiting => "new, no recorder is known yet",
            Self::Near => "packs are still missing, less than 3 hours left",
            Self::Imminent => "packs are still missing, less than an hour left",
            Self::Late => "the recorder was created after the deadline: a redeployment follows",
            Self::Missed => "no recorder within 7 hours: AWS stopped retrying",
        }
    }

    fn weight(self) -> Weight {
        match self {
            Self::Converged | Self::Deploying | Self::Waiting => Weight::Normal,
            Self::Near | Self::Late => Weight::Warning,
            Self::Imminent | Self::Missed => Weight::Critical,
        }
    }

    /// Whether AWS still tries.
    fn has_time(self) -> bool {
        match self {
            Self::Waiting | Self::Near | Self::Imminent => true,
            Self::Converged | Self::Deploying | Self::Late | Self::Missed => false,
        }
    }
}

fn progress(new_account: &NewAccount, now: Timestamp) -> NewAccountProgress {
    match (new_account.phase, new_account::warning(new_account, now)) {
        (NewAccountPhase::Missed, _) => NewAccountProgress::Missed,
        (NewAccountPhase::Late, _) => NewAccountProgress::Late,
        (NewAccountPhase::Complete, _) => NewAccountProgress::Converged,
        (
            NewAccountPhase::Waiting | NewAccountPhase::Deploying,
            Some(new_account::Warning::Imminent),
        ) => NewAccountProgress::Imminent,
        (
            NewAccountPhase::Waiting | NewAccountPhase::Deploying,
            Some(new_account::Warning::Near),
        ) => NewAccountProgress::Near,
        (NewAccountPhase::Waiting, _) => NewAccountProgress::Waiting,
        (NewAccountPhase::Deploying, _) => NewAccountProgress::Deploying,
    }
}

fn called(account: &Account) -> String {
    if account.name.is_empty() {
        account.id.to_string()
    } else {
        format!("{} ({})", account.name, account.id)
    }
}

/// About these accounts: named by the event itself if it is one.
fn about(ids: &[AccountId], note: Note) -> Note {
    match ids {
        [id] => Note { account: Some(*id), ..note },
        _ => note,
    }
}
