"""Statistics and the log of requests: summed by whatever the API knows, filtered by what the address says, and exported
as they are shown."""

import json
from decimal import Decimal
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from dashboard import WIDTHS, amount
from gateway import Gateway
from scripted_upstream import ScriptedUpstream
from town import elsewhere, fill
from wire import call, chat

TAGGED = {"search": 2, "ads": 1}  # calls by the value of the tag `team`
COLUMNS = ("requests", "refusals", "input_tokens", "output_tokens", "unknown_usage", "cost")


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """(gateway, accounts and keys by name) of a town where some calls have tags."""
    with ScriptedUpstream() as upstream, Gateway(tmp_path_factory.mktemp("town"), upstream.url) as gateway:
        made = fill(gateway, upstream)
        before = len(gateway.control.records())
        for team, count in TAGGED.items():
            for _ in range(count):
                reply = elsewhere(lambda: call(gateway.port, chat(max_tokens=20), made["fabrikam-app"]["secret"],
                                               headers=[("X-Metergate-Tags", f"team={team}")]))
                assert reply.status == 200
        gateway.control.wait_for_records(before + sum(TAGGED.values()))
        yield gateway, made


def sums(gateway: Gateway, group: str, **query) -> list[dict]:
    return gateway.control.ask("GET", f"/api/v1/usage?{urlencode({'group': group, **query})}")["data"]


def rows_of(dash) -> list[dict]:
    """What the table shows, in its order."""
    rows = dash.table("Usage").locator("tr[data-group]")
    rows.first.wait_for()
    shown = []
    for row in rows.all():
        cells = row.locator("td").all_inner_texts()
        counts = [int(text.replace(",", "")) for text in cells[1:-1]]
        shown.append({"group": row.get_attribute("data-group"), **dict(zip(COLUMNS, counts)),
                      "cost": amount(row.locator("td").last)})
    return shown


def as_shown(one: dict) -> dict:
    return {"group": one["group"] or "", **{name: one[name] for name in COLUMNS[:-1]}, "cost": Decimal(one["cost"])}


@pytest.mark.parametrize("by, title", [
    ("account", "account"), ("key", "key"), ("model", "model"), ("route", "route"), ("upstream", "upstream"),
    ("reason", "reason of refusal or failure"), ("day", "day"), ("tag:team", "the tag team")])
def test_sums_by_each_group_are_the_api_s(tagged, visit, by, title):
    gateway, _ = tagged
    dash = visit(gateway).enter().open("/statistics")
    group, _, name = by.partition(":")
    dash.page.get_by_label("By", exact=True).select_option(group)
    if name:
        dash.page.get_by_text("Which tag?").wait_for()
        dash.page.get_by_label("Name of the tag").fill(name)
        dash.page.keyboard.press("Enter")
    dash.card(f"Usage by {title}").wait_for()
    dash.settled()
    expected = [as_shown(one) for one in sums(gateway, by)]
    assert len(expected) > 0 and rows_of(dash) == expected
    dash.page.reload()
    assert rows_of(dash) == expected
    assert dash.faults() == [] and dash.overflow() <= 0


def test_statistics_are_of_what_the_filter_says_and_the_address_goes_back(tagged, visit):
    gateway, made = tagged
    dash = visit(gateway).enter().open("/statistics?by=model")
    expected = [as_shown(one) for one in sums(gateway, "model")]
    assert rows_of(dash) == expected
    steps = [({"Account": "Search"}, {"account": made["Search"]["id"]}),
             ({"Account": "", "Key": "crawler"}, {"key": made["crawler"]["id"]}),
             ({"Model": "priced"}, {"key": made["crawler"]["id"], "model": "priced"}),
             ({"Key": "", "Model": "", "Tag": "team=search"}, {"tag": "team=search"})]
    for typed, query in steps:
        for label, text in typed.items():
            dash.page.get_by_label(label, exact=True).fill(text)
        dash.button("Filter").click()
        expected = [as_shown(one) for one in sums(gateway, "model", **query)]
        assert len(expected) > 0
        dash.settled()
        expect(dash.table("Usage").locator("tr[data-group]")).to_have_count(len(expected))
        assert amount(dash.page.locator("[data-number=total-cost]")) == sum(one["cost"] for one in expected)
        assert rows_of(dash) == expected, typed
    assert parse_qs(urlsplit(dash.page.url).query) == {"by": ["model"], "tag": ["team=search"]}
    dash.page.go_back()
    expect(dash.page.get_by_label("Key", exact=True)).to_have_value("crawler")
    assert rows_of(dash) == [as_shown(one) for one in sums(gateway, "model", key="crawler", model="priced")]
    dash.button("All").click()
    expect(dash.page.get_by_label("Key", exact=True)).to_have_value("")
    assert rows_of(dash) == [as_shown(one) for one in sums(gateway, "model")]


def test_a_time_that_is_typed_takes_the_place_of_the_days(tagged, visit):
    gateway, _ = tagged
    dash = visit(gateway).enter().open("/statistics")
    days = dash.page.get_by_label("Time", exact=True)
    expect(days).to_have_value("30")
    dash.page.get_by_label("From", exact=True).fill("2020-02-01T05:45")  # in Kathmandu; midnight of UTC
    dash.page.get_by_label("Until", exact=True).fill("2020-02-02T05:45")
    with dash.page.expect_request(lambda request: "/api/v1/usage?group=account" in request.url) as asked:
        dash.button("Filter").click()
    query = parse_qs(urlsplit(asked.value.url).query)
    assert (query["from"], query["to"]) == (["2020-02-01T00:00:00.000Z"], ["2020-02-02T00:00:00.000Z"])
    dash.page.get_by_text("Nothing was used", exact=True).wait_for()
    expect(days).to_have_value("typed")
    expect(dash.button("Export")).to_be_disabled()
    days.select_option("all")
    expect(dash.page.get_by_label("From", exact=True)).to_have_value("")
    assert len(rows_of(dash)) == len(sums(gateway, "account"))


