//! Put and Delete of packs: who may, what is refused, what begins.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::api::packs::{DeletePack, InputParameter, PackArn, PutPack};
use super::api::{ApiError, Caller};
use super::knobs::{AdministratorAggregate, LockScope, Tagging, UndeclaredInput};
use super::packs::{Act, DelayedView, Incarnation, PackContent, SimDeployment};
use super::random::{alphanumeric, draw, up_to};
use super::template::AcceptedTemplate;
use super::timeline::after;
use super::world::World;
use super::{refusals, validation};
use crate::domain::base::model::{AccountId, PackName, Place, Region};
use crate::domain::observed::packs::PackPhase;

/// Bytes of a template in S3 (AWS Config API: 300 KB).
const OBJECT_MAX: usize = 307_200;

/// Where a pack is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Gone,
    Live,
    Deleting,
    DeleteFailed,
}

impl World {
    pub(super) fn put_pack(&mut self, caller: &Caller, put: PutPack) -> Result<PackArn, ApiError> {
        let name = validation::put(&put, self.knobs.quotas.inputs)?;
        // The request is checked before the state of the world, and nothing changes before the last
        // check has passed.
        self.tree.may_put(caller, self.moment(), self.knobs.delegation_delay)?;
        let content = Arc::new(self.content(&put)?);
        let place = caller.place();
        let life = self.life(&place, &name);
        self.check_lock(&place, &name)?;
        if life == Life::Gone {
            self.check_quota(&place)?;
        }
        self.trust_management(caller);
        let run = self.begin_run(Act::Put, &place, &name, content);
        let tags = put.tags.unwrap_or_default();
        let tags = tags.into_iter().map(|tag| (tag.key, tag.value));
        let tagging = self.knobs.tagging;
        if life == Life::Gone {
            let suffix = self.suffix(&place, &name);
            let Place { account, region } = &place;
            let arn = format!(
                "arn:aws:config:{region}:{account}:organization-conformance-pack/{name}-{suffix}"
            );
            let kept = tagging != Tagging::Unsupported;
            let tags = tags.filter(|_| kept).collect();
            let incarnation = Incarnation { arn: arn.clone(), suffix, tags, runs: vec![run] };
            self.packs.begin(&place, &name, incarnation);
            return Ok(PackArn { organization_conformance_pack_arn: arn });
        }
        let incarnation =
            self.packs.latest_mut(&place, &name).ok_or_else(refusals::no_such_pack)?;
        incarnation.runs.push(run);
        if tagging == Tagging::OnEveryPut {
            incarnation.tags.extend(tags);
        }
        Ok(PackArn { organization_conformance_pack_arn: incarnation.arn.clone() })
    }

    pub(super) fn delete_pack(
        &mut self,
        caller: &Caller,
        delete: &DeletePack,
    ) -> Result<(), ApiError> {
        let name = validation::pack_name(delete.organization_conformance_pack_name.as_deref())?;
        self.tree.may_read(caller, self.moment(), self.knobs.delegation_delay)?;
        let place = caller.place();
        if self.life(&place, &name) == Life::Gone {
            return Err(refusals::no_such_pack());
        }
        self.check_lock(&place, &name)?;
        let view = self.truth();
        let seen = self.packs.visible(&place, &name, view);
        let last = seen.and_then(|incarnation| incarnation.last_run(view));
        let content =
            last.map(|run| Arc::clone(&run.content)).ok_or_else(refusals::no_such_pack)?;
        let run = self.begin_run(Act::Delete, &place, &name, content);
        if let Some(incarnation) = self.packs.latest_mut(&place, &name) {
            incarnation.runs.push(run);
        }
        Ok(())
    }

    /// Whether a pack exists, on its way out included.
    pub(super) fn exists(&self, place: &Place, name: &PackName, pack: &Incarnation) -> bool {
        self.life_of(place, name, pack, self.truth()) != Life::Gone
    }

