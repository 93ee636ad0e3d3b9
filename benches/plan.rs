//! How long planning takes: 1,000 (region, pack) pairs on one core, budget 50 ms.
//!
//! Prints its figure. Every pair is observed, remembered, compared, planned and ruled on; half of
//! the packs differ. `cargo bench --bench plan`.

#![expect(clippy::print_stdout, reason = "the figure is the output")]
#![expect(clippy::disallowed_methods, reason = "the one thing that measures real time")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{
    DeletionPolicy, Digest, Installation, MARKER_PARAMETER, Malformed, Marker, PackName, Place,
    ResultsBucket, Revision, Timestamp,
};
use conformd::domain::base::time::{Pace, after};
use conformd::domain::declared::approval::Approvals;
use conformd::domain::declared::snapshot::Absence;
use conformd::domain::declared::template::Template;
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::content::Content;
use conformd::domain::observed::packs::{Observed, PackRecord, StatusRecord, join};
use conformd::domain::observed::recorder::Recorders;
use conformd::domain::organization::membership::ListFreshness;
use conformd::domain::organization::selector::named;
use conformd::domain::plan::decision::PlanInputs;
use conformd::domain::plan::desired::{Desired, DesiredEntry, DesiredPack, SourceTrust};
use conformd::domain::plan::effective_rules::{HeldRules, TemplatesByDigest};
use conformd::domain::plan::guard::{GuardTerms, LossLimits, approve};
use conformd::domain::plan::history::History;
use conformd::domain::plan::planner::plan;
use conformd::domain::plan::redeploy::Redeploy;
use conformd::domain::plan::window::{LossWindow, SPAN};

const REGIONS: usize = 20;
/// Organization packs per region (AWS Config quota).
const PACKS: usize = 50;
const ROUNDS: usize = 20;
const TEMPLATE: &str = "\
Resources:
  Rule:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: rule
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
";

/// One region: what it should hold and what it shows.
struct Scene {
    place: Place,
    desired: Desired,
    records: Vec<PackRecord>,
    statuses: Vec<StatusRecord>,
}

#[expect(clippy::unwrap_used, reason = "the template is written here")]
fn scene(region: usize) -> Result<Scene, Malformed> {
    let parsed = Arc::new(Template::parse_delivered(TEMPLATE).unwrap());
    let place = Place {
        account: "111111111111".parse()?,
        region: format!("eu-west-{}", region + 1).parse()?,
    };
    let mut desired = Desired {
        revision: Revision("r1".to_owned()),
        trust: SourceTrust::Whole,
        absence: Absence::Atomic,
        confirmed: true,
        confirms_at: None,
        empty: false,
        elsewhere: BTreeSet::new(),
        absent: BTreeMap::new(),
        packs: BTreeMap::new(),
        list: None,
        freshness: ListFreshness::Current,
    };
    let (mut records, mut statuses) = (Vec::new(), Vec::new());
    for number in 0..PACKS {
        let name: PackName = format!("pack-{number}").parse()?;
        let template = Digest::of([number.to_be_bytes().as_slice()]);
        let policy = DeletionPolicy::Delete;
        let marker = Marker::new("main".parse()?, template, 100, policy, (&place, &name));
        let inputs = (0..30).map(|index| (format!("Parameter{index}"), "some value".to_owned()));
        let mut inputs: BTreeMap<String, String> = inputs.collect();
        inputs.insert(MARKER_PARAMETER.to_owned(), marker.to_string());
        let excluded = (0..100).map(|account| format!("2{account:011}").parse());
        let excluded: BTreeSet<_> = excluded.collect::<Result<_, _>>()?;
        let content = Content {
            body: Arc::from("Resources: {}"),
            inputs: inputs.clone(),
            excluded: excluded.clone(),
            delivery: ResultsBucket::default(),
        };
        if number % 2 == 0 {
            inputs.insert("Parameter0".to_owned(), "another value".to_owned());
        }
        records.push(PackRecord {
            name: name.clone(),
            arn: format!("arn:{name}"),
            last_update: Timestamp::UNIX_EPOCH,
            inputs,
            excluded,
            delivery: ResultsBucket::default(),
        });
        let Ok(status) = "CREATE_SUCCESSFUL".parse();
        statuses.push(StatusRecord {
            name: name.clone(),
            status,
            error_code: None,
            error_message: None,
            last_update: Some(Timestamp::UNIX_EPOCH),
        });
        let want = DesiredPack {
            excluded: named(&content.excluded),
            selects: false,
            content,
            template: Arc::clone(&parsed),
            marker,
            adopt: false,
            suspend: None,
            invalid_now: None,
            unended: None,
        };
        desired.packs.insert(name, DesiredEntry::Pack(Box::new(want)));
    }
    Ok(Scene { place, desired, records, statuses })
}

/// Plans every region once; returns the number of steps.
fn plan_all(scenes: &[Scene], installation: &Installation) -> usize {
    let now = after(Timestamp::UNIX_EPOCH, Duration::from_hours(48));
    let (pace, limits) = (Pace::new(Duration::from_mins(15)), LossLimits::default());
    let window = LossWindow::with_record(SPAN, SPAN);
    let none = BTreeMap::new();
    let approvals = Approvals { all: &none, now, aws_now: now };
    let templates = TemplatesByDigest::new();
    let mut steps = 0;
    for scene in scenes {
        let Scene { place, desired, records, statuses } = scene;
        let seen = join(records.clone(), statuses.clone(), installation, place);
        let mut history = History::default();
        history.observe(&seen, desired, now, &pace);
        let observed = Observed::Seen(seen);
        let Observed::Seen(seen) = &observed else { continue };
        let rules = HeldRules::new(place, Some(seen), &templates);
        let (desired, quota) = (Some(desired), PACKS);
        let inputs = PlanInputs {
            place,
            desired,
            observed: &observed,
            history: &history,
            tracking: &Tracking::default(),
            recorders: &Recorders::default(),
            redeploy: &Redeploy::default(),
            pace: &pace,
            quota,
            rules: &rules,
            approvals,
            window: &window,
            elapsed: SPAN,
        };
        let mode = Mode::Sync;
        let terms = GuardTerms {
            mode,
            limits: &limits,
            approvals,
            rules: &rules,
            members: Some(10_000),
            shrink: None,
            elapsed: SPAN,
        };
        let plan = plan(&inputs, now);
        steps += approve(plan, &terms, &window).approved.plan().steps.len();
    }
    steps
}

fn main() -> Result<(), Malformed> {
    let scenes = (0..REGIONS).map(scene).collect::<Result<Vec<_>, _>>()?;
    let installation = "main".parse()?;
    let mut times = Vec::new();
    let mut steps = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        steps = plan_all(&scenes, &installation);
        times.push(started.elapsed());
    }
    times.sort();
    let (best, median) = (times.first().copied(), times.get(ROUNDS / 2).copied());
    println!(
        "plan of {} pairs ({steps} steps): best {:.1?}, median {:.1?}; budget 50 ms",
        REGIONS * PACKS,
        best.unwrap_or_default(),
        median.unwrap_or_default(),
    );
    Ok(())
}
