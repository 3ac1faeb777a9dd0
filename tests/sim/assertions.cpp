// An assertion of the engine that fails is a finding like any other: it is reported with its seed and shrunk.
#include <fmt/format.h>

#include "base/assert.h"
#include "tests/sim/trouble.h"

void base::assertion_failed(const char* condition, const char* file, int line) {
  throw sim::Violation(fmt::format("assertion failed: {} ({}:{})", condition, file, line));
}
