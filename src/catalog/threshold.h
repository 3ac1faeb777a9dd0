#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace catalog {

// What happens when so much of a limit's amount is spent. `warn`: it is recorded, and replies say so. `block`: nothing
// more is admitted, too, until less is spent again: in the next window, or when spend has left a rolling one.
enum class ThresholdAction : std::uint8_t { warn, block };

struct Threshold {
  int percent =
      0;  // of the amount: 1 to threshold_percent_max; above 100 for limits that may go over (lazy, shadow, overruns)
  ThresholdAction action = ThresholdAction::warn;
  bool operator==(const Threshold&) const = default;
};

// Of one limit, by percent, each percent once. At most thresholds_max.
using Thresholds = std::vector<Threshold>;
inline constexpr std::size_t thresholds_max = 16;
inline constexpr int threshold_percent_max = 1'000;

std::string_view to_string(ThresholdAction action) noexcept;
// "warn" or "block"; "downgrade" is refused as not available. invalid_request with the field `action`.
base::Result<ThresholdAction> threshold_action_from(std::string_view text);
// Sorts them. invalid_request with the field `thresholds`: a percent out of range or given twice, or too many.
base::Status check_thresholds(Thresholds& thresholds);

// "80:warn,100:block", as stores and the command line write them; the empty text is none.
std::string to_string(const Thresholds& thresholds);
base::Result<Thresholds> parse_thresholds(std::string_view text);

// The spend from which a threshold is crossed: the percentage of the amount, rounded up, and at least 1, for without
// spend nothing is crossed.
std::int64_t level_of(const Threshold& threshold, std::int64_t amount);

}  // namespace catalog
