#include "catalog/limiter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "catalog/catalog.h"
#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

using catalog::AddressRules;
using catalog::Catalog;
using Reach = catalog::AddressRules::Reach;

namespace {

struct World {
  store::MemoryStore store;
  tests::FakeClock clock;
  tests::SeededRandom random{7};
  std::unique_ptr<Catalog> catalog = *Catalog::open(store, clock, random);

  static catalog::NewLimiter wanted() {
    return {
        .name = "Customer A", .budget = 20'000'000'000, .base_url = "https://api.openai.com/v1", .provider = "openai"};
  }
  catalog::Limiter made() { return *catalog->create_limiter(wanted()); }
  bool usable(const catalog::Limiter& limiter) const { return catalog->current()->find_key(limiter.key)->usable; }
};

base::Status allows(std::string_view rule, AddressRules rules = {}) { return rules.allow(rule); }

// How far a base URL reaches under these rules; empty: it is refused.
std::string reach(const std::vector<std::string>& rules, std::string_view base_url) {
  AddressRules all;
  for (const std::string& rule : rules) REQUIRE(all.allow(rule).has_value());
  const auto upstream = catalog::upstream_of(base_url, "openai", all);
  if (!upstream) {
    CHECK(upstream.error().field == "base_url");
    return {};
  }
  return all.reach_of(*upstream) == Reach::anywhere ? "anywhere" : "public";
}

}  // namespace

TEST_CASE("codes are twelve small letters and digits with both among them, and all different") {
  tests::SeededRandom random{1};
  std::set<std::string> codes;
  std::set<char> used;
  for (int i = 0; i < 100'000; ++i) {
    const std::string code = catalog::new_path_code(random);
    REQUIRE(code.size() == 12);
    REQUIRE(catalog::check_path_code(code).has_value());
    used.insert(code.begin(), code.end());
    codes.insert(code);
  }
  CHECK(codes.size() == 100'000);
  CHECK(used.size() == 36);
  CHECK_FALSE((used.contains('-') || used.contains('_')));
}

TEST_CASE("a code of one's own is no word of the providers' paths and has a letter and a digit") {
  for (const char* good : {"customer-42", "a1234567", "team_7_berlin", "12345678a"})
    CHECK(catalog::check_path_code(good).has_value());
  for (const char* bad : {"", "chat", "models", "v1beta", "a123456", "12345678", "abcdefgh", "Customer-42",
                          "a1/b2/c3d4", "a1234567 ", "a1234567\xC3\xA4", "a1.b2.c3.d4"}) {
    CAPTURE(bad);
    const auto refused = catalog::check_path_code(bad);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().field == "code");
  }
  CHECK_FALSE(catalog::check_path_code(std::string(64, 'a') + "1").has_value());
}

TEST_CASE("a path has a code behind /v1 or /t, and nowhere else") {
  const auto found = catalog::coded_path("/v1/abc123def456/chat/completions");
  REQUIRE(found.has_value());
  CHECK(found->code == "abc123def456");
  CHECK(found->prefix == "/v1/abc123def456");
  CHECK(catalog::coded_path("/t/abc123def456/v1/models")->prefix == "/t/abc123def456");
  CHECK(catalog::coded_path("/v1/abc123def456")->code == "abc123def456");
  for (const char* none : {"/v1/chat/completions", "/v1/", "/v1", "/", "/v2/abc123def456/x", "/openai/abc123def456",
                           "/v1/mg_live_ABC123/chat", "/v1/models/gpt-4o-2024", "/t", "/t/"}) {
    CAPTURE(none);
    CHECK_FALSE(catalog::coded_path(none).has_value());
  }
}

TEST_CASE("base URLs are allowed by name or by pattern, and patterns are for public addresses alone") {
  CHECK(reach({"https://*"}, "https://api.openai.com") == "public");
  CHECK(reach({"https://*"}, "https://api.openai.com:8443").empty());
  CHECK(reach({"https://*"}, "http://api.openai.com").empty());
  CHECK(reach({"https://*.openai.azure.com"}, "https://acme.openai.azure.com") == "public");
  CHECK(reach({"https://*.openai.azure.com"}, "https://openai.azure.com").empty());
  CHECK(reach({"https://*.openai.azure.com"}, "https://acme.openai.azure.com.evil.example").empty());
  CHECK(reach({"http://10.0.0.5:8000"}, "http://10.0.0.5:8000/v1") == "anywhere");
  CHECK(reach({"http://10.0.0.5:8000"}, "http://10.0.0.5/v1").empty());
  CHECK(reach({"http://10.0.0.5:8000"}, "https://10.0.0.5:8000/v1").empty());
  CHECK(reach({}, "https://api.openai.com").empty());
  CHECK(reach({"https://*"}, "https://api.openai.com/" + std::string(500, 'a')).empty());
  for (const char* bad : {"*", "http://*", "https://a*.example.com", "https://*.example.com/x", "https://*.*",
                          "nonsense", "https://x.example/path", "https://*.example.com:8443"}) {
    CAPTURE(bad);
    CHECK_FALSE(allows(bad).has_value());
  }
}

TEST_CASE("a base URL without a path is /v1 where clients leave that out, and carries no secret") {
  AddressRules rules = AddressRules::any_public();
  const auto openai = catalog::upstream_of("https://api.openai.com/", "openai", rules);
  CHECK(openai->name == "https://api.openai.com/v1");
  CHECK(openai->base_path == "/v1");
  CHECK(openai->secret.empty());
  CHECK(openai->credential.place == catalog::Credential::Place::none);
  CHECK(catalog::upstream_of("https://a.openai.azure.com", "azure_openai", rules)->base_path.empty());
  CHECK(catalog::upstream_of("https://api.groq.com/openai/v1", "groq", rules)->base_path == "/openai/v1");
  catalog::Upstream declared;
  declared.name = "inside";
  declared.scheme = "https";
  declared.host = "llm.inside";
  declared.ca_file = "ca.pem";
  declared.secret = "sk-ours";
  rules.allow(declared);
  const auto inside = catalog::upstream_of("https://llm.inside/v1", "openai", rules);
  CHECK(inside->ca_file == "ca.pem");
  CHECK(inside->secret.empty());
  CHECK(rules.reach_of(*inside) == Reach::anywhere);
}

TEST_CASE("a limiter is an account with a limit and a key that nobody has, made in one change") {
  World world;
  const auto limiter = world.made();
  const auto snapshot = world.catalog->current();
  const auto entry = snapshot->find_key(limiter.key);
  REQUIRE(entry.has_value());
  CHECK(entry->usable);
  CHECK(entry->account->id == limiter.id);
  REQUIRE(entry->limits.size() == 1);
  CHECK(entry->limits.front()->id == limiter.limit);
  CHECK(entry->limits.front()->amount == 20'000'000'000);
  CHECK(entry->limits.front()->leased());
  CHECK_FALSE(snapshot->find_key(base::sha256(limiter.code)).has_value());
  CHECK(snapshot->find_limiter(limiter.code)->id == limiter.id);
  const auto reopened = Catalog::open(world.store, world.clock, world.random);
  CHECK((*reopened)->current()->limiters() == snapshot->limiters());
  CHECK(*(*reopened)->current()->find_limiter(limiter.id) == limiter);
}

TEST_CASE("a limiter that is switched off or deleted admits nothing, and its code is never given again") {
  World world;
  auto wanted = World::wanted();
  wanted.code = "customer-42";
  const auto limiter = *world.catalog->create_limiter(wanted);
  CHECK(world.catalog->create_limiter(wanted).error().type == base::ErrorType::conflict);
  REQUIRE(world.catalog->edit_limiter(limiter.id, {.active = false}).has_value());
  CHECK_FALSE(world.usable(limiter));
  REQUIRE(world.catalog->edit_limiter(limiter.id, {.active = true}).has_value());
  CHECK(world.usable(limiter));
  REQUIRE(world.catalog->remove_limiter(limiter.id).has_value());
  CHECK_FALSE(world.usable(limiter));
  REQUIRE(world.catalog->set_account_status(limiter.id, catalog::AccountStatus::active).has_value());
  CHECK_FALSE(world.usable(limiter));
  CHECK(world.catalog->current()->find_limiter(std::string_view("customer-42"))->removed.has_value());
  CHECK(world.catalog->remove_limiter(limiter.id).error().type == base::ErrorType::not_found);
  CHECK(world.catalog->edit_limiter(limiter.id, {.active = true}).error().type == base::ErrorType::not_found);
  CHECK(world.catalog->create_limiter(wanted).error().type == base::ErrorType::conflict);
}

TEST_CASE("what a limiter is made of is not taken from it") {
  World world;
  const auto limiter = world.made();
  CHECK(world.catalog->remove_limit(limiter.limit).error().type == base::ErrorType::conflict);
  CHECK(world.catalog->revoke_key(limiter.key).error().type == base::ErrorType::conflict);
  REQUIRE(world.catalog->remove_limiter(limiter.id).has_value());
  CHECK(world.catalog->remove_limit(limiter.limit).has_value());
}

TEST_CASE("an edit changes what it names, and a name that says the amount follows it") {
  World world;
  const auto limiter = world.made();
  const auto changed = *world.catalog->edit_limiter(
      limiter.id, {.name = "B", .budget = 7'000'000'000, .models = std::vector<std::string>{"gpt-4o*"}});
  CHECK(changed.models == std::vector<std::string>{"gpt-4o*"});
  CHECK(changed.base_url == limiter.base_url);
  const auto snapshot = world.catalog->current();
  CHECK(snapshot->find_account(limiter.id)->name == "B");
  CHECK(snapshot->find_limit(limiter.limit)->name == "7 usd per day");
  CHECK(world.catalog->edit_limiter(limiter.id, {.budget = -1}).error().field == "budget");
  CHECK(world.catalog->edit_limiter(limiter.id, {.models = std::vector<std::string>{"["}}).error().field == "models");
}
