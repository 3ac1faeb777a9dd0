#include "admin/world_test.h"
#include "base/rfc3339.h"

using namespace admin;
using namespace admin::testing;

TEST_CASE("accounts form a tree and are found by id, external id or name") {
  World world;
  world.play({
      {"POST /api/v1/accounts",
       R"({"name":"Acme","external_id":"cus_1"})",
       201,
       {R"("name":"Acme","external_id":"cus_1","parent":null,"status":"active","created":"2026-11-21T04:06:00.000Z")"},
       "acme"},
      {"POST /api/v1/accounts", R"({"name":"Team","parent":"cus_1"})", 201, {R"("parent":"{acme}")"}, "team"},
      {"POST /api/v1/accounts", R"({"name":"B","external_id":"cus_1"})", 409, {R"("field":"external_id")"}},
      {"POST /api/v1/accounts",
       R"({"name":"B","parent":"Acne"})",
       404,
       {"there is no account 'Acne'; did you mean 'Acme'?", R"("field":"parent")"}},
      {"POST /api/v1/accounts",
       R"({"name":"B","nmae":"x"})",
       400,
       {"'nmae' is not a known field; did you mean 'name'?", R"("field":"nmae")"}},
      {"POST /api/v1/accounts", R"({"name":7})", 400, {"'name' must be a string"}},
      {"GET /api/v1/accounts/{acme}", "", 200, {R"("id":"{acme}")"}},
      {"GET /api/v1/accounts/cus_1", "", 200, {R"("id":"{acme}")"}},
      {"GET /api/v1/accounts/Team", "", 200, {R"("id":"{team}")"}},
      {"GET /api/v1/accounts/Nobody", "", 404, {"there is no account 'Nobody'"}},
      {"GET /api/v1/accounts?parent=Acme", "", 200, {"{team}", R"("next":null)"}, "", {R"("id":"{acme}")"}},
      {"GET /api/v1/accounts?external_id=cus_1", "", 200, {"{acme}"}, "", {"{team}"}},
      {"GET /api/v1/accounts?name=Team", "", 200, {R"("id":"{team}")"}, "", {"cus_1"}},
      {"POST /api/v1/accounts/Team/suspend", "", 200, {R"("status":"suspended")"}},
      {"POST /api/v1/accounts/Team/suspend", "{}", 200, {R"("status":"suspended")"}},
      {"POST /api/v1/accounts/Team/activate", "", 200, {R"("status":"active")"}},
      {"POST /api/v1/accounts/Team/suspend", R"({"reason":"x"})", 400, {"'reason' is not a known field"}},
      {"POST /api/v1/accounts", R"({"name":"Team"})", 201, {}},
      {"GET /api/v1/accounts/Team", "", 409, {"several accounts have the name 'Team'; give an id"}},
  });
}

TEST_CASE("a list is walked page by page, newest first, each item once") {
  World world;
  for (int i = 0; i < 5; ++i) {
    world.clock.advance_ms(1);
    world.play({{"POST /api/v1/accounts", fmt::format(R"({{"name":"a{}"}})", i), 201, {}}});
  }
  std::string seen;
  std::string cursor;
  for (int pages = 1;; ++pages) {
    const auto reply = world.send("GET /api/v1/accounts?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    const auto json = base::Json::parse(reply.body);
    for (const auto& item : json->find("data")->items()) seen += item.find("name")->text() + " ";
    if (json->find("next") == nullptr) {
      CHECK(pages == 3);
      break;
    }
    cursor = json->find("next")->text();
  }
  CHECK(seen == "a4 a3 a2 a1 a0 ");
}

TEST_CASE("a key is created with its limits, and its secret is shown once") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
      {"POST /api/v1/keys",
       R"({"account":"Acme","name":"alice","expires":"2027-01-01T00:00:00+01:00",)"
       R"("limits":["10 usd/day","100 requests/month"]})",
       201,
       {R"("account":"{acme}","name":"alice")", R"("secret":"mg_live_)", R"("expires":"2026-12-31T23:00:00.000Z")",
        R"("amount":"10")", R"("unit":"requests","window":"month")"},
       "alice"},
      {"GET /api/v1/keys/alice",
       "",
       200,
       {R"("id":"{alice}")", R"("hint":"mg_live_)"},
       "",
       {"secret", "{alice_secret}"}},
      {"GET /api/v1/keys?account=Acme", "", 200, {"{alice}"}, "", {"secret"}},
      {"GET /api/v1/limits?key=alice", "", 200, {R"("key":"{alice}")", R"("unit":"usd")", R"("unit":"requests")"}},
      {"POST /api/v1/accounts", R"({"name":"Other"})", 201, {}},
      {"GET /api/v1/keys?account=Other", "", 200, {R"("data":[])"}},
      {"POST /api/v1/keys", R"({"account":"Other","name":"twin"})", 201, {}},
      {"POST /api/v1/keys", R"({"account":"Acme","name":"twin"})", 201, {}},
      {"GET /api/v1/keys/twin", "", 409, {"several keys have the name 'twin'; give an id"}},
      {"POST /api/v1/keys/alice/revoke", "", 200, {R"("status":"revoked")"}},
      {"GET /api/v1/keys/alice", "", 404, {"there is no key 'alice'"}},
      {"GET /api/v1/keys/{alice}", "", 200, {R"("status":"revoked")"}},
  });
}

