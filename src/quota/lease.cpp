#include "quota/lease.h"

#include <algorithm>

#include "base/assert.h"

namespace quota {

bool Lease::take(std::int64_t amount) {
  ASSERT(amount >= 0);
  if (overdrawn()) return false;
  std::int64_t have = free_.load(std::memory_order_relaxed);
  while (have >= amount) {
    if (free_.compare_exchange_weak(have, have - amount, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
  return false;
}

std::int64_t Lease::take_up_to(std::int64_t amount) {
  ASSERT(amount >= 0);
  std::int64_t have = free_.load(std::memory_order_relaxed);
  while (have > 0) {
    const std::int64_t taken = std::min(have, amount);
    if (free_.compare_exchange_weak(have, have - taken, std::memory_order_acquire, std::memory_order_relaxed))
      return taken;
  }
  return 0;
}

void Lease::note_settled(std::int64_t reserved, std::int64_t spent, std::int64_t unresolved) {
  ASSERT(reserved >= 0 && spent >= 0 && unresolved >= 0);
  // Spent before reserved goes: a reader between the two sees too little left, never too much.
  spent_.fetch_add(spent, std::memory_order_relaxed);
  unresolved_.fetch_add(unresolved, std::memory_order_relaxed);
  const std::int64_t before = reserved_.fetch_sub(reserved, std::memory_order_relaxed);
  ASSERT(before >= reserved);
}

bool Lease::wants_refill() {
  if (free() >= refill_below_.load(std::memory_order_relaxed)) return false;
  return !refill_asked_.exchange(true, std::memory_order_relaxed);
}

}  // namespace quota
