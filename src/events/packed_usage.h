#pragma once
// How a usage is written as bytes (base/packed_bytes.h), wherever one is kept: in the packed usage log and in the
// journal. What is written by one version is read by a later one, so enumerators have numbers of their own here.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/packed_bytes.h"
#include "base/result.h"
#include "events/usage_record.h"
#include "meter/usage.h"

namespace events::packed {

// An enumerator's number is its place here. These lists only grow, and only at their ends.
inline constexpr std::array outcomes{Outcome::served,      Outcome::refused,   Outcome::failed,
                                     Outcome::unaccounted, Outcome::corrected, Outcome::opened};
inline constexpr std::array errors{base::ErrorType::invalid_request,
                                   base::ErrorType::unauthorized,
                                   base::ErrorType::forbidden,
                                   base::ErrorType::not_found,
                                   base::ErrorType::conflict,
                                   base::ErrorType::payload_too_large,
                                   base::ErrorType::headers_too_large,
                                   base::ErrorType::unknown_model,
                                   base::ErrorType::unknown_price,
                                   base::ErrorType::rate_limited,
                                   base::ErrorType::limit_busy,
                                   base::ErrorType::limit_reached,
                                   base::ErrorType::insufficient_balance,
                                   base::ErrorType::upstream_error,
                                   base::ErrorType::upstream_timeout,
                                   base::ErrorType::overloaded,
                                   base::ErrorType::unavailable,
                                   base::ErrorType::internal,
                                   base::ErrorType::idempotency_mismatch,
                                   base::ErrorType::request_in_progress,
                                   base::ErrorType::outcome_unknown,
                                   base::ErrorType::reply_not_kept};
inline constexpr std::array faults{base::Source::client,           base::Source::gateway,
                                   base::Source::upstream_refusal, base::Source::upstream_timeout,
                                   base::Source::network,          base::Source::store};

template <class List>
std::uint8_t number_in(const List& list, typename List::value_type value) {
  const auto found = std::ranges::find(list, value);
  ASSERT(found != list.end());
  return static_cast<std::uint8_t>(found - list.begin());
}

// A number that the list does not have reads as its first value, and `known` becomes false.
template <class List>
typename List::value_type value_in(const List& list, std::uint8_t number, bool& known) {
  if (number < list.size()) return list[number];
  known = false;
  return list[0];
}

// The counts of a usage in the order in which they are written; a mask in front of them says which are known.
inline constexpr std::array token_counts{&meter::Usage::input_tokens,        &meter::Usage::output_tokens,
                                         &meter::Usage::cached_input_tokens, &meter::Usage::cache_write_tokens,
                                         &meter::Usage::reasoning_tokens,    &meter::Usage::audio_input_tokens,
                                         &meter::Usage::audio_output_tokens};
inline constexpr std::uint8_t at_least_bit = 1 << token_counts.size();
inline constexpr std::size_t usage_bytes_max = 1 + token_counts.size() * base::number_bytes_max;

inline void write_usage(base::ByteWriter& out, const meter::Usage& usage) {
  std::uint8_t mask = usage.certainty == meter::Certainty::at_least ? at_least_bit : 0;
  for (std::size_t i = 0; i < token_counts.size(); ++i)
    if (usage.*token_counts[i]) mask |= static_cast<std::uint8_t>(1 << i);
  out.byte(mask);
  for (const auto count : token_counts)
    if (usage.*count) out.signed_number(*(usage.*count));
}

inline void read_usage(base::ByteReader& in, meter::Usage& usage) {
  const std::uint8_t mask = in.byte();
  usage.certainty = (mask & at_least_bit) != 0 ? meter::Certainty::at_least : meter::Certainty::exact;
  for (std::size_t i = 0; i < token_counts.size() && mask >> i != 0; ++i)
    if ((mask & 1 << i) != 0) usage.*token_counts[i] = in.signed_number();
}

}  // namespace events::packed
