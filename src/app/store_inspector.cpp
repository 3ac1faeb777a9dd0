#include "app/offline.h"

namespace app {

base::Result<std::vector<quota::FiveNumbers>> StoreInspector::numbers(const std::vector<catalog::Limit>& limits) {
  const base::WallTime now = clock_.wall_now();
  std::vector<quota::CounterKey> keys;
  for (const catalog::Limit& limit : limits) keys.push_back({limit.id, base::window_at(limit.window, now).start});
  TRY(const auto counters, store_.read(keys));
  std::vector<quota::FiveNumbers> out;
  for (std::size_t i = 0; i < limits.size(); ++i)
    out.push_back({.amount = counters[i].amount,
                   .available = counters[i].grantable(),
                   .reserved = 0,
                   .unresolved = counters[i].unresolved + counters[i].leased,
                   .spent = counters[i].spent,
                   .window = base::window_at(limits[i].window, now)});
  return out;
}

}  // namespace app
