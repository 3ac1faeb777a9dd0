#include "journal/reader.h"

#include <fmt/format.h>

#include <set>

#include "journal/world_test.h"

using namespace journal;
using namespace journal::testing;

namespace {

// A process that was killed after it had filled some segments, and what it would be found to have written.
struct Killed : World {
  explicit Killed(std::uint32_t workers = 1, const Options& with = small_options()) : World(with) {
    start(workers);
    for (int i = 0; i < 150; ++i) settle(reserve("r"), "s");
    for (std::uint32_t worker = 1; worker < workers; ++worker)
      REQUIRE(writer(worker).reserve(payload_of("r", 50), 50).has_value());
    if (options.durability == Durability::power) journal->commit(0);
    kill();
    whole = read_all(folder, owner);
    REQUIRE(whole.doubt() == "");
    REQUIRE(whole.records.size() >= 300);
  }
  std::string name_of(std::uint32_t number, std::uint32_t worker = 0) {
    const auto opened = MemoryDisk::open(folder);
    const Folder all = *look_through(**opened);
    const auto segment = std::ranges::find_if(all.segments, [&](const FoundSegment& one) {
      return one.header.number == number && one.header.worker == worker;
    });
    REQUIRE(segment != all.segments.end());
    return segment->name;
  }
  std::span<std::byte> bytes_of(std::uint32_t number) { return folder.bytes(name_of(number)); }
  Found read() { return read_all(folder, owner); }

  // Reads again. What is found was written, and stands beyond a hole if anything before it is not found.
  Found read_damaged() {
    Found found = read();
    std::map<Sequence, Record> written;
    for (const Record& record : whole.records) written.emplace(record.sequence, record);
    Sequence missing = 1;
    std::set<Sequence> there;
    for (const Record& record : found.records) there.insert(record.sequence);
    while (there.contains(missing)) ++missing;
    for (Record record : found.records) {
      CHECK(record.beyond_hole == (record.sequence > missing));
      record.beyond_hole = false;
      CHECK(record == written.at(record.sequence));
    }
    CHECK(there.size() == found.records.size());
    return found;
  }

  Found whole;
};

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a segment that somebody removed is missed, and the others count") {
  for (const std::uint32_t number : {1, 2, 3}) {
    CAPTURE(number);
    Killed world;
    world.folder.erase(world.name_of(number));
    const Found found = world.read_damaged();
    CHECK(says(found.doubt(), fmt::format("segment {} is missing", number)));
    CHECK(found.records.size() > 200);
    CHECK(found.records.size() < 300);
  }
}

TEST_CASE("the last segment is missed as well: the one before it says that there is one") {
  Killed world;
  const auto disk = std::move(*MemoryDisk::open(world.folder));
  std::map<std::uint32_t, std::string> names;
  const Folder all = *look_through(*disk);
  for (const FoundSegment& segment : all.segments) names.emplace(segment.header.number, segment.name);
  std::uint32_t last_used = 0;
  for (const auto& [number, name] : names)
    if (word_at(world.folder.bytes(name), records_at) != 0) last_used = number;
  CHECK(last_used < names.size());  // some are ready behind it
  for (const auto& [number, name] : names)
    if (number > last_used) world.folder.erase(name);
  CHECK(read_all(*disk, world.owner).doubt() == "");
  world.folder.erase(names.at(last_used));
  CHECK(read_all(*disk, world.owner).doubt() == fmt::format("journal 0: segment {} is missing", last_used));
}

TEST_CASE("a worker's journal that is gone is missed") {
  Killed world(3);
  for (std::uint32_t number = 1; number <= 2; ++number) world.folder.erase(world.name_of(number, 1));
  const Found found = world.read();
  CHECK(found.report.journals.size() == 3);
  CHECK(found.doubt() == "journal 1: segments 1 to 2 are missing");
  CHECK(found.report.journals[2].records == 1);
  // The last one leaves no trace but that the others know of it.
  const auto all = *look_through(**MemoryDisk::open(world.folder));
  for (const FoundSegment& segment : all.segments)
    if (segment.header.worker == 2) world.folder.erase(segment.name);
  CHECK(world.read().report.journals.size() == 3);
  CHECK(says(world.read().defects(), "segments 1 to 2 are missing; segment 1 is missing"));
}

