#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/asio.h"

namespace net {

class Stream;

// The small messages of one turn of a loop, sent at its end. Whoever is asleep on the other side is then woken once for
// all of them instead of once for each, which is worth more than the copy costs (measured: an eighth of an exchange).
// One per loop, used on its thread.
class Outbox {
 public:
  // What is larger is sent at once. Also what a full outbox may hold of one turn before it is sent in the middle of it.
  static constexpr std::size_t message_max = 8 * 1024;
  static constexpr std::size_t messages_max = 32;

  Outbox(asio::io_context& context, const base::Clock& clock) : context_(context), clock_(clock) {}

  // Between the two, sending waits for end_turn(). Outside, a turn of the outbox's own is posted.
  void begin_turn() { turning_ = true; }
  void end_turn();

  // Takes a copy of the parts. Of each stream there is one message at most.
  void add(Stream& stream, std::string_view head, std::string_view body, std::string_view tail);
  // Sends the stream's message now: something else is to be written behind it.
  void send(Stream& stream);

 private:
  struct Message {
    Stream* stream = nullptr;  // nullptr: sent already
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  void send_all();

  asio::io_context& context_;
  const base::Clock& clock_;
  std::vector<Message> messages_;
  std::string bytes_;  // of all messages, one behind the other
  bool turning_ = false;
  bool posted_ = false;
};

}  // namespace net
