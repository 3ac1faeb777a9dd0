#pragma once
// The few places where the simulator must know how the engine names a window and asks for a counter.

#include <array>

#include "catalog/limit.h"
#include "quota/reservation.h"
#include "quota/store.h"

namespace sim {

inline std::int64_t label_of(const quota::CounterKey& counter) { return counter.label.ms; }
inline std::int64_t label_of(const events::Hold& hold) { return hold.label.ms; }
inline quota::CounterKey counter_of(const catalog::Limit& limit, base::WallTime at) {
  return {limit.id, base::window_at(limit.window, at).label};
}
inline quota::CounterQuery query_of(const quota::CounterKey& counter) { return {.counter = counter}; }

// A policy by a number; every number gives one. Rolling windows are not among them: the auditor does not know yet which
// of their sub-windows count.
inline base::WindowPolicy window_by(std::int64_t number) {
  using Kind = base::WindowPolicy::Kind;
  constexpr std::array kinds = {Kind::day, Kind::month, Kind::hour, Kind::minute, Kind::week, Kind::total};
  constexpr std::array zones = {"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"};
  const auto chosen = static_cast<std::size_t>(number);
  const auto zone = base::TimeZone::find(zones.at(chosen / kinds.size() % zones.size()));
  return {.kind = kinds.at(chosen % kinds.size()), .zone = zone ? *zone : base::TimeZone()};
}

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
