#pragma once
// The query of a request's target, as it came: names and values are not decoded.

#include <string>
#include <string_view>

namespace net {

// The value of the first parameter of this name; empty if there is none. The view is into `target`.
std::string_view query_parameter(std::string_view target, std::string_view name);
// `target` without any parameter of this name.
std::string without_query_parameter(std::string_view target, std::string_view name);

}  // namespace net
