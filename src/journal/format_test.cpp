#include "journal/format.h"

#include <doctest/doctest.h>

#include <numeric>
#include <set>
#include <string_view>
#include <vector>

using namespace journal;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

SegmentHeader some_header() {
  SegmentHeader header;
  header.worker = 3;
  header.workers = 8;
  header.number = 17;
  header.durability = Durability::power;
  header.owner.incarnation = 42;
  header.segment_bytes = 1 << 20;
  header.place = {.device = 5, .number = 77};
  for (auto* id : {&header.owner.store, &header.owner.node, &header.boot})
    std::iota(id->bytes.begin(), id->bytes.end(), static_cast<std::uint8_t>(header.owner.incarnation++));
  return header;
}

// A segment with one record, written by hand as the format says.
std::vector<std::byte> segment_with(std::uint32_t seed, std::uint64_t tag, std::string_view payload) {
  std::vector<std::byte> segment(2 * block_bytes);
  const std::size_t size = record_header_bytes + payload.size();
  std::byte* const at = segment.data() + records_at;
  std::memcpy(at + 8, &tag, 8);
  std::memcpy(at + 16, payload.data(), payload.size());
  const std::uint64_t first =
      std::uint64_t{size} << 32 | record_checksum(seed, tag, std::span(at + 16, payload.size()));
  std::memcpy(at, &first, 8);
  return segment;
}

}  // namespace

TEST_CASE("the checksum is the CRC-32C of RFC 3720") {
  // RFC 3720, B.4.
  std::vector<std::byte> bytes(32);
  CHECK(crc32c(0, bytes) == 0x8A9136AA);
  std::ranges::fill(bytes, std::byte{0xFF});
  CHECK(crc32c(0, bytes) == 0x62A8AB43);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  CHECK(crc32c(0, bytes) == 0x46DD794E);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(31 - i);
  CHECK(crc32c(0, bytes) == 0x113FDB5C);
  CHECK(crc32c(0, bytes_of("123456789")) == 0xE3069283);
  CHECK(crc32c(crc32c(0, bytes_of("1234")), bytes_of("56789")) == 0xE3069283);
  CHECK(crc32c(7, {}) == 7);
}

TEST_CASE("a header comes back as it was, is damaged by any change, and holds nothing until it is published") {
  const SegmentHeader header = some_header();
  std::vector<std::byte> block(block_bytes);
  SegmentHeader found;
  CHECK(read_header(block, found) == HeaderState::blank);
  write_header(block, header);
  CHECK(read_header(block, found) == HeaderState::blank);
  publish_header(block);
  REQUIRE(read_header(block, found) == HeaderState::valid);
  CHECK(found == header);
  CHECK(found.is_sane());
  for (std::size_t at = 0; at < header_bytes; ++at) {
    CAPTURE(at);
    block[at] ^= std::byte{0x10};
    CHECK(read_header(block, found) == HeaderState::damaged);
    block[at] ^= std::byte{0x10};
  }
  CHECK(read_header(std::span(block).first(header_bytes - 1), found) == HeaderState::damaged);
  blank_header(block);
  CHECK(read_header(block, found) == HeaderState::blank);
}

TEST_CASE("a header that no journal can have is not believed") {
  SegmentHeader header = some_header();
  header.number = 0;
  CHECK_FALSE(header.is_sane());
  header = some_header();
  header.worker = header.workers;
  CHECK_FALSE(header.is_sane());
  header = some_header();
  header.workers = workers_limit + 1;
  CHECK_FALSE(header.is_sane());
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{records_at}, std::uint64_t{block_bytes + 100},
                                    std::uint64_t{segment_bytes_limit} + block_bytes}) {
    header = some_header();
    header.segment_bytes = bytes;
    CHECK_FALSE(header.is_sane());
  }
}

TEST_CASE("whose segment it is and its number make its seed") {
  const SegmentHeader header = some_header();
  std::set<std::uint32_t> seeds{header.seed()};
  SegmentHeader other = header;
  for (other.number = 1; other.number <= 10'000; ++other.number)
    if (other.number != header.number) CHECK(seeds.insert(other.seed()).second);
  other = header;
  other.worker = 4;
  CHECK(seeds.insert(other.seed()).second);
  other = header;
  other.owner.incarnation += 1;
  CHECK(seeds.insert(other.seed()).second);
  for (auto id : {&Owner::store, &Owner::node}) {
    other = header;
    (other.owner.*id).bytes[9] ^= 1;
    CHECK(seeds.insert(other.seed()).second);
  }
  // Where it lies and since when the machine runs are not part of it.
  other = header;
  other.place.number = 1;
  other.boot.bytes[0] ^= 1;
  CHECK(other.seed() == header.seed());
}

TEST_CASE("a record is whole and valid under its seed, or it is none") {
  constexpr std::uint32_t seed = 99;
  const auto segment = segment_with(seed, tag_of(Kind::settle, 7), "what it cost");
  const auto record = record_at(segment, records_at, seed);
  REQUIRE(record.has_value());
  CHECK(record->kind == Kind::settle);
  CHECK(record->sequence == 7);
  CHECK(std::ranges::equal(record->payload, bytes_of("what it cost")));
  CHECK(record->bytes == 32);

  CHECK_FALSE(record_at(segment, records_at, seed + 1).has_value());
  CHECK_FALSE(record_at(segment, records_at + 8, seed).has_value());
  CHECK_FALSE(record_at(segment, segment.size(), seed).has_value());
  CHECK_FALSE(record_at(std::span(segment).first(records_at + 27), records_at, seed).has_value());
  for (std::size_t at = 0; at < 28; ++at) {
    auto changed = segment;
    changed[records_at + at] ^= std::byte{1};
    CAPTURE(at);
    CHECK_FALSE(record_at(changed, records_at, seed).has_value());
  }
  CHECK_FALSE(record_at(segment_with(seed, 7 << 8 | 99, "of no kind"), records_at, seed).has_value());
}
