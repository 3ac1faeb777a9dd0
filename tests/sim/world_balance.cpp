// The prepaid account of a life: what its operator orders, and what the auditor's bookkeeper is told of it.
#include <algorithm>
#include <ranges>

#include "ledger/transfer.h"
#include "quota/balance.h"
#include "tests/sim/world.h"

namespace sim {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::size_t remembered_orders = 6;  // that are given again

Money money(std::int64_t amount) { return Money::from_nanos(amount); }

MoveKind kind_of(ledger::TransferKind kind) {
  using enum ledger::TransferKind;
  switch (kind) {
    case top_up: return MoveKind::top_up;
    case charge: return MoveKind::charge;
    case refund: return MoveKind::refund;
    case fee: return MoveKind::fee;
    case void_grant: return MoveKind::void_grant;
    case dispute: return MoveKind::dispute;
    case expiry: return MoveKind::expiry;
    case cover: return MoveKind::cover;
  }
  throw Violation("a transfer of another kind");
}

Answered answer_of(ledger::PostStatus status) {
  if (status == ledger::PostStatus::posted) return Answered::posted;
  if (status == ledger::PostStatus::exists) return Answered::exists;
  return ledger::is_conflict(status) ? Answered::conflict : Answered::refused;
}

}  // namespace

// Two lives in five have a prepaid account, which begins with two grants.
void World::found_balance() {
  prepaid_ = birth_.once_in(5) || birth_.once_in(4);
  spender_ = ledger::book::account(account_.id);
  if (prepaid_) {
    ++figures_.prepaid_lives;
    account_.credit_only = true;
    account_.markup.value = birth_.once_in(3) ? 0 : birth_.between(0, 5'000);
    account_.top_up_fee.value = birth_.once_in(2) ? 0 : birth_.between(0, 1'000);
    if (birth_.once_in(3))
      account_.monthly_fee = catalog::MonthlyFee{
          .amount = money(birth_.between(1, 500) * coin_), .day = 1, .zone = {}, .since = clock_.wall_now()};
  }
  (void)truth_.catalog().put(account_);
  for (int i = 0; prepaid_ && i < 2; ++i) {
    const ledger::Order order = top_up(birth_);
    auditor_.bookkeeper().given(told(order));
    (void)truth_.ledger().post(order, clock_.wall_now());
    look_at_books();
  }
  if (prepaid_) tell_grants();
}

// --- the operator ----------------------------------------------------------------------------------------------------

void World::order(Node& by, Dice& dice) {
  if (!prepaid_) return;
  const std::int64_t kind = dice.between(1, 100);
  if (kind <= 15) return sweep(by);
  if (kind <= 20) return change_terms(by, dice);
  if (kind <= 35 && !orders_.empty()) {
    ledger::Order again = dice.any_of(orders_);
    if (dice.once_in(3)) again.amount += money(1);
    ++figures_.orders_repeated;
    return give(by, again);
  }
  give(by, order_of(dice));
}

ledger::Order World::order_of(Dice& dice) {
  const std::int64_t kind = dice.between(1, 100);
  const auto& charged = auditor_.bookkeeper().charged();
  if (kind <= 55 || grants_.empty()) return top_up(dice);
  ledger::Order order;
  order.id = base::TransferId::create(clock_.wall_now(), dice);
  order.account = account_.id;
  order.amount = money(dice.between(dice.once_in(20) ? 0 : 1, dice.once_in(4) ? 20'000 : 60) * coin_);
  const catalog::Grant& grant = dice.any_of(grants_);
  if (kind <= 70 && !charged.empty()) {
    order.kind = ledger::TransferKind::refund;
    const auto last = charged | std::views::reverse | std::views::take(40);
    const int exchange = last[dice.between(0, std::ssize(last) - 1)];
    const auto id = std::ranges::find(exchanges_, exchange, [](const auto& entry) { return entry.second; });
    order.subject = id->first.uuid;
  } else if (kind <= 80) {
    order.kind = ledger::TransferKind::fee;
  } else if (kind <= 88) {
    order.kind = ledger::TransferKind::void_grant;
    order.amount = {};
    order.subject = grant.id.uuid;
  } else {
    order.kind = ledger::TransferKind::dispute;
    if (dice.once_in(2)) order.amount = grant.amount;
    order.subject = grant.id.uuid;
  }
  return order;
}

ledger::Order World::top_up(Dice& dice) {
  const std::int64_t now = clock_.wall_ms;
  ledger::Terms terms;
  terms.kind = dice.once_in(2) ? catalog::GrantKind::paid : catalog::GrantKind::promotional;
  terms.priority = static_cast<int>(dice.between(1, 3));
  terms.fee = account_.top_up_fee;
  terms.effective = base::WallTime{now + (dice.once_in(4) ? dice.between(-60'000, 60'000) : 0)};
  if (dice.once_in(2))
    terms.expires = {now + (dice.once_in(3) ? dice.between(-1'000, 60 * day_ms) : dice.between(1, 120'000))};
  ledger::Order order;
  order.id = base::TransferId::create(clock_.wall_now(), dice);
  order.account = account_.id;
  order.amount = money(dice.between(1, dice.once_in(2) ? 20'000 : 1'500) * coin_);
  order.terms = terms;
  order.opens = base::GrantId::create(clock_.wall_now(), dice);
  opens_.emplace(order.id, order.opens);
  const int number = first_grant + static_cast<int>(opens_.size());
  numbers_.emplace(catalog::counter_of(order.opens), number);
  auditor_.grant_ordered(number, {.id = order.opens.uuid.to_string(),
                                  .paid = terms.kind == catalog::GrantKind::paid,
                                  .priority = terms.priority,
                                  .amount = order.amount,
                                  .effective_ms = terms.effective->ms,
                                  .expires_ms = terms.expires.ms,
                                  .fee_basis_points = terms.fee.value});
  trace_.say("  grant {} is to be {} of priority {}, from {} to {} ms", number, order.amount.nanos(), terms.priority,
             terms.effective->ms, terms.expires.ms);
  return order;
}

void World::give(Node& by, const ledger::Order& order) {
  const Ordered ordered = told(order);
  auditor_.bookkeeper().given(ordered);
  orders_.push_back(order);
  if (orders_.size() > remembered_orders) orders_.erase(orders_.begin());
  trace_.say("  the operator orders {} of {}", ledger::to_string(order.kind), order.amount.nanos());
  std::optional<Answered> answered, expected;
  const auto status = by.process->on_store_thread([&] {
    return by.link.change([&]() -> base::Status {
      expected = auditor_.bookkeeper().expected(ordered, clock_.wall_ms);
      TRY(const auto decided, truth_.ledger().post(order, clock_.wall_now()));
      answered = answer_of(decided.status);
      return {};
    });
  });
  if (answered && answered != expected)
    throw Violation(fmt::format("an order of {} is answered otherwise than it is to be", order.amount.nanos()));
  if (!answered) return;
  if (*answered == Answered::refused || *answered == Answered::conflict) ++figures_.orders_refused;
  // Of a repeat too: the first may not have got this far.
  if (status && *answered != Answered::refused && *answered != Answered::conflict) tell_grants();
}

// Once a minute, and when somebody looks at the balance.
void World::sweep(Node& by) {
  trace_.say("  what is over is swept");
  std::int64_t swept = 0;
  const auto status = by.process->on_store_thread([&] {
    return by.link.change([&]() -> base::Status {
      TRY(swept, truth_.ledger().sweep(clock_.wall_now()));
      return {};
    });
  });
  if (status && swept > 0) tell_grants();
}

// Another markup, or the account is prepaid no longer, or again: its grants rest meanwhile.
void World::change_terms(Node& by, Dice& dice) {
  catalog::Account changed = account_;
  if (dice.once_in(2))
    changed.markup.value = dice.between(0, 5'000);
  else
    changed.credit_only = !changed.credit_only;
  trace_.say("  the account has a markup of {}, {}", changed.markup.value, changed.credit_only ? "prepaid" : "free");
  const auto stored =
      by.process->on_store_thread([&] { return by.link.change([&] { return truth_.catalog().put(changed); }); });
  if (!stored) return;
  account_ = changed;
  publish_everywhere();
}

// As Program::catalog_changed does it.
void World::tell_grants() {
  const auto before = std::exchange(grants_, *truth_.catalog().load_grants(account_.id));
  std::ranges::sort(grants_, catalog::burns_before);
  if (nodes_.empty() || nodes_.back()->process == nullptr) return auditor_.grants_told();  // none has begun yet
  publish_everywhere();
  for (const base::GrantId grant : catalog::to_look_at_anew(before, grants_))
    for (const auto& node : nodes_) tell(*node, catalog::counter_of(grant));
  auditor_.grants_told();
}

// --- what the bookkeeper is told -------------------------------------------------------------------------------------

void World::look_at_books() {
  if (!prepaid_) return;
  std::vector<Move> moves;
  ledger::TransferFilter filter{.account = {}, .before = {}, .limit = 1};
  while (true) {
    const auto page = *truth_.ledger().transfers(filter);
    if (page.empty() || (last_moved_ && page.front().id == *last_moved_)) break;
    moves.push_back(told(page.front()));
    count(moves.back());
    filter.before = page.front().id;
  }
  std::ranges::reverse(moves);
  if (!moves.empty()) last_moved_ = (*truth_.ledger().transfers({.account = {}, .before = {}, .limit = 1})).front().id;
  std::vector<KeptGrant> kept;
  const ledger::Book book = *truth_.ledger().book(account_.id);
  for (const ledger::GrantState& state : book)
    kept.push_back({.grant = numbers_.at(catalog::counter_of(state.grant.id)),
                    .credited = state.grant.credited,
                    .spent = state.spent,
                    .leased = state.leased,
                    .unresolved = state.unresolved,
                    .disputed = state.disputed,
                    .expired = state.expired,
                    .voided = state.grant.voided});
  // Of a row that has expired the rest stands in `unresolved`, and no posting says so.
  for (const auto& open : truth_.open_rows())
    if (open.expired)
      for (KeptGrant& one : kept)
        if (one.grant == numbers_.at(open.row.counter.limit)) {
          one.leased += money(open.row.totals.remainder());
          one.unresolved -= money(open.row.totals.remainder());
        }
  auditor_.see_books(moves, kept);
}

void World::count(const Move& move) {
  switch (move.kind) {
    case MoveKind::top_up: ++figures_.top_ups; break;
    case MoveKind::charge: figures_.slices += move.postings.size() > 4 ? 1 : 0; break;
    case MoveKind::refund: ++figures_.refunds; break;
    case MoveKind::fee: ++(auditor_.bookkeeper().was_given(move.id) ? figures_.fees : figures_.monthly_fees); break;
    case MoveKind::void_grant: ++figures_.voids; break;
    case MoveKind::dispute: ++figures_.disputes; break;
    case MoveKind::expiry: ++figures_.expiries; break;
    case MoveKind::cover: ++figures_.covers; break;
  }
}

Move World::told(const ledger::Transfer& transfer) {
  Move move{.id = transfer.id.to_string(),
            .kind = kind_of(transfer.kind),
            .amount = transfer.amount,
            .at_ms = transfer.at.ms,
            .postings = told(transfer.postings)};
  if (const auto grant = numbers_.find(base::LimitId{transfer.subject}); grant != numbers_.end())
    move.grant = grant->second;
  if (const auto exchange = exchanges_.find(base::ExchangeId{transfer.subject}); exchange != exchanges_.end())
    move.exchange = exchange->second;
  return move;
}

std::vector<Moved> World::told(const std::vector<ledger::Posting>& postings) const {
  std::vector<Moved> moved;
  for (const ledger::Posting& posting : postings)
    moved.push_back({told(posting.source), told(posting.target), posting.amount});
  return moved;
}

BookAccount World::told(std::string_view book_account) const {
  using Kind = BookAccount::Kind;
  if (book_account == spender_) return {Kind::spender};
  if (book_account == "provider:upstream") return {Kind::provider};
  if (const auto grant = ledger::grant_of(book_account)) return {Kind::grant, numbers_.at(catalog::counter_of(*grant))};
  if (book_account == ledger::book::deposits) return {Kind::deposits};
  if (book_account == ledger::book::promotional) return {Kind::promotional};
  if (book_account == ledger::book::revenue) return {Kind::revenue};
  if (book_account == ledger::book::fees) return {Kind::fees};
  if (book_account == ledger::book::unresolved) return {Kind::unresolved};
  if (book_account == ledger::book::expired) return {Kind::expired};
  throw Violation(fmt::format("a posting names {}, which is no book account", book_account));
}

Ordered World::told(const ledger::Order& order) {
  Ordered ordered{.id = order.id.to_string(), .kind = kind_of(order.kind), .amount = order.amount};
  if (order.kind == ledger::TransferKind::top_up) {
    ordered.grant = numbers_.at(catalog::counter_of(order.opens));
  } else if (order.kind == ledger::TransferKind::refund) {
    ordered.exchange = exchanges_.at(base::ExchangeId{order.subject});
  } else if (!order.subject.is_nil()) {
    ordered.grant = numbers_.at(base::LimitId{order.subject});
  }
  return ordered;
}

void World::look_at_grants(const std::map<quota::CounterKey, std::int64_t>& expired) {
  for (const int grant : auditor_.bookkeeper().grants()) {
    const auto id = std::ranges::find(numbers_, grant, [](const auto& entry) { return entry.second; })->first;
    const quota::CounterQuery query{.counter = {id, {}}, .at = {clock_.late_ms()}};
    const quota::CounterState state = (*truth_.quota().read(std::span(&query, 1))).front();
    const auto out = expired.find(query.counter);
    auditor_.look_at(touch(query.counter), {.amount = money(state.amount),
                                            .spent = money(state.spent),
                                            .leased = money(state.leased),
                                            .unresolved = money(state.unresolved),
                                            .expired = money(out == expired.end() ? 0 : out->second),
                                            .quoted = money(state.quoted)});
  }
}

// --- at rest ---------------------------------------------------------------------------------------------------------

void World::rest_balance() {
  (void)truth_.ledger().sweep(clock_.wall_now());
  look_at_books();
  tell_grants();
  auditor_.balance_at_rest();
}

void World::spend_the_last_cent(Dice& dice) {
  if (!account_.credit_only || clock_.late_ms() != clock_.wall_ms) return;
  Node& node = any_node(dice);
  auditor_.begin_look(node.number);
  const Money left = auditor_.balance_left();
  if (left <= Money::zero() || auditor_.lost_of_balance()) return;
  ++figures_.last_cents;
  if (!node.process->ask_balance_alone(left.nanos()))
    throw Violation(fmt::format("false refusal: {} are left of the balance and cannot be had", left.nanos()));
  if (node.process->ask_balance_alone(left.nanos() + 1))
    throw Violation(fmt::format("never over: {} are left of the balance, and one more was had", left.nanos()));
}

}  // namespace sim
