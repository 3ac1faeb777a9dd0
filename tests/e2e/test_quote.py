"""What a quote says a call costs at most is what it reserves; what it expects comes from calls that were made."""

import json
from decimal import Decimal

import pytest

from scripted_upstream import Script
from wire import call, chat

pytestmark = pytest.mark.smoke


def quote(gateway, key: dict, body: dict) -> dict:
    return gateway.control.ask("POST", "/api/v1/quote", {"key": key["id"], "body": json.dumps(body)})


def test_a_quote_knows_nothing_before_there_were_calls_and_their_mean_after(gateway, upstream):
    key = gateway.key("1 usd/day")
    body = chat(max_tokens=100)
    before = quote(gateway, key, body)
    assert before["verdict"] == "admitted" and before["expected"]["usd"] is None
    assert "10 are needed" in before["expected"]["unknown_because"]
    upstream.script = Script(prompt_tokens=10, completion_tokens=20)
    for _ in range(10):
        reply = call(gateway.port, body, key["secret"])
        assert reply.status == 200 and reply.header("x-estimated-cost") == before["worst_case"]["usd"]
    gateway.control.wait_for_records(10, key=key["id"])
    after = quote(gateway, key, body)
    assert after["expected"]["usd"] == reply.header("x-request-cost"), "all ten were like this one"
    derived = after["expected"]["derived_from"]
    assert derived["calls_of"] == "key" and derived["calls"] == 10
    assert Decimal(derived["worst_case"]) == 10 * Decimal(after["worst_case"]["usd"])
    # Another key has no calls of its own: everybody's tell.
    other = quote(gateway, gateway.key(), body)
    assert other["expected"]["derived_from"]["calls_of"] == "model"
    said = gateway.cli("quote", key["id"], "--model", "priced", "--max-tokens", "100")
    assert said.returncode == 0 and "expected" in said.stdout and "10 calls of this key" in said.stdout


def test_a_quote_holds_nothing(gateway):
    key = gateway.key("1 usd/day")
    limit = gateway.control.limits_of(key)[0]["id"]
    before = gateway.control.numbers(limit)
    quote(gateway, key, chat())
    assert gateway.control.numbers(limit) == before
