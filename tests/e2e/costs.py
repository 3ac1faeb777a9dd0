"""What a recorded exchange costs, computed apart from the gateway: decimals, from the price list and the usage that
the recording's own reader found."""

import json
import re
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from replay_upstream import HIDDEN_USAGE, Exchange

BOOK = json.loads((Path(__file__).resolve().parents[2] / "data/prices.json").read_text(), parse_float=Decimal)["models"]
UNKNOWN_MODEL = {"input_cost_per_token": Decimal("0.00001"), "output_cost_per_token": Decimal("0.00003")}
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
    """The served model's row as OpenAI's, else the asked one's, else those of the name without its date."""
    for name in (exchange.expected.get("model"), exchange.request["model"]):
        if not name:
            continue
        names = (name, re.sub(r"-(\d{4}-\d{2}-\d{2}|\d{4})$", "", name))
        for row in [BOOK.get(f"openai/{one}") for one in names] + [BOOK.get(one) for one in names]:
            if row and row["litellm_provider"] == "openai":
                return row
    return UNKNOWN_MODEL


def searches(exchange: Exchange, row: dict) -> Decimal:
    """Models that search for every answer do so once a reply, with a context in the middle."""
    name = exchange.expected.get("model") or exchange.request["model"]
    if "-search-" not in name or row is UNKNOWN_MODEL:
        return Decimal(0)
    return (row.get("search_context_cost_per_query") or
            BOOK[exchange.request["model"]]["search_context_cost_per_query"])["search_context_size_medium"]


def cost_of(exchange: Exchange) -> Decimal | None:
    """Dollars, rounded up to the nano-dollar; None where the usage does not decide it: the call asked for audio and the
    reply does not say how much of it came, or it was served at a tier without a price."""
    usage = usage_of(exchange)
    if usage is None:
        return Decimal(0)
    row = prices_of(exchange)
    tier = re.search(rb'"service_tier":\s*"(flex|priority)"', exchange.body)
    suffix = f"_{tier[1].decode()}" if tier else ""
    if suffix == "_priority" and "input_cost_per_token_priority" not in row:
        return None
    if "audio" in exchange.request.get("modalities", []) and not exchange.expected.get("audio_output_tokens"):
        if b'"audio_tokens"' not in exchange.body:
            return None

    def price(name: str, otherwise: Decimal | None = None) -> Decimal:
        return Decimal(row.get(name + suffix) or row.get(name) or otherwise or 0)

    count = {name: usage.get(name) or 0 for name in ("cached_input_tokens", "cache_write_tokens", "audio_input_tokens",
                                                      "audio_output_tokens")}
    plain_input, plain_output = price("input_cost_per_token"), price("output_cost_per_token")
    parts = [(usage["input_tokens"] - sum(count.values()) + count["audio_output_tokens"], plain_input),
             (usage["output_tokens"] - count["audio_output_tokens"], plain_output),
             (count["cached_input_tokens"], price("cache_read_input_token_cost", plain_input)),
             (count["cache_write_tokens"], price("cache_creation_input_token_cost", plain_input)),
             (count["audio_input_tokens"], price("input_cost_per_audio_token", plain_input)),
             (count["audio_output_tokens"], price("output_cost_per_audio_token", plain_output))]
    exact = sum((tokens * one for tokens, one in parts), searches(exchange, row))
    return exact.quantize(NANO, ROUND_CEILING)
