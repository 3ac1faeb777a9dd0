#!/usr/bin/env python3
"""Writes data/prices.json from LiteLLM's price table (MIT): the price book that is built into the binary.

    tools/refresh_prices.py [TABLE] [--date YYYY-MM-DD]

TABLE is by default $METERGATE_TRAFFIC/model_prices.json; --date is the day the table was taken. Numbers are decimals
from the text of the table to the text of the book, never floats. One model per line, sorted, so that a diff reads well.

Kept: OpenAI's chat models with a price for input and output and a largest answer. Left out, so that a call to them is
refused for want of a price instead of billed wrong: models that are free or have no price, models without a largest
answer (nothing bounds their cost), and search models (each call pays a search fee that no token price holds).
"""

import argparse
import json
import os
import re
import sys
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "data/prices.json"
TABLE_DATE = "2026-07-24"
PER_MILLION = Decimal(1_000_000)
# The book's name of a price: the table's.
TOKEN_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}
AUDIO_PRICES = {"audio_input": "input_cost_per_audio_token", "audio_output": "output_cost_per_audio_token"}
THRESHOLD = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


def per_million(price) -> str:
    text = format(Decimal(price) * PER_MILLION, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def token_prices(entry: dict, suffix: str = "") -> dict:
    """The prices under one suffix of the table; empty without both input and output: half a price is none.

    A cache write is plain input and more; where the table has it cheaper, a read price has slipped into its place.
    """
    found = {name: entry[key + suffix] for name, key in TOKEN_PRICES.items() if key + suffix in entry}
    if "input" not in found or "output" not in found:
        return {}
    if found.get("cache_write", found["input"]) < found["input"]:
        del found["cache_write"]
    return {name: per_million(price) for name, price in found.items()}


def long_context(entry: dict) -> dict:
    thresholds = sorted(int(found[1]) for key in entry if (found := THRESHOLD.fullmatch(key)))
    if len(thresholds) > 1:
        raise SystemExit(f"refresh_prices: the book holds one long-context threshold, the table has {thresholds}")
    for thousands in thresholds:
        if prices := token_prices(entry, f"_above_{thousands}k_tokens"):
            return {"above_input_tokens": thousands * 1000, **prices}
    return {}


def model_price(entry: dict) -> dict:
    price = token_prices(entry)
    price |= {name: per_million(entry[key]) for name, key in AUDIO_PRICES.items() if key in entry}
    for name in ("flex", "priority"):
        if tier := token_prices(entry, f"_{name}"):
            price[name] = tier
    if prices := long_context(entry):
        price["long_context"] = prices
    for name in ("max_output_tokens", "max_input_tokens"):
        if entry.get(name):
            price[name] = int(entry[name])
    return price


def wanted(name: str, entry) -> bool:
    if not isinstance(entry, dict) or entry.get("litellm_provider") != "openai" or entry.get("mode") != "chat":
        return False
    priced = entry.get("input_cost_per_token") is not None and entry.get("output_cost_per_token") is not None
    free = not entry.get("input_cost_per_token") and not entry.get("output_cost_per_token")
    return priced and not free and bool(entry.get("max_output_tokens")) and "-search-" not in name


def book(table: dict, date: str) -> str:
    models = {name: model_price(entry) for name, entry in sorted(table.items()) if wanted(name, entry)}
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(price)}" for name, price in models.items())
    return f'{{\n  "version": {json.dumps(date)},\n  "models": {{\n{lines}\n  }}\n}}\n'


def main() -> int:
    traffic = os.environ.get("METERGATE_TRAFFIC")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path, default=Path(traffic) / "model_prices.json" if traffic else None)
    parser.add_argument("--date", default=TABLE_DATE)
    options = parser.parse_args()
    if options.table is None:
        parser.error("give the table, or set METERGATE_TRAFFIC")
    text = book(json.loads(options.table.read_text(), parse_float=Decimal), options.date)
    BOOK.parent.mkdir(exist_ok=True)
    BOOK.write_text(text)
    print(f"{BOOK.relative_to(ROOT)}: {text.count('max_output_tokens')} models of {options.date}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
