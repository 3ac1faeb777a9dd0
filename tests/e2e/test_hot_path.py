"""An admitted request costs no disk and no database on its way: the journal is mapped memory, the store a thread."""

import re
import shutil
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import Gateway
from wire import call, chat

NEVER = {"pwrite64", "pwritev", "pwritev2", "fdatasync", "fsync", "msync", "sync_file_range", "openat", "ftruncate",
         "fallocate", "unlink"}
NOT_IN_DATA = {"write", "writev", "fcntl"}  # fine on a socket, an eventfd or the log
LINE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(.*)$")


def threads_of(pid: int) -> dict[int, str]:
    return {int(task.name): (task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()}


def test_the_threads_say_what_they_are(gateway):
    deadline = time.monotonic() + 5  # a thread names itself once it runs, which may be after the server is ready
    while True:
        names = Counter(re.sub(r"-\d+$", "", name) for name in threads_of(gateway.process.pid).values())
        if (names["mg-worker"] >= 2 and names["mg-store"] == 1) or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert names["mg-worker"] >= 2, f"a resolver's thread inherits the name of the worker that started it: {names}"
    assert names["mg-store"] == 1, names


@contextmanager
def traced(gateway, calls: set[str], into: Path):
    """The system calls of the gateway's threads while the block runs, as lines of strace."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    strace = subprocess.Popen(["strace", "-f", "-qq", "-y", "-e", f"trace={','.join(calls)}", "-o", into, "-p",
                               str(gateway.process.pid)], stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    try:
        deadline = time.monotonic() + 5
        while strace.poll() is None and not attached(gateway.process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        if strace.poll() is not None:
            pytest.skip(f"strace may not attach here: {strace.stderr.read().strip()}")
        yield lines
    finally:
        strace.terminate()
        strace.wait()
    lines += into.read_text().splitlines()


def test_worker_threads_touch_no_disk_while_they_serve(gateway, upstream, tmp_path):
    key = gateway.key("1000 usd/day", "100000 requests/month")["secret"]
    for _ in range(20):  # leases are taken, pages are mapped, connections stand
        call(gateway.port, chat(), key)
    with traced(gateway, NEVER | NOT_IN_DATA, tmp_path / "trace") as lines:
        for _ in range(50):
            assert call(gateway.port, chat(), key).status == 200
        time.sleep(0.3)  # the flush of the store thread comes a moment later
    names, seen = threads_of(gateway.process.pid), Counter()
    for line in lines:
        if found := LINE.match(line):
            name = re.sub(r"-\d+$", "", names.get(int(found[1]), "?"))
            on_disk = str(gateway.data) in found[3]
            if name == "mg-worker" and (found[2] in NEVER or on_disk):
                pytest.fail(f"a worker thread touched the disk: {line}")
            seen[name] += on_disk
    assert seen["mg-store"] > 0, f"the trace saw no flush, so it proves nothing: {seen}"


def test_with_durability_power_a_reservation_is_on_the_disk_before_its_call_leaves(upstream, tmp_path):
    with Gateway(tmp_path / "gateway", upstream.url, more="journal: { durability: power }") as gateway:
        key = gateway.key("1000 usd/day")
        for _ in range(10):
            assert call(gateway.port, chat(), key["secret"]).status == 200
        with traced(gateway, {"pwrite64", "sendto", "sendmsg"}, tmp_path / "trace") as lines:
            for _ in range(10):
                assert call(gateway.port, chat(), key["secret"]).status == 200
        events, under_way = [], {}
        for line in lines:  # a write counts when it is done, a send when it begins
            thread = line.split()[0]
            if "POST /v1/chat/completions" in line:
                events.append("sent")
            elif "pwrite64(" in line and "<unfinished" in line:
                under_way[thread] = "/journal/" in line
            elif ("<... pwrite64" in line and under_way.pop(thread)) or ("pwrite64(" in line and "/journal/" in line):
                events.append("written")
        assert events.count("sent") == 10, lines
        before = [events[at - 1] for at, event in enumerate(events) if event == "sent"]
        assert before == ["written"] * 10, events
        gateway.kill()
        gateway.start()
        assert len(gateway.control.wait_for_records(20, key=key["id"])) == 20


def attached(pid: int) -> bool:
    """Whether every thread is traced."""
    return all(re.search(r"^TracerPid:\s*[1-9]", (task / "status").read_text(), re.M)
               for task in Path(f"/proc/{pid}/task").iterdir())
