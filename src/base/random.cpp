#include <sys/random.h>

#include <cerrno>

#include "base/assert.h"
#include "base/random.h"

namespace base {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t count = ::getrandom(out.data(), out.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      ASSERT(count > 0);  // the kernel's generator is initialised long before us
      out = out.subspan(static_cast<std::size_t>(count));
    }
  }
};

}  // namespace

void BufferedRandom::fill(std::span<std::byte> out) {
  for (std::byte& byte : out) {
    if (used_ == buffer_.size()) {
      source_.fill(buffer_);
      used_ = 0;
    }
    byte = buffer_[used_++];
  }
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace base
