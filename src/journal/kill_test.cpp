// A process that really writes, and is really killed: at any moment, and at every instruction of a few records.
#include <sched.h>

#include "journal/child_test.h"
#include "journal/mapped_disk.h"
#include "journal/segment_scan.h"
#include "journal/world_test.h"
#include "tests/support/temporary_folder.h"

using namespace journal;
using namespace journal::testing;

namespace {

Owner first_owner() { return {.store = {}, .node = {}, .incarnation = 1}; }

Calls silent() {
  return {.prepare = [] {}, .commit = [](std::uint32_t) {}, .durable = [](std::uint32_t) {}};
}

// What the child has told before it was killed.
struct Told {
  std::atomic<Sequence> written = 0;  // every record up to here
  std::atomic<Sequence> flushed = 0;
  std::atomic<int> started = 0, finished = 0;
};

// Exchanges without end. One in fifty stays open; what is settled is flushed a little later.
int write_without_end(const std::filesystem::path& path, Told& told) {
  auto disk = MappedDisk::open(path);
  if (!disk) return 1;
  auto journal = Journal::open(**disk, first_owner(), 1, small_options(), silent());
  if (!journal) return 2;
  Writer& writer = (*journal)->writer(0);
  std::vector<OpenRecord> streams;
  for (Sequence i = 0;; ++i) {
    if (!(*journal)->prepare()) return 3;
    auto open = writer.reserve(payload_of("r", 20 + i % 250), 300);
    if (!open) return 4;
    told.written.store(writer.health().last);
    if (i % 50 == 0 && streams.size() < 20) {
      streams.push_back(std::move(*open));
      continue;
    }
    const Sequence settled = writer.settle(std::move(*open), payload_of("s", 20 + i % 250));
    told.written.store(settled);
    if (settled > 40) {
      writer.flushed_through(settled - 40);
      told.flushed.store(settled - 40);
    }
  }
}

// What lies in the files of a process that is stopped. read_journals says the same; it takes too long for every
// instruction.
struct Left {
  bool whole = true;
  std::vector<std::string> texts;  // of the records after some number, copies by their kind
};
Left read_left(Disk& disk, const Folder& folder, Sequence after) {
  std::map<std::uint32_t, const FoundSegment*> segments;
  for (const FoundSegment& segment : folder.segments) segments.emplace(segment.header.number, &segment);
  Left left;
  Sequence last = 0;
  bool sealed = true;
  for (const auto& [number, segment] : segments) {
    std::vector<std::byte> bytes(segment->header.segment_bytes);
    REQUIRE(disk.read(segment->name, 0, bytes).has_value());
    SegmentScan scan(bytes, {}, segment->header.seed(), last);
    while (const auto step = scan.next()) {
      left.whole = left.whole && !step->after_hole && sealed;
      last = step->record.sequence;
      if (last <= after || !is_data(step->record.kind)) continue;
      const auto payload = step->record.payload;
      left.texts.push_back(
          step->record.kind == Kind::carried ? "carried" : Record{.payload = {payload.begin(), payload.end()}}.text());
    }
    left.whole = left.whole && scan.ends_clean();
    if (last > 0) sealed = scan.sealed();
  }
  return left;
}

}  // namespace

