"""An upstream of OpenAI's dialect whose responses in the background, and batches, go on until a test ends them."""

import json

from http_base import Request, Upstream, plain
from scripted_upstream import JSON

USAGE = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 20,
         "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 30}


class WorkingUpstream(Upstream):
    """`responses`, `batches` and `files` are what it has, by their ids; `end` and `end_batch` let one end."""

    def __init__(self, **more):
        super().__init__(**more)
        self.responses: dict[str, dict] = {}
        self.batches: dict[str, dict] = {}
        self.files: dict[str, bytes] = {}

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
        if request.target.endswith("/content"):
            content = self.files[request.target.split("/")[-2]]
            writer.write(plain(200, [("content-type", "application/octet-stream")], content))
            return True
        status, body = self.reply(request)
        writer.write(plain(status, [JSON], json.dumps(body).encode()))
        return True

    def reply(self, request: Request) -> tuple[int, dict]:
        parts = request.target.split("?")[0].split("/")
        if "files" in parts:
            return 200, self.file(request)
        if "batches" in parts:
            return 200, self.batch(request, parts)
        place = parts.index("responses")
        if place == len(parts) - 1:
            return 200, self.begin(request.json)
        response = self.responses.get(parts[place + 1])
        if response is None:
            return 404, {"error": {"message": "no such response", "type": "invalid_request_error", "code": None}}
        if request.method == "DELETE":
            del self.responses[response["id"]]
            return 200, {"id": response["id"], "object": "response", "deleted": True}
        if parts[-1] == "cancel":
            self.end(response["id"], "cancelled", None)
        elif response["status"] == "queued":
            response["status"] = "in_progress"
            return 200, response | {"status": "queued"}
        return 200, response

    def begin(self, asked: dict) -> dict:
        number = len(self.responses) + 1
        response = {"id": f"resp_{number}", "object": "response", "created_at": 1750000000, "model": asked["model"],
                    "background": bool(asked.get("background")), "status": "queued", "output": [], "usage": None,
                    "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
                    "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0}
        if not asked.get("background"):
            response |= {"status": "completed", "usage": USAGE}
        self.responses[response["id"]] = response
        return response

    def file(self, request: Request) -> dict:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = request.body
        return {"id": name, "object": "file", "bytes": len(request.body), "created_at": 1750000000,
                "filename": "requests.jsonl", "purpose": "batch", "status": "processed"}

    def batch(self, request: Request, parts: list[str]) -> dict:
        if parts[-1] != "batches":
            batch = self.batches[parts[parts.index("batches") + 1]]
            if parts[-1] == "cancel":
                batch |= {"status": "cancelled", "request_counts": {"total": 0, "completed": 0, "failed": 0},
                          "usage": {**USAGE, "input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}
            return batch
        name = f"batch_{len(self.batches) + 1}"
        self.batches[name] = {"id": name, "object": "batch", "status": "validating", "created_at": 1750000000,
                              "usage": None, **request.json}
        return self.batches[name]
