#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace catalog {

// What a key may be used for. An empty list allows all; of one that is not empty, one entry has to fit.
struct KeyScope {
  // Of the model that is asked for, or the name of an API's call: patterns, as a limit's filter has (limit_filter.h).
  // What a route asks for in its place is the operator's own choice.
  std::vector<std::string> models = {};
  std::vector<std::string> routes = {};  // their names
  // Of clients, as the connection has them: "203.0.113.7", "10.0.0.0/8", "2001:db8::/32".
  std::vector<std::string> addresses = {};

  static constexpr std::size_t most = 100;  // entries of a list

  bool empty() const { return models.empty() && routes.empty() && addresses.empty(); }
  bool allows_model(std::string_view model) const;
  bool allows_route(std::string_view route) const;
  // Not one that cannot be read.
  bool allows_address(std::string_view address) const;
  bool operator==(const KeyScope&) const = default;
};

// invalid_request names the field: `allowed_models`, `allowed_routes` or `allowed_addresses`.
base::Status check_scope(const KeyScope& scope);

// Whether each is a pattern of model names, and not too many of them; the error names this field.
base::Status check_models(std::span<const std::string> models, std::string_view field);
bool fits_any(std::span<const std::string> patterns, std::string_view model);

}  // namespace catalog
