#!/usr/bin/env python3
"""What pages ask about a million usage records, and what calls notice of it.

Fills the store of a data folder (flush_bench), serves it, and lets wrk call in slices that take turns: nobody asks, or
somebody asks the admin API all of the questions below, one after the other. Prints each question's p50 and p99 through
HTTP, and the calls' p50 and p99 with and without them, as medians over the rounds.

    bench/usage.py [--records 1000000] [--keys 2000] [--days 30] [--rounds 5] [--seconds 4] [--pause-ms 0]
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

from run import ROOT, slice_of_load
from targets import control_call, start_backend, start_metergate

FIRST_DAY = 1_795_219_200  # of flush_bench: 2026-11-21T00:00:00Z
DAY = 86_400


def text(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def questions(days: int) -> list[str]:
    end = FIRST_DAY + days * DAY
    of_all = f"from={text(FIRST_DAY)}&to={text(end)}"
    middle = FIRST_DAY + days // 2 * DAY + DAY // 3
    of_a_day = f"from={text(middle)}&to={text(middle + DAY)}"
    asked = ["usage/records?limit=50", "usage/records?limit=200&model=gpt-4o"]
    for group in ("total", "account", "key", "model", "day", "upstream", "route", "reason"):
        asked += [f"usage?group={group}", f"usage?group={group}&{of_a_day}"]
        if group != "day":
            asked.append(f"usage/series?step=day&group={group}&{of_all}")
    for group in ("total", "model", "upstream", "route", "reason"):
        asked.append(f"usage/series?step=hour&group={group}&{of_all}")
    asked += [f"usage/latency?group={group}" for group in ("total", "model", "route")]
    asked += ["usage?group=tag:team", f"usage?group=tag:team&{of_a_day}",
              f"usage/series?step=hour&group=key&{of_all}"]  # from the records
    return asked


class Asker(threading.Thread):
    """Asks until it is told that it is over."""

    def __init__(self, control: int, args, took: dict[str, list[float]]):
        super().__init__()
        self.control, self.asked, self.pause_s = control, questions(args.days), args.pause_ms / 1000
        self.took, self.over = took, threading.Event()

    def run(self):
        while not self.over.is_set():
            for question in self.asked:
                if self.over.wait(self.pause_s):
                    return
                begin = time.monotonic()
                control_call(self.control, "/api/v1/" + question)
                self.took.setdefault(question, []).append(1000 * (time.monotonic() - begin))


def measure(target, args) -> tuple[dict[str, list[dict]], dict[str, list[float]]]:
    slices: dict[str, list[dict]] = {"nobody asks": [], "somebody asks": []}
    took: dict[str, list[float]] = {}
    load = SimpleNamespace(connections=args.connections, seconds=args.seconds, sse=False)
    slice_of_load(target, load)  # to warm up
    for _ in range(args.rounds):
        slices["nobody asks"].append(slice_of_load(target, load))
        asker = Asker(target.control, args, took)
        asker.start()
        try:
            slices["somebody asks"].append(slice_of_load(target, load))
        finally:
            asker.over.set()
            asker.join()
    return slices, took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"records": 1_000_000, "keys": 2000, "days": 30, "rounds": 5, "seconds": 4,
                          "connections": 8, "pause-ms": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--bin", type=Path, default=ROOT / "build/bench/metergate")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="metergate-usage-") as name:
        folder = Path(name)
        data = folder / "data-metergate"
        data.mkdir(mode=0o700)
        subprocess.run([args.bin.with_name("flush_bench"), "fill", data, str(args.records), str(args.keys),
                        str(args.days)], check=True)
        backend = start_backend(folder, 1)
        try:
            target = start_metergate(args.bin, folder, "0,1", backend.port, 2)
            try:
                slices, took = measure(target, args)
            finally:
                target.stop()
        finally:
            backend.stop()
    for question, times in took.items():
        times.sort()
        print(f"{question:<90} p50 {median(times):7.1f} ms  p99 {times[len(times) * 99 // 100]:7.1f} ms"
              f"  asked {len(times)} times")
    for what, rows in slices.items():
        figures = {name: median(row[name] for row in rows) for name in rows[0]}
        print(f"{what:<14} {figures['rps']:8.0f} calls/s  p50 {figures['p50_us'] / 1000:6.2f} ms  "
              f"p99 {figures['p99_us'] / 1000:6.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
