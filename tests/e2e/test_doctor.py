"""`metergate doctor`: it finds the books in order after whatever happened, and names a number that somebody changed."""

import json
import sqlite3
import threading

import pytest

from gateway import Gateway
from scripted_upstream import Script
from wire import call, chat


def damage(gateway, sql: str):
    with sqlite3.connect(gateway.data / "metergate.db") as database:
        assert database.execute(sql).rowcount > 0
    database.close()


def test_the_books_balance_under_way_after_a_crash_and_after_a_stop(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day", "100 requests/rolling:1h")
    for _ in range(3):
        assert call(gateway.port, chat(), key["secret"]).status == 200
    go_on = threading.Event()
    upstream.script = Script(before_chunk=lambda number: go_on.wait(10) if number == 2 else None)
    thread = threading.Thread(target=lambda: call(gateway.port, chat(stream=True), key["secret"]))
    thread.start()
    limit = gateway.control.limits_of(key)[0]
    while gateway.control.numbers(limit["id"])["reserved"] == 0:
        threading.Event().wait(0.005)
    running = gateway.cli("doctor")
    assert running.returncode == 0, running.stdout + running.stderr
    assert "The books balance." in running.stdout and "transfers of" in running.stdout
    go_on.set()
    thread.join()

    upstream.script = Script()
    gateway.kill()
    crashed = gateway.cli("doctor")
    assert crashed.returncode == 0, crashed.stdout + crashed.stderr
    gateway.start()
    assert gateway.cli("doctor").returncode == 0
    assert gateway.stop() == 0
    stopped = json.loads(gateway.cli("doctor", "--json").stdout)
    assert (stopped["verdict"], stopped["records"], stopped["open_leases"]) == ("ok", 4, [])
    assert len(stopped["limits"]) == 3, "the key's, and the one of the first start"


def test_leases_that_a_killed_process_left_open_are_listed(own):
    gateway, upstream = own
    key = gateway.key("1000 requests/day")
    gateway.kill_in_mid_call(upstream, key)
    report = json.loads(gateway.cli("doctor", "--json").stdout)
    assert report["verdict"] == "ok"
    [lease] = report["open_leases"]
    assert int(lease["remainder"]) >= 1
    gateway.start()


@pytest.mark.parametrize("sql, what", [
    ("UPDATE counters SET spent = spent + 1", "spent"),
    ("UPDATE counters SET unresolved = unresolved + 1", "unresolved"),
    ("UPDATE counters SET leased = leased + 1", "leased"),
    ("UPDATE usage_segments SET count = count + 1", None),
    ("UPDATE usage_records SET records = substr(records, 1, length(records) - 1)", None),
])
def test_a_number_that_somebody_changed_is_named_and_what_cannot_be_read_is_said(own, sql, what):
    gateway, upstream = own
    key = gateway.key("10 requests/day")
    assert call(gateway.port, chat(), key["secret"]).status == 200
    gateway.control.wait_for_records(1)
    assert gateway.stop() == 0
    damage(gateway, sql)
    done = gateway.cli("doctor")
    report = json.loads(gateway.cli("doctor", "--json").stdout)
    if what:
        assert done.returncode == 1 and "The books do not balance." in done.stdout
        wrong = next(one for one in report["wrong"] if one["what"] == what)
        assert wrong["limit"] == key["limits"][0]["id"] and wrong["window"].endswith("T00:00:00")
        assert int(wrong["kept"]) == int(wrong["derived"]) + 1
    else:
        assert done.returncode == 2 and "usage segment 1" in done.stdout
        assert report["verdict"] == "unknown"


def test_a_folder_that_is_not_there_cannot_be_judged(own, tmp_path):
    gateway, upstream = own
    done = Gateway(tmp_path / "nowhere", upstream.url).cli("doctor")
    assert done.returncode == 2 and "there is no data folder" in done.stderr
