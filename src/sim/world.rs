//! The world: every account, region and pack, and the only entry point for requests.
//!
//! Owns the state and the order in which a request meets faults, identity, rate limits and its
//! operation. The file of each noun implements its operations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::api::epoch::whole;
use super::api::{Answer, ApiError, Caller, Reply, Request, RequestOrigin, Service};
use super::failures::{Failure, FailureId, Failures};
use super::faults::{self, FaultEffect, FaultId, FaultRule, FaultTarget, Faults};
use super::knobs::Knobs;
use super::log::{LoggedRequest, RequestLog};
use super::member_state::SimRow;
use super::members::MemberArena;
use super::organization::OrganizationTree;
use super::packs::{DelayedView, Incarnation, PackHistories, ViewDelay};
use super::paging::TokenBinding;
use super::rollout::{Aggregate, SimRollout};
use super::session::AssumedSession;
use super::sessions::AssumedSessions;
use super::setup::{Features, MemberSetup, RecorderSetup, RoleSetup, WorldSetup};
use super::store::{Object, ObjectStore};
use super::template::AcceptedTemplate;
use super::throttle::Buckets;
use super::timeline::{Timeline, after, earlier};
use super::{refusals, sessions};
use crate::domain::base::model::{
    AccountId, AccountState, PackName, Place, Region, ResultsBucket, Timestamp,
};

/// A simulated AWS. Equal setups and equal calls give equal answers.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) seed: u64,
    pub(super) knobs: Knobs,
    pub(super) regions: BTreeSet<Region>,
    pub(super) members: MemberArena,
    pub(super) tree: OrganizationTree,
    pub(super) packs: PackHistories,
    pub(super) store: ObjectStore,
    pub(super) failures: Failures,
    pub(super) sessions: AssumedSessions,
    faults: Faults,
    buckets: Buckets,
    log: RequestLog,
    moment: Timestamp,
    calls: u64,
}

impl World {
    /// The world as set up, at its start.
    pub fn new(setup: WorldSetup) -> Self {
        let tree = OrganizationTree::new(&setup);
        let WorldSetup { seed, start, management, accounts, regions, roles, knobs, .. } = setup;
        let mut members = MemberArena::new(accounts);
        members.change(&management, |account| account.service_role = Timeline::new(false));
        Self {
            seed,
            regions,
            members,
            tree,
            packs: PackHistories::default(),
            store: ObjectStore::default(),
            failures: Failures::default(),
            sessions: AssumedSessions::new(roles),
            faults: Faults::default(),
            buckets: Buckets::default(),
            log: RequestLog::new(knobs.log_entries_max),
            moment: whole(start),
            calls: 0,
            knobs,
        }
    }

    /// Answers a request at `now`; time never runs backwards, an earlier `now` counts as the last.
    pub fn call(&mut self, now: Timestamp, caller: &Caller, mut request: Request) -> Reply {
        let operation = request.operation();
        // Every change gets a moment of its own, so that two writes never have the same
        // `LastUpdateTime`.
        if operation.is_mutating() {
            self.next_moment(now);
        } else {
            self.advance_to(now);
        }
        let now = self.now();
        self.calls += 1;
        let subject = request.subject().map(str::to_owned);
        let has_token = request.token_mut().is_some_and(|token| token.is_some());
        let asked = FaultTarget { operation, caller, has_token, now, seed: self.seed };
        // Faults strike only the client under test, so that they do not disturb the writers of a
        // scenario.
        let effect = match caller.origin {
            RequestOrigin::Client => self.faults.strike(asked),
            RequestOrigin::Other => None,
        };
        let (reply, took_effect) = self.respond(caller, request, effect.as_ref());
        let (invocation, attempt) = caller.invocation.clone().unzip();
        self.log.add(LoggedRequest {
            number: self.calls,
            at: now,
            operation,
            account: caller.account,
            region: caller.region.clone(),
            origin: caller.origin,
            subject,
            invocation,
            attempt,
            mutating: operation.is_mutating(),
            took_effect,
            outcome: reply.label(),
        });
        reply
    }

    /// Lets time pass. Nothing has to be done for it: everything is a function of the past.
    pub fn advance_to(&mut self, now: Timestamp) {
        self.moment = self.moment.max(whole(now));
    }

