"""Named units: a route says how much of them a call takes."""

import json
import subprocess
import threading

import pytest

from gateway import BINARY, ControlError, Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, chat

UNITS = "    units: [ { unit: images, model: dear, weight: 5 }, { unit: images, weight: 2 } ]\n"


class WeighedGateway(Gateway):
    """A gateway whose route gives calls weights."""

    def __init__(self, folder, upstream: str, units: str = UNITS):
        super().__init__(folder, upstream)
        text = self.config.read_text()
        at = text.index("    timeouts:")
        self.plain, self.weighed = text, text[:at] + units + text[at:]
        self.config.write_text(self.weighed)


@pytest.fixture
def weighed(tmp_path):
    with ScriptedUpstream() as upstream, WeighedGateway(tmp_path / "gateway", upstream.url) as gateway:
        upstream.script = Script(prompt_tokens=10, completion_tokens=10)
        yield gateway, upstream


def test_a_limit_in_a_named_unit_is_never_exceeded_by_calls_at_once(weighed):
    gateway, upstream = weighed
    key = gateway.key("20 images/day")
    statuses = []
    callers = [threading.Thread(target=lambda: statuses.append(
        call(gateway.port, chat("priced", max_tokens=10), key["secret"]).status)) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses.count(200) == 10 == upstream.hits and set(statuses) <= {200, 402, 429}
    [limit] = gateway.control.limits_of(key)
    assert limit["name"] == "20 images per day"
    gateway.control.wait_for_numbers(limit["id"], spent=20, reserved=0)
    refused = call(gateway.port, chat("priced", max_tokens=10), key["secret"])
    assert refused.status == 402 and refused.error["limit"]["unit"] == "images"
    assert gateway.cli("doctor").returncode == 0


def test_the_model_decides_the_weight_and_every_page_shows_it(weighed):
    gateway, upstream = weighed
    key = gateway.key("12 images/day", "1 usd/day")
    assert call(gateway.port, chat("dear", max_tokens=10), key["secret"]).status == 200
    assert call(gateway.port, chat("priced", max_tokens=10), key["secret"]).status == 200
    shown = call(gateway.port, None, key["secret"], method="GET", path="/v1/budget").json
    assert {limit["unit"]: limit["available"] for limit in shown["limits"]}["images"] == "5"
    said = gateway.cli("explain", key["id"], "--model", "dear", "--max-tokens", "10")
    assert "5 images" in said.stdout and "admitted" in said.stdout, said.stdout + said.stderr
    records = gateway.control.wait_for_records(2, key=key["id"])
    assert [[hold["spent"] for hold in record["holds"] if hold["unit"] == "images"] for record in records] == [["5"],
                                                                                                              ["2"]]
    upstream.script = Script(status=400)
    assert call(gateway.port, chat("dear", max_tokens=10), key["secret"]).status == 400
    [images] = [limit for limit in gateway.control.limits_of(key) if limit["unit"] == "images"]
    gateway.control.wait_for_numbers(images["id"], spent=7, reserved=0)
    checked = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True)
    assert "a call takes 5 images, model dear" in checked.stdout, checked.stdout


def test_a_unit_without_a_weight_is_refused_and_one_that_lost_its_weight_is_told(weighed):
    gateway, upstream = weighed
    key = gateway.key()
    with pytest.raises(ControlError, match="'image' is not a unit.*where there is: images"):
        gateway.control.limit(key=key["id"], unit="image", window="day", amount="1")
    limit = gateway.control.limit(key=key["id"], unit="images", window="day", amount="1")
    assert call(gateway.port, chat("priced", max_tokens=10), key["secret"]).status == 402
    gateway.stop()
    gateway.config.write_text(gateway.plain)
    gateway.start()
    assert "which no route that it is for has under 'units'" in gateway.log()
    assert call(gateway.port, chat("priced", max_tokens=10), key["secret"]).status == 200
    assert gateway.control.numbers(limit["id"])["spent"] == 0


def test_a_crash_leaves_the_weight_unresolved_and_a_new_limit_forgives_nothing(weighed):
    gateway, upstream = weighed
    key = gateway.key("20 images/day")
    assert call(gateway.port, chat("priced", max_tokens=10), key["secret"]).status == 200
    gateway.kill_in_mid_call(upstream, key)
    gateway.start()
    [old] = gateway.control.limits_of(key)
    numbers = gateway.control.numbers(old["id"])
    assert (numbers["spent"], numbers["unresolved"]) == (2, 2)
    gateway.control.ask("DELETE", f"/api/v1/limits/{old['id']}")
    again = gateway.control.limit(account=key["account"], unit="images", window="month", amount="20")
    numbers = gateway.control.numbers(again["id"])
    assert (numbers["spent"], numbers["unresolved"]) == (2, 2)
    [item] = gateway.control.pages("/api/v1/unresolved", key=key["id"])
    assert gateway.cli("unresolved", "settle", item["id"], "--cost", "0.0001", "--reason",
                       "invoice").returncode == 0
    assert gateway.control.numbers(again["id"])["spent"] == 4
    report = json.loads(gateway.cli("doctor", "--json").stdout)
    assert report["wrong"] == []
