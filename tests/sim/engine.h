#pragma once
// The few places where the simulator must know how the engine names a window and asks for a counter.

#include <array>

#include "catalog/limit.h"
#include "quota/counting.h"
#include "quota/reservation.h"
#include "quota/store.h"
#include "tests/sim/auditor.h"

namespace sim {

inline std::int64_t label_of(const quota::CounterKey& counter) { return counter.label.ms; }
inline std::int64_t label_of(const events::Hold& hold) { return hold.label.ms; }
inline quota::CounterKey counter_of(const catalog::Limit& limit, base::WallTime at) {
  return {limit.id, base::window_at(limit.window, at).label};
}
// All that was ever booked there.
inline quota::CounterQuery query_of(const quota::CounterKey& counter) { return {.counter = counter}; }
// What counts of it at a moment.
inline quota::CounterQuery query_at(const catalog::Limit& limit, base::WallTime at) {
  return quota::query_of(limit.id, limit.window, base::window_at(limit.window, at), at);
}

inline std::optional<RaisedTo> raise_of(const catalog::Limit& limit) {
  if (!limit.raise) return std::nullopt;
  return RaisedTo{.amount = base::Money::from_nanos(limit.raise->amount), .until_ms = limit.raise->until.ms};
}

// A policy by a number; every number gives one.
inline base::WindowPolicy window_by(std::int64_t number) {
  using Kind = base::WindowPolicy::Kind;
  constexpr std::array kinds = {Kind::day,  Kind::month, Kind::hour,  Kind::minute,
                                Kind::week, Kind::total, Kind::cycle, Kind::rolling};
  constexpr std::array zones = {"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"};
  constexpr std::array<std::int64_t, 4> spans_ms = {5'000, 60'000, 3'600'000, 86'400'000};
  const auto chosen = static_cast<std::size_t>(number);
  const std::size_t other = chosen / kinds.size() % zones.size();
  base::WindowPolicy policy{.kind = kinds.at(chosen % kinds.size())};
  if (policy.kind == Kind::cycle) policy.cycle_day = static_cast<int>(1 + chosen % 31);
  if (policy.kind == Kind::rolling) policy.span_ms = spans_ms.at(other);
  if (const auto zone = base::TimeZone::find(zones.at(other)); zone && base::has_zone(policy)) policy.zone = *zone;
  return policy;
}

inline std::optional<Rolling> rolling_of(const base::WindowPolicy& policy) {
  if (policy.kind != base::WindowPolicy::Kind::rolling) return std::nullopt;
  return Rolling{.span_ms = policy.span_ms, .slack_ms = base::sub_window_ms(policy)};
}

// An exchange asks for one of two models: some limits are only on one of them.
inline const char* model_of(int exchange) { return exchange % 2 == 0 ? "model-a" : "model-b"; }

// Tokens are input here, whatever the engine tells apart.
template <class Amounts = quota::Amounts>
Amounts amounts_of(std::int64_t usd, std::int64_t tokens, std::int64_t requests) {
  Amounts amounts;
  amounts.usd = base::Money::from_nanos(usd);
  if constexpr (requires { amounts.tokens; })
    amounts.tokens = tokens;
  else
    amounts.input_tokens = tokens;
  amounts.requests = requests;
  return amounts;
}
template <class Amounts>
std::int64_t tokens_of(const Amounts& amounts) {
  if constexpr (requires { amounts.tokens; })
    return amounts.tokens;
  else
    return amounts.input_tokens;
}

}  // namespace sim
