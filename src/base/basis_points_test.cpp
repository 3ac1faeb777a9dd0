#include "base/basis_points.h"

#include <doctest/doctest.h>

#include "tests/support/seeded_random.h"

using base::BasisPoints;
using base::Money;

namespace {

Money nanos(std::int64_t value) { return Money::from_nanos(value); }

}  // namespace

TEST_CASE("a share is rounded up once, to the nano-dollar") {
  struct Row {
    std::int64_t amount, rate, share;
  };
  for (const Row& row : {Row{0, 500, 0}, Row{1, 1, 1}, Row{10'000, 1, 1}, Row{10'001, 1, 2}, Row{100, 500, 5},
                         Row{101, 500, 6}, Row{7, 10'000, 7}, Row{7, 0, 0}, Row{3, 1'000'000, 300}}) {
    CAPTURE(row.amount);
    CAPTURE(row.rate);
    CHECK(base::share_of(nanos(row.amount), {row.rate}) == nanos(row.share));
    CHECK(base::with_share(nanos(row.amount), {row.rate}) == nanos(row.amount + row.share));
  }
}

TEST_CASE("a share that does not fit is as large as can be, not small") {
  CHECK(base::share_of(Money::max(), {BasisPoints::most}) == Money::max());
  CHECK(base::with_share(Money::max(), {1}) == Money::max());
  CHECK(base::with_share(Money::max(), {0}) == Money::max());
}

// Counted up one by one, which no closed formula is needed for.
TEST_CASE("without_share is the largest amount whose total still fits") {
  tests::SeededRandom random(11);
  for (int round = 0; round < 2'000; ++round) {
    std::uint32_t drawn[2];
    random.fill(std::as_writable_bytes(std::span(drawn)));
    const BasisPoints rate{drawn[0] % (round % 2 == 0 ? 1'001 : BasisPoints::most + 1)};
    const Money total = nanos(drawn[1] % 3'000);
    std::int64_t largest = 0;
    while (base::with_share(nanos(largest + 1), rate) <= total) ++largest;
    CHECK(base::without_share(total, rate) == nanos(largest));
  }
}
