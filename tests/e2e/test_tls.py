"""TLS on both sides of the gateway: verified towards upstreams, offered to clients."""

import ssl
from pathlib import Path

import httpx2
import openai
import pytest
import trustme

from gateway import Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, chat, exchange_raw

pytestmark = pytest.mark.smoke

MESSAGES = [{"role": "user", "content": "Say hello."}]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def authority_file(authority, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def context_for(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


class Hello(ScriptedUpstream):
    """Notes what each request's connection agreed upon; hangs up after each reply if `one_each`."""

    def __init__(self, **more):
        super().__init__(**more)
        self.sessions, self.names, self.one_each = [], [], False
        self.tls.sni_callback = lambda connection, name, context: self.names.append(name)

    async def answer(self, request, writer) -> bool:
        one_each = self.one_each  # as the request finds it: one that sets it may run before this one ends
        tls = writer.get_extra_info("ssl_object")
        self.sessions.append((tls.version(), tls.session_reused))
        return await super().answer(request, writer) and not one_each


def test_a_verified_upstream_is_called_over_tls_with_its_name_and_sessions_are_used_again(authority, authority_file,
                                                                                         tmp_path):
    with Hello(tls=context_for(authority, "localhost"), host="localhost") as upstream:
        with Gateway(tmp_path, upstream.url, ca_file=authority_file) as gateway:
            key = gateway.key("1 usd/day")
            client = openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)
            assert client.chat.completions.create(model="priced", messages=MESSAGES).usage.completion_tokens == 5
            streamed = list(client.chat.completions.create(model="priced", messages=MESSAGES, stream=True))
            assert len(streamed) == 5
            assert len(upstream.names) == 1, "the second call went over the connection of the first"
            assert upstream.names == ["localhost"]

            upstream.one_each, upstream.script = True, Script(headers=[("connection", "close")])
            for _ in range(8):  # two workers, so that one of them has called before
                assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200
            assert {version for version, _ in upstream.sessions} == {"TLSv1.3"}
            assert any(reused for _, reused in upstream.sessions)
            records = gateway.control.wait_for_records(10, key=key["id"])
            assert {(record["status"], record["usage"]["output_tokens"]) for record in records} == {(200, 5)}


@pytest.mark.parametrize("name, trusted, why", [("localhost", False, "unable to get local issuer certificate"),
                                                ("elsewhere.test", True, "hostname mismatch")],
                         ids=["of an unknown authority", "for another host"])
def test_an_upstream_whose_certificate_does_not_hold_is_sent_nothing(authority, authority_file, tmp_path, name, trusted,
                                                                     why):
    issuer = authority if trusted else trustme.CA()
    with ScriptedUpstream(tls=context_for(issuer, name), host="localhost") as upstream:
        with Gateway(tmp_path, upstream.url, ca_file=authority_file) as gateway:
            key = gateway.key("1 usd/day")
            reply = call(gateway.port, chat(max_tokens=10), key["secret"])
            assert reply.status == 502 and reply.error["type"] == "upstream_error"
            assert why in reply.error["message"]
            assert upstream.hits == 0
            limit = gateway.control.limits_of(key)[0]["id"]
            gateway.control.wait_for_numbers(limit, spent=0, reserved=0, unresolved=0)


def test_clients_are_served_over_tls_plain_and_streaming(authority, authority_file, upstream, tmp_path):
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    tls = f"tls: {{ certificate: {tmp_path / 'cert.pem'}, key: {tmp_path / 'key.pem'} }}"
    with Gateway(tmp_path / "gateway", upstream.url, more=tls) as gateway:
        key = gateway.key("1 usd/day")
        trusting = httpx2.Client(verify=ssl.create_default_context(cafile=str(authority_file)))
        client = openai.OpenAI(api_key=key["secret"], base_url=f"https://localhost:{gateway.port}/v1", max_retries=0,
                               http_client=trusting)
        assert client.chat.completions.create(model="priced", messages=MESSAGES).usage.completion_tokens == 5
        upstream.script = Script(chunks=200)
        streamed = list(client.chat.completions.create(model="priced", messages=MESSAGES, stream=True))
        assert len(streamed) == 200
        long = [{"role": "user", "content": "word " * 40_000}]  # many records of TLS
        assert client.chat.completions.create(model="priced", messages=long, max_tokens=1).usage.completion_tokens == 1
        assert upstream.requests[-1].json["messages"] == long
        gateway.control.wait_for_records(3, key=key["id"])

        answer, closed = exchange_raw(gateway.port, b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
        assert closed and b"200" not in answer, "plain HTTP is not served beside TLS"
        assert client.chat.completions.create(model="priced", messages=MESSAGES).choices, "and does not disturb others"
