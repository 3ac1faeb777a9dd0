// Calls with an Idempotency-Key, as the gateway makes them (src/gateway/repeat.cpp).
#include <algorithm>
#include <string>

#include "tests/sim/process.h"

namespace sim {
namespace {

constexpr int keys_in_use = 6;  // at one time; after a while they are others
constexpr int turns_max = 100;

KeyBook::Standing told(const idempotency::Standing& standing, const std::map<base::ExchangeId, int>& exchanges) {
  KeyBook::Standing told{.state = static_cast<KeyBook::State>(standing.state),
                         .first = exchanges.at(standing.exchange),
                         .same_request = standing.same_request};
  if (standing.reply) told.reply = std::stoi(standing.reply->body);
  return told;
}

}  // namespace

void Process::watch_keys() {
  around_.link.key_asked = [this](base::ExchangeId exchange, const std::optional<idempotency::Standing>& standing) {
    around_.auditor.keys().store_answers(around_.exchanges.at(exchange),
                                         standing ? std::optional(told(*standing, around_.exchanges)) : std::nullopt);
  };
  around_.link.key_ended = [this](base::ExchangeId exchange, std::optional<idempotency::State> as) {
    around_.auditor.keys().store_ends(around_.exchanges.at(exchange),
                                      as ? std::optional(static_cast<KeyBook::State>(*as)) : std::nullopt);
  };
  around_.link.key_end_lost = [this](base::ExchangeId exchange) {
    around_.auditor.keys().end_was_lost(around_.exchanges.at(exchange));
  };
}

void Process::ask_with_key(Dice& dice) {
  const bool waits = dice.once_in(3);
  const auto round = around_.next_exchange / 400;
  const int key = (round * keys_in_use) + static_cast<int>(dice.between(0, keys_in_use - 1));
  const std::int64_t ttl_ms = dice.once_in(4) ? dice.between(1, 2'000) : dice.between(1'000, 90'000'000);
  claim_key({.key = key,
             .exchange = around_.next_exchange++,
             .node = around_.node,
             .body = dice.once_in(8) ? 1 : 0,
             .at_ms = around_.clock.wall_now().ms,
             .expires_ms = around_.clock.wall_now().ms + ttl_ms,
             .waits = waits},
            static_cast<std::size_t>(dice.between(0, std::ssize(workers_) - 1)));
}

void Process::claim_key(const KeyBook::Asked& asked, std::size_t worker) {
  ++around_.figures.keyed;
  around_.trace.say("  exchange {} asks for key {} with body {}{}", asked.exchange, asked.key, asked.body,
                    asked.waits ? ", and waits" : "");
  around_.auditor.keys().asked(asked);
  Dice dice(static_cast<std::uint64_t>(asked.exchange));
  const idempotency::ClaimRequest request{
      .name = {.key = {around_.account.uuid}, .digest = base::sha256(std::to_string(asked.key))},
      .request = base::sha256(std::to_string(asked.body)),
      .exchange = base::ExchangeId::create(around_.clock.wall_now(), dice),
      .now = {asked.at_ms},
      .expires = {asked.expires_ms}};
  around_.exchanges.emplace(request.exchange, asked.exchange);
  keyed_.push_back(std::make_shared<Keyed>(Keyed{.asked = asked, .worker = worker}));
  desk_.claim(
      request, asked.waits ? idempotency::Desk::WhileInFlight::wait : idempotency::Desk::WhileInFlight::tell,
      [this, keyed = keyed_.back(), failures = around_.link.failures](idempotency::Desk::Answer answer) {
        if (keyed->gone) return;  // what it has claimed is freed
        if (!answer && around_.link.failures == failures)
          throw Violation("false refusal: a key cannot be claimed, and the store answers: " + answer.error().message);
        keyed->answer.emplace(std::move(answer));
      });
}

// The desk's word reaches the worker, or whoever has waited for it does so no longer.
bool Process::answer_key(Dice& dice) {
  if (keyed_.empty()) return false;
  const auto chosen = keyed_.begin() + dice.between(0, std::ssize(keyed_) - 1);
  const std::shared_ptr<Keyed> keyed = *chosen;
  const bool waits_on = !keyed->answer && !dice.once_in(10);
  if (waits_on) return false;
  keyed_.erase(chosen);
  answer_key(*keyed, &dice);
  return true;
}

// Without dice nothing is sent.
void Process::answer_key(Keyed& keyed, Dice* dice) {
  const int number = keyed.asked.exchange;
  KeyBook& book = around_.auditor.keys();
  if (!keyed.answer) {
    keyed.gone = true;
    ++around_.figures.keys_given_up;
    around_.trace.say("  exchange {} waits for its key no longer", number);
    return book.given_up(number);
  }
  if (!*keyed.answer) {
    ++around_.figures.keys_given_up;
    around_.trace.say("  exchange {} cannot have its key", number);
    return book.given_up(number);
  }
  if (const auto* const standing = std::get_if<idempotency::Standing>(&**keyed.answer)) {
    ++(standing->reply ? around_.figures.replayed : around_.figures.keys_refused);
    around_.trace.say("  exchange {} is told that {} is {}", number, around_.exchanges.at(standing->exchange),
                      idempotency::to_string(standing->state));
    return book.told(number, told(*standing, around_.exchanges));
  }
  ++around_.figures.keys_claimed;
  book.claimed(number);
  // What comes into force meanwhile is among the limits that it asks for: it begins here.
  Exchange exchange{.number = around_.next_exchange++, .worker = keyed.worker};
  exchange.call = number;
  around_.trace.say("  exchange {} has its key, as exchange {}", number, exchange.number);
  exchange.claim.emplace(std::move(std::get<idempotency::Claim>(**keyed.answer)));
  if (dice == nullptr) return end_key(exchange, KeyEnd::drop);
  reserve(std::move(exchange), *dice);
}

void Process::finish_keys(Dice& dice) {
  std::vector<std::shared_ptr<Keyed>> answered;
  std::erase_if(keyed_, [&](const auto& keyed) {
    if (keyed->answer) answered.push_back(keyed);
    return keyed->answer.has_value();
  });
  for (const auto& keyed : answered) answer_key(*keyed, &dice);
}

void Process::end_key(Exchange& exchange, KeyEnd how) {
  if (!exchange.claim) return;
  idempotency::Claim claim = std::move(*exchange.claim);
  exchange.claim.reset();
  std::optional<KeyBook::State> as;
  if (how == KeyEnd::keep) as = KeyBook::State::kept;
  if (how == KeyEnd::too_large) as = KeyBook::State::not_kept;
  if (how == KeyEnd::drop && exchange.claim_is_sent) as = KeyBook::State::unknown;
  around_.auditor.keys().ended(exchange.call, as);
  switch (how) {
    case KeyEnd::keep:
      return std::move(claim).keep({.status = 200, .fields = {}, .body = std::to_string(exchange.call)});
    case KeyEnd::too_large: return std::move(claim).not_kept();
    case KeyEnd::free: return std::move(claim).free();
    case KeyEnd::drop: return;
  }
}

void Process::rest_keys() {
  for (const auto& keyed : std::exchange(keyed_, {})) {
    // Who waits for a call of another node hears nothing of its end.
    if (!around_.is_fleet && !around_.auditor.keys().is_in_flight(keyed->asked.key))
      throw Violation(fmt::format("not live: exchange {} waits for key {}, which nobody has", keyed->asked.exchange,
                                  keyed->asked.key));
    answer_key(*keyed, nullptr);
  }
  for (const auto& [key, first] : around_.auditor.keys().first_calls()) {
    KeyBook::Asked again = first;
    again.exchange = around_.next_exchange++;
    again.node = around_.node;
    again.at_ms = around_.clock.wall_now().ms;
    again.expires_ms = again.at_ms + 1;
    again.waits = false;
    claim_key(again, 0);
  }
  turn();
  for (const auto& keyed : std::exchange(keyed_, {})) answer_key(*keyed, nullptr);
  // Each key that is free again may go to somebody who has waited for it and has gone.
  for (int turns = 0; woken_ && turns < turns_max; ++turns) turn();
}

}  // namespace sim
