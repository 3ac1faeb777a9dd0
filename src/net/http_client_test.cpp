#include "net/http_client.h"

#include "net/head_writer.h"
#include "net/world_test.h"

using namespace net;
using namespace net::testing;
using base::ErrorType;
using base::Source;

namespace {

// The far end is the test: it says what an upstream would, byte by byte.
struct Upstream {
  std::array<int, 2> ends = connected_sockets();
  ClientConnection connection;
  explicit Upstream(Bench& bench) : connection(bench.loop, ends[0]) {}
  ~Upstream() { hang_up(); }
  void say(std::string_view text) {
    REQUIRE(::send(ends[1], text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    if (ends[1] >= 0) ::close(std::exchange(ends[1], -1));
  }
};

Task<void> read_replies(Bench& bench) {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
  const std::string wire = interim + reply;
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    CAPTURE(cut);
    Upstream upstream(bench);
    upstream.say(wire.substr(0, cut));
    bench.loop.post([&upstream, &wire, cut] { upstream.say(wire.substr(cut)); });
    const auto head = co_await upstream.connection.read_head("POST", Deadline::never);
    REQUIRE(head.has_value());
    CHECK(head->status == 200);
    CHECK(head->find("x") == "y");
    BodyReader& body = upstream.connection.open_body(*head, 1'000, Deadline::never);
    CHECK((co_await body.read_all(100)).value() == "hello");
    CHECK(upstream.connection.reusable());
    CHECK(upstream.connection.reused());
  }
}

Task<void> bad_replies(Bench& bench) {
  struct Row {
    std::string said, message;
  };
  for (const Row& row :
       {Row{"", "the connection broke while waiting for the reply"},
        Row{"HTTP/1.1 200 O", "the connection broke while waiting for the reply"},
        Row{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            "the upstream switched protocols without being asked"},
        Row{"SSH-2.0-OpenSSH\r\n\r\n", ""}, Row{"HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x'), ""},
        Row{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ""}}) {
    CAPTURE(row.said.substr(0, 60));
    Upstream upstream(bench);
    upstream.say(row.said);
    upstream.hang_up();
    const auto head = co_await upstream.connection.read_head("POST", Deadline::never);
    REQUIRE_FALSE(head.has_value());
    CHECK(head.error().type == ErrorType::upstream_error);
    if (!row.message.empty()) CHECK(head.error().message == row.message);
    CHECK_FALSE(upstream.connection.reusable());
  }
  Upstream silent(bench);
  bench.loop.post([&bench] { bench.pass(500); });
  const auto late = co_await silent.connection.read_head("POST", bench.loop.now_ms() + 500);
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().type == ErrorType::upstream_timeout);
  CHECK(late.error().source == Source::upstream_timeout);
}

// Whether a connection can be used again: the reply came whole, nothing follows it, and the upstream keeps it open.
Task<void> reusable_or_not(Bench& bench) {
  struct Row {
    std::string name, said;
    bool reusable;
  };
  for (const Row& row :
       {Row{"with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true},
        Row{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true},
        Row{"no body", "HTTP/1.1 204 No Content\r\n\r\n", true},
        Row{"closes", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", false},
        Row{"old", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false},
        Row{"more than a reply", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", false},
        Row{"not read yet", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false}}) {
    CAPTURE(row.name);
    Upstream upstream(bench);
    upstream.say(row.said);
    const auto head = co_await upstream.connection.read_head("POST", Deadline::never);
    REQUIRE(head.has_value());
    BodyReader& body = upstream.connection.open_body(*head, 1'000, Deadline::never);
    if (row.name != "not read yet") co_await body.read_all(100);
    CHECK(upstream.connection.reusable() == row.reusable);
  }
}

// A client of the scripted server, on the same loop.
struct World : Served {
  HttpClient client;
  explicit World(ClientOptions options = {}, ServerOptions server_options = {})
      : Served(server_options), client(loop, with_address(std::move(options))) {}
  ~World() { loop.end(); }

  ClientOptions with_address(ClientOptions options) const {
    options.host = "127.0.0.1";
    options.port = address.port;
    return options;
  }
};

// One exchange on a connection from the client; gives the connection back unless told otherwise.
Task<std::unique_ptr<ClientConnection>> fetch(HttpClient& client, std::string_view path, bool& fresh) {
  auto connection = client.take_resting();
  fresh = connection == nullptr;
  if (fresh) {
    auto made = co_await client.connect(1'000);
    REQUIRE(made.has_value());
    connection = std::move(*made);
  }
  CHECK(connection->reused() == !fresh);
  co_await send(connection->stream(), "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = co_await connection->read_head("GET", Deadline::never);
  REQUIRE(head.has_value());
  BodyReader& body = connection->open_body(*head, 10'000, Deadline::never);
  CHECK((co_await body.read_all(1'000)).value() == path);
  co_return connection;
}

Task<bool> fetch_and_keep(HttpClient& client, std::string_view path) {
  bool fresh = false;
  client.give_back(co_await fetch(client, path, fresh));
  co_return fresh;
}

Task<void> use_again(World& world) {
  CHECK(co_await fetch_and_keep(world.client, "/one"));
  for (int i = 0; i < 3; ++i) CHECK_FALSE(co_await fetch_and_keep(world.client, "/more"));
  world.pass(1'000);
  CHECK_FALSE(co_await fetch_and_keep(world.client, "/later"));
  CHECK(world.server.connections() == 1);

  // Two at a time, the last one back is the first one out.
  bool fresh = false;
  auto first = co_await fetch(world.client, "/one", fresh);
  auto second = co_await fetch(world.client, "/two", fresh);
  CHECK(fresh);
  const ClientConnection* const last = second.get();
  world.client.give_back(std::move(first));
  world.client.give_back(std::move(second));
  const auto again = world.client.take_resting();
  CHECK(again.get() == last);
}

Task<void> give_back_in_the_middle(World& world) {
  auto made = co_await world.client.connect(1'000);
  REQUIRE(made.has_value());
  co_await send((*made)->stream(), "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = co_await (*made)->read_head("GET", Deadline::never);
  REQUIRE(head.has_value());
  (*made)->open_body(*head, 10'000, Deadline::never);
  world.client.give_back(std::move(*made));
  CHECK(world.client.take_resting() == nullptr);
}

Task<void> replace_the_dead(World& world) {
  CHECK(co_await fetch_and_keep(world.client, "/one"));
  co_await world.yield();
  world.pass(75'000);  // the server's patience ends
  while (world.server.connections() > 0) co_await world.loop.sleep(5);
  CHECK(co_await fetch_and_keep(world.client, "/two"));
  CHECK(world.script.requests.size() == 2);
}

Task<void> drop_what_rests_too_long(World& world) {
  CHECK(co_await fetch_and_keep(world.client, "/one"));
  co_await world.yield();
  world.pass(30'000);
  CHECK(world.client.take_resting() == nullptr);
  CHECK(co_await fetch_and_keep(world.client, "/two"));
  world.pass(30'000);
  while (world.server.connections() > 0) co_await world.loop.sleep(5);  // closed though nobody asked for it
}

Task<void> keep_so_many(World& world) {
  std::vector<std::unique_ptr<ClientConnection>> connections;
  bool fresh = false;
  for (int i = 0; i < 3; ++i) connections.push_back(co_await fetch(world.client, "/one", fresh));
  for (auto& connection : connections) world.client.give_back(std::move(connection));
  connections.clear();
  CHECK(world.client.take_resting() != nullptr);
  CHECK(world.client.take_resting() != nullptr);
  CHECK(world.client.take_resting() == nullptr);
}

Task<void> drain(World& world) {
  bool fresh = false;
  auto busy = co_await fetch(world.client, "/one", fresh);
  CHECK(co_await fetch_and_keep(world.client, "/two"));
  world.client.drain();
  CHECK(world.client.take_resting() == nullptr);
  world.client.give_back(std::move(busy));
  CHECK(world.client.take_resting() == nullptr);
  while (world.server.connections() > 0) co_await world.loop.sleep(1);
}

Task<void> nobody_there(Bench& bench) {
  Address address{"127.0.0.1", 0, false};
  ::close(*listen_on(address));
  HttpClient client(bench.loop, {.host = "127.0.0.1", .port = address.port});
  const auto connection = co_await client.connect(1'000);
  REQUIRE_FALSE(connection.has_value());
  CHECK(connection.error().type == ErrorType::upstream_error);
  CHECK(connection.error().source == Source::network);
  CHECK(connection.error().message.starts_with("cannot connect to 127.0.0.1:"));

  HttpClient nowhere(bench.loop, {.host = "does-not-exist.invalid"});
  const auto unknown = co_await nowhere.connect(1'000);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().type == ErrorType::upstream_error);
  CHECK(unknown.error().message.starts_with("cannot connect to does-not-exist.invalid:80: "));
}

Task<void> let_time_pass(Bench& bench, const bool& over) {
  while (!over) {
    bench.pass(100);
    co_await bench.loop.sleep(10);
  }
}

// A listener whose queue is full takes no connection: connecting ends by the clock.
Task<void> nobody_answers(Bench& bench) {
  Address address{"127.0.0.1", 0, false};
  const int listening = *listen_on(address);
  REQUIRE(::listen(listening, 0) == 0);
  const Stream first(bench.loop, connect_to(address));
  HttpClient client(bench.loop, {.host = "127.0.0.1", .port = address.port});
  bool over = false;
  bench.loop.spawn(let_time_pass(bench, over));
  const auto connection = co_await client.connect(1'000);
  over = true;
  REQUIRE_FALSE(connection.has_value());
  CHECK(connection.error().type == ErrorType::upstream_timeout);
  CHECK(connection.error().source == Source::upstream_timeout);
  co_await bench.loop.sleep(10);  // time stops passing
  ::close(listening);
}

}  // namespace

TEST_CASE("a reply's head is found behind interim ones, wherever the bytes are cut") {
  Bench bench;
  bench.run(read_replies(bench));
}

TEST_CASE("what is no reply, or none in time, is the upstream's failure") {
  Bench bench;
  bench.run(bad_replies(bench));
}

TEST_CASE("a connection is used again only if its reply came whole and the upstream keeps it") {
  Bench bench;
  bench.run(reusable_or_not(bench));
}

TEST_CASE("a connection that rests is used again, the last one first") {
  World world;
  world.run(use_again(world));
}

TEST_CASE("a connection whose reply was not read to its end is closed") {
  World world;
  world.run(give_back_in_the_middle(world));
}

TEST_CASE("a connection that died at rest is replaced before anything is sent on it") {
  World world({.host = {}, .idle_ms = 3'600'000});
  world.run(replace_the_dead(world));
}

TEST_CASE("a connection that rests too long is closed") {
  World world;
  world.run(drop_what_rests_too_long(world));
}

TEST_CASE("no more connections rest than may") {
  World world({.host = {}, .idle_max = 2});
  world.run(keep_so_many(world));
}

TEST_CASE("draining closes what rests, and what comes back") {
  World world;
  world.run(drain(world));
}

TEST_CASE("connecting to nobody fails with the reason") {
  Bench bench;
  bench.run(nobody_there(bench));
}

TEST_CASE("connecting ends when its time is over") {
  Bench bench;
  bench.run(nobody_answers(bench));
}
