#include "base/window.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "base/rfc3339.h"
#include "tests/support/seeded_random.h"

using namespace base;

namespace {

using Kind = WindowPolicy::Kind;

constexpr std::string_view tables[] = {
#include "tests/support/window_table.inc"
};
constexpr std::string_view rows = tables[0];
constexpr std::string_view sums = tables[1];

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t minute_ms = 60 * second_ms;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;
constexpr std::int64_t year_2200_ms = 7'258'118'400'000;

WindowPolicy policy(std::string_view window, std::string_view zone = "UTC") {
  const auto found = TimeZone::find(zone);
  REQUIRE_MESSAGE(found.has_value(), std::string(zone));
  const auto parsed = parse_window(window, *found);
  REQUIRE_MESSAGE(parsed.has_value(), std::string(window));
  return *parsed;
}

// "2024-02-29T12:00" or "2024-02-29T12:00Z" as milliseconds; the same number for a local time and for UTC.
std::int64_t ms(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  REQUIRE(std::sscanf(text.c_str(), "%d-%u-%uT%d:%d", &year, &month, &day, &hour, &minute) == 5);
  const std::chrono::sys_days date = std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day);
  return date.time_since_epoch().count() * day_ms + hour * hour_ms + minute * minute_ms;
}

WallTime at(const std::string& text) { return {ms(text)}; }

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

struct Begin {
  WindowLabel label;
  WallTime start;
};

Begin begin(const std::string& word) {
  const auto middle = word.find('=');
  REQUIRE(middle != std::string::npos);
  return {{ms(word.substr(0, middle))}, {ms(word.substr(middle + 1))}};
}

// What holds for the windows around any time: they cover it once, and their labels rise.
void check_neighbours(const WindowPolicy& policy, WallTime time) {
  const Window window = window_at(policy, time);
  CHECK(window.contains(time));
  CHECK(window_at(policy, window.start) == window);
  CHECK(window_at(policy, {window.end.ms - 1}) == window);
  const Window next = window_at(policy, window.end);
  CHECK(next.start == window.end);
  CHECK(next.label > window.label);
  const Window before = window_at(policy, {window.start.ms - 1});
  CHECK(before.end == window.start);
  CHECK(before.label < window.label);
}

}  // namespace

TEST_CASE("windows around changes of clocks are those of an independent table") {
  std::istringstream in{std::string(rows)};
  int seen = 0;
  for (std::string line; std::getline(in, line);) {
    const auto word = words(line);
    if (word.empty()) continue;
    REQUIRE(word.size() == 6);
    CAPTURE(line);
    const WindowPolicy here = policy(word[1], word[0]);
    for (std::size_t i = 2; i + 1 < word.size(); ++i) {
      const auto [label, start] = begin(word[i]);
      const Window expected{label, start, begin(word[i + 1]).start};
      CHECK(window_at(here, expected.start) == expected);
      CHECK(window_at(here, {expected.end.ms - 1}) == expected);
      ++seen;
    }
  }
  CHECK(seen > 700);
}

TEST_CASE("every day since 1970 and every hour since 2005 begins when an independent table says so") {
  std::istringstream in{std::string(sums)};
  int seen = 0;
  for (std::string line; std::getline(in, line);) {
    const auto word = words(line);
    if (word.empty()) continue;
    REQUIRE(word.size() == 6);
    CAPTURE(line);
    const WindowPolicy here = policy(word[1], word[0]);
    const WindowLabel first{ms(word[2] + "-01-01T00:00")};
    const WindowLabel last{ms(word[3] + "-12-31T23:00")};
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    Window window = window_at(here, here.zone.first_at({first.ms}));
    for (; window.label <= last; window = window_at(here, window.end)) {
      ++count;
      sum = sum * 31 + static_cast<std::uint64_t>(window.label.ms / minute_ms * 7 + window.start.ms / minute_ms);
    }
    CHECK(std::to_string(count) == word[4]);
    CHECK(std::to_string(sum) == word[5]);
    ++seen;
  }
  CHECK(seen >= 40);
}

TEST_CASE("windows follow each other without gap or overlap, and labels rise") {
  tests::SeededRandom random(3);
  for (const char* zone : {"UTC",
                           "Europe/Berlin",
                           "America/New_York",
                           "America/St_Johns",
                           "America/Sao_Paulo",
                           "America/Santiago",
                           "America/Havana",
                           "Asia/Beirut",
                           "Asia/Kathmandu",
                           "Asia/Kolkata",
                           "Africa/Casablanca",
                           "Africa/Monrovia",
                           "Europe/Dublin",
                           "Australia/Lord_Howe",
                           "Pacific/Chatham",
                           "Pacific/Apia",
                           "Pacific/Kwajalein",
                           "Antarctica/Casey",
                           "Antarctica/Troll",
                           "America/Scoresbysund"}) {
    for (const char* window : {"minute", "hour", "day", "week", "month", "year", "cycle:1", "cycle:15", "cycle:29",
                               "cycle:30", "cycle:31"}) {
      CAPTURE(zone);
      CAPTURE(window);
      const WindowPolicy here = policy(window, zone);
      for (int i = 0; i < 200; ++i) {
        const WallTime time{random.between(2 * 366 * day_ms, year_2200_ms)};
        CAPTURE(time.ms);
        check_neighbours(here, time);
      }
    }
  }
}

