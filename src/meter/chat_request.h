#pragma once
// The request side of the chat dialect: what a body can cost at most, and the two changes that a policy may make to it.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/request.h"

namespace meter {

// Tokens that a provider may add to what the body says: the frame of the reply, the rendering of tools and of a
// response format. Measured at most some 200 (metering.md 3.3: +81 on the gpt-5 family, 35 to 115 for json_schema).
inline constexpr std::int64_t input_margin_tokens = 256;
// What providers may say before tools or a response format, in a request that has any: instructions of their own.
// Measured beyond the bytes of the whole body: 481 for tools to Llama 4 on Groq, 332 for a schema to Claude, none for
// OpenAI.
inline constexpr std::int64_t instructions_margin_tokens = 1024;
// The dearest image there is: eight 512-pixel tiles on gpt-4o-mini, 2833 + 8 × 5667 (metering.md 3.4).
inline constexpr std::int64_t image_bound_tokens = 2833 + 8 * 5667;

// Reads a POST /v1/chat/completions body (OpenAI API reference, "Create chat completion") with simdjson's DOM parser;
// `body` must have simdjson::SIMDJSON_PADDING readable bytes behind it. Refused with invalid_request, naming the field:
// what is not JSON, a top-level key that comes twice or in other letters (a pricing bypass: the provider may read the
// other one), a wrong type, a number over 64 bits, both output caps at once, and whatever would cost money that this
// dialect cannot bound: web searches, hosted tools, a list of other models, predicted output, files, an earlier audio
// answer, an unknown service tier. Not certain means closed. All other fields pass.
//
// input_bound is bytes of the body + input_margin_tokens + image_bound_tokens for each image (+
// instructions_margin_tokens for each of tools, functions and response_format). A token of a byte-level BPE is at least
// one byte of text, and JSON is never shorter than the text it holds; a message's overhead of three or four tokens is
// less than the letters of its JSON. A duplicate key inside messages cannot lower the bound: the bytes of both count,
// and so does every kind that a content part names. Audio is one token per 100 ms, which any encoding that providers
// take (wav, mp3) spends more bytes on than one.
base::Result<Request> read_chat_request(std::string_view body);
// The same of a body with nothing behind it, which is copied: where speed does not matter.
base::Result<Request> read_copied_chat_request(std::string_view body);

// `body` with the top-level member `key` set to the raw JSON `value`: replaced where it stands, or put first. All
// other bytes stay as they are. `body` must have been accepted by read_chat_request; `key` needs no escaping.
std::string with_member(std::string_view body, std::string_view key, std::string_view value);
// `body` with stream_options.include_usage true; other stream options stay.
std::string with_usage_in_stream(std::string_view body);

}  // namespace meter
