#include "net/message_buffer.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using net::BufferHandle;
using net::BufferPool;
using net::MessageBuffer;

namespace {

void fill(MessageBuffer& buffer, std::string_view bytes) {
  REQUIRE(bytes.size() <= buffer.space_left());
  std::memcpy(buffer.space(), bytes.data(), bytes.size());
  buffer.filled(bytes.size());
}

}  // namespace

TEST_CASE("a buffer gives out what was filled in and not consumed") {
  MessageBuffer buffer;
  CHECK(buffer.bytes().empty());
  CHECK(buffer.space_left() == MessageBuffer::capacity);
  fill(buffer, "hello ");
  fill(buffer, "world");
  CHECK(buffer.bytes() == "hello world");
  buffer.consume(6);
  CHECK(buffer.bytes() == "world");
  CHECK(buffer.space_left() == MessageBuffer::capacity - 11);
}

TEST_CASE("compacting keeps what is left and regains the room before it") {
  MessageBuffer buffer;
  fill(buffer, std::string(MessageBuffer::capacity - 3, 'x') + "end");
  CHECK(buffer.space_left() == 0);
  buffer.consume(MessageBuffer::capacity - 3);
  buffer.compact();
  CHECK(buffer.bytes() == "end");
  CHECK(buffer.space_left() == MessageBuffer::capacity - 3);
  buffer.compact();
  CHECK(buffer.bytes() == "end");
  buffer.clear();
  CHECK(buffer.space_left() == MessageBuffer::capacity);
}

TEST_CASE("behind a full buffer there are readable bytes for a parser that reads past its input") {
  MessageBuffer buffer;
  fill(buffer, std::string(MessageBuffer::capacity, 'x'));
  std::memset(buffer.space(), 'p', MessageBuffer::padding);
  CHECK(buffer.bytes().size() == MessageBuffer::capacity);
}

TEST_CASE("a pool gives the block out again that came back last, and empty") {
  BufferPool pool;
  BufferHandle first = pool.take();
  BufferHandle second = pool.take();
  fill(*second, "left over");
  second->fields.push_back({"a", "b"});
  const MessageBuffer* const last = &*second;
  CHECK(&*first != last);
  first.reset();
  CHECK_FALSE(first);
  second.reset();
  BufferHandle third = pool.take();
  CHECK(&*third == last);
  CHECK(third->bytes().empty());
  CHECK(third->fields.empty());
}

TEST_CASE("a handle that is assigned to gives its own block back first") {
  BufferPool pool;
  BufferHandle first = pool.take();
  const MessageBuffer* const block = &*first;
  BufferHandle second = pool.take();
  const MessageBuffer* const other = &*second;
  first = std::move(second);
  CHECK(&*first == other);
  CHECK(&*pool.take() == block);
  BufferHandle& itself = first;
  first = std::move(itself);
  CHECK(&*first == other);
}

TEST_CASE("a pool takes back any number of blocks, and keeps those it may") {
  BufferPool pool;
  std::vector<BufferHandle> many;
  for (int i = 0; i < 300; ++i) many.push_back(pool.take());
  many.clear();
  CHECK(pool.take()->bytes().empty());
}
