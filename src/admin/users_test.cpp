#include "admin/world_test.h"

using namespace admin;
using namespace admin::testing;

TEST_CASE("users are made, changed and removed, and their passwords are never said") {
  World world;
  const std::string password = R"("password":"a horse, a staple")";
  world.play({
      {"POST /api/v1/users",
       R"({"username":"Alice","role":"admin",)" + password + "}",
       201,
       {R"("username":"alice")", R"("status":"active")"},
       "alice",
       {R"("password":)", "argon2"}},
      {"POST /api/v1/users",
       R"({"username":"bob",)" + password + "}",
       201,
       {R"("role":"viewer")", R"("account":null)"},
       "bob"},
      {"POST /api/v1/users", R"({"username":"BOB",)" + password + "}", 409, {"there is a user 'bob' already"}},
      {"POST /api/v1/users", R"({"username":"eve","password":"short"})", 400, {R"("field":"password")"}},
      {"POST /api/v1/users", R"({"username":"e v e",)" + password + "}", 400, {R"("field":"username")"}},
      {"POST /api/v1/users", R"({"username":"eve","role":"root",)" + password + "}", 400, {R"("field":"role")"}},
      {"POST /api/v1/users", R"({"username":"eve","account":"Nobody",)" + password + "}", 404, {"Nobody"}},
      {"GET /api/v1/users", "", 200, {"alice", "bob"}, "", {"argon2"}},
      {"GET /api/v1/users?limit=1", "", 200, {"alice", R"("next":"{alice}")"}},
      {"GET /api/v1/users/{bob}", "", 200, {"bob"}},
      {"GET /api/v1/users/Bob", "", 200, {"{bob}"}},
      {"GET /api/v1/users/nobody", "", 404, {"there is no user 'nobody'"}},
      {"GET /api/v1/users/no%20body", "", 400, {R"("field":"username")"}},
      {"PATCH /api/v1/users/{bob}",
       R"({"role":"operator","status":"disabled"})",
       200,
       {R"("role":"operator")", R"("status":"disabled")"}},
      {"PATCH /api/v1/users/{bob}", "{}", 400, {"nothing to change"}},
      {"PATCH /api/v1/users/{bob}", R"({"status":"gone"})", 400, {"must be active or disabled"}},
      {"PATCH /api/v1/users/{alice}", R"({"role":"viewer"})", 409, {"the last admin who may log in"}},
      {"DELETE /api/v1/users/{alice}", "", 409},
      {"DELETE /api/v1/users/{bob}", "", 204},
      {"GET /api/v1/users/{bob}", "", 404},
      {"DELETE /api/v1/users/{bob}", "", 404},
  });
}

TEST_CASE("the audit log has each change, with before and after, and no secret") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
      {"POST /api/v1/limits", R"({"account":"Acme","amount":"5","unit":"usd","window":"day"})", 201, {}, "limit"},
  });
  world.options.environment_admin_key_hash = base::sha256("the admin's");
  world.trust = Trust::network;
  world.credential = "the admin's";
  world.clock.advance_ms(1000);
  world.play({
      {"PATCH /api/v1/limits/{limit}", R"({"amount":"7"})", 200},
      {"GET /api/v1/audit?limit=1",
       "",
       200,
       {R"("action":"PATCH /api/v1/limits/{id}")", R"("subject":"{limit}")", R"("kind":"admin_key")",
        R"("name":"environment")", R"("address":"192.0.2.1")", R"("asked":{"amount":"7"})", R"("status":200)"}},
  });
  world.clock.advance_ms(1);
  world.play({
      {"PATCH /api/v1/limits/{limit}", R"({"amount":"-7"})", 400},
      {"GET /api/v1/audit?limit=1", "", 200, {R"("asked":{"amount":"-7"})", R"("after":null)", R"("status":400)"}},
      {"PUT /api/v1/upstreams/openai/secret", R"({"secret":"sk-very-secret"})", 200},
      {"POST /api/v1/keys", R"({"name":"k","account":"Acme"})", 201, {}, "key"},
      {"POST /api/v1/users", R"({"username":"alice","password":"a horse, a staple"})", 201},
      {"POST /api/v1/session", R"({"username":"alice","password":"a wrong, long one"})", 401},
      {"POST /api/v1/session", R"({"username":"alice","password":"a horse, a staple"})", 200},
      {"GET /api/v1/audit",
       "",
       200,
       {"upstreams", R"x("secret":"(not kept)")x", R"x("password":"(not kept)")x", R"("kind":"nobody")",
        R"("kind":"user")"},
       "",
       {"sk-very-secret", "{key_secret}", "a horse", "a wrong"}},
      {"GET /api/v1/audit?subject={limit}", "", 200, {R"("amount":"-7")"}, "", {"upstreams"}},
      {"GET /api/v1/audit?actor=nobody", "", 200, {R"("data":[])"}},
      {"GET /api/v1/audit?to=2020-01-01", "", 200, {R"("data":[])"}},
      {"GET /api/v1/audit?from=yesterday", "", 400, {R"("field":"from")"}},
  });
  const Response changes = world.send("GET /api/v1/audit?subject=" + world.saved.at("limit"));
  CHECK(changes.body.contains(R"("before":{"id":")"));
  const auto before = changes.body.find(R"("before":{)");
  const auto after = changes.body.find(R"("after":{)");
  REQUIRE(before != std::string::npos);
  REQUIRE(after != std::string::npos);
}

TEST_CASE("nothing is changed that the audit log cannot take") {
  // The first of a change's two entries fails.
  class DeafLog final : public identity::Store {
   public:
    store::MemoryStore& good;
    explicit DeafLog(store::MemoryStore& store) : good(store) {}
    base::Result<std::vector<identity::User>> users() override { return good.users(); }
    base::Result<std::optional<identity::User>> find_user(identity::UserId id) override { return good.find_user(id); }
    base::Result<std::optional<identity::User>> find_user_named(std::string_view name) override {
      return good.find_user_named(name);
    }
    base::Status put_user(const identity::User& user) override { return good.put_user(user); }
    base::Status remove_user(identity::UserId id) override { return good.remove_user(id); }
    base::Status open_session(const identity::Session& session) override { return good.open_session(session); }
    base::Result<std::optional<identity::Session>> find_session(identity::SessionId id) override {
      return good.find_session(id);
    }
    base::Status end_session(identity::SessionId id) override { return good.end_session(id); }
    base::Status begin_change(const identity::AuditEntry&) override {
      return base::fail(base::ErrorType::unavailable, "the disk is full", {}, base::Source::store);
    }
    base::Status end_change(const identity::AuditEntry& entry) override { return good.end_change(entry); }
    base::Result<std::vector<identity::AuditEntry>> changes(const identity::AuditFilter& filter) override {
      return good.changes(filter);
    }
  };
  World world;
  DeafLog log(world.secret_store);
  world.identity_store = &log;
  world.play({
      {"POST /api/v1/accounts",
       R"({"name":"Acme"})",
       503,
       {"nothing was changed, because the audit log cannot be written", "the disk is full"}},
      {"GET /api/v1/accounts", "", 200, {R"("data":[])"}},
  });
}
