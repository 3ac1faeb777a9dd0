#pragma once
// Randomness comes in through the constructor, so that a seed replays everything but the secrets themselves.

#include <cstddef>
#include <span>

namespace base {

class Random {
 public:
  virtual ~Random() = default;
  // Fills `out`. The system's generator is fit for secrets; a test's need not be. Safe to call from any thread.
  virtual void fill(std::span<std::byte> out) = 0;
};

// getrandom(2). Lives as long as the program.
Random& system_random();

}  // namespace base
