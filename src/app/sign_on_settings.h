#pragma once
// `oidc` of the configuration.

#include "app/config.h"
#include "app/yaml_reader.h"

namespace app {

void read_sign_on(YamlMap map, SignOnSettings& into);

}  // namespace app
