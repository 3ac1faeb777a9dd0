#pragma once
// What a reply says about the exchange, in one meaning for every dialect.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "meter/usage.h"

namespace meter {

// Tokens that another model than the reply's used on its way, at that model's price (Anthropic's advisor).
struct OtherModelUsage {
  std::string model;
  std::string kind;  // as the provider names it
  Usage usage;
  bool operator==(const OtherModelUsage&) const = default;
};

struct Reply {
  std::string model;           // as the reply names it; empty if it does not
  std::optional<Usage> usage;  // nullopt: the reply says nothing of what was used
  // The provider named its figures. Without them a usage holds what can be counted in a reply: calls of tools, images.
  bool names_usage = false;
  std::vector<OtherModelUsage> other_models;

  // What decides about prices, in the provider's words; nullopt where the reply does not say.
  std::optional<std::string> service_tier;
  std::optional<std::string> traffic_type;   // Gemini: serviceTier, or trafficType of Vertex
  std::optional<std::string> inference_geo;  // Anthropic: where it was computed
  std::optional<std::string> speed;          // Anthropic: "fast" has prices of its own

  std::optional<std::string> stop_reason;
  std::optional<std::string> error_type;  // of an error body, or of an error in a stream
  bool names_error = false;               // error_type is the provider's word, and not ours for its status
  std::optional<std::int64_t> choices;
  // What an endpoint answers that counts tokens and uses none.
  std::optional<std::int64_t> counted_tokens;

  // The provider's own numbers, as it wrote them: what a bill will say.
  std::optional<std::int64_t> provider_input_tokens;
  std::optional<std::int64_t> provider_output_tokens;
  std::optional<std::int64_t> provider_total_tokens;
  // The cost that the provider states, in dollars, every digit of it; Usage::provider_cost is this, rounded up.
  std::optional<std::string> provider_cost_usd;

  // Members of usage objects that hold a number above zero and that no table knows: they may cost money. Their names
  // (the first ones), and how many there were.
  std::vector<std::string> unknown_fields;
  std::int64_t unknown_field_count = 0;
  // What contradicts itself: classes that do not add up to their total, damaged framing. Each is a sentence.
  std::vector<std::string> alarms;

  bool operator==(const Reply&) const = default;
};

}  // namespace meter
