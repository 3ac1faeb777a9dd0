"""Ends the real binary in bad ways under load, and has an auditor look at what is left. See README.md."""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from audit import Findings, Seen, check_books  # noqa: E402
from gateway import Gateway  # noqa: E402
from load import CALL_HEADER, Load  # noqa: E402
from reader import Reader  # noqa: E402
from scripted_upstream import Script, ScriptedUpstream, usage  # noqa: E402

WAYS = ["kill", "stop", "read-only", "full"]
FULL_BYTES = 192 << 20  # the file system of the way `full`


class Witness(ScriptedUpstream):
    """The provider's side: what it saw of each call, and what it bills for it."""

    def __init__(self, seed: int):
        super().__init__()
        self.random = random.Random(seed)
        self.seen: dict[int, Seen] = {}
        self.pick = self._script

    def _script(self, request) -> Script:
        script = Script(latency_s=self.random.choice([0, 0.002, 0.02]), prompt_tokens=self.random.randint(1, 20),
                        completion_tokens=self.random.randint(1, 60), chunks=self.random.randint(1, 8),
                        chunk_delay_s=0.001)
        used = usage(script, request.json)
        script.chunks = min(script.chunks, used["completion_tokens"])  # each is at least a token
        self.seen[int(request.header(CALL_HEADER))] = Seen(used["prompt_tokens"], used["completion_tokens"])
        return script


