//! Lists of the page and of the API: filtered, searched, sorted and paged by their address, and as
//! CSV.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::sync::Arc;

use conformd::domain::declared::source::SourceStatus;
use conformd::domain::plan::event::{Event, EventKind, Weight};
use conformd::domain::present::report::Reports;

use crate::http::{Served, served, served_with};
use crate::page::{BROWSER, main_of};
use crate::support::people::facts;
use crate::support::sample::{at, unread};

async fn page(served: &Served, path: &str) -> String {
    let answer = served.send(&format!("GET {path}"), &[BROWSER], "").await;
    assert_eq!(answer.status, 200, "{path}");
    main_of(&answer.body)
}

#[tokio::test]
async fn a_pack_is_shown_across_its_regions_and_a_region_with_its_packs() {
    let served = served().await;
    insta::assert_snapshot!(page(&served, "/packs/iam-baseline").await, @"");
    insta::assert_snapshot!(page(&served, "/regions/eu-west-1").await, @"");
    insta::assert_snapshot!(page(&served, "/regions/ap-south-1?show=healthy").await, @"");
    let mut table = Vec::new();
    for path in ["/packs/iam-basline", "/regions/eu-west-2", "/packs/logging?order=name"] {
        let answer = served.send(&format!("GET {path}"), &[], "").await;
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        table.push(format!("{path}: {} {message}", answer.status));
    }
    insta::assert_snapshot!(table.join("\n"), @"");
}

/// Names of the rows of a table whose ids begin so.
async fn rows(served: &Served, path: &str, prefix: &str) -> String {
    let answer = served.send(&format!("GET {path}"), &[BROWSER], "").await;
    assert_eq!(answer.status, 200, "{path}: {}", main_of(&answer.body));
    let start = format!("<tr id=\"{prefix}-");
    let rows = answer.body.split(&start).skip(1).map(|row| row.split('"').next().unwrap());
    format!("{path}: {}", rows.collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn lists_are_filtered_searched_and_sorted_by_their_address() {
    let served = served().await;
    let mut table = Vec::new();
    for path in [
        "/",
        "/?q=&show=&sort=&page=",
        "/?sort=name",
        "/?q=LOG",
        "/?q=team%3Dsecurity",
        "/?show=action_required",
        "/?show=unknown",
        "/?show=healthy&q=nothing",
        "/?page=2",
    ] {
        table.push(rows(&served, path, "row").await);
    }
    let pack = "/packs/eu-west-1/iam-baseline";
    for query in ["", "?q=222", "?q=DATA", "?q=service+control", "?sort=name", "?sort=status"] {
        table.push(rows(&served, &format!("{pack}{query}"), "account").await);
    }
    table.push(rows(&served, "/events?q=iam-baseline", "event").await);
    insta::assert_snapshot!(table.join("\n"), @"");
    let account = served.send("GET /?q=222222222222", &[BROWSER], "").await;
    assert_eq!((account.status, &account.headers["location"][..]), (303, "/accounts/222222222222"));
    let refused = served.send("GET /?show=broken", &[], "").await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_form_keeps_what_was_asked_for() {
    let served = served().await;
    let path = "/?q=%22%3E%3Cb%3E&show=unknown&sort=name";
    let body = served.send(&format!("GET {path}"), &[BROWSER], "").await.body;
    for kept in [
        r#"value="&quot;&gt;&lt;b&gt;""#,
        r#"<option value="unknown" selected>"#,
        r#"<option value="name" selected>"#,
        r#"<form class="filter" method="get" action="/""#,
    ] {
        assert!(body.contains(kept), "{kept}");
    }
}

#[tokio::test]
async fn every_list_of_the_api_is_also_csv() {
    let served = served().await;
    let mut table = Vec::new();
    for path in [
        "/api/v1/packs?format=csv&pack=iam-baseline",
        "/api/v1/packs?format=csv&regions=eu-west-1",
        "/api/v1/packs/eu-west-1/iam-baseline/accounts?format=csv&status=failed",
        "/api/v1/new-accounts?format=csv",
        "/api/v1/events?format=csv&limit=2",
    ] {
        let answer = served.get(path).await;
        let [kind, name] = ["content-type", "content-disposition"].map(|it| &answer.headers[it]);
        assert!(answer.body.lines().count() > 1, "{path}");
        assert_eq!(answer.body.matches("\r\n").count(), answer.body.matches('\n').count());
        table.push(format!("{path}\n{kind} {name}\n{}", answer.body.replace('\r', "")));
    }
    insta::assert_snapshot!(table.join("\n"), @"");
    assert_eq!(served.get("/api/v1/packs?pack=nothing&format=csv").await.status, 404);
    assert_eq!(served.get("/api/v1/packs?format=xml").await.status, 400);
}

#[tokio::test]
async fn a_csv_never_starts_a_formula_and_keeps_commas_and_quotes_in_their_cell() {
    let texts = ["=HYPERLINK(\"http://x\")", "+1+1", "-2+3", "@SUM(1)", "a, \"b\"\r\nc", "\t=1"];
    let event = |(number, text): (u64, &str)| Event {
        number,
        at: at("11:59:00"),
        kind: EventKind::Mutation,
        weight: Weight::Normal,
        region: None,
        pack: None,
        account: None,
        text: text.to_owned(),
    };
    let events: Vec<Event> = (1..).zip(texts).map(event).collect();
    let served = served_with(facts(), events).await;
    let body = served.get("/api/v1/events?format=csv").await.body;
    insta::assert_snapshot!(body.replace('\r', ""), @"");
}

#[tokio::test]
async fn a_csv_without_a_page_has_every_account() {
    let served = served().await;
    let path = "/api/v1/packs/eu-west-1/iam-baseline/accounts";
    let all = served.get(path).await.json()["total"].as_u64().unwrap();
    let lines = |body: &str| body.lines().count() as u64 - 1;
    assert_eq!(lines(&served.get(&format!("{path}?format=csv")).await.body), all);
    assert_eq!(lines(&served.get(&format!("{path}?format=csv&limit=2")).await.body), 2);
    assert_eq!(lines(&served.get(&format!("{path}?format=csv&limit=2&page=2")).await.body), 2);
}

/// The part of the overview that says what to do next.
async fn next_steps(served: &Served) -> String {
    let text = page(served, "/").await;
    let (_, rest) = text.split_once("What to do next\n").unwrap_or(("", "none"));
    rest.split("Waiting for approval").next().unwrap().split("Problems").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_without_packs_or_source_says_what_to_do_next() {
    let mut table = Vec::new();
    let mut started = facts();
    started.reports = Reports::default();
    started.source = SourceStatus::default();
    let mut empty = facts();
    let catalog = Arc::make_mut(empty.source.catalog.as_mut().unwrap());
    catalog.packs.clear();
    catalog.diagnostics.clear();
    let mut lost = facts();
    lost.source.unread = Some(unread("the directory does not exist"));
    let mut real = facts();
    real.about.simulated = false;
    for (name, facts) in [
        ("started", started),
        ("empty", empty),
        ("lost", lost),
        ("simulated", facts()),
        ("real", real),
    ] {
        let served = served_with(facts, Vec::new()).await;
        table.push(format!("# {name}\n{}", next_steps(&served).await));
    }
    insta::assert_snapshot!(table.join("\n"), @"");
}
