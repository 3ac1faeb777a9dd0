"""The vendors' own clients, unchanged but for the base URL and the key, against recorded replies: they read what the
provider said, and the ledger has the same numbers."""

import json

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import pytest
from google import genai
from google.genai import errors as genai_errors

from clients import send_node_lines
from recorded import RecordedUpstream, load_recorded
from test_dialects import DropIn

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the models of old recordings
# What Anthropic's client has arguments for; the rest of a recorded body goes along as it is.
ANTHROPIC_ARGUMENTS = ("model", "messages", "max_tokens", "stream")


@pytest.fixture(scope="module")
def exchanges(traffic):
    return {one.name: one for one in load_recorded(traffic)}


@pytest.fixture(scope="module")
def gateway(exchanges, tmp_path_factory):
    with RecordedUpstream(list(exchanges.values())) as upstream:
        with DropIn(tmp_path_factory.mktemp("clients"), upstream.url) as gateway:
            gateway.upstream = upstream
            gateway.secret = gateway.key("100000 usd/day")["secret"]
            gateway.poor = gateway.key("0.000000001 usd/day")["secret"]
            yield gateway


def served(gateway, name: str) -> bool:
    return any(request.header("x-replay") == name for request in gateway.upstream.requests)


def record_of(gateway, request_id: str) -> dict:
    found = []
    for _ in range(200):
        found = [record for record in gateway.control.records() if record["id"] == request_id]
        if found:
            return found[0]
    raise AssertionError(f"no usage record {request_id}")


def picked(exchanges, provider: str, endpoint: str, status: int = 200) -> list:
    return [one for one in exchanges.values()
            if (one.provider, one.endpoint, one.status) == (provider, endpoint, status)]


def test_anthropics_python_client_gets_every_recorded_message(gateway, exchanges, note):
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{gateway.port}/anthropic", api_key=gateway.secret,
                                 max_retries=0)
    plain = streams = 0
    for exchange in picked(exchanges, "anthropic", "messages"):
        body = json.loads(exchange.request)
        named = {name: body.pop(name) for name in ANTHROPIC_ARGUMENTS if name in body}
        named["stream"] = exchange.stream
        try:
            with client.messages.with_streaming_response.create(**named, extra_body=body, timeout=30,
                                                                extra_headers={"x-replay": exchange.name}) as reply:
                assert reply.read() == exchange.reply, exchange.name
        except anthropic.BadRequestError as error:
            assert not served(gateway, exchange.name), error
            assert error.body["type"] == "error"
            continue
        record = record_of(gateway, reply.headers["x-request-id"])
        for name in ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens"):
            if exchange.expected[name] is not None:
                assert record["usage"][name] == exchange.expected[name], (exchange.name, name)
        plain, streams = plain + (not exchange.stream), streams + exchange.stream
    note(f"official clients: {plain} plain and {streams} streamed messages through Anthropic's Python client")
    assert plain > 20 and streams > 5


def test_anthropics_python_client_reads_a_stream_and_a_refusal(gateway, exchanges):
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{gateway.port}/anthropic", api_key=gateway.secret,
                                 max_retries=0)
    exchange = next(one for one in picked(exchanges, "anthropic", "messages")
                    if one.stream and served(gateway, one.name))
    with client.messages.stream(model="claude-sonnet-4-5", max_tokens=100,
                                messages=[{"role": "user", "content": "hi"}],
                                extra_headers={"x-replay": exchange.name}) as stream:
        message = stream.get_final_message()
    assert message.usage.output_tokens == exchange.expected["output_tokens"]
    poor = anthropic.Anthropic(base_url=client.base_url, api_key=gateway.poor)
    with pytest.raises(anthropic.APIStatusError) as refused:
        poor.messages.create(model="claude-sonnet-4-5", max_tokens=100, messages=[{"role": "user", "content": "hi"}])
    assert refused.value.status_code == 402
    assert refused.value.body["error"]["type"] == "billing_error"


