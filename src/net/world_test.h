#pragma once
// For the tests of this room: one loop under a clock that the test moves, connections over the loopback, and a server
// that does what the path says. A test's steps are a coroutine on that loop.

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "net/http_server.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"
#include "tests/support/fake_clock.h"

namespace net::testing {

class Bench {
 public:
  tests::FakeClock clock;
  Loop loop{clock};

  Bench() = default;
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { loop.end(); }

  // Runs a test's coroutine to its end. What hangs ends after a minute (of a busy machine), and fails.
  void run(Task<void> test) {
    std::exception_ptr failure;
    bool finished = false;
    loop.spawn(guarded(std::move(test), failure, finished));
    loop.spawn(watch_over(*this));
    loop.context().restart();
    loop.run();
    if (failure) std::rethrow_exception(failure);
    REQUIRE(finished);
  }
  // Time passes; what is due is found by the loop's next tick.
  void pass(std::int64_t ms) {
    clock.advance_ms(ms);
    loop.note_time();
  }
  // Lets everything else that is ready go on.
  Task<void> yield() {
    for (int i = 0; i < 3; ++i) co_await loop.sleep(0);
  }

 private:
  Task<void> guarded(Task<void> test, std::exception_ptr& failure, bool& finished) {
    try {
      co_await std::move(test);
      finished = true;
    } catch (...) {
      failure = std::current_exception();
    }
    loop.stop();
  }
  static Task<void> watch_over(Bench& bench) {
    co_await bench.loop.sleep(60'000);
    bench.loop.stop();
  }
};

// Two ends of a connection, neither of which blocks.
inline std::array<int, 2> connected_sockets() {
  std::array<int, 2> ends{};
  ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return ends;
}

inline int connect_to(const Address& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT(fd >= 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(address.port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The listener's queue takes it at once, so nothing is waited for.
  ASSERT(::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  ASSERT(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

inline Task<void> send(Stream& stream, std::string_view bytes) {
  const auto written = co_await stream.write({bytes, {}, {}});
  REQUIRE(written.io == Io::ok);
}

// What arrives until the connection ends; `end` says how it did.
inline Task<std::string> read_to_end(Stream& stream, Io* end = nullptr) {
  std::string all;
  std::array<char, 4096> piece;
  while (true) {
    const auto read = co_await stream.read_some(piece.data(), piece.size());
    if (end != nullptr) *end = read.io;
    if (read.io != Io::ok) co_return all;
    all.append(piece.data(), read.count);
  }
}

// What arrives, until there is as much as `size`, or more.
inline Task<std::string> read_at_least(Stream& stream, std::size_t size) {
  std::string all;
  std::array<char, 4096> piece;
  while (all.size() < size) {
    const auto read = co_await stream.read_some(piece.data(), piece.size());
    REQUIRE(read.io == Io::ok);
    all.append(piece.data(), read.count);
  }
  co_return all;
}

inline std::string reply_with(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// Answers by path:
//   /echo    the body
//   /pieces  how many bytes the body had, read piece by piece
//   /unread  without a look at the body
//   /close   and closes
//   /flood   64 MB, in pieces; `sent` counts along
//   /wait    when the test sets `go`; nothing of the body is read before
class Script final : public Handler {
 public:
  explicit Script(Loop& loop) : loop_(loop) {}

  std::vector<std::string> requests;  // "GET /x"
  std::vector<base::ErrorType> refused;
  std::size_t sent = 0;
  std::size_t largest_piece = 0;
  bool go = false;
  bool hung_up = false;
  bool keeps_alive = true;  // whether the last reply should have promised so
  static constexpr std::size_t flood_bytes = 64 << 20;

  Task<void> serve(Incoming& incoming) override {
    const std::string path(incoming.head().path());
    requests.push_back(std::string(incoming.head().method) + " " + path);
    while (path == "/wait" && !go) co_await loop_.sleep(1);
    std::string answer = path;
    if (path == "/echo") {
      const auto body = co_await incoming.read_body(1 << 20);
      answer = body ? std::string(*body) : std::string(base::to_string(body.error().type));
      if (!body) incoming.close_after_reply();
    } else if (path == "/pieces" || path == "/wait") {
      answer = std::to_string(co_await count(incoming));
    } else if (path == "/close") {
      incoming.close_after_reply();
    } else if (path == "/flood") {
      co_await flood(incoming);
      co_return;
    }
    keeps_alive = incoming.keep_alive();
    hung_up = !co_await incoming.send(reply_with(answer));
  }

  std::string refuse(const base::Error& error) override {
    refused.push_back(error.type);
    return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  }

 private:
  Task<std::size_t> count(Incoming& incoming) {
    std::size_t bytes = 0;
    while (true) {
      const auto piece = co_await incoming.read_piece();
      if (!piece || piece->empty()) co_return bytes;
      largest_piece = std::max(largest_piece, piece->size());
      bytes += piece->size();
    }
  }
  Task<void> flood(Incoming& incoming) {
    const std::string piece(64 << 10, 'x');
    if (!co_await incoming.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(flood_bytes) + "\r\n\r\n"))
      co_return;
    for (sent = 0; sent < flood_bytes && !hung_up; sent += piece.size()) hung_up = !co_await incoming.send({}, piece);
  }

  Loop& loop_;
};

// The scripted server behind a listener on a free port.
class Served : public Bench {
 public:
  Address address{"127.0.0.1", 0, false};
  Script script{loop};
  HttpServer server;
  Listener listener;

  explicit Served(ServerOptions options = {}, TlsServerContext* tls = nullptr)
      : server(loop, script, options, tls), listener(loop, *listen_on(address), [this](int fd) { server.serve(fd); }) {
    listener.start();
  }
  ~Served() { loop.end(); }  // first the coroutines, which refer to the rest

  Stream connect() { return Stream(loop, connect_to(address)); }
};

}  // namespace net::testing
