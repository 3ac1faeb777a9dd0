// What the auditor makes of the store's words.
#include <algorithm>

#include "tests/sim/auditor.h"
#include "tests/sim/trouble.h"

namespace sim {

void Auditor::look_at(Place place, const StoreNumbers& store) const {
  const Account& entry = account(place);
  const LimitBook& book = limit(place.limit);
  hold_that(!store.leased.is_negative(), "{}: the store has {} leased", name(place), store.leased.nanos());
  const Money high = high_since(book, clock_.over_ms());
  hold_that(is_grant(place) ? store.amount == bookkeeper_.amount(place.limit)
                            : low(book) <= store.amount && store.amount <= high,
            "{}: the store allows {}, not {} to {}", name(place), store.amount.nanos(), low(book).nanos(),
            high.nanos());
  // What a raise has let in stays when it ends. How much is handed out of a grant the bookkeeper sees. What was taken
  // on of a limit that came into force, and was not leased before the node's epoch ended, others may have leased.
  const Money most = (book.was_raised ? book.highest : high) + (is_fleet() ? entry.taken_on : Money::zero());
  hold_that(is_grant(place) || entry.excused || !is_leased(place) ||
                store.spent + store.leased + store.unresolved + store.quoted <= most,
            "never over: {} allows {}; the store has {} spent, {} leased, {} unresolved, {} quoted", name(place),
            most.nanos(), store.spent.nanos(), store.leased.nanos(), store.unresolved.nanos(), store.quoted.nanos());
  hold_that(store.quoted <= entry.quoted && store.quoted >= quoted_least(place),
            "{}: {} is quoted in the store, and its quotes hold {}", name(place), store.quoted.nanos(),
            entry.quoted.nanos());
  const Money spent = spent_most(place);
  hold_that(store.spent <= spent, "invented: {} has {} spent in the store, and {} was", name(place),
            store.spent.nanos(), spent.nanos());
  hold_that(store.unresolved - store.expired <= entry.unresolved,
            "invented: {} has {} unresolved in the store, and {} is", name(place),
            (store.unresolved - store.expired).nanos(), entry.unresolved.nanos());
  hold_that(store.leased + store.expired >= entry.reserved - entry.taken_on,
            "uncovered: {} has {} reserved, and the store leased {}", name(place), entry.reserved.nanos(),
            (store.leased + store.expired).nanos());
}

void Auditor::look_at_five(int node, Place place, const Five& five, bool quiet) const {
  const Account& entry = account(place);
  const LimitBook& book = limit(place.limit);
  // Of a quote whose time is over nothing is shown, whether or not the store has ended it.
  const Money over = entry.quoted - quoted_least(place);
  const Money most = std::max(Money::zero(), high_in_look(book, node) + entry.overrun + over - look(node, place).least);
  hold_that(!is_leased(place) || book.terms.rolling || five.available <= most,
            "five numbers: {} shows {} available, and at most {} was", name(place), five.available.nanos(),
            most.nanos());
  if (!quiet) return;
  hold_that(is_fleet() || (spent_least(place) <= five.spent && five.spent <= spent_most(place) &&
                           five.unresolved == entry.unresolved &&
                           (doubtful_.contains(place.limit) || (entry.reserved + quoted_least(place) <= five.reserved &&
                                                                five.reserved <= entry.reserved + entry.quoted))),
            "five numbers: {} shows {} spent, {} unresolved, {} reserved, not {}, {}, {} and {} quoted", name(place),
            five.spent.nanos(), five.unresolved.nanos(), five.reserved.nanos(), spent_most(place).nanos(),
            entry.unresolved.nanos(), entry.reserved.nanos(), entry.quoted.nanos());
  const Money sum = five.available + five.reserved + five.unresolved + five.spent;
  hold_that(five.amount == sum || (five.available.is_zero() && five.amount < sum),
            "five numbers: {} shows {} of {} in all", name(place), sum.nanos(), five.amount.nanos());
}

void Auditor::check_record(const StoreRecord& record, const Exchange& exchange) const {
  hold_that(exchange.stage == Stage::ended, "exchange {} has a record, and has not ended or was lost", record.exchange);
  hold_that(record.cost == exchange.cost, "exchange {} cost {}, not {}", record.exchange, exchange.cost.nanos(),
            record.cost.nanos());
  hold_that(record.postings.value_or(std::vector<Moved>()) == postings_of(exchange),
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
  hold_that(record.cost.is_zero(), "exchange {} has no end, and its record a cost", record.exchange);
  std::vector<Moved> held;
  for (const StoreHold& hold : record.holds)
    if (is_grant(hold.place) && !hold.unresolved.is_zero())
      held.push_back({{BookAccount::Kind::grant, hold.place.limit}, {BookAccount::Kind::unresolved}, hold.unresolved});
  hold_that(record.postings.value_or(std::vector<Moved>()) == held,
            "exchange {} has no end, and its transfer moves something else than what is held for it", record.exchange);
  const auto version = version_of(record, exchange);
  hold_that(version.has_value(), "exchange {} held {} limits, and its record says {}, or not what it held of them",
            record.exchange, exchange.takings.size(), record.holds.size());
  const std::vector<Taking>& takings = takings_of(exchange, *version);
  for (std::size_t i = 0; i < record.holds.size(); ++i) {
    const StoreHold& hold = record.holds[i];
    const Taking& taking = takings[i];
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
  check_corrections(records);
  for (const auto& [place, numbers] : store)
    hold_that(sums[place].spent == numbers.spent && sums[place].unresolved == numbers.unresolved - numbers.expired,
              "{}: {} spent and {} unresolved, and its records say {} and {}", name(place), numbers.spent.nanos(),
              (numbers.unresolved - numbers.expired).nanos(), sums[place].spent.nanos(),
              sums[place].unresolved.nanos());
  return has_record;
}

// All that a sent exchange held, and what one that ended had come to. What it cost beyond what it held nobody leased,
// and so nobody can know of it.
void Auditor::owe(const Exchange& exchange, Owed& owed) {
  for (std::size_t i = 0; i < exchange.takings.size(); ++i) {
    const Taking& taking = exchange.takings[i];
    if (taking.taken_on) continue;  // whether the store had so much nobody knows
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
  const std::size_t version = version_of(record, exchange).value();
  hold_that(how != EndOfProcess::killed || version == exchange.earlier.size(),
            "lost: exchange {} was extended before the process was killed, and its record does not say so",
            record.exchange);
  hold_that(how != EndOfProcess::lost_power || version >= exchange.relayed,
            "lost: exchange {} was extended and relayed, and the power loss left no record of it", record.exchange);
  if (version < exchange.earlier.size()) exchange.call.bound = exchange.earlier[version].bound;
  exchange.takings = takings_of(exchange, version);
  exchange.earlier.clear();
  exchange.stage = Stage::crashed;
  exchange.cost = Money::zero();
  exchange.tokens.reset();
  exchange.bookings.clear();
  for (const StoreHold& hold : record.holds) exchange.bookings.push_back({.spent = {}, .unresolved = hold.unresolved});
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

void Auditor::process_ended(int node, EndOfProcess how, const std::vector<StoreRecord>& records,
                            const std::map<Place, StoreNumbers>& before, const std::map<Place, StoreNumbers>& store) {
  note_all_held();
  check_quoted(store);
  const std::vector<bool> has_record = check_records(records, store);
  extensions_end(node);
  Owed owed, held, unaccounted, overruns = overruns_since(has_record);
  for (const StoreRecord& record : records) {
    if (record.kind == RecordKind::crashed) see_crashed(how, record, owed, held);
    if (record.kind != RecordKind::unaccounted) continue;
    hold_that(record.holds.size() == 1 && record.cost.is_zero(), "an unaccounted record books a cost");
    unaccounted[record.holds.front().place] += record.holds.front().unresolved;
  }
  for (auto& [number, exchange] : exchanges_)
    if (exchange.node == node && !has_record[static_cast<std::size_t>(number)] && exchange.stage != Stage::lost)
      see_missing(how, number, exchange, owed);
  for (const auto& [place, numbers] : store) {
    Account& entry = accounts_[place];
    const Money fresh = unaccounted[place] - entry.unaccounted;
    hold_that(numbers.leased_to.is_zero() && (is_fleet() || numbers.leased.is_zero()), "{}: {} is leased to nobody",
              name(place), numbers.leased.nanos());
    // What was taken on beyond what the store had leaves the row as if it had been leased, and the row is the bound.
    hold_that(held[place] + fresh + entry.taken_on >= owed[place],
              "lost: {} owes {} to exchanges that were lost, and {} is held for them", name(place), owed[place].nanos(),
              (held[place] + fresh).nanos());
    const bool is_known = how == EndOfProcess::closed || how == EndOfProcess::killed;
    hold_that(!is_known || fresh <= lost_grants_[place], "{}: {} is unaccounted for, and nothing was lost", name(place),
              fresh.nanos());
    // What a dead process had leased bounds what can be held for it; only overruns are beyond.
    const StoreNumbers& was = before.at(place);
    const Money most = was.spent + was.unresolved + was.leased + overruns[place] + entry.taken_on;
    hold_that(numbers.spent + numbers.unresolved <= most, "invented: {} was {} at most, and recovery makes {} of it",
              name(place), most.nanos(), (numbers.spent + numbers.unresolved).nanos());
    entry.unaccounted = unaccounted[place];
  }
  if (!is_fleet()) lost_grants_.clear();
  sum_up();
  note_all_held();
}

void Auditor::at_rest(const std::vector<StoreRecord>& records, const std::map<Place, StoreNumbers>& store) {
  const std::vector<bool> has_record = check_records(records, store);
  check_quoted(store);
  doubtful_.clear();
  owed_ = false;
  unquoted_.clear();
  given_back_.clear();
  told_in_doubt_.clear();
  for (auto& [place, entry] : accounts_) {
    hold_that(entry.quoted.is_zero(), "not live: all is quiet, and {} has {} quoted still", name(place),
              entry.quoted.nanos());
    entry.unheard = false;
    entry.found = entry.overrun = entry.decided = Money::zero();
  }
  for (const auto& [number, exchange] : exchanges_)
    hold_that(exchange.stage == Stage::lost || has_record[static_cast<std::size_t>(number)],
              "lost: all is quiet, and exchange {} has no record", number);
  for (const auto& [place, numbers] : store) {
    const Account& entry = account(place);
    hold_that(numbers.spent == entry.spent && numbers.unresolved == entry.unresolved,
              "{}: {} spent and {} unresolved in the store, not {} and {}", name(place), numbers.spent.nanos(),
              numbers.unresolved.nanos(), entry.spent.nanos(), entry.unresolved.nanos());
    const auto lost = lost_grants_.find(place);
    const Money allowed = lost == lost_grants_.end() || is_fleet() ? Money::zero() : lost->second;
    hold_that(numbers.leased + numbers.expired <= allowed, "not live: all is quiet, and {} has {} leased still",
              name(place), (numbers.leased + numbers.expired).nanos());
  }
  check_fired();
  if (is_fleet()) lost_grants_.clear();  // what nobody heard of was found in the rows
}

// --- thresholds ------------------------------------------------------------------------------------------------------

// The percentage of the amount, rounded up; without spend nothing is crossed.
Money Auditor::level_of(int percent, Money amount) {
  const __int128 product = static_cast<__int128>(amount.nanos()) * percent;
  return std::max(Money::from_nanos(static_cast<std::int64_t>((product + 99) / 100)), Money::from_nanos(1));
}

bool Auditor::is_blocked(const LimitBook& book, Money amount, Money spent) {
  return book.terms.kind != LimitKind::shadow && std::ranges::any_of(book.terms.thresholds, [&](const Threshold& one) {
           return one.blocks && spent >= level_of(one.percent, amount);
         });
}

void Auditor::crossed(const Crossing& crossing) {
  ++figures_.crossings;
  const LimitBook& book = limit(crossing.place.limit);
  hold_that(std::ranges::count(book.terms.thresholds, crossing.percent, &Threshold::percent) == 1,
            "{} has no threshold at {} %", name(crossing.place), crossing.percent);
  // A raise may have ended since whoever told the store has looked at the clock.
  hold_that(crossing.amount <= high_since(book, any_look_began_ms()) && crossing.spent <= spent_most(crossing.place) &&
                crossing.spent >= level_of(crossing.percent, crossing.amount),
            "{}: {} of {} do not cross {} %", name(crossing.place), crossing.spent.nanos(), crossing.amount.nanos(),
            crossing.percent);
  const bool fresh = fired_.emplace(crossing.place, crossing.percent).second;
  hold_that(fresh || book.edited || book.terms.rolling, "{}: {} % were crossed twice", name(crossing.place),
            crossing.percent);
}

// Where nothing but spend moves a limit each threshold is crossed once, and none is missed.
void Auditor::check_fired() const {
  for (const auto& [place, entry] : accounts_) {
    const LimitBook& book = limit(place.limit);
    if (book.edited || book.terms.rolling) continue;
    for (const Threshold& one : book.terms.thresholds)
      hold_that(fired_.contains({place, one.percent}) == (entry.spent >= level_of(one.percent, book.high)),
                "{}: {} % of {} were crossed, or not, and it is told otherwise: {} are spent", name(place), one.percent,
                book.high.nanos(), entry.spent.nanos());
  }
}

std::vector<Place> Auditor::places() const {
  std::vector<Place> places;
  for (const auto& [place, entry] : accounts_) places.push_back(place);
  return places;
}

}  // namespace sim
