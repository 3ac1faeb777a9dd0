#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"

namespace telemetry {

// Where spans go.
struct Collector {
  std::string scheme;  // "http" or "https"
  std::string host;
  std::uint16_t port = 4318;
  std::string path;                                           // "/v1/traces"
  std::vector<std::pair<std::string, base::Secret>> headers;  // beside those of HTTP

  // "collector.example.com:4318", without a port that is the scheme's own.
  std::string authority() const;
  // "http://collector.example.com:4318": for the log. A path may have come from the environment, as secrets do.
  std::string origin() const;
};

}  // namespace telemetry
