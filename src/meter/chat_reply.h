#pragma once
// The reply side of the chat dialect: what a provider says that an exchange used.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/sse.h"
#include "meter/usage.h"

namespace meter {

// What a reply of the chat dialect says about itself.
struct ChatReply {
  std::string model;                        // as the provider names it; empty if it does not
  std::optional<Usage> usage;               // nullopt: the reply carries none
  std::optional<std::string> service_tier;  // what was served
  bool is_error = false;                    // an {"error": …} body, or such an event in a stream
};

// A plain 2xx or error body (padded as for read_chat_request). What is not JSON gives an empty ChatReply.
//
// Where the total is larger than input + completion, output is total − input: xAI and Gemini bill reasoning that they
// leave out of completion_tokens (metering.md 1.3, trap 3). A count that is not a whole number, 0 or more, is unknown.
ChatReply read_chat_reply(std::string_view body);

// Reads a chat stream event by event while it is relayed. metering.md 1.2: the usage object may stand in any chunk,
// the last one wins; Groq has x_groq.usage; "usage": null is not usage.
class ChatStreamReader {
 public:
  enum class Verdict : std::uint8_t {
    pass,
    usage_only,  // the chunk that include_usage adds: choices is an empty array and usage an object
  };
  // `data` is the data of one event (without "data: "); not required to be padded. What is not JSON passes.
  Verdict on_event(std::string_view data);

  const ChatReply& reply() const { return reply_; }
  // Chunks that carried output: a lower bound of the output tokens where no usage comes.
  std::int64_t output_chunks() const { return output_chunks_; }
  // An upper bound of the output tokens that have come: a token is at least one byte of what a delta says, and what
  // surrounds a tool call is less than its id. Thinking that a provider bills and does not send is not in it.
  std::int64_t output_bound() const;
  bool done() const { return done_; }  // [DONE] was seen

 private:
  ChatReply reply_;
  std::int64_t output_chunks_ = 0;
  std::int64_t output_bytes_ = 0;
  bool done_ = false;
};

}  // namespace meter
