#include "catalog/key_scope.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/address_block.h"
#include "catalog/limit_filter.h"

namespace catalog {
namespace {

base::Status check_count(std::span<const std::string> entries, std::string_view field) {
  if (entries.size() <= KeyScope::most) return {};
  return base::invalid(fmt::format("'{}' has {} entries; it takes at most {}", field, entries.size(), KeyScope::most),
                       std::string(field));
}

}  // namespace

bool fits_any(std::span<const std::string> patterns, std::string_view model) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return fits_pattern(pattern, model); });
}

bool KeyScope::allows_model(std::string_view model) const { return models.empty() || fits_any(models, model); }

bool KeyScope::allows_route(std::string_view route) const {
  return routes.empty() || std::ranges::find(routes, route) != routes.end();
}

bool KeyScope::allows_address(std::string_view address) const {
  return addresses.empty() || std::ranges::any_of(addresses, [&](const std::string& text) {
           const auto block = base::AddressBlock::parse(text);
           return block && block->holds(address);
         });
}

base::Status check_models(std::span<const std::string> models, std::string_view field) {
  TRY_STATUS(check_count(models, field));
  for (const std::string& model : models) {
    if (model.empty()) return base::invalid(fmt::format("'{}' holds an empty name", field), std::string(field));
    if (const auto fits = check_filter({.model = model}); !fits)
      return base::invalid(fits.error().message, std::string(field));
  }
  return {};
}

base::Status check_scope(const KeyScope& scope) {
  TRY_STATUS(check_models(scope.models, "allowed_models"));
  TRY_STATUS(check_count(scope.routes, "allowed_routes"));
  for (const std::string& route : scope.routes) {
    if (route.empty()) return base::invalid("'allowed_routes' holds an empty name", "allowed_routes");
    if (const auto fits = check_filter({.route = route}); !fits)
      return base::invalid(fits.error().message, "allowed_routes");
  }
  TRY_STATUS(check_count(scope.addresses, "allowed_addresses"));
  for (const std::string& address : scope.addresses)
    if (!base::AddressBlock::parse(address))
      return base::invalid(
          fmt::format("'allowed_addresses': '{}' is neither an address nor a block of them, such as 203.0.113.7, "
                      "10.0.0.0/8 or 2001:db8::/32",
                      address.substr(0, 64)),
          "allowed_addresses");
  return {};
}

}  // namespace catalog
