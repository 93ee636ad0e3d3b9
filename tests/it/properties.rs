//! What holds of every plan, whatever is desired and observed: properties over a toy AWS.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{AccountId, DeletionPolicy, Marker, PackName, Timestamp};
use conformd::domain::base::time::after;
use conformd::domain::declared::approval::{Approval, Approvals, Permit, Permitted};
use conformd::domain::observed::content::fingerprint_of;
use conformd::domain::observed::packs::{Observed, ObservedPack, Ownership};
use conformd::domain::plan::desired::{Desired, DesiredEntry, SourceTrust};
use conformd::domain::plan::guard::{GuardTerms, LossLimits, Ruling, approve};
use conformd::domain::plan::history::History;
use conformd::domain::plan::hold::{Hold, HoldReason};
use conformd::domain::plan::loss::Loss;
use conformd::domain::plan::outcome::{Outcome, StepResult};
use conformd::domain::plan::own_puts::WriteSpan;
use conformd::domain::plan::region_plan::Plan;
use conformd::domain::plan::step::Action;
use conformd::domain::plan::window::LossWindow;
use conformd::domain::present::plan_text::{PlanText, Values};
use conformd::domain::present::view::region::PendingApprovalView;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use strum::IntoEnumIterator as _;

use crate::support::lines::{
    account, at, desired, held_rules, look, observed, old_window, origin, pace, place, templates,
};
use crate::support::toy::{Fault, Toy, Trouble, any_trouble};

const CASES: u32 = 1_000;

/// Values that must not be seen; long enough not to occur by chance.
const SECRETS: [&str; 3] = ["hunter2-swordfish", "correct-horse", "tr0ub4dor"];

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES.max(ProptestConfig::default().cases), ..Default::default() }
}

/// Lines for some of these names, each followed by words drawn from every group.
fn any_lines(
    names: &'static [&'static str],
    groups: &'static [&'static [&'static str]],
) -> impl Strategy<Value = Vec<String>> {
    let names = subsequence(names.to_vec(), 0..=names.len());
    names.prop_flat_map(move |names| {
        let line = move |name: &str| {
            let name = name.to_owned();
            let words: Vec<_> = groups.iter().map(|group| select(group.to_vec())).collect();
            words.prop_map(move |words| format!("{name} {}", words.join(" ")))
        };
        names.into_iter().map(line).collect::<Vec<_>>()
    })
}

const TEMPLATES: &[&str] = &["v1", "v1", "v2", "v3/12"];
const PARAMETERS: &[&str] =
    &["", "", "key=hunter2-swordfish", "key=correct-horse", "key=tr0ub4dor age=hunter2-swordfish"];
const EXCLUSIONS: &[&str] = &["", "", "-1x", "-3x", "-9x", "-222222222222"];
const POLICIES: &[&str] = &["", "", "", "orphan"];
const DELIVERIES: &[&str] = &["", "", "s3:awsconfigconforms-a/packs"];
const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f"];

fn any_desired() -> impl Strategy<Value = Vec<String>> {
    const KINDS: &[&str] =
        &["", "", "", "", "adopt", "suspended", "suspended:12:30", "broken", "stuck", "elsewhere"];
    any_lines(NAMES, &[TEMPLATES, PARAMETERS, EXCLUSIONS, POLICIES, DELIVERIES, KINDS])
}

/// Manifests that nothing but AWS stands in the way of.
fn any_good_desired() -> impl Strategy<Value = Vec<String>> {
    any_lines(NAMES, &[TEMPLATES, PARAMETERS, EXCLUSIONS, POLICIES, DELIVERIES, &["", "", "adopt"]])
}

const OWNERS: &[&str] = &["", "", "", "", "unmanaged", "foreign", "copied", "newer", "garbled"];
const SIGHTS: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h"];

fn any_observed() -> impl Strategy<Value = Vec<String>> {
    const STATUSES: &[&str] = &[
        "",
        "",
        "",
        "NONE",
        "UPDATE_IN_PROGRESS",
        "CREATE_FAILED@10:00!NoRecorder",
        "UPDATE_FAILED@11:50",
        "DELETE_IN_PROGRESS",
        "DELETE_FAILED@10:00",
        "RESTORING",
        "unlisted",
    ];
    const TIMES: &[&str] = &["09:00", "11:00"];
    let packs =
        any_lines(SIGHTS, &[TEMPLATES, PARAMETERS, EXCLUSIONS, POLICIES, OWNERS, STATUSES, TIMES]);
    prop_oneof![9 => packs, 1 => Just(vec!["#unknown".to_owned()])]
}

