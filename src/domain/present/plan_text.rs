//! How a plan reads: one text for the command line, the log, the status page and the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::template_text;
use crate::domain::base::limits;
use crate::domain::base::model::{
    AccountId, AccountState, DeletionPolicy, ResultsBucket, Timestamp,
};
use crate::domain::base::time::to_second;
use crate::domain::base::untrusted::{SHOWN_TEXT_MAX, flowing};
use crate::domain::base::words::many;
use crate::domain::declared::template::{Remediation, RemediationChange};
use crate::domain::plan::hold::{Hold, HoldReason, Lift};
use crate::domain::plan::region_plan::{Bystander, Plan};
use crate::domain::plan::step::{
    Action, ActionKind, Change, Entering, Leaving, ParameterValue, PlanStep, Reason, TemplateMark,
};

/// Whether parameter values may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// By the person who ran the command.
    Shown,
    /// Only as a digest: logs, pages, files.
    Hidden,
}

/// A plan as text. Lines begin with two spaces and `+`, `~` or `-` for a change, `!` for what is
/// held until a person acts, and `=` for what is held until it resolves by itself.
#[derive(Debug, Clone, Copy)]
pub struct PlanText<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Whether parameter values may be seen.
    pub values: Values,
}

impl fmt::Display for PlanText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { place, revision, steps, holds, bystanders, weights: _ } = self.plan;
        write!(out, "{} (account {})", place.region, place.account)?;
        if let Some(revision) = revision {
            write!(out, " at {}", clean(&revision.0))?;
        }
        writeln!(out)?;
        for step in steps {
            write!(out, "{}", StepText { step, values: self.values })?;
        }
        for hold in holds {
            self.hold(out, hold)?;
        }
        let unmanaged =
            bystanders.values().filter(|other| matches!(other, Bystander::Unmanaged)).count();
        let foreign = bystanders.len().saturating_sub(unmanaged);
        if !bystanders.is_empty() {
            writeln!(out, "  not managed here: {unmanaged} unmanaged, {foreign} foreign")?;
        }
        if is_unknown(self.plan) {
            // "No changes" would be a claim about a region that was not read.
            return writeln!(out, "  Unknown: it could not be read, so nothing is planned.");
        }
        writeln!(out, "  {}", Summary::of(self.plan))
    }
}

/// One step as text, as it stands in the text of its plan.
#[derive(Debug, Clone, Copy)]
pub struct StepText<'a> {
    /// The step.
    pub step: &'a PlanStep,
    /// Whether parameter values may be seen.
    pub values: Values,
}

impl fmt::Display for StepText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, values } = *self;
        writeln!(out, "  {} {} {}", sign(step), step.pack, headline(step))?;
        values.changes(out, step)
    }
}

fn sign(step: &PlanStep) -> char {
    match step.action {
        Action::Create(_) => '+',
        Action::Adopt(_) | Action::Update(_) | Action::Redeploy(_) => '~',
        Action::Delete => '-',
    }
}

/// The sign of a hold: only what waits for a person is marked as such.
fn hold_sign(reason: HoldReason) -> char {
    match reason.lift() {
        Lift::Person => '!',
        Lift::Time | Lift::Purpose => '=',
    }
}

/// The verb and its reason.
fn headline(step: &PlanStep) -> String {
    let kind = step.action.kind();
    why(step).map_or_else(|| kind.to_string(), |why| format!("{kind}: {why}"))
}

/// Why a pack that is not desired is deleted.
const UNDECLARED: &str = "no manifest declares it";

/// Why a step is there, if its verb does not say so.
pub(super) fn why(step: &PlanStep) -> Option<String> {
    Some(match &step.reason {
        Reason::Missing | Reason::Changed => return None,
        Reason::Vanished => "it was deployed and is gone".to_owned(),
        Reason::Adoption => "its manifest adopts it".to_owned(),
        Reason::ForeignChange => "external change".to_owned(),
        Reason::ForeignWrite => "external write, without a visible difference".into(),
        Reason::Failed { code, message } => {
            let code = code.as_deref().unwrap_or("no code");
            let message = message.as_deref().unwrap_or("no message");
            let what = match step.action {
                Action::Create(_) | Action::Adopt(_) | Action::Update(_) | Action::Redeploy(_) => {
                    "deployment"
                }
                Action::Delete => "removal",
            };
            format!("its {what} failed ({}: {})", clean(code), clean(message))
        }
        Reason::MembersFailed { classes } => {
            let classes: Vec<String> =
                classes.iter().map(|(class, number)| format!("{number} {class}")).collect();
            format!("members failed, with causes that may be resolved now ({})", classes.join(", "))
        }
        Reason::Redeploy { accounts, seen } => redeploy(accounts, seen),
        Reason::Unwanted => UNDECLARED.to_owned(),
        Reason::RegionDropped => "its manifest does not name this region".to_owned(),
        Reason::Absent => "its manifest says `state: Absent`".to_owned(),
    })
}

