"""Limit templates: made, changed and removed on the page of settings, and told on the accounts that have copies."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from dashboard import WIDTHS
from gateway import Gateway

PASSWORD = "correct horse battery"
VIEWERS = ZoneInfo("Asia/Kathmandu")  # where dashboard.py says that its browser is


def templates(gateway: Gateway) -> list[dict]:
    return gateway.control.pages("/api/v1/limit-templates")


def limits_of(gateway: Gateway, account: dict) -> list[dict]:
    return gateway.control.pages("/api/v1/limits", account=account["id"])


@pytest.fixture
def company(fresh):
    """(gateway, account above, account with a copy, template)"""
    above = fresh.control.account("Acme")
    user = fresh.control.account("user", parent=above["id"])
    template = fresh.control.ask("POST", "/api/v1/limit-templates", {
        "account": above["id"], "unit": "usd", "window": "month", "amount": "1", "name": "free",
        "thresholds": [{"percent": 80, "action": "warn"}]})
    return fresh, above, user, template


def test_a_template_is_made_and_each_account_of_its_level_has_the_limit(fresh, visit):
    above = fresh.control.account("Acme")
    users = [fresh.control.account(name, parent=above["id"]) for name in ("first user", "second user")]
    dash = visit(fresh).enter().open("/settings")
    dash.page.get_by_text("There is no template").wait_for()
    dash.button("New template").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Below the account").fill("Acne")
    dialog.get_by_label("At most").fill("$1,250.50")
    dialog.get_by_label("Window").select_option("month")
    dialog.get_by_label("Warn at %").fill("50")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_label("Below the account")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_role("alert")).to_contain_text("did you mean 'Acme'?")
    assert templates(fresh) == []
    dialog.get_by_label("Below the account").fill("Acme")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_have_count(0)
    template, = templates(fresh)
    assert (template["account"], template["level"], template["amount"], template["window"], template["limits"]) == (
        above["id"], 1, "1250.5", "month", 2)
    card = dash.card("Limit templates")
    card.get_by_text("At most $1,250.50 per month, for accounts right below Acme").wait_for()
    card.get_by_text("2 copies", exact=True).wait_for()
    card.get_by_text("warns at 50 %").wait_for()
    for user in users:
        limit, = limits_of(fresh, user)
        assert limit["from_template"] == template["id"] and limit["amount"] == "1250.5"
    assert dash.faults() == []


def test_a_template_changes_for_all_its_copies_and_goes_with_them(company, visit):
    gateway, _, user, template = company
    dash = visit(gateway).enter().open("/settings")
    dash.button(f"Change {template['name']}").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_text("one account has this limit, and it changes for all of them at once").wait_for()
    dialog.get_by_label("At most (usd)").fill("2")
    with dash.page.expect_request(lambda request: request.method == "PATCH") as asked:
        dialog.get_by_role("button", name="Change").click()
    assert asked.value.post_data_json == {"amount": "2"}
    expect(dialog).to_have_count(0)
    card = dash.card("Limit templates")
    card.get_by_text("At most $2.00 per month").wait_for()
    limit, = limits_of(gateway, user)
    assert limit["amount"] == "2" and limit["thresholds"] == template["thresholds"]
    dash.button(f"Remove {template['name']}").click()
    dialog.get_by_text("Its copies go with it: one account has one").wait_for()
    dash.button("Remove the template").click()
    card.get_by_text("There is no template").wait_for()
    assert templates(gateway) == [] and limits_of(gateway, user) == []


def test_an_account_tells_which_of_its_limits_come_from_a_template(company, visit):
    gateway, _, user, template = company
    gateway.control.limit(account=user["id"], unit="requests", window="day", amount="9")
    dash = visit(gateway).enter().open(f"/accounts/{user['id']}")
    limits = dash.card("Limits")
    items = limits.get_by_role("listitem")
    expect(items).to_have_count(2)
    copy = items.filter(has_text=template["name"])
    expect(copy.get_by_role("link", name="from a template")).to_have_attribute("href", "/settings")
    expect(items.filter(has_text="requests").get_by_text("from a template")).to_have_count(0)

    dash.button(f"Change {template['name']}").click()
    items_of_menu = dash.page.get_by_role("menuitem")
    expect(items_of_menu).to_have_text(["Change its template", "Raise for a time"])
    items_of_menu.filter(has_text="Raise").click()
    dialog = dash.page.get_by_role("dialog")
    until = (datetime.now(timezone.utc) + timedelta(days=2)).astimezone(VIEWERS)
    dialog.get_by_label("At most (usd)").fill("20")
    dialog.get_by_label("Until").fill(until.strftime("%Y-%m-%dT%H:%M"))
    dialog.get_by_role("button", name="Raise").click()
    expect(dialog).to_have_count(0)
    copy.get_by_text("raised from $1.00 until").wait_for()
    dash.button(f"Change {template['name']}").click()
    dash.page.get_by_role("menuitem", name="Change its template").click()
    expect(dialog.get_by_label("At most (usd)")).to_have_value("1")
    dialog.get_by_label("At most (usd)").fill("3")
    dialog.get_by_role("button", name="Change").click()
    expect(dialog).to_have_count(0)
    copy.get_by_text("raised from $3.00 until").wait_for()
    assert templates(gateway)[0]["amount"] == "3"
    assert dash.faults() == []


def test_templates_are_for_who_sees_all_accounts(company, visit):
    gateway, above, user, template = company
    for name, role, account, shown, changes in (("otto", "operator", None, 1, 1), ("vera", "viewer", None, 1, 0),
                                                ("lena", "operator", above["id"], 0, 0)):
        body = {"username": name, "password": PASSWORD, "role": role, **({"account": account} if account else {})}
        gateway.control.ask("POST", "/api/v1/users", body)
        dash = visit(gateway).enter(username=name, password=PASSWORD).open("/settings")
        dash.card("This gateway").wait_for()
        dash.settled()
        expect(dash.card("Limit templates")).to_have_count(shown)
        for button in ("New template", f"Change {template['name']}", f"Remove {template['name']}"):
            expect(dash.button(button), f"{button} for {name}").to_have_count(changes)
    dash.open(f"/accounts/{user['id']}")  # lena's
    dash.card("Limits").get_by_text("from a template").wait_for()
    expect(dash.page.get_by_role("link", name="from a template")).to_have_count(0)
    dash.button(f"Change {template['name']}").click()
    expect(dash.page.get_by_role("menuitem")).to_have_text(["Raise for a time"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_templates_fit_every_width_and_read_well(company, visit, width, dark):
    gateway, _, user, template = company
    gateway.control.ask("POST", "/api/v1/limit-templates", {
        "level": 3, "unit": "input_tokens", "window": "rolling:5h", "amount": "2000000", "mode": "shadow",
        "name": "Whoever is far below, and was named by somebody who had much time", "model": "gpt-4o*"})
    suffix = f"{width}-{'dark' if dark else 'light'}"
    dash = visit(gateway, width=width, dark=dark).enter().open(f"/accounts/{user['id']}")
    dash.card("Limits").get_by_text("from a template").wait_for()
    dash.settled()
    dash.picture(f"template-copy-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
    dash.open("/settings").settled()
    dash.card("Limit templates").get_by_text("model gpt-4o*").wait_for()
    dash.picture(f"templates-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
    dialog = dash.page.get_by_role("dialog")
    for button in ("New template", f"Change {template['name']}", f"Remove {template['name']}"):
        dash.button(button).click()
        dialog.wait_for()
        dash.picture(f"templates-{button.split()[0].lower()}-{suffix}")
        assert dash.faults() == [] and dash.overflow() <= 0, button
        dash.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
