"""An account's limits on its page: raised for a time, with thresholds, and changed no further than a person typed."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from dashboard import WIDTHS
from gateway import Gateway

VIEWERS = ZoneInfo("Asia/Kathmandu")  # where dashboard.py says that its browser is


@pytest.fixture
def limited(fresh):
    """(gateway, account, limit)"""
    acme = fresh.control.account("Acme")
    thresholds = [{"percent": 50, "action": "warn"}, {"percent": 80, "action": "warn"},
                  {"percent": 95, "action": "block"}]
    limit = fresh.control.limit(account=acme["id"], unit="usd", window="month", amount="10", thresholds=thresholds)
    return fresh, acme, limit


def shown(gateway: Gateway, limit: dict) -> dict:
    return gateway.control.ask("GET", f"/api/v1/limits/{limit['id']}")


def choose(dash, limit: dict, item: str):
    """The dialog that an item of the limit's menu opens."""
    dash.button(f"Change {limit['name']}").click()
    dash.page.get_by_role("menuitem", name=item, exact=True).click()
    dialog = dash.page.get_by_role("dialog")
    dialog.wait_for()
    return dialog


def test_a_limit_is_raised_for_a_time_and_the_raise_is_ended(limited, visit):
    gateway, acme, limit = limited
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dash.button(f"Change {limit['name']}").click()
    dash.page.get_by_role("menuitem", name="Raise for a time").wait_for()
    expect(dash.page.get_by_role("menuitem", name="End the raise")).to_have_count(0)
    dash.page.keyboard.press("Escape")

    dialog = choose(dash, limit, "Raise for a time")
    dialog.get_by_text("Then its own amount holds again: $10.00.").wait_for()
    until = (datetime.now(timezone.utc) + timedelta(days=2)).replace(second=0, microsecond=0)
    dialog.get_by_label("Until").fill(until.astimezone(VIEWERS).strftime("%Y-%m-%dT%H:%M"))
    dialog.get_by_label("At most (usd)").fill("10")
    dialog.get_by_role("button", name="Raise").click()
    expect(dialog.get_by_label("At most (usd)")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_role("alert")).to_contain_text("a raise to 10 is none")
    dialog.get_by_label("At most (usd)").fill("$1,000.50")
    dialog.get_by_role("button", name="Raise").click()
    expect(dialog).to_have_count(0)
    limits = dash.card("Limits")
    limits.get_by_text("of $1,000.50").wait_for()
    limits.get_by_text("raised from $10.00 until").wait_for()
    raised = shown(gateway, limit)
    assert raised["amount"] == "1000.5" and raised["raise"]["from"] == "10"
    assert datetime.fromisoformat(raised["raise"]["until"]) == until

    dialog = choose(dash, limit, "Change")
    expect(dialog.get_by_label("At most (usd)")).to_have_value("10")  # its own
    dash.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    choose(dash, limit, "End the raise").get_by_role("button", name="End the raise").click()
    limits.get_by_text("of $10.00").wait_for()
    expect(limits.get_by_text("raised from")).to_have_count(0)
    assert shown(gateway, limit)["raise"] is None


def test_thresholds_are_set_with_a_limit_shown_and_changed(fresh, visit):
    acme = fresh.control.account("Acme")
    dash = visit(fresh).enter().open(f"/accounts/{acme['id']}")
    dash.button("New limit").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Block at %").fill("95%")
    for wrong, place, said in (("8o", "Warn at %", "'8o' is no whole percentage"),
                               ("95", "Block at %", "there are two thresholds at 95%")):
        dialog.get_by_label("Warn at %").fill(wrong)
        dialog.get_by_role("button", name="Create").click()
        expect(dialog.get_by_label(place)).to_have_attribute("aria-invalid", "true")
        expect(dialog.get_by_role("alert")).to_contain_text(said)
        expect(dialog.get_by_role("alert")).to_have_count(1)
    dialog.get_by_label("Warn at %").fill("80 50")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_have_count(0)
    limits = dash.card("Limits")
    limits.get_by_text("warns at 50, 80 %").wait_for()
    limits.get_by_text("blocks at 95 %").wait_for()
    limit, = fresh.control.pages("/api/v1/limits", account=acme["id"])
    assert limit["thresholds"] == [{"percent": 50, "action": "warn"}, {"percent": 80, "action": "warn"},
                                   {"percent": 95, "action": "block"}]

    dialog = choose(dash, limit, "Change")
    expect(dialog.get_by_label("Warn at %")).to_have_value("50, 80")
    dialog.get_by_label("Warn at %").fill("")
    dialog.get_by_label("Block at %").fill("100")
    dialog.get_by_role("button", name="Change").click()
    expect(dialog).to_have_count(0)
    limits.get_by_text("blocks at 100 %").wait_for()
    expect(limits.get_by_text("warns at")).to_have_count(0)
    assert shown(fresh, limit)["thresholds"] == [{"percent": 100, "action": "block"}]


def test_a_change_of_a_limit_leaves_what_was_not_typed(limited, visit):
    gateway, acme, limit = limited
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dialog = choose(dash, limit, "Change")
    dialog.get_by_label("At most (usd)").fill("12")
    gateway.control.ask("PATCH", f"/api/v1/limits/{limit['id']}", {"thresholds": []})
    with dash.page.expect_request(lambda request: request.method == "PATCH") as asked:
        dialog.get_by_role("button", name="Change").click()
    assert asked.value.post_data_json == {"amount": "12"}
    dash.card("Limits").get_by_text("of $12.00").wait_for()
    assert shown(gateway, limit)["thresholds"] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_dialogs_of_a_limit_fit_every_width_and_read_well(limited, visit, width, dark):
    gateway, acme, limit = limited
    until = (datetime.now(timezone.utc) + timedelta(days=2)).isoformat()
    gateway.control.ask("PUT", f"/api/v1/limits/{limit['id']}/raise", {"amount": "20", "until": until})
    suffix = f"{width}-{'dark' if dark else 'light'}"
    dash = visit(gateway, width=width, dark=dark).enter().open(f"/accounts/{acme['id']}")
    dash.card("Limits").get_by_text("raised from").wait_for()
    dash.settled()
    dash.picture(f"limit-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
    for item in ("Change", "Raise for a time", "End the raise"):
        dialog = choose(dash, limit, item)
        dash.picture(f"limit-{item.lower().replace(' ', '-')}-{suffix}")
        assert dash.faults() == [] and dash.overflow() <= 0, item
        dash.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    dash.button("New limit").click()
    dash.page.get_by_role("dialog").wait_for()
    dash.picture(f"limit-new-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
