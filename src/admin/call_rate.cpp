#include "admin/call_rate.h"

#include <algorithm>

namespace admin {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t minute_ns = 60 * ns_per_s;
constexpr std::size_t remembered = 10'000;  // callers; then those are forgotten who have been quiet

}  // namespace

std::optional<std::int64_t> CallRate::refuse_s(const std::string& caller, base::Instant now) {
  if (a_minute_ == 0) return std::nullopt;
  if (full_at_.size() >= remembered) forget_old(now);
  const std::int64_t a_call = minute_ns / a_minute_;
  const std::int64_t known = full_at_.contains(caller) ? full_at_[caller] : now.ns;
  const std::int64_t full_at = std::max(known, now.ns) + a_call;
  if (const std::int64_t wait = full_at - now.ns - minute_ns; wait > 0) return (wait + ns_per_s - 1) / ns_per_s;
  full_at_[caller] = full_at;
  return std::nullopt;
}

void CallRate::forget_old(base::Instant now) {
  std::erase_if(full_at_, [now](const auto& caller) { return caller.second <= now.ns; });
}

}  // namespace admin