TEST_CASE("a key is for what is allowed to it, is edited, and changes its secret") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/keys",
       R"({"account":"Acme","name":"k","allowed_models":["gpt-4o*"],"allowed_addresses":["10.0.0.0/8"]})",
       201,
       {R"("allowed_models":["gpt-4o*"],"allowed_routes":[],"allowed_addresses":["10.0.0.0/8"],"replaced":null)"},
       "k"},
      {"PATCH /api/v1/keys/k",
       R"({"name":"renamed","expires":"2027-01-01T00:00:00Z","allowed_models":[],"tags":"a=1"})",
       200,
       {R"("name":"renamed")", R"("expires":"2027-01-01)", R"("allowed_models":[])", R"("tags":"a=1")", "10.0.0.0/8"}},
      {"PATCH /api/v1/keys/renamed", R"({"expires":"never"})", 200, {R"("expires":null)", R"("tags":"a=1")"}},
      {"PATCH /api/v1/keys/renamed", "{}", 400, {"nothing to change"}},
      {"PATCH /api/v1/keys/renamed", R"({"expires":"2020-01-01T00:00:00Z"})", 400, {"lies in the past"}},
      {"PATCH /api/v1/keys/renamed", R"({"allowed_addresses":["here"]})", 400, {R"("field":"allowed_addresses")"}},
      {"PATCH /api/v1/keys/renamed", R"({"account":"Acme"})", 400, {"'account'"}},
      {"PATCH /api/v1/keys/nobody", R"({"name":"n"})", 404, {"there is no key"}},
      {"POST /api/v1/keys/renamed/rotate",
       R"({"overlap_seconds":3600})",
       200,
       {R"("id":"{k}")", R"("secret":"mg_live_)", R"("replaced":{"hint":"mg_live_)"},
       "",
       {"{k_secret}"}},
      {"GET /api/v1/keys/{k}", "", 200, {R"("until":)"}, "", {"secret"}},
      {"POST /api/v1/keys/renamed/rotate", "", 200, {R"("until":)"}},
      {"POST /api/v1/keys/renamed/rotate", R"({"overlap_seconds":0})", 200, {R"("replaced":null)"}},
      {"POST /api/v1/keys/renamed/rotate", R"({"overlap_seconds":7776001})", 400, {"'overlap_seconds' is 7776001"}},
      {"POST /api/v1/keys/renamed/rotate", R"({"overlap_seconds":-1})", 400, {R"("field":"overlap_seconds")"}},
      {"POST /api/v1/keys/renamed/revoke", "", 200, {}},
      {"POST /api/v1/keys/{k}/rotate", "", 409, {"is revoked, which is for ever"}},
      {"PATCH /api/v1/keys/{k}", R"({"name":"n"})", 409, {"is revoked"}},
  });
}

