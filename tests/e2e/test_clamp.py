"""The affordable answer: where the worst case does not fit but a useful answer does, the output is capped to it."""

import time
from decimal import Decimal

import pytest

from scripted_upstream import Script
from wire import call, chat

pytestmark = pytest.mark.smoke
CAPS = ("max_tokens", "max_completion_tokens")


def cap_at_upstream(upstream) -> int:
    return min(upstream.requests[-1].json[name] for name in CAPS if name in upstream.requests[-1].json)


def key_with(gateway, amount: str, **fields) -> tuple[str, str]:
    key = gateway.key()
    limit = gateway.control.limit(key=key["id"], unit="usd", window="day", amount=amount, **fields)
    return key["secret"], limit["id"]


def test_a_call_without_a_cap_on_ten_cents_is_clamped_not_refused(gateway, upstream):
    """The dear model may answer 100,000 tokens at $0.001 each: $100 at worst. Ten cents pay for a hundred."""
    secret, limit = key_with(gateway, "0.10")
    upstream.script = Script(whole_reservation=True)
    reply = call(gateway.port, chat("dear"), secret)
    assert reply.status == 200, reply.body
    cap = cap_at_upstream(upstream)
    assert int(reply.header("x-output-clamped")) == cap
    assert 16 <= cap <= 100
    numbers = gateway.control.wait_for_numbers(limit, reserved=0, unresolved=0)
    assert Decimal(cap) / 1000 <= numbers["spent"] <= Decimal("0.10")


def test_a_call_whose_worst_case_fits_is_left_as_it_is(gateway, upstream):
    secret, _ = key_with(gateway, "0.10")
    reply = call(gateway.port, chat(), secret)  # 1,000 tokens at $10 per million: one cent
    assert reply.status == 200 and reply.header("x-output-clamped") is None
    secret, _ = key_with(gateway, "0.005")
    reply = call(gateway.port, chat(), secret)
    assert reply.status == 200 and int(reply.header("x-output-clamped")) == cap_at_upstream(upstream) <= 500


def test_a_clients_own_cap_is_lowered_where_it_stands_and_never_raised(gateway, upstream):
    for name in CAPS:
        secret, _ = key_with(gateway, "0.10")
        assert call(gateway.port, chat("dear", **{name: 5000}), secret).status == 200
        asked = upstream.requests[-1].json
        assert asked[name] <= 100 and not set(CAPS) - {name} & asked.keys()
        secret, _ = key_with(gateway, "0.10")
        reply = call(gateway.port, chat("dear", **{name: 20}), secret)
        assert reply.header("x-output-clamped") is None and upstream.requests[-1].json[name] == 20


def test_the_cap_is_shared_by_all_choices(gateway, upstream):
    secret, limit = key_with(gateway, "0.10")
    upstream.script = Script(whole_reservation=True)
    assert call(gateway.port, chat("dear", n=3), secret).status == 200
    assert cap_at_upstream(upstream) <= 33
    assert gateway.control.wait_for_numbers(limit, reserved=0)["spent"] <= Decimal("0.10")


def test_a_limit_with_clamp_off_refuses_instead(gateway, upstream):
    secret, _ = key_with(gateway, "0.10", clamp=False)
    reply = call(gateway.port, chat("dear"), secret)
    assert reply.status == 402 and Decimal(reply.error["required"]) > 100
    assert upstream.hits == 0


def test_an_answer_too_short_to_be_useful_is_refused(gateway, upstream):
    secret, _ = key_with(gateway, "0.01")  # not even ten tokens of the dear model
    assert call(gateway.port, chat("dear"), secret).status == 402
    assert upstream.hits == 0


def test_an_upstream_that_ignores_the_cap_is_booked_in_full_and_then_nothing_is_admitted(gateway, upstream):
    secret, limit = key_with(gateway, "0.001")
    upstream.script = Script(ignore_cap=True, prompt_tokens=10, completion_tokens=500)
    assert call(gateway.port, chat(max_tokens=50), secret).status == 200
    deadline = time.monotonic() + 5
    while Decimal(gateway.control.ask("GET", f"/api/v1/limits/{limit}")["spent"]) != Decimal("0.00501"):
        assert time.monotonic() < deadline, "the overrun is booked, not hidden"
    assert call(gateway.port, chat(max_tokens=16), secret).status == 402
