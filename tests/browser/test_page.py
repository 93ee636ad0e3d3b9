"""The status page in Chromium: what it shows, how it behaves, who can use it."""

import re

import pytest

from conftest import CANARY, poll

PACK = "/packs/eu-west-1/iam-baseline"
PAGES = {
    "overview": "/",
    "overview-filtered": "/?q=log&show=&sort=name",
    "pack-regions": "/packs/iam-baseline",
    "region": "/regions/eu-west-1",
    "pack": PACK,
    "pack-failed": f"{PACK}?status=failed",
    "account": "/accounts/410000000001",
    "new-account": "/accounts/520000000002",
    "new-accounts": "/new-accounts",
    "plan": "/plan",
    "events": "/events",
}
HOSTILE = {
    "410000000001": "<script>document.title='x'</script>",
    "410000000002": '"><img src=x onerror=alert(1)>',
    "410000000003": "'/><a href='javascript:alert(2)'>x",
    "410000000004": "&lt;b&gt; &amp; </td></main>",
    "410000000005": "right \\u{202e}to left\\u{202c} \u05e9\u05dc\u05d5\u05dd",
}
PHONE = {"width": 360, "height": 780}
SCHEMES = ["light", "dark"]


def at_one_moment(daemon, path, read):
    """The API's answer and what `read` sees, with nothing happening in between."""
    def still():
        before = daemon.ask(path)
        seen = read()
        after = daemon.ask(path)
        for answer in (before, after):
            strip(answer)
        return (before, seen) if before == after else None

    return poll(f"{path} stays the same for a moment", still)


def strip(answer):
    """Takes out what changes by itself."""
    if isinstance(answer, dict):
        for name in ("now", "left_seconds", "age_seconds", "summary"):
            if name != "summary" or "deadline" in str(answer.get(name)):
                answer.pop(name, None)
        for value in answer.values():
            strip(value)
    if isinstance(answer, list):
        for value in answer:
            strip(value)


def texts(page, selector):
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_loads_and_links_to_pages_that_do(tab, daemon, name):
    page = tab().open(PAGES[name])
    assert page.locator("h1").count() == 1
    assert page.title().endswith("· browser · conformd")
    assert page.locator(".banner").inner_text().startswith("SIMULATED")
    links = {link.get_attribute("href") for link in page.locator("a").all()}
    assert all(link.startswith(("/", "#")) for link in links), links
    for link in sorted(links):
        if link.startswith("/"):
            assert page.request.get(link).status == 200, link
    assert CANARY not in page.content()


# Reasons of holds that only a person lifts.
PERSON = {
    "mode", "source", "invalid", "unsupported", "guard", "foreign", "unmanaged", "quota", "rejected",
    "conflict", "denied", "undeclared", "membership",
}


def test_a_pack_deployment_says_what_the_api_says(tab, daemon):
    page = tab().page

    def read():
        page.goto("/")
        return {
            link.get_attribute("href"): " ".join(link.inner_text().split())
            for link in page.locator(".grid td a").all()
        }

    status, links = at_one_moment(daemon, "/api/v1/status", read)
    expected = {}
    for region, view in status["regions"].items():
        for pack, deployment in view["deployments"].items():
            expected[f"/packs/{region}/{pack}"] = deployment
    assert links.keys() == expected.keys()
    for path, deployment in expected.items():
        counts, text = deployment["rollout"]["counts"], links[path]
        health, needed = deployment["health"], deployment["action_required"]
        if health == "degraded":
            wanted = f"{counts['failed']} failed"
        elif PERSON.intersection(deployment["holds"]):
            wanted = "held"
        elif (deployment["sync"], health) == ("synced", "healthy"):
            wanted = f"Healthy {counts['ok']}"
        else:
            wanted = {"unknown": "Unknown", "suspended": "Suspended"}.get(health, "")
        assert wanted in text, (path, deployment, text)
        assert ("action required" in text) == needed, (path, text)


def test_the_overview_counts_as_the_api_does(tab, daemon):
    page = tab().page

    def read():
        page.goto("/")
        return {
            "state": page.title().split(" ")[0],
            "problems": texts(page, "#problems .count, section:has(#problems) h2 .count"),
            "new accounts": [row.get_attribute("id") for row in page.locator("[id^=new-]").all()
                          if row.get_attribute("id")[4:].isdigit()],
            "approvals": page.locator("section:has(#approvals) li.needy > h3 bdi").all_inner_texts(),
            "reasons": page.locator("section:has(#approvals) li.needy > ul:first-of-type bdi")
                           .all_inner_texts(),
            "approval": page.locator("#approval-text pre").text_content(),
            "valid": page.locator(".facts").inner_text(),
        }

    status, seen = at_one_moment(daemon, "/api/v1/status", read)
    assert seen["state"].lower() == status["health"]["state"] == "degraded"
    # What waits for an approval has a section of its own.
    listed = [one for one in status["problems"] if one["cause"] not in ("approval", "undeclared")]
    assert seen["problems"] == [str(len(listed))]
    assert seen["new accounts"] == [f"new-{one['account']}" for one in status["new_accounts"]["accounts"]]
    pending = daemon.ask("/api/v1/approvals/pending")
    assert seen["approvals"] == [pending["summary"]] == ["delete 2 packs in 3 regions"]
    assert seen["reasons"] == pending["reasons"] and len(pending["reasons"]) >= 3
    assert "kind: Approval" in seen["approval"]
    assert f"{status['source']['declared']['valid']} valid" in seen["valid"]
    assert f"{status['organization']['list']['accounts']} accounts" in seen["valid"]


