#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/price_book.h"

namespace meter {

// What of a POST /v1/chat/completions body decides its cost (OpenAI API reference, "Create chat completion").
struct ChatRequest {
  std::string model;
  bool stream = false;
  bool include_usage = false;                    // stream_options.include_usage as the client sent it
  std::optional<std::int64_t> output_cap;        // the smaller of max_tokens and max_completion_tokens, if any
  std::string output_cap_field;                  // which of the two it was; empty if none
  std::int64_t choices = 1;                      // n, 1 to 128
  std::int64_t input_bound = 0;                  // tokens: an upper bound of what the provider can count as input
  bool audio = false;                            // audio in or asked for: audio prices may apply
  ServiceTier tier = ServiceTier::standard;      // the dearest tier that the request allows
  std::string user;                              // OpenAI's end-user field, or empty
};

// Reads a request body with simdjson's DOM parser; `body` must have simdjson::SIMDJSON_PADDING readable bytes behind
// it. Refused with invalid_request, naming the field: what is not JSON, a duplicate top-level key (a pricing bypass:
// the provider may read the other one), a wrong type, a number over 64 bits, and whatever would cost money that this
// dialect cannot bound yet (web_search_options, a file part, …): not certain means closed.
base::Result<ChatRequest> read_chat_request(std::string_view body);

// `body` with the top-level member `key` set to the raw JSON `value`: replaced where it stands, or put first. All
// other bytes stay as they are. `body` must have been accepted by read_chat_request.
std::string with_member(std::string_view body, std::string_view key, std::string_view value);
// `body` with stream_options.include_usage true; other stream options stay.
std::string with_usage_in_stream(std::string_view body);

}  // namespace meter