TEST_CASE("a key that is not wholly valid stores nothing") {
  World world;
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}}});
  const std::string of_acme = R"({"account":"Acme","name":"k",)";
  world.play({
      {"POST /api/v1/keys", R"({"name":"k"})", 400, {"'account' is missing"}},
      {"POST /api/v1/keys", R"({"account":"Acme"})", 400, {"'name' is missing"}},
      {"POST /api/v1/keys", R"({"account":"Acm","name":"k"})", 404, {"did you mean 'Acme'?", R"("field":"account")"}},
      {"POST /api/v1/keys", of_acme + R"("limits":["10 usd/day","ten usd/day"]})", 400, {R"("field":"limits[1]")"}},
      {"POST /api/v1/keys",
       of_acme + R"("limits":["10 usd/day","20 usd/day"]})",
       400,
       {"'limits[1]': usd per day is limited twice; keep one"}},
      {"POST /api/v1/keys", of_acme + R"("limits":["10 usd/decade"]})", 400, {R"("field":"limits[0]")"}},
      {"POST /api/v1/keys", of_acme + R"("limits":"10 usd/day"})", 400, {"'limits' must be a list of strings"}},
      {"POST /api/v1/keys", of_acme + R"("expires":"2026-11-21T04:06:00Z"})", 400, {"'expires' lies in the past"}},
      {"POST /api/v1/keys",
       of_acme + R"("expires":"2030-01-01"})",
       400,
       {"'expires' must be a time such as 2026-11-21T04:06:00Z"}},
      {"POST /api/v1/keys", of_acme + R"("role":"root"})", 400, {"'role' must be data or admin"}},
      {"POST /api/v1/keys", of_acme + R"("role":"admin"})", 400, {"an admin key belongs to no account"}},
      {"POST /api/v1/keys",
       R"({"name":"k","role":"admin","limits":["1 usd/day"]})",
       400,
       {"an admin key spends nothing"}},
      {"POST /api/v1/keys", of_acme + R"("limit":["10 usd/day"]})", 400, {"did you mean 'limits'?"}},
      {"GET /api/v1/keys", "", 200, {R"({"data":[],"next":null})"}},
      {"GET /api/v1/limits", "", 200, {R"({"data":[],"next":null})"}},
  });
}

TEST_CASE("a key whose limits cannot all be stored is revoked again") {
  World world;
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}}});
  world.store.failing_after = 2;  // the key and its first limit
  world.play({{"POST /api/v1/keys",
               R"({"account":"Acme","name":"k","limits":["10 usd/day","9 tokens/day"]})",
               503,
               {"a limit could not be stored; the key's secret was shown to nobody: the disk is full"},
               "",
               {"mg_live_"}}});
  world.store.failing_after = INT32_MAX;
  class OneFailure final : public catalog::Store {
   public:
    base::Result<catalog::Contents> load() override { return catalog::Contents{}; }
    base::Result<std::vector<catalog::Grant>> load_grants(std::optional<base::AccountId>) override {
      return std::vector<catalog::Grant>{};
    }
    base::Status apply(const catalog::Changes& changes, base::WallTime) override {
      if (changes.opened.empty()) return {};
      return base::fail(base::ErrorType::unavailable, "the disk is full", {}, base::Source::store);
    }
    base::Status look_ahead(const catalog::Changes&, base::WallTime) override { return {}; }
  } store;
  world.catalog = *catalog::Catalog::open(store, world.clock, world.random);
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}},
      {"POST /api/v1/keys",
       R"({"account":"Acme","name":"k","limits":["10 usd/day"]})",
       503,
       {"the key was revoked again, because a limit could not be stored: the disk is full"}},
      {"GET /api/v1/keys", "", 200, {R"("name":"k")", R"("status":"revoked")"}, "", {R"("status":"active")"}},
  });
}

