"""A load of chat calls, and the client's own book of what became of each."""

import asyncio
import random
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from wire import chat, read_reply, request_bytes  # noqa: E402  (found through the line above)

CALL_HEADER = "x-call"  # passes through the gateway, so that both sides speak of the same call


@dataclass
class Book:
    """What the client knows. A call that is in neither of the sets at the end was sent and not answered; nobody knows
    either what became of one that the gateway itself had no answer for."""

    sent: set[int] = field(default_factory=set)
    answered: dict[int, str] = field(default_factory=dict)  # 200, in full; its X-Request-Id
    refused: dict[int, int] = field(default_factory=dict)  # the status
    odd: list[str] = field(default_factory=list)

    def open(self) -> set[int]:
        known = {call for call, status in self.refused.items() if status not in (502, 504)}
        return self.sent - self.answered.keys() - known


class Load:
    """`connections` clients that call one after the other, plain and streaming, until told to stop."""

    def __init__(self, port: int, keys: list[str], seed: int, first_call: int, connections: int = 24):
        self.port, self.keys, self.next_call = port, keys, first_call
        self.random = random.Random(seed)
        self.book = Book()
        self.connections = connections
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self) -> Book:
        self._stop.set()
        self._thread.join(60)
        if self._thread.is_alive():
            raise RuntimeError("the load does not end")
        return self.book

    async def _run(self):
        await asyncio.gather(*(self._client() for _ in range(self.connections)))

    async def _client(self):
        while not self._stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            try:
                while not self._stop.is_set():
                    await asyncio.wait_for(self._call(reader, writer), 90)
            except (OSError, asyncio.IncompleteReadError, ValueError, IndexError, TimeoutError):
                pass  # broken off: the call stays open in the book
            finally:
                writer.close()

    async def _call(self, reader, writer):
        number, self.next_call = self.next_call, self.next_call + 1
        stream = self.random.random() < 0.3
        body = chat(stream=stream, max_tokens=self.random.choice([5, 20, 50]))
        key = self.random.choice(self.keys)
        self.book.sent.add(number)
        writer.write(request_bytes(body, key, headers=[(CALL_HEADER, str(number))]))
        reply = await read_reply(reader)
        if reply.status != 200:
            self.book.refused[number] = reply.status
        elif stream and b"[DONE]" not in reply.body:
            self.book.odd.append(f"call {number}: a stream without its end passed as whole")
        else:
            self.book.answered[number] = reply.header("x-request-id")
