#include "net/message_buffer.h"

#include <cstring>
#include <utility>

namespace net {

void MessageBuffer::compact() {
  if (begin_ == 0) return;
  std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

BufferHandle& BufferHandle::operator=(BufferHandle&& other) noexcept {
  if (this == &other) return *this;
  reset();
  pool_ = other.pool_;
  buffer_ = std::move(other.buffer_);
  return *this;
}

void BufferHandle::reset() {
  if (!buffer_) return;
  buffer_->clear();
  buffer_->fields.clear();
  if (pool_->free_.size() < BufferPool::kept) pool_->free_.push_back(std::move(buffer_));
  buffer_.reset();
}

BufferHandle BufferPool::take() {
  if (free_.empty()) return BufferHandle(*this, std::make_unique<MessageBuffer>());
  auto buffer = std::move(free_.back());
  free_.pop_back();
  return BufferHandle(*this, std::move(buffer));
}

}  // namespace net
