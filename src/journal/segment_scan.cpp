#include "journal/segment_scan.h"

#include <algorithm>

namespace journal {

// Numbers only grow: what goes back is a chance hit of the checksum, or a forgery.
std::optional<RecordView> SegmentScan::record_here(std::size_t offset) const {
  for (const auto image : {memory_, second_}) {
    if (word_at(image, offset) == 0) continue;
    const auto record = record_at(image, offset, seed_);
    if (record && (is_data(record->kind) ? record->sequence > last_ : record->sequence >= last_)) return record;
  }
  return std::nullopt;
}

std::optional<SegmentScan::Step> SegmentScan::next() {
  if (sealed_ || ended_) return std::nullopt;
  std::size_t offset = offset_;
  auto record = record_here(offset);
  bool hole = false;
  if (!record) {
    clean_ = word_at(memory_, offset_) == 0;
    const std::size_t end = std::max(memory_.size(), second_.size());
    for (offset += 8; !record && offset + record_header_bytes <= end; offset += 8) record = record_here(offset);
    if (!record) {
      ended_ = true;
      return std::nullopt;
    }
    offset -= 8;  // the loop went one further
    hole = true;
  }
  offset_ = offset + record->bytes;
  // Control records have the number of the one before them.
  hole |= record->sequence != last_ + (is_data(record->kind) ? 1 : 0);
  last_ = record->sequence;
  sealed_ = record->kind == Kind::sealed;
  return Step{.record = *record, .offset = offset, .after_hole = hole};
}

}  // namespace journal
