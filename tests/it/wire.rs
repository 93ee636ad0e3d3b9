//! The real SDK against a server on this machine that answers whatever a test tells it to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformd::aws::{AwsCloud, CallObserver, ConnectProblem, Patience};
use conformd::clock::Clock;
use conformd::cloud::{
    Attempt, AttemptObserver, CloudError, Op, OrganizationReader, Page, PageToken, Receipt,
    RegionReader, RowFilter, Writer,
};
use conformd::config::{Aws, Endpoint, StaticCredentials};
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{AccountState, Place, ResultsBucket, Timestamp};
use conformd::domain::observed::content::Content;
use conformd::domain::observed::packs::{PackPhase, PackRecord, RolloutStatus, Verb};
use conformd::domain::present::report::Reports;
use conformd::limiter::{Budget, Limited, Limiter};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::sample;

/// What the server does with a request.
#[derive(Debug, Clone)]
enum Reply {
    /// Answers with this status, content type and body.
    Answer(u16, &'static str, String),
    /// Says nothing and keeps the connection.
    Hang,
    /// Closes the connection without a word.
    Close,
    /// Promises a body and stops in its middle.
    Truncate,
}

fn json(status: u16, body: &str) -> Reply {
    Reply::Answer(status, "application/x-amz-json-1.1", body.to_owned())
}

fn refusal(code: &str) -> Reply {
    json(400, &format!(r#"{{"__type":"{code}","message":"as told"}}"#))
}

/// A request as the server saw it.
#[derive(Debug, Clone)]
struct Request {
    headers: String,
    body: String,
}

impl Request {
    /// The body, one member a line, in the order of their names.
    fn members(&self) -> String {
        let body: BTreeMap<String, serde_json::Value> = serde_json::from_str(&self.body).unwrap();
        body.iter().fold(String::new(), |text, (name, value)| text + &format!("{name}: {value}\n"))
    }
}

/// The attempts that the adapter reported.
#[derive(Debug, Default)]
struct Attempts(Mutex<Vec<Reported>>);

type Reported = (Op, String, Result<(), FailureKind>);

impl AttemptObserver for Attempts {
    fn attempted(&self, attempt: &Attempt<'_>) {
        let Attempt { op, region, result, elapsed: _ } = *attempt;
        self.0.lock().unwrap().push((op, region.to_owned(), result));
    }
}

/// The server, and the adapter that talks to it. Requests get the replies in order, and those
/// beyond the end get the last one again.
struct Wire {
    settings: Aws,
    cloud: AwsCloud,
    requests: Arc<Mutex<Vec<Request>>>,
    attempts: Arc<Attempts>,
    _server: JoinSet<()>,
}

impl Wire {
    async fn new(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::default();
        let hangs = replies.iter().any(|reply| matches!(reply, Reply::Hang));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, replies, Arc::clone(&requests)));
        let attempts = Arc::new(Attempts::default());
        let observer = Arc::clone(&attempts);
        let settings = settings(Some(url));
        let cloud =
            AwsCloud::connect(&settings, patience(hangs), call_observer(observer)).await.unwrap();
        Self { settings, cloud, requests, attempts, _server: server }
    }

    fn seen(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    fn results(&self) -> Vec<Result<(), FailureKind>> {
        self.attempts.0.lock().unwrap().iter().map(|(_, _, result)| *result).collect()
    }

    async fn packs(&self) -> Result<Page<PackRecord>, CloudError> {
        self.cloud.reader(&place()).packs(None).await
    }

    async fn put(&self) -> Result<Receipt, CloudError> {
        self.cloud.writer(&place()).put(&"iam".parse().unwrap(), &content()).await
    }
}

/// Only a test that waits for an answer in vain is impatient: machines can be slow.
fn patience(hangs: bool) -> Patience {
    let quick = Patience { backoff_first: Duration::from_millis(1), ..Patience::default() };
    let short = Duration::from_millis(500);
    if hangs { Patience { read_attempt: short, write: short, ..quick } } else { quick }
}

fn call_observer(observer: Arc<dyn AttemptObserver>) -> CallObserver {
    CallObserver { observer, clock: Clock::system() }
}

fn settings(url: Option<String>) -> Aws {
    let credentials = StaticCredentials {
        access_key_id: "111122223333".to_owned(),
        secret_access_key: "secret".to_owned(),
    };
    Aws {
        profile: None,
        expected_account: place().account,
        regions: BTreeSet::from([place().region]),
        endpoint: url.map(|url| Endpoint { url, credentials: Some(credentials) }),
    }
}

fn place() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

fn content() -> Content {
    Content {
        body: "Resources: {}".into(),
        inputs: [("ConformdMarker".to_owned(), "v1.main".to_owned())].into(),
        excluded: BTreeSet::new(),
        delivery: ResultsBucket::default(),
    }
}

async fn serve(listener: TcpListener, replies: Vec<Reply>, seen: Arc<Mutex<Vec<Request>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, replies.clone(), Arc::clone(&seen)));
    }
}

