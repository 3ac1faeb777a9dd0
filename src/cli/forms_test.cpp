#include "cli/forms.h"

#include <doctest/doctest.h>

#include "cli/target.h"

using namespace cli;

TEST_CASE("a limit is written as an amount, a unit and a window") {
  for (const char* text : {"10 usd/day", "10 usd per day", " 10  usd / day "}) {
    CAPTURE(text);
    CHECK(parse_limit_form(text) == LimitForm{"10", "usd", "day"});
  }
  CHECK(parse_limit_form("x eur/decade") == LimitForm{"x", "eur", "decade"});
  CHECK(parse_limit_form("10 usd in total") == LimitForm{"10", "usd", "total"});
  CHECK(parse_limit_form("5 requests/rolling:5h") == LimitForm{"5", "requests", "rolling:5h"});
  for (const char* text : {"", "10", "10 usd", "usd/day", "10 usd day", "10 usd each day", "10 usd/day/month",
                           "10 usd/day extra", "10/usd/day"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_limit_form(text).has_value());
  }
}

TEST_CASE("a path keeps its slashes, and all else that could be misread is escaped") {
  admin::Request request;
  request.path = "/api/v1/accounts/a b?ü%";
  CHECK(target_of(request) == "/api/v1/accounts/a%20b%3F%C3%BC%25");
  request.path = "/api/v1/usage";
  request.query = {{"model", "gpt-4o&x=1"}, {"from", "2026-11-01"}};
  CHECK(target_of(request) == "/api/v1/usage?model=gpt-4o%26x%3D1&from=2026-11-01");
}
