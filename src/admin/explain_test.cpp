// How explain is asked, and how its answer is written; what it finds is gateway/explain_test.cpp's.
#include "admin/world_test.h"

using namespace admin::testing;

namespace {

void with_key(World& world) {
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
              {"POST /api/v1/keys", R"({"name":"alice","account":"Acme"})", 201, {}, "key"},
              {"POST /api/v1/limits", R"({"key":"alice","unit":"usd","window":"day","amount":"1"})", 201, {}, "own"},
              {"POST /api/v1/limits",
               R"({"account":"Acme","unit":"requests","window":"day","amount":"9"})",
               201,
               {},
               "above"}});
}

quota::ExplainedLimit explained(const World& world, std::size_t index, quota::LimitVerdict verdict) {
  const catalog::Limit& limit = world.catalog->current()->limits()[static_cast<catalog::Slot>(index)];
  return {.limit = limit,
          .numbers = {.amount = limit.amount, .available = limit.amount, .window = {}},
          .verdict = verdict,
          .required = 7};
}

}  // namespace

TEST_CASE("an explanation names the verdict, the limit that decides and what each limit says") {
  World world;
  with_key(world);
  quota::Explanation said{.verdict = quota::CallVerdict::clamped, .route = "openai", .model = "gpt-4o"};
  said.decided_by = world.catalog->current()->limits()[0].id;
  said.output_cap = 100;
  said.worst_case = quota::Amounts{base::Money::from_nanos(7), 5, 100, 1, {}, {{"images", 5}}};
  said.clamped_to = 50;
  said.clamped_worst_case = quota::Amounts{base::Money::from_nanos(4), 5, 50, 1};
  said.limits = {explained(world, 0, quota::LimitVerdict::clamps),
                 explained(world, 1, quota::LimitVerdict::does_not_apply)};
  said.limits[0].output_cap = 50;
  world.explainer.answer = said;
  world.play({{"POST /api/v1/explain",
               R"({"key":"alice","model":"gpt-4o","max_tokens":100,"input_tokens":5})",
               200,
               {R"("verdict":"admitted_clamped","status":200,"message":null)", R"("decided_by":"{own}")",
                R"("worst_case":{"usd":"0.000000007","tokens":105,"input_tokens":5,"output_tokens":100,"requests":1,)"
                R"("units":{"images":5}})",
                R"("clamped_to":50,"clamped_worst_case":{"usd":"0.000000004")",
                R"("subject_name":"alice","verdict":"clamps","required":"0.000000007",)"
                R"("required_if_clamped":"0.000000004","output_cap":50)",
                R"("subject_name":"Acme","verdict":"does_not_apply","required":null,)"
                R"("required_if_clamped":null,"output_cap":null)"}}});
  CHECK(world.explainer.asked.back().max_tokens == 100);
  CHECK(world.explainer.asked.back().input_tokens == 5);
}

TEST_CASE("an explanation of a refusal carries the type, the status and the words of the call's own") {
  World world;
  with_key(world);
  quota::Explanation said{.route = "openai", .model = "gpt-9"};
  said.error = base::Error{base::ErrorType::unknown_price, base::Source::client, "no price", "model"};
  said.status = 400;
  said.limits = {explained(world, 0, quota::LimitVerdict::admits)};
  world.explainer.answer = said;
  world.play({{"POST /api/v1/explain",
               R"({"key":"{key}","model":"gpt-9"})",
               200,
               {R"("verdict":"unknown_price","status":400,"message":"no price","field":"model")",
                R"("worst_case":null)", R"("verdict":null,"required":null)"}}});
}

TEST_CASE("a body goes on byte for byte, and messages as a body of their own") {
  World world;
  with_key(world);
  world.explainer.answer = quota::Explanation{.verdict = quota::CallVerdict::admitted};
  world.play({{"POST /api/v1/explain", R"({"key":"alice","body":"{ \"model\" : 1 }","model":"m"})", 200, {}}});
  CHECK(world.explainer.asked.back().body == R"({ "model" : 1 })");
  CHECK(world.explainer.asked.back().model == "m");
  world.play({{"POST /api/v1/explain",
               R"({"key":"alice","model":"m","messages":[{"role":"user","content":"hé"}]})",
               200,
               {}}});
  CHECK(world.explainer.asked.back().body == R"({"model":"m","messages":[{"role":"user","content":"hé"}]})");
}

TEST_CASE("a question that is not one is refused by its field") {
  World world;
  with_key(world);
  const auto asked = [&](const char* body, const char* field) {
    world.play({{"POST /api/v1/explain", body, 400, {fmt::format(R"("field":"{}")", field)}}});
  };
  asked(R"({"model":"m"})", "key");
  asked(R"({"key":"alice"})", "model");
  asked(R"({"key":"alice","model":"m","max_tokens":0})", "max_tokens");
  asked(R"({"key":"alice","model":"m","input_tokens":-1})", "input_tokens");
  asked(R"({"key":"alice","model":"m","input_tokens":1,"body":"{}"})", "body");
  asked(R"({"key":"alice","model":"m","input_tokens":1,"messages":[]})", "body");
  asked(R"({"key":"alice","model":"m","max_token":1})", "max_token");
  world.play({{"POST /api/v1/explain", R"({"key":"bob","model":"m"})", 404, {R"("field":"key")"}},
              {"GET /api/v1/explain", "", 405, {}}});
  CHECK(world.explainer.asked.empty());
}
