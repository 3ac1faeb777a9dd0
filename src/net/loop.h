#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/asio.h"
#include "net/message_buffer.h"
#include "net/outbox.h"
#include "net/poller.h"

namespace net {

// Something on a loop that must be over by a time. The deadline is a number that is set and cleared without touching
// any timer; the loop looks at all of them every tick. Resolution: one tick (100 ms), never early.
class Deadline : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  static constexpr std::int64_t never = INT64_MAX;

  virtual ~Deadline() = default;
  // Called once on the loop when the time is past; the deadline is then `never` again.
  virtual void expired() = 0;
  // The loop ends for good: drops the coroutines that wait for this, if any.
  virtual void abandon() {}

  std::int64_t expires_ms = never;  // of Loop::now_ms
};

// One event loop, for one thread. It owns the reactor, the deadlines and the message buffers of that thread; whatever
// is built on a loop is used on its thread only, except post().
class Loop {
 public:
  explicit Loop(const base::Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(); the calling thread is the loop's.
  void run();
  // From any thread.
  void stop();
  // After run() has returned: ends all suspended coroutines. To be called while what they refer to is alive.
  void end();
  void post(std::function<void()> work);

  // Starts a coroutine that nobody awaits; it is counted (tasks()). An exception that leaves it is a defect: aborts.
  void spawn(Task<void> task);
  std::size_t tasks() const { return tasks_; }

  void watch(Deadline& deadline);
  // The time when the loop turned to what runs now: asked of the clock once an event, not once a question.
  base::Instant now() const { return now_; }
  std::int64_t now_ms() const { return now_.ns / 1'000'000; }
  void note_time() { now_ = clock_.now(); }
  const base::Clock& clock() const { return clock_; }
  // Suspends the calling coroutine.
  Task<void> sleep(std::int64_t ms);

  asio::io_context& context() { return context_; }
  Poller& poller() { return poller_; }
  Outbox& outbox() { return outbox_; }
  BufferPool& buffers() { return buffers_; }

 private:
  void arm();
  void tick();

  const base::Clock& clock_;
  base::Instant now_;
  // Before the context: what its suspended coroutines hold ends with it and still refers to these.
  BufferPool buffers_;
  boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>> deadlines_;
  std::size_t tasks_ = 0;
  struct Context : asio::io_context {
    using io_context::io_context;
    void end() { shutdown(); }
  } context_{1};
  Outbox outbox_{context_, clock_};
  Poller poller_;
  asio::executor_work_guard<Executor> work_;
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer_;
  bool armed_ = false;
};

}  // namespace net
