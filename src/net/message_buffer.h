#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "net/field.h"

namespace net {

// Where one message is read into: a block of memory and the fields found in it. Blocks are pooled per loop, so that a
// busy connection allocates nothing and an idle one holds none.
class MessageBuffer {
 public:
  static constexpr std::size_t capacity = 16 * 1024;
  // Readable bytes behind every view, so that simdjson may read past a body in place.
  static constexpr std::size_t padding = 64;

  std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  char* space() { return data_.get() + end_; }
  std::size_t space_left() const { return capacity - end_; }
  void filled(std::size_t count) { end_ += count; }
  void consume(std::size_t count) { begin_ += count; }
  void clear() { begin_ = end_ = 0; }
  // Moves what is left to the front, so that the whole capacity can be used. Invalidates views.
  void compact();

  std::vector<Field> fields;

 private:
  std::unique_ptr<char[]> data_ = std::make_unique_for_overwrite<char[]>(capacity + padding);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class BufferPool;

// Gives its buffer back to the pool of its loop when it ends.
class BufferHandle {
 public:
  BufferHandle() = default;
  BufferHandle(BufferPool& pool, std::unique_ptr<MessageBuffer> buffer) : pool_(&pool), buffer_(std::move(buffer)) {}
  BufferHandle(BufferHandle&&) noexcept = default;
  BufferHandle& operator=(BufferHandle&& other) noexcept;
  ~BufferHandle() { reset(); }

  explicit operator bool() const { return buffer_ != nullptr; }
  MessageBuffer& operator*() const { return *buffer_; }
  MessageBuffer* operator->() const { return buffer_.get(); }
  void reset();

 private:
  BufferPool* pool_ = nullptr;
  std::unique_ptr<MessageBuffer> buffer_;
};

// Last in, first out: the block that is still warm in the cache goes out first. One thread.
class BufferPool {
 public:
  BufferHandle take();

 private:
  friend class BufferHandle;
  static constexpr std::size_t kept = 256;  // more are freed: 4 MB a loop at most
  std::vector<std::unique_ptr<MessageBuffer>> free_;
};

}  // namespace net
