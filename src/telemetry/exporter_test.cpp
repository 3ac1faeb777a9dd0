#include "telemetry/exporter.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>

#include "net/world_test.h"
#include "tests/support/seeded_random.h"

using namespace telemetry;

namespace {

// A collector that answers as the test scripted it, else with 200, and an exporter beside it.
class World : public net::testing::Bench, net::Handler {
 public:
  struct Export {
    std::string target;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    std::string field(std::string_view name) const {
      for (const auto& [known, value] : fields)
        if (net::equals_ignoring_case(known, name)) return value;
      return "";
    }
    std::size_t spans() const {
      std::size_t count = 0;
      for (auto at = body.find("\"spanId\""); at != std::string::npos; at = body.find("\"spanId\"", at + 1)) ++count;
      return count;
    }
  };
  std::deque<std::string> answers;  // whole replies
  std::vector<Export> exports;
  tests::SeededRandom random{1};
  Tracer tracer{{}};
  net::Address address{"127.0.0.1", 0, false};
  net::HttpServer server{loop, *this, {}};
  std::unique_ptr<net::Listener> listener =
      std::make_unique<net::Listener>(loop, *net::listen_on(address), [this](int fd) { server.serve(fd); });
  Collector collector{.scheme = "http", .host = "127.0.0.1", .port = address.port, .path = "/v1/traces", .headers = {}};
  std::unique_ptr<Exporter> exporter;
  bool ended = false;

  World() { listener->start(); }
  ~World() override { loop.end(); }  // first the coroutines, which refer to the rest

  void open(std::int64_t batch_every_ms = 1) {
    exporter = std::make_unique<Exporter>(Exporter::Parts{.loop = loop,
                                                          .tracer = tracer,
                                                          .random = random,
                                                          .collector = collector,
                                                          .resource = {"gate", "1.0", "one"},
                                                          .scheme = "http",
                                                          .batch_every_ms = batch_every_ms});
    tracer.when_full([this] { exporter->wake(); });
    loop.spawn(export_all());
  }
  void offer(int exchanges = 1) {
    for (int i = 0; i < exchanges; ++i) {
      auto ended_one = std::make_unique<ExchangeTrace>();
      ended_one->method = "GET";
      ended_one->status = 200;
      tracer.offer(std::move(ended_one));
    }
  }
  net::Task<void> until(std::function<bool()> holds) {
    while (!holds()) co_await loop.sleep(1);
  }
  std::int64_t dropped(Drop why) const { return tracer.stats().dropped[static_cast<std::size_t>(why)].load(); }
  std::int64_t exported() const { return tracer.stats().exported.load(); }

  static std::string reply(std::string_view status, std::string_view body = "{}", std::string_view fields = "") {
    return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}", status, fields, body.size(), body);
  }

 private:
  net::Task<void> export_all() {
    co_await exporter->run();
    ended = true;
  }
  net::Task<void> serve(net::Incoming& incoming) override {
    Export& one = exports.emplace_back();
    one.target = incoming.head().target;
    for (const net::Field& field : incoming.head().fields) one.fields.emplace_back(field.name, field.value);
    const auto body = co_await incoming.read_body(1 << 20);
    if (body) exports.back().body = *body;
    std::string answer = answers.empty() ? reply("200 OK") : answers.front();
    if (!answers.empty()) answers.pop_front();
    if (answer.empty()) co_return incoming.close_after_reply();
    co_await incoming.send(answer);
  }
  std::string refuse(const base::Error&) override { return reply("400 Bad Request"); }
};

}  // namespace

TEST_CASE("what has ended is posted to the collector's path, with its fields") {
  World world;
  world.collector.path = "/otlp";
  world.collector.headers.emplace_back("X-Token", base::Secret("s3cret"));
  world.open();
  world.offer(3);
  world.run([](World& w) -> net::Task<void> { co_await w.until([&] { return w.exported() == 3; }); }(world));
  REQUIRE(world.exports.size() == 1);
  CHECK(world.exports[0].target == "/otlp");
  CHECK(world.exports[0].field("content-type") == "application/json");
  CHECK(world.exports[0].field("x-token") == "s3cret");
  CHECK(world.exports[0].field("host") == world.collector.authority());
  CHECK(world.exports[0].spans() == 3);
}

