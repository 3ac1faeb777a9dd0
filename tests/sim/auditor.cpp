#include "tests/sim/auditor.h"

#include <algorithm>

#include "tests/sim/trouble.h"

namespace sim {
const Auditor::Account& Auditor::account(Place place) const {
  static const Account untouched;
  const auto found = accounts_.find(place);
  return found == accounts_.end() ? untouched : found->second;
}

// --- limits --------------------------------------------------------------------------------------------------------

void Auditor::edit_begins(int number, Money amount, std::optional<RaisedTo> raise) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(number));
  book.edited = true;
  book.opening = false;
  if (book.raised != raise) book.raised.reset();
  book.wanted_raise = raise;
  if (raise) {
    book.maybe_raised.push_back(*raise);
    book.highest = std::max(book.highest, raise->amount);
    book.was_raised = true;
  }
  book.low = std::min(book.low, amount);
  book.high = std::max(book.high, amount);
  book.wanted = amount;
  book.highest = std::max(book.highest, amount);
  book.certain = false;
}

void Auditor::edit_ends(int number, bool certain) {
  LimitBook& book = limits_.at(static_cast<std::size_t>(number));
  // What stands above a lowered amount stays there; but nothing may be added to it.
  const Money stays = std::max(book.wanted, book.wanted_raise ? book.wanted_raise->amount : Money::zero());
  const bool lowered =
      book.wanted < book.high ||
      std::ranges::any_of(book.maybe_raised, [&](const RaisedTo& raise) { return raise.amount > stays; });
  for (auto& [place, entry] : accounts_)
    if (place.limit == number && lowered) entry.excused = true;
  if (!certain) return;
  book.low = book.high = book.wanted;
  book.raised = book.wanted_raise;
  book.maybe_raised.clear();
  if (book.raised) book.maybe_raised.push_back(*book.raised);
  book.certain = true;
}

Money Auditor::high_since(const LimitBook& book, std::int64_t ms) const {
  Money high = book.high;
  // A fleet's nodes are told one after another, and a raise may be over before the last one is.
  const bool being_told = is_fleet() && !book.certain;
  for (const RaisedTo& raise : book.maybe_raised)
    if (ms < raise.until_ms || being_told) high = std::max(high, raise.amount);
  return high;
}

Money Auditor::low(const LimitBook& book) const {
  if (!book.raised || clock_.late_ms() >= book.raised->until_ms) return book.low;
  return std::max(book.low, book.raised->amount);
}

bool Auditor::certain_of(int number) const { return limit(number).certain; }
bool Auditor::excused(Place place) const { return account(place).excused; }
bool Auditor::excused_any(const std::vector<Want>& wants, const std::optional<BalanceWant>& balance) const {
  return std::ranges::any_of(accounts_, [&](const auto& entry) {
    const int number = entry.first.limit;
    const bool is_wanted = std::ranges::count(wants, number, &Want::limit) > 0;
    return entry.second.excused && (is_wanted || (balance && std::ranges::count(balance->known, number) > 0));
  });
}

// --- what counts ---------------------------------------------------------------------------------------------------

Money Auditor::spent_least(Place place) const {
  const auto& rolling = limit(place.limit).terms.rolling;
  const Account& entry = account(place);
  if (!rolling) return entry.spent;
  Money sum;
  for (auto at = entry.by_first.upper_bound(clock_.late_ms() - rolling->span_ms); at != entry.by_first.end(); ++at)
    sum += at->second;
  return sum;
}

std::int64_t Auditor::any_look_began_ms() const {
  std::int64_t from = clock_.early_ms();
  for (const Looking& looking : looks_) from = std::min(from, looking.began_ms);
  return from;
}

Money Auditor::spent_most(Place place) const {
  const auto& rolling = limit(place.limit).terms.rolling;
  const Account& entry = account(place);
  if (!rolling) return entry.spent;
  Money sum;
  for (auto at =
           entry.by_last.lower_bound(any_look_began_ms() - rolling->span_ms - rolling->slack_ms - clock_.max_skew_ms);
       at != entry.by_last.end(); ++at)
    sum += at->second;
  return sum;
}

void Auditor::spend(Place place, Span reach, Money amount) {
  Account& entry = accounts_.at(place);
  entry.spent += amount;
  if (!limit(place.limit).terms.rolling || amount.is_zero()) return;
  entry.by_first[reach.start] += amount;
  entry.by_last[reach.end] += amount;
  entry.unheard = true;
}

