#pragma once

#include <compare>

#include "base/ids.h"
#include "base/window.h"

namespace quota {

// A limit in one window. A rolling limit has one counter, whose spend is kept by the sub-windows of base/window.h; a
// grant of a balance has one too (catalog/grant.h).
struct CounterKey {
  base::LimitId limit;
  base::WindowLabel label;
  auto operator<=>(const CounterKey&) const = default;
};

}  // namespace quota
