#pragma once

#include "base/clock.h"
#include "catalog/route.h"

namespace gateway {

// What one worker knows of an upstream's health (catalog::CircuitPolicy). A hint for the choice among several: it never
// stands between a call and the only upstream that is left.
class Circuit {
 public:
  explicit Circuit(catalog::CircuitPolicy policy) : policy_(policy) {}

  // Whether calls should go there. After the cooldown one is let through, which begin() takes note of.
  bool closed(base::Instant now) const { return !open_ || now >= trial_at_; }
  // A call goes there.
  void begin(base::Instant now) {
    if (open_) trial_at_ = now.plus_ms(policy_.cooldown_ms);
  }
  // How it went. True: this has opened, or closed, the circuit.
  bool failed(base::Instant now);
  bool served();

 private:
  catalog::CircuitPolicy policy_;
  std::int64_t failures_ = 0;  // since the last call that was served
  bool open_ = false;
  base::Instant trial_at_;
};

}  // namespace gateway
