//! Lists of the page and of the API: filtered, searched, sorted and paged by their address, and as
//! CSV.

#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

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
    insta::assert_snapshot!(page(&served, "/packs/iam-baseline").await, @"
    ! iam-baseline
    action required in 1 region; not known in 2 regions; 2 of 6 account deployments are ok
    manifest | packs/iam-baseline.yaml
    labels | team=security
    regions | 3
    failures | ! no recorder 1, access denied 1
    Regions
    region state allaction requirednot knownunder way or out of syncas it should beorder worst firstby nameApplyregion | status | rollout | changed | reason
    eu-west-1 | ! 2 failed, 1 missing, action required
    OutOfSync, Degraded
    | 2 of 6 | 31m ago |
    ap-south-1 | ? Unknown
    Unknown
    | not read | -
    not refreshed yet
    us-east-1 | ? Unknown
    Unknown
    | not read | -
    a policy forbids it
    This list as CSV or JSON
    ");
    insta::assert_snapshot!(page(&served, "/regions/eu-west-1").await, @"
    ! eu-west-1
    OutOfSync, Degraded; action required in 2 packs; fine in 1 pack; 13 of 17 account deployments are ok
    read | 59s ago
    reconciled | 58s ago
    plan | 1 step, 1 hold: the plan of this region
    revision | dir:0a1b2c3d
    Packs
    pack state allaction requirednot knownunder way or out of syncas it should beorder worst firstby nameApplypack | status | rollout | changed | reason
    iam-baseline | ! 2 failed, 1 missing, action required
    OutOfSync, Degraded
    | 2 of 6 | 31m ago |
    legacy | ! held, action required
    OutOfSync, Healthy
    | 6 of 6 | 31m ago
    waiting for approval: delete 1 pack in eu-west-1 (deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
    held: guard
    logging | ✓ Healthy 5
    Synced, Healthy
    | 5 of 5 | 31m ago |
    This list as CSV or JSON
    ");
    insta::assert_snapshot!(page(&served, "/regions/ap-south-1?show=healthy").await, @"
    ? ap-south-1
    Unknown; not known in 2 packs
    read | ? not refreshed yet: the first reconciliation is under way
    plan | the plan of this region
    Packs
    pack state allaction requirednot knownunder way or out of syncas it should beorder worst firstby nameApplyShow all
    None of 2 packs is what you asked for.
    This list as CSV or JSON
    ");
    let mut table = Vec::new();
    for path in ["/packs/iam-basline", "/regions/eu-west-2", "/packs/logging?order=name"] {
        let answer = served.send(&format!("GET {path}"), &[], "").await;
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        table.push(format!("{path}: {} {message}", answer.status));
    }
    insta::assert_snapshot!(table.join("\n"), @"
    /packs/iam-basline: 404 there is no pack iam-basline; did you mean iam-baseline?
    /regions/eu-west-2: 404 there is no configured region eu-west-2; did you mean eu-west-1?
    /packs/logging?order=name: 400 there is no parameter order; there is q, show, sort
    ");
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
    insta::assert_snapshot!(table.join("\n"), @"
    /: iam-baseline legacy logging
    /?q=&show=&sort=&page=: iam-baseline legacy logging
    /?sort=name: iam-baseline legacy logging
    /?q=LOG: logging
    /?q=team%3Dsecurity: iam-baseline logging
    /?show=action_required: iam-baseline legacy
    /?show=unknown: logging
    /?show=healthy&q=nothing: 
    /?page=2: iam-baseline legacy logging
    /packs/eu-west-1/iam-baseline: 111111111111 222222222222 333333333333 444444444444 555555555555 666666666666 777777777777 888888888888
    /packs/eu-west-1/iam-baseline?q=222: 222222222222
    /packs/eu-west-1/iam-baseline?q=DATA: 333333333333
    /packs/eu-west-1/iam-baseline?q=service+control: 222222222222
    /packs/eu-west-1/iam-baseline?sort=name: 888888888888 333333333333 111111111111 666666666666 222222222222 777777777777 444444444444 555555555555
    /packs/eu-west-1/iam-baseline?sort=status: 222222222222 666666666666 333333333333 555555555555 888888888888 777777777777 111111111111 444444444444
    /events?q=iam-baseline: 11 1
    ");
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
    insta::assert_snapshot!(table.join("\n"), @r#"
    /api/v1/packs?format=csv&pack=iam-baseline
    text/csv; charset=utf-8 attachment; filename="packs.csv"
    pack,region,sync,health,action_required,expected,ok,in_progress,waiting,failed,missing,last_update,holds,why,manifest,labels
    iam-baseline,ap-south-1,unknown,unknown,false,,0,0,0,0,0,,,not refreshed yet,packs/iam-baseline.yaml,team=security
    iam-baseline,eu-west-1,out_of_sync,degraded,true,6,2,0,1,2,1,2026-11-01T11:30:00Z,,,packs/iam-baseline.yaml,team=security
    iam-baseline,us-east-1,unknown,unknown,false,,0,0,0,0,0,,,a policy forbids it,packs/iam-baseline.yaml,team=security

    /api/v1/packs?format=csv&regions=eu-west-1
    text/csv; charset=utf-8 attachment; filename="packs.csv"
    pack,region,sync,health,action_required,expected,ok,in_progress,waiting,failed,missing,last_update,holds,why,manifest,labels
    iam-baseline,eu-west-1,out_of_sync,degraded,true,6,2,0,1,2,1,2026-11-01T11:30:00Z,,,packs/iam-baseline.yaml,team=security
    legacy,eu-west-1,out_of_sync,healthy,true,6,6,0,0,0,0,2026-11-01T11:30:00Z,guard,"waiting for approval: delete 1 pack in eu-west-1 (deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change",,
    logging,eu-west-1,synced,healthy,false,5,5,0,0,0,0,2026-11-01T11:30:00Z,,,packs/logging.yaml,team=security

    /api/v1/packs/eu-west-1/iam-baseline/accounts?format=csv&status=failed
    text/csv; charset=utf-8 attachment; filename="accounts.csv"
    region,pack,account,name,status,class,owner,code,message,advice,last_update
    eu-west-1,iam-baseline,222222222222,payments,failed,access_denied,platform_team,AccessDenied,User: arn:aws:sts::… is not authorized to perform: config:PutConfigRule with an explicit deny in a service control policy,Find the policy that denies it (service control policies first; CloudTrail of the account names the action) and add an exception for AWS Config.,2026-11-01T11:40:00Z
    eu-west-1,iam-baseline,666666666666,media-new,failed,no_recorder,account_owner,NoAvailableConfigurationRecorder,There is no configuration recorder available,Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.,2026-11-01T11:40:00Z

    /api/v1/new-accounts?format=csv
    text/csv; charset=utf-8 attachment; filename="new-accounts.csv"
    account,name,joined,deadline,left_seconds,phase,region,phase_in_region,recorder,missing
    555555555555,shop-new,2026-11-01T07:10:00Z,2026-11-01T14:10:00Z,7740,waiting,eu-west-1,waiting,missing,iam-baseline
    666666666666,media-new,2026-11-01T04:00:00Z,2026-11-01T11:00:00Z,-3660,missed,eu-west-1,missed,,iam-baseline

    /api/v1/events?format=csv&limit=2
    text/csv; charset=utf-8 attachment; filename="events.csv"
    number,at,kind,weight,region,pack,account,text
    11,2026-11-01T12:01:00Z,rollout,warning,eu-west-1,iam-baseline,,"iam-baseline: degraded (1 no_recorder, 1 access_denied)"
    12,2026-11-01T12:01:00Z,region,critical,us-east-1,,,"unknown (denied), so conformd changes nothing here: a policy forbids it"
    "#);
    assert_eq!(served.get("/api/v1/packs?pack=nothing&format=csv").await.status, 404);
    assert_eq!(served.get("/api/v1/packs?format=xml").await.status, 400);
}

#[tokio::test]
async fn a_csv_never_starts_a_formula_and_keeps_commas_and_quotes_in_their_cell() {
    let texts =
        ["=HYPERLINK(\"http://localhost\")", "+1+1", "-2+3", "@SUM(1)", "a, \"b\"\r\nc", "\t=1"];
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
    insta::assert_snapshot!(body.replace('\r', ""), @r#"
    number,at,kind,weight,region,pack,account,text
    1,2026-11-01T11:59:00Z,mutation,normal,,,,"'=HYPERLINK(""http://localhost"")"
    2,2026-11-01T11:59:00Z,mutation,normal,,,,'+1+1
    3,2026-11-01T11:59:00Z,mutation,normal,,,,'-2+3
    4,2026-11-01T11:59:00Z,mutation,normal,,,,'@SUM(1)
    5,2026-11-01T11:59:00Z,mutation,normal,,,,"a, ""b"" c"
    6,2026-11-01T11:59:00Z,mutation,normal,,,,'=1
    "#);
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
    let rest = rest.split("\nThis AWS").next().unwrap();
    let rest = rest.split("\nWaiting for approval").next().unwrap();
    rest.split("\nProblems").next().unwrap().to_owned()
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
    catalog.wholly_valid = true;
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
    insta::assert_snapshot!(table.join("\n"), @"
    # started
    The daemon has just started
    No region was read yet; packs appear here when the first reconciliation ends, usually within a minute. If they do not, ask what the daemon waits for:
    curl http://127.0.0.1:9464/readyzCopy
    # empty
    No manifest is in force
    Write the first manifest in the directory of the source. Check it before you commit it:
    conformd validate DIRECTORYCopy
    Until then, conformd deploys nothing.
    # lost
    The source cannot be read
    The last revision stays in force, read 1m ago; deletions are held meanwhile. Correct what is listed under Problems, then check the directory:
    conformd validate DIRECTORYCopy
    conformd reads the source again by itself.
    # simulated
    none
    # real
    none
    ");
}
