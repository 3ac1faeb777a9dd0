#include "gateway/limiter_route.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/limit_filter.h"

namespace gateway {

bool LimiterRoute::allows(std::string_view model) const {
  return limiter.models.empty() || std::ranges::any_of(limiter.models, [model](const std::string& pattern) {
           return catalog::fits_pattern(pattern, model);
         });
}

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

base::Status check_model(const LimiterRoute* limiter, std::string_view model) {
  if (limiter == nullptr || limiter->allows(model)) return {};
  return base::fail(base::ErrorType::forbidden,
                    fmt::format("the limiter allows the models {}; this asks for '{}'",
                                fmt::join(limiter->limiter.models, ", "), model.substr(0, 100)),
                    "model", base::Source::client);
}

}  // namespace gateway
