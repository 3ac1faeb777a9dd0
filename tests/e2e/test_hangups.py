"""A thousand clients that hang up at random points of long streams: the provider bills what it produced, and so much is
booked."""

import asyncio
import json
import random
import re

from gateway import Gateway
from http_base import LAST_CHUNK, Request, Upstream, chunk, head

CLIENTS = 1000
AT_ONCE = 100
PROMPT_TOKENS = 20
INPUT_NANOS, OUTPUT_NANOS = 1_000, 10_000  # what a token of `priced` costs


def event(choices: list, **more) -> bytes:
    data = {"id": "c", "object": "chat.completion.chunk", "model": "priced", "choices": choices, **more}
    return b"data: " + json.dumps(data).encode() + b"\n\n"


class BillingUpstream(Upstream):
    """Streams 20 to 200 tokens to each call, and bills what it has produced, heard or not."""

    def __init__(self):
        super().__init__()
        self.random = random.Random(7)
        self.billed: list[int] = []  # output tokens, by call

    async def answer(self, request: Request, writer) -> bool:
        tokens = self.random.randrange(20, 200)
        self.billed.append(0)
        at = len(self.billed) - 1
        try:
            writer.write(head(200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]))
            for _ in range(tokens):
                writer.write(chunk(event([{"index": 0, "delta": {"content": "token "}}])))
                self.billed[at] += 1
                await writer.drain()
                await asyncio.sleep(0)
            usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": tokens,
                     "total_tokens": PROMPT_TOKENS + tokens}
            writer.write(chunk(event([], usage=usage)) + chunk(b"data: [DONE]\n\n") + LAST_CHUNK)
            await writer.drain()
        except ConnectionError:
            pass
        return True


async def hang_up(port: int, secret: str, after: int):
    """Reads at least `after` bytes of the reply, and is gone."""
    body = json.dumps({"model": "priced", "stream": True, "max_tokens": 250,
                       "messages": [{"role": "user", "content": "hi"}]})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write((f"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {secret}\r\n"
                  f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
    got = 0
    while got < after and (piece := await reader.read(4096)):
        got += len(piece)
    writer.transport.abort()


async def all_hang_up(port: int, secret: str, seed: int):
    rng = random.Random(seed)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one():
        async with gate:
            await hang_up(port, secret, rng.randrange(0, 30_000))

    await asyncio.gather(*(one() for _ in range(CLIENTS)))


def test_what_the_provider_bills_is_booked_whoever_listens(tmp_path, note):
    with BillingUpstream() as upstream, Gateway(tmp_path / "gateway", upstream.url) as gateway:
        key = gateway.key("1000 usd/day")
        asyncio.run(all_hang_up(gateway.port, key["secret"], seed=11))
        records = gateway.control.wait_for_records(len(upstream.billed), timeout=60)
        billed = sum(PROMPT_TOKENS * INPUT_NANOS + tokens * OUTPUT_NANOS for tokens in upstream.billed)
        limit = gateway.control.limits_of(key)[0]
        numbers = gateway.control.wait_for_numbers(limit["id"], reserved="0")
        assert numbers["unresolved"] == 0, "every stream was read to its end"
        assert int(numbers["spent"] * 1_000_000_000) == billed
        assert len(upstream.billed) > CLIENTS // 2
        metrics = gateway.control.send("GET", "/metrics")[1]
        hung_up = int(re.search(r"^metergate_client_hangups_total (\d+)", metrics, re.M)[1])
        assert hung_up > CLIENTS // 4
        note(f"hang-ups: {len(records)} streams, {hung_up} of them left; billed and booked {billed / 1e9:.6f} USD")
