#pragma once
// How arguments are written where the API wants more than one field.

#include <string>
#include <string_view>

#include "base/result.h"

namespace cli {

// "10 usd/day", "10 usd per day" or "10 usd in total", taken apart; what the parts may be is the API's to say.
struct LimitForm {
  std::string amount;
  std::string unit;
  std::string window;

  bool operator==(const LimitForm&) const = default;
};
base::Result<LimitForm> parse_limit_form(std::string_view text);

}  // namespace cli
