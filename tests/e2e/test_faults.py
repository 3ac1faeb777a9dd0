"""An upstream's faults: what the client hears, who is blamed, and what stays held."""

import pytest

from scripted_upstream import Script
from wire import call, chat

pytestmark = pytest.mark.smoke


def run(gateway, upstream, script: Script, **more):
    """One call under a script: the reply, its record and its limit's id."""
    upstream.script = script
    key = gateway.key("1 usd/day")
    reply = call(gateway.port, chat(max_tokens=100, **more), key["secret"])
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    return reply, record, gateway.control.limits_of(key)[0]["id"]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_the_upstreams_own_error_passes_unchanged_and_is_attributed_to_it(gateway, upstream, status):
    body = b'{"error": {"message": "as the provider  wrote it", "type": "t", "param": null, "code": "c"}}'
    reply, record, limit = run(gateway, upstream, Script(status=status, body=body, headers=[("retry-after", "7")]))
    assert (reply.status, reply.body, reply.header("retry-after")) == (status, body, "7")
    assert record["status"] == status and record["fault"] == "upstream_refusal"
    if status < 500:  # a definite refusal: the provider bills nothing
        gateway.control.wait_for_numbers(limit, spent=0, reserved=0, unresolved=0)
    else:  # it may have worked and billed: what is not known is held
        numbers = gateway.control.wait_for_numbers(limit, reserved=0)
        assert numbers["spent"] == 0


def test_an_upstream_that_does_not_answer_is_504_and_its_money_stays_held(gateway, upstream):
    reply, record, limit = run(gateway, upstream, Script(hang=True))
    assert reply.status == 504 and reply.error["type"] == "upstream_timeout"
    assert record["fault"] == "upstream_timeout" and record["status"] == 504
    numbers = gateway.control.wait_for_numbers(limit, reserved=0, spent=0)
    assert numbers["unresolved"] > 0


def test_an_upstream_that_resets_is_502_and_its_money_stays_held(gateway, upstream):
    reply, record, limit = run(gateway, upstream, Script(reset=True))
    assert reply.status == 502 and reply.error["type"] == "upstream_error"
    assert record["fault"] == "network" and record["status"] == 502
    assert upstream.hits == 1, "sent once: not known to be unserved, so not tried again"
    numbers = gateway.control.wait_for_numbers(limit, reserved=0, spent=0)
    assert numbers["unresolved"] > 0


def test_a_plain_reply_that_breaks_off_is_not_passed_on_as_complete(gateway, upstream):
    reply, record, limit = run(gateway, upstream, Script(break_after=20))
    assert reply.status == 502
    assert record["outcome"] == "failed"
    assert gateway.control.wait_for_numbers(limit, reserved=0)["unresolved"] > 0


def test_a_stream_that_falls_silent_is_ended_and_recorded(gateway, upstream):
    upstream.script = Script(chunks=3, chunk_delay_s=3)
    key = gateway.key("1 usd/day")
    try:
        body = call(gateway.port, chat(stream=True, max_tokens=100), key["secret"]).body
    except (OSError, ValueError, EOFError):
        body = None  # cut off: as good as an error event
    assert body is None or (b'"error"' in body and b"[DONE]" not in body)
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    assert record["outcome"] == "failed" and record["fault"] == "upstream_timeout"


def test_a_reply_without_usage_is_not_free(gateway, upstream):
    reply, record, limit = run(gateway, upstream, Script(no_usage=True))
    assert reply.status == 200
    numbers = gateway.control.wait_for_numbers(limit, reserved=0)
    assert numbers["spent"] + numbers["unresolved"] > 0


def test_usage_that_is_nonsense_is_not_believed(gateway, upstream):
    body = b'{"id":"x","model":"priced","choices":[],"usage":{"prompt_tokens":-5,"completion_tokens":1e99}}'
    reply, record, limit = run(gateway, upstream, Script(body=body))
    assert reply.status == 200 and reply.body == body
    numbers = gateway.control.wait_for_numbers(limit, reserved=0)
    assert numbers["spent"] >= 0 and numbers["spent"] + numbers["unresolved"] > 0


def test_a_good_reply_is_booked_by_account_key_model_and_day(gateway, upstream):
    reply, record, limit = run(gateway, upstream, Script(prompt_tokens=100, completion_tokens=20))
    assert record["outcome"] == "served" and record["id"] == reply.header("x-request-id")
    assert reply.header("x-request-cost") == "0.0003"
    gateway.control.wait_for_numbers(limit, spent="0.0003", unresolved=0, reserved=0)
    for group in ("account", "key", "model", "day"):
        assert gateway.control.usage(group), group
