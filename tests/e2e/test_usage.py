"""What the control plane tells of usage: one request's story, to the nano-dollar as the gateway booked."""

import csv
import http.client
import io
import json
from contextlib import contextmanager
from decimal import ROUND_CEILING, Decimal

import pytest

from gateway import ADMIN_KEY, PRICES, UPSTREAM_SECRET, ControlError, Gateway
from scripted_upstream import Script
from wire import call, chat

NANO = Decimal("0.000000001")


def story_of(gateway, reply) -> dict:
    gateway.control.wait_for_records(1, key=reply.key)
    return gateway.control.ask("GET", f"/api/v1/usage/records/{reply.header('x-request-id')}")


def asked(gateway, key: dict, **more):
    reply = call(gateway.port, chat(**more), key["secret"])
    reply.key = key["id"]
    return reply


def test_a_requests_story_says_line_by_line_what_it_cost(gateway, upstream):
    upstream.script = Script(prompt_tokens=17, completion_tokens=31)
    key = gateway.key("1 usd/day")
    reply = asked(gateway, key, model="priced", max_tokens=100)
    assert reply.status == 200
    story = story_of(gateway, reply)
    lines = story["price_lines"]
    assert (lines["status"], lines["book"], lines["model"]) == ("itemized", PRICES["version"], "priced")
    assert {line["what"]: (line["quantity"], Decimal(line["amount"])) for line in lines["lines"]} == {
        "input": (17, Decimal("0.000017")), "output": (31, Decimal("0.00031"))}
    total = sum(Decimal(line["amount"]) for line in lines["lines"]).quantize(NANO, ROUND_CEILING)
    assert total == Decimal(story["record"]["cost"]) == Decimal(reply.header("x-request-cost"))
    [limit] = gateway.control.limits_of(key)
    gateway.control.wait_for_numbers(limit["id"], spent=total, reserved=0, unresolved=0)
    [hold] = story["record"]["holds"]
    assert Decimal(hold["spent"]) == total and Decimal(hold["reserved"]) == Decimal(story["record"]["estimate"])
    assert story["limits"] == {limit["id"]: limit["name"]}
    assert story["settlement"] == {"state": "settled", "unresolved": None}


def test_a_refusal_is_recorded_with_the_limit_and_its_numbers(gateway, upstream):
    key = gateway.key("0.0001 usd/day")
    [limit] = gateway.control.limits_of(key)
    reply = asked(gateway, key, model="dear", max_tokens=1000)
    assert reply.status == 402
    story = story_of(gateway, reply)
    refused = story["record"]["refused_by"]
    assert refused["limit"] == limit["id"] == reply.error["limit"]["id"]
    assert (refused["required"], refused["available"]) == (reply.error["required"], reply.error["available"])
    assert (refused["amount"], refused["unit"], refused["balance"]) == ("0.0001", "usd", False)
    assert refused["resets_at"] == reply.error["resets_at"]
    assert story["price_lines"]["status"] == "no_cost" and story["settlement"]["state"] == "refused"
    assert upstream.hits == 0


def test_what_is_not_known_is_not_found_and_prices_are_those_that_calls_are_priced_by(gateway):
    with pytest.raises(ControlError) as missing:
        gateway.control.ask("GET", "/api/v1/usage/records/01900000-0000-7000-8000-000000000000")
    assert missing.value.status == 404
    page = gateway.control.ask("GET", "/api/v1/prices")
    assert page["book"] == {"name": "default", "version": PRICES["version"]}
    for row in page["data"]:
        for name, price in row["prices"].items():
            assert Decimal(price) == Decimal(repr(PRICES["models"][row["model"]][name]))
    assert [row["model"] for row in gateway.control.pages("/api/v1/prices", limit=1)] == ["dear", "priced"]


def test_usage_over_time_comes_to_what_the_limits_have_spent(gateway, upstream):
    control = gateway.control
    account = control.account("over-time")
    key = control.key_for(account, ["1 usd/day"])
    for tokens, tag in ((3, "a"), (50, "b"), (7, "a")):
        upstream.script = Script(prompt_tokens=11, completion_tokens=tokens)
        assert call(gateway.port, chat(max_tokens=100), key["secret"], headers=[("X-Metergate-Tags", f"team={tag}")]
                    ).status == 200
    records = control.wait_for_records(3, key=key["id"])
    total = sum(Decimal(record["cost"]) for record in records)
    [limit] = control.limits_of(key)
    control.wait_for_numbers(limit["id"], spent=total)
    for step in ("hour", "day"):
        for group in ("total", "account", "key", "model", "upstream", "route", "tag:team"):
            rows = control.ask("GET", f"/api/v1/usage/series?step={step}&group={group}&account={account['id']}")["data"]
            points = [point for row in rows for point in row["points"]]
            assert sum(Decimal(point["cost"]) for point in points) == total, (step, group)
            assert sum(point["requests"] for point in points) == 3
    rows = control.ask("GET", f"/api/v1/usage/series?group=tag:team&account={account['id']}")["data"]
    by_tag = {row["group"]: Decimal(row["points"][0]["cost"]) for row in rows}
    assert by_tag == {tag: sum(Decimal(one["cost"]) for one in records if one["tags"] == f"team={tag}") for tag in "ab"}
    [latency] = control.ask("GET", f"/api/v1/usage/latency?account={account['id']}")["data"]
    longest = max(record["duration_us"] for record in records)
    assert latency["duration"]["count"] == 3
    assert longest <= latency["duration"]["max_us"] <= longest * 17 / 16


