"""Tags of calls and keys: what they choose, where they stand, and that none goes upstream."""

import json
from decimal import Decimal

import pytest

from gateway import ControlError
from scripted_upstream import Script
from wire import call, chat

COST = Decimal("0.00011")  # of the script's answer: 10 tokens in, 10 out


@pytest.fixture
def script(upstream):
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    return upstream


def tagged(gateway, key: dict, tags: str | None, **more):
    headers = [("X-Metergate-Tags", tags)] if tags else []
    return call(gateway.port, chat(max_tokens=20), key["secret"], headers=headers, **more)


def test_a_limit_for_a_tag_counts_and_refuses_the_calls_with_it(gateway, script):
    key = gateway.key()
    limit = gateway.control.limit(key=key["id"], unit="requests", window="day", amount="1", tag="team=search")
    assert limit["tag"] == "team=search" and limit["name"] == "1 requests per day, tag team=search"
    assert tagged(gateway, key, "team=ads").status == 200
    assert tagged(gateway, key, "env=prod, team=search").status == 200
    refused = tagged(gateway, key, "team=search")
    assert refused.status == 402 and refused.error["limit"]["id"] == limit["id"]
    assert tagged(gateway, key, None).status == 200
    gateway.control.wait_for_numbers(limit["id"], spent=1, reserved=0)
    shown = call(gateway.port, None, key["secret"], method="GET", path="/v1/budget").json["limits"]
    assert [one["tag"] for one in shown] == ["team=search"]
    with pytest.raises(ControlError, match="tag: 'team' is not a tag"):
        gateway.control.limit(key=key["id"], unit="usd", window="day", amount="1", tag="team")


def test_the_tags_of_a_key_are_those_of_its_calls_and_cannot_be_changed_by_them(gateway, script):
    made = gateway.cli("keys", "create", "tagged", "--tags", "team=search,env=prod", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    assert key["tags"] == "env=prod,team=search"
    assert tagged(gateway, key, "batch=7").status == 200
    refused = tagged(gateway, key, "team=ads")
    assert refused.status == 400 and refused.error["param"] == "X-Metergate-Tags"
    assert "'team' is 'search'" in refused.error["message"]
    records = gateway.control.wait_for_records(2, key=key["id"])
    assert [record["tags"] for record in records if record["outcome"] == "served"] == ["batch=7,env=prod,team=search"]
    with pytest.raises(ControlError, match="more than 8 tags"):
        gateway.control.ask("POST", "/api/v1/keys", {"name": "x", "account": key["account"],
                                                     "tags": ",".join(f"t{i}=1" for i in range(9))})


def test_usage_is_added_up_by_tag(gateway, script):
    key = gateway.key()
    for tags in ("team=search", "team=search,env=prod", "team=ads", None):
        assert tagged(gateway, key, tags).status == 200
    gateway.control.wait_for_records(4, key=key["id"])
    sums = gateway.control.ask("GET", f"/api/v1/usage?group=tag:team&key={key['id']}")
    assert sums["group"] == "tag:team"
    assert {row["group"]: Decimal(row["cost"]) for row in sums["data"]} == {"search": 2 * COST, "ads": COST, None: COST}
    [prod] = gateway.control.records(key=key["id"], tag="env=prod")
    assert prod["tags"] == "env=prod,team=search"
    shown = gateway.cli("usage", "--group", "tag:team", "--tag", "env=prod", "--key", key["id"])
    assert shown.returncode == 0 and "TEAM" in shown.stdout.upper() and "search" in shown.stdout
    with pytest.raises(ControlError, match="must be total, account, key, .* or tag:NAME"):
        gateway.control.ask("GET", "/api/v1/usage?group=tags")


def test_a_limit_for_a_tag_opens_with_the_calls_that_had_it(gateway, script):
    key = gateway.key()
    for tags in ("team=search", "team=ads", None):
        assert tagged(gateway, key, tags).status == 200
    limit = gateway.control.limit(key=key["id"], unit="usd", window="day", amount="1", tag="team=search")
    assert gateway.control.numbers(limit["id"])["spent"] == COST


def test_explain_knows_the_tags_of_the_call_and_of_its_key(gateway, script):
    key = gateway.key()
    gateway.control.limit(key=key["id"], unit="requests", window="day", amount="0", tag="team=search")
    for tags, verdict in ((None, "admitted"), ("team=ads", "admitted"), ("team=search", "limit_reached")):
        body = {"key": key["id"], "model": "priced"} | ({"tags": tags} if tags else {})
        assert gateway.control.ask("POST", "/api/v1/explain", body)["verdict"] == verdict
        assert tagged(gateway, key, tags).status == (200 if verdict == "admitted" else 402)


def test_tags_survive_a_crash(own):
    gateway, upstream = own
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    key = gateway.key("1 usd/day")
    assert tagged(gateway, key, "team=search").status == 200
    gateway.kill()
    gateway.start()
    [record] = gateway.control.wait_for_records(1, key=key["id"])
    assert record["tags"] == "team=search"
