#pragma once
// meter: how much an exchange used and what it costs. Pure: bytes in, Usage and Money out; no clock, no network.
//
// Always true: an explicit zero is a zero and a missing number is unknown (nullopt), never zero; token classes do not
// overlap; money is exact and rounded once, upward; no price is never a price of zero.

#include <cstdint>
#include <optional>

namespace meter {

enum class Certainty : std::uint8_t {
  exact,     // the provider's own numbers
  at_least,  // counted by us on a reply that broke off or named no usage: the true usage may be more
};

// Tokens of one exchange, normalised to one meaning for every provider (traffic/README.md "expected").
struct Usage {
  std::optional<std::int64_t> input_tokens = std::nullopt;   // all input: cache reads, cache writes and audio included
  std::optional<std::int64_t> output_tokens = std::nullopt;  // all output, reasoning and audio included
  std::optional<std::int64_t> cached_input_tokens = std::nullopt;  // part of input: read from the provider's cache
  std::optional<std::int64_t> reasoning_tokens = std::nullopt;     // part of output
  std::optional<std::int64_t> audio_input_tokens = std::nullopt;   // part of input
  std::optional<std::int64_t> audio_output_tokens = std::nullopt;  // part of output
  Certainty certainty = Certainty::exact;
  // Part of input: written to the provider's cache. Some models price it above plain input (gpt-5.6: × 1.25).
  std::optional<std::int64_t> cache_write_tokens = std::nullopt;

  bool operator==(const Usage&) const = default;
};

}  // namespace meter
