//! The line language of the plan tests: one pack a line, for what is desired and what is observed.
//!
//! `iam v1 key=value -222222222222 s3:bucket/prefix orphan` is a pack whose template is `v1` (of 10
//! rules; `v1/4` of 4; nobody remembers their names), with a parameter, an excluded
//! account (`-3x`: three of them), a delivery and a deletion policy. `v1[a,b=X,c?]` is a template
//! that is remembered, with these rules: `b` evaluates `X`, and `c` is in effect where the
//! parameter `isOn` says so, which is the default.
//! Desired lines may add `adopt`, `suspended`, `suspended:TIME`, `broken`
//! (the last good form of a manifest that is invalid now), `stuck`, `unsupported`, `elsewhere` or
//! `absent`;
//! observed lines a time of last update, a status `UPDATE_FAILED@TIME!Code` and an owner
//! (`unmanaged`, `foreign`, `copied`, `newer`, `garbled`). `#invalid`, `#unread`, `#empty`,
//! `#declared` (a plain directory), `#once` (that was read once only) and `#unknown` are about the
//! whole; `#list 12:00 333333333333@11:30` is the account list of noon,
//! with an account and when it joined. A time is `12:00`, `12:00:30` or `d2/12:00` on the second
//! day. What is known of members has lines of its own (`members`).
//!
//! `-222222222222@ou-ab12-cdef3456` is an account excluded by its unit, as the account list says;
//! a pack that excludes nobody and might says `selects`, one that cannot tell `unresolved`.
//! `#frozen` is an account list in doubt; `#account 222222222222 ou-ab12-cdef3456 SUSPENDED` an
//! entry of it.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{
    AccountId, AccountState, DeletionPolicy, Digest, Installation, MARKER_PARAMETER, Marker,
    PackName, Place, ResultsBucket, Revision, Timestamp,
};
use conformd::domain::base::time::Pace;
use conformd::domain::declared::approval::{Approval, Approvals};
use conformd::domain::declared::catalog::ManifestProblem;
use conformd::domain::declared::diagnostic::{Diagnostic, Span};
use conformd::domain::declared::manifest::{ManifestOrigin, Suspend};
use conformd::domain::declared::snapshot::{Absence, SourcePath};
use conformd::domain::declared::template::Template;
use conformd::domain::observed::content::Content;
use conformd::domain::observed::packs::{
    Observed, PackRecord, RolloutStatus, StatusRecord, Unknown, join,
};
use conformd::domain::organization::account_list::{Account, AccountList, OrganizationRecord};
use conformd::domain::organization::membership::{ListDoubt, ListFreshness};
use conformd::domain::organization::selector::{Excluded, ExclusionRule, Unresolved, named};
use conformd::domain::plan::decision::PlanInputs;
use conformd::domain::plan::desired::{
    Desired, DesiredEntry, DesiredPack, SourceDoubt, SourceTrust, Unresolvable, UnresolvedMembers,
    Unsupported,
};
use conformd::domain::plan::effective_rules::{HeldRules, TemplatesByDigest};
use conformd::domain::plan::guard::{GuardTerms, LossLimits, Ruling, approve};
use conformd::domain::plan::history::History;
use conformd::domain::plan::planner::plan;
use conformd::domain::plan::region_plan::Plan;
use conformd::domain::plan::window::{LossWindow, SPAN};
use conformd::domain::present::plan_text::{PlanText, Values};

use crate::support::members::{Members, account_list, members};

/// Organization packs per region in these tests, as in AWS.
pub(crate) const QUOTA: usize = 50;

pub(crate) fn place() -> Place {
    Place { account: "111111111111".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

pub(crate) fn installation() -> Installation {
    "main".parse().unwrap()
}

pub(crate) fn pace() -> Pace {
    Pace::new(Duration::from_mins(15))
}

/// `12:00`, `12:00:30` or `d2/12:00`.
pub(crate) fn at(text: &str) -> Timestamp {
    let (day, time) =
        text.strip_prefix('d').and_then(|it| it.split_once('/')).unwrap_or(("1", text));
    let day: u32 = day.parse().unwrap();
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("2026-11-{day:02}T{time}{seconds}Z").parse().unwrap()
}

pub(crate) fn is_time(word: &str) -> bool {
    let time = word.split('/').next_back().unwrap_or_default();
    !word.contains('@')
        && time.starts_with(|first: char| first.is_ascii_digit())
        && time.contains(':')
}

/// The part of a line that both sides share, and the words that are left.
struct Pack<'a> {
    name: PackName,
    content: Content,
    template: Arc<Template>,
    policy: DeletionPolicy,
    /// Excluded accounts whom a unit excludes.
    by_units: Excluded,
    rest: Vec<&'a str>,
}

impl Pack<'_> {
    fn marker(&self, installation: &Installation, name: &PackName) -> Marker {
        let (template, rules) = (self.template.digest, self.template.census.rules);
        Marker::new(installation.clone(), template, rules, self.policy, (&place(), name))
    }

    fn mark(&mut self, marker: &str) {
        self.content.inputs.insert(MARKER_PARAMETER.to_owned(), marker.to_owned());
    }
}

