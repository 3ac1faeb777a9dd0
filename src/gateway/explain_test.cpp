// What explain says of a call is what becomes of it: each case is explained, and then made.
#include "gateway/explain.h"

#include <doctest/doctest.h>

#include "gateway/world_test.h"
#include "quota/counting.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;
using quota::CallVerdict;
using quota::LimitVerdict;

namespace {

std::string question(std::string_view model, int max_tokens) {
  return fmt::format(R"({{"model":"{}","messages":[{{"role":"user","content":"hi"}}],"max_tokens":{}}})", model,
                     max_tokens);
}
const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}})";

// A model at 1 and 2 dollars per million tokens.
void open_with_prices(World& world) {
  world.settings.prices = test_prices({"gpt-4o"});
  world.open();
}

// `held`: what others have reserved of each limit.
quota::Explanation explain(World& world, const quota::ImaginedCall& call, std::int64_t held = 0) {
  // The keeper's own numbers wait for its thread, which is this one.
  class Numbers final : public quota::Inspector {
   public:
    Numbers(World& world, std::int64_t held) : world_(world), held_(held) {}
    base::Result<std::vector<quota::FiveNumbers>> numbers(const std::vector<catalog::Limit>& limits) override {
      (void)world_.records();  // what was settled is in the store
      std::vector<quota::FiveNumbers> out;
      const base::WallTime now = world_.clock.wall_now();
      for (const catalog::Limit& limit : limits) {
        const auto state = world_.state(limit);
        const base::Window window = base::window_at(limit.window, now);
        out.push_back({.amount = state.amount,
                       .available = std::max<std::int64_t>(0, state.amount - state.spent - state.unresolved - held_),
                       .reserved = held_,
                       .unresolved = state.unresolved,
                       .spent = state.spent,
                       .window = window,
                       .resets_at = quota::resets_at(limit.window, window, state)});
      }
      return out;
    }

   private:
    World& world_;
    const std::int64_t held_;
  } numbers(world, held);
  Explainer explainer({world.settings, numbers, world.clock, [] { return std::string(); }});
  return *explainer.explain(*world.snapshot->find_key(base::sha256(world.secret)), call);
}

Task<void> admitted(World& world) {
  const std::string body = question("gpt-4o", 10);
  const auto said = explain(world, {.body = body});
  CHECK(said.verdict == CallVerdict::admitted);
  CHECK(said.limits.at(0).verdict == LimitVerdict::admits);
  CHECK(said.limits.at(1).verdict == LimitVerdict::does_not_apply);
  CHECK(said.limits.at(2).verdict == LimitVerdict::counts);
  CHECK_FALSE(said.decided_by);
  world.answers(answer);
  const Reply reply = co_await ask(world, world.call(body));
  CHECK(reply.status() == 200);
  REQUIRE(said.worst_case);
  CHECK(reply.field("X-Estimated-Cost") == said.worst_case->usd.to_usd());
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  for (const events::Hold& hold : records[0].holds)
    if (hold.limit == said.limits[0].limit.id) CHECK(hold.reserved == said.limits[0].required);
}

Task<void> clamped(World& world) {
  const std::string body = question("gpt-4o", 1000);
  const auto said = explain(world, {.body = body});
  CHECK(said.verdict == CallVerdict::clamped);
  REQUIRE(said.clamped_to);
  CHECK(said.decided_by == world.limits[1].id);
  CHECK(said.limits.at(0).verdict == LimitVerdict::clamps);
  CHECK(said.limits.at(1).verdict == LimitVerdict::clamps);
  CHECK(*said.limits[0].output_cap > *said.limits[1].output_cap);
  CHECK(said.limits[1].output_cap == said.clamped_to);
  world.answers(answer);
  const Reply reply = co_await ask(world, world.call(body));
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Output-Clamped") == std::to_string(*said.clamped_to));
  CHECK(reply.field("X-Estimated-Cost") == said.clamped_worst_case->usd.to_usd());
}

Task<void> refused(World& world, std::string body) {
  const auto said = explain(world, {.body = body});
  CHECK(said.verdict == CallVerdict::refused);
  const Reply reply = co_await ask(world, world.call(body));
  REQUIRE(said.error);
  CHECK(reply.status() == said.status);
  CHECK(reply.error("type") == base::to_string(said.error->type));
  CHECK(reply.error("message") == said.error->message);
  if (said.decided_by) CHECK(reply.error().find("limit")->find("id")->text() == said.decided_by->to_string());
  CHECK(world.upstream.requests.empty());
}

}  // namespace

TEST_CASE("a call that explain calls admitted is admitted, and holds what was said") {
  World world;
  world.limit(1'000'000);
  world.limit(0, catalog::LimitUnit::requests).filter.model = "o1*";
  world.limit(0).mode = catalog::LimitMode::shadow;
  open_with_prices(world);
  world.run(admitted(world));
}

