//! A scenario file: the organization that is simulated, and what happens to it as time passes.
//!
//! Reads YAML into a [`WorldSetup`] and a script of timed [`WorldEvent`]s. Unknown fields are
//! refused, and every error names its line and column. Moments are relative to the start (`-6h50m`,
//! `30m`) or absolute (RFC 3339).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::SignedDuration;
use serde::Deserialize;
use thiserror::Error;

use super::entry::AccountEntry;
use super::event::{Timed, WorldEvent};
use super::http::options::Options;
use super::knobs::Knobs;
use super::setup::{Features, MemberSetup, ROOT, UnitSetup, WorldSetup};
use crate::domain::base::limits;
use crate::domain::base::model::{AccountId, Malformed, Region, Timestamp, UnitId};
use crate::domain::declared::diagnostic::{Severity, Span};
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml;
use crate::domain::declared::yaml::tree::YamlNode;
use crate::sim::entry::RoleEntry;
use crate::sim::moment::RelativeTime;

/// The demo's scenario, which `conformd simulate` uses as well when no file is named.
const DEMO: &str = include_str!("../../config/scenarios/demo.yaml");

/// A scenario, ready to be played.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The world at its start.
    pub setup: WorldSetup,
    /// The account whose packs the scenario is about: management or delegated administrator.
    pub owner: AccountId,
    /// How the HTTP face presents the world; unknown access keys belong to the owner.
    pub options: Options,
    /// Virtual seconds per real second.
    pub speed: u32,
    /// What happens, in order of time.
    pub script: Vec<Timed>,
}

/// Why a scenario cannot be played.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("could not read the scenario {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no scenario.
    #[error("{name}:{line}:{column}: {problem}")]
    Invalid {
        /// Which file.
        name: String,
        /// Line, from 1; 0 when unknown.
        line: u64,
        /// Column, from 1; 0 when unknown.
        column: u64,
        /// What is wrong.
        problem: String,
    },
    /// It contradicts itself.
    #[error("{name}: {problem}")]
    Contradiction {
        /// Which file.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl Scenario {
    /// Reads a scenario file; `now` is the start unless the file names one.
    pub fn read(path: &Path, now: Timestamp) -> Result<Self, ScenarioError> {
        let unreadable = |source| ScenarioError::Unreadable { path: path.to_owned(), source };
        let size = fs::metadata(path).map_err(unreadable)?.len();
        if size > limits::SOURCE_FILE_BYTES as u64 {
            return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&path.display().to_string(), &text, now)
    }

    /// The demo's scenario.
    pub fn demo(now: Timestamp) -> Result<Self, ScenarioError> {
        Self::parse("config/scenarios/demo.yaml", DEMO, now)
    }

    /// The scenario in this text, which errors call `name`.
    pub fn parse(name: &str, text: &str, now: Timestamp) -> Result<Self, ScenarioError> {
        let file: File = gate(text).and_then(|root| decode(text, root.as_ref())).map_err(
            |Misfit { line, column, problem }| ScenarioError::Invalid {
                name: name.to_owned(),
                line,
                column,
                problem,
            },
        )?;
        build(file, now)
            .map_err(|problem| ScenarioError::Contradiction { name: name.to_owned(), problem })
    }
}

/// What is wrong with a text, and where: line and column from 1, 0 when unknown.
struct Misfit {
    line: u64,
    column: u64,
    problem: String,
}

/// Refuses what the typed reader would accept or could not survive: repeated keys, aliases within
/// aliases, a second document. Names may hold any character as an escape. Returns the tree, which
/// has exact places.
fn gate(text: &str) -> Result<Option<YamlNode>, Misfit> {
    // Findings name a path; the caller knows the real one.
    let path = SourcePath::new("scenario.yaml").expect("a plain file name is a path");
    let at = |span: Option<Span>, problem| {
        let (line, column) = span.map_or((0, 0), |span| (span.line.into(), span.column.into()));
        Misfit { line, column, problem }
    };
    match yaml::parse_delivered(&path, text) {
        Ok(mut roots) => match roots.get(1) {
            Some(second) => Err(at(Some(second.span), "a second document begins here".to_owned())),
            None => Ok(roots.pop()),
        },
        Err(problems) => {
            let first = problems.into_iter().find(|problem| problem.severity == Severity::Error);
            Err(first.map_or_else(
                || at(None, "this is not YAML".to_owned()),
                |problem| at(problem.span, problem.found),
            ))
        }
    }
}

