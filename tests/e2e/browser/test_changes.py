"""What a person changes on the pages is changed in the gateway, and is in the log of changes."""

from decimal import Decimal

from playwright.sync_api import expect

from gateway import Gateway
from scripted_upstream import ScriptedUpstream
from town import elsewhere
from wire import call, chat


def test_a_limit_is_put_on_an_account_changed_and_removed(fresh, visit):
    acme = fresh.control.account("Acme")
    dash = visit(fresh).enter().open(f"/accounts/{acme['id']}")
    dash.button("New limit").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("At most").fill("ten")
    dialog.get_by_role("button", name="Create").click()
    dialog.get_by_role("alert").first.wait_for()
    dialog.get_by_label("At most").fill("$1,250.50")
    dialog.get_by_label("Window").select_option("month")
    dialog.get_by_label("Time zone").fill("Europe/Berlin")
    dialog.get_by_role("button", name="Create").click()
    dash.page.get_by_text("$1,250.50").first.wait_for()
    limit, = fresh.control.pages("/api/v1/limits", account=acme["id"])
    assert (limit["amount"], limit["window"], limit["time_zone"]) == ("1250.5", "month", "Europe/Berlin")

    dash.button(f"Change {limit['name']}").click()
    dash.page.get_by_role("menuitem", name="Change").click()
    dialog.get_by_label("At most (usd)").fill("7")
    dialog.get_by_role("button", name="Change").click()
    dash.page.get_by_text("of $7.00").wait_for()

    limit, = fresh.control.pages("/api/v1/limits", account=acme["id"])
    dash.button(f"Change {limit['name']}").click()
    dash.page.get_by_role("menuitem", name="Remove").click()
    dash.button("Remove the limit").click()
    dash.page.get_by_text("Nothing bounds this account itself").wait_for()
    assert fresh.control.pages("/api/v1/limits", account=acme["id"]) == []


def test_a_key_works_until_it_is_revoked_and_an_account_until_it_is_suspended(fresh, visit):
    acme = fresh.control.account("Acme")
    dash = visit(fresh).enter().open(f"/accounts/{acme['id']}")
    dash.button("New key").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("app")
    dialog.get_by_label("A limit of its own").fill("5 usd/day")
    dialog.get_by_label("Only these models").fill("priced, other*")
    dialog.get_by_role("button", name="Create").click()
    secret = dialog.locator("[data-secret]").inner_text()
    dialog.get_by_role("button", name="I have copied it").click()
    asks = lambda **of: elsewhere(call, fresh.port, chat(max_tokens=10, **of), secret).status
    assert asks() == 200 and asks(model="dear") == 403
    dash.page.get_by_text("only models priced, other*").wait_for()

    dash.button("Rotate app").click()
    dialog.get_by_label("The old secret works for").select_option("an hour")
    dialog.get_by_role("button", name="Make a new secret").click()
    newer = dialog.locator("[data-secret]").inner_text()
    dialog.get_by_role("button", name="I have copied it").click()
    dash.page.get_by_text("its old secret").wait_for()
    assert asks() == 200
    secret = newer
    assert asks() == 200

    dash.button("Suspend").click()
    dash.button("Suspend it").click()
    dash.button("Activate").wait_for()
    assert asks() == 401
    dash.button("Activate").click()
    dash.button("Activate it").click()
    dash.button("Suspend").wait_for()
    assert asks() == 200
    dash.button("Revoke app").click()
    dash.button("Revoke the key").click()
    dash.page.get_by_text("revoked").wait_for()
    assert asks() == 401


def test_a_call_moves_the_numbers_of_an_open_page(fresh, visit):
    key = fresh.key("1 usd/day")
    dash = visit(fresh).enter().open("/")
    dash.card("To the first call").wait_for()
    elsewhere(call, fresh.port, chat(max_tokens=10), key["secret"])
    fresh.control.wait_for_records(1)
    cost = Decimal(fresh.control.usage("total")[0]["cost"])
    spent = dash.page.get_by_text("Spent in all").locator("xpath=following-sibling::p[1]")
    expect(spent).to_have_text(f"${cost}")
    expect(dash.card("To the first call")).to_have_count(0)


