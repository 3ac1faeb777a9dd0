// A route with several upstreams: which one is called, when a call goes on to the next, and what it costs.
#include "gateway/world_test.h"
#include "meter/request_reader.h"

using namespace gateway;
using namespace gateway::testing;
using base::ErrorType;
using base::Source;
using net::Task;

namespace {

const std::string question = R"({"model":"m","messages":[],"max_tokens":10})";
const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5}})";
constexpr std::int64_t answer_cost = 20 * 1'000 + 5 * 2'000;
const std::string refusal = R"({"error":{"message":"no"}})";

std::string with_length(std::string_view status, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

// A world whose route has a second upstream, which is asked where the first cannot serve.
class Pair : public World {
 public:
  ScriptedUpstream second{loop};
  net::HttpServer second_server{loop, second, {}};
  net::Address second_address{"127.0.0.1", 0, false};
  net::Listener second_listener{loop, *net::listen_on(second_address), [this](int fd) { second_server.serve(fd); }};

  Pair() {
    settings.upstreams.push_back(settings.upstreams.front());
    settings.upstreams.back().name = "second";
    settings.upstreams.back().port = second_address.port;
    settings.routes.front().targets = {{.upstream = "up", .order = 1}, {.upstream = "second", .order = 2}};
    second_listener.start();
  }
  ~Pair() { loop.end(); }  // first the coroutines, as in World
  // Nobody listens there.
  void first_is_down() { settings.upstreams.front().port = port_of_nobody(); }
  void first_says(std::string_view status, std::string_view body = refusal) {
    upstream.replies.push_back({{with_length(status, body)}});
  }
  void second_says(std::string_view status, std::string_view body) {
    second.replies.push_back({{with_length(status, body)}});
  }
  static std::uint16_t port_of_nobody() {
    net::Address address{"127.0.0.1", 0, false};
    ::close(*net::listen_on(address));
    return address.port;
  }
};

Task<void> serves_elsewhere(Pair& world, events::Attempt wanted) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 200);
  CHECK(reply.body == answer);
  REQUIRE(world.second.requests.size() == 1);
  CHECK(world.second.requests.front().body == question);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].upstream == "second");
  CHECK(records[0].outcome == events::Outcome::served);
  CHECK(records[0].cost.nanos() == answer_cost);
  REQUIRE(records[0].attempts.size() == 1);
  wanted.duration_us = records[0].attempts[0].duration_us;
  CHECK(records[0].attempts[0] == wanted);
  const auto state = world.state(world.limits.front());
  CHECK(state.spent == answer_cost);
  CHECK(state.unresolved == 0);
  CHECK(world.worker->stats().fallbacks.value() == 1);
}

TEST_CASE("a call that could not be sent goes to the next upstream, and is booked once") {
  Pair world;
  world.limit(1'000'000);
  world.first_is_down();
  world.second_says("200 OK", answer);
  world.open();
  world.run(serves_elsewhere(world, {.upstream = "up", .error = ErrorType::upstream_error, .fault = Source::network}));
}

TEST_CASE("what an upstream refuses for reasons of its own goes to the next one") {
  for (const char* status :
       {"401 Unauthorized", "402 Payment Required", "403 Forbidden", "404 Not Found", "408 Request Timeout",
        "429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable", "529 Overloaded"}) {
    CAPTURE(status);
    Pair world;
    world.limit(1'000'000);
    world.first_says(status);
    world.second_says("200 OK", answer);
    world.open();
    world.run(serves_elsewhere(world, {.upstream = "up",
                                       .status = std::stoi(status),
                                       .error = ErrorType::upstream_error,
                                       .fault = Source::upstream_refusal}));
    CHECK(world.upstream.requests.size() == 1);
  }
}

struct Stays {
  std::string name;
  Scripted reply;
  int status;
  bool held;  // its cost is not known
};

Task<void> stays(Pair& world, const Stays& one) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == one.status);
  CHECK(world.second.requests.empty());
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].upstream == "up");
  CHECK(records[0].attempts.empty());
  CHECK((world.state(world.limits.front()).unresolved > 0) == one.held);
}

TEST_CASE("a call that may be billed, or that is refused for what it says, goes nowhere else") {
  for (const Stays& one :
       {Stays{"a bad request", {{with_length("400 Bad Request", refusal)}}, 400, false},
        Stays{"too large", {{with_length("413 Content Too Large", refusal)}}, 413, false},
        Stays{"a 500 that explains nothing", {{with_length("500 Internal Server Error", "<html>")}}, 500, true},
        Stays{"something in between", {{with_length("502 Bad Gateway", refusal)}}, 502, true},
        Stays{"no answer", {{}, Scripted::Then::close}, 502, true},
        Stays{"a refusal that names usage",
              {{with_length("429 Too Many Requests",
                            R"({"error":{},"usage":{"prompt_tokens":20,"completion_tokens":5}})")}},
              429,
              false}}) {
    CAPTURE(one.name);
    Pair world;
    world.limit(1'000'000);
    world.upstream.replies.push_back(one.reply);
    world.second_says("200 OK", answer);
    world.open();
    world.run(stays(world, one));
  }
}

