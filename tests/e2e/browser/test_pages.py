"""Every page of a gateway in use: no complaint of the browser, nothing that axe-core finds grave, nothing that is wider
than a phone, and numbers that are the API's to the nano-dollar. Pictures of all of them go to build/screenshots."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from dashboard import amount


def paths(gateway, made) -> dict[str, str]:
    records = gateway.control.records()
    by_outcome = {record["outcome"]: record["id"] for record in records}
    return {"overview": "/", "accounts": "/accounts", "account": f"/accounts/{made['Search']['id']}",
            "prepaid": f"/accounts/{made['Fabrikam']['id']}", "requests": "/requests",
            "request": f"/requests/{by_outcome['served']}", "refused": f"/requests/{by_outcome['refused']}",
            "statistics": "/statistics", "prices": "/prices", "unresolved": "/unresolved", "settings": "/settings",
            "docs": "/docs"}


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page(town, visit, dark, width):
    gateway, made = town
    suffix = f"{width}-{'dark' if dark else 'light'}"
    outside = visit(gateway, dark=dark, width=width).open("/")
    outside.heading("Log in")
    assert outside.faults() == [] and outside.overflow() <= 0
    outside.picture(f"login-{suffix}")

    dash = visit(gateway, dark=dark, width=width).enter()
    for name, path in paths(gateway, made).items():
        dash.open(path)
        dash.page.get_by_role("heading", level=1).wait_for()
        dash.settled()
        dash.picture(f"{name}-{suffix}")
        assert dash.page.get_by_role("alert").all_inner_texts() == [], name
        assert dash.faults() == [], name
        assert dash.overflow() <= 0, f"{name} is wider than its window"
    if width == "phone":
        dash.button("Pages").click()
        dash.page.get_by_role("dialog").get_by_role("link", name="Statistics").click()
        dash.heading("Statistics")


def test_sums_on_the_pages_are_the_api_s(town, visit):
    gateway, _ = town
    control = gateway.control
    dash = visit(gateway).enter().open("/statistics")
    total = Decimal(control.usage("total")[0]["cost"])
    dash.settled()
    assert amount(dash.page.locator("[data-number=total-cost]")) == total
    rows = dash.table("Usage").get_by_role("row").filter(has=dash.page.locator("td"))
    rows.first.wait_for()
    shown = {row.locator("td").first.inner_text(): amount(row.locator("td").last) for row in rows.all()}
    assert shown == {one["name"]: Decimal(one["cost"]) for one in control.usage("account")}
    assert sum(shown.values()) == total


def test_the_charts_of_the_overview_are_the_api_s(town, visit):
    gateway, _ = town
    control = gateway.control
    dash = visit(gateway).enter().open("/dashboard")
    dash.heading("Overview")
    dash.settled()
    keys = dash.card("Cost by key").get_by_role("listitem")
    shown = {item.locator("span").first.inner_text(): amount(item.locator("span").last)
             for item in keys.all()}
    assert shown == {one["name"]: Decimal(one["cost"]) for one in control.usage("key") if Decimal(one["cost"]) > 0}
    days = [item.text_content() for item in dash.card("Cost over time").locator("figcaption li").all()]
    costs = [f"{one['group']}: ${one['cost']}" for one in control.usage("day")]
    assert [day.split(" for ")[0] for day in days] == costs
    counts = [int(item.locator("span").nth(1).inner_text())
              for item in dash.card("Budget status").get_by_role("listitem").all()]
    limits = control.pages("/api/v1/limits")
    assert sum(counts) == len(limits)
    assert counts[2] == sum(Decimal(limit["available"]) <= 0 for limit in limits)
    newest = [record["id"] for record in control.ask("GET", "/api/v1/usage/records?limit=10")["data"]]
    rows = dash.card("Recent requests").locator("[data-record]")
    assert [row.get_attribute("data-record") for row in rows.all()] == newest


def test_limits_and_balances_on_the_pages_are_the_api_s(town, visit):
    gateway, made = town
    dash = visit(gateway).enter()
    for name in ("Search", "Contoso"):
        dash.open(f"/accounts/{made[name]['id']}")
        for limit in gateway.control.pages("/api/v1/limits", account=made[name]["id"]):
            number = dash.page.locator(f'[data-limit="{limit["id"]}"] [data-number="spent"]')
            assert amount(number) == Decimal(limit["spent"])
    dash.open(f"/accounts/{made['Fabrikam']['id']}")
    left = dash.card("Balance").locator("[data-number=available]")
    assert amount(left) == Decimal(gateway.control.balance(made["Fabrikam"])["available"])


def test_each_record_of_the_log_is_the_api_s_and_tells_its_story(town, visit):
    gateway, _ = town
    dash = visit(gateway).enter().open("/requests")
    records = gateway.control.records()
    for record in records:
        row = dash.page.locator(f'[data-record="{record["id"]}"]')
        assert amount(row.locator("[data-number=cost]")) == Decimal(record["cost"])
    lost = next(record for record in records if any(Decimal(hold["unresolved"]) > 0 for hold in record["holds"]))
    assert "at least" in dash.page.locator(f'[data-record="{lost["id"]}"]').inner_text()
    refused = next(record for record in records if record["error"] == "limit_reached")
    dash.page.locator(f'[data-record="{refused["id"]}"]').get_by_role("link").first.click()
    dash.heading("Request")
    story = dash.card("What happened")
    story.get_by_text("It was refused before it left").wait_for()
    story.get_by_text("limit reached").first.wait_for()
    dash.open(f"/requests/{refused['id'][:-4]}0000")
    dash.page.get_by_text("There is no usage record").wait_for()


def test_a_request_s_cost_is_shown_line_by_line_and_a_refusal_with_its_numbers(town, visit):
    gateway, _ = town
    records = gateway.control.records()
    served = next(record for record in records if record["outcome"] == "served" and record["usage"]
                  and record["usage"]["certainty"] == "exact")
    dash = visit(gateway).enter().open(f"/requests/{served['id']}")
    lines = dash.card("Its cost, line by line")
    lines.locator("[data-number=cost]").wait_for()
    amounts = [amount(cell) for cell in lines.locator("[data-number=amount]").all()]
    assert len(amounts) == 2 and sum(amounts) == Decimal(served["cost"])
    assert amount(lines.locator("[data-number=cost]")) == Decimal(served["cost"])
    refused = next(record for record in records if record["error"] == "limit_reached")
    dash.open(f"/requests/{refused['id']}")
    shown = dash.card("What happened").locator("[data-number=required]")
    assert amount(shown) == Decimal(refused["refused_by"]["required"])


def test_prices_on_the_page_are_the_api_s(town, visit):
    gateway, _ = town
    page = gateway.control.ask("GET", "/api/v1/prices")
    dash = visit(gateway).enter().open("/prices")
    dash.page.locator("[data-version]").wait_for()
    assert dash.page.locator("[data-version]").inner_text() == page["book"]["version"]
    for model in page["data"]:
        row = dash.page.locator(f'[data-model="{model["model"]}"]')
        shown = [amount(cell) for cell in (row.locator("td").nth(3), row.locator("td").nth(5))]
        assert shown == [Decimal(model["prices"][name]) * 10**6
                         for name in ("input_cost_per_token", "output_cost_per_token")]
    dash.page.get_by_label("Model", exact=True).fill("dea")
    dash.button("Filter").click()
    expect(dash.page.locator("[data-model]")).to_have_count(1)


def test_refusals_on_the_overview_are_the_api_s(town, visit):
    gateway, _ = town
    dash = visit(gateway).enter().open("/")
    dash.settled()
    rows = dash.card("Refusals and latency").locator("[data-reason]")
    rows.first.wait_for()
    shown = {row.get_attribute("data-reason"): int(row.locator("span").last.inner_text()) for row in rows.all()}
    assert shown == {one["group"]: one["refusals"] + one["requests"] for one in gateway.control.usage("reason")}


def test_the_log_is_filtered_by_what_the_address_says(town, visit):
    gateway, made = town
    dash = visit(gateway).enter().open("/requests")
    dash.page.get_by_label("Account", exact=True).fill("Contoso")
    dash.button("Filter").click()
    dash.page.wait_for_url("**/requests?account=Contoso")
    expected = {record["id"] for record in gateway.control.records(account=made["Contoso"]["id"])}
    expect(dash.page.locator("[data-record]")).to_have_count(len(expected))
    assert {row.get_attribute("data-record") for row in dash.page.locator("[data-record]").all()} == expected


def test_the_usage_table_is_sorted_and_searched(town, visit):
    gateway, _ = town
    dash = visit(gateway).enter().open("/statistics")
    table = dash.table("Usage")
    names = lambda: [row.locator("td").first.inner_text() for row in table.get_by_role("row").all()[1:]]
    table.get_by_role("row").nth(1).wait_for()
    table.get_by_role("button", name="Name").click()
    assert names() == sorted(names())
    table.get_by_role("button", name="Cost").click()
    costs = {one["name"]: Decimal(one["cost"]) for one in gateway.control.usage("account")}
    assert [costs[name] for name in names()] in (sorted(costs.values()), sorted(costs.values(), reverse=True))
    dash.page.get_by_label("Search").fill("fab")
    assert names() == ["Fabrikam"]