def test_googles_python_client_reads_replies_streams_and_refusals(gateway, exchanges, note):
    def client(key: str, **headers) -> genai.Client:
        return genai.Client(api_key=key, http_options={"base_url": f"http://127.0.0.1:{gateway.port}/gemini",
                                                       "headers": headers})

    read = streams = 0
    for exchange in picked(exchanges, "gemini", "generateContent")[:30]:
        google = client(gateway.secret, **{"x-replay": exchange.name})
        reply = google.models.generate_content(model="gemini-2.5-flash", contents="hi",
                                               config={"max_output_tokens": 100})
        if reply.usage_metadata and reply.usage_metadata.prompt_token_count is not None:
            assert reply.usage_metadata.prompt_token_count == exchange.expected["provider_input_tokens"]
            read += 1
    for exchange in picked(exchanges, "gemini", "streamGenerateContent")[:10]:
        google = client(gateway.secret, **{"x-replay": exchange.name})
        pieces = list(google.models.generate_content_stream(model="gemini-2.5-flash", contents="hi",
                                                            config={"max_output_tokens": 100}))
        usage = next(piece.usage_metadata for piece in reversed(pieces) if piece.usage_metadata)
        assert usage.prompt_token_count == exchange.expected["provider_input_tokens"]
        streams += 1
    google = client(gateway.poor)
    with pytest.raises(genai_errors.ClientError) as refused:
        google.models.generate_content(model="gemini-2.5-flash", contents="hi")
    assert refused.value.code == 402
    assert refused.value.status == "RESOURCE_EXHAUSTED"
    note(f"official clients: {read} replies and {streams} streams through Google's Python client")
    assert read > 10 and streams > 5


def bedrock(gateway, key: str, name: str = ""):
    client = boto3.client("bedrock-runtime", region_name="us-east-1", aws_access_key_id="AKIDCLIENT",
                          aws_secret_access_key="of-the-client",
                          endpoint_url=f"http://127.0.0.1:{gateway.port}/bedrock/{key}",
                          config=botocore.config.Config(retries={"max_attempts": 1}))
    client.meta.events.register("before-sign.bedrock-runtime.*",
                                lambda request, **_: request.headers.add_header("x-replay", name))
    return client


def test_amazons_python_client_converses_and_streams(gateway, exchanges, note):
    question = {"modelId": "anthropic.claude-3-haiku-20240307-v1:0", "inferenceConfig": {"maxTokens": 100},
                "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    read = streams = 0
    for exchange in picked(exchanges, "bedrock", "converse")[:30]:
        reply = bedrock(gateway, gateway.secret, exchange.name).converse(**question)
        assert reply["usage"]["outputTokens"] == exchange.expected["provider_output_tokens"]
        read += 1
    for exchange in picked(exchanges, "bedrock", "converse-stream"):
        if not exchange.stream:
            continue
        events = list(bedrock(gateway, gateway.secret, exchange.name).converse_stream(**question)["stream"])
        usage = next(event["metadata"]["usage"] for event in events if "metadata" in event)
        assert usage["outputTokens"] == exchange.expected["provider_output_tokens"]
        streams += 1
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        bedrock(gateway, gateway.poor).converse(**question)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert refused.value.response["Error"]["Code"] == "ServiceQuotaExceededException"
    note(f"official clients: {read} replies and {streams} event streams through Amazon's Python client")
    assert read > 10 and streams > 5


def test_anthropics_node_client_gets_the_recorded_messages(gateway, exchanges, note):
    picks = [one for one in picked(exchanges, "anthropic", "messages") if served(gateway, one.name)]
    replies = send_node_lines([{"name": one.name, "vendor": "anthropic", "key": gateway.secret,
                                "base_url": f"http://127.0.0.1:{gateway.port}/anthropic",
                                "body": {**json.loads(one.request), "stream": one.stream}} for one in picks])
    # It sends nothing where it takes a plain answer for too long to wait for.
    unsent = [reply.body.decode() for reply in replies.values() if reply.status == 0]
    assert all("AnthropicError" in why for why in unsent), unsent
    sent = [one for one in picks if replies[one.name].status != 0]
    for one in sent:
        assert (replies[one.name].status, replies[one.name].body) == (200, one.reply), one.name
    note(f"official clients: {len(sent)} messages through Anthropic's Node client, byte for byte; {len(unsent)} "
         f"that it did not send: {set(unsent)}")
    assert len(sent) > 20
