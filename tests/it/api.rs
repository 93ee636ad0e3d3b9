//! The API as it is described: the document is the router, and every answer fits its schema.

#![expect(clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::collections::BTreeSet;

use conformd::domain::base::model::{AccountId, Installation, PackName, Region, UnitId};
use conformd::http::table::document;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::http::{Answer, Served, listening, served};

/// Checks answers against what is described of them.
struct Described(Value);

impl Described {
    /// The operation of a path that was asked for, and the path as the document has it.
    fn operation(&self, verb: &str, asked: &str) -> (&str, &Value) {
        let path = asked.split('?').next().unwrap();
        let fits = |known: &str| {
            let (known, given) = (known.split('/'), path.split('/'));
            known.clone().count() == given.clone().count()
                && known.zip(given).all(|(known, given)| known.starts_with('{') || known == given)
        };
        let paths = self.0["paths"].as_object().unwrap();
        let (path, item) = paths.iter().find(|(known, _)| fits(known)).unwrap();
        (path, &item[verb])
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        schema["components"] = self.0["components"].clone();
        jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// Everything in which an answer is not what is described.
    fn differences(&self, verb: &str, asked: &str, answer: &Answer) -> Vec<String> {
        let (path, operation) = self.operation(verb, asked);
        let response = &operation["responses"][answer.status.to_string()];
        if response.is_null() {
            return vec![format!("{path}: {} is not described", answer.status)];
        }
        let kind = answer.headers["content-type"].split(';').next().unwrap();
        let content = &response["content"][kind];
        if content.is_null() {
            return vec![format!("{path}: {kind} is not described")];
        }
        let body = match kind {
            "application/json" => answer.json(),
            _ => Value::from(answer.body.as_str()),
        };
        let validator = self.validator(&content["schema"]);
        let errors = validator.iter_errors(&body);
        errors.map(|error| format!("{asked}: {} {error}", error.instance_path())).collect()
    }
}

/// Questions that between them get every kind of answer.
const ASKED: [&str; 35] = [
    "/api/v1",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/status",
    "/api/v1/status?format=text",
    "/api/v1/status?regions=us-east-1,eu-west-1",
    "/api/v1/status?regions=eu-west-2",
    "/api/v1/packs",
    "/api/v1/packs?page=1",
    "/api/v1/packs?pack=logging&regions=eu-west-1",
    "/api/v1/packs?pack=nothing",
    "/api/v1/packs?format=csv",
    "/api/v1/packs/eu-west-1/iam-baseline/accounts",
    "/api/v1/packs/eu-west-1/iam-baseline/accounts?status=failed&limit=1",
    "/api/v1/packs/eu-west-1/iam-baseline/accounts?format=csv",
    "/api/v1/packs/eu-west-1/nothing/accounts",
    "/api/v1/accounts/222222222222",
    "/api/v1/accounts/555555555555",
    "/api/v1/accounts/666666666666?pack=iam-baseline",
    "/api/v1/accounts/222222222222?format=text",
    "/api/v1/accounts/1",
    "/api/v1/failure-classes",
    "/api/v1/new-accounts",
    "/api/v1/new-accounts?phase=missed",
    "/api/v1/new-accounts?format=csv",
    "/api/v1/plan",
    "/api/v1/plan?format=text",
    "/api/v1/approvals/pending",
    "/api/v1/approvals/pending?regions=eu-west-1",
    "/api/v1/approvals/pending?format=text",
    "/api/v1/events",
    "/api/v1/events?after=3&limit=2",
    "/api/v1/events?format=csv",
    "/api/v1/openapi.json",
];

#[tokio::test]
async fn every_answer_is_what_the_document_says() {
    let (served, described) = (served().await, Described(document().clone()));
    assert_eq!(served.get("/api/v1/openapi.json").await.json(), described.0);
    let mut differences = Vec::new();
    for asked in ASKED {
        let answer = served.get(asked).await;
        differences.extend(described.differences("get", asked, &answer));
    }
    let reconcile_now = "/api/v1/reconcile";
    let count = [
        served.ask_well().await,
        served.ask_now(&[]).await,
        served.ask_now(&["Origin: http://127.0.0.1"]).await,
        served.send(&format!("POST {reconcile_now}"), &[], &"x".repeat(65_537)).await,
    ];
    for answer in &count {
        differences.extend(described.differences("post", reconcile_now, answer));
    }
    assert_eq!(differences, Vec::<String>::new());
    // The check would see a member that is not described, and one that is missing.
    let mut answer = served.get("/api/v1/events?limit=1").await;
    let mut body = answer.json();
    body["surprise"] = json!(1);
    body.as_object_mut().unwrap().remove("last");
    answer.body = body.to_string();
    assert_eq!(described.differences("get", "/api/v1/events?limit=1", &answer).len(), 2);
}

#[tokio::test]
async fn whatever_is_described_is_served_and_takes_what_is_described() {
    let served = served().await;
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is the name of two");
            assert!(!operation["summary"].as_str().unwrap().is_empty());
            let other = if verb == "get" { "DELETE" } else { "GET" };
            let asked = path
                .replace("{region}", "eu-west-1")
                .replace("{pack}", "logging")
                .replace("{id}", "222222222222");
            let refused = served.send(&format!("{other} {asked}"), &[], "").await;
            assert_eq!(refused.status, 405, "{other} {path}");
            for parameter in operation["parameters"].as_array().unwrap() {
                takes(&served, &asked, parameter).await;
            }
        }
    }
}