TEST_CASE("a limit shows its five numbers, all as decimal text") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
      {"POST /api/v1/keys", R"({"account":"Acme","name":"alice"})", 201, {}, "alice"},
      {"POST /api/v1/limits",
       R"({"account":"Acme","unit":"usd","window":"day","amount":10.00})",
       201,
       {R"("account":"{acme}","name":"10 usd per day","unit":"usd","window":"day","time_zone":"UTC")",
        R"("status":402,"clamp":true)", R"("amount":"10")"},
       "dollars"},
      {"POST /api/v1/limits",
       R"({"key":"{alice}","unit":"tokens","window":"month","amount":"1000","name":"n","status":429,"clamp":false})",
       201,
       {R"("key":"{alice}","name":"n","unit":"tokens","window":"month","time_zone":"UTC","status":429,"clamp":false)"},
       "tokens"},
      {"GET /api/v1/limits/{dollars}",
       "",
       200,
       {R"("amount":"10","available":"4.999999999","reserved":"2.5","unresolved":"0.000000001","spent":"2.5")",
        R"("window_start":"2023-11-14T00:00:00.000Z","window_end":"2023-11-15T00:00:00.000Z",)",
        R"("resets_at":"2023-11-15T00:00:00.000Z")"}},
      {"GET /api/v1/limits/{tokens}",
       "",
       200,
       {R"("available":"499","reserved":"250","unresolved":"1","spent":"250")"}},
      {"POST /api/v1/limits",
       R"({"key":"{alice}","unit":"usd","window":"weekly","time_zone":"Europe/Berlin","amount":"3"})",
       201,
       {R"("name":"3 usd per week","unit":"usd","window":"week","time_zone":"Europe/Berlin")"},
       "week"},
      {"POST /api/v1/limits",
       R"({"key":"{alice}","unit":"usd","window":"rolling:5h","amount":"3"})",
       201,
       {R"("window":"rolling:5h","time_zone":null)"}},
      {"POST /api/v1/limits",
       R"({"key":"{alice}","unit":"usd","window":"rolling:5h","time_zone":"Europe/Berlin","amount":"3"})",
       400,
       {R"("field":"time_zone")", "does not matter"}},
      {"POST /api/v1/limits",
       R"({"key":"{alice}","unit":"usd","window":"day","time_zone":"Europe/Berln","amount":"3"})",
       400,
       {R"("field":"time_zone")", "Europe/Berlin"}},
      {"PATCH /api/v1/limits/{week}", R"({"window":"day"})", 400, {R"("field":"window")", "create another"}},
      {"PATCH /api/v1/limits/{week}", R"({"time_zone":"UTC"})", 400, {R"("field":"time_zone")", "create another"}},
      {"GET /api/v1/limits?account=Acme", "", 200, {"{dollars}", "4.999999999"}, "", {"{tokens}"}},
      {"GET /api/v1/limits?key=alice", "", 200, {"{tokens}"}, "", {"{dollars}"}},
      {"GET /api/v1/limits?key=alice&account=Acme", "", 400, {"not both"}},
      {"PATCH /api/v1/limits/{dollars}", R"({"amount":"12.5"})", 200, {R"("amount":"12.5")", "12.5 usd per day"}},
      {"PATCH /api/v1/limits/{dollars}",
       R"({"name":"cap","status":429,"clamp":false})",
       200,
       {R"("name":"cap")", R"("status":429,"clamp":false)"}},
      {"DELETE /api/v1/limits/{dollars}", "", 204, {}},
      {"GET /api/v1/limits/{dollars}", "", 404, {"there is no limit '{dollars}'"}},
      {"DELETE /api/v1/limits/{dollars}", "", 404, {}},
  });
  world.inspector.failing = true;
  world.play({{"GET /api/v1/limits/{tokens}", "", 503, {"the store does not answer"}},
              {"GET /api/v1/limits", "", 503, {"the store does not answer"}}});
}

