"""Sends recorded requests through the official OpenAI clients, and gives back the bytes that they received."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import openai

from replay_upstream import Exchange

ROOT = Path(__file__).resolve().parents[2]
NODE_FOLDER = ROOT / "build/node"  # tools/test_env installs the pinned client there


class Received(NamedTuple):
    status: int
    body: bytes
    request_id: str | None  # X-Request-Id: names the gateway's usage record


def send_python(exchange: Exchange, base_url: str, key: str) -> Received:
    """A stream is read as it comes, an error as the client raises it. Status 0: the client could not read the reply."""
    client = openai.OpenAI(api_key=key, base_url=base_url, max_retries=0, default_headers={"x-replay": exchange.name})
    body = dict(exchange.request)
    arguments = {"model": body.pop("model"), "messages": body.pop("messages"), "extra_body": body}
    if body.get("stream"):
        arguments["stream"] = body.pop("stream")
    try:
        with client.chat.completions.with_streaming_response.create(**arguments) as reply:
            return Received(reply.status_code, reply.read(), reply.headers.get("x-request-id"))
    except openai.APIConnectionError as error:
        return Received(0, repr(error.__cause__).encode(), None)
    except openai.APIStatusError as error:
        return Received(error.status_code, error.response.content, error.response.headers.get("x-request-id"))
    finally:
        client.close()


def send_node(exchanges: list[Exchange], base_url: str, key: str) -> dict[str, Received]:
    """The same for many, one after another, in one Node process; by the exchange's name."""
    return send_node_lines([{"name": exchange.name, "vendor": "openai", "base_url": base_url, "key": key,
                             "body": exchange.request} for exchange in exchanges])


def send_node_lines(requests: list[dict]) -> dict[str, Received]:
    """Lines for node/replay.mjs."""
    shutil.copy(Path(__file__).parent / "node/replay.mjs", NODE_FOLDER)
    lines = [json.dumps(request) for request in requests]
    done = subprocess.run(["node", "replay.mjs"], cwd=NODE_FOLDER, input="\n".join(lines) + "\n", capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    return {reply["name"]: Received(reply["status"], base64.b64decode(reply["body"]), reply["id"]) for reply in replies}
