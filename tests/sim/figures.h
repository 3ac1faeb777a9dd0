#pragma once

#include <cstdint>

namespace sim {

// What happened, counted. Sums over many lives say what a run has tried.
struct Figures {
  std::int64_t lives = 0, steps = 0, exchanges = 0, admitted_fast = 0, admitted_slow = 0;
  std::int64_t reached = 0, busy = 0, insufficient = 0, unavailable = 0, abandoned = 0;
  std::int64_t exact = 0, at_least = 0, overruns = 0, released = 0, dropped_sent = 0, dropped_unsent = 0;
  std::int64_t crashes = 0, crashes_in_store = 0, closes = 0, unaccounted = 0, lost_exchanges = 0, lost_overruns = 0;
  std::int64_t kills = 0, power_losses = 0, damages = 0, crashed_records = 0, unwritten = 0;
  std::int64_t refused_calls = 0, lost_replies = 0, lost_grants = 0, repeated_calls = 0, slow_calls = 0, meanwhile = 0;
  std::int64_t extended = 0, extended_fast = 0, not_extended = 0, extensions_dropped = 0;
  std::int64_t keyed = 0, keys_claimed = 0, keys_refused = 0, replayed = 0, keys_given_up = 0;
  std::int64_t quotes = 0, quotes_held = 0, quotes_redeemed = 0, quotes_unusable = 0, quotes_expired = 0;
  std::int64_t prepaid_lives = 0, top_ups = 0, refunds = 0, fees = 0, voids = 0, disputes = 0, expiries = 0;
  std::int64_t covers = 0, monthly_fees = 0, orders_refused = 0, orders_repeated = 0, slices = 0, last_cents = 0;
  std::int64_t edits = 0, raises = 0, moves = 0, crossings = 0, removals = 0, jumps = 0, calms = 0, last_units = 0;
  std::int64_t settled = 0, let_go = 0, timed_out = 0, decided_again = 0, not_decided = 0;
  std::int64_t openings = 0, opened = 0, counted_by_openings = 0, taken_on = 0;

  void add(const Figures& other);
  void print() const;
};

}  // namespace sim
