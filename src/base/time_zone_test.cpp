#include "base/time_zone.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

using namespace base;

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t year_2200_ms = 7'258'118'400'000;

// Sets a variable of the environment until the end of a scope.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    if (before_)
      setenv(name_, before_->c_str(), 1);
    else
      unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TimeZone zone(std::string_view name) {
  const auto found = TimeZone::find(name);
  REQUIRE_MESSAGE(found.has_value(), std::string(name));
  return *found;
}

std::vector<std::string> all_zones() {
  const fs::path root = "/usr/share/zoneinfo";
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (entry.is_regular_file() && name[0] >= 'A' && name[0] <= 'Z') names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

// What the C library says the zone of $TZ is ahead of UTC.
std::int64_t offset_ms_by_libc(WallTime at) {
  const std::time_t seconds = at.ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return local.tm_gmtoff * 1000;
}

// Holds the clock against what the C library's has shown in the thirty hours up to `at`, at every quarter of an hour.
// No zone's clock was ever put back by more. Where it was put back of late, the most that it has shown lies between
// those quarters.
void check_against_libc(TimeZone here, WallTime at) {
  const std::int64_t offset_ms = offset_ms_by_libc(at);
  std::int64_t most_ms = at.ms + offset_ms;
  std::int64_t between_ms = 0;
  for (WallTime past{at.ms - 30 * hour_ms}; past < at; past.ms += 15 * minute_ms) {
    const std::int64_t past_offset_ms = offset_ms_by_libc(past);
    most_ms = std::max(most_ms, past.ms + past_offset_ms);
    if (past_offset_ms > offset_ms) between_ms = 15 * minute_ms;
  }
  CAPTURE(at.ms);
  CHECK(here.local_at(at) >= LocalTime{most_ms});
  CHECK(here.local_at(at) <= LocalTime{most_ms + between_ms});
}

// When between the two the clock is put back, to the second.
std::optional<WallTime> put_back_between(WallTime before, WallTime after) {
  const std::int64_t old_offset_ms = offset_ms_by_libc(before);
  if (offset_ms_by_libc(after) >= old_offset_ms) return std::nullopt;
  while (after.ms - before.ms > 1000) {
    const WallTime middle{(before.ms + after.ms) / 2};
    (offset_ms_by_libc(middle) < old_offset_ms ? after : before) = middle;
  }
  return after;
}

void append_big_endian(std::string& out, std::int32_t number) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(number >> shift));
}

struct Change {
  std::int32_t at_s = 0;
  std::int32_t offset_s = 0;
};

// A zone file (RFC 8536, version 1) of a zone that is UTC before its first change.
void write_zone(const fs::path& path, const std::vector<Change>& changes) {
  const auto count = static_cast<std::int32_t>(changes.size());
  std::string out("TZif");
  out.append(16, '\0');
  for (const std::int32_t number : {0, 0, 0, count, count + 1, 4}) append_big_endian(out, number);
  for (const Change& change : changes) append_big_endian(out, change.at_s);
  for (std::int32_t type = 1; type <= count; ++type) out.push_back(static_cast<char>(type));
  const auto append_type = [&out](std::int32_t offset_s) {
    append_big_endian(out, offset_s);
    out.append(2, '\0');
  };
  append_type(0);
  for (const Change& change : changes) append_type(change.offset_s);
  out.append("LMT").push_back('\0');
  std::ofstream(path, std::ios::binary) << out;
}

}  // namespace

TEST_CASE("every zone's clock shows what the C library's shows, and stands still where that steps back") {
  tests::SeededRandom random(1);
  const auto names = all_zones();
  REQUIRE(names.size() > 300);
  int put_back = 0;
  for (const std::string& name : names) {
    CAPTURE(name);
    const TimeZone here = zone(name);
    const Environment variable("TZ", ":" + name);
    tzset();
    for (int i = 0; i < 20; ++i) {
      const WallTime at{random.between(0, year_2200_ms - 183 * 24 * hour_ms)};
      check_against_libc(here, at);
      if (const auto back = put_back_between(at, {at.ms + 183 * 24 * hour_ms})) {
        check_against_libc(here, {back->ms + random.between(0, 2 * hour_ms)});
        ++put_back;
      }
    }
  }
  CHECK(put_back > 500);
}

TEST_CASE("a local time's first instant is where the clock comes to it") {
  tests::SeededRandom random(2);
  for (const char* name : {"UTC", "Europe/Berlin", "America/St_Johns", "Antarctica/Casey", "Pacific/Apia",
                           "Africa/Monrovia", "Australia/Lord_Howe"}) {
    CAPTURE(name);
    const TimeZone here = zone(name);
    for (int i = 0; i < 2000; ++i) {
      const LocalTime local{random.between(0, year_2200_ms)};
      CAPTURE(local.ms);
      const WallTime first = here.first_at(local);
      CHECK(here.local_at(first) >= local);
      CHECK(here.local_at({first.ms - 1}) < local);
    }
  }
}

