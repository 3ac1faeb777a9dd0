// Streams whose provider ignores the output cap.
#include "gateway/world_test.h"
#include "meter/request_reader.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;
using net::testing::send;

namespace {

constexpr std::int64_t cap = 50;
constexpr std::int64_t much = 1'000'000'000;
const std::string wish = R"({"model":"m","messages":[],"max_tokens":50,"stream":true})";
const std::string wish_with_usage =
    R"({"model":"m","messages":[],"max_tokens":50,"stream":true,"stream_options":{"include_usage":true}})";
const std::int64_t reserved = (std::ssize(wish) + meter::input_margin_tokens) * 1'000 + cap * 2'000;

std::string event(std::string_view data) { return "data: " + std::string(data) + "\n\n"; }
const std::string word = event(R"({"model":"m","choices":[{"index":0,"delta":{"content":"four"}}]})");
std::string usage_of(std::int64_t output) {
  return event(
      fmt::format(R"({{"model":"m","choices":[],"usage":{{"prompt_tokens":20,"completion_tokens":{}}}}})", output));
}
const std::string done = event("[DONE]");
constexpr std::int64_t cost_of(std::int64_t output) { return 20 * 1'000 + output * 2'000; }

std::string words(std::int64_t count) {
  std::string text;
  for (; count > 0; --count) text += word;
  return text;
}
// A stream of so many words, each a token and an event of its own.
std::vector<std::string> stream_of(std::int64_t count) {
  std::vector<std::string> events(static_cast<std::size_t>(count), word);
  events.push_back(usage_of(count));
  events.push_back(done);
  return events;
}
// The same, cut wherever.
std::vector<std::string> in_pieces(const std::vector<std::string>& events, std::size_t step) {
  std::string wire;
  for (const std::string& one : events) wire += one;
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < wire.size(); at += step) pieces.push_back(wire.substr(at, step));
  return pieces;
}

void expect_exact(World& world, std::int64_t output) {
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].outcome == events::Outcome::served);
  CHECK(records[0].usage->certainty == meter::Certainty::exact);
  CHECK(records[0].cost.nanos() == cost_of(output));
  const quota::CounterState state = world.state(world.limits[0]);
  CHECK(state.spent == cost_of(output));
  CHECK(state.unresolved == 0);
  CHECK(world.worker->stats().overruns.value() == 0);
  CHECK(world.worker->stats().cut.value() == 0);
}

// The last events of a stream that was cut: an error that clients can read, and the end.
base::Json error_of(const Reply& reply) {
  REQUIRE(reply.body.ends_with(done));
  const auto at = reply.body.rfind("data: {\"error\"");
  REQUIRE(at != std::string::npos);
  REQUIRE(reply.body.substr(0, at).ends_with("\n\n"));
  const std::string data = reply.body.substr(at + 6, reply.body.size() - done.size() - 2 - at - 6);
  return *base::Json::parse(data)->find("error");
}
std::string shown(const Reply& reply) { return reply.body.substr(0, reply.body.rfind("data: {\"error\"")); }

void expect_cut(World& world, std::int64_t counted, base::ErrorType error) {
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].outcome == events::Outcome::failed);
  CHECK(records[0].error == error);
  CHECK(records[0].fault == base::Source::upstream_refusal);
  CHECK(records[0].usage->certainty == meter::Certainty::at_least);
  CHECK(records[0].usage->output_tokens == counted);
  const quota::CounterState state = world.state(world.limits[0]);
  CHECK(state.spent == counted * 2'000);
  // Only what came in one piece with its first token beyond the cap can be an overrun.
  CHECK(state.spent + state.unresolved + state.leased <= std::max(state.amount, state.spent));
  CHECK(world.worker->stats().cut.value() == 1);
}

