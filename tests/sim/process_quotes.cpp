// Quotes that are held, and the exchanges that redeem them.
#include <algorithm>

#include "tests/sim/process.h"

namespace sim {
namespace {

Money money(std::int64_t amount) { return Money::from_nanos(amount); }
constexpr std::size_t remembered_quotes = 6;  // that are still redeemed, ended or not

}  // namespace

void Process::quote(Dice& dice) {
  if (around_.quotes.empty() || dice.once_in(2)) return hold_quote(dice);
  redeem_quote(dice);
}

void Process::hold_quote(Dice& dice) {
  const View view = workers_.front().view;
  ToldQuote told{.number = static_cast<int>(around_.quotes.size()),
                 .id = base::QuoteId::create(around_.clock.wall_now(), dice),
                 .key = base::KeyId::create(around_.clock.wall_now(), dice),
                 .limits = {},
                 .usd = dice.between(0, 60) * around_.coin,
                 .tokens = dice.between(0, 60)};
  for (const SeenLimit& limit : dice.any_of(view->keys))
    if (!dice.once_in(8)) told.limits.push_back(limit);
  const auto balance = view->balance();
  quota::Amounts amounts = amounts_of(told.usd, told.tokens, 1);
  amounts.charge = quota::charge_of(amounts.usd, balance ? &*balance : nullptr);
  const auto want = balance_want(*view, amounts);
  const std::int64_t ttl_ms = dice.once_in(3) ? dice.between(1, 500) : dice.between(1, 30'000);
  std::vector<Want> wants;
  quota::Waiter waiter{
      .wants = {},
      .stamp = around_.clock.wall_now(),
      .deadline = around_.clock.now().plus_ms(dice.between(0, 1) * dice.between(1, 1'000)),
      .record = nullptr,
      .decided = [this, number = told.number, want](quota::Decision decision) { quoted(number, decision, want); },
      .holds = quota::Waiter::Hold{told.id, told.key, ttl_ms}};
  for (const SeenLimit& limit : told.limits) {
    const std::int64_t amount = amounts.in(limit.limit.unit);
    waiter.wants.push_back({limit.limit, amount});
    wants.push_back({limit.number, money(limit.limit.leased() ? amount : 0)});
  }
  if (balance) waiter.balance = quota::want_from(*balance, amounts.charge);
  ++around_.figures.quotes;
  around_.trace.say("  quote {} asks for {} usd, {} tokens on {} limits for {} ms", told.number, told.usd, told.tokens,
                    wants.size(), ttl_ms);
  around_.auditor.quote_asked(told.number, std::move(wants), want);
  around_.quotes.push_back(std::move(told));
  ++undecided_;
  keeper_->submit(std::move(waiter));
}

void Process::quoted(int number, const quota::Decision& decision, const std::optional<BalanceWant>& balance) {
  --undecided_;
  if (std::holds_alternative<quota::Quote>(decision)) {
    around_.trace.say("  quote {} is held", number);
    ++around_.figures.quotes_held;
    return around_.auditor.quote_held(number);
  }
  const auto& refusal = std::get<quota::Refusal>(decision);
  around_.trace.say("  quote {} is refused: {}", number, base::to_string(refusal.type));
  if (refusal.type == base::ErrorType::unavailable) around_.auditor.quote_doubtful(number);
  check_refusal(refusal, balance);
}

void Process::redeem_quote(Dice& dice) {
  const std::size_t among = std::min(around_.quotes.size(), remembered_quotes);
  const ToldQuote& told =
      around_
          .quotes[around_.quotes.size() - static_cast<std::size_t>(dice.between(1, static_cast<std::int64_t>(among)))];
  const bool too_much = dice.once_in(8);
  const auto part_of = [&](std::int64_t held) { return too_much ? held + dice.between(0, 9) : dice.between(0, held); };
  const auto worker = static_cast<std::size_t>(dice.between(0, std::ssize(workers_) - 1));
  const View view = workers_[worker].view;
  const auto balance = view->balance();
  quota::Amounts amounts = amounts_of(part_of(told.usd), part_of(told.tokens), 1);
  amounts.charge = quota::charge_of(amounts.usd, balance ? &*balance : nullptr);
  Exchange exchange{.number = around_.next_exchange++,
                    .worker = worker,
                    .wants = {},
                    .balance = balance_want(*view, amounts),
                    .view = view,
                    .asked_at_ms = around_.clock.early_ms(),
                    .reservation = {}};
  Key wanted;
  for (const SeenLimit& limit : told.limits)
    if (!dice.once_in(8) && limit.applies_to(exchange.number)) wanted.push_back(limit);
  if (dice.once_in(8))  // of one that it does not hold of, perhaps
    for (const SeenLimit& limit : dice.any_of(view->keys))
      if (limit.applies_to(exchange.number) &&
          std::ranges::none_of(wanted, [&](const SeenLimit& one) { return one.number == limit.number; }))
        wanted.push_back(limit);
  for (const SeenLimit& limit : wanted)
    exchange.wants.push_back({limit.number, money(limit.limit.leased() ? amounts.in(limit.limit.unit) : 0)});
  exchange.quote = told.number;
  exchange.of_another_key = dice.once_in(12);
  exchange.wanted = wanted;
  ++around_.figures.exchanges;
  around_.trace.say("  exchange {} asks to redeem quote {} for {} usd, {} tokens on {} limits", exchange.number,
                    told.number, amounts.usd.nanos(), tokens_of(amounts), wanted.size());
  exchange.was_held = around_.auditor.redemption_asked(told.number);
  submit(std::move(exchange), wanted, amounts, dice.between(0, 1) * dice.between(1, 1'000));
}

void Process::check_unusable(const Exchange& exchange) {
  ++around_.figures.quotes_unusable;
  std::vector<Place> places;
  for (const SeenLimit& limit : exchange.wanted)
    if (limit.limit.leased())
      for (const std::int64_t at : {exchange.asked_at_ms, around_.clock.early_ms(), around_.clock.late_ms()})
        places.push_back(place_of(counter_of(limit.limit, {at})));
  // Its grants may have ended, or a debt may have come about.
  if (exchange.balance) return;
  around_.auditor.refused_as_unusable(*exchange.quote, exchange.was_held, exchange.of_another_key, exchange.wants,
                                      places);
}

}  // namespace sim
