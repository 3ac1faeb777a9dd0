"""The pages of accounts: what they are called, where they stand, how they pay, and that they go."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from dashboard import WIDTHS, amount
from gateway import PRICES, Gateway
from scripted_upstream import ScriptedUpstream
from town import elsewhere
from wire import call, chat

COST = Decimal("0.00006")  # of a call of this file
PASSWORD = "correct horse battery"


@pytest.fixture
def shop(tmp_path):
    """A gateway that was never used, with a price book to choose."""
    with ScriptedUpstream() as upstream, \
         Gateway(tmp_path / "shop", upstream.url, books={"retail": PRICES}) as gateway:
        yield gateway


def shown(gateway: Gateway, account: dict) -> dict:
    return gateway.control.ask("GET", f"/api/v1/accounts/{account['id']}")


def spend(gateway: Gateway, key: dict) -> int:
    return elsewhere(call, gateway.port, chat(max_tokens=10), key["secret"]).status


def test_an_account_is_called_and_pays_as_the_dialog_says(shop, visit):
    acme = shop.control.account("Acme", external_id="cus_1", markup_bps=29)
    dash = visit(shop).enter().open(f"/accounts/{acme['id']}")
    dash.button("Edit").click()
    dialog = dash.page.get_by_role("dialog")
    expect(dialog.get_by_label("Markup in %")).to_have_value("0.29")
    values = {"Name": "Initech", "Your own id": "cus_7", "Markup in %": "2.55", "Top-up fee in %": "1.15 %",
              "Monthly fee in US dollars": "$1,000.50", "On day": "31", "Time zone": "Europe/Berlin"}
    for label, value in values.items():
        dialog.get_by_label(label, exact=True).fill(value)
    dialog.get_by_label("Prepaid").check()
    dialog.get_by_label("Price book").select_option("retail")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    dash.heading("Initech")
    terms = dash.card("How it pays")
    for text in ("2.55 % on top of what calls cost", "1.15 % of what is paid in", "retail",
                 "$1,000.50 on day 31 of the month (Europe/Berlin)"):
        terms.get_by_text(text, exact=True).wait_for()
    now = shown(shop, acme)
    assert now["monthly_fee"].pop("since") and now == {
        **acme, "name": "Initech", "external_id": "cus_7", "credit_only": True, "markup_bps": 255,
        "top_up_fee_bps": 115, "book": "retail",
        "monthly_fee": {"amount": "1000.5", "day": 31, "time_zone": "Europe/Berlin"}}

    dash.button("Edit").click()
    expect(dialog.get_by_label("Price book")).to_have_value("retail")
    dialog.get_by_label("Your own id").fill("")
    dialog.get_by_label("Monthly fee in US dollars").fill("")
    dialog.get_by_label("Price book").select_option("inherit")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(terms.get_by_text("Monthly fee")).to_have_count(0)
    now = shown(shop, acme)
    assert (now["external_id"], now["monthly_fee"], now["book"], now["markup_bps"]) == (None, None, None, 255)


def test_an_edit_changes_what_was_typed_and_nothing_else(fresh, visit):
    acme = fresh.control.account("Acme", external_id="cus_1")
    dash = visit(fresh).enter().open(f"/accounts/{acme['id']}")
    dash.button("Edit").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Initech")
    fresh.control.ask("PATCH", f"/api/v1/accounts/{acme['id']}", {"external_id": "cus_2", "markup_bps": 500})
    dash.page.get_by_text("your id cus_2").wait_for()  # the page behind knows it, the dialog has the old ones
    expect(dialog.get_by_label("Your own id")).to_have_value("cus_1")
    with dash.page.expect_request(lambda request: request.method == "PATCH") as asked:
        dialog.get_by_role("button", name="Save").click()
    assert asked.value.post_data_json == {"name": "Initech"}
    dash.heading("Initech")
    assert shown(fresh, acme) == {**acme, "name": "Initech", "external_id": "cus_2", "markup_bps": 500}


@pytest.mark.parametrize("label, value, said", [
    ("Your own id", "team-7", "external_id 'team-7' is account"),  # Support's
    ("Markup in %", "2.555", "'2.555' is no percentage with at most two places"),
    ("Top-up fee in %", "100", "basis points from 0 to 9999"),
    ("Monthly fee in US dollars", "ten", "'monthly_fee'"),
    ("Monthly fee in US dollars", "5", "is taken from a prepaid account's balance"),
])
def test_what_is_refused_of_an_account_is_said_at_its_field(town, visit, label, value, said):
    gateway, made = town
    before = shown(gateway, made["Search"])
    dash = visit(gateway).enter().open(f"/accounts/{before['id']}")
    dash.button("Edit").click()
    dialog = dash.page.get_by_role("dialog")
    field = dialog.get_by_label(label)
    field.fill(value)
    dialog.get_by_role("button", name="Save").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_role("alert")).to_have_count(1)
    expect(dialog.get_by_role("alert")).to_contain_text(said)
    assert dash.faults() == []
    assert shown(gateway, before) == before


def test_a_moved_account_counts_at_its_new_place_and_what_was_spent_stays(fresh, visit):
    control = fresh.control
    left, right = control.account("Left"), control.account("Right", external_id="cus_right")
    on = {one["name"]: control.limit(account=one["id"], unit="usd", window="month", amount="1")["id"]
          for one in (left, right)}
    team = control.account("Team", parent=left["id"])
    control.account("Teammate", parent=team["id"])
    key = control.key_for(team)
    assert spend(fresh, key) == 200
    control.wait_for_numbers(on["Left"], spent=COST, reserved=0)

    dash = visit(fresh).enter().open(f"/accounts/{team['id']}")
    dash.button("Move").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_text("What was spent stays counted where it was, on Left; later calls count").wait_for()
    place = lambda name: dialog.get_by_role("radio", name=name)
    expect(place("Right cus_right")).to_be_enabled()
    expect(place("Left it is there now")).to_be_disabled()
    expect(place("Team")).to_have_count(0)  # nor what is below it
    dialog.get_by_label("Search").fill("cus_r")
    expect(place("Left")).to_have_count(0)
    place("Right cus_right").check()
    dialog.get_by_label("Search").press("Enter")
    assert shown(fresh, team)["parent"] == left["id"]
    dialog.get_by_role("button", name="Move it").click()
    expect(dialog).to_have_count(0)
    dash.page.get_by_text("below Right").wait_for()
    assert shown(fresh, team)["parent"] == right["id"]
    assert spend(fresh, key) == 200
    for limit in on.values():
        control.wait_for_numbers(limit, spent=COST, reserved=0)
        dash.open(f"/accounts/{(left if limit == on['Left'] else right)['id']}")
        assert amount(dash.page.locator(f'[data-limit="{limit}"] [data-number="spent"]')) == COST

    dash.open(f"/accounts/{team['id']}").button("Move").click()
    place("No other: at the top").check()
    dialog.get_by_role("button", name="Move it").click()
    expect(dialog).to_have_count(0)
    expect(dash.page.get_by_text("below Right")).to_have_count(0)
    assert shown(fresh, team)["parent"] is None


def test_a_move_that_is_refused_says_why_and_moves_nothing(fresh, visit):
    control = fresh.control
    team, other = control.account("Team"), control.account("Other")
    dash = visit(fresh).enter().open(f"/accounts/{team['id']}")
    dash.button("Move").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_role("radio", name="Other", exact=True).check()
    control.ask("PATCH", f"/api/v1/accounts/{other['id']}", {"parent": team["id"]})
    dialog.get_by_role("button", name="Move it").click()
    expect(dialog.get_by_role("alert")).to_have_text("'Team' cannot be moved below an account that is below it")
    assert shown(fresh, team)["parent"] is None


def test_an_account_goes_once_nothing_is_below_it_and_no_money_is_left(fresh, visit):
    control = fresh.control
    control.ask("DELETE", "/api/v1/accounts/first")
    acme = control.account("Acme", external_id="cus_1", credit_only=True)
    team = control.account("Team", parent=acme["id"])
    grant = control.grant(acme, "paid-1", "2")
    key = control.key_for(acme, name="app")
    assert spend(fresh, key) == 200
    control.wait_for_records(1)

    dash = visit(fresh).enter().open(f"/accounts/{acme['id']}")
    dialog = dash.page.get_by_role("dialog")
    dash.button("Delete").click()
    dash.button("Delete the account").click()
    expect(dialog.get_by_role("alert")).to_contain_text("has 1.99994 usd that are not spent")
    control.ask("POST", f"/api/v1/credits/{grant['id']}/void", {}, "void-1")
    dash.button("Delete the account").click()
    expect(dialog.get_by_role("alert")).to_have_text("'Acme' has 1 account below it: delete it first")
    assert dash.faults() == []
    assert shown(fresh, acme)["status"] == "active"
    control.ask("DELETE", f"/api/v1/accounts/{team['id']}")
    dash.button("Delete the account").click()
    dash.heading("Accounts")
    dash.page.get_by_text("There is no account yet").wait_for()
    assert shown(fresh, acme)["status"] == "deleted" and spend(fresh, key) == 401

    dash.page.get_by_role("link", name="Those that are deleted").click()
    expect(dash.table("Accounts").get_by_role("link")).to_have_text(["Acme", "Team", "first"])
    dash.page.get_by_role("link", name="Acme").click()
    dash.heading("Acme")
    dash.page.get_by_text("This account is deleted, for good").wait_for()
    dash.card("Keys").get_by_text("revoked").wait_for()
    dash.settled()
    for name in ("Edit", "Move", "Suspend", "Activate", "Delete", "New limit", "New key", "Put money in",
                 "Revoke app"):
        expect(dash.button(name)).to_have_count(0)
    assert amount(dash.page.locator("[data-number=cost]").first) == COST
    assert dash.faults() == []


def test_the_list_is_filtered_by_status_and_the_address_says_so(fresh, visit):
    control = fresh.control
    control.ask("PATCH", "/api/v1/accounts/first", {"name": "Active"})  # the one that a new gateway has
    made = {name: control.account(name) for name in ("Stopped", "Gone")}
    control.ask("POST", f"/api/v1/accounts/{made['Stopped']['id']}/suspend")
    control.ask("DELETE", f"/api/v1/accounts/{made['Gone']['id']}")
    dash = visit(fresh).enter().open("/accounts")
    names = dash.table("Accounts").get_by_role("link")
    expect(names).to_have_text(["Active", "Stopped"])
    status = dash.page.get_by_label("Status")
    for chosen, expected in (("active", "Active"), ("suspended", "Stopped"), ("deleted", "Gone")):
        status.select_option(chosen)
        expect(names).to_have_text([expected])
    dash.page.wait_for_url("**/accounts?status=deleted")
    dash.page.reload()
    expect(status).to_have_value("deleted")
    expect(names).to_have_text(["Gone"])
    control.ask("POST", f"/api/v1/accounts/{made['Stopped']['id']}/activate")
    dash.open("/accounts?status=suspended").page.get_by_text("No account is suspended.").wait_for()
    status.select_option("all but deleted")
    expect(names).to_have_text(["Active", "Stopped"])


def test_who_is_limited_to_an_account_deletes_below_it_and_edits_and_moves_nothing(fresh, visit):
    control = fresh.control
    acme = control.account("Acme")
    team = control.account("Team", parent=acme["id"])
    offered = {"vera": ("viewer", None, acme, []), "otto": ("operator", None, acme, ["Edit", "Move", "Delete"]),
               "lena": ("operator", acme["id"], team, ["Delete"]), "lars": ("operator", team["id"], team, [])}
    for name, (role, account, at, buttons) in offered.items():
        body = {"username": name, "password": PASSWORD, "role": role, **({"account": account} if account else {})}
        control.ask("POST", "/api/v1/users", body)
        dash = visit(fresh).enter(username=name, password=PASSWORD).open(f"/accounts/{at['id']}")
        dash.heading(at["name"])
        dash.settled()
        for button in ("Edit", "Move", "Delete"):
            expect(dash.button(button), f"{button} for {name}").to_have_count(1 if button in buttons else 0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_dialogs_of_an_account_fit_every_width_and_read_well(shop, visit, width, dark):
    control = shop.control
    long_name = "A trial with quite a long name that somebody typed without thinking of a phone"
    above = control.account("Northwind", external_id="cus_1001")
    many = [control.account(f"Customer {at}", external_id=f"cus_{at}") for at in range(22)]
    acme = control.account(long_name, parent=above["id"], external_id="trial-7", credit_only=True, markup_bps=255,
                           top_up_fee_bps=100, monthly_fee="10", book="retail")
    control.ask("DELETE", f"/api/v1/accounts/{many[0]['id']}")
    suffix = f"{width}-{'dark' if dark else 'light'}"
    dash = visit(shop, width=width, dark=dark).enter().open(f"/accounts/{acme['id']}")
    dash.heading(long_name)
    dash.settled()
    dialog = dash.page.get_by_role("dialog")
    for button, ready in (("Edit", dialog.get_by_role("option", name="retail")),
                          ("Move", dialog.get_by_text("There are more")),
                          ("Delete", dialog.get_by_text("For good"))):
        dash.button(button).click()
        ready.wait_for(state="attached")
        dash.picture(f"account-{button.lower()}-{suffix}")
        assert dash.faults() == [] and dash.overflow() <= 0, button
        dash.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    for name, path in (("account-terms", f"/accounts/{acme['id']}"), ("account-deleted", f"/accounts/{many[0]['id']}"),
                       ("accounts-deleted", "/accounts?status=deleted")):
        dash.open(path).settled()
        dash.picture(f"{name}-{suffix}")
        assert dash.faults() == [] and dash.overflow() <= 0, name
