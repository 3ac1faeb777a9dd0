#include "telemetry/collector.h"

#include <fmt/format.h>

namespace telemetry {

std::string Collector::authority() const {
  const std::string named = host.contains(':') ? fmt::format("[{}]", host) : host;
  return port == (scheme == "https" ? 443 : 80) ? named : fmt::format("{}:{}", named, port);
}

std::string Collector::origin() const { return fmt::format("{}://{}", scheme, authority()); }

}  // namespace telemetry
