#include "net/outbox.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "base/assert.h"
#include "net/stream.h"

namespace net {

void Outbox::add(Stream& stream, std::string_view head, std::string_view body, std::string_view tail) {
  if (messages_.size() == messages_max) send_all();
  messages_.push_back({&stream, bytes_.size(), head.size() + body.size() + tail.size()});
  bytes_.append(head).append(body).append(tail);
  if (turning_ || std::exchange(posted_, true)) return;
  asio::post(context_, [this] {
    posted_ = false;
    send_all();
  });
}

void Outbox::send(Stream& stream) {
  for (Message& message : messages_) {
    if (message.stream != &stream) continue;
    message.stream = nullptr;
    stream.send_posted(std::string_view(bytes_).substr(message.begin, message.size));
    stream.sent_at_ = clock_.now();
    return;
  }
  ASSERT(false);  // asked for a message that is not here
}

void Outbox::end_turn() {
  turning_ = false;
  send_all();
}

void Outbox::send_all() {
  if (messages_.empty()) return;
  // Sending wakes coroutines in turns of their own, so nothing is added or taken here meanwhile.
  for (const Message& message : messages_)
    if (message.stream != nullptr)
      message.stream->send_posted(std::string_view(bytes_).substr(message.begin, message.size));
  const base::Instant now = clock_.now();  // asked once for all of them
  for (const Message& message : messages_)
    if (message.stream != nullptr) message.stream->sent_at_ = now;
  messages_.clear();
  bytes_.clear();
}

}  // namespace net