    /// Whether the list shows it: packs being removed are not listed, those whose removal failed
    /// are again.
    pub(super) fn is_listed(
        &self,
        place: &Place,
        name: &PackName,
        pack: &Incarnation,
        view: DelayedView,
    ) -> bool {
        matches!(self.life_of(place, name, pack, view), Life::Live | Life::DeleteFailed)
    }

    fn life(&self, place: &Place, name: &PackName) -> Life {
        let view = self.truth();
        match self.packs.visible(place, name, view) {
            Some(pack) => self.life_of(place, name, pack, view),
            None => Life::Gone,
        }
    }

    fn life_of(
        &self,
        place: &Place,
        name: &PackName,
        pack: &Incarnation,
        view: DelayedView,
    ) -> Life {
        match pack.last_run(view).map(|run| run.act) {
            None => return Life::Gone,
            Some(Act::Put) => return Life::Live,
            Some(Act::Delete) => {}
        }
        match self.rollout(place, name, pack, view).aggregate().map(|aggregate| aggregate.phase) {
            Some(PackPhase::InProgress) => Life::Deleting,
            Some(PackPhase::Failed) => Life::DeleteFailed,
            Some(PackPhase::Successful) | None => Life::Gone,
        }
    }

    fn check_lock(&self, place: &Place, name: &PackName) -> Result<(), ApiError> {
        let view = self.truth();
        // AWS does not document whether a rollout locks one pack or the whole region, so both can
        // be simulated.
        let locked = match self.knobs.lock {
            LockScope::Pack => self
                .packs
                .visible(place, name, view)
                .is_some_and(|pack| self.holds(place, name, pack)),
            LockScope::Place => self
                .packs
                .all_visible(place, view)
                .any(|(name, pack)| self.holds(place, name, pack)),
        };
        if locked { Err(refusals::in_use()) } else { Ok(()) }
    }

    fn holds(&self, place: &Place, name: &PackName, pack: &Incarnation) -> bool {
        let view = self.truth();
        let rollout = self.rollout(place, name, pack, view);
        // The status that a delegated administrator sees may stay in progress forever. Whether it
        // also locks the pack is not known, so a knob decides.
        let stuck = self.knobs.administrator_aggregate == AdministratorAggregate::StuckLocked
            && rollout.is_administrators()
            && pack.last_run(view).is_some_and(|run| run.act == Act::Put);
        stuck || rollout.is_active()
    }

    fn check_quota(&self, place: &Place) -> Result<(), ApiError> {
        let quotas = &self.knobs.quotas;
        // AWS does not document whether accounts share the quota of a region, so both can be
        // simulated.
        let counted = self.packs.places().filter(|one| {
            one.region == place.region && (quotas.packs_shared || one.account == place.account)
        });
        let packs: usize = counted.map(|one| self.pack_names(one).len()).sum();
        if packs < quotas.packs { Ok(()) } else { Err(refusals::too_many_packs(quotas.packs)) }
    }

    /// What the Put sets, its template read.
    fn content(&mut self, put: &PutPack) -> Result<PackContent, ApiError> {
        let body = match (&put.template_s3_uri, &put.template_body) {
            (Some(uri), _) => self.fetch(uri)?,
            (None, Some(body)) => body.clone(),
            (None, None) => return Err(refusals::invalid("There is no template.")),
        };
        let template = self.store.read(&body).map_err(|errors| refusals::template(&errors))?;
        let inputs = put.conformance_pack_input_parameters.clone().unwrap_or_default();
        self.check_inputs(&template, &inputs)?;
        let excluded = put.excluded_accounts.iter().flatten();
        let excluded: BTreeSet<AccountId> = excluded.filter_map(|id| id.parse().ok()).collect();
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (bucket, prefix) = (set(&put.delivery_s3_bucket), set(&put.delivery_s3_key_prefix));
        Ok(PackContent { template, inputs, excluded, bucket, prefix })
    }

