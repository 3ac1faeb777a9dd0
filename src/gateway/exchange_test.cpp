// Whole exchanges: what the client gets, what goes upstream, and what is in the books afterwards.
#include "gateway/exchange.h"

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using base::ErrorType;
using base::Source;
using net::Task;
using net::testing::send;

namespace {

const std::string question = R"({"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":10})";
const std::string answer =
    R"({"model":"m","choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}})";
constexpr std::int64_t answer_cost = 20 * 1'000 + 5 * 2'000;

// What a call reserves: every byte of the body may be a token of input, and so much output.
std::int64_t worst(std::string_view body, std::int64_t output) {
  return (std::ssize(body) + meter::input_margin_tokens) * 1'000 + output * 2'000;
}

Task<void> period(World& world, std::string_view expected) {
  world.answers(answer);
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Budget-Period") == expected);
}

Task<void> plain(World& world) {
  world.answers(answer);
  const Reply reply = co_await ask(world, world.call(question, "X-Api-Key: " + world.secret + "\r\nX-Other: kept\r\n"));
  CHECK(reply.status() == 200);
  CHECK(reply.body == answer);
  CHECK(reply.field("X-Request-Cost") == "0.00003");
  CHECK(reply.field("X-Estimated-Cost") == base::Money::from_nanos(worst(question, 10)).to_usd());
  CHECK(reply.field("X-Input-Tokens") == "20");
  CHECK(reply.field("X-Tokens-Used") == "25");
  CHECK(reply.field("X-Budget-Remaining") == base::Money::from_nanos(1'000'000'000 - answer_cost).to_usd());
  CHECK(reply.field("X-Budget-Period") == "daily");

  REQUIRE(world.upstream.requests.size() == 1);
  const ScriptedUpstream::Request& sent = world.upstream.requests[0];
  CHECK(sent.line == "POST /api/chat/completions");
  CHECK(sent.body == question);
  CHECK(*sent.find("authorization") == "Bearer upstream-secret");
  CHECK(*sent.find("host") == fmt::format("127.0.0.1:{}", world.upstream_address.port));
  CHECK(*sent.find("accept-encoding") == "identity");
  CHECK(*sent.find("x-other") == "kept");
  for (const auto& [name, value] : sent.fields) CHECK_FALSE(value.contains(world.secret));

  const auto records = world.records();
  REQUIRE(records.size() == 1);
  const events::UsageRecord& record = records[0];
  CHECK(record.id.to_string() == reply.field("X-Request-Id"));
  CHECK(record.outcome == events::Outcome::served);
  CHECK(record.status == 200);
  CHECK(record.model == "m");
  CHECK(record.usage->input_tokens == 20);
  CHECK(record.cost.nanos() == answer_cost);
  CHECK(record.estimate.nanos() == worst(question, 10));
  REQUIRE(record.holds.size() == 1);
  CHECK(record.holds[0].reserved == worst(question, 10));
  CHECK(world.state(world.limits[0]).spent == answer_cost);
}

// Each unit counts what the provider says that it used.
Task<void> units(World& world) {
  world.answers(answer);
  CHECK((co_await ask(world, world.call(question))).status() == 200);
  (void)world.records();
  CHECK(world.state(world.limits[0]).spent == 20);
  CHECK(world.state(world.limits[1]).spent == 5);
  CHECK(world.state(world.limits[2]).spent == 25);
  CHECK(world.state(world.limits[3]).spent == 1);
}

// What of a reply's fields is the client's, and what is the connection's, the account's or the gateway's.
Task<void> reply_fields(World& world) {
  world.upstream.replies.push_back(
      {{fmt::format("HTTP/1.1 200 Fine\r\nContent-Length: {}\r\nX-Request-Id: theirs\r\nSet-Cookie: a=b\r\n"
                    "Connection: x-hop\r\nX-Hop: y\r\nKeep-Alive: timeout=5\r\nX-Kept: z\r\n\r\n{}",
                    answer.size(), answer)}});
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.head.starts_with("HTTP/1.1 200 Fine\r\n"));
  CHECK(reply.field("X-Kept") == "z");
  CHECK(reply.field("X-Upstream-Request-Id") == "theirs");
  CHECK(reply.field("X-Request-Id") != "theirs");
  CHECK(reply.head.find("Content-Length") == reply.head.rfind("Content-Length"));
  for (const char* name : {"Set-Cookie", "Connection", "X-Hop", "Keep-Alive"}) CHECK(reply.field(name).empty());
  CHECK(reply.body == answer);
}

Task<void> many_on_one_connection(World& world) {
  net::Stream client = world.connect();
  for (int i = 0; i < 5; ++i) {
    world.answers(answer);
    co_await send(client, world.call(question));
    CHECK((co_await read_reply(client)).body == answer);
  }
  CHECK(world.records().size() == 5);
  CHECK(world.state(world.limits[0]).spent == 5 * answer_cost);
  CHECK(world.upstream_server.connections() == 1);
}

const std::string wish = R"({"model":"m","messages":[],"max_tokens":900})";

// The output cap is lowered to what the limit can pay for.
Task<void> clamp(World& world, std::int64_t amount, catalog::LimitUnit unit) {
  world.answers(answer);
  world.limit(amount, unit);
  world.open();
  const Reply reply = co_await ask(world, world.call(wish));
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Output-Clamped") == "100");
  CHECK(world.upstream.requests[0].body == R"({"model":"m","messages":[],"max_tokens":100})");
  CHECK(world.worker->stats().clamped.value() == 1);
  CHECK(world.records()[0].estimate.nanos() == worst(wish, 100));
}

Task<void> refuse(World& world) {
  const Reply reply = co_await ask(world, world.call(R"({"model":"m","messages":[],"max_tokens":900})"));
  CHECK(reply.status() == 402);
  CHECK(reply.error("type") == "limit_reached");
  CHECK(reply.field("x-should-retry") == "false");
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].id.to_string() == reply.field("X-Request-Id"));
  CHECK(records[0].outcome == events::Outcome::refused);
  CHECK(records[0].error == ErrorType::limit_reached);
  CHECK(records[0].fault == Source::client);
  CHECK(world.state(world.limits[0]).spent == 0);
  CHECK(world.upstream.requests.empty());
}

