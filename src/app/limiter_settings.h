#pragma once

#include <string>

#include "admin/api.h"
#include "app/config.h"
#include "app/yaml_reader.h"
#include "catalog/limiter.h"

namespace app {

void read_limiters(YamlMap map, LimiterSettings& into);

// What limiters may call: what the configuration allows, and the upstreams that it declares.
catalog::AddressRules limiter_addresses(const Config& config);
// What the admin API makes limiters by.
admin::LimiterOptions limiter_options(const Config& config);

}  // namespace app
