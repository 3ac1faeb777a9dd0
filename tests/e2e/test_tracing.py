"""Spans of calls, as a collector gets them: read with the protocol's own library, held against the usage records."""

import re
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import openai
import pytest
import trustme

from collector import Collector, Span
from gateway import UPSTREAM_SECRET, Gateway, free_port
from scripted_upstream import Script, ScriptedUpstream
from test_metrics import read, read_when, samples
from wire import call, call_many, chat

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = PARENT[:-2] + "00"
TRACE = PARENT[3:35]


@pytest.fixture
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture
def traced(tmp_path, own_upstream, collector):
    """Makes a gateway that traces to the collector; `more` are keys of `tracing`. What waits is sent when it stops."""
    gateways = []

    def make(edit: Callable[[str], str] = lambda text: text, **more) -> Gateway:
        keys = {"otlp": collector.endpoint, **more}
        tracing = "tracing: { %s }\n" % ", ".join(f"{name}: {value}" for name, value in keys.items())
        gateway = Gateway(tmp_path / f"gateway{len(gateways)}", own_upstream.url, first_byte_ms=500, more=tracing)
        gateway.config.write_text(edit(gateway.config.read_text()))
        gateways.append(gateway.start())
        return gateway

    yield make
    for gateway in gateways:
        if gateway.process.poll() is None:
            assert gateway.stop() == 0, gateway.log()


def exported(gateway: Gateway) -> dict[str, int]:
    """What became of spans, by the reason; those that arrived under ''."""
    found = {}
    for name, labels, value in samples(read(gateway)):
        if name in ("metergate_spans_exported_total", "metergate_spans_dropped_total"):
            found[labels.get("reason", "")] = int(value)
    return found


def wait_for_export(gateway: Gateway, reason: str, spans: int) -> None:
    deadline = time.monotonic() + 20
    while exported(gateway)[reason] < spans:
        assert time.monotonic() < deadline, exported(gateway)
        time.sleep(0.02)


def check_books(span: Span, record: dict) -> None:
    """What a span says of a call's money is what its usage record says."""
    said = span.attributes
    names = {"exchange.id": "id", "account.id": "account", "key.id": "key", "outcome": "outcome"}
    assert {ours: said[f"metergate.{ours}"] for ours in names} == {ours: record[name] for ours, name in names.items()}
    if record["outcome"] != "refused":
        assert (said["metergate.cost_usd"], said["metergate.reserved_usd"]) == (record["cost"], record["estimate"])


@pytest.mark.smoke
def test_a_served_call_is_a_span_with_a_child_for_its_upstream(traced, own_upstream, collector):
    gateway = traced(service_name="gate")
    key = gateway.key("1 usd/day")
    client = openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)
    client.chat.completions.create(model="priced", messages=[{"role": "user", "content": "the secret prompt"}],
                                   max_tokens=50, extra_headers={"traceparent": PARENT, "tracestate": "a=1, b=2"})
    record = gateway.control.wait_for_records(1)[0]
    assert gateway.stop() == 0
    server, upstream = collector.wait_for_spans(2)

    assert (server.name, server.kind, server.status) == ("POST /v1/chat/completions", "SERVER", "unset")
    assert (server.trace, server.parent) == (TRACE, PARENT[36:52])
    assert server.state == upstream.state == "a=1,b=2"
    assert (server.flags, upstream.flags) == (0x301, 0x101), "sampled, and the first one's parent is remote"
    assert server.resource["service.name"] == "gate"
    check_books(server, record)
    assert server.attributes.items() >= {
        "http.request.method": "POST", "http.route": "/v1/chat/completions", "http.response.status_code": 200,
        "url.scheme": "http", "gen_ai.request.model": "priced", "metergate.route": "openai",
        "metergate.cost_usd": "0.00006", "metergate.certainty": "exact"}.items()

    assert (upstream.name, upstream.kind, upstream.status) == ("chat priced", "CLIENT", "unset")
    assert (upstream.trace, upstream.parent) == (server.trace, server.id)
    assert upstream.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "priced",
        "gen_ai.request.max_tokens": 50, "gen_ai.response.model": "priced",
        "gen_ai.response.finish_reasons": ["stop"], "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1", "server.port": own_upstream.port, "http.request.method": "POST",
        "http.response.status_code": 200, "metergate.upstream": "openai"}
    assert server.start_ns <= upstream.start_ns <= upstream.end_ns <= server.end_ns
    assert abs(server.start_ns / 1e9 - time.time()) < 60

    export = collector.requests[0]
    assert (export.method, export.target) == ("POST", "/v1/traces")
    assert export.header("content-type") == "application/json"
    for secret in (key["secret"], UPSTREAM_SECRET, "the secret prompt"):
        assert secret.encode() not in export.body


