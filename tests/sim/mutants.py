#!/usr/bin/env python3
"""Switches each bug of mutations.toml on and shows who sees it: the engine's unit tests, and the simulator.

    tests/sim/mutants.py BUILD [--write]    BUILD: a build folder with METERGATE_TESTS
                                            --write: puts the table into tests/sim/README.md

Fails where the simulator lets one live. The last line is `N passed, N failed`, one per bug.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutate import HERE, mutations

RANDOM_LIFE = "whatever happens to a node*"  # a small simulation itself, and therefore left out of the unit tests
LAST_SEED = 5_000
TIMEOUT_S = 300
FOUND = re.compile(r"^seed (\d+) after (\d+) exchanges: (.*)$", re.M)
BEGIN, END = "<!-- mutants: written by mutants.py -->\n", "<!-- end of mutants -->\n"


def run(binary: Path, number: int, *arguments: str) -> tuple[int, str]:
    try:
        done = subprocess.run([binary, *arguments], env={**os.environ, "METERGATE_MUTATION": str(number)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=TIMEOUT_S)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return 1, "hangs"


def short(violation: str) -> str:
    """Without its numbers, and without the place of an assertion."""
    return re.sub(r"-?[0-9]+", "…", violation.split(" (/")[0])[:60].rstrip()


def judge(build: Path, number: int, name: str) -> tuple[bool, str]:
    tests, _ = run(build / "test_quota_mutants", number, f"-tce={RANDOM_LIFE}")
    code, output = run(build / "sim_mutants", number, "--from", "1", "--to", str(LAST_SEED), "--quiet")
    found = FOUND.search(output)
    if found:
        seen = f"{found[1]} | {int(found[2]):,} | {short(found[3])}"
    else:
        seen = "- | - | it dies or hangs" if code else "- | - | **not seen**"
    return code != 0, f"| {number} | {name} | {'pass' if tests == 0 else 'fail'} | {seen} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    subprocess.run(["ninja", "-C", args.build, "sim_mutants", "test_quota_mutants"], check=True,
                   stdout=subprocess.DEVNULL)

    code, output = run(args.build / "sim_mutants", 0, "--from", "1", "--to", "100", "--quiet")
    if code != 0:
        print(f"{output}the engine fails with no bug switched on\n0 passed, 1 failed")
        return 1
    rows = ["| | bug | unit tests | seed | within exchanges | the auditor says |", "|---|---|---|---|---|---|"]
    caught = 0
    names = [mutation["name"] for mutation in mutations()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each row is a process of its own
        for seen, row in pool.map(lambda entry: judge(args.build.resolve(), *entry), enumerate(names, 1)):
            caught += seen
            rows.append(row)
            print(row, flush=True)
    if args.write:
        readme = HERE / "README.md"
        before, rest = readme.read_text().split(BEGIN)
        readme.write_text(before + BEGIN + "\n" + "\n".join(rows) + "\n\n" + END + rest.split(END)[1])
    total = len(rows) - 2
    print(f"{caught} passed, {total - caught} failed")
    return 0 if caught == total else 1


if __name__ == "__main__":
    sys.exit(main())
