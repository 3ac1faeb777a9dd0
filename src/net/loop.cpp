#include "net/loop.h"

#include <boost/asio/post.hpp>
#include <exception>

#include "base/assert.h"
#include "base/log.h"

namespace net {
namespace {
constexpr auto tick_length = std::chrono::milliseconds(100);
}

Loop::Loop(const base::Clock& clock)
    : clock_(clock),
      now_(clock.now()),
      poller_(*this),
      work_(asio::make_work_guard(context_)),
      timer_(context_.get_executor()) {
  poller_.start();
}
Loop::~Loop() = default;

void Loop::run() {
  note_time();
  context_.run();
}
void Loop::stop() { context_.stop(); }
void Loop::end() {
  while (!deadlines_.empty()) {
    Deadline& deadline = deadlines_.front();
    deadlines_.pop_front();
    deadline.abandon();
  }
  context_.end();
}

void Loop::post(std::function<void()> work) {
  asio::post(context_, [this, work = std::move(work)] {
    note_time();
    work();
  });
}

void Loop::spawn(Task<void> task) {
  ++tasks_;
  asio::co_spawn(context_.get_executor(), std::move(task), [this](const std::exception_ptr& failure) {
    --tasks_;
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      // Errors are values here; what still throws is a defect or no memory, and money may be held by what was unwound.
      base::log::error("a task ended with an exception: {}", error.what());
      ASSERT(false);
    }
  });
}

void Loop::watch(Deadline& deadline) {
  deadlines_.push_back(deadline);
  arm();
}

// The tick runs only while something is watched, so that an idle gateway sleeps.
void Loop::arm() {
  if (armed_ || deadlines_.empty()) return;
  armed_ = true;
  timer_.expires_after(tick_length);
  timer_.async_wait([this](const boost::system::error_code& error) {
    armed_ = false;
    if (!error) tick();
  });
}

void Loop::tick() {
  note_time();
  const std::int64_t now = now_ms();
  // expired() may end any other deadline, its neighbours too: no place in a list is remembered over the call.
  decltype(deadlines_) unseen;
  unseen.swap(deadlines_);
  while (!unseen.empty()) {
    Deadline& deadline = unseen.front();
    unseen.pop_front();
    deadlines_.push_back(deadline);
    if (deadline.expires_ms > now) continue;
    deadline.expires_ms = Deadline::never;
    deadline.expired();
  }
  arm();
}

Task<void> Loop::sleep(std::int64_t ms) {
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer(
      context_.get_executor(), std::chrono::milliseconds(ms));
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(use_task, ignored));
  note_time();
}

}  // namespace net
