"""Prepaid accounts: nothing leaves without money, across several grants, under load and through kill -9."""

import json
import sqlite3
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from gateway import Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, call_many, chat

BODY = chat(max_tokens=50)


def order(gateway: Gateway, path: str, key: str, **body) -> tuple[int, dict]:
    status, text = gateway.control.send("POST", path, body, idempotency_key=key)
    return status, json.loads(text)


def prepaid(gateway: Gateway, **settings) -> tuple[dict, dict]:
    account = gateway.control.account()
    gateway.control.ask("PATCH", f"/api/v1/accounts/{account['id']}", {"credit_only": True, **settings})
    return account, gateway.control.key_for(account)


def wait_for(gateway: Gateway, account: dict, **expected) -> dict:
    wanted = {name: Decimal(value) for name, value in expected.items()}
    deadline = time.monotonic() + 10
    while True:
        shown = gateway.control.balance(account)
        if all(Decimal(shown[name]) == value for name, value in wanted.items()):
            return shown
        assert time.monotonic() < deadline, f"{shown}, expected {wanted}"
        time.sleep(0.02)


def assert_books_are_right(gateway: Gateway):
    assert gateway.control.ask("GET", "/api/v1/credits/check") == {"right": True, "wrong": []}
    assert gateway.cli("credits", "check").returncode == 0
    examined = gateway.cli("doctor")
    assert examined.returncode == 0, examined.stdout


