//! The approval that waiting losses ask for, ready to commit: as a value and as a manifest.
//!
//! It names exactly what waits, each loss with its regions, and nothing else. Reading it back is
//! for `manifest`; which losses wait is decided by the guard and by `diff`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::report::RegionReport;
use super::view::text::many;
use crate::domain::base::model::{AccountId, Digest, PackName, Region, Timestamp};
use crate::domain::base::time::{after, to_second};
use crate::domain::base::untrusted::{ACCOUNT_NAME_MAX, SHOWN_TEXT_MAX, flowing};
use crate::domain::declared::approval::{Approval, Permit, Permitted};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::manifest::{API_VERSION, APPROVAL, ManifestOrigin};
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::loss::{Loss, LossAt};

/// How long a printed approval is valid by default: a long weekend.
pub const LIFE: Duration = Duration::from_hours(72);

/// Lists of at most this many names are on one line.
const INLINE_MAX: usize = 4;

/// Every loss that waits for an approval, over any number of regions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitingLosses {
    losses: BTreeSet<LossAt>,
    undeclared: BTreeMap<PackName, BTreeSet<Region>>,
    reasons: Vec<String>,
}

/// What an approval says besides its permits.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalText<'a> {
    /// Why; without it the document has an empty reason, which the reader of manifests refuses.
    pub reason: Option<&'a str>,
    /// When it is made.
    pub made: Timestamp,
    /// How long it lives.
    pub life: Duration,
}