// A crash takes away what was held by those that it lost, and `unaccounted` records stand for them.
void Auditor::sum_up() {
  for (auto& [place, entry] : accounts_) {
    entry.reserved = entry.spent = Money::zero();
    entry.unresolved = entry.unaccounted;
    entry.by_first.clear();
    entry.by_last.clear();
    entry.unheard = false;
  }
  for (const auto& [number, exchange] : exchanges_) {
    const bool open = exchange.stage == Stage::reserved || exchange.stage == Stage::sent;
    const bool booked = exchange.stage == Stage::ended || exchange.stage == Stage::crashed;
    for (std::size_t i = 0; i < exchange.takings.size(); ++i) {
      Account& entry = accounts_[exchange.takings[i].place];
      if (open) entry.reserved += exchange.takings[i].amount;
      if (!booked) continue;
      spend(exchange.takings[i].place, exchange.reach, exchange.bookings[i].spent);
      entry.unresolved += exchange.bookings[i].unresolved;
    }
  }
  for (const auto* const handed_out : {&extensions_, &to_take_on_})
    for (const auto& [number, extension] : *handed_out)
      for (const Taking& part : extension.parts) accounts_[part.place].reserved += part.amount;
  for (const Opened& opened : openings_) count_by_opening(opened);
  if (is_fleet()) return;
  for (auto& [place, entry] : accounts_) entry.unheard = false;
}

void Auditor::begin_look(int node) {
  Looking& looking = looks_.at(static_cast<std::size_t>(node));
  looking = {.began_ms = clock_.early_ms()};
  note_out(looking, static_cast<std::size_t>(node));
  note_books();
}

void Auditor::look_at_leases(std::map<Place, Out> out) {
  out_ = std::move(out);
  for (std::size_t node = 0; node < looks_.size(); ++node) note_out(looks_[node], node);
}

void Auditor::note_out(Looking& looking, std::size_t node) const {
  for (const auto& [place, out] : out_) {
    looking.expired[place] = std::max(looking.expired[place], out.expired);
    // What comes back to a row that has expired, the node's own too, is there for others after one more call.
    if (!out.expired.is_zero()) looking.others.insert(place);
    for (std::size_t other = 0; other < out.leased.size(); ++other)
      if (other != node && !out.leased[other].is_zero()) looking.others.insert(place);
  }
}

void Auditor::time_stepped_back() {
  for (auto& [place, entry] : accounts_)
    if (limit(place.limit).terms.rolling) entry.excused = true;
}

// --- exchanges -----------------------------------------------------------------------------------------------------

void Auditor::admitted(int exchange, int node, const std::vector<Want>& wants, const std::vector<Taking>& takings,
                       Span reach, const std::optional<BalanceWant>& balance, std::optional<int> quote) {
  hold_that(!exchanges_.contains(exchange), "exchange {} was admitted twice", exchange);
  const auto slices = std::ranges::find_if(takings, &Taking::of_balance);
  hold_that(std::cmp_equal(wants.size(), slices - takings.begin()),
            "all or nothing: exchange {} wants {} limits and holds {}", exchange, wants.size(),
            slices - takings.begin());
  for (std::size_t i = 0; i < takings.size(); ++i) {
    const Taking& taking = takings[i];
    hold_that(i >= wants.size() || (taking.place.limit == wants[i].limit && taking.amount == wants[i].amount),
              "all or nothing: exchange {} wants a limit and holds {} of limit {}", exchange, taking.amount.nanos(),
              taking.place.limit);
    Account& entry = accounts_[taking.place];
    hold_that(!entry.span || *entry.span == taking.span, "{} is not one window: [{}, {}) and [{}, {})",
              name(taking.place), entry.span->start, entry.span->end, taking.span.start, taking.span.end);
    entry.span = taking.span;
    // One moment of the decision lies in every window.
    reach = {.start = std::max(reach.start, taking.span.start), .end = std::min(reach.end, taking.span.end - 1)};
    check_room(exchange, taking, reach.start, quote);
    note_held(taking.place);
    entry.reserved += taking.amount;
    note_held(taking.place);
  }
  hold_that(reach.start <= reach.end, "exchange {}: no moment of the decision lies in all its windows", exchange);
  if (balance) check_slices(exchange, node, *balance, {slices, takings.end()}, reach, quote.has_value());
  hold_that(balance || slices == takings.end(), "exchange {} is paid by a balance, and its account has none", exchange);
  exchanges_[exchange].markup_basis_points = balance ? balance->markup_basis_points : 0;
  exchanges_[exchange].node = node;
  exchanges_[exchange].takings = takings;
  exchanges_[exchange].reach = reach;
}

