"""Money that is held because nobody knows what a call cost: how it is listed, and how an operator or time ends it."""

import json
import threading
import time
from decimal import Decimal

import pytest

from gateway import ControlError
from scripted_upstream import Script
from wire import call, chat


def wait_until(holds, timeout: float = 10):
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def killed_in_mid_call(gateway, upstream, key: dict):
    """Kills the gateway while the upstream has a call of the key, and starts it again."""
    gateway.kill_in_mid_call(upstream, key)
    gateway.start()


def items(gateway, **query) -> list[dict]:
    return gateway.control.pages("/api/v1/unresolved", **query)


def test_a_call_that_a_crash_cut_is_listed_and_settled_once(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day", "10 requests/day")
    limits = {limit["unit"]: limit["id"] for limit in gateway.control.limits_of(key)}
    killed_in_mid_call(gateway, upstream, key)
    held = gateway.control.numbers(limits["usd"])["unresolved"]
    assert held > 0
    [item] = items(gateway, key=key["id"])
    assert item["cause"] == "crash" and item["key"] == key["id"] and item["model"] == "priced"
    assert {hold["limit"]: Decimal(hold["unresolved"]) for hold in item["holds"]} == {
        limits["usd"]: held, limits["requests"]: 1}
    assert items(gateway, account=gateway.control.account("other")["id"]) == []

    for _ in range(2):  # the second changes nothing
        done = gateway.cli("unresolved", "settle", item["id"], "--cost", "0.0004", "--reason", "invoice 7", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["correction"]["verdict"] == "settled"
        numbers = gateway.control.numbers(limits["usd"])
        assert (numbers["spent"], numbers["unresolved"]) == (Decimal("0.0004"), 0)
        assert gateway.control.numbers(limits["requests"])["spent"] == 1
    refused = gateway.cli("unresolved", "release", item["id"], "--reason", "no")
    assert refused.returncode == 1 and "settled already" in refused.stderr
    assert items(gateway) == []
    assert gateway.control.usage("total")[0]["cost"] == "0.0004"
    assert [record["outcome"] for record in gateway.control.records()] == ["failed", "corrected"]
    shown = gateway.cli("unresolved", "show", item["id"])
    assert "invoice 7" in shown.stdout

    gateway.kill()
    gateway.start()
    assert gateway.control.numbers(limits["usd"])["spent"] == Decimal("0.0004"), "a correction is durable"


def test_released_money_can_be_spent_at_once_by_who_was_refused(own):
    gateway, upstream = own
    key = gateway.key("1 requests/day")
    killed_in_mid_call(gateway, upstream, key)
    assert call(gateway.port, chat(), key["secret"]).status == 402
    [item] = items(gateway)
    done = gateway.cli("unresolved", "release", item["id"], "--reason", "not on the invoice")
    assert done.returncode == 0, done.stderr
    assert [call(gateway.port, chat(), key["secret"]).status for _ in range(2)] == [200, 402]


def test_a_cost_above_what_was_held_is_booked_in_full_and_nothing_more_is_admitted(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day")
    limit = gateway.control.limits_of(key)[0]
    killed_in_mid_call(gateway, upstream, key)
    assert call(gateway.port, chat(), key["secret"]).status == 200  # now this process has a lease of it
    [item] = items(gateway)
    gateway.control.ask("POST", f"/api/v1/unresolved/{item['id']}/settle", {"cost": "1.5"})
    assert Decimal(gateway.control.ask("GET", f"/api/v1/limits/{limit['id']}")["spent"]) > Decimal("1.5")
    assert call(gateway.port, chat(), key["secret"]).status == 402


def test_a_call_that_still_runs_is_no_item_and_cannot_be_released(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day")
    go_on = threading.Event()
    upstream.script = Script(before_chunk=lambda number: go_on.wait(10) if number == 2 else None)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(call(gateway.port, chat(stream=True), key["secret"])))
    thread.start()
    limit = gateway.control.limits_of(key)[0]
    wait_until(lambda: gateway.control.numbers(limit["id"])["reserved"] > 0)
    assert items(gateway) == []
    go_on.set()
    thread.join()
    served = replies[0].header("x-request-id")
    with pytest.raises(ControlError) as refused:
        gateway.control.ask("POST", f"/api/v1/unresolved/{served}/release", {"reason": "mistaken"})
    assert refused.value.status == 404


def test_without_a_server_the_same_commands_work_on_the_folder(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day")
    killed_in_mid_call(gateway, upstream, key)
    assert gateway.stop() == 0
    listed = json.loads(gateway.cli("unresolved", "list", "--json").stdout)["data"]
    assert len(listed) == 1
    done = gateway.cli("unresolved", "settle", listed[0]["id"], "--cost", "0.0004")
    assert done.returncode == 0, done.stderr
    gateway.start()
    numbers = gateway.control.numbers(gateway.control.limits_of(key)[0]["id"])
    assert (numbers["spent"], numbers["unresolved"]) == (Decimal("0.0004"), 0)


def test_what_nobody_settles_in_time_counts_as_spent(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day")
    limit = gateway.control.limits_of(key)[0]
    killed_in_mid_call(gateway, upstream, key)
    held = gateway.control.numbers(limit["id"])["unresolved"]
    [item] = items(gateway)
    assert item["settles_at"] > item["since"]
    assert gateway.stop() == 0
    gateway.config.write_text(gateway.config.read_text() + "unresolved: { settle_after: 1s }\n")
    threading.Event().wait(1.1)  # the time that the policy is about
    gateway.start()
    gateway.control.wait_for_numbers(limit["id"], spent=held, unresolved=0)
    assert items(gateway) == []
    corrected = gateway.control.ask("GET", f"/api/v1/unresolved/{item['id']}")["correction"]
    assert corrected["verdict"] == "timed_out" and Decimal(corrected["cost"]) == held
