#include "store/sqlite/usage_append.h"

#include <algorithm>

#include "base/assert.h"
#include "store/sqlite/usage_fold.h"
#include "store/sqlite/usage_segment.h"

namespace store::sqlite {
namespace {

// Shows every record of a segment.
template <class See>
base::Status for_each_record(SegmentReader& segment, See see) {
  for (;;) {
    TRY(const bool another, segment.next());
    if (!another) return {};
    TRY_STATUS(see(segment));
  }
}

}  // namespace

base::Result<std::vector<const events::UsageRecord*>> UsageAppend::claim(
    std::span<const events::UsageRecord* const> records) {
  std::vector<const events::UsageRecord*> fresh;
  if (records.empty()) return fresh;
  if (!tail_) TRY_STATUS(read_tail());
  fresh.reserve(records.size());
  for (const events::UsageRecord* const record : records) {
    ASSERT(!record->id.is_nil());
    const base::Uuid& id = record->id.uuid;
    const std::size_t known = tail_->ids.values().size();
    if (tail_->ids.place_of(id) < known) continue;
    // Now it stands among the remembered ids, also if it is an old one: both are right.
    if (id <= tail_->complete_above) {
      TRY(const auto segment, find_folded(database_, id));
      if (segment) continue;
    }
    fresh.push_back(record);
  }
  return fresh;
}

base::Status UsageAppend::read_tail() {
  tail_.emplace();
  TRY(const Folded folded, read_folded(database_));
  tail_->complete_above = folded.last_id;
  tail_->number = folded.through + 1;
  std::vector<std::pair<std::int64_t, std::size_t>> segments;
  {
    TRY(auto rows,
        database_.query("SELECT number, count FROM usage_segments WHERE number > ? ORDER BY number", folded.through));
    for (;;) {
      TRY(const bool found, rows.next());
      if (!found) break;
      const std::int64_t number = rows.take_integer();
      segments.emplace_back(number, static_cast<std::size_t>(rows.take_integer()));
    }
  }
  for (const auto& [number, count] : segments) {
    const bool grows = number == segments.back().first && count < sizes_.segment_grows_below;
    tail_->number = grows ? number : number + 1;
    tail_->unfolded += count;
    TRY_STATUS(read_segment(database_, number, [&, grows = grows](SegmentReader& segment) {
      return for_each_record(segment, [&](const SegmentReader& reader) -> base::Status {
        tail_->ids.place_of(reader.packed().id.uuid);
        if (!grows) return base::Status();
        TRY(const auto record, reader.record());
        tail_->segment.add(record);
        return base::Status();
      });
    }));
  }
  return {};
}

base::Status UsageAppend::write(std::span<const events::UsageRecord* const> fresh) {
  if (fresh.empty()) return {};
  for (const events::UsageRecord* const record : fresh) {
    ASSERT(!record->cost.is_negative());
    tail_->segment.add(*record);
  }
  tail_->unfolded += fresh.size();
  TRY_STATUS(write_segment());
  if (tail_->segment.count() >= sizes_.segment_grows_below) {
    ++tail_->number;
    tail_->segment = {};
  }
  return tail_->unfolded >= sizes_.fold_at ? fold_what_is_full() : base::Status();
}

base::Status UsageAppend::write_segment() {
  const SegmentWriter& segment = tail_->segment;
  const std::string digest = segment.digest();
  TRY_STATUS(
      database_.run("INSERT INTO usage_segments (number, first_started, last_started, count, digest) "
                    "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE "
                    "SET first_started = ?2, last_started = ?3, count = ?4, digest = ?5",
                    tail_->number, segment.first_started(), segment.last_started(),
                    static_cast<std::int64_t>(segment.count()), Blob{digest}));
  const std::string bytes = segment.bytes();
  TRY_STATUS(
      database_.run("INSERT INTO usage_records (segment, records) VALUES (?1, ?2) "
                    "ON CONFLICT DO UPDATE SET records = ?2",
                    tail_->number, Blob{bytes}));
  return {};
}

// All but the segment that still grows.
base::Status UsageAppend::fold_what_is_full() {
  TRY(const Folded folded, read_folded(database_));
  const std::int64_t last = tail_->number - 1;
  if (last <= folded.through) return {};
  TRY_STATUS(fold(database_, last, tail_->unfolded));
  tail_->unfolded = tail_->segment.count();
  return tail_->ids.values().size() > 2 * sizes_.remembered_ids ? forget_old_ids() : base::Status();
}

base::Status UsageAppend::forget_old_ids() {
  std::vector<base::Uuid> ids = tail_->ids.values();
  const auto cut = ids.end() - static_cast<std::ptrdiff_t>(sizes_.remembered_ids) - 1;
  std::ranges::nth_element(ids, cut);
  tail_->complete_above = std::max(tail_->complete_above, *cut);
  tail_->ids = {};
  for (auto id = cut + 1; id != ids.end(); ++id) tail_->ids.place_of(*id);
  const std::string growing = tail_->segment.bytes();
  TRY(auto segment, SegmentReader::open(growing));
  return for_each_record(segment, [&](const SegmentReader& reader) -> base::Status {
    tail_->ids.place_of(reader.packed().id.uuid);
    return {};
  });
}

}  // namespace store::sqlite