TEST_CASE("without any journal nothing is proven") {
  Killed world;
  ++world.owner.incarnation;
  const Found found = world.read();
  CHECK(found.records.empty());
  CHECK(found.doubt() == "there is no journal of this incarnation");
  CHECK(found.report.other_incarnations == std::vector<std::int64_t>{world.owner.incarnation - 1});
}

TEST_CASE("a journal that was cut short is found out, and counts as far as it goes") {
  Killed world;
  world.folder.truncate(world.name_of(2), 9'000);
  const Found found = world.read_damaged();
  CHECK(says(found.doubt(), "segment 2 is cut short"));
  CHECK(found.records.size() > 250);
  world.folder.truncate(world.name_of(1), 100);
  CHECK(says(world.read().doubt(), "has no valid header"));
}

TEST_CASE("a page that is lost in the middle loses no other page") {
  Killed world;
  const auto page = world.bytes_of(2).subspan(2 * block_bytes, block_bytes);
  std::ranges::fill(page, std::byte{0});
  const Found found = world.read_damaged();
  CHECK(says(found.doubt(), "something is lost in segment 2 before record"));
  CHECK(found.records.size() > 300 - 20);
  CHECK(found.report.journals[0].beyond_holes > 200);
}

// Of each file alone, and of that without the page where its records begin: nothing says then which numbers belong
// here.
TEST_CASE("what a file held in an earlier use does not come back, not even behind a hole") {
  World world;
  world.start();
  world.fill_segments(20);
  for (int i = 0; i < 10; ++i) (void)world.reserve("r");
  world.kill();
  const Folder all = *look_through(**MemoryDisk::open(world.folder));
  REQUIRE(all.segments.size() > 3);
  for (const FoundSegment& segment : all.segments) {
    const auto alone = world.folder.after_kill();
    for (const std::string& name : world.folder.names())
      if (name != segment.name) alone->erase(name);
    const auto bytes = alone->bytes(segment.name);
    const auto note = record_at(bytes, records_at, segment.header.seed());
    std::ranges::fill(bytes.subspan(records_at, block_bytes), std::byte{0});
    const Found found = read_all(*alone, world.owner);
    if (!note) CHECK(found.records.empty());  // it waited for its first record
    for (const Record& record : found.records) CHECK(record.sequence > note->sequence);
  }
}

TEST_CASE("any byte of a record that changes is found out") {
  Killed world;
  const auto segment = world.bytes_of(1);
  for (std::size_t at = records_at; at < records_at + 600; ++at) {
    CAPTURE(at);
    segment[at] ^= std::byte{4};
    const Found found = world.read();
    const bool is_filling = found.doubt().empty();  // between two records
    if (is_filling) CHECK(found.records == world.whole.records);
    if (!is_filling) CHECK(found.records.size() >= 298);
    segment[at] ^= std::byte{4};
  }
}

TEST_CASE("a torn end is no end") {
  World world;
  world.start();
  (void)world.reserve("first");
  const auto position = world.reserve("second").position();
  world.kill();
  const auto segment = world.folder.bytes(world.folder.names().front());
  segment[position.offset() - 3] ^= std::byte{1};
  const Found found = read_all(world.folder, world.owner);
  CHECK(found.doubt() == "journal 0: its last record is torn");
  CHECK(found.texts() == std::vector<std::string>{"first"});
}

TEST_CASE("a machine that was started anew proves nothing") {
  Killed world;
  world.folder.lose_power();
  const Found found = world.read();
  CHECK_FALSE(found.report.same_boot);
  CHECK(found.doubt() == "the machine was started anew");
}

TEST_CASE("a folder that was copied proves nothing, also on the same machine") {
  Killed world;
  const auto copy = world.folder.copy();
  const Found found = read_all(*copy, world.owner);
  CHECK(found.records == world.whole.records);
  CHECK(says(found.doubt(), "is a copy: it was made in another place"));
}

TEST_CASE("what another store, node or incarnation wrote is not read") {
  Killed world;
  for (int which = 0; which < 3; ++which) {
    Owner other = world.owner;
    if (which == 0) other.store.bytes[3] ^= 1;
    if (which == 1) other.node.bytes[3] ^= 1;
    if (which == 2) other.incarnation += 1;
    const Found found = read_all(world.folder, other);
    CHECK(found.records.empty());
    CHECK(found.report.foreign.empty() == (which == 2));
    CHECK(found.report.other_incarnations.size() == (which == 2 ? 1 : 0));
  }
}

TEST_CASE("a second incarnation writes beside the first, and each is read alone") {
  Killed world;
  world.start();
  (void)world.reserve("of the second");
  world.kill();
  CHECK(world.read().texts() == std::vector<std::string>{"of the second"});
  CHECK(world.read().doubt() == "");
  --world.owner.incarnation;
  CHECK(world.read().records == world.whole.records);
  CHECK(world.read().doubt() == "");
}

TEST_CASE("an incarnation that is given out twice is found out when it starts") {
  Killed world;
  --world.owner.incarnation;
  const auto disk = MemoryDisk::open(world.folder);
  ++world.owner.incarnation;
  const auto again = Journal::open(**disk, world.owner, 1, world.options, world.calls());
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().type == base::ErrorType::conflict);
}

