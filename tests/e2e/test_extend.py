"""Streams whose provider ignores the output cap: paid for ahead while there is money, and cut where there is none."""

import asyncio
import json
import threading
import time
from decimal import Decimal

import openai
import pytest

from gateway import Gateway
from scripted_upstream import Script
from test_credits import prepaid
from wire import call, chat, chunks, read_head, request_bytes

pytestmark = pytest.mark.smoke

TOKEN = Decimal("0.00001")  # of output, of the model `priced`
INPUT = Decimal("0.00001")  # ten tokens


def greedy(count: int, **more) -> Script:
    """So many words, each a token of its own, whatever was asked for."""
    return Script(ignore_cap=True, chunks=count, completion_tokens=count, **more)


def reserved_for(gateway, key: dict, cap: int) -> Decimal:
    body = json.dumps(chat(stream=True, max_tokens=cap))
    return Decimal(gateway.control.ask("POST", "/api/v1/quote", {"key": key["id"], "body": body})["worst_case"]["usd"])


def key_with(gateway, amount) -> tuple[dict, str]:
    key = gateway.key()
    return key, gateway.control.limit(key=key["id"], unit="usd", window="day", amount=str(amount))["id"]


def test_with_money_left_a_stream_beyond_its_cap_goes_on_and_is_booked_exactly(gateway, upstream):
    upstream.script = greedy(900)
    key, limit = key_with(gateway, 1)
    reply = call(gateway.port, chat(stream=True, max_tokens=50), key["secret"])
    assert reply.body.count(b'"content"') == 900 and reply.body.endswith(b"data: [DONE]\n\n")
    assert b'"error"' not in reply.body
    gateway.control.wait_for_numbers(limit, spent=INPUT + 900 * TOKEN, reserved=0, unresolved=0)
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    assert Decimal(record["holds"][0]["reserved"]) >= INPUT + 900 * TOKEN, "all of it was taken before it went on"


def test_a_stream_within_its_cap_reserves_no_more(gateway, upstream):
    upstream.script = Script(whole_reservation=True, chunks=50)
    key, limit = key_with(gateway, 1)
    worst = reserved_for(gateway, key, 50)
    assert call(gateway.port, chat(stream=True, max_tokens=50), key["secret"]).body.count(b'"content"') == 50
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    assert Decimal(record["holds"][0]["reserved"]) == worst


def test_without_money_it_is_cut_and_what_was_in_flight_is_all_that_is_beyond(gateway, upstream):
    sent = []
    upstream.script = greedy(5000, chunk_delay_s=0.002, before_chunk=sent.append)
    probe = gateway.key()
    worst = reserved_for(gateway, probe, 50)
    key, limit = key_with(gateway, worst)
    reply = call(gateway.port, chat(stream=True, max_tokens=50), key["secret"])
    assert reply.status == 200 and reply.body.endswith(b"data: [DONE]\n\n")
    assert reply.body.count(b'"content"') == 50
    numbers = gateway.control.wait_for_numbers(limit, reserved=0)
    assert numbers["spent"] + numbers["unresolved"] == worst, "fifty words cost less than was reserved with the input"
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    assert (record["error"], record["fault"]) == ("limit_reached", "upstream_refusal")
    assert record["usage"]["certainty"] == "at_least" and 51 <= record["usage"]["output_tokens"] <= 60
    time.sleep(0.2)
    assert len(sent) < 500, "the provider's connection is closed: it does not go on for nobody"


def test_the_official_client_raises_a_readable_error(gateway, upstream):
    upstream.script = greedy(500)
    key, _ = key_with(gateway, reserved_for(gateway, gateway.key(), 50))
    client = openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)
    for options in ({}, {"stream_options": {"include_usage": True}}):
        key, _ = key_with(gateway, reserved_for(gateway, gateway.key(), 50) + Decimal("0.00005"))
        stream = client.with_options(api_key=key["secret"]).chat.completions.create(
            model="priced", messages=[{"role": "user", "content": "x"}], stream=True, max_tokens=50, **options)
        seen = 0
        with pytest.raises(openai.APIError, match="beyond its output cap of 50 tokens") as raised:
            for part in stream:
                seen += len(part.choices)
        assert seen == 50
        assert raised.value.code == "limit_reached"


def test_a_limit_on_output_tokens_is_overrun_by_what_was_in_flight_and_no_more(gateway, upstream):
    upstream.script = greedy(400, chunk_delay_s=0.002)
    key = gateway.key()
    limit = gateway.control.limit(key=key["id"], unit="output_tokens", window="day", amount="50")["id"]
    reply = call(gateway.port, chat(stream=True, max_tokens=50), key["secret"])
    assert reply.body.count(b'"content"') == 50
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    hold = record["holds"][0]
    assert hold["reserved"] == "50" and 51 <= int(hold["spent"]) <= 60, "booked beyond what was reserved: an overrun"
    assert call(gateway.port, chat(max_tokens=16), key["secret"]).status == 402


def test_prepaid_money_extends_a_stream_and_ends_it(gateway, upstream):
    account, key = prepaid(gateway)
    gateway.control.grant(account, "extend-1", "0.003")
    gateway.control.grant(account, "extend-2", "0.037")
    upstream.script = greedy(300)
    assert call(gateway.port, chat(stream=True, max_tokens=50), key["secret"]).body.count(b'"content"') == 300
    gateway.control.wait_for_records(1, key=key["id"])
    upstream.script = greedy(5000, chunk_delay_s=0.001)
    reply = call(gateway.port, chat(stream=True, max_tokens=50), key["secret"])
    assert b'"insufficient_balance"' in reply.body and reply.body.count(b'"content"') >= 50
    records = gateway.control.wait_for_records(2, key=key["id"])
    assert len(records[0]["holds"]) == 2 and records[0]["cost"] == "0.00301", "from both grants"
    assert records[1]["error"] == "insufficient_balance"
    left = gateway.control.balance(account)
    assert Decimal(left["spent"]) == Decimal("0.00301") + records[1]["usage"]["output_tokens"] * TOKEN


def test_with_a_journal_that_survives_a_power_loss_a_stream_goes_on_when_it_is_on_disk(tmp_path, upstream):
    upstream.script = greedy(900)
    with Gateway(tmp_path / "gateway", upstream.url, more="journal: { durability: power }\n") as gateway:
        key, limit = key_with(gateway, 1)
        assert call(gateway.port, chat(stream=True, max_tokens=50), key["secret"]).body.count(b'"content"') == 900
        gateway.control.wait_for_numbers(limit, spent=INPUT + 900 * TOKEN, reserved=0, unresolved=0)


def test_after_a_kill_in_mid_stream_all_that_it_was_extended_by_is_held(own):
    gateway, upstream = own
    go = threading.Event()
    upstream.script = greedy(600, before_chunk=lambda number: number < 500 or go.wait(20))
    key, limit = key_with(gateway, 1)
    worst = reserved_for(gateway, key, 50)

    async def read_five_hundred():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes(chat(stream=True, max_tokens=50), key["secret"]))
        await read_head(reader)
        seen = 0
        async for piece in chunks(reader):
            seen += piece.count(b'"content"')
            if seen >= 500:
                break
        held = gateway.control.numbers(limit)["reserved"]
        gateway.kill()
        writer.close()
        return held

    held = asyncio.run(asyncio.wait_for(read_five_hundred(), 20))
    go.set()
    assert held > worst
    gateway.start()
    numbers = gateway.control.wait_for_numbers(limit, reserved=0, spent=0)
    # What was asked for ahead and not taken up yet paid for nothing: it is free again.
    assert worst + 500 * TOKEN < numbers["unresolved"] <= held
