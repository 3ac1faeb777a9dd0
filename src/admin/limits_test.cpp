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
       {R"("model":null,"route":null,"tag":null,"mode":"enforce","admission":"reserve")"}},
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

TEST_CASE("a limit has thresholds, sorted, and an edit replaces them all") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1",
           "thresholds":[{"percent":100,"action":"block"},{"percent":80,"action":"warn"}]})",
       201,
       {R"("thresholds":[{"percent":80,"action":"warn"},{"percent":100,"action":"block"}])"},
       "limit"},
      {"PATCH /api/v1/limits/{limit}", R"({"amount":"2"})", 200, {R"("percent":80)"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"thresholds":[{"percent":5,"action":"warn"}]})",
       200,
       {R"("thresholds":[{"percent":5,"action":"warn"}])"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"thresholds":[{"percent":5,"action":"downgrade"}]})",
       400,
       {"'downgrade' is not available yet", R"("field":"thresholds[0].action")"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"thresholds":[{"percent":5,"action":"mail"}]})",
       400,
       {"'mail' is not an action", R"("field":"thresholds[0].action")"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"thresholds":[{"percent":0,"action":"warn"}]})",
       400,
       {R"("field":"thresholds[0].percent")"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"thresholds":[{"action":"warn"}]})",
       400,
       {"'thresholds[0].percent' is missing"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"thresholds":[{"percent":5,"action":"warn","at":1}]})",
       400,
       {"'thresholds[0].at' is not a known field"}},
      {"PATCH /api/v1/limits/{limit}",
       R"({"thresholds":[{"percent":5,"action":"warn"},{"percent":5,"action":"block"}]})",
       400,
       {"two thresholds at 5%"}},
      {"PATCH /api/v1/limits/{limit}", R"({"thresholds":{"percent":5}})", 400, {"must be a list"}},
      {"GET /api/v1/limits/{limit}", "", 200, {R"("thresholds":[{"percent":5,"action":"warn"}])"}},
      {"PATCH /api/v1/limits/{limit}", R"({"thresholds":[]})", 200, {R"("thresholds":[])"}},
  });
}

TEST_CASE("a limit is raised to more than it is, for a time that lies ahead") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":"1"})",
       201,
       {R"("raise":null)"},
       "limit"},
      {"PUT /api/v1/limits/{limit}/raise",
       R"({"amount":"2.5","until":"2026-11-22T00:00:00Z"})",
       200,
       {R"("raise":{"amount":"2.5","until":"2026-11-22T00:00:00.000Z","from":"1"})"}},
      {"PUT /api/v1/limits/{limit}/raise",
       R"({"amount":"1","until":"2026-11-22T00:00:00Z"})",
       400,
       {"a raise to 1 is none: the limit's amount is 1", R"("field":"amount")"}},
      {"PUT /api/v1/limits/{limit}/raise",
       R"({"amount":"2","until":"2026-11-21T04:06:00Z"})",
       400,
       {"which is past", R"("field":"until")"}},
      {"PUT /api/v1/limits/{limit}/raise", R"({"amount":"2","until":"tomorrow"})", 400, {R"("field":"until")"}},
      {"PUT /api/v1/limits/{limit}/raise", R"({"amount":"2"})", 400, {"until"}},
      {"PUT /api/v1/limits/{limit}/raise", R"({"until":"2026-11-22T00:00:00Z"})", 400, {"'amount' is missing"}},
      {"GET /api/v1/limits/{limit}", "", 200, {R"("raise":{"amount":"2.5")"}},
      {"DELETE /api/v1/limits/{limit}/raise", "", 200, {R"("raise":null)"}},
      {"PUT /api/v1/limits/0190a6d2-7c1e-7f3a-9b52-3f1f0d6c1a2d/raise",
       R"({"amount":"2","until":"2026-11-22T00:00:00Z"})",
       404,
       {}},
  });
}

TEST_CASE("the thresholds that were crossed are listed in pages, newest first") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/limits", R"({"account":"Acme","unit":"usd","window":"day","amount":"1"})", 201, {}, "limit"},
  });
  const auto limit = world.catalog->current()->limits()[0].id;
  const events::LimitEvent event{.number = 7,
                                 .at = {1'795'219'200'000},
                                 .limit = limit,
                                 .label = {1'795'219'200'000},
                                 .threshold = {80, catalog::ThresholdAction::warn},
                                 .amount = 1'000'000'000,
                                 .spent = 810'000'000};
  events::LimitEvent of_removed = event;
  of_removed.number = 6;
  of_removed.limit = {};
  world.limit_events.all = {event, of_removed};
  world.play({
      {"GET /api/v1/events",
       "",
       200,
       {R"({"id":"7","type":"threshold_crossed","at":"2026-11-21T00:00:00.000Z","limit":"{limit}",)",
        R"("window":"2026-11-21T00:00:00","percent":80,"action":"warn","name":"1 usd per day","unit":"usd",)",
        R"("amount":"1","spent":"0.81"})", R"("next":null)"}},
      {"GET /api/v1/events?limit=1", "", 200, {R"("next":"7")"}, "", {R"("id":"6")"}},
      {"GET /api/v1/events?cursor=7&limit_id={limit}", "", 200, {}},
  });
  CHECK(world.limit_events.asked.before == 7);
  CHECK(world.limit_events.asked.limit == limit);
  world.play({{"GET /api/v1/events?cursor=x", "", 400, {"'cursor' must be a whole number"}},
              {"GET /api/v1/events?limit_id=x", "", 400, {R"("field":"limit_id")"}},
              {"GET /api/v1/events?key=x", "", 400, {"'key' is not a parameter"}}});
}

