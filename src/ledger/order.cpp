#include "ledger/order.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace ledger {
namespace {

using base::Money;

std::string text(std::string_view view) { return std::string(view); }

std::string_view origin_of(const catalog::Grant& grant) {
  return grant.kind == catalog::GrantKind::paid ? book::deposits : book::promotional;
}

void post(Transfer& transfer, std::string source, std::string target, Money amount) {
  ASSERT(!amount.is_negative());
  if (!amount.is_zero()) transfer.postings.push_back({std::move(source), std::move(target), amount});
}

const GrantState* find(const Book& book, base::GrantId id) {
  const auto found = std::ranges::find(book, id, [](const GrantState& state) { return state.grant.id; });
  return found == book.end() ? nullptr : &*found;
}

Money positive(Money amount) { return std::max(amount, Money::zero()); }

base::TransferId id_of(TransferKind kind, base::GrantId grant, std::int64_t number) {
  return derived_id(fmt::format("{} {} {}", to_string(kind), grant.uuid.to_string(), number));
}

bool same_terms(const catalog::Grant& grant, const Terms& terms) {
  return grant.kind == terms.kind && grant.priority == terms.priority && grant.expires == terms.expires &&
         grant.effective == terms.effective.value_or(grant.created);
}

PostStatus compare(const Order& order, const Known& known) {
  const Transfer& existing = *known.same_id;
  const bool opens = order.kind == TransferKind::top_up;
  if (existing.kind != order.kind) return PostStatus::exists_with_different_kind;
  if (existing.account != order.account) return PostStatus::exists_with_different_account;
  if (!opens && existing.subject != order.subject) return PostStatus::exists_with_different_subject;
  if (existing.amount != order.amount) return PostStatus::exists_with_different_amount;
  if (existing.note != order.note) return PostStatus::exists_with_different_note;
  if (opens) {
    ASSERT(known.its_grant && order.terms);
    if (!same_terms(*known.its_grant, *order.terms)) return PostStatus::exists_with_different_terms;
  }
  return PostStatus::exists;
}

// Where money goes on to that came to a grant which is over; nullopt: it stays.
std::optional<std::string_view> beyond(const catalog::Grant& grant, base::WallTime now) {
  if (grant.voided) return origin_of(grant);
  if (grant.expires <= now) return book::expired;
  return std::nullopt;
}

PostStatus top_up(const Order& order, const Known& known, base::WallTime now, Decided& decided) {
  ASSERT(order.terms && !order.opens.is_nil());
  const Terms& terms = *order.terms;
  const base::WallTime effective = terms.effective.value_or(now);
  if (order.amount <= Money::zero()) return PostStatus::amount_not_positive;
  if (terms.priority < 0 || terms.priority > catalog::grant_priority_max) return PostStatus::priority_out_of_range;
  if (terms.expires <= effective) return PostStatus::expires_before_effective;
  if (terms.expires <= now) return PostStatus::expires_in_the_past;
  if (order.amount > account_most) return PostStatus::amount_exceeds_books;
  Money held = order.amount;
  for (const GrantState& state : known.book) {
    held += positive(state.grant.amount);
    if (held > account_most) return PostStatus::amount_exceeds_books;
  }
  const Money fee = terms.kind == catalog::GrantKind::paid ? base::share_of(order.amount, terms.fee) : Money::zero();
  if (fee >= order.amount) return PostStatus::fee_takes_all;

  // From here on it must succeed.
  decided.opened = catalog::Grant{.id = order.opens,
                                  .account = order.account,
                                  .kind = terms.kind,
                                  .priority = terms.priority,
                                  .amount = order.amount,
                                  .effective = effective,
                                  .expires = terms.expires,
                                  .note = order.note,
                                  .created = now,
                                  .credited = order.amount - fee,
                                  .voided = false};
  decided.transfer.subject = order.opens.uuid;
  post(decided.transfer, text(origin_of(*decided.opened)), book::grant(order.opens), order.amount);
  post(decided.transfer, book::grant(order.opens), text(book::fees), fee);
  return PostStatus::posted;
}

PostStatus refund(const Order& order, const Known& known, base::WallTime now, Decided& decided) {
  if (order.amount <= Money::zero()) return PostStatus::amount_not_positive;
  if (!known.charge || known.charge->account != order.account) return PostStatus::unknown_charge;
  const auto back = unwind(known.charge->taken, known.charge->given, order.amount);
  if (!back) return PostStatus::exceeds_charge;

  for (const Part& part : *back) {
    const GrantState* const state = find(known.book, part.grant);
    ASSERT(state != nullptr);
    post(decided.transfer, text(book::revenue), book::grant(part.grant), part.amount);
    if (const auto on = beyond(state->grant, now))
      post(decided.transfer, book::grant(part.grant), text(*on), part.amount);
  }
  return PostStatus::posted;
}

PostStatus fee(const Order& order, const Known& known, base::WallTime now, Decided& decided) {
  if (order.amount <= Money::zero()) return PostStatus::amount_not_positive;
  std::vector<Part> available;
  Money left;  // what one grant is below zero the others owe
  for (const GrantState& state : known.book) {
    const bool usable = state.grant.usable_at(now);
    if (usable) available.push_back({state.grant.id, state.available()});
    if (usable || state.available().is_negative()) left += state.available();
  }
  const auto parts = burn(available, order.amount);
  if (!parts || left < order.amount) return PostStatus::exceeds_balance;

  for (const Part& part : *parts) post(decided.transfer, book::grant(part.grant), text(book::fees), part.amount);
  return PostStatus::posted;
}

PostStatus void_grant(const Order& order, const Known& known, base::WallTime now, Decided& decided) {
  const GrantState* const state = find(known.book, base::GrantId{order.subject});
  if (state == nullptr) return PostStatus::unknown_grant;
  if (state->grant.voided) return PostStatus::grant_already_void;
  if (state->grant.expires <= now) return PostStatus::grant_already_expired;

  // What is reserved just now follows when it comes back (sweep).
  post(decided.transfer, book::grant(state->grant.id), text(origin_of(state->grant)), positive(state->available()));
  return PostStatus::posted;
}

PostStatus dispute(const Order& order, const Known& known, Decided& decided) {
  const GrantState* const state = find(known.book, base::GrantId{order.subject});
  if (state == nullptr) return PostStatus::unknown_grant;
  if (state->grant.kind != catalog::GrantKind::paid) return PostStatus::grant_not_paid;
  if (order.amount <= Money::zero()) return PostStatus::amount_not_positive;
  if (order.amount > state->grant.amount - state->disputed) return PostStatus::exceeds_payment;

  // What had expired of the payment is put back first: only what was used can become a debt.
  const std::string grant = book::grant(state->grant.id);
  post(decided.transfer, text(book::expired), grant, std::min(order.amount, state->expired));
  post(decided.transfer, grant, text(book::deposits), order.amount);
  return PostStatus::posted;
}

PostStatus decide_new(const Order& order, const Known& known, base::WallTime now, Decided& decided) {
  switch (order.kind) {
    case TransferKind::top_up: return top_up(order, known, now, decided);
    case TransferKind::refund: return refund(order, known, now, decided);
    case TransferKind::fee: return fee(order, known, now, decided);
    case TransferKind::void_grant: return void_grant(order, known, now, decided);
    case TransferKind::dispute: return dispute(order, known, decided);
    case TransferKind::charge:
    case TransferKind::expiry:
    case TransferKind::cover: break;
  }
  ASSERT(!"an order that is nobody's to give");
  return PostStatus::unknown_grant;
}

}  // namespace

