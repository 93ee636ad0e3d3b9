//! The desired state of one region: manifests and settings joined for one place.
//!
//! Nothing here depends on what was observed in AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::domain::base::limits;
use crate::domain::base::model::{
    Installation, MARKER_PARAMETER, Marker, PackName, Place, Region, Revision, Timestamp,
};
use crate::domain::base::time::after;
use crate::domain::declared::catalog::{Catalog, Declared, ManifestProblem};
use crate::domain::declared::manifest::{
    Exclude, Manifest, ManifestOrigin, Suspend, TemplateSource,
};
use crate::domain::declared::snapshot::{Absence, SourcePath};
use crate::domain::declared::source::SourceStatus;
use crate::domain::declared::template::Template;
use crate::domain::members::tracker::target::{Target, Targets};
use crate::domain::observed::content::Content;
use crate::domain::organization::account_list::AccountList;
use crate::domain::organization::membership::{ListDoubt, ListFreshness};
use crate::domain::organization::selector;
use crate::domain::organization::selector::{Excluded, Unresolved};

/// What a region should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The revision it was read from.
    pub revision: Revision,
    /// Whether absence from the source may count as a request to delete.
    pub trust: SourceTrust,
    /// Whether a pack that no manifest declares was taken out on purpose.
    pub absence: Absence,
    /// Whether this content was read twice, far enough apart, or published as a whole.
    pub confirmed: bool,
    /// When a second reading can confirm it.
    pub confirms_at: Option<Timestamp>,
    /// Whether the source declares no pack at all, in any region.
    pub empty: bool,
    /// Packs that are desired in other regions only.
    pub elsewhere: BTreeSet<PackName>,
    /// Packs whose manifest says `state: Absent` for this region, and the place of that manifest.
    pub absent: BTreeMap<PackName, ManifestOrigin>,
    /// Every pack that the region should hold, and every name it must leave alone.
    pub packs: BTreeMap<PackName, DesiredEntry>,
    /// The account list that exclusions were compiled from.
    pub list: Option<Arc<AccountList>>,
    /// How far it can be believed.
    pub freshness: ListFreshness,
}

/// The inputs of the desired state, besides the manifests.
#[derive(Debug, Clone)]
pub struct DesiredInputs {
    /// Whether absence from the manifests may count.
    pub trust: SourceTrust,
    /// Whether a pack that no manifest declares was taken out on purpose.
    pub absence: Absence,
    /// Whether the content was read twice, far enough apart, or published as a whole.
    pub confirmed: bool,
    /// When a second reading can confirm it.
    pub confirms_at: Option<Timestamp>,
    /// The account list.
    pub list: Option<Arc<AccountList>>,
    /// How far it can be believed.
    pub freshness: ListFreshness,
}

impl DesiredInputs {
    /// Inputs without an account list, for a source that was published as a whole.
    pub fn without_list(trust: SourceTrust) -> Self {
        let freshness = ListFreshness::Unknown(ListDoubt::NotRead);
        let (absence, confirmed, confirms_at) = (Absence::Atomic, true, None);
        Self { trust, absence, confirmed, confirms_at, list: None, freshness }
    }
}

/// How much the source can be believed when it does not mention a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceTrust {
    /// Read recently and as a whole, and every manifest is valid.
    Whole,
    /// Packs may be missing from it by mistake.
    Doubted(SourceDoubt),
}

/// Why nothing may be lost because of the source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceDoubt {
    /// Some of it is invalid.
    #[error(
        "some manifests of this revision are invalid: nothing is taken away until they are \
         corrected"
    )]
    Invalid,
    /// The last read failed; the text of the failure.
    #[error("the source could not be read: {0}")]
    Unreadable(String),
    /// The last read is too long ago.
    #[error("the source was not read for {} minutes", SOURCE_AGE_MAX.as_secs() / 60)]
    Old,
}

/// A source that was last read longer ago than this may not lead to any loss.
const SOURCE_AGE_MAX: Duration = Duration::from_mins(10);

