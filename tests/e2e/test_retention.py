"""Usage records that are dropped for their age, and what stays of them, through the real binary: what is old was called
by a gateway whose clock was behind."""

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gateway import ControlError, Gateway
from scripted_upstream import Script
from wire import call, call_many, chat

COST = Decimal("0.00011")  # 10 and 10 tokens of `priced`
CALLS = 5_400  # the usage log packs and adds up some five thousand together; what gathers for that is not dropped
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


@pytest.fixture
def old_gateway(tmp_path, own_upstream):
    """A gateway that keeps records for three days and has been called ten days ago."""
    own_upstream.script = Script(prompt_tokens=10, completion_tokens=10)
    gateway = Gateway(tmp_path / "gateway", own_upstream.url, more="usage: {keep_days: 3}")
    gateway.environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "-10d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with gateway:
        control = gateway.control
        gateway.account = control.account("Acme")
        gateway.limit = control.limit(account=gateway.account["id"], unit="usd", window="total", amount="10")
        gateway.key = control.key_for(gateway.account)
        replies = call_many(gateway.port, [chat(max_tokens=20)] * CALLS, gateway.key["secret"], concurrency=100)
        assert [reply.status for reply in replies if reply] == [200] * CALLS
        control.wait_for_numbers(gateway.limit["id"], timeout=30, spent=CALLS * COST, reserved=0)
        gateway.stop()
        gateway.environment = {}
        yield gateway


def kept_from(control, timeout: float = 30) -> str:
    """Waits until records were dropped."""
    deadline = time.monotonic() + timeout
    while not (found := control.ask("GET", "/api/v1/settings")["usage_kept_from"]):
        assert time.monotonic() < deadline, "no record was dropped"
        time.sleep(0.1)
    return found


def test_what_was_dropped_for_its_age_is_in_every_sum_and_limit(old_gateway):
    gateway, control = old_gateway, old_gateway.control
    gateway.start()
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    assert datetime.fromisoformat(kept_from(control)) == day
    total = {"requests": CALLS, "cost": CALLS * COST}

    def shown(one: dict) -> dict:
        return {"requests": one["requests"], "cost": Decimal(one["cost"])}

    gateway.kill()
    gateway.start()
    for group in ("total", "account", "key", "model", "day", "route", "upstream"):
        assert [shown(one) for one in control.usage(group)] == [total], group
    control.wait_for_numbers(gateway.limit["id"], spent=CALLS * COST, reserved=0)
    again = control.limit(account=gateway.account["id"], unit="requests", window="total", amount=str(CALLS + 1))
    control.wait_for_numbers(again["id"], spent=CALLS, reserved=0)
    assert call(gateway.port, chat(max_tokens=20), gateway.key["secret"]).status == 200
    assert call(gateway.port, chat(max_tokens=20), gateway.key["secret"]).status == 402

    left = len(control.records(limit=1000))
    assert 3 <= left < 1_000, "the newest call, its refusal, the opening, and what gathers still"
    examined = gateway.cli("doctor")
    assert examined.returncode == 0 and f"{CALLS + 3} usage records" in examined.stdout, examined.stdout


def test_what_single_records_would_say_is_told_to_be_gone(old_gateway):
    gateway, control = old_gateway, old_gateway.control
    gateway.start()
    since = kept_from(control)
    with pytest.raises(ControlError, match="no longer kept") as refused:
        control.ask("GET", "/api/v1/usage?group=tag:team")
    assert refused.value.status == 400 and '"from"' in refused.value.body
    assert control.ask("GET", f"/api/v1/usage?group=tag:team&from={since}")["data"] == []
    with pytest.raises(ControlError, match="only sums are kept"):
        control.limit(account=gateway.account["id"], unit="usd", window="total", amount="1", tag="team=search")
    rerated = json.loads(gateway.cli("usage", "rerate", "--book", "default", "--json").stdout)
    assert rerated["kept_from"] == since and rerated["total"]["calls"] < 1_000
    told = gateway.cli("usage", "rerate", "--book", "default").stdout
    assert f"records from before {since} are no longer kept" in told
    whole = gateway.cli("usage", "rerate", "--book", "default", "--from", since[:10], "--json")
    assert json.loads(whole.stdout)["kept_from"] is None