/// Accounts of one redeployment that are named.
const REDEPLOYED_SHOWN: usize = 10;

/// The accounts of a redeployment, and the evidence.
fn redeploy(accounts: &BTreeSet<AccountId>, seen: &BTreeMap<AccountId, Timestamp>) -> String {
    let named: Vec<&str> = accounts.iter().take(REDEPLOYED_SHOWN).map(AccountId::as_str).collect();
    let more = accounts.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let whose = match (seen.len(), accounts.len()) {
        (1, 1) => "recorder".to_owned(),
        (some, all) if some < all => format!("{some} of {all} recorders"),
        _ => "recorders".to_owned(),
    };
    // The oldest observation is shown, since it is the weakest evidence.
    let seen = seen
        .values()
        .min()
        .map_or_else(String::new, |oldest| format!(" ({whose} seen {})", to_second(*oldest)));
    format!("for {}{more}{seen}", named.join(" "))
}

/// Foreign text on one line.
fn clean(text: &str) -> String {
    flowing(text, SHOWN_TEXT_MAX)
}

impl Values {
    fn changes(self, out: &mut fmt::Formatter<'_>, step: &PlanStep) -> fmt::Result {
        step.changes.iter().try_for_each(|change| self.change(out, change))
    }

    fn change(self, out: &mut fmt::Formatter<'_>, change: &Change) -> fmt::Result {
        match change {
            Change::Exclusions { entering, leaving } => exclusions(out, entering, leaving),
            Change::Template { old, new, remediations, content } => {
                let old = old.as_ref().map(|old| format!("{} → ", mark(old)));
                writeln!(out, "      template   {}{}", old.unwrap_or_default(), mark(new))?;
                for line in template_text::lines(content, self == Self::Hidden) {
                    writeln!(out, "        {line}")?;
                }
                remediations.iter().try_for_each(|change| remediation(out, change))
            }
            Change::Parameter { name, old, new } => {
                let (name, old, new) = (clean(name), old.as_ref(), new.as_ref());
                match (old, new) {
                    (None, Some(new)) => {
                        writeln!(out, "      parameter  {name} = {}", self.value(new))
                    }
                    (Some(old), None) => {
                        writeln!(out, "      parameter  {name} {} → (not set)", self.value(old))
                    }
                    (Some(old), Some(new)) => {
                        writeln!(
                            out,
                            "      parameter  {name} {} → {}",
                            self.value(old),
                            self.value(new)
                        )
                    }
                    (None, None) => writeln!(out, "      parameter  {name}"),
                }
            }
            Change::Delivery { old, new } => {
                writeln!(out, "      delivery   {} → {}", delivery(old), delivery(new))
            }
            Change::DeletionPolicy { old, new } => {
                writeln!(out, "      on removal {} → {}", policy(*old), policy(*new))
            }
        }
    }

    fn value(self, value: &ParameterValue) -> String {
        match self {
            Self::Shown => quoted(value.reveal()),
            Self::Hidden => value.redacted(),
        }
    }
}

impl PlanText<'_> {
    fn hold(&self, out: &mut fmt::Formatter<'_>, hold: &Hold) -> fmt::Result {
        let Hold { pack, why, until, step } = hold;
        let reason = hold.reason();
        let mark = hold_sign(reason);
        match (pack, step) {
            // In mode observe, every change is held: the sign says what it would do.
            (Some(pack), Some(step)) if reason == HoldReason::Mode => {
                writeln!(out, "  {} {pack} would {}", sign(step), headline(step))?;
                self.values.changes(out, step)?;
            }
            (Some(pack), Some(step)) => {
                let headline = headline(step);
                // Which packs the invalid manifests declare is not known.
                let headline = if hold.reason() == HoldReason::Invalid {
                    headline.replace(UNDECLARED, "no valid manifest declares it")
                } else {
                    headline
                };
                writeln!(out, "  {mark} {pack} held, would {headline}")?;
                self.values.changes(out, step)?;
            }
            (Some(pack), None) => writeln!(out, "  {mark} {pack} held")?,
            (None, _) => writeln!(out, "  {mark} the whole region is held")?,
        }
        let (reason, why) = (hold.reason(), clean(&why.to_string()));
        writeln!(out, "      {reason}: {why}{}", until.map(until_text).unwrap_or_default())
    }
}