fn pack(line: &str) -> Pack<'_> {
    let mut words = line.split_whitespace();
    let name: PackName = words.next().unwrap().parse().unwrap();
    let mut pack = Pack {
        name,
        content: Content {
            body: Arc::from("Resources: {}"),
            inputs: BTreeMap::new(),
            excluded: BTreeSet::new(),
            delivery: ResultsBucket::default(),
        },
        template: remember(counted('v', "1")),
        policy: DeletionPolicy::Delete,
        by_units: Excluded::new(),
        rest: Vec::new(),
    };
    for word in words {
        let content = &mut pack.content;
        if let Some((name, value)) = word.split_once('=') {
            content.inputs.insert(name.to_owned(), value.to_owned());
        } else if let Some(count) = word.strip_prefix('-').and_then(|it| it.strip_suffix('x')) {
            content.excluded.extend((1..=count.parse().unwrap()).map(account));
        } else if let Some(id) = word.strip_prefix('-') {
            let (id, unit) = id.split_once('@').map_or((id, None), |(id, unit)| (id, Some(unit)));
            let id: AccountId = id.parse().unwrap();
            content.excluded.insert(id);
            pack.by_units.extend(unit.map(|unit| (id, ExclusionRule::Unit(unit.parse().unwrap()))));
        } else if let Some(delivery) = word.strip_prefix("s3:") {
            let (bucket, prefix) = delivery.split_once('/').unwrap_or((delivery, ""));
            content.delivery =
                ResultsBucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        } else if let Some((version, rules)) = word.split_once('[') {
            let rules = rules.strip_suffix(']').unwrap();
            pack.template = remembered(version, rules);
        } else if let Some(version) =
            word.strip_prefix('v').filter(|it| it.parse_version().is_some())
        {
            pack.template = remember(counted('v', version));
        } else if let Some(version) =
            word.strip_prefix('u').filter(|it| it.parse_version().is_some())
        {
            pack.template = counted('u', version);
        } else if word == "orphan" {
            pack.policy = DeletionPolicy::Orphan;
        } else {
            pack.rest.push(word);
        }
    }
    pack
}

/// A template of this version and so many rules: `1/9`, or ten.
fn counted(kind: char, version: &str) -> Arc<Template> {
    let (_, rules) = version.parse_version().unwrap();
    let names: Vec<String> = (1..=rules).map(|rule| format!("rule{rule}")).collect();
    template(&format!("{kind}{version}"), &names.join(","))
}

/// A template that the process remembers, with these rules.
fn remembered(version: &str, rules: &str) -> Arc<Template> {
    remember(template(&format!("{version}[{rules}]"), rules))
}

fn remember(template: Arc<Template>) -> Arc<Template> {
    TEMPLATES.with_borrow_mut(|known| known.insert(template.digest, Arc::clone(&template)));
    template
}

/// A template with these rules, whose digest is that of `id`.
fn template(id: &str, rules: &str) -> Arc<Template> {
    PARSED.with_borrow_mut(|known| {
        let parse = || {
            let path = SourcePath::new("template.yaml").unwrap();
            let text = template_text(rules);
            let (mut template, _) = Template::parse(&path, &text).unwrap();
            template.digest = Digest::of([id.as_bytes()]);
            if rules.is_empty() {
                template.census.rules = 0;
            }
            Arc::new(template)
        };
        let key = (id.to_owned(), rules.to_owned());
        Arc::clone(known.entry(key).or_insert_with(parse))
    })
}

thread_local! {
    /// What the process remembers.
    static TEMPLATES: RefCell<TemplatesByDigest> = RefCell::default();
    /// Thousands of cases have a few templates.
    static PARSED: RefCell<BTreeMap<(String, String), Arc<Template>>> = RefCell::default();
}

