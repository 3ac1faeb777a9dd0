"""A key asks about itself."""

from decimal import Decimal

import pytest

from scripted_upstream import Script
from wire import call, chat

pytestmark = pytest.mark.smoke


def budget(gateway, secret: str):
    return call(gateway.port, None, secret, method="GET", path="/v1/budget")


def test_a_key_sees_its_own_limits_and_those_above_it(gateway, upstream):
    control = gateway.control
    top = control.account("organization")
    key = control.key_for(control.account("team", parent=top["id"]), ["1 usd/day"])
    control.limit(account=top["id"], unit="requests", window="month", amount="5")
    control.key_for(top, ["7 usd/day"])  # another key's limit is its own business
    upstream.script = Script(prompt_tokens=10, completion_tokens=20)
    reply = call(gateway.port, chat(max_tokens=100), key["secret"])
    assert reply.status == 200
    shown = budget(gateway, key["secret"])
    assert shown.status == 200 and shown.json["key"] == key["id"]
    by_unit = {limit["unit"]: limit for limit in shown.json["limits"]}
    assert set(by_unit) == {"usd", "requests"} and len(shown.json["limits"]) == 2
    assert by_unit["usd"]["spent"] == reply.header("x-request-cost")
    assert by_unit["requests"]["spent"] == "1" and by_unit["requests"]["available"] == "4"
    for limit in shown.json["limits"]:
        assert Decimal(limit["amount"]) == sum(
            Decimal(limit[name]) for name in ("available", "reserved", "unresolved", "spent"))
        assert limit["resets_at"] is not None
    assert upstream.hits == 1


def test_an_admin_key_and_a_revoked_key_see_nothing(gateway):
    key = gateway.key("1 usd/day")
    gateway.control.ask("POST", f"/api/v1/keys/{key['id']}/revoke", {})
    assert budget(gateway, key["secret"]).status == 401
    assert budget(gateway, "mg_admin_x").status == 401
