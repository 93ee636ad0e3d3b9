//! The simulator over HTTP: what its bytes look like to a client that knows nothing of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "what cannot be read, indexed or spawned fails the test"
)]

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};

use conformd::domain::base::model::Timestamp;
use conformd::sim::http::options::{DateClock, ErrorName, Options, Unset};
use conformd::sim::http::serve;
use conformd::sim::scenario::Scenario;
use conformd::sim::simulation::Simulation;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SCENARIO: &str = r#"
regions: [eu-west-1, us-east-1]
administrators: ["222222222222"]
accounts:
  - {id: "111111111111", name: management}
  - {id: "222222222222", name: security}
  - {id: "333333333333", name: member}
roles: [{name: Probe, externalId: shared}]
knobs: {lag: {packs: 0s, statuses: 0s, rows: 0s}}
"#;

const TEMPLATE: &str = "Resources:\n  R:\n    Type: AWS::Config::ConfigRule\n    Properties:\n      \
                        Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}\n";

const MANAGEMENT: &str = "AKIASIM111111111111";
const MEMBER: &str = "AKIASIM333333333333";

/// A simulator on a free port, with its clock standing still.
struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(|options| options).await
    }

    async fn start_with(change: impl FnOnce(Options) -> Options) -> Self {
        let now: Timestamp = "2026-11-02T08:00:00Z".parse().unwrap();
        let mut scenario = Scenario::parse("test.yaml", SCENARIO, now).unwrap();
        scenario.options = change(scenario.options);
        let simulation = Simulation::new(&scenario, 0);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, simulation, scenario.options, stop.clone()));
        Self { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One request on a connection of its own.
    async fn send(&self, request: &str) -> io::Result<Answer> {
        exchange(&mut self.connect().await, request).await
    }

    /// An awsJson call of the management account.
    async fn call(&self, target: &str, body: &str) -> Answer {
        self.send(&aws_json(MANAGEMENT, target, body)).await.unwrap()
    }

    /// A call of the control API.
    async fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = "Content-Type: application/json";
        self.send(&post(method, &format!("/_sim/{path}"), head, &body)).await.unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// An answer as it came off the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Status, error header and body: what an SDK decides by.
    fn error(&self) -> String {
        let header = self.headers.get("x-amzn-errortype").map_or("-", String::as_str);
        let body = self.body.replace(",\"", ",\n\"").replace("><", ">\n<");
        format!("{} {header}\n{body}", self.status)
    }
}

fn post(method: &str, path: &str, head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: sim\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn signed(key: &str, region: &str, service: &str) -> String {
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={key}/20261102/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}

fn aws_json(key: &str, target: &str, body: &str) -> String {
    let signed = signed(key, "eu-west-1", "config");
    post("POST", "/", &format!("X-Amz-Target: {target}\r\n{signed}"), body)
}

fn sts(key: &str, body: &str) -> String {
    let form = "Content-Type: application/x-www-form-urlencoded";
    post("POST", "/", &format!("{form}\r\n{}", signed(key, "eu-west-1", "sts")), body)
}

/// Sends a request and reads one answer; the connection stays open.
async fn exchange(stream: &mut TcpStream, request: &str) -> io::Result<Answer> {
    stream.write_all(request.as_bytes()).await?;
    read_answer(stream).await
}

async fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(Answer { status, headers, body: String::from_utf8(body).unwrap() })
}

