// Streams of responses in the background: what breaks off is fetched, or streamed again, and settled then.
#include <doctest/doctest.h>

#include "gateway/deferred_world_test.h"

using namespace gateway;
using namespace gateway::testing;

namespace {

constexpr std::string_view usage_of_end = R"({"input_tokens":10,"output_tokens":20,"total_tokens":30})";

std::string event(std::string_view type, std::string_view status, std::string_view usage = "null",
                  std::string_view id = "resp_1") {
  return fmt::format(
      "event: {0}\ndata: {{\"type\":\"{0}\",\"response\":{{\"id\":\"{3}\",\"model\":\"m\",\"status\":\"{1}\","
      "\"usage\":{2}}}}}\n\n",
      type, status, usage, id);
}
const std::string begun = event("response.queued", "queued");
const std::string delta =
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"word\"}\n\n";
const std::string completed = event("response.completed", "completed", usage_of_end);

constexpr std::string_view again = "GET /v1/responses/resp_1?stream=true&starting_after=1";

std::string streamed_question(const World& world) {
  constexpr std::string_view body = R"({"model":"m","input":"hi","background":true,"stream":true})";
  return fmt::format(
      "POST /v1/responses HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\nContent-Length: {}"
      "\r\n\r\n{}",
      world.secret, body.size(), body);
}

net::Task<void> read_until(net::Stream& client, std::string& got, std::string_view text) {
  std::array<char, 4096> piece;
  while (!got.contains(text)) {
    const auto read = co_await client.read_some(piece.data(), piece.size());
    REQUIRE(read.io == net::Io::ok);
    got.append(piece.data(), read.count);
  }
}

class StreamWorld : public DeferredWorld {
 public:
  const catalog::Limit usd = limit(1'000'000);
  Reply begin_stream() {
    return send("POST /v1/responses",
                R"({"model":"m","input":"hi","max_output_tokens":100,"background":true,"stream":true})");
  }
  std::int64_t all_of_it() {
    REQUIRE(items().size() == 1);
    return items().front().record.estimate.nanos();
  }
  // Fetched, it is settled; and once.
  void check_settled_by(const std::function<void()>& fetching) {
    for (int i = 0; i < 2; ++i) {
      fetching();
      CHECK(items().empty());
      CHECK(state(usd).spent == cost_of_end);
      CHECK(state(usd).unresolved == 0);
    }
  }
};

}  // namespace

TEST_CASE("a stream of a response in the background is settled by its own end") {
  StreamWorld world;
  world.open();
  world.streams({begun, delta, completed});
  const Reply reply = world.begin_stream();
  CHECK(reply.status() == 200);
  CHECK(reply.body == begun + delta + completed);
  CHECK(world.items().empty());
  CHECK(world.state(world.usd).spent == cost_of_end);
  world.answers_end();
  CHECK(world.fetch().status() == 200);
  CHECK(world.state(world.usd).spent == cost_of_end);
}

TEST_CASE("a stream of a response that breaks off holds all of it, until its end is fetched") {
  for (const auto then : {Scripted::Then::close, Scripted::Then::keep}) {
    CAPTURE(static_cast<int>(then));
    StreamWorld world;
    world.open();
    world.streams({begun, delta, delta}, then);  // cut, or ended without an end
    const Reply reply = world.begin_stream();
    CHECK(reply.body.starts_with(begun + delta + delta));
    CHECK(reply.body.contains("error") == (then == Scripted::Then::close));
    CHECK(reply.field("X-Request-Cost").empty());
    const std::int64_t held = world.all_of_it();
    CHECK(quota::cause_of(world.items().front().record) == quota::UnresolvedCause::deferred);
    CHECK(world.state(world.usd).unresolved == held);
    CHECK(world.state(world.usd).spent == 0);
    world.answers_status("in_progress");
    CHECK(world.fetch().status() == 200);
    CHECK(world.state(world.usd).unresolved == held);
    world.check_settled_by([&] {
      world.answers_end();
      CHECK(world.fetch().status() == 200);
    });
  }
}

