"""HTTP/1.1 as clients and proxies speak it: bodies, keep-alive, pipelining, and what does not pass through."""

import asyncio
import json
import socket
import time

import pytest

from gateway import UPSTREAM_SECRET
from scripted_upstream import MODELS, Script
from wire import call, chat, exchange_raw, fetch, read_head, read_reply, request_bytes

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def key(gateway) -> str:
    return gateway.key("1000 usd/day")["secret"]


def test_bytes_pass_unchanged_both_ways(gateway, upstream, key):
    """Odd but valid JSON: blanks, escapes, unknown members and member order stay as the client wrote them."""
    body = (b'{ "x_unknown" : [1.50, 1E2, "\\u00e9\\/"],\n\t"messages":[{"role":"user","content":"h\xc3\xa9"}] ,'
            b'"max_tokens": 20, "model":"priced"  }')
    reply = b'{"id":"x",  "model":"priced","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}, "z":1.0}'
    upstream.script = Script(body=reply, headers=[("x-odd", "as  it is"), ("openai-version", "2020-10-01")])
    got = call(gateway.port, body, key, headers=[("X-Own", "kept")])
    assert got.body == reply and got.header("x-odd") == "as  it is" and got.header("openai-version") == "2020-10-01"
    assert upstream.requests[0].body == body and upstream.requests[0].header("x-own") == "kept"
    assert upstream.requests[0].target == "/v1/chat/completions"


def test_the_clients_key_is_replaced_by_the_upstreams(gateway, upstream, key):
    for header in ("x-api-key", "api-key"):
        call(gateway.port, chat(), key, headers=[(header, key)])
    call(gateway.port, chat(), key)
    for request in upstream.requests:
        sent = [value for name, value in request.headers if name.lower() == "authorization"]
        assert sent == [f"Bearer {UPSTREAM_SECRET}"]
        assert key not in repr(request.headers)


def test_the_upstreams_secret_never_reaches_a_client(gateway, upstream, key):
    for script in (Script(), Script(status=401), Script(reset=True)):
        upstream.script = script
        got = call(gateway.port, chat(), key)
        assert UPSTREAM_SECRET not in repr(got)


