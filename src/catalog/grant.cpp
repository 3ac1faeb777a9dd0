#include "catalog/grant.h"

#include <fmt/format.h>

#include <tuple>

namespace catalog {

bool burns_before(const Grant& a, const Grant& b) {
  return std::tie(a.priority, a.expires, a.kind, a.effective, a.id) <
         std::tie(b.priority, b.expires, b.kind, b.effective, b.id);
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