impl WaitingLosses {
    /// Everything that waits in these regions.
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a RegionReport>) -> Self {
        let mut waiting = Self::default();
        for RegionReport { place, plan, pending, .. } in reports {
            let undeclared =
                plan.holds.iter().filter(|hold| hold.reason() == HoldReason::Undeclared);
            let packs = undeclared.filter_map(|hold| hold.pack.as_ref());
            let losses = pending.iter().flat_map(|pending| &pending.losses);
            let reasons = pending.iter().flat_map(|pending| &pending.trips);
            waiting.add(&place.region, losses, reasons.map(ToString::to_string), packs);
        }
        waiting
    }

    /// What a daemon reports to wait.
    pub fn reported(
        losses: BTreeSet<LossAt>,
        undeclared: BTreeMap<PackName, BTreeSet<Region>>,
        reasons: Vec<String>,
    ) -> Self {
        Self { losses, undeclared, reasons }
    }

    /// Adds what waits in one region: what the guard holds and why, and packs that no manifest
    /// declares.
    pub fn add<'a>(
        &mut self,
        region: &Region,
        losses: impl IntoIterator<Item = (&'a PackName, &'a BTreeSet<Loss>)>,
        reasons: impl IntoIterator<Item = String>,
        undeclared: impl IntoIterator<Item = &'a PackName>,
    ) {
        let at = |pack: &PackName, loss: &Loss| LossAt {
            region: region.clone(),
            pack: pack.clone(),
            loss: loss.clone(),
        };
        for (pack, lost) in losses {
            self.losses.extend(lost.iter().map(|loss| at(pack, loss)));
        }
        for reason in reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        for pack in undeclared {
            self.losses.insert(at(pack, &Loss::Pack));
            self.undeclared.entry(pack.clone()).or_default().insert(region.clone());
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.losses.is_empty()
    }

    /// Every loss.
    pub fn losses(&self) -> &BTreeSet<LossAt> {
        &self.losses
    }

    /// The limits that the held losses exceed, each once.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// Packs that no manifest declares, with their regions; their deletion is among the losses.
    pub fn undeclared(&self) -> &BTreeMap<PackName, BTreeSet<Region>> {
        &self.undeclared
    }

    /// The same without the packs that no manifest declares; `None` if nothing is left.
    pub fn guarded(&self) -> Option<Self> {
        let is_declared = |at: &&LossAt| {
            let regions = self.undeclared.get(&at.pack).filter(|_| at.loss == Loss::Pack);
            !regions.is_some_and(|regions| regions.contains(&at.region))
        };
        let losses: BTreeSet<LossAt> = self.losses.iter().filter(is_declared).cloned().collect();
        let reasons = self.reasons.clone();
        (!losses.is_empty()).then(|| Self { losses, undeclared: BTreeMap::new(), reasons })
    }

    /// How many losses there are: each in each region, unnamed rules by their number.
    pub fn count(&self) -> usize {
        self.losses.iter().fold(0, |sum, at| sum.saturating_add(weight(&at.loss)))
    }

    /// What waits, in a few words: `delete 2 packs in 3 regions, lose 1 rule in eu-west-1`.
    pub fn summary(&self) -> String {
        let parts = [
            self.part("delete", "pack", |at| at.loss == Loss::Pack),
            self.part("adopt", "pack", |at| at.loss == Loss::Adoption),
            self.part("lose", "rule", |at| matches!(at.loss, Loss::Rule(_) | Loss::Rules(_))),
            self.part("exclude", "account", |at| matches!(at.loss, Loss::Account(_))),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Every loss in words, with its regions: `iam in eu-west-1, us-east-1: rule root-mfa`.
    pub fn lines(&self) -> Vec<String> {
        let mut places: BTreeMap<(&PackName, &Loss), BTreeSet<&Region>> = BTreeMap::new();
        for LossAt { region, pack, loss } in &self.losses {
            places.entry((pack, loss)).or_default().insert(region);
        }
        let line = |((pack, loss), regions): ((&PackName, &Loss), BTreeSet<&Region>)| {
            let regions: Vec<&str> = regions.into_iter().map(Region::as_str).collect();
            let loss = flowing(&loss.to_string(), SHOWN_TEXT_MAX);
            format!("{pack} in {}: {loss}", regions.join(", "))
        };
        places.into_iter().map(line).collect()
    }

    /// One kind of loss, counted once however many regions lose it.
    fn part(&self, verb: &str, noun: &str, fits: impl Fn(&LossAt) -> bool) -> Option<String> {
        let fitting = || self.losses.iter().filter(|at| fits(at));
        let regions: BTreeSet<&Region> = fitting().map(|at| &at.region).collect();
        let mut counts: BTreeMap<(Option<&PackName>, &Loss), usize> = BTreeMap::new();
        for at in fitting() {
            // The same account excluded from two packs is one account.
            let pack = (!matches!(at.loss, Loss::Account(_))).then_some(&at.pack);
            let key = at.loss.any_number();
            let most = counts.entry((pack, key)).or_default();
            *most = weight(&at.loss).max(*most);
        }
        let count = counts.values().fold(0_usize, |sum, count| sum.saturating_add(*count));
        (count > 0).then(|| format!("{verb} {} in {}", many(count, noun), places(regions)))
    }

    /// The approval that covers every loss here and no other.
    pub fn approval(&self, statement: ApprovalText<'_>) -> Approval {
        let ApprovalText { reason, made, life } = statement;
        let parts = self
            .losses
            .iter()
            .map(|LossAt { region, pack, loss }| format!("{region} {pack} {} {loss}", loss.kind()));
        let parts: Vec<String> = parts.collect();
        let digest = Digest::of(parts.iter().map(String::as_bytes)).to_string();
        let short: String = digest.chars().take(4).collect();
        Approval {
            name: format!("approve-{}-{short}", made.strftime("%Y-%m-%d")),
            origin: here(),
            reason: flowing(reason.unwrap_or_default(), SHOWN_TEXT_MAX),
            expires: whole_minutes(after(made, life)),
            permits: self.permits(),
        }
    }

    fn permits(&self) -> Vec<Permit> {
        let mut packs = Places::default();
        let mut adoptions = Places::default();
        let mut rules = Places::default();
        let mut counts = Places::default();
        let mut accounts = Places::default();
        for LossAt { region, pack, loss } in &self.losses {
            match loss {
                Loss::Pack => packs.add((), pack.clone(), region),
                Loss::Adoption => adoptions.add((), pack.clone(), region),
                Loss::Rule(name) => rules.add(pack.clone(), name.clone(), region),
                // Each number is a permit of its own: a larger one would permit more elsewhere.
                Loss::Rules(count) => counts.add((pack.clone(), *count), (), region),
                Loss::Account(account) => accounts.add(pack.clone(), *account, region),
            }
        }
        let permit = |what, regions| Permit { what, regions: Some(regions) };
        let packs = packs.together().map(|((), all, at)| permit(Permitted::Packs(all), at));
        let adoptions =
            adoptions.together().map(|((), all, at)| permit(Permitted::Adoptions(all), at));
        let rules =
            rules.together().map(|(pack, rules, at)| permit(Permitted::Rules { pack, rules }, at));
        let counts = counts
            .together()
            .map(|((pack, count), _, at)| permit(Permitted::RuleCount { pack, count }, at));
        let accounts = accounts
            .together()
            .map(|(pack, accounts, at)| permit(Permitted::Accounts { pack, accounts }, at));
        packs.chain(adoptions).chain(rules).chain(counts).chain(accounts).collect()
    }
}

impl Loss {
    /// What stands for it where only the kind of unnamed rules counts and not their number.
    fn any_number(&self) -> &Self {
        match self {
            Self::Rules(_) => &Self::Rules(0),
            Self::Pack | Self::Adoption | Self::Rule(_) | Self::Account(_) => self,
        }
    }
}

/// How many losses it counts as.
fn weight(loss: &Loss) -> usize {
    match loss {
        Loss::Rule(_) | Loss::Rules(_) => loss.rules(),
        Loss::Pack | Loss::Adoption | Loss::Account(_) => 1,
    }
}

/// `eu-west-1`, or `3 regions`.
fn places<'a>(regions: impl IntoIterator<Item = &'a Region>) -> String {
    let regions: Vec<&Region> = regions.into_iter().collect();
    match regions.as_slice() {
        [only] => only.to_string(),
        all => many(all.len(), "region"),
    }
}

/// A moment that a person can read, never later than the one that was meant.
fn whole_minutes(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds.saturating_sub(seconds.rem_euclid(60))).unwrap_or(at)
}

