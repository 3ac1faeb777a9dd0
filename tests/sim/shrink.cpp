#include "tests/sim/shrink.h"

#include <algorithm>

#include "tests/sim/world.h"

namespace sim {
namespace {

// A violation without its numbers: a shorter life must fail for the same reason.
std::string kind_of(const Plan& plan) {
  std::string kind = live(plan, false).violation.value_or("");
  std::erase_if(kind, [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
  return kind;
}

Plan without(const Plan& plan, std::size_t first, std::size_t count) {
  Plan shorter = plan;
  const auto at = shorter.steps.begin() + static_cast<std::ptrdiff_t>(first);
  shorter.steps.erase(at, at + static_cast<std::ptrdiff_t>(std::min(count, plan.steps.size() - first)));
  return shorter;
}

}  // namespace

Outcome live(const Plan& plan, bool trace_on) {
  Outcome outcome;
  outcome.figures.lives = 1;
  Trace trace(trace_on);
  try {
    World world(plan, outcome.figures, trace);
    world.live(plan);
  } catch (const Violation& violation) {
    outcome.violation = violation.what();
  }
  return outcome;
}

Plan shrink(Plan plan) {
  const std::string kind = kind_of(plan);
  if (kind.empty()) return plan;
  const auto fails = [&](const Plan& candidate) { return kind_of(candidate) == kind; };
  for (std::size_t chunk = plan.steps.size() / 2; chunk > 0;) {
    bool shorter = false;
    for (std::size_t first = 0; first < plan.steps.size();) {
      Plan candidate = without(plan, first, chunk);
      if (fails(candidate)) {
        plan = std::move(candidate);
        shorter = true;
      } else {
        first += chunk;
      }
    }
    if (!shorter || chunk > 1) chunk /= 2;
  }
  for (Step& step : plan.steps) {
    step.plain = true;
    if (!fails(plan)) step.plain = false;
  }
  return plan;
}

}  // namespace sim
