#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "catalog/limiter.h"
#include "gateway/settings.h"

namespace gateway {

// What a limiter's calls need in place of what the configuration declares for others. Immutable; an exchange keeps its
// own for as long as it lasts.
struct LimiterRoute {
  catalog::Limiter limiter;  // that it was made of
  catalog::Upstream upstream;
  catalog::AddressRules::Reach reach;
  catalog::Route route;  // named limiter_route_name
};

// What usage records and the filters of limits call it; in a configuration it is a name like any other.
inline constexpr std::string_view limiter_route_name = "limiter";

// The routes of one worker's limiters, made when they are called first, and anew when their limiter has changed.
class LimiterRoutes {
 public:
  // forbidden: the configuration does not allow the base URL any more.
  base::Result<std::shared_ptr<const LimiterRoute>> of(const catalog::Limiter& limiter,
                                                       const catalog::AddressRules& rules);

 private:
  std::map<base::AccountId, std::shared_ptr<const LimiterRoute>> routes_;
};

}  // namespace gateway