/// A region in which nothing runs and nothing failed.
fn any_quiet_region() -> impl Strategy<Value = Vec<String>> {
    any_lines(SIGHTS, &[TEMPLATES, PARAMETERS, EXCLUSIONS, POLICIES, OWNERS])
}

fn any_basis() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", "#invalid", "#unread", "#empty"])
}

/// An approval of everything that may happen here.
fn all_permitted(now: Timestamp) -> BTreeMap<String, Approval> {
    let packs: BTreeSet<PackName> =
        NAMES.iter().chain(SIGHTS).map(|name| name.parse().unwrap()).collect();
    let accounts: BTreeSet<AccountId> =
        (1..=9).map(account).chain(["222222222222".parse().unwrap()]).collect();
    let of_pack = packs.iter().flat_map(|pack| {
        let (pack, accounts) = (pack.clone(), accounts.clone());
        let rules = (1..=12).map(|number| format!("rule{number}")).collect();
        let rules = Permitted::Rules { pack: pack.clone(), rules };
        [rules, Permitted::Accounts { pack, accounts }]
    });
    let all = [Permitted::Packs(packs.clone()), Permitted::Adoptions(packs.clone())];
    let permits = all.into_iter().chain(of_pack).map(|what| Permit { what, regions: None });
    let approval = Approval {
        name: "everything".to_owned(),
        origin: origin("everything.yaml"),
        reason: "a property about something else".to_owned(),
        expires: after(now, Duration::from_hours(1)),
        permits: permits.collect(),
    };
    [(approval.name.clone(), approval)].into()
}

/// Who rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// The default limits.
    Default,
    /// Everything is approved, again and again.
    AllPermitted,
}

fn rule(
    (plan, observed): (Plan, &Observed),
    mode: Mode,
    guard: Guard,
    window: &mut LossWindow,
    now: Timestamp,
) -> Ruling {
    let all = match guard {
        Guard::Default => BTreeMap::new(),
        Guard::AllPermitted => all_permitted(now),
    };
    let (here, templates) = (place(), templates());
    let elapsed = now.duration_since(at("00:00")).try_into().unwrap();
    let terms = GuardTerms {
        mode,
        limits: &LossLimits::default(),
        approvals: Approvals { all: &all, now, aws_now: now },
        rules: &held_rules(&here, observed, &templates),
        members: Some(100),
        shrink: None,
        elapsed,
    };
    let ruling = approve(plan, &terms, window);
    if guard == Guard::Default && mode.may_put() {
        window.commit(&ruling, elapsed, now);
    }
    ruling
}

/// One look of a long story.
#[derive(Debug, Clone)]
struct Look {
    minutes: u64,
    desired: String,
    observed: String,
    result: StepResult,
}

fn any_health() -> impl Strategy<Value = StepResult> {
    let failed = select(FailureKind::iter().collect::<Vec<_>>());
    let failed = failed.prop_map(|kind| StepResult::Failed { kind, why: "no".to_owned() });
    let unknown = StepResult::Unknown { kind: FailureKind::Timeout, why: "?".to_owned() };
    prop_oneof![
        4 => Just(StepResult::Accepted { arn: None }),
        1 => Just(unknown),
        1 => Just(StepResult::NotStarted),
        1 => failed,
    ]
}

/// Looks that mostly repeat what the one before showed, so that second readings agree now and then.
fn any_story() -> impl Strategy<Value = Vec<Look>> {
    let desired = (any_basis(), any_desired());
    let desired = desired.prop_map(|(trust, lines)| format!("{trust}\n{}", lines.join("\n")));
    let desired = proptest::option::weighted(0.3, desired);
    let observed = proptest::option::weighted(0.3, any_observed());
    let minutes = select(vec![1, 5, 15, 20, 700]);
    let look = (minutes, desired, observed, any_health());
    proptest::collection::vec(look, 1..8).prop_map(|looks| {
        let (mut wanted, mut shown) = (String::new(), String::new());
        let tell =
            |(minutes, desired, observed, result): (_, Option<String>, Option<Vec<_>>, _)| {
                wanted = desired.unwrap_or_else(|| wanted.clone());
                shown = observed.map_or_else(|| shown.clone(), |lines| lines.join("\n"));
                Look { minutes, desired: wanted.clone(), observed: shown.clone(), result }
            };
        looks.into_iter().map(tell).collect()
    })
}

