//! The manifests of random lives, and what is edited in them.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;

use crate::support::lab::member;

/// How many packs there are.
pub(crate) const PACKS: usize = 8;

/// Rules of each at first.
const RULES: [u32; PACKS] = [20, 20, 12, 9, 6, 4, 3, 2];

/// What evaluates the rules of each version.
const SOURCES: [&str; 3] = ["ACCESS_KEYS_ROTATED", "IAM_PASSWORD_POLICY", "IAM_USER_MFA_ENABLED"];

/// An edit of one manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// The manifest is removed.
    Remove,
    /// It is as it was at first.
    Revert,
    /// It says that its pack should not be there.
    Absent,
    /// So many rules fewer.
    Fewer(u32),
    /// All rules are replaced by as many others.
    Replace,
    /// The parameter that the conditions of a third of the rules depend on.
    Switch,
    /// No rule's condition holds any more.
    Never,
    /// So many accounts more are excluded.
    Exclude(u64),
    /// Nobody is excluded.
    Include,
    /// The pack has another name.
    Rename,
    /// It is not for all regions any more.
    DropRegion,
}

pub(crate) fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => Just(Edit::Remove),
        4 => Just(Edit::Revert),
        2 => Just(Edit::Absent),
        6 => select(vec![1, 1, 2, 5, 9]).prop_map(Edit::Fewer),
        1 => Just(Edit::Replace),
        3 => Just(Edit::Switch),
        1 => Just(Edit::Never),
        4 => select(vec![1, 1, 2, 5, 9]).prop_map(Edit::Exclude),
        1 => Just(Edit::Include),
        1 => Just(Edit::Rename),
        2 => Just(Edit::DropRegion),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Declared,
    Removed,
    Absent,
}

/// One manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pack {
    number: usize,
    renamed: u32,
    rules: u32,
    version: usize,
    is_on: bool,
    is_never: bool,
    excluded: u64,
    is_everywhere: bool,
    state: State,
}

impl Pack {
    fn new(number: usize) -> Self {
        Self {
            number,
            renamed: 0,
            rules: RULES[number],
            version: 0,
            is_on: true,
            is_never: false,
            excluded: 0,
            is_everywhere: true,
            state: State::Declared,
        }
    }

    fn name(&self) -> String {
        let Self { number, renamed, .. } = self;
        if *renamed == 0 { format!("p{number}") } else { format!("p{number}-{renamed}") }
    }
}

/// All manifests.
#[derive(Debug, Clone)]
pub(crate) struct Estate {
    packs: Vec<Pack>,
}

impl Estate {
    pub(crate) fn new() -> Self {
        Self { packs: (0..PACKS).map(Pack::new).collect() }
    }

    pub(crate) fn name(&self, pack: usize) -> String {
        self.packs[pack].name()
    }

    pub(crate) fn edit(&mut self, pack: usize, edit: Edit) {
        let pack = &mut self.packs[pack];
        match edit {
            Edit::Remove => pack.state = State::Removed,
            Edit::Revert => *pack = Pack { renamed: pack.renamed, ..Pack::new(pack.number) },
            Edit::Absent => pack.state = State::Absent,
            Edit::Fewer(count) => pack.rules = pack.rules.saturating_sub(count).max(1),
            Edit::Replace => pack.version += 1,
            Edit::Switch => pack.is_on = !pack.is_on,
            Edit::Never => pack.is_never = true,
            Edit::Exclude(count) => pack.excluded = (pack.excluded + count).min(40),
            Edit::Include => pack.excluded = 0,
            Edit::Rename => pack.renamed += 1,
            Edit::DropRegion => pack.is_everywhere = !pack.is_everywhere,
        }
    }
}

impl fmt::Display for Estate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One that stays, so that the file is never empty.
        write!(out, "{}", crate::support::lab::manifests::Manifest::new("stays"))?;
        self.packs.iter().try_for_each(|pack| write!(out, "{pack}"))
    }
}

impl fmt::Display for Pack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, renamed: _, rules, version, is_on, is_never, .. } = self;
        let head = "---\napiVersion: conformd.io/v1alpha1\nkind: OrganizationConformancePack";
        match self.state {
            State::Removed => return Ok(()),
            State::Absent => {
                let name = self.name();
                return writeln!(
                    out,
                    "{head}\nmetadata: {{name: {name}}}\nspec: {{state: Absent}}"
                );
            }
            State::Declared => {}
        }
        writeln!(
            out,
            "{head}\nmetadata: {{name: {}}}\nspec:\n  template:\n    inline: |",
            self.name()
        )?;
        writeln!(out, "      Parameters: {{Switch: {{Type: String, Default: \"on\"}}}}")?;
        writeln!(out, "      Conditions:")?;
        writeln!(out, "        Switched: !Equals [!Ref Switch, \"on\"]")?;
        writeln!(out, "        Never: !Equals [\"a\", \"b\"]")?;
        writeln!(out, "      Resources:")?;
        for rule in 1..=*rules {
            let condition = match rule {
                _ if *is_never => "Condition: Never, ",
                rule if rule % 3 == 0 => "Condition: Switched, ",
                _ => "",
            };
            writeln!(
                out,
                "        Rule{rule}: {{Type: AWS::Config::ConfigRule, {condition}Properties: \
                 {{ConfigRuleName: p{number}-{rule}, Source: {{Owner: AWS, SourceIdentifier: \
                 {}}}}}}}",
                SOURCES[version % SOURCES.len()]
            )?;
        }
        if !is_on {
            writeln!(out, "  parameters: {{Switch: \"off\"}}")?;
        }
        if !self.is_everywhere {
            writeln!(out, "  regions: [us-east-1]")?;
        }
        if self.excluded > 0 {
            let accounts: Vec<String> =
                (0..self.excluded).map(|number| format!("\"{}\"", member(number))).collect();
            writeln!(out, "  exclude: {{accounts: [{}]}}", accounts.join(", "))?;
        }
        Ok(())
    }
}
