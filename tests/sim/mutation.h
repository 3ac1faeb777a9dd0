#pragma once

#include <cstdlib>

namespace sim {

// The number of the bug that is switched on, counted from 1 in mutations.toml; 0: none. From METERGATE_MUTATION, so
// that the unit tests of the mutated engine can be told too.
inline const int mutation = [] {
  const char* const number = std::getenv("METERGATE_MUTATION");
  return number == nullptr ? 0 : std::atoi(number);
}();

}  // namespace sim
