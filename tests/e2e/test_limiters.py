"""Limiters: an account with a path of its own, through which clients call with the provider's key of their own."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import openai
import pytest

from clients import send_node_lines
from gateway import UPSTREAM_SECRET, Control, ControlError
from wire import call, chat

CLIENTS_KEY = "sk-the-clients-own-key"
STATS = {"current_spend", "remaining_budget", "usage_percentage", "total_requests", "period_start", "period_end"}


def limiter(gateway, budget="20", window="day", **more) -> dict:
    return gateway.control.ask("POST", "/api/v1/limiters",
                               {"name": "Customer A - $20/day", "budget": budget, "window": window, **more})


def stats(gateway, one: dict) -> dict:
    return gateway.control.ask("GET", f"/api/v1/limiters/{one['id']}/stats")


def sdk(gateway, one: dict, **more) -> openai.OpenAI:
    return openai.OpenAI(api_key=CLIENTS_KEY, base_url=f"http://127.0.0.1:{gateway.port}/v1/{one['code']}",
                         max_retries=0, **more)


def ask(gateway, one: dict, body=None, path: str = "/chat/completions", **more):
    return call(gateway.port, chat() if body is None else body, CLIENTS_KEY, path=f"/v1/{one['code']}{path}", **more)


def everything_kept(gateway) -> bytes:
    """All files of the data folder, and the log."""
    files = [path for path in gateway.folder.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files)


def test_s3_24_openais_client_calls_with_its_own_key_which_goes_on_untouched_and_is_kept_nowhere(gateway, upstream):
    one = limiter(gateway)
    assert one["endpoint"] == f"http://127.0.0.1:{gateway.port}/v1/{one['code']}"
    with sdk(gateway, one) as client:
        said = client.chat.completions.with_raw_response.create(model="priced", messages=[], max_tokens=100)
    assert said.parse().choices[0].message.content == "Hello from the scripted upstream."
    request, = upstream.requests
    assert request.target == "/v1/chat/completions"
    assert request.header("authorization") == f"Bearer {CLIENTS_KEY}"
    # 10 tokens of a millionth and 5 of ten millionths of a dollar.
    assert said.headers["x-request-cost"] == "0.00006"
    record, = gateway.control.wait_for_records(1, account=one["id"])
    assert (record["route"], record["cost"], record["key"]) == ("limiter", "0.00006", one["key"])
    kept = everything_kept(gateway)
    assert CLIENTS_KEY.encode() not in kept and one["code"].encode() in kept


def test_streams_and_the_longer_path_work_as_well(gateway, upstream):
    one = limiter(gateway)
    with sdk(gateway, one) as client:
        words = [event.choices[0].delta.content
                 for event in client.chat.completions.create(model="priced", messages=[], stream=True)]
    assert "".join(words) == "word0 word1 word2 word3 word4 "
    for path in (f"/v1/{one['code']}/v1/chat/completions", f"/t/{one['code']}/v1/chat/completions"):
        assert call(gateway.port, chat(), CLIENTS_KEY, path=path).status == 200
    assert {request.target for request in upstream.requests} == {"/v1/chat/completions"}
    gateway.control.wait_for_records(3, account=one["id"])


def test_s3_23_codes_are_twelve_small_letters_and_digits_and_never_the_same(gateway):
    codes = {limiter(gateway)["code"] for _ in range(20)}
    assert len(codes) == 20
    for code in codes:
        assert len(code) == 12 and code.isalnum() and code == code.lower() and any(c.isdigit() for c in code)


def test_s3_30_the_budget_refuses_in_the_dialect_and_nothing_goes_upstream(gateway, upstream):
    one = limiter(gateway, budget="0.000001")
    with sdk(gateway, one) as client, pytest.raises(openai.APIStatusError) as refusal:
        client.chat.completions.create(model="priced", messages=[{"role": "user", "content": "Say hello."}])
    assert refusal.value.status_code == 402
    assert refusal.value.body["type"] == "limit_reached"
    assert refusal.value.body["limit"]["id"] == one["limit"]
    assert upstream.hits == 0
    as_429 = limiter(gateway, budget="0.000001", status=429)
    assert ask(gateway, as_429).status == 429
    assert upstream.hits == 0


def test_s3_99_a_code_that_is_unknown_inactive_or_deleted_is_404_with_its_reason(gateway, upstream):
    unknown = ask(gateway, {"code": "abc123def456"})
    off, gone = limiter(gateway), limiter(gateway)
    toggled = gateway.control.ask("POST", f"/api/v1/limiters/{off['id']}/toggle")
    assert toggled["active"] is False
    gateway.control.ask("DELETE", f"/api/v1/limiters/{gone['id']}")
    inactive, deleted = ask(gateway, off), ask(gateway, gone)
    for reply, word in ((unknown, "no limiter"), (inactive, "inactive"), (deleted, "deleted")):
        assert reply.status == 404
        assert reply.error["type"] == "not_found" and word in reply.error["message"], reply.error
    assert upstream.hits == 0
    assert gateway.control.ask("POST", f"/api/v1/limiters/{off['id']}/toggle")["active"] is True
    assert ask(gateway, off).status == 200
    with sdk(gateway, gone) as client, pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="priced", messages=[])


def test_stats_have_the_six_fields_and_equal_the_ledger_to_the_nano_dollar(gateway, upstream):
    one = limiter(gateway, budget="0.02")
    upstream.script.completion_tokens = 7
    for _ in range(5):
        assert ask(gateway, one).status == 200
    for _ in range(2):
        assert ask(gateway, one, chat(stream=True)).status == 200
    spent = sum(Decimal(record["cost"]) for record in gateway.control.wait_for_records(7, account=one["id"]))
    assert spent == 7 * (10 * Decimal("0.000001") + 7 * Decimal("0.00001"))
    seen = stats(gateway, one)
    assert set(seen) == STATS
    assert Decimal(seen["current_spend"]) == spent == gateway.control.numbers(one["limit"])["spent"]
    assert Decimal(seen["remaining_budget"]) == Decimal("0.02") - spent
    assert seen["usage_percentage"] == "2.80"
    assert seen["total_requests"] == 7
    start = datetime.fromisoformat(seen["period_start"])
    assert datetime.fromisoformat(seen["period_end"]) - start == timedelta(days=1)
    assert start == datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("window", ["minute", "hour", "day", "week", "month", "year"])
def test_s3_04_every_period_has_its_ends(gateway, window):
    seen = stats(gateway, limiter(gateway, window=window))
    start, end = (datetime.fromisoformat(seen[name]) for name in ("period_start", "period_end"))
    assert start <= datetime.now(timezone.utc) <= end + timedelta(minutes=2)
    assert {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}.get(window, (end - start).total_seconds()) \
        == (end - start).total_seconds()
    if window == "week":
        assert start.weekday() == 0
    if window in ("month", "year"):
        assert start.day == 1 and end.day == 1
    assert (seen["current_spend"], seen["usage_percentage"]) == ("0", "0.00")


def test_s3_54_an_edit_holds_from_the_next_request_on(gateway, upstream):
    one = limiter(gateway, budget="0.000001")
    assert ask(gateway, one).status == 402
    path = f"/api/v1/limiters/{one['id']}"
    changed = gateway.control.ask("PATCH", path, {"budget": "5", "name": "Customer B"})
    assert (changed["budget"], changed["name"], changed["code"]) == ("5", "Customer B", one["code"])
    assert ask(gateway, one).status == 200
    with pytest.raises(ControlError) as refusal:
        gateway.control.ask("PATCH", path, {"window": "month"})
    assert refusal.value.status == 400
    with pytest.raises(ControlError) as refusal:
        gateway.control.ask("PATCH", path, {})
    assert refusal.value.status == 400


def test_only_the_models_that_it_allows_are_called(gateway, upstream):
    one = limiter(gateway, models=["pri*"])
    assert ask(gateway, one).status == 200
    reply = ask(gateway, one, chat(model="dear", max_tokens=1))
    assert reply.status == 403 and reply.error["type"] == "forbidden" and "dear" in reply.error["message"]
    assert upstream.hits == 1


def test_a_metergate_key_never_goes_upstream(gateway, upstream):
    one, key = limiter(gateway), gateway.key()["secret"]
    path = f"/v1/{one['code']}/chat/completions"
    assert call(gateway.port, chat(), key, path=path).status == 401
    for name in ("x-api-key", "api-key", "x-goog-api-key", "X-Metergate-Key"):
        assert call(gateway.port, chat(), None, path=path, headers=[(name, key)]).status == 401
    assert call(gateway.port, chat(), CLIENTS_KEY, path=f"{path}?key={key}").status == 401
    assert call(gateway.port, chat(), CLIENTS_KEY, path=f"/v1/{one['code']}/{key}/chat/completions").status == 401
    assert upstream.hits == 0


def test_a_code_is_no_key(gateway, upstream):
    one = limiter(gateway)
    assert call(gateway.port, chat(), one["code"]).status == 401
    assert upstream.hits == 0


def test_the_operators_secret_is_not_sent_for_a_limiter(gateway, upstream):
    one = limiter(gateway)
    assert call(gateway.port, chat(), None, path=f"/v1/{one['code']}/chat/completions").status == 200
    assert upstream.requests[0].header("authorization") is None
    assert UPSTREAM_SECRET not in str(upstream.requests[0].headers)


@pytest.mark.parametrize("code", ["chat", "models", "responses", "short1", "Upper123abc", "nodigitshere", "12345678",
                                  "with/slash1", "per%20cent1", ""])
def test_a_code_of_ones_own_must_be_one_and_no_word_of_the_providers(gateway, code):
    with pytest.raises(ControlError) as refusal:
        limiter(gateway, code=code)
    assert refusal.value.status == 400 and json.loads(refusal.value.body)["field"] == "code"


def test_a_code_of_ones_own_is_given_once_even_after_its_limiter_was_deleted(gateway, upstream):
    one = limiter(gateway, code="customer-42")
    assert (one["code"], ask(gateway, one).status) == ("customer-42", 200)
    for _ in range(2):
        with pytest.raises(ControlError) as refusal:
            limiter(gateway, code="customer-42")
        assert refusal.value.status == 409
        gateway.control.send("DELETE", "/api/v1/limiters/customer-42")


@pytest.mark.parametrize("base_url", ["http://169.254.169.254", "http://127.0.0.1:1", "http://10.0.0.1", "ftp://x",
                                      "https://user:pass@example.com", "http://example.com", "https://example.com:8443",
                                      "https://example.com/?a=b"])
def test_s3_50_a_base_url_that_the_configuration_does_not_allow_is_refused(gateway, base_url):
    with pytest.raises(ControlError) as refusal:
        limiter(gateway, base_url=base_url)
    assert refusal.value.status == 400 and json.loads(refusal.value.body)["field"] == "base_url"


def test_a_public_name_that_leads_to_ones_own_network_is_not_called(gateway, upstream):
    one = limiter(gateway, base_url="https://localhost")
    reply = ask(gateway, one)
    assert reply.status == 502 and "no public address" in reply.error["message"]
    assert stats(gateway, one)["current_spend"] == "0"
    literal = limiter(gateway, base_url="https://169.254.169.254")
    assert "no public address" in ask(gateway, literal).error["message"]


def test_deleted_limiters_keep_their_history(gateway, upstream):
    one = limiter(gateway)
    assert ask(gateway, one).status == 200
    gateway.control.ask("DELETE", f"/api/v1/limiters/{one['id']}")
    for method, path in (("GET", ""), ("GET", "/stats"), ("PATCH", ""), ("DELETE", "")):
        body = {} if method == "PATCH" else None
        assert gateway.control.send(method, f"/api/v1/limiters/{one['id']}{path}", body)[0] == 404
    assert one["id"] not in [row["id"] for row in gateway.control.pages("/api/v1/limiters")]
    assert gateway.control.wait_for_records(1, account=one["id"])[0]["cost"] == "0.00006"


def test_a_limiter_keeps_its_limit_and_its_key(gateway):
    one = limiter(gateway)
    assert gateway.control.send("DELETE", f"/api/v1/limits/{one['limit']}")[0] == 409
    assert gateway.control.send("POST", f"/api/v1/keys/{one['key']}/revoke", {})[0] == 409


def test_every_change_is_in_the_audit_log(gateway):
    one = limiter(gateway)
    path = f"/api/v1/limiters/{one['id']}"
    gateway.control.ask("PATCH", path, {"budget": "7"})
    gateway.control.ask("POST", f"{path}/toggle")
    gateway.control.ask("DELETE", path)
    changes = gateway.control.ask("GET", f"/api/v1/audit?subject={one['id']}")["data"]
    assert [change["action"] for change in reversed(changes)] == [
        "POST /api/v1/limiters", "PATCH /api/v1/limiters/{id}", "POST /api/v1/limiters/{id}/toggle",
        "DELETE /api/v1/limiters/{id}"]
    assert json.loads(json.dumps(changes[-2]))["before"]["budget"] == "20"


def test_limiters_are_what_they_were_after_a_kill(own, upstream):
    gateway, upstream = own
    one, off, gone = limiter(gateway), limiter(gateway), limiter(gateway)
    assert ask(gateway, one).status == 200
    gateway.control.ask("POST", f"/api/v1/limiters/{off['id']}/toggle")
    gateway.control.ask("DELETE", f"/api/v1/limiters/{gone['id']}")
    gateway.control.wait_for_records(1, account=one["id"])
    gateway.kill()
    gateway.start()
    assert [ask(gateway, which).status for which in (one, off, gone)] == [200, 404, 404]
    assert stats(gateway, one)["current_spend"] == "0.00012"
    assert stats(gateway, one)["total_requests"] == 2


def test_s3_05_limiters_are_isolated_from_each_other(gateway, upstream):
    many = [limiter(gateway, budget=str(number + 1)) for number in range(20)]
    for number, one in enumerate(many):
        for _ in range(number % 3):
            assert ask(gateway, one).status == 200
    for number, one in enumerate(many):
        seen = stats(gateway, one)
        assert seen["total_requests"] == number % 3
        assert Decimal(seen["current_spend"]) == (number % 3) * Decimal("0.00006")
        assert Decimal(seen["remaining_budget"]) == number + 1 - (number % 3) * Decimal("0.00006")


def test_azures_deployments_go_to_azure_with_the_clients_key_and_are_priced_by_their_model(gateway, upstream):
    base_url = upstream.url.removesuffix("/v1")
    one = limiter(gateway, base_url=base_url, provider="azure_openai", deployments={"our-gpt": "priced"})
    assert one["base_url"] == base_url
    with openai.AzureOpenAI(api_key=CLIENTS_KEY, api_version="2024-10-21", max_retries=0,
                            azure_endpoint=f"http://127.0.0.1:{gateway.port}/v1/{one['code']}") as client:
        said = client.chat.completions.with_raw_response.create(model="our-gpt", messages=[], max_tokens=100)
        with pytest.raises(openai.APIStatusError) as refusal:
            client.chat.completions.create(model="another", messages=[])
    assert said.headers["x-request-cost"] == "0.00006"
    request, = upstream.requests
    assert request.target == "/openai/deployments/our-gpt/chat/completions?api-version=2024-10-21"
    assert request.header("api-key") == CLIENTS_KEY
    assert refusal.value.body["type"] == "unknown_price"


def test_refusals_come_in_the_dialect_of_the_limiters_provider(gateway, upstream):
    base_url = upstream.url.removesuffix("/v1")
    one = limiter(gateway, budget="0", base_url=base_url, provider="anthropic")
    body = {"model": "priced", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
    for path in ("/messages", "/v1/messages"):
        reply = ask(gateway, one, body, path=path)
        assert reply.status == 402 and reply.json["type"] == "error"
        assert reply.error["type"] == "billing_error"
    gateway.control.ask("PATCH", f"/api/v1/limiters/{one['id']}", {"active": False})
    reply = ask(gateway, one, body, path="/v1/messages")
    assert reply.status == 404 and reply.error["type"] == "not_found_error"
    assert upstream.hits == 0


def test_s3_25_openais_client_for_node_calls_likewise(gateway, upstream):
    one = limiter(gateway)
    request = {"name": "one", "vendor": "openai", "base_url": f"http://127.0.0.1:{gateway.port}/v1/{one['code']}",
               "key": CLIENTS_KEY, "body": {"model": "priced", "messages": []}}
    replies = send_node_lines([request])
    assert replies["one"].status == 200
    assert upstream.requests[0].header("authorization") == f"Bearer {CLIENTS_KEY}"


def test_s3_93_without_a_base_url_it_is_that_of_the_openai_upstream(gateway, upstream):
    assert limiter(gateway)["base_url"] == upstream.url


def logged_in(gateway, name: str, role: str, account: str | None = None) -> Control:
    password = f"a long password of {name}"
    body = {"username": name, "password": password, "role": role} | ({"account": account} if account else {})
    gateway.control.ask("POST", "/api/v1/users", body)
    session = gateway.control.ask("POST", "/api/auth/login", {"username": name, "password": password})
    return Control(gateway.control_port, session["token"])


def test_viewers_read_operators_change_and_only_admins_say_where_calls_go(gateway):
    one = limiter(gateway)
    path = f"/api/v1/limiters/{one['id']}"
    viewer, operator = logged_in(gateway, "vera", "viewer"), logged_in(gateway, "oscar", "operator")
    assert viewer.ask("GET", path)["id"] == one["id"] and viewer.ask("GET", f"{path}/stats")
    for method, at, body in (("PATCH", path, {"budget": "1"}), ("POST", f"{path}/toggle", {}), ("DELETE", path, None)):
        assert viewer.send(method, at, body)[0] == 403
    assert operator.ask("PATCH", path, {"budget": "1"})["budget"] == "1"
    assert operator.send("PATCH", path, {"base_url": "https://api.openai.com"})[0] == 403
    new = {"name": "n", "budget": "1", "window": "day"}
    assert operator.send("POST", "/api/v1/limiters", new)[0] == 403
    assert operator.send("POST", "/api/limiters", {"name": "n", "budget_limit": 1, "period_type": "day"})[0] == 403


def test_who_is_limited_to_an_account_sees_the_limiters_below_it_and_no_others(gateway):
    team = gateway.control.account("limited team")
    below, other = limiter(gateway, parent=team["id"]), limiter(gateway)
    assert below["parent"] == team["id"]
    lead = logged_in(gateway, "leah", "operator", team["id"])
    assert [one["id"] for one in lead.pages("/api/v1/limiters")] == [below["id"]]
    assert lead.send("GET", f"/api/v1/limiters/{other['id']}")[0] == 404
    assert lead.send("GET", f"/api/limiters/{other['id']}/stats")[0] == 404
    assert lead.send("DELETE", f"/api/v1/limiters/{other['code']}")[0] == 404
    assert lead.ask("PATCH", f"/api/v1/limiters/{below['id']}", {"budget": "2"})["budget"] == "2"
    assert [one["id"] for one in lead.ask("GET", "/api/limiters")] == [below["id"]]


def test_limits_of_the_account_above_hold_for_its_limiters(gateway, upstream):
    team = gateway.control.account("capped team")
    gateway.control.limit(account=team["id"], unit="requests", window="day", amount="1")
    one, two = limiter(gateway, parent=team["id"]), limiter(gateway, parent=team["id"])
    assert [ask(gateway, one).status, ask(gateway, two).status] == [200, 402]


def test_the_command_line_does_all_of_it(gateway, upstream):
    def cli(*arguments: str):
        done = gateway.cli("limiters", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    made = cli("create", "By hand", "20 usd/week", "--base-url", upstream.url, "--model", "priced",
               "--code", "by-hand-1")
    assert (made["code"], made["window"], made["models"]) == ("by-hand-1", "week", ["priced"])
    assert ask(gateway, made).status == 200
    assert made["id"] in [one["id"] for one in cli("list")["data"]]
    assert cli("show", "by-hand-1")["spent"] == "0.00006"
    assert set(cli("stats", "by-hand-1")) == STATS
    assert cli("edit", "by-hand-1", "--budget", "25")["budget"] == "25"
    assert cli("toggle", "by-hand-1")["active"] is False
    cli("delete", "by-hand-1")
    assert gateway.cli("limiters", "show", "by-hand-1").returncode == 1
    table = gateway.cli("limiters", "list").stdout
    assert table.startswith("NAME") and "by-hand-1" not in table
    wrong = gateway.cli("limiters", "create", "x", "20 tokens/day")
    assert wrong.returncode == 1 and "usd" in wrong.stderr


def test_a_batch_holds_only_models_that_the_limiter_allows(gateway, upstream):
    one = limiter(gateway, models=["priced"])
    lines = "\n".join(json.dumps({"custom_id": model, "method": "POST", "url": "/v1/chat/completions",
                                  "body": chat(model, max_tokens=5)}) for model in ("priced", "dear"))
    with sdk(gateway, one) as client, pytest.raises(openai.APIStatusError) as refusal:
        client.files.create(file=("requests.jsonl", lines.encode()), purpose="batch")
    assert "dear" in str(refusal.value.body["message"]) and upstream.hits == 0
