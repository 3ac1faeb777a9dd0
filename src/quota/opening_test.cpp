// A limit comes into force while exchanges are under way.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <optional>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using Answer = ScriptedStore::Answer;

namespace {

struct OpeningWorld : World {
  catalog::Limit before = limit(1'000'000);

  // A limit that is not in force.
  catalog::Limit wanted(std::int64_t amount, base::WindowPolicy window = {}) {
    catalog::Limit limit = before;
    limit.id = base::LimitId::create(clock.wall_now(), random());
    limit.amount = amount;
    limit.window = window;
    return limit;
  }
  std::shared_ptr<Lease> begin(const catalog::Limit& limit) {
    base::Result<std::shared_ptr<Lease>> lease;
    on_another_thread([&] { lease = keeper->begin_opening(limit); });
    REQUIRE(lease.has_value());
    return *lease;
  }
  base::Status try_open(const catalog::Limit& limit) {
    base::Status status;
    on_another_thread([&] {
      status = keeper->open_limits(std::span(&limit.id, 1),
                                   [&](base::WallTime now) { return store.memory.open(limit, now); });
    });
    return status;
  }
  void open(const catalog::Limit& limit) { REQUIRE(try_open(limit).has_value()); }
  // An exchange under way that holds `amount` of the limit before.
  Reservation under_way(std::int64_t amount) {
    Reservation reservation = reserve(before, amount);
    reservation.mark_sent();
    return reservation;
  }
  void settle(Reservation reservation, std::int64_t cost, meter::Certainty certainty = meter::Certainty::exact) {
    std::move(reservation).settle(usd(cost), certainty);
    flush();
  }
  // The limit is as good as any: all that is left can be spent, and one more cannot.
  void check_exact(const catalog::Limit& limit, std::int64_t spent) {
    const std::int64_t left = limit.amount - spent;
    CHECK(refused(limit, left + 1).type == base::ErrorType::limit_reached);
    if (left > 0) settle_of(limit, left);
    CHECK(refused(limit, 1).type == base::ErrorType::limit_reached);
    REQUIRE(keeper->close().has_value());
    CHECK(state(limit) == CounterState{.amount = limit.amount, .spent = limit.amount});
  }
  void settle_of(const catalog::Limit& limit, std::int64_t cost) {
    Reservation reservation = reserve(limit, cost);
    reservation.mark_sent();
    settle(std::move(reservation), cost);
  }
};

Reservation::Part part_of(const std::shared_ptr<Lease>& lease, std::int64_t amount) {
  return {lease, catalog::LimitUnit::usd, amount, lease->sub_window(today)};
}

}  // namespace

TEST_CASE("what was settled before the limit came is in the store when it opens, and counts") {
  OpeningWorld world;
  std::move(world.under_way(300)).settle(usd(120), meter::Certainty::exact);  // not flushed
  const catalog::Limit limit = world.wanted(500);
  world.begin(limit);
  world.open(limit);
  CHECK(world.state(limit) == CounterState{.amount = 500, .spent = 120});
  world.check_exact(limit, 120);
}

TEST_CASE("what it finds spent is known as soon as the store answers, also where it failed right after the opening") {
  OpeningWorld world;
  world.settle(world.under_way(300), 120);
  const catalog::Limit limit = world.wanted(500);
  const auto lease = world.begin(limit);
  world.store.on_grant = world.store.on_read = Answer::refused;
  world.open(limit);
  world.clock.advance_ms(world.options.idle_return_ms);
  world.keeper->turn();
  CHECK(lease->spent() == 0);
  world.store.on_grant = world.store.on_read = Answer::given;
  world.clock.advance_ms(world.options.idle_return_ms);
  world.keeper->turn();
  CHECK(lease->spent() == 120);
}

TEST_CASE("what is under way holds its worst case of the new limit, and counts on it when it ends") {
  OpeningWorld world;
  Reservation one = world.under_way(300);
  const catalog::Limit limit = world.wanted(500);
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  world.open(limit);
  CHECK(world.state(limit) == CounterState{.amount = 500, .leased = 300});
  const FiveNumbers five = world.numbers(limit);
  CHECK(five.reserved == 300);
  CHECK(five.available == 200);
  CHECK(world.refused(limit, 201).type == base::ErrorType::limit_busy);
  world.settle(std::move(one), 100);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  REQUIRE(records[0].holds.size() == 2);
  CHECK(records[0].holds[1] == events::Hold{limit.id, {today.ms}, 300, 100, 0});
  world.check_exact(limit, 100);
}

