"""A route with several upstreams: one reservation and one record, however many are tried."""

import openai
import pytest

from gateway import UPSTREAM_SECRET, Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, call_many, chat

pytestmark = pytest.mark.smoke


@pytest.fixture
def first():
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def second():
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def gateway(first, second, tmp_path):
    """The first upstream takes all calls that it can, the second one the rest."""
    gateway = Gateway(tmp_path / "gateway", first.url, first_byte_ms=500)
    text = gateway.config.read_text()
    text = text.replace("routes:", f"  second: {{ url: \"{second.url}\", key: {UPSTREAM_SECRET}-2 }}\nroutes:")
    text = text.replace("    upstream: openai\n", "    upstreams: [ { name: openai }, { name: second, order: 2 } ]\n")
    gateway.config.write_text(text)
    with gateway:
        yield gateway


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streaming"])
def test_a_call_goes_on_where_the_first_upstream_has_no_capacity(gateway, first, second, stream):
    first.script = Script(status=429, headers=[("retry-after", "7")])
    key = gateway.key("1 usd/day")
    client = openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)
    messages = [{"role": "user", "content": "Say hello."}]
    if stream:
        assert len(list(client.chat.completions.create(model="priced", messages=messages, stream=True))) == 5
    else:
        assert client.chat.completions.create(model="priced", messages=messages).usage.completion_tokens == 5
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    assert (record["upstream"], record["outcome"], record["cost"]) == ("second", "served", "0.00006")
    attempt = record["attempts"][0]
    assert attempt.pop("duration_us") > 0
    assert attempt == {"upstream": "openai", "status": 429, "error": "upstream_error", "fault": "upstream_refusal"}
    assert len(record["attempts"]) == 1 and (first.hits, second.hits) == (1, 1)
    assert second.requests[0].header("authorization") == f"Bearer {UPSTREAM_SECRET}-2"
    gateway.control.wait_for_numbers(gateway.control.limits_of(key)[0]["id"], reserved=0, unresolved=0)


def test_what_was_sent_and_not_answered_is_not_sent_again(gateway, first, second):
    first.script = Script(hang=True)
    key = gateway.key("1 usd/day")
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 504
    assert second.hits == 0
    numbers = gateway.control.wait_for_numbers(gateway.control.limits_of(key)[0]["id"], reserved=0, spent=0)
    assert numbers["unresolved"] > 0


def test_a_cap_holds_while_the_first_upstream_has_no_capacity_and_calls_come_at_once(gateway, first, second):
    first.script = Script(status=503)
    key = gateway.key("20 requests/day")
    replies = call_many(gateway.port, [chat(max_tokens=10)] * 100, key["secret"])
    assert sorted(reply.status for reply in replies) == [200] * 20 + [402] * 80
    assert second.served == 20
    records = gateway.control.wait_for_records(100, key=key["id"])
    served = [record for record in records if record["outcome"] == "served"]
    assert {record["upstream"] for record in served} == {"second"}
    tried = [record for record in served if record["attempts"]]
    assert 5 <= len(tried) <= 20, "the first ones found it out; later ones know"
    assert {(one["upstream"], one["status"], one["fault"]) for record in tried for one in record["attempts"]} == {
        ("openai", 503, "upstream_refusal")}


def test_a_call_goes_on_with_a_cheaper_model_inside_its_one_reservation(first, second, tmp_path):
    gateway = Gateway(tmp_path / "gateway", first.url, prices={
        "large": {"input_cost_per_token": 1e-5, "output_cost_per_token": 2e-5, "max_output_tokens": 1000},
        "small": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5, "max_output_tokens": 1000}})
    text = gateway.config.read_text()
    text = text.replace("    upstream: openai\n", "    upstreams: [ { name: openai }, "
                                                  "{ name: openai, order: 2, models: { large: small } } ]\n")
    gateway.config.write_text(text)
    with gateway:
        key = gateway.key("1 usd/day")
        client = openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)
        first.pick = lambda request: Script(status=429) if request.json["model"] == "large" else Script()
        reply = client.chat.completions.create(model="large", messages=[{"role": "user", "content": "Hi"}])
        assert reply.usage.completion_tokens == 5
        record = gateway.control.wait_for_records(1, key=key["id"])[0]
        assert (record["model"], record["outcome"], record["cost"]) == ("small", "served", "0.00006")
        assert [(one["upstream"], one["status"]) for one in record["attempts"]] == [("openai", 429)]
        gateway.control.wait_for_numbers(gateway.control.limits_of(key)[0]["id"], reserved=0, unresolved=0)
