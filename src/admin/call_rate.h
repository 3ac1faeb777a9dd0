#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace admin {

// How often each caller may call the control plane: so many times in any minute, all at once if he likes (GCRA). It
// keeps one caller's loop from taking the one thread that serves all of them. Not thread-safe.
class CallRate {
 public:
  // `a_minute`: 0 lets everybody call as often as he likes.
  explicit CallRate(std::int64_t a_minute) : a_minute_(a_minute) {}

  // Counts a call; nullopt: it may be made. Else nothing is counted, and a call may be made after so many seconds.
  std::optional<std::int64_t> refuse_s(const std::string& caller, base::Instant now);

 private:
  void forget_old(base::Instant now);

  std::int64_t a_minute_;
  std::unordered_map<std::string, std::int64_t> full_at_;  // of each caller: from when on he may call a_minute_ times
};

}  // namespace admin
