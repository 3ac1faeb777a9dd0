// Prices, and what one request cost by them.
#include "admin/world_test.h"

using admin::Response;
using admin::testing::World;
using base::Money;

namespace {

std::shared_ptr<const meter::PriceBook> book_of(std::string_view text) {
  auto book = meter::PriceBook::parse(text);
  REQUIRE_MESSAGE(book.has_value(), (book ? std::string() : book.error().message));
  return std::make_shared<const meter::PriceBook>(std::move(*book));
}

struct PricedWorld : World {
  PricedWorld() {
    options.price_lists = {
        {"default", book_of(R"({"version": "v1", "models": {
           "azure/m": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1e-06},
           "free": {"mode": "chat", "input_cost_per_token": 0},
           "m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06,
                 "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06, "max_output_tokens": 16384,
                 "provider_specific_entry": {"us": 1.1}}}})")},
        {"partners", book_of(R"({"version": "partners@v7", "models": {"m": {"input_cost_per_token": 1e-06}}})")}};
    play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
          {"POST /api/v1/keys", R"({"account":"Acme","name":"alice","limits":["1 usd/day"]})", 201, {}, "alice"}});
    declared[0].provider = "openai";
    record.id = base::ExchangeId::create(clock.wall_now(), random);
    record.started = clock.wall_now();
    record.account = *base::AccountId::parse(saved["acme"]);
    record.key = *base::KeyId::parse(saved["alice"]);
    record.upstream = "openai";
    record.model = record.served_model = "m";
    record.price_version = "v1";
    record.usage = meter::Usage{.input_tokens = 1'000, .output_tokens = 3, .cached_input_tokens = 200};
    record.cost = Money::from_nanos(2'280'000);  // 800 × 2.5e-6 + 200 × 1.25e-6 + 3 × 1e-5
    saved["record"] = record.id.to_string();
  }
  void story(int status, const std::vector<std::string>& contains) {
    usage.all = {record};
    play({{"GET /api/v1/usage/records/{record}", "", status, contains}});
  }
  events::UsageRecord record;
};

}  // namespace

TEST_CASE("prices are listed by name, of the book that is asked for, page by page") {
  PricedWorld world;
  world.play({
      {"GET /api/v1/prices",
       "",
       200,
       {R"({"book":{"name":"default","version":"v1"},"books":[{"name":"default","version":"v1"},)"
        R"({"name":"partners","version":"partners@v7"}],"data":[{"prices":{"input_cost_per_token":"0.000001"})",
        R"("cache_read_input_token_cost":"0.00000125")", R"("factors":{"us":"1.1"})", R"("max_output_tokens":16384)",
        R"("priced":false)", R"("next":null})"}},
      {"GET /api/v1/prices?limit=2", "", 200, {R"("model":"free")", R"("next":"free")"}, {}, {R"("model":"m")"}},
      {"GET /api/v1/prices?limit=2&cursor=free", "", 200, {R"("model":"m")", R"("next":null)"}, {}, {R"("free")"}},
      {"GET /api/v1/prices?search=azure", "", 200, {R"("model":"azure/m")"}, {}, {R"("model":"m")"}},
      {"GET /api/v1/prices?provider=openai", "", 200, {R"("model":"m")"}, {}, {"azure/m", "free"}},
      {"GET /api/v1/prices?priced=false", "", 200, {R"("model":"free")"}, {}, {R"("model":"m")"}},
      {"GET /api/v1/prices?mode=image", "", 200, {R"("data":[])"}},
      {"GET /api/v1/prices?book=partners", "", 200, {R"("input_cost_per_token":"0.000001")"}, {}, {"azure"}},
      {"GET /api/v1/prices?book=none", "", 404, {"there are: default, partners", R"("field":"book")"}},
      {"GET /api/v1/prices?priced=1", "", 400, {R"("field":"priced")"}},
      {"GET /api/v1/prices?limit=0", "", 400, {R"("field":"limit")"}},
      {"GET /api/v1/prices?model=m", "", 400, {"'model' is not a parameter"}},
      {"GET /api/v1/prices/azure/m", "", 200, {R"("model":"azure/m")", R"("book":{"name":"default","version":"v1"})"}},
      {"GET /api/v1/prices/m-2026-01-01", "", 200, {R"("model":"m")"}},
      {"GET /api/v1/prices/m?book=partners", "", 200, {R"("version":"partners@v7")"}},
      {"GET /api/v1/prices/x", "", 404, {"has no model 'x'"}},
  });
}

TEST_CASE("one request's story has its cost line by line, as it was booked") {
  PricedWorld world;
  world.story(
      200, {R"("account":{"id":"{acme}","name":"Acme")", R"("key":{"id":"{alice}","name":"alice")",
            R"("price_lines":{"status":"itemized","detail":null,"book":"v1","model":"m","lines":[)"
            R"({"what":"input","quantity":800,"parts":1,"price_key":"input_cost_per_token","price":"0.0000025",)"
            R"("halved":false,"multiplied":false,"amount":"0.002"},{"what":"cached input","quantity":200,"parts":1,)",
            R"("amount":"0.00025"})", R"("amount":"0.00003"}],"factors":[]})", R"("settlement":{"state":"settled")"});
}

TEST_CASE("a price that is not known for sure is not shown, and why is said") {
  PricedWorld world;
  world.record.price_version = "v0";
  world.story(200, {R"("status":"version_gone")", "version v0", R"("lines":[])"});
  world.record.price_version = "partners@v7";
  world.story(200, {R"("status":"not_itemized")", "what was booked is not what the book makes of the usage"});
  world.record.price_version = "v1";
  world.record.usage->provider_cost = world.record.cost;
  world.story(200, {R"("status":"stated")"});
  world.record.usage->provider_cost.reset();
  world.record.upstream = "gone";
  world.story(200, {R"("status":"not_itemized")", "not configured any more"});
  world.record.usage.reset();
  world.story(200, {R"("status":"not_itemized")", "its usage is not known"});
  world.record.price_version = "";
  world.story(200, {R"("status":"by_route")"});
  world.record.cost = Money::zero();
  world.story(200, {R"("status":"no_cost")"});
}

TEST_CASE("a refused request says which limit refused it, and its numbers") {
  PricedWorld world;
  const auto limit = world.catalog->current()->limits()[0];
  world.saved["limit"] = limit.id.to_string();
  world.record.outcome = events::Outcome::refused;
  world.record.cost = Money::zero();
  world.record.refused_by = events::RefusedBy{.limit = limit.id,
                                              .label = {1'795'219'200'000},
                                              .required = 2'000'000'000,
                                              .available = 5,
                                              .amount = 1'000'000'000,
                                              .resets_at = base::WallTime{1'795'305'600'000}};
  world.story(200, {R"("refused_by":{"limit":"{limit}","balance":false,"window":"2026-11-21T00:00:00",)"
                    R"("resets_at":"2026-11-22T00:00:00.000Z","blocked_at_percent":null,"unit":"usd","required":"2",)"
                    R"("available":"0.000000005","amount":"1"})",
                    R"("limits":{"{limit}":"1 usd per day"})", R"("state":"refused")"});
  world.record.refused_by->limit = {};
  world.story(200, {R"("refused_by":{"limit":null,"balance":true,"window":null)", R"("required":"2")"});
}

TEST_CASE("a story is told of what there is") {
  PricedWorld world;
  world.usage.all = {world.record};
  world.play({{"GET /api/v1/usage/records/{acme}", "", 404, {"there is no usage record {acme}"}},
              {"GET /api/v1/usage/records/x", "", 400, {R"("field":"id")"}}});
}
