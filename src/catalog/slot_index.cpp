#include "catalog/slot_index.h"

#include <algorithm>
#include <bit>

namespace catalog {
namespace {

// A shard has so many entries when there are twice as many shards: small enough to be copied at each change, and large
// enough that a million entries are some thousand shards.
constexpr std::size_t shard_entries_max = 512;
constexpr std::size_t shard_cells_min = 8;

std::size_t cells_for(std::size_t count) { return std::max(shard_cells_min, std::bit_ceil(count + count / 2)); }

}  // namespace

void SlotIndex::Shard::put(Cell cell) {
  if ((count + 1) * 4 > cells.size() * 3) {
    Shard larger(cells.size() * 2);
    for (const Cell& known : cells)
      if (known.slot != no_slot) larger.put(known);
    *this = std::move(larger);
  }
  std::size_t at = first(cell.tag);
  while (cells[at].slot != no_slot) at = next(at);
  cells[at] = cell;
  ++count;
}

SlotIndex::Shard& SlotIndex::own_shard(std::size_t at) {
  std::shared_ptr<Shard>& shard = shards_[at];
  if (shard.use_count() > 1) shard = std::make_shared<Shard>(*shard);
  return *shard;
}

void SlotIndex::insert(std::uint64_t hash, Slot slot) {
  if (shards_.empty()) shards_.push_back(std::make_shared<Shard>(shard_cells_min));
  if (count_ >= shards_.size() * shard_entries_max) split(shards_.size() * 2);
  const std::uint32_t tag = tag_of(hash);
  own_shard(shard_of(tag)).put({tag, slot});
  ++count_;
}

void SlotIndex::erase(std::uint64_t hash, Slot slot) {
  const std::uint32_t tag = tag_of(hash);
  Shard& shard = own_shard(shard_of(tag));
  std::size_t hole = shard.first(tag);
  while (shard.cells[hole].slot != slot || shard.cells[hole].tag != tag) {
    ASSERT(shard.cells[hole].slot != no_slot);
    hole = shard.next(hole);
  }
  // What comes after it moves up, unless it lies before where its own search begins.
  const std::size_t mask = shard.cells.size() - 1;
  for (std::size_t at = shard.next(hole); shard.cells[at].slot != no_slot; at = shard.next(at)) {
    const std::size_t first = shard.first(shard.cells[at].tag);
    if (((at - first) & mask) < ((at - hole) & mask)) continue;
    shard.cells[hole] = shard.cells[at];
    hole = at;
  }
  shard.cells[hole] = {};
  --shard.count;
  --count_;
}

void SlotIndex::reserve(std::size_t count) {
  ASSERT(shards_.empty());
  const std::size_t shards = std::bit_ceil(count / shard_entries_max + 1);
  for (std::size_t i = 0; i < shards; ++i) shards_.push_back(std::make_shared<Shard>(cells_for(count / shards + 1)));
}

void SlotIndex::split(std::size_t shards) {
  const auto before = std::exchange(shards_, {});
  for (std::size_t i = 0; i < shards; ++i) shards_.push_back(std::make_shared<Shard>(cells_for(shard_entries_max)));
  for (const auto& shard : before)
    for (const Cell& cell : shard->cells)
      if (cell.slot != no_slot) shards_[shard_of(cell.tag)]->put(cell);
}

Sharing SlotIndex::sharing_with(const SlotIndex& other) const {
  Sharing sharing{.chunks = shards_.size()};
  for (std::size_t i = 0; i < shards_.size(); ++i)
    sharing.own += shards_.size() != other.shards_.size() || shards_[i] != other.shards_[i];
  return sharing;
}

}  // namespace catalog