    fn fetch(&self, uri: &str) -> Result<String, ApiError> {
        let object = self.store.object(uri).filter(|object| object.readable);
        let object = object.ok_or_else(|| {
            refusals::permissions("The template cannot be read from the Amazon S3 location.")
        })?;
        if object.body.len() > OBJECT_MAX {
            return Err(refusals::invalid("The template is larger than 300 KB."));
        }
        Ok(object.body.clone())
    }

    fn check_inputs(
        &self,
        template: &AcceptedTemplate,
        inputs: &[InputParameter],
    ) -> Result<(), ApiError> {
        let given = |name: &String| inputs.iter().any(|input| input.parameter_name == *name);
        if let Some(missing) = template.required.iter().find(|name| !given(name)) {
            return Err(refusals::template(&format!("Parameters: [{missing}] must have values")));
        }
        let mut names = inputs.iter().map(|input| &input.parameter_name);
        let undeclared = names.find(|name| !template.parameters.contains(*name));
        match (undeclared, self.knobs.undeclared_input) {
            (Some(name), UndeclaredInput::Refused) => Err(refusals::template(&format!(
                "Parameters: [{name}] do not exist in the template"
            ))),
            (Some(_), UndeclaredInput::MembersFail) | (None, _) => Ok(()),
        }
    }

    /// A Put from the management account turns trusted access on and makes the role it needs.
    fn trust_management(&mut self, caller: &Caller) {
        let now = self.moment();
        if caller.account == self.tree.management {
            self.tree.trust(now);
            self.members.change(&caller.account, |account| account.service_role.set(now, true));
        }
    }

    fn begin_run(
        &self,
        act: Act,
        place: &Place,
        name: &PackName,
        content: Arc<PackContent>,
    ) -> SimDeployment {
        let now = self.moment();
        let Place { account, region } = place;
        let drawn = |what: &str| {
            let spot = [what, account.as_str(), region.as_str(), name.as_str()];
            draw(self.seed, &spot, self.call_number())
        };
        let lag = &self.knobs.lag;
        let visible = [("packs", lag.packs), ("statuses", lag.statuses), ("rows", lag.rows)];
        let members = self.members.count();
        let offset = usize::try_from(drawn("offset")).unwrap_or(0);
        let crowd = match act {
            Act::Put => self.crowd(place, name, &content),
            Act::Delete => None,
        };
        SimDeployment {
            act,
            at: now,
            content,
            members,
            offset: offset.checked_rem(members).unwrap_or(0),
            visible: visible.map(|(what, max)| after(now, up_to(max, drawn(what)))),
            crowd,
        }
    }

    /// The other packs of the region over all owners, if with this one they exceed what a member
    /// can hold.
    fn crowd(
        &self,
        place: &Place,
        name: &PackName,
        content: &PackContent,
    ) -> Option<Arc<[Arc<PackContent>]>> {
        let view = self.truth();
        let others: Vec<Arc<PackContent>> = self
            .places_in(&place.region)
            .flat_map(|owner| {
                let packs = self.packs.all_visible(owner, view);
                let others = packs.filter(move |(one, _)| owner != place || *one != name);
                let live = others.filter(|(one, pack)| self.exists(owner, one, pack));
                live.filter_map(|(_, pack)| Some(Arc::clone(&pack.last_run(view)?.content)))
            })
            .collect();
        let rules: u32 = others.iter().map(|content| content.template.rules).sum();
        let quotas = &self.knobs.quotas;
        let exceeds = rules.saturating_add(content.template.rules) > quotas.member_rules
            || others.len() >= quotas.packs;
        exceeds.then(|| others.into())
    }

    fn places_in(&self, region: &Region) -> impl Iterator<Item = &Place> {
        self.packs.places().filter(move |place| place.region == *region)
    }

    fn suffix(&self, place: &Place, name: &PackName) -> String {
        let spot = ["suffix", place.account.as_str(), place.region.as_str(), name.as_str()];
        let incarnation = self.packs.incarnations(place, name) as u64;
        alphanumeric(draw(self.seed, &spot, incarnation), 8)
    }
}
