#include "admin/world_test.h"

using namespace admin;
using namespace admin::testing;

namespace {

std::string header(const Response& reply, std::string_view name) {
  for (const auto& [field, value] : reply.headers)
    if (field == name) return value;
  return {};
}

std::string member(const Response& reply, std::string_view name) {
  const auto json = base::Json::parse(reply.body);
  REQUIRE(json.has_value());
  const base::Json* const value = json->find(name);
  REQUIRE(value != nullptr);
  return value->text();
}

// The value of the cookie that a reply sets, without its attributes.
std::string cookie_in(const Response& reply) {
  const std::string field = header(reply, "Set-Cookie");
  REQUIRE(field.starts_with("metergate_session="));
  const std::size_t from = field.find('=') + 1;
  return field.substr(from, field.find(';') - from);
}

// Over the network, with a user `alice`, an admin, and `bob`, as the test wants him.
class Office : public World {
 public:
  explicit Office(std::string bobs_role = "viewer", std::string bobs_account = "*") {
    play({
        {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
        {"POST /api/v1/accounts", R"({"name":"Search","parent":"Acme"})", 201, {}, "search"},
        {"POST /api/v1/accounts", R"({"name":"Other"})", 201, {}, "other"},
        {"POST /api/v1/keys", R"({"name":"k-search","account":"Search"})", 201, {}, "k_search"},
        {"POST /api/v1/keys", R"({"name":"k-other","account":"Other"})", 201, {}, "k_other"},
        {"POST /api/v1/limits", R"({"account":"Acme","amount":"10","unit":"usd","window":"day"})", 201, {}, "l_acme"},
        {"POST /api/v1/limits",
         R"({"account":"Search","amount":"5","unit":"usd","window":"day"})",
         201,
         {},
         "l_search"},
        {"POST /api/v1/limits", R"({"account":"Other","amount":"5","unit":"usd","window":"day"})", 201, {}, "l_other"},
    });
    secret_store_accounts();
    play({
        {"POST /api/v1/users",
         R"({"username":"alice","password":"a horse, a staple","role":"admin"})",
         201,
         {},
         "alice"},
        {"POST /api/v1/users",
         R"({"username":"bob","password":"a horse, a staple","role":")" + bobs_role + R"(","account":")" +
             bobs_account + "\"}",
         201,
         {},
         "bob"},
    });
    trust = Trust::network;
  }

  Response log_in(std::string name, std::string password = "a horse, a staple") {
    credential.clear();
    return send("POST /api/v1/session", R"({"username":")" + name + R"(","password":")" + password + "\"}");
  }
  // From here on requests come from this user.
  void become(const std::string& name) {
    const Response reply = log_in(name);
    REQUIRE(reply.status == 200);
    credential = member(reply, "token");
  }

 private:
  // The store of identities knows accounts by its own tables; the catalog of this world forgets.
  void secret_store_accounts() {
    for (const catalog::Account& account : catalog->current()->accounts())
      if (!account.parent) REQUIRE(secret_store.put(account).has_value());
    for (const catalog::Account& account : catalog->current()->accounts())
      if (account.parent) REQUIRE(secret_store.put(account).has_value());
  }
};

}  // namespace

TEST_CASE("a login gives a token that does what the role allows, until it is given back (S3-15, S3-47)") {
  Office office;
  office.become("bob");
  office.play({
      {"GET /api/v1/session",
       "",
       200,
       {R"("username":"bob")", R"("role":"viewer")", R"("account":null)"},
       "",
       {R"("token")"}},
      {"GET /api/v1/accounts", "", 200, {"Acme", "Search", "Other"}},
      {"POST /api/v1/accounts", R"({"name":"Mine"})", 403, {"this needs the role operator, and 'bob' is viewer"}},
      {"GET /api/v1/users", "", 403, {"this needs the role admin"}},
      {"GET /api/v1/audit", "", 403, {"this needs the role admin"}},
      {"DELETE /api/v1/session", "", 204},
      {"GET /api/v1/session", "", 401, {"this session is not known, or over: log in again"}},
      {"GET /api/v1/accounts", "", 401},
  });
  office.credential += "x";
  office.play({{"GET /api/v1/accounts", "", 401}});
}

