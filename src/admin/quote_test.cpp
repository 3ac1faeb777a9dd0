// What a quote expects of a call is derived from what calls did cost, and says so; nothing is made up.
#include "admin/world_test.h"

using namespace admin::testing;

namespace {

events::UsageRecord call_that_cost(std::int64_t cost, std::int64_t worst_case) {
  events::UsageRecord record;
  record.started = {1'795'219'200'000};
  record.upstream = "openai";
  record.usage = meter::Usage{.input_tokens = 1, .output_tokens = 1};
  record.cost = base::Money::from_nanos(cost);
  record.estimate = base::Money::from_nanos(worst_case);
  return record;
}

void open(World& world) {
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
              {"POST /api/v1/keys", R"({"name":"alice","account":"Acme"})", 201, {}, "key"}});
  quota::Explanation said{.verdict = quota::CallVerdict::admitted, .route = "openai", .model = "gpt-4o"};
  said.worst_case = quota::Amounts{base::Money::from_nanos(1'000), 5, 100, 1};
  world.explainer.answer = said;
}

constexpr const char* asked = R"({"key":"alice","model":"gpt-4o","max_tokens":100})";

}  // namespace

TEST_CASE("a quote says the worst case, and expects of it the share that such calls did cost") {
  World world;
  open(world);
  for (int i = 0; i < 9; ++i) world.usage.all.push_back(call_that_cost(10, 100));
  world.usage.all.push_back(call_that_cost(11, 100));
  world.usage.all.back().started.ms -= 60'000;
  world.play({{"POST /api/v1/quote",
               asked,
               200,
               {R"("verdict":"admitted")", R"("worst_case":{"usd":"0.000001")",
                R"("expected":{"usd":"0.000000101","derived_from":{"calls_of":"key","calls":10,)"
                R"("since":"2026-11-20T23:59:00.000Z","cost":"0.000000101","worst_case":"0.000001"},)"
                R"("unknown_because":null})"}}});
  CHECK(world.usage.asked.model == "gpt-4o");
  CHECK(world.usage.asked.key.has_value());
  CHECK(world.usage.asked.from == base::WallTime{world.clock.wall_now().ms - 30 * 86'400'000LL});
}

TEST_CASE("of a call that would be shortened, the share is of what it is then held for, rounded up") {
  World world;
  open(world);
  for (int i = 0; i < 10; ++i) world.usage.all.push_back(call_that_cost(1, 3));
  world.explainer.answer->clamped_to = 50;
  world.explainer.answer->clamped_worst_case = quota::Amounts{base::Money::from_nanos(500), 5, 50, 1};
  world.play({{"POST /api/v1/quote", asked, 200, {R"("expected":{"usd":"0.000000167")"}}});
}

TEST_CASE("where too little is known the expected cost is null, and says why") {
  World world;
  open(world);
  for (int i = 0; i < 9; ++i) world.usage.all.push_back(call_that_cost(10, 100));
  // None of these tells what calls cost.
  auto failed = call_that_cost(10, 100);
  failed.outcome = events::Outcome::failed;
  auto uncertain = call_that_cost(10, 100);
  uncertain.usage->certainty = meter::Certainty::at_least;
  auto replayed = call_that_cost(0, 0);
  replayed.upstream.clear();
  for (const auto& record : {failed, uncertain, replayed}) world.usage.all.push_back(record);
  world.play({{"POST /api/v1/quote",
               asked,
               200,
               {R"("expected":{"usd":null,"derived_from":null,"unknown_because":)",
                "there are 9 calls of 'gpt-4o' in the last 30 days whose cost is known; 10 are needed"}}});
  CHECK_FALSE(world.usage.asked.key.has_value());  // everybody's were looked at, too
  world.explainer.answer->worst_case.reset();
  world.play({{"POST /api/v1/quote", asked, 200, {R"("unknown_because":"the call has no price")"}}});
}

TEST_CASE("a quote is asked as an explanation is, and holds nothing") {
  World world;
  open(world);
  world.play({{"POST /api/v1/quote", R"({"key":"alice"})", 400, {R"("field":"model")"}},
              {"POST /api/v1/quote", R"({"key":"alice","model":"m","hold":true})", 400, {R"("field":"hold")"}}});
}
