//! What the demo prints: each change as a line, and the status when all is calm.
//!
//! It knows what the daemon knows, and nothing of the simulated world behind it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::terminal::{paint, stream};
use crate::clock::Clock;
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::plan::hold::{Hold, HoldReason, Lift};
use crate::domain::plan::outcome::Outcome;
use crate::domain::plan::step::{Action, PlanStep, Redeployed};
use crate::domain::present::report::{PackReport, RegionReport, SyncReason};
use crate::domain::present::view::new_accounts::NewAccountView;
use crate::domain::present::view::problem::ProblemView;
use crate::domain::present::view::problem::cause::ProblemCause;
use crate::domain::present::view::status::status;
use crate::domain::present::view::text::person;
use crate::domain::present::view::{CurrentState, ListPage, new_accounts, text};
use crate::text::{self as texts, Layout};

/// The most new accounts that are narrated.
const NEW_ACCOUNTS: ListPage = ListPage { number: 1, limit: ListPage::LIMIT_MAX };

/// Tells a person what happens.
pub(super) struct Narrator {
    clock: Clock,
    started: Timestamp,
    has_colour: bool,
    /// What to try, printed the first time that the simulation comes to rest.
    suggestions: Option<String>,
    reconciliations: BTreeMap<Region, u64>,
    /// The last fact about each pack of each region, and about the region itself.
    known: BTreeMap<(Region, Option<String>), String>,
    phases: BTreeMap<(AccountId, Region), NewAccountPhase>,
    redeployed: BTreeSet<AccountId>,
    troubled: BTreeSet<(ProblemCause, AccountId)>,
    /// What has happened since something was printed, oldest first.
    pending: Vec<StoryChange>,
    regions: usize,
    calm: bool,
}

/// A change that was not printed yet.
struct StoryChange {
    at: Timestamp,
    region: Region,
    /// The pack of which it is a state, which a later change of the pack replaces.
    pack: Option<String>,
    sign: char,
    text: String,
}

/// What is known of a region, or of a pack in it.
struct StoryFact {
    pack: Option<String>,
    sign: char,
    text: String,
    /// Whether it is worth a line.
    is_news: bool,
}

impl Narrator {
    /// A narrator that has said nothing yet.
    pub(super) fn new(clock: Clock, suggestions: Option<String>) -> Self {
        Self {
            started: clock.now(),
            clock,
            has_colour: paint::stdout_has_colour(),
            suggestions,
            reconciliations: BTreeMap::new(),
            known: BTreeMap::new(),
            phases: BTreeMap::new(),
            redeployed: BTreeSet::new(),
            troubled: BTreeSet::new(),
            pending: Vec::new(),
            regions: 0,
            calm: false,
        }
    }

    /// Collects what is new; returns whether neither conformd nor AWS will do anything more by
    /// itself.
    pub(super) fn narrate(&mut self, facts: &CurrentState) -> std::io::Result<bool> {
        self.regions = facts.about.regions.len();
        for (region, report) in &facts.reports {
            if self.reconciliations.insert(region.clone(), report.reconciliation)
                != Some(report.reconciliation)
            {
                self.narrate_steps(region, report, facts);
            }
            self.narrate_region(region, report);
        }
        let view = status(facts);
        let new = new_accounts::page(facts, None, NEW_ACCOUNTS).accounts;
        self.narrate_new_accounts(&new);
        self.narrate_problems(&view.problems);
        let is_calm = facts.reports.len() == facts.about.regions.len()
            && facts.reports.values().all(|report| is_calm(report));
        // The status is printed once each time the simulation comes to rest, not at every report
        // after it.
        if is_calm && !self.calm {
            self.tell()?;
            let page = texts::status(&view, Layout::default());
            stream(&format!(
                "\n[{}] AWS and conformd have nothing left to do by themselves; `conformd \
                 status` prints:\n\n{}\n{}",
                self.since(self.clock.now()),
                paint::plan(&page, self.has_colour),
                self.suggestions.take().unwrap_or_default(),
            ))?;
        }
        self.calm = is_calm;
        Ok(is_calm)
    }

