#include "tests/sim/auditor.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/trouble.h"

namespace sim {
namespace {

template <class... Args>
void hold_that(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) throw Violation(fmt::format(text, std::forward<Args>(args)...));
}

std::string name(Place place) { return fmt::format("limit {} window {}", place.limit, place.label); }

}  // namespace

const Auditor::Account& Auditor::account(Place place) const {
  static const Account untouched;
  const auto found = accounts_.find(place);
  return found == accounts_.end() ? untouched : found->second;
}

// --- limits --------------------------------------------------------------------------------------------------------

void Auditor::limit_opened(int number, Money amount, LimitKind kind, std::optional<Rolling> rolling) {
  hold_that(static_cast<std::size_t>(number) == limits_.size(), "limit {} is out of order", number);
  limits_.push_back(
      {.low = amount, .high = amount, .wanted = amount, .highest = amount, .kind = kind, .rolling = rolling});
}

void Auditor::edit_begins(int number, Money amount) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(number));
  book.low = std::min(book.low, amount);
  book.high = std::max(book.high, amount);
  book.wanted = amount;
  book.highest = std::max(book.highest, amount);
  book.certain = false;
}

void Auditor::edit_ends(int number, bool certain) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(number));
  // What stands above a lowered amount stays there; but nothing may be added to it.
  for (auto& [place, entry] : accounts_)
    if (place.limit == number && book.wanted < book.high) entry.excused = true;
  if (!certain) return;
  book.low = book.high = book.wanted;
  book.certain = true;
}

bool Auditor::certain_of(int number) const { return limit(number).certain; }
bool Auditor::excused(Place place) const { return account(place).excused; }

// --- what counts ---------------------------------------------------------------------------------------------------

Money Auditor::spent_least(Place place) const {
  const auto& rolling = limit(place.limit).rolling;
  const Account& entry = account(place);
  if (!rolling) return entry.spent;
  Money sum;
  for (auto at = entry.by_first.upper_bound(clock_.latest_ms - rolling->span_ms); at != entry.by_first.end(); ++at)
    sum += at->second;
  return sum;
}

Money Auditor::spent_most(Place place) const {
  const auto& rolling = limit(place.limit).rolling;
  const Account& entry = account(place);
  if (!rolling) return entry.spent;
  const std::int64_t from = std::min(look_began_ms_, clock_.wall_ms);
  Money sum;
  for (auto at = entry.by_last.lower_bound(from - rolling->span_ms - rolling->slack_ms); at != entry.by_last.end();
       ++at)
    sum += at->second;
  return sum;
}

void Auditor::spend(Place place, Span reach, Money amount) {
  Account& entry = accounts_.at(place);
  entry.spent += amount;
  if (!limit(place.limit).rolling || amount.is_zero()) return;
  entry.by_first[reach.start] += amount;
  entry.by_last[reach.end] += amount;
  entry.unheard = true;
}

// After a process has ended: of those whose end is not lost.
void Auditor::spend_anew() {
  for (auto& [place, entry] : accounts_) {
    entry.by_first.clear();
    entry.by_last.clear();
    entry.unheard = false;
  }
  for (const auto& [number, exchange] : exchanges_) {
    if (exchange.stage != Stage::ended) continue;
    for (std::size_t i = 0; i < exchange.takings.size(); ++i) {
      const Place place = exchange.takings[i].place;
      if (!limit(place.limit).rolling || exchange.bookings[i].spent.is_zero()) continue;
      accounts_[place].by_first[exchange.reach.start] += exchange.bookings[i].spent;
      accounts_[place].by_last[exchange.reach.end] += exchange.bookings[i].spent;
    }
  }
}

void Auditor::begin_look() {
  looks_.clear();
  look_began_ms_ = clock_.wall_ms;
}

void Auditor::time_stepped_back() {
  for (auto& [place, entry] : accounts_)
    if (limit(place.limit).rolling) entry.excused = true;
}

// --- exchanges -----------------------------------------------------------------------------------------------------

