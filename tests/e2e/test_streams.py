"""Streams: every chunk at once, the bytes of the upstream, counted to the end whatever happens in the middle."""

import asyncio
import threading

import openai
import pytest

from scripted_upstream import Script
from wire import call, chat, chunks, read_head, request_bytes

pytestmark = pytest.mark.smoke


def test_each_chunk_reaches_the_client_before_the_next_one_leaves_the_upstream(gateway, upstream):
    """The upstream sends chunk n+1 only when the client has said that it holds chunk n: a gateway that gathered
    chunks would never finish."""
    arrived = [threading.Event() for _ in range(21)]
    arrived[0].set()

    def wait_for_the_client(number: int):
        if number < 20:
            assert arrived[number].wait(5), f"chunk {number} was held back"

    upstream.script = Script(chunks=20, before_chunk=wait_for_the_client)
    key = gateway.key("1 usd/day")

    async def read():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes(chat(stream=True), key["secret"]))
        assert (await read_head(reader)).status == 200
        seen = 0
        async for piece in chunks(reader):
            seen += piece.count(b'"content"')
            for number in range(min(seen, 20) + 1):
                arrived[number].set()
        writer.close()
        return seen

    assert asyncio.run(asyncio.wait_for(read(), 20)) == 20


def test_the_usage_chunk_is_asked_for_and_hidden_from_a_client_that_did_not_ask(gateway, upstream):
    key = gateway.key("1 usd/day")
    reply = call(gateway.port, chat(stream=True), key["secret"])
    assert reply.status == 200
    assert upstream.requests[-1].json["stream_options"] == {"include_usage": True}
    assert b'"usage"' not in reply.body
    assert reply.body.count(b"data: ") == 6 and reply.body.endswith(b"data: [DONE]\n\n")


def test_the_usage_chunk_stays_for_a_client_that_asked(gateway, upstream):
    key = gateway.key("1 usd/day")
    reply = call(gateway.port, chat(stream=True, stream_options={"include_usage": True}), key["secret"])
    assert b'"usage": {"prompt_tokens": 10' in reply.body
    assert upstream.requests[-1].json["stream_options"] == {"include_usage": True}


def test_the_official_client_reads_a_stream_through_the_gateway(gateway, upstream):
    client = openai.OpenAI(api_key=gateway.key("1 usd/day")["secret"], base_url=f"http://127.0.0.1:{gateway.port}/v1",
                           max_retries=0)
    stream = client.chat.completions.create(model="priced", messages=[{"role": "user", "content": "x"}], stream=True)
    assert [part.choices[0].delta.content for part in stream] == [f"word{number} " for number in range(5)]


def test_a_stream_is_settled_with_the_usage_of_its_last_chunk(gateway, upstream):
    key = gateway.key("1 usd/day")
    limit = gateway.control.limits_of(key)[0]
    upstream.script = Script(prompt_tokens=10, completion_tokens=9)
    call(gateway.port, chat(stream=True), key["secret"])
    gateway.control.wait_for_numbers(limit["id"], spent="0.0001", reserved=0, unresolved=0)  # 10 × $1 + 9 × $10


def test_a_stream_that_breaks_off_is_not_shown_as_complete_and_keeps_its_reservation_unresolved(gateway, upstream):
    key = gateway.key("1 usd/day")
    limit = gateway.control.limits_of(key)[0]
    upstream.script = Script(break_after=3)

    async def read() -> tuple[bytes, bool]:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes(chat(stream=True, max_tokens=100), key["secret"]))
        await read_head(reader)
        seen, complete = b"", False
        try:
            async for piece in chunks(reader):
                seen += piece
            complete = True
        except (asyncio.IncompleteReadError, ValueError, ConnectionError):
            pass
        writer.close()
        return seen, complete

    seen, complete = asyncio.run(asyncio.wait_for(read(), 10))
    assert b"word2" in seen and b"[DONE]" not in seen
    assert not complete or b'"error"' in seen, "either no last chunk, or an error event of the dialect"
    numbers = gateway.control.wait_for_numbers(limit["id"], reserved=0)
    assert numbers["unresolved"] > 0
    assert numbers["spent"] + numbers["unresolved"] >= 3 * numbers["amount"] / 100_000  # three tokens at the least


def test_a_client_that_hangs_up_in_mid_stream_does_not_lower_the_bill(gateway, upstream):
    key = gateway.key("1 usd/day")
    limit = gateway.control.limits_of(key)[0]
    upstream.script = Script(chunks=30, chunk_delay_s=0.01, completion_tokens=30)

    async def read_two_and_leave():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes(chat(stream=True, max_tokens=100), key["secret"]))
        await read_head(reader)
        pieces = chunks(reader)
        await anext(pieces)
        await anext(pieces)
        writer.transport.abort()

    asyncio.run(read_two_and_leave())
    numbers = gateway.control.wait_for_numbers(limit["id"], reserved=0)
    assert numbers["spent"] + numbers["unresolved"] >= numbers["amount"] * 31 / 100_000  # 10 in + 30 out


def test_a_stream_without_any_usage_is_never_booked_as_free(gateway, upstream):
    key = gateway.key("1 usd/day")
    limit = gateway.control.limits_of(key)[0]
    upstream.script = Script(no_usage=True)
    assert call(gateway.port, chat(stream=True), key["secret"]).status == 200
    numbers = gateway.control.wait_for_numbers(limit["id"], reserved=0)
    assert numbers["spent"] + numbers["unresolved"] > 0