// The first call holds the money; the second waits for it.
Task<void> busy(World& world) {
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  net::Stream first = world.connect(), second = world.connect(), third = world.connect();
  co_await send(first, world.call(question));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  co_await send(second, world.call(question));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  CHECK(world.state(world.limits[0]).leased == worst(question, 10) * 3 / 2);
  world.pass(51);
  world.keeper->turn();
  const Reply refused = co_await read_reply(second);
  CHECK(refused.status() == 429);
  CHECK(refused.error("type") == "limit_busy");
  CHECK(refused.field("Retry-After") == "1");

  world.answers(answer);
  co_await send(third, world.call(question));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  // The one that was in flight breaks off before a byte of it was sent back; what it held is not refunded.
  world.upstream_server.close_all();
  CHECK((co_await read_reply(first)).status() == 502);
  CHECK((co_await read_reply(third)).error("type") == "limit_reached");
}

// A store that does not answer is not waited for, and what it grants too late is given back.
Task<void> slow_store(World& world) {
  net::Stream client = world.connect();
  world.answers(answer);
  co_await send(client, world.call(question));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  world.pass(2'000);
  const Reply reply = co_await read_reply(client);
  CHECK(reply.status() == 503);
  CHECK(reply.error("type") == "unavailable");
  CHECK(reply.error("message").contains("store_slow"));
  CHECK(world.upstream.requests.empty());
  CHECK(world.records().size() == 1);
  CHECK(world.records()[0].outcome == events::Outcome::refused);
  REQUIRE(world.keeper->close().has_value());
  CHECK(world.state(world.limits[0]) == quota::CounterState{.amount = 1'000'000'000});
}

Task<void> leave_it_waiting(World& world) {
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  CHECK(world.proxy->connections() == 1);
}

Task<void> who_may_call(World& world) {
  struct Row {
    std::string name, request;
    int status;
    std::string type;
  };
  tests::SeededRandom random(7);
  const std::string stranger = catalog::new_secret(catalog::KeyRole::data, random);
  const auto get = [&](std::string_view path, std::string_view fields) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n{}\r\n", path, fields);
  };
  const std::string key = "Authorization: Bearer " + world.secret + "\r\n";
  for (const Row& row :
       {Row{"no key", get("/v1/models", ""), 401, "unauthorized"},
        Row{"another scheme", get("/v1/models", "Authorization: Basic eA==\r\n"), 401, "unauthorized"},
        Row{"mistyped", get("/v1/models", "x-api-key: mg_live_x\r\n"), 401, "unauthorized"},
        Row{"unknown", get("/v1/models", "x-api-key: " + stranger + "\r\n"), 401, "unauthorized"},
        Row{"two keys", get("/v1/models", key + "x-api-key: " + stranger + "\r\n"), 401, "unauthorized"},
        Row{"no route", get("/v2/models", key), 404, "not_found"},
        Row{"no such call", get("/v1/vector_stores", key), 404, "not_found"},
        Row{"another method", get("/v1/chat/completions", key), 404, "not_found"},
        Row{"no JSON", world.call("hello"), 400, "invalid_request"},
        Row{"no price", world.call(R"({"model":"other","messages":[]})"), 400, "unknown_price"},
        Row{"no such wish", world.call(question, "X-Metergate-Stream-Cost: yes\r\n"), 400, "invalid_request"}}) {
    CAPTURE(row.name);
    const Reply reply = co_await ask(world, row.request);
    CHECK(reply.status() == row.status);
    CHECK(reply.error("type") == row.type);
    CHECK(reply.error("request_id") == reply.field("X-Request-Id"));
    CHECK_FALSE(reply.body.contains(world.secret));
  }
  CHECK(world.upstream.requests.empty());
  CHECK(world.records().size() == 6);  // of those whose key is known
}

Task<void> list_models(World& world) {
  world.answers("models");
  const Reply reply =
      co_await ask(world, "GET /v1/models?limit=3 HTTP/1.1\r\nHost: a\r\napi-key: " + world.secret + "\r\n\r\n");
  CHECK(reply.status() == 200);
  CHECK(reply.body == "models");
  CHECK(world.upstream.requests[0].line == "GET /api/models?limit=3");
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].cost.is_zero());
  CHECK(records[0].holds.empty());
}

}  // namespace