def test_money_that_is_put_in_is_in_the_balance_once(fresh, visit):
    acme = fresh.control.account("Acme")
    fresh.control.ask("PATCH", f"/api/v1/accounts/{acme['id']}", {"credit_only": True})
    dash = visit(fresh).enter().open(f"/accounts/{acme['id']}")
    dash.page.get_by_text("Nothing was ever paid in").wait_for()
    dash.button("Put money in").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Amount in US dollars").fill("12.34")
    dialog.get_by_role("button", name="Put in").click()
    dash.card("Balance").get_by_text("$12.34").first.wait_for()
    assert Decimal(fresh.control.balance(acme)["available"]) == Decimal("12.34")


def test_a_user_is_made_who_can_log_in_and_the_log_says_who_made_it(fresh, visit):
    dash = visit(fresh).enter().open("/settings")
    dash.button("New user").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("User name").fill("vera")
    dialog.get_by_label("Password").fill("correct horse battery")
    dialog.get_by_role("button", name="Create").click()
    dash.card("Users").get_by_text("vera").wait_for()
    other = visit(fresh).enter(username="vera", password="correct horse battery").open("/settings")
    other.card("You").get_by_text("viewer").wait_for()
    dash.page.reload()
    changes = dash.card("Changes")
    changes.get_by_role("button", name="Show POST /api/v1/users").first.click()
    dialog.wait_for()
    assert "vera" in dialog.inner_text() and "correct horse" not in dialog.inner_text()
    assert dash.faults() == []


def test_unresolved_money_is_settled_by_what_the_provider_says(tmp_path, visit):
    with ScriptedUpstream() as upstream, Gateway(tmp_path / "gateway", upstream.url) as gateway:
        upstream.script.no_usage = True
        key = gateway.key("1 usd/day")
        elsewhere(call, gateway.port, chat(max_tokens=100), key["secret"])
        gateway.control.wait_for_records(1)
        dash = visit(gateway).enter().open("/unresolved")
        dash.button("Settle").click()
        dialog = dash.page.get_by_role("dialog")
        dialog.get_by_label("What it cost in all").fill("0.000000123")
        dialog.get_by_label("Reason").fill("the provider's invoice")
        dialog.get_by_role("button", name="Settle").click()
        dash.page.get_by_text("Nothing is unresolved").wait_for()
        assert Decimal(gateway.control.usage("total")[0]["cost"]) == Decimal("0.000000123")
        limit, = gateway.control.limits_of(key)
        assert Decimal(limit["spent"]) == Decimal("0.000000123")


def test_a_dialog_is_opened_filled_and_left_by_keyboard(fresh, visit):
    dash = visit(fresh).enter().open("/accounts")
    dash.heading("Accounts")
    dash.button("New account").first.focus()
    dash.page.keyboard.press("Enter")
    dash.page.get_by_role("dialog").wait_for()
    assert dash.page.evaluate("document.activeElement.name") == "name"
    dash.page.keyboard.press("Escape")
    dash.page.get_by_role("dialog").wait_for(state="detached")
    assert dash.page.evaluate("document.activeElement.textContent") == "New account"
    dash.page.keyboard.press("Enter")
    dash.page.keyboard.type("Acme")
    dash.page.keyboard.press("Enter")
    dash.page.locator("[data-secret]").wait_for()
    assert [account["name"] for account in fresh.control.pages("/api/v1/accounts")][0] == "Acme"


def test_a_new_request_is_shown_because_the_page_hears_of_it(fresh, visit):
    key = fresh.key("5 usd/day")
    dash = visit(fresh).enter()
    asked = []
    dash.page.on("request", lambda request: asked.append(request.url))
    dash.open("/requests")
    dash.page.get_by_text("Nothing was called yet").wait_for()
    dash.page.wait_for_timeout(3_000)
    before = [url for url in asked if "/usage/records" in url]
    assert len(before) == 1, "it does not ask while nothing happens"
    assert elsewhere(call, fresh.port, chat(max_tokens=10), key["secret"]).status == 200
    expect(dash.page.locator("[data-record]")).to_have_count(1, timeout=2_000)