@pytest.mark.smoke
def test_a_stream_says_when_its_first_chunk_came_and_what_it_used(traced, own_upstream, collector):
    gateway = traced()
    own_upstream.script = Script(chunk_delay_s=0.05)
    key = gateway.key("1 usd/day")
    assert call(gateway.port, chat(stream=True), key["secret"]).status == 200
    record = gateway.control.wait_for_records(1)[0]
    gateway.stop()
    server, upstream = collector.wait_for_spans(2)
    check_books(server, record)
    said = upstream.attributes
    assert said["gen_ai.request.stream"] is True
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (10, 5)
    whole = (upstream.end_ns - upstream.start_ns) / 1e9
    assert 0 < said["gen_ai.response.time_to_first_chunk"] < whole and whole >= 0.15


@pytest.mark.smoke
def test_a_refused_call_says_which_limit_refused_it_and_has_no_child(traced, collector):
    gateway = traced()
    key = gateway.key("0.00001 usd/day")
    assert call(gateway.port, chat(), key["secret"]).status == 402
    limit = gateway.control.limits_of(key)[0]
    record = gateway.control.wait_for_records(1)[0]
    numbers = record["refused_by"]
    assert call(gateway.port, chat(), "mg_live_unknown").status == 401
    gateway.stop()
    refused, unknown = collector.wait_for_spans(2)
    check_books(refused, record)
    assert (refused.kind, refused.status) == ("SERVER", "unset"), "a status of 4xx is the client's affair"
    said = refused.attributes
    assert said.items() >= {
        "metergate.refusal.type": "limit_reached", "metergate.refusal.limit.id": limit["id"],
        "metergate.refusal.limit.kind": "limit", "metergate.refusal.limit.unit": "usd",
        "metergate.refusal.required": numbers["required"], "metergate.refusal.available": numbers["available"],
        "http.response.status_code": 402, "gen_ai.request.model": "priced"}.items()
    assert not said.keys() & {"metergate.cost_usd", "metergate.reserved_usd", "error.type"}
    assert unknown.attributes["metergate.refusal.type"] == "unauthorized"
    assert "metergate.account.id" not in unknown.attributes


@pytest.mark.smoke
def test_each_upstream_that_was_tried_is_a_child(traced, own_upstream, collector):
    own_upstream.script = Script(status=429)
    with ScriptedUpstream() as second:
        def with_second(text: str) -> str:
            text = text.replace("routes:", f"  second: {{ url: \"{second.url}\", provider: mistral }}\nroutes:")
            both = "    upstreams: [{ name: openai }, { name: second, order: 2 }]\n"
            return text.replace("    upstream: openai\n", both)
        gateway = traced(with_second)
        key = gateway.key("1 usd/day")
        assert call(gateway.port, chat(), key["secret"]).status == 200
        record = gateway.control.wait_for_records(1)[0]
        gateway.stop()
    server, first, served = collector.wait_for_spans(3)
    check_books(server, record)
    assert (server.status, server.attributes["metergate.upstream"]) == ("unset", "second")
    assert first.parent == served.parent == server.id and first.id != served.id
    assert (first.status, first.attributes["error.type"], first.attributes["http.response.status_code"]) == (
        "error", "429", 429)
    assert "gen_ai.usage.input_tokens" not in first.attributes, "tokens are counted once"
    assert (served.status, served.attributes["gen_ai.provider.name"]) == ("unset", "mistral_ai")
    assert served.attributes["gen_ai.usage.input_tokens"] == 10
    assert first.end_ns <= served.start_ns


@pytest.mark.smoke
def test_what_failed_upstream_is_an_error_and_says_what_stays_open(traced, own_upstream, collector):
    gateway = traced()
    key = gateway.key("1 usd/day")
    own_upstream.script = Script(hang=True)
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 504
    own_upstream.script = Script(status=500)
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 500
    own_upstream.script = Script(break_after=2)
    assert call(gateway.port, chat(stream=True, max_tokens=10), key["secret"]).status == 200
    records = gateway.control.wait_for_records(3)
    gateway.stop()
    late, late_child, failed, failed_child, broken, broken_child = collector.wait_for_spans(6)
    for span, record in zip((late, failed, broken), records):
        check_books(span, record)
        assert span.status == "error"
    assert late.attributes.items() >= {"error.type": "upstream_timeout", "metergate.certainty": "at_least",
                                       "metergate.fault": "upstream_timeout", "metergate.outcome": "failed"}.items()
    assert late_child.attributes["error.type"] == "upstream_timeout"
    assert "http.response.status_code" not in late_child.attributes
    assert failed.attributes["error.type"] == failed_child.attributes["error.type"] == "500"
    assert (broken.attributes["error.type"], broken_child.status) == ("upstream_error", "error")


