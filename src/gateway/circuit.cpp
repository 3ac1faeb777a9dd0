#include "gateway/circuit.h"

#include <utility>

namespace gateway {

bool Circuit::failed(base::Instant now) {
  if (policy_.failures == 0) return false;
  ++failures_;
  if (open_) trial_at_ = now.plus_ms(policy_.cooldown_ms);
  if (open_ || failures_ < policy_.failures) return false;
  open_ = true;
  trial_at_ = now.plus_ms(policy_.cooldown_ms);
  return true;
}

bool Circuit::served() {
  failures_ = 0;
  return std::exchange(open_, false);
}

}  // namespace gateway