Decided decide(const Order& order, const Known& known, base::WallTime now) {
  ASSERT(!order.id.is_nil() && !order.account.is_nil());
  ASSERT(std::ranges::is_sorted(known.book, catalog::burns_before, &GrantState::grant));
  if (known.same_id) return {.status = compare(order, known), .transfer = *known.same_id, .opened = known.its_grant};
  Decided decided;
  decided.transfer = {.id = order.id,
                      .at = now,
                      .kind = order.kind,
                      .account = order.account,
                      .subject = order.subject,
                      .amount = order.amount,
                      .note = order.note,
                      .postings = {}};
  decided.status = decide_new(order, known, now, decided);
  if (decided.status != PostStatus::posted) return {.status = decided.status, .transfer = {}, .opened = {}};
  return decided;
}

std::vector<Transfer> sweep(const Book& book, base::WallTime now, std::int64_t number) {
  std::vector<Transfer> transfers;
  for (const GrantState& state : book) {
    const catalog::Grant& grant = state.grant;
    const auto on = beyond(grant, now);
    if (!on || state.available() <= Money::zero()) continue;
    const TransferKind kind = grant.voided ? TransferKind::void_grant : TransferKind::expiry;
    transfers.push_back({.id = id_of(kind, grant.id, number++),
                         .at = now,
                         .kind = kind,
                         .account = grant.account,
                         .subject = grant.id.uuid,
                         .amount = state.available(),
                         .note = {},
                         .postings = {{book::grant(grant.id), text(*on), state.available()}}});
  }
  return transfers;
}

