//! What the demo prints: each change of the reports as a line, and a table when all is calm.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use comfy_table::{Table, presets};

use super::paint;
use super::plan::print;
use super::rollout::{Rollout, rows};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::model::{PackName, Region, Timestamp};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, HoldReason};
use crate::domain::report::{DriftKind, PackReport, PackState, RegionReport, Reports};
use crate::sim::in_process::InProcess;
use crate::sim::simulation::Simulation;

/// Tells a person what happens.
pub(super) struct Narrator {
    clock: Clock,
    started: Timestamp,
    simulation: Simulation,
    has_colour: bool,
    known: BTreeMap<(Region, String), String>,
    ticks: BTreeMap<Region, u64>,
    calm: bool,
    table: String,
}

impl Narrator {
    /// A narrator that has said nothing yet.
    pub(super) fn new(clock: Clock, simulation: Simulation) -> Self {
        Self {
            started: clock.now(),
            clock,
            simulation,
            has_colour: paint::stdout_has_colour(),
            known: BTreeMap::new(),
            ticks: BTreeMap::new(),
            calm: false,
            table: String::new(),
        }
    }

    /// Says what this is and where to look.
    pub(super) fn open(
        config: &Config,
        (page, folder, speed): (SocketAddr, &Path, u32),
    ) -> std::io::Result<()> {
        let endpoint = config.aws.endpoint.as_ref().map_or("", |endpoint| &endpoint.url);
        let regions: Vec<&str> = config.aws.regions.iter().map(Region::as_str).collect();
        print(&format!(
            "SIMULATED: no AWS account is involved; the clock runs {speed} times as fast\n\n  \
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
    pub(super) fn say(&self, text: &str) -> std::io::Result<()> {
        let line = format!("[{}] {text}\n", self.since(self.clock.now()));
        let sign = text.split(' ').nth(1).and_then(|word| word.chars().next());
        print(&paint::line(&line, sign, self.has_colour))
    }

    /// Tells what is new in these reports; whether all regions hold what the manifests say and
    /// have been left alone since.
    pub(super) async fn tell(
        &mut self,
        reports: &Reports,
        regions: usize,
    ) -> std::io::Result<bool> {
        for (region, report) in reports {
            if self.ticks.insert(region.clone(), report.tick) != Some(report.tick) {
                self.tell_region(region, report)?;
            }
        }
        let is_calm = reports.len() == regions && reports.values().all(|report| is_calm(report));
        if is_calm && !self.calm {
            self.table(reports).await?;
        }
        self.calm = is_calm;
        Ok(is_calm)
    }

    fn tell_region(&mut self, region: &Region, report: &RegionReport) -> std::io::Result<()> {
        for Outcome { step, ending } in &report.outcomes {
            let end = match ending {
                Ending::Accepted { .. } => "accepted".to_owned(),
                Ending::Failed { kind, why: _ } => format!("refused ({kind})"),
                Ending::Unknown { kind, why: _ } => format!("outcome unknown ({kind})"),
                Ending::NotStarted => "not started".to_owned(),
            };
            let sign = match step.action {
                Action::Create(_) => '+',
                Action::Adopt(_) | Action::Update(_) | Action::Rescue(_) => '~',
                Action::Delete => '-',
            };
            self.say(&format!("{region} {sign} {} {}: {end}", step.pack, step.action.kind()))?;
        }
        // Packs of which the same is new share a line.
        let mut news: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let acted = |about: &String| {
            report.outcomes.iter().any(|outcome| outcome.step.pack.as_str() == about)
        };
        // What was seen of a pack before its step is stale news.
        for (about, text) in self.facts(report).into_iter().filter(|(about, _)| !acted(about)) {
            let key = (region.clone(), about.clone());
            if self.known.get(&key) != Some(&text) {
                news.entry(text.clone()).or_default().push(about);
                self.known.insert(key, text);
            }
        }
        for (text, about) in news {
            let sign = if text.contains("held") || text.contains("not seen") { '!' } else { ' ' };
            self.say(&format!("{region} {sign} {}: {text}", about.join(", ")))?;
        }
        Ok(())
    }

    /// What there is to say of a region, by what it is about.
    fn facts(&self, report: &RegionReport) -> Vec<(String, String)> {
        if let Some(unseen) = &report.unseen {
            let text = format!("not seen ({}), so nothing is planned", unseen.kind);
            return vec![("region".to_owned(), text)];
        }
        let mut facts = vec![("region".to_owned(), "seen".to_owned())];
        if let Some(blocked) = &report.blocked {
            facts.push(("plan".to_owned(), format!("held by the guard as {}", blocked.digest)));
        }
        for (name, pack) in &report.packs {
            let status = pack.status.as_ref().map_or("not listed yet".into(), ToString::to_string);
            let hold = report.plan.holds.iter().find(|hold| hold.pack.as_ref() == Some(name));
            let text = match hold {
                Some(hold) if hold.reason != HoldReason::Settling => {
                    let until = hold.until.map(|until| format!(" (until {})", self.since(until)));
                    format!("{status}, held: {}{}", hold.why, until.unwrap_or_default())
                }
                Some(_) | None => status,
            };
            facts.push((name.to_string(), text));
        }
        facts
    }

    /// A moment as virtual time since the start.
    fn since(&self, at: Timestamp) -> String {
        let passed = at.duration_since(self.started).as_secs().max(0);
        format!("+{:02}:{:02}:{:02}", passed / 3600, passed / 60 % 60, passed % 60)
    }

    async fn table(&mut self, reports: &Reports) -> std::io::Result<()> {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["region", "pack", "state", "AWS says", "members ok", "failed", "open"]);
        for (region, report) in reports {
            for (name, pack) in &report.packs {
                let rollout = self.rollout(report, name).await;
                table.add_row([
                    region.to_string(),
                    name.to_string(),
                    state(pack).to_owned(),
                    pack.status.as_ref().map(ToString::to_string).unwrap_or_default(),
                    rollout.ok.to_string(),
                    rollout.failed.to_string(),
                    rollout.open.to_string(),
                ]);
            }
        }
        let table = table.to_string();
        if table == self.table {
            return Ok(());
        }
        self.table.clone_from(&table);
        print(&format!(
            "\nSIMULATED: every region holds what the manifests say, and AWS is done with its \
             members\n{table}\n\
             Edit a file in packs/ or templates/ to see it reconciled; Ctrl-C ends the demo.\n\n"
        ))
    }

    /// The rows of a pack, straight from the simulated world.
    async fn rollout(&self, report: &RegionReport, pack: &PackName) -> Rollout {
        let face = InProcess::new(
            Arc::clone(self.simulation.world()),
            self.clock.clone(),
            report.place.clone(),
        );
        let rows = rows(&face, pack).await.unwrap_or_default();
        Rollout::of(&rows, None)
    }
}

/// Whether a region holds what is wanted and AWS is done, apart from members where it failed.
fn is_calm(report: &RegionReport) -> bool {
    let is_content = |state: PackState| match state {
        PackState::Synced
        | PackState::Drifted
        | PackState::Orphaned
        | PackState::Unmanaged
        | PackState::Foreign => true,
        PackState::Invalid | PackState::Rejected | PackState::Contested | PackState::Suspended => {
            false
        }
    };
    report.unseen.is_none()
        && report.plan.revision.is_some()
        && report.plan.is_empty()
        && report.outcomes.is_empty()
        && !report.is_in_progress()
        && !report.packs.is_empty()
        && report.packs.values().all(|pack| {
            is_content(pack.state) && pack.drift.iter().all(|kind| *kind == DriftKind::Failed)
        })
}

/// A pack's state for people: one that holds what is wanted, and failed in some member, says so.
fn state(pack: &PackReport) -> &'static str {
    let failed_only =
        !pack.drift.is_empty() && pack.drift.iter().all(|kind| *kind == DriftKind::Failed);
    if failed_only { "failed" } else { pack.state.as_str() }
}