TEST_CASE("what ends between taking the limit on and its opening counts once") {
  for (const std::int64_t cost : {0, 100, 300, 400}) {
    CAPTURE(cost);
    OpeningWorld world;
    Reservation one = world.under_way(300), other = world.under_way(50);
    const catalog::Limit limit = world.wanted(500);
    const auto lease = world.begin(limit);
    REQUIRE(one.take_on(part_of(lease, 300)).has_value());
    REQUIRE(other.take_on(part_of(lease, 50)).has_value());
    world.settle(std::move(one), cost);
    world.open(limit);
    CHECK(world.state(limit) == CounterState{.amount = 500, .spent = cost, .leased = 50});
    world.settle(std::move(other), 20);
    CHECK(lease->free() == 30);
    world.check_exact(limit, cost + 20);
  }
}

TEST_CASE("a limit that cannot hold what is under way admits nothing until that has ended, and then what is left") {
  for (const std::int64_t cost : {0, 50, 100, 150, 300}) {
    CAPTURE(cost);
    OpeningWorld world;
    Reservation one = world.under_way(300);
    catalog::Limit limit = world.wanted(100);
    const auto lease = world.begin(limit);
    REQUIRE(one.take_on(part_of(lease, 300)).has_value());
    world.open(limit);
    CHECK(world.state(limit) == CounterState{.amount = 100, .leased = 100});
    CHECK(lease->owed() == 200);
    CHECK(world.refused(limit, 1).type == base::ErrorType::limit_busy);
    world.settle(std::move(one), cost);
    CHECK(lease->owed() == 0);
    if (cost <= 100) {
      world.check_exact(limit, cost);
    } else {
      CHECK(world.refused(limit, 1).type == base::ErrorType::limit_reached);
      REQUIRE(world.keeper->close().has_value());
      CHECK(world.state(limit) == CounterState{.amount = 100, .spent = cost});
    }
  }
}

TEST_CASE("what is owed is made good before anything more is handed out") {
  OpeningWorld world;
  Reservation one = world.under_way(300);
  catalog::Limit limit = world.wanted(100);
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  world.open(limit);
  world.change(limit, 350);
  CHECK(world.refused(limit, 51).type == base::ErrorType::limit_busy);
  Reservation next = world.reserve(limit, 50);
  CHECK(lease->owed() == 0);
  CHECK(world.state(limit) == CounterState{.amount = 350, .leased = 350});
  world.settle(std::move(one), 300);
  world.settle(std::move(next), 50);
  CHECK(world.state(limit).spent == 350);
}

TEST_CASE("what was leased and not heard of is not handed out once more where an exchange has used it up") {
  OpeningWorld world;
  Reservation one = world.under_way(300), other = world.under_way(50);
  const catalog::Limit limit = world.wanted(500);
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  REQUIRE(other.take_on(part_of(lease, 50)).has_value());
  world.store.on_grant = Answer::lost;
  world.open(limit);
  CHECK(world.state(limit).leased == 350);
  std::move(other).release();
  world.store.on_grant = Answer::given;
  world.settle(std::move(one), 300);
  CHECK(world.state(limit) == CounterState{.amount = 500, .spent = 300, .leased = 50});
  CHECK(lease->free() == 50);
  world.check_exact(limit, 300);
}

TEST_CASE("what is on its way back is given back before what was taken on is taken off it") {
  OpeningWorld world;
  const catalog::Limit limit = world.limit(320);
  Reservation one = world.under_way(300);
  std::move(world.reserve(limit, 50)).release();
  world.flush();
  REQUIRE(world.store.memory.remove(limit.id, world.clock.wall_now()).has_value());
  world.store.on_flush = Answer::refused;
  world.on_another_thread([&] { world.keeper->limit_changed(limit.id); });
  world.store.on_flush = Answer::given;
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  world.open(limit);  // 270 can be leased: 50 are the store's only when it has heard of it
  world.settle(std::move(one), 300);
  CHECK(world.keeper->health().last_error.empty());
  world.check_exact(limit, 300);
}

