#pragma once
// Gives every distinct value a place: 0, 1, 2 … in the order of their first coming.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/ids.h"
#include "quota/store.h"
#include "store/packed_bytes.h"

namespace store {

inline std::uint64_t interner_hash(std::string_view text) { return hash_of(text); }
inline std::uint64_t interner_hash(const base::Uuid& uuid) {
  return std::hash<base::Uuid>{}(uuid) * 0x9E37'79B9'7F4A'7C15 >> 32;
}
inline std::uint64_t interner_hash(const quota::CounterKey& counter) {
  return interner_hash(counter.limit.uuid) + static_cast<std::uint64_t>(counter.label.ms >> 16);
}

template <class Value, class Key>
bool interner_equal(const Value& value, const Key& key) {
  return value == key;
}
// Of a size that the compiler knows.
inline bool interner_equal(const base::Uuid& a, const base::Uuid& b) {
  return std::memcmp(a.bytes.data(), b.bytes.data(), sizeof a.bytes) == 0;
}
inline bool interner_equal(const quota::CounterKey& a, const quota::CounterKey& b) {
  return a.label == b.label && interner_equal(a.limit.uuid, b.limit.uuid);
}

template <class Value>
class Interner {
 public:
  template <class Key>
  std::uint32_t place_of(const Key& key) {
    if (2 * values_.size() >= slots_.size()) grow();
    const std::uint64_t hash = interner_hash(key);
    std::uint32_t& slot = slot_of(key, hash);
    if (slot == 0) {
      values_.emplace_back(key);
      ASSERT(values_.size() <= place_mask);
      slot = static_cast<std::uint32_t>(values_.size()) | tag_of(hash);
    }
    return (slot & place_mask) - 1;
  }
  const std::vector<Value>& values() const { return values_; }

 private:
  static constexpr std::uint32_t place_mask = 0x00FF'FFFF;
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash) & ~place_mask; }

  // The slot that holds the value, or the free one where it belongs.
  template <class Key>
  std::uint32_t& slot_of(const Key& key, std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    const std::uint32_t tag = tag_of(hash);
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      std::uint32_t& slot = slots_[at];
      if (slot == 0) return slot;
      if ((slot & ~place_mask) == tag && interner_equal(values_[(slot & place_mask) - 1], key)) return slot;
    }
  }
  void grow() {
    slots_.assign(slots_.empty() ? 16 : 2 * slots_.size(), 0);
    for (std::uint32_t place = 0; place < values_.size(); ++place) {
      const std::uint64_t hash = interner_hash(values_[place]);
      slot_of(values_[place], hash) = (place + 1) | tag_of(hash);
    }
  }

  std::vector<Value> values_;
  // 0 is free. Else a place plus one, and above it eight bits of the hash: most values that are others are told apart
  // without a look at them, which is a look at memory that is far away.
  std::vector<std::uint32_t> slots_;
};

}  // namespace store
