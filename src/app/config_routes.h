#pragma once
// The part of the configuration that says where calls go: upstreams and routes.

#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/yaml_reader.h"

namespace app {

void read_upstream(std::string_view name, YamlMap map, std::vector<catalog::Upstream>& into);
// `config` has its upstreams already.
void read_route(YamlMap map, const Config& config, std::vector<catalog::Route>& into);

}  // namespace app
