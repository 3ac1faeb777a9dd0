#pragma once
// How a segment looks, byte by byte; docs/internals/journal.md draws it. Little-endian throughout.
//
//   block 0   the header: who writes here (SegmentHeader). It is written before the segment is used, and never changed
//   block 1…  records, one behind the other, each at a multiple of 8, the first one a note
//
// A record is {crc, size} {tag} {payload}. Its first word is stored last, with everything else in place, after the word
// behind it was made zero: so at any instant a zero word ends what is valid, and a half-written record is none.
//
// The checksum begins with the segment's seed, which is made from whose segment it is and its number. A file is used
// again under another number; what it held before is void.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "base/ids.h"
#include "journal/crc32c.h"
#include "journal/disk.h"

namespace journal {

static_assert(std::endian::native == std::endian::little, "the journal is little-endian");

// The number of a record in its journal: 1, 2, 3 … without gaps. 0: none. Below 2^56.
using Sequence = std::uint64_t;

// Whose journals these are: one process's life, at one store.
struct Owner {
  base::Uuid store;
  base::Uuid node;
  std::int64_t incarnation = 0;
  bool operator==(const Owner&) const = default;
};

struct SegmentHeader {
  Owner owner;
  std::uint32_t worker = 0;
  std::uint32_t workers = 0;  // of this incarnation: so many journals there must be
  std::uint32_t number = 0;   // 1, 2, 3 … in its journal, without gaps
  Durability durability = Durability::process;
  std::uint64_t segment_bytes = 0;
  base::Uuid boot;
  Place place;
  bool operator==(const SegmentHeader&) const = default;

  std::uint32_t seed() const;
  // Whether a journal can have it: what was read is believed only as far as it makes sense.
  bool is_sane() const;
  // How many bytes the file has.
  std::uint64_t file_bytes() const { return durability == Durability::power ? 2 * segment_bytes : segment_bytes; }
};

inline constexpr std::uint32_t segment_bytes_limit = 1 << 30;
inline constexpr std::uint32_t workers_limit = 1024;

inline constexpr std::size_t header_bytes = 128;
// Where the first record stands.
inline constexpr std::size_t records_at = block_bytes;

// A header's first word. Zero stands in a file that holds nothing.
inline constexpr std::uint64_t header_magic = 0x0001'4C4E'524A'474D;  // "MGJRNL", then the format's version

// All but the magic, which publish_header stores last.
void write_header(std::span<std::byte> memory, const SegmentHeader& header);
void publish_header(std::span<std::byte> memory);
// From here on the file holds nothing.
void blank_header(std::span<std::byte> memory);
enum class HeaderState : std::uint8_t { valid, blank, damaged };
HeaderState read_header(std::span<const std::byte> bytes, SegmentHeader& header);

enum class Kind : std::uint8_t {
  reserve = 1,  // a reservation as it stands: money has been taken, and the call may leave
  extend = 2,   // the whole reservation again, after it grew. It stands for what was written of it before
  carried = 3,  // the same again, unchanged: copied out of a segment that is to be used again
  settle = 4,   // the exchange has ended: its usage record
  release = 5,  // the exchange has ended: nothing left, and nothing is to be recorded
  // The journal's own. They have the sequence number of the record before them.
  note = 16,    // what the journal knows: see Note
  sealed = 17,  // nothing more comes in this segment; there is a next one
};
inline bool is_data(Kind kind) { return kind >= Kind::reserve && kind <= Kind::release; }
inline bool is_control(Kind kind) { return kind == Kind::note || kind == Kind::sealed; }

// Stands at the beginning of a segment and wherever something changed; the last one counts.
struct Note {
  std::uint64_t store_commit = 0;    // the last commit of the store that this journal has heard of
  Sequence flushed = 0;              // the store has every settle up to here
  std::uint32_t oldest_segment = 0;  // every segment from this one on is needed; those before it are void
  std::uint32_t unused = 0;
};

inline constexpr std::size_t record_header_bytes = 16;
// The bytes that a record takes, with its header, up to the next one.
constexpr std::size_t record_bytes(std::size_t payload_bytes) {
  return (record_header_bytes + payload_bytes + 7) / 8 * 8;
}
inline constexpr std::size_t note_bytes = record_bytes(sizeof(Note));
inline constexpr std::size_t sealed_bytes = record_bytes(0);
// No record of any journal is larger: a reader need not believe more.
inline constexpr std::size_t record_bytes_limit = 64 * 1024;

constexpr std::uint64_t tag_of(Kind kind, Sequence sequence) {
  return sequence << 8 | static_cast<std::uint64_t>(kind);
}

// Over tag and payload of a record; begins with its size too, which stands in the word that is stored last.
inline std::uint32_t record_checksum(std::uint32_t seed, std::uint64_t tag, std::span<const std::byte> payload) {
  const auto size = static_cast<std::uint32_t>(record_header_bytes + payload.size());
  return crc32c(crc32c(seed ^ size, std::as_bytes(std::span(&tag, 1))), payload);
}

struct RecordView {
  Kind kind = Kind::note;
  Sequence sequence = 0;
  std::span<const std::byte> payload;
  std::size_t bytes = 0;  // up to the next record
};

// The record that stands at `offset`, if a whole and valid one does.
std::optional<RecordView> record_at(std::span<const std::byte> segment, std::size_t offset, std::uint32_t seed);
// The first word at `offset`; zero beyond the end.
std::uint64_t word_at(std::span<const std::byte> segment, std::size_t offset);

}  // namespace journal
