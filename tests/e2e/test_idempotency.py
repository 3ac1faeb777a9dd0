"""A call with an Idempotency-Key is sent at most once, whatever becomes of the gateway meanwhile."""

import threading
import time
import uuid

import pytest

from gateway import Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, chat

pytestmark = pytest.mark.smoke


class Idempotent(Gateway):
    """A gateway whose route keeps replies."""

    def __init__(self, folder, upstream: str, settings: str = "{ ttl: 1h }", **more):
        super().__init__(folder, upstream, **more)
        text = self.config.read_text()
        at = text.index("    max_body_bytes:")
        self.config.write_text(text[:at] + f"    idempotency: {settings}\n" + text[at:])


@pytest.fixture
def pair(tmp_path):
    with ScriptedUpstream() as upstream, Idempotent(tmp_path / "gateway", upstream.url) as gateway:
        yield gateway, upstream


def ask(gateway, key, name, body=None):
    return call(gateway.port, body or chat(), key["secret"], headers=[("Idempotency-Key", name)])


def test_a_repeated_call_gets_the_first_reply_and_pays_once(pair):
    gateway, upstream = pair
    key = gateway.key("1 usd/day")
    first = ask(gateway, key, "one")
    again = ask(gateway, key, "one")
    assert first.status == again.status == 200 and again.body == first.body
    assert again.header("idempotent-replayed") == "true"
    assert again.header("x-original-request-id") == first.header("x-request-id")
    assert upstream.hits == 1
    limit = gateway.control.limits_of(key)[0]["id"]
    spent = gateway.control.wait_for_numbers(limit, reserved=0, unresolved=0)["spent"]
    assert f"{spent:f}".rstrip("0") == first.header("x-request-cost").rstrip("0")
    assert gateway.cli("doctor").returncode == 0


def test_a_stream_is_replayed_as_its_bytes(pair):
    gateway, upstream = pair
    key = gateway.key()
    replies = [ask(gateway, key, "stream", chat(stream=True)) for _ in range(2)]
    assert replies[0].body == replies[1].body and b"[DONE]" in replies[1].body
    assert replies[1].header("content-type").startswith("text/event-stream")
    assert upstream.hits == 1


def test_two_calls_at_once_are_one_at_the_upstream(pair):
    gateway, upstream = pair
    key = gateway.key("1 usd/day")
    upstream.script = Script(latency_s=0.3)
    replies = []
    callers = [threading.Thread(target=lambda: replies.append(ask(gateway, key, "both"))) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [reply.status for reply in replies] == [200] * 8
    assert len({reply.body for reply in replies}) == 1
    assert sum(reply.header("idempotent-replayed") == "true" for reply in replies) == 7
    assert upstream.hits == 1


def test_who_waits_too_long_is_told_to_ask_again(tmp_path):
    with ScriptedUpstream() as upstream, Idempotent(tmp_path / "gateway", upstream.url,
                                                    "{ max_wait_ms: 50 }") as gateway:
        key = gateway.key()
        upstream.script = Script(latency_s=1.0)
        first = []
        caller = threading.Thread(target=lambda: first.append(ask(gateway, key, "slow")))
        caller.start()
        deadline = time.monotonic() + 5
        while upstream.hits == 0:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        early = ask(gateway, key, "slow")
        assert (early.status, early.error["type"], early.header("retry-after")) == (409, "request_in_progress", "1")
        assert early.header("x-should-retry") is None
        caller.join()
        assert first[0].status == 200 and ask(gateway, key, "slow").body == first[0].body
        assert upstream.hits == 1


def test_another_request_or_another_api_key_is_another_matter(pair):
    gateway, upstream = pair
    key, other = gateway.key(), gateway.key()
    assert ask(gateway, key, "one").status == 200
    refused = ask(gateway, key, "one", chat(max_tokens=7))
    assert (refused.status, refused.error["type"]) == (422, "idempotency_mismatch")
    assert refused.header("x-should-retry") == "false"
    assert ask(gateway, other, "one").header("idempotent-replayed") is None
    assert upstream.hits == 2


def test_after_a_crash_between_send_and_reply_nothing_is_sent_again(pair):
    gateway, upstream = pair
    key = gateway.key("1 usd/day")
    assert ask(gateway, key, "kept").status == 200
    upstream.script = Script(hang=True)
    caller = threading.Thread(target=lambda: pytest.raises(Exception, ask, gateway, key, "lost"))
    caller.start()
    deadline = time.monotonic() + 10
    while upstream.hits < 2:
        assert time.monotonic() < deadline, "the call does not reach the upstream"
        time.sleep(0.005)
    gateway.kill()
    caller.join()
    upstream.script = Script()
    gateway.start()
    for _ in range(2):
        again = ask(gateway, key, "lost")
        assert (again.status, again.error["type"]) == (409, "outcome_unknown")
        assert again.header("x-should-retry") == "false"
    assert upstream.hits == 2, "never a second send"
    assert ask(gateway, key, "kept").header("idempotent-replayed") == "true", "what was kept outlives the crash"
    assert upstream.hits == 2


def test_a_refusal_frees_the_key_through_restarts(pair):
    gateway, upstream = pair
    key = gateway.key()
    limit = gateway.control.limit(key=key["id"], unit="requests", window="day", amount="0")
    assert ask(gateway, key, "one").status == 402
    gateway.control.ask("PATCH", f"/api/v1/limits/{limit['id']}", {"amount": "9"})
    assert gateway.stop() == 0
    gateway.start()
    assert ask(gateway, key, "one").status == 200 and upstream.hits == 1


def test_a_call_that_ends_while_the_gateway_shuts_down_is_kept(pair):
    gateway, upstream = pair
    key = gateway.key()
    upstream.script = Script(latency_s=0.5)
    replies = []
    caller = threading.Thread(target=lambda: replies.append(ask(gateway, key, "last")))
    caller.start()
    deadline = time.monotonic() + 10
    while upstream.hits < 1:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert gateway.stop() == 0
    caller.join()
    assert replies[0].status == 200
    gateway.start()
    assert ask(gateway, key, "last").body == replies[0].body and upstream.hits == 1


def test_a_reply_beyond_the_bound_is_passed_on_and_not_kept(tmp_path):
    with ScriptedUpstream() as upstream, Idempotent(tmp_path / "gateway", upstream.url,
                                                    "{ max_reply_bytes: 64 }") as gateway:
        key = gateway.key()
        first = ask(gateway, key, "large")
        assert first.status == 200 and len(first.body) > 64
        again = ask(gateway, key, "large")
        assert (again.status, again.error["type"]) == (409, "reply_not_kept")
        assert upstream.hits == 1


def test_after_its_time_the_key_is_new(tmp_path):
    with ScriptedUpstream() as upstream, Idempotent(tmp_path / "gateway", upstream.url, "{ ttl: 1s }") as gateway:
        key = gateway.key()
        assert ask(gateway, key, "brief").status == 200
        deadline = time.monotonic() + 10
        while ask(gateway, key, "brief").header("idempotent-replayed"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert upstream.hits == 2


def test_many_keys_at_once(pair):
    gateway, upstream = pair
    key = gateway.key("100 usd/day")
    names = [uuid.uuid4().hex for _ in range(20)] * 3
    replies = []
    callers = [threading.Thread(target=lambda name=name: replies.append(ask(gateway, key, name))) for name in names]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [reply.status for reply in replies] == [200] * 60
    assert upstream.hits == 20
