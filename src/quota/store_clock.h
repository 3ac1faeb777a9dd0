#pragma once
// The wall clock of a node of a fleet: the store's, read with each heartbeat, and carried on from there by the
// machine's clock that never steps back (money-rules.md, "Window and stamp"). So it does not matter what the node's own
// wall clock says, or whether somebody sets it. It is off by as long as the last reading took at most
// (docs/decisions/0025).

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace quota {

class StoreClock final : public base::Clock {
 public:
  // `told`: what the store's clock says just now, as far as is known (LeftBehind::now).
  StoreClock(const base::Clock& machine, base::WallTime told);
  // From any thread.
  base::WallTime wall_now() const override;
  base::Instant now() const override { return machine_.now(); }

  // The store's clock said `told` at a moment between `before` and now. What this one says changes only as far as that
  // proves it wrong, in both directions: whoever counts by it sees to it that his stamps do not step back.
  void read(base::Instant before, base::WallTime told);

 private:
  const base::Clock& machine_;
  std::atomic<std::int64_t> offset_ms_;  // wall time - the machine's clock
};

}  // namespace quota
