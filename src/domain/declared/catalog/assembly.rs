//! Every manifest of a snapshot, checked as a whole, with the last good form of what broke.
//!
//! A file that cannot be read to the end isolates its own packs and no others. Reading is pure and
//! the order of files does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::claim::{Claim, PreviousCatalog};
use super::intake::{DocumentIntake, Drafted};
use super::parsed::ParsedManifests;
use super::templates::TemplateFiles;
use super::{Catalog, Declared, ManifestProblem, names, sums};
use crate::domain::base::code;
use crate::domain::base::model::PackName;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::diagnostic::{Diagnostic, Severity};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::manifest::{DesiredState, Manifest, resolve, resolve_absent};
use crate::domain::declared::snapshot::{Snapshot, SourcePath};

impl Catalog {
    /// Reads every manifest of a snapshot. `previous` is the catalog that was in force before it,
    /// from which packs that broke keep their last good form.
    pub fn read(snapshot: &Snapshot, constraints: &Constraints, previous: Option<&Self>) -> Self {
        ParsedManifests::default().catalog(snapshot, constraints, previous)
    }
}

impl ParsedManifests {
    /// The catalog of a snapshot, as [`Catalog::read`] makes it. Files that were parsed already are
    /// not parsed again.
    pub fn catalog(
        &mut self,
        snapshot: &Snapshot,
        constraints: &Constraints,
        previous: Option<&Catalog>,
    ) -> Catalog {
        self.update(&snapshot.files);
        let before = PreviousCatalog { catalog: previous, constraints };
        let DocumentIntake { drafts, approvals, mut diagnostics, mut broken } =
            DocumentIntake::of(self.files());

        let mut templates = TemplateFiles::new(&snapshot.files);
        let mut claims = Vec::new();
        let mut rests = Rests::new();
        for drafted in drafts {
            if let (Some((name, _)), template) =
                (&drafted.draft.name, drafted.draft.template_file())
            {
                let files = rests.entry(name.clone()).or_default();
                files.insert(drafted.draft.origin.path.clone());
                files.extend(template.cloned());
            }
            match judge(drafted, &mut templates, constraints, &mut diagnostics) {
                Ok(claim) => {
                    // Damage may have swallowed a neighbour: the whole file counts as broken.
                    if let Err(why) = &claim.outcome {
                        broken.entry(claim.path.clone()).or_insert_with(|| why.clone());
                    }
                    claims.push(claim);
                }
                Err(Nameless { path, why }) => {
                    broken.entry(path).or_insert(why);
                }
            }
        }
        diagnostics.extend(templates.into_diagnostics());

        let mut packs = names::settle(claims, &before, &mut diagnostics);
        for (path, why) in &broken {
            for manifest in before.packs_of(path) {
                packs.entry(manifest.name.clone()).or_insert_with(|| {
                    let last_good = before.last_good(&manifest.name);
                    Declared::Broken { why: why.clone(), last_good }
                });
            }
        }
        let mut approvals = names::settle_approvals(approvals, &mut diagnostics);
        invalidate(&mut packs, &rests, &before, &diagnostics);
        sums::check(&packs, constraints, &mut diagnostics);
        let in_error = invalidate(&mut packs, &rests, &before, &diagnostics);
        approvals.retain(|_, approval| !in_error.contains(&approval.origin.path));

        // Files are read in order; templates and names add theirs at the end.
        diagnostics.sort_by(|one, other| {
            let place = one.path.cmp(&other.path).then(one.span.cmp(&other.span));
            place.then_with(|| one.cmp(other))
        });
        diagnostics.dedup();
        let wholly_valid = !diagnostics.iter().any(|finding| finding.severity == Severity::Error);
        let (revision, constraints) = (snapshot.revision.clone(), constraints.clone());
        let ignored = snapshot.ignored.keys().cloned().collect();
        Catalog { revision, packs, approvals, diagnostics, ignored, wholly_valid, constraints }
    }
}

