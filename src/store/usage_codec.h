#pragma once
// A segment of the usage log: some hundred records packed into one run of bytes, some 50 bytes a record.
//
//   version    1 byte: 3; 1 and 2 are read, too
//   checksum   8 bytes, over all that follows
//   count      of the records
//   tables     texts, ids (accounts and keys), counters (limit and window), each named by its place in a record
//   records    one after the other, each in two parts: what sums are made of, and a size and the rest
//
// A number is written in as many bytes as it needs (store/packed_bytes.h). Enumerators have numbers of this format's
// own, so that a new one never changes the meaning of what is written. Every record comes back as it was, field by
// field; what is damaged, cut short or of another version is an error and never a wrong record.

#include <boost/container/vector.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "events/usage_record.h"
#include "store/interner.h"
#include "store/packed_bytes.h"

namespace store {

// Packs records. What was added stays: a segment that grows is written again as a whole.
class SegmentWriter {
 public:
  void add(const events::UsageRecord& record);

  std::size_t count() const { return count_; }
  base::WallTime first_started() const { return first_started_; }  // of at least one record
  base::WallTime last_started() const { return last_started_; }

  std::string bytes() const;
  // A Bloom filter over the tables (digest_may_hold): which accounts, keys and models a reader need not look for.
  std::string digest() const;

 private:
  // A text field of the records. Most often it has the value that it had in the record before.
  struct TextField {
    std::uint32_t place = 0;
    bool used = false;
  };
  std::uint32_t place_of(const std::string& text, TextField& field);
  void write_rest(ByteWriter& out, const events::UsageRecord& record);
  // All of the segment behind room for its header; gives its end.
  char* write_to(char* body) const;

  Interner<std::string> texts_;
  Interner<base::Uuid> ids_;
  Interner<quota::CounterKey> counters_;
  TextField model_, upstream_, route_, served_model_, price_version_, tags_;
  boost::container::vector<char> records_;  // grows without being filled with zeros
  std::size_t records_size_ = 0;            // of records_, what is written
  std::size_t count_ = 0;
  base::WallTime first_started_;
  base::WallTime last_started_;
  base::WallTime previous_started_;
};

// Reads a segment record by record without making one: a UsageRecord is made only of what is asked for.
class SegmentReader {
 public:
  // Checks version and checksum. `bytes` outlive the reader.
  static base::Result<SegmentReader> open(std::string_view bytes);

  // The first part of a record as it lies in the segment: names are places in the tables.
  struct Packed {
    base::ExchangeId id;
    base::WallTime started;
    std::uint32_t account = 0, key = 0;
    std::uint32_t model = 0, upstream = 0;
    std::uint8_t flags = 0;
    events::Outcome outcome = events::Outcome::served;
    std::optional<meter::Usage> usage;
    base::Money cost;
    std::string_view rest;  // still packed
  };
  // Moves to the next record; false: there is none.
  base::Result<bool> next();
  const Packed& packed() const { return packed_; }
  // Of the current record (catalog/tags.h).
  std::string_view tags() const;
  // What statistics want of its rest.
  struct Manner {
    std::uint32_t route = 0;
    std::int64_t duration_us = 0;
    std::int64_t first_byte_us = 0;
    std::optional<base::ErrorType> error = std::nullopt;
  };
  base::Result<Manner> manner() const;
  // The current record in full.
  base::Result<events::UsageRecord> record() const;

  const base::Uuid& id_at(std::uint32_t place) const { return ids_[place]; }
  std::string_view text_at(std::uint32_t place) const { return texts_[place]; }
  std::size_t count_of_ids() const { return ids_.size(); }
  std::size_t count_of_texts() const { return texts_.size(); }
  // nullopt: no record of this segment has it.
  std::optional<std::uint32_t> find_id(const base::Uuid& id) const;
  std::optional<std::uint32_t> find_text(std::string_view text) const;

 private:
  SegmentReader(std::uint8_t format, std::string_view body) : in_(body), format_(format) {}
  base::Status read_tables();
  static std::uint32_t place_in(ByteReader& in, std::size_t table_size);

  ByteReader in_;
  std::uint8_t format_;
  std::uint64_t left_ = 0;
  std::vector<std::string_view> texts_;
  std::vector<base::Uuid> ids_;
  std::vector<quota::CounterKey> counters_;
  Packed packed_;
};

// Version and checksum in front of `body`: what SegmentWriter::bytes ends with.
std::string sealed_segment(std::string body);

// false: no record behind the digest has the value.
bool digest_may_hold(std::string_view digest, const base::Uuid& id);
bool digest_may_hold(std::string_view digest, std::string_view text);

}  // namespace store
