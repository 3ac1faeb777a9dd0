"""Users, sessions and the log of changes, as a browser and a script meet them."""
import http.client
import json
import subprocess
import time
from pathlib import Path

import pytest

from gateway import ADMIN_KEY, BINARY, Gateway

pytestmark = pytest.mark.smoke

PASSWORD = "a horse, a staple"


class Caller:
    """Somebody with a cookie jar, as a page has it, or with a token."""

    def __init__(self, gateway: Gateway):
        self.port, self.cookie, self.token, self.csrf = gateway.control_port, None, None, None

    def send(self, method: str, path: str, body: dict | None = None, **headers) -> tuple[int, dict, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        fields = {"Content-Type": "application/json"}
        fields |= {name.replace("_", "-"): text for name, text in headers.items()}
        if self.cookie:
            fields["Cookie"] = f"theme=dark; metergate_session={self.cookie}"
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), fields)
            reply = connection.getresponse()
            text = reply.read().decode()
            return reply.status, json.loads(text) if text else {}, dict(reply.getheaders())
        finally:
            connection.close()

    def log_in(self, username: str, password: str = PASSWORD) -> dict:
        status, body, headers = self.send("POST", "/api/v1/session", {"username": username, "password": password})
        assert status == 200, body
        assert headers["Cache-Control"] == "no-store"
        self.cookie = headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
        self.csrf = body["csrf_token"]
        return body


@pytest.fixture
def gateway(tmp_path, upstream):
    running = Gateway(tmp_path, upstream.url).start()
    yield running
    running.stop()


def link_of(gateway: Gateway) -> str:
    lines = [line for line in gateway.log().splitlines() if "/welcome#" in line]
    assert lines, gateway.log()
    return lines[-1].split("/welcome#")[1].split()[0]


def test_first_start_to_first_admin_to_a_page_that_changes_something(gateway):
    """S3-15, S3-47: the printed link makes an admin; his cookie changes things only with the page's own token."""
    page = Caller(gateway)
    assert page.send("GET", "/api/v1/setup")[1] == {"needed": True, "provider": None}
    status, session, headers = page.send("POST", "/api/v1/setup",
                                         {"link": link_of(gateway), "username": "Alice", "password": PASSWORD})
    assert (status, session["username"], session["role"]) == (200, "alice", "admin")
    assert "HttpOnly; SameSite=Strict; Max-Age=86400" in headers["Set-Cookie"]
    page.cookie = headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    assert page.send("GET", "/api/v1/session")[1]["username"] == "alice"
    assert page.send("POST", "/api/v1/accounts", {"name": "Acme"})[0] == 403
    assert page.send("POST", "/api/v1/accounts", {"name": "Acme"}, X_CSRF_Token=session["csrf_token"])[0] == 201
    again = page.send("POST", "/api/v1/setup", {"link": link_of(gateway), "username": "eve", "password": PASSWORD})
    assert again[0] == 409
    # Nothing allows another site's pages to read what is here.
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def test_a_session_outlives_a_restart_and_ends_with_a_logout(gateway):
    gateway.cli("users", "create", "alice", "--role", "admin", typed=PASSWORD)
    script = Caller(gateway)
    script.token = script.log_in("alice")["token"]
    script.cookie = None
    assert script.send("GET", "/api/v1/users")[0] == 200
    gateway.kill()
    gateway.start()
    assert "/welcome#" not in gateway.log().split("Metergate is running.")[-1]
    assert script.send("GET", "/api/v1/users")[0] == 200
    assert script.send("DELETE", "/api/v1/session")[0] == 204
    assert script.send("GET", "/api/v1/users")[0] == 401


def test_guessing_waits(gateway):
    gateway.cli("users", "create", "alice", typed=PASSWORD)
    guesser = Caller(gateway)
    for _ in range(5):
        assert guesser.send("POST", "/api/v1/session", {"username": "alice", "password": "a wrong, long one"})[0] == 401
    status, body, headers = guesser.send("POST", "/api/v1/session", {"username": "alice", "password": PASSWORD})
    assert (status, body["type"], headers["Retry-After"]) == (429, "rate_limited", "1")
    time.sleep(1.05)
    guesser.log_in("alice")


def test_the_command_line_makes_users_and_shows_who_changed_what(gateway):
    made = gateway.cli("users", "create", "bob", "--role", "operator", typed=PASSWORD)
    assert made.returncode == 0, made.stderr
    page = Caller(gateway)
    page.log_in("bob")
    status, account, _ = page.send("POST", "/api/v1/accounts", {"name": "Acme"}, X_CSRF_Token=page.csrf)
    assert status == 201
    assert page.send("GET", "/api/v1/users")[0] == 403
    shown = gateway.cli("audit").stdout
    first = shown.splitlines()[1].split()
    assert first[1:3] == ["bob", "127.0.0.1"] and account["id"] in first and "name=Acme" in first
    assert "command line" in shown and PASSWORD not in shown
    changes = gateway.control.pages("/api/v1/audit", subject=account["id"])
    assert [(change["actor"]["kind"], change["status"], change["after"]) for change in changes] == \
        [("user", 201, account)]
    assert gateway.cli("users", "edit", "bob", "--disable").returncode == 0
    assert page.send("GET", "/api/v1/session")[0] == 401


def test_keys_that_anybody_could_guess_start_nothing(tmp_path, upstream):
    """S2-23, S3-76, S1C-09: neither an empty nor an example of an admin key, nor of what signs sessions."""
    gateway = Gateway(tmp_path, upstream.url)
    for key, why in (("", "set and empty"), ("short", "shorter than 16"), ("change-me-change-me", "an example")):
        ended = subprocess.run(gateway.command(), env={"METERGATE_ADMIN_KEY": key, "PATH": "/usr/bin"},
                               capture_output=True, text=True, timeout=20)
        assert ended.returncode == 1 and f"METERGATE_ADMIN_KEY is {why}" in ended.stderr, ended.stderr
    with gateway.config.open("a") as config:
        config.write("\nsessions: {secret: your-super-secret-key-min-32-characters}\n")
    ended = subprocess.run(gateway.command(), env={"METERGATE_ADMIN_KEY": ADMIN_KEY, "PATH": "/usr/bin"},
                           capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1 and "'sessions.secret' looks like an example" in ended.stderr, ended.stderr
    checked = subprocess.run([str(BINARY), "check", "--config", str(gateway.config)], capture_output=True, text=True)
    assert checked.returncode == 1 and "'sessions.secret' looks like an example" in checked.stdout + checked.stderr


def test_what_signs_sessions_is_its_owners_alone(gateway: Gateway):
    key = Path(gateway.data) / "session.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text() not in gateway.log()
