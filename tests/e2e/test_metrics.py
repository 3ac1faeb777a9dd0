"""What /metrics tells, against the admin API; the documents, the Grafana board and the alerts against /metrics."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import BINARY, ROOT, Control, Gateway, free_port
from scripted_upstream import Script
from wire import call_many, chat

PROMTOOL = ROOT / "build/promtool"
BOARD = ROOT / "deploy/grafana/metergate.json"
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
DOCUMENT = ROOT / "docs/reference/metrics.md"
NAME = re.compile(r"\bmetergate_[a-z0-9_]+")
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.M)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

# Calls that cost a sum of some tens of nano-dollars.
FINE = {"version": "test", "models": {
    "fine": {"input_cost_per_token": 1.7e-8, "output_cost_per_token": 3.1e-8, "max_output_tokens": 1000},
}}


def read(gateway: Gateway) -> str:
    status, text = gateway.control.send("GET", "/metrics")
    assert status == 200
    return text


def read_when(gateway: Gateway, holds: Callable[[str], bool]) -> str:
    """The first text of which `holds` is true; after 10 s the last one."""
    deadline = time.monotonic() + 10
    while not holds(text := read(gateway)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return text


def samples(text: str) -> list[tuple[str, dict, str]]:
    return [(name, dict(LABEL.findall(labels)), value) for name, labels, value in SAMPLE.findall(text)]


def value_of(text: str, name: str) -> Decimal:
    found = [value for one, labels, value in samples(text) if one == name and not labels]
    assert len(found) == 1, f"{name}: {found}"
    return Decimal(found[0])


def limits_told(text: str) -> dict[str, dict[str, Decimal]]:
    """By limit: its gauges, under their names' last words."""
    told = {}
    for name, labels, value in samples(text):
        if name.startswith("metergate_limit_"):
            told.setdefault(labels["limit"], {})[name.removeprefix("metergate_limit_")] = Decimal(value)
    return told


def exposed(text: str) -> dict[str, str]:
    """The metrics' names and kinds."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))


def family(name: str, kinds: dict[str, str]) -> str:
    """Of the sample: the metric that it belongs to."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if kinds.get(base) in ("histogram", "summary") else name


def board_expressions() -> list[str]:
    board = json.loads(BOARD.read_text())
    assert {panel["title"] for panel in board["panels"] if panel["type"] == "row"} == {
        "Spend", "Limits", "Traffic", "Latency", "Health"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]


def selectors(expression: str) -> list[tuple[str, str]]:
    """The metrics of an expression, each with what is asked of its labels."""
    return re.findall(r"\b(metergate_\w+)(?:\{([^}]*)\})?", expression)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream_of_module):
    """With all that has metrics of its own. Nothing is sampled, so that the collector need not be there."""
    more = f"tracing: {{ otlp: http://127.0.0.1:{free_port()}, sample: 0 }}\n"
    with Gateway(tmp_path_factory.mktemp("gateway"), upstream_of_module.url, first_byte_ms=1000, idle_ms=1000,
                 more=more) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def text(gateway):
    """With a limit in use."""
    key = gateway.key("1 usd/day")
    assert call_many(gateway.port, [chat()], key["secret"])[0].status == 200
    gateway.control.wait_for_records(1, key=key["id"])
    return read(gateway)


def test_the_exposition_is_read_by_prometheus_own_client(text):
    kinds = exposed(text)
    families = list(text_string_to_metric_families(text))
    assert {one.name + "_total" * (one.type == "counter") for one in families} == set(kinds)
    assert len(families) == len(kinds), "a metric's samples stand together"
    assert all(one.documentation and one.samples for one in families)
    assert {family(name, kinds) for name, _, _ in samples(text)} == set(kinds)


def test_the_document_names_what_there_is_and_nothing_else(text):
    kinds = exposed(text)
    document = DOCUMENT.read_text()
    rows = re.findall(r"^\| `(metergate_\w+)(?:\{([a-z_, ]*)\})?` \| (\w+) \|", document, re.M)
    assert {name: kind for name, _, kind in rows} == kinds
    assert {family(name, kinds) for name in NAME.findall(document)} == set(kinds)
    labels = {}
    for name, have, _ in samples(text):
        labels.setdefault(family(name, kinds), set()).update(set(have) - {"le"})
    assert {name: set(re.findall(r"\w+", named)) for name, named, _ in rows} == labels


