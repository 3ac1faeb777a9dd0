#!/usr/bin/env python3
"""Compares Metergate with nginx and HAProxy on this machine; writes build/bench.json.

Every proxy has one worker thread, pinned to core 0; the backend and wrk share core 1. The targets take turns in short
slices, round after round, so that other work on the machine hits them alike; figures are medians over the rounds.
Quote the ratio (CPU per request to that of nginx in the same round): absolute figures move with the machine.

    bench/run.py                 64 connections, plain replies, 5 rounds of 3 s each
    bench/run.py --sse           32 streams of 50 chunks, one per millisecond; CPU is per chunk
    bench/run.py --quick         2 rounds of 1 s: does it work, not how fast it is
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from targets import Target, start_backend, start_haproxy, start_metergate, start_nginx

ROOT = Path(__file__).resolve().parent.parent
PROXY_CPU, LOAD_CPU = 0, 1
CHUNKS_PER_STREAM = 50
PROMPT = ("A canal gate measures the water that each farmer takes and shuts when the share is used up. "
          "Explain in two sentences why it has to measure before it opens and not afterwards, and what that has to do "
          "with a budget for calls to a paid interface.")


def request_body(sse: bool) -> str:
    body = {"model": "gpt-4o", "messages": [{"role": "system", "content": "You are brief."},
                                            {"role": "user", "content": PROMPT}], "max_tokens": 64}
    if sse:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body, separators=(",", ":"))


def slice_of_load(target: Target, args) -> dict:
    """One turn of a target under load: its figures."""
    command = ["taskset", "-c", str(LOAD_CPU), "wrk", "-t1", f"-c{args.connections}", f"-d{args.seconds}s", "--latency",
               "-s", str(ROOT / "bench/load.lua"), f"http://127.0.0.1:{target.port}/v1/chat/completions"]
    environment = {**os.environ, "BENCH_BODY": request_body(args.sse), "BENCH_KEY": target.key}
    before = target.cpu_ns()
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    cpu_us = (target.cpu_ns() - before) / 1000
    found = json.loads(output.strip().splitlines()[-1])
    if found["requests"] == 0 or found["errors"] > found["requests"] // 1000:
        raise RuntimeError(f"{target.name}: {found['errors']} errors in {found['requests']} requests")
    per = found["requests"] * (CHUNKS_PER_STREAM if args.sse else 1)
    return {"rps": found["requests"] * 1e6 / found["duration_us"], "p50_us": found["p50_us"],
            "p99_us": found["p99_us"], "cpu_us_per_req": cpu_us / per}


def measure(targets: list[Target], args) -> list[dict]:
    """Round-robin over the targets; one row of medians each."""
    slices: dict[str, list[dict]] = {target.name: [] for target in targets}
    for number in range(args.rounds):
        for target in targets:
            slices[target.name].append(slice_of_load(target, args))
        print(f"  round {number + 1} of {args.rounds}", file=sys.stderr)
    rows = []
    for target in targets:
        own = slices[target.name]
        middle = {key: round(median(one[key] for one in own), 1) for key in own[0]}
        ratios = [one["cpu_us_per_req"] / nginx["cpu_us_per_req"] for one, nginx in zip(own, slices["nginx"])]
        name = f"sse-{target.name}" if args.sse else target.name
        rows.append({"name": name, **middle, "cpu_ratio_nginx": round(median(ratios), 3),
                     "rss_mb": round(target.rss_mb(), 1)})
    return rows


def show(rows: list[dict], sse: bool):
    print(f"{'':<14}{'requests/s':>12}{'p50 µs':>9}{'p99 µs':>9}{'CPU µs/' + ('chunk' if sse else 'req'):>14}"
          f"{'× nginx':>9}{'RSS MB':>8}")
    for row in rows:
        print(f"{row['name']:<14}{row['rps']:>12,.0f}{row['p50_us']:>9,.0f}{row['p99_us']:>9,.0f}"
              f"{row['cpu_us_per_req']:>14.1f}{row['cpu_ratio_nginx']:>9.2f}{row['rss_mb']:>8.1f}")


def save(rows: list[dict], path: Path):
    """A plain run and an --sse run keep each other's rows."""
    kept = json.loads(path.read_text())["rows"] if path.exists() else []
    names = {row["name"] for row in rows}
    path.write_text(json.dumps({"rows": [row for row in kept if row["name"] not in names] + rows}, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sse", action="store_true", help="streams instead of plain replies")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s")
    parser.add_argument("--seconds", type=int, default=3, help="length of a slice")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, help="64, or 32 streams")
    parser.add_argument("--limits", type=int, default=1, help="hard limits on Metergate's key")
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/metergate")
    args = parser.parse_args()
    args.connections = args.connections or (32 if args.sse else 64)
    if args.quick:
        args.seconds, args.rounds = 1, 2

    folder = ROOT / "build/bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    targets = []
    try:
        backend = start_backend(folder, LOAD_CPU)
        targets.append(backend)
        targets.append(start_nginx(folder, PROXY_CPU, backend.port, args.sse))
        targets.append(start_haproxy(folder, PROXY_CPU, backend.port))
        if args.binary.exists():
            targets.append(start_metergate(args.binary, folder, PROXY_CPU, backend.port, args.limits))
            if args.sse:
                targets.append(start_metergate(args.binary, folder, PROXY_CPU, backend.port, args.limits, unread=True))
        else:
            print(f"{args.binary} is not built: measuring the others only", file=sys.stderr)
        rows = measure(targets, args)
    finally:
        for target in reversed(targets):
            target.stop()
    show(rows, args.sse)
    save(rows, ROOT / "build/bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
