//! Looking at one region: two listings, whole or not at all.

use crate::cloud::RegionReader;
use crate::domain::base::failure::chain;
use crate::domain::base::model::Installation;
use crate::domain::observed::packs::{Observed, Unknown, join};
use crate::listing::{Incomplete, read_all};

/// Reads every pack and every status; two calls when both fit a page.
pub async fn observe<R: RegionReader>(reader: &R, installation: &Installation) -> Observed {
    let packs = match read_all(|token| reader.packs(token), |pack| pack.arn.clone()).await {
        Ok(packs) => packs,
        Err(incomplete) => return unknown(&incomplete),
    };
    let statuses = match read_all(|token| reader.statuses(token), |one| one.name.clone()).await {
        Ok(statuses) => statuses,
        Err(incomplete) => return unknown(&incomplete),
    };
    Observed::Seen(join(packs, statuses, installation, reader.place()))
}

fn unknown(incomplete: &Incomplete) -> Observed {
    Observed::Unknown(Unknown { kind: incomplete.kind(), why: chain(incomplete) })
}
