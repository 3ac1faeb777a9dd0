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

TEST_CASE("a quote is asked as an explanation is, and holds nothing unless told") {
  World world;
  open(world);
  world.play({{"POST /api/v1/quote", R"({"key":"alice"})", 400, {R"("field":"model")"}},
              {"POST /api/v1/quote", asked, 200, {R"("held":null)"}},
              {"POST /api/v1/quote", R"({"key":"alice","model":"m","hold":false})", 200, {R"("held":null)"}},
              {"POST /api/v1/explain", R"({"key":"alice","model":"m","hold":true})", 400, {R"("field":"hold")"}}});
  CHECK(world.explainer.held_for_ms == 0);
}

TEST_CASE("a quote that is held says until when, and what of which limit") {
  World world;
  open(world);
  world.play(
      {{"POST /api/v1/limits", R"({"key":"alice","unit":"usd","window":"day","amount":"1"})", 201, {}, "limit"}});
  const auto limit = *base::LimitId::parse(world.saved["limit"]);
  const auto snapshot = world.catalog->current();
  world.explainer.answer->limits.push_back({.limit = *snapshot->find_limit(limit), .numbers = {.window = {}}});
  const base::WallTime now = world.clock.wall_now();
  world.explainer.quote = quota::Quote{.id = {limit.uuid},
                                       .key = {},
                                       .created = now,
                                       .expires = {now.ms + 600'000},
                                       .parts = {{.counter = {limit, {0}}, .amount = 1'000}}};
  const auto ask = [](std::string_view more) {
    return fmt::format(R"({{"key":"alice","model":"gpt-4o","hold":true{}}})", more);
  };
  world.play({{"POST /api/v1/quote",
               ask(R"(,"ttl_seconds":600)"),
               201,
               {R"("verdict":"admitted")", R"("held":{"id":"{limit}","created":"2026-11-21T)",
                R"("limits":[{"limit":"{limit}",)", R"("unit":"usd")", R"("amount":"0.000001"}],"balance":null})"}}});
  CHECK(world.explainer.held_for_ms == 600'000);
  world.play({{"POST /api/v1/quote", ask(""), 400, {R"("field":"ttl_seconds")", "1 to 3600 seconds"}},
              {"POST /api/v1/quote", ask(R"(,"ttl_seconds":0)"), 400, {"'ttl_seconds' is 0; it is 1 to 3600"}},
              {"POST /api/v1/quote", ask(R"(,"ttl_seconds":3601)"), 400, {"'ttl_seconds' is 3601; it is 1 to 3600"}},
              {"POST /api/v1/quote", ask(R"(,"ttl_seconds":3600)"), 201, {}},
              {"POST /api/v1/quote", ask(R"(,"ttl_seconds":1)"), 201, {}},
              {"POST /api/v1/quote",
               R"({"key":"alice","model":"m","ttl_seconds":60})",
               400,
               {"'ttl_seconds' is for a quote that is held; set 'hold' to true"}}});
}

TEST_CASE("where a call would be refused nothing is held, and the refusal is the answer") {
  World world;
  open(world);
  world.explainer.answer->verdict = quota::CallVerdict::refused;
  world.explainer.answer->status = 402;
  world.explainer.answer->error =
      base::Error{base::ErrorType::limit_reached, base::Source::client, "the limit has nothing left", {}};
  world.play({{"POST /api/v1/quote",
               R"({"key":"alice","model":"gpt-4o","hold":true,"ttl_seconds":60})",
               402,
               {"limit_reached", "nothing is held: the limit has nothing left"}}});
}