impl SourceTrust {
    /// How much this source can be believed now, whatever its manifests say.
    pub fn of(source: &SourceStatus, now: Timestamp) -> Self {
        match (source.problem(), source.read_last) {
            (Some(problem), _) => Self::Doubted(SourceDoubt::Unreadable(problem.to_owned())),
            (None, Some(read)) if now <= after(read, SOURCE_AGE_MAX) => Self::Whole,
            (None, _) => Self::Doubted(SourceDoubt::Old),
        }
    }
}

/// What is wanted under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DesiredEntry {
    /// This pack.
    Pack(Box<DesiredPack>),
    /// The name is claimed by a manifest that cannot be acted on.
    Unresolvable(Unresolvable),
}

/// Why a manifest cannot be acted on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unresolvable {
    /// It is invalid and no earlier form is remembered.
    #[error(transparent)]
    Invalid(ManifestProblem),
    /// It asks for something that this version does not do yet.
    #[error(transparent)]
    Unsupported(Unsupported),
    /// It selects accounts, and the account list does not say which.
    #[error(transparent)]
    Unresolved(UnresolvedMembers),
}

/// What this version does not deliver.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unsupported {
    /// A template at this address in S3.
    #[error("templates in S3 ({0}) are not delivered by this version yet")]
    TemplateInS3(String),
    /// A template that is too large.
    #[error(
        "the template takes {size} bytes as it is sent, more than the {most} of an inline body, \
         and delivery through S3 is not part of this version yet"
    )]
    TemplateSize {
        /// Its bytes.
        size: usize,
        /// The most that AWS takes inline.
        most: usize,
    },
}

/// Why exclusions cannot be computed, and why there is no account list if that is the reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{unresolved}{}", doubt.as_ref().map(|doubt| format!(": {doubt}")).unwrap_or_default())]
pub struct UnresolvedMembers {
    /// What is missing.
    pub unresolved: Unresolved,
    /// Why the account list is unknown.
    pub doubt: Option<ListDoubt>,
}

/// One desired pack in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredPack {
    /// All of it.
    pub content: Content,
    /// The template that the body was rendered from.
    pub template: Arc<Template>,
    /// The marker, which is also among the inputs of the content.
    pub marker: Marker,
    /// The excluded accounts, each with its rule; their ids are also in the content.
    pub excluded: Excluded,
    /// Whether the account list decides on any of them.
    pub selects: bool,
    /// Whether an unmanaged pack of this name may be taken over.
    pub adopt: bool,
    /// Whether it is paused.
    pub suspend: Option<Suspend>,
    /// Why the present manifest is invalid, if this is its last valid form.
    pub invalid_now: Option<ManifestProblem>,
    /// The file of it that ends in the middle of a line: it may be cut off.
    pub unended: Option<SourcePath>,
}

/// What this place should hold.
pub fn desired(
    catalog: &Catalog,
    installation: &Installation,
    place: &Place,
    inputs: DesiredInputs,
) -> Desired {
    let DesiredInputs { trust, absence, confirmed, confirms_at, list, freshness } = inputs;
    let trust = if trust == SourceTrust::Whole && !catalog.wholly_valid {
        SourceTrust::Doubted(SourceDoubt::Invalid)
    } else {
        trust
    };
    let (mut packs, mut elsewhere) = (BTreeMap::new(), BTreeSet::new());
    let mut absent = BTreeMap::new();
    let inputs = DesiredMembers { list: list.as_deref(), freshness: &freshness };
    for (name, declared) in &catalog.packs {
        if let Declared::Absent(tombstone) = declared {
            // A tombstone for other regions is no evidence that the pack should be absent from this
            // one.
            if tombstone.covers(&place.region) {
                absent.insert(name.clone(), tombstone.origin.clone());
            }
            continue;
        }
        match desired_entry(declared, inputs, installation, place) {
            Some(want) => {
                packs.insert(name.clone(), want);
            }
            None => {
                elsewhere.insert(name.clone());
            }
        }
    }
    let revision = catalog.revision.clone();
    let empty = catalog.packs.is_empty();
    Desired {
        revision,
        trust,
        absence,
        confirmed,
        confirms_at,
        empty,
        elsewhere,
        absent,
        packs,
        list,
        freshness,
    }
}

