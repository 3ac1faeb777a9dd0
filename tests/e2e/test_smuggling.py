"""A request that two readers could understand differently is refused and its connection closed; no byte of it, and no
byte after it, reaches the upstream."""

import json
import re

import pytest

from wire import chat, exchange_raw

pytestmark = pytest.mark.smoke

BODY = json.dumps(chat(max_tokens=20)).encode()
SIZE = b"%d" % len(BODY)
SMUGGLED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n"


def message(*lines: bytes, body: bytes = BODY, first: bytes = b"POST /v1/chat/completions HTTP/1.1") -> bytes:
    return b"\r\n".join([first, *lines]) + b"\r\n\r\n" + body


# {key} is replaced by a valid key: what is refused is the framing, not the caller.
AUTH, HOST, LENGTH = b"Authorization: Bearer {key}", b"Host: a", b"Content-Length: " + SIZE
TE = b"Transfer-Encoding: chunked"
CHUNKED_BODY = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)

BAD_FRAMING = {
    "a folded header": message(HOST, AUTH, LENGTH, b"X-A: b\r\n c"),
    "two content lengths": message(HOST, AUTH, LENGTH, b"Content-Length: 5"),
    "two equal content lengths": message(HOST, AUTH, LENGTH, LENGTH),
    "a list of content lengths": message(HOST, AUTH, b"Content-Length: " + SIZE + b", " + SIZE),
    "a signed content length": message(HOST, AUTH, b"Content-Length: +" + SIZE),
    "a hexadecimal content length": message(HOST, AUTH, b"Content-Length: 0x10"),
    "a content length over 64 bits": message(HOST, AUTH, b"Content-Length: 99999999999999999999999"),
    "an empty content length": message(HOST, AUTH, b"Content-Length:"),
    "length and chunked": message(HOST, AUTH, LENGTH, TE, body=CHUNKED_BODY),
    "chunked and length": message(HOST, AUTH, TE, b"Content-Length: 4", body=CHUNKED_BODY),
    "chunked twice": message(HOST, AUTH, TE, TE, body=CHUNKED_BODY),
    "xchunked": message(HOST, AUTH, b"Transfer-Encoding: xchunked", body=CHUNKED_BODY),
    "chunked, identity": message(HOST, AUTH, b"Transfer-Encoding: chunked, identity", body=CHUNKED_BODY),
    "gzip, chunked": message(HOST, AUTH, b"Transfer-Encoding: gzip, chunked", body=CHUNKED_BODY),
    "identity": message(HOST, AUTH, b"Transfer-Encoding: identity"),
    "chunked in HTTP/1.0": message(HOST, AUTH, TE, body=CHUNKED_BODY, first=b"POST /v1/chat/completions HTTP/1.0"),
    "a chunk size that is no number": message(HOST, AUTH, TE, body=b"zz\r\nabc\r\n0\r\n\r\n"),
    "a negative chunk size": message(HOST, AUTH, TE, body=b"-1\r\nabc\r\n0\r\n\r\n"),
    "a chunk size over 64 bits": message(HOST, AUTH, TE, body=b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with 0x": message(HOST, AUTH, TE, body=b"0x3\r\nabc\r\n0\r\n\r\n"),
    "a chunk longer than its size": message(HOST, AUTH, TE, body=b"3\r\nabcdef\r\n0\r\n\r\n"),
    "a chunk that ends in a bare line feed": message(HOST, AUTH, TE, body=b"3\nabc\n0\n\n"),
    "bare line feeds": message(HOST, AUTH, LENGTH).replace(b"\r\n", b"\n"),
    "one bare line feed": message(HOST, AUTH, LENGTH).replace(b"Host: a\r\n", b"Host: a\n"),
    "a bare carriage return": message(HOST, AUTH, LENGTH, b"X-A: b\rX-B: c"),
    "a NUL in a value": message(HOST, AUTH, LENGTH, b"X-A: b\0c"),
    "a NUL in a name": message(HOST, AUTH, LENGTH, b"X\0A: b"),
    "a blank before the colon": message(HOST, AUTH, LENGTH, b"X-A : b"),
    "a blank before the colon of the length": message(HOST, AUTH, b"Content-Length : " + SIZE),
    "a header without a colon": message(HOST, AUTH, LENGTH, b"X-A"),
    "a header without a name": message(HOST, AUTH, LENGTH, b": b"),
    "a blank before the first header": message(b" X-A: b", HOST, AUTH, LENGTH),
    "no host": message(AUTH, LENGTH),
    "two hosts": message(HOST, b"Host: b", AUTH, LENGTH),
    "two equal hosts": message(HOST, HOST, AUTH, LENGTH),
    "a version that is none": message(HOST, AUTH, LENGTH, first=b"POST /v1/chat/completions HTTP/1.11"),
    "no version": message(HOST, AUTH, LENGTH, first=b"POST /v1/chat/completions"),
    "two blanks in the first line": message(HOST, AUTH, LENGTH, first=b"POST  /v1/chat/completions HTTP/1.1"),
    "a control character in the path": message(HOST, AUTH, LENGTH, first=b"POST /v1/chat\x01/completions HTTP/1.1"),
}


@pytest.mark.parametrize("name", BAD_FRAMING)
def test_refused_with_400_and_the_connection_is_closed(gateway, upstream, name):
    sent = BAD_FRAMING[name].replace(b"{key}", gateway.key("1 usd/day")["secret"].encode())
    received, closed = exchange_raw(gateway.port, sent + SMUGGLED)
    status = received.split(b" ", 2)[1:2]
    assert status in ([b"400"], [b"501"], [b"505"]) or (closed and not received), received[:200]
    assert closed, "what follows must not be read as a request"
    assert len(re.findall(rb"HTTP/1\.1 \d{3} ", received)) <= 1, "the smuggled request was answered"
    assert upstream.hits == 0


def test_the_same_message_well_formed_is_served(gateway, upstream):
    """Or the cases above would prove nothing."""
    key = gateway.key("1 usd/day")["secret"].encode()
    for good in (message(HOST, AUTH, LENGTH, b"Connection: close"),
                 message(HOST, AUTH, TE, b"Connection: close", body=CHUNKED_BODY)):
        received, closed = exchange_raw(gateway.port, good.replace(b"{key}", key))
        assert received.startswith(b"HTTP/1.1 200 ") and closed, received[:300]
    assert upstream.hits == 2 and all(request.json == chat(max_tokens=20) for request in upstream.requests)


def test_a_random_start_is_refused_and_closed(gateway, upstream):
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 64, b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        received, closed = exchange_raw(gateway.port, sent + SMUGGLED)
        assert closed and not received.startswith(b"HTTP/1.1 2"), (sent, received[:100])
    assert upstream.hits == 0


@pytest.mark.parametrize("case", ["long path", "long header", "many headers"])
def test_a_head_too_large_is_431_or_414(gateway, upstream, case):
    key = gateway.key("1 usd/day")["secret"].encode()
    lines = {"long path": [], "long header": [b"X-A: " + b"b" * 200_000],
             "many headers": [b"X-%d: b" % number for number in range(10_000)]}[case]
    path = b"/v1/chat/completions" + (b"?" + b"a" * 200_000 if case == "long path" else b"")
    sent = message(HOST, AUTH, LENGTH, *lines, first=b"POST " + path + b" HTTP/1.1").replace(b"{key}", key)
    received, closed = exchange_raw(gateway.port, sent)
    assert closed and (received == b"" or received.split(b" ")[1] in (b"431", b"414")), received[:100]
    assert upstream.hits == 0
