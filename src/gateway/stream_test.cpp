// Streams through a whole exchange: the client's bytes, the hidden usage, and what is booked when something ends early.
#include "gateway/world_test.h"
#include "meter/request_reader.h"

using namespace gateway;
using namespace gateway::testing;
using base::Source;
using net::Task;
using net::testing::send;

namespace {

const std::string wish = R"({"model":"m","messages":[],"max_tokens":50,"stream":true})";
const std::string wish_with_usage =
    R"({"model":"m","messages":[],"max_tokens":50,"stream":true,"stream_options":{"include_usage":true}})";

std::string event(std::string_view data) { return "data: " + std::string(data) + "\n\n"; }
std::string word(std::string_view text) {
  return event(fmt::format(R"({{"model":"m","choices":[{{"index":0,"delta":{{"content":"{}"}}}}]}})", text));
}
const std::string usage =
    event(R"({"model":"m","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23}})");
const std::string done = event("[DONE]");
constexpr std::int64_t cost = 20 * 1'000 + 3 * 2'000;

const std::vector<std::string> all = {word("a"), word("b"), ": a comment\n\n", word("c"), usage, done};
const std::string visible = word("a") + word("b") + ": a comment\n\n" + word("c") + done;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += part;
  return text;
}

std::int64_t reserved(std::string_view body) {
  return (std::ssize(body) + meter::input_margin_tokens) * 1'000 + 50 * 2'000;
}

void expect_exact(World& world) {
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].stream);
  CHECK(records[0].outcome == events::Outcome::served);
  CHECK(records[0].usage->certainty == meter::Certainty::exact);
  CHECK(records[0].cost.nanos() == cost);
  CHECK(world.state(world.limits[0]).spent == cost);
  CHECK(world.state(world.limits[0]).unresolved == 0);
}

Task<void> hide_what_was_not_asked_for(World& world, std::size_t step) {
  const std::string wire = joined(all);
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < wire.size(); at += step) pieces.push_back(wire.substr(at, step));
  world.streams(pieces);
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.status() == 200);
  CHECK(reply.field("Content-Type") == "text/event-stream");
  CHECK(reply.body == visible);
  const std::string& sent = world.upstream.requests[0].body;
  CHECK(sent.contains(R"("include_usage":true)"));
  CHECK(sent.contains(R"("model":"m")"));
  expect_exact(world);
}

Task<void> pass_all_to_who_asked(World& world) {
  world.streams(all);
  const Reply reply = co_await ask(world, world.call(wish_with_usage));
  CHECK(reply.body == joined(all));
  CHECK(world.upstream.requests[0].body == wish_with_usage);
  expect_exact(world);
}

Task<void> cost_at_the_end(World& world) {
  net::Stream client = world.connect();
  world.streams(all);
  co_await send(client, world.call(wish, "TE: trailers\r\n"));
  const Reply trailers = co_await read_reply(client);
  CHECK(trailers.body == visible);
  CHECK(trailers.field("Trailer").contains("X-Request-Cost"));
  CHECK(trailers.field("X-Request-Cost") == base::Money::from_nanos(cost).to_usd());
  CHECK(trailers.field("X-Tokens-Used") == "23");

  world.streams(all);
  co_await send(client, world.call(wish, "X-Metergate-Stream-Cost: comment\r\n"));
  const Reply comment = co_await read_reply(client);
  CHECK(comment.body == visible + ": cost " + base::Money::from_nanos(cost).to_usd() + "\n\n");
  CHECK(comment.field("X-Request-Cost").empty());
}

// HTTP/1.0 knows no chunks: the end of the connection is the end of the stream.
Task<void> old_client(World& world) {
  world.streams(all);
  std::string request = world.call(wish, "Connection: keep-alive\r\n");
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  const Reply reply = co_await ask(world, request);
  CHECK(reply.field("Transfer-Encoding").empty());
  CHECK(reply.field("Connection") == "close");
  CHECK(reply.body == visible);
  expect_exact(world);
}

