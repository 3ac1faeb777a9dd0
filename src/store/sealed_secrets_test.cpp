#include "store/sealed_secrets.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

using base::Secret;
using store::SealedSecrets;
using store::SqliteStore;

namespace {

Secret secret_of(std::string text) { return Secret(std::move(text)); }

// A data folder that is opened anew, as by one process after another.
struct World {
  tests::TemporaryFolder folder;
  tests::SeededRandom random{3};
  std::filesystem::path key = folder.path() / "secret.key";
  std::unique_ptr<SqliteStore> database;
  std::unique_ptr<SealedSecrets> secrets;

  World() { open(); }
  void open() {
    secrets.reset();
    database.reset();
    database = *SqliteStore::open(folder.path() / "metergate.db");
    secrets = std::make_unique<SealedSecrets>(*database, folder.path(), random);
  }
  bool any_file_holds(std::string_view text) const {
    for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
      std::ifstream stream(file.path(), std::ios::binary);
      std::ostringstream bytes;
      bytes << stream.rdbuf();
      if (bytes.str().contains(text)) return true;
    }
    return false;
  }
};

}  // namespace

TEST_CASE("no file of the data folder holds a secret, while it is open and afterwards") {
  World world;
  REQUIRE(world.secrets->put_secret("openai", secret_of("sk-the-first-0123456789")).has_value());
  REQUIRE(world.secrets->put_secret("openai", secret_of("sk-the-second-0123456789")).has_value());
  for (int i = 0; i < 2; ++i) {
    CHECK(world.any_file_holds("openai"));  // the search does find what is there
    CHECK_FALSE(world.any_file_holds("sk-the"));
    CHECK_FALSE(world.any_file_holds("0123456789"));
    world.open();
  }
}

TEST_CASE("the key is made with the first secret, and not before") {
  World world;
  CHECK(world.secrets->secret_names()->empty());
  CHECK_FALSE(world.secrets->find_secret("openai")->has_value());
  CHECK(world.secrets->remove_secret("openai").error().type == base::ErrorType::not_found);
  CHECK_FALSE(std::filesystem::exists(world.key));
  REQUIRE(world.secrets->put_secret("openai", secret_of("sk-one")).has_value());
  CHECK(std::filesystem::exists(world.key));
}

TEST_CASE("without its key no secret is read or added, but names are told and secrets cleared away") {
  World world;
  REQUIRE(world.secrets->put_secret("openai", secret_of("sk-one")).has_value());
  std::filesystem::remove(world.key);
  world.open();
  const auto unread = world.secrets->find_secret("openai");
  REQUIRE_FALSE(unread.has_value());
  CHECK(unread.error().message.contains("secret.key is missing"));
  CHECK_FALSE(world.secrets->put_secret("other", secret_of("sk-two")).has_value());
  CHECK_FALSE(std::filesystem::exists(world.key));

  CHECK(*world.secrets->secret_names() == std::vector<std::string>{"openai"});
  REQUIRE(world.secrets->remove_secret("openai").has_value());
  REQUIRE(world.secrets->put_secret("openai", secret_of("sk-three")).has_value());
  CHECK((*world.secrets->find_secret("openai"))->reveal() == "sk-three");
}

TEST_CASE("a secret that was sealed with another key, or for another upstream, is not read but may be set again") {
  World world;
  REQUIRE(world.secrets->put_secret("openai", secret_of("sk-one")).has_value());
  std::filesystem::remove(world.key);
  REQUIRE(store::SecretBox::open(world.folder.path(), store::SecretBox::Sealed::none, world.random).has_value());
  world.open();
  const auto unread = world.secrets->find_secret("openai");
  REQUIRE_FALSE(unread.has_value());
  CHECK(unread.error().message.contains("the secret of openai cannot be read"));
  REQUIRE(world.secrets->put_secret("openai", secret_of("sk-two")).has_value());
  CHECK((*world.secrets->find_secret("openai"))->reveal() == "sk-two");

  REQUIRE(world.database->put_secret("other", **world.database->get_secret("openai")).has_value());
  CHECK_FALSE(world.secrets->find_secret("other").has_value());
}