@pytest.mark.parametrize("source", ["board", "alerts"])
def test_the_board_and_the_alerts_ask_for_what_there_is(text, source):
    kinds = exposed(text)
    have = {}
    for name, labels, _ in samples(text):
        have.setdefault(name, []).append(labels)
    expressions = board_expressions() if source == "board" else [ALERTS.read_text()]
    asked = [selector for expression in expressions for selector in selectors(expression)]
    assert len(asked) > 10
    for name, wanted in asked:
        assert name in have, f"{name} is not there: {sorted(kinds)}"
        for label, equals, values in re.findall(r'(\w+)(=~?)"([^"]*)"', wanted):
            if label == "instance":  # Prometheus adds it
                continue
            for value in values.split("|") if equals == "=~" else [values]:
                assert any(labels.get(label) == value for labels in have[name]), f'{name}{{{label}="{value}"}}'


def test_the_board_shows_every_metric(text):
    kinds = exposed(text)
    shown = {family(name, kinds) for expression in board_expressions() for name, _ in selectors(expression)}
    assert shown == set(kinds)


def promtool(*arguments: str) -> str:
    assert PROMTOOL.exists(), "tools/test_env fetches it"
    done = subprocess.run([PROMTOOL, *arguments], cwd=ALERTS.parent, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_alerts_are_rules_that_fire_when_they_should():
    assert f"{ALERTS.read_text().count('alert:')} rules found" in promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts_test.yaml")


def test_the_board_asks_in_prometheus_language(tmp_path):
    def rule(number: int, expression: str) -> dict:
        plain = expression.replace("$__rate_interval", "5m").replace("$instance", ".*")
        return {"record": f"panel:{number}", "expr": plain}

    rules = [rule(number, expression) for number, expression in enumerate(board_expressions())]
    file = tmp_path / "board.json"  # which is YAML, too
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))


def check_against_api(control: Control, text: str) -> dict[str, dict[str, Decimal]]:
    told = limits_told(text)
    for limit, gauges in told.items():
        api = control.numbers(limit)
        assert gauges == {"remaining" if name == "available" else name: value for name, value in api.items()}
    return told


def test_a_limit_is_told_as_the_admin_api_tells_it_to_the_nano_dollar(tmp_path, own_upstream):
    with Gateway(tmp_path / "gateway", own_upstream.url, prices=FINE) as gateway:
        control = gateway.control
        account = control.account('a "quoted" \\ name')
        of_account = control.limit(account=account["id"], unit="usd", window="month", amount="5", name='"a\\b" c')
        key = control.key_for(account, ["0.5 usd/day", "100000 tokens/rolling:5h", "100 requests in total"])
        unused = control.limits_of(control.key_for(account, ["7 usd/day"], name="unused"))[0]
        own_upstream.script = Script(prompt_tokens=7, completion_tokens=3)
        assert {reply.status for reply in call_many(gateway.port, [chat("fine")] * 5, key["secret"])} == {200}
        own_upstream.script = Script(break_after=1)  # its cost is not known
        call_many(gateway.port, [chat("fine")], key["secret"])
        control.wait_for_records(6, key=key["id"])

        own_upstream.script = Script(hang=True)  # it holds what it reserved
        hits = own_upstream.hits
        caller = threading.Thread(target=call_many, args=(gateway.port, [chat("fine")], key["secret"]), daemon=True)
        caller.start()
        deadline = time.monotonic() + 10
        while own_upstream.hits == hits:
            assert time.monotonic() < deadline
            time.sleep(0.005)

        limits = [of_account, *control.limits_of(key)]
        text = read(gateway)
        told = check_against_api(control, text)
        assert told[unused["id"]]["spent"] == told[unused["id"]]["reserved"] == 0
        assert all(told[limit["id"]]["reserved"] > 0 for limit in limits)
        in_dollars = told[of_account["id"]]
        assert in_dollars["spent"] == 5 * (7 * Decimal("1.7e-8") + 3 * Decimal("3.1e-8"))
        assert in_dollars["unresolved"] > 0

        parsed = next(one for one in text_string_to_metric_families(text) if one.name == "metergate_limit_spent")
        names = {sample.labels["limit"]: sample.labels for sample in parsed.samples}
        assert names[of_account["id"]] == {
            "account": account["id"], "key": "", "limit": of_account["id"], "name": '"a\\b" c', "unit": "usd",
            "window": "month", "mode": "enforce"}
        of_key = [names[limit["id"]] for limit in limits[1:]]
        assert {labels["key"] for labels in of_key} == {key["id"]}
        assert {(labels["unit"], labels["window"]) for labels in of_key} == {
            ("usd", "day"), ("tokens", "rolling:5h"), ("requests", "total")}

        gateway.kill()
        caller.join()
        own_upstream.script = Script(prompt_tokens=7, completion_tokens=3)
        gateway.start()
        assert limits_told(read(gateway)) == {}, "only the store knows them"
        assert call_many(gateway.port, [chat("fine")], key["secret"])[0].status == 200
        control.wait_for_records(8, key=key["id"])
        assert set(check_against_api(control, read(gateway))) == {limit["id"] for limit in limits}


