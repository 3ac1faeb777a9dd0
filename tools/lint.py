#!/usr/bin/env python3
"""Everything `make lint` checks: formatting, layers, house rules, the checkers themselves, clang-tidy.

    tools/lint.py [--no-clang-tidy]

A source is sent to clang-tidy again only when it, a project header that it includes, its flags or .clang-tidy changed:
the user's cache remembers what was clean, in whatever checkout, as the compiler's cache does. The last line is
`N passed, N failed`, one per check.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATABASE = ROOT / "build/tidy/compile_commands.json"
CLEAN = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "metergate/clang-tidy-19"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def run(*command: str) -> tuple[bool, str]:
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace")
    return done.returncode == 0, done.stdout


def sources() -> list[str]:
    _, listed = run("git", "ls-files", "-co", "--exclude-standard", "--", "*.h", "*.cpp")
    return sorted(name for name in set(listed.split()) if (ROOT / name).is_file() and "/fixtures/" not in name)


def check_format() -> tuple[bool, str]:
    ok, output = run("clang-format-19", "--dry-run", "-Werror", *sources())
    unformatted = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", output, re.M)))
    return ok, "\n".join([*unformatted, "`make fmt` formats them"]) if unformatted else output


@cache
def closure(name: str) -> frozenset[str]:
    """A source and the project headers that it includes, directly or not."""
    seen, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in seen and (ROOT / current).is_file():
            seen.add(current)
            included = INCLUDE.findall((ROOT / current).read_text(errors="replace"))
            waiting += [f"src/{header}" for header in included] + included
    return frozenset(seen)


def fingerprint(name: str, flags: str) -> str:
    parts = [flags.replace(str(ROOT), "."), (ROOT / ".clang-tidy").read_text()]
    parts += [(ROOT / member).read_text(errors="replace") for member in sorted(closure(name))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def tidy_one(name: str, stamp: Path) -> str:
    """What clang-tidy says of one file; empty if nothing."""
    ok, output = run("clang-tidy-19", "--quiet", "-p", str(DATABASE.parent), name)
    if ok:
        stamp.touch()
        return ""
    return re.sub(r"^\d+ warnings? .*\n", "", output, flags=re.M)


def check_clang_tidy() -> tuple[bool, str]:
    CLEAN.mkdir(parents=True, exist_ok=True)
    jobs = []
    for entry in json.loads(DATABASE.read_text()):
        name = os.path.relpath(entry["file"], ROOT)
        if name.startswith(("src/", "tests/")) and (ROOT / name).is_file():
            stamp = CLEAN / fingerprint(name, entry.get("command", ""))
            if not stamp.exists():
                jobs.append((name, stamp))
    if jobs:
        print(f"  clang-tidy: {len(jobs)} files to read", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = [report for report in pool.map(lambda job: tidy_one(*job), jobs) if report]
    return not reports, "".join(reports)


CHECKS = {
    "format": check_format,
    "layers": lambda: run(sys.executable, "tools/check_layers.py"),
    "tidy": lambda: run(sys.executable, "tools/tidy.py"),
    "checkers": lambda: run(sys.executable, "-m", "unittest", "discover", "-s", "tools/tests", "-p", "*_test.py"),
    "clang-tidy": check_clang_tidy,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-clang-tidy", action="store_true", help="leave out the slow one")
    args = parser.parse_args()

    passed = failed = 0
    for name, check in CHECKS.items():
        if name == "clang-tidy" and args.no_clang_tidy:
            continue
        started = time.monotonic()
        ok, output = check()
        passed, failed = passed + ok, failed + (not ok)
        print(f"  {name:<11} {'ok' if ok else 'FAILED':<7} {time.monotonic() - started:6.1f} s", flush=True)
        if not ok:
            print(output, flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
