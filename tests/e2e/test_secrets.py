"""An upstream's key that the store keeps: in force at once, after a restart too, and nowhere to be read."""

import json

import pytest

from gateway import UPSTREAM_SECRET, Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, call_many, chat

pytestmark = pytest.mark.smoke

FIRST, SECOND = "sk-e2e-Fi7rst0123456789", "sk-e2e-Se8cond9876543210"


@pytest.fixture
def upstream():
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def own(tmp_path, upstream):
    """A gateway whose configuration sets no key."""
    with Gateway(tmp_path / "gateway", upstream.url, secret=None) as gateway:
        yield gateway


def keys_seen(gateway, upstream, calls: int = 1) -> set[str | None]:
    """What the upstream is given as its key by so many calls, each on a connection of its own."""
    client = gateway.key("1000 usd/day")["secret"]
    upstream.requests.clear()
    replies = call_many(gateway.port, [chat()] * calls, client, concurrency=16)
    assert [reply.status for reply in replies] == [200] * calls
    return {request.header("authorization") for request in upstream.requests}


def source(gateway) -> str:
    done = gateway.cli("upstreams", "list", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"][0]["secret_source"]


def test_a_stored_key_is_in_force_at_once_on_every_worker_and_after_a_restart_until_it_is_removed(own, upstream):
    assert keys_seen(own, upstream) == {None}
    done = own.cli("upstreams", "set-key", "openai", typed=FIRST + "\n")
    assert done.returncode == 0, done.stderr
    assert keys_seen(own, upstream, calls=64) == {f"Bearer {FIRST}"}

    own.control.ask("PUT", "/api/v1/upstreams/openai/secret", {"secret": SECOND})
    assert keys_seen(own, upstream, calls=64) == {f"Bearer {SECOND}"}

    assert own.stop() == 0
    own.start()
    assert source(own) == "store"
    assert keys_seen(own, upstream, calls=64) == {f"Bearer {SECOND}"}

    assert own.cli("upstreams", "remove-key", "openai").stdout == "removed\n"
    assert source(own) == "none"
    assert keys_seen(own, upstream, calls=64) == {None}
    assert own.stop() == 0
    own.start()
    assert keys_seen(own, upstream) == {None}


def test_a_stored_key_is_in_no_file_no_log_and_no_answer(own, upstream):
    answers = []
    for key in (FIRST, SECOND):
        done = own.cli("upstreams", "set-key", "openai", "--json", typed=key)
        assert done.returncode == 0
        answers += [done.stdout, done.stderr]
    refused = own.cli("upstreams", "set-key", "openai", typed=f"{FIRST} {SECOND}")
    assert refused.returncode == 1 and "'secret' holds a space" in refused.stderr
    argument = own.cli("upstreams", "set-key", "openai", FIRST)
    assert argument.returncode == 2 and "standard input" in argument.stderr
    answers += [refused.stderr, argument.stdout, argument.stderr]
    status, body = own.control.send("PUT", "/api/v1/upstreams/opnai/secret", {"secret": FIRST})
    assert status == 404 and "did you mean 'openai'?" in body
    upstream.script = Script(status=401)
    client = own.key("1 usd/day")["secret"]
    reply = call(own.port, chat(), client)
    assert reply.status == 401
    own.control.wait_for_records(1)
    answers += [body, str(reply), own.cli("upstreams", "list").stdout, own.cli("usage", "--records", "--json").stdout]
    answers += [own.control.send("GET", path)[1] for path in ("/metrics", "/api/v1/upstreams", "/api/v1/usage/records")]
    for answer in answers:
        assert FIRST[7:] not in answer and SECOND[7:] not in answer, answer

    def files() -> dict:
        return {path: path.read_bytes() for path in own.folder.rglob("*") if path.is_file()}

    found = files()  # while it runs: the write-ahead log too
    assert own.stop() == 0
    for content in (found, files()):
        assert any(b"openai" in part for part in content.values()), "the search does find what is there"
        for path, part in content.items():
            assert FIRST[7:].encode() not in part and SECOND[7:].encode() not in part, path
    assert (own.data / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_running_stream_keeps_the_key_that_it_began_with(own, upstream):
    own.control.ask("PUT", "/api/v1/upstreams/openai/secret", {"secret": FIRST})
    client = own.key("1 usd/day")["secret"]

    def change_it(number: int):
        if number == 1:
            own.control.ask("PUT", "/api/v1/upstreams/openai/secret", {"secret": SECOND})

    upstream.script = Script(before_chunk=change_it)
    reply = call(own.port, chat(stream=True), client)
    assert reply.status == 200 and reply.body.endswith(b"data: [DONE]\n\n")
    assert upstream.requests[-1].header("authorization") == f"Bearer {FIRST}"
    assert keys_seen(own, upstream) == {f"Bearer {SECOND}"}


def test_without_a_server_the_key_goes_into_the_folder_and_a_start_uses_it(tmp_path, upstream):
    gateway = Gateway(tmp_path / "gateway", upstream.url, secret=None)
    done = gateway.cli("upstreams", "set-key", "openai", typed=FIRST + "\n")
    assert done.returncode == 0, done.stderr
    assert source(gateway) == "store"
    with gateway:
        assert keys_seen(gateway, upstream) == {f"Bearer {FIRST}"}
    assert gateway.cli("upstreams", "remove-key", "openai").returncode == 0
    with gateway:
        assert keys_seen(gateway, upstream) == {None}


def test_a_lost_secret_key_refuses_the_start_until_what_it_sealed_is_cleared_away(own, upstream):
    own.control.ask("PUT", "/api/v1/upstreams/openai/secret", {"secret": FIRST})
    assert own.stop() == 0
    (own.data / "secret.key").unlink()
    with pytest.raises(RuntimeError, match=r"secret\.key is missing, and the upstream secrets are sealed with it"):
        own.start()
    assert own.process.returncode == 1
    refused = own.cli("upstreams", "set-key", "openai", typed=SECOND)
    assert refused.returncode == 1 and "remove-key" in refused.stderr
    assert own.cli("upstreams", "remove-key", "openai").returncode == 0
    assert own.cli("upstreams", "set-key", "openai", typed=SECOND).returncode == 0
    own.start()
    assert keys_seen(own, upstream) == {f"Bearer {SECOND}"}


def test_the_configurations_key_wins_over_the_stored_one_and_says_so(tmp_path, upstream):
    stored = Gateway(tmp_path / "gateway", upstream.url, secret=None)
    assert stored.cli("upstreams", "set-key", "openai", typed=FIRST).returncode == 0
    with Gateway(tmp_path / "gateway", upstream.url) as gateway:
        assert "the store holds a key of 'openai' that is not used" in gateway.log()
        assert source(gateway) == "configuration"
        refused = gateway.cli("upstreams", "set-key", "openai", typed=SECOND)
        assert refused.returncode == 1 and "the configuration sets the key of 'openai'" in refused.stderr
        status, body = gateway.control.send("PUT", "/api/v1/upstreams/openai/secret", {"secret": SECOND})
        assert status == 409 and json.loads(body)["field"] == "name"
        assert keys_seen(gateway, upstream) == {f"Bearer {UPSTREAM_SECRET}"}
        assert gateway.cli("upstreams", "remove-key", "openai").returncode == 0
        assert keys_seen(gateway, upstream) == {f"Bearer {UPSTREAM_SECRET}"}
