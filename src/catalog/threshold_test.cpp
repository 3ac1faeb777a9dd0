#include "catalog/threshold.h"

#include <doctest/doctest.h>

using catalog::level_of;
using catalog::parse_thresholds;
using catalog::ThresholdAction;
using catalog::Thresholds;

TEST_CASE("thresholds read back as they are written, in the order of their percents") {
  const auto read = parse_thresholds("100:block,80:warn");
  REQUIRE(read.has_value());
  CHECK(*read == Thresholds{{80, ThresholdAction::warn}, {100, ThresholdAction::block}});
  CHECK(to_string(*read) == "80:warn,100:block");
  CHECK(parse_thresholds("")->empty());
  CHECK(to_string(Thresholds{}).empty());
}

TEST_CASE("what is no threshold is refused, and a downgrade as not available") {
  for (const char* text : {"80", "80:", ":warn", "80:stop", "warn:80", "0:warn", "1001:warn", "80:warn,80:block",
                           "80.5:warn", " 80:warn", "99999999999:warn"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_thresholds(text).has_value());
  }
  CHECK(parse_thresholds("80:downgrade").error().message.contains("not available yet"));
  Thresholds many;
  for (int percent = 1; percent <= 17; ++percent) many.push_back({percent, ThresholdAction::warn});
  CHECK(catalog::check_thresholds(many).error().message.contains("at most 16"));
}

TEST_CASE("a threshold is crossed at its percentage, rounded up, and never without spend") {
  CHECK(level_of({80, ThresholdAction::warn}, 100) == 80);
  CHECK(level_of({80, ThresholdAction::warn}, 101) == 81);
  CHECK(level_of({100, ThresholdAction::warn}, 7) == 7);
  CHECK(level_of({1, ThresholdAction::warn}, 3) == 1);
  CHECK(level_of({100, ThresholdAction::block}, 0) == 1);
  CHECK(level_of({100, ThresholdAction::warn}, INT64_MAX) == INT64_MAX);
  CHECK(level_of({1'000, ThresholdAction::warn}, INT64_MAX) == INT64_MAX);
}
