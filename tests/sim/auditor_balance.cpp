// What the auditor knows of a prepaid account: a grant is a place like a limit in its one window, and beside that the
// bookkeeper keeps the postings.
#include <algorithm>

#include "tests/sim/auditor.h"
#include "tests/sim/trouble.h"

namespace sim {
namespace {

Money positive(Money amount) { return std::max(amount, Money::zero()); }
Place place_of(int grant) { return {.limit = grant, .label = 0}; }

}  // namespace

void Auditor::grant_ordered(int number, GrantTerms terms) {
  grants_[number].terms.kind = LimitKind::grant;
  bookkeeper_.grant_ordered(number, std::move(terms));
}

void Auditor::see_books(const std::vector<Move>& moves, const std::vector<KeptGrant>& kept) {
  bookkeeper_.see(moves, kept);
  for (const KeptGrant& one : kept) {
    LimitBook& book = grants_.at(one.grant);
    // Who has not heard of less yet goes on with what was leased of more.
    book.low = bookkeeper_.amount(one.grant);
    book.high = std::max(book.high, bookkeeper_.credited(one.grant));
    book.highest = std::max(book.highest, book.high);
    accounts_[place_of(one.grant)];
  }
  note_books();
}

void Auditor::grants_told() {
  for (const int grant : bookkeeper_.grants())
    grants_.at(grant).high = grants_.at(grant).wanted = bookkeeper_.credited(grant);
}

void Auditor::note_books() {
  const Money debts = bookkeeper_.debts();
  const auto is_untold = [this](int grant) { return grants_.at(grant).wanted != bookkeeper_.credited(grant); };
  owed_ = owed_ || !debts.is_zero();
  const bool in_turmoil = !debts.is_zero() || std::ranges::any_of(bookkeeper_.grants(), is_untold);
  for (Looking& looking : looks_) {
    looking.debts = std::max(looking.debts, debts);
    looking.in_turmoil = looking.in_turmoil || in_turmoil;
    for (const int grant : bookkeeper_.grants()) {
      const Money now = bookkeeper_.credited(grant);
      const auto [at, fresh] = looking.credited.try_emplace(grant, now);
      at->second = std::min(at->second, now);
    }
  }
}

// --- what an exchange takes ------------------------------------------------------------------------------------------

// Never nothing: without money nothing is admitted.
Money Auditor::charge_of(const BalanceWant& want) {
  const auto charge = [&](Money bound) { return bound + share(bound, want.markup_basis_points); };
  const Money before = want.extends ? charge(*want.extends) : Money::zero();
  return std::max(charge(want.bound) - before, Money::from_nanos(1));
}

void Auditor::check_burn_order(const std::vector<Taking>& slices) const {
  for (std::size_t i = 1; i < slices.size(); ++i)
    hold_that(bookkeeper_.burns_before(slices[i - 1].place.limit, slices[i].place.limit),
              "{} is drawn on after {}, and burns before it", name(slices[i].place), name(slices[i - 1].place));
}

void Auditor::check_slices(int exchange, int node, const BalanceWant& want, const std::vector<Taking>& slices,
                           Span reach, bool of_quote) const {
  Money taken;
  for (const Taking& slice : slices) {
    taken += slice.amount;
    hold_that(slice.of_balance && is_grant(slice.place) && !slice.amount.is_zero(),
              "exchange {} has {} of {} as a slice of its balance", exchange, slice.amount.nanos(), name(slice.place));
    hold_that(std::ranges::count(want.known, slice.place.limit) == 1, "exchange {} draws on {}, which it does not know",
              exchange, name(slice.place));
  }
  hold_that(taken == charge_of(want), "all or nothing: exchange {} wants {} of its balance and holds {}", exchange,
            charge_of(want).nanos(), taken.nanos());
  check_burn_order(slices);
  if (is_fleet() || of_quote || want.store_failed || looks_.at(static_cast<std::size_t>(node)).in_turmoil) return;
  // What the account owed took from every grant, and a node that heard of it hears later that it is there again.
  if (owed_) return;
  // A grant is passed over only when nothing more of it was to be had.
  for (const int grant : want.known) {
    if (!bookkeeper_.is_usable(grant, reach.start, reach.end)) continue;
    if (!bookkeeper_.burns_before(grant, slices.back().place.limit)) continue;
    const Place place = place_of(grant);
    const Look seen = look(node, place);
    // That a quote has ended the keeper may hear of later than the store.
    const bool excused = lost_a_grant(place) || doubtful_.contains(grant) || unquoted_.contains(grant) ||
                         given_back_.contains(place) || seen.overrun || account(place).excused;
    const Money left = left_of_grant(node, grant, seen.most);
    hold_that(excused || left <= Money::zero(),
              "burn order: exchange {} draws on {}, and {} of grant {}, which burns before it, were left", exchange,
              name(slices.back().place), left.nanos(), grant);
  }
}

// What of the account's grants is owed, at the most: also by what was settled and not flushed.
Money Auditor::debts(int node) const {
  Money own;
  for (const int grant : bookkeeper_.grants()) {
    const Account& entry = account(place_of(grant));
    own += positive(entry.reserved + entry.spent + entry.unresolved + entry.quoted - bookkeeper_.credited(grant));
  }
  return std::max(own, looks_.at(static_cast<std::size_t>(node)).debts);
}

Money Auditor::left_of_grant(int node, int grant, Money held) const {
  const auto& credited = looks_.at(static_cast<std::size_t>(node)).credited;
  const auto least = credited.find(grant);
  return (least == credited.end() ? bookkeeper_.credited(grant) : least->second) - debts(node) - held;
}

// Burnt in the order of the slices; what none of them holds is the last one's overrun.
void Auditor::burn(const Exchange& exchange, Known known, std::vector<Booking>& bookings) const {
  Money charge = exchange.cost + share(exchange.cost, exchange.markup_basis_points);
  for (std::size_t i = bookings.size(); i < exchange.takings.size(); ++i) {
    const Money held = exchange.takings[i].amount;
    const Money spent = i + 1 == exchange.takings.size() ? charge : std::min(charge, held);
    charge -= spent;
    bookings.push_back(
        {.spent = spent, .unresolved = known == Known::at_least ? positive(held - spent) : Money::zero()});
  }
}

std::vector<Moved> Auditor::postings_of(const Exchange& exchange) const {
  using Kind = BookAccount::Kind;
  std::vector<Moved> postings;
  const auto add = [&](BookAccount from, BookAccount to, Money amount) {
    if (!amount.is_zero()) postings.push_back({from, to, amount});
  };
  Money paid;
  add({Kind::spender}, {Kind::provider}, exchange.cost);
  for (std::size_t i = 0; i < exchange.takings.size(); ++i) {
    if (!exchange.takings[i].of_balance) continue;
    const BookAccount grant{Kind::grant, exchange.takings[i].place.limit};
    add(grant, {Kind::spender}, exchange.bookings[i].spent);
    add(grant, {Kind::unresolved}, exchange.bookings[i].unresolved);
    paid += exchange.bookings[i].spent;
  }
  add({Kind::spender}, {Kind::revenue}, positive(paid - exchange.cost));
  return postings;
}

// --- what is refused -------------------------------------------------------------------------------------------------

void Auditor::refused_as_insufficient(int node, const BalanceWant& want, Money required) const {
  hold_that(required == charge_of(want), "{} of the balance were asked for, and {} are refused",
            charge_of(want).nanos(), required.nanos());
  const Looking& looking = looks_.at(static_cast<std::size_t>(node));
  const auto is_usable = [&](int grant) {
    return std::ranges::count(want.known, grant) == 1 &&
           bookkeeper_.is_usable(grant, looking.began_ms, clock_.late_ms());
  };
  // What a grant owes that is over, or not known yet, shows in the others only, and counts against each of them.
  const bool owes_elsewhere = std::ranges::any_of(bookkeeper_.grants(), [&](int grant) { return !is_usable(grant); });
  const Money owed = owes_elsewhere ? debts(node) : Money::zero();
  Money left = Money::zero() - owed;
  for (const int grant : bookkeeper_.grants()) {
    if (!is_usable(grant)) continue;
    const Account& entry = account(place_of(grant));
    const auto credited = looking.credited.find(grant);
    Money here = (credited == looking.credited.end() ? bookkeeper_.credited(grant) : credited->second) - entry.spent -
                 entry.unresolved;
    if (const auto silent = looking.expired.find(place_of(grant)); silent != looking.expired.end())
      here -= silent->second;
    if (const auto unheard = given_back_.find(place_of(grant)); unheard != given_back_.end()) here -= unheard->second;
    left += here - owed;
  }
  hold_that(left - want.held < required, "false refusal: insufficient_balance for {}, and {} are left",
            required.nanos(), left.nanos());
}

bool Auditor::balance_in_the_way(int node, const BalanceWant& want, Money required) const {
  const Looking& looking = looks_.at(static_cast<std::size_t>(node));
  Money left = Money::zero() - debts(node);
  for (const int grant : want.known) {
    if (!bookkeeper_.knows(grant)) continue;
    const Place place = place_of(grant);
    const Look seen = look(node, place);
    if (lost_a_grant(place) || seen.overrun || doubtful_.contains(grant) || looking.others.contains(place)) return true;
    if (bookkeeper_.is_usable(grant, looking.began_ms, clock_.late_ms())) {
      const auto credited = looking.credited.find(grant);
      left +=
          positive((credited == looking.credited.end() ? bookkeeper_.credited(grant) : credited->second) - seen.most);
    }
  }
  return left < required;
}

Money Auditor::balance_left() const {
  Money left = Money::zero() - bookkeeper_.debts();
  for (const int grant : bookkeeper_.grants())
    if (bookkeeper_.is_usable(grant, clock_.early_ms(), clock_.late_ms()))
      left += positive(bookkeeper_.credited(grant) - held(place_of(grant)));
  return left;
}

bool Auditor::lost_of_balance() const {
  return std::ranges::any_of(bookkeeper_.grants(), [this](int grant) { return lost_a_grant(place_of(grant)); });
}

void Auditor::balance_at_rest() const {
  for (const int grant : bookkeeper_.grants())
    hold_that(!bookkeeper_.is_over(grant, clock_.early_ms()) || lost_a_grant(place_of(grant)) ||
                  bookkeeper_.credited(grant) <= held(place_of(grant)),
              "grant {} is over, and {} are left in it", grant,
              (bookkeeper_.credited(grant) - held(place_of(grant))).nanos());
}

}  // namespace sim