async fn answer(stream: TcpStream, replies: Vec<Reply>, seen: Arc<Mutex<Vec<Request>>>) {
    let mut stream = BufReader::new(stream);
    let Some(request) = request(&mut stream).await else { return };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        seen.len() - 1
    };
    let reply = replies.get(number).or(replies.last()).unwrap();
    let text = match reply {
        Reply::Close => return,
        Reply::Hang => return std::future::pending().await,
        Reply::Truncate => "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"Org".to_owned(),
        Reply::Answer(status, kind, body) => {
            let mut text = format!("HTTP/1.1 {status} As Told\r\nconnection: close\r\n");
            write!(text, "content-type: {kind}\r\nx-amzn-requestid: request-{number}\r\n").unwrap();
            write!(text, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
            text
        }
    };
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        if stream.read_line(&mut headers).await.ok()? == 0 {
            return None;
        }
    }
    let headers = headers.to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { headers, body: String::from_utf8(body).unwrap() })
}

/// The kind that a list call ends with, and how many requests it took.
async fn read_outcome(reply: Reply) -> (FailureKind, usize) {
    let wire = Wire::new(vec![reply]).await;
    let kind = wire.packs().await.unwrap_err().kind;
    let requests = wire.seen().len();
    let results = wire.results();
    assert_eq!(results.len(), requests, "every attempt is reported");
    assert!(results.iter().all(|result| *result == Err(kind)), "{results:?} but {kind}");
    (kind, requests)
}

