#include "ledger/burn.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <ranges>

#include "base/random.h"
#include "catalog/grant.h"
#include "tests/support/seeded_random.h"

using base::GrantId;
using base::Money;
using ledger::Part;

namespace {

GrantId grant(int number) {
  GrantId id;
  id.uuid.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}
Part part(int number, std::int64_t nanos) { return {grant(number), Money::from_nanos(nanos)}; }
using Parts = std::vector<Part>;

struct Dice {
  tests::SeededRandom random;
  int below(int end) {
    std::uint32_t drawn = 0;
    random.fill(std::as_writable_bytes(std::span(&drawn, 1)));
    return static_cast<int>(drawn % static_cast<std::uint32_t>(end));
  }
};

// The same, nano-dollar by nano-dollar: the next one comes from the first grant that has any.
std::optional<std::map<GrantId, std::int64_t>> burn_one_by_one(Parts available, std::int64_t amount) {
  std::map<GrantId, std::int64_t> taken;
  for (; amount > 0; --amount) {
    const auto first = std::ranges::find_if(available, [](const Part& one) { return one.amount > Money::zero(); });
    if (first == available.end()) return std::nullopt;
    first->amount -= Money::from_nanos(1);
    ++taken[first->grant];
  }
  return taken;
}

std::map<GrantId, std::int64_t> summed(const Parts& parts) {
  std::map<GrantId, std::int64_t> sums;
  for (const Part& one : parts) sums[one.grant] += one.amount.nanos();
  return sums;
}

}  // namespace

TEST_CASE("an amount is taken from each grant in turn, as much as it has") {
  const Parts available{part(1, 5), part(2, 0), part(3, -4), part(4, 7)};
  CHECK(*ledger::burn(available, Money::from_nanos(5)) == Parts{part(1, 5)});
  CHECK(*ledger::burn(available, Money::from_nanos(6)) == Parts{part(1, 5), part(4, 1)});
  CHECK(*ledger::burn(available, Money::from_nanos(12)) == Parts{part(1, 5), part(4, 7)});
  CHECK_FALSE(ledger::burn(available, Money::from_nanos(13)).has_value());
  CHECK(ledger::burn(available, {})->empty());
}

TEST_CASE("what goes back goes to the last grant first, and to none more than it paid") {
  const Parts taken{part(1, 5), part(2, 3), part(3, 2)};
  CHECK(*ledger::unwind(taken, {}, Money::from_nanos(1)) == Parts{part(3, 1)});
  CHECK(*ledger::unwind(taken, {}, Money::from_nanos(4)) == Parts{part(3, 2), part(2, 2)});
  CHECK(*ledger::unwind(taken, Parts{part(3, 2), part(2, 2)}, Money::from_nanos(3)) == Parts{part(2, 1), part(1, 2)});
  CHECK_FALSE(ledger::unwind(taken, Parts{part(3, 2), part(2, 2)}, Money::from_nanos(7)).has_value());
}

TEST_CASE("burning and unwinding agree with doing it nano-dollar by nano-dollar") {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    CAPTURE(seed);
    Dice dice{tests::SeededRandom(seed)};
    Parts available;
    for (int i = 0, count = dice.below(6); i < count; ++i) available.push_back(part(i + 1, dice.below(9) - 2));
    const std::int64_t amount = dice.below(24);
    const auto burnt = ledger::burn(available, Money::from_nanos(amount));
    const auto expected = burn_one_by_one(available, amount);
    REQUIRE(burnt.has_value() == expected.has_value());
    if (!burnt) continue;
    CHECK(summed(*burnt) == *expected);
    CHECK(std::ranges::none_of(*burnt, [](const Part& one) { return one.amount <= Money::zero(); }));

    // Given back in two goes; the mirror image of taking it in the reverse order.
    const std::int64_t first = dice.below(static_cast<int>(amount) + 1);
    const std::int64_t second = dice.below(static_cast<int>(amount) + 2);
    const auto back = ledger::unwind(*burnt, {}, Money::from_nanos(first));
    REQUIRE(back.has_value());
    const auto more = ledger::unwind(*burnt, *back, Money::from_nanos(second));
    REQUIRE(more.has_value() == (first + second <= amount));
    Parts reversed(burnt->rbegin(), burnt->rend());
    auto all = *back;
    if (more) all.insert(all.end(), more->begin(), more->end());
    CHECK(summed(all) == *burn_one_by_one(reversed, first + (more ? second : 0)));
  }
}

TEST_CASE("the burn order is priority, sooner expiry, promotional before paid, effective date, id") {
  using catalog::Grant;
  using catalog::GrantKind;
  const Grant usual{.id = grant(5), .account = {}, .kind = GrantKind::paid, .effective = {10}, .expires = {100}};
  std::vector<Grant> order(6, usual);
  order[0].priority = 1, order[0].expires = {900};
  order[1].expires = {99}, order[1].effective = {50};
  order[2].kind = GrantKind::promotional, order[2].effective = {60}, order[2].id = grant(9);
  order[3].effective = {9}, order[3].id = grant(8);
  order[4].id = grant(4);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < order.size(); ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(catalog::burns_before(order[i], order[j]) == (i < j));
    }
}