@pytest.mark.smoke
def test_a_trace_goes_on_where_its_parent_is_valid_and_was_recorded(traced, own_upstream, collector):
    gateway = traced(sample=0)
    key = gateway.key("1 usd/day")
    sent = [(PARENT, 1), (UNSAMPLED, 0), (PARENT.upper(), 0), (PARENT + "-more", 0), ("cc" + PARENT[2:] + "-more", 1)]
    for parent, _ in sent:
        assert call(gateway.port, chat(), key["secret"], headers=[("traceparent", parent)]).status == 200
    assert call(gateway.port, chat(), key["secret"]).status == 200
    gateway.stop()
    servers = [span for span in collector.spans if span.kind == "SERVER"]
    assert [(span.trace, span.parent) for span in servers] == [(TRACE, PARENT[36:52])] * sum(n for _, n in sent)
    assert [request.header("traceparent") for request in own_upstream.requests] == [one for one, _ in sent] + [None], \
        "what the client sent goes upstream as it is"


@pytest.mark.smoke
def test_a_part_of_the_traces_that_begin_here_is_sampled(traced, collector):
    gateway = traced(sample="0.5")
    key = gateway.key("1000 requests/day")
    for _ in range(60):
        assert call(gateway.port, chat(max_tokens=1), key["secret"]).status == 200
    gateway.stop()
    traces = {span.trace for span in collector.spans}
    # By chance it is none or all of them once in 2^59.
    assert 0 < len(traces) < 60 and len(collector.spans) == 2 * len(traces)


@pytest.mark.smoke
def test_the_upstream_is_told_of_its_span_where_that_is_wanted(traced, own_upstream, collector):
    gateway = traced(propagate="true", sample=0)
    key = gateway.key("1 usd/day")
    state = [("tracestate", "a=1"), ("tracestate", "b=2")]
    for headers in ([("traceparent", PARENT), *state], [("traceparent", "broken"), *state],
                    [("Traceparent", UNSAMPLED), *state]):
        assert call(gateway.port, chat(), key["secret"], headers=headers).status == 200
    gateway.stop()
    _, upstream = collector.wait_for_spans(2)
    recorded, begun, unsampled = own_upstream.requests
    assert recorded.header("traceparent") == f"00-{TRACE}-{upstream.id}-01"
    assert recorded.header("tracestate") == unsampled.header("tracestate") == "a=1,b=2"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", begun.header("traceparent"))
    assert TRACE not in begun.header("traceparent") and begun.header("tracestate") is None
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-00", unsampled.header("traceparent"))
    assert PARENT[36:52] not in unsampled.header("traceparent")
    assert [name.lower() for name, _ in unsampled.headers].count("traceparent") == 1


def test_calls_go_on_while_the_collector_is_away_and_it_gets_them_when_it_is_back(tmp_path, own_upstream):
    port = free_port()
    gateway = Gateway(tmp_path / "gateway", own_upstream.url, more=f"tracing: {{ otlp: http://127.0.0.1:{port} }}\n")
    with gateway:
        key = gateway.key("1 usd/day")
        assert call(gateway.port, chat(), key["secret"]).status == 200
        text = read_when(gateway, lambda text: "metergate_span_export_failures_total 2" in text)
        assert "metergate_span_export_failures_total 2" in text
        last = re.search(r"metergate_span_export_last_failure_timestamp_seconds (\d+)", text)
        assert abs(int(last[1]) - time.time()) < 60
        assert call(gateway.port, chat(), key["secret"]).status == 200
        with Collector(port) as collector:
            collector.wait_for_spans(4)
            wait_for_export(gateway, "", 4)
        assert exported(gateway) == {"": 4, "queue_full": 0, "refused": 0, "unreachable": 0, "shutdown": 0}
    assert gateway.log().count("does not take spans") == 1
    assert gateway.log().count("takes spans again") == 1


def test_what_the_collector_cannot_take_now_is_sent_again_and_what_it_refuses_is_not(traced, collector):
    gateway = traced()
    key = gateway.key("1 usd/day")
    collector.answers = [(503, [("retry-after", "1")], b""), (429, [("retry-after", "0")], b""), (200, [], b"{}"),
                         (200, [], b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}'),
                         (200, [], b"{}"), (400, [], b'{"message":"bad data"}')]
    assert call(gateway.port, chat(), key["secret"]).status == 200
    wait_for_export(gateway, "", 2)
    first, again, third = collector.requests
    assert first.body == again.body == third.body and 1 <= again.at - first.at < 3 and third.at - again.at < 1
    for reason, spans in (("refused", 1), ("", 5), ("refused", 3)):
        assert call(gateway.port, chat(), key["secret"]).status == 200
        wait_for_export(gateway, reason, spans)
    assert exported(gateway) == {"": 5, "queue_full": 0, "refused": 3, "unreachable": 0, "shutdown": 0}
    assert len(collector.requests) == 6
    assert gateway.log().count("does not take spans: it answered 503") == 1
    assert gateway.log().count('does not take spans: it answered 400: {"message":"bad data"}') == 1
    assert gateway.log().count("does not take 1 of 2 spans, and says: 'too old'") == 1


