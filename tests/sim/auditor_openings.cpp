// What the auditor knows of limits that come into force: which exchanges of their window they have to count, what those
// have taken, and who was under way and holds of them now.
#include <algorithm>
#include <limits>
#include <utility>

#include "tests/sim/auditor.h"
#include "tests/sim/trouble.h"

namespace sim {
namespace {

using Unit = LimitTerms::Unit;

}  // namespace

void Auditor::limit_planned(int number, LimitTerms terms) {
  hold_that(static_cast<std::size_t>(number) == limits_.size(), "limit {} is out of order", number);
  limits_.push_back({.terms = std::move(terms)});
}

// It may be in force from here on.
void Auditor::opening_begins(int number, Money amount) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(number));
  book.high = std::max(book.high, amount);
  book.highest = std::max(book.highest, amount);
  book.wanted = amount;
  book.opening = true;
  book.certain = false;
}

void Auditor::opening_ends(int number) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(number));
  book.low = book.high = book.wanted;
  book.known = book.certain = true;
  book.opening = false;
}

// It is not in force, or nobody could say: its node goes on as if it were not. What was taken on of it counts there all
// the same.
void Auditor::opening_failed(int number) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(number));
  book.edited = true;
  for (auto& [place, entry] : accounts_)
    if (place.limit == number) entry.excused = true;
}

// --- who is under way ------------------------------------------------------------------------------------------------

void Auditor::hold_taken_on(const Taking& taking, std::int64_t sign) {
  Account& entry = accounts_[taking.place];
  note_held(taking.place);
  entry.reserved += Money::from_nanos(sign * taking.amount.nanos());
  if (sign > 0) entry.taken_on += taking.amount;
  // What the store had not, a node that begins another epoch of its leases does not make good any more.
  if (sign > 0 && is_fleet()) entry.overrun += taking.amount;
  note_held(taking.place);
}

void Auditor::take_into(Exchange& exchange, Taking taking) {
  exchange.earlier.push_back({exchange.takings, exchange.call.bound});
  exchange.takings.insert(std::ranges::find_if(exchange.takings, &Taking::of_balance), taking);
}

void Auditor::took_on(int number, Taking taking) {
  taking.taken_on = true;
  hold_taken_on(taking, 1);
  take_into(exchanges_.at(number), taking);
}

void Auditor::is_to_take_on(int number, int node, Taking taking) {
  taking.taken_on = true;
  hold_taken_on(taking, 1);
  to_take_on_[number].node = node;
  to_take_on_[number].parts.push_back(taking);
}

void Auditor::joined(int number, const std::vector<Place>& places, bool goes_on) {
  const auto taken_on = to_take_on_.extract(number);
  if (!taken_on) return;
  for (Taking& taking : taken_on.mapped().parts) {
    const auto holds = std::ranges::count(places, taking.place);
    hold_that(holds <= 1, "exchange {} counts {} times on {}", number, holds, name(taking.place));
    if (holds == 1 && !holds_of(exchanges_.at(number), taking.place)) {
      const std::int64_t stamp_ms = exchanges_.at(number).call.stamp_ms;
      hold_that(taking.span.start <= stamp_ms && stamp_ms < taking.span.end,
                "exchange {} of {} ms counts on {}, where it was not", number, stamp_ms, name(taking.place));
      take_into(exchanges_.at(number), taking);
      continue;
    }
    hold_that(holds == 1 || !goes_on || exchanges_.at(number).call.stamp_ms < taking.span.start,
              "escaped: exchange {} goes on, and does not count on {}, which came into force", number,
              name(taking.place));
    hold_taken_on(taking, -1);
  }
}

bool Auditor::holds_of(const Exchange& exchange, Place place) {
  return std::ranges::any_of(exchange.takings, [&](const Taking& taking) { return taking.place == place; });
}

// --- what has ended --------------------------------------------------------------------------------------------------

void Auditor::moved(int home, std::int64_t at_ms, std::int64_t newest_ms) {
  constexpr std::int64_t ever = std::numeric_limits<std::int64_t>::min(), minute_ms = 60'000;
  homes_.push_back({home, homes_.empty() ? ever : at_ms, std::max(at_ms, newest_ms) + minute_ms});
}