def test_so_many_limits_are_told_as_were_asked_for_and_those_are_nearest_to_their_ends(tmp_path, own_upstream):
    own_upstream.script = Script(prompt_tokens=0, completion_tokens=100)  # a tenth of a cent
    with Gateway(tmp_path / "gateway", own_upstream.url, more="metrics: { limits: 3 }\n") as gateway:
        keys = [gateway.key(f"{dollars} usd/week") for dollars in (4, 1, 6, 2, 7, 3, 5)]
        for key in keys:
            assert call_many(gateway.port, [chat()], key["secret"])[0].status == 200
        gateway.control.wait_for_records(7)
        text = read(gateway)
        nearest = {gateway.control.limits_of(keys[at])[0]["id"] for at in (1, 3, 5)}
        assert set(limits_told(text)) == nearest
        all_there_are = gateway.control.pages("/api/v1/limits")  # since each was made here, too
        assert value_of(text, "metergate_limits_left_out") == len(all_there_are) - 3 == 5

    with Gateway(tmp_path / "none", own_upstream.url, more="metrics: { limits: 0 }\n") as gateway:
        key = gateway.key("1 usd/day")
        assert call_many(gateway.port, [chat()], key["secret"])[0].status == 200
        gateway.control.wait_for_records(1)
        assert "metergate_limit" not in read(gateway)


def test_a_calls_time_here_and_its_time_upstream_are_counted_apart(gateway, upstream):
    key = gateway.key("10 usd/day")
    before = read(gateway)
    upstream.script = Script(latency_s=0.3)
    assert {reply.status for reply in call_many(gateway.port, [chat()] * 4, key["secret"])} == {200}
    after = read(gateway)

    def grown(name: str) -> Decimal:
        return value_of(after, name) - value_of(before, name)

    assert grown("metergate_own_seconds_count") == grown("metergate_upstream_seconds_count") == 4
    assert grown("metergate_upstream_seconds_sum") >= Decimal("1.2")
    assert 0 < grown("metergate_own_seconds_sum") < Decimal("1.2")
    buckets = [(float(labels["le"]), int(value)) for name, labels, value in samples(after)
               if name == "metergate_own_seconds_bucket"]
    assert buckets[0][0] == 0.00005
    assert buckets[-2][0] == 1
    assert buckets[-1] == (float("inf"), value_of(after, "metergate_own_seconds_count"))
    assert buckets == sorted(buckets) and [count for _, count in buckets] == sorted(count for _, count in buckets)


def test_the_store_and_the_journal_are_told(own_gateway):
    gateway, key = own_gateway, own_gateway.key("10 usd/day")
    before = read(gateway)
    assert {reply.status for reply in call_many(gateway.port, [chat()] * 5, key["secret"])} == {200}

    def is_told(text: str) -> bool:
        """What is counted once the store has taken the records, a moment after they can be read there."""
        open_ones = value_of(text, "metergate_journal_open_reservations")
        return value_of(text, "metergate_flushed_records_total") >= 5 and open_ones == 0

    after = read_when(gateway, is_told)
    assert value_of(after, "metergate_flushed_records_total") == 5
    assert value_of(after, "metergate_flush_seconds_count") > value_of(before, "metergate_flush_seconds_count")
    assert value_of(after, "metergate_flush_seconds_sum") > value_of(before, "metergate_flush_seconds_sum")
    assert value_of(after, "metergate_unflushed_age_seconds") == 0
    assert value_of(after, "metergate_journal_open_reservations") == 0
    assert value_of(after, "metergate_journal_failed") == 0
    segments = {labels["state"]: int(value) for name, labels, value in samples(after)
                if name == "metergate_journal_segments"}
    assert segments["in_use"] >= 2, "one a worker"
    assert value_of(after, "metergate_journal_bytes") == segments["in_use"] * 256 * 1024
    sizes = {labels["file"]: int(value) for name, labels, value in samples(after)
             if name == "metergate_database_bytes"}
    assert sizes["database"] == (gateway.data / "metergate.db").stat().st_size
    assert sizes["log"] == (gateway.data / "metergate.db-wal").stat().st_size
    assert value_of(after, "metergate_disk_free_bytes") > 0


def test_a_bad_number_of_limits_is_refused_with_its_line(tmp_path):
    gateway = Gateway(tmp_path / "gateway", "http://127.0.0.1:9", more="metrics: { limits: -1 }\n")
    line = 1 + gateway.config.read_text().splitlines().index("metrics: { limits: -1 }")
    refused = subprocess.run([BINARY, "check", "--config", gateway.config], capture_output=True, text=True, timeout=30)
    assert refused.returncode != 0
    expected = f"metergate.yaml:{line}: 'metrics.limits' must be between 0 and 10000, not -1"
    assert expected in refused.stdout + refused.stderr
