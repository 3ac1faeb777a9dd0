#!/usr/bin/env python3
"""Switches each bug of mutations.toml on and shows who sees it: the engine's unit tests, and the simulator.

    tests/sim/mutants.py BUILD [NUMBER…] [--write]    BUILD: a build folder with METERGATE_TESTS
                                                      --write: puts the table into tests/sim/README.md
                                                      NUMBER: only these; the others' rows stay as they are

Fails where neither sees one. The last line is `N passed, N failed`, one per bug.
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
TIMEOUT_S = 1_200
FOUND = re.compile(r"^seed (\d+) after (\d+) exchanges: (.*)$", re.M)
HEADER = "| | bug | unit tests | seed | within exchanges | the auditor says |\n|---|---|---|---|---|---|"
BEGIN, END = "<!-- mutants: written by mutants.py -->\n", "<!-- end of mutants -->\n"


def run(binary: Path, number: int, *arguments: str, hangs_fail: bool = False) -> tuple[int, str]:
    try:
        done = subprocess.run([binary, *arguments], env={**os.environ, "METERGATE_MUTATION": str(number)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=TIMEOUT_S)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return (1, "it hangs") if hangs_fail else (0, "nothing was seen in time")


def short(violation: str) -> str:
    """Without its numbers, and without the place of an assertion."""
    return re.sub(r"-?[0-9]+", "…", violation.split(" (/")[0])[:60].rstrip()


def judge(build: Path, number: int, name: str) -> tuple[bool, str]:
    tests, _ = run(build / "test_quota_mutants", number, f"-tce={RANDOM_LIFE}", hangs_fail=True)
    code, output = run(build / "sim_mutants", number, "--from", "1", "--to", str(LAST_SEED), "--quiet")
    found = FOUND.search(output)
    if found:
        seen = f"{found[1]} | {int(found[2]):,} | {short(found[3])}"
    else:
        seen = "- | - | it dies" if code else "- | - | not seen"
    return bool(code or tests), f"| {number} | {name} | {'pass' if tests == 0 else 'fail'} | {seen} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("numbers", type=int, nargs="*")
    args = parser.parse_args()
    subprocess.run(["ninja", "-C", args.build, "sim_mutants", "test_quota_mutants"], check=True,
                   stdout=subprocess.DEVNULL)

    code, output = run(args.build / "sim_mutants", 0, "--from", "1", "--to", "100", "--quiet")
    if code != 0:
        print(f"{output}the engine fails with no bug switched on\n0 passed, 1 failed")
        return 1
    rows = {}
    caught = 0
    bugs = [(number, mutation["name"]) for number, mutation in enumerate(mutations(), 1)
            if number in (args.numbers or [number])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each row is a process of its own
        for (number, _), (seen, row) in zip(bugs, pool.map(lambda bug: judge(args.build.resolve(), *bug), bugs)):
            caught += seen
            rows[number] = row
            print(row, flush=True)
    if args.write:
        write(rows)
    print(f"{caught} passed, {len(rows) - caught} failed")
    return 0 if caught == len(rows) else 1


def write(rows: dict[int, str]):
    readme = HERE / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    table, after = rest.split(END)
    known = {int(found[1]): found[0] for found in re.finditer(r"^\| (\d+) \|.*$", table, re.M)}
    table = [HEADER, *(row for _, row in sorted((known | rows).items()))]
    readme.write_text(before + BEGIN + "\n" + "\n".join(table) + "\n\n" + END + after)


if __name__ == "__main__":
    sys.exit(main())
