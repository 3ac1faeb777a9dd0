// New usage records as server-sent events.
#include "admin/world_test.h"

using admin::Api;
using admin::Response;
using admin::testing::World;

namespace {

struct Listening : World {
  Listening() {
    play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"}});
    REQUIRE(secret_store.open_incarnation(clock.wall_now()).has_value());
    options.streams_max = 2;
    api = std::make_unique<Api>(services());
  }
  Response listen(std::string last_event_id = {}, std::vector<std::pair<std::string, std::string>> query = {}) {
    return get("/api/v1/usage/stream", std::move(query), std::move(last_event_id));
  }
  // Of an API that outlives the answer.
  Response get(std::string path, std::vector<std::pair<std::string, std::string>> query,
               std::string last_event_id = {}) {
    admin::Request request;
    request.method = "GET";
    request.path = std::move(path);
    request.query = std::move(query);
    request.trust = trust;
    request.credential = credential;
    request.last_event_id = std::move(last_event_id);
    return api->handle(request);
  }
  std::string write(std::string model = "gpt-4o") {
    events::UsageRecord record;
    record.id = base::ExchangeId::create(clock.wall_now(), random);
    record.started = clock.wall_now();
    record.account = *base::AccountId::parse(saved["acme"]);
    record.model = std::move(model);
    REQUIRE(secret_store.flush({.records = events::pointers_to(std::span(&record, 1)), .returns = {}}).has_value());
    return record.id.to_string();
  }
  std::unique_ptr<Api> api;
};

}  // namespace

TEST_CASE("a stream tells each new record once, and goes on where its client stopped") {
  Listening world;
  world.write();
  Response first = world.listen();
  REQUIRE(first.status == 200);
  CHECK(first.content_type == "text/event-stream");
  CHECK(first.body == "retry: 2000\n\n");
  CHECK(first.stream->due().value() == "");  // what was before is in the list of records
  const std::string second = world.write();
  const std::string told = first.stream->due().value().value();
  CHECK(told.starts_with("id: 0-2\nevent: record\ndata: {\"id\":\"" + second));
  CHECK(told.ends_with("}\n\n"));
  CHECK(first.stream->due().value() == "");
  const std::string third = world.write();
  CHECK(world.listen("0-2").stream->due().value()->contains(third));
  CHECK(world.listen("0-1").stream->due().value()->contains(second));
  for (const std::string_view bad : {"x", "0", "0-", "-1-2", "0-2x", "0-99999999999999999999"})
    CHECK(world.listen(std::string(bad)).status == 400);
}

TEST_CASE("a stream keeps to its filter, and shows that it is alive") {
  Listening world;
  const Response filtered = world.listen({}, {{"model", "other"}});
  world.write();
  CHECK(filtered.stream->due().value() == "");
  const std::string wanted = world.write("other");
  CHECK(filtered.stream->due().value()->contains(wanted));
  world.clock.advance_ms(14'000);
  CHECK(filtered.stream->due().value() == "");
  world.clock.advance_ms(1'000);
  CHECK(filtered.stream->due().value() == ": alive\n\n");
  CHECK(world.listen({}, {{"from", "2026-11-01"}}).status == 400);
}

TEST_CASE("only so many streams are open, and a closed one makes room") {
  Listening world;
  Response one = world.listen();
  const Response two = world.listen();
  const Response refused = world.listen();
  CHECK(refused.status == 503);
  CHECK(refused.body.contains("2 streams are open"));
  CHECK(refused.headers.back() == std::pair<std::string, std::string>("Retry-After", "15"));
  one.stream.reset();
  CHECK(world.listen().status == 200);
}

TEST_CASE("a stream ends soon after the key that opened it") {
  Listening world;
  world.play({{"POST /api/v1/keys", R"({"name":"watcher","role":"admin"})", 201, {}, "watcher"}});
  world.trust = admin::Trust::network;
  world.credential = world.saved["watcher_secret"];
  const Response stream = world.listen();
  REQUIRE(stream.status == 200);
  REQUIRE(world.catalog->revoke_key(*base::KeyId::parse(world.saved["watcher"])).has_value());
  world.clock.advance_ms(10'000);
  CHECK(stream.stream->due().value() == std::nullopt);
}

TEST_CASE("usage is exported page by page, as CSV that no spreadsheet runs, or as JSON") {
  Listening world;
  world.usage.all.resize(1);
  events::UsageRecord& record = world.usage.all.front();
  record.id = base::ExchangeId::create(world.clock.wall_now(), world.random);
  record.started = world.clock.wall_now();
  record.model = "=cmd(\"x\"),\n";
  record.usage = meter::Usage{.input_tokens = 7};
  record.cost = base::Money::from_nanos(5);
  const auto exported = [&](const std::string& format) {
    const Response reply = world.get("/api/v1/usage/export", {{"format", format}});
    REQUIRE(reply.status == 200);
    std::string all = reply.body;
    while (const auto piece = reply.stream->due().value()) all += *piece;
    return all;
  };
  const std::string csv = exported("csv");
  CHECK(csv.starts_with("id,started,duration_us,first_byte_us,account,key,route,upstream,model,"));
  CHECK(csv.contains("\"'=cmd(\"\"x\"\"),\n\",,false,served,0,,,0,0.000000005,,,7,,"));
  CHECK(csv.ends_with(",exact,\r\n"));
  const auto json = base::Json::parse(exported("json"));
  REQUIRE(json.has_value());
  REQUIRE(json->items().size() == 1);
  CHECK(json->items()[0].find("cost")->text() == "0.000000005");
  world.usage.all.clear();
  CHECK(exported("json") == "[\n]\n");
  CHECK(world.send("GET /api/v1/usage/export?format=xml").status == 400);
}
