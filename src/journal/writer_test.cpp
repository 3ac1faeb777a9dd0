#include "journal/writer.h"

#include <fmt/format.h>

#include "journal/world_test.h"

using namespace journal;
using namespace journal::testing;

TEST_CASE("what was written is read back, each journal in its order") {
  World world;
  world.start(2);
  auto first = world.reserve("first");
  auto second = world.reserve("second", 17, 40);
  REQUIRE(world.writer().extend(first, payload_of("first and more", 210), 320).has_value());
  auto other = world.writer(1).reserve(payload_of("other", 100), 100);
  REQUIRE(other.has_value());
  CHECK(world.settle(std::move(second), "paid", 40) == 4);
  world.writer().release(std::move(first), payload_of("nothing left", 20));
  world.kill();

  const Found found = read_all(world.folder, world.owner);
  CHECK(found.records == std::vector<Record>{
                             {0, Kind::reserve, 1, payload_of("first", 200), false},
                             {0, Kind::reserve, 2, payload_of("second", 17), false},
                             {0, Kind::extend, 3, payload_of("first and more", 210), false},
                             {0, Kind::settle, 4, payload_of("paid", 40), false},
                             {0, Kind::release, 5, payload_of("nothing left", 20), false},
                             {1, Kind::reserve, 1, payload_of("other", 100), false},
                         });
  CHECK(found.defects() == "");
  CHECK(found.doubt() == "");
  CHECK(found.report.journals.size() == 2);
  CHECK(found.report.journals[0].last == 5);
  CHECK(found.report.journals[0].records == 5);
}

TEST_CASE("a journal goes on over many segments, and its numbers with it") {
  World world;
  world.start();
  for (int i = 0; i < 500; ++i) {
    auto open = world.reserve(fmt::format("r{}", i), 16 + static_cast<std::size_t>(i) % 300);
    world.settle(std::move(open), fmt::format("s{}", i), 16 + static_cast<std::size_t>(i) % 285);
  }
  CHECK(world.writer().health().segments > 10);
  const Found found = world.after_kill();
  CHECK(found.defects() == "");
  REQUIRE(found.records.size() == 1'000);
  for (int i = 0; i < 500; ++i) {
    const auto at = 2 * static_cast<std::size_t>(i);
    CHECK(found.records[at].text() == fmt::format("r{}", i));
    CHECK(found.records[at + 1].text() == fmt::format("s{}", i));
    CHECK(found.records[at + 1].sequence == at + 2);
  }
}

// Reserves until there is no room, with ends of random size, then ends everything with the largest ends allowed.
TEST_CASE("however full the disk is, what is open can be ended") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    World world(small_options(), seed);
    world.folder.trouble.capacity = static_cast<std::size_t>(world.random.between(3, 8)) * world.options.segment_bytes;
    world.start();
    std::vector<std::pair<OpenRecord, std::size_t>> open;
    std::string refusal;
    Sequence written = 0;
    while (refusal.empty()) {
      const auto end_bytes = static_cast<std::size_t>(world.random.between(20, 490));
      auto next = world.try_reserve("r", static_cast<std::size_t>(world.random.between(16, 490)), end_bytes);
      if (next) {
        open.emplace_back(std::move(*next), end_bytes);
        ++written;
      } else {
        refusal = next.error().message;
        CHECK(next.error().type == base::ErrorType::unavailable);
      }
      REQUIRE(open.size() < 1'000);
      // Now and then one ends on the way, with less than it might have needed.
      if (!open.empty() && world.random.between(0, 9) == 0) {
        world.settle(std::move(open.back().first), "early", 20);
        open.pop_back();
        ++written;
      }
    }
    CHECK(refusal.find("No space left on device") != std::string::npos);
    CHECK(open.size() > 5);
    while (!open.empty()) {
      const auto which = static_cast<std::size_t>(world.random.between(0, static_cast<std::int64_t>(open.size()) - 1));
      std::swap(open[which], open.back());
      world.settle(std::move(open.back().first), "s", open.back().second);
      open.pop_back();
      ++written;
    }
    const Found found = world.after_kill();
    CHECK(found.defects() == "");
    CHECK(found.records.size() == written);
  }
}

// Ends that all leave the same space empty at the end of each segment: what is kept must be enough for the worst size.
TEST_CASE("what is kept for ends is enough, whatever their size") {
  for (std::size_t end_bytes = 0; end_bytes <= 496; end_bytes += 4) {
    CAPTURE(end_bytes);
    World world;
    world.folder.trouble.capacity = 8 * world.options.segment_bytes;
    world.start();
    std::vector<OpenRecord> open;
    for (auto next = world.try_reserve("r", 4, end_bytes); next; next = world.try_reserve("r", 4, end_bytes))
      open.push_back(std::move(*next));
    const std::size_t count = open.size();
    for (OpenRecord& one : open) world.writer().settle(std::move(one), payload_of("", end_bytes));
    const Found found = world.after_kill();
    CHECK(found.defects() == "");
    CHECK(found.records.size() == 2 * count);
  }
}

