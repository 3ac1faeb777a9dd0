"""A collector of OpenTelemetry that takes OTLP over HTTP in JSON, and reads it as its own library does."""

import base64
import json
import time
from dataclasses import dataclass, field

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from http_base import Upstream, plain

JSON = ("content-type", "application/json")


@dataclass
class Span:
    trace: str
    id: str
    parent: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    state: str
    flags: int
    attributes: dict = field(default_factory=dict)
    resource: dict = field(default_factory=dict)


def value_of(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(one) for one in value.array_value.values]
    return getattr(value, kind)


def attributes_of(pairs) -> dict:
    named = {pair.key: value_of(pair.value) for pair in pairs}
    assert len(named) == len(pairs), "an attribute is there twice"
    return named


def with_base64_ids(node):
    """OTLP's JSON has ids in hex, where protobuf's own mapping has all bytes in base64."""
    if isinstance(node, list):
        return [with_base64_ids(one) for one in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key in ("traceId", "spanId", "parentSpanId"):
            assert value == value.lower(), value
            value = base64.b64encode(bytes.fromhex(value)).decode()
        out[key] = with_base64_ids(value)
    return out


def spans_in(body: bytes) -> list[Span]:
    """Fails at anything that the protocol does not have."""
    text = json.dumps(with_base64_ids(json.loads(body)))
    request = json_format.Parse(text, ExportTraceServiceRequest(), ignore_unknown_fields=False)
    spans = []
    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            assert of_scope.scope.name == "metergate"
            for span in of_scope.spans:
                assert (len(span.trace_id), len(span.span_id)) == (16, 8) and len(span.parent_span_id) in (0, 8)
                spans.append(Span(span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.name,
                                  ProtoSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                                  span.start_time_unix_nano, span.end_time_unix_nano,
                                  {0: "unset", 1: "ok", 2: "error"}[span.status.code], span.trace_state, span.flags,
                                  attributes_of(span.attributes), attributes_of(of_resource.resource.attributes)))
    return spans


class Collector(Upstream):
    """`answers`: what the next exports are answered, as (status, fields, body); then 200. `hang`: nothing is."""

    def __init__(self, port: int = 0, **more):
        super().__init__(port, **more)
        self.answers: list[tuple[int, list, bytes]] = []
        self.hang = False
        self.taken: list[bytes] = []

    @property
    def endpoint(self) -> str:
        return self.url.removesuffix("/v1")

    async def answer(self, request, writer) -> bool:
        if self.hang:
            await self._stop.wait()
            return False
        status, fields, body = self.answers.pop(0) if self.answers else (200, [], b'{"partialSuccess":{}}')
        if status == 200:
            self.taken.append(request.body)
        writer.write(plain(status, [JSON, *fields], body))
        await writer.drain()
        return True

    @property
    def spans(self) -> list[Span]:
        """In the order of their starts; a parent before its children."""
        found = [span for body in self.taken for span in spans_in(body)]
        return sorted(found, key=lambda span: (span.start_ns, span.kind == "CLIENT", span.id))

    def wait_for_spans(self, count: int, timeout: float = 20) -> list[Span]:
        deadline = time.monotonic() + timeout
        while len(found := self.spans) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(found) == count, f"{len(found)} spans instead of {count}"
        return found
