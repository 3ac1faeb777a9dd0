#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/result.h"
#include "net/await.h"

namespace gateway {

// An answer that is asked for before anybody has to wait for it.
template <class T>
class Later {
 public:
  // From any thread, once.
  void answer(T value) {
    std::function<void(T)> waiting;
    {
      const std::lock_guard lock(mutex_);
      if (!waiting_) {
        value_.emplace(std::move(value));
        return;
      }
      waiting = std::move(waiting_);
    }
    waiting(std::move(value));
  }
  // The answer, if it has come.
  std::optional<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }
  // `done` gets it instead, at once or when it comes.
  void then(std::function<void(T)> done) {
    std::optional<T> value;
    {
      const std::lock_guard lock(mutex_);
      value = std::exchange(value_, std::nullopt);
      if (!value) {
        waiting_ = std::move(done);
        return;
      }
    }
    done(std::move(*value));
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
  std::function<void(T)> waiting_;
};

// Why a question to the store has no answer, where that did not come in time.
inline base::Error store_slow(std::int64_t patience_ms) {
  return {base::ErrorType::unavailable,
          base::Source::store,
          fmt::format("the store did not answer within {} ms (store_slow)", patience_ms),
          {}};
}

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
