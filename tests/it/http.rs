//! The daemon's HTTP server, asked over a real socket.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use conformd::beats::{Beats, Heartbeat, SILENCE_MAX};
use conformd::cli::healthcheck;
use conformd::clock::Clock;
use conformd::current::StateReceivers;
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::heartbeat::{Task, TaskId};
use conformd::domain::base::untrusted::is_hidden;
use conformd::domain::declared::source::SourceStatus;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::plan::event::{Event, Events};
use conformd::domain::plan::hold::{Hold, HoldCause};
use conformd::domain::present::journal::{Journal, Notification};
use conformd::domain::present::report::{RegionReport, Reports};
use conformd::domain::present::view::CurrentState;
use conformd::http::table::document;
use conformd::http::{About, BearerToken, ConfirmedCaller, HttpState, Listeners, serve};
use futures_util::FutureExt as _;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::generated;
use crate::support::sample::{SECRET, Text, at, metrics, quiet, region, reports, unknown, unread};

const HERE: &str = "eu-west-1";
const TOKEN: &str = "a-token-that-nobody-guesses";

/// A server with everything that feeds it.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) metrics_address: Option<SocketAddr>,
    about: watch::Sender<About>,
    reports: watch::Sender<Reports>,
    pub(crate) events: watch::Sender<Events>,
    source: watch::Sender<SourceStatus>,
    caller: watch::Sender<ConfirmedCaller>,
    beats: Beats,
    reconcile_now: Arc<Notify>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

/// A daemon that is ready, with one busy region, one that cannot be read and one not refreshed yet.
pub(crate) async fn served() -> Served {
    listening(None).await
}

/// A daemon that knows this, at 12:01.
pub(crate) async fn served_with(facts: CurrentState, events: Vec<Event>) -> Served {
    start(facts, events.into(), None).await
}

/// The same as `served`, with a listener of its own for what scrapes.
pub(crate) async fn listening(metrics_listener: Option<TcpListener>) -> Served {
    start(crate::support::people::facts(), told(), metrics_listener).await
}

async fn start(
    facts: CurrentState,
    events: Events,
    metrics_listener: Option<TcpListener>,
) -> Served {
    let clock = Clock::simulated(at("12:01:00"), 0);
    let (about, reports) =
        (watch::channel(facts.about.clone()), watch::channel(facts.reports.clone()));
    let (source, caller) =
        (watch::channel(facts.source.clone()), watch::channel(facts.caller.clone()));
    let (beats, reconcile_now) = (Beats::new(clock.clone()), Arc::new(Notify::new()));
    let events = watch::Sender::new(events);
    let current = StateReceivers {
        about: about.1,
        reports: reports.1,
        source: source.1,
        caller: caller.1,
        ..StateReceivers::constant(facts, clock)
    };
    let (about, reports, source, caller) = (about.0, reports.0, source.0, caller.0);
    let state = HttpState {
        current,
        events: events.subscribe(),
        beats: beats.clone(),
        metrics: metrics(&[HERE, "us-east-1", "ap-south-1"]),
        reconcile_now: Arc::clone(&reconcile_now),
        token: Some(BearerToken::new(TOKEN).unwrap()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let mut running = JoinSet::new();
    let metrics_address = metrics_listener.as_ref().map(|listener| listener.local_addr().unwrap());
    let listeners = Listeners { main: listener, metrics: metrics_listener };
    running.spawn(serve(listeners, state, stop.clone()));
    Served {
        address,
        metrics_address,
        about,
        reports,
        events,
        source,
        caller,
        beats,
        reconcile_now,
        stop,
        running,
    }
}

/// What is told of the daemon's first look.
fn told() -> Events {
    let facts = crate::support::people::facts();
    let mut journal = Journal::resume(&Events::default());
    for report in facts.reports.values() {
        journal.note(&Notification::Reconciled(Arc::clone(report)), facts.now);
    }
    journal.update(&facts);
    journal.events()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers =
            headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Served {
    /// Sends this and reads until the server closes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn send(&self, line: &str, headers: &[&str], body: &str) -> Answer {
        let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let headers = headers.concat();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        );
        Answer::read(&self.raw(&request).await)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[], "").await
    }

    pub(crate) async fn ask_now(&self, headers: &[&str]) -> Answer {
        self.send("POST /api/v1/reconcile", headers, "").await
    }

    /// Asks as somebody who may.
    pub(crate) async fn ask_well(&self) -> Answer {
        self.ask_now(&[&format!("Authorization: Bearer {TOKEN}")]).await
    }

    /// How often a reconciliation was asked for since somebody last listened.
    fn requests(&self) -> usize {
        std::iter::from_fn(|| self.reconcile_now.notified().now_or_never()).count()
    }
}

