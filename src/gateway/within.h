#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "net/await.h"

namespace gateway {

// What is being waited for must not hold the client for ever: whoever calls first decides, and what comes too late is
// dropped.
template <class T>
net::Task<std::shared_ptr<T>> within(net::Loop& loop, std::int64_t ms, std::function<T()> too_late,
                                     std::function<void(std::function<void(T)>)> start) {
  struct OutOfPatience final : net::Deadline {
    std::function<void()> act;
    void expired() override { act(); }
  } patience;
  const auto answered = std::make_shared<std::atomic<bool>>(false);
  co_return co_await net::await_callback<T>(loop, [&](auto done) {
    const auto once = [answered, done](T value) {
      if (!answered->exchange(true)) done(std::move(value));
    };
    patience.act = [once, too_late] { once(too_late()); };
    patience.expires_ms = loop.now_ms() + ms;
    loop.watch(patience);
    start(once);
  });
}

}  // namespace gateway
