"""An upstream of the OpenAI dialect that does what a test's Script says: slow, wrong, silent, broken or greedy."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from http_base import LAST_CHUNK, Request, Upstream, chunk, head, plain

JSON = ("content-type", "application/json")
SSE = ("content-type", "text/event-stream; charset=utf-8")
DEFAULT_MAX_OUTPUT = 1000
MODELS = b'{"object":"list","data":[{"id":"priced","object":"model"}]}'


@dataclass
class Script:
    latency_s: float = 0.0  # before the first byte
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None  # instead of a completion; with a status from 400 on an error of the dialect
    prompt_tokens: int = 10
    completion_tokens: int = 5
    whole_reservation: bool = False  # completion_tokens = the cap of the request
    ignore_cap: bool = False  # answer with completion_tokens even where the cap is lower
    no_usage: bool = False
    chunks: int = 5  # of content, in a stream
    chunk_delay_s: float = 0.0
    before_chunk: Callable[[int], None] | None = None  # called in a thread; what it waits for, the stream waits for
    hang: bool = False  # take the request and never answer
    break_after: int | None = None  # stream: hang up after so many chunks; plain: after so many bytes of body
    reset: bool = False  # RST instead of a reply


class ScriptedUpstream(Upstream):
    """`script` says how to answer; `pick`, if set, chooses a Script by request. `served` counts complete answers, each
    before its last bytes go: a test that has read an answer sees it counted."""

    def __init__(self, port: int = 0, **more):
        super().__init__(port, **more)
        self.script = Script()
        self.pick: Callable[[Request], Script] | None = None
        self.served = 0

    def reset(self):
        super().reset()
        self.script, self.pick, self.served = Script(), None, 0

    async def answer(self, request, writer) -> bool:
        script = self.pick(request) if self.pick else self.script
        if script.latency_s:
            await asyncio.sleep(script.latency_s)
        if script.hang:
            await asyncio.sleep(3600)
        if script.reset:
            linger_off = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)
            writer.transport.abort()
            return False
        if script.status >= 400 or script.body is not None:
            body = script.body or error_body(script.status)
            writer.write(plain(script.status, [JSON, *script.headers], body))
            return True
        if request.method != "POST":
            writer.write(plain(200, [JSON, *script.headers], MODELS))
            return True
        asked = request.json
        if asked.get("stream"):
            return await self._stream(script, asked, writer)
        body = json.dumps(completion(script, asked)).encode()
        reply = plain(200, [JSON, *script.headers], body)
        if script.break_after is not None:
            writer.write(reply[:len(reply) - len(body) + script.break_after])
            await writer.drain()
            return False
        self.served += 1
        writer.write(reply)
        return True

    async def _stream(self, script: Script, asked: dict, writer) -> bool:
        writer.write(head(200, [SSE, ("transfer-encoding", "chunked"), *script.headers]))
        for number, event in enumerate(events(script, asked)):
            if script.break_after == number:
                await writer.drain()
                return False
            if script.before_chunk:
                await asyncio.to_thread(script.before_chunk, number)
            writer.write(chunk(event))
            await writer.drain()
            if script.chunk_delay_s:
                await asyncio.sleep(script.chunk_delay_s)
        self.served += 1
        writer.write(LAST_CHUNK)
        return True


def error_body(status: int) -> bytes:
    error = {"message": f"scripted {status}", "type": "server_error" if status >= 500 else "invalid_request_error",
             "param": None, "code": f"scripted_{status}"}
    return json.dumps({"error": error}).encode()


def usage(script: Script, asked: dict) -> dict:
    caps = [asked[name] for name in ("max_tokens", "max_completion_tokens") if asked.get(name) is not None]
    cap = min(caps, default=DEFAULT_MAX_OUTPUT) * asked.get("n", 1)
    output = cap if script.whole_reservation else script.completion_tokens
    if not script.ignore_cap:
        output = min(output, cap)
    return {"prompt_tokens": script.prompt_tokens, "completion_tokens": output,
            "total_tokens": script.prompt_tokens + output}


def completion(script: Script, asked: dict) -> dict:
    message = {"role": "assistant", "content": "Hello from the scripted upstream."}
    reply = {"id": "chatcmpl-scripted", "object": "chat.completion", "created": 1750000000, "model": asked.get("model"),
             "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return reply if script.no_usage else reply | {"usage": usage(script, asked)}


def events(script: Script, asked: dict) -> list[bytes]:
    """The stream's SSE events: `chunks` of content, the usage where it was asked for, [DONE]."""
    def event(choices: list, **more) -> bytes:
        data = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1750000000,
                "model": asked.get("model"), "choices": choices, **more}
        return f"data: {json.dumps(data)}\n\n".encode()

    parts = [event([{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}])
             for number in range(script.chunks)]
    if (asked.get("stream_options") or {}).get("include_usage") and not script.no_usage:
        parts.append(event([], usage=usage(script, asked)))
    return [*parts, b"data: [DONE]\n\n"]
