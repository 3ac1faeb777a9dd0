#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace sim {

// The auditor found that what must always hold does not.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
void hold_that(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) throw Violation(fmt::format(text, std::forward<Args>(args)...));
}

// The process is killed here. Passes through the engine like the end of the world; nothing of the process is used after
// it but its destructors, whose words nobody hears.
struct Crash {};

}  // namespace sim
