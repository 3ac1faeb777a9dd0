#include "base/time_text.h"

#include <doctest/doctest.h>

#include "base/rfc3339.h"

using base::parse_time;
using base::parse_time_or_date;

TEST_CASE("a time is read as RFC 3339 writes it, and nothing looser") {
  struct Row {
    const char* text;
    const char* expected;  // nullptr: refused
  };
  for (const Row& row :
       {Row{"2026-11-21T04:06:00Z", "2026-11-21T04:06:00.000Z"},
        Row{"2026-11-21t04:06:00.1239z", "2026-11-21T04:06:00.123Z"},
        Row{"2026-11-21T04:06:00+02:30", "2026-11-21T01:36:00.000Z"},
        Row{"2026-11-21T23:06:00-01:00", "2026-11-22T00:06:00.000Z"},
        Row{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"}, Row{"", nullptr}, Row{"2023-02-29T00:00:00Z", nullptr},
        Row{"2026-13-01T00:00:00Z", nullptr}, Row{"2026-11-21 04:06:00Z", nullptr}, Row{"2026-11-21T04:06:00", nullptr},
        Row{"2026-11-21T24:00:00Z", nullptr}, Row{"2026-11-21T04:60:00Z", nullptr},
        Row{"2026-11-21T04:06:60Z", nullptr}, Row{"2026-11-21T04:06:00.Z", nullptr},
        Row{"2026-11-21T04:06:00Zx", nullptr}, Row{"2026-11-21T04:06:00+2:00", nullptr},
        Row{"1969-12-31T23:00:00Z", nullptr}, Row{"1970-01-01T00:00:00+01:00", nullptr}, Row{"2026-11-21", nullptr}}) {
    CAPTURE(row.text);
    const auto at = parse_time(row.text);
    CHECK(at.has_value() == (row.expected != nullptr));
    if (at && row.expected != nullptr) CHECK(base::to_rfc3339(*at) == row.expected);
  }
  CHECK(base::to_rfc3339(*parse_time_or_date("2026-11-21")) == "2026-11-21T00:00:00.000Z");
}
