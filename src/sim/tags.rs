//! Tags on packs, by ARN.

use std::collections::BTreeSet;

use super::api::packs::{ListTags, PackTagsShape, Tag, TagResource, UntagResource};
use super::api::{ApiError, Caller};
use super::knobs::Tagging;
use super::packs::Incarnation;
use super::paging::BadToken;
use super::world::World;
use super::{refusals, validation, validation::page_limit};

/// Tags of one resource (AWS quota).
const TAGS_MAX: usize = 50;

/// Tags on one page when nothing is asked for (AWS Config API reference).
const TAG_PAGE: usize = 50;

impl World {
    pub(super) fn tag_pack(&mut self, caller: &Caller, tag: &TagResource) -> Result<(), ApiError> {
        let tags = tag.tags.as_deref().unwrap_or_default();
        validation::tags(tags)?;
        let pack = self.tagged_mut(caller, tag.resource_arn.as_deref())?;
        let mut kept = pack.tags.clone();
        kept.extend(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
        if kept.len() > TAGS_MAX {
            return Err(ApiError::new(
                "TooManyTagsException",
                format!("You have reached the limit of {TAGS_MAX} tags."),
            ));
        }
        pack.tags = kept;
        Ok(())
    }

    pub(super) fn untag_pack(
        &mut self,
        caller: &Caller,
        untag: &UntagResource,
    ) -> Result<(), ApiError> {
        let pack = self.tagged_mut(caller, untag.resource_arn.as_deref())?;
        let keys: BTreeSet<&String> = untag.tag_keys.iter().flatten().collect();
        pack.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    }

    pub(super) fn list_pack_tags(
        &mut self,
        caller: &Caller,
        list: &ListTags,
    ) -> Result<PackTagsShape, ApiError> {
        let limit = match list.limit {
            None | Some(0) => TAG_PAGE,
            asked => page_limit(asked)?,
        };
        let tags = self.tagged_mut(caller, list.resource_arn.as_deref())?.tags.clone();
        let tags: Vec<(String, String)> = tags.into_iter().collect();
        let pick = |index: usize| {
            let (key, value) = tags.get(index)?.clone();
            Some(Tag { key, value })
        };
        let scope = list.resource_arn.clone().unwrap_or_default();
        let listing = self.listing("Tags", caller, &scope);
        let page = listing
            .cut(list.next_token.as_deref(), tags.len(), limit, pick)
            .map_err(|BadToken| refusals::token())?;
        Ok(PackTagsShape { tags: page.items, next_token: page.next })
    }

    fn tagged_mut(
        &mut self,
        caller: &Caller,
        arn: Option<&str>,
    ) -> Result<&mut Incarnation, ApiError> {
        let arn = arn.ok_or_else(|| refusals::validation(None, "resourceArn", "not be null"))?;
        let missing = refusals::not_found(&format!("ResourceArn '{arn}'"));
        // Documents of AWS disagree on whether these packs can be tagged, so a knob decides.
        if self.knobs.tagging == Tagging::Unsupported {
            return Err(missing);
        }
        let place = caller.place();
        let name = self.packs.name_of(&place, arn).ok_or_else(|| missing.clone())?;
        let view = self.truth();
        let alive = self
            .packs
            .visible(&place, &name, view)
            .is_some_and(|pack| pack.arn == arn && self.exists(&place, &name, pack));
        if !alive {
            return Err(missing);
        }
        self.packs.latest_mut(&place, &name).ok_or(missing)
    }
}
