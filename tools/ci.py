#!/usr/bin/env python3
"""What CI runs: the Makefile's verbs, one after another, each timed; the last line is `N passed, N failed`.

A stage that fails does not keep the others from running: one run shows everything that is wrong.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A verb and its arguments. Of the crashes those that need neither root nor a mount.
STAGES = {"test": "", "lint": "", "asan": "", "tsan": "", "sim": "", "model": "",
          "crash": "--kills 15 --ways kill,stop"}
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$")


def run_stage(verb: str, arguments: str) -> tuple[int, int, float]:
    """Passed, failed, seconds. A stage that ends badly without counting a failure counts as one."""
    started = time.monotonic()
    print(f"== {verb}", flush=True)
    command = ["make", "--no-print-directory", verb] + ([f"ARGS={arguments}"] if arguments else [])
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    passed = failed = 0
    for line in process.stdout:
        print(line, end="", flush=True)
        if found := COUNTS.match(line):
            passed, failed = int(found[1]), int(found[2])
    if process.wait() != 0:
        failed = max(failed, 1)
    return passed, failed, time.monotonic() - started


def main() -> int:
    results = {verb: run_stage(verb, arguments) for verb, arguments in STAGES.items()}
    print("== summary")
    for verb, (passed, failed, seconds) in results.items():
        print(f"  {verb:<6} {'FAILED' if failed else 'ok':<7} {passed:>5} passed {failed:>4} failed {seconds:7.0f} s")
    passed = sum(result[0] for result in results.values())
    failed = sum(result[1] for result in results.values())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
