"""Limiters where clients of gpt-usage-limiter look for them: their routes, names and shapes."""

import json
from decimal import Decimal

import pytest

from gateway import ControlError
from wire import call, chat

NEW = {"name": "Customer A - $20/day", "budget_limit": 20.00, "period_type": "day"}


def ask(gateway, method: str, path: str, body: dict | None = None):
    """Numbers as they are written, so that no double stands between."""
    status, text = gateway.control.send(method, path, body)
    if status >= 300:
        raise ControlError(status, text)
    return json.loads(text, parse_float=Decimal) if text else None


def calls(gateway, one: dict, count: int):
    for _ in range(count):
        path = f"/v1/{one['limiter_code']}/chat/completions"
        assert call(gateway.port, chat(max_tokens=1000), "sk-own", path=path).status == 200


def test_s3_50_a_limiter_is_made_with_their_fields_and_listed(gateway, upstream):
    one = ask(gateway, "POST", "/api/limiters", NEW | {"base_url": "https://api.openai.com"})
    assert set(one) == {"id", "name", "limiter_code", "proxy_url", "budget_limit", "period_type", "base_url",
                        "is_active", "created_at"}
    assert (one["budget_limit"], one["period_type"], one["is_active"]) == (20, "day", True)
    assert one["proxy_url"] == f"http://127.0.0.1:{gateway.port}/v1/{one['limiter_code']}"
    assert one in ask(gateway, "GET", "/api/limiters")
    assert ask(gateway, "GET", f"/api/limiters/{one['id']}") == one
    assert gateway.control.ask("GET", f"/api/v1/limiters/{one['id']}")["base_url"] == "https://api.openai.com/v1"


@pytest.mark.parametrize("wrong", [{"budget_limit": -1}, {"budget_limit": "much"}, {"period_type": "fortnight"},
                                   {"name": ""}, {"base_url": "http://169.254.169.254"}, {"is_active": True}])
def test_s3_50_what_is_wrong_is_refused_by_its_field(gateway, wrong):
    with pytest.raises(ControlError) as refusal:
        ask(gateway, "POST", "/api/limiters", NEW | wrong)
    assert refusal.value.status == 400


def test_s3_53_the_golden_stats_are_theirs_to_the_last_digit(gateway, upstream):
    one = ask(gateway, "POST", "/api/limiters", NEW)
    upstream.script.prompt_tokens, upstream.script.completion_tokens = 0, 1000
    calls(gateway, one, 525)  # of a cent each
    status, text = gateway.control.send("GET", f"/api/limiters/{one['id']}/stats")
    assert status == 200
    seen = json.loads(text, parse_float=Decimal)
    start, end = seen.pop("period_start"), seen.pop("period_end")
    assert seen == {"limiter_id": one["id"], "limiter_name": NEW["name"], "current_spend": Decimal("5.25"),
                    "budget_limit": 20, "remaining_budget": Decimal("14.75"), "usage_percentage": Decimal("26.25"),
                    "total_requests": 525}
    assert '"current_spend":5.25,' in text and '"usage_percentage":26.25,' in text
    assert start.endswith("T00:00:00Z") and end.endswith("T00:00:00Z")
    with pytest.raises(ControlError) as refusal:
        ask(gateway, "GET", "/api/limiters/00000000-0000-7000-8000-000000000000/stats")
    assert refusal.value.status == 404


def test_s3_54_and_55_partial_updates_hold_at_once_and_deleting_ends_the_path(gateway, upstream):
    one = ask(gateway, "POST", "/api/limiters", NEW)
    path = f"/api/limiters/{one['id']}"
    assert ask(gateway, "PUT", path, {"is_active": False}) == one | {"is_active": False}
    endpoint = f"/v1/{one['limiter_code']}/chat/completions"
    assert call(gateway.port, chat(), "sk-own", path=endpoint).status == 404
    assert ask(gateway, "PUT", path, {"is_active": True, "budget_limit": 0.5, "name": "B"}) == one | {
        "budget_limit": Decimal("0.5"), "name": "B"}
    assert call(gateway.port, chat(), "sk-own", path=endpoint).status == 200
    assert gateway.control.send("DELETE", path) == (204, "")
    reply = call(gateway.port, chat(), "sk-own", path=endpoint)
    assert reply.status == 404 and "deleted" in reply.error["message"]
    assert gateway.control.send("GET", f"{path}/stats")[0] == 404


def test_s3_56_stats_of_all_are_the_sums_of_the_ledger(gateway, upstream):
    before = ask(gateway, "GET", "/api/stats")
    one = ask(gateway, "POST", "/api/limiters", NEW)
    calls(gateway, one, 3)
    after = ask(gateway, "GET", "/api/stats")
    assert after["total_requests"] - before["total_requests"] == 3
    assert after["total_tokens"] - before["total_tokens"] == 45
    assert after["total_cost"] - before["total_cost"] == Decimal("0.00018")
    assert after["active_users"] - before["active_users"] == 1 and after["active_users"] == len(after["users"])
    mine, = [user for user in after["users"] if user["user_id"] == one["id"]]
    assert mine == {"user_id": one["id"], "name": NEW["name"], "total_requests": 3, "total_tokens": 45,
                    "total_cost": Decimal("0.00018")}


def test_s3_47_every_route_needs_a_login(gateway):
    one = ask(gateway, "POST", "/api/limiters", NEW)
    stranger = type(gateway.control)(gateway.control_port, "nobody")
    for method, path in (("POST", ""), ("GET", ""), ("GET", f"/{one['id']}"), ("PUT", f"/{one['id']}"),
                         ("DELETE", f"/{one['id']}"), ("GET", f"/{one['id']}/stats")):
        assert stranger.send(method, f"/api/limiters{path}", {} if method in ("POST", "PUT") else None)[0] == 401
    assert stranger.send("GET", "/api/stats")[0] == 401
