//! What must be true of every reconciliation, whatever the world does. The ids are those of the
//! reliability reference; each rule is written from what was witnessed, not from what the product
//! decided.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{
    Digest, Installation, MARKER_PARAMETER, Marker, PackName, Place, Timestamp,
};
use conformd::domain::declared::catalog::Declared;
use conformd::domain::declared::snapshot::Absence;
use conformd::domain::declared::source::SourceStatus;
use conformd::domain::declared::template::Template;
use conformd::domain::observed::content::{Content, fingerprint_of};
use conformd::domain::observed::packs::PackRecord;
use conformd::domain::plan::desired::{DesiredInputs, SourceTrust, desired};
use conformd::domain::plan::loss::{Loss, LossAt};
use conformd::domain::present::report::RegionReport;
use conformd::tasks::region::settings::RegionSettings;

use super::truth::{Owner, owner};
use super::witness::{Mutation, Notes};

/// Content that was put is not put again within this long.
const EXPECTATION: Duration = Duration::from_mins(10);
/// Mutations under way at once in a region.
const IN_FLIGHT_MAX: usize = 4;

/// What one reconciliation was shown, and what was wanted then. Worked out when somebody asks.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    at: Timestamp,
    /// The same by the clock of the process.
    now: Timestamp,
    place: Place,
    us: Installation,
    source: SourceStatus,
    is_complete: bool,
    shown: BTreeMap<PackName, PackRecord>,
}

impl Look {
    pub(crate) fn of(
        (at, now): (Timestamp, Timestamp),
        (place, source): (&Place, &SourceStatus),
        notes: &Notes,
        policy: &RegionSettings,
    ) -> Self {
        Self {
            at,
            now,
            place: place.clone(),
            us: policy.installation.clone(),
            source: source.clone(),
            is_complete: notes.shown.is_some() && notes.read_failed.is_none(),
            shown: notes.shown.clone().unwrap_or_default(),
        }
    }

    /// The marker that a pack of ours was shown with.
    fn marker(&self, pack: &PackName) -> Option<&String> {
        let record = self.shown.get(pack)?;
        let is_ours = owner(&record.inputs, (&self.place, pack), &self.us) == Owner::Ours;
        record.inputs.get(MARKER_PARAMETER).filter(|_| is_ours)
    }

    fn shows(&self, pack: &PackName) -> Option<Digest> {
        self.shown.get(pack).map(fingerprint_of)
    }

    /// Whether a source that can be believed says that no manifest wants this pack here.
    fn is_unwanted(&self, pack: &PackName) -> bool {
        let Some(catalog) = &self.source.catalog else { return false };
        let inputs = DesiredInputs::without_list(SourceTrust::of(&self.source, self.now));
        let desired = desired(catalog, &self.us, &self.place, inputs);
        desired.trust == SourceTrust::Whole && !desired.packs.contains_key(pack)
    }

    /// I-S19: whether somebody meant it: the manifests say so, or their absence does, or an
    /// approval names the pack.
    fn is_evident(&self, pack: &PackName) -> bool {
        let Some(catalog) = &self.source.catalog else { return false };
        let region = &self.place.region;
        let says_so = match catalog.packs.get(pack) {
            Some(Declared::Absent(tombstone)) => tombstone.covers(region),
            Some(Declared::Good(manifest)) => {
                manifest.regions.as_ref().is_some_and(|regions| !regions.contains(region))
            }
            Some(Declared::Broken { .. }) => false,
            None => self.source.evidence.as_ref().is_some_and(|it| it.absence == Absence::Atomic),
        };
        let at = LossAt { region: region.clone(), pack: pack.clone(), loss: Loss::Pack };
        let mut approvals = catalog.approvals.values();
        says_so || approvals.any(|approval| approval.permits.iter().any(|it| it.covers(&at)))
    }
}

/// What one process saw and did in a region.
#[derive(Debug, Default)]
pub(crate) struct Past {
    looks: Vec<Look>,
    /// The last mutation of each pack that may have taken effect.
    sent: BTreeMap<PackName, Sent>,
}

#[derive(Debug)]
struct Sent {
    at: Timestamp,
    /// What was put.
    content: Option<Digest>,
    /// Whether it was seen in force since.
    arrived: bool,
}

impl Past {
    pub(crate) fn remember(&mut self, look: Look, notes: &Notes) {
        for (name, sent) in &mut self.sent {
            sent.arrived =
                sent.arrived || sent.content.is_some() && look.shows(name) == sent.content;
        }
        for mutation in notes.mutations.iter().filter(|mutation| may_have_effect(mutation)) {
            let content = mutation.content.as_ref().map(Content::fingerprint);
            let sent = Sent { at: mutation.at, content, arrived: false };
            self.sent.insert(mutation.pack.clone(), sent);
        }
        self.looks.push(look);
    }
}

fn may_have_effect(mutation: &Mutation) -> bool {
    match mutation.result {
        Some(Ok(())) | None => true,
        Some(Err(kind)) => kind.leaves_outcome_unknown(),
    }
}

/// A reconciliation with everything that is known about it.
pub(crate) struct Scene<'a> {
    pub(crate) policy: &'a RegionSettings,
    pub(crate) place: &'a Place,
    pub(crate) source: &'a SourceStatus,
    pub(crate) notes: &'a Notes,
    pub(crate) report: &'a RegionReport,
    pub(crate) past: &'a Past,
    pub(crate) look: &'a Look,
    /// Whether a time of day has jumped.
    pub(crate) is_astray: bool,
    /// Mutating requests of this process.
    pub(crate) mutations: u64,
}

