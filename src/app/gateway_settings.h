#pragma once

#include "app/config.h"
#include "gateway/settings.h"

namespace app {

// What of the configuration the data plane works by. Reads the price file.
base::Result<gateway::Settings> gateway_settings(const Config& config);

}  // namespace app