/// The place of an approval that is not in a file yet.
fn here() -> ManifestOrigin {
    let path = SourcePath::new("approval.yaml").expect("a plain file name is a path");
    ManifestOrigin { path, span: Span { line: 1, column: 1, start: 0, end: 0 } }
}

/// Where each thing is lost, by what it belongs to.
struct Places<K, T>(BTreeMap<(K, T), BTreeSet<Region>>);

impl<K, T> Default for Places<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, T: Ord + Clone> Places<K, T> {
    fn add(&mut self, key: K, thing: T, region: &Region) {
        self.0.entry((key, thing)).or_default().insert(region.clone());
    }

    /// Things that are lost in the same regions, together.
    fn together(self) -> impl Iterator<Item = (K, BTreeSet<T>, BTreeSet<Region>)> {
        let mut groups: BTreeMap<(K, BTreeSet<Region>), BTreeSet<T>> = BTreeMap::new();
        for ((key, thing), regions) in self.0 {
            groups.entry((key, regions)).or_default().insert(thing);
        }
        groups.into_iter().map(|((key, regions), things)| (key, things, regions))
    }
}

/// An approval as a manifest, with what it permits in comments.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalDocument<'a> {
    /// The approval.
    pub approval: &'a Approval,
    /// What it was made for.
    pub waiting: &'a WaitingLosses,
    /// Names of accounts, as far as they are known.
    pub names: &'a BTreeMap<AccountId, String>,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
}

impl fmt::Display for ApprovalDocument<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { approval, waiting, names, simulated } = *self;
        let Approval { name, origin: _, reason, expires, permits } = approval;
        if simulated {
            writeln!(out, "# SIMULATED: no real AWS account is read or changed")?;
        }
        writeln!(out, "# Permits: {}.", waiting.summary())?;
        if !waiting.reasons.is_empty() {
            writeln!(out, "# Held because:")?;
        }
        for why in &waiting.reasons {
            writeln!(out, "#   {}", comment(why, SHOWN_TEXT_MAX))?;
        }
        if !waiting.undeclared.is_empty() {
            let packs: Vec<&str> = waiting.undeclared.keys().map(PackName::as_str).collect();
            writeln!(out, "# Not declared by any manifest: {}", packs.join(", "))?;
        }
        writeln!(out, "apiVersion: {API_VERSION}")?;
        writeln!(out, "kind: {APPROVAL}")?;
        writeln!(out, "metadata:\n  name: {}", scalar(name))?;
        writeln!(out, "spec:")?;
        // The comment shows what is missing: an approval without a reason is invalid and permits
        // nothing.
        if reason.is_empty() {
            writeln!(out, "  # Required: the reason, for example a change number.")?;
        }
        writeln!(out, "  reason: {}", quoted(reason))?;
        writeln!(out, "  expires: {}", to_second(*expires))?;
        writeln!(out, "  permits:")?;
        permits.iter().try_for_each(|permit| entry(out, permit, names))
    }
}

