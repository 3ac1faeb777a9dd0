#pragma once
// Time zones as windows need them: a local clock that never steps back.
//
// Where a zone's clocks are put back, a local time is shown twice; where they are put forward, it is never shown. The
// clock here stands still instead of stepping back, until the zone's own has caught up, and jumps where the zone's own
// jumps. So local_at() never falls, and every local time has one first instant at which it, or a later one, is shown.
//
// The rules are those of the system's IANA database (tzdata, in $TZDIR or else /usr/share/zoneinfo). A zone is read
// once, when it is first asked for; a new database counts from the next start.

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace base {

// What a local clock shows, written as if it were UTC: milliseconds since 1970-01-01T00:00:00 on that clock.
struct LocalTime {
  std::int64_t ms = 0;
  constexpr auto operator<=>(const LocalTime&) const = default;
};

// A handle to a zone's rules, which live as long as the program. Safe to use from any thread; takes no lock.
class TimeZone {
 public:
  TimeZone() = default;  // UTC, which needs no database

  // The zone of an IANA name such as "Europe/Berlin"; letters count as they are written. Reads a file the first time,
  // so not for the data path. Fails, with the field "time_zone":
  //   invalid_request  no such zone; names it, and the zone that was probably meant
  //   unavailable      this machine has no time zone database, or the zone's rules in it cannot be read
  static Result<TimeZone> find(std::string_view name);

  // As it was asked for; "UTC" for UTC.
  std::string_view name() const noexcept;
  // The latest local time that the zone's clock has shown up to `at`. Exact from 1970 to 2200; before, the offset of
  // 1968 holds, and afterwards the last one of 2200.
  LocalTime local_at(WallTime at) const noexcept;
  // The first instant at which the clock shows `local` or, if `local` is never shown, the next time that is. So
  // local_at(at) >= local exactly where at >= first_at(local).
  WallTime first_at(LocalTime local) const noexcept;

  bool operator==(const TimeZone&) const = default;

 private:
  struct Rules;
  explicit TimeZone(const Rules* rules) : rules_(rules) {}
  static const Rules* rules_of(std::string_view name);  // nullptr: no such zone, or not readable

  const Rules* rules_ = nullptr;  // nullptr: UTC. One object per name, so that handles compare equal.
};

}  // namespace base