def test_refusals_are_summed_by_their_reason(gateway, upstream):
    control = gateway.control
    account = control.account("refused")
    key = control.key_for(account, ["0.0001 usd/day"])
    for _ in range(2):
        assert call(gateway.port, chat("dear", max_tokens=1000), key["secret"]).status == 402
    assert call(gateway.port, chat("unheard-of"), key["secret"]).status == 400
    control.wait_for_records(3, key=key["id"])
    rows = control.ask("GET", f"/api/v1/usage?group=reason&account={account['id']}")["data"]
    assert {row["group"]: row["refusals"] for row in rows} == {"limit_reached": 2, "unknown_price": 1}


def test_settings_say_where_the_proxy_is_and_nothing_secret(gateway):
    settings = gateway.control.ask("GET", "/api/v1/settings")
    assert settings["proxy_url"] == f"http://127.0.0.1:{gateway.port}"
    assert (settings["store"], settings["durability"]) == ("sqlite", "process")
    assert settings["routes"] == ["openai"]
    assert UPSTREAM_SECRET not in str(settings)


def test_what_is_unresolved_is_summed(gateway, upstream):
    key = gateway.key("1 usd/day")
    upstream.script = Script(no_usage=True)
    assert call(gateway.port, chat(max_tokens=100), key["secret"]).status == 200
    gateway.control.wait_for_records(1, key=key["id"])
    items = gateway.control.pages("/api/v1/unresolved")
    found = gateway.control.ask("GET", "/api/v1/unresolved/sum")
    assert found["count"] == len(items) >= 1
    assert Decimal(found["at_stake"]) == sum(Decimal(one["estimate"]) - Decimal(one["cost"]) for one in items)


@contextmanager
def listening(gateway, query: str = "", last_event_id: str | None = None, key: str = ADMIN_KEY):
    """A stream of usage records: asked for an event, it waits for one and gives its name, id and data."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.control_port, timeout=10)
    headers = {"Authorization": f"Bearer {key}", **({"Last-Event-ID": last_event_id} if last_event_id else {})}
    connection.request("GET", f"/api/v1/usage/stream{query}", headers=headers)
    reply = connection.getresponse()
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/event-stream")

    def event() -> tuple[str, str, dict]:
        fields = {}
        while True:
            line = reply.readline().decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                return fields["event"], fields["id"], json.loads(fields["data"])
            else:
                fields = {}

    try:
        yield event
    finally:
        connection.close()


def test_who_listens_hears_of_each_new_record_once_and_goes_on_where_he_stopped(gateway, upstream):
    mine, other = gateway.key("1 usd/day"), gateway.key("1 usd/day")
    asks = lambda key: call(gateway.port, chat(max_tokens=10), key["secret"]).header("x-request-id")
    asks(mine)
    gateway.control.wait_for_records(1, key=mine["id"])
    with listening(gateway) as everything, listening(gateway, f"?key={mine['id']}") as of_mine:
        first, second, third = asks(mine), asks(other), asks(mine)
        heard = [everything() for _ in range(3)]
        assert {name for name, _, _ in heard} == {"record"}
        assert {record["id"] for _, _, record in heard} == {first, second, third}
        assert {of_mine()[2]["id"], of_mine()[2]["id"]} == {first, third}
        told = {record["id"]: record for _, _, record in heard}
        assert told[first] == next(one for one in gateway.control.records() if one["id"] == first)
    with listening(gateway, last_event_id=heard[0][1]) as again:
        assert [again()[1:], again()[1:]] == [one[1:] for one in heard[1:]]


def test_a_stream_ends_with_the_gateway_and_needs_a_key(own_gateway):
    assert own_gateway.control.send("GET", "/api/v1/usage/stream?from=2026-01-01")[0] == 400
    connection = http.client.HTTPConnection("127.0.0.1", own_gateway.control_port, timeout=10)
    connection.request("GET", "/api/v1/usage/stream")
    assert connection.getresponse().status == 401
    with listening(own_gateway):
        assert own_gateway.stop() == 0


def test_an_export_has_every_record_and_comes_to_the_total(gateway):
    records = gateway.control.records()
    status, text = gateway.control.send("GET", "/api/v1/usage/export?format=csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert status == 200 and {row["id"]: Decimal(row["cost"]) for row in rows} == {
        one["id"]: Decimal(one["cost"]) for one in records}
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal(gateway.control.usage("total")[0]["cost"])
    exported = json.loads(gateway.control.send("GET", "/api/v1/usage/export?format=json")[1])
    assert sorted(exported, key=lambda one: one["id"]) == records


def test_one_caller_calls_so_often_and_what_changed_meanwhile_is_not_changed_unseen(tmp_path, own_upstream):
    gateway = Gateway(tmp_path / "gateway", own_upstream.url)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace(f"127.0.0.1:{gateway.control_port} }}",
                                           f"127.0.0.1:{gateway.control_port}, calls_per_minute: 100 }}"))
    assert gateway.config.read_text() != text

    def send(method: str, path: str, body: dict | None = None, **headers) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.control_port, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {
            "Authorization": f"Bearer {ADMIN_KEY}"}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        reply = connection.getresponse()
        reply.read()
        return reply

    with gateway:
        account = gateway.control.account("acme")
        path = f"/api/v1/accounts/{account['id']}"
        tag = send("GET", path).headers["ETag"]
        assert send("PATCH", path, {"markup_bps": 100}, If_Match=tag).status == 200
        assert send("PATCH", path, {"markup_bps": 200}, If_Match=tag).status == 412
        assert gateway.control.ask("GET", path)["markup_bps"] == 100
        replies = [send("GET", path) for _ in range(110)]
        refused = [reply for reply in replies if reply.status == 429]
        assert 0 < len(refused) < 110 and all(int(reply.headers["Retry-After"]) >= 1 for reply in refused)
