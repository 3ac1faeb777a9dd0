// What the auditor knows of what an operator, or a time-out, decides of calls whose cost nobody knew: what each must
// book and give back, on every limit and grant that holds something for it, it works out from its own books.
#include <algorithm>
#include <utility>

#include "tests/sim/auditor.h"
#include "tests/sim/trouble.h"

namespace sim {
namespace {

using Unit = LimitTerms::Unit;
using Verdict = Decided::Verdict;

Money positive(Money amount) { return std::max(amount, Money::zero()); }

}  // namespace

// What the item's record holds, and what limits that came into force have carried since: in the order of its holds.
std::vector<Auditor::Holding> Auditor::holdings_of(const Decided& decided) const {
  std::vector<Holding> holdings;
  if (decided.exchange) {
    const Exchange& exchange = exchanges_.at(*decided.exchange);
    for (std::size_t i = 0; i < exchange.takings.size(); ++i)
      holdings.push_back({exchange.takings[i].place, exchange.bookings.at(i)});
  } else {
    holdings.push_back({decided.lost->place, {.spent = {}, .unresolved = decided.lost->unresolved}});
  }
  for (const Opened& opened : openings_)
    if (opened.what == decided.what() && opened.found.unresolved > Money::zero())
      holdings.push_back({opened.place, opened.found, true});
  return holdings;
}

// What more a limit counts of a call that is known; nullopt: it has counted more than that already.
std::optional<Money> Auditor::more_of(const Decided& decided, const Holding& holding) const {
  const LimitBook& book = limit(holding.place.limit);
  const Money held = holding.booked.unresolved;
  if (decided.gone.contains(holding.place.limit)) return held;
  Money whole;
  switch (book.terms.unit) {
    case Unit::usd: whole = decided.cost; break;
    case Unit::tokens:
      if (!decided.tokens) return held;
      whole = *decided.tokens;
      break;
    case Unit::requests:
      if (!decided.exchange) return held;
      whole = std::max(Money::from_nanos(1), holding.booked.spent);
      break;
  }
  if (whole < holding.booked.spent) return std::nullopt;
  return whole - holding.booked.spent;
}

// By hold: what is booked, and as unresolved what is taken off. nullopt: what is said is below what is booked.
std::optional<std::vector<Auditor::Holding>> Auditor::correction_of(const Decided& decided) const {
  const bool settles = decided.verdict == Verdict::settled;
  if (settles && decided.exchange) {
    const Exchange& exchange = exchanges_.at(*decided.exchange);
    if (decided.cost < exchange.cost) return std::nullopt;
    if (decided.tokens && *decided.tokens < exchange.tokens.value_or(Money::zero())) return std::nullopt;
  }
  std::vector<Holding> holdings = holdings_of(decided);
  Money charge = decided.cost + share(decided.cost, decided.markup_basis_points);
  std::optional<int> last;
  for (const Holding& holding : holdings) {
    if (!is_grant(holding.place)) continue;
    charge -= holding.booked.spent;
    last = holding.place.limit;
  }
  charge = positive(charge);
  for (Holding& holding : holdings) {
    const Money held = holding.booked.unresolved;
    std::optional<Money> spent = decided.verdict == Verdict::timed_out ? held : Money::zero();
    if (settles && is_grant(holding.place)) {
      spent = last == holding.place.limit ? charge : std::min(charge, held);
      charge -= *spent;
    } else if (settles) {
      spent = more_of(decided, holding);
    }
    if (!spent) return std::nullopt;
    holding.booked = {.spent = *spent, .unresolved = Money::zero() - held};
  }
  std::erase_if(holdings,
                [](const Holding& one) { return one.booked.spent.is_zero() && one.booked.unresolved.is_zero(); });
  return holdings;
}

bool Auditor::is_below_what_is_booked(const Decided& decided) const { return !correction_of(decided); }

Money Auditor::cost_of(const Decided& decided) const {
  if (!decided.exchange || decided.verdict == Verdict::released) return Money::zero();
  const Exchange& exchange = exchanges_.at(*decided.exchange);
  return positive((decided.verdict == Verdict::settled ? decided.cost : exchange.call.bound) - exchange.cost);
}

// The record moves what it says, and the transfer with its id pays for that.
void Auditor::check_correction(const StoreRecord& record, const Correction& expected) const {
  hold_that(record.cost == expected.cost, "what was unresolved of {} costs {} more, not {}", expected.what,
            expected.cost.nanos(), record.cost.nanos());
  hold_that(record.holds.size() == expected.holds.size(), "what was unresolved of {} is corrected on {} limits, not {}",
            expected.what, record.holds.size(), expected.holds.size());
  for (std::size_t i = 0; i < record.holds.size(); ++i) {
    const StoreHold& hold = record.holds[i];
    const Holding& own = expected.holds[i];
    hold_that(hold.place == own.place && hold.reserved.is_zero() && hold.spent == own.booked.spent &&
                  hold.unresolved == own.booked.unresolved,
              "what was unresolved of {} is corrected by {} spent and {} unresolved of {}, not {} and {} of {}",
              expected.what, hold.spent.nanos(), hold.unresolved.nanos(), name(hold.place), own.booked.spent.nanos(),
              own.booked.unresolved.nanos(), name(own.place));
  }
  using Kind = BookAccount::Kind;
  std::vector<Moved> postings;
  const auto add = [&](BookAccount from, BookAccount to, Money amount) {
    if (amount > Money::zero()) postings.push_back({from, to, amount});
  };
  Money paid;
  add({Kind::spender}, {Kind::provider}, expected.cost);
  for (const Holding& own : expected.holds) {
    if (!is_grant(own.place)) continue;
    const BookAccount grant{Kind::grant, own.place.limit};
    add({Kind::unresolved}, grant, Money::zero() - own.booked.unresolved);
    add(grant, {Kind::spender}, own.booked.spent);
    paid += own.booked.spent;
  }
  add({Kind::spender}, {Kind::revenue}, paid - expected.cost);
  hold_that(record.postings.value_or(std::vector<Moved>()) == postings,
            "the transfer of a correction of {} does not say what its record says", expected.what);
}

void Auditor::corrected(const Decided& decided, const StoreRecord& record) {
  if (corrections_.contains(record.id)) return;  // the same decision once more
  const std::string what = decided.what();
  hold_that(!corrected_.contains(what), "what was unresolved of {} is corrected twice", what);
  const auto holds = correction_of(decided);
  hold_that(holds.has_value(), "what was unresolved of {} is settled below what is booked of it", what);
  std::int64_t stamp_ms = decided.lost_ms;
  if (decided.exchange) {
    const Exchange& exchange = exchanges_.at(*decided.exchange);
    stamp_ms = exchange.call.stamp_ms;
    hold_that(exchange.stage == Stage::ended || exchange.stage == Stage::crashed,
              "exchange {} is corrected, and has not ended", *decided.exchange);
  }
  Correction& own = corrections_[record.id];
  own = {.what = what,
         .is_of_lease = !decided.exchange,
         .verdict = decided.verdict,
         .cost = cost_of(decided),
         .tokens = {},
         .holds = *holds};
  if (decided.exchange && decided.tokens)
    own.tokens = *decided.tokens - exchanges_.at(*decided.exchange).tokens.value_or(Money::zero());
  corrected_[what] = record.id;
  check_correction(record, own);
  const bool is_of_crash = !decided.exchange || exchanges_.at(*decided.exchange).stage == Stage::crashed;
  for (const Holding& holding : own.holds) {
    const int number = holding.place.limit;
    const bool is_rolling = limit(number).terms.rolling.has_value();
    book_correction(what, stamp_ms, holding,
                    is_of_crash && is_rolling && !holding.is_carried && decided.gone.contains(number));
  }
}

void Auditor::book_correction(const std::string& what, std::int64_t stamp_ms, const Holding& holding, bool is_nowhere) {
  openings_.push_back({holding.place, stamp_ms, holding.booked, what, is_nowhere});
  count_by_opening(openings_.back());
  accounts_.at(holding.place).decided += holding.booked.spent;
  const Money beyond = holding.booked.spent + holding.booked.unresolved;
  if (beyond < Money::zero()) given_back_[holding.place] += Money::zero() - beyond;
  if (beyond <= Money::zero()) return;
  Account& entry = accounts_.at(holding.place);
  entry.excused = true;
  entry.found += beyond;
  entry.overrun += beyond;
  for (Looking& looking : looks_) looking.looks[holding.place].overrun = true;
}

// Its keeper hands out nothing more of what it had leased before. In a fleet the others may until all is at rest.
void Auditor::correction_told(const Decided& decided, bool flush_in_doubt) {
  const auto id = corrected_.find(decided.what());
  if (is_fleet() || id == corrected_.end() || std::exchange(corrections_.at(id->second).is_told, true)) return;
  for (const Holding& holding : corrections_.at(id->second).holds) {
    const Money beyond = positive(holding.booked.spent + holding.booked.unresolved);
    Account& entry = accounts_.at(holding.place);
    if (flush_in_doubt)
      told_in_doubt_.insert(holding.place);
    else
      given_back_.erase(holding.place);
    entry.decided -= std::min(entry.decided, holding.booked.spent);
    entry.overrun -= std::min(entry.overrun, beyond);
  }
}

void Auditor::flush_confirmed() {
  for (const Place place : std::exchange(told_in_doubt_, {})) given_back_.erase(place);
}

// Every correction that the store has taken has its record.
void Auditor::check_corrections(const std::vector<StoreRecord>& records) const {
  std::size_t known = 0;
  for (const StoreRecord& record : records) {
    if (record.kind != RecordKind::corrected) continue;
    const auto own = corrections_.find(record.id);
    hold_that(own != corrections_.end(), "invented: a correction that nobody has decided");
    check_correction(record, own->second);
    ++known;
  }
  hold_that(known == corrections_.size(), "lost: {} were corrected, and {} corrections are in the store",
            corrections_.size(), known);
}

// What a limit that comes into force counts of it, now that it is known.
Booking Auditor::with_correction(const LimitBook& book, const std::string& what, Booking found) const {
  const auto id = corrected_.find(what);
  if (id == corrected_.end()) return found;
  const Correction& correction = corrections_.at(id->second);
  Money more;
  for (const Holding& holding : correction.holds) {
    if (is_grant(holding.place)) continue;
    const LimitBook& of = limit(holding.place.limit);
    if (of.terms.unit == book.terms.unit && of.known) more = std::max(more, holding.booked.spent);
  }
  const bool of_exchange = !correction.is_of_lease;
  switch (book.terms.unit) {
    case Unit::usd: more = std::max(more, correction.cost); break;
    case Unit::tokens: more = std::max(more, correction.tokens); break;
    case Unit::requests:
      if (of_exchange && correction.verdict != Verdict::released) more = std::max(more, found.unresolved);
      break;
  }
  return {.spent = found.spent + more, .unresolved = {}};
}

}  // namespace sim
