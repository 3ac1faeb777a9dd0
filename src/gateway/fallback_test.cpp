// Routes that ask for another model than the client does: at their first target, or at the next one.
#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

const std::string question = R"({"messages":[],"model":"large","max_tokens":10})";
const std::string question_small = R"({"messages":[],"model":"small","max_tokens":10})";
const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5}})";
const std::string refusal = R"({"error":{"message":"no"}})";
constexpr std::int64_t large_cost = 20 * 10'000 + 5 * 20'000;
constexpr std::int64_t small_cost = 20 * 1'000 + 5 * 2'000;

std::string with_length(std::string_view status, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

// One upstream, which is asked for several models.
class Models : public World {
 public:
  Models() {
    settings.prices = std::make_shared<const meter::PriceBook>(*meter::PriceBook::parse(R"({"version":"test","models":{
      "large":{"input_cost_per_token":1e-5,"output_cost_per_token":2e-5,"max_output_tokens":1000},
      "small":{"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"max_output_tokens":1000},
      "long":{"input_cost_per_token":1e-9,"output_cost_per_token":2e-9,"max_output_tokens":100000}}})"));
  }
  catalog::Route& route() { return settings.routes.front(); }
  void says(std::string_view status, std::string_view body) {
    upstream.replies.push_back({{with_length(status, body)}});
  }
};

struct Wish {
  std::string body = question;
  std::string sent;  // what the last request to the upstream is
  std::string model;
  std::int64_t cost = 0;
  std::size_t attempts = 0;
};

Task<void> serves(Models& world, const Wish& wish) {
  const Reply reply = co_await ask(world, world.call(wish.body));
  CHECK(reply.status() == 200);
  REQUIRE(world.upstream.requests.size() == wish.attempts + 1);
  CHECK(world.upstream.requests.back().body == wish.sent);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].model == wish.model);
  CHECK(records[0].cost.nanos() == wish.cost);
  CHECK(records[0].attempts.size() == wish.attempts);
  CHECK(world.state(world.limits.front()).spent == wish.cost);
  CHECK(world.state(world.limits.front()).unresolved == 0);
}

Task<void> stays(Models& world) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 429);
  CHECK(world.upstream.requests.size() == 1);
  CHECK(world.worker->stats().fallbacks.value() == 0);
  CHECK(world.state(world.limits.front()).spent == 0);
}

Task<void> refuses(Models& world) {
  std::string request = world.call(R"({"messages":[],"max_tokens":10})");
  request.replace(request.find("/v1"), 3, "/v1/deployments/large");
  const Reply reply = co_await ask(world, std::move(request));
  CHECK(reply.status() == 400);
  CHECK(reply.error("param") == "model");
  CHECK(world.upstream.requests.empty());
}

}  // namespace

TEST_CASE("a route asks for another model than the client does, and books that one's price") {
  Models world;
  world.limit(1'000'000'000);
  world.route().targets = {{.upstream = "up", .models = {{"large", "small"}}}};
  world.says("200 OK", answer);
  world.open();
  world.run(serves(world, {.sent = question_small, .model = "small", .cost = small_cost}));
}

TEST_CASE("the rest of the models is asked for as '*' says, or as it is") {
  for (const bool any : {false, true}) {
    CAPTURE(any);
    Models world;
    world.limit(1'000'000'000);
    world.route().targets = {{.upstream = "up", .models = {{any ? "*" : "other", "small"}}}};
    world.says("200 OK", answer);
    world.open();
    world.run(serves(world, {.sent = any ? question_small : question,
                             .model = any ? "small" : "large",
                             .cost = any ? small_cost : large_cost}));
  }
}

TEST_CASE("a call goes on with another model, at that one's price, under the same reservation") {
  Models world;
  world.limit(1'000'000'000);
  world.route().targets = {{.upstream = "up"}, {.upstream = "up", .order = 2, .models = {{"*", "small"}}}};
  world.says("429 Too Many Requests", refusal);
  world.says("200 OK", answer);
  world.open();
  world.run(serves(world, {.sent = question_small, .model = "small", .cost = small_cost, .attempts = 1}));
}

TEST_CASE("a call that was renamed goes on as the client sent it, where that is not dearer") {
  Models world;
  world.limit(1'000'000'000);
  world.route().targets = {{.upstream = "up", .models = {{"small", "large"}}}, {.upstream = "up", .order = 2}};
  world.says("429 Too Many Requests", refusal);
  world.says("200 OK", answer);
  world.open();
  world.run(serves(
      world, {.body = question_small, .sent = question_small, .model = "small", .cost = small_cost, .attempts = 1}));
}

TEST_CASE("what is added to a stream's request is added under the other model, too") {
  Models world;
  world.limit(1'000'000'000);
  world.route().targets = {{.upstream = "up"}, {.upstream = "up", .order = 2, .models = {{"*", "small"}}}};
  world.says("429 Too Many Requests", refusal);
  world.says("200 OK", answer);
  world.open();
  world.run(serves(world, {.body = R"({"messages":[],"model":"large","max_tokens":10,"stream":true})",
                           .sent = R"({"stream_options":{"include_usage":true},"messages":[],"model":"small",)"
                                   R"("max_tokens":10,"stream":true})",
                           .model = "small",
                           .cost = small_cost,
                           .attempts = 1}));
}

TEST_CASE("a call does not go on to a model that its reservation does not pay, or that other limits count") {
  struct Case {
    std::string name;
    std::string models;
    std::string filter;
  };
  for (const Case& one : {Case{"no price", "unknown", ""}, Case{"a limit of its own", "small", "small"},
                          Case{"a limit that it is not under", "small", "large"}}) {
    CAPTURE(one.name);
    Models world;
    world.limit(1'000'000'000);
    world.limits.back().filter.model = one.filter;
    world.route().targets = {{.upstream = "up"}, {.upstream = "up", .order = 2, .models = {{"*", one.models}}}};
    world.says("429 Too Many Requests", refusal);
    world.open();
    world.run(stays(world));
  }
}

namespace {

Task<void> stays_with_the_small_one(Models& world, const std::string& body) {
  const Reply reply = co_await ask(world, world.call(body));
  CHECK(reply.status() == 429);
  CHECK(world.upstream.requests.size() == 1);
}

}  // namespace

TEST_CASE("a dearer model, and one whose answers may be longer, is not what was reserved for") {
  for (const auto& [model, body] :
       {std::pair(std::string("large"), question_small),
        std::pair(std::string("long"), std::string(R"({"messages":[],"model":"small"})"))}) {
    CAPTURE(model);
    Models world;
    world.limit(1'000'000'000);
    world.route().targets = {{.upstream = "up"}, {.upstream = "up", .order = 2, .models = {{"*", model}}}};
    world.says("429 Too Many Requests", refusal);
    world.open();
    world.run(stays_with_the_small_one(world, body));
  }
}

TEST_CASE("a model that stands in the address is not another one's: the call is refused") {
  Models world;
  world.limit(1'000'000'000);
  world.settings.upstreams.front().provider = "azure_openai";
  world.route().targets = {{.upstream = "up", .models = {{"large", "small"}}}};
  world.open();
  world.run(refuses(world));
}
