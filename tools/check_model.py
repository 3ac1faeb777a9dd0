#!/usr/bin/env python3
"""Searches the model of the lease protocol with Spin, whole and with one rule at a time left out.

    tools/check_model.py                all of it: `make model`
    tools/check_model.py RULE …         only the model without these rules, and the way on which each is caught

The sound model must hold in every state, and its searches together must take every step that it has. Without a rule it
must be caught, by the property that is named for it. docs/internals/lease_model/README.md says what it all means. The
last line is `N passed, N failed`, one per search and one for the steps.
"""

import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "docs/internals/lease_model/lease.pml"
WORK = ROOT / "build/model"
MEMORY_MB = 1_900
DEPTH = 100_000
TIMEOUT_S = 600

LIVE = "LIVE"
NO_FAULT = "CRASHES=0 EXPIRIES=0"
CRASH = "EXPIRIES=0 STRUCK=1"
EXPIRY = "CRASHES=0 STRUCK=1"
TWO_COUNTERS = "COUNTERS=2 AMOUNT=2 AMOUNT_1=1 RESERVE=1 GRANTED_MAX=2"

# What is said of it, and with which sizes. With LIVE the money must also come back.
SOUND = {
    "a crash and an expiry, of either gateway": LIVE,
    "the same, with two counters": f"{LIVE} {TWO_COUNTERS}",
    "three calls, more money, both faults on one gateway": "CALLS=3 AMOUNT=4 GRANTED_MAX=4 STRUCK=1",
    "three calls, two crashes": "CALLS=3 CRASHES=2 EXPIRIES=0",
    "four calls, more money, no fault": f"{LIVE} AMOUNT=4 CALLS=4 {NO_FAULT}",
    "two expiries": "CRASHES=0 EXPIRIES=2",
}

# Rule left out: what must catch it, and where it is looked for.
BROKEN = {
    "refund_after_sent": ("never_over", NO_FAULT),
    "recall_takes_reserved": ("never_over", NO_FAULT),
    "return_is_a_delta": ("never_over", f"AMOUNT=2 {NO_FAULT}"),
    "grant_is_a_delta": ("never_over", NO_FAULT),
    "flush_counts_repeats": ("truth", NO_FAULT),
    "overrun_not_booked": ("money_comes_back", f"{LIVE} {NO_FAULT}"),
    "lost_grant_forgotten": ("money_comes_back", f"{LIVE} {NO_FAULT}"),
    "recall_ignored": ("money_comes_back", f"{LIVE} {NO_FAULT}"),
    "reserve_in_part": ("never_over", f"{TWO_COUNTERS} {NO_FAULT}"),
    "undo_forgotten": ("shares", f"{TWO_COUNTERS} {NO_FAULT}"),
    "recall_takes_granted": ("no_livelock", f"{LIVE} {NO_FAULT}"),
    "waiter_keeps_its_part": ("money_comes_back", f"{LIVE} AMOUNT=4 CALLS=4 {NO_FAULT}"),
    "grant_in_part": ("no_livelock", f"{LIVE} {TWO_COUNTERS} {NO_FAULT}"),
    "epoch_at_store": ("books", EXPIRY),
    "epoch_at_gateway": ("never_over", EXPIRY),
    "expiry_frees": ("never_over", EXPIRY),
    "validity_from_reply": ("nothing_new_on_expired", EXPIRY),
    "expired_not_settled": ("money_comes_back", f"{LIVE} {EXPIRY}"),
    "send_before_record": ("never_over", CRASH),
    "credit_before_record": ("evidence_fits", CRASH),
    "recovery_frees_open": ("never_over", CRASH),
    "recovery_in_two_steps": ("books", CRASH),
    "recovery_of_the_living": ("never_over", CRASH),
    "power_loss_ignored": ("never_over", CRASH),
    "grant_to_closed": ("closed_changes_nothing", CRASH),
    "return_to_closed": ("closed_changes_nothing", CRASH),
    "flush_to_closed": ("closed_changes_nothing", CRASH),
}


@dataclass
class Search:
    found: str = ""    # the property that failed; empty if none
    trouble: str = ""  # why nothing can be said
    states: int = 0
    memory_mb: float = 0
    seconds: float = 0                  # of processor time, with the compiler's
    way: tuple = ()                     # to the failure: who, and the line of the step
    unreached: frozenset = frozenset()  # lines of steps that were never taken


def processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def search(name: str, defines: list[str], whole: bool) -> Search:
    """One search of the model. `whole`: of all states; otherwise the shortest way to a failure, where it has one."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    live = LIVE in defines
    mode = [] if live else ["-DSAFETY"] if whole else ["-DSAFETY", "-DBFS"]
    began = processor_s()
    commands = [
        ["spin", "-a", *(f"-D{define}" for define in defines), str(MODEL)],
        ["gcc", "-O2" if whole else "-O0", "-w", *mode, "-DNOREDUCE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"],
        ["./pan", f"-m{DEPTH}", *(["-a"] if live else []), *([] if whole else ["-w20"])],
    ]
    for command in commands:
        try:
            done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return Search(trouble=f"{command[0]}: not done after {TIMEOUT_S} s")
        if done.returncode != 0 and command[0] != "./pan":
            return Search(trouble=done.stdout or f"{command[0]} ended with {done.returncode}")
    result = read_report(done.stdout)
    if result.found:
        replay = subprocess.run(["./pan", "-r", "lease.pml.trail"], cwd=folder, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
        result.way = read_way(replay.stdout)
    result.seconds = processor_s() - began
    return result


def read_report(report: str) -> Search:
    result = Search()
    if states := re.search(r"(\d+) states, stored", report):
        result.states = int(states[1])
    if memory := re.search(r"([\d.]+)\s+total actual memory", report):
        result.memory_mb = float(memory[1])
    if failed := re.search(r"^pan:\d+: (?:assertion violated (\w+)|acceptance cycle) ", report, re.M):
        result.found = failed[1] or "money_comes_back"
    complete = "errors: 0" in report and "Search not completed" not in report
    if not result.found and (not complete or "max search depth too small" in report):
        result.trouble = report or "the search said nothing"
    result.unreached = frozenset(int(line) for line in re.findall(r"lease\.pml:(\d+), state \d+, \"D_STEP", report))
    return result


def read_way(replay: str) -> tuple:
    """(who, line) of each step, from what `pan -r` says."""
    who = {}
    for process, name, variables in re.findall(r"^local vars proc (\d+) \((\w+)\):\n((?:\t.*\n)*)", replay, re.M):
        values = re.findall(r"[nr]:\t(\d+)", variables)
        who[process] = f"{name}({', '.join(values)})"
    steps = re.findall(r"proc\s+(\d+) \((\w+)\) .*\[D_STEP(\d+)\]", replay)
    return tuple((who.get(process, name), int(line)) for process, name, line in steps)


def begin_of_step(line: int) -> str:
    """The source line on which the step begins that has this line."""
    lines = MODEL.read_text().splitlines()
    is_begin = re.compile(r"\s*(:: atomic|d_step)")
    return next((lines[at].strip() for at in range(line - 1, -1, -1) if is_begin.match(lines[at])), "")


def say(ok: bool, what: str, result: Search, note: str):
    print(f"  {'ok' if ok else 'FAILED':<7} {what:<52} {result.states:>9,} states {result.memory_mb:>6.0f} MB "
          f"{result.seconds:>6.1f} s  {note}", flush=True)
    if result.trouble:
        print(result.trouble, flush=True)


def check_sound() -> list[bool]:
    verdicts = []
    unreached = None
    for number, (what, sizes) in enumerate(SOUND.items()):
        result = search(f"sound_{number}", sizes.split(), whole=True)
        ok = not result.found and not result.trouble
        unreached = result.unreached if unreached is None else unreached & result.unreached
        say(ok, what, result, f"fails: {result.found}, after {len(result.way)} steps" if result.found else "holds")
        verdicts.append(ok)
    never = sorted(line for line in unreached if not begin_of_step(line).startswith(":: atomic { broken("))
    print(f"  {'FAILED' if never else 'ok':<7} every step of the model is taken"
          + "".join(f"\n    {MODEL.name}:{line}: never" for line in never), flush=True)
    return [*verdicts, not never]


def check_broken(rules: list[str], tell: bool) -> list[bool]:
    verdicts = []
    for rule in rules:
        wanted, sizes = BROKEN[rule]
        watch = [] if LIVE in sizes else [f"WATCH={wanted}", "SHORTEST"]
        result = search(rule, [*sizes.split(), f"BROKEN={rule}", *watch], whole=False)
        ok = result.found == wanted
        say(ok, f"without its rule: {rule}", result,
            f"caught: {result.found}, after {len(result.way)} steps" if result.found else "not caught")
        if tell:
            for who, line in result.way:
                print(f"    {who:<12} {line:>4}  {begin_of_step(line)}")
        verdicts.append(ok)
    return verdicts


def main() -> int:
    if unknown := [rule for rule in sys.argv[1:] if rule not in BROKEN]:
        print(f"unknown: {' '.join(unknown)}; there are: {' '.join(BROKEN)}")
        return 2
    if rules := sys.argv[1:]:
        verdicts = check_broken(rules, tell=True)
    else:
        verdicts = check_sound() + check_broken([*BROKEN], tell=False)
    passed = sum(verdicts)
    print(f"{passed} passed, {len(verdicts) - passed} failed")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