/// Everything that is wrong with this tick.
pub(crate) fn check(scene: &Scene<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{} at {}: {what}", scene.place.region, scene.look.at));
        }
    };
    let Scene { policy, notes, report, .. } = scene;
    must(
        policy.mode != Mode::Observe || scene.mutations == 0,
        "I-S7: observe mode sent a mutating request",
    );
    must(notes.in_flight_max <= IN_FLIGHT_MAX, "I-S10: too many mutations at once");
    let packs: BTreeSet<&PackName> = notes.mutations.iter().map(|one| &one.pack).collect();
    must(
        packs.len() == notes.mutations.len(),
        "I-S5: two mutations of one pack in a reconciliation",
    );
    must(
        notes.mutations.is_empty() || (report.unknown.is_none() && notes.shown.is_some()),
        "I-S9, I-S12: a mutation without a complete observation",
    );
    let listed = notes.shown.is_some();
    must(
        report.unknown.is_some() || listed,
        "I-S16: a region counts as seen though its listing was not read to the end",
    );
    let deletes = deleted(notes);
    must(
        policy.mode == Mode::Sync || deletes.is_empty(),
        "I-S13: a delete in a mode that has none",
    );
    for mutation in &notes.mutations {
        let found = match &mutation.content {
            Some(_) => put(scene, mutation),
            None => delete(scene, mutation),
        };
        if let Err(what) = found {
            must(false, &format!("{}: {what}", mutation.pack));
        }
    }
    wrong
}

fn put(scene: &Scene<'_>, mutation: &Mutation) -> Result<(), String> {
    let Scene { policy, place, source, past, look, .. } = scene;
    let content = mutation.content.as_ref().unwrap();
    let marker = content.inputs.get(MARKER_PARAMETER).ok_or("I-S15: a Put without marker")?;
    let marker: Marker = marker.parse().map_err(|_| "I-S15: the marker is unreadable")?;
    let is_ours = marker.installation == policy.installation;
    if !is_ours || !marker.binds((place, &mutation.pack)) {
        return Err("I-S15: the marker is not ours, or not of this pack".to_owned());
    }
    if marker.template != digest_of(&content.body) {
        return Err("I-S15: the marker's digest is not the body's".to_owned());
    }
    let catalog = source.catalog.as_ref().ok_or("a Put without manifests")?;
    let manifest = catalog.packs.get(&mutation.pack).and_then(|declared| declared.in_force());
    let manifest = manifest.ok_or("a Put of a pack that no manifest names")?;
    match mutation.owner {
        None | Some(Owner::Ours) => {}
        Some(Owner::Nobody) if manifest.adopt => {}
        Some(Owner::Nobody | Owner::SomebodyElse) => {
            return Err("I-S3: a Put over a pack that is not ours".to_owned());
        }
    }
    let fingerprint = content.fingerprint();
    let repeats = !scene.is_astray
        && past.sent.get(&mutation.pack).is_some_and(|sent| {
            let arrived = sent.arrived || look.shows(&mutation.pack) == Some(fingerprint);
            sent.content == Some(fingerprint) && !arrived && mutation.at < sent.at + EXPECTATION
        });
    if repeats {
        return Err("I-S6: the same content was put again within 10 minutes".to_owned());
    }
    Ok(())
}

fn delete(scene: &Scene<'_>, mutation: &Mutation) -> Result<(), String> {
    let Scene { policy, past, look, is_astray, .. } = scene;
    if !look.is_unwanted(&mutation.pack) {
        let what = "I-S1, I-S2: a delete though a manifest wants it, or the source is not whole";
        return Err(what.to_owned());
    }
    if !look.is_evident(&mutation.pack) {
        return Err("I-S19: a delete without evidence that somebody meant it".to_owned());
    }
    if !matches!(mutation.owner, None | Some(Owner::Ours)) {
        return Err("I-S3: a delete of a pack that is not ours".to_owned());
    }
    let marker = look.marker(&mutation.pack).ok_or("I-S14: a delete of what was not shown")?;
    let looked_before = past.looks.iter().any(|before| {
        before.is_complete
            && before.at + policy.pace.interval <= look.at
            && before.marker(&mutation.pack) == Some(marker)
            && before.is_unwanted(&mutation.pack)
    });
    if looked_before || *is_astray {
        Ok(())
    } else {
        Err("I-S14: a delete without two agreeing looks".into())
    }
}

/// The digest of the template in a delivered body, which the marker parameter is no part of.
fn digest_of(body: &str) -> Digest {
    DIGESTS.with_borrow_mut(|known| {
        let read = || Template::parse_delivered(body).unwrap().digest;
        *known.entry(body.to_owned()).or_insert_with(read)
    })
}

thread_local! {
    /// Thousands of runs deliver a few bodies.
    static DIGESTS: RefCell<BTreeMap<String, Digest>> = RefCell::default();
}

/// The packs that were deleted, as far as anybody knows.
fn deleted(notes: &Notes) -> BTreeSet<PackName> {
    let deletes = notes.mutations.iter().filter(|mutation| mutation.content.is_none());
    deletes.filter(|mutation| may_have_effect(mutation)).map(|one| one.pack.clone()).collect()
}