    /// The world's time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        whole(self.moment)
    }

    /// The exact moment: what happens within one millisecond still happens one after the other.
    pub(super) fn moment(&self) -> Timestamp {
        self.moment
    }

    /// A moment of its own for a change, so that changes have an order even on a frozen clock.
    fn next_moment(&mut self, now: Timestamp) -> Timestamp {
        self.advance_to(now);
        self.moment = after(self.moment, Duration::from_nanos(1));
        self.moment
    }

    fn respond(
        &mut self,
        caller: &Caller,
        mut request: Request,
        effect: Option<&FaultEffect>,
    ) -> (Reply, bool) {
        let operation = request.operation();
        // Faults come before everything else, as a broken connection does; then identity,
        // permission and rate, so that a refused caller uses up no rate.
        if let Some(reply) = effect.and_then(|effect| faults::before(effect, operation)) {
            return (reply, false);
        }
        let admitted = self
            .recognise(caller, operation.service())
            .and_then(|()| sessions::permit(caller, operation))
            .and_then(|()| match caller.origin {
                RequestOrigin::Client => {
                    self.buckets.admit(&self.knobs.rates, self.moment, caller, operation)
                }
                RequestOrigin::Other => Ok(()),
            });
        if let Err(fault) = admitted {
            return (Reply::Fault(fault), false);
        }
        let at = match effect {
            Some(FaultEffect::Stale { by }) => earlier(self.moment, *by),
            Some(_) | None => self.moment,
        };
        if let (Some(FaultEffect::Endless { .. }), Some(token)) = (effect, request.token_mut()) {
            *token = None;
        }
        let result = self.execute(at, caller, request);
        let took_effect = result.is_ok();
        let reply = match result {
            Ok(answer) => Reply::Answer(answer),
            Err(fault) => Reply::Fault(fault),
        };
        let reply = match effect {
            Some(effect) => faults::after(effect, reply, self.calls),
            None => reply,
        };
        (reply, took_effect)
    }

    /// Refuses credentials that mean nothing in this region.
    fn recognise(&self, caller: &Caller, service: Service) -> Result<(), ApiError> {
        let Caller { account, region, .. } = caller;
        let known = self.members.find(account).is_some_and(|account| {
            // Organizations is one global endpoint, so regions that are switched off do not matter
            // to it.
            service == Service::Organizations
                || (self.regions.contains(region) && !account.regions_off.contains(region))
        });
        if known {
            return Ok(());
        }
        Err(match service {
            Service::Sts => refusals::unknown_token_id(),
            Service::Config | Service::Organizations => refusals::unknown_client(),
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "AWS Organizations answers elsewhere")]
    fn execute(
        &mut self,
        at: Timestamp,
        caller: &Caller,
        request: Request,
    ) -> Result<Answer, ApiError> {
        use {Answer as A, Request as R};
        Ok(match request {
            R::PutOrganizationConformancePack(put) => {
                A::PutOrganizationConformancePack(self.put_pack(caller, put)?)
            }
            R::DeleteOrganizationConformancePack(delete) => {
                A::DeleteOrganizationConformancePack(self.delete_pack(caller, &delete)?)
            }
            R::DescribeOrganizationConformancePacks(describe) => {
                A::DescribeOrganizationConformancePacks(self.list_packs(at, caller, &describe)?)
            }
            R::DescribeOrganizationConformancePackStatuses(describe) => {
                let statuses = self.list_statuses(at, caller, &describe)?;
                A::DescribeOrganizationConformancePackStatuses(statuses)
            }
            R::GetOrganizationConformancePackDetailedStatus(get) => {
                A::GetOrganizationConformancePackDetailedStatus(self.list_rows(at, caller, &get)?)
            }
            R::TagResource(tag) => A::TagResource(self.tag_pack(caller, &tag)?),
            R::UntagResource(untag) => A::UntagResource(self.untag_pack(caller, &untag)?),
            R::ListTagsForResource(list) => {
                A::ListTagsForResource(self.list_pack_tags(caller, &list)?)
            }
            R::PutConfigurationRecorder(put) => {
                A::PutConfigurationRecorder(self.put_recorder(caller, put)?)
            }
            R::DeleteConfigurationRecorder(named) => {
                let change = self.change_recorder(caller, &named, RecorderSetup::Missing);
                A::DeleteConfigurationRecorder(change?)
            }
            R::StartConfigurationRecorder(named) => {
                let change = self.change_recorder(caller, &named, RecorderSetup::Recording);
                A::StartConfigurationRecorder(change?)
            }
            R::StopConfigurationRecorder(named) => {
                let change = self.change_recorder(caller, &named, RecorderSetup::Stopped);
                A::StopConfigurationRecorder(change?)
            }
            R::DescribeConfigurationRecorders(describe) => {
                A::DescribeConfigurationRecorders(self.list_recorders(at, caller, &describe)?)
            }
            R::DescribeConfigurationRecorderStatus(describe) => {
                let statuses = self.list_recorder_statuses(at, caller, &describe)?;
                A::DescribeConfigurationRecorderStatus(statuses)
            }
            R::GetCallerIdentity(_) => A::GetCallerIdentity(self.identify(caller)),
            R::AssumeRole(assume) => A::AssumeRole(self.assume_role(caller, &assume)?),
            organizations => return self.execute_organizations(at, caller, organizations),
        })
    }

    /// The listing that this call asks a page of.
    pub(super) fn listing<'a>(
        &'a self,
        operation: &'a str,
        caller: &'a Caller,
        filter: &'a str,
    ) -> TokenBinding<'a> {
        TokenBinding {
            seed: self.seed,
            paging: &self.knobs.paging,
            now: self.now(),
            call: self.calls,
            scope: [operation, caller.account.as_str(), caller.region.as_str(), filter],
        }
    }

    /// The number of this call: makes draws differ.
    pub(super) fn call_number(&self) -> u64 {
        self.calls
    }

    /// This incarnation as a reader sees it.
    pub(super) fn rollout<'a>(
        &'a self,
        place: &'a Place,
        name: &'a PackName,
        incarnation: &'a Incarnation,
        view: DelayedView,
    ) -> SimRollout<'a> {
        SimRollout {
            knobs: &self.knobs,
            members: &self.members,
            failures: &self.failures,
            management: &self.tree.management,
            place,
            name,
            incarnation,
            view,
        }
    }
}

