"""A proxy of the operator's own in front of both listeners, by the fields that it sets."""

import json
import urllib.request

import openai
import pytest

from gateway import ADMIN_KEY, Gateway
from scripted_upstream import Script


@pytest.fixture
def behind_a_proxy(tmp_path, own_upstream):
    own_upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    with Gateway(tmp_path / "gateway", own_upstream.url, more="trusted_proxies: [127.0.0.1, 10.0.0.0/8]") as gateway:
        yield gateway


def asked(gateway, key: dict, forwarded: str | None) -> str:
    fields = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=key["secret"], max_retries=0,
                           default_headers=fields)
    question = [{"role": "user", "content": "hello"}]
    return client.chat.completions.create(model="priced", messages=question, max_tokens=20).object


def logged_in(gateway, **fields) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.control_port}/api/v1/session", method="POST",
                                     data=json.dumps({"admin_key": ADMIN_KEY}).encode(),
                                     headers={name.replace("_", "-"): text for name, text in fields.items()})
    with urllib.request.urlopen(request) as reply:
        return reply.headers["Set-Cookie"]


def test_a_key_is_held_against_the_address_that_the_proxy_names(behind_a_proxy):
    gateway = behind_a_proxy
    key = gateway.key()
    gateway.control.ask("PATCH", f"/api/v1/keys/{key['id']}", {"allowed_addresses": ["203.0.113.0/24"]})
    assert asked(gateway, key, "203.0.113.7") == "chat.completion"
    assert asked(gateway, key, "203.0.113.7, 10.1.2.3") == "chat.completion"
    for forwarded, seen in (("203.0.113.7, 198.51.100.1", "198.51.100.1"), ("unknown", "an unknown address"),
                            (None, "an unknown address")):
        with pytest.raises(openai.PermissionDeniedError, match=f"does not work from {seen}"):
            asked(gateway, key, forwarded)


def test_what_a_stranger_says_of_his_address_counts_for_nothing(gateway, upstream):
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    key = gateway.key()
    gateway.control.ask("PATCH", f"/api/v1/keys/{key['id']}", {"allowed_addresses": ["203.0.113.0/24"]})
    with pytest.raises(openai.PermissionDeniedError, match="does not work from 127.0.0.1"):
        asked(gateway, key, "203.0.113.7")
    assert "Secure" not in logged_in(gateway, X_Forwarded_Proto="https")


def test_cookies_are_for_tls_only_where_the_client_came_over_it(behind_a_proxy):
    gateway = behind_a_proxy
    came = {"X_Forwarded_For": "203.0.113.7"}
    assert logged_in(gateway, X_Forwarded_Proto="https", **came).endswith("; Secure")
    assert "Secure" not in logged_in(gateway, X_Forwarded_Proto="http", **came)
    changes = gateway.control.ask("GET", "/api/v1/audit")["data"]
    addresses = {change["actor"]["address"] for change in changes if change["action"] == "POST /api/v1/session"}
    assert addresses == {"203.0.113.7"}
