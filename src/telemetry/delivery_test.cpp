#include "telemetry/delivery.h"

#include <doctest/doctest.h>

#include "tests/support/seeded_random.h"

using namespace telemetry;
using Kind = Verdict::Kind;

TEST_CASE("what may succeed later is sent again, and nothing else") {
  tests::SeededRandom random(1);
  for (const int status : {0, 429, 502, 503, 504}) {
    CAPTURE(status);
    CHECK(judge({status}, 1, random).kind == Kind::again);
    CHECK(judge({status}, export_tries_max, random).kind == Kind::given_up);
  }
  for (const int status : {301, 400, 401, 403, 404, 408, 413, 500, 501, 599}) {
    CAPTURE(status);
    CHECK(judge({status}, 1, random).kind == Kind::refused);
  }
  for (const int status : {200, 202, 204}) CHECK(judge({status}, export_tries_max, random).kind == Kind::delivered);
}

TEST_CASE("the time to the next try doubles up to half a minute, and half of it is chance") {
  tests::SeededRandom random(2);
  std::int64_t whole = 1'000;
  for (int tries = 1; tries < export_tries_max; ++tries) {
    std::int64_t shortest = whole, longest = 0;
    for (int i = 0; i < 200; ++i) {
      const std::int64_t wait = judge({503}, tries, random).wait_ms;
      shortest = std::min(shortest, wait);
      longest = std::max(longest, wait);
    }
    CAPTURE(tries);
    CHECK(shortest >= whole / 2);
    CHECK(longest <= whole);
    CHECK(longest - shortest > whole / 3);
    whole = std::min<std::int64_t>(2 * whole, 30'000);
  }
}

TEST_CASE("a collector says how long to wait, within reason") {
  tests::SeededRandom random(3);
  CHECK(judge({503, "7"}, 1, random) == Verdict{Kind::again, 7'000});
  CHECK(judge({429, "0"}, 3, random) == Verdict{Kind::again, 0});
  CHECK(judge({503, "86400"}, 1, random) == Verdict{Kind::again, 300'000});
  for (const std::string_view unread : {"", "-1", "soon", "Mon, 23 Nov 2026 15:00:00 GMT", "7 s"}) {
    CAPTURE(unread);
    const Verdict verdict = judge({503, unread}, 1, random);
    CHECK(verdict.wait_ms >= 500);
    CHECK(verdict.wait_ms <= 1'000);
  }
}