#[tokio::test]
async fn every_page_answers_with_its_type_and_safe_headers() {
    let served = served().await;
    let pages = [
        "/api/v1",
        "/metrics",
        "/healthz",
        "/readyz",
        "/api/v1/status",
        "/api/v1/status?format=text",
        "/api/v1/packs",
        "/api/v1/packs/eu-west-1/iam-baseline/accounts",
        "/api/v1/accounts/222222222222",
        "/api/v1/accounts/222222222222?format=text",
        "/api/v1/failure-classes",
        "/api/v1/new-accounts",
        "/api/v1/plan",
        "/api/v1/plan?format=text",
        "/api/v1/plan?format=xml",
        "/api/v1/events",
        "/api/v1/openapi.json",
        "/nothing",
        "/api/v1/reconcile",
    ];
    let mut table = Vec::new();
    for page in pages {
        let answer = served.get(page).await;
        table.push(format!("{page} {} {}", answer.status, answer.headers["content-type"]));
        let mut headers = answer.headers;
        for own in ["content-type", "content-length", "date", "connection", "allow"] {
            headers.remove(own);
        }
        insta::allow_duplicates! {
            insta::assert_debug_snapshot!(headers, @r#"
            {
                "cache-control": "no-store",
                "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
                "cross-origin-embedder-policy": "require-corp",
                "cross-origin-opener-policy": "same-origin",
                "cross-origin-resource-policy": "same-origin",
                "referrer-policy": "no-referrer",
                "x-conformd-simulated": "true",
                "x-content-type-options": "nosniff",
                "x-frame-options": "DENY",
            }
            "#);
        }
    }
    insta::assert_snapshot!(table.join("\n"), @"
    /api/v1 200 text/plain; charset=utf-8
    /metrics 200 text/plain; version=0.0.4; charset=utf-8
    /healthz 200 application/json
    /readyz 200 application/json
    /api/v1/status 200 application/json
    /api/v1/status?format=text 200 text/plain; charset=utf-8
    /api/v1/packs 200 application/json
    /api/v1/packs/eu-west-1/iam-baseline/accounts 200 application/json
    /api/v1/accounts/222222222222 200 application/json
    /api/v1/accounts/222222222222?format=text 200 text/plain; charset=utf-8
    /api/v1/failure-classes 200 application/json
    /api/v1/new-accounts 200 application/json
    /api/v1/plan 200 application/json
    /api/v1/plan?format=text 200 text/plain; charset=utf-8
    /api/v1/plan?format=xml 400 application/json
    /api/v1/events 200 application/json
    /api/v1/openapi.json 200 application/json
    /nothing 404 application/json
    /api/v1/reconcile 405 application/json
    ");
}

#[tokio::test]
async fn the_root_of_the_api_lists_what_there_is() {
    let served = served().await;
    insta::assert_snapshot!(served.get("/api/v1").await.body, @"
    conformd 0.1.0, installation main, sync
    SIMULATED: no real AWS account is read or changed

    /                                           the status page
    /api/v1                                     this list
    /metrics                                    metrics, for Prometheus
    /healthz                                    whether the tasks of the daemon run
    /readyz                                     whether the source was read and AWS confirmed the credentials
    /api/v1/status                              the status of every region, with reasons; ?format=text for text
    /api/v1/packs                               every pack in every region; ?format=csv for CSV
    /api/v1/packs/{region}/{pack}/accounts      the accounts of one pack; ?status=failed, ?page=2; ?format=csv for CSV
    /api/v1/accounts/{id}                       one account explained; ?format=text for text
    /api/v1/failure-classes                     why members fail: every class, who must act, and what to do
    /api/v1/new-accounts                        new accounts, and the time until their deadlines; ?format=csv for CSV
    /api/v1/plan                                the last plan of every region; ?format=text for text
    /api/v1/approvals/pending                   losses that wait for an approval, and the Approval that permits them; ?format=text for the Approval
    /api/v1/events                              the latest events; ?after=NUMBER for later ones; ?format=csv for CSV
    /api/v1/openapi.json                        this API as an OpenAPI 3.1 document
    /api/v1/reconcile                           POST: reconcile now
    ");
}

#[tokio::test]
async fn every_class_of_failures_is_described_with_its_owner() {
    let served = served().await;
    let body = served.get("/api/v1/failure-classes").await.json();
    let classes = body["classes"].as_array().unwrap();
    assert_eq!(classes.len(), FailureClass::ALL.len());
    let recorder = classes.iter().find(|class| class["class"] == "no_recorder").unwrap();
    assert_eq!(recorder["owner"], "account_owner");
    assert_eq!(recorder["advice"], FailureClass::NoRecorder.advice());
    assert_eq!(served.get("/api/v1/failure-classes?page=1").await.status, 400);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_one_as_json() {
    let served = served().await;
    let post = served.send("POST /api/v1/status", &[], "").await;
    let get = served.get("/api/v1/reconcile").await;
    let strange = served.send("BREW /", &[], "").await;
    let told =
        [post, get, strange].map(|it| format!("{} {} {}", it.status, it.headers["allow"], it.body));
    insta::assert_snapshot!(told.join("\n"), @r#"
    405 GET,HEAD {"version":1,"simulated":true,"error":{"code":405,"message":"method not allowed"}}
    405 POST {"version":1,"simulated":true,"error":{"code":405,"message":"method not allowed"}}
    405 GET,HEAD {"version":1,"simulated":true,"error":{"code":405,"message":"method not allowed"}}
    "#);
    let head = served.send("HEAD /metrics", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn only_what_is_simulated_says_so_and_it_does_everywhere() {
    let served = served().await;
    let account = "/api/v1/accounts/222222222222";
    let views = ["/api/v1/status", "/api/v1/packs", account, "/api/v1/new-accounts"];
    for page in ["/healthz", "/readyz", "/api/v1/plan", "/nothing"].into_iter().chain(views) {
        let answer = served.get(page).await;
        assert_eq!(answer.headers["x-conformd-simulated"], "true", "{page}");
        assert_eq!(answer.json()["simulated"], true, "{page}");
    }
    let account = format!("{account}?format=text");
    for page in ["/", "/api/v1", "/api/v1/plan?format=text", "/api/v1/status?format=text", &account]
    {
        assert!(served.get(page).await.body.contains("SIMULATED"), "{page}");
    }
    served.about.send_modify(|about| about.simulated = false);
    for page in ["/", "/api/v1", "/healthz", "/api/v1/plan?format=text", "/nothing"] {
        let answer = served.get(page).await;
        assert!(!answer.headers.contains_key("x-conformd-simulated"), "{page}");
        assert!(!answer.body.contains("SIMULATED"), "{page}");
    }
    assert_eq!(served.get("/api/v1/status").await.json()["simulated"], false);
}

/// Every route, as the table of `docs/api.md` has it.
fn table_of_routes() -> String {
    let mut table = String::from("| Path | Answer | Parameters |\n|---|---|---|\n");
    for (path, operations) in document()["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap() {
            let verb = verb.to_uppercase();
            let about = operation["summary"].as_str().unwrap();
            let about = about.strip_prefix(&format!("{verb}: ")).unwrap_or(about);
            let parameters = operation["parameters"].as_array().unwrap().iter();
            let names = parameters.map(|it| format!("`{}`", it["name"].as_str().unwrap()));
            let names = names.collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { "–" } else { &names };
            writeln!(table, "| `{verb} {path}` | {about} | {names} |").unwrap();
        }
    }
    table
}

/// Pages whose answers `docs/api.md` shows.
const DOCUMENTED: [&str; 6] = [
    "/api/v1/status?regions=eu-west-1",
    "/api/v1/packs/eu-west-1/iam-baseline/accounts?status=failed",
    "/api/v1/accounts/555555555555",
    "/api/v1/accounts/222222222222?pack=iam-baseline&format=text",
    "/api/v1/new-accounts",
    "/api/v1/events?after=0&limit=4",
];

/// The example that follows `GET page` in a text, as it stands between the fences.
fn example<'t>(text: &'t str, page: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("`GET {page}`:\n\n```"))?;
    let (_, rest) = rest.split_once('\n')?;
    rest.split_once("```").map(|(example, _)| example)
}

#[tokio::test]
async fn the_documented_routes_and_answers_are_current() {
    let served = served().await;
    let mut text =
        generated::with_part(&generated::text("docs/api.md"), "routes", &table_of_routes());
    for page in DOCUMENTED {
        let answer = served.get(page).await;
        let real = match answer.headers["content-type"].as_str() {
            "application/json" => serde_json::to_string_pretty(&answer.json()).unwrap() + "\n",
            _ => answer.body,
        };
        let shown = example(&text, page).unwrap_or_else(|| panic!("no example of {page}"));
        let (here, start) = (shown.len(), shown.as_ptr() as usize - text.as_ptr() as usize);
        text.replace_range(start..start + here, &real);
    }
    generated::assert_current("docs/api.md", &text);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_what_there_is() {
    let served = served().await;
    let pages = [
        "/api/v1/status?format=xml",
        "/api/v1/status?region=eu-west-1",
        "/api/v1/status?regions=eu-west-1,EU",
        "/api/v1/status?regions=eu-west-2",
        "/api/v1/packs?status=failed",
        "/api/v1/packs/eu-west-9/iam-baseline/accounts",
        "/api/v1/packs/eu-west-1/iam-basline/accounts",
        "/api/v1/packs/eu-west-1/%1b[31m%0a/accounts",
        "/api/v1/packs/eu-west-1/iam-baseline/accounts?status=broken",
        "/api/v1/packs/eu-west-1/iam-baseline/accounts?page=0",
        "/api/v1/packs/eu-west-1/iam-baseline/accounts?limit=1001",
        "/api/v1/packs/eu-west-1/iam-baseline/accounts?page=1&page=2",
        "/api/v1/accounts/%ff",
        "/api/v1/accounts/payments",
        "/api/v1/accounts/nobody",
        "/api/v1/accounts/222222222212",
        "/api/v1/accounts/999999999999",
        "/api/v1/accounts/222222222222?pack=loging",
        "/api/v1/new-accounts?phase=young",
        "/api/v1/events?after=-1",
        "/api/v1/events?after=9007199254740992",
        "/api/v1/openapi.json?format=yaml",
    ];
    let mut table = Vec::new();
    for page in pages {
        let answer = served.get(page).await;
        let error = &answer.json()["error"];
        assert_eq!(error["code"], answer.status);
        table.push(format!("{page}\n  {} {}", answer.status, error["message"].as_str().unwrap()));
    }
    insta::assert_snapshot!(table.join("\n"), @r"
    /api/v1/status?format=xml
      400 format is json or text, not xml
    /api/v1/status?region=eu-west-1
      400 there is no parameter region; there is format, regions
    /api/v1/status?regions=eu-west-1,EU
      400 regions is a list of regions with commas between them, not eu-west-1,EU
    /api/v1/status?regions=eu-west-2
      404 there is no configured region eu-west-2; did you mean eu-west-1?
    /api/v1/packs?status=failed
      400 there is no parameter status; there is regions, pack, format
    /api/v1/packs/eu-west-9/iam-baseline/accounts
      404 there is no configured region eu-west-9; did you mean eu-west-1?
    /api/v1/packs/eu-west-1/iam-basline/accounts
      404 there is no pack of this installation in eu-west-1 called iam-basline; did you mean iam-baseline?
    /api/v1/packs/eu-west-1/%1b[31m%0a/accounts
      404 there is no pack of this installation in eu-west-1 called \u{1b}[31m\n; there is iam-baseline, legacy, logging
    /api/v1/packs/eu-west-1/iam-baseline/accounts?status=broken
      400 status is one of ok, in_progress, waiting, failed, missing, inactive, not_yet_listed, left, not broken
    /api/v1/packs/eu-west-1/iam-baseline/accounts?page=0
      400 page is a number from 1 to 1000000000, not 0
    /api/v1/packs/eu-west-1/iam-baseline/accounts?limit=1001
      400 limit is a number from 1 to 1000, not 1001
    /api/v1/packs/eu-west-1/iam-baseline/accounts?page=1&page=2
      400 page is given twice
    /api/v1/accounts/%ff
      400 the path is not valid UTF-8
    /api/v1/accounts/payments
      404 there is no account id payments; that is the name of 222222222222
    /api/v1/accounts/nobody
      404 no account has the id or name nobody; an account id has 12 digits
    /api/v1/accounts/222222222212
      404 account 222222222212 is not in the organization, and AWS shows no row for it; did you mean 222222222222 (payments)?
    /api/v1/accounts/999999999999
      404 account 999999999999 is not in the organization, and AWS shows no row for it; the account list has 7 accounts
    /api/v1/accounts/222222222222?pack=loging
      404 there is no pack of this installation called loging; did you mean logging?
    /api/v1/new-accounts?phase=young
      400 phase is one of waiting, deploying, complete, late, missed, not young
    /api/v1/events?after=-1
      400 after is a number from 0 to 9007199254740991, not -1
    /api/v1/events?after=9007199254740992
      400 after is a number from 0 to 9007199254740991, not 9007199254740992
    /api/v1/openapi.json?format=yaml
      400 there is no parameter format; there is none
    ");
}

#[tokio::test]
async fn pages_of_accounts_are_the_whole_list_in_order() {
    let served = served().await;
    let list = "/api/v1/packs/eu-west-1/iam-baseline/accounts";
    let whole = served.get(list).await.json();
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["accounts"].as_array().unwrap().iter();
        rows.map(|row| row["account"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&whole);
    assert!(all.is_sorted());
    assert_eq!((whole["total"].as_u64(), all.len()), (Some(8), 8));
    assert_eq!(whole["complete"], true);
    for limit in 1..=9 {
        let mut pieces = Vec::new();
        for page in 1..=all.len().div_ceil(limit) {
            let answer = served.get(&format!("{list}?limit={limit}&page={page}")).await.json();
            assert_eq!(answer["pages"], all.len().div_ceil(limit));
            pieces.extend(ids(&answer));
        }
        assert_eq!(pieces, all, "{limit}");
    }
    assert!(ids(&served.get(&format!("{list}?page=99")).await.json()).is_empty());
    for (status, count) in whole["counts"].as_object().unwrap() {
        let answer = served.get(&format!("{list}?status={status}")).await.json();
        assert_eq!(answer["total"], *count, "{status}");
        assert!(answer["accounts"].as_array().unwrap().iter().all(|row| row["status"] == *status));
    }
}

#[tokio::test]
async fn routes_are_counted_by_their_template() {
    let served = served().await;
    for page in ["/api/v1/accounts/222222222222", "/api/v1/accounts/1", "/api/v1/accounts/%ff"] {
        served.get(page).await;
    }
    served.get("/api/v1/packs/eu-west-1/iam-baseline/accounts").await;
    let text = Text::read(&served.get("/metrics").await.body);
    let counted = text.of("conformd_http_requests_total");
    let counted: Vec<&str> = counted.lines().filter(|line| !line.ends_with(" 0")).collect();
    insta::assert_snapshot!(counted.join("\n"), @r#"
    conformd_http_requests_total{code="2xx",method="GET",route="/api/v1/accounts/{id}"} 1
    conformd_http_requests_total{code="2xx",method="GET",route="/api/v1/packs/{region}/{pack}/accounts"} 1
    conformd_http_requests_total{code="4xx",method="GET",route="/api/v1/accounts/{id}"} 2
    "#);
}

#[tokio::test]
async fn the_plan_reads_as_text_and_as_json_and_hides_values() {
    let served = served().await;
    insta::assert_snapshot!(served.get("/api/v1/plan?format=text").await.body, @"
    SIMULATED: no real AWS account is read or changed
    eu-west-1 (account 111111111111) at dir:0a1b2c3d
      ~ iam-baseline update
          parameter  ApiKey = #2938a73c
      ! legacy held, would delete: no manifest declares it
          guard: waiting for approval: delete 1 pack in eu-west-1 (deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
      Plan: 0 to create, 1 to update, 0 to delete; 1 change held.
    us-east-1 (account 111111111111) at dir:0a1b2c3d
      = the whole region is held
          unknown: a policy forbids it
      Unknown: it could not be read, so nothing is planned.
    ");
    let json = served.get("/api/v1/plan").await.json();
    assert_eq!(json["plans"][HERE]["steps"][0]["pack"], "iam-baseline");
    for page in ["/api/v1/plan?format=text", "/api/v1/plan", "/api/v1/status", "/metrics"] {
        assert!(!served.get(page).await.body.contains(SECRET), "{page}");
    }
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let served = served().await;
    let payloads = [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"},\"simulated\":false,\"x\":{\"",
        "line\r\nSet-Cookie: a=b\r\n\r\n<html>",
        "\u{1b}[31mred\u{1b}[0m \u{7} \u{0}",
        "{{7*7}} ${jndi:ldap://x} %0d%0a",
        "\u{202e}gnp.exe \u{feff}",
    ];
    for payload in payloads {
        let hold = Hold {
            pack: None,
            why: HoldCause::RegionUnknown(payload.to_owned()),
            until: None,
            step: None,
        };
        let mut report = unknown(HERE, FailureKind::Server, payload);
        report.plan.holds = vec![hold];
        served.reports.send_replace(reports([report]));
        served.source.send_modify(|source| source.unread = Some(unread(payload)));
        let answer = served.get("/api/v1/status").await;
        let json = answer.json();
        assert_eq!(json["regions"][HERE]["report"]["unknown"]["why"], payload);
        assert_eq!(json["source"]["problem"], payload);
        assert_eq!(json["simulated"], true);
        assert!(!answer.headers.contains_key("set-cookie"));
        for page in ["/api/v1/status", "/api/v1/accounts/222222222222"] {
            let text = served.get(&format!("{page}?format=text")).await.body;
            let is_foreign = |letter: char| is_hidden(letter) && letter != '\n';
            assert!(!text.contains(is_foreign), "{text:?}");
        }
        let text = served.get("/api/v1/plan?format=text").await.body;
        let is_foreign = |letter: char| letter.is_control() && letter != '\n';
        assert!(!text.contains(is_foreign), "{text:?}");
        let lines = text.lines().count();
        assert_eq!(lines, 5, "{text}");
    }
}

#[tokio::test]
async fn a_flood_of_requests_is_one_reconciliation() {
    let served = served().await;
    for _ in 0..100 {
        assert_eq!(served.ask_well().await.status, 202);
    }
    assert_eq!(served.requests(), 1);
    let answer = served.ask_well().await;
    insta::assert_snapshot!(answer.body, @r#"{"version":1,"simulated":true,"accepted":true}"#);
    assert_eq!(served.requests(), 1);
}

#[tokio::test]
async fn reconcile_now_is_for_bearers_of_the_token_and_for_nobody_else() {
    let served = served().await;
    let good = format!("Authorization: Bearer {TOKEN}");
    let cases: [&[&str]; 4] = [
        &[],
        &[&good],
        &[&good, "Origin: http://127.0.0.1:9464"],
        &["Authorization: Bearer wrong"],
    ];
    let mut table = Vec::new();
    for headers in cases {
        let answer = served.ask_now(headers).await;
        let challenge = answer.headers.get("www-authenticate").cloned().unwrap_or_default();
        let line = format!("{headers:?} {} rings {} {challenge}", answer.status, served.requests());
        table.push(line.trim_end().to_owned());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    [] 401 rings 0 Bearer
    ["Authorization: Bearer a-token-that-nobody-guesses"] 202 rings 1
    ["Authorization: Bearer a-token-that-nobody-guesses", "Origin: http://127.0.0.1:9464"] 403 rings 0
    ["Authorization: Bearer wrong"] 401 rings 0 Bearer
    "#);
    assert_eq!(served.get("/api/v1/reconcile").await.status, 405);
    assert_eq!(served.requests(), 0);
}

#[tokio::test]
async fn bodies_over_64_kib_are_refused_declared_or_not() {
    let served = served().await;
    let (fits, bearer) = ("x".repeat(64 * 1_024), format!("Authorization: Bearer {TOKEN}"));
    let line = "POST /api/v1/reconcile";
    assert_eq!(served.send(line, &[&bearer], &fits).await.status, 202);
    // Refused by what it declares: not a byte of it is waited for.
    let head = "Host: localhost\r\nConnection: close";
    for line in ["POST /api/v1/reconcile", "GET /metrics", "PUT /nothing"] {
        let declared = format!("{line} HTTP/1.1\r\n{head}\r\nContent-Length: 65537\r\n\r\n");
        let answer = Answer::read(&served.raw(&declared).await);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (413, &Value::from(413)));
    }
    let piece = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    // No more than is needed: what a server leaves unread may cost the client its answer.
    let undeclared = format!(
        "{line} HTTP/1.1\r\n{head}\r\n{bearer}\r\nTransfer-Encoding: chunked\r\n\r\n{}1\r\nx\r\n",
        piece.repeat(4)
    );
    let answer = Answer::read(&served.raw(&undeclared).await);
    assert_eq!(answer.status, 413);
    assert_eq!(served.requests(), 1);
}

#[tokio::test]
async fn a_host_name_of_others_is_refused_where_only_this_machine_listens() {
    let served = served().await;
    let ask = async |path: &str, host: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Answer::read(&served.raw(&request).await).status
    };
    for path in ["/", "/api/v1/status", "/packs/keys", "/nothing"] {
        assert_eq!(ask(path, "evil.example").await, 421, "{path}");
    }
    for host in ["localhost:8080", "127.0.0.1", "[::1]:9464"] {
        assert_eq!(ask("/api/v1/status", host).await, 200, "{host}");
    }
    // Whoever probes or scrapes may have no choice.
    for path in ["/healthz", "/metrics"] {
        assert_eq!(ask(path, "evil.example").await, 200, "{path}");
    }
}

#[tokio::test]
async fn large_headers_and_nonsense_are_refused() {
    let served = served().await;
    let large = format!("{:x<16384}", "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
    assert!(served.raw(&large).await.starts_with("HTTP/1.1 431 "));
    assert!(served.raw("nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    assert_eq!(served.get("/healthz").await.status, 200);
}

// Time stands still while anything can run, and jumps to the next timer when all wait.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_headers_or_its_body_is_let_go() {
    let served = served().await;
    assert_eq!(served.raw("GET / HTTP/1.1\r\nHost: loc").await, "");
    let head = format!(
        "POST /api/v1/reconcile HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: 10\r\n\r\n"
    );
    let answer = Answer::read(&served.raw(&head).await);
    assert_eq!(answer.status, 408);
    insta::assert_snapshot!(answer.body, @r#"{"version":1,"simulated":true,"error":{"code":408,"message":"this took too long"}}"#);
    assert_eq!(served.requests(), 0);
}

#[tokio::test]
async fn ten_thousand_paths_are_one_series() {
    let served = served().await;
    let count = async || {
        let text = Text::read(&served.get("/metrics").await.body);
        let http = text.series.keys().filter(|series| series.contains("_http_"));
        (text.series.len(), http.count())
    };
    let before = count().await;
    let mut runner = TestRunner::deterministic();
    let path = proptest::string::string_regex("/[a-z0-9/._~%2]{0,24}").unwrap();
    let stream = TcpStream::connect(served.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for _ in 0..10_000 {
        let path = path.new_tree(&mut runner).unwrap().current();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        *statuses.entry(read_one(&mut stream).await).or_default() += 1;
    }
    println!("answers to 10,000 random paths: {statuses:?}");
    assert_eq!(before, count().await);
}

/// Reads one answer off a connection that stays open.
async fn read_one(stream: &mut BufReader<TcpStream>) -> u16 {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        stream.read_line(&mut head).await.unwrap();
        let line = head[start..].trim_end().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn health_is_about_our_own_tasks_and_not_about_aws() {
    let served = served().await;
    let heartbeat: Heartbeat = served.beats.begin(TaskId::sole(Task::Source), SILENCE_MAX);
    let all_dark = [HERE, "us-east-1", "ap-south-1"]
        .map(|name| unknown(name, FailureKind::Unreachable, "no connection"));
    served.reports.send_replace(reports(all_dark));
    served.caller.send_replace(ConfirmedCaller::Unconfirmed { problem: None });
    assert_eq!(served.get("/healthz").await.status, 200);
    heartbeat.end();
    served.beats.begin(TaskId::regional(&region(HERE)), Duration::ZERO);
    let answer = served.get("/healthz").await;
    assert_eq!(answer.status, 503);
    let mut json = answer.json();
    for task in json["tasks"].as_array_mut().unwrap() {
        assert!(task.as_object_mut().unwrap().remove("silent_seconds").unwrap().is_f64());
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    {
      "healthy": false,
      "simulated": true,
      "tasks": [
        {
          "beat_last": "2026-11-01T12:01:00Z",
          "late": true,
          "region": "eu-west-1",
          "silent_seconds_max": 0.0,
          "task": "region"
        },
        {
          "beat_last": "2026-11-01T12:01:00Z",
          "late": false,
          "region": null,
          "silent_seconds_max": 120.0,
          "task": "http"
        }
      ],
      "version": 1
    }
    "#);
}

#[tokio::test]
async fn readiness_says_what_is_missing_and_stays_once_everything_was_there() {
    let mut served = served().await;
    assert_eq!(served.get("/readyz").await.status, 200);
    served.source.send_modify(|source| source.unread = Some(unread("it is gone")));
    assert_eq!(served.get("/readyz").await.status, 200);
    let mut answers = Vec::new();
    served.source.send_replace(SourceStatus::default());
    served.caller.send_replace(ConfirmedCaller::Unconfirmed { problem: None });
    answers.push(served.get("/readyz").await);
    served.source.send_modify(|source| source.unread = Some(unread("no such file")));
    let problem = Some("the account is 222222222222".to_owned());
    served.caller.send_replace(ConfirmedCaller::Unconfirmed { problem });
    answers.push(served.get("/readyz").await);
    let told: Vec<String> = answers.iter().map(|it| format!("{} {}", it.status, it.body)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    503 {"version":1,"simulated":true,"ready":false,"reasons":["the source was not read yet","the caller identity was not read yet"]}
    503 {"version":1,"simulated":true,"ready":false,"reasons":["the source could not be read: no such file","AWS did not confirm the identity: the account is 222222222222"]}
    "#);
    served.stop.cancel();
    served.running.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_ends_what_is_idle_finishes_what_has_begun_and_takes_nothing_new() {
    let mut served = served().await;
    let idle = TcpStream::connect(served.address).await.unwrap();
    let mut begun = TcpStream::connect(served.address).await.unwrap();
    let head = format!(
        "POST /api/v1/reconcile HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\
         Authorization: Bearer {TOKEN}\r\nExpect: 100-continue\r\n\r\n"
    );
    begun.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: by then it has accepted both.
    let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
    begun.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "));
    served.stop.cancel();
    begun.write_all(b"body").await.unwrap();
    let mut answer = String::new();
    begun.read_to_string(&mut answer).await.unwrap();
    assert_eq!(Answer::read(&answer).status, 202);
    served.running.join_next().await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
    assert!(served.beats.signs().is_empty(), "the server takes its heartbeat along");
    drop(idle);
}

#[derive(Debug, clap::Parser)]
struct Program {
    #[command(flatten)]
    healthcheck: healthcheck::HealthcheckArgs,
}

async fn healthcheck(url: &str) -> String {
    let program = <Program as clap::Parser>::parse_from(["conformd", "--url", url]);
    match healthcheck::run(&program.healthcheck).await {
        Ok(code) => format!("{code:?}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_healthcheck_command_exits_as_the_daemon_answers() {
    let served = served().await;
    let url = format!("http://{}/readyz", served.address);
    let (fine, failed) = (std::process::ExitCode::SUCCESS, std::process::ExitCode::FAILURE);
    assert_eq!(healthcheck(&url).await, format!("{fine:?}"));
    served.source.send_replace(SourceStatus::default());
    assert_eq!(healthcheck(&url).await, format!("{failed:?}"));
    served.stop.cancel();
    let Served { address, mut running, .. } = served;
    running.join_next().await.unwrap().unwrap();
    assert_eq!(healthcheck(&url).await, format!("{address} cannot be reached"));
}

#[tokio::test]
async fn metrics_follow_the_reports() {
    let served = served().await;
    let synced = async || {
        let text = Text::read(&served.get("/metrics").await.body);
        text.of("conformd_packs_observed")
    };
    let before = synced().await;
    let report = RegionReport { observed: 7, ..quiet(HERE) };
    served.reports.send_replace(reports([report]));
    insta::assert_snapshot!(format!("{before}{}", synced().await), @r#"
    conformd_packs_observed{region="ap-south-1"} 0
    conformd_packs_observed{region="eu-west-1"} 3
    conformd_packs_observed{region="us-east-1"} 0
    conformd_packs_observed{region="ap-south-1"} 0
    conformd_packs_observed{region="eu-west-1"} 7
    conformd_packs_observed{region="us-east-1"} 0
    "#);
}
