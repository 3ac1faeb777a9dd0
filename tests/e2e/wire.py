"""The client's side of the wire: requests as bytes, replies as bytes, nothing interpreted behind a test's back."""

import asyncio
import json
import socket
import time
from dataclasses import dataclass, field


@dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        return self.json["error"]


def chat(model: str = "priced", *, stream: bool = False, **more) -> dict:
    """A small chat request; `more` goes into the body."""
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], **more}
    return body | {"stream": True} if stream else body


def request_bytes(body: dict | bytes | None, key: str | None, *, method: str = "POST", headers=(),
                  path: str = "/v1/chat/completions", chunked: bool = False) -> bytes:
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: gateway.test"]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        data = b"".join(b"%x\r\n%s\r\n" % (len(data[at:at + 7]), data[at:at + 7]) for at in range(0, len(data), 7))
        data += b"0\r\n\r\n"
    elif body is not None:
        lines.append(f"Content-Length: {len(data)}")
    if body is not None:
        lines.append("Content-Type: application/json")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data


async def read_head(reader: asyncio.StreamReader) -> Reply:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
    return Reply(int(first.split(" ")[1]), headers)


async def read_reply(reader: asyncio.StreamReader, method: str = "POST") -> Reply:
    reply = await read_head(reader)
    while 100 <= reply.status < 200:
        reply = await read_head(reader)
    if method == "HEAD" or reply.status in (204, 304):
        return reply
    if (reply.header("transfer-encoding") or "").lower() == "chunked":
        async for piece in chunks(reader):
            reply.body += piece
    elif (length := reply.header("content-length")) is not None:
        reply.body = await reader.readexactly(int(length))
    else:
        reply.body = await reader.read()
    return reply


async def chunks(reader: asyncio.StreamReader):
    """The payload of each chunk as it arrives."""
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        if size == 0:
            while (await reader.readline()) not in (b"\r\n", b""):
                pass
            return
        yield await reader.readexactly(size)
        await reader.readexactly(2)


async def fetch(port: int, body, key: str | None, timeout: float = 30, **more) -> Reply:
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 << 20)
        try:
            writer.write(request_bytes(body, key, **more))
            return await read_reply(reader, more.get("method", "POST"))
        finally:
            writer.close()


def call(port: int, body, key: str | None, timeout: float = 30, **more) -> Reply:
    """One request on a connection of its own."""
    return asyncio.run(fetch(port, body, key, timeout, **more))


def call_many(port: int, bodies: list, key: str, timeout: float = 120, concurrency: int = 1000) -> list[Reply | None]:
    """All at once, each on a connection of its own; None where the connection broke."""
    async def one(body, gate) -> Reply | None:
        async with gate:
            try:
                return await fetch(port, body, key, timeout)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                return None

    async def everything():
        gate = asyncio.Semaphore(concurrency)
        return await asyncio.gather(*(one(body, gate) for body in bodies))

    return asyncio.run(everything())


def exchange_raw(port: int, sent: bytes, timeout: float = 5) -> tuple[bytes, bool]:
    """Sends bytes as they are; what came back and whether the gateway closed the connection within `timeout`."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        deadline = time.monotonic() + timeout
        try:
            connection.sendall(sent)
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                if not (piece := connection.recv(65536)):
                    return received, True
                received += piece
        except TimeoutError:
            return received, False
        except ConnectionError:
            return received, True
    return received, False