TEST_CASE("an hour and a day that clocks repeat are one window, longer and never two") {
  struct Row {
    const char* zone;
    const char* window;
    const char* at;
    std::int64_t length_ms;
  };
  for (const Row& row : {
           Row{"Europe/Berlin", "hour", "2024-10-27T00:30Z", 2 * hour_ms},
           Row{"Europe/Berlin", "hour", "2024-10-27T01:30Z", 2 * hour_ms},
           Row{"Australia/Lord_Howe", "hour", "2023-04-01T14:59Z", 90 * minute_ms},
           Row{"Australia/Lord_Howe", "hour", "2023-09-30T15:45Z", 30 * minute_ms},
           Row{"America/St_Johns", "day", "2008-11-02T02:45Z", 25 * hour_ms},  // shows 1 November, 23:15, again
           Row{"Africa/Casablanca", "day", "2023-03-19T12:00Z", 25 * hour_ms},
           Row{"Pacific/Apia", "week", "2011-12-30T12:00Z", 6 * 24 * hour_ms},
       }) {
    CAPTURE(row.zone);
    CAPTURE(row.at);
    const Window window = window_at(policy(row.window, row.zone), at(row.at));
    CHECK(window.end.ms - window.start.ms == row.length_ms);
  }
  CHECK(window_at(policy("day", "America/St_Johns"), at("2008-11-02T02:45Z")).label.ms == ms("2008-11-02T00:00"));
}

