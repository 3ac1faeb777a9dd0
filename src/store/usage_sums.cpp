#include "store/usage_sums.h"

#include <algorithm>
#include <limits>

#include "base/rfc3339.h"
#include "store/usage_series.h"

namespace store {
namespace {

void add_count(std::int64_t& total, std::int64_t count) {
  if (__builtin_add_overflow(total, count, &total)) total = std::numeric_limits<std::int64_t>::max();
}

void add_cost(base::Money& total, base::Money cost) {
  std::int64_t nanos = total.nanos();
  add_count(nanos, cost.nanos());
  total = base::Money::from_nanos(nanos);
}

}  // namespace

void add_to(events::UsageSum& sum, const Countable& record) {
  const bool refused = record.outcome == events::Outcome::refused;
  if (record.outcome == events::Outcome::opened) return;  // what it counts is in the records before it
  const bool corrected = record.outcome == events::Outcome::corrected;
  const bool exchange = record.outcome != events::Outcome::unaccounted && !corrected;
  sum.requests += exchange && !refused ? 1 : 0;
  sum.refusals += refused ? 1 : 0;
  sum.unknown_usage += !refused && !corrected && !record.usage ? 1 : 0;
  if (record.usage) {
    add_count(sum.input_tokens, record.usage->input_tokens.value_or(0));
    add_count(sum.output_tokens, record.usage->output_tokens.value_or(0));
  }
  add_cost(sum.cost, record.cost);
}

void add_to(events::UsageSum& sum, const events::UsageSum& other) {
  sum.requests += other.requests;
  sum.refusals += other.refusals;
  sum.unknown_usage += other.unknown_usage;
  add_count(sum.input_tokens, other.input_tokens);
  add_count(sum.output_tokens, other.output_tokens);
  add_cost(sum.cost, other.cost);
}

std::string_view reason_of(events::Outcome outcome, const std::optional<base::ErrorType>& error) {
  const bool counts = outcome == events::Outcome::refused || outcome == events::Outcome::failed;
  return counts && error ? base::to_string(*error) : std::string_view();
}

void add_to(events::UsageLatency& latency, std::int64_t duration_us, std::int64_t first_byte_us) {
  latency.duration.add(duration_us);
  if (first_byte_us > 0) latency.first_byte.add(first_byte_us);
}

std::vector<events::UsageSum> UsageSums::listed() && {
  std::vector<events::UsageSum> sums;
  sums.reserve(by_name_.size());
  for (auto& [name, sum] : by_name_) {
    sum.group = name;
    sums.push_back(std::move(sum));
  }
  if (group_ != events::UsageGroup::day)
    std::ranges::stable_sort(sums, std::ranges::greater{}, &events::UsageSum::cost);
  return sums;
}

std::string day_name(base::WallTime at) { return base::to_rfc3339(at).substr(0, 10); }

std::string id_name(const base::Uuid& id) { return id.is_nil() ? std::string() : id.to_string(); }

}  // namespace store
