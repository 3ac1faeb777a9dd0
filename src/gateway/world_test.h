#pragma once
// For the tests of this room: a worker with everything around it on one loop, under a clock that the test moves: the
// store in memory, a keeper, a client's connection and an upstream that answers as the test scripted it.

#include <fmt/format.h>

#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "gateway/worker.h"
#include "net/world_test.h"
#include "quota/counting.h"
#include "store/memory/memory_store.h"
#include "tests/support/seeded_random.h"

namespace gateway::testing {

// These models, at a dollar and two dollars a million tokens: a thousand and two thousand nano-dollars each.
inline std::shared_ptr<const meter::PriceBook> test_prices(std::initializer_list<std::string_view> models = {"m"}) {
  std::string rows;
  for (const std::string_view model : models)
    rows +=
        fmt::format(R"({}"{}":{{"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"max_output_tokens":1000}})",
                    rows.empty() ? "" : ",", model);
  auto book = meter::PriceBook::parse(fmt::format(R"({{"version":"test","models":{{{}}}}})", rows));
  return std::make_shared<const meter::PriceBook>(std::move(*book));
}

// The next replies of the upstream, one for each request.
struct Scripted {
  std::vector<std::string> pieces;  // raw bytes, sent one after the other, each when the one before was taken
  enum class Then { keep, close, hang } then = Then::keep;
  std::shared_ptr<const std::size_t> up_to = nullptr;  // so many pieces may be sent by now; nullptr: all of them
};

class ScriptedUpstream final : public net::Handler {
 public:
  struct Request {
    std::string line;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    const std::string* find(std::string_view name) const {
      for (const auto& [known, value] : fields)
        if (net::equals_ignoring_case(known, name)) return &value;
      return nullptr;
    }
  };
  std::deque<Scripted> replies;
  std::vector<Request> requests;
  std::function<void()> on_request;  // called when a request is there, before its reply; empty: nothing

  explicit ScriptedUpstream(net::Loop& loop) : loop_(loop) {}

  net::Task<void> serve(net::Incoming& incoming) override {
    Request& request = requests.emplace_back();
    request.line = std::string(incoming.head().method) + " " + std::string(incoming.head().target);
    for (const net::Field& field : incoming.head().fields) request.fields.emplace_back(field.name, field.value);
    const auto body = co_await incoming.read_body(1 << 20);
    if (body) requests.back().body = *body;
    if (on_request) on_request();
    if (replies.empty()) co_return incoming.close_after_reply();
    const Scripted reply = replies.front();
    replies.pop_front();
    for (std::size_t number = 0; number < reply.pieces.size(); ++number) {
      while (reply.up_to && number >= *reply.up_to) co_await loop_.sleep(1);
      co_await incoming.send(reply.pieces[number]);
      for (int i = 0; i < 3; ++i) co_await loop_.sleep(0);
    }
    if (reply.then == Scripted::Then::hang) co_await loop_.sleep(1'000'000);
    if (reply.then == Scripted::Then::close) incoming.close_after_reply();
  }
  std::string refuse(const base::Error&) override { return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"; }

 private:
  net::Loop& loop_;
};

struct Reply {
  std::string head;
  std::string body;
  int status() const { return std::stoi(head.substr(9, 3)); }
  std::string field(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "";
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  base::Json error() const { return *base::Json::parse(body)->find("error"); }
  std::string error(std::string_view member) const {
    const auto object = error();
    const base::Json* value = object.find(member);
    return value == nullptr ? "" : value->text();
  }
};

class World : public net::testing::Bench {
 public:
  tests::SeededRandom random{1};
  store::MemoryStore store;
  Settings settings;
  catalog::Account account{
      .id = base::AccountId::create({1}, random), .parent = {}, .name = "account", .external_id = {}, .created = {}};
  std::string secret = catalog::new_secret(catalog::KeyRole::data, random);
  std::vector<catalog::Limit> limits;
  ScriptedUpstream upstream{loop};
  net::HttpServer upstream_server{loop, upstream, {}};
  net::Address upstream_address{"127.0.0.1", 0, false};
  net::Listener upstream_listener{loop, *net::listen_on(upstream_address),
                                  [this](int fd) { upstream_server.serve(fd); }};
  std::shared_ptr<const catalog::Snapshot> snapshot;  // since open()
  std::unique_ptr<quota::Keeper> keeper;
  std::string key_tags;
  catalog::KeyScope key_scope;
  bool keeper_sleeps = false;  // the store does not answer until records() or the test turns the keeper
  idempotency::Desk desk{store, [this](std::function<void()> work) { keeper->run(std::move(work)); }};
  std::unique_ptr<quota::DeferredDesk> deferred;
  telemetry::Tracer* tracer = nullptr;
  std::unique_ptr<Worker> worker;
  std::unique_ptr<net::HttpServer> proxy;
  std::unique_ptr<net::Listener> listener;
  net::Address address{"127.0.0.1", 0, false};