TEST_CASE("a process that is killed leaves all that it had written") {
  tests::SeededRandom random(3);
  for (int round = 0; round < 15; ++round) {
    tests::TemporaryFolder folder;
    Shared<Told> told;
    const auto enough = static_cast<Sequence>(random.between(1, 20'000));
    {
      Child child([&] { return write_without_end(folder.path(), *told.operator->()); });
      while (told->written.load() < enough) ::sched_yield();
      child.kill();
    }
    const auto disk = std::move(*MappedDisk::open(folder.path()));
    const Found found = read_all(*disk, first_owner());
    REQUIRE(found.defects() == "");
    const JournalReport& journal = found.report.journals[0];
    CHECK(found.report.doubt(std::vector<Sequence>{told->flushed.load()}) == "");
    CHECK(journal.last >= told->written.load());
    CHECK(journal.last <= told->written.load() + 3);  // a copy and a record, not yet told
    REQUIRE(!found.records.empty());
    CHECK(found.records.front().sequence == journal.before + 1);
    Sequence number = journal.before;
    for (const Record& record : found.records) CHECK(record.sequence == ++number);
    // What was not flushed is there, with what it settles.
    CHECK(journal.before <= told->flushed.load());
  }
}

// The child is stopped after every single instruction, and its files are read: what a kill there would leave. What it
// does includes the end of a segment, a copy and a note.
TEST_CASE("whatever instruction a process is killed at, what it leaves is whole") {
  tests::TemporaryFolder folder;
  const auto disk = std::move(*MappedDisk::open(folder.path()));
  Options options = small_options();
  options.carry_above = 1;
  auto journal = std::move(*Journal::open(*disk, first_owner(), 1, options, silent()));
  Writer& writer = journal->writer(0);
  (void)*writer.reserve(payload_of("stream", 60), 60);
  Sequence settled = 0;
  for (int i = 0; i < 28; ++i)
    settled = writer.settle(*writer.reserve(payload_of("r", 200), 300), payload_of("s", 200));
  writer.flushed_through(settled);

  const std::vector<std::string> expected{"reserve one", "carried", "settle one", "reserve two", "extend two"};
  Shared<Told> told;
  Child child([&] {
    const auto one = payload_of("reserve one", 150), two = payload_of("reserve two", 190);
    const auto end = payload_of("settle one", 33), more = payload_of("extend two", 170);
    trace_me();
    told->started = 2;
    auto first = writer.reserve(one, 100);  // and copies the stream
    told->finished = 2;
    told->started = 3;
    writer.settle(std::move(*first), end);
    told->finished = 3;
    told->started = 4;
    auto second = writer.reserve(two, 100);
    told->finished = 4;
    told->started = 5;
    (void)writer.extend(*second, more, 100);
    told->finished = 5;
    ::raise(SIGSTOP);
    return 0;
  });
  REQUIRE(WIFSTOPPED(child.status()));

  const Folder all = *look_through(*disk);
  std::size_t most_found = 0, steps = 0;
  for (; child.goes_on(PTRACE_SINGLESTEP); ++steps) {
    CAPTURE(steps);
    const auto finished = static_cast<std::size_t>(told->finished.load());
    const auto started = static_cast<std::size_t>(told->started.load());
    const Left left = read_left(*disk, all, settled);
    REQUIRE(left.whole);
    REQUIRE(left.texts.size() >= finished);
    REQUIRE(left.texts.size() <= started);
    REQUIRE(std::ranges::equal(left.texts, std::span(expected).first(left.texts.size())));
    most_found = std::max(most_found, left.texts.size());
  }
  CHECK(most_found == expected.size());
  CHECK(steps > 500);
}

// The same for what makes a file that was used ready to be used again: it has one name or none.
TEST_CASE("whatever instruction a process is killed at, a file that is used again is one segment or none") {
  tests::TemporaryFolder folder;
  const auto disk = std::move(*MappedDisk::open(folder.path()));
  auto journal = std::move(*Journal::open(*disk, first_owner(), 1, small_options(), silent()));
  Writer& writer = journal->writer(0);
  for (bool first = true; first;) {  // when the second segment begins, the first one is given back
    auto open = *writer.reserve(payload_of("r", 200), 300);
    first = open.position().segment() == 1;
    writer.release(std::move(open), {});
  }
  REQUIRE(writer.health().segments == 1);
  const std::string name = disk->list()->front();
  const auto read = [&](SegmentHeader& header) {
    std::array<std::byte, header_bytes> bytes{};
    return disk->read(name, 0, bytes) ? read_header(bytes, header) : HeaderState::damaged;
  };

  Child child([&] {
    trace_me();
    (void)journal->prepare();
    ::raise(SIGSTOP);
    return 0;
  });
  REQUIRE(WIFSTOPPED(child.status()));
  std::vector<std::uint32_t> numbers;
  while (child.goes_on(PTRACE_SINGLESTEP)) {
    SegmentHeader header;
    const HeaderState state = read(header);
    if (state == HeaderState::damaged) FAIL("half a header");
    const std::uint32_t number = state == HeaderState::blank ? 0 : header.number;
    if (numbers.empty() || numbers.back() != number) numbers.push_back(number);
    std::array<std::byte, 8> first{};
    if (!disk->read(name, records_at, first) || (number > 1 && word_at(first, 0) != 0))
      FAIL("a record of the earlier segment");
  }
  CHECK(numbers == std::vector<std::uint32_t>{1, 0, 4});
}

// A worker must not wait for anything but its own instructions.
TEST_CASE("appending makes no system call") {
  tests::TemporaryFolder folder;
  const auto disk = std::move(*MappedDisk::open(folder.path()));
  auto journal = std::move(*Journal::open(*disk, first_owner(), 1, Options{}, silent()));
  Writer& writer = journal->writer(0);
  const auto calls_in = [&](int exchanges) {
    const auto payload = payload_of("r", 250);
    Child child([&] {
      trace_me();
      for (int i = 0; i < exchanges; ++i) {
        auto open = writer.reserve(payload, 300);
        if (!open || !writer.extend(*open, payload, 300)) return 1;
        writer.flushed_through(writer.settle(std::move(*open), payload));
      }
      ::raise(SIGSTOP);
      return 0;
    });
    REQUIRE(WIFSTOPPED(child.status()));
    int stops = 0;
    while (child.goes_on(PTRACE_SYSCALL)) ++stops;
    return stops;
  };
  CHECK(calls_in(1'000) <= calls_in(0) + 10);  // sanitizers make a few of their own
}