/// Reads a text that passed the [`gate`]. Enums with content are written `name: content`, as in
/// JSON, and not with tags.
fn decode(text: &str, root: Option<&YamlNode>) -> Result<File, Misfit> {
    let reader = serde_yaml::Deserializer::from_str(text);
    serde_yaml::with::singleton_map_recursive::deserialize(reader).map_err(|error| {
        let (line, column) =
            error.location().map_or((0, 0), |place| (place.line() as u64, place.column() as u64));
        let text = error.to_string();
        // The place comes before the message already.
        let problem = text.strip_suffix(&format!(" at line {line} column {column}"));
        let problem = problem.unwrap_or(&text).to_owned();
        // The reader knows where the mapping begins; the tree knows the place of its key.
        let key = problem.split_once("unknown field `").and_then(|(_, rest)| rest.split_once('`'));
        let span = key.and_then(|(key, _)| key_span(root?, (line, column), key));
        let (line, column) =
            span.map_or((line, column), |span| (span.line.into(), span.column.into()));
        Misfit { line, column, problem }
    })
}

/// The place of this key in the mapping that begins at this line and column.
fn key_span(node: &YamlNode, place: (u64, u64), key: &str) -> Option<Span> {
    if let Some(nodes) = node.sequence() {
        return nodes.iter().find_map(|node| key_span(node, place, key));
    }
    let mapping = node.mapping()?;
    let entry = mapping.entry(key);
    // The outer mapping is compared first; only a mapping at the reported place can be the one that
    // the reader means, since keys repeat in others.
    if (u64::from(node.span.line), u64::from(node.span.column)) == place && entry.is_some() {
        return entry.map(|entry| entry.key_span);
    }
    mapping.entries.iter().find_map(|entry| key_span(&entry.value, place, key))
}

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    /// When the world begins; now when left out.
    start: Option<Timestamp>,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "one")]
    speed: u32,
    #[serde(default = "all_features")]
    features: Features,
    /// The management account; the first of `accounts` when left out.
    management: Option<AccountId>,
    /// Delegated administrators.
    #[serde(default)]
    administrators: BTreeSet<AccountId>,
    /// Whose credentials clients are taken to have; the management account when left out.
    owner: Option<AccountId>,
    regions: BTreeSet<Region>,
    accounts: Vec<AccountEntry>,
    #[serde(default)]
    crowd: Option<Crowd>,
    #[serde(default)]
    units: Vec<UnitSetup>,
    #[serde(default)]
    roles: Vec<RoleEntry>,
    #[serde(default)]
    knobs: Knobs,
    #[serde(default)]
    http: Options,
    #[serde(default)]
    script: Vec<ScriptEntry>,
}

/// Many ordinary accounts with consecutive ids.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Crowd {
    first: AccountId,
    count: u32,
    joined: Option<RelativeTime>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScriptEntry {
    /// When it happens; before anything else when left out.
    at: Option<RelativeTime>,
    #[serde(rename = "do")]
    event: WorldEvent,
}

fn one<T: From<u8>>() -> T {
    T::from(1)
}

fn all_features() -> Features {
    Features::All
}

impl Crowd {
    fn members(
        self,
        start: Timestamp,
        joined_default: Timestamp,
    ) -> Result<Vec<MemberSetup>, String> {
        let Self { first, count, joined } = self;
        let joined = joined.map_or(joined_default, |joined| joined.from(start));
        let first: u64 = first.as_str().parse().map_err(|_| "no number".to_owned())?;
        let ids = (0..u64::from(count)).map(|offset| first.saturating_add(offset));
        ids.map(|id| {
            let id = format!("{id:012}").parse().map_err(|error: Malformed| error.to_string())?;
            Ok(MemberSetup::new(id, joined))
        })
        .collect()
    }
}

fn build(file: File, now: Timestamp) -> Result<Scenario, String> {
    let start = file.start.unwrap_or(now);
    // Whole seconds, so that displayed times are short.
    let start = Timestamp::from_second(start.as_second()).unwrap_or(start);
    let month_ago =
        start.saturating_sub(SignedDuration::from_hours(30 * 24)).unwrap_or(Timestamp::MIN);
    let mut accounts: Vec<MemberSetup> =
        file.accounts.into_iter().map(|entry| entry.member(start, month_ago)).collect();
    if let Some(crowd) = file.crowd {
        accounts.extend(crowd.members(start, month_ago)?);
    }
    let first = accounts.first().ok_or("an organization has at least one account")?;
    let management = file.management.unwrap_or(first.id);
    let owner = file.owner.unwrap_or(management);
    let roles = file.roles.into_iter().map(|role| role.role(owner));
    let mut script: Vec<Timed> = file
        .script
        .into_iter()
        .map(|ScriptEntry { at, event }| Timed {
            at: at.map_or(start, |at| at.from(start)).max(start),
            event,
        })
        .collect();
    // Stable: events of one moment keep the order of the file.
    script.sort_by_key(|timed| timed.at);
    let setup = WorldSetup {
        seed: file.seed,
        start,
        features: file.features,
        management,
        administrators: file.administrators,
        accounts,
        units: file.units,
        regions: file.regions,
        roles: roles.collect(),
        knobs: file.knobs,
    };
    check(&setup, &owner)?;
    let any_credentials = file.http.any_credentials.or(Some(owner));
    let options = Options { any_credentials, ..file.http };
    Ok(Scenario { setup, owner, options, speed: file.speed, script })
}

