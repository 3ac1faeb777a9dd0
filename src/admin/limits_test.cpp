// What may be told of a limit beyond its amount: which calls it is for, and how it holds.
#include "admin/world_test.h"

using namespace admin::testing;

TEST_CASE("a limit says which calls it is for, and that never changes") {
  World world;
  world.options.routes = {"openai", "images"};
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1"})",
       201,
       {R"("model":null,"route":null,"mode":"enforce","admission":"reserve")"}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1","model":"gpt-4o*","route":"openai"})",
       201,
       {R"("name":"1 usd per day, model gpt-4o*, route openai")", R"("model":"gpt-4o*","route":"openai")"},
       "limit"},
      {"GET /api/v1/limits/{limit}", "", 200, {R"("model":"gpt-4o*","route":"openai")"}},
      {"PATCH /api/v1/limits/{limit}", R"({"amount":"2"})", 200, {R"("name":"2 usd per day, model gpt-4o*, )"}},
      {"PATCH /api/v1/limits/{limit}", R"({"model":"o1"})", 400, {R"("field":"model")", "create another"}},
      {"PATCH /api/v1/limits/{limit}", R"({"route":"images"})", 400, {R"("field":"route")", "create another"}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1","route":"open"})",
       400,
       {"there is no route 'open'; the configuration has: openai, images", R"("field":"route")"}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1","model":""})",
       400,
       {"'model' is empty; leave it out", R"("field":"model")"}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1","model":"gpt-[45]"})",
       400,
       {"no wildcard here", R"("field":"model")"}},
  });
  // Without a configuration at hand nobody knows the routes.
  world.options.routes.reset();
  world.play({{"POST /api/v1/limits",
               R"({"account":"Acme","unit":"usd","window":"day","amount":"1","route":"r"})",
               201,
               {R"("route":"r")"}}});
}

TEST_CASE("a limit may only count, or be lazy, and that may change") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1","mode":"shadow","admission":"lazy"})",
       201,
       {R"("mode":"shadow","admission":"lazy")"},
       "limit"},
      {"PATCH /api/v1/limits/{limit}", R"({"mode":"enforce"})", 200, {R"("mode":"enforce","admission":"lazy")"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"admission":"reserve"})",
       200,
       {R"("mode":"enforce","admission":"reserve")"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"mode":"observe"})",
       400,
       {"'mode' is 'observe'; it is 'enforce' or 'shadow'", R"("field":"mode")"}},
      {"PATCH /api/v1/limits/{limit}", R"({"admission":true})", 400, {R"("field":"admission")"}},
      {"PATCH /api/v1/limits/{limit}", R"({"admission":"eager"})", 400, {"it is 'reserve' or 'lazy'"}},
      {"GET /api/v1/limits/{limit}", "", 200, {R"("mode":"enforce","admission":"reserve")"}},
  });
}
