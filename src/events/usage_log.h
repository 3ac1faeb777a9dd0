#pragma once
// Port: reading the usage records back. They are written by the flush (quota/store.h), never on the side.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "events/usage_record.h"

namespace events {

struct UsageFilter {
  std::optional<base::AccountId> account;
  std::optional<base::KeyId> key;
  std::optional<std::string> model;
  std::optional<std::string> tag = std::nullopt;  // "team=search"
  std::optional<base::WallTime> from;             // started >= from
  std::optional<base::WallTime> to;               // started < to
  std::optional<base::ExchangeId> before;         // records older than this one: the cursor of a page
  int limit = 100;                                // 1 to 1000
};

// By tag: by the value that the tag named `tag_name` has; what has none is in the group of the empty text.
enum class UsageGroup : std::uint8_t { total, account, key, model, day, tag };

struct UsageSum {
  std::string group;          // account or key id, model, "2026-11-21", a tag's value; empty for the total
  std::int64_t requests = 0;  // admitted
  std::int64_t refusals = 0;
  std::int64_t input_tokens = 0;  // of the exchanges that know theirs
  std::int64_t output_tokens = 0;
  std::int64_t unknown_usage = 0;  // admitted exchanges without usage: their tokens are not in the sums
  base::Money cost;
};

class UsageLog {
 public:
  virtual ~UsageLog() = default;
  // Newest first.
  virtual base::Result<std::vector<UsageRecord>> records(const UsageFilter& filter) = 0;
  // Largest cost first; by day, oldest first. `before` and `limit` of the filter do not apply.
  // `tag_name` is for the group by tag alone. With that, or with a tag in the filter, it takes time with the records of
  // the span; else most is added up already.
  virtual base::Result<std::vector<UsageSum>> sums(const UsageFilter& filter, UsageGroup group,
                                                   std::string_view tag_name) = 0;
  base::Result<std::vector<UsageSum>> sums(const UsageFilter& filter, UsageGroup group) {
    return sums(filter, group, {});
  }
};

}  // namespace events