/// Accounts that enter or leave an exclusion, shown of one change; the rest is counted.
const ACCOUNTS_MAX: usize = 10;

fn exclusions(
    out: &mut fmt::Formatter<'_>,
    entering: &BTreeMap<AccountId, Entering>,
    leaving: &BTreeMap<AccountId, Leaving>,
) -> fmt::Result {
    for (account, Entering { name, rule, counts: _ }) in entering.iter().take(ACCOUNTS_MAX) {
        let (name, rule) = (named(name.as_ref()), clean(&rule.to_string()));
        writeln!(out, "      excluded   + {account}{name} ({rule})")?;
    }
    more(out, '+', entering.len())?;
    for (account, leaving) in leaving.iter().take(ACCOUNTS_MAX) {
        let name = match leaving {
            Leaving::Selected { name, units: _, state: _ } => named(name.as_ref()),
            Leaving::Departed | Leaving::Unknown => String::new(),
        };
        writeln!(out, "      excluded   - {account}{name} ({})", leaving_text(leaving))?;
    }
    more(out, '-', leaving.len())
}

/// The name of an account behind its id.
fn named(name: Option<&String>) -> String {
    name.map(|name| format!(" {}", clean(name))).unwrap_or_default()
}

fn more(out: &mut fmt::Formatter<'_>, sign: char, count: usize) -> fmt::Result {
    match count.saturating_sub(ACCOUNTS_MAX) {
        0 => Ok(()),
        more => writeln!(out, "      excluded   {sign} and {more} more"),
    }
}

fn leaving_text(leaving: &Leaving) -> String {
    match leaving {
        Leaving::Departed => "no longer a member".to_owned(),
        Leaving::Unknown => "no rule excludes it".to_owned(),
        Leaving::Selected { name: _, units, state } => {
            let unit = units.as_deref().and_then(<[_]>::last).map(|unit| format!("in {unit}"));
            // Active is the normal state and explains nothing.
            let state = state.filter(|state| *state != AccountState::Active);
            let now: Vec<String> = unit.into_iter().chain(state.map(|it| it.to_string())).collect();
            if now.is_empty() {
                "no rule excludes it".to_owned()
            } else {
                format!("now {}", now.join(", "))
            }
        }
    }
}

/// A parameter value in quotes; only one that AWS would not take is cut.
fn quoted(value: &str) -> String {
    let cut = value.floor_char_boundary(limits::PARAMETER_VALUE);
    let (shown, rest) = value.split_at(cut);
    format!("{shown:?}{}", if rest.is_empty() { "" } else { "…" })
}

fn until_text(until: Timestamp) -> String {
    format!(" (until {})", to_second(until))
}

fn mark(TemplateMark { digest, rules, remediations }: &TemplateMark) -> String {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let remediations = remediations.filter(|number| *number > 0);
    let remediations =
        remediations.map(|number| format!(", {}", many(count(number), "remediation")));
    let rules = many(count(*rules), "rule");
    format!("{} ({rules}{})", digest.short(), remediations.unwrap_or_default())
}

/// What becomes of a remediation, on a line.
fn remediation(
    out: &mut fmt::Formatter<'_>,
    RemediationChange { old, new }: &RemediationChange,
) -> fmt::Result {
    let text = |one: &Remediation| clean(&one.to_string());
    let (sign, of, what) = match (old, new) {
        (Some(old), Some(new)) if text(old) == text(new) => {
            ('~', new, format!("{}, with other settings", text(new)))
        }
        (Some(old), Some(new)) => ('~', new, format!("{} → {}", text(old), text(new))),
        (None, Some(new)) => ('+', new, text(new)),
        (Some(old), None) => ('-', old, text(old)),
        (None, None) => return Ok(()),
    };
    writeln!(out, "      remediation {sign} {}: {what}", clean(&of.rule))
}

fn policy(policy: DeletionPolicy) -> &'static str {
    match policy {
        DeletionPolicy::Delete => "Delete",
        DeletionPolicy::Orphan => "Orphan",
    }
}

fn delivery(ResultsBucket { bucket, prefix }: &ResultsBucket) -> String {
    match (bucket.is_empty(), prefix.is_empty()) {
        (true, _) => "none".to_owned(),
        (false, true) => clean(bucket),
        (false, false) => format!("{}/{}", clean(bucket), clean(prefix)),
    }
}

