#!/usr/bin/env python3
"""Writes data/prices.json from LiteLLM's price table (MIT): the price book that is built into the binary.

    tools/refresh_prices.py [TABLE] [--date YYYY-MM-DD]

TABLE is by default $METERGATE_TRAFFIC/model_prices.json; --date is the day the table was taken, which is the book's
version. Kept of each model: its provider, its mode, its token bounds and every field that speaks of a cost, under the
table's own names and with the text of its numbers; so `prices.file` takes this file and a newer table of LiteLLM alike.
One model per line, sorted, so that a diff reads well.
"""

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "data/prices.json"
TABLE_DATE = "2026-07-24"
NOT_MODELS = ("sample_spec", "fallback_generalizations")
KEPT = ("litellm_provider", "mode", "max_input_tokens", "max_output_tokens", "provider_specific_entry",
        "search_context_cost_per_query", "tiered_pricing")
COST_WORDS = ("cost", "pricing", "multiplier")


class Number(str):
    """A number's own text."""


def written(value) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {written(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


def kept(entry: dict) -> dict:
    return {name: value for name, value in sorted(entry.items())
            if value is not None and (name in KEPT or any(word in name for word in COST_WORDS))}


def book(table: dict, date: str) -> str:
    models = ",\n".join(f"{json.dumps(name)}: {written(kept(entry))}" for name, entry in sorted(table.items())
                        if name not in NOT_MODELS)
    return f'{{"version": {json.dumps(date)}, "models": {{\n{models}\n}}}}\n'


def main() -> int:
    traffic = os.environ.get("METERGATE_TRAFFIC")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path, default=Path(traffic) / "model_prices.json" if traffic else None)
    parser.add_argument("--date", default=TABLE_DATE)
    options = parser.parse_args()
    if options.table is None:
        parser.error("give the table, or set METERGATE_TRAFFIC")
    text = book(json.loads(options.table.read_text(), parse_float=Number, parse_int=Number), options.date)
    BOOK.write_text(text)
    print(f"{BOOK.relative_to(ROOT)}: {text.count(chr(10)) - 2} models of {options.date}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
