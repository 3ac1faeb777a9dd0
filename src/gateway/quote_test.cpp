// A quote that is held, and the call that pays with it.
#include <doctest/doctest.h>

#include "gateway/explain.h"
#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}})";

std::string question(int max_tokens) {
  return fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"hi"}}],"max_tokens":{}}})", max_tokens);
}

// As the admin API has it held, by a keeper whose thread this is.
quota::HeldCall hold(World& world, int max_tokens, std::int64_t ttl_ms = 60'000) {
  // The five numbers as the store has them: nothing is under way.
  class Numbers final : public quota::Inspector {
   public:
    explicit Numbers(World& world) : world_(world) {}
    base::Result<std::vector<quota::FiveNumbers>> numbers(const std::vector<catalog::Limit>& limits) override {
      std::vector<quota::FiveNumbers> out;
      const base::WallTime now = world_.clock.wall_now();
      for (const catalog::Limit& limit : limits) {
        const auto state = world_.state(limit);
        out.push_back({.amount = state.amount,
                       .available = state.amount - state.spent - state.unresolved - state.quoted,
                       .reserved = state.quoted,
                       .unresolved = state.unresolved,
                       .spent = state.spent,
                       .window = base::window_at(limit.window, now)});
      }
      return out;
    }

   private:
    World& world_;
  } numbers(world);
  const auto decide = [&](quota::Waiter waiter) {
    std::optional<quota::Decision> decided;
    waiter.decided = [&](quota::Decision decision) { decided.emplace(std::move(decision)); };
    world.keeper->submit(std::move(waiter));
    world.keeper->turn();
    REQUIRE(decided.has_value());
    return std::move(*decided);
  };
  Explainer explainer({world.settings, numbers, world.clock, [] { return std::string(); }, world.random, decide});
  const auto held =
      explainer.hold(*world.snapshot->find_key(base::sha256(world.secret)), {.body = question(max_tokens)}, ttl_ms);
  REQUIRE(held.has_value());
  return *held;
}

std::string paying(World& world, const std::string& quote, int max_tokens) {
  return world.call(question(max_tokens), fmt::format("X-Metergate-Quote: {}\r\n", quote));
}

