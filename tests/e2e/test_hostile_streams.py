"""Upstreams that send a gigabyte of what no provider sends: memory stays bounded, and the gateway does not hang."""

import socket
import threading
import zlib

import pytest

from gateway import Gateway
from http_base import LAST_CHUNK, Upstream, head
from wire import chat, request_bytes

SSE = ("content-type", "text/event-stream")
AWS = ("content-type", "application/vnd.amazon.eventstream")
GIGABYTE = 1 << 30
MEMORY_MAX_KB = 48 << 10  # what it has when it starts, and some copies of the largest event that is looked into

CONTENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
# A message of AWS's framing that says it has 20 MB, and never has.
PRELUDE = (20 << 20).to_bytes(4) + (0).to_bytes(4)
ENDLESS_MESSAGE = PRELUDE + zlib.crc32(PRELUDE).to_bytes(4)


class Flood(Upstream):
    """Answers with `first`, and then with `block` until `size` bytes are out. `sent` counts them."""

    def __init__(self, kind, first: bytes, block: bytes, size: int):
        super().__init__()
        self.kind, self.first, self.block, self.size, self.sent = kind, first, block, size, 0

    async def answer(self, request, writer) -> bool:
        block = self.block * ((256 << 10) // len(self.block))
        piece = b"%x\r\n%s\r\n" % (len(block), block)
        writer.write(head(200, [self.kind, ("transfer-encoding", "chunked")]))
        if self.first:
            writer.write(b"%x\r\n%s\r\n" % (len(self.first), self.first))
        while self.sent < self.size:
            writer.write(piece)
            await writer.drain()
            self.sent += len(block)
        writer.write(LAST_CHUNK)
        return True


def read_all(connection: socket.socket) -> int:
    """How many bytes come until the reply's last chunk, or the end of the connection."""
    buffer, total, tail = bytearray(1 << 20), 0, b""
    while not tail.endswith(b"0\r\n\r\n") and (count := connection.recv_into(buffer)):
        total += count
        tail = (tail + bytes(buffer[max(0, count - 16):count]))[-16:]
    return total


@pytest.mark.parametrize("kind, path, first, block, size", [
    (SSE, "/v1/chat/completions", b'data: {"choices":[{"delta":{"content":"', b"x" * 4096, GIGABYTE),
    (SSE, "/v1/chat/completions", b"", b"x" * 4096, GIGABYTE),
    (SSE, "/v1/chat/completions", b"data: ", b"[{" * 2048, GIGABYTE),
    (SSE, "/v1/chat/completions", b"", b":\n\n", 64 << 20),
    (SSE, "/v1/chat/completions", b"", CONTENT, 64 << 20),
    (AWS, "/bedrock/model/priced/converse-stream", ENDLESS_MESSAGE, b"x" * 4096, GIGABYTE),
    (AWS, "/bedrock/model/priced/converse-stream", b"", b"x" * 4096, GIGABYTE),
], ids=["an event without an end", "no event at all", "brackets", "comments", "content", "a message without an end",
        "no message at all"])
def test_memory_stays_bounded_on_a_hostile_stream(kind, path, first, block, size, tmp_path):
    with Flood(kind, first, block, size) as upstream:
        gateway = Gateway(tmp_path / "gateway", upstream.url)
        text = gateway.config.read_text()
        text = text.replace("routes:", f"  aws: {{ url: \"{upstream.url}\", provider: bedrock, key: k }}\nroutes:\n"
                                       "  - { name: bedrock, prefix: /bedrock, upstream: aws }")
        gateway.config.write_text(text)
        with gateway:
            key = gateway.key("1000 usd/day")
            body = chat(stream=True, max_tokens=1000)
            if kind == AWS:
                body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}],
                        "inferenceConfig": {"maxTokens": 1000}}
            largest, done = [0], threading.Event()

            def watch():
                while not done.wait(0.01):
                    largest[0] = max(largest[0], gateway.memory_kb())

            watcher = threading.Thread(target=watch)
            watcher.start()
            with socket.create_connection(("127.0.0.1", gateway.port), 60) as connection:
                connection.sendall(request_bytes(body, key["secret"], path=path))
                read_all(connection)
            done.set()
            watcher.join()
            assert largest[0] < MEMORY_MAX_KB
            record = gateway.control.wait_for_records(1, key=key["id"])[0]
            assert record["outcome"] in ("served", "failed")
            numbers = gateway.control.wait_for_numbers(gateway.control.limits_of(key)[0]["id"], reserved=0)
            assert numbers["unresolved"] > 0, "what nobody could read is not known to be free"
            print(f"{upstream.sent >> 20} MB sent, {largest[0] >> 10} MB resident, {record['outcome']}")