void Auditor::admitted(int exchange, const std::vector<Want>& wants, const std::vector<Taking>& takings, Span reach) {
  hold_that(!exchanges_.contains(exchange), "exchange {} was admitted twice", exchange);
  hold_that(wants.size() == takings.size(), "all or nothing: exchange {} wants {} limits and holds {}", exchange,
            wants.size(), takings.size());
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const Taking& taking = takings[i];
    const LimitBook& book = limit(taking.place.limit);
    hold_that(taking.place.limit == wants[i].limit && taking.amount == wants[i].amount,
              "all or nothing: exchange {} wants {} of limit {} and holds {} of limit {}", exchange,
              wants[i].amount.nanos(), wants[i].limit, taking.amount.nanos(), taking.place.limit);
    Account& entry = accounts_[taking.place];
    hold_that(!entry.span || *entry.span == taking.span, "{} is not one window: [{}, {}) and [{}, {})",
              name(taking.place), entry.span->start, entry.span->end, taking.span.start, taking.span.end);
    entry.span = taking.span;
    // One moment of the decision lies in every window.
    reach = {.start = std::max(reach.start, taking.span.start), .end = std::min(reach.end, taking.span.end - 1)};
    const Money spent = spent_least(taking.place);
    hold_that(taking.amount.is_zero() || entry.reserved + spent + entry.unresolved + taking.amount <= book.high,
              "never over: exchange {} got {} of {}, which allows {} and has {} reserved, {} spent, {} unresolved",
              exchange, taking.amount.nanos(), name(taking.place), book.high.nanos(), entry.reserved.nanos(),
              spent.nanos(), entry.unresolved.nanos());
    hold_that(book.kind != LimitKind::lazy || spent < book.high,
              "over: exchange {} was admitted on {}, which is lazy, allows {} and has {} spent", exchange,
              name(taking.place), book.high.nanos(), spent.nanos());
    note_held(taking.place);
    entry.reserved += taking.amount;
    note_held(taking.place);
  }
  hold_that(reach.start <= reach.end, "exchange {}: no moment of the decision lies in all its windows", exchange);
  exchanges_[exchange].takings = takings;
  exchanges_[exchange].reach = reach;
}

void Auditor::entered(int exchange) { exchanges_.at(exchange).entered = true; }

void Auditor::sent(int number, bool is_sent) {
  Exchange& exchange = exchanges_.at(number);
  exchange.stage = is_sent ? Stage::sent : Stage::reserved;
  exchange.was_sent = is_sent;
}

void Auditor::ended(int number, Money cost, const std::vector<Booking>& bookings) {
  Exchange& exchange = exchanges_.at(number);
  exchange.stage = Stage::ended;
  exchange.cost = cost;
  exchange.bookings = bookings;
  for (std::size_t i = 0; i < bookings.size(); ++i) {
    const Taking& taking = exchange.takings[i];
    Account& entry = accounts_.at(taking.place);
    note_held(taking.place);
    entry.reserved -= taking.amount;
    spend(taking.place, exchange.reach, bookings[i].spent);
    entry.unresolved += bookings[i].unresolved;
    note_held(taking.place);
    if (is_leased(taking.place) && bookings[i].spent > taking.amount)
      entry.excused = looks_[taking.place].overrun = true;
  }
}

void Auditor::refused_as_reached(const std::vector<Shortage>& shortages) const {
  hold_that(!shortages.empty(), "a refusal names no limit");
  const Shortage& first = shortages.front();
  const LimitBook& book = limit(first.place.limit);
  hold_that(book.kind != LimitKind::shadow, "false refusal: {} is in shadow", name(first.place));
  const Money spent = spent_most(first.place);
  const Money unresolved = account(first.place).unresolved;
  const bool is_reached =
      book.kind == LimitKind::lazy ? spent >= book.low : spent + unresolved + first.required > book.low;
  hold_that(is_reached, "false refusal: limit_reached for {} of {}, which allows {} and has {} spent, {} unresolved",
            first.required.nanos(), name(first.place), book.low.nanos(), spent.nanos(), unresolved.nanos());
  if (book.kind == LimitKind::lazy) return;
  for (const Shortage& shortage : shortages)
    hold_that(
        !shortage.available.is_negative() && (!is_leased(shortage.place) || shortage.available < shortage.required),
        "a shortage of {} with {} available", shortage.required.nanos(), shortage.available.nanos());
}

