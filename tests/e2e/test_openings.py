"""A limit that is created opens with what its window's usage records say, and counts what is under way."""

import json
import threading
from decimal import Decimal

import pytest

from scripted_upstream import Script
from wire import call, chat

COST = Decimal("0.00011")  # of the script's answer: 10 tokens in, 10 out


@pytest.fixture
def script(upstream):
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    return upstream


def doctor(gateway) -> dict:
    done = gateway.cli("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("window", ["day", "month", "rolling:5h", "total"])
def test_to_delete_a_limit_and_create_it_again_forgives_nothing(gateway, script, window):
    key = gateway.key()
    rule = {"key": key["id"], "unit": "usd", "window": window, "amount": "0.0008"}
    limit = gateway.control.limit(**rule)
    for _ in range(3):
        assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200
    gateway.control.ask("DELETE", f"/api/v1/limits/{limit['id']}")
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200, "no limit applies"
    again = gateway.control.limit(**rule)
    assert gateway.control.numbers(again["id"])["spent"] == 4 * COST
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 402
    account = key["account"]
    above = gateway.control.limit(account=account, unit="requests", window=window, amount="5")
    assert gateway.control.numbers(above["id"])["spent"] == 4
    [opened] = [record for record in gateway.control.records(key=key["id"]) if record["outcome"] == "opened"]
    assert [(hold["limit"], Decimal(hold["spent"])) for hold in opened["holds"]
            ] == [(again["id"], 4 * COST)] or window == "rolling:5h"
    assert gateway.control.ask("GET", f"/api/v1/usage?group=total&key={key['id']}")["data"][0]["requests"] == 4
    doctor(gateway)


def test_a_stream_that_is_under_way_counts_on_a_limit_that_is_created_meanwhile(gateway, script):
    key = gateway.key()
    begun, go_on = threading.Event(), threading.Event()

    def before_chunk(number: int):
        if number == 1:
            begun.set()
            assert go_on.wait(20)

    script.script = Script(prompt_tokens=10, completion_tokens=10, before_chunk=before_chunk)
    replies = []
    caller = threading.Thread(
        target=lambda: replies.append(call(gateway.port, chat(stream=True, max_tokens=20), key["secret"])))
    caller.start()
    assert begun.wait(10)
    try:
        limit = gateway.control.limit(key=key["id"], unit="usd", window="day", amount="0.001")["id"]
        tight = gateway.control.limit(key=key["id"], unit="requests", window="total", amount="1")["id"]
        held = gateway.control.numbers(limit)
        assert held["reserved"] > 2 * COST and held["spent"] == 0
        assert gateway.control.numbers(tight)["reserved"] == 1
    finally:
        go_on.set()
        caller.join()
    assert replies[0].status == 200
    script.script = Script(prompt_tokens=10, completion_tokens=10)
    numbers = gateway.control.wait_for_numbers(limit, spent=COST, reserved=0)
    assert numbers["unresolved"] == 0
    assert gateway.control.numbers(tight)["spent"] == 1
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 402
    doctor(gateway)


def test_what_a_crash_left_unresolved_is_taken_over_and_released_once_for_all(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day")
    gateway.kill_in_mid_call(upstream, key)
    gateway.start()
    [old] = gateway.control.limits_of(key)
    held = gateway.control.numbers(old["id"])["unresolved"]
    gateway.control.ask("DELETE", f"/api/v1/limits/{old['id']}")
    limits = [gateway.control.limit(key=key["id"], unit=unit, window="day", amount="1")["id"]
              for unit in ("usd", "requests")]
    assert [gateway.control.numbers(limit)["unresolved"] for limit in limits] == [held, 1]
    doctor(gateway)
    [item] = gateway.control.pages("/api/v1/unresolved", key=key["id"])
    done = gateway.cli("unresolved", "release", item["id"], "--reason", "not on the invoice")
    assert done.returncode == 0, done.stderr
    assert [gateway.control.numbers(limit)["available"] for limit in limits] == [1, 1]
    doctor(gateway)


def test_a_call_under_way_when_a_limit_came_is_unresolved_on_it_after_a_crash(own):
    gateway, upstream = own
    key = gateway.key()
    upstream.script = Script(hang=True)
    caller = threading.Thread(target=lambda: pytest.raises(Exception, call, gateway.port, chat(), key["secret"]))
    caller.start()
    while not upstream.hits:
        pass
    limit = gateway.control.limit(key=key["id"], unit="usd", window="day", amount="1")["id"]
    reserved = gateway.control.numbers(limit)["reserved"]
    assert reserved > 0
    gateway.kill()
    caller.join()
    gateway.start()
    assert gateway.control.numbers(limit)["unresolved"] == reserved
    doctor(gateway)