TEST_CASE("a stream that broke off is streamed again, and settled by the end that comes then") {
  StreamWorld world;
  world.open_with_neighbour();
  world.streams({begun, delta}, Scripted::Then::close);
  (void)world.begin_stream();
  const std::int64_t held = world.all_of_it();
  CHECK(world.send(again, {}, world.neighbour).status() == 404);
  CHECK(world.upstream.requests.size() == 1);

  world.streams({delta}, Scripted::Then::close);  // it breaks off once more
  Reply reply;
  world.run([](StreamWorld& asked) -> net::Task<void> {
    net::Stream client = asked.connect();
    co_await net::testing::send(
        client, fmt::format("{} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\n\r\n", again, asked.secret));
    std::array<char, 4096> piece;
    while ((co_await client.read_some(piece.data(), piece.size())).io == net::Io::ok) continue;
  }(world));
  CHECK(world.upstream.requests.back().line == "GET /api/responses/resp_1?stream=true&starting_after=1");
  CHECK(world.state(world.usd).unresolved == held);

  world.streams({event("response.completed", "completed", usage_of_end, "resp_2")});  // another's end is none
  CHECK(world.send(again).status() == 200);
  CHECK(world.state(world.usd).unresolved == held);

  world.check_settled_by([&] {
    world.streams({delta, completed});
    reply = world.send(again);
    CHECK(reply.status() == 200);
    CHECK(reply.body == delta + completed);
  });
}

TEST_CASE("a stream whose last event has come is settled, though it is cut behind it") {
  StreamWorld world;
  world.open();
  world.streams({begun, completed}, Scripted::Then::close);
  CHECK(world.begin_stream().status() == 200);
  CHECK(world.items().empty());
  CHECK(world.state(world.usd).spent == cost_of_end);
}

TEST_CASE("a stream that ends without a usage, or that never has a name, holds all of it") {
  for (const std::string& only : {event("response.cancelled", "cancelled"), delta}) {
    CAPTURE(only);
    StreamWorld world;
    world.open();
    world.streams({only});
    CHECK(world.begin_stream().status() == 200);
    CHECK(world.state(world.usd).unresolved == world.all_of_it());
    world.answers_end();
    CHECK(world.fetch().status() == (only == delta ? 404 : 200));
  }
}

TEST_CASE("a response is not deleted while the stream that began it still runs") {
  StreamWorld world;
  world.open();
  const auto pieces = std::make_shared<std::size_t>(2);  // the first event, and not the second
  world.streams({begun, completed});
  world.upstream.replies.back().up_to = pieces;
  world.run([](StreamWorld& asked, std::size_t& sent) -> net::Task<void> {
    net::Stream client = asked.connect();
    co_await net::testing::send(client, streamed_question(asked));
    std::string got;
    co_await read_until(client, got, "resp_1");
    const Reply refused = co_await ask(asked, fmt::format("DELETE /v1/responses/resp_1 HTTP/1.1\r\nHost: g\r\n"
                                                          "Authorization: Bearer {}\r\n\r\n",
                                                          asked.secret));
    CHECK(refused.status() == 400);
    CHECK(refused.body.contains("'resp_1' is still streamed"));
    CHECK(asked.upstream.requests.size() == 1);
    sent = 9;
    co_await read_until(client, got, "completed");
  }(world, *pieces));
  CHECK(world.items().empty());
  world.answers(R"({"id":"resp_1","object":"response.deleted","deleted":true})");
  CHECK(world.send("DELETE /v1/responses/resp_1").status() == 200);
}

TEST_CASE("the reference is durable before the client hears of the work") {
  StreamWorld world;
  world.open();
  const auto pieces = std::make_shared<std::size_t>(1);  // the head alone
  world.streams({begun, completed});
  world.upstream.replies.back().up_to = pieces;
  world.run([](StreamWorld& asked, std::size_t& sent) -> net::Task<void> {
    net::Stream client = asked.connect();
    co_await net::testing::send(client, streamed_question(asked));
    std::string got;
    co_await read_until(client, got, "\r\n\r\n");
    sent = 2;  // the first event, and not the second
    co_await read_until(client, got, "resp_1");
    const auto kept = asked.store.find_deferred({asked.account.id, "resp_1", {"up"}});
    REQUIRE(kept.has_value());
    CHECK(kept->has_value());
    sent = 9;
    co_await read_until(client, got, "completed");
  }(world, *pieces));
}