fn template_text(rules: &str) -> String {
    let mut text = "Parameters: {isOn: {Type: String, Default: \"true\"}}
Conditions: {InEffect: !Equals [!Ref isOn, \"true\"], Never: !Equals [a, b]}
Resources:
"
    .to_owned();
    let rules: Vec<&str> = rules.split(',').collect();
    for (index, rule) in rules.iter().enumerate() {
        let (name, condition) = match (rule.strip_suffix('?'), *rule) {
            (_, "") => ("none", "Condition: Never, "),
            (Some(name), _) => (name, "Condition: InEffect, "),
            (None, name) => (name, ""),
        };
        let (name, source) = name.split_once('=').unwrap_or((name, name));
        let identifier = source.to_uppercase();
        writeln!(
            text,
            "  R{index}: {{Type: AWS::Config::ConfigRule, {condition}Properties: \
             {{ConfigRuleName: {name}, Source: {{Owner: AWS, SourceIdentifier: {identifier}}}}}}}"
        )
        .unwrap();
    }
    text
}

trait Version {
    fn parse_version(&self) -> Option<(u32, u32)>;
}

impl Version for &str {
    fn parse_version(&self) -> Option<(u32, u32)> {
        let (number, rules) = self.split_once('/').unwrap_or((self, "10"));
        Some((number.parse().ok()?, rules.parse().ok()?))
    }
}

/// The nth member account.
pub(crate) fn account(number: u32) -> AccountId {
    format!("2{number:011}").parse().unwrap()
}

pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty())
}

/// What the region should hold.
pub(crate) fn desired(text: &str) -> Desired {
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
    for line in lines(text) {
        match line {
            "#invalid" => desired.trust = SourceTrust::Doubted(SourceDoubt::Invalid),
            "#unread" => {
                let doubt = SourceDoubt::Unreadable("the directory is gone".to_owned());
                desired.trust = SourceTrust::Doubted(doubt);
            }
            "#empty" => desired.empty = true,
            "#declared" => desired.absence = Absence::Declared,
            "#once" => desired.confirmed = false,
            "#frozen" => {
                let doubt = ListDoubt::Unreadable("too many requests".to_owned());
                desired.freshness = ListFreshness::Frozen(doubt);
            }
            line if line.starts_with("#account ") => list(&mut desired, line),
            line if line.starts_with("#list ") => desired.list = Some(account_list(line)),
            line => want(&mut desired, line),
        }
    }
    desired
}

/// One more account in the list.
fn list(desired: &mut Desired, line: &str) {
    let mut words = line.split_whitespace().skip(1);
    let id: AccountId = words.next().unwrap().parse().unwrap();
    let mut account = Account {
        id,
        name: String::new(),
        state: Some(AccountState::Active),
        joined: None,
        units: Some([].into()),
        tags: None,
    };
    for word in words {
        match word.parse() {
            Ok(state) => account.state = Some(state),
            Err(_) => account.units = Some([word.parse().unwrap()].into()),
        }
    }
    let list = desired.list.get_or_insert_with(|| {
        Arc::new(AccountList {
            organization: OrganizationRecord {
                id: "o-example".to_owned(),
                management: place().account,
                all_features: true,
            },
            accounts: BTreeMap::new(),
            units_absent: BTreeSet::new(),
            units_walked: BTreeSet::new(),
            tags_problem: None,
            unsettled: BTreeMap::new(),
            read: at("09:00"),
        })
    });
    Arc::make_mut(list).accounts.insert(id, account);
}

/// Why the manifest of a broken pack is not used.
fn problem() -> ManifestProblem {
    let path = SourcePath::new("iam.yaml").unwrap();
    let span = Span { line: 3, column: 1, start: 0, end: 1 };
    let finding = Diagnostic::error(&path, Some(span), "unknown-field", "unknown field");
    ManifestProblem::from(&finding)
}