void Auditor::refused_as_busy(const std::vector<Shortage>& shortages) const {
  hold_that(!shortages.empty(), "a refusal names no limit");
  for (const Shortage& shortage : shortages) {
    const Account& entry = account(shortage.place);
    const LimitBook& book = limit(shortage.place.limit);
    hold_that(book.kind == LimitKind::hard || book.rolling, "false refusal: limit_busy of {}, which holds nothing",
              name(shortage.place));
    const Money spent = spent_least(shortage.place);
    // Of a rolling limit the keeper cannot tell while a flush is in doubt, and waiting is the milder word.
    hold_that(
        !book.certain || entry.excused || book.rolling || spent + entry.unresolved + shortage.required <= book.high,
        "false refusal: limit_busy for {} of {}, where waiting cannot help: {} allowed, {} spent, {} unresolved",
        shortage.required.nanos(), name(shortage.place), book.high.nanos(), spent.nanos(), entry.unresolved.nanos());
  }
  const auto in_the_way = [&](const Shortage& shortage) {
    return !is_leased(shortage.place) || lost_a_grant(shortage.place) || look(shortage.place).overrun ||
           account(shortage.place).unheard ||
           look(shortage.place).most + shortage.required > limit(shortage.place.limit).low;
  };
  const Place place = shortages.front().place;
  hold_that(std::ranges::any_of(shortages, in_the_way),
            "false refusal: limit_busy for {} of {}, where nobody stood in the way: {} allowed, {} held",
            shortages.front().required.nanos(), name(place), limit(place.limit).low.nanos(), held(place).nanos());
}

void Auditor::note_held(Place place) {
  const Money now = held(place);
  const auto [at, fresh] = looks_.try_emplace(place, Look{now, now});
  at->second.most = std::max(at->second.most, now);
  at->second.least = std::min(at->second.least, now);
}

Auditor::Look Auditor::look(Place place) const {
  const auto found = looks_.find(place);
  return found == looks_.end() ? Look{held(place), held(place)} : found->second;
}

Money Auditor::left(Place place) const {
  return limit(place.limit).high - spent_most(place) - account(place).unresolved;
}
Money Auditor::left_by_any_count(Place place) const {
  return limit(place.limit).high - spent_least(place) - account(place).unresolved;
}
Money Auditor::left_at_most(Place place) const {
  return limit(place.limit).highest - spent_least(place) - account(place).unresolved;
}
Money Auditor::reserved(Place place) const { return account(place).reserved; }
Money Auditor::held(Place place) const {
  const Account& entry = account(place);
  return entry.reserved + spent_most(place) + entry.unresolved;
}

// --- the store -----------------------------------------------------------------------------------------------------

void Auditor::look_at(Place place, const StoreNumbers& store) const {
  const Account& entry = account(place);
  const LimitBook& book = limit(place.limit);
  hold_that(!store.leased.is_negative(), "{}: the store has {} leased", name(place), store.leased.nanos());
  hold_that(book.low <= store.amount && store.amount <= book.high, "{}: the store allows {}, not {} to {}", name(place),
            store.amount.nanos(), book.low.nanos(), book.high.nanos());
  hold_that(entry.excused || !is_leased(place) || store.spent + store.leased + store.unresolved <= book.high,
            "never over: {} allows {}; the store has {} spent, {} leased, {} unresolved", name(place),
            book.high.nanos(), store.spent.nanos(), store.leased.nanos(), store.unresolved.nanos());
  const Money spent = spent_most(place);
  hold_that(store.spent <= spent, "invented: {} has {} spent in the store, and {} was", name(place),
            store.spent.nanos(), spent.nanos());
  hold_that(store.unresolved <= entry.unresolved, "invented: {} has {} unresolved in the store, and {} is", name(place),
            store.unresolved.nanos(), entry.unresolved.nanos());
  hold_that(store.leased >= entry.reserved, "uncovered: {} has {} reserved, and the store leased {}", name(place),
            entry.reserved.nanos(), store.leased.nanos());
}

