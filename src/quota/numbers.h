#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/window.h"
#include "catalog/limit.h"

namespace quota {

// The five numbers of a limit in one window: amount = available + reserved + unresolved + spent, unless an overrun or
// a lowered amount left less than nothing; available is then zero.
struct FiveNumbers {
  std::int64_t amount = 0;
  std::int64_t available = 0;  // idle lease money included
  std::int64_t reserved = 0;
  std::int64_t unresolved = 0;
  std::int64_t spent = 0;
  base::Window window;                                     // that counts; ends in the far future if it does not end
  std::optional<base::WallTime> resets_at = std::nullopt;  // see counting.h
};

// Reads the five numbers, all from one moment, settled exchanges included whether flushed or not.
class Inspector {
 public:
  virtual ~Inspector() = default;
  // In the order of `limits`, for the windows of this moment. May wait for the store; not for the data path.
  virtual base::Result<std::vector<FiveNumbers>> numbers(const std::vector<catalog::Limit>& limits) = 0;
};

}  // namespace quota