fn want(desired: &mut Desired, line: &str) {
    let mut pack = pack(line);
    let marker = pack.marker(&installation(), &pack.name);
    pack.mark(&marker.to_string());
    let name = pack.name.clone();
    let selects = !pack.by_units.is_empty();
    let mut excluded = named(&pack.content.excluded);
    excluded.extend(pack.by_units);
    let mut want = DesiredPack {
        excluded,
        selects,
        content: pack.content,
        template: pack.template,
        marker,
        adopt: false,
        suspend: None,
        invalid_now: None,
        unended: None,
    };
    let suspend = |until| Some(Suspend { reason: "audit freeze".to_owned(), until });
    for word in pack.rest {
        let stuck = match word {
            "adopt" => {
                want.adopt = true;
                None
            }
            "selects" => {
                want.selects = true;
                None
            }
            "unended" => {
                want.unended = Some(SourcePath::new("templates/iam.yaml").unwrap());
                None
            }
            "broken" => {
                want.invalid_now = Some(problem());
                None
            }
            "suspended" => {
                want.suspend = suspend(None);
                None
            }
            "elsewhere" => {
                desired.elsewhere.insert(name);
                return;
            }
            "absent" => {
                desired.absent.insert(name, origin("absent.yaml"));
                return;
            }
            "stuck" => Some(Unresolvable::Invalid(problem())),
            "unresolved" => {
                let (unresolved, doubt) = (Unresolved::Unlisted, Some(ListDoubt::NotRead));
                Some(Unresolvable::Unresolved(UnresolvedMembers { unresolved, doubt }))
            }
            "unsupported" => {
                let template = "s3://templates/iam.yaml".to_owned();
                Some(Unresolvable::Unsupported(Unsupported::TemplateInS3(template)))
            }
            word => {
                want.suspend = suspend(Some(at(word.strip_prefix("suspended:").unwrap())));
                None
            }
        };
        if let Some(stuck) = stuck {
            desired.packs.insert(name, DesiredEntry::Unresolvable(stuck));
            return;
        }
    }
    desired.packs.insert(name, DesiredEntry::Pack(Box::new(want)));
}

/// The first line of a file.
pub(crate) fn origin(path: &str) -> ManifestOrigin {
    let span = Span { line: 1, column: 1, start: 0, end: 1 };
    ManifestOrigin { path: SourcePath::new(path).unwrap(), span }
}

/// What the region showed.
pub(crate) fn observed(text: &str) -> Observed {
    if text.trim() == "#unknown" {
        let why = "DescribeOrganizationConformancePacks failed: timed out".to_owned();
        return Observed::Unknown(Unknown { kind: FailureKind::Timeout, why });
    }
    let (mut records, mut statuses) = (Vec::new(), Vec::new());
    for line in lines(text) {
        let (record, status) = see(line);
        records.extend(record);
        statuses.extend(status);
    }
    Observed::Seen(join(records, statuses, &installation(), &place()))
}

fn see(line: &str) -> (Option<PackRecord>, Option<StatusRecord>) {
    let mut pack = pack(line);
    let name = pack.name.clone();
    let mut marker = Some(pack.marker(&installation(), &name).to_string());
    let (mut last_update, mut status, mut is_listed) = (at("09:00"), None, true);
    for word in std::mem::take(&mut pack.rest) {
        match word {
            "unmanaged" => marker = None,
            "foreign" => {
                let other = "other".parse().unwrap();
                marker = Some(pack.marker(&other, &name).to_string());
            }
            "copied" => {
                let other = "another".parse().unwrap();
                marker = Some(pack.marker(&installation(), &other).to_string());
            }
            "newer" => marker = Some("v2.main.whatever".to_owned()),
            "garbled" => marker = Some("V1.MAIN".to_owned()),
            "unlisted" => is_listed = false,
            word if is_time(word) => last_update = at(word),
            word => status = Some(status_of(&name, word)),
        }
    }
    if let Some(marker) = marker {
        pack.mark(&marker);
    }
    let none = status.as_ref().is_some_and(|status| status.status.to_string() == "NONE");
    let status = status.or_else(|| Some(status_of(&name, "CREATE_SUCCESSFUL"))).filter(|_| !none);
    let Content { body: _, inputs, excluded, delivery } = pack.content;
    let arn = format!("arn:aws:config:eu-west-1:111111111111:organization-conformance-pack/{name}");
    let record = PackRecord { name, arn, last_update, inputs, excluded, delivery };
    (is_listed.then_some(record), status)
}

/// `UPDATE_FAILED@11:00!Code`; `NONE` for no status at all.
fn status_of(name: &PackName, word: &str) -> StatusRecord {
    let (word, code) = word.split_once('!').map_or((word, None), |(word, code)| (word, Some(code)));
    let (word, time) = word.split_once('@').map_or((word, None), |(word, time)| (word, Some(time)));
    let Ok(status) = word.parse::<RolloutStatus>();
    StatusRecord {
        name: name.clone(),
        status,
        error_code: code.map(ToOwned::to_owned),
        error_message: code.map(|_| "see the\nmember account".to_owned()),
        last_update: time.map(at),
    }
}

