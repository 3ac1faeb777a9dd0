// What the auditor knows of held quotes. What becomes of one in the store is seen after every call of it; here stands
// what may become of it, and what it holds meanwhile.
#include <algorithm>

#include "tests/sim/auditor.h"
#include "tests/sim/trouble.h"

namespace sim {

void Auditor::quote_asked(int quote, std::vector<Want> wants, std::optional<BalanceWant> balance) {
  hold_that(!quotes_.contains(quote), "quote {} is asked for twice", quote);
  quotes_[quote].wants = std::move(wants);
  quotes_[quote].balance = std::move(balance);
  quotes_[quote].asked_ms = clock_.early_ms();
}

void Auditor::see_quote(int number, QuoteStage stage, const std::vector<Taking>& parts, std::int64_t expires_ms) {
  QuoteBook& book = quotes_.at(number);
  if (stage == book.stage) return;
  if (stage == QuoteStage::held) {
    hold_that(book.stage == QuoteStage::asked, "quote {} is held once more", number);
    const auto slices = std::ranges::find_if(parts, &Taking::of_balance);
    hold_that(std::cmp_equal(slices - parts.begin(), book.wants.size()),
              "all or nothing: quote {} wants {} limits and holds {}", number, book.wants.size(),
              slices - parts.begin());
    Money of_balance;
    for (auto slice = slices; slice != parts.end(); ++slice) of_balance += slice->amount;
    hold_that(of_balance == (book.balance ? charge_of(*book.balance) : Money::zero()),
              "all or nothing: quote {} holds {} of the balance", number, of_balance.nanos());
    check_burn_order({slices, parts.end()});
    for (std::size_t i = 0; i < book.wants.size(); ++i)
      hold_that(parts[i].place.limit == book.wants[i].limit && parts[i].amount == book.wants[i].amount,
                "all or nothing: quote {} wants {} of limit {} and holds {} of limit {}", number,
                book.wants[i].amount.nanos(), book.wants[i].limit, parts[i].amount.nanos(), parts[i].place.limit);
    book.parts = parts;
    book.expires_ms = expires_ms;
    move_quoted(book, 1);
  } else {
    hold_that(book.stage == QuoteStage::held, "quote {} ends, and was not held", number);
    hold_that(stage != QuoteStage::redeemed || book.redeeming > 0, "quote {} was redeemed, and nobody asked for it",
              number);
    hold_that(stage != QuoteStage::expired || book.doubtful || clock_.late_ms() >= book.expires_ms,
              "quote {} was to be held until {} ms, and has ended at {} ms", number, book.expires_ms, clock_.late_ms());
    move_quoted(book, -1);
    for (const Taking& part : book.parts) unquoted_.insert(part.place.limit);
  }
  book.stage = stage;
}

void Auditor::move_quoted(const QuoteBook& book, std::int64_t sign) {
  for (const Taking& part : book.parts) {
    Account& entry = accounts_[part.place];
    note_held(part.place);
    entry.quoted += Money::from_nanos(sign * part.amount.nanos());
    note_held(part.place);
  }
}

void Auditor::quote_held(int number) {
  const QuoteBook& book = quotes_.at(number);
  hold_that(book.stage != QuoteStage::asked, "quote {} is said to be held, and the store does not have it", number);
  for (const Taking& part : book.parts) {
    const Account& entry = account(part.place);
    const Money sum = entry.reserved + spent_least(part.place) + entry.unresolved + entry.quoted;
    hold_that(book.stage != QuoteStage::held || part.amount.is_zero() || entry.excused ||
                  sum <= high_since(limit(part.place.limit), book.asked_ms) + entry.overrun,
              "never over: quote {} holds {} of {}, which allows {} and has {} reserved, spent, unresolved and quoted",
              number, part.amount.nanos(), name(part.place), limit(part.place.limit).high.nanos(), sum.nanos());
  }
}

void Auditor::quote_doubtful(int number) {
  QuoteBook& book = quotes_.at(number);
  book.doubtful = true;
  for (const Want& want : book.wants) doubtful_.insert(want.limit);
  if (book.balance) doubtful_.insert(book.balance->known.begin(), book.balance->known.end());
}

bool Auditor::redemption_asked(int number) {
  QuoteBook& book = quotes_.at(number);
  ++book.redeeming;
  return book.stage == QuoteStage::held;
}

void Auditor::redeemed(int number, int exchange, bool of_another_key, std::int64_t stamp_ms) {
  QuoteBook& book = quotes_.at(number);
  hold_that(!of_another_key, "exchange {} redeems quote {}, which is another key's", exchange, number);
  hold_that(book.stage == QuoteStage::redeemed && !book.claimed, "exchange {} redeems quote {}, which {}", exchange,
            number, book.claimed ? "another one has redeemed" : "is not redeemed in the store");
  hold_that(stamp_ms < book.expires_ms, "exchange {} redeems quote {} at {} ms, which was held until {} ms", exchange,
            number, stamp_ms, book.expires_ms);
  book.claimed = true;
}

// What it held of a place moves there, whatever else is spent of it.
Money Auditor::carried(std::optional<int> number, Place place) const {
  Money sum;
  if (!number) return sum;
  for (const Taking& part : quotes_.at(*number).parts)
    if (part.place == place) sum += part.amount;
  return sum;
}

bool Auditor::quote_names(std::optional<int> number, int of_limit) const {
  if (!number) return false;
  const auto& parts = quotes_.at(*number).parts;
  return std::ranges::any_of(parts, [&](const Taking& part) { return part.place.limit == of_limit; });
}

void Auditor::refused_as_unusable(int number, bool was_held, bool of_another_key, const std::vector<Want>& wants,
                                  const std::vector<Place>& places) const {
  const QuoteBook& book = quotes_.at(number);
  if (!was_held || of_another_key || book.stage != QuoteStage::held || clock_.late_ms() >= book.expires_ms) return;
  for (const Want& want : wants) {
    const auto part = std::ranges::find_if(book.parts, [&](const auto& one) { return one.place.limit == want.limit; });
    if (part == book.parts.end() || part->amount < want.amount) return;
  }
  for (const Place place : places)  // a window has turned, and what it has itself may be too little
    if (std::ranges::none_of(book.parts, [&](const Taking& part) { return part.place == place; })) return;
  hold_that(false, "false refusal: quote {} is held, holds enough, and is said not to be usable", number);
}

std::int64_t Auditor::last_quote_end_ms() const {
  std::int64_t last = 0;
  for (const auto& [number, book] : quotes_)
    if (book.stage == QuoteStage::held) last = std::max(last, book.expires_ms);
  return last;
}

std::int64_t Auditor::latest_quote_end_ms() const {
  std::int64_t latest = 0;
  for (const auto& [number, book] : quotes_) latest = std::max(latest, book.expires_ms);
  return latest;
}

// Of those whose time is not over, at the least.
Money Auditor::quoted_least(Place place) const {
  Money sum;
  for (const auto& [number, book] : quotes_)
    if (book.stage == QuoteStage::held && clock_.late_ms() < book.expires_ms)
      for (const Taking& part : book.parts)
        if (part.place == place) sum += part.amount;
  return sum;
}

void Auditor::check_quoted(const std::map<Place, StoreNumbers>& store) const {
  for (const auto& [place, numbers] : store)
    hold_that(numbers.quoted == account(place).quoted, "{}: {} is quoted in the store, and its quotes hold {}",
              name(place), numbers.quoted.nanos(), account(place).quoted.nanos());
}

}  // namespace sim