def in_seconds(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z")


def wait_until(moment: str):
    while datetime.now(timezone.utc) < datetime.fromisoformat(moment.replace("Z", "+00:00")):
        time.sleep(0.02)


@pytest.mark.smoke
def test_a_prepaid_account_pays_with_its_grants_in_burn_order_and_is_refused_without_money(own_gateway, own_upstream):
    account, key = prepaid(own_gateway, markup_bps=1000)
    refused = call(own_gateway.port, BODY, key["secret"])
    assert refused.status == 402 and refused.error["type"] == "insufficient_balance", refused
    assert refused.error["balance"] == {"account": account["id"]}
    assert own_upstream.hits == 0

    needed = Decimal(refused.error["required"])
    gift = own_gateway.control.grant(account, "gift", "0.0000005", kind="promotional")
    paid = own_gateway.control.grant(account, "paid", needed * 3)
    served = call(own_gateway.port, BODY, key["secret"])
    assert served.status == 200, served
    cost = Decimal(served.header("X-Request-Cost"))
    charged = wait_for(own_gateway, account, spent=cost * Decimal("1.1"), reserved=0)
    assert [one["id"] for one in charged["grants"]] == [gift["id"], paid["id"]]
    assert Decimal(charged["grants"][0]["spent"]) == Decimal("0.0000005")
    transfers = own_gateway.control.ask("GET", "/api/v1/credits/transfers")["data"]
    assert transfers[0]["kind"] == "charge" and transfers[0]["id"] == served.header("X-Request-Id")
    sources = [posting["source"] for posting in transfers[0]["postings"]]
    assert sources.count(f"grant:{gift['id']}") == 1 and sources.count(f"grant:{paid['id']}") == 1
    [margin] = [posting for posting in transfers[0]["postings"] if posting["target"] == "revenue"]
    assert Decimal(margin["amount"]) == cost / 10
    assert_books_are_right(own_gateway)


def test_a_thousand_concurrent_calls_never_take_more_than_the_balance_has(own_gateway, own_upstream):
    account, key = prepaid(own_gateway)
    worst = Decimal(call(own_gateway.port, BODY, key["secret"]).error["required"])
    for part in range(5):
        own_gateway.control.grant(account, f"part-{part}", worst * 4)
    own_upstream.script = Script(latency_s=0.05, whole_reservation=True)
    replies = call_many(own_gateway.port, [BODY] * 1000, key["secret"])
    served = [reply for reply in replies if reply and reply.status == 200]
    spent = sum(Decimal(reply.header("X-Request-Cost")) for reply in served)
    assert own_upstream.hits == len(served) > 0
    shown = wait_for(own_gateway, account, spent=spent, reserved=0, unresolved=0)
    assert worst * 15 < spent <= worst * 20, "all but a rest that pays for no call"
    assert Decimal(shown["amount"]) == worst * 20
    assert_books_are_right(own_gateway)


def test_kill_9_in_a_call_leaves_what_it_held_of_its_grants_unresolved_and_nothing_else(own_gateway, own_upstream):
    account, key = prepaid(own_gateway)
    worst = Decimal(call(own_gateway.port, BODY, key["secret"]).error["required"])
    own_gateway.control.grant(account, "one", worst / 2)
    own_gateway.control.grant(account, "two", worst * 2)
    own_upstream.script = Script(latency_s=30)
    caller = threading.Thread(target=call_many, args=(own_gateway.port, [BODY], key["secret"]))
    caller.start()
    deadline = time.monotonic() + 10
    while own_upstream.hits == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert own_upstream.hits == 1
    own_gateway.kill()
    caller.join()
    own_gateway.start()
    shown = wait_for(own_gateway, account, unresolved=worst, spent=0, reserved=0)
    assert [Decimal(one["unresolved"]) for one in shown["grants"]] == [worst / 2, worst / 2]
    assert_books_are_right(own_gateway)
    # What an operator settles is burnt in the grants' order, and the rest is theirs again.
    item = own_gateway.control.pages("/api/v1/unresolved")[0]
    own_gateway.control.ask("POST", f"/api/v1/unresolved/{item['id']}/settle", {"cost": str(worst * Decimal("0.75"))})
    shown = wait_for(own_gateway, account, unresolved=0, spent=worst * Decimal("0.75"))
    assert Decimal(shown["grants"][0]["spent"]) == worst / 2
    assert_books_are_right(own_gateway)
    own_upstream.reset()
    assert call(own_gateway.port, BODY, key["secret"]).status == 200


def test_a_dispute_below_zero_stops_the_account_at_once_and_a_top_up_pays_the_debt_first(own_gateway, own_upstream):
    account, key = prepaid(own_gateway)
    worst = Decimal(call(own_gateway.port, BODY, key["secret"]).error["required"])
    paid = own_gateway.control.grant(account, "paid", worst * 2)
    served = call(own_gateway.port, BODY, key["secret"])
    cost = Decimal(served.header("X-Request-Cost"))
    wait_for(own_gateway, account, spent=cost)
    status, posted = order(own_gateway, f"/api/v1/credits/{paid['id']}/dispute", "d", amount=str(worst * 2))
    assert status == 200, posted
    assert call(own_gateway.port, BODY, key["secret"]).error["type"] == "insufficient_balance"
    assert Decimal(own_gateway.control.balance(account)["owed"]) == cost
    own_gateway.control.grant(account, "debt", cost + worst)
    assert call(own_gateway.port, BODY, key["secret"]).status == 200
    assert_books_are_right(own_gateway)


def test_money_that_comes_back_to_a_grant_that_is_over_is_posted_as_expired(own_gateway, own_upstream):
    account, key = prepaid(own_gateway)
    worst = Decimal(call(own_gateway.port, BODY, key["secret"]).error["required"])
    end = in_seconds(1.5)
    own_gateway.control.grant(account, "short", worst, expires=end)
    own_upstream.script = Script(latency_s=2)
    served = call(own_gateway.port, BODY, key["secret"])
    assert served.status == 200, "it was admitted in time"
    wait_until(end)
    cost = Decimal(served.header("X-Request-Cost"))
    shown = wait_for(own_gateway, account, amount=cost, spent=cost, available=0)
    assert shown["grants"][0]["status"] == "expired"
    [expiry] = [one for one in own_gateway.control.ask("GET", "/api/v1/credits/transfers")["data"]
                if one["kind"] == "expiry"]
    assert Decimal(expiry["amount"]) == worst - cost and expiry["postings"][0]["target"] == "expired"
    own_upstream.reset()
    assert call(own_gateway.port, BODY, key["secret"]).error["type"] == "insufficient_balance"
    assert_books_are_right(own_gateway)


def test_a_grant_that_nobody_looks_at_ends_by_itself(own_gateway):
    account, _ = prepaid(own_gateway)
    end = in_seconds(1)
    idle = own_gateway.control.grant(account, "idle", 3, expires=end)
    own_gateway.stop()
    wait_until(end)
    own_gateway.start()
    deadline = time.monotonic() + 10
    while True:
        newest = own_gateway.control.ask("GET", "/api/v1/credits/transfers")["data"][0]
        if newest["kind"] == "expiry":
            break
        assert time.monotonic() < deadline, newest
        time.sleep(0.02)
    assert newest["postings"] == [{"source": f"grant:{idle['id']}", "target": "expired", "amount": "3"}]
    assert_books_are_right(own_gateway)


def test_what_explain_says_of_a_balance_is_what_then_becomes_of_the_call(own_gateway, own_upstream):
    account, key = prepaid(own_gateway, markup_bps=2000)

    def explain(body: dict) -> dict:
        return own_gateway.control.ask("POST", "/api/v1/explain", {"key": key["id"], "body": json.dumps(body)})

    said, reply = explain(BODY), call(own_gateway.port, BODY, key["secret"])
    assert (said["verdict"], said["status"], said["decided_by"]) == ("insufficient_balance", 402, None)
    assert said["message"] == reply.error["message"] and said["balance"]["verdict"] == "insufficient_balance"
    needed = Decimal(said["balance"]["required"])
    assert needed == Decimal(reply.error["required"]) == Decimal(said["worst_case"]["usd"]) * Decimal("1.2")

    own_gateway.control.grant(account, "some", needed * 2)
    said = explain(BODY)
    assert (said["verdict"], said["balance"]["verdict"]) == ("admitted", "admits")
    long = chat(max_tokens=4000)
    said = explain(long)
    assert (said["verdict"], said["balance"]["output_cap"]) == ("admitted_clamped", said["clamped_to"])
    assert Decimal(said["balance"]["required_if_clamped"]) <= needed * 2
    shown = own_gateway.cli("explain", key["id"], "--model", BODY["model"]).stdout
    assert f"account {account['name']}" in shown and "prepaid" in shown
    reply = call(own_gateway.port, long, key["secret"])
    assert reply.status == 200 and int(reply.header("X-Output-Clamped")) == said["clamped_to"]


def test_the_command_line_orders_and_shows(own_gateway):
    assert own_gateway.cli("accounts", "create", "Acme").returncode == 0
    refused = own_gateway.cli("credits", "grant", "Acme", "5")
    assert refused.returncode == 1 and "not prepaid" in refused.stderr
    assert own_gateway.cli("accounts", "edit", "Acme", "--credit-only", "on").returncode == 0
    for _ in range(2):
        done = own_gateway.cli("credits", "grant", "Acme", "5", "--note", "invoice 7", "--idempotency-key", "i7",
                               "--json")
        assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    listed = own_gateway.cli("credits", "list", "Acme").stdout
    assert listed.count(made["id"]) == 1 and "invoice 7" in listed
    assert own_gateway.cli("credits", "fee", "Acme", "1", "--idempotency-key", "fee-2026-12").returncode == 0
    assert own_gateway.cli("credits", "void", made["id"]).returncode == 0
    kinds = [line.split()[2] for line in own_gateway.cli("credits", "transfers").stdout.splitlines()[1:]]
    assert kinds == ["void", "fee", "top_up"]
    own_gateway.stop()
    assert own_gateway.cli("credits", "check").returncode == 0


def test_a_prepaid_key_sees_its_balance(own_gateway, own_upstream):
    account, key = prepaid(own_gateway, markup_bps=5000)
    own_gateway.control.grant(account, "a", "2")
    own_gateway.control.grant(account, "b", "1", kind="promotional")
    own_gateway.control.grant(account, "c", "9", effective="2036-01-01")
    reply = call(own_gateway.port, BODY, key["secret"])
    assert reply.status == 200
    shown = call(own_gateway.port, None, key["secret"], method="GET", path="/v1/budget").json["balance"]
    charged = Decimal(reply.header("x-request-cost")) * Decimal("1.5")
    assert {name: Decimal(shown[name]) for name in ("amount", "spent", "available", "reserved", "unresolved")} == {
        "amount": 3, "spent": charged, "available": 3 - charged, "reserved": 0, "unresolved": 0}
    assert shown["account"] == account["id"]


def test_monthly_fees_that_fell_due_while_nobody_was_there_are_taken_once(own_gateway):
    account, _ = prepaid(own_gateway)
    done = own_gateway.cli("accounts", "edit", account["id"], "--monthly-fee", "2", "--fee-day", "15", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["monthly_fee"]["amount"] == "2", done.stderr
    own_gateway.control.grant(account, "paid", 10)
    assert own_gateway.control.balance(account)["available"] == "10"
    own_gateway.stop()
    now = datetime.now(timezone.utc)
    since = now - timedelta(days=80)
    store = sqlite3.connect(own_gateway.data / "metergate.db")
    with store:
        store.execute("UPDATE accounts SET fee_since = ?", (int(since.timestamp() * 1000),))
    store.close()
    days = [since + timedelta(days=n) for n in range(1, 81)]
    due = [day for day in days if day.day == 15 and day.date() <= now.date()]
    own_gateway.start()
    wait_for(own_gateway, account, available=10 - 2 * len(due))
    for _ in range(2):  # neither the next start nor the next look takes it again
        own_gateway.kill()
        own_gateway.start()
        moved = own_gateway.control.ask("GET", "/api/v1/credits/transfers")["data"]
        fees = [one for one in moved if one["kind"] == "fee"]
        assert sorted(one["note"][-10:] for one in fees) == [day.date().isoformat() for day in due]
        assert Decimal(own_gateway.control.balance(account)["available"]) == 10 - 2 * len(due)
    assert_books_are_right(own_gateway)
