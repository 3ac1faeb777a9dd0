#pragma once

#include <string>

namespace app {

// One thing that is wrong with a configuration.
struct Finding {
  std::string file;  // empty: the environment or the command line
  int line = 0;      // from 1; 0: the file as a whole
  std::string message;

  // "metergate.yaml:12: message", or as much of it as is known.
  std::string to_string() const;
  bool operator==(const Finding&) const = default;
};

}  // namespace app
