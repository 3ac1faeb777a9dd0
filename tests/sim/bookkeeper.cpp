#include "tests/sim/bookkeeper.h"

#include <algorithm>
#include <ranges>
#include <tuple>

#include "tests/sim/trouble.h"

namespace sim {
namespace {

using Kind = BookAccount::Kind;

constexpr std::int64_t whole = 10'000;  // basis points

Money positive(Money amount) { return std::max(amount, Money::zero()); }
BookAccount grant_account(int grant) { return {.kind = Kind::grant, .grant = grant}; }

}  // namespace

Money share(Money amount, std::int64_t basis_points) {
  const __int128 product = static_cast<__int128>(amount.nanos()) * basis_points;
  return Money::from_nanos(static_cast<std::int64_t>((product + whole - 1) / whole));
}

// --- what is known of a grant ----------------------------------------------------------------------------------------

bool Bookkeeper::burns_before(int a, int b) const {
  const auto order = [this](int number) {
    const GrantTerms& of = terms(number);
    return std::tuple(of.priority, of.expires_ms, of.paid, of.effective_ms, of.id);
  };
  return order(a) < order(b);
}

std::vector<int> Bookkeeper::grants() const {
  std::vector<int> numbers;
  for (const auto& [number, book] : books_) numbers.push_back(number);
  std::ranges::sort(numbers, [this](int a, int b) { return burns_before(a, b); });
  return numbers;
}

bool Bookkeeper::is_usable(int grant, std::int64_t from_ms, std::int64_t to_ms) const {
  const GrantTerms& of = terms(grant);
  return !book(grant).voided && of.effective_ms <= std::min(from_ms, to_ms) && std::max(from_ms, to_ms) < of.expires_ms;
}

bool Bookkeeper::may_be_usable(int grant, std::int64_t from_ms, std::int64_t to_ms) const {
  const GrantTerms& of = terms(grant);
  return of.effective_ms <= std::max(from_ms, to_ms) && std::min(from_ms, to_ms) < of.expires_ms;
}

Money Bookkeeper::credited(int grant) const { return book(grant).credited; }

Money Bookkeeper::debts() const {
  Money sum;
  for (const auto& [number, one] : books_) sum += positive(Money::zero() - one.left());
  return sum;
}

Money Bookkeeper::debt_beside(int grant) const { return debts() - positive(Money::zero() - book(grant).left()); }

Money Bookkeeper::amount(int grant) const {
  return book(grant).voided ? Money::zero() : book(grant).credited - debt_beside(grant);
}

bool Bookkeeper::ended(int grant, std::int64_t now_ms) const { return terms(grant).expires_ms <= now_ms; }
bool Bookkeeper::is_over(int grant, std::int64_t now_ms) const { return book(grant).voided || ended(grant, now_ms); }

BookAccount Bookkeeper::origin(int grant) const {
  return {.kind = terms(grant).paid ? Kind::deposits : Kind::promotional, .grant = 0};
}

// --- what an order does ----------------------------------------------------------------------------------------------

Answered Bookkeeper::expected(const Ordered& order, std::int64_t now_ms) const {
  const auto before = done_.find(order.id);
  if (before == done_.end()) return answer_to_new(order, now_ms);
  return same_order(before->second, order) ? Answered::exists : Answered::conflict;
}

bool Bookkeeper::same_order(const Ordered& before, const Ordered& again) const {
  return before.kind == again.kind && before.amount == again.amount && before.exchange == again.exchange &&
         (before.kind == MoveKind::top_up || before.grant == again.grant);
}

Answered Bookkeeper::answer_to_new(const Ordered& order, std::int64_t now_ms) const {
  const bool known = order.kind != MoveKind::top_up && order.grant >= 0 && books_.contains(order.grant);
  const bool needs_amount = order.kind != MoveKind::void_grant;
  bool good = !needs_amount || order.amount > Money::zero();
  switch (order.kind) {
    case MoveKind::top_up: {
      const GrantTerms& of = terms(order.grant);
      const Money fee = of.paid ? share(order.amount, of.fee_basis_points) : Money::zero();
      good = good && of.effective_ms < of.expires_ms && now_ms < of.expires_ms && fee < order.amount;
      break;
    }
    case MoveKind::refund: good = good && order.amount <= left_of_charge(*order.exchange); break;
    case MoveKind::fee: good = good && burn(order.amount, now_ms).has_value(); break;
    case MoveKind::void_grant: good = good && known && !is_over(order.grant, now_ms); break;
    case MoveKind::dispute:
      good = good && known && terms(order.grant).paid &&
             order.amount <= terms(order.grant).amount - book(order.grant).disputed;
      break;
    default: good = false;
  }
  return good ? Answered::posted : Answered::refused;
}

Money Bookkeeper::left_of_charge(int exchange) const {
  Money sum;
  const auto charge = charges_.find(exchange);
  if (charge == charges_.end()) return sum;
  for (const Slice& slice : charge->second) sum += slice.taken - slice.given;
  return sum;
}

// Out of the usable grants to the fees; nullopt: the balance does not have it free.
std::optional<std::vector<Moved>> Bookkeeper::burn(Money amount, std::int64_t now_ms) const {
  std::vector<Moved> postings;
  Money left;
  Money missing = amount;
  for (const int grant : grants()) {
    const bool usable = is_usable(grant, now_ms, now_ms);
    const Money here = book(grant).left();
    if (usable || here.is_negative()) left += here;
    const Money taken = usable ? std::min(positive(here), missing) : Money::zero();
    if (taken.is_zero()) continue;
    postings.push_back({grant_account(grant), {.kind = Kind::fees, .grant = 0}, taken});
    missing -= taken;
  }
  if (!missing.is_zero() || left < amount) return std::nullopt;
  return postings;
}

std::vector<Moved> Bookkeeper::expected_postings(const Ordered& order, std::int64_t now_ms) const {
  std::vector<Moved> postings;
  const auto add = [&](BookAccount from, BookAccount to, Money amount) {
    if (!amount.is_zero()) postings.push_back({from, to, amount});
  };
  const BookAccount expired{.kind = Kind::expired, .grant = 0};
  switch (order.kind) {
    case MoveKind::top_up: {
      const GrantTerms& of = terms(order.grant);
      add(origin(order.grant), grant_account(order.grant), order.amount);
      add(grant_account(order.grant), {.kind = Kind::fees, .grant = 0},
          of.paid ? share(order.amount, of.fee_basis_points) : Money::zero());
      break;
    }
    case MoveKind::refund: {  // the last that paid is the first that has it back
      Money missing = order.amount;
      for (const Slice& slice : charges_.at(*order.exchange) | std::views::reverse) {
        const Money back = std::min(missing, slice.taken - slice.given);
        missing -= back;
        add({.kind = Kind::revenue, .grant = 0}, grant_account(slice.grant), back);
        if (book(slice.grant).voided)
          add(grant_account(slice.grant), origin(slice.grant), back);
        else if (ended(slice.grant, now_ms))
          add(grant_account(slice.grant), expired, back);
      }
      break;
    }
    case MoveKind::fee: return burn(order.amount, now_ms).value_or(postings);
    case MoveKind::void_grant:
      add(grant_account(order.grant), origin(order.grant), positive(book(order.grant).left()));
      break;
    case MoveKind::dispute:
      add(expired, grant_account(order.grant), std::min(order.amount, book(order.grant).expired));
      add(grant_account(order.grant), {.kind = Kind::deposits, .grant = 0}, order.amount);
      break;
    default: break;
  }
  return postings;
}

// --- what the store has appended -------------------------------------------------------------------------------------

void Bookkeeper::see(const std::vector<Move>& moves, const std::vector<KeptGrant>& kept) {
  for (const Move& move : moves) {
    check(move);
    post(move);
  }
  std::map<int, Money> leased_before;
  for (const KeptGrant& one : kept) {
    hold_that(books_.contains(one.grant), "invented: grant {} was not ordered", one.grant);
    leased_before[one.grant] = std::exchange(books_.at(one.grant).leased, one.leased);
  }
  hold_that(kept.size() == books_.size(), "lost: there are {} grants, and the store has {}", books_.size(),
            kept.size());
  for (const KeptGrant& one : kept) check_kept(one);
  check_covers(moves, leased_before);
  if (!moves.empty()) check_sums();
  // Nothing is handed out of a grant before what the account owes is covered.
  for (const auto& [grant, before] : leased_before)
    hold_that(book(grant).leased <= before || book(grant).left() >= debt_beside(grant),
              "never over: grant {} has {} left, the account owes {} beside it, and {} more of it was handed out",
              grant, book(grant).left().nanos(), debt_beside(grant).nanos(), (book(grant).leased - before).nanos());
}

void Bookkeeper::check(const Move& move) const {
  hold_that(!done_.contains(move.id), "transfer {} was posted twice", move.id);
  for (const Moved& posting : move.postings)
    hold_that(posting.amount > Money::zero(), "transfer {} posts {}", move.id, posting.amount.nanos());
  const auto order = orders_.find(move.id);
  if (order == orders_.end()) return check_by_itself(move);
  hold_that(move.kind == order->second.kind, "order {} became another kind of transfer", move.id);
  hold_that(answer_to_new(order->second, move.at_ms) == Answered::posted, "order {} is posted, and was not good",
            move.id);
  hold_that(move.postings == expected_postings(order->second, move.at_ms),
            "order {} of {} does not move what it should", move.id, order->second.amount.nanos());
}

void Bookkeeper::check_by_itself(const Move& move) const {
  const auto ends = [&](bool by_time) {
    const Money left = book(move.grant).left();
    const BookAccount to = by_time ? BookAccount{.kind = Kind::expired, .grant = 0} : origin(move.grant);
    hold_that(by_time ? ended(move.grant, move.at_ms) && !book(move.grant).voided : book(move.grant).voided,
              "grant {} is swept, and is not over", move.grant);
    hold_that(move.amount == left && move.postings == std::vector{Moved{grant_account(move.grant), to, left}},
              "grant {} has {} left at its end, and {} is swept", move.grant, left.nanos(), move.amount.nanos());
  };
  switch (move.kind) {
    case MoveKind::charge: return check_charge(move);
    case MoveKind::expiry: return ends(true);
    case MoveKind::void_grant: return ends(false);
    case MoveKind::fee: return check_monthly_fee(move);
    case MoveKind::cover:
      for (const Moved& posting : move.postings)
        hold_that(
            posting.from == grant_account(move.grant) && posting.to.kind == Kind::grant && posting.to != posting.from,
            "grant {} does not cover another", move.grant);
      for (const Moved& posting : move.postings)
        hold_that(posting.amount <= Money::zero() - book(posting.to.grant).left(),
                  "grant {} was covered beyond what it owed", posting.to.grant);
      return;
    default: hold_that(false, "invented: transfer {} was not ordered", move.id);
  }
}

// Whether it is the exchange's the auditor sees by the record (Auditor::check_record); here, that it is a charge.
void Bookkeeper::check_charge(const Move& move) const {
  Money paid, billed, margin;
  for (const Moved& posting : move.postings) {
    hold_that(posting.from.kind != Kind::unresolved || posting.to.kind == Kind::grant,
              "charge {} takes what is unresolved to something else than a grant", move.id);
    if (posting.from.kind == Kind::grant && posting.to.kind == Kind::spender) paid += posting.amount;
    if (posting.to.kind == Kind::provider) billed += posting.amount;
    if (posting.to.kind == Kind::revenue) margin += posting.amount;
  }
  hold_that(billed == move.amount && margin == positive(paid - billed), "charge {} of {} has a margin of {} on {}",
            move.id, move.amount.nanos(), margin.nanos(), paid.nanos());
}

void Bookkeeper::check_monthly_fee(const Move& move) const {
  hold_that(burn(move.amount, move.at_ms) == move.postings, "monthly fee {} is not paid in burn order", move.id);
}

// One that paid twice has it back where it paid last.
void Bookkeeper::take(std::vector<Slice>& slices, int grant, Money amount) {
  const auto known = std::ranges::find(slices, grant, &Slice::grant);
  if (known != slices.end()) {
    amount += known->taken;
    slices.erase(known);
  }
  slices.push_back({.grant = grant, .taken = amount, .given = {}});
}

void Bookkeeper::post(const Move& move) {
  done_[move.id] = {
      .id = move.id, .kind = move.kind, .grant = move.grant, .exchange = move.exchange, .amount = move.amount};
  if (const auto order = orders_.find(move.id); order != orders_.end()) done_[move.id] = order->second;
  if (move.kind == MoveKind::top_up) {
    books_[move.grant];
    terms_.at(move.grant).amount = move.amount;  // an order that was never posted may have said another
  }
  std::vector<Slice>* slices = nullptr;
  if (move.exchange && move.kind == MoveKind::charge) {
    slices = &charges_[*move.exchange];
    charged_.push_back(*move.exchange);
  } else if (move.exchange) {
    slices = &charges_.at(*move.exchange);
  }
  for (const Moved& posting : move.postings) {
    balances_[posting.from] -= posting.amount;
    balances_[posting.to] += posting.amount;
    if (posting.from.kind == Kind::grant) {
      Book& from = books_.at(posting.from.grant);
      Money& part = move.kind != MoveKind::charge         ? from.credited
                    : posting.to.kind == Kind::unresolved ? from.unresolved
                                                          : from.spent;
      part += move.kind == MoveKind::charge ? posting.amount : Money::zero() - posting.amount;
      if (move.kind == MoveKind::dispute) from.disputed += posting.amount;
      if (posting.to.kind == Kind::expired) from.expired += posting.amount;
      if (slices != nullptr && posting.to.kind == Kind::spender) take(*slices, posting.from.grant, posting.amount);
    }
    if (posting.to.kind != Kind::grant) continue;
    Book& to = books_.at(posting.to.grant);
    if (posting.from.kind == Kind::unresolved) {  // what is held no more
      to.unresolved -= posting.amount;
      continue;
    }
    to.credited += posting.amount;
    if (posting.from.kind == Kind::expired) to.expired -= posting.amount;
    if (slices != nullptr && posting.from.kind == Kind::revenue)
      std::ranges::find(*slices, posting.to.grant, &Slice::grant)->given += posting.amount;
  }
  if (move.kind == MoveKind::void_grant) books_.at(move.grant).voided = true;
}

// As much as there is goes to what is owed. What a quote gives back at its end, in the same call, may come after that.
void Bookkeeper::check_covers(const std::vector<Move>& moves, const std::map<int, Money>& leased_before) const {
  for (const Move& move : moves) {
    if (move.kind != MoveKind::cover || book(move.grant).leased < leased_before.at(move.grant)) continue;
    for (const Moved& posting : move.postings) {
      const Money owed = Money::zero() - book(posting.to.grant).left();
      hold_that(owed <= Money::zero() || book(move.grant).left() <= Money::zero(),
                "grant {} covers another, which owes {} still", move.grant, owed.nanos());
    }
  }
}

void Bookkeeper::check_kept(const KeptGrant& kept) const {
  const Book& own = book(kept.grant);
  hold_that(kept.credited == own.credited && kept.spent == own.spent && kept.unresolved == own.unresolved,
            "grant {}: {} credited, {} spent and {} unresolved in the store, and by its postings {}, {} and {}",
            kept.grant, kept.credited.nanos(), kept.spent.nanos(), kept.unresolved.nanos(), own.credited.nanos(),
            own.spent.nanos(), own.unresolved.nanos());
  hold_that(kept.disputed == own.disputed && kept.expired == own.expired && kept.voided == own.voided,
            "grant {}: {} disputed and {} expired in the store, and by its postings {} and {}", kept.grant,
            kept.disputed.nanos(), kept.expired.nanos(), own.disputed.nanos(), own.expired.nanos());
}

void Bookkeeper::check_sums() const {
  Money sum;
  for (const auto& [account, balance] : balances_) {
    sum += balance;
    if (account.kind != Kind::grant) continue;
    const Book& own = book(account.grant);
    hold_that(balance == own.credited - own.spent - own.unresolved, "grant {} holds {} by its postings", account.grant,
              balance.nanos());
  }
  hold_that(sum.is_zero(), "all book accounts together are {}", sum.nanos());
}

}  // namespace sim
