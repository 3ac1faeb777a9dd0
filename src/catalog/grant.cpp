#include "catalog/grant.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace catalog {

bool burns_before(const Grant& a, const Grant& b) {
  return std::tie(a.priority, a.expires, a.kind, a.effective, a.id) <
         std::tie(b.priority, b.expires, b.kind, b.effective, b.id);
}

std::vector<base::GrantId> to_look_at_anew(std::span<const Grant> before, std::span<const Grant> after) {
  std::vector<base::GrantId> ids;
  const bool moved =
      std::ranges::any_of(before, [&](const Grant& grant) { return std::ranges::find(after, grant) == after.end(); });
  if (moved) std::ranges::transform(before, std::back_inserter(ids), &Grant::id);
  for (const Grant& grant : after)
    if (std::ranges::find(before, grant.id, &Grant::id) == before.end()) ids.push_back(grant.id);
  return ids;
}

std::string_view to_string(GrantKind kind) noexcept {
  switch (kind) {
    case GrantKind::promotional: return "promotional";
    case GrantKind::paid: return "paid";
  }
  return "promotional";
}

base::Result<GrantKind> grant_kind_from(std::string_view text) {
  if (text == "promotional") return GrantKind::promotional;
  if (text == "paid") return GrantKind::paid;
  return base::invalid(fmt::format("'{}' is not a kind of grant; kinds are paid, promotional", text.substr(0, 64)),
                       "kind");
}

base::LimitId counter_of(base::GrantId id) { return base::LimitId{id.uuid}; }

base::Window window_of(const Grant& grant) { return {.label = {}, .start = grant.effective, .end = grant.expires}; }

}  // namespace catalog
