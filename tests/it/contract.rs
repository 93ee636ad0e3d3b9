//! What every implementation of the port has in common, whichever way it reaches the simulator.
//!
//! A face is one way; [`suite`] runs the whole contract against it. The world's clock is moved by
//! hand, so that both sides of the port see the same time and nothing waits.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod members;
mod organization;
mod wired;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use conformd::clock::Clock;
use conformd::cloud::{
    CloudError, MemberAccess, OrganizationReader, Page, PageToken, RegionReader, RowFilter, Writer,
};
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{
    AccountId, MARKER_PARAMETER, PackName, Place, Region, ResultsBucket, Timestamp,
};
use conformd::domain::observed::content::Content;
use conformd::domain::observed::packs::{PackPhase, PackRecord, RolloutStatus, Verb};
use conformd::sim::api::Operation;
use conformd::sim::failures::Failure;
use conformd::sim::faults::{FaultEffect, FaultRule, FaultStage};
use conformd::sim::in_process::{InProcess, InProcessMembers};
use conformd::sim::knobs::Knobs;
use conformd::sim::setup::WorldSetup;
use conformd::sim::world::World;
use jiff::SignedDuration;

use self::members::{
    a_closed_account_cannot_be_entered, a_recorder_is_seen_as_it_is,
    a_region_that_a_member_has_not_enabled_is_told_apart,
    a_role_that_cannot_be_assumed_is_denied_whatever_the_reason,
    a_visit_sees_recorders_and_nothing_else_is_asked,
};
use self::organization::{
    a_plain_member_may_only_describe_the_organization, a_unit_that_does_not_exist_is_told_apart,
    accounts_come_in_pages_of_twenty, an_unknown_state_is_no_state,
    empty_pages_are_not_the_end_of_the_accounts, paths_are_shown_where_aws_shows_them,
    tags_are_read_page_by_page_and_an_account_that_left_is_told_apart,
    the_organization_is_described, the_retired_status_stands_in_for_a_missing_state,
    the_services_and_administrators_of_packs_are_listed, units_are_walked_from_any_of_them,
};

/// A world and its clock.
#[derive(Debug, Clone)]
pub(crate) struct Bed {
    /// The world.
    pub(crate) world: Arc<Mutex<World>>,
    /// Its clock, frozen but for [`Bed::pass`].
    pub(crate) clock: Clock,
    /// The clock of the side that asks: the same, but wrong if a test says so.
    pub(crate) date_clock: Clock,
}

/// One way to reach a world.
pub(crate) trait Face: Sized {
    /// Reads packs.
    type Reader: RegionReader;
    /// Writes packs.
    type Writer: Writer;
    /// Reads accounts.
    type Organization: OrganizationReader;
    /// Enters accounts.
    type Members: MemberAccess;

    /// Opens the way to this world.
    fn open(bed: &Bed) -> impl Future<Output = Self>;
    /// A reader with the credentials of this account, in this region.
    fn reader(&self, place: &Place) -> Self::Reader;
    /// A writer with the credentials of this account, in this region.
    fn writer(&self, place: &Place) -> Self::Writer;
    /// A reader of the organization with the credentials of this account.
    fn organization(&self, place: &Place) -> Self::Organization;
    /// The way into members with the management account's credentials and this role.
    fn members(&self, role: &str, external_id: Option<&str>) -> Self::Members;
}

/// Every sentence of the contract, each in a world of its own.
macro_rules! suite {
    ($name:ident, $face:ty: $($sentence:ident,)*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $sentence() {
                    super::$sentence::<$face>().await;
                }
            )*
        }
    };
}

