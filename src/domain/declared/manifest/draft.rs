//! A pack manifest whose fields were each checked by themselves; places are kept for what follows.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Field, ManifestFields, flag, parsed, texts};
use super::{DesiredState, Exclude, Manifest, ManifestOrigin, Suspend, TemplateSource, spec};
use crate::domain::base::model::{DeletionPolicy, PackName, Region, ResultsBucket};
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::manifest::parts::{
    OverrideDraft, ParameterEntries, TemplateChoice, values,
};
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml::tree::YamlNode;

/// Fields at the root of every manifest.
pub(super) const ROOT: &[&str] = &["apiVersion", "kind", "metadata", "spec"];
/// Fields of `metadata`.
pub(super) const METADATA: &[&str] = &["name", "labels"];
/// Fields of a pack's `spec`.
pub(super) const SPEC: &[&str] = &[
    "template",
    "parameters",
    "regions",
    "overrides",
    "exclude",
    "delivery",
    "deletionPolicy",
    "adopt",
    "suspend",
    "state",
];

/// What a manifest says, field by field. Fields in error are absent.
#[derive(Debug, Clone)]
pub(crate) struct ManifestDraft {
    pub(crate) origin: ManifestOrigin,
    pub(crate) name: Option<(PackName, Span)>,
    pub(super) labels: BTreeMap<String, String>,
    pub(crate) template: Option<(TemplateChoice, Span)>,
    pub(super) parameters: ParameterEntries,
    pub(super) regions: Option<BTreeMap<Region, Span>>,
    pub(super) overrides: Vec<OverrideDraft>,
    pub(super) exclude: Exclude,
    pub(super) delivery: ResultsBucket,
    pub(super) deletion_policy: DeletionPolicy,
    pub(super) adopt: bool,
    pub(super) suspend: Option<Suspend>,
    pub(crate) state: DesiredState,
}

impl ManifestDraft {
    /// Reads a document that is a pack manifest.
    pub(crate) fn read(findings: &mut Findings<'_>, root: &YamlNode) -> Self {
        let mut draft = Self {
            origin: ManifestOrigin { path: findings.path.clone(), span: root.span },
            name: None,
            labels: BTreeMap::new(),
            template: None,
            parameters: ParameterEntries::new(),
            regions: None,
            overrides: Vec::new(),
            exclude: Exclude::default(),
            delivery: ResultsBucket::default(),
            deletion_policy: DeletionPolicy::default(),
            adopt: false,
            suspend: None,
            state: DesiredState::Present,
        };
        let Some(fields) = ManifestFields::open(findings, Field::alone(root), "the manifest", ROOT)
        else {
            return draft;
        };
        // Reading goes on after an error, so that one run reports all errors of the manifest.
        if let Some(metadata) = fields.required(findings, "metadata") {
            draft.read_metadata(findings, metadata);
        }
        if let Some(spec) = fields.required(findings, "spec")
            && let Some(spec) = ManifestFields::open(findings, spec, "spec", SPEC)
        {
            draft.read_spec(findings, &spec);
        }
        draft
    }

    fn read_metadata(&mut self, findings: &mut Findings<'_>, field: Field<'_>) {
        let Some(metadata) = ManifestFields::open(findings, field, "metadata", METADATA) else {
            return;
        };
        if let Some(labels) = metadata.optional("labels") {
            self.labels = labels_of(findings, labels);
        }
        let Some(name) = metadata.required(findings, "name") else { return };
        let length = name.node.text().map_or(0, |text| text.chars().count());
        findings.limit(name.span, code::NAME_LENGTH, &limits::NAME, length);
        // A name that is too long is reported by its length; parsing it would report it a second
        // time.
        if length <= limits::NAME.upper {
            self.name = parsed(findings, name, "metadata.name").map(|parsed| (parsed, name.span));
        }
    }

    fn read_spec(&mut self, findings: &mut Findings<'_>, fields: &ManifestFields<'_>) {
        if let Some(state) = fields.optional("state") {
            self.state = spec::state(findings, state);
        }
        // A manifest with `state: Absent` needs no template: it may be a former manifest with one
        // line more.
        let template = match self.state {
            DesiredState::Present => fields.required(findings, "template"),
            DesiredState::Absent => fields.optional("template"),
        };
        if let Some(template) = template {
            self.template = spec::template(findings, template).map(|read| (read, template.span));
        }
        if let Some(parameters) = fields.optional("parameters") {
            self.parameters = spec::parameters(findings, parameters, "spec.parameters");
        }
        if let Some(regions) = fields.optional("regions") {
            self.regions = spec::regions(findings, regions, "spec.regions");
        }
        if let Some(overrides) = fields.optional("overrides") {
            self.overrides = spec::overrides(findings, overrides, self.regions.as_ref());
        }
        if let Some(exclude) = fields.optional("exclude") {
            self.exclude = spec::exclude(findings, exclude);
        }
        if let Some(delivery) = fields.optional("delivery") {
            self.delivery = spec::delivery(findings, delivery);
        }
        if let Some(policy) = fields.optional("deletionPolicy") {
            self.deletion_policy = spec::deletion_policy(findings, policy);
        }
        if let Some(adopt) = fields.optional("adopt") {
            self.adopt = flag(findings, adopt, "spec.adopt").unwrap_or_default();
        }
        if let Some(suspend) = fields.optional("suspend") {
            self.suspend = spec::suspend(findings, suspend);
        }
        if self.state == DesiredState::Absent {
            spec::check_absent(findings, fields, self.adopt);
        }
    }

    /// The manifest with its template, once nothing about the two is in error.
    pub(super) fn into_manifest(self, template: TemplateSource) -> Option<Manifest> {
        let regions = self.region_names();
        let Self {
            origin,
            name,
            labels,
            template: _,
            parameters,
            regions: _,
            overrides,
            exclude,
            delivery,
            deletion_policy,
            adopt,
            suspend,
            state: _,
        } = self;
        let (name, _) = name?;
        Some(Manifest {
            name,
            origin,
            labels,
            template,
            parameters: values(parameters),
            regions,
            overrides: overrides.into_iter().map(OverrideDraft::into_override).collect(),
            exclude,
            delivery,
            deletion_policy,
            adopt,
            suspend,
            unended: None,
        })
    }

    /// The file of its template, if it names one.
    pub(crate) fn template_file(&self) -> Option<&SourcePath> {
        match &self.template {
            Some((TemplateChoice::File(path), _)) => Some(path),
            Some((TemplateChoice::Inline { .. } | TemplateChoice::S3(_), _)) | None => None,
        }
    }

    /// The regions of its own list.
    pub(super) fn region_names(&self) -> Option<BTreeSet<Region>> {
        self.regions.as_ref().map(|regions| regions.keys().cloned().collect())
    }
}

/// `metadata.labels`.
pub(super) fn labels_of(findings: &mut Findings<'_>, field: Field<'_>) -> BTreeMap<String, String> {
    let labels = texts(findings, field, "metadata.labels").unwrap_or_default();
    labels.into_iter().map(|(name, (value, _))| (name, value)).collect()
}