Task<void> nobody_serves(Pair& world, int status) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == status);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].upstream == "second");
  REQUIRE(records[0].attempts.size() == 1);
  CHECK(records[0].attempts[0].status == 503);
  CHECK(records[0].cost.is_zero());
  const auto state = world.state(world.limits.front());
  CHECK(state.spent == 0);
  CHECK(state.unresolved == 0);
}

TEST_CASE("the last refusal is the client's answer, and nothing is booked") {
  Pair world;
  world.limit(1'000'000);
  world.first_says("503 Service Unavailable");
  world.second_says("429 Too Many Requests", refusal);
  world.open();
  world.run(nobody_serves(world, 429));
}

TEST_CASE("a refusal, and then an upstream that is not there: nothing was done, and nothing is held") {
  Pair world;
  world.limit(1'000'000);
  world.first_says("503 Service Unavailable");
  world.settings.upstreams.back().port = Pair::port_of_nobody();
  world.open();
  world.run(nobody_serves(world, 502));
}

Task<void> caps_by_name(Pair& world) {
  const Reply reply = co_await ask(world, world.call(R"({"model":"m","messages":[]})"));
  CHECK(reply.status() == 200);
  const std::string cap = reply.field("X-Output-Clamped");
  CHECK(world.upstream.requests.front().body ==
        fmt::format(R"({{"max_completion_tokens":{},"model":"m","messages":[]}})", cap));
  CHECK(world.second.requests.front().body == fmt::format(R"({{"max_tokens":{},"model":"m","messages":[]}})", cap));
}

TEST_CASE("each upstream gets a cap of ours under the name that it knows") {
  Pair world;
  world.limit(1'000'000);
  world.settings.upstreams.front().output_cap_field = "max_completion_tokens";
  world.first_says("429 Too Many Requests");
  world.second_says("200 OK", answer);
  world.open();
  world.run(caps_by_name(world));
}

Task<void> leaves_it_alone(Pair& world) {
  const auto call = [&]() { return ask(world, world.call(question)); };
  for (int i = 0; i < 3; ++i) CHECK((co_await call()).status() == 200);
  CHECK(world.upstream.requests.size() == 2);  // the third went elsewhere at once
  world.pass(999);
  CHECK((co_await call()).status() == 200);
  CHECK(world.upstream.requests.size() == 2);
  world.pass(1);
  CHECK((co_await call()).status() == 200);  // refused once more
  CHECK(world.upstream.requests.size() == 3);
  CHECK((co_await call()).status() == 200);
  CHECK(world.upstream.requests.size() == 3);
  world.pass(1'000);
  CHECK((co_await call()).status() == 200);  // by the first one
  CHECK((co_await call()).status() == 200);
  CHECK(world.upstream.requests.size() == 5);
  CHECK(world.second.requests.size() == 6);
}

TEST_CASE("an upstream that fails again and again is left alone for a while, and then tried with one call") {
  Pair world;
  world.settings.upstreams.front().circuit = {.failures = 2, .cooldown_ms = 1'000};
  for (int i = 0; i < 3; ++i) world.first_says("503 Service Unavailable");
  for (int i = 0; i < 2; ++i) world.first_says("200 OK", answer);
  for (int i = 0; i < 6; ++i) world.second_says("200 OK", answer);
  world.open();
  world.run(leaves_it_alone(world));
}

TEST_CASE("of one order calls are shared by weight; who was tried is not tried again") {
  World world;
  world.settings.upstreams.push_back(world.settings.upstreams.front());
  world.settings.upstreams.back().name = "second";
  Stats stats;
  const auto upstreams = *Upstreams::create(world.loop, world.settings, world.random, stats);
  catalog::Route& route = world.settings.routes.front();
  route.targets = {{.upstream = "up", .weight = 3}, {.upstream = "second", .weight = 1}};
  int first = 0;
  for (int i = 0; i < 4'000; ++i) first += upstreams->choose(route, {})->upstream == "up" ? 1 : 0;
  CHECK(first > 2'850);
  CHECK(first < 3'150);
  CHECK(upstreams->choose(route, 0b01)->upstream == "second");
  CHECK(upstreams->choose(route, 0b11) == nullptr);
  route.targets = {{.upstream = "up", .order = 2}, {.upstream = "second", .order = 1}};
  CHECK(upstreams->choose(route, {})->upstream == "second");
}

}  // namespace