TEST_CASE("a zone that changes again before its clock has caught up stands still until it has") {
  const tests::TemporaryFolder folder;
  const Environment variable("TZDIR", folder.path().string());
  // Back by three hours at 10:00, on by one at 7:30, when it shows 8:30; it shows 10:00 again an hour and a half later.
  constexpr std::int32_t ten = 36'000;
  write_zone(folder.path() / "Restless", {{ten, -3 * 3600}, {ten + 1800, -2 * 3600}});
  const TimeZone here = zone("Restless");
  constexpr std::int64_t ten_ms = 10 * hour_ms;
  constexpr std::int64_t caught_up_ms = ten_ms + 2 * hour_ms;
  CHECK(here.local_at({ten_ms - 1}) == LocalTime{ten_ms - 1});
  for (const std::int64_t at_ms : {ten_ms, ten_ms + 10 * minute_ms, ten_ms + 30 * minute_ms, caught_up_ms - 1})
    CHECK(here.local_at({at_ms}) == LocalTime{ten_ms - 1});
  CHECK(here.local_at({caught_up_ms}) == LocalTime{ten_ms});
  CHECK(here.first_at({ten_ms - 1}) == WallTime{ten_ms - 1});
  CHECK(here.first_at({ten_ms}) == WallTime{caught_up_ms});
}

TEST_CASE("a name that is no zone is refused, with the one that was probably meant") {
  struct Row {
    const char* name;
    const char* meant;
  };
  for (const Row& row :
       {Row{"Europe/Berln", "Europe/Berlin"}, Row{"europe/berlin", "Europe/Berlin"}, Row{"Kathmandu", "Asia/Kathmandu"},
        Row{"America/New York", "America/New_York"}, Row{"utc", "UTC"}}) {
    CAPTURE(row.name);
    const auto found = TimeZone::find(row.name);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().type == ErrorType::invalid_request);
    CHECK(found.error().field == "time_zone");
    CHECK(found.error().message ==
          "'" + std::string(row.name) + "' is not a time zone of the IANA database; did you mean '" + row.meant + "'?");
  }
}

TEST_CASE("only names of the database are zones: no path, no rule of the machine's own, no zone with leap seconds") {
  for (const char* name :
       {"", "Europe", "/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin", "Europe/../Europe/Berlin",
        "localtime", "posixrules", "right/Europe/Berlin", "posix/Europe/Berlin", "Fixed/UTC+01:00:00",
        "file:Europe/Berlin", "libc:localtime", "CET-1CEST", "+01:00", "zone.tab"}) {
    CAPTURE(name);
    const auto found = TimeZone::find(name);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().type == ErrorType::invalid_request);
  }
  const auto endless = TimeZone::find(std::string(100'000, 'A'));
  REQUIRE_FALSE(endless.has_value());
  CHECK(endless.error().message.size() < 200);
}

TEST_CASE("without a database only UTC is there, and the refusal says what to install") {
  const tests::TemporaryFolder folder;
  const Environment variable("TZDIR", folder.path().string());
  CHECK(zone("UTC") == TimeZone());
  const auto found = TimeZone::find("Asia/Nowhere");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().type == ErrorType::unavailable);
  CHECK(found.error().message == "there is no time zone database in " + folder.path().string() + "; install tzdata");
}

TEST_CASE("a zone whose rules cannot be read is refused and not taken for UTC") {
  const tests::TemporaryFolder folder;
  const Environment variable("TZDIR", folder.path().string());
  std::ofstream(folder.path() / "Garbled") << "TZif";
  const auto found = TimeZone::find("Garbled");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().type == ErrorType::unavailable);
  CHECK(found.error().message == "the rules of 'Garbled' in " + folder.path().string() + " cannot be read");
}

TEST_CASE("a zone has its name, and is itself however often and from whatever thread it is asked for") {
  CHECK(TimeZone().name() == "UTC");
  CHECK(zone("Asia/Kolkata").name() == "Asia/Kolkata");
  CHECK(zone("Asia/Kolkata") != zone("Asia/Kathmandu"));
  CHECK(zone("Asia/Kolkata") != TimeZone());
  std::vector<TimeZone> found(8);
  {
    std::vector<std::jthread> threads;
    for (TimeZone& mine : found)
      threads.emplace_back([&mine] { mine = TimeZone::find("Pacific/Auckland").value_or(TimeZone()); });
  }
  for (const TimeZone& each : found) CHECK(each == zone("Pacific/Auckland"));
}
