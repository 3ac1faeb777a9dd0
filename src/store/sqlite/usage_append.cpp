#include "store/sqlite/usage_append.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "base/assert.h"
#include "store/usage_filter.h"
#include "store/usage_sums.h"

namespace store::sqlite {
namespace {

// Many rows in one statement: to start and end one costs as much as to insert a row.
struct InsertIds {
  std::size_t rows;
  std::string sql;
};

const std::array<InsertIds, 3>& insert_ids_statements() {
  static const auto statements = [] {
    std::array<InsertIds, 3> all{{{128, {}}, {16, {}}, {1, {}}}};
    for (InsertIds& one : all) {
      one.sql = "INSERT OR IGNORE INTO usage_ids (segment, id) VALUES (?, ?)";
      for (std::size_t row = 1; row < one.rows; ++row) one.sql += ", (?1, ?)";
    }
    return all;
  }();
  return statements;
}

// Version 7 ids begin with their time: in order they fall on the same pages, one after the other.
std::vector<const base::Uuid*> sorted_ids(std::span<const events::UsageRecord> records) {
  std::vector<std::pair<std::uint64_t, const base::Uuid*>> keyed;
  keyed.reserve(records.size());
  for (const events::UsageRecord& record : records) {
    std::uint64_t begin = 0;
    std::memcpy(&begin, record.id.uuid.bytes.data(), sizeof begin);
    keyed.emplace_back(__builtin_bswap64(begin), &record.id.uuid);
  }
  std::ranges::sort(keyed, {}, [](const auto& entry) { return entry.first; });
  std::vector<const base::Uuid*> ids;
  ids.reserve(keyed.size());
  for (const auto& [begin, id] : keyed) ids.push_back(id);
  return ids;
}

// What sums are kept for, as places in the segment.
struct SumKey {
  std::int64_t day = 0;
  SegmentWriter::Places places;
  bool operator==(const SumKey&) const = default;
};
struct SumKeyHash {
  std::size_t operator()(const SumKey& key) const {
    std::size_t hash = static_cast<std::size_t>(key.day);
    for (const std::uint32_t place : {key.places.account, key.places.key, key.places.model, key.places.upstream})
      hash = hash * 0x9E37'79B9'7F4A'7C15 + place;
    return hash;
  }
};
using Sums = std::unordered_map<SumKey, events::UsageSum, SumKeyHash>;

// A sum of costs that does not fit becomes a float, which the table refuses; a count of tokens stays at the largest.
base::Status write_sum(Database& database, const SegmentWriter& names, const SumKey& key, const events::UsageSum& sum) {
  TRY_STATUS(database.run(
      "INSERT INTO usage_sums (day, account_id, key_id, model, upstream, requests, refusals, input_tokens, "
      "output_tokens, unknown_usage, cost) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
      "ON CONFLICT DO UPDATE SET requests = requests + ?6, refusals = refusals + ?7, "
      "input_tokens = min(9223372036854775807, input_tokens + ?8), "
      "output_tokens = min(9223372036854775807, output_tokens + ?9), unknown_usage = unknown_usage + ?10, "
      "cost = cost + ?11",
      key.day, names.id_at(key.places.account), names.id_at(key.places.key), names.text_at(key.places.model),
      names.text_at(key.places.upstream), sum.requests, sum.refusals, sum.input_tokens, sum.output_tokens,
      sum.unknown_usage, sum.cost));
  return {};
}

base::Result<SegmentWriter> unpacked(std::string_view bytes) {
  TRY(auto reader, SegmentReader::open(bytes));
  SegmentWriter writer;
  for (;;) {
    TRY(const bool another, reader.next());
    if (!another) return writer;
    writer.add(reader.record());
  }
}

}  // namespace

base::Result<std::vector<const events::UsageRecord*>> UsageAppend::claim(std::span<const events::UsageRecord> records) {
  if (records.empty()) return std::vector<const events::UsageRecord*>();
  TRY_STATUS(choose_segment());
  TRY(const std::int64_t inserted, insert_ids(records));
  if (inserted != static_cast<std::int64_t>(records.size())) return sort_out(records);
  std::vector<const events::UsageRecord*> fresh;
  fresh.reserve(records.size());
  for (const events::UsageRecord& record : records) fresh.push_back(&record);
  return fresh;
}

// The last segment if it may still grow, else the next. One that cannot be read any more is left for a person to see.
base::Status UsageAppend::choose_segment() {
  if (!last_) TRY_STATUS(read_last_segment());
  if (last_->records.count() >= segment_grows_below) *last_ = {.number = last_->number + 1, .records = {}};
  return {};
}

base::Status UsageAppend::read_last_segment() {
  TRY(auto rows, database_.query("SELECT number, count, records FROM usage_segments "
                                 "LEFT JOIN usage_records ON segment = number ORDER BY number DESC LIMIT 1"));
  TRY(const bool found, rows.next());
  const std::int64_t number = found ? rows.take_integer() : 0;
  last_ = {.number = number + 1, .records = {}};
  if (!found || static_cast<std::size_t>(rows.take_integer()) >= segment_grows_below) return {};
  if (auto records = unpacked(rows.borrow_blob())) last_ = {.number = number, .records = std::move(*records)};
  return {};
}

base::Result<std::int64_t> UsageAppend::insert_ids(std::span<const events::UsageRecord> records) {
  const auto ids = sorted_ids(records);
  std::int64_t inserted = 0;
  std::span<const base::Uuid* const> left(ids);
  for (const InsertIds& statement : insert_ids_statements())
    for (; left.size() >= statement.rows; left = left.subspan(statement.rows)) {
      TRY(const std::int64_t changed, database_.run_over(statement.sql, last_->number, left.first(statement.rows)));
      inserted += changed;
    }
  return inserted;
}

// After insert_ids: fresh are the ids that are in this segment now, were not in it before, and come here first.
base::Result<std::vector<const events::UsageRecord*>> UsageAppend::sort_out(
    std::span<const events::UsageRecord> records) {
  std::unordered_set<base::ExchangeId> seen;
  const std::string before = last_->records.bytes();
  TRY(auto reader, SegmentReader::open(before));
  for (;;) {
    TRY(const bool another, reader.next());
    if (!another) break;
    seen.insert(reader.packed().id);
  }
  std::vector<const events::UsageRecord*> fresh;
  for (const events::UsageRecord& record : records) {
    TRY(auto rows, database_.query("SELECT segment FROM usage_ids WHERE id = ?", record.id));
    TRY_STATUS(rows.next());
    if (rows.take_integer() == last_->number && seen.insert(record.id).second) fresh.push_back(&record);
  }
  return fresh;
}

base::Status UsageAppend::write(std::span<const events::UsageRecord* const> fresh) {
  if (fresh.empty()) return {};
  Sums sums;
  for (const events::UsageRecord* const record : fresh) {
    ASSERT(!record->cost.is_negative());
    const SumKey key{.day = day_of(record->started), .places = last_->records.add(*record)};
    if (!add_to(sums[key], {record->outcome, record->usage, record->cost})) return sum_too_large();
  }
  for (const auto& [key, sum] : sums) TRY_STATUS(write_sum(database_, last_->records, key, sum));
  return write_segment();
}

base::Status UsageAppend::write_segment() {
  const SegmentWriter& records = last_->records;
  const std::string digest = records.digest();
  TRY_STATUS(
      database_.run("INSERT INTO usage_segments (number, first_started, last_started, count, digest) "
                    "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE "
                    "SET first_started = ?2, last_started = ?3, count = ?4, digest = ?5",
                    last_->number, records.first_started(), records.last_started(),
                    static_cast<std::int64_t>(records.count()), Blob{digest}));
  const std::string bytes = records.bytes();
  TRY_STATUS(
      database_.run("INSERT INTO usage_records (segment, records) VALUES (?1, ?2) "
                    "ON CONFLICT DO UPDATE SET records = ?2",
                    last_->number, Blob{bytes}));
  return {};
}

}  // namespace store::sqlite
