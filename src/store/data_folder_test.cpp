#include "store/data_folder.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/temporary_folder.h"

using store::DataFolder;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("a data folder is created for its owner alone") {
  const tests::TemporaryFolder temporary;
  const auto path = temporary.path() / "new" / "data";
  const auto folder = DataFolder::open(path);
  REQUIRE(folder.has_value());
  CHECK(mode_of(path) == 0700);
  CHECK(mode_of(path.parent_path()) == 0700);
  CHECK(mode_of(path / "lock") == 0600);
  CHECK(folder->path() == path);
  CHECK(folder->database_path() == path / "metergate.db");
}

TEST_CASE("a folder that exists keeps its mode") {
  const tests::TemporaryFolder temporary;
  REQUIRE(::chmod(temporary.path().c_str(), 0750) == 0);
  CHECK(DataFolder::open(temporary.path()).has_value());
  CHECK(mode_of(temporary.path()) == 0750);
}

TEST_CASE("a second process on a data folder is told who has it, and gets it when that one goes") {
  const tests::TemporaryFolder temporary;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto folder = DataFolder::open(temporary.path());
    const char answer = folder.has_value() ? 'y' : 'n';
    (void)!::write(ready[1], &answer, 1);
    for (;;) ::pause();
  }
  char answer = 0;
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');

  const auto refused = DataFolder::open(temporary.path());
  CHECK_FALSE(refused.has_value());
  if (!refused) {
    CHECK(refused.error().message.find(fmt::format("process {}", child)) != std::string::npos);
    CHECK(refused.error().message.find(temporary.path().string()) != std::string::npos);
  }

  // kill -9 leaves the file, not the lock.
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK(std::filesystem::exists(temporary.path() / "lock"));
  const auto mine = DataFolder::open(temporary.path());
  REQUIRE(mine.has_value());
  const auto second = DataFolder::open(temporary.path());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.find(fmt::format("process {}", ::getpid())) != std::string::npos);
}

TEST_CASE("what cannot be a folder is an error with its reason") {
  const tests::TemporaryFolder temporary;
  {
    CHECK(base::open_private_file(temporary.path() / "file").has_value());
  }
  const auto folder = DataFolder::open(temporary.path() / "file" / "data");
  REQUIRE_FALSE(folder.has_value());
  CHECK(folder.error().message.find("/file: File exists") != std::string::npos);
}
