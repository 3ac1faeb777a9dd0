"""Starts and drives the real binary: configuration, processes, and a client of its admin API."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

from scripted_upstream import Script, ScriptedUpstream
from wire import call_many, chat

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("METERGATE_BIN", ROOT / "build/release/metergate"))
ADMIN_KEY = "e2e-admin-key-of-a-sufficient-length"
UPSTREAM_SECRET = "sk-upstream-secret"
NUMBERS = ("amount", "available", "reserved", "unresolved", "spent")

# Round prices, so that a test can be checked by head. A token of `dear` costs a tenth of a cent.
PRICES = {"version": "test", "models": {
    "priced": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5, "max_output_tokens": 1000},
    "dear": {"input_cost_per_token": 1e-4, "output_cost_per_token": 1e-3, "max_output_tokens": 100000},
}}

CONFIG = """
listen: 127.0.0.1:{port}
control: {{ listen: 127.0.0.1:{control_port} }}
threads: 2
drain_ms: 5000
upstreams:
  openai: {{ url: "{upstream}", provider: openai{upstream_more} }}
routes:
  - name: openai
    prefix: /v1
    upstream: openai
    timeouts: {{ connect_ms: 2000, first_byte_ms: {first_byte_ms}, idle_ms: {idle_ms}, total_ms: 30000 }}
    max_body_bytes: {max_body_bytes}
prices: {{ {prices} }}
{more}"""


given_ports: set[int] = set()


def free_port() -> int:
    """One that nobody was given before: the system may well name the same one twice in a row."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in given_ports:
            given_ports.add(port)
            return port