def test_a_collector_that_hangs_costs_calls_nothing_and_fills_no_memory(traced, collector):
    collector.hang = True
    gateway = traced(queue=20)
    key = gateway.key("10000 requests/day")
    took = []
    for _ in range(120):
        before = time.monotonic()
        assert call(gateway.port, chat(max_tokens=1), key["secret"]).status == 200
        took.append(time.monotonic() - before)
    assert sorted(took)[len(took) // 2] < 0.5
    lost = exported(gateway)
    # At most 20 wait and one export was on its way; a call is two spans.
    assert lost["queue_full"] >= 2 * (120 - 2 * 20) and lost[""] == 0
    before = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - before < 10, "a stop waits for the collector for a moment alone"


def test_a_batch_goes_as_soon_as_it_is_whole(traced, collector):
    gateway = traced()
    key = gateway.key("10000 requests/day")
    before = time.monotonic()
    done = threading.Event()

    def call_on():
        while not done.is_set():
            call(gateway.port, chat(max_tokens=1), key["secret"])

    callers = [threading.Thread(target=call_on) for _ in range(4)]
    for caller in callers:
        caller.start()
    while not collector.taken and time.monotonic() - before < 30:
        time.sleep(0.01)
    done.set()
    for caller in callers:
        caller.join()
    gateway.stop()
    assert collector.requests[0].at - before < 4, "else it goes after 5 s"
    assert max(body.count(b'"spanId"') for body in collector.taken) <= 512
    records = len({span.attributes["metergate.exchange.id"] for span in collector.spans if span.kind == "SERVER"})
    assert len(collector.spans) == 2 * records


def test_an_encrypted_collector_is_verified_and_gets_its_fields(tmp_path, own_upstream, monkeypatch):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setenv("COLLECTOR_TOKEN", "Bearer secret-of-the-collector")
    with Collector(tls=context, host="localhost") as collector:
        more = ("tracing:\n"
                f"  otlp: {collector.endpoint}/otlp/traces\n"
                "  headers: { Authorization: \"${COLLECTOR_TOKEN}\", X-Scope-OrgID: acme }\n"
                f"  ca_file: {tmp_path / 'ca.pem'}\n")
        with Gateway(tmp_path / "gateway", own_upstream.url, more=more) as gateway:
            key = gateway.key("1 usd/day")
            assert call(gateway.port, chat(), key["secret"]).status == 200
            gateway.stop()
            collector.wait_for_spans(2)
        export = collector.requests[0]
        assert export.target == "/otlp/traces" and export.header("x-scope-orgid") == "acme"
        assert export.header("authorization") == "Bearer secret-of-the-collector"
    assert "secret-of-the-collector" not in gateway.log()


def test_a_call_that_is_cut_off_is_told_of(traced, own_upstream, collector):
    def soon_over(text: str) -> str:
        return text.replace("drain_ms: 5000", "drain_ms: 100").replace("first_byte_ms: 500,", "first_byte_ms: 20000,")
    gateway = traced(soon_over)
    def soon_over(text: str) -> str:
        return text.replace("drain_ms: 5000", "drain_ms: 100").replace("first_byte_ms: 500,", "first_byte_ms: 20000,")
    gateway = traced(soon_over)
    key = gateway.key("1 usd/day")
    own_upstream.script = Script(hang=True)
    caller = threading.Thread(target=lambda: call_many(gateway.port, [chat(max_tokens=10)], key["secret"]))
    caller.start()
    deadline = time.monotonic() + 10
    while not own_upstream.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gateway.stop() == 0
    caller.join()
    server, upstream = collector.wait_for_spans(2)
    assert (server.status, server.attributes["error.type"]) == ("error", "cut_off")
    assert "http.response.status_code" not in server.attributes
    assert (server.attributes["metergate.outcome"], server.attributes["metergate.certainty"]) == ("failed", "at_least")
    assert upstream.parent == server.id


def test_without_the_section_nothing_is_traced(gateway):
    assert "metergate_span" not in read(gateway)
    tasks = Path(f"/proc/{gateway.process.pid}/task").iterdir()
    assert not any((task / "comm").read_text().startswith("mg-tracing") for task in tasks)
