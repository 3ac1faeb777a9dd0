#pragma once
// What a snapshot is made of, so that the next one shares with it all that did not change.
//
// A Sequence is a row of chunks that copies of it share; a chunk is copied when one of its values is changed, and its
// neighbours never. A Table puts rows into such a sequence: a row keeps its slot for as long as it is there, so that
// others may point to it by number, whichever version of it is in force.
//
// What is shared is never written to: a chunk is changed in place only while this sequence is the only one that has
// it. So the copy that a change is made in is one thread's until it is published, and what it was copied from outlives
// the making.

#include <boost/container/static_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace catalog {

// The number of a row; 32 bits: four thousand million accounts do not fit into a machine's memory.
using Slot = std::uint32_t;
inline constexpr Slot no_slot = UINT32_MAX;

// How much of one thing is the very same memory in another.
struct Sharing {
  std::size_t chunks = 0;
  std::size_t own = 0;  // that the other does not have
  Sharing& operator+=(const Sharing& more) {
    chunks += more.chunks;
    own += more.own;
    return *this;
  }
};

template <class T>
class Sequence {
 public:
  static constexpr std::size_t chunk_size = 256;

  std::size_t size() const { return size_; }
  const T& operator[](std::size_t at) const { return (*chunks_[at / chunk_size])[at % chunk_size]; }
  T& edit(std::size_t at) { return own_chunk(at / chunk_size)[at % chunk_size]; }
  template <class... From>
  T& emplace_back(From&&... from) {
    if (size_ % chunk_size == 0) chunks_.push_back(std::make_shared<Chunk>());
    return own_chunk(size_++ / chunk_size).emplace_back(std::forward<From>(from)...);
  }
  void push_back(T value) { emplace_back(std::move(value)); }
  void pop_back() {
    ASSERT(size_ > 0);
    --size_;
    own_chunk(size_ / chunk_size).pop_back();
    if (size_ % chunk_size == 0) chunks_.pop_back();
  }
  void resize(std::size_t size) {
    while (size_ < size) push_back({});
  }

  Sharing sharing_with(const Sequence& other) const {
    Sharing sharing{.chunks = chunks_.size()};
    for (std::size_t i = 0; i < chunks_.size(); ++i)
      sharing.own += i >= other.chunks_.size() || chunks_[i] != other.chunks_[i];
    return sharing;
  }

 private:
  using Chunk = boost::container::static_vector<T, chunk_size>;

  Chunk& own_chunk(std::size_t at) {
    std::shared_ptr<Chunk>& chunk = chunks_[at];
    if (chunk.use_count() > 1) chunk = std::make_shared<Chunk>(*chunk);
    return *chunk;
  }

  std::vector<std::shared_ptr<Chunk>> chunks_;
  std::size_t size_ = 0;
};

template <class T>
class Table {
 public:
  // Goes through the rows that are there, in the order of their slots.
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    using reference = const T&;
    using pointer = const T*;

    Iterator() = default;
    Iterator(const Table* table, Slot slot) : table_(table), slot_(slot) { skip_holes(); }
    Slot slot() const { return slot_; }
    reference operator*() const { return (*table_)[slot_]; }
    pointer operator->() const { return &(*table_)[slot_]; }
    Iterator& operator++() {
      ++slot_;
      skip_holes();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return slot_ == other.slot_; }

   private:
    void skip_holes() {
      while (slot_ < table_->slots() && !table_->holds(slot_)) ++slot_;
    }
    const Table* table_ = nullptr;
    Slot slot_ = 0;
  };
  using value_type = T;
  using const_iterator = Iterator;
  using iterator = Iterator;

  Table() = default;
  Table(std::initializer_list<T> rows) {
    for (const T& row : rows) push_back(row);
  }
  // NOLINTNEXTLINE(google-explicit-constructor): a list of rows is a table
  Table(const std::vector<T>& rows) {
    for (const T& row : rows) push_back(row);
  }

  // How many rows there are, and how many slots they and the holes between them have.
  std::size_t size() const { return rows_.size() - holes_.size(); }
  bool empty() const { return size() == 0; }
  Slot slots() const { return static_cast<Slot>(rows_.size()); }
  bool holds(Slot slot) const { return slot < rows_.size() && rows_[slot].has_value(); }

  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, slots()}; }
  const T& front() const { return *begin(); }
  // The row in that slot, which holds one.
  const T& operator[](Slot slot) const { return *rows_[slot]; }
  T& edit(Slot slot) { return *rows_.edit(slot); }

  // Puts it where a row was removed, or behind all others.
  Slot put(T row) {
    if (holes_.size() == 0) {
      ASSERT(rows_.size() < no_slot);
      rows_.push_back(std::move(row));
      return slots() - 1;
    }
    const Slot slot = holes_[holes_.size() - 1];
    holes_.pop_back();
    rows_.edit(slot) = std::move(row);
    return slot;
  }
  void push_back(T row) { put(std::move(row)); }
  // One that is filled where it lies, behind all others.
  T& emplace_back() {
    ASSERT(rows_.size() < no_slot);
    return *rows_.emplace_back(std::in_place);
  }
  void remove(Slot slot) {
    ASSERT(holds(slot));
    rows_.edit(slot).reset();
    holes_.push_back(slot);
  }

  Sharing sharing_with(const Table& other) const { return rows_.sharing_with(other.rows_); }
  // The same rows in the same order, whatever holes there are.
  bool operator==(const Table& other) const {
    return size() == other.size() && std::equal(begin(), end(), other.begin());
  }

 private:
  Sequence<std::optional<T>> rows_;
  Sequence<Slot> holes_;
};

}  // namespace catalog