Task<void> client_leaves(World& world) {
  world.streams(all);
  {
    net::Stream client = world.connect();
    co_await send(client, world.call(wish));
    std::array<char, 1'000> into;
    co_await client.read_some(into.data(), into.size());
  }
  while (world.proxy->connections() > 0) co_await world.loop.sleep(1);
  expect_exact(world);
  CHECK(world.worker->stats().client_hangups.value() == 1);
}

// The provider would go on for as long as somebody listens.
Task<void> client_leaves_a_provider_that_stops(World& world) {
  world.settings.upstreams.front().on_hangup = catalog::Hangup::abort;
  world.streams(std::vector<std::string>(40, word("a")), Scripted::Then::hang);
  {
    net::Stream client = world.connect();
    co_await send(client, world.call(wish));
    std::array<char, 400> into;
    co_await client.read_some(into.data(), into.size());
  }
  while (world.proxy->connections() > 0) co_await world.loop.sleep(1);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].fault == Source::client);
  CHECK(records[0].usage->certainty == meter::Certainty::at_least);
  const quota::CounterState state = world.state(world.limits[0]);
  CHECK(state.spent > 0);
  CHECK(state.spent + state.unresolved == reserved(wish));
}

// What came before the end was counted; the rest of the reservation stays held.
void expect_at_least(World& world, std::int64_t spent, Source fault) {
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].outcome == events::Outcome::failed);
  CHECK(records[0].fault == fault);
  CHECK(records[0].usage->certainty == meter::Certainty::at_least);
  CHECK(records[0].cost.nanos() == spent);
  const quota::CounterState state = world.state(world.limits[0]);
  CHECK(state.spent == spent);
  CHECK(state.spent + state.unresolved == reserved(wish));
  CHECK(world.worker->stats().unknown_usage.value() == 1);
}

Task<void> upstream_breaks_off(World& world) {
  world.streams({word("a"), word("b"), "data: {\"cho"}, Scripted::Then::close);
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.body.starts_with(word("a") + word("b") + "data: {\"error\":"));  // half an event would spoil the next
  const auto last = reply.body.rfind("data: {\"error\":");
  REQUIRE(last != std::string::npos);
  CHECK(reply.body.ends_with("\n\n"));
  CHECK(reply.body.substr(last).contains("\"type\":\"upstream_error\""));
  CHECK(reply.body.substr(last).contains(reply.field("X-Request-Id")));
  expect_at_least(world, 2 * 2'000, Source::network);
}

Task<void> upstream_sends_bad_chunks(World& world) {
  world.streams({word("a")}, Scripted::Then::hang);
  world.upstream.replies.back().pieces.push_back("zz\r\n");
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.body.contains("\"type\":\"upstream_error\""));
  expect_at_least(world, 2'000, Source::upstream_refusal);
}

Task<void> upstream_breaks_off_behind_the_usage(World& world) {
  world.streams({word("a"), usage}, Scripted::Then::close);
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.body.contains("\"error\""));
  expect_at_least(world, cost, Source::network);
}

// Some providers name the input in the first chunk, with an output of none or one.
Task<void> upstream_breaks_off_behind_an_early_usage(World& world) {
  const std::string early =
      event(R"({"model":"m","choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":20,"completion_tokens":1}})");
  world.streams({early, word("a"), word("b"), word("c")}, Scripted::Then::close);
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.body.contains("\"error\""));
  expect_at_least(world, cost, Source::network);
}