TEST_CASE("a full disk refuses reservations until there is space again") {
  World world;
  world.folder.trouble.capacity = 3 * world.options.segment_bytes;
  world.start();
  while (world.try_reserve("r")) {
  }
  CHECK_FALSE(world.try_reserve("r"));
  world.folder.trouble.capacity *= 2;
  REQUIRE(world.prepare_asked);  // a refusal asks again
  CHECK(world.try_reserve("r").has_value());
}

TEST_CASE("without a segment that is ready, nothing is reserved, and a segment is asked for") {
  World world;
  world.start();
  world.prepare_asked = false;
  base::Result<OpenRecord> open = world.writer().reserve(payload_of("r", 200), 300);
  while (open) open = world.writer().reserve(payload_of("r", 200), 300);  // nobody prepares
  CHECK(open.error().message == "the journal has no segment ready yet");
  CHECK(world.prepare_asked);
  REQUIRE(world.prepare().has_value());
  CHECK(world.writer().reserve(payload_of("r", 200), 300).has_value());
}

TEST_CASE("who uses up what is ready faster than it is made gets more of it, up to a bound") {
  World world;
  world.start();
  CHECK(world.writer().health().ready == 2);
  for (const std::uint32_t wanted : {4, 8, 8}) {
    while (world.writer().reserve(payload_of("r", 200), 300)) {
    }
    CHECK(world.writer().health().ready == 0);
    REQUIRE(world.prepare().has_value());
    CHECK(world.writer().health().ready == wanted);
  }
}

TEST_CASE("after a burst, files that are not needed any more are removed") {
  World world;
  world.start();
  for (int i = 0; i < 700; ++i) world.settle(world.reserve("r"), "s");
  CHECK(world.folder.names().size() > 25);
  world.writer().flushed_through(world.writer().health().last);
  (void)world.reserve("r");
  REQUIRE(world.prepare().has_value());
  CHECK(world.writer().health().segments == 1);
  CHECK(world.folder.names().size() == 1 + world.options.ready_segments_max);
  CHECK(world.after_kill().doubt() == "");
}

TEST_CASE("a record that is too large is refused by name, before anything is written") {
  World world;
  world.start();
  CHECK(world.writer().reserve(payload_of("r", 512 - 16), 10).has_value());
  const auto large = world.writer().reserve(payload_of("r", 512 - 15), 10);
  REQUIRE_FALSE(large.has_value());
  CHECK(large.error().type == base::ErrorType::invalid_request);
  CHECK(world.writer().reserve(payload_of("r", 10), 512 - 16).has_value());
  CHECK_FALSE(world.writer().reserve(payload_of("r", 10), 512 - 15).has_value());
  CHECK(world.after_kill().records.size() == 2);
}

