#pragma once

#include <string_view>

#include "base/result.h"
#include "catalog/route.h"

namespace catalog {

// Reads "https://host[:port][/path]" into scheme, host, port and base_path; the host becomes lower case, and a '/' at
// the end is dropped. User names, queries and fragments are refused. The error's message goes on from the name of what
// was read: "must begin with https:// or http://".
base::Status parse_base_url(std::string_view text, Upstream& into);

// The request field that caps output at this host: "max_completion_tokens" at OpenAI and Azure, which refuse the old
// name for newer models; "max_tokens" everywhere else.
std::string_view default_output_cap_field(std::string_view host);

}  // namespace catalog
