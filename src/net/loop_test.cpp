#include "net/loop.h"

#include <thread>

#include "net/await.h"
#include "net/world_test.h"

using namespace net;
using namespace net::testing;

namespace {

class Alarm final : public Deadline {
 public:
  int rang = 0;
  std::int64_t again_ms = never;  // what it sets when it rings
  void expired() override {
    ++rang;
    CHECK(expires_ms == never);
    expires_ms = again_ms;
  }
};

// Says when it is destroyed, as what a coroutine holds is.
struct Held {
  bool* gone;
  explicit Held(bool& flag) : gone(&flag) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { *gone = true; }
};

Task<void> next_tick(Bench& bench) {
  Alarm tick;
  bench.loop.watch(tick);
  tick.expires_ms = 0;
  while (tick.rang == 0) co_await bench.loop.sleep(1);
}

Task<void> ring_in_time(Bench& bench) {
  Alarm alarm, other, silent;
  for (Alarm* one : {&alarm, &other, &silent}) bench.loop.watch(*one);
  alarm.expires_ms = bench.loop.now_ms() + 1'000;
  other.expires_ms = bench.loop.now_ms() + 2'000;
  bench.pass(999);
  co_await next_tick(bench);
  CHECK(alarm.rang == 0);  // never early
  bench.pass(1);
  co_await next_tick(bench);
  CHECK(alarm.rang == 1);
  CHECK(other.rang == 0);
  bench.pass(100'000);
  co_await next_tick(bench);
  CHECK(alarm.rang == 1);  // once
  CHECK(other.rang == 1);
  CHECK(silent.rang == 0);
  CHECK(alarm.expires_ms == Deadline::never);
}

Task<void> ring_again(Bench& bench) {
  Alarm alarm;
  bench.loop.watch(alarm);
  alarm.expires_ms = bench.loop.now_ms();
  alarm.again_ms = bench.loop.now_ms() + 500;
  co_await next_tick(bench);
  CHECK(alarm.rang == 1);
  bench.pass(500);
  co_await next_tick(bench);
  CHECK(alarm.rang == 2);
}

Task<void> forget_the_gone(Bench& bench) {
  {
    Alarm gone;
    bench.loop.watch(gone);
    gone.expires_ms = bench.loop.now_ms();
  }
  Alarm alarm;
  bench.loop.watch(alarm);
  alarm.expires_ms = bench.loop.now_ms();
  co_await next_tick(bench);
  CHECK(alarm.rang == 1);
}

Task<void> await_another_thread(Bench& bench) {
  const std::thread::id here = std::this_thread::get_id();
  std::thread answering;
  const auto answer = co_await await_callback<std::string>(
      bench.loop, [&answering](auto done) { answering = std::thread([done] { done("from afar"); }); });
  CHECK(*answer == "from afar");
  CHECK(std::this_thread::get_id() == here);
  answering.join();
  const auto at_once = co_await await_callback<int>(bench.loop, [](auto done) { done(7); });
  CHECK(*at_once == 7);
}

Task<void> sleep_for_ever(Loop& loop, bool& gone) {
  const Held held(gone);
  co_await loop.sleep(1'000'000);
}

Task<void> read_for_ever(Loop& loop, int fd, bool& gone) {
  const Held held(gone);
  Stream stream(loop, fd);
  char byte = 0;
  co_await stream.read_some(&byte, 1);
}

Task<void> nested(Loop& loop, int fd, bool& gone, bool& inner) {
  const Held held(gone);
  co_await read_for_ever(loop, fd, inner);
}

Task<void> wait_for_a_call(Loop& loop, std::function<void(int)>& call, bool& gone) {
  const Held held(gone);
  co_await await_callback<int>(loop, [&call](auto done) { call = done; });
}

Task<void> one_step(Bench& bench) { co_await bench.yield(); }

}  // namespace

TEST_CASE("work that is posted from another thread runs on the loop, in order") {
  Bench bench;
  std::vector<int> ran;
  std::thread::id ran_on;
  std::thread poster([&] {
    for (int i = 0; i < 3; ++i)
      bench.loop.post([&ran, &ran_on, i] {
        ran.push_back(i);
        ran_on = std::this_thread::get_id();
      });
    bench.loop.post([&bench] { bench.loop.stop(); });
  });
  bench.loop.run();
  poster.join();
  CHECK(ran == std::vector{0, 1, 2});
  CHECK(ran_on == std::this_thread::get_id());
}

TEST_CASE("a deadline rings once, at its time or a tick later, never early") {
  Bench bench;
  bench.run(ring_in_time(bench));
}

TEST_CASE("a deadline may set itself again while it rings") {
  Bench bench;
  bench.run(ring_again(bench));
}

TEST_CASE("a deadline that is gone rings no more") {
  Bench bench;
  bench.run(forget_the_gone(bench));
}

TEST_CASE("a coroutine goes on on its own loop, whoever calls back") {
  Bench bench;
  bench.run(await_another_thread(bench));
}

TEST_CASE("tasks counts the coroutines that were spawned and have not ended") {
  Bench bench;
  CHECK(bench.loop.tasks() == 0);
  bool gone = false;
  bench.loop.spawn(sleep_for_ever(bench.loop, gone));
  CHECK(bench.loop.tasks() == 1);
  bench.run(one_step(bench));
  CHECK(bench.loop.tasks() == 2);  // it, and what watches over the test
  bench.loop.end();
  CHECK(gone);
}

TEST_CASE("ending a loop destroys what its suspended coroutines hold") {
  bool slept = false, read = false, outer = false, inner = false, never_ran = false;
  const auto sockets = connected_sockets();
  const auto more = connected_sockets();
  {
    Bench bench;
    bench.loop.spawn(sleep_for_ever(bench.loop, slept));
    bench.loop.spawn(read_for_ever(bench.loop, sockets[0], read));
    bench.loop.spawn(nested(bench.loop, more[0], outer, inner));
    bench.run(one_step(bench));
    CHECK_FALSE((slept || read || outer || inner));
    bench.loop.spawn(sleep_for_ever(bench.loop, never_ran));
    bench.loop.end();
    CHECK((slept && read && outer && inner));
  }
  CHECK_FALSE(never_ran);  // it had not begun, so it held nothing
  ::close(sockets[1]);
  ::close(more[1]);
}

// The coroutine stayed, with all that it held, where the callback was kept, and a late call ran into a loop that was
// gone: a gateway that ended while a call waited for the store aborted.
TEST_CASE("ending a loop drops who waits for a callback, and a late call is no harm") {
  std::function<void(int)> call;
  bool gone = false;
  {
    Bench bench;
    bench.loop.spawn(wait_for_a_call(bench.loop, call, gone));
    bench.run(one_step(bench));
    REQUIRE(call);
    CHECK_FALSE(gone);
    bench.loop.end();
    CHECK(gone);
    call(1);
  }
  std::thread([&call] { call(2); }).join();
}

TEST_CASE("a call that was made before its loop ends and did not arrive is no harm either") {
  std::function<void(int)> call;
  bool gone = false;
  Bench bench;
  bench.loop.spawn(wait_for_a_call(bench.loop, call, gone));
  bench.run(one_step(bench));
  call(1);
  bench.loop.end();
  CHECK(gone);
}
