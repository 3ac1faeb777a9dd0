// What is booked of a reply by the price book: what it leaves open, what it states, and at whose prices.
#include "base/rfc3339.h"
#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

const std::string question = R"({"model":"m","messages":[],"max_tokens":10})";
constexpr std::int64_t tokens_cost = 20 * 1'000 + 5 * 2'000;

std::string answer(std::string_view more) {
  return fmt::format(R"({{"model":"m","choices":[{{}}],"usage":{{"prompt_tokens":20,"completion_tokens":5{}}}}})",
                     more);
}

struct Booked {
  std::int64_t cost = 0;
  bool whole = true;  // nothing is unresolved
};

Task<void> books(World& world, Booked wanted) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 200);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].cost.nanos() == wanted.cost);
  const auto state = world.state(world.limits.front());
  CHECK(state.spent == wanted.cost);
  CHECK(state.unresolved == (wanted.whole ? 0 : records[0].estimate.nanos() - wanted.cost));
}

// Books one answer with more in its usage.
void book(World& world, std::string_view more, Booked wanted) {
  world.limit(1'000'000'000);
  world.answers(answer(more));
  world.open();
  world.run(books(world, wanted));
}

}  // namespace

TEST_CASE("a figure that nobody knows how to bill is counted, and the rest of the call stays unresolved") {
  World world;
  book(world, R"(,"dream_tokens":7)", {.cost = tokens_cost, .whole = false});
  CHECK(world.worker->stats().unknown_usage_fields.value() == 1);
  CHECK(world.worker->stats().unknown_usage.value() == 1);
}

TEST_CASE("a cost that the provider states counts where the upstream's is trusted") {
  World ignoring;
  book(ignoring, R"(,"cost":0.000001)", {.cost = tokens_cost});
  World trusting;
  trusting.settings.upstreams.front().stated_cost = catalog::StatedCost::trusted;
  book(trusting, R"(,"cost":0.000001)", {.cost = 1'000});
}

TEST_CASE("a call is priced as its upstream's provider prices the model") {
  World world;
  world.settings.upstreams.front().provider = "groq";
  world.settings.prices = std::make_shared<const meter::PriceBook>(*meter::PriceBook::parse(
      R"({"m":{"litellm_provider":"openai","input_cost_per_token":1e-6,"output_cost_per_token":2e-6},
          "groq/m":{"litellm_provider":"groq","input_cost_per_token":3e-6,"output_cost_per_token":6e-6}})"));
  book(world, "", {.cost = 3 * tokens_cost});
}

namespace {

Task<void> refuses(World& world) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 400);
  CHECK(reply.error("type") == "unknown_price");
  CHECK(world.upstream.requests.empty());
}

Task<void> stays_at_the_first(World& world) {
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 503);
  CHECK(world.upstream.requests.size() == 1);
  CHECK(world.worker->stats().fallbacks.value() == 0);
}

}  // namespace

TEST_CASE("a model that the upstream's provider has no price for is refused before it leaves") {
  World world;
  world.settings.upstreams.front().provider = "groq";
  world.settings.prices = std::make_shared<const meter::PriceBook>(
      *meter::PriceBook::parse(R"({"m":{"litellm_provider":"openai","input_cost_per_token":1e-6,
                                        "output_cost_per_token":2e-6}})"));
  world.limit(1'000'000'000);
  world.open();
  world.run(refuses(world));
}

TEST_CASE("a call does not go on to an upstream whose prices its reservation does not pay") {
  World world;
  world.settings.upstreams.push_back(world.settings.upstreams.front());
  world.settings.upstreams.back().name = "dear";
  world.settings.upstreams.back().provider = "groq";
  world.settings.routes.front().targets = {{.upstream = "up", .order = 1}, {.upstream = "dear", .order = 2}};
  world.settings.prices = std::make_shared<const meter::PriceBook>(*meter::PriceBook::parse(
      R"({"m":{"litellm_provider":"openai","input_cost_per_token":1e-6,"output_cost_per_token":2e-6},
          "groq/m":{"litellm_provider":"groq","input_cost_per_token":3e-6,"output_cost_per_token":6e-6}})"));
  world.limit(1'000'000'000);
  world.answers(R"({"error":{"message":"no"}})", "503 Service Unavailable");
  world.open();
  world.run(stays_at_the_first(world));
}

TEST_CASE("a call is reserved and settled by the prices of its start") {
  World world;
  const base::WallTime start = world.clock.wall_now();
  const auto book_from = [](base::WallTime from) {
    return std::make_shared<const meter::PriceBook>(*meter::PriceBook::parse(fmt::format(
        R"({{"m": {{"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "max_output_tokens": 10, "effective":
             [{{"from": "{}", "input_cost_per_token": 3e-06, "output_cost_per_token": 5e-06}}]}}}})",
        base::to_rfc3339(from))));
  };
  // The dearer prices begin a moment later, before the answer comes.
  world.settings.prices = book_from({start.ms + 1});
  world.limit(1'000'000'000);
  world.answers(answer(""));
  world.upstream.on_request = [&world] { world.pass(50); };
  world.open();
  world.run(books(world, {.cost = tokens_cost}));

  World later;
  later.settings.prices = book_from(later.clock.wall_now());
  book(later, "", {.cost = 20 * 3'000 + 5 * 5'000});
}

TEST_CASE("a call is priced by the book that its account chooses, and its record says so") {
  const auto with_books = [](World& world, std::string_view name) {
    world.account.book = catalog::BookName::of(name);
    world.settings.books.push_back({catalog::BookName::of("contract"),
                                    std::make_shared<const meter::PriceBook>(*meter::PriceBook::parse(
                                        R"({"version": "contract@7", "models": {"m": {"input_cost_per_token": 7e-06,
                 "output_cost_per_token": 1e-06, "max_output_tokens": 10}}})"))});
    world.limit(1'000'000'000);
    world.answers(answer(""));
    world.open();
  };
  World contract;
  with_books(contract, "contract");
  contract.run(books(contract, {.cost = 20 * 7'000 + 5 * 1'000}));
  CHECK(contract.records()[0].price_version == "contract@7");

  World standard;
  with_books(standard, "default");
  standard.run(books(standard, {.cost = tokens_cost}));
  CHECK(standard.records()[0].price_version == "test");

  World dropped;
  with_books(dropped, "gone");
  const auto refused = [](World& world) -> Task<void> {
    const Reply reply = co_await ask(world, world.call(question));
    CHECK(reply.status() == 503);
    CHECK(reply.error("message").contains("'gone', which the configuration does not have"));
  };
  dropped.run(refused(dropped));
  CHECK(dropped.upstream.requests.empty());
}
