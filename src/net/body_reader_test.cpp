#include "net/body_reader.h"

#include <cstring>

#include "net/world_test.h"

using namespace net;
using namespace net::testing;
using base::ErrorType;

namespace {

// A body on its way: what came with the head lies in the buffer, the rest comes from the other end.
struct Body {
  std::array<int, 2> ends = connected_sockets();
  Stream stream;
  MessageBuffer buffer;
  BodyReader reader;

  Body(Bench& bench, Framing framing, std::int64_t length, std::string_view with_head, std::int64_t idle_ms = 1'000,
       std::int64_t total_deadline_ms = Deadline::never)
      : stream(bench.loop, ends[0]), reader(stream, filled(with_head), framing, length, idle_ms, total_deadline_ms) {}
  ~Body() { hang_up(); }

  void say(std::string_view text) {
    REQUIRE(::send(ends[1], text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    if (ends[1] >= 0) ::close(std::exchange(ends[1], -1));
  }

 private:
  MessageBuffer& filled(std::string_view bytes) {
    constexpr std::string_view head = "the head\r\n\r\n";
    std::memcpy(buffer.space(), head.data(), head.size());
    buffer.filled(head.size());
    std::memcpy(buffer.space(), bytes.data(), bytes.size());
    buffer.filled(bytes.size());
    buffer.consume(head.size());
    return buffer;
  }
};

Task<std::string> in_pieces(Body& body) {
  std::string all;
  while (true) {
    const auto piece = co_await body.reader.read_piece();
    REQUIRE(piece.has_value());
    if (piece->empty()) co_return all;
    all += *piece;
  }
}

// Each framing, cut at every place between what came with the head and what comes later.
Task<void> read_at_every_cut(Bench& bench) {
  struct Row {
    Framing framing;
    std::string_view wire, payload;
    std::int64_t length;
  };
  for (const Row& row : {Row{Framing::length, "hello world", "hello world", 11},
                         Row{Framing::chunked, "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n", "hello world", 0},
                         Row{Framing::until_close, "hello world", "hello world", 0}, Row{Framing::none, "", "", 0}})
    for (std::size_t cut = 0; cut <= row.wire.size(); ++cut)
      for (const bool whole : {false, true}) {
        CAPTURE(row.wire);
        CAPTURE(cut);
        Body body(bench, row.framing, row.length, row.wire.substr(0, cut));
        body.say(row.wire.substr(cut));
        body.hang_up();
        if (whole) {
          const auto all = co_await body.reader.read_all(100);
          REQUIRE(all.has_value());
          CHECK(*all == row.payload);
          // Readable behind its end, as a parser wants it.
          if (!all->empty()) std::memset(const_cast<char*>(all->data()) + all->size(), ' ', MessageBuffer::padding);
        } else {
          CHECK(co_await in_pieces(body) == row.payload);
        }
        CHECK(body.reader.done());
        CHECK(body.reader.has_buffered());
        CHECK(body.reader.beyond().empty());
        if (row.framing == Framing::chunked) CHECK(body.reader.trailers() == "T: v\r\n");
      }
}

Task<void> keep_the_head(Bench& bench) {
  Body body(bench, Framing::chunked, 0, "3\r\nabc\r\n");
  const char* const head = body.buffer.bytes().data() - 12;
  for (int i = 0; i < 50; ++i) {
    const std::string chunk(1'000, 'x');
    body.say("3e8\r\n" + chunk + "\r\n");
    co_await body.reader.read_piece();
    REQUIRE(std::string_view(head, 12) == "the head\r\n\r\n");
  }
}

Task<void> leave_what_follows(Bench& bench) {
  Body body(bench, Framing::length, 5, "helloGET /next");
  CHECK(body.reader.at_hand() == "hello");
  CHECK(body.reader.beyond() == "GET /next");
  CHECK_FALSE(body.reader.take_buffer());  // it lies in the head's

  Body chunked(bench, Framing::chunked, 0, "2\r\nhi");
  chunked.say("\r\n0\r\n\r\nGET /next");
  CHECK((co_await chunked.reader.read_all(100)).value() == "hi");
  CHECK(chunked.reader.beyond() == "GET /next");
  const BufferHandle own = chunked.reader.take_buffer();
  REQUIRE(own);
  CHECK(own->bytes() == "GET /next");
}

Task<void> at_hand_only(Bench& bench) {
  Body none(bench, Framing::none, 0, "");
  CHECK(none.reader.at_hand() == "");
  Body part(bench, Framing::length, 5, "hell");
  CHECK_FALSE(part.reader.at_hand().has_value());
  part.say("o");
  CHECK((co_await part.reader.read_all(5)).value() == "hello");
}

Task<void> refuse_too_much(Bench& bench) {
  Body said(bench, Framing::length, 101, "");
  const auto at_once = co_await said.reader.read_all(100);
  REQUIRE_FALSE(at_once.has_value());
  CHECK(at_once.error().type == ErrorType::payload_too_large);

  Body found(bench, Framing::chunked, 0, "60\r\n" + std::string(96, 'x') + "\r\n");
  found.say("5\r\nxxxxx\r\n");
  const auto later = co_await found.reader.read_all(100);
  REQUIRE_FALSE(later.has_value());
  CHECK(later.error().type == ErrorType::payload_too_large);
  CHECK(later.error().message == "the body has more than 100 bytes");

  Body exact(bench, Framing::chunked, 0, "64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n");
  CHECK((co_await exact.reader.read_all(100)).value().size() == 100);
}

Task<void> large_bodies(Bench& bench) {
  for (const Framing framing : {Framing::length, Framing::chunked, Framing::until_close}) {
    std::string text;
    for (int i = 0; text.size() < 90'000; ++i) text += std::to_string(i);
    const std::string wire =
        framing == Framing::chunked ? "15f90\r\n" + text.substr(0, 90'000) + "\r\n0\r\n\r\n" : text;
    if (framing == Framing::chunked) text.resize(90'000);
    Body body(bench, framing, static_cast<std::int64_t>(text.size()), wire.substr(0, 1'000));
    body.say(std::string_view(wire).substr(1'000));
    body.hang_up();
    const auto all = co_await body.reader.read_all(1 << 20);
    REQUIRE(all.has_value());
    CHECK((*all == text));
    std::memset(const_cast<char*>(all->data()) + all->size(), ' ', MessageBuffer::padding);
  }
}

Task<void> broken_bodies(Bench& bench) {
  struct Row {
    Framing framing;
    std::string_view wire;
    ErrorType type;
  };
  for (const Row& row : {Row{Framing::length, "hell", ErrorType::upstream_error},
                         Row{Framing::chunked, "5\r\nhell", ErrorType::upstream_error},
                         Row{Framing::chunked, "5\r\nhello\r\n", ErrorType::upstream_error},
                         Row{Framing::chunked, "x\r\n", ErrorType::invalid_request}})
    for (const bool whole : {false, true}) {
      CAPTURE(row.wire);
      Body body(bench, row.framing, 5, "");
      body.say(row.wire);
      body.hang_up();
      base::Result<std::string_view> read;
      if (whole) {
        read = co_await body.reader.read_all(100);
      } else {
        do {
          read = co_await body.reader.read_piece();
        } while (read && !read->empty());
      }
      REQUIRE_FALSE(read.has_value());
      CHECK(read.error().type == row.type);
    }
}

Task<void> deadlines(Bench& bench) {
  const std::int64_t start = bench.loop.now_ms();
  Body idle(bench, Framing::length, 5, "", 1'000, start + 10'000);
  for (const char* letter : {"h", "e", "l"}) {
    idle.say(letter);
    CHECK((co_await idle.reader.read_piece()).value() == letter);
    bench.pass(900);  // never a whole second without a byte
  }
  bench.pass(200);
  idle.say("l");
  CHECK((co_await idle.reader.read_piece()).value() == "l");  // each wait counts for itself
  bench.loop.post([&bench] { bench.pass(1'000); });
  const auto quiet = co_await idle.reader.read_piece();
  REQUIRE_FALSE(quiet.has_value());
  CHECK(quiet.error().type == ErrorType::upstream_timeout);

  Body total(bench, Framing::until_close, 0, "", 1'000, bench.loop.now_ms() + 1'500);
  total.say("a");
  CHECK((co_await total.reader.read_piece()).has_value());
  bench.pass(900);
  bench.loop.post([&bench] { bench.pass(600); });
  const auto late = co_await total.reader.read_all(100);
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().type == ErrorType::upstream_timeout);
}

}  // namespace

TEST_CASE("a body is the same however it is framed and wherever it is cut") {
  Bench bench;
  bench.run(read_at_every_cut(bench));
}

TEST_CASE("reading a body leaves the head's bytes where they are") {
  Bench bench;
  bench.run(keep_the_head(bench));
}

TEST_CASE("what follows a body is the next message's and is left to it") {
  Bench bench;
  bench.run(leave_what_follows(bench));
}

TEST_CASE("a body that came with its head needs no waiting, and only that") {
  Bench bench;
  bench.run(at_hand_only(bench));
}

TEST_CASE("a body with more than is allowed is refused, at once where its length says so") {
  Bench bench;
  bench.run(refuse_too_much(bench));
}

TEST_CASE("a body larger than a buffer is read whole") {
  Bench bench;
  bench.run(large_bodies(bench));
}

TEST_CASE("a body that ends early or is framed wrongly is an error, not a shorter body") {
  Bench bench;
  bench.run(broken_bodies(bench));
}

TEST_CASE("each wait for a body has its deadline, and all of them together have one") {
  Bench bench;
  bench.run(deadlines(bench));
}