TEST_CASE("a limit that is not wholly valid is refused by the field that is wrong") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
      {"POST /api/v1/limits", R"({"account":"Acme","unit":"usd","window":"day","amount":"1"})", 201, {}, "limit"},
  });
  const auto of = [](std::string_view rest) { return fmt::format(R"({{"account":"Acme",{}}})", rest); };
  world.play({
      {"POST /api/v1/limits", R"({"unit":"usd","window":"day","amount":"1"})", 400, {"give 'account' or 'key'"}},
      {"POST /api/v1/limits", of(R"("key":"k","unit":"usd","window":"day","amount":"1")"), 400, {"not both"}},
      {"POST /api/v1/limits", of(R"("unit":"eur","window":"day","amount":"1")"), 400, {R"("field":"unit")"}},
      {"POST /api/v1/limits", of(R"("unit":"usd","window":"fortnight","amount":"1")"), 400, {R"("field":"window")"}},
      {"POST /api/v1/limits", of(R"("unit":"usd","window":"day")"), 400, {"'amount' is missing"}},
      {"POST /api/v1/limits", of(R"("unit":"usd","window":"day","amount":-1)"), 400, {R"("field":"amount")"}},
      {"POST /api/v1/limits",
       of(R"("unit":"usd","window":"day","amount":"0.0000000001")"),
       400,
       {R"("field":"amount")"}},
      {"POST /api/v1/limits", of(R"("unit":"tokens","window":"day","amount":1.5)"), 400, {R"("field":"amount")"}},
      {"POST /api/v1/limits", of(R"("unit":"usd","window":"day","amount":true)"), 400, {R"("field":"amount")"}},
      {"POST /api/v1/limits",
       of(R"("unit":"usd","window":"day","amount":1,"status":403)"),
       400,
       {R"("field":"status")"}},
      {"POST /api/v1/limits",
       of(R"("unit":"usd","window":"day","amount":1,"clamp":"on")"),
       400,
       {R"("field":"clamp")"}},
      {"POST /api/v1/limits", of(R"("unit":"usd","window":"day","amout":1)"), 400, {"did you mean 'amount'?"}},
      {"PATCH /api/v1/limits/{limit}", "{}", 400, {"nothing to change"}},
      {"PATCH /api/v1/limits/{limit}", R"({"unit":"tokens"})", 400, {"'unit' is part of what the limit is"}},
      {"PATCH /api/v1/limits/{limit}", R"({"amount":"x"})", 400, {R"("field":"amount")"}},
      {"PATCH /api/v1/limits/{limit}", R"({"clmp":true})", 400, {"did you mean 'clamp'?"}},
      {"PATCH /api/v1/limits/ten", R"({"amount":"2"})", 400, {"'ten' is not an id", R"("field":"id")"}},
      {"GET /api/v1/limits", "", 200, {R"("amount":"1")"}},
  });
}

TEST_CASE("usage is summed by a named group and filtered by all that is given") {
  World world;
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
              {"POST /api/v1/keys", R"({"account":"Acme","name":"alice"})", 201, {}, "alice"}});
  world.usage.sums_by_group = {{.group = world.saved["acme"],
                                .requests = 3,
                                .refusals = 2,
                                .input_tokens = 100,
                                .output_tokens = 50,
                                .unknown_usage = 1,
                                .cost = base::Money::from_nanos(1'500'000)}};
  world.play({
      {"GET /api/v1/usage?group=account",
       "",
       200,
       {R"({"group":"account","data":[{"group":"{acme}","requests":3,"refusals":2,"input_tokens":100,)",
        R"("output_tokens":50,"unknown_usage":1,"cost":"0.0015","name":"Acme"}])"}},
  });
  CHECK(world.usage.asked_group == events::UsageGroup::account);
  world.usage.sums_by_group = {{}};
  world.play({{"GET /api/v1/usage?account=Acme&key=alice&model=gpt-4o&from=2023-11-01&to=2023-12-01T00:00:00Z",
               "",
               200,
               {R"({"group":"total","data":[{"group":null,)", R"("cost":"0")"}}});
  CHECK(world.usage.asked.account->to_string() == world.saved["acme"]);
  CHECK(world.usage.asked.key->to_string() == world.saved["alice"]);
  CHECK(world.usage.asked.model == "gpt-4o");
  CHECK(base::to_rfc3339(*world.usage.asked.from) == "2023-11-01T00:00:00.000Z");
  CHECK(base::to_rfc3339(*world.usage.asked.to) == "2023-12-01T00:00:00.000Z");
  world.play({
      {"GET /api/v1/usage?group=team",
       "",
       400,
       {"must be total, account, key, model, day, upstream, route, reason or tag:NAME"}},
      {"GET /api/v1/usage?from=yesterday", "", 400, {"the parameter 'from' must be a date or time"}},
      {"GET /api/v1/usage?from=2023-11-02&to=2023-11-02", "", 400, {"the parameter 'to' must be later than 'from'"}},
      {"GET /api/v1/usage?key=bob", "", 404, {"there is no key 'bob'"}},
      {"GET /api/v1/usage?limit=3", "", 400, {"'limit' is not a parameter"}},
  });
}

