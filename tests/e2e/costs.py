"""What a recorded exchange costs, computed apart from the gateway: decimals, from the price list and the usage that
the recording's own reader found."""

import json
import re
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from replay_upstream import HIDDEN_USAGE, Exchange

BOOK = json.loads((Path(__file__).resolve().parents[2] / "data/prices.json").read_text())["models"]
UNKNOWN_MODEL = {"input": "10", "output": "30"}
MILLION = Decimal(1_000_000)
NANO = Decimal("0.000000001")


def usage_of(exchange: Exchange) -> dict | None:
    """Tokens by class as the provider billed them, or None for a reply that bills nothing."""
    expected = exchange.expected
    if exchange.status >= 400:
        return None
    if expected.get("input_tokens") is None and exchange.stream:  # the gateway asked, the replay upstream answered
        return {"input_tokens": HIDDEN_USAGE["prompt_tokens"], "output_tokens": HIDDEN_USAGE["completion_tokens"]}
    names = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "audio_input_tokens",
             "audio_output_tokens")
    return {name: expected[name] for name in names if expected.get(name) is not None}


def prices_of(exchange: Exchange) -> dict:
    """The served model's prices, else the asked one's, else those of the name without its date; by service tier."""
    names = [name for name in (exchange.expected.get("model"), exchange.request["model"]) if name]
    names += [re.sub(r"-(\d{4}-\d{2}-\d{2}|\d{4})$", "", name) for name in names]
    prices = next((BOOK[name] for name in names if name in BOOK), UNKNOWN_MODEL)
    tier = re.search(rb'"service_tier":\s*"(flex|priority)"', exchange.body)
    return {**prices, **prices.get(tier[1].decode(), {})} if tier else prices


def cost_of(exchange: Exchange) -> Decimal | None:
    """Dollars, rounded up to the nano-dollar; None where the usage does not decide it: the model has no price for a
    class that was used, or the call asked for audio and the reply does not say how much of it came."""
    usage = usage_of(exchange)
    if usage is None:
        return Decimal(0)
    prices = prices_of(exchange)
    count = {name: usage.get(name) or 0 for name in ("cached_input_tokens", "cache_write_tokens", "audio_input_tokens",
                                                      "audio_output_tokens")}
    if (count["audio_input_tokens"] or count["audio_output_tokens"]) and "audio_output" not in prices:
        return None
    if "audio" in exchange.request.get("modalities", []) and not exchange.expected.get("audio_output_tokens"):
        if b'"audio_tokens"' not in exchange.body:
            return None
    if count["cache_write_tokens"] and "cache_write" not in prices:
        return None
    input_text = usage["input_tokens"] - sum(count.values()) + count["audio_output_tokens"]
    output_text = usage["output_tokens"] - count["audio_output_tokens"]
    parts = [(input_text, prices["input"]), (output_text, prices["output"]),
             (count["cached_input_tokens"], prices.get("cached_input", prices["input"])),
             (count["cache_write_tokens"], prices.get("cache_write", "0")),
             (count["audio_input_tokens"], prices.get("audio_input", "0")),
             (count["audio_output_tokens"], prices.get("audio_output", "0"))]
    exact = sum(tokens * Decimal(price) for tokens, price in parts) / MILLION
    return exact.quantize(NANO, ROUND_CEILING)