def test_hop_by_hop_headers_end_at_the_gateway(gateway, upstream, key):
    upstream.script = Script(headers=[("keep-alive", "timeout=9"), ("connection", "x-hop"), ("x-hop", "1"),
                                      ("proxy-authenticate", "Basic"), ("x-end", "2")])
    got = call(gateway.port, chat(), key, headers=[
        ("Connection", "keep-alive, X-Listed"), ("X-Listed", "1"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"),
        ("Proxy-Authorization", "Basic eA=="), ("Proxy-Connection", "keep-alive"), ("Upgrade", "h2c"), ("X-End", "2")])
    arrived = {name.lower() for name, _ in upstream.requests[0].headers}
    assert not arrived & {"x-listed", "keep-alive", "te", "proxy-authorization", "proxy-connection", "upgrade"}
    assert "x-end" in arrived
    returned = {name.lower() for name, _ in got.headers}
    assert not returned & {"keep-alive", "x-hop", "proxy-authenticate"} and "x-end" in returned


def test_a_chunked_request_body_is_read_and_metered(gateway, upstream, key):
    got = call(gateway.port, chat(max_tokens=20), key, chunked=True)
    assert got.status == 200 and upstream.requests[0].json == chat(max_tokens=20)


def test_a_body_too_large_is_413_and_is_not_read_to_its_end(gateway, upstream, key):
    big = json.dumps(chat(padding="x" * (1 << 20))).encode()
    received, _ = exchange_raw(gateway.port, request_bytes(big, key), timeout=3)
    assert received.startswith(b"HTTP/1.1 413 "), received[:100]
    received, _ = exchange_raw(gateway.port, request_bytes(big, key, chunked=True), timeout=3)
    assert received.startswith(b"HTTP/1.1 413 ") or received == b"", received[:100]
    assert upstream.hits == 0


def test_expect_100_continue_is_answered_before_the_body_is_sent(gateway, upstream, key):
    message = request_bytes(chat(), key, headers=[("Expect", "100-continue")])
    head, body = message.split(b"\r\n\r\n", 1)

    async def converse():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(head + b"\r\n\r\n")
        first = await read_head(reader)
        assert first.status == 100
        writer.write(body)
        reply = await read_reply(reader)
        writer.close()
        return reply

    assert asyncio.run(asyncio.wait_for(converse(), 5)).status == 200
    assert upstream.hits == 1


def test_expect_100_continue_with_a_bad_key_is_refused_before_the_body(gateway, upstream):
    head = request_bytes(chat(), "nobody", headers=[("Expect", "100-continue")]).split(b"\r\n\r\n")[0]
    received, _ = exchange_raw(gateway.port, head + b"\r\n\r\n", timeout=2)
    assert received.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 100 "))
    assert upstream.hits == 0


def test_head_gets_no_body(gateway, upstream, key):
    message = request_bytes(None, key, method="HEAD", headers=[("Connection", "close")])
    received, closed = exchange_raw(gateway.port, message)
    assert closed and received.startswith(b"HTTP/1.1 4") and received.endswith(b"\r\n\r\n")
    assert upstream.hits == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT"])
def test_other_methods_on_the_metered_path_reach_nothing(gateway, upstream, key, method):
    message = request_bytes(None, key, method=method, headers=[("Connection", "close")])
    received, _ = exchange_raw(gateway.port, message, timeout=1)
    assert received[9:12] in (b"400", b"404", b"405", b"501"), received[:100]
    assert upstream.hits == 0


def test_the_list_of_models_passes_through_and_costs_nothing(gateway, upstream):
    own = gateway.key("0.000000001 usd/day")
    got = call(gateway.port, None, own["secret"], method="GET", path="/v1/models")
    assert (got.status, got.body) == (200, MODELS)
    limit = gateway.control.limits_of(own)[0]
    gateway.control.wait_for_numbers(limit["id"], available="0.000000001")
    assert call(gateway.port, None, "nobody", method="GET", path="/v1/models").status == 401


def test_one_connection_serves_many_requests_after_successes_and_refusals(gateway, upstream, key):
    async def converse() -> list[int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        found = []
        turns = [(chat(), key), (b"{", key), (chat(), key), (chat(stream=True), key), (chat(), "x"), (chat(), key)]
        for body, secret in turns:
            writer.write(request_bytes(body, secret))
            found.append((await read_reply(reader)).status)
            if found[-1] == 401:  # the gateway may hang up on a caller that it does not know
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.close()
        return found

    assert asyncio.run(asyncio.wait_for(converse(), 10)) == [200, 400, 200, 200, 401, 200]


def test_pipelined_requests_are_answered_in_order(gateway, upstream, key):
    upstream.pick = lambda request: Script(latency_s=0.1 if request.json["user"] == "0" else 0, body=json.dumps(
        {"id": request.json["user"], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode())

    async def converse() -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"".join(request_bytes(chat(user=str(number)), key) for number in range(5)))
        replies = [(await read_reply(reader)).json["id"] for _ in range(5)]
        writer.close()
        return replies

    assert asyncio.run(asyncio.wait_for(converse(), 10)) == ["0", "1", "2", "3", "4"]


def test_a_request_that_comes_byte_by_byte_is_read(gateway, upstream, key):
    message = request_bytes(chat(), key, headers=[("Connection", "close")])
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(message)):
            connection.sendall(message[at:at + 1])
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200 ")


def test_a_slow_client_does_not_hold_up_the_others(gateway, upstream, key):
    """More silent connections than worker threads, each in the middle of a head or a body."""
    message = request_bytes(chat(), key)
    idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(20)]
    for number, connection in enumerate(idle):
        connection.sendall(message[:20 + 20 * number])
    started = time.monotonic()
    assert call(gateway.port, chat(), key, timeout=2).status == 200
    assert time.monotonic() - started < 1
    for connection in idle:
        connection.close()


def test_a_large_reply_arrives_whole(gateway, upstream, key):
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    body = json.dumps({"id": "x", "text": "y" * (4 << 20), "usage": usage}).encode()
    upstream.script = Script(body=body)
    assert call(gateway.port, chat(), key).body == body


def test_an_upstream_connection_that_was_closed_while_idle_does_not_fail_a_call(gateway, upstream, key):
    """The upstream hangs up after each reply without saying so; the next call must not be its victim."""
    async def converse():
        for _ in range(10):
            assert (await fetch(gateway.port, chat(), key)).status == 200
    asyncio.run(converse())
    upstream.script = Script(headers=[("connection", "close")])
    asyncio.run(converse())
    assert upstream.hits == 20
