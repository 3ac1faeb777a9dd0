#include "quota/lease.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using quota::Lease;

namespace {

struct Taking {
  const char* name;
  std::int64_t free, amount;
  bool all;           // whether take() takes it
  std::int64_t part;  // what take_up_to() takes
};

constexpr Taking takings[] = {{"less than is free", 10, 4, true, 4},
                              {"just what is free", 10, 10, true, 10},
                              {"one more than is free", 10, 11, false, 10},
                              {"nothing", 10, 0, true, 0},
                              {"nothing of nothing", 0, 0, true, 0},
                              {"something of nothing", 0, 1, false, 0},
                              {"as much as there can be", INT64_MAX, INT64_MAX, true, INT64_MAX}};

}  // namespace

TEST_CASE("take takes all of an amount or nothing; take_up_to takes what there is") {
  for (const Taking& row : takings) {
    CAPTURE(row.name);
    Lease whole({}, {}, {});
    whole.give(row.free);
    CHECK(whole.take(row.amount) == row.all);
    CHECK(whole.free() == (row.all ? row.free - row.amount : row.free));

    Lease part({}, {}, {});
    part.give(row.free);
    CHECK(part.take_up_to(row.amount) == row.part);
    CHECK(part.free() == row.free - row.part);
  }
}

TEST_CASE("what was taken and given back can be taken again") {
  Lease lease({}, {}, {});
  lease.give(10);
  CHECK(lease.take(10));
  CHECK_FALSE(lease.take(1));
  lease.give(3);
  CHECK_FALSE(lease.take(4));
  CHECK(lease.take(3));
}

TEST_CASE("a settled reservation leaves reserved for spent and unresolved") {
  Lease lease({}, {}, {});
  lease.note_reserved(10);
  lease.note_reserved(5);
  lease.note_settled(10, 4, 6);
  CHECK(lease.reserved() == 5);
  CHECK(lease.spent() == 4);
  CHECK(lease.unresolved() == 6);
  CHECK(lease.free() == 0);
}

TEST_CASE("a lease that nobody filled yet does not ask to be refilled") {
  Lease lease({}, {}, {});
  CHECK_FALSE(lease.wants_refill());
}

TEST_CASE("takers on four threads never take more than there is, and nothing gets lost") {
  constexpr std::int64_t amount = 100;
  Lease lease({}, {}, {});
  lease.give(amount);
  std::atomic<std::int64_t> out = 0;
  std::atomic<bool> too_much = false;
  std::vector<std::thread> takers;
  for (std::int64_t taker = 1; taker <= 4; ++taker)
    takers.emplace_back([&, taker] {
      for (std::int64_t round = 0; round < 20'000; ++round) {
        const std::int64_t wanted = (round * taker) % 60 + 1;
        const std::int64_t got = round % 2 == 0 ? (lease.take(wanted) ? wanted : 0) : lease.take_up_to(wanted);
        if (out.fetch_add(got) + got > amount) too_much = true;
        out -= got;
        lease.give(got);
      }
    });
  for (std::thread& taker : takers) taker.join();
  CHECK_FALSE(too_much);
  CHECK(lease.free() == amount);
}