TEST_CASE("files of segments that nobody needs are used again, and what they held does not come back") {
  World world;
  world.start();
  world.fill_segments(40);
  CHECK(world.writer().health().segments <= 3);
  CHECK(world.folder.names().size() <= 8);
  (void)world.reserve("the last");
  const Found found = world.after_kill();
  CHECK(found.defects() == "");
  CHECK(found.doubt() == "");
  CHECK(found.report.journals[0].before > 1'000);
  CHECK(found.records.size() == found.report.journals[0].last - found.report.journals[0].before);
  CHECK(found.records.back().text() == "the last");
}

TEST_CASE("what is not flushed keeps its segment, and the one where it was reserved") {
  World world;
  world.options.carry_above = 100;
  world.start();
  auto early = world.reserve("early");
  world.fill_segments(3);
  const Sequence settled = world.settle(std::move(early), "late");
  for (int i = 0; i < 75; ++i) world.settle(world.reserve("r"), "s");
  world.writer().flushed_through(settled - 1);
  (void)world.reserve("r");
  CHECK(world.after_kill().records.front().text() == "early");
  world.writer().flushed_through(settled);
  (void)world.reserve("r");
  const Found found = world.after_kill();
  CHECK(found.records.front().sequence > 1);
  CHECK(found.records.front().sequence <= settled + 1);
  CHECK(found.defects() == "");
}

TEST_CASE("an open reservation keeps its segment") {
  World world;
  world.options.carry_above = 100;
  world.start();
  auto open = world.reserve("open");
  world.fill_segments(10);
  CHECK(world.writer().health().segments > 9);
  CHECK(world.after_kill().records.front().text() == "open");
  world.writer().release(std::move(open), payload_of("x", 10));
  (void)world.reserve("r");
  CHECK(world.writer().health().segments < 3);
}

TEST_CASE("a reservation that grew stands where it was written last") {
  World world;
  world.options.carry_above = 100;
  world.start();
  auto open = world.reserve("as it was");
  world.fill_segments(5);
  REQUIRE(world.writer().extend(open, payload_of("as it is", 200), 300).has_value());
  world.fill_segments(1);
  CHECK(world.writer().health().segments < 4);
  const auto texts = world.after_kill().texts();
  CHECK(std::ranges::count(texts, "as it was") == 0);
  CHECK(std::ranges::count(texts, "as it is") == 1);
}

TEST_CASE("an extension that finds no room leaves the reservation as it was") {
  World world;
  world.folder.trouble.capacity = 3 * world.options.segment_bytes;
  world.start();
  auto open = world.reserve("as it was", 200, 400);
  while (world.try_reserve("r", 16, 16)) {
  }
  const auto before = open.position();
  CHECK_FALSE(world.writer().extend(open, payload_of("more", 400), 490).has_value());
  CHECK(open.position() == before);
  world.settle(std::move(open), "end", 400);
  CHECK(world.after_kill().texts().back() == "end");
}

TEST_CASE("what stays open for long is copied forward, and pins nothing") {
  World world;
  world.start();
  std::vector<OpenRecord> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(world.reserve(fmt::format("stream {}", i), 150));
  world.fill_segments(60);
  CHECK(world.writer().health().segments <= world.options.carry_above + 2);
  CHECK(world.writer().health().open == 5);

  const Found found = world.after_kill();
  CHECK(found.doubt() == "");
  std::map<std::string, int> copies;
  for (const Record& record : found.records)
    if (record.text().starts_with("stream")) {
      CHECK(record.kind == Kind::carried);
      CHECK(record.payload == payload_of(record.text(), 150));
      ++copies[record.text()];
    }
  CHECK(copies.size() == 5);
  for (auto& stream : streams) world.settle(std::move(stream), "end");
  CHECK(world.writer().health().open == 0);
}

TEST_CASE("where most is open, nothing is copied in circles") {
  World world;
  world.start();
  std::vector<OpenRecord> streams;
  for (int i = 0; i < 800; ++i) streams.push_back(world.reserve("stream", 200));
  // Fifteen segments of open reservations: copying cannot make them fewer.
  const Found found = world.after_kill();
  CHECK(found.records.size() == 800);
}

TEST_CASE("a journal has an end: when the store takes nothing for long, reservations are refused") {
  World world;
  world.options.segments_max = 5;
  world.start();
  base::Result<OpenRecord> open = world.try_reserve("r");
  while (open) {
    world.settle(std::move(*open), "s");
    open = world.try_reserve("r");
  }
  CHECK(open.error().message == "the journal is full: 5 segments hold what is open or not in the store yet");
  world.writer().flushed_through(world.writer().health().last);
  (void)world.try_reserve("r");
  CHECK(world.try_reserve("r").has_value());
}

TEST_CASE("a reader learns what the store must have known") {
  World world;
  world.start();
  CHECK(world.after_kill().report.store_commit == 0);
  world.writer().note_store_commit(41);
  CHECK(world.after_kill().report.store_commit == 0);
  auto open = world.reserve("r");
  CHECK(world.after_kill().report.store_commit == 41);
  world.writer().flushed_through(world.settle(std::move(open), "s"));
  world.writer().note_store_commit(42);
  world.fill_segments(5);
  const Found found = world.after_kill();
  CHECK(found.report.store_commit == 42);
  CHECK(found.report.journals[0].flushed > 2);
  // A store that has less than it had was put back.
  const std::vector<Sequence> marks{found.report.journals[0].flushed - 1};
  CHECK(found.report.doubt(marks).find("knows that the store had record") != std::string::npos);
}

TEST_CASE("options that make no sense are refused") {
  World world;
  const auto refused = [&](auto change) {
    Options options = small_options();
    change(options);
    const auto disk = MemoryDisk::open(world.folder);
    return !Journal::open(**disk, world.owner, 1, options, world.calls()).has_value();
  };
  CHECK(refused([](Options& options) { options.segment_bytes += 100; }));
  CHECK(refused([](Options& options) { options.segment_bytes = 4096; }));
  CHECK(refused([](Options& options) { options.segment_bytes = 0; }));
  CHECK(refused([](Options& options) { options.record_bytes_max = 100; }));
  CHECK(refused([](Options& options) { options.record_bytes_max = 100'000; }));
  CHECK(refused([](Options& options) { options.ready_segments = 0; }));
  CHECK(refused([](Options& options) { options.ready_segments_max = 1; }));
  CHECK(refused([](Options& options) { options.carry_above = 0; }));
  CHECK_FALSE(refused([](Options&) {}));
}