#[tokio::test]
async fn errors_name_themselves_in_the_body_and_in_a_header() {
    let server = Server::start().await;
    let target = "StarlingDoveService.DescribeOrganizationConformancePacks";
    let listing = server.call(target, r#"{"NextToken": "made-up"}"#).await;
    assert_eq!(listing.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(listing.headers["x-amzn-requestid"].len(), 36);
    let errors = [
        listing,
        server.call(target, "{").await,
        server.call(target, r#"{"Limit": "ten"}"#).await,
        server.call("StarlingDoveService.MakeCoffee", "{}").await,
        server.call("AWSOrganizationsV20161128.ListAccounts", r#"{"MaxResults": 21}"#).await,
    ];
    let errors: Vec<String> = errors.iter().map(Answer::error).collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    400 InvalidNextTokenException
    {"__type":"InvalidNextTokenException",
    "message":"The specified next token is not valid."}
    400 SerializationException
    {"__type":"SerializationException",
    "message":"EOF while parsing an object at line 1 column 1"}
    400 SerializationException
    {"__type":"SerializationException",
    "message":"invalid type: string \"ten\", expected i64"}
    400 UnknownOperationException
    {"__type":"UnknownOperationException",
    "message":"The simulator does not know the operation StarlingDoveService.MakeCoffee."}
    400 InvalidInputException
    {"Message":"MaxResults is too large.",
    "Reason":"MAX_VALUE_EXCEEDED",
    "__type":"InvalidInputException"}
    "#);
    server.stop().await;
}

#[tokio::test]
async fn credentials_are_judged_before_the_request_in_each_protocol_words() {
    let server = Server::start_with(|options| Options { any_credentials: None, ..options }).await;
    let target = "StarlingDoveService.MakeCoffee";
    let unsigned = post("POST", "/", &format!("X-Amz-Target: {target}"), "{}");
    let broken = post("POST", "/", &format!("X-Amz-Target: {target}\r\nAuthorization: AWS4 x"), "");
    let nowhere = signed(MANAGEMENT, "nowhere", "config");
    let nowhere = post("POST", "/", &format!("X-Amz-Target: {target}\r\n{nowhere}"), "{}");
    let identity = "Action=GetCallerIdentity&Version=2011-06-15";
    let requests = [
        unsigned,
        broken,
        nowhere,
        aws_json("AKIAIOSFODNN7EXAMPLE", target, "{}"),
        sts("AKIAIOSFODNN7EXAMPLE", identity),
        post("POST", "/", "Content-Type: application/x-www-form-urlencoded", identity),
    ];
    let mut errors = Vec::new();
    for request in &requests {
        let answer = server.send(request).await.unwrap();
        let id = answer.headers["x-amzn-requestid"].clone();
        errors.push(answer.error().replace(&id, "ID"));
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    400 MissingAuthenticationTokenException
    {"__type":"MissingAuthenticationTokenException",
    "message":"Request is missing Authentication Token"}
    400 IncompleteSignatureException
    {"__type":"IncompleteSignatureException",
    "message":"Authorization header requires a 'Credential' of five parts."}
    400 InvalidSignatureException
    {"__type":"InvalidSignatureException",
    "message":"Credential should be scoped to a valid region."}
    400 UnrecognizedClientException
    {"__type":"UnrecognizedClientException",
    "message":"The security token included in the request is invalid."}
    403 -
    <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
    <Error>
    <Type>Sender</Type>
    <Code>InvalidClientTokenId</Code>
    <Message>The security token included in the request is invalid.</Message>
    </Error>
    <RequestId>ID</RequestId>
    </ErrorResponse>
    403 -
    <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
    <Error>
    <Type>Sender</Type>
    <Code>MissingAuthenticationToken</Code>
    <Message>Request is missing Authentication Token</Message>
    </Error>
    <RequestId>ID</RequestId>
    </ErrorResponse>
    "#);
    server.stop().await;
}

#[tokio::test]
async fn a_key_that_names_no_account_is_the_owners_unless_switched_off() {
    let server = Server::start().await;
    let identity = "Action=GetCallerIdentity&Version=2011-06-15";
    let answer = server.send(&sts("AKIAIOSFODNN7EXAMPLE", identity)).await.unwrap();
    assert!(answer.body.contains("<Account>111111111111</Account>"), "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "text/xml");
    let answer = server.send(&sts(MEMBER, identity)).await.unwrap();
    assert!(answer.body.contains("<Account>333333333333</Account>"), "{}", answer.body);
    server.stop().await;
}

const PUT: &str = "StarlingDoveService.PutOrganizationConformancePack";
const DELETE: &str = "StarlingDoveService.DeleteOrganizationConformancePack";
const LIST: &str = "StarlingDoveService.DescribeOrganizationConformancePacks";
const ACCOUNTS: &str = "AWSOrganizationsV20161128.ListAccounts";

fn pack(name: &str) -> String {
    json!({ "OrganizationConformancePackName": name, "TemplateBody": TEMPLATE }).to_string()
}

fn names(listing: &Answer) -> Vec<String> {
    let packs = listing.json()["OrganizationConformancePacks"].as_array().unwrap().clone();
    let name = |pack: &Value| pack["OrganizationConformancePackName"].as_str().unwrap().to_owned();
    packs.iter().map(name).collect()
}

/// One fault for the next request of this operation.
fn once(operation: &str, effect: &Value) -> Value {
    json!({ "rule": { "operation": operation, "times": 1, "effect": effect } })
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let put = exchange(&mut connection, &aws_json(MANAGEMENT, PUT, &pack("one"))).await.unwrap();
    assert_eq!(put.status, 200, "{}", put.body);
    let listing = exchange(&mut connection, &aws_json(MANAGEMENT, LIST, "")).await.unwrap();
    assert_eq!(names(&listing), ["one"]);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_waits_for_permission_to_send_its_body_gets_it() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let request =
        aws_json(MANAGEMENT, LIST, "{}").replacen("Host:", "Expect: 100-continue\r\nHost:", 1);
    let (head, body) = request.split_at(request.len() - 2);
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).await.unwrap();
    assert_eq!(go_on.as_slice(), b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(exchange(&mut connection, body).await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_deletion_answers_with_an_empty_body() {
    let server = Server::start().await;
    server.call(PUT, &pack("one")).await;
    server.control("POST", "clock", &json!({ "advance": "1h" })).await;
    let deleted = server.call(DELETE, r#"{"OrganizationConformancePackName": "one"}"#).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (200, ""), "{deleted:?}");
    assert_eq!(deleted.headers["content-type"], "application/x-amz-json-1.1");
    server.stop().await;
}

#[tokio::test]
async fn moments_are_numbers_of_seconds_on_the_virtual_clock() {
    let server = Server::start().await;
    server.call(PUT, &pack("one")).await;
    let listing = server.call(LIST, "{}").await.json();
    let moment = &listing["OrganizationConformancePacks"][0]["LastUpdateTime"];
    assert_eq!(*moment, json!(1_793_606_400.0));
    server.stop().await;
}

#[tokio::test]
async fn a_reset_before_the_effect_loses_the_request_and_one_after_it_only_the_answer() {
    let server = Server::start().await;
    let operation = "PutOrganizationConformancePack";
    for (stage, left) in [("before", vec![]), ("after", vec!["one".to_owned()])] {
        let effect = json!({ "kind": "reset", "stage": stage });
        server.control("POST", "faults", &once(operation, &effect)).await;
        let error = server.send(&aws_json(MANAGEMENT, PUT, &pack("one"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{stage}");
        assert_eq!(names(&server.call(LIST, "{}").await), left, "{stage}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_sends() {
    let server = Server::start().await;
    server.control("POST", "faults", &once("ListAccounts", &json!({ "kind": "truncated" }))).await;
    let mut connection = server.connect().await;
    connection.write_all(aws_json(MANAGEMENT, ACCOUNTS, "{}").as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    connection.read_to_end(&mut seen).await.unwrap_or_default();
    let seen = String::from_utf8(seen).unwrap();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let promised: usize = promised.parse().unwrap();
    assert_eq!(body.len(), promised / 2);
    assert!(body.starts_with("{\"Accounts\""), "{body}");
    server.stop().await;
}

#[tokio::test]
async fn a_malformed_answer_and_a_page_of_html_are_no_json() {
    let server = Server::start().await;
    let malformed = json!({ "kind": "malformed" });
    server.control("POST", "faults", &once("ListAccounts", &malformed)).await;
    let answer = server.call(ACCOUNTS, "{}").await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_str::<Value>(&answer.body).is_err(), "{}", answer.body);
    let html = json!({ "kind": "unavailable", "html": true });
    server.control("POST", "faults", &once("ListAccounts", &html)).await;
    let answer = server.call(ACCOUNTS, "{}").await;
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (503, "text/html"));
    server.stop().await;
}

#[tokio::test]
async fn a_black_hole_swallows_one_request_and_disturbs_no_other_until_the_server_stops() {
    let server = Server::start().await;
    let effect = json!({ "kind": "black_hole" });
    server.control("POST", "faults", &once("ListAccounts", &effect)).await;
    let mut lost = server.connect().await;
    lost.write_all(aws_json(MANAGEMENT, ACCOUNTS, "{}").as_bytes()).await.unwrap();
    // The lost request is in the log as soon as it has been swallowed.
    let mut looks = 0..1000;
    while server.control("GET", "requests", &Value::Null).await.json()["calls"] == json!(0) {
        looks.next().expect("a request on loopback arrives within a thousand others");
    }
    assert_eq!(server.call(ACCOUNTS, "{}").await.status, 200);
    server.stop().await;
    assert_eq!(read_answer(&mut lost).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn bodies_up_to_four_mebibytes_are_read_and_larger_ones_refused() {
    let server = Server::start().await;
    let body = |length: usize| format!("{{\"Unknown\": \"{}\"}}", "x".repeat(length));
    assert_eq!(server.call(LIST, &body(4_000_000)).await.status, 200);
    // A client that is still sending may see the connection break instead of the answer.
    match server.send(&aws_json(MANAGEMENT, LIST, &body(5_000_000))).await {
        Ok(answer) => assert_eq!(answer.status, 413),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_of_another_service_is_told_what_is_missing() {
    let server = Server::start().await;
    let signed = signed(MANAGEMENT, "eu-west-1", "s3");
    let answer = server.send(&post("GET", "/bucket/key", &signed, "")).await.unwrap();
    assert_eq!(answer.status, 501);
    assert!(answer.body.contains("S3 is not simulated"), "{}", answer.body);
    server.stop().await;
}

#[tokio::test]
async fn the_wire_can_be_made_as_strange_as_aws_is_at_times() {
    let server = Server::start_with(|options| Options {
        date: DateClock::Real,
        unset: Unset::Null,
        error_name: ErrorName::Namespaced,
        ..options
    })
    .await;
    let listing = server.call(LIST, "{}").await;
    assert_ne!(listing.headers["date"], "Mon, 02 Nov 2026 08:00:00 GMT");
    assert_eq!(listing.json()["NextToken"], Value::Null);
    let error = server.call(DELETE, r#"{"OrganizationConformancePackName": "none"}"#).await;
    let name = "NoSuchOrganizationConformancePackException";
    assert_eq!(error.json()["__type"], json!(format!("com.amazonaws.simulated#{name}")));
    assert_eq!(error.headers["x-amzn-errortype"], name);
    server.stop().await;
}

#[tokio::test]
async fn a_session_acts_in_its_account_and_a_made_up_one_nowhere() {
    let server = Server::start().await;
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A333333333333%3Arole%2FProbe&RoleSessionName=probe";
    let assume = format!("Action=AssumeRole&Version=2011-06-15&{role}&ExternalId=shared");
    let answer = server.send(&sts(MANAGEMENT, &assume)).await.unwrap();
    let member = |name: &str| {
        let (_, rest) = answer.body.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let identify = async |key: &str, token: &str| {
        let form = "Content-Type: application/x-www-form-urlencoded";
        let signed = signed(key, "eu-west-1", "sts");
        let head = format!("{form}\r\n{signed}\r\nX-Amz-Security-Token: {token}");
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        server.send(&post("POST", "/", &head, body)).await.unwrap()
    };
    let key = member("AccessKeyId");
    assert!(key.starts_with("ASIASIM333333333333"), "{key}");
    let known = identify(&key, &member("SessionToken")).await;
    assert!(known.body.contains("assumed-role/Probe/probe"), "{}", known.body);
    let made_up = identify("ASIASIM333333333333AAAAAAAA", &member("SessionToken")).await;
    assert!(made_up.body.contains("InvalidClientTokenId"), "{}", made_up.body);
    let expired = identify(&key, "token.0").await;
    assert!(expired.body.contains("<Code>ExpiredToken</Code>"), "{}", expired.body);
    assert_eq!((made_up.status, expired.status), (403, 403));
    server.stop().await;
}

#[tokio::test]
async fn every_answer_names_the_worlds_time() {
    let server = Server::start().await;
    server.control("POST", "clock", &json!({ "advance": "90m" })).await;
    for target in [LIST, "StarlingDoveService.Unknown"] {
        let answer = server.call(target, "{}").await;
        assert_eq!(answer.headers["date"], "Mon, 02 Nov 2026 09:30:00 GMT", "{target}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_session_does_no_more_than_its_policy_says() {
    let server = Server::start().await;
    let assume = async |policy: &str| {
        let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2FProbe&RoleSessionName=probe";
        let policy = policy.replace('"', "%22").replace(' ', "").replace(':', "%3A");
        let form = format!("Action=AssumeRole&Version=2011-06-15&{role}&ExternalId=shared");
        server.send(&sts(MANAGEMENT, &format!("{form}&Policy={policy}"))).await.unwrap()
    };
    let action = "config:DescribeOrganizationConformancePacks";
    let allow = format!(r#"{{"Statement": {{"Effect": "Allow", "Action": "{action}"}}}}"#);
    let answer = assume(&allow).await;
    let member = |name: &str| {
        let (_, rest) = answer.body.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let token = format!("X-Amz-Security-Token: {}", member("SessionToken"));
    let as_session = async |target: &str, body: &str| {
        let signed = signed(&member("AccessKeyId"), "eu-west-1", "config");
        let head = format!("X-Amz-Target: {target}\r\n{signed}\r\n{token}");
        server.send(&post("POST", "/", &head, body)).await.unwrap()
    };
    assert_eq!(as_session(LIST, "{}").await.status, 200);
    let refused = as_session(PUT, &pack("base")).await;
    assert_eq!((refused.status, &refused.json()["__type"]), (400, &json!("AccessDeniedException")));
    let why = "because no session policy allows the config:PutOrganizationConformancePack action";
    assert!(refused.body.contains(why), "{}", refused.body);
    let broken = assume("{").await;
    assert!(broken.body.contains("<Code>MalformedPolicyDocument</Code>"), "{}", broken.body);
    server.stop().await;
}

#[tokio::test]
async fn an_account_can_join_with_its_window_nearly_over_and_without_the_probes_role() {
    let server = Server::start().await;
    let joining = json!({ "id": "520000000001", "joined": "-6h59m", "recorder": "missing" });
    assert_eq!(server.control("POST", "accounts", &joining).await.status, 200);
    let world = server.control("GET", "world", &Value::Null).await.json();
    assert_eq!(world["accounts"][3]["joined"], json!("2026-11-02T01:01:00Z"));
    let again = server.control("POST", "accounts", &joining).await;
    let later = json!({ "id": "520000000002", "joined": "1h" });
    let later = server.control("POST", "accounts", &later).await;
    assert_eq!((again.status, later.status), (400, 400));
    let enter = async || {
        let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A520000000001%3Arole%2FProbe&RoleSessionName=probe";
        let form = format!("Action=AssumeRole&Version=2011-06-15&{role}&ExternalId=shared");
        server.send(&sts(MANAGEMENT, &form)).await.unwrap().status
    };
    let missing = json!({ "name": "Probe", "account": "520000000001", "exists": false });
    let other = json!({ "name": "Probe", "account": "520000000001", "externalId": "other" });
    let mut seen = vec![enter().await];
    for role in [missing, other] {
        assert_eq!(server.control("PUT", "roles", &role).await.status, 200);
        seen.push(enter().await);
    }
    assert_eq!(seen, [200, 403, 403]);
    server.stop().await;
}

#[tokio::test]
async fn the_control_api_moves_the_clock_and_shows_the_world() {
    let server = Server::start().await;
    let moved = server.control("POST", "clock", &json!({ "advance": "90m" })).await.json();
    assert_eq!(moved, json!({ "now": "2026-11-02T09:30:00Z" }));
    assert_eq!(server.control("GET", "clock", &Value::Null).await.json(), moved);
    let world = server.control("GET", "world", &Value::Null).await.json();
    assert_eq!(world["simulated"], json!(true));
    assert_eq!(world["accounts"].as_array().unwrap().len(), 3);
    assert_eq!(world["accounts"][2]["recorders"]["eu-west-1"], json!("recording"));
    server.stop().await;
}

#[tokio::test]
async fn accounts_join_leave_change_and_lose_their_recorder_by_hand() {
    let server = Server::start().await;
    let joining = json!({ "id": "520000000001", "name": "late", "recorder": "missing" });
    let steps = [
        ("POST", "accounts", joining),
        ("PUT", "recorders/520000000001/us-east-1", json!({ "recorder": "recording" })),
        ("PUT", "recorders/333333333333", json!({ "recorder": "stopped" })),
        ("PUT", "accounts/333333333333/state", json!({ "state": "SUSPENDED" })),
        ("DELETE", "accounts/222222222222", Value::Null),
    ];
    for (method, path, body) in steps {
        let answer = server.control(method, path, &body).await;
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{path}");
    }
    let world = server.control("GET", "world", &Value::Null).await.json();
    let accounts = world["accounts"].as_array().unwrap().iter().map(|account| {
        let member = if account["member"] == json!(true) { "member" } else { "left" };
        let (east, west) = (&account["recorders"]["us-east-1"], &account["recorders"]["eu-west-1"]);
        format!("{} {member} {} {east} {west}", account["id"], account["state"]).replace('"', "")
    });
    insta::assert_snapshot!(accounts.collect::<Vec<_>>().join("\n"), @r#"
    111111111111 member ACTIVE recording recording
    222222222222 left ACTIVE recording recording
    333333333333 member SUSPENDED stopped stopped
    520000000001 member ACTIVE recording missing
    "#);
    server.stop().await;
}

#[tokio::test]
async fn a_failing_member_shows_in_the_rows_of_a_pack() {
    let server = Server::start().await;
    let failure = json!({ "account": "333333333333", "code": "Broken", "message": "no luck" });
    let planned = server.control("POST", "failures", &failure).await.json();
    assert_eq!(planned, json!({ "id": 1 }));
    server.call(PUT, &pack("one")).await;
    server.control("POST", "clock", &json!({ "advance": "1h" })).await;
    let path = "rows/111111111111/eu-west-1/one";
    let rows = server.control("GET", path, &Value::Null).await.json();
    assert_eq!(rows["111111111111"]["status"], json!("CREATE_SUCCESSFUL"));
    assert_eq!(rows["333333333333"]["status"], json!("CREATE_FAILED"));
    assert_eq!(rows["333333333333"]["code"], json!("Broken"));
    let cleared = server.control("DELETE", "failures/1", &Value::Null).await;
    assert_eq!(cleared.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn another_writers_pack_is_seen_by_the_owner_and_not_counted_as_its_doing() {
    let server = Server::start().await;
    let marked = json!({
        "region": "eu-west-1", "name": "foreign", "parameters": { "ConformdMarker": "v1.other" }
    });
    assert_eq!(server.control("POST", "packs", &marked).await.status, 200);
    let listing = server.call(LIST, "{}").await.json();
    let inputs = &listing["OrganizationConformancePacks"][0]["ConformancePackInputParameters"];
    assert_eq!(inputs[0]["ParameterValue"], json!("v1.other"));
    let busy = server.control("POST", "packs", &marked).await;
    assert_eq!(busy.status, 409);
    assert!(busy.body.contains("ResourceInUseException"), "{}", busy.body);
    let log = server.control("GET", "requests?mutating=true", &Value::Null).await.json();
    assert_eq!((&log["puts"], &log["mutations"]), (&json!(0), &json!(0)));
    assert_eq!(log["requests"][0]["origin"], json!("other"));
    server.stop().await;
}

#[tokio::test]
async fn a_fault_lasts_as_long_as_it_was_told_to() {
    let server = Server::start().await;
    let throttled = json!({ "for": "1h", "rule": { "effect": { "kind": "throttled" } } });
    server.control("POST", "faults", &throttled).await;
    assert_eq!(server.call(LIST, "{}").await.headers["x-amzn-errortype"], "ThrottlingException");
    let organizations = server.call(ACCOUNTS, "{}").await;
    assert_eq!(organizations.headers["x-amzn-errortype"], "TooManyRequestsException");
    server.control("POST", "clock", &json!({ "advance": "1h" })).await;
    assert_eq!(server.call(LIST, "{}").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn the_control_api_says_what_it_did_not_understand() {
    let server = Server::start().await;
    let requests = [
        ("GET", "nothing", Value::Null),
        ("POST", "clock", json!({ "advance": "soon" })),
        ("POST", "clock", json!({ "retreat": "1h" })),
        ("POST", "events", json!({ "explode": {} })),
        ("DELETE", "accounts/999999999999", Value::Null),
        ("PUT", "recorders/333333333333/mars-north-1", json!({ "recorder": "missing" })),
        ("DELETE", "failures/7", Value::Null),
        ("GET", "rows/111111111111/eu-west-1/none", Value::Null),
    ];
    let mut errors = Vec::new();
    for (method, path, body) in requests {
        let answer = server.control(method, path, &body).await;
        let text = answer.json()["error"].as_str().unwrap().chars().take(70).collect::<String>();
        errors.push(format!("{} {path}: {text}", answer.status));
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    404 nothing: no such page of the control API
    400 clock: invalid value: string "soon", expected a duration at line 1 column 17
    400 clock: unknown field `retreat`, expected `advance` at line 1 column 10
    400 events: unknown variant `explode`, expected one of `join`, `leave`, `state`, `
    404 accounts/999999999999: there is no member account 999999999999
    404 recorders/333333333333/mars-north-1: there is no region mars-north-1
    404 failures/7: there is no failure 7
    404 rows/111111111111/eu-west-1/none: there is no pack none at 111111111111/eu-west-1
    "#);
    server.stop().await;
}