/// Whether the region could not be read: its plan says nothing about it.
fn is_unknown(plan: &Plan) -> bool {
    plan.holds.iter().any(|hold| hold.pack.is_none() && hold.reason() == HoldReason::Unknown)
}

/// Counts of a plan, or of several: one line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    creates: usize,
    adopts: usize,
    updates: usize,
    redeploys: usize,
    deletes: usize,
    /// Changes that wait.
    changes_held: usize,
    /// Holds without a change.
    held: usize,
    unknown: usize,
}

impl Summary {
    /// The counts of this plan.
    pub fn of(plan: &Plan) -> Self {
        let unknown = usize::from(is_unknown(plan));
        let changes_held = plan.holds.iter().filter(|hold| hold.step.is_some()).count();
        Self {
            changes_held,
            creates: plan.count(ActionKind::Create),
            adopts: plan.count(ActionKind::Adopt),
            updates: plan.count(ActionKind::Update),
            redeploys: plan.count(ActionKind::Redeploy),
            deletes: plan.count(ActionKind::Delete),
            held: plan.holds.len().saturating_sub(unknown).saturating_sub(changes_held),
            unknown,
        }
    }

    /// The counts of these plans together.
    pub fn over<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Self {
        plans.into_iter().map(Self::of).fold(Self::default(), |one, other| Self {
            creates: one.creates.saturating_add(other.creates),
            adopts: one.adopts.saturating_add(other.adopts),
            updates: one.updates.saturating_add(other.updates),
            redeploys: one.redeploys.saturating_add(other.redeploys),
            deletes: one.deletes.saturating_add(other.deletes),
            changes_held: one.changes_held.saturating_add(other.changes_held),
            held: one.held.saturating_add(other.held),
            unknown: one.unknown.saturating_add(other.unknown),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { creates, adopts, updates, redeploys, deletes, changes_held, held, unknown } =
            *self;
        // "No changes" holds only for the regions that were read, and a change that waits is one.
        let is_idle = [creates, adopts, updates, redeploys, deletes] == [0; 5];
        if is_idle && changes_held > 0 {
            write!(out, "{} held", many(changes_held, "change"))?;
        } else if is_idle {
            let where_read = if unknown > 0 { " in the regions that could be read" } else { "" };
            write!(out, "No changes{where_read}")?;
        } else {
            write!(out, "Plan: {creates} to create, ")?;
            if adopts > 0 {
                write!(out, "{adopts} to adopt, ")?;
            }
            write!(out, "{updates} to update, ")?;
            if redeploys > 0 {
                write!(out, "{redeploys} to redeploy, ")?;
            }
            write!(out, "{deletes} to delete")?;
        }
        if changes_held > 0 && !is_idle {
            write!(out, "; {} held", many(changes_held, "change"))?;
        }
        if held > 0 {
            write!(out, "; {} held without a change", many(held, "pack"))?;
        }
        match unknown {
            0 => {}
            1 => write!(out, "; 1 region unknown")?,
            _ => write!(out, "; {unknown} regions unknown")?,
        }
        write!(out, ".")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::domain::base::model::{Place, Revision};
    use crate::domain::base::untrusted::is_hidden;
    use crate::domain::organization::selector::ExclusionRule;
    use crate::domain::plan::hold::HoldCause;
    use crate::domain::plan::loss::Losses;
    use crate::domain::plan::region_plan::Weights;

    /// What AWS, a file or a person could put where text is expected.
    fn any_foreign() -> impl Strategy<Value = String> {
        let nasty = prop_oneof![
            Just('\n'),
            Just('\r'),
            Just('\u{1b}'),
            Just('\u{85}'),
            Just('\u{2028}'),
            Just('\u{202e}'),
            Just('\u{2067}'),
            any::<char>(),
        ];
        let short = proptest::collection::vec(nasty, 0..12).prop_map(String::from_iter);
        (short, prop_oneof![4 => Just(1), 1 => Just(2_000)])
            .prop_map(|(text, times)| text.repeat(times))
    }

    /// A plan of one step and one hold with these texts wherever foreign text can stand.
    fn plan_of(texts: [String; 6]) -> Plan {
        let [name, old, new, bucket, why, message] = texts;
        let value = |text: &str| Some(ParameterValue::new(text));
        let delivery = |bucket: &str, prefix: &str| ResultsBucket {
            bucket: format!("b{bucket}"),
            prefix: prefix.to_owned(),
        };
        let tags = [(bucket.clone(), why.clone())].into();
        let entering =
            Entering { name: Some(name.clone()), rule: ExclusionRule::Tags(tags), counts: true };
        let step = PlanStep {
            pack: "iam".parse().unwrap(),
            action: Action::Delete,
            reason: Reason::Failed { code: Some(why.clone()), message: Some(message.clone()) },
            changes: vec![
                Change::Parameter { name: name.clone(), old: value(&old), new: value(&new) },
                Change::Parameter { name, old: value(&old), new: None },
                Change::Delivery { old: delivery(&bucket, &old), new: delivery(&new, "") },
                Change::Exclusions {
                    entering: [("222222222222".parse().unwrap(), entering)].into(),
                    leaving: BTreeMap::new(),
                },
            ],
            marker_now: None,
            last_update: None,
            losses: Losses::of_pack(),
        };
        let hold = Hold {
            pack: Some("kms".parse().unwrap()),
            why: HoldCause::Rejected(why),
            until: None,
            step: Some(Box::new(step.clone())),
        };
        Plan {
            place: Place {
                account: "111111111111".parse().unwrap(),
                region: "eu-west-1".parse().unwrap(),
            },
            revision: Some(Revision(message)),
            steps: vec![step],
            holds: vec![hold],
            bystanders: BTreeMap::new(),
            weights: Weights::default(),
        }
    }

    #[test]
    fn a_hidden_value_is_a_digest_and_a_shown_one_is_quoted() {
        let value = ParameterValue::new("line one\nline two");
        let text = |values: Values| values.value(&value);
        assert_eq!(text(Values::Shown), r#""line one\nline two""#);
        assert_eq!(text(Values::Hidden), format!("{value:?}"));
        assert!(!text(Values::Hidden).contains("line"));
    }

    #[test]
    fn foreign_text_stays_on_its_line_and_moves_no_cursor() {
        assert_eq!(clean("a\r\n\u{1b}[2Jb\u{9b}c"), "a \\u{1b}[2Jb\\u{9b}c");
    }

    #[test]
    fn the_counts_of_many_plans_are_one_line() {
        let plan = |deletes, held| Summary { deletes, held, ..Summary::default() };
        assert_eq!(plan(0, 0).to_string(), "No changes.");
        assert_eq!(plan(0, 2).to_string(), "No changes; 2 packs held without a change.");
        let waiting = |changes_held, held| Summary { changes_held, held, ..Summary::default() };
        assert_eq!(waiting(3, 0).to_string(), "3 changes held.", "a change that waits is one");
        assert_eq!(waiting(1, 1).to_string(), "1 change held; 1 pack held without a change.");
        let blind = |unknown| Summary { unknown, ..Summary::default() }.to_string();
        assert_eq!(blind(1), "No changes in the regions that could be read; 1 region unknown.");
        assert_eq!(blind(2), "No changes in the regions that could be read; 2 regions unknown.");
        let (creates, adopts, updates, redeploys, deletes) = (1, 1, 1, 1, 1);
        let all = Summary {
            creates,
            adopts,
            updates,
            redeploys,
            deletes,
            changes_held: 1,
            held: 1,
            unknown: 1,
        };
        let text = "Plan: 1 to create, 1 to adopt, 1 to update, 1 to redeploy, 1 to delete; \
                    1 change held; 1 pack held without a change; 1 region unknown.";
        assert_eq!(all.to_string(), text);
    }

    #[test]
    fn every_hold_reason_has_its_own_word() {
        let words: BTreeSet<&str> = HoldReason::iter().map(HoldReason::as_str).collect();
        assert_eq!(words.len(), HoldReason::iter().count());
    }

    proptest! {
        #[test]
        fn no_foreign_text_forges_a_line_hides_or_turns_what_a_person_reads(
            texts in proptest::array::uniform6(any_foreign()),
        ) {
            let calm = plan_of(Default::default());
            let plan = plan_of(texts);
            for values in [Values::Shown, Values::Hidden] {
                let text = PlanText { plan: &plan, values }.to_string();
                let lines: Vec<&str> = text.lines().collect();
                let calm = PlanText { plan: &calm, values }.to_string();
                prop_assert_eq!(lines.len(), calm.lines().count());
                for line in lines {
                    prop_assert!(!line.contains(is_hidden), "{line:?}");
                    // Two values whose every byte is escaped, and the words around them.
                    let most = 2 * 10 * limits::PARAMETER_VALUE + 4 * SHOWN_TEXT_MAX;
                    prop_assert!(line.len() < most);
                }
            }
        }
    }
}
