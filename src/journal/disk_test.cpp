// What holds for every disk, the real one and the one in memory.
#include "journal/disk.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "journal/mapped_disk.h"
#include "journal/memory_disk.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

using namespace journal;

namespace {

struct Mapped {
  tests::TemporaryFolder folder;
  base::Result<std::unique_ptr<MappedDisk>> open() { return MappedDisk::open(folder.path() / "journal"); }
};
struct Memory {
  tests::SeededRandom random{1};
  MemoryFolder folder{random};
  base::Result<std::unique_ptr<MemoryDisk>> open() { return MemoryDisk::open(folder); }
};

constexpr std::size_t file_bytes = 4 * block_bytes;

std::vector<std::byte> read_whole(Disk& disk, const std::string& name) {
  std::vector<std::byte> bytes(disk.look(name)->bytes);
  REQUIRE(disk.read(name, 0, bytes).has_value());
  return bytes;
}

}  // namespace

TEST_CASE_TEMPLATE("a new file is zeros, in memory that is aligned", Folder, Mapped, Memory) {
  Folder folder;
  const auto disk = std::move(*folder.open());
  for (const auto durability : {Durability::process, Durability::power}) {
    const std::string name = durability == Durability::process ? "one" : "two";
    const auto file = disk->create(name, file_bytes, durability);
    REQUIRE(file.has_value());
    CHECK((*file)->name() == name);
    CHECK((*file)->memory().size() == file_bytes);
    CHECK(reinterpret_cast<std::uintptr_t>((*file)->memory().data()) % block_bytes == 0);
    const auto bytes = read_whole(*disk, name);
    CHECK(bytes.size() == (durability == Durability::process ? file_bytes : 2 * file_bytes));
    CHECK(std::ranges::count(bytes, std::byte{0}) == static_cast<std::ptrdiff_t>(bytes.size()));
    const auto facts = disk->look(name);
    REQUIRE(facts.has_value());
    CHECK(facts->place == (*file)->place());
    CHECK_FALSE(facts->write_back_failed);
  }
  CHECK(disk->list() == std::vector<std::string>{"one", "two"});
  CHECK(disk->look("one")->place != disk->look("two")->place);
}

TEST_CASE_TEMPLATE("a name is taken once", Folder, Mapped, Memory) {
  Folder folder;
  const auto disk = std::move(*folder.open());
  REQUIRE(disk->create("one", file_bytes, Durability::process).has_value());
  const auto again = disk->create("one", file_bytes, Durability::process);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().type == base::ErrorType::conflict);
  CHECK(disk->list() == std::vector<std::string>{"one"});
}

TEST_CASE_TEMPLATE("what is stored in memory is what is read, also by the next process", Folder, Mapped, Memory) {
  Folder folder;
  auto disk = std::move(*folder.open());
  const base::Uuid boot = disk->boot();
  {
    const auto file = std::move(*disk->create("one", file_bytes, Durability::process));
    REQUIRE(file->warm().has_value());
    std::ranges::fill(file->memory().subspan(5'000, 100), std::byte{7});
    REQUIRE(file->sync_first_block().has_value());
    CHECK(std::ranges::equal(read_whole(*disk, "one"), file->memory()));
  }
  disk.reset();
  disk = std::move(*folder.open());
  CHECK(disk->boot() == boot);
  const auto bytes = read_whole(*disk, "one");
  CHECK(std::ranges::count(bytes, std::byte{7}) == 100);
  CHECK(bytes[5'000] == std::byte{7});
}

TEST_CASE_TEMPLATE("blocks are written through to the second image, beside what lies in memory", Folder, Mapped,
                   Memory) {
  Folder folder;
  const auto disk = std::move(*folder.open());
  const auto file = std::move(*disk->create("one", file_bytes, Durability::power));
  std::ranges::fill(file->memory(), std::byte{1});
  const Blocks two(2 * block_bytes, std::byte{2}), three(block_bytes, std::byte{3});
  REQUIRE(file->write_through(block_bytes, two).has_value());
  REQUIRE(file->write_through(2 * block_bytes, three).has_value());
  const auto bytes = read_whole(*disk, "one");
  const int expected[] = {1, 1, 1, 1, 0, 2, 3, 0};
  for (std::size_t block = 0; block < std::size(expected); ++block)
    CHECK(std::ranges::count(std::span(bytes).subspan(block * block_bytes, block_bytes),
                             static_cast<std::byte>(expected[block])) == block_bytes);
}

TEST_CASE_TEMPLATE("what is not there is an error", Folder, Mapped, Memory) {
  Folder folder;
  const auto disk = std::move(*folder.open());
  REQUIRE(disk->create("one", file_bytes, Durability::process).has_value());
  std::vector<std::byte> bytes(file_bytes);
  CHECK(disk->read("one", 0, bytes).has_value());
  CHECK_FALSE(disk->read("one", 1, bytes).has_value());
  CHECK_FALSE(disk->read("two", 0, bytes).has_value());
  CHECK_FALSE(disk->look("two").has_value());
  CHECK_FALSE(disk->remove("two").has_value());
  CHECK(disk->remove("one").has_value());
  CHECK(disk->list() == std::vector<std::string>{});
  CHECK_FALSE(disk->look("one").has_value());
  CHECK(disk->create("one", file_bytes, Durability::process).has_value());
}

TEST_CASE_TEMPLATE("a file that was removed stays in the hands of who has it", Folder, Mapped, Memory) {
  Folder folder;
  const auto disk = std::move(*folder.open());
  const auto file = std::move(*disk->create("one", file_bytes, Durability::power));
  REQUIRE(disk->remove("one").has_value());
  std::ranges::fill(file->memory(), std::byte{1});
  CHECK(file->write_through(0, Blocks(block_bytes)).has_value());
}

TEST_CASE_TEMPLATE("a folder is for one at a time", Folder, Mapped, Memory) {
  Folder folder;
  auto first = folder.open();
  REQUIRE(first.has_value());
  const auto second = folder.open();
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.find("is in use by") != std::string::npos);
  first->reset();
  CHECK(folder.open().has_value());
}
