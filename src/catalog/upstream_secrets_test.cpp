#include "catalog/upstream_secrets.h"

#include <doctest/doctest.h>

#include <map>

#include "store/memory/memory_store.h"

using namespace catalog;
using base::ErrorType;
using base::Secret;

namespace {

Secret secret_of(std::string text) { return Secret(std::move(text)); }

// A store whose disk fails when the test says so.
class FailingStore final : public SecretStore {
 public:
  bool failing = false;

  base::Result<std::vector<std::string>> secret_names() override { return kept_.secret_names(); }
  base::Result<std::optional<Secret>> find_secret(std::string_view upstream) override {
    if (failing) return broken();
    return kept_.find_secret(upstream);
  }
  base::Status put_secret(std::string_view upstream, const Secret& secret) override {
    if (failing) return broken();
    return kept_.put_secret(upstream, secret);
  }
  base::Status remove_secret(std::string_view upstream) override {
    if (failing) return broken();
    return kept_.remove_secret(upstream);
  }

 private:
  static std::unexpected<base::Error> broken() {
    return base::fail(ErrorType::unavailable, "the disk is full", {}, base::Source::store);
  }
  store::MemoryStore kept_;
};

Upstream upstream(std::string name, std::string scheme, std::string host, std::uint16_t port, std::string secret = {}) {
  Upstream made;
  made.name = std::move(name);
  made.scheme = std::move(scheme);
  made.host = std::move(host);
  made.port = port;
  made.secret = std::move(secret);
  return made;
}

struct World {
  std::vector<Upstream> declared = {upstream("openai", "https", "api.openai.com", 443),
                                    upstream("azure", "https", "azure.test", 443, "sk-file"),
                                    upstream("local", "http", "::1", 8000)};
  FailingStore store;
  UpstreamSecrets secrets{declared, store};
  std::vector<std::string> told;  // "openai=sk-one"

  World() {
    secrets.on_change([this](const std::string& upstream, const Secret& secret) {
      told.push_back(upstream + "=" + std::string(secret.reveal()));
    });
  }
  std::string sources() {
    const auto entries = secrets.list();
    std::string text;
    for (const UpstreamEntry& entry : *entries)
      text += entry.upstream->name + ":" + std::string(to_string(entry.source)) + " ";
    return text;
  }
};

}  // namespace

TEST_CASE("a secret that is set is stored, told to who calls upstreams, and listed as the store's") {
  World world;
  CHECK(world.sources() == "openai:none azure:configuration local:none ");
  const auto entry = world.secrets.set("openai", secret_of("sk-one"));
  REQUIRE(entry.has_value());
  CHECK(entry->upstream == &world.declared[0]);
  CHECK(entry->source == SecretSource::store);
  CHECK((*world.store.find_secret("openai"))->reveal() == "sk-one");
  REQUIRE(world.secrets.set("openai", secret_of("sk-two")).has_value());
  CHECK(world.told == std::vector<std::string>{"openai=sk-one", "openai=sk-two"});
  CHECK(world.sources() == "openai:store azure:configuration local:none ");
}

TEST_CASE("a removed secret is forgotten, and from then on none is used") {
  World world;
  REQUIRE(world.secrets.set("openai", secret_of("sk-one")).has_value());
  REQUIRE(world.secrets.remove("openai").has_value());
  CHECK(world.told == std::vector<std::string>{"openai=sk-one", "openai="});
  CHECK(world.sources() == "openai:none azure:configuration local:none ");
  CHECK(world.store.secret_names()->empty());
  const auto again = world.secrets.remove("openai");
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error() ==
        base::Error{ErrorType::not_found, base::Source::client, "the store holds no key of 'openai'", "name"});
}

