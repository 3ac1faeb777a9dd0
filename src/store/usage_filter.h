#pragma once
// What every usage log and ledger refuses, in the same words.

#include <fmt/format.h>

#include "base/rfc3339.h"
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

inline std::unexpected<base::Error> records_no_longer_kept(base::WallTime kept_from) {
  return base::invalid(
      fmt::format(
          "this is answered from single records, and those from before {} are no longer kept (usage.keep_days): "
          "give a 'from' that is not before that, or ask for whole days by account, key, model or upstream",
          base::to_rfc3339(kept_from)),
      "from");
}

inline std::unexpected<base::Error> no_longer_kept(base::ExchangeId id) {
  return base::fail(
      base::ErrorType::not_found,
      fmt::format("the usage record {} was dropped for its age (usage.keep_days); its sums are kept", id.to_string()),
      {}, base::Source::client);
}

}  // namespace store
