"""Prices by date and by account, and recorded usage by other prices, each reckoned apart from the gateway."""

import json
import subprocess
from datetime import datetime, timedelta, timezone
from decimal import ROUND_CEILING, Decimal

import pytest

from gateway import BINARY, PRICES, ControlError, Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, chat

NANO = Decimal("0.000000001")


def cost(row: dict, usage: dict, suffix: str = "") -> Decimal:
    """Tokens times prices, rounded up once."""
    exact = (usage["input_tokens"] * Decimal(str(row["input_cost_per_token" + suffix])) +
             usage["output_tokens"] * Decimal(str(row["output_cost_per_token" + suffix])))
    return exact.quantize(NANO, ROUND_CEILING)


def prices(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(BINARY), "prices", *arguments], capture_output=True, text=True, timeout=30)


def test_a_call_is_priced_by_its_start_though_it_ends_after_the_prices_change(tmp_path):
    now = {"input_cost_per_token": "0.000003", "output_cost_per_token": "0.000007", "max_output_tokens": 1000}
    later = {"input_cost_per_token": "0.00001", "output_cost_per_token": "0.00002"}
    with ScriptedUpstream() as upstream:
        gateway = Gateway(tmp_path / "gateway", upstream.url, first_byte_ms=20000)
        change = datetime.now(timezone.utc) + timedelta(seconds=6)
        book = {"version": "dated", "models": {"m": {**now, "effective": [
            {"from": change.isoformat(timespec="milliseconds"), **later}]}}}
        book_file = gateway.folder / "prices.json"
        book_file.write_text(json.dumps(book))
        with gateway:
            key = gateway.key("1 usd/day")
            upstream.script = Script(latency_s=7)
            before = call(gateway.port, chat("m", max_tokens=10), key["secret"])
            assert datetime.now(timezone.utc) > change
            upstream.script = Script()
            after = call(gateway.port, chat("m", max_tokens=10), key["secret"])
            assert (before.status, after.status) == (200, 200)
            first, second = gateway.control.wait_for_records(2)
            assert first["started"] < change.isoformat() < second["started"], "else the machine is too slow for it"
            for reply, record, row in ((before, first, now), (after, second, later)):
                assert Decimal(record["cost"]) == cost(row, record["usage"]) == Decimal(reply.header("x-request-cost"))
            ratio = Decimal(first["estimate"]) / Decimal(second["estimate"])
            assert ratio < Decimal("0.4"), "it was reserved by the prices of its start, too"
            [limit] = gateway.control.limits_of(key)
            gateway.control.wait_for_numbers(limit["id"], reserved=0, unresolved=0,
                                             spent=sum(Decimal(one["cost"]) for one in (first, second)))
    usage = ["--book", str(book_file), "--model", "m", "--usage", '{"input_tokens": 1000}', "--json"]
    assert json.loads(prices("cost", *usage, "--at", "2026-01-01").stdout)["cost_usd"] == "0.003"
    assert json.loads(prices("cost", *usage).stdout)["cost_usd"] == "0.01"


TIERED = {"input_cost_per_token": "0.000002", "output_cost_per_token": "0.000003", "max_output_tokens": 1000,
          "input_cost_per_token_priority": "0.000007", "output_cost_per_token_priority": "0.000011"}
OTHER = {"version": "other", "models": {
    "priced": {"input_cost_per_token": "0.00000037", "output_cost_per_token": "0.0000123"},
    "tiered": {"input_cost_per_token": "0.000001", "output_cost_per_token": "0.000001",
               "input_cost_per_token_priority": "0.000005", "output_cost_per_token_priority": "0.000013"}}}


def test_usage_is_priced_anew_by_another_book_and_nothing_is_changed(tmp_path):
    book = {"version": "old", "models": {**PRICES["models"], "tiered": TIERED}}
    other = tmp_path / "other.json"
    other.write_text(json.dumps(OTHER))
    with ScriptedUpstream() as upstream, Gateway(tmp_path / "gateway", upstream.url, prices=book) as gateway:
        control, key = gateway.control, gateway.key("1 usd/day")

        def ask(model: str, **more):
            assert call(gateway.port, chat(model, max_tokens=100, **more), key["secret"]).status == 200

        upstream.script = Script(prompt_tokens=17, completion_tokens=31)
        ask("priced")
        ask("priced", stream=True)
        ask("dear")
        ask("tiered")
        upstream.script = Script(body=json.dumps({
            "model": "tiered", "service_tier": "priority", "choices": [{}],
            "usage": {"prompt_tokens": 13, "completion_tokens": 29, "total_tokens": 42}}).encode())
        ask("tiered", service_tier="priority")
        records = control.wait_for_records(5)
        [limit] = control.limits_of(key)
        before = (control.numbers(limit["id"]), control.usage("model"))

        def rerated(*more: str) -> dict:
            done = gateway.cli("usage", "rerate", "--book", str(other), "--json", *more)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        said = rerated()
        expected, booked = {}, {}
        for record in records:
            model = record["model"]
            if model == "dear":
                continue
            was_priority = Decimal(record["cost"]) == cost(TIERED, record["usage"], "_priority")
            suffix = "_priority" if model == "tiered" and was_priority else ""
            expected[model] = expected.get(model, 0) + cost(OTHER["models"][model], record["usage"], suffix)
            booked[model] = booked.get(model, 0) + Decimal(record["cost"])
        assert {row["model"]: Decimal(row["rerated"]) for row in said["models"]} == expected
        assert {row["model"]: Decimal(row["booked"]) for row in said["models"]} == booked
        assert Decimal(said["total"]["difference"]) == sum(expected.values()) - sum(booked.values())
        [missing] = said["not_priced"]
        assert missing["model"] == "dear" and missing["calls"] == 1 and "does not price the model" in missing["why"]

        assert [row["model"] for row in rerated("--model", "priced")["models"]] == ["priced"]
        assert rerated("--from", "2020-01-01", "--to", "2020-01-02")["total"]["calls"] == 0
        same = gateway.cli("usage", "rerate", "--book", "default", "--json")
        total = json.loads(same.stdout)["total"]
        assert total["calls"] == 5 and Decimal(total["difference"]) == 0
        assert (control.numbers(limit["id"]), control.usage("model")) == before
        assert gateway.cli("doctor").returncode == 0

        assert gateway.stop() == 0
        assert rerated() == said, "on the data folder as through the server"
        # Without the book that they were booked by nobody knows which calls were served with priority.
        (gateway.folder / "prices.json").write_text(json.dumps({**book, "version": "newer"}))
        unknown = rerated()
        assert {row["model"] for row in unknown["models"]} == {"priced"}
        row = next(row for row in unknown["not_priced"] if row["model"] == "tiered")
        assert row["calls"] == 2 and "tier" in row["why"]
        usages = [record["usage"] for record in records if record["model"] == "tiered"]
        for end, suffix in (("least", ""), ("most", "_priority")):
            assert Decimal(row[end]) == sum(cost(OTHER["models"]["tiered"], usage, suffix) for usage in usages)
        text = gateway.cli("usage", "rerate", "--book", str(other)).stdout
        assert "BY THE BOOK (USD)" in text and "NOT PRICED ANEW" in text and "in all" in text
        wrong = gateway.cli("usage", "rerate", "--book", "/nowhere.json")
        assert wrong.returncode == 1 and "/nowhere.json" in wrong.stderr


