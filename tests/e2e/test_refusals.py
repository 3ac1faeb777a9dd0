"""A no that can be understood: its status, its fields, and that nothing was spent for it."""

from datetime import datetime
from decimal import Decimal

import openai
import pytest

from gateway import ADMIN_KEY, Control, ControlError
from wire import call, chat

pytestmark = pytest.mark.smoke


def sdk(gateway, secret: str, **more) -> openai.OpenAI:
    return openai.OpenAI(api_key=secret, base_url=f"http://127.0.0.1:{gateway.port}/v1", **more)


def used_up(gateway, **fields) -> tuple[dict, dict]:
    """A key whose one-request limit is used up, and the limit."""
    key = gateway.key()
    limit = gateway.control.limit(key=key["id"], unit="requests", window="day", amount="1", **fields)
    assert call(gateway.port, chat(), key["secret"]).status == 200
    return key, limit


def test_a_limit_that_is_reached_says_which_what_is_missing_and_when_it_opens(gateway, upstream):
    key, limit = used_up(gateway)
    reply = call(gateway.port, chat(), key["secret"])
    assert reply.status == 402
    assert reply.header("x-should-retry") == "false"
    error = reply.error
    assert error["type"] == "limit_reached" and error["code"] and error["message"]
    assert error["limit"]["id"] == limit["id"]
    assert (error["limit"]["unit"], error["limit"]["window"]) == ("requests", "day")
    assert (Decimal(error["required"]), Decimal(error["available"])) == (1, 0)
    assert datetime.fromisoformat(error["resets_at"]) > datetime.fromisoformat("2026-01-01T00:00:00Z")
    assert error["request_id"] == reply.header("x-request-id")
    assert upstream.hits == 1


def test_a_limit_may_answer_429_instead(gateway, upstream):
    key, _ = used_up(gateway, status=429)
    reply = call(gateway.port, chat(), key["secret"])
    assert reply.status == 429 and reply.error["type"] == "limit_reached"
    assert upstream.hits == 1


def test_the_official_client_raises_the_refusal_at_once_and_does_not_retry(gateway, upstream):
    key, _ = used_up(gateway)
    with pytest.raises(openai.APIStatusError) as refusal:
        sdk(gateway, key["secret"], max_retries=3).chat.completions.create(model="priced", messages=[])
    assert refusal.value.status_code == 402
    assert refusal.value.body["type"] == "limit_reached"
    assert upstream.hits == 1
    assert len([one for one in gateway.control.wait_for_records(2, key=key["id"]) if one["outcome"] == "refused"]) == 1


@pytest.mark.parametrize("secret", ["", "nonsense", "sk-something", "mg_live_" + "0" * 32, ADMIN_KEY])
def test_a_key_that_is_none_is_401_and_reaches_nothing(gateway, upstream, secret):
    reply = call(gateway.port, chat(), secret)
    assert reply.status == 401 and reply.error["type"] == "unauthorized"
    assert secret == "" or secret not in reply.body.decode()
    assert upstream.hits == 0


def test_no_key_at_all_is_401_even_with_a_body_that_is_wrong(gateway, upstream):
    assert call(gateway.port, b"{", None).status == 401
    assert upstream.hits == 0


@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/fine_tuning/jobs", "/v1/videos",
                                  "/v1/chat/completions/x", "/v2/chat/completions", "/", "/v1/../v1/chat/completions",
                                  "/v1//chat/completions"])
def test_a_path_that_is_not_metered_is_404_in_the_dialect(gateway, upstream, path):
    reply = call(gateway.port, chat(), gateway.key("1 usd/day")["secret"], path=path)
    assert reply.status in (404, 400 if ".." in path or "//" in path else 404) and reply.error["message"]
    assert upstream.hits == 0, "no way around"


def test_a_data_key_opens_nothing_on_the_control_plane(gateway):
    key = gateway.key("1 usd/day")
    for method, path in [("GET", "/api/v1/usage/records"), ("POST", "/api/v1/accounts"), ("GET", "/api/v1/limits")]:
        status, text = Control(gateway.control_port, key["secret"]).send(method, path, {"name": "x"})
        assert status in (401, 403), text
    with pytest.raises(ControlError):
        Control(gateway.control_port, "wrong").account()


def test_a_model_without_a_price_is_refused_never_free(gateway, upstream):
    reply = call(gateway.port, chat("nobody-knows"), gateway.key("1 usd/day")["secret"])
    assert reply.status in (400, 404) and reply.error["type"] in ("unknown_price", "unknown_model")
    assert upstream.hits == 0


@pytest.mark.parametrize(("body", "field"), [
    (b'{"model":"priced"', None),
    (b'[]', None),
    (b'{"model":"priced","messages":[],"model":"dear"}', "model"),
    (b'{"model":"priced","messages":[],"max_tokens":1,"max_tokens":100000}', "max_tokens"),
    (b'{"messages":[]}', "model"),
    (b'{"model":"priced","messages":[],"max_tokens":"many"}', "max_tokens"),
    (b'{"model":"priced","messages":[],"max_tokens":-1}', "max_tokens"),
    (b'{"model":"priced","messages":[],"max_tokens":1e99}', "max_tokens"),
    (b'{"model":"priced","messages":[],"n":99999999999999999999}', "n"),
    (b'{"model":"priced","messages":[],"n":0}', "n"),
    (b'{"model":"priced","messages":[],"stream":"yes"}', "stream"),
    (b'{"model":"priced","messages":[],"web_search_options":{}}', "web_search_options"),
])
def test_a_body_that_cannot_be_bounded_is_400_and_names_the_field(gateway, upstream, body, field):
    reply = call(gateway.port, body, gateway.key("1 usd/day")["secret"])
    assert reply.status == 400 and reply.error["type"] == "invalid_request"
    assert field is None or field in reply.error["message"] + str(reply.error.get("param"))
    assert upstream.hits == 0


def test_a_refusal_costs_nothing_and_is_recorded(gateway, upstream):
    key = gateway.key("0.000000001 usd/day")
    limit = gateway.control.limits_of(key)[0]
    assert call(gateway.port, chat(), key["secret"]).status == 402
    record = gateway.control.wait_for_records(1, key=key["id"])[0]
    assert record["outcome"] == "refused" and record["status"] == 402 and Decimal(record["cost"]) == 0
    gateway.control.wait_for_numbers(limit["id"], available="0.000000001", reserved=0, spent=0, unresolved=0)
