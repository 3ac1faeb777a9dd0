#include "quota/counting.h"

namespace quota {
namespace {

bool is_rolling(const base::WindowPolicy& policy) { return policy.kind == base::WindowPolicy::Kind::rolling; }

}  // namespace

CounterQuery query_of(base::LimitId limit, const base::WindowPolicy& policy, const base::Window& window,
                      base::WallTime now) {
  CounterQuery query{.counter = {limit, window.label}, .live_from = {}, .at = now};
  if (is_rolling(policy)) query.live_from = base::first_live_sub_label(policy, now, max_skew_ms);
  return query;
}

std::optional<base::WallTime> resets_at(const base::WindowPolicy& policy, const base::Window& window,
                                        const CounterState& state) {
  if (is_rolling(policy)) {
    if (!state.oldest_sub) return std::nullopt;
    return base::sub_window_leaves_at(policy, *state.oldest_sub, max_skew_ms);
  }
  if (policy.kind == base::WindowPolicy::Kind::total) return std::nullopt;
  return window.end;
}

base::Window shown_window(const base::WindowPolicy& policy, const base::Window& window, base::WallTime now) {
  if (!is_rolling(policy)) return window;
  return {window.label, base::WallTime{base::first_live_sub_label(policy, now, max_skew_ms).ms}, window.end};
}

std::optional<Stop> stopped(const catalog::Limit& limit, const Lease& lease) {
  if (limit.mode == catalog::LimitMode::shadow) return std::nullopt;
  for (const catalog::Threshold& threshold : limit.thresholds)
    if (threshold.action == catalog::ThresholdAction::block &&
        lease.spent() >= catalog::level_of(threshold, lease.amount()))
      return Stop{threshold.percent};
  if (limit.admission == catalog::LimitAdmission::lazy && lease.spent() >= lease.amount()) return Stop{};
  return std::nullopt;
}

}  // namespace quota