/// Runs the whole contract against a face.
macro_rules! contract {
    ($name:ident, $face:ty) => {
        suite! { $name, $face:
            a_put_is_listed_with_all_it_set,
            a_run_fans_out_to_rows_and_ends,
            a_pack_in_progress_refuses_put_and_delete,
            an_update_replaces_everything_and_keeps_the_arn,
            rows_are_filtered_by_account_and_status,
            a_failed_row_says_why,
            long_lists_are_read_page_by_page,
            a_token_of_another_listing_is_a_bad_token,
            unknown_names_are_told_apart,
            a_deleted_pack_leaves_the_list_and_can_be_put_again,
            the_organization_is_described,
            accounts_come_in_pages_of_twenty,
            empty_pages_are_not_the_end_of_the_accounts,
            the_retired_status_stands_in_for_a_missing_state,
            an_unknown_state_is_no_state,
            paths_are_shown_where_aws_shows_them,
            units_are_walked_from_any_of_them,
            a_unit_that_does_not_exist_is_told_apart,
            tags_are_read_page_by_page_and_an_account_that_left_is_told_apart,
            the_services_and_administrators_of_packs_are_listed,
            a_plain_member_may_only_describe_the_organization,
            a_recorder_is_seen_as_it_is,
            a_visit_sees_recorders_and_nothing_else_is_asked,
            a_role_that_cannot_be_assumed_is_denied_whatever_the_reason,
            a_closed_account_cannot_be_entered,
            a_region_that_a_member_has_not_enabled_is_told_apart,
            a_plain_member_is_neither_delegated_nor_shown_accounts,
            a_region_that_is_off_is_told_apart,
            the_caller_is_the_account_of_the_credentials,
            codes_become_kinds,
            broken_connections_become_kinds_and_keep_the_effect_apart,
            a_quiet_region_is_observed_with_two_calls,
            aws_time_is_learned_from_answers_whatever_the_own_clock_says,
        }
    };
}

contract!(in_process, super::InProcessFace);
contract!(over_http, super::wired::Wired);

/// The port answered in process.
struct InProcessFace(Bed);

impl Face for InProcessFace {
    type Reader = InProcess;
    type Writer = InProcess;
    type Organization = InProcess;
    type Members = InProcessMembers;

    async fn open(bed: &Bed) -> Self {
        Self(bed.clone())
    }

    fn reader(&self, place: &Place) -> InProcess {
        let Bed { world, clock, date_clock } = self.0.clone();
        InProcess::new(world, clock, place.clone()).with_date_clock(date_clock)
    }

    fn writer(&self, place: &Place) -> InProcess {
        self.reader(place)
    }

    fn organization(&self, place: &Place) -> InProcess {
        self.reader(place)
    }

    fn members(&self, role: &str, external_id: Option<&str>) -> InProcessMembers {
        self.reader(&home()).members(role, external_id)
    }
}

const BODY: &str = "\
Parameters:
  ConformdMarker: {Type: String, Default: none}
  Age: {Type: String, Default: '90'}
Resources:
  Keys:
    Type: AWS::Config::ConfigRule
    Properties:
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
      InputParameters: {maxAccessKeyAge: !Ref Age}
";

impl Bed {
    fn new(accounts: u64, knobs: Knobs) -> Self {
        Self::of(WorldSetup { knobs, ..setup(accounts) })
    }