class ControlError(Exception):
    def __init__(self, status: int, body: str):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Control:
    """The admin API, as far as the tests need it."""

    def __init__(self, port: int, key: str = ADMIN_KEY):
        self.port, self.key = port, key

    def send(self, method: str, path: str, body: dict | None = None,
             idempotency_key: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            if idempotency_key is not None:
                headers["Idempotency-Key"] = idempotency_key
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: dict | None = None, idempotency_key: str | None = None):
        status, text = self.send(method, path, body, idempotency_key)
        if status >= 300:
            raise ControlError(status, text)
        return json.loads(text) if text else None

    def account(self, name: str = "acme", **more) -> dict:
        return self.ask("POST", "/api/v1/accounts", {"name": name, **more})

    def key_for(self, account: dict, limits: list[str] | None = None, name: str = "key") -> dict:
        return self.ask("POST", "/api/v1/keys", {"account": account["id"], "name": name, "limits": limits or []})

    def limit(self, **fields) -> dict:
        """limit(key=…, unit="usd", window="day", amount="1", clamp=False)"""
        return self.ask("POST", "/api/v1/limits", fields)

    def numbers(self, limit_id: str) -> dict[str, Decimal]:
        """The five numbers of a limit, checked to add up."""
        shown = self.ask("GET", f"/api/v1/limits/{limit_id}")
        numbers = {name: Decimal(shown[name]) for name in NUMBERS}
        parts = sum(numbers[name] for name in NUMBERS[1:])
        assert numbers["amount"] == parts, f"amount is not the sum of the other four: {numbers}"
        return numbers

    def grant(self, account: dict, idempotency_key: str, amount, kind: str = "paid", **more) -> dict:
        body = {"account": account["id"], "amount": str(amount), "kind": kind, **more}
        return self.ask("POST", "/api/v1/credits", body, idempotency_key)

    def balance(self, account: dict) -> dict:
        """An account's balance, its numbers checked to add up."""
        shown = self.ask("GET", f"/api/v1/accounts/{account['id']}/balance")
        if shown["owed"] == "0":
            parts = sum(Decimal(shown[name]) for name in NUMBERS[1:])
            assert Decimal(shown["amount"]) == parts, f"amount is not the sum of the other four: {shown}"
        return shown

    def pages(self, path: str, **query) -> list[dict]:
        """All rows of a list, across its pages."""
        found = []
        while True:
            page = self.ask("GET", f"{path}?{urlencode(query)}")
            found += page["data"]
            if not page["next"]:
                return found
            query["cursor"] = page["next"]

    def limits_of(self, key: dict) -> list[dict]:
        return self.pages("/api/v1/limits", key=key["id"])

    def records(self, **query) -> list[dict]:
        """Usage records, oldest first."""
        return sorted(self.pages("/api/v1/usage/records", **query), key=lambda record: record["id"])

    def wait_for_records(self, count: int, timeout: float = 10, **query) -> list[dict]:
        """Records are flushed in batches a moment after the reply."""
        deadline = time.monotonic() + timeout
        while len(found := self.records(**query)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(found) == count, f"{len(found)} usage records instead of {count}"
        return found

    def usage(self, group: str) -> list[dict]:
        return self.ask("GET", f"/api/v1/usage?group={group}")["data"]

    def wait_for_numbers(self, limit_id: str, timeout: float = 10, **expected) -> dict[str, Decimal]:
        """Waits until the named numbers are what they should be, and says what they were if they do not become so."""
        wanted = {name: Decimal(value) for name, value in expected.items()}
        deadline = time.monotonic() + timeout
        while True:
            numbers = self.numbers(limit_id)
            if all(numbers[name] == value for name, value in wanted.items()):
                return numbers
            assert time.monotonic() < deadline, f"{numbers}, expected {wanted}"
            time.sleep(0.02)


class Gateway:
    """One `metergate serve` on a data folder that outlives restarts. `port` is the proxy, `control` the admin API."""

    def __init__(self, folder: Path, upstream: str, *, prices: dict | None = PRICES, unknown_model: str = "",
                 books: dict[str, dict] | None = None,
                 first_byte_ms: int = 5000, idle_ms: int = 5000, max_body_bytes: int = 1 << 20,
                 secret: str | None = UPSTREAM_SECRET, ca_file: Path | None = None, more: str = ""):
        """`books`: price books that accounts choose by name. `ca_file`: what the upstream's certificate is checked
        against. `more`: further lines of the configuration."""
        self.folder, self.process = folder, None
        self.environment: dict[str, str] = {}  # more of it, from the next start on
        self.port, self.control_port = free_port(), free_port()
        self.control = Control(self.control_port)
        folder.mkdir(parents=True, exist_ok=True)
        parts = []
        if prices:
            (folder / "prices.json").write_text(json.dumps(prices))
            parts.append(f"file: {folder / 'prices.json'}")
        for name, book in (books or {}).items():
            (folder / f"{name}.json").write_text(json.dumps(book))
        if books:
            parts.append("books: {%s}" % ", ".join(f"{name}: {{file: {folder / name}.json}}" for name in books))
        if unknown_model:
            parts.append(f"unknown_model: {unknown_model}")
        upstream_more = [f", key: {secret}"] if secret else []
        if ca_file:
            upstream_more.append(f", ca_file: {ca_file}")
        self.config = folder / "metergate.yaml"
        self.config.write_text(CONFIG.format(port=self.port, control_port=self.control_port, upstream=upstream,
                                             upstream_more="".join(upstream_more), first_byte_ms=first_byte_ms,
                                             idle_ms=idle_ms, max_body_bytes=max_body_bytes, prices=", ".join(parts),
                                             more=more))

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def command(self) -> list[str]:
        return [str(BINARY), "serve", "--config", str(self.config), "--data", str(self.data)]

    def start(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**environment, "METERGATE_ADMIN_KEY": ADMIN_KEY,
                                                 **self.environment})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}:\n{self.log()}")
            try:
                if self.control.send("GET", "/readyz")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError(f"the gateway does not become ready:\n{self.log()}")

    def cli(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess:
        """`metergate VERB …` on this gateway's folder, whether or not it runs."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("OPENAI_", "METERGATE_"))}
        command = [str(BINARY), *arguments, "--config", str(self.config), "--data", str(self.data)]
        return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=30, env=environment)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def memory_kb(self) -> int:
        """Resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def kill(self):
        """As a crash would end it."""
        self.process.kill()
        self.process.wait()

    def kill_in_mid_call(self, upstream: ScriptedUpstream, key: dict):
        """When the upstream has a call of the key, which it never answers. It answers the next ones."""
        upstream.script = Script(hang=True)
        before = upstream.hits
        replies = []
        caller = threading.Thread(target=lambda: replies.extend(call_many(self.port, [chat()], key["secret"])))
        caller.start()
        deadline = time.monotonic() + 10
        while upstream.hits == before:
            assert time.monotonic() < deadline, "the call does not reach the upstream"
            time.sleep(0.005)
        self.kill()
        caller.join()
        assert replies == [None], "the client saw its connection break"
        upstream.script = Script()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout: float = 15) -> int:
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the gateway did not stop within {timeout} s of SIGTERM") from None
        return self.process.returncode

    def key(self, *limits: str) -> dict:
        """A new key with these limits ("10 usd/day"), under a new account."""
        return self.control.key_for(self.control.account(), list(limits))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        """A sanitizer's report, like any other bad end, shows as an exit code."""
        if self.process and self.process.poll() is None:
            assert self.stop() == 0, self.log()[-5000:]