/// A look that was taken, with what was ruled.
struct Taken {
    now: Timestamp,
    desired: Desired,
    observed: Observed,
    plan: Plan,
    ruling: Ruling,
}

fn play(story: &[Look], mode: Mode, guard: Guard) -> Vec<Taken> {
    let (mut history, mut window, mut now) = (History::default(), old_window(), at("12:00"));
    let mut taken = Vec::new();
    for Look { minutes, desired: wanted, observed: shown, result } in story {
        now = after(now, Duration::from_mins(*minutes));
        let (desired, observed) = (desired(wanted), observed(shown));
        let plan = look(&mut history, &desired, &observed, now);
        let ruling = rule((plan.clone(), &observed), mode, guard, &mut window, now);
        for step in ruling.approved.clone().into_steps() {
            history.record(&Outcome { step, result: result.clone() }, WriteSpan::at(now), &pace());
        }
        taken.push(Taken { now, desired, observed, plan, ruling });
    }
    taken
}

fn pack<'a>(observed: &'a Observed, name: &PackName) -> Option<&'a ObservedPack> {
    match observed {
        Observed::Seen(seen) => seen.packs.get(name),
        Observed::Unknown(_) => None,
    }
}

fn marker(observed: &Observed, name: &PackName) -> Option<Marker> {
    match &pack(observed, name)?.ownership {
        Ownership::Ours(marker) => Some(marker.clone()),
        Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => None,
    }
}

/// Whether this look says, without a doubt, that our pack is not wanted.
fn is_unwanted(taken: &Taken, name: &PackName, marker_now: Option<&Marker>) -> bool {
    taken.desired.trust == SourceTrust::Whole
        && !taken.desired.packs.contains_key(name)
        && marker(&taken.observed, name).as_ref() == marker_now
}

/// These lines and the same in another order.
fn with_shuffled(lines: Vec<String>) -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    (Just(lines.clone()), Just(lines).prop_shuffle())
}

/// Whether only a person can lift it.
fn is_final(hold: &Hold) -> bool {
    [HoldReason::Unmanaged, HoldReason::Foreign, HoldReason::Orphaned].contains(&hold.reason())
}

/// Whether an old name waits for a new one that only a person can help.
fn waits_for_a_rename(hold: &Hold, plan: &Plan, desired: &Desired) -> bool {
    let old = hold.step.as_ref().and_then(|step| step.marker_now.as_ref());
    let mut stuck = plan.holds.iter().filter(|hold| is_final(hold));
    hold.reason() == HoldReason::InProgress
        && stuck.any(|hold| match hold.pack.as_ref().and_then(|pack| desired.packs.get(pack)) {
            Some(DesiredEntry::Pack(new)) => {
                old.is_some_and(|old| old.template == new.marker.template)
            }
            Some(DesiredEntry::Unresolvable(_)) | None => false,
        })
}

/// What went away at one look.
#[derive(Default)]
struct Gone {
    deleted: BTreeSet<PackName>,
    stripped: BTreeSet<PackName>,
    accounts: BTreeSet<AccountId>,
    /// Each once, however often it came back.
    rules: BTreeSet<(PackName, String)>,
}

impl Gone {
    fn of(taken: &Taken) -> Self {
        let mut gone = Self::default();
        for step in &taken.ruling.approved.plan().steps {
            let mut rules = BTreeSet::new();
            for loss in &step.losses.lost {
                match loss {
                    Loss::Pack => drop(gone.deleted.insert(step.pack.clone())),
                    Loss::Account(account) => drop(gone.accounts.insert(*account)),
                    Loss::Rules(count) => rules.extend((0..*count).map(|it| it.to_string())),
                    Loss::Rule(name) => drop(rules.insert(name.clone())),
                    Loss::Adoption => panic!("{}: {loss} unasked", step.pack),
                }
            }
            let lost = u32::try_from(rules.len()).unwrap();
            if lost > 0 {
                let held = marker(&taken.observed, &step.pack).unwrap().rules;
                let max = if held <= 4 { 1 } else { held / 2 };
                assert!(lost <= max, "{} loses {lost} of {held} rules", step.pack);
                gone.rules.extend(rules.into_iter().map(|rule| (step.pack.clone(), rule)));
                if held <= 4 || lost * 4 >= held {
                    gone.stripped.insert(step.pack.clone());
                }
            }
        }
        gone
    }

