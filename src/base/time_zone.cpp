#include "base/time_zone.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/json.h"

namespace base {
namespace {

namespace fs = std::filesystem;

// Half the range, so that an offset can be added to it.
constexpr std::int64_t never_ms = std::numeric_limits<std::int64_t>::max() / 2;
// From begin_ms to end_ms the clock shows the instant plus the offset. It stands still from there to the next span's
// begin, if there is time between, and jumps there, if what is shown differs.
struct Span {
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t offset_ms = 0;
  std::int64_t shown_first_ms() const { return begin_ms + offset_ms; }
};

// The database's transitions, less what its clock shows a second time: both what is read and what is shown then rise
// from span to span.
std::vector<Span> read_spans(const absl::TimeZone& zone) {
  // A window of 1970 may begin in 1969, so rules are read from a little before.
  absl::Time at = absl::FromCivil(absl::CivilYear(1968), absl::UTCTimeZone());
  const absl::Time rules_end = absl::FromCivil(absl::CivilYear(2201), absl::UTCTimeZone());
  std::vector<Span> spans;
  std::int64_t shown_ms = std::numeric_limits<std::int64_t>::min() / 2;  // all before this has been shown
  for (bool more = true; more;) {
    const absl::Duration offset = absl::Seconds(zone.At(at).offset);
    absl::TimeZone::CivilTransition transition;
    more = zone.NextTransition(at, &transition);
    // The old offset tells which of two times is meant, where what is shown then is shown twice.
    const absl::Time next =
        more ? absl::FromCivil(transition.from, absl::UTCTimeZone()) - offset : absl::InfiniteFuture();
    ASSERT(next > at);
    more = more && next < rules_end;

    const std::int64_t offset_ms = absl::ToInt64Milliseconds(offset);
    const std::int64_t begin_ms = std::max(absl::ToUnixMillis(at), shown_ms - offset_ms);
    const std::int64_t end_ms = more ? absl::ToUnixMillis(next) : never_ms;
    if (begin_ms < end_ms) {  // else the zone changes again before it has caught up
      spans.push_back({begin_ms, end_ms, offset_ms});
      shown_ms = end_ms + offset_ms;
    }
    at = next;
  }
  return spans;
}

fs::path database() {
  const char* folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

// A name becomes a path, and the library also takes names that are not of the database, so only the database's own
// form passes: no dot, hence no way out of its folder, and a capital first, hence neither "localtime" nor "right/…".
bool is_zone_name(std::string_view name) {
  constexpr auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' && std::ranges::all_of(name, allowed);
}

std::vector<std::string> names_in_database() {
  std::vector<std::string> names{"UTC"};
  const fs::path root = database();
  std::error_code error;
  for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().lexically_relative(root).string();
    std::error_code unreadable;
    if (is_zone_name(name) && entry->is_regular_file(unreadable)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return small;
}

// The name that was probably meant: in other letters, by its city alone, or misspelt.
std::optional<std::string> probably_meant(std::string_view name, const std::vector<std::string>& names) {
  const std::string wanted = in_small_letters(name);
  for (const std::string& candidate : names)
    if (in_small_letters(candidate) == wanted) return candidate;
  for (const std::string& candidate : names)
    if (in_small_letters(candidate).ends_with("/" + wanted)) return candidate;
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = near_miss(name, candidates);
  return near ? std::optional<std::string>(*near) : std::nullopt;
}

}  // namespace

struct TimeZone::Rules {
  std::string name;
  std::vector<Span> spans;  // at least one; in the order of their begins, which is that of what they show
};

const TimeZone::Rules* TimeZone::rules_of(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const Rules>, std::less<>> known;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second.get();
  const std::string owned(name);
  std::error_code error;
  if (!fs::is_regular_file(database() / owned, error)) return nullptr;  // the library would remember the name for ever
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(owned, &zone)) return nullptr;
  auto rules = std::make_unique<const Rules>(Rules{owned, read_spans(zone)});
  return known.emplace(owned, std::move(rules)).first->second.get();
}

Result<TimeZone> TimeZone::find(std::string_view name) {
  if (name == "UTC") return TimeZone();
  if (is_zone_name(name))
    if (const Rules* rules = rules_of(name); rules != nullptr) return TimeZone(rules);

  const auto names = names_in_database();
  if (names.size() < 2)
    return fail(ErrorType::unavailable,
                fmt::format("there is no time zone database in {}; install tzdata", database().string()), "time_zone");
  if (std::ranges::binary_search(names, name))
    return fail(ErrorType::unavailable,
                fmt::format("the rules of '{}' in {} cannot be read", name, database().string()), "time_zone");
  const auto meant = probably_meant(name.substr(0, 64), names);
  return invalid(
      fmt::format("'{}' is not a time zone of the IANA database{}", name.substr(0, 64),
                  meant ? fmt::format("; did you mean '{}'?", *meant) : std::string(", such as Europe/Berlin")),
      "time_zone");
}

std::string_view TimeZone::name() const noexcept {
  if (rules_ == nullptr) return "UTC";
  return rules_->name;
}

LocalTime TimeZone::local_at(WallTime at) const noexcept {
  if (rules_ == nullptr) return {at.ms};
  const auto& spans = rules_->spans;
  const auto after = std::ranges::upper_bound(spans, at.ms, {}, &Span::begin_ms);
  const Span& span = after == spans.begin() ? *after : *std::prev(after);
  return {std::min(at.ms, span.end_ms - 1) + span.offset_ms};
}

WallTime TimeZone::first_at(LocalTime local) const noexcept {
  if (rules_ == nullptr) return {local.ms};
  const auto& spans = rules_->spans;
  const auto after = std::ranges::upper_bound(spans, local.ms, {}, &Span::shown_first_ms);
  const Span& span = after == spans.begin() ? *after : *std::prev(after);
  const std::int64_t at_ms = local.ms - span.offset_ms;
  return {at_ms < span.end_ms ? at_ms : after->begin_ms};
}

}  // namespace base