TEST_CASE("a call is forwarded as it is, metered, and its exact cost is in the head and the books") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(plain(world));
}

TEST_CASE("the period of a budget is told as operators write it") {
  for (const auto& [window, expected] : {std::pair{"minute", "minutely"},
                                         {"hour", "hourly"},
                                         {"week", "weekly"},
                                         {"year", "yearly"},
                                         {"cycle:15", "cycle:15"},
                                         {"rolling:5h", "rolling:5h"},
                                         {"total", "total"}}) {
    CAPTURE(window);
    World world;
    world.limit(1'000'000'000).window = *base::parse_window(window);
    world.open();
    world.run(period(world, expected));
  }
}

TEST_CASE("of a reply's fields the client gets what is meant for it") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(reply_fields(world));
}

TEST_CASE("each unit of limit counts what it is about") {
  World world;
  for (const auto unit : {catalog::LimitUnit::input_tokens, catalog::LimitUnit::output_tokens,
                          catalog::LimitUnit::tokens, catalog::LimitUnit::requests})
    world.limit(10'000, unit);
  world.open();
  world.run(units(world));
}

TEST_CASE("calls of one connection share a connection upstream, and each is in the books") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(many_on_one_connection(world));
}

TEST_CASE("an answer that a limit cannot pay whole is clamped to what it can") {
  const std::int64_t input = std::ssize(wish) + meter::input_margin_tokens;
  for (const auto& [amount, unit] : {std::pair{worst(wish, 100), catalog::LimitUnit::usd},
                                     {input + 100, catalog::LimitUnit::tokens},
                                     {std::int64_t{100}, catalog::LimitUnit::output_tokens}}) {
    CAPTURE(catalog::to_string(unit));
    World world;
    world.run(clamp(world, amount, unit));
  }
}

TEST_CASE("a call that a limit cannot pay is refused before anything goes upstream") {
  struct Row {
    std::string name;
    std::int64_t amount;
    catalog::LimitUnit unit;
    catalog::Clamp clamp;
  };
  for (const Row& row :
       {Row{"no answer worth a call", worst(wish, 15), catalog::LimitUnit::usd, catalog::Clamp::on},
        Row{"no clamping", worst(wish, 100), catalog::LimitUnit::usd, catalog::Clamp::off},
        Row{"tokens", std::ssize(wish) + meter::input_margin_tokens, catalog::LimitUnit::tokens, catalog::Clamp::on},
        Row{"input tokens", std::ssize(wish) + meter::input_margin_tokens - 1, catalog::LimitUnit::input_tokens,
            catalog::Clamp::on},
        Row{"no output worth a call", 15, catalog::LimitUnit::output_tokens, catalog::Clamp::on},
        Row{"no more requests", 0, catalog::LimitUnit::requests, catalog::Clamp::on}}) {
    CAPTURE(row.name);
    World world;
    world.limit(row.amount, row.unit).clamp = row.clamp;
    world.open();
    world.run(refuse(world));
  }
}

TEST_CASE("a call that only others' calls stand in the way of waits, and is told to come again") {
  World world;
  world.settings.admission_wait_ms = 50;
  world.limit(worst(question, 10) * 3 / 2).clamp = catalog::Clamp::off;
  world.open();
  world.run(busy(world));
}

TEST_CASE("a store that does not answer in time refuses, and its late grant changes nothing") {
  World world;
  world.limit(1'000'000'000);
  world.keeper_sleeps = true;
  world.open();
  world.run(slow_store(world));
}

TEST_CASE("a worker may end while a call waits for the store") {
  World world;
  world.limit(1'000'000'000);
  world.keeper_sleeps = true;
  world.open();
  world.run(leave_it_waiting(world));
  world.loop.end();
  CHECK(world.proxy->connections() == 0);
  REQUIRE(world.keeper->close().has_value());
}

TEST_CASE("who sends no good key, no known path or no good body is told so, and nothing goes upstream") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(who_may_call(world));
}

TEST_CASE("the list of models passes through and costs nothing") {
  World world;
  world.limit(0);
  world.open();
  world.run(list_models(world));
}