    /// Prints what was collected; regions and packs with the same news share a line.
    pub(super) fn tell(&mut self) -> std::io::Result<()> {
        let mut said: Vec<(Timestamp, char, String)> = Vec::new();
        let mut packs: BTreeMap<(char, String), BTreeMap<String, BTreeSet<Region>>> =
            BTreeMap::new();
        for StoryChange { at, region, pack, sign, text } in std::mem::take(&mut self.pending) {
            if !said.iter().any(|(_, before, known)| *before == sign && *known == text) {
                said.push((at, sign, text.clone()));
            }
            let regions = packs.entry((sign, text)).or_default();
            regions.entry(pack.unwrap_or_default()).or_default().insert(region);
        }
        for (at, sign, text) in said {
            let mut lines: BTreeMap<BTreeSet<Region>, Vec<String>> = BTreeMap::new();
            for (pack, regions) in packs.remove(&(sign, text.clone())).unwrap_or_default() {
                lines.entry(regions).or_default().push(pack);
            }
            for (regions, packs) in lines {
                let about = packs.join(", ");
                let about = if about.is_empty() { about } else { format!("{about}: ") };
                let line =
                    format!("[{}] {} {sign} {about}{text}\n", self.since(at), self.place(&regions));
                stream(&paint::line(&line, Some(sign), self.has_colour))?;
            }
        }
        Ok(())
    }

    /// The regions of a line.
    fn place(&self, regions: &BTreeSet<Region>) -> String {
        if regions.len() == self.regions && self.regions > 1 {
            return "all regions".to_owned();
        }
        regions.iter().map(Region::as_str).collect::<Vec<_>>().join(",")
    }

    /// Keeps a change for the next line.
    fn say(&mut self, region: &Region, pack: Option<String>, sign: char, text: String) {
        let change = StoryChange { at: self.clock.now(), region: region.clone(), pack, sign, text };
        self.pending.push(change);
    }

    /// Forgets what was collected about the state of a pack: something newer is known.
    fn forget(&mut self, region: &Region, pack: &str) {
        self.pending
            .retain(|change| change.region != *region || change.pack.as_deref() != Some(pack));
    }

    fn narrate_steps(&mut self, region: &Region, report: &RegionReport, facts: &CurrentState) {
        for Outcome { step, result: ending } in &report.outcomes {
            let end = ending.headline();
            let sign = match step.action {
                Action::Create(_) => '+',
                Action::Adopt(_) | Action::Update(_) | Action::Redeploy(_) => '~',
                Action::Delete => '-',
            };
            let whom = match step.reason.redeployed() {
                Some(Redeployed { accounts, seen: _ }) => {
                    self.redeployed.extend(accounts);
                    let names = accounts.iter().map(|id| name(*id, facts.name(*id)));
                    format!(" of {}", names.collect::<Vec<_>>().join(", "))
                }
                None => String::new(),
            };
            let what = format!("{} {}{whom}: {end}", step.pack, step.action.kind());
            // What was known of the pack before its step is stale news.
            self.forget(region, step.pack.as_str());
            self.say(region, None, sign, what);
        }
    }

    fn narrate_region(&mut self, region: &Region, report: &RegionReport) {
        for StoryFact { pack, sign, text, is_news } in self.facts(report) {
            let key = (region.clone(), pack.clone());
            let has_step = report
                .outcomes
                .iter()
                .any(|outcome| Some(outcome.step.pack.as_str()) == pack.as_deref());
            if has_step || self.known.get(&key) == Some(&text) {
                continue;
            }
            let before = self.known.insert(key, text.clone());
            if let Some(pack) = &pack {
                self.forget(region, pack);
            }
            // That a region can be read is news only after it could not.
            if is_news && (pack.is_some() || sign != ' ' || before.is_some()) {
                self.say(region, pack, sign, text);
            }
        }
    }

