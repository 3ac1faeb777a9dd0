#pragma once

#include <optional>
#include <string>

#include "tests/sim/figures.h"
#include "tests/sim/plan.h"

namespace sim {

struct Outcome {
  std::optional<std::string> violation;
  Figures figures;
};

// Lives a plan from its first step. The same plan gives the same outcome, always.
Outcome live(const Plan& plan, bool trace);

// Leaves out steps, and then what happens within them, for as long as the life still fails (delta debugging, Zeller
// 2002). A plan that does not fail stays as it is.
Plan shrink(Plan plan);

}  // namespace sim
