"""A prepaid balance on its account's page: what is put in, taken back, disputed, given back and taken as a fee is so in
the books, once, and only for who may."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from dashboard import WIDTHS, amount
from gateway import Gateway
from town import elsewhere
from wire import call, chat

COST = Decimal("0.000063")  # of a call of this file, with a markup of 5 %
PASSWORD = "correct horse battery"


@pytest.fixture
def prepaid(fresh):
    """(gateway, account): 2 dollars were paid, 3 were given, and one call was charged."""
    acme = fresh.control.account("Acme", credit_only=True, markup_bps=500)
    fresh.control.grant(acme, "paid-1", "2", note="invoice 7", priority=1)
    fresh.control.grant(acme, "given-1", "3", kind="promotional", expires="2099-01-01")
    spend(fresh, fresh.control.key_for(acme))
    fresh.control.wait_for_records(1)
    return fresh, acme


def spend(gateway: Gateway, key: dict):
    assert elsewhere(call, gateway.port, chat(max_tokens=10), key["secret"]).status == 200


def available(gateway: Gateway, account: dict) -> Decimal:
    return Decimal(gateway.control.balance(account)["available"])


def transfers(gateway: Gateway, account: dict) -> list[dict]:
    return gateway.control.pages("/api/v1/credits/transfers", account=account["id"], limit=10)


def choose(dash, grant: str, item: str):
    """The dialog that an item of the grant's menu opens."""
    dash.button(f"Change {grant}").click()
    dash.page.get_by_role("menuitem", name=item, exact=True).click()
    dialog = dash.page.get_by_role("dialog")
    dialog.wait_for()
    return dialog


def test_a_grant_that_is_voided_leaves_what_was_spent(prepaid, visit):
    gateway, acme = prepaid
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dialog = choose(dash, "the paid grant of $2.00", "Void")
    dialog.get_by_text(f"it is ${2 - COST} now").wait_for()
    dialog.get_by_text("It cannot be undone").wait_for()
    dialog.get_by_label("Note").fill("paid by mistake")
    dialog.get_by_role("button", name="Void the grant").click()
    expect(dialog).to_have_count(0)
    balance = dash.card("Balance")
    balance.get_by_text("void", exact=True).wait_for()
    expect(balance.locator("[data-number=available]")).to_have_text("$3.00")
    # What the gateway had of it at hand for its calls is taken back in a second transfer.
    voids = [one for one in transfers(gateway, acme) if one["kind"] == "void"]
    assert "paid by mistake" in {one["note"] for one in voids}
    assert sum(Decimal(posting["amount"]) for one in voids for posting in one["postings"]) == 2 - COST
    rows = dash.card("Transfers").locator("[data-transfer]").filter(has_text="taken back")
    expect(rows).to_have_count(len(voids))
    assert sum(amount(row.locator("[data-number=transferred]")) for row in rows.all()) == 2 - COST
    assert available(gateway, acme) == 3
    dash.button("Change the paid grant of $2.00").click()  # it may still be disputed
    expect(dash.page.get_by_role("menuitem")).to_have_text(["Dispute"])


def test_a_payment_is_disputed_and_the_balance_may_fall_below_zero(prepaid, visit):
    gateway, acme = prepaid
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dash.button("Change the promotional grant of $3.00").click()
    expect(dash.page.get_by_role("menuitem")).to_have_text(["Void"])  # nobody paid for it
    dash.page.keyboard.press("Escape")
    dialog = choose(dash, "the paid grant of $2.00", "Dispute")
    dialog.get_by_label("Amount in US dollars").fill("5")
    dialog.get_by_role("button", name="Book the dispute").click()
    expect(dialog.get_by_role("alert")).to_contain_text("'amount' is more than was paid for the grant")
    assert dash.faults() == []
    dialog.get_by_label("Amount in US dollars").fill("$2.00")
    dialog.get_by_role("button", name="Book the dispute").click()
    expect(dialog).to_have_count(0)
    dash.card("Balance").get_by_text("below zero").wait_for()
    assert transfers(gateway, acme)[0]["kind"] == "dispute"
    assert available(gateway, acme) == 3 - COST
    assert amount(dash.card("Balance").locator("[data-number=available]")) == 3 - COST


