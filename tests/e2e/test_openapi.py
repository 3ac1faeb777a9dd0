"""The admin API keeps what api/openapi.yaml says: Schemathesis makes up requests from it, good and bad ones, and checks
every answer against it. Each run is the same; `make test` sees the first EXAMPLES of what it makes up.

More, and others each time: METERGATE_SCHEMATHESIS="--max-examples 200" with pytest tests/e2e/test_openapi.py.
"""

import json
import os
import subprocess
import sys

import pytest

from gateway import ADMIN_KEY, ROOT, Gateway
from scripted_upstream import Script
from wire import call_many, chat

EXAMPLES = "8"
# What is right by the document may be refused: there is no such account, or the amount is more than is left.
CHECKS_LEFT_OUT = "positive_data_acceptance"
# They do not end by themselves.
STREAMS = ["/api/v1/events", "/api/v1/usage/stream"]


@pytest.fixture(scope="module")
def used(tmp_path_factory, upstream_of_module):
    """A gateway with something of each kind, and by path what its {id} or {name} may be."""
    upstream = upstream_of_module
    with Gateway(tmp_path_factory.mktemp("used"), upstream.url) as gateway:
        yield gateway, fill(gateway, upstream)


def fill(gateway: Gateway, upstream) -> dict[str, list[str]]:
    control = gateway.control
    accounts = [control.account(f"account {number}") for number in range(4)]
    for account in accounts[2:]:
        control.ask("PATCH", f"/api/v1/accounts/{account['id']}", {"credit_only": True})
    grants = [control.grant(account, f"grant-{account['id']}", "5") for account in accounts[2:]]
    keys = [control.key_for(account, ["5 usd/day", "100000 tokens/month"]) for account in accounts]
    upstream.script = Script(no_usage=True)  # each leaves something unresolved
    for key in keys:
        assert {reply.status for reply in call_many(gateway.port, [chat()] * 2, key["secret"])} == {200}
    records = control.wait_for_records(2 * len(keys))
    users = [control.ask("POST", "/api/v1/users", {"username": f"user{number}", "password": "a long enough one",
                                                   "role": "viewer"}) for number in range(3)]
    template = {"name": "usual", "unit": "usd", "window": "day", "amount": "3"}
    templates = [control.ask("POST", "/api/v1/limit-templates", template | {"name": f"usual {number}"})
                 for number in range(3)]
    limiters = [control.ask("POST", "/api/v1/limiters", {"name": f"limiter {number}", "provider": "openai",
                                                         "budget": "7", "window": "month"}) for number in range(3)]
    ids = {"accounts": accounts, "credits": grants, "keys": keys, "limits": control.pages("/api/v1/limits"),
           "users": users, "limit-templates": templates, "limiters": limiters, "usage/records": records,
           "unresolved": control.pages("/api/v1/unresolved")}
    assert all(ids.values())
    return {f"/api/v1/{kind}/": [one["id"] for one in there] for kind, there in ids.items()} | {
        "/api/limiters/": [one["id"] for one in limiters], "/api/v1/upstreams/": ["openai"],
        "/api/v1/prices/": ["priced", "dear"]}


def configuration(names: dict[str, list[str]]) -> str:
    """Real ids for the paths that need one, beside those that Schemathesis makes up."""
    return "".join(f'[[operations]]\ninclude-path-regex = "^{path}[{{]"\n'
                   f'parameters = {{ "path.{"name" if "upstreams" in path else "model" if "prices" in path else "id"}"'
                   f" = {json.dumps(there)} }}\n" for path, there in names.items())


def test_the_admin_api_is_what_its_document_says(used, tmp_path, note):
    gateway, names = used
    (tmp_path / "schemathesis.toml").write_text(configuration(names))
    more = os.environ.get("METERGATE_SCHEMATHESIS", f"--max-examples {EXAMPLES} --generation-deterministic").split()
    command = [sys.executable, "-m", "schemathesis.cli", "run", ROOT / "api/openapi.yaml",
               "--url", f"http://127.0.0.1:{gateway.control_port}", "--header", f"Authorization: Bearer {ADMIN_KEY}",
               "--exclude-checks", CHECKS_LEFT_OUT, "--request-timeout", "10", "--warnings", "off", "--no-color",
               *(word for path in STREAMS for word in ("--exclude-path", path)), *more]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout[-20000:] + run.stderr
    assert gateway.process.poll() is None
    for line in run.stdout.splitlines():
        if "generated" in line or "Tested:" in line:
            note(f"admin API against its document: {line.strip()}")
