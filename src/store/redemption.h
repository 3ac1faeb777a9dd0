#pragma once
// What the redemption of a held quote moves, from what its counters say: the same for every store, which then does it.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quota/store.h"

namespace store {

struct RedemptionPlan {
  // As quota::Redeemed says; then nothing is to be moved.
  std::optional<std::size_t> short_of = std::nullopt;
  quota::CounterState state = {};
  std::vector<std::int64_t> limits = {};  // what each request is granted
  std::vector<std::int64_t> grants = {};
};

// `limits`, `grants`: the counters of the requests in their order, with the quote held; `parts`: what it holds.
RedemptionPlan plan_redemption(const quota::Redemption& redemption, std::span<const quota::QuotePart> parts,
                               std::span<const quota::CounterState> limits,
                               std::span<const quota::CounterState> grants);

}  // namespace store
