#include "catalog/grant.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/seeded_random.h"

using namespace catalog;

namespace {

Grant grant_of(base::Random& random) {
  Grant grant;
  grant.id = base::GrantId::create({1}, random);
  return grant;
}

}  // namespace

TEST_CASE("what is owed of one grant the account's others lack: all of them are looked at where one changed or went") {
  tests::SeededRandom random(1);
  const std::vector<Grant> before{grant_of(random), grant_of(random)};
  std::vector<Grant> after = before;
  CHECK(to_look_at_anew(before, after).empty());
  after[1].credited = base::Money::from_nanos(-5);
  CHECK(to_look_at_anew(before, after) == std::vector{before[0].id, before[1].id});
  after.pop_back();
  CHECK(to_look_at_anew(before, after) == std::vector{before[0].id, before[1].id});
}

TEST_CASE("a grant that was used up and comes back with a refund is looked at, and no other") {
  tests::SeededRandom random(1);
  const std::vector<Grant> after{grant_of(random), grant_of(random)};
  CHECK(to_look_at_anew(std::vector{after[0]}, after) == std::vector{after[1].id});
  CHECK(to_look_at_anew({}, after) == std::vector{after[0].id, after[1].id});
}