class Run:
    def __init__(self, arguments, folder: Path):
        self.arguments, self.folder = arguments, folder
        self.random = random.Random(arguments.seed)
        self.upstream = Witness(arguments.seed).start()
        self.gateway = Gateway(folder, self.upstream.url, first_byte_ms=20_000,
                               more=f"journal: {{ durability: {arguments.durability} }}")
        self.calls, self.rounds, self.wrong = 0, 0, []
        self.counts: Counter = Counter()

    def round(self, way: str, interrupt):
        """A key of its own, a load on it, `interrupt` in the middle, and the audit at rest."""
        self.rounds += 1
        self.gateway.start()
        account = self.gateway.control.account(f"round {self.rounds}")
        paid_in = "0.005" if self.rounds % 3 == 0 else None  # every third is prepaid, and its money runs out
        if paid_in:
            self.gateway.control.ask("PATCH", f"/api/v1/accounts/{account['id']}", {"credit_only": True})
            self.gateway.control.grant(account, f"gift-{self.rounds}", "0.001", kind="promotional")
            self.gateway.control.grant(account, f"paid-{self.rounds}", "0.004")
        key = self.gateway.control.key_for(account)
        amount = "0.01" if self.rounds % 2 else "0.5"  # every other cap is reached under the load
        limits = [self.gateway.control.limit(key=key["id"], unit="usd", window="month", amount=amount)["id"],
                  self.gateway.control.limit(account=account["id"], unit="requests", window="month",
                                             amount="100000")["id"]]
        reader = Reader(self.gateway.control).start()
        load = Load(self.gateway.port, [key["secret"]], self.arguments.seed + self.rounds, self.calls).start()
        time.sleep(self.random.uniform(0.05, 0.4))
        interrupt()
        if self.gateway.process.poll() is not None:
            self.gateway.start()
            time.sleep(0.1)
        book = load.stop()
        reader.stop()
        self.calls = load.next_call
        findings = self.audit(key, limits, book, account if paid_in else None)
        findings.wrong += reader.wrong
        self.counts["reads"] += reader.reads
        self.counts += findings.counts
        self.counts["calls"] += len(book.sent)
        self.counts["refused"] += len(book.refused)
        self.wrong += [f"round {self.rounds} ({way}): {finding}" for finding in findings.wrong]
        self.say(f"{self.rounds:4} {way:9} {len(book.sent):5} calls, {len(book.answered):5} answered, "
                 f"{len(book.open()):3} under way, {findings.counts['unresolved']:3} unresolved"
                 + (f"  {len(findings.wrong)} WRONG" if findings.wrong else ""))
        self.gateway.kill()  # at rest: this loses nothing either

    def audit(self, key: dict, limits: list[str], book, prepaid: dict | None) -> Findings:
        """Again while something still runs at the gateway: a call whose client has gone is read to its end."""
        deadline = time.monotonic() + 15
        while True:
            findings = check_books(self.gateway.control, key, limits, book, self.upstream.seen, prepaid)
            if not findings.wrong or time.monotonic() > deadline:
                return findings
            time.sleep(0.1)

    def kill(self):
        self.gateway.kill()

    def stop_and_go_on(self):
        self.gateway.process.send_signal(signal.SIGSTOP)
        time.sleep(self.arguments.stop_s)
        self.gateway.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)

    def read_only(self):
        files = [str(path) for path in self.gateway.data.glob("metergate.db*")]
        subprocess.run(["chattr", "+i", *files], check=True)
        try:
            time.sleep(1)
            if self.random.random() < 0.5:
                self.gateway.kill()
        finally:
            subprocess.run(["chattr", "-i", *files], check=True)
        time.sleep(0.5)

    def full(self):
        ballast = self.gateway.data / "ballast"
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                pass
        time.sleep(1)
        if self.random.random() < 0.5:
            self.gateway.kill()
        ballast.unlink()
        time.sleep(0.5)

    def on_small_disk(self, times: int):
        data = self.gateway.data
        self.gateway.kill()
        shutil.rmtree(data)
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={FULL_BYTES}", "tmpfs", str(data)], check=True)
        try:
            for _ in range(times):
                self.round("full", self.full)
        finally:
            self.gateway.kill()
            subprocess.run(["umount", str(data)], check=True)

    def say(self, line: str):
        if self.arguments.verbose or "WRONG" in line:
            print(line, flush=True)
        elif self.rounds % 10 == 0:
            print(f"{self.rounds:4} rounds, {self.counts['calls']} calls", flush=True)

    def everything(self):
        rounds = {"kill": self.kill, "stop": self.stop_and_go_on, "read-only": self.read_only}
        for way in self.arguments.ways:
            times = self.arguments.kills if way == "kill" else self.arguments.others
            try:
                if way == "full":
                    self.on_small_disk(times)
                for _ in range(times if way in rounds else 0):
                    self.round(way, rounds[way])
            except (OSError, subprocess.CalledProcessError) as error:
                self.wrong.append(f"{way}: cannot be tried here: {error}")
        self.upstream.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=25, help="rounds that end in SIGKILL (25)")
    parser.add_argument("--ways", type=lambda text: text.split(","), default=WAYS, help=",".join(WAYS))
    parser.add_argument("--others", type=int, default=1, help="rounds of each other way (1)")
    parser.add_argument("--stop-s", type=float, default=2, help="how long SIGSTOP lasts, in seconds (2)")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--durability", choices=["process", "power"], default="process",
                        help="of the journal (process)")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each round")
    arguments = parser.parse_args()
    if unknown := set(arguments.ways) - set(WAYS):
        parser.error(f"--ways: there is no {', '.join(sorted(unknown))}; there are {', '.join(WAYS)}")
    folder = Path(tempfile.mkdtemp(prefix="metergate-crash-"))
    print(f"seed {arguments.seed}, in {folder}", flush=True)
    run = Run(arguments, folder)
    run.everything()
    for finding in run.wrong[:40]:
        print(f"WRONG: {finding}")
    counts = run.counts
    print(f"{run.rounds} rounds, {counts['calls']} calls: {counts['answered']} answered and booked as the upstream "
          f"says, {counts['refused']} refused ({counts['caps reached']} caps reached), {counts['settled unseen']} "
          f"settled without the client seeing it, {counts['unresolved']} unresolved; all books added up in "
          f"{counts['reads']} readings under load; {len(run.wrong)} findings")
    if arguments.keep or run.wrong:
        print(f"the folder is kept: {folder}")
    else:
        shutil.rmtree(folder)
    failed = len({finding.split(":")[0] for finding in run.wrong})
    print(f"{run.rounds - min(failed, run.rounds)} passed, {failed} failed")
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
