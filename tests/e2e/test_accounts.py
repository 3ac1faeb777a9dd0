"""Accounts that are called otherwise, and that go, through the real binary."""

import json
from decimal import Decimal

import pytest

from gateway import ControlError
from scripted_upstream import Script
from wire import call, chat

COST = Decimal("0.00011")  # 10 and 10 tokens of `priced`


@pytest.fixture
def script(upstream):
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    return upstream


def test_a_deleted_account_calls_no_more_and_stays_in_the_books(own_gateway, own_upstream):
    own_upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    gateway, control = own_gateway, own_gateway.control
    above = control.account("above")
    limit = control.limit(account=above["id"], unit="usd", window="month", amount="1")
    account = control.account("Acme", external_id="cus_1", parent=above["id"])
    key = control.key_for(account)
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    control.wait_for_records(1, key=key["id"])
    with pytest.raises(ControlError, match="has 1 account below it: delete it first"):
        control.ask("DELETE", f"/api/v1/accounts/{above['id']}")
    control.ask("DELETE", "/api/v1/accounts/cus_1")

    refused = call(gateway.port, chat(max_tokens=20), key["secret"])
    assert refused.status == 401 and own_upstream.hits == 1
    with pytest.raises(ControlError, match="is deleted"):
        control.key_for(account)
    assert [one["id"] for one in control.pages("/api/v1/accounts", parent=above["id"])] == []
    deleted = control.pages("/api/v1/accounts", status="deleted")
    assert [(one["id"], one["status"], one["external_id"]) for one in deleted] == [(account["id"], "deleted", None)]
    again = control.account("Acme", external_id="cus_1", parent=above["id"])
    assert call(gateway.port, chat(max_tokens=20), control.key_for(again)["secret"]).status == 200

    gateway.kill()
    gateway.start()
    control.wait_for_records(2)
    control.wait_for_numbers(limit["id"], spent=2 * COST, reserved=0)
    sums = {one["group"]: (one["name"], Decimal(one["cost"])) for one in control.usage("account")}
    assert sums == {account["id"]: ("Acme", COST), again["id"]: ("Acme", COST)}
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 401
    examined = gateway.cli("doctor")
    assert examined.returncode == 0, examined.stdout


def test_an_account_with_money_is_not_deleted_before_that_is_settled(gateway, script):
    control = gateway.control
    account = control.account("Prepaid", credit_only=True)
    grant = control.grant(account, f"grant-{account['id']}", "2")
    key = control.key_for(account)
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    control.wait_for_records(1, key=key["id"])
    with pytest.raises(ControlError, match="has 1.99989 usd that are not spent"):
        control.ask("DELETE", f"/api/v1/accounts/{account['id']}")
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    control.wait_for_records(2, key=key["id"])
    control.ask("POST", f"/api/v1/credits/{grant['id']}/void", {}, f"void-{grant['id']}")
    control.ask("DELETE", f"/api/v1/accounts/{account['id']}")
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 401


def test_an_account_is_renamed_and_deleted_on_the_command_line(gateway):
    made = gateway.cli("accounts", "create", "Trial", "--credit-only", "on", "--markup-bps", "500")
    assert made.returncode == 0 and "markup_bps      500" in made.stdout
    assert gateway.cli("accounts", "edit", "Trial", "--name", "Initech", "--external-id", "cus_7").returncode == 0
    assert "Initech" in gateway.cli("accounts", "show", "cus_7").stdout
    gone = gateway.cli("accounts", "delete", "cus_7")
    assert (gone.returncode, gone.stdout) == (0, "deleted\n"), gone.stderr
    assert "Initech" not in gateway.cli("accounts", "list").stdout
    assert "Initech" in gateway.cli("accounts", "list", "--status", "deleted").stdout


def test_a_moved_account_counts_where_it_is_and_what_it_spent_stays_where_it_was(own_gateway, own_upstream):
    own_upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    gateway, control = own_gateway, own_gateway.control
    left, right = control.account("left"), control.account("right")
    on = {one["id"]: control.limit(account=one["id"], unit="usd", window="month", amount="1") for one in (left, right)}
    control.ask("POST", "/api/v1/limit-templates", {"account": right["id"], "level": 2, "unit": "requests",
                                                    "window": "month", "amount": "2"})
    team = control.account("team", parent=left["id"])
    user = control.account("user", parent=team["id"])
    key = control.key_for(user)
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    control.wait_for_records(1)

    with pytest.raises(ControlError, match="'team' cannot be moved below an account that is below it") as refused:
        control.ask("PATCH", f"/api/v1/accounts/{team['id']}", {"parent": "user"})
    assert refused.value.status == 400 and '"parent"' in refused.value.body
    moved = gateway.cli("accounts", "edit", "team", "--parent", "right", "--json")
    assert moved.returncode == 0 and json.loads(moved.stdout)["parent"] == right["id"], moved.stderr
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    control.wait_for_records(3)  # two calls, and what the template's limit had opened with
    for account in (left, right):
        control.wait_for_numbers(on[account["id"]]["id"], spent=COST, reserved=0)
    # The template of the new place has found the call of the month that came before.
    refused = call(gateway.port, chat(max_tokens=20), key["secret"])
    assert refused.status == 402 and own_upstream.hits == 2

    gateway.kill()
    gateway.start()
    # A limit that comes into force later finds what was spent while the account was below.
    again = control.limit(account=right["id"], unit="usd", window="year", amount="1")
    control.wait_for_numbers(again["id"], spent=COST, reserved=0)
    top = control.ask("PATCH", f"/api/v1/accounts/{team['id']}", {"parent": "none"})
    assert top["parent"] is None
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    examined = gateway.cli("doctor")
    assert examined.returncode == 0, examined.stdout