Task<void> pays_once(World& world) {
  const auto held = hold(world, 100);
  REQUIRE(held.quote.has_value());
  const std::string id = held.quote->id.to_string();
  const std::int64_t worst = held.explanation.worst_case->usd.nanos();
  CHECK(world.state(world.limits[0]).quoted == worst);
  // Nothing else fits now.
  world.store
      .put([&] {
        catalog::Limit lowered = world.limits[0];
        lowered.amount = worst;
        return lowered;
      }())
      .value();
  const Reply without = co_await ask(world, world.call(question(100)));
  CHECK(without.status() == 429);
  CHECK(without.error("type") == "limit_busy");

  world.answers(answer);
  const Reply reply = co_await ask(world, paying(world, id, 100));
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Estimated-Cost") == held.explanation.worst_case->usd.to_usd());
  REQUIRE(world.upstream.requests.size() == 1);
  CHECK(world.upstream.requests[0].find("x-metergate-quote") == nullptr);
  const Reply again = co_await ask(world, paying(world, id, 100));
  CHECK(again.status() == 422);
  CHECK(again.error("type") == "quote_not_usable");
  CHECK(again.error("param") == "X-Metergate-Quote");
  CHECK(again.error("message").contains("was redeemed already"));
  CHECK(again.field("x-should-retry") == "false");
  CHECK(world.upstream.requests.size() == 1);
  const auto records = world.records();
  REQUIRE(records.size() == 3);
  CHECK(world.state(world.limits[0]).spent == 30'000);
  CHECK(world.state(world.limits[0]).quoted == 0);
}

Task<void> is_not_shortened(World& world) {
  const auto held = hold(world, 100);
  const Reply reply = co_await ask(world, paying(world, held.quote->id.to_string(), 101));
  CHECK(reply.status() == 422);
  CHECK(reply.error("message").contains("and this call may need"));
  CHECK(world.upstream.requests.empty());
  CHECK(world.state(world.limits[0]).quoted > 0);
  world.answers(answer);
  const Reply shorter = co_await ask(world, paying(world, held.quote->id.to_string(), 50));
  CHECK(shorter.status() == 200);
  CHECK(world.state(world.limits[0]).quoted == 0);
}

Task<void> goes_back_unsent(World& world) {
  const auto held = hold(world, 100);
  const Reply reply = co_await ask(world, paying(world, held.quote->id.to_string(), 100));
  CHECK(reply.status() == 502);
  (void)world.records();
  CHECK(world.state(world.limits[0]).quoted == 0);
  CHECK(world.state(world.limits[0]).spent == 0);
  CHECK(world.state(world.limits[0]).unresolved == 0);
}

Task<void> malformed(World& world) {
  const std::string one = "0195b1c0-7a2e-7c31-9d55-3f1a4be2c701";
  struct Row {
    std::string fields;
    int status;
    std::string says;
  };
  for (const Row& row :
       {Row{"X-Metergate-Quote: none\r\n", 400, "'X-Metergate-Quote: none' is not the id of a quote"},
        Row{"X-Metergate-Quote: \r\n", 400, "is not the id of a quote"},
        Row{"X-Metergate-Quote: " + one + "\r\nX-Metergate-Quote: " + one + "\r\n", 400, "is there twice"},
        Row{"X-Metergate-Quote: " + one + "\r\n", 422, "there is no quote " + one}}) {
    CAPTURE(row.fields);
    const Reply reply = co_await ask(world, world.call(question(10), row.fields));
    CHECK(reply.status() == row.status);
    CHECK(reply.error("param") == "X-Metergate-Quote");
    CHECK(reply.error("message").contains(row.says));
  }
  const Reply models =
      co_await ask(world, fmt::format("GET /v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n"
                                      "X-Metergate-Quote: {}\r\n\r\n",
                                      world.secret, one));
  CHECK(models.status() == 400);
  CHECK(models.error("message").contains("pays for a call that costs something"));
  CHECK(world.upstream.requests.empty());
}

}  // namespace

TEST_CASE("a held quote pays for one call, whatever its limit has left") {
  World world;
  world.limit(1'000'000).clamp = catalog::Clamp::off;
  world.settings.admission_wait_ms = 0;
  world.open();
  world.run(pays_once(world));
}

TEST_CASE("a call that may need more than its quote holds is refused, not shortened; one that needs less pays less") {
  World world;
  world.limit(1'000'000);
  world.open();
  world.run(is_not_shortened(world));
}

TEST_CASE("a call that pays with a quote and is not sent gives all of it back") {
  World world;
  world.limit(1'000'000);
  world.settings.upstreams.back().port = 1;  // nobody listens there
  world.open();
  world.run(goes_back_unsent(world));
}

TEST_CASE("a quote that is no quote is refused by name") {
  World world;
  world.limit(1'000'000);
  world.open();
  world.run(malformed(world));
}

TEST_CASE("what would be refused is not held; what would be shortened is held as it would be sent") {
  World world;
  world.limit(500'000);
  world.open();
  const auto shortened = hold(world, 1'000);
  REQUIRE(shortened.quote.has_value());
  REQUIRE(shortened.explanation.clamped_to.has_value());
  CHECK(world.state(world.limits[0]).quoted == shortened.explanation.clamped_worst_case->usd.nanos());
  const auto refused = hold(world, 1'000);
  CHECK_FALSE(refused.quote.has_value());
  CHECK(refused.explanation.status == 402);
}

TEST_CASE("where no gateway runs nothing can be held") {
  World world;
  world.limit(1'000'000);
  world.open();
  class None final : public quota::Inspector {
   public:
    base::Result<std::vector<quota::FiveNumbers>> numbers(const std::vector<catalog::Limit>&) override {
      return base::fail(base::ErrorType::internal, "is not asked");
    }
  } numbers;
  Explainer explainer({world.settings, numbers, world.clock});
  const auto held = explainer.hold(*world.snapshot->find_key(base::sha256(world.secret)), {.model = "m"}, 1'000);
  REQUIRE_FALSE(held.has_value());
  CHECK(held.error().type == base::ErrorType::unavailable);
}
