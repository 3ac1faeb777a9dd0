#!/usr/bin/env python3
"""Answers recorded requests with their recorded replies, byte for byte.

    replay_upstream.py --traffic $METERGATE_TRAFFIC/open --port 9999 --log requests.jsonl

A request is found by its JSON, without what a gateway may change (stream_options, the output cap); what it did change
is checked and logged. Where the gateway asked for a stream's usage and the client had not, the reply gets a usage
event before [DONE], as the provider would send it: the client must not see it.
"""

import argparse
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from http_base import LAST_CHUNK, Request, Upstream, chunk, head, plain

GLOB = "openai__chat.completions__*.json"
MAY_CHANGE = ("stream_options", "max_tokens", "max_completion_tokens")
HIDDEN_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass
class Exchange:
    """One recording. `name` is its file's; `request` the parsed body."""

    name: str
    request: dict
    stream: bool
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    expected: dict

    @property
    def asked_for_usage(self) -> bool:
        return bool((self.request.get("stream_options") or {}).get("include_usage"))


def load(folder: Path) -> list[Exchange]:
    """Every recorded chat completion whose request was kept."""
    found = []
    for path in sorted(folder.glob(GLOB)):
        record = json.loads(path.read_text())
        request, response = record["request"], record["response"]
        if request["body"] is None:
            continue
        found.append(Exchange(path.stem.split("__", 2)[2], json.loads(request["body"]), record["stream"],
                              response["status"], list(response["headers"].items()), response["body"].encode(),
                              record["expected"]))
    return found


def key_of(request: dict) -> str:
    """The same for two spellings of one request: member order, blanks, and 1.0 for 1, which JavaScript writes."""
    def plain_numbers(value):
        if isinstance(value, dict):
            return {name: plain_numbers(member) for name, member in value.items()}
        if isinstance(value, list):
            return [plain_numbers(member) for member in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    kept = {name: value for name, value in request.items() if name not in MAY_CHANGE}
    return json.dumps(plain_numbers(kept), sort_keys=True)


def changes(recorded: dict, received: dict) -> list[str]:
    """What the gateway changed beyond what it may: empty if all is well."""
    found = []
    options, got = recorded.get("stream_options") or {}, received.get("stream_options") or {}
    if got != options and got != {**options, "include_usage": True}:
        found.append(f"stream_options {options} became {got}")
    for name in ("max_tokens", "max_completion_tokens"):
        before, after = recorded.get(name), received.get(name)
        if before is not None and (after is None or after > before):
            found.append(f"{name} {before} became {after}")
    return found


def with_hidden_usage(body: bytes) -> bytes:
    first = json.loads(re.match(rb"data: (.*)\n", body)[1])
    event = {**first, "choices": [], "usage": HIDDEN_USAGE}
    return body.replace(b"data: [DONE]", b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]")


class ReplayUpstream(Upstream):
    def __init__(self, exchanges: list[Exchange], port: int = 0, log: Path | None = None):
        super().__init__(port)
        self.log = log
        self.problems: list[str] = []
        self.by_key: dict[str, list[Exchange]] = {}
        for exchange in exchanges:
            self.by_key.setdefault(key_of(exchange.request), []).append(exchange)

    def find(self, request: Request) -> Exchange | None:
        """Two recordings of one request (a good key, a bad key) are told apart by the header x-replay."""
        key = key_of(request.json)
        same = self.by_key.get(key, [])
        wanted = request.header("x-replay")
        return next((exchange for exchange in same if exchange.name == wanted), same[0] if same else None)

    async def answer(self, request, writer) -> bool:
        exchange = self.find(request)
        self.note(request, exchange)
        if not exchange:
            self.problems.append(f"no recording for {request.body[:200]!r}")
            writer.write(plain(500, [], b'{"error":{"message":"replay: no such recording"}}'))
            return True
        self.problems += [f"{exchange.name}: {what}" for what in changes(exchange.request, request.json)]
        headers = [(name, value) for name, value in exchange.headers if name != "date"]
        if not exchange.stream:
            writer.write(plain(exchange.status, headers, exchange.body))
            return True
        asked = (request.json.get("stream_options") or {}).get("include_usage")
        body = with_hidden_usage(exchange.body) if asked and not exchange.asked_for_usage else exchange.body
        writer.write(head(exchange.status, [*headers, ("transfer-encoding", "chunked")]))
        for event in re.findall(rb".*?\n\n|.+$", body, re.S):
            writer.write(chunk(event))
            await writer.drain()
        writer.write(LAST_CHUNK)
        return True

    def note(self, request: Request, exchange: Exchange | None):
        if self.log:
            with self.log.open("a") as out:
                out.write(json.dumps({"target": request.target, "headers": request.headers,
                                      "recording": exchange and exchange.name, "body": request.json}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traffic", type=Path, required=True)
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--log", type=Path)
    args = parser.parse_args()
    exchanges = load(args.traffic)
    with ReplayUpstream(exchanges, args.port, args.log) as upstream:
        print(f"{len(exchanges)} recorded exchanges at {upstream.url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
