#pragma once
// A machine with one folder of journals, and processes that come and go on it.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "journal/memory_disk.h"
#include "journal/reader.h"
#include "tests/support/seeded_random.h"

namespace journal::testing {

// Small, so that little writing fills many segments.
inline Options small_options() { return {.segment_bytes = 16 * 1024, .record_bytes_max = 512, .segments_max = 64}; }

inline std::vector<std::byte> payload_of(std::string_view text, std::size_t bytes) {
  std::vector<std::byte> payload(std::max(bytes, text.size()), std::byte{'.'});
  std::ranges::transform(text, payload.begin(), [](char c) { return static_cast<std::byte>(c); });
  return payload;
}

// A record as it was found, with a payload of its own.
struct Record {
  std::uint32_t worker = 0;
  Kind kind = Kind::reserve;
  Sequence sequence = 0;
  std::vector<std::byte> payload;
  bool beyond_hole = false;

  std::string text() const {
    const std::string_view all(reinterpret_cast<const char*>(payload.data()), payload.size());
    return std::string(all.substr(0, all.find('.')));
  }
  bool operator==(const Record&) const = default;
};

struct Found {
  Report report;
  std::vector<Record> records;

  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const Record& record : records) texts.push_back(record.text());
    return texts;
  }
  // All that is wrong, in one line.
  std::string defects() const {
    std::string all;
    for (const auto& defect : report.defects) all += defect + "; ";
    for (const auto& journal : report.journals)
      for (const auto& defect : journal.defects) all += defect + "; ";
    return all;
  }
  // The proof with marks that fit what was found.
  std::string doubt() const {
    std::vector<Sequence> marks;
    for (const auto& journal : report.journals) marks.push_back(journal.flushed);
    return report.doubt(marks);
  }
};

inline Found read_all(Disk& disk, const Owner& owner) {
  Found found;
  auto report = read_journals(disk, owner, [&](const FoundRecord& record) {
    found.records.push_back({.worker = record.worker,
                             .kind = record.kind,
                             .sequence = record.sequence,
                             .payload = {record.payload.begin(), record.payload.end()},
                             .beyond_hole = record.beyond_hole});
    return base::Status();
  });
  REQUIRE(report.has_value());
  found.report = std::move(*report);
  return found;
}

inline Found read_all(MemoryFolder& folder, const Owner& owner) {
  const auto disk = MemoryDisk::open(folder);
  REQUIRE(disk.has_value());
  return read_all(**disk, owner);
}

struct World {
  explicit World(Options with = small_options(), std::uint64_t seed = 1) : random(seed), options(with) {
    random.fill(std::as_writable_bytes(std::span(owner.store.bytes)));
    random.fill(std::as_writable_bytes(std::span(owner.node.bytes)));
  }

  // A process starts: the next incarnation.
  void start(std::uint32_t workers = 1) {
    ++owner.incarnation;
    auto opened = MemoryDisk::open(folder);
    REQUIRE(opened.has_value());
    disk = std::move(*opened);
    auto made = Journal::open(*disk, owner, workers, options, calls());
    REQUIRE_MESSAGE(made.has_value(), (made ? std::string() : made.error().message));
    journal = std::move(*made);
  }
  void kill() {
    journal.reset();
    disk.reset();
  }
  // What the next process would find if this one were killed now.
  Found after_kill() const {
    const auto left = folder.after_kill();
    return read_all(*left, owner);
  }

  Writer& writer(std::uint32_t worker = 0) { return journal->writer(worker); }
  OpenRecord reserve(std::string_view text, std::size_t bytes = 200, std::size_t end_bytes = 300) {
    auto open = try_reserve(text, bytes, end_bytes);
    REQUIRE_MESSAGE(open.has_value(), (open ? std::string() : open.error().message));
    return std::move(*open);
  }
  base::Result<OpenRecord> try_reserve(std::string_view text, std::size_t bytes = 200, std::size_t end_bytes = 300) {
    if (prepare_asked) (void)prepare();
    return writer().reserve(payload_of(text, bytes), end_bytes);
  }
  Sequence settle(OpenRecord open, std::string_view text, std::size_t bytes = 300) {
    return writer().settle(std::move(open), payload_of(text, bytes));
  }
  base::Status prepare() {
    prepare_asked = false;
    return journal->prepare();
  }
  // Exchanges that come, end and are flushed, until so many segments more have been begun.
  void fill_segments(int count) {
    for (int i = 0; i < count * 25; ++i) writer().flushed_through(settle(reserve("r"), "s"));
  }

  Calls calls() {
    return {.prepare = [this] { prepare_asked = true; },
            .commit = [this](std::uint32_t worker) { ++commits_asked[worker]; },
            .durable = [this](std::uint32_t worker) { ++told_durable[worker]; }};
  }

  tests::SeededRandom random;
  MemoryFolder folder{random};
  Options options;
  Owner owner{};
  std::unique_ptr<MemoryDisk> disk;
  std::unique_ptr<Journal> journal;
  bool prepare_asked = false;
  std::map<std::uint32_t, int> commits_asked, told_durable;
};

}  // namespace journal::testing