impl Desired {
    /// The accounts that each pack excludes, for the tracker of its members.
    pub fn targets(&self) -> Targets<'_> {
        let targets = self.packs.iter().map(|(name, want)| match want {
            DesiredEntry::Pack(pack) => (name, Target::Excluding(&pack.content.excluded)),
            DesiredEntry::Unresolvable(_) => (name, Target::AsShown),
        });
        targets.collect()
    }

    /// Warnings about the exclusions of the packs that are desired here, by pack; none of them
    /// stops a pack.
    pub fn warnings(&self, catalog: &Catalog, region: &Region) -> BTreeMap<PackName, Vec<String>> {
        let Some(list) = self.list.as_deref() else { return BTreeMap::new() };
        let here = catalog.packs.iter().filter(|(name, _)| self.packs.contains_key(*name));
        let notices = here.filter_map(|(name, declared)| {
            let manifest = declared.in_force()?;
            Some((name.clone(), selector::notices(&manifest.exclude_in(region), list)))
        });
        notices.filter(|(_, notices)| !notices.is_empty()).collect()
    }
}

/// The account list, and whether it is current.
#[derive(Debug, Clone, Copy)]
struct DesiredMembers<'a> {
    list: Option<&'a AccountList>,
    freshness: &'a ListFreshness,
}

impl DesiredMembers<'_> {
    fn excluded(self, exclude: &Exclude) -> Result<Excluded, Unresolvable> {
        selector::select(exclude, self.list).map_err(|unresolved| {
            let doubt = match (&unresolved, self.freshness) {
                (Unresolved::Unlisted, ListFreshness::Unknown(doubt)) => Some(doubt.clone()),
                (_, _) => None,
            };
            Unresolvable::Unresolved(UnresolvedMembers { unresolved, doubt })
        })
    }
}

/// What the place should hold for this declaration; `None` when it is for other regions only.
fn desired_entry(
    declared: &Declared,
    members: DesiredMembers<'_>,
    installation: &Installation,
    place: &Place,
) -> Option<DesiredEntry> {
    let (manifest, invalid_now) = match declared {
        Declared::Good(manifest) => (manifest, None),
        Declared::Absent(_) => return None,
        // An invalid manifest keeps its last valid form in force. Without one the name stays
        // claimed: if it were left out, the deployed pack would look undeclared and could be
        // deleted.
        Declared::Broken { why, last_good: Some(manifest) } => (manifest, Some(why.clone())),
        Declared::Broken { why, last_good: None } => {
            return Some(DesiredEntry::Unresolvable(Unresolvable::Invalid(why.clone())));
        }
    };
    if !manifest.covers(&place.region) {
        return None;
    }
    let parts = deliverable(manifest).and_then(|template| {
        Ok((template, members.excluded(&manifest.exclude_in(&place.region))?))
    });
    Some(match parts {
        Ok((template, excluded)) => {
            let pack = pack(manifest, template, installation, place, excluded, invalid_now);
            DesiredEntry::Pack(Box::new(pack))
        }
        Err(stuck) => DesiredEntry::Unresolvable(stuck),
    })
}

/// The template, if this version can deliver the manifest.
fn deliverable(manifest: &Manifest) -> Result<&Arc<Template>, Unresolvable> {
    let template = match &manifest.template {
        TemplateSource::Read(template) => template,
        TemplateSource::S3(uri) => {
            return Err(Unresolvable::Unsupported(Unsupported::TemplateInS3(uri.clone())));
        }
    };
    let size = template.body.len();
    let most = limits::INLINE_BYTES.upper;
    if size > most {
        return Err(Unresolvable::Unsupported(Unsupported::TemplateSize { size, most }));
    }
    Ok(template)
}