/// The form of unit ids.
const UNIT: &str = "ou-sim1-security";

/// Checks what the types of the file cannot express.
fn check(setup: &WorldSetup, owner: &AccountId) -> Result<(), String> {
    let mut known = BTreeSet::new();
    if let Some(twice) = setup.accounts.iter().find(|member| !known.insert(&member.id)) {
        return Err(format!("account {} is listed twice", twice.id));
    }
    // Accounts come before everything that refers to them, so that the message names the missing
    // account and not a consequence.
    let needed = [&setup.management, owner].into_iter().chain(&setup.administrators);
    if let Some(absent) = needed.into_iter().find(|id| !known.contains(id)) {
        return Err(format!("account {absent} is named but not listed under accounts"));
    }
    if *owner != setup.management && !setup.administrators.contains(owner) {
        return Err(format!(
            "owner {owner} neither manages the organization nor administers packs"
        ));
    }
    if let Some(unit) = setup.units.iter().find(|unit| unit.id.parse::<UnitId>().is_err()) {
        return Err(format!("{:?} is no id of an organizational unit such as {UNIT}", unit.id));
    }
    let units: BTreeSet<&str> =
        setup.units.iter().map(|unit| unit.id.as_str()).chain([ROOT]).collect();
    let parents = setup.accounts.iter().map(|member| &member.parent);
    let mut parents = parents.chain(setup.units.iter().map(|unit| &unit.parent));
    if let Some(absent) = parents.find(|parent| !units.contains(parent.as_str())) {
        return Err(format!("{absent} is no organizational unit of this scenario"));
    }
    if setup.regions.is_empty() {
        return Err("an organization has at least one region".to_owned());
    }
    let mut named =
        setup.accounts.iter().flat_map(|one| one.recorders.keys().chain(&one.regions_off));
    if let Some(absent) = named.find(|region| !setup.regions.contains(region)) {
        return Err(format!("region {absent} is named but not listed under regions"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::model::AccountState;
    use crate::sim::setup::RecorderSetup;
    use crate::sim::world::World;

    const SMALLEST: &str = "\
regions: [eu-west-1]
accounts: [{id: '111111111111'}]
";

    fn now() -> Timestamp {
        "2026-11-02T08:00:00Z".parse().unwrap()
    }

    fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        Scenario::parse("test.yaml", text, now())
    }

    #[test]
    fn the_smallest_scenario_is_one_account_that_manages_itself() {
        let scenario = parse(SMALLEST).unwrap();
        let [member] = scenario.setup.accounts.as_slice() else { panic!("one account") };
        assert_eq!(member.joined.to_string(), "2026-10-03T08:00:00Z");
        assert_eq!((&scenario.setup.management, scenario.setup.start), (&member.id, now()));
        assert_eq!(scenario.options.any_credentials, Some(member.id));
    }

    #[test]
    fn names_hold_any_character() {
        let named = |name: &str| SMALLEST.replace("'}", &format!("', name: \"{name}\"}}"));
        let scenario = parse(&named("to\\u202Eleft\\0")).unwrap();
        let [member] = scenario.setup.accounts.as_slice() else { panic!("one account") };
        assert_eq!(member.name, "to\u{202e}left\0");
        let scenario = parse(&named("to\u{202e}left")).unwrap();
        assert_eq!(scenario.setup.accounts[0].name, "to\u{202e}left");
    }

    #[test]
    fn the_demo_has_a_new_account_without_recorder_and_a_suspended_account() {
        let Scenario { setup, .. } = Scenario::demo(now()).unwrap();
        let member = |id: &str| setup.accounts.iter().find(|one| one.id.as_str() == id).unwrap();
        assert_eq!(member("444455556666").state, AccountState::Suspended);
        let new_account = member("520000000001");
        assert_eq!(new_account.recorder, RecorderSetup::Missing);
        assert_eq!(new_account.joined.to_string(), "2026-11-02T01:40:00Z");
    }

    #[test]
    fn every_event_of_the_scenario_of_members_can_happen() {
        let text = include_str!("../../config/scenarios/members.yaml");
        let Scenario { setup, script, owner, .. } = parse(text).unwrap();
        assert_ne!(owner, setup.management, "its aggregates are stuck");
        let mut world = World::new(setup);
        for Timed { at, event } in script {
            event.happen(&mut world, at).unwrap();
        }
    }

    #[test]
    fn moments_are_relative_or_absolute() {
        let moment =
            |text: &str| text.parse::<RelativeTime>().map(|one| one.from(now()).to_string());
        assert_eq!(moment("-6h50m").unwrap(), "2026-11-02T01:10:00Z");
        assert_eq!(moment("30m").unwrap(), "2026-11-02T08:30:00Z");
        assert_eq!(moment("2026-01-01T00:00:00Z").unwrap(), "2026-01-01T00:00:00Z");
        assert!(moment("soon").is_err());
    }

    #[test]
    fn a_script_is_played_in_order_of_time_and_in_the_files_order_within_a_moment() {
        let text = format!(
            "{SMALLEST}
script:
  - {{at: 1h, do: clearFaults}}
  - {{do: {{leave: {{account: '222222222222'}}}}}}
  - {{at: -1h, do: {{leave: {{account: '333333333333'}}}}}}
"
        );
        let script = parse(&text).unwrap().script;
        let order = script.iter().map(|Timed { at, event }| format!("{at} {event:?}"));
        insta::assert_snapshot!(order.collect::<Vec<_>>().join("\n"), @r#"
        2026-11-02T08:00:00Z Leave(Leave { account: AccountId("222222222222") })
        2026-11-02T08:00:00Z Leave(Leave { account: AccountId("333333333333") })
        2026-11-02T09:00:00Z ClearFaults
        "#);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = [
            "regions: [eu-west-1]\naccounts: [{id: '111111111111', nmae: x}]",
            "regions: [eu-west-1]\naccounts:\n  - {id: 111}",
            "regions: [Mars]\naccounts: []",
            "regions: [eu-west-1]",
            "regions: [eu-west-1]\naccounts: []",
            "regions: []\naccounts: [{id: '111111111111'}]",
            "regions: [eu-west-1]\naccounts: [{id: '111111111111'}, {id: '111111111111'}]",
            "regions: [eu-west-1]\nowner: '222222222222'\naccounts: [{id: '111111111111'}]",
            "regions: [eu-west-1]\naccounts: [{id: '111111111111', parent: ou-x}]",
            "regions: [eu-west-1]\nunits: [{id: ou-x, name: x, parent: r-sim1}]\n\
             accounts: [{id: '111111111111'}]",
            "regions: [eu-west-1]\naccounts: [{id: '111111111111', regionsOff: [us-east-1]}]",
            "regions: [eu-west-1]\nknobs: {speed: 1}\naccounts: [{id: '111111111111'}]",
            "regions: [eu-west-1]\naccounts: [{id: '111111111111', joined: soon}]",
            "regions: [eu-west-1]\naccounts: [{id: '111111111111'}]\nscript: [{do: dance}]",
        ];
        let errors = wrong.map(|text| {
            let error = parse(text).unwrap_err().to_string();
            error.chars().take(90).collect::<String>().trim_end().to_owned()
        });
        insta::assert_snapshot!(errors.join("\n"), @r#"
        test.yaml:2:33: accounts[0]: unknown field `nmae`, expected one of `id`, `name`, `state`,
        test.yaml:3:5: accounts[0]: "111" is not an account id (12 digits, in quotes)
        test.yaml:1:10: regions: "Mars" is not a region name such as eu-west-1
        test.yaml:1:1: missing field `accounts`
        test.yaml: an organization has at least one account
        test.yaml: an organization has at least one region
        test.yaml: account 111111111111 is listed twice
        test.yaml: account 222222222222 is named but not listed under accounts
        test.yaml: ou-x is no organizational unit of this scenario
        test.yaml: "ou-x" is no id of an organizational unit such as ou-sim1-security
        test.yaml: region us-east-1 is named but not listed under regions
        test.yaml:2:9: knobs: unknown field `speed`, expected one of `lag`, `fanOut`, `joining`, `
        test.yaml:2:12: accounts[0]: "soon" is no moment such as -6h50m, 30m or 2026-11-01T08:00:0
        test.yaml:3:15: script[0].do: unknown variant `dance`, expected one of `join`, `leave`, `s
        "#);
    }
}