// The whole reservation, and not one token more.
Task<void> stays_within_its_cap(World& world) {
  for (const std::size_t step : {std::size_t{70}, std::size_t{1}, std::size_t{100'000}}) {
    CAPTURE(step);
    world.streams(in_pieces(stream_of(cap), step));
    const Reply reply = co_await ask(world, world.call(wish));
    CHECK(reply.body == words(cap) + done);
    CHECK(world.worker->stats().extended.value() == 0);
  }
  const auto records = world.records();
  REQUIRE(records.size() == 3);
  for (const events::UsageRecord& record : records) CHECK(record.holds[0].reserved == reserved);
}

Task<void> goes_on(World& world, const std::string& body, std::size_t step) {
  world.streams(in_pieces(stream_of(700), step));
  const Reply reply = co_await ask(world, world.call(body));
  CHECK(reply.body == words(700) + (body == wish ? "" : usage_of(700)) + done);
  expect_exact(world, 700);
  const auto records = world.records();
  CHECK(records[0].holds[0].reserved >= cost_of(700));
  CHECK(records[0].estimate.nanos() == records[0].holds[0].reserved);
  CHECK(world.worker->stats().extended.value() == 1);
}

Task<void> is_cut(World& world, const std::string& body, std::size_t step) {
  world.streams(in_pieces(stream_of(700), step));
  const Reply reply = co_await ask(world, world.call(body));
  CHECK(reply.status() == 200);
  CHECK(shown(reply) == words(cap));
  const base::Json error = error_of(reply);
  CHECK(error.find("type")->text() == "limit_reached");
  CHECK(error.find("request_id")->text() == reply.field("X-Request-Id"));
  CHECK(error.find("message")->text().contains("beyond its output cap of 50 tokens"));
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  const std::int64_t counted = *records[0].usage->output_tokens;
  CHECK(counted > cap);
  if (step <= word.size()) CHECK(counted == cap + 1);
  expect_cut(world, counted, base::ErrorType::limit_reached);
  while (world.upstream_server.connections() > 0) co_await world.loop.sleep(1);  // nobody reads what else it produces
}

// More was to be had, and then no more.
Task<void> is_cut_on_the_way(World& world) {
  world.streams(stream_of(700), Scripted::Then::hang);
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(error_of(reply).find("type")->text() == "limit_reached");
  const std::int64_t went_on = std::ssize(shown(reply)) / std::ssize(word);
  // Four bytes a token are counted as four; the limit pays for 600 tokens.
  CHECK(went_on >= 140);
  CHECK(went_on <= 150);
  expect_cut(world, went_on + 1, base::ErrorType::limit_reached);
  CHECK(world.worker->stats().extended.value() == 1);
}

Task<void> waits_for_the_store(World& world) {
  world.keeper_sleeps = true;
  world.streams(stream_of(700));
  net::Stream client = world.connect();
  co_await send(client, world.call(wish));
  for (int i = 0; i < 10; ++i) co_await world.yield();
  world.keeper->turn();  // the reservation
  for (int i = 0; i < 400; ++i) co_await world.yield();
  world.pass(world.settings.store_deadline_ms - 1);
  for (int i = 0; i < 10; ++i) co_await world.yield();
  CHECK(world.worker->stats().cut.value() == 0);
  CHECK(world.upstream_server.connections() == 1);
  world.keeper_sleeps = false;
  world.keeper->turn();
  const Reply reply = co_await read_reply(client);
  CHECK(reply.body == words(700) + done);
  expect_exact(world, 700);
}

Task<void> store_is_silent(World& world) {
  world.keeper_sleeps = true;
  world.streams(stream_of(700), Scripted::Then::hang);
  net::Stream client = world.connect();
  co_await send(client, world.call(wish));
  for (int i = 0; i < 10; ++i) co_await world.yield();
  world.keeper->turn();
  for (int i = 0; i < 400; ++i) co_await world.yield();
  CHECK(world.worker->stats().cut.value() == 0);
  world.pass(world.settings.store_deadline_ms);
  const Reply reply = co_await read_reply(client);
  CHECK(error_of(reply).find("type")->text() == "unavailable");
  CHECK(shown(reply) == words(cap));
  const auto records = world.records();  // turns the keeper: its grant comes too late and goes back
  CHECK(records[0].fault == base::Source::upstream_refusal);
  expect_cut(world, cap + 1, base::ErrorType::unavailable);
  CHECK(world.worker->stats().extended.value() == 0);
}

// Others' money comes back in time: the reservations that end in the first half of the wait.
Task<void> waits_for_others(World& world) {
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  net::Stream other = world.connect();
  co_await send(other, world.call(wish));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  world.streams(stream_of(60));
  net::Stream client = world.connect();
  co_await send(client, world.call(wish));
  for (int i = 0; i < 400; ++i) co_await world.yield();
  CHECK(world.worker->stats().cut.value() == 0);
  CHECK(world.worker->stats().extended.value() == 0);
  catalog::Limit raised = world.limits[0];
  raised.amount = 1'000'000'000;
  REQUIRE(world.store.put(raised).has_value());
  world.keeper->push({std::make_unique<events::UsageRecord>(), {}});  // something was settled: they are tried again
  world.keeper->turn();
  const Reply reply = co_await read_reply(client);
  CHECK(reply.body == words(60) + done);
  CHECK(world.worker->stats().extended.value() == 1);
}

// What it asked for ahead was held by others all the time. It has not come to its end yet, and asks again.
Task<void> asks_again(World& world) {
  world.streams(stream_of(700));
  const auto up_to = std::make_shared<std::size_t>(100);
  world.upstream.replies.back().up_to = up_to;
  net::Stream client = world.connect();
  co_await send(client, world.call(wish));
  while (world.worker->stats().extended.value() == 0) co_await world.loop.sleep(1);
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  net::Stream other = world.connect();
  co_await send(other, world.call(R"({"model":"m","messages":[],"max_tokens":2500})"));
  while (world.upstream.requests.size() < 2) co_await world.loop.sleep(1);
  *up_to = 400;
  for (int i = 0; i < 500; ++i) co_await world.yield();
  world.pass(world.settings.store_deadline_ms);
  world.keeper->turn();  // says no
  catalog::Limit raised = world.limits[0];
  raised.amount = much;
  REQUIRE(world.store.put(raised).has_value());
  *up_to = 10'000;
  const Reply reply = co_await read_reply(client);
  CHECK(reply.body == words(700) + done);
  CHECK(world.worker->stats().cut.value() == 0);
}

Task<void> key_is_revoked(World& world) {
  world.streams({words(cap)}, Scripted::Then::hang);
  auto& pieces = world.upstream.replies.back().pieces;
  for (int i = 0; i < 50; ++i) pieces.push_back("");
  pieces.push_back(fmt::format("{:x}\r\n{}\r\n", 10 * word.size(), words(10)));
  net::Stream client = world.connect();
  co_await send(client, world.call(wish));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  catalog::Contents contents = world.snapshot->contents();
  contents.keys.edit(0).status = catalog::KeyStatus::revoked;
  world.worker->use(*catalog::Snapshot::build(std::move(contents)));
  const Reply reply = co_await read_reply(client);
  CHECK(error_of(reply).find("type")->text() == "unauthorized");
  CHECK(shown(reply) == words(cap));
  expect_cut(world, cap + 10, base::ErrorType::unauthorized);
}

Task<void> client_has_gone(World& world) {
  world.streams(stream_of(2'000), Scripted::Then::hang);
  {
    net::Stream client = world.connect();
    co_await send(client, world.call(wish));
    std::array<char, 100> into;
    co_await client.read_some(into.data(), into.size());
  }
  while (world.proxy->connections() > 0) co_await world.loop.sleep(1);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(*records[0].usage->output_tokens < 2'000);
  CHECK(world.worker->stats().cut.value() == 1);
  CHECK(world.worker->stats().client_hangups.value() == 1);
}

Task<void> limit_comes_meanwhile(World& world) {
  world.keeper_sleeps = true;
  world.streams(stream_of(100));
  net::Stream client = world.connect();
  co_await send(client, world.call(wish));
  for (int i = 0; i < 10; ++i) co_await world.yield();
  world.keeper->turn();
  for (int i = 0; i < 400; ++i) co_await world.yield();  // it asks for more
  catalog::Limit coming = world.limit(1'000'000'000);
  world.limits.pop_back();
  const auto lease =
      std::make_shared<quota::Lease>(coming.id, coming.window, base::window_at(coming.window, world.clock.wall_now()));
  lease->give(1'000'000'000);
  catalog::Contents contents = world.snapshot->contents();
  contents.limits.push_back(coming);
  const auto next = catalog::Snapshot::build(std::move(contents));
  REQUIRE(world.worker->take_on(std::vector{quota::OpeningLimit{coming, lease}}, *next).has_value());
  world.keeper_sleeps = false;
  world.keeper->turn();
  CHECK((co_await read_reply(client)).body == words(100) + done);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  REQUIRE(records[0].holds.size() == 2);
  CHECK(records[0].holds[0].reserved == records[0].holds[1].reserved);
  CHECK(records[0].holds[1].reserved >= cost_of(100));
}

template <class Test, class... More>
void run(std::int64_t amount, Test test, More... more) {
  World world;
  world.limit(amount);
  world.settings.routes[0].timeouts.idle_ms = 60'000;
  world.open();
  world.run(test(world, more...));
}

}  // namespace

TEST_CASE("a stream that uses all of its cap is not extended, and asks for nothing") {
  run(much, stays_within_its_cap);
}

TEST_CASE("a stream beyond its cap is extended while there is money, and booked exactly") {
  for (const std::size_t step : {std::size_t{13}, word.size(), std::size_t{100'000}}) {
    CAPTURE(step);
    run(much, goes_on, wish, step);
    run(much, goes_on, wish_with_usage, step);
  }
}

TEST_CASE("a stream beyond its cap that nothing can pay for ends with an error event, behind what is paid for") {
  for (const std::size_t step : {std::size_t{13}, word.size(), std::size_t{100'000}}) {
    CAPTURE(step);
    run(reserved, is_cut, wish, step);
    run(reserved + 40'000, is_cut, wish_with_usage, step);
  }
}

TEST_CASE("a stream is extended as far as the money goes, and then cut") {
  run(reserved + 550 * 2'000, is_cut_on_the_way);
}

TEST_CASE("a stream at its end of money waits for the store, and goes on") { run(much, waits_for_the_store); }

TEST_CASE("a stream waits for a silent store no longer than the deadline") { run(much, store_is_silent); }

TEST_CASE("a stream that only others' reservations keep from going on waits for them") {
  run(2 * reserved + 20'000, waits_for_others);
}

TEST_CASE("a stream that was refused what others held asks again, as long as it is paid for") {
  run(10'200'000, asks_again);
}

TEST_CASE("a key that was revoked meanwhile gets nothing beyond what was reserved") { run(much, key_is_revoked); }

TEST_CASE("for a client that has gone nothing is extended") { run(much, client_has_gone); }

TEST_CASE("a limit that comes into force while more is asked for is asked, too") { run(much, limit_comes_meanwhile); }
