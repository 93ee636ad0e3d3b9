//! What a pack of the simulated AWS really is: what two runs must agree on.

use std::collections::{BTreeMap, BTreeSet};

use conformd::domain::base::model::{
    AccountId, Digest, Installation, MARKER_PARAMETER, Marker, PackName, Place, ResultsBucket,
};
use conformd::domain::observed::packs::PackPhase;
use conformd::sim::world::World;

/// Whose pack it is: read by hand, so as to be no echo of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Ours,
    SomebodyElse,
    Nobody,
}

/// One pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) owner: Owner,
    pub(crate) inputs: BTreeMap<String, String>,
    pub(crate) excluded: BTreeSet<AccountId>,
    pub(crate) delivery: ResultsBucket,
    /// Of the delivered bytes.
    pub(crate) template: Digest,
    /// How far the members are.
    pub(crate) phase: Option<PackPhase>,
}

impl Truth {
    pub(crate) fn of(world: &World, place: &Place, name: &PackName, us: &Installation) -> Self {
        let inputs = world.inputs(place, name).unwrap();
        Self {
            owner: owner(&inputs, (place, name), us),
            inputs,
            excluded: world.excluded(place, name).unwrap(),
            delivery: world.delivery(place, name).unwrap(),
            template: world.template(place, name).unwrap().digest,
            phase: world.aggregate(place, name).map(|aggregate| aggregate.phase),
        }
    }
}

/// Who owns a pack with these inputs.
pub(crate) fn owner(
    inputs: &BTreeMap<String, String>,
    spot: (&Place, &PackName),
    us: &Installation,
) -> Owner {
    let Some(marker) = inputs.get(MARKER_PARAMETER) else { return Owner::Nobody };
    let marker: Result<Marker, _> = marker.parse();
    match marker {
        Ok(marker) if marker.installation == *us && marker.binds(spot) => Owner::Ours,
        _ => Owner::SomebodyElse,
    }
}