CONTRACT = {"version": "2026-c", "models": {
    "priced": {"input_cost_per_token": "0.00000037", "output_cost_per_token": "0.0000011", "max_output_tokens": 1000}}}


@pytest.fixture
def booked(tmp_path):
    with (ScriptedUpstream() as upstream,
          Gateway(tmp_path / "gateway", upstream.url, books={"contract": CONTRACT}) as gateway):
        upstream.script = Script(prompt_tokens=11, completion_tokens=7)
        yield gateway, upstream


def test_an_account_and_those_below_it_are_priced_by_the_book_that_it_chooses(booked):
    gateway, _ = booked
    control = gateway.control
    top = control.account("top", book="contract")
    team = control.account("team", parent=top["id"])
    own = control.account("own", parent=top["id"], book="default")
    keys = [control.key_for(account, ["1 usd/day"], account["name"]) for account in (team, own)]
    body = chat(max_tokens=10)
    for key, row, version in ((keys[0], CONTRACT["models"]["priced"], "contract@2026-c"),
                              (keys[1], PRICES["models"]["priced"], "test")):
        said = control.ask("POST", "/api/v1/explain", {"key": key["id"], "body": json.dumps(body)})
        quoted = control.ask("POST", "/api/v1/quote", {"key": key["id"], "body": json.dumps(body)})
        reply = call(gateway.port, body, key["secret"])
        assert reply.status == 200
        [record] = control.wait_for_records(1, key=key["id"])
        assert Decimal(record["cost"]) == cost(row, record["usage"])
        assert record["price_version"] == said["price_version"] == version
        assert reply.header("x-estimated-cost") == said["worst_case"]["usd"] == quoted["worst_case"]["usd"]
    control.ask("PATCH", f"/api/v1/accounts/{top['id']}", {"book": "inherit"})
    assert call(gateway.port, body, keys[0]["secret"]).status == 200
    records = control.wait_for_records(2, key=keys[0]["id"])
    assert records[-1]["price_version"] == "test"
    done = gateway.cli("usage", "rerate", "--book", "contract", "--key", keys[0]["id"], "--json")
    total = json.loads(done.stdout)["total"]
    assert Decimal(total["rerated"]) == sum(cost(CONTRACT["models"]["priced"], one["usage"]) for one in records)
    assert json.loads(done.stdout)["book"] == "contract@2026-c"


def test_a_book_is_chosen_by_the_command_line_and_by_no_name_that_is_not_declared(booked):
    gateway, _ = booked
    created = gateway.cli("accounts", "create", "Acme", "--book", "contract", "--json")
    assert json.loads(created.stdout)["book"] == "contract"
    assert "contract" in gateway.cli("accounts", "list").stdout
    wrong = gateway.cli("accounts", "edit", "Acme", "--book", "contrat")
    assert wrong.returncode == 1
    assert "there is no price book 'contrat'; there are default, contract" in wrong.stderr
    with pytest.raises(ControlError) as refused:
        gateway.control.account("Other", book="contrat")
    assert refused.value.status == 400
    listed = prices("list", "--book", "contract", "--config", str(gateway.config)).stdout
    assert "priced" in listed and "dear" not in listed and "0.37" in listed
    unknown = prices("list", "--book", "contrat", "--config", str(gateway.config))
    assert unknown.returncode == 1 and "has default, contract" in unknown.stderr


def test_a_configuration_that_drops_a_book_that_an_account_names_does_not_start(booked):
    gateway, _ = booked
    gateway.control.account("Acme", book="contract")
    assert gateway.stop() == 0
    with_book = gateway.config.read_text()
    line = next(line for line in with_book.splitlines() if line.startswith("prices:"))
    gateway.config.write_text(with_book.replace(line, f"prices: {{ file: {gateway.folder / 'prices.json'} }}"))
    with pytest.raises(RuntimeError, match="priced by the book 'contract'.*declare it"):
        gateway.start()
    moved = gateway.cli("accounts", "edit", "Acme", "--book", "default")
    assert moved.returncode == 0, moved.stderr
    gateway.start()
