#include "journal/segment_scan.h"

#include <doctest/doctest.h>

#include <vector>

using namespace journal;

namespace {

constexpr std::uint32_t seed = 4711;

// Writes a record of eight bytes into a segment.
void put(std::span<std::byte> segment, std::size_t offset, Kind kind, Sequence sequence) {
  const std::size_t size = record_header_bytes + 8;
  const std::uint64_t tag = tag_of(kind, sequence);
  std::memcpy(segment.data() + offset + 8, &tag, sizeof tag);
  const std::uint64_t first =
      std::uint64_t{size} << 32 |
      record_checksum(seed, tag, std::span<const std::byte>(segment).subspan(offset + record_header_bytes, 8));
  std::memcpy(segment.data() + offset, &first, sizeof first);
}

std::vector<Sequence> numbers_in(std::span<const std::byte> memory, std::span<const std::byte> second, Sequence last) {
  std::vector<Sequence> numbers;
  SegmentScan scan(memory, second, seed, last);
  while (const auto step = scan.next()) numbers.push_back(step->record.sequence);
  return numbers;
}

}  // namespace

TEST_CASE("numbers only grow: what goes back is no record of this segment") {
  std::vector<std::byte> segment(2 * block_bytes);
  put(segment, records_at, Kind::reserve, 8);
  put(segment, records_at + 24, Kind::settle, 9);
  put(segment, records_at + 48, Kind::reserve, 5);
  put(segment, records_at + 400, Kind::note, 7);
  put(segment, records_at + 800, Kind::settle, 9);
  put(segment, records_at + 1'200, Kind::note, 9);
  put(segment, records_at + 1'600, Kind::settle, 10);
  CHECK(numbers_in(segment, {}, 7) == std::vector<Sequence>{8, 9, 9, 10});
  CHECK(numbers_in(segment, {}, 8) == std::vector<Sequence>{9, 9, 10});
}

TEST_CASE("a missing number is a hole, though every byte is in its place") {
  std::vector<std::byte> segment(2 * block_bytes);
  put(segment, records_at, Kind::note, 3);
  put(segment, records_at + 24, Kind::reserve, 4);
  put(segment, records_at + 48, Kind::settle, 6);
  put(segment, records_at + 72, Kind::sealed, 6);
  put(segment, records_at + 96, Kind::settle, 7);
  SegmentScan scan(segment, {}, seed, 3);
  CHECK_FALSE(scan.next()->after_hole);
  CHECK_FALSE(scan.next()->after_hole);
  CHECK(scan.next()->after_hole);
  CHECK_FALSE(scan.next()->after_hole);
  CHECK_FALSE(scan.next().has_value());  // nothing comes behind a seal
  CHECK(scan.sealed());
  CHECK(scan.ends_clean());
}

TEST_CASE("each record is taken from the image that has it") {
  std::vector<std::byte> memory(2 * block_bytes), second(2 * block_bytes);
  put(memory, records_at, Kind::reserve, 1);
  put(second, records_at, Kind::reserve, 1);
  put(second, records_at + 24, Kind::reserve, 2);
  put(memory, records_at + 48, Kind::reserve, 3);
  memory[records_at + 24] = std::byte{99};  // not a record
  CHECK(numbers_in(memory, second, 0) == std::vector<Sequence>{1, 2, 3});
  CHECK(numbers_in(memory, {}, 0) == std::vector<Sequence>{1, 3});
  CHECK(numbers_in({}, second, 0) == std::vector<Sequence>{1, 2});
}

TEST_CASE("an image that ends early is read to its end") {
  std::vector<std::byte> segment(2 * block_bytes);
  put(segment, records_at, Kind::reserve, 1);
  put(segment, records_at + 24, Kind::reserve, 2);
  for (std::size_t size = 0; size <= records_at + 48; ++size) {
    const std::size_t whole = size < records_at + 24 ? 0 : size < records_at + 48 ? 1 : 2;
    CHECK(numbers_in(std::span(segment).first(size), {}, 0).size() == whole);
  }
}
