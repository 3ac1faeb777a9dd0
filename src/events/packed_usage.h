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
inline constexpr std::array outcomes{Outcome::served,    Outcome::refused, Outcome::failed,  Outcome::unaccounted,
                                     Outcome::corrected, Outcome::opened,  Outcome::deferred};
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
                                   base::ErrorType::reply_not_kept,
                                   base::ErrorType::quote_not_usable};
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

// The counts of a usage in the order in which they are written; a mask in front of them says which are known. This list
// grows only at its end. The first seven have the mask's lowest bits; then come certainty and the provider's own cost,
// then the other counts.
inline constexpr std::array counts{&meter::Usage::input_tokens,
                                   &meter::Usage::output_tokens,
                                   &meter::Usage::cached_input_tokens,
                                   &meter::Usage::cache_write_tokens,
                                   &meter::Usage::reasoning_tokens,
                                   &meter::Usage::audio_input_tokens,
                                   &meter::Usage::audio_output_tokens,
                                   &meter::Usage::cache_write_5m_tokens,
                                   &meter::Usage::cache_write_1h_tokens,
                                   &meter::Usage::image_input_tokens,
                                   &meter::Usage::image_output_tokens,
                                   &meter::Usage::tool_use_input_tokens,
                                   &meter::Usage::cached_audio_input_tokens,
                                   &meter::Usage::audio_seconds,
                                   &meter::Usage::characters,
                                   &meter::Usage::images,
                                   &meter::Usage::pages,
                                   &meter::Usage::search_units,
                                   &meter::Usage::web_search_calls,
                                   &meter::Usage::file_search_calls,
                                   &meter::Usage::code_interpreter_calls,
                                   &meter::Usage::citation_tokens};
static_assert(counts.size() == meter::usage_counts.size(), "a count that is not written is lost at the first flush");
inline constexpr std::size_t first_counts = 7;
inline constexpr std::uint64_t at_least_bit = 1 << first_counts;
inline constexpr std::uint64_t cost_bit = at_least_bit << 1;
constexpr std::uint64_t count_bit(std::size_t i) { return std::uint64_t{1} << (i < first_counts ? i : i + 2); }
inline constexpr std::size_t usage_bytes_max = (counts.size() + 2) * base::number_bytes_max;

// Format 1 has a mask of one byte, and so the first seven counts only; format 2 has a mask of any length.
inline constexpr std::uint8_t usage_format = 2;

inline void write_usage(base::ByteWriter& out, const meter::Usage& usage) {
  std::uint64_t mask = usage.certainty == meter::Certainty::at_least ? at_least_bit : 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (usage.*counts[i]) mask |= count_bit(i);
  if (usage.provider_cost) mask |= cost_bit;
  out.number(mask);
  for (const auto count : counts)
    if (usage.*count) out.signed_number(*(usage.*count));
  if (usage.provider_cost) out.signed_number(usage.provider_cost->nanos());
}

// A mask with a bit that this version does not know gives the reader up.
inline void read_usage(base::ByteReader& in, std::uint8_t format, meter::Usage& usage) {
  std::uint64_t mask = format == 1 ? in.byte() : in.number();
  usage.certainty = (mask & at_least_bit) != 0 ? meter::Certainty::at_least : meter::Certainty::exact;
  mask &= ~at_least_bit;
  for (std::size_t i = 0; i < counts.size() && mask != 0; ++i) {
    if ((mask & count_bit(i)) == 0) continue;
    usage.*counts[i] = in.signed_number();
    mask &= ~count_bit(i);
  }
  if ((mask & cost_bit) != 0) usage.provider_cost = base::Money::from_nanos(in.signed_number());
  if ((mask & ~cost_bit) != 0) in.give_up();
}

// Attempts stand at the end of a record. `write_name` and `read_name` know how the room keeps texts.
inline constexpr std::size_t upstream_bytes_max = 64;  // as the configuration allows
inline constexpr std::size_t attempts_bytes_max =
    1 + (attempts_max - 1) * (2 + upstream_bytes_max + 2 + 2 * base::number_bytes_max);

template <class WriteName>
void write_attempts(base::ByteWriter& out, const std::vector<Attempt>& attempts, WriteName write_name) {
  ASSERT(attempts.size() < attempts_max);
  out.number(attempts.size());
  for (const Attempt& attempt : attempts) {
    write_name(attempt.upstream);
    out.signed_number(attempt.status);
    out.byte(number_in(errors, attempt.error));
    out.byte(number_in(faults, attempt.fault));
    out.signed_number(attempt.duration_us);
  }
}

template <class ReadName>
void read_attempts(base::ByteReader& in, std::vector<Attempt>& attempts, bool& known, ReadName read_name) {
  for (std::uint64_t count = in.number(); count > 0 && !in.broken(); --count) {
    Attempt& attempt = attempts.emplace_back();
    attempt.upstream = read_name();
    attempt.status = static_cast<int>(in.signed_number());
    attempt.error = value_in(errors, in.byte(), known);
    attempt.fault = value_in(faults, in.byte(), known);
    attempt.duration_us = in.signed_number();
  }
}

}  // namespace events::packed
