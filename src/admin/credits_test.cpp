#include "admin/world_test.h"

using namespace admin;
using namespace admin::testing;

namespace {

// A prepaid account, and calls with an idempotency key.
struct Money : World {
  Money() {
    play({{"POST /api/v1/accounts", R"({"name":"acme"})", 201, {R"("credit_only":false)"}, "acme"},
          {"PATCH /api/v1/accounts/acme",
           R"({"credit_only":true,"top_up_fee_bps":100})",
           200,
           {R"("credit_only":true,"markup_bps":0,"top_up_fee_bps":100)"}}});
  }
  void with_key(const std::string& key, const std::vector<Row>& rows) {
    idempotency_key = key;
    play(rows);
    idempotency_key.clear();
  }
};

}  // namespace

TEST_CASE("how an account pays is checked and shown") {
  Money world;
  world.play({
      {"PATCH /api/v1/accounts/acme", R"({"markup_bps":250})", 200, {R"("credit_only":true,"markup_bps":250)"}},
      {"GET /api/v1/accounts/acme", "", 200, {R"("markup_bps":250,"top_up_fee_bps":100)"}},
      {"PATCH /api/v1/accounts/acme",
       R"({"monthly_fee":"9.5","monthly_fee_day":31,"monthly_fee_time_zone":"Europe/Berlin"})",
       200,
       {R"("monthly_fee":{"amount":"9.5","day":31,"time_zone":"Europe/Berlin","since":")"}},
      {"PATCH /api/v1/accounts/acme", R"({"monthly_fee_day":32})", 400, {R"("field":"monthly_fee_day")"}},
      {"PATCH /api/v1/accounts/acme", R"({"monthly_fee":"nine"})", 400, {R"("field":"monthly_fee")"}},
      {"PATCH /api/v1/accounts/acme",
       R"({"monthly_fee_time_zone":"Mars/Olympus"})",
       400,
       {R"("field":"monthly_fee_time_zone")"}},
      {"PATCH /api/v1/accounts/acme", R"({"credit_only":false})", 400, {"a monthly fee is taken from a prepaid"}},
      {"PATCH /api/v1/accounts/acme", R"({"monthly_fee":0})", 200, {R"("monthly_fee":null)"}},
      {"PATCH /api/v1/accounts/acme", "{}", 400, {"nothing to change", "monthly_fee"}},
      {"PATCH /api/v1/accounts/acme", R"({"markup_bps":-1})", 400, {"markup_bps", "0 to 1000000"}},
      {"PATCH /api/v1/accounts/acme", R"({"markup_bps":1000001})", 400, {R"("field":"markup_bps")"}},
      {"PATCH /api/v1/accounts/acme", R"({"top_up_fee_bps":10000})", 400, {R"("field":"top_up_fee_bps")"}},
      {"PATCH /api/v1/accounts/acme", R"({"markup_bps":2.5})", 400, {R"("field":"markup_bps")"}},
      {"PATCH /api/v1/accounts/acme", R"({})", 400, {"nothing to change"}},
      {"PATCH /api/v1/accounts/acme", R"({"credit":true})", 400, {R"("field":"credit")"}},
      {"PATCH /api/v1/accounts/nobody", R"({"markup_bps":1})", 404, {"there is no account"}},
  });
}

TEST_CASE("a repeated order answers the same, and another one with its key is a conflict") {
  Money world;
  const std::string order = R"({"account":"acme","amount":"10","kind":"paid","note":"invoice 7"})";
  world.idempotency_key = "one";
  const Response first = world.send("POST /api/v1/credits", order);
  CHECK(first.status == 201);
  CHECK(first.body.contains(R"("granted":"10")"));
  CHECK(first.body.contains(R"("source":"deposits")"));
  CHECK(first.body.contains(R"("target":"fees","amount":"0.1")"));
  world.clock.advance_ms(5'000);
  const Response again = world.send("POST /api/v1/credits", order);
  CHECK(again.status == 201);
  CHECK(again.body == first.body);
  world.with_key(
      "one",
      {{"POST /api/v1/credits",
        R"({"account":"acme","amount":"11","kind":"paid","note":"invoice 7"})",
        409,
        {"exists_with_different_amount", R"("field":"Idempotency-Key")"}},
       {"POST /api/v1/credits/fee", R"({"account":"acme","amount":"10"})", 409, {"exists_with_different_kind"}}});
  world.play({{"GET /api/v1/credits/transfers", "", 200, {R"("kind":"top_up")", R"("next":null)"}},
              {"GET /api/v1/credits/check", "", 200, {R"("right":true,"wrong":[])"}}});
}

TEST_CASE("an order without a key, or with one that is none, moves nothing") {
  Money world;
  const std::string order = R"({"account":"acme","amount":"10","kind":"paid"})";
  world.play({{"POST /api/v1/credits", order, 400, {"Idempotency-Key", "is missing"}}});
  world.with_key("two words", {{"POST /api/v1/credits", order, 400, {"visible ASCII"}}});
  world.with_key(std::string(256, 'x'), {{"POST /api/v1/credits", order, 400, {"1 to 255"}}});
  world.play({{"GET /api/v1/credits/transfers", "", 200, {R"("data":[])"}}});
}

TEST_CASE("what is wrong with a grant is said by field") {
  Money world;
  world.play({{"POST /api/v1/accounts", R"({"name":"postpaid"})", 201, {}}});
  const auto refused = [&](const std::string& body, int status, const std::vector<std::string>& contains) {
    world.with_key("k", {{"POST /api/v1/credits", body, status, contains}});
  };
  refused(R"({"account":"postpaid","amount":"1","kind":"paid"})", 409, {"not prepaid", R"("field":"account")"});
  refused(R"({"account":"nobody","amount":"1","kind":"paid"})", 404, {"there is no account"});
  refused(R"({"account":"acme","kind":"paid"})", 400, {"'amount' is missing"});
  refused(R"({"account":"acme","amount":"0","kind":"paid"})", 400, {"amount_not_positive"});
  refused(R"({"account":"acme","amount":"ten","kind":"paid"})", 400, {R"("field":"amount")"});
  refused(R"({"account":"acme","amount":"1","kind":"free"})", 400, {"paid, promotional", R"("field":"kind")"});
  refused(R"({"account":"acme","amount":"1","kind":"paid","priority":256})", 400, {"priority_out_of_range"});
  refused(R"({"account":"acme","amount":"1","kind":"paid","priority":4294967296})", 400, {"priority_out_of_range"});
  refused(R"({"account":"acme","amount":"1","kind":"paid","expires":"2020-01-01"})", 400, {R"("field":"expires")"});
  refused(R"({"account":"acme","amount":"1","kind":"paid","expires":"soon"})", 400, {R"("field":"expires")"});
  refused(R"({"account":"acme","amount":"5000000000","kind":"paid"})", 400, {"amount_exceeds_books"});
  refused(R"({"account":"acme","amount":"1","kind":"paid","notes":"x"})", 400, {"did you mean 'note'?"});
  refused(R"({"account":"acme","amount":"0.000000001","kind":"paid"})", 400, {"fee_takes_all"});
}

TEST_CASE("a grant is voided and disputed, a fee is taken, and each is in the balance and the transfers") {
  Money world;
  world.with_key("g1", {{"POST /api/v1/credits",
                         R"({"account":"acme","amount":"4","kind":"promotional","expires":"2026-12-01"})",
                         201,
                         {R"("expires":"2026-12-01T00:00:00.000Z")", R"("priority":100)"},
                         "gift"}});
  world.with_key(
      "g2",
      {{"POST /api/v1/credits", R"({"account":"acme","amount":"8","kind":"paid","priority":7})", 201, {}, "paid"}});
  world.with_key(
      "f",
      {{"POST /api/v1/credits/fee",
        R"({"account":"acme","amount":"1","note":"December"})",
        200,
        {R"("kind":"fee")", R"("source":"grant:{paid}","target":"fees")"}},
       {"POST /api/v1/credits/fee", R"({"account":"acme","amount":"1","note":"December"})", 200, {R"("kind":"fee")"}}});
  world.with_key("f2", {{"POST /api/v1/credits/fee", R"({"account":"acme","amount":"12"})", 402, {"exceeds_balance"}}});
  world.with_key(
      "v",
      {{"POST /api/v1/credits/{gift}/void", "", 200, {R"("kind":"void")", R"("target":"promotional","amount":"4")"}}});
  world.with_key("v2", {{"POST /api/v1/credits/{gift}/void", "", 409, {"grant_already_void"}},
                        {"POST /api/v1/credits/{acme}/void", "", 404, {"unknown_grant"}},
                        {"POST /api/v1/credits/x/void", "", 400, {R"("field":"id")"}}});
  world.with_key(
      "d",
      {{"POST /api/v1/credits/{paid}/dispute", R"({"amount":"9"})", 409, {"exceeds_payment"}},
       {"POST /api/v1/credits/{paid}/dispute", R"({"amount":"8"})", 200, {R"("target":"deposits","amount":"8")"}}});
  world.with_key("d2", {{"POST /api/v1/credits/{gift}/dispute", R"({"amount":"1"})", 409, {"grant_not_paid"}}});
  world.with_key("r", {{"POST /api/v1/credits/refund",
                        R"({"exchange":"{gift}","amount":"1"})",
                        404,
                        {"unknown_charge", R"("field":"exchange")"}}});
  world.play({{"GET /api/v1/accounts/acme/balance",
               "",
               200,
               {R"("credit_only":true)", R"("status":"void")", R"("status":"below_zero")", R"("note":"")"}},
              {"GET /api/v1/credits/transfers?account=acme&limit=2", "", 200, {R"("kind":"dispute")"}, "", {"top_up"}},
              {"GET /api/v1/credits/check", "", 200, {R"("right":true)"}}});
}

TEST_CASE("an exchange's charge is given back along its record") {
  Money world;
  world.with_key(
      "g", {{"POST /api/v1/credits", R"({"account":"acme","amount":"4","kind":"promotional"})", 201, {}, "grant"}});
  REQUIRE(world.secret_store.open_incarnation(world.clock.wall_now()).has_value());
  events::UsageRecord record;
  record.id = base::ExchangeId::create(world.clock.wall_now(), world.random);
  record.started = world.clock.wall_now();
  record.account = *base::AccountId::parse(world.saved["acme"]);
  record.cost = *base::Money::parse_usd("2");
  record.upstream = "openai";
  record.holds = {{{base::Uuid::parse(world.saved["grant"]).value()}, {}, 3'000'000'000, 3'000'000'000, 0}};
  REQUIRE(world.secret_store.flush({.records = events::pointers_to(std::span(&record, 1)), .returns = {}}).has_value());
  const std::string exchange = record.id.to_string();
  world.with_key("r", {{"POST /api/v1/credits/refund",
                        fmt::format(R"({{"exchange":"{}","amount":"1.5","note":"sorry"}})", exchange),
                        200,
                        {R"("source":"revenue","target":"grant:{grant}","amount":"1.5")", R"("note":"sorry")"}}});
  world.with_key("r2", {{"POST /api/v1/credits/refund",
                         fmt::format(R"({{"exchange":"{}","amount":"1.6"}})", exchange),
                         409,
                         {"exceeds_charge"}}});
}