TEST_CASE("a batch that is whole does not wait, and is no larger than one") {
  World world;
  world.open(1'000'000);
  world.run([](World& w) -> net::Task<void> {
    co_await w.loop.sleep(5);
    w.offer(2 * static_cast<int>(Tracer::batch_spans) + 1);
    co_await w.until([&] { return w.exported() == 2 * static_cast<std::int64_t>(Tracer::batch_spans); });
  }(world));
  REQUIRE(world.exports.size() == 2);
  for (const auto& one : world.exports) CHECK(one.spans() == Tracer::batch_spans);
}

TEST_CASE("the same batch is sent again where that may help") {
  World world;
  world.answers = {World::reply("503 Service Unavailable", "", "Retry-After: 0\r\n"),
                   World::reply("429 Too Many Requests", "", "Retry-After: 0\r\n")};
  world.open();
  world.offer(2);
  world.run([](World& w) -> net::Task<void> { co_await w.until([&] { return w.exported() == 2; }); }(world));
  REQUIRE(world.exports.size() == 3);
  CHECK(world.exports[0].body == world.exports[2].body);
  CHECK(world.tracer.stats().failed_exports == 2);
  CHECK(world.tracer.stats().last_failure_ms == world.clock.wall_now().ms);
}

TEST_CASE("a batch that the collector refuses is dropped, and the next one is sent") {
  World world;
  world.answers = {World::reply("400 Bad Request")};
  world.open();
  world.offer(2);
  world.run([](World& w) -> net::Task<void> {
    co_await w.until([&] { return w.dropped(Drop::refused) == 2; });
    w.offer(1);
    co_await w.until([&] { return w.exported() == 1; });
  }(world));
  CHECK(world.exports.size() == 2);
}

TEST_CASE("what a collector takes in part is counted in part") {
  World world;
  world.answers = {World::reply("200 OK", R"({"partialSuccess":{"rejectedSpans":"2"}})")};
  world.open();
  world.offer(3);
  world.run([](World& w) -> net::Task<void> { co_await w.until([&] { return w.exported() == 1; }); }(world));
  CHECK(world.dropped(Drop::refused) == 2);
  CHECK(world.exports.size() == 1);
}

TEST_CASE("a connection that the collector closed meanwhile is replaced without a failure") {
  World world;
  world.answers = {World::reply("200 OK"), ""};
  world.open();
  world.offer();
  world.run([](World& w) -> net::Task<void> {
    co_await w.until([&] { return w.exported() == 1; });
    w.offer();
    co_await w.until([&] { return w.exported() == 2; });
  }(world));
  CHECK(world.exports.size() == 3);
  CHECK(world.tracer.stats().failed_exports == 0);
}

TEST_CASE("at the end what waits is sent once, and the rest is counted") {
  World world;
  world.open(1'000'000);
  SUBCASE("to a collector that takes it") {
    world.run([](World& w) -> net::Task<void> {
      co_await w.loop.sleep(5);
      w.offer(2);
      w.exporter->end();
      co_await w.until([&] { return w.ended; });
    }(world));
    CHECK(world.exported() == 2);
  }
  SUBCASE("to one that is away") {
    world.listener->stop();
    world.run([](World& w) -> net::Task<void> {
      co_await w.loop.sleep(5);
      w.offer(static_cast<int>(Tracer::batch_spans) + 2);
      w.exporter->end();
      co_await w.until([&] { return w.ended; });
    }(world));
    CHECK(world.dropped(Drop::shutdown) == static_cast<std::int64_t>(Tracer::batch_spans) + 2);
  }
  SUBCASE("what nobody has sent") {
    world.offer(4);
    world.exporter->drop_rest();
    CHECK(world.dropped(Drop::shutdown) == 4);
  }
}
