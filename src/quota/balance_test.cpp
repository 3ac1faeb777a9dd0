#include "quota/balance.h"

#include <doctest/doctest.h>

#include <list>

#include "quota/admission.h"
#include "quota/prepaid_test.h"

using namespace quota;
using namespace quota::testing;
using base::ErrorType;
using base::Money;
using ledger::TransferKind;
using meter::Certainty;

TEST_CASE("a worst case is taken from the grants in burn order, and what it did not cost goes back to the last first") {
  Prepaid world;
  const auto first = world.top_up(30), second = world.top_up(20), third = world.top_up(100);
  Reservation reservation = world.reserved(70);
  CHECK(slices(reservation) == List{30, 20, 20});
  reservation.mark_sent();
  std::move(reservation).settle(Prepaid::amounts(35), Certainty::exact);
  world.flush();
  CHECK(world.state_of(first).spent == 30);
  CHECK(world.state_of(second).spent == 5);
  CHECK(world.state_of(third).spent == 0);
  CHECK(slices(world.reserved(16)) == List{15, 1});
  CHECK(world.store.memory.check()->empty());
}

TEST_CASE("a limit that an exchange takes on changes nothing of what its balance pays") {
  Prepaid world;
  const auto first = world.top_up(30), second = world.top_up(100);
  const catalog::Limit limit = world.limit(1'000);
  Reservation reservation = world.reserved(70);
  const base::Window window = base::window_at(limit.window, world.clock.wall_now());
  const auto lease = std::make_shared<Lease>(limit.id, limit.window, window);
  REQUIRE(reservation.take_on({lease, limit.unit, 70}).has_value());
  CHECK(slices(reservation) == List{30, 40});
  reservation.mark_sent();
  std::move(reservation).settle(Prepaid::amounts(35), Certainty::exact);
  world.flush();
  CHECK(world.state_of(first).spent == 30);
  CHECK(world.state_of(second).spent == 5);
  CHECK(world.state(limit).spent == 35);
  CHECK(world.store.memory.check()->empty());
}

TEST_CASE("a balance and limits are reserved all or nothing") {
  Prepaid world;
  const auto grant = world.top_up(100);
  const catalog::Limit limit = world.limit(50);
  const Refusal by_limit = world.refused_for(60, {limit});
  CHECK(by_limit.type == ErrorType::limit_reached);
  CHECK(by_limit.shortages.size() == 1);
  CHECK_FALSE(by_limit.shortages[0].markup.has_value());
  Reservation held = world.reserved(40, {limit});
  CHECK(slices(held) == List{40});
  std::move(held).settle(Prepaid::amounts(40), Certainty::exact);
  CHECK(world.reserved(10, {limit}).parts().size() == 2);

  const catalog::Limit large = world.limit(1'000);
  world.account.markup = {1'000};
  const Refusal by_balance = world.refused_for(61, {large});
  CHECK(by_balance.type == ErrorType::insufficient_balance);
  REQUIRE(by_balance.shortages.size() == 1);
  CHECK(by_balance.shortages[0].markup == base::BasisPoints{1'000});
  CHECK(by_balance.shortages[0].required == 61);
  CHECK(by_balance.shortages[0].available == 60);
  CHECK(by_balance.shortages[0].limit.name == "acme");
  CHECK(world.numbers(large).available == 1'000);
  CHECK(world.reserved(60, {large}).parts().size() == 2);
  CHECK(world.state_of(grant).amount == 100);
}

TEST_CASE("while only others' reservations stand in the way a balance is busy, and waiting helps") {
  Prepaid world;
  world.top_up(60);
  world.top_up(40);
  Reservation held = world.reserved(80);
  CHECK(world.refused_for(30).type == ErrorType::limit_busy);
  const World::Asked waiting = world.ask(30, {}, 1'000);
  world.keeper->turn();
  CHECK_FALSE(waiting->has_value());
  std::move(held).settle(Prepaid::amounts(65), Certainty::exact);
  world.flush();
  CHECK(slices(World::taken(waiting)) == List{30});
  CHECK(world.refused_for(36).type == ErrorType::insufficient_balance);
}

TEST_CASE("an account without money has nothing admitted, not even what is free") {
  Prepaid world;
  CHECK(world.refused_for(0).type == ErrorType::insufficient_balance);
  CHECK_FALSE(world.fast(0).has_value());
  const auto grant = world.top_up(10);
  Reservation free = world.reserved(0);
  CHECK(slices(free) == List{1});
  std::move(free).settle(Prepaid::amounts(0), Certainty::exact);
  world.flush();
  CHECK(world.state_of(grant).spent == 0);
  std::move(world.reserved(10)).settle(Prepaid::amounts(10), Certainty::exact);
  CHECK_FALSE(world.fast(0).has_value());
  CHECK(world.refused_for(0).type == ErrorType::insufficient_balance);
}

TEST_CASE("a worker touches the next grant when the one before has nothing more, and not when its lease is short") {
  Prepaid world;
  const auto first = world.top_up(1'000);
  const auto second = world.top_up(1'000);
  (void)world.reserved(100);
  auto from_lease = world.fast(20);
  REQUIRE(from_lease.has_value());
  CHECK(slices(*from_lease) == List{20});
  CHECK_FALSE(world.fast(900).has_value());  // the store has more of the first
  Reservation most = world.reserved(970);
  CHECK(slices(most) == List{970});
  Reservation beyond = world.reserved(30);  // so that the worker knows the second's lease
  CHECK(slices(beyond) == List{10, 20});
  std::move(beyond).release();
  const auto across = world.fast(15);
  REQUIRE(across.has_value());
  CHECK(slices(*across) == List{10, 5});
  CHECK(world.state_of(first).leased == 1'000);
  CHECK(world.state_of(second).leased >= 20);
}

TEST_CASE("a grant pays until just before it ends, and its lease ends with it") {
  Prepaid world;
  const base::WallTime end{world.clock.wall_now().ms + 5'000};
  const auto first = world.top_up(100, end);
  const auto second = world.top_up(100);
  Reservation across = world.reserved(30);
  REQUIRE(world.fast(1).has_value());
  world.clock.advance_ms(5'000);
  CHECK_FALSE(world.fast(1).has_value());
  CHECK(slices(world.reserved(30)) == List{30});
  CHECK(world.refused_for(101).type == ErrorType::insufficient_balance);
  // It was admitted in time: what it costs is burnt there, and what comes back has expired.
  across.mark_sent();
  std::move(across).settle(Prepaid::amounts(20), Certainty::exact);
  world.flush();
  world.return_idle();
  CHECK(world.state_of(first) == CounterState{.amount = 100, .spent = 20});
  CHECK(*world.store.memory.sweep(world.clock.wall_now()) == 1);
  CHECK(world.state_of(first) == CounterState{.amount = 20, .spent = 20});
  CHECK(world.state_of(second).spent == 0);
  CHECK(world.store.memory.check()->empty());
}

TEST_CASE("a dispute that takes the balance below zero stops everything until it is paid in again") {
  Prepaid world;
  const auto first = world.top_up(100);
  world.top_up(50);
  std::move(world.reserved(80)).settle(Prepaid::amounts(80), Certainty::exact);
  Reservation under_way = world.reserved(40);  // 20 of each
  world.post(TransferKind::dispute, first.uuid, 100);
  world.changed();
  CHECK_FALSE(world.fast(1).has_value());
  CHECK(world.refused_for(1).type == ErrorType::insufficient_balance);
  std::move(under_way).release();
  world.flush();
  CHECK(world.refused_for(1).type == ErrorType::insufficient_balance);  // 80 are owed, and 50 were there
  world.top_up(35);
  world.changed();
  CHECK(world.refused_for(6).type == ErrorType::insufficient_balance);
  CHECK(slices(world.reserved(5)) == List{5});
  CHECK(world.store.memory.check()->empty());
}

// Found by the simulator: what each grant has alone was less than what the account owed, so nobody was asked to pay.
TEST_CASE("a debt is made good by several grants together, and what they have beyond it can be had") {
  Prepaid world;
  const auto disputed = world.top_up(100);
  std::move(world.reserved(100)).settle(Prepaid::amounts(100), Certainty::exact);
  world.flush();
  world.top_up(80);
  std::move(world.reserved(20)).settle(Prepaid::amounts(20), Certainty::exact);
  world.flush();
  world.top_up(80);
  std::move(world.reserved(70)).settle(Prepaid::amounts(20), Certainty::exact);
  world.flush();
  world.post(TransferKind::dispute, disputed.uuid, 100);
  world.changed();
  CHECK(world.refused_for(21).type == ErrorType::insufficient_balance);
  CHECK(slices(world.reserved(20)) == List{20});
  CHECK(world.store.memory.check()->empty());
}

// Found by the simulator: the debt, with what was only reserved of the grant, counted against each of the others.
TEST_CASE("a debt that only reservations make is waited for, and counts once") {
  Prepaid world;
  const base::GrantId first = world.top_up(50);
  world.top_up(100);
  Reservation of_first = world.reserved(50);
  std::move(world.reserved(70)).settle(Prepaid::amounts(70), Certainty::exact);
  const Reservation of_second = world.reserved(25);
  world.flush();
  world.post(TransferKind::dispute, first.uuid, 40);  // 10 stand in it and 50 are reserved; the second has 5 to pay
  world.changed();
  CHECK(world.refused_for(20).type == ErrorType::limit_busy);
  CHECK(world.refused_for(41).type == ErrorType::insufficient_balance);
  std::move(of_first).release();
  world.flush();
  CHECK(world.refused_for(16).type == ErrorType::limit_busy);
  std::move(world.reserved(15)).settle(Prepaid::amounts(15), Certainty::exact);
  CHECK(world.store.memory.check()->empty());
}

// Found by the simulator: only the grant that the overrun was booked on was looked at, and not those before it.
TEST_CASE("after an overrun nothing is handed out of the account's other grants before they have made it good") {
  Prepaid world;
  world.top_up(40);
  world.top_up(40);
  Reservation first = world.reserved(40);
  Reservation second = world.reserved(10);
  std::move(first).release();  // and is free in the lease of the first grant
  second.mark_sent();
  std::move(second).settle(Prepaid::amounts(70), Certainty::exact);
  CHECK_FALSE(world.fast(11).has_value());
  CHECK(world.refused_for(11).type == ErrorType::insufficient_balance);
  CHECK(slices(world.reserved(10)) == List{10});
}

// Found by the simulator: a grant that was void already took its spend off what the others had.
TEST_CASE("a grant that is void has nothing left, and takes nothing from the others") {
  Prepaid world;
  const auto first = world.top_up(50);
  world.top_up(50);
  std::move(world.reserved(30)).settle(Prepaid::amounts(30), Certainty::exact);
  world.flush();
  const Reservation under_way = world.reserved(60);  // 20 and 40
  world.post(TransferKind::void_grant, first.uuid, 0);
  CHECK(world.refused_for(45).type == ErrorType::limit_busy);
}

// Found by the simulator: where the store had less of the grants that a charge was asked of, one that was thought to be
// used up was never asked, and the call was refused although there was money.
TEST_CASE("a grant that was thought to be used up is asked before a balance is refused") {
  Prepaid world;
  world.top_up(50);
  const auto second = world.top_up(100);
  Reservation all_of_first = world.reserved(50);
  const base::Uuid charge = all_of_first.record().id.uuid;
  std::move(all_of_first).settle(Prepaid::amounts(50), Certainty::exact);
  (void)world.reserved(1);  // so that the second is known, too
  world.flush();
  world.post(TransferKind::refund, charge, 30);
  world.post(TransferKind::void_grant, second.uuid, 0);
  const World::Asked asked = world.ask(30);
  world.keeper->turn();
  world.keeper->turn();
  CHECK(slices(World::taken(asked)) == List{30});
}

TEST_CASE("a charge above its reservation is booked in full, on the last grant it touched") {
  Prepaid world;
  const auto first = world.top_up(30);
  const auto second = world.top_up(20);
  const auto third = world.top_up(100);
  Reservation reservation = world.reserved(50);
  reservation.mark_sent();
  std::move(reservation).settle(Prepaid::amounts(75), Certainty::exact);
  world.flush();
  CHECK(world.state_of(first).spent == 30);
  CHECK(world.state_of(second).spent == 45);
  // What one grant is below zero the next one owes.
  CHECK(world.refused_for(76).type == ErrorType::insufficient_balance);
  CHECK(slices(world.reserved(75)) == List{75});
  CHECK(world.state_of(third).amount == 75);
  CHECK(world.store.memory.check()->empty());
}

TEST_CASE("what a call that was sent holds stays unresolved in every grant it touched") {
  Prepaid world;
  const auto first = world.top_up(30);
  const auto second = world.top_up(100);
  {
    Reservation lost = world.reserved(50);
    lost.mark_sent();
  }
  world.flush();
  CHECK(world.state_of(first).unresolved == 30);
  CHECK(world.state_of(second).unresolved == 20);
  CHECK(world.refused_for(81).type == ErrorType::insufficient_balance);
  CHECK(world.store.memory.check()->empty());
}

// An auditor that knows only what was asked and what was settled.
TEST_CASE("whatever is reserved and settled, a balance is never over, and the postings say what happened") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Prepaid world;
    tests::SeededRandom random(seed);
    const auto below = [&](int end) {
      std::uint32_t drawn = 0;
      random.fill(std::as_writable_bytes(std::span(&drawn, 1)));
      return static_cast<int>(drawn % static_cast<std::uint32_t>(end));
    };
    std::int64_t paid_in = 0, spent = 0;
    std::list<std::pair<Reservation, std::int64_t>> open;
    for (int step = 0; step < 60; ++step) {
      const int what = step == 0 ? 0 : below(10);
      if (what == 0 && world.grants.size() < 8) {
        const int amount = 1 + below(100);
        paid_in += amount;
        world.top_up(amount);
      } else if (what < 5) {
        const int charge = 1 + below(60);
        std::optional<Reservation> made = world.fast(charge);
        if (!made) {
          const World::Asked asked = world.ask(charge);
          world.keeper->turn();
          if (auto* const reservation = std::get_if<Reservation>(&**asked)) {
            made.emplace(std::move(*reservation));
            REQUIRE(world.admission.adopt(*made).has_value());
          }
        }
        std::int64_t held = 0;
        for (const auto& [reservation, amount] : open) held += amount;
        CHECK(made.has_value() == (spent + held + charge <= paid_in));
        if (!made) continue;
        std::int64_t sum = 0;
        for (const std::int64_t slice : slices(*made)) sum += slice;
        CHECK(sum == charge);
        open.emplace_back(std::move(*made), charge);
      } else if (what < 9 && !open.empty()) {
        auto& [reservation, amount] = open.front();
        const std::int64_t cost = below(static_cast<int>(amount) + 1);
        reservation.mark_sent();
        std::move(reservation).settle(Prepaid::amounts(cost), Certainty::exact);
        spent += cost;
        open.pop_front();
      } else {
        world.clock.advance_ms(below(3) * 600);
        world.keeper->turn();
      }
    }
    for (auto& [reservation, amount] : open) std::move(reservation).release();
    open.clear();
    REQUIRE(world.keeper->close().has_value());
    std::int64_t in_store = 0;
    for (const catalog::Grant& grant : world.grants) {
      const CounterState state = world.state_of(grant.id);
      CHECK(state.leased == 0);
      CHECK(state.spent <= state.amount);
      in_store += state.spent;
    }
    CHECK(in_store == spent);
    CHECK(world.store.memory.check()->empty());
  }
}

TEST_CASE("a call is extended from the grants in burn order, from several if need be, all or nothing with its limits") {
  Prepaid world;
  const auto first = world.top_up(100), second = world.top_up(500);
  const catalog::Limit limit = world.limit(400);
  const std::array limits{&limit};
  Reservation one = world.reserved(60, {limit});
  one.mark_sent();
  const auto ask = [&](std::int64_t more) {
    const auto asked = std::make_shared<std::optional<Decision>>();
    world.admission.extend(
        one, limits, Prepaid::amounts(more), world.clock.wall_now(), world.clock.now(),
        [asked](Decision decision) { asked->emplace(std::move(decision)); }, &world.balance);
    world.keeper->turn();
    return asked;
  };
  const auto grow = [&](std::int64_t more) {
    REQUIRE(one.extend(std::move(std::get<Reservation::Extension>(ask(more)->value()))).has_value());
  };
  grow(20);
  CHECK(slices(one) == List{80});
  grow(120);
  CHECK(slices(one) == List{100, 100});
  CHECK(World::refusal(ask(201)).type == ErrorType::limit_reached);  // the balance could pay, the limit cannot
  CHECK(slices(one) == List{100, 100});
  std::move(one).settle(Prepaid::amounts(150), Certainty::exact);
  world.flush();
  CHECK(world.state_of(first).spent == 100);
  CHECK(world.state_of(second).spent == 50);

  Reservation other = world.reserved(100);
  const Prepaid::Asked refused = std::make_shared<std::optional<Decision>>();
  world.admission.extend(
      other, {}, Prepaid::amounts(351), world.clock.wall_now(), world.clock.now(),
      [refused](Decision decision) { refused->emplace(std::move(decision)); }, &world.balance);
  world.keeper->turn();
  CHECK(World::refusal(refused).type == ErrorType::insufficient_balance);
  // At once, from what is free of it.
  (void)world.reserved(350);
  auto more = world.admission.try_extend(other, {}, Prepaid::amounts(350), world.clock.wall_now(), &world.balance);
  REQUIRE(more.has_value());
  REQUIRE(other.extend(std::move(*more)).has_value());
  CHECK(slices(other) == List{450});
  std::move(other).release();
}

// Found by the simulator: of a flush in doubt nobody knows how much the store's word on the balance has counted, and so
// what was known before was held against who asked.
TEST_CASE("nobody is told that the balance does not suffice while a flush is in doubt") {
  for (const auto answer : {ScriptedStore::Answer::refused, ScriptedStore::Answer::given}) {
    Prepaid world;
    world.top_up(100);
    const auto end = [&](std::int64_t cost) {
      Reservation reservation = world.reserved(cost);
      const base::Uuid id = reservation.record().id.uuid;
      reservation.mark_sent();
      std::move(reservation).settle(Prepaid::amounts(cost), Certainty::exact);
      world.flush();
      return id;
    };
    const base::Uuid refunded = end(30);
    const Reservation running = world.reserved(40);
    world.store.on_flush = ScriptedStore::Answer::refused;
    end(20);
    world.post(ledger::TransferKind::refund, refunded, 30);
    world.store.on_flush = answer;
    const auto type = answer == ScriptedStore::Answer::given ? ErrorType::limit_busy : ErrorType::unavailable;
    CHECK(world.refused_for(60).type == type);
  }
}
