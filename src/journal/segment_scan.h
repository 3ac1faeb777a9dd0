#pragma once

#include <optional>
#include <span>

#include "journal/format.h"

namespace journal {

// Goes through the records of one segment. It may have two images (Durability::power): each record is taken from the
// one that has it. Behind something that is lost it looks on, at every place where a record may stand.
class SegmentScan {
 public:
  // `second`: empty if there is none. `last`: the number of the last record before this segment, as far as is known.
  // The images outlive the scan.
  SegmentScan(std::span<const std::byte> memory, std::span<const std::byte> second, std::uint32_t seed, Sequence last)
      : memory_(memory), second_(second), seed_(seed), last_(last) {}

  struct Step {
    RecordView record;  // of any kind
    std::size_t offset = 0;
    bool after_hole = false;  // between this one and the one before it something is lost
  };
  // nullopt: no more.
  std::optional<Step> next();

  // After the last step: it was `sealed`; or a zero word stood where the next record would have stood.
  bool sealed() const { return sealed_; }
  bool ends_clean() const { return sealed_ || clean_; }

 private:
  std::optional<RecordView> record_here(std::size_t offset) const;

  std::span<const std::byte> memory_;
  std::span<const std::byte> second_;
  std::uint32_t seed_;
  Sequence last_;
  std::size_t offset_ = records_at;
  bool sealed_ = false;
  bool clean_ = false;
  bool ended_ = false;
};

}  // namespace journal
