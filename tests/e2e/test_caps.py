"""A cap is never exceeded: under a thousand concurrent calls, and through kill -9 in their middle."""

import threading
import time
from decimal import Decimal

import pytest

from gateway import Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, call_many, chat

CALLS, CAP = 1000, 100
OUTPUT_CAP = 50


def statuses(replies) -> dict:
    found = {}
    for reply in replies:
        status = reply.status if reply else "broken"
        found[status] = found.get(status, 0) + 1
    return found


def served_and_refused(replies) -> tuple[int, int]:
    """A refusal is 402, or 429 while only calls in flight stand in the way."""
    found = statuses(replies)
    return found.get(200, 0), found.get(402, 0) + found.get(429, 0)


def worst_case(gateway: Gateway, body: dict) -> Decimal:
    """What this call can cost at most, as the gateway says when it refuses it."""
    key = gateway.key()
    gateway.control.limit(key=key["id"], unit="usd", window="day", amount="0.000000001", clamp=False)
    reply = call(gateway.port, body, key["secret"])
    assert reply.status == 402, reply
    return Decimal(reply.error["required"])


def input_bound(worst: Decimal, output_cap: int) -> int:
    """How many input tokens the gateway allowed for: $1 per million in, $10 per million out."""
    return int((worst - Decimal(output_cap) * 10 / 1_000_000) * 1_000_000)


@pytest.mark.smoke
def test_a_thousand_concurrent_calls_on_a_limit_of_100_requests_reach_the_upstream_exactly_100_times(
        own_gateway, own_upstream):
    key = own_gateway.key("100 requests/day")
    limit = own_gateway.control.limits_of(key)[0]
    own_upstream.script = Script(latency_s=0.05)
    replies = call_many(own_gateway.port, [chat()] * CALLS, key["secret"])
    assert own_upstream.hits == CAP, statuses(replies)
    assert served_and_refused(replies) == (CAP, CALLS - CAP)
    own_gateway.control.wait_for_numbers(limit["id"], spent=CAP, reserved=0, unresolved=0, available=0)


def test_dollars_for_exactly_100_calls_pay_for_exactly_100_when_each_uses_its_whole_reservation(
        own_gateway, own_upstream):
    body = chat(max_tokens=OUTPUT_CAP)
    worst = worst_case(own_gateway, body)
    own_upstream.script = Script(latency_s=0.05, whole_reservation=True, prompt_tokens=input_bound(worst, OUTPUT_CAP))
    key = own_gateway.key()
    limit = own_gateway.control.limit(key=key["id"], unit="usd", window="day", amount=str(worst * CAP), clamp=False)
    replies = call_many(own_gateway.port, [body] * CALLS, key["secret"])
    assert own_upstream.hits == CAP, statuses(replies)
    own_gateway.control.wait_for_numbers(limit["id"], spent=worst * CAP, reserved=0, unresolved=0, available=0)


def test_a_limit_on_the_account_holds_for_all_its_keys_together(own_gateway, own_upstream):
    account = own_gateway.control.account()
    own_gateway.control.limit(account=account["id"], unit="requests", window="day", amount="30")
    keys = [own_gateway.control.key_for(account, name=f"key {number}") for number in range(3)]
    for key in keys:
        call_many(own_gateway.port, [chat()] * 50, key["secret"])
    assert own_upstream.hits == 30


def test_an_exchange_reserves_on_all_its_limits_or_on_none(own_gateway, own_upstream):
    account = own_gateway.control.account()
    wide = own_gateway.control.limit(account=account["id"], unit="requests", window="month", amount="1000")
    key = own_gateway.control.key_for(account, ["5 requests/day"])
    replies = call_many(own_gateway.port, [chat()] * 200, key["secret"])
    assert served_and_refused(replies) == (5, 195)
    own_gateway.control.wait_for_numbers(wide["id"], spent=5, reserved=0, unresolved=0)
    assert own_upstream.hits == 5


def crash_in_the_middle(gateway: Gateway, upstream: ScriptedUpstream, body: dict, secret: str):
    """A thousand calls; kill -9 when the upstream has seen 40; restart; a thousand more."""
    upstream.script.latency_s = 0.2
    caller = threading.Thread(target=call_many, args=(gateway.port, [body] * CALLS, secret), daemon=True)
    caller.start()
    deadline = time.monotonic() + 20
    while upstream.hits < 40 and time.monotonic() < deadline:
        time.sleep(0.001)
    gateway.kill()
    caller.join(60)
    assert 40 <= upstream.hits <= CAP
    gateway.start()
    upstream.script.latency_s = 0.01
    return call_many(gateway.port, [body] * CALLS, secret)


def test_a_cap_in_requests_survives_kill_9_in_the_middle(own_gateway, own_upstream):
    key = own_gateway.key("100 requests/day")
    limit = own_gateway.control.limits_of(key)[0]
    replies = crash_in_the_middle(own_gateway, own_upstream, chat(), key["secret"])
    assert own_upstream.hits <= CAP, statuses(replies)
    numbers = own_gateway.control.wait_for_numbers(limit["id"], reserved=0)
    assert numbers["spent"] + numbers["unresolved"] >= own_upstream.hits, "what reached the upstream is not forgotten"


def test_a_cap_in_dollars_survives_kill_9_in_the_middle(own_gateway, own_upstream):
    body = chat(max_tokens=OUTPUT_CAP)
    worst = worst_case(own_gateway, body)
    own_upstream.script = Script(whole_reservation=True, prompt_tokens=input_bound(worst, OUTPUT_CAP))
    key = own_gateway.key()
    limit = own_gateway.control.limit(key=key["id"], unit="usd", window="day", amount=str(worst * CAP), clamp=False)
    replies = crash_in_the_middle(own_gateway, own_upstream, body, key["secret"])
    assert own_upstream.hits <= CAP, statuses(replies)
    numbers = own_gateway.control.wait_for_numbers(limit["id"], reserved=0)
    assert numbers["spent"] + numbers["unresolved"] >= worst * own_upstream.served


def test_a_call_that_was_under_way_at_a_crash_stays_unresolved_and_is_not_refunded(own_gateway, own_upstream):
    key = own_gateway.key("2 requests/day")
    limit = own_gateway.control.limits_of(key)[0]
    own_upstream.script = Script(hang=True)
    caller = threading.Thread(target=call_many, args=(own_gateway.port, [chat()], key["secret"]), daemon=True)
    caller.start()
    while own_upstream.hits < 1:
        time.sleep(0.001)
    own_gateway.kill()
    caller.join(10)
    own_gateway.start()
    own_gateway.control.wait_for_numbers(limit["id"], unresolved=1, spent=0, reserved=0, available=1)
    own_upstream.script = Script()
    assert [call(own_gateway.port, chat(), key["secret"]).status for _ in range(2)] == [200, 402]
