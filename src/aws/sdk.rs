//! Our types as the SDK has them.

use crate::domain::base::model::Region;

pub(super) fn sdk_region(region: &Region) -> aws_config::Region {
    aws_config::Region::new(region.as_str().to_owned())
}
