// An assertion of the engine that fails is a finding like any other: it is reported with its seed and shrunk. And what
// it logs of a store that does not answer is nothing new here.
#include <fmt/format.h>

#include "base/assert.h"
#include "base/log.h"
#include "tests/sim/trouble.h"

void base::assertion_failed(const char* condition, const char* file, int line) {
  throw sim::Violation(fmt::format("assertion failed: {} ({}:{})", condition, file, line));
}

void base::log::write(Level /*level*/, std::string_view /*message*/) {}
