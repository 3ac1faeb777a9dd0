// Any bytes may come as a request body. What is accepted can be changed, is accepted again, and then says what was put
// into it and nothing else that it did not say before.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "meter/chat_request.h"

namespace {

base::Result<meter::Request> read(std::string_view body) {
  const simdjson::padded_string padded(body);
  return meter::read_chat_request(padded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string body(bytes, bytes + size);
  const auto request = read(body);
  if (!request) {
    ASSERT(request.error().type == base::ErrorType::invalid_request);
    return 0;
  }
  ASSERT(request->choices >= 1 && request->choices <= 128);
  ASSERT(request->input_bound > static_cast<std::int64_t>(size));

  // The cap that the request has is lowered; one without a cap gets one.
  const std::string field = request->output_cap ? request->output_cap_path : "max_completion_tokens";
  const auto capped = read(meter::with_member(body, field, "17"));
  // A cap of null in the other field stays null; a body at the limit of fields has no room for one more.
  if (capped) {
    ASSERT(capped->output_cap == 17);
    ASSERT(capped->output_cap_path == field);
    ASSERT(capped->model == request->model);
    ASSERT(capped->choices == request->choices);
    ASSERT(capped->tier == request->tier);
  } else {
    ASSERT(capped.error().message.starts_with("more than"));
  }

  const auto asked = read(meter::with_usage_in_stream(body));
  if (asked) {
    ASSERT(asked->include_usage);
    ASSERT(asked->stream == request->stream);
    ASSERT(asked->output_cap == request->output_cap);
  } else {
    ASSERT(asked.error().message.starts_with("more than"));
  }
  return 0;
}
