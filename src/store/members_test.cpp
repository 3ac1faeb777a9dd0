#include "store/members.h"

#include <doctest/doctest.h>

using base::AccountId;
using base::WallTime;
using store::Members;

namespace {

AccountId account(int number) {
  AccountId id;
  id.uuid.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}
const AccountId left = account(1), right = account(2), team = account(3), member = account(4), other = account(5);
constexpr WallTime moved{1'000'000}, before{999'999}, after{moved.ms + Members::overlap_ms};

// A member of a team that was below `left`, and is below `right`.
Members members_of(AccountId top) {
  return Members::of(top, {{left, {}}, {right, {}}, {team, right}, {member, team}, {other, left}},
                     std::vector<store::Move>{{team, left, moved, moved}});
}

}  // namespace

TEST_CASE("who is moved belongs to where it was before, and to where it is since, with all below it") {
  const Members of_left = members_of(left), of_right = members_of(right);
  for (const AccountId one : {team, member}) {
    CHECK(of_left.holds(one, before));
    CHECK_FALSE(of_left.holds(one, after));
    CHECK_FALSE(of_right.holds(one, before));
    CHECK(of_right.holds(one, after));
    CHECK(members_of(team).holds(one, before));
    CHECK(members_of(team).holds(one, after));
  }
  CHECK(of_left.all() == std::set{left, team, member, other});
  CHECK(of_right.all() == std::set{right, team, member});
  CHECK(of_left.holds(other, before));
  CHECK(of_left.holds(other, after));
  CHECK_FALSE(of_right.holds(other, before));
}

TEST_CASE("for a minute after a move it belongs to both, for a call may have waited") {
  for (const WallTime at : {moved, WallTime{after.ms - 1}}) {
    CHECK(members_of(left).holds(member, at));
    CHECK(members_of(right).holds(member, at));
  }
}

TEST_CASE("who is moved away and back, or turned about, was where it was each time") {
  constexpr WallTime back{3'000'000};
  const std::vector<store::Move> there_and_back{{team, left, moved, moved}, {team, right, back, back}};
  const Members of_left = Members::of(left, {{left, {}}, {right, {}}, {team, left}}, there_and_back);
  CHECK(of_left.holds(team, before));
  CHECK_FALSE(of_left.holds(team, {2'000'000}));
  CHECK(of_left.holds(team, back));

  // The member was below the team, and then the team below the member.
  const std::vector<store::Move> turned{{member, team, moved, moved}, {team, {}, {moved.ms + 10}, {moved.ms + 10}}};
  const Members::Parents now{{team, member}, {member, {}}};
  CHECK(Members::of(team, now, turned).holds(member, before));
  CHECK_FALSE(Members::of(team, now, turned).holds(member, after));
  CHECK(Members::of(member, now, turned).holds(team, after));
  CHECK_FALSE(Members::of(member, now, turned).holds(team, before));
  CHECK_FALSE(Members::of(left, now, turned).holds(member, moved));  // while each is below the other
}

TEST_CASE("who is moved after the clock was set back belongs to both until the clock is where it was") {
  constexpr WallTime recorded{9'000'000};
  const std::vector<store::Move> move{{team, left, moved, recorded}};
  const Members::Parents now{{left, {}}, {right, {}}, {team, right}};
  const Members of_left = Members::of(left, now, move), of_right = Members::of(right, now, move);
  CHECK(of_left.holds(team, recorded));
  CHECK_FALSE(of_left.holds(team, {recorded.ms + Members::overlap_ms}));
  CHECK(of_right.holds(team, moved));
  CHECK_FALSE(of_right.holds(team, before));
}
