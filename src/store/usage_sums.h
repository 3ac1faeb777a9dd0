#pragma once
// Adding usage up: what counts as what, and in which order the sums are listed. One meaning for every store.

#include <map>
#include <string>
#include <vector>

#include "events/usage_log.h"

namespace store {

// What a sum takes from one record.
struct Countable {
  events::Outcome outcome;
  const std::optional<meter::Usage>& usage;
  base::Money cost;
};

// An unaccounted record is no exchange; it says only that the sums are incomplete. A corrected one is none either: it
// adds what an exchange before it had cost after all. What no longer fits into 64 bits
// stays at the largest number: an absurd count of a provider stops no report and no booking. The counters of limits are
// not summed up here, and refuse.
void add_to(events::UsageSum& sum, const Countable& record);
void add_to(events::UsageSum& sum, const events::UsageSum& other);

// Sums by group, as events::UsageLog::sums gives them.
class UsageSums {
 public:
  explicit UsageSums(events::UsageGroup group) : group_(group) {
    if (group == events::UsageGroup::total) by_name_[{}];  // a total of nothing is a total, too
  }
  events::UsageSum& at(const std::string& name) { return by_name_[name]; }
  // Largest cost first; by day, oldest first; then by name.
  std::vector<events::UsageSum> listed() &&;

 private:
  events::UsageGroup group_;
  std::map<std::string, events::UsageSum> by_name_;
};

// "2026-11-21"; the empty text for the nil id.
std::string day_name(base::WallTime at);
std::string id_name(const base::Uuid& id);

// Whole days since 1970, rounded down.
constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::int64_t day_of(base::WallTime at) { return at.ms / ms_per_day - (at.ms % ms_per_day < 0 ? 1 : 0); }

}  // namespace store
