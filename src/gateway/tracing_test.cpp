#include <doctest/doctest.h>
#include <unistd.h>

#include "gateway/world_test.h"
#include "telemetry/exchange_spans.h"

using namespace gateway;
using namespace gateway::testing;
using telemetry::EndedExchange;

namespace {

constexpr std::string_view chat = R"({"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":20})";
constexpr std::string_view completion =
    R"({"id":"c","object":"chat.completion","model":"m-1","choices":[{"index":0,"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})";
constexpr std::string_view told = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

class Traced : public World {
 public:
  telemetry::Tracer of_test;

  explicit Traced(const telemetry::TracerOptions& options = {}) : of_test(options) { tracer = &of_test; }

  // One request, and what was noted of it.
  EndedExchange note(const std::string& request, int* status = nullptr) {
    run([](World& world, std::string sent, int* told_status) -> net::Task<void> {
      const Reply reply = co_await ask(world, std::move(sent));
      if (told_status != nullptr) *told_status = reply.status();
      co_await world.yield();
    }(*this, request, status));
    auto ended = of_test.take();
    REQUIRE(ended.size() == 1);
    return std::move(ended.front());
  }
};

}  // namespace

TEST_CASE("a call that was served notes what its record says") {
  Traced world;
  world.limit(base::Money::nanos_per_usd);
  world.open();
  world.answers(completion);
  const EndedExchange noted = world.note(world.call(chat, told));
  CHECK(telemetry::to_hex(noted->parent->bytes) == "b7ad6b7169203331");
  CHECK(noted->route_pattern == "/v1/chat/completions");
  CHECK(noted->endpoint == "chat.completions");
  CHECK(noted->asked_model == "m");
  CHECK(noted->finish_reason == "stop");
  CHECK(noted->status == 200);
  REQUIRE(noted->attempts.size() == 1);
  CHECK(noted->attempts[0].upstream == "up");
  CHECK(noted->attempts[0].port == world.upstream_address.port);
  CHECK(noted->attempts[0].max_tokens == 20);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  REQUIRE(noted->record.has_value());
  CHECK(noted->record->id == records[0].id);
  CHECK(noted->record->cost == records[0].cost);
  CHECK(noted->record->usage == records[0].usage);
  CHECK(noted->record->estimate == records[0].estimate);
  CHECK(noted->certainty == meter::Certainty::exact);
}

TEST_CASE("without a tracer, and of what is not sampled, nothing is noted and nothing changes") {
  World world;
  world.open();
  world.answers(completion);
  world.run([](World& w) -> net::Task<void> { CHECK((co_await ask(w, w.call(chat, told))).status() == 200); }(world));
  REQUIRE(world.upstream.requests.size() == 1);
  CHECK(*world.upstream.requests[0].find("traceparent") == told.substr(13, 55));

  Traced unsampled({.sample_billionths = 0});
  unsampled.open();
  unsampled.answers(completion);
  unsampled.run([](World& w) -> net::Task<void> { CHECK((co_await ask(w, w.call(chat))).status() == 200); }(unsampled));
  CHECK(unsampled.of_test.take().empty());
}

TEST_CASE("a refusal notes its limit with its numbers, and no upstream") {
  Traced world;
  const base::LimitId limit = world.limit(10, catalog::LimitUnit::tokens).id;
  world.open();
  int status = 0;
  const EndedExchange noted = world.note(world.call(chat), &status);
  CHECK(status == 402);
  CHECK(noted->status == 402);
  CHECK(noted->refusal == base::ErrorType::limit_reached);
  CHECK(noted->attempts.empty());
  REQUIRE(noted->record.has_value());
  REQUIRE(noted->record->refused_by.has_value());
  CHECK(noted->record->refused_by->limit == limit);
  CHECK(noted->refused_unit == catalog::LimitUnit::tokens);
}

TEST_CASE("who is not known is noted without a record") {
  Traced world;
  world.secret = "mg_live_nobody";
  world.open();
  world.secret = "another";
  const EndedExchange noted = world.note(world.call(chat));
  CHECK(noted->refusal == base::ErrorType::unauthorized);
  CHECK_FALSE(noted->record.has_value());
  CHECK(noted->status == 401);
}

TEST_CASE("each try is noted by itself, and one that reached nobody with its error") {
  Traced world;
  net::Address closed{"127.0.0.1", 0, false};
  ::close(*net::listen_on(closed));
  catalog::Upstream dead = world.settings.upstreams.front();
  dead.name = "dead";
  dead.port = closed.port;
  world.settings.upstreams.push_back(dead);
  world.settings.routes.front().targets = {{.upstream = "dead"}, {.upstream = "up", .order = 2}};
  world.open();
  world.answers(completion);
  const EndedExchange noted = world.note(world.call(chat));
  CHECK(noted->status == 200);
  REQUIRE(noted->attempts.size() == 2);
  CHECK(noted->attempts[0].upstream == "dead");
  CHECK(noted->attempts[0].error == base::ErrorType::upstream_error);
  CHECK(noted->attempts[0].status == 0);
  CHECK(noted->attempts[0].ended.has_value());
  CHECK(noted->attempts[1].upstream == "up");
  CHECK_FALSE(noted->attempts[1].error.has_value());
  CHECK(noted->attempts[1].status == 200);
  CHECK(noted->attempts[0].span != noted->attempts[1].span);
}

TEST_CASE("a call that is cut off is noted as what its record will be") {
  Traced world;
  world.limit(base::Money::nanos_per_usd);
  world.open();
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  world.run([](World& w) -> net::Task<void> {
    net::Stream client = w.connect();
    co_await net::testing::send(client, w.call(chat));
    while (w.upstream.requests.empty()) co_await w.loop.sleep(1);
  }(world));
  world.loop.end();
  const auto ended = world.of_test.take();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0]->status == 0);
  REQUIRE(ended[0]->record.has_value());
  CHECK(ended[0]->record->outcome == events::Outcome::failed);
  CHECK(ended[0]->certainty == meter::Certainty::at_least);
}

TEST_CASE("where spans are handed on, the upstream gets the span of its own try in place of the client's") {
  Traced world({.propagation = telemetry::Propagation::ours});
  world.open();
  world.answers(completion);
  const EndedExchange noted = world.note(world.call(chat, std::string(told) + "tracestate: a=1\r\n"));
  REQUIRE(world.upstream.requests.size() == 1);
  const auto& request = world.upstream.requests[0];
  CHECK(std::ranges::count_if(request.fields, [](const auto& field) {
          return net::equals_ignoring_case(field.first, "traceparent");
        }) == 1);
  CHECK(*request.find("traceparent") == noted->traceparent);
  CHECK(*request.find("tracestate") == "a=1");
  CHECK(telemetry::parse_traceparent(noted->traceparent)->span == noted->attempts[0].span);
}