def test_some_of_a_charge_is_given_back_and_no_more_than_was_charged(prepaid, visit):
    gateway, acme = prepaid
    record, = gateway.control.records()
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    rows = dash.card("Transfers").locator("[data-transfer]")
    expect(rows).to_have_count(3)
    charge = rows.filter(has_text="charge of a call")
    assert amount(charge.locator("[data-number=transferred]")) == COST
    assert charge.get_by_role("link").get_attribute("href") == f"/requests/{record['id']}"
    dialog = dash.page.get_by_role("dialog")
    charge.get_by_role("button", name="Give back").click()
    expect(dialog.get_by_label("Amount in US dollars")).to_have_value(str(format(COST, "f")))
    dialog.get_by_label("Amount in US dollars").fill("0.00002")
    dialog.get_by_text(f"The call was charged ${COST:f};").wait_for()
    dialog.get_by_role("button", name="Give back").click()
    expect(dialog).to_have_count(0)
    expect(rows).to_have_count(4)
    assert available(gateway, acme) == 5 - COST + Decimal("0.00002")
    charge.get_by_role("button", name="Give back").click()
    dialog.get_by_role("button", name="Give back").click()
    expect(dialog.get_by_role("alert")).to_contain_text("'amount' is more than was charged for the exchange")
    assert available(gateway, acme) == 5 - COST + Decimal("0.00002")


def test_a_fee_is_taken_once_and_not_above_what_is_free(prepaid, visit):
    gateway, acme = prepaid
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dash.button("More of the balance").click()
    dash.page.get_by_role("menuitem", name="Take a fee").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Amount in US dollars").fill("100")
    dialog.get_by_role("button", name="Take the fee").click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not have 'amount' free")
    dialog.get_by_label("Amount in US dollars").fill("1.5")
    dialog.get_by_label("Note").fill("November")
    dialog.get_by_role("button", name="Take the fee").dblclick()
    expect(dialog).to_have_count(0)
    dash.card("Transfers").get_by_text("November").wait_for()
    assert [one["kind"] for one in transfers(gateway, acme)].count("fee") == 1
    assert available(gateway, acme) == Decimal("3.5") - COST


def test_a_grant_has_the_terms_that_were_typed(prepaid, visit):
    gateway, acme = prepaid
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dash.button("Put money in").click()
    dialog = dash.page.get_by_role("dialog")
    values = {"Amount in US dollars": "$1,000.50", "Usable from": "2098-01-01", "Expires": "2097-01-01",
              "Priority": "7", "Note": "invoice 8"}
    for label, value in values.items():
        dialog.get_by_label(label, exact=True).fill(value)
    dialog.get_by_role("button", name="Put in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("'expires' must be after 'effective'")
    dialog.get_by_label("Expires").fill("2099-06-01")
    dialog.get_by_role("button", name="Put in").click()
    expect(dialog).to_have_count(0)
    dash.card("Balance").get_by_text("pending").wait_for()
    made = next(one for one in gateway.control.balance(acme)["grants"] if one["note"] == "invoice 8")
    assert (made["granted"], made["priority"], made["effective"], made["expires"]) == (
        "1000.5", 7, "2098-01-01T00:00:00.000Z", "2099-06-01T00:00:00.000Z")


def test_who_may_not_move_money_is_offered_nothing(prepaid, visit):
    gateway, acme = prepaid
    buttons = ("Put money in", "More of the balance", "Change the paid grant of $2.00", "Give back")
    for name, role, account, moves, transfers_shown in (
            ("otto", "operator", None, True, True), ("vera", "viewer", None, False, True),
            ("lena", "operator", acme["id"], False, False)):
        body = {"username": name, "password": PASSWORD, "role": role, **({"account": account} if account else {})}
        gateway.control.ask("POST", "/api/v1/users", body)
        dash = visit(gateway).enter(username=name, password=PASSWORD).open(f"/accounts/{acme['id']}")
        dash.card("Balance").get_by_text("invoice 7").wait_for()
        dash.settled()
        expect(dash.card("Transfers")).to_have_count(1 if transfers_shown else 0)
        for button in buttons:
            expect(dash.button(button), f"{button} for {name}").to_have_count(1 if moves else 0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_balance_and_its_dialogs_fit_every_width_and_read_well(prepaid, visit, width, dark):
    gateway, acme = prepaid
    for at in range(9):  # a second page of transfers
        gateway.control.ask("POST", "/api/v1/credits/fee", {"account": acme["id"], "amount": "0.01",
                                                            "note": f"fee {at}"}, f"fee-{at}")
    suffix = f"{width}-{'dark' if dark else 'light'}"
    dash = visit(gateway, width=width, dark=dark).enter().open(f"/accounts/{acme['id']}")
    dash.card("Transfers").get_by_role("button", name="Older").wait_for()
    dash.settled()
    dash.picture(f"balance-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
    for item in ("Void", "Dispute"):
        dialog = choose(dash, "the paid grant of $2.00", item)
        dash.picture(f"balance-{item.lower()}-{suffix}")
        assert dash.faults() == [] and dash.overflow() <= 0, item
        dash.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    dash.button("Put money in").click()
    dash.page.get_by_role("dialog").wait_for()
    dash.picture(f"balance-put-in-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
    dash.page.keyboard.press("Escape")
    dash.card("Transfers").get_by_role("button", name="Give back").click()
    dash.page.get_by_role("dialog").wait_for()
    dash.picture(f"balance-give-back-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