/// One entry of `permits`.
fn entry(
    out: &mut fmt::Formatter<'_>,
    Permit { what, regions }: &Permit,
    names: &BTreeMap<AccountId, String>,
) -> fmt::Result {
    let bare = |items: Vec<String>| items.into_iter().map(|item| (item, String::new())).collect();
    match what {
        Permitted::Packs(packs) => {
            writeln!(out, "    # Deletes {} from every member.", many(packs.len(), "pack"))?;
            list(out, "- ", "delete", bare(packs.iter().map(|it| scalar(it.as_str())).collect()))?;
        }
        Permitted::Adoptions(packs) => {
            writeln!(out, "    # Overwrites {} whose content is unknown.", {
                many(packs.len(), "unmanaged pack")
            })?;
            list(out, "- ", "adopt", bare(packs.iter().map(|it| scalar(it.as_str())).collect()))?;
        }
        Permitted::Rules { pack, rules } => {
            writeln!(out, "    # {pack} loses {}.", many(rules.len(), "rule"))?;
            writeln!(out, "    - pack: {}", scalar(pack.as_str()))?;
            list(out, "  ", "loseRules", bare(rules.iter().map(|it| scalar(it)).collect()))?;
        }
        Permitted::RuleCount { pack, count } => {
            writeln!(out, "    # {pack} loses rules whose names are not known.")?;
            writeln!(out, "    - pack: {}", scalar(pack.as_str()))?;
            writeln!(out, "      loseRules: {count}")?;
        }
        Permitted::Accounts { pack, accounts } => {
            writeln!(out, "    # {pack} is removed from {}.", many(accounts.len(), "account"))?;
            writeln!(out, "    - pack: {}", scalar(pack.as_str()))?;
            let called = |id: &AccountId| {
                let name =
                    names.get(id).map(|name| comment(name, ACCOUNT_NAME_MAX)).unwrap_or_default();
                (quoted(id.as_str()), name)
            };
            list(out, "  ", "excludeAccounts", accounts.iter().map(called).collect())?;
        }
        Permitted::AccountList(active) => writeln!(out, "    - accountList: {active}")?,
    }
    let Some(regions) = regions else { return Ok(()) };
    list(out, "  ", "regions", bare(regions.iter().map(|it| scalar(it.as_str())).collect()))
}

/// A field that is a list, each item with its comment: on one line if it is short.
fn list(
    out: &mut fmt::Formatter<'_>,
    lead: &str,
    field: &str,
    items: Vec<(String, String)>,
) -> fmt::Result {
    // Comments need lines of their own, so only a list without them fits on one line.
    if items.len() <= INLINE_MAX && items.iter().all(|(_, comment)| comment.is_empty()) {
        let items: Vec<String> = items.into_iter().map(|(item, _)| item).collect();
        return writeln!(out, "    {lead}{field}: [{}]", items.join(", "));
    }
    writeln!(out, "    {lead}{field}:")?;
    items.iter().try_for_each(|(item, comment)| {
        let comment = if comment.is_empty() { String::new() } else { format!(" # {comment}") };
        writeln!(out, "        - {item}{comment}")
    })
}

/// Foreign text in a comment: what one reader of YAML might end a line at, or refuse, is left out.
fn comment(text: &str, characters_max: usize) -> String {
    // A line break in foreign text would end the comment, and the rest would become YAML.
    let is_plain = |character: char| character.is_alphanumeric() || matches!(character, ' '..='~');
    let plain = |character| if is_plain(character) { character } else { '?' };
    flowing(text, characters_max).chars().map(plain).collect()
}

/// Words that some reader of YAML takes for something else than text.
const AMBIGUOUS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Text as an item of a list: plain if every reader of YAML agrees about it, else in quotes.
fn scalar(text: &str) -> String {
    // Words such as `no` or `null` have another meaning without quotes.
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !AMBIGUOUS.contains(&text.to_ascii_lowercase().as_str());
    if is_word { text.to_owned() } else { quoted(text) }
}

/// Text in double quotes; what is no letter, digit or plain sign is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        let code = u32::from(character);
        let written = match character {
            '"' | '\\' => write!(out, "\\{character}"),
            ' ' | '!'..='~' => write!(out, "{character}"),
            _ if character.is_alphanumeric() => write!(out, "{character}"),
            // Every other character is escaped: readers of YAML disagree about line breaks beyond
            // ASCII.
            _ if code <= 0xffff => write!(out, "\\u{code:04X}"),
            _ => write!(out, "\\U{code:08X}"),
        };
        written.expect("writing into a string does not fail");
    }
    out.push('"');
    out
}
