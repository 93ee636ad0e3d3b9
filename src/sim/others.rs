//! Other writers: the same account's credentials in other hands.
//!
//! What they do is a request like any other, but no fault or rate limit meets it and the log's
//! sums leave it out.

use super::api::packs::{DeletePack, InputParameter, PutPack};
use super::api::{ApiError, Caller, Reply, Request};
use super::refusals;
use super::world::World;
use crate::domain::base::model::{PackName, Place, Timestamp};

impl World {
    /// Another writer puts this: a pack without a marker, a copied marker, or what Terraform would
    /// put over ours.
    pub fn put_by_other(
        &mut self,
        now: Timestamp,
        place: &Place,
        put: PutPack,
    ) -> Result<(), ApiError> {
        self.ask_as_other(now, place, Request::PutOrganizationConformancePack(put))
    }

    /// Another writer deletes this pack.
    pub fn delete_by_other(
        &mut self,
        now: Timestamp,
        place: &Place,
        name: &PackName,
    ) -> Result<(), ApiError> {
        let name = Some(name.to_string());
        let delete = DeletePack { organization_conformance_pack_name: name };
        self.ask_as_other(now, place, Request::DeleteOrganizationConformancePack(delete))
    }

    /// Another writer puts another template and keeps everything that a read shows, the marker
    /// included: the only external change that shows in nothing but `LastUpdateTime`.
    pub fn change_template_by_other(
        &mut self,
        now: Timestamp,
        place: &Place,
        name: &PackName,
        body: &str,
    ) -> Result<(), ApiError> {
        self.advance_to(now);
        let view = self.truth();
        let seen = self.packs.visible(place, name, view).and_then(|pack| pack.last_run(view));
        let content = seen.map(|run| run.content.clone()).ok_or_else(refusals::no_such_pack)?;
        let inputs: Vec<InputParameter> = content.inputs.clone();
        let put = PutPack {
            organization_conformance_pack_name: Some(name.to_string()),
            template_body: Some(body.to_owned()),
            delivery_s3_bucket: content.bucket.clone(),
            delivery_s3_key_prefix: content.prefix.clone(),
            conformance_pack_input_parameters: Some(inputs),
            excluded_accounts: Some(content.excluded.iter().map(ToString::to_string).collect()),
            ..PutPack::default()
        };
        self.put_by_other(now, place, put)
    }

    fn ask_as_other(
        &mut self,
        now: Timestamp,
        place: &Place,
        request: Request,
    ) -> Result<(), ApiError> {
        match self.call(now, &Caller::other(place), request) {
            Reply::Answer(_) => Ok(()),
            Reply::Fault(fault) => Err(fault),
            // Faults meet clients only, so nothing breaks here.
            Reply::Broken(_) => Err(ApiError::new("InternalFailure", "").with_status(500)),
        }
    }
}