TEST_CASE("a login is where others have it, too (S3-48, S3-49)") {
  Office office;
  office.play({
      {"POST /api/auth/login",
       R"({"username":"alice","password":"a horse, a staple"})",
       200,
       {R"("token":"eyJ)", R"("username":"alice")"}},
      {"POST /api/auth/login", R"({"username":"admin","password":"changeme"})", 401},
  });
}

TEST_CASE("a login says what is wrong with it, and not more") {
  Office office;
  office.play({
      {"POST /api/v1/session", R"({"username":"bob"})", 400, {"give 'username' and 'password', or 'admin_key'"}},
      {"POST /api/v1/session", R"({"username":"bob","password":"x","admin_key":"y"})", 400, {"or 'admin_key'"}},
      {"POST /api/v1/session", R"({"username":"bob","password":"wrong"})", 401, {"user name and password do not fit"}},
      {"POST /api/v1/session",
       R"({"username":"mallory","password":"wrong"})",
       401,
       {"user name and password do not fit"}},
      {"POST /api/v1/session", R"({"admin_key":"guess"})", 401, {"this is no admin key", R"("field":"admin_key")"}},
      {"POST /api/v1/session", R"({"user":"bob"})", 400, {"'user' is not a known field"}},
  });
  for (int i = 0; i < 2; ++i) CHECK(office.log_in("bob", "wrong").status == 401);
  const Response refused = office.log_in("bob");
  CHECK(refused.status == 429);
  CHECK(refused.body.contains(R"("type":"rate_limited")"));
  CHECK(header(refused, "Retry-After") == "1");
  office.clock.advance_ms(1000);
  CHECK(office.log_in("bob").status == 200);
}

TEST_CASE("a page's cookie reads by itself, and changes only with the session's own token beside it") {
  Office office;
  const Response reply = office.log_in("alice");
  CHECK(header(reply, "Set-Cookie").ends_with("; Path=/api; HttpOnly; SameSite=Strict; Max-Age=86400"));
  office.session_cookie = cookie_in(reply);
  office.play({
      {"GET /api/v1/session", "", 200, {R"("username":"alice")"}},
      {"POST /api/v1/accounts", R"({"name":"A"})", 403, {"send the session's 'csrf_token' as 'X-CSRF-Token'"}},
      {"DELETE /api/v1/session", "", 403},
  });
  const Response other = office.log_in("bob");
  office.csrf_token = member(other, "csrf_token");
  office.play({{"POST /api/v1/accounts", R"({"name":"A"})", 403}});
  office.csrf_token = member(reply, "csrf_token");
  office.play({{"POST /api/v1/accounts", R"({"name":"A"})", 201}});
  const Response out = office.send("DELETE /api/v1/session");
  CHECK(out.status == 204);
  CHECK(header(out, "Set-Cookie").starts_with("metergate_session=; "));
  CHECK(header(out, "Set-Cookie").ends_with("Max-Age=0"));
  office.play({{"GET /api/v1/session", "", 401}});
}

TEST_CASE("an admin key may log in to the pages, and its session ends with it") {
  Office office;
  office.trust = Trust::local;
  office.play({{"POST /api/v1/keys", R"({"name":"root","role":"admin"})", 201, {}, "root"}});
  office.trust = Trust::network;
  const Response reply = office.send("POST /api/v1/session", R"({"admin_key":"{root_secret}"})");
  REQUIRE(reply.status == 200);
  CHECK(member(reply, "username") == "admin key");
  office.credential = member(reply, "token");
  office.play({{"GET /api/v1/users", "", 200, {"alice"}}});
  office.trust = Trust::local;
  office.play({{"POST /api/v1/keys/{root}/revoke", "", 200}});
  office.trust = Trust::network;
  office.play({{"GET /api/v1/users", "", 401}});
}

TEST_CASE("the printed link makes the first user, and nobody else does") {
  World world;
  world.trust = Trust::network;
  world.play({
      {"GET /api/v1/setup", "", 200, {R"({"needed":true,"provider":null})"}},
      {"POST /api/v1/setup",
       R"({"link":"guess","username":"eve","password":"a horse, a staple"})",
       401,
       {R"("field":"link")"}},
  });
  const std::string link((*world.users.setup_link())->reveal());
  const std::string body = R"({"link":")" + link + R"(","username":"alice","password":"a horse, a staple"})";
  const Response made = world.send("POST /api/v1/setup", body);
  CHECK(made.status == 200);
  CHECK(member(made, "role") == "admin");
  world.play({{"GET /api/v1/setup", "", 200, {R"({"needed":false,"provider":null})"}}});
  CHECK(world.send("POST /api/v1/setup", body).status == 409);
  world.credential = member(made, "token");
  world.play({{"GET /api/v1/users", "", 200, {R"("username":"alice")"}}});
}

TEST_CASE("who is limited to an account sees and changes what is below it, and knows of nothing else") {
  Office office("operator", "Acme");
  office.become("bob");
  office.play({
      {"GET /api/v1/session", "", 200, {R"("account":"{acme}")"}},
      {"GET /api/v1/accounts", "", 200, {"Acme", "Search"}, "", {"Other"}},
      {"GET /api/v1/accounts/Other", "", 404},
      {"GET /api/v1/accounts/{other}", "", 404},
      {"GET /api/v1/keys", "", 200, {"k-search"}, "", {"k-other"}},
      {"GET /api/v1/keys/{k_other}", "", 404},
      {"POST /api/v1/keys/{k_other}/revoke", "", 404},
      {"GET /api/v1/limits", "", 200, {"{l_acme}", "{l_search}"}, "", {"{l_other}"}},
      {"GET /api/v1/limits/{l_other}", "", 404},
      {"PATCH /api/v1/limits/{l_other}", R"({"amount":"500"})", 404},
      {"GET /api/v1/usage?account=Other", "", 404},
      {"GET /api/v1/accounts/{other}/balance", "", 404},
      // What is below is his; what was set for him is not.
      {"PATCH /api/v1/limits/{l_search}", R"({"amount":"6"})", 200},
      {"PATCH /api/v1/limits/{l_acme}", R"({"amount":"1000"})", 403, {"by those above it"}},
      {"DELETE /api/v1/limits/{l_acme}", "", 403},
      {"PUT /api/v1/limits/{l_acme}/raise", R"({"amount":"1000","until":"2026-12-01T00:00:00Z"})", 403},
      {"POST /api/v1/accounts/{acme}/suspend", "", 403},
      {"POST /api/v1/accounts/{search}/suspend", "", 200},
      {"POST /api/v1/accounts/{search}/activate", "", 200},
      {"POST /api/v1/keys", R"({"name":"mine","account":"Search"})", 201},
      {"POST /api/v1/keys", R"({"name":"theirs","account":"Other"})", 404},
      {"POST /api/v1/keys", R"({"name":"root","role":"admin"})", 403, {"admin keys are made and revoked by admins"}},
      {"POST /api/v1/accounts", R"({"name":"Top"})", 400, {"'parent' is missing"}},
      {"POST /api/v1/accounts", R"({"name":"Under","parent":"Search"})", 201},
      {"POST /api/v1/accounts", R"({"name":"Cheap","parent":"Search","book":"default"})", 403, {R"("field":"book")"}},
      // Money's terms, and what is everybody's, are for who sees everything.
      {"PATCH /api/v1/accounts/{search}", R"({"markup_bps":0})", 403, {"this is for who sees all accounts"}},
      {"POST /api/v1/credits", "{}", 403},
      {"GET /api/v1/upstreams", "", 403},
      {"GET /api/v1/unresolved", "", 403},
      {"GET /api/v1/limit-templates", "", 403},
      {"GET /api/v1/events", "", 403},
      {"GET /api/v1/doctor", "", 403},
  });
  // Without an account in the query, a question is about his own.
  office.play({{"GET /api/v1/usage", "", 200}});
  CHECK(office.usage.asked.account->to_string() == office.saved.at("acme"));
}

TEST_CASE("an operator works with money and keys, and not with users and secrets") {
  Office office("operator");
  office.become("bob");
  office.play({
      {"POST /api/v1/accounts", R"({"name":"New"})", 201},
      {"PATCH /api/v1/limits/{l_acme}", R"({"amount":"11"})", 200},
      {"PATCH /api/v1/accounts/{acme}", R"({"markup_bps":500})", 200},
      {"GET /api/v1/upstreams", "", 200},
      {"PUT /api/v1/upstreams/openai/secret", R"({"secret":"sk"})", 403},
      {"DELETE /api/v1/upstreams/openai/secret", "", 403},
      {"POST /api/v1/users", R"({"username":"eve","password":"a horse, a staple"})", 403},
      {"PATCH /api/v1/users/{bob}", R"({"role":"admin"})", 403},
      {"POST /api/v1/backup", "{}", 403},
  });
}

TEST_CASE("who is limited to an account is told the story of its requests, and of no other") {
  Office office("viewer", "Acme");
  const auto record_of = [&](const std::string& account) {
    events::UsageRecord record;
    record.id = base::ExchangeId::create(office.clock.wall_now(), office.random);
    record.account = *base::AccountId::parse(office.saved[account]);
    office.saved["record_" + account] = record.id.to_string();
    office.usage.all.push_back(record);
  };
  record_of("search");
  record_of("other");
  office.become("bob");
  office.play({{"GET /api/v1/usage/records/{record_search}", "", 200, {"{record_search}"}},
               {"GET /api/v1/usage/records/{record_other}", "", 404, {"there is no usage record"}},
               {"GET /api/v1/prices", "", 403}});
}
