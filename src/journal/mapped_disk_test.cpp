#include "journal/mapped_disk.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "journal/child_test.h"
#include "journal/world_test.h"
#include "tests/support/temporary_folder.h"

using namespace journal;
using namespace journal::testing;

namespace {

struct MappedWorld {
  tests::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "journal";
  std::unique_ptr<MappedDisk> disk = open();
  Owner owner{.store = {}, .node = {}, .incarnation = 1};

  std::unique_ptr<MappedDisk> open() const {
    auto opened = MappedDisk::open(path);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string() : opened.error().message));
    return std::move(*opened);
  }
  std::unique_ptr<Journal> start(const Options& options) {
    auto journal = Journal::open(*disk, owner, 1, options, {.prepare = [] {}, .commit = {}, .durable = {}});
    REQUIRE_MESSAGE(journal.has_value(), (journal ? std::string() : journal.error().message));
    return std::move(*journal);
  }
  std::filesystem::path file(const std::string& name) const { return path / (name + ".journal"); }
};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

std::uint64_t bytes_allocated(const std::filesystem::path& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return static_cast<std::uint64_t>(facts.st_blocks) * 512;
}

}  // namespace

TEST_CASE("folder and files are nobody else's business, and their blocks are there from the start") {
  MappedWorld world;
  const auto file = world.disk->create("one", 1 << 20, Durability::process);
  REQUIRE(file.has_value());
  CHECK(mode_of(world.path) == 0700);
  CHECK(mode_of(world.file("one")) == 0600);
  CHECK(bytes_allocated(world.file("one")) >= 1 << 20);
  const auto both = world.disk->create("two", 1 << 20, Durability::power);
  REQUIRE(both.has_value());
  CHECK(mode_of(world.file("two")) == 0600);
  CHECK(bytes_allocated(world.file("two")) >= 2 << 20);
}

TEST_CASE("a journal on a real disk is read back, with both kinds of durability") {
  for (const Durability durability : {Durability::process, Durability::power}) {
    MappedWorld world;
    Options options = small_options();
    options.durability = durability;
    Calls calls{.prepare = [] {}, .commit = [](std::uint32_t) {}, .durable = [](std::uint32_t) {}};
    auto journal = std::move(*Journal::open(*world.disk, world.owner, 2, options, calls));
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) {
      texts.push_back("r" + std::to_string(i));
      auto open = journal->writer(0).reserve(payload_of(texts.back(), 100), 100);
      REQUIRE(open.has_value());
      texts.push_back("s" + std::to_string(i));
      journal->writer(0).settle(std::move(*open), payload_of(texts.back(), 90));
      if (durability == Durability::power && i % 10 == 0) CHECK(journal->commit(0));
      REQUIRE(journal->prepare().has_value());
    }
    journal.reset();
    world.disk.reset();
    world.disk = world.open();
    const Found found = read_all(*world.disk, world.owner);
    CHECK(found.texts() == texts);
    CHECK(found.doubt() == "");
    // A copy of the folder has the same bytes.
    const std::filesystem::path copy = world.folder.path() / "copy";
    std::filesystem::copy(world.path, copy);
    const auto other = std::move(*MappedDisk::open(copy));
    CHECK(read_all(*other, world.owner).texts() == texts);
    CHECK(read_all(*other, world.owner).doubt().find("is a copy") != std::string::npos);
  }
}

TEST_CASE("a second process is told who has the folder") {
  MappedWorld world;
  Child other([&] {
    const auto opened = MappedDisk::open(world.path);
    return !opened && opened.error().message.find(std::to_string(::getppid())) != std::string::npos ? 17 : 1;
  });
  CHECK(other.result() == 17);
  world.disk.reset();
  Child later([&] { return MappedDisk::open(world.path).has_value() ? 17 : 1; });
  CHECK(later.result() == 17);
}

TEST_CASE("a lock goes with its process, however it ends") {
  MappedWorld world;
  world.disk.reset();
  Shared<std::atomic<bool>> locked;
  {
    Child other([&] {
      const auto disk = MappedDisk::open(world.path);
      locked->store(disk.has_value());
      for (;;) ::pause();
      return 0;
    });
    while (!locked->load()) ::sched_yield();
    CHECK_FALSE(MappedDisk::open(world.path).has_value());
    other.kill();
  }
  CHECK(MappedDisk::open(world.path).has_value());
}

// A file that may not grow stands for a full disk: both show where blocks are allocated, and nowhere else.
TEST_CASE("no space shows when a segment is made, by name, and leaves nothing behind") {
  MappedWorld world;
  Child limited([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    for (const Durability durability : {Durability::process, Durability::power}) {
      if (!world.disk->create("fits", 32 * 1024, durability)) return 2;
      if (!world.disk->remove("fits")) return 3;
    }
    const auto large = world.disk->create("large", 128 * 1024, Durability::process);
    if (large || large.error().type != base::ErrorType::unavailable) return 4;
    if (large.error().message.find("allocating") != 0) return 5;
    if (world.disk->create("large", 64 * 1024, Durability::power)) return 6;
    return world.disk->list() == std::vector<std::string>{} ? 17 : 7;
  });
  CHECK(limited.result() == 17);
}

TEST_CASE("what is no segment is left alone") {
  MappedWorld world;
  std::ofstream(world.path / "README") << "not ours";
  std::ofstream(world.path / "00000001-000-000001.journal") << "short";
  CHECK(world.disk->list() == std::vector<std::string>{"00000001-000-000001"});
  const auto folder = look_through(*world.disk);
  REQUIRE(folder.has_value());
  CHECK(folder->damaged == std::vector<std::string>{"00000001-000-000001"});
  // One that cannot even be opened does not keep the others from being read.
  std::filesystem::create_symlink("nowhere", world.path / "00000001-000-000002.journal");
  CHECK(look_through(*world.disk)->damaged.size() == 2);
  REQUIRE(discard_journals(*world.disk, world.owner).has_value());
  CHECK(std::filesystem::exists(world.path / "README"));
  CHECK(world.disk->list() == std::vector<std::string>{});
}