TEST_CASE("what the configuration sets wins, and is not changed here") {
  World world;
  const auto refused = world.secrets.set("azure", secret_of("sk-one"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().type == ErrorType::conflict);
  CHECK(refused.error().field == "name");
  CHECK(refused.error().message.contains("the configuration sets the key of 'azure', and what it sets wins"));
  CHECK(world.store.secret_names()->empty());
  CHECK(world.secrets.remove("azure").error().message.contains("the configuration sets it"));
  CHECK(world.told.empty());
}

TEST_CASE("an upstream that is not declared is refused by name") {
  World world;
  for (const auto& error :
       {world.secrets.set("opnai", secret_of("sk-one")).error(), world.secrets.remove("opnai").error()}) {
    CHECK(error.type == ErrorType::not_found);
    CHECK(error.field == "name");
    CHECK(error.message == "the configuration has no upstream 'opnai'; did you mean 'openai'?");
  }
  CHECK(world.secrets.set("anthropic", secret_of("sk-one")).error().message ==
        "the configuration has no upstream 'anthropic'; name it under 'upstreams' first");
}

TEST_CASE("what no header carries is refused, and no error holds it") {
  World world;
  for (const std::string text :
       {"", "sk one", "sk-one\n", "sk-one\r\nX-Evil: 1", "sk\tone", " sk", "sk-\x7F", "sk-\xC3\xA9", "sk-\x01"}) {
    CAPTURE(text);
    const auto refused = world.secrets.set("openai", secret_of(text));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().type == ErrorType::invalid_request);
    CHECK(refused.error().field == "secret");
    CHECK(refused.error().message.starts_with("'secret' "));
    CHECK_FALSE(refused.error().message.contains("sk"));
  }
  CHECK_FALSE(world.secrets.set("openai", secret_of(std::string("sk-\0one", 7))).has_value());
  CHECK_FALSE(world.secrets.set("openai", secret_of(std::string(4097, 'k'))).has_value());
  CHECK(world.told.empty());
  CHECK(world.secrets.set("openai", secret_of(std::string(4096, 'k'))).has_value());
  CHECK(world.secrets.set("openai", secret_of("!#$%&'*+-.^_`|~\"(),/:;<=>?@[\\]{}")).has_value());
}

TEST_CASE("a change that cannot be stored changes nothing") {
  World world;
  REQUIRE(world.secrets.set("openai", secret_of("sk-one")).has_value());
  world.store.failing = true;
  CHECK(world.secrets.set("openai", secret_of("sk-two")).error().message == "the disk is full");
  CHECK(world.secrets.remove("openai").error().message == "the disk is full");
  CHECK(world.told == std::vector<std::string>{"openai=sk-one"});
}

TEST_CASE("a start is told the secrets in use and the names of the others") {
  World world;
  for (const char* name : {"local", "openai", "azure", "gone"})
    REQUIRE(world.store.put_secret(name, secret_of(std::string("sk-") + name)).has_value());
  const auto unused = world.secrets.load();
  REQUIRE(unused.has_value());
  CHECK(*unused == std::vector<std::string>{"azure", "gone"});
  CHECK(world.told == std::vector<std::string>{"local=sk-local", "openai=sk-openai"});
  // Those that are of no use can be cleared away; nobody is told.
  REQUIRE(world.secrets.remove("gone").has_value());
  REQUIRE(world.secrets.remove("azure").has_value());
  CHECK(world.told.size() == 2);
  CHECK(world.sources() == "openai:store azure:configuration local:store ");
}

TEST_CASE("a start fails if a secret cannot be read, even one that nobody uses") {
  World world;
  REQUIRE(world.store.put_secret("gone", secret_of("sk-gone")).has_value());
  world.store.failing = true;
  CHECK_FALSE(world.secrets.load().has_value());
}

TEST_CASE("a base URL is written as the configuration may write it") {
  CHECK(base_url(upstream("a", "https", "a.test", 443)) == "https://a.test");
  CHECK(base_url(upstream("a", "http", "a.test", 80)) == "http://a.test");
  CHECK(base_url(upstream("a", "http", "a.test", 443)) == "http://a.test:443");
  CHECK(base_url(upstream("a", "http", "::1", 8000)) == "http://[::1]:8000");
  Upstream below = upstream("a", "https", "a.test", 8443);
  below.base_path = "/v1";
  CHECK(base_url(below) == "https://a.test:8443/v1");
}