Task<void> upstream_falls_silent(World& world) {
  world.streams({word("a")}, Scripted::Then::hang);
  net::Stream client = world.connect();
  co_await send(client, world.call(wish));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  for (int i = 0; i < 20; ++i) co_await world.yield();
  world.pass(1'000);
  const Reply reply = co_await read_reply(client);
  CHECK(reply.body.contains("\"type\":\"upstream_timeout\""));
  expect_at_least(world, 2'000, Source::upstream_timeout);
}

Task<void> no_usage(World& world) {
  world.streams({word("a"), word("b"), done});
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.body == word("a") + word("b") + done);
  const auto records = world.records();
  CHECK(records[0].outcome == events::Outcome::served);
  CHECK(records[0].usage->certainty == meter::Certainty::at_least);
  CHECK(world.state(world.limits[0]).spent == 2 * 2'000);
  CHECK(world.state(world.limits[0]).unresolved == reserved(wish) - 2 * 2'000);
}

Task<void> refused_stream(World& world) {
  const std::string error = R"({"error":{"message":"no","type":"invalid_request_error"}})";
  world.answers(error, "400 Bad Request");
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.status() == 400);
  CHECK(reply.body == error);
  world.records();
  CHECK(world.state(world.limits[0]).spent == 0);
  CHECK(world.state(world.limits[0]).unresolved == 0);
}

// The upstream's bytes wait for a client that does not read; the gateway holds a buffer's worth of them.
Task<void> slow_client(World& world) {
  const std::string large = word(std::string(16'000, 'x'));
  std::vector<std::string> events(2'000, large);
  events.push_back(usage);
  world.streams(events);
  net::Stream client = world.connect();
  co_await send(client, world.call(R"({"model":"m","messages":[],"max_tokens":2000,"stream":true})"));
  while (world.upstream.requests.empty()) co_await world.yield();
  for (int i = 0; i < 100; ++i) co_await world.yield();
  CHECK(world.upstream_server.connections() == 1);
  CHECK(world.records().empty());  // far from its end
  const Reply reply = co_await read_reply(client);
  CHECK(reply.body.size() == 2'000 * large.size());
  expect_exact(world);
}

template <class Test>
void run(Test test, std::int64_t idle_ms = 1'000) {
  World world;
  world.limit(1'000'000'000);
  world.settings.routes[0].timeouts.idle_ms = idle_ms;
  world.open();
  world.run(test(world));
}

}  // namespace

TEST_CASE("usage that the client did not ask for is asked for, metered and hidden, wherever the bytes are cut") {
  for (const std::size_t step : {1, 7, 64, 10'000}) {
    CAPTURE(step);
    World world;
    world.limit(1'000'000'000);
    world.open();
    world.run(hide_what_was_not_asked_for(world, step));
  }
}

TEST_CASE("a client that asked for the usage gets the upstream's bytes") { run(pass_all_to_who_asked); }

TEST_CASE("what a stream cost comes as a trailer or a comment to a client that asked") { run(cost_at_the_end); }

TEST_CASE("a client of HTTP/1.0 gets its stream to the end of the connection") { run(old_client); }

TEST_CASE("a client that leaves in the middle of a stream does not change what is booked") { run(client_leaves); }
TEST_CASE("where the configuration says so a stream ends with its client, and what it cost stays open") {
  run(client_leaves_a_provider_that_stops);
}

// A chunked stream that ended early was blamed on the client, as a bad request.
TEST_CASE("a stream that breaks off says so in its last event and stays unresolved beyond what was counted") {
  run(upstream_breaks_off);
}

TEST_CASE("a stream that is framed wrongly is the upstream's fault") { run(upstream_sends_bad_chunks); }

TEST_CASE("a stream that breaks off behind its usage has at least that") { run(upstream_breaks_off_behind_the_usage); }

TEST_CASE("a stream that breaks off has at least what came, whatever its usage said before that") {
  run(upstream_breaks_off_behind_an_early_usage);
}

TEST_CASE("a stream that falls silent ends by the clock") { run(upstream_falls_silent); }

TEST_CASE("a stream without usage is booked by its chunks, the rest stays unresolved") { run(no_usage); }

TEST_CASE("a stream that the provider refuses costs nothing") { run(refused_stream); }

TEST_CASE("a stream is read no faster than its client takes it") {
  run(slow_client, 30'000);  // 32 MB may come slowly on a busy machine
}