std::optional<Transfer> cover(const Book& book, base::GrantId payer, base::WallTime now, std::int64_t number) {
  const GrantState* const state = find(book, payer);
  if (state == nullptr) return std::nullopt;
  Money left = positive(state->available());
  Transfer transfer{.id = id_of(TransferKind::cover, payer, number),
                    .at = now,
                    .kind = TransferKind::cover,
                    .account = state->grant.account,
                    .subject = payer.uuid,
                    .amount = {},
                    .note = {},
                    .postings = {}};
  for (const GrantState& other : book) {
    if (other.grant.id == payer || other.available() >= Money::zero()) continue;
    const Money paid = std::min(left, Money::zero() - other.available());
    post(transfer, book::grant(payer), book::grant(other.grant.id), paid);
    transfer.amount += paid;
    left -= paid;
  }
  if (transfer.postings.empty()) return std::nullopt;
  return transfer;
}

bool is_live(const GrantState& state) {
  return state.available() > Money::zero() || state.leased > Money::zero() || state.unresolved > Money::zero();
}

Money debt_beside(const Book& book, base::GrantId but) {
  Money debt;
  for (const GrantState& state : book)
    if (state.grant.id != but) debt += positive(Money::zero() - state.available());
  return debt;
}

base::Money amount_in(const Book& book, base::GrantId grant) {
  const GrantState* const state = find(book, grant);
  ASSERT(state != nullptr);
  return state->grant.voided ? Money::zero() : state->grant.credited - debt_beside(book, grant);
}

std::optional<catalog::Grant> grant_in(const Book& book, base::GrantId grant) {
  const GrantState* const state = find(book, grant);
  return state == nullptr ? std::nullopt : std::optional(state->grant);
}

Charge charge_from(const Transfer& charge, std::span<const Transfer> refunds) {
  Charge out{.account = charge.account, .taken = {}, .given = {}};
  for (const Posting& posting : charge.postings)
    if (const auto grant = grant_of(posting.source); grant && posting.target != book::unresolved)
      out.taken.push_back({*grant, posting.amount});
  for (const Transfer& refund : refunds)
    for (const Posting& posting : refund.postings)
      if (posting.source == book::revenue) out.given.push_back({*grant_of(posting.target), posting.amount});
  return out;
}

std::optional<base::GrantId> grant_of(std::string_view book_account) {
  constexpr std::string_view prefix = "grant:";
  if (!book_account.starts_with(prefix)) return std::nullopt;
  const auto id = base::GrantId::parse(book_account.substr(prefix.size()));
  ASSERT(id.has_value());
  return *id;
}

std::vector<GrantChange> changes_of(const Transfer& transfer) {
  std::vector<GrantChange> changes;
  const auto of = [&](base::GrantId grant) -> GrantChange& {
    const auto known = std::ranges::find(changes, grant, &GrantChange::grant);
    return known == changes.end() ? changes.emplace_back(GrantChange{.grant = grant}) : *known;
  };
  for (const Posting& posting : transfer.postings) {
    if (const auto source = grant_of(posting.source)) {
      GrantChange& change = of(*source);
      if (transfer.kind != TransferKind::charge)
        change.credited -= posting.amount;
      else if (posting.target == book::unresolved)
        change.unresolved += posting.amount;
      else
        change.spent += posting.amount;
      if (transfer.kind == TransferKind::dispute) change.disputed += posting.amount;
      if (posting.target == book::expired) change.expired += posting.amount;
    }
    if (const auto target = grant_of(posting.target)) {
      if (transfer.kind == TransferKind::charge) {
        ASSERT(posting.source == book::unresolved);
        of(*target).unresolved -= posting.amount;
      } else {
        of(*target).credited += posting.amount;
      }
      if (posting.source == book::expired) of(*target).expired -= posting.amount;
    }
  }
  return changes;
}

}  // namespace ledger
