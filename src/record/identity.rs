//! Whose record it is.

use rusqlite::Connection;

use crate::domain::plan::record::NoRecordCause;
use crate::record::cells::select;
use crate::record::fault::RecordFault;
use crate::record::rows::RecordOwner;
use crate::record::terms::RecordTerms;

/// Whose record this is; another installation's is refused.
pub(super) fn identity(
    connection: &Connection,
    terms: &RecordTerms,
) -> Result<RecordOwner, RecordFault> {
    let found = select::<RecordOwner>(connection, "", Vec::new())?;
    let Some((_, identity)) = found.into_iter().next() else {
        return Err(RecordFault::Damaged("it does not name an installation".to_owned()));
    };
    let RecordTerms { installation, account, .. } = terms;
    if (&identity.installation, &identity.account) != (installation, account) {
        let found = format!(
            "it belongs to installation {} in account {}, not to {installation} in {account}",
            identity.installation, identity.account,
        );
        return Err(RecordFault::Refused(NoRecordCause::OtherOwner, found));
    }
    Ok(identity)
}
