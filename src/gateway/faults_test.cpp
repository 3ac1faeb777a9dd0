// What goes wrong between the gateway and an upstream: what the client is told, who is blamed, and what stays booked.
#include "gateway/world_test.h"
#include "meter/request_reader.h"

using namespace gateway;
using namespace gateway::testing;
using base::ErrorType;
using base::Source;
using net::Task;
using net::testing::send;

namespace {

const std::string question = R"({"model":"m","messages":[],"max_tokens":10})";
const std::int64_t reserved = (std::ssize(question) + meter::input_margin_tokens) * 1'000 + 10 * 2'000;

std::string with_length(std::string_view status, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

enum class Kept { nothing, all };

// What the upstream does with a call, and what becomes of it.
struct Fault {
  std::string name;
  Scripted reply;
  int status;  // that the client gets
  Source fault;
  std::optional<ErrorType> error;  // of the record
  Kept unresolved;
};

using Then = Scripted::Then;
const Fault faults[] = {
    {"a refusal",
     {{with_length("400 Bad Request", R"({"error":{"message":"no"}})")}, Then::keep},
     400,
     Source::upstream_refusal,
     ErrorType::upstream_error,
     Kept::nothing},
    {"too many requests",
     {{with_length("429 Too Many Requests", "slow down")}, Then::keep},
     429,
     Source::upstream_refusal,
     ErrorType::upstream_error,
     Kept::nothing},
    {"an error of the provider",
     {{with_length("500 Internal Server Error", R"({"error":{"message":"oh"}})")}, Then::keep},
     500,
     Source::upstream_refusal,
     ErrorType::upstream_error,
     Kept::nothing},
    {"a 500 that explains nothing",
     {{with_length("500 Internal Server Error", "<html>")}, Then::keep},
     500,
     Source::upstream_refusal,
     ErrorType::upstream_error,
     Kept::all},
    {"something in between",
     {{with_length("502 Bad Gateway", R"({"error":{"message":"oh"}})")}, Then::keep},
     502,
     Source::upstream_refusal,
     ErrorType::upstream_error,
     Kept::all},
    {"no answer", {{}, Then::close}, 502, Source::network, ErrorType::upstream_error, Kept::all},
    {"half a head", {{"HTTP/1.1 200 O"}, Then::close}, 502, Source::network, ErrorType::upstream_error, Kept::all},
    {"half a body",
     {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}, Then::close},
     502,
     Source::network,
     ErrorType::upstream_error,
     Kept::all},
    {"half a chunked body",
     {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha"}, Then::close},
     502,
     Source::network,
     ErrorType::upstream_error,
     Kept::all},
    {"bad chunks",
     {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}, Then::keep},
     502,
     Source::upstream_refusal,
     ErrorType::upstream_error,
     Kept::all},
    {"too large a reply",
     {{"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"}, Then::keep},
     502,
     Source::upstream_refusal,
     ErrorType::upstream_error,
     Kept::all},
    {"silence", {{}, Then::hang}, 504, Source::upstream_timeout, ErrorType::upstream_timeout, Kept::all},
    {"silence in the body",
     {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}, Then::hang},
     504,
     Source::upstream_timeout,
     ErrorType::upstream_timeout,
     Kept::all},
};

Task<void> suffer(World& world, const Fault& fault) {
  world.upstream.replies.push_back(fault.reply);
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  for (int i = 0; i < 10; ++i) co_await world.yield();
  if (fault.reply.then == Then::hang) world.pass(2'000);
  const Reply reply = co_await read_reply(client);
  CHECK(reply.status() == fault.status);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].id.to_string() == reply.field("X-Request-Id"));
  CHECK(records[0].outcome == events::Outcome::failed);
  CHECK(records[0].status == fault.status);
  CHECK(records[0].fault == fault.fault);
  CHECK(records[0].error == fault.error);
  CHECK(records[0].cost.is_zero());
  const quota::CounterState state = world.state(world.limits[0]);
  CHECK(state.spent == 0);
  CHECK(state.unresolved == (fault.unresolved == Kept::all ? reserved : 0));
  CHECK(world.state(world.limits[1]).spent == 1);  // the request counts in any case
  CHECK(world.upstream.requests.size() == 1);      // and is not repeated

  // The connection to the client is as good as before.
  world.upstream.replies.push_back({{with_length("200 OK", "{}")}, Then::keep});
  co_await send(client, world.call(question));
  CHECK((co_await read_reply(client)).status() == 200);
}

Task<void> nobody_there(World& world) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 502);
  CHECK(reply.error("type") == "upstream_error");
  CHECK(reply.error("message").starts_with("cannot connect to 127.0.0.1:"));
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].outcome == events::Outcome::failed);
  CHECK(records[0].fault == Source::network);
  REQUIRE(world.keeper->close().has_value());
  for (const catalog::Limit& limit : world.limits)  // nothing was sent: nothing is kept
    CHECK(world.state(limit) == quota::CounterState{.amount = limit.amount});
}

Task<void> unknown_usage(World& world) {
  world.answers(R"({"model":"m","choices":[]})");
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 200);
  const auto records = world.records();
  CHECK(records[0].outcome == events::Outcome::served);
  CHECK(records[0].usage->certainty == meter::Certainty::at_least);
  CHECK(world.state(world.limits[0]).unresolved == reserved);
}

// A provider that ignores the cap is paid what it bills: an overrun, after which nothing is admitted.
Task<void> overrun(World& world) {
  world.answers(R"({"usage":{"prompt_tokens":20,"completion_tokens":900,"total_tokens":920}})");
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Budget-Remaining") == "0");
  world.records();
  CHECK(world.state(world.limits[0]).spent == 20 * 1'000 + 900 * 2'000);
  CHECK(world.worker->stats().overruns.value() == 1);
  CHECK((co_await ask(world, world.call(question))).error("type") == "limit_reached");
}

void prepare(World& world, std::int64_t amount) {
  world.limit(amount);
  world.limit(100, catalog::LimitUnit::requests);
  world.settings.routes[0].timeouts = {
      .connect_ms = 1'000, .first_byte_ms = 1'000, .idle_ms = 1'000, .total_ms = 60'000};
  world.settings.routes[0].max_reply_bytes = 1'000;
}

}  // namespace

TEST_CASE("whatever an upstream does, the client is told, the right one is blamed, and nothing is refunded on hope") {
  for (const Fault& fault : faults) {
    CAPTURE(fault.name);
    World world;
    prepare(world, 1'000'000'000);
    world.open();
    world.run(suffer(world, fault));
  }
}

TEST_CASE("a call that could not leave costs nothing") {
  World world;
  prepare(world, 1'000'000'000);
  net::Address nobody{"127.0.0.1", 0, false};
  ::close(*net::listen_on(nobody));
  world.settings.upstreams[0].port = nobody.port;
  world.open();
  world.run(nobody_there(world));
}

TEST_CASE("a reply without usage keeps the whole reservation unresolved") {
  World world;
  prepare(world, 1'000'000'000);
  world.open();
  world.run(unknown_usage(world));
}

TEST_CASE("a provider that takes more than it was allowed is booked in full, and then nothing is admitted") {
  World world;
  prepare(world, 1'000'000);
  world.open();
  world.run(overrun(world));
}
