#pragma once
// What every question about usage says alike: whose, of which time, and by what it is grouped.

#include <optional>
#include <string>
#include <string_view>

#include "admin/caller.h"
#include "admin/handlers.h"
#include "catalog/snapshot.h"
#include "events/usage_log.h"

namespace admin {

base::Result<std::optional<base::WallTime>> read_time(Query& query, std::string_view name);

// Who is limited to an account and names none is told of that one alone, without those below it.
base::Result<events::UsageFilter> read_usage_filter(Call& call, const catalog::Snapshot& snapshot);

struct NamedGroup {
  std::string_view name;
  events::UsageGroup group;
  std::string tag_name = {};

  std::string text() const { return tag_name.empty() ? std::string(name) : "tag:" + tag_name; }
};
// The parameter `group`, `total` unless told.
base::Result<NamedGroup> read_group(Query& query);

// The name of the account or key that a sum is for; empty for other groups and for what the catalog does not have.
std::string name_of(const catalog::Snapshot& snapshot, events::UsageGroup group, const std::string& id);

}  // namespace admin