void Auditor::check_room(int exchange, const Taking& taking, std::int64_t since_ms, std::optional<int> quote) const {
  const LimitBook& book = limit(taking.place.limit);
  const Account& entry = account(taking.place);
  const Money spent = spent_least(taking.place);
  const Money high = high_since(book, since_ms);
  const Money held_already = entry.reserved + spent + entry.unresolved + entry.quoted;
  // What a quote held goes to whoever asks next, if its redemption was never heard of; and spend counts again since.
  const bool is_found_again = book.terms.rolling && entry.excused && lost_a_grant(taking.place);
  hold_that(is_found_again || taking.amount <= carried(quote, taking.place) ||
                held_already + taking.amount <= high + entry.overrun,
            "never over: exchange {} got {} of {}, which allows {} and has {} reserved, {} spent, {} unresolved, {} "
            "quoted",
            exchange, taking.amount.nanos(), name(taking.place), high.nanos(), entry.reserved.nanos(), spent.nanos(),
            entry.unresolved.nanos(), entry.quoted.nanos());
  if (book.opening) return;
  const Money heard = spent - entry.decided - entry.found;
  hold_that(book.terms.kind != LimitKind::lazy || is_fleet() || heard < high || quote_names(quote, taking.place.limit),
            "over: exchange {} was admitted on {}, which is lazy, allows {} and has {} spent", exchange,
            name(taking.place), high.nanos(), spent.nanos());
  hold_that(is_fleet() || !is_blocked(book, high, heard) || quote_names(quote, taking.place.limit),
            "over: exchange {} was admitted on {}, which is blocked with {} spent", exchange, name(taking.place),
            spent.nanos());
}

void Auditor::began(int exchange, Call call) {
  const Span reach = exchanges_.at(exchange).reach;
  hold_that(reach.start <= call.stamp_ms && call.stamp_ms <= reach.end,
            "exchange {} is said to have begun at {} ms, and was decided from {} to {}", exchange, call.stamp_ms,
            reach.start, reach.end);
  exchanges_.at(exchange).call = std::move(call);
}

void Auditor::entered(int exchange) { exchanges_.at(exchange).entered = true; }

void Auditor::sent(int number, bool is_sent) {
  Exchange& exchange = exchanges_.at(number);
  exchange.stage = is_sent ? Stage::sent : Stage::reserved;
  exchange.was_sent = is_sent;
}

void Auditor::ended(int number, Money cost, std::vector<Booking> bookings, Known known, std::optional<Money> tokens) {
  Exchange& exchange = exchanges_.at(number);
  exchange.tokens = tokens;
  exchange.stage = Stage::ended;
  exchange.cost = cost;
  if (bookings.empty() && cost.is_zero() && known == Known::all)
    bookings.resize(exchange.takings.size());
  else
    burn(exchange, known, bookings);
  exchange.bookings = bookings;
  for (std::size_t i = 0; i < bookings.size(); ++i) {
    const Taking& taking = exchange.takings[i];
    Account& entry = accounts_.at(taking.place);
    note_held(taking.place);
    entry.reserved -= taking.amount;
    spend(taking.place, exchange.reach, bookings[i].spent);
    entry.unresolved += bookings[i].unresolved;
    note_held(taking.place);
    if (!is_leased(taking.place) || bookings[i].spent <= taking.amount) continue;
    entry.excused = true;
    // Another node may go on with what it has leased, until it hears of it.
    if (is_fleet()) entry.overrun += bookings[i].spent - taking.amount;
    for (Looking& looking : looks_) looking.looks[taking.place].overrun = true;
  }
}

