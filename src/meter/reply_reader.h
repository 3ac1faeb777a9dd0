#pragma once
// Reads what a reply says it used, in any dialect, while its bytes come.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "meter/dialect.h"
#include "meter/reply.h"

namespace meter {

struct ReplyHeader {
  std::string_view name;  // in any case
  std::string_view value;
};

// A reply's head, as far as usage may stand there.
struct ReplyHead {
  int status = 200;
  std::span<const ReplyHeader> headers = {};
};

// What has come of a stream's output, counted without the provider's numbers.
struct Output {
  // Events that carried output: a lower bound of its tokens.
  std::int64_t pieces = 0;
  // An upper bound of its tokens: a token is at least one byte of what an event says, and what surrounds a tool call is
  // less than its id. Thinking that a provider bills and does not send is not in it, until a usage has come that names
  // it.
  std::int64_t tokens_at_most = 0;
  bool ended = false;  // the stream said that no more of it will come
};

// Fed the body's bytes in pieces of any size, and asked at the end. The framing is found in the bytes themselves, for
// providers name it wrongly now and then: JSON, a series of it, server-sent events, or AWS event streams.
//
// Always true: what is read does not depend on where the body was cut; memory is bounded however long the body and its
// events are; a body that is damaged or cut off gives what came before that, and never a wrong number; what costs money
// and is not understood is in Reply::unknown_fields, what contradicts itself in Reply::alarms.
class ReplyReader {
 public:
  // What is needed of the head is copied.
  ReplyReader(Dialect dialect, const ReplyHead& head);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);
  Output output() const;
  // Whether the last feed() brought a chunk that says the usage and nothing else: the one that OpenAI's
  // stream_options.include_usage adds.
  bool is_usage_only() const;
  // At the body's end; nothing is fed after that.
  Reply finish();

 private:
  class Body;
  std::unique_ptr<Body> body_;
};

// A body that is here whole, with simdjson::SIMDJSON_PADDING readable bytes behind it: what ReplyReader would read.
Reply read_reply(Dialect dialect, const ReplyHead& head, std::string_view padded);

}  // namespace meter
