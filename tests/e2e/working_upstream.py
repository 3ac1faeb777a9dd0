"""An upstream of OpenAI's dialect whose responses in the background, and batches, go on until a test ends them."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

from http_base import LAST_CHUNK, Request, Upstream, chunk, head, plain
from scripted_upstream import JSON, SSE

USAGE = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 20,
         "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 30}


class WorkingUpstream(Upstream):
    """`responses`, `batches` and `files` are what it has, by their ids; `end` and `end_batch` let one end.

    The stream of a response says three words. What follows comes when the response has ended; unless `cuts_streams`,
    which closes the connection there."""

    def __init__(self, **more):
        super().__init__(**more)
        self.responses: dict[str, dict] = {}
        self.batches: dict[str, dict] = {}
        self.files: dict[str, bytes] = {}
        self.cuts_streams = False
        self.uploads = self.begun = 0

    def end(self, response: str, status: str = "completed", usage: dict | None = USAGE):
        self.responses[response] |= {"status": status, "usage": usage}

    def end_batch(self, batch: str, usage: dict | None = USAGE, results: list[dict] | None = None):
        """`results`: the bodies of what its requests were answered."""
        lines = [json.dumps({"id": "line", "custom_id": f"c{number}", "error": None,
                             "response": {"status_code": 200, "request_id": "r", "body": body}})
                 for number, body in enumerate(results or [])]
        self.files[f"file-of-{batch}"] = "".join(f"{line}\n" for line in lines).encode()
        counts = {"total": len(lines), "completed": len(lines), "failed": 0}
        self.batches[batch] |= {"status": "completed", "output_file_id": f"file-of-{batch}",
                                "request_counts": counts, "usage": usage}

    async def answer(self, request: Request, writer) -> bool:
        path = urlsplit(request.target).path
        if path.endswith("/content"):
            content = self.files[path.split("/")[-2]]
            writer.write(plain(200, [("content-type", "application/octet-stream")], content))
            return True
        status, body = self.reply(request)
        if status == 200 and self.is_stream(request):
            return await self.stream(request, body["id"], writer)
        writer.write(plain(status, [JSON], json.dumps(body).encode()))
        return True

    @staticmethod
    def is_stream(request: Request) -> bool:
        asked = request.json.get("stream") if request.method == "POST" and request.body.startswith(b"{") else None
        return bool(asked) or "true" in parse_qs(urlsplit(request.target).query).get("stream", [])

    async def stream(self, request: Request, response: str, writer) -> bool:
        after = int(parse_qs(urlsplit(request.target).query).get("starting_after", ["-1"])[0])
        writer.write(head(200, [SSE, ("transfer-encoding", "chunked")]))
        delta = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
        if self.responses[response]["status"] == "queued":
            self.responses[response]["status"] = "in_progress"
        first = ("response.created", {"response": self.responses[response] | {"status": "in_progress"}})
        words = [("response.output_text.delta", delta | {"delta": word}) for word in ("one ", "two ", "three")]
        for number, (kind, members) in enumerate([first, *words]):
            if number > after:
                writer.write(self.event(kind, number, members))
        await writer.drain()
        if self.cuts_streams:
            return False
        while self.responses[response]["status"] in ("queued", "in_progress"):
            await asyncio.sleep(0.005)
        writer.write(self.event("response.completed", 4, {"response": self.responses[response]}) + LAST_CHUNK)
        return True

    @staticmethod
    def event(kind: str, number: int, members: dict) -> bytes:
        data = json.dumps({"type": kind, "sequence_number": number, **members})
        return chunk(f"event: {kind}\ndata: {data}\n\n".encode())

    def reply(self, request: Request) -> tuple[int, dict]:
        parts = urlsplit(request.target).path.rstrip("/").split("/")
        if "files" in parts:
            return self.file(request, parts)
        if "batches" in parts:
            return self.batch(request, parts)
        place = parts.index("responses")
        if place == len(parts) - 1:
            return 200, self.begin(request.json)
        response = self.responses.get(parts[place + 1])
        if response is None:
            return self.nothing()
        if request.method == "DELETE":
            del self.responses[response["id"]]
            return 200, {"id": response["id"], "object": "response", "deleted": True}
        if parts[-1] == "input_items":
            return 200, {"object": "list", "data": [{"id": "msg_0", "type": "message", "role": "user", "content": []}],
                         "first_id": "msg_0", "last_id": "msg_0", "has_more": False}
        if parts[-1] == "cancel":
            self.end(response["id"], "cancelled", None)
        elif self.is_stream(request):
            return 200, response
        elif response["status"] == "queued":
            response["status"] = "in_progress"
            return 200, response | {"status": "queued"}
        return 200, response

    def begin(self, asked: dict) -> dict:
        self.begun += 1
        response = {"id": f"resp_{self.begun}", "object": "response", "created_at": 1750000000, "model": asked["model"],
                    "background": bool(asked.get("background")), "status": "queued", "output": [], "usage": None,
                    "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
                    "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0}
        if not asked.get("background"):
            response |= {"status": "completed", "usage": USAGE}
        self.responses[response["id"]] = response
        return response

    @staticmethod
    def nothing() -> tuple[int, dict]:
        return 404, {"error": {"message": "there is none", "type": "invalid_request_error", "code": None}}

    def file(self, request: Request, parts: list[str]) -> tuple[int, dict]:
        """The list is every account's, as a provider's is: a gateway that asks for it shows too much."""
        if request.method == "POST":
            self.uploads += 1
            name = f"file-{self.uploads}"
            self.files[name] = request.body
            return 200, self.file_object(name)
        if parts[-1] == "files":
            return 200, {"object": "list", "data": [self.file_object(name) for name in self.files], "has_more": False}
        if parts[-1] not in self.files:
            return self.nothing()
        if request.method == "DELETE":
            del self.files[parts[-1]]
            return 200, {"id": parts[-1], "object": "file", "deleted": True}
        return 200, self.file_object(parts[-1])

    def file_object(self, name: str) -> dict:
        return {"id": name, "object": "file", "bytes": len(self.files[name]), "created_at": 1750000000,
                "filename": "requests.jsonl", "purpose": "batch_output" if "-of-" in name else "batch",
                "status": "processed"}

    def batch(self, request: Request, parts: list[str]) -> tuple[int, dict]:
        if parts[-1] != "batches":
            batch = self.batches.get(parts[parts.index("batches") + 1])
            if batch is None:
                return self.nothing()
            if parts[-1] == "cancel":
                batch |= {"status": "cancelled", "request_counts": {"total": 0, "completed": 0, "failed": 0},
                          "usage": {**USAGE, "input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}
            return 200, batch
        if request.method == "GET":
            return 200, {"object": "list", "data": list(self.batches.values()), "has_more": False}
        name = f"batch_{len(self.batches) + 1}"
        self.batches[name] = {"id": name, "object": "batch", "status": "validating", "created_at": 1750000000,
                              "usage": None, **request.json}
        return 200, self.batches[name]