#[tokio::test]
async fn reads_are_attempted_three_times_when_another_try_can_help() {
    use FailureKind::{Server, Throttled, Timeout, Unreachable};
    let html = |status| Reply::Answer(status, "text/html", "<h1>Sorry</h1>".to_owned());
    for (reply, kind) in [
        (refusal("ThrottlingException"), Throttled),
        (refusal("com.amazonaws.config#ThrottlingException"), Throttled),
        (refusal("TooManyRequestsException"), Throttled),
        (json(500, r#"{"__type":"InternalFailure"}"#), Server),
        (json(503, r#"{"__type":"ServiceUnavailable"}"#), Server),
        (json(500, r#"{"__type":"NeverHeardOf"}"#), Server),
        (json(500, "{}"), Server),
        (html(502), Server),
        (Reply::Hang, Timeout),
        (Reply::Close, Unreachable),
    ] {
        assert_eq!(read_outcome(reply.clone()).await, (kind, 3), "{reply:?}");
    }
}

#[tokio::test]
async fn reads_are_attempted_once_when_another_try_cannot_help() {
    use FailureKind::{
        BadToken, Credentials, Denied, InFlight, NoOrganization, NotDelegated, Quota,
        RegionDisabled, Rejected,
    };
    for (code, kind) in [
        ("ResourceInUseException", InFlight),
        ("AccessDeniedException", Denied),
        ("InsufficientPermissionsException", Denied),
        ("aws.config#OrganizationAccessDeniedException", NotDelegated),
        ("UnrecognizedClientException", RegionDisabled),
        ("UnrecognizedClientException:http://internal.example", RegionDisabled),
        ("ExpiredTokenException", Credentials),
        ("MissingAuthenticationTokenException", Credentials),
        ("NoAvailableOrganizationException", NoOrganization),
        ("OrganizationAllFeaturesNotEnabledException", NoOrganization),
        ("MaxNumberOfOrganizationConformancePacksExceededException", Quota),
        ("InvalidNextTokenException", BadToken),
        ("ValidationException", Rejected),
        ("SerializationException", Rejected),
        ("NeverHeardOfException", Rejected),
    ] {
        assert_eq!(read_outcome(refusal(code)).await, (kind, 1), "{code}");
    }
}

#[tokio::test]
async fn an_answer_without_any_code_is_judged_by_its_status() {
    let html = |status| Reply::Answer(status, "text/html", "<h1>Sorry</h1>".to_owned());
    assert_eq!(read_outcome(html(200)).await, (FailureKind::BrokenAnswer, 1));
    assert_eq!(read_outcome(html(403)).await, (FailureKind::BrokenAnswer, 1));
    let (slow_down, _) = read_outcome(html(429)).await;
    assert_eq!(slow_down, FailureKind::Throttled);
}

#[tokio::test]
async fn a_truncated_answer_is_no_short_list() {
    let (kind, _) = read_outcome(Reply::Truncate).await;
    assert!(matches!(kind, FailureKind::BrokenAnswer | FailureKind::Unreachable), "{kind}");
}

#[tokio::test]
async fn a_read_succeeds_after_two_throttles_and_every_attempt_is_reported() {
    let throttle = refusal("ThrottlingException");
    let wire = Wire::new(vec![throttle.clone(), throttle, json(200, "{}")]).await;
    let page = wire.packs().await.unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
    let throttled = Err(FailureKind::Throttled);
    assert_eq!(wire.results(), [throttled, throttled, Ok(())]);
}

#[tokio::test]
async fn aws_time_is_that_of_fresh_answers_refusals_among_them() {
    let told = |age: &str| {
        let kind = format!("application/json\r\n{age}date: Sun, 01 Nov 2026 08:00:00 GMT");
        Reply::Answer(400, kind.leak(), r#"{"__type":"AccessDeniedException"}"#.to_owned())
    };
    for (age, is_heard) in [("", true), ("age: 90\r\n", false)] {
        let wire = Wire::new(vec![told(age)]).await;
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 0);
        let observer = CallObserver { observer: wire.attempts.clone(), clock: clock.clone() };
        let cloud = AwsCloud::connect(&wire.settings, patience(false), observer).await.unwrap();
        for _ in 0..2 {
            let error = cloud.reader(&place()).packs(None).await.unwrap_err();
            assert_eq!(error.kind, FailureKind::Denied);
        }
        let now = is_heard.then(|| "2026-11-01T08:00:00Z".parse().unwrap());
        assert_eq!(clock.aws_now(), now.unwrap_or(Timestamp::UNIX_EPOCH));
        assert_eq!(wire.seen().len(), 2, "a stand-in's time never makes the SDK try again");
    }
}

#[tokio::test]
async fn a_paced_reader_slows_down_when_aws_throttles_and_recovers() {
    let throttle = refusal("ThrottlingException");
    let wire = Wire::new(vec![throttle.clone(), throttle.clone(), throttle, json(200, "{}")]).await;
    let ten = NonZeroU32::new(10).unwrap();
    let budget = Budget { per_second: ten, burst: ten, in_flight: NonZeroUsize::MIN };
    let limiter = Arc::new(Limiter::new(budget, Clock::system()));
    let reader = Limited::new(wire.cloud.reader(&place()), Arc::clone(&limiter));
    assert_eq!(reader.packs(None).await.unwrap_err().kind, FailureKind::Throttled);
    assert_eq!((limiter.speed_percent(), limiter.in_flight()), (50, 0));
    reader.packs(None).await.unwrap();
    assert_eq!(limiter.speed_percent(), 52);
}

#[tokio::test]
async fn requests_under_way_and_waits_for_the_own_limiter_show_in_the_metrics() {
    let wire = Wire::new(vec![Reply::Hang]).await;
    let metrics = sample::metrics(&["eu-west-1"]);
    let observer = Arc::new(metrics.clone());
    let patient = Patience::default();
    let cloud =
        AwsCloud::connect(&wire.settings, patient, call_observer(observer.clone())).await.unwrap();
    let budget = Budget {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::MIN,
        in_flight: NonZeroUsize::MIN,
    };
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 0);
    let limiter = Arc::new(Limiter::new(budget, clock.clone()).observed(place().region, observer));
    let shown = |name| {
        let text = sample::scrape(&metrics, &Reports::new()).of(name);
        text.trim_end().rsplit_once(' ').map(|(_, value)| value.to_owned()).unwrap()
    };
    for number in 1..=2 {
        let writer = Limited::new(cloud.writer(&place()), Arc::clone(&limiter));
        let name = "iam".parse().unwrap();
        let is_sent = async {
            while wire.seen().len() < number {
                if number == 2 {
                    clock.advance(Duration::from_millis(100));
                }
                tokio::task::yield_now().await;
            }
            shown("conformd_aws_inflight_requests")
        };
        let under_way = tokio::select! {
            biased;
            answer = writer.delete(&name) => panic!("nobody answers: {answer:?}"),
            under_way = is_sent => under_way,
        };
        // The call was given up meanwhile.
        assert_eq!((under_way, shown("conformd_aws_inflight_requests")), ("1".into(), "0".into()));
    }
    let waited: f64 = shown("conformd_aws_limiter_wait_seconds_total").parse().unwrap();
    assert!(waited >= 0.999, "{waited}");
}

#[tokio::test]
async fn a_write_is_sent_exactly_once_whatever_happens() {
    use FailureKind::{InFlight, Rejected, Server, Throttled, Timeout, Unreachable};
    for (reply, kind) in [
        (refusal("ThrottlingException"), Throttled),
        (refusal("ResourceInUseException"), InFlight),
        (refusal("OrganizationConformancePackTemplateValidationException"), Rejected),
        (json(500, r#"{"__type":"InternalFailure"}"#), Server),
        (Reply::Hang, Timeout),
        (Reply::Close, Unreachable),
        (json(200, "{}"), FailureKind::BrokenAnswer),
    ] {
        let wire = Wire::new(vec![reply.clone()]).await;
        let error = wire.put().await.unwrap_err();
        assert_eq!((error.kind, wire.seen().len()), (kind, 1), "{reply:?}");
        if !matches!(reply, Reply::Answer(200, ..)) {
            let deletes = Wire::new(vec![reply]).await;
            let error = deletes.cloud.writer(&place()).delete(&"iam".parse().unwrap()).await;
            assert_eq!((error.unwrap_err().kind, deletes.seen().len()), (kind, 1));
            assert_eq!(deletes.results(), [Err(kind)]);
        }
    }
}

#[tokio::test]
async fn a_put_sends_everything_and_leaves_empty_lists_out() {
    let arn = json(200, r#"{"OrganizationConformancePackArn":"arn:aws:config:x"}"#);
    let wire = Wire::new(vec![arn]).await;
    assert_eq!(wire.put().await.unwrap().arn.as_deref(), Some("arn:aws:config:x"));
    let full = Content {
        excluded: BTreeSet::from(["444455556666".parse().unwrap()]),
        delivery: ResultsBucket { bucket: "awsconfigconforms-x".into(), prefix: "packs".into() },
        ..content()
    };
    wire.cloud.writer(&place()).put(&"iam".parse().unwrap(), &full).await.unwrap();
    let bodies: Vec<_> = wire.seen().iter().map(Request::members).collect();
    insta::assert_snapshot!(bodies.join("\n"), @r#"
    ConformancePackInputParameters: [{"ParameterName":"ConformdMarker","ParameterValue":"v1.main"}]
    OrganizationConformancePackName: "iam"
    TemplateBody: "Resources: {}"

    ConformancePackInputParameters: [{"ParameterName":"ConformdMarker","ParameterValue":"v1.main"}]
    DeliveryS3Bucket: "awsconfigconforms-x"
    DeliveryS3KeyPrefix: "packs"
    ExcludedAccounts: ["444455556666"]
    OrganizationConformancePackName: "iam"
    TemplateBody: "Resources: {}"
    "#);
}

#[tokio::test]
async fn requests_name_conformd_and_its_version() {
    let wire = Wire::new(vec![json(200, "{}")]).await;
    wire.packs().await.unwrap();
    let headers = wire.seen()[0].headers.clone();
    let version = format!("lib/conformd/{}", env!("CARGO_PKG_VERSION"));
    assert!(headers.contains("app/conformd") && headers.contains(&version), "{headers}");
    assert!(headers.contains("/eu-west-1/config/aws4_request"), "{headers}");
}

const PACK: &str = r#"{"OrganizationConformancePackName": "iam",
    "OrganizationConformancePackArn": "arn:aws:config:eu-west-1:111122223333:x/iam-abcd1234",
    "LastUpdateTime": 1573865201.619}"#;

fn list(pack: &str) -> Reply {
    json(200, &format!(r#"{{"OrganizationConformancePacks": [{pack}]}}"#))
}

#[tokio::test]
async fn absent_null_and_empty_members_read_alike() {
    let optional = |text, list| {
        let members = format!(
            r#""DeliveryS3Bucket": {text}, "DeliveryS3KeyPrefix": {text},
            "ConformancePackInputParameters": {list}, "ExcludedAccounts": {list},
            "LastUpdateTime""#
        );
        PACK.replace("\"LastUpdateTime\"", &members)
    };
    let (nulls, empties) = (optional("null", "null"), optional("\"\"", "[]"));
    let wire = Wire::new(vec![list(PACK), list(&nulls), list(&empties)]).await;
    let absent = wire.packs().await.unwrap().items;
    assert_eq!(absent[0].last_update.to_string(), "2019-11-16T00:46:41.619Z");
    assert_eq!(wire.packs().await.unwrap().items, absent);
    assert_eq!(wire.packs().await.unwrap().items, absent);
}

#[tokio::test]
async fn an_entry_without_name_arn_or_time_breaks_the_answer() {
    for broken in [
        PACK.replace("\"iam\"", "\"\""),
        PACK.replace("\"iam\"", "null"),
        PACK.replace("OrganizationConformancePackName", "Other"),
        PACK.replace("OrganizationConformancePackArn", "Other"),
        PACK.replace("LastUpdateTime", "Other"),
        PACK.replace("1573865201.619", "0"),
        PACK.replace("\"iam\"", "\"no spaces\""),
        PACK.replace("1573865201.619", "1573865201.619, \"ExcludedAccounts\": [\"12\"]"),
    ] {
        let wire = Wire::new(vec![list(&broken)]).await;
        assert_eq!(wire.packs().await.unwrap_err().kind, FailureKind::BrokenAnswer, "{broken}");
    }
}

#[tokio::test]
async fn pages_hand_their_tokens_on_and_an_empty_token_ends_the_list() {
    let more = json(200, r#"{"OrganizationConformancePacks": [], "NextToken": "two"}"#);
    let last = json(200, r#"{"OrganizationConformancePacks": [], "NextToken": ""}"#);
    let wire = Wire::new(vec![more, last]).await;
    let first = wire.packs().await.unwrap();
    assert_eq!(first.next, Some(PageToken("two".to_owned())));
    let second = wire.cloud.reader(&place()).packs(first.next).await.unwrap();
    assert_eq!(second.next, None);
    let bodies: Vec<_> = wire.seen().iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies, ["{}", r#"{"NextToken":"two"}"#]);
}

#[tokio::test]
async fn an_unknown_status_is_shown_and_rows_are_filtered_by_aws() {
    let rows = json(
        200,
        r#"{"OrganizationConformancePackDetailedStatuses": [
            {"AccountId": "444455556666", "ConformancePackName": "x", "Status": "PONDERING"},
            {"AccountId": "777788889999", "ConformancePackName": "x", "Status": "CREATE_FAILED",
             "ErrorCode": "Oh", "ErrorMessage": "", "LastUpdateTime": 0}]}"#,
    );
    let wire = Wire::new(vec![rows]).await;
    let filter = RowFilter {
        account: Some("444455556666".parse().unwrap()),
        status: Some((Verb::Create, PackPhase::Failed)),
    };
    let reader = wire.cloud.reader(&place());
    let page = reader.rows(&"iam".parse().unwrap(), &filter, None).await.unwrap();
    assert_eq!(page.items[0].status, RolloutStatus::Unknown("PONDERING".to_owned()));
    assert_eq!(page.items[1].status, RolloutStatus::Known(Verb::Create, PackPhase::Failed));
    let row = &page.items[1];
    assert_eq!((row.error_code.as_deref(), &row.error_message), (Some("Oh"), &None));
    assert_eq!(row.last_update, None);
    reader.rows(&"iam".parse().unwrap(), &RowFilter::default(), None).await.unwrap();
    let bodies: Vec<_> = wire.seen().iter().map(Request::members).collect();
    insta::assert_snapshot!(bodies.join("\n"), @r#"
    Filters: {"AccountId":"444455556666","Status":"CREATE_FAILED"}
    OrganizationConformancePackName: "iam"

    OrganizationConformancePackName: "iam"
    "#);
}

#[tokio::test]
async fn accounts_are_asked_in_the_home_region_and_state_beats_status() {
    let accounts = json(
        200,
        r#"{"Accounts": [
            {"Id": "111122223333", "Name": "root", "State": "ACTIVE", "Status": "SUSPENDED",
             "JoinedTimestamp": 1573865201.5},
            {"Id": "444455556666", "Status": "SUSPENDED"},
            {"Id": "777788889999", "State": "HIBERNATING", "Status": "ACTIVE"}]}"#,
    );
    let wire = Wire::new(vec![accounts]).await;
    let page = wire.cloud.organization().accounts(None).await.unwrap();
    let states: Vec<_> = page.items.iter().map(|account| account.state).collect();
    assert_eq!(states, [Some(AccountState::Active), Some(AccountState::Suspended), None]);
    assert!(page.items[0].joined.is_some() && page.items[1].joined.is_none());
    assert!(wire.seen()[0].headers.contains("/us-east-1/organizations/aws4_request"));
    let attempts = wire.attempts.0.lock().unwrap();
    assert_eq!(*attempts, [(Op::ListAccounts, "us-east-1".to_owned(), Ok(()))]);
}

#[tokio::test]
async fn errors_of_organizations_have_their_own_meanings() {
    let body = r#"{"__type":"InvalidInputException","Reason":"INVALID_NEXT_TOKEN"}"#;
    for (reply, kind) in [
        (json(400, body), FailureKind::BadToken),
        (refusal("InvalidInputException"), FailureKind::Rejected),
        (refusal("AWSOrganizationsNotInUseException"), FailureKind::NoOrganization),
        (refusal("UnrecognizedClientException"), FailureKind::Credentials),
        (refusal("TooManyRequestsException"), FailureKind::Throttled),
        (refusal("ServiceException"), FailureKind::Server),
    ] {
        let wire = Wire::new(vec![reply.clone()]).await;
        let error = wire.cloud.organization().accounts(None).await.unwrap_err();
        assert_eq!(error.kind, kind, "{reply:?}");
        assert_eq!(wire.results().last(), Some(&Err(kind)));
    }
}

#[tokio::test]
async fn the_caller_is_known_by_account_and_partition() {
    let known = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <GetCallerIdentityResult><Arn>arn:aws-cn:sts::111122223333:assumed-role/x/y</Arn>
        <UserId>U</UserId><Account>111122223333</Account></GetCallerIdentityResult>
        <ResponseMetadata><RequestId>R</RequestId></ResponseMetadata>
        </GetCallerIdentityResponse>"#;
    let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>\
        <Message>no</Message></Error><RequestId>R</RequestId></ErrorResponse>";
    let nobody = known.replace("111122223333</Account>", "</Account>");
    let xml = |status, text: &str| Reply::Answer(status, "text/xml", text.to_owned());
    let wire = Wire::new(vec![xml(200, known), xml(200, &nobody), xml(403, refused)]).await;
    let identity = wire.cloud.caller_identity(&"eu-west-1".parse().unwrap()).await.unwrap();
    assert_eq!((identity.account, &*identity.partition), (place().account, "aws-cn"));
    let nobody = wire.cloud.caller_identity(&"eu-west-1".parse().unwrap()).await.unwrap_err();
    assert_eq!(nobody.kind, FailureKind::BrokenAnswer);
    let refused = wire.cloud.reader(&place()).caller().await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::RegionDisabled);
    assert_eq!(refused.place, "111122223333/eu-west-1");
}

#[tokio::test]
async fn what_aws_says_is_kept_in_the_cause_and_never_without_bound() {
    let long = "x".repeat(10_000_000);
    let told = format!(r#"{{"__type":"AccessDeniedException","message":"{long}"}}"#);
    let wire = Wire::new(vec![refusal("AccessDeniedException"), json(400, &told)]).await;
    let error = wire.packs().await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.source), @r"
    DescribeOrganizationConformancePacks failed in 111122223333/eu-west-1 (denied)
    AccessDeniedException: as told (request request-0)
    ");
    let error = wire.packs().await.unwrap_err();
    let said = error.source.to_string();
    assert!(said.len() <= 2048 && said.ends_with("(request request-1)"), "{}", said.len());
}

#[tokio::test]
async fn credentials_that_cannot_be_found_are_told_apart_from_a_dead_network() {
    let wire = Wire::new(vec![json(200, "{}")]).await;
    let nobody = Aws { profile: Some("nobody-has-this".to_owned()), ..wire.settings.clone() };
    let observer = Arc::clone(&wire.attempts);
    let endpoint = nobody.endpoint.map(|endpoint| Endpoint { credentials: None, ..endpoint });
    let nobody = Aws { endpoint, ..nobody };
    let cloud = AwsCloud::connect(&nobody, patience(false), call_observer(observer)).await.unwrap();
    let error = cloud.reader(&place()).packs(None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Credentials, "{}", error.source);
    assert!(wire.seen().is_empty());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = settings(Some(format!("http://{gone}")));
    let observer = Arc::clone(&wire.attempts);
    let cloud = AwsCloud::connect(&gone, patience(false), call_observer(observer)).await.unwrap();
    let error = cloud.reader(&place()).packs(None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unreachable, "{}", error.source);
}

#[test]
fn an_endpoint_hidden_in_the_environment_or_a_profile_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let profile = |text: &str| {
        let file = folder.path().join(format!("config-{}", text.len()));
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let own = profile("[default]\nendpoint_url = http://192.0.2.1\n");
    let section = "[default]\nservices = s\n[services s]\norganizations =\n  endpoint_url = http://192.0.2.1\n";
    let section = profile(section);
    let url = "http://192.0.2.1".to_owned();
    for (variables, refused) in [
        (vec![], ""),
        (vec![("AWS_ENDPOINT_URL", url.clone())], "Config Service"),
        (vec![("AWS_ENDPOINT_URL_CONFIG_SERVICE", url.clone())], "Config Service"),
        (vec![("AWS_ENDPOINT_URL_STS", url.clone())], "STS"),
        (vec![("AWS_CONFIG_FILE", own)], "Config Service"),
        (vec![("AWS_CONFIG_FILE", section)], "Organizations"),
        (
            vec![
                ("AWS_ENDPOINT_URL", url.clone()),
                ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true".to_owned()),
            ],
            "",
        ),
    ] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "wire::the_refused_service_is_named", "--nocapture"]);
        child.env_remove("AWS_PROFILE").env("AWS_EC2_METADATA_DISABLED", "true");
        let output = child.envs(variables.clone()).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let refused = if refused.is_empty() { refused } else { &format!("{refused} to {url}") };
        assert!(output.contains(&format!("refused: {refused}.")), "{variables:?}: {output}");
    }
}

/// Runs for itself, and as the child of the test above under other environments.
#[tokio::test]
async fn the_refused_service_is_named() {
    let observer = Arc::new(Attempts::default());
    let found =
        AwsCloud::connect(&settings(None), Patience::default(), call_observer(observer)).await;
    match found {
        Ok(_) => println!("refused: ."),
        Err(ConnectProblem::HiddenEndpoint { service, url }) => {
            println!("refused: {service} to {url}.");
        }
        Err(problem) => panic!("{problem}"),
    }
}
