#include "identity/attempts.h"

#include <doctest/doctest.h>

#include <string>

using identity::LoginAttempts;

namespace {
constexpr base::WallTime start{1'795'219'200'000};
base::WallTime after(std::int64_t ms) { return {start.ms + ms}; }
}  // namespace

TEST_CASE("five failures are free, and each one more waits twice as long, up to a quarter of an hour") {
  LoginAttempts attempts;
  for (int i = 1; i < LoginAttempts::free_failures; ++i) {
    attempts.failed("alice", "192.0.2.1", start);
    CHECK(attempts.wait_ms("alice", "192.0.2.1", start) == 0);
  }
  std::int64_t waits = 1000;
  for (int more = 0; more < 9; ++more, waits *= 2) {
    attempts.failed("alice", "192.0.2.1", start);
    CHECK(attempts.wait_ms("alice", "192.0.2.1", start) == waits);
  }
  for (int more = 0; more < 100; ++more) attempts.failed("alice", "192.0.2.1", start);
  CHECK(attempts.wait_ms("alice", "192.0.2.1", start) == LoginAttempts::longest_wait_ms);
  CHECK(attempts.wait_ms("alice", "192.0.2.1", after(LoginAttempts::longest_wait_ms - 1)) == 1);
  CHECK(attempts.wait_ms("alice", "192.0.2.1", after(LoginAttempts::longest_wait_ms)) == 0);
}

TEST_CASE("who guesses one name from many addresses waits, and who guesses many names from one") {
  LoginAttempts attempts;
  for (int i = 0; i < 5; ++i) attempts.failed("alice", "192.0.2." + std::to_string(i), start);
  CHECK(attempts.wait_ms("alice", "198.51.100.1", start) == 1000);
  CHECK(attempts.wait_ms("bob", "198.51.100.1", start) == 0);
  for (int i = 0; i < 5; ++i) attempts.failed("user" + std::to_string(i), "203.0.113.9", start);
  CHECK(attempts.wait_ms("nobody", "203.0.113.9", start) == 1000);
  CHECK(attempts.wait_ms({}, "203.0.113.9", start) == 1000);
}

TEST_CASE("a success forgets the failures of its name, and not those of an address") {
  LoginAttempts attempts;
  for (int i = 0; i < 5; ++i) attempts.failed("alice", "192.0.2.1", start);
  attempts.succeeded("alice");
  CHECK(attempts.wait_ms("alice", "198.51.100.1", start) == 0);
  CHECK(attempts.wait_ms("alice", "192.0.2.1", start) == 1000);
}

TEST_CASE("failures of long ago are forgotten, and a clock that was put back makes nobody wait longer") {
  LoginAttempts attempts;
  for (int i = 0; i < 6; ++i) attempts.failed("alice", "192.0.2.1", start);
  CHECK(attempts.wait_ms("alice", "192.0.2.1", after(-86'400'000)) == 2000);
  attempts.failed("alice", "192.0.2.1", after(2 * LoginAttempts::longest_wait_ms + 1));
  CHECK(attempts.wait_ms("alice", "192.0.2.1", after(2 * LoginAttempts::longest_wait_ms + 1)) == 0);
}

TEST_CASE("what is remembered is bounded") {
  LoginAttempts attempts;
  for (int i = 0; i < 5; ++i) attempts.failed("alice", "192.0.2.1", start);
  for (std::size_t i = 0; i < LoginAttempts::most_remembered; ++i)
    attempts.failed("name" + std::to_string(i), "192.0.2.1", after(LoginAttempts::longest_wait_ms + 1));
  // What waits no more went first; the address, which goes on guessing, stays.
  CHECK(attempts.wait_ms("alice", "198.51.100.1", start) == 0);
  CHECK(attempts.wait_ms({}, "192.0.2.1", after(LoginAttempts::longest_wait_ms + 1)) == LoginAttempts::longest_wait_ms);
}
