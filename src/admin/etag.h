#pragma once

#include <string>
#include <string_view>

namespace admin {

// What a resource is as the operator set it, as an ETag (RFC 9110 section 8.8.3): it changes when that does, and not
// with what is spent meanwhile. `body`: the resource's JSON. Empty if that is no object.
std::string etag_of(std::string_view body);

// Whether If-Match lets a change pass: it names the tag, or is "*".
bool matches(std::string_view if_match, std::string_view etag);

}  // namespace admin