  World() {
    REQUIRE(store.put(account).has_value());
    REQUIRE(store.open_incarnation(clock.wall_now()).has_value());
    settings.prices = test_prices();
    settings.routes.push_back({.name = "route", .prefix = "/v1", .targets = {{.upstream = "up"}}, .timeouts = {}});
    settings.upstreams.push_back({.name = "up",
                                  .scheme = "http",
                                  .host = "127.0.0.1",
                                  .port = upstream_address.port,
                                  .base_path = "/api",
                                  .secret = "upstream-secret",
                                  .ca_file = {}});
    upstream_listener.start();
  }
  ~World() { loop.end(); }  // first the coroutines, which refer to the rest

  catalog::Limit& limit(std::int64_t amount, const catalog::Unit& unit = catalog::LimitUnit::usd) {
    limits.push_back({.id = base::LimitId::create(clock.wall_now(), random),
                      .subject = account.id,
                      .name = "the limit",
                      .unit = unit,
                      .amount = amount,
                      .created = {}});
    REQUIRE(store.put(limits.back()).has_value());
    return limits.back();
  }

  // Opens the proxy with the limits and settings as they are now.
  void open() {
    catalog::Key key{.id = base::KeyId::create({1}, random),
                     .account = account.id,
                     .name = "key",
                     .hash = base::sha256(secret),
                     .hint = {},
                     .created = {},
                     .expires = {},
                     .tags = key_tags};
    key.set_extras({.scope = key_scope});
    const auto built = catalog::Snapshot::build({.accounts = {account}, .keys = {key}, .limits = limits});
    REQUIRE(built.has_value());
    snapshot = *built;
    keeper = std::make_unique<quota::Keeper>(store, clock, quota::KeeperOptions{}, [this] {
      if (!keeper_sleeps) loop.post([this] { keeper->turn(); });
    });
    deferred = std::make_unique<quota::DeferredDesk>(store, store, store, *keeper, clock, random);
    worker = *Worker::create({loop, settings, *keeper, desk, *deferred, nullptr, random, snapshot, tracer});
    proxy = std::make_unique<net::HttpServer>(loop, *worker, net::ServerOptions{});
    listener = std::make_unique<net::Listener>(loop, *net::listen_on(address), [this](int fd) { proxy->serve(fd); });
    listener->start();
  }
  net::Stream connect() { return net::Stream(loop, net::testing::connect_to(address)); }

  std::string call(std::string_view body, std::string_view fields = {}) const {
    return fmt::format(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n{}"
        "Content-Length: {}\r\n\r\n{}",
        secret, fields, body.size(), body);
  }
  void answers(std::string_view body, std::string_view status = "200 OK", std::string_view type = "application/json") {
    upstream.replies.push_back({{fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", status,
                                             type, body.size(), body)}});
  }
  // A stream, one event in each of the upstream's sends.
  void streams(const std::vector<std::string>& events, Scripted::Then then = Scripted::Then::keep) {
    Scripted reply{{"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"}, then};
    for (const std::string& event : events) reply.pieces.push_back(fmt::format("{:x}\r\n{}\r\n", event.size(), event));
    if (then == Scripted::Then::keep) reply.pieces.push_back("0\r\n\r\n");
    upstream.replies.push_back(reply);
  }

  // The records so far; what was settled is flushed for it.
  std::vector<events::UsageRecord> records() {
    pass(quota::KeeperOptions{}.flush_every_ms);
    keeper->turn();
    return *store.records({});
  }
  quota::CounterState state(const catalog::Limit& limit) {
    const base::WallTime now = clock.wall_now();
    const auto query = quota::query_of(limit.id, limit.window, base::window_at(limit.window, now), now);
    return store.read(std::span(&query, 1))->front();
  }
};

// Reads one reply: by its length, by its chunks (taken apart), or to the connection's end.
inline net::Task<Reply> read_reply(net::Stream& client) {
  std::string wire;
  std::array<char, 4096> piece;
  while (!wire.contains("\r\n\r\n")) {
    const auto read = co_await client.read_some(piece.data(), piece.size());
    REQUIRE(read.io == net::Io::ok);
    wire.append(piece.data(), read.count);
  }
  Reply reply;
  const auto end = wire.find("\r\n\r\n") + 4;
  reply.head = wire.substr(0, end);
  wire.erase(0, end);
  const bool chunked = reply.field("Transfer-Encoding") == "chunked";
  const std::string length = reply.field("Content-Length");
  net::BodyDecoder decoder(chunked          ? net::Framing::chunked
                           : length.empty() ? net::Framing::until_close
                                            : net::Framing::length,
                           length.empty() ? 0 : std::stoll(length));
  while (true) {
    auto step = decoder.next(wire);
    REQUIRE(step.has_value());
    reply.body += step->payload;
    wire.erase(0, step->consumed);
    if (decoder.done()) break;
    if (step->consumed > 0) continue;
    const auto read = co_await client.read_some(piece.data(), piece.size());
    if (read.io == net::Io::closed && decoder.end_of_stream()) break;
    REQUIRE(read.io == net::Io::ok);
    wire.append(piece.data(), read.count);
  }
  if (!decoder.trailers().empty()) reply.head += "\r\n" + decoder.trailers();
  co_return reply;
}

// One request on a connection of its own, and its reply.
inline net::Task<Reply> ask(World& world, std::string request) {
  net::Stream client = world.connect();
  co_await net::testing::send(client, request);
  co_return co_await read_reply(client);
}

}  // namespace gateway::testing