/// What is described of a parameter is taken, and what is just beyond is not.
async fn takes(served: &Served, asked: &str, parameter: &Value) {
    if parameter["in"] == "path" {
        return;
    }
    let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
    let (mut good, mut bad): (Vec<String>, Vec<String>) = (Vec::new(), vec![String::new()]);
    if let Some(words) = schema["enum"].as_array() {
        good.extend(words.iter().map(|word| word.as_str().unwrap().to_owned()));
        bad.push("nonsense".to_owned());
    }
    if let (Some(min), Some(max)) = (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
        good.extend([min, max].map(|number| number.to_string()));
        bad.extend([i128::from(min) - 1, i128::from(max) + 1].map(|number| number.to_string()));
    }
    if schema["type"] == "array" {
        good.push("eu-west-1,us-east-1".to_owned());
        bad.push("EU".to_owned());
    }
    if schema["$ref"].is_string() {
        (good, bad) = (vec!["logging".to_owned()], Vec::new());
    }
    assert!(!good.is_empty(), "{parameter}");
    for (values, status) in [(good, 200), (bad, 400)] {
        for value in values {
            let page = format!("{asked}?{name}={value}");
            assert_eq!(served.get(&page).await.status, status, "{page}");
        }
    }
}

proptest! {
    #[test]
    fn identifiers_are_described_as_they_are_read(
        text in "[0-9]{11,13}|(r|ou)-[a-z0-9]{3,5}(-[a-z0-9]{7,33})?|[a-z]{1,3}(-[a-z0-9]{0,5}){0,4}\
                 |[a-zA-Z0-9-]{0,5}|[a-z-]{31,33}|[a-zA-Z][a-z-]{126,129}|\\PC{0,9}",
    ) {
        let described = Described(document().clone());
        let is_described = |name: &str| {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            described.validator(&schema).is_valid(&json!(text))
        };
        prop_assert_eq!(text.parse::<AccountId>().is_ok(), is_described("AccountId"));
        prop_assert_eq!(text.parse::<Installation>().is_ok(), is_described("Installation"));
        prop_assert_eq!(text.parse::<PackName>().is_ok(), is_described("PackName"));
        prop_assert_eq!(text.parse::<Region>().is_ok(), is_described("Region"));
        prop_assert_eq!(text.parse::<UnitId>().is_ok(), is_described("UnitId"));
    }
}

#[tokio::test]
async fn whoever_polls_for_events_gets_each_once_and_learns_what_was_lost() {
    let served = served().await;
    let numbers = |answer: &Value| -> Vec<u64> {
        let events = answer["events"].as_array().unwrap().iter();
        events.map(|event| event["number"].as_u64().unwrap()).collect()
    };
    let whole = served.get("/api/v1/events").await.json();
    let all = numbers(&whole);
    assert_eq!((all.first(), all.last().copied()), (Some(&1), whole["last"].as_u64()));
    let (mut after, mut polled) = (0, Vec::new());
    loop {
        let answer = served.get(&format!("/api/v1/events?after={after}&limit=2")).await.json();
        polled.extend(numbers(&answer));
        after = polled.last().copied().unwrap();
        if answer["more"] == false {
            break;
        }
    }
    assert_eq!(polled, all);
    // Nobody says after what: the newest of them.
    let newest = served.get("/api/v1/events?limit=2").await.json();
    assert_eq!(numbers(&newest), all[all.len() - 2..]);
    assert_eq!((&newest["lost"], &newest["more"]), (&json!(0), &json!(false)));
    // Old ones are dropped.
    served.events.send_modify(|events| *events = events[4..].into());
    let late = served.get("/api/v1/events?after=1").await.json();
    assert_eq!((late["lost"].as_u64(), numbers(&late)), (Some(3), all[4..].to_vec()));
    // A number of another process is none of this one.
    let ahead = served.get("/api/v1/events?after=900").await.json();
    assert_eq!((numbers(&ahead), &ahead["last"]), (Vec::new(), &whole["last"]));
}

#[tokio::test]
async fn metrics_with_a_listener_of_their_own_are_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut served = listening(Some(listener)).await;
    let main = served.address;
    let pages = ["/", "/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/reconcile"];
    let mut table = Vec::new();
    for (face, address) in [("main", main), ("metrics", served.metrics_address.unwrap())] {
        served.address = address;
        let mut codes = Vec::new();
        for page in pages {
            codes.push(format!("{page} {}", served.get(page).await.status));
        }
        table.push(format!("{face}: {}", codes.join(", ")));
    }
    // Whoever has a token rings where people ask, and not where a scraper does.
    table.push(format!("metrics: reconcile_now {}", served.ask_well().await.status));
    insta::assert_snapshot!(table.join("\n"), @"
    main: / 200, /metrics 404, /healthz 200, /readyz 200, /api/v1/status 200, /api/v1/reconcile 405
    metrics: / 404, /metrics 200, /healthz 200, /readyz 200, /api/v1/status 404, /api/v1/reconcile 404
    metrics: reconcile_now 404
    ");
}

#[tokio::test]
async fn a_crowd_at_one_listener_keeps_nobody_from_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut served = listening(Some(listener)).await;
    let mut crowd = Vec::new();
    for _ in 0..70 {
        crowd.push(tokio::net::TcpStream::connect(served.address).await.unwrap());
    }
    served.address = served.metrics_address.unwrap();
    assert_eq!(served.get("/healthz").await.status, 200);
}