// An account is at its old place for a minute after it was moved, beside the new one: a call may have waited. And so it
// is for what was recorded before, where the clock was set back.
bool Auditor::was_there(int home, std::int64_t at_ms) const {
  if (home == 0) return true;
  for (std::size_t i = 0; i < homes_.size(); ++i) {
    const bool is_gone = i + 1 < homes_.size() && at_ms >= homes_[i + 1].before_until_ms;
    if (homes_[i].home == home && homes_[i].since_ms <= at_ms && !is_gone) return true;
  }
  return false;
}

bool Auditor::counts(const LimitBook& book, Span span, const Exchange& exchange) const {
  return was_there(book.terms.home, exchange.call.stamp_ms) && span.start <= exchange.call.stamp_ms &&
         exchange.call.stamp_ms < span.end && (book.terms.model.empty() || book.terms.model == exchange.call.model);
}

// Of limits of the same unit, what the exchange was booked with: the most.
Booking Auditor::booked_of(Unit unit, const Exchange& exchange) const {
  Booking most;
  for (std::size_t i = 0; i < exchange.takings.size(); ++i) {
    if (exchange.takings[i].of_balance) continue;
    // Of a limit that was taken on and never was in force the store does not know the unit.
    const LimitBook& book = limit(exchange.takings[i].place.limit);
    if (book.terms.unit != unit || !book.known) continue;
    most.spent = std::max(most.spent, exchange.bookings[i].spent);
    most.unresolved = std::max(most.unresolved, exchange.bookings[i].unresolved);
  }
  return most;
}

// What one more limit counts of an exchange that it has not seen (docs/decisions/0014).
Booking Auditor::found_by(const LimitBook& book, const Exchange& exchange) const {
  const bool is_unresolved =
      std::ranges::any_of(exchange.bookings, [](const Booking& booking) { return !booking.unresolved.is_zero(); });
  const bool moved_nothing = !is_unresolved && std::ranges::all_of(exchange.bookings, [](const Booking& booking) {
    return booking.spent.is_zero();
  });
  const Money one = Money::from_nanos(1);
  Booking found = booked_of(book.terms.unit, exchange);
  switch (book.terms.unit) {
    case Unit::usd:
      found.spent = std::max(found.spent, exchange.cost);
      if (is_unresolved) found.unresolved = std::max(found.unresolved, exchange.call.bound - exchange.cost);
      break;
    case Unit::tokens: found.spent = std::max(found.spent, exchange.tokens.value_or(Money::zero())); break;
    case Unit::requests:
      // Who had no limit at all and failed may have been sent or not; who had one and moved nothing does not count.
      if (exchange.stage == Stage::crashed && is_unresolved)
        found.unresolved = std::max(found.unresolved, one);
      else if (exchange.tokens || exchange.takings.empty() || !moved_nothing)
        found.spent = std::max(found.spent, one);
      break;
  }
  return found;
}

void Auditor::count_by_opening(const Opened& opened) {
  Account& entry = accounts_[opened.place];
  note_held(opened.place);
  if (opened.is_nowhere)
    entry.spent += opened.found.spent;
  else
    spend(opened.place, {.start = opened.stamp_ms, .end = opened.stamp_ms}, opened.found.spent);
  entry.unresolved += opened.found.unresolved;
  note_held(opened.place);
}

// Once; but what was corrected since, of what is not carried, is found when the limit comes back. So is what is
// unresolved of a limit whose unit the store did not know the first time.
void Auditor::find(Place place, std::string what, std::int64_t stamp_ms, Booking found) {
  if (!opened_by_.emplace(place, what).second) {
    Money counted;
    bool is_carried = false;
    for (const Opened& one : openings_) {
      if (one.place != place || one.what != what) continue;
      counted += one.found.spent;
      is_carried = is_carried || one.found.unresolved > Money::zero();
    }
    if (is_carried || (found.spent <= counted && found.unresolved.is_zero())) return;
    found.spent = std::max(found.spent - counted, Money::zero());
  }
  ++figures_.counted_by_openings;
  accounts_[place].found += found.spent + found.unresolved;
  openings_.push_back({place, stamp_ms, found, std::move(what)});
  count_by_opening(openings_.back());
}