TEST_CASE("a template gives each account of its level a limit, which is changed at the template") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
      {"POST /api/v1/accounts", R"({"name":"alice","parent":"Acme"})", 201, {}, "alice"},
      {"POST /api/v1/limit-templates",
       R"({"account":"Acme","unit":"usd","window":"month","amount":"1"})",
       201,
       {R"("name":"1 usd per month","unit":"usd","window":"month","time_zone":"UTC")",
        R"("amount":"1","account":"{acme}","level":1,"limits":1)"},
       "free",
       {"raise", "from_template"}},
      {"POST /api/v1/accounts", R"({"name":"bob","parent":"Acme"})", 201, {}, "bob"},
      {"GET /api/v1/limit-templates/{free}", "", 200, {R"("limits":2)"}},
      {"GET /api/v1/limits?account=bob", "", 200, {R"("account":"{bob}")", R"("from_template":"{free}")"}, "copy"},
      {"POST /api/v1/limits",
       R"({"account":"alice","unit":"usd","window":"day","amount":"5"})",
       201,
       {R"("from_template":null)"}},
      {"GET /api/v1/limits?account=alice", "", 200, {R"("from_template":null)"}, "", {"{free}"}},
      {"GET /api/v1/limits?template={free}", "", 200, {R"("account":"{bob}")"}, "", {"{alice}"}},
      {"GET /api/v1/limit-templates", "", 200, {R"("id":"{free}")", R"("limits":1)"}},
      {"PATCH /api/v1/limit-templates/{free}", R"({"amount":"2"})", 200, {R"("name":"2 usd per month")"}},
      {"GET /api/v1/limits?account=bob", "", 200, {R"("amount":"2")"}},
      {"PATCH /api/v1/limit-templates/{free}", R"({"level":2})", 400, {R"("field":"level")", "create another"}},
      {"PATCH /api/v1/limit-templates/{free}", R"({"unit":"tokens"})", 400, {R"("field":"unit")"}},
      {"PATCH /api/v1/limits/{free}", R"({"amount":"3"})", 404, {"/api/v1/limit-templates/{free}"}},
      {"DELETE /api/v1/limit-templates/{free}", "", 204, {}},
      {"GET /api/v1/limits?account=bob", "", 200, {R"({"data":[],)"}},
      {"GET /api/v1/limit-templates/{free}", "", 404, {"there is no template"}},
  });
}

TEST_CASE("a template that cannot be says why") {
  World world;
  world.play({
      {"POST /api/v1/limit-templates",
       R"({"unit":"usd","window":"month","amount":"1","level":17})",
       400,
       {"'level' is 17; it is 1 to 16", R"("field":"level")"}},
      {"POST /api/v1/limit-templates",
       R"({"unit":"usd","window":"month","amount":"1","account":"nobody"})",
       404,
       {R"("field":"account")"}},
      {"POST /api/v1/limit-templates",
       R"({"unit":"usd","window":"month","amount":"1","key":"k"})",
       400,
       {R"("field":"key")"}},
      {"GET /api/v1/limits?template=x", "", 400, {R"("field":"template")"}},
      {"GET /api/v1/limit-templates", "", 200, {R"({"data":[],"next":null})"}},
  });
}

TEST_CASE("a limit counts a named unit that a route gives a weight, and no other") {
  World world;
  world.options.routes = {"openai", "images"};
  world.options.weights = {{"images", {{.unit = "images", .weight = 5}}}};
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"images","window":"day","amount":"100"})",
       201,
       {R"("name":"100 images per day","unit":"images")", R"("amount":"100")"},
       "limit"},
      {"GET /api/v1/limits/{limit}", "", 200, {R"("unit":"images")"}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"images","window":"day","amount":"1","route":"openai"})",
       400,
       {"not the route 'openai'", R"("field":"unit")"}},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"image","window":"day","amount":"1"})",
       400,
       {"'image' is not a unit", "where there is: images", R"("field":"unit")"}},
      {"POST /api/v1/limits", R"({"account":"Acme","unit":"images","window":"day","amount":"1.5"})", 400, {"whole"}},
      {"POST /api/v1/limit-templates", R"({"unit":"videos","window":"day","amount":"1"})", 400, {"'videos'"}},
      {"POST /api/v1/keys", R"({"account":"Acme","name":"k","limits":["5 images/day"]})", 201, {"5 images per day"}},
      {"POST /api/v1/keys",
       R"({"account":"Acme","name":"l","limits":["5 euros/day"]})",
       400,
       {"'limits[0]': 'euros' is not a unit"}},
  });
}
