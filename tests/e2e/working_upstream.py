"""An upstream of OpenAI's dialect whose responses go on in the background until a test ends them."""

import json

from http_base import Request, Upstream, plain
from scripted_upstream import JSON

USAGE = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 20,
         "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 30}


class WorkingUpstream(Upstream):
    """`responses` are what it has begun, by their ids; `end` lets one end."""

    def __init__(self, **more):
        super().__init__(**more)
        self.responses: dict[str, dict] = {}

    def end(self, response: str, status: str = "completed", usage: dict | None = USAGE):
        self.responses[response] |= {"status": status, "usage": usage}

    async def answer(self, request: Request, writer) -> bool:
        status, body = self.reply(request)
        writer.write(plain(status, [JSON], json.dumps(body).encode()))
        return True

    def reply(self, request: Request) -> tuple[int, dict]:
        parts = request.target.split("?")[0].split("/")
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
