#pragma once
// meter: how much an exchange used and what it costs. Pure: bytes in, Usage and Money out; no clock, no network.
//
// Always true: an explicit zero is a zero and a missing number is unknown (nullopt), never zero; token classes do not
// overlap; money is exact and rounded once, upward; no price is never a price of zero.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/money.h"

namespace meter {

enum class Certainty : std::uint8_t {
  exact,     // the provider's own numbers
  at_least,  // counted by us on a reply that broke off or named no usage: the true usage may be more
};

// What one exchange used, normalised to one meaning for every provider (traffic/README.md "expected").
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
  // Parts of cache_write_tokens, by how long the cache keeps them; the two have prices of their own (Anthropic).
  std::optional<std::int64_t> cache_write_5m_tokens = std::nullopt;
  std::optional<std::int64_t> cache_write_1h_tokens = std::nullopt;
  std::optional<std::int64_t> image_input_tokens = std::nullopt;     // part of input
  std::optional<std::int64_t> image_output_tokens = std::nullopt;    // part of output
  std::optional<std::int64_t> tool_use_input_tokens = std::nullopt;  // part of input: what the provider's tools found
  // Part of cached_input_tokens and of audio_input_tokens: audio that was read from the cache.
  std::optional<std::int64_t> cached_audio_input_tokens = std::nullopt;
  // What is billed by another unit than the token, or beside the tokens.
  std::optional<std::int64_t> audio_seconds = std::nullopt;  // of transcribed audio, begun seconds
  std::optional<std::int64_t> characters = std::nullopt;     // of input that is billed by them
  std::optional<std::int64_t> images = std::nullopt;         // that were made
  std::optional<std::int64_t> pages = std::nullopt;          // of documents that were read
  std::optional<std::int64_t> search_units = std::nullopt;   // of a rerank (Cohere)
  std::optional<std::int64_t> web_search_calls = std::nullopt;
  std::optional<std::int64_t> file_search_calls = std::nullopt;
  std::optional<std::int64_t> code_interpreter_calls = std::nullopt;
  std::optional<std::int64_t> citation_tokens = std::nullopt;  // outside of input and output (Perplexity)
  // What the provider says that the exchange costs, rounded up to the nano-dollar. It wins over any price book.
  std::optional<base::Money> provider_cost = std::nullopt;

  bool operator==(const Usage&) const = default;
};

// A count of a Usage and its name, which is the same in every API, file and table.
struct NamedCount {
  std::string_view name;
  std::optional<std::int64_t> Usage::* count;
};
inline constexpr std::array usage_counts{NamedCount{"input_tokens", &Usage::input_tokens},
                                         NamedCount{"output_tokens", &Usage::output_tokens},
                                         NamedCount{"cached_input_tokens", &Usage::cached_input_tokens},
                                         NamedCount{"cache_write_tokens", &Usage::cache_write_tokens},
                                         NamedCount{"cache_write_5m_tokens", &Usage::cache_write_5m_tokens},
                                         NamedCount{"cache_write_1h_tokens", &Usage::cache_write_1h_tokens},
                                         NamedCount{"reasoning_tokens", &Usage::reasoning_tokens},
                                         NamedCount{"audio_input_tokens", &Usage::audio_input_tokens},
                                         NamedCount{"audio_output_tokens", &Usage::audio_output_tokens},
                                         NamedCount{"cached_audio_input_tokens", &Usage::cached_audio_input_tokens},
                                         NamedCount{"image_input_tokens", &Usage::image_input_tokens},
                                         NamedCount{"image_output_tokens", &Usage::image_output_tokens},
                                         NamedCount{"tool_use_input_tokens", &Usage::tool_use_input_tokens},
                                         NamedCount{"citation_tokens", &Usage::citation_tokens},
                                         NamedCount{"audio_seconds", &Usage::audio_seconds},
                                         NamedCount{"characters", &Usage::characters},
                                         NamedCount{"images", &Usage::images},
                                         NamedCount{"pages", &Usage::pages},
                                         NamedCount{"search_units", &Usage::search_units},
                                         NamedCount{"web_search_calls", &Usage::web_search_calls},
                                         NamedCount{"file_search_calls", &Usage::file_search_calls},
                                         NamedCount{"code_interpreter_calls", &Usage::code_interpreter_calls}};

}  // namespace meter
