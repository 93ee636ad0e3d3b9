//! The book of a lab: what every region saw, planned and did, as a trace, and held to what must
//! always be true.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use conformd::domain::base::model::{AccountId, PackName, Place, Region, Timestamp};
use conformd::domain::declared::source::SourceStatus;
use conformd::domain::members::tracking::Tracking;
use conformd::domain::plan::hold::HoldReason;
use conformd::domain::plan::outcome::StepResult;
use conformd::domain::present::plan_text::{PlanText, Values};
use conformd::domain::present::report::RegionReport;
use conformd::sim::world::World;
use conformd::tasks::region::settings::RegionSettings;

use super::crew::{Telling, Tellings};
use super::invariants::{self, Look, Past};
use super::toll::Toll;
use super::witness::Notes;
use super::{lock, start};

/// One reconciliation of one region, as it was witnessed.
pub(crate) struct Tick {
    pub(crate) process: u32,
    pub(crate) started: Timestamp,
    /// The same by the clock of the process.
    pub(crate) now: Timestamp,
    pub(crate) place: Place,
    pub(crate) source: SourceStatus,
    pub(crate) notes: Notes,
}

/// Everything that was witnessed.
#[derive(Debug)]
pub(crate) struct Book {
    policy: RegionSettings,
    world: Arc<Mutex<World>>,
    toll: Arc<Mutex<Toll>>,
    /// Whether a time of day has jumped: what goes by two looks is not held to the true time then.
    pub(crate) is_astray: bool,
    lines: Vec<String>,
    taken: usize,
    past: BTreeMap<(u32, Region), Past>,
    processes: u32,
    /// Mutating requests of earlier processes.
    mutations_before: u64,
    holds: BTreeMap<Region, BTreeSet<Held>>,
    /// The last report of each region.
    pub(crate) reports: BTreeMap<Region, RegionReport>,
    /// When each region ticked.
    pub(crate) ticks: BTreeMap<Region, Vec<Timestamp>>,
    /// The last that each process told of each new account.
    told: BTreeMap<(u32, Region, AccountId), Telling>,
    /// What was told of new accounts, whenever it was something else than before.
    pub(crate) tellings: Tellings,
    /// Requests of the last reconciliation of each region.
    pub(crate) calls: BTreeMap<Region, u64>,
}

/// What a person sees waiting: a pack, or the whole region.
type Held = (Option<PackName>, HoldReason);

impl Book {
    pub(crate) fn new(
        policy: RegionSettings,
        world: Arc<Mutex<World>>,
        toll: Arc<Mutex<Toll>>,
    ) -> Self {
        Self {
            policy,
            world,
            toll,
            is_astray: false,
            lines: Vec::new(),
            taken: 0,
            past: BTreeMap::new(),
            processes: 0,
            mutations_before: 0,
            holds: BTreeMap::new(),
            reports: BTreeMap::new(),
            ticks: BTreeMap::new(),
            told: BTreeMap::new(),
            tellings: Vec::new(),
            calls: BTreeMap::new(),
        }
    }

    /// A process begins, and knows nothing of what earlier ones saw and did. Returns its number.
    pub(crate) fn begin(&mut self, policy: &RegionSettings) -> u32 {
        self.policy = policy.clone();
        self.holds.clear();
        let world = lock(&self.world);
        self.mutations_before = world.log().mutations();
        self.processes += 1;
        self.processes
    }

    /// Enters a reconciliation that has ended, and holds it to the invariants.
    pub(crate) fn enter(&mut self, tick: &Tick, report: RegionReport, ended: Timestamp) {
        let Tick { process, started, now, place, source, notes } = tick;
        let region = place.region.clone();
        self.tell(&region, &report, ended);
        self.ticks.entry(region.clone()).or_default().push(*started);
        self.calls.insert(region.clone(), notes.calls);
        let report = self.reports.entry(region.clone()).insert_entry(report);
        let report = report.get();

        let past = self.past.entry((*process, region)).or_default();
        let look = Look::of((*started, *now), (place, source), notes, &self.policy);
        let scene = invariants::Scene {
            policy: &self.policy,
            place,
            source,
            notes,
            report,
            past,
            look: &look,
            is_astray: self.is_astray,
            mutations: lock(&self.world).log().mutations() - self.mutations_before,
        };
        let mut wrong = invariants::check(&scene);
        wrong.extend(std::mem::take(&mut lock(&self.toll).wrong));
        past.remember(look, notes);
        if !wrong.is_empty() {
            self.fail(&wrong.join("\n"));
        }
    }

