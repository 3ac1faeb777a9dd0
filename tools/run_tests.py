#!/usr/bin/env python3
"""Runs the tests and says on its last line `N passed, N failed`.

    tools/run_tests.py --cpp build/dev                      every test_* binary in that folder (doctest)
    tools/run_tests.py --e2e build/release/metergate        tests/e2e against that binary (pytest)
    tools/run_tests.py … --select replay                    only the end-to-end tests that match (pytest -k)

Fails when a test fails, when a runner breaks off, and when nothing ran at all.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPP_TIMEOUT_S = 600
DOCTEST_SUMMARY = re.compile(r"test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed: int, failed: int, returncode: int):
        """A runner that ends badly without naming a failed test counts as one failure: it crashed."""
        self.passed += passed
        self.failed += failed or int(returncode != 0)


def run_cpp(binary: Path, counts: Counts):
    started = time.monotonic()
    try:
        done = subprocess.run([binary], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=CPP_TIMEOUT_S, cwd=ROOT)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = f"{late.stdout or ''}\nstopped: not done after {CPP_TIMEOUT_S} s", 1
    found = DOCTEST_SUMMARY.findall(output)
    passed, failed, skipped = map(int, found[-1]) if found else (0, 0, 0)
    counts.add(passed, failed, code if found else 1)
    counts.skipped += skipped
    seconds = time.monotonic() - started
    print(f"  {binary.name:<16} {passed:>4} passed  {failed:>3} failed  {seconds:6.1f} s", flush=True)
    if code != 0 or not found:
        print(output, f"  ({binary.name} ended with {code})", flush=True)


def run_e2e(binary: Path, select: str, counts: Counts):
    """Streams pytest's output as it comes: a slow test is seen while it runs."""
    command = [sys.executable, "-m", "pytest", "tests/e2e", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    if select:
        command += ["-k", select]
    environment = {**os.environ, "METERGATE_BIN": str(binary.resolve()), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    summary = ""
    for line in process.stdout:
        print(f"  {line}", end="", flush=True)
        if PYTEST_COUNT.search(line) and " in " in line:
            summary = line
    number = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
    for count, word in PYTEST_COUNT.findall(summary):
        number[word.removesuffix("s") if word.startswith("error") else word] += int(count)
    counts.skipped += number["skipped"]
    counts.add(number["passed"], number["failed"] + number["error"], process.wait())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpp", type=Path, help="build folder with test_* binaries")
    parser.add_argument("--e2e", type=Path, help="the binary that tests/e2e drives")
    parser.add_argument("--select", default="", help="pytest -k expression")
    args = parser.parse_args()

    counts = Counts()
    if args.cpp:
        binaries = sorted(path for path in args.cpp.glob("test_*") if os.access(path, os.X_OK) and path.is_file())
        print(f"C++ tests in {args.cpp}", flush=True)
        for binary in binaries:
            run_cpp(binary, counts)
        if not binaries:
            print("  none found", flush=True)
            counts.failed += 1
    if args.e2e:
        print(f"end-to-end tests against {args.e2e}", flush=True)
        run_e2e(args.e2e, args.select, counts)
    if counts.passed + counts.failed == 0:
        print("no test ran")
        counts.failed = 1
    if counts.skipped:
        print(f"{counts.skipped} skipped")
    print(f"{counts.passed} passed, {counts.failed} failed")
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
