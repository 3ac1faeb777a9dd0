#include "gateway/allowed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>

#include "catalog/key_scope.h"

namespace gateway {
namespace {

using base::ErrorType;

std::unexpected<base::Error> unauthorized(std::string message) {
  return base::fail(ErrorType::unauthorized, std::move(message), {}, base::Source::client);
}

std::unexpected<base::Error> forbidden(std::string message, std::string field = {}) {
  return base::fail(ErrorType::forbidden, std::move(message), std::move(field), base::Source::client);
}

base::Status check_model_of(std::string_view who, std::span<const std::string> patterns, std::string_view model) {
  if (patterns.empty() || catalog::fits_any(patterns, model)) return {};
  return forbidden(fmt::format("the {} allows the models {}; this asks for '{}'", who, fmt::join(patterns, ", "),
                               model.substr(0, 100)),
                   "model");
}

}  // namespace

base::Status check_key(const catalog::KeyEntry& entry, base::WallTime now) {
  if (entry.key->role == catalog::KeyRole::admin)
    return unauthorized("an admin key works on the control plane only; create a data key for calls");
  if (!entry.usable) return unauthorized("the key or its account was revoked or suspended");
  if (entry.ends && *entry.ends <= now)
    return unauthorized(entry.ends == entry.key->expires ? "the key has expired"
                                                         : "this secret of the key was replaced; send the new one");
  return {};
}

base::Status check_route(const catalog::Key& key, std::string_view route) {
  const catalog::KeyScope& scope = key.extras().scope;
  if (scope.allows_route(route)) return {};
  return forbidden(fmt::format("the key is for the routes {}; this is '{}'", fmt::join(scope.routes, ", "), route));
}

base::Status check_address(const catalog::Key& key, const std::function<std::string()>& address) {
  const catalog::KeyScope& scope = key.extras().scope;
  if (scope.addresses.empty()) return {};
  const std::string from = address();
  if (scope.allows_address(from)) return {};
  // Where the key may be used from is not for a stranger who has found it.
  return forbidden(fmt::format("the key does not work from {}", from.empty() ? "an unknown address" : from));
}

base::Status check_model(const LimiterRoute* limiter, const catalog::Key& key, std::string_view model) {
  if (limiter != nullptr) TRY_STATUS(check_model_of("limiter", limiter->limiter.models, model));
  return check_model_of("key", key.extras().scope.models, model);
}

}  // namespace gateway