    /// Takes in what a region knows of members now; returns its report with that.
    pub(crate) fn learn(
        &mut self,
        process: u32,
        region: &Region,
        tracking: Tracking,
        at: Timestamp,
    ) -> RegionReport {
        for new_account in &tracking.new_accounts {
            let telling = Telling::from(new_account);
            let key = (process, region.clone(), telling.account);
            if self.told.insert(key, telling) != Some(telling) {
                let phase = telling.phase.as_str();
                self.say(at, &format!("{region} {} {phase}", telling.account));
                self.tellings.push((process, region.clone(), at, telling));
            }
        }
        let report = self.reports.get_mut(region).expect("a region that ticked");
        report.tracking = tracking;
        report.clone()
    }

    /// Ends the test if more was taken away than may be.
    pub(crate) fn settle_toll(&self) {
        let wrong = std::mem::take(&mut lock(&self.toll).wrong);
        if !wrong.is_empty() {
            self.fail(&wrong.join("\n"));
        }
    }

    /// Ends the test, with everything that led here.
    pub(crate) fn fail(&self, wrong: &str) -> ! {
        panic!("{wrong}\n\nwhat happened:\n{}\nplans:\n{}", self.lines.join("\n"), self.plans());
    }

    /// The last plan of every region.
    pub(crate) fn plans(&self) -> String {
        let mut text = String::new();
        for report in self.reports.values() {
            write!(text, "{}", PlanText { plan: &report.plan, values: Values::Shown }).unwrap();
        }
        text
    }

    /// Adds a line.
    pub(crate) fn say(&mut self, at: Timestamp, what: &str) {
        let minutes = at.duration_since(start()).as_mins();
        self.lines.push(format!("{}:{:02} {what}", minutes / 60, minutes % 60));
    }

    /// The lines since the trace was taken last.
    pub(crate) fn take_trace(&mut self) -> String {
        let from = std::mem::replace(&mut self.taken, self.lines.len());
        self.lines[from..].join("\n")
    }

    fn tell(&mut self, region: &Region, report: &RegionReport, at: Timestamp) {
        for outcome in &report.outcomes {
            let (step, ending) = (&outcome.step, ending(&outcome.result));
            let action = step.action.kind();
            self.say(at, &format!("{region} {action} {} {ending}", step.pack));
        }
        let mut holds: BTreeSet<Held> = report
            .plan
            .holds
            .iter()
            .filter(|hold| !is_passing(hold.reason()))
            .map(|hold| (hold.pack.clone(), hold.reason()))
            .collect();
        if let Some(unknown) = &report.unknown {
            let was_seen = self.reports.get(region).is_none_or(|last| last.unknown.is_none());
            if was_seen {
                self.say(at, &format!("{region} not seen: {}", unknown.kind));
            }
            // What is held is not known while the region is not seen.
            holds = self.holds.remove(region).unwrap_or_default();
        }
        let before = self.holds.insert(region.clone(), holds.clone()).unwrap_or_default();
        for (pack, reason) in holds.difference(&before) {
            let what = pack.as_ref().map_or("everything", PackName::as_str);
            self.say(at, &format!("{region} hold {what}: {reason}"));
        }
    }
}

/// Holds that end by themselves within minutes: not worth a line.
fn is_passing(reason: HoldReason) -> bool {
    matches!(reason, HoldReason::Settling | HoldReason::InProgress | HoldReason::Unknown)
}

fn ending(ending: &StepResult) -> String {
    match ending {
        StepResult::Accepted { .. } => "accepted".to_owned(),
        StepResult::Failed { kind, .. } => format!("refused: {kind}"),
        StepResult::Unknown { kind, .. } => format!("unknown: {kind}"),
        StepResult::NotStarted => "not started".to_owned(),
    }
}
