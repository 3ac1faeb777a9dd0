#include "store/session_secrets.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace {

constexpr base::WallTime start{1'795'219'200'000};
constexpr std::int64_t day_ms = 86'400'000;

struct World {
  tests::TemporaryFolder folder;
  tests::SeededRandom random{1};
  std::filesystem::path path = folder.path() / "session.key";

  std::vector<std::string> secrets(std::int64_t days) {
    const auto read = store::session_secrets(folder.path(), day_ms, {start.ms + days * day_ms}, random);
    REQUIRE_MESSAGE(read.has_value(), (read ? std::string() : read.error().message));
    std::vector<std::string> texts;
    for (const base::Secret& secret : *read) texts.emplace_back(secret.reveal());
    return texts;
  }
  std::string refusal() {
    const auto read = store::session_secrets(folder.path(), day_ms, start, random);
    return read ? std::string() : read.error().message;
  }
  void write(std::string_view text) { std::ofstream(path, std::ios::trunc) << text; }
};

}  // namespace

TEST_CASE("a secret signs for 30 days, and the one before it counts until its sessions are over") {
  World world;
  const auto first = world.secrets(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].size() == 64);
  CHECK(world.secrets(29) == first);
  const auto second = world.secrets(30);
  REQUIRE(second.size() == 2);
  CHECK(second[0] != first[0]);
  CHECK(second[1] == first[0]);
  CHECK(world.secrets(59) == second);
  const auto third = world.secrets(60);
  CHECK(third == std::vector{third[0], second[0]});
  CHECK(third[0] != second[0]);
}

TEST_CASE("the file is its owner's, and holds nothing that is not ours") {
  World world;
  world.secrets(0);
  namespace fs = std::filesystem;
  CHECK((fs::status(world.path).permissions() & fs::perms(0777)) == fs::perms(0600));
  CHECK(std::distance(fs::directory_iterator(world.folder.path()), fs::directory_iterator()) == 1);
  fs::permissions(world.path, fs::perms(0640));
  CHECK(world.refusal().contains("others may read"));
  fs::permissions(world.path, fs::perms(0600));
  for (const char* text : {"x", "\n", "2026-11-22 abc\n", "2026-11-22T20:00:00.000Z 00\n"}) {
    CAPTURE(text);
    world.write(text);
    CHECK(world.refusal().contains("remove it, and everybody logs in again"));
  }
  world.write("");  // as a crash right after its creation leaves it
  CHECK(world.secrets(0).size() == 1);
}
