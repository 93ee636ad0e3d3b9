//! One name, one manifest: claims on names that meet are errors at every place.

use std::collections::BTreeMap;

use super::claim::{Claim, PreviousCatalog};
use super::{Declared, ManifestProblem};
use crate::domain::base::code;
use crate::domain::base::model::PackName;
use crate::domain::declared::approval::Approval;
use crate::domain::declared::diagnostic::{Diagnostic, Related, Span};
use crate::domain::declared::snapshot::SourcePath;

/// Decides every claimed name. Names that differ only in case are refused too: AWS distinguishes
/// them, readers may not.
pub(super) fn settle(
    claims: Vec<Claim>,
    before: &PreviousCatalog<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<PackName, Declared> {
    let mut alike: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    for claim in claims {
        alike.entry(claim.name.as_str().to_lowercase()).or_default().push(claim);
    }
    let mut packs = BTreeMap::new();
    for claims in alike.into_values() {
        let conflicts = conflicts(&claims);
        for (Claim { name, path: _, span: _, outcome }, conflict) in
            claims.into_iter().zip(conflicts)
        {
            let outcome = match &conflict {
                Some(problem) => Err(ManifestProblem::from(problem)),
                None => outcome,
            };
            diagnostics.extend(conflict);
            let declared = match outcome {
                Ok(declared) => declared,
                Err(why) => Declared::Broken { why, last_good: before.last_good(&name) },
            };
            packs.entry(name).or_insert(declared);
        }
    }
    packs
}

/// Other places that a finding names at most; a name claimed in more has troubles enough.
const PLACES_MAX: usize = 8;

/// For each of these claims on one name, what is wrong with it.
fn conflicts(claims: &[Claim]) -> Vec<Option<Diagnostic>> {
    let conflict = |(index, claim): (usize, &Claim)| {
        let others: Vec<&Claim> = others(claims, index).collect();
        let first = others.first()?;
        let found = match others.iter().find(|other| other.name != claim.name) {
            Some(other) => format!("{} and {} differ in letter case only", claim.name, other.name),
            None => format!("another manifest is named {} too", first.name),
        };
        let places = others.iter().map(|other| (&other.path, other.span));
        Some(duplicate(&claim.path, claim.span, found, places))
    };
    claims.iter().enumerate().map(conflict).collect()
}

/// The others among these, up to a number that is useful to show.
fn others<T>(all: &[T], index: usize) -> impl Iterator<Item = &T> {
    let others = all.iter().enumerate().filter(move |(other, _)| *other != index);
    others.map(|(_, other)| other).take(PLACES_MAX)
}

fn duplicate<'c>(
    path: &SourcePath,
    span: Span,
    found: String,
    others: impl Iterator<Item = (&'c SourcePath, Span)>,
) -> Diagnostic {
    let mut problem = Diagnostic::error(path, Some(span), code::DUPLICATE_NAME, found);
    problem.related = others
        .map(|(path, span)| Related { path: path.clone(), span, note: "also here".to_owned() })
        .collect();
    problem
}

/// Approvals by name; where two share one, neither approves anything.
pub(super) fn settle_approvals(
    approvals: Vec<(Approval, Span)>,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Approval> {
    let mut named: BTreeMap<String, Vec<(Approval, Span)>> = BTreeMap::new();
    for (approval, span) in approvals {
        named.entry(approval.name.clone()).or_default().push((approval, span));
    }
    let mut settled = BTreeMap::new();
    for (name, claims) in named {
        if let [(approval, _)] = claims.as_slice() {
            settled.insert(name, approval.clone());
            continue;
        }
        for (index, (approval, span)) in claims.iter().enumerate() {
            let found = format!("another approval is named {name} too");
            let others =
                others(&claims, index).map(|(approval, span)| (&approval.origin.path, *span));
            diagnostics.push(duplicate(&approval.origin.path, *span, found, others));
        }
    }
    settled
}