void Auditor::look_at_five(Place place, const Five& five, bool quiet) const {
  const Account& entry = account(place);
  const LimitBook& book = limit(place.limit);
  const Money most = std::max(Money::zero(), book.high - look(place).least);
  hold_that(!is_leased(place) || book.rolling || five.available <= most,
            "five numbers: {} shows {} available, and at most {} was", name(place), five.available.nanos(),
            most.nanos());
  if (!quiet) return;
  hold_that(spent_least(place) <= five.spent && five.spent <= spent_most(place) &&
                five.unresolved == entry.unresolved && five.reserved == entry.reserved,
            "five numbers: {} shows {} spent, {} unresolved, {} reserved, not {}, {}, {}", name(place),
            five.spent.nanos(), five.unresolved.nanos(), five.reserved.nanos(), spent_most(place).nanos(),
            entry.unresolved.nanos(), entry.reserved.nanos());
  const Money sum = five.available + five.reserved + five.unresolved + five.spent;
  hold_that(five.amount == sum || (five.available.is_zero() && five.amount < sum),
            "five numbers: {} shows {} of {} in all", name(place), sum.nanos(), five.amount.nanos());
}

void Auditor::check_record(const StoreRecord& record, const Exchange& exchange) const {
  hold_that(exchange.stage == Stage::ended, "exchange {} has a record, and has not ended or was lost", record.exchange);
  hold_that(record.cost == exchange.cost, "exchange {} cost {}, not {}", record.exchange, exchange.cost.nanos(),
            record.cost.nanos());
  const bool moved = record.transferred.has_value();
  hold_that(
      moved != record.cost.is_zero() && (!moved || *record.transferred == record.cost) && record.transfer_is_right,
      "exchange {}: the transfer does not say what the record says", record.exchange);
  hold_that(record.holds.size() == exchange.takings.size(), "exchange {} held {} limits, and its record says {}",
            record.exchange, exchange.takings.size(), record.holds.size());
  for (std::size_t i = 0; i < record.holds.size(); ++i) {
    const StoreHold& hold = record.holds[i];
    const Taking& taking = exchange.takings[i];
    const Booking& booking = exchange.bookings[i];
    hold_that(hold.place == taking.place && hold.reserved >= taking.amount && hold.spent == booking.spent &&
                  hold.unresolved == booking.unresolved,
              "exchange {} on {}: reserved {} spent {} unresolved {}, not {} {} {} on {}", record.exchange,
              name(hold.place), hold.reserved.nanos(), hold.spent.nanos(), hold.unresolved.nanos(),
              taking.amount.nanos(), booking.spent.nanos(), booking.unresolved.nanos(), name(taking.place));
  }
}

void Auditor::check_crashed_record(const StoreRecord& record, const Exchange& exchange) const {
  hold_that(record.cost.is_zero() && !record.transferred, "exchange {} has no end, and its record a cost",
            record.exchange);
  hold_that(record.holds.size() == exchange.takings.size(), "exchange {} held {} limits, and its record says {}",
            record.exchange, exchange.takings.size(), record.holds.size());
  for (std::size_t i = 0; i < record.holds.size(); ++i) {
    const StoreHold& hold = record.holds[i];
    const Taking& taking = exchange.takings[i];
    hold_that(hold.place == taking.place && hold.reserved == taking.amount && hold.spent.is_zero() &&
                  hold.unresolved <= taking.amount,
              "exchange {} on {}: has no end, and its record says {} reserved, {} spent, {} unresolved",
              record.exchange, name(hold.place), hold.reserved.nanos(), hold.spent.nanos(), hold.unresolved.nanos());
  }
}