TEST_CASE("a lost grant that a flush hears of is not heard once more by who was about to ask") {
  OpeningWorld world;
  const catalog::Limit limit = world.wanted(500);
  world.clock.advance_ms(1);
  const catalog::Limit overrun = world.limit(1'000);  // is asked for after the other
  Reservation one = world.under_way(300), over = world.reserve(overrun, 10);
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  world.store.on_grant = Answer::lost;
  world.open(limit);
  world.store.on_grant = Answer::given;
  std::move(one).settle(usd(200), meter::Certainty::exact);
  over.mark_sent();
  std::move(over).settle(usd(50), meter::Certainty::exact);
  const auto asked = world.submit({limit, overrun}, 100);
  world.keeper->turn();
  CHECK(lease->free() + lease->reserved() <= world.state(limit).leased);
  world.settle(World::taken(asked), 100);
  world.check_exact(limit, 300);
}

TEST_CASE("of a lease of which a doubtful flush keeps more than was leased nothing is granted before it is confirmed") {
  OpeningWorld world;
  Reservation one = world.under_way(300);
  catalog::Limit limit = world.wanted(200);
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  world.open(limit);
  world.store.on_flush = Answer::lost;  // the store takes 200 off the lease
  world.settle(std::move(one), 300);
  limit.amount = 1'000;
  REQUIRE(world.store.memory.put(limit).has_value());
  world.store.on_flush = Answer::refused;
  CHECK(world.refused(limit, 50).type == base::ErrorType::unavailable);
  CHECK(world.state(limit).leased == 0);
  world.store.on_flush = Answer::given;
  world.settle_of(limit, 50);
  world.check_exact(limit, 350);
}

TEST_CASE("whoever asks for a limit that is being created waits, and is served when it is in force") {
  OpeningWorld world;
  std::move(world.under_way(90)).settle(usd(90), meter::Certainty::exact);
  const catalog::Limit limit = world.wanted(100);
  world.begin(limit);
  const auto fits = world.submit({world.before, limit}, 10), too_much = world.submit({limit}, 11);
  CHECK_FALSE(world.keeper->turn() == world.clock.now());  // it does not turn in circles
  world.clock.advance_ms(5'000);
  world.keeper->turn();
  CHECK_FALSE(fits->has_value());
  CHECK_FALSE(too_much->has_value());
  world.open(limit);
  world.keeper->turn();
  Reservation served = World::taken(fits);
  CHECK(World::refusal(too_much).type == base::ErrorType::limit_reached);
  std::move(served).release();
}

TEST_CASE("where a limit does not come into force, who waits for it is told, and nothing is left of it") {
  OpeningWorld world;
  Reservation one = world.under_way(300);
  const catalog::Limit limit = world.wanted(500);
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  const auto asked = world.submit({limit}, 10);
  world.keeper->turn();
  world.store.on_flush = Answer::refused;
  std::move(world.under_way(10)).settle(usd(1), meter::Certainty::exact);
  CHECK_FALSE(world.try_open(limit).has_value());  // what was settled cannot be flushed, so nobody knows what is spent
  CHECK_FALSE(asked->has_value());
  world.on_another_thread([&] { world.keeper->abandon_opening(limit.id); });
  CHECK(World::refusal(asked).type == base::ErrorType::unavailable);
  CHECK(world.store.memory.load()->limits.size() == 1);
  world.store.on_flush = Answer::given;
  world.settle(std::move(one), 200);
  REQUIRE(world.keeper->close().has_value());
  CHECK(world.state(world.before) == CounterState{.amount = 1'000'000, .spent = 201});
}

TEST_CASE("a limit whose window turns while it is created is not created: what is under way counts in the old one") {
  OpeningWorld world;
  const catalog::Limit limit = world.wanted(500);
  world.begin(limit);
  world.clock.advance_ms(day_ms);
  const base::Status status = world.try_open(limit);
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().type == base::ErrorType::unavailable);
  CHECK(status.error().message.contains("create it once more"));
}

TEST_CASE("what waits for its reservation holds the new limit, too, and gives it back if it is refused") {
  OpeningWorld world;
  const catalog::Limit limit = world.wanted(500);
  const auto lease = world.begin(limit);
  {
    Reservation::TakenOn refused(part_of(lease, 70));
    CHECK(lease->reserved() == 70);
  }
  CHECK(lease->reserved() == 0);
  CHECK(lease->owed() == 0);
  Reservation::TakenOn waits(part_of(lease, 300));
  world.open(limit);
  Reservation one = world.reserve(world.before, 300);
  REQUIRE(one.join(std::move(waits)).has_value());
  CHECK(world.refused(limit, 201).type == base::ErrorType::limit_busy);
  one.mark_sent();
  world.settle(std::move(one), 300);
  world.check_exact(limit, 300);
}

TEST_CASE("what waits over the edge of the window that it took on is not admitted: nobody has counted it in the next") {
  OpeningWorld world;
  world.before.window.kind = base::WindowPolicy::Kind::total;
  const catalog::Limit limit = world.wanted(500);
  const auto lease = world.begin(limit);
  Reservation::TakenOn waits(part_of(lease, 300));
  world.open(limit);
  world.clock.advance_ms(day_ms);
  Reservation one = world.reserve(world.before, 300);
  one.record().started = world.clock.wall_now();
  const base::Status joined = one.join(std::move(waits));
  REQUIRE_FALSE(joined.has_value());
  CHECK(joined.error().type == base::ErrorType::unavailable);
  CHECK(joined.error().message.contains("send it again"));
  CHECK(lease->reserved() == 0);
}

TEST_CASE("what began before the window that opens is not missed there") {
  OpeningWorld world;
  const auto lease = world.begin(world.wanted(500));
  Reservation::TakenOn waits(part_of(lease, 300));
  Reservation one = world.reserve(world.before, 300);
  one.record().started = {lease->span().start.ms - 1};
  REQUIRE(one.join(std::move(waits)).has_value());
  CHECK(one.parts().size() == 1);
  CHECK(lease->reserved() == 0);
}

TEST_CASE("what waits is booked in the sub-window in which it was admitted, not in that in which it asked") {
  OpeningWorld world;
  const auto lease = world.begin(world.wanted(500, {.kind = base::WindowPolicy::Kind::rolling, .span_ms = 60'000}));
  Reservation::TakenOn waits(part_of(lease, 300));
  world.clock.advance_ms(5'000);
  Reservation one = world.reserve(world.before, 300);
  one.record().started = world.clock.wall_now();
  REQUIRE(one.join(std::move(waits)).has_value());
  CHECK(one.parts()[1].sub_window == lease->sub_window(world.clock.wall_now()));
}

TEST_CASE("a limit that is removed and comes back under its own id counts a call that is under way once") {
  OpeningWorld world;
  const catalog::Limit limit = world.limit(500);
  Reservation one = world.reserve(limit, 300), waits = world.reserve(limit, 50);
  REQUIRE(world.store.memory.remove(limit.id, world.clock.wall_now()).has_value());
  world.on_another_thread([&] { world.keeper->limit_changed(limit.id); });
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  REQUIRE(waits.join(Reservation::TakenOn(part_of(lease, 50))).has_value());
  world.open(limit);
  CHECK(one.parts().size() == 1);
  CHECK(waits.parts().size() == 1);
  std::move(waits).release();
  one.mark_sent();
  world.settle(std::move(one), 100);
  world.check_exact(limit, 100);
}

TEST_CASE("a stream that took on a limit that then does not come into force is told so when it needs more") {
  OpeningWorld world;
  Reservation one = world.under_way(300);
  const catalog::Limit limit = world.wanted(500);
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 300)).has_value());
  world.on_another_thread([&] { world.keeper->abandon_opening(limit.id); });
  const auto more = std::make_shared<std::optional<Decision>>();
  Admission admission(*world.keeper);
  const std::array<const catalog::Limit*, 2> limits{&world.before, &limit};
  admission.extend(one, limits, usd(10), world.clock.wall_now(), world.clock.now(),
                   [more](Decision decision) { more->emplace(std::move(decision)); });
  world.keeper->turn();
  REQUIRE(more->has_value());
  CHECK(std::holds_alternative<Refusal>(**more));
  world.settle(std::move(one), 10);
}

TEST_CASE("limits that are only counted are taken on with nothing held") {
  OpeningWorld world;
  Reservation one = world.under_way(300);
  catalog::Limit limit = world.wanted(100);
  limit.admission = catalog::LimitAdmission::lazy;
  const auto lease = world.begin(limit);
  REQUIRE(one.take_on(part_of(lease, 0)).has_value());
  world.open(limit);
  Reservation meanwhile = world.reserve(limit, 40);
  world.settle(std::move(one), 300);
  CHECK(world.state(limit) == CounterState{.amount = 100, .spent = 300});
  CHECK(world.refused(limit, 1).type == base::ErrorType::limit_reached);
  world.settle(std::move(meanwhile), 1);
}

TEST_CASE("a call that waited over the edge of a window is recorded in the one that it counts in") {
  OpeningWorld world;
  const catalog::Limit limit = world.limit(100);
  Reservation holds_all = world.reserve(limit, 100);
  const auto waits = world.submit({limit}, 60, std::numeric_limits<std::int32_t>::max());
  world.keeper->turn();
  world.clock.advance_ms(day_ms);
  std::move(holds_all).release();
  world.keeper->turn();
  Reservation served = World::taken(waits);
  CHECK(served.record().started == world.clock.wall_now());
  CHECK(served.parts()[0].lease->span().contains(served.record().started));
}
