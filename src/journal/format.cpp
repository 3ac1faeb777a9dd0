#include "journal/format.h"

#include <atomic>

#include "base/assert.h"

namespace journal {
namespace {

constexpr std::size_t checksum_at = 8;
constexpr std::size_t checked_from = 16;

// Fields one after the other.
template <class Bytes>
class Fields {
 public:
  explicit Fields(Bytes* at) : at_(at) {}
  template <class Value>
  void write(const Value& value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  template <class Value>
  void read(Value& value) {
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
  }

 private:
  Bytes* at_;
};

void store_first_word(std::span<std::byte> memory, std::uint64_t word) {
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(memory.data())).store(word, std::memory_order_release);
}

bool known(std::uint8_t kind) { return is_data(Kind{kind}) || is_control(Kind{kind}); }

}  // namespace

// Segments of one journal differ in `number` alone, 32 bits in a row: a CRC tells every two of them apart.
std::uint32_t SegmentHeader::seed() const {
  std::array<std::byte, 48> identity{};
  Fields fields(identity.data());
  fields.write(owner.store);
  fields.write(owner.node);
  fields.write(owner.incarnation);
  fields.write(worker);
  fields.write(number);
  return crc32c(0, identity);
}

bool SegmentHeader::is_sane() const {
  return segment_bytes > records_at && segment_bytes <= segment_bytes_limit && segment_bytes % block_bytes == 0 &&
         workers <= workers_limit && worker < workers && number > 0;
}

void write_header(std::span<std::byte> memory, const SegmentHeader& header) {
  ASSERT(memory.size() >= header_bytes);
  Fields fields(memory.data() + checked_from);
  fields.write(header.owner.store);
  fields.write(header.owner.node);
  fields.write(header.owner.incarnation);
  fields.write(header.worker);
  fields.write(header.workers);
  fields.write(header.number);
  fields.write(static_cast<std::uint32_t>(header.durability));
  fields.write(header.segment_bytes);
  fields.write(header.boot);
  fields.write(header.place);
  fields.write(std::array<std::byte, 16>{});
  const std::uint32_t checksum = crc32c(0, memory.subspan(checked_from, header_bytes - checked_from));
  Fields(memory.data() + checksum_at).write(std::uint64_t{checksum});
}

void publish_header(std::span<std::byte> memory) { store_first_word(memory, header_magic); }
void blank_header(std::span<std::byte> memory) { store_first_word(memory, 0); }

HeaderState read_header(std::span<const std::byte> bytes, SegmentHeader& header) {
  if (bytes.size() < header_bytes) return HeaderState::damaged;
  const std::uint64_t magic = word_at(bytes, 0);
  if (magic == 0) return HeaderState::blank;
  if (magic != header_magic) return HeaderState::damaged;
  if (word_at(bytes, checksum_at) != crc32c(0, bytes.subspan(checked_from, header_bytes - checked_from)))
    return HeaderState::damaged;
  std::uint32_t durability = 0;
  Fields fields(bytes.data() + checked_from);
  fields.read(header.owner.store);
  fields.read(header.owner.node);
  fields.read(header.owner.incarnation);
  fields.read(header.worker);
  fields.read(header.workers);
  fields.read(header.number);
  fields.read(durability);
  fields.read(header.segment_bytes);
  fields.read(header.boot);
  fields.read(header.place);
  if (durability > static_cast<std::uint32_t>(Durability::power)) return HeaderState::damaged;
  header.durability = static_cast<Durability>(durability);
  return HeaderState::valid;
}

std::uint64_t word_at(std::span<const std::byte> segment, std::size_t offset) {
  std::uint64_t word = 0;
  if (offset + sizeof word <= segment.size()) std::memcpy(&word, segment.data() + offset, sizeof word);
  return word;
}

std::optional<RecordView> record_at(std::span<const std::byte> segment, std::size_t offset, std::uint32_t seed) {
  const std::uint64_t first = word_at(segment, offset);
  const std::size_t size = first >> 32;  // with the header, without what fills up to a multiple of 8
  if (size < record_header_bytes || size > record_bytes_limit || size > segment.size() - offset) return std::nullopt;
  const std::uint64_t tag = word_at(segment, offset + 8);
  const auto kind = static_cast<std::uint8_t>(tag);
  if (!known(kind)) return std::nullopt;
  const auto payload = segment.subspan(offset + record_header_bytes, size - record_header_bytes);
  if (record_checksum(seed, tag, payload) != static_cast<std::uint32_t>(first)) return std::nullopt;
  return RecordView{
      .kind = Kind{kind}, .sequence = tag >> 8, .payload = payload, .bytes = record_bytes(size - record_header_bytes)};
}

}  // namespace journal
