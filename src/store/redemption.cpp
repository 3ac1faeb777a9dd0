#include "store/redemption.h"

#include <algorithm>

#include "base/assert.h"

namespace store {
namespace {

std::int64_t held_in(std::span<const quota::QuotePart> parts, const quota::CounterKey& counter) {
  std::int64_t held = 0;
  for (const quota::QuotePart& part : parts)
    if (part.counter == counter) held += part.amount;
  return held;
}

// What a counter that is without the quote gives of what is wanted. What the quote held of it moves, whatever else is
// spent of it; only what is wanted beyond that has to be grantable.
std::int64_t given(quota::CounterState without, std::int64_t held, std::int64_t wanted) {
  const std::int64_t own = std::min(held, wanted);
  without.leased += own;
  return own + std::min(wanted - own, without.grantable());
}

}  // namespace

RedemptionPlan plan_redemption(const quota::Redemption& redemption, std::span<const quota::QuotePart> parts,
                               std::span<const quota::CounterState> limits,
                               std::span<const quota::CounterState> grants) {
  ASSERT(limits.size() == redemption.limits.size() && grants.size() == redemption.grants.size());
  RedemptionPlan plan;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const quota::GrantRequest& request = redemption.limits[i];
    const std::int64_t held = held_in(parts, request.of.counter);
    quota::CounterState without = limits[i];
    without.quoted -= held;
    plan.limits.push_back(given(without, held, request.at_least));
    if (plan.limits.back() < request.at_least) return {.short_of = i, .state = without};
  }
  std::int64_t missing = redemption.charge;
  quota::CounterState all;
  for (std::size_t i = 0; i < grants.size(); ++i) {
    const std::int64_t held = held_in(parts, redemption.grants[i].of.counter);
    quota::CounterState without = grants[i];
    without.quoted -= held;
    plan.grants.push_back(given(without, held, missing));
    missing -= plan.grants.back();
    all.amount += without.amount;
    all.spent += without.spent;
    all.leased += without.leased;
    all.unresolved += without.unresolved;
    all.quoted += without.quoted;
  }
  if (missing > 0) return {.short_of = limits.size(), .state = all};
  return plan;
}

}  // namespace store
