#include "app/offline.h"
#include "quota/counting.h"

namespace app {

base::Result<std::vector<quota::FiveNumbers>> StoreInspector::numbers(const std::vector<catalog::Limit>& limits) {
  const base::WallTime now = clock_.wall_now();
  std::vector<quota::CounterQuery> queries;
  for (const catalog::Limit& limit : limits)
    queries.push_back(quota::query_of(limit.id, limit.window, base::window_at(limit.window, now), now));
  TRY(const auto counters, store_.read(queries));
  std::vector<quota::FiveNumbers> out;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const base::Window window = base::window_at(limits[i].window, now);
    out.push_back({.amount = counters[i].amount,
                   .available = counters[i].grantable(),
                   .reserved = counters[i].quoted,
                   .unresolved = counters[i].unresolved + counters[i].leased,
                   .spent = counters[i].spent,
                   .window = quota::shown_window(limits[i].window, window, now),
                   .resets_at = quota::resets_at(limits[i].window, window, counters[i])});
  }
  return out;
}

}  // namespace app
