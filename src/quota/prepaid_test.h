#pragma once
// For the tests of this room: a prepaid account in a world.

#include <vector>

#include "quota/admission.h"
#include "quota/world_test.h"

namespace quota::testing {

// A prepaid account with grants, a worker, and the gateway's reaction to what the ledger does.
struct Prepaid : World {
  catalog::Account account{.id = std::get<base::AccountId>(limit(0).subject),
                           .parent = {},
                           .name = "acme",
                           .external_id = {},
                           .created = {}};
  std::vector<catalog::Grant> grants;  // in the order of their numbers
  catalog::Balance balance{.account = &account, .grants = {}};
  Admission admission{*keeper};
  int orders = 0;

  ledger::Decided post(ledger::TransferKind kind, base::Uuid subject, std::int64_t amount,
                       std::optional<ledger::Terms> terms = {}) {
    ledger::Order order{.id = {},
                        .kind = kind,
                        .account = account.id,
                        .subject = subject,
                        .amount = base::Money::from_nanos(amount),
                        .note = {},
                        .terms = terms,
                        .opens = {}};
    order.id.uuid.bytes[0] = 1;
    order.id.uuid.bytes[15] = static_cast<std::uint8_t>(++orders);
    if (terms) order.opens.uuid = order.id.uuid;
    auto decided = store.memory.post(order, clock.wall_now());
    REQUIRE(decided.has_value());
    REQUIRE(decided->status == ledger::PostStatus::posted);
    return *decided;
  }
  // Burnt in the order in which they are made, unless told.
  base::GrantId top_up(std::int64_t amount, base::WallTime expires = base::far_future) {
    const ledger::Terms terms{
        .kind = catalog::GrantKind::paid, .priority = orders, .effective = {}, .expires = expires, .fee = {}};
    grants.push_back(*post(ledger::TransferKind::top_up, {}, amount, terms).opened);
    balance.grants = grants;
    return grants.back().id;
  }
  // What the catalog's change does to the leases.
  void changed() {
    for (const catalog::Grant& grant : grants)
      on_another_thread([&] { keeper->limit_changed(catalog::counter_of(grant.id)); });
  }
  CounterState state_of(base::GrantId grant) {
    const CounterQuery query{{catalog::counter_of(grant), {}}};
    return store.memory.read(std::span(&query, 1))->front();
  }

  Asked ask(std::int64_t charge, const std::vector<catalog::Limit>& limits = {}, std::int64_t wait_ms = 0) {
    const auto asked = std::make_shared<std::optional<Decision>>();
    std::vector<const catalog::Limit*> pointers;
    for (const catalog::Limit& one : limits) pointers.push_back(&one);
    admission.reserve(
        pointers, amounts(charge), clock.wall_now(), clock.now().plus_ms(wait_ms), *record(),
        [asked](Decision decision) { asked->emplace(std::move(decision)); }, &balance);
    return asked;
  }
  Reservation reserved(std::int64_t charge, const std::vector<catalog::Limit>& limits = {}) {
    const Asked asked = ask(charge, limits);
    keeper->turn();
    Reservation reservation = taken(asked);
    REQUIRE(admission.adopt(reservation).has_value());
    return reservation;
  }
  Refusal refused_for(std::int64_t charge, const std::vector<catalog::Limit>& limits = {}) {
    const Asked asked = ask(charge, limits);
    keeper->turn();
    return refusal(asked);
  }
  std::optional<Reservation> fast(std::int64_t charge) {
    auto made = record();
    return admission.try_reserve({}, amounts(charge), clock.wall_now(), made, &balance);
  }
  static Amounts amounts(std::int64_t charge) {
    return {.usd = base::Money::from_nanos(charge), .requests = 1, .charge = base::Money::from_nanos(charge)};
  }
  void return_idle() {
    for (int tick = 0; tick < 3; ++tick) {
      clock.advance_ms(options.idle_return_ms);
      keeper->turn();
    }
  }
};

inline std::vector<std::int64_t> slices(const Reservation& reservation) {
  std::vector<std::int64_t> list;
  for (const Reservation::Part& part : reservation.parts())
    if (part.of_balance) list.push_back(part.amount);
  return list;
}
using List = std::vector<std::int64_t>;

}  // namespace quota::testing
