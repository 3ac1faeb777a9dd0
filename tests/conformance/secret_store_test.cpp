#include "tests/conformance/stores.h"

using base::Secret;

namespace {

Secret secret_of(std::string text) { return Secret(std::move(text)); }

}  // namespace

TEST_CASE_TEMPLATE("a secret comes back as it was put, each under its own name", Store, EVERY_STORE) {
  Store on;
  CHECK(on.secrets().secret_names()->empty());
  CHECK_FALSE(on.secrets().find_secret("openai")->has_value());
  REQUIRE(on.secrets().put_secret("openai", secret_of("sk-one")).has_value());
  REQUIRE(on.secrets().put_secret("azure.eu-1", secret_of("sk-two")).has_value());
  CHECK(*on.secrets().secret_names() == std::vector<std::string>{"azure.eu-1", "openai"});
  CHECK((*on.secrets().find_secret("openai"))->reveal() == "sk-one");
  CHECK((*on.secrets().find_secret("azure.eu-1"))->reveal() == "sk-two");
  CHECK_FALSE(on.secrets().find_secret("azure")->has_value());
}

TEST_CASE_TEMPLATE("a secret that is put again is replaced", Store, EVERY_STORE) {
  Store on;
  for (const char* text : {"sk-old", "sk-new", "sk-new"})
    REQUIRE(on.secrets().put_secret("openai", secret_of(text)).has_value());
  CHECK(*on.secrets().secret_names() == std::vector<std::string>{"openai"});
  CHECK((*on.secrets().find_secret("openai"))->reveal() == "sk-new");
}

TEST_CASE_TEMPLATE("a secret may hold any bytes and be long", Store, EVERY_STORE) {
  Store on;
  std::string text;
  for (int i = 0; i < 8192; ++i) text += static_cast<char>(i % 256);
  REQUIRE(on.secrets().put_secret("openai", secret_of(text)).has_value());
  CHECK((*on.secrets().find_secret("openai"))->reveal() == text);
}

TEST_CASE_TEMPLATE("a removed secret is gone, and cannot be removed again", Store, EVERY_STORE) {
  Store on;
  REQUIRE(on.secrets().put_secret("openai", secret_of("sk-one")).has_value());
  REQUIRE(on.secrets().put_secret("other", secret_of("sk-two")).has_value());
  REQUIRE(on.secrets().remove_secret("openai").has_value());
  CHECK(*on.secrets().secret_names() == std::vector<std::string>{"other"});
  CHECK_FALSE(on.secrets().find_secret("openai")->has_value());
  const auto again = on.secrets().remove_secret("openai");
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().type == base::ErrorType::not_found);
  REQUIRE(on.secrets().put_secret("openai", secret_of("sk-three")).has_value());
  CHECK((*on.secrets().find_secret("openai"))->reveal() == "sk-three");
}

TEST_CASE("secrets survive a restart") {
  tests::OnSqlite on;
  REQUIRE(on.secrets().put_secret("openai", secret_of("sk-one")).has_value());
  on.reopen();
  CHECK(*on.secrets().secret_names() == std::vector<std::string>{"openai"});
  CHECK((*on.secrets().find_secret("openai"))->reveal() == "sk-one");
}
