//! The status page, asked over a real socket and read back by a tokenizer of HTML.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test it is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use conformd::domain::base::model::Revision;
use conformd::domain::base::untrusted::{flowing, is_hidden};
use conformd::domain::declared::diagnostic::Diagnostic;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::plan::event::{Event, EventKind, Weight};
use conformd::domain::plan::trip::{Trip, WindowDoubt};
use conformd::domain::present::view::CurrentState;
use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

use crate::http::{Answer, Served, served, served_with};
use crate::support::people::{facts, failed, id};
use crate::support::sample::{SECRET, at, hold_cause, pack, region, unread};

pub(crate) const BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";

const PAGES: [&str; 15] = [
    "/",
    "/?q=iam&show=action_required&sort=name",
    "/?q=team%3Dsecurity&show=&sort=&page=",
    "/packs/iam-baseline",
    "/packs/iam-baseline?show=unknown",
    "/regions/eu-west-1",
    "/regions/ap-south-1",
    "/packs/eu-west-1/iam-baseline",
    "/packs/eu-west-1/iam-baseline?status=failed",
    "/accounts/222222222222",
    "/accounts/555555555555",
    "/new-accounts",
    "/plan",
    "/events",
    "/events?q=update",
];

fn events() -> Vec<Event> {
    let event = |number, weight, kind, text: &str| Event {
        number,
        at: at("11:59:00"),
        kind,
        weight,
        region: Some(region("eu-west-1")),
        pack: Some(pack("iam-baseline")),
        account: None,
        text: text.to_owned(),
    };
    vec![
        event(1, Weight::Normal, EventKind::Mutation, "update accepted"),
        event(2, Weight::Critical, EventKind::Rollout, "2 failed, 1 missing"),
    ]
}

/// What a page is made of.
#[derive(Debug, Default)]
struct Read {
    /// Elements with the names of their attributes.
    elements: BTreeSet<String>,
    /// Values of `href` and `src`.
    links: BTreeSet<String>,
    /// Values of `id`, as often as they occur.
    ids: Vec<String>,
    /// Values of `method`.
    methods: BTreeSet<String>,
    /// Everything that is no markup.
    text: String,
}

impl Read {
    fn of(page: &str) -> Self {
        let mut read = Self::default();
        let word = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        for Ok(token) in Tokenizer::new(page) {
            match token {
                Token::StartTag(tag) => {
                    let name = word(&tag.name);
                    for (attribute, value) in &tag.attributes {
                        let (attribute, value) = (word(attribute), word(value));
                        read.elements.insert(format!("{name} {attribute}"));
                        match attribute.as_str() {
                            "href" | "src" => _ = read.links.insert(value),
                            "id" => read.ids.push(value),
                            "method" => _ = read.methods.insert(value),
                            "action" => assert!(value.starts_with('/'), "{value}"),
                            _ => {}
                        }
                    }
                    read.elements.insert(name);
                }
                Token::String(text) => read.text.push_str(&word(&text)),
                Token::EndTag(_) | Token::Doctype(_) => {}
                Token::Comment(_) => panic!("no page has a comment"),
                Token::Error(error) => panic!("{error:?}"),
            }
        }
        read
    }
}

async fn open(served: &Served, path: &str) -> Answer {
    let answer = served.send(&format!("GET {path}"), &[BROWSER], "").await;
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{path}");
    answer
}