/// The files that each pack rests on: those of its manifests and of their templates.
type Rests = BTreeMap<PackName, BTreeSet<SourcePath>>;

/// What is wrong with a text, rather than with what one of its documents says: such damage may have
/// swallowed or changed a neighbour.
const DAMAGE: [&str; 15] = [
    code::ENCODING,
    code::CHARACTER,
    code::DIRECTIVE,
    code::FILE_NAME,
    code::TOO_LARGE,
    code::TOO_DEEP,
    code::SYNTAX,
    code::ALIAS,
    code::DUPLICATE_KEY,
    code::KEY_NOT_TEXT,
    code::TAG,
    code::MERGE_CONFLICT,
    code::YAML_1_1,
    code::NOT_A_MANIFEST,
    code::NEAR_MISS,
];

/// No pack is valid while its template's file holds an error, or its manifest's file is damaged,
/// wherever in the file. Gives the files with errors.
fn invalidate<'d>(
    packs: &mut BTreeMap<PackName, Declared>,
    rests: &Rests,
    before: &PreviousCatalog<'_>,
    diagnostics: &'d [Diagnostic],
) -> BTreeSet<&'d SourcePath> {
    let mut in_error: BTreeMap<&SourcePath, Vec<&Diagnostic>> = BTreeMap::new();
    for finding in diagnostics.iter().filter(|finding| finding.severity == Severity::Error) {
        in_error.entry(&finding.path).or_default().push(finding);
    }
    for (name, declared) in packs {
        let own = match declared {
            Declared::Good(manifest) => &manifest.origin.path,
            Declared::Absent(tombstone) => &tombstone.origin.path,
            Declared::Broken { .. } => continue,
        };
        let rests = rests.get(name).into_iter().flatten();
        // An error elsewhere in the manifest's own file concerns another document, unless the file
        // is damaged: then its text may have been cut or merged anywhere.
        let mut wrong = rests.filter_map(|path| in_error.get(path)).flatten();
        let counts =
            |finding: &&&Diagnostic| finding.path != *own || DAMAGE.contains(&finding.code);
        if let Some(first) = wrong.find(counts) {
            let (why, last_good) = (ManifestProblem::from(*first), before.last_good(name));
            *declared = Declared::Broken { why, last_good };
        }
    }
    in_error.into_keys().collect()
}

/// Why a file has packs whose names are not known.
struct Nameless {
    path: SourcePath,
    why: ManifestProblem,
}

/// Brings a draft and its template together.
fn judge(
    drafted: Drafted,
    templates: &mut TemplateFiles<'_>,
    constraints: &Constraints,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Claim, Nameless> {
    let Drafted { draft, mut found } = drafted;
    let path = draft.origin.path.clone();
    let claimed = draft.name.clone();
    let mut findings = Findings::new(&path);
    findings.all.append(&mut found);
    let declared = match draft.state {
        DesiredState::Absent => resolve_absent(&mut findings, draft, constraints)
            .map(|tomb| Declared::Absent(Arc::new(tomb))),
        DesiredState::Present => draft
            .template
            .as_ref()
            .and_then(|(choice, span)| templates.of_choice(&mut findings, choice, *span))
            .and_then(|template| {
                let unended = templates.unended(&draft);
                let manifest = resolve(&mut findings, draft, template, constraints)?;
                Some(Declared::Good(Arc::new(Manifest { unended, ..manifest })))
            }),
    };
    let why = || ManifestProblem::first_of(&findings.all).unwrap_or(ManifestProblem::Unexplained);
    let result = match claimed {
        Some((name, span)) => {
            let outcome = declared.ok_or_else(why);
            Ok(Claim { name, path: path.clone(), span, outcome })
        }
        None => Err(Nameless { path: path.clone(), why: why() }),
    };
    diagnostics.append(&mut findings.all);
    result
}
