#include "store/secret_box.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

using store::SealedSecret;
using store::SecretBox;

namespace {

struct World {
  tests::TemporaryFolder folder;
  tests::SeededRandom random{9};

  base::Result<SecretBox> open(SecretBox::Sealed existing) { return SecretBox::open(folder.path(), existing, random); }
};

base::Secret secret_of(std::string text) { return base::Secret(std::move(text)); }

}  // namespace

TEST_CASE("a sealed secret is read back by the same key, also after a restart") {
  World world;
  SealedSecret sealed;
  {
    const auto box = world.open(SecretBox::Sealed::none);
    REQUIRE(box.has_value());
    sealed = box->seal("openai", secret_of("sk-proj-0123456789"));
    CHECK(box->unseal("openai", sealed)->reveal() == "sk-proj-0123456789");
    CHECK(box->unseal("openai", box->seal("openai", base::Secret()))->empty());
  }
  CHECK(sealed.bytes.find("sk-proj") == std::string::npos);
  CHECK(sealed.bytes.find("openai") == std::string::npos);
  const auto again = world.open(SecretBox::Sealed::some);
  REQUIRE(again.has_value());
  CHECK(again->unseal("openai", sealed)->reveal() == "sk-proj-0123456789");
  // A new nonce each time: that two secrets are equal is not to be seen.
  CHECK(again->seal("openai", secret_of("sk-proj-0123456789")) != sealed);
}

TEST_CASE("a secret that was changed, renamed or sealed with another key is not read") {
  World world;
  const auto box = world.open(SecretBox::Sealed::none);
  const SealedSecret sealed = box->seal("openai", secret_of("secret"));
  for (std::size_t i = 0; i < sealed.bytes.size(); ++i) {
    CAPTURE(i);
    SealedSecret changed = sealed;
    changed.bytes[i] = static_cast<char>(changed.bytes[i] ^ 1);
    CHECK_FALSE(box->unseal("openai", changed).has_value());
    CHECK_FALSE(box->unseal("openai", {sealed.bytes.substr(0, i)}).has_value());
  }
  const auto refused = box->unseal("anthropic", sealed);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("anthropic") != std::string::npos);

  World other;
  other.random = tests::SeededRandom(10);
  CHECK_FALSE(other.open(SecretBox::Sealed::none)->unseal("openai", sealed).has_value());
}

TEST_CASE("a missing key is an error once secrets are sealed with it") {
  World world;
  const auto refused = world.open(SecretBox::Sealed::some);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.contains("secret.key is missing"));
  CHECK(refused.error().message.contains("remove-key"));
  CHECK_FALSE(std::filesystem::exists(world.folder.path() / "secret.key"));
}

TEST_CASE("the key is its owner's alone, and a spoilt key file is refused") {
  World world;
  const auto path = world.folder.path() / "secret.key";
  REQUIRE(world.open(SecretBox::Sealed::none).has_value());
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(status.st_size == 32);

  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  const auto readable = world.open(SecretBox::Sealed::none);
  REQUIRE_FALSE(readable.has_value());
  CHECK(readable.error().message.find("chmod 600") != std::string::npos);

  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  std::filesystem::resize_file(path, 31);
  CHECK_FALSE(world.open(SecretBox::Sealed::none).has_value());
  // Cut off at birth, nothing was sealed with it yet.
  std::filesystem::resize_file(path, 0);
  CHECK_FALSE(world.open(SecretBox::Sealed::some).has_value());
  CHECK(world.open(SecretBox::Sealed::none).has_value());
}
