#pragma once
// Randomness comes in through the constructor, so that a seed replays everything but the secrets themselves.

#include <array>
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

// Another generator, asked for a page at a time: for one thread that needs many ids. Not for secrets.
class BufferedRandom final : public Random {
 public:
  explicit BufferedRandom(Random& source) : source_(source) {}
  void fill(std::span<std::byte> out) override;

 private:
  Random& source_;
  std::array<std::byte, 4096> buffer_;
  std::size_t used_ = 4096;
};

}  // namespace base
