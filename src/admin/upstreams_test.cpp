#include "admin/world_test.h"

using namespace admin;
using namespace admin::testing;

TEST_CASE("an upstream is listed with the place its secret comes from, and never with the secret") {
  World world;
  world.play({
      {"GET /api/v1/upstreams",
       "",
       200,
       {R"({"name":"openai","provider":"openai","base_url":"https://api.openai.com/v1","secret_source":"none"})",
        R"("name":"azure","provider":"openai","base_url":"https://azure.test/v1","secret_source":"configuration")",
        R"("next":null)"},
       "",
       {"sk-"}},
      {"PUT /api/v1/upstreams/openai/secret",
       R"({"secret":"sk-one"})",
       200,
       {R"({"name":"openai","provider":"openai","base_url":"https://api.openai.com/v1","secret_source":"store"})"},
       "",
       {"sk-"}},
      {"GET /api/v1/upstreams",
       "",
       200,
       {R"("base_url":"https://api.openai.com/v1","secret_source":"store")"},
       "",
       {"sk-"}},
      {"DELETE /api/v1/upstreams/openai/secret", "", 204, {}},
      {"GET /api/v1/upstreams", "", 200, {R"("base_url":"https://api.openai.com/v1","secret_source":"none")"}},
      {"DELETE /api/v1/upstreams/openai/secret", "", 404, {"the store holds no key of 'openai'", R"("field":"name")"}},
      {"GET /api/v1/upstreams?limit=1", "", 400, {"'limit' is not a parameter of this request"}},
  });
}

TEST_CASE("a secret that is set is the one that is kept") {
  World world;
  for (const char* secret : {"sk-one", "sk-two"}) {
    world.play({{"PUT /api/v1/upstreams/openai/secret", fmt::format(R"({{"secret":"{}"}})", secret), 200, {}}});
    CHECK((*world.secret_store.find_secret("openai"))->reveal() == secret);
  }
}

TEST_CASE("a secret that cannot be set is refused with the field and without the secret") {
  World world;
  const std::string call = "PUT /api/v1/upstreams/openai/secret";
  world.play({
      {"PUT /api/v1/upstreams/opnai/secret",
       R"({"secret":"sk-one"})",
       404,
       {"the configuration has no upstream 'opnai'; did you mean 'openai'?", R"("field":"name")"},
       "",
       {"sk-"}},
      {"PUT /api/v1/upstreams/azure/secret",
       R"({"secret":"sk-one"})",
       409,
       {"the configuration sets the key of 'azure', and what it sets wins", R"("field":"name")"},
       "",
       {"sk-"}},
      {"DELETE /api/v1/upstreams/azure/secret", "", 404, {"the configuration sets it, take it out there"}},
      {call, "", 400, {"'secret' is missing", R"("field":"secret")"}},
      {call, R"({"secret":null})", 400, {"'secret' is missing"}},
      {call, R"({"secret":""})", 400, {"'secret' is empty", R"("field":"secret")"}},
      {call, R"({"secret":12345})", 400, {"'secret' must be a string", R"("field":"secret")"}, "", {"12345"}},
      {call, R"({"sercet":"sk-one"})", 400, {"'sercet' is not a known field; did you mean 'secret'?"}, "", {"sk-"}},
      {call, R"({"secret":"sk-one","secret":"sk-two"})", 400, {"'secret' is given twice"}, "", {"sk-"}},
      {call, R"({"secret":"sk-one\r\nX-Evil: 1"})", 400, {"'secret' holds a space, a line break"}, "", {"sk-", "Evil"}},
      {call, R"({"secret":"sk-one)", 400, {"not valid JSON"}, "", {"sk-"}},
      {call, "sk-one", 400, {"not valid JSON"}, "", {"sk-"}},
  });
  CHECK(world.secret_store.secret_names()->empty());
}