TEST_CASE("usage records say what is known, and null where nothing is") {
  World world;
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
              {"POST /api/v1/keys", R"({"account":"Acme","name":"alice","limits":["1 usd/day"]})", 201, {}, "alice"}});
  const auto limit = world.catalog->current()->limits()[0].id;
  events::UsageRecord record;
  record.id = base::ExchangeId::create(world.clock.wall_now(), world.random);
  record.started = world.clock.wall_now();
  record.duration_us = 1200;
  record.account = *base::AccountId::parse(world.saved["acme"]);
  record.key = *base::KeyId::parse(world.saved["alice"]);
  record.route = "openai";
  record.model = "gpt-4o";
  record.outcome = events::Outcome::refused;
  record.status = 402;
  record.error = base::ErrorType::limit_reached;
  record.fault = base::Source::client;
  record.estimate = base::Money::from_nanos(2'000'000'000);
  record.holds = {{limit, {1'795'219'200'000}, 5, 4, 1},
                  {base::LimitId::create(world.clock.wall_now(), world.random), {0}, 5, 4, 1}};
  world.usage.all = {record};
  world.play({{"GET /api/v1/usage/records",
               "",
               200,
               {R"("first_byte_us":null)", R"("upstream":null)", R"("outcome":"refused","status":402)",
                R"("error":"limit_reached","fault":"client","usage":null,"estimate":"2","cost":"0")",
                R"("unit":"usd","reserved":"0.000000005","spent":"0.000000004","unresolved":"0.000000001"},{"limit":)",
                R"("window":"2026-11-21T00:00:00",)", R"("window":null}],"refused_by":null}],"next":null})"}}});
}

TEST_CASE("usage records are walked by the id of the last one") {
  World world;
  for (int i = 0; i < 3; ++i) {
    events::UsageRecord record;
    record.id = base::ExchangeId::create({1000 - i}, world.random);
    record.usage.emplace().input_tokens = 7;
    record.usage->certainty = meter::Certainty::at_least;
    world.usage.all.push_back(record);
  }
  const auto second = world.usage.all[1].id.to_string();
  world.play({
      {"GET /api/v1/usage/records?limit=2",
       "",
       200,
       {fmt::format(R"("next":"{}")", second), R"("certainty":"at_least","input_tokens":7,"output_tokens":null)"}},
      {"GET /api/v1/usage/records?limit=4", "", 200, {R"("next":null)"}},
      {"GET /api/v1/usage/records?cursor=" + second, "", 200, {}},
      {"GET /api/v1/usage/records?before=" + second, "", 400, {"'before' is not a parameter"}},
  });
  world.send("GET /api/v1/usage/records?cursor=" + second);
  CHECK(world.usage.asked.before->to_string() == second);
}