void Auditor::find_what_was_nowhere(Place place, Span span) {
  std::vector<Opened> found;
  for (const Opened& one : openings_) {
    if (one.place != place || !one.is_nowhere || one.stamp_ms < span.start || one.stamp_ms >= span.end) continue;
    if (opened_by_.emplace(place, "nowhere " + one.what).second)
      found.push_back({place, one.stamp_ms, {.spent = one.found.spent, .unresolved = {}}, one.what});
  }
  for (Opened& one : found) {
    openings_.push_back(std::move(one));
    count_by_opening(openings_.back());
  }
}

void Auditor::opened(int node, Place place, Span span, int first_after, const std::vector<StoreRecord>& records,
                     const StoreNumbers& store) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(place.limit));
  book.known = true;
  book.in_force_ms = clock_.late_ms();
  std::set<int> recorded;
  Booking in_store;
  for (const StoreRecord& record : records) {
    if (record.kind == RecordKind::exchange || record.kind == RecordKind::crashed) recorded.insert(record.exchange);
    if (record.kind != RecordKind::unaccounted) continue;
    const StoreHold& hold = record.holds.front();
    if (hold.place == place) in_store.unresolved += hold.unresolved;
    const bool is_like_it = hold.place.limit < first_grant && limit(hold.place.limit).terms.unit == book.terms.unit;
    const int of = hold.place.limit < first_grant ? limit(hold.place.limit).terms.home : 0;  // that it is a record of
    const bool is_of_it = of == 0 ? was_there(book.terms.home, record.started_ms) : of == book.terms.home;
    if (is_like_it && is_of_it && hold.place != place && span.start <= record.started_ms &&
        record.started_ms < span.end)
      find(place, record.id, record.started_ms,
           with_correction(book, record.id, {.spent = {}, .unresolved = hold.unresolved}));
  }
  for (const auto& [number, exchange] : exchanges_) {
    const bool applies = counts(book, span, exchange);
    const bool has_ended = exchange.stage == Stage::ended || exchange.stage == Stage::crashed;
    const bool has_record = recorded.contains(number);
    if (holds_of(exchange, place)) {
      for (std::size_t i = 0; has_record && i < exchange.takings.size(); ++i) {
        if (exchange.takings[i].place != place) continue;
        in_store.spent += exchange.bookings[i].spent;
        in_store.unresolved += exchange.bookings[i].unresolved;
      }
      continue;
    }
    const bool is_on_it = book.terms.home == 0 || book.terms.home == exchange.call.home;
    const bool is_own = exchange.node == node && number < first_after && applies && is_on_it;
    // One that the journal had no room for ends unsent, in the middle of a flush maybe: there is nothing to count.
    const bool is_nothing = exchange.stage == Stage::ended && !exchange.was_sent && exchange.cost.is_zero();
    hold_that(!is_own || is_nothing || exchange.stage == Stage::lost || has_record || to_take_on_.contains(number),
              "escaped: exchange {} has no record, and does not take {} on, which comes into force", number,
              name(place));
    if (applies && has_ended && has_record)
      find(place, std::to_string(number), exchange.call.stamp_ms,
           with_correction(book, std::to_string(number), found_by(book, exchange)));
  }
  find_what_was_nowhere(place, span);
  for (const Opened& one : openings_) {
    if (one.place != place) continue;
    in_store.spent += one.found.spent;
    in_store.unresolved += one.found.unresolved;
  }
  hold_that(store.spent == in_store.spent && store.unresolved - store.expired == in_store.unresolved,
            "{} opens with {} spent and {} unresolved, not {} and {}", name(place), store.spent.nanos(),
            (store.unresolved - store.expired).nanos(), in_store.spent.nanos(), in_store.unresolved.nanos());
  // What it cannot hold stands above it, as above an amount that was lowered.
  Account& entry = accounts_[place];
  entry.excused = entry.excused || entry.spent + entry.unresolved + entry.reserved > book.wanted;
}

}  // namespace sim
