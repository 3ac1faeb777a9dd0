#include "quota/rollup_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/rfc3339.h"

namespace quota {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;

// What does not fit stays at the largest number, in what is kept and here.
std::int64_t clipped(__int128 sum) {
  constexpr __int128 least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(sum, least, most));
}

std::string_view text_of(KeptRollUp::By by) {
  switch (by) {
    case KeptRollUp::By::total: return "in all";
    case KeptRollUp::By::model: return "by model";
    case KeptRollUp::By::upstream: return "by upstream";
    case KeptRollUp::By::route: return "by route";
    case KeptRollUp::By::reason: return "by reason";
    case KeptRollUp::By::account: return "by account";
    case KeptRollUp::By::key: return "by key";
  }
  return {};
}

std::string text_of(const base::Uuid& id) { return id.is_nil() ? std::string() : id.to_string(); }

}  // namespace

void RollUpCheck::see(const KeptRollUp& kept) {
  Sums& sums = pairs_[{kept.by, kept.at.ms, kept.name}].kept;
  sums.requests += kept.sum.requests;
  sums.refusals += kept.sum.refusals;
  sums.input_tokens += kept.sum.input_tokens;
  sums.output_tokens += kept.sum.output_tokens;
  sums.unknown_usage += kept.sum.unknown_usage;
  sums.cost += kept.sum.cost.nanos();
}

void RollUpCheck::see(const events::UsageRecord& record) {
  using By = KeptRollUp::By;
  if (record.outcome == events::Outcome::opened) return;  // what it counts is in the records before it
  count(By::total, hour_ms, {}, record);
  count(By::model, hour_ms, record.model, record);
  count(By::upstream, hour_ms, record.upstream, record);
  count(By::route, hour_ms, record.route, record);
  const bool went_wrong = record.outcome == events::Outcome::refused || record.outcome == events::Outcome::failed;
  if (went_wrong && record.error) count(By::reason, hour_ms, std::string(base::to_string(*record.error)), record);
  count(By::account, day_ms, text_of(record.account.uuid), record);
  count(By::key, day_ms, text_of(record.key.uuid), record);
}

void RollUpCheck::count(KeptRollUp::By by, std::int64_t step_ms, std::string name, const events::UsageRecord& record) {
  using events::Outcome;
  const std::int64_t into_step = (record.started.ms % step_ms + step_ms) % step_ms;
  Sums& sums = pairs_[{by, record.started.ms - into_step, std::move(name)}].derived;
  const bool refused = record.outcome == Outcome::refused;
  const bool corrected = record.outcome == Outcome::corrected;
  sums.requests += !refused && !corrected && record.outcome != Outcome::unaccounted ? 1 : 0;
  sums.refusals += refused ? 1 : 0;
  sums.unknown_usage += !refused && !corrected && !record.usage ? 1 : 0;
  if (record.usage) {
    sums.input_tokens += record.usage->input_tokens.value_or(0);
    sums.output_tokens += record.usage->output_tokens.value_or(0);
  }
  sums.cost += record.cost.nanos();
}

std::vector<Discrepancy> RollUpCheck::differences() && {
  std::vector<Discrepancy> found;
  for (const auto& [name, pair] : pairs_) {
    const auto& [by, at, of] = name;
    const auto compare = [&, &kept = pair.kept, &derived = pair.derived](__int128 Sums::* number,
                                                                         std::string_view what) {
      const std::int64_t is = clipped(kept.*number), should = clipped(derived.*number);
      if (is == should) return;
      const std::string named = by == KeptRollUp::By::total ? std::string() : fmt::format(" '{}'", of);
      found.push_back(
          {.what = fmt::format("usage {}{} at {}, {}", text_of(by), named, base::to_rfc3339(base::WallTime{at}), what),
           .kept = is,
           .derived = should});
    };
    compare(&Sums::cost, "cost");
    compare(&Sums::requests, "requests");
    compare(&Sums::refusals, "refusals");
    compare(&Sums::unknown_usage, "unknown usage");
    compare(&Sums::input_tokens, "input tokens");
    compare(&Sums::output_tokens, "output tokens");
  }
  return found;
}

}  // namespace quota