std::vector<bool> Auditor::check_records(const std::vector<StoreRecord>& records,
                                         const std::map<Place, StoreNumbers>& store) const {
  std::vector<bool> has_record(exchanges_.empty() ? 0 : static_cast<std::size_t>(exchanges_.rbegin()->first) + 1);
  Sums sums;
  for (const StoreRecord& record : records) {
    for (const StoreHold& hold : record.holds) {
      sums[hold.place].spent += hold.spent;
      sums[hold.place].unresolved += hold.unresolved;
    }
    if (record.kind != RecordKind::exchange && record.kind != RecordKind::crashed) continue;
    const auto exchange = exchanges_.find(record.exchange);
    hold_that(exchange != exchanges_.end(), "invented: a record of exchange {}, which was not admitted",
              record.exchange);
    const auto number = static_cast<std::size_t>(record.exchange);
    hold_that(!has_record[number], "exchange {} has two records", record.exchange);
    has_record[number] = true;
    if (record.kind == RecordKind::exchange)
      check_record(record, exchange->second);
    else
      check_crashed_record(record, exchange->second);
  }
  for (const auto& [place, numbers] : store)
    hold_that(sums[place].spent == numbers.spent && sums[place].unresolved == numbers.unresolved,
              "{}: {} spent and {} unresolved, and its records say {} and {}", name(place), numbers.spent.nanos(),
              numbers.unresolved.nanos(), sums[place].spent.nanos(), sums[place].unresolved.nanos());
  return has_record;
}

// All that a sent exchange held, and what one that ended had come to. What it cost beyond what it held nobody leased,
// and so nobody can know of it.
void Auditor::owe(const Exchange& exchange, Owed& owed) {
  for (std::size_t i = 0; i < exchange.takings.size(); ++i) {
    const Taking& taking = exchange.takings[i];
    if (exchange.stage == Stage::sent) owed[taking.place] += taking.amount;
    if (exchange.stage != Stage::ended) continue;
    const Money booked = exchange.bookings[i].spent + exchange.bookings[i].unresolved;
    owed[taking.place] += std::min(booked, taking.amount);
    if (booked > taking.amount) ++figures_.lost_overruns;
  }
}

void Auditor::see_crashed(EndOfProcess how, const StoreRecord& record, Owed& owed, Owed& held) {
  Exchange& exchange = exchanges_.at(record.exchange);
  if (exchange.stage == Stage::crashed) return;  // of an earlier process
  ++figures_.crashed_records;
  hold_that(how != EndOfProcess::closed, "exchange {} has no end, and nothing crashed", record.exchange);
  hold_that(exchange.entered, "invented: exchange {} was not written down, and has a record", record.exchange);
  hold_that(how != EndOfProcess::killed || exchange.stage != Stage::ended,
            "lost: exchange {} ended before the process was killed, and its record says that it did not",
            record.exchange);
  for (const StoreHold& hold : record.holds) {
    hold_that(how != EndOfProcess::killed || hold.unresolved == hold.reserved,
              "lost: exchange {} held {} of {}, and {} is unresolved", record.exchange, hold.reserved.nanos(),
              name(hold.place), hold.unresolved.nanos());
    held[hold.place] += hold.unresolved;
  }
  owe(exchange, owed);
  exchange.stage = Stage::crashed;
}

void Auditor::see_missing(EndOfProcess how, int number, Exchange& exchange, Owed& owed) {
  hold_that(how != EndOfProcess::closed, "lost: exchange {} has no record, and nothing crashed", number);
  hold_that(how != EndOfProcess::killed || !exchange.entered,
            "lost: exchange {} was written down, and the kill left no record", number);
  hold_that(how != EndOfProcess::lost_power || !exchange.was_sent,
            "lost: exchange {} was sent, and the power loss left no record", number);
  ++figures_.lost_exchanges;
  owe(exchange, owed);
  exchange.stage = Stage::lost;
}

