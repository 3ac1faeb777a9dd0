#pragma once
// Recorded exchanges with providers, from the folder that METERGATE_TRAFFIC names (its README.md has the format).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "meter/usage.h"

namespace golden {

// One exchange of the chat dialect with what an independent reader found in it.
struct Recording {
  std::string name;  // of its file
  std::string provider;
  std::string request_body;  // empty: the source does not keep it
  std::string response_body;
  bool stream = false;
  std::optional<meter::Usage> usage;  // nullopt: the response carries none
  std::string model;                  // as the response names it; empty if it does not
  std::string service_tier;
};

// All chat.completions recordings of open/, in the order of their names. An unreadable file is an error, and so is a
// folder without any: a check that finds nothing to check must not pass.
base::Result<std::vector<Recording>> read_recordings(const std::string& traffic);

}  // namespace golden
