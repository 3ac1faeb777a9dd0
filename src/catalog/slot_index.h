#pragma once
// From a hash to the slots of the rows that have it. Like the tables it points into, it shares with the index it was
// copied from all that did not change: it lies in shards of some hundred cells, and a change copies one.
//
// A cell has 32 bits of the hash, so that a search hardly ever looks at a row that is not the one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "catalog/table.h"

namespace catalog {

class SlotIndex {
 public:
  // The slot of that hash for which `is(slot)` holds; no_slot: there is none.
  template <class Is>
  Slot find(std::uint64_t hash, const Is& is) const {
    if (count_ == 0) return no_slot;
    const std::uint32_t tag = tag_of(hash);
    const Shard& shard = *shards_[shard_of(tag)];
    for (std::size_t at = shard.first(tag);; at = shard.next(at)) {
      const Cell& cell = shard.cells[at];
      if (cell.slot == no_slot) return no_slot;
      if (cell.tag == tag && is(cell.slot)) return cell.slot;
    }
  }
  // The pair is not there yet.
  void insert(std::uint64_t hash, Slot slot);
  // The pair is there.
  void erase(std::uint64_t hash, Slot slot);
  // Makes room for so many at once, in an index that is empty.
  void reserve(std::size_t count);

  Sharing sharing_with(const SlotIndex& other) const;

 private:
  struct Cell {
    std::uint32_t tag = 0;
    Slot slot = no_slot;  // no_slot: empty
  };
  // A table of its own, searched cell after cell from where the tag says. At least a quarter of it is empty.
  struct Shard {
    explicit Shard(std::size_t cells_count) : cells(cells_count) {}
    std::size_t first(std::uint32_t tag) const { return (tag * 0x9E37'79B1U >> 8) & (cells.size() - 1); }
    std::size_t next(std::size_t at) const { return (at + 1) & (cells.size() - 1); }
    void put(Cell cell);

    std::vector<Cell> cells;  // a power of two
    std::size_t count = 0;
  };

  // Hashes are as good as their source: the ids of tests differ in one byte.
  static std::uint32_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash * 0x9E37'79B9'7F4A'7C15 >> 32);
  }
  std::size_t shard_of(std::uint32_t tag) const { return tag & (shards_.size() - 1); }
  Shard& own_shard(std::size_t at);
  void split(std::size_t shards);

  std::vector<std::shared_ptr<Shard>> shards_;  // a power of two, or none
  std::size_t count_ = 0;
};

}  // namespace catalog