def test_a_pack_lists_its_accounts_as_the_api_does(tab, daemon):
    page = tab().page

    def read():
        page.goto(f"{PACK}?page=2")
        ids = [row.get_attribute("id")[8:] for row in page.locator("tr[id^=account-]").all()]
        return ids, texts(page, "nav[aria-label='Accounts by status'] a"), texts(page, ".paging span")

    api = "/api/v1/packs/eu-west-1/iam-baseline/accounts?page=2"
    view, (ids, counts, paging) = at_one_moment(daemon, api, read)
    assert ids == [one["account"] for one in view["accounts"]] and len(ids) > 20
    expected = [f"{kind.replace('_', ' ')} {count}" for kind, count in view["counts"].items() if count]
    assert counts == ["all", *expected]
    assert paging == [f"page 2 of {view['pages']}"]


def test_new_accounts_are_those_of_the_api(tab, daemon):
    page = tab().page

    def read():
        page.goto("/new-accounts")
        rows = [row.get_attribute("id") for row in page.locator("tr[id^=new-]").all()]
        return rows, texts(page, "nav[aria-label='New accounts by phase'] a")

    view, (rows, phases) = at_one_moment(daemon, "/api/v1/new-accounts", read)
    assert rows == [f"new-{one['account']}" for one in view["accounts"]] and len(rows) == 3
    expected = [f"{phase} {count}" for phase, count in view["phases"].items()]
    assert phases[0] == f"all {len(rows)}" and sorted(phases[1:]) == sorted(expected)
    meter = page.locator("#new-520000000002 meter")
    assert 0 < float(meter.get_attribute("value")) < 3600


def test_the_plan_is_the_text_of_the_api(tab, daemon):
    page = tab().open("/plan")
    text = page.request.get("/api/v1/plan?format=text").text()
    shown = "".join(page.locator("pre").all_text_contents())
    assert shown == text.split("\n", 1)[1]
    assert "delete" in shown


@pytest.mark.parametrize("account", HOSTILE)
def test_a_hostile_name_stays_text(tab, account):
    page = tab().open(f"/accounts/{account}")
    assert page.locator("h1 small").inner_text() == HOSTILE[account]
    assert page.locator("main :is(script, img, svg, style, iframe)").count() == 0


def test_a_hostile_failure_stays_text(tab):
    page = tab().open(f"{PACK}?status=failed")
    said = page.locator("#account-410000000001 .said").inner_text()
    assert said.startswith("AccessDenied<script> <svg onload=alert(3)> \"is\" 'not' & authorized")
    assert "\\u{202e} to\\u{0} perform </td><h1>: config:PutConfigRule" in said
    assert page.locator("h1").count() == 1


