"""A limit for every account of a level that has none of its own."""

import json
import threading
from decimal import Decimal

import pytest

from scripted_upstream import Script
from wire import call, chat

COST = Decimal("0.00011")  # of the script's answer: 10 tokens in, 10 out


@pytest.fixture
def script(upstream):
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    return upstream


@pytest.fixture
def company(gateway):
    """An account whose children are users, and a template for them that is removed at the end."""
    control = gateway.control
    account = control.account("company")
    made = []

    def template(**terms) -> dict:
        made.append(control.ask("POST", "/api/v1/limit-templates", {"account": account["id"], **terms}))
        return made[-1]

    yield account, template
    for one in made:
        control.ask("DELETE", f"/api/v1/limit-templates/{one['id']}")


def doctor(gateway):
    done = gateway.cli("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def copy_of(gateway, account: dict, template: dict) -> dict:
    [copy] = [limit for limit in gateway.control.pages("/api/v1/limits", account=account["id"])
              if limit["from_template"] == template["id"]]
    return copy


def test_a_user_has_the_limit_from_the_first_call_on_and_every_page_says_where_it_is_from(gateway, script, company):
    account, template = company
    free = template(unit="usd", window="month", amount="0.0008")
    user = gateway.control.account("user", parent=account["id"])
    key = gateway.control.key_for(user)
    replies = [call(gateway.port, chat(max_tokens=10), key["secret"]).status for _ in range(9)]
    assert replies[0] == 200 and replies[-1] == 402
    copy = copy_of(gateway, user, free)
    assert gateway.control.numbers(copy["id"])["spent"] == replies.count(200) * COST <= Decimal("0.0008")
    shown = call(gateway.port, None, key["secret"], method="GET", path="/v1/budget").json
    assert [limit["from_template"] for limit in shown["limits"]] == [free["id"]]
    done = gateway.cli("explain", key["id"], "--model", "gpt-4o-mini", "--max-tokens", "10")
    assert "by template" in done.stdout, done.stdout + done.stderr
    assert free["id"] in gateway.cli("limits", "list", "--account", user["id"]).stdout
    doctor(gateway)


def test_a_limit_of_his_own_takes_its_place_and_back_and_nothing_is_forgiven(gateway, script, company):
    account, template = company
    free = template(unit="usd", window="month", amount="0.0008")
    user = gateway.control.account("user", parent=account["id"])
    key = gateway.control.key_for(user)
    while call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200:
        pass
    copy = copy_of(gateway, user, free)
    spent = gateway.control.numbers(copy["id"])["spent"]
    own = gateway.control.limit(account=user["id"], unit="usd", window="month", amount="1")
    assert gateway.control.numbers(own["id"])["spent"] == spent
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200
    assert [limit["id"] for limit in gateway.control.pages("/api/v1/limits", account=user["id"])] == [own["id"]]
    gateway.control.ask("DELETE", f"/api/v1/limits/{own['id']}")
    again = copy_of(gateway, user, free)
    assert again["id"] == copy["id"]
    assert gateway.control.numbers(again["id"])["spent"] == spent + COST
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 402
    gateway.control.ask("PATCH", f"/api/v1/limit-templates/{free['id']}", {"amount": "1"})
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200
    doctor(gateway)


def test_a_template_that_comes_later_finds_what_was_spent_and_what_is_under_way(gateway, script, company):
    account, template = company
    users = [gateway.control.account(f"user {i}", parent=account["id"]) for i in range(150)]
    key = gateway.control.key_for(users[149])
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200
    begun, go_on = threading.Event(), threading.Event()

    def before_chunk(number: int):
        if number == 1:
            begun.set()
            assert go_on.wait(20)

    script.script = Script(prompt_tokens=10, completion_tokens=10, before_chunk=before_chunk)
    caller = threading.Thread(target=call, args=(gateway.port, chat(stream=True, max_tokens=20), key["secret"]))
    caller.start()
    assert begun.wait(10)
    try:
        one = template(unit="usd", window="month", amount="0.001")
        requests = template(unit="requests", window="day", amount="2")
        assert one["limits"] == requests["limits"] == 150
        numbers = gateway.control.numbers(copy_of(gateway, users[149], one)["id"])
        assert numbers["spent"] == COST and numbers["reserved"] > 0
    finally:
        go_on.set()
        caller.join()
    counted = copy_of(gateway, users[149], requests)["id"]
    gateway.control.wait_for_numbers(counted, spent=2, reserved=0)
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 402
    doctor(gateway)


def test_copies_outlive_a_restart(own):
    gateway, upstream = own
    upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    done = gateway.cli("limits", "create", "1 requests/day", "--template", "--json")
    assert done.returncode == 0, done.stderr
    free = json.loads(done.stdout)
    user = gateway.control.account("user")
    key = gateway.control.key_for(user)
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200
    gateway.kill()
    gateway.start()
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 402
    assert gateway.cli("limits", "remove", free["id"], "--template").returncode == 0
    assert call(gateway.port, chat(max_tokens=10), key["secret"]).status == 200
    doctor(gateway)
