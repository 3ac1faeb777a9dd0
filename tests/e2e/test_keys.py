"""Keys that are for some calls only, and that change their secret, through the real binary."""

import time

import openai
import pytest

from gateway import ControlError
from scripted_upstream import Script
from wire import call, chat


@pytest.fixture
def script(upstream):
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    return upstream


def rotated(gateway, key: dict, overlap_seconds: int) -> dict:
    return gateway.control.ask("POST", f"/api/v1/keys/{key['id']}/rotate", {"overlap_seconds": overlap_seconds})


def status_of(gateway, secret: str, **more) -> int:
    return call(gateway.port, chat(max_tokens=20), secret, **more).status


def test_a_key_goes_on_under_its_new_secret_and_for_a_time_under_the_old_one(gateway, script):
    key = gateway.key()
    limit = gateway.control.limit(key=key["id"], unit="requests", window="day", amount="3")
    new = rotated(gateway, key, overlap_seconds=2)
    assert new["id"] == key["id"] and new["secret"] != key["secret"] and new["replaced"]["hint"] == key["hint"]
    assert [status_of(gateway, one) for one in (key["secret"], new["secret"])] == [200, 200]
    time.sleep(2.1)
    refused = call(gateway.port, chat(max_tokens=20), key["secret"])
    assert refused.status == 401 and "was replaced" in refused.error["message"]
    newest = rotated(gateway, key, overlap_seconds=0)
    assert status_of(gateway, new["secret"]) == 401
    # One limit for all of its secrets.
    assert [status_of(gateway, newest["secret"]) for _ in range(2)] == [200, 402]
    gateway.control.wait_for_numbers(limit["id"], spent=3, reserved=0)


def test_the_official_client_is_told_what_its_key_is_not_for(gateway, script):
    key = gateway.key()
    change = {"allowed_models": ["priced"], "allowed_addresses": ["127.0.0.0/8"]}
    shown = gateway.control.ask("PATCH", f"/api/v1/keys/{key['id']}", change)
    assert {name: shown[name] for name in change} == change
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=key["secret"], max_retries=0)
    question = [{"role": "user", "content": "hello"}]
    assert client.chat.completions.create(model="priced", messages=question, max_tokens=20).usage.prompt_tokens == 10
    before = script.served
    with pytest.raises(openai.PermissionDeniedError, match="the key allows the models priced"):
        client.chat.completions.create(model="dear", messages=question, max_tokens=20)
    gateway.control.ask("PATCH", f"/api/v1/keys/{key['id']}", {"allowed_addresses": ["10.0.0.0/8"]})
    with pytest.raises(openai.PermissionDeniedError, match="does not work from 127.0.0.1"):
        client.chat.completions.create(model="priced", messages=question, max_tokens=20)
    assert script.served == before
    with pytest.raises(ControlError, match="there is no route 'nowhere'"):
        gateway.control.ask("PATCH", f"/api/v1/keys/{key['id']}", {"allowed_routes": ["nowhere"]})


def test_what_a_key_is_for_and_its_old_secret_are_there_after_a_restart(own):
    gateway, _ = own
    key = gateway.key()
    gateway.control.ask("PATCH", f"/api/v1/keys/{key['id']}", {"allowed_models": ["o1"]})
    new = rotated(gateway, key, overlap_seconds=3600)
    gateway.kill()
    gateway.start()
    assert [status_of(gateway, one) for one in (key["secret"], new["secret"])] == [403, 403]
    gateway.control.ask("PATCH", f"/api/v1/keys/{key['id']}", {"allowed_models": []})
    assert [status_of(gateway, one) for one in (key["secret"], new["secret"])] == [200, 200]