    fn add(mut self, other: &Self) -> Self {
        self.deleted.extend(other.deleted.iter().cloned());
        self.stripped.extend(other.stripped.iter().cloned());
        self.accounts.extend(other.accounts.iter().copied());
        self.rules.extend(other.rules.iter().cloned());
        self
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn applying_plans_leaves_nothing_to_plan(
        wanted in any_good_desired(), region in any_quiet_region(), is_slow: bool,
    ) {
        let (mut toy, desired) = (Toy::new(&region, is_slow), desired(&wanted.join("\n")));
        let (mut history, mut window, mut now) = (History::default(), old_window(), at("12:00"));
        let mut last = None;
        for _ in 0..6 {
            let seen = Observed::Seen(toy.seen());
            let plan = look(&mut history, &desired, &seen, now);
            let ruling = rule((plan, &seen), Mode::Sync, Guard::AllPermitted, &mut window, now);
            last = Some(ruling.approved.plan().clone());
            for step in ruling.approved.into_steps() {
                toy.take(&step, now);
                let result = StepResult::Accepted { arn: None };
                history.record(&Outcome { step, result }, WriteSpan::at(now), &pace());
            }
            now = after(now, pace().interval);
        }
        let last = last.unwrap();
        prop_assert!(last.is_empty(), "{}", PlanText { plan: &last, values: Values::Shown });
        for hold in &last.holds {
            prop_assert!(is_final(hold) || waits_for_a_rename(hold, &last, &desired), "{hold:?}");
        }
        for (name, want) in &desired.packs {
            let DesiredEntry::Pack(want) = want else { continue };
            let is_held = last.holds.iter().any(|hold| hold.pack.as_ref() == Some(name));
            let holds = toy.real.get(name).map(|(record, _)| fingerprint_of(record));
            prop_assert!(is_held || holds == Some(want.content.fingerprint()));
        }
    }

    #[test]
    fn when_the_trouble_is_over_everything_converges_and_then_nothing_is_written(
        wanted in any_good_desired(),
        region in any_quiet_region(),
        troubles in proptest::collection::vec(any_trouble(NAMES), 0..15),
    ) {
        let (mut toy, desired) = (Toy::new(&region, false), desired(&wanted.join("\n")));
        let (mut history, mut window, mut now) = (History::default(), old_window(), at("12:00"));
        let mut tick = |toy: &mut Toy, trouble: &Trouble| {
            now = after(now, Duration::from_mins(trouble.minutes));
            if let Some((name, is_delete)) = trouble.foreign {
                toy.disturb(name, is_delete, now);
            }
            toy.is_slow = trouble.is_stale;
            let seen = Observed::Seen(toy.seen());
            let plan = look(&mut history, &desired, &seen, now);
            let ruling = rule((plan, &seen), Mode::Sync, Guard::AllPermitted, &mut window, now);
            let plan = ruling.approved.plan().clone();
            for step in ruling.approved.into_steps() {
                let result = toy.suffer(&step, trouble.fault, now);
                history.record(&Outcome { step, result }, WriteSpan::at(now), &pace());
            }
            plan
        };
        for trouble in &troubles {
            tick(&mut toy, trouble);
        }
        let (is_stale, foreign, fault) = (false, None, Fault::None);
        let calm = |minutes| Trouble { minutes, is_stale, foreign, fault };
        // Two hours of reconciliations; a fight rests for a day before that.
        for minutes in [15; 8].into_iter().chain([24 * 60]).chain([15; 8]) {
            tick(&mut toy, &calm(minutes));
        }
        for _ in 0..6 {
            let plan = tick(&mut toy, &calm(8 * 60));
            prop_assert!(plan.is_empty(), "{}", PlanText { plan: &plan, values: Values::Shown });
            for hold in &plan.holds {
                let is_fine = is_final(hold) || waits_for_a_rename(hold, &plan, &desired);
                prop_assert!(is_fine, "{hold:?}");
            }
        }
    }

    #[test]
    fn the_order_of_manifests_and_records_changes_no_byte_of_a_plan(
        (wanted, shuffled) in any_desired().prop_flat_map(with_shuffled),
        (region, mixed) in any_observed().prop_flat_map(with_shuffled),
    ) {
        let plan = |wanted: &[String], region: &[String]| {
            let (desired, observed) = (desired(&wanted.join("\n")), observed(&region.join("\n")));
            look(&mut History::default(), &desired, &observed, at("12:00"))
        };
        let (one, other) = (plan(&wanted, &region), plan(&shuffled, &mixed));
        let json = |plan: &Plan| serde_json::to_string(plan).unwrap();
        prop_assert_eq!(json(&one), json(&other));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn nothing_that_is_not_ours_is_ever_in_a_step(story in any_story()) {
        for taken in play(&story, Mode::Sync, Guard::AllPermitted) {
            for step in taken.plan.steps_with_held() {
                prop_assert!(matches!(taken.observed, Observed::Seen(_)));
                let ownership = pack(&taken.observed, &step.pack).map(|pack| &pack.ownership);
                let is_allowed = match (&step.action, ownership) {
                    (Action::Create(_), None)
                    | (Action::Update(_) | Action::Delete, Some(Ownership::Ours(_))) => true,
                    (Action::Adopt(_), Some(Ownership::Unmanaged)) => {
                        let want = taken.desired.packs.get(&step.pack);
                        matches!(want, Some(DesiredEntry::Pack(want)) if want.adopt)
                    }
                    _ => false,
                };
                prop_assert!(is_allowed, "{} of {ownership:?}", step.action.kind());
            }
        }
    }

    #[test]
    fn a_put_carries_the_marker_of_its_own_content(story in any_story()) {
        for taken in play(&story, Mode::Sync, Guard::AllPermitted) {
            for step in &taken.plan.steps {
                let Some(content) = step.action.content() else { continue };
                let Some(DesiredEntry::Pack(want)) = taken.desired.packs.get(&step.pack) else {
                    panic!("{} is put and not wanted", step.pack);
                };
                prop_assert_eq!(content, &want.content);
                let marker = want.marker.to_string();
                prop_assert_eq!(content.inputs.get("ConformdMarker"), Some(&marker));
                prop_assert!(want.marker.binds((&place(), &step.pack)));
            }
        }
    }

    #[test]
    fn a_delete_follows_two_whole_looks_an_interval_apart(story in any_story()) {
        let story = play(&story, Mode::Sync, Guard::AllPermitted);
        for (index, taken) in story.iter().enumerate() {
            for step in taken.plan.steps.iter().filter(|step| step.action == Action::Delete) {
                let name = &step.pack;
                prop_assert!(marker(&taken.observed, name).is_some());
                prop_assert_eq!(marker(&taken.observed, name), step.marker_now.clone());
                let orphan = step.marker_now.as_ref().map(|marker| marker.policy);
                prop_assert_eq!(orphan, Some(DeletionPolicy::Delete));
                let whole = story[..=index].iter().rev();
                let whole = whole.filter(|look| matches!(look.observed, Observed::Seen(_)));
                let marker = step.marker_now.as_ref();
                let first = whole.take_while(|look| is_unwanted(look, name, marker)).last();
                let first = first.unwrap();
                prop_assert!(after(first.now, pace().interval) <= taken.now, "{name}");
            }
        }
    }

    #[test]
    fn no_loss_comes_from_a_source_that_is_not_whole(story in any_story()) {
        for taken in play(&story, Mode::Sync, Guard::AllPermitted) {
            let loses = taken.plan.steps.iter().any(|step| !step.losses.is_empty());
            prop_assert!(!loses || taken.desired.trust == SourceTrust::Whole);
        }
    }

    #[test]
    fn observe_takes_no_step_and_upsert_no_delete(story in any_story()) {
        for taken in play(&story, Mode::Observe, Guard::AllPermitted) {
            prop_assert!(taken.ruling.approved.plan().is_empty());
        }
        for taken in play(&story, Mode::Upsert, Guard::AllPermitted) {
            let mut steps = taken.ruling.approved.plan().steps.iter();
            prop_assert!(!steps.any(|step| matches!(step.action, Action::Delete)));
        }
    }

    #[test]
    fn what_goes_away_unasked_stays_within_the_limits(story in any_story()) {
        let story = play(&story, Mode::Sync, Guard::Default);
        for (index, taken) in story.iter().enumerate() {
            let plan = taken.ruling.approved.plan();
            if plan.steps.iter().any(|step| !step.losses.is_empty()) {
                prop_assert!(!taken.desired.empty);
                prop_assert!(plan.weights.owned_wanted * 2 >= plan.weights.owned);
            }
            let day = story[..=index].iter();
            let day: Vec<&Taken> =
                day.filter(|it| after(it.now, Duration::from_hours(24)) > taken.now).collect();
            let gone = day.iter().fold(Gone::default(), |gone, it| gone.add(&Gone::of(it)));
            let owned = day.iter().map(|it| it.ruling.approved.plan().weights.owned);
            let owned = owned.max().unwrap_or_default() + gone.deleted.len();
            prop_assert!(gone.deleted.len() <= (owned / 10).max(1), "{:?}", gone.deleted);
            prop_assert!(gone.accounts.len() <= 5, "{:?}", gone.accounts);
            // Eight packs of twelve rules at most: a tenth of them is nine.
            prop_assert!(gone.rules.len() <= 9, "{:?}", gone.rules);
            prop_assert!(gone.deleted.union(&gone.stripped).count() <= 5);
            if let Some(pending) = &taken.ruling.pending {
                let waits = |pack: &PackName| pending.losses.contains_key(pack);
                prop_assert!(plan.steps.iter().all(|step| !waits(&step.pack)));
            }
        }
    }

    #[test]
    fn whatever_differs_has_a_step_or_a_reason_why_not(story in any_story()) {
        for taken in play(&story, Mode::Sync, Guard::Default) {
            let plan = taken.ruling.approved.plan();
            if plan.holds.iter().any(|hold| hold.reason() == HoldReason::Unknown) {
                continue;
            }
            let told: BTreeSet<&PackName> = plan
                .steps
                .iter()
                .map(|step| &step.pack)
                .chain(plan.holds.iter().filter_map(|hold| hold.pack.as_ref()))
                .collect();
            for (name, want) in &taken.desired.packs {
                let have = pack(&taken.observed, name).map(|pack| fingerprint_of(&pack.record));
                let is_equal = match want {
                    DesiredEntry::Pack(want) => have == Some(want.content.fingerprint()),
                    DesiredEntry::Unresolvable(_) => false,
                };
                prop_assert!(is_equal || told.contains(name), "{name} is dropped silently");
            }
            let Observed::Seen(seen) = &taken.observed else { continue };
            for name in seen.packs.keys().filter(|name| !taken.desired.packs.contains_key(*name)) {
                prop_assert!(told.contains(name) || plan.bystanders.contains_key(name));
            }
        }
    }

    #[test]
    fn one_pack_has_at_most_one_step(story in any_story()) {
        for taken in play(&story, Mode::Sync, Guard::AllPermitted) {
            let mut names = BTreeSet::new();
            for step in taken.plan.steps_with_held() {
                prop_assert!(names.insert(&step.pack), "{}", step.pack);
            }
        }
    }

    #[test]
    fn content_is_put_once_in_ten_minutes_unless_it_is_seen_changed(story in any_story()) {
        let mut puts: BTreeMap<PackName, (Timestamp, String)> = BTreeMap::new();
        let looks = play(&story, Mode::Sync, Guard::AllPermitted);
        for (taken, Look { result, .. }) in looks.iter().zip(&story) {
            for step in &taken.ruling.approved.plan().steps {
                let Some(content) = step.action.content() else {
                    puts.remove(&step.pack);
                    continue;
                };
                let content = content.fingerprint().to_string();
                if let Some((before, _)) = puts.get(&step.pack).filter(|(_, it)| *it == content) {
                    let is_over = taken.now >= after(*before, pace().settle);
                    prop_assert!(is_over, "{} is put twice", step.pack);
                }
                if matches!(result, StepResult::Accepted { .. } | StepResult::Unknown { .. }) {
                    puts.insert(step.pack.clone(), (taken.now, content));
                }
            }
        }
    }

    #[test]
    fn no_parameter_value_is_in_a_hidden_text_or_in_json(story in any_story()) {
        for taken in play(&story, Mode::Sync, Guard::Default) {
            let plan = taken.ruling.approved.plan();
            let outcomes: Vec<Outcome> = taken
                .plan
                .steps_with_held()
                .map(|step| Outcome { step: step.clone(), result: StepResult::NotStarted })
                .collect();
            let pending = taken.ruling.pending.as_ref().map(PendingApprovalView::from);
            let texts = [
                PlanText { plan, values: Values::Hidden }.to_string(),
                serde_json::to_string(plan).unwrap(),
                serde_json::to_string(&outcomes).unwrap(),
                serde_json::to_string(&pending).unwrap(),
            ];
            for text in texts {
                prop_assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "{text}");
            }
        }
    }
}