    /// The facts about a region and its packs.
    fn facts(&self, report: &RegionReport) -> Vec<StoryFact> {
        let about_region = |sign, text| StoryFact { pack: None, sign, text, is_news: true };
        // Packs of an unknown region keep their last state, which must not be printed as news.
        if let Some(unknown) = &report.unknown {
            let text = format!("cannot be read ({}): conformd plans nothing there", unknown.kind);
            return vec![about_region('?', text)];
        }
        let mut facts = vec![match &report.pending {
            Some(pending) => {
                about_region('!', format!("waiting for approval: {}", pending.summary()))
            }
            None => about_region(' ', "can be read, and no loss waits for approval".to_owned()),
        }];
        for (name, pack) in &report.packs {
            let mut holds = report.plan.holds.iter();
            let hold = holds.find(|hold| hold.pack.as_ref() == Some(name) && is_worth_a_line(hold));
            let rollout = report.tracking.packs.get(name);
            let fact = match (hold, rollout) {
                (Some(hold), _) => {
                    let sign = match hold.why.lift() {
                        Lift::Person => '!',
                        Lift::Time | Lift::Purpose => '=',
                    };
                    Some((sign, self.held(hold), true))
                }
                // The step began the rollout, and failing accounts have lines of their own.
                (None, Some(rollout)) => rollout.headline().map(|text| {
                    let is_news = !matches!(
                        rollout.health,
                        RolloutHealth::Progressing | RolloutHealth::Degraded
                    );
                    (' ', text, is_news)
                }),
                (None, None) => state(pack).map(|text| (' ', text, true)),
            };
            facts.extend(fact.map(|(sign, text, is_news)| StoryFact {
                pack: Some(name.to_string()),
                sign,
                text,
                is_news,
            }));
        }
        facts
    }

    /// Why a step does not happen now.
    fn held(&self, hold: &Hold) -> String {
        let is_redeployment =
            hold.step.as_deref().is_some_and(|step| step.reason.redeployed().is_some());
        let what = if is_redeployment { "redeployment held" } else { "held" };
        let until = hold.until.map(|until| format!(" (until {})", self.since(until)));
        format!("{what}: {}{}", hold.why, until.unwrap_or_default())
    }

    fn narrate_new_accounts(&mut self, new: &[NewAccountView]) {
        for account in new {
            let mut news: BTreeMap<NewAccountPhase, Vec<&Region>> = BTreeMap::new();
            for (region, place) in &account.regions {
                let before = self.phases.insert((account.account, region.clone()), place.phase);
                // An account that is complete at its first observation is not news.
                if before != Some(place.phase) && (before.is_some() || !place.phase.is_settled()) {
                    news.entry(place.phase).or_default().push(region);
                }
            }
            for (phase, regions) in news {
                let Some((sign, text)) = self.progress(phase, account) else { continue };
                let who = name(account.account, account.name.clone());
                for region in regions {
                    self.say(region, None, sign, format!("{who} {text}"));
                }
            }
        }
    }

    /// The progress of a new account; `None` while it is not known whether AWS has stopped
    /// retrying.
    fn progress(&self, phase: NewAccountPhase, account: &NewAccountView) -> Option<(char, String)> {
        let (is_over, left) = (account.left_seconds < 0, text::left(account.left_seconds));
        // After the deadline a phase means something else: AWS works on the account only if
        // conformd redeployed to it.
        let is_redeployed = self.redeployed.contains(&account.account);
        Some(match phase {
            NewAccountPhase::Waiting | NewAccountPhase::Deploying if is_over && !is_redeployed => {
                return None;
            }
            NewAccountPhase::Waiting => {
                let deadline = self.since(account.deadline);
                ('~', format!("waits for a recorder: AWS retries until {deadline}, {left}"))
            }
            NewAccountPhase::Deploying if is_over => {
                ('~', "is being redeployed: AWS deploys again".to_owned())
            }
            NewAccountPhase::Deploying => {
                ('~', format!("has a recorder: AWS deploys to it, {left}"))
            }
            NewAccountPhase::Late => {
                ('~', "got a recorder after the deadline: a redeployment follows".to_owned())
            }
            NewAccountPhase::Missed => {
                ('!', "got no recorder within 7 hours: AWS stopped retrying".to_owned())
            }
            NewAccountPhase::Complete if is_over && is_redeployed => {
                (' ', "has every pack after the redeployment".to_owned())
            }
            NewAccountPhase::Complete => (' ', format!("has every pack, {left}")),
        })
    }

