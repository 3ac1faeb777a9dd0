#!/usr/bin/env python3
"""Finds the functions that calls run through, for the linker to lay side by side; writes cmake/text_order.txt.

    bench/text_order.py          a minute, with valgrind: plain calls, then streams, both under callgrind

Calls run through a tenth of the program, and the compiler's order scatters it over all of it: every page of the program
would be in memory and half of them in use. The list need not be exact: a function that it lacks lies elsewhere, a name
that is gone is passed over. Make it anew when the data path has changed much.
"""

import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import CHUNKS_PER_STREAM, ROOT, request_body
from targets import Target, control_call, create_key, start_backend, start_metergate

CONNECTIONS = 32
SECONDS = 12


def load(target: Target, seconds: int, sse: bool) -> int:
    """The number of calls that were made."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "--latency",
               "-s", str(ROOT / "bench/load.lua"), f"http://127.0.0.1:{target.port}/v1/chat/completions"]
    environment = {**os.environ, "BENCH_BODY": request_body(sse), "BENCH_KEY": target.key}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return int(re.search(r'"requests": *(\d+)', output)[1])


def administer(control: int):
    """What is asked of every gateway once it runs, besides calls."""
    create_key(control, "another", ["1 usd/day", "100 requests/minute"])
    for path in ("/healthz", "/readyz", "/metrics"):
        control_call(control, path)
    for noun in ("accounts", "keys", "limits", "usage"):
        control_call(control, f"/api/v1/{noun}")


def plain(name: str) -> str:
    """Without callgrind's mark of a recursion; of a constructor or destructor the one name that its section has."""
    return re.sub(r"([CD])1E", r"\g<1>2E", name.split("'")[0])


def calls_of_functions(profile: str, program: str) -> collections.Counter:
    """How often each function of the program was called, by callgrind's output format
    (valgrind.org/docs/manual/cl-format.html): names and objects are given once and numbered from then on."""
    names: dict[tuple[str, str], str] = {}

    def name_of(kind: str, text: str) -> str:
        number, name = re.match(r"\((\d+)\)(?: (.*))?", text).groups()
        if name:
            names[kind, number] = name
        return names[kind, number]

    called = collections.Counter()
    own = callee_object = callee = ""
    for line in profile.splitlines():
        key, _, value = line.partition("=")
        if key == "ob":
            own = name_of("object", value)
        elif key == "fn":
            name = name_of("function", value)
            callee_object = own
            if own.endswith(program):
                called[plain(name)] += 0  # also what was called before and goes on, such as a loop
        elif key == "cob":
            callee_object = name_of("object", value)
        elif key == "cfn":
            callee = name_of("function", value)
        elif key == "calls":
            if callee_object.endswith(program):
                called[plain(callee)] += int(value.split()[0])
            callee_object = own
    return called


def profile(binary: Path, sse: bool) -> collections.Counter:
    """Of one call each: how often the program's functions ran."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backend = start_backend(folder, 1)
        wrapper = folder / "metergate"
        wrapper.write_text("#!/bin/sh\nexec valgrind --tool=callgrind --separate-threads=yes --demangle=no "
                           f"--callgrind-out-file={folder}/out {binary} \"$@\"\n")
        wrapper.chmod(0o755)
        target = start_metergate(wrapper, folder, 0, backend.port, 1)
        try:
            administer(target.control)
            calls = load(target, SECONDS, sse)
        finally:
            target.process.terminate()
            target.process.wait(60)
            backend.stop()
        time.sleep(1)
        called = collections.Counter()
        for out in set(folder.glob("out-*")) - {folder / "out-01"}:  # the first thread only starts and ends it all
            called += calls_of_functions(out.read_text(errors="replace"), binary.name)
    print(f"  {calls} calls{' of ' + str(CHUNKS_PER_STREAM) + ' chunks' if sse else ''}, "
          f"{len(called)} functions", file=sys.stderr)
    return called


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/metergate")
    parser.add_argument("--out", type=Path, default=ROOT / "cmake/text_order.txt")
    args = parser.parse_args()
    plain, streams = profile(args.binary, False), profile(args.binary, True)
    # What plain calls run through, the most frequent first; then what only streams do.
    order = [name for name, _ in plain.most_common()] + [name for name, _ in streams.most_common() if name not in plain]
    args.out.write_text("".join(f".text.{name}\n" for name in order))
    print(f"{len(order)} functions in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