Auditor::Owed Auditor::overruns_since(const std::vector<bool>& has_record) {
  Owed overruns;
  for (auto& [number, exchange] : exchanges_) {
    if (exchange.recorded || !has_record[static_cast<std::size_t>(number)]) continue;
    exchange.recorded = true;
    for (std::size_t i = 0; i < exchange.bookings.size(); ++i) {
      const Money booked = exchange.bookings[i].spent + exchange.bookings[i].unresolved;
      const Taking& taking = exchange.takings[i];
      if (booked > taking.amount) overruns[taking.place] += booked - taking.amount;
    }
  }
  return overruns;
}

void Auditor::process_ended(EndOfProcess how, const std::vector<StoreRecord>& records,
                            const std::map<Place, StoreNumbers>& before, const std::map<Place, StoreNumbers>& store) {
  const std::vector<bool> has_record = check_records(records, store);
  Owed owed, held, unaccounted, overruns = overruns_since(has_record);
  for (const StoreRecord& record : records) {
    if (record.kind == RecordKind::crashed) see_crashed(how, record, owed, held);
    if (record.kind != RecordKind::unaccounted) continue;
    hold_that(record.holds.size() == 1 && record.cost.is_zero(), "an unaccounted record books a cost");
    unaccounted[record.holds.front().place] += record.holds.front().unresolved;
  }
  for (auto& [number, exchange] : exchanges_)
    if (!has_record[static_cast<std::size_t>(number)] && exchange.stage != Stage::lost)
      see_missing(how, number, exchange, owed);
  for (const auto& [place, numbers] : store) {
    Account& entry = accounts_[place];
    const Money fresh = unaccounted[place] - entry.unaccounted;
    hold_that(numbers.leased.is_zero(), "{}: {} is leased to nobody", name(place), numbers.leased.nanos());
    hold_that(held[place] + fresh >= owed[place],
              "lost: {} owes {} to exchanges that were lost, and {} is held for them", name(place), owed[place].nanos(),
              (held[place] + fresh).nanos());
    const bool is_known = how == EndOfProcess::closed || how == EndOfProcess::killed;
    hold_that(!is_known || fresh <= lost_grants_[place], "{}: {} is unaccounted for, and nothing was lost", name(place),
              fresh.nanos());
    // What a dead process had leased bounds what can be held for it; only overruns are beyond.
    const StoreNumbers& was = before.at(place);
    const Money most = was.spent + was.unresolved + was.leased + overruns[place];
    hold_that(numbers.spent + numbers.unresolved <= most, "invented: {} was {} at most, and recovery makes {} of it",
              name(place), most.nanos(), (numbers.spent + numbers.unresolved).nanos());
    entry.unaccounted = unaccounted[place];
    entry.spent = numbers.spent;
    entry.unresolved = numbers.unresolved;
    entry.reserved = Money::zero();
  }
  lost_grants_.clear();
  spend_anew();
}

void Auditor::at_rest(const std::vector<StoreRecord>& records, const std::map<Place, StoreNumbers>& store) {
  const std::vector<bool> has_record = check_records(records, store);
  for (auto& [place, entry] : accounts_) entry.unheard = false;
  for (const auto& [number, exchange] : exchanges_)
    hold_that(exchange.stage == Stage::lost || has_record[static_cast<std::size_t>(number)],
              "lost: all is quiet, and exchange {} has no record", number);
  for (const auto& [place, numbers] : store) {
    const Account& entry = account(place);
    hold_that(numbers.spent == entry.spent && numbers.unresolved == entry.unresolved,
              "{}: {} spent and {} unresolved in the store, not {} and {}", name(place), numbers.spent.nanos(),
              numbers.unresolved.nanos(), entry.spent.nanos(), entry.unresolved.nanos());
    const auto lost = lost_grants_.find(place);
    const Money allowed = lost == lost_grants_.end() ? Money::zero() : lost->second;
    hold_that(numbers.leased <= allowed, "not live: all is quiet, and {} has {} leased still", name(place),
              numbers.leased.nanos());
  }
}

std::vector<Place> Auditor::places() const {
  std::vector<Place> places;
  for (const auto& [place, entry] : accounts_) places.push_back(place);
  return places;
}

}  // namespace sim