    /// Narrates failed accounts whose owner has to act. Each is narrated once, since every Put
    /// makes AWS try them again without success.
    fn narrate_problems(&mut self, problems: &[ProblemView]) {
        for problem in problems.iter().filter(|problem| is_of_members(problem)) {
            let keys = problem.examples.iter().map(|example| (problem.cause, example.account));
            let keys: BTreeSet<_> = keys.collect();
            if !keys.is_subset(&self.troubled) {
                let names = problem.examples.iter().map(|it| name(it.account, it.name.clone()));
                let class = problem.cause.as_str();
                let text = format!(
                    "{} failed ({class}), owner: {}. {}",
                    names.collect::<Vec<_>>().join(", "),
                    person(problem.owner),
                    problem.advice,
                );
                for region in &problem.regions {
                    self.say(region, None, '!', text.clone());
                }
            }
            self.troubled.extend(keys);
        }
    }

    /// A moment as virtual time since the start.
    fn since(&self, at: Timestamp) -> String {
        let passed = at.duration_since(self.started).as_secs().max(0);
        format!("+{:02}:{:02}:{:02}", passed / 3600, passed / 60 % 60, passed % 60)
    }
}

/// Whether it is a failure of members whose owner has to act; new accounts have lines of their own.
fn is_of_members(problem: &ProblemView) -> bool {
    problem.action_required
        && !problem.examples.is_empty()
        && problem.deadline.is_none()
        && problem.cause != ProblemCause::RemovalFailed
}

/// An account by its name, if it has one.
fn name(account: AccountId, name: Option<String>) -> String {
    name.unwrap_or_else(|| account.to_string())
}

/// Whether a hold says more than the health does, and lasts.
fn is_worth_a_line(hold: &Hold) -> bool {
    match hold.reason() {
        HoldReason::Settling | HoldReason::Unmanaged => false,
        HoldReason::InProgress => {
            hold.step.as_deref().is_some_and(|step| step.reason.redeployed().is_some())
        }
        // Without a moment it waits for nothing but a reading.
        HoldReason::Retry => hold.until.is_some(),
        HoldReason::Mode
        | HoldReason::Source
        | HoldReason::Invalid
        | HoldReason::Unsupported
        | HoldReason::Unknown
        | HoldReason::Unconfirmed
        | HoldReason::Guard
        | HoldReason::Suspended
        | HoldReason::Foreign
        | HoldReason::Quota
        | HoldReason::Rejected
        | HoldReason::Conflict
        | HoldReason::Denied
        | HoldReason::Orphaned
        | HoldReason::Undeclared
        | HoldReason::Membership => true,
    }
}

/// A pack whose members are not tracked, if that is on purpose.
fn state(pack: &PackReport) -> Option<String> {
    (pack.reason == Some(SyncReason::Unmanaged))
        .then(|| "no manifest declares it, so conformd does not change it".to_owned())
}

/// Whether only failures are left in a region whose owner has to act.
fn is_calm(report: &RegionReport) -> bool {
    // All of these change without a user: a report from before the first manifest or before members
    // were read would end the story too early.
    report.unknown.is_none()
        && report.plan.revision.is_some()
        && report.plan.is_empty()
        && !report.plan.steps_with_held().any(PlanStep::is_remedy)
        && report.outcomes.is_empty()
        && !report.tracking.packs.is_empty()
        && report.tracking.packs.values().all(is_settled)
        && report.tracking.new_accounts.iter().all(|new_account| match new_account.phase {
            NewAccountPhase::Complete | NewAccountPhase::Missed => true,
            NewAccountPhase::Waiting | NewAccountPhase::Deploying | NewAccountPhase::Late => false,
        })
}

/// Whether every member has the pack, or will not have it before a person has acted.
fn is_settled(rollout: &Rollout) -> bool {
    match rollout.health {
        RolloutHealth::Healthy | RolloutHealth::Missing => true,
        RolloutHealth::Degraded => {
            let is_personal = |class: &FailureClass| class.owner() != Owner::Aws;
            rollout.counts.in_progress == 0 && rollout.classes.keys().all(is_personal)
        }
        RolloutHealth::Progressing
        | RolloutHealth::StuckAggregate
        | RolloutHealth::Deleting
        | RolloutHealth::Unknown => false,
    }
}