/// The truth, for tests and the control interface: no delays, no disguise, no log entry.
impl World {
    /// How the world behaves.
    pub fn knobs(&self) -> &Knobs {
        &self.knobs
    }

    /// Changes how it behaves, for runs in progress too.
    pub fn set_knobs(&mut self, knobs: Knobs) {
        self.knobs = knobs;
    }

    /// Its regions.
    pub fn regions(&self) -> &BTreeSet<Region> {
        &self.regions
    }

    /// The management account.
    pub fn management(&self) -> &AccountId {
        &self.tree.management
    }

    /// Whether this account is a member now.
    pub fn is_member(&self, id: &AccountId) -> bool {
        self.members.find(id).is_some_and(|account| account.stay(self.moment).is_some())
    }

    /// The request log.
    pub fn log(&self) -> &RequestLog {
        &self.log
    }

    /// The names of the packs that exist at a place now, those being removed included.
    pub fn pack_names(&self, place: &Place) -> Vec<PackName> {
        let view = self.truth();
        let all = self.packs.all_visible(place, view);
        let live = all.filter(|(name, pack)| self.exists(place, name, pack));
        live.map(|(name, _)| name.clone()).collect()
    }

    /// What the template of a pack was like, as put last.
    pub fn template(&self, place: &Place, name: &PackName) -> Option<Arc<AcceptedTemplate>> {
        let view = self.truth();
        let run = self.packs.visible(place, name, view)?.last_run(view)?;
        Some(Arc::clone(&run.content.template))
    }

    /// The input parameters of a pack, as put last.
    pub fn inputs(&self, place: &Place, name: &PackName) -> Option<BTreeMap<String, String>> {
        let view = self.truth();
        let run = self.packs.visible(place, name, view)?.last_run(view)?;
        let inputs = run.content.inputs.iter().cloned();
        Some(inputs.map(|input| (input.parameter_name, input.parameter_value)).collect())
    }

    /// The accounts that a pack is not deployed to, as put last.
    pub fn excluded(&self, place: &Place, name: &PackName) -> Option<BTreeSet<AccountId>> {
        let view = self.truth();
        let run = self.packs.visible(place, name, view)?.last_run(view)?;
        Some(run.content.excluded.clone())
    }

    /// Where the results of a pack go, as put last.
    pub fn delivery(&self, place: &Place, name: &PackName) -> Option<ResultsBucket> {
        let view = self.truth();
        let content = &self.packs.visible(place, name, view)?.last_run(view)?.content;
        let (bucket, prefix) = (content.bucket.clone(), content.prefix.clone());
        let (bucket, prefix) = (bucket.unwrap_or_default(), prefix.unwrap_or_default());
        Some(ResultsBucket { bucket, prefix })
    }

