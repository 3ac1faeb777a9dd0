#include "tests/sim/key_book.h"

#include <algorithm>

#include "tests/sim/trouble.h"

namespace sim {

void KeyBook::claimed(int exchange) {
  Call& call = calls_.at(exchange);
  hold_that(call.stage == Stage::asking && std::ranges::count(call.answers, std::optional<Standing>()) > 0,
            "exchange {} may be sent under key {}, and the store has not given it", exchange, call.asked.key);
  call.stage = Stage::running;
}

void KeyBook::told(int exchange, const Standing& standing) {
  Call& call = calls_.at(exchange);
  hold_that(call.stage == Stage::asking, "exchange {} is told of key {} once more", exchange, call.asked.key);
  hold_that(std::ranges::count(call.answers, std::optional(standing)) > 0,
            "exchange {} is told something of key {} that the store has not said", exchange, call.asked.key);
  call.stage = Stage::refused;
}

void KeyBook::given_up(int exchange) {
  Call& call = calls_.at(exchange);
  hold_that(call.stage == Stage::asking, "exchange {} gives up key {}, which it has", exchange, call.asked.key);
  call.stage = Stage::refused;
}

void KeyBook::sent(int exchange) {
  Call& call = calls_.at(exchange);
  hold_that(call.stage == Stage::running, "exchange {} is sent under key {}, which it has not", exchange,
            call.asked.key);
  call.sent = true;
  for (const auto& [number, other] : calls_) {
    const bool done = other.sent && number != exchange && other.asked.key == call.asked.key;
    const bool surely_not = other.stage == Stage::ended && !other.end;
    hold_that(!done || surely_not || (other.stage != Stage::running && other.asked.expires_ms <= highest_ms_),
              "sent twice: exchange {} under key {}, and exchange {} before it", exchange, call.asked.key, number);
  }
}

void KeyBook::ended(int exchange, std::optional<State> as) {
  Call& call = calls_.at(exchange);
  hold_that(call.stage == Stage::running, "exchange {} ends under key {}, which it has not", exchange, call.asked.key);
  call.stage = Stage::ended;
  call.end = as;
}

// What was in flight there is unknown from here on, sent or not.
void KeyBook::process_ended(int node) {
  for (auto& [exchange, call] : calls_)
    if (call.asked.node == node && (call.stage == Stage::asking || call.stage == Stage::running))
      call.stage = Stage::gone;
  for (auto& [key, entry] : entries_)
    if (entry.state == State::in_flight && calls_.at(entry.exchange).asked.node == node) entry.state = State::unknown;
}

bool KeyBook::is_over(const Entry& entry, std::int64_t at_ms) const {
  return entry.state != State::in_flight && calls_.at(entry.exchange).asked.expires_ms <= at_ms;
}

void KeyBook::store_answers(int exchange, const std::optional<Standing>& standing) {
  Call& call = calls_.at(exchange);
  const Asked& asked = call.asked;
  first_.try_emplace(asked.key, asked);
  highest_ms_ = std::max(highest_ms_, asked.at_ms);
  call.answers.push_back(standing);
  for (auto& [key, entry] : entries_) entry.may_be_forgotten = entry.may_be_forgotten || is_over(entry, asked.at_ms);
  const auto at = entries_.find(asked.key);
  if (!standing) {
    const bool is_free = at == entries_.end() || at->second.may_be_forgotten || at->second.exchange == exchange;
    hold_that(is_free, "exchange {} is given key {}, which exchange {} has", exchange, asked.key,
              at == entries_.end() ? 0 : at->second.exchange);
    entries_[asked.key] = {.exchange = exchange};
    return;
  }
  hold_that(at != entries_.end() && !is_over(at->second, asked.at_ms),
            "false refusal: exchange {} is told that exchange {} has key {}, which is free", exchange, standing->first,
            asked.key);
  const Entry& entry = at->second;
  const bool same = calls_.at(entry.exchange).asked.body == asked.body;
  const bool has_reply = same && entry.state == State::kept;
  const Standing expected{.state = entry.state,
                          .first = entry.exchange,
                          .same_request = same,
                          .reply = has_reply ? std::optional(entry.exchange) : std::nullopt};
  hold_that(*standing == expected && entry.exchange != exchange,
            "exchange {} is told of key {} that exchange {} is {}, and exchange {} is {}, or of another request",
            exchange, asked.key, standing->first, static_cast<int>(standing->state), entry.exchange,
            static_cast<int>(entry.state));
}

void KeyBook::store_ends(int exchange, std::optional<State> as) {
  const Call& call = calls_.at(exchange);
  const int key = call.asked.key;
  const bool has_ended = call.stage == Stage::ended && call.end == as;
  const bool was_never_had = call.stage == Stage::refused || call.stage == Stage::asking;
  hold_that(has_ended || (!as && was_never_had),
            "exchange {} under key {} ends in the store, and otherwise than it did", exchange, key);
  const auto at = entries_.find(key);
  if (at == entries_.end() || at->second.exchange != exchange || at->second.state != State::in_flight) return;
  if (as)
    at->second.state = *as;
  else
    entries_.erase(at);
}

void KeyBook::at_rest() const {
  for (const auto& [key, entry] : entries_) {
    const Call& call = calls_.at(entry.exchange);
    hold_that(entry.state != State::in_flight || (call.stage == Stage::ended && call.end && call.end_was_lost),
              "not live: all is quiet, and exchange {} has key {} in flight", entry.exchange, key);
  }
}

}  // namespace sim
