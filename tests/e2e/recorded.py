"""Recorded exchanges of every provider, and an upstream that answers them byte for byte."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from http_base import LAST_CHUNK, Request, Upstream, chunk, head, plain

# Not the recording's to say again: the connection's own, and what depends on the day.
DROPPED = ("date", "connection", "content-length", "transfer-encoding", "content-encoding")


@dataclass
class Recorded:
    """One recording of `path`, with its query, at `provider`."""

    name: str
    provider: str
    endpoint: str
    path: str
    headers: list[tuple[str, str]]
    request: bytes
    stream: bool
    status: int
    reply_headers: list[tuple[str, str]]
    reply: bytes
    expected: dict


def body_of(message: dict) -> bytes | None:
    if message["body"] is None:
        return None
    return base64.b64decode(message["body"]) if message.get("body_base64") else message["body"].encode()


def load_recorded(folder: Path) -> list[Recorded]:
    """Every recorded POST whose request was kept."""
    found = []
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        request, response = record["request"], record["response"]
        body, reply = body_of(request), body_of(response)
        if request["method"] != "POST" or not body or reply is None:
            continue
        url = urlsplit(request["url"])
        found.append(Recorded(path.stem, record["provider"], record["endpoint"],
                              url.path + (f"?{url.query}" if url.query else ""), list(request["headers"].items()), body,
                              record["stream"], response["status"],
                              [(name, value) for name, value in response["headers"].items()
                               if name.lower() not in DROPPED], reply, record["expected"]))
    return found


class RecordedUpstream(Upstream):
    """Answers with the recording that the header x-replay names; streams go in pieces of 100 bytes."""

    def __init__(self, exchanges: list[Recorded]):
        super().__init__()
        self.by_name = {exchange.name: exchange for exchange in exchanges}

    async def answer(self, request: Request, writer) -> bool:
        exchange = self.by_name[request.header("x-replay")]
        if not exchange.stream:
            writer.write(plain(exchange.status, exchange.reply_headers, exchange.reply))
            return True
        writer.write(head(exchange.status, [*exchange.reply_headers, ("transfer-encoding", "chunked")]))
        for at in range(0, len(exchange.reply), 100):
            writer.write(chunk(exchange.reply[at:at + 100]))
            await writer.drain()
        writer.write(LAST_CHUNK)
        return True