void Auditor::refused_as_reached(int node, const std::vector<Shortage>& shortages) const {
  hold_that(!shortages.empty(), "a refusal names no limit");
  const Shortage& first = shortages.front();
  const LimitBook& book = limit(first.place.limit);
  hold_that(book.terms.kind != LimitKind::shadow, "false refusal: {} is in shadow", name(first.place));
  const Money spent = spent_most(first.place);
  const auto& expired = looks_.at(static_cast<std::size_t>(node)).expired;
  const auto silent = expired.find(first.place);  // what nodes have that are not heard of is unresolved
  Money unresolved = account(first.place).unresolved + (silent == expired.end() ? Money::zero() : silent->second);
  if (const auto unheard = given_back_.find(first.place); unheard != given_back_.end()) unresolved += unheard->second;
  if (is_blocked(book, low(book), spent)) return;
  const bool is_reached = book.terms.kind == LimitKind::lazy
                              ? spent >= low(book)
                              : spent + unresolved + first.own + first.required > low(book);
  hold_that(is_reached, "false refusal: limit_reached for {} of {}, which allows {} and has {} spent, {} unresolved",
            first.required.nanos(), name(first.place), low(book).nanos(), spent.nanos(), unresolved.nanos());
  if (book.terms.kind == LimitKind::lazy) return;
  for (const Shortage& shortage : shortages)
    hold_that(!shortage.available.is_negative() &&
                  (!is_leased(shortage.place) || !limit(shortage.place.limit).terms.thresholds.empty() ||
                   shortage.available < shortage.required),
              "a shortage of {} with {} available", shortage.required.nanos(), shortage.available.nanos());
}

void Auditor::refused_as_busy(int node, const std::vector<Shortage>& shortages) const {
  hold_that(!shortages.empty(), "a refusal names no limit");
  for (const Shortage& shortage : shortages) {
    const Account& entry = account(shortage.place);
    const LimitBook& book = limit(shortage.place.limit);
    hold_that(is_leased(shortage.place) || book.terms.rolling, "false refusal: limit_busy of {}, which holds nothing",
              name(shortage.place));
    const Money spent = spent_least(shortage.place);
    // Of a rolling limit the keeper cannot tell while a flush is in doubt, and waiting is the milder word. And it does
    // not know what other nodes have spent and not flushed.
    hold_that(is_fleet() || !book.certain || entry.excused || book.terms.rolling ||
                  spent + entry.unresolved + shortage.own + shortage.required <= high_in_look(book, node),
              "false refusal: limit_busy for {} of {}, where waiting cannot help: {} allowed, {} spent, {} unresolved",
              shortage.required.nanos(), name(shortage.place), high_in_look(book, node).nanos(), spent.nanos(),
              entry.unresolved.nanos());
  }
  const std::set<Place>& others = looks_.at(static_cast<std::size_t>(node)).others;
  const auto in_the_way = [&](const Shortage& shortage) {
    const Look seen = look(node, shortage.place);
    return !is_leased(shortage.place) || lost_a_grant(shortage.place) || seen.overrun ||
           doubtful_.contains(shortage.place.limit) || account(shortage.place).unheard ||
           limit(shortage.place.limit).was_raised ||
           (limit(shortage.place.limit).terms.rolling && !limit(shortage.place.limit).terms.thresholds.empty()) ||
           others.contains(shortage.place) || seen.most + shortage.required > low(limit(shortage.place.limit));
  };
  const Place place = shortages.front().place;
  hold_that(std::ranges::any_of(shortages, in_the_way),
            "false refusal: limit_busy for {} of {}, where nobody stood in the way: {} allowed, {} held",
            shortages.front().required.nanos(), name(place), low(limit(place.limit)).nanos(), held(place).nanos());
}

void Auditor::note_held(Place place) {
  const Money now = held(place);
  for (Looking& looking : looks_) {
    const auto [at, fresh] = looking.looks.try_emplace(place, Look{now, now});
    at->second.most = std::max(at->second.most, now);
    at->second.least = std::min(at->second.least, now);
  }
}

void Auditor::note_all_held() {
  for (const auto& [place, entry] : accounts_) note_held(place);
}

Auditor::Look Auditor::look(int node, Place place) const {
  const auto& looks = looks_.at(static_cast<std::size_t>(node)).looks;
  const auto found = looks.find(place);
  return found == looks.end() ? Look{held(place), held(place)} : found->second;
}

Money Auditor::left(Place place) const {
  return high_since(limit(place.limit), clock_.over_ms()) - spent_most(place) - account(place).unresolved;
}
Money Auditor::left_by_any_count(Place place) const {
  return high_since(limit(place.limit), clock_.over_ms()) - spent_least(place) - account(place).unresolved;
}
Money Auditor::left_at_most(Place place) const {
  return limit(place.limit).highest - spent_least(place) - account(place).unresolved + account(place).found;
}
Money Auditor::reserved(Place place) const { return account(place).reserved; }
Money Auditor::held(Place place) const {
  const Account& entry = account(place);
  return entry.reserved + spent_most(place) + entry.unresolved + entry.quoted;
}

}  // namespace sim
