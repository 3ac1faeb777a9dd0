#pragma once
// The request side: what a body can cost at most, in every dialect.

#include <string_view>

#include "base/result.h"
#include "meter/dialect.h"
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

// How close the bound of the input is to what the provider will count.
enum class InputBound : std::uint8_t {
  bytes,   // what no text can exceed: a token is at least one byte of it
  counted  // its tokens, where they can be counted; the first that is counted maps the ranks of its encoding
};

// Whether read_request knows this endpoint: what no reader knows costs what nobody can bound.
bool can_read_request(const Endpoint& endpoint) noexcept;

// Reads the body of a POST. JSON is read with simdjson's DOM parser: `body` must have simdjson::SIMDJSON_PADDING
// readable bytes behind it. Audio comes as a multipart form.
//
// Refused with invalid_request, naming the field: what is not JSON, a member that comes twice or in other letters (a
// pricing bypass: the provider may read the other one), a wrong type, a number over 64 bits, two output caps at once,
// and whatever would cost money that cannot be bounded: what a provider's own tools do, other models than the one that
// is priced, an unknown service tier, and every endpoint that is not known. Not certain means closed. All other fields
// pass. What has no size here but must fit into the model's context, such as a file or an earlier turn that the
// provider keeps, is bounded by that (Request::context_passes).
//
// input_bound by bytes is those of the body + input_margin_tokens + image_bound_tokens for each image +
// instructions_margin_tokens for each of tools and schemas. A token of a byte-level BPE is at least one byte of text,
// and JSON is never shorter than the text it holds; a message's overhead of three or four tokens is less than the
// letters of its JSON. A duplicate key inside messages cannot lower the bound: the bytes of both count, and so does
// every kind that a content part names. Audio is one token per 100 ms, which any encoding that providers take (wav,
// mp3) spends more bytes on than one. Counted, it is the smaller of that and the count of input_count.h.
base::Result<Request> read_request(const Endpoint& endpoint, std::string_view body,
                                   InputBound bound = InputBound::bytes);
// The same of a body with nothing behind it, which is copied: where speed does not matter.
base::Result<Request> read_copied_request(const Endpoint& endpoint, std::string_view body,
                                          InputBound bound = InputBound::bytes);

}  // namespace meter