#[tokio::test]
async fn every_page_is_sealed_and_its_parts_are_kept_for_ever() {
    let served = served_with(facts(), events()).await;
    for page in PAGES {
        let answer = open(&served, page).await;
        assert_eq!(answer.status, 200, "{page}");
        let mut headers = answer.headers;
        for own in ["content-length", "date", "connection"] {
            headers.remove(own);
        }
        insta::allow_duplicates! {
            insta::assert_debug_snapshot!(headers, @r#"
            {
                "cache-control": "no-store",
                "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
                "content-type": "text/html; charset=utf-8",
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
    let assets: BTreeSet<String> = Read::of(&open(&served, "/").await.body)
        .links
        .into_iter()
        .filter(|link| link.starts_with("/assets/"))
        .collect();
    let mut table = Vec::new();
    for asset in &assets {
        let answer = served.get(asset).await;
        let [media, kept] = ["content-type", "cache-control"].map(|it| &answer.headers[it]);
        let name = asset.split('-').next().unwrap();
        table.push(format!("{name} {} {media}; {kept}", answer.status));
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    insta::assert_snapshot!(table.join("\n"), @"
    /assets/icon 200 image/svg+xml; public, max-age=31536000, immutable
    /assets/script 200 text/javascript; charset=utf-8; public, max-age=31536000, immutable
    /assets/style 200 text/css; charset=utf-8; public, max-age=31536000, immutable
    ");
    assert_eq!(served.get("/assets/style-0000000000000000.css").await.status, 404);
}

#[tokio::test]
async fn every_link_leads_to_an_answer_and_every_id_is_there_once() {
    let served = served_with(facts(), events()).await;
    let (mut known, mut open_links) = (BTreeSet::new(), BTreeSet::from(PAGES.map(String::from)));
    while let Some(link) = open_links.pop_first() {
        let (path, part) = link.split_once('#').unwrap_or((&link, ""));
        let answer = served.send(&format!("GET {path}"), &[BROWSER], "").await;
        assert_eq!(answer.status, 200, "{link}");
        known.insert(link.clone());
        if answer.headers["content-type"] != "text/html; charset=utf-8" {
            continue;
        }
        let read = Read::of(&answer.body);
        let ids: BTreeSet<&String> = read.ids.iter().collect();
        assert_eq!(ids.len(), read.ids.len(), "{link}: {:?}", read.ids);
        assert!(part.is_empty() || ids.contains(&part.to_owned()), "{link}");
        for link in &read.links {
            assert!(link.starts_with(['/', '#']) && !link.starts_with("//"), "{link}");
            if let Some(part) = link.strip_prefix('#') {
                assert!(ids.contains(&part.to_owned()), "{link}");
            } else if !known.contains(link) {
                open_links.insert(link.clone());
            }
        }
    }
    println!("{} links lead somewhere", known.len());
    assert!(known.len() > 30);
}

#[tokio::test]
async fn no_page_holds_a_style_a_script_or_a_secret_and_forms_only_read() {
    let served = served_with(facts(), events()).await;
    let mut elements = BTreeSet::new();
    for page in PAGES {
        let answer = open(&served, page).await;
        assert!(!answer.body.contains(SECRET), "{page}");
        let read = Read::of(&answer.body);
        assert_eq!(read.methods.iter().find(|method| *method != "get"), None, "{page}");
        elements.extend(read.elements);
    }
    // Whatever is new here has to be looked at.
    insta::assert_snapshot!(elements.into_iter().collect::<Vec<_>>().join(", "), @"a, a aria-current, a class, a href, bdi, body, body data-period, button, button class, button data-copies, button hidden, button id, button type, code, dd, details, details id, div, div aria-label, div class, div id, div role, div tabindex, dl, dl class, dt, footer, form, form action, form aria-label, form class, form method, form role, h1, h2, h2 id, h3, head, header, html, html lang, i, input, input autocomplete, input maxlength, input name, input spellcheck, input type, input value, label, li, li class, li id, link, link href, link rel, link type, main, main id, main tabindex, meta, meta charset, meta content, meta http-equiv, meta name, meter, meter aria-label, meter high, meter low, meter max, meter min, meter optimum, meter value, nav, nav aria-label, nav class, noscript, option, option selected, option value, p, p class, p id, p role, pre, pre id, script, script defer, script src, section, section aria-labelledby, select, select name, small, span, span aria-hidden, span class, span id, strong, summary, table, table class, tbody, td, td class, th, th scope, thead, time, time datetime, time title, title, tr, tr class, tr id, ul, ul class");
}

/// A page's text as a reader without style has it, one block a line.
pub(crate) fn main_of(page: &str) -> String {
    let main = page.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
    let blocks = ["</li>", "</p>", "</h1>", "</h2>", "</h3>", "</tr>", "</div>", "</summary>"];
    let main = blocks.iter().fold(main.split_once('>').unwrap().1.to_owned(), |text, block| {
        text.replace(block, &format!("{block}\n"))
    });
    let main = main.replace("<p", "\n<p");
    let cells = ["</td>", "</th>", "</dt>"];
    let main = cells.iter().fold(main, |text, cell| text.replace(cell, &format!("{cell} | ")));
    let text = Read::of(&main).text;
    let lines = text.lines().map(|line| line.trim().trim_end_matches('|').trim());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

async fn overview() -> String {
    let served = served_with(facts(), events()).await;
    open(&served, "/").await.body
}

#[tokio::test]
async fn the_overview_says_its_state_in_the_title_and_that_it_is_simulated() {
    let page = overview().await;
    assert!(page.contains("<title>Degraded · main · conformd</title>"));
    assert!(page.contains("<strong>SIMULATED</strong>"));
}

#[tokio::test]
async fn the_overview_says_first_what_needs_somebody() {
    let text = main_of(&overview().await);
    let (first, _) = text.split_once("\nPacks by region").unwrap();
    insta::assert_snapshot!(first, @r#"
    ! Degraded
    Action required: 3 of 6 accounts (3 causes); requests denied (us-east-1); waiting for approval (legacy, eu-west-1); manifests invalid; unreachable (ap-south-1); 2 of 3 regions were not read; next deadline in 2h 9m (555555555555, eu-west-1)
    mode | sync
    authenticated as | 111111111111
    revision | dir:0a1b2c3d, read 1m ago
    manifests | ! 2 valid, 1 invalid
    account list | 7 accounts, read 3m ago
    record | none: losses are forgotten when the process ends
    running since | 2h 1m ago
    Waiting for approval 1
    ! Waiting for approval: delete 1 pack in eu-west-1
    deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)
    If this is intended, commit the document that `conformd approve` prints; otherwise revert the change. The losses stay held until then. The plan.
    legacy in eu-west-1
    The Approval that permits this; fill in its reason before you commit it
    Copy
    # SIMULATED: no real AWS account is read or changed
    # Permits: delete 1 pack in eu-west-1.
    # Held because:
    #   deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)
    apiVersion: conformd.io/v1alpha1
    kind: Approval
    metadata:
    name: approve-2026-11-01-8fe2
    spec:
    # Required: the reason, for example a change number.
    reason: ""
    expires: 2026-11-04T12:01:00Z
    permits:
    # Deletes 1 pack from every member.
    - delete: [legacy]
    regions: [eu-west-1]
    Problems 7
    ! deadline missed
    1 account in iam-baseline, eu-west-1 · owner: account owner · passed 1h 1m ago
    Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.
    accounts
    666666666666 media-new, iam-baseline in eu-west-1
    ! requests denied
    us-east-1 · owner: platform team
    Allow the denied action, which AWS's message names, to conformd's role: `conformd iam-policy` prints the whole policy. Then look for a service control policy.
    us-east-1 could not be read (last read 59s ago): a policy forbids it
    ! deadline near
    1 account in iam-baseline, eu-west-1 · owner: account owner · 2h 9m left
    Create a customer-managed configuration recorder in the account and region before the deadline: AWS stops retrying then.
    accounts
    555555555555 shop-new, iam-baseline in eu-west-1
    ! access denied
    1 account in iam-baseline, eu-west-1 · owner: platform team
    Find the policy that denies it (service control policies first; CloudTrail of the account names the action) and add an exception for AWS Config.
    accounts
    222222222222 payments, iam-baseline in eu-west-1
    AccessDenied User: arn:aws:sts::… is not authorized to perform: config:PutConfigRule with an explicit deny in a service control policy
    ! manifests invalid
    owner: pack author
    Correct the manifests: `conformd validate` names each place. Until then what was last valid stays in force, if there was anything, and deletions are paused.
    packs/edge.yaml:4:3: error[unknown-field]: there is no field "parametres" (did you mean "parameters"?)
    ! unreachable
    ap-south-1 · owner: platform team
    Check network, DNS and proxy, then the health of AWS in the region; conformd tries again by itself.
    ap-south-1 was never read
    ~ redeploying
    1 account in iam-baseline, eu-west-1 · owner: conformd
    Nothing: conformd puts the pack again by itself.
    accounts
    333333333333 data-lake, iam-baseline in eu-west-1
    "#);
}

#[tokio::test]
async fn the_overview_goes_on_with_packs_new_accounts_and_events() {
    let text = main_of(&overview().await);
    let (_, rest) = text.split_once("\nPacks by region").unwrap();
    insta::assert_snapshot!(rest.trim_start(), @"
    pack or label state allaction requirednot knownunder way or out of syncas it should beorder worst firstby nameApplypack | ap-south-1Unknown | eu-west-1OutOfSync, Degraded | us-east-1Unknown
    iam-baseline | ? Unknown | ! 2 failed, 1 missing, action required | ? Unknown
    legacy | – not here | ! held, action required | – not here
    logging | ? Unknown | ✓ Healthy 5 | ? Unknown
    ! iam-baseline
    action required in eu-west-1; 3 accounts failing
    ! legacy
    action required in eu-west-1
    ? logging
    not known in ap-south-1, us-east-1
    ✓ as it should be, or held on purpose~ under way or out of sync, no action required? not known! action required
    This list as CSV or JSON
    New accounts 2
    account | phase | until the deadline | regions
    666666666666 media-new
    joined 2026-11-01 04:00 UTC
    | ! missed | passed 1h 1m ago
    2026-11-01 11:00 UTC
    | ! eu-west-1: missed, without iam-baseline
    555555555555 shop-new
    joined 2026-11-01 07:10 UTC
    | ~ waiting | 2h 9m left
    2026-11-01 14:10 UTC
    | ~ eu-west-1: waiting, without iam-baseline; recorder missing
    all new accounts
    Held 1
    1 hold that time lifts
    ~ every pack in us-east-1: unknown
    a policy forbids it
    Latest events 2
    when | about | where | what
    2m ago
    2026-11-01 11:59 UTC
    | rollout | iam-baseline in eu-west-1 | ! action required: 2 failed, 1 missing
    2m ago
    2026-11-01 11:59 UTC
    | mutation | iam-baseline in eu-west-1 | ✓ update accepted
    all events
    This AWS is simulated
    To manage a real organization, write settings and check them against AWS:
    conformd check --config /etc/conformd/conformd.yamlCopy
    ");
}

#[tokio::test]
async fn a_pack_names_its_accounts_and_whose_move_it_is() {
    let served = served().await;
    let page = open(&served, "/packs/eu-west-1/iam-baseline?status=failed").await.body;
    assert!(page.contains("<title>Degraded: iam-baseline in eu-west-1 · main · conformd</title>"));
    insta::assert_snapshot!(main_of(&page), @"
    ! iam-baseline in eu-west-1
    OutOfSync, Degraded: 2 failed, 1 missing
    next | ! action required
    sync | OutOfSync
    health | Degraded
    to do | update
    AWS's aggregate | CREATE_SUCCESSFUL
    changed | 31m ago
    expected | 6 accounts
    all members read | 11m ago
    those in trouble read | 6m ago
    manifest | packs/iam-baseline.yaml
    labels | team=security
    ap-south-1: Unknown
    eu-west-1: 2 failed, 1 missing
    us-east-1: Unknown
    Accounts
    all
    ok 2
    waiting 1
    failed 2
    missing 1
    inactive 1
    left 1
    account, code or message order by idby namefailed firstchanged lastApplyaccount | status | problem and action | changed
    222222222222 payments | ! failed | access denied · owner: platform team
    Find the policy that denies it (service control policies first; CloudTrail of the account names the action) and add an exception for AWS Config.
    AccessDenied User: arn:aws:sts::… is not authorized to perform: config:PutConfigRule with an explicit deny in a service control policy
    | 21m ago
    666666666666 media-new | ! failed | no recorder · owner: account owner
    Create a customer-managed configuration recorder in the account and region. conformd redeploys when it observes the recorder.
    NoAvailableConfigurationRecorder There is no configuration recorder available
    | 21m ago
    This list as CSV or JSON
    ");
}

#[tokio::test]
async fn an_account_is_explained_and_its_time_counted() {
    let served = served().await;
    let page = open(&served, "/accounts/555555555555").await.body;
    insta::assert_snapshot!(main_of(&page), @"
    ? 555555555555 shop-new
    555555555555 (shop-new): 1 of 6 targeted pack deployments in place; 4 not known; 7-hour window: 2h 9m left
    member | yes, active
    joined | 2026-11-01 07:10 UTC, 4h 51m ago
    7-hour window | ~ ends 2026-11-01T14:10:00Z: 2h 9m left
    units | r-ab12
    account list | read 3m ago
    ap-south-1
    ? unknown: not refreshed yet
    pack | status | what happens next
    iam-baseline
    ? not known: its members were not read yet; targeted: no rule excludes it
    |
    logging
    ? not known: its members were not read yet; targeted: no rule excludes it
    |
    eu-west-1
    ~ new account: waiting
    ! recorder: missing: create a configuration recorder (seen 4m ago)
    pack | status | what happens next
    iam-baseline
    ~ waiting; targeted: no rule excludes it
    | no recorder was seen: create a configuration recorder; AWS retries until the retry window ends (2026-11-01T14:10:00Z: 2h 9m left)
    legacy
    ✓ no manifest declares the pack here
    | it keeps the pack until conformd deletes the pack here
    logging
    ✓ ok; targeted: no rule excludes it
    |
    us-east-1
    ? unknown: a policy forbids it
    pack | status | what happens next
    iam-baseline
    ? not known: its members were not read yet; targeted: no rule excludes it
    |
    logging
    ? not known: its members were not read yet; targeted: no rule excludes it
    |
    ");
}

#[tokio::test]
async fn new_accounts_come_with_what_is_left_of_their_window() {
    let served = served().await;
    let page = open(&served, "/new-accounts").await.body;
    assert!(page.contains("<title>1 missed: new accounts · main · conformd</title>"));
    assert!(page.contains(r#"value="7740" aria-label="time left""#));
    insta::assert_snapshot!(main_of(&page), @"
    New accounts
    2 accounts joined within 7 days. AWS retries each for 7 hours; without a configuration recorder by then it gives up.
    all 2
    waiting 1
    deploying 0
    complete 0
    late 0
    missed 1
    account | phase | until the deadline | regions
    555555555555 shop-new
    joined 2026-11-01 07:10 UTC
    | ~ waiting | 2h 9m left
    2026-11-01 14:10 UTC
    | ~ eu-west-1: waiting, without iam-baseline; recorder missing
    666666666666 media-new
    joined 2026-11-01 04:00 UTC
    | ! missed | passed 1h 1m ago
    2026-11-01 11:00 UTC
    | ! eu-west-1: missed, without iam-baseline
    This list as CSV or JSON
    ");
}

#[tokio::test]
async fn a_browser_is_told_of_an_error_on_a_page_and_a_program_as_json() {
    let served = served().await;
    let asked = [
        "GET /nothing",
        "GET /packs/eu-west-1/%3Cscript%3E%00",
        "GET /packs/eu-west-1/iam-baseline?page=0",
        "GET /accounts/payments",
        "GET /accounts/%ff",
        "GET /new-accounts?phase=%22%3E%3Cimg%3E",
        "POST /",
    ];
    let mut table = Vec::new();
    for line in asked {
        let (page, json) =
            (served.send(line, &[BROWSER], "").await, served.send(line, &[], "").await);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{line}");
        assert_eq!(json.headers["content-type"], "application/json", "{line}");
        assert_eq!(
            (page.status, page.headers.get("allow")),
            (json.status, json.headers.get("allow"))
        );
        let message = json.json()["error"]["message"].as_str().unwrap().to_owned();
        let read = main_of(&page.body);
        assert!(read.contains(&message), "{read}");
        table.push(format!("{line}\n  {} {message}", page.status));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    GET /nothing
      404 page not found; /api/v1 lists the pages
    GET /packs/eu-west-1/%3Cscript%3E%00
      404 there is no pack of this installation in eu-west-1 called <script>\u{0}; there is iam-baseline, legacy, logging
    GET /packs/eu-west-1/iam-baseline?page=0
      400 page is a number from 1 to 1000000000, not 0
    GET /accounts/payments
      404 there is no account id payments; that is the name of 222222222222
    GET /accounts/%ff
      400 the path is not valid UTF-8
    GET /new-accounts?phase=%22%3E%3Cimg%3E
      400 phase is one of waiting, deploying, complete, late, missed, not "><img>
    POST /
      405 method not allowed
    "#);
    for line in ["GET /api/v1/nothing", "GET /metrics?x=1", "GET /healthz", "GET /assets/nothing"] {
        let answer = served.send(line, &[BROWSER], "").await;
        assert_ne!(answer.headers["content-type"], "text/html; charset=utf-8", "{line}");
    }
    let head = served.send("HEAD /nothing", &[BROWSER], "").await;
    assert_eq!((head.status, head.body.as_str()), (404, ""));
}

/// Facts in which every foreign text is this one.
fn poisoned(text: &str) -> (CurrentState, Vec<Event>) {
    let mut facts = facts();
    let mut events = events();
    for event in &mut events {
        text.clone_into(&mut event.text);
    }
    facts.source.unread = Some(unread(text));
    let catalog = Arc::make_mut(facts.source.catalog.as_mut().unwrap());
    catalog.revision = Revision(text.to_owned());
    let path = catalog.diagnostics[0].path.clone();
    catalog.diagnostics.push(Diagnostic::error(&path, None, "unknown-field", text));
    let membership = Arc::make_mut(&mut facts.membership);
    let list = Arc::make_mut(membership.list.as_mut().unwrap());
    for account in list.accounts.values_mut() {
        text.clone_into(&mut account.name);
    }
    let report = Arc::make_mut(facts.reports.get_mut(&region("eu-west-1")).unwrap());
    for hold in &mut report.plan.holds {
        hold.why = hold_cause(hold.reason(), text);
    }
    let pending = report.pending.as_mut().unwrap();
    pending.trips[0] = Trip::Caution(WindowDoubt::RecordUnwritable(text.to_owned()));
    let rollout = report.tracking.packs.get_mut(&pack("iam-baseline")).unwrap();
    rollout.why = Some(text.to_owned());
    rollout.troubled = [failed('2', FailureClass::AccessDenied, text, text)].into();
    let dark = Arc::make_mut(facts.reports.get_mut(&region("us-east-1")).unwrap());
    text.clone_into(&mut dark.unknown.as_mut().unwrap().why);
    (facts, events)
}

/// Text that somebody chose with care, and text by chance.
fn hostile() -> impl Strategy<Value = String> {
    let chosen = prop_oneof![
        Just("<script>alert(1)</script>"),
        Just("\"><img src=x onerror=alert(1)>"),
        Just("' onmouseover='alert(1)"),
        Just("</title></style></textarea></noscript></main><h1>"),
        Just("<!--"),
        Just("&lt;b&gt;&#60;&amp;"),
        Just("javascript:alert(1)"),
        Just("\u{202e}evil\u{2066}\u{0}\u{1b}[2J"),
        Just("שלום عالم"),
    ];
    let random = proptest::collection::vec(any::<char>(), 1..20);
    let random = random.prop_map(|text| text.into_iter().collect::<String>());
    (chosen, random).prop_map(|(chosen, random)| format!("{chosen} {random}x"))
}

/// Elements and attributes of all pages, and the text of the overview.
async fn shown(
    facts: CurrentState,
    events: Vec<Event>,
) -> (BTreeMap<&'static str, BTreeSet<String>>, String) {
    let served = served_with(facts, events).await;
    let mut elements = BTreeMap::new();
    let mut text = String::new();
    for page in PAGES {
        let read = Read::of(&open(&served, page).await.body);
        assert!(!read.text.contains(|found| found != '\n' && is_hidden(found)), "{page}");
        text.push_str(&read.text);
        elements.insert(page, read.elements);
    }
    (elements, text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn foreign_text_never_becomes_markup_and_is_shown_as_it_is(text in hostile()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (facts, events) = poisoned("harmless");
            let (harmless, _) = shown(facts, events).await;
            let (facts, events) = poisoned(&text);
            let name = facts.name(id('2')).unwrap();
            let (elements, read) = shown(facts, events).await;
            prop_assert_eq!(elements, harmless);
            // Source, revision, finding, hold, trip, why, code, message, region, both events.
            let times = read.matches(&flowing(&text, 1_024)).count();
            prop_assert!(times >= 11, "{} times in {}", times, read);
            prop_assert!(read.contains(&flowing(&name, 1_024)), "{}", name);
            Ok(())
        })?;
    }
}
