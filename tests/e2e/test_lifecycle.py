"""Start, stop, start again: what a process owes to the exchanges it has under way and to the next process."""

import asyncio
import subprocess
import threading
import time

import pytest

from gateway import ADMIN_KEY, Gateway
from scripted_upstream import Script
from wire import call, chat, chunks, read_head, request_bytes

pytestmark = pytest.mark.smoke


def test_a_second_process_on_the_same_data_folder_refuses_to_start(own, tmp_path):
    gateway, upstream = own
    second = Gateway(tmp_path / "second", upstream.url)
    command = [*second.command()[:-1], str(gateway.data)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
                          env={"METERGATE_ADMIN_KEY": ADMIN_KEY})
    assert done.returncode != 0
    assert str(gateway.data) in done.stderr + done.stdout
    assert call(gateway.port, chat(), gateway.key("1 usd/day")["secret"]).status == 200, "the first is not disturbed"


def test_sigterm_lets_a_running_stream_finish_and_takes_no_new_exchange(own):
    gateway, upstream = own
    upstream.script = Script(chunks=20, chunk_delay_s=0.05)
    key = gateway.key("1 usd/day")

    async def read_through_the_stop() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(request_bytes(chat(stream=True), key["secret"]))
        await read_head(reader)
        body = b""
        async for piece in chunks(reader):
            if not body:
                gateway.terminate()
            body += piece
        writer.close()
        return body

    body = asyncio.run(asyncio.wait_for(read_through_the_stop(), 10))
    assert body.count(b'"content"') == 20 and body.endswith(b"data: [DONE]\n\n")
    assert gateway.process.wait(10) == 0
    gateway.start()
    assert gateway.control.records(key=key["id"])[0]["outcome"] == "served"
    limit = gateway.control.limits_of(key)[0]
    gateway.control.wait_for_numbers(limit["id"], spent="0.00006", reserved=0, unresolved=0)


def test_a_clean_restart_keeps_keys_limits_and_what_was_spent(own):
    gateway, upstream = own
    key = gateway.key("3 requests/day")
    assert [call(gateway.port, chat(), key["secret"]).status for _ in range(2)] == [200, 200]
    assert gateway.stop() == 0
    gateway.start()
    limit = gateway.control.limits_of(key)[0]
    gateway.control.wait_for_numbers(limit["id"], spent=2, available=1, unresolved=0, reserved=0)
    assert [call(gateway.port, chat(), key["secret"]).status for _ in range(2)] == [200, 402]


def test_after_kill_9_every_call_that_was_answered_is_booked_once_and_nothing_else_is_held(own):
    """The journal has what the store had not yet."""
    gateway, upstream = own
    key = gateway.key("1000 requests/day")
    replies = [call(gateway.port, chat(), key["secret"]) for _ in range(50)]
    gateway.kill()
    gateway.start()
    records = gateway.control.records()
    assert [record["outcome"] for record in records] == ["served"] * 50
    assert {record["id"] for record in records} == {reply.header("x-request-id") for reply in replies}
    numbers = gateway.control.numbers(gateway.control.limits_of(key)[0]["id"])
    assert (numbers["spent"], numbers["unresolved"], numbers["available"]) == (50, 0, 950)


def test_a_crash_loop_neither_loses_nor_invents_money(own):
    gateway, upstream = own
    key = gateway.key("1000 requests/day")
    limit = gateway.control.limits_of(key)[0]
    upstream.script = Script(latency_s=0.002)
    for _ in range(4):
        stop = threading.Event()

        def caller():
            while not stop.is_set():
                try:
                    call(gateway.port, chat(), key["secret"], timeout=2)
                except (OSError, EOFError, ValueError, TimeoutError):
                    return

        threads = [threading.Thread(target=caller) for _ in range(4)]
        for thread in threads:
            thread.start()
        before = upstream.hits
        deadline = time.monotonic() + 5
        while upstream.hits < before + 40 and time.monotonic() < deadline:
            time.sleep(0.001)
        gateway.kill()
        stop.set()
        for thread in threads:
            thread.join()
        gateway.start()
    numbers = gateway.control.wait_for_numbers(limit["id"], reserved=0)
    assert numbers["spent"] <= upstream.hits <= numbers["spent"] + numbers["unresolved"]
    assert numbers["unresolved"] <= 4 * 4, "held is what was under way, and no more"


def test_a_key_is_in_force_at_once_and_so_is_its_limit(own):
    gateway, upstream = own
    for _ in range(20):
        key = gateway.key("1 requests/day")
        assert [call(gateway.port, chat(), key["secret"]).status for _ in range(2)] == [200, 402]


def test_secrets_are_in_no_log_and_no_file(own):
    gateway, upstream = own
    key = gateway.key("1 usd/day")
    call(gateway.port, chat(), key["secret"])
    assert gateway.stop() == 0
    files = [path for path in gateway.data.rglob("*") if path.is_file()] + [gateway.folder / "log"]
    for path in files:
        content = path.read_bytes()
        for secret in (key["secret"], "sk-upstream-secret", ADMIN_KEY):
            assert secret.encode() not in content, path
        assert b"Say hello." not in content, f"a body in {path}"