TEST_CASE("what is unresolved is listed, settled once, and released with a reason") {
  World world;
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
              {"POST /api/v1/keys", R"({"account":"Acme","name":"alice","limits":["1 usd/day"]})", 201, {}, "alice"}});
  auto& items = world.secret_store;  // one memory store for all but the catalog
  REQUIRE(items.open_incarnation(world.clock.wall_now()).has_value());
  const auto limit = world.catalog->current()->limits()[0].id;
  std::vector<events::UsageRecord> records(2);
  for (auto& record : records) {
    record.id = base::ExchangeId::create(world.clock.wall_now(), world.random);
    record.started = world.clock.wall_now();
    record.account = *base::AccountId::parse(world.saved["acme"]);
    record.key = *base::KeyId::parse(world.saved["alice"]);
    record.model = "gpt-4o";
    record.upstream = "openai";
    record.estimate = base::Money::from_nanos(2'000'000'000);
    record.holds = {{limit, {0}, 2'000'000'000, 0, 2'000'000'000}};
  }
  std::ranges::sort(records, {}, &events::UsageRecord::id);
  REQUIRE(items.flush({.records = events::pointers_to(records), .returns = {}}).has_value());
  world.saved["old"] = records[0].id.to_string();
  world.saved["new"] = records[1].id.to_string();
  world.play({
      {"GET /api/v1/unresolved?key=alice&limit=1",
       "",
       200,
       {R"({"data":[{"id":"{new}","cause":"no_usage","since":"2026-11-21T04:06:00.000Z",)",
        R"("settles_at":"2026-11-28T04:06:00.000Z")", R"("unresolved":"2"}],"correction":null}],"next":"{new}")"}},
      {"GET /api/v1/unresolved?account=Acme&cursor={new}", "", 200, {R"([{"id":"{old}")", R"("next":null)"}},
      {"GET /api/v1/unresolved?model=x", "", 400, {"'model' is not a parameter"}},
      {"GET /api/v1/unresolved/sum",
       "",
       200,
       {R"({"count":2,"at_stake":"4","booked":"0","oldest":"2026-11-21T04:06:00.000Z",)"
        R"("causes":{"no_usage":{"count":2,"at_stake":"4","booked":"0"}}})"}},
      {"GET /api/v1/unresolved/{alice}", "", 404, {"nothing of {alice} is unresolved"}},
      {"GET /api/v1/unresolved/x", "", 400, {R"("field":"id")"}},
      {"POST /api/v1/unresolved/{old}/settle", "", 400, {"'cost' is missing"}},
      {"POST /api/v1/unresolved/{old}/settle", R"({"cost":"-1"})", 400, {R"("field":"cost")"}},
      {"POST /api/v1/unresolved/{old}/settle", R"({"cost":"1","input_tokens":3})", 400, {R"("field":"output_tokens")"}},
      {"POST /api/v1/unresolved/{old}/settle",
       R"({"cost":"1","input_tokens":-3,"output_tokens":1})",
       400,
       {R"("field":"input_tokens")"}},
      {"POST /api/v1/unresolved/{old}/settle", R"({"costs":"1"})", 400, {"did you mean 'cost'?"}},
      {"POST /api/v1/unresolved/{old}/settle",
       R"({"cost":"0.5","reason":"invoice 7"})",
       200,
       {R"("settles_at":null)", R"("correction":{"verdict":"settled")", R"("cost":"0.5","reason":"invoice 7")",
        R"("spent":"0.5","unresolved":"-2")"}},
      {"POST /api/v1/unresolved/{old}/settle", R"({"cost":"0.5","reason":"invoice 7"})", 200, {R"("cost":"0.5")"}},
      {"POST /api/v1/unresolved/{old}/settle", R"({"cost":"0.6"})", 409, {"is settled already", "0.5 USD booked"}},
      {"POST /api/v1/unresolved/{new}/release", "", 400, {"'reason' is missing"}},
      {"POST /api/v1/unresolved/{new}/release",
       fmt::format(R"({{"reason":"{}"}})", std::string(501, 'x')),
       400,
       {"at most 500"}},
      {"POST /api/v1/unresolved/{new}/release", R"({"reason":"gone"})", 200, {R"("verdict":"released")"}},
      {"GET /api/v1/unresolved", "", 200, {R"({"data":[],"next":null})"}},
      {"GET /api/v1/unresolved/{new}", "", 200, {R"("reason":"gone")"}},
  });
}

TEST_CASE("an account chooses a price book that the configuration has") {
  World world;
  world.options.books = {"contract", "trial"};
  constexpr auto names = "there are default, contract, trial ('prices.books' in the configuration declares them)";
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {R"("book":null)"}},
      {"POST /api/v1/accounts", R"({"name":"Team","parent":"Acme","book":"trial"})", 201, {R"("book":"trial")"}},
      {"POST /api/v1/accounts", R"({"name":"Other","book":"tria"})", 400, {"'tria'", names, R"("field":"book")"}},
      {"GET /api/v1/accounts/Other", "", 404, {}},
      {"PATCH /api/v1/accounts/Acme", R"({"book":"contract"})", 200, {R"("book":"contract")"}},
      {"PATCH /api/v1/accounts/Acme", R"({"book":""})", 400, {names}},
      {"PATCH /api/v1/accounts/Acme", R"({"book":3})", 400, {R"("field":"book")"}},
      {"PATCH /api/v1/accounts/Acme", R"({"book":"default"})", 200, {R"("book":"default")"}},
      {"PATCH /api/v1/accounts/Acme", R"({"book":"inherit"})", 200, {R"("book":null)"}},
      {"PATCH /api/v1/accounts/Acme", R"({})", 400, {"'book'"}},
  });
  world.options.books.clear();
  world.play({{"PATCH /api/v1/accounts/Acme", R"({"book":"contract"})", 400, {"there are default ('prices.books'"}}});
}
