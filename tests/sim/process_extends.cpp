// Exchanges that need more than is reserved for them while they are under way, as the gateway asks for it
// (src/gateway/extend.cpp).
#include <algorithm>

#include "tests/sim/process.h"

namespace sim {
namespace {

Money money(std::int64_t amount) { return Money::from_nanos(amount); }

}  // namespace

void Process::extend(Dice& dice) {
  if (under_way_.empty()) return;
  Exchange& exchange = dice.any_of(under_way_);
  quota::Reservation& reservation = *exchange.reservation;
  if (!reservation.sent() || exchange.is_extending) return;
  Worker& worker = workers_[exchange.worker];
  const std::int64_t most = dice.once_in(12) ? 1'000 : 40;
  quota::Amounts more = amounts_of(dice.between(0, most) * around_.coin, dice.between(0, most), 0);
  // As the catalog is now: a limit that was raised gives more, and so does a grant that was made since.
  const View now = worker.view;
  auto balance = exchange.balance ? now->balance() : std::nullopt;
  if (exchange.balance && !balance) balance = exchange.view->balance();
  if (balance) {
    const auto began_with = exchange.view->balance();
    const auto charge = [&](Money cost) { return quota::charge_of(cost, &*began_with); };
    more.charge = charge(exchange.balance->bound + more.usd) - charge(exchange.balance->bound);
  }
  const catalog::Balance* const pays = balance ? &*balance : nullptr;
  Extending asked = extending_of(exchange, more, pays, now);
  std::vector<const catalog::Limit*> limits;
  for (const View& view : {now, exchange.view})
    for (const SeenLimit& limit : view->in_force) limits.push_back(&limit.limit);
  for (const SeenLimit& limit : exchange.wanted) limits.push_back(&limit.limit);
  around_.trace.say("  exchange {} asks for {} usd, {} tokens more", exchange.number, more.usd.nanos(),
                    tokens_of(more));
  if (auto fast = worker.admission.try_extend(reservation, limits, more, around_.clock.wall_now(), pays)) {
    ++around_.figures.extended_fast;
    check_extension(asked, *fast);
    return hold_more(exchange, asked, std::move(*fast));
  }
  exchange.is_extending = true;
  ++undecided_;
  const std::int64_t wait_ms = dice.between(0, 1) * dice.between(1, 1'000);
  worker.admission.extend(
      reservation, limits, more, around_.clock.wall_now(), around_.clock.now().plus_ms(wait_ms),
      [this, asked](quota::Decision decision) { extension_decided(asked, std::move(decision)); }, pays);
}

Process::Extending Process::extending_of(const Exchange& exchange, const quota::Amounts& more,
                                         const catalog::Balance* balance, const View& now) const {
  quota::Amounts whole = exchange.bound;
  whole.usd += more.usd;
  whole.input_tokens += more.input_tokens;
  Extending asked{.exchange = exchange.number,
                  .more = {},
                  .balance = std::nullopt,
                  .asked_at_ms = around_.clock.early_ms(),
                  .whole = whole,
                  .parts = exchange.reservation->parts().size()};
  Money of_balance;
  for (const quota::Reservation::Part& part : exchange.reservation->parts()) {
    if (part.of_balance) {
      of_balance += money(part.amount);
      continue;
    }
    asked.more.push_back(money(more.in(part.unit)));
    asked.own[place_of(part.lease->counter())] = money(part.amount);
  }
  if (balance == nullptr || more.charge.is_zero()) return asked;
  asked.balance = exchange.balance;
  asked.balance->extends = exchange.balance->bound;
  asked.balance->bound = whole.usd;
  asked.balance->held = of_balance;
  asked.balance->known.clear();
  for (const catalog::Grant& grant : now->balance() ? now->grants : exchange.view->grants)
    asked.balance->known.push_back(around_.numbers.at(catalog::counter_of(grant.id)));
  return asked;
}

void Process::extension_decided(Extending asked, quota::Decision decision) {
  --undecided_;
  if (const auto* const extension = std::get_if<quota::Reservation::Extension>(&decision)) {
    check_extension(asked, *extension);
  } else {
    const auto& refusal = std::get<quota::Refusal>(decision);
    ++around_.figures.not_extended;
    around_.trace.say("  exchange {} is not extended: {}", asked.exchange, base::to_string(refusal.type));
    // Of one that has ended nobody hears it, and what it held when it asked is not its own any more.
    if (std::ranges::count(under_way_, asked.exchange, &Exchange::number) > 0)
      check_refusal(refusal, asked.balance, asked.own);
  }
  extensions_.push_back({std::move(asked), std::move(decision)});
}

void Process::check_extension(const Extending& asked, const quota::Reservation::Extension& extension) {
  std::vector<Taking> parts;
  for (const quota::Reservation::Part& part : extension.parts()) {
    if (part.amount == 0) continue;
    if (around_.expired(part.lease->counter(), part.lease->epoch()))
      throw Violation(fmt::format("exchange {} was extended on a lease that has expired", asked.exchange));
    const auto& span = part.lease->span();
    parts.push_back({.place = place_of(part.lease->counter()),
                     .span = {.start = span.start.ms, .end = span.end.ms},
                     .amount = money(part.amount),
                     .of_balance = part.of_balance,
                     .epoch = part.lease->epoch()});
    around_.trace.say("  exchange {} is to hold {} more of limit {} window {}", asked.exchange, part.amount,
                      parts.back().place.limit, parts.back().place.label);
  }
  auto balance = asked.balance;
  if (balance) balance->store_failed = around_.link.failures != failures_before_;
  const Span reach{.start = std::min(asked.asked_at_ms, around_.clock.early_ms()), .end = around_.clock.late_ms()};
  around_.auditor.extension_given(asked.exchange, around_.node, asked.more, parts, reach, balance);
}

// The keeper's word reaches the worker; the exchange may have ended meanwhile.
void Process::answer_extension(Dice& dice) {
  Extended answer = std::move(extensions_.front());
  extensions_.pop_front();
  const auto exchange = std::ranges::find(under_way_, answer.asked.exchange, &Exchange::number);
  if (exchange != under_way_.end()) exchange->is_extending = false;
  auto* const extension = std::get_if<quota::Reservation::Extension>(&answer.decision);
  if (extension == nullptr) return;
  if (exchange == under_way_.end() || dice.once_in(10)) {
    ++around_.figures.extensions_dropped;
    around_.trace.say("  nobody takes what exchange {} was to hold more", answer.asked.exchange);
    around_.auditor.extension_dropped(answer.asked.exchange);
    return;
  }
  hold_more(*exchange, answer.asked, std::move(*extension));
}

void Process::hold_more(Exchange& exchange, const Extending& asked, quota::Reservation::Extension extension) {
  // As the gateway does it: a limit that has come into force meanwhile was not asked.
  const bool has_taken_on = asked.parts != exchange.reservation->parts().size();
  if (has_taken_on) {
    ++around_.figures.extensions_dropped;
    return around_.auditor.extension_dropped(exchange.number);
  }
  Money& estimate = exchange.reservation->record().estimate;
  const Money before = std::exchange(estimate, asked.whole.usd);
  if (!exchange.reservation->extend(std::move(extension))) {  // the journal has no room
    estimate = before;
    ++around_.figures.unwritten;
    around_.trace.say("  exchange {} cannot be written down with more", exchange.number);
    return around_.auditor.extension_dropped(exchange.number);
  }
  ++around_.figures.extended;
  around_.auditor.extended(exchange.number, asked.whole.usd);
  exchange.bound = asked.whole;
  if (exchange.balance) exchange.balance->bound = asked.whole.usd;
  exchange.waits_for_disk = false;
  (void)may_leave(exchange);  // what comes with it waits for the disk as a call does
}

}  // namespace sim
