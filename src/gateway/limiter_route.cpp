#include "gateway/limiter_route.h"

#include <fmt/format.h>

namespace gateway {

base::Result<std::shared_ptr<const LimiterRoute>> LimiterRoutes::of(const catalog::Limiter& limiter,
                                                                    const catalog::AddressRules& rules) {
  std::shared_ptr<const LimiterRoute>& known = routes_[limiter.id];
  if (known != nullptr && known->limiter == limiter) return known;
  auto upstream = catalog::upstream_of(limiter.base_url, limiter.provider, rules);
  if (!upstream)
    return base::fail(base::ErrorType::forbidden,
                      fmt::format("the limiter's base URL cannot be called: {}", upstream.error().message), {},
                      base::Source::gateway);
  upstream->deployments = limiter.deployments;
  const auto reach = rules.reach_of(*upstream).value_or(catalog::AddressRules::Reach::public_only);
  LimiterRoute made{.limiter = limiter, .upstream = std::move(*upstream), .reach = reach, .route = {}};
  made.route.name = limiter_route_name;
  made.route.prefix = fmt::format("/v1/{}", limiter.code);
  made.route.targets = {{.upstream = made.upstream.name}};
  made.route.client_credentials = true;
  known = std::make_shared<const LimiterRoute>(std::move(made));
  return known;
}

}  // namespace gateway
