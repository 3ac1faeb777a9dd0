#include "gateway/settings.h"

#include <algorithm>

namespace gateway {

const catalog::Route* Settings::find_route(std::string_view path) const {
  const catalog::Route* best = nullptr;
  for (const catalog::Route& route : routes) {
    const bool within =
        path.starts_with(route.prefix) &&
        (path.size() == route.prefix.size() || path[route.prefix.size()] == '/' || route.prefix.ends_with('/'));
    if (within && (best == nullptr || route.prefix.size() > best->prefix.size())) best = &route;
  }
  return best;
}

const catalog::Upstream* Settings::find_upstream(std::string_view name) const {
  const auto found = std::ranges::find(upstreams, name, &catalog::Upstream::name);
  return found == upstreams.end() ? nullptr : &*found;
}

const meter::ModelPrice* Settings::find_price(std::string_view model) const {
  if (const meter::ModelPrice* price = prices->find(model)) return price;
  return unknown_model ? &*unknown_model : nullptr;
}

}  // namespace gateway