    fn of(setup: WorldSetup) -> Self {
        let clock = Clock::simulated(setup.start, 0);
        let date_clock = clock.astray(SignedDuration::ZERO);
        Self { world: Arc::new(Mutex::new(World::new(setup))), clock, date_clock }
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

fn setup(accounts: u64) -> WorldSetup {
    let start: Timestamp = "2026-11-01T08:00:00.125Z".parse().unwrap();
    let setup = WorldSetup::new(start, (0..accounts).map(account), [region("eu-west-1")]);
    WorldSetup { knobs: Knobs::instant(), ..setup }
}

/// No lags; runs take their time.
fn prompt() -> Knobs {
    Knobs { lag: Knobs::instant().lag, ..Knobs::default() }
}

fn account(number: u64) -> AccountId {
    format!("{:012}", 111_111_111_111 + number).parse().unwrap()
}

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn home() -> Place {
    Place { account: account(0), region: region("eu-west-1") }
}

fn name(text: &str) -> PackName {
    text.parse().unwrap()
}

fn content() -> Content {
    let marker = "v1.main.00000000000000000000000000000000-1-d-00000000";
    Content {
        body: BODY.into(),
        inputs: BTreeMap::from([(MARKER_PARAMETER.to_owned(), marker.to_owned())]),
        excluded: BTreeSet::new(),
        delivery: ResultsBucket::default(),
    }
}

fn full_content() -> Content {
    let mut content = content();
    content.inputs.insert("Age".to_owned(), "60".to_owned());
    content.excluded = BTreeSet::from([account(1), account(9)]);
    content.delivery =
        ResultsBucket { bucket: "awsconfigconforms-results".into(), prefix: "packs".into() };
    content
}

fn status(text: &str) -> RolloutStatus {
    text.parse().unwrap()
}

/// Every entry of a listing and how many pages it took.
async fn whole<T, F: Future<Output = Result<Page<T>, CloudError>>>(
    mut page: impl FnMut(Option<PageToken>) -> F,
) -> (Vec<T>, usize) {
    let (mut all, mut token) = (Vec::new(), None);
    for pages in 1.. {
        let Page { items, next } = page(token).await.unwrap();
        all.extend(items);
        token = next;
        if token.is_none() {
            return (all, pages);
        }
    }
    unreachable!("the loop ends with the last page")
}

async fn packs(reader: &impl RegionReader) -> Vec<PackRecord> {
    whole(|token| reader.packs(token)).await.0
}

async fn aggregate(reader: &impl RegionReader, pack: &str) -> Option<RolloutStatus> {
    let (statuses, _) = whole(|token| reader.statuses(token)).await;
    statuses.into_iter().find(|one| one.name == name(pack)).map(|one| one.status)
}

async fn rows(reader: &impl RegionReader, pack: &str) -> BTreeMap<AccountId, String> {
    let (pack, filter) = (name(pack), RowFilter::default());
    let (rows, _) = whole(|token| reader.rows(&pack, &filter, token)).await;
    rows.into_iter().map(|row| (row.account, row.status.to_string())).collect()
}

async fn a_put_is_listed_with_all_it_set<F: Face>() {
    let bed = Bed::new(3, prompt());
    let face = F::open(&bed).await;
    let receipt = face.writer(&home()).put(&name("base"), &full_content()).await.unwrap();
    let arn = receipt.arn.unwrap();
    let put_at = bed.clock.now();
    bed.pass(Duration::from_secs(5));
    let Content { body: _, inputs, excluded, delivery } = full_content();
    let expected =
        PackRecord { name: name("base"), arn, last_update: put_at, inputs, excluded, delivery };
    assert_eq!(packs(&face.reader(&home())).await, [expected]);
}

async fn a_run_fans_out_to_rows_and_ends<F: Face>() {
    let mut knobs = prompt();
    knobs.fan_out.parallelism = 1;
    let bed = Bed::new(3, knobs);
    let face = F::open(&bed).await;
    face.writer(&home()).put(&name("base"), &content()).await.unwrap();
    let reader = face.reader(&home());
    let mut seen = BTreeSet::new();
    for _ in 0..12 {
        let done = rows(&reader, "base").await.len();
        seen.insert((done, aggregate(&reader, "base").await.map(|status| status.to_string())));
        bed.pass(Duration::from_secs(30));
    }
    let working = Some("CREATE_IN_PROGRESS".to_owned());
    let done = Some("CREATE_SUCCESSFUL".to_owned());
    let expected =
        [(0, working.clone()), (1, working.clone()), (2, working.clone()), (3, working), (3, done)];
    assert_eq!(seen, BTreeSet::from(expected));
}

async fn a_pack_in_progress_refuses_put_and_delete<F: Face>() {
    let bed = Bed::new(3, prompt());
    let face = F::open(&bed).await;
    let (writer, base) = (face.writer(&home()), name("base"));
    writer.put(&base, &content()).await.unwrap();
    let put = writer.put(&base, &content()).await.unwrap_err();
    let delete = writer.delete(&base).await.unwrap_err();
    assert_eq!((put.kind, delete.kind), (FailureKind::InFlight, FailureKind::InFlight));
    bed.pass(Duration::from_hours(1));
    writer.put(&base, &content()).await.unwrap();
    assert_eq!(bed.world().log().puts(), 2);
}

async fn an_update_replaces_everything_and_keeps_the_arn<F: Face>() {
    let bed = Bed::new(3, Knobs::instant());
    let face = F::open(&bed).await;
    let (writer, reader) = (face.writer(&home()), face.reader(&home()));
    let first = writer.put(&name("base"), &full_content()).await.unwrap();
    let targets: Vec<_> = rows(&reader, "base").await.into_keys().collect();
    assert_eq!(targets, [account(0), account(2)]);
    bed.pass(Duration::from_hours(1));
    let second = writer.put(&name("base"), &content()).await.unwrap();
    assert_eq!(first.arn, second.arn);
    let listed = packs(&reader).await;
    assert_eq!(listed[0].inputs, content().inputs);
    assert_eq!(listed[0].excluded, BTreeSet::new());
    assert_eq!(listed[0].delivery, ResultsBucket::default());
    assert_eq!(listed[0].last_update, bed.clock.now());
    assert_eq!(aggregate(&reader, "base").await, Some(status("UPDATE_SUCCESSFUL")));
    assert_eq!(rows(&reader, "base").await[&account(1)], "CREATE_SUCCESSFUL");
}

async fn rows_are_filtered_by_account_and_status<F: Face>() {
    let bed = Bed::new(3, Knobs::instant());
    let failure = Failure { account: Some(account(2)), code: "X".into(), ..Failure::default() };
    bed.world().fail(bed.clock.now(), failure);
    let face = F::open(&bed).await;
    face.writer(&home()).put(&name("base"), &content()).await.unwrap();
    let reader = face.reader(&home());
    let ask = async |account, status| {
        let (filter, base) = (RowFilter { account, status }, name("base"));
        let (rows, _) = whole(|token| reader.rows(&base, &filter, token)).await;
        rows.into_iter().map(|row| row.account).collect::<BTreeSet<_>>()
    };
    let failed = Some((Verb::Create, PackPhase::Failed));
    let fine = Some((Verb::Create, PackPhase::Successful));
    assert_eq!(ask(None, failed).await, BTreeSet::from([account(2)]));
    assert_eq!(ask(None, fine).await, BTreeSet::from([account(0), account(1)]));
    assert_eq!(ask(Some(account(1)), None).await, BTreeSet::from([account(1)]));
    assert_eq!(ask(Some(account(1)), failed).await, BTreeSet::new());
    assert_eq!(ask(Some(account(77)), None).await, BTreeSet::new());
}

async fn a_failed_row_says_why<F: Face>() {
    let bed = Bed::new(2, Knobs::instant());
    let failure = Failure {
        account: Some(account(1)),
        code: "AccessDeniedException".into(),
        message: "explicit deny <b>".into(),
        ..Failure::default()
    };
    bed.world().fail(bed.clock.now(), failure);
    let face = F::open(&bed).await;
    face.writer(&home()).put(&name("base"), &content()).await.unwrap();
    let (base, filter) = (name("base"), RowFilter { account: Some(account(1)), status: None });
    let page = face.reader(&home()).rows(&base, &filter, None).await.unwrap();
    let row = &page.items[0];
    assert_eq!(row.status, status("CREATE_FAILED"));
    assert_eq!(row.error_code.as_deref(), Some("AccessDeniedException"));
    assert_eq!(row.error_message.as_deref(), Some("explicit deny <b>"));
    assert_eq!(row.last_update, Some(bed.clock.now()));
}

async fn long_lists_are_read_page_by_page<F: Face>() {
    let mut knobs = Knobs::instant();
    knobs.quotas.packs = 150;
    knobs.paging.shuffled = true;
    let bed = Bed::new(130, knobs);
    let face = F::open(&bed).await;
    let (writer, reader) = (face.writer(&home()), face.reader(&home()));
    for number in 0..120 {
        writer.put(&name(&format!("pack{number}")), &content()).await.unwrap();
    }
    let (listed, pages) = whole(|token| reader.packs(token)).await;
    let names: BTreeSet<PackName> = listed.into_iter().map(|pack| pack.name).collect();
    assert_eq!((names.len(), pages), (120, 2));
    let (statuses, pages) = whole(|token| reader.statuses(token)).await;
    assert_eq!((statuses.len(), pages), (120, 2));
    let (base, filter) = (name("pack7"), RowFilter::default());
    let (rows, pages) = whole(|token| reader.rows(&base, &filter, token)).await;
    let members: BTreeSet<AccountId> = rows.into_iter().map(|row| row.account).collect();
    assert_eq!((members.len(), pages), (130, 2));
    let mut knobs = bed.world().knobs().clone();
    knobs.paging.empty_pages = true;
    bed.world().set_knobs(knobs);
    let (listed, pages) = whole(|token| reader.packs(token)).await;
    assert_eq!((listed.len(), pages), (120, 3), "an empty page is not the end");
}

async fn a_token_of_another_listing_is_a_bad_token<F: Face>() {
    let mut knobs = Knobs::instant();
    knobs.paging.page_max = Some(1);
    let bed = Bed::new(2, knobs);
    let face = F::open(&bed).await;
    let (writer, reader) = (face.writer(&home()), face.reader(&home()));
    for pack in ["one", "two"] {
        writer.put(&name(pack), &content()).await.unwrap();
    }
    let token = reader.packs(None).await.unwrap().next;
    let filter = RowFilter::default();
    let made_up = Some(PageToken("made up".into()));
    let kinds = [
        reader.statuses(token.clone()).await.unwrap_err().kind,
        reader.rows(&name("one"), &filter, token.clone()).await.unwrap_err().kind,
        reader.packs(made_up.clone()).await.unwrap_err().kind,
        face.organization(&home()).accounts(made_up).await.unwrap_err().kind,
    ];
    assert_eq!(kinds, [FailureKind::BadToken; 4]);
    assert_eq!(reader.packs(token).await.unwrap().items[0].name, name("two"));
}

async fn unknown_names_are_told_apart<F: Face>() {
    let bed = Bed::new(2, Knobs::instant());
    let face = F::open(&bed).await;
    let (nobody, filter) = (name("nobody"), RowFilter::default());
    let rows = face.reader(&home()).rows(&nobody, &filter, None).await.unwrap_err();
    let delete = face.writer(&home()).delete(&nobody).await.unwrap_err();
    assert_eq!([rows.kind, delete.kind], [FailureKind::NoSuchPack; 2]);
}

async fn a_deleted_pack_leaves_the_list_and_can_be_put_again<F: Face>() {
    let bed = Bed::new(2, prompt());
    let face = F::open(&bed).await;
    let (writer, reader) = (face.writer(&home()), face.reader(&home()));
    let first = writer.put(&name("base"), &content()).await.unwrap();
    bed.pass(Duration::from_hours(1));
    writer.delete(&name("base")).await.unwrap();
    bed.pass(Duration::from_mins(1));
    assert_eq!(packs(&reader).await, []);
    assert_eq!(aggregate(&reader, "base").await, Some(status("DELETE_IN_PROGRESS")));
    let early = writer.put(&name("base"), &content()).await.unwrap_err();
    assert_eq!(early.kind, FailureKind::InFlight);
    bed.pass(Duration::from_hours(1));
    assert_eq!(aggregate(&reader, "base").await, Some(status("DELETE_SUCCESSFUL")));
    let gone = writer.delete(&name("base")).await.unwrap_err();
    assert_eq!(gone.kind, FailureKind::NoSuchPack);
    let second = writer.put(&name("base"), &content()).await.unwrap();
    assert_ne!(first, second, "a re-created pack has an ARN of its own");
}

async fn a_plain_member_is_neither_delegated_nor_shown_accounts<F: Face>() {
    let bed = Bed::new(2, Knobs::instant());
    let face = F::open(&bed).await;
    let member = Place { account: account(1), ..home() };
    let read = face.reader(&member).packs(None).await.unwrap_err();
    let put = face.writer(&member).put(&name("base"), &content()).await.unwrap_err();
    assert_eq!([read.kind, put.kind], [FailureKind::NotDelegated; 2]);
    let list = face.organization(&member).accounts(None).await.unwrap_err();
    assert_eq!(list.kind, FailureKind::Denied);
    assert_eq!(bed.world().log().puts(), 0);
}

async fn a_region_that_is_off_is_told_apart<F: Face>() {
    let bed = Bed::new(2, Knobs::instant());
    let face = F::open(&bed).await;
    let off = Place { region: region("af-south-1"), ..home() };
    let reader = face.reader(&off);
    let kinds = [
        reader.caller().await.unwrap_err().kind,
        reader.packs(None).await.unwrap_err().kind,
        face.writer(&off).put(&name("base"), &content()).await.unwrap_err().kind,
    ];
    assert_eq!(kinds, [FailureKind::RegionDisabled; 3]);
}

async fn the_caller_is_the_account_of_the_credentials<F: Face>() {
    let bed = Bed::new(2, Knobs::instant());
    let face = F::open(&bed).await;
    for number in [0, 1] {
        let place = Place { account: account(number), ..home() };
        assert_eq!(face.reader(&place).caller().await.unwrap(), account(number));
    }
}

async fn codes_become_kinds<F: Face>() {
    let bed = Bed::new(2, Knobs::instant());
    let face = F::open(&bed).await;
    let writer = face.writer(&home());
    let codes = [
        ("ThrottlingException", 400, FailureKind::Throttled),
        ("TooManyRequestsException", 400, FailureKind::Throttled),
        ("ResourceInUseException", 400, FailureKind::InFlight),
        ("ValidationException", 400, FailureKind::Rejected),
        ("OrganizationConformancePackTemplateValidationException", 400, FailureKind::Rejected),
        ("MaxNumberOfOrganizationConformancePacksExceededException", 400, FailureKind::Quota),
        ("InsufficientPermissionsException", 400, FailureKind::Denied),
        ("AccessDeniedException", 400, FailureKind::Denied),
        ("OrganizationAccessDeniedException", 400, FailureKind::NotDelegated),
        ("UnrecognizedClientException", 400, FailureKind::RegionDisabled),
        ("ExpiredTokenException", 400, FailureKind::Credentials),
        ("InvalidSignatureException", 400, FailureKind::Credentials),
        ("NoAvailableOrganizationException", 400, FailureKind::NoOrganization),
        ("OrganizationAllFeaturesNotEnabledException", 400, FailureKind::NoOrganization),
        ("NoSuchOrganizationConformancePackException", 400, FailureKind::NoSuchPack),
        ("InternalFailure", 500, FailureKind::Server),
        ("ServiceUnavailable", 503, FailureKind::Server),
    ];
    for (code, http_status, kind) in codes {
        let effect = FaultEffect::Error {
            code: code.to_owned(),
            message: "so it is".to_owned(),
            length: 0,
            status: http_status,
        };
        let fault = bed.world().add_fault(FaultRule::always(effect));
        let error = writer.put(&name("base"), &content()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{code}: {error:?}");
        bed.world().remove_fault(fault);
    }
    assert_eq!(bed.world().log().puts(), 0);
    let attempts = bed.world().log().count(Operation::PutOrganizationConformancePack);
    assert_eq!(attempts, codes.len() as u64, "a write is sent once");
}

async fn broken_connections_become_kinds_and_keep_the_effect_apart<F: Face>() {
    let troubles = [
        (FaultEffect::Reset { stage: FaultStage::Before }, FailureKind::Unreachable, 0),
        (FaultEffect::Reset { stage: FaultStage::After }, FailureKind::Unreachable, 1),
        (FaultEffect::Unavailable { stage: FaultStage::After, html: true }, FailureKind::Server, 1),
        (FaultEffect::InternalFailure { stage: FaultStage::After }, FailureKind::Server, 1),
        (FaultEffect::Malformed, FailureKind::BrokenAnswer, 1),
    ];
    for (effect, kind, puts) in troubles {
        let bed = Bed::new(2, Knobs::instant());
        let face = F::open(&bed).await;
        bed.world().add_fault(FaultRule::always(effect.clone()).nth(0, 1));
        let error = face.writer(&home()).put(&name("base"), &content()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{effect:?}: {error:?}");
        assert!(error.kind.leaves_outcome_unknown());
        assert_eq!(bed.world().log().puts(), puts, "{effect:?}");
        assert_eq!(packs(&face.reader(&home())).await.len() as u64, puts, "{effect:?}");
    }
}

async fn a_quiet_region_is_observed_with_two_calls<F: Face>() {
    let bed = Bed::new(3, Knobs::instant());
    let face = F::open(&bed).await;
    let (writer, reader) = (face.writer(&home()), face.reader(&home()));
    for number in 0..50 {
        writer.put(&name(&format!("pack{number}")), &content()).await.unwrap();
    }
    let before = bed.world().log().calls();
    assert_eq!(packs(&reader).await.len(), 50);
    assert_eq!(aggregate(&reader, "pack49").await, Some(status("CREATE_SUCCESSFUL")));
    assert_eq!(bed.world().log().calls() - before, 2);
}

async fn aws_time_is_learned_from_answers_whatever_the_own_clock_says<F: Face>() {
    let mut bed = Bed::new(2, Knobs::instant());
    bed.date_clock = bed.clock.astray(SignedDuration::from_hours(-3));
    let face = F::open(&bed).await;
    let reader = face.reader(&home());
    for _ in 0..2 {
        reader.packs(None).await.unwrap();
    }
    bed.pass(Duration::from_mins(30));
    bed.date_clock.stray(SignedDuration::from_hours(5));
    let off = bed.date_clock.aws_now().duration_since(bed.clock.now());
    // `Date` counts whole seconds.
    assert!(off.abs() < SignedDuration::from_secs(1), "{off:?}");
    let skew = bed.date_clock.skew().unwrap() - SignedDuration::from_hours(-5);
    assert!(skew.abs() < SignedDuration::from_secs(1), "{skew:?}");
}
