"""What a limit may say beyond its amount: which calls it is for, and how it holds."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gateway import ControlError, Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, chat

COST = Decimal("0.00011")  # of the script's answer: 10 tokens in, 10 out


def limited(gateway, **fields) -> tuple[dict, str]:
    key = gateway.key()
    limit = gateway.control.limit(**({"key": key["id"], "unit": "usd", "window": "day", "amount": "1"} | fields))
    return key, limit["id"]


@pytest.fixture
def script(upstream):
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    return upstream


def test_a_limit_for_some_models_counts_and_refuses_those_alone(gateway, script):
    key, limit = limited(gateway, unit="requests", amount="1", model="d?ar*")
    for _ in range(2):
        assert call(gateway.port, chat("priced", max_tokens=20), key["secret"]).status == 200
    assert call(gateway.port, chat("dear", max_tokens=20), key["secret"]).status == 200
    refused = call(gateway.port, chat("dear", max_tokens=20), key["secret"])
    assert refused.status == 402 and refused.error["limit"]["id"] == limit
    assert call(gateway.port, chat("priced", max_tokens=20), key["secret"]).status == 200
    gateway.control.wait_for_numbers(limit, spent=1, reserved=0)
    assert script.hits == 4


def test_a_limit_for_a_route_needs_the_route(gateway, script):
    key, limit = limited(gateway, unit="requests", amount="1", route="openai")
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 402
    with pytest.raises(ControlError, match="there is no route 'opnai'; the configuration has: openai"):
        limited(gateway, route="opnai")


def test_a_limit_in_shadow_refuses_nothing_and_may_be_enforced_later(gateway, script):
    key, limit = limited(gateway, amount="0.0002", mode="shadow")
    for _ in range(3):
        reply = call(gateway.port, chat(), key["secret"])
        assert reply.status == 200 and reply.header("x-output-clamped") is None
    gateway.control.wait_for_records(3, key=key["id"])
    shown = gateway.control.ask("GET", f"/api/v1/limits/{limit}")
    assert Decimal(shown["spent"]) == 3 * COST and shown["available"] == "0"
    gateway.control.ask("PATCH", f"/api/v1/limits/{limit}", {"mode": "enforce"})
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 402


def test_a_lazy_limit_lets_calls_go_until_its_amount_is_spent_also_after_a_crash(tmp_path):
    with ScriptedUpstream() as upstream:
        upstream.script = Script(prompt_tokens=10, completion_tokens=10)
        gateway = Gateway(tmp_path / "gateway", upstream.url)
        with gateway:
            key, limit = limited(gateway, amount="0.0002", admission="lazy", status=429)
            assert call(gateway.port, chat(), key["secret"]).status == 200
            gateway.control.wait_for_numbers(limit, spent=COST, reserved=0)
            gateway.kill()
            gateway.start()
            assert call(gateway.port, chat(), key["secret"]).status == 200  # the worst case does not fit, and need not
            refused = call(gateway.port, chat(), key["secret"])
            assert refused.status == 429 and refused.error["type"] == "limit_reached"
            assert refused.header("x-should-retry") == "false"
            gateway.control.wait_for_records(3, key=key["id"])
            assert Decimal(gateway.control.ask("GET", f"/api/v1/limits/{limit}")["spent"]) == 2 * COST


def test_thresholds_warn_in_the_reply_block_the_next_call_and_are_listed_once(gateway, script):
    key, limit = limited(gateway, amount="0.0011",
                         thresholds=[{"percent": 20, "action": "block"}, {"percent": 10, "action": "warn"}])
    first = call(gateway.port, chat(max_tokens=20), key["secret"])
    assert first.header("x-budget-warning") == "10% of 0.0011 usd per day is spent"
    assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
    refused = call(gateway.port, chat(max_tokens=20), key["secret"])
    assert refused.status == 402 and "is blocked: 20% of 0.0011 usd per day is spent" in refused.error["message"]
    gateway.control.wait_for_records(3, key=key["id"])
    events = gateway.control.pages("/api/v1/events", limit_id=limit)
    assert [(event["percent"], event["action"], Decimal(event["spent"])) for event in events] == [
        (20, "block", 2 * COST), (10, "warn", COST)]
    assert gateway.cli("events", "list", "--limit-id", limit).stdout.count("\n") == 3
    metrics = gateway.control.send("GET", "/metrics")[1]
    assert 'metergate_thresholds_crossed_total{action="block"} 1' in metrics


def test_a_raise_ends_on_time_and_is_not_forgotten_by_a_restart(tmp_path):
    with ScriptedUpstream() as upstream:
        upstream.script = Script(prompt_tokens=10, completion_tokens=10)
        with Gateway(tmp_path / "gateway", upstream.url) as gateway:
            key, limit = limited(gateway, unit="requests", amount="2")
            for _ in range(2):
                assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
            assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 402
            end = datetime.now(UTC) + timedelta(seconds=3)
            gateway.control.ask("PUT", f"/api/v1/limits/{limit}/raise", {"amount": "100", "until": end.isoformat()})
            assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
            gateway.kill()
            gateway.start()
            assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 200
            deadline = time.monotonic() + 10
            while (reply := call(gateway.port, chat(max_tokens=20), key["secret"])).status == 200:
                assert time.monotonic() < deadline, "the raise does not end"
                time.sleep(0.05)
            assert datetime.now(UTC) >= end and reply.status == 402
            served = upstream.served
            assert call(gateway.port, chat(max_tokens=20), key["secret"]).status == 402 and upstream.served == served
            shown = gateway.control.ask("GET", f"/api/v1/limits/{limit}")
            assert shown["amount"] == "2" and shown["available"] == "0"
