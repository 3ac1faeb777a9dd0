#pragma once
// What every usage log refuses, in the same words.

#include <fmt/format.h>

#include "events/usage_log.h"

namespace store {

inline std::unexpected<base::Error> unknown_cursor(base::ExchangeId before) {
  return base::invalid(fmt::format("before names {}, which is no usage record", before.to_string()), "before");
}

// Checks the size of a page.
inline base::Status check_page(const events::UsageFilter& filter) {
  if (filter.limit >= 1 && filter.limit <= 1000) return {};
  return base::invalid(fmt::format("limit is {}; a page holds 1 to 1000 records", filter.limit), "limit");
}

}  // namespace store