    /// The row of one account.
    pub fn row(&self, place: &Place, name: &PackName, account: &AccountId) -> Option<SimRow> {
        let view = self.truth();
        let incarnation = self.packs.visible(place, name, view)?;
        let number = self.members.number(account)?;
        self.rollout(place, name, incarnation, view).member(number).row
    }

    /// The aggregate that follows from the rows, never stuck.
    pub fn aggregate(&self, place: &Place, name: &PackName) -> Option<Aggregate> {
        let view = self.truth();
        let incarnation = self.packs.visible(place, name, view)?;
        self.rollout(place, name, incarnation, view).aggregate()
    }

    pub(super) fn truth(&self) -> DelayedView {
        DelayedView { delay: ViewDelay::Truth, at: self.moment }
    }
}

/// What happens to the world besides requests.
impl World {
    /// Plans a failure from now on.
    pub fn fail(&mut self, now: Timestamp, failure: Failure) -> FailureId {
        let now = self.next_moment(now);
        self.failures.plan(now, failure)
    }

    /// Ends a failure; rows that failed stay failed until the next rollout. `false` if there is
    /// none.
    pub fn clear_failure(&mut self, now: Timestamp, id: FailureId) -> bool {
        let now = self.next_moment(now);
        self.failures.clear(now, id)
    }

    /// Arms a fault.
    pub fn add_fault(&mut self, rule: FaultRule) -> FaultId {
        self.faults.add(rule)
    }

    /// Disarms a fault. False if there is none of this name.
    pub fn remove_fault(&mut self, id: FaultId) -> bool {
        self.faults.remove(id)
    }

    /// Disarms every fault.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Changes what the organization can do, or dissolves it.
    pub fn set_features(&mut self, features: Features) {
        self.tree.features = features;
    }

    /// Lets an account join now, or join again. Its 7 hours count from `joined`, which is this
    /// moment or an earlier one: AWS first tries to deploy to it now, all the same.
    pub fn join(&mut self, now: Timestamp, member: MemberSetup) {
        let now = self.next_moment(now);
        self.members.join(now, member);
    }

    /// Lets an account leave. False if it is no member.
    pub fn leave(&mut self, now: Timestamp, id: &AccountId) -> bool {
        let now = self.next_moment(now);
        let mut left = false;
        self.members.change(id, |account| {
            if let Some(stay) = account.stays.last_mut().filter(|stay| stay.left.is_none()) {
                stay.left = Some(now);
                left = true;
            }
        });
        left
    }

    /// Changes the state of an account. False if it was never a member.
    pub fn set_state(&mut self, now: Timestamp, id: &AccountId, state: AccountState) -> bool {
        let now = self.next_moment(now);
        self.members.change(id, |account| account.state.set(now, state))
    }

    /// Moves an account to another organizational unit. False if either is unknown.
    pub fn move_to(&mut self, id: &AccountId, parent: &str) -> bool {
        self.tree.has_parent(parent)
            && self.members.change(id, |account| parent.clone_into(&mut account.parent))
    }

    /// Changes the recorder of an account in one region. False if it was never a member.
    pub fn set_recorder(
        &mut self,
        now: Timestamp,
        id: &AccountId,
        region: &Region,
        recorder: RecorderSetup,
    ) -> bool {
        let now = self.next_moment(now);
        self.members.set_recorder(id, region, now, recorder)
    }

    /// Makes or removes the role that organization deployments need; it matters only in the
    /// management account. False if the account was never a member.
    pub fn set_service_role(&mut self, now: Timestamp, id: &AccountId, exists: bool) -> bool {
        let now = self.next_moment(now);
        self.members.change(id, |account| account.service_role.set(now, exists))
    }

    /// Enables or disables a region for one account. False if it was never a member.
    pub fn set_region(&mut self, id: &AccountId, region: &Region, enabled: bool) -> bool {
        self.members.change(id, |account| {
            if enabled {
                account.regions_off.remove(region);
            } else {
                account.regions_off.insert(region.clone());
            }
        })
    }

    /// Makes, changes or removes a role that can be assumed.
    pub fn set_role(&mut self, role: RoleSetup) {
        self.sessions.set_role(role);
    }

    /// Puts an object into the simulated S3, where `TemplateS3Uri` finds it.
    pub fn put_object(&mut self, uri: impl Into<String>, object: Object) {
        self.store.put_object(uri.into(), object);
    }

    /// The session that these keys belong to, expired or not.
    pub fn session(&self, access_key_id: &str) -> Option<&AssumedSession> {
        self.sessions.find(access_key_id)
    }
}