TEST_CASE("a call that explain calls clamped gets the cap that was said, of the limit that was named") {
  World world;
  world.limit(1'500'000);
  world.limit(1'000'000);
  open_with_prices(world);
  world.run(clamped(world));
}

TEST_CASE("a call that explain calls refused is refused by that limit, in the same words") {
  World world;
  world.limit(1'000'000'000);
  catalog::Limit& limit = world.limit(100'000);
  limit.clamp = catalog::Clamp::off;
  limit.refusal_status = 429;
  open_with_prices(world);
  world.run(refused(world, question("gpt-4o", 1000)));
}

TEST_CASE("a lazy limit that is spent, and a threshold that blocks, are said and done") {
  for (const bool lazy : {true, false}) {
    World world;
    catalog::Limit& limit = world.limit(0);
    if (lazy) limit.admission = catalog::LimitAdmission::lazy;
    if (!lazy) limit.thresholds = {{50, catalog::ThresholdAction::block}};
    open_with_prices(world);
    world.run(refused(world, question("gpt-4o", 10)));
  }
}

TEST_CASE("a model without a price, and a body that cannot be bounded, are said and done") {
  World world;
  world.limit(1'000'000);
  open_with_prices(world);
  world.run(refused(world, question("gpt-5", 10)));
  World other;
  open_with_prices(other);
  other.run(refused(other, R"({"model":"gpt-4o","messages":[],"web_search_options":{}})"));
}

TEST_CASE("where only others' reservations stand in the way, explain says that the limit is busy") {
  World world;
  world.limit(1'000'000).clamp = catalog::Clamp::off;
  open_with_prices(world);
  const auto said = explain(world, {.model = "gpt-4o", .max_tokens = 10, .input_tokens = 5}, 999'999);
  CHECK(said.verdict == CallVerdict::refused);
  REQUIRE(said.error);
  CHECK(said.error->type == base::ErrorType::limit_busy);
  CHECK(said.limits.at(0).verdict == LimitVerdict::busy);
  CHECK(said.worst_case == quota::Amounts{base::Money::from_nanos(25'000), 5, 10, 1});
}

namespace {

// Some nine hundred tokens in some five thousand bytes.
Task<void> counted_where_the_bytes_are_too_many(World& world) {
  std::string text;
  for (int i = 0; i < 900; ++i) text += "word ";
  const std::string body =
      fmt::format(R"({{"model":"gpt-4o","max_tokens":10,"messages":[{{"role":"user","content":"{}"}}]}})", text);
  const auto said = explain(world, {.body = body});
  CHECK(said.verdict == CallVerdict::admitted);
  world.answers(answer);
  const Reply reply = co_await ask(world, world.call(body));
  CHECK(reply.status() == 200);
  REQUIRE(said.worst_case);
  CHECK(reply.field("X-Estimated-Cost") == said.worst_case->usd.to_usd());
  CHECK(said.worst_case->input_tokens < 1'500);
}

}  // namespace

TEST_CASE("an input that is too much by its bytes is counted before it is refused, or shortened") {
  World world;
  world.limit(2'000'000);
  open_with_prices(world);
  world.run(counted_where_the_bytes_are_too_many(world));
}

TEST_CASE("what a key is not for is refused, whatever the route asks for in the model's place") {
  for (const auto& [model, refused] : {std::pair{"gpt-4o", false}, std::pair{"other", true}}) {
    World world;
    world.key_scope.models = {model};
    world.settings.routes.front().targets.front().models = {{"gpt-4o", "other"}};
    world.settings.prices = test_prices({"gpt-4o", "other"});
    world.open();
    const auto said = explain(world, {.model = "gpt-4o", .max_tokens = 10});
    CHECK((said.verdict == CallVerdict::refused) == refused);
    CHECK(said.error.has_value() == refused);
    if (refused) CHECK(said.error->type == base::ErrorType::forbidden);
  }
}

TEST_CASE("a route that is not there is a mistake in the question") {
  World world;
  open_with_prices(world);
  class Nothing final : public quota::Inspector {
    base::Result<std::vector<quota::FiveNumbers>> numbers(const std::vector<catalog::Limit>&) override {
      return std::vector<quota::FiveNumbers>();
    }
  } nothing;
  Explainer explainer({world.settings, nothing, world.clock});
  const catalog::KeyEntry key = *world.snapshot->find_key(base::sha256(world.secret));
  CHECK(explainer.explain(key, {.route = "other", .model = "gpt-4o"}).error().field == "route");
  world.settings.routes.push_back(
      {.name = "second", .prefix = "/second", .targets = {{.upstream = "up"}}, .timeouts = {}});
  CHECK(explainer.explain(key, {.model = "gpt-4o"}).error().message ==
        "say which route the call takes; the configuration has: route, second");
  CHECK(explainer.explain(key, {.route = "second", .model = "gpt-4o"})->route == "second");
  world.settings.routes.clear();
  CHECK(explainer.explain(key, {.model = "gpt-4o"}).error().message.contains("has no route"));
}
