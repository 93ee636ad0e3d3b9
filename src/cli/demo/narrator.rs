//! What the demo prints: each change as a line, and the status when all is calm.
//!
//! It knows what the daemon knows, and nothing of the simulated world behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use crate::cli::terminal::{paint, print};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::plan::hold::{Hold, HoldReason, Lift};
use crate::domain::plan::outcome::Outcome;
use crate::domain::plan::step::{Action, PlanStep};
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
    reconciliations: BTreeMap<Region, u64>,
    known: BTreeMap<(Region, String), String>,
    phases: BTreeMap<(AccountId, Region), NewAccountPhase>,
    redeployed: BTreeSet<AccountId>,
    troubled: BTreeSet<(ProblemCause, AccountId)>,
    calm: bool,
}

impl Narrator {
    /// A narrator that has said nothing yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            started: clock.now(),
            clock,
            has_colour: paint::stdout_has_colour(),
            reconciliations: BTreeMap::new(),
            known: BTreeMap::new(),
            phases: BTreeMap::new(),
            redeployed: BTreeSet::new(),
            troubled: BTreeSet::new(),
            calm: false,
        }
    }

    /// Prints what the demo is and the addresses to open.
    pub(super) fn open(
        config: &Config,
        page: SocketAddr,
        folder: &Path,
        speed: u32,
    ) -> std::io::Result<()> {
        let endpoint = config.aws.endpoint.as_ref().map_or("", |endpoint| &endpoint.url);
        let regions: Vec<&str> = config.aws.regions.iter().map(Region::as_str).collect();
        print(&format!(
            "SIMULATED: no AWS account is involved; the clock runs {speed} times as fast\n\n  \
             page           http://{page}/\n  \
             manifests      {folder}/packs (edit one and watch)\n  \
             mode           {mode}\n  \
             regions        {regions}\n  \
             status         http://{page}/api/v1/status\n  \
             plan           http://{page}/api/v1/plan?format=text\n  \
             metrics        http://{page}/metrics\n  \
             simulated AWS  {endpoint} (its accounts: {endpoint}/_sim/world)\n\n",
            folder = folder.display(),
            mode = config.mode,
            regions = regions.join(" "),
        ))
    }

    /// Says one line, with the virtual time since the start.
    pub(super) fn say(&self, place: &str, sign: char, text: &str) -> std::io::Result<()> {
        let line = format!("[{}] {place} {sign} {text}\n", self.since(self.clock.now()));
        print(&paint::line(&line, Some(sign), self.has_colour))
    }

    /// Prints what is new; returns whether neither conformd nor AWS will do anything more by
    /// itself.
    pub(super) fn narrate(&mut self, facts: &CurrentState) -> std::io::Result<bool> {
        for (region, report) in &facts.reports {
            if self.reconciliations.insert(region.clone(), report.reconciliation)
                != Some(report.reconciliation)
            {
                self.narrate_steps(region, report, facts)?;
            }
            self.narrate_packs(region, report)?;
        }
        let view = status(facts);
        let new = new_accounts::page(facts, None, NEW_ACCOUNTS).accounts;
        self.narrate_new_accounts(&new)?;
        self.narrate_problems(&view.problems)?;
        let is_calm = facts.reports.len() == facts.about.regions.len()
            && facts.reports.values().all(|report| is_calm(report));
        // The status is printed once each time the simulation comes to rest, not at every report
        // after it.
        if is_calm && !self.calm {
            let page = texts::status(&view, Layout::default());
            print(&format!(
                "\n[{}] AWS and conformd have nothing left to do by themselves; `conformd \
                 status` prints:\n\n{}\nEdit a file in packs/ or templates/ to see it \
                 reconciled; Ctrl-C ends the demo.\n\n",
                self.since(self.clock.now()),
                paint::plan(&page, self.has_colour),
            ))?;
        }
        self.calm = is_calm;
        Ok(is_calm)
    }

    fn narrate_steps(
        &mut self,
        region: &Region,
        report: &RegionReport,
        facts: &CurrentState,
    ) -> std::io::Result<()> {
        for Outcome { step, result: ending } in &report.outcomes {
            let end = ending.headline();
            let sign = match step.action {
                Action::Create(_) => '+',
                Action::Adopt(_) | Action::Update(_) | Action::Redeploy(_) => '~',
                Action::Delete => '-',
            };
            let whom = match step.reason.redeployed() {
                Some((accounts, _)) => {
                    self.redeployed.extend(accounts);
                    let names = accounts.iter().map(|id| name(*id, facts.name(*id)));
                    format!(" of {}", names.collect::<Vec<_>>().join(", "))
                }
                None => String::new(),
            };
            let what = format!("{} {}{whom}: {end}", step.pack, step.action.kind());
            self.say(region.as_str(), sign, &what)?;
        }
        Ok(())
    }

    fn narrate_packs(&mut self, region: &Region, report: &RegionReport) -> std::io::Result<()> {
        // Packs of which the same is new share a line.
        let mut news: BTreeMap<(char, String), Vec<String>> = BTreeMap::new();
        let acted = |about: &String| {
            report.outcomes.iter().any(|outcome| outcome.step.pack.as_str() == about)
        };
        // What was seen of a pack before its step is stale news.
        for (about, sign, text) in self.facts(report).into_iter().filter(|(it, ..)| !acted(it)) {
            let key = (region.clone(), about.clone());
            if self.known.get(&key) != Some(&text) {
                news.entry((sign, text.clone())).or_default().push(about);
                self.known.insert(key, text);
            }
        }
        for ((sign, text), about) in news {
            self.say(region.as_str(), sign, &format!("{}: {text}", about.join(", ")))?;
        }
        Ok(())
    }

    /// The facts about a region, by subject.
    fn facts(&self, report: &RegionReport) -> Vec<(String, char, String)> {
        // Packs of an unknown region keep their last state, which must not be printed as news.
        if let Some(unknown) = &report.unknown {
            let text = format!("unknown ({}), so nothing is planned", unknown.kind);
            return vec![("region".to_owned(), '!', text)];
        }
        let mut facts = vec![("region".to_owned(), ' ', "seen".to_owned())];
        if let Some(pending) = &report.pending {
            let text = format!("waiting for approval: {}", pending.summary());
            facts.push(("plan".to_owned(), '!', text));
        }
        for (name, pack) in &report.packs {
            let text =
                report.tracking.packs.get(name).map_or_else(|| state(pack), Rollout::headline);
            let mut holds = report.plan.holds.iter();
            let hold = holds.find(|hold| hold.pack.as_ref() == Some(name) && is_worth_a_line(hold));
            let held = hold.map(|hold| {
                let until = hold.until.map(|until| format!(" (until {})", self.since(until)));
                format!("held: {}{}", hold.why, until.unwrap_or_default())
            });
            let sign = match hold.map(|hold| hold.reason.lift()) {
                Some(Lift::Person) => '!',
                Some(Lift::Time | Lift::Purpose) => '=',
                None => ' ',
            };
            let said: Vec<String> = text.into_iter().chain(held).collect();
            if !said.is_empty() {
                facts.push((name.to_string(), sign, said.join("; ")));
            }
        }
        facts
    }

    /// Prints the progress of new accounts; regions with the same news share a line.
    fn narrate_new_accounts(&mut self, new: &[NewAccountView]) -> std::io::Result<()> {
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
                let regions: Vec<&str> = regions.into_iter().map(Region::as_str).collect();
                let who = name(account.account, account.name.clone());
                self.say(&regions.join(","), sign, &format!("{who} {text}"))?;
            }
        }
        Ok(())
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
    fn narrate_problems(&mut self, problems: &[ProblemView]) -> std::io::Result<()> {
        for problem in problems.iter().filter(|problem| is_of_members(problem)) {
            let keys = problem.examples.iter().map(|example| (problem.cause, example.account));
            let keys: BTreeSet<_> = keys.collect();
            if !keys.is_subset(&self.troubled) {
                let names = problem.examples.iter().map(|it| name(it.account, it.name.clone()));
                let regions = problem.regions.iter().map(Region::as_str);
                let class = problem.cause.as_str();
                let text = format!(
                    "{} failed ({class}), owner: {}. {}",
                    names.collect::<Vec<_>>().join(", "),
                    person(problem.owner),
                    problem.advice,
                );
                self.say(&regions.collect::<Vec<_>>().join(","), '!', &text)?;
            }
            self.troubled.extend(keys);
        }
        Ok(())
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
    match hold.reason {
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