def test_a_hostile_address_stays_text_and_gets_a_page(tab):
    one = tab()
    one.expected.append("status of 404")
    answer = one.page.goto("/packs/eu-west-1/%3Cscript%3Ealert(4)%3C%2Fscript%3E%00%E2%80%AE")
    assert answer.status == 404
    assert "<script>alert(4)</script>" in one.page.locator(".lead").inner_text()
    assert one.page.request.get("/nothing", headers={"Accept": "*/*"}).json()["error"]["code"] == 404


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_kept_out(tab, axe, pictures, name, scheme):
    page = tab(color_scheme=scheme, reduced_motion="reduce").open(PAGES[name])
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    faults = [
        f"{rule['impact']} {rule['id']}: {node['html'][:200]}"
        for rule in found["violations"] if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert faults == []
    assert any(rule["id"] == "color-contrast" for rule in found["passes"])
    page.screenshot(path=pictures / f"page-{name}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_phone_never_scrolls_sideways(tab, pictures, name, scheme):
    one = tab(viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    page = one.open(PAGES[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.screenshot(path=pictures / f"phone-{name}-{scheme}.png", full_page=True)


def test_the_keyboard_reaches_the_content_the_cells_and_the_pause(tab):
    page = tab().open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    while "/packs/us-east-1/logging" not in reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('href')"))
        assert len(reached) < 100, reached
    page.locator("#pause").focus()
    page.keyboard.press("Space")
    assert page.locator("#pause").inner_text() == "Resume"
    assert page.evaluate("document.body.classList.contains('paused')")


def wake(page):
    """Has the page refresh now, as it does when it becomes visible again."""
    with page.expect_response(lambda answer: answer.request.resource_type == "fetch"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def change(page, daemon):
    """Refreshes until the page shows another moment."""
    before = page.locator("#now").inner_text()

    def changed():
        wake(page)
        return page.locator("#now").inner_text() != before

    poll("the page shows another moment", changed)


READ = ".grid a[href='/packs/eu-west-1/logging']"


def settled_top(page, selector):
    """Where an element stands in the window, once what was changed is laid out."""
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    return page.locator(selector).bounding_box()["y"]


def test_a_refresh_keeps_the_readers_place(tab, daemon):
    # Wide enough for the table, which phones do not show.
    page = tab(viewport={"width": 500, "height": 500}).open("/")
    summary = page.locator("details summary").first
    summary.click()
    opened = page.locator("details[open]").count()
    page.locator(READ).focus()
    page.evaluate("document.getElementById('grid-scroll').scrollLeft = 40")
    page.locator(READ).evaluate("(link) => scrollBy(0, link.getBoundingClientRect().top - 120)")
    # As if the daemon had shown something else before.
    page.evaluate("document.querySelector('.lead').textContent = 'old'")
    page.evaluate("document.querySelector('.grid tbody').prepend(document.createElement('tr'))")
    assert page.evaluate("document.getElementById('grid-scroll').scrollLeft") == 40
    top = settled_top(page, READ)
    assert 0 < top < 500
    change(page, daemon)
    assert page.locator(".lead").inner_text() != "old"
    assert page.locator(".grid tbody tr").count() == 5
    assert abs(settled_top(page, READ) - top) <= 2
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/packs/eu-west-1/logging"
    assert page.locator("details[open]").count() == opened == 1
    assert page.evaluate("document.getElementById('grid-scroll').scrollLeft") == 40


def test_a_selection_and_a_pause_are_left_alone(tab, daemon):
    page = tab().open("/")
    page.evaluate("document.querySelector('.lead').textContent = 'being read'")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.lead'))")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate("getSelection().toString()") == "being read"
    page.evaluate("getSelection().removeAllRanges()")
    page.locator("#pause").click()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert requests == []
    page.locator("#pause").click()
    poll("the page is fresh again", lambda: page.locator(".lead").inner_text() != "being read")


def test_a_silent_daemon_makes_the_page_stale(tab, daemon):
    one = tab()
    one.expected.append("net::ERR_")
    page = one.open("/")
    page.route("**/*", lambda route: route.abort())
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    stale = page.locator("#stale")
    poll("the page says so", lambda: stale.inner_text().startswith("Stale since "))
    assert re.search(r"since \d\d:\d\d:\d\d UTC: the daemon does not answer", stale.inner_text())
    page.unroute("**/*")
    wake(page)
    poll("the page is well again", lambda: stale.inner_text() == "")


def test_a_page_without_script_shows_everything(tab, daemon):
    page = tab(java_script_enabled=False).open("/")
    assert page.locator("#pause").is_hidden()
    assert page.locator(".grid td a").count() == 15
    refresh = page.locator("noscript meta[http-equiv=refresh]")
    assert refresh.get_attribute("content") == "30"
    page.goto(PACK)
    assert page.locator("tr[id^=account-]").count() == 100


def test_a_phone_gets_a_list_instead_of_the_table(tab, daemon):
    page = tab(viewport=PHONE).open("/")
    assert page.locator(".grid").is_hidden()
    assert page.locator("ul.narrow").is_visible()
    page.set_viewport_size({"width": 900, "height": 780})
    assert page.locator(".grid").is_visible()
    assert page.locator("ul.narrow").is_hidden()


def test_a_form_filters_with_and_without_script(tab, daemon):
    for script in (True, False):
        page = tab(java_script_enabled=script).open("/")
        page.locator("input[name=q]").fill("logging")
        page.locator("select[name=sort]").select_option("name")
        page.locator("form.filter button").click()
        page.wait_for_url("**/?q=logging&show=&sort=name")
        assert page.locator(".grid tbody tr").count() == 1
        assert page.locator("input[name=q]").input_value() == "logging"


def test_a_button_copies_and_selects_where_copying_is_forbidden(tab, daemon):
    one = tab(java_script_enabled=False)
    assert one.open("/").locator("button.copy").last.is_hidden()
    page = tab().open("/")
    page.evaluate("""Object.defineProperty(navigator, "clipboard", {
        configurable: true, value: { writeText: async (text) => { window.copied = text; } } })""")
    button = page.locator("section:has(#simulated) button.copy")
    source = page.locator(f"#{button.get_attribute('data-copies')}")
    button.click()
    poll("it is copied", lambda: page.evaluate("window.copied") == source.text_content())
    page.evaluate("""Object.defineProperty(navigator, "clipboard", {
        configurable: true, value: undefined })""")
    button.click()
    poll("it is selected", lambda: page.evaluate("getSelection().toString()") == source.text_content())
