#pragma once
// What every usage log and ledger refuses, in the same words.

#include <fmt/format.h>

#include "events/usage_log.h"

namespace store {

inline std::unexpected<base::Error> unknown_cursor(base::ExchangeId before) {
  return base::invalid(fmt::format("before names {}, which is no usage record", before.to_string()), "before");
}

inline std::unexpected<base::Error> unknown_transfer(base::TransferId before) {
  return base::invalid(fmt::format("before names {}, which is no transfer", before.to_string()), "before");
}

inline base::Status check_page_size(int limit) {
  if (limit >= 1 && limit <= 1000) return {};
  return base::invalid(fmt::format("limit is {}; a page holds 1 to 1000 records", limit), "limit");
}
inline base::Status check_page(const events::UsageFilter& filter) { return check_page_size(filter.limit); }

}  // namespace store
