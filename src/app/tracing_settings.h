#pragma once
// `tracing` of the configuration.

#include "app/config.h"
#include "app/yaml_reader.h"

namespace app {

void read_tracing(YamlMap map, TracingSettings& into);

}  // namespace app
