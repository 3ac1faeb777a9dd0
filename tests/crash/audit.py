"""The auditor: holds the gateway's records and limits against the client's book and the upstream's."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from gateway import Control  # noqa: E402
from load import Book  # noqa: E402

# gateway.PRICES: what a token of the model "priced" costs.
INPUT_USD, OUTPUT_USD = Decimal(1) / 1_000_000, Decimal(10) / 1_000_000
STAND = ("spent", "reserved", "unresolved")


@dataclass
class Seen:
    """One call at the upstream."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def cost(self) -> Decimal:
        return self.prompt_tokens * INPUT_USD + self.completion_tokens * OUTPUT_USD


@dataclass
class Findings:
    wrong: list[str] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)

    def check(self, holds: bool, message: str):
        if not holds:
            self.wrong.append(message)


def took_something(record: dict) -> bool:
    return any(Decimal(hold["spent"]) or Decimal(hold["unresolved"]) for hold in record["holds"])


def check_limits(control: Control, limits: list[str], findings: Findings) -> dict[str, dict]:
    """Control.numbers checks that the five add up."""
    numbers = {}
    for limit in limits:
        try:
            numbers[limit] = five = control.numbers(limit)
        except AssertionError as error:
            findings.wrong.append(f"limit {limit}: {error}")
            continue
        findings.check(sum(five[name] for name in STAND) <= five["amount"], f"limit {limit} is over: {five}")
    return numbers


def check_balance(control: Control, account: dict, billed: Decimal, booked: Decimal, findings: Findings):
    """Without markup: what the account was charged is what the upstream bills."""
    try:
        shown = control.balance(account)
    except AssertionError as error:
        findings.wrong.append(f"balance: {error}")
        return
    paid_in = Decimal(shown["amount"])
    findings.check(shown["owed"] == "0", f"the balance is below zero: {shown}")
    findings.check(billed <= paid_in, f"the upstream bills {billed}, and {paid_in} was paid in")
    findings.check(Decimal(shown["spent"]) == booked, f"of the balance {shown['spent']} is spent, records say {booked}")
    findings.check(Decimal(shown["reserved"]) == 0, "of the balance something is reserved and nothing runs")


def check_books(control: Control, key: dict, limits: list[str], book: Book, seen: dict[int, Seen],
                prepaid: dict | None = None) -> Findings:
    """One round: its own key with its own limits in usd and requests, at rest. `seen`: the upstream's side; `prepaid`:
    the account, if it is."""
    findings = Findings()
    findings.wrong += book.odd
    records = {record["id"]: record for record in control.records(key=key["id"])}
    under_way = book.open()

    # Nothing lost: what the client saw is booked, to the nano-dollar.
    for call, request_id in book.answered.items():
        record = records.pop(request_id, None)
        if record is None:
            findings.wrong.append(f"call {call} was answered and has no record ({request_id})")
            continue
        findings.check(call in seen, f"call {call} was answered and never reached the upstream")
        wanted = seen[call].cost if call in seen else Decimal(0)
        findings.check(Decimal(record["cost"]) == wanted, f"call {call} cost {wanted}, booked is {record['cost']}")
        findings.counts["answered"] += 1

    # What is left was refused, or let go before it was sent, or under way when the process went.
    left = [record for record in records.values() if took_something(record)]
    findings.check(len(left) <= len(under_way), f"{len(left)} records for {len(under_way)} calls that were under way: "
                                                f"{[(one['id'], one['status'], one['error']) for one in left[:3]]}")
    reached = [call for call in under_way if call in seen]
    findings.check(len(left) >= len(reached), f"{len(reached)} calls reached the upstream, {len(left)} have a record")
    costs = Counter(seen[call].cost for call in reached)
    for record in left:
        held = any(Decimal(hold["unresolved"]) for hold in record["holds"])
        findings.counts["unresolved" if held else "settled unseen"] += 1
        if held or Decimal(record["cost"]) == 0:
            continue
        # Settled, and the answer lost on its way to the client: one of those that the upstream did answer.
        cost = Decimal(record["cost"])
        findings.check(costs[cost] > 0, f"record {record['id']} has a cost of {cost} that no call had")
        costs[cost] -= 1

    billed = sum((seen[call].cost for call in book.sent if call in seen), Decimal(0))
    usd, requests = (check_limits(control, limits, findings).get(limit) for limit in limits)
    everything = [record for record in control.records(key=key["id"]) if record["outcome"] != "refused"]
    if prepaid:
        check_balance(control, prepaid, billed, sum(Decimal(record["cost"]) for record in everything), findings)
    if usd and requests:
        findings.check(billed <= usd["amount"], f"the upstream bills {billed}, the cap is {usd['amount']}")
        findings.counts["caps reached"] += any(status in (402, 429) for status in book.refused.values())
        booked = sum(Decimal(record["cost"]) for record in everything)
        findings.check(usd["spent"] == booked, f"spent is {usd['spent']}, the records say {booked}")
        counted = requests["spent"] + requests["unresolved"]
        findings.check(counted <= len(everything), f"{counted} requests are counted, {len(everything)} have a record")
        findings.check(counted >= len(book.answered) + len(reached), "a call that reached the upstream is not counted")
        findings.check(usd["reserved"] == requests["reserved"] == 0, "something is reserved and nothing runs")
    return findings
