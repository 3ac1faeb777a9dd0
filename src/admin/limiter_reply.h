#pragma once
// How a limiter is read and written: in our API, and as the clients of gpt-usage-limiter know it (parity.md, S3).

#include <boost/json/object.hpp>
#include <string>

#include "admin/api.h"
#include "admin/caller.h"
#include "catalog/limiter.h"
#include "quota/numbers.h"

namespace admin {

// A limiter with the account and the limit that it is made of. Points into a snapshot.
struct LimiterParts {
  const catalog::Limiter* limiter;
  const catalog::Account* account;
  const catalog::Limit* limit;
};

// By id, by code, or by name if only one has it. What was deleted, or the caller does not see, is not there.
base::Result<LimiterParts> find_limiter(const catalog::Snapshot& snapshot, std::string_view reference,
                                        const Caller& caller);
// All that the caller sees, deleted ones left out.
std::vector<LimiterParts> limiters_for(const catalog::Snapshot& snapshot, const Caller& caller);

boost::json::object to_json(const LimiterParts& parts, const quota::FiveNumbers& numbers, const Options& options);

// What was spent of a budget in its period, and what is left.
struct LimiterStats {
  base::Money spend;      // as the limit counts it
  base::Money remaining;  // that a call could still reserve
  base::Money budget;
  std::string percentage;     // of the budget that is spent, with two decimals, rounded down: "26.25"
  std::int64_t requests = 0;  // admitted in the period
  base::Window period;
};
base::Result<LimiterStats> limiter_stats(Services& services, const LimiterParts& parts);
// Both ends of its period; null where it has none.
boost::json::value period_start(const LimiterStats& stats);
boost::json::value period_end(const LimiterStats& stats);

}  // namespace admin