/// A look at the region of whose members nothing is known: history first, then the plan.
pub(crate) fn look(
    history: &mut History,
    desired: &Desired,
    observed: &Observed,
    now: Timestamp,
) -> Plan {
    look_with(history, desired, (observed, &Members::default()), now)
}

/// A look at the region and what is known of its members.
pub(crate) fn look_with(
    history: &mut History,
    desired: &Desired,
    looked: (&Observed, &Members),
    now: Timestamp,
) -> Plan {
    let known = (&BTreeMap::new(), &old_window());
    look_knowing(history, desired, looked, known, now)
}

/// The window of a process that knows everything that was lost, which is nothing.
pub(crate) fn old_window() -> LossWindow {
    LossWindow::with_record(Duration::ZERO, SPAN)
}

/// The same, where these approvals are declared and this was lost.
pub(crate) fn look_knowing(
    history: &mut History,
    desired: &Desired,
    (observed, members): (&Observed, &Members),
    (approvals, window): (&BTreeMap<String, Approval>, &LossWindow),
    now: Timestamp,
) -> Plan {
    let (place, pace) = (place(), pace());
    if let Observed::Seen(seen) = observed {
        history.observe(seen, desired, now, &pace);
        history.arrive(&members.tracking);
    }
    let templates = templates();
    let inputs = PlanInputs {
        place: &place,
        desired: Some(desired),
        observed,
        history,
        tracking: &members.tracking,
        recorders: &members.recorders,
        redeploy: &members.redeploy,
        pace: &pace,
        quota: QUOTA,
        rules: &held_rules(&place, observed, &templates),
        approvals: Approvals { all: approvals, now, aws_now: now },
        window,
        // By then nothing is unknown to it.
        elapsed: Duration::MAX,
    };
    plan(&inputs, now)
}

/// The templates that are remembered.
pub(crate) fn templates() -> TemplatesByDigest {
    TEMPLATES.with_borrow(Clone::clone)
}

/// What the packs of the region hold, as far as their templates are remembered.
pub(crate) fn held_rules<'a>(
    place: &'a Place,
    observed: &'a Observed,
    templates: &'a TemplatesByDigest,
) -> HeldRules<'a> {
    let seen = match observed {
        Observed::Seen(seen) => Some(seen),
        Observed::Unknown(_) => None,
    };
    HeldRules::new(place, seen, templates)
}

/// What the guard says of a plan where nothing was lost and nothing is approved.
pub(crate) fn ruled((plan, observed): (Plan, &Observed), mode: Mode, now: Timestamp) -> Ruling {
    let (here, templates) = (place(), templates());
    let terms = GuardTerms {
        mode,
        limits: &LossLimits::default(),
        approvals: Approvals { all: &BTreeMap::new(), now, aws_now: now },
        rules: &held_rules(&here, observed, &templates),
        members: None,
        shrink: None,
        elapsed: SPAN,
    };
    approve(plan, &terms, &old_window())
}

/// The plan of a process that looks for the first time, at noon.
pub(crate) fn first_plan(desired_text: &str, observed_text: &str) -> Plan {
    let mut history = History::default();
    look(&mut history, &desired(desired_text), &observed(observed_text), at("12:00"))
}

/// The plan at noon of a process that saw the same one interval earlier.
pub(crate) fn second_plan(desired_text: &str, observed_text: &str) -> Plan {
    let mut history = History::default();
    let (desired, observed) = (desired(desired_text), observed(observed_text));
    look(&mut history, &desired, &observed, at("11:45"));
    look(&mut history, &desired, &observed, at("12:00"))
}

/// The plan at noon of a process that knows this of the members.
pub(crate) fn plan_with(desired_text: &str, observed_text: &str, members_text: &str) -> Plan {
    let (desired, observed) = (desired(desired_text), observed(observed_text));
    let (now, mut history) = (at("12:00"), History::default());
    look_with(&mut history, &desired, (&observed, &members(members_text, now)), now)
}

/// The text of a plan without its first line, which is always the same here.
pub(crate) fn text(plan: &Plan) -> String {
    let text = PlanText { plan, values: Values::Shown }.to_string();
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!(first, "eu-west-1 (account 111111111111) at r1");
    rest.to_owned()
}
