#include "quota/counting.h"

#include <algorithm>

namespace quota {
namespace {

bool is_rolling(const base::WindowPolicy& policy) { return policy.kind == base::WindowPolicy::Kind::rolling; }

}  // namespace

CounterQuery query_of(base::LimitId limit, const base::WindowPolicy& policy, const base::Window& window,
                      base::WallTime now, std::int64_t max_skew_ms) {
  CounterQuery query{.counter = {limit, window.label}, .live_from = {}, .at = now};
  if (is_rolling(policy)) query.live_from = base::first_live_sub_label(policy, now, max_skew_ms);
  return query;
}

std::optional<base::WallTime> resets_at(const base::WindowPolicy& policy, const base::Window& window,
                                        const CounterState& state, std::int64_t max_skew_ms) {
  if (is_rolling(policy)) {
    if (!state.oldest_sub) return std::nullopt;
    return base::sub_window_leaves_at(policy, *state.oldest_sub, max_skew_ms);
  }
  if (policy.kind == base::WindowPolicy::Kind::total) return std::nullopt;
  return window.end;
}

base::Window shown_window(const base::WindowPolicy& policy, const base::Window& window, base::WallTime now,
                          std::int64_t max_skew_ms) {
  if (!is_rolling(policy)) return window;
  return {window.label, base::WallTime{base::first_live_sub_label(policy, now, max_skew_ms).ms}, window.end};
}

std::optional<Stop> stopped(const catalog::Limit& limit, const Lease& lease) {
  return stopped(limit, lease.amount(), lease.spent());
}

std::optional<Stop> stopped(const catalog::Limit& limit, std::int64_t amount, std::int64_t spent) {
  if (limit.mode == catalog::LimitMode::shadow) return std::nullopt;
  for (const catalog::Threshold& threshold : limit.thresholds)
    if (threshold.action == catalog::ThresholdAction::block && spent >= catalog::level_of(threshold, amount))
      return Stop{threshold.percent};
  if (limit.admission == catalog::LimitAdmission::lazy && spent >= amount) return Stop{};
  return std::nullopt;
}

void judge(const catalog::Limit& limit, std::int64_t required, const Standing& standing, Refusal& refusal) {
  const auto stop = stopped(limit, standing.amount, standing.spent);
  if (!stop && (!limit.leased() || standing.available >= required)) return;
  Shortage shortage{limit,           required,           stop ? 0 : std::max<std::int64_t>(standing.available, 0),
                    standing.window, standing.resets_at, stop ? stop->at_percent : std::nullopt,
                    standing.amount};
  // Waiting cannot help where even without the others' reservations it would not fit.
  const bool reached = stop ? stopped(limit, standing.amount, standing.spent_certainly).has_value()
                            : required > standing.amount - standing.spent_certainly - standing.unresolved;
  if (reached && refusal.type == base::ErrorType::limit_busy) {
    refusal.type = base::ErrorType::limit_reached;
    refusal.shortages.insert(refusal.shortages.begin(), std::move(shortage));
  } else {
    refusal.shortages.push_back(std::move(shortage));
  }
}

}  // namespace quota
