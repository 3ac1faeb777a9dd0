"""What explain says of a call is what then becomes of it."""

import json

import pytest

from wire import call, chat

pytestmark = pytest.mark.smoke


def explain(gateway, key: dict, body: dict) -> dict:
    return gateway.control.ask("POST", "/api/v1/explain", {"key": key["id"], "body": json.dumps(body)})


def account_key(gateway, *limits: str) -> dict:
    return gateway.control.key_for(gateway.control.account(), list(limits))


def test_admitted(gateway, upstream):
    key = account_key(gateway, "1 usd/day", "5 requests/day")
    body = chat(max_tokens=100)
    said = explain(gateway, key, body)
    assert said["verdict"] == "admitted" and said["decided_by"] is None
    assert [limit["verdict"] for limit in said["limits"]] == ["admits", "admits"]
    reply = call(gateway.port, body, key["secret"])
    assert reply.status == 200
    assert reply.header("x-estimated-cost") == said["worst_case"]["usd"]
    assert {limit["unit"]: limit["required"] for limit in said["limits"]} == {
        "usd": said["worst_case"]["usd"], "requests": "1"}
    assert upstream.hits == 1, "explain itself calls nobody"


def test_clamped(gateway, upstream):
    key = account_key(gateway, "0.10 usd/day")
    body = chat("dear")
    said = explain(gateway, key, body)
    assert said["verdict"] == "admitted_clamped"
    assert said["decided_by"] == said["limits"][0]["id"]
    reply = call(gateway.port, body, key["secret"])
    assert reply.status == 200
    assert int(reply.header("x-output-clamped")) == said["clamped_to"] == said["limits"][0]["output_cap"]
    assert reply.header("x-estimated-cost") == said["clamped_worst_case"]["usd"]


def test_refused_by_a_limit_far_above_the_key(gateway, upstream):
    control = gateway.control
    top = control.account("organization")
    team = control.account("team", parent=top["id"])
    key = control.key_for(team, ["100 usd/day"])
    limit = control.limit(account=top["id"], unit="usd", window="month", amount="0.001", clamp=False)
    body = chat("dear", max_tokens=100)
    said = explain(gateway, key, body)
    reply = call(gateway.port, body, key["secret"])
    assert (said["verdict"], said["status"]) == (reply.error["type"], reply.status) == ("limit_reached", 402)
    assert said["message"] == reply.error["message"] and said["resets_at"] == reply.error["resets_at"]
    assert said["decided_by"] == reply.error["limit"]["id"] == limit["id"]
    assert upstream.hits == 0


def test_a_model_without_a_price(gateway, upstream):
    key = account_key(gateway, "1 usd/day")
    said = explain(gateway, key, chat("unheard-of"))
    reply = call(gateway.port, chat("unheard-of"), key["secret"])
    assert (said["verdict"], said["status"]) == (reply.error["type"], reply.status) == ("unknown_price", 400)
    assert said["message"] == reply.error["message"] and said["worst_case"] is None


def test_a_revoked_key(gateway, upstream):
    key = account_key(gateway)
    gateway.control.ask("POST", f"/api/v1/keys/{key['id']}/revoke", {})
    said = explain(gateway, key, chat())
    reply = call(gateway.port, chat(), key["secret"])
    assert (said["verdict"], said["status"]) == (reply.error["type"], reply.status) == ("unauthorized", 401)


def test_explaining_changes_no_number(gateway):
    key = account_key(gateway, "1 usd/day")
    limit = gateway.control.limits_of(key)[0]["id"]
    before = gateway.control.numbers(limit)
    for _ in range(3):
        explain(gateway, key, chat(max_tokens=100))
    assert gateway.control.numbers(limit) == before


def test_the_command_line_draws_it_with_and_without_a_server(own, tmp_path):
    gateway, _ = own
    key = account_key(gateway, "0.10 usd/day", "5 requests/day")
    (tmp_path / "body.json").write_text(json.dumps(chat("dear")))
    asked = ("explain", key["id"], "--body", str(tmp_path / "body.json"))
    served = gateway.cli(*asked)
    assert served.returncode == 0, served.stderr
    assert served.stdout.startswith("admitted, with the output cap lowered to ")
    assert "clamps to" in served.stdout and "<- decides" in served.stdout and "+++" in served.stdout
    answer = json.loads(gateway.cli(*asked, "--json").stdout)
    assert answer["verdict"] == "admitted_clamped"
    gateway.stop()
    assert gateway.cli(*asked).stdout == served.stdout, "the folder alone says the same"
    refused = gateway.cli("explain", key["id"], "--model", "dear", "--max-tokens", "10", "--input-tokens", "1000")
    assert refused.returncode == 0 and "limit_reached (402): the call may need 0.11 usd" in refused.stdout
    wrong = gateway.cli("explain", key["id"], "--model", "dear", "--route", "none")
    assert wrong.returncode == 1 and "there is no route 'none'" in wrong.stderr
