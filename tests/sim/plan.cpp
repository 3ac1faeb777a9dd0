#include "tests/sim/plan.h"

#include <array>

#include "tests/sim/dice.h"

namespace sim {
namespace {

constexpr std::array<std::string_view, act_count> names = {
    "ask",  "go_on", "answer", "turn",  "pass",   "jump",  "weather", "edit",   "remove", "numbers",
    "echo", "crash", "close",  "quote", "extend", "order", "open",    "decide", "calm"};
// How often each comes up, in a thousand.
constexpr std::array<int, act_count> usual = {300, 360, 90, 130, 60, 2, 20, 14, 3, 10, 3, 4, 2, 30, 40, 14, 4, 14, 2};

}  // namespace

std::string_view to_string(Act act) noexcept { return names[static_cast<std::size_t>(act)]; }

Plan plan_of(std::uint64_t seed, StoreKind store) {
  Dice dice(seed);
  Plan plan{.store = store, .seed = dice.next(), .steps = {}};
  const std::int64_t count = dice.between(200, 3'000);
  // Some lives have much more trouble than others, or none of some kind.
  std::array<std::int64_t, act_count> weights{};
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = usual[i];
    if (i >= static_cast<std::size_t>(Act::pass)) weights[i] = weights[i] * dice.between(0, 4) / 2;
    sum += weights[i];
  }
  for (int number = 0; number < count; ++number) {
    std::int64_t at = dice.between(0, sum - 1);
    std::size_t act = 0;
    while (at >= weights[act]) at -= weights[act++];
    plan.steps.push_back({.number = number, .act = static_cast<Act>(act), .dice = dice.next()});
  }
  plan.steps.push_back({.number = static_cast<int>(count), .act = Act::calm, .dice = dice.next()});
  return plan;
}

}  // namespace sim
