//! Whose record it is.

use rusqlite::Connection;

use crate::domain::plan::record::NoRecordCause;
use crate::record::cells::select;
use crate::record::fault::Fault;
use crate::record::rows::Identity;
use crate::record::terms::Terms;

/// Whose record this is; another installation's is refused.
pub(super) fn identity(connection: &Connection, terms: &Terms) -> Result<Identity, Fault> {
    let found = select::<Identity>(connection, "", Vec::new())?;
    let Some((_, identity)) = found.into_iter().next() else {
        return Err(Fault::Damaged("it does not say whose it is".to_owned()));
    };
    let Terms { installation, account, .. } = terms;
    if (&identity.installation, &identity.account) != (installation, account) {
        let found = format!(
            "it belongs to installation {} in account {}, not to {installation} in {account}",
            identity.installation, identity.account,
        );
        return Err(Fault::Refused(NoRecordCause::OtherOwner, found));
    }
    Ok(identity)
}
