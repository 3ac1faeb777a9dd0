"""Every provider's recorded traffic through the drop-in paths: same bytes, and the recorded usage in the ledger."""

import http.client
import re
from collections import Counter
from dataclasses import dataclass

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway import UPSTREAM_SECRET, Gateway
from http_base import Request
from recorded import Recorded, RecordedUpstream, load_recorded

PROVIDERS = ("anthropic", "azure_openai", "bedrock", "cerebras", "cohere", "deepseek", "gemini", "groq", "mistral",
             "ollama", "openai", "openrouter", "perplexity", "together", "vertex", "xai")
# Where each provider's clients put their key.
AWS_KEY_ID = "AKIDOFTHEUPSTREAM"
KEY_FIELDS = {"anthropic": "x-api-key", "azure_openai": "api-key", "gemini": "x-goog-api-key"}
UNKNOWN = '{ input: "10", output: "30", max_output_tokens: 16384 }'
USAGE = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens",
         "audio_input_tokens", "audio_output_tokens")


@dataclass
class Received:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class DropIn(Gateway):
    """A gateway with an upstream, and a path, for each provider; all of them are the same server."""

    def __init__(self, folder, upstream: str):
        super().__init__(folder, upstream, prices=None, unknown_model=UNKNOWN, max_body_bytes=64 << 20)
        text = self.config.read_text()
        before, rest = text.split("upstreams:\n")
        after = rest.split("prices:")[1]
        root = upstream.removesuffix("/v1")
        upstreams = "".join(f"  {name}: {{ url: \"{root}\", provider: {name}, key: {UPSTREAM_SECRET} }}\n"
                            for name in PROVIDERS if name != "bedrock")
        upstreams += (f"  bedrock: {{ url: \"{root}\", provider: bedrock, key: \"{AWS_KEY_ID}:{UPSTREAM_SECRET}\", "
                      f"credential: {{ in: aws_sigv4, region: us-east-1 }} }}\n")
        routes = "".join(f"  - {{ name: {name}, prefix: /{name}, upstream: {name}, max_body_bytes: {64 << 20} }}\n"
                         for name in PROVIDERS)
        self.config.write_text(f"{before}upstreams:\n{upstreams}routes:\n{routes}prices:{after}")


def send(port: int, exchange: Recorded, secret: str) -> Received:
    field = KEY_FIELDS.get(exchange.provider, "authorization")
    own = {"x-replay": exchange.name, field: f"Bearer {secret}" if field == "authorization" else secret}
    kept = {name: value for name, value in exchange.headers
            if name.lower() in ("content-type", "accept", "anthropic-version", "anthropic-beta")}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", f"/{exchange.provider}{exchange.path}", exchange.request, {**kept, **own})
        reply = connection.getresponse()
        return Received(reply.status, reply.headers, reply.read())
    finally:
        connection.close()


def aws_signature(request: Request) -> str:
    """The field Authorization as Amazon's own library makes it for this request."""
    fields = {name.lower(): value for name, value in request.headers}
    signed = fields["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    again = AWSRequest(method=request.method, url=f"http://{fields['host']}{request.target}", data=request.body,
                       headers={name: fields[name] for name in signed})
    again.context["timestamp"] = fields["x-amz-date"]
    auth = SigV4Auth(Credentials(AWS_KEY_ID, UPSTREAM_SECRET), "bedrock", "us-east-1")
    text = auth.string_to_sign(again, auth.canonical_request(again))
    return (f"AWS4-HMAC-SHA256 Credential={auth.scope(again)}, SignedHeaders={';'.join(signed)}, "
            f"Signature={auth.signature(text, again)}")


@pytest.fixture(scope="module")
def replay(traffic, tmp_path_factory):
    exchanges = [one for one in load_recorded(traffic) if one.provider in PROVIDERS]
    assert exchanges, f"no recorded exchange in {traffic}"
    with RecordedUpstream(exchanges) as upstream:
        with DropIn(tmp_path_factory.mktemp("dialects"), upstream.url) as gateway:
            secret = gateway.key("100000 usd/day")["secret"]
            received = {one.name: send(gateway.port, one, secret) for one in exchanges}
            records = {record["id"]: record for record in gateway.control.wait_for_records(len(exchanges))}
            sent = {request.header("x-replay"): request for request in upstream.requests}
            yield exchanges, received, sent, records


def test_every_recorded_reply_arrives_byte_for_byte(replay, note):
    exchanges, received, sent, _ = replay
    served, refused = Counter(), Counter()
    for exchange in exchanges:
        got = received[exchange.name]
        if exchange.name not in sent:
            assert got.status in (400, 404), (exchange.name, got)
            refused[re.search(r'"message":"((?:[^"\\]|\\.)*)', got.body.decode())[1][:110]] += 1
            continue
        assert (got.status, got.body) == (exchange.status, exchange.reply), exchange.name
        served[f"{exchange.provider} {exchange.endpoint}"] += 1
    for reason, number in refused.most_common(12):
        note(f"dialects: {number} refused by design: {reason}")
    note(f"dialects: {served.total()} exchanges of {len(served)} endpoints byte for byte; {refused.total()} refused")
    assert refused.total() < len(exchanges) // 5


def test_what_goes_upstream_carries_the_upstreams_secret_and_never_ours(replay):
    exchanges, _, sent, _ = replay
    for exchange in exchanges:
        if exchange.name in sent:
            request = sent[exchange.name]
            fields = {name.lower(): value for name, value in request.headers}
            assert "mg_live_" not in str(request.headers) + request.target
            if exchange.provider == "bedrock":
                assert fields["authorization"] == aws_signature(request), exchange.name
                continue
            assert fields[KEY_FIELDS.get(exchange.provider, "authorization")].endswith(UPSTREAM_SECRET)
            assert request.target == exchange.path


def test_the_ledger_has_the_recorded_usage(replay, note):
    exchanges, received, sent, records = replay
    compared = 0
    for exchange in exchanges:
        if exchange.name not in sent:
            continue
        record = records[received[exchange.name].headers["x-request-id"]]
        shown = record["usage"] or {}
        asked = exchange.stream and exchange.expected.get("input_tokens") is None
        for name in USAGE:
            expected = exchange.expected.get(name)
            if expected is None or asked:
                continue
            assert shown.get(name) == expected, (exchange.name, name, shown)
            compared += 1
    note(f"dialects: {compared} recorded counts are in the usage records")
    assert compared > 1000
