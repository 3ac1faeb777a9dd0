#pragma once
// For the tests of this room: books in memory with an auditor that knows nothing but postings.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "ledger/order.h"

namespace ledger::testing {

using base::Money;
inline Money nanos(std::int64_t value) { return Money::from_nanos(value); }

inline base::Uuid uuid(int kind, int number) {
  base::Uuid id;
  id.bytes[0] = static_cast<std::uint8_t>(kind);
  id.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  id.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}
inline base::AccountId account(int number) { return {uuid(1, number)}; }
inline base::GrantId grant(int number) { return {uuid(2, number)}; }
inline base::TransferId order_id(int number) { return {uuid(3, number)}; }
inline base::ExchangeId exchange(int number) { return {uuid(4, number)}; }

// What a store does with decisions: it writes them. One account, 1.
class Books {
 public:
  base::WallTime now{1'000};
  Book book;
  std::vector<Transfer> transfers;
  std::map<base::Uuid, Charge> charges;

  Decided order(const Order& order) {
    Known known{.same_id = {}, .its_grant = {}, .charge = {}, .book = book};
    for (const Transfer& transfer : transfers)
      if (transfer.id == order.id) known.same_id = transfer;
    if (known.same_id && known.same_id->kind == TransferKind::top_up)
      known.its_grant = state(base::GrantId{known.same_id->subject}).grant;
    if (const auto charge = charges.find(order.subject); charge != charges.end()) known.charge = charge->second;
    if (order.account != account(1)) known.book.clear();
    Decided decided = decide(order, known, now);
    if (decided.status != PostStatus::posted) return decided;
    if (decided.opened) {
      book.push_back({.grant = *decided.opened});
      std::ranges::sort(book, catalog::burns_before, &GrantState::grant);
      transfers.push_back(decided.transfer);
    } else {
      write(decided.transfer);
    }
    if (order.kind == TransferKind::void_grant) state(base::GrantId{order.subject}).grant.voided = true;
    if (order.kind == TransferKind::refund)
      for (const Posting& posting : decided.transfer.postings)
        if (posting.source == book::revenue)
          charges[order.subject].given.push_back({*grant_of(posting.target), posting.amount});
    return decided;
  }

  void write(const Transfer& transfer) {
    for (const Transfer& other : transfers) CHECK(other.id != transfer.id);
    for (const GrantChange& change : changes_of(transfer)) {
      GrantState& one = state(change.grant);
      one.grant.credited += change.credited;
      one.spent += change.spent;
      one.disputed += change.disputed;
      one.expired += change.expired;
    }
    transfers.push_back(transfer);
  }

  // An exchange that cost `cost` and was charged `spent` in burn order; false: the balance does not have it.
  bool charge(int number, Money cost, Money spent) {
    std::vector<Part> available;
    for (const GrantState& one : book)
      if (one.grant.usable_at(now)) available.push_back({one.grant.id, one.available()});
    const auto parts = burn(available, spent);
    if (!parts) return false;
    events::UsageRecord record;
    record.id = exchange(number);
    record.started = now;
    record.account = account(1);
    record.upstream = "openai";
    record.cost = cost;
    std::vector<Slice> slices;
    for (const Part& part : *parts) slices.push_back({part.grant, part.amount, {}});
    if (const auto transfer = transfer_of(record, account(1), slices)) write(*transfer);
    charges[exchange(number).uuid] = {account(1), *parts, {}};
    return true;
  }

  void sweep_now() {
    for (const Transfer& transfer : sweep(book, now, std::ssize(transfers))) write(transfer);
  }

  GrantState& state(base::GrantId id) {
    const auto found = std::ranges::find(book, id, [](const GrantState& one) { return one.grant.id; });
    REQUIRE(found != book.end());
    return *found;
  }

  // What each book account holds, from the postings alone.
  std::map<std::string, std::int64_t> balances() const {
    std::map<std::string, std::int64_t> sums;
    for (const Transfer& transfer : transfers)
      for (const Posting& posting : transfer.postings) {
        CHECK(posting.amount > Money::zero());
        CHECK(posting.source != posting.target);
        sums[posting.source] -= posting.amount.nanos();
        sums[posting.target] += posting.amount.nanos();
      }
    return sums;
  }
  // What is kept beside the postings is what they say.
  void audit() const {
    auto sums = balances();
    for (const GrantState& one : book)
      CHECK(sums[book::grant(one.grant.id)] == (one.grant.credited - one.spent - one.unresolved).nanos());
    std::int64_t all = 0;
    for (const auto& [name, sum] : sums) all += sum;
    CHECK(all == 0);
  }
};

inline Order put_in(int number, std::int64_t amount, Terms terms = {}) {
  return {.id = order_id(number),
          .kind = TransferKind::top_up,
          .account = account(1),
          .subject = {},
          .amount = nanos(amount),
          .note = {},
          .terms = terms,
          .opens = grant(number)};
}
inline Order about(int number, TransferKind kind, base::Uuid subject, std::int64_t amount) {
  return {.id = order_id(number),
          .kind = kind,
          .account = account(1),
          .subject = subject,
          .amount = nanos(amount),
          .note = {},
          .terms = {},
          .opens = {}};
}

}  // namespace ledger::testing
