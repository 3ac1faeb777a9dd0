#pragma once

#include <string>
#include <string_view>

#include "admin/message.h"

namespace cli {

// One segment of a path, or a query's name or value, with everything but unreserved characters escaped (RFC 3986).
std::string percent_encoded(std::string_view text);

// The path and query of a request as HTTP sends them: "/api/v1/keys?account=a%20b". The path's '/' stay.
std::string target_of(const admin::Request& request);

}  // namespace cli
