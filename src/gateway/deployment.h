#pragma once

#include <string>
#include <string_view>

#include "catalog/route.h"

namespace gateway {

// The model that an upstream serves under this name: Azure's deployments are named as their owner likes.
inline std::string_view model_behind(const catalog::Upstream& upstream, std::string_view name) {
  const auto deployment = upstream.deployments.find(name);
  return deployment == upstream.deployments.end() ? name : std::string_view(deployment->second);
}

}  // namespace gateway
