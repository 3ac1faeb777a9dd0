#pragma once
// Gives every distinct value a place: 0, 1, 2 … in the order of their first coming.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
    std::uint32_t& slot = slot_of(key);
    if (slot == 0) {
      values_.emplace_back(key);
      slot = static_cast<std::uint32_t>(values_.size());
    }
    return slot - 1;
  }
  const std::vector<Value>& values() const { return values_; }

 private:
  // The slot that holds the value, or the free one where it belongs.
  template <class Key>
  std::uint32_t& slot_of(const Key& key) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = interner_hash(key) & mask;; at = (at + 1) & mask)
      if (slots_[at] == 0 || interner_equal(values_[slots_[at] - 1], key)) return slots_[at];
  }
  void grow() {
    slots_.assign(slots_.empty() ? 16 : 2 * slots_.size(), 0);
    for (std::uint32_t place = 0; place < values_.size(); ++place) slot_of(values_[place]) = place + 1;
  }

  std::vector<Value> values_;
  std::vector<std::uint32_t> slots_;  // a place plus one; 0 is free
};

}  // namespace store