TEST_CASE("a write-back that failed is doubted, though all can be read") {
  Killed world;
  world.folder.trouble.failed_write_back = true;
  const Found found = world.read();
  CHECK(found.records == world.whole.records);
  CHECK(says(found.doubt(), "could not be written to the disk"));
}

TEST_CASE("a disk that cannot be read is reported, and ends nothing") {
  Killed world;
  world.folder.trouble.unreadable = true;
  const Found found = world.read();
  CHECK(found.records.empty());
  CHECK_FALSE(found.doubt().empty());
}

TEST_CASE("a store that is ahead of the journal, or knows other workers, is doubted") {
  Killed world;
  const Sequence last = world.whole.report.journals[0].last;
  CHECK(world.whole.report.doubt(std::vector<Sequence>{last}) == "");
  CHECK(says(world.whole.report.doubt(std::vector<Sequence>{last + 1}), "ends at record"));
  CHECK(says(world.whole.report.doubt(std::vector<Sequence>{last, 0}), "the store knows 2"));
}

TEST_CASE("a segment that is there twice is doubted") {
  Killed world;
  const std::string first = world.name_of(1), second = world.name_of(2);
  std::ranges::copy(world.folder.bytes(first), world.folder.bytes(second).begin());
  CHECK(says(world.read().doubt(), "is a copy"));
  CHECK(says(world.read().defects(), "is there twice"));
}

TEST_CASE("the second image has what the first one lost") {
  Options options = small_options();
  options.durability = Durability::power;
  Killed world(1, options);
  for (std::uint32_t number = 1; number <= 3; ++number)
    std::ranges::fill(world.bytes_of(number).subspan(block_bytes, 2 * block_bytes), std::byte{0});
  world.folder.bytes(world.name_of(2))[100] ^= std::byte{1};  // and the header of one
  const Found found = world.read();
  CHECK(found.records == world.whole.records);
  CHECK(found.doubt() == "");
}

TEST_CASE("a visitor that fails ends the reading with its error") {
  Killed world;
  const auto disk = MemoryDisk::open(world.folder);
  int visited = 0;
  const auto report = read_journals(**disk, world.owner, [&](const FoundRecord&) -> base::Status {
    if (++visited == 5) return base::invalid("enough");
    return {};
  });
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().message == "enough");
  CHECK(visited == 5);
}

TEST_CASE("journals that were closed for ever are discarded, and only those") {
  Killed world;
  const std::size_t files_of_first = world.folder.names().size();
  world.start();
  (void)world.reserve("of the second");
  world.kill();
  const std::size_t files = world.folder.names().size();
  std::ranges::fill(world.bytes_of(1).first(header_bytes), std::byte{1});  // damaged: goes by its name
  const auto disk = std::move(*MemoryDisk::open(world.folder));
  Owner other = world.owner;
  other.node.bytes[0] ^= 1;
  --other.incarnation;
  REQUIRE(discard_journals(*disk, other).has_value());
  CHECK(world.folder.names().size() >= files - 1);
  --world.owner.incarnation;
  REQUIRE(discard_journals(*disk, world.owner).has_value());
  CHECK(world.folder.names().size() == files - files_of_first);
  ++world.owner.incarnation;
  CHECK(read_all(*disk, world.owner).doubt() == "");
}

TEST_CASE("one process has a folder at a time") {
  World world;
  world.start();
  CHECK_FALSE(MemoryDisk::open(world.folder).has_value());
  world.kill();
  CHECK(MemoryDisk::open(world.folder).has_value());
}
