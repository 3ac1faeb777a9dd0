#pragma once
// What a caller may do before it is asked what it costs.

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/snapshot.h"
#include "gateway/limiter_route.h"

namespace gateway {

// unauthorized: the key makes no calls now.
base::Status check_key(const catalog::KeyEntry& entry, base::WallTime now);

// forbidden: the key is not for this route, or not for who calls from there. The address is asked for only where a key
// names some.
base::Status check_route(const catalog::Key& key, std::string_view route);
base::Status check_address(const catalog::Key& key, const std::function<std::string()>& address);

// forbidden: the key, or the limiter if it is one's call, does not allow the model.
base::Status check_model(const LimiterRoute* limiter, const catalog::Key& key, std::string_view model);

}  // namespace gateway