TEST_CASE("a minute is a minute of UTC in every zone, and lasts one") {
  for (const char* zone : {"UTC", "Europe/Berlin", "Pacific/Chatham", "Africa/Monrovia"}) {
    CAPTURE(zone);
    for (const char* time : {"1971-06-01T12:34Z", "2024-10-27T00:59Z", "2024-10-27T01:00Z"}) {
      const Window window = window_at(policy("minute", zone), {ms(time) + 59'999});
      CHECK(window == Window{{ms(time)}, {ms(time)}, {ms(time) + minute_ms}});
    }
  }
}

TEST_CASE("a cycle from the 31st begins on the last day of a shorter month") {
  struct Row {
    const char* at;
    const char* start;
    const char* end;
  };
  for (const Row& row : {
           Row{"2024-02-28T23:59Z", "2024-01-31T00:00Z", "2024-02-29T00:00Z"},
           Row{"2024-02-29T00:00Z", "2024-02-29T00:00Z", "2024-03-31T00:00Z"},
           Row{"2023-02-28T00:00Z", "2023-02-28T00:00Z", "2023-03-31T00:00Z"},
           Row{"2023-04-30T12:00Z", "2023-04-30T00:00Z", "2023-05-31T00:00Z"},
           Row{"2023-12-31T00:00Z", "2023-12-31T00:00Z", "2024-01-31T00:00Z"},
       }) {
    CAPTURE(row.at);
    CHECK(window_at(policy("cycle:31"), at(row.at)) == Window{{ms(row.start)}, at(row.start), at(row.end)});
  }
}

TEST_CASE("a total and a rolling window are one counter for ever, and their end can be printed") {
  for (const char* window : {"total", "rolling:5h"}) {
    CAPTURE(window);
    for (const WallTime time : {WallTime{0}, at("2024-10-27T00:30Z"), WallTime{far_future.ms - 1}})
      CHECK(window_at(policy(window, "Europe/Berlin"), time) == Window{{0}, {0}, far_future});
  }
  CHECK(to_rfc3339(far_future) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("a clock gone wrong finds one counter at either end of time") {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const char* zone : {"UTC", "America/St_Johns"}) {
    for (const char* window : {"minute", "hour", "day", "week", "month", "year", "cycle:31"}) {
      CAPTURE(zone);
      CAPTURE(window);
      const WindowPolicy here = policy(window, zone);
      CHECK(window_at(here, {0}).contains({0}));
      CHECK(window_at(here, {least}) == window_at(here, {0}));
      CHECK(window_at(here, {-1}) == window_at(here, {0}));
      const Window last = window_at(here, {most});
      CHECK(last == window_at(here, {far_future.ms - 1}));
      CHECK(last.end == far_future);
    }
  }
  const WindowPolicy rolling = policy("rolling:366d");
  CHECK(sub_label(rolling, {least}) == sub_label(rolling, {0}));
  CHECK(sub_label(rolling, {most}) == sub_label(rolling, far_future));
  CHECK(first_live_sub_label(rolling, {least}, 0) <= sub_label(rolling, {0}));
}

TEST_CASE("a rolling window counts all that is younger than its span, and little more") {
  tests::SeededRandom random(4);
  for (const std::int64_t span_ms : {1 * second_ms, 7 * second_ms, 90 * second_ms, 1 * hour_ms, 5 * hour_ms, 1 * day_ms,
                                     7 * day_ms, 30 * day_ms, 366 * day_ms}) {
    const WindowPolicy rolling{.kind = Kind::rolling, .span_ms = span_ms};
    CAPTURE(span_ms);
    const std::int64_t sub_ms = sub_window_ms(rolling);
    for (int i = 0; i < 5000; ++i) {
      const WallTime now{random.between(0, year_2200_ms)};
      const std::int64_t skew_ms = random.between(0, 1) * random.between(0, 2 * sub_ms);
      const std::int64_t oldest_ms = now.ms - span_ms - skew_ms;  // what is younger must count
      const WindowLabel first = first_live_sub_label(rolling, now, skew_ms);
      CAPTURE(now.ms);
      CAPTURE(skew_ms);
      // At the edge, near it, and anywhere.
      for (const std::int64_t stamp_ms :
           {oldest_ms + 1, oldest_ms + random.between(1, sub_ms), random.between(oldest_ms + 1, now.ms + skew_ms)})
        if (stamp_ms >= 0) CHECK(sub_label(rolling, {stamp_ms}) >= first);
      if (oldest_ms >= sub_ms) CHECK(sub_label(rolling, {oldest_ms - sub_ms}) < first);
      CHECK(first_live_sub_label(rolling, {now.ms + random.between(0, span_ms)}, skew_ms) >= first);
    }
  }
}

TEST_CASE("a sub-window counts until the moment at which it is said to leave") {
  tests::SeededRandom random(5);
  for (const char* window : {"rolling:1s", "rolling:90s", "rolling:5h", "rolling:30d"}) {
    CAPTURE(window);
    const WindowPolicy rolling = policy(window);
    for (int i = 0; i < 1000; ++i) {
      const WindowLabel sub = sub_label(rolling, {random.between(0, year_2200_ms)});
      const std::int64_t skew_ms = random.between(0, 10'000);
      const WallTime leaves = sub_window_leaves_at(rolling, sub, skew_ms);
      CAPTURE(sub.ms);
      CHECK(first_live_sub_label(rolling, {leaves.ms - 1}, skew_ms) <= sub);
      CHECK(first_live_sub_label(rolling, leaves, skew_ms) > sub);
    }
  }
}

TEST_CASE("a rolling window's parts are round, and what is stored by them stays readable") {
  struct Row {
    const char* window;
    std::int64_t sub_ms;
  };
  for (const Row& row : {
           Row{"rolling:1s", second_ms},       Row{"rolling:90s", second_ms},      Row{"rolling:119s", second_ms},
           Row{"rolling:2m", 2 * second_ms},   Row{"rolling:5m", 5 * second_ms},   Row{"rolling:10m", 10 * second_ms},
           Row{"rolling:15m", 15 * second_ms}, Row{"rolling:30m", 30 * second_ms}, Row{"rolling:1h", minute_ms},
           Row{"rolling:2h", 2 * minute_ms},   Row{"rolling:5h", 5 * minute_ms},   Row{"rolling:10h", 10 * minute_ms},
           Row{"rolling:1d", 15 * minute_ms},  Row{"rolling:30h", 30 * minute_ms}, Row{"rolling:3d", hour_ms},
           Row{"rolling:7d", 2 * hour_ms},     Row{"rolling:8d", 3 * hour_ms},     Row{"rolling:15d", 6 * hour_ms},
           Row{"rolling:30d", 12 * hour_ms},   Row{"rolling:60d", day_ms},         Row{"rolling:120d", 2 * day_ms},
           Row{"rolling:366d", 5 * day_ms},
       }) {
    CAPTURE(row.window);
    CHECK(sub_window_ms(policy(row.window)) == row.sub_ms);
  }
  CHECK(sub_label(policy("rolling:5h"), at("2024-06-01T12:34Z")).ms == ms("2024-06-01T12:30"));
}

TEST_CASE("a window's text reads back as the same window") {
  struct Row {
    const char* text;
    WindowPolicy policy;
    const char* written;
  };
  for (const Row& row : {
           Row{"minute", {.kind = Kind::minute}, "minute"},
           Row{"minutely", {.kind = Kind::minute}, "minute"},
           Row{"hour", {.kind = Kind::hour}, "hour"},
           Row{"hourly", {.kind = Kind::hour}, "hour"},
           Row{"day", {.kind = Kind::day}, "day"},
           Row{"daily", {.kind = Kind::day}, "day"},
           Row{"week", {.kind = Kind::week}, "week"},
           Row{"weekly", {.kind = Kind::week}, "week"},
           Row{"month", {.kind = Kind::month}, "month"},
           Row{"monthly", {.kind = Kind::month}, "month"},
           Row{"year", {.kind = Kind::year}, "year"},
           Row{"yearly", {.kind = Kind::year}, "year"},
           Row{"total", {.kind = Kind::total}, "total"},
           Row{"cycle:1", {.kind = Kind::cycle, .cycle_day = 1}, "cycle:1"},
           Row{"cycle:31", {.kind = Kind::cycle, .cycle_day = 31}, "cycle:31"},
           Row{"rolling:1s", {.kind = Kind::rolling, .span_ms = second_ms}, "rolling:1s"},
           Row{"rolling:90s", {.kind = Kind::rolling, .span_ms = 90 * second_ms}, "rolling:90s"},
           Row{"rolling:120s", {.kind = Kind::rolling, .span_ms = 2 * minute_ms}, "rolling:2m"},
           Row{"rolling:5h", {.kind = Kind::rolling, .span_ms = 5 * hour_ms}, "rolling:5h"},
           Row{"rolling:36h", {.kind = Kind::rolling, .span_ms = 36 * hour_ms}, "rolling:36h"},
           Row{"rolling:1w", {.kind = Kind::rolling, .span_ms = 7 * day_ms}, "rolling:7d"},
           Row{"rolling:52w", {.kind = Kind::rolling, .span_ms = 364 * day_ms}, "rolling:364d"},
           Row{"rolling:366d", {.kind = Kind::rolling, .span_ms = 366 * day_ms}, "rolling:366d"},
       }) {
    CAPTURE(row.text);
    for (const char* zone : {"UTC", "Europe/Berlin"}) {
      WindowPolicy expected = row.policy;
      expected.zone = *TimeZone::find(zone);
      CHECK(policy(row.text, zone) == expected);
      CHECK(to_string(expected) == row.written);
      CHECK(policy(row.written, zone) == expected);
    }
  }
}

TEST_CASE("what is not a window is refused by name, with what is allowed") {
  struct Row {
    const char* text;
    const char* message;
  };
  constexpr const char* windows =
      "windows are minute, hour, day, week, month, year, total, a cycle from a day of the month (cycle:15) and a "
      "rolling span (rolling:5h)";
  constexpr const char* cycles = "write cycle:1 to cycle:31";
  constexpr const char* spans = "write a whole number of s, m, h, d or w from rolling:1s to rolling:366d";
  for (const Row& row : {
           Row{"", windows},
           Row{"fortnight", windows},
           Row{"Day", windows},
           Row{" day", windows},
           Row{"day ", windows},
           Row{"cycle", windows},
           Row{"rolling", windows},
           Row{"5h", windows},
           Row{"cycle:", cycles},
           Row{"cycle:0", cycles},
           Row{"cycle:32", cycles},
           Row{"cycle:-1", cycles},
           Row{"cycle:+1", cycles},
           Row{"cycle:15th", cycles},
           Row{"cycle:1.5", cycles},
           Row{"cycle:18446744073709551617", cycles},
           Row{"rolling:", spans},
           Row{"rolling:h", spans},
           Row{"rolling:5", spans},
           Row{"rolling:0h", spans},
           Row{"rolling:-5h", spans},
           Row{"rolling:5H", spans},
           Row{"rolling:5 h", spans},
           Row{"rolling:5hh", spans},
           Row{"rolling:500ms", spans},
           Row{"rolling:1y", spans},
           Row{"rolling:1.5h", spans},
           Row{"rolling:367d", spans},
           Row{"rolling:53w", spans},
           Row{"rolling:9223372036854775807w", spans},
           Row{"rolling:99999999999999999999s", spans},
       }) {
    CAPTURE(row.text);
    const auto parsed = parse_window(row.text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().type == ErrorType::invalid_request);
    CHECK(parsed.error().field == "window");
    CHECK(parsed.error().message.starts_with("'" + std::string(row.text) + "' is not a "));
    CHECK(parsed.error().message.ends_with(row.message));
  }
  CHECK(parse_window(std::string(100'000, 'x')).error().message.size() < 300);
}
