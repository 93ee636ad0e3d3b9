//! The inputs of a command that answers once: the manifests and the account list, read once.

use std::sync::Arc;

use super::terminal::{excerpt, note, paint};
use crate::config::Config;
use crate::domain::base::model::Timestamp;
use crate::domain::declared::source::SourceStatus;
use crate::domain::organization::membership::Membership;
use crate::session::{AwsSession, absence, constraints, directory};
use crate::tasks::organization::walk_once;
use crate::tasks::region::Surroundings;

/// The inputs of the regions, read once. An account list that cannot be read holds the packs that
/// need it, and no others.
pub(super) async fn read(
    session: &AwsSession,
    before: &Membership,
) -> anyhow::Result<Surroundings> {
    let source = source(&session.config, session.clock.aws_now())?;
    let interest = source.catalog.as_ref().map(|catalog| catalog.interest());
    let interest = interest.unwrap_or_default();
    let membership = walk_once(&session.organization, &interest, &session.clock, before).await;
    let membership = Arc::new(membership);
    Ok(Surroundings { source, membership, ..Surroundings::default() })
}

/// Reads and checks the manifests once; findings go to stderr with excerpts.
fn source(config: &Config, now: Timestamp) -> anyhow::Result<SourceStatus> {
    let (snapshot, catalog) = directory(config)?.read_catalog(&constraints(config))?;
    let drawn = excerpt::draw(&catalog.diagnostics, &snapshot.files, paint::stderr_has_colour());
    drawn.iter().try_for_each(|finding| note(&format!("{finding}\n\n")))?;
    Ok(SourceStatus::once(snapshot, catalog, absence(config), now))
}
