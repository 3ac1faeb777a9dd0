#pragma once
// Counts as providers write them.

#include <cmath>
#include <cstdint>
#include <optional>

#include "meter/json_document.h"

namespace meter {

// Above every count that a provider can mean; what is larger is a mistake, not a number of tokens.
inline constexpr std::int64_t largest_count = 1'000'000'000'000;

// A whole number, 0 or more. Some gateways write whole numbers as 28.0 (metering.md 1.3, trap 9). Anything else is
// unknown.
inline std::optional<std::int64_t> read_count(const simdjson::dom::element& value) {
  std::int64_t count = -1;
  if (value.get(count) != simdjson::SUCCESS) {
    const auto number = get_if<double>(value);  // not money: a count of tokens in another spelling
    if (!number || !(*number >= 0 && *number <= static_cast<double>(largest_count)))  // not money: the same
      return std::nullopt;
    count = static_cast<std::int64_t>(*number);
    if (static_cast<double>(count) != *number) return std::nullopt;  // not money: the same
  }
  if (count < 0 || count > largest_count) return std::nullopt;
  return count;
}

// Seconds of audio, which are billed as begun ones.
inline std::optional<std::int64_t> read_begun(const simdjson::dom::element& value) {
  if (const auto whole = read_count(value)) return whole;
  const auto number = get_if<double>(value);                                        // not money: seconds
  if (!number || !(*number >= 0 && *number <= static_cast<double>(largest_count)))  // not money: the same
    return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(*number));
}

}  // namespace meter
