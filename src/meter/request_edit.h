#pragma once
// The changes to a request that a policy may make. All other bytes stay as the client sent them.

#include <string>
#include <string_view>

#include "meter/dialect.h"

namespace meter {

// `body` with the member at `path` set to the raw JSON `value`: replaced where it stands, or put first. `path` is
// member names joined by '.' (Request::output_cap_path); what is missing on the way is put in too, and what is no
// object there is replaced by one. `body` must have been accepted by read_request; the names need no escaping.
std::string with_member(std::string_view body, std::string_view path, std::string_view value);
// `body` with stream_options.include_usage true; other stream options stay.
std::string with_usage_in_stream(std::string_view body);
// Whether a stream of this endpoint says what it used only where stream_options.include_usage asks for it: OpenAI's
// chat and completions, and those of all that follow them.
bool asks_for_usage(const Endpoint& endpoint) noexcept;

}  // namespace meter
