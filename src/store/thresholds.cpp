#include "store/thresholds.h"

#include "quota/counting.h"

namespace store {

std::vector<events::LimitEvent> cross_thresholds(const catalog::Limit& limit, base::WindowLabel label,
                                                 CountedSpend spend, base::WallTime now, Crossed& crossed) {
  std::vector<events::LimitEvent> fired;
  Crossed above;
  const std::int64_t amount = limit.amount_at(now);
  for (const catalog::Threshold& threshold : limit.thresholds) {
    const std::int64_t level = catalog::level_of(threshold, amount);
    if (spend.after < level) continue;
    above.insert(threshold.percent);
    if (crossed.contains(threshold.percent) && spend.before >= level) continue;
    fired.push_back({.number = 0,
                     .at = now,
                     .limit = limit.id,
                     .label = label,
                     .threshold = threshold,
                     .amount = amount,
                     .spent = spend.after});
  }
  crossed = std::move(above);
  return fired;
}

quota::CounterQuery counter_at(const catalog::Limit& limit, base::WindowLabel label, base::WallTime now) {
  base::Window window;
  window.label = label;
  return quota::query_of(limit.id, limit.window, window, now);
}

std::int64_t counted(const events::Hold& hold, const quota::CounterQuery& query) {
  const bool gone = query.live_from && (!hold.sub_window || *hold.sub_window < *query.live_from);
  return gone ? 0 : hold.spent;
}

}  // namespace store
