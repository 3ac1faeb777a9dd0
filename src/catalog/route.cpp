#include "catalog/route.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/limit_filter.h"

namespace catalog {

std::string base_url(const Upstream& upstream) {
  const bool address = upstream.host.contains(':');  // of IPv6
  const bool usual = upstream.port == (upstream.scheme == "https" ? 443 : 80);
  return fmt::format("{}://{}{}{}", upstream.scheme, address ? fmt::format("[{}]", upstream.host) : upstream.host,
                     usual ? std::string() : fmt::format(":{}", upstream.port), upstream.base_path);
}

Credential default_credential(std::string_view provider, std::string_view host) {
  using Place = Credential::Place;
  if (provider == "anthropic") return {.place = Place::header, .name = "x-api-key"};
  if (provider == "azure_openai") return {.place = Place::header, .name = "api-key"};
  if (provider == "gemini") return {.place = Place::header, .name = "x-goog-api-key"};
  if (provider != "bedrock") return {};
  // bedrock-runtime.us-east-1.amazonaws.com
  const std::string_view behind_service = host.substr(std::min(host.find('.') + 1, host.size()));
  const std::string_view region = behind_service.substr(0, behind_service.find('.'));
  return {.place = Place::aws, .region = std::string(host.ends_with(".amazonaws.com") ? region : "")};
}

bool has_own_paths(std::string_view provider) {
  static constexpr std::string_view all[] = {"anthropic", "azure_openai", "bedrock", "cohere",
                                             "gemini",    "ollama",       "vertex"};
  return std::ranges::find(all, provider) != std::ranges::end(all);
}

std::string_view behind_base_path(const Upstream& upstream, std::string_view path) {
  const std::string_view base = upstream.base_path;
  const bool has_it = !base.empty() && path.starts_with(base) && path.size() > base.size() && path[base.size()] == '/';
  return has_it ? path.substr(base.size()) : path;
}

std::string_view Target::model_for(std::string_view asked) const {
  auto found = models.find(asked);
  if (found == models.end()) found = models.find(any_model);
  return found == models.end() ? asked : std::string_view(found->second);
}

std::int64_t weight_of(std::span<const UnitWeight> weights, std::string_view unit, std::string_view model) {
  for (const UnitWeight& one : weights)
    if (one.unit == unit && (one.model.empty() || fits_pattern(one.model, model))) return one.weight;
  return 0;
}

RouteWeights weights_of(const std::vector<Route>& routes) {
  RouteWeights weights;
  for (const Route& route : routes)
    if (!route.weights.empty()) weights.emplace(route.name, route.weights);
  return weights;
}

bool has_weight(const RouteWeights& weights, std::string_view unit, std::string_view route) {
  return std::ranges::any_of(weights, [&](const auto& of) {
    return (route.empty() || of.first == route) &&
           std::ranges::find(of.second, unit, &UnitWeight::unit) != of.second.end();
  });
}

}  // namespace catalog
