"""What a quote says a call costs at most is what it reserves; what it expects comes from calls that were made."""

import json
import threading
import time
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


def hold(gateway, key: dict, body: dict, ttl_seconds: int = 600) -> dict:
    asked = {"key": key["id"], "body": json.dumps(body), "hold": True, "ttl_seconds": ttl_seconds}
    return gateway.control.ask("POST", "/api/v1/quote", asked)


def pay(gateway, key: dict, body: dict, held: dict):
    return call(gateway.port, body, key["secret"], headers=[("X-Metergate-Quote", held["held"]["id"])])


def check_books(gateway):
    done = gateway.cli("doctor", "--json")
    assert done.returncode == 0, done.stdout


def key_for_one_call(gateway, body: dict, calls: int = 1) -> tuple[dict, Decimal]:
    """A key whose limit a day is what so many calls may cost at most."""
    worst = Decimal(quote(gateway, gateway.key("1 usd/day"), body)["worst_case"]["usd"])
    return gateway.key(f"{worst * calls:f} usd/day"), worst


def test_a_quote_pays_although_the_limit_is_spent_and_only_once(gateway, upstream):
    body = chat(max_tokens=100)
    key, worst = key_for_one_call(gateway, body, calls=2)
    limit = gateway.control.limits_of(key)[0]["id"]
    held = hold(gateway, key, body)
    assert held["held"]["limits"][0]["amount"] == held["worst_case"]["usd"]
    assert gateway.control.numbers(limit)["reserved"] == worst
    check_books(gateway)
    upstream.script = Script(prompt_tokens=10, completion_tokens=20)
    # What is left is spent by another quote's call and by calls that are clamped to less and less.
    assert call(gateway.port, body, key["secret"]).status == 200
    while call(gateway.port, body, key["secret"]).status == 200:
        pass
    refused = call(gateway.port, body, key["secret"])
    assert refused.status in (402, 429)
    paid = pay(gateway, key, body, held)
    assert paid.status == 200 and paid.header("x-output-clamped") is None
    again = pay(gateway, key, body, held)
    assert (again.status, again.error["type"]) == (422, "quote_not_usable")
    assert "redeemed already" in again.error["message"] and again.header("x-should-retry") == "false"
    gateway.control.wait_for_numbers(limit, reserved=0, unresolved=0)
    assert gateway.control.numbers(limit)["spent"] <= 2 * worst
    check_books(gateway)


def test_a_quote_expires_and_what_it_held_is_free_again(gateway):
    body = chat(max_tokens=100)
    key, worst = key_for_one_call(gateway, body)
    limit = gateway.control.limits_of(key)[0]["id"]
    held = hold(gateway, key, body, ttl_seconds=1)
    assert gateway.control.numbers(limit)["available"] == 0
    gateway.control.wait_for_numbers(limit, reserved=0, available=worst)
    late = pay(gateway, key, body, held)
    assert late.status == 422 and "has expired" in late.error["message"]
    assert call(gateway.port, body, key["secret"]).status == 200
    check_books(gateway)


def test_another_keys_quote_and_one_of_too_little_do_not_pay(gateway):
    key, other = gateway.key("1 usd/day"), gateway.key("1 usd/day")
    held = hold(gateway, key, chat(max_tokens=100))
    assert "for another key" in pay(gateway, other, chat(max_tokens=100), held).error["message"]
    assert "this call may need" in pay(gateway, key, chat(max_tokens=101), held).error["message"]
    assert pay(gateway, key, chat(max_tokens=100), held).status == 200


def test_what_would_be_refused_is_not_held(gateway):
    key = gateway.key("0.000000001 usd/day")
    with pytest.raises(Exception) as refused:
        hold(gateway, key, chat(max_tokens=100))
    assert refused.value.status == 402 and "nothing is held" in str(refused.value)


def test_a_prepaid_account_pays_for_a_call_with_what_its_quote_holds(gateway):
    body = chat(max_tokens=100)
    worst = Decimal(quote(gateway, gateway.key("1 usd/day"), body)["worst_case"]["usd"])
    account = gateway.control.account("prepaid-quote")
    gateway.control.ask("PATCH", f"/api/v1/accounts/{account['id']}", {"credit_only": True})
    gateway.control.grant(account, "quoted", worst)
    key = gateway.control.key_for(account)
    held = hold(gateway, key, body)
    assert Decimal(held["held"]["balance"]) == worst
    refused = call(gateway.port, body, key["secret"])
    assert refused.status in (402, 429)
    assert pay(gateway, key, body, held).status == 200
    check_books(gateway)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_quote_outlives_the_process_that_held_it(own, end):
    gateway, upstream = own
    body = chat(max_tokens=100)
    key, worst = key_for_one_call(gateway, body)
    limit = gateway.control.limits_of(key)[0]["id"]
    held = hold(gateway, key, body)
    getattr(gateway, end)()
    gateway.start()
    numbers = gateway.control.numbers(limit)
    assert (numbers["reserved"], numbers["available"]) == (worst, 0)
    assert call(gateway.port, body, key["secret"]).status == 429
    assert pay(gateway, key, body, held).status == 200
    gateway.control.wait_for_numbers(limit, reserved=0, unresolved=0)
    check_books(gateway)


def test_a_kill_in_the_redeeming_call_leaves_it_unresolved_and_the_quote_spent(own):
    gateway, upstream = own
    body = chat(max_tokens=100)
    key, worst = key_for_one_call(gateway, body)
    limit = gateway.control.limits_of(key)[0]["id"]
    held = hold(gateway, key, body)
    upstream.script = Script(hang=True)
    before = upstream.hits
    caller = threading.Thread(target=lambda: pytest.raises(Exception, pay, gateway, key, body, held))
    caller.start()
    deadline = time.monotonic() + 10
    while upstream.hits == before:
        assert time.monotonic() < deadline, "the call does not reach the upstream"
        time.sleep(0.005)
    gateway.kill()
    caller.join()
    upstream.script = Script()
    gateway.start()
    numbers = gateway.control.numbers(limit)
    assert (numbers["unresolved"], numbers["reserved"], numbers["available"]) == (worst, 0, 0)
    again = pay(gateway, key, body, held)
    assert again.status == 422 and "redeemed already" in again.error["message"]
    check_books(gateway)


def test_the_command_line_holds_a_quote(gateway):
    key = gateway.key("1 usd/day")
    said = gateway.cli("quote", key["id"], "--model", "priced", "--max-tokens", "100", "--hold", "10m")
    assert said.returncode == 0 and "X-Metergate-Quote: " in said.stdout
    held = json.loads(gateway.cli("quote", key["id"], "--model", "priced", "--max-tokens", "100", "--hold", "10m",
                                  "--json").stdout)
    assert len(held["held"]["id"]) == 36