fn pack(
    manifest: &Manifest,
    template: &Arc<Template>,
    installation: &Installation,
    place: &Place,
    excluded: Excluded,
    invalid_now: Option<ManifestProblem>,
) -> DesiredPack {
    let mut inputs = manifest.inputs_in(&place.region);
    let marker = Marker::new(
        installation.clone(),
        template.digest,
        template.census.rules,
        manifest.deletion_policy,
        (place, &manifest.name),
    );
    inputs.insert(MARKER_PARAMETER.to_owned(), marker.to_string());
    DesiredPack {
        content: Content {
            body: Arc::clone(&template.body),
            inputs,
            excluded: excluded.keys().copied().collect(),
            delivery: manifest.delivery.clone(),
        },
        template: Arc::clone(template),
        marker,
        excluded,
        selects: manifest.exclude.needs_membership(),
        adopt: manifest.adopt,
        suspend: manifest.suspend.clone(),
        invalid_now,
        unended: manifest.unended.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::model::{AccountState, DeletionPolicy, ResultsBucket};
    use crate::domain::declared::constraints::Constraints;
    use crate::domain::declared::diagnostic::Span;
    use crate::domain::declared::manifest::Override;
    use crate::domain::declared::snapshot::SourcePath;
    use crate::domain::declared::source::{ReadingOutcome, SourceProblem};
    use crate::domain::declared::template::TemplateCensus;

    fn place(region: &str) -> Place {
        Place { account: "111111111111".parse().unwrap(), region: region.parse().unwrap() }
    }

    fn regions(names: &[&str]) -> BTreeSet<Region> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn template(bytes: usize) -> TemplateSource {
        let census = TemplateCensus { rules: 4, ..TemplateCensus::default() };
        TemplateSource::Read(Arc::new(Template::of_body("x".repeat(bytes), census)))
    }

    fn manifest() -> Manifest {
        Manifest {
            name: "iam".parse().unwrap(),
            origin: ManifestOrigin {
                path: SourcePath::new("iam.yaml").unwrap(),
                span: Span { line: 1, column: 1, start: 0, end: 1 },
            },
            labels: BTreeMap::new(),
            template: template(100),
            parameters: parameters(&[("age", "90"), ("kept", "1")]),
            regions: None,
            overrides: Vec::new(),
            exclude: Exclude::default(),
            delivery: ResultsBucket::default(),
            deletion_policy: DeletionPolicy::Delete,
            adopt: false,
            suspend: None,
            unended: None,
        }
    }

    fn catalog(declared: Declared) -> Catalog {
        Catalog {
            revision: Revision("r1".to_owned()),
            packs: [("iam".parse().unwrap(), declared)].into(),
            approvals: BTreeMap::new(),
            diagnostics: Vec::new(),
            ignored: Vec::new(),
            wholly_valid: true,
            constraints: Constraints::default(),
        }
    }

    fn desired_of(manifest: Manifest, region: &str) -> Desired {
        let catalog = catalog(Declared::Good(Arc::new(manifest)));
        desired(
            &catalog,
            &"main".parse().unwrap(),
            &place(region),
            DesiredInputs::without_list(SourceTrust::Whole),
        )
    }

    fn stuck(manifest: Manifest) -> Option<Unresolvable> {
        match desired_of(manifest, "eu-west-1").packs.into_values().next().unwrap() {
            DesiredEntry::Pack(_) => None,
            DesiredEntry::Unresolvable(stuck) => Some(stuck),
        }
    }

    #[test]
    fn a_later_override_wins_and_what_it_does_not_name_stays() {
        let over = |value| Override {
            regions: regions(&["eu-west-1"]),
            parameters: parameters(&[("age", value)]),
            excluded: BTreeSet::new(),
        };
        let manifest = Manifest { overrides: vec![over("60"), over("30")], ..manifest() };
        let inputs = |region| {
            let Some(DesiredEntry::Pack(pack)) =
                desired_of(manifest.clone(), region).packs.into_values().next()
            else {
                panic!("{region} wants no pack");
            };
            assert_eq!(pack.content.inputs[MARKER_PARAMETER], pack.marker.to_string());
            assert!(pack.marker.binds((&place(region), &manifest.name)));
            (pack.content.inputs["age"].clone(), pack.content.inputs["kept"].clone())
        };
        assert_eq!(inputs("eu-west-1"), ("30".to_owned(), "1".to_owned()));
        assert_eq!(inputs("us-east-1"), ("90".to_owned(), "1".to_owned()));
    }

    #[test]
    fn a_pack_for_other_regions_is_wanted_elsewhere_only() {
        let manifest = Manifest { regions: Some(regions(&["us-east-1"])), ..manifest() };
        let here = desired_of(manifest.clone(), "eu-west-1");
        assert!(here.packs.is_empty() && here.elsewhere.contains(&manifest.name));
        let there = desired_of(manifest.clone(), "us-east-1");
        assert!(there.packs.contains_key(&manifest.name) && there.elsewhere.is_empty());
    }

    #[test]
    fn a_body_fits_up_to_the_last_byte() {
        assert_eq!(stuck(Manifest { template: template(51_200), ..manifest() }), None);
        let why = stuck(Manifest { template: template(51_201), ..manifest() }).unwrap();
        assert!(
            why.to_string().starts_with("the template takes 51201 bytes as it is sent"),
            "{why}"
        );
    }

    #[test]
    fn what_this_version_cannot_deliver_claims_its_name_and_says_why() {
        let template = TemplateSource::S3("s3://bucket/key".to_owned());
        assert!(stuck(Manifest { template, ..manifest() }).is_some());
    }

    #[test]
    fn a_pack_that_selects_accounts_claims_its_name_until_they_are_known() {
        let states = [AccountState::Suspended].into();
        let exclude = Exclude { states, ..Exclude::default() };
        assert_eq!(
            stuck(Manifest { exclude, ..manifest() }).unwrap().to_string(),
            "its exclusions need the account list, which is unknown: the account list was not \
             read yet"
        );
    }

    #[test]
    fn a_broken_manifest_keeps_its_last_good_form_or_its_name() {
        let last_good = Some(Arc::new(manifest()));
        for last_good in [last_good, None] {
            let is_known = last_good.is_some();
            let mut catalog =
                catalog(Declared::Broken { why: ManifestProblem::Unexplained, last_good });
            catalog.wholly_valid = false;
            let here = desired(
                &catalog,
                &"main".parse().unwrap(),
                &place("eu-west-1"),
                DesiredInputs::without_list(SourceTrust::Whole),
            );
            assert!(matches!(here.trust, SourceTrust::Doubted(SourceDoubt::Invalid)));
            match here.packs.into_values().next().unwrap() {
                DesiredEntry::Pack(pack) => assert!(is_known && pack.invalid_now.is_some()),
                DesiredEntry::Unresolvable(stuck) => {
                    let why = Unresolvable::Invalid(ManifestProblem::Unexplained);
                    assert_eq!((is_known, stuck), (false, why));
                }
            }
        }
    }

    #[test]
    fn a_source_that_was_not_read_stays_unread_whatever_it_held() {
        let mut catalog = catalog(Declared::Good(Arc::new(manifest())));
        catalog.wholly_valid = false;
        let unread = SourceTrust::Doubted(SourceDoubt::Unreadable("gone".to_owned()));
        let here = desired(
            &catalog,
            &"main".parse().unwrap(),
            &place("eu-west-1"),
            DesiredInputs::without_list(unread.clone()),
        );
        assert_eq!(here.trust, unread);
    }

    #[test]
    fn a_source_is_believed_for_ten_minutes_and_not_after_a_failed_read() {
        let trust = |read: Option<&str>, problem: Option<&str>| {
            let unread = problem.map(|text| SourceProblem {
                outcome: ReadingOutcome::Unreadable,
                text: text.to_owned(),
            });
            let read_last = read.map(|read| read.parse().unwrap());
            let source = SourceStatus { read_last, unread, ..SourceStatus::default() };
            SourceTrust::of(&source, "2026-11-01T12:00:00Z".parse().unwrap())
        };
        assert_eq!(trust(Some("2026-11-01T11:50:00Z"), None), SourceTrust::Whole);
        let old = SourceTrust::Doubted(SourceDoubt::Old);
        assert_eq!(trust(Some("2026-11-01T11:49:59Z"), None), old);
        assert_eq!(SourceDoubt::Old.to_string(), "the source was not read for 10 minutes");
        let failed = SourceTrust::Doubted(SourceDoubt::Unreadable("?".to_owned()));
        assert_eq!(trust(Some("2026-11-01T12:00:00Z"), Some("?")), failed);
        assert_eq!(trust(None, None), old);
    }
}
