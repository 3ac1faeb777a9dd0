"""The tests' own upstreams, without a gateway: what they say must be right before anything is measured against it."""

import socket

import openai
import pytest

import clients
import replay_upstream
from scripted_upstream import Script, ScriptedUpstream
from wire import call, chat

pytestmark = pytest.mark.own_tools


def test_recorded_exchanges_come_back_byte_for_byte_through_both_official_clients(traffic, tmp_path):
    exchanges = replay_upstream.load(traffic)
    assert exchanges
    with replay_upstream.ReplayUpstream(exchanges, log=tmp_path / "log") as upstream:
        node = clients.send_node(exchanges, upstream.url, "sk-client")
        for exchange in exchanges:
            wanted = (exchange.status, exchange.body)
            assert clients.send_python(exchange, upstream.url, "sk-client")[:2] == wanted, exchange.name
            assert node[exchange.name][:2] == wanted, exchange.name
        assert upstream.problems == []
        assert upstream.hits == 2 * len(exchanges)
        assert {request.header("authorization") for request in upstream.requests} == {"Bearer sk-client"}


def test_replay_adds_a_usage_event_only_where_the_gateway_asked_and_the_client_had_not(traffic):
    exchange = next(one for one in replay_upstream.load(traffic) if one.stream and not one.asked_for_usage)
    with replay_upstream.ReplayUpstream([exchange]) as upstream:
        asked = {**exchange.request, "stream_options": {"include_usage": True}}
        body = call(upstream.port, asked, "k").body
        assert body.count(b"data: ") == exchange.body.count(b"data: ") + 1
        assert body.endswith(b"data: [DONE]\n\n")
        assert b'"completion_tokens": 7' in body
        assert upstream.problems == []


def test_replay_reports_a_cap_that_was_raised_and_a_request_that_was_never_recorded(traffic):
    exchange = next(one for one in replay_upstream.load(traffic) if one.request.get("max_tokens"))
    with replay_upstream.ReplayUpstream([exchange]) as upstream:
        call(upstream.port, {**exchange.request, "max_tokens": exchange.request["max_tokens"] - 1}, "k")
        assert upstream.problems == []
        call(upstream.port, {**exchange.request, "max_tokens": exchange.request["max_tokens"] + 1}, "k")
        assert "max_tokens" in upstream.problems.pop()
        assert call(upstream.port, chat("never-recorded"), "k").status == 500
        assert "no recording" in upstream.problems.pop()


def test_the_scripted_upstream_speaks_the_dialect_to_the_official_client():
    with ScriptedUpstream() as upstream:
        client = openai.OpenAI(api_key="k", base_url=upstream.url, max_retries=0)
        request = {"model": "priced", "messages": [{"role": "user", "content": "hello"}]}
        assert client.chat.completions.create(**request).usage.completion_tokens == 5
        upstream.script = Script(whole_reservation=True)
        assert client.chat.completions.create(**request, max_completion_tokens=77).usage.completion_tokens == 77
        streamed = list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
        assert len(streamed) == 6 and streamed[-1].usage.total_tokens == 1010
        upstream.script = Script(status=503)
        with pytest.raises(openai.InternalServerError, match="scripted 503"):
            client.chat.completions.create(**request)


def test_the_scripted_upstream_breaks_off_and_resets_when_told():
    with ScriptedUpstream() as upstream:
        upstream.script = Script(break_after=2)
        with pytest.raises(Exception):
            call(upstream.port, chat(stream=True), "k")
        upstream.script = Script(reset=True)
        with pytest.raises(ConnectionError):
            call(upstream.port, chat(), "k")
        upstream.script = Script(hang=True)
        with pytest.raises(TimeoutError):
            call(upstream.port, chat(), "k", timeout=0.2)
        assert upstream.hits == 3 and upstream.served == 0


def test_the_wire_client_reads_what_it_sends_in_chunks():
    with ScriptedUpstream() as upstream:
        assert call(upstream.port, chat(), "k", chunked=True).status == 200
        assert upstream.requests[0].json == chat()
        with socket.create_connection(("127.0.0.1", upstream.port)):
            pass  # a connection that says nothing is no hit
        assert upstream.hits == 1
