// Any bytes may stand in a file that was once a segment, and in a record. What is read from a segment was checked; what
// was decoded is encoded again to what says the same; nothing reads beyond its end.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "journal/memory_disk.h"
#include "journal/reader.h"
#include "journal/records.h"

namespace {

using namespace journal;

class NoRandom final : public base::Random {
 public:
  void fill(std::span<std::byte> out) override { std::ranges::fill(out, std::byte{7}); }
};

void decode(std::span<const std::byte> payload) {
  PayloadBuffer buffer;
  if (const auto record = decode_reserve(payload)) {
    const auto bytes = encode(*record, buffer);
    const std::vector<std::byte> copy(bytes.begin(), bytes.end());
    ASSERT(decode_reserve(copy) == *record);
  }
  if (const auto record = decode_settle(payload); record && record->usage.served_model.size() <= served_model_bytes_max)
    ASSERT(decode_settle(encode_settle(*record, buffer)) == *record);
  if (const auto record = decode_release(payload)) ASSERT(decode_release(encode(*record, buffer)) == *record);
}

constexpr std::size_t segment_bytes = 4 * block_bytes;

// Puts each part of the input at its place in a segment: two bytes say where, one how long it is. If `sealed`, the
// record there gets a valid checksum, so that the input gets as far as what is behind it.
void scatter(std::span<std::byte> segment, std::span<const std::uint8_t> input, std::uint32_t seed) {
  while (input.size() > 3) {
    const std::size_t at = (input[0] | std::size_t{input[1]} << 8) % (segment.size() - 512) / 8 * 8;
    const bool sealed = (input[2] & 1) != 0;
    const std::size_t size = std::min<std::size_t>(input[2] / 2, input.size() - 3);
    std::transform(input.begin() + 3, input.begin() + 3 + static_cast<std::ptrdiff_t>(size),
                   segment.begin() + static_cast<std::ptrdiff_t>(at),
                   [](std::uint8_t byte) { return std::byte{byte}; });
    if (sealed && at >= records_at) {
      const std::size_t bytes = std::max(size, record_header_bytes);
      std::uint64_t tag = 0;
      std::memcpy(&tag, segment.data() + at + sizeof tag, sizeof tag);
      const auto payload = segment.subspan(at + record_header_bytes, bytes - record_header_bytes);
      const std::uint64_t first = std::uint64_t{bytes} << 32 | record_checksum(seed, tag, payload);
      std::memcpy(segment.data() + at, &first, sizeof first);
    }
    input = input.subspan(3 + size);
  }
}

void read(std::span<const std::uint8_t> input) {
  NoRandom random;
  MemoryFolder folder(random);
  const auto disk = std::move(*MemoryDisk::open(folder));
  const Durability durability = (input[0] & 1) != 0 ? Durability::power : Durability::process;
  SegmentHeader header{.owner = {.store = {}, .node = {}, .incarnation = 1},
                       .worker = 0,
                       .workers = 1,
                       .number = 1,
                       .durability = durability,
                       .segment_bytes = segment_bytes,
                       .boot = disk->boot(),
                       .place = {}};
  const bool with_header = (input[0] & 2) != 0;
  for (const char* name : {"1", "2"}) {
    const auto file = std::move(*disk->create(name, segment_bytes, durability));
    header.place = file->place();
    if (with_header) {
      write_header(file->memory(), header);
      publish_header(file->memory());
    }
    const auto half = input.subspan(1, (input.size() - 1) / 2);
    scatter(folder.bytes(name), header.number == 1 ? half : input.subspan(1 + half.size()), header.seed());
    ++header.number;
  }
  Sequence last = 0;
  const auto report = read_journals(*disk, header.owner, [&](const FoundRecord& record) {
    ASSERT(is_data(record.kind) && record.sequence > last);
    last = record.sequence;
    decode(record.payload);
    return base::Status();
  });
  ASSERT(report.has_value());
  for (const JournalReport& journal : report->journals) ASSERT(journal.last >= last);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span input(data, size);
  decode(std::as_bytes(input));
  read(input);
  return 0;
}