def test_what_is_refused_of_a_filter_is_said_at_its_field_and_nothing_is_shown(tagged, visit):
    gateway, _ = tagged
    for path in ("/statistics", "/requests"):
        dash = visit(gateway).enter().open(path)
        dash.page.get_by_label("Account", exact=True).fill("Nordwind")
        dash.page.get_by_label("Account", exact=True).press("Enter")
        alert = dash.page.get_by_role("alert")
        expect(alert).to_have_text("there is no account 'Nordwind'; did you mean 'Northwind'?")
        expect(dash.page.get_by_label("Account", exact=True)).to_have_attribute("aria-invalid", "true")
        expect(dash.page.locator("[data-number]")).to_have_count(0)
        assert dash.faults() == []


def test_the_export_is_what_is_shown_in_its_order(tagged, visit):
    gateway, made = tagged
    dash = visit(gateway).enter().open("/statistics?by=key")
    table = dash.table("Usage")
    for _ in range(2):
        table.get_by_role("button", name="Requests").click()
    dash.page.wait_for_url("**sort=requests**")
    dash.page.get_by_label("Search").fill("r")
    dash.page.wait_for_url("**name=r**")
    shown = rows_of(dash)
    names = {one["group"]: one["name"] for one in sums(gateway, "key")}
    assert [one["requests"] for one in shown] == sorted(one["requests"] for one in shown)
    found = {name for name in names.values() if "r" in name}
    assert {names[one["group"]] for one in shown} == found < set(names.values())
    files = {}
    for item in ("As CSV", "As JSON"):
        with dash.page.expect_download() as download:
            dash.button("Export").click()
            dash.page.get_by_role("menuitem", name=item).click()
        files[download.value.suggested_filename] = download.value.path().read_text()
    assert sorted(files) == ["metergate-usage-by-key.csv", "metergate-usage-by-key.json"]
    header, *lines = files["metergate-usage-by-key.csv"].splitlines()
    assert header == "group,name,requests,refusals,input_tokens,output_tokens,unknown_usage,cost"
    assert [line.split(",")[0] for line in lines] == [one["group"] for one in shown]
    exported = json.loads(files["metergate-usage-by-key.json"])
    assert exported == [next(one for one in sums(gateway, "key") if one["group"] == row["group"]) for row in shown]
    dash.page.reload()
    assert rows_of(dash) == shown


def test_a_row_of_the_statistics_leads_to_its_requests(tagged, visit):
    gateway, made = tagged
    dash = visit(gateway).enter()
    for path, row, query in (
            ("/statistics?by=tag&by_tag=team", "search", {"tag": "team=search"}),
            ("/statistics?by=key", "ranker", {"key": made["ranker"]["id"]}),
            ("/statistics?by=model&account=Contoso", "priced", {"account": "Contoso", "model": "priced"}),
            ("/statistics?by=day", sums(gateway, "day")[0]["group"], {})):
        dash.open(path)
        dash.table("Usage").get_by_role("link", name=row, exact=True).click()
        dash.heading("Requests")
        expected = [record["id"] for record in gateway.control.pages("/api/v1/usage/records", **query)]
        rows = dash.page.locator("[data-record]")
        expect(rows).to_have_count(len(expected))
        assert [one.get_attribute("data-record") for one in rows.all()] == expected, path


def test_the_log_is_filtered_by_tag_and_an_id_leads_to_its_request(tagged, visit):
    gateway, _ = tagged
    dash = visit(gateway).enter().open("/requests")
    rows = dash.page.locator("[data-record]")
    rows.first.wait_for()
    dash.page.get_by_label("Tag", exact=True).fill("team=search")
    dash.button("Filter").click()
    dash.page.wait_for_url("**/requests?tag=team%3Dsearch")
    expect(rows).to_have_count(TAGGED["search"])
    expected = {record["id"] for record in gateway.control.records(tag="team=search")}
    assert {row.get_attribute("data-record") for row in rows.all()} == expected
    dash.page.reload()
    expect(dash.page.get_by_label("Tag", exact=True)).to_have_value("team=search")
    expect(rows).to_have_count(TAGGED["search"])

    dash.page.get_by_label("Request id").fill(f"  {min(expected)} ")
    dash.page.get_by_label("Request id").press("Enter")
    dash.heading("Request")
    dash.page.wait_for_url(f"**/requests/{min(expected)}")
    dash.card("What happened").wait_for()
    dash.page.go_back()
    expect(rows).to_have_count(TAGGED["search"])
    dash.page.go_back()
    expect(rows).to_have_count(len(gateway.control.records()))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_of_usage_fit_every_width_and_read_well(tagged, visit, width, dark):
    gateway, _ = tagged
    suffix = f"{width}-{'dark' if dark else 'light'}"
    dash = visit(gateway, width=width, dark=dark).enter()
    for name, path in (("statistics-reason", "/statistics?by=reason"),
                       ("statistics-tag", "/statistics?by=tag&by_tag=team&sort=-cost&account=Fabrikam"),
                       ("statistics-refused", "/statistics?account=Nordwind"),
                       ("statistics-empty", "/statistics?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z"),
                       ("requests-filtered", "/requests?tag=team%3Dsearch"),
                       ("requests-none", "/requests?tag=team%3Dnobody")):
        dash.open(path).settled()
        dash.picture(f"{name}-{suffix}")
        assert dash.faults() == [] and dash.overflow() <= 0, name
