#include "net/stream.h"

#include <fmt/format.h>

#include "net/world_test.h"

using namespace net;
using namespace net::testing;

namespace {

// A stream on one end of a connection, and the other end for the test's own hands.
struct Pair {
  std::array<int, 2> ends = connected_sockets();
  Stream stream;
  explicit Pair(Bench& bench) : stream(bench.loop, ends[0]) {}
  ~Pair() { hang_up(); }

  void say(std::string_view text) {
    REQUIRE(::send(ends[1], text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  // Takes all that is there.
  std::string hear() {
    std::string all;
    std::array<char, 65'536> piece;
    for (ssize_t count = 0; (count = ::recv(ends[1], piece.data(), piece.size(), 0)) > 0;)
      all.append(piece.data(), static_cast<std::size_t>(count));
    return all;
  }
  void hang_up() {
    if (ends[1] >= 0) ::close(std::exchange(ends[1], -1));
  }
};

struct Written {
  std::optional<Stream::WriteResult> result;
};

Task<void> write(Stream& stream, Stream::Parts parts, Written& written) {
  written.result = co_await stream.write(parts);
}

Task<void> read(Stream& stream, std::optional<Stream::ReadResult>& result, std::array<char, 64>& into) {
  result = co_await stream.read_some(into.data(), into.size());
}

Task<void> read_what_comes(Bench& bench) {
  Pair pair(bench);
  std::array<char, 64> into{};
  pair.say("one");
  auto got = co_await pair.stream.read_some(into.data(), into.size());
  CHECK(std::string_view(into.data(), got.count) == "one");
  CHECK_FALSE(pair.stream.read_at_once(into.data(), into.size()).has_value());

  std::optional<Stream::ReadResult> waiting;
  bench.loop.spawn(read(pair.stream, waiting, into));
  co_await bench.yield();
  CHECK_FALSE(waiting.has_value());
  pair.say("two and three");
  co_await bench.yield();
  REQUIRE(waiting.has_value());
  CHECK(std::string_view(into.data(), waiting->count) == "two and three");

  pair.say("four");
  CHECK(co_await pair.stream.wait_readable() == Io::ok);
  got = co_await pair.stream.read_some(into.data(), 2);
  CHECK(got.count == 2);
  got = co_await pair.stream.read_some(into.data(), 2);  // the rest needs no event
  CHECK(got.count == 2);
  pair.say("last");
  pair.hang_up();
  got = co_await pair.stream.read_some(into.data(), into.size());
  CHECK(got.count == 4);
  CHECK((co_await pair.stream.read_some(into.data(), into.size())).io == Io::closed);
  CHECK((co_await pair.stream.read_some(into.data(), into.size())).io == Io::closed);
}

// A large message goes out piece by piece as the peer takes it, in order; head and tail may be gone meanwhile.
Task<void> write_to_a_slow_reader(Bench& bench) {
  Pair pair(bench);
  const std::string body(1 << 20, 'b');
  std::string head(100'000, 'h'), tail = "the end";
  const std::string whole = head + body + tail;
  Written written;
  bench.loop.spawn(write(pair.stream, {head, body, tail}, written));
  co_await bench.yield();
  CHECK_FALSE(written.result.has_value());
  std::ranges::fill(head, '?');
  tail = "scratch";
  std::string heard;
  while (heard.size() < whole.size()) {
    heard += pair.hear();
    co_await bench.yield();
  }
  CHECK((heard == whole));
  REQUIRE(written.result.has_value());
  CHECK(written.result->io == Io::ok);
}

// Small messages leave at the end of the turn, in the order in which they were written, whatever way they took.
Task<void> write_soon(Bench& bench) {
  Pair pair(bench);
  Stream::Parts parts{"one ", "small ", "message "};
  REQUIRE(pair.stream.write_soon(parts).has_value());
  CHECK(parts.empty());
  CHECK(pair.hear().empty());
  CHECK_FALSE(pair.stream.sent_at().has_value());
  bench.clock.advance_ms(5);
  co_await bench.yield();
  CHECK(pair.stream.sent_at() == bench.clock.now());
  CHECK(pair.hear() == "one small message ");

  parts = {"first ", {}, {}};
  REQUIRE(pair.stream.write_soon(parts).has_value());
  parts = {"second ", {}, {}};
  REQUIRE(pair.stream.write_soon(parts).has_value());  // the first goes out to make room
  parts = {"third", {}, {}};
  REQUIRE(pair.stream.write_at_once(parts).has_value());
  CHECK(pair.hear() == "first second third");

  std::vector<std::unique_ptr<Pair>> many;
  for (std::size_t i = 0; i < 2 * Outbox::messages_max; ++i) {
    many.push_back(std::make_unique<Pair>(bench));
    parts = {"to each", {}, {}};
    REQUIRE(many.back()->stream.write_soon(parts).has_value());
  }
  many.back()->stream.close();  // what was promised goes out first
  co_await bench.yield();
  for (const auto& one : many) CHECK(one->hear() == "to each");
}

// A peer that does not read holds the messages up, and loses none.
Task<void> write_soon_to_a_slow_reader(Bench& bench) {
  Pair pair(bench);
  std::string message, sent;
  const auto next = [&] {
    message.assign(Outbox::message_max, 'm');
    message.replace(0, 8, fmt::format("{:08}", sent.size()));
    sent += message;
    return Stream::Parts{message, {}, {}};
  };
  Stream::Parts parts = next();
  while (pair.stream.write_soon(parts)) {
    co_await bench.yield();
    parts = next();
  }
  Written written;
  bench.loop.spawn(write(pair.stream, parts, written));
  co_await bench.yield();
  CHECK_FALSE(written.result.has_value());
  std::string heard;
  for (int i = 0; i < 10'000 && heard.size() < sent.size(); ++i) {
    heard += pair.hear();
    co_await bench.yield();
  }
  CHECK((heard == sent));
  REQUIRE(written.result.has_value());
  CHECK(written.result->io == Io::ok);
}

// What the system did not take goes on by itself as the peer reads, while the stream's owner waits for something else.
Task<void> unsent_goes_on(Bench& bench) {
  Pair pair(bench);
  const std::string message(Outbox::message_max, 'm');
  std::size_t sent = 0;
  for (Stream::Parts parts{message, {}, {}}; pair.stream.write_soon(parts); parts = {message, {}, {}}) {
    sent += message.size();
    co_await bench.yield();
  }
  std::array<char, 64> into{};
  std::optional<Stream::ReadResult> reading;
  bench.loop.spawn(read(pair.stream, reading, into));
  std::size_t heard = 0;
  for (int i = 0; i < 10'000 && heard < sent; ++i) {
    heard += pair.hear().size();
    co_await bench.yield();
  }
  CHECK(heard == sent);
  pair.say("x");
  co_await bench.yield();
  CHECK(reading.has_value());
}

Task<void> write_soon_to_nobody(Bench& bench) {
  Pair pair(bench);
  std::array<char, 64> into{};
  std::optional<Stream::ReadResult> reading;
  bench.loop.spawn(read(pair.stream, reading, into));
  co_await bench.yield();
  Stream::Parts parts{"lost", {}, {}};
  pair.hang_up();
  REQUIRE(pair.stream.write_soon(parts).has_value());
  CHECK_FALSE(pair.stream.lost());
  co_await bench.yield();
  CHECK(pair.stream.lost());
  REQUIRE(reading.has_value());
  CHECK(reading->io != Io::ok);
  CHECK((co_await pair.stream.wait_readable()) == Io::broken);
  parts = {"more", {}, {}};
  const auto more = pair.stream.write_soon(parts);
  REQUIRE(more.has_value());
  CHECK(more->io == Io::broken);
  CHECK(more->untouched);
}

Task<void> write_at_once(Bench& bench) {
  Pair pair(bench);
  Stream::Parts parts{"head ", "body ", "tail"};
  const auto small = pair.stream.write_at_once(parts);
  REQUIRE(small.has_value());
  CHECK(small->io == Io::ok);
  CHECK(pair.hear() == "head body tail");

  const std::string large(4 << 20, 'x');
  parts = {"head", large, {}};
  CHECK_FALSE(pair.stream.write_at_once(parts).has_value());
  CHECK(parts.head.empty());
  const std::size_t left = parts.size();
  CHECK(left < large.size());
  CHECK(pair.hear().size() == large.size() + 4 - left);
  co_return;
}

Task<void> write_to_nobody(Bench& bench) {
  Pair gone(bench);
  gone.hang_up();
  const auto none = co_await gone.stream.write({"hello", {}, {}});
  CHECK(none.io == Io::broken);
  CHECK(none.untouched);

  Pair slow(bench);
  const std::string large(4 << 20, 'x');
  Written some;
  bench.loop.spawn(write(slow.stream, {large, {}, {}}, some));
  co_await bench.yield();
  slow.hang_up();
  co_await bench.yield();
  REQUIRE(some.result.has_value());
  CHECK(some.result->io == Io::broken);
  CHECK_FALSE(some.result->untouched);
}

// An event that said "readable" and "writable" at once woke the writer alone, and the reader waited for ever: a client
// that pipelines, or an upstream that answers before it has the whole request, was not heard.
Task<void> hear_while_writing(Bench& bench) {
  Pair pair(bench);
  std::array<char, 64> into{};
  pair.say("request");
  co_await pair.stream.read_some(into.data(), into.size());
  const std::string large(4 << 20, 'x');
  Stream::Parts parts{large, {}, {}};
  CHECK_FALSE(pair.stream.write_at_once(parts).has_value());  // no more fits
  Written written;
  bench.loop.spawn(write(pair.stream, {"the rest", {}, {}}, written));
  co_await bench.yield();
  CHECK_FALSE(written.result.has_value());
  pair.hear();
  pair.say("early answer");  // before the loop sees that there is room again
  co_await bench.yield();
  REQUIRE(written.result.has_value());
  pair.stream.expires_after(1'000);
  bench.pass(1'001);
  CHECK(co_await pair.stream.wait_readable() == Io::ok);
}

Task<void> time_out(Bench& bench) {
  Pair pair(bench);
  std::array<char, 64> into{};
  pair.stream.expires_after(1'000);
  bench.pass(1'000);
  CHECK((co_await pair.stream.read_some(into.data(), into.size())).io == Io::timed_out);
  CHECK(co_await pair.stream.wait_readable() == Io::timed_out);
  // Until a new deadline is set; the connection itself is as good as before.
  pair.stream.expires_after(1'000);
  pair.say("late");
  CHECK((co_await pair.stream.read_some(into.data(), into.size())).count == 4);

  const std::string large(4 << 20, 'x');
  pair.stream.expires_after(1'000);
  bench.pass(1'000);
  const auto written = co_await pair.stream.write({large, {}, {}});
  CHECK(written.io == Io::timed_out);
  CHECK_FALSE(written.untouched);
}

Task<void> close_under_a_reader(Bench& bench) {
  Pair pair(bench);
  std::array<char, 64> into{};
  std::optional<Stream::ReadResult> waiting;
  bench.loop.spawn(read(pair.stream, waiting, into));
  co_await bench.yield();
  pair.stream.close();
  pair.stream.close();
  CHECK_FALSE(waiting.has_value());  // in a turn of its own
  co_await bench.yield();
  REQUIRE(waiting.has_value());
  CHECK(waiting->io == Io::broken);
  CHECK((co_await pair.stream.write({"x", {}, {}})).io == Io::broken);
}

Task<void> tell_quiet_from_dead(Bench& bench) {
  Pair pair(bench);
  CHECK(pair.stream.is_quiet());
  pair.say("x");
  CHECK_FALSE(pair.stream.is_quiet());
  Pair gone(bench);
  gone.hang_up();
  CHECK_FALSE(gone.stream.is_quiet());
  co_return;
}

Task<void> say_the_end(Bench& bench) {
  Pair pair(bench);
  pair.stream.shut_down_writing();
  char byte = 0;
  CHECK(::recv(pair.ends[1], &byte, 1, 0) == 0);
  pair.say("still here");
  std::array<char, 64> into{};
  CHECK((co_await pair.stream.read_some(into.data(), into.size())).count == 10);
}

}  // namespace

TEST_CASE("a stream reads what is there, waits for what is not, and sees the end behind the last byte") {
  Bench bench;
  bench.run(read_what_comes(bench));
}

TEST_CASE("what a slow reader does not take yet waits, in order, without head and tail being kept by the caller") {
  Bench bench;
  bench.run(write_to_a_slow_reader(bench));
}

TEST_CASE("writing at once sends what it can and leaves the rest to the caller") {
  Bench bench;
  bench.run(write_at_once(bench));
}

TEST_CASE("small messages leave at the end of the turn, in order") {
  Bench bench;
  bench.run(write_soon(bench));
}

TEST_CASE("small messages wait for a slow reader, and none is lost") {
  Bench bench;
  bench.run(write_soon_to_a_slow_reader(bench));
}

TEST_CASE("what the system did not take of a small message goes on by itself") {
  Bench bench;
  bench.run(unsent_goes_on(bench));
}

TEST_CASE("a small message that cannot be sent ends the stream, and says that nothing was taken") {
  Bench bench;
  bench.run(write_soon_to_nobody(bench));
}

TEST_CASE("a failed write says whether a byte of it was taken") {
  Bench bench;
  bench.run(write_to_nobody(bench));
}

TEST_CASE("what arrives while a writer waits is not missed") {
  Bench bench;
  bench.run(hear_while_writing(bench));
}

TEST_CASE("reading and writing end at the deadline, until another one is set") {
  Bench bench;
  bench.run(time_out(bench));
}

TEST_CASE("closing a stream wakes who waits on it") {
  Bench bench;
  bench.run(close_under_a_reader(bench));
}

TEST_CASE("a quiet connection is told from one that spoke or ended") {
  Bench bench;
  bench.run(tell_quiet_from_dead(bench));
}

TEST_CASE("saying the end of writing leaves the reading side open") {
  Bench bench;
  bench.run(say_the_end(bench));
}
